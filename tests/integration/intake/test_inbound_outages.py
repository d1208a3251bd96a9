"""While PostgreSQL or Redis is away, or a pod dies, a call waits for nothing: Retell asks who calls while it rings."""

import asyncio
import os
import signal

import aiohttp
import pytest

from askproai_sandbox.cluster import free_port
from tests.worlds.inbound_calls import (
    CALLER,
    UNKNOWN_CALLER,
    WITHIN_SECONDS,
    allow_slow_lookups,
    enable_recognition,
    measure_delay,
)
from tests.worlds.spool_environment import SpoolEnvironment, spawn_web
from tests.worlds.tenant_pod import TenantPod, running_web
from tests.worlds.waiting import SOON, eventually


async def know_caller(pod: TenantPod) -> None:
    """Have the agent ask who calls, and know this caller."""
    enable_recognition(pod)
    await pod.db.execute(
        "INSERT INTO customers (tenant, phone, name) VALUES ($1, $2, 'Erika Mustermann')", pod.store.tenant, CALLER
    )


async def knows(pod: TenantPod) -> bool:
    """Ask who calls. The first lookup also opens a connection, for which the time of a lookup may be too short."""
    return (await pod.inbound(CALLER)).body != UNKNOWN_CALLER


async def test_caller_is_recognized_without_redis(stopped_spool: SpoolEnvironment) -> None:
    env = stopped_spool
    await know_caller(env.pod)
    await env.redis.kill()
    async with running_web(env.pod, worker_port=9):
        allow_slow_lookups(env.pod)
        answers = [await env.pod.inbound(CALLER) for _ in range(3)]
    names = [reply.body["call_inbound"]["dynamic_variables"]["caller_name"] for reply in answers]
    assert names == ["Erika Mustermann"] * 3


@pytest.mark.parametrize("how", ["refused", "silent"])
async def test_call_without_stores_begins_immediately_and_anonymously(stopped_spool: SpoolEnvironment, how) -> None:
    env = stopped_spool
    await know_caller(env.pod)
    async with running_web(env.pod, worker_port=9):
        await eventually(lambda: knows(env.pod))
        await env.redis.kill()
        await env.gate.shut() if how == "refused" else env.gate.silence()

        async def ask() -> None:
            reply = await env.pod.inbound(CALLER)
            assert (reply.status, reply.body) == (200, UNKNOWN_CALLER)

        assert await measure_delay(env.pod, ask) < WITHIN_SECONDS
        await env.gate.open()


async def test_recognition_retried_after_a_pods_death_succeeds(stopped_spool: SpoolEnvironment) -> None:
    env = stopped_spool
    await know_caller(env.pod)
    port = free_port()
    child = await spawn_web(env, ASKPROAI_PUBLIC_PORT=str(port))
    await eventually(lambda: b"web.started" in child.log.read_bytes(), SOON, child.last_lines)
    env.pod.base_url = f"http://127.0.0.1:{port}"
    await eventually(lambda: knows(env.pod))
    os.kill(child.pid, signal.SIGSTOP)
    unanswered = asyncio.create_task(env.pod.inbound(CALLER))
    await asyncio.sleep(0)  # the request is on its way
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(aiohttp.ClientError):
        await unanswered
    env.pod.base_url = None
    async with running_web(env.pod, worker_port=9):
        allow_slow_lookups(env.pod)
        reply = await env.pod.inbound(CALLER)
    assert reply.body["call_inbound"]["dynamic_variables"]["caller_name"] == "Erika Mustermann"
