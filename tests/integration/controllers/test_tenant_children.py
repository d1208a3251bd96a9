"""A tenant's optional children at a real API server. No kubelet runs: the tests themselves report pods as ready."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from askproai_operator import resources
from askproai_sandbox.cluster import ControlPlane, KubeClient, Mirror
from askproai_sandbox.example_tenant import load_manifests
from tests.worlds.foreign_crds import GATEWAY, MONITORING, crd_files
from tests.worlds.operator_environment import TenantNamespace
from tests.worlds.unscheduled_pods import RUNS, make_deployment_ready, make_ready
from tests.worlds.waiting import SOON, eventually, until

pytestmark = pytest.mark.nightly

WEB, WORKER = "salon-mueller-web", "salon-mueller-worker"


def runtime(**parts: Any) -> dict[str, Any]:
    return {"runtime": parts}


@asynccontextmanager
async def replicas_seen(namespace: TenantNamespace, name: str) -> AsyncIterator[list[int]]:
    """Record every number of replicas that a Deployment ever asks for."""
    seen: list[int] = []

    def record(_old: Any, new: Any) -> None:
        if new is not None and new["metadata"]["name"] == name and new["spec"]["replicas"] not in seen[-1:]:
            seen.append(new["spec"]["replicas"])

    mirror = Mirror(namespace.client, resources.DEPLOYMENTS.path(namespace.name), record)
    task = asyncio.create_task(mirror.run())
    await mirror.synced.wait()
    yield seen
    task.cancel()


def holders(deployment: dict[str, Any]) -> list[str]:
    """Return the field managers of `replicas`."""
    entries = deployment["metadata"]["managedFields"]
    return [entry["manager"] for entry in entries if "f:replicas" in entry["fieldsV1"].get("f:spec", {})]


async def scale_as_autoscaler(namespace: TenantNamespace, number: int) -> None:
    """Write replicas as the HorizontalPodAutoscaler's controller does."""
    path = f"{namespace.path('Deployment', WEB)}/scale?fieldManager=kube-controller-manager"
    await namespace.client.merge(path, {"spec": {"replicas": number}})


@pytest.fixture
async def garbage_collector(kube_client: KubeClient, kube_namespace: str) -> None:
    """Wait until the garbage collector watches Tenants: it looks for new kinds every 30 s.

    It alone completes a deletion with propagation policy Foreground, and only of a kind that it watches.
    """
    await kube_client.create(
        resources.TENANTS.path(kube_namespace),
        load_manifests()["Tenant"][0] | {"metadata": {"name": "to-collect", "namespace": kube_namespace}},
    )
    path = resources.TENANTS.path(kube_namespace, "to-collect")
    await kube_client.delete(path, {"propagationPolicy": "Foreground"})
    await until(
        lambda: kube_client.get(resources.TENANTS.path(kube_namespace)),
        lambda tenants: not tenants["items"],
        "the garbage collector to watch Tenants",
        60,
    )


# Replicas


async def test_replicas_change_manager_without_resetting_to_one(namespace):
    """A field that its only manager stops sending falls back to its default (docs/decisions/0019-handover-of-replicas.md)."""
    await namespace.write_secret()
    async with replicas_seen(namespace, WEB) as seen:
        fixed = {"web": {"minReplicas": 5, "maxReplicas": 5}}
        await namespace.create("Tenant", spec=RUNS | {"runtime": fixed})
        live = await namespace.wait_for("Deployment", WEB, bool, "the Deployment")
        assert (live["spec"]["replicas"], holders(live)) == (5, ["askproai-operator"])
        assert await namespace.get("HorizontalPodAutoscaler", WEB) is None

        await namespace.edit(runtime(web={"minReplicas": 2, "maxReplicas": 10}))
        await namespace.wait_for("HorizontalPodAutoscaler", WEB, bool, "the autoscaler")
        live = await namespace.get("Deployment", WEB)
        assert (live["spec"]["replicas"], holders(live)) == (5, ["askproai-operator-handover"])

        await scale_as_autoscaler(namespace, 7)
        await namespace.reconcile_again()
        await namespace.edit(runtime(web={"minReplicas": 3, "maxReplicas": 10}))
        await namespace.wait_for(
            "HorizontalPodAutoscaler", WEB, lambda hpa: hpa["spec"]["minReplicas"] == 3, "new bounds"
        )
        live = await namespace.get("Deployment", WEB)
        assert live["spec"]["replicas"] == 7
        assert holders(live) == ["kube-controller-manager"], "the hand-over ended with the autoscaler's own write"

        await namespace.edit(runtime(web={"minReplicas": 4, "maxReplicas": 4}))
        await namespace.wait_for("Deployment", WEB, lambda live: live["spec"]["replicas"] == 4, "the fixed number")
        await namespace.wait_until_gone("HorizontalPodAutoscaler", WEB)
        assert holders(await namespace.get("Deployment", WEB)) == ["askproai-operator"]
    assert seen == [5, 7, 4]


async def test_pods_have_requested_settings_within_the_platforms_list(namespace):
    await namespace.write_secret()
    pods = {
        "imagePullSecrets": [{"name": "registry"}],
        "nodeSelector": {"example.com/pool": "voice"},
        "tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}],
        "priorityClassName": "system-cluster-critical",
        "annotations": {"k8s.v1.cni.cncf.io/networks": "admin"},
    }
    web = {"minReplicas": 1, "maxReplicas": 1, "resources": {"memoryLimitMebibytes": 4096}}
    await namespace.create("Tenant", spec=RUNS | {"runtime": {"web": web, "pods": pods}})
    template = (await namespace.wait_for("Deployment", WEB, bool, "the Deployment"))["spec"]["template"]
    assert "annotations" not in template["metadata"]
    spec = template["spec"]
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert spec["nodeSelector"] == {"example.com/pool": "voice"}
    assert not {"tolerations", "priorityClassName"} & spec.keys()
    limits = {each["name"]: each["resources"]["limits"]["memory"] for each in spec["containers"]}
    assert limits == {"web": "1Gi", "worker": "256Mi"}
    await make_deployment_ready(namespace, "web")
    runs = await namespace.wait_for_condition("RuntimeAvailable", "True", "Capped")
    for refused in ("system-cluster-critical", "node-role.kubernetes.io/control-plane", "k8s.v1.cni.cncf.io/networks"):
        assert f"{refused} is left out" in runs["message"]
    await namespace.reconcile_again()
    before = len(namespace.operator.writes)
    await namespace.reconcile_again()
    assert namespace.writes(before) == []

    await namespace.edit(runtime(pods={"imagePullSecrets": [], "nodeSelector": None}))
    await namespace.wait_for(
        "Deployment",
        WEB,
        lambda live: not {"imagePullSecrets", "nodeSelector"} & live["spec"]["template"]["spec"].keys(),
        "the template without what was taken back",
    )


async def test_suspending_deletes_autoscalers_and_resuming_starts_at_minimum(namespace):
    await namespace.write_secret()
    async with replicas_seen(namespace, WEB) as seen:
        await namespace.create("Tenant", spec=RUNS)
        await namespace.wait_for("HorizontalPodAutoscaler", WEB, bool, "the autoscaler")
        live = await namespace.get("Deployment", WEB)
        assert (live["spec"]["replicas"], holders(live)) == (2, ["askproai-operator-handover"])
        await make_deployment_ready(namespace, "web")
        await namespace.wait_until_ready()
        await namespace.reconcile_again()
        before = len(namespace.operator.writes)
        namespace.operator.context.kube._applied.clear()  # as after a restart
        await namespace.reconcile_again()
        assert namespace.writes(before) == []
        await namespace.edit({"suspend": True})
        await namespace.wait_for("Deployment", WEB, lambda live: live["spec"]["replicas"] == 0, "the end of the pods")
        await namespace.wait_until_gone("HorizontalPodAutoscaler", WEB)
        assert (await namespace.wait_until_ready())["status"]["replicas"] == 0
        await namespace.edit({"suspend": False})
        await namespace.wait_for("HorizontalPodAutoscaler", WEB, bool, "the autoscaler again")
    assert seen == [2, 0, 2]


async def test_reverted_template_edit_leaves_the_autoscalers_replicas(namespace):
    """Fields of other managers become ours when lists clash (422); replicas must not, or the next apply makes them 1."""
    await namespace.create_salon(spec=RUNS)
    await namespace.wait_for("HorizontalPodAutoscaler", WEB, bool, "the autoscaler")
    async with replicas_seen(namespace, WEB) as seen:
        live = await namespace.get("Deployment", WEB)
        containers = live["spec"]["template"]["spec"]["containers"]
        containers[0]["ports"][0]["containerPort"] = 8999
        edit = {"spec": {"replicas": 6, "template": {"spec": {"containers": containers}}}}
        await namespace.client.merge(namespace.path("Deployment", WEB) + "?fieldManager=kubectl-edit", edit)

        def is_repaired(live: Any) -> bool:
            ports = live["spec"]["template"]["spec"]["containers"][0]["ports"]
            return {port["containerPort"] for port in ports} == {8080, 8081, 9090}

        await namespace.wait_for("Deployment", WEB, is_repaired, "the repair")
    assert seen == [2, 6]


# Split


async def test_worker_serves_throughout_a_change_of_mode(namespace):
    await namespace.create_salon(spec=RUNS)
    await namespace.wait_for("Deployment", WEB, bool, "the Deployment")
    await make_deployment_ready(namespace, "web")
    await namespace.wait_until_ready()

    def containers(deployment: Any) -> list[str]:
        return [container["name"] for container in deployment["spec"]["template"]["spec"]["containers"]]

    await namespace.edit(runtime(mode="Split"))
    await namespace.wait_for("Deployment", WORKER, bool, "the worker Deployment")
    await namespace.reconcile_again()
    assert containers(await namespace.get("Deployment", WEB)) == ["web", "worker"], "no worker pod serves yet"

    async def worker_pods_ready() -> bool:
        await make_ready(namespace, "worker")
        return containers(await namespace.get("Deployment", WEB)) == ["web"]

    await eventually(worker_pods_ready, SOON, "web pods without a worker")
    for kind in ("HorizontalPodAutoscaler", "PodDisruptionBudget"):
        assert await namespace.get(kind, WORKER) is not None

    await make_deployment_ready(namespace, "web")

    await namespace.edit(runtime(mode="Combined"))
    both = ["web", "worker"]
    await namespace.wait_for("Deployment", WEB, lambda live: containers(live) == both, "the workers' return")
    await namespace.reconcile_again()
    assert await namespace.get("Deployment", WORKER) is not None, "the new web pods do not serve yet"

    async def workers_gone() -> bool:
        await make_ready(namespace, "web")
        return await namespace.get("Deployment", WORKER) is None

    await eventually(workers_gone, SOON, "the end of the worker Deployment")
    await namespace.wait_until_gone("HorizontalPodAutoscaler", WORKER)
    await namespace.wait_until_gone("PodDisruptionBudget", WORKER)


# Exposure


def own_host(namespace: TenantNamespace) -> dict[str, str]:
    return {"host": f"{namespace.name}.example", "pathPrefix": "/voice"}


async def test_foreign_ingress_is_left_alone_stopping_only_exposure(namespace):
    backend = {"service": {"name": "x", "port": {"number": 1}}}
    body = {"metadata": {"name": "salon-mueller"}, "spec": {"defaultBackend": backend}}
    foreign = await namespace.client.create(namespace.path("Ingress", "").rstrip("/"), body)
    await namespace.create_salon(spec={"exposure": own_host(namespace) | {"ingress": {"className": "nginx"}}})
    reported = await namespace.wait_for_condition("Exposed", "False", "OwnershipConflict")
    assert "Ingress salon-mueller that the operator did not make" in reported["message"]
    assert (await namespace.get("Tenant"))["status"]["configHash"]
    await namespace.wait_for_condition("MonitoringReady", "True")
    assert (await namespace.get("Ingress"))["metadata"]["resourceVersion"] == foreign["metadata"]["resourceVersion"]
    await namespace.client.delete(namespace.path("Ingress"))
    await namespace.annotate("reconcile-at", "now")
    await namespace.wait_until_ready()


@asynccontextmanager
async def installed(plane: ControlPlane, namespace: TenantNamespace, *names: str) -> AsyncIterator[None]:
    """Install foreign CRDs, and delete them again; the operator lists what is served, as it does each minute."""

    async def noticed(number: int) -> bool:  # a CRD is served or gone only a little later; at first it answers 429
        await namespace.operator.informer.audit(resources.FOREIGN)
        return len(namespace.operator.context.cache.served) == number

    for file in crd_files(*names):
        await plane.kubectl("apply", "--server-side", "-f", str(file))
    try:
        await eventually(lambda: noticed(len(names)), SOON, "the CRDs")
        yield
    finally:
        await plane.kubectl("delete", "crd", *names)
        await eventually(lambda: noticed(0), SOON, "the end of the CRDs")


async def test_route_waits_for_gateway_api_and_gateway(namespace, control_plane):
    await namespace.write_secret()
    gateway = {"parentRefs": [{"name": "public", "namespace": "gateways"}]}
    await namespace.create("Tenant", spec={"exposure": own_host(namespace) | {"gateway": gateway}})
    await namespace.wait_for_condition("Exposed", "True", "NotInstalled")
    async with installed(control_plane, namespace, *GATEWAY):
        await namespace.wait_for_condition("Exposed", "False", "Pending")
        route = await namespace.get("HTTPRoute")
        assert route["spec"]["parentRefs"][0]["name"] == "public"
        accepted = {
            "type": "Accepted", "status": "True", "reason": "Accepted", "message": "",
            "lastTransitionTime": "2026-11-20T08:00:00Z",
        }  # fmt: skip
        (ref, *_), controller = gateway["parentRefs"], "example.com/gateway"
        parent = {"parentRef": ref, "controllerName": controller, "conditions": [accepted]}
        await namespace.client.merge(namespace.path("HTTPRoute") + "/status", {"status": {"parents": [parent]}})
        await namespace.wait_for_condition("Exposed", "True", "AsDeclared")
        await namespace.client.delete(namespace.path("HTTPRoute"))
        await namespace.operator.informer.audit(resources.FOREIGN)
        await namespace.wait_for("HTTPRoute", "salon-mueller", bool, "the repair")
        await namespace.edit({"exposure": None})
        await namespace.wait_until_gone("HTTPRoute")


# Monitoring


async def test_prometheus_children_exist_only_with_their_crds(namespace, control_plane):
    await namespace.create_salon()
    await namespace.wait_for_condition("MonitoringReady", "True", "NotInstalled")
    assert await namespace.get("Service", "salon-mueller-metrics") is None
    async with installed(control_plane, namespace, *MONITORING):
        await namespace.wait_for_condition("MonitoringReady", "True", "AsDeclared")
        rule = await namespace.get("PrometheusRule")
        assert namespace.tenant in str(rule["spec"])
        monitor = await namespace.get("ServiceMonitor")
        assert {child["metadata"]["ownerReferences"][0]["kind"] for child in (rule, monitor)} == {"Tenant"}
        assert [endpoint["port"] for endpoint in monitor["spec"]["endpoints"]] == ["metrics", "worker"]
        await namespace.reconcile_again()
        before = len(namespace.operator.writes)
        await namespace.operator.informer.audit(resources.FOREIGN)
        await namespace.reconcile_again()
        assert namespace.writes(before) == []
        await namespace.client.merge(namespace.path("PrometheusRule"), {"spec": {"groups": []}})
        await namespace.operator.informer.audit(resources.FOREIGN)
        await namespace.wait_for("PrometheusRule", "salon-mueller", lambda live: live["spec"]["groups"], "the repair")
    await namespace.wait_for_condition("MonitoringReady", "True", "NotInstalled")
    await namespace.wait_until_gone("Service", "salon-mueller-metrics")


async def test_all_children_are_deleted_with_their_tenant(namespace, garbage_collector):
    await namespace.create_salon(spec=RUNS | {"exposure": own_host(namespace) | {"ingress": {}}})
    children = [
        ("Ingress", "salon-mueller"), ("NetworkPolicy", "salon-mueller"), ("ServiceAccount", "salon-mueller-runtime"),
        ("HorizontalPodAutoscaler", WEB), ("PodDisruptionBudget", WEB), ("Deployment", WEB),
    ]  # fmt: skip
    for kind, name in children:
        await namespace.wait_for(kind, name, bool, name)
    await namespace.client.delete(namespace.path("Tenant"))
    for (
        kind,
        name,
    ) in children:  # after another test's custom resources came or went, the collector looks at kinds anew for 30 s
        await namespace.wait_until_gone(kind, name, seconds=60)


@pytest.fixture(autouse=True)
async def _no_foreign_crds_at_first(namespace: TenantNamespace) -> None:
    assert namespace.operator.context.cache.served == set()
