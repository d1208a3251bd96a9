"""book_appointment: a short saga, read from top to bottom.

    take the turn → TX1: lock, look again, write (pending, with its sync job) → ask the calendar, outside any transaction
    → TX2: confirmed, or given back and the next person tried → tell the caller

Killed anywhere, it leaves either nothing or a pending appointment whose sync job finishes it; asked again, it finds that
appointment instead of making a second one (contract §4). The fault points between the steps are there to prove it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import structlog

from askproai_runtime.booking import ledger
from askproai_runtime.booking.availability import Obstacle, Query, Slot, free_slots, nearest, one_per_start, why_not
from askproai_runtime.booking.desk import BookingOutcome, Desk
from askproai_runtime.booking.ledger import LIVE, Appointment, Status, Turn
from askproai_runtime.booking.offer import in_words, offered, read_busy, why_in_words
from askproai_runtime.booking.order import Order, read_order
from askproai_runtime.booking.races import retrying
from askproai_runtime.booking.sync import calendar_request, confirm
from askproai_runtime.booking.types import Answer, CallContext
from askproai_runtime.booking.wish import AskBack
from askproai_runtime.booking.words import same_name
from askproai_runtime.calendars import Confirmed, Outcome, Taken, Unavailable, attendee_email
from askproai_runtime.jobs import JobKind, Priority, enqueue
from askproai_runtime.speech import spoken
from askproai_runtime.store import Connection

log = structlog.get_logger(__name__)

_MINUTE = timedelta(minutes=1)
_TWIN_POLL = timedelta(milliseconds=100)
_LEAST_FOR_PROVIDER = timedelta(seconds=1)  # less is no chance for an answer


@dataclass(frozen=True, slots=True)
class _Told:
    answer: Answer
    outcome: BookingOutcome


class _NotFree(Exception):
    """The span is not free under the lock. Raised to roll back, so that the call keeps what it holds."""


class _TurnLost(Exception):
    """We stood still for longer than our lease, and another took the turn: its work must not be doubled."""


async def book_appointment(desk: Desk, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Book, or find that this call already has it, or say what is free instead."""
    began = desk.clock.monotonic()
    deadline = began + desk.settings.budget.total_seconds()
    try:
        async with desk.pool.acquire() as conn:
            hold = await ledger.own_hold(conn, desk.tenant, call.call_id)
        order = read_order(desk, call, args, hold)
        turn = await _take_turn(desk, call, order, deadline)
        told = turn if isinstance(turn, _Told) else await _book(desk, call, order, turn, deadline)
    except AskBack as question:
        told = _Told(question.answer, BookingOutcome.ASKED_BACK)
    except _TurnLost:
        told = _in_flight()
    desk.metrics.booking(told.outcome.value)
    desk.metrics.booking_seconds(desk.clock.monotonic() - began)
    return told.answer


async def _take_turn(desk: Desk, call: CallContext, order: Order, deadline: float) -> Turn | _Told:
    """Get the right to book this once, or what was booked already; a twin that is at it now is waited for."""
    while True:
        async with desk.pool.acquire() as conn:
            turn = await ledger.take_turn(conn, desk.tenant, call.call_id, order.key, order.start, desk.settings.lease)
            if turn is not None and turn.appointment_id is None:
                return turn
            if turn is not None:  # its holder died after TX1: the appointment is there, its sync job will finish it
                await ledger.end_turn(conn, desk.tenant, call.call_id, order.key, turn.generation, done=True)
            done = await ledger.done_action(conn, desk.tenant, call.call_id, order.key)
        if done is not None:
            return _already(order, done)
        if desk.clock.monotonic() >= deadline:
            return _in_flight()
        await desk.clock.sleep(_TWIN_POLL)


async def _book(desk: Desk, call: CallContext, order: Order, turn: Turn, deadline: float) -> _Told:
    """Try one person after the other until the calendar agrees, nobody is left, or the caller has waited long enough."""
    while True:
        made = await retrying(lambda: _commit(desk, call, order, turn), on_conflict=None)
        if made is None:
            return await _not_free(desk, call, order, turn)
        desk.faults.reach("after:book-commit")
        if made.status == Status.CONFIRMED:
            return _booked(order, made)
        outcome = await _ask_calendar(desk, made, deadline)
        desk.faults.reach("after:calcom-create")
        if not isinstance(outcome, Taken):
            made = await _settle(desk, call, order, turn, made, outcome)
            return _booked(order, made, requested=isinstance(outcome, Confirmed) and outcome.pending)
        await _give_back(desk, made, outcome)
        desk.faults.reach("after:book-give-back")
        if _left(desk, deadline) < _LEAST_FOR_PROVIDER:
            return await _not_free(desk, call, order, turn)


async def _commit(desk: Desk, call: CallContext, order: Order, turn: Turn) -> Appointment | None:
    """TX1: everything that must not be lost, in one transaction. None: nobody is free at that time."""
    tenant = desk.tenant
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            await ledger.lock(conn, tenant, order.wish.resources, call.call_id)
            await ledger.clear_way(conn, tenant, order.wish.resources, call.call_id)
            slot = await _free_person(conn, desk, call, order)
            entry = await _entry(conn, desk, call, order, turn, slot)
            await ledger.insert(conn, tenant, entry)
            if entry.status == Status.PENDING_SYNC:
                await enqueue(
                    conn, tenant, JobKind.CALENDAR_SYNC, Priority.HIGH, correlation_id=call.correlation_id,
                    appointment_id=entry.id, run_at=desk.clock.now() + desk.settings.sync_delay,
                )  # fmt: skip
            if not await ledger.keep_turn(
                conn, tenant, call.call_id, order.key, turn.generation, entry.id, desk.settings.lease,
                done=entry.status == Status.CONFIRMED,
            ):  # fmt: skip
                raise _TurnLost
            return await ledger.appointment(conn, tenant, entry.id)
    except _NotFree:
        return None


async def _free_person(conn: Connection, desk: Desk, call: CallContext, order: Order) -> Slot:
    """Check the rules and the book again, under the lock: who was offered stays, else who is booked least that day."""
    day, rules = timedelta(days=1), order.wish.rules
    taken = await ledger.busy(
        conn, desk.tenant, order.wish.resources, order.start - day, order.start + day, call.call_id
    )
    # What was offered a moment ago must not fail by the minimum notice because the caller took a breath.
    now = desk.clock.now() - (desk.settings.hold if order.offered else timedelta())
    slots = free_slots(rules, taken, Query(now, order.start, order.start + _MINUTE, order.wish.staff))
    if not slots:
        raise _NotFree
    kept = [slot for slot in slots if order.offered and slot.staff == order.offered.staff]
    return (kept or one_per_start(slots, taken, rules.zone))[0]


async def _entry(conn: Connection, desk: Desk, call: CallContext, order: Order, turn: Turn, slot: Slot) -> ledger.Entry:
    """Give the appointment to write. Whom Cal.com knows no event type for stands in our own book only, and at once."""
    service, config = order.wish.rules.service, desk.config()
    linked = (link.event_type_id for link in service.event_types if link.staff == slot.staff)
    event_type_id = next(linked, None) if desk.calendar.remote else None
    who = await ledger.customer(conn, desk.tenant, order.phone, order.name, order.email) if order.phone else None
    key = uuid4()
    return ledger.Entry(
        id=key,
        branch=order.wish.rules.branch.name,
        service=service.name,
        slot=slot,
        blocks=order.wish.rules.blocks(slot.start),
        status=Status.CONFIRMED if event_type_id is None else Status.PENDING_SYNC,
        call_id=call.call_id,
        caller=call.caller,
        correlation_id=call.correlation_id,
        customer_id=who,
        customer_name=order.name,
        event_type_id=event_type_id,
        attendee_email=attendee_email(order.email, order.phone, str(key), config.calendar.attendee_email_domain),
        notes=order.notes,
        generation=turn.generation,
    )


async def _ask_calendar(desk: Desk, made: Appointment, deadline: float) -> Outcome:
    left = _left(desk, deadline)
    if left < _LEAST_FOR_PROVIDER:
        return Unavailable("no time was left to ask the calendar while the caller waits")
    return await desk.calendar.create(calendar_request(made), within=min(left, desk.settings.provider_timeout))


def _left(desk: Desk, deadline: float) -> timedelta:
    return timedelta(seconds=deadline - desk.clock.monotonic())


async def _settle(
    desk: Desk, call: CallContext, order: Order, turn: Turn, made: Appointment, outcome: Outcome
) -> Appointment:
    """TX2: what the calendar said, and the end of the turn. Whatever it could not say, its sync job finds out."""
    async with desk.pool.acquire() as conn, conn.transaction():
        if isinstance(outcome, Confirmed):
            await confirm(conn, desk.tenant, made, outcome)
            await ledger.retire_job(conn, desk.tenant, made.id)
        else:
            await ledger.note_error(conn, desk.tenant, made.id, str(outcome))
        await ledger.end_turn(conn, desk.tenant, call.call_id, order.key, turn.generation, done=True)
        return await ledger.appointment(conn, desk.tenant, made.id) or made


async def _give_back(desk: Desk, made: Appointment, taken: Taken) -> None:
    """TX2 of a refusal: free the span, do not offer it again for five minutes."""
    async with desk.pool.acquire() as conn, conn.transaction():
        await ledger.give_back(conn, desk.tenant, made, taken.message, desk.settings.refusal)
        await ledger.retire_job(conn, desk.tenant, made.id)
    log.info("booking.taken_at_calendar", appointment=str(made.id), correlation_id=made.correlation_id)


async def _not_free(desk: Desk, call: CallContext, order: Order, turn: Turn) -> _Told:
    """End the turn without an appointment, and say what else is free in the next 14 days, the closest first chosen."""
    async with desk.pool.acquire() as conn:
        await ledger.end_turn(conn, desk.tenant, call.call_id, order.key, turn.generation, done=False)
    wish, now, settings = order.wish, desk.clock.now(), desk.settings
    taken = await read_busy(desk, wish, call, now, now + settings.look_ahead)
    slots = free_slots(wish.rules, taken, Query(now, now, now + settings.look_ahead))
    anybody = one_per_start(slots, taken, wish.rules.zone)
    named = [slot for slot in slots if slot.staff == wish.staff]  # who was asked for, or the same time with another
    choice = [*named, *(slot for slot in anybody if slot.start == order.start)] if named else anybody
    alternatives = nearest(choice, order.start, settings.offers)
    obstacle = why_not(wish.rules, order.start, now, wish.staff)
    if obstacle is Obstacle.TAKEN and order.offered:
        desk.metrics.offered_but_lost()
    said = why_in_words(wish, order.start, obstacle, now)
    fields = {"alternatives": offered(wish, alternatives), "obstacle": obstacle.value}
    answer = Answer(success=False, message=f"{said} {in_words(wish, alternatives)}", fields=fields)
    return _Told(answer, BookingOutcome.NOT_FREE)


def _already(order: Order, made: Appointment) -> _Told:
    if not order.another and not same_name(order.name, made.customer_name):
        raise AskBack(
            f"Für diese Zeit habe ich in diesem Gespräch schon {made.customer_name} eingetragen. "
            f"Soll ich für {order.name} noch einen Termin daneben eintragen?",
            appointment_id=str(made.id),
        )
    return _Told(_booked(order, made, opening="Der Termin steht schon").answer, BookingOutcome.ALREADY_BOOKED)


def _booked(
    order: Order, made: Appointment, *, requested: bool = False, opening: str = "Der Termin ist eingetragen"
) -> _Told:
    zone, service = order.wish.rules.zone, order.wish.rules.service.display_name
    when = f"{spoken(made.starts_at, zone)}, {service} bei {order.wish.name_of(made.staff)}"
    live = made.status in LIVE
    if not live:  # cancelled by somebody in the very moment
        message = f"Der Termin {when} wurde gerade abgesagt. Möchten Sie einen anderen?"
    elif requested:
        message = f"Der Termin ist angefragt: {when}. Er wird noch bestätigt."
    else:
        message = f"{opening}: {when}."
    fields = {
        "appointment_id": str(made.id),
        "start": made.starts_at.astimezone(zone).isoformat(),
        "end": made.ends_at.astimezone(zone).isoformat(),
        "staff": made.staff,
        "status": made.status,
    }
    outcome = BookingOutcome.CONFIRMED if made.status == Status.CONFIRMED else BookingOutcome.PENDING_SYNC
    return _Told(Answer(success=live, message=message, fields=fields), outcome)


def _in_flight() -> _Told:
    message = "Ich bin noch dabei, genau diesen Termin einzutragen. Einen Augenblick bitte."
    return _Told(Answer(success=False, message=message, fields={"alternatives": []}), BookingOutcome.IN_FLIGHT)
