"""Calls of a goldsmith: a choice and a yes beside a question are kept, and what a caller reports has no day of its own."""

import pytest
from held_calls import HALF_PAST_TWO, TEN, function_of, hold

from askproai_sandbox.caller.catalogue import read_catalogue

SHOP = read_catalogue(
    "## Buchbar\n- Trauringberatung (45 Minuten; auch: Beratung zu Trauringen)\n- Schmuckreparatur (30 Minuten; auch: Reparatur)\n"
    "- Perlenkette neu knüpfen (60 Minuten; auch: Perlenkette)\n\n## Team\n- Wiehre: Torsten, Nina\n"
)
WISH = "Eine Trauringberatung, hier ist Sabine Roth."
BOTH = (TEN, HALF_PAST_TWO)


@pytest.mark.parametrize(
    "said",
    [
        "Wir wollen nächstes Jahr heiraten und hätten gern eine Trauringberatung.",
        "Meine Frau hat bald Geburtstag, haben Sie was für eine Trauringberatung?",
        "Mein Sohn braucht eine Schmuckreparatur, der schreibt nächste Woche eine Arbeit.",
    ],
)
def test_what_is_going_to_happen_is_no_day_of_an_appointment(said: str) -> None:
    name, args = function_of(SHOP, said)
    assert (name, "date" in args) == ("check_availability", False)


@pytest.mark.parametrize(
    "said", ["Um halb drei wäre gut, kostet das viel?", "Halb drei passt mir. Muss ich etwas mitbringen?"]
)
def test_a_time_that_is_chosen_before_a_question_stays_chosen(said: str) -> None:
    called = function_of(SHOP, WISH, said, "Gut, dann machen wir das so.", offers=BOTH)
    assert called[1]["start"] == HALF_PAST_TWO["start"]


def test_a_yes_before_a_question_books_and_the_question_is_named() -> None:
    called, remark = hold(SHOP, WISH, "Ja, gern. Muss ich etwas mitbringen?")
    assert called[0] == "book_appointment"
    assert "Muss ich etwas mitbringen" in str(remark)


def test_a_yes_before_a_question_asks_for_the_name_that_is_missing() -> None:
    asked, _ = hold(SHOP, "Eine Trauringberatung.", "Ja, gern. Muss ich etwas mitbringen?")
    assert asked == "Auf welchen Namen darf ich buchen?"


def test_a_yes_to_a_cancellation_before_a_question_cancels() -> None:
    says = ("Ich möchte meinen Termin am Samstag absagen.", "Ja, bitte, kostet das jetzt was?")
    assert function_of(SHOP, *says)[1]["confirmed"] is True


def test_whether_something_is_done_is_no_wish_for_an_appointment() -> None:
    said = "Ich hab vor zwei Wochen einen Ring zur Reparatur abgegeben, ist der schon fertig?"
    assert function_of(SHOP, said)[0] == "business_information"
    again = "Nein, ich will keinen Termin, ich will nur wissen, ob mein Ring fertig ist."
    assert function_of(SHOP, said, again) == ("business_information", {"topic": "other", "question": again})


def test_who_cannot_come_at_an_hour_and_asks_for_another_day_is_asked_what_is_meant() -> None:
    said = "Hier Vogt, ich schaff's morgen nicht um drei wegen der Perlenkette, ginge auch Freitagvormittag?"
    asked, _ = hold(SHOP, said)
    assert asked == "Möchten Sie den Termin absagen oder verschieben?"


@pytest.mark.parametrize(
    "said",
    [
        "Ich hätte gern den Torsten. Eine Trauringberatung bitte.",
        "Torsten hat uns so gut geholfen, wir würden gern wieder zu ihm. Eine Trauringberatung bitte.",
    ],
)
def test_who_is_wanted_is_asked_for(said: str) -> None:
    assert function_of(SHOP, said)[1]["staff"] == "Torsten"


def test_hours_are_asked_for_with_how_long_and_as_work() -> None:
    for said in ("Haben Sie am Samstag offen und wie lange?", "Ich wollte fragen, ob Sie am Samstag auch arbeiten."):
        assert function_of(SHOP, said)[1]["topic"] == "opening_hours"


def test_a_day_that_the_others_work_is_not_the_one_that_is_asked_for() -> None:
    said = "Unter der Woche arbeiten wir beide, geht das auch am Wochenende?"
    assert function_of(SHOP, WISH, said)[1]["date"] == "Wochenende"
