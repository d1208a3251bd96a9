"""The Services of a tenant's pods: public, private, and metrics. Pure."""

from typing import Final

from askproai_operator import resources
from askproai_operator.api import Tenant
from askproai_operator.controllers.tenant.children.metadata import Component, Manifest, new_manifest, pod_selector

PAGE_PORT: Final = 8082


def services(tenant: Tenant) -> list[Manifest]:
    """Return `T-web` (8080; routed from outside by path) and `T-admin` (8081; never routed)."""
    ports = {"web": ("public", 8080), "admin": ("private", 8081)}
    return [
        new_manifest(tenant, resources.SERVICES, suffix, Component.WEB)
        | {"spec": {"selector": pod_selector(tenant, Component.WEB), "ports": [_port(name, port)]}}
        for suffix, (name, port) in ports.items()
    ]


def page_service(tenant: Tenant) -> Manifest:
    """Return `T-page` (8082; the page alone)."""
    port = {"name": "page", "port": PAGE_PORT, "targetPort": PAGE_PORT, "protocol": "TCP"}
    spec = {"selector": pod_selector(tenant, Component.WEB), "ports": [port]}
    return new_manifest(tenant, resources.SERVICES, "page", Component.WEB) | {"spec": spec}


def metrics_service(tenant: Tenant) -> Manifest:
    """Return `T-metrics`, through which Prometheus finds all pods. It has no address, and includes pods that are not ready."""
    ports = {"metrics": 9090, "worker": 9091}  # a pod without one of the two ports is not scraped at it
    spec = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": pod_selector(tenant),
        "ports": [_port(name, port) for name, port in ports.items()],
    }
    return new_manifest(tenant, resources.SERVICES, "metrics", "metrics") | {"spec": spec}


def _port(name: str, port: int) -> Manifest:
    return {"name": name, "port": port, "targetPort": name, "protocol": "TCP"}
