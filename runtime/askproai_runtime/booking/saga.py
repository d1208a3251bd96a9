"""book_appointment: a short saga, read from top to bottom.

    take the turn → the slot's lock, which only spares work → TX1: lock, look again, write (pending, with its sync job)
    → ask the calendar, outside any transaction → TX2: confirmed, or given back and the next person tried → tell the caller

Killed anywhere, it leaves either nothing or a pending appointment whose sync job finishes it; asked again, it finds that
appointment instead of making a second one (contract §4). The fault points between the steps are there to prove it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import structlog

from askproai_core.database import Connection
from askproai_runtime.booking import ledger, turns, verdicts
from askproai_runtime.booking.availability import Claims, Obstacle, Query, Slot, claims_for, free_slots, one_per_start
from askproai_runtime.booking.ledger import Appointment, Status
from askproai_runtime.booking.offer import MINUTE, draft, not_free
from askproai_runtime.booking.own import fields
from askproai_runtime.booking.sync import make_there, settle
from askproai_runtime.booking.types import (
    BUSY,
    LEAST_FOR_PROVIDER,
    TWIN_POLL,
    Answer,
    BookingOutcome,
    CallContext,
    Desk,
)
from askproai_runtime.booking.wish import AskBack, Order, read_order
from askproai_runtime.calendars import CalendarOutcome, Taken, Unavailable, attendee_email
from askproai_runtime.german_dates import spoken
from askproai_runtime.jobs import JobKind, Priority, enqueue

log = structlog.get_logger(__name__)

_IN_FLIGHT = "Ich bin noch dabei, genau diesen Termin einzutragen. Einen Augenblick bitte."


@dataclass(frozen=True, slots=True)
class _Told:
    answer: Answer
    outcome: BookingOutcome


@dataclass(frozen=True, slots=True)
class _Turn:
    """The right of one call to do one order, until the lease ends. Times are monotonic seconds."""

    call: CallContext
    order: Order
    generation: int
    deadline: float


class _NotFree(Exception):
    """The span is not free under the lock. Raised to roll back, so that the call keeps what it holds."""


async def book_appointment(desk: Desk, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Book, or find that this call already has it, or say what is free instead."""
    began = desk.clock.monotonic()
    outcome = BookingOutcome.FAILED
    try:
        told = await _answer(desk, call, args, began + desk.settings.budget.total_seconds())
        outcome = told.outcome
    finally:
        desk.metrics.booking(outcome.value)
        desk.metrics.booking_seconds(desk.clock.monotonic() - began)
    return told.answer


async def _answer(desk: Desk, call: CallContext, args: Mapping[str, Any], deadline: float) -> _Told:
    try:
        async with desk.pool.acquire() as conn:
            order = read_order(desk.config(), call, args, await ledger.of_call(conn, desk.tenant, call.call_id))
        turn = await _take_turn(desk, call, order, deadline)
        if isinstance(turn, _Told):
            return turn
        try:
            async with desk.slots.hold(*order.slot, on_retry=lambda: _look(desk, turn)):
                return await _book(desk, turn)
        except (AskBack, _NotFree, asyncpg.LockNotAvailableError):
            async with desk.pool.acquire() as conn:
                await _set_turn(desk, conn, turn, None, timedelta())
            raise
    except AskBack as question:
        return _Told(question.answer, BookingOutcome.ASKED_BACK)
    except asyncpg.LockNotAvailableError:
        return _Told(Answer(success=False, message=BUSY, fields={"alternatives": []}), BookingOutcome.BUSY)
    except _NotFree:
        return await _alternatives(desk, call, order)


async def _take_turn(desk: Desk, call: CallContext, order: Order, deadline: float) -> _Turn | _Told:
    """Get the right to book this once, or what was booked already; a twin that is at it now is waited for."""
    while True:
        async with desk.pool.acquire() as conn:
            lease = desk.settings.lease
            generation = await turns.take_turn(conn, desk.tenant, call.call_id, order.key, order.start, lease)
            if generation is not None:
                return _Turn(call, order, generation, deadline)
            done = [made for made in await ledger.of_call(conn, desk.tenant, call.call_id) if made.settled]
        if made := order.repeats(done):
            return _booked(order, made, again=True)
        if desk.clock.monotonic() >= deadline:
            return _in_flight()
        await desk.clock.sleep(TWIN_POLL)


async def _look(desk: Desk, turn: _Turn) -> None:
    """See without any lock whether the slot is still free, while another call is at it: if not, no transaction is needed."""
    async with desk.pool.acquire() as conn:
        if not turn.order.repeats(await ledger.of_call(conn, desk.tenant, turn.call.call_id)):
            await _free_person(conn, desk, turn)


async def _book(desk: Desk, turn: _Turn) -> _Told:
    """Try one person after the other until the calendar agrees, nobody is left, or the caller has waited long enough."""
    while True:
        try:
            made = await ledger.transact(desk.pool, lambda conn: _write(conn, desk, turn))
        except asyncpg.ExclusionViolationError as error:
            raise _NotFree from error
        desk.faults.reach("after:book-commit")
        if isinstance(made, _Told):
            return made
        if made.status == Status.CONFIRMED:
            return _booked(turn.order, made)
        outcome = await _ask_calendar(desk, turn, made)
        desk.faults.reach("after:calcom-create")
        if not isinstance(outcome, Taken):
            return _booked(turn.order, await _settle(desk, turn, made, outcome))
        log.info("booking.taken_at_calendar", appointment=str(made.id), correlation_id=made.correlation_id)
        async with desk.pool.acquire() as conn, conn.transaction():
            if not await verdicts.give_back(conn, desk.tenant, made, outcome.message, desk.settings.refusal):
                return _in_flight()  # our lease was over, and a twin told the caller that it stands: its sync decides
        desk.faults.reach("after:book-give-back")
        if _left(desk, turn) < LEAST_FOR_PROVIDER:
            raise _NotFree


async def _write(conn: Connection, desk: Desk, turn: _Turn) -> Appointment | _Told:
    """TX1: everything that must not be lost, in one transaction."""
    call, order, tenant = turn.call, turn.order, desk.tenant
    await ledger.clear_way(conn, tenant, order.wish.resources, call.call_id)
    # Only under the lock is it certain: whoever had this call's turn before may have committed a moment ago.
    if stands := order.repeats(await ledger.of_call(conn, tenant, call.call_id)):
        await _set_turn(desk, conn, turn, stands, None)
        return _booked(order, stands, again=True)
    slot, claims = await _free_person(conn, desk, turn)
    customer = await ledger.customer(conn, tenant, order.phone, order.name, order.email) if order.phone else None
    made = _appointment(desk, turn, slot, customer)
    await ledger.insert(conn, tenant, made, claims, order.wish.rules.person(slot.staff).units)
    pending = made.status == Status.PENDING_SYNC
    if pending:
        await enqueue(
            conn, tenant, JobKind.CALENDAR_SYNC, Priority.HIGH, correlation_id=call.correlation_id,
            appointment_id=made.id, run_at=desk.clock.now() + desk.settings.sync_delay,
        )  # fmt: skip
    await _set_turn(desk, conn, turn, made, desk.settings.lease if pending else None)
    return made


async def _free_person(conn: Connection, desk: Desk, turn: _Turn) -> tuple[Slot, Claims]:
    """Check the rules and the book again, under the lock: who was offered stays, else who is booked least that day."""
    day, order, rules = timedelta(days=1), turn.order, turn.order.wish.rules
    around = order.start - day, order.start + day
    taken = await ledger.busy(conn, desk.tenant, order.wish.resources, *around, turn.call.call_id)
    # What was offered a moment ago must not fail by the minimum notice because the caller took a breath.
    now = desk.clock.now() - (desk.settings.hold if order.offered_staff else timedelta())
    slots = free_slots(rules, taken, Query(now, order.start, order.start + MINUTE, order.wish.staff))
    if not slots:
        raise _NotFree
    kept = [slot for slot in slots if slot.staff == order.offered_staff]
    slot = (kept or one_per_start(slots, taken, rules))[0]
    claims = claims_for(rules.person(slot.staff), rules.service.capacity, taken, rules.blocks(slot.start))
    if claims is None:
        raise _NotFree
    return slot, claims


def _appointment(desk: Desk, turn: _Turn, slot: Slot, customer: UUID | None) -> Appointment:
    """Give what to write. Whom Cal.com knows no event type for, and who shares a person, stands in our own book only."""
    order, key, domain = turn.order, uuid4(), desk.config().calendar.attendee_email_domain
    linked = (link.event_type_id for link in order.wish.rules.service.event_types if link.staff == slot.staff)
    alone = order.wish.rules.service.capacity == 1  # seats are not booked at Cal.com
    event_type_id = next(linked, None) if desk.calendar.remote and alone else None
    status = Status.CONFIRMED if event_type_id is None else Status.PENDING_SYNC
    email = attendee_email(order.email, order.phone, str(key), domain)
    return draft(
        key, turn.call, order.wish.rules, slot, status, customer_name=order.name, phone=order.phone, notes=order.notes,
        attendee_email=email, event_type_id=event_type_id, customer_id=customer, generation=turn.generation,
    )  # fmt: skip


async def _ask_calendar(desk: Desk, turn: _Turn, made: Appointment) -> CalendarOutcome:
    left = _left(desk, turn)
    if left < LEAST_FOR_PROVIDER:
        return Unavailable("no time was left to ask the calendar while the caller waits")
    return await make_there(desk, made, min(left, desk.settings.provider_timeout))


def _left(desk: Desk, turn: _Turn) -> timedelta:
    return timedelta(seconds=turn.deadline - desk.clock.monotonic())


async def _settle(desk: Desk, turn: _Turn, made: Appointment, outcome: CalendarOutcome) -> Appointment:
    """TX2: what the calendar said, and the end of the turn."""
    async with desk.pool.acquire() as conn, conn.transaction():
        await settle(conn, desk, made, outcome)
        await _set_turn(desk, conn, turn, made, None)
        return await ledger.appointment(conn, desk.tenant, made.id) or made


async def _set_turn(
    desk: Desk, conn: Connection, turn: _Turn, made: Appointment | None, lease: timedelta | None
) -> None:
    key, made_id = turn.order.key, made.id if made else None
    await turns.set_turn(conn, desk.tenant, turn.call.call_id, key, turn.generation, made_id, lease)


async def _alternatives(desk: Desk, call: CallContext, order: Order) -> _Told:
    answer, obstacle = await not_free(desk, order.wish, call, order.start)
    if obstacle is Obstacle.TAKEN and order.offered_staff:
        desk.metrics.offered_but_lost()
    return _Told(answer, BookingOutcome.NOT_FREE)


def _booked(order: Order, made: Appointment, *, again: bool = False) -> _Told:
    zone, service = order.wish.rules.zone, order.wish.rules.service.display_name
    when = f"{spoken(made.starts_at, zone)}, {service} bei {order.wish.name_of(made.staff)}"
    if not made.live:  # cancelled by somebody in the very moment
        message = f"Der Termin {when} wurde gerade abgesagt. Möchten Sie einen anderen?"
    elif made.requested:  # it stands there, but waits for a yes
        message = f"Der Termin ist angefragt: {when}. Er wird noch bestätigt."
    else:
        message = f"Der Termin {'steht schon' if again else 'ist eingetragen'}: {when}."
    outcome = BookingOutcome.CONFIRMED if made.status == Status.CONFIRMED else BookingOutcome.PENDING_SYNC
    told = Answer(success=made.live, message=message, fields=fields(zone, made))
    return _Told(told, BookingOutcome.ALREADY_BOOKED if again else outcome)


def _in_flight() -> _Told:
    return _Told(Answer(success=False, message=_IN_FLIGHT, fields={"alternatives": []}), BookingOutcome.IN_FLIGHT)
