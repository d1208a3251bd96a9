"""The migration runner, with the admin's login."""

import asyncio
import dataclasses
import re
import subprocess
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TypeVar

import asyncpg
import pytest

from askproai_cli.tenant_move.store import open_tenant_rows
from askproai_core.database import (
    MigrationBlocked,
    Migrator,
    OtherHistory,
    Pool,
    migration_indexes,
    open_pool,
    schema_version,
    shipped_migrations,
)
from askproai_core.database import migrate as migrate_module
from askproai_core.database.migrate import Migration, MigrationError
from askproai_operator.store import schema as schema_module
from askproai_operator.store.admin import AdminStore
from askproai_sandbox.postgres import EmbeddedPostgres
from tests.worlds.database_gate import DatabaseGate
from tests.worlds.databases import Database, TenantStore
from tests.worlds.waiting import SOON, eventually

T = TypeVar("T")

VERSIONS = [migration.version for migration in shipped_migrations()]
LATEST = VERSIONS[-1]
EXTRA = Migration(
    9001, "extra", "ALTER TABLE appointments ADD COLUMN extra int", "ALTER TABLE appointments DROP COLUMN extra"
)
BROKEN = Migration(9001, "broken", "CREATE TABLE half (a int); SELECT 1 / 0", "DROP TABLE half")


@pytest.fixture
async def owner(database: Database) -> Pool:
    async with open_pool(database.dsn, max_size=1) as pool:
        yield pool


async def dump(postgres: EmbeddedPostgres, database: Database) -> str:
    """Return the schema with its policies and grants, as pg_dump writes it."""
    completed = await asyncio.to_thread(
        subprocess.run,
        [postgres.binaries / "pg_dump", "--schema-only", database.superuser_dsn], capture_output=True, text=True, check=True,
    )  # fmt: skip
    return re.sub(r"^\\(un)?restrict .*$", "", completed.stdout, flags=re.MULTILINE)  # a random token of newer releases


async def test_each_reverted_migration_can_be_applied_again(postgres: EmbeddedPostgres, database: Database) -> None:
    migrator = Migrator(database.dsn)
    dumps = {}
    for version in reversed(VERSIONS):
        dumps[version] = await dump(postgres, database)
        assert await migrator.down() == [version]
    assert "CREATE POLICY" in dumps[LATEST]
    empty = await dump(postgres, database)
    assert set(re.findall(r"CREATE TABLE (?:public\.)?(\w+)", empty)) == {"schema_migrations"}
    assert "POLICY" not in empty
    assert await migrator.down() == []
    for number, version in enumerate(VERSIONS, 1):
        assert await Migrator(database.dsn, shipped_migrations()[:number]).up() == [version]
        assert await dump(postgres, database) == dumps[version]


async def test_the_first_migration_stays_while_there_are_tenants(database: Database) -> None:
    """`migrate down --steps 1` would delete every tenant's data if the release has no other migration."""
    await database.create_tenant("salon")
    migrator = Migrator(database.dsn, (*shipped_migrations(), EXTRA))
    await migrator.up()
    with pytest.raises(MigrationError, match=r"0001_schema.*every tenant's data"):
        await migrator.down(steps=LATEST + 1)
    assert [state.applied_at is not None for state in await migrator.status()] == [True] * LATEST + [False]


async def test_an_applied_file_that_changed_is_refused(database: Database) -> None:
    assert await Migrator(database.dsn, (*shipped_migrations(), EXTRA)).up() == [EXTRA.version]
    edited = dataclasses.replace(EXTRA, up=EXTRA.up + "\n-- a harmless comment")
    migrator = Migrator(database.dsn, (*shipped_migrations(), edited))
    for move in (migrator.up, migrator.down):
        with pytest.raises(MigrationError, match=r"9001_extra\.up\.sql.*a correction is a new migration"):
            await move()
    assert [state.changed for state in await migrator.status()] == [False] * len(VERSIONS) + [True]


@pytest.fixture
async def other_history(database: Database, owner: Pool) -> TenantStore:
    """A tenant in a database with other and more migrations than this release has."""
    salon = await database.create_tenant("salon")
    await owner.execute(
        "SET ROLE askproai_owner; UPDATE schema_migrations SET name = 'core', sha256 = 'x' WHERE version = 1;"
        "INSERT INTO schema_migrations (version, name, sha256, duration_ms) SELECT n, 'x', 'x', 1 FROM generate_series(2, 31) n;"
        "RESET ROLE"
    )
    return salon


async def test_a_database_of_another_history_is_refused(
    postgres: EmbeddedPostgres, database: Database, other_history: TenantStore
) -> None:
    """Its newest number may be this release's or higher: the database is still neither current nor to be migrated."""
    before = await dump(postgres, database)
    admin = AdminStore(database.dsn)
    migrator = Migrator(database.dsn)
    prepared = database.admin  # it prepared the database before this history replaced the former one
    for move in (migrator.up, migrator.down, admin.prepare, prepared.prepare):
        with pytest.raises(OtherHistory, match=r"0001_core.*0001_schema.*an empty database"):
            await move()
    assert await dump(postgres, database) == before
    facts, _ = await admin.read_facts()
    assert (facts.schema, facts.changed) == (31, ("0001_schema",))
    await admin.close()
    for dsn in (other_history.dsn, database.dsn):
        async with open_pool(dsn, max_size=1) as pool, pool.acquire() as connection:
            with pytest.raises(OtherHistory):
                await schema_version(connection)
    async with open_tenant_rows(database.dsn) as rows:
        with pytest.raises(OtherHistory):
            await rows.read_schema()


async def test_two_runners_at_once_apply_each_migration_once(postgres: EmbeddedPostgres, database: Database) -> None:
    await Migrator(database.dsn).down(steps=LATEST)
    async with open_pool(database.superuser_dsn, max_size=1) as pool:
        await pool.execute("DROP TABLE schema_migrations")  # as on the first day
    applied = await asyncio.gather(*(Migrator(database.dsn).up() for _ in range(4)))
    assert sorted(version for versions in applied for version in versions) == VERSIONS


async def test_failing_migration_leaves_nothing_and_is_retried(database: Database, owner: Pool) -> None:
    migrator = Migrator(database.dsn, (*shipped_migrations(), BROKEN))
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrator.up()
    assert await owner.fetchval("SELECT to_regclass('half')") is None
    fixed = dataclasses.replace(BROKEN, up="CREATE TABLE half (a int)")
    assert await Migrator(database.dsn, (*shipped_migrations(), fixed)).up() == [9001]
    # A release that does not know this migration works with it, but cannot revert it.
    assert await Migrator(database.dsn).up() == []
    with pytest.raises(MigrationError, match="newer release"):
        await Migrator(database.dsn).down()


async def test_migration_below_the_newest_applied_is_refused(database: Database) -> None:
    await Migrator(database.dsn, (*shipped_migrations(), EXTRA)).up()
    late = Migration(EXTRA.version - 1, "late", "SELECT 1", "SELECT 1")
    with pytest.raises(MigrationError, match="higher number"):
        await Migrator(database.dsn, (*shipped_migrations(), late, EXTRA)).up()


async def test_tenants_role_cannot_delay_the_migration_runner(database: Database) -> None:
    """The lock is the table's, because any role may take an advisory lock."""
    salon = await database.create_tenant("salon")
    curious = await asyncpg.connect(salon.dsn)
    await curious.execute(
        "BEGIN; SELECT pg_advisory_lock(n) FROM generate_series(0, 100) n; SELECT * FROM schema_migrations"
    )
    assert await schema_version(curious) == LATEST
    extra = Migration(9001, "extra", "CREATE TABLE extra (a int)", "DROP TABLE extra")
    assert await asyncio.wait_for(Migrator(database.dsn, (*shipped_migrations(), extra)).up(), SOON) == [9001]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await curious.execute("LOCK TABLE schema_migrations IN ROW EXCLUSIVE MODE")
    await curious.close()


async def test_migration_waiting_behind_a_dump_gives_way(database: Database) -> None:
    """Every later statement on the table waits behind a waiting ALTER TABLE."""
    migrator = Migrator(database.dsn, (*shipped_migrations(), EXTRA))
    async with open_pool(database.dsn, max_size=1) as dump, dump.acquire() as connection:
        async with connection.transaction():
            await connection.execute("LOCK TABLE appointments IN ACCESS SHARE MODE")
            with pytest.raises(MigrationBlocked, match=r"9001_extra waits for a lock.*dump"):
                await asyncio.wait_for(migrator.up(), 3)
        assert await migrator.up() == [9001]


async def test_blocked_migration_gives_way_to_a_waiting_transaction(database: Database) -> None:
    """Each has a table that the other waits for, so one must give way: the migration, not the caller."""
    extra = Migration(
        9001, "extra", "LOCK TABLE calls IN SHARE MODE; ALTER TABLE tenants ADD COLUMN extra int", "SELECT 1"
    )
    async with (
        open_pool(database.dsn, max_size=1) as call,
        open_pool(database.dsn, max_size=1) as observer,
        call.acquire() as connection,
    ):
        async with connection.transaction():
            await connection.execute("LOCK TABLE tenants IN ACCESS SHARE MODE")  # as each policy does
            run = asyncio.create_task(Migrator(database.dsn, (*shipped_migrations(), extra)).up())
            await eventually(
                lambda: observer.fetchval(
                    "SELECT count(*) FROM pg_locks WHERE relation = 'tenants'::regclass AND NOT granted"
                ),
                what="the migration to wait for the caller",
            )
            await connection.execute("LOCK TABLE calls IN ROW EXCLUSIVE MODE")
        assert await run == [9001]


NEXT = Migration(
    9001,
    "next_release",
    "LOCK TABLE calls, appointments, tenants IN ACCESS EXCLUSIVE MODE;\n"
    "CREATE INDEX next_calls ON calls (tenant, ended_at);\n"
    "ALTER TABLE appointments ADD COLUMN next int;\nALTER TABLE tenants ADD COLUMN next int;\n",
    "DROP INDEX next_calls; ALTER TABLE appointments DROP COLUMN next; ALTER TABLE tenants DROP COLUMN next",
)


async def test_migrating_and_reverting_lose_no_concurrent_write(database: Database, owner: Pool) -> None:
    """Transactions that read one table and write another begin all the time, also while an index of a large table is built."""
    salon = await database.create_tenant("salon")
    superuser = await asyncpg.connect(database.superuser_dsn)
    await superuser.execute(
        "INSERT INTO calls (tenant, call_id, status, correlation_id)"
        " SELECT tenant, n::text, 'ended', 'c' FROM tenants, generate_series(1, 100000) n"
    )
    written: list[str] = []
    done = asyncio.Event()

    async def keep_calling(pool: Pool, caller: int) -> None:
        while not done.is_set():
            call = f"{caller}-{len(written)}"
            async with pool.acquire() as connection, connection.transaction():
                await connection.fetch("SELECT FROM appointments")
                await connection.execute(WRITE_CALL, call)
            written.append(call)
            await asyncio.sleep(0.01)

    versions = (*shipped_migrations(), NEXT)
    async with open_pool(salon.dsn, max_size=2) as callers, asyncio.TaskGroup() as group:
        for caller in range(2):
            group.create_task(keep_calling(callers, caller))
        try:
            assert await Migrator(database.dsn, versions).up() == [NEXT.version]
            assert await owner.fetchval("SELECT indisvalid FROM pg_index WHERE indexrelid = 'next_calls'::regclass")
            between = len(written)
            await eventually(
                lambda: len(written) > between, SOON, "a call at this release on the schema of the next one"
            )
            assert await Migrator(database.dsn, versions).down() == [NEXT.version]
        finally:
            done.set()
    stored = await superuser.fetchval("SELECT count(*) FROM calls WHERE call_id = ANY($1)", written)
    assert stored == len(set(written)) > 2
    await superuser.close()


INDEXED = Migration(
    9001,
    "indexed",
    "CREATE INDEX later ON calls (tenant, ended_at)\n    WHERE ended_at IS NOT NULL;",
    "DROP INDEX later",
)
WITH_INDEXED = (*shipped_migrations(), INDEXED)


WRITE_CALL = "INSERT INTO calls (tenant, call_id, status, correlation_id) SELECT tenant, $1, 'ended', 'c' FROM tenants"
IS_UNFINISHED = "SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass('later')"


@asynccontextmanager
async def index_build_under_way(
    database: Database, start: Callable[[], Coroutine[None, None, T]] | None = None
) -> AsyncIterator[tuple[asyncpg.Connection, asyncio.Task[T]]]:
    """Yield a transaction that has written `calls`, and a migration run whose index build waits for that transaction."""
    await database.create_tenant("salon")
    # The watcher is in no transaction: in one, PostgreSQL would not find an index that it has not found before.
    writer, watcher = [await asyncpg.connect(database.superuser_dsn) for _ in range(2)]
    await writer.execute(WRITE_CALL, "first")
    await writer.execute("BEGIN")
    await writer.execute(WRITE_CALL, "second")
    run = asyncio.create_task(start() if start is not None else Migrator(database.dsn, WITH_INDEXED).up())
    try:
        await eventually(lambda: watcher.fetchval(IS_UNFINISHED), SOON, "the build of the index")
        yield writer, run
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        await asyncio.gather(writer.close(), watcher.close())


async def test_writers_do_not_wait_for_an_index_build(database: Database) -> None:
    async with index_build_under_way(database) as (writer, run):
        other = await asyncpg.connect(database.superuser_dsn, server_settings={"lock_timeout": "50ms"})
        await other.execute(WRITE_CALL, "third")
        await other.close()
        assert not run.done()
        await writer.execute("COMMIT")
        assert await run == [9001]
        assert await writer.fetchval(IS_UNFINISHED) is False


async def test_second_migration_run_delays_no_index_build(database: Database) -> None:
    """The second run has a snapshot while it waits for the lock, and a build waits for snapshots."""
    async with index_build_under_way(database) as (writer, run):
        assert await asyncio.wait_for(Migrator(database.dsn).up(), SOON) == [], "an older release has nothing to do"
        with pytest.raises(MigrationBlocked, match=r"9001_indexed waits .* the other run"):
            await asyncio.wait_for(Migrator(database.dsn, WITH_INDEXED).up(), SOON)
        assert not run.done()
        await writer.execute("COMMIT")
        assert await run == [9001]


@pytest.mark.parametrize("is_empty", [True, False])
async def test_unfinished_index_of_an_interrupted_run_is_replaced(database: Database, is_empty: bool) -> None:
    async with index_build_under_way(database) as (writer, run):
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        await writer.execute("COMMIT")
        if is_empty:
            await writer.execute("DELETE FROM calls")
        assert await writer.fetchval(IS_UNFINISHED) is True
        assert await Migrator(database.dsn, WITH_INDEXED).up() == [9001]
        assert await writer.fetchval(IS_UNFINISHED) is False


@pytest.mark.parametrize("holder", ["another run", "a tenant"])
async def test_concurrent_migration_run_prevents_the_index_build(database: Database, holder: str) -> None:
    """No index is unfinished then, and a tenant that keeps the lock for ever delays no migration."""
    salon = await database.create_tenant("salon")
    other = await asyncpg.connect(database.dsn if holder == "another run" else salon.dsn)
    admin = await asyncpg.connect(database.superuser_dsn)
    await admin.execute(WRITE_CALL, "first")
    await other.execute(f"SELECT pg_advisory_lock({migration_indexes._RUN})")
    run = Migrator(database.dsn, WITH_INDEXED).up
    if holder == "another run":
        with pytest.raises(MigrationBlocked, match="the other run"):
            await run()
    else:
        assert await run() == [INDEXED.version]
    await asyncio.gather(other.close(), admin.close())


async def test_locked_table_blocks_the_row_check_only_briefly(database: Database, monkeypatch) -> None:
    monkeypatch.setattr(migrate_module, "_LOCK_WAITS", (50,))
    async with index_build_under_way(database) as (writer, run):
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        await writer.execute("LOCK TABLE calls IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(MigrationBlocked, match="9001_indexed"):
            await asyncio.wait_for(Migrator(database.dsn, WITH_INDEXED).up(), 10)


def test_no_shipped_index_is_dropped_or_duplicated() -> None:
    """An index that is built before its migration is left out of the script by its name."""
    scripts = "".join(migration.up for migration in shipped_migrations())
    names = re.findall(r"^CREATE (?:UNIQUE )?INDEX (\w+)", scripts, re.MULTILINE)
    assert sorted(set(names)) == sorted(names)
    assert "DROP INDEX" not in scripts


@pytest.fixture
async def behind(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[AdminStore, list[float]]]:
    """An operator's store, and a list whose only number is the store's time."""
    await database.create_tenant("salon")
    now = [0.0]
    monkeypatch.setattr(schema_module, "monotonic", lambda: now[0])
    admin = AdminStore(database.dsn)
    yield admin, now
    await admin.close()


def ship(monkeypatch: pytest.MonkeyPatch, migration: Migration) -> None:
    """Let this release ship a migration that the database lacks."""
    shipped = (*shipped_migrations(), migration)
    monkeypatch.setattr(schema_module, "shipped_migrations", lambda: shipped)
    monkeypatch.setattr(schema_module, "Migrator", lambda dsn: Migrator(dsn, shipped))


@pytest.mark.parametrize("is_usable", [True, False], ids=["usable", "too old"])
async def test_a_blocked_migration_is_tried_again_each_minute(
    database: Database, behind: tuple[AdminStore, list[float]], monkeypatch: pytest.MonkeyPatch, is_usable: bool
) -> None:
    """A release runs on the schema before its own, so a dump must not make every Tenant wait; on an older one it stops them."""
    admin, now = behind
    monkeypatch.setattr(migrate_module, "_LOCK_WAITS", (50,))
    ship(monkeypatch, EXTRA)
    if not is_usable:
        monkeypatch.setattr(schema_module, "oldest_usable_version", lambda: EXTRA.version)
    attempts = 0
    up = Migrator.up

    async def counted(self: Migrator) -> list[int]:
        nonlocal attempts
        attempts += 1
        return await up(self)

    async def reconcile() -> None:
        if is_usable:
            await admin.prepare()
            await admin.ensure_tenant("salon.salon", "uid-salon", "p", 5)
        else:
            with pytest.raises(MigrationBlocked, match="9001_extra waits for a lock"):
                await admin.prepare()

    monkeypatch.setattr(Migrator, "up", counted)
    async with open_pool(database.dsn, max_size=1) as somebody:
        async with somebody.acquire() as connection, connection.transaction():
            await connection.execute("LOCK TABLE appointments IN SHARE ROW EXCLUSIVE MODE")
            for _ in range(3):
                await reconcile()
            assert attempts == 1
            now[0] = 61
            await reconcile()
            assert attempts == 2
        await reconcile()
        assert attempts == 2, "a minute from the last attempt"
        now[0] = 122
        await admin.prepare()
        assert await somebody.fetchval("SELECT max(version) FROM schema_migrations") == EXTRA.version


@pytest.fixture
def newer_release(behind: tuple[AdminStore, list[float]], monkeypatch: pytest.MonkeyPatch) -> None:
    """This release ships a migration that the database lacks, and that adds an index."""
    ship(monkeypatch, INDEXED)


@pytest.mark.usefixtures("newer_release")
async def test_long_migration_outlives_its_reconcile(
    database: Database, behind: tuple[AdminStore, list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reconcile is cancelled after two minutes: an index that takes longer would be begun again for ever."""
    admin, now = behind
    async with index_build_under_way(database, admin.prepare) as (writer, reconcile):
        reconcile.cancel()
        await asyncio.gather(reconcile, return_exceptions=True)
        now[0] = 21
        await asyncio.wait_for(admin.prepare(), SOON)
        assert await writer.fetchval("SELECT max(version) FROM schema_migrations") == LATEST, "nobody waits for it"
        monkeypatch.setattr(schema_module, "oldest_usable_version", lambda: INDEXED.version)
        with pytest.raises(MigrationBlocked, match="a migration goes on"):
            await admin.prepare()
        await writer.execute("COMMIT")

        async def is_applied() -> bool:
            return bool(await writer.fetchval("SELECT max(version) FROM schema_migrations") == INDEXED.version)

        await eventually(is_applied, SOON, "the migration")
        assert await writer.fetchval(IS_UNFINISHED) is False


@pytest.mark.usefixtures("newer_release")
async def test_a_store_that_is_closed_ends_its_migration(
    database: Database, behind: tuple[AdminStore, list[float]]
) -> None:
    admin, _ = behind
    async with index_build_under_way(database, admin.prepare) as (writer, reconcile):
        reconcile.cancel()
        await asyncio.gather(reconcile, return_exceptions=True)
        await asyncio.wait_for(admin.close(), SOON)
        await writer.execute("COMMIT")
        assert await writer.fetchval(IS_UNFINISHED) is True


async def test_unwatched_failing_migration_explains_itself_and_retries(
    behind: tuple[AdminStore, list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, now = behind
    attempts = 0

    async def fails_late(_: Migrator) -> list[int]:
        nonlocal attempts
        attempts += 1
        now[0] += 21
        raise asyncpg.DiskFullError("no space left on device")

    monkeypatch.setattr(Migrator, "up", fails_late)
    monkeypatch.setattr(schema_module, "oldest_usable_version", lambda: INDEXED.version)
    for _ in range(3):
        with pytest.raises(MigrationBlocked, match="DiskFullError"):
            await admin.prepare()
    assert attempts == 1
    now[0] += 61
    with pytest.raises(MigrationBlocked, match="DiskFullError"):
        await admin.prepare()
    assert attempts == 2


async def test_migration_ends_when_its_session_is_lost(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a failover: nothing arrives on its connection any more, not even its end."""
    monkeypatch.setattr(migrate_module, "_LOOK_SECONDS", 0.2)
    gate = DatabaseGate(database.dsn)
    await gate.open()
    async with index_build_under_way(database, Migrator(gate.dsn, WITH_INDEXED).up) as (writer, run):
        gate.lose()
        await writer.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'askproai-migrate'"
        )
        ended, _ = await asyncio.wait({run}, timeout=SOON)
        assert ended
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            run.result()
    await gate.shut()


@pytest.mark.nightly
async def test_migrated_tables_follow_the_databases_search_path(postgres: EmbeddedPostgres) -> None:
    """Tables are created in schema `public`, or where the database's `search_path` says."""
    dsn = await postgres.create_database("with_search_path")
    async with open_pool(dsn, max_size=1) as pool:
        await pool.execute("CREATE SCHEMA voice; ALTER DATABASE with_search_path SET search_path = voice")
    admin = AdminStore(dsn)
    await admin.prepare()
    await admin.ensure_tenant("a.a", "uid", "password", 5)
    async with open_pool(admin.tenant_dsn("a.a", "password"), max_size=1) as pool:
        assert await pool.fetchval("SELECT count(*) FROM voice.tenants") == 1
        assert await pool.fetchval("SELECT count(*) FROM tenants") == 1
    await admin.close()
    await postgres.drop_database("with_search_path")


async def test_login_without_the_roles_gets_advice(postgres: EmbeddedPostgres, database: Database) -> None:
    async with open_pool(postgres.superuser_dsn, max_size=1) as pool:
        await pool.execute("DROP ROLE IF EXISTS somebody; CREATE ROLE somebody LOGIN PASSWORD 'p'")
        await pool.execute(f"GRANT CONNECT ON DATABASE {database.name} TO somebody")
    with pytest.raises(MigrationError, match=r"AdminStore\.prepare"):
        await Migrator(database.dsn.replace("askproai_admin:admin", "somebody:p")).up()
