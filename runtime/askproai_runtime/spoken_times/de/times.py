"""The German rules for times: clock times, and spans from now, such as `in einer halben Stunde`."""

import re
from dataclasses import replace
from datetime import datetime

from askproai_runtime.spoken_times.atoms import Clock, Instant, TimeRange
from askproai_runtime.spoken_times.de.vocabulary import MONTHS
from askproai_runtime.spoken_times.times import (
    Rule,
    clock_at,
    hours_from_now,
    minute_of,
    minutes_from_now,
    span_from_now,
)

_HOUR = r"(?P<hour>\d{1,2}|ein)(?![\d.:])"
# "Am 3 nachmittags" and "Dezember 3 nachmittags" may be a day of the month.
_NO_DATE = "".join(rf"(?<!\b{word} )" for word in ("am", "den", "dem", "der", "vom", *MONTHS))
_PART_OF_DAY = r"(?:am morgen|(?:am |in der )?(?:(?:vor|nach)?mittags?|morgens|abends?|nachts?|frueh))\b"
# Behind "10" in "10, 11 oder 15 Uhr".
_NEXT_HOURS = r"(?:(?: ?,| ?/| oder| und| bzw)+ ?(?:um )?\d{1,2}(?::\d\d)?(?![\d.:]))+"
_OF_HOUR = r"(?:(?P<half>halb|viertel|dreiviertel) )?(?P<hour>\d{1,2})(?![\d.:])(?: uhr)?"
_FRACTIONS = {"viertel": -45, "halb": -30, "dreiviertel": -15, None: 0}  # minutes before the hour that is named


def _written(match: re.Match[str], _now: datetime) -> Clock:
    """Return a time that was written with two digits of minutes: the half of the day is certain."""
    hour, minute = int(match["hour"]), minute_of(match["minute"])
    return replace(clock_at(hour * 60 + minute, hour), is_bare=False)


def _hour(match: re.Match[str], _now: datetime) -> Clock:
    hour = 1 if match["hour"] == "ein" else int(match["hour"])
    past = match.groupdict().get("minute")
    return clock_at(hour * 60 + (minute_of(past) if past else 0), hour)


def _beside(match: re.Match[str], _now: datetime) -> Clock:
    """Return the time of `zehn vor drei`, `fünf nach halb drei` or `viertel nach drei`."""
    step = 15 if match["step"] == "viertel" else minute_of(match["step"])
    hour = int(match["hour"])
    return clock_at(hour * 60 + _FRACTIONS[match["half"]] + (-step if match["side"] == "vor" else step), hour)


def _fraction(match: re.Match[str], _now: datetime) -> Clock:
    hour = int(match["hour"])
    return clock_at(hour * 60 + _FRACTIONS[match["half"]], hour)


def _hours(match: re.Match[str], _now: datetime) -> TimeRange:
    def one(hour: str, minute: str | None) -> Clock:
        found = clock_at(int(hour) * 60 + (minute_of(minute) if minute else 0), int(hour))
        return found if minute is None else replace(found, is_bare=False)

    return TimeRange(one(match["from"], match["from_minute"]), one(match["to"], match["to_minute"]))


def _hours_and_minutes(match: re.Match[str], _now: datetime) -> TimeRange:
    """Return the range of `13 Uhr bis 15 Uhr 30`. An end that alone may be in either half of the day may be so here, too."""
    first, last = int(match["from"]), int(match["to"])
    begin = first * 60 + minute_of(match["from_minute"] or "0")
    return TimeRange(clock_at(begin, first), clock_at(last * 60 + minute_of(match["to_minute"]), last))


# "am 10-11" can be two days.
_BARE_HOURS = (
    r"(?<!am )(?<!den )(?<!dem )(?<!vom )(?<!kw )(?P<from>\d{1,2})(?::(?P<from_minute>\d{2}))? ?(?:-|bis) ?"
    r"(?P<to>\d{1,2})(?::(?P<to_minute>\d{2}))?(?![\d.:/-]| ?(?:-|\d))"
)
CLOCKS: tuple[Rule, ...] = (
    (r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::\d{2})?(?: uhr)?", _written),
    (r"(?P<hour>\d{1,2})\.(?P<minute>\d{2}) uhr", _written),
    (r"(?P<hour>[01]\d|2[0-4])(?P<minute>[0-5][05])(?: uhr)?(?<!20[0-9][05])", _written),
    (r"(?:um )?(?P<hour>\d{1,2}) (?P<minute>[0-5]\d)(?! ?(?:uhr|\d|minuten|nach|vor|-))(?![.:])", _written),
    (r"(?:um |punkt )?(?P<hour>\d{1,2}|ein) uhr(?: (?:und )?(?:0 )?(?P<minute>\d{1,2})(?![\d.:])(?: min(?:uten)?)?)?", _hour),
    (rf"(?:um|punkt|schlag|um punkt) {_HOUR}(?: uhr)?", _hour),
    (rf"(?:um )?(?P<step>\d{{1,2}}|viertel) (?:minuten )?(?P<side>vor|nach|ueber) {_OF_HOUR}", _beside),
    (rf"(?:um )?(?P<step>viertel) (?P<side>ab) {_OF_HOUR}", _beside),
    (r"(?P<half>halb|viertel|dreiviertel) (?P<hour>\d{1,2})(?![\d.:])(?: uhr)?", _fraction),
    (r"um mitternacht|mitternacht|0 uhr|24:00(?: uhr)?|24 uhr", lambda _m, _n: Clock(0, 0, is_bare=False, next_day=True)),
    (rf"(?:um )?{_HOUR}(?={_NEXT_HOURS} ?uhr)", _hour),
    (rf"{_HOUR}(?= (?:rum|herum)\b)", _hour),
    (rf"{_NO_DATE}(?P<hour>[01]?\d|2[0-4])(?= {_PART_OF_DAY})", _hour),
    (r"(?P<from>\d{1,2})(?::(?P<from_minute>\d{2}))?(?: uhr)? ?(?:-|bis) ?(?P<to>\d{1,2})(?::(?P<to_minute>\d{2}))?(?: uhr| h)",
     _hours),
    (_BARE_HOURS, _hours),
    (r"(?P<from>\d{1,2})(?: uhr(?: (?P<from_minute>\d{2}))?)? ?(?:-|bis) ?(?P<to>\d{1,2}) uhr (?P<to_minute>\d{2})(?![\d.:])",
     _hours_and_minutes),
)  # fmt: skip

_SPAN = (
    r"(?:(?P<number>\d{1,3}|eine[rn]?) ?)?(?P<unit>minuten?|stunden?"
    r"|halben stunde|halbe stunde|viertelstunde|dreiviertelstunde)"
)
_MINUTES = {
    "minute": 1, "minuten": 1, "stunde": 60, "stunden": 60, "halben stunde": 30, "halbe stunde": 30, "viertelstunde": 15,
    "dreiviertelstunde": 45,
}  # fmt: skip


def _in_span(match: re.Match[str], now: datetime) -> Instant:
    number = match["number"]
    count = int(number) if number and number.isdecimal() else 1
    minutes = count * _MINUTES[match["unit"]] + int(match.groupdict().get("more") or 0)
    return minutes_from_now(now, minutes)


def _in_hours(match: re.Match[str], now: datetime) -> Instant:
    first = int(match["from"]) if match["from"].isdecimal() else 1
    return span_from_now(now, first * 60, int(match["to"]) * 60)


SPANS: tuple[Rule, ...] = (
    (rf"in {_SPAN}(?: und (?P<more>\d{{1,2}}) minuten)?", _in_span),
    (r"in einer (?:guten|knappen) stunde", lambda _m, now: minutes_from_now(now, 60)),
    (r"innerhalb (?:der|von) (?:naechsten )?(?P<hours>\d{1,2}) stunden",
     lambda m, now: hours_from_now(now, int(m["hours"]))),
    (r"in (?:anderthalb|eineinhalb|1einhalb) stunden", lambda _m, now: minutes_from_now(now, 90)),
    (r"in (?P<hours>zwei|drei|vier)einhalb stunden",
     lambda m, now: minutes_from_now(now, {"zwei": 2.5, "drei": 3.5, "vier": 4.5}[m["hours"]] * 60)),
    (r"in (?P<from>\d{1,2}|ein|einer)(?: bis| oder|,| ,)? (?P<to>\d{1,2}) stunden", _in_hours),
)  # fmt: skip
