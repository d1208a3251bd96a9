"""Times that count from what was offered or booked: a day of another month, and a move by days, weeks and hours."""

from datetime import datetime
from itertools import cycle
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from workshop_model import NOW, TOOLS, booked, called, new_model

from askproai_runtime.german_dates import count_from
from askproai_sandbox.caller import ScriptedModel, ToolCall
from askproai_sandbox.caller.catalogue import read_catalogue

WORKSHOP = read_catalogue("## Buchbar\n- Inspektion (60 Minuten)\n\n## Team\n- Werkstatt: Jonas\n")
DECEMBER = [
    {"start": "2026-12-28T10:00:00+01:00", "spoken": "Montag, den 28. Dezember, um 10 Uhr bei Jonas"},
    {"start": "2026-12-29T11:00:00+01:00", "spoken": "Dienstag, den 29. Dezember, um 11 Uhr bei Jonas"},
]
OLD = datetime(2026, 12, 2, 9, 30, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("said", "date"),
    [
        ("Am 29. um zehn.", "2026-12-29"),
        ("Geht am 30. um zehn?", "2026-12-30"),
        ("Am 2. um zehn.", "2027-01-02"),
    ],
)
def test_a_day_without_a_month_is_the_one_nearest_to_the_offers(said: str, date: str) -> None:
    model = ScriptedModel(TOOLS, "+491", WORKSHOP, now=NOW)
    model.hear("Eine Inspektion Ende Dezember.")
    model.learn({"success": True, "slots": DECEMBER})
    assert called(model, said)["date"] == date
    moving = ScriptedModel(TOOLS, "+491", WORKSHOP, now=NOW)
    moving.hear("Ich möchte meinen Termin auf Ende Dezember verschieben.")
    moving.learn({"success": False, "message": "Da ist nichts frei.", "alternatives": DECEMBER})
    assert called(moving, said)["date"] == date


def test_a_day_without_a_month_is_in_the_month_that_was_asked_for() -> None:
    model = ScriptedModel(TOOLS, "+491", WORKSHOP, now=NOW)
    model.hear("Eine Inspektion im Januar.")
    model.learn({"success": False, "message": "Da ist nichts frei. Wann passt es Ihnen sonst?"})
    assert called(model, "Am 12. um zehn.")["date"] == "2027-01-12"


def test_what_the_pods_understand_as_well_is_passed_on_as_it_is_said() -> None:
    model = ScriptedModel(TOOLS, "+491", WORKSHOP, now=NOW)
    model.hear("Eine Inspektion Ende November.")
    model.learn({"success": True, "slots": [{"start": "2026-11-27T10:00:00+01:00", "spoken": "Freitag bei Jonas"}]})
    assert called(model, "Am 30. um zehn.")["date"] == "30."


MOVES = [
    ("einen Tag später", "2026-12-03", None),
    ("einen Tag früher", "2026-12-01", None),
    ("einen Tag eher", "2026-12-01", None),
    ("um einen Tag nach hinten", "2026-12-03", None),
    ("um einen Tag nach vorn", "2026-12-01", None),
    ("am Tag danach, gleiche Uhrzeit", "2026-12-03", "09:30"),
    ("den Tag drauf", "2026-12-03", None),
    ("am nächsten Tag", "2026-12-03", None),
    ("sieben Tage später", "2026-12-09", None),
    ("zwei Wochen später um zehn", "2026-12-16", "zehn"),
    ("eine halbe Stunde früher", "2026-12-02", "09:00"),
    ("eine Dreiviertelstunde später", "2026-12-02", "10:15"),
]


ASKED = [
    "Ich möchte meinen Termin {} verschieben.",
    "Kann ich meinen Termin {} haben?",
    "Ich hätte meinen Termin gern {}.",
]


@pytest.mark.parametrize(
    ("move", "said"), tuple(zip(MOVES, cycle(ASKED), strict=False)), ids=[each[0] for each in MOVES]
)
def test_a_counted_move_reaches_the_pods(move: tuple[str, str, str | None], said: str) -> None:
    words, day, clock = move
    args = called(new_model(), said.format(words))
    assert args["tool"] == "reschedule_appointment"
    assert count_from(args.get("date"), args.get("time"), OLD) == (day, clock)


def test_a_counted_move_is_understood_in_the_next_sentence_and_right_after_a_booking() -> None:
    model = new_model()
    model.hear("Ich möchte meinen Termin verschieben.")
    model.learn({"success": False, "message": "Auf wann möchten Sie den Termin verschieben?"})
    assert called(model, "Einen Tag später, bitte.") == {"tool": "reschedule_appointment", "date": "Einen Tag später"}
    moved: dict[str, Any] = called(booked(), "Doch lieber einen Tag später.")
    assert moved == {"tool": "reschedule_appointment", "appointment_id": "a-1", "date": "einen Tag später"}


@pytest.mark.parametrize("words", ["einen Monat später", "ein paar Tage später", "um einen Monat nach hinten"])
def test_what_the_pods_do_not_count_is_in_the_remark(words: str) -> None:
    model = new_model()
    reaction = model.hear(f"Ich möchte meinen Termin {words} verschieben.")
    assert "does not count" in (model.remark or "")
    assert not (isinstance(reaction, ToolCall) and {"date", "time", "start"} & reaction.args.keys())
