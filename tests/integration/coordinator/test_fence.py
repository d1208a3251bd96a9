"""A leader that was deposed and wakes changes nothing: neither in Redis, by its term, nor in the tables, by its Lease."""

from datetime import timedelta

import pytest
from coordinator_world import World

from askproai_core.kube import NotLeader
from askproai_runtime.coordinator.duty import Duty, perform
from askproai_runtime.coordinator.fence import FencedRedis
from askproai_runtime.coordinator.holds import sweep_holds
from askproai_runtime.coordinator.process import duties

KEY, AGO = "askproai:_:circuit:retell", timedelta(seconds=-1)


async def test_a_write_with_a_lower_term_than_the_last_is_refused_whole(redis_world: World, own_valkey):
    shared = redis_world.desk.redis._shared
    old, new = FencedRedis(shared, lambda: 7), FencedRedis(shared, lambda: 8)
    await old.write(KEY, ("HSET", "state", "open"), ("PEXPIRE", "60000"))
    await new.write(KEY, ("HSET", "state", "half_open"))
    with pytest.raises(NotLeader, match="term 7"):
        await old.write(KEY, ("HSET", "state", "open"), ("PEXPIRE", "1"))
    with pytest.raises(NotLeader):
        await old.write("askproai:_:other", ("SET", "x"))
    async with own_valkey.admin() as redis:
        assert await redis.hgetall(KEY) == {"state": "half_open"}
        assert await redis.pttl(KEY) > 1_000
        assert await redis.exists("askproai:_:other") == 0
        assert await redis.get("askproai:_:fence") == "8"
    await new.write(KEY, ("DEL",))
    assert await new.hash(KEY) == {}


async def test_the_fence_is_compared_as_a_number(redis_world: World):
    shared = redis_world.desk.redis._shared
    await FencedRedis(shared, lambda: 9).write(KEY, ("HSET", "a", "1"))
    await FencedRedis(shared, lambda: 10).write(KEY, ("HSET", "a", "2"))
    with pytest.raises(NotLeader):
        await FencedRedis(shared, lambda: 9).write(KEY, ("HSET", "a", "3"))


async def test_who_is_not_surely_leading_touches_no_row(redis_world: World, own_valkey):
    world = redis_world
    salon = await world.database.create_tenant("salon")
    await world.appointment(salon, expires=AGO)
    await world.event(salon, "stuck", status="failed", job="dead")
    async with own_valkey.admin() as redis:
        await redis.set("askproai:a.a:slot:x", "for ever")
        world.term.ours = False
        for duty in duties(world.desk.settings):
            await perform(duty, world.desk)
        assert await redis.pttl("askproai:a.a:slot:x") == -1
    assert await world.rows("SELECT status FROM appointments") == [{"status": "held"}]
    assert await world.rows("SELECT state FROM jobs") == [{"state": "dead"}]
    assert all(labels.count("not_leader") for labels in world.metric("duty_runs_total"))
    assert sum(world.metric("duty_runs_total").values()) == len(duties(world.desk.settings))


async def test_a_lease_lost_between_two_batches_stops_the_second(world: World, monkeypatch):
    monkeypatch.setattr("askproai_runtime.coordinator.holds.BATCH", 1)
    salon = await world.database.create_tenant("salon")
    for unit in (0, 1):
        await world.appointment(salon, expires=AGO, unit=unit)
    real, looks = world.desk.fence, []

    def twice() -> None:
        looks.append(1)
        if len(looks) > 1:
            world.term.ours = False
        real()

    object.__setattr__(world.desk, "fence", twice)
    with pytest.raises(NotLeader):
        await sweep_holds(world.desk)
    assert len(await world.rows("SELECT 1 FROM appointments")) == 1


async def test_a_duty_that_fails_is_counted_and_the_others_go_on(world: World):
    async def broken(_desk: object) -> int:
        raise ValueError("Erika Mustermann, +4915112345678")

    salon = await world.database.create_tenant("salon")
    await world.appointment(salon, expires=AGO)
    every = duties(world.desk.settings)[0].every
    await perform(Duty("broken", every, broken), world.desk)
    await perform(Duty("holds", every, sweep_holds), world.desk)
    runs = world.metric("duty_runs_total")
    assert runs['{"duty": "broken", "outcome": "failed"}'] == 1
    assert runs['{"duty": "holds", "outcome": "ok"}'] == 1
    assert world.metric("duty_changes_total")['{"duty": "holds"}'] == 1


async def test_redis_killed_leaves_the_duties_on_the_tables_at_work(redis_world: World, own_valkey):
    salon = await redis_world.database.create_tenant("salon")
    await redis_world.appointment(salon, expires=AGO)
    await own_valkey.kill()
    for duty in duties(redis_world.desk.settings):
        await perform(duty, redis_world.desk)
    outcomes = dict.fromkeys(("holds", "events", "counts", "retention"), "ok") | dict.fromkeys(
        ("locks", "circuits"), "away"
    )
    assert set(redis_world.metric("duty_runs_total")) == {
        f'{{"duty": "{duty}", "outcome": "{outcome}"}}' for duty, outcome in outcomes.items()
    }
    assert await redis_world.rows("SELECT 1 FROM appointments") == []
