"""Find the slots of a service from its rules and the busy spans. Pure: no clock and no database is read here.

Rules are local wall clock (`opening_hours.py`), results are UTC instants; inside, instants are epoch seconds. Every span is
half-open.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

from askproai_core.tenant_config import Staff
from askproai_runtime.availability.allocation import full_spans
from askproai_runtime.availability.opening_hours import (
    DAY_MINUTES,
    EpochSpan,
    bounds_of_day,
    grid_starts,
    local_days,
    wall_clock_epoch,
    working_spans,
)
from askproai_runtime.availability.slots import (
    Busy,
    FreeSpans,
    RemoteFree,
    ServiceRules,
    Slot,
    SlotQuery,
    Span,
    horizon_end,
    utc_span,
)


def free_slots(
    rules: ServiceRules, busy: Busy, query: SlotQuery, remote: RemoteFree = MappingProxyType({})
) -> list[Slot]:
    """Return every bookable slot of the query, earliest first, one for each start and staff member."""
    starts = list_starts(rules, query)
    found = [
        (s, staff_member.id)
        for staff_member in rules.able(query.staff)
        for s in free_starts(rules, staff_member, busy, starts, query, remote.get(staff_member.id))
    ]
    return to_slots(rules, found)


def list_starts(rules: ServiceRules, query: SlotQuery) -> list[int]:
    """Return the query's starts that the grid, the minimum notice and the horizon allow, whatever the working hours."""
    first = max(query.first, query.now + timedelta(minutes=rules.service.minimum_notice_minutes)).timestamp()
    end = min(query.end.timestamp(), horizon_end(rules, query.now))
    starts: list[int] = []
    for day in local_days(rules.zone, query.first, query.end):
        grid = grid_starts(day, rules.service.slot_step_minutes, rules.zone)
        opens, closes = bounds_of_day(day, query.daily, rules.zone)
        starts += grid[bisect_left(grid, max(first, opens)) : bisect_left(grid, min(end, closes))]
    without = {start.timestamp() for start in query.without}
    return [start for start in starts if start not in without] if without else starts


def free_starts(
    rules: ServiceRules,
    staff_member: Staff,
    busy: Busy,
    starts: Sequence[int],
    query: SlotQuery,
    remote: FreeSpans | None = None,
) -> list[int]:
    """Return at most the query's limit of `starts` at which a staff member is free, also in the remote calendar if known."""
    if not starts:
        return []
    service, blocked = rules.service_by(staff_member.id), rules.blocked_offsets(staff_member.id)
    visit = blocked[0][0], blocked[-1][1]
    first, end = starts[0] + visit[0], starts[-1] + visit[1]
    working = working_spans(rules.zone, rules.branch, staff_member, first, end)
    free = _subtract(working, full_spans(staff_member, service.capacity, busy, (first, end))) if working else []
    ranges = _starts_within(working if len(blocked) > 1 else free, starts, visit)
    if len(blocked) > 1:  # a staff member may be busy while the customer waits
        for work in blocked:
            ranges = _intersect(ranges, _starts_within(free, starts, work))
    if remote is not None:
        ranges = _intersect(ranges, remote.starts_within(starts, service.duration_minutes * 60))
    return _choose_starts(starts, ranges, query)


def to_slots(rules: ServiceRules, found: list[tuple[int, str]]) -> list[Slot]:
    """Return starts and staff members as slots, earliest first; staff members keep the order in which they were found."""
    minutes = {staff: rules.service_by(staff).duration_minutes for staff in {staff for _, staff in found}}
    lengths = {staff: timedelta(minutes=length) for staff, length in minutes.items()}
    found.sort(key=lambda start_and_staff: start_and_staff[0])
    instants = {s: datetime.fromtimestamp(s, UTC) for s, _ in found}
    return [Slot(instants[s], instants[s] + lengths[staff], staff) for s, staff in found]


def _starts_within(spans: list[EpochSpan], starts: Sequence[int], needed: EpochSpan) -> list[tuple[int, int]]:
    """Return, for each span, the index range of those `starts` whose appointment lies within the span. `needed` are the first
    and the last second that an appointment takes, counted from its start.
    """
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
    """Return the starts at the indices in `ranges` (half-open) that are closest to the query's time, earliest first."""
    if query.limit is None:
        return [starts[i] for first, end in ranges for i in range(first, end)]
    target = (query.closest_to or query.first).timestamp()
    middle = bisect_left(starts, target)
    close: list[int] = []
    for first, end in ranges:  # per range no more than the limit on either side of the target
        at = min(max(middle, first), end)
        close += (starts[i] for i in range(max(first, at - query.limit), min(end, at + query.limit)))
    return sorted(sorted(close, key=lambda s: (abs(s - target), s))[: query.limit])


def _subtract(working: list[EpochSpan], full: list[EpochSpan]) -> list[EpochSpan]:
    """Return the parts of `working` outside of all spans of `full`. Both lists are sorted, and their spans do not touch."""
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


def busy_window(rules: ServiceRules, day: date) -> Span:
    """Return the span in which claims must be read to find a local day's free starts and its least booked staff member."""
    midnight, end = (wall_clock_epoch(day, minute, rules.zone) for minute in (0, DAY_MINUTES))
    service = rules.service
    last = end + (rules.longest_minutes + service.buffer_after_minutes) * 60
    return utc_span(midnight - service.buffer_before_minutes * 60, last)


def least_busy_per_start(slots: Iterable[Slot], busy: Busy, rules: ServiceRules, language: str = "de") -> list[Slot]:
    """Return one slot for each start, with the staff member whom `rank_by` puts first; if equal, by the config's order."""
    rank = rank_by(busy, rules, language)
    chosen: dict[datetime, Slot] = {}
    for slot in slots:
        rival = chosen.get(slot.start)
        if rival is None or rank(slot.staff, slot.start) < rank(rival.staff, rival.start):
            chosen[slot.start] = slot
    return list(chosen.values())


def rank_by(busy: Busy, rules: ServiceRules, language: str) -> Callable[[str, datetime], tuple[bool, bool, float]]:
    """Return a function for a staff member's sort key at a start: speakers of `language` (ISO 639) come first, then the
    caller's usual staff member, then the staff member who is booked least on that local day.
    """
    resources = {staff_member.id: staff_member.resource_ids for staff_member in rules.staff_members}
    spoken = {each.id: {said.partition("-")[0] for said in each.languages or ("de",)} for each in rules.staff_members}
    speakers = {staff_id for staff_id, languages in spoken.items() if language in languages}
    load: dict[tuple[str, date], float] = {}

    def rank(staff: str, start: datetime) -> tuple[bool, bool, float]:
        return staff not in speakers, staff != rules.usual_staff, booked(staff, start)

    def booked(staff: str, start: datetime) -> float:
        key = (staff, start.astimezone(rules.zone).date())
        if key not in load:
            opens, closes = (wall_clock_epoch(key[1], minute, rules.zone) for minute in (0, DAY_MINUTES))
            spans = [span for resource_id in resources[staff] for span in busy.get(resource_id, ())]
            load[key] = sum(
                max(0, min(end, closes) - max(begin, opens)) / span.units
                for span in spans
                for begin, end in [span.seconds]
            )
        return load[key]

    return rank


def nearest_slots(slots: Iterable[Slot], target: datetime, count: int) -> list[Slot]:
    """Return the `count` slots closest to `target`, earliest first."""
    return sorted(sorted(slots, key=lambda slot: abs(slot.start - target))[:count], key=lambda slot: slot.start)
