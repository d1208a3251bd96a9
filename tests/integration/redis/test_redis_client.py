"""A tenant's Redis: what its user may do, and what happens when it becomes unavailable."""

import asyncio
import os
import signal
from datetime import timedelta

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

from askproai_core.clock import SystemClock
from askproai_core.provider_limits import RedisUnavailable, Script
from askproai_operator.redis_acl import ALLOWED_COMMANDS
from askproai_runtime.metrics import Metrics
from askproai_runtime.redis.client import RedisClient
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.tenant_redis import create_tenant_user, is_available, tenant_client
from tests.worlds.waiting import SOON, eventually, stopwatch

RAISE = Script("redis.call('SET', KEYS[1], ARGV[1], 'PX', 60000) return redis.call('GET', KEYS[1])")


async def test_script_missing_on_the_server_is_loaded_again(shared: RedisClient, valkey: EmbeddedRedis) -> None:
    assert await shared.run(RAISE, [shared.key("a")], ["1"]) == "1"
    async with valkey.admin() as admin:
        await admin.execute_command("SCRIPT", "FLUSH")
    assert await shared.run(RAISE, [shared.key("a")], ["2"]) == "2"
    assert not shared.degraded


async def test_wrong_redis_command_does_not_count_as_outage(shared: RedisClient) -> None:
    await shared.execute("SET", shared.key("text"), "x")
    with pytest.raises(ResponseError):
        await shared.execute("HGET", shared.key("text"), "field")
    assert not shared.degraded


@pytest.mark.parametrize(
    "command",
    [
        ("GET", "askproai:other.tenant:slot"), ("SET", "askproai:other.tenant:slot", "1"),
        ("DEL", "askproai:other.tenant:slot"), ("HGETALL", "askproai:other.tenant:circuit:calcom"),
        ("EVAL", "return redis.call('GET', KEYS[1])", "1", "askproai:other.tenant:slot"),
        ("EVAL", "return redis.call('GET', 'askproai:other.tenant:slot')", "0"),
        ("SET", "askproai:_:circuit:calcom", "1"), ("HSET", "askproai:_:circuit:calcom", "state", "closed"),
        ("GET", "foreign"), ("PUBLISH", "askproai:other.tenant:wake", "1"), ("SUBSCRIBE", "askproai:other.tenant:wake"),
        ("KEYS", "*"), ("SCAN", "0"), ("RANDOMKEY",), ("DBSIZE",), ("FLUSHALL",), ("FLUSHDB",), ("CONFIG", "GET", "*"),
        ("ACL", "LIST"), ("ACL", "WHOAMI"), ("CLIENT", "LIST"), ("INFO",), ("MONITOR",),
        ("SCRIPT", "FLUSH"), ("FUNCTION", "LIST"), ("SHUTDOWN",), ("SELECT", "1"), ("MOVE", "x", "1"),
        ("PUBSUB", "CHANNELS"), ("PSUBSCRIBE", "*"), ("EVAL", "return redis.call('KEYS', '*')", "0"),
        ("SLOWLOG", "GET"), ("MEMORY", "USAGE", "askproai:other.tenant:slot"), ("PTTL", "askproai:other.tenant:slot"),
        ("EXISTS", "askproai:other.tenant:slot"), ("TYPE", "askproai:other.tenant:slot"), ("MULTI",), ("CLIENT", "ID"),
        ("SET", "askproai:_:fence", "1"), ("DEL", "askproai:_:fence"), ("PEXPIRE", "askproai:_:fence", "1"),
        ("EVAL", "return redis.call('SET', 'askproai:_:fence', 1)", "0"), ("PUBLISH", "askproai:_:wake", "1"),
        ("EVAL", "return redis.call('PUBLISH', 'askproai:other.tenant:wake', 1)", "0"),
        ("SCRIPT", "LOAD", "return 1"), ("SCRIPT", "KILL"), ("FCALL", "f", "0"), ("COMMAND", "COUNT"), ("SWAPDB", "0", "1"),
        ("RENAME", "askproai:other.tenant:slot", "x"), ("COPY", "askproai:other.tenant:slot", "x"),
    ],
    ids=" ".join,
)  # fmt: skip
async def test_tenant_can_only_reach_its_own_keys(valkey: EmbeddedRedis, tenant: str, command: tuple[str, ...]) -> None:
    async with Redis.from_url(await create_tenant_user(valkey, tenant), protocol=2) as client:
        with pytest.raises(ResponseError, match=r"(?i)no permissions") as refusal:
            await client.execute_command(*command)
    assert isinstance(refusal.value, NoPermissionError) or command[0] == "EVAL"  # a script's refusal has no code


@pytest.mark.parametrize(
    "trap",
    [
        "getmetatable('').__index = function() end", "string.sub = nil", "redis.call = nil", "setmetatable(_G, nil)",
        "rawset(_G, 'tonumber', nil)", "cjson.encode = nil", "math.max = nil", "table.concat = nil",
    ],
)  # fmt: skip
async def test_script_cannot_change_the_shared_interpreter(shared: RedisClient, trap: str) -> None:
    """All tenants' scripts run in one interpreter; a server without the fix of CVE-2025-46818 fails here."""
    with pytest.raises(ResponseError, match=r"(?i)readonly"):
        await shared.execute("EVAL", f"{trap} return 1", 0)


async def test_refused_script_counts_as_unavailable_redis(shared: RedisClient) -> None:
    with pytest.raises(RedisUnavailable):
        await shared.run(RAISE, ["askproai:other.tenant:a"], ["1"])
    with pytest.raises(RedisUnavailable):
        await shared.run(Script("return redis.call('KEYS', '*')"), [], [])


async def test_every_allowed_command_works_on_own_keys(valkey: EmbeddedRedis, tenant: str) -> None:
    await create_tenant_user(valkey, tenant)
    key, foreign = f"askproai:{tenant}:x", "askproai:other.tenant:x"
    arguments = {"eval": ["return 1", "0"], "evalsha": ["0" * 40, "0"], "ping": [], "time": []}
    more = {"set": ["1"], "incrby": ["1"], "pexpire": ["1"], "hset": ["f", "1"], "hincrby": ["f", "1"]}
    more |= {command: ["f"] for command in ("hget", "hmget", "hdel", "publish")}
    async with valkey.admin() as admin:
        for command in ALLOWED_COMMANDS:
            if command == "unsubscribe":
                continue  # takes no permission to a channel
            arguments_of_command = arguments.get(command)
            usual = [key, *more.get(command, [])]
            args = usual if arguments_of_command is None else arguments_of_command
            own = await admin.execute_command("ACL", "DRYRUN", f"u-{tenant}", command, *args)
            assert own == "OK", (command, own)
            if arguments_of_command is None:
                denied = await admin.execute_command(
                    "ACL", "DRYRUN", f"u-{tenant}", command, foreign, *more.get(command, [])
                )
                assert denied != "OK", command


async def test_tenants_may_read_the_coordinators_circuit(valkey: EmbeddedRedis, shared: RedisClient) -> None:
    async with valkey.admin() as admin:
        await admin.execute_command("HSET", "askproai:_:circuit:retell", "state", "open")
    assert await shared.execute("HGETALL", "askproai:_:circuit:retell") == {"state": "open"}


async def test_redis_without_a_url_is_not_degraded(tenant: str) -> None:
    shared = tenant_client(None, tenant)
    with pytest.raises(RedisUnavailable):
        await shared.execute("GET", shared.key("x"))
    assert not shared.configured
    assert not shared.degraded
    await shared.close()


async def test_killed_server_costs_no_wait_until_its_return(own_valkey: EmbeddedRedis, tenant: str) -> None:
    shared = tenant_client(await create_tenant_user(own_valkey, tenant), tenant)
    assert await is_available(shared)
    await own_valkey.kill()
    assert not await is_available(shared)
    assert shared.degraded
    async with stopwatch() as seconds:
        for _ in range(100):
            assert not await is_available(shared)
        assert seconds() / 100 < 0.001
    await own_valkey.start()
    await eventually(lambda: is_available(shared), SOON, "Redis to be used again")
    assert not shared.degraded
    await shared.close()


async def test_hanging_server_is_abandoned_after_100_milliseconds(own_valkey: EmbeddedRedis, tenant: str) -> None:
    url = await create_tenant_user(own_valkey, tenant)
    shared = RedisClient(lambda: url, tenant, SystemClock(), Metrics(tenant))
    await eventually(lambda: is_available(shared), SOON, "Redis")
    os.kill(own_valkey.pid, signal.SIGSTOP)
    async with stopwatch() as seconds:
        assert not await is_available(shared)
        assert seconds() < 0.3
    os.kill(own_valkey.pid, signal.SIGCONT)
    await eventually(lambda: is_available(shared), SOON, "Redis to be used again")
    await shared.close()


async def test_cancelled_commands_answer_reaches_no_later_command(own_valkey: EmbeddedRedis, tenant: str) -> None:
    """Known trap of asynchronous clients: the next command on that connection would read the late answer."""
    shared = tenant_client(await create_tenant_user(own_valkey, tenant), tenant)
    for name in "ab":
        await shared.execute("SET", shared.key(name), name)
    os.kill(own_valkey.pid, signal.SIGSTOP)
    cut = [asyncio.create_task(shared.execute("GET", shared.key("a"))) for _ in range(4)]
    await asyncio.sleep(0.05)  # they are sent
    for task in cut:
        task.cancel()
    assert all(isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*cut, return_exceptions=True))
    os.kill(own_valkey.pid, signal.SIGCONT)
    assert [await shared.execute("GET", shared.key("b")) for _ in range(8)] == ["b"] * 8
    await shared.close()


async def test_rotated_password_is_used_with_the_next_call(valkey: EmbeddedRedis, tenant: str) -> None:
    urls = [await create_tenant_user(valkey, tenant)]
    shared = RedisClient(lambda: urls[-1], tenant, SystemClock(), Metrics(tenant), timeout=timedelta(seconds=1))
    assert await is_available(shared)
    urls.append(await create_tenant_user(valkey, tenant))  # cuts the connections of the old password
    assert await is_available(shared)
    assert not shared.degraded
    urls.append("nonsense")
    assert not await is_available(shared)
    assert shared.degraded
    urls.append(urls[1])
    assert await is_available(shared)
    await shared.close()


async def test_full_redis_server_counts_as_unavailable(own_valkey: EmbeddedRedis, tenant: str) -> None:
    shared = tenant_client(await create_tenant_user(own_valkey, tenant), tenant)
    assert await is_available(shared)
    async with own_valkey.admin() as admin:
        await admin.execute_command("CONFIG", "SET", "maxmemory", "1")
    assert not await is_available(shared)
    assert shared.degraded
    await shared.close()


async def test_the_gauge_follows_redis_without_any_traffic(own_valkey: EmbeddedRedis, tenant: str) -> None:
    metrics, url, stop = Metrics(tenant), await create_tenant_user(own_valkey, tenant), asyncio.Event()
    shared = RedisClient(lambda: url, tenant, SystemClock(), metrics, timeout=timedelta(seconds=1))

    def gauge() -> float | None:
        return metrics.registry.get_sample_value("askproai_redis_degraded", {"tenant": tenant})

    await own_valkey.kill()
    watching = asyncio.create_task(shared.watch(stop))
    await eventually(lambda: gauge() == 1, SOON, "the gauge to say degraded")
    await own_valkey.start()
    await eventually(lambda: gauge() == 0, SOON, "the gauge to say well")
    stop.set()
    await watching
    await shared.close()
