"""Calls of a tailor: titles and days in names, callbacks with their time and number, complaints, and goodbyes."""

from copy import deepcopy

import pytest
from held_calls import TEN, TOOLS, function_of, hold

from askproai_core.tenant_config import Language
from askproai_runtime.sentences import say, speaking
from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

TAILOR = read_catalogue(
    "## Buchbar\n- Änderung (20 Minuten; auch: Saum)\n- Reißverschluss (15 Minuten)\n\n## Team\n- Atelier: Nina, Herr März\n\n"
    "## Häufige Fragen\n- Kann ich mit Karte zahlen?\n- Wie lange dauert es, bis meine Hose fertig ist?\n"
)
HEM = "Eine Änderung am Donnerstag um zehn."


@pytest.mark.parametrize(
    ("said", "customer"),
    [
        (("Ja, Dr. Freitag",), "Dr. Freitag"),
        (("Ja.", "Dr. Anneliese Freitag"), "Dr. Anneliese Freitag"),
        (("Ja.", "Frau Doktor Huber"), "Doktor Huber"),
        (("Ja, Dr. Martin Huber",), "Dr. Martin Huber"),
    ],
)
def test_a_title_is_a_part_of_the_name_whatever_day_follows_it(said: tuple[str, ...], customer: str) -> None:
    name, args = function_of(TAILOR, HEM, *said)
    assert (name, args["customer_name"]) == ("book_appointment", customer)


def test_a_callback_stays_at_its_time_whatever_the_callers_name_is() -> None:
    _, args = function_of(
        TAILOR, "Bitte rufen Sie mich morgen Vormittag zurück, es geht um eine Rechnung", "Dr. Anneliese Freitag"
    )
    assert (args["call_back"], args["customer_name"]) == ("morgen Vormittag", "Dr. Anneliese Freitag")


def test_a_callbacks_time_is_one_phrase() -> None:
    _, args = function_of(TAILOR, "Können Sie mich zurückrufen?", "Morgen um zehn", "Sabine Mai")
    assert args["call_back"] == "Morgen um zehn"


@pytest.mark.parametrize("said", ["0171 5555555", "Meine Nummer ist 0171 5555555", "Unter der 0171 5555555 bitte"])
def test_the_number_that_was_asked_for_is_passed_on_with_the_message(said: str) -> None:
    model = ScriptedModel(TOOLS, "anonymous", TAILOR)
    model.hear("Bitte rufen Sie mich zurück, es geht um meinen Mantel")
    left = model.hear("Paul Anonym")
    assert isinstance(left, ToolCall)
    model.learn({"success": False, "message": "Unter welcher Nummer erreichen wir Sie für den Rückruf?"})
    repeated = model.hear(said)
    assert isinstance(repeated, ToolCall)
    assert (repeated.name, repeated.args) == ("leave_message", {**left.args, "phone": "0171 5555555"})
    assert model.remark is None


@pytest.mark.parametrize(
    ("said", "phone"),
    [("Nein, ohne Nummer bitte.", {}), ("0171 5555555", {"phone": "0171 5555555"})],
)
def test_a_booking_is_repeated_whatever_the_number_is(said: str, phone: dict[str, str]) -> None:
    tools = deepcopy(TOOLS)
    tools["book_appointment"]["parameters"]["properties"]["phone"] = {"type": "string"}
    model = ScriptedModel(tools, "anonymous", TAILOR)
    model.hear(HEM)
    model.learn({"success": True, "message": "Frei ist …", "slots": [TEN]})
    booked = model.hear("Ja, Paul Anonym")
    assert isinstance(booked, ToolCall)
    with speaking(Language.DE):
        model.learn({"success": False, "message": say().phone_missing, "needs_phone": "missing"})
    repeated = model.hear(said)
    assert isinstance(repeated, ToolCall)
    assert (repeated.name, repeated.args) == ("book_appointment", {**booked.args, **phone})
    assert model.remark is None


def test_a_goodbye_ends_the_call_where_nothing_can_be_accepted() -> None:
    bye = "Super, danke, tschüss"
    assert hold(TAILOR, bye)[0] == phrases.GOODBYE
    assert hold(TAILOR, HEM, bye)[0] == phrases.ASK_NAME, "an offer is accepted first"
    model = ScriptedModel(TOOLS, "+491", TAILOR)
    model.hear("Was kostet das?")
    model.learn({"success": False, "message": "Welche Leistung meinen Sie?", "services": ["Änderung"]})
    assert model.hear(bye) == phrases.GOODBYE


def test_what_is_asked_of_anybody_is_the_known_question() -> None:
    _, args = function_of(TAILOR, "Kann man bei Ihnen mit Karte zahlen?")
    assert args["question"] == "Kann ich mit Karte zahlen?"
    assert function_of(TAILOR, "Und wo genau sind Sie?")[1]["topic"] == "address"


def test_with_whom_an_appointment_is_says_the_function() -> None:
    assert function_of(TAILOR, "Wann ist mein Termin?", "Bei wem ist der?") == ("find_appointments", {})
    assert hold(TAILOR, HEM, "Bei wem ist der?") == (phrases.ASK_YES.format(TEN["spoken"]), None)


def test_a_move_by_hours_is_a_move() -> None:
    said = "Können wir die zwei Stunden später machen?"
    (name, args), remark = hold(TAILOR, said)
    assert (name, args["time"], remark) == ("reschedule_appointment", "zwei Stunden später", None)


def test_who_complains_is_offered_no_appointment() -> None:
    crooked = "Ich möchte mich beschweren, der Saum ist schief!"
    assert hold(TAILOR, crooked)[0] == phrases.OFFER_MESSAGE
    name, args = function_of(TAILOR, crooked, "Ja, rufen Sie mich bitte morgen Vormittag zurück", "Petra Lange")
    assert (name, args["message"], args["call_back"]) == ("leave_message", crooked, "morgen Vormittag")


def test_who_asks_when_to_come_wants_an_appointment() -> None:
    said = "Ich hätte da eine Hose, die müsste gekürzt werden, wann könnte ich denn mal vorbeikommen?"
    assert function_of(TAILOR, said)[0] == "check_availability"


def test_both_services_are_accepted_together() -> None:
    name, args = function_of(TAILOR, "Änderung und Reißverschluss am Freitag um zehn.", "Ja, beides, Susanne Lindner")
    assert (name, args["customer_name"]) == ("book_appointment", "Susanne Lindner")
