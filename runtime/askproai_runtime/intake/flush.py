"""Group commits: events that arrive while a commit runs share the next one.

There is no timer, so a lone event is written at once; under load a flush takes everything that arrived meanwhile. Each sender
waits for the commit that contains its own event. Measured with 1 KB bodies on one process: 1.6 to 2.5 times the throughput at
64 requests in flight, no reliable gain below about 32.

If PostgreSQL does not answer, a batch goes to the spool (`spool.py`), and later batches go there first until it answers again.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TypeAlias

import asyncpg
import structlog

from askproai_core.lifecycle import abandon_after
from askproai_core.tracing import detached
from askproai_runtime.intake.senders import IncomingEvent
from askproai_runtime.intake.spool import Spool
from askproai_runtime.intake.store import EventStore, Receipt

log = structlog.get_logger(__name__)

MAX_EVENTS_PER_FLUSH = 500
MAX_BYTES_PER_FLUSH = 16 * 1024 * 1024
MAX_WAITING_EVENTS = 2_000
FLUSH_SECONDS = 5  # senders give up after ten
# With a spool no sender waits longer for PostgreSQL. If that is only busy, both have the event: one row.
SPOOL_AFTER_SECONDS = 0.3
# One flush collects while the other commits. A third would take the last of the pod's three connections.
CONCURRENT_FLUSHES = 2

# The database is away, or too busy to answer: no event of the batch is at fault, and single rows would fail just the same.
_DATABASE_UNAVAILABLE = (
    OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError, asyncpg.ReadOnlySQLTransactionError,  # the latter from a replica, in a failover
    asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError, asyncpg.InvalidCatalogNameError,
)  # fmt: skip

_Batch: TypeAlias = "list[tuple[IncomingEvent, asyncio.Future[Receipt]]]"


class EventNotStored(Exception):
    """The event is not stored. The HTTP response must be 503, so that the sender sends the event again."""


class Flusher:
    """Accepts single events and writes them in shared commits."""

    def __init__(self, store: EventStore, spool: Spool | None = None) -> None:
        self._store, self._spool = store, spool
        self._waiting: deque[tuple[IncomingEvent, asyncio.Future[Receipt]]] = deque()
        self._running: set[asyncio.Task[None]] = set()

    async def submit(self, event: IncomingEvent) -> Receipt:
        """Return the event's receipt once it is committed, or on disk in the spool. Raises `EventNotStored`."""
        if len(self._waiting) >= MAX_WAITING_EVENTS:
            raise EventNotStored("Too many events wait for the database")
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, receipt))
        if len(self._running) < CONCURRENT_FLUSHES:
            task = asyncio.create_task(self._drain())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await receipt

    async def close(self) -> None:
        """Write the events that still wait, and return when they are written."""
        while self._running:
            await asyncio.gather(*self._running)

    async def _drain(self) -> None:
        with detached():  # a flush writes the events of all senders, so the cancellation of one request must not end it
            while self._waiting:
                batch = self._next_batch()
                try:
                    await self._flush(batch)
                finally:  # a waiter must never hang, whatever ended this flush
                    _reject(batch, "The flush ended early")

    def _next_batch(self) -> _Batch:
        """Return the next events of the queue, limited by number and by bytes: 500 bodies of 8 MiB would not fit in memory."""
        batch = [self._waiting.popleft()]
        size = len(batch[0][0].payload)
        while self._waiting and len(batch) < MAX_EVENTS_PER_FLUSH:
            size += len(self._waiting[0][0].payload)
            if size > MAX_BYTES_PER_FLUSH:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _flush(self, batch: _Batch) -> None:
        if self._spool is not None and self._spool.in_use and await self._put_aside(batch):
            return
        is_short = self._spool is not None and self._spool.on
        try:
            receipts = await self._write(batch, SPOOL_AFTER_SECONDS if is_short else FLUSH_SECONDS)
        except _DATABASE_UNAVAILABLE as error:
            log.exception("flush.database_away", events=len(batch))
            if await self._put_aside(batch):
                return
            if is_short and isinstance(error, TimeoutError):  # a busy machine: both are slow, none is away
                await self._flush(batch)  # this time with a long time limit, since the refusing spool is off
            else:
                _reject(batch, "The database does not answer")
        except Exception:
            log.exception("flush.failed", events=len(batch))
            if len(batch) == 1:
                _reject(batch, "The event could not be stored")
                return
            for item in batch:  # one bad event must not fail its neighbours
                await self._flush([item])
        else:
            _answer(batch, receipts)

    async def _write(self, batch: _Batch, seconds: float) -> list[Receipt]:
        """Write the batch. Raises `TimeoutError` after `seconds`, and the errors of asyncpg."""
        # Giving up in the middle of a commit is safe: a repeated delivery, or the drainer, finds the stored event.
        return await abandon_after(seconds, self._store.write([event for event, _ in batch]))

    async def _put_aside(self, batch: _Batch) -> bool:
        """Put the batch into the spool and acknowledge its events. Return False if Redis cannot promise to keep the events."""
        events = [event for event, _ in batch]
        if self._spool is None or not await self._spool.put(events):
            return False
        _answer(batch, [Receipt(None, event.correlation_id, duplicate=False) for event in events])
        return True


def _answer(batch: _Batch, receipts: Sequence[Receipt]) -> None:
    for (_, future), receipt in zip(batch, receipts, strict=True):
        if not future.done():  # shutdown may have cancelled its sender's handler
            future.set_result(receipt)


def _reject(batch: _Batch, reason: str) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(EventNotStored(reason))
