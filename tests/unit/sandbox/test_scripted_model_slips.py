"""What the demo's agent makes of people at the beginning of a sentence, and of slips of the tongue."""

import pytest
from scripted_models import ASK_NAME, called, new_model_tools

from askproai_sandbox.caller import ScriptedModel
from askproai_sandbox.caller.catalogue import read_catalogue

CATALOGUE = read_catalogue(
    "## Buchbar\n- Zahnsanierung (60 Minuten; auch: Zähne machen)\n- Impfung (20 Minuten)\n\n"
    "## Team\n- Praxis: Anna, Mehmet, Dr. Petersen, Frau Bauer"
)
ANNA = {"start": "2026-11-24T09:00:00+01:00", "spoken": "Dienstag, den 24. November, um 9 Uhr bei Anna"}
MEHMET = {"start": "2026-11-25T10:00:00+01:00", "spoken": "Mittwoch, den 25. November, um 10 Uhr bei Mehmet"}


def new_model() -> ScriptedModel:
    tools = new_model_tools()
    for tool in tools.values():
        tool["parameters"]["properties"] |= {"staff": {}, "email": {}}
    tools["reschedule_appointment"] = {
        "parameters": {"properties": {"appointment_id": {}, "date": {}, "time": {}, "appointment_date": {}}}
    }
    return ScriptedModel(tools, "+491", CATALOGUE)


def offering(*offers: dict[str, str]) -> ScriptedModel:
    model = new_model()
    model.hear("Eine Impfung am Dienstag um neun")
    model.learn({"success": True, "slots": list(offers)})
    return model


def test_a_person_at_the_beginning_of_a_choice_is_no_name_of_the_caller() -> None:
    assert offering(ANNA, MEHMET).hear("Bei Anna bitte, nächsten Dienstag um neun.") == ASK_NAME


@pytest.mark.parametrize(
    ("text", "staff"),
    [
        ("Bei Mehmet bitte.", "Mehmet"),
        ("Bei Doktor Petersen bitte.", "Dr. Petersen"),
        ("Zu Frau Bauer bitte, am Donnerstag um neun.", "Frau Bauer"),
        ("Bei Doktor Petersen bitte um elf.", "Dr. Petersen"),
        ("Mehmet bitte, am Donnerstag um neun.", "Mehmet"),
        ("Mehmet, bitte.", "Mehmet"),
    ],
)
def test_a_person_is_no_service(text: str, staff: str) -> None:
    heard = called(offering(ANNA), text)
    assert (heard["tool"], heard["service"], heard["staff"]) == ("check_availability", "Impfung", staff)


def test_a_staff_members_name_is_the_callers_where_a_name_was_asked_for() -> None:
    model = offering(ANNA)
    assert model.hear("Ja") == ASK_NAME
    assert called(model, "Anna, bitte.")["customer_name"] == "Anna"


def test_the_verb_of_a_spoken_name_means_no_service() -> None:
    model = new_model()
    heard = model.hear("Machen Sie auch Hausbesuche?")
    assert "Zahnsanierung" not in str(heard)
    assert called(new_model(), "Zähne machen am Dienstag um neun")["service"] == "Zahnsanierung"


def test_a_corrected_name_is_the_name() -> None:
    model = offering(ANNA)
    assert called(model, "Ja. Mein Name ist Ulf Urban, nein, Urbach.")["customer_name"] == "Ulf Urbach"


def test_an_hour_of_a_move_needs_no_um() -> None:
    model = new_model()
    model.hear("Ich möchte meinen Termin verschieben")
    model.learn({"success": True, "appointments": [{"appointment_id": "1", **ANNA}]})
    assert called(model, "Kann ich den auf zwölf verschieben?")["time"] == "zwölf"


def test_an_address_that_is_spelled_is_passed_on_whole() -> None:
    model = offering(ANNA)
    heard = called(model, "Ja, Vera Fink, v e e r a at example punkt org.")
    assert heard["email"] == "v e e r a at example punkt org"


def test_a_wish_is_no_yes_to_be_connected() -> None:
    tools = {"transfer_to_human": {"type": "transfer_call"}}
    greeting = "Termine kann ich zurzeit leider nicht annehmen. Soll ich Sie mit einem Mitarbeiter verbinden?"
    model = ScriptedModel(tools, "+491", CATALOGUE, greeting=greeting)
    assert model.hear("Ich hätte gern eine Impfung.") == greeting
    assert called(model, "Ja, gern.")["tool"] == "transfer_to_human"
