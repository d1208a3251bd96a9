"""Events of the remote calendar: apply here what a person does there: moved, cancelled, new, did not come.

Level-triggered: an event only says that something happened to a booking. What it means is decided from the booking as the
calendar has it now and from our row, so the order of events, and how often they come, does not matter
(docs/decisions/0016-calendar-events-are-hints.md).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

import structlog

from askproai_core.database import Connection
from askproai_runtime.booking.availability import EventTypeLink, Span
from askproai_runtime.booking.calendar_outbound import CalendarDisagrees
from askproai_runtime.booking.free_times import drop_free_times
from askproai_runtime.booking.remote import (
    enqueue_sync,
    find_event_type_link,
    find_placement,
    has_other_host,
    next_try,
)
from askproai_runtime.booking.store.appointments import (
    Appointment,
    CancelledBy,
    Status,
    get_appointment,
    insert_appointment,
    mark_cancelled,
    move_appointment,
    upsert_customer,
)
from askproai_runtime.booking.store.audit import record_audit
from askproai_runtime.booking.store.calendar import (
    find_conflicting_uid,
    find_event_type,
    find_local_appointment,
    is_up_to_date,
    mark_confirmed,
    mark_no_show,
    outdate_running_sync,
    record_remote_move,
    record_remote_uid,
)
from askproai_runtime.booking.store.claims import Placement, lock_and_clear_holds
from askproai_runtime.booking.types import BookingContext
from askproai_runtime.calendars import CalendarUnavailable, RemoteBooking
from askproai_runtime.jobs import DeadNow, RunAgain

log = structlog.get_logger(__name__)

_NO_CALL = ""
_MAX_UIDS = 20  # that one look-up follows
_MAX_OUTAGE = timedelta(days=1)  # after it a person must find out why the calendar cannot be asked


class Step(StrEnum):
    """What the state of a remote booking requires here. The values are notes at the event."""

    NOTHING = "nothing new"
    ADD = "taken in"
    AGREE = "both books agree"
    MOVE = "moved"
    CANCEL = "cancelled"
    ATTENDANCE = "presence noted"
    SYNC = "left to calendar-sync, which brings our own wish there"


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """An event of the calendar: which booking, and when it was received. `starts_at`: where the event says that the booking is,
    None if it does not say that the booking is live. `event_type_id` says in whose account it is; None if the event does not.
    `remote` is the booking where a list of the calendar has just shown it, so that it need not be fetched.
    """

    uid: str
    received_at: datetime
    correlation_id: str
    starts_at: datetime | None = None
    event_type_id: int | None = None
    remote: RemoteBooking | None = None


def decide(appointment: Appointment | None, remote: RemoteBooking, now: datetime) -> Step:
    """Compare a remote booking with our row of it, if there is one. Pure.

    While our own change is on its way to the calendar (`pending_sync`), ours wins; otherwise the calendar's does.
    """
    if appointment is None:
        return Step.ADD if remote.live and remote.ends_at > now else Step.NOTHING
    known_at = appointment.external_updated_at
    if known_at is not None and remote.changed_at is not None and remote.changed_at < known_at:
        return Step.NOTHING  # it was read before we stored something newer
    pending = appointment.status == Status.PENDING_SYNC
    if not remote.live:
        if pending and (appointment.was_starts_at is not None or appointment.external_id not in remote.uids):
            return Step.SYNC
        return Step.CANCEL if appointment.live else Step.NOTHING
    if appointment.status in {Status.CANCELLED, Status.FAILED}:
        return Step.MOVE if appointment.cancelled_by == CancelledBy.CALENDAR else Step.SYNC
    if remote.starts_at != appointment.starts_at:
        return Step.SYNC if pending and not appointment.awaits_confirmation else Step.MOVE
    if remote.absent != (appointment.status == Status.NO_SHOW):
        return Step.ATTENDANCE
    if appointment.live and remote.ends_at > appointment.ends_at:
        return (
            Step.MOVE
        )  # what lies between is promised to nobody else; a shorter booking leaves the appointment as it is
    return Step.AGREE if pending or appointment.external_id != remote.uid else Step.NOTHING


async def is_news(ctx: BookingContext, remote: RemoteBooking) -> bool:
    """Return whether a booking that a list showed says anything that is not known here. Takes no locks: most do not."""
    async with ctx.pool.acquire() as conn:
        appointment_id = await find_local_appointment(conn, ctx.tenant, remote)
        appointment = await get_appointment(conn, ctx.tenant, appointment_id) if appointment_id else None
    return _decide(ctx, appointment, remote) is not Step.NOTHING


def _decide(ctx: BookingContext, appointment: Appointment | None, remote: RemoteBooking) -> Step:
    """Return what `decide` does; a booking of a team that got another host there is moved to that staff member."""
    step = decide(appointment, remote, ctx.clock.now())
    if appointment is None or step not in {Step.NOTHING, Step.AGREE} or not (appointment.live and remote.live):
        return step
    known_at = appointment.external_updated_at
    if known_at is not None and remote.changed_at is not None and remote.changed_at < known_at:
        return step  # it was read before we stored something newer
    return Step.MOVE if has_other_host(ctx.config(), appointment, remote.host_id) else step


async def apply_calendar_event(
    ctx: BookingContext, event: CalendarEvent, finish: Callable[[Connection, str], Awaitable[None]]
) -> Step:
    """Apply here what happened to one booking in the calendar, and return what it required.

    `finish` ends the event's job, with a note, in the same transaction: a crash leaves either nothing or everything. Raises
    `CalendarDisagrees` where the two calendars promise one time to two people, `RunAgain` while the calendar is away, and
    `DeadNow` after a day of that.
    """
    remote, note = None, "stored only: this tenant's calendar is its own book"
    if ctx.calendar.remote:
        own = event.starts_at is not None and await is_up_to_date(ctx.pool, ctx.tenant, event.uid, event.starts_at)
        remote = None if own else await _get_remote(ctx, event)
        note = "nothing new: our own doing" if own else "stored only: the calendar does not know this booking any more"
    if remote is None:
        async with ctx.pool.acquire() as conn, conn.transaction():
            await finish(conn, note)
        return Step.NOTHING
    try:
        async with ctx.pool.acquire() as conn, conn.transaction():
            step, note = await _apply(conn, ctx, event, remote)
            await finish(conn, note)
    except CalendarDisagrees as error:
        async with ctx.pool.acquire() as conn:
            await drop_free_times(conn, ctx.config(), remote.event_type_id, [Span(remote.starts_at, remote.ends_at)])
        actor = ctx.config().calendar.provider.lower()
        await record_audit(
            ctx.pool, ctx.tenant, actor=actor, action="calendar.disagrees", detail={"reason": str(error)},
            correlation_id=event.correlation_id,
        )  # fmt: skip
        raise
    log.info("booking.followed", step=note, correlation_id=event.correlation_id)
    return step


async def _get_remote(ctx: BookingContext, event: CalendarEvent) -> RemoteBooking | None:
    """Return the booking as the calendar has it now, None if the calendar does not know it.

    Whoever books on a public page can write any metadata, our request id included: that id is dropped if the booking that we
    made for it is still live under another uid. It may also be that very booking, moved since it was read: so it is read again.
    """
    try:
        remote = event.remote or await _get_booking(ctx, event.uid, event.event_type_id, event.correlation_id)
        if remote is not None:
            remote = await _with_earlier_uids(ctx, event, remote)
        conflicting_uid = await find_conflicting_uid(ctx.pool, ctx.tenant, remote) if remote else None
        if remote is None or conflicting_uid is None:
            return remote
        original = await _get_booking(ctx, conflicting_uid, None, event.correlation_id)
        if original is None or not original.live or original.uid == remote.uid:
            return remote
        again = await _get_booking(ctx, remote.uid, event.event_type_id, event.correlation_id)
    except CalendarUnavailable as error:
        if ctx.clock.now() - event.received_at > _MAX_OUTAGE:
            raise DeadNow(f"the calendar could not be asked for a day, redrive it then: {error}") from error
        raise RunAgain(next_try(ctx, error.retry_after or ctx.settings.sync_delay), str(error)) from error
    return again if again is None or original.uid in again.uids else replace(remote, request_id=None)


async def _with_earlier_uids(ctx: BookingContext, event: CalendarEvent, remote: RemoteBooking) -> RemoteBooking:
    """Return the booking with the uids that it had before, back to one that is known here.

    A person may move a booking several times before the events are handled, in whatever order: the uid that we know can lie
    more than one move back, and without it the booking would be taken for a new one.
    """
    first = event.uid
    while remote.uids[-1] != first and len(remote.uids) < _MAX_UIDS:
        async with ctx.pool.acquire() as conn:
            if await find_local_appointment(conn, ctx.tenant, remote):
                break
        first = remote.uids[-1]
        earlier = await _get_booking(ctx, first, event.event_type_id, event.correlation_id)
        if earlier is not None and earlier.uids[-1] not in remote.uids:
            remote = replace(remote, uids=(*remote.uids, earlier.uids[-1]))
    return remote


async def _get_booking(
    ctx: BookingContext, uid: str, event_type_id: int | None, correlation_id: str
) -> RemoteBooking | None:
    """Return a booking, from the account of its event type; our row knows that where the event does not say it."""
    if event_type_id is None:
        event_type_id = await find_event_type(ctx.pool, ctx.tenant, uid)
    return await ctx.calendar.get_booking(uid, event_type_id=event_type_id, correlation_id=correlation_id)


async def _apply(
    conn: Connection, ctx: BookingContext, event: CalendarEvent, remote: RemoteBooking
) -> tuple[Step, str]:
    """Apply a booking in one transaction; return what it required, and the note for its event.

    Staff members are locked first, as by every writer of claims. The appointment is looked for again after that: whoever held
    the lock may have added it for another event of the same booking.
    """
    appointment_id = await find_local_appointment(conn, ctx.tenant, remote)
    known = await get_appointment(conn, ctx.tenant, appointment_id) if appointment_id else None
    branch, service = (known.branch, known.service) if known else (None, None)
    length = remote.ends_at - remote.starts_at
    link = find_event_type_link(ctx.config(), remote.event_type_id, branch, service, length, remote.host_id)
    resources = link.staff_member.resource_ids if link else ()
    await lock_and_clear_holds(conn, ctx.tenant, resources, _NO_CALL, appointment_id=appointment_id)
    appointment_id = await find_local_appointment(conn, ctx.tenant, remote)
    appointment = await get_appointment(conn, ctx.tenant, appointment_id, lock=True) if appointment_id else None
    spans = [Span(remote.starts_at, remote.ends_at), *(appointment.spans if appointment else ())]
    await drop_free_times(conn, ctx.config(), remote.event_type_id, spans)
    step = _decide(ctx, appointment, remote)
    match step, appointment:
        case Step.ADD, None:
            if link is None:
                return Step.NOTHING, f"stored only: no service has the event type {remote.event_type_id}"
            appointment = await _add(conn, ctx, event, remote, link)
        case Step.AGREE, Appointment():
            if appointment.status == Status.PENDING_SYNC:
                await mark_confirmed(conn, ctx.tenant, appointment, remote.confirmed)
            else:
                await record_remote_uid(conn, ctx.tenant, appointment.id, remote)
        case Step.MOVE, Appointment():
            await _move(conn, ctx, appointment, remote, link)
        case Step.CANCEL, Appointment():
            await mark_cancelled(conn, ctx.tenant, appointment, CancelledBy.CALENDAR, None)
            await record_remote_uid(conn, ctx.tenant, appointment.id, remote)
        case Step.ATTENDANCE, Appointment():
            await mark_no_show(conn, ctx.tenant, appointment, remote.changed_at, no_show=remote.absent)
        case Step.SYNC, Appointment():
            if remote.live and remote.request_id == appointment.id:
                # Its uid may be new here, and without it the job would look at the times that we know only, and create another.
                await record_remote_uid(conn, ctx.tenant, appointment.id, remote)
            await enqueue_sync(conn, ctx.tenant, appointment.id, appointment.correlation_id)
            await outdate_running_sync(conn, ctx.tenant, appointment.id)
    return step, f"{step}: appointment {appointment.id}" if appointment else step.value


async def _add(
    conn: Connection, ctx: BookingContext, event: CalendarEvent, remote: RemoteBooking, link: EventTypeLink
) -> Appointment:
    """Add a booking that a person made in the calendar: it takes the staff member's time here, too."""
    placement = await _require_placement(conn, ctx, remote, link, None)
    customer = await upsert_customer(conn, ctx.tenant, remote.phone, remote.name, None) if remote.phone else None
    appointment = Appointment(
        id=uuid4(),
        branch=link.rules.branch.name,
        service=link.rules.service.name,
        staff=placement.staff,
        starts_at=placement.starts_at,
        ends_at=placement.ends_at,
        status=Status.PENDING_SYNC if remote.pending else Status.CONFIRMED,
        call_id=_NO_CALL,
        correlation_id=event.correlation_id,
        customer_name=remote.name,
        attendee_email=remote.email,
        event_type_id=remote.event_type_id,
        customer_id=customer,
    )
    await insert_appointment(conn, ctx.tenant, appointment, placement.claims, placement.units)
    await record_remote_uid(conn, ctx.tenant, appointment.id, remote)
    return appointment


async def _move(
    conn: Connection, ctx: BookingContext, appointment: Appointment, remote: RemoteBooking, link: EventTypeLink | None
) -> None:
    if link is None:
        raise CalendarDisagrees(
            f"appointment {appointment.id} was moved in the calendar to event type {remote.event_type_id}, which no service has:"
            " name it in a ServiceOffering, or move it back"
        )
    placement = await _require_placement(conn, ctx, remote, link, appointment.id)
    await move_appointment(conn, ctx.tenant, appointment, placement, ask_calendar=False)
    await record_remote_move(conn, ctx.tenant, appointment.id, remote, link)


async def _require_placement(
    conn: Connection, ctx: BookingContext, remote: RemoteBooking, link: EventTypeLink, moving: UUID | None
) -> Placement:
    """Return where the booking goes here. Raises `CalendarDisagrees` if somebody else is promised that time."""
    visit = Span(remote.starts_at, remote.ends_at)
    placement, obstacle = await find_placement(conn, ctx.tenant, visit, link, moving)
    if placement is not None:
        return placement
    who = f"appointment {obstacle} stands there in our book" if obstacle else "our book has nobody of that name yet"
    raise CalendarDisagrees(
        f"a booking of the calendar at {remote.starts_at:%Y-%m-%d %H:%M} UTC with {link.staff_member.id!r}"
        f" can not be taken in: {who}; move one of the two, then redrive the event"
    )
