"""Calls of a children's practice: birth dates said with a name, siblings, and parents who ask what is right."""

import pytest
from held_calls import TOGETHER, finding, function_of, hold

from askproai_sandbox.caller.catalogue import read_catalogue

PRACTICE = read_catalogue(
    "## Buchbar\n- Vorsorgeuntersuchung (30 Minuten; auch: U7, U9, J1)\n- Impfung (15 Minuten)\n- Sehtest (20 Minuten)\n"
    "- Akutsprechstunde (15 Minuten; auch: krankes Kind)\n\n## Team\n- Lindenhof: Doktor Albers, Frau Doktor Sari\n"
)
FOUND = finding("2026-11-26T10:00:00+01:00", "Donnerstag, den 26. November, um 10 Uhr")


def test_a_birth_date_beside_the_name_is_no_time_to_look_for() -> None:
    says = ("Ich brauche die U7 für meinen Sohn.", "Um zehn.", "Ben Krause, geboren am dritten Mai 2024.")
    name, args = function_of(PRACTICE, *says)
    assert (name, args["customer_name"], args["start"]) == (
        "book_appointment",
        "Ben Krause",
        "2026-11-26T10:00:00+01:00",
    )


def test_what_each_child_gets_is_of_that_child() -> None:
    says = "Für meine große Tochter die J1 und für den Kleinen eine Impfung."
    (name, args), _ = hold(PRACTICE, says, tools=TOGETHER)
    assert (name, args) == (
        "check_availability",
        {"service": "Vorsorgeuntersuchung", "companions": [{"service": "Impfung"}]},
    )


def test_children_of_one_family_have_its_name() -> None:
    says = ("Ich hätte gern gleich für beide Kinder einen Sehtest.", "Um zehn.", "Emil und Frida Vogel.")
    (_, args), _ = hold(PRACTICE, *says, tools=TOGETHER)
    assert (args["customer_name"], args["companions"]) == ("Emil Vogel", [{"customer_name": "Frida Vogel"}])


@pytest.mark.parametrize(
    "said",
    [
        "Mein Sohn hat morgen die U9, aber er ist jetzt krank, sollen wir trotzdem kommen?",
        "Meine Tochter ist gefallen und hat eine Beule, was soll ich tun?",
        "Ich wollte fragen, ob das Rezept noch gültig ist, wenn ich erst nächste Woche komme.",
    ],
)
def test_who_asks_what_is_right_asks_for_no_time(said: str) -> None:
    assert function_of(PRACTICE, said)[0] == "business_information"


def test_the_day_of_an_appointment_is_not_its_new_one() -> None:
    says = ("Mein Sohn hat morgen die U9, aber er ist jetzt krank, da müssen wir wohl verschieben.", "Ja, den.")
    assert function_of(PRACTICE, *says, answers=FOUND) == ("reschedule_appointment", {"appointment_id": "a-7"})


def test_who_could_not_come_cancels() -> None:
    says = ("Den Termin übermorgen, den könnten wir doch nicht wahrnehmen, meine Frau ist krank.", "Ja.", "Ja.")
    called = function_of(PRACTICE, *says[:1], answers=FOUND)
    assert called[0] in {"find_appointments", "cancel_appointment"}
    assert function_of(PRACTICE, *says[:2], answers=FOUND)[0] == "cancel_appointment"


def test_a_prescription_is_no_appointment() -> None:
    said, remark = hold(PRACTICE, "Ich bräuchte ein neues Rezept für die Salbe.")
    assert said == "Damit kann ich Ihnen leider nicht selbst helfen. Soll ich etwas ausrichten?"
    assert "did not understand" in str(remark)


def test_who_spoke_to_a_machine_wants_no_person() -> None:
    said = "Ich hab gestern auf den Anrufbeantworter gesprochen, und keiner hat sich gemeldet."
    assert hold(PRACTICE, said)[0] == "Damit kann ich Ihnen leider nicht selbst helfen. Soll ich etwas ausrichten?"
