"""Build weekdays and weeks: the dates that a weekday can mean, calendar weeks, thirds of a week, and weekends."""

import re
from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import date, timedelta

from askproai_runtime.spoken_times.atoms import Day, Days, ImpossibleDay, PastDay, Period, Third, Weekday, Which
from askproai_runtime.spoken_times.dates import next_date
from askproai_runtime.spoken_times.rules import DAY, WEEK, monday
from askproai_runtime.spoken_times.types import Grain

_SATURDAY, _SUNDAY = 5, 6


def ordinal_weekday(weekday: int, month: int, number: int | None, today: date) -> Day:
    """Return the next date that is the first, second, … or last (None) such weekday of a month. Raises `ImpossibleDay`."""
    for year in (today.year, today.year + 1):
        days = [date(year, month, n) for n in range(1, monthrange(year, month)[1] + 1)]
        days = [day for day in days if day.weekday() == weekday]
        place = len(days) if number is None else number
        if not 1 <= place <= len(days):
            raise ImpossibleDay(f"{month} has no such weekday {place}")
        if days[place - 1] >= today:
            return Day((days[place - 1],))
    raise ImpossibleDay("no such weekday")


def weekday_dates(atom: Weekday, today: date) -> tuple[date, ...]:
    """Return the dates that a weekday by itself can mean.

    `Freitag` said on a Friday is today or in a week. `nächsten Freitag` is the coming one or next week's: regions differ.
    """
    weekday, which = atom.weekday, atom.which
    ahead = (weekday - today.weekday()) % 7
    coming = today + timedelta(days=ahead or 7)
    if which is Which.THIS:
        return (today + timedelta(days=ahead),)
    if which is Which.COMING:
        return (coming,)
    if which is Which.NEXT:
        return tuple(sorted({coming, monday(today, 1) + timedelta(days=weekday)}))
    if which is Which.FOLLOWING:
        return coming, coming + WEEK
    if which is Which.AFTER_NEXT:
        return tuple(sorted({coming + WEEK, monday(today, 2) + timedelta(days=weekday)}))
    return (coming,) if ahead else (today, coming)


def week(today: date, weeks: int) -> Period:
    """Return the days of the week that is `weeks` weeks after the present one, without days before today."""
    first = monday(today, weeks)
    return Period((Days(max(first, today), first + 6 * DAY),), Grain.WEEK)


def calendar_week(match: re.Match[str], today: date) -> Period:
    """Return the next calendar week with the matched number, without its days before today. Raises `ImpossibleDay`."""
    number = int(match["week"])
    for year in (today.year, today.year + 1, today.year + 2):
        try:
            monday = date.fromisocalendar(year, number, 1)
        except ValueError:
            continue
        if monday + 6 * DAY >= today:
            return Period((Days(max(monday, today), monday + 6 * DAY),), Grain.WEEK)
    raise ImpossibleDay(f"there is no week {number}")


_THIRDS_OF_WEEK = {Third.BEGIN: (0, 1), Third.MIDDLE: (1, 3), Third.END: (3, 4)}  # first and last weekday; 0 is Monday


def third_of_calendar_week(match: re.Match[str], third: Third, today: date) -> Period:
    """Return a third of the next calendar week with the matched number. Raises `ImpossibleDay`."""
    last = calendar_week(match, today).readings[0].last
    assert last is not None, "a week has an end"
    first_day, last_day = _THIRDS_OF_WEEK[third]
    return Period((Days(monday(last) + first_day * DAY, monday(last) + last_day * DAY),))


def week_of_date(day: int, month: int, today: date) -> Period:
    """Return the week of the next date with this day number and `month` (0: any month), without days before today."""
    if not 0 <= month <= 12:  # noqa: PLR2004
        raise ImpossibleDay(f"there is no month {month}")
    months = (month,) if month else ((today.month - 1 + n) % 12 + 1 for n in range(3))
    found = [next_date(day, each, today) for each in months if month or day <= 28 or each != 2]  # noqa: PLR2004
    first = min(found)
    return Period((Days(max(monday(first), today), monday(first) + 6 * DAY),), Grain.WEEK)


def third_of_week(third: Third, weeks: int | None, today: date) -> Period:
    """Return the begin, middle or end (Thursday and Friday) of the week in `weeks` weeks; None: the next one that is not over."""
    first, last = _THIRDS_OF_WEEK[third]
    readings = [
        Days(max(monday(today, n) + first * DAY, today), monday(today, n) + last * DAY)
        for n in ((0, 1) if weeks is None else (weeks,))
    ]
    coming = [days for days in readings if days.last is not None and days.last >= today]
    if not coming:
        raise PastDay(third.name)
    is_open = weeks is None and coming[0].last == today  # only today is left of it
    return Period(tuple(coming if is_open else coming[:1]))


def weekends(
    *weeks: int, on_saturday: Sequence[int] | None = None, on_sunday: Sequence[int] | None = None
) -> Callable[[re.Match[str], date], Period]:
    """Return a rule for the weekends that are `weeks` weeks after the present one. If the call is on a Saturday or Sunday,
    `on_saturday` or `on_sunday` replaces `weeks`.

    On a Saturday, "nächstes Wochenende" never means that day and the next one. `on_sunday` is `on_saturday` by default.
    """
    at_weekend = {_SATURDAY: on_saturday, _SUNDAY: on_sunday or on_saturday}

    def weekend(_match: re.Match[str], today: date) -> Period:
        meant = at_weekend.get(today.weekday()) or weeks
        readings = [Days(monday(today, n) + 5 * DAY, monday(today, n) + 6 * DAY) for n in meant]
        return Period(tuple(Days(max(first, today), last) for first, last in readings))

    return weekend


def working_week(_match: re.Match[str], today: date) -> Period:
    """Return Monday to Friday of this week; on a Friday and at the weekend, of the next week."""
    weeks = int(today.weekday() >= 4)  # noqa: PLR2004 (on Friday the next one is meant)
    return Period((Days(max(monday(today, weeks), today), monday(today, weeks) + 4 * DAY),), is_working_week=True)
