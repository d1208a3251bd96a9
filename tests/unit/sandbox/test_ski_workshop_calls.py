"""Calls of a ski workshop: a service for a family is one appointment, and who comes together may want only one."""

import pytest
from held_calls import TOGETHER, hold

from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

WORKSHOP = read_catalogue(
    "## Buchbar\n- Bindungseinstellung (20 Minuten; auch: Bindung einstellen)\n- Skiservice (30 Minuten; auch: Ski wachsen)\n"
    "- Verleihübergabe für Familien (45 Minuten; auch: Leihski, Skiverleih)\n\n## Team\n- Herdern: Marius, Svenja\n"
)


def find(*says: str) -> object:
    """Return the reaction to the last sentence, each search answered with one offer."""
    return hold(WORKSHOP, *says, tools=TOGETHER)[0]


@pytest.mark.parametrize(
    "says",
    [
        ("Wir sind eine Familie mit zwei Kindern und möchten Leihski abholen.",),
        ("Ich hätte gern für unsere Familie eine Verleihübergabe, wir sind zu viert.",),
        ("Leihski, bitte.", "Wir sind zu viert."),
    ],
)
def test_a_service_for_a_family_is_looked_for_once(says: tuple[str, ...]) -> None:
    once = ("check_availability", {"service": "Verleihübergabe für Familien"})
    assert find(says[0]) == once
    called = find(*says)
    assert isinstance(called, str) or called == once


def test_who_comes_together_and_wants_only_one_appointment_is_offered_one() -> None:
    first = "Eine Bindungseinstellung für mich und meinen Sohn, bitte."
    assert find(first) == ("check_availability", {"service": "Bindungseinstellung", "companions": [{}]})
    said = "Nein, ich brauche nur einen Termin für alle zusammen."
    assert find(first, said) == ("check_availability", {"service": "Bindungseinstellung"})
    model = ScriptedModel(TOGETHER, "+491", WORKSHOP)
    model.hear("Eine Bindungseinstellung, wir sind zu viert.")
    model.learn({"success": False, "message": "Das sind zu viele. Soll ich Sie mit dem Team verbinden?"})
    assert model.hear(said) == ToolCall("check_availability", {"service": "Bindungseinstellung"})


def test_who_wants_no_connection_but_something_else_is_not_sent_away() -> None:
    model = ScriptedModel(TOGETHER, "+491", WORKSHOP)
    model.hear("Haben Sie Langlaufski?")
    model.learn({"success": False, "message": "Das weiß ich nicht. Soll ich Sie mit dem Team verbinden?"})
    assert model.hear("Nein, dann nehme ich den Skiservice.") == ToolCall(
        "check_availability", {"service": "Skiservice"}
    )


def test_who_answers_the_question_for_a_service_with_what_is_wrong_is_asked_again() -> None:
    model = ScriptedModel(TOGETHER, "+491", WORKSHOP)
    model.hear("Ich bräuchte mal einen Termin.")
    model.learn({"success": False, "message": "Was möchten Sie buchen: …?", "services": ["Skiservice"]})
    said = "Für meine Ski, die laufen nicht mehr gut."
    assert (model.hear(said), model.remark) == (phrases.ASK_SERVICE, phrases.NOT_UNDERSTOOD.format(said))
