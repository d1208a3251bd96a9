"""Calls of a kitchen studio: what is spoken of exists already, a couple wants one appointment, and who does what."""

import pytest
from held_calls import TEN, TOGETHER, function_of, hold

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.catalogue import read_catalogue

STUDIO = read_catalogue(
    "## Buchbar\n- Küchenplanung (90 Minuten; auch: Planung), nur bei Frau Ritter und Herr Terbeck\n"
    "- Aufmaß zu Hause (60 Minuten; auch: Aufmaß), nur bei Herr Lütke\n"
    "- Armaturenreparatur (45 Minuten; auch: Wasserhahn), nur bei Herr Lütke\n"
    "- Gerätevorführung (45 Minuten; auch: Vorführung)\n\n## Team\n- Hiltrup: Frau Ritter, Herr Terbeck, Herr Lütke\n"
)


@pytest.mark.parametrize(
    "said",
    [
        "Wegen dem Wasserhahn morgen, das schaffe ich doch nicht um Viertel vor zehn, geht das auch nachmittags?",
        "Wegen der Vorführung am Freitag, da schaffe ich es um vier doch nicht, geht das auch am Samstag?",
        "Wegen der Planung morgen, das schaffe ich doch nicht um zwei, geht das auch übermorgen?",
    ],
)
def test_what_cannot_be_kept_is_no_second_appointment(said: str) -> None:
    assert hold(STUDIO, said)[0] == phrases.CANCEL_OR_MOVE


def test_another_day_may_be_asked_for_of_a_service_that_is_not_booked_yet() -> None:
    said = "Wegen der Planung wollte ich fragen, ob es auch am Freitag geht."
    assert function_of(STUDIO, said) == ("check_availability", {"service": "Küchenplanung", "date": "Freitag"})


WE = "Meine Frau und ich möchten eine Küchenplanung am Donnerstag."


@pytest.mark.parametrize(
    ("answer", "companions"),
    [
        ("Einen zusammen, bitte.", None),
        ("Ein gemeinsamer reicht.", None),
        ("Nur einen für uns beide.", None),
        ("Jeder einen.", [{}]),
        ("Zwei, bitte.", [{}]),
    ],
)
def test_a_couple_is_asked_whether_one_appointment_is_for_both(
    answer: str, companions: list[dict[str, str]] | None
) -> None:
    assert hold(STUDIO, WE, tools=TOGETHER)[0] == phrases.ASK_TOGETHER
    args = {"service": "Küchenplanung", "date": "Donnerstag"} | ({"companions": companions} if companions else {})
    assert hold(STUDIO, WE, answer, tools=TOGETHER)[0] == ("check_availability", args)


def test_one_appointment_for_both_is_the_only_one() -> None:
    says = (WE, "Einen zusammen, bitte.", "Ja, Udo Kern.")
    assert hold(STUDIO, *says, tools=TOGETHER)[0] == (
        "book_appointment",
        {"service": "Küchenplanung", "customer_name": "Udo Kern", "start": TEN["start"]},
    )


@pytest.mark.parametrize(
    "said", ["Meine Frau und ich möchten beide eine Küchenplanung.", "Eine Küchenplanung für mich und meine Frau."]
)
def test_who_says_that_each_wants_one_is_not_asked(said: str) -> None:
    assert hold(STUDIO, said, tools=TOGETHER)[0] == (
        "check_availability",
        {"service": "Küchenplanung", "companions": [{}]},
    )


def test_a_house_is_no_service_at_home() -> None:
    said = "Wir bauen gerade ein Haus und hätten gern eine Küchenplanung am Samstag."
    assert function_of(STUDIO, said) == ("check_availability", {"service": "Küchenplanung", "date": "Samstag"})


def test_the_next_service_is_not_looked_for_with_who_cannot_do_it() -> None:
    says = (
        "Die Planung bei Herrn Terbeck, Donnerstag um zehn.",
        "Ja, Ingo Lange.",
        "Und dann noch ein Aufmaß am Freitag.",
    )
    called = function_of(STUDIO, *says)
    assert called[0] == "check_availability"
    assert "staff" not in called[1]


def test_a_question_about_what_somebody_has_got_is_offered_to_be_passed_on() -> None:
    said = "Ich hab gestern ein Angebot bekommen und da hätte ich noch eine Frage zu."
    assert hold(STUDIO, said)[0] == phrases.OFFER_MESSAGE
