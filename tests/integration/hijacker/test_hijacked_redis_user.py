"""The reach of an attacker with a tenant's Redis user, and the keys that it may leave for others to find."""

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

from askproai_operator.store.tenant_states import TenantFacts
from askproai_runtime.coordinator.circuits import update_circuits
from askproai_runtime.coordinator.maintenance import sweep_slot_locks
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.coordinator_environment import CoordinatorEnvironment
from tests.worlds.hijacked_tenant import HijackedTenant
from tests.worlds.tenant_redis import create_tenant_user

pytestmark = pytest.mark.nightly

OWN, OTHER = "askproai:hijacked.hijacked", "askproai:victim.victim"
DOWN = "http://127.0.0.1:9"

REFUSED = (
    ("GET", f"{OTHER}:slot:mitte:1"),
    ("SET", f"{OTHER}:slot:mitte:1", "mine"),
    ("DEL", f"{OTHER}:slot:mitte:1"),
    ("HSET", f"{OTHER}:circuit:calcom", "state", "open"),
    ("HGETALL", f"{OTHER}:circuit:calcom"),
    ("EVAL", "return redis.call('GET', KEYS[1])", 1, f"{OTHER}:slot:mitte:1"),
    ("EVAL", f"return redis.call('GET', '{OTHER}:slot:mitte:1')", 0),
    ("EVAL", f"return redis.call('SET', '{OTHER}:slot:mitte:1', 'mine')", 0),
    ("SET", "askproai:_:fence", "9999"),
    ("HSET", "askproai:_:circuit:calcom", "state", "open"),
    ("EVAL", "return redis.call('SET', 'askproai:_:fence', '9999')", 0),
    ("PUBLISH", f"{OTHER}:jobs", "x"),
    ("SUBSCRIBE", f"{OTHER}:jobs"),
    ("PSUBSCRIBE", "*"),
    ("KEYS", "*"), ("SCAN", "0"), ("RANDOMKEY",), ("DBSIZE",), ("INFO",), ("CLIENT", "LIST"), ("CLIENT", "KILL", "TYPE", "normal"),
    ("MONITOR",), ("CONFIG", "GET", "*"), ("CONFIG", "SET", "maxmemory", "1"), ("ACL", "LIST"), ("ACL", "WHOAMI"), ("FLUSHALL",),
    ("SELECT", "1"), ("SWAPDB", "0", "1"), ("MIGRATE", "127.0.0.1", "1", "k", "0", "1"), ("REPLICAOF", "127.0.0.1", "1"),
    ("DEBUG", "SLEEP", "1"), ("BLPOP", f"{OWN}:l", "0"),
    ("SCRIPT", "FLUSH"), ("FUNCTION", "LIST"), ("SHUTDOWN",), ("SAVE",), ("OBJECT", "ENCODING", f"{OTHER}:x"),
)  # fmt: skip


@pytest.mark.parametrize("command", REFUSED, ids=lambda command: "-".join(str(part) for part in command)[:60])
async def test_tenants_redis_user_reaches_no_foreign_keys(valkey: EmbeddedRedis, command: tuple[str, ...]) -> None:
    url = await create_tenant_user(valkey, "hijacked.hijacked")
    async with valkey.admin() as admin, Redis.from_url(url) as attacker:
        await admin.set(f"{OTHER}:slot:mitte:1", "token")
        with pytest.raises((NoPermissionError, ResponseError), match=r"permission|can't access|ACL|not allowed"):
            await attacker.execute_command(*command)
        assert await admin.get(f"{OTHER}:slot:mitte:1") in (b"token", "token")
        assert await admin.exists("askproai:_:fence", "askproai:_:circuit:calcom", f"{OTHER}:circuit:calcom") == 0


async def outage_of_others(env: HijackedTenant, redis: "Redis") -> None:
    """Three other tenants with open circuits, so that the coordinator must open the circuit for all tenants."""
    for number in range(3):
        name = f"t{number}.t{number}"
        await env.database.admin.ensure_tenant(name, "u", "p", 4, facts=TenantFacts(calcom_base_url=DOWN))
        await redis.hset(f"askproai:{name}:circuit:calcom", mapping={"state": "open"})
    await env.database.admin.ensure_tenant(
        env.attacker.tenant, env.attacker.uid, "password-of-hijacked", 60, facts=TenantFacts(calcom_base_url=DOWN)
    )


POISON = {
    "a-string": (("SET", f"{OWN}:circuit:calcom", "x"),),
    "a-huge-hash": (
        (
            "EVAL",
            "for n = 1, 300000 do redis.call('HSET', KEYS[1], n, string.rep('x', 100)) end",
            1,
            f"{OWN}:circuit:calcom",
        ),
    ),
    "a-huge-state": (
        ("EVAL", "redis.call('HSET', KEYS[1], 'state', string.rep('x', 50000000))", 1, f"{OWN}:circuit:calcom"),
    ),
    "a-foreign-name-inside": (("SET", f"{OWN}:circuit:calcom:x:circuit:calcom", "x"),),
    "nonsense": (("HSET", f"{OWN}:circuit:calcom", "state", "ouvert"),),
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
async def test_poisoned_circuit_does_not_block_others_circuits(
    env: HijackedTenant,
    coordinator_with_redis: CoordinatorEnvironment,
    own_valkey: EmbeddedRedis,
    poison: tuple[tuple[str | int, ...], ...],
) -> None:
    url = await create_tenant_user(own_valkey, env.attacker.tenant)
    async with own_valkey.admin() as admin, Redis.from_url(url, socket_timeout=30) as attacker:
        await outage_of_others(env, admin)
        for command in poison:
            await attacker.execute_command(*command)
        assert await update_circuits(coordinator_with_redis.context) == 1
        assert await admin.hget("askproai:_:circuit:calcom", "state") in ("open", b"open")


async def test_mistyped_slot_lock_does_not_block_others_locks(
    env: HijackedTenant, coordinator_with_redis: CoordinatorEnvironment, own_valkey: EmbeddedRedis
) -> None:
    url = await create_tenant_user(own_valkey, env.attacker.tenant)
    async with own_valkey.admin() as admin, Redis.from_url(url) as attacker:
        await attacker.hset(f"{OWN}:slot:mitte:1", "x", "y")
        await admin.set(f"{OTHER}:slot:mitte:1", "token")
        assert await sweep_slot_locks(coordinator_with_redis.context) == 2
        assert await admin.pttl(f"{OTHER}:slot:mitte:1") > 0


async def test_published_wake_ups_reach_only_their_own_tenant(valkey: EmbeddedRedis) -> None:
    """A user sends and receives wake-ups only on the channels of its own tenant."""
    urls = [await create_tenant_user(valkey, tenant) for tenant in ("hijacked.hijacked", "victim.victim")]
    async with Redis.from_url(urls[0]) as attacker, Redis.from_url(urls[1]) as victim, victim.pubsub() as subscriber:
        await subscriber.subscribe(f"{OTHER}:jobs")
        await subscriber.get_message(timeout=1)
        for _ in range(200):
            await attacker.publish(f"{OWN}:jobs", "x" * 1000)
        await victim.publish(f"{OTHER}:jobs", "own")
        message = await subscriber.get_message(ignore_subscribe_messages=True, timeout=1)
        assert message is not None
        assert message["data"] in (b"own", "own")
