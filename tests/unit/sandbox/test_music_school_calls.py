"""Calls of a music school: a lesson that is dropped or held instead, what is on paper, and questions about the place."""

from typing import Any

import pytest
from scripted_models import FUNCTIONS, called, make_tools

from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

CATALOGUE = read_catalogue(
    "## Buchbar\n- Probestunde (30 Minuten)\n- Klavierstunde (45 Minuten; auch: Klavier)\n- Gitarrenstunde (45 Minuten)\n\n"
    "## Team\n- Musikschule Allegro: Herr Lang, Sandra\n\n## Häufige Fragen\n- Gibt es Leihgeigen?\n"
)
TOOLS = make_tools(FUNCTIONS)
TOOLS["book_appointment"]["parameters"]["required"] = ["customer_name"]
OFFER = {"start": "2026-11-26T10:00:00+01:00", "spoken": "Donnerstag, den 26. November, um 10 Uhr bei Sandra"}
LESSON = {
    "service": "Klavierstunde",
    "start": "2026-11-27T15:00:00+01:00",
    "spoken": "Freitag um 15 Uhr, Klavierstunde",
}
ASKED_TO_CANCEL = {"success": False, "message": "Soll ich …?", "needs_confirmation": True, "appointment_id": "a-1"}


def music_school() -> ScriptedModel:
    return ScriptedModel(TOOLS, "+491", CATALOGUE)


def cancelling() -> ScriptedModel:
    """Return a model that has asked whether the appointment a-1 is to be cancelled."""
    model = music_school()
    called(model, "Ich muss meinen Termin am Freitag absagen.")
    model.learn(ASKED_TO_CANCEL)
    return model


@pytest.mark.parametrize(
    "text",
    [
        "Unsere Klavierstunde fällt am Freitag leider aus, wir sind krank.",
        "Die Stunde am Freitag muss leider ausfallen.",
        "Ich würde die Stunde am Freitag gern ausfallen lassen.",
    ],
)
def test_a_lesson_that_is_dropped_is_cancelled(text: str) -> None:
    model = music_school()
    assert called(model, text) == {"tool": "find_appointments"}, "a lesson is found by its service"
    cancels = model.learn({"success": True, "appointments": [{"appointment_id": "a-1", **LESSON}]})
    assert isinstance(cancels, ToolCall)
    assert (cancels.name, cancels.args["appointment_id"]) == ("cancel_appointment", "a-1")


@pytest.mark.parametrize(
    "text", ["Fällt der Unterricht in den Ferien aus?", "Mir fallen die Haare aus.", "Das fällt mir aus der Hand."]
)
def test_what_does_not_drop_an_appointment_cancels_none(text: str) -> None:
    reaction = music_school().hear(text)
    assert getattr(reaction, "name", None) != "cancel_appointment"


@pytest.mark.parametrize(
    "text",
    ["Ich wollte hören, ob meine Probestunde am Freitag noch steht.", "Steht meine Klavierstunde noch?"],
)
def test_who_asks_whether_a_lesson_takes_place_hears_the_appointments(text: str) -> None:
    assert called(music_school(), text)["tool"] == "find_appointments"


@pytest.mark.parametrize(
    "text", ["Geht stattdessen Montag um drei?", "Dann lieber am Montag um drei.", "Dafür am Montag um drei, bitte."]
)
def test_another_time_instead_of_a_cancellation_moves_the_appointment_asked_about(text: str) -> None:
    moved = called(cancelling(), text)
    assert (moved["tool"], moved["appointment_id"]) == ("reschedule_appointment", "a-1")
    assert "Montag" in moved["date"]


def test_a_move_said_while_cancelling_is_of_the_appointment_asked_about() -> None:
    moved = called(cancelling(), "Kann ich den auch auf Montag um drei verschieben?")
    assert (moved["tool"], moved["appointment_id"]) == ("reschedule_appointment", "a-1")


def test_a_yes_still_cancels() -> None:
    cancelled = called(cancelling(), "Ja, bitte, lieber absagen.")
    assert (cancelled["tool"], cancelled["appointment_id"]) == ("cancel_appointment", "a-1")


@pytest.mark.parametrize(
    "text",
    ["Ich hätte gern einen Gutschein für eine Klavierstunde.", "Ich brauche eine Rechnung über die Gitarrenstunde."],
)
def test_a_paper_about_a_service_is_no_visit(text: str) -> None:
    model = music_school()
    assert isinstance(model.hear(text), str)
    assert model.remark == phrases.NOT_UNDERSTOOD.format(text)


@pytest.mark.parametrize("text", ["Gibt es bei Ihnen Leihgeigen?", "Gibt es denn hier auch Leihgeigen?"])
def test_a_question_of_the_business_is_known_with_the_place_beside_it(text: str) -> None:
    asked = called(music_school(), text)
    assert (asked["topic"], asked["question"]) == ("other", "Gibt es Leihgeigen?")


def test_a_name_with_the_callers_own_number_beside_it_is_the_name_alone() -> None:
    model = music_school()
    called(model, "Eine Probestunde am Donnerstag um zehn.")
    model.learn({"success": True, "slots": [OFFER]})
    assert model.hear("Ja, das passt.") == phrases.ASK_NAME
    booked: dict[str, Any] = called(model, "Sandra Otto, unter dieser Nummer.")
    assert (booked["tool"], booked["customer_name"]) == ("book_appointment", "Sandra Otto")


def test_no_is_no_service() -> None:
    model = music_school()
    assert isinstance(model.hear("Nee."), str)
    asked = called(model, "Nee, am Freitag um drei eine Probestunde.")
    assert asked["service"] == "Probestunde"
