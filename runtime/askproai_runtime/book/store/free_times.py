"""Rows of `free_times` and `host_free_times`: the remote calendar's free times of a local day, as they were read last, by event
type or by one host of a team's event type.

A transaction that records a change of a day in the remote calendar drops the rows of that day. A drop records its time, in
`free_times` for all hosts, so that a read that began before the drop is not used after it. All writers lock the rows in the
order of event type and day, and after all other rows of a booking.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from askproai_core.database import Connection
from askproai_runtime.availability.opening_hours import EpochSpan
from askproai_runtime.availability.slots import Span
from askproai_runtime.calendars import Bookable, FreeTimes


@dataclass(frozen=True, slots=True)
class KnownDay:
    """The stored free times of a local day. `slot_seconds` is the length of a slot, None if there is none.

    `age` is the time since the request for them began, by the database's clock.
    """

    bookable: Bookable
    day: date
    free: tuple[EpochSpan, ...]
    slot_seconds: int | None
    age: timedelta


class YieldingSpan(NamedTuple):
    """A span that one of our bookings blocks in the remote calendar and will leave: it is cancelled here, or about to be moved."""

    staff: str
    span: Span
    is_cancelled: bool  # here; otherwise it is about to be moved


# The known days from $4 to $5. There may be more pairs of event type and host than were asked for.
_KNOWN = """
WITH known AS (
    SELECT f.event_type_id, 0::bigint AS host_id, f.day, f.free, f.slot_seconds, f.read_at FROM free_times f
    WHERE f.tenant = $1 AND f.event_type_id = ANY($2) AND f.day BETWEEN $4 AND $5 AND f.read_at IS NOT NULL
    UNION ALL
    SELECT h.event_type_id, h.host_id, h.day, h.free, h.slot_seconds, h.read_at
    FROM host_free_times h LEFT JOIN free_times f USING (tenant, event_type_id, day)
    WHERE h.tenant = $1 AND h.event_type_id = ANY($2) AND h.host_id = ANY($3) AND h.day BETWEEN $4 AND $5
      AND (f.dropped_at IS NULL OR f.dropped_at < h.read_at)
)
"""
_LIST = f"""{_KNOWN}
SELECT event_type_id, host_id, day, free, slot_seconds, clock_timestamp() - read_at AS age FROM known
WHERE read_at > clock_timestamp() - $6::interval
"""  # noqa: S608  a constant
_AGES = f"""{_KNOWN}
SELECT event_type_id, host_id, count(*) AS known, clock_timestamp() - min(read_at) AS age FROM known
GROUP BY event_type_id, host_id
"""  # noqa: S608  a constant


async def list_known_days(
    conn: Connection, tenant: str, bookables: Collection[Bookable], first: date, last: date, kept: timedelta
) -> list[KnownDay]:
    """Return the stored days of these bookables from `first` to `last` that are not older than `kept`."""
    if not bookables:
        return []
    rows = await conn.fetch(_LIST, tenant, *_ids(bookables), first, last, kept)
    return [
        KnownDay(bookable, row["day"], _to_epoch(row["free"]), row["slot_seconds"], row["age"])
        for row in rows
        if (bookable := Bookable(*row[:2])) in bookables
    ]


async def list_yielding_spans(
    conn: Connection, tenant: str, staff: Collection[str], within: Span, moving: UUID | None
) -> list[YieldingSpan]:
    """Return the spans that our own bookings will leave in the remote calendar: bookings of appointments that are cancelled
    here but not yet there, and of the appointment `moving`.
    """
    rows = await conn.fetch(
        """SELECT a.staff, coalesce(a.was_starts_at, a.starts_at) AS first, coalesce(a.was_ends_at, a.ends_at) AS last,
               a.status = 'cancelled' AS is_cancelled
           FROM appointments a WHERE a.tenant = $1 AND a.staff = ANY($2) AND a.external_id IS NOT NULL
           AND a.starts_at > $3::timestamptz - interval '1 day' AND a.starts_at < $4::timestamptz
           AND (a.id = $5 OR a.status = 'cancelled' AND EXISTS (
               SELECT 1 FROM jobs j WHERE j.tenant = $1 AND j.appointment_id = a.id AND j.state <> 'done'))""",
        tenant, list(staff), within.start, within.end, moving,
    )  # fmt: skip
    return [YieldingSpan(row["staff"], Span(row["first"], row["last"]), row["is_cancelled"]) for row in rows]


async def list_unseen_spans(
    conn: Connection, tenant: str, staff: Collection[str], within: Span
) -> list[tuple[str, Span]]:
    """Return the staff member and the time of appointments that the remote calendar does not have, or not yet at this time."""
    rows = await conn.fetch(
        """SELECT staff, starts_at, ends_at FROM appointments
           WHERE tenant = $1 AND staff = ANY($2) AND status IN ('confirmed', 'pending_sync')
           AND (external_id IS NULL OR was_starts_at IS NOT NULL)
           AND starts_at > $3::timestamptz - interval '1 day' AND starts_at < $4::timestamptz""",
        tenant, list(staff), within.start, within.end,
    )  # fmt: skip
    return [(row["staff"], Span(row["starts_at"], row["ends_at"])) for row in rows]


async def read_clock(conn: Connection) -> datetime:
    """Return the database's time, at which a read of free times begins: a later drop of these days makes it outdated."""
    now: datetime = await conn.fetchval("SELECT clock_timestamp()")
    return now


_STORE = """
    INSERT INTO free_times AS f (tenant, event_type_id, day, free, slot_seconds, read_at)
    SELECT $1, $2, read.day, read.spans::tstzmultirange, $5, $6
    FROM unnest($3::date[], $4::text[]) AS read (day, spans) ORDER BY read.day
    ON CONFLICT (tenant, event_type_id, day) DO UPDATE
        SET free = excluded.free, slot_seconds = excluded.slot_seconds, read_at = excluded.read_at
        WHERE (f.dropped_at IS NULL OR f.dropped_at < excluded.read_at) AND (f.read_at IS NULL OR f.read_at <= excluded.read_at)
    RETURNING day, clock_timestamp() - read_at AS age
"""
_STORE_OF_HOST = """
    INSERT INTO host_free_times AS h (tenant, event_type_id, day, free, slot_seconds, read_at, host_id)
    SELECT $1, $2, read.day, read.spans::tstzmultirange, $5, $6, $7
    FROM unnest($3::date[], $4::text[]) AS read (day, spans)
    WHERE NOT EXISTS (SELECT 1 FROM free_times f
                      WHERE f.tenant = $1 AND f.event_type_id = $2 AND f.day = read.day AND f.dropped_at >= $6) ORDER BY read.day
    ON CONFLICT (tenant, event_type_id, host_id, day) DO UPDATE
        SET free = excluded.free, slot_seconds = excluded.slot_seconds, read_at = excluded.read_at
        WHERE h.read_at <= excluded.read_at
    RETURNING day, clock_timestamp() - read_at AS age
"""


async def store_days(
    conn: Connection, tenant: str, bookable: Bookable, began: datetime, times: FreeTimes
) -> list[KnownDay]:
    """Store the free times of a request that began at `began`, and return the days that were stored.

    Days that were dropped since, or stored from a later request, are left out.
    """
    days = sorted(times.days)
    seconds = None if times.slot_length is None else int(times.slot_length.total_seconds())
    host = (bookable.host_id,) if bookable.host_id else ()
    rows = await conn.fetch(
        _STORE_OF_HOST if host else _STORE,
        tenant, bookable.event_type_id, days, [_to_multirange(times.days[day]) for day in days], seconds, began, *host,
    )  # fmt: skip
    spans = {day: tuple((int(a.timestamp()), int(b.timestamp())) for a, b in times.days[day]) for day in days}
    return [KnownDay(bookable, row["day"], spans[row["day"]], seconds, row["age"]) for row in rows]


async def drop_days(conn: Connection, tenant: str, event_types: Iterable[int], days: Iterable[date]) -> None:
    """Forget the free times of these days, of all hosts: they are read again before they are used."""
    await conn.execute(
        """INSERT INTO free_times (tenant, event_type_id, day, dropped_at)
           SELECT $1, e.id, d.day, clock_timestamp() FROM unnest($2::bigint[]) AS e (id), unnest($3::date[]) AS d (day)
           ORDER BY e.id, d.day
           ON CONFLICT (tenant, event_type_id, day) DO UPDATE SET read_at = NULL, dropped_at = excluded.dropped_at""",
        tenant, sorted(set(event_types)), sorted(set(days)),
    )  # fmt: skip


# The known days of the event types $2 from $3 to $5, and all days from $3 to $4. Nobody uses free times that were read a day ago.
_DROP_SPAN = """
INSERT INTO free_times (tenant, event_type_id, day, dropped_at)
SELECT $1, each.event_type_id, each.day, clock_timestamp() FROM (
    SELECT e.id AS event_type_id, $3::date + n AS day
    FROM unnest($2::bigint[]) AS e (id), generate_series(0, $4::date - $3::date) AS n
    UNION
    SELECT f.event_type_id, f.day FROM free_times f
    WHERE f.tenant = $1 AND f.event_type_id = ANY($2) AND f.day BETWEEN $3 AND $5
      AND f.read_at > clock_timestamp() - interval '1 day'
    UNION
    SELECT h.event_type_id, h.day FROM host_free_times h LEFT JOIN free_times f USING (tenant, event_type_id, day)
    WHERE h.tenant = $1 AND h.event_type_id = ANY($2) AND h.day BETWEEN $3 AND $5
      AND h.read_at > clock_timestamp() - interval '1 day' AND (f.dropped_at IS NULL OR f.dropped_at < h.read_at)
) AS each ORDER BY each.event_type_id, each.day
ON CONFLICT (tenant, event_type_id, day) DO UPDATE SET read_at = NULL, dropped_at = excluded.dropped_at
"""


async def drop_span(
    conn: Connection, tenant: str, event_types: Iterable[int], first: date, certain: date, last: date
) -> None:
    """Forget the free times, of all hosts, of the days from `first` to `last`; there may be years between them.

    For days up to `certain`, a read that began before this drop cannot store its result after it. Later days are dropped only
    if they are stored now, since the rows stay locked until the transaction ends. A read that began before the drop can still
    store a later day that was not stored then: its result counts until it is too old.
    """
    await conn.execute(_DROP_SPAN, tenant, sorted(set(event_types)), first, min(certain, last), last)


async def list_ages(
    conn: Connection, tenant: str, bookables: Sequence[Bookable], first: date, last: date
) -> Mapping[Bookable, timedelta | None]:
    """Return the age of each bookable's oldest stored day from `first` to `last`; None if a day of these is not stored."""
    if not bookables:
        return {}
    rows = await conn.fetch(_AGES, tenant, *_ids(bookables), first, last)
    days = (last - first).days + 1
    ages = {Bookable(*row[:2]): row["age"] if row["known"] == days else None for row in rows}
    return {bookable: ages.get(bookable) for bookable in bookables}


def _ids(bookables: Collection[Bookable]) -> tuple[list[int], list[int]]:
    return [each.event_type_id for each in bookables], [each.host_id for each in bookables]


def _to_epoch(free: Iterable["asyncpg.Range[Any]"]) -> tuple[EpochSpan, ...]:
    bounded = ((span.lower, span.upper) for span in free if span.lower and span.upper)
    return tuple((int(start.timestamp()), int(end.timestamp())) for start, end in bounded)


def _to_multirange(spans: Iterable[tuple[datetime, datetime]]) -> str:
    """Return spans as the text of a multirange: asyncpg has no array of them."""
    return "{" + ",".join(f"[{a.astimezone(UTC).isoformat()},{b.astimezone(UTC).isoformat()})" for a, b in spans) + "}"
