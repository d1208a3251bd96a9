"""Calls of a garden service: a verb in a service's name, what is no change, and times that are said beside something else."""

from typing import Any

import pytest
from held_calls import HALF_PAST_TWO, TEN, TOOLS, function_of

from askproai_sandbox.caller import ScriptedModel, ToolCall
from askproai_sandbox.caller.catalogue import read_catalogue

GARDEN = read_catalogue(
    "## Buchbar\n- Gartenberatung (60 Minuten; auch: Beratung)\n- Rollrasen verlegen (240 Minuten; auch: Rollrasen)\n"
    "- Bewässerungscheck (45 Minuten)\n\n## Team\n- Eversten: Hinrich Tapken, Frau Janßen\n\n## Weitere Filialen\n- Wiesmoor\n"
)
LISTED = {
    "appointment_id": "a-1",
    "spoken": "Donnerstag, den 3. Dezember, um 13 Uhr, Gartenberatung",
    "start": TEN["start"],
}


@pytest.mark.parametrize(
    "said",
    ["Ich möchte Rollrasen verlegen lassen, am Donnerstag.", "Können Sie Rollrasen am Donnerstag verlegen?"],
)
def test_the_verb_of_a_service_is_no_change_of_an_appointment(said: str) -> None:
    assert function_of(GARDEN, said) == ("check_availability", {"service": "Rollrasen verlegen", "date": "Donnerstag"})


@pytest.mark.parametrize(
    "said",
    ["Ich möchte meinen Termin für den Rollrasen verlegen, auf Freitag.", "Ich muss die Gartenberatung verlegen."],
)
def test_the_same_verb_moves_an_appointment_that_is_spoken_of(said: str) -> None:
    assert function_of(GARDEN, said)[0] == "find_appointments"


def test_who_wants_a_new_appointment_changes_none() -> None:
    says = (
        "Ich möchte den Termin auf Freitag verlegen.",
        "Nein, der soll so bleiben, ich möchte einen neuen Termin für Rollrasen am achten Dezember.",
    )
    asked: dict[str, dict[str, Any]] = {
        "reschedule_appointment": {"success": False, "appointment_id": "a-1", "appointments": [LISTED]}
    }
    called = function_of(GARDEN, *says, answers=asked)
    assert called == ("check_availability", {"service": "Rollrasen verlegen", "date": "achten Dezember"})


def test_the_day_that_is_said_with_the_branch_is_kept() -> None:
    model = ScriptedModel(TOOLS, "+491", GARDEN)
    model.hear("Ich hätte gern eine Gartenberatung.")
    model.learn({"success": False, "message": "Möchten Sie dort einen Termin?", "branches": ["Wiesmoor"]})
    model.hear("Ja, nächste Woche Montag Vormittag, wenn das geht.")
    model.learn({"success": True, "message": "…", "slots": [TEN, HALF_PAST_TWO]})
    called = model.hear("Um zehn gern, aber lieber bei Frau Janßen.")
    assert isinstance(called, ToolCall)
    assert (called.args["date"], called.args["staff"]) == ("nächste Woche Montag", "Frau Janßen")


def test_who_finds_a_time_of_a_day_too_early_keeps_the_day() -> None:
    says = ("Eine Gartenberatung, bitte.", "Donnerstag um acht ist mir zu früh, geht das da auch nachmittags?")
    called = function_of(GARDEN, *says)
    assert called[1] == {"service": "Gartenberatung", "date": "2026-11-26", "part_of_day": "nachmittag"}


def test_the_time_to_call_back_may_be_said_with_the_number() -> None:
    model = ScriptedModel(TOOLS, "anonymous", GARDEN)
    left = model.hear("Es soll mich bitte jemand zurückrufen wegen einem Zaun, Willms ist mein Name.")
    assert isinstance(left, ToolCall)
    model.learn({"success": False, "message": "Unter welcher Nummer erreichen wir Sie für den Rückruf?"})
    left = model.hear("Die 0151 12345679, am besten nach 17 Uhr.")
    assert isinstance(left, ToolCall)
    assert (left.args["call_back"], left.args["phone"]) == ("nach 17 Uhr", "0151 12345679")
