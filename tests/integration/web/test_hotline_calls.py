"""B5: a hotline's call finds its branch, keeps it, and books there."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from webpod import Pod, open_pod, running_web, running_worker

from askproai_sandbox.databases import Database
from askproai_sandbox.example_tenant import compile_example

PEOPLE = (("mitte", "anna", 1), ("mitte", "mehmet", 1), ("pankow", "clara", 1), ("potsdam", "david", 1))
HOTLINE = "+49305550100"
ASKED = {"role": "tool_call_result", "tool_call_id": "t", "content": "Für welche Filiale?"}
CUT = {"service": "Haarschnitt"}


@pytest.fixture(scope="module")
async def chain(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pod]:
    folder = tmp_path_factory.mktemp("chain")
    async with open_pod(module_database, folder, "haarwerk", PEOPLE) as pod:
        pod.write_config(compile_example("hotline.yaml", resource_ids=pod.store.resources, tenant=pod.store.tenant))
        async with running_worker(pod) as port, running_web(pod, worker_port=port):
            yield pod


async def ask(
    pod: Pod, call_id: str, caller: str = "+4915100000000", pressed: str = "", heard: str = "", **args: Any
) -> dict[str, Any]:
    before = ASKED | {"content": heard or ASKED["content"]}
    transcript = [before, *({"role": "dtmf", "digit": digit} for digit in pressed), {"role": "tool_call_invocation"}]
    reply = await pod.function(
        "check_availability", call_id, CUT | args,
        to_number=HOTLINE, from_number=caller, transcript_with_tool_calls=transcript,
    )  # fmt: skip
    assert reply.status == 200
    return reply.body


async def book(pod: Pod, call_id: str, caller: str, start: str) -> dict[str, Any]:
    args = CUT | {"start": start, "customer_name": "Erika Muster"}
    return (await pod.function("book_appointment", call_id, args, to_number=HOTLINE, from_number=caller)).body


async def branch_of(pod: Pod, call_id: str) -> str | None:
    return await pod.db.fetchval(
        "SELECT branch FROM calls WHERE tenant = $1 AND call_id = $2", pod.store.tenant, call_id
    )


async def test_the_number_alone_never_chooses_a_branch(chain: Pod) -> None:
    """The hotline's number stands at Mitte; its callers do not."""
    answer = await ask(chain, "call_open")
    assert (answer["success"], answer["branches"]) == (False, ["mitte", "pankow", "potsdam"])
    assert answer["message"].startswith("Für welche Filiale möchten Sie den Termin?")
    assert await branch_of(chain, "call_open") is None


async def test_a_hotlines_number_is_enough_to_belong_to_it_and_not_to_a_branch(chain: Pod) -> None:
    """A pod may see a new agent a moment later than Retell does."""
    reply = await chain.function("check_availability", "call_new_agent", CUT, to_number=HOTLINE, agent_id="agent_new")
    assert (reply.status, reply.body["success"]) == (200, False)
    assert reply.body["branches"] == ["mitte", "pankow", "potsdam"]


async def test_a_branch_once_said_stays_for_the_call_and_the_booking_stands_there(chain: Pod) -> None:
    free = await ask(chain, "call_named", branch="in Pankow")
    assert {slot["staff"] for slot in free["slots"]} == {"clara"}
    assert (await ask(chain, "call_named"))["success"], "not asked again"
    booked = await book(chain, "call_named", "+4915100000001", free["slots"][0]["start"])
    row = await chain.db.fetchrow("SELECT branch, staff FROM appointments WHERE id = $1", booked["appointment_id"])
    assert tuple(row) == ("pankow", "clara")
    assert not (await ask(chain, "call_other"))["success"], "another call has to say its own"


async def test_the_caller_may_change_to_another_branch(chain: Pod) -> None:
    await ask(chain, "call_moves", branch="Mitte")
    moved = await ask(chain, "call_moves", branch="lieber Potsdam")
    assert {slot["staff"] for slot in moved["slots"]} == {"david"}
    assert await branch_of(chain, "call_moves") == "potsdam"
    assert not (await ask(chain, "call_moves", branch="Hamburg"))["success"]
    assert await branch_of(chain, "call_moves") == "potsdam"


async def test_a_pressed_key_chooses_and_the_caller_hears_which(chain: Pod) -> None:
    free = await ask(chain, "call_keys", pressed="3")
    assert free["success"]
    assert free["message"].startswith("Haarwerk Potsdam. Frei ist")
    assert (await ask(chain, "call_keys", pressed="1"))["message"].startswith("Frei ist"), (
        "that key meant something else"
    )
    assert await branch_of(chain, "call_keys") == "potsdam"
    assert (await ask(chain, "call_code", pressed="13187"))["message"].startswith("Haarwerk Pankow. ")


async def test_history_is_offered_and_taken_only_when_said(chain: Pod) -> None:
    caller = "+4915100000002"
    free = await ask(chain, "call_first", caller, branch="Pankow")
    assert (await book(chain, "call_first", caller, free["slots"][0]["start"]))["success"]
    offered = await ask(chain, "call_again", caller)
    assert (offered["success"], offered["suggested"]) == (False, "pankow")
    assert offered["message"].startswith("Möchten Sie wieder zu Haarwerk Pankow?")
    assert (await ask(chain, "call_again", caller, branch="wie immer"))["message"].startswith("Haarwerk Pankow. ")
    stranger = await ask(chain, "call_stranger", "anonymous", branch="wie immer")
    assert (stranger["success"], stranger["suggested"]) == (False, None)


async def test_a_yes_takes_what_was_suggested(chain: Pod) -> None:
    caller = "+4915100000005"
    free = await ask(chain, "call_before", caller, branch="Potsdam")
    assert (await book(chain, "call_before", caller, free["slots"][0]["start"]))["success"]
    offered = await ask(chain, "call_yes", caller)
    yes = await ask(chain, "call_yes", caller, heard=json.dumps(offered), branch="Ja, gern")
    assert yes["message"].startswith("Haarwerk Potsdam. ")
    assert not (await ask(chain, "call_bare_yes", caller, branch="Ja, gern"))["success"]


async def test_history_of_another_tenant_is_none(
    chain: Pod, module_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    caller = "+4915100000003"
    free = await ask(chain, "call_here", caller, branch="Pankow")
    assert (await book(chain, "call_here", caller, free["slots"][0]["start"]))["success"]
    async with open_pod(module_database, tmp_path_factory.mktemp("twin"), "twin", PEOPLE) as twin:
        twin.write_config(compile_example("hotline.yaml", resource_ids=twin.store.resources, tenant=twin.store.tenant))
        async with running_web(twin, worker_port=9):
            assert (await ask(twin, "call_here", caller))["suggested"] is None


async def test_a_service_narrows_the_choice(chain: Pod) -> None:
    asked = await ask(chain, "call_colour", service="Färben")
    assert asked["branches"] == ["mitte", "potsdam"]
    found = await ask(chain, "call_beard", service="Bartpflege")
    assert found["message"].startswith("Haarwerk Pankow. ")


async def test_events_keep_the_branch_that_the_call_found(chain: Pod) -> None:
    await ask(chain, "call_events", branch="Potsdam")
    for event in ("call_started", "call_ended"):
        status = {"call_started": "ongoing", "call_ended": "ended"}[event]
        await chain.retell(event, "call_events", to_number=HOTLINE, call_status=status)
        assert (await chain.settled(f"call_events:{event}"))["status"] == "processed"
    row = await chain.db.fetchrow("SELECT branch, status FROM calls WHERE call_id = 'call_events'")
    assert tuple(row) == ("potsdam", "ended")


async def test_a_web_call_is_its_agents_and_a_strangers_is_refused(chain: Pod) -> None:
    """A test call in Retell's dashboard has no numbers."""
    web = await chain.function(
        "check_availability", "call_web", CUT | {"branch": "Mitte"}, to_number=None, from_number=None
    )
    assert web.body["success"]
    strange = await chain.function("check_availability", "call_web2", CUT, to_number=None, agent_id="agent_strange")
    assert strange.status == 403
