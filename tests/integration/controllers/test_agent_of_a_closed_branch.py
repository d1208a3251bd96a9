"""A Branch is deleted while its number rings: callers hear one true sentence, and the agent has no function that pods refuse."""

from datetime import timedelta

import pytest

from askproai_operator import resources
from tests.worlds.agent_environment import (
    INBOUND_URL,
    NUMBER,
    WITH_TRANSFER,
    AgentEnvironment,
    branch,
    open_agent_environment,
    tenant,
)

pytestmark = pytest.mark.nightly


async def close_branch(env: AgentEnvironment) -> None:
    await env.settle()
    env.remove(resources.BRANCHES, "mitte")
    await env.settle()


@pytest.mark.parametrize("transfer", [True, False])
async def test_callers_of_a_deleted_branch_hear_its_closure(transfer):
    async with open_agent_environment(callerRecognition=True, **(WITH_TRANSFER if transfer else {})) as env:
        await env.settle()
        assert env.workspace["numbers"][NUMBER]["inbound_webhook_url"] == INBOUND_URL
        await close_branch(env)
        env.assert_one_of_each()
        record = await env.call()
        heard = next(step.text for step in record.steps if step.kind == "heard")
        assert "Unter dieser Nummer nehmen wir keine Termine mehr an." in heard
        assert ("verbinden" in heard) == transfer
        assert ("Vielen Dank für Ihren Anruf." in heard) == (not transfer)
        assert "später" not in heard
        assert [step for step in record.steps if step.kind == "tool" and step.url] == [], "none was sent"
        assert env.workspace["numbers"][NUMBER].get("inbound_webhook_url") is None, "the pods know the number no more"
        synced = env.condition("Synced")
        assert (synced["status"], synced["reason"]) == ("False", "BranchNotFound")
        assert synced["message"].startswith(
            "Branch 'mitte' is not in this namespace, and callers hear that no appointments"
        )
        assert synced["message"].endswith("create the Branch, or delete this RetellAgent")


async def test_branch_that_is_replaced_at_once_publishes_nothing(env):
    at = len(env.retell_requests)
    env.remove(resources.BRANCHES, "mitte")
    result = await env.reconcile()
    assert result.requeue_after == timedelta(seconds=30)
    env.clock.advance(timedelta(seconds=29))
    assert (await env.reconcile()).requeue_after is not None
    replaced = branch([NUMBER])
    replaced["metadata"]["uid"] = "u-replaced"
    env.put(resources.BRANCHES, replaced)
    await env.settle()
    assert env.retell_writes(at) == []
    assert env.condition("Synced")["reason"] == "AsDeclared"


async def test_returning_branch_brings_the_declared_agent_back(env):
    declared = env.answering_llm
    await close_branch(env)
    at = len(env.retell_requests)
    await env.settle()
    await env.restart()
    await env.settle()
    assert env.retell_writes(at) == [], "it stays as it is"
    env.put(resources.BRANCHES, branch([NUMBER]))
    await env.settle()
    env.assert_one_of_each()
    fields = ("general_prompt", "begin_message", "general_tools")
    assert {name: env.answering_llm[name] for name in fields} == {name: declared[name] for name in fields}
    assert env.condition("Synced")["reason"] == "AsDeclared"


async def test_deleted_branchs_number_at_another_branch_is_untouched(env):
    other = branch([NUMBER])
    other["metadata"] |= {"name": "west", "uid": "u-west"}
    env.put(resources.BRANCHES, other)
    await close_branch(env)
    assert not env.workspace["numbers"][NUMBER].get("inbound_agents")
    assert env.status["phoneNumbers"] == []


@pytest.mark.parametrize("held", ["paused", "observed"])
async def test_paused_or_observed_agent_is_not_changed(env, held):
    """The pods of a paused Tenant still know the Branch."""
    if held == "paused":
        raw = tenant()
        raw["metadata"] |= {"annotations": {"askproai.de/paused": "true"}}
        env.put(resources.TENANTS, raw)
    else:
        env.edit(managementPolicy="ObserveOnly")
    at = len(env.retell_requests)
    await close_branch(env)
    assert env.retell_writes(at) == []
    assert env.condition("Synced")["reason"] == ("Pending" if held == "paused" else "BranchNotFound")


async def test_unpublished_agent_only_reports_the_missing_branch(new_env):
    new_env.remove(resources.BRANCHES, "mitte")
    await new_env.settle()
    assert new_env.retell_writes() == []
    assert new_env.condition("Synced")["reason"] == "BranchNotFound"
