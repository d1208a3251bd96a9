"""Build and place times of day: clock times, parts of the day and spans from now. Each grammar has its tables of rules for them.

A bare hour may be in either half of the day. 1 to 6 mean the afternoon, 10 and 11 the morning, 12 noon; 7 to 9 can mean both.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, time

from askproai_runtime.spoken_times.atoms import (
    PARTS_OF_DAY,
    Around,
    Clock,
    Contradiction,
    ImpossibleTime,
    Instant,
    Part,
    TimeRange,
)
from askproai_runtime.understood import Understood

Found = Clock | Part | TimeRange | Around | Instant
Rule = tuple[str, Callable[[re.Match[str], datetime], Found]]

_NOON, _MINUTES_OF_DAY = 12 * 60, 24 * 60
_NEAR = 2 * 60  # minutes from a habit to an hour beside it: "nach der Arbeit ab vier"
_WITHOUT_NOON = frozenset({"abend", "nacht", "frueh"})
# The hours into which a bare hour must fall if the phrase also names a part of the day; wider than the part itself.
_HOURS_OF_PART = {
    "morning": (3, 12), "frueh": (3, 12), "vormittag": (6, 13), "mittag": (11, 15), "nachmittag": (12, 19), "abend": (16, 24),
    "nacht": (21, 6),
}  # fmt: skip
# The hours of parts that a grammar names by words of its own. A vague part only narrows a named day.
_HOURS = {
    "late_forenoon": (time(10, 30), time(12)), "early_forenoon": (time(8), time(10, 30)),
    "early_afternoon": (time(12), time(14, 30)), "late_afternoon": (time(16), time(18)), "early_evening": (time(17), time(19)),
    "late_evening": (time(19), time(22)), "after_work": (time(17), time(22)), "before_work": (None, time(9)),
    "whole_day": (None, None),
}  # fmt: skip
_VAGUE = {
    "not_too_early": (time(10), None), "not_too_late": (None, time(17)), "rather_later": (time(12), None),
    "late": (time(16), None), "rather_earlier": (None, time(12)),
}  # fmt: skip


def parts_of(words: Understood) -> tuple[Rule, ...]:
    """Return a language's rules for parts of the day. An answer calls a part with hours of its own by its `spoken` name."""
    said, spoken = words.parts, words.parts.spoken
    parts = [(name, Part(name)) for name in PARTS_OF_DAY]
    parts += [(key, Part("", *hours, spoken.get(key, ""))) for key, hours in _HOURS.items()]
    parts += [(key, Part("", *hours, spoken[key], is_vague=True)) for key, hours in _VAGUE.items()]
    return tuple((getattr(said, key), _building(part)) for key, part in parts if getattr(said, key))


def _building(part: Part) -> Callable[[re.Match[str], datetime], Part]:
    return lambda _match, _now: part


def clock_at(minutes: int, hour: int) -> Clock:
    """Return the time `minutes` after midnight. If the spoken `hour` is 1 to 12, the time may be in either half of the day."""
    if not 0 <= minutes <= _MINUTES_OF_DAY:
        raise ImpossibleTime(f"the day has no minute {minutes}")
    if minutes == _MINUTES_OF_DAY:
        return Clock(0, 0, is_bare=False, next_day=True)
    return Clock(minutes // 60, minutes % 60, is_bare=1 <= hour <= 12)  # noqa: PLR2004


def minute_of(text: str) -> int:
    """Return a text in digits as a minute of the hour. Raises `ImpossibleTime` from 60 on, which would be a later hour."""
    minute = int(text)
    if minute >= 60:  # noqa: PLR2004
        raise ImpossibleTime(f"there is no minute {minute}")
    return minute


def make_clock(hour: int, minute: int) -> Clock:
    """Return a time as it was said. For an hour from 1 to 12, the half of the day is open. Raises `ImpossibleTime`."""
    return clock_at(hour * 60 + minute_of(str(minute)), hour)


def full_hour(match: re.Match[str]) -> Clock:
    """Return the full hour of a matched number. Its half of the day is open for 1 to 12."""
    return make_clock(int(match["hour"]), 0)


def minutes_from_now(now: datetime, minutes: float) -> Instant:
    """Return the instant that is `minutes` minutes from now."""
    return Instant(_ahead(now, minutes))


def hours_from_now(now: datetime, hours: int) -> Instant:
    """Return the span from now until `hours` hours later."""
    return span_from_now(now, 0, hours * 60)


def span_from_now(now: datetime, first: int, last: int) -> Instant:
    """Return the span from `first` to `last` minutes from now."""
    return Instant(_ahead(now, first), _ahead(now, last))


def _ahead(now: datetime, minutes: float) -> datetime:
    """Return the local time that is `minutes` real minutes from now, without seconds."""
    later = datetime.fromtimestamp(now.timestamp() + minutes * 60, now.tzinfo)
    return later.replace(second=0, microsecond=0)


def expand(clock: Clock, part: Part | None = None) -> tuple[time, ...]:
    """Return the times, at most one in each half of the day, that a clock time and its `other` can mean.

    Raises `ImpossibleTime` if none of them lies in the part of the day, and `Contradiction` for twelve o'clock in the evening.
    """
    if clock.other is None:
        return _expand(clock, part)
    found = list[time]()
    for each in (replace(clock, other=None), clock.other):
        with suppress(ImpossibleTime):
            found += _expand(each, part)
    if not found:
        raise ImpossibleTime("neither of the two times lies in that part of the day")
    return tuple(dict.fromkeys(found))


def _expand(clock: Clock, part: Part | None) -> tuple[time, ...]:
    minutes = clock.hour * 60 + clock.minute
    if minutes == _NOON and part is not None and part.name in _WITHOUT_NOON:
        raise Contradiction("twelve o'clock in the evening: midnight or noon")
    if not clock.is_bare:
        return (_time(_written_half(minutes, clock, part)),)
    morning, evening = minutes % _NOON, minutes % _NOON + _NOON
    if part is not None and (bounds := _bounds(part)) is not None:
        within = bounds if part.name else (bounds[0] - _NEAR, bounds[1] + _NEAR)
        fitting = tuple(_time(value) for value in (morning, evening) if _is_within(value, within))
        if not fitting:
            raise ImpossibleTime("the hour does not lie in that part of the day")
        return fitting[:1]
    hour = morning // 60
    if 7 <= hour <= 9:  # noqa: PLR2004
        return _time(morning), _time(evening)
    if 10 <= hour <= 11:  # noqa: PLR2004
        return (_time(morning),)
    return (_time(evening),)  # 1 to 6, and 12 itself


def _written_half(minutes: int, clock: Clock, part: Part | None) -> int:
    """Return the minute of the day of a written time: 15:30 for "nachmittags um 3:30". Raises `ImpossibleTime` ("15 Uhr früh")."""
    if part is None or clock.next_day or (clock.is_of_24 and not part.is_half):
        return minutes
    bounds = _bounds(part)
    if bounds is None or _is_within(minutes, bounds):
        return minutes
    if minutes < _NOON and _is_within(minutes + _NOON, bounds):
        return minutes + _NOON
    if part.name in {"frueh", "vormittag", "morning"}:
        raise ImpossibleTime("the hour does not lie in that part of the day")
    return minutes


def both_halves(clock: Clock) -> tuple[time, ...]:
    """Return the time in both halves of the day if it may be in either one, else the one time."""
    minutes = clock.hour * 60 + clock.minute
    if not clock.is_bare:
        return (_time(minutes),)
    return _time(minutes % _NOON), _time(minutes % _NOON + _NOON)


def _bounds(part: Part) -> tuple[int, int] | None:
    """Return the first and the last minute of the day that an hour of this part of the day can have; None without bounds."""
    if part.name:
        first, last = _HOURS_OF_PART[part.name]
        return first * 60, last * 60
    if part.is_vague or (part.opens is None and part.closes is None):
        return None
    opens, closes = part.opens or time(), part.closes
    return opens.hour * 60, (closes.hour * 60 + closes.minute) if closes else _MINUTES_OF_DAY


def _is_within(minute: int, bounds: tuple[int, int]) -> bool:
    """Return whether a minute of the day lies within bounds. The end may be earlier than the begin, as for the night."""
    first, last = bounds
    return first <= minute < last if first < last else minute >= first or minute < last


def lies_in(part: Part, at: time) -> bool:
    """Return whether a time of day can belong to a part of the day."""
    bounds = _bounds(part)
    return bounds is None or _is_within(at.hour * 60 + at.minute, bounds)


def hours_of(part: Part) -> tuple[time | None, time | None]:
    """Return the begin and the end of a part of the day; None where it has no bound."""
    return PARTS_OF_DAY[part.name] if part.name else (part.opens, part.closes)


def shifted(at: time, minutes: int) -> time:
    """Return a time moved by `minutes`, but not beyond the day."""
    moved = at.hour * 60 + at.minute + minutes
    return _time(max(0, min(moved, _MINUTES_OF_DAY - 1)))


def _time(minutes: int) -> time:
    return time(minutes // 60, minutes % 60)
