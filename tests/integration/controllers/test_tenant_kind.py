"""The Tenant controller and its dependents, with a real API server, PostgreSQL, and the providers' simulators."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from askproai_core.database import AdminStore
from askproai_operator.engine import Key, resources
from askproai_sandbox.cluster import eventually
from askproai_sandbox.databases import Database

SOON = timedelta(seconds=10)
CHILDREN = [
    ("ConfigMap", "salon-mueller-config"), ("Secret", "salon-mueller-runtime"), ("Secret", "salon-mueller-admin"),
    ("Secret", "salon-mueller-teardown"), ("Service", "salon-mueller-web"), ("Service", "salon-mueller-admin"),
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


async def reconcile_twice(place: Any) -> None:
    """Requeue the Tenant twice, and wait until the second reconcile has ended."""
    world, key = place.operator.world, Key("Tenant", place.namespace, "salon-mueller")
    sent = len(place.operator.retell.journal.entries)
    for n in (1, 2):
        place.operator.queue.add(key)
        await eventually(lambda n=n: len(place.operator.retell.journal.entries) >= sent + n, SOON, "a reconcile")
    await eventually(lambda: key not in place.operator.queue._processing, SOON, "its end")
    assert world.cache.get(key) is not None


async def test_a_tenants_children_exist_by_one_manager_and_are_written_once(place):
    await place.secret()
    await place.create("Branch")
    await place.create("Tenant")
    tenant = await place.ready()
    assert tenant["status"]["key"] == f"{place.namespace}.salon-mueller"
    assert tenant["metadata"]["finalizers"] == ["askproai.de/cleanup"]
    assert place.hooks() == [tenant["status"]["webhookUrls"]["calcom"]]
    assert tenant["status"]["webhookUrls"]["calcom"].endswith("/webhooks/calcom/inst-1")
    for kind, name in CHILDREN:
        child = await place.get(kind, name)
        managers = {entry["manager"] for entry in child["metadata"]["managedFields"] if entry["operation"] == "Apply"}
        assert managers == {"askproai-operator"}, name
        assert child["metadata"]["labels"]["askproai.de/tenant"] == "salon-mueller"
        assert child["metadata"]["ownerReferences"][0]["uid"] == tenant["metadata"]["uid"]
    assert set(await place.secret_data("salon-mueller-teardown")) == {
        "retell-api-key", "calcom-api-key", "retell-base-url", "calcom-base-url",
    }  # fmt: skip

    await reconcile_twice(place)  # the Deployment's controller marks it once more
    before = [await place.get(kind, name) for kind, name in [("Tenant", "salon-mueller"), *CHILDREN]]
    writes_before, requests_before = len(place.operator.writes), len(place.operator.calcom.journal.entries)
    await reconcile_twice(place)
    after = [await place.get(kind, name) for kind, name in [("Tenant", "salon-mueller"), *CHILDREN]]
    assert versions(after) == versions(before)
    assert [write for write in place.operator.writes[writes_before:] if place.namespace in write[1]] == []
    assert {entry["method"] for entry in place.operator.calcom.journal.entries[requests_before:]} <= {"GET"}


async def test_pods_are_notified_of_a_changed_config_once(place):
    """The ConfigMap is written first, then the pods are notified; a new tenant's pods start with their config anyway."""
    await place.secret()
    await place.create("Branch")
    await place.create("Tenant")
    await place.ready()
    await reconcile_twice(place)  # the default service and the first status are in the config by now

    def notifications() -> list[tuple[str, str, str]]:
        return [config for config in place.operator.nudged if config[0] == place.namespace]

    before = len(notifications())
    closed = {"spec": {"holidays": {"country": "DE", "subdivision": "BE", "closed": ["2026-12-31"]}}}
    await place.client.merge(place.path("Branch", "mitte"), closed)
    await eventually(lambda: len(notifications()) > before, SOON, "the pods to be notified")
    await reconcile_twice(place)
    (notification,) = notifications()[before:]
    tenant = await place.get("Tenant")
    assert notification == (place.namespace, "salon-mueller", tenant["status"]["configHash"])
    assert "2026-12-31" in (await place.get("ConfigMap", "salon-mueller-config"))["data"]["tenant.json"]


async def test_a_child_edited_or_deleted_by_hand_is_repaired(place):
    await place.secret()
    await place.create("Tenant")
    await place.ready()
    service, config = "salon-mueller-web", "salon-mueller-config"
    good = await place.get("ConfigMap", config)
    await place.client.merge(place.path("ConfigMap", config), {"data": {"tenant.json": "{}"}})
    await place.client.delete(place.path("Service", service))

    async def repaired() -> bool:
        live = await place.get("ConfigMap", config)
        return live["data"] == good["data"] and await place.get("Service", service) is not None

    await eventually(repaired, SOON, "the repair")


@pytest.mark.parametrize("garbage", [b"postgres://[", b"\xff\xfe"])
async def test_a_secret_of_the_operator_that_became_unreadable_is_written_anew(place, garbage):
    await place.secret()
    await place.create("Tenant")
    await place.ready()
    data = dict.fromkeys(("DATABASE_URL", "REDIS_URL"), base64.b64encode(garbage).decode())
    await place.client.merge(place.path("Secret", "salon-mueller-runtime"), {"data": data})

    async def readable() -> bool:
        live = (await place.get("Secret", "salon-mueller-runtime"))["data"]
        return all(base64.b64decode(live[name]).startswith((b"postgresql://", b"redis://")) for name in data)

    await eventually(readable, SOON, "the repair")
    await place.ready()


async def test_a_persons_own_object_by_the_name_of_a_child_is_left_alone_and_reported(place):
    """Taking it over would keep its content (a token, for example), and delete it with the Tenant."""
    meta = {"name": "salon-mueller-admin"}
    foreign = {"kind": "Secret", "apiVersion": "v1", "metadata": meta, "stringData": {"token": "theirs"}}
    await place.client.create(place.path("Secret", "").rstrip("/"), foreign)
    before = await place.get("Secret", "salon-mueller-admin")
    await place.secret()
    await place.create("Tenant")
    reported = await place.condition("Ready", "False", "OwnershipConflict")
    assert "Secret salon-mueller-admin that the operator did not make" in reported["message"]
    assert await place.get("Secret", "salon-mueller-admin") == before
    await place.client.delete(place.path("Secret", "salon-mueller-admin"))
    await place.ready()


async def test_a_missing_secret_is_reported_with_what_to_do_and_its_creation_acts_at_once(place):
    await place.create("Tenant")
    reported = await place.condition("CredentialsValid", "False", "SecretNotFound")
    assert "Secret 'providers' is not in this namespace; create it with the key 'retell-api-key'" in reported["message"]
    await place.secret()
    await place.ready()
    assert {("Warning", "SecretNotFound"), ("Normal", "Ready")} <= set(await place.events())


async def test_a_rotated_key_reaches_the_teardown_copy_and_a_refused_one_does_not(place):
    """The agents' controller reads the copy, the pods mount the Secret itself."""
    await place.secret()
    await place.create("Tenant")
    await place.ready()
    await place.secret(**{"retell-api-key": "not-a-key"})
    await place.condition("CredentialsValid", "False", "CredentialsInvalid")
    assert (await place.secret_data("salon-mueller-teardown"))["retell-api-key"] == place.key
    rotated = place.key + "-rotated"
    await place.secret(**{"retell-api-key": rotated})
    await place.ready()
    assert (await place.secret_data("salon-mueller-teardown"))["retell-api-key"] == rotated


async def test_a_key_that_nobody_could_try_is_not_kept_for_the_teardown(place):
    """A provider's outage must not stop what runs, nor replace a good key by one that was never seen to work."""
    await place.secret()
    await place.create("Tenant")
    await place.ready()
    place.operator.fault(place.operator.retell, "list-agents", "error-before-commit", 99)
    await place.secret(**{"retell-api-key": "key_untried"})
    await reconcile_twice(place)
    assert (await place.secret_data("salon-mueller-teardown"))["retell-api-key"] == place.key
    await place.ready()


async def test_of_two_tenants_with_one_retell_key_the_younger_is_refused(place, other_place):
    await place.secret()
    created = datetime.fromisoformat((await place.create("Tenant"))["metadata"]["creationTimestamp"])
    await place.ready()
    other_place.key = place.key
    await other_place.secret()
    await eventually(
        lambda: datetime.now(UTC) - created > timedelta(seconds=1), SOON, "a second, which is the unit of ages"
    )
    await other_place.create("Tenant")
    reported = await other_place.condition("CredentialsValid", "False", "CredentialsShared")
    assert place.namespace not in reported["message"], "the other tenant may belong to somebody else"
    assert await other_place.get("Deployment", "salon-mueller-web") is None
    await place.ready()


async def test_a_tenant_that_was_quicker_than_an_older_one_is_refused_once_the_older_one_has_its_key(
    place, other_place
):
    await place.create("Tenant")  # the older one, whose Secret is created late
    created = await place.condition("CredentialsValid", "False", "SecretNotFound")
    await eventually(
        lambda: datetime.now(UTC) - datetime.fromisoformat(created["lastTransitionTime"]) > timedelta(seconds=2),
        SOON,
        "another second",
    )
    other_place.key = place.key
    await other_place.secret()
    await other_place.create("Tenant")
    await other_place.ready()
    await reconcile_twice(other_place)  # nothing of its own requeues it any more
    await place.secret()
    await place.ready()
    await other_place.condition("CredentialsValid", "False", "CredentialsShared")


async def test_a_server_that_is_not_allowed_gets_no_request(place):
    """Neither the Tenant nor a service of it sends a key there (ASKPROAI_PROVIDER_HOSTS, docs/reference/settings.md)."""
    await place.secret()
    key = {"name": "providers", "key": "calcom-api-key"}
    calcom = {"apiKeySecretRef": key, "webhookSecretRef": key, "baseUrl": "http://169.254.169.254"}
    await place.create("Branch")
    await place.create("ServiceOffering")
    await place.create("Tenant", spec={"calendar": {"provider": "Calcom", "calcom": calcom}})
    reported = await place.condition("CredentialsValid", "False", "ProviderHostNotAllowed")
    assert "ASKPROAI_PROVIDER_HOSTS" in reported["message"]
    await place.condition(
        "CalendarLinked", "False", "ProviderHostNotAllowed", kind="ServiceOffering", name="haarschnitt"
    )


async def test_a_branch_without_services_gets_the_default_one_until_a_person_writes_one(place):
    await place.secret()
    await place.create("Tenant")
    await place.create("Branch")
    await place.ready("Branch", "mitte")
    default = await place.ready("ServiceOffering", "mitte-standardberatung")
    assert default["status"]["staff"] == ["anna", "mehmet"]
    assert ("Normal", "DefaultServiceCreated") in await place.events()
    await place.create("ServiceOffering", spec={"calcom": {"eventTypes": []}})
    await place.gone("ServiceOffering", "mitte-standardberatung")
    branch = await place.get("Branch", "mitte")
    assert (branch["status"]["services"], branch["status"]["staff"]) == (1, 2)
    assert branch["status"]["phoneNumbers"] == [place.number]


async def test_services_that_are_applied_with_their_branch_prevent_the_default_one(place):
    await place.create("Branch")
    await place.create("ServiceOffering")
    await place.condition("ServicesReady", "False", "TenantNotFound", kind="Branch", name="mitte")
    assert await place.get("ServiceOffering", "mitte-standardberatung") is None
    default = f"{place.namespace}/serviceofferings/mitte-standardberatung"
    assert [path for _, path in place.operator.writes if path.endswith(default)] == []


async def test_a_persons_service_by_the_name_of_the_default_one_is_never_written_to(place):
    await place.secret()
    await place.create("Tenant")
    written = await place.create("ServiceOffering", "mitte-standardberatung", spec={"branchRef": {"name": "nord"}})
    await place.create("Branch", "nord")
    await place.create("Branch", spec={"phoneNumbers": []})
    reported = await place.condition("ServicesReady", "False", "OwnershipConflict", kind="Branch", name="mitte")
    assert "create a service" in reported["message"]
    live = await place.get("ServiceOffering", "mitte-standardberatung")
    assert live["spec"] == written["spec"]


async def test_a_capacity_that_reduces_a_neighbours_is_reported_by_the_neighbour_at_once_and_so_is_its_return(place):
    """Else its status would be out of date for ten minutes."""
    await place.secret()
    await place.create("Tenant")
    await place.create("Branch")
    for name, capacity in (("a-kurs", 1), ("b-yoga", 4)):
        await place.create("ServiceOffering", name, spec={"capacity": capacity, "calcom": {"eventTypes": []}})
        await place.condition("StaffMatched", "True", kind="ServiceOffering", name=name)
    await place.client.merge(place.path("ServiceOffering", "a-kurs"), {"spec": {"capacity": 5}})
    reported = await place.condition(
        "StaffMatched", "False", "CapacityUnsupported", kind="ServiceOffering", name="b-yoga"
    )
    assert "2 at once instead of 4" in reported["message"]
    await place.client.merge(place.path("ServiceOffering", "a-kurs"), {"spec": {"capacity": 2}})
    await place.condition("StaffMatched", "True", kind="ServiceOffering", name="b-yoga")


async def test_a_service_whose_branch_is_deleted_says_so(place):
    await place.secret()
    await place.create("Tenant")
    await place.create("Branch")
    await place.create("ServiceOffering", spec={"calcom": {"eventTypes": []}})
    await place.condition("StaffMatched", "True", kind="ServiceOffering", name="haarschnitt")
    await place.client.delete(place.path("Branch", "mitte"))
    await place.condition("StaffMatched", "False", "BranchNotFound", kind="ServiceOffering", name="haarschnitt")


async def test_a_misspelt_state_is_shown_with_its_right_spelling_and_the_branch_is_served(place):
    await place.secret()
    await place.create("Tenant")
    await place.create("Branch", spec={"holidays": {"country": "DE", "subdivision": "NRW"}})
    shown = await place.condition("HolidaysValid", "False", "HolidaysUnknown", kind="Branch", name="mitte")
    assert "NRW is no subdivision of DE; write NW" in shown["message"]
    await place.condition("ServicesReady", "True", kind="Branch", name="mitte")
    await place.ready()


async def test_retained_rows_wait_for_their_adoption_and_no_tenant_of_the_same_name_erases_them(
    place, module_database: Database
):
    """No accident erases a salon's appointments, and nobody else inherits them."""
    await place.secret()
    await place.create("Branch")
    first = (await place.create("Tenant"))["metadata"]["uid"]
    await place.ready()
    tenant = f"{place.namespace}.salon-mueller"
    await place.client.delete(place.path("Tenant"))
    await place.gone("Tenant")

    await place.create("Tenant", spec={"dataPolicy": "Erase"})
    refused = await place.condition("DatabaseReady", "False", "DataOwnedByOther")
    assert "askproai.de/adopt-data: <its UID>" in refused["message"]
    assert first not in json.dumps(await place.get("Tenant")), "who knows the UID gets the rows"
    await place.client.delete(place.path("Tenant"))
    await place.gone("Tenant")
    assert len(await rows(module_database, "SELECT 1 FROM resources WHERE tenant = $1", tenant)) == 2

    await place.create("Tenant", annotations={"askproai.de/adopt-data": "11111111-2222-3333-4444-555555555555"})
    await place.condition("DatabaseReady", "False", "DataOwnedByOther")
    await place.client.delete(place.path("Tenant"))
    await place.gone("Tenant")

    await place.create("Tenant", spec={"dataPolicy": "Erase"}, annotations={"askproai.de/adopt-data": first})
    await place.ready()
    await eventually(lambda: has_event(place, ("Normal", "DataAdopted")), SOON, "the event")
    audited = await rows(module_database, "SELECT action FROM audit_log WHERE tenant = $1", tenant)
    assert [row["action"] for row in audited] == ["data_adopted"]
    await place.client.delete(place.path("Tenant"))
    await place.gone("Tenant")
    assert await rows(module_database, "SELECT 1 FROM resources WHERE tenant = $1", tenant) == []
    role = place.operator.world.database.role_name(tenant)
    assert await rows(module_database, "SELECT 1 FROM pg_roles WHERE rolname = $1", role) == []


async def test_a_deleted_tenant_waits_for_its_agents_also_after_a_restart(place):
    """After a restart the cache does not know the deleted Branch any more, but the agent's status names the Tenant."""
    await place.secret()
    await place.create("Tenant")
    await place.create("Branch")
    await place.ready()
    paused = {"askproai.de/paused": "true"}
    await place.create("RetellAgent", annotations=paused, finalizers=["example.com/hold"])
    agents = place.path("RetellAgent", "mitte")
    await eventually(lambda: place.operator.world.relations.agent(place.namespace, "mitte"), SOON, "the agent")
    await place.client.merge(f"{agents}/status", {"status": {"tenant": "salon-mueller"}})
    await place.client.delete(place.path("Branch", "mitte"))
    await eventually(lambda: place.operator.world.relations.branch(place.namespace, "mitte") is None, SOON, "its end")
    await eventually(
        lambda: place.operator.world.relations.agent(place.namespace, "mitte").status.get("tenant"),
        timedelta(seconds=5),
        "the status",
    )
    place.operator.world.relations._tenant_of_branch.clear()  # a new process
    await place.client.delete(place.path("Tenant"))
    reported = await place.condition("CredentialsValid", "False", "Deleting")
    assert "waits until the RetellAgents mitte are gone" in reported["message"]
    assert place.hooks()
    await place.client.delete(agents)
    await place.client.merge(agents, {"metadata": {"finalizers": None}})
    await place.gone("Tenant")
    assert place.hooks() == []


async def test_orphan_leaves_the_webhook_and_says_so(place):
    await place.secret()
    await place.create("Tenant", spec={"deletionPolicy": "Orphan"})
    await place.ready()
    await place.client.delete(place.path("Tenant"))
    await place.gone("Tenant")
    assert len(place.hooks()) == 1
    await eventually(lambda: has_event(place, ("Normal", "Orphaned")), SOON, "the event")


async def has_event(place: Any, event: tuple[str, str]) -> bool:
    return event in await place.events()


async def test_the_deletion_of_a_namespace_completes_and_removes_the_webhook(place):
    """The user's Secret and ours are deleted at once; the credentials are kept in T-teardown."""
    await place.secret()
    await place.create("Branch")
    await place.create("Tenant")
    await place.ready()
    assert place.hooks()
    await place.client.delete(f"/api/v1/namespaces/{place.namespace}")
    for kind, name in (("Tenant", "salon-mueller"), ("Secret", "salon-mueller-teardown")):
        await place.gone(
            kind, name
        )  # nothing of ours holds up the namespace; its own controller looks again every few seconds
    assert place.hooks() == []
    everywhere = await place.operator.world.kube.list(resources.EVENTS, "default")
    assert [event["message"] for event in everywhere if f" {place.namespace}/" in event["message"]] == [], (
        "nobody is warned"
    )


async def test_what_cannot_be_removed_is_given_up_after_the_budget_and_the_rest_is_done(
    place, module_database: Database
):
    """A provider's outage holds up a deletion for ten minutes at most, and the database's part of it not at all."""
    await place.secret()
    await place.create("Tenant")
    await place.ready()
    place.operator.fault(place.operator.calcom, "list-webhooks", "error-before-commit", 999)
    await place.client.delete(place.path("Tenant"))
    await place.gone("Tenant")
    place.operator.calcom.faults.clear()
    await eventually(lambda: has_event(place, ("Warning", "LeftOver")), SOON, "the event")
    role = place.operator.world.database.role_name(f"{place.namespace}.salon-mueller")
    assert await rows(module_database, "SELECT 1 FROM pg_roles WHERE rolname = $1", role) == []


async def test_the_webhook_of_a_tenant_that_moves_is_replaced(place):
    await place.secret()
    await place.create("Tenant")
    before = (await place.ready())["status"]["webhookUrls"]["calcom"]
    await place.client.merge(place.path("Tenant"), {"spec": {"exposure": {"host": "salon.example"}}})
    await eventually(lambda: place.hooks() == ["https://salon.example/webhooks/calcom/inst-1"], SOON, "the move")
    assert before not in place.hooks()


async def test_suspending_stops_the_pods_and_resuming_starts_them_again(place):
    async def replicas(expected: int) -> bool:
        live = await place.get("Deployment", "salon-mueller-web")
        return live is not None and live["spec"]["replicas"] == expected

    await place.secret()
    await place.create("Tenant", spec={"suspend": False})
    await eventually(lambda: replicas(2), SOON, "two replicas")
    reported = await place.condition("RuntimeAvailable", "False", "Progressing")
    assert "kubectl describe pods" in reported["message"]
    await place.client.merge(place.path("Tenant"), {"spec": {"suspend": True}})
    await eventually(lambda: replicas(0), SOON, "no replicas")
    assert (await place.ready())["status"]["replicas"] == 0
    assert len(place.hooks()) == 1


async def test_a_database_that_does_not_answer_is_reported_and_its_return_is_enough(place, postgres):
    """Also right after a restart of the operator, when it has never reached the database."""
    world = place.operator.world
    unreachable = AdminStore("postgresql://admin:geheim@127.0.0.1:9/none")
    real = world.database
    object.__setattr__(world, "database", unreachable)
    try:
        await place.secret()
        await place.create("Tenant")
        condition = await place.condition("DatabaseReady", "False", "DatabaseUnavailable")
    finally:
        object.__setattr__(world, "database", real)
        await unreachable.close()
    assert "geheim" not in condition["message"]
    assert "127.0.0.1" not in condition["message"]
    await place.ready()


@pytest.fixture(autouse=True)
def no_faults_left(operator):
    yield
    operator.retell.faults.clear()
    operator.calcom.faults.clear()
