"""The number of pods of each Deployment, decided by the operator or by an autoscaler; autoscalers and disruption budgets. Pure."""

from enum import StrEnum
from typing import Any

from askproai_operator import resources
from askproai_operator.api import Tenant
from askproai_operator.api.runtime import WebScale, WorkerScale
from askproai_operator.controllers.tenant.children.metadata import (
    Component,
    Manifest,
    child_name,
    new_manifest,
    pod_selector,
)
from askproai_operator.engine import ObservedObject

SCALED_BY = "askproai.de/scaled-by"  # annotation of a Deployment: the decider of `replicas` since its last apply
# One Python process fills one core: at half a core, a second pod helps before callers notice. The target is a quantity, not a
# percentage of the request: the request is small, since most tenants' pods idle, and would cause needless scaling.
_CPU_PER_POD = "500m"


class ScaledBy(StrEnum):
    """The decider of the number of a Deployment's pods: the operator, or an autoscaler."""

    OPERATOR = "operator"
    AUTOSCALER = "autoscaler"


def replica_bounds(tenant: Tenant, component: Component) -> WebScale | WorkerScale:
    """Return the scale that the manifest declares for a Deployment: its lowest and highest number of pods."""
    return tenant.spec.runtime.web if component is Component.WEB else tenant.spec.runtime.workers


def scaled_by(tenant: Tenant, component: Component) -> ScaledBy:
    """Return OPERATOR if the number of pods is fixed or the tenant is suspended, else AUTOSCALER."""
    bounds = replica_bounds(tenant, component)
    fixed = tenant.spec.suspend or bounds.min_replicas == bounds.max_replicas
    return ScaledBy.OPERATOR if fixed else ScaledBy.AUTOSCALER


def initial_replicas(tenant: Tenant, component: Component, live: ObservedObject | None) -> int:
    """Return the number of pods that the operator asks for: the fixed number, or the number at which an autoscaler starts.

    `live` is the present Deployment: an autoscaler starts at its number of pods, within the bounds.
    """
    bounds = replica_bounds(tenant, component)
    if tenant.spec.suspend:
        return 0
    running = (live.replicas if live is not None else None) or 0
    return min(max(running, bounds.min_replicas), bounds.max_replicas)


def is_handed_over(live: ObservedObject | None) -> bool:
    """Return True if the last apply of the Deployment left `replicas` to the autoscaler; False without a Deployment."""
    return live is not None and live.annotations.get(SCALED_BY) == ScaledBy.AUTOSCALER


def replicas_manifest(tenant: Tenant, component: Component, replicas: int) -> Manifest:
    """Return a Deployment's manifest with only `spec.replicas`, whose ownership an autoscaler needs."""
    metadata, ref = tenant.metadata, resources.DEPLOYMENTS
    name = {"name": child_name(metadata.name, component), "namespace": metadata.namespace}
    return {**ref.type_meta, "metadata": name, "spec": {"replicas": replicas}}


def autoscaler(tenant: Tenant, component: Component) -> Manifest:
    """Return the HorizontalPodAutoscaler of a Deployment, by the CPU of the container with the component's name."""
    bounds = replica_bounds(tenant, component)
    target = {"type": "AverageValue", "averageValue": _CPU_PER_POD}
    cpu = {"name": "cpu", "container": component, "target": target}
    name = child_name(tenant.metadata.name, component)
    spec: dict[str, Any] = {
        "scaleTargetRef": {**resources.DEPLOYMENTS.type_meta, "name": name},
        "minReplicas": bounds.min_replicas,
        "maxReplicas": bounds.max_replicas,
        "metrics": [{"type": "ContainerResource", "containerResource": cpu}],
    }
    return new_manifest(tenant, resources.AUTOSCALERS, component, component) | {"spec": spec}


def disruption_budget(tenant: Tenant, component: Component) -> Manifest:
    """Return the PodDisruptionBudget, which lets one pod be evicted at a time.

    With one replica, a node can still be drained, at the price of a short gap.
    """
    spec = {
        "maxUnavailable": 1,
        "selector": {"matchLabels": pod_selector(tenant, component)},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    return new_manifest(tenant, resources.BUDGETS, component, component) | {"spec": spec}
