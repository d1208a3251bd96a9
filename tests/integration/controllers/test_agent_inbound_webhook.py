"""A number's inbound webhook at Retell: set with callerRecognition, removed with it; nobody else's is touched."""

import pytest

from tests.worlds.agent_environment import INBOUND_URL, NUMBER, AgentEnvironment, open_agent_environment

pytestmark = pytest.mark.nightly

OTHER_URL = "https://crm.example/who-calls"


def webhook(env: AgentEnvironment) -> str | None:
    return env.workspace["numbers"][NUMBER].get("inbound_webhook_url")


async def set_by_hand(env: AgentEnvironment, url: str | None) -> None:
    await env.request_retell("PATCH", f"/update-phone-number/{NUMBER}", {"inbound_webhook_url": url})


async def test_caller_recognition_sets_and_removes_the_webhook_once():
    async with open_agent_environment(callerRecognition=True) as env:
        await env.settle()
        env.assert_one_of_each()
        assert webhook(env) == INBOUND_URL
        at = len(env.retell_requests)
        await env.settle()
        assert env.retell_writes(at) == [], "no diff, no write"
        env.edit(callerRecognition=False)
        await env.settle()
        env.assert_one_of_each()
        assert webhook(env) is None


async def test_manual_webhook_stays_without_caller_recognition(new_env):
    await set_by_hand(new_env, OTHER_URL)
    await new_env.settle()
    assert webhook(new_env) == OTHER_URL
    new_env.delete()
    await new_env.settle()
    assert webhook(new_env) == OTHER_URL


@pytest.mark.parametrize("by_hand", [None, OTHER_URL, "https://old.example/salon/salon/retell/inbound"])
async def test_a_webhook_that_somebody_changed_is_set_again(by_hand):
    async with open_agent_environment(callerRecognition=True) as env:
        await env.settle()
        version = env.status["publishedVersion"]
        await set_by_hand(env, by_hand)
        await env.settle()
        assert webhook(env) == INBOUND_URL
        assert env.status["publishedVersion"] == version, "a change of a number publishes no version of the agent"


@pytest.mark.parametrize("point", ["before:bind", "after:bind", "before:webhook", "after:webhook"])
async def test_crash_while_binding_ends_with_number_and_webhook(point):
    async with open_agent_environment(callerRecognition=True) as env:
        await env.crash_at(point)
        await env.restart()
        await env.settle()
        env.assert_one_of_each()
        assert webhook(env) == INBOUND_URL


@pytest.mark.parametrize("point", ["before:no-webhook", "after:no-webhook", "after:unbind"])
async def test_released_number_loses_our_webhook_despite_any_crash(point):
    async with open_agent_environment(callerRecognition=True) as env:
        await env.settle()
        env.set_branch_numbers()
        await env.crash_at(point)
        await env.restart()
        await env.settle()
        number = env.workspace["numbers"][NUMBER]
        assert not number.get("inbound_webhook_url")
        assert not number.get("inbound_agents")


async def test_deletion_removes_webhooks_of_unbound_numbers_too():
    for unbound in (False, True):
        async with open_agent_environment(callerRecognition=True) as env:
            await env.settle()
            if unbound:
                await env.bind_by_hand(NUMBER, None)
            env.delete()
            assert (await env.settle()).gone
            assert webhook(env) is None


async def test_released_unbound_number_keeps_none_of_our_webhooks():
    async with open_agent_environment(callerRecognition=True) as env:
        await env.settle()
        await env.bind_by_hand(NUMBER, None)
        env.set_branch_numbers()
        await env.settle()
        assert webhook(env) is None


async def test_plan_lists_the_inbound_webhook_without_setting_it(env):
    env.annotate(**{"askproai.de/plan": "true"})
    env.edit(callerRecognition=True)
    await env.settle()
    assert f"set the inbound webhook of {NUMBER}" in env.status["plan"]
    assert webhook(env) is None


async def test_a_lagging_list_makes_no_second_write():
    async with open_agent_environment(callerRecognition=True) as env:
        await env.inject_fault("list-numbers", "lagging-list", seconds=3600)
        await env.settle()
        assert webhook(env) == INBOUND_URL
        before = len(env.retell_requests)
        await env.settle()
        assert env.retell_writes(before) == []


async def test_prompt_variable_set_by_hand_is_not_overwritten():
    prompt = {"model": "gpt-5.1", "temperature": "0", "prompt": "Grüße mit {{gruss}}."}
    async with open_agent_environment(llm=prompt) as env:
        await env.settle()
        llm_id, version = env.status["llmId"], env.status["publishedVersion"]
        assert env.workspace["llms"][llm_id][-1]["default_dynamic_variables"]["gruss"] == ""
        fork = await env.request_retell(
            "POST", f"/create-agent-version/{env.status['agentId']}", {"base_version": version}
        )
        values = env.workspace["llms"][llm_id][-1]["default_dynamic_variables"] | {"gruss": "Servus"}
        await env.request_retell(
            "PATCH", f"/update-retell-llm/{llm_id}?version={fork['version']}", {"default_dynamic_variables": values}
        )
        await env.request_retell(
            "POST", f"/publish-agent-version/{env.status['agentId']}", {"version": fork["version"]}
        )
        await env.settle()
        env.edit(callerRecognition=True)
        await env.settle()
        kept = env.workspace["llms"][llm_id][-1]["default_dynamic_variables"]
        assert (kept["gruss"], kept["caller_known"]) == ("Servus", "false")
