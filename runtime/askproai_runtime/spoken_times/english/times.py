"""The English families of times: clock times, parts of the day, and spans from now.

A time without am or pm may be in either half of the day, even `9:30`. A leading zero or an hour after twelve decides (`09:30`).
"""

import re
from dataclasses import replace
from datetime import datetime, time

from askproai_runtime.spoken_times.atoms import Clock, Contradiction, TimeRange
from askproai_runtime.spoken_times.english.vocabulary import MONTHS
from askproai_runtime.spoken_times.times import (
    Rule,
    hours_from_now,
    hours_of_day,
    make_clock,
    minutes_from_now,
    named_part,
)

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


def _half(match: re.Match[str], _now: datetime) -> Clock:
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
_CLOCKS: tuple[Rule, ...] = (
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
    (rf"(?:at )?half {_HOUR}{_OCLOCK}{_HALF}?", _half),
    (r"(?P<hour>[01]\d|2[0-4])(?P<minute>[0-5][05])(?<!20[0-9][05])", _four_digits),
)  # fmt: skip

BARE_HOUR = re.compile(r"(?P<hour>\d{1,2})(?![\d.:/-]|th| (?:days?|weeks?|months?|hours?|minutes?)\b)")


def bare_hour(match: re.Match[str]) -> Clock:
    """Return the full hour of a number that the pattern `BARE_HOUR` has matched. Its half of the day is open for 1 to 12."""
    return make_clock(int(match["hour"]), 0)


_THE = r"(?:in |at |during )?(?:the )?"
_PARTS: tuple[Rule, ...] = (
    (rf"{_THE}mornings?", named_part("morning")),
    (rf"{_THE}early morning|early in the morning", named_part("frueh")),
    (rf"{_THE}afternoons?", named_part("nachmittag")),
    (rf"{_THE}(?:evenings?|night)", named_part("abend")),
    (rf"{_THE}lunch ?time|(?:over|at|around) lunch|(?:during |in |on )?(?:my |the )?lunch (?:break|hour)|lunch",
     named_part("mittag")),
    (r"(?:at )?1th thing(?: in the morning| morning)?", named_part("frueh")),
    (rf"{_THE}late morning|late in the morning", hours_of_day(time(10, 30), time(12), "late morning")),
    (rf"{_THE}early afternoon|early in the afternoon", hours_of_day(time(12), time(14, 30), "early afternoon")),
    (rf"{_THE}late afternoon|late in the afternoon", hours_of_day(time(16), time(18), "late afternoon")),
    (rf"{_THE}early evening|early in the evening", hours_of_day(time(17), time(19), "early evening")),
    (rf"{_THE}late evening|late in the evening", hours_of_day(time(19), time(22), "late evening")),
    (r"after work", hours_of_day(time(17), time(22), "after work")),
    (r"before work", hours_of_day(None, time(9), "before work")),
    (r"all day|the whole day", hours_of_day(None, None, "")),
)  # fmt: skip

_SPANS: tuple[Rule, ...] = (
    (r"in (?P<count>\d{1,3}|an?) (?P<unit>minute|hour)s?",
     lambda m, now: minutes_from_now(now, _count(m["count"]) * (60 if m["unit"] == "hour" else 1))),
    (r"in half an hour", lambda _m, now: minutes_from_now(now, 30)),
    (r"in (?:an hour and a half|1 and a half hours)", lambda _m, now: minutes_from_now(now, 90)),
    (r"(?:within|in) the next (?P<count>\d{1,2}|couple of|few)? ?hours", lambda m, now: hours_from_now(now, _few(m["count"]))),
)  # fmt: skip

TIMES: tuple[Rule, ...] = (*_CLOCKS, *_PARTS, *_SPANS)


def _count(text: str) -> int:
    return int(text) if text.isdecimal() else 1


def _few(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 3
