"""A pod with its tenant's Redis: what Redis is used for, and that the pod works without it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web

from askproai_core.clock import SystemClock
from askproai_core.http_server import start_server
from askproai_core.tenant_config.config import RateLimits
from askproai_operator.redis_acl import acl_rules
from askproai_runtime.web import NOTIFY_PAUSE, WorkerNotifier
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.tenant_pod import ADMIN_TOKEN, Reply, TenantPod, running_web, running_worker
from tests.worlds.tenant_redis import tenant_client
from tests.worlds.waiting import SLOW_DISK, SOON, eventually

pytestmark = pytest.mark.nightly

NO_WORKER = 9  # a port on which no worker listens, as in Split mode


async def mount_redis(pod: TenantPod, valkey: EmbeddedRedis) -> None:
    tenant = pod.store.tenant
    pod.write_credential("REDIS_URL", await valkey.add_user(f"u-{tenant}", partial(acl_rules, tenant)))


def listeners(valkey: EmbeddedRedis, pod: TenantPod) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        async with valkey.admin() as admin:
            return int((await admin.pubsub_numsub(f"askproai:{pod.store.tenant}:wake"))[0][1])

    return count


async def health(pod: TenantPod) -> tuple[str, str, str, int]:
    """Return the status of /health, of /health/detailed and its part for Redis, and the HTTP status of /readyz."""
    open_health = await pod.get(pod.private_url + "/health")
    detailed = await pod.get(pod.private_url + "/health/detailed", Authorization=f"Bearer {ADMIN_TOKEN}")
    assert (open_health.status, detailed.status) == (200 if open_health.body["status"] == "ok" else 503, 200)
    ready = await pod.get(pod.private_url + "/readyz")
    return open_health.body["status"], detailed.body["status"], detailed.body["redis"]["status"], ready.status


async def test_health_degrades_without_redis_while_pods_stay_ready(
    stopped_pod: TenantPod, own_valkey: EmbeddedRedis
) -> None:
    async with running_web(stopped_pod, worker_port=NO_WORKER):
        assert await health(stopped_pod) == ("ok", "ok", "not_used", 200)
        await mount_redis(stopped_pod, own_valkey)  # a running pod starts to use it
        assert await health(stopped_pod) == ("ok", "ok", "ok", 200)
        await own_valkey.kill()

        async def reports(*expected: object) -> bool:
            return await health(stopped_pod) == expected

        await eventually(lambda: reports("degraded", "degraded", "unavailable", 200))
        assert (await stopped_pod.retell("call_started", "call_1")).status == 200
        metrics = f"http://127.0.0.1:{stopped_pod.web.metrics_port}/metrics"
        async with stopped_pod.session.get(metrics) as response:
            assert 'askproai_redis_degraded{tenant="salon.salon"} 1.0' in await response.text()
        await own_valkey.start()
        await eventually(lambda: reports("ok", "ok", "ok", 200))


@asynccontextmanager
async def full_worker() -> AsyncIterator[int]:
    """The worker of the same pod, with all its job slots taken."""

    async def refuse(_request: web.Request) -> web.Response:
        return web.Response(status=503)

    app = web.Application()
    app.add_routes([web.post("/wake-up", refuse)])
    runner, port = await start_server(app, "127.0.0.1", 0, grace_seconds=1)
    yield port
    await runner.cleanup()


@pytest.mark.parametrize("own", ["absent", "full"])
async def test_remote_worker_is_woken_if_own_is_unavailable(stopped_pod: TenantPod, valkey: EmbeddedRedis, own) -> None:
    """An idle worker polls every 15 s: a job that is done within 5 s was announced to it."""
    await mount_redis(stopped_pod, valkey)
    async with full_worker() as port, running_worker(stopped_pod):
        await eventually(listeners(valkey, stopped_pod))
        async with running_web(stopped_pod, worker_port=port if own == "full" else NO_WORKER):
            for number in range(3):
                await stopped_pod.retell("call_started", f"call_{number}")
                await asyncio.wait_for(stopped_pod.settled(f"call_{number}:call_started"), 5)


async def test_two_pods_share_one_rate_limit(stopped_pod: TenantPod, own_valkey: EmbeddedRedis) -> None:
    limits = RateLimits(webhooks_per_second=4, functions_per_second=4)
    stopped_pod.write_config(stopped_pod.config(rate_limits=limits))
    async with running_web(stopped_pod, worker_port=NO_WORKER):
        first = stopped_pod.web
        async with running_web(stopped_pod, worker_port=NO_WORKER):
            pods = first, stopped_pod.web
            for web_process in pods:  # after a wait of 0.1 s for Redis each would count by itself
                web_process._process.shared._timeout = SLOW_DISK
            await mount_redis(stopped_pod, own_valkey)

            async def second() -> int:
                async with own_valkey.admin() as admin:
                    return int((await admin.time())[0])

            async def replies_within_a_second() -> list[Reply] | None:
                before, replies = await second(), []
                for number in range(8):
                    stopped_pod.web = pods[number % 2]
                    replies.append(await stopped_pod.retell("call_started", f"call_{before}_{number}"))
                return replies if await second() == before else None

            # A round that was too slow, or spanned two seconds, counts no more after two seconds.
            replies = await eventually(replies_within_a_second, SOON, "eight replies within a second", every=2)
    assert Counter(reply.status for reply in replies) == {200: 4, 429: 4}  # each pod for itself would take all
    assert {reply.headers["Retry-After"] for reply in replies if reply.status == 429} == {"1"}


@asynccontextmanager
async def running_notifier(notified_at: list[float]) -> AsyncIterator[WorkerNotifier]:
    """A notifier whose worker appends the times at which it is notified."""

    async def accept(_request: web.Request) -> web.Response:
        notified_at.append(asyncio.get_running_loop().time())
        return web.Response(status=204)

    app = web.Application()
    app.add_routes([web.post("/wake-up", accept)])
    runner, port = await start_server(app, "127.0.0.1", 0, grace_seconds=1)
    async with aiohttp.ClientSession() as session:
        settings = SimpleNamespace(bind_address="127.0.0.1", worker_port=port)
        process = SimpleNamespace(
            settings=settings, session=session, clock=SystemClock(), shared=tenant_client(None, "salon")
        )
        notifier = WorkerNotifier(cast("Any", process))
        yield notifier
        await notifier.close()
    await runner.cleanup()


async def test_consecutive_jobs_share_one_worker_notification() -> None:
    notified_at: list[float] = []
    async with running_notifier(notified_at) as notifier:
        started_at = asyncio.get_running_loop().time()
        notifier.notify()
        await eventually(lambda: bool(notified_at))
        while (asked_at := asyncio.get_running_loop().time()) < started_at + 20 * NOTIFY_PAUSE.total_seconds():
            notifier.notify()
            await asyncio.sleep(0)  # its task runs, and asks for the next one
        await eventually(lambda: notified_at[-1] > asked_at)
    assert len(notified_at) <= 2 + (notified_at[-1] - started_at) / NOTIFY_PAUSE.total_seconds()
