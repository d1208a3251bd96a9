"""The family of spans from now: `in einer halben Stunde`, `in zwei bis drei Stunden`."""

import re
from datetime import datetime

from askproai_runtime.spoken_times.atoms import Instant
from askproai_runtime.spoken_times.times import Rule

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


def minutes_from_now(now: datetime, minutes: float) -> Instant:
    """Return the instant that is `minutes` minutes from now."""
    return Instant(_ahead(now, minutes))


def hours_from_now(now: datetime, hours: int) -> Instant:
    """Return the span from now until `hours` hours later."""
    return Instant(_ahead(now, 0), _ahead(now, hours * 60))


def _ahead(now: datetime, minutes: float) -> datetime:
    """Return the local time that is `minutes` real minutes from now, without seconds."""
    later = datetime.fromtimestamp(now.timestamp() + minutes * 60, now.tzinfo)
    return later.replace(second=0, microsecond=0)


def _in_hours(match: re.Match[str], now: datetime) -> Instant:
    return Instant(
        _ahead(now, int(match["from"]) * 60 if match["from"].isdecimal() else 60), _ahead(now, int(match["to"]) * 60)
    )


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
