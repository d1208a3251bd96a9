"""The jobs that a worker claims, and their order; no two workers have the same one."""

import asyncio
import dataclasses
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import asyncpg
import pytest

from askproai_core.database import Connection, open_pool
from askproai_runtime.jobs import Job, JobKind, Priority, enqueue, finish, runner
from askproai_runtime.jobs.store import JobStore
from tests.worlds.job_environment import JobEnvironment, claim


async def test_most_urgent_and_then_oldest_job_runs_first(env: JobEnvironment) -> None:
    for name in ("maintenance", "low", "default", "high", "critical", "high"):
        await env.event(f"{name}-{len(env.handled)}-{time.monotonic_ns()}", name)
    order = []
    while jobs := await claim(env, slots=1, reserved=0):
        order += [job.priority.value for job in jobs]
    assert order == ["critical", "high", "high", "default", "low", "maintenance"]


async def test_low_priorities_keep_slots_despite_urgent_floods(env: JobEnvironment) -> None:
    for number in range(12):
        await env.event(f"urgent-{number}", "critical")
    await env.event("low", "low")
    await env.event("maintenance", "maintenance")
    jobs = await claim(env)
    assert [job.priority for job in jobs] == [Priority.CRITICAL] * 8 + [Priority.LOW, Priority.MAINTENANCE]
    assert await claim(env, jobs) == []


async def test_urgent_jobs_keep_slots_despite_low_floods(env: JobEnvironment) -> None:
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


async def test_claimed_jobs_run_although_counting_fails(env: JobEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    """A count that times out on a long queue must not leave claimed jobs to their leases."""

    async def too_slow(*_: object) -> None:
        raise asyncpg.QueryCanceledError("canceling statement due to statement timeout")

    monkeypatch.setattr(runner, "snapshot", too_slow)
    job_id = await env.event("counted")
    async with env.running():
        row = await env.wait_for(job_id, state="done")
    assert (row["attempts"], row["claim_no"]) == (1, 1)


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
            connection, env.tenant, JobKind.CALENDAR_SYNC, Priority.LOW, correlation_id="c", appointment_id=appointment
        )
        assert len(await claim(env)) == 1


async def test_job_claim_uses_the_index_of_ready_jobs(env: JobEnvironment, module_database) -> None:
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
