"""The worker process: runs the tenant's jobs, and has one port for its health, its metrics and the web process's poke.

One connection is enough, because every handler takes it for one short transaction and waits for providers without it.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from askproai_runtime.calls import CallEvents, count_active_calls
from askproai_runtime.config.settings import Settings
from askproai_runtime.health import worker_app
from askproai_runtime.jobs import DATABASE_AWAY, Job, JobKind, JobSettings, Runner
from askproai_runtime.process import Process, close_pool, open_process, pause
from askproai_runtime.seams import Clock, SystemClock, fault_points_from_environment
from askproai_runtime.serving.ports import open_port
from askproai_runtime.serving.readiness import ReadinessCheck
from askproai_runtime.store import Pool, open_pool

log = structlog.get_logger(__name__)

CONNECTIONS = 1
COUNT_CALLS_SECONDS = 15.0


class WorkerProcess:
    """The worker process while it runs; `port` is the port that is really open."""

    def __init__(self, process: Process, stop: asyncio.Event) -> None:
        self._process = process
        self._stop = stop
        self._readiness = ReadinessCheck(process.clock)
        self._pool: Pool | None = None
        self._runner: Runner | None = None
        self.port = 0

    async def run(self, started: Callable[["WorkerProcess"], None] = lambda _: None) -> None:
        """Work until `stop`; then no job is claimed, running ones end or are given back, and the pool closes."""
        settings, process = self._process.settings, self._process
        dsn = await process.database_url(self._stop)
        if dsn is None:
            return
        await self._open(dsn)
        app = worker_app(process.metrics, self._readiness, self._open_pool, self._poke)
        grace = settings.shutdown_grace_seconds
        port, self.port = await open_port(app, settings.bind_address, settings.worker_port, grace_seconds=grace)
        log.info("worker.started", port=self.port, config=process.config.hash)
        started(self)
        try:
            while not self._stop.is_set():
                await self._work(dsn)
                dsn = await process.database_url(self._stop) or dsn
            self._readiness.draining = True
        finally:
            await port.cleanup()
            await close_pool(self._open_pool())
        log.info("worker.stopped")

    async def _work(self, dsn: str) -> None:
        """Run jobs over one pool, until `stop` or until DATABASE_URL changes."""
        assert self._runner is not None, "the pool opens before"
        ended = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self._runner.run(ended))
            tasks.create_task(self._count_calls(self._open_pool(), ended))
            await self._process.database_url_changes(dsn, self._stop)
            ended.set()
            await running
        changed = self._process.credentials.get("DATABASE_URL")
        if not self._stop.is_set() and changed is not None:
            log.info("database.url_changed", consequence="new pool")
            old = self._open_pool()
            await self._open(changed)
            await close_pool(old)

    async def _count_calls(self, pool: Pool, ended: asyncio.Event) -> None:
        """Keep `active_calls` current: events of one call may be carried out by several workers, so the table is asked."""
        while not ended.is_set():
            try:
                self._process.metrics.active_calls(await count_active_calls(pool, self._process.tenant))
            except DATABASE_AWAY as error:
                log.warning("calls.not_counted", error=type(error).__name__)
            await pause(ended, COUNT_CALLS_SECONDS)

    async def _open(self, dsn: str) -> None:
        process = self._process
        self._pool = pool = await open_pool(
            dsn, max_size=CONNECTIONS, application_name=f"askproai-worker {process.settings.pod_name}"
        )
        handler = job_handler(process, pool)
        self._runner = Runner(pool, process.tenant, handler, process.clock, JobSettings(), process.metrics)

    def _open_pool(self) -> Pool:
        assert self._pool is not None, "the port opens after the pool"
        return self._pool

    def _poke(self) -> None:
        if self._runner is not None:
            self._runner.poke()


def job_handler(process: Process, pool: Pool) -> Callable[[Job], Awaitable[None]]:
    """Give the one function that carries out every kind of job."""
    booking = process.booking(pool)
    events = CallEvents(pool, process.now_config, booking, process.clock, process.metrics)

    async def handle(job: Job) -> None:
        with structlog.contextvars.bound_contextvars(correlation_id=job.correlation_id, job=job.id, step=job.kind):
            match job.kind:
                case JobKind.WEBHOOK_EVENT:
                    await events.handle(job)
                case JobKind.CALENDAR_SYNC:
                    await booking.sync_appointment(job)

    return handle


async def run_worker(settings: Settings, stop: asyncio.Event, clock: Clock | None = None) -> None:
    """Run the worker until `stop`. Raises `ConfigUnreadable`, and `OSError` for a taken port."""
    faults = fault_points_from_environment()
    async with open_process(settings, "worker", clock or SystemClock(), faults, stop) as process:
        await WorkerProcess(process, stop).run()
