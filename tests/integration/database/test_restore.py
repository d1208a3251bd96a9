"""A restore as docs/install.md describes it: from a dump of `askproai_backup`, by the database's owner, without a superuser."""

import asyncio
import subprocess
from pathlib import Path

import asyncpg
import pytest

from askproai_core.database.group_roles import ensure_group_roles
from askproai_operator.store.admin import AdminStore
from askproai_sandbox.postgres import EmbeddedPostgres
from tests.worlds.databases import Database
from tests.worlds.tenant_rows import connected, fill

pytestmark = pytest.mark.nightly

TABLES = """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind = 'r' AND n.nspname = 'public' ORDER BY c.relname"""


async def run(program: Path, *args: str) -> None:
    completed = await asyncio.to_thread(subprocess.run, [program, *args], capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr


async def all_rows(dsn: str) -> dict[str, list[str]]:
    """Return the rows of each table as text, as a superuser reads them."""
    async with connected(dsn) as conn:
        tables = [row["relname"] for row in await conn.fetch(TABLES)]
        rows = {table: await conn.fetch(f"SELECT t::text AS row FROM public.{table} t") for table in tables}
    return {table: sorted(row["row"] for row in found) for table, found in rows.items()}


async def test_backup_roles_dump_is_restored_by_the_owner(
    postgres: EmbeddedPostgres, database: Database, tmp_path: Path
) -> None:
    tenant, other = await database.create_tenant("salon"), await database.create_tenant("praxis")
    appointment = await fill(tenant)
    before = await all_rows(database.superuser_dsn)
    assert before["appointments"], "there is something to lose"
    async with connected(database.superuser_dsn) as conn:
        await conn.execute(f"CREATE ROLE nightly_{database.name} LOGIN PASSWORD 'n' IN ROLE askproai_backup")
    dump = str(tmp_path / "askproai.dump")
    login = database.dsn.replace(database.dsn.split("//")[1].split("@")[0], f"nightly_{database.name}:n")
    binaries = postgres.binaries
    await run(binaries / "pg_dump", "--role=askproai_backup", "--enable-row-security", "-Fc", "-f", dump, login)
    await database.admin.close()
    await postgres.drop_database(database.name)
    async with connected(postgres.superuser_dsn) as conn:  # a new server has no tenant's login
        for store in (tenant, other):
            await conn.execute(f"DROP ROLE {store.role}")
    await postgres.create_database(database.name)
    admin = AdminStore(database.dsn)
    async with connected(database.dsn) as conn:
        await ensure_group_roles(conn)
    await run(binaries / "pg_restore", "--no-owner", "--role=askproai_owner", "-d", database.dsn, dump)

    assert await all_rows(database.superuser_dsn) == before
    await admin.prepare()
    assert not await admin.ensure_tenant(tenant.tenant, tenant.uid, "password-of-salon", connection_limit=60)
    async with connected(tenant.dsn) as conn:
        assert await conn.fetchval("SELECT id FROM appointments") == appointment
    assert not await admin.ensure_tenant(other.tenant, other.uid, "password-of-praxis", connection_limit=60)
    async with connected(other.dsn) as conn:
        assert await conn.fetchval("SELECT count(*) FROM appointments") == 0, "row security is in force again"
    try:
        async with connected(other.dsn) as conn:
            await conn.execute("INSERT INTO customers (tenant, phone, name) VALUES ($1, '+4930', 'x')", tenant.tenant)
    except asyncpg.InsufficientPrivilegeError:
        pass
    else:
        raise AssertionError("a tenant wrote a row of another one")
    await admin.close()
