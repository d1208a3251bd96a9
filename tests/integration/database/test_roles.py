"""The roles and rows that AdminStore makes."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from askproai_core.database import group_roles, open_pool
from askproai_core.database.group_roles import RolesUnavailable
from askproai_operator.store import login_roles
from askproai_operator.store.admin import AdminStore
from askproai_operator.store.resources import TenantNotFound
from askproai_operator.store.row_owners import DataOwnedByOther
from askproai_operator.store.tenant_tables import TENANT_TABLES
from askproai_sandbox.postgres import EmbeddedPostgres
from tests.worlds.databases import Database, fresh_database
from tests.worlds.tenant_rows import fill

SALON = ("salon.salon", "uid-salon", "password-of-salon")


@pytest.fixture
async def database(emptied_database: Database) -> Database:
    """The tests share a database: its name is a part of the names of roles, and each test names its tenants anew."""
    return emptied_database


async def login(dsn: str) -> asyncpg.Record:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchrow(
            "SELECT current_user, current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock"
        )
    finally:
        await connection.close()


async def test_tenant_connects_only_with_its_own_password(database: Database) -> None:
    salon = await database.create_tenant("salon")
    assert (await login(salon.dsn))["current_user"] == salon.role
    for password in ("wrong", ""):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await login(database.admin.tenant_dsn(salon.tenant, password))


async def test_database_administrator_needs_no_superuser_rights(database: Database) -> None:
    connection = await asyncpg.connect(database.dsn)
    assert not await connection.fetchval("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
    assert (
        await connection.fetchval("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'claims'")
        == "askproai_owner"
    )
    await connection.close()


async def test_tenants_role_is_limited_in_connections_and_time(database: Database) -> None:
    await database.admin.ensure_tenant(*SALON, connection_limit=2)
    dsn = database.admin.tenant_dsn(SALON[0], SALON[2])
    row = await login(dsn)
    assert (row["statement"], row["lock"]) == ("15s", "5s")
    async with open_pool(dsn, max_size=2) as pool, pool.acquire(), pool.acquire():
        with pytest.raises(asyncpg.TooManyConnectionsError):
            await login(dsn)
        await database.admin.ensure_tenant(*SALON, connection_limit=2)  # still as desired, though no connection is free
        await database.admin.ensure_tenant(*SALON, connection_limit=3)
        await login(dsn)


async def test_changed_password_applies_at_once_or_is_corrected(database: Database) -> None:
    admin = database.admin
    await admin.ensure_tenant(*SALON, connection_limit=5)
    await admin.ensure_tenant("salon.salon", "uid-salon", "rotated", connection_limit=5)
    await login(admin.tenant_dsn("salon.salon", "rotated"))
    with pytest.raises(asyncpg.InvalidPasswordError):
        await login(admin.tenant_dsn("salon.salon", SALON[2]))
    su = await asyncpg.connect(database.superuser_dsn)
    await su.execute(f"ALTER ROLE {admin.role_name('salon.salon')} PASSWORD 'by hand' NOLOGIN")
    await su.close()
    await admin.ensure_tenant("salon.salon", "uid-salon", "rotated", connection_limit=5)
    await login(admin.tenant_dsn("salon.salon", "rotated"))


async def test_ensuring_an_unchanged_tenant_writes_no_row(database: Database) -> None:
    salon = await database.create_tenant("salon")
    su = await asyncpg.connect(database.superuser_dsn)
    query = """SELECT (SELECT xmin::text FROM pg_authid WHERE rolname = $1) AS role,
                     (SELECT max(xmin::text) FROM tenants) AS tenant,
                     (SELECT string_agg(xmin::text || id, ',' ORDER BY id) FROM resources) AS resources"""
    before = await su.fetchrow(query, salon.role)
    await database.admin.prepare()
    assert (await database.create_tenant("salon")).resources == salon.resources
    assert await su.fetchrow(query, salon.role) == before
    await su.close()


async def test_former_tenants_rows_stay_hidden_until_their_adoption(database: Database) -> None:
    admin = database.admin
    await admin.ensure_tenant(*SALON, connection_limit=5)
    await admin.drop_tenant("salon.salon", erase=False)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await login(admin.tenant_dsn("salon.salon", SALON[2]))
    with pytest.raises(DataOwnedByOther, match=r"askproai\.de/adopt-data: <its UID>") as refusal:
        await admin.ensure_tenant("salon.salon", "uid-stranger", "p", connection_limit=5)
    assert refusal.value.owner_uid == "uid-salon"
    assert "uid-salon" not in str(refusal.value), "the text becomes the stranger's status, and the UID opens the rows"
    with pytest.raises(asyncpg.InvalidPasswordError):  # no role was created for the stranger
        await login(admin.tenant_dsn("salon.salon", "p"))
    with pytest.raises(DataOwnedByOther):
        await admin.ensure_tenant("salon.salon", "uid-heir", "p", connection_limit=5, adopt="uid-wrong")
    assert await admin.ensure_tenant("salon.salon", "uid-heir", "p", connection_limit=5, adopt="uid-salon")
    await login(admin.tenant_dsn("salon.salon", "p"))
    assert not await admin.ensure_tenant("salon.salon", "uid-heir", "p", connection_limit=5, adopt="uid-salon")


async def test_recreated_tenant_with_the_same_key_adopts_rows(database: Database) -> None:
    admin = database.admin
    await admin.ensure_tenant(*SALON, connection_limit=5)  # by a release that did not know the key
    with pytest.raises(DataOwnedByOther):
        await admin.ensure_tenant("salon.salon", "uid-heir", "p", connection_limit=5, key_hash="hash")
    with pytest.raises(DataOwnedByOther):
        await admin.ensure_tenant("salon.salon", "uid-heir", "p", connection_limit=5, key_hash="")
    await admin.ensure_tenant(*SALON, connection_limit=5, key_hash="hash")
    await admin.ensure_tenant(*SALON, connection_limit=5, key_hash="hash-of-rotated")
    for other in ("hash", ""):
        with pytest.raises(DataOwnedByOther):
            await admin.ensure_tenant("salon.salon", "uid-heir", "p", connection_limit=5, key_hash=other)
    assert await admin.ensure_tenant("salon.salon", "uid-heir", "p", connection_limit=5, key_hash="hash-of-rotated")
    await admin.ensure_tenant("salon.salon", "uid-heir", "p", connection_limit=5)  # its rows end with it
    with pytest.raises(DataOwnedByOther):
        await admin.ensure_tenant(*SALON, connection_limit=5, key_hash="hash-of-rotated")


async def test_former_owner_reclaims_adopted_rows_only_on_request(database: Database) -> None:
    """As when a second cluster is restored beside the first, or a former leader ends a reconcile: the later owner keeps them."""
    admin = database.admin
    await admin.ensure_tenant(*SALON, connection_limit=5, key_hash="hash")
    assert await admin.ensure_tenant("salon.salon", "uid-heir", "p", connection_limit=5, key_hash="hash")
    with pytest.raises(DataOwnedByOther):
        await admin.ensure_tenant(*SALON, connection_limit=5, key_hash="hash")
    assert not await admin.ensure_tenant("salon.salon", "uid-heir", "p", connection_limit=5, key_hash="hash")
    assert await admin.ensure_tenant(*SALON, connection_limit=5, key_hash="hash", adopt="uid-heir")  # a person decides


async def test_rows_due_for_erasure_are_not_adopted(database: Database) -> None:
    admin, asked = database.admin, list[str]()

    async def is_erasing(owner: str) -> bool:
        asked.append(owner)
        return True

    await admin.ensure_tenant(*SALON, connection_limit=5, key_hash="hash", is_erasing=is_erasing)
    heir = ("salon.salon", "uid-heir", "p")
    with pytest.raises(DataOwnedByOther):
        await admin.ensure_tenant(*heir, connection_limit=5, key_hash="another", is_erasing=is_erasing)
    assert asked == []
    with pytest.raises(DataOwnedByOther):
        await admin.ensure_tenant(*heir, connection_limit=5, key_hash="hash", is_erasing=is_erasing)
    assert asked == ["uid-salon"]


async def test_adoption_is_audited_and_disables_the_old_uid(database: Database) -> None:
    admin = database.admin
    await admin.ensure_tenant(*SALON, connection_limit=5)
    await admin.ensure_tenant("salon.salon", "uid-heir", "p", connection_limit=5, adopt="uid-salon")
    with pytest.raises(DataOwnedByOther) as refusal:
        await admin.ensure_tenant("salon.salon", "uid-third", "p", connection_limit=5, adopt="uid-salon")
    assert refusal.value.owner_uid == "uid-heir"
    assert await admin.ensure_tenant("salon.salon", "uid-third", "p", connection_limit=5, adopt="uid-heir")
    su = await asyncpg.connect(database.superuser_dsn)
    rows = await su.fetch("SELECT actor, action, detail FROM audit_log WHERE tenant = 'salon.salon' ORDER BY id")
    await su.close()
    entries = [(row["actor"], row["action"], json.loads(row["detail"])) for row in rows]
    assert entries == [
        ("operator", "data_adopted", {"from": "uid-salon", "to": "uid-heir"}),
        ("operator", "data_adopted", {"from": "uid-heir", "to": "uid-third"}),
    ]


async def test_one_of_two_simultaneous_adopters_gets_rows(database: Database) -> None:
    await database.admin.ensure_tenant(*SALON, connection_limit=5)
    admins = [AdminStore(database.dsn) for _ in range(2)]
    results = await asyncio.gather(
        *(
            admin.ensure_tenant("salon.salon", f"uid-{n}", "p", connection_limit=5, adopt="uid-salon")
            for n, admin in enumerate(admins)
        ),
        return_exceptions=True,
    )
    for admin in admins:
        await admin.close()
    assert sorted(type(result).__name__ for result in results) == ["DataOwnedByOther", "bool"]


async def test_resources_are_never_deleted_and_keep_their_ids(database: Database) -> None:
    salon = await database.create_tenant("salon")
    admin, anna, mehmet = database.admin, ("mitte", "anna", 1), ("mitte", "mehmet", 1)
    assert await admin.ensure_resources(salon.tenant, [anna]) == {anna: salon.resources[anna]}
    connection = await asyncpg.connect(salon.dsn)
    active = dict(await connection.fetch("SELECT staff, active FROM resources"))
    assert active == {"anna": True, "mehmet": False}
    await connection.close()
    assert await admin.ensure_resources(salon.tenant, [anna, mehmet, mehmet]) == salon.resources
    assert await admin.ensure_resources(salon.tenant, []) == {}
    with pytest.raises(TenantNotFound, match="ensure_tenant"):
        await admin.ensure_resources("nobody.nobody", [anna])


async def test_erasing_a_tenant_takes_only_its_own_data(database: Database) -> None:
    salon, other = await database.create_tenant("salon"), await database.create_tenant("other")
    await fill(salon)
    await fill(other)
    session = await asyncpg.connect(salon.dsn)
    await session.execute("SELECT lo_creat(-1)")  # it owns an object: the role is deleted all the same
    await database.admin.drop_tenant(salon.tenant, erase=True)
    await database.admin.drop_tenant(salon.tenant, erase=True)
    with pytest.raises((asyncpg.InterfaceError, asyncpg.PostgresError)):
        await session.fetch("SELECT 1")
    su = await asyncpg.connect(database.superuser_dsn)
    assert not await su.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", salon.role)
    for table in TENANT_TABLES:
        assert await su.fetchval(f"SELECT count(*) FROM {table} WHERE tenant = $1", salon.tenant) == 0
        assert await su.fetchval(f"SELECT count(*) FROM {table} WHERE tenant = $1", other.tenant) >= 1
    having = await su.fetch("SELECT table_name FROM information_schema.columns WHERE column_name = 'tenant'")
    assert {row["table_name"] for row in having} == set(TENANT_TABLES)
    await su.close()
    await login(other.dsn)


async def test_two_installations_in_one_server_share_no_role(database: Database, module_database: Database) -> None:
    tenant, twin = await database.create_tenant("twin"), await module_database.create_tenant("twin")
    assert tenant.role != twin.role
    await database.admin.drop_tenant(tenant.tenant, erase=True)
    await login(twin.dsn)


async def test_tenants_login_is_refused_by_another_installations_database(
    database: Database, module_database: Database
) -> None:
    tenant = await database.create_tenant("twin")
    elsewhere = tenant.dsn.rpartition("/")[0] + "/" + module_database.dsn.rpartition("/")[2]
    assert elsewhere != tenant.dsn
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
        await login(elsewhere)
    await login(tenant.dsn)


async def test_many_tenants_are_created_simultaneously_without_refusals(database: Database) -> None:
    """A grant on the database for each login would change one row of the catalog: "tuple concurrently updated"."""
    await database.admin.prepare()
    await asyncio.gather(
        *(
            database.admin.ensure_tenant(f"many.t{number}", f"uid-{number}", f"p{number}", connection_limit=2)
            for number in range(40)
        )
    )
    su = await asyncpg.connect(database.superuser_dsn)
    acl = await su.fetchval("SELECT count(*) FROM pg_database, aclexplode(datacl) WHERE datname = current_database()")
    await su.close()
    assert acl < 20, "the database's grants do not grow with the tenants"
    await login(database.admin.tenant_dsn("many.t39", "p39"))


async def test_statement_that_met_a_conflict_is_repeated_immediately(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two operators write the row of the same role."""
    write, failures = login_roles._write_login, [asyncpg.InternalServerError("tuple concurrently updated")] * 2

    async def meet_another(*arguments: Any) -> None:
        if failures:
            raise failures.pop()
        await write(*arguments)

    monkeypatch.setattr(login_roles, "_write_login", meet_another)
    await database.admin.ensure_tenant(*SALON, connection_limit=2)
    await login(database.admin.tenant_dsn(SALON[0], SALON[2]))


async def test_simultaneous_operators_prepare_one_database_without_refusals(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their grants change the same rows of the catalog, and one of them is refused now and then."""
    conn = await asyncpg.connect(database.dsn)
    execute, refused = asyncpg.Connection.execute, set[str]()

    async def meet_another(self: asyncpg.Connection, statement: str) -> str:
        if statement.startswith(("GRANT", "REVOKE")) and statement not in refused:
            refused.add(statement)
            raise asyncpg.InternalServerError("tuple concurrently updated")
        return await execute(self, statement)

    monkeypatch.setattr(asyncpg.Connection, "execute", meet_another)
    try:
        assert group_roles.TENANTS in await group_roles.ensure_group_roles(conn)
    finally:
        await conn.close()
    assert len(refused) >= 5


@pytest.fixture
async def own_database(postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    async with fresh_database(postgres) as fresh:
        yield fresh


async def test_role_made_by_another_login_is_named(own_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    database = own_database
    su = await asyncpg.connect(database.superuser_dsn)
    await su.execute("CREATE ROLE made_by_another")
    monkeypatch.setattr(group_roles, "connect_role_name", lambda _: "made_by_another")
    admin = AdminStore(database.dsn)
    try:
        if su.get_server_version().major >= 16:
            with pytest.raises(RolesUnavailable, match="GRANT made_by_another TO <it> WITH ADMIN OPTION"):
                await admin.prepare()
            user = await su.fetchval(
                "SELECT quote_ident(pg_get_userbyid(datdba)) FROM pg_database WHERE datname = current_database()"
            )
            await su.execute(f"GRANT made_by_another TO {user} WITH ADMIN OPTION")
        await admin.prepare()
    finally:
        await admin.close()
        await su.execute("DROP OWNED BY made_by_another; DROP ROLE made_by_another")
        await su.close()


async def test_role_password_is_tested_only_on_request(database: Database) -> None:
    await database.admin.ensure_tenant(*SALON, connection_limit=5)
    role = database.admin.role_name(SALON[0])
    su = await asyncpg.connect(database.superuser_dsn)
    await su.execute(f"ALTER ROLE {role} PASSWORD 'by hand'")
    await database.admin.ensure_tenant(*SALON, connection_limit=5, verify_password=False)
    await login(database.admin.tenant_dsn(SALON[0], "by hand"))
    await su.execute(f"ALTER ROLE {role} NOLOGIN")
    await database.admin.ensure_tenant(*SALON, connection_limit=5, verify_password=False)
    await login(database.admin.tenant_dsn(SALON[0], SALON[2]))
    await su.close()


async def test_odd_names_and_passwords_never_become_sql(database: Database) -> None:
    admin, tenant, password = database.admin, "o'brien\".x;--", "p'a\"s$s %20@:/?#w"
    await admin.ensure_tenant(tenant, "uid", password, connection_limit=5)
    assert (await login(admin.tenant_dsn(tenant, password)))["current_user"] == admin.role_name(tenant)
    for bad in ("", "naïve", "new\nline"):
        with pytest.raises(ValueError, match="printable ASCII"):
            await admin.ensure_tenant(tenant, "uid", bad, connection_limit=5)


async def test_no_password_reaches_the_servers_log(database: Database, postgres: EmbeddedPostgres) -> None:
    su = await asyncpg.connect(database.superuser_dsn)
    await su.execute("ALTER SYSTEM SET log_statement = 'all'")
    await su.execute("SELECT pg_reload_conf()")
    try:
        await database.admin.ensure_tenant("quiet.quiet", "uid", "do-not-log-me", connection_limit=5)
    finally:
        await su.execute("ALTER SYSTEM RESET log_statement")
        await su.execute("SELECT pg_reload_conf()")
        await su.close()
    server_log = postgres.log_file.read_text()
    assert "ALTER ROLE" in server_log
    assert "do-not-log-me" not in server_log


async def test_admin_without_the_roles_gets_advice(postgres: EmbeddedPostgres, database: Database) -> None:
    """PostgreSQL 15 lets any CREATEROLE do it; from 16 on a second admin needs a superuser's grant."""
    su = await asyncpg.connect(postgres.superuser_dsn)
    await su.execute("CREATE ROLE second_admin LOGIN CREATEROLE PASSWORD 'p'")
    await su.execute("CREATE DATABASE second OWNER second_admin")
    admin = AdminStore(postgres.superuser_dsn.split("//")[0] + f"//second_admin:p@127.0.0.1:{postgres.port}/second")
    if su.get_server_version().major >= 16:
        with pytest.raises(RolesUnavailable, match="GRANT askproai_owner, askproai_tenant TO <it> WITH ADMIN OPTION"):
            await admin.prepare()
        await su.execute("GRANT askproai_owner, askproai_tenant TO second_admin WITH ADMIN OPTION")
    await admin.prepare()
    await admin.ensure_tenant(*SALON, connection_limit=5)
    await login(admin.tenant_dsn(SALON[0], SALON[2]))
    await admin.drop_tenant(SALON[0], erase=True)
    await admin.close()
    await postgres.drop_database("second")
    await su.execute("DROP ROLE second_admin")
    await su.close()
