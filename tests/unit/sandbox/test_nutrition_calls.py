"""Calls of a nutrition counselling practice: couples who book together, and messages for one of the team."""

from typing import Any

import pytest
from held_calls import TOOLS, function_of, hold

from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

PRACTICE = read_catalogue(
    "## Buchbar\n- Erstberatung (60 Minuten)\n- Folgegespräch (30 Minuten)\n- Kochkurs (180 Minuten)\n\n"
    "## Team\n- Nahrhaft Halle: Frau Sommerfeld, Herr Behrendt\n"
)
AT_TEN = {"start": "2026-11-28T10:00:00+01:00", "service": "kochkurs", "branch": "halle", "status": "confirmed"}
PETRA = AT_TEN | {
    "appointment_id": "a-1",
    "customer_name": "Petra Lorenz",
    "spoken": "Samstag, den 28. November, um 10 Uhr, Kochkurs bei unserem Küchenteam für Petra Lorenz",
}
DIETER = AT_TEN | {
    "appointment_id": "a-2",
    "customer_name": "Dieter Lorenz",
    "spoken": "Samstag, den 28. November, um 10 Uhr, Kochkurs bei unserem Küchenteam für Dieter Lorenz",
}
HIS_PLACE = "Mein Mann kann am Samstag doch nicht zum Kochkurs kommen, ich möchte seinen Platz absagen."


def reaction_to(model: ScriptedModel, text: str) -> ToolCall | str | None:
    """Return what the model does at a sentence, after the caller's two appointments were listed where it asks for them."""
    reaction: ToolCall | str | None = model.hear(text)
    while isinstance(reaction, ToolCall) and reaction.name == "find_appointments":
        reaction = model.learn({"success": True, "message": "…", "appointments": [PETRA, DIETER]})
    return reaction


def test_of_two_at_the_same_time_the_caller_is_asked_whose_it_is() -> None:
    model = ScriptedModel(TOOLS, "+491", PRACTICE)
    assert reaction_to(model, HIS_PLACE) == phrases.ASK_APPOINTMENT
    called = reaction_to(model, "Den von Dieter Lorenz.")
    assert isinstance(called, ToolCall)
    assert (called.name, called.args) == ("cancel_appointment", {"appointment_id": "a-2"})


def test_a_name_in_the_first_sentence_says_whose_it_is() -> None:
    model = ScriptedModel(TOOLS, "+491", PRACTICE)
    called = reaction_to(model, "Ich muss den Kochkurs am Samstag für Dieter Lorenz absagen.")
    assert isinstance(called, ToolCall)
    assert called.args["appointment_id"] == "a-2"


@pytest.mark.parametrize(
    "said",
    [
        "Hallo, ich wollte Herrn Behrendt nur ausrichten lassen, dass ich das Ernährungstagebuch per Post geschickt habe.",
        "Ich wollte Herrn Behrendt noch etwas ausrichten lassen, und zwar dass ich die Laborwerte mitbringe.",
    ],
)
def test_a_message_keeps_for_whom_of_the_team_it_is(said: str) -> None:
    name, args = function_of(PRACTICE, said, "Ja, mein Name ist Klaus Wendt.")
    assert (name, args["recipient"], args["customer_name"]) == ("leave_message", "Herr Behrendt", "Klaus Wendt")


def test_a_message_keeps_for_whom_it_is_who_is_not_of_the_team() -> None:
    said = ("Ich möchte Frau Vogel bitte ausrichten lassen, dass ich später komme.", "Klaus Wendt.")
    assert function_of(PRACTICE, *said)[1]["recipient"] == "Frau Vogel"


@pytest.mark.parametrize(
    "said",
    [
        "Guten Tag, ich möchte mich für den Kochkurs am Samstag anmelden, wir sind zu zweit.",
        "Ich brauche eine Erstberatung für mich und danach gleich eine für meine Tochter, am Montag Vormittag.",
    ],
)
def test_who_books_for_two_hears_that_one_is_booked_and_books_the_other(said: str) -> None:
    model, reactions, services = ScriptedModel(TOOLS, "+491", PRACTICE), list[Any](), set[Any]()
    slot = {"start": "2026-11-28T10:00:00+01:00", "spoken": "Samstag, den 28. November, um 10 Uhr", "staff": "kueche"}
    answers = {
        "check_availability": {"success": True, "slots": [slot]},
        "book_appointment": {"success": True, "appointment_id": "a-1"},
    }
    for text in (said, "Ja, gern, Petra Lorenz.", "Auch am Samstag um zehn, für Dieter Lorenz.", "Ja, Dieter Lorenz."):
        reaction: Any = model.hear(text)
        while isinstance(reaction, ToolCall):
            reactions.append((reaction.name, reaction.args.get("customer_name"), reaction.args.get("another")))
            services.add(reaction.args.get("service"))
            reaction = model.learn({"message": "…", **answers[reaction.name]})
        reactions.append(reaction)
    assert ("book_appointment", "Petra Lorenz", None) in reactions
    assert phrases.AND_THE_SECOND in reactions
    assert len(services) == 1, "nobody is a service"
    assert [each for each in reactions if each and each[0] == "book_appointment"][-1][1:] == ("Dieter Lorenz", True)
    assert reactions[-1] != phrases.AND_THE_SECOND, "both are booked"


def test_who_books_for_one_is_asked_for_no_second() -> None:
    assert hold(PRACTICE, "Den Kochkurs am Samstag, bitte.", "Ja, Petra Lorenz.")[0][0] == "book_appointment"
