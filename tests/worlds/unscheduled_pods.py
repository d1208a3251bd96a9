"""Pods of a tenant that no kubelet runs: the tests report them as ready."""

from contextlib import suppress
from typing import Any

from askproai_sandbox.cluster import ApiError
from tests.worlds.operator_environment import TenantNamespace
from tests.worlds.waiting import SOON, eventually

# On no node, also where another test's runs: these tests say themselves when a pod is ready.
# Two pods, since one is also what a Deployment falls back to when nobody sends `replicas`.
RUNS: dict[str, Any] = {
    "suspend": False,
    "runtime": {"web": {"minReplicas": 2}, "pods": {"nodeSelector": {"none": "such"}}},
}


async def make_ready(namespace: TenantNamespace, component: str) -> None:
    """Report all pods of a component as ready, as a kubelet would."""
    labels = f"app.kubernetes.io/component={component}"
    pods = await namespace.client.get(f"/api/v1/namespaces/{namespace.name}/pods", labelSelector=labels)
    for pod in pods["items"]:
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-20T08:00:00Z"}
        path = f"/api/v1/namespaces/{namespace.name}/pods/{pod['metadata']['name']}/status"
        with suppress(ApiError):  # it was deleted a moment ago
            await namespace.client.merge(path, {"status": {"phase": "Running", "conditions": [ready]}})


async def make_deployment_ready(namespace: TenantNamespace, component: str) -> None:
    """Report all pods of a Deployment as ready, as soon as its controller has created them."""

    async def rolled_out() -> bool:
        await make_ready(namespace, component)
        return is_rolled_out(await namespace.get("Deployment", f"salon-mueller-{component}"))

    await eventually(rolled_out, SOON, f"the {component} pods")


def is_rolled_out(deployment: dict[str, Any] | None) -> bool:
    """Return whether all pods are of the present template and available; a status of the previous template is no proof."""
    if deployment is None:
        return False
    status = deployment["status"]
    counts = {status.get(name) for name in ("replicas", "updatedReplicas", "availableReplicas")}
    is_observed = status.get("observedGeneration") == deployment["metadata"]["generation"]
    return is_observed and counts == {deployment["spec"]["replicas"]}
