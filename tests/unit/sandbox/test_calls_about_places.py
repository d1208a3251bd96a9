"""Calls to one of two branches: which one is meant, what is moved, and for whom a further appointment is."""

import pytest
from held_calls import TEN, function_of, hold

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.catalogue import read_catalogue

MARKET = read_catalogue(
    "## Buchbar\n- Änderung (20 Minuten; auch: Saum)\n- Abholung (10 Minuten)\n\n## Team\n- Annahme am Markt: Nina, Lena Koch\n\n"
    "## Weitere Filialen\n- Atelier Plagwitz\n"
)
HEM = "Eine Änderung am Donnerstag um zehn."
MOVED = "Bitte verschieben Sie meinen Termin auf Freitag um zehn."


@pytest.mark.parametrize(
    "said",
    [
        "Eine Änderung am Donnerstag um zehn in Plagwitz bitte.", "Eine Änderung am Donnerstag um zehn im Atelier Plagwitz bitte.",
        "Eine Änderung am Donnerstag um zehn im Atelier bitte.", "Eine Änderung bei Ihnen in Plagwitz am Donnerstag um zehn.",
    ],
)  # fmt: skip
def test_an_appointment_in_another_branch_is_looked_for_there(said: str) -> None:
    wanted = {"service": "Änderung", "date": "Donnerstag", "time": "zehn", "branch": "Atelier Plagwitz"}
    assert function_of(MARKET, said) == ("check_availability", wanted)


def test_the_own_branch_is_no_other_one() -> None:
    assert "branch" not in function_of(MARKET, "Eine Änderung am Donnerstag um zehn am Markt bitte.")[1]


def test_a_question_for_the_place_is_answered_and_looks_for_nothing() -> None:
    reaction, _ = hold(MARKET, HEM, "Ist das in Plagwitz?")
    assert str(reaction).startswith("Das ist in Annahme am Markt. ")


def test_the_other_branch_is_asked_for_before_anything_is_booked() -> None:
    name, args = function_of(MARKET, HEM, "Ja, aber in Plagwitz, Ole Sechs")
    assert (name, args["branch"], args["time"]) == ("check_availability", "Atelier Plagwitz", "zehn")


@pytest.mark.parametrize(
    "said",
    [
        "Kann ich meinen Termin am Mittwoch ins Atelier verlegen, am Donnerstag um elf?",
        "Kann ich meinen Termin am Mittwoch nach Plagwitz verlegen?",
        "Ich hab am Mittwoch einen Termin in Plagwitz, kann ich den zu Ihnen an den Markt verlegen?",
        "Ich möchte meinen Termin lieber in Plagwitz haben",
    ],
)
def test_into_another_branch_nothing_is_moved(said: str) -> None:
    assert hold(MARKET, said) == (phrases.NO_BRANCH_MOVE, None)
    assert hold(MARKET, said, "Ja, gern.")[0] == phrases.ASK_WHO
    name, args = function_of(MARKET, said, "Ja, gern.", "Petra Lang")
    assert (name, args["message"]) == ("leave_message", said)


def test_where_an_appointment_is_does_not_keep_it_from_another_time() -> None:
    said = "Ich möchte meinen Termin in Plagwitz auf Freitag um zehn verschieben"
    assert function_of(MARKET, said) == ("reschedule_appointment", {"date": "Freitag", "time": "zehn"})


@pytest.mark.parametrize(
    "said", ["Nein, doch nicht, lassen Sie es wie es war", "Nein, doch nicht", "Nein, lassen Sie alles so"]
)
def test_who_takes_a_move_back_hears_that_it_is_done_and_says_when(said: str) -> None:
    assert hold(MARKET, MOVED, said)[0] == phrases.MOVED
    name, args = function_of(MARKET, MOVED, said, "Donnerstag um elf")
    assert (name, args["date"], args["time"]) == ("reschedule_appointment", "Donnerstag", "elf")
    assert args["appointment_id"] == "a-8"


@pytest.mark.parametrize(
    ("said", "customer"),
    [
        (("Ja, für meine Tochter Lena Berg", "Und noch einen für mich, Karin Berg, um elf", "Ja"), "Karin Berg"),
        (("Ja, Felix Vier", "Und für meine Mutter Heike Vier auch einen um elf", "Ja"), "Heike Vier"),
        (("Ja, Gerda Paul", "Und für meinen Mann um elf", "Ja", "Horst Paul"), "Horst Paul"),
        (("Ja, Gerda Paul", "Und noch eine Abholung für mich am Freitag", "Ja"), "Gerda Paul"),
    ],
)
def test_a_further_appointment_is_in_the_name_of_whom_it_is_for(said: tuple[str, ...], customer: str) -> None:
    name, args = function_of(MARKET, HEM, *said)
    assert (name, args["customer_name"], args["another"]) == ("book_appointment", customer, True)


def test_for_somebody_else_without_a_name_the_name_is_asked_for() -> None:
    assert hold(MARKET, HEM, "Ja, Gerda Paul", "Und für meinen Mann um elf", "Ja")[0] == phrases.ASK_NAME


@pytest.mark.parametrize(
    "said",
    [
        "Kann ich meinen Termin kostenlos absagen?",
        "Muss ich absagen, wenn ich krank bin?",
        "Gibt es eine Stornogebühr?",
    ],
)
def test_a_question_about_cancelling_cancels_nothing(said: str) -> None:
    name, args = function_of(MARKET, said)
    assert (name, args["topic"]) == ("business_information", "cancellation")


def test_who_does_not_want_to_cancel_keeps_the_appointment() -> None:
    assert hold(MARKET, "Ich möchte absagen.", "Nein, ich will nicht absagen, nur wissen")[0] == phrases.KEPT


@pytest.mark.parametrize(
    ("said", "function"),
    [
        ("Ich wollte nur mal fragen, wann Sie morgen aufmachen", "business_information"),
        ("Wann sind jetzt unsere Termine?", "find_appointments"),
    ],
)
def test_a_question_looks_for_no_free_time(said: str, function: str) -> None:
    assert function_of(MARKET, said)[0] == function
    assert function_of(MARKET, HEM, said)[0] == function


@pytest.mark.parametrize(
    "said", ["Heike Drei hier, eine Änderung am Dienstag um sechs.", "Guten Tag, Heike Drei hier, eine Änderung."]
)
def test_the_name_at_the_beginning_is_the_callers(said: str) -> None:
    assert function_of(MARKET, said, "Ja.")[1]["customer_name"] == "Heike Drei"


def test_an_offer_elsewhere_is_accepted() -> None:
    assert function_of(MARKET, HEM, "Ja, aber in Plagwitz.", "Ja, Ole Witt") == (
        "book_appointment", {"service": "Änderung", "customer_name": "Ole Witt", "start": TEN["start"]},
    )  # fmt: skip


def test_back_in_the_own_branch_is_asked_for_again() -> None:
    name, args = function_of(MARKET, "Eine Änderung in Plagwitz am Freitag um elf.", "Lieber doch am Markt.")
    assert (name, args["branch"], args["service"]) == ("check_availability", "Annahme am Markt", "Änderung")
