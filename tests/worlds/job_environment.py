"""A tenant with a job queue of its own, the pool of its role, and a handler that records the jobs it ran."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import asyncpg

from askproai_core.clock import SystemClock
from askproai_core.database import Pool
from askproai_runtime.jobs import Job, JobSettings, Runner, finish
from askproai_runtime.jobs.store import JobStore
from askproai_runtime.metrics import Waiting
from tests.worlds.waiting import SOON, wait_for_columns

QUICK = JobSettings(
    slots=10,
    reserved=2,
    lease=timedelta(seconds=1.5),
    renew_every=timedelta(seconds=0.4),
    poll=timedelta(seconds=0.3),
    poll_busy=timedelta(seconds=0.3),
    grace=timedelta(seconds=0.2),
)


class Metrics:
    """The part of the runtime's metrics that the queue uses."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str]] = []
        self.queued: list[Waiting] = []

    def queue(self, waiting: Iterable[Waiting]) -> None:
        self.queued = list(waiting)

    def expect_jobs(self, kinds: Iterable[str], outcomes: Iterable[str]) -> None:
        pass

    def job_ended(self, kind: str, outcome: str) -> None:
        self.ended.append((kind, outcome))


@dataclass
class JobEnvironment:
    """One tenant's job queue."""

    tenant: str
    dsn: str
    pool: Pool
    lease_pool: "Pool | None" = None  # None: renewals share `pool`
    metrics: Metrics = field(default_factory=Metrics)
    handled: list[str] = field(default_factory=list)

    async def event(self, name: str, priority: str = "high") -> int:
        """Store an event with its job, as the intake does, and return the job's id."""
        return await self.pool.fetchval(
            """WITH stored AS (INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id)
                               VALUES ($1, 'retell', $2, 'call_started', '{}', $2) RETURNING id)
               INSERT INTO jobs (tenant, kind, priority, event_id, correlation_id)
               SELECT $1, 'webhook-event', $3, id, $2 FROM stored RETURNING id""",
            self.tenant, name, priority,
        )  # fmt: skip

    async def job(self, job_id: int) -> asyncpg.Record:
        row = await self.pool.fetchrow(
            """SELECT j.*, extract(epoch FROM j.run_at - clock_timestamp())::float8 AS due_in,
                      e.status AS event_status, e.attempts AS event_attempts, e.error AS event_error, e.processed_at
               FROM jobs j JOIN webhook_events e ON e.tenant = j.tenant AND e.id = j.event_id WHERE j.id = $1""",
            job_id,
        )
        assert row is not None
        return row

    async def wait_for(self, job_id: int, seconds: float = SOON, **expected: object) -> asyncpg.Record:
        """Wait until the job's columns have the `expected` values, and return its row."""
        return await wait_for_columns(lambda: self.job(job_id), expected, seconds)

    async def make_due(self, job_id: int) -> None:
        await self.pool.execute("UPDATE jobs SET run_at = clock_timestamp() WHERE id = $1", job_id)

    async def succeed(self, job: Job) -> None:
        self.handled.append(job.correlation_id)
        await finish(self.pool_connection(), self.tenant, job)

    def pool_connection(self) -> asyncpg.Connection:
        return self.pool  # a pool runs the same statements, each on a connection of its own

    @asynccontextmanager
    async def running(
        self, handler: Callable[[Job], Awaitable[None]] | None = None, settings: JobSettings = QUICK
    ) -> AsyncIterator[Runner]:
        lease_pool = self.lease_pool or self.pool
        run = handler or self.succeed
        runner = Runner(self.pool, self.tenant, run, SystemClock(), settings, self.metrics, lease_pool=lease_pool)
        stop = asyncio.Event()
        task = asyncio.create_task(runner.run(stop))
        try:
            yield runner
        finally:
            stop.set()
            await asyncio.wait_for(task, SOON)


def store(env: JobEnvironment, worker: str = "one", settings: JobSettings = QUICK) -> JobStore:
    """Return the store of one worker."""
    return JobStore(env.pool, env.pool, env.tenant, worker, settings)


async def claim(env: JobEnvironment, running: Sequence[Job] = (), **settings: object) -> list[Job]:
    """Claim jobs beside the jobs `running`; `settings` replace values of QUICK."""
    async with env.pool.acquire() as connection:
        jobs, _ = await store(env, settings=dataclasses.replace(QUICK, **settings)).claim(connection, running)
    return jobs
