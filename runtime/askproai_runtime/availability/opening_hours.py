"""When staff members work: local wall clock in, epoch seconds out. Pure.

Instants are whole epoch seconds: Python compares two aware datetimes of one zone by their wall clock, which is wrong across
a clock change, and slower.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from math import inf
from zoneinfo import ZoneInfo

import structlog

from askproai_core.languages import Language
from askproai_core.public_holidays import public_holidays
from askproai_core.tenant_config import Branch, Staff, TenantConfig, Weekday
from askproai_core.tenant_config.branches import Hours
from askproai_runtime.sentences import present_language
from askproai_runtime.spoken_times import Daily

log = structlog.get_logger(__name__)

_WEEKDAYS = tuple(Weekday)
DAY_MINUTES = 24 * 60
EpochSpan = tuple[int, int]  # a half-open span of epoch seconds


def warm_up(config: TenantConfig, now: datetime) -> None:
    """Load the time zone and the rules of holidays of all branches, so that the first caller does not wait for them.

    The first use takes some tens of milliseconds of CPU, each later use less than 1 ms (`make bench`). A config that cannot be
    used fails at its use; here the error is only logged, since it must not keep a pod from storing events.
    """
    try:
        ZoneInfo(config.time_zone)
        for branch in config.branches:
            find_closure(branch, now.date())
    except (LookupError, ValueError) as error:
        log.warning("booking.not_warm", error=type(error).__name__, consequence="the first caller waits longer")


def working_spans(zone: ZoneInfo, branch: Branch, staff_member: Staff | None, first: int, end: int) -> list[EpochSpan]:
    """Return the spans in which a staff member works and the branch is open, from the local day of `first` to that of `end`.

    Without a staff member, return the spans in which the branch is open.
    """
    absences = staff_member.absences if staff_member else ()
    spans: list[EpochSpan] = []
    for day in local_days(zone, datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(end, UTC)):
        absent = any(absence.first <= day <= absence.last for absence in absences)
        if absent or find_closure(branch, day) is not None:
            continue
        working = working_minutes(branch, staff_member, day)
        spans += [(wall_clock_epoch(day, a, zone), wall_clock_epoch(day, b, zone)) for a, b in working]
    return merge_spans(spans)


def working_minutes(branch: Branch, staff_member: Staff | None, day: date) -> list[EpochSpan]:
    """Return the ranges on the weekday of `day` in which a staff member works and the branch is open, in minutes from midnight.
    Closed days and absences are not considered.
    """
    hours = staff_member.working_hours if staff_member else None
    opening = _minute_ranges(branch.opening_hours, day)
    working = opening if hours is None else _minute_ranges(hours, day)
    return [(max(a, c), min(b, d)) for a, b in opening for c, d in working if max(a, c) < min(b, d)]


def find_closure(branch: Branch, day: date) -> str | None:
    """Return why the branch is closed on `day`: a public holiday's name, or "" for its own closed day; None on other days.

    The name is in the language of the call in DE, AT and CH.
    """
    rules = branch.holidays
    if rules is None:
        return None
    if day in rules.closed:
        return ""
    in_english = present_language() is Language.EN
    return _public_holidays(rules.country, rules.subdivision, day.year, in_english=in_english).get(day)


@lru_cache(maxsize=256)
def _public_holidays(country: str, subdivision: str | None, year: int, *, in_english: bool) -> dict[date, str]:
    """Return the public holidays of a year by date: the country's if the subdivision is unknown, {} for an unknown country.

    A misspelled state must not fail every call of a branch: the operator reports it (`HolidaysValid`), and the pods log it.
    """
    try:
        return public_holidays(country, subdivision, year, in_english=in_english)
    except NotImplementedError:
        log.warning("booking.holidays_unknown", country=country, subdivision=subdivision, year=year)
        return {} if subdivision is None else _public_holidays(country, None, year, in_english=in_english)


def open_minutes(branch: Branch, day: date) -> list[tuple[int, int]]:
    """Return the weekly opening hours on the weekday of `day`, in minutes from midnight. Closed days are not considered."""
    return list_minutes(branch.opening_hours, day)


def list_minutes(hours: Iterable[Hours], day: date) -> list[tuple[int, int]]:
    """Return the ranges of `hours` on a day in minutes of wall clock, in order."""
    return merge_spans(_minute_ranges(hours, day))


def local_days(zone: ZoneInfo, first: datetime, end: datetime) -> list[date]:
    """Return the local days from the day of `first` to the day of `end`, both included."""
    day, last = first.astimezone(zone).date(), end.astimezone(zone).date()
    return [day + timedelta(days=n) for n in range((last - day).days + 1)]


def _minute_ranges(hours: Iterable[Hours], day: date) -> list[tuple[int, int]]:
    """Return the ranges of `hours` on the weekday of `day`, in minutes from midnight; closing at 00:00 is the end of the day."""
    weekday = _WEEKDAYS[day.weekday()]
    return [(_minute(h.opens), _minute(h.closes) or DAY_MINUTES) for h in hours if weekday in h.days]


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def merge_spans(spans: list[EpochSpan]) -> list[EpochSpan]:
    """Join spans that touch or overlap: a service may run from one range into the next, or over midnight."""
    merged: list[EpochSpan] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif start < end:
            merged.append((start, end))
    return merged


@lru_cache(maxsize=4096)
def grid_starts(day: date, step_minutes: int, zone: ZoneInfo) -> tuple[int, ...]:
    """Return the possible starts of a day: every `step_minutes` of wall clock from local midnight.

    Times that the clock skips are left out. If the clock shows a time twice, only the first one counts.
    """
    midnight = datetime.combine(day, time())
    first, end = _epoch(midnight, zone), _epoch(midnight + timedelta(days=1), zone)
    # No clock change: a hundred times faster, and callers wait for a whole month of days.
    if end - first == DAY_MINUTES * 60:
        return tuple(range(first, end, step_minutes * 60))
    wall_times = (midnight + timedelta(minutes=minute) for minute in range(0, DAY_MINUTES, step_minutes))
    return tuple(_epoch(wall, zone) for wall in wall_times if _exists(wall, zone))


@lru_cache(maxsize=8192)
def wall_clock_epoch(day: date, minute: int, zone: ZoneInfo) -> int:
    """Return the first epoch second at which the wall clock of `day` shows `minute` (from midnight) or a later time."""
    wall, late = datetime.combine(day, time()) + timedelta(minutes=minute), 0
    while not _exists(wall, zone):  # a skipped hour: the clock changes one minute after the last minute that exists
        wall, late = wall - timedelta(minutes=1), 60
    return _epoch(wall, zone) + late


def _epoch(wall: datetime, zone: ZoneInfo) -> int:
    return int(wall.replace(tzinfo=zone).timestamp())


def _exists(wall: datetime, zone: ZoneInfo) -> bool:
    return datetime.fromtimestamp(_epoch(wall, zone), zone).replace(tzinfo=None) == wall


def bounds_of_day(day: date, daily: Daily | None, zone: ZoneInfo) -> tuple[float, float]:
    """Return the earliest and latest start, in epoch seconds, that `daily` allows on a day; (inf, -inf) if it allows none."""
    if daily is None:
        return -inf, inf
    if day.weekday() not in daily.weekdays:
        return inf, -inf
    closes = datetime.combine(day, daily.closes, zone).timestamp() if daily.closes else inf
    return datetime.combine(day, daily.opens, zone).timestamp(), closes
