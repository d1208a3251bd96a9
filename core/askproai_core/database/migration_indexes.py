"""Build a migration's indexes before its transaction, so that writers of the table need not wait for the build.

`CREATE INDEX` in the transaction blocks writers for as long as the build takes; `CONCURRENTLY` blocks nobody, but cannot be
part of a transaction. So indexes that are built here are left out of the migration's script
(docs/decisions/0133-indexes-are-built-before-their-migration.md).
"""

import contextlib
import re
from collections.abc import Iterable
from typing import Final

import asyncpg
import structlog

from askproai_core.database.pool import Connection

log = structlog.get_logger(__name__)

# No unique indexes: a failed or unfinished build of a unique index would affect writers.
_INDEX: Final = re.compile(r"^CREATE INDEX (?P<name>\w+) ON (?P<table>\w+) (?P<rest>[^;]+);", re.MULTILINE)
# Every build waits for older transactions, such as a dump. Nobody waits behind a build.
_WAIT: Final = "10min"
# The advisory lock of a run that builds indexes. If a tenant's session holds it for ever, the transaction builds the indexes.
_RUN: Final = 5_127_904_411_330
_IS_OURS: Final = """
SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND (classid::bigint << 32) | objid::bigint = $1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND usename = session_user)
"""
_INVALID: Final = "SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)"


async def list_indexes_to_build(conn: Connection, script: str) -> list[re.Match[str]]:
    """Return the indexes of a script that would block writers: those of tables that exist and have rows.

    An index that an interrupted build has left invalid is listed, too.
    """
    found: list[re.Match[str]] = []
    for index in _INDEX.finditer(script):
        table = index["table"]
        if await conn.fetchval("SELECT to_regclass($1)", table) is not None and (
            await conn.fetchval(f"SELECT EXISTS (SELECT FROM {table})")  # noqa: S608  a name of ours
            or await conn.fetchval(_INVALID, index["name"])
        ):
            found.append(index)
    return found


async def build_indexes(conn: Connection, indexes: Iterable[re.Match[str]]) -> None:
    """Build indexes, except those whose column or function the script has yet to create. `conn` must not be in a transaction.

    Raises `asyncpg.LockNotAvailableError` while another run builds indexes, or if an older transaction lasts too long. An index
    that an interrupted build has left invalid is dropped first.
    """
    if not await conn.fetchval("SELECT pg_try_advisory_lock($1)", _RUN):
        if await conn.fetchval(_IS_OURS, _RUN):
            raise asyncpg.LockNotAvailableError("another run builds indexes")
        return
    await conn.execute(f"SET lock_timeout = '{_WAIT}'; SET statement_timeout = 0")
    try:
        for index in indexes:
            await _drop_unfinished(conn, index["name"])
            log.info("migration.builds_index", index=index["name"], table=index["table"])
            # The script makes the column or function.
            with contextlib.suppress(asyncpg.UndefinedColumnError, asyncpg.UndefinedFunctionError):
                await conn.execute(
                    f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {index['name']} ON {index['table']} {index['rest']}"
                )
    finally:
        if not conn.is_closed():
            await conn.execute(f"RESET lock_timeout; RESET statement_timeout; SELECT pg_advisory_unlock({_RUN})")


async def without_built(conn: Connection, script: str) -> str:
    """Return a script without the indexes that exist already. Raises `asyncpg.LockNotAvailableError` during a build."""
    for index in _INDEX.finditer(script):
        is_invalid = await conn.fetchval(_INVALID, index["name"])
        if is_invalid:
            raise asyncpg.LockNotAvailableError(f"index {index['name']} is being built")
        if is_invalid is not None:
            # Not `IF NOT EXISTS`, which waits for writers all the same; and asyncpg executes no script without a statement.
            script = script.replace(index[0], f"SELECT 'index {index['name']} is built';")
    return script


async def _drop_unfinished(conn: Connection, name: str) -> None:
    """Drop an index whose build was interrupted: it slows writes, and no query can use it."""
    if await conn.fetchval(_INVALID, name):
        await conn.execute(f"DROP INDEX CONCURRENTLY {name}")
