"""Where a tenant is reached, and what its children tell about it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_runtime.store import DataOwnedByOther, StoreError

# What concerns appointments; the order does not matter.
CALCOM_TRIGGERS = tuple(
    f"BOOKING_{what}" for what in ("CREATED", "RESCHEDULED", "CANCELLED", "REQUESTED", "REJECTED", "NO_SHOW_UPDATED")
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
        text = (
            "this release writes no Ingress or HTTPRoute yet: route /webhooks and /retell of "
            f"{where.base_url} to the Service {tenant.metadata.name}-web, port 8080, yourself"
        )
        return good(ConditionType.EXPOSED, text, Reason.NOT_INSTALLED)
    return good(ConditionType.EXPOSED, where.base_url)


def database_condition(error: Exception) -> Condition:
    """Say what is wrong with the database. Only the store's own errors are quoted: others' texts name hosts and rows."""
    kind = ConditionType.DATABASE_READY
    if isinstance(error, DataOwnedByOther):
        return bad(kind, Reason.DATA_OWNED_BY_OTHER, str(error))
    quoted = f": {error}" if isinstance(error, StoreError) else ", PostgreSQL does not answer or refuses the operator"
    return bad(kind, Reason.DATABASE_UNAVAILABLE, f"{type(error).__name__}{quoted}; tried again by itself")


def connection_limit(tenant: Tenant) -> int:
    """Give the role's CONNECTION LIMIT: every pod that can run at once, a rolling update included."""
    return (tenant.spec.runtime.web.max_replicas + _SURGE) * _CONNECTIONS_PER_POD


def runtime_condition(tenant: Tenant, status: Mapping[str, Any]) -> Condition:
    """Say whether the pods serve, from the Deployment's status."""
    kind, meta = ConditionType.RUNTIME_AVAILABLE, tenant.metadata
    if tenant.spec.suspend:
        return good(kind, "suspended: no pods, what exists at the providers stays", Reason.NOT_REQUESTED)
    wanted, ready = tenant.spec.runtime.web.min_replicas, int(status.get("availableReplicas") or 0)
    if ready >= wanted:
        split = "; mode Split is not built yet: each has a web and a worker container, as in Combined"
        told = split if tenant.spec.runtime.mode == "Split" else ""
        return good(kind, f"{wanted} of {wanted} pods are ready{told}")
    look = f"kubectl describe pods -n {meta.namespace} -l askproai.de/tenant={meta.name}"
    return bad(kind, Reason.PROGRESSING, f"{ready} of {wanted} pods are ready; if it stays so: {look}")


def not_built_yet() -> tuple[Condition, ...]:
    """Give what this release does not bring: told, and in nobody's way (contract §2)."""
    return (good(ConditionType.MONITORING_READY, "this release writes no ServiceMonitor yet", Reason.NOT_INSTALLED),)
