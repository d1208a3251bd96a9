"""The families of weekdays and weeks: `nächsten Freitag`, `dienstags`, `Anfang nächster Woche`, `KW 48`, `am Wochenende`."""

import re
from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import date, timedelta

from askproai_runtime.spoken_times.atoms import Day, Days, ImpossibleDay, PastDay, Period, Weekday, Which
from askproai_runtime.spoken_times.dates import next_date
from askproai_runtime.spoken_times.rules import (
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
from askproai_runtime.spoken_times.types import Grain
from askproai_runtime.spoken_times.vocabulary import MONTHS, WEEKDAYS

_SATURDAY, _SUNDAY = 5, 6


def _ordinal_weekday(match: re.Match[str], today: date) -> Day:
    number = None if match["number"] is None else int(match["number"])
    return ordinal_weekday(WEEKDAYS[match["weekday"]], MONTHS[match["month"]], number, today)


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


_WHICH = {
    "diese": Which.THIS, "kommende": Which.COMING, "naechste": Which.NEXT, "uebernaechste": Which.AFTER_NEXT,
    "darauffolgende": Which.FOLLOWING, "folgende": Which.FOLLOWING,
}  # fmt: skip


def _which(adjective: str | None) -> Which | None:
    return next((which for stem, which in _WHICH.items() if adjective and adjective.startswith(stem)), None)


WEEKDAY_RULES: tuple[Rule, ...] = (
    (rf"(?:(?P<which>diese[nrm]?|{NEXT}|{OVERNEXT}|(?:darauf)?folgende[nrm]?) )?{WEEKDAY}",
     lambda m, _: Weekday(WEEKDAYS[m["weekday"]], _which(m["which"]))),
    (rf"(?:immer )?{WEEKDAY}s", lambda m, _: Weekday(WEEKDAYS[m["weekday"]], habit=True)),
    (rf"jede[nr]? {WEEKDAY}", lambda m, _: Weekday(WEEKDAYS[m["weekday"]], habit=True)),
    (rf"jede woche(?: am| immer)? {WEEKDAY}s?(?! ?(?:,|und|oder))", lambda m, _: Weekday(WEEKDAYS[m["weekday"]], habit=True)),
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
    """Return the week that is `weeks` weeks after the present one, from today on."""
    first = monday(today, weeks)
    return Period((Days(max(first, today), first + 6 * DAY),), Grain.WEEK)


def calendar_week(match: re.Match[str], today: date) -> Period:
    """Return the next calendar week with the matched number, from today on. Raises `ImpossibleDay`."""
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
    last = calendar_week(match, today).readings[0].last
    assert last is not None, "a week has an end"
    first_day, last_day = _THIRDS_OF_WEEK[match["third"]]
    return Period((Days(monday(last) + first_day * DAY, monday(last) + last_day * DAY),))


def _week_of_date(match: re.Match[str], today: date) -> Period:
    """Return the week of the date in `die Woche vom 7. Dezember`, `vom 7.12.` or `vom 7.`."""
    named = match.groupdict()
    month = MONTHS[named["month"]] if named.get("month") else int(named.get("number") or 0)
    return week_of_date(int(match["day"]), month, today)


def week_of_date(day: int, month: int, today: date) -> Period:
    """Return the week of the next such date, from today on. If `month` is 0, the date is the next one with that day number."""
    if not 0 <= month <= 12:  # noqa: PLR2004
        raise ImpossibleDay(f"there is no month {month}")
    months = (month,) if month else ((today.month - 1 + n) % 12 + 1 for n in range(3))
    found = [next_date(day, each, today) for each in months if month or day <= 28 or each != 2]  # noqa: PLR2004
    first = min(found)
    return Period((Days(max(monday(first), today), monday(first) + 6 * DAY),), Grain.WEEK)


def _third_of_week(weeks: int | None) -> Callable[[re.Match[str], date], Period]:
    return lambda match, today: third_of_week(match["third"], weeks, today)


def third_of_week(third: str, weeks: int | None, today: date) -> Period:
    """Return a third of a week: Monday and Tuesday, Tuesday to Thursday, or Thursday and Friday. `weeks` None: the next such."""
    first, last = _THIRDS_OF_WEEK[third]
    readings = [
        Days(max(monday(today, n) + first * DAY, today), monday(today, n) + last * DAY)
        for n in ((0, 1) if weeks is None else (weeks,))
    ]
    coming = [days for days in readings if days.last is not None and days.last >= today]
    if not coming:
        raise PastDay(third)
    is_open = weeks is None and coming[0].last == today  # only today is left of it
    return Period(tuple(coming if is_open else coming[:1]))


def weekends(
    *weeks: int, on_saturday: Sequence[int] | None = None, on_sunday: Sequence[int] | None = None
) -> Callable[[re.Match[str], date], Period]:
    """Return a rule for the weekends of these weeks, counted from this one; calls at a weekend use the other arguments.

    On a Saturday nobody calls that day and the next one "nächstes Wochenende". `on_sunday` is `on_saturday` by default.
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
    return Period((Days(max(monday(today, weeks), today), monday(today, weeks) + 4 * DAY),))


WEEK_RULES: tuple[Rule, ...] = (
    (r"diese[rn]? woche(?: noch)?|noch diese woche|die woche noch|noch die woche", lambda _m, today: week(today, 0)),
    (rf"{NEXT} woche", lambda _m, today: week(today, 1)),
    (rf"{OVERNEXT} woche", lambda _m, today: week(today, 2)),
    (rf"{NEXT} (?:oder|und) {OVERNEXT} woche", lambda _m, today: Period((Days(monday(today, 1), monday(today, 3) - DAY),))),
    (rf"{LAST} woche(?: {'(?:' + '|'.join(WEEKDAYS) + ')'})?", past),
    (r"kw (?P<week>\d{1,2})\.?", calendar_week),
    (r"(?P<week>\d{1,2})\. kw", calendar_week),
    (rf"{THIRD}(?: der)? kw (?P<week>\d{{1,2}})\.?", _third_of_calendar_week),
    (rf"woche (?:vom|ab dem|um den|mit dem) (?P<day>\d{{1,2}})\.? {MONTH}", _week_of_date),
    (r"woche (?:vom|ab dem|um den|mit dem) (?P<day>\d{1,2})\.(?: ?(?P<number>\d{1,2})\.?)?", _week_of_date),
    (rf"{THIRD}(?: der| dieser)? woche", _third_of_week(None)),
    (rf"{THIRD}(?: der)? {NEXT} woche", _third_of_week(1)),
    (rf"{THIRD}(?: der)? {OVERNEXT} woche", _third_of_week(2)),
    (r"diese[rnms]? wochenende", weekends(0)),
    (r"(?:der |die |des )?wochenende", weekends(0, on_sunday=(0, 1))),
    (r"kommende[sn]? wochenende", weekends(0, on_saturday=(1,))),
    (r"naechste[sn]? wochenende", weekends(0, 1, on_saturday=(1,))),
    (rf"{OVERNEXT} wochenende", weekends(1, 2, on_saturday=(2,))),
    (r"unter der woche|wochentage?[ns]?|werktag", working_week),
)  # fmt: skip
