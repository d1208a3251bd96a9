"""Rows of `reminder_opt_outs`: the addresses that get no reminders and no offers."""

from uuid import UUID

import asyncpg

from askproai_core.database import Connection, Pool


async def set_opt_out(
    pool: Pool, tenant: str, address: str, *, wants_none: bool, changed_by: str, request_id: UUID, correlation_id: str
) -> None:
    """Store whether an address opts out of reminders (`wants_none`). A repeated opt-out keeps its first time. Safe to repeat.

    The audit log records who changed this, without the address.
    """
    await pool.execute(
        """WITH changed AS (
               INSERT INTO reminder_opt_outs AS o (tenant, address, since, changed_by)
               VALUES ($1, $2, CASE WHEN $3 THEN clock_timestamp() END, $4)
               ON CONFLICT (tenant, address) DO UPDATE SET since = CASE WHEN $3 THEN coalesce(o.since, excluded.since) END,
                   changed_by = excluded.changed_by, changed_at = clock_timestamp()
               WHERE (o.since IS NOT NULL) <> $3
               RETURNING 1)
           INSERT INTO audit_log (tenant, actor, action, detail, correlation_id)
           SELECT $1, 'desk', CASE WHEN $3 THEN 'reminders.stopped' ELSE 'reminders.resumed' END,
                  jsonb_build_object('token', 'admin', 'claimed_by', $4::text, 'request', $5::uuid), $6
           FROM changed""",
        tenant, address, wants_none, changed_by, request_id, correlation_id,
    )  # fmt: skip


async def find_customer_email(pool: Pool, tenant: str, appointment_id: UUID) -> str | None:
    """Return the e-mail address of an appointment's customer, which may be made up by us; None if there is none."""
    found: str | None = await pool.fetchval(
        "SELECT attendee_email FROM appointments WHERE tenant = $1 AND id = $2", tenant, appointment_id
    )
    return found


async def stop_reminders(pool: Pool, tenant: str, address: str, correlation_id: str) -> None:
    """Store that the customer with this address opts out of reminders. Safe to repeat; the audit log does not name the address."""
    await pool.execute(
        """WITH changed AS (
               INSERT INTO reminder_opt_outs AS o (tenant, address, since, changed_by)
               VALUES ($1, $2, clock_timestamp(), 'the customer')
               ON CONFLICT (tenant, address) DO UPDATE SET since = excluded.since, changed_by = excluded.changed_by,
                   changed_at = clock_timestamp()
               WHERE o.since IS NULL
               RETURNING 1)
           INSERT INTO audit_log (tenant, actor, action, correlation_id)
           SELECT $1, 'customer', 'reminders.stopped', $3 FROM changed""",
        tenant, address, correlation_id,
    )  # fmt: skip


async def is_opted_out(conn: Connection, tenant: str, address: str) -> bool:
    """Return True if an address has opted out of reminders and of offers."""
    return bool(
        await conn.fetchval(
            "SELECT EXISTS (SELECT 1 FROM reminder_opt_outs WHERE tenant = $1 AND address = $2 AND since IS NOT NULL)",
            tenant, address,
        )
    )  # fmt: skip


async def list_opt_outs(pool: Pool, tenant: str, limit: int) -> list[asyncpg.Record]:
    """Return the addresses that have opted out of reminders, the latest opt-out first."""
    return list(
        await pool.fetch(
            """SELECT address, since, changed_by FROM reminder_opt_outs WHERE tenant = $1 AND since IS NOT NULL
               ORDER BY since DESC LIMIT $2""",
            tenant, limit,
        )
    )  # fmt: skip
