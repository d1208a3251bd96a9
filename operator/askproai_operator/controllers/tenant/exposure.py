"""The one way in from outside: an Ingress or an HTTPRoute to `/webhooks` and `/retell`, and nothing else. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from askproai_operator.api import Tenant
from askproai_operator.api.tenant import Gateway, Ingress, ParentRef
from askproai_operator.controllers.tenant.decide import address
from askproai_operator.controllers.tenant.render import Manifest, head
from askproai_operator.engine import resources
from askproai_operator.settings import Settings

_ROUTED = ("/webhooks", "/retell")  # all else on port 8080 is a 404, and the private port is in another Service
_PORT = 8080


@dataclass(frozen=True, slots=True)
class _Way:
    host: str
    prefix: str
    ingress: Ingress | None
    gateway: Gateway | None

    def paths(self) -> list[str]:
        return [f"{self.prefix}{path}" for path in _ROUTED]


def _way(tenant: Tenant, settings: Settings) -> _Way | None:
    """Give how senders come in: by the tenant's own host, or by the shared one; None when others see to it."""
    exposure, where = tenant.spec.exposure, address(tenant, settings.shared_base_url)
    if exposure is not None and exposure.host is not None:
        return _Way(exposure.host, exposure.path_prefix or "", exposure.ingress, exposure.gateway)
    if exposure is not None and exposure.base_url is not None:
        return None
    shared = urlsplit(settings.shared_base_url).hostname or ""
    ingress = Ingress(class_name=settings.shared_ingress_class) if settings.shared_ingress_class else None
    gateway = None
    if settings.shared_gateway is not None:
        namespace, _, name = settings.shared_gateway.rpartition("/")
        gateway = Gateway(parent_refs=(ParentRef(name=name, namespace=namespace or None),))
    return _Way(shared, where.path_prefix, ingress, gateway)


def claimed(tenant: Tenant, others: Iterable[Tenant], settings: Settings) -> bool:
    """Say whether somebody has our host and path before us: else a namespace could draw another's callers to its own pods.

    The shared host's paths belong to those whose names they are; elsewhere the older one was first, then by name.
    """
    mine, first = _way(tenant, settings), _seniority(tenant)
    for other in others:
        theirs = _way(other, settings)
        if mine is None or theirs is None or mine.host != theirs.host or other.metadata.deletion_timestamp is not None:
            continue
        shorter, longer = sorted((f"{mine.prefix}/", f"{theirs.prefix}/"), key=len)
        if longer.startswith(shorter) and _seniority(other) < first:
            return True
    return False


def _seniority(tenant: Tenant) -> tuple[Any, ...]:
    named = tenant.spec.exposure is not None and tenant.spec.exposure.host is not None
    return named, tenant.metadata.creation_timestamp, tenant.metadata.namespace, tenant.metadata.name


def ingress(tenant: Tenant, settings: Settings) -> Manifest | None:
    """Give the Ingress that is asked for."""
    way = _way(tenant, settings)
    if way is None or way.ingress is None:
        return None
    backend = {"service": {"name": f"{tenant.metadata.name}-web", "port": {"number": _PORT}}}
    paths = [{"path": path, "pathType": "Prefix", "backend": backend} for path in way.paths()]
    spec: dict[str, Any] = {"rules": [{"host": way.host, "http": {"paths": paths}}]}
    if way.ingress.class_name is not None:
        spec["ingressClassName"] = way.ingress.class_name
    if way.ingress.tls_secret_name is not None:
        spec["tls"] = [{"hosts": [way.host], "secretName": way.ingress.tls_secret_name}]
    made = head(tenant, resources.INGRESSES, "", "web") | {"spec": spec}
    if way.ingress.annotations:
        made["metadata"]["annotations"] = way.ingress.annotations
    return made


def http_route(tenant: Tenant, settings: Settings) -> Manifest | None:
    """Give the HTTPRoute that is asked for."""
    way = _way(tenant, settings)
    if way is None or way.gateway is None:
        return None
    parents = [ref.model_dump(by_alias=True, exclude_none=True) for ref in way.gateway.parent_refs]
    matches = [{"path": {"type": "PathPrefix", "value": path}} for path in way.paths()]
    rule = {"matches": matches, "backendRefs": [{"name": f"{tenant.metadata.name}-web", "port": _PORT}]}
    spec = {"parentRefs": parents, "hostnames": [way.host], "rules": [rule]}
    return head(tenant, resources.HTTP_ROUTES, "", "web") | {"spec": spec}
