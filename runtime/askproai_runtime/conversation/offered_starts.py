"""The meaning of the argument `start` of a call function, beside the offers of the call and the other arguments."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from zoneinfo import ZoneInfo

from askproai_runtime.conversation.types import CallContext
from askproai_runtime.german_dates import Candidate, Understanding, agree, understand_parts, understand_start

_MIDNIGHT = clock_time()


def understand_beside_offers(
    start: str,
    others: Mapping[str, str],
    call: CallContext,
    where: tuple[str, ZoneInfo],
    own: Collection[datetime],
    longest: timedelta,
) -> Understanding:
    """Understand `start` beside `others`, the texts of `date`, `time` and `part_of_day`, in a branch with its zone.

    Of its readings the one that was offered, or is one of `own`, counts; others that name another day or time contradict it.
    Those of the request that was answered with this offer do not: models keep them. `longest` is the length of the service. A
    midnight that was not offered is a day, as it begins.
    """
    branch, zone = where
    at = call.started_at
    alone = understand_start(start, None, at=at, zone=zone, longest=longest)
    offered = [c for c in alone.candidates if c.end is None and (c.start in own or call.list_offers(branch, c.start))]
    is_other_reading = alone.is_written and any(
        call.list_offers(branch, c.start) and not _is_written_so(start, c, zone) for c in offered
    )
    if len(offered) == 1 and not is_other_reading and len({candidate.choice for candidate in alone.candidates}) == 1:
        (candidate,) = offered
        found = Understanding.of(offered)
        new = {name: text for name, text in others.items() if not _is_kept(candidate.start, text, call)}
        contrary = _find_contrary(candidate.start.astimezone(zone), new, at, zone)
        return found if contrary is None else agree(found, contrary)
    day, time, part_of_day = (others.get(name) for name in ("date", "time", "part_of_day"))
    if day:
        beside = understand_parts(day, time, part_of_day, at=at, zone=zone)
        return understand_start(start, beside, at=at, zone=zone, longest=longest)
    is_day = any(each.end is None and each.start.astimezone(zone).time() == _MIDNIGHT for each in alone.candidates)
    return understand_parts(start, time, part_of_day, at=at, zone=zone) if time or part_of_day or is_day else alone


def _is_written_so(start: str, candidate: Candidate, zone: ZoneInfo) -> bool:
    """Return whether a text has the local time of a candidate: models write a local "10:00Z", and 11 o'clock was offered, too."""
    return start.strip().upper().replace("T", " ").startswith(f"{candidate.start.astimezone(zone):%Y-%m-%d %H:%M}")


def _is_kept(start: datetime, text: str, call: CallContext) -> bool:
    """Return whether a text is of a request to which this start was offered."""
    return any(start in each.starts and text in each.texts for each in call.earlier)


def _find_contrary(start: datetime, others: Mapping[str, str], at: datetime, zone: ZoneInfo) -> Understanding | None:
    """Return what the other arguments mean if it is clearly another day or time than `start`; else None.

    A day or an hour that is counted from now or from an appointment is not clear here, nor are words that are not understood.
    """
    day, time, part_of_day = (others.get(name) for name in ("date", "time", "part_of_day"))
    if day is None or not _is_other_day(day, start, at, zone):
        day = start.date().isoformat()
        if time is None and part_of_day is None:
            return None
    understood = understand_parts(day, time, part_of_day, at=at, zone=zone)
    later = understand_parts(day, time, part_of_day, at=at + timedelta(minutes=37), zone=zone)
    if understood.refused is not None or understood.candidates != later.candidates:
        return None
    return understood


def _is_other_day(text: str, start: datetime, at: datetime, zone: ZoneInfo) -> bool:
    """Return whether a text names another date than that of `start`, or another day of the week: "Mittwoch" is that of any week.

    A text whose day moves with today says nothing.
    """
    shifts = (timedelta(), timedelta(days=1), timedelta(days=7))
    readings = [understand_parts(text, None, None, at=at + shift, zone=zone) for shift in shifts]
    if any(reading.refused is not None for reading in readings):
        return False
    now, tomorrow, next_week = ([_days_of(each, zone) for each in reading.candidates] for reading in readings)
    if now == next_week:
        return not any(first <= start.date() <= last for first, last in now)
    weekdays = {day.weekday() for days in (*now, *tomorrow, *next_week) for day in days}
    return len(weekdays) == 1 and start.weekday() not in weekdays


def _days_of(candidate: Candidate, zone: ZoneInfo) -> tuple[date, date]:
    """Return the first and the last day of a candidate."""
    end = candidate.start if candidate.end is None else candidate.end - timedelta(minutes=1)
    return candidate.start.astimezone(zone).date(), end.astimezone(zone).date()
