"""The tenant's own database role sees, changes and learns nothing of another tenant."""

import json
from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.worlds.databases import Database, TenantStore
from tests.worlds.tenant_rows import HOUR, T0, claim, connected, fill


@dataclass
class TwoTenants:
    """Two tenants with the same names in one database, and a row of each in every table. `a` is the curious one."""

    database: Database
    a: TenantStore
    b: TenantStore
    b_resource: int
    b_appointment: UUID


@pytest.fixture(scope="module")
async def tenants(module_database: Database) -> TwoTenants:
    a, b = await module_database.create_tenant("alpha"), await module_database.create_tenant("beta")
    appointments = [await fill(tenant) for tenant in (a, b)]
    return TwoTenants(module_database, a, b, b.resources["mitte", "anna", 1], appointments[1])


async def tables(c: asyncpg.Connection) -> list[str]:
    rows = await c.fetch(
        """SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
           AND relnamespace = current_schema()::regnamespace ORDER BY relname"""
    )
    return [row["relname"] for row in rows]


async def test_every_table_has_row_security_and_tenant_keys(tenants: TwoTenants) -> None:
    async with connected(tenants.database.superuser_dsn) as c:
        found = set(await tables(c))
        loose = await c.fetch(
            """SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
               AND NOT (relrowsecurity AND relforcerowsecurity)"""
        )
        assert {row["relname"] for row in loose} == {"schema_migrations"}
        # Unique and foreign keys ignore policies: without the tenant as first column, they reveal that a row exists.
        keys = await c.fetch(
            """SELECT conrelid::regclass::text AS of, conname, (SELECT attname FROM pg_attribute
                      WHERE attrelid = conrelid AND attnum = conkey[1]) AS first
               FROM pg_constraint WHERE contype IN ('p', 'u', 'f') AND connamespace = current_schema()::regnamespace"""
        )
        odd = {(row["of"], row["conname"]) for row in keys if row["first"] != "tenant" and row["of"] in found}
        # Only the owner writes these three columns.
        assert odd == {
            ("schema_migrations", "schema_migrations_pkey"), ("resources", "resources_id_key"), ("tenants", "tenants_role_key"),
        }  # fmt: skip


async def test_tenants_role_sees_only_own_rows_everywhere(tenants: TwoTenants) -> None:
    async with connected(tenants.a.dsn) as c:
        names = [name for name in await tables(c) if name != "schema_migrations"]
        assert len(names) >= 12
        for name in names:
            assert await c.fetchval(f"SELECT count(*) FROM {name} WHERE tenant = $1", tenants.a.tenant) >= 1, name
            assert await c.fetchval(f"SELECT count(*) FROM {name} WHERE tenant <> $1", tenants.a.tenant) == 0, name


DELETABLE = {
    "appointments", "claims", "call_actions", "customers", "calls", "webhook_events", "function_requests", "messages", "waitlist",
    "notifications", "reminder_opt_outs", "verifications", "shadow_requests",
}  # fmt: skip


async def test_tenants_role_changes_and_deletes_nothing_of_others(tenants: TwoTenants) -> None:
    """Each column of each table: either the grant is missing, or no row matches."""
    async with connected(tenants.database.superuser_dsn) as su:
        before = await everything(su, tenants.b.tenant)
        async with connected(tenants.a.dsn) as c:
            for name in await tables(c):
                columns = await c.fetch(
                    "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND attgenerated = ''",
                    name,
                )
                changes = [f"UPDATE {name} SET {column[0]} = {column[0]}" for column in columns]
                where = f" WHERE tenant = '{tenants.b.tenant}'" if name != "schema_migrations" else ""
                for statement in (*changes, f"DELETE FROM {name}"):
                    try:
                        touched = await c.execute(statement + where)
                    except (asyncpg.InsufficientPrivilegeError, asyncpg.GeneratedAlwaysError):
                        continue
                    assert touched in ("UPDATE 0", "DELETE 0"), statement
                # A role that may DELETE may lock (0001_schema.up.sql); the watch of sessions ends it.
                lockable = await c.fetchval("SELECT has_table_privilege($1, 'DELETE')", name)
                assert not lockable or name in DELETABLE
                for statement in (
                    f"TRUNCATE {name} CASCADE",
                    f"DROP TABLE {name} CASCADE",
                    f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY",
                    f"DROP POLICY tenant_reads ON {name}",
                    *(() if lockable else (f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE",)),
                ):
                    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedObjectError)):
                        await c.execute(f"BEGIN; {statement}")
                    await c.execute("ROLLBACK")
        assert await everything(su, tenants.b.tenant) == before


async def everything(su: asyncpg.Connection, tenant: str) -> dict[str, list[str]]:
    return {
        name: sorted([row[0] for row in await su.fetch(f"SELECT t::text FROM {name} t WHERE tenant = $1", tenant)])
        for name in await tables(su)
        if name != "schema_migrations"
    }


async def test_a_tenants_role_adds_no_row_for_another(tenants: TwoTenants) -> None:
    """A copy of B's own rows, offered by A: refused by policy or grant, before any key can reveal whether it exists."""
    async with connected(tenants.database.superuser_dsn) as su, connected(tenants.a.dsn) as c:
        for name in await tables(c):
            if name == "schema_migrations":
                continue
            row = json.loads(await su.fetchval(f"SELECT to_jsonb(t) FROM {name} t WHERE tenant = $1", tenants.b.tenant))
            writable = await su.fetch(
                """SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0
                   AND attgenerated = '' AND attidentity = ''""",
                name,
            )
            columns = ", ".join(column[0] for column in writable)
            other = {"id": str(uuid4())} if isinstance(row.get("id"), str) else {"uid": "new"}
            for value in (row, row | other):  # one that exists, one that does not
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await c.execute(
                        f"INSERT INTO {name} ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::{name}, $1)",
                        json.dumps(value),
                    )
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await c.execute(f"UPDATE {name} SET tenant = '{tenants.b.tenant}'")


async def test_foreign_resource_is_refused_equally_for_any_span(tenants: TwoTenants) -> None:
    """Otherwise error codes would reveal another salon's calendar."""
    messages = set()
    async with connected(tenants.a.dsn) as c:
        own = await c.fetchval("SELECT id FROM appointments LIMIT 1")
        own_resource = tenants.a.resources["mitte", "mehmet", 1]
        await claim(c, tenants.a.tenant, own, own_resource, T0 + 10 * HOUR)
        for resource, start in ((tenants.b_resource, T0), (tenants.b_resource, T0 + 5 * HOUR), (999_999, T0)):
            for tenant in (tenants.a.tenant, tenants.b.tenant):
                for appointment in (own, tenants.b_appointment):
                    with pytest.raises(asyncpg.PostgresError) as refusal:
                        await claim(c, tenant, appointment, resource, start)
                    messages.add(str(refusal.value))
            with pytest.raises(asyncpg.PostgresError) as refusal:
                await c.execute(
                    "UPDATE claims SET resource_id = $1, blocks = $2 WHERE resource_id = $3",
                    resource, asyncpg.Range(start, start + HOUR), own_resource,
                )  # fmt: skip
            messages.add(str(refusal.value))
    assert messages == {'new row violates row-level security policy for table "claims"'}


async def test_foreign_appointment_or_event_looks_like_missing(tenants: TwoTenants) -> None:
    messages = set()
    async with connected(tenants.a.dsn) as c:
        for appointment in (tenants.b_appointment, uuid4()):
            with pytest.raises(asyncpg.ForeignKeyViolationError) as refusal:
                await c.execute(
                    """INSERT INTO jobs (tenant, kind, priority, appointment_id, correlation_id)
                       VALUES ($1, 'calendar-sync', 'low', $2, 'c')""",
                    tenants.a.tenant, appointment,
                )  # fmt: skip
            messages.add(str(refusal.value))
    assert len(messages) == 1


async def test_tenants_role_can_assume_no_other_role(tenants: TwoTenants) -> None:
    """PostgreSQL 16 and later refuse SET ROLE to the group; in 15 it finds no row."""
    async with connected(tenants.a.dsn) as c:
        for role in (
            tenants.b.role,
            "askproai_owner",
            "askproai_coordinator",
            "askproai_backup",
            "askproai_admin",
            "postgres",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await c.execute(f'SET ROLE "{role}"')
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await c.execute(f'SET SESSION AUTHORIZATION "{role}"')
        try:
            await c.execute("SET ROLE askproai_tenant")
        except asyncpg.InsufficientPrivilegeError:
            assert c.get_server_version().major >= 16
        for name in await tables(c):
            if name != "schema_migrations" and await c.fetchval("SELECT current_user") == "askproai_tenant":
                assert await c.fetchval(f"SELECT count(*) FROM {name}") == 0, name
        await c.execute("RESET ROLE; SET row_security = off")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await c.fetch("SELECT * FROM appointments")


async def test_a_tenants_role_creates_nothing_in_the_database(tenants: TwoTenants) -> None:
    async with connected(tenants.a.dsn) as c:
        for statement in (
            "CREATE TABLE loot (a int)",
            "CREATE TEMP TABLE resources (a int)",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE SCHEMA own",
            "CREATE ROLE friend",
            "SELECT last_value FROM claims_id_seq",
            "SELECT rolpassword FROM pg_authid",
            "SELECT pg_read_file('postgresql.conf')",
            f"SELECT pg_terminate_backend(pid) FROM (SELECT pg_backend_pid() AS pid) p, pg_read_file('{tenants.b.role}')",
            f'ALTER ROLE "{tenants.b.role}" PASSWORD NULL',
            f'GRANT "{tenants.b.role}" TO CURRENT_USER',
            "SELECT set_config('session_authorization', 'askproai_owner', false)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await c.execute(statement)


async def test_sessions_of_other_tenants_stay_unread(tenants: TwoTenants) -> None:
    """PostgreSQL shows that other sessions exist, not what they do."""
    async with connected(tenants.b.dsn) as other, connected(tenants.a.dsn) as c:
        pid = await other.fetchval("SELECT pg_backend_pid() /* secret */")
        assert "secret" not in str(await c.fetch("SELECT * FROM pg_stat_activity"))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await c.execute(f"SELECT pg_terminate_backend({pid})")
        shown = await c.fetch("SELECT DISTINCT tablename FROM pg_stats WHERE schemaname = current_schema()")
        assert {row["tablename"] for row in shown} <= {"schema_migrations"}  # once autovacuum has looked at it


async def test_tenants_role_cannot_change_records_or_confirmed_appointments(tenants: TwoTenants) -> None:
    async with connected(tenants.a.dsn) as c:
        assert await c.execute("DELETE FROM appointments") == "DELETE 0"  # a confirmed one
        assert await c.execute("DELETE FROM claims") == "DELETE 0"
        assert await c.execute("DELETE FROM call_actions") == "DELETE 0"
        for statement in (
            "UPDATE webhook_events SET payload = 'forged'",
            "UPDATE webhook_events SET event_id = 'other'",
            "UPDATE audit_log SET action = 'nothing'",
            "DELETE FROM audit_log",
            "DELETE FROM jobs",
            "UPDATE resources SET active = false",
            "INSERT INTO resources (tenant, branch, staff) VALUES ('alpha.alpha', 'mitte', 'ghost')",
            "UPDATE tenants SET role = 'other'",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await c.execute(statement)
        held = await c.fetchval(
            """INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, call_id, correlation_id)
               VALUES ('alpha.alpha', 'mitte', 's', 'anna', $1, $2, 'held', 'call_1', 'c') RETURNING id""",
            T0, T0 + HOUR,
        )  # fmt: skip
        await c.execute(
            """INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state, expires_at)
               VALUES ('alpha.alpha', $1, $2, $3, 'held', now())""",
            held, tenants.a.resources["mitte", "mehmet", 1], asyncpg.Range(T0 + 20 * HOUR, T0 + 21 * HOUR),
        )  # fmt: skip
        assert await c.execute("DELETE FROM appointments WHERE id = $1", held) == "DELETE 1"
        assert await c.fetchval("SELECT count(*) FROM claims WHERE appointment_id = $1", held) == 0


async def test_forced_row_security_applies_to_the_owner(tenants: TwoTenants) -> None:
    async with connected(tenants.database.dsn) as c:
        await c.execute("SET ROLE askproai_owner")
        assert await c.fetchval("SELECT count(DISTINCT tenant) FROM appointments") >= 2
        transaction = c.transaction()
        await transaction.start()
        for name in await tables(c):
            if name != "schema_migrations":
                await c.execute(f"DROP POLICY owner ON {name}")
                assert await c.fetchval(f"SELECT count(*) FROM {name}") == 0, name
        await transaction.rollback()


async def test_the_backup_role_reads_everything_and_writes_nothing(tenants: TwoTenants) -> None:
    async with connected(tenants.database.superuser_dsn) as c:
        await c.execute("SET ROLE askproai_backup")
        for name in await tables(c):
            least = 1 if name == "schema_migrations" else 2
            assert await c.fetchval(f"SELECT count(*) FROM {name}") >= least, name
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await c.execute(f"DELETE FROM {name}")


async def test_tenants_free_times_use_btree_and_one_lookup(tenants: TwoTenants) -> None:
    """Range operators are not leakproof, so under row security the GiST index only enforces (6.5 ms against 0.07)."""
    busy = await tenants.database.create_tenant("busy", [("mitte", f"p{n}", 1) for n in range(20)])
    async with connected(tenants.database.superuser_dsn) as su:
        await su.execute(
            """WITH a AS (INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, correlation_id)
                   VALUES ('busy.busy', 'mitte', 's', 'p', now(), now() + interval '1 h', 'confirmed', 'c') RETURNING id)
               INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state)
               SELECT 'busy.busy', a.id, r.id,
                      tstzrange($1::timestamptz + n * interval '1 h', $1::timestamptz + (n + 1) * interval '1 h'), 'booked'
               FROM a, resources r, generate_series(0, 499) n WHERE r.tenant = 'busy.busy'""",
            T0,
        )
        await su.execute("ANALYZE")
    async with connected(busy.dsn) as c:
        plan = "\n".join(
            row[0]
            for row in await c.fetch(
                f"""EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)
                    SELECT resource_id, block_start, block_end FROM claims
                    WHERE tenant = 'busy.busy' AND resource_id = {busy.resources["mitte", "p3", 1]}
                    AND state IN ('held', 'booked') AND block_end > '{T0 + 480 * HOUR}' AND block_start < '{T0 + 490 * HOUR}'"""
            )
        )
    assert "claims_read" in plan, plan
    assert "InitPlan" in plan, plan
    assert "Seq Scan on claims" not in plan, plan
    assert "claims_no_overlap" not in plan, plan
    assert plan.count("loops=1)") == plan.count("loops="), plan
