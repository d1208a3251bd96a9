"""The job `calendar-sync`: make the remote calendar agree with one appointment of our book.

Level-triggered: the job reads the calendar's present state, and makes the missing change (create, move or cancel). It makes the
change once, however often it runs. The remote calendar has no idempotency key, so before any POST the booking is looked up by
its uid and by our request id, and a POST without an answer gets a quiet period to appear.
"""

from dataclasses import replace
from datetime import timedelta

import structlog
from structlog.contextvars import bind_contextvars

from askproai_runtime.book.appointments import Appointment, CancelledBy, Status
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.free_times import drop_free_times
from askproai_runtime.book.remote import (
    calendar_request,
    cancel_booking,
    confirm_or_resync,
    cover_end,
    create_booking,
    move_booking,
    next_try,
)
from askproai_runtime.book.store.appointments import get_appointment
from askproai_runtime.book.store.calendar import (
    begin_attempt,
    clear_error,
    lock_unchanged,
    mark_failed,
    record_error,
    record_remote_uid,
    revert_move,
)
from askproai_runtime.book.store.claims import list_previous_spans
from askproai_runtime.calendars import (
    CalendarOutcome,
    CalendarUnavailable,
    Confirmed,
    MustRevert,
    Refused,
    RemoteBooking,
    Taken,
    Unavailable,
    Unknown,
)
from askproai_runtime.jobs import DeadNow, Job, JobError, RunAgain, finish

log = structlog.get_logger(__name__)

_CLOCKS_DIFFER = timedelta(minutes=5)  # at most, between the remote calendar, the database and us


class CalendarDisagrees(JobError):
    """The calendar does not accept what we promised, or has promised it to somebody else: a person must decide."""


async def sync_appointment(ctx: BookingContext, job: Job) -> None:
    """Make the calendar agree with one appointment, and finish the job.

    Raises `CalendarDisagrees`, and the queue's `RunAgain`, `DeadNow` and `StaleClaim`.
    """
    async with ctx.pool.acquire() as conn, conn.transaction():
        # Locked: a change that commits between our read and our finish would rely on a job that ends without it.
        appointment = None
        if job.appointment_id:
            appointment = await get_appointment(conn, ctx.tenant, job.appointment_id, lock=True)
        if appointment is None or not _needs_sync(appointment):
            await finish(conn, ctx.tenant, job)
            return
    bind_contextvars(branch=appointment.branch)  # this task is one job's
    remote = await _find_remote(ctx, appointment)
    ctx.faults.reach("after:sync-find")
    is_left = False
    if appointment.live:
        outcome = await _create_or_move(ctx, appointment, remote)
    elif is_left := remote is not None and remote.ends_at <= ctx.clock.now():  # an ended booking stays there
        outcome = remote.confirmed
    else:
        outcome = await _cancel_remote(ctx, appointment, remote)
    ctx.faults.reach("after:sync-create")
    if appointment.live:
        appointment, outcome = await _cover_end(ctx, appointment, outcome)
    if isinstance(outcome, Confirmed):
        await _complete(ctx, job, appointment, outcome, is_left=is_left)
    else:
        await _handle_refusal(ctx, job, appointment, remote, outcome)
    ended = type(outcome).__name__.lower()
    log.info(
        "appointment.synced", appointment=str(appointment.id), outcome=ended, correlation_id=appointment.correlation_id
    )


def _needs_sync(appointment: Appointment) -> bool:
    """Return whether the appointment is pending, failed or cancelled here. A remote cancellation needs no sync."""
    ended = appointment.status in {Status.CANCELLED, Status.FAILED}
    cancelled_here = ended and appointment.cancelled_by != CancelledBy.CALENDAR
    return appointment.in_remote_calendar and (cancelled_here or appointment.status == Status.PENDING_SYNC)


async def _find_remote(ctx: BookingContext, appointment: Appointment) -> RemoteBooking | None:
    """Return the appointment's live remote booking, or None.

    It is looked up by its uid, through all moves. Without a known uid, it is looked up at every time that the appointment had,
    then among all bookings made since, as a person may have moved it. A uid found by request id is stored: otherwise a move
    whose answer is lost could hide the booking from us.
    """
    try:
        if appointment.external_id is not None:
            remote = await ctx.calendar.get_booking(
                appointment.external_id,
                event_type_id=appointment.event_type_id,
                correlation_id=appointment.correlation_id,
            )
            if remote is not None and remote.live:
                return remote
        request = calendar_request(appointment)
        remote = await ctx.calendar.find(request) or await _find_at_old_times(ctx, appointment)
        if remote is None and appointment.external_id is None:
            made_after = ctx.clock.now() - appointment.age - _CLOCKS_DIFFER
            remote = await ctx.calendar.find(replace(request, made_after=made_after))
    except CalendarUnavailable as error:
        raise await _postpone(ctx, appointment, str(error), error.retry_after or ctx.settings.sync_delay) from error
    if remote is not None and appointment.external_id is None:
        async with ctx.pool.acquire() as conn:
            await record_remote_uid(conn, ctx.tenant, appointment.id, remote)
    return remote


async def _find_at_old_times(ctx: BookingContext, appointment: Appointment) -> RemoteBooking | None:
    """Return the booking at one of the appointment's former times, or None: a POST whose answer was lost may have made it."""
    async with ctx.pool.acquire() as conn:
        spans = await list_previous_spans(conn, ctx.tenant, appointment.id)
    for span in spans:
        request = replace(calendar_request(appointment), starts_at=span.start, ends_at=span.end)
        if remote := await ctx.calendar.find(request):
            return remote
    return None


async def _create_or_move(
    ctx: BookingContext, appointment: Appointment, remote: RemoteBooking | None
) -> Confirmed | Taken | Refused:
    """Create or move the booking if needed. If the outcome is not certain, raises `RunAgain` or `DeadNow` (see `_postpone`)."""
    if remote is not None and remote.starts_at == appointment.starts_at:
        return remote.confirmed
    if appointment.starts_at <= ctx.clock.now():
        why = "its time has passed and it never came into the calendar"
        raise DeadNow(await _record_problem(ctx, appointment, why))
    timeout = ctx.settings.provider_timeout
    await _begin_attempt(ctx, appointment)
    if remote is None:
        return await _require_result(ctx, appointment, await create_booking(ctx, appointment, timeout))
    outcome = await move_booking(ctx, appointment, remote.uid, appointment.correlation_id, timeout)
    return await _require_result(ctx, appointment, outcome)


async def _cancel_remote(
    ctx: BookingContext, appointment: Appointment, remote: RemoteBooking | None
) -> Confirmed | Taken | Refused:
    """Cancel the booking, unless it is gone. If the outcome is not certain, raises `RunAgain` or `DeadNow` (see `_postpone`)."""
    if remote is None:
        await _begin_attempt(ctx, appointment)  # a POST that was to create it may still appear
        return Confirmed(appointment.external_id)
    outcome = await cancel_booking(ctx, appointment, remote.uid, ctx.settings.provider_timeout)
    return await _require_result(ctx, appointment, outcome)


async def _cover_end(
    ctx: BookingContext, appointment: Appointment, outcome: Confirmed | Taken | Refused
) -> tuple[Appointment, Confirmed | Taken | Refused]:
    appointment, covered = await cover_end(ctx, appointment, outcome)
    assert isinstance(covered, Confirmed | Taken | Refused)
    return appointment, covered


async def _begin_attempt(ctx: BookingContext, appointment: Appointment) -> None:
    async with ctx.pool.acquire() as conn:
        begun = await begin_attempt(conn, ctx.tenant, appointment, ctx.settings.quiet_period)
    if not begun:
        at = ctx.clock.now() + ctx.settings.quiet_period
        raise RunAgain(at, "the last attempt may still appear in the calendar, or it was changed here")


async def _require_result(
    ctx: BookingContext, appointment: Appointment, outcome: CalendarOutcome
) -> Confirmed | Taken | Refused:
    """Return a certain outcome; for `Unknown` and `Unavailable`, raise `RunAgain`, or `DeadNow` after the appointment's start."""
    match outcome:
        case Unavailable(message, retry_after):
            raise await _postpone(ctx, appointment, message, retry_after or ctx.settings.sync_delay)
        case Unknown(message):
            raise await _postpone(ctx, appointment, message, ctx.settings.quiet_period)
        case _:
            return outcome


async def _complete(
    ctx: BookingContext, job: Job, appointment: Appointment, confirmed: Confirmed, *, is_left: bool
) -> None:
    """Finish the job: both calendars agree, or a cancelled appointment's booking is over and stays there (`is_left`).

    If the appointment was changed since the job read it, the job runs once more.
    """
    async with ctx.pool.acquire() as conn, conn.transaction():
        if appointment.live:
            agreed = await confirm_or_resync(conn, ctx.tenant, appointment, confirmed)
        else:
            agreed = await lock_unchanged(conn, ctx.tenant, appointment)
            if agreed and appointment.status == Status.CANCELLED and not is_left:  # of a failed one the error says why
                await clear_error(conn, ctx.tenant, appointment.id)
        await drop_free_times(conn, ctx.config(), appointment.event_type_id, appointment.spans)
        if agreed:
            await finish(conn, ctx.tenant, job)
    if not agreed:
        raise RunAgain(ctx.clock.now(), "it was changed here meanwhile")


async def _handle_refusal(
    ctx: BookingContext, job: Job, appointment: Appointment, remote: RemoteBooking | None, outcome: Taken | Refused
) -> None:
    """Raise `CalendarDisagrees`, for a person to decide. But if our process died before a caller heard of the change, undo it.

    A change is undone from the second attempt on: at the first one, the cause may be our own booking, which a lagging list has
    hidden. The second attempt looks the booking up again.
    """
    why = await _record_problem(ctx, appointment, f"the calendar refuses it ({outcome.message})")
    if job.attempts == 1 or not appointment.live:
        raise CalendarDisagrees(why)
    moved = appointment.was_starts_at is not None
    if not moved and not appointment.call_id:
        raise CalendarDisagrees(why)  # a person made it in the calendar, for a customer who counts on it
    must_revert = isinstance(outcome, MustRevert)
    was_confirmed = moved and not must_revert and remote is not None and remote.starts_at == appointment.was_starts_at
    undo = ctx.tenant, appointment, outcome.message, ctx.settings.refusal
    async with ctx.pool.acquire() as conn, conn.transaction():
        if moved:
            undone = await revert_move(conn, *undo, was_confirmed=was_confirmed)
        else:
            undone = await mark_failed(conn, *undo)
        await drop_free_times(conn, ctx.config(), appointment.event_type_id, appointment.spans)
        if undone and (was_confirmed or not moved) and not must_revert:
            await finish(conn, ctx.tenant, job)
    if not undone:
        raise CalendarDisagrees(why)
    if not job.finished:
        raise RunAgain(ctx.clock.now(), "it was undone here, and the calendar may still have it")


async def _postpone(ctx: BookingContext, appointment: Appointment, why: str, wait: timedelta) -> RunAgain | DeadNow:
    """Return the error to raise while the calendar is unavailable: `RunAgain`, or `DeadNow` after the appointment's start."""
    if appointment.starts_at <= ctx.clock.now():
        why = f"its time has passed and the calendar was not reached ({why})"
        return DeadNow(await _record_problem(ctx, appointment, why))
    await _record_problem(ctx, appointment, why, again=True)
    return RunAgain(next_try(ctx, wait), why)


async def _record_problem(ctx: BookingContext, appointment: Appointment, why: str, *, again: bool = False) -> str:
    """Store a problem as the appointment's error, and return its text. The status stays: a promise is never silently cancelled.

    With `again` the job tries again, and a person has nothing to do. Raises `RunAgain` if the appointment was changed since it
    was read: that change relies on this job, and `why` is outdated.
    """
    if appointment.live:
        state, todo = "is promised to the customer", "enter it by hand or call the customer"
    else:
        state, todo = "is cancelled here", "cancel its booking in the calendar by hand"
    if again:
        todo = f"it is tried again by itself; {todo} if that cannot wait"
    message = f"appointment {appointment.id} {state}, but {why}: {todo}"
    async with ctx.pool.acquire() as conn:
        recorded = await record_error(conn, ctx.tenant, appointment, message)
    if not recorded:
        raise RunAgain(ctx.clock.now(), "it was changed here meanwhile")
    return message
