"""Calls of a piano workshop: services that are named after one thing, and questions about an appointment that was found."""

import pytest
from held_calls import function_of, hold

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.catalogue import read_catalogue

WORKSHOP = read_catalogue(
    "## Buchbar\n- Flügelstimmung (90 Minuten; auch: Flügel stimmen)\n"
    "- Klavierstimmung (75 Minuten; auch: Klavier stimmen, Stimmtermin)\n- Klaviertransport (60 Minuten; auch: Umzugsberatung)\n"
    "- Übergabe eines Mietklaviers (30 Minuten; auch: Mietklavier, Klavier mieten)\n\n"
    "## Team\n- Klavierbau Gohlis: Herr Nowak, Frau Lindemann\n\n## Weitere Filialen\n- Klavierbau Plagwitz\n"
)
NO_EXACT_WORD = read_catalogue(
    "## Buchbar\n- Klavierstimmung (75 Minuten)\n- Klaviertransport (60 Minuten)\n- Mietklavier (30 Minuten)\n"
)
OWN = {
    "appointment_id": "a-1",
    "start": "2026-12-01T10:00:00+01:00",
    "spoken": "Dienstag, den 1. Dezember, um 10 Uhr, Klavierstimmung bei Herrn Nowak",
}
TUNING = "Das Klavier stimmen, bitte."


def test_a_word_that_is_the_end_of_one_name_and_in_others_is_asked_about() -> None:
    asked = "Möchten Sie Klavierstimmung oder Übergabe eines Mietklaviers?"
    assert hold(WORKSHOP, "Ja, hallo, mein Klavier klingt irgendwie komisch.")[0] == asked
    assert hold(NO_EXACT_WORD, "Ja, hallo, mein Klavier klingt irgendwie komisch.")[0] == (
        "Möchten Sie Klavierstimmung oder Klaviertransport oder Mietklavier?"
    )


@pytest.mark.parametrize(
    ("said", "service"),
    [
        ("Ich möchte ein Klavier mieten.", "Übergabe eines Mietklaviers"),
        ("Ein Mietklavier, bitte.", "Übergabe eines Mietklaviers"),
        ("Mein Klavier stimmen lassen, bitte.", "Klavierstimmung"),
        ("Eine Klavierstimmung für mein Klavier.", "Klavierstimmung"),
        ("Ich bräuchte eine Regulierung für meinen Flügel, die Mechanik geht so schwer.", "Regulierung"),
    ],
)
def test_what_is_done_says_which_service_of_a_thing_is_meant(said: str, service: str) -> None:
    assert function_of(WORKSHOP, said) == ("check_availability", {"service": service})


def test_another_thing_after_a_price_is_the_service_of_its_kind() -> None:
    asked = function_of(WORKSHOP, "Was kostet es, einen Flügel stimmen zu lassen?", "Und ein Klavier?")
    assert asked[1]["service"] == "Klavierstimmung"


@pytest.mark.parametrize("said", ["Und was muss ich da bereitlegen?", "Was muss ich mitbringen?"])
def test_what_is_needed_is_asked_of_the_appointment_that_was_found(said: str) -> None:
    found = {"find_appointments": {"success": True, "appointments": [OWN]}}
    name, args = function_of(WORKSHOP, "Wann war noch mal mein Termin bei Ihnen?", said, answers=found)
    assert (name, args["topic"], args["service"]) == ("business_information", "service", "Klavierstimmung")


def test_a_question_with_was_that_is_not_understood_is_passed_on() -> None:
    name, args = function_of(WORKSHOP, "Und was riecht hier so komisch?")
    assert (name, args["question"]) == ("business_information", "Und was riecht hier so komisch?")


def test_a_no_that_means_something_else_than_the_time_is_quoted() -> None:
    said = "Nein, ich meine, da müsste jemand draufschauen."
    assert hold(WORKSHOP, TUNING, said) == (phrases.ASK_TIME, phrases.NOT_UNDERSTOOD.format(said))


def test_who_calls_somewhere_else_ends_the_search() -> None:
    assert hold(WORKSHOP, TUNING, "Nein danke, dann rufe ich dort an.")[0] == phrases.NOTHING


def test_the_word_wann_is_in_no_date() -> None:
    said = "Wir würden gern ein Klavier mieten, wann könnten wir das denn abholen?"
    assert "date" not in function_of(WORKSHOP, said)[1]


def test_the_time_of_a_callback_that_is_said_with_the_name_is_in_no_message() -> None:
    says = ("Bitte rufen Sie mich zurück, es geht um die Rechnung vom Oktober.", "Birgit Lange, am besten nach 16 Uhr.")
    assert function_of(WORKSHOP, *says)[1] == {
        "call_back": "nach 16 Uhr",
        "message": "es geht um die Rechnung vom Oktober",
        "customer_name": "Birgit Lange",
    }
