"""Callers ask about the business: answered from the config, per branch, and also while the database is away."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as changed

from askproai_runtime.sentences import say
from tests.worlds.compiled_salon import compile_example
from tests.worlds.databases import Database
from tests.worlds.tenant_pod import TenantPod, open_pod, running_web, running_worker
from tests.worlds.waiting import eventually

PEOPLE = (("mitte", "anna", 1), ("mitte", "mehmet", 1), ("pankow", "clara", 1), ("potsdam", "david", 1))
HOTLINE = "+49305550100"
WHICH = "Für welche Filiale möchten Sie das wissen?"


@pytest.fixture(scope="module")
async def chain(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TenantPod]:
    folder = tmp_path_factory.mktemp("chain")
    async with open_pod(module_database, folder, "auskunft", PEOPLE) as pod:
        pod.write_config(compile_example("hotline.yaml", resource_ids=pod.store.resources, tenant=pod.store.tenant))
        async with running_worker(pod) as port, running_web(pod, worker_port=port):
            yield pod


async def ask(pod: TenantPod, call_id: str, topic: str, last_answer: Any = None, **args: Any) -> dict[str, Any]:
    before = [] if last_answer is None else [{"role": "tool_call_result", "content": json.dumps(last_answer)}]
    reply = await pod.function(
        "business_information", call_id, {"topic": topic, **args},
        to_number=HOTLINE, transcript_with_tool_calls=[*before, {"role": "tool_call_invocation"}],
    )  # fmt: skip
    assert reply.status == 200
    return reply.body


async def test_a_changed_price_is_said_within_seconds(pod: TenantPod) -> None:
    """By the config that the pod reads again: neither the pod nor the agent at Retell changes."""
    before = pod.config()
    assert (await pod.function("business_information", "call_price", {"topic": "prices"})).body["message"] == (
        "Haarschnitt kostet neununddreißig Euro."
    )
    services = tuple(changed(each, price_amount="41.50") for each in before.services)
    pod.write_config(changed(before, services=services))

    async def hears_it() -> bool:
        reply = await pod.function("business_information", "call_price", {"topic": "prices"})
        return bool(reply.body["message"] == "Haarschnitt kostet einundvierzig Euro fünfzig.")

    try:
        await eventually(hears_it)
    finally:
        pod.write_config(before)


@pytest.mark.parametrize("args", [None, [], "Preise", {}, {"topic": 7}, {"topic": "prices", "date": {"x": 1}}])
async def test_any_model_argument_is_answered_with_a_sentence(pod: TenantPod, args: Any) -> None:
    reply = await pod.function("business_information", "call_odd", args)
    assert (reply.status, reply.body["message"].strip() != "") == (200, True)


async def test_business_question_uses_every_argument(pod: TenantPod) -> None:
    both = await pod.function("business_information", "call_topics", {"topic": ["price", "address"]})
    assert both.body["message"].startswith("Haarschnitt kostet neununddreißig Euro. Die Adresse ist Torstraße 1")
    days = {"topic": "opening_hours", "question": "Ist Mehmet da?", "date": "Mittwoch", "staff": "Mehmet"}
    days_open = await pod.function("business_information", "call_topics", days)
    assert days_open.body["message"].startswith("Mehmet arbeitet in der Regel Donnerstag und Freitag")
    assert not {"unread_arguments"} & {*both.body, *days_open.body}


async def test_business_answer_is_recorded_with_its_outcome(pod: TenantPod) -> None:
    await pod.function("business_information", "call_recorded", {"topic": "address"})

    async def recorded() -> str | None:
        return await pod.db.fetchval(
            "SELECT outcome FROM function_requests WHERE tenant = $1 AND call_id = $2",
            pod.store.tenant,
            "call_recorded",
        )

    assert await eventually(recorded) == "answered"


async def test_hotline_asks_for_branch_only_if_answers_differ(chain: TenantPod) -> None:
    price = await ask(chain, "call_same", "prices", service="Haarschnitt")
    assert (price["success"], price["message"]) == (True, "Haarschnitt kostet zweiundvierzig Euro.")
    strands = await ask(chain, "call_same", "prices", service="Strähnen")
    assert (strands["success"], strands["branches"]) == (False, ["mitte", "potsdam"]), "nobody does it in Pankow"
    address = await ask(chain, "call_same", "address")
    assert (address["success"], address["branches"]) == (False, ["mitte", "pankow", "potsdam"])
    assert address["message"].startswith(WHICH)


async def test_branch_of_a_business_answer_applies_to_booking(chain: TenantPod) -> None:
    named = await ask(chain, "call_place", "address", branch="in Pankow")
    assert named["message"].startswith("Die Adresse von Haarwerk Pankow ist Florastraße 12 in Berlin")
    again = await ask(chain, "call_place", "opening_hours")
    assert "von zehn bis achtzehn Uhr" in again["message"], "it is not asked again"
    free = await chain.function("check_availability", "call_place", {"service": "Haarschnitt"}, to_number=HOTLINE)
    assert {slot["staff"] for slot in free.body["slots"]} == {"clara"}


async def test_question_about_another_branch_does_not_change_branch(chain: TenantPod) -> None:
    async def free_staff(**args: str) -> set[str]:
        free = await chain.function(
            "check_availability", "call_aside", {"service": "Haarschnitt", **args}, to_number=HOTLINE
        )
        return {slot["staff"] for slot in free.body["slots"]}

    assert await free_staff(branch="Pankow") == {"clara"}
    aside = await ask(chain, "call_aside", "address", branch="Potsdam")
    assert "Brandenburger Straße 7 in Potsdam" in aside["message"]
    assert await free_staff() == {"clara"}


async def test_yes_to_the_suggested_branch_chooses_it(chain: TenantPod) -> None:
    last = {"success": False, "message": "Passt das?", "branches": ["potsdam"], "suggested": "potsdam"}
    answer = await ask(chain, "call_yes", "address", last, branch="ja")
    assert "Brandenburger Straße 7 in Potsdam" in answer["message"]


async def test_questions_are_answered_during_a_database_outage(
    chain: TenantPod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A branch that was named before is not remembered then; it is asked for, not guessed."""

    class NoPool:
        def acquire(self) -> Any:
            raise ConnectionRefusedError

    monkeypatch.setattr(chain.web, "_functions", replace(chain.web._functions, pool=NoPool()))
    assert (await ask(chain, "call_away", "prices", service="Haarschnitt"))["success"]
    assert (await ask(chain, "call_away", "address"))["message"].startswith(WHICH)
    assert "Florastraße" in (await ask(chain, "call_away", "address", branch="Pankow"))["message"]


async def test_slow_database_does_not_delay_an_answer(chain: TenantPod, monkeypatch: pytest.MonkeyPatch) -> None:
    class SlowPool:
        @asynccontextmanager
        async def acquire(self) -> AsyncIterator[None]:
            await asyncio.Event().wait()
            yield

    monkeypatch.setattr(chain.web, "_functions", replace(chain.web._functions, pool=SlowPool()))
    assert "Florastraße" in (await ask(chain, "call_slow", "address", branch="Pankow"))["message"]


async def test_internal_error_is_not_blamed_on_the_calendar(pod: TenantPod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("askproai_runtime.conversation.functions.same_everywhere", lambda *_: 1 / 0)
    reply = await pod.function("business_information", "call_error", {"topic": "prices"})
    assert (reply.body["success"], reply.body["message"]) == (False, say().no_information)
