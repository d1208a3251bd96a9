"""Rows of `freed_times` and `waitlist_offers`: the times that became free while somebody waits, and their offers.

A trigger of `claims` adds the freed times, and the removal of a block adds the hours of the block. The offers'
unique indexes are the rule: a time is offered to one person at a time, and a person has one offer at a time.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from askproai_core.database import Connection, Pool
from askproai_runtime.availability.slots import Claims
from askproai_runtime.book.store.waitlist import ENTRY_COLUMNS, SELECT_ENTRY, to_entry
from askproai_runtime.book.waitlist import FreedTime, NewEntry, Wait, WaitingCandidate, WaitlistEntry, WaitlistOffer

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
# Leave out times that the person of the entry has freed.
_OF_OTHERS = """NOT EXISTS (
    SELECT FROM appointments a LEFT JOIN customers c ON c.tenant = a.tenant AND c.id = a.customer_id
    WHERE a.tenant = $1 AND a.id = f.appointment_id AND (a.caller = $2 OR c.phone = $2))"""
# A time freed more than `$3` ago was already free when the caller asked, so it is no news.
_HANDLE_UNAWAITED = f"""
UPDATE freed_times f SET handled_at = clock_timestamp()
WHERE f.tenant = $1 AND f.handled_at IS NULL AND NOT (f.freed_at > clock_timestamp() - $3::interval AND {_OF_OTHERS})
  AND NOT EXISTS (SELECT FROM waitlist w WHERE w.tenant = $1 AND w.state = 'waiting')
"""  # noqa: S608  a constant
# A run may have handled these times without this entry, or be about to. The microsecond makes a new version of the row.
_RECORD_RECENT = f"""
INSERT INTO freed_times AS x (tenant, resource_id, starts_at, ends_at, freed_at, appointment_id)
SELECT DISTINCT ON (f.resource_id, f.starts_at, f.ends_at)
    f.tenant, f.resource_id, f.starts_at, f.ends_at, f.freed_at, f.appointment_id FROM freed_times f
WHERE f.tenant = $1 AND f.freed_at > clock_timestamp() - $3::interval AND {_OF_OTHERS}
  AND f.resource_id = ANY($4) AND f.ends_at > $5 AND f.starts_at < $6
ORDER BY f.resource_id, f.starts_at, f.ends_at, f.freed_at DESC
ON CONFLICT (tenant, resource_id, starts_at, ends_at) WHERE handled_at IS NULL
    DO UPDATE SET freed_at = x.freed_at + interval '1 microsecond'
"""  # noqa: S608  a constant
# Times for which nobody waits are not recorded.
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
_DECLINE = """
UPDATE waitlist_offers SET state = 'declined', ended_at = clock_timestamp()
WHERE tenant = $1 AND entry_id = $2 AND id = $3 AND state = 'open' RETURNING true
"""
_END_OVER = """
UPDATE waitlist SET state = 'over', ended_at = clock_timestamp() WHERE tenant = $1 AND state = 'waiting' AND until <= $2
"""
# The first reason counts: the person has booked, somebody else or a block has the time, the offer has expired. Retention may
# have deleted the freed time. A span within a wait of the offered service ($3 to $5) does not take the time.
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
# `is_free`: has no open offer. An entry that has let this time pass is not asked again, even if one appointment had several
# units of the staff member. An offer of a time that somebody else took is repeated only if the time became free once more:
# another unit may serve it, and the release of that unit is offered.
_LIST_CANDIDATES = f"""
SELECT {ENTRY_COLUMNS}, NOT EXISTS (
           SELECT 1 FROM waitlist_offers o WHERE o.tenant = $1 AND o.entry_id = w.id AND o.state = 'open') AS is_free
FROM waitlist w WHERE w.tenant = $1 AND w.state = 'waiting' AND w.since < $3 AND w.until > $4 AND EXISTS (
    SELECT 1 FROM unnest($8::text[], $9::text[], $10::text[]) AS can_have (branch, service, staff)
    WHERE (can_have.branch, can_have.service) = (w.branch, w.service) AND coalesce(w.staff, can_have.staff) = can_have.staff
) AND NOT EXISTS (
    SELECT 1 FROM waitlist_offers o
    WHERE o.tenant = $1 AND o.entry_id = w.id
      AND (o.freed_id = $2 AND (o.state IN ('declined', 'expired') OR o.state = 'taken' AND o.offered_at > $5)
           OR o.state IN ('declined', 'expired') AND o.offered_at > $5 AND o.starts_at < $3 AND o.ends_at > $4
              AND o.staff = (SELECT r.staff FROM resources r WHERE r.tenant = $1 AND r.id = $6)))
ORDER BY EXISTS (
    SELECT FROM appointments a LEFT JOIN customers c ON c.tenant = a.tenant AND c.id = a.customer_id
    WHERE a.tenant = $1 AND a.id = $7 AND (a.caller = w.phone OR c.phone = w.phone)), w.created_at, w.id
"""  # noqa: S608  constants
_OFFER = """
INSERT INTO waitlist_offers (tenant, entry_id, freed_id, staff, starts_at, ends_at, expires_at)
SELECT $1, w.id, $3, $4, $5, $6, $7 FROM waitlist w WHERE w.tenant = $1 AND w.id = $2 AND w.state = 'waiting'
ON CONFLICT DO NOTHING RETURNING id
"""
# A time that became free once more since it was read is left unhandled.
_HANDLED = "UPDATE freed_times SET handled_at = clock_timestamp() WHERE tenant = $1 AND id = $2 AND freed_at = $3"


async def record_held_times(conn: Connection, tenant: str, entry: NewEntry, resources: Sequence[int]) -> None:
    """Record other calls' holds on `resources` within the requested time as freed times: a hold ends, unless it is booked."""
    await conn.execute(_RECORD_HELD, tenant, list(resources), entry.since, entry.until, entry.call_id)


async def handle_unawaited_times(conn: Connection, tenant: str, phone: str, recent: timedelta) -> None:
    """If nobody waits yet, mark the freed times as handled, except those that others than `phone` freed within `recent`."""
    await conn.execute(_HANDLE_UNAWAITED, tenant, phone, recent)


async def record_recent_times(
    conn: Connection, tenant: str, entry: NewEntry, resources: Sequence[int], recent: timedelta
) -> None:
    """Record again the times on `resources` that others freed in the last `recent`, if the entry waits for them: the caller may
    not have heard of them.
    """
    await conn.execute(_RECORD_RECENT, tenant, entry.phone, recent, list(resources), entry.since, entry.until)


async def record_unblocked_times(conn: Connection, tenant: str, times: Claims) -> None:
    """Record the times of a removed block as freed, by resource, in the transaction that removes the block."""
    columns = [each for each, _ in times], [span.start for _, span in times], [span.end for _, span in times]
    await conn.execute(_RECORD_UNBLOCKED, tenant, *columns)


async def decline(conn: Connection, tenant: str, entry_id: UUID, offer_id: int) -> bool:
    """End an open offer of an entry, which goes on waiting; False if this offer is not open."""
    return bool(await conn.fetchval(_DECLINE, tenant, entry_id, offer_id))


async def end_entries_and_offers(conn: Connection, tenant: str, now: datetime, waits: Sequence[Wait]) -> None:
    """End the entries whose time is over, and the offers that are taken, expired or of an ended entry. `waits`: see `Wait`."""
    await conn.execute(_END_OVER, tenant, now)
    columns = [each.service for each in waits], [each.first for each in waits], [each.end for each in waits]
    await conn.execute(_END_OFFERS, tenant, now, *columns)


async def list_freed(pool: Pool, tenant: str, now: datetime, limit: int) -> list[FreedTime]:
    """Return the freed times without an open offer, by start. A time is left out while every entry that awaits it has an offer."""
    return [FreedTime(**row) for row in await pool.fetch(_LIST_FREED, tenant, now, limit)]


async def list_candidates(
    pool: Pool, tenant: str, freed: FreedTime, possible: Sequence[tuple[str, str, str]]
) -> list[WaitingCandidate]:
    """Return the entries that wait for a freed time and have neither declined it nor let an offer of it expire, in the order of
    joining. An entry of the person who freed the time comes last.

    `possible` are branch, service and staff member of the appointments that can use the time; other entries are left out.
    """
    columns = zip(*possible, strict=True) if possible else ((), (), ())
    branches, services, staff = map(list, columns)
    rows = await pool.fetch(
        _LIST_CANDIDATES, tenant, freed.id, freed.ends_at, freed.starts_at, freed.freed_at, freed.resource_id,
        freed.appointment_id, branches, services, staff,
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
    """Return the entries with an open offer of a time of `staff` (each `branch/staff`), and that offer."""
    rows = await conn.fetch(
        f"{SELECT_ENTRY} WHERE w.tenant = $1 AND w.branch || '/' || o.staff = ANY($2)", tenant, list(staff)
    )
    entries = [to_entry(row) for row in rows]
    return [(entry, entry.offer) for entry in entries if entry.offer]


async def list_all_offered(conn: Connection, tenant: str) -> list[tuple[WaitlistEntry, WaitlistOffer]]:
    """Return the entries with an open offer, each with its offer."""
    entries = [
        to_entry(row) for row in await conn.fetch(f"{SELECT_ENTRY} WHERE w.tenant = $1 AND o.id IS NOT NULL", tenant)
    ]
    return [(entry, entry.offer) for entry in entries if entry.offer]


async def list_offered_within(
    conn: "Pool | Connection", tenant: str, staff: Sequence[str], start: datetime, end: datetime, now: datetime
) -> list[tuple[WaitlistEntry, WaitlistOffer]]:
    """Return the open offers of times of `staff` (each `branch/staff`) that overlap [start, end), by start, with their entries."""
    rows = await conn.fetch(
        f"""{SELECT_ENTRY} WHERE w.tenant = $1 AND w.branch || '/' || o.staff = ANY($2)
            AND o.starts_at < $4 AND o.ends_at > $3 AND o.expires_at > $5 ORDER BY o.starts_at, o.id""",
        tenant, list(staff), start, end, now,
    )  # fmt: skip
    return [(entry, entry.offer) for entry in map(to_entry, rows) if entry.offer]


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
