"""The Tenant controller and its dependents, with a real API server, PostgreSQL, and the providers' simulators."""

import base64
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from prometheus_client import generate_latest

from askproai_core.database import AdminStore
from askproai_core.reader_token import reader_token_of
from askproai_operator.engine import Key, resources
from askproai_sandbox.databases import Database
from tests.worlds.operator_environment import TenantNamespace
from tests.worlds.waiting import eventually

SOON = 10.0  # seconds
CHILDREN = [
    ("ConfigMap", "salon-mueller-config"), ("Secret", "salon-mueller-runtime"), ("Secret", "salon-mueller-admin"),
    ("Secret", "salon-mueller-reader"), ("Secret", "salon-mueller-teardown"), ("Secret", "salon-mueller-signing-keys"),
    ("Service", "salon-mueller-web"), ("Service", "salon-mueller-admin"),
    ("Deployment", "salon-mueller-web"), ("ServiceAccount", "salon-mueller-runtime"), ("NetworkPolicy", "salon-mueller"),
    ("PodDisruptionBudget", "salon-mueller-web"),
]  # fmt: skip


async def rows(database: Database, sql: str, *values: Any) -> list[Any]:
    connection = await asyncpg.connect(database.superuser_dsn)
    try:
        return await connection.fetch(sql, *values)
    finally:
        await connection.close()


def versions(objects: list[dict[str, Any] | None]) -> list[str]:
    return [live["metadata"]["resourceVersion"] for live in objects if live]


async def reconcile_twice(namespace: TenantNamespace) -> None:
    """Requeue the Tenant twice, and wait until the second reconcile has ended."""
    context, key = namespace.operator.context, Key("Tenant", namespace.name, "salon-mueller")
    sent = len(namespace.operator.retell.journal.entries)
    for n in (1, 2):
        namespace.operator.queue.add(key)
        await eventually(lambda n=n: len(namespace.operator.retell.journal.entries) >= sent + n, SOON, "a reconcile")
    await eventually(lambda: key not in namespace.operator.queue._processing, SOON, "its end")
    assert context.cache.get(key) is not None


async def test_a_tenants_children_exist_by_one_manager_and_are_written_once(namespace):
    await namespace.write_secret()
    await namespace.create("Branch")
    await namespace.create("Tenant")
    tenant = await namespace.wait_until_ready()
    assert tenant["status"]["key"] == f"{namespace.name}.salon-mueller"
    assert tenant["metadata"]["finalizers"] == ["askproai.de/cleanup"]
    assert namespace.calcom_webhooks() == [tenant["status"]["webhookUrls"]["calcom"]]
    assert tenant["status"]["webhookUrls"]["calcom"].endswith("/webhooks/calcom/inst-1")
    for kind, name in CHILDREN:
        child = await namespace.get(kind, name)
        managers = {entry["manager"] for entry in child["metadata"]["managedFields"] if entry["operation"] == "Apply"}
        assert managers == {"askproai-operator"}, name
        assert child["metadata"]["labels"]["askproai.de/tenant"] == "salon-mueller"
        assert child["metadata"]["ownerReferences"][0]["uid"] == tenant["metadata"]["uid"]
    assert set(await namespace.secret_data("salon-mueller-teardown")) == {
        "retell-api-key", "calcom-api-key", "retell-base-url", "calcom-base-url",
    }  # fmt: skip

    await reconcile_twice(namespace)  # the Deployment's controller marks it once more
    before = [await namespace.get(kind, name) for kind, name in [("Tenant", "salon-mueller"), *CHILDREN]]
    writes_before, requests_before = len(namespace.operator.writes), len(namespace.operator.calcom.journal.entries)
    await reconcile_twice(namespace)
    requests = namespace.operator.calcom.journal.entries[requests_before:]
    after = [await namespace.get(kind, name) for kind, name in [("Tenant", "salon-mueller"), *CHILDREN]]
    assert versions(after) == versions(before)
    assert [write for write in namespace.operator.writes[writes_before:] if namespace.name in write[1]] == []
    assert {entry["method"] for entry in requests if entry["key"] == namespace.calcom_key[-4:]} <= {"GET"}


async def test_pods_are_notified_of_a_changed_config_once(namespace):
    """The ConfigMap is written first, then the pods are notified; a new tenant's pods start with their config anyway."""
    await namespace.write_secret()
    await namespace.create("Branch")
    await namespace.create("Tenant")
    await namespace.wait_until_ready()
    await reconcile_twice(namespace)  # the default service and the first status are in the config by now

    def notifications() -> list[tuple[str, str, str]]:
        return [config for config in namespace.operator.config_syncs if config[0] == namespace.name]

    before = len(notifications())
    closed = {"spec": {"holidays": {"country": "DE", "subdivision": "BE", "closed": ["2026-12-31"]}}}
    await namespace.client.merge(namespace.path("Branch", "mitte"), closed)
    await eventually(lambda: len(notifications()) > before, SOON, "the pods to be notified")
    await reconcile_twice(namespace)
    (notification,) = notifications()[before:]
    tenant = await namespace.get("Tenant")
    assert notification == (namespace.name, "salon-mueller", tenant["status"]["configHash"])
    assert "2026-12-31" in (await namespace.get("ConfigMap", "salon-mueller-config"))["data"]["tenant.json"]


async def test_a_child_edited_or_deleted_by_hand_is_repaired(namespace):
    await namespace.write_secret()
    await namespace.create("Tenant")
    await namespace.wait_until_ready()
    service, config = "salon-mueller-web", "salon-mueller-config"
    good = await namespace.get("ConfigMap", config)
    await namespace.client.merge(namespace.path("ConfigMap", config), {"data": {"tenant.json": "{}"}})
    await namespace.client.delete(namespace.path("Service", service))

    async def repaired() -> bool:
        live = await namespace.get("ConfigMap", config)
        return live["data"] == good["data"] and await namespace.get("Service", service) is not None

    await eventually(repaired, SOON, "the repair")


@pytest.mark.parametrize("garbage", [b"postgres://[", b"\xff\xfe"])
async def test_a_secret_of_the_operator_that_became_unreadable_is_written_anew(namespace, garbage):
    await namespace.write_secret()
    await namespace.create("Tenant")
    await namespace.wait_until_ready()
    data = dict.fromkeys(("DATABASE_URL", "REDIS_URL"), base64.b64encode(garbage).decode())
    await namespace.client.merge(namespace.path("Secret", "salon-mueller-runtime"), {"data": data})

    async def readable() -> bool:
        live = (await namespace.get("Secret", "salon-mueller-runtime"))["data"]
        return all(base64.b64decode(live[name]).startswith((b"postgresql://", b"redis://")) for name in data)

    await eventually(readable, SOON, "the repair")
    await namespace.wait_until_ready()


async def test_a_persons_own_object_by_the_name_of_a_child_is_left_alone_and_reported(namespace):
    """Taking it over would keep its content (a token, for example), and delete it with the Tenant."""
    meta = {"name": "salon-mueller-admin"}
    foreign = {"kind": "Secret", "apiVersion": "v1", "metadata": meta, "stringData": {"token": "theirs"}}
    await namespace.client.create(namespace.path("Secret", "").rstrip("/"), foreign)
    before = await namespace.get("Secret", "salon-mueller-admin")
    await namespace.write_secret()
    await namespace.create("Tenant")
    reported = await namespace.wait_for_condition("Ready", "False", "OwnershipConflict")
    assert "Secret salon-mueller-admin that the operator did not make" in reported["message"]
    assert await namespace.get("Secret", "salon-mueller-admin") == before
    await namespace.client.delete(namespace.path("Secret", "salon-mueller-admin"))
    await namespace.wait_until_ready()


async def test_a_persons_own_secret_by_the_name_of_the_readers_is_reported_and_the_pods_are_deployed(namespace):
    """As at an upgrade: the tenant serves without the Secret, which only its readers need."""
    meta = {"name": "salon-mueller-reader"}
    foreign = {"kind": "Secret", "apiVersion": "v1", "metadata": meta, "stringData": {"token": "theirs"}}
    await namespace.client.create(namespace.path("Secret", "").rstrip("/"), foreign)
    await namespace.write_secret()
    await namespace.create("Tenant")
    reported = await namespace.wait_for_condition("Ready", "False", "OwnershipConflict")
    assert "Secret salon-mueller-reader that the operator did not make" in reported["message"]
    assert await namespace.secret_data("salon-mueller-reader") == {"token": "theirs"}
    assert await namespace.get("Deployment", "salon-mueller-web") is not None
    await namespace.client.delete(namespace.path("Secret", "salon-mueller-reader"))
    await namespace.wait_until_ready()


async def test_a_deleted_admin_token_is_replaced_at_once_and_with_it_that_of_the_readers(namespace, monkeypatch):
    names = ("salon-mueller-admin", "salon-mueller-reader")
    await namespace.write_secret()
    await namespace.create("Tenant")
    await namespace.wait_until_ready()
    former = [(await namespace.secret_data(name))["token"] for name in names]
    assert former[1] == reader_token_of(former[0])
    web = await namespace.get("Deployment", "salon-mueller-web")
    database = namespace.operator.context.database
    look_up, deleted = database.list_booking_refusals, []

    async def delete_and_look_up(tenant: str) -> Any:
        if not deleted:  # a reconcile that began with the former token must not write it again
            deleted.append(await namespace.client.delete(namespace.path("Secret", names[0])))
        return await look_up(tenant)

    monkeypatch.setattr(database, "list_booking_refusals", delete_and_look_up)
    namespace.operator.queue.add(Key("Tenant", namespace.name, "salon-mueller"))

    async def replaced() -> bool:
        tokens = [(await namespace.secret_data(name)).get("token") for name in names]
        return bool(tokens[0]) and tokens[0] != former[0] and tokens[1] == reader_token_of(tokens[0])

    await eventually(replaced, SOON, "both tokens")
    present = await namespace.secret_data(names[1])
    await namespace.client.delete(namespace.path("Secret", names[1]))

    async def restored() -> bool:
        return await namespace.secret_data(names[1]) == present

    await eventually(restored, SOON, "the readers' Secret, unchanged")
    assert (await namespace.get("Deployment", "salon-mueller-web"))["spec"] == web["spec"], "no pod is restarted"


async def test_a_missing_secret_is_reported_with_what_to_do_and_its_creation_acts_at_once(namespace):
    await namespace.create("Tenant")
    reported = await namespace.wait_for_condition("CredentialsValid", "False", "SecretNotFound")
    assert "Secret 'providers' is not in this namespace; create it with the key 'retell-api-key'" in reported["message"]
    await namespace.write_secret()
    await namespace.wait_until_ready()
    assert {("Warning", "SecretNotFound"), ("Normal", "Ready")} <= set(await namespace.events())


async def test_a_rotated_key_reaches_the_teardown_copy_and_a_refused_one_does_not(namespace):
    """The agents' controller reads the copy, the pods mount the Secret itself."""
    await namespace.write_secret()
    await namespace.create("Tenant")
    await namespace.wait_until_ready()
    await namespace.write_secret(**{"retell-api-key": "not-a-key"})
    await namespace.wait_for_condition("CredentialsValid", "False", "CredentialsInvalid")
    assert (await namespace.secret_data("salon-mueller-teardown"))["retell-api-key"] == namespace.retell_key
    rotated = namespace.retell_key + "-rotated"
    await namespace.write_secret(**{"retell-api-key": rotated})
    await namespace.wait_until_ready()
    assert (await namespace.secret_data("salon-mueller-teardown"))["retell-api-key"] == rotated


async def test_former_keys_are_kept_for_the_pods_and_calcom_signs_with_a_new_secret_later(namespace):
    """Calls go on while keys are changed: no event is answered 401 in between."""
    await namespace.write_secret()
    await namespace.create("Tenant")
    await namespace.wait_until_ready()
    assert "FORMER_KEYS" not in await namespace.secret_data("salon-mueller-signing-keys")
    rotated = namespace.retell_key + "-rotated"
    await namespace.write_secret(**{"retell-api-key": rotated, "calcom-webhook-secret": "whs_2"})

    async def kept() -> dict[str, Any]:
        return json.loads((await namespace.secret_data("salon-mueller-signing-keys")).get("FORMER_KEYS", "{}"))

    former = await eventually(kept, SOON)
    assert {name: [each["key"] for each in entries] for name, entries in former.items()} == {
        "retell-api-key": [namespace.retell_key], "calcom-webhook-secret": ["whs"],
    }  # fmt: skip
    until = datetime.fromisoformat(former["retell-api-key"][0]["until"])
    assert timedelta(minutes=58) < until - datetime.now(UTC) <= timedelta(hours=1)
    await reconcile_twice(namespace)
    assert namespace.calcom_secrets() == ["whs"], "the pods may not have the new one yet"
    await namespace.client.merge(
        namespace.path("Tenant", "salon-mueller"), {"metadata": {"annotations": {"askproai.de/key-grace": "none"}}}
    )
    await eventually(lambda: namespace.calcom_secrets() == ["whs_2"], SOON)
    assert await kept() == {}, "a leaked key is accepted no longer"


@pytest.mark.parametrize("annotation", ["askproai.de/paused", "askproai.de/plan"])
async def test_a_secret_that_changes_during_a_pause_does_not_end_the_one_by_which_calcom_signs(namespace, annotation):
    await namespace.write_secret()
    await namespace.create("Tenant")
    await namespace.wait_until_ready()
    await namespace.client.merge(
        namespace.path("Tenant", "salon-mueller"), {"metadata": {"annotations": {annotation: "true"}}}
    )
    await namespace.wait_for_condition("Paused", "True")
    await namespace.write_secret(**{"calcom-webhook-secret": "whs_2"})

    async def kept() -> list[str]:
        former = json.loads((await namespace.secret_data("salon-mueller-signing-keys")).get("FORMER_KEYS", "{}"))
        return [each["key"] for each in former.get("calcom-webhook-secret", [])]

    await eventually(lambda: _is(kept, ["whs"]), SOON, "the former secret")
    stored = await namespace.secret_data("salon-mueller-signing-keys")
    assert json.loads(stored["registered"]) == {"calcom-webhook-secret": "whs"}
    assert namespace.calcom_secrets() == ["whs"]


async def _is(read: Callable[[], Awaitable[object]], expected: object) -> bool:
    return await read() == expected


async def test_a_key_that_nobody_could_try_is_not_kept_for_the_teardown(namespace):
    """A provider's outage must not stop what runs, nor replace a good key by one that was never seen to work."""
    await namespace.write_secret()
    await namespace.create("Tenant")
    await namespace.wait_until_ready()
    namespace.operator.inject_fault(namespace.operator.retell, "list-agents", "error-before-commit", 99)
    await namespace.write_secret(**{"retell-api-key": "key_untried"})
    await reconcile_twice(namespace)
    assert (await namespace.secret_data("salon-mueller-teardown"))["retell-api-key"] == namespace.retell_key
    await namespace.wait_until_ready()


async def test_of_two_tenants_with_one_retell_key_the_younger_is_refused(namespace, other_namespace):
    await namespace.write_secret()
    created = datetime.fromisoformat((await namespace.create("Tenant"))["metadata"]["creationTimestamp"])
    await namespace.wait_until_ready()
    other_namespace.retell_key = namespace.retell_key
    await other_namespace.write_secret()
    await eventually(
        lambda: datetime.now(UTC) - created > timedelta(seconds=1), SOON, "a second, which is the unit of ages"
    )
    await other_namespace.create("Tenant")
    reported = await other_namespace.wait_for_condition("CredentialsValid", "False", "CredentialsShared")
    assert namespace.name not in reported["message"], "the other tenant may belong to somebody else"
    assert await other_namespace.get("Deployment", "salon-mueller-web") is None
    await namespace.wait_until_ready()


async def test_a_server_that_is_not_allowed_gets_no_request(namespace):
    """Neither the Tenant nor a service of it sends a key there (ASKPROAI_PROVIDER_HOSTS, docs/reference/settings.md)."""
    await namespace.write_secret()
    key = {"name": "providers", "key": "calcom-api-key"}
    calcom = {"apiKeySecretRef": key, "webhookSecretRef": key, "baseUrl": "http://169.254.169.254"}
    await namespace.create("Branch")
    await namespace.create("ServiceOffering")
    await namespace.create("Tenant", spec={"calendar": {"provider": "Calcom", "calcom": calcom}})
    reported = await namespace.wait_for_condition("CredentialsValid", "False", "ProviderHostNotAllowed")
    assert "ASKPROAI_PROVIDER_HOSTS" in reported["message"]
    await namespace.wait_for_condition(
        "CalendarLinked", "False", "ProviderHostNotAllowed", kind="ServiceOffering", name="haarschnitt"
    )


async def test_a_branch_without_services_gets_the_default_one_until_a_person_writes_one(namespace):
    await namespace.write_secret()
    await namespace.create("Tenant")
    await namespace.create("Branch")
    await namespace.wait_for_condition("ServicesReady", "True", kind="Branch", name="mitte")
    default = await namespace.wait_until_ready("ServiceOffering", "mitte-standardberatung")
    assert default["status"]["staff"] == ["anna", "mehmet"]

    async def is_reported() -> bool:
        return ("Normal", "DefaultServiceCreated") in await namespace.events()

    await eventually(is_reported, SOON, "the event, which follows the status")
    await namespace.create("ServiceOffering", spec={"calcom": {"eventTypes": []}})
    await namespace.wait_until_gone("ServiceOffering", "mitte-standardberatung")
    branch = await namespace.get("Branch", "mitte")
    assert (branch["status"]["services"], branch["status"]["staff"]) == (1, 2)
    assert branch["status"]["phoneNumbers"] == [namespace.number]


async def test_services_that_are_applied_with_their_branch_prevent_the_default_one(namespace):
    await namespace.create("Branch")
    await namespace.create("ServiceOffering")
    await namespace.wait_for_condition("ServicesReady", "False", "TenantNotFound", kind="Branch", name="mitte")
    assert await namespace.get("ServiceOffering", "mitte-standardberatung") is None
    default = f"{namespace.name}/serviceofferings/mitte-standardberatung"
    assert [path for _, path in namespace.operator.writes if path.endswith(default)] == []


async def test_a_persons_service_by_the_name_of_the_default_one_is_never_written_to(namespace):
    await namespace.write_secret()
    await namespace.create("Tenant")
    written = await namespace.create("ServiceOffering", "mitte-standardberatung", spec={"branchRef": {"name": "nord"}})
    await namespace.create("Branch", "nord")
    await namespace.create("Branch", spec={"phoneNumbers": []})
    reported = await namespace.wait_for_condition(
        "ServicesReady", "False", "OwnershipConflict", kind="Branch", name="mitte"
    )
    assert "create a service" in reported["message"]
    live = await namespace.get("ServiceOffering", "mitte-standardberatung")
    assert live["spec"] == written["spec"]


async def test_a_capacity_that_reduces_a_neighbours_is_reported_by_the_neighbour_at_once_and_so_is_its_return(
    namespace,
):
    """Else its status would be out of date for ten minutes."""
    await namespace.write_secret()
    await namespace.create("Tenant")
    await namespace.create("Branch")
    for name, capacity in (("a-kurs", 1), ("b-yoga", 4)):
        await namespace.create("ServiceOffering", name, spec={"capacity": capacity, "calcom": {"eventTypes": []}})
        await namespace.wait_for_condition("StaffMatched", "True", kind="ServiceOffering", name=name)
    await namespace.client.merge(namespace.path("ServiceOffering", "a-kurs"), {"spec": {"capacity": 5}})
    reported = await namespace.wait_for_condition(
        "StaffMatched", "False", "CapacityUnsupported", kind="ServiceOffering", name="b-yoga"
    )
    assert "2 at once instead of 4" in reported["message"]
    await namespace.client.merge(namespace.path("ServiceOffering", "a-kurs"), {"spec": {"capacity": 2}})
    await namespace.wait_for_condition("StaffMatched", "True", kind="ServiceOffering", name="b-yoga")


async def test_a_service_whose_branch_is_deleted_says_so(namespace):
    await namespace.write_secret()
    await namespace.create("Tenant")
    await namespace.create("Branch")
    await namespace.create("ServiceOffering", spec={"calcom": {"eventTypes": []}})
    await namespace.wait_for_condition("StaffMatched", "True", kind="ServiceOffering", name="haarschnitt")
    await namespace.client.delete(namespace.path("Branch", "mitte"))
    await namespace.wait_for_condition(
        "StaffMatched", "False", "BranchNotFound", kind="ServiceOffering", name="haarschnitt"
    )


async def test_a_misspelt_state_is_shown_with_its_right_spelling_and_the_branch_is_served(namespace):
    await namespace.write_secret()
    await namespace.create("Tenant")
    await namespace.create("Branch", spec={"holidays": {"country": "DE", "subdivision": "NRW"}})
    shown = await namespace.wait_for_condition("HolidaysValid", "False", "HolidaysUnknown", kind="Branch", name="mitte")
    assert "NRW is no subdivision of DE; write NW" in shown["message"]
    await namespace.wait_for_condition("ServicesReady", "True", kind="Branch", name="mitte")
    await namespace.wait_until_ready()


async def test_retained_rows_wait_for_their_adoption_and_no_tenant_of_the_same_name_erases_them(
    namespace, module_database: Database
):
    """No accident erases a salon's appointments, and nobody else inherits them."""
    await namespace.write_secret()
    await namespace.create("Branch")
    first = (await namespace.create("Tenant"))["metadata"]["uid"]
    await namespace.wait_until_ready()
    tenant = f"{namespace.name}.salon-mueller"
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant")

    await namespace.create("Tenant", spec={"dataPolicy": "Erase"})
    refused = await namespace.wait_for_condition("DatabaseReady", "False", "DataOwnedByOther")
    assert "askproai.de/adopt-data: <its UID>" in refused["message"]
    assert first not in json.dumps(await namespace.get("Tenant")), "who knows the UID gets the rows"
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant")
    assert len(await rows(module_database, "SELECT 1 FROM resources WHERE tenant = $1", tenant)) == 2

    await namespace.create("Tenant", annotations={"askproai.de/adopt-data": "11111111-2222-3333-4444-555555555555"})
    await namespace.wait_for_condition("DatabaseReady", "False", "DataOwnedByOther")
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant")

    await namespace.create("Tenant", spec={"dataPolicy": "Erase"}, annotations={"askproai.de/adopt-data": first})
    await namespace.wait_until_ready()
    await eventually(lambda: has_event(namespace, ("Normal", "DataAdopted")), SOON, "the event")
    audited = await rows(module_database, "SELECT action FROM audit_log WHERE tenant = $1", tenant)
    assert [row["action"] for row in audited] == ["data_adopted"]
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant")
    assert await rows(module_database, "SELECT 1 FROM resources WHERE tenant = $1", tenant) == []
    role = namespace.operator.context.database.role_name(tenant)
    assert await rows(module_database, "SELECT 1 FROM pg_roles WHERE rolname = $1", role) == []


async def test_nothing_that_a_namesake_can_read_names_the_uid_of_the_former_tenant(
    namespace, module_database: Database
):
    """A customer leaves, and somebody else gets the name of the namespace: who knows the UID gets the rows."""
    await namespace.write_secret()
    await namespace.create("Branch")
    former = (await namespace.create("Tenant"))["metadata"]["uid"]
    await namespace.wait_until_ready()
    path = f"/api/v1/namespaces/{namespace.name}"
    await namespace.client.delete(path)

    async def is_gone() -> bool:
        return await namespace.operator.context.kube.get(resources.NAMESPACES, "", namespace.name) is None

    await eventually(is_gone, 60, "the namespace to be gone")
    await namespace.client.create("/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": namespace.name}})
    await namespace.write_secret()
    await namespace.create("Branch")
    await namespace.create("Tenant")
    await namespace.wait_for_condition("DatabaseReady", "False", "DataOwnedByOther")
    await eventually(lambda: has_event(namespace, ("Warning", "DataOwnedByOther")), SOON, "the event")
    kube = namespace.operator.context.kube
    kinds = (*resources.CUSTOM, *resources.CHILDREN, resources.PODS, resources.EVENTS)
    readable = [found for ref in kinds for found in await kube.list(ref, namespace.name)]
    assert {"Tenant", "Secret", "Event"} <= {found["kind"] for found in readable}
    values = [await namespace.secret_data(f"salon-mueller-{suffix}") for suffix in ("runtime", "admin", "teardown")]
    at_providers = [namespace.operator.retell.dump(), namespace.operator.calcom.dump()]
    metrics = generate_latest(namespace.operator.queue._metrics.registry)
    assert former not in str((readable, values, at_providers, metrics))
    role = namespace.operator.context.database.role_name(f"{namespace.name}.salon-mueller")
    logins = await rows(module_database, "SELECT 1 FROM pg_roles WHERE rolname = $1", role)
    assert logins == [], "no login, so no row of the database either"


async def test_a_deleted_tenant_waits_for_its_agents_also_after_a_restart(namespace):
    """After a restart the cache does not know the deleted Branch any more, but the agent's status names the Tenant."""
    await namespace.write_secret()
    await namespace.create("Tenant")
    await namespace.create("Branch")
    await namespace.wait_until_ready()
    paused = {"askproai.de/paused": "true"}
    await namespace.create("RetellAgent", annotations=paused, finalizers=["example.com/hold"])
    agents = namespace.path("RetellAgent", "mitte")
    await eventually(lambda: namespace.operator.context.relations.agent(namespace.name, "mitte"), SOON, "the agent")
    await namespace.client.merge(f"{agents}/status", {"status": {"tenant": "salon-mueller"}})
    await namespace.client.delete(namespace.path("Branch", "mitte"))
    await eventually(
        lambda: namespace.operator.context.relations.branch(namespace.name, "mitte") is None, SOON, "its end"
    )
    await eventually(
        lambda: namespace.operator.context.relations.agent(namespace.name, "mitte").status.get("tenant"),
        5,
        "the status",
    )
    namespace.operator.context.relations._tenant_of_branch.clear()  # a new process
    await namespace.client.delete(namespace.path("Tenant"))
    reported = await namespace.wait_for_condition("CredentialsValid", "False", "Deleting")
    assert "waits until the RetellAgents mitte are gone" in reported["message"]
    assert namespace.calcom_webhooks()
    await namespace.client.delete(agents)
    await namespace.client.merge(agents, {"metadata": {"finalizers": None}})
    await namespace.wait_until_gone("Tenant")
    assert namespace.calcom_webhooks() == []


async def test_orphan_leaves_the_webhook_and_says_so(namespace):
    await namespace.write_secret()
    await namespace.create("Tenant", spec={"deletionPolicy": "Orphan"})
    await namespace.wait_until_ready()
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant")
    assert len(namespace.calcom_webhooks()) == 1
    await eventually(lambda: has_event(namespace, ("Normal", "Orphaned")), SOON, "the event")


async def has_event(namespace: TenantNamespace, event: tuple[str, str]) -> bool:
    return event in await namespace.events()


async def test_the_deletion_of_a_namespace_completes_and_removes_the_webhook(namespace):
    """The user's Secret and ours are deleted at once; the credentials are kept in Secret `<tenant>-teardown`."""
    await namespace.write_secret()
    await namespace.create("Branch")
    await namespace.create("Tenant")
    await namespace.wait_until_ready()
    assert namespace.calcom_webhooks()
    await namespace.client.delete(f"/api/v1/namespaces/{namespace.name}")
    for kind, name in (("Tenant", "salon-mueller"), ("Secret", "salon-mueller-teardown")):
        await namespace.wait_until_gone(
            kind, name
        )  # nothing of ours holds up the namespace; its own controller looks again every few seconds
    assert namespace.calcom_webhooks() == []
    everywhere = await namespace.operator.context.kube.list(resources.EVENTS, "default")
    assert [event["message"] for event in everywhere if f" {namespace.name}/" in event["message"]] == [], (
        "nobody is warned"
    )


async def test_what_cannot_be_removed_is_given_up_after_the_budget_and_the_rest_is_done(
    namespace, module_database: Database
):
    """A provider's outage holds up a deletion for ten minutes at most, and the database's part of it not at all."""
    await namespace.write_secret()
    await namespace.create("Tenant")
    await namespace.wait_until_ready()
    namespace.operator.inject_fault(namespace.operator.calcom, "list-webhooks", "error-before-commit", 999)
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant")
    namespace.operator.calcom.faults.clear()
    await eventually(lambda: has_event(namespace, ("Warning", "LeftOver")), SOON, "the event")
    role = namespace.operator.context.database.role_name(f"{namespace.name}.salon-mueller")
    assert await rows(module_database, "SELECT 1 FROM pg_roles WHERE rolname = $1", role) == []


async def test_the_webhook_of_a_tenant_that_moves_is_replaced(namespace):
    await namespace.write_secret()
    await namespace.create("Tenant")
    before = (await namespace.wait_until_ready())["status"]["webhookUrls"]["calcom"]
    await namespace.client.merge(namespace.path("Tenant"), {"spec": {"exposure": {"host": "salon.example"}}})
    await eventually(
        lambda: namespace.calcom_webhooks() == ["https://salon.example/webhooks/calcom/inst-1"], SOON, "the move"
    )
    assert before not in namespace.calcom_webhooks()


async def test_suspending_stops_the_pods_and_resuming_starts_them_again(namespace):
    async def replicas(expected: int) -> bool:
        live = await namespace.get("Deployment", "salon-mueller-web")
        return live is not None and live["spec"]["replicas"] == expected

    await namespace.write_secret()
    await namespace.create("Tenant", spec={"suspend": False})
    await eventually(lambda: replicas(2), SOON, "two replicas")
    reported = await namespace.wait_for_condition("RuntimeAvailable", "False", "Progressing")
    assert "kubectl describe pods" in reported["message"]
    await namespace.client.merge(namespace.path("Tenant"), {"spec": {"suspend": True}})
    await eventually(lambda: replicas(0), SOON, "no replicas")
    assert (await namespace.wait_until_ready())["status"]["replicas"] == 0
    assert len(namespace.calcom_webhooks()) == 1


async def test_a_database_that_does_not_answer_is_reported_and_its_return_is_enough(namespace, postgres):
    """Also right after a restart of the operator, when it has never reached the database."""
    context = namespace.operator.context
    unreachable = AdminStore("postgresql://admin:geheim@127.0.0.1:9/none")
    real = context.database
    object.__setattr__(context, "database", unreachable)
    try:
        await namespace.write_secret()
        await namespace.create("Tenant")
        condition = await namespace.wait_for_condition("DatabaseReady", "False", "DatabaseUnavailable")
    finally:
        object.__setattr__(context, "database", real)
        await unreachable.close()
    assert "geheim" not in condition["message"]
    assert "127.0.0.1" not in condition["message"]
    await namespace.wait_until_ready()


@pytest.fixture(autouse=True)
def no_faults_left(operator):
    yield
    operator.retell.faults.clear()
    operator.calcom.faults.clear()


@pytest.mark.parametrize(
    ("status", "text", "until_confirmed"),
    [
        (401, "put a valid key", True),
        (None, "put a valid key", True),
        (302, "redirected", True),
        (404, "eventTypes", False),
    ],
)
async def test_what_calcom_refuses_the_pods_is_a_condition(
    namespace, module_database, status: int | None, text: str, until_confirmed: bool
):
    """Callers hear that nothing is booked: the operator must not have to find that in a log."""
    await namespace.write_secret()
    await namespace.create("Branch")
    await namespace.create("Tenant")
    await namespace.wait_until_ready()
    record = """INSERT INTO provider_calls
                    (tenant, provider, operation, method, endpoint, status, outcome, duration_ms, correlation_id)
                VALUES ($1, 'calcom', 'create-booking', 'POST', '/v2/bookings', $2, $3, 60, 'c')"""
    tenant, key = f"{namespace.name}.salon-mueller", Key("Tenant", namespace.name, "salon-mueller")
    await rows(module_database, record, tenant, status, "refused")
    namespace.operator.queue.add(key)
    condition = await namespace.wait_for_condition("CredentialsValid", "False", reason="BookingsRefused")
    assert text in condition["message"]
    await rows(module_database, record, tenant, 201, "confirmed")
    await reconcile_twice(namespace)
    still = {c["type"]: c["status"] for c in (await namespace.get("Tenant"))["status"]["conditions"]}[
        "CredentialsValid"
    ]
    assert still == ("True" if until_confirmed else "False"), "the confirmed booking may be of another event type"


async def test_appointments_that_wait_for_calcom_are_shown_while_they_wait(namespace, module_database):
    """Callers are served, so Ready stays True; its reason and message say how many wait, and since when."""
    await namespace.write_secret()
    await namespace.create("Branch")
    await namespace.create("Tenant", spec={"suspend": False})
    tenant, key = f"{namespace.name}.salon-mueller", Key("Tenant", namespace.name, "salon-mueller")
    await namespace.wait_for_condition("CalendarSynced", "True")
    add = """WITH made AS (
                 INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, correlation_id)
                 VALUES ($1, 'mitte', 'haarschnitt', 'anna', now() + $2::interval, now() + $2::interval + interval '1 hour',
                         'pending_sync', 'c') RETURNING tenant, id)
             INSERT INTO jobs (tenant, kind, priority, state, appointment_id, correlation_id, created_at)
             SELECT tenant, 'calendar-sync', 'high', $3, id, 'c', now() - $4::interval FROM made"""
    day, minute = timedelta(days=1), timedelta(minutes=1)
    for starts, state, waits in (
        (day, "ready", 3 * minute),
        (2 * day, "dead", 30 * minute),
        (3 * day, "running", minute),  # of a booking that is being made
        (4 * day, "done", 30 * minute),
        (-day, "dead", 30 * minute),  # is past
    ):
        await rows(module_database, add, tenant, starts, state, waits)
    await reconcile_twice(namespace)
    condition = await namespace.wait_for_condition("CalendarSynced", "False", "CalendarBehind")
    assert condition["message"].startswith(
        "2 appointments are booked, moved or cancelled here, but not yet so at Cal.com"
    )
    assert "but 1 appointment is given up" in condition["message"]
    writes = len(namespace.operator.writes)
    await reconcile_twice(namespace)
    assert not [
        each for each in namespace.operator.writes[writes:] if "/status" in each[1] and namespace.name in each[1]
    ]
    await rows(module_database, "UPDATE jobs SET state = 'done' WHERE tenant = $1", tenant)
    namespace.operator.queue.add(key)
    await namespace.wait_for_condition("CalendarSynced", "True")
