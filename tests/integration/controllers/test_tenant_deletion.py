"""The end of a Tenant, and the parts that a namesake gets; with a real API server, PostgreSQL, and the providers' simulators."""

import json

import pytest
from prometheus_client import generate_latest

from askproai_operator import resources
from tests.worlds.tenant_reconciles import rows
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.usefixtures("clear_faults")


async def test_retained_rows_stay_hidden_from_a_recreated_tenant(namespace, module_database):
    """No accident erases a salon's appointments, and nobody else inherits them."""
    await namespace.create_salon("Branch")
    first = (await namespace.create("Tenant"))["metadata"]["uid"]
    await namespace.wait_until_ready()
    tenant = namespace.tenant
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant")

    await namespace.write_strangers_secret()
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
    await namespace.wait_for_event("Normal", "DataAdopted")
    audited = await rows(module_database, "SELECT action FROM audit_log WHERE tenant = $1", tenant)
    assert [row["action"] for row in audited] == ["data_adopted"]
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant")
    assert await rows(module_database, "SELECT 1 FROM resources WHERE tenant = $1", tenant) == []
    role = namespace.operator.context.database.role_name(tenant)
    assert await rows(module_database, "SELECT 1 FROM pg_roles WHERE rolname = $1", role) == []


@pytest.mark.nightly
async def test_tenant_that_left_and_returned_has_its_rows(namespace, module_database):
    """A commit removes the manifests from git and is reverted: nobody has to know a UID."""
    await namespace.open_salon("Branch", "Tenant")
    tenant = namespace.tenant
    query = "SELECT id FROM resources WHERE tenant = $1 ORDER BY id"
    before = await rows(module_database, query, tenant)
    await namespace.recreate()
    await namespace.open_salon("Branch", "Tenant")
    await namespace.wait_for_event("Normal", "DataAdopted")
    assert before == await rows(module_database, query, tenant) != []
    audited = await rows(module_database, "SELECT action FROM audit_log WHERE tenant = $1", tenant)
    assert [row["action"] for row in audited] == ["data_adopted"]


@pytest.mark.nightly
async def test_recreated_tenant_cannot_read_the_former_uid(namespace, module_database):
    """A customer leaves, and somebody else gets the name of the namespace: the UID would open the rows to them."""
    await namespace.create_salon("Branch")
    former = (await namespace.create("Tenant"))["metadata"]["uid"]
    await namespace.wait_until_ready()
    await namespace.recreate()
    await namespace.write_strangers_secret()
    await namespace.create("Branch")
    await namespace.create("Tenant")
    await namespace.wait_for_condition("DatabaseReady", "False", "DataOwnedByOther")
    await namespace.wait_for_event("Warning", "DataOwnedByOther")
    kube = namespace.operator.context.kube
    kinds = (*resources.CUSTOM, *resources.CHILDREN, resources.PODS, resources.EVENTS)
    readable = [found for ref in kinds for found in await kube.list(ref, namespace.name)]
    assert {"Tenant", "Secret", "Event"} <= {found["kind"] for found in readable}
    values = [await namespace.secret_data(f"salon-mueller-{suffix}") for suffix in ("runtime", "admin", "teardown")]
    at_providers = [namespace.operator.retell.dump(), namespace.operator.calcom.dump()]
    metrics = generate_latest(namespace.operator.queue._metrics.registry)
    assert former not in str((readable, values, at_providers, metrics))
    role = namespace.operator.context.database.role_name(namespace.tenant)
    logins = await rows(module_database, "SELECT 1 FROM pg_roles WHERE rolname = $1", role)
    assert logins == [], "no login, so no row of the database either"


async def test_deleted_tenant_waits_for_its_agents_across_restarts(namespace):
    """After a restart the cache does not know the deleted Branch any more, but the agent's status names the Tenant."""
    await namespace.open_salon("Tenant", "Branch")
    paused = {"askproai.de/paused": "true"}
    await namespace.create("RetellAgent", annotations=paused, finalizers=["example.com/hold"])
    agents = namespace.path("RetellAgent", "mitte")
    await eventually(lambda: namespace.operator.context.relations.agent(namespace.name, "mitte"), SOON, "the agent")
    await namespace.client.merge(f"{agents}/status", {"status": {"tenant": "salon-mueller"}})
    await namespace.client.delete(namespace.path("Branch", "mitte"))
    relations = namespace.operator.context.relations
    await eventually(lambda: relations.branch(namespace.name, "mitte") is None, SOON, "its end")
    await eventually(lambda: relations.agent(namespace.name, "mitte").status.get("tenant"), SOON, "the status")
    namespace.operator.context.relations._tenant_of_branch.clear()  # a new process
    await namespace.client.delete(namespace.path("Tenant"))
    reported = await namespace.wait_for_condition("CredentialsValid", "False", "Deleting")
    assert "waits until the RetellAgents mitte are gone" in reported["message"]
    assert namespace.calcom_webhooks()
    await namespace.client.delete(agents)
    await namespace.client.merge(agents, {"metadata": {"finalizers": None}})
    await namespace.wait_until_gone("Tenant")
    assert namespace.calcom_webhooks() == []


async def test_orphan_policy_leaves_the_webhook_and_reports_it(namespace):
    await namespace.open_salon(spec={"deletionPolicy": "Orphan"})
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant")
    assert len(namespace.calcom_webhooks()) == 1
    await namespace.wait_for_event("Normal", "Orphaned")


async def test_namespace_deletion_completes_and_removes_the_webhook(namespace):
    """The user's Secret and ours are deleted at once; the credentials are kept in Secret `<tenant>-teardown`."""
    await namespace.open_salon("Branch", "Tenant")
    assert namespace.calcom_webhooks()
    await namespace.client.delete(f"/api/v1/namespaces/{namespace.name}")
    for kind, name in (("Tenant", "salon-mueller"), ("Secret", "salon-mueller-teardown")):
        # Nothing of ours holds up the namespace; its own controller looks again every few seconds.
        await namespace.wait_until_gone(kind, name)
    assert namespace.calcom_webhooks() == []
    everywhere = await namespace.operator.context.kube.list(resources.EVENTS, "default")
    assert not [event for event in everywhere if f" {namespace.name}/" in event["message"]], "nobody is warned"


async def test_unremovable_object_is_given_up_after_budget(namespace, module_database):
    """A provider's outage holds up a deletion for ten minutes at most, and the database's part of it not at all."""
    await namespace.open_salon()
    namespace.operator.inject_fault(namespace.operator.calcom, "list-webhooks", "error-before-commit", 999)
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant")
    namespace.operator.end_faults()
    await namespace.wait_for_event("Warning", "LeftOver")
    role = namespace.operator.context.database.role_name(namespace.tenant)
    assert await rows(module_database, "SELECT 1 FROM pg_roles WHERE rolname = $1", role) == []
