"""Calls of a chimney sweep, who comes to his customers: moved appointments, messages about what was asked, and visits."""

import pytest
from held_calls import TEN, function_of, hold

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.catalogue import read_catalogue

SWEEP = read_catalogue(
    "## Buchbar\n- Energieberatung (60 Minuten)\n- Feuerstättenschau (45 Minuten)\n- Kaminkehrung (30 Minuten; auch: Kehren)\n\n"
    "## Team\n- Stadtamhof: Herr Obermeier, Frau Brandl\n"
)
OWN = {
    **TEN,
    "appointment_id": "a-9",
    "spoken": "Donnerstag, den 26. November, um 10 Uhr, Energieberatung bei Frau Brandl",
}
HINDERED = "Mir ist am Donnerstag was dazwischengekommen, geht die Energieberatung auch am Freitag um zehn?"


def test_who_is_hindered_and_asks_for_another_time_of_the_service_books_no_second_one() -> None:
    assert hold(SWEEP, HINDERED)[0] == phrases.CANCEL_OR_MOVE
    found = {"find_appointments": {"success": True, "appointments": [OWN]}}
    name, args = function_of(SWEEP, HINDERED, "Verschieben, auf Freitag um zehn.", answers=found)
    assert name in {"find_appointments", "reschedule_appointment"}, args


def test_what_was_asked_and_not_known_is_passed_on_with_the_message_that_refers_to_it() -> None:
    asked = "Darf ich im alten Ofen Briketts verbrennen?"
    says = (asked, "Ja, dann richten Sie das bitte aus, er soll mich zurückrufen.", "Xaver Pröll.")
    name, args = function_of(SWEEP, *says)
    assert (name, args["customer_name"]) == ("leave_message", "Xaver Pröll")
    assert args["message"].startswith(asked)


def test_a_callback_at_the_end_of_a_message_is_one_with_its_time() -> None:
    said = "Können Sie dem Herrn Obermeier ausrichten, dass der Abzug kaputt ist und er mich bitte zurückrufen soll?"
    args = function_of(SWEEP, said, "Claudia Schmid, am besten morgen Vormittag.")[1]
    assert (args["recipient"], args["call_back"]) == ("Herr Obermeier", "morgen Vormittag")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Und kommen Sie auch nach Lappersdorf raus?", "business_information"),
        ("Wann kommt denn der Kaminkehrer jetzt genau zu uns?", "find_appointments"),
        ("Ich hätt gern den Herrn Obermeier persönlich gesprochen, geht das?", "transfer_to_human"),
        ("Wann kann ich kommen?", "check_availability"),
    ],
)
def test_who_comes_and_when_is_asked_of_the_right_function(said: str, name: str) -> None:
    assert function_of(SWEEP, said)[0] == name


def test_the_question_wann_after_another_sentence_is_in_no_date() -> None:
    said = "Mir wurde gesagt, dass die Feuerstättenschau fällig ist. Wann hätten Sie denn da Zeit?"
    assert function_of(SWEEP, said) == ("check_availability", {"service": "Feuerstättenschau"})
