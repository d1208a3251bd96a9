"""Calls of a jeweller: appointments for friends, people asked for by their name alone, a new appointment for a cancelled one."""

import pytest
from held_calls import TOOLS, function_of

from askproai_sandbox.caller import ScriptedModel, ToolCall
from askproai_sandbox.caller.catalogue import read_catalogue

JEWELLER = read_catalogue(
    "## Buchbar\n- Batteriewechsel (15 Minuten; auch: Uhrenbatterie)\n- Gravur (30 Minuten; auch: Gravieren)\n"
    "- Ohrlochstechen (20 Minuten; auch: Ohrlöcher)\n- Trauringberatung (90 Minuten; auch: Eheringe, Trauringe)\n\n"
    "## Team\n- Goldschmiede Altstadt: Herr Brandt, Frau Sommerfeld, Malte\n"
)
BOOKED = ("Ohrlöcher am Donnerstag, bitte.", "Ja, Lena Vogt.")


@pytest.mark.parametrize(
    "who", ["eine Freundin", "einen Freund", "eine Bekannte", "einen Kollegen", "eine gute Freundin"]
)
def test_what_is_asked_for_somebody_is_the_same_service_and_has_its_own_name(who: str) -> None:
    name, args = function_of(JEWELLER, *BOOKED, f"Und um zwei, haben Sie da noch was für {who}?")
    assert (name, args["service"], args["time"]) == ("check_availability", "Ohrlochstechen", "zwei")
    booked = function_of(JEWELLER, *BOOKED, f"Und um zwei, haben Sie da noch was für {who}?", "Ja, Mara Kern.")
    assert (booked[0], booked[1]["customer_name"]) == ("book_appointment", "Mara Kern")


@pytest.mark.parametrize("who", ["Frau Sommerfeld", "Herr Brandt"])
def test_who_is_asked_for_by_a_name_with_its_title_is_no_service(who: str) -> None:
    assert function_of(JEWELLER, f"{who}, bitte.") == ("check_availability", {"staff": who})


@pytest.mark.parametrize(
    "said",
    [
        "Ja, aber ich möchte gleich einen neuen, am Donnerstag um drei.",
        "Ja, bitte, und ich brauche dann einen neuen Termin am Donnerstag um drei.",
    ],
)
def test_the_new_appointment_that_is_asked_for_with_the_yes_to_a_cancellation_is_looked_for(said: str) -> None:
    model = ScriptedModel(TOOLS, "+491", JEWELLER)
    model.hear("Ich muss meine Gravur absagen.")
    model.learn({"success": False, "message": "Soll ich …?", "needs_confirmation": True, "appointment_id": "a-9"})
    confirmed = ToolCall("cancel_appointment", {"appointment_id": "a-9", "confirmed": True})
    assert model.hear(said) == confirmed
    assert model.take_up() is None  # not before it is cancelled
    assert model.learn({"success": True, "message": "Abgesagt.", "appointment_id": "a-9"}) is None
    assert model.take_up() == ToolCall("check_availability", {"date": "Donnerstag", "time": "drei"})
    assert model.take_up() is None
