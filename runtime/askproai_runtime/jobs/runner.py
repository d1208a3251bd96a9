"""Runs a tenant's jobs in this process: claim, handle, retry; renew leases meanwhile; give back what is unfinished."""

import asyncio
import os
import random
import socket
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from askproai_core.clock import Clock
from askproai_core.database import DATABASE_AWAY, Pool
from askproai_core.logging import error_location
from askproai_runtime.jobs.queue import Queue, snapshot
from askproai_runtime.jobs.types import (
    DeadNow,
    FinishForgotten,
    Job,
    JobError,
    JobSettings,
    RunAgain,
    StaleClaim,
    TooLong,
)
from askproai_runtime.metrics import Metrics

log = structlog.get_logger(__name__)


class Runner:
    """Polls, and can be poked. The handler calls `finish` in its own transaction; what it raises says how the job goes on.

    The database may go away at any time: the jobs wait there, and a claim that we never heard of runs out by its lease.
    """

    def __init__(
        self,
        pool: Pool,
        tenant: str,
        handler: Callable[[Job], Awaitable[None]],
        clock: Clock,
        settings: JobSettings,
        metrics: Metrics,
    ) -> None:
        self._pool = pool
        self._tenant = tenant
        self._queue = Queue(pool, tenant, f"{socket.gethostname()}:{os.getpid()}", settings)
        self._handler = handler
        self._clock = clock
        self._settings = settings
        self._metrics = metrics
        self._wake = asyncio.Event()
        self._running: dict[asyncio.Task[None], Job] = {}
        self._maybe_more = False  # the last claim took all it had room for
        self._last_work = self._last_sweep = self._last_snapshot = float("-inf")

    def poke(self) -> bool:
        """Say that there may be work now; False when all slots are taken."""
        self._wake.set()
        return len(self._running) < self._settings.slots

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; then wait for running jobs up to the grace, and give the others back."""
        helpers = [
            asyncio.create_task(self._renew_for_ever(), name="renew-leases"),
            asyncio.create_task(self._wake_at(stop), name="wake-at-stop"),
        ]
        try:
            while not stop.is_set():
                self._wake.clear()
                await self._turn()
                await self._sleep_until_woken()
            await self._end_running()
        finally:
            left = [*helpers, *self._running]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _turn(self) -> None:
        """Take from lost workers, claim and start, count what waits."""
        now = self._clock.monotonic()
        self._maybe_more = False
        try:
            if now - self._last_sweep >= self._settings.renew_every.total_seconds():
                await self._sweep()
                self._last_sweep = now
            jobs, self._maybe_more = await self._queue.claim(self._running.values())
            for job in jobs:  # at once: whatever fails below, they are ours and must run
                task = asyncio.create_task(self._handle(job), name=f"job-{job.id}")
                self._running[task] = job
                task.add_done_callback(self._ended)
            if self._running:
                self._last_work = now
            if now - self._last_snapshot >= self._settings.poll.total_seconds():
                self._last_snapshot = now
                self._metrics.queue(await snapshot(self._pool, self._tenant))
        except DATABASE_AWAY as error:
            log.warning("jobs.database_away", error=type(error).__name__)

    async def _sweep(self) -> None:
        ready, dead = await self._queue.sweep()
        if ready or dead:
            log.warning("jobs.taken_from_lost_workers", ready=ready, dead=dead)
        for _ in range(dead):
            self._metrics.dead_letter()

    async def _sleep_until_woken(self) -> None:
        settings = self._settings
        busy = self._clock.monotonic() - self._last_work < settings.busy_for.total_seconds()
        # The jitter keeps a thousand tenants' workers, started together, from asking together.
        seconds = (settings.poll_busy if busy else settings.poll).total_seconds() * random.uniform(0.8, 1.2)  # noqa: S311  no secret
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    def _ended(self, task: asyncio.Task[None]) -> None:
        job = self._running.pop(task)
        if self._maybe_more:
            self._wake.set()
        if not task.cancelled() and (error := task.exception()):
            log.error("job.lost_track", job=job.id, error=type(error).__name__)  # its lease runs out, and another tries

    async def _handle(self, job: Job) -> None:
        """Run one try, and set down how it ended."""
        with structlog.contextvars.bound_contextvars(
            correlation_id=job.correlation_id, job=job.id, kind=job.kind.value
        ):
            try:
                await self._try(job)
            except StaleClaim:
                log.warning("job.stale", attempt=job.attempts)
            except DeadNow as verdict:
                await self._fail(job, verdict, str(verdict), None)
            except RunAgain as wish:
                kept = await self._queue.run_again(job, wish.at, str(wish))
                log.info("job.put_off" if kept else "job.stale", at=wish.at.isoformat())
            except JobError as error:
                await self._fail(job, error, f"{type(error).__name__}: {error}", self._wait_after(job))
            except Exception as error:  # noqa: BLE001  whatever a handler raises is a failed try, and is set down
                # Not its text: a driver's quotes the row, and the row holds names and numbers (W3).
                await self._fail(
                    job, error, f"{type(error).__name__} at {error_location(error)}", self._wait_after(job)
                )
            else:
                log.debug("job.done", attempt=job.attempts)

    async def _try(self, job: Job) -> None:
        seconds = self._settings.timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds) as limit:
                await self._handler(job)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise TooLong(f"not done after {seconds:g} s") from error
        if not job.finished:
            raise FinishForgotten("the handler returned without finish(); its effects may be there, its job goes on")

    async def _fail(self, job: Job, error: Exception, text: str, wait: timedelta | None) -> None:
        if not await self._queue.fail(job, text, wait):
            log.warning("job.stale", attempt=job.attempts)
            return
        about = {"attempt": job.attempts, "error": type(error).__name__, "at": error_location(error)}
        if wait is None:
            self._metrics.dead_letter()
            log.error("job.dead", **about)
        else:
            log.warning("job.failed", **about, again_in=wait.total_seconds())

    def _wait_after(self, job: Job) -> timedelta | None:
        retries = self._settings.retries
        return retries[job.attempts - 1] if job.attempts <= len(retries) else None

    async def _renew_for_ever(self) -> None:
        while True:
            await self._clock.sleep(self._settings.renew_every)
            held = dict(self._running)
            if not held:
                continue
            try:
                kept = await self._queue.renew(list(held.values()))
            except DATABASE_AWAY as error:
                log.warning("jobs.not_renewed", error=type(error).__name__, jobs=len(held))
                continue
            for task, job in held.items():
                if job.id not in kept and not job.finished:
                    log.warning("job.lease_lost", job=job.id)
                    task.cancel()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _end_running(self) -> None:
        held = dict(self._running)
        if not held:
            return
        log.info("jobs.finishing", jobs=len(held))
        _, late = await asyncio.wait(held, timeout=self._settings.grace.total_seconds())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        try:
            for job in (held[task] for task in late if task.cancelled()):
                given = await self._queue.run_again(job, self._clock.now(), "its worker was stopped")
                log.info("job.given_back" if given else "job.stale", job=job.id)
        except DATABASE_AWAY as error:
            log.warning("jobs.not_given_back", error=type(error).__name__)  # the leases run out
