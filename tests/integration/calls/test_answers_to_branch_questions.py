"""A hotline asks for the branch: the caller's answer counts, even if the next request repeats the old arguments."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from askproai_core.tenant_config.config import RateLimits
from tests.worlds.compiled_salon import compile_example
from tests.worlds.databases import Database
from tests.worlds.spoken_calls import CUT, SpokenCall, empty_book, friday_at
from tests.worlds.tenant_pod import TenantPod, open_pod, running_web

BOOK, SEARCH, INFORM = "book_appointment", "check_availability", "business_information"
HOTLINE = "+49305550100"
PEOPLE = (("mitte", "anna", 1), ("mitte", "mehmet", 1), ("pankow", "clara", 1), ("potsdam", "david", 1))
MENU = "Für welche Filiale möchten Sie den Termin? Sagen oder drücken Sie"
ALL = "eins für Haarwerk Mitte, zwei für Haarwerk Pankow, drei für Haarwerk Potsdam."


@pytest.fixture(scope="module")
async def chain(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TenantPod]:
    async with open_pod(module_database, tmp_path_factory.mktemp("chain"), "haarwerk", PEOPLE) as pod:
        config = compile_example("hotline.yaml", resource_ids=pod.store.resources, tenant=pod.store.tenant)
        limits = RateLimits(webhooks_per_second=0, functions_per_second=0)
        pod.write_config(replace(config, rate_limits=limits))
        async with running_web(pod, worker_port=9):
            yield pod


@pytest.fixture
async def call(chain: TenantPod) -> SpokenCall:
    await empty_book(chain)
    return SpokenCall(chain, to_number=HOTLINE)


@pytest.fixture
async def known(call: SpokenCall) -> SpokenCall:
    """A caller whose last appointment was in Potsdam."""
    assert (await call.ask(BOOK, friday_at(call.pod, branch="Potsdam")))["success"]
    return SpokenCall(call.pod, call.number, to_number=HOTLINE)


def staff_of(answer: dict[str, Any]) -> set[str]:
    assert answer["success"], answer
    return {slot["staff"] for slot in answer["slots"]}


def wanted(call: SpokenCall, **more: str) -> dict[str, Any]:
    return {"service": CUT, "date": friday_at(call.pod)["date"]} | more


@pytest.mark.parametrize(
    ("said", "staff"),
    [
        ("Ja, gern.", "david"), ("Genau.", "david"), ("Ja, da bitte wieder hin.", "david"), ("In Pankow.", "clara"),
        ("Nein, lieber nach Pankow.", "clara"), ("zwei", "clara"), ("Wie immer.", "david"),
        ("Ähm, Pankow, danke.", "clara"), ("Ja, gerne, danke.", "david"),
    ],
)  # fmt: skip
async def test_reply_to_suggested_branch_chooses_the_branch(known: SpokenCall, said: str, staff: str) -> None:
    known.say("Ich möchte einen Haarschnitt.")
    asked = await known.ask(SEARCH, wanted(known))
    assert asked["message"].startswith("Möchten Sie wieder zu Haarwerk Potsdam?")
    known.say(said)
    assert staff_of(await known.ask(SEARCH, wanted(known))) == {staff}


@pytest.mark.parametrize(
    "said",
    [
        "Mitte nächster Woche, Mittwoch um elf.",
        "Pankow ist mir zu weit.",
        "In Mitte war ich noch nie.",
        "Nach Pankow? Nein.",
        "Moment.",
    ],
)
async def test_unrelated_words_choose_no_branch(known: SpokenCall, said: str) -> None:
    known.say("Ich möchte einen Haarschnitt.")
    asked = await known.ask(SEARCH, wanted(known))
    known.say(said)
    assert (await known.ask(SEARCH, wanted(known)))["branches"] == asked["branches"]


async def test_no_to_suggested_branch_lists_the_other_branches(known: SpokenCall) -> None:
    known.say("Ich möchte einen Haarschnitt.")
    await known.ask(SEARCH, wanted(known))
    known.say("Nein.")
    others = await known.ask(SEARCH, wanted(known))
    assert others["message"] == f"{MENU} eins für Haarwerk Mitte, zwei für Haarwerk Pankow."
    known.say("In Pankow.")
    assert staff_of(await known.ask(SEARCH, wanted(known))) == {"clara"}


async def test_counter_question_chooses_no_branch(known: SpokenCall) -> None:
    known.say("Ich möchte einen Haarschnitt.")
    first = await known.ask(SEARCH, wanted(known))
    known.say("Um wie viel Uhr geht das denn?")
    assert (await known.ask(SEARCH, wanted(known)))["message"] == first["message"]


async def test_spoken_street_selects_a_branch_from_the_menu(call: SpokenCall) -> None:
    assert (await call.ask(SEARCH, wanted(call)))["message"].startswith(MENU)
    call.say("Die in der Torstraße.")
    found = await call.ask(SEARCH, wanted(call))
    assert found["message"].startswith("Haarwerk Mitte. "), found
    assert staff_of(found) <= {"anna", "mehmet"}


@pytest.mark.parametrize("branch", [{}, {"branch": "Hamburg"}])
async def test_spoken_name_selects_a_branch_from_the_menu(call: SpokenCall, branch: dict[str, str]) -> None:
    call.say("Ich möchte einen Haarschnitt.")
    assert (await call.ask(SEARCH, wanted(call, **branch)))["message"] == f"{MENU} {ALL}"
    call.say("In Pankow.")
    assert staff_of(await call.ask(SEARCH, wanted(call, **branch))) == {"clara"}


async def test_branch_argument_outranks_the_callers_answer(call: SpokenCall) -> None:
    call.say("Ich möchte einen Haarschnitt.")
    await call.ask(SEARCH, wanted(call))
    call.say("In Pankow. Ach nein, in Potsdam.")
    assert staff_of(await call.ask(SEARCH, wanted(call, branch="Potsdam"))) == {"david"}


async def test_yes_chooses_the_branch_offering_the_service(call: SpokenCall) -> None:
    beard = wanted(call, service="Bartpflege", branch="Mitte")
    call.say("Bartpflege in Mitte, bitte.")
    asked = await call.ask(SEARCH, beard)
    assert asked["message"].endswith("aber in Haarwerk Pankow. Möchten Sie dort einen Termin?")
    call.say("Ja.")
    assert staff_of(await call.ask(SEARCH, beard)) == {"clara"}


async def test_yes_to_two_branches_asks_for_one_branch(call: SpokenCall) -> None:
    colour = wanted(call, service="Färben", branch="Pankow")
    call.say("Färben in Pankow, bitte.")
    asked = await call.ask(SEARCH, colour)
    assert asked["message"].endswith("aber in Haarwerk Mitte oder Haarwerk Potsdam. Möchten Sie dort einen Termin?")
    call.say("Ja.")
    which = await call.ask(SEARCH, colour)
    assert which["message"] == f"{MENU} eins für Haarwerk Mitte, drei für Haarwerk Potsdam."
    call.say("In Potsdam.")
    assert staff_of(await call.ask(SEARCH, colour)) == {"david"}


async def test_no_declines_the_branch_offering_the_service(call: SpokenCall) -> None:
    beard = wanted(call, service="Bartpflege", branch="Mitte")
    call.say("Bartpflege in Mitte, bitte.")
    await call.ask(SEARCH, beard)
    call.say("Nein.")
    refused = await call.ask(SEARCH, beard)
    assert refused["message"] == "Das gibt es nur in Haarwerk Pankow. Was kann ich sonst für Sie tun?"


@pytest.mark.parametrize(
    ("topic", "words", "beginning"),
    [
        ("opening_hours", "Wann hat Pankow offen?", "Haarwerk Pankow. Geöffnet ist"),
        ("prices", "Was kostet Färben in Potsdam?", "Haarwerk Potsdam. Färben: das kostet fünfundachtzig Euro."),
        ("prices", "Was kostet Bartpflege in Mitte?", "Haarwerk Mitte. Bartpflege gibt es nicht in Haarwerk Mitte"),
        ("address", "Welche Filialen haben Sie?", "Unsere Filialen sind Haarwerk Mitte, Haarwerk Pankow und Haarwerk Potsdam."),
        ("other", "Wo sind Ihre Salons?", "Unsere Filialen sind Haarwerk Mitte, Haarwerk Pankow und Haarwerk Potsdam."),
        ("opening_hours", "Wann haben Sie Mitte Dezember auf?", "Für welche Filiale möchten Sie das wissen?"),
    ],
)  # fmt: skip
async def test_branch_named_in_a_question_is_used(call: SpokenCall, topic: str, words: str, beginning: str) -> None:
    call.say(words)
    assert (await call.ask(INFORM, {"topic": topic, "question": words}))["message"].startswith(beginning)


async def test_business_question_is_answered_after_naming_the_branch(call: SpokenCall) -> None:
    asked = {"topic": "opening_hours", "question": "Wann haben Sie offen?"}
    call.say("Wann haben Sie offen?")
    assert not (await call.ask(INFORM, asked))["success"]
    call.say("In Pankow.")
    assert (await call.ask(INFORM, asked))["message"].startswith("Geöffnet ist Montag bis Samstag von zehn")
