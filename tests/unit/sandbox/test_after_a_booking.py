"""What a caller says after a booking in the same call changes that booking, unless it asks for a further appointment."""

from typing import Any

import pytest
from workshop_model import THURSDAY, booked, called

from askproai_sandbox.caller import ToolCall, phrases


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("Oh nein, ich meinte den 14.", {"date": "14."}),
        ("Nein, um zehn, nicht um neun.", {"time": "zehn"}),
        ("Falscher Tag, Montag meinte ich.", {"date": "Montag"}),
        ("Ich hab mich vertan, am Montag um zehn.", {"date": "Montag", "time": "zehn"}),
        ("Freitag um elf wäre besser.", {"date": "Freitag", "time": "elf"}),
        ("Die Inspektion doch lieber am Mittwoch um zehn.", {"date": "Mittwoch", "time": "zehn"}),
        ("Doch lieber am Mittwoch bei Jonas.", {"date": "Mittwoch"}),
    ],
)
def test_a_correction_after_a_booking_moves_it(text: str, when: dict[str, str]) -> None:
    assert called(booked(), text) == {"tool": "reschedule_appointment", "appointment_id": "a-1", **when}


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("Um neun.", {"time": "neun"}),
        ("Am Donnerstag um elf.", {"date": "Donnerstag", "time": "elf"}),
        ("Geht auch Donnerstag?", {"date": "Donnerstag"}),
    ],
)
def test_a_time_alone_after_a_booking_moves_it_after_a_yes(text: str, when: dict[str, str]) -> None:
    """It may be a remark: "Super, am Mittwoch um halb elf hab ich nämlich noch was vor"."""
    model = booked()
    assert model.hear(text) == phrases.MOVE_BOOKED.format(", ".join(when.values()))
    assert called(model, "Ja, gern.") == {"tool": "reschedule_appointment", "appointment_id": "a-1", **when}
    model = booked()
    model.hear(text)
    assert model.hear("Nein.") == phrases.KEPT


def test_the_clock_time_that_a_move_asks_for_is_that_of_the_move() -> None:
    model = booked()
    called(model, "Oh nein, ich meinte den 14.")
    model.learn({"success": False, "message": "Montag, den 14. Dezember: Um wie viel Uhr genau?"})
    moved = {"tool": "reschedule_appointment", "appointment_id": "a-1", "date": "14.", "time": "neun"}
    assert called(model, "Um neun.") == moved


@pytest.mark.parametrize(
    "text",
    [
        "Kann ich doch lieber zu Frau Petersen?",
        "Die Kollegin Frau Petersen wäre mir lieber.",
        "Am Freitag bei Frau Petersen.",
        "Nein, am Freitag um elf bei Frau Petersen.",
    ],
)
def test_no_appointment_is_looked_for_with_another_person(text: str) -> None:
    model = booked()
    assert model.hear(text) == phrases.IMPOSSIBLE
    assert model.remark == phrases.SAME_PERSON.format("Frau Petersen")


@pytest.mark.parametrize(
    "text",
    [
        "Moment, ich hab mich vertan, ich brauche einen Reifenwechsel.",
        "Nein, ich meinte einen Reifenwechsel am Freitag.",
        "Ich brauche einen Termin am Freitag.",
        "Die Inspektion am Mittwoch um zehn.",
        "Gibt es am Freitag noch was Freies?",
        "Meine Tochter kommt am Freitag mit.",
    ],
)
def test_nothing_is_looked_for_where_it_is_not_certain_what_is_meant(text: str) -> None:
    model = booked()
    assert model.hear(text) == phrases.CHANGE_OR_FURTHER
    assert model.remark == phrases.NO_SECOND.format(text)
    assert not _books(model.hear("Ja, gern."))


@pytest.mark.parametrize(
    ("text", "service"),
    [
        ("Und noch einen Termin am Freitag um 14 Uhr.", "Inspektion"),
        ("Dann noch für meine Tochter am Freitag um elf.", "Inspektion"),
        ("Und für meinen Mann am Freitag um elf.", "Inspektion"),
        ("Und am Freitag auch.", "Inspektion"),
        ("Nein, aber ich brauche noch einen Reifenwechsel am Freitag.", "Reifenwechsel"),
        ("Außerdem am Freitag den Reifenwechsel.", "Reifenwechsel"),
        ("Einen zweiten Termin am Freitag, bitte.", "Inspektion"),
        ("Den Reifenwechsel am Freitag, bitte.", "Reifenwechsel"),
        ("Eine Inspektion am Freitag, bitte.", "Inspektion"),
    ],
)
def test_a_further_appointment_is_booked_and_what_follows_changes_that_one(text: str, service: str) -> None:
    model = booked()
    asked = called(model, text)
    assert (asked["tool"], asked["service"]) == ("check_availability", service)
    model.learn({"success": False, "message": "Da ist nichts frei."})
    assert called(model, "Dann lieber am Donnerstag.")["tool"] == "check_availability"
    model.learn({"success": True, "slots": [THURSDAY]})
    assert called(model, "Ja, bitte.")["tool"] == "book_appointment"
    model.learn({"success": True, "appointment_id": "a-2"})
    assert called(model, "Lieber um elf.") == {"tool": "reschedule_appointment", "appointment_id": "a-2", "time": "elf"}


@pytest.mark.parametrize(
    "text",
    ["Kann ich danach gleich Sport machen?", "Muss ich für die Prüfung zahlen?", "Ich will den Unterricht."],
)
def test_what_is_no_wish_asks_for_no_further_appointment(text: str) -> None:
    model = booked()
    assert not _books(model.hear(text))
    assert not _books(model.hear("Um elf."))


def test_who_gives_a_further_appointment_up_changes_the_booked_one() -> None:
    model = booked()
    called(model, "Und noch einen Reifenwechsel am Freitag.")
    model.learn({"success": True, "slots": [THURSDAY]})
    model.hear("Nein, lassen wir das.")
    assert called(model, "Lieber um elf.") == {"tool": "reschedule_appointment", "appointment_id": "a-1", "time": "elf"}


def test_what_a_dropped_move_has_offered_is_not_booked() -> None:
    model = booked()
    called(model, "Lieber am Donnerstag.")
    model.learn({"success": False, "message": "Um vier?", "alternatives": [THURSDAY]})
    called(model, "Wann ist mein Termin?")
    model.learn({"success": True, "appointments": []})
    for text in ("Um vier.", "Ja, bitte."):
        assert not _books(model.hear(text))


def test_who_has_cancelled_what_was_booked_books_anew() -> None:
    model = booked()
    called(model, "Ich kann am Freitag doch nicht.")
    model.learn({"success": True, "message": "Abgesagt."})
    assert called(model, "Dann am Montag um zehn.")["tool"] == "check_availability"


def test_who_has_cancelled_another_appointment_changes_the_booked_one() -> None:
    model = booked()
    called(model, "Und den Termin am Freitag bitte absagen.")
    model.learn({"success": True, "message": "Abgesagt.", "appointment_id": "b-9"})
    assert called(model, "Lieber um elf.") == {"tool": "reschedule_appointment", "appointment_id": "a-1", "time": "elf"}


@pytest.mark.parametrize("text", ["Danke, dann bis Dienstag!", "Bis Dienstag."])
def test_see_you_on_tuesday_moves_nothing(text: str) -> None:
    model = booked()
    assert model.hear(text) == phrases.GOODBYE
    assert model.remark is None


def _books(reaction: Any) -> bool:
    return isinstance(reaction, ToolCall) and reaction.name in {"check_availability", "book_appointment"}
