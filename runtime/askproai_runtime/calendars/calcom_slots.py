"""Free times of Cal.com's API v2: the queries of `GET /v2/slots`, and their answers' meaning (`docs/vendors/calcom.md`). Pure."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from askproai_runtime.calendars.calcom_bookings import format_utc
from askproai_runtime.calendars.types import FreeTimes, FreeTimesQuery
from askproai_runtime.input_values import YEARS

_DAY, _SECOND = timedelta(days=1), timedelta(seconds=1)
_LONGEST_SLOT = timedelta(days=1)
_MOST_SLOTS = 20_000  # of a query: a month of slots that begin every five minutes has 9,000


class SlotsUnreadable(ValueError):
    """Cal.com's answer is not a list of slots. The error's text quotes nothing of the answer."""


def slots_params(query: FreeTimesQuery) -> list[dict[str, str]]:
    """Return the queries of GET /v2/slots that together cover the days: one, or two if the clock changes on one of the days.

    Cal.com may use the offset at the start of a query for all of its slots, so that slots after a clock change are an hour off.
    It takes `end` as included.
    """
    bounds = _split_at_clock_change(*_bounds(query), ZoneInfo(query.time_zone))
    return [
        {
            "eventTypeId": str(query.bookable.event_type_id),
            "start": format_utc(first),
            "end": format_utc(end - _SECOND),
            "timeZone": query.time_zone,  # else UTC, and a day's slots would be those of another day
            "format": "range",  # with the ends of the slots
            **({"rrHostSubsetIds": str(query.bookable.host_id)} if query.bookable.host_id else {}),
        }
        for first, end in pairwise(bounds)
    ]


def merge_bodies(bodies: Sequence[Any]) -> Any:
    """Merge Cal.com's answers to the queries of `slots_params` into one answer. Raises `SlotsUnreadable`."""
    merged: dict[tuple[int, str], Any] = {}
    for n, body in enumerate(bodies):
        days = body.get("data") if isinstance(body, dict) else None
        if not isinstance(days, dict):
            raise SlotsUnreadable("no days with lists of slots")
        merged |= {(n, day): slots for day, slots in days.items()}
    return {"data": merged}


def parse_slots(body: Any, query: FreeTimesQuery) -> FreeTimes:
    """Return the free times of the requested days from Cal.com's answer. Raises `SlotsUnreadable`.

    A slot belongs to the local day of its start, whatever day Cal.com lists it under. Slots of other days are left out. A day
    is left out as a whole if the offset of a slot is not the zone's offset at that time: after a clock change Cal.com may be an
    hour off, and the meant time cannot be known.
    """
    listed = body.get("data") if isinstance(body, dict) else None
    if not isinstance(listed, dict) or not all(isinstance(slots, list) for slots in listed.values()):
        raise SlotsUnreadable("no days with lists of slots")
    slots = [slot for of_day in listed.values() for slot in of_day]
    if len(slots) > _MOST_SLOTS:
        raise SlotsUnreadable(f"more than {_MOST_SLOTS} slots")
    zone, (first, end) = ZoneInfo(query.time_zone), _bounds(query)
    days: dict[date, list[tuple[datetime, datetime]]] = {
        query.first + timedelta(days=n): [] for n in range((query.last - query.first).days + 1)
    }
    doubtful: set[date] = set()
    longest = timedelta()
    for slot in slots:
        start, slot_end = _parse_span(slot)
        local = start.astimezone(zone)
        if not first <= start < end:
            continue
        if start.utcoffset() not in {timedelta(), local.utcoffset()}:
            doubtful.add(local.date())
        longest = max(longest, slot_end - start)
        days[local.date()].append((start.astimezone(UTC), slot_end.astimezone(UTC)))
    read = {day: _union(spans) for day, spans in days.items() if day not in doubtful}
    return FreeTimes(read, longest or None)


def _bounds(query: FreeTimesQuery) -> tuple[datetime, datetime]:
    zone = ZoneInfo(query.time_zone)
    first, end = (datetime.combine(day, time(), zone) for day in (query.first, query.last + _DAY))
    return first.astimezone(UTC), end.astimezone(UTC)


def _split_at_clock_change(first: datetime, end: datetime, zone: ZoneInfo) -> list[datetime]:
    """Return [first, end], with the instant of the clock change between them if the zone has one in this span (one at most)."""

    def offset(at: datetime) -> timedelta | None:
        return at.astimezone(zone).utcoffset()

    last = end - _SECOND
    if offset(first) == offset(last):
        return [first, end]
    before, after = first, last  # the clock changes after the one and not after the other
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        middle -= timedelta(microseconds=middle.microsecond)
        before, after = (middle, after) if offset(middle) == offset(first) else (before, middle)
    return [first, after, end]


def _parse_span(slot: Any) -> tuple[datetime, datetime]:
    try:
        start, end = datetime.fromisoformat(slot["start"]), datetime.fromisoformat(slot["end"])
        length = end - start
    except (KeyError, TypeError, ValueError):
        raise SlotsUnreadable("a slot without start and end") from None
    if start.utcoffset() is None or start.year not in YEARS or not timedelta() < length <= _LONGEST_SLOT:
        raise SlotsUnreadable("a slot without an offset, or of an impossible time")
    return start, end


def _union(spans: list[tuple[datetime, datetime]]) -> tuple[tuple[datetime, datetime], ...]:
    spans.sort()
    merged = spans[:1]
    for start, end in spans[1:]:
        if start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
