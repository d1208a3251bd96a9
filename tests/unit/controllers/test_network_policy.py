"""The connections that the NetworkPolicy of a tenant's pods allows."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from askproai_operator.controllers.tenant.children.network_policy import network_policy
from askproai_operator.settings import Settings
from tests.worlds.salon_models import tenant

SETTINGS = Settings(namespace="askproai-system", monitoring_namespaces=("monitoring",))


def test_private_ports_admit_operator_and_monitoring_only():
    spec = network_policy(tenant(), [], ["https://api.cal.com"], SETTINGS)["spec"]
    public, private = spec["ingress"]
    assert public == {"ports": [{"protocol": "TCP", "port": 8080}]}
    assert {entry["port"] for entry in private["ports"]} == {8081, 9090, 9091}
    assert private["from"][0]["namespaceSelector"]["matchExpressions"][0]["values"] == ["askproai-system", "monitoring"]


@pytest.mark.parametrize(
    ("url", "ports"),
    [
        ("postgresql://u:p%40@db.internal/askproai", {5432}),
        ("postgresql://u:p@one:6432,two/askproai", {6432, 5432}),
        ("postgresql://u@/askproai?host=/run/postgresql", {5432}),
        ("https://api.retellai.com", {443}),
        ("http://calcom.local:3000/api", {3000}),
        ("rediss://:secret@cache:6380", {6380}),
        ("redis+sentinel://one:26379,two:26379/master", {26379, 6379}),
    ],
)
def test_network_policy_opens_only_ports_of_configured_servers(url, ports):
    names, providers, stores = network_policy(tenant(), [url], [url], SETTINGS)["spec"]["egress"]
    assert {entry["port"] for entry in names["ports"]} == {53}
    for servers in (providers, stores):
        assert {entry["port"] for entry in servers["ports"]} == ports
    assert not ports & {8080, 8081, 9090, 9091}


STORES, PROVIDERS = (
    ["postgresql://u:p@db/askproai", "redis://cache"],
    ["https://api.retellai.com", "https://api.cal.com"],
)


def reaches(rule: dict[str, Any], address: str) -> bool:
    """Return whether the rule lets pods out to an address that is no pod's."""
    if "to" not in rule:
        return True
    blocks = [peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer]
    return any(
        ip_address(address) in ip_network(block["cidr"])
        and not any(ip_address(address) in ip_network(each) for each in block.get("except", ()))
        for block in blocks
    )


def namespaces(rule: dict[str, Any]) -> list[str] | None:
    """Return the namespaces whose pods the rule lets pods out to; None: all."""
    (selector,) = [peer["namespaceSelector"] for peer in rule["to"] if "namespaceSelector" in peer] or [NO_NAMESPACE]
    if not selector:
        return None
    ((expression),) = selector["matchExpressions"]
    return expression["values"]


NO_NAMESPACE = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": []}]}
METADATA = ["169.254.169.254", "169.254.170.2", "fd00:ec2::254", "fd20:ce::254", "fe80::a9fe:a9fe"]


def test_network_policy_blocks_the_clouds_metadata_addresses():
    names, providers, stores = network_policy(tenant(), STORES, PROVIDERS, SETTINGS)["spec"]["egress"]
    assert not [address for address in METADATA if reaches(providers, address)]
    assert all(reaches(providers, address) for address in ("203.0.113.9", "10.96.0.1", "2001:db8::1"))
    assert namespaces(providers) is None, "a Cal.com in the cluster, where pods are no addresses to the network plugin"
    assert "to" not in stores, "PostgreSQL and Redis may be anywhere"
    assert "to" not in names, "a cache of names on the node has a link-local address"
    assert {entry["port"] for entry in providers["ports"]} == {443}


def test_denied_egress_ranges_need_the_platforms_permission():
    restricted = SETTINGS.model_copy(
        update={
            "denied_egress_ranges": ("10.0.0.0/8", "fd12:3456::/32"),
            "allowed_egress_ranges": ("10.0.8.5/32",),
            "allowed_egress_namespaces": ("redis", "postgres"),
        }
    )
    names, providers, stores = network_policy(tenant(), STORES, PROVIDERS, restricted)["spec"]["egress"]
    for rule in (providers, stores):
        denied = ["10.96.0.1", "10.244.1.7", "fd12:3456::7", *METADATA]
        assert not [address for address in denied if reaches(rule, address)]
        assert all(reaches(rule, address) for address in ("10.0.8.5", "203.0.113.9", "2001:db8::1"))
        assert namespaces(rule) == ["postgres", "redis"]
    assert "to" not in names
    none = restricted.model_copy(update={"allowed_egress_namespaces": ()})
    assert namespaces(network_policy(tenant(), STORES, PROVIDERS, none)["spec"]["egress"][1]) == []


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"denied_egress_ranges": "10.0.0.0/8, 10.1.2.3/8"}, "has host bits set"),
        ({"denied_egress_ranges": "cluster"}, "does not appear to be an IPv4 or IPv6 network"),
        ({"denied_egress_ranges": "0.0.0.0/0"}, "every address"),
        ({"allowed_egress_namespaces": "postgres"}, "set that, too"),
    ],
)
def test_invalid_network_ranges_are_refused_by_operator_settings(values, text):
    with pytest.raises(ValueError, match=text):
        Settings(**values)


def test_network_policy_opens_the_trace_collectors_port():
    traced = SETTINGS.model_copy(update={"tracing_endpoint": "http://collector.observability:4318"})
    _, _, stores = network_policy(tenant(), STORES, PROVIDERS, traced)["spec"]["egress"]
    _, _, before = network_policy(tenant(), STORES, PROVIDERS, SETTINGS)["spec"]["egress"]
    assert [entry for entry in stores["ports"] if entry not in before["ports"]] == [{"protocol": "TCP", "port": 4318}]
