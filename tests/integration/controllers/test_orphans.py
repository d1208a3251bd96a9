"""If a provider is away for longer than a deletion waits, the namespace ends, and orphans are removed later."""

import asyncpg
import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from askproai_operator import resources
from askproai_operator.orphans import LABEL
from tests.worlds.orphan_ledger import create_all, emptied, wait_until_tried, workspace
from tests.worlds.tenant_reconciles import rows
from tests.worlds.waiting import SOON, eventually

pytestmark = [pytest.mark.usefixtures("clear_faults"), pytest.mark.nightly]


async def test_namespace_deleted_in_outage_leaves_no_lasting_orphan(namespace):
    await create_all(namespace)
    namespace.operator.inject_fault(namespace.operator.retell, "list-agents", "error-before-commit", 9999)
    namespace.operator.inject_fault(namespace.operator.calcom, "list-webhooks", "error-before-commit", 9999)
    await namespace.client.delete(f"/api/v1/namespaces/{namespace.name}")
    for kind, name in (("RetellAgent", "mitte"), ("Tenant", "salon-mueller"), ("Secret", "salon-mueller-teardown")):
        await namespace.wait_until_gone(kind, name)
    entries = await namespace.orphans()
    assert {entry["metadata"]["labels"][LABEL] for entry in entries} == {"agent", "webhook"}
    visible = str([entry["metadata"] for entry in entries])
    assert namespace.retell_key not in visible
    assert namespace.calcom_key not in visible
    assert workspace(namespace)["agents"]

    namespace.operator.end_faults()
    await emptied(namespace)
    assert (workspace(namespace)["agents"], workspace(namespace)["llms"]) == ({}, {})
    assert namespace.calcom_webhooks() == []


async def test_refused_orphan_key_delays_nothing_and_is_replaceable(namespace):
    """A deletion only has the key of its time. A person can replace the key in the ledger's entry."""
    await namespace.open_salon()
    webhooks = namespace.operator.calcom.dump()["accounts"][namespace.calcom_key]["webhooks"]
    assert webhooks
    await namespace.create("Branch")
    await namespace.create("RetellAgent", annotations={"askproai.de/paused": "true"}, finalizers=["example.com/hold"])
    await eventually(lambda: namespace.operator.context.relations.agent(namespace.name, "mitte"), SOON, "the agent")
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_for_condition("CredentialsValid", "False", "Deleting")  # from now on nothing is repaired
    bad = {"stringData": {"calcom-api-key": "wrong"}}
    await namespace.client.merge(namespace.path("Secret", "salon-mueller-teardown"), bad)
    await namespace.client.delete(namespace.path("RetellAgent", "mitte"))
    await namespace.client.merge(namespace.path("RetellAgent", "mitte"), {"metadata": {"finalizers": None}})
    await namespace.wait_until_gone("Tenant")
    (entry,) = await namespace.orphans()
    path = resources.SECRETS.path("default", entry["metadata"]["name"])
    await namespace.client.merge(path, {"stringData": {"calcom-api-key": namespace.calcom_key}})
    await emptied(namespace)
    assert namespace.calcom_webhooks() == []


async def test_former_tenants_removal_spares_recreated_tenants_webhook(namespace):
    await namespace.open_salon()
    namespace.operator.inject_fault(namespace.operator.calcom, "list-webhooks", "error-before-commit", 9999)
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant")
    await namespace.create("Tenant", spec={"calendar": {"provider": "Local", "calcom": None}})
    namespace.operator.end_faults()

    await wait_until_tried(namespace, "again")
    assert len(namespace.calcom_webhooks()) == 1
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant")
    await emptied(namespace)
    assert namespace.calcom_webhooks() == []


async def test_former_passwords_end_despite_outage_and_recreated_tenant(namespace, monkeypatch):
    await namespace.open_salon()
    former = await namespace.secret_data("salon-mueller-runtime")
    await (await asyncpg.connect(former["DATABASE_URL"])).close()

    async def away(*_: object, **__: object) -> None:
        raise OSError("the server is away")

    for store in (namespace.operator.context.database, namespace.operator.context.redis):
        monkeypatch.setattr(store, "drop_tenant", away)
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant")
    entries = await namespace.orphans()
    assert {entry["metadata"]["labels"][LABEL] for entry in entries} == {"cache", "database"}
    await namespace.write_strangers_secret()
    await namespace.create("Tenant")
    await namespace.wait_for_condition("DatabaseReady", "False", "DataOwnedByOther")
    monkeypatch.undo()
    await emptied(namespace)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(former["DATABASE_URL"])
    async with Redis.from_url(former["REDIS_URL"]) as client:
        with pytest.raises(AuthenticationError):
            await client.ping()


async def test_rows_due_for_erasure_end_despite_recreated_tenant(namespace, monkeypatch, module_database):
    """`Erase` is declared while the Secret is missing, so no reconcile forgets the key. Then the database is away."""
    await namespace.open_salon("Branch", "Tenant")
    tenant = namespace.tenant
    query = "SELECT id FROM resources WHERE tenant = $1"
    former = await rows(module_database, query, tenant)

    async def away(*_: object, **__: object) -> None:
        raise OSError("the server is away")

    # Otherwise `drop_former_tenant` would erase the rows before the namesake asks for them.
    for attempt in ("drop_tenant", "drop_former_tenant"):
        monkeypatch.setattr(namespace.operator.context.database, attempt, away)
    spec = {"dataPolicy": "Erase", "retell": {"apiKeySecretRef": {"name": "not-there"}}}
    await namespace.edit(spec)
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant")
    await namespace.create("Tenant")
    await namespace.wait_for_condition("DatabaseReady", "False", "DataOwnedByOther")
    monkeypatch.undo()
    await emptied(namespace)
    await namespace.client.merge(namespace.path("Tenant"), {"metadata": {"annotations": {"example.com/again": "now"}}})
    await namespace.wait_until_ready()
    present = await rows(module_database, query, tenant)
    assert present
    assert not {row["id"] for row in former} & {row["id"] for row in present}


async def test_recreated_tenant_inherits_no_password_of_the_former(namespace):
    """The garbage collector may not have removed the former one's Secrets yet."""
    await namespace.open_salon()
    names = ("salon-mueller-runtime", "salon-mueller-admin", "salon-mueller-reader")
    former = [await namespace.secret_data(name) for name in names]
    secrets = [await namespace.get("Secret", name) for name in names]
    uid = (await namespace.get("Tenant"))["metadata"]["uid"]
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant")
    for name, secret in zip(names, secrets, strict=True):  # as before the garbage collection, however far it is
        if await namespace.get("Secret", name) is None:
            fields = {"name": name, "labels": secret["metadata"]["labels"]}
            owners = {"ownerReferences": secret["metadata"]["ownerReferences"]}
            await namespace.client.create(
                resources.SECRETS.path(namespace.name),
                {"apiVersion": "v1", "kind": "Secret", "metadata": fields | owners, "data": secret["data"]},
            )
    await namespace.create("Tenant", annotations={"askproai.de/adopt-data": uid})
    await namespace.wait_until_ready()
    present = [await namespace.secret_data(name) for name in names]
    assert present[0]["DATABASE_URL"] != former[0]["DATABASE_URL"]
    assert present[0]["REDIS_URL"] != former[0]["REDIS_URL"]
    assert [present[n]["token"] == former[n]["token"] for n in (1, 2)] == [False, False]
    await (await asyncpg.connect(present[0]["DATABASE_URL"])).close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(former[0]["DATABASE_URL"])
