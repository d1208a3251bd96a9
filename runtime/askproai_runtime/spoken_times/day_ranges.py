"""Ranges of two dates in digits, as models write them in either language: `2026-12-07/2026-12-09`, `7.12. - 9.12.`."""

import re
from datetime import date
from typing import Final

from askproai_runtime.spoken_times.atoms import Contradiction, Day, Days, PastDay, Period
from askproai_runtime.spoken_times.dates import next_date, of_year
from askproai_runtime.spoken_times.rules import Rule
from askproai_runtime.understood import UNDERSTOOD

_TO = rf" ?(?:-|–|—|/|{UNDERSTOOD.links.to_day}) ?"


def _pattern(side: str) -> str:
    return (
        rf"(?:(?P<iso_{side}>\d{{4}}-\d{{2}}-\d{{2}})"
        rf"|(?P<day_{side}>\d{{1,2}})\. ?(?P<month_{side}>\d{{1,2}})\.(?: ?(?P<year_{side}>\d{{4}}))?)"
    )


_FIRST, _LAST = _pattern("first"), _pattern("last")


def _read(match: re.Match[str], side: str, today: date) -> Day:
    if iso := match[f"iso_{side}"]:
        return of_year(iso[:4], int(iso[5:7]), int(iso[8:]), today)
    day, month, year = int(match[f"day_{side}"]), int(match[f"month_{side}"]), match[f"year_{side}"]
    if year:
        return of_year(year, month, day, today)
    return Day((next_date(day, month, today),), month, day)


def _range(match: re.Match[str], today: date) -> Period:
    """Return the days of a range without those before today. Raises `PastDay`, or `Contradiction` for a reversed range."""
    last = _read(match, "last", today)
    try:
        first = _read(match, "first", today)
    except PastDay:  # "this week" is passed with its Monday
        first = Day((today,))
    begin, end = first.readings[0], last.readings[0]
    if begin > end and first.dated:
        raise Contradiction("a range that ends before it begins")
    # Without a year "24.11. - 28.11." has begun where the next 24 November comes later.
    return Period((Days(begin if begin <= end else today, end),))


DAY_RANGES: Final[tuple[Rule, ...]] = (
    (rf"(?:(?:{UNDERSTOOD.links.from_day}) )?{_FIRST}{_TO}{_LAST}", _range),
    (rf"(?:{UNDERSTOOD.links.between}) {_FIRST} (?:{UNDERSTOOD.links.and_words}|-) {_LAST}", _range),
)
