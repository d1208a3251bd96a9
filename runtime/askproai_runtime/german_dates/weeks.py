"""The families of weekdays and weeks: `nächsten Freitag`, `dienstags`, `Anfang nächster Woche`, `KW 48`, `am Wochenende`."""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta

from askproai_runtime.german_dates.atoms import Day, Days, ImpossibleDay, PastDay, Period, Weekday
from askproai_runtime.german_dates.dates import next_date
from askproai_runtime.german_dates.rules import (
    DAY,
    LAST,
    MONTH,
    NEXT,
    OVERNEXT,
    THIRD,
    WEEK,
    WEEKDAY,
    Rule,
    monday,
    past,
)
from askproai_runtime.german_dates.types import Grain
from askproai_runtime.german_dates.vocabulary import MONTHS, WEEKDAYS


def _ordinal_weekday(match: re.Match[str], today: date) -> Day:
    """Return the first, second, … or last such weekday of a month."""
    weekday, month = WEEKDAYS[match["weekday"]], MONTHS[match["month"]]
    for year in (today.year, today.year + 1):
        days = [date(year, month, n) for n in range(1, monthrange(year, month)[1] + 1)]
        days = [day for day in days if day.weekday() == weekday]
        number = len(days) if match["number"] is None else int(match["number"])
        if not 1 <= number <= len(days):
            raise ImpossibleDay(f"{month} has no such weekday {number}")
        if days[number - 1] >= today:
            return Day((days[number - 1],))
    raise ImpossibleDay("no such weekday")


WEEKDAY_RULES: tuple[Rule, ...] = (
    (rf"(?:(?P<which>diese[nrm]?|{NEXT}|{OVERNEXT}) )?{WEEKDAY}",
     lambda m, _: Weekday(WEEKDAYS[m["weekday"]], m["which"] or "")),
    (rf"(?:immer )?{WEEKDAY}s", lambda m, _: Weekday(WEEKDAYS[m["weekday"]], habit=True)),
    (rf"jede[nr]? {WEEKDAY}", lambda m, _: Weekday(WEEKDAYS[m["weekday"]], habit=True)),
    (rf"{LAST} {WEEKDAY}", past),
    (rf"(?:(?P<number>\d)\.|letzte[nr]?) {WEEKDAY} (?:im|in|des) {MONTH}", _ordinal_weekday),
)  # fmt: skip


def weekday_dates(atom: Weekday, today: date) -> tuple[date, ...]:
    """Return the dates that a weekday by itself can mean.

    `Freitag` said on a Friday is today or in a week. `nächsten Freitag` is the coming one or next week's: regions differ.
    """
    weekday, which = atom.weekday, atom.which
    ahead = (weekday - today.weekday()) % 7
    coming = today + timedelta(days=ahead or 7)
    if which.startswith("diese"):
        return (today + timedelta(days=ahead),)
    if which.startswith("kommende"):
        return (coming,)
    if which.startswith("naechste"):
        return tuple(sorted({coming, monday(today, 1) + timedelta(days=weekday)}))
    if which.startswith("uebernaechste"):
        return tuple(sorted({coming + WEEK, monday(today, 2) + timedelta(days=weekday)}))
    return (coming,) if ahead else (today, coming)


def _week(today: date, weeks: int) -> Period:
    first = monday(today, weeks)
    return Period((Days(max(first, today), first + 6 * DAY),), Grain.WEEK)


def _calendar_week(match: re.Match[str], today: date) -> Period:
    number = int(match["week"])
    for year in (today.year, today.year + 1, today.year + 2):
        try:
            monday = date.fromisocalendar(year, number, 1)
        except ValueError:
            continue
        if monday + 6 * DAY >= today:
            return Period((Days(max(monday, today), monday + 6 * DAY),), Grain.WEEK)
    raise ImpossibleDay(f"there is no week {number}")


_THIRDS_OF_WEEK = {"anfang": (0, 1), "beginn": (0, 1), "zu beginn": (0, 1), "mitte": (1, 3), "ende": (3, 4)}


def _third_of_calendar_week(match: re.Match[str], today: date) -> Period:
    last = _calendar_week(match, today).readings[0].last
    assert last is not None, "a week has an end"
    first_day, last_day = _THIRDS_OF_WEEK[match["third"]]
    return Period((Days(monday(last) + first_day * DAY, monday(last) + last_day * DAY),))


def _week_of_date(match: re.Match[str], today: date) -> Period:
    """Return the week in which a date is, as in `die Woche vom 7. Dezember`."""
    day = next_date(int(match["day"]), MONTHS[match["month"]], today)
    return Period((Days(max(monday(day), today), monday(day) + 6 * DAY),), Grain.WEEK)


def _third_of_week(weeks: int | None) -> Callable[[re.Match[str], date], Period]:
    """Return the days of a third: Monday and Tuesday, Tuesday to Thursday, Thursday and Friday. None: of the next such."""

    def third(match: re.Match[str], today: date) -> Period:
        first, last = _THIRDS_OF_WEEK[match["third"]]
        readings = [
            Days(max(monday(today, n) + first * DAY, today), monday(today, n) + last * DAY)
            for n in ((0, 1) if weeks is None else (weeks,))
        ]
        coming = [days for days in readings if days.last is not None and days.last >= today]
        if not coming:
            raise PastDay(match[0])
        is_open = weeks is None and coming[0].last == today  # only today is left of it
        return Period(tuple(coming if is_open else coming[:1]))

    return third


def _weekends(*weeks: int) -> Callable[[re.Match[str], date], Period]:
    def weekend(_match: re.Match[str], today: date) -> Period:
        readings = [Days(monday(today, n) + 5 * DAY, monday(today, n) + 6 * DAY) for n in weeks]
        return Period(tuple(Days(max(first, today), last) for first, last in readings))

    return weekend


def _working_week(_match: re.Match[str], today: date) -> Period:
    weeks = int(today.weekday() >= 4)  # noqa: PLR2004 (on Friday the next one is meant)
    return Period((Days(max(monday(today, weeks), today), monday(today, weeks) + 4 * DAY),))


WEEK_RULES: tuple[Rule, ...] = (
    (r"diese[rn]? woche(?: noch)?|noch diese woche|die woche noch|noch die woche", lambda _m, today: _week(today, 0)),
    (rf"{NEXT} woche", lambda _m, today: _week(today, 1)),
    (rf"{OVERNEXT} woche", lambda _m, today: _week(today, 2)),
    (rf"{NEXT} (?:oder|und) {OVERNEXT} woche", lambda _m, today: Period((Days(monday(today, 1), monday(today, 3) - DAY),))),
    (rf"{LAST} woche(?: {'(?:' + '|'.join(WEEKDAYS) + ')'})?", past),
    (r"kw (?P<week>\d{1,2})\.?", _calendar_week),
    (r"(?P<week>\d{1,2})\. kw", _calendar_week),
    (rf"{THIRD}(?: der)? kw (?P<week>\d{{1,2}})\.?", _third_of_calendar_week),
    (rf"woche (?:vom|ab dem|um den) (?P<day>\d{{1,2}})\.? {MONTH}", _week_of_date),
    (rf"{THIRD}(?: der| dieser)? woche", _third_of_week(None)),
    (rf"{THIRD}(?: der)? {NEXT} woche", _third_of_week(1)),
    (rf"{THIRD}(?: der)? {OVERNEXT} woche", _third_of_week(2)),
    (r"(?:diese[rnms]? |der |die |des )?wochenende", _weekends(0)),
    (r"kommende[sn]? wochenende", _weekends(0)),
    (r"naechste[sn]? wochenende", _weekends(0, 1)),
    (rf"{OVERNEXT} wochenende", _weekends(1, 2)),
    (r"unter der woche|wochentags?|werktag", _working_week),
)  # fmt: skip
