"""The delays that an attacker with a tenant's database login causes others, and their bounds.

That the login reads and writes nothing of others is in tests/integration/database/test_row_security.py.
"""

import sys
import time
from collections.abc import Callable

import asyncpg
import pytest

from askproai_operator.store import admin as admin_module
from askproai_operator.store import sessions as sessions_module
from askproai_operator.store.admin import LoginSuspended
from askproai_operator.store.sessions import Misuse
from tests.worlds.hijacked_logins import READ, new_login_works
from tests.worlds.hijacked_tenant import Attack, HijackedTenant, queued
from tests.worlds.tenant_rows import fill
from tests.worlds.waiting import eventually

pytestmark = pytest.mark.nightly

ADVISORY_FLOOD = """
DO $$ BEGIN FOR n IN 1..1000000 LOOP PERFORM pg_advisory_lock(n); END LOOP;
EXCEPTION WHEN OTHERS THEN NULL; END $$"""

WRITE = "UPDATE appointments SET notes = 'later' WHERE false"

STOPPING_OTHERS = (
    Attack("lock-table", (("BEGIN", "LOCK TABLE appointments IN ACCESS EXCLUSIVE MODE"),), Misuse.TABLE_LOCK),
    Attack("lock-table-share", (("BEGIN", "LOCK TABLE appointments IN SHARE MODE"),), Misuse.TABLE_LOCK),
    Attack("rule-on-appointments", queued("appointments"), Misuse.TABLE_LOCK),
    Attack("rule-on-tenants", queued("tenants"), Misuse.TABLE_LOCK),
    Attack(
        "trigger-on-appointments",
        (("BEGIN", WRITE), ("CREATE TRIGGER t BEFORE INSERT ON appointments EXECUTE FUNCTION tsvector_update_trigger()",)),
        Misuse.TABLE_LOCK,
    ),
    Attack("rule-on-logins", queued("pg_catalog.pg_authid", "pg_roles"), Misuse.TABLE_LOCK),
    Attack("rule-on-class", queued("pg_catalog.pg_class"), Misuse.TABLE_LOCK),
    Attack("rule-on-memberships", queued("pg_catalog.pg_auth_members"), Misuse.TABLE_LOCK),
    Attack("rule-on-databases-from-another", queued("pg_catalog.pg_database"), Misuse.OTHER_DATABASE, "postgres"),
)  # fmt: skip


@pytest.mark.parametrize("attack", STOPPING_OTHERS, ids=lambda attack: attack.name)
async def test_watch_ends_sessions_whose_locks_stop_all_tenants(env: HijackedTenant, attack: Attack) -> None:
    async with env.watched():
        started = time.perf_counter()
        await env.launch(attack)
        for statement in (READ, WRITE):
            await eventually(lambda sql=statement: new_login_works(env, sql), 10, "the victim to be served")
        sys.stdout.write(f"the victim waited {time.perf_counter() - started:.2f} s\n")
        await eventually(lambda: env.ended_sessions(attack.misuse) >= 1, what="the session to be ended")
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            await env.connect()


@pytest.mark.parametrize("attack", STOPPING_OTHERS, ids=lambda attack: attack.name)
async def test_each_attack_stops_the_victim_without_the_watch(env: HijackedTenant, attack: Attack) -> None:
    """Otherwise the test above would prove nothing."""
    await env.launch(attack)
    assert not all([await new_login_works(env, statement) for statement in (READ, WRITE)])


async def test_advisory_locks_do_not_fill_the_lock_table(env: HijackedTenant) -> None:
    """Without the watch nobody can log in any more: out of shared memory."""
    async with env.watched():
        await env.launch(Attack("advisory-flood", ((ADVISORY_FLOOD,),), Misuse.ADVISORY_LOCK))
        await eventually(lambda: new_login_works(env, READ), 10, "the victim to be served")
        await eventually(lambda: env.ended_sessions(Misuse.ADVISORY_LOCK) >= 1, what="the session to be ended")


async def test_hijacked_session_in_another_database_is_ended(env: HijackedTenant) -> None:
    """There the role may create temporary tables and large objects, because PostgreSQL lets everybody into `postgres`."""
    async with env.watched():
        conn = await env.connect("postgres")
        await eventually(conn.is_closed, what="the session to be ended")
    assert env.ended_sessions(Misuse.OTHER_DATABASE) == 1


async def test_endless_transaction_is_ended_while_the_login_stays(env: HijackedTenant, monkeypatch) -> None:
    """It would keep every migration waiting, and dead rows from being removed. A slow pod may be the reason."""
    short = sessions_module._SUSPECTS.replace(
        f"interval '{sessions_module.MAX_TRANSACTION_SECONDS} s'", "interval '1 s'"
    )
    assert short != sessions_module._SUSPECTS
    monkeypatch.setattr(sessions_module, "_SUSPECTS", short)
    async with env.watched():
        conn = await env.connect()
        await conn.execute("BEGIN; SELECT count(*) FROM appointments")
        await eventually(conn.is_closed, what="the session to be ended")
        await (await env.connect()).execute("SELECT 1")
    assert env.ended_sessions(Misuse.LONG_TRANSACTION) == 1


async def test_normal_pod_statements_end_no_session(env: HijackedTenant) -> None:
    """Row locks, writes to each table, an open transaction of some seconds, as many connections as there may be."""
    async with env.watched():
        conn = await asyncpg.connect(env.victim.dsn)
        async with conn.transaction():
            await fill(env.victim)
            await conn.execute("SELECT 1 FROM resources ORDER BY id FOR UPDATE")
            await env.database.admin.prepare()
            checked = sum([await looked_at(env) for _ in range(3)])
        await conn.close()
    assert checked == 3
    assert not any(env.ended_sessions(misuse) for misuse in Misuse)


async def looked_at(env: HijackedTenant) -> bool:
    """Wait for one more check of the watch."""
    query = "SELECT query_start FROM pg_stat_activity WHERE application_name = 'askproai-session-watch'"
    before = await env.superuser.fetchval(query)

    async def later() -> bool:
        return bool(await env.superuser.fetchval(query) > before)

    return await eventually(later)


async def test_suspended_login_returns_in_time_with_an_explanation(
    env: HijackedTenant, advance_suspensions: Callable[[float], None]
) -> None:
    attacker, admin = env.attacker, env.database.admin
    ensure = (attacker.tenant, attacker.uid, "password-of-hijacked", 60)
    async with env.watched():
        await env.launch(STOPPING_OTHERS[0])
        await eventually(lambda: env.ended_sessions(Misuse.TABLE_LOCK), what="the session to be ended")
    with pytest.raises(LoginSuspended, match=r"table_lock.*15 minutes.*Secret"):
        await admin.ensure_tenant(*ensure)
    await admin.ensure_tenant(env.victim.tenant, env.victim.uid, "password-of-victim", 60)
    advance_suspensions(admin_module.SUSPENSION_SECONDS + 1)
    await admin.ensure_tenant(*ensure)
    await (await env.connect()).execute(READ)


async def test_missing_membership_in_a_login_is_restored(env: HijackedTenant) -> None:
    """The operator needs the membership to end the login's sessions."""
    admin = await asyncpg.connect(env.database.dsn)
    await admin.execute(f'REVOKE "{env.attacker.role}" FROM CURRENT_USER')
    await admin.close()
    may_end = "SELECT pg_has_role('askproai_admin', $1, 'USAGE')"
    assert not await env.superuser.fetchval(may_end, env.attacker.role)
    await env.database.create_tenant("hijacked")
    assert await env.superuser.fetchval(may_end, env.attacker.role)


async def test_object_in_another_database_does_not_prevent_deletion(env: HijackedTenant) -> None:
    conn = await env.connect("postgres")
    await conn.execute("SELECT lo_create(0)")
    await env.database.admin.drop_tenant(env.attacker.tenant, erase=True)
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await env.connect()
    assert await env.superuser.fetchval("SELECT count(*) FROM tenants") == 1
    other = await asyncpg.connect(env.database.superuser_dsn.replace(env.database.name, "postgres"))
    await other.execute(f'DROP OWNED BY "{env.attacker.role}"; DROP ROLE "{env.attacker.role}"')
    await other.close()


async def test_platform_uses_no_advisory_lock_or_channel(env: HijackedTenant) -> None:
    """Both are shared by the whole database: a lock or message of a tenant there reaches nobody."""
    conn = await env.connect()
    await conn.execute("SELECT count(pg_advisory_lock(n)) FROM generate_series(-100, 100) n")
    await conn.execute("SELECT count(pg_notify('askproai', repeat('x', 7000))) FROM generate_series(1, 1000)")
    await env.database.admin.prepare()
    await env.database.create_tenant("another")
    await env.database.admin.drop_tenant("another.another", erase=True)
    listening = "SELECT count(*) FROM pg_stat_activity WHERE query ILIKE 'listen%' OR query ILIKE '%advisory%' AND usename <> $1"
    assert await env.superuser.fetchval(listening, env.attacker.role) == 1  # this query itself


async def test_password_changed_by_the_role_is_reconciled(env: HijackedTenant) -> None:
    conn = await env.connect()
    await conn.execute(
        f"""ALTER ROLE "{env.attacker.role}" PASSWORD 'mine'; ALTER ROLE CURRENT_USER SET lock_timeout = 0"""
    )
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(env.attacker.dsn)
    await env.database.create_tenant("hijacked")
    (await asyncpg.connect(env.attacker.dsn)).terminate()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(env.database.admin.tenant_dsn(env.attacker.tenant, "mine"))


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER ROLE CURRENT_USER CONNECTION LIMIT 1000", "ALTER ROLE CURRENT_USER SUPERUSER", "ALTER SYSTEM SET work_mem = '1GB'",
        "SET log_statement = 'all'", "SET temp_file_limit = -1", "COPY tenants TO PROGRAM 'id'", "COPY tenants TO '/tmp/t'",
        "SELECT lo_export(1, '/tmp/t')", "SELECT nextval('jobs_id_seq')", "SELECT setval('jobs_id_seq', 1)",
        "CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()", "SELECT pg_reload_conf()", "SELECT pg_switch_wal()",
        "SELECT * FROM pg_hba_file_rules", "SELECT pg_log_backend_memory_contexts(pg_backend_pid())", "CHECKPOINT",
    ],
    ids=lambda statement: statement.split("(")[0][:40].replace(" ", "-").lower(),
)  # fmt: skip
async def test_tenants_role_has_no_administrative_rights(env: HijackedTenant, statement: str) -> None:
    conn = await env.connect()
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedFunctionError)):
        await conn.execute(statement)
