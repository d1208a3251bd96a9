"""Appointments, and changes of one for the desk."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog

from askproai_core.http_server import Problem
from askproai_runtime.admin_api.appointment_entry import (
    AppointmentEntry,
    Change,
    answer_change,
    require_start,
    to_entry,
)
from askproai_runtime.admin_api.desk import (
    ChangeObstacle,
    DeskBody,
    Reason,
    ShortText,
    ambiguous,
    parse_id,
    parse_id_range,
    problems,
)
from askproai_runtime.admin_api.endpoint import PAGE, ApiRequest, Endpoint, Param, next_cursor
from askproai_runtime.admin_api.filters import find_branches, find_staff
from askproai_runtime.admin_api.refused_change import refuse_move
from askproai_runtime.admin_api.roles import Right
from askproai_runtime.admin_api.store import AdminApiStore, AppointmentFilter
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
from askproai_runtime.notifications.recipients import real_email

log = structlog.get_logger(__name__)


class AppointmentPage(msgspec.Struct, frozen=True):
    """`zone` is the tenant's time zone, such as Europe/Berlin: an offset alone does not name it. `total` is how many there are on
    all pages, or with `at_least` a number that they reach; null on any but the first.
    """

    appointments: list[AppointmentEntry]
    next: str | None
    zone: str
    total: int | None = None
    at_least: bool = False


class AppointmentDetail(msgspec.Struct, frozen=True):
    """One appointment, how its customer can be reached, what was noted of it, and why it was cancelled: all `…` to a reader, since
    a reason may be an illness. `email` is null if the customer named none. `calendar`: whether Cal.com knows its last change.
    """

    appointment: AppointmentEntry
    phone: str | None
    email: str | None
    notes: str | None
    cancel_reason: str | None
    calendar: CalendarState
    zone: str


class Cancellation(DeskBody, frozen=True, kw_only=True):
    """`reason` goes to Cal.com, which shows it to the customer."""

    reason: Reason | None = None


class Move(DeskBody, frozen=True, kw_only=True):
    """`start` is a whole minute with an offset; without `staff` the person stays."""

    start: datetime
    staff: ShortText | None = None


class Attendance(DeskBody, frozen=True, kw_only=True):
    """`no_show`: the customer did not come; false takes that back."""

    no_show: bool


class NewStart(msgspec.Struct, frozen=True):
    """The meaning of a text as the new start of an appointment, by the working hours of its person."""

    start: datetime
    zone: str


class Appointments:
    """The endpoints of one tenant's appointments. `wake_worker` is called after a change and returns at once."""

    def __init__(
        self, store: AdminApiStore, booking: Callable[[], BookingContext], wake_worker: Callable[[], None]
    ) -> None:
        self._store, self._booking, self._wake_worker = store, booking, wake_worker

    def endpoints(self) -> tuple[Endpoint, ...]:
        filters = (
            Param("from", "Starts then or later; a day or a local time"),
            Param("to", "Starts before then; a day is included"),
            Param("branch", "Only in this branch: name or display name"),
            Param("staff", "Only with this person: id or name; also who has left"),
            Param("status", "Only these", tuple(Status)),
        )
        new_start_params = (
            Param("text", "German words such as Freitag um halb drei, or ISO 8601", required=True),
            Param("staff", "Who is to have it; the person stays when absent"),
        )
        return (
            Endpoint(
                "GET", "/appointments", "Appointments by start", AppointmentPage, self.list_page, (*filters, *PAGE)
            ),
            Endpoint(
                "GET", "/appointments/{id}", "One appointment, by the beginning of its id", AppointmentDetail, self.show
            ),
            Endpoint(
                "POST",
                "/appointments/{id}/cancel",
                "Cancel an appointment",
                Change,
                self.cancel,
                body=Cancellation,
                right=Right.CANCEL,
            ),
            Endpoint(
                "GET",
                "/appointments/{id}/new-start",
                "The start that a text names for a move",
                NewStart,
                self.new_start,
                new_start_params,
            ),
            Endpoint(
                "POST", "/appointments/{id}/move", "Move an appointment", Change, self.move, body=Move, right=Right.MOVE
            ),
            Endpoint(
                "POST",
                "/appointments/{id}/attendance",
                "Mark who did not come",
                Change,
                self.mark,
                body=Attendance,
                right=Right.MARK,
            ),
        )

    async def list_page(self, request: ApiRequest) -> AppointmentPage:
        limit, after = request.limit(), request.cursor(datetime, UUID)
        start, end, status = request.instant("from"), request.instant("to", is_end=True), request.choice("status")
        branches, staff = await self._resolve_names(request.text("branch"), request.text("staff"))
        wanted = AppointmentFilter(start, end, branches, staff, status)
        rows = await self._store.list_appointments(wanted, after=after, limit=limit)
        entries = [_row_to_entry(dict(row), request) for row in rows]
        if len(entries) < limit:
            return AppointmentPage(entries, None, request.zone.key, len(entries) if after is None else None)
        total, at_least = await self._store.count_appointments(wanted) if after is None else (None, False)
        following = next_cursor(entries[-1].start, entries[-1].id)
        return AppointmentPage(entries, following, request.zone.key, total, at_least=at_least)

    async def _resolve_names(
        self, branch: str | None, staff: str | None
    ) -> tuple[Sequence[str] | None, Sequence[str] | None]:
        """Return the branches and the staff ids that two names mean, None for all. Raises `Problem` 404 for an unknown name:
        an empty list would say that nobody is booked with the person.
        """
        if branch is None and staff is None:
            return None, None
        config, places = self._booking().config(), await self._store.list_places()
        with problems():
            branches = None if branch is None else find_branches(config, branch, {place for place, _ in places})
            known = {member for place, member in places if branches is None or place in branches}
            return branches, None if staff is None else find_staff(config, staff, branches, known)

    async def show(self, request: ApiRequest) -> AppointmentDetail:
        booking = self._booking()
        appointment = await _find(booking, request)
        state = await calendar_state(booking, appointment)
        phone = request.hide(appointment.phone or appointment.caller)
        reason = request.hide(appointment.cancel_reason) if appointment.status == Status.CANCELLED else None
        email, notes = request.hide(real_email(appointment.attendee_email)), request.hide(appointment.notes)
        return AppointmentDetail(to_entry(appointment, request), phone, email, notes, reason, state, request.zone.key)

    async def new_start(self, request: ApiRequest) -> NewStart:
        booking = self._booking()
        appointment = await _find(booking, request)
        with problems():
            start = parse_start_for_desk(booking, appointment, request.text("text") or "", request.text("staff"))
        return NewStart(start.astimezone(request.zone), request.zone.key)

    async def cancel(self, request: ApiRequest) -> Change:
        booking, body = self._booking(), request.body(Cancellation)
        appointment_id = parse_id(request.path["id"])
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
                "It was cancelled, and Cal.com has brought it back: send a new request_id to cancel it again",
            )
            obstacle = ChangeObstacle.BEGUN if begun else ChangeObstacle.BROUGHT_BACK
            raise Problem(409, "Not Cancelled", gone if begun else back, members=obstacle.members)
        return await answer_change(request, booking, self._wake_worker, appointment, "Der Termin ist abgesagt.")

    async def move(self, request: ApiRequest) -> Change:
        booking, body = self._booking(), request.body(Move)
        appointment_id = parse_id(request.path["id"])
        start = require_start(body.start)
        with problems():
            answer = await move_for_desk(booking, body.desk, appointment_id, start, body.staff, request.correlation_id)
        found = await find_by_id(booking, appointment_id, appointment_id)
        if answer is None or not found:
            raise _not_found()
        if not answer.success:
            raise refuse_move(answer, request.zone)
        return await answer_change(request, booking, self._wake_worker, found[0], answer.message)

    async def mark(self, request: ApiRequest) -> Change:
        booking, body = self._booking(), request.body(Attendance)
        appointment_id = parse_id(request.path["id"])
        with problems():
            appointment = await mark_attendance(booking, body.desk, appointment_id, no_show=body.no_show)
        if appointment is None:
            raise _not_found()
        message = (
            "Als nicht erschienen vermerkt." if appointment.status == Status.NO_SHOW else "Als erschienen vermerkt."
        )
        return await answer_change(request, booking, self._wake_worker, appointment, message)


async def _find(booking: BookingContext, request: ApiRequest) -> Appointment:
    """Return the only appointment whose id begins as in the path. Raises `Problem`."""
    found = await find_by_id(booking, *parse_id_range(request.path["id"]))
    if len(found) > 1:
        raise ambiguous()
    if not found:
        raise _not_found()
    return found[0]


def _not_found() -> Problem:
    text = "There is no such appointment; `askproai appointments list` lists them"
    return Problem(404, "Not Found", text, members=ChangeObstacle.NOT_FOUND.members)


def _row_to_entry(row: dict[str, Any], request: ApiRequest) -> AppointmentEntry:
    instants = ("start", "end", "cancelled_at")
    local_times = {name: row[name] and row[name].astimezone(request.zone) for name in instants}
    hidden = {name: request.hide(row[name]) for name in ("customer_name", "external_id", "notes")}
    return msgspec.convert(row | local_times | hidden, AppointmentEntry)
