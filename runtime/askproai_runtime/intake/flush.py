"""Micro-batches: what waits while a commit runs shares the next commit.

There is no timer, so a lone event is written at once; under load a flush holds what arrived meanwhile. Each sender waits for
the commit that holds its own event. Measured in reference/runtime.md §5: worth it above about 32 requests in flight.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import asyncpg
import structlog

from askproai_runtime.intake.events import Incoming
from askproai_runtime.intake.store import Stored

log = structlog.get_logger(__name__)

MOST_PER_FLUSH = 500
MOST_BYTES_PER_FLUSH = 16 * 1024 * 1024
MOST_WAITING = 2_000
FLUSH_SECONDS = 5  # senders give up after ten
FLUSHERS = 2  # while one commits the other builds; a third would take the last of the pod's three connections

# The database is away, or too busy to answer: nothing in the batch is at fault, and single rows would fail alike.
_AWAY = (
    OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError,
    asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError, asyncpg.InvalidCatalogNameError,
)  # fmt: skip

_Batch: TypeAlias = "list[tuple[Incoming, asyncio.Future[Stored]]]"


class Unavailable(Exception):
    """The event is not stored, and the sender still owns it: answer 503, so that it comes again."""


class Flusher:
    """Takes events one by one and writes them in shared commits."""

    def __init__(self, write: Callable[[Sequence[Incoming]], Awaitable[list[Stored]]]) -> None:
        self._write = write
        self._waiting: deque[tuple[Incoming, asyncio.Future[Stored]]] = deque()
        self._running: set[asyncio.Task[None]] = set()

    async def submit(self, event: Incoming) -> Stored:
        """Give the event's row once it is committed. Raises `Unavailable` when it is not stored."""
        if len(self._waiting) >= MOST_WAITING:
            raise Unavailable("Too many events wait for the database")
        done: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, done))
        if len(self._running) < FLUSHERS:
            task = asyncio.create_task(self._drain())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await done

    async def close(self) -> None:
        """Write what still waits."""
        while self._running:
            await asyncio.gather(*self._running)

    async def _drain(self) -> None:
        while self._waiting:
            batch = self._take()
            try:
                await self._flush(batch)
            finally:  # a waiter must never hang, whatever ended this flush
                _refuse(batch, "The flush ended early")

    def _take(self) -> _Batch:
        """Take what waits, bounded by count and by bytes: a statement of 500 bodies of 8 MiB would not fit in memory."""
        batch = [self._waiting.popleft()]
        size = len(batch[0][0].payload)
        while self._waiting and len(batch) < MOST_PER_FLUSH:
            size += len(self._waiting[0][0].payload)
            if size > MOST_BYTES_PER_FLUSH:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _flush(self, batch: _Batch) -> None:
        try:
            # a timeout in the middle of a commit is harmless: the sender sends again, and is told that we have it
            async with asyncio.timeout(FLUSH_SECONDS):
                rows = await self._write([event for event, _ in batch])
        except _AWAY:
            log.exception("flush.database_away", events=len(batch))
            _refuse(batch, "The database does not answer")
        except Exception:
            log.exception("flush.failed", events=len(batch))
            if len(batch) == 1:
                _refuse(batch, "The event could not be stored")
                return
            for one in batch:  # one bad event must not fail its neighbours
                await self._flush([one])
        else:
            for (_, done), row in zip(batch, rows, strict=True):
                if not done.done():  # its sender's handler may have been cut at shutdown
                    done.set_result(row)


def _refuse(batch: _Batch, why: str) -> None:
    for _, done in batch:
        if not done.done():
            done.set_exception(Unavailable(why))
