"""Run the migrations: plain SQL files `NNNN_name.up.sql` and `.down.sql` in the folder `migrations`.

A run locks the table `schema_migrations`, because any tenant's role could take an advisory lock and hold it for ever. Each
migration is one transaction, except that indexes on tables with rows are built before it. An applied file must not change: a
correction is a new migration. The first migration names the history: a database that began with another one is refused.
"""

import asyncio
import contextlib
import hashlib
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from importlib import resources
from typing import Final, TypeVar

import asyncpg
import structlog

from askproai_core.database.migration_indexes import build_indexes, list_indexes_to_build, without_built
from askproai_core.database.pool import Connection, DatabaseError

log = structlog.get_logger(__name__)

OWNER = "askproai_owner"

T = TypeVar("T")

# Another session has locked the table, such as a dump or an open transaction.
_BLOCKED = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)
# How long each attempt waits for a lock, in milliseconds. Every later statement on a table queues behind a waiting migration, and
# a booking can wait for half a second. Deadlocks are possible, too: each transaction of a tenant reads `tenants` by its policies,
# and may then need a table that the migration has locked. The migration then gives way and is retried.
_LOCK_WAITS: Final = (100,) * 8 + (500,)
_PAUSE: Final = 0.1  # seconds between two attempts, in which queued statements run
_NAME: Final = "askproai-migrate"
_IS_ALIVE: Final = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1 AND application_name = $2)"
_LOOK_SECONDS: Final = 30.0

_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version     integer PRIMARY KEY,
    name        text NOT NULL,
    sha256      text NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    duration_ms integer NOT NULL
)"""


class MigrationError(DatabaseError):
    """The schema and this release's migration files do not match."""


class OtherHistory(MigrationError):
    """The database has migrations of another series: no migration of ours leads from its schema to this release's."""

    def __init__(self, applied: asyncpg.Record, shipped: "Migration") -> None:
        super().__init__(
            f"the database has another history: its first migration is {applied['version']:04}_{applied['name']} (SHA-256"
            f" {applied['sha256'][:8]}…), that of this release {shipped.version:04}_{shipped.name} ({shipped.sha256[:8]}…). Nothing"
            " was changed. Use an empty database, or the release that made this one"
        )


class MigrationBlocked(MigrationError):
    """A migration did not get a lock in time. Nothing of it was done; a later run tries again."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration of this release, as its `.up.sql` and `.down.sql` files contain it."""

    version: int
    name: str
    up: str
    down: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.up.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class MigrationState:
    """A migration as the database records it. `applied_at` None: pending; `changed`: the file differs from the applied one."""

    version: int
    name: str
    applied_at: datetime | None
    changed: bool


@cache
def shipped_migrations() -> tuple[Migration, ...]:
    """Return this release's migrations in order."""
    folder = resources.files("askproai_core.database") / "migrations"
    files = {entry.name: entry.read_text() for entry in folder.iterdir() if entry.name.endswith(".sql")}
    stems = sorted(name.removesuffix(".up.sql") for name in files if name.endswith(".up.sql"))
    return tuple(
        Migration(int(stem[:4]), stem[5:], files[f"{stem}.up.sql"], files[f"{stem}.down.sql"]) for stem in stems
    )


def oldest_usable_version() -> int:
    """Return the oldest schema that this release runs on: the one before its own, so that pods may be rolled in either order."""
    versions = [migration.version for migration in shipped_migrations()]
    return versions[-2:][0]


async def schema_version(conn: Connection) -> int:
    """Return the database's schema version, 0 before the first migration. Every role of ours may read it.

    `conn` must not be in a transaction: a missing table would abort the transaction. Raises `OtherHistory`.
    """
    applied = await read_applied(conn)
    refuse_other_history(applied, shipped_migrations())
    return max(applied, default=0)


async def read_applied(conn: Connection) -> dict[int, asyncpg.Record]:
    """Return the recorded migrations by version, lowest version first; an empty dictionary if the database has no schema."""
    try:
        rows = await conn.fetch("SELECT version, name, sha256, applied_at FROM schema_migrations ORDER BY version")
    except asyncpg.UndefinedTableError:
        return {}
    return {row["version"]: row for row in rows}


def refuse_other_history(applied: dict[int, asyncpg.Record], shipped: tuple[Migration, ...]) -> None:
    """Raise `OtherHistory` if the first applied migration is not our first one. Version numbers do not show it: all begin at 1."""
    first = next(iter(applied.values()), None)
    if first is not None and (first["version"], first["sha256"]) != (shipped[0].version, shipped[0].sha256):
        raise OtherHistory(first, shipped[0])


class Migrator:
    """Applies and reverts the migrations of one database. `dsn` is the admin's login; the tables belong to `askproai_owner`."""

    def __init__(self, dsn: str, migrations: tuple[Migration, ...] | None = None) -> None:
        self._dsn = dsn
        self._migrations = shipped_migrations() if migrations is None else migrations

    async def up(self) -> list[int]:
        """Apply the pending migrations and return their versions. Wait for an active run, which may apply them.

        Raises `MigrationBlocked` when a table stays locked or another run builds an index; earlier migrations stay applied.
        Raises `OtherHistory` for a database that another series of migrations has made.
        """
        done: list[int] = []
        async with self._connect() as conn:
            # The slower one of two first runs finds that the name exists, which PostgreSQL reports in one of these ways.
            with contextlib.suppress(
                asyncpg.UniqueViolationError, asyncpg.DuplicateTableError, asyncpg.DuplicateObjectError
            ):
                await conn.execute(_TABLE)
            known = await self._read_own(conn)
            for migration in self._migrations:
                if migration.version not in known:
                    await self._build_indexes(conn, migration)
                if await _try_again(partial(self._apply, conn, migration)):
                    log.info("migration.applied", version=migration.version, name=migration.name)
                    done.append(migration.version)
        return done

    async def _build_indexes(self, conn: Connection, migration: Migration) -> None:
        """Build the indexes of a pending migration that would block writers if its transaction built them.

        Call it without the lock of `schema_migrations`: a build waits for every transaction that has a snapshot, and another
        run that waits for that lock has a snapshot.
        """
        indexes = await _try_again(partial(self._find_indexes, conn, migration))
        if indexes:
            with _naming_blocked_migration(migration):
                await build_indexes(conn, indexes)

    async def _find_indexes(self, conn: Connection, migration: Migration, lock_wait: int) -> list[re.Match[str]]:
        async with conn.transaction():
            await conn.execute(f"SET LOCAL lock_timeout = '{lock_wait}ms'")
            with _naming_blocked_migration(migration):
                return await list_indexes_to_build(conn, migration.up)

    async def _apply(self, conn: Connection, migration: Migration, lock_wait: int) -> bool:
        """Apply a migration unless it is applied already. Return True if this call has applied it."""
        async with conn.transaction():
            applied = await self._lock_and_check(conn, lock_wait)
            if migration.version in applied:
                return False
            if applied and migration.version < max(applied):
                raise MigrationError(
                    f"migration {migration.version:04} is missing below {max(applied):04}: give it a higher number"
                )
            began = time.monotonic()
            with _naming_blocked_migration(migration):
                await conn.execute(await without_built(conn, migration.up))
            await conn.execute(
                "INSERT INTO schema_migrations (version, name, sha256, duration_ms) VALUES ($1, $2, $3, $4)",
                migration.version, migration.name, migration.sha256, int((time.monotonic() - began) * 1000),
            )  # fmt: skip
        return True

    async def down(self, steps: int = 1) -> list[int]:
        """Revert the last `steps` migrations and return their versions. The content of their tables is lost.

        Raises `MigrationError` for the first migration while there are tenants, and `MigrationBlocked` as `up` does; the
        migrations reverted before stay reverted.
        """
        done: list[int] = []
        async with self._connect() as conn:
            for _ in range(steps):
                migration = await _try_again(partial(self._revert, conn))
                if migration is None:
                    break
                log.info("migration.undone", version=migration.version, name=migration.name)
                done.append(migration.version)
        return done

    async def _revert(self, conn: Connection, lock_wait: int) -> Migration | None:
        """Revert the newest migration that is applied, and return it; None if there is none."""
        async with conn.transaction():
            applied = await self._lock_and_check(conn, lock_wait)
            if not applied:
                return None
            newest = max(applied)
            migration = next((each for each in self._migrations if each.version == newest), None)
            if migration is None:
                raise MigrationError(f"migration {newest:04} is from a newer release: undo it with that one")
            if migration is self._migrations[0] and await conn.fetchval("SELECT EXISTS (SELECT FROM tenants)"):
                raise MigrationError(
                    f"migration {newest:04}_{migration.name} is the schema itself, and undoing it would delete every tenant's data:"
                    " no other one is applied. Drop the database if that is meant"
                )
            with _naming_blocked_migration(migration):
                await conn.execute(migration.down)
            await conn.execute("DELETE FROM schema_migrations WHERE version = $1", migration.version)
        return migration

    async def status(self) -> list[MigrationState]:
        """Return every migration that this release ships or the database has applied, in order."""
        async with self._connect() as conn:
            applied = await read_applied(conn)
        shipped = {migration.version: migration for migration in self._migrations}
        return [
            MigrationState(
                version,
                shipped[version].name if version in shipped else applied[version]["name"],
                applied[version]["applied_at"] if version in applied else None,
                version in shipped and version in applied and shipped[version].sha256 != applied[version]["sha256"],
            )
            for version in sorted(shipped.keys() | applied)
        ]

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[Connection]:
        conn = await asyncpg.connect(self._dsn, timeout=10, server_settings={"application_name": _NAME})
        # A pooler would name a session of its own at the login.
        pid = int(await conn.fetchval("SELECT pg_backend_pid()"))
        watch = asyncio.create_task(_terminate_when_lost(conn, pid, self._dsn))
        try:
            try:
                await conn.execute(f"SET ROLE {OWNER}")
            except (asyncpg.InvalidParameterValueError, asyncpg.InsufficientPrivilegeError) as error:
                raise MigrationError(
                    f"this login cannot become {OWNER} ({error}): AdminStore.prepare() makes the roles"
                ) from error
            yield conn
        finally:
            watch.cancel()
            await conn.close(timeout=5)

    async def _lock_and_check(self, conn: Connection, lock_wait: int) -> dict[int, asyncpg.Record]:
        """Lock `schema_migrations` until the end of the transaction, and return the applied migrations by version.

        Raises MigrationError if an applied file has changed. Later locks wait `lock_wait` milliseconds at most.
        """
        await conn.execute("SET LOCAL lock_timeout = '120s'; SET LOCAL statement_timeout = '15min'")
        # EXCLUSIVE lets readers pass: a tenant's readiness probe must neither delay a run nor wait for it.
        await conn.execute("LOCK TABLE schema_migrations IN EXCLUSIVE MODE")
        await conn.execute(f"SET LOCAL lock_timeout = '{lock_wait}ms'")
        applied = await self._read_own(conn)
        changed = [m for m in self._migrations if m.version in applied and applied[m.version]["sha256"] != m.sha256]
        if changed:
            names = ", ".join(f"{m.version:04}_{m.name}.up.sql" for m in changed)
            raise MigrationError(
                f"applied before and changed since: {names}. Restore it; a correction is a new migration"
            )
        return applied

    async def _read_own(self, conn: Connection) -> dict[int, asyncpg.Record]:
        applied = await read_applied(conn)
        refuse_other_history(applied, self._migrations)
        return applied


async def _terminate_when_lost(conn: Connection, pid: int, dsn: str) -> None:
    """Terminate `conn` when the server no longer has its session `pid`: after a failover no reply would ever arrive on it."""
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):  # it may still be at work
            other = await asyncpg.connect(dsn, timeout=10, command_timeout=10)
            try:
                is_alive = await other.fetchval(_IS_ALIVE, pid, _NAME)
            finally:
                await other.close(timeout=5)
            if not is_alive:
                log.warning("migration.session_lost")
                conn.terminate()
                return


async def _try_again(step: Callable[[int], Awaitable[T]]) -> T:
    """Repeat `step`, with longer waits for its locks, until it succeeds. Return its result or raise the last MigrationBlocked."""
    for lock_wait in _LOCK_WAITS[:-1]:
        with contextlib.suppress(MigrationBlocked):
            return await step(lock_wait)
        await asyncio.sleep(_PAUSE)
    return await step(_LOCK_WAITS[-1])


@contextmanager
def _naming_blocked_migration(migration: Migration) -> Iterator[None]:
    """Raise MigrationBlocked, with the migration's name, if a statement of the block does not get a lock in time."""
    try:
        yield
    except _BLOCKED as error:
        raise MigrationBlocked(
            f"migration {migration.version:04}_{migration.name} waits for a lock: end the dump, the other run or the open"
            " transaction (pg_stat_activity)"
        ) from error
