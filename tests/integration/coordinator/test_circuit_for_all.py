"""A provider that is down for many tenants is down for all, and one probe asks for everybody."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from aiohttp import web
from coordinator_world import World

from askproai_core.clock import FixedClock, SystemClock
from askproai_core.database import TenantFacts
from askproai_runtime.coordinator.circuits import watch_circuits
from askproai_sandbox.redis import EmbeddedRedis

KEY = "askproai:_:circuit:calcom"


@dataclass
class Provider:
    """A server that answers as told, and counts."""

    url: str = ""
    status: int = 503
    asked: list[dict[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.headers))
        return web.Response(status=self.status)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    app = web.Application()
    app.router.add_get("/{tail:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@dataclass
class Outage:
    """Tenants at one provider, and the coordinator that watches them; its clock is moved by hand."""

    world: World
    valkey: EmbeddedRedis
    clock: FixedClock

    async def tenant(self, name: str, url: str, *, opened: bool, active: bool = True) -> None:
        key, admin = f"{name}.{name}", self.world.database.admin
        await admin.ensure_tenant(key, f"uid-{name}", "p", connection_limit=8, facts=TenantFacts(calcom_base_url=url))
        if active:
            await self.world.su.execute(
                """INSERT INTO provider_calls (tenant, provider, operation, method, endpoint, outcome, duration_ms, correlation_id)
                   VALUES ($1, 'calcom', 'book', 'POST', '/', 'failed', 5, 'c')""",
                key,
            )  # fmt: skip
        if opened:
            async with self.valkey.admin() as redis:
                await redis.hset(f"askproai:{key}:circuit:calcom", mapping={"state": "open", "failures": "1 2 3 4 5"})

    async def word(self) -> dict[str, str]:
        async with self.valkey.admin() as redis:
            return await redis.hgetall(KEY)

    async def watch(self) -> int:
        return await watch_circuits(self.world.desk)


@pytest.fixture
async def outage(redis_world: World, own_valkey: EmbeddedRedis) -> Outage:
    clock = FixedClock(SystemClock().now())
    return Outage(replace(redis_world, desk=replace(redis_world.desk, clock=clock)), own_valkey, clock)


async def test_three_open_circuits_of_six_tenants_open_the_one_over_all(outage: Outage, provider: Provider):
    for number in range(6):
        await outage.tenant(f"t{number}", provider.url, opened=number < 3)
    assert await outage.watch() == 1
    word = await outage.word()
    assert (word["state"], word["base_url"]) == ("open", provider.url)
    now = outage.clock.now().timestamp() * 1000
    assert int(word["probe_at"]) == pytest.approx(now + 60_000, abs=2)
    assert int(word["retry_at"]) > int(word["probe_at"]), "no tenant tries before the probe has its answer"
    assert outage.world.metric("circuit_state")['{"provider": "calcom", "state": "closed", "tenant": "_"}'] == 1
    assert await outage.watch() == 0
    assert outage.world.metric("circuit_state")['{"provider": "calcom", "state": "open", "tenant": "_"}'] == 1
    assert provider.asked == []


async def test_two_open_ones_or_a_minority_open_nothing(outage: Outage, provider: Provider):
    for number in range(2):
        await outage.tenant(f"open{number}", provider.url, opened=True)
    assert await outage.watch() == 0
    await outage.tenant("open2", provider.url, opened=True)
    for number in range(4):
        await outage.tenant(f"well{number}", provider.url, opened=False)
    assert await outage.watch() == 0
    assert await outage.word() == {}


async def test_a_server_that_few_use_never_speaks_for_all(outage: Outage, provider: Provider):
    for number in range(3):
        await outage.tenant(f"own{number}", "http://selfhosted.example", opened=True)
    for number in range(4):
        await outage.tenant(f"main{number}", provider.url, opened=False)
    assert await outage.watch() == 0


async def test_one_probe_for_everybody_and_success_closes(outage: Outage, provider: Provider):
    for number in range(3):
        await outage.tenant(f"t{number}", provider.url, opened=True)
    await outage.watch()
    outage.clock.advance(timedelta(seconds=59))
    await outage.watch()
    assert provider.asked == []
    outage.clock.advance(timedelta(seconds=1))
    assert await outage.watch() == 0
    assert len(provider.asked) == 1
    assert "Authorization" not in provider.asked[0]
    first = await outage.word()
    await outage.watch()
    assert len(provider.asked) == 1, "the next probe waits its minute"

    provider.status = 401  # it answers, that is all we want to know
    outage.clock.advance(timedelta(seconds=60))
    assert int(first["retry_at"]) > outage.clock.now().timestamp() * 1000, "the word holds until the probe is answered"
    assert await outage.watch() == 1
    assert len(provider.asked) == 2
    assert await outage.word() == {}


async def test_a_server_that_refuses_connections_stays_open_for_all(outage: Outage):
    for number in range(3):
        await outage.tenant(f"t{number}", "http://127.0.0.1:9", opened=True)
    await outage.watch()
    outage.clock.advance(timedelta(seconds=60))
    assert await outage.watch() == 0
    assert int((await outage.word())["probe_at"]) > outage.clock.now().timestamp() * 1000


async def test_the_word_of_a_coordinator_that_died_runs_out_by_itself(outage: Outage, provider: Provider):
    for number in range(3):
        await outage.tenant(f"t{number}", provider.url, opened=True)
    await outage.watch()
    async with outage.valkey.admin() as redis:
        assert 60_000 < await redis.pttl(KEY) <= 91_000
        assert json.loads(await redis.get("askproai:_:fence")) == 1


async def test_a_word_that_a_person_wrote_is_left_to_run_out(outage: Outage, provider: Provider):
    await outage.tenant("t", provider.url, opened=False)
    async with outage.valkey.admin() as redis:
        await redis.hset(KEY, mapping={"state": "open", "retry_at": "1"})
    assert await outage.watch() == 0
    assert await outage.word() == {"state": "open", "retry_at": "1"}
