"""Calls of a jeweller: appointments for friends, people asked for by their name alone, a new appointment for a cancelled one."""

from datetime import datetime

import pytest
from held_calls import TEN, TOGETHER, TOOLS, function_of, hold

from askproai_sandbox.caller import ScriptedModel, ToolCall
from askproai_sandbox.caller.catalogue import read_catalogue

JEWELLER = read_catalogue(
    "## Buchbar\n- Batteriewechsel (15 Minuten; auch: Uhrenbatterie)\n- Gravur (30 Minuten; auch: Gravieren)\n"
    "- Ohrlochstechen (20 Minuten; auch: Ohrlöcher)\n- Trauringberatung (90 Minuten; auch: Eheringe, Trauringe)\n\n"
    "## Team\n- Goldschmiede Altstadt: Herr Brandt, Frau Sommerfeld, Malte\n"
)
BOOKED = ("Ohrlöcher am Donnerstag, bitte.", "Ja, Lena Vogt.")


@pytest.mark.parametrize(
    "who", ["eine Freundin", "einen Freund", "eine Bekannte", "einen Kollegen", "eine gute Freundin"]
)
def test_what_is_asked_for_somebody_is_the_same_service_and_has_its_own_name(who: str) -> None:
    name, args = function_of(JEWELLER, *BOOKED, f"Und um zwei, haben Sie da noch was für {who}?")
    assert (name, args["service"], args["time"]) == ("check_availability", "Ohrlochstechen", "zwei")
    booked = function_of(JEWELLER, *BOOKED, f"Und um zwei, haben Sie da noch was für {who}?", "Ja, Mara Kern.")
    assert (booked[0], booked[1]["customer_name"]) == ("book_appointment", "Mara Kern")


@pytest.mark.parametrize("who", ["Frau Sommerfeld", "Herr Brandt"])
def test_who_is_asked_for_by_a_name_with_its_title_is_no_service(who: str) -> None:
    assert function_of(JEWELLER, f"{who}, bitte.") == ("check_availability", {"staff": who})


@pytest.mark.parametrize(
    "said",
    [
        "Ja, aber ich möchte gleich einen neuen, am Donnerstag um drei.",
        "Ja, bitte, und ich brauche dann einen neuen Termin am Donnerstag um drei.",
    ],
)
def test_the_new_appointment_that_is_asked_for_with_the_yes_to_a_cancellation_is_looked_for(said: str) -> None:
    model = ScriptedModel(TOOLS, "+491", JEWELLER)
    model.hear("Ich muss meine Gravur absagen.")
    model.learn({"success": False, "message": "Soll ich …?", "needs_confirmation": True, "appointment_id": "a-9"})
    confirmed = ToolCall("cancel_appointment", {"appointment_id": "a-9", "confirmed": True})
    assert model.hear(said) == confirmed
    assert model.take_up() is None  # not before it is cancelled
    assert model.learn({"success": True, "message": "Abgesagt.", "appointment_id": "a-9"}) is None
    assert model.take_up() == ToolCall("check_availability", {"date": "Donnerstag", "time": "drei"})
    assert model.take_up() is None


@pytest.mark.parametrize(
    ("said", "name", "topic"),
    [
        ("Ich möchte wissen, wie lange Sie heute noch da sind.", "business_information", "opening_hours"),
        ("Dauert ein Batteriewechsel lange?", "business_information", "service"),
        ("Kann ich auf den Batteriewechsel warten?", "business_information", "other"),
        ("Mein Mann hat bei Ihnen einen Termin, ich möchte wissen, wann der ist.", "find_appointments", None),
        ("Ja, dann stellen Sie mich bitte durch.", "transfer_to_human", None),
    ],
)
def test_a_question_looks_for_no_free_time(said: str, name: str, topic: str | None) -> None:
    called, args = function_of(JEWELLER, said)
    assert (called, args.get("topic")) == (name, topic)


def test_an_appointment_that_may_be_earlier_is_moved() -> None:
    said = "Könnten Sie mir sagen, ob der Termin am Freitag auch eine halbe Stunde früher ginge?"
    moved = {"appointment_date": "Freitag", "time": "eine halbe Stunde früher"}
    assert function_of(JEWELLER, said) == ("reschedule_appointment", moved)


def test_who_asks_for_an_appointment_after_an_unanswered_question_is_not_connected() -> None:
    called = function_of(JEWELLER, "Was kosten Trauringe?", "Dann machen wir mal einen Termin.")
    assert called == ("check_availability", {"service": "Trauringberatung"})


def test_a_message_says_what_somebody_is_to_do() -> None:
    said = "Können Sie Herrn Brandt sagen, er soll sich melden?"
    assert function_of(JEWELLER, said, "Nina Krause.")[1]["recipient"] == "Herr Brandt"


@pytest.mark.parametrize("said", ["Ja hallo, wer ist denn da?", "Mit wem spreche ich?"])
def test_who_asks_who_is_speaking_hears_that_it_is_no_person(said: str) -> None:
    assert hold(JEWELLER, said)[0] == "Ich bin ein KI-Assistent."


def test_who_says_later_that_two_come_is_offered_times_for_both() -> None:
    says = ("Ich rufe wegen eines Termins für Trauringe an.", "Wir kommen zu zweit.")
    called = hold(JEWELLER, *says, tools=TOGETHER)[0]
    assert called == ("check_availability", {"service": "Trauringberatung", "companions": [{}]})


FRIDAY = {"start": "2026-11-27T10:00:00+01:00", "spoken": "Freitag, den 27. November, um 10 Uhr bei Malte"}
AT_NOON = {"start": "2026-11-27T12:00:00+01:00", "spoken": "Freitag, den 27. November, um 12 Uhr bei Malte"}
NOW = datetime.fromisoformat("2026-11-24T10:00:00+01:00")  # a Tuesday
OFFERS = (TEN, FRIDAY, AT_NOON)
ENGRAVING = "Eine Gravur, bitte."


def test_a_clock_time_of_offers_on_several_days_is_asked_about() -> None:
    asked = f"Welcher Termin passt Ihnen: {TEN['spoken']} oder {FRIDAY['spoken']}?"
    assert hold(JEWELLER, ENGRAVING, "Den um zehn, bitte.", offers=OFFERS)[0] == asked
    booked = function_of(JEWELLER, ENGRAVING, "Den um zehn, bitte.", "Am Freitag.", "Nina Krause.", offers=OFFERS)
    assert booked[1]["start"] == FRIDAY["start"]


def test_a_clock_time_of_the_day_that_was_asked_for_is_of_that_day() -> None:
    called = function_of(JEWELLER, "Eine Gravur am Freitag, bitte.", "Um zehn.", offers=OFFERS, now=NOW)
    assert called == ("check_availability", {"service": "Gravur", "date": "Freitag", "time": "zehn"})


@pytest.mark.parametrize(
    "said", ["Freitag um zehn, bitte auf Krause.", "Wissen Sie was, Freitag um zehn, bitte auf Krause."]
)
def test_a_name_behind_the_choice_books(said: str) -> None:
    name, args = function_of(JEWELLER, ENGRAVING, said, offers=OFFERS)
    assert (name, args["customer_name"], args["start"]) == ("book_appointment", "Krause", FRIDAY["start"])


def test_the_one_in_the_middle_of_three_is_a_choice() -> None:
    name, args = function_of(JEWELLER, ENGRAVING, "Den mittleren, bitte.", "Nina Krause.", offers=OFFERS)
    assert (name, args["start"]) == ("book_appointment", FRIDAY["start"])
