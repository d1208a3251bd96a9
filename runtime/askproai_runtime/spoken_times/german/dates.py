"""The German families of dates (`27.11.`, `am fünften Dezember`, `am 27.`, ISO) and of days that are counted from today.

Counted are `übermorgen`, `in zwei Wochen`, `Dienstag in acht Tagen`, `die nächsten drei Tage`.
"""

import re
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from askproai_runtime.spoken_times.atoms import Contradiction, Day, Days, Offset, Period
from askproai_runtime.spoken_times.dates import (
    ISO,
    date_in_month,
    day_of_month,
    days_ahead,
    iso_date,
    offset,
    weekday_in_days,
    weekday_in_weeks,
    with_slash,
)
from askproai_runtime.spoken_times.german.vocabulary import COUNT, MONTH, MONTHS, NEXT, WEEKDAY, WEEKDAYS, count
from askproai_runtime.spoken_times.rules import DAY, WEEK, Rule, past


def _numeric_date(match: re.Match[str], today: date) -> Day:
    return date_in_month(match, int(match["number"]), today)


def _named_month_date(match: re.Match[str], today: date) -> Day:
    return date_in_month(match, MONTHS[match["month"]], today)


DATES: tuple[Rule, ...] = (
    (ISO, iso_date),
    (r"(?P<day>\d{1,2})\. ?(?P<number>\d{1,2})\.(?: ?(?P<year>\d{4}|\d{2}(?! uhr|\d|:)))?", _numeric_date),
    (rf"(?P<day>\d{{1,2}})\.? {MONTH}(?: (?P<year>\d{{4}}))?", _named_month_date),
    (r"(?P<first>\d{1,2})/(?P<second>\d{1,2})(?:/(?P<year>\d{4}))?(?! ?(?:uhr|-|/|\d))", with_slash),
    (r"(?P<day>\d{1,2})\.", day_of_month),
    # Without dots, as speech is sometimes written down: "den 23 um 11", "am 24 11 um 14 uhr".
    (r"(?:den|dem) (?P<day>\d{1,2})(?![\d.:]| uhr| ?-)", day_of_month),
    (r"(?:am|den|dem) (?P<day>\d{1,2}) (?P<number>1[0-2]|[1-9])(?![\d.:]| uhr| ?-)(?P<year>)", _numeric_date),
)  # fmt: skip

_EIGHT = 8  # "in acht Tagen" is an idiom for a week
_DAYS_OF_WEEK = 7
_RELATIVE = {"heute": 0, "morgen": 1, "uebermorgen": 2, "ueberuebermorgen": 3}


def _ahead(start: date, match: re.Match[str]) -> Day:
    """Return the day that is as many days, weeks or months after `start` as the match says (`in acht Tagen` has two readings)."""
    number, unit = count(match), match["unit"]
    if unit.startswith("woche"):
        return Day((start + number * WEEK,))
    if unit.startswith("monat"):
        return Day((start + relativedelta(months=number),))
    if number == _EIGHT:
        return Day((start + WEEK, start + 8 * DAY))
    return Day((start + timedelta(days=number),))


def _weekday_ahead(match: re.Match[str], today: date) -> Day:
    """Return the day of `Dienstag in zwei Wochen`, `Dienstag in vierzehn Tagen`, `in acht Tagen am Dienstag`."""
    weekday, number, unit = WEEKDAYS[match["weekday"]], count(match), match["unit"]
    if unit.startswith("woche"):
        return weekday_in_weeks(weekday, number, today)
    if unit.startswith("monat"):
        raise Contradiction("a weekday is counted in weeks")
    return weekday_in_days(weekday, _DAYS_OF_WEEK if number == _EIGHT else number, today)


def _few(match: re.Match[str], today: date) -> Period:
    """Return a span from today that is as many days or weeks long as the match says: `die nächsten drei Tage`."""
    weeks = match["unit"].startswith("woche")
    number = int(match["count"]) if match["count"] else 1 if weeks else 7
    return Period((Days(today, today + number * (WEEK if weeks else DAY)),))


def _between_counts(match: re.Match[str], today: date) -> Period:
    unit = WEEK if match["unit"].startswith("woche") else DAY
    return Period((Days(today + int(match["count"]) * unit, today + int(match["most"]) * unit),))


def _offset(match: re.Match[str], _today: date) -> Offset:
    is_earlier = match.groupdict().get("side") in _EARLIER
    return offset(match, is_week=match["unit"].startswith("w"), is_earlier=is_earlier)


_EARLIER = frozenset({"frueher", "davor", "vorher", "zuvor"})
_SIDE = r"(?P<side>spaeter|danach|drauf|darauf|frueher|davor|vorher|zuvor)"
_UNIT = r"(?P<unit>tage?n?|wochen?|monate?n?)"
COUNTED_DAYS: tuple[Rule, ...] = (
    (rf"{COUNT} (?P<unit>tage?n?|wochen?) {_SIDE}", _offset),
    (rf"(?:die |der |den |dem |am |an dem |in der )*(?P<unit>tag|woche) {_SIDE}", _offset),
    (r"(?:die |der |den |dem |am |in der )*(?:folge(?=tag|woche)|(?:darauf)?folgende[nr]? )(?P<unit>tage?|woche)", _offset),
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
