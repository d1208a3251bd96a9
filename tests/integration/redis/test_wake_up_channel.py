"""Workers of other pods are woken by a publish, also after Redis was away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from askproai_core.clock import SystemClock
from askproai_runtime.redis.client import RedisClient
from askproai_runtime.redis.wake_up_channel import WakeUpChannel
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.tenant_redis import create_tenant_user, tenant_client
from tests.worlds.waiting import SOON, eventually


@asynccontextmanager
async def listening(shared: RedisClient) -> AsyncIterator[asyncio.Event]:
    woken = asyncio.Event()
    task = asyncio.create_task(WakeUpChannel(shared, SystemClock()).listen(woken.set))
    yield woken
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_publish_wakes_only_this_tenants_listeners(valkey: EmbeddedRedis, shared: RedisClient, tenant) -> None:
    stranger = tenant_client(await create_tenant_user(valkey, f"{tenant}-2"), f"{tenant}-2")
    wake = WakeUpChannel(shared, SystemClock())
    assert not await wake.publish()
    async with listening(shared) as woken, listening(stranger) as other:
        await asyncio.wait_for(asyncio.gather(woken.wait(), other.wait()), SOON)  # both are subscribed
        for _ in range(3):
            woken.clear()
            other.clear()
            assert await wake.publish()
            await asyncio.wait_for(woken.wait(), SOON)
            assert not other.is_set()
    await stranger.close()


async def test_returning_listener_looks_for_missed_wake_ups(own_valkey: EmbeddedRedis, tenant: str) -> None:
    shared = tenant_client(await create_tenant_user(own_valkey, tenant), tenant)
    wake = WakeUpChannel(shared, SystemClock())
    async with listening(shared) as woken:
        await asyncio.wait_for(woken.wait(), SOON)
        await own_valkey.kill()
        assert not await wake.publish()
        woken.clear()
        await own_valkey.start()
        await asyncio.wait_for(woken.wait(), SOON)
        await eventually(wake.publish, SOON, "a publish that is heard")
    await shared.close()
