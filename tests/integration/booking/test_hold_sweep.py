"""Expired and released holds: neither deadlock nor lost booking, and few rows are read."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from askproai_core.database import Pool, open_pool
from askproai_runtime.book.context import BookingSettings
from askproai_runtime.book.store.appointments import release_holds
from askproai_runtime.coordinator.maintenance import sweep_holds
from tests.worlds.booking_environment import call
from tests.worlds.databases import Database, TenantStore
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

BRIEF = BookingSettings(hold=timedelta(milliseconds=30), holds_per_caller=100)


@dataclass
class SweepContext:
    """The part of the coordinator's context that the sweep uses."""

    pool: Pool

    def fence(self) -> None:
        """Do nothing: this process holds the Lease."""


@pytest.fixture
async def sweep_context(module_database: Database):
    await module_database.admin.ensure_coordinator("p")
    async with open_pool(module_database.admin.coordinator_dsn("p"), max_size=2) as pool:
        yield SweepContext(pool)


async def deadlocks(database: Database, pool: Pool) -> int:
    return await pool.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = $1", database.name)


async def test_sweeping_holds_neither_deadlocks_nor_loses_bookings(new_salon, sweep_context, module_database: Database):
    salon = await new_salon(settings=BRIEF)
    before, finished, swept = await deadlocks(module_database, sweep_context.pool), asyncio.Event(), 0

    async def sweep() -> None:
        nonlocal swept
        while not finished.is_set():
            swept += await sweep_holds(sweep_context)

    async def caller(number: int) -> list[dict[str, Any]]:
        answers = []
        for turn in range(6):
            context = call(f"call_{number}_{turn}", None)
            offer = await salon.booking.check_availability(context, {"service": "Haarschnitt", "date": "2026-11-27"})
            slots = offer.fields["slots"]
            if turn % 2 and slots:
                answers.append(await salon.book(slots[0]["start"], name=f"Rosa {number}", by=context))
        return answers

    async def is_swept() -> bool:
        return swept > 0 and await salon.rows("SELECT 1 FROM appointments WHERE status = 'held'") == []

    sweeping = asyncio.create_task(sweep())
    answers = await asyncio.gather(*(caller(number) for number in range(8)))
    # nobody books this day, so its hold is for the sweep, however slowly the callers went
    await salon.booking.check_availability(call("call_last", None), {"service": "Haarschnitt", "date": "2026-11-30"})
    await eventually(is_swept, SOON, "the sweep of the last hold")
    finished.set()
    await sweeping
    booked = [answer for of_caller in answers for answer in of_caller if answer.success]
    assert len(booked) == len(await salon.live()) > 0
    await salon.assert_claims_match()
    assert await deadlocks(module_database, sweep_context.pool) == before


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
