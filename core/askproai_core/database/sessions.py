"""End the sessions of tenants' roles that do what no pod does and that holds up others.

No grant prevents it. Any role waits for ACCESS EXCLUSIVE on any table, those of the catalog included, before PostgreSQL checks
that it may create a rule there, and whoever comes later queues behind it. Any role may take advisory locks until the lock table
of the whole server is full. And a role may remove its own timeouts (docs/decisions/0035-sessions-are-watched.md).

While a table of the catalog is locked nobody can log in, and a lookup of a name waits. The watch therefore keeps one connection
open, and its repeated statement calls two functions that read shared memory and no table. Thousands of changes at once empty its
caches, and then even this statement needs the catalog: so the connection stays in a transaction that has a lock of its own, ACCESS
SHARE, on all of the catalog. Who has a lock does not queue for it again.
"""

import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

import asyncpg
import structlog
from asyncpg.prepared_stmt import PreparedStatement

from askproai_core.database import roles

log = structlog.get_logger(__name__)

# The longest statement of a pod takes 15 s, and its longest idle transaction 30 s.
MAX_TRANSACTION_SECONDS = 60
# A booking takes about fifty; the server's lock table holds 64 for each possible connection.
MAX_LOCKS = 500
_REFRESH_EVERY = (
    120  # checks: roles are looked up now and then, because a lookup can be blocked while a session misbehaves
)

_SUSPECTS = f"""
SELECT a.pid, a.usesysid::bigint AS role, CASE
        WHEN a.datid <> $1::bigint::oid THEN 'other_database'
        WHEN l.is_strong THEN 'table_lock'
        WHEN l.is_advisory THEN 'advisory_lock'
        WHEN l.locks > {MAX_LOCKS} THEN 'many_locks'
        ELSE 'long_transaction' END AS misuse
FROM pg_stat_get_activity(NULL) a LEFT JOIN (
    SELECT pid, count(*) AS locks, bool_or(locktype = 'advisory') AS is_advisory,
           bool_or(locktype = 'relation' AND mode IN (
               'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'
           )) AS is_strong
    FROM pg_lock_status() GROUP BY pid
) l ON l.pid = a.pid
WHERE a.usesysid <> 0 AND (a.datid <> $1::bigint::oid OR l.is_strong OR l.is_advisory OR l.locks > {MAX_LOCKS}
    OR a.xact_start < clock_timestamp() - interval '{MAX_TRANSACTION_SECONDS} s')
"""  # noqa: S608  our own numbers

# Those of another installation on this server may not connect to this database.
_ROLES = """
SELECT oid::bigint AS oid, rolname FROM pg_roles
WHERE starts_with(rolname, $1) AND has_database_privilege(oid, current_database(), 'CONNECT') AND pg_has_role(oid, 'USAGE')
"""
# A statement locks also the indexes of its tables, without which none of them is read. A login may read all but a few, whose
# lock comes by a view.
_CATALOG = """
SELECT oid::regclass::text FROM pg_class
WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND has_table_privilege(oid, 'SELECT')
"""
_CATALOG_BY_VIEW = "pg_roles"  # pg_authid
# A transaction would see the sessions of its first look again. And a statement without parameters closes the last one's cursor,
# which keeps a snapshot and so dead rows.
_FORGET = "SELECT pg_stat_clear_snapshot()"
# Both wait for the end, because until then the session keeps its locks.
_END_SESSION = "SELECT pg_terminate_backend($1, 1000)"
_END_ALL = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_get_activity(NULL) WHERE usesysid = $1::bigint::oid"


class Misuse(StrEnum):
    """What a session of a tenant's role did."""

    TABLE_LOCK = "table_lock"  # holds or awaits a lock on a table that is stronger than a statement of a pod needs
    ADVISORY_LOCK = "advisory_lock"
    MANY_LOCKS = "many_locks"
    OTHER_DATABASE = "other_database"
    LONG_TRANSACTION = "long_transaction"

    @property
    def is_certain(self) -> bool:
        """Whether no pod does this, however slow or broken it is."""
        return self is not Misuse.LONG_TRANSACTION


@dataclass(frozen=True, slots=True)
class EndedSession:
    """A session that was ended, or a role whose sessions were all ended and that may not log in: `suspended`."""

    role: str
    misuse: Misuse
    suspended: bool


class SessionWatch:
    """Looks at all sessions of the server at once. Create it with `open_watch`."""

    def __init__(
        self, conn: "asyncpg.Connection[asyncpg.Record]", database: int, suspects: "PreparedStatement[asyncpg.Record]"
    ) -> None:
        self._conn, self._database, self._suspects = conn, database, suspects
        self._roles: dict[int, str] = {}
        self._to_suspend: dict[int, Misuse] = {}  # kept until it succeeds: what misbehaves may keep it from succeeding
        self._checks = 0
        self._holds_catalog = False

    async def check(self) -> list[EndedSession]:
        """End each session that misbehaves; if no pod would do that, end all of its role and refuse it new ones.

        Who restores the login decides when. Raises `asyncpg.PostgresError` when a lookup is blocked; the next check goes on.
        """
        try:
            return await self._check()
        except asyncpg.PostgresError:
            await self._release_catalog()
            raise

    async def _check(self) -> list[EndedSession]:
        if self._checks % _REFRESH_EVERY == 0:
            await self._release_catalog()  # now and then, for an administrator who rewrites a table of the catalog
            await self._refresh()
        self._checks += 1
        suspects = await self._suspects.fetch(self._database)
        ended = await self._end(suspects)
        unknown = [suspect for suspect in suspects if suspect["role"] not in self._roles]
        if unknown:  # after the known ones, which may be what blocks a lookup
            await self._refresh()
            ended += await self._end(unknown)
        ended += await self._suspend()
        try:
            await self._hold_catalog()
        except asyncpg.PostgresError as error:  # the next check tries again; what was ended must be reported
            log.warning("session_watch.unprotected", error=type(error).__name__)
            await self._release_catalog()
        return ended

    async def _hold_catalog(self) -> None:
        """Keep a transaction open that has a lock on all of the catalog. It has no snapshot, so it keeps no dead row."""
        if not self._holds_catalog:
            await self._conn.execute("BEGIN")
            tables = [row[0] for row in await self._conn.fetch(_CATALOG)]
            await self._conn.execute("; ".join(f"SELECT FROM {table} LIMIT 0" for table in (*tables, _CATALOG_BY_VIEW)))
            self._holds_catalog = True
        await self._conn.execute(_FORGET)

    async def _release_catalog(self) -> None:
        self._holds_catalog = False
        if self._conn.is_in_transaction():
            await self._conn.execute("COMMIT")  # of a transaction that failed: its end

    async def _end(self, suspects: Sequence[asyncpg.Record]) -> list[EndedSession]:
        """End the sessions of known roles, note whom to suspend, and return those of the others."""
        ended = []
        for suspect in suspects:
            oid, misuse = suspect["role"], Misuse(suspect["misuse"])
            if oid not in self._roles:
                continue
            if misuse.is_certain:
                self._to_suspend[oid] = misuse
            else:
                ended.append(EndedSession(self._roles[oid], misuse, suspended=False))
            await self._conn.execute(_END_SESSION, suspect["pid"])
        return ended

    async def _suspend(self) -> list[EndedSession]:
        suspended = []
        for oid, misuse in list(self._to_suspend.items()):
            with contextlib.suppress(asyncpg.UndefinedObjectError):  # dropped with its tenant
                await self._conn.execute(f'ALTER ROLE "{self._roles[oid]}" NOLOGIN')
            await self._release_catalog()  # so that it holds from now on
            await self._conn.execute(_END_ALL, oid)
            del self._to_suspend[oid]
            suspended.append(EndedSession(self._roles[oid], misuse, suspended=True))
        return suspended

    async def _refresh(self) -> None:
        rows = await self._conn.fetch(_ROLES, roles.TENANT_PREFIX)
        self._roles |= {row["oid"]: row["rolname"] for row in rows}


@asynccontextmanager
async def open_watch(dsn: str) -> AsyncIterator[SessionWatch]:
    """Yield a watch on a connection of its own, which stays open, as the admin's login."""
    settings = {
        "application_name": "askproai-session-watch",
        "lock_timeout": "500ms",
        "statement_timeout": "5s",
        "idle_in_transaction_session_timeout": "0",
    }
    conn = await asyncpg.connect(dsn, timeout=10, command_timeout=10, server_settings=settings)
    try:
        database = await conn.fetchval("SELECT oid::bigint FROM pg_database WHERE datname = current_database()")
        if conn.get_server_version().major >= 17:  # noqa: PLR2004  PostgreSQL 17 has it
            await conn.execute("SET transaction_timeout = 0")
        watch = SessionWatch(conn, database, await conn.prepare(_SUSPECTS))
        yield watch
    finally:
        conn.terminate()
