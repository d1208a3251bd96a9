"""The reads of intake and worker do not depend on statistics: a new installation has none until autovacuum comes."""

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from askproai_core.database import Pool, open_pool
from askproai_core.database.pool import CALLER_USES
from askproai_runtime.calls.store import lock_calls, save_calls
from askproai_runtime.encryption import no_cipher
from askproai_runtime.events.store import list_incomplete_calls, list_unknown_calls
from askproai_runtime.intake import EventStore, IncomingEvent, Source, load_events
from tests.worlds.databases import Database
from tests.worlds.statements import record_statements

pytestmark = pytest.mark.nightly

BATCH = 50
READ_PER_EVENT = 20  # index entries; a plan that reads a tenant's events takes hundreds


@dataclass
class EmptyTables:
    """A tenant in a new database whose tables no autovacuum visits; `db` is the superuser's connection."""

    tenant: str
    pool: Pool
    db: asyncpg.Connection

    async def store(self, batches: int, first: int = 0) -> list[int]:
        """Store so many batches of events, on the pool's one connection; return the ids of the last batch."""
        ids: list[int] = []
        for batch in range(first, first + batches):
            names = [f"call_{batch}_{number}:call_ended" for number in range(BATCH)]
            events = [IncomingEvent(Source.RETELL, name, "call_ended", b"{}" * 500, name) for name in names]
            store = EventStore(self.pool, self.tenant, no_cipher(self.tenant))
            ids = [receipt.id for receipt in await store.write(events) if receipt.id]
        return ids

    async def entries_read(self, table: str = "webhook_events") -> int:
        """Return how many entries of a table's indexes were read since the last call."""
        async with self.pool.acquire() as conn:
            await conn.execute("SELECT pg_stat_force_next_flush()")
        read = "SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = $1"
        entries: int = await self.db.fetchval(read, table)
        await self.db.execute("SELECT pg_stat_reset()")
        return entries

    async def rows_read(self) -> int:
        """Return how many events were read since the last call, by an index or without one."""
        async with self.pool.acquire() as conn:
            await conn.execute("SELECT pg_stat_force_next_flush()")
        read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'webhook_events'"
        rows: int = await self.db.fetchval(read)
        await self.db.execute("SELECT pg_stat_reset()")
        return rows


@pytest.fixture
async def tables(database: Database) -> AsyncIterator[EmptyTables]:
    tenant = await database.create_tenant("new")
    db = await asyncpg.connect(database.superuser_dsn)
    for table in ("webhook_events", "jobs", "calls"):
        await db.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
    async with open_pool(tenant.dsn, max_size=1) as pool:
        yield EmptyTables(tenant.tenant, pool, db)
    await db.close()


async def test_foreign_key_check_planned_early_reads_few_events(tables: EmptyTables) -> None:
    await tables.store(CALLER_USES)
    await tables.entries_read()
    await tables.store(40, first=CALLER_USES)
    assert await tables.entries_read() < READ_PER_EVENT * 40 * BATCH


@pytest.mark.parametrize(("seconds_apart", "renewed_after"), [(1, [1, 2, 4, 8, 16, 32]), (0, [32])])
async def test_statement_plans_are_renewed_without_delaying_quick_caller(
    tables: EmptyTables, monkeypatch: pytest.MonkeyPatch, seconds_apart: int, renewed_after: list[int]
) -> None:
    clock = itertools.count(step=seconds_apart)
    monkeypatch.setattr("askproai_core.database.pool.monotonic", clock.__next__)
    statements = record_statements(monkeypatch)
    renewed = []
    for use in range(1, CALLER_USES + 1):
        statements.clear()
        await tables.pool.fetchval("SELECT 1")
        if "DISCARD PLANS" in statements:
            renewed.append(use)
    assert renewed == renewed_after


@pytest.mark.parametrize("analyzed", [False, True], ids=["without statistics", "with statistics"])
async def test_worker_reads_only_the_events_it_loads(tables: EmptyTables, analyzed: bool) -> None:
    ids = await tables.store(20)
    if analyzed:
        await tables.db.execute("ANALYZE webhook_events, jobs")
    await tables.entries_read()
    async with tables.pool.acquire() as conn:
        for _ in range(10):  # the first five are planned for their values, the others for any
            loaded = await load_events(conn, tables.tenant, ids, Source.RETELL, 10**6, no_cipher(tables.tenant))
            assert len(loaded) == BATCH
    assert await tables.entries_read() <= 10 * BATCH


async def test_worker_changes_calls_without_reading_other_calls(tables: EmptyTables) -> None:
    groups, tenant, cipher = 20, tables.tenant, no_cipher(tables.tenant)
    for group in range(groups):
        async with tables.pool.acquire() as conn, conn.transaction():
            calls = await lock_calls(conn, tenant, {f"call_{group}_{number}": "c" for number in range(BATCH)}, cipher)
            await save_calls(conn, tenant, {call: replace(row, branch="mitte") for call, row in calls.items()}, cipher)
    assert await tables.entries_read("calls") < 4 * groups * BATCH
    saved = await tables.db.fetch("SELECT branch, correlation_id FROM calls")
    assert [tuple(row) for row in saved] == groups * BATCH * [("mitte", "c")]


async def test_call_poll_reads_only_its_calls_events(tables: EmptyTables) -> None:
    """Once there are statistics: it is no hot path, and autovacuum collects them within a minute or two."""
    await tables.store(20)
    calls = [f"call_unknown_{number}" for number in range(BATCH)]
    ended = """INSERT INTO calls (tenant, call_id, status, started_at, ended_at, correlation_id)
               SELECT $1, 'known_' || call_id, 'ended', now(), now(), 'c' FROM unnest($2::text[]) AS c (call_id)"""
    await tables.db.execute(ended, tables.tenant, calls)
    await tables.db.execute("ANALYZE webhook_events, calls")
    await tables.rows_read()
    assert await list_unknown_calls(tables.pool, tables.tenant, calls) == set(calls)
    assert await tables.rows_read() < BATCH
    since = datetime.now(UTC) - timedelta(hours=1)
    assert len(await list_incomplete_calls(tables.pool, tables.tenant, since)) == BATCH
    assert await tables.rows_read() < BATCH
