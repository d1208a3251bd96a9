"""A row in every table for a tenant, written by its own role."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from askproai_operator.store.tenant_tables import TENANT_TABLES
from tests.worlds.databases import Database, TenantStore

T0 = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=30)
HOUR = timedelta(hours=1)


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def altered_schema(superuser: asyncpg.Connection, alter: str, restore: str) -> AsyncIterator[None]:
    """Run the block on an altered schema, and restore the schema afterwards for later tests."""
    await superuser.execute(alter)
    try:
        yield
    finally:
        await superuser.execute(restore)


async def delete_tenants(database: Database) -> None:
    """End the sessions of all tenants and delete their rows. Their roles stay."""
    async with connected(database.superuser_dsn) as superuser:
        await superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename LIKE 'askproai\\_t\\_%'"
        )
        await superuser.execute(";".join(f"DELETE FROM {table}" for table in TENANT_TABLES))


async def fill(tenant: TenantStore) -> UUID:
    """Write a row to each table as the tenant's own role, which proves the role's rights."""
    key, resource = tenant.tenant, tenant.resources["mitte", "anna", 1]
    async with connected(tenant.dsn) as c, c.transaction():
        customer = await c.fetchval(
            "INSERT INTO customers (tenant, phone, name) VALUES ($1, '+493012345', 'Erika') RETURNING id", key
        )
        await c.execute(
            "INSERT INTO calls (tenant, call_id, status, correlation_id) VALUES ($1, 'call_1', 'ended', 'c')", key
        )
        event = await c.fetchval(
            """INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id)
               VALUES ($1, 'retell', 'call_1:call_ended', 'call_ended', '{}', 'c') RETURNING id""",
            key,
        )
        appointment = await c.fetchval(
            """INSERT INTO appointments (tenant, branch, service, staff, customer_id, starts_at, ends_at, status, correlation_id)
               VALUES ($1, 'mitte', 'schnitt', 'anna', $2, $3, $4, 'confirmed', 'c') RETURNING id""",
            key, customer, T0, T0 + HOUR,
        )  # fmt: skip
        await claim(c, key, appointment, resource, T0)
        await c.execute(
            "INSERT INTO refusals (tenant, resource_id, starts_at, ends_at, until) VALUES ($1, $2, $3, $4, $4)",
            key, resource, T0, T0 + HOUR,
        )  # fmt: skip
        await c.execute(
            "INSERT INTO call_actions (tenant, call_id, key, state, lease_until) VALUES ($1, 'call_1', 'k', 'done', now())",
            key,
        )
        await c.execute(
            """INSERT INTO jobs (tenant, kind, priority, event_id, correlation_id)
               VALUES ($1, 'webhook-event', 'high', $2, 'c')""",
            key, event,
        )  # fmt: skip
        await c.execute(
            """INSERT INTO provider_calls (tenant, provider, operation, method, endpoint, outcome, duration_ms, correlation_id)
               VALUES ($1, 'calcom', 'book', 'POST', '/v2/bookings', 'ok', 50, 'c')""",
            key,
        )
        await c.execute(
            """INSERT INTO function_requests (tenant, call_id, at, function, arguments, outcome, duration_ms, correlation_id)
               VALUES ($1, 'call_1', now(), 'check_availability', '{}', 'offered', 5, 'c')""",
            key,
        )
        await c.execute(
            """INSERT INTO messages (tenant, call_id, key, name, text, correlation_id)
               VALUES ($1, 'call_1', 'k', 'Erika', 'Bittet um Rückruf.', 'c')""",
            key,
        )
        entry = await c.fetchval(
            """INSERT INTO waitlist (tenant, call_id, key, branch, service, spans, requested, since, until, name, phone,
                                     correlation_id)
               VALUES ($1, 'call_1', 'k', 'mitte', 'schnitt', '[]', 'Freitag', $2, $3, 'Erika', '+493012345', 'c')
               RETURNING id""",
            key, T0, T0 + HOUR,
        )  # fmt: skip
        freed = await c.fetchval(
            "INSERT INTO freed_times (tenant, resource_id, starts_at, ends_at) VALUES ($1, $2, $3, $4) RETURNING id",
            key, resource, T0, T0 + HOUR,
        )  # fmt: skip
        await c.execute(
            """INSERT INTO waitlist_offers (tenant, entry_id, freed_id, staff, starts_at, ends_at, expires_at)
               VALUES ($1, $2, $3, 'anna', $4, $5, $5)""",
            key, entry, freed, T0, T0 + HOUR,
        )  # fmt: skip
        await c.execute(
            "INSERT INTO free_times (tenant, event_type_id, day, read_at) VALUES ($1, 1001, current_date, now())", key
        )
        await c.execute(
            """INSERT INTO host_free_times (tenant, event_type_id, host_id, day, read_at)
               VALUES ($1, 3001, 17, current_date, now())""",
            key,
        )
        await c.execute("INSERT INTO verifications (tenant, call_id) VALUES ($1, 'call_1')", key)
        await c.execute("INSERT INTO call_notices (tenant, call_id) VALUES ($1, 'call_1')", key)
        await c.execute(
            """INSERT INTO shadow_requests (tenant, at, answered_at, call_id, function, outcome, correlation_id, body)
               VALUES ($1, now(), now(), 'call_1', 'book_appointment', 'booked', 'c', 'body')""",
            key,
        )
        await c.execute("INSERT INTO billing (tenant, subscription, livemode) VALUES ($1, 'sub_1', false)", key)
        await c.execute("INSERT INTO tasks (tenant, name, due_at) VALUES ($1, 'calendar-poll', now())", key)
        await c.execute(
            """INSERT INTO notifications (tenant, kind, subject, recipient, channel, correlation_id)
               VALUES ($1, 'booked', 'a/1', 'customer', 'Email', 'c')""",
            key,
        )
        await c.execute(
            """INSERT INTO reminder_opt_outs (tenant, address, since, changed_by)
               VALUES ($1, 'petra@example.com', now(), 'salon')""",
            key,
        )
        erasure = await c.fetchval(
            "INSERT INTO erasures (tenant, id, caller) VALUES ($1, gen_random_uuid(), '+493012345') RETURNING id", key
        )
        await c.execute(
            "INSERT INTO erased_references (tenant, kind, reference, erasure) VALUES ($1, 'call', 'call_erased', $2)",
            key, erasure,
        )  # fmt: skip
        await c.execute(  # done: while one is open, the role may delete
            "UPDATE erasures SET state = 'done', caller = NULL, finished_at = now() WHERE tenant = $1 AND id = $2",
            key, erasure,
        )  # fmt: skip
        await c.execute("INSERT INTO audit_log (tenant, actor, action, correlation_id) VALUES ($1, 'a', 'b', 'c')", key)
    return appointment


async def claim(c: asyncpg.Connection, tenant: str, appointment: UUID, resource: int, start: datetime) -> None:
    await c.execute(
        "INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state) VALUES ($1, $2, $3, $4, 'booked')",
        tenant, appointment, resource, asyncpg.Range(start, start + HOUR),
    )  # fmt: skip
