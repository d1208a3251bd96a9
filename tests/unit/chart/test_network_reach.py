"""The table of allowed connections, evaluated with the policies of chart and operator. `make e2e` tries it on a real network."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import pytest

from askproai_operator.controllers.tenant.children.metadata import child_labels
from askproai_operator.controllers.tenant.children.network_policy import network_policy
from askproai_operator.settings import Settings
from tests.worlds.network_policies import Pod, reaches
from tests.worlds.network_reach import API_SERVER, MONITORING, PRACTICE, REACH, RELEASE, SALON, SOURCES, STRANGER
from tests.worlds.salon_models import tenant

SYSTEM = "system"  # where the chart is rendered to
SIMULATORS = [f"http://askproai-simulators.{SYSTEM}:{port}" for port in (9001, 9002)]
STORES = [f"postgresql://u@askproai-postgres.{SYSTEM}:5432/askproai", f"redis://u@askproai-valkey.{SYSTEM}:6379"]
API = Pod("", "192.0.2.1")
DENIED = {"denied_egress_ranges": ("10.0.0.0/8", "192.0.2.0/24"), "allowed_egress_namespaces": (SYSTEM,)}


@dataclass(frozen=True)
class Cluster:
    """Pods by the names of the table, and all policies."""

    pods: Mapping[str, Pod]
    policies: list[dict[str, Any]]

    def reached_by(self, target: Pod, port: int, **plugin: bool) -> set[str]:
        to_target = partial(reaches, self.policies, target=target, port=port, **plugin)
        return {name for name in SOURCES if self.pods[name] != target and to_target(self.pods[name])}


@cache
def cluster(render, **restricted: tuple[str, ...]) -> Cluster:
    evaluation = ("evaluation.enabled=true", "evaluation.simulators=true", "evaluation.simulatorsImage=simulators:1")
    manifests = render(*evaluation, "networkPolicy.enabled=true")
    policies = [manifest for (kind, _), manifest in manifests.items() if kind == "NetworkPolicy"]
    pods = {MONITORING: Pod(MONITORING, "10.0.0.1"), STRANGER: Pod(STRANGER, "10.0.0.2", {"app": "askproai"})}
    for number, name in enumerate(RELEASE, 10):
        kind = "StatefulSet" if name in {"postgres", "valkey"} else "Deployment"
        template = manifests[kind, f"askproai-{name}"]["spec"]["template"]
        ports = {port["name"]: port["containerPort"] for port in template["spec"]["containers"][0]["ports"]}
        pods[name] = Pod(SYSTEM, f"10.0.0.{number}", template["metadata"]["labels"], ports)
    settings = Settings(namespace=SYSTEM, monitoring_namespaces=(MONITORING,), **restricted)
    for number, name in enumerate((SALON, PRACTICE), 20):
        owner = tenant()
        owner = owner.model_copy(
            update={"metadata": owner.metadata.model_copy(update={"name": name, "namespace": name})}
        )
        policies.append(network_policy(owner, STORES, SIMULATORS, settings))
        pods[name] = Pod(name, f"10.0.0.{number}", child_labels(owner, "web"))
    return Cluster(pods, policies)


@pytest.mark.parametrize("restricted", [{}, DENIED], ids=["all-ranges", "denied-ranges"])
@pytest.mark.parametrize("blocks_hold_pods", [True, False])
@pytest.mark.parametrize(("target", "port", "expected"), REACH)
def test_port_is_reached_only_by_pods_needing_it(render, target, port, expected, blocks_hold_pods, restricted):
    of = cluster(render, **restricted)
    assert of.reached_by(of.pods[target], port, blocks_hold_pods=blocks_hold_pods) == expected - {target}


def test_network_policy_closes_api_server_to_tenant_pods(render):
    assert cluster(render).reached_by(API, 6443) == API_SERVER


def test_denied_ranges_block_an_api_server_on_443(render):
    policies = [
        network_policy(tenant(), STORES, ["https://api.cal.com"], each) for each in (Settings(), Settings(**DENIED))
    ]
    salon = Pod(SALON, "10.0.0.20", child_labels(tenant(), "web"))
    assert [reaches([each], salon, API, 443) for each in policies] == [True, False]


def test_foreign_pod_reaches_stores_only_with_tenant_label(render):
    of = cluster(render)
    for name, port in (("postgres", 5432), ("valkey", 6379)):
        labels = {"app.kubernetes.io/name": "askproai", "app.kubernetes.io/managed-by": "askproai-operator"}
        assert reaches(of.policies, Pod("elsewhere", "10.0.0.3", labels), of.pods[name], port)
        for missing in labels:
            fewer = {key: value for key, value in labels.items() if key != missing}
            assert not reaches(of.policies, Pod("elsewhere", "10.0.0.3", fewer), of.pods[name], port)


def test_listed_ports_leave_tenant_metrics_to_the_operator(render):
    (rule,) = [
        rule
        for rule in render("networkPolicy.enabled=true", "networkPolicy.egressPorts=[443,5432]")[
            "NetworkPolicy", "askproai-operator"
        ]["spec"]["egress"]
        if "to" in rule
    ]
    assert [each["port"] for each in rule["ports"]] == [9090, 9091], "the config of workers is known late without it"
