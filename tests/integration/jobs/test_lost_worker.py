"""A worker dies in the middle of a job: another runs it, the lost attempt counts, and a job that kills every worker goes dead."""

import os
import subprocess
import sys
import time
from pathlib import Path

from jobs_bench import QUICK, Bench

from askproai_runtime.jobs.store import JobStore
from tests.worlds.waiting import eventually

WORKER = Path(__file__).with_name("worker_process.py")


async def start_and_kill_a_worker(bench: Bench, tmp_path: Path) -> str:
    """Let a process claim the job, kill it with -9, and return the number of the attempt that it reported."""
    report = tmp_path / "attempt"
    report.unlink(missing_ok=True)

    def reported() -> bool:
        assert worker.poll() is None, "the worker ended by itself"
        return report.exists() and bool(report.read_text())

    worker = subprocess.Popen(  # noqa: ASYNC220  it takes no time
        [sys.executable, str(WORKER), bench.dsn, bench.tenant, str(report)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        await eventually(reported, 20, "the worker to claim the job")
    finally:
        worker.kill()
        worker.wait()
    return report.read_text()


async def test_a_killed_workers_job_is_run_once_by_another_and_its_attempt_counts(bench: Bench, tmp_path: Path) -> None:
    job_id = await bench.event("interrupted")
    assert await start_and_kill_a_worker(bench, tmp_path) == "1"
    row = await bench.job(job_id)
    assert (row["state"], row["attempts"], row["event_status"]) == ("running", 1, "processing")
    killed = time.monotonic()
    async with bench.running(), bench.running():
        row = await bench.wait_for(job_id, state="done", event_status="processed")
    # With the real settings: 30 s of lease, and at most 18 s until an idle worker's next poll, which sweeps first.
    assert time.monotonic() - killed < (QUICK.lease + QUICK.renew_every + QUICK.poll * 1.2).total_seconds() + 1
    assert bench.handled == ["interrupted"]
    assert (row["attempts"], row["event_attempts"]) == (2, 2)


async def test_a_job_that_kills_every_worker_goes_dead_after_four_attempts(bench: Bench, tmp_path: Path) -> None:
    """Attempts are counted before the handler runs."""
    job_id = await bench.event("poison")
    store = JobStore(bench.pool, bench.tenant, "sweeper", QUICK)
    for attempt in ("1", "2", "3", "4"):
        assert await start_and_kill_a_worker(bench, tmp_path) == attempt
        await bench.pool.execute("UPDATE jobs SET lease_until = clock_timestamp() WHERE id = $1", job_id)
        assert await store.sweep() == ((0, 1) if attempt == "4" else (1, 0))
    row = await bench.job(job_id)
    assert (row["state"], row["attempts"], row["event_status"]) == ("dead", 4, "dead")
    assert row["event_error"] == "its worker ended or hung in the middle of try 4"
