"""A worker process that runs the task `notifications` of one tenant by the runner of a worker, until somebody kills it."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import aiohttp

from askproai_core.clock import SystemClock
from askproai_core.database import open_pool
from askproai_core.fault_injection import FaultPoints
from askproai_core.notification_state import NOTIFICATIONS
from askproai_core.tenant_config import decode
from askproai_runtime.metrics import Metrics
from askproai_runtime.notifications.task import NotificationTask
from askproai_runtime.tasks import TaskRunner, TaskSettings

# The lease of a killed worker ends soon, and the next look comes soon after; a run is never cut off.
_SETTINGS = TaskSettings(
    look_every=timedelta(seconds=0.1),
    first_within=timedelta(),
    timeout=timedelta(minutes=2),
    lease=timedelta(seconds=1.5),
    renew_every=timedelta(seconds=0.4),
    retry=timedelta(seconds=0.2),
    grace=timedelta(seconds=0.1),
)


async def main(dsn: str, config_file: Path) -> None:
    config = decode(config_file.read_bytes())  # noqa: ASYNC240  a test's own small file
    clock, metrics = SystemClock(), Metrics(config.tenant)
    async with (
        open_pool(dsn, max_size=2) as pool,
        open_pool(dsn, max_size=1) as lease_pool,
        aiohttp.ClientSession() as session,
    ):
        task = NotificationTask(
            pool, lambda: config, {}.get, session, clock, FaultPoints(), metrics, every=timedelta(seconds=0.1)
        )
        handlers = {NOTIFICATIONS: task.run}
        await TaskRunner(pool, lease_pool, config.tenant, handlers, clock, metrics, _SETTINGS).run(asyncio.Event())


asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
