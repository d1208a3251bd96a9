"""The demo's agent fills slots from sentences that name them exactly."""

from typing import Any

from askproai_sandbox.caller import ToolCall
from askproai_sandbox.caller.slot_filler import SlotFiller
from tests.worlds.rows import each_row

PROMPT = """Du bist der Empfang.

## Buchbar
- Haarschnitt (45 Minuten; auch: Schneiden, Herrenschnitt)
- Färben (90 Minuten, davon 45 Minuten Wartezeit)

## Team
- Salon Müller: Anna, Dr. Ben Kraft

## Regeln
- Sage nichts Falsches.
"""
TOOLS: dict[str, dict[str, Any]] = {
    name: {"parameters": {"required": []}}
    for name in (
        "check_availability", "book_appointment", "reschedule_appointment", "cancel_appointment", "find_appointments",
        "transfer_to_human",
    )
}  # fmt: skip
OFFERS = {"success": True, "slots": [{"start": "one"}, {"start": "two"}]}


def hold(*turns: str | dict[str, Any], tools: dict[str, Any] = TOOLS) -> ToolCall | str:
    """Return the agent's reaction to the last sentence; a dict is the answer of the previous function."""
    agent, reaction = SlotFiller(tools, PROMPT, is_german=True), ToolCall("", {})
    done: ToolCall | str = reaction
    for turn in turns:
        if isinstance(turn, str):
            done = agent.hear(turn)
        else:
            agent.learn(turn)
    return done


def search(**args: str) -> ToolCall:
    return ToolCall("check_availability", args)


SEARCH = "Einen Haarschnitt am Freitag um zehn, bitte."


@each_row(
    ("turns", "expected"),
    [
        ((SEARCH,), search(service="Haarschnitt", date="Freitag um zehn")),
        (("Färben bei Anna morgen um 15 Uhr",), search(service="Färben", staff="Anna", date="morgen um 15 Uhr")),
        (("Einen Herrenschnitt bei Dr. Ben Kraft",), search(service="Haarschnitt", staff="Dr. Ben Kraft")),
        ((SEARCH, OFFERS, "Lieber um elf"), search(service="Haarschnitt", date="elf")),
        ((SEARCH, OFFERS, "Ja, mein Name ist Max Muster."), {"start": "one", "customer_name": "Max Muster"}),
        ((SEARCH, OFFERS, "Ja, gern. Otto von Bismarck"), {"start": "one", "customer_name": "Otto von Bismarck"}),
        ((SEARCH, OFFERS, "Die zweite. Ich heiße Eva Ernst"), {"start": "two", "customer_name": "Eva Ernst"}),
        ((SEARCH, OFFERS, "Ja"), "Auf welchen Namen darf ich buchen?"),
        ((SEARCH, OFFERS, "Ja", "rita rau"), {"start": "one", "customer_name": "rita rau"}),
        ((SEARCH, OFFERS, "Nein danke", "Ja"), "Ich verstehe"),
        (("Auf Freitag um elf verschieben",), ToolCall("reschedule_appointment", {"date": "Freitag um elf"})),
        (("Verschieben", OFFERS, "Die zweite"), ToolCall("reschedule_appointment", {"start": "two"})),
        (("Absagen, bitte",), ToolCall("cancel_appointment", {})),
        (
            ("Absagen", {"needs_confirmation": True, "appointment_id": "a"}, "Ja"),
            ToolCall("cancel_appointment", {"appointment_id": "a", "confirmed": True}),
        ),
        (("Welche Termine habe ich?",), ToolCall("find_appointments", {})),
        (("Mit einem Menschen, bitte",), ToolCall("transfer_to_human", {})),
        (
            (SEARCH, {"branches": ["mitte"]}, "Pankow"),
            search(service="Haarschnitt", date="Freitag um zehn", branch="Pankow"),
        ),
        ((SEARCH, {"branches": ["mitte"]}, "[2]"), search(service="Haarschnitt", date="Freitag um zehn")),
        (("Xylophon quietscht",), "Ich verstehe"),
    ],
)
def test_a_sentence_fills_the_slots_of_a_function(turns: tuple[Any, ...], expected: Any) -> None:
    done = hold(*turns)
    if isinstance(expected, str):
        assert isinstance(done, str)
        assert done.startswith(expected)
    elif isinstance(expected, dict):
        assert done == ToolCall("book_appointment", {"service": "Haarschnitt"} | expected)
    else:
        assert done == expected


def test_a_required_birth_date_is_asked() -> None:
    tools = TOOLS | {"book_appointment": {"parameters": {"required": ["birth_date"]}}}
    turns = (SEARCH, OFFERS, "Ja, Eva Ernst")
    assert hold(*turns, tools=tools) == "Wie lautet das Geburtsdatum?"
    done = hold(*turns, "3. Mai 1980", tools=tools)
    assert isinstance(done, ToolCall)
    assert done.args["birth_date"] == "3. Mai 1980"


def test_a_lone_transfer_is_accepted_by_yes() -> None:
    tools = {"transfer_to_human": {}}
    assert hold("Ja, bitte.", tools=tools) == ToolCall("transfer_to_human", {})
