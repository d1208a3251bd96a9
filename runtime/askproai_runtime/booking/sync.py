"""The job `calendar-sync`: an appointment that the saga could not confirm is looked up, and made if it is not there.

Exactly once, however often it runs: Cal.com has no idempotency key, so before any POST the booking is looked for by our
request id, and a POST whose fate is unknown is given a quiet time to appear.
"""

from datetime import timedelta

import structlog

from askproai_runtime.booking import ledger
from askproai_runtime.booking.ledger import Appointment, Status
from askproai_runtime.booking.types import Desk
from askproai_runtime.calendars import (
    CalendarRequest,
    CalendarUnreachable,
    Confirmed,
    Outcome,
    Refused,
    Taken,
    Unavailable,
    Unknown,
)
from askproai_runtime.jobs import DeadNow, Job, JobError, RunAgain, finish
from askproai_runtime.store import Connection

log = structlog.get_logger(__name__)


class CalendarDisagrees(JobError):
    """The calendar does not take an appointment that we promised: a person must choose between the two books."""


async def sync_appointment(desk: Desk, job: Job) -> None:
    """Bring one pending appointment to the calendar, or end the job if that is not needed any more."""
    async with desk.pool.acquire() as conn:
        made = await ledger.appointment(conn, desk.tenant, job.appointment_id) if job.appointment_id else None
        if made is None or made.status != Status.PENDING_SYNC or made.event_type_id is None or made.external_id:
            await finish(conn, desk.tenant, job)
            return
    outcome = await _bring(desk, made, calendar_request(made))
    desk.faults.reach("after:sync-create")
    why = (
        ""
        if isinstance(outcome, Confirmed)
        else await _tell(desk, made, f"the calendar refuses it ({outcome.message})")
    )
    async with desk.pool.acquire() as conn, conn.transaction():
        if isinstance(outcome, Confirmed):
            await confirm(conn, desk.tenant, made, outcome)
        # The first refusal may be of our own booking, which a lagging list has hidden: the second try looks again. Then
        # what was never said to a caller, because our process died in between, is no promise and is given back.
        elif job.attempts == 1 or not await ledger.give_back(
            conn, desk.tenant, made, outcome.message, desk.settings.refusal
        ):
            raise CalendarDisagrees(why)
        await finish(conn, desk.tenant, job)
    ended = type(outcome).__name__.lower()
    log.info("appointment.synced", appointment=str(made.id), outcome=ended, correlation_id=made.correlation_id)


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


async def make_there(desk: Desk, made: Appointment, within: timedelta) -> Outcome:
    """Ask the calendar for it. What was cancelled here may still stand there: that is taken back first, and asked again."""
    request, deadline = calendar_request(made), desk.clock.monotonic() + within.total_seconds()
    outcome = await desk.calendar.create(request, within=within)
    if not isinstance(outcome, Taken):
        return outcome
    async with desk.pool.acquire() as conn:
        in_the_way = await ledger.cancelled_near(conn, desk.tenant, made)
    freed = False
    for uid in in_the_way:
        if (left := timedelta(seconds=deadline - desk.clock.monotonic())) > timedelta():
            freed |= await desk.calendar.cancel(uid, correlation_id=made.correlation_id, within=left)
    left = timedelta(seconds=deadline - desk.clock.monotonic())
    return await desk.calendar.create(request, within=left) if freed and left > timedelta() else outcome


async def confirm(conn: Connection, tenant: str, made: Appointment, stands: Confirmed) -> None:
    """Write what stands in the calendar. What was cancelled or moved here meanwhile is told to a person."""
    if not await ledger.confirm(conn, tenant, made, stands.uid, requested=stands.pending):
        log.error(
            "appointment.changed_meanwhile", appointment=str(made.id), correlation_id=made.correlation_id,
            todo="cancel its booking in the calendar: it is not wanted there any more",
        )  # fmt: skip


async def _bring(desk: Desk, made: Appointment, request: CalendarRequest) -> Confirmed | Taken | Refused:
    """Find it there, or make it. Raises what the queue is to do when neither can be said."""
    now, settings = desk.clock.now(), desk.settings
    try:
        if found := await desk.calendar.find(request):
            return found
    except CalendarUnreachable as error:
        raise await _later(desk, made, str(error), error.retry_after or settings.sync_delay) from error
    desk.faults.reach("after:sync-find")
    if made.starts_at <= now:
        raise DeadNow(await _tell(desk, made, "its time has passed and it never came into the calendar"))
    async with desk.pool.acquire() as conn:
        begun = await ledger.begin_attempt(conn, desk.tenant, made, settings.quiet)
    if not begun:
        raise RunAgain(
            now + settings.quiet, "the last attempt may still appear in the calendar, or it was changed here"
        )
    outcome = await make_there(desk, made, settings.provider_timeout)
    match outcome:
        case Unavailable(message, retry_after):
            raise await _later(desk, made, message, retry_after or settings.sync_delay)
        case Unknown(message):
            raise await _later(desk, made, message, settings.quiet)
        case _:
            return outcome


async def _later(desk: Desk, made: Appointment, why: str, wait: timedelta) -> RunAgain | DeadNow:
    """An outage is no failure of the job, however long it lasts; but the appointment's own time ends it."""
    if made.starts_at <= desk.clock.now():
        return DeadNow(await _tell(desk, made, f"its time has passed and the calendar was not reached ({why})"))
    await _tell(desk, made, why)
    return RunAgain(desk.clock.now() + wait, why)


async def _tell(desk: Desk, made: Appointment, why: str) -> str:
    """Write on the appointment what a person must know. It stays pending: it is never silently cancelled."""
    message = f"appointment {made.id} is promised to the customer, but {why}: enter it by hand or call the customer"
    async with desk.pool.acquire() as conn:
        await ledger.note_error(conn, desk.tenant, made.id, message)
    return message
