"""Each template of the chart: what it promises to those who install it."""

import json
import re
import subprocess

import pytest
import yaml

from askproai_operator.controllers.coordinator import SECRET_NAME as COORDINATOR_SECRET
from askproai_operator.settings import Settings as OperatorSettings
from askproai_runtime.coordinator.settings import CoordinatorSettings
from askproai_runtime.page.fleet.sources import FLEET_TOKEN, OIDC_CA, OIDC_CLIENT_SECRET
from tests.worlds.chart_render import CHART, ROOT, YAML_LOADER, Refused
from tests.worlds.tools import find_program

COMPONENTS = ("operator", "coordinator")


def container(manifests, component):
    return manifests["Deployment", f"askproai-{component}"]["spec"]["template"]["spec"]["containers"][0]


def environment(manifests, component):
    return {variable["name"]: variable.get("value") for variable in container(manifests, component)["env"]}


def mounted(manifests, component):
    """Return the names of the mounted files, each with the Secret that it comes from."""
    (volume,) = manifests["Deployment", f"askproai-{component}"]["spec"]["template"]["spec"]["volumes"]
    sources = [source["secret"] for source in volume["projected"]["sources"]]
    return {item["path"]: source["name"] for source in sources for item in source.get("items", ())}


def test_helm_lint_finds_no_problem_in_the_chart(helm):
    completed = subprocess.run([helm, "lint", "--strict", str(CHART)], capture_output=True, text=True)
    assert completed.returncode == 0, completed.stdout


TYPOS = {  # with Helm's message for each; one value can be wrong in one way at a time
    "oprator.replicas=1": "at '': additional properties 'oprator' not allowed",
    "operator.replica=1": "at '/operator': additional properties 'replica' not allowed",
    "operator.replicas=many": "at '/operator/replicas': got string, want integer",
    "operator.shards=0": "at '/operator/shards': minimum",
    "image.pullpolicy=Always": "at '/image': additional properties 'pullpolicy' not allowed",
    "image.pullPolicy=Sometimes": "at '/image/pullPolicy': value must be one of",
    "crds.keepp=false": "at '/crds': additional properties 'keepp' not allowed",
    "crds.keep=maybe": "at '/crds/keep': got string, want boolean",
    "database.existingSecret=": "at '/database/existingSecret': minLength",
    "settings.sharedBaseUrl=voice.example": "at '/settings/sharedBaseUrl': 'voice.example' does not match",
    "settings.sharedGateway=public": "at '/settings/sharedGateway': 'public' does not match",
    "settings.sharedIngressAnnotations.size=a\\,b": "at '/settings/sharedIngressAnnotations/size': 'a,b' does not match",
    "settings.verifyExposure=perhaps": "at '/settings/verifyExposure': got string, want boolean",
    "settings.logLevel=LOUD": "at '/settings/logLevel': value must be one of",
    "tracing.endpoint=collector:4318": "at '/tracing/endpoint': 'collector:4318' does not match",
    "tracing.sampleRatio=2": "at '/tracing/sampleRatio': maximum",
    "networkPolicy.egressPorts=[]": "at '/networkPolicy/egressPorts': minItems",
    "settings.ingressAnnotations=null": "at '/settings': missing property 'ingressAnnotations'",
    "fleetPage=null": "at '': missing property 'fleetPage'",
    "operator.env.ASKPROAI_WORKERS=16": "at '/operator/env/ASKPROAI_WORKERS': got number, want string",
}
OTHER_TYPOS = {
    "operator.shards=17": "at '/operator/shards': maximum",
    "settings.sharedBaseUrl=https://voice.example/": "at '/settings/sharedBaseUrl': 'https://voice.example/' does not match",
}


@pytest.mark.parametrize("typos", [TYPOS, OTHER_TYPOS], ids=["most", "others"])
def test_chart_refuses_misspelt_or_wrongly_typed_values(render, typos):
    with pytest.raises(Refused, match="values don't meet the specifications of the schema") as refused:
        render(*typos)
    assert [typo for typo, said in typos.items() if said not in str(refused.value)] == []


@pytest.mark.parametrize("component", COMPONENTS)
def test_chart_pods_are_restricted_and_write_nothing(render, component):
    spec = render()["Deployment", f"askproai-{component}"]["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 65532
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (only,) = spec["containers"]
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert all(mount["readOnly"] for mount in only["volumeMounts"])
    assert only["resources"]["limits"]["memory"]
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= only.keys()
    ports = {port["name"] for port in only["ports"]}
    assert {only[probe]["httpGet"]["port"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")} <= ports
    assert spec["topologySpreadConstraints"][0]["topologyKey"] == "kubernetes.io/hostname"


@pytest.mark.parametrize("component", COMPONENTS)
def test_drain_evicts_one_pod_at_a_time(render, component):
    manifests = render()
    assert manifests["Deployment", f"askproai-{component}"]["spec"]["replicas"] == 2
    budget = manifests["PodDisruptionBudget", f"askproai-{component}"]["spec"]
    assert budget["maxUnavailable"] == 1
    labels = manifests["Deployment", f"askproai-{component}"]["spec"]["template"]["metadata"]["labels"]
    assert budget["selector"]["matchLabels"].items() <= labels.items()
    alone = render(*(f"{each}.replicas=1" for each in COMPONENTS))
    assert ("PodDisruptionBudget", f"askproai-{component}") not in alone


@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_helm_waits_for_at_least_one_new_pod(render, replicas):
    """Helm waits for `replicas` minus `maxUnavailable` new pods. If that is 0, it reports success at once."""
    manifests = render(*(f"{component}.replicas={replicas}" for component in COMPONENTS))
    for component in COMPONENTS:
        spec = manifests["Deployment", f"askproai-{component}"]["spec"]
        assert spec["replicas"] - spec["strategy"]["rollingUpdate"]["maxUnavailable"] >= 1


@pytest.mark.parametrize("component", COMPONENTS)
def test_settings_of_one_component_reach_its_pods_only(render, component):
    values = (
        f"{component}.priorityClassName=high",
        f"{component}.podLabels.team=voice",
        f"{component}.podAnnotations.note=x",
        f"{component}.nodeSelector.disk=ssd",
        f'{component}.tolerations=[{{"key":"gpu"}}]',
        f'{component}.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution=[{{"weight":1}}]',
        f"{component}.env.ASKPROAI_LOG_LEVEL=DEBUG",
        'image.pullSecrets=["mine"]',
    )
    manifests = render(*values)
    template = manifests["Deployment", f"askproai-{component}"]["spec"]["template"]
    spec = template["spec"]
    assert (spec["priorityClassName"], spec["nodeSelector"], spec["tolerations"]) == (
        "high",
        {"disk": "ssd"},
        [{"key": "gpu"}],
    )
    assert spec["affinity"]["nodeAffinity"]
    assert (template["metadata"]["labels"]["team"], template["metadata"]["annotations"]) == ("voice", {"note": "x"})
    assert environment(manifests, component)["ASKPROAI_LOG_LEVEL"] == "DEBUG"
    (other,) = set(COMPONENTS) - {component}
    assert environment(manifests, other)["ASKPROAI_LOG_LEVEL"].upper() == "INFO"
    for name in COMPONENTS:
        pods = manifests["Deployment", f"askproai-{name}"]["spec"]["template"]["spec"]
        assert pods["imagePullSecrets"] == [{"name": "mine"}]


@pytest.mark.parametrize("component", COMPONENTS)
def test_tracing_endpoint_opens_egress_in_both_components(render, component):
    assert not [name for name in environment(render(), component) if "TRACING" in name]
    url = "http://collector.observability:4318"
    manifests = render(f"tracing.endpoint={url}", "tracing.sampleRatio=0.5", "networkPolicy.enabled=true")
    variables = environment(manifests, component)
    assert (variables["ASKPROAI_TRACING_ENDPOINT"], variables["ASKPROAI_TRACING_SAMPLE_RATIO"]) == (url, "0.5")
    ports = manifests["NetworkPolicy", f"askproai-{component}"]["spec"]["egress"][1]["ports"]
    assert ports[-1] == {"port": 4318, "protocol": "TCP"}


def test_operator_coordinator_and_tenants_run_one_image(render):
    manifests = render("image.repository=mirror/askproai", "image.tag=1.2.3")
    images = {container(manifests, component)["image"] for component in COMPONENTS}
    assert images == {"mirror/askproai:1.2.3", environment(manifests, "operator")["ASKPROAI_RUNTIME_IMAGE"]}
    assert container(render("image.tag=sha256:abc"), "operator")["image"] == "askproai@sha256:abc"
    version = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))["appVersion"]
    assert container(render(), "operator")["image"] == f"askproai:{version}"


def test_the_chart_has_the_version_of_the_package():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    package = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert chart["version"] == chart["appVersion"] == package[1]


def test_operator_reads_its_urls_from_mounted_files_only(render):
    manifests = render("redis.existingSecret=cache", "redis.adminUrlKey=url", "database.existingSecret=db")
    assert mounted(manifests, "operator") == {
        "DATABASE_ADMIN_URL": "db",
        "DATABASE_CA_FILE": "db",
        "CA_FILE": "cache",
        "REDIS_ADMIN_URL": "cache",
    }
    values = environment(manifests, "operator")
    folder = container(manifests, "operator")["volumeMounts"][0]["mountPath"]
    assert values["ASKPROAI_DATABASE_ADMIN_URL_FILE"] == f"{folder}/DATABASE_ADMIN_URL"
    assert values["ASKPROAI_REDIS_ADMIN_URL_FILE"] == f"{folder}/REDIS_ADMIN_URL"
    assert values["ASKPROAI_CA_FILE"] == f"{folder}/CA_FILE"
    assert not {"ASKPROAI_REDIS_ADMIN_URL_FILE", "ASKPROAI_CA_FILE"} & environment(render(), "operator").keys()
    assert "REDIS_ADMIN_URL" not in mounted(render(), "operator")


def test_chart_sets_only_settings_known_to_the_operator(render):
    values = environment(
        render(
            "settings.sharedBaseUrl=https://voice.example",
            "settings.retellBaseUrl=https://retell.example",
            "settings.calcomBaseUrl=https://cal.example",
            "settings.installationId=berlin",
            "settings.runbookBaseUrl=https://docs.example/runbooks",
            'settings.providerHosts=["a.example","b.example"]',
            "redis.existingSecret=cache",
        ),
        "operator",
    )
    assert values["ASKPROAI_PROVIDER_HOSTS"] == "a.example,b.example"
    assert values["ASKPROAI_INSTALLATION_ID"] == "berlin"
    assert set(values) <= {f"ASKPROAI_{name.upper()}" for name in OperatorSettings.model_fields}


def test_chart_values_set_shared_host_and_tenants_network(render):
    values = environment(
        render(
            "settings.sharedBaseUrl=https://voice.example",
            "settings.sharedIngressClass=nginx",
            "settings.sharedTlsSecret=voice-tls",
            "settings.sharedIngressAnnotations.example\\.com/size=9m",
            "settings.sharedIngressAnnotations.other=b=c",
            'settings.exposureHosts=["*.voice.example","*.other.example"]',
            'image.tenantPullSecrets=["mine","yours"]',
            'tenantNetwork.deniedRanges=["10.0.0.0/8","fd12:3456::/32"]',
            'tenantNetwork.allowedRanges=["10.0.8.5/32"]',
            'tenantNetwork.allowedNamespaces=["postgres","redis"]',
        ),
        "operator",
    )
    read = OperatorSettings(
        **{name.removeprefix("ASKPROAI_").lower(): value for name, value in values.items() if value}
    )
    assert (read.shared_ingress_class, read.shared_gateway, read.shared_tls_secret) == ("nginx", None, "voice-tls")
    assert read.ingress_annotations == OperatorSettings().ingress_annotations, "both defaults are the same"
    assert read.shared_ingress_annotations == ("example.com/size=9m", "other=b=c")
    assert read.exposure_hosts == ("*.voice.example", "*.other.example")
    assert read.image_pull_secrets == ("mine", "yours")
    assert read.denied_egress_ranges == ("10.0.0.0/8", "fd12:3456::/32")
    assert read.allowed_egress_ranges == ("10.0.8.5/32",)
    assert read.allowed_egress_namespaces == ("postgres", "redis")
    assert read.verify_exposure
    by_gateway = environment(
        render("settings.sharedGateway=gateways/public", "settings.verifyExposure=false"), "operator"
    )
    assert by_gateway["ASKPROAI_SHARED_GATEWAY"] == "gateways/public"
    assert by_gateway["ASKPROAI_VERIFY_EXPOSURE"] == "false"
    assert "ASKPROAI_SHARED_INGRESS_CLASS" not in by_gateway


def test_shared_host_is_routed_in_one_way_only(render):
    with pytest.raises(Refused, match="set one of them"):
        render("settings.sharedIngressClass=nginx", "settings.sharedGateway=gateways/public")


SHARED = ("settings.sharedBaseUrl=https://voice.example",)


@pytest.mark.parametrize(
    ("values", "warns", "silent_if"),
    [
        ((), "settings.sharedBaseUrl is not set", SHARED),
        (SHARED, "Nothing routes https://voice.example", (*SHARED, "settings.sharedIngressClass=nginx")),
        (SHARED, "Nothing routes https://voice.example", (*SHARED, "settings.sharedGateway=gateways/public")),
        (
            (*SHARED, "settings.sharedIngressClass=nginx"),
            "default certificate of the Ingress controller must be valid",
            (*SHARED, "settings.sharedIngressClass=nginx", "settings.sharedTlsSecret=tls"),
        ),
        (("settings.sharedBaseUrl=http://voice.example",), "is not https", SHARED),
        (("settings.verifyExposure=false",), "settings.verifyExposure is false", ()),
        ((), "redis.existingSecret is not set", ("redis.existingSecret=cache",)),
        (
            ('image.pullSecrets=["mine"]',),
            "The tenants' pods pull the same image",
            ('image.pullSecrets=["mine"]', 'image.tenantPullSecrets=["mine"]'),
        ),
        (("secretGuard.enabled=false",), "nothing restricts the operator's account", ()),
    ],
)
def test_install_notes_name_only_the_missing_parts(notes, values, warns, silent_if):
    assert warns in notes(*values)
    assert warns not in notes(*silent_if)


def test_install_notes_say_the_next_step(notes):
    assert "Next step: a tenant" in notes()


def test_coordinator_knows_its_settings_and_the_operators_secret(render):
    manifests = render()
    values = environment(manifests, "coordinator")
    assert set(values) <= {f"ASKPROAI_{name.upper()}" for name in CoordinatorSettings.__struct_fields__}
    ports = {port["name"]: str(port["containerPort"]) for port in container(manifests, "coordinator")["ports"]}
    assert ports == {"metrics": values["ASKPROAI_HEALTH_PORT"], "page": values["ASKPROAI_FLEET_PAGE_PORT"]}
    only = container(manifests, "coordinator")
    assert values["ASKPROAI_CREDENTIALS_DIR"] == only["volumeMounts"][0]["mountPath"]
    (volume,) = manifests["Deployment", "askproai-coordinator"]["spec"]["template"]["spec"]["volumes"]
    assert volume["projected"]["sources"] == [{"secret": {"name": COORDINATOR_SECRET}}]


def test_without_settings_the_operators_own_defaults_apply(render):
    values = environment(render(), "operator")
    assert not {"ASKPROAI_SHARED_BASE_URL", "ASKPROAI_RETELL_BASE_URL", "ASKPROAI_INSTALLATION_ID"} & values.keys()
    assert (
        tuple(values["ASKPROAI_PROVIDER_HOSTS"].split(",")) == OperatorSettings.model_fields["provider_hosts"].default
    )


def test_crds_match_the_api_and_survive_an_uninstall(render):
    manifests = render()
    for file in (ROOT / "crds").iterdir():
        crd = yaml.load(file.read_text("utf-8"), YAML_LOADER)
        ours = manifests["CustomResourceDefinition", crd["metadata"]["name"]]
        kept = {"annotations": {"helm.sh/resource-policy": "keep"}}
        assert ours == crd | {"metadata": crd["metadata"] | kept}
    deletable = render("crds.keep=false")["CustomResourceDefinition", "tenants.askproai.de"]
    assert "annotations" not in deletable["metadata"]
    assert [kind for kind, _ in render("crds.enabled=false") if kind == "CustomResourceDefinition"] == []


def test_objects_of_foreign_crds_are_off_by_default(render):
    kinds = {kind for kind, _ in render()}
    assert not kinds & {"ServiceMonitor", "PrometheusRule", "NetworkPolicy"}


def test_the_service_monitor_selects_both_services(render):
    manifests = render("serviceMonitor.enabled=true", "serviceMonitor.labels.release=prometheus")
    monitor = manifests["ServiceMonitor", "askproai"]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    selector = monitor["spec"]["selector"]
    for component in COMPONENTS:
        service = manifests["Service", f"askproai-{component}"]
        labels = service["metadata"]["labels"]
        assert selector["matchLabels"].items() <= labels.items()
        assert labels["app.kubernetes.io/component"] in selector["matchExpressions"][0]["values"]
        named = {port["name"]: port["containerPort"] for port in container(manifests, component)["ports"]}
        port, *_ = service["spec"]["ports"]
        assert monitor["spec"]["endpoints"][0]["port"] == port["name"]
        assert port["targetPort"] in named
        pods = manifests["Deployment", f"askproai-{component}"]["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= pods.items()


def test_grafanas_sidecar_finds_each_dashboards_config_map(render):
    assert not [name for kind, name in render() if kind == "ConfigMap" and "dashboard" in name]
    maps = {
        name: manifest
        for (kind, name), manifest in render("dashboards.enabled=true", "dashboards.annotations.folder=Phones").items()
        if kind == "ConfigMap" and "dashboard" in name
    }
    names = ("booking", "fleet", "intake", "operator", "providers", "system", "tenant")
    assert sorted(maps) == [f"askproai-dashboard-{name}" for name in names]
    for name in names:
        manifest = maps[f"askproai-dashboard-{name}"]
        assert manifest["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert manifest["metadata"]["annotations"] == {"folder": "Phones"}
        dashboard = json.loads(manifest["data"][f"askproai-{name}.json"])
        assert dashboard["uid"] == f"askproai-{name}"
        assert all(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
        variables = {each["name"] for each in dashboard["templating"]["list"]}
        assert ("$tenant" in json.dumps(dashboard["panels"])) == ("tenant" in variables)


def test_network_policies_allow_metrics_and_the_listed_ports(render):
    manifests = render("networkPolicy.enabled=true", 'networkPolicy.metricsFrom=[{"namespaceSelector":{}}]')
    for component in COMPONENTS:
        spec = manifests["NetworkPolicy", f"askproai-{component}"]["spec"]
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        names = {port["name"] for port in container(manifests, component)["ports"]}
        assert {port["port"] for rule in spec["ingress"] for port in rule["ports"]} <= names
        assert spec["ingress"][0]["from"] == [{"namespaceSelector": {}}]
        assert {port["port"] for rule in spec["egress"] for port in rule["ports"]} >= {53, 443, 5432, 6379, 6443}


def test_fleet_page_has_port_and_optional_token(render):
    manifests = render("fleetPage.existingSecret=fleet", "fleetPage.timeZone=Europe/Vienna")
    ports = manifests["Service", "askproai-coordinator"]["spec"]["ports"]
    assert {"name": "page", "port": 8081, "targetPort": "page", "protocol": "TCP"} in ports
    assert [port["name"] for port in manifests["Service", "askproai-operator"]["spec"]["ports"]] == ["metrics"]
    (volume,) = manifests["Deployment", "askproai-coordinator"]["spec"]["template"]["spec"]["volumes"]
    token = {"name": "fleet", "optional": True, "items": [{"key": FLEET_TOKEN, "path": FLEET_TOKEN}]}
    assert {"secret": token} in volume["projected"]["sources"]
    assert environment(manifests, "coordinator")["ASKPROAI_FLEET_PAGE_TIME_ZONE"] == "Europe/Vienna"


def test_fleet_pages_issuer_login_is_complete_or_refused(render):
    values = (
        "issuer=https://login.example",
        "clientId=fleet",
        "existingSecret=oidc",
        'platformGroups=["ops","security"]',
    )
    every = [f"fleetPage.oidc.{value}" for value in values]
    manifests = render(*every)
    assert {
        name: value
        for name, value in environment(manifests, "coordinator").items()
        if name.startswith("ASKPROAI_FLEET_OIDC")
    } == {
        "ASKPROAI_FLEET_OIDC_ISSUER": "https://login.example",
        "ASKPROAI_FLEET_OIDC_CLIENT_ID": "fleet",
        "ASKPROAI_FLEET_OIDC_ROLES_CLAIM": "groups",
        "ASKPROAI_FLEET_OIDC_PLATFORM_GROUPS": "ops,security",
    }
    assert mounted(manifests, "coordinator") == {OIDC_CLIENT_SECRET: "oidc", OIDC_CA: "oidc"}
    for number, value in enumerate(values):
        with pytest.raises(Refused, match=f"fleetPage.oidc needs {value.partition('=')[0]}"):
            render(*every[:number], *every[number + 1 :])


def test_only_named_peers_reach_the_fleet_page(render):
    def peers(*values):
        rules = render("networkPolicy.enabled=true", *values)["NetworkPolicy", "askproai-coordinator"]["spec"][
            "ingress"
        ]
        return [rule.get("from") for rule in rules for port in rule["ports"] if port["port"] == "page"]

    assert peers("fleetPage.existingSecret=fleet") == []
    assert peers('fleetPage.allowedFrom=[{"namespaceSelector":{}}]') == [[{"namespaceSelector": {}}]]


def test_every_alert_has_a_runbook_that_exists(render):
    manifests = render("prometheusRule.enabled=true", "settings.runbookBaseUrl=https://docs.example/runbooks")
    groups = manifests["PrometheusRule", "askproai"]["spec"]["groups"]
    alerts = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    assert len(alerts) >= 9
    for alert in alerts:
        page = alert["annotations"]["runbook_url"].removeprefix("https://docs.example/runbooks/")
        assert (ROOT / "docs" / "runbooks" / page).exists(), page
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert alert["annotations"]["summary"]
    default = str(render("prometheusRule.enabled=true")["PrometheusRule", "askproai"])
    assert default.count(OperatorSettings.model_fields["runbook_base_url"].default) == len(alerts)
    site = str(
        render("prometheusRule.enabled=true", "settings.runbookBaseUrl=https://docs.example/{name}.html")[
            "PrometheusRule", "askproai"
        ]
    )
    assert "https://docs.example/watch-dead.html" in site
    assert "https://docs.example/fleet-bookings.html" in site
    assert ".md" not in site


def test_each_shards_pods_are_selected_by_nothing_else(render):
    """A selector that matches pods of two Deployments would mix them up, and the first shard's selector cannot be changed."""
    manifests = render("operator.shards=3", "networkPolicy.enabled=true", "serviceMonitor.enabled=true")
    names = ["operator", "operator-1", "operator-2"]
    for index, name in enumerate(names):
        values = environment(manifests, name)
        assert (values["ASKPROAI_SHARD_COUNT"], values["ASKPROAI_SHARD_INDEX"]) == ("3", str(index))
        settings = OperatorSettings(shard_count=3, shard_index=index)
        assert settings.shard.lease_name == f"askproai-{name}"
        spec = manifests["Deployment", f"askproai-{name}"]["spec"]
        assert spec["template"]["spec"]["serviceAccountName"] == "askproai-operator"
        labels = spec["template"]["metadata"]["labels"].items()
        assert ("askproai.de/workload", "operator") in labels, "what selects the pods of all shards"
        selectors = {
            ("Deployment", f"askproai-{each}"): manifests["Deployment", f"askproai-{each}"]["spec"]["selector"][
                "matchLabels"
            ]
            for each in names
        }
        for each in names:
            budget = manifests["PodDisruptionBudget", f"askproai-{each}"]["spec"]
            policy = manifests["NetworkPolicy", f"askproai-{each}"]["spec"]
            service = manifests["Service", f"askproai-{each}"]["spec"]
            selectors |= {
                ("PodDisruptionBudget", f"askproai-{each}"): budget["selector"]["matchLabels"],
                ("NetworkPolicy", f"askproai-{each}"): policy["podSelector"]["matchLabels"],
                ("Service", f"askproai-{each}"): service["selector"],
            }
        selecting = {key for key, selector in selectors.items() if selector.items() <= labels}
        assert {each for _, each in selecting} == {f"askproai-{name}"}
        assert len(selecting) == 4
    (monitored,) = manifests["ServiceMonitor", "askproai"]["spec"]["selector"]["matchExpressions"]
    assert monitored["values"] == [*names, "coordinator"]
    assert not {"ASKPROAI_SHARD_COUNT", "ASKPROAI_SHARD_INDEX"} & environment(render(), "operator").keys()


@pytest.mark.nightly
def test_alert_fires_for_one_of_several_leaderless_shards(render, tmp_path):
    promtool = find_program("promtool")
    values = ("prometheusRule.enabled=true", "operator.shards=2")
    groups = render(*values)["PrometheusRule", "askproai"]["spec"]["groups"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    not_ready = 'askproai_resource_condition{kind="Tenant",type="Ready",status="False"'
    series = {
        'askproai_leader{job="askproai-operator",pod="a"}': "1x60",
        'askproai_leader{job="askproai-operator-1",pod="b"}': "1x10 0x50",
        not_ready + ',job="askproai-operator",pod="a"}': "2x60",
        not_ready + ',job="askproai-operator-1",pod="b"}': "3x60",
    }

    def firing(minute: int, shard: int) -> dict:
        query = f'ALERTS{{alertname="AskproaiOperatorNotLeading",alertstate="firing",shard="{shard}"}}'
        return {"eval_time": f"{minute}m", "expr": f"count({query}) or vector(0)"}

    checks = [(9, 1, 0), (15, 1, 1), (15, 0, 0)]
    asked = [firing(minute, shard) | {"exp_samples": [{"value": count}]} for minute, shard, count in checks]
    five = {"eval_time": "40m", "expr": 'count(ALERTS{alertname="AskproaiNotReady",alertstate="firing",kind="Tenant"})'}
    asked.append(five | {"exp_samples": [{"value": 1}]})
    summed = "sum by (kind) (max by (kind, status, job) (askproai_resource_condition))"
    asked.append({"eval_time": "40m", "expr": summed, "exp_samples": [{"labels": '{kind="Tenant"}', "value": 5}]})
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    test = {"interval": "1m", "input_series": inputs, "promql_expr_test": asked}
    content = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]}
    (tmp_path / "shards_test.yaml").write_text(yaml.safe_dump(content))
    completed = subprocess.run(
        [promtool, "test", "rules", "shards_test.yaml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr


@pytest.mark.nightly
def test_promtool_accepts_the_alerts_and_sees_them_fire(render, tmp_path):
    promtool = find_program("promtool")
    groups = render("prometheusRule.enabled=true")["PrometheusRule", "askproai"]["spec"]["groups"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    tests = (ROOT / "tests" / "unit" / "chart" / "alerts_test.yaml").read_text("utf-8")
    (tmp_path / "alerts_test.yaml").write_text(tests)
    completed = subprocess.run(
        [promtool, "test", "rules", "alerts_test.yaml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr


def test_every_chart_alert_has_firing_and_silent_examples(render):
    groups = render("prometheusRule.enabled=true")["PrometheusRule", "askproai"]["spec"]["groups"]
    names = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
    examples = yaml.safe_load((ROOT / "tests" / "unit" / "chart" / "alerts_test.yaml").read_text("utf-8"))
    found = set()
    for test in examples["tests"]:
        found |= {(each["alertname"], bool(each["exp_alerts"])) for each in test.get("alert_rule_test", ())}
        for each in test.get("promql_expr_test", ()):
            found |= {(name, bool(each["exp_samples"])) for name in names if f'"{name}"' in each["expr"]}
    assert found == {(name, fires) for name in names for fires in (True, False)}
