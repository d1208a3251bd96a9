"""One apply of many services publishes one version; a change in the agent itself does not wait."""

from datetime import timedelta

import pytest

from askproai_operator import resources
from tests.worlds.agent_catalogues import answering_prompt, service
from tests.worlds.agent_environment import NUMBER, AgentEnvironment, open_agent_environment

pytestmark = pytest.mark.nightly


def put_service(env: AgentEnvironment, name: str) -> None:
    manifest = service(f"Service {name}")
    manifest["metadata"] |= {"name": name, "uid": f"u-{name}"}
    env.put(resources.OFFERINGS, manifest)


async def open_with_a_service(env: AgentEnvironment) -> int:
    """Publish an agent that names one service; return its version."""
    put_service(env, "first")
    await env.settle()
    assert "Service first" in answering_prompt(env), "the first version is not delayed"
    return env.status["publishedVersion"]


async def test_services_arriving_consecutively_are_published_together() -> None:
    async with open_agent_environment() as env:
        version = await open_with_a_service(env)
        writes = len(env.retell_requests)
        for number in range(10):
            put_service(env, f"s{number}")
            result = await env.reconcile()
            assert result.requeue_after == timedelta(seconds=5)
            env.clock.advance(timedelta(seconds=1))
        assert env.retell_writes(writes) == []
        await env.settle()
        assert env.status["publishedVersion"] == version + 1
        assert all(f"Service s{number}" in answering_prompt(env) for number in range(10))
        assert (await env.reconcile()).requeue_after is None


async def test_constantly_changing_services_are_published_after_30_seconds() -> None:
    async with open_agent_environment() as env:
        version = await open_with_a_service(env)
        for number in range(11):
            put_service(env, f"s{number}")
            await env.reconcile()
            if number < 10:
                assert env.status["publishedVersion"] == version
            env.clock.advance(timedelta(seconds=3))
        assert env.status["publishedVersion"] == version + 1


async def test_agents_edit_publishes_waiting_services_at_once() -> None:
    async with open_agent_environment() as env:
        version = await open_with_a_service(env)
        put_service(env, "second")
        await env.reconcile()
        assert env.status["publishedVersion"] == version
        env.edit(llm={"model": "gpt-4.1", "prompt": "Du bist neu."})
        await env.reconcile()
        assert env.status["publishedVersion"] == version + 1
        assert "Du bist neu." in answering_prompt(env)
        assert "Service second" in answering_prompt(env)


async def test_published_agents_first_service_waits_for_others() -> None:
    """One apply can create the agent before any service."""
    async with open_agent_environment() as env:
        await env.settle()
        version = env.status["publishedVersion"]
        for number in range(3):
            put_service(env, f"s{number}")
            await env.reconcile()
        assert env.status["publishedVersion"] == version
        await env.settle()
        assert env.status["publishedVersion"] == version + 1


@pytest.mark.parametrize("interruption", ["plan", "not-available"])
async def test_new_change_after_a_pause_waits_five_seconds(interruption: str) -> None:
    """A pause or a failed check ends the delay of a waiting change; the delay of the next one begins anew."""
    async with open_agent_environment() as env:
        version = await open_with_a_service(env)
        put_service(env, "second")
        await env.reconcile()
        if interruption == "plan":
            env.annotate(**{"askproai.de/plan": "true"})
        else:
            env.set_tenant_condition("CredentialsValid", False)
        await env.reconcile()
        env.clock.advance(timedelta(hours=1))
        env.annotate()
        env.set_tenant_condition("CredentialsValid", True)
        put_service(env, "third")
        assert (await env.reconcile()).requeue_after == timedelta(seconds=5)
        assert env.status["publishedVersion"] == version
        await env.settle()
        assert env.status["publishedVersion"] == version + 1


async def test_change_delayed_by_retell_does_not_wait_anew() -> None:
    async with open_agent_environment() as env:
        version = await open_with_a_service(env)
        put_service(env, "second")
        await env.reconcile()
        env.clock.advance(timedelta(seconds=5))
        await env.inject_fault("*", "rate-limited", count=1)
        assert (await env.reconcile()).requeue_after != timedelta(seconds=5)
        env.clock.advance(timedelta(minutes=1))
        await env.reconcile()
        assert env.status["publishedVersion"] == version + 1


async def test_deleted_agent_leaves_no_memory_of_waiting_changes() -> None:
    async with open_agent_environment() as env:
        await open_with_a_service(env)
        put_service(env, "second")
        await env.reconcile()
        env.remove(resources.AGENTS, "mitte")
        await env.reconcile()
        assert env.context.memory.catalogues == {}


async def test_a_number_is_bound_again_while_services_wait() -> None:
    async with open_agent_environment() as env:
        version = await open_with_a_service(env)
        put_service(env, "second")
        await env.bind_by_hand(NUMBER, None)
        await env.reconcile()
        bound = env.workspace["numbers"][NUMBER]["inbound_agents"]
        assert [each["agent_version"] for each in bound] == [version]
