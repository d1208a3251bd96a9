"""A tenant with a German and an English agent: each call is understood and answered in the language of its agent."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from tests.worlds.databases import Database
from tests.worlds.tenant_pod import TenantPod, open_pod, running_web

ENGLISH_AGENT = "agent_english"
FULL_TIME = r"\w+day, \d{1,2} \w+(?: \d{4})? at \d{1,2}(?::\d\d)? [ap]m"
GERMAN = re.compile(r"[äöüß]|\b(?:Uhr|ist|den|Sie|der|bei|und)\b")


@pytest.fixture(scope="module")
async def pod(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TenantPod]:
    async with open_pod(module_database, tmp_path_factory.mktemp("english"), "english") as opened:
        config = opened.config()
        english = replace(config.agents[0], name="amy", agent_id=ENGLISH_AGENT, language="en-GB")
        opened.write_config(replace(config, agents=(*config.agents, english)))
        async with running_web(opened, worker_port=9):
            yield opened


async def call(pod: TenantPod, name: str, args: Any, *, call_id: str = "call_en", **fields: Any) -> dict[str, Any]:
    reply = await pod.function(name, call_id, args, agent_id=ENGLISH_AGENT, **fields)
    assert reply.status == 200
    assert not GERMAN.search(reply.body["message"].replace("Haarschnitt", "")), reply.body["message"]
    return reply.body


async def test_english_call_finds_books_moves_and_cancels(pod: TenantPod) -> None:
    number = {"from_number": "+4915166660077"}
    free = await call(pod, "check_availability", {"service": "Haarschnitt", "date": "next week"}, **number)
    assert re.search(rf"I can offer {FULL_TIME}(?: or at [\w: ]+)? with \w+", free["message"]), free["message"]
    first, second = free["slots"][:2]
    assert re.fullmatch(rf"{FULL_TIME} with \w+", first["spoken"])
    args = {"service": "Haarschnitt", "start": first["start"], "customer_name": "Paul Smith"}
    booked = await call(pod, "book_appointment", args, **number)
    assert re.match(rf"The appointment is booked: {FULL_TIME}, Haarschnitt with \w+\.", booked["message"])
    found = await call(pod, "find_appointments", {}, call_id="call_en_2", **number)
    assert found["message"].startswith("You have one appointment: ")
    moved = await call(pod, "reschedule_appointment", {"start": second["start"]}, call_id="call_en_2", **number)
    if not moved["success"]:  # with somebody else at that start: the person's own times are offered
        moved = await call(
            pod, "reschedule_appointment", {"start": moved["alternatives"][0]["start"]}, call_id="call_en_2", **number
        )
    assert moved["message"].startswith("The appointment is moved: ")
    asked = await call(pod, "cancel_appointment", {}, call_id="call_en_2", **number)
    assert re.fullmatch(
        rf"If you would rather move it, just say so\. Shall I cancel your appointment on {FULL_TIME}, Haarschnitt with \w+\?",
        asked["message"],
    )
    await pod.let_two_seconds_pass("call_en_2")
    cancelled = await call(pod, "cancel_appointment", {"confirmed": True}, call_id="call_en_2", **number)
    assert cancelled["message"].startswith("The appointment is cancelled: ")


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ({"date": "when my husband is at work"}, "I did not understand that."),
        ({"date": "last Monday"}, "Monday, 16 November 2026 is already over, today is"),
        ({"date": "the 31st of November"}, "There is no such day or time."),
        ({"service": "a massage"}, "I find nothing under a massage."),
        ({"staff": "Godzilla"}, "Nobody by the name of Godzilla works here."),
    ],
)
async def test_refusals_are_said_in_english(pod: TenantPod, args: dict[str, str], sentence: str) -> None:
    answer = await call(pod, "check_availability", {"service": "Haarschnitt", **args}, call_id="call_en_odd")
    assert sentence in answer["message"]


async def test_business_questions_are_answered_in_english(pod: TenantPod) -> None:
    price = await call(pod, "business_information", {"topic": "prices"})
    assert price["message"] == "Haarschnitt costs 39 euros."
    hours = await call(pod, "business_information", {"topic": "opening_hours"})
    assert re.match(r"We are open \w+day to \w+day from \d+ am to \d+ pm", hours["message"])


async def test_call_to_the_german_agent_stays_german(pod: TenantPod) -> None:
    free = await pod.function("check_availability", "call_de", {"service": "Haarschnitt", "date": "nächste Woche"})
    assert re.search(r"Frei ist (?:zum Beispiel )?(?:\w+tag|Mittwoch), der \d+\. \w+", free.body["message"])
    price = await pod.function("business_information", "call_de", {"topic": "prices"})
    assert price.body["message"] == "Haarschnitt kostet neununddreißig Euro."
