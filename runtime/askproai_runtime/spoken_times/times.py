"""The families of times: clock times and parts of the day. Each is a table of rules, as in `dates.py`.

A bare hour may be in either half of the day. 1 to 6 mean the afternoon, 10 and 11 the morning, 12 noon; 7 to 9 can mean both.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, time

from askproai_runtime.spoken_times.atoms import (
    Around,
    Clock,
    Contradiction,
    ImpossibleTime,
    Instant,
    Part,
    TimeRange,
)
from askproai_runtime.spoken_times.vocabulary import MONTHS, PARTS_OF_DAY

Found = Clock | Part | TimeRange | Around | Instant
Rule = tuple[str, Callable[[re.Match[str], datetime], Found]]

_HOUR = r"(?P<hour>\d{1,2}|ein)(?![\d.:])"
# "Am 3 nachmittags" and "Dezember 3 nachmittags" may be a day of the month.
_NO_DATE = "".join(rf"(?<!\b{word} )" for word in ("am", "den", "dem", "der", "vom", *MONTHS))
_PART_OF_DAY = r"(?:am morgen|(?:am |in der )?(?:(?:vor|nach)?mittags?|morgens|abends?|nachts?|frueh))\b"
# Behind "10" in "10, 11 oder 15 Uhr".
_NEXT_HOURS = r"(?:(?: ?,| ?/| oder| und| bzw)+ ?(?:um )?\d{1,2}(?::\d\d)?(?![\d.:]))+"
_OF_HOUR = r"(?:(?P<half>halb|viertel|dreiviertel) )?(?P<hour>\d{1,2})(?![\d.:])(?: uhr)?"
_FRACTIONS = {"viertel": -45, "halb": -30, "dreiviertel": -15, None: 0}  # minutes before the hour that is named
_NOON, _MINUTES_OF_DAY = 12 * 60, 24 * 60
_WITHOUT_NOON = frozenset({"abend", "nacht", "frueh"})
# The hours into which a bare hour must fall if the phrase also names a part of the day; wider than the part itself.
_HOURS_OF_PART = {
    "morning": (3, 12), "frueh": (3, 12), "vormittag": (6, 13), "mittag": (11, 15), "nachmittag": (12, 19), "abend": (16, 24),
    "nacht": (21, 6),
}  # fmt: skip


def _clock(minutes: int, hour: int) -> Clock:
    """Return the time that is `minutes` after midnight. Its half of the day is open or not, depending on `hour` as it was said."""
    if not 0 <= minutes <= _MINUTES_OF_DAY:
        raise ImpossibleTime(f"the day has no minute {minutes}")
    if minutes == _MINUTES_OF_DAY:
        return Clock(0, 0, is_bare=False, next_day=True)
    return Clock(minutes // 60, minutes % 60, is_bare=1 <= hour <= 12)  # noqa: PLR2004


def _minute(text: str) -> int:
    """Return a minute of the hour. Raises `ImpossibleTime` from 60 on, which would become a later time that nobody said."""
    minute = int(text)
    if minute >= 60:  # noqa: PLR2004
        raise ImpossibleTime(f"there is no minute {minute}")
    return minute


def make_clock(hour: int, minute: int) -> Clock:
    """Return a time as it was said. For an hour from 1 to 12, the half of the day is open. Raises `ImpossibleTime`."""
    return _clock(hour * 60 + _minute(str(minute)), hour)


def _written(match: re.Match[str], _now: datetime) -> Clock:
    """Return a time with two digits of minutes, whose half of the day is certain."""
    hour, minute = int(match["hour"]), _minute(match["minute"])
    return replace(_clock(hour * 60 + minute, hour), is_bare=False)


def _hour(match: re.Match[str], _now: datetime) -> Clock:
    hour = 1 if match["hour"] == "ein" else int(match["hour"])
    past = match.groupdict().get("minute")
    return _clock(hour * 60 + (_minute(past) if past else 0), hour)


def _beside(match: re.Match[str], _now: datetime) -> Clock:
    """Return the time of `zehn vor drei`, `fünf nach halb drei` or `viertel nach drei`."""
    step = 15 if match["step"] == "viertel" else _minute(match["step"])
    hour = int(match["hour"])
    return _clock(hour * 60 + _FRACTIONS[match["half"]] + (-step if match["side"] == "vor" else step), hour)


def _fraction(match: re.Match[str], _now: datetime) -> Clock:
    hour = int(match["hour"])
    return _clock(hour * 60 + _FRACTIONS[match["half"]], hour)


def _hours(match: re.Match[str], _now: datetime) -> TimeRange:
    def one(hour: str, minute: str | None) -> Clock:
        found = _clock(int(hour) * 60 + (_minute(minute) if minute else 0), int(hour))
        return found if minute is None else replace(found, is_bare=False)

    return TimeRange(one(match["from"], match["from_minute"]), one(match["to"], match["to_minute"]))


def _hours_and_minutes(match: re.Match[str], _now: datetime) -> TimeRange:
    """Return the range of `13 Uhr bis 15 Uhr 30`. The half of the day of each time is as open as in `15 Uhr 30` alone."""
    first, last = int(match["from"]), int(match["to"])
    begin = first * 60 + _minute(match["from_minute"] or "0")
    return TimeRange(_clock(begin, first), _clock(last * 60 + _minute(match["to_minute"]), last))


# "am 10-11" can be two days.
_BARE_HOURS = (
    r"(?<!am )(?<!den )(?<!dem )(?<!vom )(?<!kw )(?P<from>\d{1,2})(?::(?P<from_minute>\d{2}))? ?(?:-|bis) ?"
    r"(?P<to>\d{1,2})(?::(?P<to_minute>\d{2}))?(?![\d.:/-]| ?(?:-|\d))"
)
_CLOCKS: tuple[Rule, ...] = (
    (r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::\d{2})?(?: uhr)?", _written),
    (r"(?P<hour>\d{1,2})\.(?P<minute>\d{2}) uhr", _written),
    (r"(?P<hour>[01]\d|2[0-4])(?P<minute>[0-5][05])(?: uhr)?(?<!20[0-9][05])", _written),
    (r"(?:um )?(?P<hour>\d{1,2}) (?P<minute>[0-5]\d)(?! ?(?:uhr|\d|minuten|nach|vor|-))(?![.:])", _written),
    (r"(?:um |punkt )?(?P<hour>\d{1,2}|ein) uhr(?: (?:und )?(?:0 )?(?P<minute>\d{1,2})(?![\d.:])(?: min(?:uten)?)?)?", _hour),
    (rf"(?:um|punkt|schlag|um punkt) {_HOUR}(?: uhr)?", _hour),
    (rf"(?:um )?(?P<step>\d{{1,2}}|viertel) (?:minuten )?(?P<side>vor|nach|ueber) {_OF_HOUR}", _beside),
    (rf"(?:um )?(?P<step>viertel) (?P<side>ab) {_OF_HOUR}", _beside),
    (r"(?P<half>halb|viertel|dreiviertel) (?P<hour>\d{1,2})(?![\d.:])(?: uhr)?", _fraction),
    (r"um mitternacht|mitternacht|0 uhr|24:00(?: uhr)?|24 uhr", lambda _m, _n: Clock(0, 0, is_bare=False, next_day=True)),
    (rf"(?:um )?{_HOUR}(?={_NEXT_HOURS} ?uhr)", _hour),
    (rf"{_HOUR}(?= (?:rum|herum)\b)", _hour),
    (rf"{_NO_DATE}(?P<hour>[01]?\d|2[0-4])(?= {_PART_OF_DAY})", _hour),
    (r"(?P<from>\d{1,2})(?::(?P<from_minute>\d{2}))?(?: uhr)? ?(?:-|bis) ?(?P<to>\d{1,2})(?::(?P<to_minute>\d{2}))?(?: uhr| h)",
     _hours),
    (_BARE_HOURS, _hours),
    (r"(?P<from>\d{1,2})(?: uhr(?: (?P<from_minute>\d{2}))?)? ?(?:-|bis) ?(?P<to>\d{1,2}) uhr (?P<to_minute>\d{2})(?![\d.:])",
     _hours_and_minutes),
)  # fmt: skip

# After a word that a time must follow ("ab", "gegen", "zwischen"), a number alone is an hour.
BARE_HOUR = re.compile(r"(?P<hour>\d{1,2})(?![\d.:])(?: uhr)?(?! (?:tage?n?|wochen?|monate?n?)\b)")


def bare_hour(match: re.Match[str]) -> Clock:
    """Return the hour of a match of `BARE_HOUR`."""
    return _clock(int(match["hour"]) * 60, int(match["hour"]))


def _part(name: str) -> Callable[[re.Match[str], datetime], Part]:
    return lambda _match, _now: Part(name)


def _hours_of_day(opens: time | None, closes: time | None, spoken: str) -> Callable[[re.Match[str], datetime], Part]:
    return lambda _match, _now: Part("", opens, closes, spoken)


_EARLY, _LATE = r"fruehe[nrm]?", r"spaete[nrm]?"
_WORK = r"(?:feierabend|der arbeit|dienstschluss|dem feierabend)"
_PARTS: tuple[Rule, ...] = (
    (r"frueh|frueh morgens|morgens(?: frueh)?|ganz frueh|in der frueh|am morgen", _part("frueh")),
    (r"(?:am )?fruehen morgen|(?:in )?aller fruehe?|(?:aller )?herrgottsfruehe?", _part("frueh")),
    (r"vormittags?", _part("vormittag")),
    (r"mittags?|(?:meiner )?mittagspause|mittagszeit|mittagessen", _part("mittag")),
    (r"(?:ueber|zu) mittag", _part("mittag")),
    (r"nachmittags?", _part("nachmittag")),
    (r"abends?", _part("abend")),
    (r"nachts?|(?:mitten )?in der nacht", _part("nacht")),
    (rf"{_LATE} vormittag", _hours_of_day(time(10, 30), time(12), "später Vormittag")),
    (rf"{_EARLY} vormittag", _hours_of_day(time(8), time(10, 30), "früher Vormittag")),
    (rf"{_EARLY} nachmittag", _hours_of_day(time(12), time(14, 30), "früher Nachmittag")),
    (rf"{_LATE} nachmittag", _hours_of_day(time(16), time(18), "später Nachmittag")),
    (rf"{_EARLY} abend", _hours_of_day(time(17), time(19), "früher Abend")),
    (rf"{_LATE} abend", _hours_of_day(time(19), time(22), "später Abend")),
    (rf"(?:erst )?nach {_WORK}", _hours_of_day(time(17), time(22), "nach Feierabend")),
    # "vor Feierabend" is before the end of work, and nobody says when that is
    (r"vor der arbeit|vor dienstbeginn", _hours_of_day(None, time(9), "vor der Arbeit")),
    (r"(?:den |der )?ganze[nr]? tag|ganztaegig|ganztags|tagsueber", _hours_of_day(None, None, "")),
    # "am ganzen Dienstag" names no hours either
    (r"(?:den |der |am )?ganze[nr]?", _hours_of_day(None, None, "")),
)  # fmt: skip

TIME_RULES: tuple[Rule, ...] = (*_CLOCKS, *_PARTS)


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
        fitting = tuple(_time(value) for value in (morning, evening) if _is_within(value, bounds))
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
    """Return the minute of the day of a written time: "nachmittags um 3:30" is 15:30; "15 Uhr vormittags" raises an error."""
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
    """Return the time in both halves of the day if its half is open, else the one time."""
    minutes = clock.hour * 60 + clock.minute
    if not clock.is_bare:
        return (_time(minutes),)
    return _time(minutes % _NOON), _time(minutes % _NOON + _NOON)


def _bounds(part: Part) -> tuple[int, int] | None:
    """Return the minutes of the day between which a bare hour must lie; None for the whole day."""
    if part.name:
        first, last = _HOURS_OF_PART[part.name]
        return first * 60, last * 60
    if part.is_vague or (part.opens is None and part.closes is None):
        return None
    opens, closes = part.opens or time(), part.closes
    return opens.hour * 60, (closes.hour * 60 + closes.minute) if closes else _MINUTES_OF_DAY


def _is_within(minute: int, bounds: tuple[int, int]) -> bool:
    """Return whether a minute lies within bounds. The night ends at an earlier minute than it begins."""
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
