"""The right of one call to do one thing once: a row that is in flight makes concurrent twins wait (design §3.5)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from askproai_core.database import Connection


def move_key(appointment_id: UUID, start: datetime) -> str:
    """Name the effect of a move."""
    return f"move|{appointment_id}|{start.astimezone(UTC).isoformat()}"


async def take_turn(
    conn: Connection, tenant: str, call_id: str, key: str, start: datetime, lease: timedelta
) -> int | None:
    """Take the right to do an action of a call: it was never done, its holder died, or its appointment is gone or moved.

    Gives the generation; None: it is done and stands, or somebody is doing it now.
    """
    generation: int | None = await conn.fetchval(
        """INSERT INTO call_actions AS act (tenant, call_id, key, state, lease_until)
           VALUES ($1, $2, $3, 'in_flight', clock_timestamp() + $5)
           ON CONFLICT (tenant, call_id, key) DO UPDATE SET state = 'in_flight', lease_until = excluded.lease_until,
               generation = act.generation + 1
           WHERE act.state = 'in_flight' AND act.lease_until <= clock_timestamp()
              OR act.state = 'done' AND NOT EXISTS (
                  SELECT 1 FROM appointments a WHERE a.tenant = $1 AND a.id = act.appointment_id
                  AND a.status IN ('confirmed', 'pending_sync') AND a.starts_at = $4)
           RETURNING generation""",
        tenant, call_id, key, start, lease,
    )  # fmt: skip
    return generation


async def set_turn(
    conn: Connection, tenant: str, call_id: str, key: str, generation: int, made: UUID | None, lease: timedelta | None
) -> None:
    """Write what an action has made so far, and how long it may still take; None: it is done.

    Nothing made and no time left gives it up to the next who asks: a refusal is never stored.
    """
    await conn.execute(
        """UPDATE call_actions SET appointment_id = coalesce($5, appointment_id),
               state = CASE WHEN $6::interval IS NULL THEN 'done' ELSE 'in_flight' END,
               lease_until = clock_timestamp() + coalesce($6, interval '0')
           WHERE tenant = $1 AND call_id = $2 AND key = $3 AND generation = $4 AND state = 'in_flight'""",
        tenant, call_id, key, generation, made, lease,
    )  # fmt: skip


async def is_done(conn: Connection, tenant: str, call_id: str, key: str) -> bool:
    """Say whether the action was done, as opposed to somebody being at it now."""
    state = await conn.fetchval(
        "SELECT state FROM call_actions WHERE tenant = $1 AND call_id = $2 AND key = $3", tenant, call_id, key
    )
    return bool(state == "done")


async def note_done(conn: Connection, tenant: str, call_id: str, key: str, made: UUID) -> None:
    """Write that a call did what needs no turn, because its state alone says that it is done."""
    await conn.execute(
        """INSERT INTO call_actions (tenant, call_id, key, state, lease_until, appointment_id)
           VALUES ($1, $2, $3, 'done', clock_timestamp(), $4) ON CONFLICT DO NOTHING""",
        tenant, call_id, key, made,
    )  # fmt: skip
