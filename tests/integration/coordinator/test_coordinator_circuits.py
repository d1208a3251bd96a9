"""A provider that is down for many tenants is down for all, and one probe is made for all of them."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from aiohttp import web

from askproai_core.clock import SystemClock
from askproai_operator.store.tenant_states import TenantFacts
from askproai_runtime.coordinator.circuits import update_circuits
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.clock import FixedClock
from tests.worlds.coordinator_environment import CoordinatorEnvironment

pytestmark = pytest.mark.nightly

KEY = "askproai:_:circuit:calcom"


@dataclass
class Server:
    """A provider that answers with a given status and records the requests' headers."""

    url: str = ""
    status: int = 503
    requests: list[dict[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append(dict(request.headers))
        return web.Response(status=self.status)


@pytest.fixture
async def provider() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_get("/{tail:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@dataclass
class Outage:
    """Tenants at one provider, and the coordinator that watches them, with a clock that the test moves."""

    env: CoordinatorEnvironment
    valkey: EmbeddedRedis
    clock: FixedClock

    async def tenant(self, name: str, url: str, *, opened: bool, active: bool = True) -> None:
        key, admin = f"{name}.{name}", self.env.database.admin
        await admin.ensure_tenant(key, f"uid-{name}", "p", connection_limit=8, facts=TenantFacts(calcom_base_url=url))
        if active:
            await self.env.superuser.execute(
                """INSERT INTO provider_calls (tenant, provider, operation, method, endpoint, outcome, duration_ms, correlation_id)
                   VALUES ($1, 'calcom', 'book', 'POST', '/', 'failed', 5, 'c')""",
                key,
            )  # fmt: skip
        if opened:
            async with self.valkey.admin() as redis:
                await redis.hset(f"askproai:{key}:circuit:calcom", mapping={"state": "open", "failures": "1 2 3 4 5"})

    async def state(self) -> dict[str, str]:
        async with self.valkey.admin() as redis:
            return await redis.hgetall(KEY)

    async def update(self) -> int:
        return await update_circuits(self.env.context)


@pytest.fixture
async def outage(env_with_redis: CoordinatorEnvironment, own_valkey: EmbeddedRedis) -> Outage:
    clock = FixedClock(SystemClock().now())
    return Outage(replace(env_with_redis, context=replace(env_with_redis.context, clock=clock)), own_valkey, clock)


async def test_three_of_six_open_circuits_open_common_circuit(outage: Outage, provider: Server):
    for number in range(6):
        await outage.tenant(f"t{number}", provider.url, opened=number < 3)
    assert await outage.update() == 1
    state = await outage.state()
    assert (state["state"], state["base_url"]) == ("open", provider.url)
    now = outage.clock.now().timestamp() * 1000
    assert int(state["probe_at"]) == pytest.approx(now + 60_000, abs=2)
    assert int(state["retry_at"]) > int(state["probe_at"]), "no tenant tries before the probe is answered"
    assert outage.env.metric("circuit_state")['{"provider": "calcom", "state": "closed", "tenant": "_"}'] == 1
    assert await outage.update() == 0
    assert outage.env.metric("circuit_state")['{"provider": "calcom", "state": "open", "tenant": "_"}'] == 1
    assert provider.requests == []


async def test_minority_of_open_circuits_opens_no_common_circuit(outage: Outage, provider: Server):
    for number in range(2):
        await outage.tenant(f"open{number}", provider.url, opened=True)
    assert await outage.update() == 0
    await outage.tenant("open2", provider.url, opened=True)
    for number in range(4):
        await outage.tenant(f"healthy{number}", provider.url, opened=False)
    assert await outage.update() == 0
    assert await outage.state() == {}


async def test_rarely_used_server_does_not_open_common_circuit(outage: Outage, provider: Server):
    for number in range(3):
        await outage.tenant(f"own{number}", "http://selfhosted.example", opened=True)
    for number in range(4):
        await outage.tenant(f"main{number}", provider.url, opened=False)
    assert await outage.update() == 0


async def test_one_shared_probe_closes_the_common_circuit(outage: Outage, provider: Server):
    for number in range(3):
        await outage.tenant(f"t{number}", provider.url, opened=True)
    await outage.update()
    outage.clock.advance(timedelta(seconds=59))
    await outage.update()
    assert provider.requests == []
    outage.clock.advance(timedelta(seconds=1))
    assert await outage.update() == 0
    assert len(provider.requests) == 1
    assert "Authorization" not in provider.requests[0]
    first = await outage.state()
    await outage.update()
    assert len(provider.requests) == 1, "the next probe comes a minute later"

    provider.status = 401  # any answer of the server will do
    outage.clock.advance(timedelta(seconds=60))
    now = outage.clock.now().timestamp() * 1000
    assert int(first["retry_at"]) > now, "the circuit stays open until the probe is answered"
    assert await outage.update() == 1
    assert len(provider.requests) == 2
    assert await outage.state() == {}


async def test_common_circuit_stays_open_while_probes_are_refused(outage: Outage):
    for number in range(3):
        await outage.tenant(f"t{number}", "http://127.0.0.1:9", opened=True)
    await outage.update()
    outage.clock.advance(timedelta(seconds=60))
    assert await outage.update() == 0
    assert int((await outage.state())["probe_at"]) > outage.clock.now().timestamp() * 1000


async def test_coordinators_open_circuit_expires_without_renewal(outage: Outage, provider: Server):
    for number in range(3):
        await outage.tenant(f"t{number}", provider.url, opened=True)
    await outage.update()
    async with outage.valkey.admin() as redis:
        assert 60_000 < await redis.pttl(KEY) <= 91_000
        assert json.loads(await redis.get("askproai:_:fence")) == 1


async def test_circuit_written_by_a_person_is_left_alone(outage: Outage, provider: Server):
    await outage.tenant("t", provider.url, opened=False)
    async with outage.valkey.admin() as redis:
        await redis.hset(KEY, mapping={"state": "open", "retry_at": "1"})
    assert await outage.update() == 0
    assert await outage.state() == {"state": "open", "retry_at": "1"}
