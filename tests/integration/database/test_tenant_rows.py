"""The rows of one tenant move to another database: all of them, once, and no other tenant's."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from askproai_cli.tenant_move.store import CannotMove, open_tenant_rows
from askproai_operator.store import login_roles
from askproai_operator.store.admin import AdminStore
from askproai_operator.store.row_owners import DataOwnedByOther, RowsNotImported
from askproai_operator.store.tenant_tables import TENANT_TABLES, find_export_id
from askproai_sandbox.postgres import EmbeddedPostgres
from tests.worlds.databases import Database, TenantStore, fresh_database
from tests.worlds.exported_rows import BrokenOff, ExportedRows
from tests.worlds.tenant_books import read_books
from tests.worlds.tenant_pod import TenantPod
from tests.worlds.tenant_rows import HOUR, T0, claim, connected, fill

pytestmark = pytest.mark.nightly

PERSON = {("mitte", "anna"): "anna-m", ("nord", "anna"): "anna-m"}
UNITS = (("mitte", "anna", 1), ("nord", "anna", 1), ("", "anna-m", 1))


@pytest.fixture
async def other_database(postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    async with fresh_database(postgres) as fresh:
        yield fresh


@pytest.fixture
async def salon(database: Database) -> TenantStore:
    """A tenant with rows in every table, a person of two branches with a claim from before they were linked, and a neighbour."""
    neighbour = await database.create_tenant("praxis")
    await fill(neighbour)
    salon = await database.create_tenant("salon", UNITS[:2])
    appointment = await fill(salon)
    async with connected(salon.dsn) as conn:  # these two overlap once their staff are one person: both were promised
        await claim(conn, salon.tenant, appointment, salon.resources["nord", "anna", 1], T0)
    async with connected(database.superuser_dsn) as conn:  # an erased caller's retained event arrives unchanged
        await conn.execute(
            """INSERT INTO erased_references (tenant, kind, reference, erasure)
               SELECT tenant, 'call', 'call_1', id FROM erasures WHERE tenant = $1""",
            salon.tenant,
        )
    await database.admin.ensure_resources(salon.tenant, UNITS, PERSON)
    return salon


async def books(database: Database, tenant: str):
    async with connected(database.superuser_dsn) as conn:
        return await read_books(conn, tenant)


async def test_exactly_the_tenants_rows_reach_the_other_database(
    database: Database, other_database: Database, salon: TenantStore
) -> None:
    before = await books(database, salon.tenant)
    assert set(before) == set(TENANT_TABLES)
    assert [table for table, found in before.items() if not found] == [], "each table has something to lose"
    resident = await other_database.create_tenant("praxis", [("mitte", "anna", unit) for unit in range(1, 9)])
    assert set(resident.resources.values()) > set(salon.resources.values()), "ids that come are another tenant's here"
    await fill(resident)
    residents = await books(other_database, resident.tenant)
    moved = ExportedRows()
    await moved.read(database, salon)
    assert b"praxis" not in b"".join(chunk for _, chunks in moved.tables.values() for chunk in chunks)

    await moved.write(other_database, salon.tenant)

    assert await books(other_database, salon.tenant) == before
    assert await books(database, salon.tenant) == before, "an export deletes nothing"
    assert await books(other_database, resident.tenant) == residents


async def test_imported_tenant_has_its_own_role_behind_security(
    database: Database, other_database: Database, salon: TenantStore
) -> None:
    resident = await other_database.create_tenant("praxis")
    moved = ExportedRows()
    await moved.read(database, salon)
    await moved.write(other_database, salon.tenant)
    admin = other_database.admin
    with pytest.raises(DataOwnedByOther):
        await admin.ensure_tenant(salon.tenant, "uid-new", "password-new", connection_limit=5, key_hash="of-its-key")
    assert await admin.ensure_tenant(salon.tenant, "uid-new", "password-new", connection_limit=5, adopt=moved.owner)
    await admin.ensure_resources(salon.tenant, UNITS, PERSON)
    async with connected(admin.tenant_dsn(salon.tenant, "password-new")) as conn:
        ids = {}
        for table in ("webhook_events", "jobs", "claims", "audit_log"):
            ids[table] = await conn.fetchval(f"SELECT max(id) FROM {table}")
        event = await conn.fetchval(
            """INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id)
               VALUES ($1, 'retell', 'call_2:call_ended', 'call_ended', '{}', 'c') RETURNING id""",
            salon.tenant,
        )
        assert event > ids["webhook_events"]
        with pytest.raises(asyncpg.UniqueViolationError):  # the same event twice is one row, here as there
            await conn.execute(
                """INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id)
                   VALUES ($1, 'retell', 'call_1:call_ended', 'call_ended', '{}', 'c')""",
                salon.tenant,
            )
        appointment = await conn.fetchval("SELECT id FROM appointments")
        own = {row["branch"]: row["id"] for row in await conn.fetch("SELECT branch, id FROM resources")}
        with pytest.raises(asyncpg.ExclusionViolationError):  # nobody is booked where somebody is
            await claim(conn, salon.tenant, appointment, own["mitte"], T0 + HOUR / 2)
        free = T0 + timedelta(days=1)
        await claim(conn, salon.tenant, appointment, own["nord"], free)
        claimed = await conn.fetchrow("SELECT id, resource_id FROM claims ORDER BY id DESC LIMIT 1")
        assert claimed["id"] > ids["claims"]
        assert claimed["resource_id"] == own[""], "the person's own row, in both branches"
    async with connected(resident.dsn) as conn:
        assert await conn.fetchval("SELECT count(*) FROM appointments") == 0


async def test_interrupted_import_leaves_nothing_and_is_repeatable(
    database: Database, other_database: Database, salon: TenantStore
) -> None:
    before, moved = await books(database, salon.tenant), ExportedRows()
    await moved.read(database, salon)
    for tables in (0, 3, len(TENANT_TABLES)):
        with pytest.raises(BrokenOff):
            await moved.write(other_database, salon.tenant, tables=tables)
        assert set(map(len, (await books(other_database, salon.tenant)).values())) == {0}
    async with open_tenant_rows(other_database.dsn) as rows:
        assert not await rows.is_imported(salon.tenant, moved.owner)
        await moved.write(other_database, salon.tenant)
        assert await rows.is_imported(salon.tenant, moved.owner)
    with pytest.raises(asyncpg.UniqueViolationError):
        await moved.write(other_database, salon.tenant)
    assert await books(other_database, salon.tenant) == before


async def test_import_refuses_occupied_and_exporting_databases(
    database: Database, other_database: Database, salon: TenantStore
) -> None:
    await other_database.create_tenant("salon")
    moved = ExportedRows()
    await moved.read(database, salon)
    async with open_tenant_rows(other_database.dsn) as rows:
        with pytest.raises(CannotMove, match=r"has rows of a tenant salon\.salon already"):
            await rows.is_imported(salon.tenant, moved.owner)
    async with open_tenant_rows(database.dsn) as rows:
        with pytest.raises(CannotMove, match=r"from which salon\.salon was exported"):
            await rows.is_imported(salon.tenant, moved.owner)


async def test_export_ends_all_writes_and_provisioning(database: Database, salon: TenantStore) -> None:
    key = {"connection_limit": 60, "key_hash": "of-its-key"}
    await database.admin.ensure_tenant(salon.tenant, salon.uid, "password-of-salon", **key)
    async with connected(salon.dsn) as pod:
        moved = ExportedRows()
        await moved.read(database, salon)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await pod.execute("UPDATE jobs SET run_at = now()")
    with pytest.raises((asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidPasswordError)):
        await asyncpg.connect(salon.dsn)
    for uid in (salon.uid, "uid-of-a-namesake"):
        with pytest.raises(DataOwnedByOther):
            await database.admin.ensure_tenant(salon.tenant, uid, "p", **key)
    with pytest.raises(DataOwnedByOther, match="were exported"):
        await database.admin.ensure_tenant(salon.tenant, salon.uid, "p", connection_limit=5)
    again = ExportedRows()
    await again.read(database, salon)
    assert again.owner == moved.owner, "a repeated export is the same one"
    assert await database.admin.ensure_tenant(
        salon.tenant, salon.uid, "password-of-salon", connection_limit=5, adopt=moved.owner
    )
    async with connected(salon.dsn) as conn:
        assert await conn.fetchval("SELECT count(*) FROM appointments") == 1, "a move that is given up"


async def test_reconcile_from_before_the_export_leaves_no_login(
    database: Database, salon: TenantStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pods would book in rows that are in no file."""
    ensure_login = login_roles.ensure_login

    async def export_first(*arguments: Any, **more: Any) -> bool:
        async with open_tenant_rows(database.dsn) as rows:
            await rows.retire(salon.tenant, salon.uid)
        return await ensure_login(*arguments, **more)

    monkeypatch.setattr(login_roles, "ensure_login", export_first)
    with pytest.raises(DataOwnedByOther, match="were exported"):
        await database.admin.ensure_tenant(salon.tenant, salon.uid, "password-of-salon", connection_limit=5)
    with pytest.raises((asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidPasswordError)):
        await asyncpg.connect(salon.dsn)


async def test_pod_outliving_the_export_acknowledges_nothing_more(
    web_pod: TenantPod, emptied_database: Database, other_database: Database
) -> None:
    """Retell repeats an event that is answered 503, and then reaches the destination; one answered 200 is in the file."""
    assert (await web_pod.retell("call_started", "call_1")).status == 200
    moved = ExportedRows()
    await moved.read(emptied_database, web_pod.store)
    for event in ("call_started", "call_ended"):
        assert (await web_pod.retell(event, "call_2")).status == 503
    await moved.write(other_database, web_pod.store.tenant)
    for where in (emptied_database, other_database):
        events = [json.loads(row)["event_id"] for row in (await books(where, web_pod.store.tenant))["webhook_events"]]
        assert events == ["call_1:call_started"]


async def test_deleting_the_source_erases_only_exported_rows(
    database: Database, other_database: Database, salon: TenantStore
) -> None:
    before, moved = await books(database, salon.tenant), ExportedRows()
    await moved.read(database, salon)
    await moved.write(other_database, salon.tenant)
    await database.admin.drop_tenant(salon.tenant, erase=True, uid="uid-of-a-namesake")
    assert await books(database, salon.tenant) == before
    await database.admin.drop_tenant(salon.tenant, erase=True, uid=salon.uid)
    assert set(map(len, (await books(database, salon.tenant)).values())) == {0}
    assert await books(other_database, salon.tenant) == before


async def test_tenant_awaiting_exported_rows_does_not_begin(database: Database) -> None:
    with pytest.raises(RowsNotImported, match="import them"):
        await database.admin.ensure_tenant("a.b", "uid", "p", connection_limit=5, adopt="uid-before:0123456789abcdef")
    assert await database.admin.find_owner("a.b") is None


async def test_export_of_another_schema_is_refused_with_advice(database: Database, postgres: EmbeddedPostgres) -> None:
    async with connected(database.superuser_dsn) as conn:
        await conn.execute("INSERT INTO schema_migrations VALUES (9001, 'newer', 'x', now(), 1)")
    async with open_tenant_rows(database.dsn) as rows:
        with pytest.raises(CannotMove, match="upgrade the older one"):
            await rows.read_schema()
    empty = await postgres.create_database(f"{database.name}_empty")
    try:
        async with open_tenant_rows(empty) as rows:
            with pytest.raises(CannotMove, match="install the chart there first"):
                await rows.read_schema()
    finally:
        await postgres.drop_database(f"{database.name}_empty")


async def test_file_has_no_rows_written_during_its_export(database: Database, salon: TenantStore) -> None:
    """The coordinator goes on with retention: a row that it deletes meanwhile is in the file with all that refers to it."""
    async with open_tenant_rows(database.dsn) as rows:
        owner = await rows.retire(salon.tenant, salon.uid)
        async with rows.snapshot(salon.tenant, owner) as snapshot:
            counts: list[int] = []

            async def ignore(_: bytes) -> None:
                await asyncio.sleep(0)

            counts.append(await snapshot.copy("jobs", ignore))
            async with connected(database.superuser_dsn) as conn:
                await conn.execute("DELETE FROM webhook_events WHERE tenant = $1", salon.tenant)
            counts.append(await snapshot.copy("webhook_events", ignore))
    assert counts == [1, 1]
    assert find_export_id(owner)


async def test_incomplete_or_foreign_tenants_file_is_refused(
    database: Database, other_database: Database, salon: TenantStore
) -> None:
    moved = ExportedRows()
    await moved.read(database, salon)
    columns, chunks = moved.tables["customers"]
    forged = [chunk.replace(b"salon.salon", b"praxis.praxis") for chunk in chunks]
    good = {"customers": (columns, chunks)}
    refused = {
        "rows of another tenant": {"customers": (columns, forged)},
        "lacks the tables": good,
        "of another release": {"customers": ((*columns, "shoe_size"), chunks)},
    }
    for reason, tables in refused.items():
        moved.tables = tables
        with pytest.raises(CannotMove, match=reason):
            await moved.write(other_database, salon.tenant)
    admin = AdminStore(other_database.dsn)
    try:
        assert await admin.find_owner(salon.tenant) is None
    finally:
        await admin.close()


async def test_file_takes_no_ids_from_other_tenants(
    database: Database, other_database: Database, salon: TenantStore
) -> None:
    """After an id near the end of a sequence, no tenant would get a further id."""
    moved = ExportedRows()
    await moved.read(database, salon)
    columns, chunks = moved.tables["audit_log"]
    at = columns.index("id")
    rows = b"".join(chunks).split(b"\n")
    fields = rows[0].split(b"\t")
    fields[at] = b"9223372036854774000"
    moved.tables["audit_log"] = (columns, [b"\n".join([b"\t".join(fields), *rows[1:]])])
    with pytest.raises(CannotMove, match="which no tenant reaches"):
        await moved.write(other_database, salon.tenant)
    resident = await other_database.create_tenant("praxis")
    async with connected(resident.dsn) as conn:
        given = await conn.fetchval(
            """INSERT INTO audit_log (tenant, actor, action, detail, correlation_id) VALUES ($1, 'a', 'a', '{}', 'c')
               RETURNING id""",
            resident.tenant,
        )
        assert given < 1000
