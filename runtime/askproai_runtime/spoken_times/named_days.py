"""Days that have a name: public and church holidays, and days that people name by them (`zwischen den Jahren`, `Brückentag`)."""

import re
from collections.abc import Callable
from datetime import date, timedelta

from dateutil.easter import easter

from askproai_runtime.spoken_times.atoms import Day, Days, Period
from askproai_runtime.spoken_times.rules import DAY, WEEK
from askproai_runtime.spoken_times.types import Grain

_FRIDAY, _SUNDAY = 4, 6


def _fixed(month: int, day: int, last: int | None = None) -> Callable[[int], Days]:
    return lambda year: Days(date(year, month, day), date(year, month, last or day))


def _easter(first: int, last: int | None = None) -> Callable[[int], Days]:
    """Return a function for the days of a year that are `first` to `last` days after Easter Sunday."""
    return lambda year: Days(
        easter(year) + timedelta(days=first), easter(year) + timedelta(days=first if last is None else last)
    )


def _advent(number: int) -> Callable[[int], Days]:
    def days(year: int) -> Days:
        fourth = date(year, 12, 24) - timedelta(days=(date(year, 12, 24).weekday() + 1) % 7)
        sunday = fourth - (4 - number) * WEEK
        return Days(sunday, sunday)

    return days


def _sunday_of_the_dead(year: int) -> Days:
    """Return the Sunday before the first of Advent."""
    first, _ = _advent(1)(year)
    return Days(first - WEEK, first - WEEK)


def _repentance(year: int) -> Days:
    """Return the Wednesday before the 23rd of November."""
    day = date(year, 11, 22) - timedelta(days=(date(year, 11, 22).weekday() - 2) % 7)
    return Days(day, day)


def _mothers(year: int) -> Days:
    """Return the second Sunday of May."""
    day = date(year, 5, 1) + timedelta(days=(_SUNDAY - date(year, 5, 1).weekday()) % 7 + 7)
    return Days(day, day)


# Pattern on the normalized phrase (ordinals are digits), and the days of a year.
_NAMES: tuple[tuple[str, Callable[[int], Days]], ...] = (
    (r"neujahr(?:stag)?", _fixed(1, 1)),
    (r"(?:heilige[nr]? )?3 koenige?|heiligdreikoenig|dreikoenig(?:stag)?|heilige dreikoenige", _fixed(1, 6)),
    (r"valentinstag", _fixed(2, 14)),
    (r"weiberfastnacht|altweiber", _easter(-52)),
    (r"rosenmontag", _easter(-48)),
    (r"faschingsdienstag|fastnachtsdienstag|veilchendienstag", _easter(-47)),
    (r"aschermittwoch", _easter(-46)),
    (r"palmsonntag", _easter(-7)),
    (r"gruendonnerstag", _easter(-3)),
    (r"karfreitag", _easter(-2)),
    (r"karsamstag", _easter(-1)),
    (r"ostersonntag", _easter(0)),
    (r"ostermontag", _easter(1)),
    (r"ostern", _easter(0, 1)),
    (r"tag der arbeit|maifeiertag", _fixed(5, 1)),
    (r"muttertag", _mothers),
    (r"christi himmelfahrt|himmelfahrt|himmelfahrtstag|vatertag", _easter(39)),
    (r"pfingstsonntag", _easter(49)),
    (r"pfingstmontag", _easter(50)),
    (r"pfingsten", _easter(49, 50)),
    (r"fronleichnam", _easter(60)),
    (r"mariae? himmelfahrt", _fixed(8, 15)),
    (r"tag der deutschen einheit", _fixed(10, 3)),
    (r"reformationstag|halloween", _fixed(10, 31)),
    (r"allerheiligen", _fixed(11, 1)),
    (r"allerseelen", _fixed(11, 2)),
    (r"buss(?: ?-)? und bettag|buss- und bettag", _repentance),
    *((rf"{number}\. advent(?:ssonntag)?", _advent(number)) for number in (1, 2, 3, 4)),
    (r"nikolaus(?:tag)?", _fixed(12, 6)),
    (r"heiligabend|heilige[nr]? abend", _fixed(12, 24)),
    (r"stefanitag|stephani?tag|stephanstag", _fixed(12, 26)),
    (r"totensonntag|ewigkeitssonntag", _sunday_of_the_dead),
    (r"1\. (?:weihnachtstag|weihnachtsfeiertag|feiertag)", _fixed(12, 25)),
    (r"2\. (?:weihnachtstag|weihnachtsfeiertag|feiertag)", _fixed(12, 26)),
    (r"weihnachten", _fixed(12, 24, 26)),
    (r"zwischen den jahren|zwischen weihnachten und neujahr", _fixed(12, 27, 31)),
    (r"(?:silvester|sylvester)(?:tag)?", _fixed(12, 31)),
)
NAMED = "|".join(f"(?:{pattern})" for pattern, _ in _NAMES)
_COMPILED = tuple((re.compile(pattern), days) for pattern, days in _NAMES)


def find_named(name: str, today: date) -> Days:
    """Return the next days with a name that matches `NAMED`, from today on."""
    of_year = next(days for pattern, days in _COMPILED if pattern.fullmatch(name))
    return next(
        days for year in (today.year, today.year + 1) if (days := of_year(year)).last is not None and days.last >= today
    )


def named(name: str, today: date) -> Day | Period:
    """Return the atom of a named day."""
    days = find_named(name, today)
    return Day((days.first,)) if days.is_one else Period((days,))


def beside_named(side: str, name: str, today: date) -> Day:
    """Return the day before or after a named day."""
    days = find_named(name, today)
    return Day((days.first - DAY,)) if side == "vor" else Day(((days.last or days.first) + DAY,))


def weekday_beside_named(weekday: int, side: str, name: str, today: date) -> Day:
    """Return the last date with this weekday before a named day, or the first one after it."""
    days = find_named(name, today)
    if side == "vor":
        before = days.first - DAY
        return Day((before - timedelta(days=(before.weekday() - weekday) % 7),))
    after = (days.last or days.first) + DAY
    return Day((after + timedelta(days=(weekday - after.weekday()) % 7),))


def week_beside_named(side: str, name: str, today: date) -> Period:
    """Return the week before or after the week of a named day."""
    monday = find_named(name, today).first
    monday -= timedelta(days=monday.weekday())
    monday += -WEEK if side == "vor" else WEEK
    return Period((Days(monday, monday + 6 * DAY),), Grain.WEEK)


def bridge_day(name: str, today: date) -> Day:
    """Return the Friday after a holiday on a Thursday, or the Monday before one on a Tuesday."""
    day = find_named(name, today).first
    return Day((day + DAY,)) if day.weekday() < _FRIDAY and day.weekday() != 1 else Day((day - DAY,))
