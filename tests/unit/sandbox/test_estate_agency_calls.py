"""Calls of an estate agency: what is about an appointment that there is, names with particles, and days that are replaced."""

import pytest
from held_calls import finding, function_of, hold

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.catalogue import read_catalogue

AGENCY = read_catalogue(
    "## Buchbar\n- Erstberatung (45 Minuten)\n- Folgeberatung (30 Minuten; auch: Folgetermin)\n- Hausbesichtigung (60 Minuten; "
    "auch: Besichtigung)\n- Finanzierungsberatung (60 Minuten; auch: Finanzierung)\n"
    "- Schlüsselübergabe (30 Minuten; auch: Übergabe)\n\n"
    "## Team\n- Zentrum: Frau Hagedorn, Herr Ünal, Herr van der Berg\n- Westend: Frau Pohl\n"
)
FOUND = finding("2026-11-27T10:00:00+01:00", "Freitag, den 27. November, um 10 Uhr")
MESSAGE = "Damit kann ich Ihnen leider nicht selbst helfen. Soll ich etwas ausrichten?"


def test_a_person_whose_name_has_particles_is_asked_for() -> None:
    said = "Ich möchte mit Herrn van der Berg einen Termin machen, wegen der Finanzierung."
    assert function_of(AGENCY, said)[1] == {"staff": "Herr van der Berg", "service": "Finanzierungsberatung"}


def test_how_a_name_is_spelled_is_no_part_of_it() -> None:
    says = ("Eine Erstberatung bitte.", "Um zehn.", "Tanja Weiß, mit scharfem S.")
    assert function_of(AGENCY, *says)[1]["customer_name"] == "Tanja Weiß"


def test_one_day_instead_of_another_moves_the_appointment() -> None:
    says = ("Können wir die Besichtigung am Samstag statt am Freitag machen?", "Ja.")
    moved = ("reschedule_appointment", {"appointment_id": "a-7", "date": "Samstag"})
    assert function_of(AGENCY, *says, answers=FOUND) == moved


@pytest.mark.parametrize(
    ("said", "function"),
    [
        ("Wir haben morgen um zehn Besichtigung, ist das Haus noch zu haben?", "business_information"),
        ("Brauche ich für die Übergabe einen Ausweis?", "business_information"),
        ("Können Sie mir sagen, mit wem ich morgen den Termin habe und wo?", "find_appointments"),
        ("Bei mir ist die Heizung ausgefallen, ich bin Mieter, wer kümmert sich da?", "business_information"),
    ],
)
def test_what_is_asked_about_what_there_is_looks_for_no_time(said: str, function: str) -> None:
    assert function_of(AGENCY, said)[0] == function


@pytest.mark.parametrize(
    "said",
    [
        "Ich hab gestern mit Frau Pohl telefoniert, sie wollte mir ein Exposé schicken, das ist nicht gekommen.",
        "Streichen Sie mich bitte von der Liste.",
    ],
)
def test_what_no_function_does_is_offered_to_be_passed_on(said: str) -> None:
    assert hold(AGENCY, said)[0] == MESSAGE


def test_a_follow_up_appointment_is_one() -> None:
    says = ("Frau Pohl hat mich gebeten, einen Folgetermin auszumachen.", "Um zehn.", "Ina Gerlach.")
    (name, _), remark = hold(AGENCY, *says)
    assert (name, remark) == ("book_appointment", None)
    assert phrases.ONE_BY_ONE not in str(remark)


def test_one_of_two_days_is_in_the_week_that_was_said() -> None:
    says = ("Haben Sie nächste Woche Dienstag oder Mittwoch noch was für eine Erstberatung?", "Mittwoch.")
    assert function_of(AGENCY, *says)[1]["date"] == "nächste Woche Mittwoch"


def test_where_the_caller_is_that_day_is_no_branch() -> None:
    said = "Nein, nicht am Donnerstag, da bin ich in München, Freitag wäre gut."
    assert function_of(AGENCY, said) == ("check_availability", {"date": "Freitag"})
