"""The RetellAgent controller against Retell's simulator: which objects exist afterwards, and which writes led to them."""

from datetime import timedelta

from askproai_core.ai_notice import greeting_reference
from askproai_core.tenant_config import Function
from askproai_operator import resources
from askproai_operator.api.conditions import Reason
from tests.worlds.agent_environment import MARKER, NUMBER, RETELL_KEY, AgentEnvironment


async def test_one_published_agent_is_bound_to_the_number(env):
    env.assert_one_of_each()
    remote = env.workspace["agents"][env.status["agentId"]][0]
    assert remote["agent_name"] == f"Empfang Mitte · {MARKER}"
    assert remote["webhook_events"] == ["call_started", "call_ended", "call_analyzed"]
    assert remote["timezone"] == "Europe/Berlin"
    llm = env.workspace["llms"][env.status["llmId"]][0]
    assert [tool["name"] for tool in llm["general_tools"]] == ["check_availability", "book_appointment", "end_call"]
    assert all(entry["status"] < 400 for entry in env.retell_requests), "not one request is refused"
    assert env.status["phoneNumbers"] == [NUMBER]
    assert env.status["tenant"] == "salon"
    assert env.condition("Ready")["status"] == "True"
    assert env.condition("Drifted")["reason"] == "NoDrift"


async def test_second_agent_reconcile_writes_nothing_at_retell(env):
    at, kube_writes = len(env.retell_requests), env.api.writes
    await env.reconcile()
    await env.reconcile()
    assert env.retell_writes(at) == []
    assert env.api.writes == kube_writes
    reads = [e["operation"] for e in env.retell_requests[at:]]
    assert reads == ["list-numbers", "get-agent", "get-llm"] * 2, "steady state is three reads"


async def test_edited_prompt_becomes_a_new_published_version(env):
    at = len(env.retell_requests)
    env.edit(llm={"model": "gpt-5.1", "temperature": "0.5", "prompt": "Du bist höflich."})
    await env.settle()
    env.assert_one_of_each()
    assert env.retell_writes(at) == ["create-agent-version", "update-llm", "publish-agent-version", "update-number"]
    assert env.status["publishedVersion"] == 1
    old, new = env.workspace["llms"][env.status["llmId"]]
    assert old["general_prompt"].startswith("Du bist der Empfang.")
    assert new["general_prompt"].startswith("Du bist höflich.")
    assert env.results[-1].events == (), "our own change is no drift"


async def test_refused_create_is_reported_and_retried_without_delay(new_env):
    new_env.edit(voiceId="nobody")
    result = await new_env.reconcile()
    assert result.requeue
    assert new_env.condition("Synced")["reason"] == "ProviderRefused"
    assert "pending" not in new_env.status
    new_env.edit(voiceId="11labs-Carola")
    before = new_env.clock.now()
    await new_env.settle()
    new_env.assert_one_of_each()
    assert new_env.clock.now() == before


async def test_tenant_not_yet_watched_is_awaited_without_warning(new_env):
    """One `kubectl apply` creates both; an event would ask people to create what they just created."""
    raw = new_env.api.objects["Tenant", "salon", "salon"]
    new_env.context.cache.drop(resources.TENANTS, "salon", "salon", raw["metadata"]["uid"])
    assert (await new_env.reconcile()).conditions[0].reason == Reason.PENDING
    new_env.remove(resources.TENANTS, "salon")
    assert (await new_env.reconcile()).conditions[0].reason == Reason.TENANT_NOT_FOUND


def put_as_created_now(env: AgentEnvironment) -> None:
    """Store the agent with the present time as its creation time."""
    agent = env.api.objects["RetellAgent", "salon", "mitte"]
    created = f"{env.clock.now():%Y-%m-%dT%H:%M:%SZ}"
    env.put(resources.AGENTS, {**agent, "metadata": {**agent["metadata"], "creationTimestamp": created}})


async def test_new_agent_awaits_its_references_30_seconds(new_env):
    """Flux creates all agents of a commit before its first Tenant, and fails at once for a reason that does not end by itself."""
    new_env.remove(resources.TENANTS, "salon")
    put_as_created_now(new_env)
    new_env.clock.advance(timedelta(seconds=20))
    waits = await new_env.reconcile()
    assert (waits.conditions[0].reason, waits.requeue_after) == (Reason.PENDING, timedelta(seconds=10))
    new_env.clock.advance(timedelta(seconds=10))
    missing = await new_env.reconcile()
    assert (missing.conditions[0].reason, missing.requeue_after) == (Reason.TENANT_NOT_FOUND, None)


async def test_agents_report_a_deleted_tenant_at_once(env):
    put_as_created_now(env)
    env.remove(resources.TENANTS, "salon")
    missing = await env.reconcile()
    assert (missing.conditions[0].reason, missing.requeue_after) == (Reason.TENANT_NOT_FOUND, None)


async def test_failing_check_prevents_retell_and_secret_reads(new_env):
    raw = new_env.api.objects["Tenant", "salon", "salon"]
    new_env.put(resources.TENANTS, {**raw, "status": {}})
    await new_env.settle()
    assert new_env.condition("Synced")["reason"] == "TenantNotReady"
    assert "webhook URLs" in new_env.condition("Synced")["message"]
    assert new_env.retell_requests == []
    assert "secrets" not in {path.split("/")[-2] for path in new_env.api.reads}


async def test_status_has_the_published_first_sentence(env):
    greeting, spoken = env.status["greeting"], env.workspace["llms"][env.status["llmId"]][0]["begin_message"]
    assert greeting["version"] == env.status["publishedVersion"]
    assert greeting["sha256"] == greeting_reference(spoken)
    assert greeting["announcesAi"] is True


async def test_every_declared_function_is_a_tool_at_retell(env):
    env.edit(functions=list(Function), transferTo="+49301234599")
    await env.settle()
    assert env.condition("Ready")["status"] == "True"
    assert env.condition("Synced")["reason"] == "AsDeclared"
    assert [tool["name"] for tool in env.answering_llm["general_tools"]] == [
        "check_availability", "book_appointment", "find_appointments", "reschedule_appointment",
        "cancel_appointment", "business_information", "leave_message", "join_waitlist", "decline_recording",
        "transfer_to_human", "end_call",
    ]  # fmt: skip


async def test_key_of_another_workspace_is_reported_and_used(env):
    """The new workspace lacks the recorded ids. The event names the objects in the old one: we have no key to it."""
    old = env.status["agentId"]
    env.put_teardown_secret("key_another")
    result = await env.reconcile()
    assert [event.reason for event in result.events] == ["RemoteObjectGone"]
    assert old in result.events[0].message
    assert "another workspace" in result.events[0].message
    env.clock.advance(timedelta(seconds=20))
    await env.settle()
    (new,) = env.simulator.dump()["workspaces"]["key_another"]["agents"]
    assert env.status["agentId"] == new != old
    assert env.condition("NumbersBound")["reason"] == "NumberNotAtRetell"
    env.put_teardown_secret(RETELL_KEY)
    await env.settle(30)
    assert env.status["agentId"] == old, "back in the old workspace, our marker is found"
    env.assert_one_of_each()
