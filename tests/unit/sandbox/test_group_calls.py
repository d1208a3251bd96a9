"""Who comes with others: the demo's agent passes them on, and asks for all the names."""

from copy import deepcopy
from typing import Any

import pytest
from held_calls import TOOLS

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.catalogue import read_catalogue
from askproai_sandbox.caller.record import ToolCall
from askproai_sandbox.caller.scripted_model import ScriptedModel

CATALOGUE = read_catalogue("## Buchbar\n- Haarschnitt, 30 Minuten\n\n## Team\n- Anna\n- Mehmet\n")
SLOT = {
    "start": "2026-11-28T10:00:00+01:00",
    "spoken": "Samstag, den 28. November, um 10 Uhr bei Anna und Mehmet",
    "staff": "anna",
}
NAMES = "Auf welche Namen darf ich die anderen Termine eintragen?"


def play(*said: str) -> tuple[list[tuple[str, Any, Any]], list[str]]:
    """Return the functions that were called, with who comes along and the name, and what the agent said."""
    tools = deepcopy(TOOLS)
    for name in ("check_availability", "book_appointment"):
        tools[name]["parameters"]["properties"]["companions"] = {"type": "array"}
    model, called, heard = ScriptedModel(tools, "+491", CATALOGUE), list[Any](), list[str]()
    for text in said:
        reaction: Any = model.hear(text)
        while isinstance(reaction, ToolCall):
            companions = reaction.args.get("companions")
            called.append((reaction.name, reaction.args.get("customer_name"), companions))
            if reaction.name == "check_availability":
                answer: dict[str, Any] = {"success": True, "slots": [SLOT], "message": "Frei ist …"}
            elif companions and not all(each.get("customer_name") for each in companions):
                answer = {"success": False, "message": NAMES}
            else:
                answer = {"success": True, "appointment_id": "a-1", "message": "…"}
            reaction = model.learn(answer)
        heard.append(str(reaction))
    return called, heard


@pytest.mark.parametrize(
    ("said", "others"),
    [
        ("Einen Haarschnitt für mich und meine Tochter am Samstag um zehn, bitte.", 1),
        ("Wir sind zu dritt und brauchen einen Haarschnitt am Samstag um zehn.", 2),
    ],
)
def test_who_comes_along_is_passed_on(said: str, others: int) -> None:
    assert play(said)[0] == [("check_availability", None, [{}] * others)]


@pytest.mark.parametrize(
    "answers",
    [("Ja, Rosa Rot.", "Mia Rot."), ("Ja, Rosa Rot und Mia Rot.",), ("Ja, beide.", "Rosa Rot.", "Auf Mia Rot, bitte.")],
)
def test_both_are_booked_with_their_names(answers: tuple[str, ...]) -> None:
    called, heard = play("Einen Haarschnitt für mich und meine Tochter am Samstag um zehn, bitte.", *answers)
    assert called[-1] == ("book_appointment", "Rosa Rot", [{"customer_name": "Mia Rot"}])
    assert phrases.AND_THE_SECOND not in heard, "both are booked"


def test_the_next_appointment_is_for_one_again() -> None:
    said = "Einen Haarschnitt für mich und meine Tochter am Samstag um zehn, bitte."
    called, _ = play(said, "Ja, Rosa Rot und Mia Rot.", "Und noch einen Haarschnitt am Freitag um zwölf.")
    assert called[-1][::2] == ("check_availability", None)
