"""The job `calendar-sync`: make the calendar like our book, for one appointment.

A level, not an edge: whatever was to happen there, made, moved or cancelled, the job looks at what stands there now and does
what is missing. Exactly once, however often it runs: Cal.com has no idempotency key, so before any POST the booking is looked
for by its uid and by our request id, and a POST whose fate is unknown is given a quiet time to appear.
"""

from dataclasses import replace
from datetime import timedelta

import structlog

from askproai_core.database import Connection
from askproai_runtime.booking import ledger, places, verdicts
from askproai_runtime.booking.ledger import Appointment, CancelledBy, Status
from askproai_runtime.booking.types import Desk
from askproai_runtime.calendars import (
    CalendarOutcome,
    CalendarRequest,
    CalendarUnavailable,
    Confirmed,
    Refused,
    RemoteBooking,
    Taken,
    Unavailable,
    Unknown,
)
from askproai_runtime.jobs import DeadNow, Job, JobError, JobKind, Priority, RunAgain, enqueue, finish

log = structlog.get_logger(__name__)


class CalendarDisagrees(JobError):
    """The calendar does not take what we promised: a person must choose between the two books."""


async def sync_appointment(desk: Desk, job: Job) -> None:
    """Make the calendar like one appointment, or end the job if there is nothing to do."""
    async with desk.pool.acquire() as conn, conn.transaction():
        # Locked: a change that commits between our look and our end would rely on a job that ends without it.
        made = (
            await ledger.appointment(conn, desk.tenant, job.appointment_id, lock=True) if job.appointment_id else None
        )
        if made is None or not _wants(made):
            await finish(conn, desk.tenant, job)
            return
    stands = await _look(desk, made)
    desk.faults.reach("after:sync-find")
    outcome = await (_bring if made.live else _take_away)(desk, made, stands)
    desk.faults.reach("after:sync-create")
    if isinstance(outcome, Confirmed):
        await _settle(desk, job, made, outcome)
    else:
        await _refused(desk, job, made, stands, outcome)
    ended = type(outcome).__name__.lower()
    log.info("appointment.synced", appointment=str(made.id), outcome=ended, correlation_id=made.correlation_id)


def _wants(made: Appointment) -> bool:
    """Say whether the calendar may have to change. What was cancelled there is its own affair."""
    gone = made.status in {Status.CANCELLED, Status.FAILED} and made.cancelled_by != CancelledBy.CALENDAR
    return made.event_type_id is not None and (gone or made.status == Status.PENDING_SYNC)


async def _settle(desk: Desk, job: Job, made: Appointment, outcome: Confirmed) -> None:
    """Both books agree, unless ours was changed meanwhile: then the job looks once more."""
    async with desk.pool.acquire() as conn, conn.transaction():
        if made.live:
            agreed = await confirm(conn, desk.tenant, made, outcome)
        else:
            agreed = await verdicts.unchanged(conn, desk.tenant, made)
        if agreed:
            await finish(conn, desk.tenant, job)
    if not agreed:
        raise RunAgain(desk.clock.now(), "it was changed here meanwhile")


async def _refused(
    desk: Desk, job: Job, made: Appointment, stands: RemoteBooking | None, outcome: Taken | Refused
) -> None:
    """Tell a person. What was never said to a caller, because our process died in between, is no promise and is undone.

    But not at the first refusal: it may be of our own booking, which a lagging list has hidden; the second try looks again.
    """
    why = await _tell(desk, made, f"the calendar refuses it ({outcome.message})")
    if job.attempts == 1 or not made.live:
        raise CalendarDisagrees(why)
    async with desk.pool.acquire() as conn, conn.transaction():
        undo = desk.tenant, made, outcome.message, desk.settings.refusal
        if made.was_starts_at is None:
            undone = await verdicts.give_back(conn, *undo)
        else:
            there = stands is not None and stands.starts_at == made.was_starts_at
            undone = await verdicts.take_back(conn, *undo, stands=there)
        if undone and (made.was_starts_at is None or there):
            await finish(conn, desk.tenant, job)
    if not undone:
        raise CalendarDisagrees(why)
    if not job.finished:
        raise RunAgain(desk.clock.now(), "the move was taken back, and the calendar may not have the old time")


def calendar_request(made: Appointment) -> CalendarRequest:
    """Give what to ask the calendar for. Only for appointments with an event type."""
    if made.event_type_id is None:
        raise ValueError(f"appointment {made.id} has no event type: it stands in the local book only")
    return CalendarRequest(
        request_id=made.id,
        event_type_id=made.event_type_id,
        starts_at=made.starts_at,
        ends_at=made.ends_at,
        name=made.customer_name,
        phone=made.phone,
        email=made.attendee_email,
        call_id=made.call_id,
        correlation_id=made.correlation_id,
    )


async def make_there(desk: Desk, made: Appointment, within: timedelta) -> CalendarOutcome:
    """Ask the calendar for it. What was cancelled here may still stand there: that is taken back first, and asked again."""
    request, deadline = calendar_request(made), desk.clock.monotonic() + within.total_seconds()
    outcome = await desk.calendar.create(request, within=within)
    if not isinstance(outcome, Taken):
        return outcome
    async with desk.pool.acquire() as conn:
        in_the_way = await verdicts.cancelled_near(conn, desk.tenant, made)
    freed = False
    for uid in in_the_way:
        if (left := timedelta(seconds=deadline - desk.clock.monotonic())) > timedelta():
            freed |= isinstance(await _cancel(desk, made, uid, left), Confirmed | Unknown)
    left = timedelta(seconds=deadline - desk.clock.monotonic())
    return await desk.calendar.create(request, within=left) if freed and left > timedelta() else outcome


async def confirm(conn: Connection, tenant: str, made: Appointment, stands: Confirmed) -> bool:
    """Write what stands in the calendar. What was cancelled or moved here meanwhile gets a sync job; False then."""
    agreed = await verdicts.confirm(conn, tenant, made, stands)
    if not agreed:
        await resync(conn, tenant, made)
    return agreed


async def settle(conn: Connection, desk: Desk, made: Appointment, outcome: CalendarOutcome) -> None:
    """Write what the calendar said while a caller waits. Whatever it could not say, the sync job finds out."""
    if isinstance(outcome, Confirmed):
        await confirm(conn, desk.tenant, made, outcome)
    else:
        await verdicts.note_error(conn, desk.tenant, made, outcome.message)


async def resync(conn: Connection, tenant: str, made: Appointment) -> None:
    """Let the calendar be made like this appointment soon."""
    await enqueue(
        conn, tenant, JobKind.CALENDAR_SYNC, Priority.HIGH, correlation_id=made.correlation_id, appointment_id=made.id
    )


async def _look(desk: Desk, made: Appointment) -> RemoteBooking | None:
    """Give our live booking there: where it is known to have gone, else at any time that it ever had here."""
    try:
        if made.external_id is not None:
            stands = await desk.calendar.get_booking(made.external_id, correlation_id=made.correlation_id)
            if stands is not None and stands.live:
                return stands
        stands = await desk.calendar.find(calendar_request(made)) or await _find_before(desk, made)
    except CalendarUnavailable as error:
        raise await _later(desk, made, str(error), error.retry_after or desk.settings.sync_delay) from error
    if stands is not None and made.external_id is None:  # else a move whose answer is lost could hide it from us
        async with desk.pool.acquire() as conn:
            await places.note_uid(conn, desk.tenant, made.id, stands)
    return stands


async def _find_before(desk: Desk, made: Appointment) -> RemoteBooking | None:
    """Look where it was before: any of these times may have been asked for unheard, whatever was agreed later."""
    async with desk.pool.acquire() as conn:
        left = await places.left(conn, desk.tenant, made.id)
    for span in left:
        request = replace(calendar_request(made), starts_at=span.start, ends_at=span.end)
        if stands := await desk.calendar.find(request):
            return stands
    return None


async def _bring(desk: Desk, made: Appointment, stands: RemoteBooking | None) -> Confirmed | Taken | Refused:
    """Make it or move it there, unless it stands as wanted. Raises what the queue is to do when that cannot be said."""
    if stands is not None and stands.starts_at == made.starts_at:
        return stands.confirmed
    if made.starts_at <= desk.clock.now():
        raise DeadNow(await _tell(desk, made, "its time has passed and it never came into the calendar"))
    within = desk.settings.provider_timeout
    await _begin_attempt(desk, made)
    if stands is None:
        return await _decided(desk, made, await make_there(desk, made, within))
    moved = desk.calendar.move(stands.uid, made.starts_at, correlation_id=made.correlation_id, within=within)
    return await _decided(desk, made, await moved)


async def _take_away(desk: Desk, made: Appointment, stands: RemoteBooking | None) -> Confirmed | Taken | Refused:
    """Cancel it there, unless it is gone or over. Raises what the queue is to do when that cannot be said."""
    if stands is None:
        await _begin_attempt(desk, made)  # a POST that was to make it may still appear
        return Confirmed(made.external_id)
    if stands.ends_at <= desk.clock.now():
        return stands.confirmed
    return await _decided(desk, made, await _cancel(desk, made, stands.uid, desk.settings.provider_timeout))


async def _cancel(desk: Desk, made: Appointment, uid: str, within: timedelta) -> CalendarOutcome:
    reason = made.cancel_reason or "abgesagt"
    return await desk.calendar.cancel(uid, reason=reason, correlation_id=made.correlation_id, within=within)


async def _begin_attempt(desk: Desk, made: Appointment) -> None:
    async with desk.pool.acquire() as conn:
        begun = await verdicts.begin_attempt(conn, desk.tenant, made, desk.settings.quiet)
    if not begun:
        at = desk.clock.now() + desk.settings.quiet
        raise RunAgain(at, "the last attempt may still appear in the calendar, or it was changed here")


async def _decided(desk: Desk, made: Appointment, outcome: CalendarOutcome) -> Confirmed | Taken | Refused:
    match outcome:
        case Unavailable(message, retry_after):
            raise await _later(desk, made, message, retry_after or desk.settings.sync_delay)
        case Unknown(message):
            raise await _later(desk, made, message, desk.settings.quiet)
        case _:
            return outcome


async def _later(desk: Desk, made: Appointment, why: str, wait: timedelta) -> RunAgain | DeadNow:
    """An outage is no failure of the job, however long it lasts; but the appointment's own time ends it."""
    if made.starts_at <= desk.clock.now():
        return DeadNow(await _tell(desk, made, f"its time has passed and the calendar was not reached ({why})"))
    await _tell(desk, made, why)
    return RunAgain(desk.clock.now() + wait, why)


async def _tell(desk: Desk, made: Appointment, why: str) -> str:
    """Write on the appointment what a person must know. Its status stays: a promise is never silently cancelled.

    Raises `RunAgain` if it was changed meanwhile: whoever changed it relies on this job, and `why` is of what it was.
    """
    if made.live:
        message = f"appointment {made.id} is promised to the customer, but {why}: enter it by hand or call the customer"
    else:
        message = f"appointment {made.id} is cancelled here, but {why}: cancel its booking in the calendar by hand"
    async with desk.pool.acquire() as conn:
        noted = await verdicts.note_error(conn, desk.tenant, made, message)
    if not noted:
        raise RunAgain(desk.clock.now(), "it was changed here meanwhile")
    return message
