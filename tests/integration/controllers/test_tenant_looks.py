"""The operator's requests to Retell and Cal.com about a Tenant, and their intervals; a real API server."""

from collections import Counter
from dataclasses import replace
from importlib import import_module

import pytest

from askproai_operator.api import Key
from tests.worlds.operator_environment import TenantNamespace
from tests.worlds.unscheduled_pods import RUNS
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly


def asked(namespace: TenantNamespace) -> Counter[str]:
    operator = namespace.operator
    ends = (namespace.retell_key[-4:], namespace.calcom_key[-4:])
    entries = (*operator.retell.journal.entries, *operator.calcom.journal.entries)
    return Counter(entry["operation"] for entry in entries if entry["key"] in ends)


def delete_webhooks(namespace: TenantNamespace) -> None:
    """Delete the webhooks as a person does in Cal.com's dashboard."""
    namespace.operator.calcom.accounts[namespace.calcom_key].webhooks.clear()


async def open_salon(namespace: TenantNamespace) -> Key:
    await namespace.create_salon("Branch", "Tenant", spec=RUNS)
    await namespace.wait_for_condition("WebhooksRegistered", "True")
    key = namespace.key
    await namespace.operator.reconcile_again(key)
    return key


async def test_resync_sends_the_providers_no_request(namespace):
    key = await open_salon(namespace)
    before = asked(namespace)
    assert before["list-agents"] == 1, "a new key is tried once"
    for _ in range(3):
        await namespace.operator.reconcile_again(key)
    assert asked(namespace) == before


async def test_deleted_webhook_is_registered_again_when_due(namespace):
    key = await open_salon(namespace)
    delete_webhooks(namespace)
    await namespace.operator.reconcile_again(key)
    assert namespace.calcom_webhooks() == []
    looks = namespace.operator.context.memory.looks
    for name, look in looks._by_owner[key].items():
        if look.due != float("inf"):
            looks.keep(key, name, replace(look, due=0.0))  # as after the interval
    await namespace.operator.reconcile_again(key)
    assert len(namespace.calcom_webhooks()) == 1


async def test_webhook_registers_the_trigger_for_reassigned_hosts(namespace):
    await open_salon(namespace)
    (webhook,) = namespace.operator.calcom.dump()["accounts"][namespace.calcom_key]["webhooks"]
    assert {"BOOKING_CREATED", "BOOKING_REASSIGNED", "OOO_CREATED"} <= set(webhook["triggers"])


async def test_server_that_refuses_a_newer_trigger_is_named(namespace, monkeypatch):
    """Also by later runs, which do not ask the server."""
    module = import_module("askproai_operator.controllers.tenant.calcom_webhook")
    monkeypatch.setattr(module, "NEWER_CALCOM_TRIGGERS", ("NOT_KNOWN_THERE",))
    key = await open_salon(namespace)
    for _ in range(2):
        condition = await namespace.wait_for_condition("WebhooksRegistered", "True")
        assert "refuses the trigger NOT_KNOWN_THERE" in condition["message"]
        await namespace.operator.reconcile_again(key)


async def test_human_request_registers_a_deleted_webhook_now(namespace):
    await open_salon(namespace)
    delete_webhooks(namespace)
    await namespace.annotate("reconcile-at", "1")
    await eventually(lambda: len(namespace.calcom_webhooks()) == 1, SOON, "the webhook")


async def test_key_refused_to_an_agent_is_retried(namespace):
    """Only the agents use the key at intervals."""
    await open_salon(namespace)
    tried = asked(namespace)["list-agents"]
    agent = (await namespace.create("RetellAgent"))["metadata"]["name"]
    condition = {"type": "Synced", "status": "False", "reason": "CredentialsInvalid", "message": "no"}
    condition["lastTransitionTime"] = "2026-11-20T09:00:00Z"
    path = f"{namespace.path('RetellAgent', agent)}/status"
    await namespace.client.merge(path, {"status": {"conditions": [condition]}})
    await eventually(lambda: asked(namespace)["list-agents"] > tried, SOON, "a test of the key")
