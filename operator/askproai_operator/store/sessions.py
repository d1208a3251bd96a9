"""Ends sessions of tenants' roles that block other sessions in a way that no pod does.

No grant prevents such acts. Any role waits for ACCESS EXCLUSIVE on any table, including the catalog's, before PostgreSQL checks
that it may create a rule there, and later sessions queue behind it. Any role may take advisory locks until the lock table of
the whole server is full. And a role may remove its own timeouts (docs/decisions/0035-sessions-are-watched.md).

While a table of the catalog is locked, nobody can log in, and a lookup of a name waits. The watch therefore keeps two
connections open. The first checks and ends sessions: its statement calls two functions that read shared memory and no table.
Ending a session reads the tables of roles, and thousands of changes at once empty its caches, after which any statement reads
the catalog: so the first connection stays in a transaction that holds a lock, ACCESS SHARE, on the whole catalog. The holder
of a lock does not queue for it again. The second connection changes roles.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from time import monotonic

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from askproai_operator.login_urls import database_name
from askproai_operator.store.login_roles import SUSPENDED_MARK, tenant_role_name

# The longest statement of a pod takes 15 s, and its longest idle transaction 30 s.
MAX_TRANSACTION_SECONDS = 60
# The sum over all sessions of a role. A booking takes about fifty; the server's lock table holds 64 for each possible connection,
# so all roles together cannot fill it. A few sessions may take more than their share.
LOCKS_PER_SESSION = 64
MIN_LOCKS = 500

SUSPENSION_SECONDS = 900

# In checks. Roles are looked up now and then, because a lookup can be blocked while a session misbehaves.
_REFRESH_EVERY = 120
_RETRY_REFRESH_AFTER = 4
# A session that logged in just before may take the role's lock again.
_SUSPEND_ATTEMPTS = 3

_SUSPECTS = f"""
SELECT pid, role, CASE
        WHEN is_elsewhere THEN 'other_database'
        WHEN is_strong THEN 'table_lock'
        WHEN is_advisory THEN 'advisory_lock'
        WHEN has_many THEN 'many_locks'
        ELSE 'long_transaction' END AS misuse
FROM (
    SELECT a.pid, a.usesysid::bigint AS role, a.datid <> $1::bigint::oid AS is_elsewhere, l.is_strong, l.is_advisory,
           l.locks > 0 AND sum(l.locks) OVER of_role
               > greatest({MIN_LOCKS}, {LOCKS_PER_SESSION} * count(*) OVER of_role) AS has_many,
           a.xact_start < clock_timestamp() - interval '{MAX_TRANSACTION_SECONDS} s' AS is_long
    FROM pg_stat_get_activity(NULL) a LEFT JOIN (
        SELECT pid, count(*) AS locks, bool_or(locktype = 'advisory') AS is_advisory,
               bool_or(locktype = 'relation' AND mode IN (
                   'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'
               )) AS is_strong
        FROM pg_lock_status() GROUP BY pid
    ) l ON l.pid = a.pid
    WHERE a.usesysid <> 0
    WINDOW of_role AS (PARTITION BY a.usesysid)
) s
WHERE is_elsewhere OR is_strong OR is_advisory OR has_many OR is_long
"""  # noqa: S608  our own numbers

# Only a member of a role may end its sessions: a missing membership comes with the tenant's next reconcile.
_ROLES = """
SELECT t.tenant, r.oid::bigint AS oid, r.rolname, r.rolcanlogin, r.rolconnlimit
FROM tenants t JOIN pg_roles r ON r.rolname = t.role WHERE pg_has_role(r.oid, 'USAGE')
"""
# It waits for the end, because until then the session keeps its locks.
_END_SESSION = "SELECT pg_terminate_backend($1, 1000)"
_END_ALL = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_get_activity(NULL) WHERE usesysid = $1::bigint::oid"
# Without this call, a transaction sees the sessions of its first look.
_LOOK_AGAIN = "SELECT pg_stat_clear_snapshot()"
# A statement also locks the indexes of its tables, which every read needs. A login may read all tables of the catalog but a few,
# which are locked by a view.
_CATALOG = """
SELECT oid::regclass::text FROM pg_class
WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND has_table_privilege(oid, 'SELECT')
"""
_CATALOG_BY_VIEW = "pg_roles"  # pg_authid
# A session sees others' changes of the catalog, such as a new role, when it takes a lock that it does not hold yet. This table
# is the session's own, so that the lock never waits.
_MAKE_OWN_TABLE = "CREATE TEMPORARY TABLE askproai_session_watch ()"
_LEARN_OF_CHANGES = "SELECT FROM pg_temp.askproai_session_watch LIMIT 0"
# Without waiting, so that no session has the time to be replaced while another one ends.
_SIGNAL_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_get_activity(NULL) WHERE usesysid = $1::bigint::oid"


class Misuse(StrEnum):
    """The kinds of misbehavior for which the watch ends a session of a tenant's role."""

    TABLE_LOCK = "table_lock"  # holds or awaits a lock on a table that is stronger than a statement of a pod needs
    ADVISORY_LOCK = "advisory_lock"
    MANY_LOCKS = "many_locks"  # the role's sessions together
    OTHER_DATABASE = "other_database"
    LONG_TRANSACTION = "long_transaction"

    @property
    def is_certain(self) -> bool:
        """Whether no pod can misbehave in this way, however slow or broken it is; such a misuse suspends the role."""
        return self is not Misuse.LONG_TRANSACTION


@dataclass(frozen=True, slots=True)
class EndedSession:
    """A session that the watch ended. With `suspended`, all sessions of the role were ended, and the role may not log in."""

    role: str
    misuse: Misuse
    suspended: bool


class WatchStep(StrEnum):
    """The steps of a check of sessions; a failure is reported with its step."""

    LOOK = "look"
    END = "end"
    SUSPEND = "suspend"
    RESTORE = "restore"
    LOOK_UP_ROLES = "look_up_roles"
    HOLD_CATALOG = "hold_catalog"  # the lock that keeps others from blocking the watch


Ended = Callable[[EndedSession], None]
Failed = Callable[[WatchStep, str, Exception], None]  # the role's name is empty for a step about all roles


@dataclass(frozen=True, slots=True)
class TenantLogin:
    """A tenant's login role. `connection_limit` is its limit in the catalog; a very high one marks a suspended role."""

    oid: int
    name: str
    connection_limit: int


@dataclass(frozen=True, slots=True)
class Suspension:
    """Until when (monotonic seconds) a role may not log in, and its misuse; None if another process suspended it."""

    until: float
    misuse: Misuse | None


@dataclass(slots=True)
class TenantLogins:
    """The tenants' login roles that this process created, and all suspensions that it knows; reconciles and the watch share it."""

    created: dict[int, TenantLogin] = field(default_factory=dict)  # by this process; a lookup may not show them yet
    suspended: dict[str, Suspension] = field(default_factory=dict)  # by role, until its login is restored
    # Logins still to be suspended in the catalog, which a misbehaving session may block for a while.
    to_suspend: dict[int, TenantLogin] = field(default_factory=dict)

    def suspend(self, login: TenantLogin, misuse: Misuse) -> None:
        """Record that a role is suspended, before the catalog is changed: else a reconcile could restore its login in between."""
        self.suspended[login.name] = Suspension(monotonic() + SUSPENSION_SECONDS, misuse)
        self.to_suspend[login.oid] = login

    def note_mark(self, login: TenantLogin) -> None:
        """Record by `login`'s limit in the catalog whether another process has suspended the role, or restored its login. A
        suspension counts from now on.
        """
        found = self.suspended.get(login.name)
        if login.connection_limit < SUSPENDED_MARK and found is not None and found.misuse is None:
            del self.suspended[login.name]
        if login.connection_limit >= SUSPENDED_MARK and login.name not in self.suspended:
            self.suspended[login.name] = Suspension(monotonic() + SUSPENSION_SECONDS, None)

    def suspension(self, role: str) -> Suspension | None:
        """Return the suspension of a role if its time is not over; else None."""
        found = self.suspended.get(role)
        return found if found is not None and monotonic() < found.until else None

    def forget(self, role: str) -> None:
        """Forget the logins of a dropped role. A new role of the same name stays refused until the suspension is over."""
        self.created = {oid: login for oid, login in self.created.items() if login.name != role}
        self.to_suspend = {oid: login for oid, login in self.to_suspend.items() if login.name != role}


class SessionWatch:
    """Checks all sessions of the database server at once. Create it with `open_watch`."""

    def __init__(
        self,
        conn: "asyncpg.Connection[asyncpg.Record]",
        altering: "asyncpg.Connection[asyncpg.Record]",
        database: tuple[int, str],
        suspects: "PreparedStatement[asyncpg.Record]",
        logins: TenantLogins,
        report: tuple[Ended, Failed],
    ) -> None:
        self._conn, self._altering, self._suspects, self._logins = conn, altering, suspects, logins
        self._database, self._database_name = database
        self._ended, self._failed = report
        self._roles: dict[int, TenantLogin] = {}
        self._others: set[int] = set()  # roles that are not this installation's
        self._checks = 0
        self._refresh_at = self._retry_at = 0
        self._outer: asyncpg.transaction.Transaction | None = None  # holds the lock on the catalog
        self._holds_catalog = False

    async def check(self) -> None:
        """End each session that misbehaves. For a misuse that no pod can commit, end all sessions of its role, and suspend the
        role.

        A failure for one role is reported, does not affect others, and is retried by the next check. Raises the driver's error
        if the check itself fails.
        """
        self._checks += 1
        if not self._holds_catalog:
            await self._hold_catalog()
        await self._learn_of_changes()
        async with self._conn.transaction():
            await self._conn.execute(_LOOK_AGAIN)
            suspects = await self._suspects.fetch(self._database)
        await self._treat(suspects)
        await self._restore()
        # Afterwards, because a treated session may have blocked the lookup.
        not_ours = [suspect for suspect in suspects if self._login(suspect["role"]) is None]
        has_unknown = any(suspect["role"] not in self._others for suspect in not_ours)
        if self._checks >= self._refresh_at or (has_unknown and self._checks >= self._retry_at):
            await self._refresh(not_ours)
            await self._treat(not_ours)

    async def _hold_catalog(self) -> None:
        """Open a transaction with a lock on the whole catalog. Without a snapshot between checks, it keeps no dead rows."""
        if self._outer is None:
            self._outer = self._conn.transaction()
            await self._outer.start()
        try:
            async with self._conn.transaction():
                tables = [row[0] for row in await self._conn.fetch(_CATALOG)]
                await self._conn.execute(
                    "; ".join(f"SELECT FROM {table} LIMIT 0" for table in (*tables, _CATALOG_BY_VIEW))
                )
        except asyncpg.PostgresError as error:  # the check goes on without the lock, and the next one retries
            self._failed(WatchStep.HOLD_CATALOG, "", error)
        else:
            self._holds_catalog = True

    async def _learn_of_changes(self) -> None:
        lock = self._conn.transaction()
        await lock.start()
        # If the server's lock table is full, no new lock is possible: the check goes on without it.
        with contextlib.suppress(asyncpg.OutOfMemoryError):
            try:
                await self._conn.execute(_LEARN_OF_CHANGES)
            finally:
                await lock.rollback()  # lets go of the lock, so that the next check gets it anew

    async def _renew_catalog(self) -> None:
        """Release the lock on the catalog and take it again, so that an administrator who rewrites a catalog table gets a turn."""
        outer, self._outer, self._holds_catalog = self._outer, None, False
        if outer is not None:
            await outer.commit()
        await self._hold_catalog()

    def _login(self, oid: int) -> TenantLogin | None:
        return self._logins.created.get(oid) or self._roles.get(oid)

    async def _treat(self, suspects: Iterable[asyncpg.Record]) -> None:
        """End the suspected sessions of roles of this installation; suspend a role if its misuse is certain."""
        for suspect in suspects:
            login, misuse = self._login(suspect["role"]), Misuse(suspect["misuse"])
            if login is None:
                continue
            if misuse.is_certain:
                self._logins.suspend(login, misuse)
            elif await self._run(WatchStep.END, login, _END_SESSION, suspect["pid"]):
                self._ended(EndedSession(login.name, misuse, suspended=False))
        # First signal all sessions, since one may hold a lock that another role's suspension needs.
        for login in list(self._logins.to_suspend.values()):
            await self._run(WatchStep.END, login, _SIGNAL_ALL, login.oid)
        for login in list(self._logins.to_suspend.values()):
            await self._suspend(login)

    async def _suspend(self, login: TenantLogin) -> None:
        """End the role's sessions, then suspend it: an open transaction that changes its own password blocks ALTER ROLE."""
        limit = login.connection_limit % SUSPENDED_MARK + SUSPENDED_MARK
        for _ in range(_SUSPEND_ATTEMPTS):
            if login.oid not in self._logins.to_suspend:
                return  # dropped
            await self._run(WatchStep.END, login, _SIGNAL_ALL, login.oid)
            if await self._run(WatchStep.SUSPEND, login, f'ALTER ROLE "{login.name}" NOLOGIN CONNECTION LIMIT {limit}'):
                break
        else:
            return  # it stays in `to_suspend`
        await self._run(WatchStep.END, login, _END_ALL, login.oid)
        noted = self._logins.suspended.get(login.name)
        if self._logins.to_suspend.pop(login.oid, None) is not None and noted is not None and noted.misuse is not None:
            self._ended(EndedSession(login.name, noted.misuse, suspended=True))

    async def _restore(self) -> None:
        """Restore the logins whose suspension is over, because a paused or refused Tenant's reconcile does not do it."""
        for login in [*self._logins.created.values(), *self._roles.values()]:
            if login.name not in self._logins.suspended or self._logins.suspension(login.name) is not None:
                continue
            limit = login.connection_limit % SUSPENDED_MARK
            if await self._run(WatchStep.RESTORE, login, f'ALTER ROLE "{login.name}" LOGIN CONNECTION LIMIT {limit}'):
                self._logins.suspended.pop(login.name, None)

    async def _run(self, step: WatchStep, login: TenantLogin, statement: str, *args: object) -> bool:
        """Run a statement about a role for this step; return True if it succeeded. A failure is reported, not raised."""
        try:
            if step is WatchStep.END:
                async with self._conn.transaction():
                    await self._conn.execute(_LOOK_AGAIN)
                    await self._conn.execute(statement, *args)
            else:
                await self._altering.execute(statement)
        except asyncpg.UndefinedObjectError as error:
            # The role was dropped. A session that outlived it can be ended by a superuser only.
            self._failed(step, login.name, error)
            self._roles.pop(login.oid, None)
            self._logins.forget(login.name)
            self._others.add(login.oid)
        except asyncpg.PostgresError as error:
            self._failed(step, login.name, error)
        else:
            return True
        return False

    async def _refresh(self, not_ours: Iterable[asyncpg.Record]) -> None:
        """Read this installation's tenant roles from the catalog. `not_ours` are suspected sessions of roles not known so far.

        The roles' names are computed, too: a restored copy of another installation's database has that installation's roles.
        """
        try:
            rows = await self._altering.fetch(_ROLES)
        except asyncpg.PostgresError as error:
            self._refresh_at = self._retry_at = self._checks + _RETRY_REFRESH_AFTER
            self._failed(WatchStep.LOOK_UP_ROLES, "", error)
            return
        self._refresh_at = self._checks + _REFRESH_EVERY
        self._roles = {
            row["oid"]: TenantLogin(row["oid"], row["rolname"], row["rolconnlimit"])
            for row in rows
            if row["rolname"] == tenant_role_name(row["tenant"], self._database_name)
        }
        self._others = {suspect["role"] for suspect in not_ours if self._login(suspect["role"]) is None}
        for login in self._roles.values():
            self._logins.note_mark(login)
        await self._renew_catalog()


@asynccontextmanager
async def open_watch(dsn: str, logins: TenantLogins, ended: Ended, failed: Failed) -> AsyncIterator[SessionWatch]:
    """Yield a session watch that is logged in as the admin, on two connections of its own, which stay open."""
    async with _connection(dsn, "askproai-session-watch") as conn, _connection(dsn, "askproai-role-watch") as altering:
        oid = await conn.fetchval("SELECT oid::bigint FROM pg_database WHERE datname = current_database()")
        suspects = await conn.prepare(_SUSPECTS)
        await conn.execute(_MAKE_OWN_TABLE)
        yield SessionWatch(conn, altering, (oid, database_name(dsn)), suspects, logins, (ended, failed))


@asynccontextmanager
async def _connection(dsn: str, name: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    settings = {
        "application_name": name, "lock_timeout": "500ms", "statement_timeout": "5s", "idle_in_transaction_session_timeout": "0",
    }  # fmt: skip
    conn = await asyncpg.connect(dsn, timeout=10, command_timeout=10, server_settings=settings)
    try:
        if conn.get_server_version().major >= 17:  # noqa: PLR2004  PostgreSQL 17 has it
            await conn.execute("SET transaction_timeout = 0")
        yield conn
    finally:
        conn.terminate()
