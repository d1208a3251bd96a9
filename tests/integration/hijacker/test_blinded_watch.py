"""An attacker with a tenant's database login locks the catalog and empties the watch's caches, so that it must read the catalog.

The checks are called one by one: between two of them the attacker has all the time that it needs.
"""

import asyncpg
import pytest

from askproai_operator.store.sessions import Misuse
from tests.worlds.hijacked_tenant import Attack, HijackedTenant, queued
from tests.worlds.watch_reports import Report, checks

pytestmark = pytest.mark.nightly

# More changes than a session may lag behind: it then drops its whole cache of the catalog.
FLOOD = """
DO $$ BEGIN FOR n IN 1..6000 LOOP EXECUTE format('ALTER ROLE CURRENT_USER SET work_mem = %L', 1000 + n);
ALTER ROLE CURRENT_USER PASSWORD NULL; END LOOP; END $$"""
LOCKED = (
    ("pg_catalog.pg_class", None),
    ("pg_catalog.pg_class_oid_index", "pg_catalog.pg_class WHERE oid = 1259"),
    ("pg_catalog.pg_proc", None),
    ("pg_catalog.pg_proc_oid_index", "pg_catalog.pg_proc WHERE oid = 1242"),
    ("pg_catalog.pg_type", None),
    ("pg_catalog.pg_operator", None),
    ("pg_catalog.pg_aggregate", None),
    ("pg_catalog.pg_authid", "pg_roles"),
    ("pg_catalog.pg_index", None),
)


@pytest.mark.parametrize(("locked", "read"), LOCKED, ids=[locked.partition(".")[2] for locked, _ in LOCKED])
async def test_session_watch_rereads_the_catalog_if_needed(env: HijackedTenant, locked: str, read: str | None) -> None:
    report = Report()
    async with checks(env.database.admin, report) as check:
        flood = await env.connect()
        await flood.execute(f"BEGIN; {FLOOD}")
        await env.launch(Attack("blinding", queued(locked, read), Misuse.TABLE_LOCK))
        await flood.execute("COMMIT")
        await check()
        assert {ended.misuse for ended in report.ended} == {Misuse.TABLE_LOCK}
        assert report.failed == []
    await env.database.admin.ensure_tenant(env.victim.tenant, env.victim.uid, "password-of-victim", 60)


async def backend_of(env: HijackedTenant) -> tuple[str | None, str]:
    query = "SELECT backend_xmin::text, state FROM pg_stat_activity WHERE application_name = 'askproai-session-watch'"
    return tuple(await env.superuser.fetchrow(query))


async def test_session_watch_blocks_no_vacuum_of_dead_rows(env: HijackedTenant) -> None:
    """Its open transaction has no snapshot."""
    async with checks(env.database.admin, Report()) as check:
        for _ in range(3):
            await check()
            assert (await backend_of(env))[0] is None


async def test_each_check_reads_the_sessions_again(env: HijackedTenant) -> None:
    """A transaction would otherwise see its first snapshot of them again."""
    report = Report()
    async with checks(env.database.admin, report) as check:
        conn = await env.connect()
        await conn.execute("SELECT pg_advisory_lock(1)")
        await check()
        assert {ended.misuse for ended in report.ended} == {Misuse.ADVISORY_LOCK}


async def test_sessions_of_other_databases_hide_no_lock(env: HijackedTenant) -> None:
    """A server may have databases of other applications, whose sessions are none of ours."""
    other = await asyncpg.connect(env.database.superuser_dsn.replace(env.database.name, "postgres"))
    report = Report()
    async with checks(env.database.admin, report):
        assert (await backend_of(env))[1] == "idle in transaction"
        assert report.failed == []
    await other.close()
