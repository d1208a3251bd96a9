"""Intervals as programs and models write them: `2026-12-16T14:00/2026-12-16T14:30`, `14:00--14:30`, `2026-12-07/P3D`."""

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from askproai_runtime.spoken_times.atoms import Contradiction
from askproai_runtime.spoken_times.iso import IsoInstant, read_instant
from askproai_runtime.spoken_times.rules import DAY
from askproai_runtime.understood import UNDERSTOOD

_CLOCK = r"(?:[01]?\d|2[0-3]):[0-5]\d"
_DURATION = r"P(?:(?P<days>\d+)D)?T?(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+)M)?(?:\d+S)?"
_SIGN = re.compile(r"(?<=[\dz])\s*(?:--|\.{2,}|->|→|–|—)\s*(?=t?\d)", re.IGNORECASE)
_SLASH = re.compile(rf"(?<![\d/])({_CLOCK})\s*/\s*(?={_CLOCK})")
_LASTING = re.compile(rf"(?P<clock>{_CLOCK})\s*/\s*{_DURATION}", re.IGNORECASE)
_DAYS = re.compile(r"(?P<first>\d{4}-\d\d-\d\d)\s*/\s*P(?P<count>\d{1,3})D", re.IGNORECASE)
_WEEK = re.compile(r"(?P<year>\d{4})-?W(?P<week>\d\d)(?:-?(?P<weekday>[1-7]))?", re.IGNORECASE)
_INTERVAL = re.compile(
    rf"(?P<first>\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d\S*?)\s*(?:/|-|(?:{UNDERSTOOD.links.until})\b)\s*(?P<last>.+)",
    re.IGNORECASE,
)


def spell_out(text: str) -> str:
    """Return a text with one sign for all intervals: `14:00 - 14:30` for `14:00--14:30` and `14:00/14:30`.

    A duration after a time without a day is left out. Raises `OverflowError` and `ValueError` for days that no calendar has.
    """
    said = text.strip()
    if found := _LASTING.fullmatch(said):
        return found["clock"]
    if (lasting := _DAYS.fullmatch(said)) and int(lasting["count"]):
        return f"{lasting['first']} - {date.fromisoformat(lasting['first']) + (int(lasting['count']) - 1) * DAY}"
    if week := _WEEK.fullmatch(said):
        first, last = (int(week["weekday"]),) * 2 if week["weekday"] else (1, 7)
        days = [date.fromisocalendar(int(week["year"]), int(week["week"]), day) for day in (first, last)]
        return str(days[0]) if first == last else f"{days[0]} - {days[1]}"
    return _SLASH.sub(r"\1 - ", _SIGN.sub(" - ", said))


def read_interval(text: str, zone: ZoneInfo) -> tuple[IsoInstant, datetime] | None:
    """Return the begin and the end of an interval that begins with a full date and time; None for any other text.

    Raises `Contradiction` if it ends before it begins, and the errors of `read_instant`.
    """
    found = _INTERVAL.fullmatch(text.strip())
    first = read_instant(found["first"], zone) if found else None
    if found is None or first is None:
        return None
    begin = first.readings[0]
    end = _read_end(found["last"].strip(), begin, zone)
    if end is not None and end <= begin:
        raise Contradiction("an interval that ends before it begins")
    return None if end is None else (first, end)


def _read_end(text: str, begin: datetime, zone: ZoneInfo) -> datetime | None:
    if duration := re.fullmatch(_DURATION, text, re.IGNORECASE):
        days, hours, minutes = (float(duration[name] or 0) for name in ("days", "hours", "minutes"))
        return begin + timedelta(days=days, hours=hours, minutes=minutes)
    last = read_instant(text if text[4:5] == "-" else f"{begin:%Y-%m-%d}T{text.lstrip('tT'):0>5}", zone)
    return None if last is None else last.readings[0]
