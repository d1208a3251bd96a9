"""Moving and cancelling, as SQL. Whoever calls these holds the locks of the people concerned.

The claims of the highest number are an appointment's place; older ones are history, released. While the calendar has not
agreed to a move, the place before it stays blocked as well, so that a refused move can always be taken back.
"""

from datetime import datetime
from uuid import UUID

from askproai_core.database import Connection
from askproai_runtime.booking.availability import Claims, Span, without
from askproai_runtime.booking.store.appointments import READ, Appointment, CancelledBy, Place, Status, columns

_NEWEST = "(SELECT max(place) FROM claims WHERE tenant = $1 AND appointment_id = $2)"


async def lock_people(conn: Connection, tenant: str, appointment_id: UUID) -> None:
    """Lock whom the appointment blocks, in id order, as every writer of claims does."""
    await conn.execute(
        """SELECT 1 FROM resources WHERE tenant = $1 AND id IN (
               SELECT resource_id FROM claims WHERE tenant = $1 AND appointment_id = $2) ORDER BY id FOR UPDATE""",
        tenant, appointment_id,
    )  # fmt: skip


async def coming(conn: Connection, tenant: str, caller: str | None, call_id: str, now: datetime) -> list[Appointment]:
    """Give the live appointments to come of a caller's number, and of this call; a withheld number owns nothing."""
    rows = await conn.fetch(
        READ  # noqa: S608  a constant
        + """WHERE a.tenant = $1 AND a.starts_at > $4 AND a.status IN ('confirmed', 'pending_sync')
           AND (a.call_id = $3 OR a.caller = $2
                OR a.customer_id = (SELECT own.id FROM customers own WHERE own.tenant = $1 AND own.phone = $2))
           ORDER BY a.starts_at, a.id LIMIT 20""",
        tenant, caller, call_id, now,
    )  # fmt: skip
    return list({row["id"]: Appointment(**row) for row in rows}.values())


async def cancelled_in(conn: Connection, tenant: str, call_id: str) -> list[UUID]:
    """Give what this call has cancelled, the last one last."""
    rows = await conn.fetch(
        """SELECT appointment_id FROM call_actions WHERE tenant = $1 AND call_id = $2 AND key LIKE 'cancel|%'
           AND appointment_id IS NOT NULL ORDER BY created_at""",
        tenant, call_id,
    )  # fmt: skip
    return [row["appointment_id"] for row in rows]


async def move(conn: Connection, tenant: str, made: Appointment, to: Place, *, ask_calendar: bool) -> None:
    """Put an appointment elsewhere. `ask_calendar`: until that agrees, the place before the move stays blocked, too."""
    kept: Claims = []
    was = (made.was_place or await _newest(conn, tenant, made.id)) if ask_calendar else None
    await release(conn, tenant, made.id)
    if was is not None:
        rows = await conn.fetch(
            """UPDATE claims SET state = 'booked' WHERE tenant = $1 AND appointment_id = $2 AND place = $3
               RETURNING resource_id, block_start, block_end""",
            tenant, made.id, was,
        )  # fmt: skip
        kept = [(row["resource_id"], Span(row["block_start"], row["block_end"])) for row in rows]
    await _stand(conn, tenant, made.id, to, kept)
    await conn.execute(
        """UPDATE appointments SET starts_at = $3, ends_at = $4, version = version + 1, updated_at = clock_timestamp(),
               status = CASE WHEN $5 THEN 'pending_sync' ELSE 'confirmed' END, error = NULL, was_place = $6,
               was_starts_at = CASE WHEN $5 THEN coalesce(was_starts_at, starts_at) END,
               was_ends_at = CASE WHEN $5 THEN coalesce(was_ends_at, ends_at) END
           WHERE tenant = $1 AND id = $2""",
        tenant, made.id, to.starts_at, to.ends_at, ask_calendar, was,
    )  # fmt: skip


async def _stand(conn: Connection, tenant: str, appointment_id: UUID, to: Place, kept: Claims) -> None:
    """Claim a place beside the `kept` one. Two claims may not overlap, not even those of one appointment: where they would,
    the kept one stands for both until it is settled which it is, and only the rest of the new one is blocked besides.
    """
    number = await _newest(conn, tenant, appointment_id) + 1
    apart: Claims = []
    together: Claims = []
    for row, span in to.claims:
        of_row = [
            other for kept_row, other in kept if kept_row == row and other.start < span.end and span.start < other.end
        ]
        (together if of_row else apart).append((row, span))
        if of_row:
            await block(conn, tenant, appointment_id, [(row, rest) for rest in without(span, of_row)], to.units, 0)
    await block(conn, tenant, appointment_id, apart, to.units, number)
    await block(conn, tenant, appointment_id, together, to.units, number, state="released")


async def _newest(conn: Connection, tenant: str, appointment_id: UUID) -> int:
    return int(await conn.fetchval(f"SELECT {_NEWEST}", tenant, appointment_id))


async def release(conn: Connection, tenant: str, appointment_id: UUID) -> None:
    await conn.execute(
        "UPDATE claims SET state = 'released' WHERE tenant = $1 AND appointment_id = $2 AND state = 'booked'",
        tenant, appointment_id,
    )  # fmt: skip


async def block(
    conn: Connection, tenant: str, appointment_id: UUID, claims: Claims, units: int, place: int, state: str = "booked"
) -> None:
    """Add claims. `ExclusionViolationError`: one is taken."""
    await conn.execute(
        """INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state, units, place)
           SELECT $1, $2, claim.row, tstzrange(claim.first, claim.last, '[)'), $6, $7, $8
           FROM unnest($3::bigint[], $4::timestamptz[], $5::timestamptz[]) AS claim (row, first, last)""",
        tenant, appointment_id, *columns(claims), state, units, place,
    )  # fmt: skip


async def stand_on_newest(conn: Connection, tenant: str, appointment_id: UUID) -> None:
    """Block the appointment's place, and nothing else."""
    await release(conn, tenant, appointment_id)
    await conn.execute(
        f"UPDATE claims SET state = 'booked' WHERE tenant = $1 AND appointment_id = $2 AND place = {_NEWEST}",  # noqa: S608  a constant
        tenant, appointment_id,
    )  # fmt: skip


async def cancel(conn: Connection, tenant: str, made: Appointment, by: CancelledBy, reason: str | None) -> None:
    """Write that it is cancelled, and free its time at once. Its claims stay as history: they tell where to look for what the
    calendar may have without our knowing its uid.
    """
    await release(conn, tenant, made.id)
    await conn.execute(
        """UPDATE appointments SET status = 'cancelled', cancelled_by = $3, cancel_reason = $4, version = version + 1,
               error = NULL, updated_at = clock_timestamp(), was_place = NULL, was_starts_at = NULL, was_ends_at = NULL
           WHERE tenant = $1 AND id = $2""",
        tenant, made.id, by.value, reason,
    )  # fmt: skip


async def mark_absent(conn: Connection, tenant: str, made: Appointment, at: datetime | None, *, absent: bool) -> None:
    """Write who did not come, or that it was a mistake to say so. The time stays blocked: it has passed."""
    status = Status.NO_SHOW if absent else Status.CONFIRMED
    await conn.execute(
        """UPDATE appointments SET status = $3, external_updated_at = coalesce($4, external_updated_at), version = version + 1,
               updated_at = clock_timestamp() WHERE tenant = $1 AND id = $2""",
        tenant, made.id, status.value, at,
    )  # fmt: skip
