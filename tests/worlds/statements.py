"""Counts the statements that a process sends to PostgreSQL."""

from typing import Any

import asyncpg
import pytest

_NOT_OURS = ("'jit'", "typeinfo_tree")


def record_statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which each connection that is opened from now on adds the texts of its statements, BEGIN and COMMIT too.

    asyncpg's statements about types, once for each connection, are left out.
    """
    statements: list[str] = []
    connect = asyncpg.connect

    def record(query: Any) -> None:
        if not any(text in query.query for text in _NOT_OURS):
            statements.append(query.query)

    async def connect_recorded(*args: Any, **options: Any) -> asyncpg.Connection:
        connection = await connect(*args, **options)
        connection.add_query_logger(record)
        return connection

    monkeypatch.setattr(asyncpg, "connect", connect_recorded)
    return statements
