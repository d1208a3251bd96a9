"""The list of all resources of the Kubernetes API that the operator uses; its RBAC role must have the same."""

from collections.abc import Mapping
from typing import Any

from askproai_core import api_resource
from askproai_core.api_resource import LEASES, ApiResource

GROUP = api_resource.GROUP
MANAGER = "askproai-operator"  # field manager of every write, and `managed-by` of every child
HANDOVER = "askproai-operator-handover"  # holds a field that we no longer send, until its new owner writes it
FINALIZER = "askproai.de/cleanup"
# The label of each Secret that the operator watches, by one watch: "true" on a user's Secret that manifests of its namespace may
# name, "operator" on our own Secrets, which no manifest may name.
USE_LABEL = "askproai.de/use"
PERMITTED, OWN = "true", "operator"
TENANT_LABEL = "askproai.de/tenant"
MANAGED_LABEL = "app.kubernetes.io/managed-by"
MANAGED_SELECTOR = f"{MANAGED_LABEL}={MANAGER}"

CUSTOM = api_resource.CUSTOM
TENANTS, BRANCHES, OFFERINGS, AGENTS = CUSTOM
DEPLOYMENTS = ApiResource("apps", "v1", "deployments", "Deployment")
SERVICES = ApiResource("", "v1", "services", "Service")
SERVICE_ACCOUNTS = ApiResource("", "v1", "serviceaccounts", "ServiceAccount")
BUDGETS = ApiResource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
AUTOSCALERS = ApiResource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
NETWORK_POLICIES = ApiResource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
INGRESSES = ApiResource("networking.k8s.io", "v1", "ingresses", "Ingress")
HTTP_ROUTES = ApiResource("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
SERVICE_MONITORS = ApiResource("monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor")
PROMETHEUS_RULES = ApiResource("monitoring.coreos.com", "v1", "prometheusrules", "PrometheusRule")
CONFIG_MAPS = ApiResource("", "v1", "configmaps", "ConfigMap")
SECRETS = ApiResource("", "v1", "secrets", "Secret")
PODS = ApiResource("", "v1", "pods", "Pod")
EVENTS = ApiResource("", "v1", "events", "Event")
NAMESPACES = ApiResource("", "v1", "namespaces", "Namespace", namespaced=False)

CHILDREN = (  # watched, so that a change by hand is repaired at once
    DEPLOYMENTS, SERVICES, CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS, BUDGETS, AUTOSCALERS, NETWORK_POLICIES, INGRESSES,
)  # fmt: skip
FOREIGN = (HTTP_ROUTES, SERVICE_MONITORS, PROMETHEUS_RULES)  # their CRDs may come and go, so they are listed
STATUS_READ = frozenset({DEPLOYMENTS, HTTP_ROUTES})  # not an autoscaler's, which changes all the time

_BY_KIND = {resource.kind: resource for resource in (*CUSTOM, *CHILDREN, *FOREIGN, PODS, EVENTS, NAMESPACES, LEASES)}


def resource_of_kind(kind: str) -> ApiResource:
    """Return the resource of a CamelCase kind, such as `RetellAgent`. Raises KeyError for a kind that is not in the list."""
    return _BY_KIND[kind]


def resource_of(manifest: Mapping[str, Any]) -> ApiResource:
    """Return the resource of a manifest. Raises KeyError for an unlisted kind: add it to the list and to the role."""
    return _BY_KIND[manifest["kind"]]
