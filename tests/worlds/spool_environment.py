"""A tenant's web process whose PostgreSQL and Redis can be taken away."""

import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from askproai_core.redis import PROMISE_KEY
from askproai_core.tenant_config.config import RateLimits
from askproai_runtime.intake import Source
from askproai_sandbox.cluster import Child, spawn
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.database_gate import DatabaseGate
from tests.worlds.databases import Database
from tests.worlds.tenant_pod import Reply, TenantPod, open_pod, running_web, sign_calcom, sign_stripe
from tests.worlds.tenant_redis import create_tenant_user
from tests.worlds.waiting import SOON, eventually

SENDERS = (Source.RETELL, Source.CALCOM, Source.STRIPE)


@dataclass(repr=False)
class SpoolEnvironment:
    """A pod, the gate to its PostgreSQL, and its Redis."""

    pod: TenantPod
    gate: DatabaseGate
    redis: EmbeddedRedis

    @property
    def stream(self) -> str:
        return f"askproai:{self.pod.store.tenant}:spool"

    async def send(self, source: Source, name: str) -> Reply:
        """Send one event as its sender would."""
        if source is Source.RETELL:
            return await self.pod.retell("call_started", name)
        if source is Source.CALCOM:
            body = json.dumps({"triggerEvent": "PING", "name": name}).encode()
            return await self.pod.post("/webhooks/calcom", body, {"X-Cal-Signature-256": sign_calcom(body)})
        body = json.dumps({"id": f"evt_{name}", "type": "invoice.paid"}).encode()
        return await self.pod.post("/webhooks/stripe", body, {"Stripe-Signature": sign_stripe(body)})

    async def promise(self, text: str | None = "0") -> None:
        """Write the operator's statement about durability: the number of replicas, `no`, or nothing."""
        async with self.redis.admin() as admin:
            await (admin.delete(PROMISE_KEY) if text is None else admin.set(PROMISE_KEY, text))

    async def configure_redis(self, name: str, value: str) -> None:
        async with self.redis.admin() as admin:
            await admin.config_set(name, value)

    async def count_spooled(self) -> int:
        async with self.redis.admin() as admin:
            return int(await admin.xlen(self.stream))

    async def is_drained(self) -> bool:
        async with self.redis.admin() as admin:
            return await admin.exists(self.stream) == 0

    async def wait_until_on(self) -> None:
        await eventually(lambda: self.pod.web.spool.on, what="the spool to be ready")

    async def wait_until_drained(self, seconds: float = SOON) -> None:
        await eventually(self.is_drained, seconds, "the spool to be empty")

    async def list_events(self) -> list[str]:
        """Return the ids of the stored events; an id that is stored twice is listed twice."""
        rows = await self.pod.db.fetch(
            "SELECT event_id FROM webhook_events WHERE tenant = $1 ORDER BY id", self.pod.store.tenant
        )
        return [row["event_id"] for row in rows]


@asynccontextmanager
async def open_spool_environment(
    database: Database, redis: EmbeddedRedis, folder: Path
) -> AsyncIterator[SpoolEnvironment]:
    """Prepare the tenant, the gate and Redis. No process runs yet."""
    async with open_pod(database, folder, "salon") as pod:
        pod.write_config(pod.config(rate_limits=RateLimits(webhooks_per_second=10_000, functions_per_second=10_000)))
        gate = DatabaseGate(pod.store.dsn)
        await gate.open()
        pod.write_credential("DATABASE_URL", gate.dsn)
        pod.write_credential("REDIS_URL", await create_tenant_user(redis, pod.store.tenant))
        env = SpoolEnvironment(pod, gate, redis)
        await env.configure_redis("appendfsync", "always")  # an answer in milliseconds, not within a second
        await env.promise()
        yield env
        await gate.open()  # hanging requests could not end
        await gate.shut()


@contextmanager
def slow_postgres_accepted() -> Iterator[None]:
    """Make events within the block wait for PostgreSQL instead of the spool: a new connection may need more than 0.3 s."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("askproai_runtime.intake.flush.SPOOL_AFTER_SECONDS", SOON)
        yield


@asynccontextmanager
async def running_spool(env: SpoolEnvironment) -> AsyncIterator[SpoolEnvironment]:
    """Run the web process, and store one event."""
    async with running_web(env.pod, worker_port=9):
        await env.wait_until_on()
        with slow_postgres_accepted():
            assert (await env.send(Source.RETELL, "call_before")).body["status"] == "accepted"
        try:
            yield env
        finally:
            await env.gate.open()


async def spawn_web(env: SpoolEnvironment, **environment: str) -> Child:
    """Start the web process of the pod as a process of its own."""
    settings = env.pod.variables(worker_port=9)
    command = [sys.executable, "-m", "askproai_runtime.main", "web"]
    return await spawn("web", command, directory=env.pod.folder, environment=os.environ | settings | environment)
