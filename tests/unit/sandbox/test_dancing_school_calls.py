"""Calls of a dancing school: who is ill, who comes on another day instead, and whom a course is for."""

import pytest
from held_calls import function_of, hold

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.catalogue import read_catalogue

SCHOOL = read_catalogue(
    "## Buchbar\n- Probestunde (60 Minuten)\n- Privatstunde (60 Minuten)\n- Hochzeitstanz (60 Minuten)\n- Kindertanz (45 Minuten)\n"
    "- Auffrischungskurs (90 Minuten; auch: Auffrischung)\n\n## Team\n- Innenstadt: Olga, Marco\n"
)
CANCELLED = ("cancel_appointment", {"appointment_date": "morgen"})


def test_who_is_ill_is_asked_whether_to_cancel_or_to_move() -> None:
    said = "Meine Tochter hat morgen Kindertanz und ist krank."
    assert hold(SCHOOL, said)[0] == phrases.CANCEL_OR_MOVE
    assert function_of(SCHOOL, said, "Absagen bitte.")[0] in {"find_appointments", "cancel_appointment"}


def test_who_is_ill_and_asks_for_a_time_gets_one() -> None:
    said = "Ich hab seit gestern Fieber und bin krank, kann ich die Privatstunde am Freitag machen?"
    assert function_of(SCHOOL, said)[0] == "check_availability"


def test_who_asks_what_to_do_books_nothing() -> None:
    said = "Wir haben am Samstag Hochzeitstanz, mein Mann hat sich den Fuß verknackst, was machen wir da?"
    assert function_of(SCHOOL, said)[0] == "business_information"


def test_a_day_instead_of_another_moves_what_there_is() -> None:
    said = "Können wir statt Donnerstag auch Freitag kommen?"
    args = {"appointment_date": "Donnerstag", "date": "Freitag"}
    assert function_of(SCHOOL, said) == ("reschedule_appointment", args)


def test_a_day_instead_of_an_offered_one_is_looked_for() -> None:
    says = ("Eine Probestunde am Donnerstag bitte.", "Können wir statt Donnerstag auch Freitag kommen?")
    assert function_of(SCHOOL, *says) == ("check_availability", {"service": "Probestunde", "date": "Freitag"})


@pytest.mark.parametrize("said", ["Die Auffrischung, ist das für Anfänger?", "Ist der Kindertanz auch für Jungs?"])
def test_whom_a_course_is_for_is_a_question_about_it(said: str) -> None:
    called = function_of(SCHOOL, said)
    assert (called[0], called[1]["topic"]) in {("business_information", "service"), ("business_information", "other")}
