"""Group transactions: call events that wait while a transaction runs share the next one.

Their effects and the ends of their jobs commit together, in five statements for all instead of six for each. A group that fails
leaves nothing behind; each of its events is then processed alone, so that only the one at fault fails.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from askproai_core.database import Pool
from askproai_core.logging import error_location
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.events.call import CallChange, UnroutableCall, apply_call_changes, read_call_event
from askproai_runtime.intake import Source, StoredEvent, load_events
from askproai_runtime.jobs import DeadNow, Job, finish_events

log = structlog.get_logger(__name__)

MAX_JOBS = 32
MAX_BODY_BYTES = 256 * 1024  # a longer body is processed alone: a group is in memory at once


class CallEventGroups:
    """Processes jobs of call events in groups, one transaction at a time. It has no timer: a job that comes alone is a group."""

    def __init__(self, pool: Pool, config: Callable[[], TenantConfig]) -> None:
        self._pool, self._config = pool, config
        self._waiting: deque[tuple[Job, asyncio.Future[StoredEvent | None]]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def process(self, job: Job) -> StoredEvent | None:
        """Process the event of a job and finish the job. Returns None if it must be processed alone: nothing is done then.

        A second attempt is always alone: an event that ends its worker must not take others with it again and again. A caller
        that is cancelled leaves its job in the group; its claim decides whether it can still be finished.
        """
        if job.attempts > 1:
            return None
        processed: asyncio.Future[StoredEvent | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, processed))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._process_all())
        return await processed

    async def _process_all(self) -> None:
        while self._waiting:
            group = [self._waiting.popleft() for _ in range(min(MAX_JOBS, len(self._waiting)))]
            events: dict[int, StoredEvent] = {}
            try:
                events = await self._process([job for job, _ in group])
            except Exception as error:  # noqa: BLE001  whatever it is, it is met again by the event that it belongs to
                where = {"error": type(error).__name__, "at": error_location(error)}
                log.warning("events.group_failed", events=len(group), **where)
            finally:  # a waiter must never hang, whatever ended this group
                for job, processed in group:
                    event = events.get(job.id)
                    job.finished = event is not None
                    if not processed.done():
                        processed.set_result(event)

    async def _process(self, jobs: Sequence[Job]) -> dict[int, StoredEvent]:
        """Process what can be processed together, and return these events by the ids of their jobs."""
        config = self._config()
        async with self._pool.acquire() as conn, conn.transaction():
            event_ids = [job.event_id for job in jobs if job.event_id is not None]
            events = await load_events(conn, config.tenant, event_ids, Source.RETELL, MAX_BODY_BYTES)
            changes: list[CallChange] = []
            finished: list[tuple[Job, str | None]] = []
            for job in jobs:
                event = None if job.event_id is None else events.get(job.event_id)
                try:
                    change = None if event is None else read_call_event(event, config)
                except (DeadNow, UnroutableCall):
                    continue
                if isinstance(change, CallChange):
                    changes.append(change)
                    finished.append((job, change.note))
                elif change is not None:
                    finished.append((job, change))
            if changes:
                await apply_call_changes(conn, config.tenant, changes)
            if finished:
                await finish_events(conn, config.tenant, finished)
        return {job.id: events[job.event_id] for job, _ in finished if job.event_id is not None}
