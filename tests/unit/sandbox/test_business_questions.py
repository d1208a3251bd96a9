"""The demo's agent asks the function about the business, where the agent at Retell has it."""

from typing import Any

import pytest
from played_calls import OFFER
from scripted_models import called, new_model_tools

from askproai_sandbox.caller import ScriptedModel, ToolCall
from askproai_sandbox.caller.catalogue import read_catalogue

PROMPT = """## Buchbar
- Haarschnitt (45 Minuten)
- Färben (90 Minuten)

## Häufige Fragen
- Kann ich mit Karte zahlen?"""
TOOL = {"parameters": {"properties": {name: {} for name in ("topic", "question", "service", "date", "branch")}}}


def new_model() -> ScriptedModel:
    tools: dict[str, Any] = {**new_model_tools(), "business_information": TOOL}
    return ScriptedModel(tools, "+491", read_catalogue(PROMPT))


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ("Was kostet ein Haarschnitt?", {"topic": "prices", "service": "Haarschnitt"}),
        ("Was kostet eine Massage?", {"topic": "prices", "service": "Massage"}),
        ("Was kostet das?", {"topic": "prices"}),
        ("Wo sind Sie?", {"topic": "address"}),
        ("Wo kann ich parken?", {"topic": "address"}),
        ("Haben Sie morgen auf?", {"topic": "opening_hours", "date": "morgen"}),
        ("Wann haben Sie geöffnet?", {"topic": "opening_hours"}),
        ("Kann ich mit Karte zahlen?", {"topic": "other"}),
    ],
)
def test_a_question_about_the_business_calls_the_function(text: str, args: dict[str, str]) -> None:
    assert called(new_model(), text) == {"tool": "business_information", "question": text, **args}


def test_without_the_function_the_agent_says_that_it_does_not_know_and_what_to_add() -> None:
    model = ScriptedModel(new_model_tools(), "+491", read_catalogue(PROMPT))
    assert isinstance(model.hear("Wo sind Sie?"), str)
    assert "add BusinessInformation to spec.functions" in str(model.remark)


def test_a_question_between_offer_and_answer_keeps_the_offer() -> None:
    model = new_model()
    model.hear("Einen Haarschnitt am Freitag um halb drei")
    model.learn({"success": True, "slots": [OFFER]})
    assert called(model, "Was kostet das?") == {
        "tool": "business_information", "topic": "prices", "question": "Was kostet das?", "service": "Haarschnitt",
    }  # fmt: skip
    model.learn({"success": True, "message": "Haarschnitt kostet neununddreißig Euro.", "topic": "prices"})
    booked = model.hear("Ja, gern. Mein Name ist Max Muster.")
    assert isinstance(booked, ToolCall)
    assert (booked.name, booked.args["start"]) == ("book_appointment", OFFER["start"])


def test_the_service_that_is_asked_back_completes_the_question() -> None:
    model = new_model()
    model.hear("Was kostet das?")
    model.learn({"success": False, "message": "Welche Leistung meinen Sie?", "services": ["haarschnitt", "farbe"]})
    assert called(model, "Das Färben.")["service"] == "Färben"
    model.learn({"success": True, "message": "Färben kostet neunundachtzig Euro.", "topic": "prices"})
    assert called(model, "Dann am Freitag um zehn")["tool"] == "check_availability"
