"""Rows of `waitlist`, `freed_times` and `waitlist_offers`: the entries, the times that became free meanwhile, and their offers.

A trigger of `claims` adds the freed times while somebody waits, and the removal of a block adds the hours of the block. The offers'
unique indexes are the rule: a time is offered to one person at a time, and a person has one offer at a time.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from askproai_core.database import Connection, Pool
from askproai_runtime.availability.slots import Claims, Span
from askproai_runtime.book.waitlist import (
    EntryLimits,
    FreedTime,
    NewEntry,
    ReachedEntry,
    Wait,
    WaitingCandidate,
    WaitingName,
    WaitlistEntry,
    WaitlistOffer,
)

_ENTRY = """w.id, w.call_id, w.branch, w.service, w.staff, w.spans, w.requested, w.until, w.name, w.phone, w.state,
    w.correlation_id, w.created_at, w.ended_at"""
_SELECT = f"""
SELECT {_ENTRY}, o.id AS offer_id, o.staff AS offered_staff, o.starts_at, o.ends_at, o.expires_at
FROM waitlist w LEFT JOIN waitlist_offers o ON o.tenant = w.tenant AND o.entry_id = w.id AND o.state = 'open'
"""  # noqa: S608  constants

# The appointments `a` of the person of an entry `w` that start within its bounds; a visit may have other services besides.
_SUITING = """
appointments a LEFT JOIN customers c ON c.tenant = a.tenant AND c.id = a.customer_id
WHERE a.tenant = w.tenant AND a.starts_at >= w.since AND a.starts_at < w.until
  AND a.branch = w.branch AND a.status IN ('confirmed', 'pending_sync')
  AND string_to_array(a.service, '+') @> string_to_array(w.service, '+') AND (a.caller = w.phone OR c.phone = w.phone)
"""
# The number of a key's first characters that are of the request; the others are of the person.
_OF_REQUEST = 64
_LIST_NAMES = f"""
SELECT id, key, name, call_id FROM waitlist
WHERE tenant = $1 AND phone = $2 AND left(key, {_OF_REQUEST}) = left($3, {_OF_REQUEST}) AND state = 'waiting'
ORDER BY created_at, id
"""  # noqa: S608  constants
# Whether the person of an entry `w` has since moved an appointment to another time; the text behind it names the appointment.
_MOVED = """EXISTS (
    SELECT 1 FROM call_actions x WHERE x.tenant = w.tenant AND x.call_id NOT LIKE 'desk:%' AND CASE WHEN x.key LIKE 'move|%' THEN
        (x.answer ->> 'former_start')::timestamptz IS DISTINCT FROM split_part(x.key, '|', 3)::timestamptz END
    AND x.state = 'done' AND x.created_at > w.created_at AND x.appointment_id"""
# Whether an appointment `a` is in place of one that the person of an entry `w` had then: Cal.com moves none to another host.
_REPLACES = """EXISTS (
    SELECT 1 FROM appointments h LEFT JOIN call_actions x
        ON x.tenant = h.tenant AND x.call_id = a.call_id AND x.key = 'cancel|' || h.id
    WHERE h.tenant = w.tenant AND h.id = ANY (w.had) AND h.starts_at = a.starts_at AND h.customer_name = a.customer_name
    AND (x.key IS NOT NULL OR h.status IN ('confirmed', 'pending_sync')))"""
# The counts are those of the statement's snapshot: calls of the same moment may add one or two more. A repeated request
# replaces the declined times. After a move within its bounds it is a new wait, as if the move had ended the first one.
_JOIN = f"""
INSERT INTO waitlist AS w (tenant, call_id, key, branch, service, staff, spans, requested, since, until, name, phone,
                           caller, correlation_id, had)
SELECT $1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10, $11, $12, $13, $14, ARRAY(
    SELECT a.id FROM (SELECT $1::text AS tenant, $4::text AS branch, $5::text AS service, $9::timestamptz AS since,
                                    $10::timestamptz AS until, $12::text AS phone) w, {_SUITING})
WHERE EXISTS (SELECT 1 FROM waitlist WHERE tenant = $1 AND phone = $12 AND key = $3 AND state = 'waiting')
   OR ($19 OR (SELECT count(*) FROM waitlist WHERE tenant = $1 AND phone = $12 AND state = 'waiting') < $15
              AND (SELECT count(*) FROM waitlist WHERE tenant = $1 AND state = 'waiting') < $16
              AND (SELECT count(*) FROM waitlist WHERE tenant = $1 AND call_id = $2) < $17)
      AND (SELECT count(*) FROM waitlist WHERE tenant = $1 AND created_at > clock_timestamp() - interval '1 hour'
           AND caller IS NOT DISTINCT FROM $13) < $18
ON CONFLICT (tenant, phone, key) WHERE state = 'waiting'
    DO UPDATE SET name = EXCLUDED.name, spans = EXCLUDED.spans, had = EXCLUDED.had,
        created_at = CASE WHEN {_MOVED} = ANY (EXCLUDED.had)) THEN clock_timestamp() ELSE w.created_at END
RETURNING id
"""  # noqa: S608  constants

# Each list is in the order of joining. `$2`: the waiting entries, or else the ended ones.
_LIST = f"""
{_SELECT} WHERE w.tenant = $1 AND (w.state = 'waiting') = $2
  AND ($3::timestamptz IS NULL OR (w.created_at, w.id) > ($3, $4::uuid))
ORDER BY w.created_at, w.id LIMIT $5
"""
_BETWEEN = f"{_SELECT} WHERE w.tenant = $1 AND w.id BETWEEN $2 AND $3 LIMIT 2"
_OF_CALLER = f"""
{_SELECT} WHERE w.tenant = $1 AND (w.phone = $2 OR w.call_id = $3) AND w.until > $4
  AND (w.state = 'waiting' OR w.state = 'removed' AND w.ended_at >= $5)
ORDER BY w.created_at, w.id
"""
_OF_CALL = f"""
{_SELECT} WHERE w.tenant = $1 AND w.call_id = $2 AND w.state IN ('waiting', 'removed') ORDER BY w.created_at, w.id
"""

# The trigger records the freed times of booked claims. `$5` is the call that has joined.
_RECORD_HELD = """
INSERT INTO freed_times (tenant, resource_id, starts_at, ends_at)
SELECT c.tenant, c.resource_id, c.block_start, c.block_end FROM claims c
WHERE c.tenant = $1 AND c.resource_id = ANY($2) AND c.block_end > $3 AND c.block_start < $4
  AND c.state = 'held' AND c.expires_at > clock_timestamp() AND NOT EXISTS (
      SELECT 1 FROM appointments a WHERE a.tenant = $1 AND a.id = c.appointment_id AND a.call_id = $5)
ON CONFLICT (tenant, resource_id, starts_at, ends_at) WHERE handled_at IS NULL
    DO UPDATE SET freed_at = clock_timestamp(), appointment_id = NULL
"""

# As the trigger does, it records no time for which nobody waits.
_RECORD_UNBLOCKED = """
INSERT INTO freed_times (tenant, resource_id, starts_at, ends_at)
SELECT $1, u.resource_id, u.starts_at, u.ends_at
FROM unnest($2::bigint[], $3::timestamptz[], $4::timestamptz[]) WITH ORDINALITY AS u (resource_id, starts_at, ends_at, number)
WHERE EXISTS (SELECT 1 FROM waitlist w
              WHERE w.tenant = $1 AND w.state = 'waiting' AND w.since < u.ends_at AND w.until > u.starts_at)
ORDER BY u.number
ON CONFLICT (tenant, resource_id, starts_at, ends_at) WHERE handled_at IS NULL
    DO UPDATE SET freed_at = clock_timestamp(), appointment_id = NULL
"""

_REMOVE = """
WITH removed AS (
    UPDATE waitlist SET state = 'removed', ended_at = clock_timestamp()
    WHERE tenant = $1 AND id = $2 AND state = 'waiting' RETURNING id
), withdrawn AS (
    UPDATE waitlist_offers SET state = 'withdrawn', ended_at = clock_timestamp()
    WHERE tenant = $1 AND entry_id IN (SELECT id FROM removed) AND state = 'open'
)
SELECT true FROM removed
"""
_DECLINE = """
UPDATE waitlist_offers SET state = 'declined', ended_at = clock_timestamp()
WHERE tenant = $1 AND entry_id = $2 AND id = $3 AND state = 'open' RETURNING true
"""

# The present starts decide, whatever brought an appointment there: a booking, a move, the desk or the remote calendar. One that lay
# within the bounds at the request is no news, unless its person has moved it since; nor is its time with another staff member.
_LIST_REACHED = f"""
SELECT {_ENTRY}, a.starts_at AS reached, a.customer_name AS booked_for, EXISTS (
           SELECT 1 FROM waitlist o WHERE o.tenant = w.tenant AND o.phone = w.phone AND o.key <> w.key
           AND left(o.key, {_OF_REQUEST}) = left(w.key, {_OF_REQUEST})) AS is_one_of_several
FROM waitlist w, {_SUITING}
  AND w.tenant = $1 AND w.state = 'waiting'
  AND coalesce(w.staff, a.staff) = a.staff
  AND CASE WHEN a.id = ANY (w.had) THEN {_MOVED} = a.id) ELSE NOT {_REPLACES} END
"""  # noqa: S608  constants
_END_BOOKED = """
UPDATE waitlist SET state = 'booked', ended_at = clock_timestamp() WHERE tenant = $1 AND id = ANY($2) AND state = 'waiting'
"""
_END_OVER = """
UPDATE waitlist SET state = 'over', ended_at = clock_timestamp() WHERE tenant = $1 AND state = 'waiting' AND until <= $2
"""
# The first reason counts: the person has booked, somebody else or a block has the time, the offer has expired. Retention may have
# deleted the freed time. A span within a wait of the offered service ($3 to $5) does not take the time.
_END_OFFERS = """
WITH taking AS (
    SELECT resource_id, block_start, block_end FROM claims WHERE tenant = $1 AND state = 'booked' AND block_end > $2
    UNION ALL
    SELECT resource_id, starts_at, ends_at FROM refusals WHERE tenant = $1 AND until > clock_timestamp() AND ends_at > $2
), ended AS (
    SELECT o.id, CASE w.state WHEN 'booked' THEN 'booked' WHEN 'waiting' THEN
               CASE WHEN EXISTS (SELECT 1 FROM taking k WHERE k.resource_id = f.resource_id
                                 AND k.block_end > o.starts_at AND k.block_start < o.ends_at
                                 AND NOT EXISTS (
                                     SELECT FROM unnest($3::text[], $4::int[], $5::int[]) AS wait (service, first, last)
                                     WHERE wait.service = w.service
                                       AND k.block_start >= o.starts_at + wait.first * interval '1 minute'
                                       AND k.block_end <= o.starts_at + wait.last * interval '1 minute')) THEN 'taken'
                    WHEN o.expires_at <= $2 THEN 'expired' END
               ELSE 'withdrawn' END AS state
    FROM waitlist_offers o JOIN waitlist w ON w.tenant = o.tenant AND w.id = o.entry_id
         LEFT JOIN freed_times f ON f.tenant = o.tenant AND f.id = o.freed_id
    WHERE o.tenant = $1 AND o.state = 'open'
)
UPDATE waitlist_offers o SET state = ended.state, ended_at = clock_timestamp() FROM ended
WHERE o.tenant = $1 AND o.id = ended.id AND ended.state IS NOT NULL AND o.state = 'open'
"""
_END_TAKEN = """
UPDATE waitlist_offers SET state = 'taken', ended_at = clock_timestamp()
WHERE tenant = $1 AND id = ANY($2) AND state = 'open'
"""

# A time is left out while all entries that wait for it have an open offer: otherwise a run would look only at the times of one
# entry that waits for weeks, until that offer ends.
_LIST_FREED = """
WITH waiting AS (
    SELECT tstzrange(w.since, w.until) AS span, NOT EXISTS (
        SELECT 1 FROM waitlist_offers o WHERE o.tenant = $1 AND o.entry_id = w.id AND o.state = 'open') AS is_free
    FROM waitlist w WHERE w.tenant = $1 AND w.state = 'waiting' AND w.since < w.until
), awaited AS MATERIALIZED (
    SELECT coalesce(range_agg(span), '{}') AS by_anybody, coalesce(range_agg(span) FILTER (WHERE is_free), '{}') AS by_free
    FROM waiting)
SELECT f.id, f.resource_id, f.starts_at, f.ends_at, f.freed_at, clock_timestamp() - f.freed_at AS age,
       f.appointment_id
FROM freed_times f, awaited a
WHERE f.tenant = $1 AND f.handled_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM waitlist_offers o WHERE o.tenant = $1 AND o.freed_id = f.id AND o.state = 'open')
  AND (f.ends_at <= $2 OR tstzrange(f.starts_at, f.ends_at) && a.by_free OR NOT tstzrange(f.starts_at, f.ends_at) && a.by_anybody)
ORDER BY f.starts_at, f.id LIMIT $3
"""
# `is_free`: has no open offer. An entry that has let this time pass is not asked again, even if one appointment had several units
# of the staff member. An offer that somebody else was faster to take is repeated only if the time became free once more: another
# unit may serve it, whose own release is offered.
_LIST_CANDIDATES = f"""
SELECT {_ENTRY}, NOT EXISTS (
           SELECT 1 FROM waitlist_offers o WHERE o.tenant = $1 AND o.entry_id = w.id AND o.state = 'open') AS is_free
FROM waitlist w WHERE w.tenant = $1 AND w.state = 'waiting' AND w.since < $3 AND w.until > $4 AND NOT EXISTS (
    SELECT 1 FROM waitlist_offers o
    WHERE o.tenant = $1 AND o.entry_id = w.id
      AND (o.freed_id = $2 AND (o.state IN ('declined', 'expired') OR o.state = 'taken' AND o.offered_at > $5)
           OR o.state IN ('declined', 'expired') AND o.offered_at > $5 AND o.starts_at < $3 AND o.ends_at > $4
              AND o.staff = (SELECT r.staff FROM resources r WHERE r.tenant = $1 AND r.id = $6)))
ORDER BY EXISTS (
    SELECT FROM appointments a LEFT JOIN customers c ON c.tenant = a.tenant AND c.id = a.customer_id
    WHERE a.tenant = $1 AND a.id = $8 AND (a.caller = w.phone OR c.phone = w.phone)), w.created_at, w.id LIMIT $7
"""  # noqa: S608  constants

_OFFER = """
INSERT INTO waitlist_offers (tenant, entry_id, freed_id, staff, starts_at, ends_at, expires_at)
SELECT $1, w.id, $3, $4, $5, $6, $7 FROM waitlist w WHERE w.tenant = $1 AND w.id = $2 AND w.state = 'waiting'
ON CONFLICT DO NOTHING RETURNING id
"""
# Not if it became free once more since it was read.
_HANDLED = "UPDATE freed_times SET handled_at = clock_timestamp() WHERE tenant = $1 AND id = $2 AND freed_at = $3"
_ALL_HANDLED = "UPDATE freed_times SET handled_at = clock_timestamp() WHERE tenant = $1 AND handled_at IS NULL"


async def insert_entry(
    conn: Connection, tenant: str, entry: NewEntry, limits: EntryLimits, *, replaces: bool
) -> UUID | None:
    """Add an entry, and return its id; None if one of the limits is reached. With `replaces`, it replaces another entry of its
    phone number, and only the limit of a caller's hour counts.

    If an entry with this key and phone number waits already, it gets the new name and spans, and its id is returned.
    """
    new = entry
    entry_id: UUID | None = await conn.fetchval(
        _JOIN, tenant, new.call_id, new.key, new.branch, new.service, new.staff, new.spans, new.requested, new.since, new.until,
        new.name, new.phone, new.caller, new.correlation_id, limits.per_phone, limits.per_tenant, limits.per_call,
        limits.per_hour, replaces,
    )  # fmt: skip
    return entry_id


async def list_waiting_names(conn: Connection, tenant: str, entry: NewEntry) -> list[WaitingName]:
    """Return the names under which the entry's phone number already waits for the same request."""
    return [WaitingName(**row) for row in await conn.fetch(_LIST_NAMES, tenant, entry.phone, entry.key)]


async def record_held_times(conn: Connection, tenant: str, entry: NewEntry, resources: Sequence[int]) -> None:
    """Record other calls' holds on `resources` within the requested time as freed times: a hold ends, unless it is booked."""
    await conn.execute(_RECORD_HELD, tenant, list(resources), entry.since, entry.until, entry.call_id)


async def read_awaited_span(conn: Connection, tenant: str) -> Span | None:
    """Return the span that covers all waiting entries; None if nobody waits. It bounds the work of removing a long block."""
    row = await conn.fetchrow(
        "SELECT min(since) AS since, max(until) AS until FROM waitlist WHERE tenant = $1 AND state = 'waiting'", tenant
    )
    return Span(row["since"], row["until"]) if row and row["since"] else None


async def record_unblocked_times(conn: Connection, tenant: str, times: Claims) -> None:
    """Record the times of a removed block as freed, by resource, in the transaction that removes the block."""
    columns = [each for each, _ in times], [span.start for _, span in times], [span.end for _, span in times]
    await conn.execute(_RECORD_UNBLOCKED, tenant, *columns)


async def list_entries(
    pool: Pool, tenant: str, *, waiting: bool, after: Sequence[object] | None, limit: int
) -> list[WaitlistEntry]:
    """Return the waiting or the ended entries, by the time of joining. `after`: time and id of the previous page's last entry."""
    rows = await pool.fetch(_LIST, tenant, waiting, *(after or (None, None)), limit)
    return [_to_entry(row) for row in rows]


async def list_entries_between(pool: "Pool | Connection", tenant: str, first: UUID, last: UUID) -> list[WaitlistEntry]:
    """Return up to two entries whose ids are between `first` and `last`, both included."""
    return [_to_entry(row) for row in await pool.fetch(_BETWEEN, tenant, first, last)]


async def list_entries_of_caller(
    conn: Connection, tenant: str, caller: str | None, call_id: str, now: datetime, *, removed_since: datetime
) -> list[WaitlistEntry]:
    """Return the waiting entries of a number or a call, and those removed since `removed_since`, by the time of joining."""
    return [_to_entry(row) for row in await conn.fetch(_OF_CALLER, tenant, caller, call_id, now, removed_since)]


async def list_entries_of_call(conn: Connection, tenant: str, call_id: str) -> list[WaitlistEntry]:
    """Return the waiting and the removed entries that a call has made, by the time of joining."""
    return [_to_entry(row) for row in await conn.fetch(_OF_CALL, tenant, call_id)]


async def remove_entry(conn: Connection, tenant: str, entry_id: UUID) -> bool:
    """Remove a waiting entry from the list, with its open offer; False if no entry with this id waits."""
    return bool(await conn.fetchval(_REMOVE, tenant, entry_id))


async def decline(conn: Connection, tenant: str, entry_id: UUID, offer_id: int) -> bool:
    """End an open offer of an entry, which goes on waiting; False if this offer is not open."""
    return bool(await conn.fetchval(_DECLINE, tenant, entry_id, offer_id))


async def list_awaited_services(pool: Pool, tenant: str) -> list[str]:
    """Return the services and visits that somebody waits for; empty if nobody waits."""
    rows = await pool.fetch("SELECT DISTINCT service FROM waitlist WHERE tenant = $1 AND state = 'waiting'", tenant)
    return [row["service"] for row in rows]


async def list_reached(conn: Connection, tenant: str) -> list[ReachedEntry]:
    """Return the waiting entries whose phone number has got a suitable appointment since the entry was made, each with it."""
    found = []
    for row in await conn.fetch(_LIST_REACHED, tenant):
        values = dict(row)
        reached = [values.pop(name) for name in ("reached", "booked_for", "is_one_of_several")]
        found.append(ReachedEntry(WaitlistEntry(**values), *reached))
    return found


async def end_booked(conn: Connection, tenant: str, entries: Sequence[UUID]) -> None:
    """End these waiting entries with the state `booked`: their person has an appointment now."""
    await conn.execute(_END_BOOKED, tenant, list(entries))


async def end_entries_and_offers(conn: Connection, tenant: str, now: datetime, waits: Sequence[Wait]) -> None:
    """End the entries whose time is over, and the offers that are taken, expired or of an ended entry. `waits`: see `Wait`."""
    await conn.execute(_END_OVER, tenant, now)
    columns = [each.service for each in waits], [each.first for each in waits], [each.end for each in waits]
    await conn.execute(_END_OFFERS, tenant, now, *columns)


async def list_freed(pool: Pool, tenant: str, now: datetime, limit: int) -> list[FreedTime]:
    """Return the freed times without an open offer, by start. A time is left out while every entry that awaits it has an offer."""
    return [FreedTime(**row) for row in await pool.fetch(_LIST_FREED, tenant, now, limit)]


async def list_candidates(pool: Pool, tenant: str, freed: FreedTime, limit: int) -> list[WaitingCandidate]:
    """Return the entries that wait for a freed time and have not let it pass, by joining; the person who freed the time last."""
    rows = await pool.fetch(
        _LIST_CANDIDATES, tenant, freed.id, freed.ends_at, freed.starts_at, freed.freed_at, freed.resource_id, limit,
        freed.appointment_id,
    )  # fmt: skip
    found = []
    for row in rows:
        values = dict(row)
        is_free = values.pop("is_free")
        found.append(WaitingCandidate(WaitlistEntry(**values), is_free))
    return found


async def list_offered(
    conn: Connection, tenant: str, staff: Sequence[str]
) -> list[tuple[WaitlistEntry, WaitlistOffer]]:
    """Return the entries with an open offer of a time of `staff` (each `branch/staff`), each with its offer."""
    rows = await conn.fetch(
        f"{_SELECT} WHERE w.tenant = $1 AND w.branch || '/' || o.staff = ANY($2)", tenant, list(staff)
    )
    entries = [_to_entry(row) for row in rows]
    return [(entry, entry.offer) for entry in entries if entry.offer]


async def list_all_offered(conn: Connection, tenant: str) -> list[tuple[WaitlistEntry, WaitlistOffer]]:
    """Return the entries with an open offer, each with its offer."""
    entries = [
        _to_entry(row) for row in await conn.fetch(f"{_SELECT} WHERE w.tenant = $1 AND o.id IS NOT NULL", tenant)
    ]
    return [(entry, entry.offer) for entry in entries if entry.offer]


async def list_offered_within(
    conn: "Pool | Connection", tenant: str, staff: Sequence[str], start: datetime, end: datetime, now: datetime
) -> list[tuple[WaitlistEntry, WaitlistOffer]]:
    """Return the open offers of times of `staff` (each `branch/staff`) that overlap [start, end), by start, with their entries."""
    rows = await conn.fetch(
        f"""{_SELECT} WHERE w.tenant = $1 AND w.branch || '/' || o.staff = ANY($2)
            AND o.starts_at < $4 AND o.ends_at > $3 AND o.expires_at > $5 ORDER BY o.starts_at, o.id""",
        tenant, list(staff), start, end, now,
    )  # fmt: skip
    return [(entry, entry.offer) for entry in map(_to_entry, rows) if entry.offer]


async def end_taken_offers(conn: Connection, tenant: str, offers: Sequence[int]) -> None:
    """End offers whose time nobody can have any more; their entries go on waiting."""
    await conn.execute(_END_TAKEN, tenant, list(offers))


async def insert_offer(
    conn: Connection,
    tenant: str,
    entry_id: UUID,
    freed_id: int,
    staff: str,
    starts_at: datetime,
    ends_at: datetime,
    expires_at: datetime,
) -> WaitlistOffer | None:
    """Offer a freed time to an entry; None if the entry or the time has an open offer, or the entry does not wait any more."""
    offer_id = await conn.fetchval(_OFFER, tenant, entry_id, freed_id, staff, starts_at, ends_at, expires_at)
    return WaitlistOffer(offer_id, staff, starts_at, ends_at, expires_at) if offer_id is not None else None


async def mark_handled(pool: Pool, tenant: str, freed: FreedTime) -> None:
    """Mark a freed time as handled: nobody is offered it any more. Without effect if it became free again since it was read."""
    await pool.execute(_HANDLED, tenant, freed.id, freed.freed_at)


async def mark_all_handled(pool: Pool, tenant: str) -> None:
    """Mark all freed times as handled, since nobody waits."""
    await pool.execute(_ALL_HANDLED, tenant)


def _to_entry(row: asyncpg.Record) -> WaitlistEntry:
    values: dict[str, Any] = dict(row)
    names = ("offer_id", "offered_staff", "starts_at", "ends_at", "expires_at")
    offer = [values.pop(name) for name in names]
    return WaitlistEntry(**values, offer=WaitlistOffer(*offer) if offer[0] is not None else None)
