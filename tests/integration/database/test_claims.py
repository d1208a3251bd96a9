"""Double booking is refused by the table itself, and overlapping writers do not deadlock."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import asyncpg
import pytest

from tests.worlds.databases import Database, TenantStore
from tests.worlds.rows import each_row

T0 = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=30)
MINUTE = timedelta(minutes=1)
WRITER = Path(__file__).with_name("claim_writer.py")


_NAMES = count()


@pytest.fixture
async def salon(module_database: Database) -> TenantStore:
    return await module_database.create_tenant(f"salon{next(_NAMES)}", [("mitte", f"person-{n}", 1) for n in range(3)])


async def appointment(c: asyncpg.Connection, tenant: str) -> object:
    return await c.fetchval(
        """INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, correlation_id)
           VALUES ($1, 'mitte', 's', 'p', $2, $3, 'confirmed', 'c') RETURNING id""",
        tenant, T0, T0 + 30 * MINUTE,
    )  # fmt: skip


async def claim(c, tenant, appointment_id, resource, blocks, state="booked", expires=None) -> None:
    await c.execute(
        "INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
        tenant, appointment_id, resource, blocks, state, expires,
    )  # fmt: skip


async def test_only_overlapping_spans_of_one_person_are_refused(salon: TenantStore) -> None:
    first, second, _ = salon.resources.values()
    c = await asyncpg.connect(salon.dsn)
    appointment_id = await appointment(c, salon.tenant)
    await claim(c, salon.tenant, appointment_id, first, asyncpg.Range(T0, T0 + 30 * MINUTE))
    await claim(c, salon.tenant, appointment_id, first, asyncpg.Range(T0 + 30 * MINUTE, T0 + 60 * MINUTE))
    await claim(c, salon.tenant, appointment_id, second, asyncpg.Range(T0, T0 + 30 * MINUTE))
    overlap = asyncpg.Range(T0 + 29 * MINUTE, T0 + 31 * MINUTE)
    for state, expires in (("booked", None), ("held", T0)):
        with pytest.raises(asyncpg.ExclusionViolationError):
            await claim(c, salon.tenant, appointment_id, first, overlap, state, expires)
    await claim(c, salon.tenant, appointment_id, first, asyncpg.Range(T0, T0 + 60 * MINUTE), "released")
    await c.close()


@each_row(
    "blocks",
    [
        asyncpg.Range(empty=True),
        asyncpg.Range(T0, None),
        asyncpg.Range(None, T0),
        asyncpg.Range(T0, T0 + MINUTE, upper_inc=True),
        asyncpg.Range(T0, T0 + MINUTE, lower_inc=False),
        asyncpg.Range(T0, datetime.max.replace(tzinfo=UTC)),
    ],
)
async def test_claimed_span_is_finite_nonempty_and_half_open(salon: TenantStore, blocks: asyncpg.Range) -> None:
    c = await asyncpg.connect(salon.dsn)
    appointment_id = await appointment(c, salon.tenant)
    with pytest.raises(asyncpg.CheckViolationError):
        await claim(c, salon.tenant, appointment_id, next(iter(salon.resources.values())), blocks)
    await c.close()


@pytest.mark.processes
async def test_overlapping_writers_never_deadlock_and_have_one_winner(salon: TenantStore) -> None:
    """Each writer books two of three people at once, in spans that overlap those of the others."""
    ids = sorted(salon.resources.values())
    writers = [
        await asyncio.create_subprocess_exec(
            sys.executable, str(WRITER), salon.dsn, salon.tenant, json.dumps(ids), str(seed), stdout=subprocess.PIPE
        )
        for seed in range(4)
    ]
    outcomes = [json.loads((await writer.communicate())[0]) for writer in writers]
    total = {key: sum(outcome[key] for outcome in outcomes) for key in outcomes[0]}
    assert total["deadlock"] == 0
    assert total["taken"] > 0
    c = await asyncpg.connect(salon.dsn)
    assert await c.fetchval("SELECT count(*) FROM claims") == total["booked"] * 2 > 0
    overlaps = await c.fetchval(
        """SELECT count(*) FROM claims x JOIN claims y ON x.resource_id = y.resource_id AND x.id < y.id AND x.blocks && y.blocks"""
    )
    assert overlaps == 0
    await c.close()
