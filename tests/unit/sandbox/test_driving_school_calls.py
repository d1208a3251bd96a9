"""Calls of a driving school to the demo's agent: names that are greetings, a question beside a yes, parts of names in questions."""

from typing import Any

import pytest
from workshop_model import NOW, TOOLS

from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

CATALOGUE = read_catalogue(
    "## Buchbar\n- Anmeldegespräch (30 Minuten)\n- Fahrstunde (45 Minuten)\n- Doppelstunde (90 Minuten)\n\n"
    "## Team\n- Freiburg: Herr Kienzle, Frau Freitag\n\n"
    "## Häufige Fragen\n- Was kostet der ganze Führerschein?\n- Bekomme ich ein Leihrad?\n"
)
ALL_TOOLS: dict[str, Any] = {**TOOLS, "book_appointment": {**TOOLS["book_appointment"]}}
ALL_TOOLS["book_appointment"]["parameters"] = {
    **TOOLS["book_appointment"]["parameters"],
    "required": ["customer_name"],
}
OFFER = {"start": "2026-11-24T16:00:00+01:00", "spoken": "Dienstag, den 24. November, um 16 Uhr bei Herrn Kienzle"}
WISH = "Eine Fahrstunde am Dienstag um vier."


def play(*says: str) -> tuple[dict[str, Any] | str, str | None]:
    """Return what the model does at the last sentence, and its remark."""
    model = ScriptedModel(ALL_TOOLS, "+491", CATALOGUE, now=NOW)
    reaction: ToolCall | str = ""
    for said in says:
        reaction = model.hear(said)
        if isinstance(reaction, ToolCall):
            slots = {"slots": [OFFER]} if reaction.name == "check_availability" else {"appointment_id": "a-1"}
            model.learn({"success": True, "message": "…", **slots})
    return ({"tool": reaction.name, **reaction.args} if isinstance(reaction, ToolCall) else reaction), model.remark


def done(*says: str) -> dict[str, Any]:
    called, _ = play(*says)
    assert isinstance(called, dict), called
    return called


@pytest.mark.parametrize("name", ["Max Tag", "Anna Tag", "Eva Abend", "Eva Morgen"])
def test_a_word_of_a_greeting_is_a_last_name_behind_a_first_name(name: str) -> None:
    assert done(WISH, "Ja, bitte.", f"{name}.")["customer_name"] == name
    assert play(WISH, "Ja, bitte.", "Guten Tag.") == (phrases.ASK_NAME, None)


@pytest.mark.parametrize(
    ("says", "question"),
    [
        (("Ja, Emil Zoll. Achso, und kostet das etwas?",), "kostet das etwas?"),
        (("Ja, Emil Zoll, und was kostet das?",), "was kostet das?"),
        (("Ja.", "Emil Zoll. Und wo sind Sie?"), "wo sind Sie?"),
    ],
)
def test_what_is_asked_beside_a_yes_with_a_name_is_remarked_and_the_offer_booked(
    says: tuple[str, ...], question: str
) -> None:
    called, remark = play(WISH, *says)
    assert isinstance(called, dict)
    assert (called["tool"], called["customer_name"]) == ("book_appointment", "Emil Zoll")
    assert remark == phrases.ALSO_QUESTION.format(question)


def test_a_question_with_a_but_beside_a_yes_is_answered_first() -> None:
    assert done(WISH, "Ja, aber was kostet das?")["tool"] == "business_information"


def test_a_yes_without_a_name_is_kept_and_the_question_beside_it_remarked() -> None:
    asked, remark = play(WISH, "Ja. Was kostet das?")
    assert (asked, remark) == (phrases.ASK_NAME, phrases.ALSO_QUESTION.format("Was kostet das?"))


@pytest.mark.parametrize("text", ["Nehmen Sie das Gespräch auf?", "Wird das Gespräch aufgezeichnet?"])
def test_a_part_of_a_services_name_in_a_question_is_no_wish(text: str) -> None:
    called, remark = play(text)
    assert called == {"tool": "business_information", "topic": "other", "question": text}
    assert remark == phrases.NOT_UNDERSTOOD.format(text)


@pytest.mark.parametrize(
    "text",
    [
        "Ein Gespräch, bitte.",
        "Machen Sie auch Gespräche?",
        "Kann ich zum Gespräch kommen?",
        "Ist das Gespräch am Freitag möglich?",
        "Gespräch?",
    ],
)
def test_a_part_of_a_services_name_in_a_wish_names_it(text: str) -> None:
    assert (done(text)["tool"], done(text)["service"]) == ("check_availability", "Anmeldegespräch")


@pytest.mark.parametrize(
    "text",
    ["Ich möchte gern den Führerschein machen, was brauche ich dafür?", "Was brauche ich für den Führerschein?"],
)
def test_a_known_price_is_no_answer_to_who_asks_for_no_price(text: str) -> None:
    said, remark = play(text)
    assert (said, "did not understand" in str(remark)) == (phrases.HELP, True)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("Was kostet denn der Führerschein?", "Was kostet der ganze Führerschein?"),
        ("Wie teuer ist der Führerschein?", "Was kostet der ganze Führerschein?"),
        ("Kann ich ein Leihrad bekommen?", "Bekomme ich ein Leihrad?"),
    ],
)
def test_a_known_question_is_answered_to_who_asks_the_same(text: str, known: str) -> None:
    assert done(text)["question"] == known
    assert done("Was kostet ein Leihrad?")["topic"] == "prices"


def test_the_time_beside_the_name_is_that_of_the_callback() -> None:
    left = done("Kann mich der Chef zurückrufen?", "Gitta Au, heute Abend bitte.")
    assert (left["customer_name"], left["call_back"]) == ("Gitta Au", "heute Abend")
    assert left["message"] == "Kann mich der Chef zurückrufen?"


@pytest.mark.parametrize("text", ["Bei wem wäre das?", "Bei wem ist das?"])
def test_an_offer_of_herrn_kienzle_names_herr_kienzle(text: str) -> None:
    said, remark = play(WISH, text)
    assert ("Herrn Kienzle" in str(said), remark) == (True, None)


@pytest.mark.parametrize(
    "text", ["Was kostet eine Doppelstunde und wie lange geht die?", "Wie lange dauert das, und was kostet es?"]
)
def test_the_second_of_two_questions_is_remarked(text: str) -> None:
    called, remark = play(text)
    assert (isinstance(called, dict), remark) == (True, phrases.ONE_QUESTION.format(text))
    assert play("Was kostet eine Doppelstunde?")[1] is None


def test_who_asks_for_the_times_of_a_day_asks_for_no_clock_time() -> None:
    asked = done(WISH, "Welche Zeiten haben Sie denn am Mittwoch noch?")
    assert (asked["tool"], asked["date"], asked.get("time")) == ("check_availability", "Mittwoch", None)
