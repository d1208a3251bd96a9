"""Calls of a photo studio whose people are called as days and seasons are, and whose callers ask before they accept."""

from datetime import UTC, datetime
from typing import Any

import pytest
from played_calls import OFFER
from scripted_models import FUNCTIONS, called, make_tools

from askproai_sandbox.caller import ScriptedModel, ToolCall
from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.service import Service

PHOTOS = "Passbilder"
CATALOGUE = Catalogue(services=(Service(PHOTOS),), staff=("Frau Sommer", "Herr Clausen"))
THURSDAY = OFFER | {
    "start": "2026-11-26T14:00:00+01:00",
    "staff": "clausen",
    "spoken": "Donnerstag um 14 Uhr bei Herrn Clausen",
}
FRIDAY = OFFER | {
    "start": "2026-11-27T12:30:00+01:00",
    "staff": "sommer",
    "spoken": "Freitag um 12 Uhr 30 bei Frau Sommer",
}
BOOKED = {"success": True, "appointment_id": "a1", "start": THURSDAY["start"], "end": "2026-11-26T14:15:00+01:00"}
NOT_KNOWN = (
    "Was das kostet, kann ich Ihnen leider nicht sagen. Soll ich Sie mit dem Team verbinden oder ihm etwas ausrichten?"
)


def studio() -> ScriptedModel:
    tools: dict[str, Any] = make_tools(
        FUNCTIONS | {"book_appointment": ("start", "service", "staff", "customer_name", "another")}
    )
    tools["book_appointment"]["parameters"]["required"] = ["customer_name"]
    return ScriptedModel(tools | {"transfer_to_human": {"type": "transfer_call"}}, "+491", CATALOGUE)


def offering(*offers: dict[str, str], said: str = "Passbilder am Donnerstag um zwei.") -> ScriptedModel:
    model = studio()
    called(model, said)
    model.learn({"success": True, "slots": list(offers)})
    return model


def offering_after_a_question() -> ScriptedModel:
    """Return a model that has offered a time, and then could not answer what it costs."""
    model = offering(THURSDAY)
    called(model, "Was kostet das denn?")
    model.learn({"success": False, "message": NOT_KNOWN})
    return model


def booked(model: ScriptedModel, said: str) -> tuple[Any, Any]:
    call = called(model, said)
    assert call["tool"] == "book_appointment"
    return call["customer_name"], call["start"]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Ja. Mein Name ist Freitag. Susanne Freitag.", "Susanne Freitag"),
        ("Ja, ich heiße Freitag.", "Freitag"),
        ("Ja, Montag ist mein Name.", "Montag"),
        ("Jawoll, Lars Kamp", "Lars Kamp"),
        ("Jawohl, Yusuf Demir", "Yusuf Demir"),
    ],
)
def test_a_name_is_the_one_that_is_said_though_it_is_a_day_or_follows_a_yes(said: str, name: str) -> None:
    assert booked(offering(THURSDAY), said) == (name, THURSDAY["start"])


def test_a_name_that_is_a_day_chooses_no_other_offer() -> None:
    model = offering(THURSDAY, FRIDAY)
    assert isinstance(model.hear("Dann um zwei"), str)
    assert booked(model, "Mein Name ist Freitag. Susanne Freitag.") == ("Susanne Freitag", THURSDAY["start"])


def test_who_is_there_on_friday_says_no_name() -> None:
    assert called(offering(THURSDAY), "Ja, ich bin Freitag da.")["date"] == "Freitag"


@pytest.mark.parametrize("said", ["Den bei Frau Sommer. Rita Sauer", "Die zweite. Rita Sauer"])
def test_an_offer_of_somebody_else_is_booked_with_that_person(said: str) -> None:
    model = offering(THURSDAY, FRIDAY, said="Passbilder bei Herrn Clausen.")
    call = called(model, said)
    assert (call["tool"], call["staff"], call["start"]) == ("book_appointment", "sommer", FRIDAY["start"])


@pytest.mark.parametrize(
    "said",
    [
        "Nein, ist schon gut, wir nehmen den Termin. Tina Brandt.",
        "Nein, dann ist egal. Tragen Sie uns bitte ein, Tina Brandt.",
        "Ja, tragen Sie das ein, Tina Brandt.",
    ],
)
def test_an_offer_is_taken_after_a_question_that_could_not_be_answered(said: str) -> None:
    model = offering_after_a_question()
    assert booked(model, said) == ("Tina Brandt", THURSDAY["start"])


@pytest.mark.parametrize(
    "said", ["Nein danke.", "Nein danke. Ja, tragen Sie das bitte ein, Tina Brandt.", "Ja, Tina Brandt."]
)
def test_after_such_a_question_the_offer_is_said_again(said: str) -> None:
    model = offering_after_a_question()
    assert "Soll ich das eintragen?" in str(model.hear(said))
    assert booked(model, "Ja, Tina Brandt.") == ("Tina Brandt", THURSDAY["start"])


def test_who_takes_nothing_after_such_a_question_gets_nothing() -> None:
    model = offering_after_a_question()
    assert isinstance(model.hear("Nein, dann nehme ich den nicht."), str)


@pytest.mark.parametrize("said", ["Geht auch später als vier?", "Haben Sie auch was später?"])
def test_another_wish_instead_of_the_name_books_nothing(said: str) -> None:
    model = offering(THURSDAY, FRIDAY)
    assert model.hear("Die erste.") == "Auf welchen Namen darf ich buchen?"
    reaction = model.hear(said)
    assert not isinstance(reaction, ToolCall) or reaction.name == "check_availability"
    later = model.hear("Anja Busch")
    assert not isinstance(later, ToolCall) or later.name != "book_appointment"


def test_after_a_move_the_next_one_follows_the_new_time() -> None:
    model = offering(THURSDAY)
    booked(model, "Den nehm ich. Ulla Wirth")
    model.learn(BOOKED)
    assert called(model, "Ach, können Sie das doch auf vier ändern?")["tool"] == "reschedule_appointment"
    model.learn(BOOKED | {"end": "2026-11-26T16:15:00+01:00"})
    assert called(model, "Und für meinen Mann gleich danach")["time"] == "ab 16:15 Uhr"


def test_a_message_for_somebody_is_one() -> None:
    model = studio()
    assert (
        model.hear("Nachricht für Herrn Clausen bitte: die Bilder sind super geworden")
        == "Von wem darf ich das ausrichten?"
    )
    assert called(model, "Sven Adler")["tool"] == "leave_message"


@pytest.mark.parametrize("said", ["Und am ersten Weihnachtstag?", "Und Heiligabend?"])
def test_a_further_question_about_opening_hours_may_be_a_holiday(said: str) -> None:
    model = studio()
    called(model, "Haben Sie am Mittwochnachmittag auf?")
    model.learn({"success": True, "topic": "opening_hours"})
    assert called(model, said)["topic"] == "opening_hours"


@pytest.mark.parametrize(
    ("said", "day", "clock", "new"),
    [
        ("Meine Frau hat morgen um elf einen Termin, den müssen wir leider verschieben", "morgen", "elf", {}),
        ("Ich hab am Donnerstag um elf einen Termin und muss ihn leider verschieben", "Donnerstag", "elf", {}),
        (
            "Mein Mann hat morgen um neun einen Termin, kann man den auf elf verschieben?",
            "morgen",
            "neun",
            {"time": "elf"},
        ),
    ],
)
def test_the_time_that_an_appointment_has_is_not_the_one_that_it_is_moved_to(
    said: str, day: str, clock: str, new: dict[str, str]
) -> None:
    expected = {"tool": "reschedule_appointment", "appointment_date": day, "appointment_time": clock, **new}
    assert called(studio(), said) == expected


def test_a_new_time_that_is_counted_from_the_former_one_is_passed_on() -> None:
    said = "Ich möchte meinen Termin am zehnten Dezember auf den Montag danach verschieben"
    expected = {"appointment_date": "zehnten Dezember", "date": "auf den Montag danach"}
    heard = called(studio(), said)
    assert {name: heard.get(name) for name in expected} == expected, heard


def test_a_weekday_is_not_of_a_week_that_is_over() -> None:
    sunday = datetime(2026, 11, 22, 20, tzinfo=UTC)
    tools = make_tools(FUNCTIONS)
    model = ScriptedModel(tools, "+491", CATALOGUE, now=sunday)
    called(model, "Passbilder, haben Sie diese Woche noch Zeit?")
    model.learn({"success": True, "slots": [OFFER, THURSDAY]})
    assert called(model, "Mittwoch ginge bei mir, aber erst ab zehn")["date"] == "Mittwoch"


def test_another_time_is_of_the_day_that_was_chosen() -> None:
    model = offering(THURSDAY, FRIDAY, said="Passbilder irgendwann nächste Woche.")
    assert isinstance(model.hear("Donnerstag wäre gut"), str)
    assert called(model, "Halb sechs")["date"] == "2026-11-26"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Ja, gerne. Auf den Namen Schmidt.", "Schmidt"),
        ("Ja, Bauer mein Name", "Bauer"),
        ("Ja, Familie Krüger", "Familie Krüger"),
    ],
)
def test_a_surname_is_a_name(said: str, name: str) -> None:
    assert booked(offering(THURSDAY), said) == (name, THURSDAY["start"])


def test_who_asks_what_a_cancellation_costs_cancels_nothing() -> None:
    assert called(studio(), "Wenn ich absage, kostet das was?")["topic"] == "cancellation"


def test_who_says_that_they_come_later_leaves_a_message() -> None:
    model = studio()
    assert (
        model.hear("Ich wollte nur sagen, dass ich am Samstag zehn Minuten später komme")
        == "Von wem darf ich das ausrichten?"
    )


@pytest.mark.parametrize(
    "said",
    ["Ja, Ulla Wirth, aber erst muss ich meinen Mann fragen.", "Ja, Ulla Wirth, falls meine Chefin mich gehen lässt."],
)
def test_an_offer_is_said_again_where_its_yes_says_more(said: str) -> None:
    model = offering(THURSDAY)
    assert "Soll ich das eintragen?" in str(model.hear(said))
    assert "once more" in str(model.remark)
    assert booked(model, "Ja.") == ("Ulla Wirth", THURSDAY["start"])
