"""The customer of a requested appointment, if a number has several customers or the call names another person."""

from typing import Any

import pytest

from askproai_runtime.sentences import say
from tests.worlds.spoken_calls import SpokenCall, friday_at

BOOK, FIND, MOVE, CANCEL = "book_appointment", "find_appointments", "reschedule_appointment", "cancel_appointment"
OTTO, PETRA = "Otto Lange", "Petra Lange"
TO: dict[str, Any] = {"time": "fünf Uhr nachmittags"}


@pytest.fixture
async def call(call: SpokenCall) -> SpokenCall:
    """Otto Lange has an appointment at 14:00, booked in another call of the number."""
    await book(call, friday_at(call.pod, customer_name=OTTO))
    return call


async def book(call: SpokenCall, args: dict[str, Any]) -> str:
    booked = await SpokenCall(call.pod, call.number).ask(BOOK, args | {"another": True})
    assert booked["success"], booked
    return str(booked["appointment_id"])


async def add_past(call: SpokenCall, name: str) -> None:
    past = await book(call, friday_at(call.pod, "11:00", customer_name=name))
    await call.pod.db.execute(
        "UPDATE appointments SET starts_at = starts_at - interval '60 days', ends_at = ends_at - interval '60 days'"
        " WHERE id = $1::text::uuid", past,
    )  # fmt: skip


async def live(call: SpokenCall) -> list[tuple[str, str]]:
    """Return the name and the time of each appointment of the number."""
    return [(name, at) for _, at, _, name in await call.live(of_number=True)]


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("Meinen Termin bitte verlegen.", {"customer_name": PETRA}),
        ("Meinen Termin bitte verlegen.", {"customer_name": "Petra"}),
        ("Hier ist Petra Lange.", {"customer_name": "Frau Lange"}),
        ("Hier ist Petra Lange, meinen Termin auf fünf.", {}),
        ("Guten Tag, mein Name ist Petra Lange.", {}),
        ("Petra Lange am Apparat.", {"appointment_time": "14 Uhr"}),
    ],
)
async def test_another_persons_appointment_is_confirmed_before_a_move(
    call: SpokenCall, said: str, named: dict[str, str]
) -> None:
    call.say(said)
    asked = await call.ask(MOVE, named | TO)
    assert (asked["success"], f"für {OTTO}, nicht für Petra" in asked["message"]) == (False, True), asked
    assert await live(call) == [(OTTO, "14:00")]
    call.say("Ja, genau.")
    moved = await call.ask(MOVE, named | TO)
    assert (moved["success"], f"für {OTTO}" in moved["message"]) == (True, True), moved


@pytest.mark.parametrize("named", [{"customer_name": PETRA}, {}])
async def test_search_names_the_appointments_customer(call: SpokenCall, named: dict[str, str]) -> None:
    call.say("Hier ist Petra Lange, wann ist mein Termin?")
    found = await call.ask(FIND, named)
    assert (found["success"], f"für {OTTO}" in found["message"]) == (True, True), found
    assert found["message"].startswith(f"Für {PETRA} finde ich keinen Termin.") is bool(named)


@pytest.mark.parametrize("words", ["Nein.", "Nein, meinen.", "Nein, den von Petra."])
async def test_no_to_the_customer_question_moves_nothing(call: SpokenCall, words: str) -> None:
    call.say("Meinen Termin auf fünf, bitte.")
    await call.ask(MOVE, TO | {"customer_name": PETRA})
    call.say(words)
    for named in ({}, {"customer_name": PETRA}):
        refused = await call.ask(MOVE, named | TO)
        assert (refused["success"], refused["message"]) == (False, say().none_other), refused
    assert await live(call) == [(OTTO, "14:00")]
    assert (await call.ask(MOVE, TO | {"customer_name": OTTO}))["success"]


@pytest.mark.parametrize("named", [{"customer_name": PETRA}, {"customer_name": "Petra"}, {}])
async def test_cancellation_question_names_the_customer(call: SpokenCall, named: dict[str, str]) -> None:
    call.say("Hier ist Petra Lange, ich sage ab.")
    asked = await call.ask(CANCEL, named)
    assert asked["message"].startswith("Für Petra"), asked
    assert f"für {OTTO}, absagen?" in asked["message"]
    assert await live(call) == [(OTTO, "14:00")]


@pytest.mark.parametrize("named", [{}, {"customer_name": "Lange"}, {"customer_name": "Frau Lange"}])
async def test_customer_of_a_shared_number_is_asked_once(call: SpokenCall, named: dict[str, str]) -> None:
    await add_past(call, PETRA)
    call.say("Auf fünf bitte.")
    asked = await call.ask(MOVE, named | TO)
    assert (asked["success"], f"für {OTTO}?" in asked["message"]) == (False, True), asked
    call.say("Ja.")
    assert (await call.ask(MOVE, named | TO))["success"]
    call.say("Doch lieber vier.")
    again = await call.ask(MOVE, named | {"time": "16 Uhr"})
    assert (again["success"], f"für {OTTO}" in again["message"]) == (True, True), again


async def test_caller_with_a_shared_number_hears_customers_name(call: SpokenCall) -> None:
    await add_past(call, PETRA)
    found = await call.ask(FIND, {})
    assert (found["success"], f"für {OTTO}" in found["message"]) == (True, True), found
    assert f"für {OTTO}, absagen?" in (await call.ask(CANCEL, {}))["message"]


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("Auf fünf.", {"customer_name": OTTO}),
        ("Auf fünf.", {"customer_name": "Otto"}),
        ("Hier ist Otto Lange.", {"customer_name": "Herr Lange"}),
        ("Hier ist Otto Lange.", {}),
        ("Den um zwei auf fünf.", {"appointment_time": "14 Uhr"}),
        ("Auf fünf.", {"appointment_id": "found"}),
    ],
)
async def test_move_naming_the_customer_needs_no_question(call: SpokenCall, said: str, named: dict[str, str]) -> None:
    await add_past(call, PETRA)
    if "appointment_id" in named:
        (listed,) = (await call.ask(FIND, {}))["appointments"]
        named = {"appointment_id": listed["appointment_id"]}
    call.say(said)
    moved = await call.ask(MOVE, named | TO)
    assert (moved["success"], f"für {OTTO}" in moved["message"]) == (True, True), moved


@pytest.mark.parametrize(
    "said", ["Auf fünf.", "Hier ist Otto Lange.", "Hier ist Otto Lenge, auf fünf.", "Lange am Apparat."]
)
@pytest.mark.parametrize("named", [{}, {"customer_name": OTTO}, {"customer_name": "Herr Lange"}])
async def test_caller_with_unshared_number_needs_no_customer_question(
    call: SpokenCall, said: str, named: dict[str, str]
) -> None:
    await add_past(call, "Lange")
    call.say(said)
    found = await call.ask(FIND, named)
    assert (found["success"], len(found["appointments"])) == (True, 1), found
    assert (await call.ask(MOVE, named | TO))["success"]


async def test_second_move_needs_no_customer_question(call: SpokenCall) -> None:
    call.say("Hier ist Petra Lange, den Termin von Otto auf fünf.")
    assert (await call.ask(MOVE, TO | {"customer_name": "Otto"}))["success"]
    call.say("Doch lieber um vier.")
    assert (await call.ask(MOVE, {"time": "16 Uhr"}))["success"]


async def test_appointment_booked_for_another_person_is_moved(call: SpokenCall) -> None:
    """Who rings for somebody else has just said so."""
    other = SpokenCall(call.pod)
    other.say("Hier ist Petra Lange, einen Termin für Mia.")
    assert (await other.ask(BOOK, friday_at(call.pod, "10:00", customer_name="Mia Lange")))["success"]
    other.say("Doch lieber um zwölf.")
    assert (await other.ask(MOVE, {"time": "12 Uhr"}))["success"]


@pytest.mark.parametrize(
    ("name", "at"), [(PETRA, ["11"]), ("Otto", ["14"]), ("Frau Lange", ["11", "14"]), ("Mia Lange", ["11", "14"])]
)
async def test_search_by_name_finds_that_persons_appointments(call: SpokenCall, name: str, at: list[str]) -> None:
    await book(call, friday_at(call.pod, "11:00", customer_name=PETRA))
    found = await call.ask(FIND, {"customer_name": name})
    assert [each["start"][11:13] for each in found["appointments"]] == at, found
    assert found["message"].startswith("Für Mia Lange finde ich keinen Termin.") is (name == "Mia Lange")


async def test_herr_with_a_shared_surname_is_ambiguous(call: SpokenCall) -> None:
    await book(call, friday_at(call.pod, "11:00", customer_name=PETRA))
    call.say("Hier ist Petra Lange, den Termin von Herrn Lange auf fünf.")
    asked = await call.ask(MOVE, TO | {"customer_name": "Herr Lange"})
    assert (asked["success"], len(asked["appointments"])) == (False, 2), asked


@pytest.mark.parametrize("relative", ["meine Frau", "meine Tochter", "my husband"])
async def test_relative_without_a_name_is_asked_about(call: SpokenCall, relative: str) -> None:
    asked = await call.ask(MOVE, {"customer_name": relative} | TO)
    assert (asked["success"], f"für {OTTO}?" in asked["message"]) == (False, True), asked


@pytest.mark.parametrize(
    ("said", "stays"),
    [
        ("Otto und Mia Lange, auf fünf bitte.", 1), ("Hier ist Otto Lange, Mia und ich kommen erst um fünf.", 1),
        ("Otto Lange here, Mia and I can only make five.", 1), ("Otto Lange, auf fünf bitte.", 0),
    ],
)  # fmt: skip
async def test_move_mentions_the_second_persons_remaining_appointment(call: SpokenCall, said: str, stays: int) -> None:
    await book(call, friday_at(call.pod, "11:00", customer_name="Mia Lange"))
    call.say(said)
    moved = await call.ask(MOVE, TO | {"customer_name": OTTO})
    assert (moved["success"], moved["message"].count("11 Uhr für Mia Lange, bleibt bestehen")) == (True, stays), moved
