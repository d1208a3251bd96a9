"""Calls of a hearing-aid shop, whose customers say half of a service's name, and more than was asked for."""

from typing import Any

import pytest
from held_calls import TOOLS, function_of, hold

from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

SHOP = read_catalogue(
    "## Buchbar\n- Hörtest (20 Minuten)\n- Anpassung (60 Minuten; auch: Hörgeräteanpassung)\n"
    "- Reinigung und Check (30 Minuten; auch: Reinigung)\n- Hausbesuch (60 Minuten)\n\n"
    "## Team\n- Hörwerk Ring: Frau Schäfer, Herr Demir\n\n"
    "## Häufige Fragen\n- Was kostet ein Hörgerät?\n- Sind Sie barrierefrei?\n"
)
TEST = "Einen Hörtest am Donnerstag um zehn."
COMPLAINT = ("Können Sie dem Chef ausrichten, dass mein Gerät pfeift?",)


@pytest.mark.parametrize(
    "said",
    [
        "Mein Hörgerät ist kaputt, ich brauch einen Termin am Freitag um zehn.",
        "Ich brauche ein neues Hörgerät, am Mittwoch um neun.",
    ],
)
def test_the_first_half_of_a_compound_names_no_service(said: str) -> None:
    """The offer would not say which service it is for: callers were booked for a fitting that they never asked for."""
    reaction, _ = hold(SHOP, said)
    assert not isinstance(reaction, tuple) or reaction[1].get("service") != "Anpassung"


def test_the_second_half_and_a_longer_word_still_name_one() -> None:
    assert function_of(SHOP, "Eine Geräteanpassung am Freitag um zehn.")[1]["service"] == "Anpassung"
    assert function_of(SHOP, "Einen Reinigungstermin am Freitag um zehn.")[1]["service"] == "Reinigung und Check"


@pytest.mark.parametrize("said", ["Was kosten Hörgeräte?", "Was kostet denn bei Ihnen so ein Hörgerät?"])
def test_a_known_question_about_a_price_is_recognised_in_other_words(said: str) -> None:
    name, args = function_of(SHOP, said)
    assert (name, args["question"]) == ("business_information", "Was kostet ein Hörgerät?")


def test_what_follows_the_name_is_passed_on_with_it() -> None:
    name, args = function_of(SHOP, *COMPLAINT, "Sabine Krug, und er soll mich heute noch zurückrufen.")
    assert (name, args["customer_name"]) == ("leave_message", "Sabine Krug")
    assert args["message"].startswith("dass mein Gerät pfeift")
    assert "heute" in args["call_back"]


@pytest.mark.parametrize("bye", ["Tschüss.", "Danke, tschüss.", "Danke schön, auf Wiederhören."])
def test_a_goodbye_does_not_drop_a_message_whose_sender_is_unknown(bye: str) -> None:
    assert hold(SHOP, *COMPLAINT, bye) == (phrases.ASK_WHO_AT_LEAST, None)
    name, args = function_of(SHOP, *COMPLAINT, bye, "Krug, Sabine Krug.")
    assert (name, args["customer_name"]) == ("leave_message", "Sabine Krug")
    assert hold(SHOP, *COMPLAINT, bye, bye) == (phrases.GOODBYE, phrases.NOT_LEFT.format("dass mein Gerät pfeift"))


def test_parts_of_a_message_are_sentences() -> None:
    _, args = function_of(SHOP, *COMPLAINT, "Und das seit drei Wochen schon!", "Sabine Krug.")
    assert args["message"] == "dass mein Gerät pfeift. Und das seit drei Wochen schon!"


def test_a_name_before_the_goodbye_is_no_part_of_the_message() -> None:
    _, args = function_of(SHOP, *COMPLAINT, "Mein Name ist Gerda Nolte, danke, tschüss.")
    assert (args["customer_name"], args["message"]) == ("Gerda Nolte", "dass mein Gerät pfeift")


@pytest.fixture
def asked_for_branch() -> ScriptedModel:
    model = ScriptedModel(TOOLS, "+491", SHOP)
    assert isinstance(model.hear("Einen Hausbesuch am Donnerstag um zehn."), ToolCall)
    message = "Das gibt es nicht in Hörwerk Altstadt, aber in Hörwerk Ring. Möchten Sie dort einen Termin?"
    model.learn({"success": False, "message": message, "branches": ["Hörwerk Ring"]})
    return model


def test_a_no_to_another_branch_is_no_branch(asked_for_branch: ScriptedModel) -> None:
    assert asked_for_branch.hear("Nein danke.") == phrases.NOTHING
    reaction = asked_for_branch.hear("Einen Hörtest am Freitag um neun.")
    assert isinstance(reaction, ToolCall)
    assert reaction.args["service"] == "Hörtest"


def test_a_price_is_asked_before_the_branch_is_named(asked_for_branch: ScriptedModel) -> None:
    reaction = asked_for_branch.hear("Und was kostet das?")
    assert isinstance(reaction, ToolCall)
    assert (reaction.name, reaction.args["service"]) == ("business_information", "Hausbesuch")
    asked_for_branch.learn({"success": True, "message": "Das kostet 20 Euro."})
    reaction = asked_for_branch.hear("Nein danke.")
    assert reaction != phrases.HELP


@pytest.mark.parametrize(
    ("said", "function", "remark"),
    [
        (
            "Eine Reinigung morgen um 16 Uhr und außerdem wüsste ich gern, ob Sie Batterien verkaufen.",
            "check_availability",
            phrases.ALSO_QUESTION.format("ob Sie Batterien verkaufen"),
        ),
        (
            "Einen Hörtest am Freitag, und ich wollte noch fragen, ob Sie barrierefrei sind.",
            "check_availability",
            phrases.ALSO_QUESTION.format("ob Sie barrierefrei sind"),
        ),
        (
            "Eine Reinigung am Mittwoch um 13 Uhr, außerdem würd mich interessieren, was das kostet.",
            "business_information",
            phrases.ALSO_APPOINTMENT.format("Eine Reinigung am Mittwoch um 13 Uhr"),
        ),
    ],
)
def test_what_is_asked_beside_an_appointment_is_remarked_on(said: str, function: str, remark: str) -> None:
    called, found = hold(SHOP, said)
    assert isinstance(called, tuple)
    assert (called[0], found) == (function, remark)


@pytest.mark.parametrize(
    "said",
    [
        "Ich brauche für mich einen Hörtest und für meinen Mann eine Reinigung am Dienstag in einer Woche um zehn.",
        "Für meine Frau eine Reinigung und für mich einen Hörtest, am Dienstag in einer Woche um zehn.",
    ],
)
def test_of_two_people_the_caller_is_looked_for(said: str) -> None:
    (_, args), remark = hold(SHOP, said)
    assert (args["service"], remark) == ("Hörtest", phrases.ONE_APPOINTMENT)


@pytest.mark.parametrize("said", ["Ja bitte, auf Gertrud Schmitz.", "Gertrud Schmitz, bitte."])
def test_a_fuller_name_after_the_booking_is_offered_to_be_passed_on(said: str) -> None:
    called: list[Any] = [TEST, "Ja, auf Schmitz."]
    assert hold(SHOP, *called, said) == (phrases.OFFER_MESSAGE, phrases.NOT_UNDERSTOOD.format(said))
    name, args = function_of(SHOP, *called, said, "Ja, gern.")
    assert (name, args["message"]) == ("leave_message", said)


def test_with_whom_an_appointment_is_is_looked_up_again() -> None:
    assert function_of(SHOP, "Wann ist mein Termin?", "Und bei wem denn?") == ("find_appointments", {})


@pytest.mark.parametrize(
    ("said", "args"),
    [
        ("Mein Termin am Freitag, passt auch Montag um vier?", {"appointment_date": "Freitag", "date": "Montag", "time": "vier"}),
        ("Ich kann den Termin um zehn nicht halten, geht auch zwölf?", {"time": "zwölf"}),
    ],
)  # fmt: skip
def test_another_time_for_an_appointment_that_there_is_moves_it(said: str, args: dict[str, str]) -> None:
    assert function_of(SHOP, said) == ("reschedule_appointment", args)


def test_until_when_to_cancel_cancels_nothing() -> None:
    name, args = function_of(SHOP, "Wie lange muss ich bei Absage vorher Bescheid geben?")
    assert (name, args["topic"]) == ("business_information", "cancellation")


def test_names_of_other_alphabets_are_names() -> None:
    assert function_of(SHOP, TEST, "Ja.", "Der Name ist Çelik, Ç-E-L-I-K.")[1]["customer_name"] == "Çelik"


def test_who_wants_no_machine_is_connected() -> None:
    assert function_of(SHOP, "Dann geben Sie mir bitte einen Menschen.")[0] == "transfer_to_human"


def test_what_is_told_of_an_appointment_can_be_passed_on() -> None:
    assert hold(SHOP, "Ich hatte gestern einen Termin und habe meine Jacke vergessen.")[0] == phrases.OFFER_MESSAGE
    assert function_of(SHOP, "Kann ich auch ohne Termin vorbeikommen?")[1]["topic"] == "other"


@pytest.mark.parametrize(
    "said",
    [
        "Spricht bei Ihnen jemand Englisch?",
        "Wer spricht bei Ihnen Türkisch?",
        "Haben Sie jemanden, der Polnisch spricht?",
    ],
)
def test_who_speaks_a_language_is_a_question_about_the_team(said: str) -> None:
    name, args = function_of(SHOP, said)
    assert (name, args["topic"]) == ("business_information", "staff")
