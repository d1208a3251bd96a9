"""A real worker process that runs the task `notifications`, and kills itself at the fault point that it is given."""

import asyncio
import sys
from pathlib import Path

import aiohttp

from askproai_core.database import open_pool
from askproai_core.fault_injection import FaultPoints
from askproai_core.notification_state import NOTIFICATIONS
from askproai_core.tenant_config import decode
from askproai_runtime.metrics import Metrics
from askproai_runtime.notifications.task import NotificationTask
from askproai_runtime.tasks import TaskRun
from tests.worlds.booking_environment import NOW
from tests.worlds.clock import FixedClock


async def main(dsn: str, config_file: Path, point: str) -> None:
    config = decode(config_file.read_bytes())  # noqa: ASYNC240  a test's own small file

    async def save(_watermark: object) -> None:
        raise AssertionError

    async with open_pool(dsn, max_size=1) as pool, aiohttp.ClientSession() as session:
        faults, clock = FaultPoints(point), FixedClock(NOW)
        task = NotificationTask(pool, lambda: config, {}.get, session, clock, faults, Metrics(config.tenant))
        await task.run(TaskRun(NOTIFICATIONS, {}, "corr-run", save))


asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
