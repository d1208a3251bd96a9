"""A caller's refusal also holds for the copy of the book, and an erasure also erases from it."""

import json
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from askproai_operator.store.shadows import shadow_name
from askproai_runtime.calls.store import CopiedRequest, insert_copied_request
from tests.worlds.privacy_environment import OTHER, ZORA, PrivacyEnvironment

pytestmark = pytest.mark.nightly

CALL = "call_refuses"


@pytest.fixture
async def shadow(env: PrivacyEnvironment) -> asyncpg.Connection:
    """The login of the tenant's shadow."""
    await env.database.admin.ensure_shadow(env.tenant, env.pod.store.uid, "password-of-shadow", 5)
    conn = await asyncpg.connect(env.database.admin.tenant_dsn(shadow_name(env.tenant), "password-of-shadow"))
    yield conn
    await conn.close()


async def add_copy(env: PrivacyEnvironment, call_id: str, body: bytes = b"Himbeergeist") -> bool:
    now = datetime.now(UTC)
    copied = CopiedRequest(now, now, call_id, "book_appointment", "booked", (), str(uuid4()), body)
    return await insert_copied_request(env.pod.web._process.pool, env.tenant, copied, most_rows=3)


async def add_replayed(shadow: asyncpg.Connection, tenant: str, call_id: str, arguments: str = "Himbeergeist") -> None:
    await shadow.execute(
        """INSERT INTO function_requests (tenant, call_id, at, function, arguments, outcome, answer, duration_ms, correlation_id)
           VALUES ($1, $2, now(), 'book_appointment', $3::jsonb, 'booked', 'Gut', 5, 'c')""",
        shadow_name(tenant), call_id, json.dumps({"notes": arguments}),
    )  # fmt: skip


async def waiting_calls(env: PrivacyEnvironment) -> list[str]:
    rows = await env.pod.db.fetch("SELECT call_id FROM shadow_requests WHERE tenant = $1 ORDER BY 1", env.tenant)
    return [row["call_id"] for row in rows]


async def test_refused_call_is_not_copied_for_shadows(env: PrivacyEnvironment, shadow: asyncpg.Connection) -> None:
    for call_id in (CALL, "call_other"):
        assert await add_copy(env, call_id)
        await add_replayed(shadow, env.tenant, call_id)
    assert (await env.ask("decline_recording", CALL, ZORA, {}))["success"]
    assert await waiting_calls(env) == ["call_other"]
    assert await add_copy(env, CALL), "there is room, and nothing is written"
    await add_replayed(shadow, env.tenant, CALL)
    assert await waiting_calls(env) == ["call_other"]
    words = "SELECT call_id, arguments IS NULL AND answer IS NULL AS is_empty FROM function_requests"
    found = sorted(tuple(row) for row in await shadow.fetch(words))
    assert found == [("call_other", False), (CALL, True), (CALL, True)]


async def test_full_table_of_copies_is_reported(env: PrivacyEnvironment) -> None:
    assert [await add_copy(env, f"call_{n}") for n in range(4)] == [True, True, True, False]


async def test_erasure_reaches_an_idle_shadow(env: PrivacyEnvironment, shadow: asyncpg.Connection) -> None:
    """Nobody copies any more: the image has crashed."""
    call_id = await env.play(ZORA)
    await env.play(OTHER, hour=14)
    await shadow.execute("SELECT copy_live_book(true)")
    await add_replayed(shadow, env.tenant, call_id, ZORA.note)
    await add_copy(env, call_id, ZORA.message.encode())
    tables = ("customers", "appointments", "calls", "function_requests", "call_actions")

    async def stored() -> str:
        return "\n".join([row[0] for table in tables for row in await shadow.fetch(f"SELECT t::text FROM {table} t")])

    before = await stored()
    assert all(needle in before for needle in (ZORA.name, ZORA.number, ZORA.email, ZORA.note))
    assert (await env.erase(ZORA, cancel_appointments=True))[0] == 200
    await env.processed()
    await env.finish()
    left = await stored()
    assert [needle for needle in ZORA.needles if needle in left] == []
    assert OTHER.name in left
    assert await waiting_calls(env) == []
    evidence = await env.pod.db.fetchval("SELECT evidence ->> 'shadow' FROM erasures WHERE tenant = $1", env.tenant)
    assert int(evidence) >= 3


async def test_shadow_data_is_erased_only_in_open_erasure(env: PrivacyEnvironment, shadow: asyncpg.Connection) -> None:
    for dsn in (env.pod.store.dsn, env.database.admin.tenant_dsn(shadow_name(env.tenant), "password-of-shadow")):
        conn = await asyncpg.connect(dsn)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute("SELECT erase_from_shadow($1, '{}', '{}')", ZORA.number)
        await conn.close()
