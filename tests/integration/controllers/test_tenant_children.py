"""A tenant's optional children at a real API server. No kubelet runs: the tests themselves report pods as ready."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from tests.foreign_crds import GATEWAY, MONITORING, crd_files

from askproai_operator.engine import Key, resources
from askproai_sandbox.cluster import ApiError, ControlPlane, Mirror, eventually

SOON = timedelta(seconds=15)
RUNS = {"suspend": False}
WEB, WORKER = "salon-mueller-web", "salon-mueller-worker"


def runtime(**parts: Any) -> dict[str, Any]:
    return {"spec": {"runtime": parts}}


async def merge(place: Any, body: dict[str, Any]) -> None:
    await place.client.merge(place.path("Tenant"), body)


async def until(place: Any, kind: str, name: str, holds: Callable[[dict[str, Any] | None], object], what: str) -> Any:
    """Wait until `holds` of a child (None while it does not exist); return the child."""

    async def matching() -> list[Any]:
        live = await place.get(kind, name)
        return [live] if holds(live) else []

    return (await eventually(matching, SOON, what))[0]


@asynccontextmanager
async def replicas_seen(place: Any, name: str) -> AsyncIterator[list[int]]:
    """Record every number of replicas that a Deployment ever asks for."""
    seen: list[int] = []

    def record(_old: Any, new: Any) -> None:
        if new is not None and new["metadata"]["name"] == name and new["spec"]["replicas"] not in seen[-1:]:
            seen.append(new["spec"]["replicas"])

    mirror = Mirror(place.client, resources.DEPLOYMENTS.path(place.namespace), record)
    task = asyncio.create_task(mirror.run())
    await mirror.synced.wait()
    yield seen
    task.cancel()


def holders(deployment: dict[str, Any]) -> list[str]:
    """Return the field managers of `replicas`."""
    entries = deployment["metadata"]["managedFields"]
    return [entry["manager"] for entry in entries if "f:replicas" in entry["fieldsV1"].get("f:spec", {})]


async def scale_as_autoscaler(place: Any, number: int) -> None:
    """Write replicas as the HorizontalPodAutoscaler's controller does."""
    path = f"{place.path('Deployment', WEB)}/scale?fieldManager=kube-controller-manager"
    await place.client.merge(path, {"spec": {"replicas": number}})


async def reconcile_again(place: Any) -> None:
    """Requeue the Tenant, and wait until it is reconciled."""
    key, sent = Key("Tenant", place.namespace, "salon-mueller"), len(place.operator.retell.journal.entries)
    place.operator.queue.add(key)
    await eventually(lambda: len(place.operator.retell.journal.entries) > sent, SOON, "a reconcile")
    await eventually(lambda: key not in place.operator.queue._processing, SOON, "its end")


async def make_ready(place: Any, component: str) -> None:
    """Report all pods of a component as ready, as a kubelet would."""
    labels = f"app.kubernetes.io/component={component}"
    pods = await place.client.get(f"/api/v1/namespaces/{place.namespace}/pods", labelSelector=labels)
    for pod in pods["items"]:
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-20T08:00:00Z"}
        path = f"/api/v1/namespaces/{place.namespace}/pods/{pod['metadata']['name']}/status"
        with suppress(ApiError):  # it was deleted a moment ago
            await place.client.merge(path, {"status": {"phase": "Running", "conditions": [ready]}})


async def make_deployment_ready(place: Any, component: str) -> None:
    """Report all pods of a Deployment as ready, as soon as its controller has created them."""

    async def all_available() -> bool:
        await make_ready(place, component)
        live = await place.get("Deployment", f"salon-mueller-{component}")
        counts = {live["status"].get(name) for name in ("replicas", "updatedReplicas", "availableReplicas")}
        return counts == {live["spec"]["replicas"]}

    await eventually(all_available, SOON, f"the {component} pods")


# Replicas


async def test_replicas_are_handed_over_both_ways_and_never_fall_back_to_one(place):
    """A field that its only manager stops sending falls back to its default (docs/decisions/0019-handover-of-replicas.md)."""
    await place.secret()
    async with replicas_seen(place, WEB) as seen:
        fixed = {"web": {"minReplicas": 5, "maxReplicas": 5}}
        await place.create("Tenant", spec=RUNS | {"runtime": fixed})
        live = await until(place, "Deployment", WEB, bool, "the Deployment")
        assert (live["spec"]["replicas"], holders(live)) == (5, ["askproai-operator"])
        assert await place.get("HorizontalPodAutoscaler", WEB) is None

        await merge(place, runtime(web={"minReplicas": 2, "maxReplicas": 10}))
        await until(place, "HorizontalPodAutoscaler", WEB, bool, "the autoscaler")
        live = await place.get("Deployment", WEB)
        assert (live["spec"]["replicas"], holders(live)) == (5, ["askproai-operator-handover"])

        await scale_as_autoscaler(place, 7)
        await reconcile_again(place)
        await merge(place, runtime(web={"minReplicas": 3, "maxReplicas": 10}))
        await until(place, "HorizontalPodAutoscaler", WEB, lambda hpa: hpa["spec"]["minReplicas"] == 3, "new bounds")
        live = await place.get("Deployment", WEB)
        assert live["spec"]["replicas"] == 7
        assert holders(live) == ["kube-controller-manager"], "the hand-over ended with the autoscaler's own write"

        await merge(place, runtime(web={"minReplicas": 4, "maxReplicas": 4}))
        await until(place, "Deployment", WEB, lambda live: live["spec"]["replicas"] == 4, "the fixed number")
        await place.gone("HorizontalPodAutoscaler", WEB)
        assert holders(await place.get("Deployment", WEB)) == ["askproai-operator"]
    assert seen == [5, 7, 4]


async def test_a_manifest_gets_no_more_pods_connections_and_requests_than_the_platform_allows(place):
    await place.secret()
    limits = {"webhooksPerSecond": 0, "functionsPerSecond": 200}
    await place.create(
        "Tenant", spec=RUNS | {"runtime": {"web": {"minReplicas": 2, "maxReplicas": 100}, "rateLimits": limits}}
    )
    autoscaler = await until(place, "HorizontalPodAutoscaler", WEB, bool, "the autoscaler")
    assert autoscaler["spec"]["maxReplicas"] == 20
    config = await until(place, "ConfigMap", "salon-mueller-config", bool, "the config")
    given = json.loads(config["data"]["tenant.json"])["rate_limits"]
    assert (given["webhooks_per_second"], given["functions_per_second"]) == (1000, 200)
    await make_deployment_ready(place, "web")
    runs = await place.condition("RuntimeAvailable", "True", "Capped")
    assert "runtime.web.maxReplicas is 20 instead of 100" in runs["message"]
    assert "runtime.rateLimits.webhooksPerSecond is 1000 instead of 0" in runs["message"]


async def test_a_new_autoscaled_tenant_starts_with_its_minimum_and_is_then_left_alone(place):
    await place.secret()
    async with replicas_seen(place, WEB) as seen:
        await place.create("Tenant", spec=RUNS)
        await until(place, "HorizontalPodAutoscaler", WEB, bool, "the autoscaler")
        live = await place.get("Deployment", WEB)
        assert (live["spec"]["replicas"], holders(live)) == (2, ["askproai-operator-handover"])
        await make_deployment_ready(place, "web")
        await place.ready()
        await reconcile_again(place)
        before = len(place.operator.writes)
        await reconcile_again(place)
        assert [write for write in place.operator.writes[before:] if place.namespace in write[1]] == []
    assert seen == [2]


async def test_suspending_deletes_the_autoscaler_too_and_resuming_starts_at_the_minimum(place):
    await place.secret()
    async with replicas_seen(place, WEB) as seen:
        await place.create("Tenant", spec=RUNS)
        await until(place, "HorizontalPodAutoscaler", WEB, bool, "the autoscaler")
        await merge(place, {"spec": {"suspend": True}})
        await until(place, "Deployment", WEB, lambda live: live["spec"]["replicas"] == 0, "the end of the pods")
        await place.gone("HorizontalPodAutoscaler", WEB)
        assert (await place.ready())["status"]["replicas"] == 0
        await merge(place, {"spec": {"suspend": False}})
        await until(place, "HorizontalPodAutoscaler", WEB, bool, "the autoscaler again")
    assert seen == [2, 0, 2]


async def test_an_edit_of_the_template_that_is_taken_back_leaves_the_autoscalers_replicas(place):
    """Fields of other managers become ours when lists clash (422); replicas must not, or the next apply makes them 1."""
    await place.secret()
    await place.create("Tenant", spec=RUNS)
    await until(place, "HorizontalPodAutoscaler", WEB, bool, "the autoscaler")
    async with replicas_seen(place, WEB) as seen:
        live = await place.get("Deployment", WEB)
        containers = live["spec"]["template"]["spec"]["containers"]
        containers[0]["ports"][0]["containerPort"] = 8999
        edit = {"spec": {"replicas": 6, "template": {"spec": {"containers": containers}}}}
        await place.client.merge(place.path("Deployment", WEB) + "?fieldManager=kubectl-edit", edit)

        def is_repaired(live: Any) -> bool:
            ports = live["spec"]["template"]["spec"]["containers"][0]["ports"]
            return {port["containerPort"] for port in ports} == {8080, 8081, 9090}

        await until(place, "Deployment", WEB, is_repaired, "the repair")
    assert seen == [2, 6]


# Split


async def test_the_mode_changes_without_a_moment_in_which_no_worker_runs(place):
    await place.secret()
    await place.create("Tenant", spec=RUNS)
    await until(place, "Deployment", WEB, bool, "the Deployment")
    await make_deployment_ready(place, "web")
    await place.ready()

    def containers(deployment: Any) -> list[str]:
        return [container["name"] for container in deployment["spec"]["template"]["spec"]["containers"]]

    await merge(place, runtime(mode="Split"))
    await until(place, "Deployment", WORKER, bool, "the worker Deployment")
    await reconcile_again(place)
    assert containers(await place.get("Deployment", WEB)) == ["web", "worker"], "no worker pod serves yet"

    async def worker_pods_ready() -> bool:
        await make_ready(place, "worker")
        return containers(await place.get("Deployment", WEB)) == ["web"]

    await eventually(worker_pods_ready, SOON, "web pods without a worker")
    for kind in ("HorizontalPodAutoscaler", "PodDisruptionBudget"):
        assert await place.get(kind, WORKER) is not None

    await make_deployment_ready(place, "web")

    await merge(place, runtime(mode="Combined"))
    await until(place, "Deployment", WEB, lambda live: containers(live) == ["web", "worker"], "the workers' return")
    await reconcile_again(place)
    assert await place.get("Deployment", WORKER) is not None, "the new web pods do not serve yet"

    async def workers_gone() -> bool:
        await make_ready(place, "web")
        return await place.get("Deployment", WORKER) is None

    await eventually(workers_gone, SOON, "the end of the worker Deployment")
    await place.gone("HorizontalPodAutoscaler", WORKER)
    await place.gone("PodDisruptionBudget", WORKER)


# Exposure

HOST = {"host": "salon.example", "pathPrefix": "/voice"}


async def test_an_ingress_is_created_on_request_repaired_and_deleted_with_the_request(place):
    await place.secret()
    await place.create("Tenant", spec={"exposure": HOST | {"ingress": {"className": "nginx"}}})
    tenant = await place.ready()
    assert tenant["status"]["webhookUrls"]["retell"] == "https://salon.example/voice/webhooks/retell"
    ingress = await place.get("Ingress")
    assert ingress["spec"]["ingressClassName"] == "nginx"
    await place.client.delete(place.path("Ingress"))
    await until(place, "Ingress", "salon-mueller", bool, "the repair")
    await merge(place, {"spec": {"exposure": None}})
    await place.gone("Ingress")


async def test_a_host_and_path_are_routed_to_the_first_tenant_that_claims_them(place):
    await place.secret()
    await place.create("Tenant", spec={"exposure": HOST | {"ingress": {}}})
    await place.ready()
    keys = {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {"name": "second"},
        "stringData": {"key": f"{place.key}2"},
    }
    await place.client.create(resources.SECRETS.path(place.namespace), keys)
    own = {"retell": {"apiKeySecretRef": {"name": "second", "key": "key"}}}
    await place.create("Tenant", "twin", spec=own | {"exposure": HOST | {"ingress": {}}})
    reported = await place.condition("Exposed", "False", "HostClaimedTwice", name="twin")
    assert "salon-mueller" not in reported["message"], "the other tenant may belong to somebody else"
    assert await place.get("Ingress", "twin") is None
    await place.client.delete(place.path("Tenant", "twin"))
    await place.gone("Tenant", "twin")
    await merge(place, {"spec": {"exposure": None}})
    await place.gone("Ingress")


async def test_a_foreign_ingress_is_left_alone_and_stops_nothing_but_the_exposure(place):
    body = {
        "metadata": {"name": "salon-mueller"},
        "spec": {"defaultBackend": {"service": {"name": "x", "port": {"number": 1}}}},
    }
    foreign = await place.client.create(place.path("Ingress", "").rstrip("/"), body)
    await place.secret()
    await place.create("Tenant", spec={"exposure": HOST | {"ingress": {"className": "nginx"}}})
    reported = await place.condition("Exposed", "False", "OwnershipConflict")
    assert "Ingress salon-mueller that the operator did not make" in reported["message"]
    assert (await place.get("Tenant"))["status"]["configHash"]
    await place.condition("MonitoringReady", "True")
    assert (await place.get("Ingress"))["metadata"]["resourceVersion"] == foreign["metadata"]["resourceVersion"]
    await place.client.delete(place.path("Ingress"))
    await merge(place, {"metadata": {"annotations": {"askproai.de/reconcile-at": "now"}}})
    await place.ready()
    await merge(place, {"spec": {"exposure": None}})  # the next tests need this host
    await place.gone("Ingress")


@asynccontextmanager
async def installed(plane: ControlPlane, place: Any, *names: str) -> AsyncIterator[None]:
    """Install foreign CRDs, and delete them again; the operator lists what is served, as it does each minute."""

    async def noticed(number: int) -> bool:  # a CRD is served, and ceases to be, a little later, and begins with 429
        await place.operator.informer.audit(resources.FOREIGN)
        return len(place.operator.world.cache.served) == number

    for file in crd_files(*names):
        await plane.kubectl("apply", "--server-side", "-f", str(file))
    try:
        await eventually(lambda: noticed(len(names)), SOON, "the CRDs")
        yield
    finally:
        await plane.kubectl("delete", "crd", *names)
        await eventually(lambda: noticed(0), SOON, "the end of the CRDs")


async def test_a_route_waits_for_the_gateway_api_and_then_for_its_gateway(place, control_plane):
    await place.secret()
    gateway = {"parentRefs": [{"name": "public", "namespace": "gateways"}]}
    await place.create("Tenant", spec={"exposure": HOST | {"gateway": gateway}})
    await place.condition("Exposed", "True", "NotInstalled")
    async with installed(control_plane, place, *GATEWAY):
        await place.condition("Exposed", "False", "Pending")
        route = await place.get("HTTPRoute")
        assert route["spec"]["parentRefs"][0]["name"] == "public"
        accepted = {
            "type": "Accepted", "status": "True", "reason": "Accepted", "message": "",
            "lastTransitionTime": "2026-11-20T08:00:00Z",
        }  # fmt: skip
        parent = {
            "parentRef": gateway["parentRefs"][0],
            "controllerName": "example.com/gateway",
            "conditions": [accepted],
        }
        await place.client.merge(place.path("HTTPRoute") + "/status", {"status": {"parents": [parent]}})
        await place.condition("Exposed", "True", "AsDeclared")
        await place.client.delete(place.path("HTTPRoute"))
        await place.operator.informer.audit(resources.FOREIGN)
        await until(place, "HTTPRoute", "salon-mueller", bool, "the repair")
        await merge(place, {"spec": {"exposure": None}})
        await place.gone("HTTPRoute")


# Monitoring


async def test_monitor_and_rules_are_created_once_their_crds_exist_and_forgotten_with_them(place, control_plane):
    await place.secret()
    await place.create("Tenant")
    await place.condition("MonitoringReady", "True", "NotInstalled")
    assert await place.get("Service", "salon-mueller-metrics") is None
    async with installed(control_plane, place, *MONITORING):
        await place.condition("MonitoringReady", "True", "AsDeclared")
        rule = await place.get("PrometheusRule")
        assert f"{place.namespace}.salon-mueller" in str(rule["spec"])
        monitor = await place.get("ServiceMonitor")
        assert {child["metadata"]["ownerReferences"][0]["kind"] for child in (rule, monitor)} == {"Tenant"}
        assert [endpoint["port"] for endpoint in monitor["spec"]["endpoints"]] == ["metrics", "worker"]
        await reconcile_again(place)
        before = len(place.operator.writes)
        await place.operator.informer.audit(resources.FOREIGN)
        await reconcile_again(place)
        assert [write for write in place.operator.writes[before:] if place.namespace in write[1]] == []
        await place.client.merge(place.path("PrometheusRule"), {"spec": {"groups": []}})
        await place.operator.informer.audit(resources.FOREIGN)
        await until(place, "PrometheusRule", "salon-mueller", lambda live: live["spec"]["groups"], "the repair")
    await place.condition("MonitoringReady", "True", "NotInstalled")
    await place.gone("Service", "salon-mueller-metrics")


async def test_all_children_are_deleted_with_their_tenant(place):
    await place.secret()
    await place.create("Tenant", spec=RUNS | {"exposure": HOST | {"ingress": {}}})
    children = [
        ("Ingress", "salon-mueller"), ("NetworkPolicy", "salon-mueller"), ("ServiceAccount", "salon-mueller-runtime"),
        ("HorizontalPodAutoscaler", WEB), ("PodDisruptionBudget", WEB), ("Deployment", WEB),
    ]  # fmt: skip
    for kind, name in children:
        await until(place, kind, name, bool, name)
    await place.client.delete(place.path("Tenant"))
    for kind, name in children:
        await place.gone(kind, name)


@pytest.fixture(autouse=True)
async def _no_foreign_crds_at_first(place: Any) -> None:
    assert place.operator.world.cache.served == set()
