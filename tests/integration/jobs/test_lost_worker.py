"""A worker dies in the middle of a job: another runs it, the lost attempt counts, and a job that kills every worker goes dead."""

import subprocess
import sys
from pathlib import Path

import pytest

from askproai_runtime.jobs.store import JobStore
from tests.worlds.job_environment import QUICK, JobEnvironment
from tests.worlds.waiting import SOON, eventually, stopwatch

pytestmark = pytest.mark.processes
ROOT = Path(__file__).parents[3]
WORKER = "tests.integration.jobs.worker_process"


async def start_and_kill_a_worker(env: JobEnvironment, tmp_path: Path) -> str:
    """Let a process claim the job, kill it with -9, and return the number of the attempt that it reported."""
    report = tmp_path / "attempt"
    report.unlink(missing_ok=True)

    def reported() -> bool:
        assert worker.poll() is None, "the worker ended by itself"
        return report.exists() and bool(report.read_text())

    worker = subprocess.Popen(  # noqa: ASYNC220  it takes no time
        [sys.executable, "-m", WORKER, env.dsn, env.tenant, str(report)],
        cwd=ROOT,
    )
    try:
        await eventually(reported, SOON, "the worker to claim the job")
    finally:
        worker.kill()
        worker.wait()
    return report.read_text()


async def test_killed_workers_job_runs_again_as_second_attempt(env: JobEnvironment, tmp_path: Path) -> None:
    job_id = await env.event("interrupted")
    assert await start_and_kill_a_worker(env, tmp_path) == "1"
    row = await env.job(job_id)
    assert (row["state"], row["attempts"], row["event_status"]) == ("running", 1, "processing")
    async with stopwatch() as seconds, env.running(), env.running():
        row = await env.wait_for(job_id, state="done", event_status="processed")
        waited = seconds()
    # With the real settings: 30 s of lease, and at most 18 s until an idle worker's next poll, which sweeps first.
    assert waited < (QUICK.lease + QUICK.renew_every + QUICK.poll * 1.2).total_seconds() + 1
    assert env.handled == ["interrupted"]
    assert (row["attempts"], row["event_attempts"]) == (2, 2)


@pytest.mark.nightly
async def test_job_that_kills_every_worker_dies_after_four(env: JobEnvironment, tmp_path: Path) -> None:
    """Attempts are counted before the handler runs."""
    job_id = await env.event("poison")
    store = JobStore(env.pool, env.pool, env.tenant, "sweeper", QUICK)
    for attempt in ("1", "2", "3", "4"):
        assert await start_and_kill_a_worker(env, tmp_path) == attempt
        await env.pool.execute("UPDATE jobs SET lease_until = clock_timestamp() WHERE id = $1", job_id)
        assert await store.sweep(env.pool) == ((0, ["webhook-event"]) if attempt == "4" else (1, []))
    row = await env.job(job_id)
    assert (row["state"], row["attempts"], row["event_status"]) == ("dead", 4, "dead")
    assert row["event_error"] == "its worker ended or hung in the middle of try 4"
