"""The English families of days: dates, days counted from today, weekdays, weeks and months."""

import re
from collections.abc import Callable
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from askproai_runtime.spoken_times.atoms import Day, Days, Offset, Period, Soon, Third, Weekday, Which
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
from askproai_runtime.spoken_times.day_ranges import DAY_RANGES
from askproai_runtime.spoken_times.english.preferences import LATEST
from askproai_runtime.spoken_times.english.vocabulary import MONTHS, WEEKDAYS
from askproai_runtime.spoken_times.months import (
    first_months,
    last_month,
    month_ahead,
    month_of,
    third_of_this_month,
    week_of_month,
)
from askproai_runtime.spoken_times.named_days import fixed, from_easter, named
from askproai_runtime.spoken_times.rules import DAY, WEEK, Rule, past
from askproai_runtime.spoken_times.weekday_dates import (
    calendar_week,
    ordinal_weekday,
    third_of_week,
    week,
    week_of_date,
    weekends,
    working_week,
)

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
_THIRDS = {
    "early": Third.BEGIN, "beginning": Third.BEGIN, "start": Third.BEGIN, "late": Third.END, "end": Third.END,
}  # fmt: skip


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
    (r"(?P<first>\d{1,2})/(?P<second>\d{1,2})(?:/(?P<year>\d{4}))?", with_slash),
    (r"(?P<day>\d{1,2})\.(?P<number>\d{1,2})\.(?P<year>\d{4})?", _with_dots),
)  # fmt: skip


# Days counted from today


def _count(match: re.Match[str]) -> int:
    return int(match["count"]) if match["count"].isdecimal() else 1


def _ahead(start: date, match: re.Match[str]) -> Day:
    number, unit = _count(match), match["unit"]
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
    weeks = 2 if match.groupdict().get("fortnight") else _count(match)
    return Day(tuple(sorted({first + weeks * WEEK, coming + weeks * WEEK})), ahead=True)


def _weeks_after_day(match: re.Match[str], today: date) -> Day:
    """Return the day of `tomorrow week`, `two weeks tomorrow` or `today fortnight`."""
    weeks = 2 if match.groupdict().get("fortnight") else _count(match) if match.groupdict().get("count") else 1
    return Day((today + (match["day"] == "tomorrow") * DAY + weeks * WEEK,))


def _weekday_ahead(match: re.Match[str], today: date) -> Day:
    """Return the day of `Tuesday in two weeks` or `in 14 days on Tuesday`."""
    number, weekday = _count(match), WEEKDAYS[match["weekday"]]
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
    (rf"yesterday|last (?:week|month|year|night|{'|'.join(WEEKDAYS)})(?! (?:of|in)\b)|{_COUNT} {_UNIT} ago", past),
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
    words = match["third"].split()
    return next((_THIRDS[word] for word in words if word in _THIRDS), Third.MIDDLE)


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


def _month_from_now(count: int) -> Callable[[re.Match[str], date], Period]:
    return lambda match, today: month_ahead(count, _third(match) if match.groupdict().get("third") else None, today)


def _third_of_this_month(match: re.Match[str], today: date) -> Period:
    return third_of_this_month(Third.END if match["end"] else _third(match), today)


def _week_of_month(match: re.Match[str], today: date) -> Period:
    return week_of_month(MONTHS[match["month"]], int(match["number"]), today)


def _week_of_date(match: re.Match[str], today: date) -> Period:
    return week_of_date(int(match["day"]), MONTHS.get(match["month"], 0), today)


_CHRISTMAS, _NEW_YEAR, _BETWEEN_THE_YEARS = fixed(12, 24, 26), fixed(1, 1), fixed(12, 27, 31)
_NAMED = {
    "christmas eve": fixed(12, 24), "christmas day": fixed(12, 25), "boxing day": fixed(12, 26),
    "new year's eve": fixed(12, 31), "new year's day": _NEW_YEAR, "valentine's day": fixed(2, 14),
    "good friday": from_easter(-2), "easter monday": from_easter(1), "easter sunday": from_easter(0),
    "halloween": fixed(10, 31), "christmas": _CHRISTMAS, "xmas": _CHRISTMAS, "easter": from_easter(0, 1),
    "new year": _NEW_YEAR, "between christmas and new year": _BETWEEN_THE_YEARS,
    "between christmas and new year's": _BETWEEN_THE_YEARS,
}  # fmt: skip


_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "winter": 12}
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
    (rf"(?:in )?(?:the )?(?P<number>\d)th week (?:of|in) {_MONTH}", _week_of_month),
    (rf"(?:in )?(?:the )?(?P<season>{'|'.join(_SEASONS)})", lambda m, today: first_months(_SEASONS[m["season"]], 3, today)),
    (r"next year", lambda _m, today: Period((Days(date(today.year + 1, 1, 1), date(today.year + 1, 12, 31)),))),
    (rf"(?:on )?(?P<named>{'|'.join(sorted(_NAMED, key=len, reverse=True))})", lambda m, today: named(_NAMED[m["named"]], today)),
)  # fmt: skip

_NEXT = r"(?:very )?(?:earliest|soonest|first|1th|nearest)"
_FREE = r"(?:possible|available|free)"
_MOMENT = r"(?:appointment|time|slot|date|opening|availability|1|space|opportunity)"
_YOU_HAVE = r"(?:(?:that )?you(?: have|'ve| can)(?: got| do| offer| manage)?|possible|available|free)"
_WHENEVER: tuple[Rule, ...] = tuple(
    (pattern, lambda _m, _today: Soon())
    for pattern in (
        r"as (?:soon|early|quickly) as (?:possible|you can|it gets)|asap|a\.?s\.?a\.?p|soon",
        rf"(?:at |in )?(?:the |your )?{_NEXT} {_YOU_HAVE}",
        rf"(?:the |your )?(?:very )?(?:earliest|next|1th|soonest) (?:{_FREE} )*{_MOMENT}(?: {_YOU_HAVE})?",
        rf"(?:the |your )?(?:very )?(?:earliest|next|1th|soonest) {_FREE}",
        r"(?:the )?(?:very )?(?:earliest|soonest)(?= (?:from|on|in|next|after|any)\b)",
        r"at (?:the |your )(?:very )?(?:earliest|next|1th) (?:convenience|opportunity)",
        r"whenever(?: (?:you like|you want|is fine|suits you|you have something(?: free)?|possible))?",
        r"any ?day|every day|(?:on )?any day|some ?time|some day|at some point",
        r"(?:right |straight )?now|right away|immediately|straight away",
        r"(?:i am|i'm) (?:quite |very |completely )?flexible|i don't mind(?: when)?|it doesn't matter(?: when)?",
        r"when (?:do you have|have you got|would you have|can i come|could i come)",
    )
)

DAYS: tuple[Rule, ...] = (*DAY_RANGES, *_DATES, *_COUNTED, *_WEEKS, *_MONTHS, *_WHENEVER, *LATEST)
