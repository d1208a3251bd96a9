"""The demo's agent asks the function about the business, where the agent at Retell has it."""

from typing import Any

import pytest
from played_calls import OFFER
from scripted_models import called, new_model_tools

from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

PROMPT = """## Buchbar
- Haarschnitt (45 Minuten)
- Färben (90 Minuten)

## Häufige Fragen
- Kann ich mit Karte zahlen?"""
TOOL = {"parameters": {"properties": {name: {} for name in ("topic", "question", "service", "date", "branch")}}}


def new_model(more: dict[str, Any] | None = None) -> ScriptedModel:
    tools: dict[str, Any] = {**new_model_tools(), "business_information": TOOL, **(more or {})}
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
        ("Ob Sie morgen aufhaben, wollte ich fragen", {"topic": "opening_hours", "date": "morgen"}),
        ("Was muss ich zum Färben mitbringen?", {"topic": "service", "service": "Färben"}),
        ("Wie lange dauert ein Haarschnitt?", {"topic": "service", "service": "Haarschnitt"}),
        ("Ist ein Haarschnitt kostenlos?", {"topic": "prices", "service": "Haarschnitt"}),
        ("Was kostet es, wenn ich absage?", {"topic": "cancellation"}),
        ("Was kostet das, wenn ich absagen muss", {"topic": "cancellation"}),
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


UNKNOWN = "Was Haarschnitt kostet, kann ich Ihnen leider nicht sagen."


@pytest.mark.parametrize(
    ("onward", "tool"),
    [("Soll ich Sie mit dem Team verbinden?", "transfer_to_human"), ("Kann ich sonst etwas für Sie tun?", None)],
)
def test_a_yes_to_another_question_does_not_book_the_offer_before_it(onward: str, tool: str | None) -> None:
    model = new_model({"transfer_to_human": {"type": "transfer_call"}})
    model.hear("Hier ist Dora Dorn, einen Haarschnitt am Freitag um halb drei")
    model.learn({"success": True, "slots": [OFFER]})
    model.hear("Was kostet das denn?")
    model.learn({"success": False, "message": f"{UNKNOWN} {onward}", "topic": "prices"})
    reaction = model.hear("Ja, bitte.")
    assert (reaction.name if isinstance(reaction, ToolCall) else None) == tool


def test_a_yes_to_a_message_after_an_unknown_answer_leaves_one() -> None:
    model = new_model({"leave_message": {"type": "custom", "parameters": {"properties": {}}}})
    model.hear("Was kostet ein Haarschnitt?")
    model.learn({"success": False, "message": f"{UNKNOWN} Soll ich dem Team etwas ausrichten?", "topic": "prices"})
    assert model.hear("Ja, gern.") == phrases.ASK_MESSAGE


def test_a_yes_after_a_known_answer_leaves_no_message() -> None:
    model = new_model({"leave_message": {"type": "custom", "parameters": {"properties": {}}}})
    model.hear("Was kostet ein Haarschnitt?")
    model.learn({"success": False, "message": f"{UNKNOWN} Soll ich dem Team etwas ausrichten?", "topic": "prices"})
    model.hear("Was kostet Färben?")
    model.learn({"success": True, "message": "Färben kostet neunundachtzig Euro.", "topic": "prices"})
    assert model.hear("Ja, gern.") != phrases.ASK_MESSAGE


def test_a_no_to_another_question_leaves_the_offer() -> None:
    model = new_model({"transfer_to_human": {"type": "transfer_call"}})
    model.hear("Hier ist Dora Dorn, einen Haarschnitt am Freitag um halb drei")
    model.learn({"success": True, "slots": [OFFER]})
    model.hear("Was kostet das denn?")
    model.learn({"success": False, "message": f"{UNKNOWN} Soll ich Sie mit dem Team verbinden?", "topic": "prices"})
    assert str(model.hear("Nein, danke.")).endswith("Soll ich das eintragen?")
    assert called(model, "Ja, den Termin nehme ich")["tool"] == "book_appointment"


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Kostet das was?", "cancellation"),
        ("Wie viel muss ich da zahlen?", "cancellation"),
        ("Muss ich das trotzdem bezahlen?", "cancellation"),
        ("Ist das kostenlos?", "cancellation"),
        ("Gibt es eine Gebühr?", "cancellation"),
        ("Bis wann muss ich Bescheid sagen?", "cancellation"),
        ("Was kostet eigentlich das Färben?", "prices"),
        ("Wo sind Sie?", "address"),
    ],
)
def test_what_it_costs_is_the_cancellation_that_is_being_asked_about(text: str, topic: str) -> None:
    model = new_model({"cancel_appointment": {"parameters": {"properties": {"appointment_id": {}, "confirmed": {}}}}})
    model.hear("Den möchte ich absagen.")
    model.learn({"success": False, "message": "Soll ich …?", "needs_confirmation": True, "appointment_id": "a-1"})
    assert called(model, text)["topic"] == topic
    model.learn({"success": True, "message": "Ab 24 Stunden vorher wird sie berechnet.", "topic": topic})
    assert called(model, "Ja, bitte.") == {"tool": "cancel_appointment"}, "which asks once more"


def test_a_question_about_a_cancellation_cancels_nothing() -> None:
    model = new_model({"cancel_appointment": {"parameters": {"properties": {"appointment_id": {}, "confirmed": {}}}}})
    assert called(model, "Ich möchte meinen Termin absagen.") == {"tool": "cancel_appointment"}
    model.learn({"success": False, "message": "Soll ich …?", "needs_confirmation": True, "appointment_id": "a-1"})
    assert called(model, "Was kostet es, wenn ich absage?")["tool"] == "business_information"
    model.learn({"success": True, "message": "Absagen kostet nichts.", "topic": "cancellation"})
    assert called(model, "Ja, bitte.") == {"tool": "cancel_appointment"}, "which asks once more"


@pytest.mark.parametrize(
    ("first", "then", "args"),
    [
        ("Was kostet ein Haarschnitt?", "Und Färben?", {"topic": "prices", "service": "Färben"}),
        ("Was kostet ein Haarschnitt?", "Und Dauerwelle?", {"topic": "prices", "service": "Dauerwelle"}),
        ("Was kostet ein Haarschnitt?", "Und eine Massage?", {"topic": "prices", "service": "Massage"}),
        ("Wie lange dauert ein Haarschnitt?", "Und das Färben?", {"topic": "service", "service": "Färben"}),
        ("Haben Sie am Samstag auf?", "Und am Sonntag?", {"topic": "opening_hours", "date": "Sonntag"}),
    ],
)
def test_a_question_goes_on_from_the_last_one(first: str, then: str, args: dict[str, str]) -> None:
    model = new_model()
    model.hear(first)
    model.learn({"success": True, "message": "…"})
    assert called(model, then) == {"tool": "business_information", "question": then, **args}
    model.learn({"success": True, "message": "…"})
    assert called(model, "Färben am Freitag um zehn")["tool"] == "check_availability"


def test_a_known_question_is_answered_though_it_is_about_what_no_function_gives() -> None:
    catalogue = read_catalogue("## Häufige Fragen\n- Haben Sie einen Aufzug?")
    model = ScriptedModel({"business_information": TOOL}, "+491", catalogue)
    assert called(model, "Haben Sie einen Aufzug?")["topic"] == "other"
    assert model.remark is None


def test_a_yes_after_the_caller_has_given_up_is_none_to_the_question_before() -> None:
    model = new_model()
    model.hear("Was kostet eine Massage?")
    model.learn({"success": False, "message": "Das weiß ich nicht. Kann ich sonst etwas für Sie tun?"})
    assert model.hear("Dann lassen wir es.") == phrases.NOTHING
    assert model.hear("Ja, gern.") == phrases.MORE
