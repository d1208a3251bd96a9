"""Rows of a database, as a superuser sees them."""

from typing import Any

import asyncpg

from tests.worlds.databases import Database


async def rows(database: Database, sql: str, *values: Any) -> list[Any]:
    connection = await asyncpg.connect(database.superuser_dsn)
    try:
        return await connection.fetch(sql, *values)
    finally:
        await connection.close()
