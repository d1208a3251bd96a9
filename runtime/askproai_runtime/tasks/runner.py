"""The runner of a tenant's periodic tasks in one process: it claims due tasks, runs them, renews leases and stores watermarks."""

import asyncio
import contextlib
import random
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from uuid import uuid4

import structlog

from askproai_core.clock import Clock
from askproai_core.database import DATABASE_UNAVAILABLE, Pool
from askproai_core.lifecycle import background_tasks, sleep_until_stopped
from askproai_core.tracing import annotate, fail_current, start_trace
from askproai_runtime.leases import Renewal, call_within, cancel_work, describe_error, jittered, worker_name
from askproai_runtime.metrics import Metrics
from askproai_runtime.tasks.store import ClaimedTask, TaskStore
from askproai_runtime.tasks.types import Next, PutOff, StaleRun, TaskError, TaskHandler, TaskRun, TaskSettings

log = structlog.get_logger(__name__)


class TaskRunner:
    """A worker's loop over its tenant's tasks. Several tasks can run at once, but each runs in only one worker.

    The database may go away at any time: a run whose end could not be stored is repeated from the watermark stored last, so
    every handler must be safe to repeat.
    """

    def __init__(
        self,
        pool: Pool,
        lease_pool: Pool,
        tenant: str,
        handlers: Mapping[str, TaskHandler],
        clock: Clock,
        metrics: Metrics,
        settings: TaskSettings | None = None,
    ) -> None:
        """`lease_pool` is for renewals: handlers may hold all connections of `pool` for longer than a lease."""
        self._settings = settings or TaskSettings()
        self._store = TaskStore(pool, lease_pool, tenant, worker_name(), self._settings)
        self._renewal: Renewal[ClaimedTask] = Renewal(
            clock,
            self._settings.renew_every,
            self._store.renew,
            lambda task: log.warning("task.lease_lost", task=task.name),
            lambda tasks, error: log.warning("task.not_renewed", task=tasks[0].name, error=type(error).__name__),
        )
        self._tenant, self._handlers, self._clock, self._metrics = tenant, dict(handlers), clock, metrics
        self._running: dict[str, asyncio.Task[None]] = {}
        self._are_added = False

    async def run(self, stop: asyncio.Event) -> None:
        """Run tasks until `stop`. Then wait a few seconds for running tasks, and leave the others to another worker."""
        try:
            while not stop.is_set():
                await self._run_once()
                await sleep_until_stopped(stop, jittered(self._settings.look_every).total_seconds())
            if self._running:
                await asyncio.wait(self._running.values(), timeout=self._settings.grace.total_seconds())
        finally:
            await cancel_work(self._running.values())

    async def _run_once(self) -> None:
        """Start the tasks that are due. If no task is due, write nothing to the database."""
        try:
            if not self._are_added:
                await self._store.add(self._handlers, self._settings.first_within)
                self._are_added = True
            known = await self._store.look(self._handlers)
            for each in known:
                self._metrics.task_age(each.name, each.age_seconds)
            for each in known:
                if each.is_due and each.name not in self._running:
                    await self._start(each.name)
        except DATABASE_UNAVAILABLE as error:
            log.warning("tasks.database_away", error=type(error).__name__)

    async def _start(self, name: str) -> None:
        claimed = await self._store.claim(name)
        if claimed is not None:
            self._running[name] = task = asyncio.create_task(self._run(claimed), name=f"task-{name}")
            task.add_done_callback(lambda _: self._running.pop(name, None))

    async def _run(self, claimed: ClaimedTask) -> None:
        correlation_id = uuid4().hex
        with (
            start_trace("task", tenant=self._tenant, task=claimed.name, correlation_id=correlation_id),
            structlog.contextvars.bound_contextvars(correlation_id=correlation_id, step=claimed.name),
        ):
            started_at = self._clock.monotonic()
            try:
                outcome = await self._attempt(claimed, correlation_id)
            except StaleRun:
                outcome = "stale"
                log.warning("task.stale")
            except DATABASE_UNAVAILABLE as error:
                outcome = "not_recorded"  # its lease expires
                log.warning("task.not_recorded", error=type(error).__name__)
            annotate(outcome=outcome)
            if outcome == "failed":
                fail_current()
            self._metrics.task_run(claimed.name, outcome, self._clock.monotonic() - started_at)

    async def _attempt(self, claimed: ClaimedTask, correlation_id: str) -> str:
        """Run the handler, store its result, and return the outcome. Raises `StaleRun`, or a database error in storing."""
        save, check = partial(self._store.save, claimed), partial(self._store.check, task=claimed)
        run = TaskRun(claimed.name, claimed.watermark, correlation_id, save, check)
        try:
            result = await self._call(claimed, run)
        except asyncio.CancelledError:
            await self._give_back(claimed)
            raise
        except StaleRun:
            raise
        except PutOff as error:
            await self._store.fail(claimed, str(error), _later(error.after), innocent=True)
            log.info("task.put_off", why=str(error), seconds=error.after.total_seconds())
            return "put_off"
        except Exception as error:  # noqa: BLE001  whatever a handler raises is a failed run, and is recorded
            text = str(error) if isinstance(error, TaskError) else describe_error(error)
            wait = self._settings.retry_after(claimed.failures)
            await self._store.fail(claimed, text, jittered(wait))
            log.warning("task.failed", error=text, again_in=wait.total_seconds(), failures=claimed.failures)
            return "failed"
        await self._store.finish(claimed, result.watermark, jittered(result.after))
        return "ok"

    async def _call(self, claimed: ClaimedTask, run: TaskRun) -> Next:
        """Call the handler and return its `Next`. Limit it by its timeout, and renew the task's lease while it runs."""
        running = asyncio.current_task()
        assert running is not None, "a run is an asyncio task of its own"
        # The renewal has ended when the block has: a late one would extend the lease of a run that is over.
        async with background_tasks(self._renewal.keep({running: claimed})):
            return await call_within(self._settings.timeout, self._handlers[claimed.name](run), _too_long)

    async def _give_back(self, claimed: ClaimedTask) -> None:
        """Make a claimed task due at once for another worker, unless this worker has already lost its claim."""
        with contextlib.suppress(StaleRun, *DATABASE_UNAVAILABLE):
            await self._store.fail(claimed, "its worker was stopped", timedelta(), innocent=True)


def _too_long(text: str) -> TaskError:
    return TaskError(f"{text}; it goes on from what it has saved")


def _later(wait: timedelta) -> timedelta:
    """Return `wait` extended by up to one half, at random: a server that has named a wait must not be asked earlier."""
    return wait * random.uniform(1, 1.5)  # noqa: S311  no secret
