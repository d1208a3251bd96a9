"""People who come together with different services: the demo's agent passes on who gets what, or asks."""

from copy import deepcopy
from typing import Any

import pytest
from held_calls import HALF_PAST_TWO, TOOLS

from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

CATALOGUE = read_catalogue(
    "## Buchbar\n- Massage (30 Minuten)\n- Fango (30 Minuten)\n- Manuelle Lymphdrainage (45 Minuten; auch: Lymphdrainage)\n\n"
    "## Team\n- Praxis: Frau Petersen, Herr Clausen\n"
)
FANGO = [{"service": "Fango"}]


def play(*said: str, takes_companions: bool = True) -> tuple[Any, str | None]:
    """Return the reaction to the last sentence, a function with its arguments or what the agent says, and the remark."""
    tools = deepcopy(TOOLS)
    for name in ("check_availability", "book_appointment") if takes_companions else ():
        tools[name]["parameters"]["properties"]["companions"] = {"type": "array"}
    model = ScriptedModel(tools, "+491", CATALOGUE)
    reaction: ToolCall | str = ""
    for text in said:
        reaction = model.hear(text)
        if isinstance(reaction, ToolCall) and reaction.name == "check_availability":
            model.learn({"success": True, "slots": [HALF_PAST_TWO]})
        elif isinstance(reaction, ToolCall):
            model.learn({"success": False, "message": "Auf welchen Namen darf ich den anderen Termin eintragen?"})
    return (reaction.args if isinstance(reaction, ToolCall) else reaction), model.remark


@pytest.mark.parametrize(
    "said",
    [
        "Massage für mich, Fango für meine Frau, am Montag um neun.",
        "Massage für mich und Fango für meine Frau, am Montag um neun.",
        "Am Montag um neun Massage für mich und Fango für meinen Mann.",
        "Für mich Massage und für meine Tochter Fango, am Montag um neun.",
        "Ich brauche Massage, meine Frau Fango, am Montag um neun.",
        "Ich möchte Massage und meine Frau möchte Fango, am Montag um neun.",
        "Fango für meine Frau und Massage für mich, am Montag um neun.",
        "Massage am Montag um neun und für meinen Mann Fango.",
        "Massage für Tom und Fango für Lea, am Montag um neun.",
    ],
)
def test_each_gets_the_own_service(said: str) -> None:
    args, remark = play(said)
    assert args == {"service": "Massage", "companions": FANGO, "date": "Montag", "time": "neun"}
    assert remark is None


def test_the_persons_and_the_name_are_passed_on() -> None:
    args, _ = play(
        "Lymphdrainage für mich bei Frau Petersen, Massage für meine Frau Eva Klein bei Herrn Clausen, am Montag."
    )
    companion = {"customer_name": "Eva Klein", "service": "Massage", "staff": "Herr Clausen"}
    expected = {
        "service": "Manuelle Lymphdrainage",
        "staff": "Frau Petersen",
        "companions": [companion],
        "date": "Montag",
    }
    assert args == expected


@pytest.mark.parametrize(
    "answers", [("Ja, Rosa Rot und Eva Rot.",), ("Ja, Rosa Rot.", "Eva Rot.")], ids=["both", "each"]
)
def test_both_are_booked_with_their_services_and_names(answers: tuple[str, ...]) -> None:
    args, _ = play("Massage für mich, Fango für meine Frau, am Montag um neun.", *answers)
    assert (args["customer_name"], args["service"]) == ("Rosa Rot", "Massage")
    assert args["companions"] == [{"customer_name": "Eva Rot", "service": "Fango"}]


@pytest.mark.parametrize(
    ("said", "others"),
    [
        ("Massage für mich, meine Frau und meinen Sohn am Montag.", 2),
        ("Massage für mich und meine zwei Kinder am Montag.", 2),
        ("Massage für meine drei Kinder am Montag.", 2),
        ("Wir sind zu viert, Massage am Montag.", 3),
        ("Massage für vier Personen am Montag.", 3),
    ],
)
def test_all_who_come_are_counted(said: str, others: int) -> None:
    args, remark = play(said)
    assert args["companions"] == [{}] * others
    assert remark is None


def test_more_than_a_function_takes_are_asked_about() -> None:
    said = "Massage für fünf Personen am Montag."
    assert play(said) == (phrases.TOO_MANY, phrases.NO_GROUP.format(said))


def test_people_without_a_number_are_in_the_remark() -> None:
    args, remark = play("Massage für meine Kinder am Montag.")
    assert args["companions"] == [{}]
    assert remark == phrases.NOT_COUNTED.format("meine Kinder")


@pytest.mark.parametrize(
    "says",
    [
        ("Massage und Fango für mich und meine Frau, am Montag.",),
        ("Massage für mich und meine Frau, am Montag.", "Ja, aber für meine Frau lieber Fango."),
    ],
    ids=["at-once", "later"],
)
def test_who_gets_what_is_asked_where_it_is_not_clear(says: tuple[str, ...]) -> None:
    assert play(*says) == (phrases.ASK_SHARES, phrases.NOT_SHARED.format(says[-1]))
    args, _ = play(*says, "Massage für mich und Fango für meine Frau.")
    assert args == {"service": "Massage", "companions": FANGO, "date": "Montag"}


def test_who_comes_alone_after_all_is_looked_for_alone() -> None:
    args, _ = play("Massage für mich, Fango für meine Frau, am Montag um neun.", "Doch nur für mich.")
    assert args == {"service": "Massage", "date": "Montag", "time": "neun"}


def test_without_the_argument_the_first_is_looked_for_and_the_remark_says_so() -> None:
    args, remark = play("Massage für mich, Fango für meine Frau, am Montag um neun.", takes_companions=False)
    assert (args, remark) == ({"service": "Massage", "date": "Montag", "time": "neun"}, phrases.ONE_APPOINTMENT)
