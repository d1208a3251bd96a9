"""After a worker dies in a job, another one runs it. The lost attempt counts, and a job that kills every worker goes dead."""

from pathlib import Path

import pytest

from askproai_runtime.jobs.store import JobStore
from tests.worlds.job_environment import QUICK, JobEnvironment
from tests.worlds.killed_worker import start_and_kill
from tests.worlds.waiting import stopwatch

pytestmark = pytest.mark.processes


async def start_and_kill_a_worker(env: JobEnvironment, tmp_path: Path) -> str:
    """Let a process claim the job, kill it, and return the number of the attempt that it reported."""
    return await start_and_kill("tests.integration.jobs.worker_process", env.dsn, env.tenant, tmp_path / "attempt")


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
