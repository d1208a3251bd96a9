"""The rows that a hijacked database login reads, and whether the login is permitted."""

import asyncio

import asyncpg

from tests.worlds.hijacked_tenant import HijackedTenant

# Statements of the victim's pods that must go on.
READ = "SELECT count(*) FROM appointments"


async def new_login_works(env: HijackedTenant, statement: str) -> bool:
    """Return whether a new session of the victim can run a statement in a second."""
    conn = None
    try:
        async with asyncio.timeout(1):
            conn = await asyncpg.connect(env.victim.dsn)
            await conn.execute(statement)
    except (TimeoutError, asyncpg.PostgresError):
        return False
    finally:
        if conn is not None:
            conn.terminate()
    return True
