"""Blocks among the rows of `refusals`: one for each resource of the person, with one `block_id`.

They are read where refusals are read (`claims.py: read_busy_spans`), so offers and bookings need no statement of their own. A block
refuses later bookings only: the transaction that adds it holds the locks of the resources, and so finds every earlier appointment.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from askproai_core.database import Connection
from askproai_runtime.availability.slots import Span
from askproai_runtime.book.blocks import Block, BlockedAppointment
from askproai_runtime.book.store.claims import LONGEST_CLAIM

# `staff` comes from the branches' rows: a person's rows name no branch. Former staff members count only if no active one is left.
_SELECT = """
SELECT b.block_id AS id, b.starts_at, b.ends_at, b.reason, bool_and(b.until = 'infinity') AS in_force,
       coalesce(array_agg(DISTINCT r.branch || '/' || r.staff) FILTER (WHERE r.branch <> '' AND r.active),
                array_agg(DISTINCT r.branch || '/' || r.staff) FILTER (WHERE r.branch <> ''), '{{}}') AS staff,
       array_agg(DISTINCT r.id) AS resource_ids
FROM refusals b JOIN resources r ON r.tenant = b.tenant AND r.id = b.resource_id
WHERE b.tenant = $1 AND b.block_id IS NOT NULL AND {condition}
GROUP BY b.block_id, b.starts_at, b.ends_at, b.reason ORDER BY b.starts_at, b.block_id
"""
_ONE = _SELECT.format(condition="b.block_id = $2")
_BY_PREFIX = _SELECT.format(condition="b.block_id BETWEEN $2 AND $3") + " LIMIT 2"
_OVERLAPPING = _SELECT.format(
    condition="""b.block_id IN (
    SELECT o.block_id FROM refusals o WHERE o.tenant = $1 AND o.resource_id = ANY($2) AND o.starts_at < $4 AND o.ends_at > $3
    AND o.until = 'infinity' AND o.block_id IS NOT NULL)"""
)
_DURING = _SELECT.format(condition="b.until = 'infinity' AND b.starts_at < $3 AND b.ends_at > $2")
_PAGE = (
    _SELECT.format(
        condition="""b.until = 'infinity' AND b.ends_at > $2
  AND ($3::timestamptz IS NULL OR (b.starts_at, b.block_id) > ($3, $4::uuid))"""
    )
    + " LIMIT $5"
)

_RESOURCES = """
WITH named AS (
    SELECT id, person_row FROM resources WHERE tenant = $1 AND (id = ANY($2) OR (branch, staff) IN (
        SELECT e.branch, e.staff FROM unnest($3::text[], $4::text[]) AS e (branch, staff))))
SELECT id FROM resources WHERE tenant = $1
AND id IN (SELECT id FROM named UNION SELECT person_row FROM named) ORDER BY id
"""
_LOCK_RESOURCES = f"{_RESOURCES} FOR UPDATE"


async def list_resources(
    conn: Connection, tenant: str, units: Sequence[int], entries: Sequence[tuple[str, str]], *, lock: bool
) -> list[int]:
    """Return the ids of a person's resources, ascending; with `lock`, locked in this order, as every writer of claims does.

    `units` are the resources in use; `entries` are the person's branches and staff ids. The result includes the resource rows
    of each branch, since a pod whose config is older or newer than a change of `person` reads these rows. It also includes the
    person's own rows (`person_row`), which have the claims from that change on.
    """
    rows = await conn.fetch(
        _LOCK_RESOURCES if lock else _RESOURCES,
        tenant, list(units), [branch for branch, _ in entries], [staff for _, staff in entries],
    )  # fmt: skip
    return [row["id"] for row in rows]


async def insert_block(
    conn: Connection, tenant: str, block_id: UUID, resources: Sequence[int], start: datetime, end: datetime, reason: str
) -> bool:
    """Add a block, unless a block with this id exists, in force or removed. Returns whether the block was added."""
    added = await conn.fetch(
        """INSERT INTO refusals (tenant, resource_id, starts_at, ends_at, until, reason, block_id)
           SELECT $1, r.id, $4, $5, 'infinity', $6, $2 FROM unnest($3::bigint[]) AS r (id)
           WHERE NOT EXISTS (SELECT 1 FROM refusals o WHERE o.tenant = $1 AND o.block_id = $2)
           ON CONFLICT DO NOTHING RETURNING 1""",
        tenant, block_id, list(resources), start, end, reason,
    )  # fmt: skip
    return bool(added)


async def get_block(conn: Connection, tenant: str, block_id: UUID) -> Block | None:
    row = await conn.fetchrow(_ONE, tenant, block_id)
    return Block(**row) if row else None


async def list_blocks_between(conn: Connection, tenant: str, first: UUID, last: UUID) -> list[Block]:
    """Return up to two blocks whose ids are between `first` and `last`, both included."""
    return [Block(**row) for row in await conn.fetch(_BY_PREFIX, tenant, first, last)]


async def list_overlapping_blocks(
    conn: Connection, tenant: str, resources: Sequence[int], start: datetime, end: datetime
) -> list[Block]:
    """Return the blocks in force of any of `resources` that overlap [start, end), by start."""
    return [Block(**row) for row in await conn.fetch(_OVERLAPPING, tenant, list(resources), start, end)]


async def list_blocked_spans(
    conn: Connection, tenant: str, resources: Sequence[int], now: datetime
) -> dict[int, list[Span]]:
    """Return the blocked times of each of `resources` that end after `now`; a resource without a block is left out."""
    rows = await conn.fetch(
        """SELECT resource_id, starts_at, ends_at FROM refusals WHERE tenant = $1 AND resource_id = ANY($2)
           AND ends_at > $3 AND until = 'infinity' AND block_id IS NOT NULL""",
        tenant, list(resources), now,
    )  # fmt: skip
    found: dict[int, list[Span]] = defaultdict(list)
    for row in rows:
        found[row["resource_id"]].append(Span(row["starts_at"], row["ends_at"]))
    return found


async def list_blocks_during(conn: Connection, tenant: str, start: datetime, end: datetime) -> list[Block]:
    """Return the blocks in force of all persons that overlap [start, end), by start."""
    return [Block(**row) for row in await conn.fetch(_DURING, tenant, start, end)]


async def list_blocks(
    conn: Connection, tenant: str, now: datetime, after: Sequence[object] | None, limit: int
) -> list[Block]:
    """Return the blocks in force that end after `now`, by start. `after` is the start and id of the previous page's last block."""
    return [Block(**row) for row in await conn.fetch(_PAGE, tenant, now, *(after or (None, None)), limit)]


async def lift_block(conn: Connection, tenant: str, block_id: UUID) -> bool:
    """Remove a block. Returns False if it was not in force."""
    lifted = await conn.fetch(
        """UPDATE refusals SET until = clock_timestamp() WHERE tenant = $1 AND block_id = $2 AND until = 'infinity'
           RETURNING 1""",
        tenant, block_id,
    )  # fmt: skip
    return bool(lifted)


async def list_blocked_appointments(
    conn: Connection, tenant: str, resources: Sequence[int], start: datetime, end: datetime, now: datetime
) -> list[BlockedAppointment]:
    """Return the live appointments on `resources` that overlap [start, end) and are not over, by start.

    An appointment is left out if its customer only waits in that span, between two claims: the staff member is not needed then.
    Claims on rows to which `resources` are linked count, too: a change of `person` moves claims there.
    """
    rows = await conn.fetch(
        """SELECT a.id, a.branch, a.service, a.staff, a.starts_at, a.ends_at, a.customer_name,
                  coalesce(c.phone, a.caller) AS phone, a.notes
           FROM appointments a LEFT JOIN customers c ON c.tenant = a.tenant AND c.id = a.customer_id
           WHERE a.tenant = $1 AND a.status IN ('confirmed', 'pending_sync') AND a.starts_at < $4 AND a.ends_at > $3
             AND a.ends_at > $5 AND a.starts_at > $3::timestamptz - $6::interval AND EXISTS (
                 SELECT 1 FROM claims l WHERE l.tenant = $1 AND l.appointment_id = a.id AND l.state = 'booked'
                 AND l.block_start < a.ends_at AND l.block_end > a.starts_at
                 AND l.resource_id IN (
                     SELECT unnest(ARRAY[r.id, r.person_row]) FROM resources r WHERE r.tenant = $1 AND r.id = ANY($2))
                 HAVING bool_or(l.block_start < $4 AND l.block_end > $3)
                     OR NOT (bool_or(l.block_end <= $3) AND bool_or(l.block_start >= $4)))
           ORDER BY a.starts_at, a.id""",
        tenant, list(resources), start, end, now, LONGEST_CLAIM,
    )  # fmt: skip
    return [BlockedAppointment(**row) for row in rows]
