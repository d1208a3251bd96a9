"""Endpoints that list notifications, redrive dead ones, and keep the addresses that get no reminders."""

from datetime import datetime
from uuid import UUID

import msgspec
import structlog

from askproai_core.http_server import Problem
from askproai_core.phone_numbers import InvalidNumber, to_e164
from askproai_runtime.admin_api.desk import ChangeObstacle, DeskBody, in_place_of_call, request_used
from askproai_runtime.admin_api.endpoint import Endpoint
from askproai_runtime.admin_api.parameters import PAGE, Paging, Param, next_cursor
from askproai_runtime.admin_api.request import ApiRequest
from askproai_runtime.admin_api.roles import Right
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.notifications.recipients import real_email
from askproai_runtime.notifications.store.notifications import list_notifications, redrive_notifications
from askproai_runtime.notifications.store.opt_outs import list_opt_outs, set_opt_out
from askproai_runtime.notifications.types import State

log = structlog.get_logger(__name__)

_MAX_REDRIVEN = 1000


class NotificationEntry(msgspec.Struct, frozen=True):
    """One notification, without the address to which it is sent. `due_at` is the time of its next attempt."""

    id: str
    kind: str
    recipient: str
    channel: str
    state: State
    attempts: int
    error: str | None
    created_at: datetime
    due_at: datetime
    finished_at: datetime | None
    appointment_id: str | None
    correlation_id: str


class NotificationPage(msgspec.Struct, frozen=True):
    notifications: list[NotificationEntry]
    next: str | None
    zone: str


class RedrivenNotifications(msgspec.Struct, frozen=True):
    redriven: list[str]


class OptOutBody(DeskBody, frozen=True):
    """An e-mail address or telephone number whose reminders end, or begin again with `reminders: true`."""

    address: str
    reminders: bool = False


class OptOut(msgspec.Struct, frozen=True):
    address: str
    reminders: bool


class OptOutEntry(msgspec.Struct, frozen=True):
    """An e-mail address or number that gets no reminders, and since when. For a reader the address is `…`."""

    address: str
    since: datetime
    changed_by: str


class OptOutList(msgspec.Struct, frozen=True):
    opt_outs: list[OptOutEntry]
    zone: str


async def list_page(request: ApiRequest, paging: Paging, state: str | None = None) -> NotificationPage:
    after, limit = paging.after(datetime, UUID), paging.limit
    rows = await list_notifications(request.process.pool, request.process.tenant, state=state, after=after, limit=limit)
    entries = [msgspec.convert(dict(row), NotificationEntry) for row in rows]
    following = next_cursor(entries[-1].created_at, entries[-1].id) if len(entries) == limit else None
    return NotificationPage(entries, following, request.zone.key)


async def redrive(request: ApiRequest, notification_id: str, request_id: UUID | None) -> RedrivenNotifications:
    """Redrive a dead notification. A request repeated with the same `request_id` redrives nothing more."""
    request.access.require(Right.REDRIVE, "send a notification again")
    try:
        only = UUID(notification_id)
    except ValueError:
        raise _not_dead() from None
    result = await _redrive(request, only, request_id)
    if str(only) not in result.redriven:
        raise request_used() if result.redriven else _not_dead()
    return result


async def redrive_all(request: ApiRequest, request_id: UUID | None) -> RedrivenNotifications:
    request.access.require(Right.ADMINISTER, "send all notifications again")
    return await _redrive(request, None, request_id)


async def list_without_reminders(request: ApiRequest) -> OptOutList:
    await request.record_list("/reminder-opt-outs")
    rows = await list_opt_outs(request.process.pool, request.process.tenant, _MAX_REDRIVEN)
    return OptOutList(
        [OptOutEntry(request.hide(row["address"]), row["since"], row["changed_by"]) for row in rows],
        request.zone.key,
    )


async def opt_out(request: ApiRequest, body: OptOutBody) -> OptOut:
    """Stop or resume the reminders to an address, including those for its future appointments. Safe to repeat."""
    request.access.require(Right.ADMINISTER, "stop reminders")
    address = _parse_address(body.address, region_of(request.config))
    await set_opt_out(
        request.process.pool, request.process.tenant, address, wants_none=not body.reminders, changed_by=body.by,
        request_id=body.request_id, correlation_id=request.correlation_id,
    )  # fmt: skip
    return OptOut(address, body.reminders)


async def _redrive(request: ApiRequest, only: UUID | None, request_id: UUID | None) -> RedrivenNotifications:
    redriven = await redrive_notifications(
        request.process.pool, request.process.tenant, only, _MAX_REDRIVEN, request.correlation_id, request.claimed_by,
        in_place_of_call(request_id),
    )  # fmt: skip
    log.warning("notification.redriven", count=len(redriven))
    return RedrivenNotifications(redriven)


def _parse_address(text: str, region: str) -> str:
    """Return an e-mail address in lower case, or a number in E.164. Raises `Problem` 400 for any other text."""
    if email := real_email(text.strip()):
        return email.lower()
    try:
        return to_e164(text, region)
    except InvalidNumber:
        raise Problem(400, "Bad Request", f"{text!r} is neither an e-mail address nor a telephone number") from None


def _not_dead() -> Problem:
    text = "There is no dead notification of this id; `askproai notifications list --state dead` lists them"
    return Problem(404, "Not Found", text, members=ChangeObstacle.NOT_DEAD.members)


ENDPOINTS = (
    Endpoint(
        "GET", "/notifications", "Mails and messages, newest first", NotificationPage,
        lambda request, given: list_page(request, given.paging(), given.choice("state")),
        (Param("state", "Only these", tuple(State)), *PAGE),
    ),
    Endpoint(
        "POST", "/notifications/{id}/redrive", "Send a dead one again, with all its attempts", RedrivenNotifications,
        lambda request, given: redrive(request, given.path["id"], given.request_id()),
    ),
    Endpoint(
        "POST", "/notifications/redrive", f"Send all dead ones again, {_MAX_REDRIVEN} at a time", RedrivenNotifications,
        lambda request, given: redrive_all(request, given.request_id()),
    ),
    Endpoint(
        "GET", "/reminder-opt-outs", "Who wants no reminders", OptOutList, lambda request, _: list_without_reminders(request)
    ),
    Endpoint(
        "POST", "/reminder-opt-outs", "Stop somebody's reminders, or begin them again", OptOut,
        lambda request, given: opt_out(request, given.body(OptOutBody)), body=OptOutBody,
    ),
)  # fmt: skip
