"""When a service can be booked: rules and busy spans in, slots out. Pure: nothing here reads a clock or a database.

Rules are local wall clock (`hours.py`), results UTC instants, every span half-open; inside, instants are epoch seconds.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import Branch, Service, Staff
from askproai_runtime.booking.opening_hours import DAY_MINUTES, Seconds, days_between, grid, instant, working_spans

Claims = list[tuple[int, "Span"]]  # rows of `resources`, and when each is blocked
Busy = Mapping[int, Sequence["BusySpan"]]  # by resource id
_WHOLE = 27_720  # a person, in parts that every number of units up to 12 divides


@dataclass(frozen=True, slots=True)
class Span:
    """[start, end), UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class BusySpan:
    """[start, end), UTC, of one row of `resources`: one of the `units` that its person had when it was claimed."""

    start: datetime
    end: datetime
    units: int = 1

    @property
    def seconds(self) -> Seconds:
        return int(self.start.timestamp()), int(-(-self.end.timestamp() // 1))


@dataclass(frozen=True, slots=True)
class ServiceRules:
    """What bounds the starts of one service in one branch; `people` are those who can do it."""

    zone: ZoneInfo
    branch: Branch
    service: Service
    people: tuple[Staff, ...]

    def person(self, staff: str) -> Staff:
        """Give one of `people` by id."""
        return next(person for person in self.people if person.id == staff)

    def blocks(self, start: datetime) -> Span:
        """Give what an appointment at `start` takes from a person, buffers included."""
        before = timedelta(minutes=self.service.buffer_before_minutes)
        return Span(
            start - before, start + timedelta(minutes=self.service.duration_minutes + self.service.buffer_after_minutes)
        )


@dataclass(frozen=True, slots=True)
class SlotQuery:
    """Which starts: [first, end), of one person or of anybody. `now` decides about notice and horizon."""

    now: datetime
    first: datetime
    end: datetime
    staff: str | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A start that can be booked with a person."""

    start: datetime
    end: datetime
    staff: str


class Obstacle(StrEnum):
    """Why a start cannot be booked, the first that applies."""

    PAST = "past"
    TOO_SOON = "too_soon"
    TOO_FAR = "too_far"
    CLOSED_DAY = "closed_day"
    OUTSIDE_HOURS = "outside_hours"
    OFF_GRID = "off_grid"
    TAKEN = "taken"


def free_slots(rules: ServiceRules, busy: Busy, query: SlotQuery) -> list[Slot]:
    """Give every bookable start, earliest first, one entry for each person."""
    service = rules.service
    first = max(query.first, query.now + timedelta(minutes=service.minimum_notice_minutes)).timestamp()
    end = min(query.end.timestamp(), _horizon(rules, query.now))
    days = days_between(rules.zone, query.first, query.end)
    starts = [s for day in days for s in grid(day, service.slot_step_minutes, rules.zone) if first <= s < end]
    if not starts:
        return []
    before = service.buffer_before_minutes * 60
    length = (service.duration_minutes + service.buffer_after_minutes) * 60
    found: list[tuple[int, str]] = []
    for person in _asked(rules, query.staff):
        working = working_spans(rules.zone, rules.branch, person, starts[0] - before, starts[-1] + length)
        for opens, closes in _without(working, _full(person, service.capacity, busy)):
            for s in starts[bisect_left(starts, opens + before) :]:
                if s + length > closes:
                    break
                found.append((s, person.id))
    duration = timedelta(minutes=service.duration_minutes)
    found.sort(key=lambda one: one[0])  # stable: people come in the order of the config
    instants = {s: datetime.fromtimestamp(s, UTC) for s, _ in found}
    return [Slot(instants[s], instants[s] + duration, staff) for s, staff in found]


def one_per_start(slots: Iterable[Slot], busy: Busy, rules: ServiceRules) -> list[Slot]:
    """Choose a person for each start: who is booked least on that local day, then the order of the config."""
    units = {person.id: person.resource_ids for person in rules.people}
    load: dict[tuple[str, date], float] = {}

    def booked(slot: Slot) -> float:
        key = (slot.staff, slot.start.astimezone(rules.zone).date())
        if key not in load:
            opens, closes = instant(key[1], 0, rules.zone), instant(key[1], DAY_MINUTES, rules.zone)
            spans = [(*one.seconds, one.units) for unit in units[slot.staff] for one in busy.get(unit, ())]
            load[key] = sum(max(0, min(end, closes) - max(start, opens)) / parts for start, end, parts in spans)
        return load[key]

    chosen: dict[datetime, Slot] = {}
    for slot in slots:
        rival = chosen.get(slot.start)
        if rival is None or booked(slot) < booked(rival):
            chosen[slot.start] = slot
    return list(chosen.values())


def nearest(slots: Iterable[Slot], wanted: datetime, count: int) -> list[Slot]:
    """Give the `count` slots closest to `wanted`, earliest first."""
    return sorted(sorted(slots, key=lambda slot: abs(slot.start - wanted))[:count], key=lambda slot: slot.start)


def why_not(
    rules: ServiceRules, start: datetime, now: datetime, staff: str | None, *, whole_day: bool = False
) -> Obstacle:
    """Say why `start` (or no start of its local day) is free; TAKEN when the rules would allow it."""
    day = start.astimezone(rules.zone).date()
    if (instant(day, DAY_MINUTES, rules.zone) if whole_day else start.timestamp()) <= now.timestamp():
        return Obstacle.PAST
    if start.timestamp() >= _horizon(rules, now):
        return Obstacle.TOO_FAR
    midnight = instant(day, 0, rules.zone)
    if not any(working_spans(rules.zone, rules.branch, person, midnight, midnight) for person in _asked(rules, staff)):
        others = any(working_spans(rules.zone, rules.branch, person, midnight, midnight) for person in rules.people)
        return Obstacle.OUTSIDE_HOURS if others else Obstacle.CLOSED_DAY  # one person's day off closes no branch
    if whole_day:
        return Obstacle.TAKEN
    if start < now + timedelta(minutes=rules.service.minimum_notice_minutes):
        return Obstacle.TOO_SOON
    blocks = rules.blocks(start)
    opens, closes = blocks.start.timestamp(), blocks.end.timestamp()
    hours = (
        span
        for person in _asked(rules, staff)
        for span in working_spans(rules.zone, rules.branch, person, int(opens), int(closes))
    )
    if not any(a <= opens and closes <= b for a, b in hours):
        return Obstacle.OUTSIDE_HOURS
    if start.timestamp() not in grid(day, rules.service.slot_step_minutes, rules.zone):
        return Obstacle.OFF_GRID
    return Obstacle.TAKEN


def _asked(rules: ServiceRules, staff: str | None) -> list[Staff]:
    return [person for person in rules.people if staff in {None, person.id}]


def _horizon(rules: ServiceRules, now: datetime) -> int:
    today = now.astimezone(rules.zone).date()
    return instant(today + timedelta(days=rules.service.booking_horizon_days), DAY_MINUTES, rules.zone)


def _without(working: list[Seconds], full: list[Seconds]) -> list[Seconds]:
    free: list[Seconds] = []
    for opens, closes in working:
        at = opens
        for start, end in full:
            if end > at and start < closes:
                if start > at:
                    free.append((at, start))
                at = end
        if at < closes:
            free.append((at, closes))
    return free


def _full(person: Staff, capacity: int, busy: Busy) -> list[Seconds]:
    """Give the spans in which a person has no room for one more of `capacity` parallel appointments.

    Two things bound it: the shares of the person that are taken, whatever the units were when they were claimed, and the
    rows that can be claimed now. They differ only while appointments from before a change of capacities are coming.
    """
    rows = person.resource_ids[: person.units]
    room, rows_left = _WHOLE - _WHOLE // capacity, person.units - person.units // capacity
    steps: dict[int, tuple[int, int]] = {}
    for resource_id in person.resource_ids:
        here = resource_id in rows
        for one in busy.get(resource_id, ()):
            part = _WHOLE // one.units
            for at, sign in zip(one.seconds, (1, -1), strict=True):
                parts, held = steps.get(at, (0, 0))
                steps[at] = parts + sign * part, held + sign * here
    full: list[Seconds] = []
    parts = held = 0
    began: int | None = None
    for at in sorted(steps):
        parts, held = parts + steps[at][0], held + steps[at][1]
        if parts > room or held > rows_left:
            began = at if began is None else began
        elif began is not None:
            full.append((began, at))
            began = None
    return full


def claims_for(person: Staff, capacity: int, busy: Busy, blocks: Span) -> Claims | None:
    """Give the rows to claim and for which part of `blocks`: as many at each instant as one appointment takes.

    An appointment may change its rows on the way (they are units of one person): else free ones that do not line up
    would be lost. None: there is no room.
    """
    first, last = int(blocks.start.timestamp()), int(blocks.end.timestamp())
    if any(start < last and first < end for start, end in _full(person, capacity, busy)):
        return None
    wanted = person.units // capacity
    rows = {row: [one.seconds for one in busy.get(row, ())] for row in person.resource_ids[: person.units]}
    cuts = sorted({first, last, *(at for spans in rows.values() for span in spans for at in span if first < at < last)})
    claims: Claims = []
    open_since: dict[int, int] = {}
    for start, end in pairwise(cuts):
        free = [row for row, spans in rows.items() if not any(a < end and start < b for a, b in spans)]
        free.sort(key=lambda row: row not in open_since)  # who has it keeps it
        for row in open_since.keys() - set(free[:wanted]):
            claims.append((row, _span(open_since.pop(row), start)))
        for row in free[:wanted]:
            open_since.setdefault(row, start)
    claims += ((row, _span(start, last)) for row, start in open_since.items())
    return sorted(claims, key=lambda claim: (claim[0], claim[1].start))


def without(span: Span, taken: Iterable[Span]) -> list[Span]:
    """Give what is left of a span."""
    left, at = [], span.start
    for other in sorted(taken, key=lambda other: other.start):
        left.append(Span(at, min(other.start, span.end)))
        at = max(at, other.end)
    left.append(Span(at, span.end))
    return [piece for piece in left if piece.start < piece.end]


def _span(start: int, end: int) -> Span:
    return Span(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))
