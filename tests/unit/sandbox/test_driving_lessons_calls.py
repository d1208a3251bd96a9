"""Calls of a driving school: what is behind somebody, hours that are counted, courses that take place, and a day instead."""

import pytest
from held_calls import TOGETHER, finding, function_of, hold

from askproai_sandbox.caller.catalogue import read_catalogue

SCHOOL = read_catalogue(
    "## Buchbar\n- Fahrstunde (45 Minuten; auch: Übungsstunde)\n- Doppelstunde (90 Minuten)\n- Erste-Hilfe-Kurs (480 Minuten)\n"
    "- Theorieprüfung Vorbereitung (60 Minuten; auch: Theorie)\n- Erstgespräch (30 Minuten)\n\n"
    "## Team\n- Altstadt: Herr Baumann, Frau Yildiz\n"
)
FOUND = finding("2026-11-26T10:00:00+01:00", "Donnerstag, den 26. November, um 10 Uhr")


@pytest.mark.parametrize(
    "said",
    [
        "Ich hab die Theorie bestanden und will jetzt mit den Fahrstunden anfangen.",
        "Ich hatte schon das Erstgespräch, und brauche eine Fahrstunde.",
    ],
)
def test_what_is_behind_the_caller_is_not_booked(said: str) -> None:
    assert function_of(SCHOOL, said)[1]["service"] == "Fahrstunde"


def test_several_lessons_are_not_several_people() -> None:
    for said in ("Ich möchte zwei Doppelstunden diese Woche noch.", "Ich brauche noch zwei, drei Fahrstunden."):
        (name, args), remark = hold(SCHOOL, said, tools=TOGETHER)
        assert (name, args.get("companions"), "one thing after the other" in str(remark)) == (
            "check_availability",
            None,
            True,
        ), said


def test_the_next_course_is_looked_for_and_the_own_lesson_looked_up() -> None:
    assert function_of(SCHOOL, "Wann findet der nächste Erste-Hilfe-Kurs statt?")[0] == "check_availability"
    assert function_of(SCHOOL, "Um wie viel Uhr geht die Fahrstunde am Donnerstag los?")[0] == "find_appointments"


def test_another_day_beside_a_cancellation_is_a_move() -> None:
    says = ("Ich muss meine Fahrstunde morgen absagen, ich hab ne Klausur, geht Freitag?", "Ja.")
    assert function_of(SCHOOL, *says, answers=FOUND) == (
        "reschedule_appointment",
        {"appointment_id": "a-7", "date": "Freitag"},
    )


def test_a_cancellation_without_another_day_stays_one() -> None:
    says = ("Ich muss meine Fahrstunde morgen absagen, ich hab ne Klausur.", "Ja.")
    assert function_of(SCHOOL, *says, answers=FOUND) == ("cancel_appointment", {"appointment_id": "a-7"})
