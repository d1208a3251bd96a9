"""The owner of an agent at Retell: duplicates of ours, agents of strangers, and agents that we adopt."""

import pytest

from askproai_operator import resources
from tests.worlds.agent_environment import MARKER, NUMBER, AgentEnvironment, open_agent_environment, tenant

pytestmark = pytest.mark.nightly

FORMER = "inst-0/salon/mitte"


async def test_duplicate_with_our_marker_is_deleted_once_unbound() -> None:
    async with open_agent_environment() as env:
        await env.settle()
        duplicate = await env.create_draft(f"Alt · {MARKER}", default_dynamic_variables={"askproai_owner": MARKER})
        kept = env.status["agentId"]
        env.edit(displayName="Empfang")
        result = await env.reconcile()
        assert next(c for c in result.conditions if c.type == "Synced").reason == "DuplicateFound"
        assert duplicate in next(c for c in result.conditions if c.type == "Synced").message
        await env.settle()
        env.assert_one_of_each()
        assert env.status["agentId"] == kept


async def test_agent_with_a_similar_marker_is_never_adopted() -> None:
    """Retell's query finds substrings: `…/mitte-2` for `…/mitte`."""
    async with open_agent_environment() as env:
        other = await env.create_draft(f"Empfang · {MARKER}-2")
        (llm,) = env.workspace["llms"]
        await env.settle()
        assert env.status["agentId"] != other
        env.edit(displayName="Empfang")
        await env.settle()
        env.delete()
        assert (await env.settle()).gone
        assert list(env.workspace["agents"]) == [other]
        assert list(env.workspace["llms"]) == [llm]


async def test_adoption_takes_over_an_agent_created_by_hand() -> None:
    async with open_agent_environment() as env:
        agent_id = await env.create_by_hand()
        env.edit(adopt={"agentId": agent_id})
        await env.settle()
        env.assert_one_of_each()
        assert env.status["agentId"] == agent_id
        assert env.status["publishedVersion"] == 1
        variables = env.workspace["llms"][env.status["llmId"]][-1]["default_dynamic_variables"]
        assert variables == {
            "gruss": "Servus",
            "caller_number": "bekannt, wenn keine Funktion nach ihr fragt",
            "askproai_owner": MARKER,
        }, "a person's variables stay"


async def test_adoption_of_another_owners_agent_is_refused() -> None:
    async with open_agent_environment() as env:
        agent_id = await env.create_by_hand()
        await env.request_retell("POST", f"/create-agent-version/{agent_id}", {"base_version": 0})
        await env.request_retell(
            "PATCH", f"/update-agent/{agent_id}?version=1", {"agent_name": "X · inst-2/other/agent"}
        )
        at = len(env.retell_requests)
        env.edit(adopt={"agentId": agent_id})
        await env.settle()
        assert env.condition("Synced")["reason"] == "OwnershipConflict"
        assert env.retell_writes(at) == []


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
async def test_former_installations_agent_is_taken_over(point: str | None) -> None:
    async with open_agent_environment() as env:
        agent_id = await create_elsewhere(env)
        move_from(env, "inst-0")
        if point is not None:
            await env.crash_at(point)
        await env.settle()
        env.assert_one_of_each()
        assert env.status["agentId"] == agent_id
        agent, llm = env.workspace["agents"][agent_id][-1], env.workspace["llms"][env.status["llmId"]][-1]
        assert agent["agent_name"].endswith(MARKER)
        assert llm["default_dynamic_variables"]["askproai_owner"] == MARKER


async def test_any_other_installations_agent_is_left_alone() -> None:
    async with open_agent_environment() as env:
        agent_id = await create_elsewhere(env)
        move_from(env, "inst-3")
        at = len(env.retell_requests)
        await env.settle()
        assert env.status["agentId"] != agent_id
        assert [each for each in env.retell_writes(at) if agent_id in str(each)] == []
        assert [version["agent_name"] for version in env.workspace["agents"][agent_id]] == [f"Empfang · {FORMER}"]


async def test_agent_returned_to_former_installation_is_not_adopted() -> None:
    """The tenant moved here and back: both Tenants name the other's installation, and this one is deleted last."""
    async with open_agent_environment() as env:
        agent_id = await create_elsewhere(env)
        move_from(env, "inst-0")
        await env.settle()
        draft = await env.request_retell(
            "POST", f"/create-agent-version/{agent_id}", {"base_version": env.status["publishedVersion"]}
        )
        version = draft["version"]
        owner = {"default_dynamic_variables": {"askproai_owner": FORMER}}
        llm = f"{env.status['llmId']}?version={draft['response_engine']['version']}"
        await env.request_retell("PATCH", f"/update-retell-llm/{llm}", owner)
        named = {"agent_name": f"Empfang · {FORMER}"}
        await env.request_retell("PATCH", f"/update-agent/{agent_id}?version={version}", named)
        await env.request_retell("POST", f"/publish-agent-version/{agent_id}", {"version": version})
        at = len(env.retell_requests)
        env.edit(displayName="Empfang")
        await env.settle()
        assert env.condition("Synced")["reason"] == "OwnershipConflict"
        env.delete()
        assert (await env.settle()).gone
        assert env.retell_writes(at) == []
        assert list(env.workspace["agents"]) == [agent_id]


async def test_adopted_agent_is_recorded_before_it_is_changed() -> None:
    async with open_agent_environment() as env:
        agent_id = await env.create_by_hand()
        env.edit(adopt={"agentId": agent_id})
        await env.crash_at("after:fork")
        assert env.status["agentId"] == agent_id
        env.delete()
        assert (await env.settle()).gone
        assert (env.workspace["agents"], env.workspace["llms"]) == ({}, {})


async def test_bound_duplicate_is_reported_without_frequent_requests() -> None:
    async with open_agent_environment() as env:
        await env.settle()
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
