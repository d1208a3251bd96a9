"""A number's inbound webhook at Retell: set with callerRecognition, removed with it; nobody else's is touched."""

import pytest
from agent_world import INBOUND_URL, NUMBER, Scene, scene

OTHER_URL = "https://crm.example/who-calls"


def webhook(s: Scene) -> str | None:
    return s.workspace["numbers"][NUMBER].get("inbound_webhook_url")


async def set_by_hand(s: Scene, url: str | None) -> None:
    await s.retell("PATCH", f"/update-phone-number/{NUMBER}", {"inbound_webhook_url": url})


async def test_caller_recognition_sets_it_once_and_switching_off_removes_it() -> None:
    async with scene(callerRecognition=True) as s:
        await s.settle()
        s.assert_one_of_each()
        assert webhook(s) == INBOUND_URL
        at = len(s.entries)
        await s.settle()
        assert s.written(at) == [], "no diff, no write"
        s.edit(callerRecognition=False)
        await s.settle()
        s.assert_one_of_each()
        assert webhook(s) is None


async def test_without_caller_recognition_a_persons_webhook_stays() -> None:
    async with scene() as s:
        await set_by_hand(s, OTHER_URL)
        await s.settle()
        assert webhook(s) == OTHER_URL
        s.delete()
        await s.settle()
        assert webhook(s) == OTHER_URL


@pytest.mark.parametrize("by_hand", [None, OTHER_URL, "https://old.example/salon/salon/retell/inbound"])
async def test_a_webhook_that_somebody_changed_is_set_again(by_hand: str | None) -> None:
    async with scene(callerRecognition=True) as s:
        await s.settle()
        version = s.status["publishedVersion"]
        await set_by_hand(s, by_hand)
        await s.settle()
        assert webhook(s) == INBOUND_URL
        assert s.status["publishedVersion"] == version, "a change of a number publishes no version of the agent"


@pytest.mark.parametrize("point", ["before:bind", "after:bind", "before:webhook", "after:webhook"])
async def test_a_crash_between_the_writes_ends_with_both(point: str) -> None:
    async with scene(callerRecognition=True) as s:
        await s.crash_at(point)
        await s.restart()
        await s.settle()
        s.assert_one_of_each()
        assert webhook(s) == INBOUND_URL


@pytest.mark.parametrize("point", ["before:no-webhook", "after:no-webhook", "after:unbind"])
async def test_a_number_that_is_given_up_loses_our_webhook_wherever_it_crashes(point: str) -> None:
    async with scene(callerRecognition=True) as s:
        await s.settle()
        s.set_branch_numbers()
        await s.crash_at(point)
        await s.restart()
        await s.settle()
        number = s.workspace["numbers"][NUMBER]
        assert not number.get("inbound_webhook_url")
        assert not number.get("inbound_agents")


async def test_deletion_removes_it_also_when_somebody_unbound_the_number() -> None:
    for unbound in (False, True):
        async with scene(callerRecognition=True) as s:
            await s.settle()
            if unbound:
                await s.retell("PATCH", f"/update-phone-number/{NUMBER}", {"inbound_agents": None})
            s.delete()
            assert (await s.settle()).gone
            assert webhook(s) is None


async def test_a_number_that_somebody_unbound_and_the_branch_gave_up_keeps_no_webhook_of_ours() -> None:
    async with scene(callerRecognition=True) as s:
        await s.settle()
        await s.retell("PATCH", f"/update-phone-number/{NUMBER}", {"inbound_agents": None})
        s.set_branch_numbers()
        await s.settle()
        assert webhook(s) is None


async def test_plan_mode_names_the_step() -> None:
    async with scene() as s:
        await s.settle()
        s.annotate(**{"askproai.de/plan": "true"})
        s.edit(callerRecognition=True)
        await s.settle()
        assert f"set the inbound webhook of {NUMBER}" in s.status["plan"]
        assert webhook(s) is None


async def test_a_lagging_list_makes_no_second_write() -> None:
    async with scene(callerRecognition=True) as s:
        await s.fault("list-numbers", "lagging-list", seconds=3600)
        await s.settle()
        assert webhook(s) == INBOUND_URL
        before = len(s.entries)
        await s.settle()
        assert s.written(before) == []


async def test_a_persons_value_of_a_variable_in_the_prompt_stays() -> None:
    prompt = {"model": "gpt-5.1", "temperature": "0", "prompt": "Grüße mit {{gruss}}."}
    async with scene(llm=prompt) as s:
        await s.settle()
        llm_id, version = s.status["llmId"], s.status["publishedVersion"]
        assert s.workspace["llms"][llm_id][-1]["default_dynamic_variables"]["gruss"] == ""
        fork = await s.retell("POST", f"/create-agent-version/{s.status['agentId']}", {"base_version": version})
        values = s.workspace["llms"][llm_id][-1]["default_dynamic_variables"] | {"gruss": "Servus"}
        await s.retell(
            "PATCH", f"/update-retell-llm/{llm_id}?version={fork['version']}", {"default_dynamic_variables": values}
        )
        await s.retell("POST", f"/publish-agent-version/{s.status['agentId']}", {"version": fork["version"]})
        await s.settle()
        s.edit(callerRecognition=True)
        await s.settle()
        kept = s.workspace["llms"][llm_id][-1]["default_dynamic_variables"]
        assert (kept["gruss"], kept["caller_known"]) == ("Servus", "false")
