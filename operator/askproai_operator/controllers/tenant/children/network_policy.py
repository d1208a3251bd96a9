"""The NetworkPolicy of a tenant's pods. Pure."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from askproai_operator.api import Tenant
from askproai_operator.controllers.tenant.children.metadata import Manifest, new_manifest, pod_selector
from askproai_operator.engine import resources
from askproai_operator.settings import Settings

_DEFAULT_PORTS = {"postgresql": 5432, "postgres": 5432, "redis": 6379, "rediss": 6379, "https": 443, "http": 80}


def network_policy(tenant: Tenant, urls: Iterable[str], settings: Settings) -> Manifest:
    """Return the policy: in to the public port, and for the operator's and the monitoring's namespaces to the private ones;
    out to DNS and to the ports of `urls`.

    Servers are allowed by port, because a policy knows addresses and pods, not names. No port of another tenant's pods
    (8080, 8081, 9090, 9091) is among them.
    """
    trusted = sorted({settings.namespace, *settings.monitoring_namespaces})
    from_trusted = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": trusted}
    server_ports = sorted({port for url in urls for port in _ports(url)})
    spec = {
        "podSelector": {"matchLabels": pod_selector(tenant)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {"ports": [_tcp(8080)]},
            {
                "from": [{"namespaceSelector": {"matchExpressions": [from_trusted]}}],
                "ports": [_tcp(port) for port in (8081, 9090, 9091)],
            },
        ],
        "egress": [
            {"ports": [{"protocol": "UDP", "port": 53}, _tcp(53)]},
            {"ports": [_tcp(port) for port in server_ports]},
        ],
    }
    return new_manifest(tenant, resources.NETWORK_POLICIES, "", "runtime") | {"spec": spec}


def _tcp(port: int) -> Manifest:
    return {"protocol": "TCP", "port": port}


def _ports(url: str) -> Iterable[int]:
    """Yield the ports that a URL leads to. A Sentinel leads to a server on Redis's own port."""
    parts = urlsplit(url)
    default = _DEFAULT_PORTS.get(parts.scheme.split("+")[0], 443)
    for host in parts.netloc.rpartition("@")[2].split(","):
        port = host.rpartition(":")[2]
        yield int(port) if port.isdigit() else default
    if "sentinel" in parts.scheme:
        yield _DEFAULT_PORTS["redis"]
