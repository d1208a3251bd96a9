"""The demo's agent does not take a question for something else: which appointment, which person, and what it does not know."""

from datetime import UTC, datetime

import pytest
from scripted_models import called, new_model_tools

from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

CATALOGUE = read_catalogue(
    "## Buchbar\n- Zahnsanierung (60 Minuten)\n- Impfung (20 Minuten)\n- Krallenschneiden (20 Minuten)\n\n"
    "## Team\n- Praxis: Doktor Hoffmann, Doktor Petersen, Frau Bauer"
)
VACCINATION = {
    "appointment_id": "a-1",
    "start": "2026-11-24T15:50:00+01:00",
    "spoken": "Dienstag, den 24. November, um 15 Uhr 50, Impfung bei Doktor Hoffmann",
}
CLAWS = {
    "appointment_id": "a-2",
    "start": "2026-11-25T10:00:00+01:00",
    "spoken": "Mittwoch, den 25. November, um 10 Uhr, Krallenschneiden bei Frau Bauer",
}
OFFER = {"start": "2026-11-24T10:00:00+01:00", "spoken": "Dienstag, den 24. November, um 10 Uhr bei Doktor Petersen"}
MOVE = "Ich hab nächste Woche zwei Termine, kann ich den zum Krallenschneiden auf fünf Uhr verlegen?"
NAMED = ("appointment_id", "appointment_date", "appointment_time")


def new_model() -> ScriptedModel:
    tools = new_model_tools()
    for tool in tools.values():
        tool["parameters"]["properties"] |= {"staff": {}}
    for name, args in {
        "find_appointments": (),
        "reschedule_appointment": (*NAMED, "start", "date", "time"),
        "cancel_appointment": (*NAMED, "confirmed"),
        "business_information": ("topic", "question", "date", "service"),
    }.items():
        tools[name] = {"parameters": {"properties": {key: {} for key in args}}}
    return ScriptedModel(tools, "+491", CATALOGUE, now=datetime(2026, 11, 22, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    [
        MOVE,
        "Ich hab nächste Woche zwei Termine, den zum Krallenschneiden muss ich absagen.",
        "Können Sie das Krallenschneiden verschieben?",
        "Kann ich den Termin zum Krallenschneiden auf fünf Uhr verlegen?",
    ],
)
def test_an_appointment_is_looked_up_by_its_service(text: str) -> None:
    model = new_model()
    assert (called(model, text), model.remark) == ({"tool": "find_appointments"}, None)
    changed = model.learn({"success": True, "appointments": [VACCINATION, CLAWS]})
    assert isinstance(changed, ToolCall)
    assert changed.args["appointment_id"] == "a-2"


@pytest.mark.parametrize("text", [MOVE, "Können Sie das Krallenschneiden verschieben?"])
def test_an_appointment_of_another_service_is_moved_after_a_yes_only(text: str) -> None:
    model = new_model()
    called(model, text)
    assert model.learn({"success": True, "appointments": [VACCINATION]}) == phrases.ASK_THIS_APPOINTMENT
    assert called(model, "Ja, genau.")["appointment_id"] == "a-1"


def test_an_appointment_that_was_listed_is_not_moved_for_another_service() -> None:
    model = new_model()
    called(model, "Welche Termine habe ich?")
    model.learn({"success": True, "appointments": [VACCINATION]})
    assert model.hear(MOVE) == phrases.ASK_APPOINTMENT


def test_who_has_no_appointment_is_asked_for_none() -> None:
    model = new_model()
    called(model, MOVE)
    assert model.learn({"success": False, "message": "Ich finde keinen.", "appointments": []}) is None
