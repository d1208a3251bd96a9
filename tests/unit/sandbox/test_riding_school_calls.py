"""Calls of a riding school: who comes first, whose day it is, and questions that are none about a price."""

import pytest
from held_calls import TEN, TOGETHER, function_of, hold

from askproai_sandbox.caller.catalogue import read_catalogue

SCHOOL = read_catalogue(
    "## Buchbar\n- Kutschfahrt für Familien (60 Minuten; auch: Kutschfahrt)\n- Longenstunde (45 Minuten; auch: Longe)\n"
    "- Einzelstunde (45 Minuten)\n- Ponystunde für Kinder (60 Minuten; auch: Ponystunde)\n\n## Team\n- Heidehof: Jule, Heike\n"
)
ONE_BY_ONE = {
    "success": False,
    "message": "Unser Kalender nimmt mehrere Termine nicht zusammen an, nur jeden für sich. Für wen soll ich den ersten suchen?",
}
TWO = "Am Dienstag um drei, für mich die Einzelstunde, für meine Tochter Longe."


@pytest.mark.parametrize(
    ("said", "service"),
    [
        ("Für mich.", "Einzelstunde"),
        ("Erst mal für mich.", "Einzelstunde"),
        ("Für meine Tochter.", "Longenstunde"),
    ],
)
def test_who_is_first_is_looked_for(said: str, service: str) -> None:
    called, _ = hold(SCHOOL, TWO, said, tools=TOGETHER, answers={"check_availability": ONE_BY_ONE})
    assert called == ("check_availability", {"service": service, "date": "Dienstag", "time": "drei"})


def test_a_whole_wish_answers_who_is_first() -> None:
    wish = "Eine Einzelstunde am Donnerstag um vier."
    called, _ = hold(SCHOOL, TWO, wish, tools=TOGETHER, answers={"check_availability": ONE_BY_ONE})
    assert called == ("check_availability", {"service": "Einzelstunde", "date": "Donnerstag", "time": "vier"})


def test_how_many_fit_in_is_no_further_price() -> None:
    said = "Und wie viele Leute passen in die Kutsche?"
    assert function_of(SCHOOL, "Was kostet die Kutschfahrt?", said)[1] == {"topic": "other", "question": said}


def test_a_whole_wish_is_no_answer_to_which_service_a_price_is_asked_for() -> None:
    which = {"success": False, "message": "Welche Leistung meinen Sie?", "services": ["a"]}
    says = ("Was kostet die Kutsche?", "Dann möchte ich die Kutschfahrt am Samstag um elf.")
    called = function_of(SCHOOL, *says, answers={"business_information": which})
    assert called == ("check_availability", {"service": "Kutschfahrt für Familien", "date": "Samstag", "time": "elf"})


def test_the_day_of_the_hours_that_were_asked_for_is_the_wished_one() -> None:
    says = ("Haben Sie am Sonntag auf?", "Dann hätte ich gern eine Ponystunde um elf.")
    assert function_of(SCHOOL, *says)[1] == {"service": "Ponystunde für Kinder", "date": "Sonntag", "time": "elf"}


def test_who_may_come_along_is_not_asked_as_what_to_bring() -> None:
    said = "Darf mein Sohn zur Ponystunde auch einen Freund mitbringen?"
    assert function_of(SCHOOL, said)[1].get("topic") != "service"


def test_a_place_is_no_service() -> None:
    says = ("Was kostet die Ponystunde?", "Ist am Sonntag um elf noch ein Platz frei?")
    assert function_of(SCHOOL, *says)[1]["service"] == "Ponystunde für Kinder"


def test_a_family_is_a_name_and_no_service_for_families() -> None:
    says = ("Eine Kutschfahrt am Donnerstag.", "Ja, auf Familie Meier.")
    assert function_of(SCHOOL, *says, offers=(TEN,))[1]["customer_name"] == "Familie Meier"


def test_who_books_nothing_yet_is_not_asked_what() -> None:
    asked, _ = hold(SCHOOL, "Nee, buchen will ich noch nix.")
    assert asked == "Gut, dann buche ich nichts. Kann ich sonst noch etwas für Sie tun?"


def test_a_time_is_joined_to_a_message_once() -> None:
    says = ("Ich stehe im Stau und komme später.", "Tjark Wessels, und zwar heute.")
    assert function_of(SCHOOL, *says)[1]["message"] == "Ich stehe im Stau und komme später. heute"
