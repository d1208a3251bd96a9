"""An agent in plan mode shows the planned changes at Retell. While its Tenant is held, too, callers hear what the pods know."""

from typing import Any

import pytest

from askproai_operator import resources
from tests.worlds.agent_environment import NUMBER, AgentEnvironment, branch, tenant

pytestmark = pytest.mark.nightly

PAUSED, PLANNED = {"askproai.de/paused": "true"}, {"askproai.de/plan": "true"}


def put(env: AgentEnvironment, ref: resources.ApiResource, raw: dict[str, Any], annotations: dict[str, str]) -> None:
    raw["metadata"] |= {"annotations": annotations}
    env.put(ref, raw)


def edit(env: AgentEnvironment) -> None:
    """Edit the Branch, whose staff the prompt names, and the functions of the agent, which the pods do not know yet."""
    changed = branch([NUMBER])
    changed["metadata"]["generation"] += 1
    changed["spec"]["staff"] = [{"id": "zoe", "displayName": "Zoe Neu"}]
    env.put(resources.BRANCHES, changed)
    env.edit(functions=["CheckAvailability"])


async def test_paused_tenant_keeps_its_published_agent(env):
    before = env.answering_llm
    put(env, resources.TENANTS, tenant(), PAUSED)
    edit(env)
    await env.settle_quietly()
    assert env.answering_llm == before
    synced = env.condition("Synced")
    assert (synced["status"], synced["reason"]) == ("False", "Pending")
    assert synced["message"].endswith("remove the annotation askproai.de/paused from Tenant salon")
    assert any("change the LLM" in line for line in env.status["plan"])

    put(env, resources.TENANTS, tenant(), {})
    await env.settle()
    assert env.answering_llm["general_tools"] != before["general_tools"]
    assert env.condition("Synced")["reason"] == "AsDeclared"


async def test_agent_waits_while_any_branch_has_plan_annotation(env):
    other = branch([])
    other["metadata"] |= {"name": "west", "uid": "uid-west"}
    put(env, resources.BRANCHES, other, PLANNED)
    edit(env)
    await env.settle_quietly()
    assert env.condition("Synced")["message"].endswith("remove the annotation askproai.de/plan from Branch west")
    put(env, resources.BRANCHES, other, {})
    await env.settle()
    assert env.condition("Synced")["reason"] == "AsDeclared"


@pytest.mark.parametrize("edited", [False, True])
async def test_paused_tenant_without_agent_edits_reports_no_fault(env, edited):
    put(env, resources.TENANTS, tenant(), PAUSED)
    if edited:
        env.edit(displayName="Empfang")
    await env.settle()
    synced = env.condition("Synced")
    assert (synced["status"], synced["reason"]) == (("False", "Pending") if edited else ("True", "PlanMode"))


async def test_plan_refused_by_retell_ends_with_plan_mode(new_env):
    new_env.edit(voiceId="nobody")
    new_env.annotate(**PLANNED)
    await new_env.settle()
    assert new_env.status["plan"]
    new_env.annotate()
    await new_env.reconcile()
    assert new_env.condition("Synced")["reason"] == "ProviderRefused"
    assert "plan" not in new_env.status


async def test_idle_agent_in_plan_mode_is_ready(env):
    env.annotate(**PLANNED)
    await env.settle()
    ready = env.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("True", "PlanMode")
    assert ready["message"] == "plan mode: nothing to do"


@pytest.mark.parametrize("ref", [resources.TENANTS, resources.BRANCHES], ids=lambda ref: ref.kind)
async def test_agent_plans_changes_of_its_tenant_or_branch(env, ref):
    at = len(env.retell_requests)
    if ref is resources.TENANTS:
        raw = tenant()
        raw["spec"]["privacy"] = {"retellRetentionDays": 30}
    else:
        raw = branch([])
        raw["status"]["phoneNumbers"] = [NUMBER]  # its controller waits, too
    put(env, ref, raw, PLANNED)
    await env.settle()
    assert env.retell_writes(at) == []
    assert env.status["plan"] != ["nothing to do"]
    synced = env.condition("Synced")
    assert synced["message"].endswith(
        f"remove the annotation askproai.de/plan from {ref.kind} {raw['metadata']['name']}"
    )
    put(env, ref, raw, {})
    await env.settle()
    assert env.retell_writes(at) != []
    assert "plan" not in env.status
