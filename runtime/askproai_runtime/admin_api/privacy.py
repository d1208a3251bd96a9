"""Export and erasure of one caller's data. Both are POSTs: so a reader is refused, and no URL in a log has a phone number."""

from datetime import datetime

import asyncpg
import msgspec
import structlog

from askproai_core.http_server import Problem
from askproai_core.phone_numbers import InvalidNumber, to_e164
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.admin_api.desk import DeskBody, ShortText, problems
from askproai_runtime.admin_api.endpoint import Endpoint
from askproai_runtime.admin_api.parameters import bad_request
from askproai_runtime.admin_api.request import ApiRequest
from askproai_runtime.admin_api.roles import Right
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.desk.appointments import DeskBusy
from askproai_runtime.privacy import (
    AppointmentsToCome,
    CallerExport,
    CallGoingOn,
    Erasure,
    ErasureRequest,
    begin_erasure,
    export_caller,
    list_erasures,
)

log = structlog.get_logger(__name__)


class ExportBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of an export: `caller` is the phone number whose data to export, `by` the sender's own name."""

    caller: ShortText
    by: ShortText


class EraseBody(DeskBody, frozen=True, kw_only=True):
    """The body of an erasure: `caller` is the phone number. Future appointments prevent it unless `cancel_appointments`."""

    caller: ShortText
    cancel_appointments: bool = False


class ErasureEntry(msgspec.Struct, frozen=True):
    """One erasure. `evidence` counts the erased or changed rows by table; `waits_for` says why the erasure is not finished."""

    id: str
    state: str
    evidence: dict[str, int]
    waits_for: str | None
    requested_at: datetime
    finished_at: datetime | None


class ErasureAnswer(msgspec.Struct, frozen=True):
    """An erasure after its first pass; a task finishes it. `at_calcom`: uids of remote bookings that keep name and address."""

    erasure: ErasureEntry
    cancelled: int
    at_calcom: list[str]
    zone: str


class ErasureList(msgspec.Struct, frozen=True):
    erasures: list[ErasureEntry]
    zone: str


async def export(request: ApiRequest, body: ExportBody) -> CallerExport:
    request.access.require(Right.ADMINISTER, "export a caller")
    ctx = request.booking()
    number = _number(body.caller, ctx.config())
    with problems():
        return await export_caller(ctx, number, body.by, request.correlation_id)


async def erase(request: ApiRequest, body: EraseBody) -> ErasureAnswer:
    request.access.require(Right.ADMINISTER, "erase a caller")
    ctx = request.booking()
    asked = ErasureRequest(
        body.desk, _number(body.caller, ctx.config()), body.cancel_appointments, request.correlation_id
    )
    with problems():
        try:
            erased = await begin_erasure(ctx, asked)
        except CallGoingOn:
            text = "A call of this number is going on: erase when it has ended"
            raise Problem(409, "Call Going On", text) from None
        except AppointmentsToCome as error:
            count = len(error.appointments)
            how_many, it = (f"{count} appointments", "them") if count > 1 else ("1 appointment", "it")
            text = (
                f"Nothing is erased: the number still has {how_many} to come. cancel_appointments (--cancel-appointments)"
                f" cancels {it}, and then erases; or cancel {it} yourself first"
            )
            raise Problem(409, "Appointments To Come", text) from None
        except (asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError):
            raise DeskBusy from None
    request.api.wake_worker()
    log.info("caller.erasing", erasure=str(erased.erasure.id), cancelled=erased.cancelled)
    return ErasureAnswer(_to_entry(erased.erasure), erased.cancelled, list(erased.remote_bookings), request.zone.key)


async def list_all(request: ApiRequest) -> ErasureList:
    ctx = request.booking()
    with problems():
        found = await list_erasures(ctx.pool, ctx.tenant)
    return ErasureList([_to_entry(each) for each in found], request.zone.key)


def _number(text: str, config: TenantConfig) -> str:
    try:
        return to_e164(text, region_of(config))
    except InvalidNumber as error:
        raise bad_request(f"caller is a phone number, such as +4915112345678: {error}") from error


def _to_entry(erasure: Erasure) -> ErasureEntry:
    return ErasureEntry(
        str(erasure.id), erasure.state, erasure.evidence, erasure.error, erasure.requested_at, erasure.finished_at
    )


ENDPOINTS = (
    Endpoint(
        "POST", "/callers/export", "All that is stored of one caller", CallerExport,
        lambda request, given: export(request, given.body(ExportBody)), body=ExportBody,
    ),
    Endpoint(
        "POST", "/callers/erase", "Erase one caller, here and at Retell", ErasureAnswer,
        lambda request, given: erase(request, given.body(EraseBody)), body=EraseBody,
    ),
    Endpoint(
        "GET", "/erasures", "Erasures of callers, newest first", ErasureList, lambda request, _: list_all(request)
    ),
)  # fmt: skip
