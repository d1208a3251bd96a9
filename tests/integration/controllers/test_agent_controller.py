"""The RetellAgent controller against Retell's simulator: which objects exist afterwards, and which writes led to them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from askproai_core.tenant_config import Function
from askproai_operator.api.conditions import Reason
from askproai_operator.engine import NotLeader, resources
from tests.worlds.agent_environment import (
    MARKER,
    NUMBER,
    RETELL_KEY,
    branch,
    open_agent_environment,
    tenant,
)


async def test_one_published_agent_is_bound_to_the_number() -> None:
    """An agent per branch, with prompt, voice, functions, webhook URL and the three events."""
    async with open_agent_environment() as env:
        await env.settle()
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


async def test_second_reconcile_writes_nothing() -> None:
    async with open_agent_environment() as env:
        await env.settle()
        at, kube_writes = len(env.retell_requests), env.api.writes
        await env.reconcile()
        await env.reconcile()
        assert env.retell_writes(at) == []
        assert env.api.writes == kube_writes
        reads = [e["operation"] for e in env.retell_requests[at:]]
        assert reads == ["list-numbers", "get-agent", "get-llm"] * 2, "steady state is three reads"


async def test_edited_prompt_becomes_a_new_published_version() -> None:
    async with open_agent_environment() as env:
        await env.settle()
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


@pytest.mark.parametrize("fault", ["timeout-after-commit", "error-after-commit"])
@pytest.mark.parametrize("operation", ["create-llm", "create-agent"])
@pytest.mark.parametrize("lag", [None, 8])
async def test_a_create_without_an_answer_happens_once(operation: str, fault: str, lag: int | None) -> None:
    async with open_agent_environment() as env:
        await env.inject_fault(operation, fault, seconds=0)
        if lag:
            await env.inject_fault("list-llms", "lagging-list", seconds=lag)
            await env.inject_fault("list-agents", "lagging-list", seconds=lag)
        await env.settle(30)
        env.assert_one_of_each()
        assert env.retell_writes().count(operation) == 1


@pytest.mark.parametrize("operation", ["create-agent-version", "update-llm", "publish-agent-version", "update-number"])
async def test_a_change_without_an_answer_leaks_no_version(operation: str) -> None:
    async with open_agent_environment() as env:
        await env.settle()
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
async def test_a_crash_at_any_point_of_creation_leaves_one_of_each(point: str) -> None:
    async with open_agent_environment() as env:
        await env.crash_at(point)
        await env.settle(30)
        env.assert_one_of_each()
        assert env.retell_writes().count("create-llm") == 1
        assert env.retell_writes().count("create-agent") == 1


async def test_recovery_after_a_found_llm_does_not_wait() -> None:
    """The operator is killed between the LLM's commit and its recorded id: the next one finds it and goes on at once."""
    async with open_agent_environment() as env:
        await env.crash_at("after:create-llm")
        before = env.clock.now()
        await env.settle()
        env.assert_one_of_each()
        assert env.clock.now() == before


@pytest.mark.parametrize("point", ["after:create-llm", "after:create-agent"])
async def test_a_crash_with_lagging_lists_leaves_one_of_each(point: str) -> None:
    async with open_agent_environment() as env:
        await env.inject_fault("list-llms", "lagging-list", seconds=9)
        await env.inject_fault("list-agents", "lagging-list", seconds=9)
        await env.crash_at(point)
        await env.settle(30)
        env.assert_one_of_each()


@pytest.mark.parametrize(
    "point", ["after:fork", "after:patch-llm", "before:publish", "after:publish", "before:bind", "after:bind"]
)
async def test_a_crash_in_the_middle_of_a_change_leaks_no_version(point: str) -> None:
    async with open_agent_environment() as env:
        await env.settle()
        env.edit(llm={"model": "gpt-5.1", "prompt": "Neu."})
        await env.crash_at(point)
        await env.settle()
        env.assert_one_of_each()
        assert env.status["publishedVersion"] == 1
        assert env.retell_writes().count("create-agent-version") == 1


async def test_a_refused_create_is_reported_and_tried_again_without_a_wait() -> None:
    async with open_agent_environment(voiceId="nobody") as env:
        result = await env.reconcile()
        assert result.requeue
        assert env.condition("Synced")["reason"] == "ProviderRefused"
        assert "pending" not in env.status
        env.edit(voiceId="11labs-Carola")
        before = env.clock.now()
        await env.settle()
        env.assert_one_of_each()
        assert env.clock.now() == before


async def test_a_published_edit_by_hand_is_repaired_and_reported() -> None:
    async with open_agent_environment() as env:
        await env.settle()
        await env.publish_by_hand(voice_id="11labs-Adrian", voice_speed=1.2)
        result = await env.settle()
        env.assert_one_of_each()
        latest = env.workspace["agents"][env.status["agentId"]][-1]
        assert (latest["version"], latest["voice_id"]) == (2, "11labs-Carola")
        assert latest["voice_speed"] == 1.2, "what we do not manage stays as the person set it"
        assert [event.reason for event in result.events] == ["DriftRepaired"]
        assert "voice_id" in result.events[0].message


async def test_a_draft_by_hand_is_left_alone_and_reported() -> None:
    """Half-finished work in the dashboard must not go live because of a reconcile."""
    async with open_agent_environment() as env:
        await env.settle()
        agent_id = env.status["agentId"]
        await env.request_retell("POST", f"/create-agent-version/{agent_id}", {"base_version": 0})
        await env.request_retell("PATCH", f"/update-agent/{agent_id}?version=1", {"voice_id": "11labs-Adrian"})
        at = len(env.retell_requests)
        await env.settle()
        assert env.retell_writes(at) == []
        assert env.condition("Drifted")["status"] == "True"
        assert "voice_id" in env.condition("Drifted")["message"]
        assert env.condition("Ready")["status"] == "True"


async def test_a_tenant_that_no_watch_has_delivered_yet_is_waited_for_without_a_warning() -> None:
    """One `kubectl apply` creates both; an event would ask people to create what they just created."""
    async with open_agent_environment() as env:
        raw = env.api.objects["Tenant", "salon", "salon"]
        env.context.cache.drop(resources.TENANTS, "salon", "salon", raw["metadata"]["uid"])
        assert (await env.reconcile()).conditions[0].reason == Reason.PENDING
        env.remove(resources.TENANTS, "salon")
        assert (await env.reconcile()).conditions[0].reason == Reason.TENANT_NOT_FOUND


async def test_retell_is_asked_nothing_and_no_secret_is_read_while_a_check_fails() -> None:
    async with open_agent_environment() as env:
        raw = env.api.objects["Tenant", "salon", "salon"]
        env.put(resources.TENANTS, {**raw, "status": {}})
        await env.settle()
        assert env.condition("Synced")["reason"] == "TenantNotReady"
        assert "webhook URLs" in env.condition("Synced")["message"]
        assert env.retell_requests == []
        assert "secrets" not in {path.split("/")[-2] for path in env.api.reads}


async def test_an_agent_deleted_by_hand_is_created_again_after_the_grace_period() -> None:
    async with open_agent_environment() as env:
        await env.settle()
        deleted = env.status["agentId"]
        await env.request_retell("DELETE", f"/delete-agent/{deleted}")
        before = env.clock.now()
        await env.settle(30)
        env.assert_one_of_each()
        assert env.status["agentId"] != deleted
        assert env.clock.now() - before >= timedelta(seconds=10), "one 404 is not believed"


async def test_a_duplicate_with_our_marker_goes_when_nothing_is_bound_to_it() -> None:
    async with open_agent_environment() as env:
        await env.settle()
        llm = await env.request_retell(
            "POST",
            "/create-retell-llm",
            {"start_speaker": "agent", "default_dynamic_variables": {"askproai_owner": MARKER}},
        )
        engine = {"type": "retell-llm", "llm_id": llm["llm_id"]}
        duplicate = await env.request_retell(
            "POST",
            "/create-agent",
            {"response_engine": engine, "voice_id": "11labs-Adrian", "agent_name": f"Alt · {MARKER}"},
        )
        kept = env.status["agentId"]
        env.edit(displayName="Empfang")
        result = await env.reconcile()
        assert next(c for c in result.conditions if c.type == "Synced").reason == "DuplicateFound"
        assert duplicate["agent_id"] in next(c for c in result.conditions if c.type == "Synced").message
        await env.settle()
        env.assert_one_of_each()
        assert env.status["agentId"] == kept


async def test_an_agent_whose_marker_only_begins_like_ours_is_a_stranger() -> None:
    """Retell's query finds substrings: `…/mitte-2` for `…/mitte`."""
    async with open_agent_environment() as env:
        llm = await env.request_retell("POST", "/create-retell-llm", {"start_speaker": "agent"})
        engine = {"type": "retell-llm", "llm_id": llm["llm_id"]}
        name = f"Empfang · {MARKER}-2"
        body = {"response_engine": engine, "voice_id": "11labs-Adrian", "agent_name": name}
        other = (await env.request_retell("POST", "/create-agent", body))["agent_id"]
        await env.settle()
        assert env.status["agentId"] != other
        env.edit(displayName="Empfang")
        await env.settle()
        env.delete()
        assert (await env.settle()).gone
        assert list(env.workspace["agents"]) == [other]
        assert list(env.workspace["llms"]) == [llm["llm_id"]]


async def test_every_function_is_a_tool() -> None:
    async with open_agent_environment(functions=list(Function), transferTo="+49301234599") as env:
        await env.settle()
        assert env.condition("Ready")["status"] == "True"
        assert env.condition("Synced")["reason"] == "AsDeclared"
        llm = env.workspace["llms"][env.status["llmId"]][0]
        assert [tool["name"] for tool in llm["general_tools"]] == [
            "check_availability", "book_appointment", "find_appointments", "reschedule_appointment",
            "cancel_appointment", "transfer_to_human", "end_call",
        ]  # fmt: skip


async def test_plan_mode_writes_the_plan_and_nothing_else() -> None:
    async with open_agent_environment() as env:
        env.annotate(**{"askproai.de/plan": "true"})
        await env.settle()
        assert env.retell_writes() == []
        assert env.status["plan"] == [
            "create an LLM",
            "create an agent",
            "publish that version",
            f"bind {NUMBER} to the published version",
        ]
        env.annotate()
        await env.settle()
        env.assert_one_of_each()
        assert "plan" not in env.status


async def test_a_plan_does_not_outlive_plan_mode_when_retell_refuses_what_it_says() -> None:
    async with open_agent_environment(voiceId="nobody") as env:
        env.annotate(**{"askproai.de/plan": "true"})
        await env.settle()
        assert env.status["plan"]
        env.annotate()
        await env.reconcile()
        assert env.condition("Synced")["reason"] == "ProviderRefused"
        assert "plan" not in env.status


async def test_an_agent_in_plan_mode_with_nothing_to_do_is_ready_and_says_so() -> None:
    async with open_agent_environment() as env:
        await env.settle()
        env.annotate(**{"askproai.de/plan": "true"})
        await env.settle()
        ready = env.condition("Ready")
        assert (ready["status"], ready["reason"]) == ("True", "PlanMode")
        assert ready["message"] == "plan mode: nothing to do"


@pytest.mark.parametrize("ref", [resources.TENANTS, resources.BRANCHES], ids=lambda ref: ref.kind)
async def test_an_agent_plans_what_a_planned_change_of_its_tenant_or_branch_means(ref: resources.ApiResource) -> None:
    async with open_agent_environment() as env:
        await env.settle()
        at = len(env.retell_requests)
        annotations = {"askproai.de/plan": "true"}
        if ref is resources.TENANTS:
            raw = tenant()
            raw["spec"]["privacy"] = {"retellRetentionDays": 30}
        else:
            raw = branch([])
            raw["status"]["phoneNumbers"] = [NUMBER]  # its controller waits, too
        raw["metadata"]["annotations"] = annotations
        env.put(ref, raw)
        await env.settle()
        assert env.retell_writes(at) == []
        assert env.status["plan"] != ["nothing to do"]
        synced = env.condition("Synced")
        assert synced["message"].endswith(
            f"remove the annotation askproai.de/plan from {ref.kind} {raw['metadata']['name']}"
        )
        del raw["metadata"]["annotations"]
        env.put(ref, raw)
        await env.settle()
        assert env.retell_writes(at) != []
        assert "plan" not in env.status


async def test_adoption_takes_over_an_agent_created_by_hand() -> None:
    async with open_agent_environment() as env:
        agent_id = await env.create_by_hand()
        env.edit(adopt={"agentId": agent_id})
        await env.settle()
        env.assert_one_of_each()
        assert env.status["agentId"] == agent_id
        assert env.status["publishedVersion"] == 1
        variables = env.workspace["llms"][env.status["llmId"]][-1]["default_dynamic_variables"]
        assert variables == {"gruss": "Servus", "askproai_owner": MARKER}, "a person's variables stay"


async def test_adoption_of_another_owners_agent_is_refused() -> None:
    async with open_agent_environment() as env:
        agent_id = await env.create_by_hand()
        await env.request_retell("POST", f"/create-agent-version/{agent_id}", {"base_version": 0})
        await env.request_retell(
            "PATCH", f"/update-agent/{agent_id}?version=1", {"agent_name": "X · inst-2/other/agent"}
        )
        at = len(env.retell_requests)
        env.edit(adopt={"agentId": agent_id})
        await env.settle()
        assert env.condition("Synced")["reason"] == "OwnershipConflict"
        assert env.retell_writes(at) == []


async def test_observe_only_writes_nothing_and_shows_the_difference() -> None:
    async with open_agent_environment(managementPolicy="ObserveOnly") as env:
        agent_id = await env.create_by_hand()
        env.edit(adopt={"agentId": agent_id})
        at = len(env.retell_requests)
        await env.settle()
        assert env.retell_writes(at) == []
        assert env.status["agentId"] == agent_id
        assert env.condition("Synced")["reason"] == "ObserveOnly"
        assert env.condition("Drifted")["status"] == "True"
        env.delete()
        assert (await env.settle()).gone
        assert agent_id in env.workspace["agents"]


async def test_a_key_of_another_workspace_is_reported_and_everything_is_created_there() -> None:
    """The recorded ids are not found there; the event names what is left in the old workspace, to which we have no key."""
    async with open_agent_environment() as env:
        await env.settle()
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


async def test_an_adopted_agent_is_recorded_before_it_is_changed() -> None:
    async with open_agent_environment() as env:
        agent_id = await env.create_by_hand()
        env.edit(adopt={"agentId": agent_id})
        await env.crash_at("after:fork")
        assert env.status["agentId"] == agent_id
        env.delete()
        assert (await env.settle()).gone
        assert (env.workspace["agents"], env.workspace["llms"]) == ({}, {})


async def test_observe_only_keeps_the_id_of_a_deleted_agent() -> None:
    """The API server refuses an object with neither `adopt` nor an id in its status."""
    async with open_agent_environment() as env:
        await env.settle()
        agent_id = env.status["agentId"]
        env.edit(managementPolicy="ObserveOnly")
        await env.request_retell("DELETE", f"/delete-agent/{agent_id}")
        await env.settle()
        assert env.status["agentId"] == agent_id
        assert env.condition("Synced")["status"] == "False"
        assert agent_id in env.condition("Synced")["message"]


async def test_a_bound_duplicate_is_reported_without_a_request_every_few_seconds() -> None:
    async with open_agent_environment() as env:
        await env.settle()
        llm = await env.request_retell("POST", "/create-retell-llm", {"start_speaker": "agent"})
        engine = {"type": "retell-llm", "llm_id": llm["llm_id"]}
        body = {"response_engine": engine, "voice_id": "11labs-Adrian", "agent_name": f"Alt · {MARKER}"}
        duplicate = await env.request_retell("POST", "/create-agent", body)
        await env.request_retell(
            "POST", "/import-phone-number", {"phone_number": "+49301234568", "termination_uri": "sip.example"}
        )
        bound = [{"agent_id": duplicate["agent_id"], "weight": 1}]
        await env.request_retell("PATCH", "/update-phone-number/%2B49301234568", {"inbound_agents": bound})
        env.edit(displayName="Empfang")
        result = await env.reconcile()
        assert env.condition("Synced")["reason"] == "DuplicateFound"
        assert duplicate["agent_id"] in env.workspace["agents"]
        assert result.requeue_after is None


async def test_the_grace_period_begins_when_we_stop_waiting_for_the_answer() -> None:
    """Rate budget, connection and answer may take as long as the grace period, and the create may commit after that."""
    async with open_agent_environment() as env:
        await env.inject_fault("create-llm", "error-before-commit")
        reach = env.faults.reach

        def slow(name: str) -> None:
            reach(name)
            if name == "before:create-llm":
                env.clock.advance(timedelta(seconds=19))

        env.context = replace(env.context, faults=type("Slow", (), {"reach": staticmethod(slow)})())
        await env.reconcile()
        env.clock.advance(timedelta(seconds=2))
        at = len(env.retell_requests)
        await env.reconcile()
        assert env.retell_writes(at) == []
        await env.settle(30)
        env.assert_one_of_each()


async def test_nothing_is_written_once_the_lease_is_not_surely_ours() -> None:
    async with open_agent_environment() as env:
        await env.settle()

        def lost() -> None:
            raise NotLeader("the Lease was not renewed in time")

        env.context = replace(env.context, fence=lost)
        await env.request_retell(
            "PATCH", f"/update-phone-number/{NUMBER.replace('+', '%2B')}", {"inbound_agents": None}
        )
        at = len(env.retell_requests)
        with pytest.raises(NotLeader):
            await env.reconcile()
        assert env.retell_writes(at) == []
