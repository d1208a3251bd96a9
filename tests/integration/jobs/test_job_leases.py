"""A worker keeps its job while it works, and loses it when it is late; a stop returns the job."""

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from askproai_core.database import open_pool
from askproai_runtime.jobs import Job, StaleClaim, finish
from tests.worlds.job_environment import QUICK, JobEnvironment, claim, store
from tests.worlds.waiting import SOON, stopwatch

# A worker that stood still for two seconds still renews in time.
RENEWED = dataclasses.replace(QUICK, lease=timedelta(seconds=3))


async def test_late_workers_effects_roll_back(env: JobEnvironment) -> None:
    """`claim_no` is the fencing number."""
    job_id = await env.event("contested")
    [late] = await claim(env)
    await env.pool.execute("UPDATE jobs SET lease_until = clock_timestamp() - interval '1 s' WHERE id = $1", job_id)
    assert await store(env).sweep(env.pool) == (1, [])
    [again] = await claim(env)
    assert (again.attempts, late.attempts) == (2, 1)
    async with env.pool.acquire() as connection:
        with pytest.raises(StaleClaim):  # noqa: PT012  effect and end are one transaction
            async with connection.transaction():
                await connection.execute(
                    "INSERT INTO audit_log (tenant, actor, action, correlation_id) VALUES ($1, 'late', 'effect', 'c')",
                    env.tenant,
                )
                await finish(connection, env.tenant, late)
        assert await connection.fetchval("SELECT count(*) FROM audit_log WHERE tenant = $1", env.tenant) == 0
        assert not await store(env).fail(late, "late", None)
        assert await store(env).renew([late]) == [False]
        assert not await store(env).run_again(late, datetime.now(UTC), "too late")
        await finish(connection, env.tenant, again)
        with pytest.raises(StaleClaim):
            await finish(connection, env.tenant, again)
    assert (await env.job(job_id))["event_status"] == "processed"


async def test_long_jobs_lease_is_renewed_for_one_run(env: JobEnvironment) -> None:
    job_id = await env.event("long")

    async def take_long(job: Job) -> None:
        await asyncio.sleep(RENEWED.lease.total_seconds() * 1.4)
        await env.succeed(job)

    async with env.running(take_long, RENEWED), env.running(take_long, RENEWED):
        await env.wait_for(job_id, state="done")
    assert env.handled == ["long"]
    assert (await env.job(job_id))["claim_no"] == 1


@pytest.mark.nightly
async def test_jobs_awaiting_consecutive_locks_keep_their_leases(env: JobEnvironment) -> None:
    """Together they hold the only connection of the handlers for longer than a lease."""
    jobs = [await env.event(f"locked-{number}") for number in range(4)]
    async with open_pool(env.dsn, max_size=1) as pool, open_pool(env.dsn, max_size=1) as lease_pool:
        busy = dataclasses.replace(env, pool=pool, lease_pool=lease_pool)

        async def wait_for_a_lock(job: Job) -> None:
            async with pool.acquire() as connection, connection.transaction():
                await asyncio.sleep(RENEWED.lease.total_seconds() * 0.7)
                await finish(connection, env.tenant, job)

        async with busy.running(wait_for_a_lock, RENEWED):
            await env.wait_for(jobs[-1], state="running")
            async with env.running(settings=RENEWED):  # another worker, whose sweep takes what is not renewed
                rows = [await env.wait_for(job, state="done") for job in jobs]
    assert [(row["attempts"], row["claim_no"]) for row in rows] == [(1, 1)] * 4
    assert env.handled == []


async def test_stop_does_not_wait_for_a_handlers_connection(env: JobEnvironment) -> None:
    """The kubelet kills the worker soon after: it must use its grace period for its jobs."""
    await env.event("slow")
    async with open_pool(env.dsn, max_size=1) as pool, open_pool(env.dsn, max_size=1) as lease_pool:
        busy, holds = dataclasses.replace(env, pool=pool, lease_pool=lease_pool), asyncio.Event()

        async def hold(_job: Job) -> None:
            async with pool.acquire():
                holds.set()
                await asyncio.sleep(SOON)

        async with stopwatch() as seconds:
            async with busy.running(hold) as runner:
                await asyncio.wait_for(holds.wait(), SOON)
                runner.notify()
                await asyncio.sleep(0.1)  # it waits for the connection now
                stopped_at = seconds()
            assert seconds() - stopped_at < 2


async def test_worker_that_lost_its_claim_stops_working(env: JobEnvironment) -> None:
    job_id = await env.event("lost")
    cancelled = asyncio.Event()

    async def work(job: Job) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with env.running(work):
        await env.wait_for(job_id, state="running")
        # Another worker claims it, with a long lease, so that this runner's own sweep leaves it alone.
        await env.pool.execute(
            "UPDATE jobs SET claim_no = claim_no + 1, lease_until = clock_timestamp() + interval '1 h' WHERE id = $1",
            job_id,
        )
        await asyncio.wait_for(cancelled.wait(), SOON)


async def test_shutdown_returns_unfinished_jobs_without_counting_attempts(env: JobEnvironment) -> None:
    slow, quick = await env.event("slow"), await env.event("quick")
    claimed = asyncio.Event()

    async def work(job: Job) -> None:
        claimed.set()
        await asyncio.sleep(60 if job.correlation_id == "slow" else 0.1)
        await env.succeed(job)

    # On a busy machine QUICK's 0.2 s could be too short for the commit of the quick one.
    async with env.running(work, dataclasses.replace(QUICK, grace=timedelta(seconds=1.5))):
        await claimed.wait()
    row = await env.job(slow)
    assert (row["state"], row["attempts"], row["event_status"], row["event_attempts"]) == ("ready", 0, "received", 0)
    assert (await env.job(quick))["state"] == "done"  # it finished within the grace period
