"""The one way in from outside: an Ingress or an HTTPRoute to `/webhooks` and `/retell`, and nothing else. Pure."""

from typing import Any

from askproai_operator.api import Tenant
from askproai_operator.engine import refs
from askproai_operator.kinds.tenant.render import Manifest, head

_ROUTED = ("/webhooks", "/retell")  # all else on port 8080 is a 404, and the private port is in another Service
_PORT = 8080


def ingress(tenant: Tenant) -> Manifest | None:
    """Give the Ingress that `exposure.ingress` asks for."""
    exposure = tenant.spec.exposure
    if exposure is None or exposure.ingress is None:
        return None
    backend = {"service": {"name": f"{tenant.metadata.name}-web", "port": {"number": _PORT}}}
    paths = [{"path": path, "pathType": "Prefix", "backend": backend} for path in _paths(tenant)]
    spec: dict[str, Any] = {"rules": [{"host": exposure.host, "http": {"paths": paths}}]}
    if exposure.ingress.class_name is not None:
        spec["ingressClassName"] = exposure.ingress.class_name
    if exposure.ingress.tls_secret_name is not None:
        spec["tls"] = [{"hosts": [exposure.host], "secretName": exposure.ingress.tls_secret_name}]
    made = head(tenant, refs.INGRESSES, "", "web") | {"spec": spec}
    if exposure.ingress.annotations:
        made["metadata"]["annotations"] = exposure.ingress.annotations
    return made


def http_route(tenant: Tenant) -> Manifest | None:
    """Give the HTTPRoute that `exposure.gateway` asks for."""
    exposure = tenant.spec.exposure
    if exposure is None or exposure.gateway is None:
        return None
    parents = [ref.model_dump(by_alias=True, exclude_none=True) for ref in exposure.gateway.parent_refs]
    matches = [{"path": {"type": "PathPrefix", "value": path}} for path in _paths(tenant)]
    rule = {"matches": matches, "backendRefs": [{"name": f"{tenant.metadata.name}-web", "port": _PORT}]}
    spec = {"parentRefs": parents, "hostnames": [exposure.host], "rules": [rule]}
    return head(tenant, refs.HTTP_ROUTES, "", "web") | {"spec": spec}


def _paths(tenant: Tenant) -> list[str]:
    prefix = (tenant.spec.exposure and tenant.spec.exposure.path_prefix) or ""
    return [f"{prefix}{path}" for path in _ROUTED]
