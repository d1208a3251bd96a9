"""Rows of `claims`, which block a resource for an appointment during a span, and the locks that their writers take.

A claim is `held` (until it expires), `booked` or `released`. `place` numbers an appointment's placements: the highest number is
the present one, and older ones are history, with released claims. While the calendar has not accepted a move, the placement
before it stays booked as well, so that a refused move can always be reverted. Claims of place 0 only block time. In a hold,
`place` numbers the people: 1 is the caller.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from askproai_core.database import Connection
from askproai_runtime.availability.elsewhere import Elsewhere
from askproai_runtime.availability.slots import BusySpan, Claims, Span, subtract_spans

# Our appointments take a day at most, buffers included (a rule of ServiceOffering). A remote booking takes a day at most, and
# our buffers come on top.
LONGEST_CLAIM = timedelta(days=3)
_ROWS_AT_ONCE = 1000  # rows to convert before other tasks run
_NEWEST = "(SELECT max(place) FROM claims WHERE tenant = $1 AND appointment_id = $2)"


@dataclass(frozen=True, slots=True)
class Placement:
    """The time and staff member of an appointment, and its claims. `units` is how many units the staff member has now."""

    staff: str
    starts_at: datetime
    ends_at: datetime
    claims: Claims
    units: int


@dataclass(frozen=True, slots=True)
class BookedClaim:
    """A booked claim near a requested time. `promised`: the visit itself overlaps that time, and not only a buffer."""

    resource_id: int
    span: Span
    units: int
    appointment_id: UUID
    promised: bool


async def lock_and_clear_holds(
    conn: Connection,
    tenant: str,
    resources: Sequence[int],
    call_id: str,
    *,
    appointments: Sequence[UUID] = (),
    for_caller: bool = False,
) -> None:
    """Lock staff members by their resources, then delete the call's own hold, and expired holds on `resources`.

    `resources` and the resources of the call's hold and of `appointments` are locked in the order of their ids: otherwise
    overlapping writers deadlock. The claims of a deleted hold are deleted with it.

    `for_caller` also locks the tenant's first resource: under that lock the tenant's bookings are counted, and the caller's
    other appointments cannot change. Resource rows stay when the config changes, so pods with different configs lock the same.
    """
    await conn.execute(
        """SELECT id FROM resources
           WHERE tenant = $1 AND (id = ANY($2) OR $5 AND id = (SELECT min(id) FROM resources WHERE tenant = $1) OR id IN (
               SELECT c.resource_id FROM claims c JOIN appointments a ON a.tenant = c.tenant AND a.id = c.appointment_id
               WHERE a.tenant = $1 AND (a.call_id = $3 AND a.status = 'held' OR a.id = ANY($4))))
           ORDER BY id FOR UPDATE""",
        tenant, list(resources), call_id, list(appointments), for_caller,
    )  # fmt: skip
    await conn.execute(
        """DELETE FROM appointments a
           WHERE a.tenant = $1 AND a.status = 'held' AND (a.call_id = $3 OR EXISTS (
               SELECT 1 FROM claims c WHERE c.tenant = $1 AND c.appointment_id = a.id AND c.resource_id = ANY($2)
               AND c.state = 'held' AND c.expires_at <= clock_timestamp()))""",
        tenant, list(resources), call_id,
    )  # fmt: skip


async def lock_resources_of(conn: Connection, tenant: str, appointment_id: UUID) -> None:
    """Lock the resources on which an appointment has claims, in the order of their ids, as every writer of claims does."""
    await conn.execute(
        """SELECT 1 FROM resources WHERE tenant = $1 AND id IN (
               SELECT resource_id FROM claims WHERE tenant = $1 AND appointment_id = $2) ORDER BY id FOR UPDATE""",
        tenant, appointment_id,
    )  # fmt: skip


async def read_busy_spans(
    conn: Connection,
    tenant: str,
    resources: Sequence[int],
    start: datetime,
    end: datetime,
    call_id: str,
    ignoring: UUID | None = None,
    elsewhere: Elsewhere | None = None,
) -> dict[int, list[BusySpan]]:
    """Return the spans that block `resources` in [start, end), by resource id: booked, held for other calls, refused by the
    calendar a moment ago, or blocked by the tenant (`blocks.py`). `ignoring` is the appointment to be moved, which does not
    block itself. A claim in another branch blocks the whole person, and the travel time on both sides (`elsewhere`).

    One query for all, with scalars: under row security range operators cannot use an index. The index is sorted by `block_end`,
    so without an upper bound a day's query would read all claims that come after that day.
    """
    way = elsewhere.longest if elsewhere else timedelta()
    rows = await conn.fetch(
        """SELECT c.resource_id, c.block_start AS starts_at, c.block_end AS ends_at, c.units,
             CASE WHEN $8 THEN (SELECT a.branch FROM appointments a WHERE a.tenant = $1 AND a.id = c.appointment_id) END AS branch
           FROM claims c
           WHERE c.tenant = $1 AND c.resource_id = ANY($2) AND c.block_end > $3 AND c.block_start < $4
             AND c.block_end < $4 + $7::interval AND c.appointment_id IS DISTINCT FROM $6
             AND (c.state = 'booked' OR c.state = 'held' AND c.expires_at > clock_timestamp() AND NOT EXISTS (
                  SELECT 1 FROM appointments a WHERE a.tenant = $1 AND a.id = c.appointment_id AND a.call_id = $5))
           UNION ALL
           SELECT r.resource_id, r.starts_at, r.ends_at, 1::smallint, NULL FROM refusals r
           WHERE r.tenant = $1 AND r.resource_id = ANY($2) AND r.ends_at > $3 AND r.starts_at < $4
             AND r.until > clock_timestamp()""",
        tenant, list(resources), start - way, end + way, call_id, ignoring, LONGEST_CLAIM, elsewhere is not None,
    )  # fmt: skip
    busy: dict[int, list[BusySpan]] = defaultdict(list)
    for number, row in enumerate(rows, 1):
        busy[row["resource_id"]].append(_to_busy_span(row, elsewhere))
        if number % _ROWS_AT_ONCE == 0:
            await asyncio.sleep(0)
    return busy


def _to_busy_span(row: asyncpg.Record, elsewhere: Elsewhere | None) -> BusySpan:
    if elsewhere is None or row["branch"] in {None, elsewhere.branch}:
        return BusySpan(row["starts_at"], row["ends_at"], row["units"])
    way = elsewhere.travel.get(row["resource_id"], timedelta())
    return BusySpan(row["starts_at"] - way, row["ends_at"] + way)  # of all units: nobody is in two places at once


async def is_hold_allowed(
    conn: Connection,
    tenant: str,
    resources: Sequence[int],
    day: Span,
    caller: str | None,
    per_day: int,
    per_caller: int,
    *,
    times: int = 1,
) -> bool:
    """Return whether `times` more slots stay within the staff member's limit of the day and the caller's limit of holds."""
    held = await conn.fetchrow(
        """SELECT count(DISTINCT (a.id, c.place))
                    FILTER (WHERE c.resource_id = ANY($2) AND c.block_end > $3 AND c.block_start < $4) AS of_day,
                  count(DISTINCT a.id) FILTER (WHERE a.caller = $5) AS of_caller
           FROM appointments a JOIN claims c ON c.tenant = a.tenant AND c.appointment_id = a.id
           WHERE a.tenant = $1 AND a.status = 'held' AND c.expires_at > clock_timestamp()""",
        tenant, list(resources), day.start, day.end, caller,
    )  # fmt: skip
    return held is not None and held["of_day"] + times <= per_day and held["of_caller"] < per_caller


async def hold_claims(
    conn: Connection, tenant: str, appointment_id: UUID, claims: Claims, units: int, number: int, hold: timedelta
) -> None:
    """Add a companion's claims to a hold (`number` 2 and up). Raises `ExclusionViolationError` if a span is taken."""
    await conn.execute(
        """INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state, expires_at, units, place)
           SELECT $1, $2, claim.row, tstzrange(claim.first, claim.last, '[)'), 'held', clock_timestamp() + $6, $7, $8
           FROM unnest($3::bigint[], $4::timestamptz[], $5::timestamptz[]) AS claim (row, first, last)""",
        tenant, appointment_id, *claim_arrays(claims), hold, units, number,
    )  # fmt: skip


async def list_booked_claims(
    conn: Connection, tenant: str, resources: Sequence[int], blocked: Span, visit: Span, ignoring: UUID | None
) -> list[BookedClaim]:
    """Return the booked claims of `resources` that overlap `blocked`, which is `visit` with its buffers.

    An appointment whose move the calendar has not accepted counts as promised at both times: either may become its final time.
    While its customer waits between two claims, nothing is promised.
    """
    rows = await conn.fetch(
        """SELECT c.resource_id, c.block_start, c.block_end, c.units, a.id, a.was_starts_at IS NOT NULL
                  OR a.starts_at < $6 AND a.ends_at > $5 AND NOT (
                      SELECT bool_or(w.block_end <= $5) AND bool_or(w.block_start >= $6)
                             AND NOT bool_or(w.block_start < $6 AND w.block_end > $5)
                      FROM claims w WHERE w.tenant = $1 AND w.appointment_id = a.id AND w.state = 'booked') AS promised
           FROM claims c JOIN appointments a ON a.tenant = c.tenant AND a.id = c.appointment_id
           WHERE c.tenant = $1 AND c.resource_id = ANY($2) AND c.state = 'booked' AND c.block_end > $3 AND c.block_start < $4
             AND a.id IS DISTINCT FROM $7""",
        tenant, list(resources), blocked.start, blocked.end, visit.start, visit.end, ignoring,
    )  # fmt: skip
    return [
        BookedClaim(r["resource_id"], Span(r["block_start"], r["block_end"]), r["units"], r["id"], r["promised"])
        for r in rows
    ]


async def list_previous_spans(conn: Connection, tenant: str, appointment_id: UUID) -> list[Span]:
    """Return the spans of an appointment's earlier placements, buffers included, the latest placement first."""
    rows = await conn.fetch(
        """SELECT min(block_start) AS first, max(block_end) AS last FROM claims
           WHERE tenant = $1 AND appointment_id = $2 AND place > 0 GROUP BY place ORDER BY place DESC""",
        tenant, appointment_id,
    )  # fmt: skip
    return list(dict.fromkeys(Span(row["first"], row["last"]) for row in rows[1:]))


async def newest_place(conn: Connection, tenant: str, appointment_id: UUID) -> int:
    """Return the number of the appointment's present placement, the highest one."""
    return int(await conn.fetchval(f"SELECT {_NEWEST}", tenant, appointment_id))


async def move_claims(
    conn: Connection, tenant: str, appointment_id: UUID, placement: Placement, kept_place: int | None
) -> None:
    """Book the claims of a new placement, and release all others; the placement with the number `kept_place` stays booked.

    Two claims may not overlap, not even those of one appointment. Where the old and the new placement overlap, the old claim
    serves both until the calendar has decided: only the rest of the new claim is blocked, as place 0.
    """
    await release_claims(conn, tenant, appointment_id)
    kept: Claims = []
    if kept_place is not None:
        rows = await conn.fetch(
            """UPDATE claims SET state = 'booked' WHERE tenant = $1 AND appointment_id = $2 AND place = $3
               RETURNING resource_id, block_start, block_end""",
            tenant, appointment_id, kept_place,
        )  # fmt: skip
        kept = [(row["resource_id"], Span(row["block_start"], row["block_end"])) for row in rows]
    number = await newest_place(conn, tenant, appointment_id) + 1
    apart: Claims = []
    overlapping: Claims = []
    for resource_id, span in placement.claims:
        overlaps = [k for r, k in kept if r == resource_id and k.start < span.end and span.start < k.end]
        (overlapping if overlaps else apart).append((resource_id, span))
        if overlaps:
            rest = [(resource_id, piece) for piece in subtract_spans(span, overlaps)]
            await _insert_claims(conn, tenant, appointment_id, rest, placement.units, 0)
    await _insert_claims(conn, tenant, appointment_id, apart, placement.units, number)
    await _insert_claims(conn, tenant, appointment_id, overlapping, placement.units, number, state="released")


async def book_newest_place(conn: Connection, tenant: str, appointment_id: UUID) -> None:
    """Book the claims of the appointment's newest placement, and release all others."""
    await release_claims(conn, tenant, appointment_id)
    await conn.execute(
        f"UPDATE claims SET state = 'booked' WHERE tenant = $1 AND appointment_id = $2 AND place = {_NEWEST}",  # noqa: S608  a constant
        tenant, appointment_id,
    )  # fmt: skip


async def restore_place(conn: Connection, tenant: str, appointment_id: UUID, place: int | None) -> None:
    """Book the claims of an earlier placement again, with a new number, since the highest one counts. Release all others."""
    await release_claims(conn, tenant, appointment_id)
    await conn.execute(
        """INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state, units, place)
           SELECT tenant, appointment_id, resource_id, blocks, 'booked', units,
                  (SELECT max(place) + 1 FROM claims WHERE tenant = $1 AND appointment_id = $2)
           FROM claims WHERE tenant = $1 AND appointment_id = $2 AND place = $3""",
        tenant, appointment_id, place,
    )  # fmt: skip


async def release_claims(conn: Connection, tenant: str, appointment_id: UUID) -> None:
    """Release the booked claims of an appointment."""
    await conn.execute(
        "UPDATE claims SET state = 'released' WHERE tenant = $1 AND appointment_id = $2 AND state = 'booked'",
        tenant, appointment_id,
    )  # fmt: skip


async def _insert_claims(
    conn: Connection, tenant: str, appointment_id: UUID, claims: Claims, units: int, place: int, state: str = "booked"
) -> None:
    """Add an appointment's claims. Raises `asyncpg.ExclusionViolationError` if another claim has part of a claimed span."""
    await conn.execute(
        """INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state, units, place)
           SELECT $1, $2, claim.row, tstzrange(claim.first, claim.last, '[)'), $6, $7, $8
           FROM unnest($3::bigint[], $4::timestamptz[], $5::timestamptz[]) AS claim (row, first, last)""",
        tenant, appointment_id, *claim_arrays(claims), state, units, place,
    )  # fmt: skip


def claim_arrays(claims: Claims) -> tuple[list[int], list[datetime], list[datetime]]:
    """Return claims as three arrays for `unnest` in SQL: the resource ids, the starts and the ends."""
    return [row for row, _ in claims], [span.start for _, span in claims], [span.end for _, span in claims]
