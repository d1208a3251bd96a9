"""Events that nobody is at are armed again, by the contract's rule (§3), and never one that somebody is at."""

import pytest
from coordinator_world import World

from askproai_core.database import open_pool
from askproai_runtime.coordinator.events import rearm_events
from askproai_runtime.jobs import Job, JobKind, Priority, StaleClaim, finish


@pytest.mark.parametrize(
    ("status", "job", "lease"),
    [("processing", "running", "10 minutes"), ("failed", "dead", None), ("received", "done", None)],
)
async def test_an_event_without_a_live_job_is_armed_again_once(world: World, status, job, lease):
    salon = await world.database.create_tenant("salon")
    event = await world.event(salon, "stuck", status=status, job=job, lease=lease)
    assert await rearm_events(world.desk) == 1
    row = await world.job(event)
    assert (row["state"], row["claim_no"], row["attempts"]) == ("ready", 2, 1)
    assert (row["lease_until"], row["worker"], row["finished_at"]) == (None, None, None)
    assert await rearm_events(world.desk) == 0


async def test_an_event_that_has_no_job_gets_one(world: World):
    salon = await world.database.create_tenant("salon")
    event = await world.event(salon, "bare", job=None)
    assert await rearm_events(world.desk) == 1
    row = await world.job(event)
    assert (row["state"], row["priority"], row["attempts"], row["correlation_id"]) == ("ready", "critical", 0, "bare")


@pytest.mark.parametrize(
    ("status", "job", "lease", "age"),
    [
        ("received", "ready", None, "1 hour"),  # its retry may be due in five minutes
        ("processing", "running", "-10 seconds", "1 hour"),  # a worker has it
        ("processing", "running", "1 minute", "1 hour"),  # the tenant's workers take it over by themselves
        ("processed", "done", None, "1 hour"),
        ("dead", "dead", None, "1 hour"),  # a dead letter waits for a person
        ("received", None, None, "1 minute"),
    ],
)
async def test_what_is_alive_decided_or_young_stays_as_it_is(world: World, status, job, lease, age):
    salon = await world.database.create_tenant("salon")
    event = await world.event(salon, "fine", status=status, job=job, lease=lease, age=age)
    before = await world.job(event)
    assert await rearm_events(world.desk) == 0
    assert await world.job(event) == before


async def test_a_calendar_sync_whose_worker_is_lost_goes_on_and_a_done_one_does_not(world: World):
    salon = await world.database.create_tenant("salon")
    for day, (state, lease) in enumerate([("running", "10 minutes"), ("done", None)], start=1):
        made = await world.appointment(salon, status="pending_sync", day=day)
        await world.su.execute(
            """INSERT INTO jobs (tenant, kind, priority, state, lease_until, appointment_id, correlation_id)
               VALUES ($1, 'calendar-sync', 'high', $2, clock_timestamp() - $3::text::interval, $4, 'c')""",
            salon.tenant, state, lease, made,
        )  # fmt: skip
    assert await rearm_events(world.desk) == 1
    assert [row["state"] for row in await world.rows("SELECT state FROM jobs ORDER BY id")] == ["ready", "done"]


async def test_a_worker_that_comes_back_late_can_not_finish_what_was_armed_again(world: World):
    salon = await world.database.create_tenant("salon")
    event = await world.event(salon, "slow", status="processing", job="running", lease="10 minutes")
    row = await world.job(event)
    late = Job(row["id"], JobKind.WEBHOOK_EVENT, Priority.CRITICAL, 1, row["claim_no"], event, None, "c")
    await rearm_events(world.desk)
    async with open_pool(salon.dsn, max_size=1) as pool, pool.acquire() as connection:
        with pytest.raises(StaleClaim):
            await finish(connection, salon.tenant, late)


async def test_a_job_that_a_worker_is_finishing_at_this_moment_is_not_waited_for(world: World):
    salon = await world.database.create_tenant("salon")
    event = await world.event(salon, "ending", status="processing", job="running", lease="10 minutes")
    async with world.su.transaction():
        await world.su.execute("UPDATE jobs SET state = 'done' WHERE event_id = $1", event)
        assert await rearm_events(world.desk) == 0
