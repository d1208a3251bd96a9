"""What stands around a tenant's pods: account, disruption budgets, autoscalers, network policy; and how many pods run. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from askproai_operator.api import Tenant
from askproai_operator.api.tenant import RuntimeMode, WebScale, WorkerScale
from askproai_operator.controllers.tenant.render import MODE, SCALED_BY, Component, Manifest, ScaledBy, head, selector
from askproai_operator.engine import ObservedObject, refs
from askproai_operator.settings import Settings

# One Python process fills one core; at half of it a second one helps before callers notice. Measured against a quantity, not
# against the request: that is small, since most tenants' pods idle, and a percentage of it would scale on a whim.
_CPU_PER_POD = "500m"
_DEFAULT_PORTS = {"postgresql": 5432, "postgres": 5432, "redis": 6379, "rediss": 6379, "https": 443, "http": 80}


def service_account(tenant: Tenant) -> Manifest:
    """Give an account of the tenant's own, to name in policies; its token is mounted nowhere."""
    made = head(tenant, refs.SERVICE_ACCOUNTS, "-runtime", "runtime")
    return made | {"automountServiceAccountToken": False}


def scale(tenant: Tenant, component: Component) -> WebScale | WorkerScale:
    return tenant.spec.runtime.web if component is Component.WEB else tenant.spec.runtime.workers


def scaled_by(tenant: Tenant, component: Component) -> ScaledBy:
    """Say who decides how many pods run."""
    bounds = scale(tenant, component)
    fixed = tenant.spec.suspend or bounds.min_replicas == bounds.max_replicas
    return ScaledBy.OPERATOR if fixed else ScaledBy.AUTOSCALER


def begin_with(tenant: Tenant, component: Component, live: ObservedObject | None) -> int:
    """Give the number of pods that we ask for: the fixed one, or the one from which an autoscaler takes over."""
    bounds = scale(tenant, component)
    if tenant.spec.suspend:
        return 0
    running = (live.replicas if live is not None else None) or 0
    return min(max(running, bounds.min_replicas), bounds.max_replicas)


def handed_over(live: ObservedObject | None) -> bool:
    """Tell whether our last apply left `replicas` to the autoscaler."""
    return live is not None and live.annotations.get(SCALED_BY) == ScaledBy.AUTOSCALER


def rolled_out(deployment: ObservedObject) -> bool:
    """Tell whether only pods of the newest template run, and all of them serve."""
    status = deployment.status
    counts = {status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")}
    return len(counts) == 1 and status.get("observedGeneration", 0) >= deployment.generation


def serves(deployment: ObservedObject | None) -> bool:
    return deployment is not None and deployment.status.get("availableReplicas", 0) > 0


@dataclass(frozen=True, slots=True)
class Layout:
    """Which containers the web pods have, and whether there are worker pods."""

    web_alone: bool
    workers: bool


def layout(tenant: Tenant, web: ObservedObject | None, workers: ObservedObject | None) -> Layout:
    """Give the layout that leads to `runtime.mode` and leaves no moment in which nobody works.

    To Split: the web pods keep their worker until a worker pod serves. To Combined: worker pods stay until all web pods have
    a worker again. Both at once do no harm: a job is claimed by one.
    """
    if tenant.spec.runtime.mode is RuntimeMode.SPLIT:
        split_already = web is None or web.annotations.get(MODE) == RuntimeMode.SPLIT
        return Layout(web_alone=split_already or tenant.spec.suspend or serves(workers), workers=True)
    combined = web is not None and web.annotations.get(MODE) == RuntimeMode.COMBINED and rolled_out(web)
    return Layout(web_alone=False, workers=workers is not None and not (combined or tenant.spec.suspend))


def disruption_budget(tenant: Tenant, component: Component) -> Manifest:
    """Allow one pod at a time to go: with one replica a node can still be drained, at the price of a short gap."""
    spec = {
        "maxUnavailable": 1,
        "selector": {"matchLabels": selector(tenant, component)},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    return head(tenant, refs.BUDGETS, f"-{component}", component) | {"spec": spec}


def autoscaler(tenant: Tenant, component: Component) -> Manifest:
    bounds = scale(tenant, component)
    target = {"type": "AverageValue", "averageValue": _CPU_PER_POD}
    cpu = {"name": "cpu", "container": component, "target": target}
    name = f"{tenant.metadata.name}-{component}"
    spec: dict[str, Any] = {
        "scaleTargetRef": {"apiVersion": refs.DEPLOYMENTS.api_version, "kind": refs.DEPLOYMENTS.kind, "name": name},
        "minReplicas": bounds.min_replicas,
        "maxReplicas": bounds.max_replicas,
        "metrics": [{"type": "ContainerResource", "containerResource": cpu}],
    }
    return head(tenant, refs.AUTOSCALERS, f"-{component}", component) | {"spec": spec}


def network_policy(tenant: Tenant, urls: Iterable[str], settings: Settings) -> Manifest:
    """Let in what is public, and the operator's and the monitoring's namespaces; let out names, and the ports of `urls`.

    Servers are named by port, because a policy knows addresses and pods, not names. No port of another tenant's pods
    (8080, 8081, 9090, 9091) is among them.
    """
    trusted = sorted({settings.namespace, *settings.monitoring_namespaces})
    inside = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": trusted}
    out = sorted({port for url in urls for port in _ports(url)})
    spec = {
        "podSelector": {"matchLabels": selector(tenant)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {"ports": [_tcp(8080)]},
            {
                "from": [{"namespaceSelector": {"matchExpressions": [inside]}}],
                "ports": [_tcp(port) for port in (8081, 9090, 9091)],
            },
        ],
        "egress": [{"ports": [{"protocol": "UDP", "port": 53}, _tcp(53)]}, {"ports": [_tcp(port) for port in out]}],
    }
    return head(tenant, refs.NETWORK_POLICIES, "", "runtime") | {"spec": spec}


def _tcp(port: int) -> Manifest:
    return {"protocol": "TCP", "port": port}


def _ports(url: str) -> Iterable[int]:
    """Give the ports that a URL leads to; behind a Sentinel stands a server on Redis' own port."""
    parts = urlsplit(url)
    default = _DEFAULT_PORTS.get(parts.scheme.split("+")[0], 443)
    for host in parts.netloc.rpartition("@")[2].split(","):
        port = host.rpartition(":")[2]
        yield int(port) if port.isdigit() else default
    if "sentinel" in parts.scheme:
        yield _DEFAULT_PORTS["redis"]
