"""Apply to our book the changes that people make in the remote calendar: new, moved and cancelled bookings, and no-shows.

Level-triggered: an event only says that something happened to a booking. Its meaning is decided from the booking as the
calendar has it now and from our row, so the order and number of events does not matter
(docs/decisions/0016-calendar-events-are-hints.md).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

import structlog

from askproai_core.database import Connection
from askproai_core.tenant_config import TenantConfig, Withheld
from askproai_runtime.availability.slots import EventTypeLink, Span
from askproai_runtime.book.announce import announce
from askproai_runtime.book.appointments import Appointment, CancelledBy, Status
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.free_times import drop_free_times
from askproai_runtime.book.remote import enqueue_sync, find_event_type_link, find_placement, has_other_host, next_try
from askproai_runtime.book.store.appointments import (
    get_appointment,
    insert_appointment,
    mark_cancelled,
    move_appointment,
    upsert_customer,
)
from askproai_runtime.book.store.audit import record_audit
from askproai_runtime.book.store.calendar import (
    detach_from_calendar,
    find_local_appointment,
    is_up_to_date,
    list_local_appointments,
    mark_confirmed,
    mark_no_show,
    outdate_running_sync,
    record_remote_move,
    record_remote_uid,
)
from askproai_runtime.book.store.claims import Placement, lock_and_clear_holds
from askproai_runtime.calendar_sync.outbound import CalendarDisagrees
from askproai_runtime.calendar_sync.reading import CalendarEvent, read_remote
from askproai_runtime.calendars import RemoteBooking
from askproai_runtime.jobs import RunAgain
from askproai_runtime.notifications.types import Kind

log = structlog.get_logger(__name__)

_NO_CALL = ""
_MAX_READINGS = 5  # of a booking that changes each time; the job goes on later then


class Step(StrEnum):
    """The step that a remote booking requires in our book. The values are notes that are stored with the event."""

    NOTHING = "nothing new"
    ADD = "taken in"
    AGREE = "both books agree"
    MOVE = "moved"
    CANCEL = "cancelled"
    ATTENDANCE = "presence noted"
    SYNC = "left to calendar-sync, which brings our own wish there"


_TAKES_A_TIME = frozenset({Step.ADD, Step.MOVE})
_CHANGES_NOTHING = frozenset({Step.NOTHING, Step.AGREE})


def decide(appointment: Appointment | None, remote: RemoteBooking, now: datetime) -> Step:
    """Return the step that a remote booking requires, given our appointment of it, if there is one. Pure.

    While our own change is on its way to the calendar (`pending_sync`), our state wins; otherwise the calendar's does.
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
        if appointment.live:
            return Step.CANCEL
        is_refused = appointment.status == Status.CANCELLED and appointment.error is not None
        return Step.SYNC if is_refused else Step.NOTHING  # somebody has cancelled there by hand, as the error asks
    if appointment.status in {Status.CANCELLED, Status.FAILED}:
        return Step.MOVE if appointment.cancelled_by == CancelledBy.CALENDAR else Step.SYNC
    if remote.starts_at != appointment.starts_at:
        return Step.SYNC if pending and not appointment.awaits_confirmation else Step.MOVE
    if remote.absent != (appointment.status == Status.NO_SHOW):
        return Step.ATTENDANCE
    if appointment.live and remote.ends_at > appointment.ends_at:
        # The time between is promised to nobody else; a shorter booking leaves the appointment as it is.
        return Step.MOVE
    return Step.AGREE if pending or appointment.external_id != remote.uid else Step.NOTHING


async def is_news(ctx: BookingContext, remote: RemoteBooking) -> bool:
    """Return whether our book must change because of a listed booking. Takes no locks, since most bookings require no change."""
    async with ctx.pool.acquire() as conn:
        appointment_id = await find_local_appointment(conn, ctx.tenant, remote)
        appointment = await get_appointment(conn, ctx.tenant, appointment_id) if appointment_id else None
    return _decide(ctx, appointment, remote) is not Step.NOTHING


def _decide(ctx: BookingContext, appointment: Appointment | None, remote: RemoteBooking) -> Step:
    """Return the required step (`decide`). A team's booking with another host than our staff member requires `MOVE`."""
    step = decide(appointment, remote, ctx.clock.now())
    if appointment is None or step not in {Step.NOTHING, Step.AGREE} or not (appointment.live and remote.live):
        return step
    known_at = appointment.external_updated_at
    if known_at is not None and remote.changed_at is not None and remote.changed_at < known_at:
        return step  # it was read before we stored something newer
    return Step.MOVE if has_other_host(ctx.config(), appointment, remote.host_id) else step


async def _unchecked(_conn: Connection) -> None:
    """The default of `check` for a booking without a job: no other worker can have it."""


async def apply_calendar_event(
    ctx: BookingContext,
    event: CalendarEvent,
    finish: Callable[[Connection, str], Awaitable[None]],
    check: Callable[[Connection], Awaitable[None]] = _unchecked,
) -> Step:
    """Apply one booking's change in the calendar to our book, and return the step that it required.

    A booking that takes a time here is read once more before the job ends: it may have changed since it was read, and its next
    event may have been handled before our book had the booking (docs/decisions/0016-calendar-events-are-hints.md). A task that
    passes a listed booking lists it again later instead. `finish` ends the event's job, with a note, in the transaction of the
    last reading. `check` runs in the earlier transactions, and raises if another worker has the job by now. A crash leaves the
    job to another worker.

    Raises `CalendarDisagrees` if the two calendars promise one time to two people, `RunAgain` while the calendar is
    unavailable, and `DeadNow` after a day of that.
    """
    first, note = Step.NOTHING, "stored only: the calendar does not know this booking any more"
    for _ in range(_MAX_READINGS):
        remote = None
        if not ctx.calendar.remote:
            note = "stored only: this tenant's calendar is its own book"
        elif event.starts_at and await is_up_to_date(ctx.pool, ctx.tenant, event.uid, event.starts_at):
            note = "nothing new: our own doing"
        else:
            remote = await read_remote(ctx, event)
        if remote is None:
            async with ctx.pool.acquire() as conn, conn.transaction():
                await finish(conn, note)
            return first
        try:
            async with ctx.pool.acquire() as conn, conn.transaction():
                step, text, found = await _apply(conn, ctx, event, remote)
                note = note if first is not Step.NOTHING and step in _CHANGES_NOTHING else text
                is_last = event.remote is not None or step not in _TAKES_A_TIME
                await (finish(conn, note) if is_last else check(conn))
        except CalendarDisagrees as error:
            event = replace(event, remote=None, starts_at=None)
            if not await _has_changed(ctx, event, remote):
                await _record_disagreement(ctx, event, remote, error)
                raise
            continue
        branch = found.branch if found else None
        log.info("booking.followed", change=text, branch=branch, correlation_id=event.correlation_id)
        first = step if first is Step.NOTHING else first
        if is_last:
            return first
        event = replace(event, starts_at=None)
    raise RunAgain(next_try(ctx, ctx.settings.sync_delay), "the booking changes in the calendar whenever it is read")


async def _has_changed(ctx: BookingContext, event: CalendarEvent, remote: RemoteBooking) -> bool:
    """Return whether a booking's uid, start or status has changed in the remote calendar since `remote` was read."""
    now = await read_remote(ctx, event)
    return now is None or (now.uid, now.starts_at, now.live) != (remote.uid, remote.starts_at, remote.live)


async def _record_disagreement(
    ctx: BookingContext, event: CalendarEvent, remote: RemoteBooking, error: CalendarDisagrees
) -> None:
    async with ctx.pool.acquire() as conn:
        await drop_free_times(conn, ctx.config(), remote.event_type_id, [Span(remote.starts_at, remote.ends_at)])
    actor = ctx.config().calendar.provider.lower()
    await record_audit(
        ctx.pool, ctx.tenant, actor=actor, action="calendar.disagrees", detail={"reason": str(error)},
        correlation_id=event.correlation_id,
    )  # fmt: skip


async def _apply(
    conn: Connection, ctx: BookingContext, event: CalendarEvent, remote: RemoteBooking
) -> tuple[Step, str, Appointment | None]:
    """Apply a booking in one transaction; return the step that it required, the note for its event, and the appointment.

    Staff members are locked first, as by every writer of claims. Then the appointment is looked up again: another worker may
    have added it, under the lock, for another event of the same booking.
    """
    found = await list_local_appointments(conn, ctx.tenant, remote)
    known = await get_appointment(conn, ctx.tenant, found[0]) if found else None
    link = _find_link(ctx.config(), remote, known)
    resources = link.staff_member.resource_ids if link else ()
    await lock_and_clear_holds(conn, ctx.tenant, resources, _NO_CALL, appointments=found)
    found = await list_local_appointments(conn, ctx.tenant, remote)
    appointment = await get_appointment(conn, ctx.tenant, found[0], lock=True) if found else None
    await _give_up_doubles(conn, ctx, remote, found)
    spans = [Span(remote.starts_at, remote.ends_at), *(appointment.spans if appointment else ())]
    await drop_free_times(conn, ctx.config(), remote.event_type_id, spans)
    step = _decide(ctx, appointment, remote)
    match step, appointment:
        case Step.ADD, None:
            if link is None:
                return Step.NOTHING, f"stored only: {_explain_no_link(ctx.config(), remote)[0]}", None
            appointment = await _add(conn, ctx, event, remote, link)
            await _announce(conn, ctx, Kind.BOOKED, appointment, is_news=event.is_new)
        case Step.AGREE, Appointment():
            if appointment.status == Status.PENDING_SYNC:
                await mark_confirmed(conn, ctx.tenant, appointment, remote.confirmed)
            else:
                await record_remote_uid(conn, ctx.tenant, appointment.id, remote)
        case Step.MOVE, Appointment():
            await _move(conn, ctx, appointment, remote, link)
            is_news = not appointment.live or remote.starts_at != appointment.starts_at
            await _announce(conn, ctx, Kind.MOVED, appointment, is_news=is_news)
        case Step.CANCEL, Appointment():
            await mark_cancelled(conn, ctx.tenant, appointment, CancelledBy.CALENDAR, remote.cancel_reason)
            await record_remote_uid(conn, ctx.tenant, appointment.id, remote)
            await _announce(conn, ctx, Kind.CANCELLED, appointment)
        case Step.ATTENDANCE, Appointment():
            await mark_no_show(conn, ctx.tenant, appointment, remote.changed_at, no_show=remote.absent)
        case Step.SYNC, Appointment():
            if remote.live and remote.request_id == appointment.id:
                # The uid may be new here. Without it, the job looks only at the known times, and creates a second booking.
                await record_remote_uid(conn, ctx.tenant, appointment.id, remote)
            await enqueue_sync(conn, ctx.tenant, appointment.id, appointment.correlation_id)
            await outdate_running_sync(conn, ctx.tenant, appointment.id)
    return step, f"{step}: appointment {appointment.id}" if appointment else step.value, appointment


async def _announce(
    conn: Connection, ctx: BookingContext, kind: Kind, appointment: Appointment, *, is_news: bool = True
) -> None:
    """Enqueue the notifications of a change from the calendar. Reads the appointment again, but only if the tenant notifies."""
    if not is_news or ctx.config().notifications is None:
        return
    if after := await get_appointment(conn, ctx.tenant, appointment.id):
        await announce(conn, ctx.config(), kind, after)


def _find_link(config: TenantConfig, remote: RemoteBooking, known: Appointment | None) -> EventTypeLink | None:
    """Return the service and staff member of a remote booking, or None. `known` is our appointment of it, if any."""
    number, length = remote.event_type_id, remote.ends_at - remote.starts_at
    if known is None and config.withheld(number) is Withheld.NOT_FOUND:
        return None  # a service names this event type by mistake: its bookings are another business's
    if known is None:
        return find_event_type_link(config, number, length=length, host_id=remote.host_id)
    host_id = remote.host_id or config.host_id(number, known.staff)
    return find_event_type_link(config, number, known.branch, known.service, length, host_id)


async def _give_up_doubles(conn: Connection, ctx: BookingContext, remote: RemoteBooking, found: Sequence[UUID]) -> None:
    """Keep the first of the appointments that have this remote booking, and cancel the others that were imported from the
    calendar.

    The others arise if two workers follow the moves of one booking: each has the uid from before a move. An appointment that a
    caller has booked is not cancelled, nor is one that is about to be moved.
    """
    for appointment_id in found[1:]:
        double = await get_appointment(conn, ctx.tenant, appointment_id, lock=True)
        if double is None or double.call_id != _NO_CALL or double.external_id not in remote.uids:
            continue
        if double.live and double.was_starts_at is None:
            await mark_cancelled(conn, ctx.tenant, double, CancelledBy.CALENDAR, None)
            await detach_from_calendar(conn, ctx.tenant, double.id, found[0])
            await drop_free_times(conn, ctx.config(), double.event_type_id, double.spans)
            log.info("booking.double_given_up", appointment=str(double.id), kept=str(found[0]))


async def _add(
    conn: Connection, ctx: BookingContext, event: CalendarEvent, remote: RemoteBooking, link: EventTypeLink
) -> Appointment:
    """Add an appointment for a booking that a person made in the calendar: it takes the staff member's time here, too."""
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
        why, cure = _explain_no_link(ctx.config(), remote)
        raise CalendarDisagrees(
            f"appointment {appointment.id} was changed in the calendar, but {why}: {cure}, or change it back there"
        )
    placement = await _require_placement(conn, ctx, remote, link, appointment.id)
    await move_appointment(conn, ctx.tenant, appointment, placement, ask_calendar=False)
    await record_remote_move(conn, ctx.tenant, appointment.id, remote, link)


def _explain_no_link(config: TenantConfig, remote: RemoteBooking) -> tuple[str, str]:
    """Return why a remote booking belongs to no staff member here, and how to correct that."""
    number = remote.event_type_id
    if all(link.event_type_id != number for service in config.services for link in service.team_event_types):
        return f"no service has the event type {number}", "name it in a ServiceOffering"
    if remote.host_id is None:
        return f"the calendar does not say which host of event type {number} does it", "give it to one host there"
    why = f"host {remote.host_id} of event type {number} is no staff member of a service"
    return why, "add the userId to calcom.eventTypes"


async def _require_placement(
    conn: Connection, ctx: BookingContext, remote: RemoteBooking, link: EventTypeLink, moving: UUID | None
) -> Placement:
    """Return the booking's placement in our book. Raises `CalendarDisagrees` if its time is promised to somebody else."""
    visit = Span(remote.starts_at, remote.ends_at)
    placement, obstacle = await find_placement(conn, ctx.tenant, visit, link, moving)
    if placement is not None:
        return placement
    who = f"appointment {obstacle} stands there in our book" if obstacle else "our book has nobody of that name yet"
    raise CalendarDisagrees(
        f"a booking of the calendar at {remote.starts_at:%Y-%m-%d %H:%M} UTC with {link.staff_member.id!r}"
        f" cannot be imported: {who}; move one of the two, then redrive the event"
    )
