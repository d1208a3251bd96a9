"""A suspended Tenant: no pods run, so its callers hear a sentence instead of an agent whose functions fail."""

import pytest

from askproai_operator import resources
from tests.worlds.agent_environment import (
    INBOUND_URL,
    MARKER,
    NUMBER,
    WITH_TRANSFER,
    AgentEnvironment,
    open_agent_environment,
    tenant,
)

pytestmark = pytest.mark.nightly


def set_tenant(
    env: AgentEnvironment, *, suspend: bool, available: bool = True, reason: str = "AsDeclared", urls: bool = True
) -> None:
    """Change the Tenant, with the condition RuntimeAvailable that its controller reports, and with or without URLs."""
    raw = tenant()
    raw["metadata"]["generation"] += 1
    raw["spec"]["suspend"] = suspend
    raw["status"]["conditions"][1] |= {"status": "True" if available else "False", "reason": reason}
    if not urls:
        del raw["status"]["webhookUrls"]
    env.put(resources.TENANTS, raw)


@pytest.mark.parametrize("transfer", [True, False])
async def test_suspended_tenants_callers_hear_closure_without_functions(transfer):
    async with open_agent_environment(**(WITH_TRANSFER if transfer else {})) as env:
        await env.settle()
        set_tenant(env, suspend=True, reason="Suspended")
        await env.settle()
        env.assert_one_of_each()
        record = await env.call()
        heard = next(step.text for step in record.steps if step.kind == "heard")
        assert heard.startswith("Salon Müller, guten Tag! Sie sprechen mit einem KI-Assistenten.")
        assert "Termine kann ich zurzeit leider nicht annehmen" in heard
        assert ("verbinden" in heard) == transfer
        assert ("versuchen Sie es später" in heard) == (not transfer)
        assert [step for step in record.steps if step.kind == "tool" and step.url] == [], "none was sent"
        names = [tool["name"] for tool in env.answering_llm["general_tools"]]
        assert names == (["transfer_to_human", "end_call"] if transfer else ["end_call"])
        synced = env.condition("Synced")
        assert (synced["status"], synced["reason"]) == ("True", "Suspended")


async def test_resuming_restores_the_declared_agent_once_pods_serve(env):
    declared = env.answering_llm
    set_tenant(env, suspend=True, reason="Suspended")
    await env.settle()
    # The Tenant's status lags behind its spec.
    for available, reason in ((True, "Suspended"), (False, "Progressing")):
        set_tenant(env, suspend=False, available=available, reason=reason)
        await env.settle()
        assert env.condition("Synced")["reason"] == "Suspended"
    set_tenant(env, suspend=False)
    await env.settle()
    env.assert_one_of_each()
    fields = ("general_prompt", "begin_message", "general_tools")
    assert {name: env.answering_llm[name] for name in fields} == {name: declared[name] for name in fields}
    assert env.condition("Synced")["reason"] == "AsDeclared"
    set_tenant(env, suspend=False, available=False)
    await env.settle_quietly()  # pods that are late for another reason change nothing


async def test_callers_of_initially_suspended_tenant_hear_the_closure(new_env):
    set_tenant(new_env, suspend=True, reason="Suspended", urls=False)
    await new_env.settle()
    record = await new_env.call()
    heard = next(step.text for step in record.steps if step.kind == "heard")
    assert "Termine kann ich zurzeit leider nicht annehmen" in heard
    assert [tool["name"] for tool in new_env.answering_llm["general_tools"]] == ["end_call"]
    set_tenant(new_env, suspend=False, urls=False)
    at = len(new_env.retell_requests)
    await new_env.settle()
    assert new_env.condition("Synced")["reason"] == "TenantNotReady", "its URL was not tested yet"
    assert new_env.retell_writes(at) == [], "callers hear the sentence until then"
    set_tenant(new_env, suspend=False)
    await new_env.settle()
    assert new_env.condition("Synced")["reason"] == "AsDeclared"
    assert all(tool.get("url") for tool in new_env.answering_llm["general_tools"][:-1])


async def test_suspended_agent_is_written_once_and_drift_repaired(env):
    set_tenant(env, suspend=True, reason="Suspended")
    await env.settle()
    await env.settle_quietly()
    await env.publish_by_hand(voice_id="11labs-Adrian")
    await env.settle()
    env.assert_one_of_each()
    assert [event.reason for result in env.results for event in result.events] == ["DriftRepaired"]
    assert env.condition("Drifted")["reason"] == "NoDrift"


async def test_suspension_removes_the_inbound_webhook_until_resumption(env):
    env.edit(callerRecognition=True)
    await env.settle()
    assert env.workspace["numbers"][NUMBER]["inbound_webhook_url"] == INBOUND_URL
    set_tenant(env, suspend=True, reason="Suspended")
    await env.settle()
    assert env.workspace["numbers"][NUMBER].get("inbound_webhook_url") is None
    set_tenant(env, suspend=False)
    await env.settle()
    assert env.workspace["numbers"][NUMBER]["inbound_webhook_url"] == INBOUND_URL


async def test_resumed_agent_keeps_closure_until_pods_serve(env):
    set_tenant(env, suspend=True, reason="Suspended")
    await env.settle()
    suspended = env.answering_llm
    set_tenant(env, suspend=False, available=False, reason="Progressing")
    await env.inject_fault("get-agent", "error-before-commit", count=9)
    await env.reconcile()
    assert env.condition("Synced")["reason"] not in {"Suspended", "AsDeclared"}
    await env.settle()
    assert env.answering_llm["general_tools"] == suspended["general_tools"], "no pod could answer a function"
    set_tenant(env, suspend=False)
    await env.settle()
    assert env.answering_llm["general_tools"] != suspended["general_tools"]
    assert "suspended" not in env.status


async def test_suspended_agents_duplicates_are_searched_until_gone(env):
    set_tenant(env, suspend=True, reason="Suspended")
    await env.settle()
    await env.create_draft(f"Alt · {MARKER}", default_dynamic_variables={"askproai_owner": MARKER})
    env.edit(displayName="Empfang")  # a change by a person searches once
    await env.reconcile()
    synced = env.condition("Synced")
    assert synced["reason"] == "DuplicateFound"
    assert "the Tenant is suspended" in synced["message"]
    await env.settle()
    env.assert_one_of_each()
    assert env.condition("Synced")["reason"] == "Suspended"
