"""Endpoints of the desk for appointments. Filters take the id or name of a branch or person, even if no longer declared."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import structlog

from askproai_core.http_server import Problem
from askproai_core.tenant_config import Branch, TenantConfig
from askproai_runtime.admin_api.appointment_entry import (
    PERSONAL,
    AppointmentEntry,
    Change,
    answer_change,
    require_start,
    to_entry,
)
from askproai_runtime.admin_api.change_sentences import say_moved
from askproai_runtime.admin_api.desk import (
    ChangeObstacle,
    DeskBody,
    Reason,
    ShortText,
    only,
    parse_id,
    parse_id_range,
    problems,
)
from askproai_runtime.admin_api.endpoint import Endpoint
from askproai_runtime.admin_api.parameters import PAGE, Paging, Param, Parameters, next_cursor
from askproai_runtime.admin_api.refused_change import refuse_move
from askproai_runtime.admin_api.request import ApiRequest
from askproai_runtime.admin_api.roles import Right
from askproai_runtime.admin_api.store.events import AppointmentFilter
from askproai_runtime.book.appointments import Appointment, Status
from askproai_runtime.book.context import BookingContext
from askproai_runtime.desk.appointments import (
    CalendarState,
    calendar_state,
    cancel_for_desk,
    find_by_id,
    move_for_desk,
    parse_start_for_desk,
)
from askproai_runtime.desk.attendance import mark_attendance
from askproai_runtime.desk.outcomes import NotDone
from askproai_runtime.language.names import UnknownName, list_named_staff
from askproai_runtime.notifications.recipients import real_email
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import say

log = structlog.get_logger(__name__)


class AppointmentPage(msgspec.Struct, frozen=True):
    """One page of appointments. `zone` is the tenant's time zone, such as Europe/Berlin. `total` is the number of appointments
    on all pages, or a lower bound if `at_least` is true; it is null on every page but the first.
    """

    appointments: list[AppointmentEntry]
    next: str | None
    zone: str
    total: int | None = None
    at_least: bool = False


class AppointmentDetail(msgspec.Struct, frozen=True):
    """One appointment, its customer's phone and e-mail address, its notes and the reason of its cancellation, which may be an
    illness: all `…` for a reader. `email` is null if no address is known. `calendar` says whether the remote calendar has
    the last change.
    """

    appointment: AppointmentEntry
    phone: str | None
    email: str | None
    notes: str | None
    cancel_reason: str | None
    calendar: CalendarState
    zone: str


class Cancellation(DeskBody, frozen=True, kw_only=True):
    """A cancellation. `reason` is sent to the remote calendar, which shows it to the customer."""

    reason: Reason | None = None


class Move(DeskBody, frozen=True, kw_only=True):
    """A move to another start, a whole minute with an offset. Without `staff` the staff member stays the same."""

    start: datetime
    staff: ShortText | None = None


class Attendance(DeskBody, frozen=True, kw_only=True):
    """The attendance to record: `no_show` true means that the customer did not come, false removes this mark."""

    no_show: bool


class NewStart(msgspec.Struct, frozen=True):
    """The new start of an appointment, understood from a text and the working hours of its staff member."""

    start: datetime
    zone: str


async def _list(request: ApiRequest, given: Parameters) -> AppointmentPage:
    start, end, status = given.instant("from"), given.instant("to", is_end=True), given.choice("status")
    branch, staff = given.text("branch"), given.text("staff")
    return await list_page(request, given.paging(), start, end, branch=branch, staff=staff, status=status)


async def list_page(
    request: ApiRequest, paging: Paging, start: datetime | None, end: datetime | None, *,
    branch: str | None = None, staff: str | None = None, status: str | None = None,
) -> AppointmentPage:  # fmt: skip
    """Return a page of the appointments that start at or after `start` and before `end`. `branch` and `staff` are names or ids."""
    await request.record_list("/appointments")
    limit, after, store = paging.limit, paging.after(datetime, UUID), request.api.store
    branches, people = await _resolve_names(request, branch, staff)
    wanted = AppointmentFilter(start, end, branches, people, status)
    rows = await store.list_appointments(wanted, after=after, limit=limit)
    entries = [request.entry(AppointmentEntry, row, PERSONAL) for row in rows]
    if len(entries) < limit:
        return AppointmentPage(entries, None, request.zone.key, len(entries) if after is None else None)
    total, at_least = await store.count_appointments(wanted) if after is None else (None, False)
    following = next_cursor(entries[-1].start, entries[-1].id)
    return AppointmentPage(entries, following, request.zone.key, total, at_least=at_least)


async def _resolve_names(
    request: ApiRequest, branch: str | None, staff: str | None
) -> tuple[Sequence[str] | None, Sequence[str] | None]:
    """Return the branches and the staff ids that two names mean; None means no filter. Raises `Problem` 404 for an unknown
    name: an empty list would suggest that the person has no appointments.
    """
    if branch is None and staff is None:
        return None, None
    config, places = request.config, await request.api.store.list_places()
    with problems():
        branches = None if branch is None else _find_branches(config, branch, {place for place, _ in places})
        known = {member for place, member in places if branches is None or place in branches}
        return branches, None if staff is None else find_staff(config, staff, branches, known)


async def show(request: ApiRequest, beginning: str) -> AppointmentDetail:
    """Return the appointment whose id begins with `beginning`. Raises `Problem` 404 if no id does, 409 if several do."""
    booking = request.booking()
    appointment = await _find(booking, beginning)
    state = await calendar_state(booking, appointment)
    phone = request.hide(appointment.phone or appointment.caller)
    reason = request.hide(appointment.cancel_reason) if appointment.status == Status.CANCELLED else None
    email, notes = request.hide(real_email(appointment.attendee_email)), request.hide(appointment.notes)
    return AppointmentDetail(to_entry(appointment, request), phone, email, notes, reason, state, request.zone.key)


async def new_start(request: ApiRequest, beginning: str, text: str, staff: str | None) -> NewStart:
    """Return the new start that a text means, by the working hours of `staff`, or else of the appointment's staff member."""
    booking = request.booking()
    appointment = await _find(booking, beginning)
    with problems():
        start = parse_start_for_desk(booking, appointment, text, staff)
    return NewStart(start.astimezone(request.zone), request.zone.key)


async def cancel(request: ApiRequest, appointment_id: UUID, body: Cancellation) -> Change:
    request.access.require(Right.CANCEL, "cancel an appointment")
    booking = request.booking()
    with problems():
        appointment = await cancel_for_desk(
            booking, body.desk, appointment_id, body.reason or None, request.correlation_id
        )
    if appointment is None:
        raise _not_found()
    if appointment.status != Status.CANCELLED:
        begun = appointment.starts_at <= booking.clock.now()
        gone, back = (
            "It has begun or is over, so that it cannot be cancelled any more",
            "It was cancelled, and the remote calendar has brought it back: send a new request_id to cancel it again",
        )
        obstacle = ChangeObstacle.BEGUN if begun else ChangeObstacle.BROUGHT_BACK
        raise Problem(409, "Not Cancelled", gone if begun else back, members=obstacle.members)
    return await answer_change(request, booking, appointment, "Der Termin ist abgesagt.")


async def move(request: ApiRequest, appointment_id: UUID, body: Move) -> Change:
    request.access.require(Right.MOVE, "move an appointment")
    booking, start = request.booking(), require_start(body.start)
    with problems():
        outcome = await move_for_desk(booking, body.desk, appointment_id, start, body.staff, request.correlation_id)
    found = await find_by_id(booking, appointment_id, appointment_id)
    if outcome is None or not found:
        raise _not_found()
    if isinstance(outcome, NotDone):
        raise refuse_move(outcome, request.zone)
    return await answer_change(request, booking, found[0], say_moved(booking, outcome))


async def mark(request: ApiRequest, appointment_id: UUID, body: Attendance) -> Change:
    request.access.require(Right.MARK, "mark who did not come")
    booking = request.booking()
    with problems():
        appointment = await mark_attendance(booking, body.desk, appointment_id, no_show=body.no_show)
    if appointment is None:
        raise _not_found()
    message = say().marked_absent if appointment.status == Status.NO_SHOW else say().marked_present
    return await answer_change(request, booking, appointment, message)


async def _find(booking: BookingContext, beginning: str) -> Appointment:
    """Return the only appointment whose id begins with `beginning`. Raises `Problem` 404 if no id does, 409 if several do."""
    found = only(await find_by_id(booking, *parse_id_range(beginning)))
    if found is None:
        raise _not_found()
    return found


def _not_found() -> Problem:
    text = "There is no such appointment; `askproai appointments list` lists them"
    return Problem(404, "Not Found", text, members=ChangeObstacle.NOT_FOUND.members)


_FILTERS = (
    Param("from", "Starts then or later; a day or a local time"),
    Param("to", "Starts before then; a day is included"),
    Param("branch", "Only in this branch: name or display name"),
    Param("staff", "Only with this person: id or name; also who has left"),
    Param("status", "Only these", tuple(Status)),
)
_NEW_START = (
    Param("text", "German words such as Freitag um halb drei, or ISO 8601", required=True),
    Param("staff", "Who is to have it; the person stays when absent"),
)


def _find_branches(config: TenantConfig, name: str, of_appointments: Iterable[str]) -> Sequence[str]:
    """Return the names of the branches with this name or display name. Raises `UnknownName`, whose text lists known branches."""
    named = {branch.name for branch in config.branches if fold(name) in {fold(branch.name), fold(branch.display_name)}}
    return _require_known(name, "branch", named, {branch.name for branch in config.branches}, of_appointments)


def find_staff(
    config: TenantConfig, name: str, branches: Collection[str] | None, of_appointments: Iterable[str]
) -> Sequence[str]:
    """Return the ids of all staff members with this id or name: one person has an id in each branch. Raises `UnknownName`.

    Searches only `branches`, or all branches if None.
    """
    places: list[Branch] = [place for place in config.branches if branches is None or place.name in branches]
    members = [member for place in places for member in place.staff]
    named = list_named_staff(name, members, by_id=True)
    people = {member.resource_ids[0] for member in named if member.resource_ids}
    same = {member.id for member in members if member.resource_ids and member.resource_ids[0] in people}
    ids = {member.id for member in named} | same
    return _require_known(name, "staff member", ids, {member.id for member in members}, of_appointments)


def _require_known(
    name: str, what: str, named: Collection[str], declared: Collection[str], of_appointments: Iterable[str]
) -> Sequence[str]:
    former = set(of_appointments)
    found = {*named, *(each for each in former if fold(each) == fold(name))}
    if not found:
        known = ", ".join(sorted(former.union(declared)))
        raise UnknownName(f"There is no {what} {name!r}; there are: {known or 'none'}")
    return sorted(found)


ENDPOINTS = (
    Endpoint(
        "GET", "/appointments", "Appointments by start", AppointmentPage, _list, (*_FILTERS, *PAGE),
    ),
    Endpoint(
        "GET", "/appointments/{id}", "One appointment, by the beginning of its id", AppointmentDetail,
        lambda request, given: show(request, given.path["id"]),
    ),
    Endpoint(
        "POST", "/appointments/{id}/cancel", "Cancel an appointment", Change,
        lambda request, given: cancel(request, parse_id(given.path["id"]), given.body(Cancellation)), body=Cancellation,
    ),
    Endpoint(
        "GET", "/appointments/{id}/new-start", "The start that a text names for a move", NewStart,
        lambda request, given: new_start(request, given.path["id"], given.text("text") or "", given.text("staff")), _NEW_START,
    ),
    Endpoint(
        "POST", "/appointments/{id}/move", "Move an appointment", Change,
        lambda request, given: move(request, parse_id(given.path["id"]), given.body(Move)), body=Move,
    ),
    Endpoint(
        "POST", "/appointments/{id}/attendance", "Mark who did not come", Change,
        lambda request, given: mark(request, parse_id(given.path["id"]), given.body(Attendance)), body=Attendance,
    ),
)  # fmt: skip
