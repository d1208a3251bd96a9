"""A forged export file adds no rows of another tenant to the imported one, and sets no facts of the platform."""

import re

import asyncpg
import pytest

from askproai_cli.tenant_move.store import CannotMove
from askproai_operator.store.tenant_tables import TENANT_COLUMNS, Origin
from tests.worlds.databases import Database, TenantStore
from tests.worlds.exported_rows import ExportedRows
from tests.worlds.tenant_rows import connected, fill

KEY, PASSWORD = "attacker.attacker", "password-of-the-imported"
VICTIM_MARKS = ("Viktoria", "+4930999999")


@pytest.fixture
async def victim(database: Database) -> TenantStore:
    """The tenant whose rows a forged file targets."""
    victim = await database.create_tenant("victim")
    await fill(victim)
    async with connected(victim.dsn) as conn:
        await conn.execute("UPDATE customers SET name = $1, phone = $2", *VICTIM_MARKS)
    return victim


@pytest.fixture
async def rows(database: Database, victim: TenantStore) -> ExportedRows:
    """The exported rows of a tenant of this database, which an attacker then changes."""
    attacker = await database.create_tenant("attacker")
    await fill(attacker)
    exported = ExportedRows()
    await exported.read(database, attacker)
    await database.admin.drop_tenant(attacker.tenant, erase=True)
    return exported


async def log_in(database: Database, tenant: str, owner: str) -> str:
    await database.admin.ensure_tenant(tenant, "uid-new", PASSWORD, connection_limit=5, adopt=owner)
    return database.admin.tenant_dsn(tenant, PASSWORD)


async def read_all(dsn: str) -> str:
    """Return as text all rows that a login reads, after it has called the functions that only a shadow may call."""
    async with connected(dsn) as conn:
        for copy in ("copy_live_book(true)", "copy_live_book(false)", "copy_live_appointments('{}', '{}')"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(f"SELECT {copy}")
        tables = await conn.fetch(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        return "\n".join(
            [row[0] for table in tables for row in await conn.fetch(f"SELECT t::text FROM {table['relname']} t")]
        )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("shadow_of", "{victim}"),
        ("role", "{victim_role}"),
        ("uid", "{victim_uid}"),
        pytest.param("retell_key_hash", "of-the-victim", marks=pytest.mark.nightly),
        pytest.param("retell_base_url", "http://10.0.0.1", marks=pytest.mark.nightly),
        pytest.param("calcom_base_url", "http://10.0.0.1", marks=pytest.mark.nightly),
        pytest.param("created_at", "2001-01-01 00:00:00+00", marks=pytest.mark.nightly),
    ],
)
async def test_imported_file_cannot_set_platform_columns(
    database: Database, rows: ExportedRows, victim: TenantStore, column: str, value: str
) -> None:
    value = value.format(victim=victim.tenant, victim_role=victim.role, victim_uid=victim.uid)
    rows.set("tenants", column, value)
    await rows.write(database, KEY)
    async with connected(database.superuser_dsn) as conn:
        kept = await conn.fetchval(f"SELECT {column}::text FROM tenants WHERE tenant = '{KEY}'")
    assert kept != value
    seen = await read_all(await log_in(database, KEY, rows.owner))
    assert "Erika" in seen
    assert not any(mark in seen for mark in VICTIM_MARKS)


# Columns that may name a row; those that name a call, a booking at Cal.com or a chain of requests do not.
REFERENCES = re.compile(
    r"role|uid|id|person_row|reference|subject|shadow_of|(?!call_|external_|correlation_).+_id", re.ASCII
)
NUMBER, UUID = re.compile(rb"[0-9]+"), re.compile(rb"[0-9a-f]{8}-[0-9a-f-]{27}")


@pytest.mark.nightly  # each reference of each table: 16 s
async def test_no_reference_reaches_another_tenant(database: Database, rows: ExportedRows, victim: TenantStore) -> None:
    """Each column that may name a row names the victim's row: the file is refused, or its login reads its own rows only."""
    async with connected(database.superuser_dsn) as conn:
        appointment = await conn.fetchval("SELECT id::text FROM appointments WHERE tenant = $1", victim.tenant)
    resource = str(victim.resources["mitte", "anna", 1])
    await rows.write(database, KEY)
    dsn = await log_in(database, KEY, rows.owner)
    await database.admin.erase(KEY)
    accepted = set[str]()
    for table, columns in rows.columns().items():
        for column in filter(REFERENCES.fullmatch, columns):
            before, crafted = rows.first(table, column), rows.copy()
            by_type = resource if NUMBER.fullmatch(before) else appointment if UUID.fullmatch(before) else victim.tenant
            crafted.set(table, column, resource if column == "person_row" else by_type)
            try:
                await crafted.write(database, KEY)
            except (CannotMove, asyncpg.PostgresError):
                continue
            accepted.add(f"{table}.{column}")
            seen = await read_all(dsn)
            assert not any(mark in seen for mark in VICTIM_MARKS), (table, column)
            await database.admin.erase(KEY)
    assert "tenants.shadow_of" in accepted, "some files are imported, without what they claim"
    references = {"claims.resource_id", "freed_times.resource_id", "resources.person_row", "jobs.appointment_id"}
    assert not accepted & references


@pytest.mark.parametrize("table", ["tenants", "customers", "claims"])
async def test_rows_of_another_tenant_are_refused(
    database: Database, rows: ExportedRows, victim: TenantStore, table: str
) -> None:
    for tenant in (victim.tenant, f"{victim.tenant}:shadow", f"{KEY}:shadow"):
        crafted = rows.copy()
        crafted.set(table, "tenant", tenant)
        with pytest.raises(CannotMove, match="rows of another tenant"):
            await crafted.write(database, KEY)


@pytest.mark.parametrize("key", ["victim.victim:shadow", "victim:shadow", "attacker", "*", "a.b\nc"])
async def test_import_accepts_only_a_tenants_key(database: Database, rows: ExportedRows, key: str) -> None:
    renamed = rows.renamed(KEY, key)
    with pytest.raises(CannotMove, match="no tenant that was exported"):
        await renamed.write(database, key)


async def test_rows_without_an_export_are_refused(database: Database, rows: ExportedRows, victim: TenantStore) -> None:
    rows.owner = victim.uid
    with pytest.raises(CannotMove, match="no tenant that was exported"):
        await rows.write(database, KEY)


async def test_every_tenants_column_has_a_declared_origin(database: Database) -> None:
    async with connected(database.superuser_dsn) as conn:
        found = await conn.fetch(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'tenants'::regclass AND attnum > 0 AND NOT attisdropped"
        )
    assert {row["attname"] for row in found} == set(TENANT_COLUMNS), "decide in TENANT_COLUMNS whether a file brings it"
    of_file = [name for name, origin in TENANT_COLUMNS.items() if origin is Origin.FILE]
    assert all(name.endswith("_days") for name in of_file), of_file


async def test_shadow_must_carry_its_tenants_name(database: Database, victim: TenantStore) -> None:
    await database.create_tenant("other")
    async with connected(database.superuser_dsn) as conn:
        for tenant in ("other.other", victim.tenant):
            with pytest.raises(asyncpg.CheckViolationError):
                await conn.execute("UPDATE tenants SET shadow_of = $2 WHERE tenant = $1", tenant, victim.tenant)
        # Without the constraint the functions refuse it themselves.
        await conn.execute("ALTER TABLE tenants DROP CONSTRAINT tenants_shadow_of_own_name")
        await conn.execute("UPDATE tenants SET shadow_of = $1 WHERE tenant = 'other.other'", victim.tenant)
    other = database.admin.tenant_dsn("other.other", "password-of-other")
    seen = await read_all(other)
    assert not any(mark in seen for mark in VICTIM_MARKS)


async def test_database_functions_running_as_owner_are_listed(database: Database) -> None:
    """Each reads or writes beyond its caller's rows: a new function here must check whose they are."""
    async with connected(database.superuser_dsn) as conn:
        found = await conn.fetch(
            "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
        )
    known = {"copy_live_book", "copy_live_appointments", "erase_from_shadow", "refuse_to_shadow"}
    assert {row["proname"] for row in found} == known
