"""The owner of an agent at Retell: duplicates of ours, agents of strangers, and agents that we adopt."""

import pytest

from askproai_operator import resources
from tests.worlds.agent_environment import MARKER, NUMBER, AgentEnvironment, tenant

pytestmark = pytest.mark.nightly

FORMER = "inst-0/salon/mitte"


async def test_duplicate_with_our_marker_is_deleted_once_unbound(env):
    duplicate = await env.create_draft(f"Alt · {MARKER}", default_dynamic_variables={"askproai_owner": MARKER})
    kept = env.status["agentId"]
    env.edit(displayName="Empfang")
    result = await env.reconcile()
    assert next(c for c in result.conditions if c.type == "Synced").reason == "DuplicateFound"
    assert duplicate in next(c for c in result.conditions if c.type == "Synced").message
    await env.settle()
    env.assert_one_of_each()
    assert env.status["agentId"] == kept


async def test_agent_with_a_similar_marker_is_never_adopted(new_env):
    """Retell's query finds substrings: `…/mitte-2` for `…/mitte`."""
    other = await new_env.create_draft(f"Empfang · {MARKER}-2")
    (llm,) = new_env.workspace["llms"]
    await new_env.settle()
    assert new_env.status["agentId"] != other
    new_env.edit(displayName="Empfang")
    await new_env.settle()
    new_env.delete()
    assert (await new_env.settle()).gone
    assert list(new_env.workspace["agents"]) == [other]
    assert list(new_env.workspace["llms"]) == [llm]


async def test_adoption_takes_over_an_agent_created_by_hand(new_env):
    agent_id = await new_env.create_by_hand()
    new_env.edit(adopt={"agentId": agent_id})
    await new_env.settle()
    new_env.assert_one_of_each()
    assert new_env.status["agentId"] == agent_id
    assert new_env.status["publishedVersion"] == 1
    variables = new_env.workspace["llms"][new_env.status["llmId"]][-1]["default_dynamic_variables"]
    assert variables == {
        "gruss": "Servus",
        "caller_number": "bekannt, wenn keine Funktion nach ihr fragt",
        "askproai_owner": MARKER,
    }, "a person's variables stay"


async def create_elsewhere(env: AgentEnvironment) -> str:
    """Create and bind the agent as the operator of another installation did; return its id."""
    agent_id = await env.create_draft(f"Empfang · {FORMER}", default_dynamic_variables={"askproai_owner": FORMER})
    await env.request_retell("POST", f"/publish-agent-version/{agent_id}", {"version": 0})
    await env.bind_by_hand(NUMBER, agent_id, agent_version=0)
    return agent_id


def move_from(env: AgentEnvironment, installation: str) -> None:
    raw = tenant()
    raw["metadata"] |= {"generation": 2, "annotations": {"askproai.de/adopt-from": installation}}
    env.put(resources.TENANTS, raw)


@pytest.mark.parametrize("point", [None, "after:fork", "after:patch-llm", "after:patch-agent", "after:publish"])
async def test_former_installations_agent_is_taken_over(new_env, point):
    agent_id = await create_elsewhere(new_env)
    move_from(new_env, "inst-0")
    if point is not None:
        await new_env.crash_at(point)
    await new_env.settle()
    new_env.assert_one_of_each()
    assert new_env.status["agentId"] == agent_id
    agent, llm = new_env.workspace["agents"][agent_id][-1], new_env.workspace["llms"][new_env.status["llmId"]][-1]
    assert agent["agent_name"].endswith(MARKER)
    assert llm["default_dynamic_variables"]["askproai_owner"] == MARKER


async def test_any_other_installations_agent_is_left_alone(new_env):
    agent_id = await create_elsewhere(new_env)
    move_from(new_env, "inst-3")
    at = len(new_env.retell_requests)
    await new_env.settle()
    assert new_env.status["agentId"] != agent_id
    assert [each for each in new_env.retell_writes(at) if agent_id in str(each)] == []
    assert [version["agent_name"] for version in new_env.workspace["agents"][agent_id]] == [f"Empfang · {FORMER}"]


async def test_agent_returned_to_former_installation_is_not_adopted(new_env):
    """The tenant moved here and back: both Tenants name the other's installation, and this one is deleted last."""
    agent_id = await create_elsewhere(new_env)
    move_from(new_env, "inst-0")
    await new_env.settle()
    owner = {"default_dynamic_variables": {"askproai_owner": FORMER}}
    await new_env.publish_by_hand(owner, agent_name=f"Empfang · {FORMER}")
    at = len(new_env.retell_requests)
    new_env.edit(displayName="Empfang")
    await new_env.settle()
    assert new_env.condition("Synced")["reason"] == "OwnershipConflict"
    new_env.delete()
    assert (await new_env.settle()).gone
    assert new_env.retell_writes(at) == []
    assert list(new_env.workspace["agents"]) == [agent_id]


async def test_adopted_agent_is_recorded_before_it_is_changed(new_env):
    agent_id = await new_env.create_by_hand()
    new_env.edit(adopt={"agentId": agent_id})
    await new_env.crash_at("after:fork")
    assert new_env.status["agentId"] == agent_id
    new_env.delete()
    assert (await new_env.settle()).gone
    assert (new_env.workspace["agents"], new_env.workspace["llms"]) == ({}, {})


async def test_bound_duplicate_is_reported_without_frequent_requests(env):
    duplicate = await env.create_draft(f"Alt · {MARKER}")
    await env.request_retell(
        "POST", "/import-phone-number", {"phone_number": "+49301234568", "termination_uri": "sip.example"}
    )
    await env.bind_by_hand("+49301234568", duplicate)
    env.edit(displayName="Empfang")
    result = await env.reconcile()
    assert env.condition("Synced")["reason"] == "DuplicateFound"
    assert duplicate in env.workspace["agents"]
    assert result.requeue_after is None
