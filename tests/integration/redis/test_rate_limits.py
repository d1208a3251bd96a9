"""All pods of a tenant share one limit, at a negligible cost for a webhook."""

import asyncio
import sys
import time
from pathlib import Path

import pytest

from askproai_core.clock import SystemClock
from askproai_runtime.redis.client import RedisClient
from askproai_runtime.redis.rate_limiter import RateLimiter
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.tenant_redis import create_tenant_user, is_available, tenant_client
from tests.worlds.waiting import SOON, eventually

ROOT = Path(__file__).parents[3]
PROGRAM = "tests.integration.redis.flood_process"


@pytest.mark.processes
async def test_two_processes_share_one_limit(valkey: EmbeddedRedis, tenant: str) -> None:
    """Both want far more than the limit for two seconds: together they get it once, not twice."""
    url, limit = await create_tenant_user(valkey, tenant), 200
    command = [sys.executable, "-m", PROGRAM, url, tenant, str(limit), "2"]
    pods = [
        await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    for pod in pods:
        assert pod.stdout is not None
        assert await asyncio.wait_for(pod.stdout.readline(), 60) == b"ready\n"
    outputs = await asyncio.gather(*(pod.communicate(b"go\n") for pod in pods))
    admitted = [int(stdout) for stdout, _ in outputs]
    assert sum(admitted) <= 3 * limit + 1  # two seconds touch three of the counter's windows
    assert sum(admitted) >= 1.5 * limit, "a limit that is never used up is too low"
    assert min(admitted) > 0.1 * limit, "one pod must not starve the other"


async def test_only_a_busy_pod_batches_its_redis_requests(shared: RedisClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    run = shared.run

    async def counted(script, keys, args):
        asked.append(args[1])
        return await run(script, keys, args)

    monkeypatch.setattr(shared, "run", counted)
    limiter, began = RateLimiter(shared, SystemClock(), "webhooks"), time.monotonic()
    assert await limiter.admits(10_000)
    assert asked == [1], "an idle pod takes no more than it needs from the others"
    admitted = 0
    while time.monotonic() - began < 1.5:
        admitted += await limiter.admits(100_000)
        await asyncio.sleep(0.001)
    assert admitted > 100
    assert len(asked) < admitted / 3


async def test_simultaneous_requests_batch_their_rate_limit_tokens(shared: RedisClient, monkeypatch) -> None:
    asked: list[int] = []
    run = shared.run

    async def counted(script, keys, args):
        asked.append(args[1])
        return await run(script, keys, args)

    monkeypatch.setattr(shared, "run", counted)
    limiter = RateLimiter(shared, SystemClock(), "webhooks")
    results = await asyncio.gather(*(limiter.admits(50) for _ in range(80)))
    assert sum(results) == 50
    assert len(asked) <= 4


async def test_local_limit_applies_until_redis_returns(own_valkey: EmbeddedRedis, tenant: str) -> None:
    shared = tenant_client(await create_tenant_user(own_valkey, tenant), tenant)
    limiter = RateLimiter(shared, SystemClock(), "functions")
    assert await is_available(shared)
    await own_valkey.kill()
    assert not await is_available(shared)
    results = [await limiter.admits(20) for _ in range(45)]
    assert 20 <= sum(results) <= 40  # at most two windows are touched
    assert not all(results)
    await own_valkey.start()
    await eventually(lambda: is_available(shared), SOON, "Redis to be used again")
    assert await RateLimiter(shared, SystemClock(), "functions").admits(20)
    window = int((await shared.execute("TIME"))[0])  # another pod has used up this window and the one before
    await shared.execute("HSET", shared.key("limit", "functions"), "window", window, "count", 40, "before", 40)
    assert not await RateLimiter(shared, SystemClock(), "functions").admits(20)
    await shared.close()
