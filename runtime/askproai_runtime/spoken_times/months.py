"""Build months, quarters, seasons and years, and their thirds."""

from calendar import monthrange
from datetime import date

from dateutil.relativedelta import relativedelta

from askproai_runtime.spoken_times.atoms import Days, ImpossibleDay, PastDay, Period, Third
from askproai_runtime.spoken_times.rules import DAY, WEEK
from askproai_runtime.spoken_times.types import Grain
from askproai_runtime.understood import Understood

_FIRST_THIRD, _SECOND_THIRD = 10, 20
_THURSDAY = 3
_THIRDS_OF_YEAR = {None: (1, 12), Third.BEGIN: (1, 1), Third.MIDDLE: (6, 7), Third.END: (12, 12)}  # months


def thirds_of(words: Understood) -> dict[str, Third]:
    """Return a language's words for a third of a week, a month or a year."""
    return {word: Third[name.upper()] for word, name in words.grammar.thirds.items()}


def month_days(year: int, month: int) -> Days:
    """Return all days of a month."""
    return Days(date(year, month, 1), date(year, month, monthrange(year, month)[1]))


def third_of_month(days: Days, third: Third | None) -> Days:
    """Return the first, second or last ten days of a month; the whole month if `third` is None."""
    first, last = days
    if third is None or last is None:
        return days
    if third is Third.MIDDLE:
        return Days(first.replace(day=_FIRST_THIRD + 1), first.replace(day=_SECOND_THIRD))
    return (
        Days(first.replace(day=_SECOND_THIRD + 1), last) if third is Third.END else Days(first, first.replace(day=10))
    )


def month_period(days: Days, today: date) -> Period:
    """Return the days of a month without those before today. Raises `PastDay` if all are over."""
    if days.last is not None and days.last < today:
        raise PastDay(days.first.isoformat())
    return Period((Days(max(days.first, today), days.last),), Grain.MONTH)


def month_of(month: int, year: int | None, third: Third | None, today: date) -> Period:
    """Return a month of `year` (None: the next such month), or a third of it, without days before today. Raises `PastDay`."""
    in_year = today.year + (month < today.month) if year is None else year
    return month_period(third_of_month(month_days(in_year, month), third), today)


def month_ahead(count: int, third: Third | None, today: date) -> Period:
    """Return the month that is `count` months after the present one, or a third of it."""
    first = today.replace(day=1) + relativedelta(months=count)
    return month_period(third_of_month(month_days(first.year, first.month), third), today)


def third_of_this_month(third: Third, today: date) -> Period:
    """Return a third of this month, without days up to today; if none are left, the same third of the next month."""
    days = third_of_month(month_days(today.year, today.month), third)
    if days.last is not None and days.last <= today:
        return month_ahead(1, third, today)
    return Period((Days(max(days.first, today + DAY), days.last),), Grain.MONTH)


def half_of_month(month: int, *, is_first: bool, today: date) -> Period:
    """Return the first half (to the 15th) or the second half of the next month with this number. Raises `PastDay`."""
    first, last = month_days(today.year + (month < today.month), month)
    half = Days(first, first.replace(day=15)) if is_first else Days(first.replace(day=16), last)
    return month_period(half, today)


def week_of_month(month: int, number: int | None, today: date) -> Period:
    """Return the days of the month in its calendar week `number` (None: the last one). Raises `ImpossibleDay`.

    The first week has the first Thursday of the month, as ISO 8601 counts the weeks of a year.
    """
    first, last = month_days(today.year + (month < today.month), month)
    monday = first - first.weekday() * DAY + ((number or 1) - 1 + (first.weekday() > _THURSDAY)) * WEEK
    if number is None and last is not None:
        monday = last - last.weekday() * DAY
    if number == 0 or last is None or monday > last:
        raise ImpossibleDay(f"a month has no week {number}")
    return month_period(Days(max(monday, first), min(monday + 6 * DAY, last)), today)


def first_months(first: int, count: int, today: date) -> Period:
    """Return the span of `count` months that begins with the month number `first` and is not over, without days before today."""
    for year in (today.year - 1, today.year, today.year + 1):
        begin = date(year, first, 1)
        end = begin + relativedelta(months=count) - DAY
        if end >= today:
            return Period((Days(max(begin, today), end),))
    raise AssertionError("the next year has all months")


def next_quarter(today: date) -> Period:
    """Return the quarter after the present one."""
    first = today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1) + relativedelta(months=3)
    return Period((Days(first, first + relativedelta(months=3) - DAY),))


def year_ahead(third: Third | None, today: date) -> Period:
    """Return the next year, or a third of it."""
    return Period((_of_year(today.year + 1, third),))


def third_of_year(third: Third, today: date) -> Period:
    """Return a third of this year without days before today; if none are left, the same third of the next year."""
    days = _of_year(today.year, third)
    if days.last is not None and days.last < today:
        return year_ahead(third, today)
    return Period((Days(max(days.first, today), days.last),))


def _of_year(year: int, third: Third | None) -> Days:
    first, last = _THIRDS_OF_YEAR[third]
    return Days(date(year, first, 1), month_days(year, last).last)


def last_month(today: date) -> Period:
    """Return the days of December without those before today."""
    return Period((Days(max(date(today.year, 12, 1), today), date(today.year, 12, 31)),))


def rest_of_year(today: date) -> Period:
    """Return the days from today to 31 December."""
    return Period((Days(today, date(today.year, 12, 31)),))
