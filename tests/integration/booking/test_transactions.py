"""A transaction whose COMMIT has no answer is run again, and waits for a COMMIT that is still on its way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from askproai_core.database import Connection
from askproai_runtime.book.messages import NewMessage
from askproai_runtime.book.store import transactions
from askproai_runtime.book.store.messages import insert_message
from askproai_runtime.book.store.transactions import run_transaction
from tests.worlds.booking_environment import Salon
from tests.worlds.waiting import eventually

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = current_user"
MESSAGE = NewMessage(
    "call_1", "key", "mitte", None, "Petra", None, None, "Hallo", None, None, None, "corr", any_time=False
)


class LateCommit:
    """A pool whose first transaction is committed by the server only when `commit` is called; its client hears nothing of it."""

    def __init__(self, pool: Any) -> None:
        self._pool, self._late = pool, None

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        if self._late is not None:
            async with self._pool.acquire() as conn:
                yield conn
            return
        self._late = self
        self._conn = await self._pool.acquire()
        yield self

    def transaction(self) -> Any:
        self._transaction = self._conn.transaction()
        return _Unanswered(self._transaction)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._conn, name)

    async def commit(self) -> None:
        await self._transaction.commit()
        await self._pool.release(self._conn)


class _Unanswered:
    def __init__(self, transaction: Any) -> None:
        self.start = transaction.start

    async def commit(self) -> None:
        raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")


async def test_rerun_transaction_waits_for_its_late_commit(salon: Salon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "_FIND_OUT_SECONDS", 60.0)  # a busy machine
    pool, runs = LateCommit(salon.pool), []

    async def write(conn: Connection) -> Any:
        stored = await insert_message(conn, salon.store.tenant, MESSAGE, 1, 1)
        assert stored is not None
        runs.append(stored.id)
        return stored.id

    async def waits() -> bool:
        return bool(await salon.pool.fetchval(WAITING))

    running = asyncio.create_task(run_transaction(pool, write))  # type: ignore[arg-type]
    await eventually(waits, 10, "the second run to wait for the first", every=0.02)
    assert len(runs) == 1
    await pool.commit()
    assert await running == runs[0]
    assert [row["id"] for row in await salon.rows("SELECT id FROM messages")] == [runs[0]]


class LostAtCommit:
    """A pool that loses its only connection during COMMIT, and cannot open another."""

    def __init__(self, pool: Any) -> None:
        self._pool, self._is_lost = pool, False

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        if self._is_lost:
            raise ConnectionRefusedError
        async with self._pool.acquire() as conn:
            self._conn, self._is_lost = conn, True
            yield self
            await self._transaction.rollback()

    def transaction(self) -> Any:
        self._transaction = self._conn.transaction()
        return _Unanswered(self._transaction)


async def test_lost_database_at_commit_raises_outcome_unknown(salon: Salon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "_FIND_OUT_SECONDS", 0.3)

    async def work(conn: Any) -> None:
        """Change nothing."""

    with pytest.raises(transactions.OutcomeUnknown):
        await run_transaction(LostAtCommit(salon.pool), work)  # type: ignore[arg-type]
