"""Calls of a dancing school: who is ill, who comes on another day instead, and whom a course is for."""

import pytest
from held_calls import TOGETHER, finding, function_of, hold

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.catalogue import read_catalogue

SCHOOL = read_catalogue(
    "## Buchbar\n- Probestunde (60 Minuten)\n- Privatstunde (60 Minuten)\n- Hochzeitstanz (60 Minuten)\n- Kindertanz (45 Minuten)\n"
    "- Auffrischungskurs (90 Minuten; auch: Auffrischung)\n\n## Team\n- Innenstadt: Olga, Marco\n"
)
FOUND = finding("2026-11-28T11:00:00+01:00", "Samstag, den 28. November, um 11 Uhr")


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


def test_a_person_is_rejected_with_an_article_too() -> None:
    said = "Kruse mein Name, ich hätte gern eine Probestunde, aber nicht bei dem Marco."
    assert function_of(SCHOOL, said)[1]["staff"] == "Olga"


def test_who_makes_it_later_moves_what_there_is() -> None:
    said = "Moin, Hinrichs. Ich habe am Samstag eine Privatstunde, die schaffe ich erst um zwölf."
    called = function_of(SCHOOL, said, "Ja.", answers=FOUND)
    assert called[0] == "reschedule_appointment"
    assert (called[1]["time"], "date" in called[1]) == ("zwölf", False)


def test_parents_are_asked_whether_they_come_together_and_one_lesson_is_one() -> None:
    said = "Eine Privatstunde für meine Eltern am Samstag."
    assert hold(SCHOOL, said, tools=TOGETHER)[0] == phrases.ASK_TOGETHER
    both = (
        "Eine Privatstunde für meinen Vater und meine Mutter.",
        "Nein, das ist doch eine gemeinsame Stunde, die beiden tanzen ja zusammen.",
    )
    (name, args), _ = hold(SCHOOL, *both, tools=TOGETHER)
    assert (name, "companions" in args) == ("check_availability", False)


def test_who_asks_to_be_planned_in_asks_for_a_time() -> None:
    says = (
        "Ich muss den Termin morgen leider absagen.",
        "Ja.",
        "Können Sie mich dann für nächste Woche Dienstag einplanen, wieder bei Olga?",
    )
    cancelled = {"cancel_appointment": {"success": True, "appointment_id": "a-9"}}
    assert function_of(SCHOOL, *says, answers=cancelled) == (
        "check_availability",
        {"staff": "Olga", "date": "nächste Woche Dienstag"},
    )


@pytest.mark.parametrize("said", ["Ich brauche nur einen Termin.", "Nur ein Termin für beide zusammen, bitte."])
def test_who_needs_one_appointment_for_both_gets_one(said: str) -> None:
    says = ("Eine Privatstunde für meinen Vater und meine Mutter.", said)
    (name, args), _ = hold(SCHOOL, *says, tools=TOGETHER)
    assert (name, "companions" in args) == ("check_availability", False)


def test_who_asks_whether_an_appointment_can_be_later_moves_it() -> None:
    said = "Meinen, guten Tag, meine Tochter hat ja am Freitag um vier Kindertanz, ginge auch eine Stunde später?"
    assert function_of(SCHOOL, said, answers=FOUND)[0] in {"find_appointments", "reschedule_appointment"}


def test_the_business_itself_is_nobody_of_the_team() -> None:
    school = read_catalogue(
        "## Buchbar\n- Probestunde (60 Minuten)\n\n## Team\n- Tanzschule Behrens Innenstadt: Olga, Marco\n"
    )
    said = "Moin, spreche ich mit der Tanzschule, ich meine bin ich bei der Tanzschule richtig? Eine Probestunde am Freitag bitte."
    assert "staff" not in function_of(school, said)[1]


def test_a_name_is_taken_though_it_was_said_before() -> None:
    says = ("Eine Probestunde am Donnerstag.", "Um zehn.", "Dieter Ahlers, das sagte ich doch.")
    assert function_of(SCHOOL, *says)[1]["customer_name"] == "Dieter Ahlers"
