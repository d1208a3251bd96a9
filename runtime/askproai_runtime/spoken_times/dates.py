"""The family of dates: `27.11.`, `am fünften Dezember`, `am 27.`, ISO."""

import re
from calendar import monthrange
from datetime import date

from dateutil.relativedelta import relativedelta

from askproai_runtime.spoken_times.atoms import Day, ImpossibleDay, PastDay
from askproai_runtime.spoken_times.rules import MONTH, Rule
from askproai_runtime.spoken_times.vocabulary import MONTHS


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


def _numeric_date(match: re.Match[str], today: date) -> Day:
    day, month = int(match["day"]), int(match["number"])
    if match["year"]:
        return of_year(match["year"], month, day, today)
    return Day((next_date(day, month, today),), month, day)


def _named_month_date(match: re.Match[str], today: date) -> Day:
    day, month = int(match["day"]), MONTHS[match["month"]]
    if match["year"]:
        return of_year(match["year"], month, day, today)
    return Day((next_date(day, month, today),), month, day)


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
    """Return the day with both readings of `12/3`: Americans write the month first. An impossible date does not count."""
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


DATES: tuple[Rule, ...] = (
    (r"(?P<iso>\d{4}-\d{2}-\d{2})", lambda m, today: of_year(m["iso"][:4], int(m["iso"][5:7]), int(m["iso"][8:]), today)),
    (r"(?P<day>\d{1,2})\. ?(?P<number>\d{1,2})\.(?: ?(?P<year>\d{4}|\d{2}(?! uhr|\d|:)))?", _numeric_date),
    (rf"(?P<day>\d{{1,2}})\.? {MONTH}(?: (?P<year>\d{{4}}))?", _named_month_date),
    (r"(?P<first>\d{1,2})/(?P<second>\d{1,2})(?:/(?P<year>\d{4}))?(?! ?(?:uhr|-|/|\d))", with_slash),
    (r"(?P<day>\d{1,2})\.", day_of_month),
    # Without dots, as speech is sometimes written down: "den 23 um 11", "am 24 11 um 14 uhr".
    (r"(?:den|dem) (?P<day>\d{1,2})(?![\d.:]| uhr| ?-)", day_of_month),
    (r"(?:am|den|dem) (?P<day>\d{1,2}) (?P<number>1[0-2]|[1-9])(?![\d.:]| uhr| ?-)(?P<year>)", _numeric_date),
)  # fmt: skip
