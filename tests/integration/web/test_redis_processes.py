"""A pod with its tenant's Redis: what it is used for, and that it is missed by nobody when it is gone (C2)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
from aiohttp import web
from webpod import TOKEN, Pod, eventually, running_web, running_worker

from askproai_core.http_server import start_server
from askproai_core.redis import acl_rules
from askproai_core.tenant_config import RateLimits
from askproai_sandbox.redis import EmbeddedRedis

NOBODY = 9  # a port on which no worker listens, as in Split mode


async def mount_redis(pod: Pod, valkey: EmbeddedRedis) -> None:
    tenant = pod.store.tenant
    pod.write_credential("REDIS_URL", await valkey.add_user(f"u-{tenant}", partial(acl_rules, tenant)))


def listeners(valkey: EmbeddedRedis, pod: Pod) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        async with valkey.admin() as admin:
            return int((await admin.pubsub_numsub(f"askproai:{pod.store.tenant}:wake"))[0][1])

    return count


async def health(pod: Pod) -> tuple[str, str, str, int]:
    """Give what /health and /health/detailed say, what the latter says of Redis, and whether the pod is ready."""
    open_health = await pod.get(pod.private_url + "/health")
    detailed = await pod.get(pod.private_url + "/health/detailed", Authorization=f"Bearer {TOKEN}")
    assert (open_health.status, detailed.status) == (200, 200)
    ready = await pod.get(pod.private_url + "/readyz")
    return open_health.body["status"], detailed.body["status"], detailed.body["redis"]["status"], ready.status


async def test_health_is_degraded_without_redis_and_the_pod_stays_ready(
    still_pod: Pod, own_valkey: EmbeddedRedis
) -> None:
    async with running_web(still_pod, worker_port=NOBODY):
        assert await health(still_pod) == ("ok", "ok", "not_used", 200)
        await mount_redis(still_pod, own_valkey)  # a running pod takes it up
        assert await health(still_pod) == ("ok", "ok", "ok", 200)
        await own_valkey.kill()

        async def says(*expected: object) -> bool:
            return await health(still_pod) == expected

        await eventually(lambda: says("degraded", "degraded", "unavailable", 200))
        assert (await still_pod.retell("call_started", "call_1")).status == 200
        metrics = f"http://127.0.0.1:{still_pod.web.metrics_port}/metrics"
        async with still_pod.session.get(metrics) as response:
            assert 'askproai_redis_degraded{tenant="salon.salon"} 1.0' in await response.text()
        await own_valkey.start()
        await eventually(lambda: says("ok", "ok", "ok", 200))


@asynccontextmanager
async def full_worker() -> AsyncIterator[int]:
    """A worker of the own pod whose hands are full."""

    async def poked(_request: web.Request) -> web.Response:
        return web.Response(status=503)

    app = web.Application()
    app.add_routes([web.post("/poke", poked)])
    runner, port = await start_server(app, "127.0.0.1", 0, grace_seconds=1)
    yield port
    await runner.cleanup()


@pytest.mark.parametrize("own", ["absent", "full"])
async def test_a_worker_elsewhere_is_woken_when_the_own_one_is_absent_or_full(
    still_pod: Pod, valkey: EmbeddedRedis, own: str
) -> None:
    """A worker that has seen no work polls every 15 s: what is done in 5 was woken."""
    await mount_redis(still_pod, valkey)
    async with full_worker() as port, running_worker(still_pod):
        await eventually(listeners(valkey, still_pod))
        async with running_web(still_pod, worker_port=port if own == "full" else NOBODY):
            for number in range(3):
                await still_pod.retell("call_started", f"call_{number}")
                await asyncio.wait_for(still_pod.settled(f"call_{number}:call_started"), 5)


async def test_two_pods_share_one_limit(still_pod: Pod, own_valkey: EmbeddedRedis) -> None:
    await mount_redis(still_pod, own_valkey)
    limits = RateLimits(webhooks_per_second=4, functions_per_second=4)
    still_pod.write_config(still_pod.config(rate_limits=limits))
    async with running_web(still_pod, worker_port=NOBODY):
        first = still_pod.web
        async with running_web(still_pod, worker_port=NOBODY):
            second, statuses = still_pod.web, []
            for number in range(24):
                still_pod.web = (first, second)[number % 2]
                reply = await still_pod.retell("call_started", f"call_{number}")
                statuses.append(reply.status)
                assert reply.status == 200 or reply.headers["Retry-After"] == "1"
    assert set(statuses) == {200, 429}
    assert statuses.count(200) <= 8  # the calls may touch two windows; each pod for itself would take 8 in one
