"""A shadow at a real API server: its pods and what they reach, its rows, what it has found, and that nothing of it is left."""

from typing import Any

import msgspec

from askproai_core.database import SHADOW_COMPARED, ShadowDifference, ShadowFindings, shadow_name
from askproai_operator.controllers.tenant.shadow import shadows_key
from askproai_sandbox.databases import Database
from tests.worlds.operator_environment import NAME, TenantNamespace
from tests.worlds.tenant_reconciles import rows
from tests.worlds.unscheduled_pods import RUNS, make_deployment_ready
from tests.worlds.waiting import SOON, eventually

SHADOW, WEB = "salon-mueller-shadow", "salon-mueller-web"
IMAGE = "askproai:0.2.0"
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
    await namespace.write_secret()
    await namespace.create("Tenant", spec=with_shadow())
    return await namespace.wait_for("Deployment", SHADOW, bool, "the shadow's Deployment")


async def begin_and_end_by_its_hours(namespace: TenantNamespace) -> None:
    """Begin a shadow, and let its hours pass. The spec still asks for it."""
    await begin(namespace)
    await eventually(lambda: is_copied(namespace), SOON, "the pods' config that copies requests")
    day_before = {"status": {"shadow": {"since": "2026-11-20T08:00:00Z"}}}
    await namespace.client.merge(f"{namespace.path('Tenant')}/status", day_before)
    await namespace.operator.reconcile_again(shadows_key(namespace.operator.settings))
    await namespace.wait_until_gone("Deployment", SHADOW)


def tenant_of(namespace: TenantNamespace) -> str:
    return f"{namespace.name}.{NAME}"


async def is_copied(namespace: TenantNamespace) -> bool:
    config = await namespace.get("ConfigMap", f"{NAME}-config")
    return '"shadow":true' in (config or {}).get("data", {}).get("tenant.json", "")


async def left_in_database(namespace: TenantNamespace, database: Database) -> int:
    name = shadow_name(tenant_of(namespace))
    (found,) = await rows(
        database,
        """SELECT (SELECT count(*) FROM tenants WHERE tenant = $1) + (SELECT count(*) FROM resources WHERE tenant = $1)
                + (SELECT count(*) FROM pg_roles WHERE rolname = $2) AS n""",
        name, database.admin.role_name(name),
    )  # fmt: skip
    return int(found["n"])


async def test_a_shadow_has_pods_that_nobody_is_sent_to_and_that_reach_no_provider(
    namespace: TenantNamespace, module_database: Database
) -> None:
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
    database_url = (await namespace.secret_data(SHADOW))["DATABASE_URL"]
    port = int(database_url.rpartition(":")[2].split("/")[0])
    allowed = {each["port"] for rule in policy["spec"]["egress"] for each in rule["ports"]}
    assert allowed == {53, port}
    config = (await namespace.get("ConfigMap", SHADOW) or {})["data"]["tenant.json"]
    assert shadow_name(tenant_of(namespace)) in config
    await eventually(lambda: is_copied(namespace), SOON, "the pods' config that copies requests")


async def test_what_it_finds_is_listed_and_its_end_leaves_the_list_alone(
    namespace: TenantNamespace, module_database: Database
) -> None:
    await begin(namespace)
    await eventually(lambda: is_copied(namespace), SOON, "the pods' config that copies requests")
    await namespace.wait_for_condition("ShadowAgrees", "True", "Progressing")
    await make_deployment_ready(namespace, "web")
    name = shadow_name(tenant_of(namespace))
    for found in (ShadowFindings(compared=4), ShadowFindings(compared=2, not_compared=1, differences=(DIFFERS,))):
        await rows(module_database, FINDINGS, name, SHADOW_COMPARED, msgspec.json.encode(found).decode())
    await namespace.operator.reconcile_again(shadows_key(namespace.operator.settings))
    condition = await namespace.wait_for_condition("ShadowAgrees", "False", "ShadowDiffers")
    assert "in 1 calls (6 changes of the book compared, 1 could not be)" in condition["message"]
    await namespace.wait_for_condition("Ready", "True", "AsDeclared")
    shown = (await namespace.get("Tenant") or {})["status"]["shadow"]
    assert shown["differences"] == [
        {
            "call": "call_1",
            "onlyLive": list(DIFFERS.only_live),
            "onlyShadow": [],
            "answersLive": ["booked"],
            "answersShadow": ["failed"],
        }
    ]

    await namespace.client.merge(namespace.path("Tenant"), {"spec": {"runtime": {"shadow": None}}})
    for kind, child in (
        ("Deployment", SHADOW),
        ("ConfigMap", SHADOW),
        ("NetworkPolicy", f"{SHADOW}-policy"),
        ("Secret", SHADOW),
    ):
        await namespace.wait_until_gone(kind, child)

    async def nothing() -> bool:
        return await left_in_database(namespace, module_database) == 0

    await eventually(nothing, SOON, "its login and its rows to go")
    after = (await namespace.get("Tenant") or {})["status"]["shadow"]
    assert (after["state"], after["callsThatDiffer"]) == ("Ended", 1)
    assert not await is_copied(namespace)
    await namespace.wait_for_condition("ShadowAgrees", "True", "NotRequested")


async def test_one_that_was_removed_begins_anew_when_it_is_asked_for_again(
    namespace: TenantNamespace, module_database: Database
) -> None:
    """As after a mended Tenant: same image, same hours."""
    await begin_and_end_by_its_hours(namespace)

    async def shown() -> dict[str, Any]:
        return (await namespace.get("Tenant") or {})["status"]["shadow"]

    async def is_withdrawn() -> bool:
        return (await shown())["withdrawn"]

    await namespace.client.merge(namespace.path("Tenant"), {"spec": {"runtime": {"shadow": None}}})
    await eventually(is_withdrawn, SOON, "its end to be remembered as withdrawn")
    await namespace.client.merge(namespace.path("Tenant"), {"spec": {"runtime": {"shadow": {"image": IMAGE}}}})
    await namespace.wait_for("Deployment", SHADOW, bool, "the shadow's Deployment")
    await eventually(lambda: is_copied(namespace), SOON, "the pods' config that copies requests")
    assert ((await shown())["state"], (await shown())["withdrawn"]) == ("Running", False)
    assert await left_in_database(namespace, module_database)


async def test_its_hours_end_it_and_it_does_not_begin_again_by_itself(
    namespace: TenantNamespace, module_database: Database
) -> None:
    await begin_and_end_by_its_hours(namespace)
    await namespace.operator.reconcile_again(shadows_key(namespace.operator.settings))
    assert await namespace.get("Deployment", SHADOW) is None
    assert await left_in_database(namespace, module_database) == 0
    assert (await namespace.get("Tenant") or {})["status"]["shadow"]["state"] == "Ended"


async def test_a_deleted_tenant_leaves_nothing_of_its_shadow(
    namespace: TenantNamespace, module_database: Database
) -> None:
    await begin(namespace)
    assert await left_in_database(namespace, module_database)
    await namespace.client.request("DELETE", namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant", NAME)

    async def nothing() -> bool:
        return await left_in_database(namespace, module_database) == 0

    await eventually(nothing, SOON, "its login and its rows to go")


async def test_what_the_platform_does_not_allow_the_tenants_pods_it_does_not_allow_those_of_a_shadow(
    namespace: TenantNamespace,
) -> None:
    spec = with_shadow()
    spec["runtime"] |= {"image": "elsewhere.example/askproai:1"}
    spec["runtime"]["pods"] = {**spec["runtime"]["pods"], "priorityClassName": "not-listed"}
    await namespace.write_secret()
    await namespace.create("Tenant", spec=spec)
    deployment = await namespace.wait_for("Deployment", SHADOW, bool, "the shadow's Deployment")
    pod = deployment["spec"]["template"]["spec"]
    assert {each["image"] for each in pod["containers"]} == {IMAGE, "askproai:0.1.0"}
    assert "priorityClassName" not in pod


async def test_only_images_of_listed_repositories_run(namespace: TenantNamespace) -> None:
    await namespace.write_secret()
    await namespace.create("Tenant", spec=with_shadow(image="elsewhere.example/askproai:1"))
    await namespace.wait_for("Tenant", NAME, lambda live: (live.get("status") or {}).get("configHash"), "the config")
    await namespace.operator.reconcile_again(shadows_key(namespace.operator.settings))
    assert await namespace.get("Deployment", SHADOW) is None
