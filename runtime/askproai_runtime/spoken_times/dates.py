"""Build dates from a day and a month, from a day of the month, and from a count of days or weeks."""

import re
from calendar import monthrange
from dataclasses import replace
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from askproai_runtime.spoken_times.atoms import Contradiction, Day, ImpossibleDay, Offset, PastDay
from askproai_runtime.spoken_times.rules import WEEK, monday

ISO = r"(?P<iso>\d{4}-\d{2}-\d{2})"
_DAYS_OF_WEEK = 7


def _date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError as error:
        raise ImpossibleDay(str(error)) from error


def of_year(text: str, month: int, day: int, today: date) -> Day:
    """Return the date in a year that is said with four or two digits. Raises `PastDay` and `ImpossibleDay`."""
    found = _date(int(text) + (2000 if len(text) == 2 else 0), month, day)  # noqa: PLR2004
    if found < today:
        raise PastDay(found.isoformat(), found)
    return Day((found,), dated=True)


def next_date(day: int, month: int, today: date) -> date:
    """Return the next date with this day and month, from today on. Raises `ImpossibleDay`."""
    for year in range(today.year, today.year + 9):  # the 29th of February comes within eight years
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if found >= today:
            return found
    raise ImpossibleDay(f"there is no {day}.{month}.")


def date_in_month(match: re.Match[str], month: int, today: date) -> Day:
    """Return the date in `month` on the matched day, in the matched year if any. Raises `PastDay` and `ImpossibleDay`."""
    day = int(match["day"])
    if match["year"]:
        return of_year(match["year"], month, day, today)
    return Day((next_date(day, month, today),), month, day)


def iso_date(match: re.Match[str], today: date) -> Day:
    """Return the date that the pattern `ISO` has matched: `2026-12-10`. Raises `PastDay` and `ImpossibleDay`."""
    return of_year(match["iso"][:4], int(match["iso"][5:7]), int(match["iso"][8:]), today)


def day_of_month(match: re.Match[str], today: date) -> Day:
    """Return the next date with this day of the month. If that is today, the date in the next month is a reading, too."""
    number = int(match["day"])
    first = today.replace(day=1)
    months = (first + relativedelta(months=n) for n in range(4))
    days = [m.replace(day=number) for m in months if 1 <= number <= monthrange(m.year, m.month)[1]]
    coming = [day for day in days if day >= today]
    if not coming:
        raise ImpossibleDay(f"no month has a day {number}")
    return Day(tuple(coming[:2] if coming[0] == today else coming[:1]), number=number)


def with_slash(match: re.Match[str], today: date) -> Day:
    """Return `12/3` as a day with two readings, 12 March and, as Americans write, 3 December. An impossible date is left out."""
    readings: set[date] = set()
    for day, month in ((match["first"], match["second"]), (match["second"], match["first"])):
        try:
            readings.update(
                of_year(match["year"], int(month), int(day), today).readings
                if match["year"]
                else (next_date(int(day), int(month), today),)
            )
        except (ImpossibleDay, PastDay):
            continue
    if not readings:
        raise ImpossibleDay(match[0])
    return Day(tuple(sorted(readings)), dated=len(readings) > 1)  # so that opening hours decide nothing


def days_ahead(day: Day, today: date) -> Day:
    """Return the day. `ahead` is set if all its readings are a week or more after today: it may count from another day."""
    return replace(day, ahead=min(day.readings) >= today + WEEK)


def weekday_in_weeks(weekday: int, weeks: int, today: date) -> Day:
    """Return a weekday "in `weeks` weeks" with both readings: counted from the next such weekday, or from this week."""
    inside = monday(today, weeks) + timedelta(days=weekday)
    return Day(tuple(sorted({_coming(weekday, today) + weeks * WEEK, inside})), counted=True)


def weekday_in_days(weekday: int, days: int, today: date) -> Day:
    """Return the date in `days` days. Raises `Contradiction` if it is not this weekday. Whole weeks: see `weekday_in_weeks`."""
    if days and days % _DAYS_OF_WEEK == 0:
        return weekday_in_weeks(weekday, days // _DAYS_OF_WEEK, today)
    day = today + timedelta(days=days)
    if day.weekday() != weekday:
        raise Contradiction("the weekday is not the one in so many days")
    return Day((day,), counted=True)


def _coming(weekday: int, today: date) -> date:
    """Return the next date with this weekday, today included."""
    return today + timedelta(days=(weekday - today.weekday()) % _DAYS_OF_WEEK)


def count(match: re.Match[str]) -> int:
    """Return the matched `count` in digits; an article is one."""
    return int(match["count"]) if match["count"].isdecimal() else 1


def offset(match: re.Match[str], *, is_week: bool, is_earlier: bool) -> Offset:
    """Return the offset of `eine Woche später`, `am Tag davor`, `a week later`, which counts from a day that was named before."""
    count = match.groupdict().get("count") or ""
    days = (int(count) if count.isdecimal() else 1) * (_DAYS_OF_WEEK if is_week else 1)
    return Offset(-days if is_earlier else days)
