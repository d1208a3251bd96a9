"""Every resource that the operator touches, by name: the list that its RBAC role must match."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GROUP = "askproai.de"
MANAGER = "askproai-operator"  # field manager of every write, and `managed-by` of every child
HANDOVER = "askproai-operator-handover"  # holds a field that we send no more until its new owner writes it
FINALIZER = "askproai.de/cleanup"
WATCH_LABEL = "askproai.de/watch"
TENANT_LABEL = "askproai.de/tenant"
MANAGED_SELECTOR = f"app.kubernetes.io/managed-by={MANAGER}"


@dataclass(frozen=True, slots=True)
class Ref:
    """One resource of the API: where it is served and what its manifests call it."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Give the URL path of one object, or of the collection when there is no name."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"
        inside = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}{inside}/{self.plural}" + (f"/{name}" if name else "")

    def names(self, namespace: str, name: str) -> dict[str, str]:
        """Give a reference to one object, as events carry it."""
        return {"apiVersion": self.api_version, "kind": self.kind, "namespace": namespace, "name": name}

    def owner(self, name: str, uid: str) -> dict[str, Any]:
        """Give the owner reference by which children go with their owner."""
        owner = {"apiVersion": self.api_version, "kind": self.kind, "name": name, "uid": uid}
        return owner | {"controller": True, "blockOwnerDeletion": True}


TENANTS = Ref(GROUP, "v1alpha1", "tenants", "Tenant")
BRANCHES = Ref(GROUP, "v1alpha1", "branches", "Branch")
OFFERINGS = Ref(GROUP, "v1alpha1", "serviceofferings", "ServiceOffering")
AGENTS = Ref(GROUP, "v1alpha1", "retellagents", "RetellAgent")
DEPLOYMENTS = Ref("apps", "v1", "deployments", "Deployment")
SERVICES = Ref("", "v1", "services", "Service")
SERVICE_ACCOUNTS = Ref("", "v1", "serviceaccounts", "ServiceAccount")
BUDGETS = Ref("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
AUTOSCALERS = Ref("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
NETWORK_POLICIES = Ref("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
INGRESSES = Ref("networking.k8s.io", "v1", "ingresses", "Ingress")
HTTP_ROUTES = Ref("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
SERVICE_MONITORS = Ref("monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor")
PROMETHEUS_RULES = Ref("monitoring.coreos.com", "v1", "prometheusrules", "PrometheusRule")
CONFIG_MAPS = Ref("", "v1", "configmaps", "ConfigMap")
SECRETS = Ref("", "v1", "secrets", "Secret")
PODS = Ref("", "v1", "pods", "Pod")
EVENTS = Ref("", "v1", "events", "Event")
NAMESPACES = Ref("", "v1", "namespaces", "Namespace", namespaced=False)
LEASES = Ref("coordination.k8s.io", "v1", "leases", "Lease")

CUSTOM = (TENANTS, BRANCHES, OFFERINGS, AGENTS)  # the four kinds that a person writes
CHILDREN = (  # watched: a change by hand is repaired at once
    DEPLOYMENTS, SERVICES, CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS, BUDGETS, AUTOSCALERS, NETWORK_POLICIES, INGRESSES,
)  # fmt: skip
FOREIGN = (HTTP_ROUTES, SERVICE_MONITORS, PROMETHEUS_RULES)  # of CRDs that may be absent, and may come and go: listed
STATUS_READ = frozenset({DEPLOYMENTS, HTTP_ROUTES})  # an autoscaler's moves all the time, and wakes nobody

_BY_KIND = {ref.kind: ref for ref in (*CUSTOM, *CHILDREN, *FOREIGN, PODS, EVENTS, NAMESPACES, LEASES)}


def ref_of_kind(kind: str) -> Ref:
    """Give the resource of a CamelCase kind, such as `RetellAgent`."""
    return _BY_KIND[kind]


def ref_of(manifest: Mapping[str, Any]) -> Ref:
    """Give the resource of a manifest. Raises KeyError for a kind that is not in the list: add it, and to the role."""
    return _BY_KIND[manifest["kind"]]
