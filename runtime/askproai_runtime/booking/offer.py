"""check_availability: what is free, and the first of it held for this call. One way through, top to bottom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg

from askproai_core.database import Connection
from askproai_runtime.booking.availability import (
    Busy,
    Obstacle,
    ServiceRules,
    Slot,
    SlotQuery,
    Span,
    claims_for,
    free_slots,
    nearest,
    one_per_start,
    why_not,
)
from askproai_runtime.booking.opening_hours import closed_by
from askproai_runtime.booking.phrases import OBSTACLES, day_in_words, listed, with_person
from askproai_runtime.booking.request import AskBack, Wish, candidate_fields, read_time, read_wish, which_one
from askproai_runtime.booking.store import appointments
from askproai_runtime.booking.store.appointments import Appointment, Status
from askproai_runtime.booking.types import Answer, BookingContext, BookingSettings, CallContext
from askproai_runtime.german_dates import Candidate, Grain, Understanding, spoken

MINUTE = timedelta(minutes=1)
_TRIES = 3
_NO_LONGER = frozenset({Grain.MINUTE, Grain.PART_OF_DAY, Grain.DAY})


@dataclass(frozen=True, slots=True)
class Offer:
    """Slots to say, and why they are not what was asked (None: they are)."""

    slots: list[Slot]
    missed: Candidate | None = None
    obstacle: Obstacle | None = None


async def check_availability(desk: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Offer up to three different starts, the first held for this call; or ask back. Never a guess."""
    now, look_ahead = desk.clock.now(), desk.settings.look_ahead
    try:
        wish = read_wish(desk.config(), call, args)
        understood = read_time(args, call, wish.rules.zone)
    except AskBack as question:
        return question.answer
    soon = Candidate(now, now + look_ahead, Grain.RANGE, "so bald wie möglich")
    understood = understood or Understanding(candidates=(soon,))
    latest = max(candidate.end or candidate.start for candidate in understood.candidates)
    for _ in range(_TRIES):
        taken = await read_busy(desk, wish, call, now, latest + look_ahead)
        offer = choose_offer(wish, taken, now, understood.candidates, desk.settings)
        if not offer.slots or await _hold(desk, wish, call, offer.slots[0]):
            break  # else somebody took it between our look and our hold, so look again
    return _answer(wish, understood, offer, now)


def choose_offer(
    wish: Wish, taken: Busy, now: datetime, candidates: Sequence[Candidate], settings: BookingSettings
) -> Offer:
    """Give the slots of the earliest candidate that has any, else the closest to the first, with what was in the way."""
    rules, count = wish.rules, settings.offers
    for candidate in candidates:
        query = SlotQuery(now, candidate.start, candidate.end or candidate.start + MINUTE, wish.staff)
        if slots := one_per_start(free_slots(rules, taken, query), taken, rules):
            return Offer(slots[:count])
    missed = candidates[0]
    exact = missed.grain is Grain.MINUTE
    obstacle = why_not(rules, missed.start, now, wish.staff, whole_day=not exact)
    if missed.grain not in _NO_LONGER:  # its first day says nothing about a whole week
        obstacle = Obstacle.TAKEN
    around = exact and obstacle in {Obstacle.TAKEN, Obstacle.OUTSIDE_HOURS, Obstacle.OFF_GRID}
    wanted = max(now, missed.start)
    others = free_slots(
        rules, taken, SlotQuery(now, now if around else wanted, wanted + settings.look_ahead, wish.staff)
    )
    others = one_per_start(others, taken, rules)
    return Offer(nearest(others, missed.start, count) if around else others[:count], missed, obstacle)


async def not_free(
    desk: BookingContext, wish: Wish, call: CallContext, start: datetime, *, moving: UUID | None = None
) -> tuple[Answer, Obstacle]:
    """Say why `start` can not be had, and what else is free in the next 14 days, the closest first chosen.

    `moving` is the appointment that was to come there: it is not in its own way, and stays with its person.
    """
    now, settings = desk.clock.now(), desk.settings
    taken = await read_busy(desk, wish, call, now, now + settings.look_ahead, moving)
    slots = free_slots(
        wish.rules, taken, SlotQuery(now, now, now + settings.look_ahead, wish.staff if moving else None)
    )
    anybody = one_per_start(slots, taken, wish.rules)
    named = [slot for slot in slots if slot.staff == wish.staff]  # who was asked for, or the same time with another
    choice = [*named, *(slot for slot in anybody if slot.start == start)] if named and not moving else anybody
    alternatives = nearest(choice, start, settings.offers)
    obstacle = why_not(wish.rules, start, now, wish.staff)
    message = f"{why_in_words(wish, start, obstacle, now)} {in_words(wish, alternatives)}"
    fields = {"alternatives": offered(wish, alternatives), "obstacle": obstacle.value}
    return Answer(success=False, message=message, fields=fields), obstacle


async def read_busy(
    desk: BookingContext, wish: Wish, call: CallContext, first: datetime, end: datetime, ignoring: UUID | None = None
) -> Busy:
    """Read what blocks these people; whole days around, since fairness counts by day."""
    day = timedelta(days=1)
    async with desk.pool.acquire() as conn:
        return await appointments.busy(
            conn, desk.tenant, wish.resources, first - day, end + day, call.call_id, ignoring
        )


def draft(key: UUID, call: CallContext, rules: ServiceRules, slot: Slot, status: Status, **more: Any) -> Appointment:
    """Give an appointment to write; `more` is what a held one has not."""
    return Appointment(
        key, rules.branch.name, rules.service.name, slot.staff, slot.start, slot.end, status, call.call_id,
        call.correlation_id, caller=call.caller, **more,
    )  # fmt: skip


async def _hold(desk: BookingContext, wish: Wish, call: CallContext, slot: Slot) -> bool:
    """Hold a slot for this call in place of what it held before, unless caps or a locked book forbid: then it is only said.

    False when it is taken.
    """
    settings, tenant, rules = desk.settings, desk.tenant, wish.rules
    person, blocks = rules.person(slot.staff), rules.blocks(slot.start)
    rows = person.resource_ids
    held = draft(uuid4(), call, rules, slot, Status.HELD)
    caps = settings.holds_per_person_and_day, settings.holds_per_caller

    async def hold(conn: Connection) -> bool:
        await appointments.clear_way(conn, tenant, rows, call.call_id)
        taken = await appointments.busy(conn, tenant, rows, blocks.start, blocks.end, call.call_id)
        claims = claims_for(person, rules.service.capacity, taken, blocks)
        if claims is None:
            return False
        day = _local_day(slot.start, rules.zone)
        if await appointments.holds_left(conn, tenant, rows, day, call.caller, *caps):
            await appointments.insert(conn, tenant, held, claims, person.units, settings.hold)
        return True

    try:
        return await appointments.transact(desk.pool, hold)
    except asyncpg.ExclusionViolationError:
        return False
    except (asyncpg.LockNotAvailableError, asyncpg.UniqueViolationError):
        return True  # a caller waits: what is said but not held is checked again at the yes


def _answer(wish: Wish, understood: Understanding, offer: Offer, now: datetime) -> Answer:
    sentences = []
    fields: dict[str, Any] = {"slots": offered(wish, offer.slots)}
    if understood.ambiguous:
        fields["candidates"] = candidate_fields(understood.candidates)
        sentences.append(which_one(understood, wish.rules.zone))
    if offer.missed is not None and offer.obstacle is not None:
        fields["obstacle"] = offer.obstacle.value
        reading = None if offer.missed.grain is Grain.MINUTE else offer.missed.reading
        sentences.append(why_in_words(wish, offer.missed.start, offer.obstacle, now, reading))
    sentences.append(in_words(wish, offer.slots))
    return Answer(success=bool(offer.slots), message=" ".join(sentences), fields=fields)


def offered(wish: Wish, slots: Sequence[Slot]) -> list[dict[str, str]]:
    """Give slots as contract §4 writes them."""
    zone = wish.rules.zone
    return [
        {
            "start": slot.start.astimezone(zone).isoformat(),
            "end": slot.end.astimezone(zone).isoformat(),
            "staff": slot.staff,
            "spoken": with_person(slot, wish.name_of(slot.staff), zone),
        }
        for slot in slots
    ]


def why_in_words(wish: Wish, start: datetime, obstacle: Obstacle, now: datetime, reading: str | None = None) -> str:
    """Say what was in the way of `start`, or of the longer span that was read as `reading`."""
    zone, day = wish.rules.zone, start.astimezone(wish.rules.zone).date()
    holiday = closed_by(wish.rules.branch, day)
    last_day = now.astimezone(zone).date() + timedelta(days=wish.rules.service.booking_horizon_days)
    return OBSTACLES[obstacle].format(
        when=reading or spoken(start, zone), day=day_in_words(day), last_day=day_in_words(last_day),
        holiday=f", es ist {holiday}" if holiday else "",
    )  # fmt: skip


def in_words(wish: Wish, slots: Sequence[Slot]) -> str:
    """Offer slots in a sentence, each with its full date."""
    if not slots:
        return "In den zwei Wochen, die ich durchgesehen habe, ist leider nichts frei. Soll ich später suchen?"
    said = listed([with_person(slot, wish.name_of(slot.staff), wish.rules.zone) for slot in slots])
    return f"Frei ist {said}. Soll ich das eintragen?" if len(slots) == 1 else f"Frei ist {said}. Was passt Ihnen?"


def _local_day(instant: datetime, zone: ZoneInfo) -> Span:
    midnight = datetime.combine(instant.astimezone(zone).date(), time(), zone)
    return Span(midnight, datetime.combine(midnight.date() + timedelta(days=1), time(), zone))
