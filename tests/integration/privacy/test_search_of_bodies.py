"""The search for one caller reads the bodies that may be the caller's, and no others: a busy tenant has gigabytes of them."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import msgspec
import pytest
from asyncpg.connection import LoggedQuery

from askproai_core.data_keys import DataKeys, encode_data_keys
from askproai_runtime.calls.texts import store_said
from askproai_runtime.encryption import BodyCipher, no_cipher
from askproai_runtime.privacy.store import find_traces
from tests.worlds.compiled_salon import salon_config
from tests.worlds.databases import Database, TenantStore
from tests.worlds.encryption import old_key
from tests.worlds.tenant_rows import connected

pytestmark = pytest.mark.nightly

NUMBER = "+4915155500077"
OTHER = "+493012345678"
# PostgreSQL cannot compress hexadecimal digits well. They are no real transcript; only the length counts.
_CALLS = """
WITH added AS (
    INSERT INTO calls (tenant, call_id, status, direction, from_number, started_at, ended_at, correlation_id)
    SELECT $1, 'call_' || n, 'ended', 'inbound', $4, now() - interval '1 hour', now() - interval '1 hour', 'c'
    FROM generate_series($5::int, $5::int + $2::int - 1) n RETURNING call_id
)
INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id, status)
SELECT $1, 'retell', call_id || ':call_ended', 'call_ended', convert_to(format('{"event": "call_ended", "call": {"call_id": "%s",
    "direction": "inbound", "from_number": "%s", "transcript": "%s"}}', call_id, $4::text, (
        SELECT string_agg(encode(sha256((call_id || i)::bytea), 'hex'), '') FROM generate_series(1, $3::int / 64) i)), 'UTF8'),
    'c', 'processed' FROM added
"""
_CALL = """
INSERT INTO calls (tenant, call_id, status, direction, from_number, ended_at, correlation_id)
VALUES ($1, $2, 'ended', 'inbound', $3, now(), 'c')
"""
_EVENT = """
INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id, status)
VALUES ($1, $2, $3 || ':call_ended', 'call_ended', $4, 'c', $5) RETURNING id
"""


async def add_calls(conn: asyncpg.Connection, tenant: str, calls: int, length: int, begin: int = 1) -> None:
    """Add ended calls from another number, each with a transcript of `length` characters."""
    await conn.execute(_CALLS, tenant, calls, length, OTHER, begin)


async def add_call(
    conn: asyncpg.Connection, tenant: str, call_id: str, source: str, status: str, *, has_row: bool, caller: str = OTHER
) -> int:
    """Add one event that names `NUMBER` and is no JSON, and maybe the row of its call; return its id."""
    if has_row:
        await conn.execute(_CALL, tenant, call_id, caller)
    event: int = await conn.fetchval(_EVENT, tenant, source, call_id, f"not JSON: {NUMBER}".encode(), status)
    return event


CALLS, BODY = 200, 30_000
_READ = """
SELECT heap_blks_read + heap_blks_hit + toast_blks_read + toast_blks_hit FROM pg_statio_user_tables WHERE relname = 'webhook_events'
"""


@pytest.fixture
async def salon(database: Database) -> TenantStore:
    """A tenant with the bodies of many calls by others, which are processed."""
    salon = await database.create_tenant("salon")
    async with connected(salon.dsn) as conn:
        await add_calls(conn, salon.tenant, CALLS, BODY)
    return salon


async def blocks(database: Database) -> int:
    async with connected(database.superuser_dsn) as conn:
        return int(await conn.fetchval(_READ))


async def search(conn: asyncpg.Connection, tenant: str, number: str = NUMBER) -> tuple[int, ...]:
    until = datetime.now(UTC) + timedelta(minutes=1)
    config = msgspec.structs.replace(salon_config(), tenant=tenant)
    return (await find_traces(conn, config, number, until, no_cipher(tenant))).events


async def test_bodies_of_other_calls_are_not_read(database: Database, salon: TenantStore) -> None:
    before = await blocks(database)
    async with connected(salon.dsn) as conn:
        await conn.execute("SELECT pg_stat_force_next_flush()")
        assert await search(conn, salon.tenant) == ()
    read = await blocks(database) - before
    assert read < CALLS, "of the bodies alone there are four blocks for each call"


@pytest.mark.parametrize(
    ("source", "status", "has_row", "found"),
    [
        ("retell", "processed", True, False),  # only said in the call of another
        ("retell", "processed", False, True),
        ("retell", "received", True, True),
        ("retell", "failed", False, True),
        ("retell", "dead", True, True),
        ("calcom", "processed", False, True),
        ("calcom", "received", False, True),
    ],
)
async def test_bodies_without_an_owner_are_searched(salon: TenantStore, source, status, has_row, found) -> None:
    """The body contains the number. Once the call has a row, that row names the caller."""
    async with connected(salon.dsn) as conn:
        event = await add_call(conn, salon.tenant, "call_x", source, status, has_row=has_row)
        assert await search(conn, salon.tenant) == ((event,) if found else ())


async def test_bodies_of_own_call_are_found(salon: TenantStore) -> None:
    async with connected(salon.dsn) as conn:
        event = await add_call(conn, salon.tenant, "call_own", "retell", "processed", has_row=True, caller=NUMBER)
        assert await search(conn, salon.tenant) == (event,)


async def test_each_statement_searches_few_bodies(database: Database, salon: TenantStore) -> None:
    """The bodies have 30 MB, half of them Cal.com's. One statement for all would exceed its time limit if there were more."""
    read = list[int]()

    def note(query: LoggedQuery) -> None:
        read.extend(len(each) for each in query.args if "position(" in query.query and isinstance(each, list))

    async with connected(salon.dsn) as conn:
        first = await add_call(conn, salon.tenant, "call_first", "calcom", "processed", has_row=False)
        await add_calls(conn, salon.tenant, 1000 - CALLS, BODY, CALLS + 1)
        async with connected(database.dsn) as owner:
            await owner.execute("UPDATE webhook_events SET source = 'calcom' WHERE id % 2 = 0")
        last = await add_call(conn, salon.tenant, "call_last", "calcom", "processed", has_row=False)
        with conn.query_logger(note):
            assert await search(conn, salon.tenant) == (first, last)
    assert len(read) > 1
    assert max(read) <= 200


async def test_each_statement_searches_few_records(salon: TenantStore) -> None:
    """Encrypted records of other calls are all read, since no statement can search them."""
    key = old_key()
    cipher, at = BodyCipher(salon.tenant, lambda: encode_data_keys(DataKeys((key,))), lambda: True), datetime.now(UTC)
    said = [{"phone": "0151 555 000 77" if number in {0, 449} else "030 12345678"} for number in range(450)]
    rows = [store_said(cipher, f"call_{number}", at, "f", each, None) for number, each in enumerate(said)]
    config = msgspec.structs.replace(salon_config(), tenant=salon.tenant)
    read = list[int]()

    def note(query: LoggedQuery) -> None:
        read.extend(len(each) for each in query.args if "arguments::text" in query.query and isinstance(each, list))

    async with connected(salon.dsn) as conn:
        await conn.executemany(
            """INSERT INTO function_requests (tenant, call_id, at, function, arguments, outcome, duration_ms, correlation_id)
               VALUES ($1, $2, $3, 'f', $4::jsonb, 'done', 1, 'c')""",
            [(salon.tenant, f"call_{number}", at, json.dumps(row)) for number, row in enumerate(rows)],
        )
        with conn.query_logger(note):
            traces = await find_traces(conn, config, NUMBER, at + timedelta(minutes=1), cipher, uuid4())
        calls = "SELECT array_agg(call_id ORDER BY id) FROM function_requests WHERE id = ANY($1)"
        assert (await conn.fetchval(calls, traces.said_by_others), traces.unreadable) == (["call_0", "call_449"], ())
    assert read == [200, 200, 50]
