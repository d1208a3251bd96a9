"""Connection pools, and the root of this package's exceptions.

DatabaseError
├── MigrationError     the schema and this release's migration files do not fit
│   └── MigrationBlocked   a table is locked; a later run tries again
├── RolesUnavailable   the admin's login lacks what it needs to manage roles
├── DataOwnedByOther   rows of this tenant key belong to another Tenant object
├── RowsNotImported    the rows that a Tenant is to adopt are in another database
├── CannotMove         a tenant's rows cannot be exported or imported as things are
├── LoginSuspended     the tenant's role took locks that hold up others
└── TenantNotFound     the table `tenants` has no row of this tenant
"""

import contextlib
from collections.abc import Callable
from time import monotonic
from typing import Any, TypeAlias

import asyncpg

# A connection opened by itself, or lent by a pool.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

STATEMENT_TIMEOUT_SECONDS = 15
USES_OF_PLANS = 256
CALLER_USES = 32  # of a connection, more than any function takes
PLANS_REST_SECONDS = 1.0
PLANS_TIMEOUT_SECONDS = 1.0

# The database is unreachable, restarts, or is slow: a retry may succeed. asyncpg raises the last error for a statement on a
# connection that the server has just ended.
DATABASE_UNAVAILABLE = (
    OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError,
)  # fmt: skip
# The errors that do not depend on the statement: no connection, or a server that accepts no statement. An InterfaceError that is
# also a ValueError is none of them: it means a wrong value for a statement, which is a defect.
DATABASE_AWAY = (
    OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError, asyncpg.InsufficientResourcesError, asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.ReadOnlySQLTransactionError,
)  # fmt: skip


class DatabaseError(Exception):
    """The root of the errors of this package. The message of each says what to do."""


class StatementTimeout(DatabaseError):
    """One statement took longer than allowed. Other statements may still succeed."""


class _Connection(asyncpg.Connection):
    """A connection that from time to time discards its statements' plans, so that they are planned anew.

    PostgreSQL keeps a statement's plan until the statistics of its tables change; the plan that checks a foreign key, too. A
    plan that was made while a table was empty reads every row of the tenant once the table has grown: the intake of a new
    installation fell to a quarter until autovacuum came (docs/decisions/0070-plans-are-made-anew.md).
    """

    __slots__ = ("_due_at_use", "_planned_at", "_uses")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._uses, self._due_at_use, self._planned_at = 0, 1, monotonic()

    async def count_use(self) -> None:
        """Count one use of the connection. Discard all plans each time the count has doubled, and after every `USES_OF_PLANS`
        uses at the latest: an empty table grows fastest, in proportion, at first.

        A caller waits while statements are planned anew. So no plans are discarded during the first `CALLER_USES` uses within a
        second of the last plans: by then a caller has an answer, and only the intake or a worker uses a connection more often.
        """
        self._uses += 1
        now = monotonic()
        rests = self._uses < CALLER_USES and now - self._planned_at < PLANS_REST_SECONDS
        if rests or self._uses < self._due_at_use:
            return
        self._due_at_use, self._planned_at = self._uses + min(self._uses, USES_OF_PLANS), now
        # The work on the lent connection is done, and must not fail for this. The next use meets a broken connection.
        with contextlib.suppress(*DATABASE_UNAVAILABLE):
            await self.execute("DISCARD PLANS", timeout=PLANS_TIMEOUT_SECONDS)


def open_pool(dsn: str | Callable[[], str], *, max_size: int, application_name: str = "askproai") -> Pool:
    """Return a connection pool: enter it (`async with`) or await it. It opens no connection until one is requested.

    If `dsn` is a function, it is called before each new connection. An idle pool shrinks to nothing, because the pods of a
    thousand tenants share one server. A connection also has a time limit of its own for each statement, a little longer than
    the server's, in case the server or the network is gone.
    """

    async def connect(*_: Any, **options: Any) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(dsn if isinstance(dsn, str) else dsn(), **options)

    async def count_use(conn: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Count a use of a released connection. It is not reset: it has no session state, and asyncpg has rolled back."""
        assert isinstance(conn, _Connection)
        await conn.count_use()

    return asyncpg.create_pool(
        connect=connect,
        reset=count_use,
        connection_class=_Connection,
        min_size=0,
        max_size=max_size,
        max_inactive_connection_lifetime=60,
        timeout=10,
        command_timeout=STATEMENT_TIMEOUT_SECONDS + 5,
        server_settings={"application_name": application_name, "statement_timeout": f"{STATEMENT_TIMEOUT_SECONDS}s"},
    )
