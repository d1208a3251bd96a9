"""Attacks against the session watch itself, and sessions that the watch must leave alone."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest

from askproai_operator.control_loop import Metrics
from askproai_operator.session_watch import watch_sessions
from askproai_operator.store import sessions as sessions_module
from askproai_operator.store.admin import AdminStore, LoginSuspended
from askproai_operator.store.sessions import EndedSession, Misuse, WatchStep
from askproai_sandbox.postgres import EmbeddedPostgres
from tests.worlds.databases import TenantStore
from tests.worlds.hijacked_logins import READ, new_login_works
from tests.worlds.hijacked_tenant import NO_TIMEOUTS, Attack, HijackedTenant, queued
from tests.worlds.waiting import eventually
from tests.worlds.watch_reports import Check, Report, checks

pytestmark = pytest.mark.nightly

RULE_ON_LOGINS = Attack("rule-on-logins", queued("pg_catalog.pg_authid", "pg_roles"), Misuse.TABLE_LOCK)
READ_TENANT = "SELECT 1 FROM tenants"
ADVISORY = "SELECT pg_advisory_lock(pg_backend_pid())"


async def may_log_in(env: HijackedTenant, role: str) -> bool:
    return bool(await env.superuser.fetchval("SELECT rolcanlogin FROM pg_roles WHERE rolname = $1", role))


def ensure(env: HijackedTenant, store: TenantStore, admin: AdminStore | None = None) -> Awaitable[bool]:
    password = store.dsn.split(":")[2].split("@")[0]
    return (admin or env.database.admin).ensure_tenant(store.tenant, store.uid, password, 60)


@asynccontextmanager
async def second_admin(dsn: str) -> AsyncIterator[AdminStore]:
    admin = AdminStore(dsn)
    try:
        yield admin
    finally:
        await admin.close()


@pytest.fixture
async def second_database(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The URL of an empty database on the same server, of the same admin."""
    name = f"test_{secrets.token_hex(6)}"
    yield await postgres.create_database(name)
    await postgres.drop_database(name)


async def test_session_watch_spares_sessions_of_another_installation(env: HijackedTenant, second_database: str) -> None:
    pod, stop, report = await asyncpg.connect(env.victim.dsn), asyncio.Event(), Report()
    async with second_admin(second_database) as admin:
        async with asyncio.TaskGroup() as group:
            group.create_task(watch_sessions(admin, Metrics(), stop))
            await admin.prepare()
            connected = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'askproai-session-watch'"
            await eventually(lambda: env.superuser.fetchval(connected), what="the watch to be connected")
            stop.set()
        async with checks(admin, report) as check:
            await check()
    assert not pod.is_closed()
    assert await pod.fetchval(READ) == 0
    assert await new_login_works(env, READ)
    assert report.ended == []
    await pod.close()


async def test_session_watch_of_unprepared_database_ends_no_session(env: HijackedTenant, second_database: str) -> None:
    """Before, every role of the server may connect to the new database."""
    pod, report = await asyncpg.connect(env.victim.dsn), Report()
    async with second_admin(second_database) as admin, checks(admin, report) as check:
        await check()
        assert report.failed[0] == (WatchStep.LOOK_UP_ROLES, "")
    assert report.ended == []
    assert await new_login_works(env, READ)
    await pod.close()


async def test_copied_database_does_not_end_the_originals_sessions(env: HijackedTenant, second_database: str) -> None:
    report = Report()
    async with second_admin(second_database) as admin:
        await admin.prepare()
        conn = await asyncpg.connect(second_database)
        await conn.execute("INSERT INTO tenants (tenant, role, uid) VALUES ('victim.victim', $1, 'u')", env.victim.role)
        await conn.close()
        pod = await asyncpg.connect(env.victim.dsn)
        async with checks(admin, report) as check:
            await check()
    assert await pod.fetchval(READ) == 0
    assert report.ended == []
    await pod.close()


async def test_newly_made_role_cannot_lock_the_catalog(env: HijackedTenant) -> None:
    async with env.watched():
        await eventually(lambda: new_login_works(env, READ))
        env.attacker = await env.database.create_tenant("fresh")
        await env.launch(RULE_ON_LOGINS)
        await eventually(lambda: new_login_works(env, READ), 10, "the victim to be served")


async def test_unknown_operators_role_cannot_block_the_tenants(env: HijackedTenant) -> None:
    """With shards each operator watches, and this operator's lookup of roles waits for the attacker's lock."""
    stop, report = asyncio.Event(), Report()
    async with second_admin(env.database.dsn) as admin, asyncio.TaskGroup() as group:
        await admin.prepare()
        async with checks(admin, report) as check:
            await check()
            group.create_task(watch_sessions(env.database.admin, env.metrics, stop))
            env.attacker = await env.database.create_tenant("fresh")
            await env.launch(Attack("rule-on-tenants", queued("tenants"), Misuse.TABLE_LOCK))
            await eventually(lambda: new_login_works(env, READ_TENANT), 10, "the victim to be served")

            async def is_suspended() -> bool:
                return not await may_log_in(env, env.attacker.role)

            await eventually(is_suspended, 10, "the attacker's role, whose sessions end first, to be suspended")
            await check()  # the other watch goes on, and neither restores a role that the other suspended
            assert await is_suspended()
        stop.set()


async def test_attackers_changed_role_does_not_blind_session_watch(env: HijackedTenant) -> None:
    """The change makes the watch read the role again, from a table that is locked by then."""
    report = Report()
    async with checks(env.database.admin, report) as check:
        conn = await env.connect()
        await conn.execute(f"""ALTER ROLE "{env.attacker.role}" PASSWORD 'password-of-hijacked'""")
        await env.launch(RULE_ON_LOGINS)
        await check()
    assert report.suspended() == {env.attacker.role}


async def test_blocked_due_lookup_does_not_stop_the_watch(env: HijackedTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_module, "_REFRESH_EVERY", 1)
    report = Report()
    async with checks(env.database.admin, report) as check:
        await env.launch(RULE_ON_LOGINS)
        await check()
        assert report.suspended() == {env.attacker.role}
    assert await new_login_works(env, READ)


async def test_foreign_catalog_lock_blocks_only_the_lookup(env: HijackedTenant, monkeypatch) -> None:
    monkeypatch.setattr(sessions_module, "_REFRESH_EVERY", 1)
    report = Report()
    async with checks(env.database.admin, report) as check:
        conn = await env.connect()
        await conn.execute(ADVISORY)
        async with env.superuser.transaction():
            await env.superuser.execute("LOCK TABLE tenants IN ACCESS EXCLUSIVE MODE")
            await check()
            await check()
        assert (WatchStep.LOOK_UP_ROLES, "") in report.failed
        assert report.suspended() == {env.attacker.role}


async def test_open_password_change_does_not_prevent_the_suspension(env: HijackedTenant) -> None:
    report = Report()
    async with checks(env.database.admin, report) as check:
        holder = await env.connect()
        await holder.execute(f"""BEGIN; ALTER ROLE "{env.attacker.role}" PASSWORD 'password-of-hijacked'""")
        conn = await env.connect()
        await conn.execute(ADVISORY)
        await check()
    assert not await may_log_in(env, env.attacker.role)
    await eventually(holder.is_closed)


async def test_failed_suspension_of_one_login_delays_no_other(env: HijackedTenant) -> None:
    """The first one is reported although the second fails; it is tried again."""
    report = Report()
    async with checks(env.database.admin, report) as check:
        conns = [await asyncpg.connect(store.dsn) for store in (env.attacker, env.victim)]
        for conn in conns:
            await conn.execute(ADVISORY)
        async with env.superuser.transaction():  # nobody can end this one
            await env.superuser.execute(f'ALTER ROLE "{env.attacker.role}" CONNECTION LIMIT 60')
            await check()
            assert report.suspended() == {env.victim.role}
            assert (WatchStep.SUSPEND, env.attacker.role) in report.failed
            with pytest.raises(LoginSuspended, match="advisory_lock"):
                await ensure(env, env.attacker)
        await check()
        assert report.suspended() == {env.victim.role, env.attacker.role}


async def test_reconcile_does_not_restore_a_suspending_login(env: HijackedTenant, monkeypatch) -> None:
    reconciled: list[BaseException] = []
    execute = asyncpg.Connection.execute

    async def reconcile_first(self: object, query: str, *args: object, **kwargs: object) -> str:
        if "CONNECTION LIMIT 1000060" in query:
            reconciled.extend(await asyncio.gather(ensure(env, env.attacker), return_exceptions=True))
        return await execute(self, query, *args, **kwargs)

    report = Report()
    async with checks(env.database.admin, report) as check:
        conn = await env.connect()
        await conn.execute(ADVISORY)
        monkeypatch.setattr(asyncpg.Connection, "execute", reconcile_first)
        await check()
    assert isinstance(reconciled[0], LoginSuspended)
    assert not await may_log_in(env, env.attacker.role)


async def suspend(env: HijackedTenant, check: Check) -> None:
    conn = await env.connect()
    await conn.execute(ADVISORY)
    await check()
    assert not await may_log_in(env, env.attacker.role)


async def test_another_leader_restores_suspended_logins_on_time(
    env: HijackedTenant, advance_suspensions: Callable[[float], None]
) -> None:
    async with checks(env.database.admin, Report()) as check:
        await suspend(env, check)
    async with second_admin(env.database.dsn) as leader:
        with pytest.raises(LoginSuspended, match="another process"):
            await ensure(env, env.attacker, leader)
    async with second_admin(env.database.dsn) as leader, checks(leader, Report()) as check:
        with pytest.raises(LoginSuspended, match="another process"):
            await ensure(env, env.attacker, leader)
        await ensure(env, env.victim, leader)
        advance_suspensions(sessions_module.SUSPENSION_SECONDS + 1)
        await check()
        assert await (await env.connect()).fetchval(READ) == 0


async def test_login_of_deleted_suspended_tenant_stays_refused(
    env: HijackedTenant, advance_suspensions: Callable[[float], None]
) -> None:
    async with checks(env.database.admin, Report()) as check:
        await suspend(env, check)
        await env.database.admin.drop_tenant(env.attacker.tenant, erase=True)
        await check()
        with pytest.raises(LoginSuspended):
            await ensure(env, env.attacker)
        advance_suspensions(sessions_module.SUSPENSION_SECONDS + 1)
        await ensure(env, env.attacker)
        assert await (await env.connect()).fetchval(READ) == 0


async def test_session_outliving_its_role_blinds_no_watch(env: HijackedTenant) -> None:
    report = Report()
    async with checks(env.database.admin, report) as check:
        orphan = await env.connect()
        role = env.attacker.role
        await env.superuser.execute(f'ALTER ROLE "{role}" NOLOGIN; DROP OWNED BY "{role}"; DROP ROLE "{role}"')
        await orphan.execute(ADVISORY)
        other = await asyncpg.connect(env.victim.dsn)
        await other.execute(NO_TIMEOUTS)
        await other.execute("BEGIN; LOCK TABLE appointments IN ACCESS EXCLUSIVE MODE")
        await check()
        assert report.suspended() == {env.victim.role}
        await eventually(other.is_closed)


async def test_no_session_survives_the_drop_of_its_role(env: HijackedTenant) -> None:
    """Logins that go on during the drop."""
    stop, opened = asyncio.Event(), []

    async def log_in() -> None:
        while not stop.is_set():
            try:
                opened.append(await asyncpg.connect(env.attacker.dsn, timeout=5))
                if len(opened) > 25:
                    opened.pop(0).terminate()
            except (asyncpg.PostgresError, OSError, TimeoutError):
                await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(log_in())
        await eventually(lambda: len(opened) > 5)
        await env.database.admin.drop_tenant(env.attacker.tenant, erase=True)
        stop.set()
    foreign = "SELECT count(*) FROM pg_stat_get_activity(NULL) a WHERE usesysid <> 0 AND usesysid NOT IN (SELECT oid FROM pg_roles)"
    assert await env.superuser.fetchval(foreign) == 0
    for conn in opened:
        conn.terminate()


LOCKS = """SELECT count(*) FROM (
    SELECT query_to_xml(format('SELECT 1 FROM %s LIMIT 0', c.oid::regclass), true, false, '')
    FROM pg_class c WHERE relkind = 'r' AND has_table_privilege(c.oid, 'SELECT')) x"""


async def test_roles_sessions_together_respect_their_lock_share(env: HijackedTenant) -> None:
    """Each session stays below the limit of a single session."""
    report = Report()
    async with checks(env.database.admin, report) as check:
        for _ in range(20):
            conn = await env.connect()
            await conn.execute("BEGIN")
            await conn.fetchval(LOCKS)
        most = "SELECT max(n) FROM (SELECT count(*) AS n FROM pg_lock_status() GROUP BY pid) s"
        assert await env.superuser.fetchval(most) < sessions_module.MIN_LOCKS
        await check()
    assert report.ended == [EndedSession(env.attacker.role, Misuse.MANY_LOCKS, suspended=True)]
