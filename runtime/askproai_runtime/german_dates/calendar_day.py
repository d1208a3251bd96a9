"""The day in a phrase: `übermorgen`, `am nächsten Freitag`, `5.12.`, `in zwei Wochen`. Counted from the day of the call."""

import re
from dataclasses import dataclass
from datetime import date, timedelta

from askproai_runtime.german_dates.words import MONTHS, NUMBERS, ORDINALS, WEEKDAYS, number

_N = rf"(?:\d{{1,3}}|(?:{'|'.join(sorted(NUMBERS, key=len, reverse=True))})\b)"
_O = "|".join(sorted(ORDINALS, key=len, reverse=True))
_WEEKDAY = "|".join(WEEKDAYS)
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b(?P<iso>\d{4}-\d{2}-\d{2})\b",
        r"\b(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.(?:\s?(?P<year>\d{4})\b|(?P<short_year>\d{2})\b(?! uhr))?",
        rf"\b(?P<day>\d{{1,2}}\.?|{_O}) (?P<named>{'|'.join(MONTHS)})(?: (?P<year>\d{{4}}))?\b",
        rf"\b(?P<day>{_O}) (?P<numbered>{_O})(?: (?P<year>\d{{4}}))?\b",
        rf"\bin (?P<count>{_N}) (?P<unit>tag|tagen|woche|wochen)\b",
        rf"\b(?:(?P<which>diese[nrm]?|kommende[nrm]?|naechste[nrm]?) )?(?P<weekday>{_WEEKDAY})s?(?P<morning> morgen)?\b",
        r"\b(?P<relative>uebermorgen|heute|morgen)(?P<morning> morgen)?\b",
    )
)
# "Freitagnachmittag" is one word; the parts of the day are read apart from the day.
_COMPOUND = re.compile(rf"\b({_WEEKDAY})(morgen|frueh|vormittag|mittag|nachmittag|abend)s?\b")
_RELATIVE = {"heute": 0, "morgen": 1, "uebermorgen": 2}


class ImpossibleDay(ValueError):
    """The 31st of February."""


class PastDay(ValueError):
    """A day with a year that is over."""


@dataclass(frozen=True, slots=True)
class Days:
    """The days that a phrase can mean, earliest first."""

    days: tuple[date, ...]


def take_day(text: str, today: date) -> tuple[Days | None, str]:
    """Give the days in a folded phrase, and the phrase without them. Raises `ImpossibleDay`, `PastDay`."""
    text = _COMPOUND.sub(r"\1 \2", text)
    for pattern in _PATTERNS:
        if found := pattern.search(text):
            groups = found.groupdict()
            rest = text[: found.start()] + (" frueh " if groups.get("morning") else " ") + text[found.end() :]
            days = _days(groups, today)
            if groups.get("day") or groups.get("iso"):
                rest = _without_its_weekday(rest, days[0])
            return Days(days), " ".join(rest.split())
    return None, text


def _without_its_weekday(rest: str, day: date) -> str:
    """Drop the weekday of a full date (`Freitag, den 27. November`); one that contradicts it makes the date impossible."""
    said = re.search(rf"\b({_WEEKDAY})\b", rest)
    if said is None:
        return rest
    if WEEKDAYS[said[1]] != day.weekday():
        raise ImpossibleDay(f"{day.isoformat()} is no {said[1]}")
    return rest[: said.start()] + " " + rest[said.end() :]


def _days(groups: dict[str, str | None], today: date) -> tuple[date, ...]:
    if iso := groups.get("iso"):
        return (_not_past(_date(*map(int, iso.split("-"))), today),)
    if relative := groups.get("relative"):
        return (today + timedelta(days=_RELATIVE[relative]),)
    if weekday := groups.get("weekday"):
        return _weekdays(WEEKDAYS[weekday], groups.get("which") or "", today)
    if count := groups.get("count"):
        return _counted(number(count) or 0, str(groups["unit"]).startswith("woche"), today)
    day = _ordinal(str(groups["day"]))
    named = groups.get("named")
    month = MONTHS[named] if named else _ordinal(str(groups.get("month") or groups.get("numbered")))
    return (_dated(day, month, groups.get("year") or groups.get("short_year"), today),)


def _ordinal(word: str) -> int:
    digits = word.rstrip(".")
    return int(digits) if digits.isdecimal() else ORDINALS[digits]


def _weekdays(weekday: int, which: str, today: date) -> tuple[date, ...]:
    """`Freitag` said on a Friday is today or in a week; `nächsten Freitag` is the coming one or next week's: regions differ."""
    ahead = (weekday - today.weekday()) % 7
    coming = today + timedelta(days=ahead or 7)
    if which.startswith("diese"):
        return (today + timedelta(days=ahead),)
    if which.startswith("kommende"):
        return (coming,)
    if which.startswith("naechste"):
        next_week = today - timedelta(days=today.weekday()) + timedelta(days=7 + weekday)
        return tuple(sorted({coming, next_week}))
    return (coming,) if ahead else (today, coming)


def _counted(count: int, weeks: bool, today: date) -> tuple[date, ...]:
    if weeks:
        return (today + timedelta(weeks=count),)
    if count == 8:  # noqa: PLR2004 ("in acht Tagen" is an idiom for a week, as "in vierzehn Tagen" is for two)
        return (today + timedelta(days=7), today + timedelta(days=8))
    return (today + timedelta(days=count),)


def _dated(day: int, month: int, year: str | None, today: date) -> date:
    if year:
        return _not_past(_date(int(year) + (2000 if len(year) == 2 else 0), month, day), today)  # noqa: PLR2004
    for candidate_year in range(today.year, today.year + 9):  # the 29th of February comes within eight years
        try:
            candidate = date(candidate_year, month, day)
        except ValueError:
            continue
        if candidate >= today:
            return candidate
    raise ImpossibleDay(f"there is no {day}.{month}.")


def _date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError as error:
        raise ImpossibleDay(str(error)) from error


def _not_past(day: date, today: date) -> date:
    if day < today:
        raise PastDay(day.isoformat())
    return day
