"""A create without an answer and a crash at any point leave exactly one agent and one LLM at Retell, and leak no version."""

from dataclasses import replace
from datetime import timedelta

import pytest

from askproai_core.kube import NotLeader
from tests.worlds.agent_environment import NUMBER


@pytest.mark.parametrize("fault", ["timeout-after-commit", "error-after-commit"])
@pytest.mark.parametrize("operation", ["create-llm", "create-agent"])
@pytest.mark.parametrize("lag", [None, pytest.param(8, marks=pytest.mark.nightly)])
async def test_unanswered_agent_create_makes_one_agent_and_llm(new_env, operation, fault, lag):
    await new_env.inject_fault(operation, fault, seconds=0)
    if lag:
        await new_env.inject_fault("list-llms", "lagging-list", seconds=lag)
        await new_env.inject_fault("list-agents", "lagging-list", seconds=lag)
    await new_env.settle(30)
    new_env.assert_one_of_each()
    assert new_env.retell_writes().count(operation) == 1


@pytest.mark.parametrize("operation", ["create-agent-version", "update-llm", "publish-agent-version", "update-number"])
async def test_unanswered_agent_change_leaks_no_version(env, operation):
    env.edit(llm={"model": "gpt-5.1", "prompt": "Neu."})
    await env.inject_fault(operation, "error-after-commit")
    await env.settle()
    env.assert_one_of_each()
    assert env.status["publishedVersion"] == 1


POINTS = [
    "before:create-llm", "after:create-llm", "before:create-agent", "after:create-agent", "before:publish",
    "after:publish", "before:bind", "after:bind",
]  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
async def test_crash_during_creation_leaves_one_agent_and_llm(new_env, point):
    await new_env.crash_at(point)
    await new_env.settle(30)
    new_env.assert_one_of_each()
    assert new_env.retell_writes().count("create-llm") == 1
    assert new_env.retell_writes().count("create-agent") == 1


async def test_recovery_after_a_found_llm_does_not_wait(new_env):
    """The operator is killed between the LLM's commit and its recorded id: the next one finds it and goes on at once."""
    await new_env.crash_at("after:create-llm")
    before = new_env.clock.now()
    await new_env.settle()
    new_env.assert_one_of_each()
    assert new_env.clock.now() == before


@pytest.mark.parametrize("point", ["after:create-llm", "after:create-agent"])
async def test_crash_with_lagging_lists_leaves_no_duplicate_agent(new_env, point):
    await new_env.inject_fault("list-llms", "lagging-list", seconds=9)
    await new_env.inject_fault("list-agents", "lagging-list", seconds=9)
    await new_env.crash_at(point)
    await new_env.settle(30)
    new_env.assert_one_of_each()


@pytest.mark.parametrize(
    "point", ["after:fork", "after:patch-llm", "before:publish", "after:publish", "before:bind", "after:bind"]
)
async def test_crash_in_the_middle_of_changes_leaks_nothing(env, point):
    env.edit(llm={"model": "gpt-5.1", "prompt": "Neu."})
    await env.crash_at(point)
    await env.settle()
    env.assert_one_of_each()
    assert env.status["publishedVersion"] == 1
    assert env.retell_writes().count("create-agent-version") == 1


async def test_grace_period_begins_after_waiting_for_the_answer(new_env):
    """Rate budget, connection and answer may take as long as the grace period, and the create may commit after that."""
    await new_env.inject_fault("create-llm", "error-before-commit")
    reach = new_env.faults.reach

    def slow(name: str) -> None:
        reach(name)
        if name == "before:create-llm":
            new_env.clock.advance(timedelta(seconds=19))

    new_env.context = replace(new_env.context, faults=type("Slow", (), {"reach": staticmethod(slow)})())
    await new_env.reconcile()
    new_env.clock.advance(timedelta(seconds=2))
    at = len(new_env.retell_requests)
    await new_env.reconcile()
    assert new_env.retell_writes(at) == []
    await new_env.settle(30)
    new_env.assert_one_of_each()


async def test_nothing_is_written_with_an_uncertain_lease(env):
    def lost() -> None:
        raise NotLeader("the Lease was not renewed in time")

    env.context = replace(env.context, fence=lost)
    await env.bind_by_hand(NUMBER, None)
    at = len(env.retell_requests)
    with pytest.raises(NotLeader):
        await env.reconcile()
    assert env.retell_writes(at) == []
