"""A number's inbound webhook at Retell: set with callerRecognition, removed with it; nobody else's is touched."""

import pytest

from tests.worlds.agent_environment import INBOUND_URL, NUMBER, AgentEnvironment

pytestmark = pytest.mark.nightly


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
