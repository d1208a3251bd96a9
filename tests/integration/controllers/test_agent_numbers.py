"""The numbers of a RetellAgent at Retell: bound, freed, and never taken from others."""

import base64

import pytest

from askproai_operator import resources
from askproai_operator.grants import Holder, Subject, SubjectKind, grant_manifest
from tests.worlds.agent_environment import (
    INBOUND_URL,
    NUMBER,
    OPERATOR_NAMESPACE,
    AgentEnvironment,
    agent,
    branch,
    open_agent_environment,
)

pytestmark = pytest.mark.nightly


async def test_number_is_not_bound_before_pods_serve(new_env):
    """No caller may reach an agent whose functions nobody serves yet."""
    new_env.set_runtime_available(False)
    await new_env.settle()
    assert not new_env.workspace["numbers"][NUMBER].get("inbound_agents")
    assert (new_env.condition("NumbersBound")["reason"], new_env.condition("Ready")["status"]) == ("Pending", "Unknown")
    new_env.set_runtime_available(True)
    await new_env.settle()
    new_env.assert_one_of_each()
    new_env.set_runtime_available(False)
    await new_env.settle()
    new_env.assert_one_of_each()
    assert new_env.condition("Ready")["status"] == "True"


async def test_freed_number_enqueues_the_agent_waiting_for_it(new_env):
    """Otherwise its callers would be declined until the next resync."""
    other = agent()
    other["metadata"] |= {"name": "nord", "uid": "u-nord"}
    new_env.put(resources.AGENTS, other)
    await new_env.settle()
    new_env.set_branch_numbers()
    await new_env.settle()
    assert [key.name for key in new_env.enqueued] == ["nord"]
    new_env.set_branch_numbers(NUMBER)
    await new_env.settle()
    new_env.delete()
    assert (await new_env.settle()).gone
    assert [key.name for key in new_env.enqueued] == ["nord", "nord"]


async def test_a_trunk_without_its_password_is_reported():
    async with open_agent_environment(with_number=False) as env:
        raw = env.api.objects["Branch", "salon", "mitte"]
        sip = {"terminationUri": "sip.example", "authSecretRef": {"name": "trunk"}}
        spec = {**raw["spec"], "phoneNumbers": [{"number": NUMBER, "sip": sip}]}
        env.put(resources.BRANCHES, {**raw, "spec": spec})
        await env.settle()
        assert "Secret 'trunk' is not in this namespace" in env.condition("NumbersBound")["message"]
        data = {name: base64.b64encode(b"x").decode() for name in ("username", "password")}
        meta = {"name": "trunk", "namespace": "salon", "uid": "u-t"}
        env.put(resources.SECRETS, {"metadata": meta, "data": data})
        await env.settle()
        command = "kubectl label secret -n salon trunk askproai.de/use=true"
        assert command in env.condition("NumbersBound")["message"], "its values would go to the author's workspace"
        assert NUMBER not in env.workspace["numbers"]
        env.put(resources.SECRETS, {"metadata": meta | {"labels": {"askproai.de/use": "true"}}, "data": data})
        await env.settle()
        env.assert_one_of_each()
        env.put(resources.SECRETS, {"metadata": meta, "data": data})
        await env.settle()
        env.assert_one_of_each()  # a number that is there stays bound


async def test_dialled_foreign_number_is_unbound_despite_public_number(new_env):
    """The Branch was edited and not reconciled yet."""
    did = "+49307654321"
    other = Holder("Branch", "other", "mitte", "u-other")
    grant = grant_manifest(OPERATOR_NAMESPACE, Subject(SubjectKind.NUMBER, did), (other,))
    new_env.context.cache.put(resources.CONFIG_MAPS, new_env.api.put(resources.CONFIG_MAPS, grant))
    edited = branch([NUMBER])
    edited["spec"]["phoneNumbers"] = [{"number": NUMBER, "did": did}]
    new_env.put(resources.BRANCHES, edited)
    await new_env.settle()
    assert new_env.condition("NumbersBound")["reason"] == "NotRequested"


async def test_transfer_to_a_number_of_the_branch_warns(new_env):
    """The call would ring at the agent again. Everything else works, so Ready stays True."""
    own = "+49305550100"
    new_env.edit(functions=["TransferToHuman"], transferTo=own)
    listed = branch([NUMBER])
    listed["spec"]["phoneNumbers"] = [{"number": "030 99988", "did": own}]
    new_env.put(resources.BRANCHES, listed)
    await new_env.settle()
    synced = new_env.condition("Synced")
    assert (synced["status"], synced["reason"]) == ("True", "TransferComesBack")
    assert "is a number of Branch 'mitte'" in synced["message"]
    new_env.put(resources.BRANCHES, branch([NUMBER]))
    await new_env.settle()
    assert new_env.condition("Synced")["reason"] == "AsDeclared"


@pytest.fixture
def new_env(new_env: AgentEnvironment) -> AgentEnvironment:
    new_env.edit(callerRecognition=True)
    return new_env


def webhook(env: AgentEnvironment) -> str | None:
    return env.workspace["numbers"][NUMBER].get("inbound_webhook_url")


async def test_caller_recognition_sets_and_removes_the_webhook_once(env):
    env.assert_one_of_each()
    assert webhook(env) == INBOUND_URL
    await env.settle_quietly()  # no diff, no write
    env.edit(callerRecognition=False)
    await env.settle()
    env.assert_one_of_each()
    assert webhook(env) is None


@pytest.mark.parametrize("point", ["before:bind", "after:bind", "before:webhook", "after:webhook"])
async def test_crash_while_binding_ends_with_number_and_webhook(new_env, point):
    await new_env.crash_at(point)
    await new_env.restart()
    await new_env.settle()
    new_env.assert_one_of_each()
    assert webhook(new_env) == INBOUND_URL


@pytest.mark.parametrize("point", ["before:no-webhook", "after:no-webhook", "after:unbind"])
async def test_released_number_loses_our_webhook_despite_any_crash(env, point):
    env.set_branch_numbers()
    await env.crash_at(point)
    await env.restart()
    await env.settle()
    number = env.workspace["numbers"][NUMBER]
    assert not number.get("inbound_webhook_url")
    assert not number.get("inbound_agents")


@pytest.mark.parametrize("unbound", [False, True])
async def test_deletion_removes_webhooks_of_unbound_numbers_too(env, unbound):
    if unbound:
        await env.bind_by_hand(NUMBER, None)
    env.delete()
    assert (await env.settle()).gone
    assert webhook(env) is None


async def test_a_lagging_list_makes_no_second_write(new_env):
    await new_env.inject_fault("list-numbers", "lagging-list", seconds=3600)
    await new_env.settle()
    assert webhook(new_env) == INBOUND_URL
    await new_env.settle_quietly()
