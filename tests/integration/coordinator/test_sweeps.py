"""Expired holds and slot locks without an expiry go; appointments, and rows that somebody has locked, stay."""

from datetime import timedelta

from coordinator_world import World

from askproai_runtime.coordinator import maintenance
from askproai_runtime.coordinator.maintenance import sweep_holds, sweep_slot_locks, update_counts

AGO, SOON = timedelta(seconds=-1), timedelta(seconds=90)


async def test_expired_holds_of_all_tenants_go_and_nothing_else(world: World):
    salon, praxis = await world.database.create_tenant("salon"), await world.database.create_tenant("praxis")
    await world.appointment(salon, expires=AGO)
    await world.appointment(praxis, expires=AGO, day=2)
    live = await world.appointment(salon, expires=SOON, day=3)
    booked = await world.appointment(salon, status="confirmed", day=4)
    assert await sweep_holds(world.context) == 2
    remaining = await world.rows("SELECT a.id FROM appointments a JOIN claims c ON c.appointment_id = a.id")
    assert {row["id"] for row in remaining} == {live, booked}
    assert await world.rows("SELECT count(*) AS n FROM claims") == [{"n": 2}]
    assert await sweep_holds(world.context) == 0


async def test_more_holds_than_one_batch_go_in_one_run(world: World, monkeypatch):
    monkeypatch.setattr(maintenance, "BATCH", 2)
    salon = await world.database.create_tenant("salon")
    for day in range(1, 8):
        await world.appointment(salon, expires=AGO, day=day)
    assert await sweep_holds(world.context) == 7


async def test_a_hold_of_a_resource_that_a_booking_has_locked_is_left_for_the_next_run(world: World):
    """A sweep that never waits cannot deadlock with bookings."""
    salon = await world.database.create_tenant("salon")
    await world.appointment(salon, expires=AGO, unit=0)
    await world.appointment(salon, expires=AGO, unit=1)
    async with world.superuser.transaction():
        await world.superuser.execute("SELECT 1 FROM resources WHERE id = $1 FOR UPDATE", min(salon.resources.values()))
        assert await sweep_holds(world.context) == 1
    assert await sweep_holds(world.context) == 1


async def test_a_hold_that_another_transaction_is_deleting_is_not_waited_for(world: World):
    salon = await world.database.create_tenant("salon")
    await world.appointment(salon, expires=AGO)
    async with world.superuser.transaction():
        await world.superuser.execute("DELETE FROM appointments")
        assert await sweep_holds(world.context) == 0


async def test_only_a_slot_lock_without_an_expiry_gets_one(redis_world: World, own_valkey):
    async with own_valkey.admin() as admin:
        await admin.set("askproai:a.a:slot:mitte:1", "token")
        await admin.set("askproai:a.a:slot:mitte:2", "token", px=5_000)
        await admin.set("askproai:a.a:rate:x", "1")
        assert await sweep_slot_locks(redis_world.context) == 1
        assert 0 < await admin.pttl("askproai:a.a:slot:mitte:1") <= 60_000
        assert await admin.pttl("askproai:a.a:slot:mitte:2") <= 5_000
        assert await admin.pttl("askproai:a.a:rate:x") == -1
        assert await admin.get("askproai:_:fence") == "1"


async def test_dead_letters_the_oldest_job_and_double_bookings_are_counted(world: World):
    salon = await world.database.create_tenant("salon")
    await world.database.create_tenant("quiet")
    await world.event(salon, "e1", status="dead", job="dead")
    await world.event(salon, "e2", age="10 minutes")
    await world.superuser.execute(
        "UPDATE jobs SET run_at = clock_timestamp() - interval '10 minutes' WHERE state = 'ready'"
    )
    await world.appointment(salon, status="confirmed")
    await update_counts(world.context)
    assert world.metric("dead_letters") == {'{"tenant": "quiet.quiet"}': 0, '{"tenant": "salon.salon"}': 1}
    assert set(world.metric("double_bookings").values()) == {0}
    ((_, oldest),) = world.metric("queue_oldest_seconds").items()
    assert 600 <= oldest < 660

    # Cannot happen while the constraint exists: the audit does not rely on it.
    await world.superuser.execute("ALTER TABLE claims DROP CONSTRAINT claims_no_overlap")
    await world.appointment(salon, status="confirmed")
    await update_counts(world.context)
    assert world.metric("double_bookings")['{"tenant": "salon.salon"}'] == 1
    assert world.metric("double_bookings")['{"tenant": "quiet.quiet"}'] == 0
