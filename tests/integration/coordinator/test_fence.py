"""A deposed leader that wakes changes nothing: neither in Redis, because of its term, nor in the tables, because of its Lease."""

from datetime import timedelta

import pytest
from coordinator_world import World

from askproai_core.kube import NotLeader
from askproai_runtime.coordinator.fenced_redis import FencedRedis
from askproai_runtime.coordinator.maintenance import sweep_holds
from askproai_runtime.coordinator.periodic_task import PeriodicTask, run_once
from askproai_runtime.coordinator.process import periodic_tasks

KEY, AGO = "askproai:_:circuit:retell", timedelta(seconds=-1)


async def test_a_write_with_a_lower_term_than_the_last_is_refused_whole(redis_world: World, own_valkey):
    shared = redis_world.context.redis._shared
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
    shared = redis_world.context.redis._shared
    await FencedRedis(shared, lambda: 9).write(KEY, ("HSET", "a", "1"))
    await FencedRedis(shared, lambda: 10).write(KEY, ("HSET", "a", "2"))
    with pytest.raises(NotLeader):
        await FencedRedis(shared, lambda: 9).write(KEY, ("HSET", "a", "3"))


async def test_a_process_that_is_not_surely_leading_touches_no_row(redis_world: World, own_valkey):
    world = redis_world
    salon = await world.database.create_tenant("salon")
    await world.appointment(salon, expires=AGO)
    await world.event(salon, "stuck", status="failed", job="dead")
    async with own_valkey.admin() as redis:
        await redis.set("askproai:a.a:slot:x", "for ever")
        world.term.ours = False
        for task in periodic_tasks(world.context.settings):
            await run_once(task, world.context)
        assert await redis.pttl("askproai:a.a:slot:x") == -1
    assert await world.rows("SELECT status FROM appointments") == [{"status": "held"}]
    assert await world.rows("SELECT state FROM jobs") == [{"state": "dead"}]
    assert all(labels.count("not_leader") for labels in world.metric("duty_runs_total"))
    assert sum(world.metric("duty_runs_total").values()) == len(periodic_tasks(world.context.settings))


async def test_a_lease_lost_between_two_batches_stops_the_second(world: World, monkeypatch):
    monkeypatch.setattr("askproai_runtime.coordinator.maintenance.BATCH", 1)
    salon = await world.database.create_tenant("salon")
    for unit in (0, 1):
        await world.appointment(salon, expires=AGO, unit=unit)
    check_lease, checks = world.context.fence, []

    def lose_lease_at_second_check() -> None:
        checks.append(1)
        if len(checks) > 1:
            world.term.ours = False
        check_lease()

    object.__setattr__(world.context, "fence", lose_lease_at_second_check)
    with pytest.raises(NotLeader):
        await sweep_holds(world.context)
    assert len(await world.rows("SELECT 1 FROM appointments")) == 1


async def test_a_failing_task_is_counted_and_the_others_go_on(world: World):
    async def broken(_context: object) -> int:
        raise ValueError("Erika Mustermann, +4915112345678")

    salon = await world.database.create_tenant("salon")
    await world.appointment(salon, expires=AGO)
    every = periodic_tasks(world.context.settings)[0].every
    await run_once(PeriodicTask("broken", every, broken), world.context)
    await run_once(PeriodicTask("holds", every, sweep_holds), world.context)
    runs = world.metric("duty_runs_total")
    assert runs['{"duty": "broken", "outcome": "failed"}'] == 1
    assert runs['{"duty": "holds", "outcome": "ok"}'] == 1
    assert world.metric("duty_changes_total")['{"duty": "holds"}'] == 1


async def test_when_redis_is_killed_the_tasks_on_the_tables_go_on(redis_world: World, own_valkey):
    salon = await redis_world.database.create_tenant("salon")
    await redis_world.appointment(salon, expires=AGO)
    await own_valkey.kill()
    for task in periodic_tasks(redis_world.context.settings):
        await run_once(task, redis_world.context)
    outcomes = dict.fromkeys(("holds", "events", "counts", "retention"), "ok") | dict.fromkeys(
        ("locks", "circuits"), "away"
    )
    assert set(redis_world.metric("duty_runs_total")) == {
        f'{{"duty": "{duty}", "outcome": "{outcome}"}}' for duty, outcome in outcomes.items()
    }
    assert await redis_world.rows("SELECT 1 FROM appointments") == []
