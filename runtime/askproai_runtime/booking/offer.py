"""check_availability: what is free, and the first of it held for this call. One way through, top to bottom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import Enum, auto
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from askproai_runtime.booking import ledger
from askproai_runtime.booking.availability import (
    Obstacle,
    Query,
    Slot,
    Span,
    closed_by,
    free_slots,
    nearest,
    one_per_start,
    why_not,
)
from askproai_runtime.booking.desk import Desk
from askproai_runtime.booking.races import retrying
from askproai_runtime.booking.types import Answer, CallContext
from askproai_runtime.booking.wish import AskBack, Wish, candidate_fields, read_time, read_wish, says_when, which_one
from askproai_runtime.booking.words import day_in_words, listed, obstacle_in_words, with_person
from askproai_runtime.speech import Candidate, Grain, Understanding, spoken

_MINUTE = timedelta(minutes=1)
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Offer:
    """Slots to say, and why they are not what was asked (None: they are)."""

    slots: list[Slot]
    missed: Candidate | None = None
    obstacle: Obstacle | None = None


class _Hold(Enum):
    HELD = auto()
    CAPPED = auto()
    LOST = auto()


async def check_availability(desk: Desk, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Offer up to three different starts, the first held for this call; or ask back. Never a guess."""
    try:
        wish = read_wish(desk.config(), call, args)
        zone = wish.rules.zone
        now = desk.clock.now()
        understood = read_time(args, call, zone) if says_when(args) else _whenever(now, desk.settings.look_ahead)
    except AskBack as question:
        return question.answer
    for _ in range(_TRIES):
        taken = await read_busy(desk, wish, call, now, _latest(understood, desk.settings.look_ahead))
        offer = choose_offer(wish, taken, now, understood.candidates, desk.settings.offers, desk.settings.look_ahead)
        if not offer.slots or await _hold(desk, wish, call, offer.slots[0]) is not _Hold.LOST:
            break  # lost: somebody took it between our look and our hold, so look again
    return _answer(wish, understood, offer, now)


def choose_offer(
    wish: Wish,
    taken: Mapping[int, Sequence[Span]],
    now: datetime,
    candidates: Sequence[Candidate],
    count: int,
    look_ahead: timedelta,
) -> Offer:
    """Give the slots of the earliest candidate that has any, else the closest to the first, with what was in the way."""
    rules = wish.rules
    for candidate in candidates:
        query = Query(now, candidate.start, candidate.end or candidate.start + _MINUTE, wish.staff)
        if slots := one_per_start(free_slots(rules, taken, query), taken, rules.zone):
            return Offer(slots[:count])
    missed = candidates[0]
    whole_day = missed.grain is not Grain.MINUTE
    obstacle = why_not(rules, missed.start, now, wish.staff, whole_day=whole_day)
    if missed.grain not in {
        Grain.MINUTE,
        Grain.PART_OF_DAY,
        Grain.DAY,
    }:  # its first day says nothing about a whole week
        obstacle = Obstacle.TAKEN
    around = obstacle in {Obstacle.TAKEN, Obstacle.OUTSIDE_HOURS, Obstacle.OFF_GRID} and not whole_day
    first = now if around else max(now, missed.start)
    others = free_slots(rules, taken, Query(now, first, max(now, missed.start) + look_ahead, wish.staff))
    others = one_per_start(others, taken, rules.zone)
    return Offer(nearest(others, missed.start, count) if around else others[:count], missed, obstacle)


async def read_busy(desk: Desk, wish: Wish, call: CallContext, first: datetime, end: datetime) -> dict[int, list[Span]]:
    """Read what blocks these people; whole days around, since fairness counts by day."""
    day = timedelta(days=1)
    async with desk.pool.acquire() as conn:
        return await ledger.busy(conn, desk.tenant, wish.resources, first - day, end + day, call.call_id)


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
    zone = wish.rules.zone
    day = start.astimezone(zone).date()
    when = day_in_words(day) if obstacle is Obstacle.CLOSED_DAY else reading or spoken(start, zone)
    last_day = now.astimezone(zone).date() + timedelta(days=wish.rules.service.booking_horizon_days)
    return obstacle_in_words(obstacle, when, closed_by(wish.rules.branch, day), last_day)


async def _hold(desk: Desk, wish: Wish, call: CallContext, slot: Slot) -> _Hold:
    """Hold a slot for this call in place of what it held before, unless caps forbid; the others are only said."""
    settings, rules, tenant = desk.settings, wish.rules, desk.tenant
    blocks = rules.blocks(slot.start)
    entry = ledger.Entry(
        uuid4(), rules.branch.name, rules.service.name, slot, blocks, ledger.Status.HELD, call.call_id, call.caller,
        call.correlation_id, hold=settings.hold,
    )  # fmt: skip

    async def hold() -> _Hold:
        async with desk.pool.acquire() as conn, conn.transaction():
            await ledger.lock(conn, tenant, [slot.resource_id], call.call_id)
            await ledger.clear_way(conn, tenant, [slot.resource_id], call.call_id)
            taken = await ledger.busy(conn, tenant, [slot.resource_id], blocks.start, blocks.end, call.call_id)
            if taken.get(slot.resource_id):
                return _Hold.LOST
            caps = settings.holds_per_person_and_day, settings.holds_per_caller
            if not await ledger.holds_left(conn, tenant, slot, _local_day(slot.start, rules.zone), call.caller, *caps):
                return _Hold.CAPPED
            await ledger.insert(conn, tenant, entry)
            return _Hold.HELD

    return await retrying(hold, on_conflict=_Hold.LOST)


def _answer(wish: Wish, understood: Understanding, offer: Offer, now: datetime) -> Answer:
    zone = wish.rules.zone
    sentences = []
    fields: dict[str, Any] = {"slots": offered(wish, offer.slots)}
    if understood.ambiguous:
        fields["candidates"] = candidate_fields(understood.candidates)
        sentences.append(which_one(understood, zone))
    if offer.missed is not None and offer.obstacle is not None:
        fields["obstacle"] = offer.obstacle.value
        whole_day = offer.missed.grain is not Grain.MINUTE
        reading = offer.missed.reading if whole_day else None
        sentences.append(why_in_words(wish, offer.missed.start, offer.obstacle, now, reading))
    sentences.append(in_words(wish, offer.slots))
    return Answer(success=bool(offer.slots), message=" ".join(sentences), fields=fields)


def in_words(wish: Wish, slots: Sequence[Slot]) -> str:
    """Offer slots in a sentence, each with its full date."""
    if not slots:
        return "In den nächsten zwei Wochen danach finde ich leider nichts Freies. Soll ich später suchen?"
    said = listed([with_person(slot, wish.name_of(slot.staff), wish.rules.zone) for slot in slots])
    return f"Frei ist {said}. Soll ich das eintragen?" if len(slots) == 1 else f"Frei ist {said}. Was passt Ihnen?"


def _whenever(now: datetime, look_ahead: timedelta) -> Understanding:
    return Understanding(candidates=(Candidate(now, now + look_ahead, Grain.RANGE, "so bald wie möglich"),))


def _latest(understood: Understanding, look_ahead: timedelta) -> datetime:
    return max(candidate.end or candidate.start for candidate in understood.candidates) + look_ahead


def _local_day(instant: datetime, zone: ZoneInfo) -> Span:
    midnight = datetime.combine(instant.astimezone(zone).date(), time(), zone)
    return Span(midnight, datetime.combine(midnight.date() + timedelta(days=1), time(), zone))
