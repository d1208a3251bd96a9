"""When a service can be booked: rules and busy spans in, slots and claims out. Pure: no clock and no database is read here.

Rules are local wall clock (`opening_hours.py`), results are UTC instants, every span is half-open; inside, instants are epoch
seconds.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import chain, pairwise
from math import inf
from types import MappingProxyType
from typing import Self
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import Branch, Service, Staff
from askproai_runtime.booking.opening_hours import (
    DAY_MINUTES,
    EpochSpan,
    grid_starts,
    local_days,
    merge_spans,
    wall_clock_epoch,
    working_spans,
)
from askproai_runtime.german_dates import Candidate, Daily

Claims = list[tuple[int, "Span"]]  # ids of `resources`, and when each is blocked
Busy = Mapping[int, Sequence["BusySpan"]]  # by resource id
RemoteFree = Mapping[str, "FreeSpans"]  # by the id of a staff member; who is absent is bounded by no remote calendar
LONGEST_SPAN = timedelta(days=35)  # a month is searched as a whole; of what has no end, or of a year, the beginning
_SHARES = 27_720  # one staff member, in shares that every number of units up to 12 divides


@dataclass(frozen=True, slots=True)
class Span:
    """[start, end), UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class BusySpan:
    """[start, end), UTC, of one resource: one of the `units` that its staff member had when it was claimed."""

    start: datetime
    end: datetime
    units: int = 1
    seconds: EpochSpan = field(init=False, compare=False)  # each search reads it several times

    def __post_init__(self) -> None:
        seconds = int(self.start.timestamp()), int(-(-self.end.timestamp() // 1))
        object.__setattr__(self, "seconds", seconds)


@dataclass(frozen=True, slots=True)
class FreeSpans:
    """When the remote calendar has a staff member free: spans that are sorted and apart, and how many seconds a booking is there.

    A start is free there if the whole booking lies within one of the spans. They are a union of slots, so our grid need not be that
    of the remote calendar.
    """

    spans: Sequence[EpochSpan]
    length: int

    def starts_within(self, starts: Sequence[int], length: int) -> list[tuple[int, int]]:
        """Return which of the sorted `starts` are free for at least `length` seconds, as ranges of their indices."""
        longest = max(length, self.length)
        ranges = ((bisect_left(starts, first), bisect_right(starts, end - longest)) for first, end in self.spans)
        return [(first, end) for first, end in ranges if first < end]


@dataclass(frozen=True, slots=True)
class ServiceRules:
    """What bounds the starts of one service in one branch; `staff_members` are those who can do it."""

    zone: ZoneInfo
    branch: Branch
    service: Service
    staff_members: tuple[Staff, ...]

    @classmethod
    def of(cls, zone: ZoneInfo, branch: Branch, service: Service) -> Self:
        """Return the rules of a service in a branch, with the staff members of the branch who can do it."""
        able = service.staff.get(branch.name, ())
        return cls(zone, branch, service, tuple(s for s in branch.staff if s.id in able and s.resource_ids))

    @property
    def resource_ids(self) -> list[int]:
        return [resource_id for staff_member in self.staff_members for resource_id in staff_member.resource_ids]

    def staff_member(self, staff: str) -> Staff:
        """Return one of `staff_members` by id."""
        return next(staff_member for staff_member in self.staff_members if staff_member.id == staff)

    def display_name(self, staff: str) -> str:
        """Return the name of anybody in the branch, or the id of who works there no longer."""
        return next((s.display_name for s in self.branch.staff if s.id == staff), staff)

    def blocked_span(self, start: datetime) -> Span:
        """Return the time from the first to the last instant that an appointment at `start` blocks, buffers included."""
        before = timedelta(minutes=self.service.buffer_before_minutes)
        after = timedelta(minutes=self.service.duration_minutes + self.service.buffer_after_minutes)
        return Span(start - before, start + after)

    @property
    def blocked_offsets(self) -> list[EpochSpan]:
        """Return what an appointment blocks of its staff member, in seconds from its start, buffers included: one span unless the
        customer waits in between.
        """
        (_, *begins), (*ends, _) = zip(*self.service.work_spans, strict=True)
        before, after = (
            self.service.buffer_before_minutes,
            self.service.duration_minutes + self.service.buffer_after_minutes,
        )
        return [(first * 60, end * 60) for first, end in zip((-before, *begins), (*ends, after), strict=True)]

    def blocked_spans(self, start: datetime) -> list[Span]:
        """Return the times that an appointment at `start` takes from its staff member, buffers included."""
        return [Span(start + timedelta(seconds=a), start + timedelta(seconds=b)) for a, b in self.blocked_offsets]


@dataclass(frozen=True, slots=True)
class EventTypeLink:
    """What an event type of the remote calendar means: a service (in `rules`) of one staff member."""

    rules: ServiceRules
    staff_member: Staff


@dataclass(frozen=True, slots=True)
class SlotQuery:
    """Which starts: [first, end), of one staff member or of anybody. `now` decides about minimum notice and horizon.

    With a `limit` only so many of each staff member, those closest to `closest_to`; to `first` without it. Nobody of the
    closest starts of all is missing then, and what a query costs depends neither on the grid nor on how much is free.
    With `daily` only starts at these times of the days.
    """

    now: datetime
    first: datetime
    end: datetime
    staff: str | None = None
    closest_to: datetime | None = None
    limit: int | None = None
    daily: Daily | None = None

    @classmethod
    def at(cls, start: datetime, now: datetime, staff: str | None) -> Self:
        """Ask for exactly this start: one with seconds is not on the grid, and finds none."""
        return cls(now, start, start + timedelta(microseconds=1), staff)


@dataclass(frozen=True, slots=True)
class Slot:
    """A bookable start with a staff member."""

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


def free_slots(
    rules: ServiceRules, busy: Busy, query: SlotQuery, remote: RemoteFree = MappingProxyType({})
) -> list[Slot]:
    """Return every bookable start that the query asks for, earliest first, one entry for each staff member."""
    starts = list_starts(rules, query)
    found = [
        (s, staff_member.id)
        for staff_member in _candidates(rules, query.staff)
        for s in free_starts(rules, staff_member, busy, starts, query, remote.get(staff_member.id))
    ]
    return to_slots(rules, found)


def list_starts(rules: ServiceRules, query: SlotQuery) -> list[int]:
    """Return the starts of the query that the grid, the minimum notice and the horizon allow, whoever works then."""
    first = max(query.first, query.now + timedelta(minutes=rules.service.minimum_notice_minutes)).timestamp()
    end = min(query.end.timestamp(), horizon_end(rules, query.now))
    starts: list[int] = []
    for day in local_days(rules.zone, query.first, query.end):
        grid = grid_starts(day, rules.service.slot_step_minutes, rules.zone)
        opens, closes = _bounds_of_day(day, query.daily, rules.zone)
        starts += grid[bisect_left(grid, max(first, opens)) : bisect_left(grid, min(end, closes))]
    return starts


def _bounds_of_day(day: date, daily: Daily | None, zone: ZoneInfo) -> tuple[float, float]:
    """Return between which instants of a local day starts are asked for; an empty range for a day that is not."""
    if daily is None:
        return -inf, inf
    if day.weekday() not in daily.weekdays:
        return inf, -inf
    closes = datetime.combine(day, daily.closes, zone).timestamp() if daily.closes else inf
    return datetime.combine(day, daily.opens, zone).timestamp(), closes


def free_starts(
    rules: ServiceRules,
    staff_member: Staff,
    busy: Busy,
    starts: Sequence[int],
    query: SlotQuery,
    remote: FreeSpans | None = None,
) -> list[int]:
    """Return those of `starts` at which a staff member is free, also in the remote calendar if `remote` is known; at most the
    query's limit.
    """
    if not starts:
        return []
    service, blocked = rules.service, rules.blocked_offsets
    visit = blocked[0][0], blocked[-1][1]
    first, end = starts[0] + visit[0], starts[-1] + visit[1]
    working = working_spans(rules.zone, rules.branch, staff_member, first, end)
    free = _subtract(working, _full_spans(staff_member, service.capacity, busy, (first, end))) if working else []
    ranges = _starts_within(working if len(blocked) > 1 else free, starts, visit)
    if len(blocked) > 1:  # who is busy while the customer waits is not in the way
        for work in blocked:
            ranges = _intersect(ranges, _starts_within(free, starts, work))
    if remote is not None:
        ranges = _intersect(ranges, remote.starts_within(starts, service.duration_minutes * 60))
    return _choose_starts(starts, ranges, query)


def to_slots(rules: ServiceRules, found: list[tuple[int, str]]) -> list[Slot]:
    """Return starts and staff members as slots, earliest first; staff members keep the order in which they were found."""
    duration = timedelta(minutes=rules.service.duration_minutes)
    found.sort(key=lambda start_and_staff: start_and_staff[0])
    instants = {s: datetime.fromtimestamp(s, UTC) for s, _ in found}
    return [Slot(instants[s], instants[s] + duration, staff) for s, staff in found]


def busy_window(rules: ServiceRules, day: date) -> Span:
    """Return the time whose claims decide about the starts of a local day, and about who is booked least on it."""
    midnight, end = (wall_clock_epoch(day, minute, rules.zone) for minute in (0, DAY_MINUTES))
    service = rules.service
    last = end + (service.duration_minutes + service.buffer_after_minutes) * 60
    return _utc_span(midnight - service.buffer_before_minutes * 60, last)


def is_working_day(rules: ServiceRules, day: date, staff: str | None) -> bool:
    """Return whether anybody (or this staff member) works on a local day at all."""
    midnight = wall_clock_epoch(day, 0, rules.zone)
    return any(working_spans(rules.zone, rules.branch, s, midnight, midnight) for s in _candidates(rules, staff))


def is_open_day(rules: ServiceRules, day: date) -> bool:
    """Return whether the branch is open on a local day at all, whoever works then."""
    midnight = wall_clock_epoch(day, 0, rules.zone)
    return bool(working_spans(rules.zone, rules.branch, None, midnight, midnight))


def list_days(rules: ServiceRules, candidate: Candidate) -> list[date]:
    """Return the local days that a candidate names, of a long one those of its first `LONGEST_SPAN`."""
    if candidate.end is None:
        return [candidate.start.astimezone(rules.zone).date()]
    last = min(candidate.end, candidate.start + LONGEST_SPAN) - timedelta(microseconds=1)
    days = local_days(rules.zone, candidate.start, last)
    return [day for day in days if candidate.daily is None or day.weekday() in candidate.daily.weekdays]


def is_day_off(rules: ServiceRules, candidate: Candidate, staff: str | None) -> bool:
    """Return whether nobody who does the service (or this staff member does not) works on any day of a candidate."""
    return not any(is_working_day(rules, day, staff) for day in list_days(rules, candidate))


def is_working_time(rules: ServiceRules, candidate: Candidate, staff: str | None) -> bool:
    """Return whether anybody (or this staff member) works at a candidate's start, or at some time of a longer one.

    Of times of several days those of the first `LONGEST_SPAN` are looked at.
    """
    return any(_is_within_hours(rules, s, candidate) for s in _candidates(rules, staff))


def is_open_time(rules: ServiceRules, candidate: Candidate) -> bool:
    """Return whether the branch is open at a candidate's start, or at some time of a longer one, whoever works then."""
    return _is_within_hours(rules, None, candidate)


def _is_within_hours(rules: ServiceRules, staff_member: Staff | None, candidate: Candidate) -> bool:
    first = int(candidate.start.timestamp())
    last = int(candidate.end.timestamp()) if candidate.end else first + 1
    if candidate.daily is not None:
        last = min(last, first + int(LONGEST_SPAN.total_seconds()))
    spans = working_spans(rules.zone, rules.branch, staff_member, first, last)
    if candidate.daily is not None:
        bounds = [_bounds_of_day(day, candidate.daily, rules.zone) for day in list_days(rules, candidate)]
        return any(
            max(opens, begins, first) < min(closes, ends, last) for opens, closes in spans for begins, ends in bounds
        )
    return any(opens < last and first < closes for opens, closes in spans)


def _starts_within(spans: list[EpochSpan], starts: Sequence[int], needed: EpochSpan) -> list[tuple[int, int]]:
    """Return, for each of `spans`, the range of indices of the starts of which it contains `needed` (seconds from the start)."""
    first, end = needed
    return [(bisect_left(starts, opens - first), bisect_right(starts, closes - end)) for opens, closes in spans]


def _intersect(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the common parts of two lists of half-open ranges, each sorted."""
    common: list[tuple[int, int]] = []
    i = j = 0
    while i < len(first) and j < len(second):
        start, end = max(first[i][0], second[j][0]), min(first[i][1], second[j][1])
        if start < end:
            common.append((start, end))
        if first[i][1] < second[j][1]:
            i += 1
        else:
            j += 1
    return common


def _choose_starts(starts: Sequence[int], ranges: Iterable[tuple[int, int]], query: SlotQuery) -> list[int]:
    """Return the starts whose index is in one of `ranges` (half-open), earliest first; at most the query's limit."""
    if query.limit is None:
        return [starts[i] for first, end in ranges for i in range(first, end)]
    target = (query.closest_to or query.first).timestamp()
    middle = bisect_left(starts, target)
    close: list[int] = []
    for first, end in ranges:  # per range no more than the limit on either side of the target
        at = min(max(middle, first), end)
        close += (starts[i] for i in range(max(first, at - query.limit), min(end, at + query.limit)))
    return sorted(sorted(close, key=lambda s: (abs(s - target), s))[: query.limit])


def least_busy_per_start(slots: Iterable[Slot], busy: Busy, rules: ServiceRules) -> list[Slot]:
    """Choose one staff member for each start: who is booked least on that local day, then by the order of the config."""
    resources = {staff_member.id: staff_member.resource_ids for staff_member in rules.staff_members}
    load: dict[tuple[str, date], float] = {}

    def booked(slot: Slot) -> float:
        key = (slot.staff, slot.start.astimezone(rules.zone).date())
        if key not in load:
            opens, closes = (wall_clock_epoch(key[1], minute, rules.zone) for minute in (0, DAY_MINUTES))
            spans = [span for resource_id in resources[slot.staff] for span in busy.get(resource_id, ())]
            load[key] = sum(
                max(0, min(end, closes) - max(start, opens)) / span.units
                for span in spans
                for start, end in [span.seconds]
            )
        return load[key]

    chosen: dict[datetime, Slot] = {}
    for slot in slots:
        rival = chosen.get(slot.start)
        if rival is None or booked(slot) < booked(rival):
            chosen[slot.start] = slot
    return list(chosen.values())


def nearest_slots(slots: Iterable[Slot], target: datetime, count: int) -> list[Slot]:
    """Return the `count` slots closest to `target`, earliest first."""
    return sorted(sorted(slots, key=lambda slot: abs(slot.start - target))[:count], key=lambda slot: slot.start)


def find_obstacle(
    rules: ServiceRules, start: datetime, now: datetime, staff: str | None, *, whole_day: bool = False
) -> Obstacle:
    """Return why `start` (with `whole_day`: every start of its local day) is not free; TAKEN if the rules would allow it.

    With a notice below zero (of the desk) a start that is not longer ago is not past.
    """
    day, notice = start.astimezone(rules.zone).date(), timedelta(minutes=rules.service.minimum_notice_minutes)
    has_begun = start < now + notice if notice < timedelta() else start <= now
    if wall_clock_epoch(day, DAY_MINUTES, rules.zone) <= now.timestamp() if whole_day else has_begun:
        return Obstacle.PAST
    if start.timestamp() >= horizon_end(rules, now):
        return Obstacle.TOO_FAR
    candidates = _candidates(rules, staff)
    if not is_working_day(rules, day, staff):  # a day off of all who do a service closes no branch
        return Obstacle.OUTSIDE_HOURS if is_open_day(rules, day) else Obstacle.CLOSED_DAY
    if whole_day:
        return Obstacle.TAKEN
    if start < now + notice:
        return Obstacle.TOO_SOON
    blocked = rules.blocked_span(start)
    opens, closes = blocked.start.timestamp(), blocked.end.timestamp()
    working = (span for s in candidates for span in working_spans(rules.zone, rules.branch, s, int(opens), int(closes)))
    if not any(a <= opens and closes <= b for a, b in working):
        return Obstacle.OUTSIDE_HOURS
    if start.timestamp() not in grid_starts(day, rules.service.slot_step_minutes, rules.zone):
        return Obstacle.OFF_GRID
    return Obstacle.TAKEN


def _candidates(rules: ServiceRules, staff: str | None) -> list[Staff]:
    return [staff_member for staff_member in rules.staff_members if staff in {None, staff_member.id}]


def horizon_end(rules: ServiceRules, now: datetime) -> int:
    """Return the end of the last local day that can be booked, in epoch seconds."""
    today = now.astimezone(rules.zone).date()
    return wall_clock_epoch(today + timedelta(days=rules.service.booking_horizon_days), DAY_MINUTES, rules.zone)


def _subtract(working: list[EpochSpan], full: list[EpochSpan]) -> list[EpochSpan]:
    """Return the parts of `working` that none of `full` covers; both are sorted, and their spans apart."""
    free: list[EpochSpan] = []
    ends = [end for _, end in full]
    for opens, closes in working:
        at = opens
        for i in range(bisect_right(ends, opens), bisect_left(full, (closes, closes))):
            start, end = full[i]
            if start > at:
                free.append((at, start))
            at = end
        if at < closes:
            free.append((at, closes))
    return free


def _full_spans(staff_member: Staff, capacity: int, busy: Busy, within: EpochSpan) -> list[EpochSpan]:
    """Return the spans in which a staff member has no room for one more of `capacity` parallel appointments.

    Only claims that overlap `within` are considered, so each of the spans overlaps it, too.

    Two limits apply: the shares of the staff member that are taken, whatever the number of units was when they were claimed,
    and the resources that can be claimed now. They differ only while appointments from before a change of capacities are
    still to come.
    """
    first, last = within
    claims = [
        (resource_id, span)
        for resource_id in staff_member.resource_ids
        for span in busy.get(resource_id, ())
        if span.seconds[0] < last and first < span.seconds[1]
    ]
    if capacity == 1:  # any claim is in the way
        return merge_spans([span.seconds for _, span in claims])
    claimable = staff_member.resource_ids[: staff_member.units]
    max_shares, max_claimed = _SHARES - _SHARES // capacity, staff_member.units - staff_member.units // capacity
    # By instant: how many shares and claimable resources begin or end to be taken.
    changes: dict[int, tuple[int, int]] = {}
    for resource_id, span in claims:
        is_claimable, share = resource_id in claimable, _SHARES // span.units
        for at, sign in zip(span.seconds, (1, -1), strict=True):
            shares, claimed = changes.get(at, (0, 0))
            changes[at] = shares + sign * share, claimed + sign * is_claimable
    full: list[EpochSpan] = []
    shares = claimed = 0
    full_since: int | None = None
    for at in sorted(changes):
        shares, claimed = shares + changes[at][0], claimed + changes[at][1]
        if shares > max_shares or claimed > max_claimed:
            full_since = at if full_since is None else full_since
        elif full_since is not None:
            full.append((full_since, at))
            full_since = None
    return full


def allocate_claims(staff_member: Staff, capacity: int, busy: Busy, blocked: Span) -> Claims | None:
    """Return which resources to claim for which part of `blocked`: at each instant as many as one appointment takes.

    Returns None when there is no room. An appointment may change its resources on the way (they are units of one staff
    member): otherwise free ones that do not line up would be lost.
    """
    first, last = int(blocked.start.timestamp()), int(blocked.end.timestamp())
    if _full_spans(staff_member, capacity, busy, (first, last)):
        return None
    count = staff_member.units // capacity
    taken = {r: [span.seconds for span in busy.get(r, ())] for r in staff_member.resource_ids[: staff_member.units]}
    inner = {at for spans in taken.values() for span in spans for at in span if first < at < last}
    claims: Claims = []
    open_since: dict[int, int] = {}
    for start, end in pairwise(sorted({first, last, *inner})):
        free = [r for r, spans in taken.items() if not any(a < end and start < b for a, b in spans)]
        free.sort(key=lambda resource_id: resource_id not in open_since)  # a resource is kept as long as it is free
        for resource_id in open_since.keys() - set(free[:count]):
            claims.append((resource_id, _utc_span(open_since.pop(resource_id), start)))
        for resource_id in free[:count]:
            open_since.setdefault(resource_id, start)
    claims += ((resource_id, _utc_span(start, last)) for resource_id, start in open_since.items())
    return sorted(claims, key=lambda claim: (claim[0], claim[1].start))


def allocate_visit(rules: ServiceRules, staff: str, busy: Busy, start: datetime) -> Claims | None:
    """Return which resources an appointment at `start` claims, for all that it blocks. Returns None when a part has no room."""
    staff_member, capacity = rules.staff_member(staff), rules.service.capacity
    parts = [allocate_claims(staff_member, capacity, busy, span) for span in rules.blocked_spans(start)]
    return None if None in parts else sorted(chain(*filter(None, parts)), key=lambda claim: (claim[0], claim[1].start))


def subtract_spans(span: Span, others: Iterable[Span]) -> list[Span]:
    """Return the parts of `span` that none of `others` covers."""
    pieces, at = [], span.start
    for other in sorted(others, key=lambda other: other.start):
        pieces.append(Span(at, min(other.start, span.end)))
        at = max(at, other.end)
    pieces.append(Span(at, span.end))
    return [piece for piece in pieces if piece.start < piece.end]


def _utc_span(start: int, end: int) -> Span:
    return Span(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))
