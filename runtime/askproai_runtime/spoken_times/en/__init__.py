"""The English grammar: tables of rules that find the atoms. `spoken_times` combines and places them for all languages.

A time without am or pm may be in either half of the day, even `9:30`. A leading zero or an hour after twelve decides (`09:30`).
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from dateutil.relativedelta import relativedelta

from askproai_runtime.spoken_times.atoms import (
    Clock,
    Contradiction,
    Day,
    Days,
    Offset,
    Period,
    Third,
    TimeRange,
    Weekday,
    Which,
)
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
from askproai_runtime.spoken_times.en.tokens import MONTHS, NUMBERS, WEEKDAYS, WORDS, normalize
from askproai_runtime.spoken_times.grammar import Grammar
from askproai_runtime.spoken_times.months import (
    first_months,
    last_month,
    month_ahead,
    month_of,
    third_of_this_month,
    thirds_of,
    week_of_month,
)
from askproai_runtime.spoken_times.named_days import named, read_holidays
from askproai_runtime.spoken_times.rules import DAY, WEEK, Rule, past, past_weekday
from askproai_runtime.spoken_times.times import Rule as TimeRule
from askproai_runtime.spoken_times.times import hours_from_now, make_clock, minutes_from_now
from askproai_runtime.spoken_times.weekday_dates import (
    calendar_week,
    ordinal_weekday,
    third_of_week,
    week,
    week_of_date,
    weekends,
    working_week,
)

__all__ = ["GRAMMAR"]

_SEASONS, _THIRDS = WORDS.grammar.seasons, thirds_of(WORDS)
_HOLIDAY, _holiday_of = read_holidays(WORDS)
_WEEKDAY = rf"(?P<weekday>{'|'.join(WEEKDAYS)})"
_MONTH = rf"(?P<month>{'|'.join(MONTHS)})"
_DAY_NUMBER = r"(?P<day>\d{1,2})(?:th)?(?![\d:.])(?! ?(?:[ap]m|o'clock)\b)"
_YEAR = r"(?:(?: ,)? (?P<year>20\d\d))?"
_COUNT = r"(?P<count>\d{1,3}|an?)"
_UNIT = r"(?P<unit>days?|weeks?|months?|years?)"
_THIRD = r"(?:at )?(?:the )?(?P<third>early(?: in)?|beginning of|start of|mid|(?:in )?(?:the )?middle of|late(?: in)?|end of)"
_WHICH = {
    "this": Which.THIS,
    "this coming": Which.COMING,
    "coming": Which.COMING,
    "next": Which.NEXT,
    "following": Which.FOLLOWING,
    "the following": Which.FOLLOWING,
}


# Dates


def _dated(match: re.Match[str], today: date) -> Day:
    return date_in_month(match, MONTHS[match["month"]], today)


def _with_dots(match: re.Match[str], today: date) -> Day:
    return date_in_month(match, int(match["number"]), today)


_DATES: tuple[Rule, ...] = (
    (ISO, iso_date),
    (rf"(?:the )?{_DAY_NUMBER} (?:of )?{_MONTH}{_YEAR}(?! (?:the )?\d{{1,2}}th)", _dated),
    (rf"(?:in )?{_MONTH} (?:the )?{_DAY_NUMBER}{_YEAR}", _dated),
    (r"(?:the )?(?P<day>\d{1,2})th", day_of_month),
    (rf"(?:on|to) the {_DAY_NUMBER}(?![/-]| ?-| (?:{'|'.join(WEEKDAYS)}))", day_of_month),
    (r"(?P<first>\d{1,2})/(?P<second>\d{1,2})(?:/(?P<year>\d{4}))?", with_slash),
    (r"(?P<day>\d{1,2})\.(?P<number>\d{1,2})\.(?P<year>\d{4})?", _with_dots),
)  # fmt: skip


# Days counted from today


def _ahead(start: date, match: re.Match[str]) -> Day:
    number, unit = count(match), match["unit"]
    if unit.startswith("week"):
        return Day((start + number * WEEK,))
    if unit.startswith("month"):
        return Day((start + relativedelta(months=number),))
    if unit.startswith("year"):
        return Day((start + relativedelta(years=number),))
    return Day((start + timedelta(days=number),))


def _coming(match: re.Match[str], today: date) -> date:
    """Return the next date with the matched weekday, today not included."""
    return today + timedelta(days=(WEEKDAYS[match["weekday"]] - today.weekday()) % 7 or 7)


def _week_after_weekday(match: re.Match[str], today: date) -> Day:
    """Return the day of `a week from Tuesday` or `Tuesday week`."""
    coming = _coming(match, today)
    first = today if coming == today + WEEK else coming  # a week from Friday, on a Friday: it can count from today
    weeks = 2 if match.groupdict().get("fortnight") else count(match)
    return Day(tuple(sorted({first + weeks * WEEK, coming + weeks * WEEK})), counted=True)


def _weeks_after_day(match: re.Match[str], today: date) -> Day:
    """Return the day of `tomorrow week`, `two weeks tomorrow` or `today fortnight`."""
    weeks = 2 if match.groupdict().get("fortnight") else count(match) if match.groupdict().get("count") else 1
    return Day((today + (match["day"] == "tomorrow") * DAY + weeks * WEEK,))


def _weekday_ahead(match: re.Match[str], today: date) -> Day:
    """Return the day of `Tuesday in two weeks` or `in 14 days on Tuesday`."""
    number, weekday = count(match), WEEKDAYS[match["weekday"]]
    if match["unit"].startswith("week"):
        return weekday_in_weeks(weekday, number, today)
    return weekday_in_days(weekday, number, today)


def _next_days(match: re.Match[str], today: date) -> Period:
    unit = WEEK if match["unit"].startswith("week") else DAY
    number = int(match["count"]) if match["count"] and match["count"].isdecimal() else 7 if unit == DAY else 2
    return Period((Days(today, today + number * unit),))


def _offset(match: re.Match[str], _today: date) -> Offset:
    is_earlier = match.groupdict().get("side") in {"earlier", "before"}
    return offset(match, is_week=match["unit"].startswith("week"), is_earlier=is_earlier)


_BEHIND_OFFSET = r"(?= ?(?:$|,|on\b|at\b|please\b))"
_COUNTED: tuple[Rule, ...] = (
    (rf"{_COUNT} (?P<unit>days?|weeks?) (?P<side>later|earlier)", _offset),
    (rf"(?:{_COUNT} |the )?(?P<unit>days?|weeks?) (?P<side>after|before)(?:wards| that)?{_BEHIND_OFFSET}", _offset),
    (r"(?:on |in )?(?:the )?following (?P<unit>day|week)", _offset),
    (r"today", lambda _m, today: Day((today,))),
    (r"tomorrow", lambda _m, today: Day((today + DAY,))),
    (r"(?:the )?day after tomorrow", lambda _m, today: Day((today + 2 * DAY,))),
    (r"yesterday", lambda m, today: past(m, today, today - DAY)),
    (r"day before yesterday", lambda m, today: past(m, today, today - 2 * DAY)),
    (rf"last {_WEEKDAY}(?! (?:of|in)\b)", lambda m, today: past_weekday(m, today, WEEKDAYS[m["weekday"]])),
    (rf"last (?:week|month|year|night)(?! (?:of|in)\b)|{_COUNT} {_UNIT} ago", past),
    (rf"in {_COUNT} {_UNIT}(?:'?s?'? time)?", lambda m, today: days_ahead(_ahead(today, m), today)),
    (rf"{_COUNT} {_UNIT} from (?:today|now)", lambda m, today: _ahead(today, m)),
    (rf"{_COUNT} {_UNIT} from tomorrow", lambda m, today: _ahead(today + DAY, m)),
    (r"in (?:a couple of|a few|some) days", lambda _m, today: Period((Days(today + DAY, today + WEEK),))),
    (rf"{_COUNT} (?P<unit>weeks?) (?:from|on|after) {_WEEKDAY}", _week_after_weekday),
    (rf"(?:on )?{_WEEKDAY} (?P<count>a?)(?: )?(?:week(?! \d)|(?P<fortnight>fortnight))", _week_after_weekday),
    (r"(?P<day>today|tomorrow) (?:week|(?P<fortnight>fortnight))", _weeks_after_day),
    (rf"{_COUNT} weeks? (?:from )?(?P<day>today|tomorrow)", _weeks_after_day),
    (rf"{_WEEKDAY}(?: ?,)? in {_COUNT} (?P<unit>days?|weeks?)", _weekday_ahead),
    (rf"in {_COUNT} (?P<unit>days?|weeks?)(?:(?: ?,)? on(?: a)?| ?,) {_WEEKDAY}", _weekday_ahead),
    (r"(?:(?:within|in|over|during) )?(?:the )?(?:next|coming|following) (?P<count>\d{1,2}|few|couple of)? ?(?P<unit>days|weeks)",
     _next_days),
    (r"within (?P<count>\d{1,2}) (?P<unit>days?|weeks?)", _next_days),
)  # fmt: skip


# Weekdays and weeks


def _third(match: re.Match[str]) -> Third:
    return next((_THIRDS[word] for word in match["third"].split() if word in _THIRDS), Third.MIDDLE)


def _third_of_week(weeks: int | None) -> Callable[[re.Match[str], date], Period]:
    return lambda match, today: third_of_week(_third(match), weeks, today)


_WEEKS: tuple[Rule, ...] = (
    (rf"(?:(?P<which>{'|'.join(_WHICH)}) )?{_WEEKDAY}", lambda m, _: Weekday(WEEKDAYS[m["weekday"]], _WHICH.get(m["which"]))),
    (rf"{_WEEKDAY} next(?= ?(?:$|,|at\b|please\b))", lambda m, _: Weekday(WEEKDAYS[m["weekday"]], Which.NEXT)),
    (rf"(?:the )?{_WEEKDAY} after next", lambda m, _: Weekday(WEEKDAYS[m["weekday"]], Which.AFTER_NEXT)),
    (rf"(?:the )?(?:next )?{_WEEKDAY} after(?: that)?(?= ?(?:$|,|at\b|in\b|please\b))",
     lambda m, _: Weekday(WEEKDAYS[m["weekday"]], Which.FOLLOWING)),
    (r"(?:on |during |in )?(?:the )?(?:weekdays?|working (?:days?|week)|business days?)|during the week|in the week", working_week),
    (rf"(?:on )?{_WEEKDAY}s|(?:every|each|any) (?P<each>{'|'.join(WEEKDAYS)})",
     lambda m, _: Weekday(WEEKDAYS[m["weekday"] or m["each"]], habit=True)),
    (rf"(?:the )?(?:(?P<number>\d)th|last) {_WEEKDAY} (?:in|of) {_MONTH}",
     lambda m, today: ordinal_weekday(
         WEEKDAYS[m["weekday"]], MONTHS[m["month"]], int(m["number"]) if m["number"] else None, today)),
    (r"(?:calendar ?|in |of )*(?:week|kw|cw) ?(?:number |no )?(?P<week>\d{1,2})(?!th|\d)", calendar_week),
    (r"this week|later this week", lambda _m, today: week(today, 0)),
    (r"(?:the )?next week|the coming week", lambda _m, today: week(today, 1)),
    (r"(?:the )?week after next|in the week after next", lambda _m, today: week(today, 2)),
    (rf"{_THIRD} (?:the |this )?week", _third_of_week(None)),
    (rf"{_THIRD} next week", _third_of_week(1)),
    (rf"{_THIRD} (?:the )?week after next", _third_of_week(2)),
    (r"(?:at |on |over )*this weekend", weekends(0)),
    (r"(?:at |on |over |the |any )*weekends?", weekends(0, on_sunday=(0, 1))),
    (r"(?:at |on |over |this |the )*coming weekend", weekends(0, on_saturday=(1,))),
    (r"(?:the )?next weekend", weekends(0, 1, on_saturday=(1,))),
)  # fmt: skip


# Months and named days


def _month(match: re.Match[str], today: date) -> Period:
    year, third = int(match["year"]) if match["year"] else None, _third(match) if match["third"] else None
    return month_of(MONTHS[match["month"]], year, third, today)


def _month_from_now(months: int) -> Callable[[re.Match[str], date], Period]:
    return lambda match, today: month_ahead(months, _third(match) if match.groupdict().get("third") else None, today)


def _third_of_this_month(match: re.Match[str], today: date) -> Period:
    return third_of_this_month(Third.END if match["end"] else _third(match), today)


def _week_of_month(match: re.Match[str], today: date) -> Period:
    return week_of_month(MONTHS[match["month"]], int(match["number"]) if match["number"] else None, today)


def _week_of_date(match: re.Match[str], today: date) -> Period:
    return week_of_date(int(match["day"]), MONTHS.get(match["month"], 0), today)


_MONTHS: tuple[Rule, ...] = (
    (rf"(?:in )?(?:{_THIRD} )?{_MONTH}{_YEAR}", _month),
    (rf"{_THIRD} (?:the|this) month|(?:at )?month(?:'s)?[ -](?P<end>end)", _third_of_this_month),
    (r"(?:at )?(?:the )?end of (?:the|this) year|(?:at )?year(?:'s)?[ -]end", lambda _m, today: last_month(today)),
    (rf"(?:{_THIRD} )?next month", _month_from_now(1)),
    (r"(?:the )?month after next", _month_from_now(2)),
    (r"(?:later )?this month", _month_from_now(0)),
    (rf"(?:in )?(?:the )?week (?:of|commencing|beginning|starting)(?: on)?(?: the)? {_DAY_NUMBER}(?: (?:of )?{_MONTH})?",
     _week_of_date),
    (rf"(?:in )?(?:the )?week (?:of|commencing|beginning|starting)(?: on)? {_MONTH} {_DAY_NUMBER}", _week_of_date),
    (rf"(?:in )?(?:the )?(?:(?P<number>\d)th|last) week (?:of|in) {_MONTH}", _week_of_month),
    (rf"(?:in )?(?:the )?(?P<season>{'|'.join(_SEASONS)})", lambda m, today: first_months(_SEASONS[m["season"]], 3, today)),
    (r"next year", lambda _m, today: Period((Days(date(today.year + 1, 1, 1), date(today.year + 1, 12, 31)),))),
    (rf"(?:on )?{_HOLIDAY}", lambda m, today: named(_holiday_of(m), today)),
)  # fmt: skip


# Times

_NOON = 12
_HALF = r"(?: ?(?P<half>[ap]m))"
_HOUR = r"(?P<hour>\d{1,2})(?![\d.:/-])"
_OCLOCK = r"(?: o'clock)?"
_OF_MONTH = rf" (?:of )?(?:{'|'.join(MONTHS)})\b(?! (?:the )?\d)"
_FRACTION = r"(?:a )?(?P<step>half|quarter|5|10|20|25|\d{1,2}(?= minutes))(?: minutes)?"


def _at(hour: int, minute: int, half: str | None, *, is_exact: bool = False) -> Clock:
    """Return a clock time. Raises `ImpossibleTime` for a time that no day has, such as 14 pm."""
    if half is None:
        clock = make_clock(hour, minute)
        return replace(clock, is_bare=False) if is_exact else clock
    if not 1 <= hour <= _NOON:
        if half == "pm" and hour > _NOON:
            return make_clock(hour, minute)
        raise Contradiction("am and pm count twelve hours")
    return replace(make_clock(hour % _NOON + (_NOON if half == "pm" else 0), minute), is_bare=False)


def _hour(match: re.Match[str], _now: datetime) -> Clock:
    return _at(int(match["hour"]), int(match.groupdict().get("minute") or 0), match.groupdict().get("half"))


def _written(match: re.Match[str], _now: datetime) -> Clock:
    is_exact = match["hour"].startswith("0") or int(match["hour"]) > _NOON
    return _at(int(match["hour"]), int(match["minute"]), match["half"] or None, is_exact=is_exact)


def _four_digits(match: re.Match[str], _now: datetime) -> Clock:
    return _at(int(match["hour"]), int(match["minute"]), None, is_exact=True)


def _beside(match: re.Match[str], _now: datetime) -> Clock:
    """Return the time of `half past three`, `a quarter to five` or `ten to twelve`."""
    step = {"half": 30, "quarter": 15}.get(match["step"]) or int(match["step"])
    hour, half = int(match["hour"]), match["half"]
    if match["side"] in {"past", "after"}:
        return _at(hour, step, half)
    if step == 30 or step >= 60 or hour > _NOON:  # noqa: PLR2004
        raise Contradiction("nobody says half to, or twenty to twenty-two")
    said = _at(hour, 0, half)
    if said.is_bare:
        before = hour - 1 or _NOON
        return _at(before, 60 - step, None)
    return replace(make_clock((said.hour - 1) % 24, 60 - step), is_bare=False)


def _open(match: re.Match[str], _now: datetime) -> Clock:
    """Raise `Contradiction` for `ten to twelve` without `at`: it can be 11:50, or from ten to twelve."""
    raise Contradiction(match[0])


def _half_hour(match: re.Match[str], _now: datetime) -> Clock:
    """Return the time of `half seven`: 7:30 in Britain, and 6:30 to a German speaker."""
    hour, half = int(match["hour"]), match["half"]
    if not 1 <= hour <= _NOON:
        raise Contradiction("half fourteen")
    return replace(_at(hour, 30, half), other=_at(hour - 1 or _NOON, 30, half))


def _range(match: re.Match[str], _now: datetime) -> TimeRange:
    def one(end: str) -> Clock:
        is_exact = match[end].startswith("0") or int(match[end]) > _NOON
        return _at(int(match[end]), int(match[f"{end}_minute"] or 0), match["half"], is_exact=is_exact)

    return TimeRange(one("from"), one("to"))


_TO_HOUR = r"(?P<to>\d{1,2})(?::(?P<to_minute>\d{2}))?(?![\d.:/-]|th)(?: ?(?P<half>[ap]m))?"
_EXACTLY_NOON = Clock(12, 0, is_bare=False)
_CLOCKS: tuple[TimeRule, ...] = (
    (rf"(?:at )?(?P<hour>\d{{1,2}})[:.](?P<minute>\d{{2}})(?::\d{{2}})?{_HALF}", _written),
    (r"(?:at )?(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::\d{2})?(?P<half>)?", _written),
    (rf"(?:at )?{_HOUR} (?P<minute>[0-5]\d)(?![\d.:/]| ?o'clock|th|{_OF_MONTH})(?: ?(?P<half>[ap]m))?", _hour),
    (rf"(?:at )?{_HOUR}{_OCLOCK}{_HALF}", _hour),
    (rf"(?:at )?{_HOUR} o'clock", _hour),
    (rf"at {_HOUR}", _hour),
    (rf"{_HOUR}(?=(?:(?: ?,| ?/| or| and)+ ?(?:at )?\d{{1,2}}(?::\d\d)?(?![\d.:]))+ ?[ap]m)", _hour),
    (rf"{_HOUR}(?= (?:in the|at|today|tomorrow) (?:morning|afternoon|evening|night))", _hour),
    (rf"(?P<step>5|10) (?:to|till) {_HOUR}{_OCLOCK}{_HALF}?", _open),
    (rf"(?:at )?{_FRACTION} (?P<side>past|after|to|before|till|of) {_HOUR}{_OCLOCK}{_HALF}?", _beside),
    (r"(?:at )?(?:12 )?(?:noon|midday)", lambda _m, _n: _EXACTLY_NOON),
    (r"(?:at )?(?:12 )?midnight", lambda _m, _n: Clock(0, 0, is_bare=False, next_day=True)),
    (rf"(?P<from>\d{{1,2}})(?::(?P<from_minute>\d{{2}}))? ?- ?{_TO_HOUR}", _range),
    (rf"(?P<from>\d{{1,2}})(?P<from_minute>) ?to ?{_TO_HOUR}", _range),
    (rf"(?P<from>\d{{1,2}}):(?P<from_minute>\d{{2}}) ?(?:to|till|until) ?{_TO_HOUR}", _range),
    (rf"(?:at )?half {_HOUR}{_OCLOCK}{_HALF}?", _half_hour),
    (r"(?P<hour>[01]\d|2[0-4])(?P<minute>[0-5][05])(?<!20[0-9][05])", _four_digits),
)  # fmt: skip


def _few(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 3


_SPANS: tuple[TimeRule, ...] = (
    (r"in (?P<count>\d{1,3}|an?) (?P<unit>minute|hour)s?",
     lambda m, now: minutes_from_now(now, count(m) * (60 if m["unit"] == "hour" else 1))),
    (r"in half an hour", lambda _m, now: minutes_from_now(now, 30)),
    (r"in (?:an hour and a half|1 and a half hours)", lambda _m, now: minutes_from_now(now, 90)),
    (r"(?:within|in) the next (?P<count>\d{1,2}|couple of|few)? ?hours", lambda m, now: hours_from_now(now, _few(m["count"]))),
)  # fmt: skip

GRAMMAR: Final = Grammar.of(
    WORDS,
    days=(*DAY_RANGES, *_DATES, *_COUNTED, *_WEEKS, *_MONTHS),
    times=_CLOCKS,
    spans=_SPANS,
    normalize=normalize,
    bare_hour=r"(?P<hour>\d{1,2})(?![\d.:/-]|th| (?:days?|weeks?|months?|hours?|minutes?)\b)",
    numbers=NUMBERS,
    weekdays=WEEKDAYS,
    hour_prefix="at",
    day_form="the {day}th",
    counts_to_24=False,
)
