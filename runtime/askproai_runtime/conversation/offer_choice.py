"""Choose the slots to offer: slots at the requested time; else the closest ones, with the reason why that time is not free.

All data is read by two functions (`ReadBusy`, `ReadRemote`); nothing is held or said here.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise, zip_longest

from askproai_runtime.availability.obstacles import (
    Obstacle,
    find_obstacle,
    is_day_off,
    is_open_day,
    is_working_day,
    list_days,
)
from askproai_runtime.availability.search import (
    Choice,
    ReadBusy,
    ReadRemote,
    find_choice,
    find_closest,
    find_latest,
    find_latest_of_first_day,
    no_remote,
    nobody_is_busy,
    remember_reads,
)
from askproai_runtime.availability.slots import LONGEST_SPAN, ServiceRules, Slot, SlotQuery, horizon_end
from askproai_runtime.book.context import BookingSettings
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.sentences import format_written_day
from askproai_runtime.spoken_times import AFTERNOON, Candidate, Daily, Grain, Understanding

_NOT_AT_WORK = frozenset({Obstacle.DAY_OFF, Obstacle.OUTSIDE_HOURS})
_AROUND = _NOT_AT_WORK | {Obstacle.TAKEN, Obstacle.OFF_GRID, Obstacle.TOO_SOON}
EXTRA_SECONDS = 0.5  # a caller waits for an answer, not for examples and other people's free times
_AFTER_NOON, _MINUTE = time(13), timedelta(minutes=1)
_WITHOUT_END = timedelta(days=365)  # a phrase without a last day means a year and a day; no other phrase means as much
_MOST_REASONS = 3  # a listener keeps no more in mind
_LONGEST_DAY = timedelta(hours=25)  # that of the change to winter time


@dataclass(frozen=True, slots=True)
class Missed:
    """A requested time (`candidate`) without a free slot, and the reason (`obstacle`)."""

    candidate: Candidate
    obstacle: Obstacle


@dataclass(frozen=True, slots=True)
class Offer:
    """Slots to offer, and the requested times that are not free (`missed`). If no slot is at a requested time, `obstacle` is
    the reason, and `keeps_hours` is True if the slots are at least within the requested hours.

    `readings` are the free readings of an ambiguous time if several are free: the caller must choose one. `slots` then has one
    slot of each reading, or none. `has_more`: other requested starts are free, too.
    """

    slots: list[Slot]
    missed: tuple[Missed, ...] = ()
    obstacle: Obstacle | None = None
    keeps_hours: bool = True
    readings: tuple[Candidate, ...] = ()
    has_more: bool = False


async def choose_offer(
    request: ServiceRequest,
    read_busy: ReadBusy,
    now: datetime,
    understood: Understanding,
    settings: BookingSettings,
    read_remote: ReadRemote = no_remote,
    without: frozenset[datetime] = frozenset(),
) -> Offer:
    """Return slots of each requested time (candidate) that has free ones, and why the others have none; if no candidate has
    any, the slots closest to the first.

    If the latest time is requested, return only the last slot, of the last candidate that has one. Starts in `without` are left
    out. If an ambiguous time has several free readings, none is preferred: a yes would not say which one is meant.

    The search blocks other callers' requests in the event loop. So it is bounded, whatever the horizon and grid are: by
    `look_ahead` to either side of the requested time and by the number of offers.
    """
    rules, staff, count = request.rules, request.staff, settings.offers
    read_busy = remember_reads(read_busy)
    free: list[tuple[Candidate, Choice]] = []
    for candidate in _in_order(understood):
        end = candidate.end or candidate.start + _MINUTE
        query = SlotQuery(now, candidate.start, end, staff, candidate.about, count, candidate.daily, without)
        if candidate.latest:
            choice = Choice(await _find_latest(rules, read_busy, query, settings, read_remote))
        else:
            if end - candidate.start > LONGEST_SPAN:
                query = replace(query, end=max(now, candidate.start) + settings.look_ahead)
            is_part = candidate.grain is Grain.PART_OF_DAY or candidate.daily is not None
            find = find_in_hours if is_part else find_choice
            choice = await find(rules, read_busy, query, read_remote)
            # the named time of "gegen elf", and not of "kurz nach elf"
            exact = (slot for slot in choice.slots if slot.start == candidate.about)
            named = [slot for slot in exact if candidate.start < slot.start < end - _MINUTE]
            choice = Choice(named, has_more=True) if named else choice
        if choice.slots:
            free.append((candidate, choice))
            if candidate.latest and not understood.ambiguous:
                return Offer(choice.slots)
    if understood.ambiguous and len(free) > 1:
        return _ask_which([(candidate, choice.slots) for candidate, choice in free], count)
    offered = _take_of_each([choice.slots for _, choice in free], count)
    not_free = [c for c in understood.candidates if all(c is not other for other, _ in free)]
    missed = await _explain_each(rules, not_free, now, staff, offered)
    if free:
        has_more = any(choice.has_more for _, choice in free) or len(offered) < sum(len(c.slots) for _, c in free)
        return Offer(offered, missed, has_more=has_more)
    first = missed[0]
    near = await find_near(request, read_busy, now, understood.candidates[0], first.obstacle, settings, read_remote)
    return Offer(near.slots, missed, first.obstacle, near.keeps_hours, has_more=near.has_more)


async def find_in_hours(rules: ServiceRules, read_busy: ReadBusy, query: SlotQuery, read_remote: ReadRemote) -> Choice:
    """Return free slots in a part of the day. "Afternoon" begins at one o'clock, or at noon if nothing later is free."""
    if (later := _without_noon(rules, query)) and (
        found := await find_choice(rules, read_busy, later, read_remote)
    ).slots:
        return found
    return await find_choice(rules, read_busy, query, read_remote)


def _without_noon(rules: ServiceRules, query: SlotQuery) -> SlotQuery | None:
    """Return the query of an afternoon limited to one o'clock and later; None for other hours."""
    first, end = query.first.astimezone(rules.zone), query.end.astimezone(rules.zone)
    hours = (query.daily.opens, query.daily.closes) if query.daily else (first.time(), end.time())
    if hours != AFTERNOON:
        return None
    days = query.daily or Daily()
    return replace(query, daily=replace(days, opens=_AFTER_NOON, closes=AFTERNOON[1]))


def _take_of_each(choices: Sequence[list[Slot]], count: int) -> list[Slot]:
    """Return up to `count` slots: the first of each list in `choices`, then the second ones, so that each day is offered."""
    in_turn = [slot for turn in zip_longest(*choices) for slot in turn if slot is not None]
    each_once = list({slot.start: slot for slot in reversed(in_turn)}.values())[::-1]
    return each_once[:count]


async def _explain_each(
    rules: ServiceRules, not_free: Sequence[Candidate], now: datetime, staff: str | None, offered: Sequence[Slot]
) -> tuple[Missed, ...]:
    """Return why candidates are not free, each reason once for one day. Days with a slot in `offered` are left out."""
    days = {slot.start.astimezone(rules.zone).date() for slot in offered}
    missed: dict[tuple[date, Obstacle], Missed] = {}
    for candidate in not_free:
        if offered and not days.isdisjoint(list_days(rules, candidate)):
            continue
        for each in await _explain_days(rules, candidate, now, staff):
            missed.setdefault((each.candidate.start.astimezone(rules.zone).date(), each.obstacle), each)
    return tuple(list(missed.values())[:_MOST_REASONS])


async def _explain_days(rules: ServiceRules, missed: Candidate, now: datetime, staff: str | None) -> list[Missed]:
    """Return why a candidate has no free slot. Up to three whole days are explained separately if the reasons differ."""
    whole = Missed(missed, await explain_missed(rules, missed, now, staff))
    days = list_days(rules, missed)
    if missed.end is None or missed.daily is not None or not 1 < len(days) <= _MOST_REASONS or _hours_of(missed):
        return [whole]
    midnights = [datetime.combine(day, time(), rules.zone) for day in (*days, days[-1] + timedelta(days=1))]
    if (missed.start, missed.end) != (midnights[0], midnights[-1]):
        return [whole]
    parts = [Candidate(first, end, Grain.DAY, format_written_day(first.date())) for first, end in pairwise(midnights)]
    each = [Missed(part, await explain_missed(rules, part, now, staff)) for part in parts]
    return [whole] if len({part.obstacle for part in each}) == 1 else each


def _in_order(understood: Understanding) -> Sequence[Candidate]:
    """Return the candidates in search order: reversed if the latest time is requested."""
    latest = any(candidate.latest for candidate in understood.candidates)
    return understood.candidates[::-1] if latest and not understood.ambiguous else understood.candidates


async def _find_latest(
    rules: ServiceRules, read_busy: ReadBusy, query: SlotQuery, settings: BookingSettings, read_remote: ReadRemote
) -> list[Slot]:
    """Return the last slot of a query. If the query has no last day, return the last slot of the first day with a free slot."""
    if query.end - query.first > _WITHOUT_END:
        soon = replace(query, end=max(query.now, query.first) + settings.look_ahead)
        return await find_latest_of_first_day(rules, read_busy, soon, read_remote)
    end = min(query.end, datetime.fromtimestamp(horizon_end(rules, query.now), UTC))
    last_days = replace(query, first=max(query.first, query.now, end - LONGEST_SPAN), end=end)
    return await find_latest(rules, read_busy, last_days, read_remote)


def _ask_which(free: Sequence[tuple[Candidate, list[Slot]]], count: int) -> Offer:
    """Return an offer with the free readings and one slot of each; without slots if a reading is a span with several starts."""
    readings = tuple(candidate for candidate, _ in free)
    is_exact = len(free) <= count and all(candidate.end is None for candidate in readings)
    return Offer([slots[0] for _, slots in free] if is_exact else [], readings=readings)


async def explain_missed(rules: ServiceRules, missed: Candidate, now: datetime, staff: str | None) -> Obstacle:
    """Return why `missed` has no free slot: OFF_GRID or OUTSIDE_HOURS if the rules allow no start within its hours."""
    if missed.end is None:
        return find_obstacle(rules, missed.start, now, staff)
    obstacle = find_obstacle(rules, missed.start, now, staff, whole_day=True)
    if missed.end - missed.start > _LONGEST_DAY and obstacle is not Obstacle.TOO_FAR:
        obstacle = _find_obstacle_of_days(rules, missed, staff)
    if obstacle is not Obstacle.TAKEN:
        return obstacle
    notice, hours = timedelta(minutes=rules.service.minimum_notice_minutes), _hours_of(missed)
    end = min(missed.end, missed.start + LONGEST_SPAN)
    possible = SlotQuery(missed.start - notice, missed.start, end, staff, limit=1, daily=missed.daily)
    if hours is not None and not await find_closest(rules, nobody_is_busy, possible):
        obstacles = (find_obstacle(rules, start, now, staff) for start in _list_begins(rules, missed, hours))
        return Obstacle.OFF_GRID if Obstacle.OFF_GRID in obstacles else Obstacle.OUTSIDE_HOURS
    if missed.start < now + notice and not await find_closest(rules, nobody_is_busy, replace(possible, now=now)):
        before_notice = replace(possible, now=now - notice)
        return Obstacle.TOO_SOON if await find_closest(rules, nobody_is_busy, before_notice) else Obstacle.TAKEN
    return Obstacle.TAKEN


def _list_begins(rules: ServiceRules, missed: Candidate, hours: Daily) -> list[datetime]:
    """Return, for each day of `missed`, the instant at which its hours open."""
    return [datetime.combine(day, hours.opens, rules.zone) for day in list_days(rules, missed)]


def _find_obstacle_of_days(rules: ServiceRules, missed: Candidate, staff: str | None) -> Obstacle:
    """Return why `missed`, several days, has no free slot. The reason for its first day need not apply to a whole week."""
    if not is_day_off(rules, missed, staff):
        return Obstacle.TAKEN
    is_open = any(is_open_day(rules, day) for day in list_days(rules, missed))
    return Obstacle.DAY_OFF if is_open else Obstacle.CLOSED_DAY


def _hours_of(missed: Candidate) -> Daily | None:
    """Return the hours of the day that `missed` names; None if it names none."""
    if missed.daily is not None or missed.end is None:
        return missed.daily
    opens, closes = missed.start.time(), missed.end.time()
    if missed.end - missed.start > _LONGEST_DAY or opens == closes:
        return None
    if closes == time():
        return Daily(opens=opens)
    return Daily(opens=opens, closes=closes) if opens < closes else None


@dataclass(frozen=True, slots=True)
class Near:
    """Free slots near a requested time that is not free. `keeps_hours`: all are within its hours. `has_more`: more are free."""

    slots: list[Slot]
    keeps_hours: bool = True
    has_more: bool = False


async def find_near(
    request: ServiceRequest,
    read_busy: ReadBusy,
    now: datetime,
    missed: Candidate,
    obstacle: Obstacle,
    settings: BookingSettings,
    read_remote: ReadRemote,
    *,
    with_others: bool = True,
) -> Near:
    """Return free slots near the requested time `missed`, which has none, within its hours if possible: an afternoon is moved
    to another afternoon.

    Around a named time, the search covers `look_ahead` before and after it; otherwise it begins at `missed`. Beyond the
    horizon, the last slots before its end count, or the next ones from now on. If the grid has no start within the hours, the
    closest starts count as within them. For an exact time or a named staff member's day off, `with_others` adds slots of other
    staff members.
    """
    rules, ahead = request.rules, settings.look_ahead
    desired, exact = max(now, missed.start), missed.end is None
    closest_to = missed.start if exact else missed.about
    is_around = closest_to is not None and obstacle in _AROUND
    first, end = max(now, desired - ahead) if is_around else desired, desired + ahead
    if obstacle is Obstacle.TOO_FAR:
        end = datetime.fromtimestamp(horizon_end(rules, now), UTC)
        first, closest_to = max(now, end - ahead), closest_to or end
    elif exact and obstacle is Obstacle.CLOSED_DAY:
        closest_to = _find_same_time(request, desired, ahead)
    elif not is_around:
        closest_to = None
    query = SlotQuery(now, first, end, request.staff, closest_to=closest_to, limit=settings.offers)
    hours = None if missed.about else _hours_of(missed)
    found = Choice([])
    if hours is not None:
        later = first if obstacle is Obstacle.TOO_FAR else _searched_until(missed, first)
        at_hours = replace(query, first=later, end=end if obstacle is Obstacle.TOO_FAR else later + ahead, daily=hours)
        found = await find_in_hours(rules, read_busy, at_hours, read_remote)
    keeps_hours = hours is None or bool(found.slots)
    if hours is not None and obstacle is Obstacle.OFF_GRID:
        begins = (each for each in _list_begins(rules, missed, hours) if is_open_day(rules, each.date()))
        closest_to = next((each for each in begins if each > now), desired)
        days = Daily(hours.weekdays) if missed.daily else None
        query = replace(query, first=max(now, desired - ahead), closest_to=closest_to, daily=days)
        keeps_hours = True
    elif not keeps_hours and missed.daily is None and obstacle in _NOT_AT_WORK:  # other hours of that day
        query = replace(query, first=max(now, desired - ahead), closest_to=missed.start)
    if not found.slots:
        found = await find_choice(rules, read_busy, query, read_remote)
    if obstacle is Obstacle.TOO_FAR:
        soon = replace(query, first=now, end=min(end, now + ahead), closest_to=None)
        found = found if found.slots else await find_choice(rules, read_busy, soon, read_remote)
        return Near(found.slots, has_more=found.has_more)
    if with_others and request.staff is not None and (exact or is_day_off(rules, missed, request.staff)):
        found = await _with_others(rules, read_busy, query, missed, found, read_remote)
    return Near(found.slots, keeps_hours, found.has_more)


def _searched_until(missed: Candidate, first: datetime) -> datetime:
    """Return the instant up to which the first search has covered the hours of `missed`, so that the next search begins there."""
    if missed.end is None or missed.end - max(missed.start, first) > LONGEST_SPAN:
        return first
    return max(first, missed.end)


def _find_same_time(request: ServiceRequest, start: datetime, within: timedelta) -> datetime | None:
    """Return the time of day of `start` on the next later working day of the staff within `within`; None if there is none."""
    rules = request.rules
    at = start.astimezone(rules.zone)
    days = (at.date() + timedelta(days=n) for n in range(1, within.days + 1))
    day = next((day for day in days if is_working_day(rules, day, request.staff)), None)
    return None if day is None else datetime.combine(day, at.time(), rules.zone)


async def _with_others(
    rules: ServiceRules,
    read_busy: ReadBusy,
    query: SlotQuery,
    missed: Candidate,
    own: Choice,
    read_remote: ReadRemote,
) -> Choice:
    """Return the choice with another staff member's slot at `missed` in second place. If the requested staff member has no
    slot, return the slots of all staff members. That needs a second search; if it takes too long, return only the slots at
    `missed`.
    """
    at = SlotQuery.at(missed.start, query.now, None)
    if missed.end is not None:
        end = min(missed.end, missed.start + LONGEST_SPAN)
        at = replace(at, end=end, closest_to=missed.about, daily=missed.daily)
    others = await find_closest(rules, read_busy, replace(at, limit=1), read_remote)
    if own.slots:
        return Choice([*own.slots[:1], *others, *own.slots[1:]][: query.limit], own.has_more)
    try:
        async with asyncio.timeout(EXTRA_SECONDS):
            return await find_choice(rules, read_busy, replace(query, staff=None), read_remote)
    except TimeoutError:
        return Choice(others)
