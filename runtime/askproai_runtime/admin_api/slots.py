"""The endpoint for the free starts of a day, and for the reason why a day has none."""

from datetime import date, datetime, time, timedelta

import msgspec

from askproai_core.http_server import Problem
from askproai_core.tenant_config import Weekday
from askproai_runtime.admin_api.endpoint import Endpoint
from askproai_runtime.admin_api.parameters import Param
from askproai_runtime.admin_api.request import ApiRequest
from askproai_runtime.availability.opening_hours import find_closure
from askproai_runtime.availability.slots import ServiceRules, Span
from askproai_runtime.book.context import Basis, BookingContext
from askproai_runtime.book.free_days import list_free_slots
from askproai_runtime.desk.blocks import list_blocks_of_span
from askproai_runtime.language.names import UnknownName, find_rules


class FreeSlot(msgspec.Struct, frozen=True):
    start: datetime
    end: datetime
    staff: str


class SlotList(msgspec.Struct, frozen=True):
    """The free slots of a day. `basis` is `calendar` if the remote calendar also has these slots free, as read at `read_at`, else
    `own_book`. If there is no slot, `basis` is `calendar` if the remote calendar's free times of the whole day are known.

    `closed` says why the whole day cannot be booked, such as a holiday's name. If a day has no slot, it may name the blocked
    staff members. Otherwise it is null.
    """

    slots: list[FreeSlot]
    zone: str
    basis: Basis
    read_at: datetime | None
    closed: str | None


async def list_day(request: ApiRequest, branch: str, service: str, day: date) -> SlotList:
    booking = request.booking()
    try:
        rules = find_rules(booking.config(), branch, service)
    except UnknownName as error:
        raise Problem(404, "Not Found", str(error)) from None
    free = await list_free_slots(booking, rules, day, request.correlation_id)
    zone = request.zone
    slots = [request.entry(FreeSlot, slot) for slot in free.slots]
    closed = _explain_closed(free.rules, day, booking.clock.now().astimezone(zone).date())
    if closed is None and not free.rules.staff_members and free.refused:
        closed = f"the remote calendar does not have the event types of {', '.join(sorted(free.refused))}: see CalendarLinked"
    if closed is None and not slots:
        closed = await _explain_blocked(booking, free.rules, day)
    return SlotList(slots, zone.key, free.basis, free.read_at and free.read_at.astimezone(zone), closed)


async def _explain_blocked(booking: BookingContext, rules: ServiceRules, day: date) -> str | None:
    """Return a sentence that names the service's staff members who are blocked for a part of a local day; None if nobody is."""
    start, end = (datetime.combine(day + timedelta(days=more), time(), rules.zone) for more in (0, 1))
    blocks = await list_blocks_of_span(booking, Span(start, end))
    blocked = {entry for block in blocks for entry in block.staff}
    names = [each.id for each in rules.staff_members if f"{rules.branch.name}/{each.id}" in blocked]
    return f"blocked on it, or for a part of it (`askproai blocks list`): {', '.join(names)}" if names else None


def _explain_closed(rules: ServiceRules, day: date, today: date) -> str | None:
    """Return why the whole branch can book nothing on a local day, such as a holiday; None if it can. Ignores absences."""
    branch, service = rules.branch, rules.service
    if day < today:
        return "the day is over"
    if day > today + timedelta(days=service.booking_horizon_days):
        return f"it is more than {service.booking_horizon_days} days ahead (bookingHorizonDays)"
    if (holiday := find_closure(branch, day)) is not None:
        return holiday or "the day is in holidays.closed"
    if not any(list(Weekday)[day.weekday()] in hours.days for hours in branch.opening_hours):
        return f"openingHours has no {list(Weekday)[day.weekday()].value}"
    return None


_PARAMS = (
    Param("branch", "Name of the branch", required=True),
    Param("service", "Name of the service, or of several in one visit, as `a+b`", required=True),
    Param("date", "The day", required=True),
)
ENDPOINTS = (
    Endpoint(
        "GET", "/slots", "What is free on a day, one entry for each person", SlotList,
        lambda request, given: list_day(
            request, given.text("branch") or "", given.text("service") or "", given.day("date")
        ),
        _PARAMS,
    ),
)  # fmt: skip
