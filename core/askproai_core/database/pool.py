"""Connection pools, and the root of what the store raises."""

from collections.abc import Callable
from typing import Any, TypeAlias

import asyncpg

# One of its own, or one lent by a pool.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

STATEMENT_TIMEOUT_SECONDS = 15

# The database is away, restarts, or is slow: what failed may be tried again.
DATABASE_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class StoreError(Exception):
    """The root; a message says what to do."""


def open_pool(dsn: str | Callable[[], str], *, max_size: int, application_name: str = "askproai") -> Pool:
    """Give a pool to be entered (`async with`) or awaited; it holds no connection until one is asked for.

    A `dsn` that is a function is asked before each new connection. The pool shrinks to nothing when idle, because a thousand
    tenants' pods share one server. A connection also gives up on a statement by itself, a little later than the server, in
    case the server or the way to it is gone.
    """

    async def connect(*_: Any, **how: Any) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(dsn if isinstance(dsn, str) else dsn(), **how)

    async def keep(_connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Spare a round trip for each release: no session state is ever set, and asyncpg rolls open transactions back."""

    return asyncpg.create_pool(
        connect=connect,
        reset=keep,
        min_size=0,
        max_size=max_size,
        max_inactive_connection_lifetime=60,
        timeout=10,
        command_timeout=STATEMENT_TIMEOUT_SECONDS + 5,
        server_settings={"application_name": application_name, "statement_timeout": f"{STATEMENT_TIMEOUT_SECONDS}s"},
    )
