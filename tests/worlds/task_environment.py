"""A tenant with periodic tasks of its own, the pool of its role, and workers that run them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import asyncpg

from askproai_core.clock import SystemClock
from askproai_core.database import Pool
from askproai_runtime.metrics import Metrics
from askproai_runtime.tasks import TaskHandler, TaskRunner, TaskSettings
from tests.worlds.waiting import SOON, eventually, wait_for_columns

QUICK = TaskSettings(
    look_every=timedelta(seconds=0.1),
    first_within=timedelta(),
    timeout=timedelta(seconds=5),
    lease=timedelta(seconds=1.5),
    renew_every=timedelta(seconds=0.4),
    retry=timedelta(seconds=0.2),
    grace=timedelta(seconds=0.1),
)


@dataclass
class TaskEnvironment:
    """One tenant's periodic tasks."""

    tenant: str
    dsn: str
    pool: Pool
    metrics: Metrics = field(default_factory=lambda: Metrics("salon"))

    async def row(self, name: str = "count") -> asyncpg.Record:
        row = await self.pool.fetchrow(
            """SELECT *, extract(epoch FROM due_at - clock_timestamp())::float8 AS due_in FROM tasks
               WHERE tenant = $1 AND name = $2""",
            self.tenant, name,
        )  # fmt: skip
        assert row is not None
        return row

    async def wait_for(self, name: str = "count", seconds: float = SOON, **expected: object) -> asyncpg.Record:
        """Wait until the task's columns have the `expected` values, and return its row."""
        await self.exists(name)
        return await wait_for_columns(lambda: self.row(name), expected, seconds)

    async def exists(self, name: str) -> None:
        found = "SELECT true FROM tasks WHERE tenant = $1 AND name = $2"
        await eventually(lambda: self.pool.fetchval(found, self.tenant, name), what="the task's row")

    async def make_due(self, name: str = "count") -> None:
        await self.pool.execute("UPDATE tasks SET due_at = clock_timestamp() WHERE name = $1", name)

    @asynccontextmanager
    async def running(
        self, handlers: Mapping[str, TaskHandler], settings: TaskSettings = QUICK, pool: "Pool | None" = None
    ) -> AsyncIterator[None]:
        """Run a worker's loop over the tasks during the block."""
        pool = pool or self.pool
        runner = TaskRunner(pool, pool, self.tenant, handlers, SystemClock(), self.metrics, settings)
        stop = asyncio.Event()
        task = asyncio.create_task(runner.run(stop))
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(task, SOON)
