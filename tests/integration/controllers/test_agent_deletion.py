"""The deletion of a RetellAgent: what it removes at Retell, and that it always ends."""

from datetime import timedelta

import pytest

from askproai_operator import resources
from askproai_operator.resources import FINALIZER
from tests.worlds.agent_environment import KEY, NUMBER, agent


async def test_deletion_unbinds_numbers_then_deletes_agent_and_llm(env):
    at = len(env.retell_requests)
    env.delete()
    assert (await env.settle()).gone
    assert env.retell_writes(at) == ["update-number", "delete-agent", "delete-llm"]
    assert (env.workspace["agents"], env.workspace["llms"]) == ({}, {})
    assert "inbound_agents" not in env.workspace["numbers"][NUMBER]
    assert tuple(KEY) not in env.api.objects


@pytest.mark.parametrize("point", ["after:unbind", "after:delete-agent"])
async def test_crash_in_the_middle_of_deletion_is_finished(env, point):
    env.delete()
    await env.crash_at(point)
    assert (await env.settle()).gone
    assert (env.workspace["agents"], env.workspace["llms"]) == ({}, {})


async def test_deletion_after_a_lost_create_leaves_nothing(new_env):
    await new_env.inject_fault("list-llms", "lagging-list", seconds=9)
    await new_env.crash_at("after:create-llm")
    new_env.delete()
    assert (await new_env.settle(30)).gone
    assert (new_env.workspace["agents"], new_env.workspace["llms"]) == ({}, {})


async def test_orphan_policy_leaves_everything_and_makes_an_event(env):
    env.edit(deletionPolicy="Orphan")
    at = len(env.retell_requests)
    env.delete()
    assert (await env.settle()).gone
    assert env.retell_writes(at) == []
    assert len(env.workspace["agents"]) == 1
    assert env.api.events[-1][1] == "Orphaned"


async def test_deletion_is_retried_once_the_circuit_permits(env):
    """With the backoff alone, a namespace would wait minutes longer than Retell was away."""
    await env.inject_fault("list-agents", "down", count=1000)
    env.delete()
    while (result := await env.reconcile()).requeue:
        pass
    assert "left alone for a while" in result.conditions[0].message
    assert result.requeue_after is not None
    assert timedelta() < result.requeue_after <= timedelta(seconds=60)
    env.simulator.faults.clear()
    env.clock.advance(result.requeue_after)
    assert (await env.reconcile()).gone


async def test_provider_requesting_an_hours_wait_delays_no_deletion(env):
    await env.inject_fault("list-agents", "rate-limited", count=1000, seconds=3600)
    env.delete()
    env.clock.advance(timedelta(minutes=9, seconds=58))
    after = (await env.reconcile()).requeue_after
    assert after is not None
    assert after <= timedelta(seconds=3)
    env.clock.advance(after)
    assert (await env.reconcile()).gone


async def test_uncreatable_kubernetes_event_delays_no_deletion(env):
    env.edit(deletionPolicy="Orphan")
    env.api.forbidden.add("events")
    env.delete()
    assert (await env.settle()).gone
    assert tuple(KEY) not in env.api.objects


async def test_terminating_namespaces_last_event_goes_to_the_operators(env):
    """It takes no new objects, not even Events, and nothing else names the objects left at Retell."""
    env.edit(deletionPolicy="Orphan")
    env.api.terminating.add("salon")
    env.delete()
    assert (await env.settle()).gone
    kind, reason, message = env.api.events[-1]
    assert (kind, reason) == ("Normal", "Orphaned")
    assert message.startswith("RetellAgent salon/mitte: ")


@pytest.mark.parametrize("finalizers", [(), ("example.com/other",), (FINALIZER,)])
async def test_deletion_of_an_uncreated_agent_sends_no_request(new_env, finalizers):
    new_env.put(resources.AGENTS, agent() | {"metadata": {**agent()["metadata"], "finalizers": [*finalizers]}})
    new_env.delete()
    assert (await new_env.settle()).gone
    assert new_env.retell_requests == []
    assert (tuple(KEY) in new_env.api.objects) == (finalizers == ("example.com/other",)), "only its own finalizer goes"


@pytest.mark.parametrize("point", ["after:create-llm", "before:create-agent", "after:create-agent", "before:publish"])
async def test_namespace_ends_despite_missing_branch_and_restart(new_env, point):
    """A new process never saw the Branch that named the tenant, but our status records the name from the first intent on."""
    await new_env.crash_at(point)
    new_env.remove(resources.BRANCHES, "mitte")
    new_env.delete()
    await new_env.restart()
    assert (await new_env.settle(30)).gone
    assert (new_env.workspace["agents"], new_env.workspace["llms"]) == ({}, {})


async def test_deletion_after_a_refused_agent_deletes_the_llm(new_env):
    new_env.edit(voiceId="nobody")
    await new_env.reconcile()
    assert len(new_env.workspace["llms"]) == 1
    new_env.delete()
    assert (await new_env.settle()).gone
    assert new_env.workspace["llms"] == {}


async def test_deletion_spares_agents_of_another_owner(env):
    owner = "inst-2/other/agent"
    await env.publish_by_hand({"default_dynamic_variables": {"askproai_owner": owner}}, agent_name=f"X · {owner}")
    at = len(env.retell_requests)
    env.delete()
    assert (await env.settle()).gone
    assert env.retell_writes(at) == []
