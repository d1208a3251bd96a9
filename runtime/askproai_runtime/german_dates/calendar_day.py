"""Parse the day of a phrase, counted from the day of the call: `übermorgen`, `am nächsten Freitag`, `5.12.`, `in zwei Wochen`."""

import re
from datetime import date, timedelta

from askproai_runtime.german_dates.vocabulary import MONTHS, NUMBERS, ORDINALS, WEEKDAYS, parse_number

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
# "Freitagnachmittag" is one word; the part of the day is parsed separately.
_COMPOUND = re.compile(rf"\b({_WEEKDAY})(morgen|frueh|vormittag|mittag|nachmittag|abend)s?\b")
_RELATIVE = {"heute": 0, "morgen": 1, "uebermorgen": 2}


class ImpossibleDay(ValueError):
    """A day that no calendar has, such as the 31st of February."""


class PastDay(ValueError):
    """A day with an explicit year that lies before the call."""


def take_day(text: str, today: date) -> tuple[tuple[date, ...] | None, str]:
    """Return the days that a folded phrase can mean, earliest first, and the phrase without them; None if it names no day.

    Raises `ImpossibleDay`, and `PastDay`.
    """
    text = _COMPOUND.sub(r"\1 \2", text)
    for pattern in _PATTERNS:
        if match := pattern.search(text):
            groups = match.groupdict()
            rest = text[: match.start()] + (" frueh " if groups.get("morning") else " ") + text[match.end() :]
            days = _days(groups, today)
            if groups.get("day") or groups.get("iso"):
                rest = _take_weekday_of_date(rest, days[0])
            return days, " ".join(rest.split())
    return None, text


def _take_weekday_of_date(rest: str, day: date) -> str:
    """Remove the weekday of a full date (`Freitag, den 27. November`). Raises `ImpossibleDay` if it contradicts the date."""
    match = re.search(rf"\b({_WEEKDAY})\b", rest)
    if match is None:
        return rest
    if WEEKDAYS[match[1]] != day.weekday():
        raise ImpossibleDay(f"{day.isoformat()} is no {match[1]}")
    return rest[: match.start()] + " " + rest[match.end() :]


def _days(groups: dict[str, str | None], today: date) -> tuple[date, ...]:
    if iso := groups.get("iso"):
        return (_require_not_past(_date(*map(int, iso.split("-"))), today),)
    if relative := groups.get("relative"):
        return (today + timedelta(days=_RELATIVE[relative]),)
    if weekday := groups.get("weekday"):
        return _weekday_dates(WEEKDAYS[weekday], groups.get("which") or "", today)
    if count := groups.get("count"):
        return _days_ahead(parse_number(count) or 0, str(groups["unit"]).startswith("woche"), today)
    day = _parse_ordinal(str(groups["day"]))
    named = groups.get("named")
    month = MONTHS[named] if named else _parse_ordinal(str(groups.get("month") or groups.get("numbered")))
    return (_next_date(day, month, groups.get("year") or groups.get("short_year"), today),)


def _parse_ordinal(word: str) -> int:
    digits = word.rstrip(".")
    return int(digits) if digits.isdecimal() else ORDINALS[digits]


def _weekday_dates(weekday: int, which: str, today: date) -> tuple[date, ...]:
    """Return the dates that a weekday can mean.

    `Freitag` said on a Friday is today or in a week. `nächsten Freitag` is the coming one or next week's: regions differ.
    """
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


def _days_ahead(count: int, weeks: bool, today: date) -> tuple[date, ...]:
    if weeks:
        return (today + timedelta(weeks=count),)
    if count == 8:  # noqa: PLR2004 ("in acht Tagen" is an idiom for a week, as "in vierzehn Tagen" is for two)
        return (today + timedelta(days=7), today + timedelta(days=8))
    return (today + timedelta(days=count),)


def _next_date(day: int, month: int, year: str | None, today: date) -> date:
    """Return the date in its year, or without one its next occurrence from today on."""
    if year:
        return _require_not_past(_date(int(year) + (2000 if len(year) == 2 else 0), month, day), today)  # noqa: PLR2004
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


def _require_not_past(day: date, today: date) -> date:
    if day < today:
        raise PastDay(day.isoformat())
    return day
