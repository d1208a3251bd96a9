"""A manual change at Retell is repaired or left alone, and reported; observed agents are never written."""

from datetime import timedelta

import pytest

pytestmark = pytest.mark.nightly


async def test_published_edit_by_hand_is_repaired_and_reported(env):
    await env.publish_by_hand(voice_id="11labs-Adrian", voice_speed=1.2)
    result = await env.settle()
    env.assert_one_of_each()
    latest = env.workspace["agents"][env.status["agentId"]][-1]
    assert (latest["version"], latest["voice_id"]) == (2, "11labs-Carola")
    assert latest["voice_speed"] == 1.2, "what we do not manage stays as the person set it"
    assert [event.reason for event in result.events] == ["DriftRepaired"]
    assert "voice_id" in result.events[0].message


async def test_draft_by_hand_is_kept_and_reported(env):
    """Half-finished work in the dashboard must not go live because of a reconcile."""
    agent_id = env.status["agentId"]
    await env.request_retell("POST", f"/create-agent-version/{agent_id}", {"base_version": 0})
    await env.request_retell("PATCH", f"/update-agent/{agent_id}?version=1", {"voice_id": "11labs-Adrian"})
    await env.settle_quietly()
    assert env.condition("Drifted")["status"] == "True"
    assert "voice_id" in env.condition("Drifted")["message"]
    assert env.condition("Ready")["status"] == "True"


async def test_agent_deleted_by_hand_is_recreated_after_grace(env):
    deleted = env.status["agentId"]
    await env.request_retell("DELETE", f"/delete-agent/{deleted}")
    before = env.clock.now()
    await env.settle(30)
    env.assert_one_of_each()
    assert env.status["agentId"] != deleted
    assert env.clock.now() - before >= timedelta(seconds=10), "one 404 is not believed"


async def test_observe_only_writes_nothing_and_shows_the_difference(new_env):
    new_env.edit(managementPolicy="ObserveOnly")
    agent_id = await new_env.create_by_hand()
    new_env.edit(adopt={"agentId": agent_id})
    await new_env.settle_quietly()
    assert new_env.status["agentId"] == agent_id
    assert new_env.condition("Synced")["reason"] == "ObserveOnly"
    assert new_env.condition("Drifted")["status"] == "True"
    new_env.delete()
    assert (await new_env.settle()).gone
    assert agent_id in new_env.workspace["agents"]


async def test_observed_agents_id_stays_recorded_after_its_deletion(env):
    """The API server refuses an object with neither `adopt` nor an id in its status."""
    agent_id = env.status["agentId"]
    env.edit(managementPolicy="ObserveOnly")
    await env.request_retell("DELETE", f"/delete-agent/{agent_id}")
    await env.settle()
    assert env.status["agentId"] == agent_id
    assert env.condition("Synced")["status"] == "False"
    assert agent_id in env.condition("Synced")["message"]
