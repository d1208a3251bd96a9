"""The endpoint that lists the differences between our book and the remote calendar, as the workers' audit found them."""

from datetime import datetime

import msgspec

from askproai_core.audit_state import DifferenceSort
from askproai_runtime.admin_api.endpoint import Endpoint
from askproai_runtime.admin_api.request import ApiRequest
from askproai_runtime.calendar_sync.store import count_waiting, read_audit


class DifferenceEntry(msgspec.Struct, frozen=True):
    """One difference, since when it is known, and how to resolve it. `here` is the start in our book, `there` that in the
    remote calendar.

    `others` are the ids of further appointments involved, `other_uid` is a further booking. For a reader the uids are `…`:
    anybody with the id of a booking in the remote calendar can see and cancel it there.
    """

    sort: DifferenceSort
    since: datetime
    appointment: str | None
    event_type: int
    here: datetime | None
    there: datetime | None
    uid: str | None
    other_uid: str | None
    others: list[str]
    reason: str


class DifferenceList(msgspec.Struct, frozen=True):
    """The differences, and how current they are.

    `compared_at` is the end of the last full round (null before the first one), `looked_at` the last comparison of a part of
    the appointments. `local`: the calendar is our own book alone, so that there is nothing to compare. `waiting`: the number of
    appointments whose change the remote calendar lacks so far; they are no differences.
    """

    differences: list[DifferenceEntry]
    compared_at: datetime | None
    looked_at: datetime | None
    zone: str
    local: bool
    waiting: int


async def list_all(request: ApiRequest) -> DifferenceList:
    context = request.booking()
    state, looked_at = await read_audit(context.pool, context.tenant)
    found = sorted(state.differences, key=lambda each: each.since)
    entries = [request.entry(DifferenceEntry, each, {"uid", "other_uid"}) for each in found]
    instants = _local(state.compared_at, request), _local(looked_at, request)
    waiting = await count_waiting(context.pool, context.tenant)
    return DifferenceList(entries, *instants, request.zone.key, not context.calendar.remote, waiting)


def _local(instant: datetime | None, request: ApiRequest) -> datetime | None:
    return instant.astimezone(request.zone) if instant else None


ENDPOINTS = (
    Endpoint(
        "GET", "/calendar/differences", "Where our book and the remote calendar differ, the oldest first", DifferenceList,
        lambda request, _: list_all(request),
    ),
)  # fmt: skip
