"""NetworkPolicies evaluated as Kubernetes defines them, for pods that exist only as labels and addresses. Pure.

Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/. Whether a pod's address belongs to an `ipBlock`
is left to the network plugin there, so `reaches` answers for both kinds of plugin.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

_NAMESPACE_NAME = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class Pod:
    """A pod, or with an empty namespace a server outside of the cluster."""

    namespace: str
    address: str
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)


def reaches(
    policies: Sequence[Mapping[str, Any]], source: Pod, target: Pod, port: int, *, blocks_hold_pods: bool = True
) -> bool:
    """Return whether the policies of source and target admit a TCP connection.

    `blocks_hold_pods`: an `ipBlock` also holds the addresses of pods.
    """
    leaves = _admits(policies, "Egress", source, target, target, port, blocks_hold_pods)
    return leaves and _admits(policies, "Ingress", target, source, target, port, blocks_hold_pods)


def _admits(
    policies: Iterable[Mapping[str, Any]],
    direction: str,
    subject: Pod,
    peer: Pod,
    target: Pod,
    port: int,
    blocks_hold_pods: bool,
) -> bool:
    selecting = [
        policy["spec"]
        for policy in policies
        if policy["metadata"]["namespace"] == subject.namespace
        and direction in policy["spec"]["policyTypes"]
        and _selects(policy["spec"]["podSelector"], subject.labels)
    ]
    sides = {"Egress": ("egress", "to"), "Ingress": ("ingress", "from")}
    rules, peers = sides[direction]
    return not selecting or any(
        _has_port(rule, port, target)
        and (not rule.get(peers) or any(_is_peer(each, subject, peer, blocks_hold_pods) for each in rule[peers]))
        for spec in selecting
        for rule in spec.get(rules) or ()
    )


def _has_port(rule: Mapping[str, Any], port: int, target: Pod) -> bool:
    ports = [each for each in rule.get("ports", ()) if each.get("protocol", "TCP") == "TCP"]
    numbers = {each["port"] if isinstance(each["port"], int) else target.ports.get(each["port"]) for each in ports}
    return not rule.get("ports") or port in numbers


def _is_peer(peer: Mapping[str, Any], subject: Pod, other: Pod, blocks_hold_pods: bool) -> bool:
    if "ipBlock" in peer:
        return (blocks_hold_pods or not other.namespace) and is_in_block(peer["ipBlock"], other.address)
    if not other.namespace:
        return False
    if "namespaceSelector" in peer:
        is_namespace = _selects(peer["namespaceSelector"], {_NAMESPACE_NAME: other.namespace})
    else:
        is_namespace = other.namespace == subject.namespace
    return is_namespace and _selects(peer.get("podSelector", {}), other.labels)


def is_in_block(block: Mapping[str, Any], address: str) -> bool:
    """Return whether an address is in an `ipBlock`."""
    excepted = (ip_network(each) for each in block.get("except", ()))
    return ip_address(address) in ip_network(block["cidr"]) and not any(
        ip_address(address) in each for each in excepted
    )


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Return whether labels fit a selector. Raises KeyError for an operator that no policy of ours has."""
    fits = {"In": lambda value, values: value in values, "Exists": lambda value, _: value is not None}
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        fits[each["operator"]](labels.get(each["key"]), each.get("values"))
        for each in selector.get("matchExpressions", ())
    )
