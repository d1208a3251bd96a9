"""With the annotation askproai.de/plan an agent shows what would be done at Retell, and nothing is written there."""

import pytest

from askproai_operator import resources
from tests.worlds.agent_environment import NUMBER, branch, open_agent_environment, tenant

pytestmark = pytest.mark.nightly


async def test_plan_mode_writes_the_plan_and_nothing_else(new_env):
    new_env.annotate(**{"askproai.de/plan": "true"})
    await new_env.settle()
    assert new_env.retell_writes() == []
    assert new_env.status["plan"] == [
        "create an LLM",
        "create an agent",
        "publish that version",
        f"bind {NUMBER} to the published version",
    ]
    new_env.annotate()
    await new_env.settle()
    new_env.assert_one_of_each()
    assert "plan" not in new_env.status


async def test_plan_refused_by_retell_ends_with_plan_mode():
    async with open_agent_environment(voiceId="nobody") as env:
        env.annotate(**{"askproai.de/plan": "true"})
        await env.settle()
        assert env.status["plan"]
        env.annotate()
        await env.reconcile()
        assert env.condition("Synced")["reason"] == "ProviderRefused"
        assert "plan" not in env.status


async def test_idle_agent_in_plan_mode_is_ready(env):
    env.annotate(**{"askproai.de/plan": "true"})
    await env.settle()
    ready = env.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("True", "PlanMode")
    assert ready["message"] == "plan mode: nothing to do"


@pytest.mark.parametrize("ref", [resources.TENANTS, resources.BRANCHES], ids=lambda ref: ref.kind)
async def test_agent_plans_changes_of_its_tenant_or_branch(env, ref):
    at = len(env.retell_requests)
    annotations = {"askproai.de/plan": "true"}
    if ref is resources.TENANTS:
        raw = tenant()
        raw["spec"]["privacy"] = {"retellRetentionDays": 30}
    else:
        raw = branch([])
        raw["status"]["phoneNumbers"] = [NUMBER]  # its controller waits, too
    raw["metadata"]["annotations"] = annotations
    env.put(ref, raw)
    await env.settle()
    assert env.retell_writes(at) == []
    assert env.status["plan"] != ["nothing to do"]
    synced = env.condition("Synced")
    assert synced["message"].endswith(
        f"remove the annotation askproai.de/plan from {ref.kind} {raw['metadata']['name']}"
    )
    del raw["metadata"]["annotations"]
    env.put(ref, raw)
    await env.settle()
    assert env.retell_writes(at) != []
    assert "plan" not in env.status
