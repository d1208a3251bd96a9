"""Translate between appointments and their bookings in the remote calendar, in both directions.

Shared by the hot path (`booking.py`), the sync job (`calendar_sync/outbound.py`) and the events (`calendar_sync/inbound.py`).
"""

import asyncio
import random
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from askproai_core.database import DATABASE_UNAVAILABLE, Connection
from askproai_core.tenant_config import Service, TenantConfig
from askproai_core.tenant_config.services import EventType, TeamEventType
from askproai_runtime.availability.slots import Claims, EventTypeLink, ServiceRules, Span, subtract_spans
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.free_times import drop_free_times
from askproai_runtime.book.store.appointments import delete_overlapping_holds, extend_appointment
from askproai_runtime.book.store.calendar import (
    BlockingBooking,
    forget_uid,
    list_blocking_bookings,
    lock_unchanged,
    mark_confirmed,
    record_error,
    record_uid,
)
from askproai_runtime.book.store.calendar import list_known as list_known  # noqa: PLC0414  for the import of bookings
from askproai_runtime.book.store.claims import Placement, list_booked_claims, lock_and_clear_holds
from askproai_runtime.calendars import (
    CalendarOutcome,
    CalendarRequest,
    CalendarUnavailable,
    Confirmed,
    MustRevert,
    Refused,
    Taken,
    Unavailable,
    Unknown,
)
from askproai_runtime.jobs import JobKind, Priority, enqueue

log = structlog.get_logger(__name__)


def next_try(ctx: BookingContext, wait: timedelta) -> datetime:
    """Return when a job is tried next: after `wait` and up to half of it more, at random, so that not all jobs run at once."""
    return ctx.clock.now() + wait * random.uniform(1, 1.5)  # noqa: S311  no secret


def calendar_request(appointment: Appointment) -> CalendarRequest:
    """Return the calendar request for an appointment. Raises `ValueError` for one that is in the local calendar only."""
    if appointment.event_type_id is None:
        raise ValueError(f"appointment {appointment.id} has no event type: it is in the local calendar only")
    return CalendarRequest(
        request_id=appointment.id,
        event_type_id=appointment.event_type_id,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        name=appointment.customer_name,
        phone=appointment.phone,
        email=appointment.attendee_email,
        call_id=appointment.call_id,
        correlation_id=appointment.correlation_id,
        service=appointment.service,
        staff=appointment.staff,
        # The desk's notes are for colleagues: the remote calendar may mail them to the customer.
        notes=None if appointment.by_desk else appointment.notes,
    )


async def create_booking(
    ctx: BookingContext, appointment: Appointment, within: timedelta, *, caller_waits: bool = False
) -> CalendarOutcome:
    """Create the appointment's booking in the calendar.

    If the time is taken there by a booking that is cancelled here and not yet there, cancel that booking, and try once more.
    """
    request = replace(calendar_request(appointment), caller_waits=caller_waits)
    deadline = ctx.clock.monotonic() + within.total_seconds()
    outcome = await ctx.calendar.create(request, within=within)
    if not isinstance(outcome, Taken):
        return outcome
    try:
        async with ctx.pool.acquire() as conn:
            blocking = await list_blocking_bookings(conn, ctx.tenant, appointment)
    except DATABASE_UNAVAILABLE:
        if not caller_waits:  # the job tries again
            raise
        log.warning("booking.blocking_not_read", appointment=str(appointment.id), exc_info=True)
        return outcome
    freed = False
    for each in blocking:
        uid = each.uid or await _find_uid(ctx, request, each, deadline - ctx.clock.monotonic())
        left = timedelta(seconds=deadline - ctx.clock.monotonic())
        if uid is not None and left > timedelta():
            of_other = replace(appointment, event_type_id=each.event_type_id)
            freed |= isinstance(await cancel_booking(ctx, of_other, uid, left), Confirmed | Unknown)
    left = timedelta(seconds=deadline - ctx.clock.monotonic())
    return await ctx.calendar.create(request, within=left) if freed and left > timedelta() else outcome


async def _find_uid(
    ctx: BookingContext, request: CalendarRequest, blocking: BlockingBooking, seconds: float
) -> str | None:
    """Return the uid of a booking whose POST was not answered; None if the calendar shows none within `seconds`."""
    lost = replace(
        request, request_id=blocking.appointment_id, event_type_id=blocking.event_type_id, starts_at=blocking.starts_at,
        ends_at=blocking.ends_at,
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds):
            found = await ctx.calendar.find(lost)
    except (CalendarUnavailable, TimeoutError):
        return None
    return None if found is None else found.uid


async def cancel_booking(ctx: BookingContext, appointment: Appointment, uid: str, within: timedelta) -> CalendarOutcome:
    """Cancel a booking in the calendar, with the reason, the correlation id and the account of `appointment`."""
    return await ctx.calendar.cancel(
        uid,
        reason=appointment.cancel_reason or "abgesagt",
        event_type_id=appointment.event_type_id,
        correlation_id=appointment.correlation_id,
        within=within,
    )


async def move_booking(
    ctx: BookingContext, appointment: Appointment, uid: str, correlation_id: str, within: timedelta
) -> CalendarOutcome:
    """Move a booking in the calendar to the appointment's time.

    The remote calendar gives a moved booking the default length of its event type. If the appointment has another length, its
    booking is cancelled and made anew. A crash between the two leaves an appointment without a booking, which the sync job
    makes.
    """
    default = ctx.config().default_minutes(appointment.event_type_id)
    if default is None or timedelta(minutes=default) == appointment.ends_at - appointment.starts_at:
        return await ctx.calendar.move(
            uid,
            appointment.starts_at,
            event_type_id=appointment.event_type_id,
            correlation_id=correlation_id,
            within=within,
        )
    deadline = ctx.clock.monotonic() + within.total_seconds()
    moved = replace(appointment, correlation_id=correlation_id, cancel_reason="auf eine andere Zeit verschoben")
    cancelled = await cancel_booking(ctx, moved, uid, within)
    if not isinstance(cancelled, Confirmed):
        return cancelled
    async with ctx.pool.acquire() as conn:
        await forget_uid(conn, ctx.tenant, appointment.id, uid)
    left = timedelta(seconds=deadline - ctx.clock.monotonic())
    if left <= timedelta():
        return Unavailable("no time was left to book it anew")
    outcome = await create_booking(ctx, moved, left)
    return MustRevert(outcome.message) if isinstance(outcome, Taken | Refused) else outcome


async def cover_end(
    ctx: BookingContext, appointment: Appointment, outcome: CalendarOutcome
) -> tuple[Appointment, CalendarOutcome]:
    """Return the appointment, extended to cover its booking in the calendar, and the outcome.

    The event type may have been made longer in the remote calendar, and a team's booking may have another host than the
    requested one. The appointment gets that end and that staff member; its buffers may shrink. The outcome is `MustRevert` if
    that time is promised to somebody else, or if the host is no staff member. A shorter booking leaves the appointment as it
    is.
    """
    if not isinstance(outcome, Confirmed):
        return appointment, outcome
    ends_at = max(outcome.ends_at or appointment.ends_at, appointment.ends_at)
    is_elsewhere = has_other_host(ctx.config(), appointment, outcome.host_id)
    if ends_at == appointment.ends_at and not is_elsewhere:
        return appointment, outcome
    host_id = outcome.host_id if is_elsewhere else ctx.config().host_id(appointment.event_type_id, appointment.staff)
    link = find_event_type_link(
        ctx.config(), appointment.event_type_id, appointment.branch, appointment.service, host_id=host_id
    )
    if is_elsewhere and link is not None and link.rules.branch.name != appointment.branch:
        link = None
    if link is None and not is_elsewhere:
        return appointment, outcome
    ids = {"appointment": str(appointment.id), "correlation_id": appointment.correlation_id}
    async with ctx.pool.acquire() as conn, conn.transaction():
        resources = link.staff_member.resource_ids if link else ()
        await lock_and_clear_holds(conn, ctx.tenant, resources, "", appointments=[appointment.id])
        if not await lock_unchanged(conn, ctx.tenant, appointment):
            return appointment, outcome  # its confirmation finds out that it was changed
        placement, obstacle = None, None
        if link is not None:
            visit = Span(appointment.starts_at, ends_at)
            placement, obstacle = await find_placement(conn, ctx.tenant, visit, link, appointment.id)
        if placement is not None:
            await extend_appointment(conn, ctx.tenant, appointment, placement)
            event = "booking.other_host_at_calendar" if is_elsewhere else "booking.longer_at_calendar"
            log.warning(event, consequence="the appointment has the calendar's end and staff member", **ids)
            return replace(appointment, ends_at=placement.ends_at, staff=placement.staff), outcome
        await record_uid(conn, ctx.tenant, appointment.id, outcome.uid)
    event = "booking.host_not_free_here" if is_elsewhere else "booking.too_long_at_calendar"
    log.warning(event, consequence="it is undone in the calendar, or a person decides", **ids)
    if link is None:
        text = f"the calendar gave the booking to host {outcome.host_id}, who is no staff member of the service in this branch"
        return appointment, MustRevert(f"{text}: add the userId to calcom.eventTypes")
    who = f"appointment {obstacle} is" if obstacle else "others are"
    if is_elsewhere:
        return appointment, MustRevert(f"the calendar gave the booking to {link.staff_member.id}, and {who} in the way")
    text = (
        f"the calendar ends the booking at {ends_at:%H:%M} UTC, and {who} in the way: correct the event type's length"
    )
    return appointment, MustRevert(text)


def has_other_host(config: TenantConfig, appointment: Appointment, host_id: int | None) -> bool:
    """Return whether a team's booking is done by another host than the appointment's staff member."""
    asked = config.host_id(appointment.event_type_id, appointment.staff)
    return asked is not None and host_id not in {None, asked}


async def record_outcome(
    conn: Connection, ctx: BookingContext, appointment: Appointment, outcome: CalendarOutcome
) -> None:
    """Store the calendar's outcome while a caller waits: confirm the appointment, or store the error for the sync job to solve."""
    if isinstance(outcome, Confirmed):
        await confirm_or_resync(conn, ctx.tenant, appointment, outcome)
    else:
        await record_error(conn, ctx.tenant, appointment, outcome.message)
    if not isinstance(outcome, Unavailable):
        await drop_free_times(conn, ctx.config(), appointment.event_type_id, appointment.spans)


async def confirm_or_resync(conn: Connection, tenant: str, appointment: Appointment, confirmed: Confirmed) -> bool:
    """Mark the appointment as confirmed. If it was moved or cancelled here meanwhile, enqueue a sync job and return False."""
    agreed = await mark_confirmed(conn, tenant, appointment, confirmed)
    if not agreed:
        await enqueue_sync(conn, tenant, appointment.id, appointment.correlation_id)
    return agreed


async def enqueue_sync(
    conn: Connection, tenant: str, appointment_id: UUID, correlation_id: str, run_at: datetime | None = None
) -> None:
    """Enqueue the sync job of an appointment, due at `run_at`, or immediately. An earlier time replaces that of a queued job."""
    await enqueue(
        conn, tenant, JobKind.CALENDAR_SYNC, Priority.HIGH, correlation_id=correlation_id, appointment_id=appointment_id,
        run_at=run_at,
    )  # fmt: skip


def find_event_type_link(
    config: TenantConfig,
    event_type_id: int | None,
    preferred_branch: str | None = None,
    preferred_service: str | None = None,
    length: timedelta | None = None,
    host_id: int | None = None,
) -> EventTypeLink | None:
    """Return the service and the staff member of an event type, found by its id in the remote calendar.

    An event type can be linked in several branches and services. `preferred_branch` is tried first. So is `preferred_service`,
    and after it a service that lasts as long as the booking (`length`). A team's event type has several staff members:
    `host_id` must be given, and decides whose booking it is.

    None if no service names the event type, or if its staff member cannot do the service in any branch.
    """
    branches = sorted(config.branches, key=lambda branch: branch.name != preferred_branch)

    def fits_less(linked: tuple[Service, EventType]) -> tuple[bool, bool]:
        service, link = linked
        lasts = timedelta(minutes=service.done_by(link.staff).duration_minutes)
        return service.name != preferred_service, lasts != length

    links = [(service, link) for service in config.services for link in service.linked_event_types]
    for service, link in sorted(links, key=fits_less):
        for branch in branches:
            able = service.branch in {None, branch.name} and link.staff in service.staff.get(branch.name, ())
            staff = tuple(staff_member for staff_member in branch.staff if staff_member.id == link.staff)
            is_other = isinstance(link, TeamEventType) and host_id != link.host_id
            if link.event_type_id == event_type_id and able and staff and not is_other:
                return EventTypeLink(ServiceRules(ZoneInfo(config.time_zone), branch, service, staff), staff[0])
    return None


async def find_placement(
    conn: Connection, tenant: str, visit: Span, link: EventTypeLink, ignoring: UUID | None
) -> tuple[Placement | None, UUID | None]:
    """Return the placement of a remote booking in our book, or None and the id of the appointment that conflicts with it.

    Buffers do not conflict: in the remote calendar a person may put bookings side by side. Overlapping holds are deleted: they
    were never promised. `ignoring` is the appointment that is to be moved, and cannot conflict with itself.
    """
    service, staff_member = link.rules.service, link.staff_member
    blocked = _with_buffers(visit, link)
    await delete_overlapping_holds(conn, tenant, staff_member.resource_ids, blocked)
    booked = await list_booked_claims(conn, tenant, staff_member.resource_ids, blocked, visit, ignoring)
    promised = [claim for claim in booked if claim.promised]
    # If one of the two appointments takes the whole staff member, no other unit helps.
    exclusive = [claim.appointment_id for claim in promised if service.capacity == 1 or claim.units == 1]
    claims: Claims = []
    for resource_id in staff_member.resource_ids[: staff_member.units]:
        of_resource = [claim for claim in booked if claim.resource_id == resource_id]
        pieces = subtract_spans(blocked, [claim.span for claim in of_resource])
        if pieces and not any(claim.promised for claim in of_resource):
            claims.append((resource_id, max(pieces, key=lambda piece: _overlap(piece, visit))))
    count = staff_member.units // service.capacity
    if exclusive or len(claims) < count:
        return None, next(iter(exclusive), next((claim.appointment_id for claim in (*promised, *booked)), None))
    return Placement(staff_member.id, visit.start, visit.end, claims[:count], staff_member.units), None


def _with_buffers(visit: Span, link: EventTypeLink) -> Span:
    before = timedelta(minutes=link.rules.service.buffer_before_minutes)
    return Span(visit.start - before, visit.end + timedelta(minutes=link.rules.service.buffer_after_minutes))


def _overlap(piece: Span, visit: Span) -> timedelta:
    return min(piece.end, visit.end) - max(piece.start, visit.start)
