"""The promises of the job queue, with the tenant's own role."""

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from askproai_core.database import Connection, open_pool
from askproai_runtime.jobs import (
    DeadNow,
    Job,
    JobError,
    JobKind,
    JobSettings,
    Priority,
    RunAgain,
    StaleClaim,
    enqueue,
    finish,
    runner,
    snapshot,
)
from askproai_runtime.jobs.store import JobStore
from askproai_sandbox.databases import Database
from tests.worlds.job_environment import QUICK, JobEnvironment
from tests.worlds.waiting import eventually


def store(env: JobEnvironment, worker: str = "one", settings: JobSettings = QUICK) -> JobStore:
    return JobStore(env.pool, env.tenant, worker, settings)


async def claim(env: JobEnvironment, running: Sequence[Job] = (), **settings: object) -> list[Job]:
    async with env.pool.acquire() as connection:
        jobs, _ = await store(env, settings=dataclasses.replace(QUICK, **settings)).claim(connection, running)
    return jobs


async def test_the_most_urgent_runs_first_and_among_equals_the_oldest(env: JobEnvironment) -> None:
    for name in ("maintenance", "low", "default", "high", "critical", "high"):
        await env.event(f"{name}-{len(env.handled)}-{time.monotonic_ns()}", name)
    order = []
    while jobs := await claim(env, slots=1, reserved=0):
        order += [job.priority.value for job in jobs]
    assert order == ["critical", "high", "high", "default", "low", "maintenance"]


async def test_a_statement_that_meets_the_servers_last_words_ends_no_worker(env: JobEnvironment) -> None:
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


async def test_low_priorities_have_slots_that_no_flood_of_urgent_jobs_takes(env: JobEnvironment) -> None:
    for number in range(12):
        await env.event(f"urgent-{number}", "critical")
    await env.event("low", "low")
    await env.event("maintenance", "maintenance")
    jobs = await claim(env)
    assert [job.priority for job in jobs] == [Priority.CRITICAL] * 8 + [Priority.LOW, Priority.MAINTENANCE]
    assert await claim(env, jobs) == []


async def test_urgent_jobs_have_slots_that_no_flood_of_low_ones_takes(env: JobEnvironment) -> None:
    for number in range(12):
        await env.event(f"low-{number}", "low")
    slow = await claim(env)
    assert len(slow) == 8
    await env.event("urgent", "high")
    assert [job.correlation_id for job in await claim(env, slow)] == ["urgent"]


async def test_no_two_workers_claim_the_same_job(env: JobEnvironment) -> None:
    ids = {await env.event(f"event-{number}") for number in range(40)}
    claimed = await asyncio.gather(*(claim(env, reserved=0) for _ in range(6)))
    taken = [job.id for jobs in claimed for job in jobs]
    assert set(taken) == ids
    assert len(taken) == 40


async def test_a_done_job_ends_its_event_in_the_same_transaction(env: JobEnvironment) -> None:
    """The status of the event: received → processing → processed."""
    job_id = await env.event("once")
    assert (await env.job(job_id))["event_status"] == "received"

    async def record_status(job: Job) -> None:
        env.handled.append((await env.job(job_id))["event_status"])
        await env.succeed(job)

    async with env.running(record_status):
        row = await env.wait_for(job_id, state="done", event_status="processed")
    assert env.handled == ["processing", "once"]
    assert (row["attempts"], row["event_attempts"], row["event_error"]) == (1, 1, None)
    assert row["processed_at"] is not None


async def test_one_attempt_and_three_retries_after_10_60_and_300_seconds_then_dead(env: JobEnvironment) -> None:
    """The waits are the real ones; the test only moves `run_at`."""
    job_id = await env.event("fails")

    async def fail(job: Job) -> None:
        env.handled.append(f"attempt {job.attempts}")
        raise ValueError("no such luck")

    async with env.running(fail):
        for attempt, wait in ((1, 10), (2, 60), (3, 300)):
            row = await env.wait_for(job_id, state="ready", attempts=attempt)
            assert wait - 2 < row["due_in"] <= wait
            assert (row["event_status"], row["event_attempts"]) == ("failed", attempt)
            assert row["event_error"] == row["last_error"]
            assert row["last_error"].startswith("ValueError at ")
            await env.make_due(job_id)
        row = await env.wait_for(job_id, state="dead", attempts=4, event_status="dead")
        await env.make_due(job_id)
        await asyncio.sleep(0.5)
    assert env.handled == ["attempt 1", "attempt 2", "attempt 3", "attempt 4"]
    assert row["finished_at"] is not None
    assert env.metrics.dead == 1


async def test_the_error_of_a_failed_attempt_quotes_no_row_and_keeps_our_own_text(env: JobEnvironment) -> None:
    """A driver's message quotes the row that it refused, and rows hold names and phone numbers."""
    quoting, explained = await env.event("quotes"), await env.event("explains")

    class CalendarSaysNo(JobError):
        """One of our own errors."""

    async def fail(job: Job) -> None:
        if job.correlation_id == "explains":
            raise CalendarSaysNo("enter it by hand")
        await env.pool.execute(
            "INSERT INTO customers (tenant, phone) SELECT $1, '+49301' FROM generate_series(1, 2)", env.tenant
        )

    async with env.running(fail):
        row = await env.wait_for(quoting, state="ready", attempts=1)
        own = await env.wait_for(explained, state="ready", attempts=1)
    assert row["last_error"].startswith("UniqueViolationError at ")
    assert "runner.py:" in row["last_error"], "our own line is named, not the driver's alone"
    assert "+49" not in row["last_error"] + row["event_error"]
    assert own["last_error"] == "CalendarSaysNo: enter it by hand"


async def test_claimed_jobs_run_even_when_the_queue_cannot_be_counted(
    env: JobEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A count that times out on a long queue must not leave claimed jobs to their leases."""

    async def too_slow(*_: object) -> None:
        raise asyncpg.QueryCanceledError("canceling statement due to statement timeout")

    monkeypatch.setattr(runner, "snapshot", too_slow)
    job_id = await env.event("counted")
    async with env.running():
        row = await env.wait_for(job_id, 1, state="done")
    assert row["attempts"] == 1


async def test_under_load_one_statement_claims_many_jobs(env: JobEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's pool has one connection: a claim for each freed slot would halve the throughput."""
    claims = 0
    claim_once = JobStore.claim

    async def counted(self: JobStore, connection: Connection, running: Sequence[Job]) -> tuple[list[Job], bool]:
        nonlocal claims
        claims += 1
        return await claim_once(self, connection, running)

    monkeypatch.setattr(JobStore, "claim", counted)
    for number in range(100):
        last = await env.event(f"many-{number}")
    async with open_pool(env.dsn, max_size=1) as pool:
        single = dataclasses.replace(env, pool=pool)

        async def handle(job: Job) -> None:
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute("SELECT 1")
                await finish(connection, env.tenant, job)

        async with single.running(handle):
            await env.wait_for(last, state="done")
    assert claims <= 100 / 5


async def test_dead_now_needs_no_retries_and_keeps_its_reason(env: JobEnvironment) -> None:
    job_id = await env.event("stranger")

    async def refuse(job: Job) -> None:
        raise DeadNow("unroutable")

    async with env.running(refuse):
        row = await env.wait_for(job_id, state="dead", attempts=1)
    assert (row["event_status"], row["event_error"]) == ("dead", "unroutable")
    assert env.metrics.dead == 1


async def test_run_again_waits_without_using_up_an_attempt(env: JobEnvironment) -> None:
    job_id = await env.event("early")

    async def postpone(job: Job) -> None:
        raise RunAgain(datetime.now(UTC) + timedelta(hours=1), "the provider needs quiet")

    async with env.running(postpone):
        row = await env.wait_for(job_id, state="ready", claim_no=1)
    assert (row["attempts"], row["event_attempts"], row["event_status"]) == (0, 0, "received")
    assert 3500 < row["due_in"] <= 3600


def raise_sqlstate(env: JobEnvironment, state: str) -> Callable[[Job], Awaitable[None]]:
    async def handle(_job: Job) -> None:
        await env.pool.execute(f"DO $$ BEGIN RAISE EXCEPTION 'Erika' USING ERRCODE = '{state}'; END $$")

    return handle


@pytest.mark.parametrize("state", ["57P01", "57P02", "57P03", "57014", "55P03", "40001", "40P01"])
async def test_a_slow_or_restarting_database_uses_up_no_attempt(env: JobEnvironment, state: str) -> None:
    job_id = await env.event("innocent")
    async with env.running(raise_sqlstate(env, state)):
        row = await env.wait_for(job_id, state="ready", claim_no=1)
    assert (row["attempts"], row["event_attempts"], row["event_status"]) == (0, 0, "received")
    assert 8 < row["due_in"] <= 10
    assert row["last_error"].startswith(f"{type(asyncpg.PostgresError.new({'C': state})).__name__} at ")


@pytest.mark.parametrize(("state", "age"), [("22012", "0 s"), ("57014", "61 minutes")])
async def test_another_database_error_and_one_that_does_not_end_count(
    env: JobEnvironment, module_database: Database, state: str, age: str
) -> None:
    """Else a job whose statement is always too slow would never become a dead letter, and nobody would look at it."""
    job_id = await env.event("guilty")
    admin = await asyncpg.connect(module_database.superuser_dsn)
    await admin.execute(
        "UPDATE jobs SET created_at = clock_timestamp() - $2::text::interval WHERE id = $1", job_id, age
    )
    await admin.close()
    async with env.running(raise_sqlstate(env, state)):
        row = await env.wait_for(job_id, state="ready", claim_no=1)
    assert (row["attempts"], row["event_status"]) == (1, "failed")


async def test_an_attempt_that_takes_too_long_is_cancelled_and_fails(env: JobEnvironment) -> None:
    job_id = await env.event("slow")

    async def hang(job: Job) -> None:
        await asyncio.Event().wait()

    async with env.running(hang, dataclasses.replace(QUICK, timeout=timedelta(seconds=0.3))):
        row = await env.wait_for(job_id, state="ready", attempts=1)
    assert row["last_error"] == "TooLong: not done after 0.3 s"


async def test_a_handler_that_forgets_to_finish_has_not_succeeded(env: JobEnvironment) -> None:
    job_id = await env.event("forgetful")

    async def forget(job: Job) -> None:
        return None

    async with env.running(forget):
        row = await env.wait_for(job_id, state="ready", attempts=1)
    assert row["last_error"].startswith("FinishForgotten")


async def test_a_worker_that_finishes_late_is_refused_and_its_effects_roll_back(env: JobEnvironment) -> None:
    """`claim_no` is the fencing number."""
    job_id = await env.event("contested")
    [late] = await claim(env)
    await env.pool.execute("UPDATE jobs SET lease_until = clock_timestamp() - interval '1 s' WHERE id = $1", job_id)
    assert await store(env).sweep(env.pool) == (1, 0)
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
        assert await store(env).renew([late]) == set()
        assert not await store(env).run_again(late, datetime.now(UTC), "too late")
        await finish(connection, env.tenant, again)
        with pytest.raises(StaleClaim):
            await finish(connection, env.tenant, again)
    assert (await env.job(job_id))["event_status"] == "processed"


async def test_the_lease_of_a_long_job_is_renewed_and_the_job_runs_once(env: JobEnvironment) -> None:
    job_id = await env.event("long")

    async def take_long(job: Job) -> None:
        await asyncio.sleep(QUICK.lease.total_seconds() * 2)
        await env.succeed(job)

    async with env.running(take_long), env.running(take_long):
        await env.wait_for(job_id, state="done")
    assert env.handled == ["long"]
    assert (await env.job(job_id))["claim_no"] == 1


async def test_jobs_that_wait_for_locks_one_after_the_other_keep_their_leases(env: JobEnvironment) -> None:
    """Together they hold the only connection of the handlers for longer than a lease."""
    jobs = [await env.event(f"locked-{number}") for number in range(4)]
    async with open_pool(env.dsn, max_size=1) as pool, open_pool(env.dsn, max_size=1) as lease_pool:
        busy = dataclasses.replace(env, pool=pool, lease_pool=lease_pool)

        async def wait_for_a_lock(job: Job) -> None:
            async with pool.acquire() as connection, connection.transaction():
                await asyncio.sleep(QUICK.lease.total_seconds() * 0.7)
                await finish(connection, env.tenant, job)

        async with busy.running(wait_for_a_lock):
            await env.wait_for(jobs[-1], state="running")
            async with env.running():  # another worker, whose sweep takes what is not renewed
                rows = [await env.wait_for(job, state="done") for job in jobs]
    assert [(row["attempts"], row["claim_no"]) for row in rows] == [(1, 1)] * 4
    assert env.handled == []


async def test_a_stop_does_not_wait_for_the_connection_that_a_handler_holds(env: JobEnvironment) -> None:
    """The kubelet kills the worker soon after: it must use its grace period for its jobs."""
    await env.event("slow")
    async with open_pool(env.dsn, max_size=1) as pool, open_pool(env.dsn, max_size=1) as lease_pool:
        busy, holds = dataclasses.replace(env, pool=pool, lease_pool=lease_pool), asyncio.Event()

        async def hold(_job: Job) -> None:
            async with pool.acquire():
                holds.set()
                await asyncio.sleep(5)

        async with busy.running(hold) as runner:
            await asyncio.wait_for(holds.wait(), 5)
            runner.notify()
            await asyncio.sleep(0.1)  # it waits for the connection now
            stopped_at = time.monotonic()
        assert time.monotonic() - stopped_at < 2


async def test_a_worker_that_lost_its_claim_stops_working_on_it(env: JobEnvironment) -> None:
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
        await asyncio.wait_for(cancelled.wait(), 5)


async def test_at_shutdown_unfinished_jobs_are_put_back_and_the_attempt_does_not_count(env: JobEnvironment) -> None:
    slow, quick = await env.event("slow"), await env.event("quick")
    claimed = asyncio.Event()

    async def work(job: Job) -> None:
        claimed.set()
        await asyncio.sleep(60 if job.correlation_id == "slow" else 0.1)
        await env.succeed(job)

    async with env.running(work):
        await claimed.wait()
    row = await env.job(slow)
    assert (row["state"], row["attempts"], row["event_status"], row["event_attempts"]) == ("ready", 0, "received", 0)
    assert (await env.job(quick))["state"] == "done"  # it finished within the grace period


async def test_a_notification_starts_a_job_at_once(env: JobEnvironment) -> None:
    """The promise: an idle worker starts a job within 250 ms of its commit, at p95."""
    started: asyncio.Queue[float] = asyncio.Queue()

    async def record_start(job: Job) -> None:
        started.put_nowait(time.monotonic())
        await env.succeed(job)

    delays = []
    idle = dataclasses.replace(QUICK, poll=timedelta(seconds=60), poll_busy=timedelta(seconds=60))
    async with env.running(record_start, idle) as runner:
        for number in range(20):
            await env.event(f"notified-{number}")
            committed = time.monotonic()
            runner.notify()
            delays.append(await asyncio.wait_for(started.get(), 5) - committed)
    assert sorted(delays)[18] < 0.25, delays


async def test_a_queue_longer_than_the_slots_is_drained_without_waiting_for_polls(env: JobEnvironment) -> None:
    for number in range(60):
        last = await env.event(f"many-{number}")
    idle = dataclasses.replace(QUICK, slots=4, reserved=2, poll=timedelta(seconds=60), poll_busy=timedelta(seconds=60))
    async with env.running(settings=idle):
        await env.wait_for(last, state="done")
    assert len(env.handled) == len(set(env.handled)) == 60


async def test_a_restarted_database_is_waited_for(env: JobEnvironment) -> None:
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


async def test_a_snapshot_counts_the_waiting_jobs(env: JobEnvironment) -> None:
    await env.event("waits", "low")
    await env.event("waits, too", "low")
    [low] = await snapshot(env.pool, env.tenant)
    assert low[:3] == ("low", "ready", 2)
    assert low.oldest_seconds is not None
    assert 0 <= low.oldest_seconds < 5


async def test_a_kind_of_a_later_release_waits_for_it_and_stops_nothing(
    env: JobEnvironment, module_database: Database
) -> None:
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


async def test_an_event_or_appointment_has_one_live_job(env: JobEnvironment) -> None:
    async with env.pool.acquire() as connection:
        appointment = await connection.fetchval(
            """INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, correlation_id)
               VALUES ($1, 'mitte', 'schnitt', 'anna', now(), now() + interval '1 h', 'pending_sync', 'c') RETURNING id""",
            env.tenant,
        )
        for _ in range(2):
            await enqueue(
                connection, env.tenant, JobKind.CALENDAR_SYNC, Priority.LOW,
                correlation_id="c", appointment_id=appointment, run_at=datetime.now(UTC),
            )  # fmt: skip
        [job] = await claim(env)
        assert (job.kind, job.appointment_id, job.event_id) == (JobKind.CALENDAR_SYNC, appointment, None)
        await finish(connection, env.tenant, job)
        await enqueue(
            connection,
            env.tenant,
            JobKind.CALENDAR_SYNC,
            Priority.LOW,
            correlation_id="c",
            appointment_id=appointment,
        )
        assert len(await claim(env)) == 1


async def test_the_claim_reads_only_its_own_index(env: JobEnvironment, module_database) -> None:
    """Row security must not turn the claim into a scan of all tenants' jobs."""
    admin = await asyncpg.connect(module_database.superuser_dsn)
    await admin.execute(
        """WITH stored AS (INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id)
               SELECT $1, 'retell', 'bulk' || n, 'call_started', '{}', 'c' FROM generate_series(1, 3000) n RETURNING id)
           INSERT INTO jobs (tenant, kind, priority, event_id, correlation_id, state)
           SELECT $1, 'webhook-event', 'high', id, 'c', CASE WHEN id % 10 = 0 THEN 'ready' ELSE 'done' END FROM stored""",
        env.tenant,
    )
    await admin.execute("ANALYZE jobs")
    await admin.close()
    plan = "\n".join(
        row[0]
        for row in await env.pool.fetch(
            f"""EXPLAIN SELECT j.id FROM jobs j WHERE j.tenant = '{env.tenant}' AND j.state = 'ready'
                AND j.priority = 'high' AND j.run_at <= now() ORDER BY j.run_at, j.id LIMIT 8 FOR UPDATE SKIP LOCKED"""
        )
    )
    assert "Index Scan using jobs_ready" in plan, plan
    assert "Seq Scan on jobs" not in plan, plan
    assert "Sort" not in plan, plan
