"""Rows of `waitlist`: the entries, by which people wait for a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from askproai_core.database import Connection, Pool
from askproai_runtime.availability.slots import Span
from askproai_runtime.book.waitlist import (
    EntryLimits,
    NewEntry,
    ReachedEntry,
    WaitingName,
    WaitlistEntry,
    WaitlistOffer,
)

ENTRY_COLUMNS = """w.id, w.call_id, w.branch, w.service, w.staff, w.spans, w.requested, w.until, w.name, w.phone, w.state,
    w.correlation_id, w.created_at, w.ended_at"""
SELECT_ENTRY = f"""
SELECT {ENTRY_COLUMNS}, o.id AS offer_id, o.staff AS offered_staff, o.starts_at, o.ends_at, o.expires_at
FROM waitlist w LEFT JOIN waitlist_offers o ON o.tenant = w.tenant AND o.entry_id = w.id AND o.state = 'open'
"""  # noqa: S608  constants

# The appointments `a` of the person of an entry `w` that start within its bounds; a visit may have other services besides.
_SUITING = """
appointments a LEFT JOIN customers c ON c.tenant = a.tenant AND c.id = a.customer_id
WHERE a.tenant = w.tenant AND a.starts_at >= w.since AND a.starts_at < w.until
  AND a.branch = w.branch AND a.status IN ('confirmed', 'pending_sync')
  AND string_to_array(a.service, '+') @> string_to_array(w.service, '+') AND (a.caller = w.phone OR c.phone = w.phone)
"""
# The number of a key's first characters, which identify the request; the others identify the person.
_OF_REQUEST = 64
_LIST_NAMES = f"""
SELECT id, key, name, call_id FROM waitlist
WHERE tenant = $1 AND phone = $2 AND left(key, {_OF_REQUEST}) = left($3, {_OF_REQUEST}) AND state = 'waiting'
ORDER BY created_at, id
"""  # noqa: S608  constants
# Whether an appointment `a` replaces one that the person of an entry `w` had before. A change of host looks like this, since
# the remote calendar cannot move a booking to another host.
_REPLACES = """EXISTS (
    SELECT 1 FROM jsonb_each_text(w.had) AS had JOIN appointments h ON h.tenant = w.tenant AND h.id = had.key::uuid
        LEFT JOIN call_actions x ON x.tenant = h.tenant AND x.call_id = a.call_id AND x.key = 'cancel|' || h.id
    WHERE had.value::timestamptz = a.starts_at AND h.customer_name = a.customer_name
    AND (x.key IS NOT NULL OR h.status IN ('confirmed', 'pending_sync')))"""
# The counts are those of the statement's snapshot: calls of the same moment may add one or two more. A repeated request
# replaces the declined times. After a move within its bounds it is a new wait, as if the move had ended the first one.
_JOIN = f"""
INSERT INTO waitlist AS w (tenant, call_id, key, branch, service, staff, spans, requested, since, until, name, phone,
                           caller, correlation_id, had)
SELECT $1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10, $11, $12, $13, $14, (
    SELECT coalesce(jsonb_object_agg(a.id, a.starts_at), '{{}}')
    FROM (SELECT $1::text AS tenant, $4::text AS branch, $5::text AS service, $9::timestamptz AS since,
                 $10::timestamptz AS until, $12::text AS phone) w, {_SUITING})
WHERE EXISTS (SELECT 1 FROM waitlist WHERE tenant = $1 AND phone = $12 AND key = $3 AND state = 'waiting')
   OR ($19 OR (SELECT count(*) FROM waitlist WHERE tenant = $1 AND phone = $12 AND state = 'waiting') < $15
              AND (SELECT count(*) FROM waitlist WHERE tenant = $1 AND state = 'waiting') < $16
              AND (SELECT count(*) FROM waitlist WHERE tenant = $1 AND call_id = $2) < $17)
      AND (SELECT count(*) FROM waitlist WHERE tenant = $1 AND created_at > clock_timestamp() - interval '1 hour'
           AND caller IS NOT DISTINCT FROM $13) < $18
ON CONFLICT (tenant, phone, key) WHERE state = 'waiting'
    DO UPDATE SET name = EXCLUDED.name, spans = EXCLUDED.spans, had = EXCLUDED.had,
        created_at = CASE WHEN EXISTS (
            SELECT 1 FROM jsonb_each_text(EXCLUDED.had) AS has JOIN appointments a ON a.tenant = w.tenant AND a.id = has.key::uuid
            WHERE a.created_at < w.created_at
              AND has.value::timestamptz IS DISTINCT FROM (w.had ->> has.key)::timestamptz)
        THEN clock_timestamp() ELSE w.created_at END
RETURNING id
"""  # noqa: S608  constants

# Each list is in the order of joining. `$2`: the waiting entries, or else the ended ones.
_LIST = f"""
{SELECT_ENTRY} WHERE w.tenant = $1 AND (w.state = 'waiting') = $2
  AND ($3::timestamptz IS NULL OR (w.created_at, w.id) > ($3, $4::uuid))
ORDER BY w.created_at, w.id LIMIT $5
"""
_BETWEEN = f"{SELECT_ENTRY} WHERE w.tenant = $1 AND w.id BETWEEN $2 AND $3 LIMIT 2"
_OF_CALLER = f"""
{SELECT_ENTRY} WHERE w.tenant = $1 AND (w.phone = $2 OR w.call_id = $3) AND w.until > $4
  AND (w.state = 'waiting' OR w.state = 'removed' AND w.ended_at >= $5)
ORDER BY w.created_at, w.id
"""
_OF_CALL = f"""
{SELECT_ENTRY} WHERE w.tenant = $1 AND w.call_id = $2 AND w.state IN ('waiting', 'removed') ORDER BY w.created_at, w.id
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

# Only the present start of an appointment counts, whoever chose it: a caller, the desk or the remote calendar. A start that it
# already had at the request does not count, even with another staff member.
_LIST_REACHED = f"""
SELECT {ENTRY_COLUMNS}, a.starts_at AS reached, a.customer_name AS booked_for, EXISTS (
           SELECT 1 FROM waitlist o WHERE o.tenant = w.tenant AND o.phone = w.phone AND o.key <> w.key
           AND left(o.key, {_OF_REQUEST}) = left(w.key, {_OF_REQUEST})) AS is_one_of_several
FROM waitlist w, {_SUITING}
  AND w.tenant = $1 AND w.state = 'waiting'
  AND coalesce(w.staff, a.staff) = a.staff
  AND CASE WHEN w.had ? a.id::text THEN (w.had ->> a.id::text)::timestamptz <> a.starts_at ELSE NOT {_REPLACES} END
"""  # noqa: S608  constants
_END_BOOKED = """
UPDATE waitlist SET state = 'booked', ended_at = clock_timestamp() WHERE tenant = $1 AND id = ANY($2) AND state = 'waiting'
"""


async def insert_entry(
    conn: Connection, tenant: str, entry: NewEntry, limits: EntryLimits, *, replaces: bool
) -> UUID | None:
    """Add an entry, and return its id; None if one of the limits is reached. With `replaces`, it replaces another entry of its
    phone number, and only the caller's limit in an hour counts.

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


async def read_awaited_span(conn: Connection, tenant: str) -> Span | None:
    """Return the span that covers all waiting entries; None if nobody waits. The span limits the work of removing a block."""
    row = await conn.fetchrow(
        "SELECT min(since) AS since, max(until) AS until FROM waitlist WHERE tenant = $1 AND state = 'waiting'", tenant
    )
    return Span(row["since"], row["until"]) if row and row["since"] else None


async def list_entries(
    pool: Pool, tenant: str, *, waiting: bool, after: Sequence[object] | None, limit: int
) -> list[WaitlistEntry]:
    """Return the waiting or the ended entries, by the time of joining. `after`: time and id of the previous page's last entry."""
    rows = await pool.fetch(_LIST, tenant, waiting, *(after or (None, None)), limit)
    return [to_entry(row) for row in rows]


async def list_entries_between(pool: "Pool | Connection", tenant: str, first: UUID, last: UUID) -> list[WaitlistEntry]:
    """Return up to two entries whose ids are between `first` and `last`, both included."""
    return [to_entry(row) for row in await pool.fetch(_BETWEEN, tenant, first, last)]


async def list_entries_of_caller(
    conn: Connection, tenant: str, caller: str | None, call_id: str, now: datetime, *, removed_since: datetime
) -> list[WaitlistEntry]:
    """Return the waiting entries of a number or a call, and those removed since `removed_since`, by the time of joining."""
    return [to_entry(row) for row in await conn.fetch(_OF_CALLER, tenant, caller, call_id, now, removed_since)]


async def list_entries_of_call(conn: Connection, tenant: str, call_id: str) -> list[WaitlistEntry]:
    """Return the waiting and the removed entries that a call has made, by the time of joining."""
    return [to_entry(row) for row in await conn.fetch(_OF_CALL, tenant, call_id)]


async def remove_entry(conn: Connection, tenant: str, entry_id: UUID) -> bool:
    """Remove a waiting entry from the list, with its open offer; False if no entry with this id waits."""
    return bool(await conn.fetchval(_REMOVE, tenant, entry_id))


async def list_awaited_services(pool: Pool, tenant: str) -> list[str]:
    """Return the services and visits that somebody waits for; empty if nobody waits."""
    rows = await pool.fetch("SELECT DISTINCT service FROM waitlist WHERE tenant = $1 AND state = 'waiting'", tenant)
    return [row["service"] for row in rows]


async def list_reached(conn: Connection, tenant: str) -> list[ReachedEntry]:
    """Return the waiting entries whose phone number has got a suitable appointment since, each with this appointment."""
    found = []
    for row in await conn.fetch(_LIST_REACHED, tenant):
        values = dict(row)
        reached = [values.pop(name) for name in ("reached", "booked_for", "is_one_of_several")]
        found.append(ReachedEntry(WaitlistEntry(**values), *reached))
    return found


async def end_booked(conn: Connection, tenant: str, entries: Sequence[UUID]) -> None:
    """End these waiting entries with the state `booked`: their person has an appointment now."""
    await conn.execute(_END_BOOKED, tenant, list(entries))


def to_entry(row: asyncpg.Record) -> WaitlistEntry:
    values: dict[str, Any] = dict(row)
    names = ("offer_id", "offered_staff", "starts_at", "ends_at", "expires_at")
    offer = [values.pop(name) for name in names]
    return WaitlistEntry(**values, offer=WaitlistOffer(*offer) if offer[0] is not None else None)
