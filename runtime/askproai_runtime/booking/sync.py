"""The job `calendar-sync`: an appointment that the saga could not confirm is looked up, and made if it is not there.

Exactly once, however often it runs: Cal.com has no idempotency key, so before any POST the booking is looked for by our
request id, and a POST whose fate is unknown is given a quiet time to appear.
"""

from datetime import timedelta

import structlog

from askproai_runtime.booking import ledger
from askproai_runtime.booking.desk import Desk
from askproai_runtime.booking.ledger import Appointment, Status
from askproai_runtime.calendars import (
    CalendarRequest,
    CalendarUnreachable,
    Confirmed,
    Refused,
    Taken,
    Unavailable,
)
from askproai_runtime.jobs import DeadNow, Job, RunAgain, finish
from askproai_runtime.store import Connection

log = structlog.get_logger(__name__)


class CalendarDisagrees(Exception):
    """The calendar does not take an appointment that we promised: a person must choose between the two books."""


async def sync_appointment(desk: Desk, job: Job) -> None:
    """Bring one pending appointment to the calendar, or end the job if that is not needed any more."""
    made = await _read(desk, job)
    if made is None or made.status != Status.PENDING_SYNC or made.event_type_id is None:
        async with desk.pool.acquire() as conn, conn.transaction():
            await finish(conn, desk.tenant, job)
        return
    request = calendar_request(made)
    found = await _find(desk, made, request)
    desk.faults.reach("after:sync-find")
    stands = found or await _create(desk, made, request)
    desk.faults.reach("after:sync-create")
    async with desk.pool.acquire() as conn, conn.transaction():
        await confirm(conn, desk.tenant, made, stands)
        await finish(conn, desk.tenant, job)
    log.info(
        "appointment.synced", appointment=str(made.id), correlation_id=made.correlation_id, found=found is not None
    )


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


async def confirm(conn: Connection, tenant: str, made: Appointment, stands: Confirmed) -> None:
    """Confirm what stands in the calendar. If it was cancelled here meanwhile, keep the uid and say so."""
    if await ledger.confirm(conn, tenant, made, stands.uid):
        return
    now = await ledger.appointment(conn, tenant, made.id)
    if now is None or now.external_id != stands.uid:
        await ledger.keep_uid(conn, tenant, made.id, stands.uid)
        log.error(
            "appointment.changed_meanwhile", appointment=str(made.id), status=now.status if now else None,
            correlation_id=made.correlation_id, todo="cancel it in the calendar, it is not wanted here any more",
        )  # fmt: skip


async def _read(desk: Desk, job: Job) -> Appointment | None:
    if job.appointment_id is None:
        return None
    async with desk.pool.acquire() as conn:
        return await ledger.appointment(conn, desk.tenant, job.appointment_id)


async def _find(desk: Desk, made: Appointment, request: CalendarRequest) -> Confirmed | None:
    try:
        return await desk.calendar.find(request)
    except CalendarUnreachable as error:
        raise await _later(desk, made, str(error), desk.settings.sync_delay) from error


async def _create(desk: Desk, made: Appointment, request: CalendarRequest) -> Confirmed:
    """Make it, now that it is not there. Raises what the queue is to do when that fails."""
    async with desk.pool.acquire() as conn:
        quiet = await ledger.quiet_left(conn, desk.tenant, made, desk.settings.quiet)
        if quiet > timedelta():
            raise RunAgain(desk.clock.now() + quiet, "the last attempt may still appear in the calendar")
        if made.starts_at <= desk.clock.now():
            raise DeadNow(await _tell(desk, made, "its time has passed and it never came into the calendar"))
        if not await ledger.mark_attempt(conn, desk.tenant, made):
            raise RunAgain(desk.clock.now(), "the appointment was changed meanwhile")
    outcome = await desk.calendar.create(request, within=desk.settings.provider_timeout)
    match outcome:
        case Confirmed():
            return outcome
        case Taken(message) | Refused(
            message
        ):  # a lagging list may have hidden our own booking: the retries look again
            raise CalendarDisagrees(await _tell(desk, made, f"the calendar refuses it ({message})"))
        case Unavailable(detail, retry_after):
            raise await _later(desk, made, detail, retry_after or desk.settings.sync_delay)
        case _:
            raise await _later(desk, made, outcome.detail, desk.settings.quiet)


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
