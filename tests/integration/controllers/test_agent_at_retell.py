"""The RetellAgent controller against Retell's simulator: what exists there afterwards, and what was written on the way."""

import base64
from dataclasses import replace
from datetime import timedelta

import pytest
from agent_world import KEY, MARKER, NUMBER, RETELL_KEY, Scene, agent, scene

from askproai_core.tenant_config import Function
from askproai_operator.api.conditions import Reason
from askproai_operator.engine import FINALIZER, NotLeader, resources


async def test_one_published_agent_is_bound_to_the_number() -> None:
    """An agent per branch, with prompt, voice, functions, webhook URL and the three events."""
    async with scene() as s:
        await s.settle()
        s.assert_one_of_each()
        remote = s.workspace["agents"][s.status["agentId"]][0]
        assert remote["agent_name"] == f"Empfang Mitte · {MARKER}"
        assert remote["webhook_events"] == ["call_started", "call_ended", "call_analyzed"]
        assert remote["timezone"] == "Europe/Berlin"
        llm = s.workspace["llms"][s.status["llmId"]][0]
        assert [tool["name"] for tool in llm["general_tools"]] == ["check_availability", "book_appointment", "end_call"]
        assert all(entry["status"] < 400 for entry in s.entries), "not one request is refused"
        assert s.status["phoneNumbers"] == [NUMBER]
        assert s.status["tenant"] == "salon"
        assert s.condition("Ready")["status"] == "True"
        assert s.condition("Drifted")["reason"] == "NoDrift"


async def test_a_number_is_first_bound_when_pods_serve_and_stays_when_they_are_late() -> None:
    """No caller may reach an agent whose functions nobody serves yet."""
    async with scene() as s:
        s.set_runtime_available(False)
        await s.settle()
        assert not s.workspace["numbers"][NUMBER].get("inbound_agents")
        assert (s.condition("NumbersBound")["reason"], s.condition("Ready")["status"]) == ("Pending", "Unknown")
        s.set_runtime_available(True)
        await s.settle()
        s.assert_one_of_each()
        s.set_runtime_available(False)
        await s.settle()
        s.assert_one_of_each()
        assert s.condition("Ready")["status"] == "True"


async def test_second_reconcile_writes_nothing() -> None:
    async with scene() as s:
        await s.settle()
        at, kube_writes = len(s.entries), s.api.writes
        await s.step()
        await s.step()
        assert s.written(at) == []
        assert s.api.writes == kube_writes
        reads = [e["operation"] for e in s.entries[at:]]
        assert reads == ["list-numbers", "get-agent", "get-llm"] * 2, "steady state is three reads"


async def test_edited_prompt_becomes_a_new_published_version() -> None:
    async with scene() as s:
        await s.settle()
        at = len(s.entries)
        s.edit(llm={"model": "gpt-5.1", "temperature": "0.5", "prompt": "Du bist höflich."})
        await s.settle()
        s.assert_one_of_each()
        assert s.written(at) == ["create-agent-version", "update-llm", "publish-agent-version", "update-number"]
        assert s.status["publishedVersion"] == 1
        old, new = s.workspace["llms"][s.status["llmId"]]
        assert old["general_prompt"].startswith("Du bist der Empfang.")
        assert new["general_prompt"].startswith("Du bist höflich.")
        assert s.results[-1].events == (), "our own change is no drift"


@pytest.mark.parametrize("fault", ["timeout-after-commit", "error-after-commit"])
@pytest.mark.parametrize("operation", ["create-llm", "create-agent"])
@pytest.mark.parametrize("lag", [None, 8])
async def test_a_create_without_an_answer_happens_once(operation: str, fault: str, lag: int | None) -> None:
    async with scene() as s:
        await s.fault(operation, fault, seconds=0)
        if lag:
            await s.fault("list-llms", "lagging-list", seconds=lag)
            await s.fault("list-agents", "lagging-list", seconds=lag)
        await s.settle(30)
        s.assert_one_of_each()
        assert s.written().count(operation) == 1


@pytest.mark.parametrize("operation", ["create-agent-version", "update-llm", "publish-agent-version", "update-number"])
async def test_a_change_without_an_answer_leaks_no_version(operation: str) -> None:
    async with scene() as s:
        await s.settle()
        s.edit(llm={"model": "gpt-5.1", "prompt": "Neu."})
        await s.fault(operation, "error-after-commit")
        await s.settle()
        s.assert_one_of_each()
        assert s.status["publishedVersion"] == 1


POINTS = [
    "before:create-llm", "after:create-llm", "before:create-agent", "after:create-agent", "before:publish",
    "after:publish", "before:bind", "after:bind",
]  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
async def test_a_crash_at_any_point_of_creation_leaves_one_of_each(point: str) -> None:
    async with scene() as s:
        await s.crash_at(point)
        await s.settle(30)
        s.assert_one_of_each()
        assert s.written().count("create-llm") == 1
        assert s.written().count("create-agent") == 1


async def test_recovery_after_a_found_llm_does_not_wait() -> None:
    """The operator is killed between the LLM's commit and its recorded id: the next one finds it and goes on at once."""
    async with scene() as s:
        await s.crash_at("after:create-llm")
        before = s.clock.now()
        await s.settle()
        s.assert_one_of_each()
        assert s.clock.now() == before


@pytest.mark.parametrize("point", ["after:create-llm", "after:create-agent"])
async def test_a_crash_with_lagging_lists_leaves_one_of_each(point: str) -> None:
    async with scene() as s:
        await s.fault("list-llms", "lagging-list", seconds=9)
        await s.fault("list-agents", "lagging-list", seconds=9)
        await s.crash_at(point)
        await s.settle(30)
        s.assert_one_of_each()


@pytest.mark.parametrize(
    "point", ["after:fork", "after:patch-llm", "before:publish", "after:publish", "before:bind", "after:bind"]
)
async def test_a_crash_in_the_middle_of_a_change_leaks_no_version(point: str) -> None:
    async with scene() as s:
        await s.settle()
        s.edit(llm={"model": "gpt-5.1", "prompt": "Neu."})
        await s.crash_at(point)
        await s.settle()
        s.assert_one_of_each()
        assert s.status["publishedVersion"] == 1
        assert s.written().count("create-agent-version") == 1


async def test_a_refused_create_is_reported_and_tried_again_without_a_wait() -> None:
    async with scene(voiceId="nobody") as s:
        result = await s.step()
        assert result.requeue
        assert s.condition("Synced")["reason"] == "ProviderRefused"
        assert "pending" not in s.status
        s.edit(voiceId="11labs-Carola")
        before = s.clock.now()
        await s.settle()
        s.assert_one_of_each()
        assert s.clock.now() == before


async def _publish_by_hand(s: Scene, **fields: object) -> None:
    agent_id = s.status["agentId"]
    version = (
        await s.retell("POST", f"/create-agent-version/{agent_id}", {"base_version": s.status["publishedVersion"]})
    )["version"]
    await s.retell("PATCH", f"/update-agent/{agent_id}?version={version}", fields)
    await s.retell("POST", f"/publish-agent-version/{agent_id}", {"version": version})


async def test_a_published_edit_by_hand_is_repaired_and_reported() -> None:
    async with scene() as s:
        await s.settle()
        await _publish_by_hand(s, voice_id="11labs-Adrian", voice_speed=1.2)
        result = await s.settle()
        s.assert_one_of_each()
        latest = s.workspace["agents"][s.status["agentId"]][-1]
        assert (latest["version"], latest["voice_id"]) == (2, "11labs-Carola")
        assert latest["voice_speed"] == 1.2, "what we do not manage stays as the person set it"
        assert [event.reason for event in result.events] == ["DriftRepaired"]
        assert "voice_id" in result.events[0].message


async def test_a_draft_by_hand_is_left_alone_and_reported() -> None:
    """Half-finished work in the dashboard must not go live because of a reconcile."""
    async with scene() as s:
        await s.settle()
        agent_id = s.status["agentId"]
        await s.retell("POST", f"/create-agent-version/{agent_id}", {"base_version": 0})
        await s.retell("PATCH", f"/update-agent/{agent_id}?version=1", {"voice_id": "11labs-Adrian"})
        at = len(s.entries)
        await s.settle()
        assert s.written(at) == []
        assert s.condition("Drifted")["status"] == "True"
        assert "voice_id" in s.condition("Drifted")["message"]
        assert s.condition("Ready")["status"] == "True"


async def test_a_tenant_that_no_watch_has_delivered_yet_is_waited_for_without_a_warning() -> None:
    """One `kubectl apply` creates both; an event would ask people to create what they just created."""
    async with scene() as s:
        raw = s.api.objects["Tenant", "salon", "salon"]
        s.world.cache.drop(resources.TENANTS, "salon", "salon", raw["metadata"]["uid"])
        assert (await s.step()).conditions[0].reason == Reason.PENDING
        s.remove(resources.TENANTS, "salon")
        assert (await s.step()).conditions[0].reason == Reason.TENANT_NOT_FOUND


async def test_retell_is_asked_nothing_and_no_secret_is_read_while_a_check_fails() -> None:
    async with scene() as s:
        raw = s.api.objects["Tenant", "salon", "salon"]
        s.put(resources.TENANTS, {**raw, "status": {}})
        await s.settle()
        assert s.condition("Synced")["reason"] == "TenantNotReady"
        assert "webhook URLs" in s.condition("Synced")["message"]
        assert s.entries == []
        assert "secrets" not in {path.split("/")[-2] for path in s.api.reads}


async def test_an_agent_deleted_by_hand_is_created_again_after_the_grace_period() -> None:
    async with scene() as s:
        await s.settle()
        deleted = s.status["agentId"]
        await s.retell("DELETE", f"/delete-agent/{deleted}")
        before = s.clock.now()
        await s.settle(30)
        s.assert_one_of_each()
        assert s.status["agentId"] != deleted
        assert s.clock.now() - before >= timedelta(seconds=10), "one 404 is not believed"


async def test_a_number_that_is_not_at_retell_is_reported() -> None:
    async with scene(with_number=False) as s:
        await s.settle()
        assert s.condition("NumbersBound")["reason"] == "NumberNotAtRetell"
        assert "import it" in s.condition("NumbersBound")["message"]
        assert s.condition("Synced")["status"] == "True"
        assert s.status["phoneNumbers"] == []


async def test_a_number_of_somebody_else_is_never_taken() -> None:
    async with scene() as s:
        llm = await s.retell("POST", "/create-retell-llm", {"start_speaker": "agent"})
        body = {"response_engine": {"type": "retell-llm", "llm_id": llm["llm_id"]}, "voice_id": "11labs-Adrian"}
        other = await s.retell("POST", "/create-agent", body)
        bound = [{"agent_id": other["agent_id"], "weight": 1}]
        await s.retell("PATCH", f"/update-phone-number/{NUMBER.replace('+', '%2B')}", {"inbound_agents": bound})
        await s.settle()
        assert s.condition("NumbersBound")["reason"] == "NumberBoundElsewhere"
        assert s.workspace["numbers"][NUMBER]["inbound_agents"] == bound


async def test_a_number_taken_from_the_branch_is_unbound() -> None:
    async with scene() as s:
        await s.settle()
        s.set_branch_numbers()
        await s.settle()
        assert not s.workspace["numbers"][NUMBER].get("inbound_agents")
        assert s.status["phoneNumbers"] == []


async def test_a_duplicate_with_our_marker_goes_when_nothing_is_bound_to_it() -> None:
    async with scene() as s:
        await s.settle()
        llm = await s.retell(
            "POST",
            "/create-retell-llm",
            {"start_speaker": "agent", "default_dynamic_variables": {"askproai_owner": MARKER}},
        )
        engine = {"type": "retell-llm", "llm_id": llm["llm_id"]}
        duplicate = await s.retell(
            "POST",
            "/create-agent",
            {"response_engine": engine, "voice_id": "11labs-Adrian", "agent_name": f"Alt · {MARKER}"},
        )
        kept = s.status["agentId"]
        s.edit(displayName="Empfang")
        result = await s.step()
        assert next(c for c in result.conditions if c.type == "Synced").reason == "DuplicateFound"
        assert duplicate["agent_id"] in next(c for c in result.conditions if c.type == "Synced").message
        await s.settle()
        s.assert_one_of_each()
        assert s.status["agentId"] == kept


async def test_an_agent_whose_marker_only_begins_like_ours_is_a_stranger() -> None:
    """Retell's query finds substrings: `…/mitte-2` for `…/mitte`."""
    async with scene() as s:
        llm = await s.retell("POST", "/create-retell-llm", {"start_speaker": "agent"})
        engine = {"type": "retell-llm", "llm_id": llm["llm_id"]}
        name = f"Empfang · {MARKER}-2"
        body = {"response_engine": engine, "voice_id": "11labs-Adrian", "agent_name": name}
        other = (await s.retell("POST", "/create-agent", body))["agent_id"]
        await s.settle()
        assert s.status["agentId"] != other
        s.edit(displayName="Empfang")
        await s.settle()
        s.delete()
        assert (await s.settle()).gone
        assert list(s.workspace["agents"]) == [other]
        assert list(s.workspace["llms"]) == [llm["llm_id"]]


async def test_every_function_is_a_tool() -> None:
    async with scene(functions=list(Function), transferTo="+49301234599") as s:
        await s.settle()
        assert s.condition("Ready")["status"] == "True"
        assert s.condition("Synced")["reason"] == "AsDeclared"
        llm = s.workspace["llms"][s.status["llmId"]][0]
        assert [tool["name"] for tool in llm["general_tools"]] == [
            "check_availability", "book_appointment", "find_appointments", "reschedule_appointment",
            "cancel_appointment", "transfer_to_human", "end_call",
        ]  # fmt: skip


async def test_plan_mode_writes_the_plan_and_nothing_else() -> None:
    async with scene() as s:
        s.annotate(**{"askproai.de/plan": "true"})
        await s.settle()
        assert s.written() == []
        assert s.status["plan"] == [
            "create an LLM",
            "create an agent",
            "publish that version",
            f"bind {NUMBER} to the published version",
        ]
        s.annotate()
        await s.settle()
        s.assert_one_of_each()
        assert "plan" not in s.status


async def _create_by_hand(s: Scene) -> str:
    """Create and publish an agent as a person would, without our marker; return its id."""
    body = {"start_speaker": "agent", "general_prompt": "alt", "default_dynamic_variables": {"gruss": "Servus"}}
    llm = await s.retell("POST", "/create-retell-llm", body)
    engine = {"type": "retell-llm", "llm_id": llm["llm_id"]}
    remote = await s.retell("POST", "/create-agent", {"response_engine": engine, "voice_id": "11labs-Adrian"})
    await s.retell("POST", f"/publish-agent-version/{remote['agent_id']}", {"version": 0})
    return str(remote["agent_id"])


async def test_adoption_takes_over_an_agent_created_by_hand() -> None:
    async with scene() as s:
        agent_id = await _create_by_hand(s)
        s.edit(adopt={"agentId": agent_id})
        await s.settle()
        s.assert_one_of_each()
        assert s.status["agentId"] == agent_id
        assert s.status["publishedVersion"] == 1
        variables = s.workspace["llms"][s.status["llmId"]][-1]["default_dynamic_variables"]
        assert variables == {"gruss": "Servus", "askproai_owner": MARKER}, "a person's variables stay"


async def test_adoption_of_another_owners_agent_is_refused() -> None:
    async with scene() as s:
        agent_id = await _create_by_hand(s)
        await s.retell("POST", f"/create-agent-version/{agent_id}", {"base_version": 0})
        await s.retell("PATCH", f"/update-agent/{agent_id}?version=1", {"agent_name": "X · inst-2/other/agent"})
        at = len(s.entries)
        s.edit(adopt={"agentId": agent_id})
        await s.settle()
        assert s.condition("Synced")["reason"] == "OwnershipConflict"
        assert s.written(at) == []


async def test_observe_only_writes_nothing_and_shows_the_difference() -> None:
    async with scene(managementPolicy="ObserveOnly") as s:
        agent_id = await _create_by_hand(s)
        s.edit(adopt={"agentId": agent_id})
        at = len(s.entries)
        await s.settle()
        assert s.written(at) == []
        assert s.status["agentId"] == agent_id
        assert s.condition("Synced")["reason"] == "ObserveOnly"
        assert s.condition("Drifted")["status"] == "True"
        s.delete()
        assert (await s.settle()).gone
        assert agent_id in s.workspace["agents"]


async def test_deletion_unbinds_then_deletes_the_agent_then_the_llm() -> None:
    async with scene() as s:
        await s.settle()
        at = len(s.entries)
        s.delete()
        assert (await s.settle()).gone
        assert s.written(at) == ["update-number", "delete-agent", "delete-llm"]
        assert (s.workspace["agents"], s.workspace["llms"]) == ({}, {})
        assert "inbound_agents" not in s.workspace["numbers"][NUMBER]
        assert tuple(KEY) not in s.api.objects


@pytest.mark.parametrize("point", ["after:unbind", "after:delete-agent"])
async def test_a_crash_in_the_middle_of_deletion_is_finished(point: str) -> None:
    async with scene() as s:
        await s.settle()
        s.delete()
        await s.crash_at(point)
        assert (await s.settle()).gone
        assert (s.workspace["agents"], s.workspace["llms"]) == ({}, {})


async def test_deletion_right_after_a_lost_create_leaves_nothing_behind() -> None:
    async with scene() as s:
        await s.fault("list-llms", "lagging-list", seconds=9)
        await s.crash_at("after:create-llm")
        s.delete()
        assert (await s.settle(30)).gone
        assert (s.workspace["agents"], s.workspace["llms"]) == ({}, {})


async def test_orphan_leaves_everything_and_makes_an_event() -> None:
    async with scene(deletionPolicy="Orphan") as s:
        await s.settle()
        at = len(s.entries)
        s.delete()
        assert (await s.settle()).gone
        assert s.written(at) == []
        assert len(s.workspace["agents"]) == 1
        assert s.api.events[-1][1] == "Orphaned"


async def test_deletion_gives_up_after_its_budget_and_names_what_is_left() -> None:
    """A namespace deletion always ends, even if Retell is away."""
    async with scene() as s:
        await s.settle()
        agent_id = s.status["agentId"]
        await s.fault("delete-agent", "error-before-commit", count=1000)
        s.delete()
        result = await s.step()
        assert result.requeue
        s.clock.move(timedelta(minutes=10, seconds=1))
        assert (await s.step()).gone
        kind, reason, message = s.api.events[-1]
        assert (kind, reason) == ("Warning", "LeftOver")
        assert agent_id in message


async def test_deletion_is_tried_again_as_soon_as_the_circuit_lets_it() -> None:
    """With the backoff alone, a namespace would wait minutes longer than Retell was away."""
    async with scene() as s:
        await s.settle()
        await s.fault("list-agents", "down", count=1000)
        s.delete()
        while (result := await s.step()).requeue:
            pass
        assert "left alone for a while" in result.conditions[0].message
        assert result.requeue_after is not None
        assert timedelta() < result.requeue_after <= timedelta(seconds=60)
        s.simulator.faults.clear()
        s.clock.move(result.requeue_after)
        assert (await s.step()).gone


async def test_a_provider_that_asks_for_an_hour_delays_no_deletion_beyond_its_budget() -> None:
    async with scene() as s:
        await s.settle()
        await s.fault("list-agents", "rate-limited", count=1000, seconds=3600)
        s.delete()
        s.clock.move(timedelta(minutes=9, seconds=58))
        after = (await s.step()).requeue_after
        assert after is not None
        assert after <= timedelta(seconds=3)
        s.clock.move(after)
        assert (await s.step()).gone


async def test_an_event_that_cannot_be_created_does_not_hold_up_the_deletion() -> None:
    async with scene(deletionPolicy="Orphan") as s:
        await s.settle()
        s.api.forbidden.add("events")
        s.delete()
        assert (await s.settle()).gone
        assert tuple(KEY) not in s.api.objects


async def test_a_terminating_namespace_gets_its_last_event_in_the_operators_namespace() -> None:
    """It takes no new objects, Events among them, and nobody else says what was left at Retell."""
    async with scene(deletionPolicy="Orphan") as s:
        await s.settle()
        s.api.terminating.add("salon")
        s.delete()
        assert (await s.settle()).gone
        kind, reason, message = s.api.events[-1]
        assert (kind, reason) == ("Normal", "Orphaned")
        assert message.startswith("RetellAgent salon/mitte: ")


async def test_deletion_without_any_key_ends_after_the_budget() -> None:
    """The whole namespace went, `T-teardown` included."""
    async with scene() as s:
        await s.settle()
        s.remove(resources.SECRETS, "salon-teardown")
        s.delete()
        assert (await s.step()).requeue
        s.clock.move(timedelta(minutes=10, seconds=1))
        assert (await s.step()).gone
        assert s.api.events[-1][1] == "LeftOver"


@pytest.mark.parametrize("finalizers", [(), ("example.com/other",), (FINALIZER,)])
async def test_deletion_of_what_was_never_created_asks_nobody(finalizers: tuple[str, ...]) -> None:
    async with scene() as s:
        s.put(resources.AGENTS, agent() | {"metadata": {**agent()["metadata"], "finalizers": [*finalizers]}})
        s.delete()
        assert (await s.settle()).gone
        assert s.entries == []
        assert (tuple(KEY) in s.api.objects) == (finalizers == ("example.com/other",)), "only its own finalizer goes"


@pytest.mark.parametrize("point", ["after:create-llm", "before:create-agent", "after:create-agent", "before:publish"])
async def test_a_namespace_ends_although_its_branch_went_first_and_the_operator_restarted(point: str) -> None:
    """A new process never saw the Branch that named the tenant, but our status records the name from the first intent on."""
    async with scene() as s:
        await s.crash_at(point)
        s.remove(resources.BRANCHES, "mitte")
        s.delete()
        await s.restart()
        assert (await s.settle(30)).gone
        assert (s.workspace["agents"], s.workspace["llms"]) == ({}, {})


async def test_a_key_of_another_workspace_is_reported_and_everything_is_created_there() -> None:
    """The recorded ids are not found there; the event names what is left in the old workspace, to which we have no key."""
    async with scene() as s:
        await s.settle()
        old = s.status["agentId"]
        s.put_teardown_secret("key_another")
        result = await s.step()
        assert [event.reason for event in result.events] == ["RemoteObjectGone"]
        assert old in result.events[0].message
        assert "another workspace" in result.events[0].message
        s.clock.move(timedelta(seconds=20))
        await s.settle()
        (new,) = s.simulator.dump()["workspaces"]["key_another"]["agents"]
        assert s.status["agentId"] == new != old
        assert s.condition("NumbersBound")["reason"] == "NumberNotAtRetell"
        s.put_teardown_secret(RETELL_KEY)
        await s.settle(30)
        assert s.status["agentId"] == old, "back in the old workspace, our marker is found"
        s.assert_one_of_each()


async def test_deletion_after_a_refused_agent_deletes_the_llm() -> None:
    async with scene(voiceId="nobody") as s:
        await s.step()
        assert len(s.workspace["llms"]) == 1
        s.delete()
        assert (await s.settle()).gone
        assert s.workspace["llms"] == {}


async def test_deletion_leaves_alone_what_another_owner_took_over() -> None:
    async with scene() as s:
        await s.settle()
        agent_id, llm_id = s.status["agentId"], s.status["llmId"]
        await _publish_by_hand(s, agent_name="X · inst-2/other/agent")
        llm = f"/update-retell-llm/{llm_id}?version=2"
        await s.retell("POST", f"/create-agent-version/{agent_id}", {"base_version": 1})
        await s.retell("PATCH", llm, {"default_dynamic_variables": {"askproai_owner": "inst-2/other/agent"}})
        at = len(s.entries)
        s.delete()
        assert (await s.settle()).gone
        assert s.written(at) == []


async def test_an_adopted_agent_is_recorded_before_it_is_changed() -> None:
    async with scene() as s:
        agent_id = await _create_by_hand(s)
        s.edit(adopt={"agentId": agent_id})
        await s.crash_at("after:fork")
        assert s.status["agentId"] == agent_id
        s.delete()
        assert (await s.settle()).gone
        assert (s.workspace["agents"], s.workspace["llms"]) == ({}, {})


async def test_a_freed_number_enqueues_the_agent_that_may_wait_for_it() -> None:
    """Otherwise its callers would be declined until the next resync."""
    async with scene() as s:
        other = agent()
        other["metadata"] |= {"name": "nord", "uid": "u-nord"}
        s.put(resources.AGENTS, other)
        await s.settle()
        s.set_branch_numbers()
        await s.settle()
        assert [key.name for key in s.woken] == ["nord"]
        s.set_branch_numbers(NUMBER)
        await s.settle()
        s.delete()
        assert (await s.settle()).gone
        assert [key.name for key in s.woken] == ["nord", "nord"]


async def test_observe_only_keeps_the_id_of_a_deleted_agent() -> None:
    """The API server refuses an object with neither `adopt` nor an id in its status."""
    async with scene() as s:
        await s.settle()
        agent_id = s.status["agentId"]
        s.edit(managementPolicy="ObserveOnly")
        await s.retell("DELETE", f"/delete-agent/{agent_id}")
        await s.settle()
        assert s.status["agentId"] == agent_id
        assert s.condition("Synced")["status"] == "False"
        assert agent_id in s.condition("Synced")["message"]


async def test_a_bound_duplicate_is_reported_without_a_request_every_few_seconds() -> None:
    async with scene() as s:
        await s.settle()
        llm = await s.retell("POST", "/create-retell-llm", {"start_speaker": "agent"})
        engine = {"type": "retell-llm", "llm_id": llm["llm_id"]}
        body = {"response_engine": engine, "voice_id": "11labs-Adrian", "agent_name": f"Alt · {MARKER}"}
        duplicate = await s.retell("POST", "/create-agent", body)
        await s.retell(
            "POST", "/import-phone-number", {"phone_number": "+49301234568", "termination_uri": "sip.example"}
        )
        bound = [{"agent_id": duplicate["agent_id"], "weight": 1}]
        await s.retell("PATCH", "/update-phone-number/%2B49301234568", {"inbound_agents": bound})
        s.edit(displayName="Empfang")
        result = await s.step()
        assert s.condition("Synced")["reason"] == "DuplicateFound"
        assert duplicate["agent_id"] in s.workspace["agents"]
        assert result.requeue_after is None


async def test_the_grace_period_begins_when_we_stop_waiting_for_the_answer() -> None:
    """Rate budget, connection and answer may take as long as the grace period, and the create may commit after that."""
    async with scene() as s:
        await s.fault("create-llm", "error-before-commit")
        reach = s.faults.reach

        def slow(name: str) -> None:
            reach(name)
            if name == "before:create-llm":
                s.clock.move(timedelta(seconds=19))

        s.world = replace(s.world, faults=type("Slow", (), {"reach": staticmethod(slow)})())
        await s.step()
        s.clock.move(timedelta(seconds=2))
        at = len(s.entries)
        await s.step()
        assert s.written(at) == []
        await s.settle(30)
        s.assert_one_of_each()


async def test_nothing_is_written_once_the_lease_is_not_surely_ours() -> None:
    async with scene() as s:
        await s.settle()

        def lost() -> None:
            raise NotLeader("the Lease was not renewed in time")

        s.world = replace(s.world, fence=lost)
        await s.retell("PATCH", f"/update-phone-number/{NUMBER.replace('+', '%2B')}", {"inbound_agents": None})
        at = len(s.entries)
        with pytest.raises(NotLeader):
            await s.step()
        assert s.written(at) == []


async def test_a_trunk_without_its_password_is_reported() -> None:
    async with scene(with_number=False) as s:
        raw = s.api.objects["Branch", "salon", "mitte"]
        sip = {"terminationUri": "sip.example", "authSecretRef": {"name": "trunk"}}
        spec = {**raw["spec"], "phoneNumbers": [{"number": NUMBER, "sip": sip}]}
        s.put(resources.BRANCHES, {**raw, "spec": spec})
        await s.settle()
        assert "Secret 'trunk' is not in this namespace" in s.condition("NumbersBound")["message"]
        data = {name: base64.b64encode(b"x").decode() for name in ("username", "password")}
        s.put(resources.SECRETS, {"metadata": {"name": "trunk", "namespace": "salon", "uid": "u-t"}, "data": data})
        await s.settle()
        s.assert_one_of_each()
