"""The drainer: it moves the spool's events into their table in order of arrival, and detects when PostgreSQL answers again.

Every web process has a drainer. One drainer of a tenant moves events at a time, which only saves work: an entry is removed
after the commit that stores it, and a repeated event is still one row. So a process may die at any point.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from typing import Final

import asyncpg
import structlog

from askproai_core.clock import Clock
from askproai_core.database import DATABASE_UNAVAILABLE
from askproai_core.fault_injection import FaultPoints
from askproai_core.lifecycle import abandon_after, sleep_until_stopped
from askproai_core.provider_limits import RedisUnavailable, Script
from askproai_core.redis import PROMISE_KEY
from askproai_runtime.intake.senders import IncomingEvent
from askproai_runtime.intake.spool import Spool, read_entry
from askproai_runtime.intake.store import EventStore
from askproai_runtime.metrics import Metrics
from askproai_runtime.redis.client import RedisClient
from askproai_runtime.redis.durable_stream import DurableStream, StreamEntry

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 0.5  # while PostgreSQL is away, or events wait
IDLE_LOOK_SECONDS: Final = 5.0
PROBE_SECONDS: Final = 1.0
WRITE_SECONDS: Final = 10.0
TURN_SECONDS: Final = 8.0
_NO_KEY: Final = -2  # of PTTL
LOCK_MILLISECONDS: Final = 20_000  # longer than a turn and its last write
# Errors of one event, which is then written by itself. All other errors are the database's.
_BAD_EVENT: Final = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError)

_RELEASE: Final = Script("return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0")


class Drainer:
    """The drainer of one web process. `shared` is the Redis client for quick commands; `wake_worker` is called after commits."""

    def __init__(
        self,
        spool: Spool,
        store: EventStore,
        shared: RedisClient,
        clock: Clock,
        metrics: Metrics,
        faults: FaultPoints,
        wake_worker: Callable[[], None],
    ) -> None:
        self._spool, self._stream, self._store, self._shared = spool, spool.stream, store, shared
        self._clock, self._metrics, self._faults, self._wake_worker = clock, metrics, faults, wake_worker
        self._lock = shared.key("spool", "drainer")
        self._look_at = float("-inf")
        self._retries = True  # this release may be able to store entries that an earlier one set aside

    async def run(self, stop: asyncio.Event) -> None:
        """Move events out of the spool until `stop`."""
        while not stop.is_set():
            if self._spool.in_use or self._clock.monotonic() >= self._look_at:
                try:
                    is_empty = await self._look()
                except (RedisUnavailable, TimeoutError):
                    is_empty = True  # as far as is known, so the next look is after a long pause
                except Exception:
                    log.exception("spool.look_failed")
                    is_empty = True
                self._look_at = self._clock.monotonic() + (IDLE_LOOK_SECONDS if is_empty else 0)
            await sleep_until_stopped(stop, LOOK_SECONDS)

    async def _look(self) -> bool:
        """Update the state of the spool, and move waiting events if PostgreSQL answers. Return True if the spool is empty then."""
        answers = not self._spool.in_use or await self._database_answers()
        if answers:
            self._spool.leave()
        if not self._shared.configured:
            self._spool.on = False
            return True
        try:
            self._spool.on = str(await self._shared.execute("GET", PROMISE_KEY)).isdigit()
            exists = await self._shared.execute("PTTL", self._stream.key) != _NO_KEY
        except RedisUnavailable:
            self._spool.on = False
            raise
        # Before anything was spooled the stream is not read: the tenant's Redis user may lack the right.
        if not (self._spool.on or exists) or not (await self._measure() or self._retries):
            return True
        return answers and await self._drain()

    async def _drain(self) -> bool:
        """Move waiting events, unless another pod is moving them. Return True if the spool is empty afterwards."""
        token = secrets.token_hex(16)
        if not await self._shared.execute("SET", self._lock, token, "NX", "PX", LOCK_MILLISECONDS):
            return False  # another pod is at it
        try:
            await self._move_all()
        finally:
            await self._shared.run(_RELEASE, [self._lock], [token])
        return await self._measure() == 0

    async def _move_all(self) -> None:
        """Move waiting events for a few seconds. The first call also retries entries that an earlier process set aside."""
        end = self._clock.monotonic() + TURN_SECONDS
        if self._retries:
            self._retries = not await self._move(self._spool.unstorable, end)
        await self._move(self._stream, end)

    async def _move(self, stream: DurableStream, end: float) -> bool:
        """Move a stream's entries, oldest first. Set aside entries that cannot be stored. Return True if all entries were read."""
        after = ""
        while entries := await stream.read(after):
            if self._clock.monotonic() >= end:
                return False
            after = entries[-1].id
            moved = await self._store_entries(entries)
            if moved is None:
                return False
            self._faults.reach("after:drain-commit")
            if moved:
                await stream.remove(moved)
            left = [entry for entry in entries if entry not in moved]
            if left and stream is self._stream:
                await self._spool.set_aside(left)
        return True

    async def _store_entries(self, entries: Sequence[StreamEntry]) -> list[StreamEntry] | None:
        """Store the events of spool entries. Return the entries to remove from the spool; None if PostgreSQL is unavailable."""
        events = [(entry, read_entry(entry)) for entry in entries]
        readable = [(entry, event) for entry, event in events if event is not None]
        if len(readable) < len(events):
            log.error("spool.unreadable", entries=len(events) - len(readable), consequence="set aside in Redis")
        try:
            return await self._write(readable)
        except (*DATABASE_UNAVAILABLE, LookupError) as error:
            log.warning("spool.waits_for_database", error=type(error).__name__)
            return None

    async def _write(self, pairs: Sequence[tuple[StreamEntry, IncomingEvent]]) -> list[StreamEntry]:
        """Store events in one commit; if it fails because of one event, store each alone. Return the stored events' entries."""
        if not pairs:
            return []
        try:
            receipts = await abandon_after(WRITE_SECONDS, self._store.write([event for _, event in pairs]))
        except _BAD_EVENT as error:
            if len(pairs) > 1:
                return [entry for pair in pairs for entry in await self._write([pair])]
            why = type(error).__name__
            log.error("spool.not_storable", id=pairs[0][0].id, error=why, consequence="set aside in Redis")  # noqa: TRY400  the text quotes the row
            return []
        self._metrics.drained(len(pairs))
        log.info("spool.drained", events=len(pairs), new=sum(not receipt.duplicate for receipt in receipts))
        self._wake_worker()
        return [entry for entry, _ in pairs]

    async def _measure(self) -> int:
        """Publish the number of waiting events and the age of the oldest one. Return the number."""
        oldest = await self._stream.read(count=1)
        count = await self._stream.count()
        self._spool.compare_with(oldest[0] if oldest else None)
        age = (self._clock.now() - oldest[0].taken_at).total_seconds() if oldest else 0
        self._metrics.spool_waits(count, max(age, 0), await self._spool.unstorable.count())
        return count

    async def _database_answers(self) -> bool:
        try:
            return await abandon_after(PROBE_SECONDS, self._store.accepts_writes())
        except DATABASE_UNAVAILABLE:
            return False
