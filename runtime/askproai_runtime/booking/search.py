"""The starts closest to a time, searched day by day outward from it, until enough are found.

A caller waits, and everybody else's request waits for the event loop. So the search reads the claims of one day at a time, ends
as soon as no other day can have a closer start, and returns to the event loop after each staff member: neither the horizon, the
grid nor the number of claims makes it stop for long (`make bench`; docs/decisions/0036-refusals-and-limits.md).
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime

from askproai_runtime.booking.availability import (
    Busy,
    ServiceRules,
    Slot,
    SlotQuery,
    Span,
    busy_window,
    free_starts,
    is_working_day,
    least_busy_per_start,
    list_starts,
    nearest_slots,
    to_slots,
)
from askproai_runtime.booking.opening_hours import DAY_MINUTES, local_days, wall_clock_epoch

ReadBusy = Callable[[Span], Awaitable[Busy]]  # what blocks the staff members within a span


async def find_closest(rules: ServiceRules, read_busy: ReadBusy, query: SlotQuery) -> list[Slot]:
    """Return the query's `limit` starts closest to `closest_to` (to `first` without it), earliest first.

    Each is with who is booked least that day. They are the same as those that a search of all days at once would find.
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
        found += await _search_day(rules, read_busy, query, day)
        found = nearest_slots(sorted(found, key=lambda slot: slot.start), target, limit)
    return found


async def _search_day(rules: ServiceRules, read_busy: ReadBusy, query: SlotQuery, day: date) -> list[Slot]:
    """Return the closest starts of one local day, each with who is booked least."""
    first, end = (_instant(rules, day, minute) for minute in (0, DAY_MINUTES))
    part = SlotQuery(
        query.now,
        max(first, query.first),
        min(end, query.end),
        query.staff,
        query.closest_to or query.first,
        query.limit,
    )
    starts = list_starts(rules, part)
    if not starts or not is_working_day(rules, day, query.staff):
        return []
    busy = await read_busy(busy_window(rules, day))
    found: list[tuple[int, str]] = []
    for staff_member in rules.staff_members:
        if query.staff in {None, staff_member.id}:
            found += ((s, staff_member.id) for s in free_starts(rules, staff_member, busy, starts, part))
            await asyncio.sleep(0)
    return least_busy_per_start(to_slots(rules, found), busy, rules)


def _distance(rules: ServiceRules, day: date, target: float) -> float:
    """Return how many seconds the closest instant of a local day is away from `target`."""
    midnight, end = (wall_clock_epoch(day, minute, rules.zone) for minute in (0, DAY_MINUTES))
    return max(midnight - target, target - end, 0)


def _instant(rules: ServiceRules, day: date, minute: int) -> datetime:
    return datetime.fromtimestamp(wall_clock_epoch(day, minute, rules.zone), UTC)
