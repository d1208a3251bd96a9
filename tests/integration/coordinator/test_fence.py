"""A deposed leader that wakes changes nothing: neither in Redis, because of its term, nor in the tables, because of its Lease."""

from datetime import timedelta

import pytest

from askproai_core.kube import NotLeader
from askproai_runtime.coordinator.fenced_redis import FencedRedis
from askproai_runtime.coordinator.maintenance import sweep_holds
from askproai_runtime.coordinator.periodic_task import PeriodicTask, run_once
from askproai_runtime.coordinator.process import periodic_tasks
from tests.worlds.coordinator_environment import CoordinatorEnvironment

KEY, AGO = "askproai:_:circuit:retell", timedelta(seconds=-1)


async def test_write_with_a_lower_term_is_refused_whole(env_with_redis: CoordinatorEnvironment, own_valkey):
    shared = env_with_redis.context.redis._shared
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


async def test_redis_fence_compares_terms_as_numbers(env_with_redis: CoordinatorEnvironment):
    shared = env_with_redis.context.redis._shared
    await FencedRedis(shared, lambda: 9).write(KEY, ("HSET", "a", "1"))
    await FencedRedis(shared, lambda: 10).write(KEY, ("HSET", "a", "2"))
    with pytest.raises(NotLeader):
        await FencedRedis(shared, lambda: 9).write(KEY, ("HSET", "a", "3"))


async def test_process_not_surely_leading_touches_no_row(env_with_redis: CoordinatorEnvironment, own_valkey):
    env = env_with_redis
    salon = await env.database.create_tenant("salon")
    await env.appointment(salon, expires=AGO)
    await env.event(salon, "stuck", status="failed", job="dead")
    async with own_valkey.admin() as redis:
        await redis.set("askproai:a.a:slot:x", "for ever")
        env.term.held = False
        for task in periodic_tasks(env.context.settings):
            await run_once(task, env.context)
        assert await redis.pttl("askproai:a.a:slot:x") == -1
    assert await env.rows("SELECT status FROM appointments") == [{"status": "held"}]
    assert await env.rows("SELECT state FROM jobs") == [{"state": "dead"}]
    assert all(labels.count("not_leader") for labels in env.metric("duty_runs_total"))
    assert sum(env.metric("duty_runs_total").values()) == len(periodic_tasks(env.context.settings))


async def test_lease_lost_after_a_batch_prevents_the_next(env: CoordinatorEnvironment, monkeypatch):
    monkeypatch.setattr("askproai_runtime.coordinator.maintenance.BATCH", 1)
    salon = await env.database.create_tenant("salon")
    for unit in (0, 1):
        await env.appointment(salon, expires=AGO, unit=unit)
    check_lease, checks = env.context.fence, []

    def lose_lease_at_second_check() -> None:
        checks.append(1)
        if len(checks) > 1:
            env.term.held = False
        check_lease()

    object.__setattr__(env.context, "fence", lose_lease_at_second_check)
    with pytest.raises(NotLeader):
        await sweep_holds(env.context)
    assert len(await env.rows("SELECT 1 FROM appointments")) == 1


async def test_failing_task_is_counted_while_others_continue(env: CoordinatorEnvironment):
    async def broken(_context: object) -> int:
        raise ValueError("Erika Mustermann, +4915112345678")

    salon = await env.database.create_tenant("salon")
    await env.appointment(salon, expires=AGO)
    every = periodic_tasks(env.context.settings)[0].every
    await run_once(PeriodicTask("broken", every, broken), env.context)
    await run_once(PeriodicTask("holds", every, sweep_holds), env.context)
    runs = env.metric("duty_runs_total")
    assert runs['{"duty": "broken", "outcome": "failed"}'] == 1
    assert runs['{"duty": "holds", "outcome": "ok"}'] == 1
    assert env.metric("duty_changes_total")['{"duty": "holds"}'] == 1


async def test_tasks_on_tables_continue_after_killing_redis(env_with_redis: CoordinatorEnvironment, own_valkey):
    salon = await env_with_redis.database.create_tenant("salon")
    await env_with_redis.appointment(salon, expires=AGO)
    await own_valkey.kill()
    for task in periodic_tasks(env_with_redis.context.settings):
        await run_once(task, env_with_redis.context)
    outcomes = dict.fromkeys(("holds", "events", "answers", "counts", "retention"), "ok")
    outcomes |= dict.fromkeys(("locks", "circuits"), "away")
    assert set(env_with_redis.metric("duty_runs_total")) == {
        f'{{"duty": "{duty}", "outcome": "{outcome}"}}' for duty, outcome in outcomes.items()
    }
    assert await env_with_redis.rows("SELECT 1 FROM appointments") == []
