"""The operator reads an agent at Retell at intervals, and at once when there is a reason."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from askproai_operator import resources
from tests.worlds.agent_environment import NUMBER, AgentEnvironment, branch, open_agent_environment, tenant

pytestmark = pytest.mark.nightly

EVERY = 900


@pytest.fixture
async def new_env() -> AsyncIterator[AgentEnvironment]:
    async with open_agent_environment(drift_seconds=EVERY) as opened:
        yield opened


def reads(env: AgentEnvironment, since: int) -> int:
    return len(env.retell_requests[since:])


async def test_resync_reads_nothing_at_retell_before_the_interval(env):
    result = env.results[-1]
    assert EVERY * 0.8 <= result.resync_after.total_seconds() <= EVERY * 1.2, "a fifth of jitter"
    at, written = len(env.retell_requests), env.api.writes
    for _ in range(10):
        env.clock.advance(timedelta(seconds=60))
        again = await env.reconcile()
    assert reads(env, at) == 0
    assert env.api.writes == written, "what was reported stays as it is"
    env.clock.advance(again.resync_after)
    await env.reconcile()
    assert [each["operation"] for each in env.retell_requests[at:]] == ["list-numbers", "get-agent", "get-llm"]


@pytest.mark.parametrize("asked", ["annotation", "edit", "voice there and edit back here"])
async def test_human_change_or_request_reads_retell_at_once(env, asked):
    await env.publish_by_hand(voice_id="11labs-Adrian")
    if asked == "annotation":
        env.annotate(**{"askproai.de/reconcile-at": "1"})
    else:
        env.edit(displayName="Anders")
    if asked == "voice there and edit back here":
        env.edit(displayName="Empfang Mitte")
    await env.settle()
    agents = env.workspace["agents"][env.status["agentId"]]
    assert agents[-1]["voice_id"] == "11labs-Carola"


async def test_changed_branch_or_tenant_is_written_at_once(env):
    at = len(env.retell_requests)
    env.put(resources.BRANCHES, branch([]))
    await env.settle()
    assert "update-number" in env.retell_writes(at)
    env.set_branch_numbers(NUMBER)
    await env.settle()
    env.assert_one_of_each()
    raw = tenant()
    raw["status"]["webhookUrls"]["functions"] = "https://new.example/salon/salon/retell/functions"
    at = len(env.retell_requests)
    env.put(resources.TENANTS, raw)
    await env.settle()
    assert "publish-agent-version" in env.retell_writes(at)


async def test_unanswered_write_is_always_followed_by_a_read(env):
    prompt = "Du bist höflich."
    await env.inject_fault("publish-agent-version", "timeout-after-commit")
    env.edit(llm={"model": "gpt-5.1", "temperature": "0", "prompt": prompt})
    result = await env.reconcile()
    assert result.requeue, "by backoff"
    at = len(env.retell_requests)
    await env.reconcile()
    assert reads(env, at) > 0
    await env.settle()
    env.assert_one_of_each()


async def test_waits_for_missing_number_grow_to_five_minutes():
    async with open_agent_environment(drift_seconds=EVERY, with_number=False) as env:
        await env.settle()
        assert env.condition("NumbersBound")["reason"] == "NumberNotAtRetell"
        assert env.condition("Synced")["status"] == "True"
        assert env.status["phoneNumbers"] == []
        waits = []
        for _ in range(6):
            wait = env.results[-1].resync_after
            waits.append(wait.total_seconds())
            env.clock.advance(wait)
            await env.reconcile()
        for wait, about in zip(waits, (60, 120, 240, 300, 300, 300), strict=True):
            assert about * 0.8 <= wait <= about * 1.2, waits
        await env.request_retell(
            "POST", "/import-phone-number", {"phone_number": NUMBER, "termination_uri": "sip.example"}
        )
        env.clock.advance(env.results[-1].resync_after)
        await env.settle()
        env.assert_one_of_each()


async def test_new_process_repairs_a_manual_change_at_once(env):
    await env.publish_by_hand(voice_id="11labs-Adrian")
    await env.restart()
    result = await env.settle()
    assert [event.reason for event in result.events] == ["DriftRepaired"]
