"""The reads at the end of a call in a new installation, whose tables have no statistics yet."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from askproai_runtime.book.store.appointments import release_holds
from tests.worlds.databases import Database, TenantStore

pytestmark = pytest.mark.nightly

HOLDS, STAFF = 600, 10


@dataclass
class HeldTimes:
    """A tenant's holds, in tables without autovacuum. `conn` is its own connection, `db` the superuser's."""

    tenant: TenantStore
    conn: asyncpg.Connection
    db: asyncpg.Connection

    async def hold(self, number: int) -> None:
        resource = self.tenant.resources["mitte", f"person-{number % STAFF}", 1]
        start = datetime(2026, 12, 1, 8, tzinfo=UTC) + timedelta(hours=number // STAFF)
        row = uuid4()
        await self.db.execute(
            """INSERT INTO appointments (tenant, id, call_id, branch, service, staff, starts_at, ends_at, status, correlation_id)
               VALUES ($1, $2, $3, 'mitte', 'haarschnitt', $4, $5, $5::timestamptz + interval '30 minutes', 'held', 'c')""",
            self.tenant.tenant, row, f"call_{number}", f"person-{number % STAFF}", start,
        )  # fmt: skip
        await self.db.execute(
            """INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state, expires_at)
               VALUES ($1, $2, $3, tstzrange($4, $4::timestamptz + interval '30 minutes', '[)'), 'held',
                       now() + interval '5 minutes')""",
            self.tenant.tenant, row, resource, start,
        )  # fmt: skip

    async def rows_read(self) -> int:
        """Return how many appointments and claims were read since the last call, by an index or without one."""
        await self.conn.execute("SELECT pg_stat_force_next_flush()")
        read = """SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_user_tables
                  WHERE relname IN ('appointments', 'claims')"""
        rows: int = await self.db.fetchval(read)
        await self.db.execute("SELECT pg_stat_reset()")
        return rows


@pytest.fixture
async def held(database: Database) -> AsyncIterator[HeldTimes]:
    tenant = await database.create_tenant("new", [("mitte", f"person-{number}", 1) for number in range(STAFF)])
    db = await asyncpg.connect(database.superuser_dsn)
    for table in ("appointments", "claims"):
        await db.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
    conn = await asyncpg.connect(tenant.dsn)
    times = HeldTimes(tenant, conn, db)
    for number in range(HOLDS):
        await times.hold(number)
    yield times
    await conn.close()
    await db.close()


async def test_release_of_holds_reads_few_rows(held: HeldTimes) -> None:
    """With a join, the end of a call without holds read all holds for each hold: 50 ms for each event, with 600."""
    await held.rows_read()
    for number in range(10):
        await release_holds(held.conn, held.tenant.tenant, [f"call_without_{number}"])
    assert await held.rows_read() < 10 * 3 * HOLDS
    await release_holds(held.conn, held.tenant.tenant, ["call_3", "call_4", "call_without"])
    assert await held.db.fetchval("SELECT count(*) FROM appointments") == HOLDS - 2
