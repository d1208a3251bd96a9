"""Search the free starts closest to a time, day by day outward from it, until enough are found, and choose some to offer.

A caller waits, and other callers' requests wait for the event loop. So the search reads one day's claims at a time, ends once
no other day can have a closer start, and returns to the event loop after each staff member. Neither the horizon, the grid nor
the number of claims blocks the loop for long (`make bench`; docs/decisions/0036-refusals-and-limits.md).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from askproai_runtime.availability.free_slots import (
    busy_window,
    free_starts,
    least_busy_per_start,
    list_starts,
    nearest_slots,
    to_slots,
)
from askproai_runtime.availability.group_times import GroupTimes, group_window, to_group_slot
from askproai_runtime.availability.obstacles import is_working_day
from askproai_runtime.availability.opening_hours import DAY_MINUTES, local_days, wall_clock_epoch
from askproai_runtime.availability.slots import (
    Busy,
    RemoteFree,
    ServiceRules,
    Slot,
    SlotQuery,
    Span,
    horizon_end,
    local_day,
)
from askproai_runtime.sentences import present_language

ReadBusy = Callable[[Span], Awaitable[Busy]]  # what blocks the staff members within a span
ReadRemote = Callable[[date, str | None], Awaitable[RemoteFree]]  # of a local day and one staff member, or everybody
Window = tuple[datetime, datetime]
_APART = timedelta(hours=1)
_OTHER_DAYS = (1, -1, 2, -2, 3, -3, 4, -4)  # the best first; next to two closed days two days are left
_MIDDAY = time(13)
_HALF_A_DAY_BEFORE = timedelta(hours=2)  # before midday; a closer start is in neither half of the day
_INSTANT = timedelta(microseconds=1)


async def no_remote(_day: date, _staff: str | None) -> RemoteFree:
    """Return no free times of a remote calendar: the default, with which no remote calendar limits the slots."""
    return {}


async def nobody_is_busy(_span: Span) -> Busy:
    """Return no busy spans, for a search in which only the rules decide."""
    return {}


async def find_closest(
    rules: ServiceRules, read_busy: ReadBusy, query: SlotQuery, read_remote: ReadRemote = no_remote
) -> list[Slot]:
    """Return the query's `limit` starts closest to `closest_to` (None: to `first`), earliest first.

    The staff member of each start speaks the language of the call, if possible, and is booked least that day. A search of all
    days at once would find the same starts.
    """
    target, limit = query.closest_to or query.first, query.limit
    if limit is None or query.end <= query.first:
        return []
    days = local_days(rules.zone, query.first, query.end)
    distances = sorted((_distance(rules, day, target.timestamp()), day) for day in days)
    found: list[Slot] = []
    for distance, day in distances:
        if len(found) == limit and distance > max(abs((slot.start - target).total_seconds()) for slot in found):
            break
        found += await _search_day(rules, read_busy, query, day, read_remote)
        found = nearest_slots(sorted(found, key=lambda slot: slot.start), target, limit)
    return found


async def find_latest(
    rules: ServiceRules, read_busy: ReadBusy, query: SlotQuery, read_remote: ReadRemote = no_remote
) -> list[Slot]:
    """Return the last free start of the query, or an empty list. Days are searched backward from its end or the horizon."""
    end = min(query.end, datetime.fromtimestamp(horizon_end(rules, query.now), UTC))
    return await find_closest(rules, read_busy, replace(query, end=end, closest_to=end, limit=1), read_remote)


async def find_latest_of_first_day(
    rules: ServiceRules, read_busy: ReadBusy, query: SlotQuery, read_remote: ReadRemote = no_remote
) -> list[Slot]:
    """Return the last free start on the first day of the query that has any; an empty list if no day has."""
    soonest = await find_closest(rules, read_busy, replace(query, limit=1), read_remote)
    if not soonest:
        return []
    _, midnight = _local_day(rules.zone, soonest[0].start)
    return await find_latest(rules, read_busy, replace(query, end=min(query.end, midnight)), read_remote)


@dataclass(frozen=True, slots=True)
class Choice:
    """Slots to offer. `has_more`: other starts are free, too, so the answer must not sound as if these were all."""

    slots: list[Slot]
    has_more: bool = False


async def find_choice(
    rules: ServiceRules, read_busy: ReadBusy, query: SlotQuery, read_remote: ReadRemote = no_remote
) -> Choice:
    """Return up to the query's `limit` starts that offer a choice: the closest start, others of its day, then others.

    The second start is the closest one on the same day that is an hour or more from the first. If the query names no time, the
    second start is in the other half of the day or at its end: starts in a row sound as if nothing later were free. The third
    is on a nearby day, at about the same time, else on the same day. Starts whose stays overlap are no choice; if all stays
    overlap, the two starts farthest apart are offered.
    """
    read = remember_reads(read_busy)
    target, limit = query.closest_to or query.first, query.limit or 0
    one_more = await find_closest(rules, read, replace(query, limit=limit + 1), read_remote)
    chosen = sorted(one_more, key=lambda slot: abs(slot.start - target))[: min(limit, 1)]
    if len(one_more) > 1 < limit:
        day = _within_day_of(rules.zone, query, chosen[0])
        last = chosen[0] if query.closest_to else (await find_latest(rules, read, day, read_remote) or chosen)[0]
        while len(chosen) < limit:
            preferences = _preferences(rules, query, chosen, last.start)
            if (other := await _find_first(rules, read, preferences, read_remote)) is None:
                break
            chosen.append(other)
        if len(chosen) == 1:
            chosen += await _find_farthest(rules, read, day, chosen[0], read_remote)
    on_day = chosen[0].start.astimezone(rules.zone).date() if chosen else None
    rest = sorted(chosen[1:], key=lambda slot: (slot.start.astimezone(rules.zone).date() != on_day, slot.start))
    return Choice([*chosen[:1], *rest], len(one_more) > len(chosen))


async def _find_first(
    rules: ServiceRules, read_busy: ReadBusy, preferences: Iterator[list[SlotQuery]], read_remote: ReadRemote
) -> Slot | None:
    """Try lists of queries in order, and return the start closest to the target of the first list that finds any; else None."""
    for queries in preferences:
        found = [slot for query in queries for slot in await find_closest(rules, read_busy, query, read_remote)]
        if found:
            target = queries[0].closest_to or queries[0].first
            return min(found, key=lambda slot: (abs(slot.start - target), slot.start))
    return None


async def _find_farthest(
    rules: ServiceRules, read_busy: ReadBusy, day: SlotQuery, chosen: Slot, read_remote: ReadRemote
) -> list[Slot]:
    """Return the free start of the day that is farthest from the chosen one; an empty list if there is no other."""
    ends = [replace(day, closest_to=at, limit=1) for at in (day.first, day.end)]
    found = [slot for end in ends for slot in await find_closest(rules, read_busy, end, read_remote)]
    others = sorted(found, key=lambda slot: -abs(slot.start - chosen.start))
    return [slot for slot in others[:1] if slot.start != chosen.start]


def _preferences(
    rules: ServiceRules, query: SlotQuery, chosen: Sequence[Slot], last: datetime
) -> Iterator[list[SlotQuery]]:
    """Yield lists of queries for the next start of a choice, the most preferred list first. Each query finds one start."""
    zone, first = rules.zone, chosen[0].start
    target = query.closest_to or _spread_target(zone, [slot.start for slot in chosen], last)
    midnight, end_of_day = _local_day(zone, first)
    stay = _longest_stay(rules, chosen)
    spaced, apart = (
        _subtract_windows([(midnight, end_of_day)], [(slot.start - gap, slot.start + gap) for slot in chosen])
        for gap in (max(_APART, stay), stay)
    )
    if len(chosen) == 1:
        noon = datetime.combine(midnight.date(), _MIDDAY, zone)
        if query.closest_to is None and noon - first >= _HALF_A_DAY_BEFORE:
            yield _queries(query, spaced, first, (noon, end_of_day))
        yield _queries(query, spaced, target)
    taken = {_local_day(zone, slot.start) for slot in chosen}
    wall_clock = (query.closest_to or first).astimezone(zone)
    for days in _OTHER_DAYS:
        at = datetime.combine(midnight.date() + timedelta(days=days), wall_clock.time(), zone)
        if _local_day(zone, at) not in taken:
            yield _queries(query, [_local_day(zone, at)], at)
    yield _queries(query, spaced, target)
    yield _queries(query, apart, target)


def _spread_target(zone: ZoneInfo, chosen: Sequence[datetime], last: datetime) -> datetime:
    """Return the full hour farthest from all chosen starts: the hour of `last`, or one in the middle between two starts."""
    end = last.astimezone(zone).replace(minute=0)
    ordered = sorted([*(at for at in chosen if at < end), end])
    middles = [first + (second - first) / 2 + timedelta(minutes=30) for first, second in pairwise(ordered)]
    between = [at.astimezone(zone).replace(minute=0, second=0, microsecond=0) for at in middles]  # the nearest hours
    return max((end, *between), key=lambda at: min(abs(at - other) for other in chosen))


def _longest_stay(rules: ServiceRules, chosen: Sequence[Slot]) -> timedelta:
    """Return the longest time that a customer may stay: of the service with any staff member, or of a chosen group's slot."""
    minutes = max(rules.service_by(member.id).duration_minutes for member in rules.staff_members)
    ends = (max(each.end for each in (slot, *slot.companions)) - slot.start for slot in chosen)
    return max(timedelta(minutes=minutes), *ends)


def _queries(
    query: SlotQuery, windows: list[Window], target: datetime, within: Window | None = None
) -> list[SlotQuery]:
    """Return a query for the one start closest to `target` in each of `windows`, limited to the bounds of `query`."""
    for bounds in ((query.first, query.end), within):
        if bounds is not None:
            windows = [(max(first, bounds[0]), min(end, bounds[1])) for first, end in windows]
    return [replace(query, first=first, end=end, closest_to=target, limit=1) for first, end in windows if first < end]


def _within_day_of(zone: ZoneInfo, query: SlotQuery, slot: Slot) -> SlotQuery:
    midnight, end_of_day = _local_day(zone, slot.start)
    return replace(query, first=max(query.first, midnight), end=min(query.end, end_of_day))


def _local_day(zone: ZoneInfo, at: datetime) -> Window:
    day = local_day(at.astimezone(zone).date(), zone)
    return day.start, day.end


def _subtract_windows(windows: list[Window], taken: list[Window]) -> list[Window]:
    """Return the parts of `windows` outside of all `taken` windows. The exact bounds of a taken window count as outside."""
    for start, end in taken:
        windows = [
            part for first, last in windows for part in ((first, min(last, start + _INSTANT)), (max(first, end), last))
        ]
    return [(first, last) for first, last in windows if first < last]


def remember_reads(read_busy: ReadBusy) -> ReadBusy:
    """Return a `read_busy` that reads each span only once: the searches for one answer go over the same days."""
    known: dict[Span, Busy] = {}

    async def read(span: Span) -> Busy:
        if span not in known:
            known[span] = await read_busy(span)
        return known[span]

    return read


async def _search_day(
    rules: ServiceRules, read_busy: ReadBusy, query: SlotQuery, day: date, read_remote: ReadRemote
) -> list[Slot]:
    """Return the closest starts of one local day, each with the staff member who ranks first (see `rank_by`)."""
    first, end = (datetime.fromtimestamp(wall_clock_epoch(day, minute, rules.zone), UTC) for minute in (0, DAY_MINUTES))
    part = replace(
        query, first=max(first, query.first), end=min(end, query.end), closest_to=query.closest_to or query.first
    )
    await asyncio.sleep(0)  # many days without a start that is asked for must not follow each other without a pause
    starts = list_starts(rules, part)
    if not starts or not is_working_day(rules, day, query.staff):
        return []
    if rules.companions:
        return await _search_group_day(rules, read_busy, part)
    busy, remote = await read_busy(busy_window(rules, day)), await read_remote(day, query.staff)
    found: list[tuple[int, str]] = []
    for staff_member in rules.staff_members:
        if query.staff in {None, staff_member.id}:
            spans = remote.get(staff_member.id)
            found += ((s, staff_member.id) for s in free_starts(rules, staff_member, busy, starts, part, spans))
            await asyncio.sleep(0)
    return least_busy_per_start(to_slots(rules, found), busy, rules, present_language())


async def _search_group_day(rules: ServiceRules, read_busy: ReadBusy, query: SlotQuery) -> list[Slot]:
    """Return the closest starts of one local day at which a group can be served: all at one time, else one after the other."""
    busy, target = await read_busy(group_window(rules, query.first, query.end)), query.closest_to or query.first
    times = GroupTimes(rules, busy, query, present_language())
    for _ in times.read_free():
        await asyncio.sleep(0)
    closest = times.list_closest(target.timestamp())
    for find_plan in (times.find_together, times.find_in_a_row):
        found: list[Slot] = []
        for start in closest:
            if len(found) == query.limit:
                break
            if plan := find_plan(start):
                found.append(to_group_slot(plan))
            await asyncio.sleep(0)
        if found:
            break
    return found


def _distance(rules: ServiceRules, day: date, target: float) -> float:
    """Return the distance in seconds between `target` and the closest instant of a local day; 0 within the day."""
    midnight, end = (wall_clock_epoch(day, minute, rules.zone) for minute in (0, DAY_MINUTES))
    return max(midnight - target, target - end, 0)
