"""The runner of a tenant's jobs: claim, handle, retry, renew leases, and return unfinished jobs to the queue at shutdown."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import asyncpg
import structlog

from askproai_core.clock import Clock
from askproai_core.database import DATABASE_UNAVAILABLE, Connection, Pool
from askproai_core.lifecycle import Stopped, background_tasks, run_until_stopped, sleep_until_stopped
from askproai_core.logging import error_location
from askproai_core.tracing import Kind, annotate, continue_from, fail_current, span
from askproai_runtime.jobs.store import JobStore, snapshot
from askproai_runtime.jobs.types import (
    DeadNow,
    FinishForgotten,
    Job,
    JobError,
    JobKind,
    JobOutcome,
    JobSettings,
    RunAgain,
    StaleClaim,
    TooLong,
)
from askproai_runtime.leases import Renewal, call_within, cancel_work, describe_error, jittered, worker_name
from askproai_runtime.metrics import Metrics

log = structlog.get_logger(__name__)

# Errors without a fault of the job: the server restarts, is too busy, or rolled the transaction back.
_DATABASE_BUSY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,  # a statement on a connection that the server has just ended
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.TransactionRollbackError,
)


async def _acquire(pool: Pool) -> "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]":
    return await pool.acquire()


class Runner:
    """A worker's loop. It polls for jobs, and `notify` makes it poll at once.

    The handler calls `finish` in its own transaction. An error that the handler raises decides how the job continues
    (`JobError`). The database may become unavailable at any time: jobs stay in it, and a claim whose answer was lost ends with
    its lease.
    """

    def __init__(
        self,
        pool: Pool,
        tenant: str,
        handler: Callable[[Job], Awaitable[None]],
        clock: Clock,
        settings: JobSettings,
        metrics: Metrics,
        *,
        lease_pool: Pool,
    ) -> None:
        """`lease_pool` is for renewals: handlers that wait for locks may hold all connections of `pool` for longer than a lease."""
        self._pool, self._tenant, self._handler = pool, tenant, handler
        self._clock, self._settings, self._metrics = clock, settings, metrics
        self._store = JobStore(pool, lease_pool, tenant, worker_name(), settings)
        self._renewal: Renewal[Job] = Renewal(
            clock,
            settings.renew_every,
            self._store.renew,
            lambda job: log.warning("job.lease_lost", job=job.id),
            lambda jobs, error: log.warning("jobs.not_renewed", error=type(error).__name__, jobs=len(jobs)),
        )
        metrics.expect_jobs(JobKind, JobOutcome)
        self._notified = asyncio.Event()
        self._running: dict[asyncio.Task[None], Job] = {}
        self._maybe_more = False  # the last claim filled all the slots it had
        self._last_busy = self._last_sweep = self._last_snapshot = float("-inf")

    def notify(self) -> bool:
        """Look for jobs at once. Return False if this worker has no free slot, so that another worker should be notified."""
        self._notified.set()
        return len(self._running) < self._settings.slots

    async def run(self, stop: asyncio.Event) -> None:
        """Run jobs until `stop`. Then wait for running jobs up to the grace period, and return the others to the queue."""
        async with background_tasks(self._renewal.keep(self._running), self._notify_at(stop)):
            try:
                while not stop.is_set():
                    self._notified.clear()
                    await self._run_once(stop)
                    await self._wait_until_notified()
                await self._finish_running()
            finally:
                await cancel_work(self._running)

    async def _run_once(self, stop: asyncio.Event) -> None:
        """Release the jobs of lost workers, claim and start new ones, and measure the queue; each only when it is due.

        Return early if `stop` is set while handlers hold all connections. A claim that was sent is never cancelled: its jobs
        would wait for the end of their leases.
        """
        self._maybe_more = False
        try:
            connection = await run_until_stopped(stop, _acquire(self._pool))
            try:
                await self._run_with(connection)
            finally:
                await self._pool.release(connection)
        except Stopped:
            return
        except DATABASE_UNAVAILABLE as error:
            log.warning("jobs.database_away", error=type(error).__name__)

    async def _run_with(self, connection: Connection) -> None:
        now = self._clock.monotonic()
        if now - self._last_sweep >= self._settings.renew_every.total_seconds():
            await self._sweep(connection)
            self._last_sweep = now
        jobs, self._maybe_more = await self._store.claim(connection, self._running.values())
        for job in jobs:  # claimed jobs must run, so they start before anything below can fail
            task = asyncio.create_task(self._handle(job), name=f"job-{job.id}")
            self._running[task] = job
            task.add_done_callback(self._forget)
        if self._running:
            self._last_busy = now
        if now - self._last_snapshot >= self._settings.poll.total_seconds():
            self._last_snapshot = now
            self._metrics.queue(await snapshot(connection, self._tenant))

    async def _sweep(self, connection: Connection) -> None:
        ready, dead = await self._store.sweep(connection)
        if ready or dead:
            log.warning("jobs.taken_from_lost_workers", ready=ready, dead=len(dead))
        for kind in dead:
            self._metrics.job_ended(kind, JobOutcome.DEAD)

    async def _wait_until_notified(self) -> None:
        settings = self._settings
        busy = self._clock.monotonic() - self._last_busy < settings.busy_for.total_seconds()
        wait = jittered(settings.poll_busy if busy else settings.poll)
        await sleep_until_stopped(self._notified, wait.total_seconds())

    def _forget(self, task: asyncio.Task[None]) -> None:
        job = self._running.pop(task)
        if self._maybe_more:
            self._notified.set()
        if not task.cancelled() and (error := task.exception()):
            # Its lease expires, and another worker tries.
            log.error("job.lost_track", job=job.id, error=type(error).__name__)

    async def _handle(self, job: Job) -> None:
        """Run one attempt of a job and record the outcome, in a span of the trace in which the job was queued."""
        with (
            continue_from(job.traceparent),
            span(
                "job",
                Kind.CONSUMER,
                tenant=self._tenant,
                job=job.id,
                job_kind=job.kind.value,
                attempt=job.attempts,
                correlation_id=job.correlation_id,
            ),
            structlog.contextvars.bound_contextvars(correlation_id=job.correlation_id, job=job.id, step=job.kind.value),
        ):
            try:
                await self._attempt(job)
            except StaleClaim:
                log.warning("job.stale", attempt=job.attempts)
            except DeadNow as error:
                await self._fail(job, error, str(error), None)
            except RunAgain as postponed:
                await self._run_again(job, postponed.at, str(postponed))
            except JobError as error:
                await self._fail(job, error, f"{type(error).__name__}: {error}", self._retry_delay(job))
            except Exception as error:  # noqa: BLE001  whatever a handler raises is a failed attempt, and is recorded
                text = describe_error(error)
                # Only for a while: a job whose own statement is too slow must become a dead letter.
                if isinstance(error, _DATABASE_BUSY) and job.age < self._settings.database_patience:
                    await self._run_again(job, self._clock.now() + self._settings.database_wait, text)
                else:
                    await self._fail(job, error, text, self._retry_delay(job))
            else:
                annotate(outcome="done")
                self._metrics.job_ended(job.kind, JobOutcome.DONE)
                log.debug("job.done", attempt=job.attempts)

    async def _attempt(self, job: Job) -> None:
        await call_within(self._settings.timeout, self._handler(job), TooLong)
        if not job.finished:
            raise FinishForgotten("the handler returned without finish(): its job is not done, but its effects may be")

    async def _run_again(self, job: Job, at: datetime, reason: str) -> None:
        annotate(outcome="put_off")
        ours = await self._store.run_again(job, at, reason)
        log.info("job.put_off" if ours else "job.stale", at=at.isoformat())

    async def _fail(self, job: Job, error: Exception, text: str, wait: timedelta | None) -> None:
        annotate(outcome="dead" if wait is None else "failed", error_type=type(error).__name__)
        fail_current()
        if not await self._store.fail(job, text, wait):
            log.warning("job.stale", attempt=job.attempts)
            return
        details = {"attempt": job.attempts, "error": type(error).__name__, "at": error_location(error)}
        if wait is None:
            self._metrics.job_ended(job.kind, JobOutcome.DEAD)
            log.error("job.dead", **details)
        else:
            log.warning("job.failed", **details, again_in=wait.total_seconds())

    def _retry_delay(self, job: Job) -> timedelta | None:
        """Return the wait before the next attempt of a job; None if this was the last attempt."""
        retries = self._settings.retries
        return retries[job.attempts - 1] if job.attempts <= len(retries) else None

    async def _notify_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._notified.set()

    async def _finish_running(self) -> None:
        """Wait for running jobs up to the grace period. Then cancel the jobs that still run, and return them to the queue."""
        claimed = dict(self._running)
        if not claimed:
            return
        log.info("jobs.finishing", jobs=len(claimed))
        _, late = await asyncio.wait(claimed, timeout=self._settings.grace.total_seconds())
        await cancel_work(late)
        try:
            for job in (claimed[task] for task in late if task.cancelled()):
                ours = await self._store.run_again(job, self._clock.now(), "its worker was stopped")
                log.info("job.given_back" if ours else "job.stale", job=job.id)
        except DATABASE_UNAVAILABLE as error:
            log.warning("jobs.not_given_back", error=type(error).__name__)  # the leases expire
