"""Sentences about pauses of bookings: times within the opening hours when all staff of a branch are blocked. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from askproai_core.tenant_config import Branch
from askproai_runtime.availability.opening_hours import find_closure, open_minutes
from askproai_runtime.availability.slots import Span
from askproai_runtime.conversation.business_information.numbers import spell_ranges
from askproai_runtime.language.phrases import join_list
from askproai_runtime.sentences import format_day, say

_MAX_PAUSES = 3  # that a listener can follow
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Paused:
    """Consecutive days without bookable times, or the paused parts of one day: `ranges` in local minutes since midnight."""

    first: date
    last: date
    ranges: tuple[tuple[int, int], ...] = ()


def describe_pause(branch: Branch, day: date, now: datetime, pauses: Sequence[Span]) -> str:
    """Return the sentence about a day's pause, to follow the day's opening hours; "" if it has none. `now` is a local time."""
    paused = _paused_ranges(branch, day, now, pauses)
    if not paused:
        return ""
    if paused == _open_ranges(branch, day, now):
        return say().no_appointments_that_day
    return _begin(say().no_appointments_at.format(times=spell_ranges(paused)))


def describe_pauses(branch: Branch, now: datetime, until: date, pauses: Sequence[Span]) -> str:
    """Return the sentence with the next times when bookings are paused, from today to `until`; "" if none. `now` is local."""
    if not pauses:
        return ""
    times = [_name(paused, now.date()) for paused in _list_paused(branch, now, until, pauses)]
    if not times:
        return ""
    named = join_list(times, say().and_word)
    if len(times) > _MAX_PAUSES:
        named = say().and_further_days.format(days=", ".join(times[:_MAX_PAUSES]))
    return _begin(say().no_appointments_at.format(times=named))


def _begin(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _name(paused: _Paused, today: date) -> str:
    first = format_day(paused.first, today)
    if paused.first != paused.last:
        return say().closed_from_to.format(first=first, last=format_day(paused.last, today))
    hours = f" {spell_ranges(paused.ranges)}" if paused.ranges else ""
    return f"{say().closed_on.format(day=first, holiday='')}{',' if hours else ''}{hours}"


def _list_paused(branch: Branch, now: datetime, until: date, pauses: Sequence[Span]) -> list[_Paused]:
    found: list[_Paused] = []
    joins = False  # whether all that was open since the last whole day was paused, too
    days = (until - now.date()).days + 1
    for day in (now.date() + _DAY * n for n in range(days)):
        opened = _open_ranges(branch, day, now)
        if not opened:
            continue
        paused = _paused_ranges(branch, day, now, pauses)
        whole = paused == opened
        if whole and joins:
            found[-1] = _Paused(found[-1].first, day)
        elif paused:
            found.append(_Paused(day, day, () if whole else paused))
        joins = whole
    return found


def _open_ranges(branch: Branch, day: date, now: datetime) -> tuple[tuple[int, int], ...]:
    """Return the remaining opening hours of a day, in local minutes since midnight; () if the branch is closed."""
    if find_closure(branch, day) is not None:
        return ()
    passed = now.hour * 60 + now.minute if day == now.date() else 0
    return tuple((start, end) for start, end in open_minutes(branch, day) if end > passed)


def _paused_ranges(branch: Branch, day: date, now: datetime, pauses: Sequence[Span]) -> tuple[tuple[int, int], ...]:
    """Return the paused parts of a day's remaining opening hours, in local minutes since midnight."""
    midnight = datetime.combine(day, time(), now.tzinfo)
    spans = [
        (span.start.astimezone(now.tzinfo), span.end.astimezone(now.tzinfo))
        for span in pauses
        if span.start < midnight + _DAY and span.end > midnight
    ]
    cut = (
        (max(start, _minute(first, day)), min(end, _minute(last, day)))
        for start, end in _open_ranges(branch, day, now)
        for first, last in spans
    )
    return tuple((start, end) for start, end in cut if start < end)


def _minute(at: datetime, day: date) -> int:
    """Return a local time as minutes since midnight of `day`, limited to that day."""
    if at.date() != day:
        return 0 if at.date() < day else 24 * 60
    return at.hour * 60 + at.minute
