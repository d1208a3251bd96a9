"""Where a tenant is reached, and what its children tell about it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from askproai_core.database import DataOwnedByOther, StoreError
from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.api.tenant import RuntimeMode
from askproai_operator.controllers.tenant.pods import scale
from askproai_operator.controllers.tenant.render import Component
from askproai_operator.engine import ObservedObject

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


def exposed_condition(where: Address) -> Condition:
    return good(ConditionType.EXPOSED, where.base_url)


def claimed_twice(where: Address) -> Condition:
    # As with a shared key, the other one may be a stranger's.
    text = f"another tenant has {where.base_url} already, so nothing is routed here: choose another host or pathPrefix"
    return bad(ConditionType.EXPOSED, Reason.HOST_CLAIMED_TWICE, text)


def no_gateway_api(tenant: Tenant, where: Address) -> Condition:
    text = (
        "this cluster has no Gateway API (CRD httproutes.gateway.networking.k8s.io): install it, or route /webhooks and "
        f"/retell of {where.base_url} to the Service {tenant.metadata.name}-web, port 8080, yourself"
    )
    return good(ConditionType.EXPOSED, text, Reason.NOT_INSTALLED)


def route_condition(where: Address, status: Mapping[str, Any]) -> Condition:
    """Say whether all Gateways take the HTTPRoute: each one's controller writes what it thinks of it."""
    kind = ConditionType.EXPOSED
    told = [one for parent in status.get("parents") or () for one in parent.get("conditions") or ()]
    refused = [str(one.get("message") or one["reason"]) for one in told if one["status"] == "False"]
    if refused:
        return bad(kind, Reason.PENDING, f"a Gateway refuses the HTTPRoute: {'; '.join(refused)}")
    if not any(one["type"] == "Accepted" for one in told):
        return bad(
            kind, Reason.PENDING, "no Gateway has accepted the HTTPRoute yet; do exposure.gateway's names exist?"
        )
    return exposed_condition(where)


def monitoring_condition(absent: Sequence[str]) -> Condition:
    """Say whether Prometheus knows of the tenant; `absent` are the kinds that this cluster does not know."""
    kind = ConditionType.MONITORING_READY
    if absent:
        text = (
            f"this cluster has no CRD of the Prometheus operator for {' and '.join(absent)}; once it has, they are made"
        )
        return good(kind, text, Reason.NOT_INSTALLED)
    return good(kind, "Prometheus finds the pods' metrics and the alert rules")


def database_condition(error: Exception) -> Condition:
    """Say what is wrong with the database. Only the store's own errors are quoted: others' texts name hosts and rows."""
    kind = ConditionType.DATABASE_READY
    if isinstance(error, DataOwnedByOther):
        return bad(kind, Reason.DATA_OWNED_BY_OTHER, str(error))
    quoted = f": {error}" if isinstance(error, StoreError) else ", PostgreSQL does not answer or refuses the operator"
    return bad(kind, Reason.DATABASE_UNAVAILABLE, f"{type(error).__name__}{quoted}; tried again by itself")


def connection_limit(tenant: Tenant) -> int:
    """Give the role's CONNECTION LIMIT: every pod that can run at once, a rolling update included."""
    web, workers = tenant.spec.runtime.web, tenant.spec.runtime.workers
    split = workers.max_replicas + _SURGE if tenant.spec.runtime.mode is RuntimeMode.SPLIT else 0
    return (web.max_replicas + _SURGE) * _CONNECTIONS_PER_POD + split


def runtime_condition(tenant: Tenant, deployments: Mapping[Component, ObservedObject]) -> Condition:
    """Say whether the pods serve, from the Deployments' status."""
    kind, meta = ConditionType.RUNTIME_AVAILABLE, tenant.metadata
    if tenant.spec.suspend:
        return good(kind, "suspended: no pods, what exists at the providers stays", Reason.NOT_REQUESTED)
    counts = {
        one: (int(child.status.get("availableReplicas") or 0), scale(tenant, one).min_replicas)
        for one, child in deployments.items()
    }
    told = ", ".join(
        f"{ready} {one} pods are ready, at least {least} are wanted" for one, (ready, least) in counts.items()
    )
    if all(ready >= least for ready, least in counts.values()):
        return good(kind, told)
    look = f"kubectl describe pods -n {meta.namespace} -l askproai.de/tenant={meta.name}"
    return bad(kind, Reason.PROGRESSING, f"{told}; if it stays so: {look}")
