"""Workers begin a job at once, outlive a restart of the database and a later release, and report what waits."""

import asyncio
import dataclasses
from datetime import timedelta

import asyncpg

from askproai_runtime.jobs import Job, snapshot
from tests.worlds.databases import Database
from tests.worlds.job_environment import QUICK, JobEnvironment
from tests.worlds.waiting import SOON, eventually, stopwatch

HOUR = timedelta(hours=1)


async def test_statement_during_a_server_shutdown_ends_no_worker(env: JobEnvironment) -> None:
    """A server that shuts down sends its reason on every connection. A statement begun between that and the end of the connection
    fails with asyncpg's InternalClientError, which is no PostgresError.
    """
    await env.event("while the server restarts")
    async with env.pool.acquire() as connection:
        raw = connection._con
    fields = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
    raw._protocol.data_received(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
    asyncio.get_running_loop().call_later(0.5, raw.terminate)  # as the server closes it a moment later
    async with env.running():
        await eventually(lambda: env.handled == ["while the server restarts"])


async def test_a_notification_starts_a_job_at_once(env: JobEnvironment) -> None:
    """The promise: an idle worker starts a job within 250 ms of its commit, at p95."""
    started: asyncio.Queue[float] = asyncio.Queue()

    async def record_start(job: Job) -> None:
        started.put_nowait(seconds())
        await env.succeed(job)

    delays = []
    idle = dataclasses.replace(QUICK, poll=HOUR, poll_busy=HOUR)
    async with stopwatch() as seconds, env.running(record_start, idle) as runner:
        for number in range(20):
            await env.event(f"notified-{number}")
            committed = seconds()
            runner.notify()
            delays.append(await asyncio.wait_for(started.get(), SOON) - committed)
    assert sorted(delays)[18] < 0.25, delays


async def test_queue_longer_than_slots_drains_without_polls(env: JobEnvironment) -> None:
    for number in range(60):
        last = await env.event(f"many-{number}")
    idle = dataclasses.replace(QUICK, slots=4, reserved=2, poll=HOUR, poll_busy=HOUR)
    async with env.running(settings=idle):
        await env.wait_for(last, state="done")
    assert len(env.handled) == len(set(env.handled)) == 60


async def test_worker_waits_for_a_restarted_database(env: JobEnvironment) -> None:
    """Connections are terminated under the runner; it goes on by itself."""
    first, second = await env.event("before"), 0
    async with env.running():
        await env.wait_for(first, state="done")
        await env.pool.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE usename = current_user AND pid <> pg_backend_pid()"""
        )
        second = await env.event("after")
        await env.wait_for(second, state="done")


async def test_queue_snapshot_counts_the_waiting_jobs(env: JobEnvironment) -> None:
    await env.event("waits", "low")
    await env.event("waits, too", "low")
    [low] = await snapshot(env.pool, env.tenant)
    assert low[:3] == ("low", "ready", 2)
    assert low.oldest_seconds is not None
    assert 0 <= low.oldest_seconds < SOON


async def test_job_of_a_later_releases_kind_stays_ready(env: JobEnvironment, module_database: Database) -> None:
    """After a rollback: the schema and its rows are those of the later release."""
    admin = await asyncpg.connect(module_database.superuser_dsn)
    definition = await admin.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'jobs_kind_check'"
    )
    await admin.execute("ALTER TABLE jobs DROP CONSTRAINT jobs_kind_check")
    try:
        later = await admin.fetchval(
            "INSERT INTO jobs (tenant, kind, priority, correlation_id) VALUES ($1, 'reminder', 'critical', 'later') RETURNING id",
            env.tenant,
        )  # fmt: skip
        known = await env.event("known")
        async with env.running():
            await env.wait_for(known, state="done")
            await env.wait_for(await env.event("next"), state="done")
        row = await admin.fetchrow("SELECT state, attempts FROM jobs WHERE id = $1", later)
        assert tuple(row) == ("ready", 0)
    finally:
        await admin.execute("DELETE FROM jobs WHERE kind = 'reminder'")
        await admin.execute(f"ALTER TABLE jobs ADD CONSTRAINT jobs_kind_check {definition}")
        await admin.close()
