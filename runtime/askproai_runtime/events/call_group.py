"""Group transactions: call events that wait while a transaction runs share the next one.

Their effects and the ends of their jobs commit together, in five statements for the group instead of six for each event. A
failed group leaves nothing behind; each of its events is then processed alone, so that only the faulty event fails.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import TypeAlias

import structlog
from structlog.contextvars import bind_contextvars

from askproai_core.database import Pool
from askproai_core.logging import error_location
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.encryption import BodyCipher
from askproai_runtime.events.call import CallChange, UnroutableCall, apply_call_changes, read_call_event
from askproai_runtime.intake import Source, StoredEvent, load_events
from askproai_runtime.jobs import DeadNow, Job, JobKind, finish_events

log = structlog.get_logger(__name__)

MAX_JOBS = 32
MAX_BODY_BYTES = 256 * 1024  # a longer body is processed alone: a group is in memory at once


_Waiting: TypeAlias = "tuple[Job, asyncio.Future[StoredEvent | None]]"


class CallEventGroups:
    """Processes jobs of call events in groups, one transaction at a time. There is no timer: a single job runs at once."""

    def __init__(self, pool: Pool, config: Callable[[], TenantConfig], cipher: BodyCipher) -> None:
        self._context = copy_context()  # the logger of the process, with the common fields of its log lines
        self._context.run(bind_contextvars, step=JobKind.WEBHOOK_EVENT.value)
        self._pool, self._config, self._cipher = pool, config, cipher
        self._waiting: deque[_Waiting] = deque()
        self._group: list[_Waiting] = []
        self._running: asyncio.Task[None] | None = None

    async def process(self, job: Job) -> StoredEvent | None:
        """Process a job's event in a group, finish the job, and return the event. Return None if the event must be processed
        alone.

        A second attempt is always alone: an event that kills its worker must not affect others again. If a task that called
        this method is cancelled, its job stays in the group, and the job's claim decides whether it can still be finished. If
        all these tasks are cancelled, the group ends at once: the jobs return to the queue by the connection that it uses.
        """
        if job.attempts > 1:
            return None
        processed: asyncio.Future[StoredEvent | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, processed))
        self._start()
        try:
            return await processed
        except asyncio.CancelledError:
            if self._running is not None and self._group and all(each.done() for _, each in self._group):
                self._running.cancel()
            raise

    def _start(self) -> None:
        if self._running is None and self._waiting:
            # The group gets an empty context: in the context of its first job, all later jobs would continue that job's trace.
            context = self._context.copy()
            self._running = asyncio.create_task(self._process_group(), context=context)
            self._running.add_done_callback(self._end, context=context)

    def _end(self, _: "asyncio.Task[None]") -> None:
        self._running = None
        self._start()

    async def _process_group(self) -> None:
        count = min(MAX_JOBS, len(self._waiting))
        self._group = group = [self._waiting.popleft() for _ in range(count)]
        events: dict[int, StoredEvent] = {}
        try:
            events = await self._process([job for job, processed in group if not processed.done()])
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
        """Process, in one transaction, the events of those jobs that can be grouped. Return the events by job id."""
        config = self._config()
        async with self._pool.acquire() as conn, conn.transaction():
            event_ids = [job.event_id for job in jobs if job.event_id is not None]
            events = await load_events(conn, config.tenant, event_ids, Source.RETELL, MAX_BODY_BYTES, self._cipher)
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
                await apply_call_changes(conn, config.tenant, changes, self._cipher)
            if finished:
                await finish_events(conn, config.tenant, finished)
        return {job.id: events[job.event_id] for job, _ in finished if job.event_id is not None}
