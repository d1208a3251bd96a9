"""Book an appointment, read from top to bottom.

    claim the action of the call → lock the slot in Redis, which only spares work → TX1: lock the staff members, check the
    slot again, write the appointment (pending, with its sync job) → ask the calendar, outside any transaction → TX2: confirm
    it or keep it pending; if the time is taken there: give it up, and try the next staff member; if the calendar refuses it
    for another reason: give it up, and try the next one if the cause may be this staff member's event type, else refuse it

A caller's booking is made once for each request of the call, a booking by the desk once for each request id.

A process that is killed anywhere leaves either nothing, or a pending appointment that its sync job finishes. A repeated request
finds that appointment instead of making a second one. The fault points between the steps are there to prove it.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg
import structlog

from askproai_core.database import Connection
from askproai_core.tracing import annotate, span
from askproai_runtime.availability.slots import Slot
from askproai_runtime.book.actor import Actor
from askproai_runtime.book.announce import announce
from askproai_runtime.book.appointments import Appointment, Status, build_appointment
from askproai_runtime.book.bookables import linked_event_types
from askproai_runtime.book.caller_appointments import read_caller_appointments
from askproai_runtime.book.cancelling import cancel_replaced
from askproai_runtime.book.changes import Change
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.errors import SlotNotFree
from askproai_runtime.book.free_times import drop_free_times
from askproai_runtime.book.idempotency import ActionClaim, claim_action, settle_action
from askproai_runtime.book.kept_appointments import list_kept
from askproai_runtime.book.one_more import require_new
from askproai_runtime.book.outcomes import (
    Booked,
    InFlight,
    Limit,
    LimitReached,
    NotBooked,
    NotFree,
    PhoneNeeded,
    Refused,
    Undecided,
)
from askproai_runtime.book.outcomes import Busy as LockBusy
from askproai_runtime.book.remote import cover_end, create_booking, enqueue_sync
from askproai_runtime.book.repeated import find_repeated, find_settled
from askproai_runtime.book.requests import BookingRequest
from askproai_runtime.book.slot_choice import choose_slots
from askproai_runtime.book.store.actions import is_action_done
from askproai_runtime.book.store.appointments import (
    count_bookings,
    get_appointment,
    insert_appointment,
    upsert_customer,
)
from askproai_runtime.book.store.audit import record_desk_change
from askproai_runtime.book.store.calendar import mark_failed
from askproai_runtime.book.store.claims import lock_and_clear_holds
from askproai_runtime.book.store.verifications import set_birth_date
from askproai_runtime.calendars import (
    CalendarOutcome,
    MustRevert,
    RefusalCause,
    Taken,
    Unavailable,
    attendee_email,
    needs_phone,
    usable_phone,
)
from askproai_runtime.calendars import Refused as CalendarRefused
from askproai_runtime.notifications.types import Kind

log = structlog.get_logger(__name__)

_Booking: TypeAlias = Change[Booked, Booked | NotBooked]


async def book(ctx: BookingContext, request: BookingRequest, deadline: float) -> Booked | NotBooked:
    """Make a booking once, or return why it is not made. `deadline` is in monotonic seconds. Raises `OutcomeUnknown`."""
    try:
        require_phone(ctx, request)
        with span("booking.claim"):
            claim = await _claim_booking(ctx, request, deadline)
        if not isinstance(claim, ActionClaim):
            return claim
        change: _Booking = Change(ctx, lambda written: written, lambda conn, written: _read_written(conn, ctx, written))
        try:
            return await change.run(lambda: _book_slot(ctx, claim, request, change))
        except (Undecided, SlotNotFree, asyncpg.LockNotAvailableError):
            await claim.give_up(ctx)
            raise
    except Undecided as undecided:
        return undecided.outcome
    except asyncpg.LockNotAvailableError:
        return LockBusy()
    except SlotNotFree:
        return NotFree()


def require_phone(ctx: BookingContext, request: BookingRequest) -> None:
    """Raise `Undecided` if the calendar requires a phone number for this booking, and no number that it accepts is known."""
    is_linked = bool(linked_event_types(ctx, request.rules.service))
    if is_linked and needs_phone(request.rules.service) and usable_phone(request.phone) is None:
        raise Undecided(PhoneNeeded())


async def _claim_booking(
    ctx: BookingContext, request: BookingRequest, deadline: float
) -> ActionClaim | Booked | InFlight:
    """Claim the action of this booking, or return a concurrent request's booking; `InFlight` while that request still runs."""
    actor = request.actor

    async def find_result(conn: Connection) -> Booked | None:
        if actor.desk is not None and not await is_action_done(conn, ctx.tenant, actor.call_id, request.key):
            return None
        known = await read_caller_appointments(conn, ctx, actor)
        repeated = find_settled(request, known)
        return Booked(repeated, list_kept(ctx.config(), request, known, repeated), again=True) if repeated else None

    again = actor.desk is None  # a request repeated after a cancellation is a new booking
    claim = await claim_action(ctx, actor, request.key, request.start, deadline, find_result, again=again)
    return claim or InFlight()


async def _check_slot(ctx: BookingContext, request: BookingRequest) -> None:
    """Raise `SlotNotFree` if the slot is not free, while another call books the same slot. Reads without a lock.

    So only one of many callers for a slot costs a transaction; each later caller costs one query.
    """
    if request.replaces is not None:
        return  # the replaced appointment's time is free only within the transaction
    async with ctx.pool.acquire() as conn:
        known = await read_caller_appointments(conn, ctx, request.actor)
        if not find_repeated(request, known):
            require_new(request, known)
            await choose_slots(conn, ctx, request)


async def _book_slot(
    ctx: BookingContext, claim: ActionClaim, request: BookingRequest, change: _Booking
) -> Booked | NotBooked:
    async with ctx.slot_lock.hold(*request.slot_key, on_retry=lambda: _check_slot(ctx, request)):
        return await _book_with_any_staff(ctx, claim, request, change)


async def _read_written(conn: Connection, ctx: BookingContext, written: Booked) -> Booked:
    """Return the booking with its appointments' present state. Raises `SlotNotFree` if the calendar has refused one of them."""
    found = [await get_appointment(conn, ctx.tenant, each.id) or each for each in written.appointments]
    if any(each.status == Status.FAILED for each in found):
        raise SlotNotFree
    return replace(written, appointments=found)


async def _book_with_any_staff(
    ctx: BookingContext, claim: ActionClaim, request: BookingRequest, change: _Booking
) -> Booked | NotBooked:
    """Book with one staff member after another, until the calendar accepts, nobody is left, or the caller's time is used up."""
    refused_staff: set[str] = set()
    while True:
        written = await _write_with_any_staff(ctx, claim, request, refused_staff, change)
        ctx.faults.reach("after:book-commit")
        if not isinstance(written, Booked):
            return written
        if written.again or all(each.status == Status.CONFIRMED for each in written.appointments):
            return written
        (appointment,) = written.appointments  # one: a group is in the local calendar only
        appointment, outcome = await cover_end(ctx, appointment, await _ask_calendar(ctx, claim, appointment))
        ctx.faults.reach("after:calcom-create")
        if not isinstance(outcome, Taken | CalendarRefused):
            with span("booking.settle"):
                settled = await settle_action(ctx, claim, appointment, outcome)
            return replace(written, appointments=[settled])
        if not await _give_up_appointment(ctx, request, appointment, outcome, change):
            # Our lease had ended, and a concurrent request answered that it is booked: its sync job decides.
            return InFlight()
        ctx.faults.reach("after:book-give-back")
        if isinstance(outcome, CalendarRefused):
            refused_staff.add(appointment.staff)
            may_fit_others = outcome.cause in {RefusalCause.EVENT_TYPE, RefusalCause.REQUEST} or (
                outcome.cause is RefusalCause.CREDENTIALS
                and ctx.config().own_credential(appointment.event_type_id) is not None
            )
            if not may_fit_others or request.service.staff is not None or claim.provider_timeout(ctx) is None:
                return await _refuse(ctx, claim)
        elif claim.provider_timeout(ctx) is None:
            raise SlotNotFree


async def _write_with_any_staff(
    ctx: BookingContext, claim: ActionClaim, request: BookingRequest, refused_staff: Collection[str], change: _Booking
) -> Booked | NotBooked:
    """Write the booking with a free staff member (TX1). If none is left, return `Refused` or raise `SlotNotFree`."""
    try:
        with span("booking.write"):
            return await change.commit(
                lambda conn: _write_appointments(conn, ctx, claim, request, refused_staff, change.attempted)
            )
    except (SlotNotFree, asyncpg.ExclusionViolationError) as error:
        if refused_staff:
            return await _refuse(ctx, claim)
        raise SlotNotFree from error


async def _refuse(ctx: BookingContext, claim: ActionClaim) -> Refused:
    """Return `Refused`, and give up the claimed action, so that the call may request the booking again at once."""
    await claim.give_up(ctx)
    return Refused()


async def _give_up_appointment(
    ctx: BookingContext,
    request: BookingRequest,
    appointment: Appointment,
    outcome: Taken | CalendarRefused,
    change: _Booking,
) -> bool:
    """Mark an appointment that the calendar has not accepted as failed, and free its time. Returns False, and frees nothing, if
    a repeated request was answered meanwhile that it is booked. A time that is taken in the calendar is not offered for a
    while; after another refusal, the time is still offered.
    """
    ids = {"appointment": str(appointment.id), "correlation_id": appointment.correlation_id}
    if isinstance(outcome, Taken):
        refusal = ctx.settings.refusal
        log.info("booking.taken_at_calendar", **ids)
    else:
        refusal = timedelta()
        log.warning("booking.refused_by_calendar", consequence="the caller was told that nothing is booked", **ids)

    async def write(conn: Connection) -> bool:
        given_up = await mark_failed(conn, ctx.tenant, appointment, outcome.message, refusal)
        if given_up and isinstance(outcome, MustRevert):  # the sync job cancels it there
            await enqueue_sync(conn, ctx.tenant, appointment.id, appointment.correlation_id)
        if isinstance(outcome, Taken):
            await drop_free_times(conn, ctx.config(), appointment.event_type_id, appointment.spans)
        if given_up:
            await _record_desk(conn, ctx, request, "appointment.booking_refused", appointment)
        return given_up

    return await change.revert(write)


async def _ask_calendar(ctx: BookingContext, claim: ActionClaim, appointment: Appointment) -> CalendarOutcome:
    timeout = claim.provider_timeout(ctx)
    if timeout is None:
        return Unavailable("no time was left to ask the calendar while the caller waits")
    with span("booking.calendar"):
        outcome = await create_booking(ctx, appointment, timeout, caller_waits=True)
        annotate(outcome=type(outcome).__name__.lower())
        return outcome


async def _write_appointments(
    conn: Connection,
    ctx: BookingContext,
    claim: ActionClaim,
    request: BookingRequest,
    refused_staff: Collection[str],
    attempted: Booked | None,
) -> Booked:
    """TX1: write in one transaction all that must not be lost: appointments, claims, customer, sync job, and action state.

    Only under the lock is it certain whether the call already has the appointment: an earlier request may have committed just
    now, after its lease ended.
    """
    actor, rules = request.actor, request.rules
    replaced = [] if request.replaces is None else [request.replaces.id]
    await lock_and_clear_holds(
        conn, ctx.tenant, rules.resource_ids, actor.call_id, appointments=replaced, for_caller=True
    )
    known = await read_caller_appointments(conn, ctx, actor)
    if repeated := find_repeated(request, known):
        if attempted is not None and {each.id for each in repeated} == {each.id for each in attempted.appointments}:
            return attempted  # it was committed, and the answer lost
        await claim.complete(conn, ctx, repeated[0].id)
        return Booked(repeated, list_kept(ctx.config(), request, known, repeated), again=True)
    require_new(request, known)
    if request.replaces is not None:
        await cancel_replaced(conn, ctx, actor, request.replaces)
    plan = await choose_slots(conn, ctx, request, refused_staff)
    if request.companions and any(
        slot.staff in linked_event_types(ctx, each.rules.service)
        for each, (slot, _) in zip(request.each, plan, strict=True)
    ):
        raise SlotNotFree  # linked since the request was read: a group is booked in the local calendar only
    if actor.desk is None:
        await _require_within_limits(conn, ctx, actor, people=len(plan) - len(replaced))
    customer, written = None, list[Appointment]()
    for each, (slot, claims) in zip(request.each, plan, strict=True):
        if request.phone and customer is None:
            customer = await upsert_customer(conn, ctx.tenant, request.phone, request.name, request.email)
        appointment = _build_appointment(ctx, claim, each, slot, customer)
        await insert_appointment(conn, ctx.tenant, appointment, claims, each.rules.staff_member(slot.staff).units)
        if request.birth_date is not None:
            await set_birth_date(conn, ctx.tenant, appointment.id, request.birth_date)
        await announce(conn, ctx.config(), Kind.BOOKED, appointment)
        written.append(appointment)
    first = written[0]
    if first.in_remote_calendar:
        run_at = ctx.clock.now() + ctx.settings.sync_delay  # for the case that this process dies; TX2 completes the job
        await enqueue_sync(conn, ctx.tenant, first.id, actor.correlation_id, run_at)
        await claim.attach(conn, ctx, first.id)
    else:
        await claim.complete(conn, ctx, first.id)
    await _record_desk(conn, ctx, request, "appointment.booked", first)
    return Booked(written, list_kept(ctx.config(), request, known))


async def _record_desk(
    conn: Connection, ctx: BookingContext, request: BookingRequest, action: str, appointment: Appointment
) -> None:
    if request.actor.desk is not None:
        facts = {"appointment": appointment.id, "start": appointment.starts_at, "staff": appointment.staff}
        await record_desk_change(conn, ctx.tenant, request.actor.desk, action, appointment.correlation_id, **facts)


def _build_appointment(
    ctx: BookingContext, claim: ActionClaim, request: BookingRequest, slot: Slot, customer: UUID | None
) -> Appointment:
    """Return the appointment to insert: pending if the remote calendar must accept it, else confirmed."""
    appointment_id, domain = uuid4(), ctx.config().calendar.attendee_email_domain
    event_type_id = linked_event_types(ctx, request.rules.service).get(slot.staff)
    return build_appointment(
        appointment_id,
        request.actor,
        request.rules,
        slot,
        Status.CONFIRMED if event_type_id is None else Status.PENDING_SYNC,
        customer_name=request.name,
        phone=request.phone,
        notes=request.notes,
        attendee_email=attendee_email(request.email, request.phone, str(appointment_id), domain),
        event_type_id=event_type_id,
        customer_id=customer,
        generation=claim.generation,
    )


async def _require_within_limits(conn: Connection, ctx: BookingContext, actor: Actor, people: int = 1) -> None:
    """Raise `Undecided` if a booking for `people` persons exceeds a limit of callers: one can talk the model into any number. The
    desk has no limit: its requests have the admin token.
    """
    limits = ctx.config().booking_limits
    counts = await count_bookings(conn, ctx.tenant, actor.call_id, actor.caller, ctx.clock.now())
    if counts.of_call + people > limits.per_call:
        reached = LimitReached(Limit.CALL, limits.per_call, people)
    elif counts.of_caller + people > limits.per_caller_and_day:
        reached = LimitReached(Limit.CALLER, limits.per_caller_and_day, people)
    elif counts.anonymous + people > limits.anonymous_per_hour:
        reached = LimitReached(Limit.ANONYMOUS, limits.anonymous_per_hour, people)
    else:
        return
    log.warning("booking.limited", call_id=actor.call_id, correlation_id=actor.correlation_id)
    raise Undecided(reached)
