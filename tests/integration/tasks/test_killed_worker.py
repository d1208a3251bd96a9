"""After a worker is killed in a task, another one continues from the saved state once the lease has ended."""

from datetime import timedelta
from pathlib import Path

import pytest

from askproai_runtime.tasks import Next, TaskRun
from tests.worlds.killed_worker import start_and_kill
from tests.worlds.task_environment import TaskEnvironment

pytestmark = [pytest.mark.processes, pytest.mark.nightly]


async def test_killed_workers_lose_and_repeat_no_page(env: TaskEnvironment, tmp_path: Path) -> None:
    worker, report = "tests.integration.tasks.task_process", tmp_path / "page"
    assert [await start_and_kill(worker, env.dsn, env.tenant, report) for _ in range(3)] == ["0", "1", "2"]

    began_at: list[int] = []

    async def end(run: TaskRun) -> Next:
        began_at.append(run.watermark["page"])
        return Next(timedelta(hours=1), {})

    async with env.running({"count": end}):
        row = await env.wait_for(lease_until=None, failures=0)
    assert (began_at, row["claim_no"]) == ([3], 4)
