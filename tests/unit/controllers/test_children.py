"""A tenant's children: their manifests, and the choice of children by spec, mode and the cluster's CRDs."""

import itertools
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Reason, Status
from askproai_operator.api.runtime import RuntimeMode
from askproai_operator.controllers.tenant.children.autoscaling import (
    SCALED_BY,
    ScaledBy,
    disruption_budget,
    initial_replicas,
    scaled_by,
)
from askproai_operator.controllers.tenant.children.deployment import (
    MODE,
    plan_layout,
    rollout_condition,
    runtime_condition,
    service_account,
    tracing_variables,
)
from askproai_operator.controllers.tenant.children.metadata import Component
from askproai_operator.controllers.tenant.children.monitoring import (
    burning,
    monitoring_condition,
    prometheus_rule,
    service_monitor,
)
from askproai_operator.controllers.tenant.children.routes import gateway_field, http_route_problem, sender_route
from askproai_operator.controllers.tenant.children.secrets import teardown_secret
from askproai_operator.controllers.tenant.children.services import metrics_service, services
from askproai_operator.engine import ObservedObject
from askproai_operator.grants import Subject, SubjectKind
from askproai_operator.settings import Settings
from tests.worlds.compiled_contexts import deployment
from tests.worlds.salon_models import credentials, tenant

SETTINGS = Settings(namespace="askproai-system", monitoring_namespaces=("monitoring",), monitor_labels=("release=kps",))
RUNBOOKS = Path(__file__).parents[3] / "docs" / "runbooks"
CREDENTIALS = credentials()


def split(**runtime: Any) -> Tenant:
    return tenant(runtime={"mode": "Split", **runtime})


def child(
    *, mode: str = "Combined", replicas: int = 2, ready: int = 2, updated: int | None = None, seen: int = 1
) -> ObservedObject:
    """Return a Deployment as the cache keeps it; `seen` is the generation that its controller has observed."""
    status = {"replicas": replicas, "availableReplicas": ready, "observedGeneration": seen}
    status["updatedReplicas"] = replicas if updated is None else updated
    return ObservedObject("uid", 1, "", {}, {MODE: mode}, status, generation=1, replicas=replicas)


def pod_of(runtime: dict[str, Any], **more: Any) -> dict[str, Any]:
    return deployment(tenant(runtime=runtime), CREDENTIALS, "askproai:1", **more)["spec"]["template"]["spec"]


# Deployments


def test_opening_hours_are_not_in_the_pods_template():
    """A changed opening hour must not restart a pod that is on a call."""
    template = json.dumps(deployment(tenant(), CREDENTIALS, "askproai:1")["spec"]["template"])
    assert "09:00" not in template
    assert "hash" not in template


def test_no_key_is_written_outside_a_secret():
    text = json.dumps([deployment(tenant(), CREDENTIALS, "askproai:1"), *services(tenant())])
    assert "canary" not in text + repr(CREDENTIALS)


def test_pods_are_spread_restricted_and_hold_no_token():
    pod, account = pod_of({}), service_account(tenant())
    assert pod["automountServiceAccountToken"] is account["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    spread = {constraint["topologyKey"] for constraint in pod["topologySpreadConstraints"]}
    assert spread == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert [c["name"] for c in pod["containers"]] == ["web", "worker"]
    for container in pod["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["command"][0] == "askproai-runtime"
    assert not any("subPath" in mount for c in pod["containers"] for mount in c["volumeMounts"])


def test_tenant_without_pod_settings_keeps_its_template():
    """An operator's upgrade must restart no pod for a field that nobody set."""
    template = deployment(tenant(), CREDENTIALS, "askproai:1")["spec"]["template"]
    assert "annotations" not in template["metadata"]
    absent = {"imagePullSecrets", "nodeSelector", "tolerations", "priorityClassName"}
    assert not absent & template["spec"].keys()
    as_ever = {"requests": {"cpu": "15m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}
    assert [container["resources"] for container in template["spec"]["containers"]] == [as_ever, as_ever]


def test_web_and_worker_containers_have_separate_resources():
    web = {"cpuRequestMillicores": 200, "cpuLimitMillicores": 1000, "memoryLimitMebibytes": 512}
    parts = {"web": {"resources": web}, "workers": {"resources": {"memoryRequestMebibytes": 128}}}
    found = {each["name"]: each["resources"] for each in pod_of(parts)["containers"]}
    assert found["web"] == {
        "requests": {"cpu": "200m", "memory": "64Mi"},
        "limits": {"memory": "512Mi", "cpu": "1000m"},
    }
    assert found["worker"] == {"requests": {"cpu": "15m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}


def test_image_pull_uses_tenant_and_installation_secrets():
    pods = {"pods": {"imagePullSecrets": [{"name": "registry"}, {"name": "own"}]}}
    pod = pod_of(pods, pull_secrets=("platform", "registry"))
    assert [each["name"] for each in pod["imagePullSecrets"]] == ["registry", "own", "platform"]
    assert pod_of({}, pull_secrets=("platform",))["imagePullSecrets"] == [{"name": "platform"}]


def test_pods_are_scheduled_as_the_manifest_says():
    pods = {
        "nodeSelector": {"pool": "voice"},
        "tolerations": [{"key": "voice", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}],
        "priorityClassName": "voice",
        "annotations": {"example.com/team": "salon"},
    }
    template = deployment(tenant(runtime={"pods": pods}), CREDENTIALS, "askproai:1")["spec"]["template"]
    assert template["metadata"]["annotations"] == {"example.com/team": "salon"}
    assert {name: template["spec"][name] for name in pods if name != "annotations"} == {
        name: value for name, value in pods.items() if name != "annotations"
    }


def test_teardown_secret_survives_by_its_finalizer():
    secret = teardown_secret(tenant(), CREDENTIALS, {SubjectKind.RETELL_KEY: Subject(SubjectKind.RETELL_KEY, "hash")})
    assert set(secret["data"]) == {"retell-api-key", "calcom-api-key", "retell-base-url", "calcom-base-url"}
    assert secret["metadata"]["finalizers"] == ["askproai.de/cleanup"]


# Split and Combined


@pytest.mark.parametrize(
    ("case", "mode", "web", "workers", "expected"),
    [
        ("a new tenant", "Combined", None, None, (False, False)),
        ("a new tenant", "Split", None, None, (True, True)),
        ("workers begin to start", "Split", child(), None, (False, True)),
        ("no worker pod serves yet", "Split", child(), child(ready=0), (False, True)),
        ("a worker pod serves", "Split", child(), child(ready=1), (True, True)),
        ("split, and the workers are away", "Split", child(mode="Split"), child(ready=0), (True, True)),
        ("the web pods still have no worker", "Combined", child(mode="Split"), child(), (False, True)),
        ("the rollout is not observed yet", "Combined", child(seen=0), child(), (False, True)),
        ("one of two is new", "Combined", child(updated=1), child(), (False, True)),
        ("an old one is still ending", "Combined", child(replicas=3, updated=2), child(), (False, True)),
        ("all web pods have workers", "Combined", child(), child(), (False, False)),
    ],
)
def test_workers_run_throughout_a_change_of_mode(case, mode, web, workers, expected):
    layout = plan_layout(tenant(runtime={"mode": mode}), web, workers)
    assert (layout.web_alone, layout.workers) == expected, case
    assert layout.workers or not layout.web_alone


def test_mode_split_makes_deployments_with_separate_selectors():
    web, worker = (
        deployment(split(), CREDENTIALS, "askproai:1", component, alone=True, replicas=1) for component in Component
    )
    for manifest, name in ((web, "web"), (worker, "worker")):
        assert manifest["metadata"]["name"] == f"salon-mueller-{name}"
        assert [container["name"] for container in manifest["spec"]["template"]["spec"]["containers"]] == [name]
        assert manifest["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"] == name
        assert manifest["metadata"]["annotations"][MODE] == RuntimeMode.SPLIT
    assert worker["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["httpGet"]["port"] == "worker"


def test_split_mode_is_ready_with_both_deployments_ready():
    web, worker = child(mode="Split"), child(ready=0)
    condition = runtime_condition(split(), {Component.WORKER: worker, Component.WEB: web})
    assert (condition.status, condition.reason) == (Status.FALSE, Reason.PROGRESSING)
    assert "0 worker pods are ready, at least 1 are wanted, 2 web pods are ready" in condition.message
    assert runtime_condition(split(), {Component.WORKER: child(ready=1), Component.WEB: web}).good
    assert not runtime_condition(tenant(), {Component.WEB: child(ready=1)}).good


def with_condition(type_: str, status: str, reason: str, message: str = "") -> ObservedObject:
    live = child(updated=1)
    condition = {"type": type_, "status": status, "reason": reason, "message": message}
    return replace(live, status={**live.status, "conditions": [condition]})


def test_stuck_rollout_is_unhealthy_while_former_pods_serve():
    stuck = with_condition("Progressing", "False", "ProgressDeadlineExceeded")
    condition = rollout_condition(tenant(), {Component.WEB: stuck})
    assert (condition.status, condition.reason) == (Status.FALSE, Reason.ROLLOUT_STUCK)
    assert condition.message.startswith("Deployment salon-mueller-web: its newest pods")
    assert condition.message.endswith("kubectl describe pods -n salon-mueller -l askproai.de/tenant=salon-mueller")
    assert runtime_condition(tenant(), {Component.WEB: stuck}).good, "numbers are bound: somebody answers"


def test_condition_names_the_quota_that_refuses_pods():
    refused = with_condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota: pods=2")
    condition = rollout_condition(split(), {Component.WORKER: refused, Component.WEB: child()})
    assert "Deployment salon-mueller-worker: its pods are refused (exceeded quota: pods=2)" in condition.message


def test_running_or_corrected_rollout_is_healthy():
    running = with_condition("Progressing", "True", "ReplicaSetUpdated")
    corrected = replace(with_condition("Progressing", "False", "ProgressDeadlineExceeded"), generation=2)
    for live in (child(), running, corrected):
        assert rollout_condition(tenant(), {Component.WEB: live}).good


def test_stuck_rollout_stays_reported_while_an_autoscaler_scales():
    """Each change of the replicas is a generation that the status does not observe at once."""
    stuck = with_condition("Progressing", "False", "ProgressDeadlineExceeded")
    former = rollout_condition(tenant(), {Component.WEB: stuck})
    known = tenant()
    fields = {"type": former.type, "status": former.status, "reason": former.reason, "message": former.message}
    known.status["conditions"] = [{name: str(value) for name, value in fields.items()}]
    assert rollout_condition(known, {Component.WEB: replace(stuck, generation=2)}) == former
    observed = replace(child(), generation=2, status={**child().status, "observedGeneration": 2})
    assert rollout_condition(known, {Component.WEB: observed}).good


# Replicas and who decides them


def test_suspended_tenant_keeps_no_pods_and_reports_that():
    suspended, fixed = tenant(suspend=True), tenant(runtime={"web": {"minReplicas": 3, "maxReplicas": 3}})
    assert initial_replicas(suspended, Component.WEB, None) == 0
    scaling = [scaled_by(each, Component.WEB) for each in (suspended, fixed, tenant())]
    assert scaling == [ScaledBy.OPERATOR, ScaledBy.OPERATOR, ScaledBy.AUTOSCALER]
    assert runtime_condition(suspended, {}).status is Status.TRUE
    assert runtime_condition(suspended, {}).reason is Reason.SUSPENDED


@pytest.mark.parametrize(("running", "expected"), [(None, 2), (0, 2), (5, 5), (50, 10)])
def test_an_autoscaler_begins_with_the_running_replicas(running, expected):
    live = None if running is None else child(replicas=running)
    assert initial_replicas(tenant(), Component.WEB, live) == expected


def test_deployment_has_replicas_or_an_autoscaler_annotation():
    handed_over, kept = (deployment(tenant(), CREDENTIALS, "i", replicas=replicas) for replicas in (None, 2))
    assert "replicas" not in handed_over["spec"]
    assert handed_over["metadata"]["annotations"][SCALED_BY] == ScaledBy.AUTOSCALER
    assert kept["spec"]["replicas"] == 2
    assert kept["metadata"]["annotations"][SCALED_BY] == ScaledBy.OPERATOR
    assert disruption_budget(tenant(), Component.WEB)["spec"]["maxUnavailable"] == 1, "also a single pod can be drained"


# Exposure


PREFIXED = {"host": "s.example", "pathPrefix": "/voice"}


def test_ingress_routes_only_webhooks_functions_and_health():
    """Neither the metrics nor the private API can be reached from outside."""
    routed = tenant(
        exposure=PREFIXED | {"ingress": {"className": "nginx", "tlsSecretName": "tls", "annotations": {"a": "b"}}}
    )
    manifest = sender_route(routed, SETTINGS)
    rule = manifest["spec"]["rules"][0]
    assert [(path["path"], path["pathType"]) for path in rule["http"]["paths"]] == [
        ("/voice/webhooks", "Prefix"),
        ("/voice/retell", "Prefix"),
        ("/voice/health", "Prefix"),
    ]
    assert {path["backend"]["service"]["port"]["number"] for path in rule["http"]["paths"]} == {8080}
    assert manifest["spec"]["tls"] == [{"hosts": ["s.example"], "secretName": "tls"}]
    annotations = {"a": "b", "askproai.de/served-url": "https://s.example/voice"}
    assert (manifest["spec"]["ingressClassName"], manifest["metadata"]["annotations"]) == ("nginx", annotations)
    gateway = {"parentRefs": [{"name": "public", "namespace": "gateways", "sectionName": "https"}]}
    route = sender_route(tenant(exposure=PREFIXED | {"gateway": gateway}), SETTINGS)
    assert [match["path"]["value"] for match in route["spec"]["rules"][0]["matches"]] == [
        "/voice/webhooks",
        "/voice/retell",
        "/voice/health",
    ]
    assert route["spec"]["parentRefs"] == gateway["parentRefs"]
    assert route["spec"]["hostnames"] == ["s.example"]


def test_shared_host_is_routed_per_tenant_as_configured():
    shared = "https://voice.example/base"
    by_class = Settings(shared_base_url=shared, shared_ingress_class="nginx")
    manifest = sender_route(tenant(), by_class)
    rule, prefix = manifest["spec"]["rules"][0], "/base/salon-mueller/salon-mueller"
    assert (rule["host"], manifest["spec"]["ingressClassName"]) == ("voice.example", "nginx")
    assert [path["path"] for path in rule["http"]["paths"]] == [
        f"{prefix}/{name}" for name in ("webhooks", "retell", "health")
    ]
    assert "tls" not in manifest["spec"]
    with_tls = Settings(
        shared_base_url=shared,
        shared_ingress_class="nginx",
        shared_tls_secret="voice-tls",
        shared_ingress_annotations="example.com/body-size=9m,example.com/b=c=d",
    )
    manifest = sender_route(tenant(), with_tls)
    assert manifest["spec"]["tls"] == [{"hosts": ["voice.example"], "secretName": "voice-tls"}]
    expected = {"example.com/body-size": "9m", "example.com/b": "c=d"}
    assert manifest["metadata"]["annotations"].items() >= expected.items()
    by_gateway = Settings(shared_base_url=shared, shared_gateway="gateways/public")
    route = sender_route(tenant(), by_gateway)
    assert route["spec"]["parentRefs"] == [{"name": "public", "namespace": "gateways"}]
    tunnelled = tenant(exposure={"baseUrl": "https://tunnel.example/x"})
    assert sender_route(tunnelled, by_class) is sender_route(tunnelled, by_gateway) is None


@pytest.mark.parametrize(
    ("conditions", "problem"),
    [
        (None, "no Gateway has accepted"),
        ([("Accepted", "True", ""), ("ResolvedRefs", "True", "")], None),
        ([("Accepted", "False", "no such listener")], "no such listener"),
        ([("Accepted", "True", ""), ("ResolvedRefs", "False", "no Service")], "no Service"),
    ],
)
def test_problem_of_a_route_repeats_the_gateways_conditions(conditions, problem):
    written = [{"type": kind, "status": is_, "reason": "R", "message": text} for kind, is_, text in conditions or ()]
    parents = {"parents": [{"conditions": written}]} if conditions else {}
    found = http_route_problem(parents, "exposure.gateway")
    assert found is None if problem is None else problem in found


def test_missing_gateway_message_names_its_setting():
    own = tenant(exposure=PREFIXED | {"gateway": {"parentRefs": [{"name": "public"}]}})
    for exposed, field in ((own, "exposure.gateway"), (tenant(), "settings.sharedGateway")):
        assert gateway_field(exposed) == field


# Monitoring


def test_service_monitor_selects_metrics_of_both_containers():
    service, monitor = metrics_service(tenant()), service_monitor(tenant(), SETTINGS)
    assert {port["name"]: port["port"] for port in service["spec"]["ports"]} == {"metrics": 9090, "worker": 9091}
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["metadata"]["labels"]["release"] == "kps"
    assert "app.kubernetes.io/component" not in service["spec"]["selector"], "the worker pods of Split are found, too"


def test_alert_rules_use_each_tenants_own_slo():
    manifest = prometheus_rule(tenant(slo={"bookingSuccessPercent": "97.5", "webhookSuccessPercent": "100"}), SETTINGS)
    every = [rule for group in manifest["spec"]["groups"] for rule in group["rules"]]
    assert all(
        'tenant="salon-mueller.salon-mueller"' in rule["expr"] and "<" not in rule["expr"].replace("<=", "")
        for rule in every
    )
    rules = {rule["alert"]: rule for rule in every if "alert" in rule}
    assert "> 0.150\n" in rules["AskproaiBookingFailures"]["expr"]
    assert "> 0.025\n" in rules["AskproaiBookingBudget"]["expr"]
    assert "> 0.0\n" in rules["AskproaiWebhookFailures"]["expr"]
    assert "> 0\n" in rules["AskproaiWebhookBudget"]["expr"]
    for rule in rules.values():
        assert rule["for"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert "<" not in "".join(rule["annotations"].values())


@pytest.mark.parametrize(("percent", "most"), [("99.9", "0.006"), ("95", "0.30"), ("50", "0.75"), ("0", "1")])
def test_slo_alert_threshold_is_one_at_most(percent: str, most: str):
    allowed = (100 - Decimal(percent)) / 100
    assert allowed <= burning(allowed, Decimal(6)) == Decimal(most)


def test_suspended_tenants_missing_metrics_raise_no_alert():
    names = {
        suspend: {
            rule.get("alert")
            for rule in prometheus_rule(tenant(suspend=suspend), SETTINGS)["spec"]["groups"][0]["rules"]
        }
        for suspend in (True, False)
    }
    assert names[False] - names[True] == {"AskproaiMetricsMissing"}


def test_alert_rules_are_parsed_once_for_all_tenants(monkeypatch):
    """Parsing them takes longer than rendering all other children of a tenant."""
    strict = prometheus_rule(tenant(), SETTINGS)
    monkeypatch.setattr("yaml.safe_load", lambda _: pytest.fail("parsed again"))
    tolerant = prometheus_rule(tenant(slo={"bookingSuccessPercent": "50"}), SETTINGS)
    assert "> 0.75\n" in json.dumps(tolerant["spec"]).replace("\\n", "\n")
    assert prometheus_rule(tenant(), SETTINGS) == strict != tolerant


def test_every_alert_links_to_a_runbook_that_exists():
    groups = prometheus_rule(tenant(), SETTINGS)["spec"]["groups"]
    rules = itertools.chain(*(group["rules"] for group in groups))
    links = [rule["annotations"]["runbook_url"] for rule in rules if "alert" in rule]
    assert all(link.startswith("https://askproai.de/docs/runbooks/") for link in links)
    assert [link for link in links if not (RUNBOOKS / link.rpartition("/")[2]).is_file()] == []
    # `make docs` writes `dead-letters.html`; a git host shows `dead-letters.md`.
    site = SETTINGS.model_copy(update={"runbook_base_url": "https://docs.example/runbooks/{name}.html"})
    linked = json.dumps(prometheus_rule(tenant(), site))
    assert ("https://docs.example/runbooks/dead-letters.html" in linked, ".md" in linked) == (True, False)


def test_missing_foreign_crds_do_not_affect_ready():
    """The condition of a child without its foreign CRD is True with NotInstalled (docs/reference/conditions.md)."""
    condition = monitoring_condition(["ServiceMonitor", "PrometheusRule"])
    assert (condition.status, condition.reason) == (Status.TRUE, Reason.NOT_INSTALLED)


def test_pods_get_a_configured_trace_collector_once_each() -> None:
    traced = Settings(tracing_endpoint="http://collector.observability:4318", tracing_sample_ratio=0.5)
    plain = deployment(tenant(), CREDENTIALS, "askproai:1", variables=tracing_variables(Settings()))
    assert plain == deployment(tenant(), CREDENTIALS, "askproai:1"), "no pod restarts"
    pod = pod_of({}, variables=tracing_variables(traced))
    for container in pod["containers"]:
        found = [(each["name"], each["value"]) for each in container["env"] if "TRACING" in each["name"]]
        assert found == [
            ("ASKPROAI_TRACING_ENDPOINT", "http://collector.observability:4318"),
            ("ASKPROAI_TRACING_SAMPLE_RATIO", "0.5"),
        ]
