"""A Tenant that moves to another Retell workspace and Cal.com account leaves nothing in the former ones that answers calls."""

from dataclasses import replace
from datetime import timedelta

import pytest

from askproai_core.providers import ProviderUnavailable
from askproai_operator import resources
from askproai_operator.providers import list_calcom_webhook_ids
from tests.worlds.operator_environment import TenantNamespace
from tests.worlds.orphan_ledger import create_all, emptied, retried, wait_until_tried
from tests.worlds.waiting import SOON, eventually, until

pytestmark = [pytest.mark.usefixtures("clear_faults"), pytest.mark.nightly]


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
    keys = {"retell-api-key": f"{namespace.retell_key}-b", "calcom-api-key": f"{namespace.calcom_key}-b"}
    await namespace.write_secret(**keys)
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
    key = namespace.calcom_key
    await until(lambda: retried(namespace), lambda _: not namespace.calcom_webhooks(key), "the webhook to be removed")
    assert agents(namespace, namespace.retell_key)


async def test_former_accounts_webhook_is_removed_after_an_outage(namespace, monkeypatch):
    """The failed reconcile has already created the webhook in the present account."""
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
