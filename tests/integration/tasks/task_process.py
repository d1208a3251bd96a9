"""A real worker process that claims a task, saves its progress, reports the watermark it began with and hangs, to be killed."""

import asyncio
import json
import sys
from pathlib import Path

from askproai_core.clock import SystemClock
from askproai_core.database import open_pool
from askproai_runtime.metrics import Metrics
from askproai_runtime.tasks import Next, TaskRun, TaskRunner
from tests.worlds.task_environment import QUICK


async def main(dsn: str, tenant: str, report: Path) -> None:
    async def hang(run: TaskRun) -> Next:
        page = run.watermark.get("page", 0)
        await run.save({"page": page + 1})
        report.write_text(json.dumps(page))  # noqa: ASYNC240  a test's own small file
        await asyncio.Event().wait()
        raise AssertionError

    async with open_pool(dsn, max_size=2) as pool:
        runner = TaskRunner(pool, pool, tenant, {"count": hang}, SystemClock(), Metrics(tenant), QUICK)
        await runner.run(asyncio.Event())


asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
