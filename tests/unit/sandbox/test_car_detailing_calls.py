"""Calls of a car workshop: messages beside an open offer, several services of which one is first, a cancellation in one word."""

from typing import Any

import pytest
from held_calls import TOOLS, function_of

from askproai_sandbox.caller import ScriptedModel, ToolCall
from askproai_sandbox.caller.catalogue import read_catalogue

WORKSHOP = read_catalogue(
    "## Buchbar\n- Dellenentfernung (60 Minuten; auch: Hagelschaden)\n- Ozonbehandlung (60 Minuten)\n- Politur (120 Minuten)\n\n"
    "## Team\n- Wehlheiden: Murat, Frau Kern\n\n## Häufige Fragen\n- Lagern Sie Reifen ein?\n"
)
OFFER = {
    "start": "2026-11-28T10:00:00+01:00",
    "spoken": "Samstag, den 28. November, um 10 Uhr bei Murat",
    "staff": "Murat",
}
ASKED = f"Das ist {OFFER['spoken']}. Soll ich das eintragen?"


@pytest.mark.parametrize(
    "said",
    [
        "Gut, und können Sie Murat ausrichten, dass der Wagen ein Kombi ist?",
        "Können Sie Murat ausrichten, dass der Wagen ein Kombi ist?",
    ],
)
def test_an_offer_is_open_after_a_message_and_asked_about_again(said: str) -> None:
    model = ScriptedModel(TOOLS, "+491", WORKSHOP)
    model.hear("Ich möchte die Ozonbehandlung am Samstag um zehn.")
    model.learn({"success": True, "slots": [OFFER]})
    model.hear(said)
    left = model.hear("Thorsten Wiegand.")
    assert isinstance(left, ToolCall)
    assert left.name == "leave_message"
    assert model.learn({"success": True, "message": "Ich habe es notiert."}) == ASKED
    booked = model.hear("Ja, bitte.")
    assert isinstance(booked, ToolCall)
    assert (booked.name, booked.args["customer_name"]) == ("book_appointment", "Thorsten Wiegand")


@pytest.mark.parametrize(
    ("said", "service"), [("Mit der ersten, bitte.", "Ozonbehandlung"), ("Die zweite, bitte.", "Politur")]
)
def test_the_first_of_several_services_is_one_of_them(said: str, service: str) -> None:
    each_alone: dict[str, dict[str, Any]] = {
        "check_availability": {
            "success": False,
            "message": "Womit soll ich anfangen?",
            "services": ["Ozonbehandlung", "Politur"],
        }
    }
    wish = "Eine Ozonbehandlung und eine Politur am Samstag."
    called = function_of(WORKSHOP, wish, said, answers=each_alone)
    assert called == ("check_availability", {"service": service, "date": "Samstag"})


def test_schade_names_no_service() -> None:
    name, args = function_of(WORKSHOP, "Schade. Und lagern Sie auch Reifen ein?")
    assert (name, "service" in args) == ("business_information", False)


def test_absagen_alone_is_the_yes_to_a_cancellation() -> None:
    called = function_of(WORKSHOP, "Ich muss meinen Termin am Samstag absagen.", "Absagen, bitte.")
    assert called == ("cancel_appointment", {"appointment_id": "a-9", "confirmed": True})


SHOP = read_catalogue(
    "## Buchbar\n- Akkutausch (30 Minuten; auch: Akkuwechsel, neuer Akku)\n"
    "- Displaytausch (60 Minuten; auch: Displaywechsel, neues Display)\n"
    "- Handyeinrichtung (45 Minuten; auch: Handy einrichten, neues Handy)\n"
    "- Smartphone-Kurs für Senioren (90 Minuten; auch: Handykurs)\n"
)


@pytest.mark.parametrize(
    ("said", "service"),
    [
        ("Dann brauche ich wohl einen neuen Akku.", "Akkutausch"),
        ("Ein neues Display und einen neuen Akku, bitte.", "Displaytausch, Akkutausch"),
        ("Ich habe ein neues Handy und komme nicht klar.", "Handyeinrichtung"),
    ],
)
def test_an_adjective_of_a_spoken_name_is_inflected_and_means_no_other_service(said: str, service: str) -> None:
    assert function_of(SHOP, said) == ("check_availability", {"service": service})


def test_gut_before_a_name_accepts_and_an_appointment_that_stays_is_looked_up() -> None:
    booked = function_of(SHOP, "Ein neues Display, bitte.", "Gut, Frank Thoms.")
    assert (booked[0], booked[1]["customer_name"]) == ("book_appointment", "Frank Thoms")
    assert function_of(SHOP, "Und der Laptop am Dienstag bleibt aber, oder?")[0] == "find_appointments"


def test_what_was_offered_is_no_choice_any_more_once_another_service_is_not_known() -> None:
    model = ScriptedModel(TOOLS, "+491", WORKSHOP)
    model.hear("Eine Politur, bitte.")
    model.learn({"success": True, "slots": [OFFER]})
    model.hear("Dann erst mal so ein Kennenlernen, nächste Woche Donnerstag nach vier.")
    model.learn(
        {"success": False, "message": "Das kann ich nicht eintragen. Was möchten Sie?", "services": ["Politur"]}
    )
    reaction = model.hear("Ja, der erste, Pia Osterloh.")
    assert not isinstance(reaction, ToolCall) or reaction.name != "book_appointment"


def test_another_service_that_there_is_not_is_not_dropped() -> None:
    said = "Ach nein, eigentlich brauche ich die Umsatzsteuervoranmeldung, nächste Woche Donnerstag."
    assert function_of(WORKSHOP, "Eine Politur am Freitag, bitte.", said)[1]["service"] == "Umsatzsteuervoranmeldung"
