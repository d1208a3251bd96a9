"""A circuit keeps the same promises shared through a real Valkey, and in one process without it."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from askproai_core.clock import SystemClock
from askproai_core.provider_limits import CircuitBreakers, CircuitOpen, CircuitRules, CircuitState, Permit
from askproai_core.provider_names import Provider
from askproai_runtime.metrics import Metrics
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.clock import FixedClock
from tests.worlds.tenant_redis import create_tenant_user, tenant_client

pytestmark = pytest.mark.nightly

CALCOM = Provider.CALCOM
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
# Longer than a busy machine takes between two steps of a test.
QUICK = CircuitRules(
    window=timedelta(seconds=3),
    open_for=timedelta(seconds=1),
    probe_for=timedelta(seconds=1.2),
    forget=timedelta(seconds=4.5),
)


@dataclass
class Bench:
    """Circuit breakers, and `wait`: it sleeps if they are in Redis, and advances their clock if they are in the process."""

    circuits: CircuitBreakers
    wait: Callable[[timedelta], Awaitable[None]]
    metrics: Metrics

    async def fail(self, times: int) -> None:
        for _ in range(times):
            await (await self.circuits.allow(CALCOM)).record_failure()

    async def refused(self) -> CircuitOpen:
        with pytest.raises(CircuitOpen) as caught:
            await self.circuits.allow(CALCOM)
        return caught.value

    async def open(self) -> None:
        await self.fail(5)
        await self.refused()

    async def probe(self) -> Permit:
        """Wait until the open circuit lets a probe through."""
        await self.wait(QUICK.open_for)
        return await self.circuits.allow(CALCOM)

    async def state(self) -> CircuitState:
        return (await self.circuits.views())[CALCOM].state

    def shown(self) -> dict[str, float]:
        samples = next(m for m in self.metrics.registry.collect() if m.name == "askproai_circuit_state").samples
        return {s.labels["state"]: s.value for s in samples if s.labels["provider"] == "calcom"}


@pytest.fixture(params=["shared", "in process"])
async def bench(request: pytest.FixtureRequest, valkey: EmbeddedRedis) -> AsyncIterator[Bench]:
    tenant = f"t{secrets.token_hex(4)}.salon"
    metrics = Metrics(tenant)
    if request.param == "in process":
        clock = FixedClock(NOW)
        yield Bench(CircuitBreakers(None, clock, metrics, QUICK), clock.sleep, metrics)
        return
    shared = tenant_client(await create_tenant_user(valkey, tenant), tenant)
    margin = timedelta(milliseconds=20)
    yield Bench(
        CircuitBreakers(shared, SystemClock(), metrics, QUICK), lambda d: SystemClock().sleep(d + margin), metrics
    )
    await shared.close()


async def test_five_failures_open_the_circuit_with_retry_time(bench: Bench) -> None:
    await bench.fail(4)
    assert await bench.state() is CircuitState.CLOSED
    await bench.fail(1)
    refusal = await bench.refused()
    assert timedelta() < refusal.retry_after <= QUICK.open_for
    assert not refusal.slow
    assert bench.shown() == {"closed": 0, "open": 1, "half_open": 0}


async def test_success_resets_the_count_of_circuit_failures(bench: Bench) -> None:
    for _ in range(3):
        await bench.fail(4)
        await (await bench.circuits.allow(CALCOM)).record_success()
    assert await bench.state() is CircuitState.CLOSED


async def test_failures_outside_the_window_open_no_circuit(bench: Bench) -> None:
    await bench.fail(4)
    await bench.wait(QUICK.window)
    await bench.fail(4)
    assert await bench.state() is CircuitState.CLOSED


@pytest.mark.parametrize("status", [200, 201, 302, 400, 401, 403, 404, 409, 422, 498])
async def test_answers_and_own_mistakes_open_no_circuit(bench: Bench, status: int) -> None:
    for _ in range(8):
        await (await bench.circuits.allow(CALCOM)).record_status(status)
    assert (await bench.circuits.views())[CALCOM].failures == 0


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
async def test_server_error_statuses_open_the_circuit(bench: Bench, status: int) -> None:
    for _ in range(5):
        await (await bench.circuits.allow(CALCOM)).record_status(status)
    await bench.refused()


async def test_successful_probe_closes_the_circuit(bench: Bench) -> None:
    await bench.open()
    probe = await bench.probe()
    assert (await bench.refused()).retry_after <= QUICK.probe_for
    assert bench.shown()["half_open"] == 1
    await probe.record_success()
    await bench.fail(4)
    assert await bench.state() is CircuitState.CLOSED
    assert bench.shown() == {"closed": 1, "open": 0, "half_open": 0}


async def test_failed_probe_reopens_circuit_for_the_full_wait(bench: Bench) -> None:
    await bench.open()
    await (await bench.probe()).record_failure()
    refusal = await bench.refused()
    assert refusal.retry_after > QUICK.open_for / 2
    await (await bench.probe()).record_success()
    assert await bench.state() is CircuitState.CLOSED


async def test_only_one_of_fifty_simultaneous_requests_probes_provider(bench: Bench) -> None:
    await bench.open()
    await bench.wait(QUICK.open_for)
    results = await asyncio.gather(*(bench.circuits.allow(CALCOM) for _ in range(50)), return_exceptions=True)
    assert [type(result) for result in results].count(Permit) == 1
    assert [type(result) for result in results].count(CircuitOpen) == 49


async def test_expired_probe_permit_passes_to_another_process(bench: Bench) -> None:
    await bench.open()
    dead = await bench.probe()
    await bench.wait(QUICK.probe_for)
    second = await bench.circuits.allow(CALCOM)
    await dead.record_success()  # it continues too late: another process has the probe
    assert await bench.state() is CircuitState.HALF_OPEN
    await dead.record_failure()
    assert await bench.state() is CircuitState.HALF_OPEN
    await second.record_success()
    assert await bench.state() is CircuitState.CLOSED


async def test_a_cancelled_probe_gives_its_permit_back(bench: Bench) -> None:
    await bench.open()
    probe = await bench.probe()

    async def call() -> None:
        async with probe:
            await asyncio.Event().wait()

    task = asyncio.create_task(call())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    await (await bench.circuits.allow(CALCOM)).record_success()
    assert await bench.state() is CircuitState.CLOSED


async def test_429_delays_requests_without_opening_the_circuit(bench: Bench) -> None:
    await (await bench.circuits.allow(CALCOM)).record_status(429, timedelta(seconds=1))
    refusal = await bench.refused()
    assert refusal.slow
    assert await bench.state() is CircuitState.CLOSED
    await bench.wait(timedelta(seconds=1))
    await (await bench.circuits.allow(CALCOM)).record_success()


async def test_late_answer_from_before_the_outage_changes_nothing(bench: Bench) -> None:
    late = [await bench.circuits.allow(CALCOM) for _ in range(2)]
    await bench.open()
    await late[0].record_success()
    await late[1].record_failure()
    assert await bench.state() is CircuitState.OPEN


async def test_an_open_circuit_that_nobody_tries_is_forgotten(bench: Bench) -> None:
    """It must not look like an outage, to an alert or to the coordinator, all night long."""
    await bench.open()
    await bench.wait(QUICK.open_for + QUICK.forget)
    assert await bench.state() is CircuitState.CLOSED
    assert bench.shown()["closed"] == 1
    await bench.fail(4)
    assert await bench.state() is CircuitState.CLOSED


async def test_manual_reset_closes_the_circuit(bench: Bench) -> None:
    await bench.open()
    await bench.circuits.reset(CALCOM)
    assert await bench.state() is CircuitState.CLOSED
    await (await bench.circuits.allow(CALCOM)).record_success()


async def test_open_circuit_affects_only_one_provider(bench: Bench) -> None:
    await bench.open()
    await (await bench.circuits.allow(Provider.RETELL)).record_success()


async def test_pods_share_a_circuit_and_tenants_do_not(valkey: EmbeddedRedis) -> None:
    urls = {name: await create_tenant_user(valkey, name) for name in ("a.share", "b.share")}
    first, second, foreign = (tenant_client(urls[name], name) for name in ("a.share", "a.share", "b.share"))
    first_pod, second_pod, other_tenant = (
        CircuitBreakers(shared, SystemClock(), None, QUICK) for shared in (first, second, foreign)
    )
    for n in range(5):
        await (await (first_pod, second_pod)[n % 2].allow(CALCOM)).record_failure()
    with pytest.raises(CircuitOpen):
        await first_pod.allow(CALCOM)
    assert (await second_pod.views())[CALCOM].state is CircuitState.OPEN
    assert (await other_tenant.views())[CALCOM].state is CircuitState.CLOSED
    for shared in (first, second, foreign):
        await shared.close()


async def test_lost_redis_neither_forgets_circuits_nor_stops_anybody(own_valkey: EmbeddedRedis) -> None:
    shared = tenant_client(await create_tenant_user(own_valkey, "a.gone"), "a.gone")
    # Until the server is dead, on any machine.
    slow = CircuitRules(window=timedelta(seconds=30), open_for=timedelta(seconds=5))
    circuits = CircuitBreakers(shared, SystemClock(), None, slow)
    for _ in range(5):
        await (await circuits.allow(CALCOM)).record_failure()
    assert (await circuits.views())[CALCOM].shared
    await own_valkey.kill()
    with pytest.raises(CircuitOpen):
        await circuits.allow(CALCOM)
    view = (await circuits.views())[CALCOM]
    assert (view.state, view.shared) == (CircuitState.OPEN, False)
    await SystemClock().sleep(slow.open_for)
    await (await circuits.allow(CALCOM)).record_success()
    assert (await circuits.views())[CALCOM].state is CircuitState.CLOSED
    await shared.close()


async def test_coordinators_open_circuit_affects_only_its_server(valkey: EmbeddedRedis) -> None:
    shared = tenant_client(await create_tenant_user(valkey, "a.server"), "a.server")
    same_server, other_server, unknown_server = (
        CircuitBreakers(shared, SystemClock(), None, QUICK, base_url=lambda _, url=url: url)
        for url in ("https://api.cal.com", "https://cal.example", None)
    )
    until = int((SystemClock().now() + timedelta(seconds=30)).timestamp() * 1000)
    verdict = {"state": "open", "retry_at": until, "base_url": "https://api.cal.com"}
    async with valkey.admin() as coordinator:
        await coordinator.hset("askproai:_:circuit:calcom", mapping=verdict)
        try:
            await (await other_server.allow(CALCOM)).record_success()
            for circuits in (same_server, unknown_server):
                with pytest.raises(CircuitOpen):
                    await circuits.allow(CALCOM)
        finally:
            await coordinator.delete("askproai:_:circuit:calcom")
    await shared.close()


async def test_coordinators_open_circuit_refuses_all_until_retry_time(valkey: EmbeddedRedis) -> None:
    shared = tenant_client(await create_tenant_user(valkey, "a.verdict"), "a.verdict")
    circuits = CircuitBreakers(shared, SystemClock(), None, QUICK)
    until = SystemClock().now() + timedelta(seconds=1)
    verdict = {"state": "open", "retry_at": int(until.timestamp() * 1000), "fence": 7}
    async with valkey.admin() as coordinator:
        await coordinator.hset("askproai:_:circuit:calcom", mapping=verdict)
        try:
            with pytest.raises(CircuitOpen) as caught:
                await circuits.allow(CALCOM)
            assert not caught.value.slow
            assert (await circuits.views())[CALCOM].everywhere
            await circuits.reset(CALCOM)
            assert (await circuits.views())[CALCOM].state is CircuitState.OPEN, "a tenant cannot overrule it"
            await SystemClock().sleep(timedelta(seconds=1.05))
            await (await circuits.allow(CALCOM)).record_success()
            assert (await circuits.views())[CALCOM].state is CircuitState.CLOSED
        finally:
            await coordinator.delete("askproai:_:circuit:calcom")
    await shared.close()
