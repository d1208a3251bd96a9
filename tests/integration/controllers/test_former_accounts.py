"""Objects that a Tenant leaves, by a deletion during an outage or in a former account at a provider, are removed later."""

from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from askproai_core.providers import ProviderUnavailable
from askproai_operator import resources
from askproai_operator.orphans import LABEL
from askproai_operator.providers import list_calcom_webhook_ids
from tests.worlds.operator_environment import TenantNamespace
from tests.worlds.tenant_reconciles import rows
from tests.worlds.waiting import SOON, eventually, until

pytestmark = [pytest.mark.usefixtures("clear_faults"), pytest.mark.nightly]


def retried(namespace: TenantNamespace) -> Awaitable[list[dict[str, Any]]]:
    """Try the orphans again, and return the ledger. Neither their backoff nor the circuit that failures open is tested here."""
    namespace.operator.context.providers._states.clear()
    namespace.operator.retry_orphans()
    return namespace.orphans()


async def wait_until_tried(namespace: TenantNamespace, text: str) -> None:
    """Wait until the last try of an orphan ended with this text."""

    def is_said(entries: list[dict[str, Any]]) -> bool:
        return any(text in entry["metadata"]["annotations"]["askproai.de/last-error"] for entry in entries)

    await until(lambda: retried(namespace), is_said, f"an orphan of which is said: {text}")


async def emptied(namespace: TenantNamespace) -> None:
    await until(lambda: retried(namespace), lambda entries: entries == [], "the ledger to be empty")


def workspace(namespace: TenantNamespace) -> dict[str, Any]:
    return namespace.operator.retell.dump()["workspaces"].get(namespace.retell_key, {"agents": {}, "llms": {}})


async def create_all(namespace: TenantNamespace) -> None:
    await namespace.write_secret()
    for kind in ("Branch", "ServiceOffering", "Tenant"):
        await namespace.create(kind, spec={"calcom": {"eventTypes": []}} if kind == "ServiceOffering" else None)
    await namespace.wait_until_ready()
    await namespace.create("RetellAgent")
    await namespace.wait_for_condition("Synced", "True", kind="RetellAgent", name="mitte")
    assert namespace.calcom_webhooks()
    assert workspace(namespace)["agents"]


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
    """A deletion has only the key of its time; into the ledger's entry a person can put another."""
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
    """`Erase` is declared while the Secret is missing, so no reconcile forgets the key, and then the database is away."""
    await namespace.open_salon("Branch", "Tenant")
    tenant = namespace.tenant
    query = "SELECT id FROM resources WHERE tenant = $1"
    former = await rows(module_database, query, tenant)

    async def away(*_: object, **__: object) -> None:
        raise OSError("the server is away")

    # The latter would else erase the rows before the namesake asks for them.
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
    for name, secret in zip(names, secrets, strict=True):  # as before the collection, wherever it is by now
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


def agents(namespace: TenantNamespace, key: str) -> set[str]:
    return set(namespace.operator.retell.dump()["workspaces"].get(key, {"agents": {}})["agents"])


async def test_former_accounts_agents_and_webhook_are_removed(namespace, monkeypatch):
    monkeypatch.setattr("askproai_operator.controllers.agent_plan.plan.GRACE", timedelta(seconds=1))
    await create_all(namespace)
    former_retell, former_calcom = namespace.retell_key, namespace.calcom_key
    await namespace.write_secret(**{"retell-api-key": f"{former_retell}-b", "calcom-api-key": f"{former_calcom}-b"})

    def moved() -> bool:
        return bool(agents(namespace, f"{former_retell}-b") and namespace.calcom_webhooks(f"{former_calcom}-b"))

    await eventually(moved, SOON, "the agent in the second workspace")

    def are_empty(_: object) -> bool:
        return not agents(namespace, former_retell) and not namespace.calcom_webhooks(former_calcom)

    await until(lambda: retried(namespace), are_empty, "the former accounts to be empty")
    await emptied(namespace)
    assert moved(), "what the tenant uses now stays"
    # Written after the status.
    await namespace.wait_for_event("Warning", "LeftOver")


async def test_another_key_of_same_accounts_removes_nothing(namespace):
    await create_all(namespace)
    retell, calcom = namespace.operator.retell.workspaces, namespace.operator.calcom.accounts
    retell[f"{namespace.retell_key}-b"] = retell[namespace.retell_key]
    calcom[f"{namespace.calcom_key}-b"] = calcom[namespace.calcom_key]
    before = agents(namespace, namespace.retell_key), namespace.calcom_webhooks(namespace.calcom_key)
    await namespace.write_secret(
        **{"retell-api-key": f"{namespace.retell_key}-b", "calcom-api-key": f"{namespace.calcom_key}-b"}
    )
    await until(
        lambda: namespace.secret_data("salon-mueller-teardown"),
        lambda kept: kept["retell-api-key"] == f"{namespace.retell_key}-b",
        "the new key in T-teardown",
    )
    assert await namespace.orphans() == []
    assert (agents(namespace, namespace.retell_key), namespace.calcom_webhooks(namespace.calcom_key)) == before


async def test_tenant_returning_before_the_removal_keeps_its_agent(namespace):
    """It finds its agent by the marker again, so nothing may be removed with the key of the entry."""
    await create_all(namespace)
    (agent_id,) = agents(namespace, namespace.retell_key)
    await namespace.annotate("paused", kind="RetellAgent", of="mitte")
    await namespace.wait_for_condition("Paused", "True", kind="RetellAgent", name="mitte")
    await namespace.write_secret(**{"retell-api-key": f"{namespace.retell_key}-b"})

    await wait_until_tried(namespace, "waits until")
    await namespace.write_secret(**{"retell-api-key": namespace.retell_key})
    await wait_until_tried(namespace, "uses this account")
    assert agents(namespace, namespace.retell_key) == {agent_id}
    for entry in await namespace.orphans():  # it would be dropped in ten minutes
        await namespace.client.delete(resources.SECRETS.path("default", entry["metadata"]["name"]))


async def test_the_webhook_goes_when_the_calendar_becomes_local(namespace):
    await create_all(namespace)
    await namespace.edit({"calendar": {"provider": "Local", "calcom": None}})
    await until(
        lambda: retried(namespace),
        lambda _: not namespace.calcom_webhooks(namespace.calcom_key),
        "the webhook to be removed",
    )
    assert agents(namespace, namespace.retell_key)


async def test_former_accounts_webhook_is_removed_after_an_outage(namespace, monkeypatch):
    """A reconcile that failed half-way has made the one in the present account already."""
    await create_all(namespace)
    former, present = namespace.calcom_key, f"{namespace.calcom_key}-b"
    accounts = namespace.operator.calcom.accounts
    hooks = accounts[former].webhooks
    accounts[present] = replace(
        accounts[former], webhooks={f"{name}-b": replace(hook, uid=f"{name}-b") for name, hook in hooks.items()}
    )
    asked: list[object] = []

    async def list_ids(client, urls):
        asked.append(client)
        if len(asked) == 2:  # the present account comes first
            raise ProviderUnavailable("calcom", "list-webhooks", "HTTP 503")
        return await list_calcom_webhook_ids(client, urls)

    monkeypatch.setattr("askproai_operator.controllers.tenant.teardown.list_calcom_webhook_ids", list_ids)
    await namespace.write_secret(**{"calcom-api-key": present})
    await until(
        lambda: retried(namespace), lambda _: not namespace.calcom_webhooks(former), "the former account to be empty"
    )
    assert namespace.calcom_webhooks(present)
    await emptied(namespace)
