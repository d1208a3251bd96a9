"""Calls of a naturopath, as speech recognition writes them: without question marks."""

import pytest
from held_calls import function_of, hold

from askproai_sandbox.caller.catalogue import read_catalogue

PRACTICE = read_catalogue(
    "## Buchbar\n- Akupunktur (45 Minuten)\n- Bioresonanz für Kinder (45 Minuten; auch: Bioresonanz)\n\n"
    "## Team\n- Weststadt: Nina, Frau Sommer\n"
)
PAINS = "Ich hab seit Wochen so Rückenschmerzen und weiß gar nicht, was da das Richtige ist"


@pytest.mark.parametrize(
    "said",
    [
        "Guten Tag, haben Sie am 23. Dezember geöffnet",
        "Und haben Sie am 23. Dezember auch noch offen",
        "Ich will nichts buchen, ich wollte nur wissen, ob am 23. Dezember jemand da ist",
    ],
)
def test_the_hours_of_a_day_are_asked_for_without_a_question_mark(said: str) -> None:
    name, args = function_of(PRACTICE, said)
    assert (name, args["topic"], args["date"]) == ("business_information", "opening_hours", "23. Dezember")


def test_a_yes_that_leads_into_a_question_leaves_no_message() -> None:
    asked, _ = hold(PRACTICE, PAINS, "Ja was bieten Sie denn da überhaupt so alles an")
    assert asked == "Sie können wählen: Akupunktur, Bioresonanz für Kinder. Was möchten Sie?"


def test_who_wants_nothing_passed_on_is_not_asked_from_whom() -> None:
    asked, _ = hold(PRACTICE, PAINS, "Nein, ausrichten sollen Sie nichts, ich möchte wissen, was Sie anbieten")
    assert asked != "Von wem darf ich das ausrichten?"


def test_what_a_cancellation_costs_is_not_the_price_of_a_service_for_children() -> None:
    says = ("Ich muss den Termin morgen leider absagen", "Kostet das jetzt trotzdem was, wenn das Kind krank ist")
    assert function_of(PRACTICE, *says)[1]["topic"] == "cancellation"


def test_a_name_beside_a_question_about_the_place_is_kept() -> None:
    says = ("Akupunktur am Donnerstag", "Dann um zehn, Yvonne Kaminski, und das ist in der Weststadt, oder", "Ja, gern")
    assert function_of(PRACTICE, *says)[1]["customer_name"] == "Yvonne Kaminski"


def test_a_name_that_was_said_already_is_one() -> None:
    says = ("Akupunktur am Donnerstag", "Ja, gern", "Yvonne Kaminski, hab ich doch gesagt")
    assert function_of(PRACTICE, *says)[1]["customer_name"] == "Yvonne Kaminski"


@pytest.mark.parametrize(
    "said",
    [
        "Was bieten Sie an",
        "Ich will keine Nachricht hinterlassen, ich hätte gern einen Termin für Akupunktur am Donnerstag um zehn",
    ],
)
def test_a_message_is_left_for_what_is_wanted_instead(said: str) -> None:
    called, _ = hold(PRACTICE, PAINS, "Ja bitte", said)
    assert called != "Von wem darf ich das ausrichten?"
    assert called == hold(PRACTICE, said)[0]


def test_who_that_is_asks_for_nothing_further() -> None:
    says = ("Akupunktur am Donnerstag", "Um zehn ist okay, Frieda Kern. Ist das die Nina, die auch Bioresonanz macht")
    called, remark = hold(PRACTICE, *says)
    assert (called[0], called[1]["service"]) == ("book_appointment", "Akupunktur")
    assert "Ist das die Nina" in str(remark)


def test_a_question_beside_a_yes_has_no_question_mark_where_none_is_written() -> None:
    called, remark = hold(
        PRACTICE, "Akupunktur am Donnerstag", "Ja, das passt, Helga Brinkmann. Muss ich da nüchtern sein"
    )
    assert (called[0], called[1]["customer_name"]) == ("book_appointment", "Helga Brinkmann")
    assert "Muss ich da nüchtern sein" in str(remark)
