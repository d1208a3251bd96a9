"""A worker is killed in the middle of a task: another one goes on from the saved state, after the lease."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from askproai_runtime.tasks import Next, TaskRun
from tests.worlds.task_environment import TaskEnvironment
from tests.worlds.waiting import SOON, eventually

pytestmark = [pytest.mark.processes, pytest.mark.nightly]
ROOT = Path(__file__).parents[3]
WORKER = "tests.integration.tasks.task_process"


async def start_and_kill_a_worker(env: TaskEnvironment, tmp_path: Path) -> int:
    """Let a process claim the task, kill it with -9, and return the page at which it began."""
    report = tmp_path / f"began-{uuid4()}"

    def reported() -> bool:
        assert worker.poll() is None, "the worker ended by itself"
        return report.exists() and bool(report.read_text())

    worker = subprocess.Popen([sys.executable, "-m", WORKER, env.dsn, env.tenant, str(report)], cwd=ROOT)  # noqa: ASYNC220  it takes no time
    try:
        await eventually(reported, SOON, "the worker to claim the task")
    finally:
        worker.kill()
        worker.wait()
    return int(report.read_text())


async def test_killed_workers_lose_and_repeat_no_page(env: TaskEnvironment, tmp_path: Path) -> None:
    assert [await start_and_kill_a_worker(env, tmp_path) for _ in range(3)] == [0, 1, 2]

    began_at: list[int] = []

    async def end(run: TaskRun) -> Next:
        began_at.append(run.watermark["page"])
        return Next(timedelta(hours=1), {})

    async with env.running({"count": end}):
        row = await env.wait_for(lease_until=None, failures=0)
    assert (began_at, row["claim_no"]) == ([3], 4)
