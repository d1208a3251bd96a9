"""The NetworkPolicy of a tenant's pods. Pure."""

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Final
from urllib.parse import urlsplit

from askproai_operator import resources
from askproai_operator.api import Tenant
from askproai_operator.controllers.tenant.children.metadata import Manifest, new_manifest, pod_selector
from askproai_operator.controllers.tenant.children.services import PAGE_PORT
from askproai_operator.settings import Settings

_NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"
_DEFAULT_PORTS = {"postgresql": 5432, "postgres": 5432, "redis": 6379, "rediss": 6379, "https": 443, "http": 80}
# Where clouds serve a node's credentials to whatever runs on it: link-local addresses, and those of AWS and Google in IPv6.
_METADATA: Final = ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "fd20:ce::254/128")


def network_policy(
    tenant: Tenant, stores: Iterable[str], providers: Iterable[str], settings: Settings, *, published: bool = False
) -> Manifest:
    """Return the policy of the tenant's pods. In: to the public port; to the page's port if it is `published`; from the
    namespaces of operator and monitoring to the private ports. Out: to DNS, and to the ports in the URLs of PostgreSQL and
    Redis (`stores`), of all other servers (`providers`), and of the collector of traces.

    Servers are allowed by port, because a policy knows addresses and pods, not names. None of these ports is a port of another
    tenant's pods (8080, 8081, 8082, 9090, 9091). The cloud's metadata addresses and the ranges that the platform denies are
    excluded. DNS is open everywhere: node caches and clouds serve it at addresses of these ranges.
    """
    trusted = sorted({settings.namespace, *settings.monitoring_namespaces})
    inner = [*stores, *([settings.tracing_endpoint] if settings.tracing_endpoint else [])]
    dns, to_stores = dns_and_stores(inner, settings)
    from_trusted = {"key": _NAMESPACE_NAME, "operator": "In", "values": trusted}
    spec = {
        "podSelector": {"matchLabels": pod_selector(tenant)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {"ports": [_tcp(8080), *([_tcp(PAGE_PORT)] if published else [])]},
            {
                "from": [{"namespaceSelector": {"matchExpressions": [from_trusted]}}],
                "ports": [_tcp(port) for port in (8081, 9090, 9091)],
            },
        ],
        "egress": [dns, {"to": _addresses(settings), "ports": _server_ports(providers)}, to_stores],
    }
    return new_manifest(tenant, resources.NETWORK_POLICIES, "", "runtime") | {"spec": spec}


def dns_and_stores(stores: Iterable[str], settings: Settings) -> tuple[Manifest, Manifest]:
    """Return two egress rules: to DNS, and to the ports in the URLs of PostgreSQL and Redis (`stores`).

    Unless the platform denies ranges, such servers may be at any destination, even one outside all address ranges and pods:
    some network plugins count a node's address as neither.
    """
    addresses = {"to": _addresses(settings)} if settings.denied_egress_ranges else {}
    return {"ports": [{"protocol": "UDP", "port": 53}, _tcp(53)]}, {"ports": _server_ports(stores)} | addresses


def _addresses(settings: Settings) -> list[Manifest]:
    """Return the destinations where servers may be: all addresses except the denied ranges, and pods, which only some network
    plugins count as addresses. If the platform denies ranges, only pods of the namespaces that it allows are included.
    """
    denied, allowed = settings.denied_egress_ranges, settings.allowed_egress_namespaces
    excepted = [ip_network(each) for each in (*_METADATA, *denied)]
    blocks = [
        {"cidr": everywhere, "except": [str(each) for each in excepted if each.version == version]}
        for version, everywhere in ((4, "0.0.0.0/0"), (6, "::/0"))
    ]
    blocks += [{"cidr": each} for each in settings.allowed_egress_ranges]
    peers: list[Manifest] = [{"ipBlock": block} for block in blocks]
    if not denied:
        peers.append({"namespaceSelector": {}})
    elif allowed:
        of_names = {"key": _NAMESPACE_NAME, "operator": "In", "values": sorted(allowed)}
        peers.append({"namespaceSelector": {"matchExpressions": [of_names]}})
    return peers


def _server_ports(urls: Iterable[str]) -> list[Manifest]:
    return [_tcp(port) for port in sorted({port for url in urls for port in _ports(url)})]


def _tcp(port: int) -> Manifest:
    return {"protocol": "TCP", "port": port}


def _ports(url: str) -> Iterable[int]:
    """Yield the ports in a URL, of each of its hosts. For Redis by Sentinel, also yield Redis's own default port."""
    parts = urlsplit(url)
    default = _DEFAULT_PORTS.get(parts.scheme.split("+")[0], 443)
    for host in parts.netloc.rpartition("@")[2].split(","):
        port = host.rpartition(":")[2]
        yield int(port) if port.isdigit() else default
    if "sentinel" in parts.scheme:
        yield _DEFAULT_PORTS["redis"]
