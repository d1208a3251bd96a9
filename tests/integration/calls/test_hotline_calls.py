"""A hotline's call finds its branch, keeps it, and books there."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from askproai_core.tenant_config import CallerVerification
from tests.worlds.compiled_salon import compile_example
from tests.worlds.databases import Database
from tests.worlds.tenant_pod import TenantPod, open_pod, running_web, running_worker
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

PEOPLE = (("mitte", "anna", 1), ("mitte", "mehmet", 1), ("pankow", "clara", 1), ("potsdam", "david", 1))
HOTLINE = "+49305550100"
LAST_ANSWER = {"role": "tool_call_result", "tool_call_id": "t", "content": "Für welche Filiale?"}
CUT = {"service": "Haarschnitt"}


@pytest.fixture(scope="module")
async def chain(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TenantPod]:
    folder = tmp_path_factory.mktemp("chain")
    async with open_pod(module_database, folder, "haarwerk", PEOPLE) as pod:
        pod.write_config(compile_example("hotline.yaml", resource_ids=pod.store.resources, tenant=pod.store.tenant))
        async with running_worker(pod) as port, running_web(pod, worker_port=port):
            yield pod


async def ask(
    pod: TenantPod, call_id: str, caller: str = "+4915100000000", keys: str = "", last_answer: str = "", **args: Any
) -> dict[str, Any]:
    before = LAST_ANSWER | {"content": last_answer or LAST_ANSWER["content"]}
    transcript = [before, *({"role": "dtmf", "digit": digit} for digit in keys), {"role": "tool_call_invocation"}]
    reply = await pod.function(
        "check_availability", call_id, CUT | args,
        to_number=HOTLINE, from_number=caller, transcript_with_tool_calls=transcript,
    )  # fmt: skip
    assert reply.status == 200
    return reply.body


async def book(pod: TenantPod, call_id: str, caller: str, start: str) -> dict[str, Any]:
    args = CUT | {"start": start, "customer_name": "Erika Muster"}
    return (await pod.function("book_appointment", call_id, args, to_number=HOTLINE, from_number=caller)).body


async def branch_of(pod: TenantPod, call_id: str) -> str | None:
    return await pod.db.fetchval(
        "SELECT branch FROM calls WHERE tenant = $1 AND call_id = $2", pod.store.tenant, call_id
    )


async def test_hotline_number_alone_chooses_no_branch(chain: TenantPod) -> None:
    """The config lists the hotline's number at Mitte, but its callers may want another branch."""
    answer = await ask(chain, "call_open")
    assert (answer["success"], answer["branches"]) == (False, ["mitte", "pankow", "potsdam"])
    assert answer["message"].startswith("Für welche Filiale möchten Sie den Termin?")
    assert await branch_of(chain, "call_open") is None


async def test_hotline_number_identifies_the_tenant_only(chain: TenantPod) -> None:
    """A pod may learn of a new agent a moment later than Retell."""
    reply = await chain.function("check_availability", "call_new_agent", CUT, to_number=HOTLINE, agent_id="agent_new")
    assert (reply.status, reply.body["success"]) == (200, False)
    assert reply.body["branches"] == ["mitte", "pankow", "potsdam"]


async def test_named_branch_is_kept_for_call_and_booking(chain: TenantPod) -> None:
    free = await ask(chain, "call_named", branch="in Pankow")
    assert {slot["staff"] for slot in free["slots"]} == {"clara"}
    assert (await ask(chain, "call_named"))["success"], "not asked again"
    booked = await book(chain, "call_named", "+4915100000001", free["slots"][0]["start"])
    row = await chain.db.fetchrow("SELECT branch, staff FROM appointments WHERE id = $1", booked["appointment_id"])
    assert tuple(row) == ("pankow", "clara")
    assert not (await ask(chain, "call_other"))["success"], "another call has to name its own"


async def test_caller_may_change_the_branch(chain: TenantPod) -> None:
    await ask(chain, "call_moves", branch="Mitte")
    moved = await ask(chain, "call_moves", branch="lieber Potsdam")
    assert {slot["staff"] for slot in moved["slots"]} == {"david"}
    assert await branch_of(chain, "call_moves") == "potsdam"
    assert not (await ask(chain, "call_moves", branch="Hamburg"))["success"]
    assert await branch_of(chain, "call_moves") == "potsdam"


async def test_pressed_key_chooses_and_announces_the_branch(chain: TenantPod) -> None:
    free = await ask(chain, "call_keys", keys="3")
    assert free["success"]
    assert free["message"].startswith("Haarwerk Potsdam. Haarschnitt. Frei ist")
    again = await ask(chain, "call_keys", keys="1")
    assert again["message"].startswith("Haarschnitt. Frei ist"), "that key meant something else"
    assert await branch_of(chain, "call_keys") == "potsdam"
    assert (await ask(chain, "call_code", keys="13187"))["message"].startswith("Haarwerk Pankow. ")


async def test_last_branch_is_suggested_and_used_on_request(chain: TenantPod) -> None:
    caller = "+4915100000002"
    free = await ask(chain, "call_first", caller, branch="Pankow")
    assert (await book(chain, "call_first", caller, free["slots"][0]["start"]))["success"]
    offered = await ask(chain, "call_again", caller)
    assert (offered["success"], offered["suggested"]) == (False, "pankow")
    assert offered["message"].startswith("Möchten Sie wieder zu Haarwerk Pankow?")
    assert (await ask(chain, "call_again", caller, branch="wie immer"))["message"].startswith("Haarwerk Pankow. ")
    withheld = await ask(chain, "call_stranger", "anonymous", branch="wie immer")
    assert (withheld["success"], withheld["suggested"]) == (False, None)


async def test_a_yes_accepts_the_suggested_branch(chain: TenantPod) -> None:
    caller = "+4915100000005"
    free = await ask(chain, "call_before", caller, branch="Potsdam")
    assert (await book(chain, "call_before", caller, free["slots"][0]["start"]))["success"]
    offered = await ask(chain, "call_yes", caller)
    yes = await ask(chain, "call_yes", caller, last_answer=json.dumps(offered), branch="Ja, gern")
    assert yes["message"].startswith("Haarwerk Potsdam. ")
    assert not (await ask(chain, "call_bare_yes", caller, branch="Ja, gern"))["success"]


async def test_another_tenants_bookings_suggest_no_branch(
    chain: TenantPod, module_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    caller = "+4915100000003"
    free = await ask(chain, "call_here", caller, branch="Pankow")
    assert (await book(chain, "call_here", caller, free["slots"][0]["start"]))["success"]
    async with open_pod(module_database, tmp_path_factory.mktemp("twin"), "twin", PEOPLE) as twin:
        twin.write_config(compile_example("hotline.yaml", resource_ids=twin.store.resources, tenant=twin.store.tenant))
        async with running_web(twin, worker_port=9):
            assert (await ask(twin, "call_here", caller))["suggested"] is None


async def test_service_or_staff_member_narrows_the_branches(chain: TenantPod) -> None:
    question = await ask(chain, "call_colour", service="Färben")
    assert question["branches"] == ["mitte", "potsdam"]
    found = await ask(chain, "call_beard", service="Bartpflege")
    assert found["message"].startswith("Haarwerk Pankow. ")
    hers = await ask(chain, "call_clara", staff="Clara")
    assert hers["message"].startswith("Haarwerk Pankow. Haarschnitt. Frei ist ")
    assert {slot["staff"] for slot in hers["slots"]} == {"clara"}


async def test_events_keep_the_branch_found_in_the_call(chain: TenantPod) -> None:
    await ask(chain, "call_events", branch="Potsdam")
    for event in ("call_started", "call_ended"):
        status = {"call_started": "ongoing", "call_ended": "ended"}[event]
        await chain.retell(event, "call_events", to_number=HOTLINE, call_status=status)
        assert (await chain.settled(f"call_events:{event}"))["status"] == "processed"
    row = await chain.db.fetchrow("SELECT branch, status FROM calls WHERE call_id = 'call_events'")
    assert tuple(row) == ("potsdam", "ended")


async def test_web_call_is_accepted_by_known_agent_only(chain: TenantPod) -> None:
    """A test call in Retell's dashboard has no numbers."""
    web = await chain.function(
        "check_availability", "call_web", CUT | {"branch": "Mitte"}, to_number=None, from_number=None
    )
    assert web.body["success"]
    unknown = await chain.function("check_availability", "call_web2", CUT, to_number=None, agent_id="agent_strange")
    assert unknown.status == 403


async def test_second_factor_prevents_branch_suggestions_by_number(database: Database, tmp_path: Path) -> None:
    async with open_pod(database, tmp_path, "haarwerk", PEOPLE) as pod:
        resources, caller = pod.store.resources, "+4915100000077"
        config = compile_example("hotline.yaml", resource_ids=resources, tenant=pod.store.tenant)
        pod.write_config(config)
        async with running_web(pod, worker_port=9):
            offered = await ask(pod, "call_2f", caller, branch="Pankow")
            assert (await book(pod, "call_2f", caller, offered["slots"][0]["start"]))["success"]
            assert (await ask(pod, "call_by_number", caller))["suggested"] == "pankow"
            verification = CallerVerification.NAME_AND_BIRTH_DATE
            pod.write_config(msgspec.structs.replace(config, caller_verification=verification))

            async def suggests_nothing() -> bool:
                return (await ask(pod, f"call_{uuid4().hex}", caller))["suggested"] is None

            await eventually(suggests_nothing, SOON, "the changed config")
