"""The children that come and go with the spec, the mode and the cluster's CRDs: what is decided and rendered."""

import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Reason, Status
from askproai_operator.api.tenant import RuntimeMode
from askproai_operator.controllers.credentials import Credentials, named_secrets
from askproai_operator.controllers.tenant import decide, exposure, monitoring, pods, render
from askproai_operator.controllers.tenant.render import MODE, SCALED_BY, Component, ScaledBy
from askproai_operator.engine import Child
from askproai_operator.settings import Settings
from askproai_sandbox.example_tenant import load_manifests

SETTINGS = Settings(namespace="askproai-system", monitoring_namespaces=("monitoring",), monitor_labels=("release=kps",))
RUNBOOKS = Path(__file__).parents[3] / "docs" / "runbooks"


def tenant(**spec: Any) -> Tenant:
    raw = load_manifests()["Tenant"][0]
    raw["metadata"] |= {"uid": "uid-1", "creationTimestamp": "2026-11-01T08:00:00Z"}
    raw["spec"] |= spec
    return Tenant.from_raw(raw)


def split(**runtime: Any) -> Tenant:
    return tenant(runtime={"mode": "Split", **runtime})


def child(
    *, mode: str = "Combined", replicas: int = 2, ready: int = 2, updated: int | None = None, seen: int = 1
) -> Child:
    status = {"replicas": replicas, "availableReplicas": ready, "observedGeneration": seen}
    status["updatedReplicas"] = replicas if updated is None else updated
    return Child("uid", 1, "", {}, {MODE: mode}, status, generation=1, replicas=replicas)


CREDENTIALS = Credentials({}, named_secrets(tenant()), (), "https://api.retellai.com", "https://api.cal.com")


# Split and Combined


@pytest.mark.parametrize(
    ("what", "mode", "web", "workers", "expected"),
    [
        ("a new tenant", "Combined", None, None, (False, False)),
        ("a new tenant", "Split", None, None, (True, True)),
        ("workers begin to start", "Split", child(), None, (False, True)),
        ("no worker pod serves yet", "Split", child(), child(ready=0), (False, True)),
        ("a worker pod serves", "Split", child(), child(ready=1), (True, True)),
        ("split, and the workers are away", "Split", child(mode="Split"), child(ready=0), (True, True)),
        ("the web pods still have no worker", "Combined", child(mode="Split"), child(), (False, True)),
        ("the rollout is not seen yet", "Combined", child(seen=0), child(), (False, True)),
        ("one of two is new", "Combined", child(updated=1), child(), (False, True)),
        ("an old one still ends", "Combined", child(replicas=3, updated=2), child(), (False, True)),
        ("all web pods have workers", "Combined", child(), child(), (False, False)),
    ],
)
def test_a_change_of_the_mode_leaves_no_moment_without_a_worker(what, mode, web, workers, expected):
    found = pods.layout(tenant(runtime={"mode": mode}), web, workers)
    assert (found.web_alone, found.workers) == expected, what
    assert found.workers or not found.web_alone


def test_the_containers_of_split_are_two_deployments_with_their_own_selectors():
    web, worker = (
        render.deployment(split(), CREDENTIALS, "askproai:1", one, alone=True, replicas=1) for one in Component
    )
    for made, name in ((web, "web"), (worker, "worker")):
        assert made["metadata"]["name"] == f"salon-mueller-{name}"
        assert [one["name"] for one in made["spec"]["template"]["spec"]["containers"]] == [name]
        assert made["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"] == name
        assert made["metadata"]["annotations"][MODE] == RuntimeMode.SPLIT
    assert worker["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["httpGet"]["port"] == "worker"


def test_pods_wish_to_be_spread_and_name_an_account_without_a_token():
    pod = render.deployment(tenant(), CREDENTIALS, "askproai:1")["spec"]["template"]["spec"]
    assert {one["topologyKey"] for one in pod["topologySpreadConstraints"]} == {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    }
    account = pods.service_account(tenant())
    assert account["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == account["metadata"]["name"]


def test_the_readiness_of_both_deployments_counts_in_split():
    web, worker = child(mode="Split"), child(ready=0)
    told = decide.runtime_condition(split(), {Component.WORKER: worker, Component.WEB: web})
    assert (told.status, told.reason) == (Status.FALSE, Reason.PROGRESSING)
    assert "0 worker pods are ready, at least 1 are wanted, 2 web pods are ready" in told.message
    assert decide.runtime_condition(split(), {Component.WORKER: child(ready=1), Component.WEB: web}).good
    assert not decide.runtime_condition(tenant(), {Component.WEB: child(ready=1)}).good


def test_the_roles_connections_fit_the_workers_of_split_too():
    assert decide.connection_limit(split()) == 44 + 6


# Replicas and who decides them


def test_equal_bounds_and_suspended_tenants_have_no_autoscaler():
    fixed = tenant(runtime={"web": {"minReplicas": 3, "maxReplicas": 3}})
    assert pods.scaled_by(fixed, Component.WEB) is ScaledBy.OPERATOR
    assert pods.scaled_by(tenant(suspend=True), Component.WEB) is ScaledBy.OPERATOR
    assert pods.scaled_by(tenant(), Component.WEB) is ScaledBy.AUTOSCALER


@pytest.mark.parametrize(("running", "expected"), [(None, 2), (0, 2), (5, 5), (50, 10)])
def test_an_autoscaler_begins_with_what_runs(running, expected):
    live = None if running is None else child(replicas=running)
    assert pods.begin_with(tenant(), Component.WEB, live) == expected


def test_who_scales_is_written_beside_the_replicas_and_never_both():
    handed, kept = (render.deployment(tenant(), CREDENTIALS, "i", replicas=number) for number in (None, 2))
    assert "replicas" not in handed["spec"]
    assert handed["metadata"]["annotations"][SCALED_BY] == ScaledBy.AUTOSCALER
    assert kept["spec"]["replicas"] == 2
    assert kept["metadata"]["annotations"][SCALED_BY] == ScaledBy.OPERATOR


def test_a_single_replica_can_be_drained():
    assert pods.disruption_budget(tenant(), Component.WEB)["spec"]["maxUnavailable"] == 1


# Exposure


PREFIXED = {"host": "s.example", "pathPrefix": "/voice"}


def test_only_webhooks_and_retell_are_routed():
    """S2: neither the page nor the API has a way in from outside."""
    routed = tenant(
        exposure=PREFIXED | {"ingress": {"className": "nginx", "tlsSecretName": "tls", "annotations": {"a": "b"}}}
    )
    made = exposure.ingress(routed, SETTINGS)
    assert made is not None
    rule = made["spec"]["rules"][0]
    assert [(one["path"], one["pathType"]) for one in rule["http"]["paths"]] == [
        ("/voice/webhooks", "Prefix"),
        ("/voice/retell", "Prefix"),
    ]
    assert {one["backend"]["service"]["port"]["number"] for one in rule["http"]["paths"]} == {8080}
    assert made["spec"]["tls"] == [{"hosts": ["s.example"], "secretName": "tls"}]
    assert (made["spec"]["ingressClassName"], made["metadata"]["annotations"]) == ("nginx", {"a": "b"})
    gateway = {"parentRefs": [{"name": "public", "namespace": "gateways", "sectionName": "https"}]}
    route = exposure.http_route(tenant(exposure=PREFIXED | {"gateway": gateway}), SETTINGS)
    assert route is not None
    assert [one["path"]["value"] for one in route["spec"]["rules"][0]["matches"]] == [
        "/voice/webhooks",
        "/voice/retell",
    ]
    assert route["spec"]["parentRefs"] == gateway["parentRefs"]
    assert route["spec"]["hostnames"] == ["s.example"]


def test_without_a_wish_nothing_is_routed():
    assert exposure.ingress(tenant(), SETTINGS) is exposure.http_route(tenant(), SETTINGS) is None


def test_the_shared_host_is_routed_for_each_tenant_where_the_platform_says_how():
    shared = "https://voice.example/base"
    by_class = Settings(shared_base_url=shared, shared_ingress_class="nginx")
    made = exposure.ingress(tenant(), by_class)
    assert made is not None
    rule, prefix = made["spec"]["rules"][0], "/base/salon-mueller/salon-mueller"
    assert (rule["host"], made["spec"]["ingressClassName"]) == ("voice.example", "nginx")
    assert [one["path"] for one in rule["http"]["paths"]] == [f"{prefix}/webhooks", f"{prefix}/retell"]
    by_gateway = Settings(shared_base_url=shared, shared_gateway="gateways/public")
    route = exposure.http_route(tenant(), by_gateway)
    assert route is not None
    assert route["spec"]["parentRefs"] == [{"name": "public", "namespace": "gateways"}]
    tunnelled = tenant(exposure={"baseUrl": "https://tunnel.example/x"})
    assert exposure.ingress(tunnelled, by_class) is exposure.http_route(tunnelled, by_gateway) is None


@pytest.mark.parametrize(
    ("what", "mine", "theirs", "age", "taken"),
    [
        ("the same place, and they were first", PREFIXED, PREFIXED, -1, True),
        ("the same place, and they came later", PREFIXED, PREFIXED, 1, False),
        ("a place within theirs", {"host": "s.example", "pathPrefix": "/voice/a"}, PREFIXED, -1, True),
        ("a place around theirs", {"host": "s.example"}, PREFIXED, -1, True),
        ("another path", {"host": "s.example", "pathPrefix": "/voice-2"}, PREFIXED, -1, False),
        ("another host", {"host": "t.example", "pathPrefix": "/voice"}, PREFIXED, -1, False),
        (
            "their path on the shared host",
            {"host": "voice.example", "pathPrefix": "/base/other/salon-mueller"},
            None,
            1,
            True,
        ),
        ("all of the shared host", {"host": "voice.example"}, None, 1, True),
        ("who squats on my path of the shared host", None, {"host": "voice.example", "pathPrefix": "/base"}, -1, False),
        ("each its own path of the shared host", None, None, -1, False),
    ],
)
def test_nobody_takes_the_host_and_path_of_another(
    what: str, mine: dict[str, Any] | None, theirs: dict[str, Any] | None, age: int, taken: bool
):
    """Who may write a Tenant in one namespace could else draw another's callers to pods of its own."""
    settings = Settings(shared_base_url="https://voice.example/base")
    one, other = tenant(exposure=mine), tenant(exposure=theirs)
    born = one.metadata.creation_timestamp + timedelta(seconds=age)
    named = other.metadata.model_copy(update={"namespace": "other", "uid": "uid-2", "creation_timestamp": born})
    other = other.model_copy(update={"metadata": named})
    assert exposure.claimed(one, [one, other], settings) is taken, what
    gone = other.model_copy(update={"metadata": named.model_copy(update={"deletion_timestamp": born})})
    assert not exposure.claimed(one, [one, gone], settings)


@pytest.mark.parametrize(
    ("conditions", "status", "told"),
    [
        (None, Status.FALSE, "no Gateway has accepted"),
        ([("Accepted", "True", ""), ("ResolvedRefs", "True", "")], Status.TRUE, "https://s.example"),
        ([("Accepted", "False", "no such listener")], Status.FALSE, "no such listener"),
        ([("Accepted", "True", ""), ("ResolvedRefs", "False", "no Service")], Status.FALSE, "no Service"),
    ],
)
def test_exposed_says_what_the_gateways_say(conditions, status, told):
    written = [{"type": kind, "status": is_, "reason": "R", "message": text} for kind, is_, text in conditions or ()]
    parents = {"parents": [{"conditions": written}]} if conditions else {}
    condition = decide.route_condition(decide.Address("https://s.example", ""), parents)
    assert condition.status is status
    assert told in condition.message


# Network


def test_private_ports_are_open_to_the_operator_and_the_monitoring_only():
    spec = pods.network_policy(tenant(), ["https://api.cal.com"], SETTINGS)["spec"]
    public, private = spec["ingress"]
    assert public == {"ports": [{"protocol": "TCP", "port": 8080}]}
    assert {one["port"] for one in private["ports"]} == {8081, 9090, 9091}
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
def test_the_policy_lets_out_to_what_a_tenant_needs_and_to_no_other_tenants_pods(url, ports):
    names, servers = pods.network_policy(tenant(), [url], SETTINGS)["spec"]["egress"]
    assert {one["port"] for one in names["ports"]} == {53}
    assert {one["port"] for one in servers["ports"]} == ports
    assert not ports & {8080, 8081, 9090, 9091}


# Monitoring


def test_both_containers_metrics_are_found_by_the_labels_of_the_clusters_prometheus():
    service, monitor = monitoring.metrics_service(tenant()), monitoring.service_monitor(tenant(), SETTINGS)
    assert {one["name"]: one["port"] for one in service["spec"]["ports"]} == {"metrics": 9090, "worker": 9091}
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["metadata"]["labels"]["release"] == "kps"
    assert "app.kubernetes.io/component" not in service["spec"]["selector"], "the worker pods of Split are found, too"


def test_rules_hold_this_tenant_to_its_own_slo():
    mine = monitoring.prometheus_rule(
        tenant(slo={"bookingSuccessPercent": "97.5", "webhookSuccessPercent": "100"}), SETTINGS
    )
    rules = {rule["alert"]: rule for group in mine["spec"]["groups"] for rule in group["rules"]}
    assert "> 0.025\n" in rules["AskproaiBookingFailures"]["expr"]
    assert "> 0\n" in rules["AskproaiWebhookFailures"]["expr"]
    for rule in rules.values():
        assert 'tenant="salon-mueller.salon-mueller"' in rule["expr"]
        assert rule["for"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert "<" not in "".join([rule["expr"], *rule["annotations"].values()])


def test_every_alert_links_to_a_runbook_that_exists():
    groups = monitoring.prometheus_rule(tenant(), SETTINGS)["spec"]["groups"]
    links = [rule["annotations"]["runbook_url"] for rule in itertools.chain(*(group["rules"] for group in groups))]
    assert all(link.startswith("https://askproai.de/docs/runbooks/") for link in links)
    assert [link for link in links if not (RUNBOOKS / link.rpartition("/")[2]).is_file()] == []


def test_what_the_cluster_does_not_know_is_named_and_in_nobodys_way():
    """Contract §2: what waits for a foreign CRD is True, NotInstalled."""
    told = decide.monitoring_condition(["ServiceMonitor", "PrometheusRule"])
    assert (told.status, told.reason) == (Status.TRUE, Reason.NOT_INSTALLED)
    routed = tenant(exposure=PREFIXED | {"gateway": {"parentRefs": [{"name": "public"}]}})
    told = decide.no_gateway_api(routed, decide.address(routed, "https://voice.example"))
    assert (told.status, told.reason) == (Status.TRUE, Reason.NOT_INSTALLED)
    assert "route /webhooks and /retell of https://s.example/voice" in told.message
