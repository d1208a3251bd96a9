"""Real processes and a real API server: who leads, who takes over, and that a deposed leader changes nothing."""

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from askproai_sandbox.cluster import Child, ControlPlane, KubeClient, spawn
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.coordinator_environment import PASSWORD, CoordinatorEnvironment, coordinator_url
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

AGO = timedelta(seconds=-1)
LEASE = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/askproai-coordinator"
Start = Callable[[str], Awaitable[Child]]


@pytest.fixture
async def start_coordinator(
    env_with_redis: CoordinatorEnvironment,
    own_valkey: EmbeddedRedis,
    control_plane: ControlPlane,
    kube_namespace: str,
    tmp_path: Path,
) -> AsyncIterator[Start]:
    """Yield a function that starts a coordinator with its Lease in the test's namespace and short times."""
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "DATABASE_URL").write_text(env_with_redis.database.admin.coordinator_dsn(PASSWORD))
    (credentials / "REDIS_URL").write_text(await coordinator_url(own_valkey))
    settings = {
        "KUBECONFIG": control_plane.kubeconfig, "NAMESPACE": kube_namespace, "CREDENTIALS_DIR": credentials,
        "BIND_ADDRESS": "127.0.0.1", "HEALTH_PORT": "0", "FLEET_PAGE_PORT": "0", "SWEEP_SECONDS": "0.2", "COUNT_SECONDS": "0.2",
        "LEASE_SECONDS": "4", "LEASE_RENEW_SECONDS": "3", "LEASE_RETRY_SECONDS": "1",
    }  # fmt: skip
    environment = os.environ | {f"ASKPROAI_{name}": str(value) for name, value in settings.items()}
    command = [Path(sys.executable).with_name("askproai-runtime"), "coordinator"]
    started: list[Child] = []

    async def start(name: str) -> Child:
        started.append(await spawn(name, command, directory=tmp_path, environment=environment))
        await eventually(lambda: log_entries(started[-1], "coordinator.started"), SOON, "its start")
        return started[-1]

    yield start
    for child in started:
        await child.stop(first_signal=signal.SIGKILL)


def log_entries(child: Child, event: str) -> list[dict[str, Any]]:
    lines = [line for line in child.log.read_text().splitlines() if line.startswith("{")]
    return [entry for entry in map(json.loads, lines) if entry["event"] == event]


async def ask(child: Child, path: str) -> tuple[int, str]:
    url = f"http://127.0.0.1:{log_entries(child, 'coordinator.started')[0]['port']}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


async def wait_until_leading(child: Child) -> int:
    """Wait until it has the Lease, and return its term."""
    (acquired,) = await eventually(lambda: log_entries(child, "lease.acquired"), SOON, "the Lease")
    return int(acquired["term"])


async def wait_until_swept(env: CoordinatorEnvironment) -> None:
    async def gone() -> bool:
        return await env.rows("SELECT 1 FROM appointments WHERE status = 'held'") == []

    await eventually(gone, SOON, "the sweep")


async def test_standby_takes_over_when_the_leader_is_killed(
    env_with_redis: CoordinatorEnvironment, start_coordinator: Start, kube_client: KubeClient, kube_namespace: str
):
    salon = await env_with_redis.database.create_tenant("salon")
    first = await start_coordinator("first")
    term = await wait_until_leading(first)
    second = await start_coordinator("second")
    await env_with_redis.appointment(salon, expires=AGO)
    await wait_until_swept(env_with_redis)
    assert (await ask(second, "/readyz"))[0] == (await ask(second, "/livez"))[0] == 200, "a standby is ready"
    assert "askproai_leader 1.0" in (await ask(first, "/metrics"))[1]
    idle = (await ask(second, "/metrics"))[1]
    assert "askproai_leader 0.0" in idle
    assert "askproai_duty_runs_total{" not in idle
    assert "askproai_dead_letters{" not in idle

    os.kill(first.pid, signal.SIGKILL)
    await env_with_redis.appointment(salon, expires=AGO)
    assert await wait_until_leading(second) == term + 1
    await wait_until_swept(env_with_redis)
    assert "askproai_leader 1.0" in (await ask(second, "/metrics"))[1]

    assert await second.stop() == 0
    assert log_entries(second, "coordinator.stopped")
    lease = await kube_client.get(LEASE.format(kube_namespace))
    assert (lease["spec"]["holderIdentity"], lease["spec"]["leaseTransitions"]) == ("", term + 1)


async def test_a_deposed_leader_that_wakes_changes_nothing(
    env_with_redis: CoordinatorEnvironment,
    own_valkey: EmbeddedRedis,
    start_coordinator: Start,
    kube_client: KubeClient,
    kube_namespace: str,
):
    """SIGSTOP for longer than the Lease, then SIGCONT: by then another process leads."""
    salon = await env_with_redis.database.create_tenant("salon")
    first = await start_coordinator("first")
    term = await wait_until_leading(first)
    second = await start_coordinator("second")
    os.kill(first.pid, signal.SIGSTOP)
    assert await wait_until_leading(second) == term + 1
    async with own_valkey.admin() as redis:
        await redis.set("askproai:salon.salon:slot:a", "x")

        async def has_expiry() -> bool:
            return bool(await redis.pttl("askproai:salon.salon:slot:a") > 0)

        await eventually(has_expiry, SOON, "the second one's write")
        # Now the second one is stopped, too: every change from here on would be the first one's.
        os.kill(second.pid, signal.SIGSTOP)
        await redis.set("askproai:salon.salon:slot:b", "x")
        await env_with_redis.appointment(salon, expires=AGO)
        await env_with_redis.event(salon, "stuck", status="failed", job="dead")
        held = await kube_client.get(LEASE.format(kube_namespace))
        os.kill(first.pid, signal.SIGCONT)
        assert await first.wait() == 1
        assert log_entries(first, "lease.lost")
        taken_over = log_entries(second, "lease.acquired")[0]["timestamp"]
        assert not [line for line in log_entries(first, "duty.done") if line["timestamp"] > taken_over]
        assert await redis.pttl("askproai:salon.salon:slot:b") == -1
        assert await redis.get("askproai:_:fence") == str(term + 1)
    assert await env_with_redis.rows("SELECT status FROM appointments") == [{"status": "held"}]
    assert await env_with_redis.rows("SELECT state FROM jobs") == [{"state": "dead"}]
    assert await kube_client.get(LEASE.format(kube_namespace)) == held


@pytest.mark.processes
async def test_wrong_coordinator_setting_is_named_at_start(tmp_path: Path):
    command = [Path(sys.executable).with_name("askproai-runtime"), "coordinator"]
    for name, value, code, text in (
        ("ASKPROAI_LEASE_SECONDS", "soon", 2, "ASKPROAI_LEASE_SECONDS"),
        ("ASKPROAI_KUBECONFIG", "/nowhere", 1, "set ASKPROAI_KUBECONFIG"),
    ):
        environment = os.environ | {"ASKPROAI_BIND_ADDRESS": "127.0.0.1", "ASKPROAI_HEALTH_PORT": "0", name: value}
        child = await spawn(f"wrong-{code}", command, directory=tmp_path, environment=environment)
        assert await child.wait() == code
        assert text in child.log.read_text()


async def test_standby_serves_the_fleet_page_like_the_leader(start_coordinator: Start, tmp_path: Path) -> None:
    (tmp_path / "credentials/FLEET_TOKEN").write_text("token-of-the-platform-0123456789")
    leader = await start_coordinator("leader")
    await wait_until_leading(leader)
    for child in (leader, await start_coordinator("standby")):
        url = f"http://127.0.0.1:{log_entries(child, 'coordinator.started')[0]['page_port']}/login"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.status == 200
            assert 'name="token"' in await answer.text()
