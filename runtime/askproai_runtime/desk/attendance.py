"""Mark for the desk that a customer did not come, or remove the mark. The remote calendar is changed first.

The remote calendar decides: its event of the mark, and every later reading of the booking, must agree with our row. So nothing
is written here while the remote calendar is unavailable. After a crash between both changes, its event brings the mark here.
"""

from dataclasses import replace
from enum import StrEnum
from typing import TypedDict
from uuid import UUID

from askproai_core.database import Connection
from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.book.appointments import Appointment, Status
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.store.actions import attendance_key, is_action_done, record_done
from askproai_runtime.book.store.appointments import get_appointment
from askproai_runtime.book.store.audit import record_desk_change
from askproai_runtime.book.store.calendar import mark_no_show
from askproai_runtime.book.store.transactions import run_transaction
from askproai_runtime.calendars import CalendarUnavailable, Confirmed, Unavailable, Unknown
from askproai_runtime.desk.appointments import bind, desk_busy

_TOOK_PLACE = frozenset({Status.CONFIRMED, Status.PENDING_SYNC, Status.NO_SHOW})


class AttendanceObstacle(StrEnum):
    """The reasons why attendance was not marked. Our book is unchanged then."""

    NOT_BEGUN = "not_begun"
    NOT_HELD = "not_held"  # it was cancelled, or the calendar has refused it
    CALENDAR_AWAY = "calendar_away"  # the remote calendar may have the mark, or not
    CALENDAR_REFUSED = "calendar_refused"


class _Ids(TypedDict):
    event_type_id: int | None
    correlation_id: str


class AttendanceRefused(Exception):
    """The attendance was not marked, and nothing was changed in our book; the message says why, and how to proceed."""

    def __init__(self, obstacle: AttendanceObstacle, message: str) -> None:
        super().__init__(message)
        self.obstacle = obstacle


async def mark_attendance(
    ctx: BookingContext, desk: DeskRequest, appointment_id: UUID, *, no_show: bool
) -> Appointment | None:
    """Mark that the customer did not come (`no_show`) or did come, and return the appointment; None if there is none.

    An appointment can be marked from its start on, and its time stays taken. A repeated request changes nothing more. Raises
    `AttendanceRefused`, `DeskBusy` and `RequestUsed`.
    """
    key = attendance_key(appointment_id)
    async with ctx.pool.acquire() as conn:
        appointment = await get_appointment(conn, ctx.tenant, appointment_id)
        if appointment is None or appointment.status == Status.HELD:
            return None
        await bind(conn, ctx, desk, "attendance", appointment=str(appointment_id), no_show=str(no_show))
        if await is_action_done(conn, ctx.tenant, desk.call_id, key):
            return appointment
    _require_begun(ctx, appointment)
    marked = await _mark_at_calendar(ctx, appointment, no_show=no_show)

    async def write(conn: Connection) -> Appointment | None:
        found = await get_appointment(conn, ctx.tenant, appointment_id, lock=True)
        if found is None or await is_action_done(conn, ctx.tenant, desk.call_id, key):
            return found
        _require_begun(ctx, found)
        if (found.status == Status.NO_SHOW) != no_show:
            await mark_no_show(conn, ctx.tenant, found, marked.changed_at if marked else None, no_show=no_show)
            action = "appointment.no_show" if no_show else "appointment.attended"
            facts = {"appointment": found.id, "start": found.starts_at, "staff": found.staff}
            await record_desk_change(conn, ctx.tenant, desk, action, found.correlation_id, **facts)
        await record_done(conn, ctx.tenant, desk.call_id, key, appointment_id)
        return await get_appointment(conn, ctx.tenant, appointment_id)

    with desk_busy():
        return await run_transaction(ctx.pool, write)


def _require_begun(ctx: BookingContext, appointment: Appointment) -> None:
    """Raise `AttendanceRefused` unless the appointment has begun and was not cancelled."""
    if appointment.status not in _TOOK_PLACE:
        raise AttendanceRefused(AttendanceObstacle.NOT_HELD, "It was cancelled, so nobody was to come")
    if appointment.starts_at > ctx.clock.now():
        raise AttendanceRefused(AttendanceObstacle.NOT_BEGUN, "It has not begun: it can be marked from its start on")


async def _mark_at_calendar(ctx: BookingContext, appointment: Appointment, *, no_show: bool) -> Confirmed | None:
    """Mark the attendance in the remote calendar, unless it is so already. Return the booking there; None if there is none."""
    if not ctx.calendar.remote or appointment.external_id is None:
        return None
    ids: _Ids = {"event_type_id": appointment.event_type_id, "correlation_id": appointment.correlation_id}
    try:
        remote = await ctx.calendar.get_booking(appointment.external_id, **ids)
    except CalendarUnavailable as error:
        raise _calendar_away(str(error)) from error
    if remote is None:
        return None
    if not remote.live:
        raise AttendanceRefused(AttendanceObstacle.NOT_HELD, "It was cancelled in the remote calendar")
    if remote.absent == no_show:
        return remote.confirmed
    outcome = await ctx.calendar.mark_attendance(
        replace(remote, absent=no_show), within=ctx.settings.provider_timeout, **ids
    )
    match outcome:
        case Confirmed():
            return outcome
        case Unavailable(message) | Unknown(message):
            raise _calendar_away(message)
        case _:
            raise AttendanceRefused(
                AttendanceObstacle.CALENDAR_REFUSED, f"the remote calendar did not mark it: {outcome.message}"
            )


def _calendar_away(message: str) -> AttendanceRefused:
    text = f"the remote calendar has the appointment, and cannot be asked now ({message}): try again later"
    return AttendanceRefused(AttendanceObstacle.CALENDAR_AWAY, text)
