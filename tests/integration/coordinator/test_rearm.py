"""Events without a live job are re-armed, and never one that a worker has."""

import pytest

from askproai_core.database import open_pool
from askproai_runtime.coordinator.maintenance import rearm_events
from askproai_runtime.jobs import Job, JobKind, Priority, StaleClaim, finish
from tests.worlds.coordinator_environment import CoordinatorEnvironment

WITHOUT_A_LIVE_JOB = (("processing", "running", "10 minutes"), ("failed", "dead", None), ("received", "done", None))


async def test_event_without_a_live_job_is_rearmed_once(env: CoordinatorEnvironment):
    salon = await env.database.create_tenant("salon")
    events = []
    for status, job, lease in WITHOUT_A_LIVE_JOB:
        events.append(await env.event(salon, f"stuck-{status}", status=status, job=job, lease=lease))
    assert await rearm_events(env.context) == len(events)
    for event, case in zip(events, WITHOUT_A_LIVE_JOB, strict=True):
        row = await env.job(event)
        assert (row["state"], row["claim_no"], row["attempts"]) == ("ready", 2, 1), case
        assert (row["lease_until"], row["worker"], row["finished_at"]) == (None, None, None), case
    assert await rearm_events(env.context) == 0


async def test_event_without_a_job_gets_a_new_job(env: CoordinatorEnvironment):
    salon = await env.database.create_tenant("salon")
    event = await env.event(salon, "bare", job=None)
    assert await rearm_events(env.context) == 1
    row = await env.job(event)
    assert (row["state"], row["priority"], row["attempts"], row["correlation_id"]) == ("ready", "critical", 0, "bare")


LEFT_ALONE = (
    ("received", "ready", None, "1 hour"),  # its retry may be due in five minutes
    ("processing", "running", "-10 seconds", "1 hour"),  # a worker has it
    ("processing", "running", "1 minute", "1 hour"),  # the tenant's workers take it over by themselves
    ("processed", "done", None, "1 hour"),
    ("dead", "dead", None, "1 hour"),  # a dead letter waits for a person
    ("received", None, None, "1 minute"),
)


async def test_rearming_spares_live_finished_and_recent_events(env: CoordinatorEnvironment):
    salon = await env.database.create_tenant("salon")
    events = [
        await env.event(salon, f"fine-{number}", status=status, job=job, lease=lease, age=age)
        for number, (status, job, lease, age) in enumerate(LEFT_ALONE)
    ]
    before = [await env.job(event) for event in events]
    assert await rearm_events(env.context) == 0
    assert [await env.job(event) for event in events] == before


async def test_only_an_unfinished_lost_calendar_sync_continues(env: CoordinatorEnvironment):
    salon = await env.database.create_tenant("salon")
    for day, (state, lease) in enumerate([("running", "10 minutes"), ("done", None)], start=1):
        appointment_id = await env.appointment(salon, status="pending_sync", day=day)
        await env.superuser.execute(
            """INSERT INTO jobs (tenant, kind, priority, state, lease_until, appointment_id, correlation_id)
               VALUES ($1, 'calendar-sync', 'high', $2, clock_timestamp() - $3::text::interval, $4, 'c')""",
            salon.tenant, state, lease, appointment_id,
        )  # fmt: skip
    assert await rearm_events(env.context) == 1
    assert [row["state"] for row in await env.rows("SELECT state FROM jobs ORDER BY id")] == ["ready", "done"]


async def test_late_worker_cannot_finish_a_rearmed_job(env: CoordinatorEnvironment):
    salon = await env.database.create_tenant("salon")
    event = await env.event(salon, "slow", status="processing", job="running", lease="10 minutes")
    row = await env.job(event)
    late = Job(row["id"], JobKind.WEBHOOK_EVENT, Priority.CRITICAL, 1, row["claim_no"], event, None, "c")
    await rearm_events(env.context)
    async with open_pool(salon.dsn, max_size=1) as pool, pool.acquire() as connection:
        with pytest.raises(StaleClaim):
            await finish(connection, salon.tenant, late)


async def test_coordinator_does_not_wait_for_a_finishing_job(env: CoordinatorEnvironment):
    salon = await env.database.create_tenant("salon")
    event = await env.event(salon, "ending", status="processing", job="running", lease="10 minutes")
    async with env.superuser.transaction():
        await env.superuser.execute("UPDATE jobs SET state = 'done' WHERE event_id = $1", event)
        assert await rearm_events(env.context) == 0
