"""Moving and cancelling, as SQL. Whoever calls these holds the locks of the people concerned.

The newest claim of an appointment is its place; older ones are history, released. While the calendar has not agreed to a
move, the place before it stays blocked as well, so that a refused move can always be taken back.
"""

from datetime import datetime
from uuid import UUID

import asyncpg

from askproai_runtime.booking.availability import Span
from askproai_runtime.booking.ledger import READ, Appointment, CancelledBy, Place, Status
from askproai_runtime.store import Connection

_NEWEST = "(SELECT max(id) FROM claims WHERE tenant = $1 AND appointment_id = $2)"


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
    kept = await _kept(conn, tenant, made) if ask_calendar else None
    await release(conn, tenant, made.id)
    if kept is None:
        await block(conn, tenant, made.id, to.resource_id, to.blocks)
    elif kept["resource_id"] == to.resource_id and kept["starts"] < to.blocks.end and to.blocks.start < kept["ends"]:
        # Both of one person, and they overlap: one claim over both stands for them until it is settled which it is.
        both = Span(min(kept["starts"], to.blocks.start), max(kept["ends"], to.blocks.end))
        await block(conn, tenant, made.id, to.resource_id, both)
        await block(conn, tenant, made.id, to.resource_id, to.blocks, state="released")
    else:
        await conn.execute("UPDATE claims SET state = 'booked' WHERE tenant = $1 AND id = $2", tenant, kept["id"])
        await block(conn, tenant, made.id, to.resource_id, to.blocks)
    await conn.execute(
        """UPDATE appointments SET starts_at = $3, ends_at = $4, version = version + 1, updated_at = clock_timestamp(),
               status = CASE WHEN $5 THEN 'pending_sync' ELSE 'confirmed' END, error = NULL, was_claim = $6,
               was_starts_at = CASE WHEN $5 THEN coalesce(was_starts_at, starts_at) END,
               was_ends_at = CASE WHEN $5 THEN coalesce(was_ends_at, ends_at) END
           WHERE tenant = $1 AND id = $2""",
        tenant, made.id, to.starts_at, to.ends_at, ask_calendar, kept["id"] if kept else None,
    )  # fmt: skip


async def _kept(conn: Connection, tenant: str, made: Appointment) -> asyncpg.Record | None:
    """Give the claim of the place that the calendar agreed to last."""
    return await conn.fetchrow(
        f"""SELECT id, resource_id, block_start AS starts, block_end AS ends FROM claims
           WHERE tenant = $1 AND appointment_id = $2 AND id = coalesce($3, {_NEWEST})""",  # noqa: S608  a constant
        tenant, made.id, made.was_claim,
    )  # fmt: skip


async def release(conn: Connection, tenant: str, appointment_id: UUID) -> None:
    await conn.execute(
        "UPDATE claims SET state = 'released' WHERE tenant = $1 AND appointment_id = $2 AND state = 'booked'",
        tenant, appointment_id,
    )  # fmt: skip


async def block(
    conn: Connection, tenant: str, appointment_id: UUID, resource_id: int, span: Span, state: str = "booked"
) -> None:
    """Add a claim. `ExclusionViolationError`: it is taken."""
    await conn.execute(
        """INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state)
           VALUES ($1, $2, $3, tstzrange($4, $5, '[)'), $6)""",
        tenant, appointment_id, resource_id, span.start, span.end, state,
    )  # fmt: skip


async def stand_on_newest(conn: Connection, tenant: str, appointment_id: UUID) -> None:
    """Block the appointment's place, and nothing else."""
    await release(conn, tenant, appointment_id)
    await conn.execute(
        f"UPDATE claims SET state = 'booked' WHERE tenant = $1 AND appointment_id = $2 AND id = {_NEWEST}",  # noqa: S608  a constant
        tenant, appointment_id,
    )  # fmt: skip


async def cancel(conn: Connection, tenant: str, made: Appointment, by: CancelledBy, reason: str | None) -> None:
    """Write that it is cancelled, and free its time at once."""
    await release(conn, tenant, made.id)
    await conn.execute(
        """UPDATE appointments SET status = 'cancelled', cancelled_by = $3, cancel_reason = $4, version = version + 1,
               error = NULL, updated_at = clock_timestamp(), was_starts_at = NULL, was_ends_at = NULL, was_claim = NULL
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
