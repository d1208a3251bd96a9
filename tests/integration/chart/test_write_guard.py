"""The chart's admission policy: the operator's account can do the operator's work, and nothing else."""

import copy
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from askproai_core.clock import SystemClock
from askproai_core.kube import read_access
from askproai_operator import resources
from askproai_operator.api import Tenant
from askproai_operator.controllers.coordinator import ensure_coordinator
from askproai_operator.controllers.tenant.children import autoscaling, monitoring, network_policy, routes, secrets
from askproai_operator.controllers.tenant.children.deployment import service_account
from askproai_operator.controllers.tenant.children.metadata import Component
from askproai_operator.controllers.tenant.children.services import metrics_service, services
from askproai_operator.controllers.write_guard import KIND, WriteGuardController, forbidden_secret
from askproai_operator.credentials import Credentials
from askproai_operator.engine import Cache, EventSink, Kube
from askproai_operator.relations import Relations
from askproai_operator.resources import resource_of
from askproai_operator.settings import Settings
from askproai_sandbox.cluster import ApiError, ControlPlane, KubeClient
from askproai_sandbox.example_tenant import load_manifests
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.chart_render import SYSTEM
from tests.worlds.compiled_contexts import deployment
from tests.worlds.databases import Database
from tests.worlds.foreign_crds import GATEWAY, MONITORING, crd_files
from tests.worlds.operator_environment import create_namespace, running_operator
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

Manifest = dict[str, Any]
Path_ = tuple[str | int, ...]
OWN_LABEL = {"app.kubernetes.io/managed-by": "askproai-operator"}
EXPOSED = {
    "host": "salon.example",
    "ingress": {"className": "nginx", "annotations": {"cert-manager.io/cluster-issuer": "letsencrypt"}},
}


@pytest.fixture(scope="module")
async def guarded(installed: Path, crds: None, operators_client: KubeClient) -> KubeClient:
    """A client that is the operator's service account, once the policy is in force."""

    async def in_force() -> bool:
        return "type Opaque" in await answer(operators_client, forbidden_secret(SYSTEM))

    await eventually(in_force, SOON, "the policy to be in force")
    return operators_client


@pytest.fixture(scope="module")
async def foreign_kinds(control_plane: ControlPlane, kube_client: KubeClient) -> AsyncIterator[None]:
    async def served() -> bool:
        try:
            for ref in resources.FOREIGN:
                await kube_client.get(ref.path())
        except ApiError as error:
            if error.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.TOO_MANY_REQUESTS}:
                raise
            return False
        return True

    for file in crd_files(*GATEWAY, *MONITORING):
        await control_plane.kubectl("apply", "--server-side", "-f", str(file))
    await eventually(served, SOON, "the CRDs")
    yield
    await control_plane.kubectl("delete", "crd", *GATEWAY, *MONITORING)


async def answer(client: KubeClient, manifest: Manifest, **patched: Any) -> str:
    """Return the API server's refusal of a dry-run create (or with `patched` of a merge patch); empty if it is admitted."""
    meta = manifest["metadata"]
    path = resource_of(manifest).path(meta["namespace"], meta["name"] if patched else "").rstrip("/")
    method, body = ("PATCH", patched) if patched else ("POST", manifest)
    content_type = "application/merge-patch+json" if patched else "application/json"
    try:
        await client.request(method, path, body, content_type=content_type, dryRun="All")
    except ApiError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        return str(error)
    return ""


async def new_tenant(client: KubeClient, namespace: str) -> Tenant:
    body = load_manifests()["Tenant"][0] | {"metadata": {"name": "salon", "namespace": namespace}}
    body["spec"] |= {"exposure": EXPOSED}
    return Tenant.from_raw(await client.create(resources.TENANTS.path(namespace), body))


def children(tenant: Tenant) -> dict[str, Manifest]:
    """Return one manifest of each kind of child, as the operator renders them."""
    settings = Settings()
    keys = Credentials({}, {}, (), "https://api.retellai.com", "")
    route = tenant.model_copy(update={"spec": _with_gateway(tenant)})
    manifests = [
        secrets.config_map(tenant, "{}"),
        secrets.runtime_secret(tenant, "postgresql://x"),
        deployment(tenant, keys, "askproai:1", replicas=1),
        service_account(tenant),
        metrics_service(tenant),
        *services(tenant),
        network_policy.network_policy(tenant, ("postgresql://x",), ("https://x",), settings),
        autoscaling.disruption_budget(tenant, Component.WEB),
        autoscaling.autoscaler(tenant, Component.WEB),
        routes.sender_route(tenant, settings),
        routes.sender_route(route, settings),
        monitoring.service_monitor(tenant, settings),
        monitoring.prometheus_rule(tenant, settings),
    ]
    return {manifest["kind"]: manifest for manifest in manifests if manifest is not None}


def _with_gateway(tenant: Tenant) -> Any:
    raw = tenant.spec.model_dump(by_alias=True, mode="json", exclude_none=True)
    raw["exposure"] = {"host": "salon.example", "gateway": {"parentRefs": [{"name": "public"}]}}
    return type(tenant.spec).model_validate(raw)


async def test_whole_tenant_lives_and_ends_under_the_policy(
    guarded: KubeClient,
    foreign_kinds: None,
    control_plane: ControlPlane,
    kube_client: KubeClient,
    operators_kubeconfig: Path,
    module_database: Database,
    valkey: EmbeddedRedis,
):
    """With the chart's roles: a right that is missing would be refused, too."""
    operator_ = partial(running_operator, control_plane, module_database, valkey, kubeconfig=operators_kubeconfig)
    async with operator_(namespace=SYSTEM) as operator:
        await ensure_coordinator(operator.context)
        namespace = await create_namespace(operator, kube_client)
        try:
            await namespace.create_salon(
                "Tenant", "Branch", spec={"exposure": EXPOSED | {"host": f"{namespace.name}.example"}}
            )
            await namespace.wait_for("ServiceOffering", "mitte-standardberatung", bool, "the default service")
            await namespace.create("ServiceOffering")
            await namespace.wait_until_gone("ServiceOffering", "mitte-standardberatung")
            await namespace.create("RetellAgent")
            await namespace.wait_for_condition("MonitoringReady", "True", "AsDeclared")
            await namespace.wait_for("Ingress", "salon-mueller", bool, "the route")
            split = {"mode": "Split", "workers": {"minReplicas": 1, "maxReplicas": 3}}
            await kube_client.merge(namespace.path("Tenant"), {"spec": {"suspend": False, "runtime": split}})
            for kind, name in (
                ("Deployment", "salon-mueller-worker"),
                ("HorizontalPodAutoscaler", "salon-mueller-web"),
                ("HorizontalPodAutoscaler", "salon-mueller-worker"),
                ("PodDisruptionBudget", "salon-mueller-worker"),
                ("ServiceMonitor", "salon-mueller"),
                ("PrometheusRule", "salon-mueller"),
            ):
                await namespace.wait_for(kind, name, bool, name)
            gateway = {"ingress": None, "gateway": {"parentRefs": [{"name": "public"}]}}
            await kube_client.merge(namespace.path("Tenant"), {"spec": {"exposure": gateway, "suspend": True}})
            await namespace.wait_for("HTTPRoute", "salon-mueller", bool, "the route")
            await namespace.wait_until_gone("Ingress")
            unlabelled = {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}}
            await kube_client.merge(namespace.path("Deployment", "salon-mueller-web"), unlabelled)
            await namespace.wait_for(
                "Deployment",
                "salon-mueller-web",
                lambda live: live and live["metadata"]["labels"].get("app.kubernetes.io/managed-by"),
                "the label's repair",
            )
            await namespace.wait_for_condition("Synced", "True", kind="RetellAgent", name="mitte")
            operator.inject_fault(operator.calcom, "*", "down", 20)  # an entry of the ledger is written
            for kind, name in (("RetellAgent", "mitte"), ("Tenant", "salon-mueller")):
                await kube_client.delete(namespace.path(kind, name))
            for kind, name in (("RetellAgent", "mitte"), ("Tenant", "salon-mueller")):
                await namespace.wait_until_gone(kind, name)
            assert await operator.context.kube.list(resources.SECRETS, SYSTEM, "askproai.de/leftover")
            # namespaces of other tests may just be going: no right is missing there
            assert [text for text in operator.forbidden if "is being terminated" not in text] == []
        finally:
            await kube_client.delete(f"/api/v1/namespaces/{namespace.name}")


async def test_child_is_admitted_only_with_owner_and_label(
    guarded: KubeClient, foreign_kinds: None, kube_client: KubeClient, kube_namespace: str
):
    rendered = children(await new_tenant(kube_client, kube_namespace))
    assert set(rendered) == {ref.kind for ref in (*resources.CHILDREN, *resources.FOREIGN)}
    assert {kind: said for kind, child in rendered.items() if (said := await answer(guarded, child))} == {}
    for kind, child in rendered.items():
        unlabelled, unowned = copy.deepcopy(child), copy.deepcopy(child)
        del unlabelled["metadata"]["labels"]["app.kubernetes.io/managed-by"]
        unowned["metadata"]["ownerReferences"][0] |= {"apiVersion": "v1", "kind": "ConfigMap"}
        assert "carry its label" in await answer(guarded, unlabelled), kind
        assert "owner reference to a Tenant" in await answer(guarded, unowned), kind
        assert await answer(kube_client, unlabelled) == "", "the policy is about the operator only"


async def test_orphaned_object_can_be_released(guarded: KubeClient, kube_client: KubeClient, kube_namespace: str):
    """`kubectl delete tenant --cascade=orphan`: the garbage collector removes the owners while our finalizer holds the Tenant."""
    keys = Credentials({}, {}, (), "https://api.retellai.com", "")
    secret = secrets.teardown_secret(await new_tenant(kube_client, kube_namespace), keys, {})
    assert secret["metadata"]["finalizers"]
    owned = copy.deepcopy(secret)
    del secret["metadata"]["ownerReferences"]
    assert "owner reference to a Tenant" in await answer(guarded, secret), "it is not created without"
    await kube_client.create(resources.SECRETS.path(kube_namespace), secret)
    assert await answer(guarded, secret, metadata={"finalizers": None}) == ""
    await kube_client.merge(
        resources.SECRETS.path(kube_namespace, secret["metadata"]["name"]), {"metadata": {"finalizers": None}}
    )
    await kube_client.delete(resources.SECRETS.path(kube_namespace, secret["metadata"]["name"]))
    await kube_client.create(resources.SECRETS.path(kube_namespace), owned)
    assert "owner reference to a Tenant" in await answer(guarded, owned, metadata={"ownerReferences": None})


POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)
BACKEND = ("spec", "rules", 0, "http", "paths", 0, "backend", "service", "name")
ATTACKS: tuple[tuple[str, Path_, Any, str], ...] = (  # kind, field, value, what the policy answers
    ("Secret", ("type",), "example.com/other", "type Opaque"),
    ("Deployment", (*POD, "serviceAccountName"), "default", "account <tenant>-runtime"),
    ("Deployment", (*POD, "automountServiceAccountToken"), True, "account <tenant>-runtime"),
    (
        "Deployment",
        (*POD, "volumes", 0),
        {"name": "config", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
        "mount only",
    ),
    ("Deployment", (*POD, "volumes", 0), {"name": "config", "hostPath": {"path": "/"}}, "mount only"),
    ("Deployment", (*POD, "hostNetwork"), True, "restricted"),
    ("Deployment", (*POD, "hostPID"), True, "restricted"),
    ("Deployment", (*POD, "nodeName"), "master", "restricted"),
    ("Deployment", (*POD, "securityContext", "runAsNonRoot"), False, "restricted"),
    ("Deployment", (*CONTAINER, "securityContext"), {}, "restricted"),
    ("Deployment", (*CONTAINER, "securityContext", "runAsUser"), 0, "restricted"),
    ("Deployment", (*CONTAINER, "securityContext", "capabilities", "add"), ["SYS_ADMIN"], "restricted"),
    ("Deployment", (*CONTAINER, "ports", 0, "hostPort"), 8080, "restricted"),
    ("Deployment", (*POD, "initContainers"), [{"name": "i", "image": "i"}], "restricted"),
    ("Deployment", ("metadata", "ownerReferences", 0, "name"), "other", "only pods of"),
    ("ServiceAccount", ("automountServiceAccountToken",), True, "account <tenant>-runtime"),
    ("ServiceAccount", ("metadata", "name"), "other", "account <tenant>-runtime"),
    ("Service", ("spec", "selector"), {"app": "other"}, "only pods of"),
    ("Service", ("spec", "externalIPs"), ["192.0.2.1"], "external addresses"),
    ("Service", ("spec", "type"), "LoadBalancer", "external addresses"),
    ("NetworkPolicy", ("spec", "podSelector"), {}, "only pods of"),
    ("PodDisruptionBudget", ("spec", "selector"), {}, "only pods of"),
    ("HorizontalPodAutoscaler", ("spec", "scaleTargetRef", "name"), "other", "may scale only"),
    ("Ingress", BACKEND, "other", "route only"),
    ("Ingress", ("metadata", "annotations", "nginx.ingress.kubernetes.io/server-alias"), "x.example", "annotations of"),
    ("Ingress", ("metadata", "annotations", "cert-manager.io/alt-names"), "", "annotations of"),
    (
        "HTTPRoute",
        ("metadata", "annotations", "external-dns.alpha.kubernetes.io/hostname"),
        "x.example",
        "annotations of",
    ),
    ("HTTPRoute", ("spec", "rules", 0, "backendRefs", 0, "name"), "other", "route only"),
    ("HTTPRoute", ("spec", "rules", 0, "backendRefs", 0, "namespace"), "other", "route only"),
    ("ServiceMonitor", ("spec", "endpoints", 0, "bearerTokenFile"), "/token", "no credentials"),
    ("ServiceMonitor", ("spec", "namespaceSelector"), {"any": True}, "no credentials"),
)


async def test_escalation_of_the_operators_account_is_refused(
    guarded: KubeClient, foreign_kinds: None, kube_client: KubeClient, kube_namespace: str
):
    rendered = children(await new_tenant(kube_client, kube_namespace))
    for kind, path, value, refusal in ATTACKS:
        attack = copy.deepcopy(rendered[kind])
        at = attack
        for step in path[:-1]:
            at = at.setdefault(step, {}) if isinstance(at, dict) else at[step]
        at[path[-1]] = value
        assert refusal in await answer(guarded, attack), (kind, path, value)


async def test_an_annotation_of_somebody_else_stays(
    guarded: KubeClient, foreign_kinds: None, kube_client: KubeClient, kube_namespace: str
):
    rendered = children(await new_tenant(kube_client, kube_namespace))["Ingress"]
    rendered["metadata"]["annotations"]["field.cattle.io/publicEndpoints"] = "[]"
    await kube_client.create(resources.INGRESSES.path(kube_namespace), rendered)
    assert await answer(guarded, rendered, metadata={"labels": {"a": "b"}}) == ""
    changed = {"annotations": {"field.cattle.io/publicEndpoints": "[1]"}}
    assert "annotations of" in await answer(guarded, rendered, metadata=changed)


async def test_the_page_is_routed_under_the_policy(
    guarded: KubeClient, foreign_kinds: None, kube_client: KubeClient, kube_namespace: str
):
    tenant = await new_tenant(kube_client, kube_namespace)
    oidc = {"issuer": "https://id.example", "clientId": "page", "roles": {"owner": ["bosses"]}}
    oidc["clientSecretRef"] = {"name": "oidc", "key": "secret"}
    raw = tenant.spec.model_dump(by_alias=True, mode="json", exclude_none=True)
    raw["page"] = {"host": "page.example", "oidc": oidc, "ingress": EXPOSED["ingress"]}
    published = tenant.model_copy(update={"spec": type(tenant.spec).model_validate(raw)})
    route = routes.page_route(published)
    assert route is not None
    assert await answer(guarded, route) == ""


async def test_api_server_accepts_the_policys_expressions(guarded: KubeClient, kube_client: KubeClient):
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/askproai-operator"

    async def checked() -> dict[str, Any]:
        return (await kube_client.get(path)).get("status", {})

    assert (await eventually(checked, SOON, "the check")).get("typeChecking", {}) == {}


async def test_service_account_token_is_refused_in_every_namespace(
    guarded: KubeClient, kube_client: KubeClient, kube_namespace: str
):
    await new_tenant(kube_client, kube_namespace)
    for namespace in (SYSTEM, kube_namespace, "kube-system"):
        assert "type Opaque" in (said := await answer(guarded, forbidden_secret(namespace))) or "owner" in said
    everybody_else = await answer(kube_client, forbidden_secret(SYSTEM))
    assert everybody_else == ""


async def test_operator_may_change_only_annotations_of_tenant_pods(
    guarded: KubeClient, kube_client: KubeClient, kube_namespace: str
):
    async def create(name: str, labels: dict[str, str]) -> Manifest:
        container = {"name": "web", "image": "good"}
        spec = {"containers": [container], "schedulerName": "nobody", "automountServiceAccountToken": False}
        meta = {"name": name, "namespace": kube_namespace, "labels": labels}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}
        account = f"/api/v1/namespaces/{kube_namespace}/serviceaccounts"

        async def has_account() -> bool:
            return "default" in str((await kube_client.get(account))["items"])

        await eventually(has_account, SOON, "the namespace's account")
        await kube_client.create(resources.PODS.path(kube_namespace), pod)
        return pod

    ours, others = await create("ours", OWN_LABEL), await create("others", {"app": "others"})
    touched = {"annotations": {"askproai.de/config-hash": "x"}}
    assert await answer(guarded, ours, metadata=touched) == ""
    other_image = {"containers": [{"name": "web", "image": "bad"}]}
    assert "only annotations" in await answer(guarded, ours, spec=other_image)
    assert "only annotations" in await answer(guarded, ours, metadata={"labels": {"app": "others"}})
    assert "only annotations" in await answer(guarded, others, metadata=touched)


async def test_operator_changes_only_status_and_finalizers(
    guarded: KubeClient, kube_client: KubeClient, kube_namespace: str
):
    await new_tenant(kube_client, kube_namespace)
    tenant = {"kind": "Tenant", "metadata": {"name": "salon", "namespace": kube_namespace}}
    assert await answer(guarded, tenant, metadata={"finalizers": ["askproai.de/cleanup"]}) == ""
    refusal = "only status and finalizers"
    assert refusal in await answer(guarded, tenant, spec={"displayName": "Other"})
    assert refusal in await answer(guarded, tenant, metadata={"annotations": {"askproai.de/adopt-data": "x"}})
    service = load_manifests()["ServiceOffering"][0] | {"metadata": {"name": "cut", "namespace": kube_namespace}}
    await kube_client.create(resources.OFFERINGS.path(kube_namespace), service)
    assert "carry its label" in await answer(guarded, service, metadata={"labels": OWN_LABEL})


async def test_operator_detects_whether_the_policy_is_in_force(
    guarded: KubeClient, control_plane: ControlPlane, operators_kubeconfig: Path, kube_client: KubeClient
):
    """The administrator, whom no policy restricts, is like an operator that was installed without it."""

    async def find_out(kubeconfig: Path) -> list[bool]:
        found: list[bool] = []
        controller, cache = WriteGuardController(found.append), Cache()
        sink = EventSink(cache, Relations(cache), lambda _: None)
        async with Kube(partial(read_access, kubeconfig), sink, SystemClock(), namespace=SYSTEM) as kube:
            context = SimpleNamespace(kube=kube, clock=SystemClock())
            await controller.reconcile(Settings(namespace=SYSTEM).background_key(KIND), context)
            if not found:
                controller._admitted_since -= timedelta(minutes=1)
                await controller.reconcile(Settings(namespace=SYSTEM).background_key(KIND), context)
        return found

    assert await find_out(operators_kubeconfig) == [False]
    assert await find_out(control_plane.kubeconfig) == [True]
    events = await kube_client.get(resources.EVENTS.path(SYSTEM))
    assert "WritesUnguarded" in {event["reason"] for event in events["items"]}
    left = await kube_client.get(resources.SECRETS.path(SYSTEM))
    assert [item for item in left["items"] if item["metadata"]["name"].startswith("askproai-write-guard")] == []
