"""The families of months, quarters, seasons and years: `Mitte Dezember`, `nächsten Monat`, `im ersten Quartal`."""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date

from dateutil.relativedelta import relativedelta

from askproai_runtime.spoken_times.atoms import Days, ImpossibleDay, PastDay, Period
from askproai_runtime.spoken_times.rules import DAY, LAST, MONTH, NEXT, OVERNEXT, THIRD, WEEK, Rule, past
from askproai_runtime.spoken_times.types import Grain
from askproai_runtime.spoken_times.vocabulary import MONTHS

_FIRST_THIRD, _SECOND_THIRD = 10, 20
_THURSDAY = 3


def month_days(year: int, month: int) -> Days:
    """Return all days of a month."""
    return Days(date(year, month, 1), date(year, month, monthrange(year, month)[1]))


def third_of_month(days: Days, third: str | None) -> Days:
    """Return the first, second or last (`ende`) ten days of a month; the whole month if `third` is None."""
    first, last = days
    if third is None or last is None:
        return days
    if third == "mitte":
        return Days(first.replace(day=_FIRST_THIRD + 1), first.replace(day=_SECOND_THIRD))
    return Days(first.replace(day=_SECOND_THIRD + 1), last) if third == "ende" else Days(first, first.replace(day=10))


def month_period(days: Days, today: date) -> Period:
    """Return the days of a month from today on. Raises `PastDay`."""
    if days.last is not None and days.last < today:
        raise PastDay(days.first.isoformat())
    return Period((Days(max(days.first, today), days.last),), Grain.MONTH)


def _month(match: re.Match[str], today: date) -> Period:
    month, year = MONTHS[match["month"]], match["year"]
    in_year = int(year) if year else today.year + (month < today.month)
    return month_period(third_of_month(month_days(in_year, month), match["third"]), today)


def _rule_ahead(count: int) -> Callable[[re.Match[str], date], Period]:
    return lambda match, today: month_ahead(count, match.groupdict().get("third"), today)


def month_ahead(count: int, third: str | None, today: date) -> Period:
    """Return the month that is `count` months after the present one, or a third of it."""
    first = today.replace(day=1) + relativedelta(months=count)
    return month_period(third_of_month(month_days(first.year, first.month), third), today)


def _third_of_this_month(match: re.Match[str], today: date) -> Period:
    return third_of_this_month(match["third"], today)


def third_of_this_month(third: str, today: date) -> Period:
    """Return the days of a third of this month after today; if none are left, the same third of the next month."""
    days = third_of_month(month_days(today.year, today.month), third)
    if days.last is not None and days.last <= today:
        return month_ahead(1, third, today)
    return Period((Days(max(days.first, today + DAY), days.last),), Grain.MONTH)


def _half_of_month(match: re.Match[str], today: date) -> Period:
    month = MONTHS[match["month"]]
    first, last = month_days(today.year + (month < today.month), month)
    half = Days(first, first.replace(day=15)) if match["half"] == "1" else Days(first.replace(day=16), last)
    return month_period(half, today)


def _week_of_month(match: re.Match[str], today: date) -> Period:
    return week_of_month(MONTHS[match["month"]], int(match["number"]), today)


def week_of_month(month: int, number: int, today: date) -> Period:
    """Return the days of the month in its calendar week `number`. Raises `ImpossibleDay`.

    The first week has the first Thursday of the month, as ISO 8601 counts the weeks of a year.
    """
    first, last = month_days(today.year + (month < today.month), month)
    monday = first - first.weekday() * DAY + (number - 1 + (first.weekday() > _THURSDAY)) * WEEK
    if number < 1 or last is None or monday > last:
        raise ImpossibleDay(f"a month has no week {number}")
    return month_period(Days(max(monday, first), min(monday + 6 * DAY, last)), today)


def first_months(first: int, count: int, today: date) -> Period:
    """Return `count` months, beginning with the next month number `first`; if they have begun, the days from today on."""
    for year in (today.year - 1, today.year, today.year + 1):
        begin = date(year, first, 1)
        end = begin + relativedelta(months=count) - DAY
        if end >= today:
            return Period((Days(max(begin, today), end),))
    raise AssertionError("the next year has all months")


def _next_quarter(_match: re.Match[str], today: date) -> Period:
    first = today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1) + relativedelta(months=3)
    return Period((Days(first, first + relativedelta(months=3) - DAY),))


_THIRDS_OF_YEAR = {
    None: (1, 12), "anfang": (1, 1), "zu beginn": (1, 1), "beginn": (1, 1), "mitte": (6, 7), "ende": (12, 12)
}  # fmt: skip


def _of_year(match: re.Match[str], year: int) -> Days:
    first, last = _THIRDS_OF_YEAR[match.groupdict().get("third")]
    return Days(date(year, first, 1), month_days(year, last).last)


def _next_year(match: re.Match[str], today: date) -> Period:
    return Period((_of_year(match, today.year + 1),))


def _third_of_year(match: re.Match[str], today: date) -> Period:
    days = _of_year(match, today.year)
    if days.last is not None and days.last < today:
        return _next_year(match, today)
    return Period((Days(max(days.first, today), days.last),))


def last_month(today: date) -> Period:
    """Return the days of December from today on."""
    return Period((Days(max(date(today.year, 12, 1), today), date(today.year, 12, 31)),))


def _rest_of_year(_match: re.Match[str], today: date) -> Period:
    return Period((Days(today, date(today.year, 12, 31)),))


_SEASONS = {"fruehjahr": 3, "fruehling": 3, "sommer": 6, "herbst": 9, "winter": 12}
MONTH_RULES: tuple[Rule, ...] = (
    (rf"{LAST} (?:monat|jahr|quartal)", past),
    (rf"(?:{THIRD} )?{MONTH}(?: (?P<year>\d{{4}}))?", _month),
    (rf"(?:{THIRD} )?(?:des )?{NEXT} monate?s?", _rule_ahead(1)),
    (rf"(?:{THIRD} )?(?:des )?{OVERNEXT} monate?s?", _rule_ahead(2)),
    (r"diesen monat(?: noch)?|noch diesen monat|in diesem monat", _rule_ahead(0)),
    (rf"{THIRD} (?:des|dieses|vom) monats?", _third_of_this_month),
    (rf"(?P<half>1|2)\. haelfte im {MONTH}", _half_of_month),
    (rf"(?P<number>\d)\. woche im {MONTH}", _week_of_month),
    (r"(?P<quarter>[1-4])\. quartal", lambda m, today: first_months(int(m["quarter"]) * 3 - 2, 3, today)),
    (rf"{NEXT} quartal", _next_quarter),
    (rf"(?P<season>{'|'.join(_SEASONS)})", lambda m, today: first_months(_SEASONS[m["season"]], 3, today)),
    (rf"(?:{THIRD} )?(?:des )?(?:{NEXT}|neuen) jahre?s?", _next_year),
    (rf"{THIRD} (?:des|dieses) jahres", _third_of_year),
    (r"(?:noch )?(?:in )?diese[ms]? jahr(?: noch)?", _rest_of_year),
)  # fmt: skip
