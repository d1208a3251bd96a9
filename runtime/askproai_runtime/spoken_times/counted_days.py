"""The family of days counted from today: `übermorgen`, `in zwei Wochen`, `Dienstag in acht Tagen`, `die nächsten drei Tage`."""

import re
from dataclasses import replace
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from askproai_runtime.spoken_times.atoms import Contradiction, Day, Days, Offset, Period
from askproai_runtime.spoken_times.rules import COUNT, DAY, NEXT, WEEK, WEEKDAY, Rule, count, monday, past
from askproai_runtime.spoken_times.vocabulary import WEEKDAYS

_EIGHT = 8  # "in acht Tagen" is an idiom for a week
_DAYS_OF_WEEK = 7
_RELATIVE = {"heute": 0, "morgen": 1, "uebermorgen": 2, "ueberuebermorgen": 3}


def _ahead(start: date, match: re.Match[str]) -> Day:
    """Return the day that is the matched number of days, weeks or months after `start`."""
    number, unit = count(match), match["unit"]
    if unit.startswith("woche"):
        return Day((start + number * WEEK,))
    if unit.startswith("monat"):
        return Day((start + relativedelta(months=number),))
    if number == _EIGHT:
        return Day((start + WEEK, start + 8 * DAY))
    return Day((start + timedelta(days=number),))


def days_ahead(day: Day, today: date) -> Day:
    """Return a counted day, marked as `ahead` if it is a week or more from today: it may count from another day, too."""
    return replace(day, ahead=min(day.readings) >= today + WEEK)


def _weekday_ahead(match: re.Match[str], today: date) -> Day:
    """Return the day of `Dienstag in zwei Wochen`, `Dienstag in vierzehn Tagen`, `in acht Tagen am Dienstag`."""
    weekday, number, unit = WEEKDAYS[match["weekday"]], count(match), match["unit"]
    if unit.startswith("woche"):
        return weekday_in_weeks(weekday, number, today)
    if unit.startswith("monat"):
        raise Contradiction("a weekday is counted in weeks")
    return weekday_in_days(weekday, _DAYS_OF_WEEK if number == _EIGHT else number, today)


def weekday_in_weeks(weekday: int, weeks: int, today: date) -> Day:
    """Return both readings of a weekday in `weeks` weeks: counted from the next such weekday, and from the present week."""
    inside = monday(today, weeks) + timedelta(days=weekday)
    return Day(tuple(sorted({_coming(weekday, today) + weeks * WEEK, inside})), counted=True)


def weekday_in_days(weekday: int, days: int, today: date) -> Day:
    """Return the weekday in `days` days; seven days are a week. Raises `Contradiction` if that day is another weekday."""
    if days and days % _DAYS_OF_WEEK == 0:
        return weekday_in_weeks(weekday, days // _DAYS_OF_WEEK, today)
    day = today + timedelta(days=days)
    if day.weekday() != weekday:
        raise Contradiction("the weekday is not the one in so many days")
    return Day((day,), counted=True)


def _coming(weekday: int, today: date) -> date:
    """Return the next date with this weekday; today if today is one."""
    return today + timedelta(days=(weekday - today.weekday()) % _DAYS_OF_WEEK)


def _few(match: re.Match[str], today: date) -> Period:
    """Return the matched number of days or weeks, from today on."""
    weeks = match["unit"].startswith("woche")
    number = int(match["count"]) if match["count"] else 1 if weeks else 7
    return Period((Days(today, today + number * (WEEK if weeks else DAY)),))


def _between_counts(match: re.Match[str], today: date) -> Period:
    unit = WEEK if match["unit"].startswith("woche") else DAY
    return Period((Days(today + int(match["count"]) * unit, today + int(match["most"]) * unit),))


def offset(match: re.Match[str], _today: date) -> Offset:
    """Return the offset of `eine Woche später`, `am Tag davor`, `a week later`, which counts from a day that was named before."""
    named = match.groupdict()
    number = int(named["count"]) if (named.get("count") or "").isdecimal() else 1
    days = number * (_DAYS_OF_WEEK if match["unit"].startswith("w") else 1)
    return Offset(-days if named.get("side") in _EARLIER else days)


_EARLIER = frozenset({"frueher", "davor", "vorher", "zuvor", "earlier", "before"})
_SIDE = r"(?P<side>spaeter|danach|drauf|darauf|frueher|davor|vorher|zuvor)"
_UNIT = r"(?P<unit>tage?n?|wochen?|monate?n?)"
COUNTED_DAYS: tuple[Rule, ...] = (
    (rf"{COUNT} (?P<unit>tage?n?|wochen?) {_SIDE}", offset),
    (rf"(?:die |der |den |dem |am |an dem |in der )*(?P<unit>tag|woche) {_SIDE}", offset),
    (r"(?:die |der |den |dem |am |in der )*(?:folge(?=tag|woche)|(?:darauf)?folgende[nr]? )(?P<unit>tage?|woche)", offset),
    (rf"(?P<relative>{'|'.join(_RELATIVE)})", lambda m, today: Day((today + timedelta(days=_RELATIVE[m["relative"]]),))),
    (rf"gestern|vorgestern|vor {COUNT} (?:tage?n?|wochen?|monate?n?)", past),
    (rf"(?P<relative>heute|morgen|uebermorgen) in {COUNT} {_UNIT}",
     lambda m, today: _ahead(today + timedelta(days=_RELATIVE[m["relative"]]), m)),
    (rf"in {COUNT} {_UNIT}", lambda m, today: days_ahead(_ahead(today, m), today)),
    (r"in (?P<count>\d{1,2})(?: bis| oder|,| ,)? (?P<most>\d{1,2}) (?P<unit>tage?n?|wochen?)", _between_counts),
    (rf"{WEEKDAY}(?: ?,)? in {COUNT} {_UNIT}", _weekday_ahead),
    (rf"in {COUNT} (?P<unit>tage?n?|wochen?)(?: ?,)?(?: am| an| an einem)? {WEEKDAY}", _weekday_ahead),
    (rf"(?:in |innerhalb )?(?:den |der |die |von )?(?:{NEXT} )(?P<count>\d{{1,2}})? ?(?P<unit>tagen?|wochen)", _few),
    (r"innerhalb (?:von |der )?(?P<count>\d{1,2}) (?P<unit>tage?n?|wochen?)", _few),
    (rf"innerhalb (?:der )?{NEXT} (?P<count>)(?P<unit>woche)", _few),
    (r"in (?:ein )?paar tagen", lambda _m, today: Period((Days(today + DAY, today + WEEK),))),
    (r"in einem vierteljahr|in 3 monaten", lambda _m, today: Day((today + relativedelta(months=3),))),
    (r"in einem halben jahr|in einem halbjahr", lambda _m, today: Day((today + relativedelta(months=6),))),
    (r"in einem jahr", lambda _m, today: Day((today + relativedelta(years=1),))),
)  # fmt: skip
