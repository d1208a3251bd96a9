"""The operator's process, with controllers that do next to nothing: election, watches, status, no needless writes, shutdown."""

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from askproai_operator import resources
from askproai_sandbox.cluster import Child, ControlPlane, spawn
from tests.worlds.database_gate import DatabaseGate
from tests.worlds.engine_environment import EngineEnvironment
from tests.worlds.waiting import SOON, eventually, until

pytestmark = pytest.mark.nightly

Start = Callable[..., Awaitable[Child]]


@pytest.fixture
async def start_operator(control_plane: ControlPlane, kube_namespace, crds, tmp_path) -> AsyncIterator[Start]:
    """Yield a function that starts an operator with its Lease in the test's own namespace."""
    started: list[Child] = []

    async def start(name: str, **settings: str) -> Child:
        variables = {"KUBECONFIG": control_plane.kubeconfig, "NAMESPACE": kube_namespace, "BIND_ADDRESS": "127.0.0.1"}
        variables |= {
            "DATABASE_ADMIN_URL": "postgresql://nobody@127.0.0.1/none",
            "HEALTH_PORT": "0",
            "METRICS_PORT": "0",
        }
        variables |= {
            "LEASE_SECONDS": "4",
            "LEASE_RENEW_SECONDS": "3",
            "LEASE_RETRY_SECONDS": "1",
            "RESYNC_SECONDS": "5",
        }
        environment = os.environ | {f"ASKPROAI_{key}": str(value) for key, value in (variables | settings).items()}
        command = [sys.executable, Path(__file__).with_name("lone_operator.py")]
        started.append(await spawn(name, command, directory=tmp_path, environment=environment))
        return started[-1]

    yield start
    for child in started:
        await child.stop()


def logged(child: Child, event: str) -> list[dict[str, Any]]:
    lines = [line for line in child.log.read_text().splitlines() if line.startswith("{")]
    return [entry for entry in map(json.loads, lines) if entry["event"] == event]


async def get(child: Child, path: str) -> tuple[int, str]:
    (serving,) = await eventually(lambda: logged(child, "health.serving"), SOON, "the probes")
    async with aiohttp.ClientSession() as session, session.get(f"http://{serving['addresses'][0]}{path}") as response:
        return response.status, await response.text()


def ready(obj: dict[str, Any]) -> dict[str, Any]:
    conditions = obj.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == "Ready"), {"status": None, "reason": None})


async def is_ready(env: EngineEnvironment, ref: resources.ApiResource, name: str) -> dict[str, Any]:
    return await until(
        lambda: env.kube.get(ref, env.namespace, name),
        lambda live: live and ready(live)["status"] == "True",
        f"{ref.kind} {name} to be Ready",
    )


async def test_standby_takes_over_when_the_leader_dies(env, start_operator, kube_client):
    """The Lease's times are a quarter of the defaults here."""
    first = await start_operator("first")
    await eventually(lambda: logged(first, "cache.primed"), SOON, "the first to lead")
    second = await start_operator("second")
    assert (await get(second, "/readyz"))[0] == 200, "a standby is ready"
    await env.create("Tenant")
    await is_ready(env, resources.TENANTS, "salon-mueller")
    assert not logged(second, "lease.acquired")
    assert "askproai_leader 1.0" in (await get(first, "/metrics"))[1]

    os.kill(first.pid, signal.SIGKILL)
    (taken,) = await eventually(lambda: logged(second, "lease.acquired"), SOON, "the second to take over")
    (held,) = logged(first, "lease.acquired")
    assert taken["term"] == held["term"] + 1
    await env.create("Branch")
    await is_ready(env, resources.BRANCHES, "mitte")

    assert await second.stop() == 0
    assert logged(second, "lease.released")
    lease = await env.kube.get(resources.LEASES, env.namespace, "askproai-operator")
    assert lease["spec"]["holderIdentity"] == ""
    assert lease["spec"]["leaseTransitions"] == taken["term"]


async def child_says(env: EngineEnvironment, name: str) -> bool:
    live = await env.kube.get(resources.CONFIG_MAPS, env.namespace, "salon-mueller-config")
    return live is not None and live["data"] == {"name": name}


async def test_new_leader_first_applies_edits_missed_without_leader(env, start_operator, kube_client):
    """The new leader first applies an edit made without a leader; a resync of all would follow only after 30 s."""
    slow = {"RESYNC_SECONDS": "600"}
    first = await start_operator("first", **slow)
    await env.create("Tenant")
    await is_ready(env, resources.TENANTS, "salon-mueller")
    second = await start_operator("second", **slow)
    await eventually(lambda: logged(second, "cache.primed"), SOON, "the standby to fill its cache")
    assert "askproai_resource_condition{" not in (await get(second, "/metrics"))[1], "a sum would count objects twice"

    os.kill(first.pid, signal.SIGKILL)
    where = resources.TENANTS.path(env.namespace, "salon-mueller")
    await kube_client.merge(where, {"spec": {"displayName": "Salon Mülller"}})
    await eventually(lambda: child_says(env, "Salon Mülller"), SOON, "the edit to be acted on")
    assert "askproai_resource_condition{" in (await get(second, "/metrics"))[1]


async def test_stopped_and_continued_leader_writes_nothing_more(env, start_operator, kube_client):
    """A process that is frozen for longer than its Lease wakes up in the middle of its work."""
    first = await start_operator("first")
    await env.create("Tenant")
    await is_ready(env, resources.TENANTS, "salon-mueller")
    second = await start_operator("second")
    await eventually(lambda: logged(second, "cache.primed"), SOON, "the standby to fill its cache")
    where = resources.TENANTS.path(env.namespace, "salon-mueller")
    child = resources.CONFIG_MAPS.path(env.namespace, "salon-mueller-config")

    os.kill(first.pid, signal.SIGSTOP)
    await eventually(lambda: logged(second, "lease.acquired"), SOON, "the second to take over")
    await eventually(lambda: logged(second, "queue.filled"), SOON, "it to begin")
    assert await second.stop() == 0, "the Lease is free, and still not for the first one"
    await kube_client.merge(where, {"spec": {"displayName": "Salon Mülller"}})
    before = [await kube_client.get(where), await kube_client.get(child)]
    os.kill(first.pid, signal.SIGCONT)
    assert await first.wait() == 1
    assert logged(first, "lease.lost")
    after = [await kube_client.get(where), await kube_client.get(child)]
    assert [each["metadata"]["resourceVersion"] for each in after] == [
        each["metadata"]["resourceVersion"] for each in before
    ]


async def test_operator_without_api_server_waits_until_sigterm(start_operator, tmp_path):
    """A restart while the API server is down: no crash loop, ready as a standby, and SIGTERM is obeyed."""
    user = {"name": "u", "user": {"token": "t"}}
    cluster = {"name": "c", "cluster": {"server": "https://127.0.0.1:9", "insecure-skip-tls-verify": True}}
    context = {"name": "x", "context": {"cluster": "c", "user": "u"}}
    config = {"apiVersion": "v1", "kind": "Config", "current-context": "x"}
    away = tmp_path / "away.json"
    away.write_text(json.dumps(config | {"clusters": [cluster], "users": [user], "contexts": [context]}))
    waiting = await start_operator("waiting", KUBECONFIG=str(away))
    await eventually(lambda: len(logged(waiting, "lease.unreachable")) > 1, SOON, "a second try")
    assert (await get(waiting, "/readyz"))[0] == 200
    assert await waiting.stop() == 0


async def test_edit_during_an_api_outage_is_acted_upon(env, start_operator, control_plane, kube_client, tmp_path):
    """The outage is shorter than the Lease, and the edit comes by a watch: a resync would take ten minutes."""
    config = yaml.safe_load(control_plane.kubeconfig.read_text())
    cluster = config["clusters"][0]["cluster"]
    gate = DatabaseGate(f"{cluster['server']}/")
    await gate.open()
    cluster["server"] = gate.dsn.rstrip("/")
    through = tmp_path / "through.json"
    through.write_text(json.dumps(config))
    slow = {"RESYNC_SECONDS": "600", "LEASE_SECONDS": "15", "LEASE_RENEW_SECONDS": "10"}
    operator = await start_operator("operator", KUBECONFIG=str(through), **slow)
    await env.create("Tenant")
    await is_ready(env, resources.TENANTS, "salon-mueller")
    await gate.shut()
    edit = {"spec": {"displayName": "Salon Mülller"}}
    await kube_client.merge(resources.TENANTS.path(env.namespace, "salon-mueller"), edit)
    await gate.open()

    def awaited() -> str:
        return f"the edit to be acted on; the log ends with\n{operator.log.read_text()[-6000:]}"

    await eventually(lambda: child_says(env, "Salon Mülller"), SOON, awaited)
    assert operator.exit_code is None
    await operator.stop()
    await gate.shut()


async def test_leader_that_lost_its_lease_ends_at_once(env, start_operator, kube_client):
    leader = await start_operator("leader")
    await eventually(lambda: logged(leader, "cache.primed"), SOON, "it to lead")
    lease = resources.LEASES.path(env.namespace, "askproai-operator")
    await kube_client.merge(lease, {"spec": {"holderIdentity": "another", "leaseDurationSeconds": 600}})
    assert await leader.wait() == 1
    assert logged(leader, "lease.lost")


async def test_changes_arrive_and_only_damaged_children_are_written(env, start_operator, kube_client):
    await env.create("Tenant", finalizers=["kopf.zalando.org/KopfFinalizerMarker"])  # somebody else's Kopf operator
    operator = await start_operator("operator")
    tenant = await is_ready(env, resources.TENANTS, "salon-mueller")
    assert tenant["status"]["observedGeneration"] == 1
    where = resources.TENANTS.path(env.namespace, "salon-mueller")
    child = resources.CONFIG_MAPS.path(env.namespace, "salon-mueller-config")

    await eventually(lambda: child_says(env, "Salon Müller"), SOON, "the child")
    await kube_client.merge(where, {"spec": {"displayName": "Salon Mülller"}})
    await eventually(lambda: child_says(env, "Salon Mülller"), SOON, "the change in the child")
    await kube_client.merge(child, {"data": {"name": "by hand"}})
    await eventually(lambda: child_says(env, "Salon Mülller"), SOON, "the repair")
    await kube_client.delete(child)
    await eventually(lambda: child_says(env, "Salon Mülller"), SOON, "the child created again")
    token = {"metadata": {"annotations": {"askproai.de/reconcile-at": "now"}}}
    await kube_client.merge(where, token)
    token = "lastReconcileToken"
    await until(lambda: kube_client.get(where), lambda live: live["status"].get(token) == "now", "the token's echo")

    # No write in at least one resync of everything: the resourceVersions prove it.
    before = [await kube_client.get(where), await kube_client.get(child)]
    runs = float(metric(await get(operator, "/metrics"), 'askproai_reconcile_total{kind="Tenant",result="ok"}'))

    async def ran_twice() -> bool:
        now = metric(await get(operator, "/metrics"), 'askproai_reconcile_total{kind="Tenant",result="ok"}')
        return float(now) >= runs + 2

    await eventually(ran_twice, SOON, "two resyncs", every=0.5)
    after = [await kube_client.get(where), await kube_client.get(child)]
    assert [each["metadata"]["resourceVersion"] for each in after] == [
        each["metadata"]["resourceVersion"] for each in before
    ]

    # Kopf itself wrote nothing: no annotation, no finalizer added or removed, no manager but ours and the test's.
    meta = after[0]["metadata"]
    assert set(meta["finalizers"]) == {"kopf.zalando.org/KopfFinalizerMarker", "askproai.de/cleanup"}
    assert set(meta["annotations"]) == {"askproai.de/reconcile-at"}
    assert not [line for line in operator.log.read_text().splitlines() if "Traceback" in line]
    count = 'askproai_resource_condition{kind="Tenant",status="True",type="Ready"}'
    assert float(metric(await get(operator, "/metrics"), count)) >= 1  # other tests leave Tenants in the cluster
    await kube_client.merge(where, {"metadata": {"finalizers": ["askproai.de/cleanup"]}})
    await kube_client.delete(where)
    salon = (resources.TENANTS, env.namespace, "salon-mueller")
    await until(lambda: env.kube.get(*salon), lambda live: live is None, "the Tenant's end")
    assert await operator.stop() == 0


def metric(answer: tuple[int, str], name: str) -> str:
    return next((line.rpartition(" ")[2] for line in answer[1].splitlines() if line.startswith(name)), "0")


async def test_operator_error_is_reported_without_text_and_retried(env, start_operator, kube_client):
    await env.create("Tenant")
    where = resources.TENANTS.path(env.namespace, "salon-mueller")
    await kube_client.merge(where, {"spec": {"displayName": "boom"}})
    operator = await start_operator("operator")

    async def reported() -> bool:
        found = ready(await kube_client.get(where))
        return (found["status"], found["reason"]) == ("Unknown", "InternalError")

    await eventually(reported, SOON, "the condition")
    await eventually(lambda: len(logged(operator, "reconcile.failed")) > 1, SOON, "another try")
    failures = logged(operator, "reconcile.failed")
    assert "lone_operator.py" in failures[0]["where"][-1], "the first one names the place"
    assert failures[1]["where"] is None, "the next ones are short"
    await kube_client.merge(where, {"spec": {"displayName": "Salon"}})
    await is_ready(env, resources.TENANTS, "salon-mueller")

    async def both_events() -> list[dict[str, Any]] | None:  # an event comes right after its status
        found = await env.kube.list(resources.EVENTS, env.namespace)
        return found if {event["reason"] for event in found} >= {"InternalError", "Ready"} else None

    events = await eventually(both_events, SOON, "both events")
    assert "geheim" not in operator.log.read_text()
    assert "geheim" not in json.dumps([events, await kube_client.get(where)])
