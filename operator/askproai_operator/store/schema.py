"""Migrates an installation's database to this release's schema, in a task that goes on when a reconcile is cancelled.

The operator's reconciles are cancelled after two minutes, and building an index may take longer
(docs/decisions/0133-indexes-are-built-before-their-migration.md). `migrate.py` does the migration itself.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from time import monotonic

import structlog

from askproai_core.database import (
    Connection,
    MigrationBlocked,
    Migrator,
    oldest_usable_version,
    schema_version,
    shipped_migrations,
)
from askproai_core.database.group_roles import ensure_group_roles

log = structlog.get_logger(__name__)

# A dump blocks a migration for minutes, and each attempt makes others wait: not every Tenant's reconcile may make one.
_BLOCKED_REST_SECONDS = 60.0
# Most migrations end in a moment, so a reconcile waits for them; an index of a large table takes longer than a reconcile may.
_PATIENCE_SECONDS = 20.0


class Schema:
    """The schema of one database, with at most one migration of this process at a time.

    `dsn` is the admin's; `acquire` lends a connection of that login for a few statements. A migration opens its own connection.
    """

    def __init__(self, dsn: str, acquire: Callable[[], AbstractAsyncContextManager[Connection]]) -> None:
        self._dsn = dsn
        self._acquire = acquire
        self._migration: asyncio.Task[None] | None = None  # the newest migration, which may have ended
        self._patience_ends = 0.0  # monotonic
        self._prepared = False
        self._blocked: MigrationBlocked | None = None
        self._blocked_until = 0.0  # monotonic
        self._prepare_ended = asyncio.Event()

    async def prepare(self) -> None:
        """Create the group roles and migrate the schema. Safe to repeat, and to run twice at the same time.

        Once done, it costs one query, which notices a database that was recreated. A migration goes on when a caller is
        cancelled. For its first twenty seconds it is awaited, and its errors are raised here. If it is blocked, or fails later,
        the next call after a minute retries it. Meanwhile the schema may be the earlier one, which this release supports, too.
        Raises `MigrationBlocked` if the schema is older than that.
        """
        if self._prepared and await self._is_current():
            return
        try:
            migration = self._begin_migration()
            has_ended = migration is not None and await self._has_ended(migration)
            if not has_ended or self._blocked is not None:
                await self._require_usable()
        finally:
            self._prepare_ended.set()

    async def wait_until_prepared(self) -> None:
        """Wait until `prepare` has returned or failed once."""
        await self._prepare_ended.wait()

    async def end_migration(self) -> None:
        """Cancel a running migration, and wait at most ten seconds for its end."""
        if self._migration is not None:
            self._migration.cancel()
            await asyncio.wait({self._migration}, timeout=10)

    async def _is_current(self) -> bool:
        """Return True if the schema is this release's, by one statement; False for a database without a schema."""
        async with self._acquire() as conn:
            return await schema_version(conn) >= shipped_migrations()[-1].version

    def _begin_migration(self) -> asyncio.Task[None] | None:
        """Return the running migration, or begin one; None in the minute after a migration was blocked, or failed late."""
        if self._migration is None or self._migration.done():
            if self._blocked is not None and monotonic() < self._blocked_until:
                return None
            self._blocked = None
            self._migration = asyncio.create_task(self._migrate())
            self._patience_ends = monotonic() + _PATIENCE_SECONDS
        return self._migration

    async def _has_ended(self, migration: asyncio.Task[None]) -> bool:
        """Wait for a migration until it has run for twenty seconds; return True if it has ended. Raises the migration's error."""
        ended, _ = await asyncio.wait({migration}, timeout=max(0.0, self._patience_ends - monotonic()))
        # A closed store cancels the migration, and must not cancel the reconcile that waits for it.
        return bool(ended) and not migration.cancelled() and migration.result() is None

    async def _require_usable(self) -> None:
        async with self._acquire() as conn:
            if await schema_version(conn) < oldest_usable_version():
                why = (
                    self._blocked or "a migration goes on, which may build an index (migration.builds_index in the log)"
                )
                raise MigrationBlocked(str(why))

    async def _migrate(self) -> None:
        """Create the roles and migrate. If a table is locked, or it fails after twenty seconds, log that and pause a minute."""
        try:
            async with self._acquire() as conn:
                await ensure_group_roles(conn)
            await Migrator(self._dsn).up()
            self._prepared = True
        except MigrationBlocked as error:
            log.warning("migration.blocked", reason=str(error), again_in_seconds=_BLOCKED_REST_SECONDS)
            self._rest(error)
        except Exception as error:
            if monotonic() < self._patience_ends:
                raise
            name = type(error).__name__
            log.warning("migration.failed", error=name, again_in_seconds=_BLOCKED_REST_SECONDS)
            self._rest(MigrationBlocked(f"the migration failed after some time: {name}"))

    def _rest(self, why: MigrationBlocked) -> None:
        self._blocked, self._blocked_until = why, monotonic() + _BLOCKED_REST_SECONDS
