"""The reach into other tenants of an attacker who may write a tenant's manifests in its own namespace, and nothing else.

The thief is a ServiceAccount with the four kinds' `create`, `patch` and `delete` in one namespace. That the operator refuses by
grants, labels and ceilings is tested case by case in tests/integration/controllers; here the thief has no other right at all.
"""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from askproai_operator import resources
from askproai_operator.api import Key
from askproai_sandbox.cluster import ApiError, KubeClient
from tests.worlds.operator_environment import NAME, RunningOperator, TenantNamespace
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

PAUSED, PLAN = {"askproai.de/paused": "true"}, {"askproai.de/plan": "true"}
ALONE = {"askproai.de/adopt-data": "uid-of-the-victim"}
FORBIDDEN = (
    ("GET", "v1", "secrets"), ("GET", "v1", "configmaps"), ("POST", "v1", "secrets"), ("POST", "v1", "pods"),
    ("GET", "askproai.de/v1alpha1", "tenants"),
)  # fmt: skip


@pytest.fixture
async def host(victim: TenantNamespace) -> str:
    """The host of the victim, which is Ready and has a route, a number and a key."""
    host = f"h{uuid.uuid4().hex[:8]}.example"
    await victim.open_salon("Branch", "Tenant", spec=exposed_at(host))
    await victim.wait_for_condition("NumbersValid", "True", kind="Branch", name="mitte")
    return host


@pytest.fixture
async def untouched(victim: TenantNamespace, host: str, operator: RunningOperator) -> AsyncIterator[None]:
    """Check that the victim has the same after the attack, and after one more reconcile."""
    before = await belongings(victim)
    assert before["hosts"] == [host]
    assert before["numbers"] == [victim.number]
    yield
    for key in (Key("Tenant", victim.name, NAME), Key("Branch", victim.name, "mitte")):
        operator.queue.add(key)
    await eventually(lambda: not len(operator.queue) and not operator.queue._processing, SOON, "the reconciles")
    assert await belongings(victim) == before
    await victim.wait_until_ready()


async def belongings(namespace: TenantNamespace) -> dict[str, Any]:
    ingress, branch = await namespace.get("Ingress"), await namespace.get("Branch", "mitte")
    secret = await namespace.get("Secret", f"{NAME}-runtime")
    return {
        "hosts": [rule["host"] for rule in ingress["spec"]["rules"]] if ingress else [],
        "numbers": branch["status"]["phoneNumbers"],
        "database": secret["data"]["DATABASE_URL"],
        "webhooks": namespace.calcom_webhooks(),
    }


def exposed_at(host: str, prefix: str = "") -> dict[str, Any]:
    return {"exposure": {"host": host, "ingress": {}} | ({"pathPrefix": prefix} if prefix else {})}


async def annotate(
    namespace: TenantNamespace, value: dict[str, str | None], kind: str = "Tenant", name: str = NAME
) -> None:
    await namespace.client.merge(namespace.path(kind, name), {"metadata": {"annotations": value}})


@pytest.mark.parametrize("request_", FORBIDDEN, ids=lambda each: f"{each[0]}-{each[2]}".lower())
async def test_thief_may_only_write_manifests_in_its_namespace(
    thief: TenantNamespace, victim: TenantNamespace, request_: tuple[str, str, str]
) -> None:
    """Otherwise the other tests would prove nothing."""
    method, group, plural = request_
    base = "/api" if group == "v1" else "/apis"
    for namespace in (victim.name, *([thief.name] if group == "v1" else [])):
        with pytest.raises(ApiError) as refused:
            await thief.client.request(method, f"{base}/{group}/namespaces/{namespace}/{plural}", {})
        assert refused.value.status == 403


HOST_TRICKS: dict[str, tuple[dict[str, str], str]] = {
    "plain": ({}, ""),
    "paused from the start": (PAUSED, ""),
    "planned from the start": (PLAN, ""),
    "a path below": ({}, "/stolen"),
    "adopting": (ALONE, ""),
}


@pytest.mark.parametrize("trick", HOST_TRICKS)
async def test_foreign_host_is_not_routed_to_the_thief(
    thief: TenantNamespace, kube_client: KubeClient, host: str, untouched: None, trick: str
) -> None:
    annotations, prefix = HOST_TRICKS[trick]
    await TenantNamespace.write_secret(owned(thief, kube_client))
    await thief.create("Tenant", spec=exposed_at(host, prefix), annotations=annotations)
    if PAUSED.items() <= annotations.items() or PLAN.items() <= annotations.items():
        await thief.wait_for_condition("Paused", "True")
        assert await thief.get("Ingress") is None
        await annotate(thief, dict.fromkeys(annotations))
    await thief.wait_for_condition("Exposed", "False", "HostClaimedTwice")
    assert await thief.get("Ingress") is None


async def test_pause_between_edits_wins_no_foreign_host(
    thief: TenantNamespace, victim: TenantNamespace, kube_client: KubeClient, host: str, untouched: None
) -> None:
    """The thief is Ready with its own values, then paused, then edited to the victim's values, then resumed."""
    await owned(thief, kube_client).write_secret()
    await thief.create("Branch")
    await thief.create("Tenant", spec=exposed_at(f"own-{host}"))
    await thief.wait_until_ready()
    stolen = {
        ("Tenant", NAME): exposed_at(host),
        ("Branch", "mitte"): {"phoneNumbers": [{"number": thief.number}, {"number": victim.number}]},
    }
    for hold in (PAUSED, PLAN):
        for (kind, name), spec in stolen.items():
            await annotate(thief, dict(hold), kind, name)
            await thief.wait_for_condition("Paused", "True", kind=kind, name=name)
            await thief.client.merge(thief.path(kind, name), {"spec": spec})
        for kind, name in stolen:
            await annotate(thief, dict.fromkeys(hold), kind, name)
        await thief.wait_for_condition("Exposed", "False", "HostClaimedTwice")
        await thief.wait_for_condition("NumbersValid", "False", "NumberClaimedTwice", kind="Branch", name="mitte")
        assert (await thief.get("Branch", "mitte"))["status"]["phoneNumbers"] == [thief.number]


@pytest.mark.parametrize("kind", ["retell-api-key", "calcom-api-key"])
async def test_stolen_provider_key_is_refused_in_another_namespace(
    thief: TenantNamespace, victim: TenantNamespace, kube_client: KubeClient, host: str, untouched: None, kind: str
) -> None:
    """Its namespace's administrator was made to store the victim's key, with the label."""
    stolen = victim.retell_key if kind == "retell-api-key" else victim.calcom_key
    await owned(thief, kube_client).write_secret(**{kind: stolen})
    await thief.create("Tenant")
    reported = await thief.wait_for_condition("CredentialsValid", "False", "CredentialsShared")
    assert victim.name not in reported["message"]
    assert await thief.get("Deployment", f"{NAME}-web") is None


SECRETS = {
    "another application's": "others",
    "the operator's own for this tenant": f"{NAME}-runtime",
    "a service account's token": "token",
}


@pytest.mark.parametrize("secret", SECRETS)
async def test_secret_without_the_label_is_used_for_nothing(
    thief: TenantNamespace, kube_client: KubeClient, operator: RunningOperator, secret: str
) -> None:
    """The thief may not read the Secret. The operator may, but must not use it for the thief."""
    name, admin = SECRETS[secret], owned(thief, kube_client)
    await admin.write_secret()
    if name != f"{NAME}-runtime":
        body = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": name}, "stringData": {"password": "geheim"}}
        await kube_client.create(resources.SECRETS.path(thief.name), body)
    else:
        await thief.create("Tenant")
        await thief.wait_until_ready()
    ref = {"name": name, "key": "password"}
    for n, spec in enumerate(({"retell": {"apiKeySecretRef": ref}}, {"stripe": {"webhookSecretRef": ref}})):
        await thief.create("Tenant", f"twin-{n}", spec=spec)
        await thief.wait_for_condition("CredentialsValid", "False", "SecretNotPermitted", name=f"twin-{n}")
    assert "geheim" not in str((operator.retell.journal.entries, operator.calcom.journal.entries))


BEYOND_TEXTS = (
    "64000", "64Gi", "65536", "system-cluster-critical", "control-plane", "unconfined", "'replicas': 90", "stranger",
)  # fmt: skip
CONTROL_PLANE = {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}
UNCONFINED = {"container.apparmor.security.beta.kubernetes.io/web": "unconfined"}
BEYOND: dict[str, tuple[dict[str, Any], str]] = {
    "pods": ({"web": {"minReplicas": 90, "maxReplicas": 100}}, "web.maxReplicas is 20"),
    "cpu": ({"web": {"resources": {"cpuLimitMillicores": 64000}}}, "cpuLimitMillicores is 2000"),
    "memory": ({"web": {"resources": {"memoryLimitMebibytes": 65536}}}, "memoryLimitMebibytes is 1024"),
    "priority": ({"pods": {"priorityClassName": "system-cluster-critical"}}, "priorityClassName"),
    "tolerations": ({"pods": {"tolerations": [CONTROL_PLANE]}}, "tolerations of"),
    "annotations": ({"pods": {"annotations": UNCONFINED}}, "annotations container"),
    "image": ({"image": "stranger.example/askproai:1"}, "runtime.image stranger.example"),
    "canary": ({"canary": {"image": "stranger.example/askproai:1"}}, "runtime.canary of image stranger.example"),
}


@pytest.mark.parametrize("setting", BEYOND)
async def test_pods_get_no_more_than_the_platforms_ceilings(
    thief: TenantNamespace, kube_client: KubeClient, setting: str
) -> None:
    runtime, sentence = BEYOND[setting]
    await owned(thief, kube_client).write_secret()
    await thief.create("Tenant", spec={"suspend": False, "runtime": runtime})

    async def is_reported() -> bool:
        live = await thief.get("Tenant")
        conditions = (live.get("status") or {}).get("conditions") or []
        return any(sentence in condition["message"] for condition in conditions)

    await eventually(is_reported, SOON, f"a condition that says: {sentence}")
    deployment = await thief.get("Deployment", f"{NAME}-web")
    for asked in BEYOND_TEXTS:
        assert asked not in str(deployment["spec"])
    assert await thief.get("Deployment", f"{NAME}-canary") is None
    autoscaler = await thief.get("HorizontalPodAutoscaler", f"{NAME}-web")
    assert autoscaler is None or autoscaler["spec"]["maxReplicas"] <= 20


def owned(thief: TenantNamespace, admin: KubeClient) -> TenantNamespace:
    """Return the thief's namespace as its administrator sees it, who may write Secrets."""
    return TenantNamespace(thief.operator, admin, thief.name, thief.retell_key, thief.calcom_key, thief.number)
