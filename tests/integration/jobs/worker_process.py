"""A real worker process that claims a job, writes the attempt into a file and hangs, to be killed by test_lost_worker.py."""

import asyncio
import sys
from pathlib import Path

from askproai_core.clock import SystemClock
from askproai_core.database import open_pool
from askproai_runtime.jobs import Job, Runner
from tests.worlds.job_environment import QUICK, Metrics


async def main(dsn: str, tenant: str, report: Path) -> None:
    async def hang(job: Job) -> None:
        report.write_text(str(job.attempts))  # noqa: ASYNC240  a test's own small file
        await asyncio.Event().wait()

    async with open_pool(dsn, max_size=1) as pool:
        runner = Runner(pool, tenant, hang, SystemClock(), QUICK, Metrics(), lease_pool=pool)
        await runner.run(asyncio.Event())


asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
