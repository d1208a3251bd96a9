"""What the demo's agent makes of a caller who wants something passed on, or to wait for a time."""

from typing import Any

import pytest
from played_calls import OFFER, Tools, ring, salon
from sandbox_clients import Api, Receiver
from scripted_models import ASK_NAME, called, new_model_tools

from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

TOOL: dict[str, Any] = {
    "type": "custom",
    "parameters": {
        "properties": {name: {} for name in ("message", "customer_name", "recipient", "call_back", "phone")},
        "required": ["customer_name"],
    },
}
CATALOGUE = read_catalogue("## Team\n- Salon Müller Mitte: Anna, Mehmet\n")


def new_model() -> ScriptedModel:
    return ScriptedModel({"leave_message": TOOL}, "+4915112345678", CATALOGUE)


def test_a_message_is_passed_on_with_the_name_that_is_asked_for() -> None:
    model = new_model()
    assert model.hear("Können Sie Anna ausrichten, dass ich zehn Minuten später komme?") == phrases.ASK_WHO
    assert called(model, "Petra Müller") == {
        "tool": "leave_message",
        "message": "dass ich zehn Minuten später komme",
        "recipient": "Anna",
        "customer_name": "Petra Müller",
    }


@pytest.mark.parametrize(
    ("said", "args"),
    [
        ("Hier ist Petra Müller, richten Sie bitte aus, dass es klappt.", {"message": "dass es klappt"}),
        ("Mein Name ist Petra Müller, bitte rufen Sie mich morgen ab zehn zurück.", {"call_back": "ab zehn morgen"}),
        ("Hier ist Petra Müller, ich bitte um Rückruf.", {"call_back": "egal wann"}),
    ],
)
def test_who_has_said_the_name_is_not_asked(said: str, args: dict[str, str]) -> None:
    heard = called(new_model(), said)
    assert heard.pop("tool") == "leave_message"
    assert heard.pop("customer_name") == "Petra Müller"
    assert {name: set(words.split()) for name, words in heard.items()} == {
        name: set(words.split()) for name, words in args.items()
    }


def test_who_accepts_the_offer_of_a_message_is_asked_for_it() -> None:
    model = new_model()
    model.learn({"success": False, "message": "Hier ist zu. Soll ich dem Team etwas ausrichten?"})
    assert model.hear("Ja, gern.") == phrases.ASK_MESSAGE
    assert model.hear("Die Lieferung steht im Hof.") == phrases.ASK_WHO
    reaction = model.hear("Max Muster")
    assert isinstance(reaction, ToolCall)
    assert reaction.args == {"message": "Die Lieferung steht im Hof.", "customer_name": "Max Muster"}


def test_an_agent_without_the_function_notes_nothing() -> None:
    model = ScriptedModel({}, "+4915112345678", CATALOGUE)
    assert model.hear("Können Sie ausrichten, dass ich komme?") == phrases.IMPOSSIBLE
    assert "notes a message" in (model.remark or "")


def test_who_finds_no_time_waits_for_the_one_that_was_asked_for() -> None:
    declared = {
        "type": "custom",
        "parameters": {"properties": {name: {} for name in ("date", "customer_name", "service")}},
    }
    model = ScriptedModel({"join_waitlist": declared, "check_availability": declared}, "+4915112345678", CATALOGUE)
    model.hear("Ich brauche einen Termin am Freitag")
    model.learn(
        {
            "success": False,
            "message": "Nichts frei. Soll ich später suchen? Oder soll ich Sie auf die Warteliste setzen?",
        }
    )
    assert model.hear("Ja, auf die Warteliste bitte.") == phrases.ASK_NAME_TO_WAIT
    assert called(model, "Petra Müller") == {
        "tool": "join_waitlist",
        "date": "Freitag",
        "customer_name": "Petra Müller",
    }


def test_a_yes_to_the_message_that_an_answer_ends_with_is_none_to_a_transfer_before_it() -> None:
    transfer = {"type": "transfer_call"}
    model = ScriptedModel({"leave_message": TOOL, "transfer_to_human": transfer}, "+4915112345678", CATALOGUE)
    model.learn({
        "success": False,
        "message": "Bitte lassen Sie sich verbinden, oder rufen Sie später noch einmal an. Soll ich dem Team etwas ausrichten?",
    })  # fmt: skip
    assert model.hear("Ja, mein Name ist Ina Test.") == phrases.ASK_MESSAGE
    assert called(model, "Die Lieferung steht im Hof.")["customer_name"] == "Ina Test"


@pytest.mark.parametrize(
    ("said", "args"),
    [
        ("Ich komme heute zu spät, können Sie das Anna sagen?",
         {"message": "Ich komme heute zu spät", "recipient": "Anna"}),
        ("Ich komme morgen zehn Minuten später, können Sie das ausrichten?", {"message": "Ich komme morgen zehn Minuten später"}),
        ("Mein Hund beißt. Bitte richten Sie das aus.", {"message": "Mein Hund beißt"}),
        ("Es wird später, könnten Sie das Anna weitergeben?", {"message": "Es wird später", "recipient": "Anna"}),
        ("Rufen Sie mich bitte morgen früh zurück, es geht um eine Rechnung.",
         {"call_back": "morgen früh", "message": "es geht um eine Rechnung"}),
        ("Bitte richten Sie der Chefin aus, dass ich mein Handtuch vergessen habe.",
         {"message": "dass ich mein Handtuch vergessen habe", "recipient": "Chefin"}),
    ],
)  # fmt: skip
def test_for_whom_a_message_is_reaches_the_function(said: str, args: dict[str, str]) -> None:
    model = new_model()
    assert model.hear(said) == phrases.ASK_WHO
    assert called(model, "Sonntag, Petra Sonntag") == {
        "tool": "leave_message", **args, "customer_name": "Petra Sonntag"
    }  # fmt: skip


def test_what_is_passed_on_is_understood_though_it_would_be_no_wish() -> None:
    model = new_model()
    model.hear("Ich komme morgen zehn Minuten später, können Sie das Anna sagen?")
    assert model.remark is None
    model = new_model()
    model.hear("Kann ich eine Nachricht hinterlassen?")
    assert model.hear("Ich komme morgen zehn Minuten später.") == phrases.ASK_WHO
    assert model.remark is None


@pytest.mark.parametrize("said", ["Können Sie mir das sagen?", "Können Sie mir sagen, wo Sie sind?"])
def test_what_the_agent_is_to_say_is_no_message(said: str) -> None:
    model = new_model()
    assert model.hear(said) not in {phrases.ASK_MESSAGE, phrases.ASK_WHO}


def offering() -> ScriptedModel:
    model = ScriptedModel({**new_model_tools(), "leave_message": TOOL}, "+4915112345678", CATALOGUE)
    model.hear("Einen Haarschnitt am Freitag um halb drei")
    model.learn({"success": True, "slots": [OFFER]})
    return model


@pytest.mark.parametrize(
    "said",
    [
        ("Ja, Rolf Zander. Und sagen Sie Anna bitte, dass er beißt.",),
        ("Ja, Rolf Zander, und richten Sie Anna aus, dass er beißt.",),
        ("Ja.", "Rolf Zander. Und sagen Sie Anna bitte, dass er beißt."),
        ("Ja. Und sagen Sie Anna bitte, dass er beißt.", "Rolf Zander"),
    ],
)
def test_a_message_beside_a_yes_is_passed_on_after_the_booking(said: tuple[str, ...]) -> None:
    model = offering()
    for text in said[:-1]:
        assert model.hear(text) == ASK_NAME
        assert model.take_up() is None
    booked = called(model, said[-1])
    assert (booked["tool"], booked["customer_name"]) == ("book_appointment", "Rolf Zander")
    model.learn({"success": True, "message": "Eingetragen.", "appointment_id": "a-1"})
    message = {"message": "dass er beißt", "recipient": "Anna", "customer_name": "Rolf Zander"}
    assert model.take_up() == ToolCall("leave_message", message)
    model.learn({"success": True, "message": "Ich richte es aus."})
    assert model.take_up() is None


def test_a_message_beside_a_yes_to_what_is_taken_by_then_waits_for_the_next_yes() -> None:
    model = offering()
    called(model, "Ja, Rolf Zander. Und sagen Sie Anna bitte, dass er beißt.")
    model.learn({"success": False, "message": "Der ist vergeben. Frei ist …", "alternatives": [OFFER]})
    assert model.take_up() is None
    assert model.hear("Nein. Tschüss.") == phrases.GOODBYE
    assert "not passed on" in (model.remark or "")
    assert called(model, "Ja, bitte.")["tool"] == "book_appointment"
    model.learn({"success": True, "message": "Eingetragen.", "appointment_id": "a-1"})
    assert isinstance(model.take_up(), ToolCall)


async def test_the_answer_of_a_booking_is_heard_before_what_is_passed_on(
    retell: Api, receiver: Receiver, tools: Tools
) -> None:
    leave = {
        "name": "leave_message",
        "url": f"{receiver.url}/leave",
        "parameters": {"type": "object", **TOOL["parameters"]},
    }
    await salon(retell, receiver, [*tools, {**tools[0], **leave}])
    receiver.answers["/leave"] = {"success": True, "message": "Ich richte es aus."}
    record = await ring(
        retell, "Einen Haarschnitt am Freitag um halb drei", "Ja, Rolf Zander. Und sagen Sie Anna, dass er beißt."
    )
    assert [step.name or step.text for step in record.steps if step.kind in {"tool", "heard"}][-4:] == [
        "book_appointment", "Gebucht.", "leave_message", "Ich richte es aus.",
    ]  # fmt: skip


CALL_BACK = "Können Sie mich bitte zurückrufen? Meine Nummer ist 0171 5555555, es geht um den Befund."


def test_the_number_to_call_back_is_passed_on() -> None:
    model = new_model()
    assert (model.hear(CALL_BACK), model.remark) == (phrases.ASK_WHO, None)
    assert called(model, "Ulf Urban")["phone"] == "0171 5555555"
    assert called(new_model(), f"Hier ist Ulf Urban. {CALL_BACK}")["phone"] == "0171 5555555"


@pytest.mark.parametrize("text", [CALL_BACK, "Am Freitag, bitte, meine Nummer ist null eins sieben eins."])
def test_a_number_that_is_not_passed_on_has_a_remark(text: str) -> None:
    properties = {name: {} for name in TOOL["parameters"]["properties"] if name != "phone"}
    declared = {"parameters": {"properties": properties}}
    model = ScriptedModel({"leave_message": declared, "check_availability": declared}, "+491", CATALOGUE)
    model.hear(text)
    assert model.remark == phrases.NO_NUMBER.format(text)


def test_who_wants_a_later_search_is_not_put_on_the_waiting_list() -> None:
    declared = {"parameters": {"properties": {name: {} for name in ("customer_name", "date")}}}
    model = ScriptedModel({"join_waitlist": declared, "check_availability": declared}, "+4915112345678", CATALOGUE)
    called(model, "Am Freitag, bitte.")
    question = "Nichts frei. Soll ich später suchen? Oder soll ich Sie auf die Warteliste setzen?"
    model.learn({"success": False, "message": question})
    assert model.hear("Ja, später bitte.") == phrases.ASK_TIME
    for _ in range(2):
        assert model.hear("Dann setzen Sie mich auf die Warteliste.") == phrases.ASK_NAME_TO_WAIT
    assert called(model, "Petra Müller")["customer_name"] == "Petra Müller"
