"""Parse the time of day of a phrase: `um drei`, `15 Uhr 30`, `halb drei`, `nachmittags`.

A bare hour does not say its half of the day. 1 to 6 mean the afternoon, 10 and 11 the morning and 12 noon; 7 to 9 can mean both,
morning first.
"""

import re
from dataclasses import dataclass
from datetime import time

from askproai_runtime.german_dates.vocabulary import NUMBERS, PART_WORDS, parse_number

_N = rf"(?:\d{{1,2}}|(?:{'|'.join(sorted(NUMBERS, key=len, reverse=True))})\b)"
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b(?P<digital>\d{1,2}:\d{2})(?::\d{2})?(?: uhr)?\b",
        r"\b(?P<dotted>\d{1,2}\.\d{2}) uhr\b",
        rf"\b(?P<minutes>{_N}) (?:minuten )?(?P<side>vor|nach) (?P<half>halb )?(?P<hour>{_N})(?: uhr)?",
        rf"\bviertel (?P<quarter>vor|nach) (?P<hour>{_N})(?: uhr)?",
        rf"\b(?P<fraction>dreiviertel|viertel|halb) (?P<hour>{_N})(?: uhr)?",
        rf"\b(?P<hour>{_N}) uhr(?: (?P<past>{_N}))?",
        rf"\bum (?P<hour>{_N})(?![\d.])",
    )
)
_END_OF_DAY = re.compile(r"\b(?:24:00|24)(?: uhr)\b")
_PART = re.compile(rf"\b(?P<part>{'|'.join(sorted(PART_WORDS, key=len, reverse=True))})\b")

_FRACTIONS = {"viertel": -45, "halb": -30, "dreiviertel": -15}  # minutes before the hour that is named
_MINUTES_OF_DAY = 24 * 60
_NOON = 12 * 60
# The hours into which a bare hour must fall if the phrase also names a part of the day; wider than the part itself.
_HOURS_OF_PART = {"frueh": (3, 12), "vormittag": (6, 13), "mittag": (11, 15), "nachmittag": (12, 19), "abend": (16, 24)}


class ImpossibleTime(ValueError):
    """A time that no day has, such as 25 Uhr or halb drei abends."""


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """The time of a phrase: exact times (several if both halves of the day are possible), or a part of the day."""

    exact: tuple[time, ...] = ()
    part: str | None = None
    next_day: bool = False  # 24 Uhr is midnight of the next day


def take_time(text: str) -> tuple[TimeOfDay, str]:
    """Return the time of day in a folded phrase, and the phrase without it. Raises `ImpossibleTime`."""
    part = None
    if match := _PART.search(text):
        part = PART_WORDS[match["part"]]
        text = _without(text, match)
    if match := _END_OF_DAY.search(text):
        return TimeOfDay((time(),), part, next_day=True), _without(text, match)
    for pattern in _PATTERNS:
        if match := pattern.search(text):
            return TimeOfDay(_exact_times(match.groupdict(), part), part), _without(text, match)
    return TimeOfDay((), part), text


def _without(text: str, match: re.Match[str]) -> str:
    return " ".join((text[: match.start()] + " " + text[match.end() :]).split())


def _exact_times(groups: dict[str, str | None], part: str | None) -> tuple[time, ...]:
    written = groups.get("digital") or (groups.get("dotted") or "").replace(".", ":")
    if written:
        hour, minute = map(int, written.split(":"))
        return (_time(hour * 60 + _minute(minute)),)
    hour = parse_number(str(groups["hour"])) or 0
    minutes = hour * 60 + _minutes_past(groups)
    if hour > 12 or hour == 0 or (groups.get("past") and parse_number(str(groups["past"])) is None):  # noqa: PLR2004
        return (_time(minutes),)
    return _possible_halves(minutes, part)


def _minutes_past(groups: dict[str, str | None]) -> int:
    past = 0
    if fraction := groups.get("fraction"):
        past = _FRACTIONS[fraction]
    if side := groups.get("quarter"):
        past = 15 if side == "nach" else -15
    if side := groups.get("side"):
        step = _minute(parse_number(str(groups["minutes"])) or 0)
        past = (step if side == "nach" else -step) - (30 if groups.get("half") else 0)
    if spoken := groups.get("past"):
        past = _minute(parse_number(spoken) or 0)
    return past


def _minute(minute: int) -> int:
    """Return a minute of the hour as it is; raise for 60 and above, which would become a later time that nobody said."""
    if minute >= 60:  # noqa: PLR2004
        raise ImpossibleTime(f"there is no minute {minute}")
    return minute


def _possible_halves(minutes: int, part: str | None) -> tuple[time, ...]:
    """Return the times, at most one in each half of the day, that a bare hour can mean."""
    morning, evening = minutes % _NOON, minutes % _NOON + _NOON
    if part is not None:
        first, last = (hour * 60 for hour in _HOURS_OF_PART[part])
        fitting = tuple(_time(value) for value in (morning, evening) if first <= value < last)
        if not fitting:
            raise ImpossibleTime("the hour does not lie in that part of the day")
        return fitting[:1]
    hour = morning // 60
    if 7 <= hour <= 9:  # noqa: PLR2004
        return _time(morning), _time(evening)
    if 10 <= hour <= 11:  # noqa: PLR2004
        return (_time(morning),)
    return (_time(evening),)  # 1 to 6, and 12 itself


def _time(minutes: int) -> time:
    if not 0 <= minutes < _MINUTES_OF_DAY:
        raise ImpossibleTime(f"the day has no minute {minutes}")
    return time(minutes // 60, minutes % 60)
