"""A shadow at a real API server: its pods, their reach, its rows and findings, and its removal without traces."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from askproai_core.data_keys import DATA_KEYS, KNOWN_TO_ALL_PODS, decode_data_keys
from askproai_core.shadow_findings import SHADOW_COMPARED, ShadowDifference, ShadowFindings
from askproai_operator import resources
from askproai_operator.controllers import shadow
from askproai_operator.controllers.tenant.shadow import SHADOWS
from askproai_operator.store.shadows import shadow_name
from tests.worlds.databases import Database
from tests.worlds.operator_environment import NAME, TenantNamespace
from tests.worlds.tenant_reconciles import rows
from tests.worlds.unscheduled_pods import RUNS, make_deployment_ready
from tests.worlds.waiting import SOON, eventually, until

pytestmark = pytest.mark.nightly

SHADOW, WEB = "salon-mueller-shadow", "salon-mueller-web"
IMAGE, OTHER_IMAGE = "askproai:0.2.0", "askproai:0.3.0"
FINDINGS = """INSERT INTO audit_log (tenant, actor, action, detail, correlation_id)
    VALUES ($1, 'shadow', $2, $3::text::jsonb, 'c')"""
DIFFERS = ShadowDifference(
    call_id="call_1",
    only_live=("mitte: haarschnitt, anna, 2026-12-01T10:00Z, booked",),
    answers_live=("booked",),
    answers_shadow=("failed",),
)


def with_shadow(**shadow: Any) -> dict[str, Any]:
    return RUNS | {"runtime": RUNS["runtime"] | {"shadow": {"image": IMAGE} | shadow}}


async def begin(namespace: TenantNamespace) -> dict[str, Any]:
    """Create a Tenant with a shadow, and return the shadow's Deployment."""
    await namespace.create_salon(spec=with_shadow())
    return await namespace.wait_for("Deployment", SHADOW, bool, "the shadow's Deployment")


async def begin_and_end_by_its_hours(namespace: TenantNamespace) -> None:
    """Begin a shadow, and let its hours pass. The spec still asks for it."""
    await begin(namespace)
    await eventually(lambda: is_copied(namespace), SOON, "the pods' config that copies requests")
    day_before = {"status": {"shadow": {"since": "2026-11-20T08:00:00Z"}}}
    await namespace.client.merge(f"{namespace.path('Tenant')}/status", day_before)
    await bring_forward(namespace)
    await namespace.wait_until_gone("Deployment", SHADOW)


async def ask_for(namespace: TenantNamespace, image: str | None) -> None:
    """Change the image on trial; None removes the shadow."""
    wanted = None if image is None else {"image": image}
    await namespace.edit({"runtime": {"shadow": wanted}})


async def shown(namespace: TenantNamespace) -> dict[str, Any]:
    """Return the shadow that the status records."""
    return (await namespace.get("Tenant") or {})["status"].get("shadow") or {}


async def bring_forward(namespace: TenantNamespace) -> None:
    await namespace.operator.reconcile_again(namespace.operator.settings.background_key(SHADOWS))


async def is_copied(namespace: TenantNamespace) -> bool:
    return (await namespace.config()).get("shadow") is True


async def left_in_database(namespace: TenantNamespace, database: Database) -> int:
    name = shadow_name(namespace.tenant)
    (found,) = await rows(
        database,
        """SELECT (SELECT count(*) FROM tenants WHERE tenant = $1) + (SELECT count(*) FROM resources WHERE tenant = $1)
                + (SELECT count(*) FROM pg_roles WHERE rolname = $2) AS n""",
        name, database.admin.role_name(name),
    )  # fmt: skip
    return int(found["n"])


async def wait_until_nothing_is_left(namespace: TenantNamespace, database: Database) -> None:
    await until(lambda: left_in_database(namespace, database), lambda found: found == 0, "its login and its rows to go")


async def test_shadow_pods_get_no_traffic_or_providers(namespace, module_database):
    deployment = await begin(namespace)
    template = deployment["spec"]["template"]
    containers = {each["name"]: each for each in template["spec"]["containers"]}
    assert {name: each["image"] for name, each in containers.items()} == {"web": IMAGE, "shadow": "askproai:0.1.0"}
    mounts = {name: {each["name"] for each in container["volumeMounts"]} for name, container in containers.items()}
    assert "live" not in mounts["web"], "the image on trial has no login but the shadow's"
    secrets = str([each for each in template["spec"]["volumes"] if each["name"] != "live"])
    assert "salon-mueller-runtime" not in secrets
    assert "retell" not in secrets
    labels = template["metadata"]["labels"]
    for kind, name, selector in (
        ("Service", WEB, lambda live: live["spec"]["selector"]),
        ("NetworkPolicy", NAME, lambda live: live["spec"]["podSelector"]["matchLabels"]),
        ("Deployment", WEB, lambda live: live["spec"]["selector"]["matchLabels"]),
    ):
        assert not selector(await namespace.get(kind, name) or {}).items() <= labels.items(), f"{kind} {name}"
    policy = await namespace.get("NetworkPolicy", f"{SHADOW}-policy") or {}
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    assert "ingress" not in policy["spec"]
    secret = await namespace.secret_data(SHADOW)
    (own_key,) = decode_data_keys(secret[DATA_KEYS]).keys
    assert own_key.since <= datetime.now(UTC) - KNOWN_TO_ALL_PODS, "it encrypts from the first request on"
    database_url = secret["DATABASE_URL"]
    port = int(database_url.rpartition(":")[2].split("/")[0])
    allowed = {each["port"] for rule in policy["spec"]["egress"] for each in rule["ports"]}
    assert allowed == {53, port}
    config = (await namespace.get("ConfigMap", SHADOW) or {})["data"]["tenant.json"]
    assert shadow_name(namespace.tenant) in config
    await eventually(lambda: is_copied(namespace), SOON, "the pods' config that copies requests")


async def test_shadows_findings_remain_after_its_end(namespace, module_database):
    await begin(namespace)
    await eventually(lambda: is_copied(namespace), SOON, "the pods' config that copies requests")
    await namespace.wait_for_condition("ShadowAgrees", "True", "Progressing")
    await make_deployment_ready(namespace, "web")
    name = shadow_name(namespace.tenant)
    for found in (ShadowFindings(compared=4), ShadowFindings(compared=2, not_compared=1, differences=(DIFFERS,))):
        await rows(module_database, FINDINGS, name, SHADOW_COMPARED, msgspec.json.encode(found).decode())
    await bring_forward(namespace)
    condition = await namespace.wait_for_condition("ShadowAgrees", "False", "ShadowDiffers")
    assert "in 1 calls (6 changes of the book compared, 1 could not be)" in condition["message"]
    await namespace.wait_for_condition("Ready", "True", "AsDeclared")
    (difference,) = (await shown(namespace))["differences"]
    assert difference == {
        "call": "call_1", "onlyLive": list(DIFFERS.only_live), "onlyShadow": [],
        "answersLive": ["booked"], "answersShadow": ["failed"],
    }  # fmt: skip

    await ask_for(namespace, None)
    for kind, child in (
        ("Deployment", SHADOW),
        ("ConfigMap", SHADOW),
        ("NetworkPolicy", f"{SHADOW}-policy"),
        ("Secret", SHADOW),
    ):
        await namespace.wait_until_gone(kind, child)
    await wait_until_nothing_is_left(namespace, module_database)
    after = await shown(namespace)
    assert (after["state"], after["callsThatDiffer"]) == ("Ended", 1)
    assert not await is_copied(namespace)
    await namespace.wait_for_condition("ShadowAgrees", "True", "NotRequested")


async def test_removed_shadow_begins_anew_on_request(namespace, module_database):
    """As after a correction of the Tenant: same image, same hours."""
    await begin_and_end_by_its_hours(namespace)

    async def is_withdrawn() -> bool:
        return (await shown(namespace))["withdrawn"]

    await ask_for(namespace, None)
    await eventually(is_withdrawn, SOON, "its end to be remembered as withdrawn")
    await ask_for(namespace, IMAGE)
    await namespace.wait_for("Deployment", SHADOW, bool, "the shadow's Deployment")
    await eventually(lambda: is_copied(namespace), SOON, "the pods' config that copies requests")
    begun = await shown(namespace)
    assert (begun["state"], begun["withdrawn"]) == ("Running", False)
    assert await left_in_database(namespace, module_database)


async def test_withdrawn_shadow_that_never_began_leaves_nothing(namespace, module_database):
    """Somebody else has a Deployment of its name, which is found only after login and rows were made."""
    labels = {"app": "of-somebody-else"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "it", "image": "none"}]}}
    others = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": SHADOW}, "spec": others}
    await namespace.client.create(resources.DEPLOYMENTS.path(namespace.name), manifest)
    await namespace.create_salon(spec=with_shadow())
    await namespace.wait_for("NetworkPolicy", f"{SHADOW}-policy", bool, "what the Deployment comes after")
    await bring_forward(namespace)
    assert await left_in_database(namespace, module_database)
    await ask_for(namespace, None)
    await namespace.wait_until_gone("Secret", SHADOW)
    await wait_until_nothing_is_left(namespace, module_database)
    assert await namespace.get("Deployment", SHADOW)


async def test_new_shadow_runs_after_an_unstarted_shadow(namespace, monkeypatch):
    """Only its hours end a shadow for good."""
    await begin(namespace)
    await eventually(lambda: is_copied(namespace), SOON, "the pods' config that copies requests")

    async def is_away(*_: Any) -> None:
        raise ConnectionError("PostgreSQL does not answer")

    async def has_state(state: str) -> bool:
        return (await shown(namespace))["state"] == state

    with monkeypatch.context() as patched:
        patched.setattr(namespace.operator.context.database, "drop_shadow", is_away)
        await ask_for(namespace, OTHER_IMAGE)
        await eventually(lambda: has_state("Ended"), SOON, "the end of the first one")
        await ask_for(namespace, IMAGE)
    await eventually(lambda: has_state("Running"), SOON, "it to run again")
    assert (await shown(namespace))["image"] == IMAGE


async def test_pods_of_changed_image_always_have_their_policy(namespace, monkeypatch):
    """The operator learns late that the policy was deleted, and takes it for present until then."""
    await begin(namespace)
    await eventually(lambda: is_copied(namespace), SOON, "the pods' config that copies requests")
    cache, policy, late = namespace.operator.context.cache, f"{SHADOW}-policy", list[tuple[Any, ...]]()
    drop = cache.drop

    def drop_late(ref: Any, where: str, name: str, *rest: Any) -> Any:
        if (where, name) != (namespace.name, policy):
            return drop(ref, where, name, *rest)
        late.append((ref, where, name, *rest))
        return None

    with monkeypatch.context() as patched:
        patched.setattr(cache, "drop", drop_late)
        await ask_for(namespace, OTHER_IMAGE)
        await eventually(lambda: late, SOON, "the deletion of the policy")
        await bring_forward(namespace)
        assert await namespace.get("Deployment", SHADOW) is None
    for each in late:
        drop(*each)
    deployment = await namespace.wait_for("Deployment", SHADOW, bool, "the Deployment of the other image")
    assert OTHER_IMAGE in str(deployment)
    assert await namespace.get("NetworkPolicy", policy)


async def test_tenant_without_config_delays_no_other_shadow(namespace):
    await begin(namespace)
    await namespace.annotate("paused")
    await namespace.client.merge(namespace.path("ConfigMap", f"{NAME}-config"), {"data": {"tenant.json": None}})
    context = namespace.operator.context
    await shadow.reconcile(context.settings.background_key(SHADOWS), context)


async def test_tenant_deleted_during_its_shadows_start_leaves_nothing(namespace, module_database, monkeypatch):
    """The deletion drops login and rows before the start makes them."""
    database, made = namespace.operator.context.database, asyncio.Event()
    ensure_shadow = database.ensure_shadow

    async def ensure_late(tenant: str, *rest: Any) -> Mapping[int, int]:
        if tenant == namespace.tenant and not made.is_set():
            await namespace.client.request("DELETE", namespace.path("Tenant"))
            await namespace.wait_until_gone("Tenant", NAME)
            try:
                return await ensure_shadow(tenant, *rest)
            finally:
                made.set()
        return await ensure_shadow(tenant, *rest)

    monkeypatch.setattr(database, "ensure_shadow", ensure_late)
    await namespace.create_salon(spec=with_shadow())
    await asyncio.wait_for(made.wait(), SOON)
    await bring_forward(namespace)
    await wait_until_nothing_is_left(namespace, module_database)


async def test_a_deleted_tenant_leaves_nothing_of_its_shadow(namespace, module_database):
    await begin(namespace)
    assert await left_in_database(namespace, module_database)
    await namespace.client.request("DELETE", namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant", NAME)
    await wait_until_nothing_is_left(namespace, module_database)


async def test_shadow_pods_respect_the_platforms_ceilings(namespace):
    spec = with_shadow()
    spec["runtime"] |= {"image": "elsewhere.example/askproai:1"}
    spec["runtime"]["pods"] = {**spec["runtime"]["pods"], "priorityClassName": "not-listed"}
    await namespace.create_salon(spec=spec)
    deployment = await namespace.wait_for("Deployment", SHADOW, bool, "the shadow's Deployment")
    pod = deployment["spec"]["template"]["spec"]
    assert {each["image"] for each in pod["containers"]} == {IMAGE, "askproai:0.1.0"}
    assert "priorityClassName" not in pod
