"""When people work: local wall clock in, epoch seconds out. Pure.

Instants are whole epoch seconds: comparing aware datetimes of one zone is wrong across a clock change (product.md §4), and slow.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from holidays import country_holidays

from askproai_core.tenant_config import Branch, Hours, Staff, Weekday

_WEEKDAYS = tuple(Weekday)
DAY_MINUTES = 24 * 60
Seconds = tuple[int, int]  # a half-open span of epoch seconds


def working_spans(zone: ZoneInfo, branch: Branch, person: Staff, first: int, end: int) -> list[Seconds]:
    """Give the spans in which a person works and the branch is open, from the day of `first` to that of `end`."""
    spans: list[Seconds] = []
    for day in days_between(zone, datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(end, UTC)):
        if closed_by(branch, day) is not None or any(a.first <= day <= a.last for a in person.absences):
            continue
        opening = _minutes(branch.opening_hours, day)
        hours = opening if person.working_hours is None else _minutes(person.working_hours, day)
        cut = [(max(a, c), min(b, d)) for a, b in opening for c, d in hours if max(a, c) < min(b, d)]
        spans += [(instant(day, a, zone), instant(day, b, zone)) for a, b in cut]
    return _merged(spans)


def closed_by(branch: Branch, day: date) -> str | None:
    """Name what closes the branch on `day`: a public holiday in German, "" for an own closed day; None if nothing does."""
    rules = branch.holidays
    if rules is None:
        return None
    if day in rules.closed:
        return ""
    return _public_holidays(rules.country, rules.subdivision, day.year).get(day)


@lru_cache(maxsize=256)
def _public_holidays(country: str, subdivision: str | None, year: int) -> dict[date, str]:
    language = "de" if country in {"DE", "AT", "CH"} else None
    return dict(country_holidays(country, subdiv=subdivision, years=year, language=language))


def days_between(zone: ZoneInfo, first: datetime, end: datetime) -> list[date]:
    day, last = first.astimezone(zone).date(), end.astimezone(zone).date()
    return [day + timedelta(days=n) for n in range((last - day).days + 1)]


def _minutes(hours: Iterable[Hours], day: date) -> list[tuple[int, int]]:
    """Give the ranges of a weekday in minutes of wall clock; closing at 00:00 is the end of the day."""
    weekday = _WEEKDAYS[day.weekday()]
    return [(_minute(h.opens), _minute(h.closes) or DAY_MINUTES) for h in hours if weekday in h.days]


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _merged(spans: list[Seconds]) -> list[Seconds]:
    """Join spans that touch or overlap: a service may run over the seam of two ranges, or over midnight."""
    merged: list[Seconds] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif start < end:
            merged.append((start, end))
    return merged


@lru_cache(maxsize=4096)
def grid(day: date, step_minutes: int, zone: ZoneInfo) -> tuple[int, ...]:
    """Give the starts of a day: wall clock from local midnight. Times that the clock skips are left out, doubled ones
    stand for their first pass only.
    """
    midnight = datetime.combine(day, time())
    walls = (midnight + timedelta(minutes=minute) for minute in range(0, DAY_MINUTES, step_minutes))
    return tuple(_at(wall, zone) for wall in walls if _exists(wall, zone))


@lru_cache(maxsize=8192)
def instant(day: date, minute: int, zone: ZoneInfo) -> int:
    """Give the first instant at which the wall clock has reached `minute` of `day`."""
    wall, late = datetime.combine(day, time()) + timedelta(minutes=minute), 0
    while not _exists(wall, zone):  # a skipped hour: the clock changes one minute after the last that exists
        wall, late = wall - timedelta(minutes=1), 60
    return _at(wall, zone) + late


def _at(wall: datetime, zone: ZoneInfo) -> int:
    return int(wall.replace(tzinfo=zone).timestamp())


def _exists(wall: datetime, zone: ZoneInfo) -> bool:
    return datetime.fromtimestamp(_at(wall, zone), zone).replace(tzinfo=None) == wall
