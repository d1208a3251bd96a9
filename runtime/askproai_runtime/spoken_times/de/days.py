"""The German rules for days: dates, days that are counted from today, weekdays, weeks, months, seasons, and names of days.

Counted days are `übermorgen`, `in zwei Wochen`, `Dienstag in acht Tagen`, `die nächsten drei Tage`.
"""

import re
from collections.abc import Callable
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from askproai_runtime.spoken_times.atoms import Contradiction, Day, Days, Offset, Period, Third, Weekday, Which
from askproai_runtime.spoken_times.dates import (
    ISO,
    count,
    date_in_month,
    day_of_month,
    days_ahead,
    iso_date,
    offset,
    weekday_in_days,
    weekday_in_weeks,
    with_slash,
)
from askproai_runtime.spoken_times.day_ranges import DAY_RANGES
from askproai_runtime.spoken_times.de.vocabulary import MONTHS, WEEKDAYS, WORDS
from askproai_runtime.spoken_times.months import (
    first_months,
    half_of_month,
    month_ahead,
    month_of,
    next_quarter,
    rest_of_year,
    third_of_this_month,
    third_of_year,
    thirds_of,
    week_of_month,
    year_ahead,
)
from askproai_runtime.spoken_times.named_days import (
    beside_named,
    bridge_day,
    named,
    read_holidays,
    week_beside_named,
    weekday_beside_named,
)
from askproai_runtime.spoken_times.rules import DAY, WEEK, Rule, monday, past, past_weekday
from askproai_runtime.spoken_times.weekday_dates import (
    calendar_week,
    ordinal_weekday,
    third_of_calendar_week,
    third_of_week,
    week,
    week_of_date,
    weekends,
    working_week,
)

_SEASONS, _THIRDS = WORDS.grammar.seasons, thirds_of(WORDS)
_HOLIDAY, _holiday_of = read_holidays(WORDS)
_YEAR = r"\d{4}|(?:2[5-9]|[3-9]\d)(?!\d)"  # up to 24, two digits are an hour: "10.12. 10 oder 11 Uhr"
_COUNT = r"(?P<count>\d{1,3}|eine[rmn]?|ein)"
_WEEKDAY = rf"(?P<weekday>{'|'.join(WEEKDAYS)})"
_MONTH = rf"(?P<month>{'|'.join(MONTHS)})"
_NEXT = r"(?:naechste[rnms]?|kommende[rnms]?)"
_OVERNEXT = r"uebernaechste[rnms]?"
_LAST = r"(?:letzte[rnms]?|vorige[rnms]?|vergangene[rnms]?)"
_THIRD = rf"(?P<third>{'|'.join(_THIRDS)})"


# Dates


def _numeric_date(match: re.Match[str], today: date) -> Day:
    return date_in_month(match, int(match["number"]), today)


def _named_month_date(match: re.Match[str], today: date) -> Day:
    return date_in_month(match, MONTHS[match["month"]], today)


_DATES: tuple[Rule, ...] = (
    (ISO, iso_date),
    (rf"(?P<day>\d{{1,2}})\. ?(?P<number>\d{{1,2}})\.(?: ?(?P<year>{_YEAR}))?", _numeric_date),
    (rf"(?P<day>\d{{1,2}})\.? {_MONTH}(?: (?P<year>\d{{4}}))?", _named_month_date),
    (r"(?P<first>\d{1,2})/(?P<second>\d{1,2})(?:/(?P<year>\d{4}))?(?! ?(?:uhr|-|/|\d))", with_slash),
    (r"(?P<day>\d{1,2})\.", day_of_month),
    # Without dots, as speech is sometimes written down: "den 23 um 11", "am 24 11 um 14 uhr".
    (r"(?:am(?! \d+ (?:\w*mittag|abend|morgen|frueh))|den|dem) (?P<day>\d{1,2})(?![\d.:/]| uhr| ?-)", day_of_month),
    (r"(?:am|den|dem) (?P<day>\d{1,2})[. ](?P<number>1[0-2]|0?[1-9])(?![\d.:]| uhr| ?-)(?P<year>)", _numeric_date),
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
_COUNTED: tuple[Rule, ...] = (
    (rf"{_COUNT} (?P<unit>tage?n?|wochen?) {_SIDE}", _offset),
    (rf"(?:die |der |den |dem |am |an dem |in der )*(?P<unit>tag|woche) {_SIDE}", _offset),
    (r"(?:die |der |den |dem |am |in der )*(?:folge(?=tag|woche)|(?:darauf)?folgende[nr]? )(?P<unit>tage?|woche)", _offset),
    (rf"(?P<relative>{'|'.join(_RELATIVE)})", lambda m, today: Day((today + timedelta(days=_RELATIVE[m["relative"]]),))),
    (r"gestern", lambda m, today: past(m, today, today - DAY)),
    (r"vorgestern", lambda m, today: past(m, today, today - 2 * DAY)),
    (rf"vor {_COUNT} (?:tage?n?|wochen?|monate?n?)", past),
    (rf"(?P<relative>heute|morgen|uebermorgen) in {_COUNT} {_UNIT}",
     lambda m, today: _ahead(today + timedelta(days=_RELATIVE[m["relative"]]), m)),
    (rf"in {_COUNT} {_UNIT}", lambda m, today: days_ahead(_ahead(today, m), today)),
    (r"in (?P<count>\d{1,2})(?: bis| oder|,| ,)? (?P<most>\d{1,2}) (?P<unit>tage?n?|wochen?)", _between_counts),
    (rf"{_WEEKDAY}(?: ?,)? in {_COUNT} {_UNIT}", _weekday_ahead),
    (rf"in {_COUNT} (?P<unit>tage?n?|wochen?)(?: ?,)?(?: am| an| an einem)? {_WEEKDAY}", _weekday_ahead),
    (rf"(?:in |innerhalb )?(?:den |der |die |von )?(?:{_NEXT} )(?P<count>\d{{1,2}})? ?(?P<unit>tagen?|wochen)", _few),
    (r"innerhalb (?:von |der )?(?P<count>\d{1,2}) (?P<unit>tage?n?|wochen?)", _few),
    (rf"innerhalb (?:der )?{_NEXT} (?P<count>)(?P<unit>woche)", _few),
    (r"in (?:ein )?paar tagen", lambda _m, today: Period((Days(today + DAY, today + WEEK),))),
    (r"in einem vierteljahr|in 3 monaten", lambda _m, today: Day((today + relativedelta(months=3),))),
    (r"in einem halben jahr|in einem halbjahr", lambda _m, today: Day((today + relativedelta(months=6),))),
    (r"in einem jahr", lambda _m, today: Day((today + relativedelta(years=1),))),
)  # fmt: skip


# Weekdays and weeks

_WHICH = {
    "diese": Which.THIS, "kommende": Which.COMING, "naechste": Which.NEXT, "uebernaechste": Which.AFTER_NEXT,
    "darauffolgende": Which.FOLLOWING, "folgende": Which.FOLLOWING,
}  # fmt: skip


def _which(adjective: str | None) -> Which | None:
    return next((which for stem, which in _WHICH.items() if adjective and adjective.startswith(stem)), None)


def _ordinal_weekday(match: re.Match[str], today: date) -> Day:
    number = None if match["number"] is None else int(match["number"])
    return ordinal_weekday(WEEKDAYS[match["weekday"]], MONTHS[match["month"]], number, today)


_WEEKDAYS: tuple[Rule, ...] = (
    (rf"(?:(?P<which>diese[nrm]?|{_NEXT}|{_OVERNEXT}|(?:darauf)?folgende[nrm]?) )?{_WEEKDAY}",
     lambda m, _: Weekday(WEEKDAYS[m["weekday"]], _which(m["which"]))),
    (rf"(?:immer )?{_WEEKDAY}s", lambda m, _: Weekday(WEEKDAYS[m["weekday"]], habit=True)),
    (rf"jede[nr]? {_WEEKDAY}", lambda m, _: Weekday(WEEKDAYS[m["weekday"]], habit=True)),
    (rf"jede woche(?: am| immer)? {_WEEKDAY}s?(?! ?(?:,|und|oder))", lambda m, _: Weekday(WEEKDAYS[m["weekday"]], habit=True)),
    (rf"{_LAST} {_WEEKDAY}(?! (?:im|des|dieses) )", lambda m, today: past_weekday(m, today, WEEKDAYS[m["weekday"]])),
    (rf"(?:(?P<number>\d)\.|letzte[nr]?) {_WEEKDAY} (?:im|in|des) {_MONTH}", _ordinal_weekday),
)  # fmt: skip


def _third_of_calendar_week(match: re.Match[str], today: date) -> Period:
    return third_of_calendar_week(match, _THIRDS[match["third"]], today)


def _week_of_date(match: re.Match[str], today: date) -> Period:
    """Return the week of the date in `die Woche vom 7. Dezember`, `vom 7.12.` or `vom 7.`."""
    named = match.groupdict()
    month = MONTHS[named["month"]] if named.get("month") else int(named.get("number") or 0)
    return week_of_date(int(match["day"]), month, today)


def _third_of_week(weeks: int | None) -> Callable[[re.Match[str], date], Period]:
    return lambda match, today: third_of_week(_THIRDS[match["third"]], weeks, today)


_WEEKS: tuple[Rule, ...] = (
    (r"diese[rn]? woche(?: noch)?|noch diese woche|die woche noch|noch die woche", lambda _m, today: week(today, 0)),
    (rf"{_NEXT} woche", lambda _m, today: week(today, 1)),
    (rf"{_OVERNEXT} woche", lambda _m, today: week(today, 2)),
    (rf"{_NEXT} (?:oder|und) {_OVERNEXT} woche", lambda _m, today: Period((Days(monday(today, 1), monday(today, 3) - DAY),))),
    (rf"{_LAST} woche(?: {'(?:' + '|'.join(WEEKDAYS) + ')'})?", past),
    (r"kw (?P<week>\d{1,2})\.?", calendar_week),
    (r"(?P<week>\d{1,2})\. kw", calendar_week),
    (rf"{_THIRD}(?: der)? kw (?P<week>\d{{1,2}})\.?", _third_of_calendar_week),
    (rf"woche (?:vom|ab dem|um den|mit dem) (?P<day>\d{{1,2}})\.? {_MONTH}", _week_of_date),
    (r"woche (?:vom|ab dem|um den|mit dem) (?P<day>\d{1,2})\.(?: ?(?P<number>\d{1,2})\.?)?", _week_of_date),
    (rf"{_THIRD}(?: der| dieser)? woche", _third_of_week(None)),
    (rf"{_THIRD}(?: der)? {_NEXT} woche", _third_of_week(1)),
    (rf"{_THIRD}(?: der)? {_OVERNEXT} woche", _third_of_week(2)),
    (r"diese[rnms]? wochenende", weekends(0)),
    (r"(?:der |die |des )?wochenende", weekends(0, on_sunday=(0, 1))),
    (r"kommende[sn]? wochenende", weekends(0, on_saturday=(1,))),
    (r"naechste[sn]? wochenende", weekends(0, 1, on_saturday=(1,))),
    (rf"{_OVERNEXT} wochenende", weekends(1, 2, on_saturday=(2,))),
    (r"unter der woche|wochentage?[ns]?|werktag", working_week),
)  # fmt: skip


# Months, and days that have names


def _third(match: re.Match[str]) -> Third | None:
    said = match.groupdict().get("third")
    return _THIRDS[said] if said else None


def _month(match: re.Match[str], today: date) -> Period:
    return month_of(MONTHS[match["month"]], int(match["year"]) if match["year"] else None, _third(match), today)


def _month_ahead(months: int) -> Callable[[re.Match[str], date], Period]:
    return lambda match, today: month_ahead(months, _third(match), today)


def _half_of_month(match: re.Match[str], today: date) -> Period:
    return half_of_month(MONTHS[match["month"]], is_first=match["half"] == "1", today=today)


def _week_of_month(match: re.Match[str], today: date) -> Period:
    return week_of_month(MONTHS[match["month"]], int(match["number"]) if match["number"] else None, today)


_MONTHS: tuple[Rule, ...] = (
    (rf"{_LAST} (?:monat|jahr|quartal)", past),
    (rf"(?:{_THIRD} )?{_MONTH}(?: (?P<year>\d{{4}}))?", _month),
    (rf"(?:{_THIRD} )?(?:des )?{_NEXT} monate?s?", _month_ahead(1)),
    (rf"(?:{_THIRD} )?(?:des )?{_OVERNEXT} monate?s?", _month_ahead(2)),
    (r"diesen monat(?: noch)?|noch diesen monat|in diesem monat", _month_ahead(0)),
    (rf"{_THIRD} (?:des|dieses|vom) monats?", lambda m, today: third_of_this_month(_THIRDS[m["third"]], today)),
    (rf"(?P<half>1|2)\. haelfte im {_MONTH}", _half_of_month),
    (rf"(?:(?P<number>\d)\.|letzte[nr]?) woche im {_MONTH}", _week_of_month),
    (r"(?P<quarter>[1-4])\. quartal", lambda m, today: first_months(int(m["quarter"]) * 3 - 2, 3, today)),
    (rf"{_NEXT} quartal", lambda _m, today: next_quarter(today)),
    (rf"(?P<season>{'|'.join(_SEASONS)})", lambda m, today: first_months(_SEASONS[m["season"]], 3, today)),
    (rf"(?:{_THIRD} )?(?:des )?(?:{_NEXT}|neuen) jahre?s?", lambda m, today: year_ahead(_third(m), today)),
    (rf"{_THIRD} (?:des|dieses) jahres", lambda m, today: third_of_year(_THIRDS[m["third"]], today)),
    (r"(?:noch )?(?:in )?diese[ms]? jahr(?: noch)?", lambda _m, today: rest_of_year(today)),
)  # fmt: skip


def _is_before(match: re.Match[str]) -> bool:
    return match["side"] == "vor"


_NAMED_DAYS: tuple[Rule, ...] = (
    (_HOLIDAY, lambda m, today: named(_holiday_of(m), today)),
    (rf"(?:letzte[nr]? )?tag (?P<side>vor|nach) {_HOLIDAY}",
     lambda m, today: beside_named(_holiday_of(m), today, is_before=_is_before(m))),
    (rf"(?:letzte[nr]? |1\. )?{_WEEKDAY} (?P<side>vor|nach) {_HOLIDAY}",
     lambda m, today: weekday_beside_named(WEEKDAYS[m["weekday"]], _holiday_of(m), today, is_before=_is_before(m))),
    (rf"woche (?P<side>vor|nach) {_HOLIDAY}", lambda m, today: week_beside_named(_holiday_of(m), today, is_before=_is_before(m))),
    (rf"brueckentag nach {_HOLIDAY}", lambda m, today: bridge_day(_holiday_of(m), today)),
)  # fmt: skip

DAYS: tuple[Rule, ...] = (*DAY_RANGES, *_DATES, *_COUNTED, *_WEEKDAYS, *_WEEKS, *_MONTHS, *_NAMED_DAYS)
