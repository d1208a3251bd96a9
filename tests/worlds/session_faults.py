"""Ends the database sessions of a process after a chosen statement, as an administrator or a failover does."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import asyncpg
import pytest

from askproai_core.database import pool

_NOT_OURS = "DISCARD PLANS"  # when it comes depends on how often a connection was used
_END_SESSION = "SELECT pg_terminate_backend($1, 5000)"
_END_ALL = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = $1"


class Blow(StrEnum):
    """A fault at a statement. Its session ends in any case."""

    AFTER = "after"  # the process has its answer
    LOST = "lost"  # the server has carried it out, and the answer is lost


class Since(StrEnum):
    """The state of the server after the fault."""

    BACK = "back"  # the next connection works
    AWAY = "away"  # nobody can log in until `heal`


@dataclass
class SessionFaults:
    """Ends a role's sessions at their statement number `at`. Without a number it only counts and records the statements."""

    admin: "asyncpg.Connection[asyncpg.Record]"
    role: str
    at: int | None = None
    blow: Blow = Blow.AFTER
    since: Since = Since.BACK
    count: int = 0
    watching: bool = False

    def __post_init__(self) -> None:
        self.commits: set[int] = set()  # the numbers of the statements that have committed something

    @asynccontextmanager
    async def strike(self, at: int | None, blow: Blow, since: Since) -> AsyncIterator[None]:
        """Count the statements within the context from 1 on, and strike at number `at`. At the end restore the database."""
        self.at, self.blow, self.since, self.count, self.watching = at, blow, since, 0, True
        try:
            yield
        finally:
            self.watching = False
            if since is Since.AWAY:
                await self.admin.execute(f'ALTER ROLE "{self.role}" LOGIN')

    async def run(self, conn: "asyncpg.Connection[asyncpg.Record]", query: str, work: Awaitable[Any]) -> Any:
        """Run a statement, and strike if its number is the chosen one."""
        if not self.watching or query == _NOT_OURS:
            return await work
        self.count += 1
        number, was_open = self.count, conn.is_in_transaction()
        pid = conn.get_server_pid()
        result = await work
        if not conn.is_in_transaction() and (query.startswith("COMMIT") or not was_open):
            self.commits.add(number)
        if number != self.at:
            return result
        await self._end(pid)
        if self.blow is Blow.LOST:
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        return result

    async def _end(self, pid: int) -> None:
        if self.since is Since.BACK:
            await self.admin.execute(_END_SESSION, pid)
            return
        await self.admin.execute(f'ALTER ROLE "{self.role}" NOLOGIN')
        await self.admin.execute(_END_ALL, self.role)


@asynccontextmanager
async def session_faults(monkeypatch: pytest.MonkeyPatch, superuser_dsn: str) -> AsyncIterator["SessionFaults"]:
    """Yield the faults of all pools that are opened within the context; set their `role` before they strike."""
    admin = await asyncpg.connect(superuser_dsn)
    faults = SessionFaults(admin, "")
    base = pool._Connection

    class Connection(base):  # type: ignore[misc,valid-type]
        async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
            work = super().execute(query, *args, timeout=timeout)
            return str(await (work if args else faults.run(self, query, work)))

        async def _execute(self, query: str, *args: Any, **options: Any) -> Any:
            return await faults.run(self, query, super()._execute(query, *args, **options))

    monkeypatch.setattr(pool, "_Connection", Connection)
    try:
        yield faults
    finally:
        await admin.close()
