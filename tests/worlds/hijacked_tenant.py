"""A hijacked tenant beside another one: the attacker has the real login of the first, and removes its own timeouts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from askproai_operator.control_loop import Metrics
from askproai_operator.session_watch import watch_sessions
from askproai_operator.store.sessions import Misuse
from tests.worlds.databases import Database, TenantStore
from tests.worlds.waiting import eventually

# An attacker's first statement: a role may change its own settings.
NO_TIMEOUTS = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0"


@dataclass
class Attack:
    """Statements of one session after the other; each session stays open, and the last statement may wait for ever."""

    name: str
    sessions: tuple[tuple[str, ...], ...]
    misuse: Misuse
    database: str | None = None  # None: the installation's


def queued(table: str, read: str | None = None) -> tuple[tuple[str, ...], ...]:
    """Return two sessions: one reads the table and stays in its transaction, one queues for ACCESS EXCLUSIVE behind it.

    The second needs no right on the table: PostgreSQL takes the lock for CREATE RULE before it looks at the owner.
    """
    return (("BEGIN", f"SELECT 1 FROM {read or table} LIMIT 1"), (f"CREATE RULE r AS ON INSERT TO {table} DO NOTHING",))


@dataclass
class HijackedTenant:
    """Two tenants of one database. `attacker` is hijacked, `victim` is not; `superuser` prepares and checks."""

    database: Database
    attacker: TenantStore
    victim: TenantStore
    superuser: "asyncpg.Connection[asyncpg.Record]"
    metrics: Metrics = field(default_factory=Metrics)
    _sessions: list["asyncpg.Connection[asyncpg.Record]"] = field(default_factory=list)
    _waiting: list[asyncio.Task[str]] = field(default_factory=list)

    async def connect(self, database: str | None = None) -> "asyncpg.Connection[asyncpg.Record]":
        """Open a session of the attacker."""
        conn = await asyncpg.connect(self.attacker.dsn.replace(self.database.name, database or self.database.name))
        self._sessions.append(conn)
        await conn.execute(NO_TIMEOUTS)
        return conn

    async def launch(self, attack: Attack) -> None:
        """Run an attack until its last statement has finished or waits for a lock."""
        for statements in attack.sessions:
            conn = await self.connect(attack.database)
            for statement in statements[:-1]:
                await conn.execute(statement)
            task = asyncio.create_task(conn.execute(statements[-1]))
            self._waiting.append(task)
            await self._finished_or_waiting(task, conn.get_server_pid())

    async def _finished_or_waiting(self, task: asyncio.Task[str], pid: int) -> None:
        waits = "SELECT count(*) FROM pg_lock_status() WHERE pid = $1 AND NOT granted"

        async def settled() -> bool:
            if task.done():
                with contextlib.suppress(asyncpg.PostgresError, ConnectionError):
                    task.result()
                return True
            try:
                return bool(await self.superuser.fetchval(waits, pid))
            except asyncpg.OutOfMemoryError:
                return True

        await eventually(settled, what="the attack to be in place")

    async def end(self) -> None:
        """Disconnect all sessions of the attacker."""
        for conn in self._sessions:
            conn.terminate()
        await asyncio.gather(*self._waiting, return_exceptions=True)
        self._sessions.clear()
        self._waiting.clear()

    def ended_sessions(self, misuse: Misuse) -> float:
        value = self.metrics.registry.get_sample_value("askproai_tenant_sessions_ended_total", {"misuse": misuse})
        return value or 0.0

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Run the operator's watch over the sessions during the block."""
        stop = asyncio.Event()
        task = asyncio.create_task(watch_sessions(self.database.admin, self.metrics, stop))
        connected = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'askproai-role-watch' AND state = 'idle' "
            "AND query LIKE '%FROM tenants t JOIN pg_roles%'"
        )
        await eventually(lambda: self.superuser.fetchval(connected), what="the watch to be connected")
        try:
            yield
        finally:
            stop.set()
            await task


@asynccontextmanager
async def open_hijacked_tenant(database: Database) -> AsyncIterator[HijackedTenant]:
    attacker, victim = await database.create_tenant("hijacked"), await database.create_tenant("victim")
    superuser = await asyncpg.connect(database.superuser_dsn)
    env = HijackedTenant(database, attacker, victim, superuser)
    try:
        yield env
    finally:
        await env.end()
        await superuser.close()
