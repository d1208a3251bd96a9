"""Where a tenant is reached, and what its children tell about it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.external import host_problem

# What concerns appointments; the order does not matter.
CALCOM_TRIGGERS = (
    "BOOKING_CREATED",
    "BOOKING_RESCHEDULED",
    "BOOKING_CANCELLED",
    "BOOKING_REQUESTED",
    "BOOKING_REJECTED",
    "BOOKING_NO_SHOW_UPDATED",
)
_CONNECTIONS_PER_POD = 4  # 3 of web, 1 of the worker
_SURGE = 1


@dataclass(frozen=True, slots=True)
class Address:
    """Where senders reach the tenant: the URL that they are told, and the prefix that its pods see in the path."""

    base_url: str
    path_prefix: str

    def urls(self, installation_id: str) -> dict[str, str]:
        """Give `status.webhookUrls`."""
        return {
            "retell": f"{self.base_url}/webhooks/retell",
            "calcom": f"{self.base_url}/webhooks/calcom/{installation_id}",
            "stripe": f"{self.base_url}/webhooks/stripe",
            "inbound": f"{self.base_url}/retell/inbound",
            "functions": f"{self.base_url}/retell/functions",
        }


def address(tenant: Tenant, shared_base_url: str) -> Address:
    """Give the tenant's address: its own host, or a path on the shared one."""
    exposure = tenant.spec.exposure
    if exposure is None or (exposure.host is None and exposure.base_url is None):
        base = f"{shared_base_url.rstrip('/')}/{tenant.metadata.namespace}/{tenant.metadata.name}"
        return Address(base, urlsplit(base).path)
    prefix = exposure.path_prefix or ""
    if exposure.base_url is not None:
        return Address(exposure.base_url, prefix or urlsplit(exposure.base_url).path)
    return Address(f"https://{exposure.host}{prefix}", prefix)


def exposed_condition(tenant: Tenant, where: Address) -> Condition:
    exposure = tenant.spec.exposure
    if exposure is not None and (exposure.gateway is not None or exposure.ingress is not None):
        return bad(
            ConditionType.EXPOSED,
            Reason.NOT_INSTALLED,
            "this release writes no Ingress or HTTPRoute yet: route /webhooks and /retell to the Service "
            f"{tenant.metadata.name}-web, port 8080, yourself and remove exposure.gateway or exposure.ingress",
        )
    return good(ConditionType.EXPOSED, where.base_url)


def host_condition(tenant: Tenant, allowed: Iterable[str]) -> Condition | None:
    """Refuse a server that nobody allowed: a key of ours must not be sent there. Only what the tenant names is checked."""
    named = [tenant.spec.retell.base_url, tenant.spec.calendar.calcom.base_url if tenant.spec.calendar.calcom else None]
    problems = [problem for url in named if url and (problem := host_problem(url, allowed))]
    if not problems:
        return None
    return bad(ConditionType.CREDENTIALS_VALID, Reason.PROVIDER_HOST_NOT_ALLOWED, "; ".join(problems))


def connection_limit(tenant: Tenant) -> int:
    """Give the role's CONNECTION LIMIT: every pod that can run at once, a rolling update included."""
    return (tenant.spec.runtime.web.max_replicas + _SURGE) * _CONNECTIONS_PER_POD


def runtime_condition(tenant: Tenant, status: Mapping[str, Any]) -> Condition:
    """Say whether the pods serve, from the Deployment's status."""
    if tenant.spec.suspend:
        return good(
            ConditionType.RUNTIME_AVAILABLE,
            "suspended: no pods, what exists at the providers stays",
            Reason.NOT_REQUESTED,
        )
    wanted, ready = tenant.spec.runtime.web.min_replicas, int(status.get("availableReplicas") or 0)
    if ready >= wanted:
        return good(ConditionType.RUNTIME_AVAILABLE, f"{wanted} of {wanted} pods are ready")
    text = f"{ready} of {wanted} pods are ready; if it stays so: kubectl describe pods -l askproai.de/tenant={tenant.metadata.name}"
    return bad(ConditionType.RUNTIME_AVAILABLE, Reason.PROGRESSING, text)


def not_built_yet() -> tuple[Condition, ...]:
    """Give what this release does not bring: told, and in nobody's way (contract §2)."""
    return (
        good(ConditionType.CACHE_READY, "this release keeps no shared cache", Reason.NOT_REQUESTED),
        good(
            ConditionType.MONITORING_READY, "no ServiceMonitor or PrometheusRule CRD is used yet", Reason.NOT_INSTALLED
        ),
    )
