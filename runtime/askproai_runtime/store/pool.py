"""Connection pools."""

from typing import TypeAlias

import asyncpg

# One of its own, or one lent by a pool.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


def open_pool(
    dsn: str, *, max_size: int, application_name: str = "askproai", statement_timeout_seconds: float = 15
) -> Pool:
    """Give a pool to be entered (`async with`) or awaited; it holds no connection until one is asked for.

    It shrinks to nothing when idle, because a thousand tenants' pods share one server. A connection also gives up on a
    statement by itself, a little later than the server, in case the server or the way to it is gone.
    """
    return asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=max_size,
        max_inactive_connection_lifetime=60,
        timeout=10,
        command_timeout=statement_timeout_seconds + 5,
        server_settings={
            "application_name": application_name,
            "statement_timeout": str(int(statement_timeout_seconds * 1000)),
        },
    )
