"""Build a migration's indexes before its transaction, so that nobody who writes the table waits until it was read once.

`CREATE INDEX` in the transaction keeps writers out for as long as the build takes; `CONCURRENTLY` keeps out nobody, and cannot be
part of a transaction. So what is built here is left out of the script.
"""

import contextlib
import re
from collections.abc import Iterable
from typing import Final

import asyncpg

from askproai_core.database.pool import Connection

# Without unique ones: of these a build that fails, or that others see halfway, would matter.
_INDEX: Final = re.compile(r"^CREATE INDEX (?P<name>\w+) ON (?P<table>\w+) (?P<rest>[^;]+);", re.MULTILINE)
# Nobody waits behind a build that waits: for a table lock that writers do not conflict with, and for transactions from before.
_WAIT: Final = "60s"


async def list_indexes_to_build(conn: Connection, script: str) -> list[re.Match[str]]:
    """Return the indexes of a script whose table is there already and has rows: who writes it would wait."""
    found: list[re.Match[str]] = []
    for index in _INDEX.finditer(script):
        table = index["table"]
        if await conn.fetchval("SELECT to_regclass($1)", table) is not None and await conn.fetchval(
            f"SELECT EXISTS (SELECT FROM {table})"  # noqa: S608  a name of ours
        ):
            found.append(index)
    return found


async def build_indexes(conn: Connection, indexes: Iterable[re.Match[str]]) -> None:
    """Build these indexes, as far as their columns are there. Raises `asyncpg.LockNotAvailableError`.

    `conn` is in no transaction, and the caller sees to it that nobody else builds them meanwhile. What is left of a build that was
    interrupted is removed by the next one.
    """
    await conn.execute(f"SET lock_timeout = '{_WAIT}'; SET statement_timeout = '15min'")
    try:
        for index in indexes:
            await _drop_unfinished(conn, index["name"])
            with contextlib.suppress(asyncpg.UndefinedColumnError):  # the script adds it
                await conn.execute(
                    f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {index['name']} ON {index['table']} {index['rest']}"
                )
    finally:
        await conn.execute("RESET lock_timeout; RESET statement_timeout")


async def without_built(conn: Connection, script: str) -> str:
    """Return a script without the indexes that are built."""
    for index in _INDEX.finditer(script):
        if await conn.fetchval("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)", index["name"]):
            # Not `IF NOT EXISTS`, which waits for writers all the same; and asyncpg executes no script without a statement.
            script = script.replace(index[0], f"SELECT 'index {index['name']} is built';")
    return script


async def _drop_unfinished(conn: Connection, name: str) -> None:
    """Remove an index whose build was interrupted: it costs writes, and serves no read."""
    if await conn.fetchval("SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)", name):
        await conn.execute(f"DROP INDEX CONCURRENTLY {name}")
