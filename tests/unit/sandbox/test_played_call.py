"""A call is played as Retell plays one, by the rules of docs/vendors/retell.md."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web
from played_calls import NUMBER, OFFER, Tools, ring, salon
from sandbox_clients import Api, Receiver

from askproai_sandbox.caller import ScriptedModel, ToolCall, play_call
from askproai_sandbox.caller.catalogue import read_catalogue

ASKS = "Guten Tag, ich hätte gern einen Haarschnitt am Freitag um halb drei"
AGREES = "Ja, gern, mein Name ist Erika Mustermann"


def verified(key: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Return whether the signature is right. Written once more, so that the simulator's own code does not check itself."""
    match = re.fullmatch(r"v=(\d+),d=([0-9a-f]{64})", headers["x-retell-signature"])
    assert match
    return hmac.new(key.encode(), body + match[1].encode(), hashlib.sha256).hexdigest() == match[2]


def events(receiver: Receiver) -> dict[str, dict[str, Any]]:
    return {event["event"]: event["call"] for _, body in receiver.at("/hook") for event in [json.loads(body)]}


async def test_a_german_caller_books(retell: Api, receiver: Receiver, tools: Tools) -> None:
    agent_id = await salon(retell, receiver, tools)
    record = await ring(retell, ASKS, AGREES)
    assert (record.status, record.errors, record.agent_version) == ("ended", [], 0)
    assert record.transcript.splitlines() == [
        "Agent: Salon Müller, guten Tag!",
        f"User: {ASKS}",
        "Agent: Am Freitag um 14 Uhr 30?",
        f"User: {AGREES}",
        "Agent: Gebucht.",
    ]
    asked, booked = (json.loads(receiver.at(f"/{name}")[0][1]) for name in ("check_availability", "book_appointment"))
    assert asked["args"] == {"service": "Haarschnitt", "date": "Freitag", "time": "halb drei"}
    assert booked["args"] == {"service": "Haarschnitt", "start": OFFER["start"], "customer_name": "Erika Mustermann"}
    assert booked["name"] == "book_appointment"
    assert [s.kind for s in record.steps if s.kind != "webhook"] == [
        "heard",
        "said",
        "tool",
        "heard",
        "said",
        "tool",
        "heard",
    ]
    assert {s.name for s in record.steps if s.kind == "webhook"} == {"call_started", "call_ended", "call_analyzed"}
    assert record.agent_id == agent_id


async def test_everything_is_signed_over_the_raw_body(retell: Api, receiver: Receiver, tools: Tools) -> None:
    """Umlauts are raw, so that verifying a re-serialised body fails."""
    await salon(retell, receiver, tools)
    await ring(retell, ASKS, AGREES)
    assert len(receiver.requests) == 5
    assert all(verified(retell.key, headers, body) for _, headers, body in receiver.requests)
    assert "hätte".encode() in receiver.at("/check_availability")[0][1]


async def test_events_have_retells_fields(retell: Api, receiver: Receiver, tools: Tools) -> None:
    """`call_started` has the basic fields, `call_ended` all but the analysis; fields that were never set are absent."""
    await salon(retell, receiver, tools)
    await ring(retell, ASKS, AGREES)
    started, ended, analyzed = (events(receiver)[name] for name in ("call_started", "call_ended", "call_analyzed"))
    assert not {"transcript", "end_timestamp", "metadata", "retell_llm_dynamic_variables"} & started.keys()
    assert (started["call_status"], ended["call_status"]) == ("ongoing", "ended")
    assert ended["disconnection_reason"] == "user_hangup"
    assert "call_analysis" not in ended
    assert analyzed["call_analysis"]["call_successful"] is True
    roles = [item["role"] for item in ended["transcript_with_tool_calls"]]
    assert roles.count("tool_call_invocation") == roles.count("tool_call_result") == 2
    invocation = next(i for i in ended["transcript_with_tool_calls"] if i["role"] == "tool_call_invocation")
    assert json.loads(invocation["arguments"])["service"] == "Haarschnitt", "arguments are a JSON string"


async def test_a_function_sees_the_live_call(retell: Api, receiver: Receiver, tools: Tools) -> None:
    """It is ongoing, with the transcript so far, and without the fields of its end."""
    await salon(retell, receiver, tools)
    await ring(retell, ASKS)
    call = json.loads(receiver.at("/check_availability")[0][1])["call"]
    assert call["call_status"] == "ongoing"
    assert call["transcript"].endswith(f"User: {ASKS}\n")
    assert (call["to_number"], call["direction"]) == (NUMBER, "inbound")
    assert not {"end_timestamp", "call_analysis"} & call.keys()


async def test_without_a_name_the_agent_asks_for_it(retell: Api, receiver: Receiver, tools: Tools) -> None:
    """Functions are called as the LLM's version declares them, and that requires the name."""
    await salon(retell, receiver, tools)
    record = await ring(retell, ASKS, "Ja, bitte.")
    assert record.errors == []
    assert receiver.at("/book_appointment") == []
    assert record.transcript.endswith("User: Ja, bitte.\nAgent: Auf welchen Namen darf ich buchen?\n")
    record = await ring(retell, ASKS, "Ja, bitte.", "Erika Mustermann.")
    assert record.errors == []
    booked = json.loads(receiver.at("/book_appointment")[0][1])["args"]
    assert booked == {"service": "Haarschnitt", "start": OFFER["start"], "customer_name": "Erika Mustermann"}
    assert record.transcript.endswith("Agent: Gebucht.\n")


async def test_missing_required_arguments_are_an_error_and_no_request(
    retell: Api, receiver: Receiver, tools: Tools
) -> None:
    """Tool calls that a test passes instead of the model are checked against the schema, too."""
    await salon(retell, receiver, tools)
    record = await ring(retell, args=[{"name": "book_appointment", "args": {"start": OFFER["start"]}}])
    assert record.errors == ["the schema of book_appointment requires customer_name, which the caller did not say"]
    assert receiver.at("/book_appointment") == []


async def test_undeclared_tools_and_arguments_are_not_sent(retell: Api, receiver: Receiver, tools: Tools) -> None:
    del tools[0]["parameters"]["properties"]["time"]
    await salon(retell, receiver, tools[:1])
    record = await ring(retell, ASKS, AGREES)
    assert json.loads(receiver.at("/check_availability")[0][1])["args"] == {"service": "Haarschnitt", "date": "Freitag"}
    missing = "version 0 of the LLM declares no custom tool book_appointment; it has: check_availability"
    assert record.errors == [missing]


async def test_args_at_root_and_headers_follow_the_declaration(retell: Api, receiver: Receiver, tools: Tools) -> None:
    """Neither name nor call in the body; variables are filled in, unset ones stay as they are written."""
    tools[0] |= {"args_at_root": True, "method": "PUT", "headers": {"X-Call": "{{call_id}}", "X-Unset": "{{nobody}}"}}
    await salon(retell, receiver, tools)
    record = await ring(retell, ASKS)
    headers, body = receiver.at("/check_availability")[0]
    assert json.loads(body) == {"service": "Haarschnitt", "date": "Freitag", "time": "halb drei"}
    assert (headers["X-Call"], headers["X-Unset"]) == (record.call_id, "{{nobody}}")


async def test_a_failing_tool_is_recorded_and_retried_only_as_declared(
    retell: Api, receiver: Receiver, tools: Tools
) -> None:
    """As often as `max_retry`, whose default is 0."""
    tools[1]["max_retry"] = 1
    await salon(retell, receiver, tools)
    receiver.answers["/check_availability"] = [web.Response(status=503)]
    record = await ring(retell, ASKS)
    assert record.errors[0].startswith("check_availability: 503")
    assert "Es tut mir leid" in record.transcript
    receiver.answers["/check_availability"] = {"message": "?", "slots": [OFFER]}
    receiver.answers["/book_appointment"] = [web.Response(status=500), {"success": True, "message": "Gebucht."}]
    record = await ring(retell, ASKS, AGREES)
    assert record.errors == []
    assert len(receiver.at("/book_appointment")) == 2


async def test_webhooks_are_tried_again_up_to_three_times(retell: Api, receiver: Receiver, tools: Tools) -> None:
    """Then Retell gives up; the call goes on meanwhile."""
    await salon(retell, receiver, tools, agent={"webhook_events": ["call_ended"]})
    receiver.answers["/hook"] = [web.Response(status=500) for _ in range(4)]
    record = await ring(retell, ASKS)
    step = next(s for s in record.steps if s.kind == "webhook")
    assert (step.name, step.status, step.attempts) == ("call_ended", 500, 4)
    assert len(receiver.at("/hook")) == 4


async def test_a_pinned_number_keeps_its_version_and_an_unpinned_one_goes_with_the_draft(
    retell: Api, receiver: Receiver, tools: Tools
) -> None:
    agent_id = await salon(retell, receiver, tools)
    await retell("POST", f"/create-agent-version/{agent_id}", {"base_version": 0}, expect=201)
    assert (await ring(retell)).agent_version == 0
    unpinned = {"inbound_agents": [{"agent_id": agent_id, "weight": 1}]}
    await retell("PATCH", "/update-phone-number/%2B49301234567", unpinned)
    assert (await ring(retell)).agent_version == 1


async def test_an_unbound_number_declines(retell: Api, receiver: Receiver, tools: Tools) -> None:
    """Also a number whose agent was deleted."""
    agent_id = await salon(retell, receiver, tools)
    await retell("DELETE", f"/delete-agent/{agent_id}", expect=204)
    record = await ring(retell, ASKS)
    assert (record.status, record.agent_id, receiver.requests) == ("declined", None, [])
    with pytest.raises(ValueError, match=r"there is: \+49301234567$"):
        await play_call(retell.url, "+4940999999", [])


async def test_variables_are_filled_in_and_unset_ones_stay(retell: Api, receiver: Receiver, tools: Tools) -> None:
    greeting = {"begin_message": "Guten Tag {{who}}, {{nobody}}!", "default_dynamic_variables": {"who": "lieber Kunde"}}
    await salon(retell, receiver, tools, llm=greeting)
    assert "Guten Tag lieber Kunde, {{nobody}}!" in (await ring(retell)).transcript


async def test_a_misspelt_call_is_refused(retell: Api, receiver: Receiver, tools: Tools) -> None:
    await salon(retell, receiver, tools)
    for wrong in ({"say": "Ein Satz"}, {"say": [], "text": "x"}, {"args": [{"tool": "x"}]}, {"to_number": None}):
        assert "error" in await retell("POST", "/_sim/calls", {"to_number": NUMBER, **wrong}, expect=400)


async def test_explicit_tool_calls_replace_the_model(retell: Api, receiver: Receiver, tools: Tools) -> None:
    await salon(retell, receiver, tools)
    call = {"name": "book_appointment", "args": {"start": OFFER["start"], "customer_name": "E"}}
    record = await ring(retell, "Zweimal bitte", args=[call, call])
    assert [answer["appointment_id"] for answer in record.answers("book_appointment")] == ["a-1", "a-1"]


HEARD = [
    (
        "Guten Morgen, einen Termin für eine Vorsorge morgen Nachmittag bitte",
        {"service": "Vorsorge", "date": "morgen", "part_of_day": "Nachmittag"},
    ),
    ("Haben Sie nächsten Dienstag um 15 Uhr 30 etwas frei?", {"date": "nächsten Dienstag", "time": "15 Uhr 30"}),
    ("Ich brauche einen Termin zum Strähnen färben am 5. Dezember", {"service": "Strähnen", "date": "5. Dezember"}),
    ("In zwei Wochen um viertel nach vier, Herrenschnitt", {"date": "In zwei Wochen", "time": "viertel nach vier"}),
    ("Übermorgen um drei", {"date": "Übermorgen", "time": "drei"}),
    ("Am 5.12. um 14:30 Uhr", {"date": "5.12.", "time": "14:30 Uhr"}),
    ("Ein Herrenschnitt, bitte, morgen um zehn", {"service": "Herrenschnitt", "date": "morgen", "time": "zehn"}),
    ("Einen Haarschnitt morgen um zehn", {"service": "Haarschnitt", "date": "morgen", "time": "zehn"}),
    ("Morgen um zehn", {"date": "Morgen", "time": "zehn"}),
    ("morgen um zehn, bitte", {"date": "morgen", "time": "zehn"}),
    ("Damenschnitt, bitte", {"service": "Damenschnitt"}),
    ("Guten Morgen, bitte einen Haarschnitt", {"service": "Haarschnitt"}),
    ("Am 5. Dezember bitte", {"date": "5. Dezember"}),
    ("Am Vormittag, bitte", {"part_of_day": "Vormittag"}),
    ("Ein Termin bitte, am Freitag", {"date": "Freitag"}),
]


def new_model_tools() -> dict[str, Any]:
    declared = {
        "check_availability": ("service", "date", "time", "part_of_day"),
        "book_appointment": ("start", "service", "customer_name"),
    }
    tools: dict[str, Any] = {
        tool: {"parameters": {"properties": {name: {} for name in names}}} for tool, names in declared.items()
    }
    tools["book_appointment"]["parameters"]["required"] = ["customer_name"]
    return tools


def new_model() -> ScriptedModel:
    return ScriptedModel(new_model_tools(), "+491")


def called(model: ScriptedModel, text: str) -> dict[str, Any]:
    call = model.hear(text)
    assert isinstance(call, ToolCall), call
    return {"tool": call.name, **call.args}


@pytest.mark.parametrize(("text", "args"), HEARD)
def test_the_model_hears_what_is_asked(text: str, args: dict[str, str]) -> None:
    assert called(new_model(), text) == {"tool": "check_availability", **args}


def test_the_model_remembers_day_service_name_and_offers() -> None:
    model = new_model()
    model.hear("Hier ist Erika Mustermann, einen Haarschnitt am Freitag um drei bitte")
    model.learn({"success": False, "message": "Um drei ist nichts frei.", "alternatives": [OFFER, {"start": "later"}]})
    expected = {"tool": "check_availability", "service": "Haarschnitt", "date": "Freitag", "time": "vier"}
    assert called(model, "Lieber um vier") == expected
    model.learn({"success": False, "message": "Wie bitte?"})
    booked = called(model, "Den zweiten bitte, ja")
    assert (booked["tool"], booked["start"]) == ("book_appointment", "later")
    assert booked["customer_name"] == "Erika Mustermann"
    model.learn({"success": True, "message": "Gebucht."})
    assert isinstance(model.hear("Ja, danke"), str), "nothing is on offer any more"


ASK_NAME = "Auf welchen Namen darf ich buchen?"
ASK_TIME = "Wann würde es Ihnen besser passen?"
NAMED = {
    "Erika Mustermann.": "Erika Mustermann",
    "Auf Mustermann, bitte.": "Mustermann",
    "Ja, auf den Namen Erika Mustermann": "Erika Mustermann",
    "Das ist Frau Müller": "Müller",
    "Mein Name ist Jonas Köhler": "Jonas Köhler",
}


@pytest.mark.parametrize(("text", "name"), NAMED.items())
def test_a_name_that_was_asked_for_books(text: str, name: str) -> None:
    model = new_model()
    model.hear("Einen Haarschnitt morgen um zehn")
    model.learn({"success": True, "slots": [OFFER, {"start": "later"}]})
    assert model.hear("Ja, die zweite bitte") == ASK_NAME
    assert model.hear("Einen Moment, bitte") == ASK_NAME, "that was no name"
    assert model.hear("Wie bitte?") == ASK_NAME
    booked = {"tool": "book_appointment", "service": "Haarschnitt", "start": "later", "customer_name": name}
    assert called(model, text) == booked


def test_a_yes_may_carry_the_name() -> None:
    model = new_model()
    model.hear("Einen Haarschnitt morgen um zehn")
    model.learn({"success": True, "slots": [OFFER]})
    assert called(model, "Ja, Anna Beispiel")["customer_name"] == "Anna Beispiel"


def offering_model(*offers: dict[str, str]) -> ScriptedModel:
    model = new_model()
    model.hear("Einen Haarschnitt am Freitag um halb drei")
    model.learn({"success": True, "slots": list(offers or (OFFER,))})
    return model


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("Ja aber nicht um halb drei, lieber um vier.", {"date": "Freitag", "time": "vier"}),
        ("Ja aber nicht nachmittags, lieber vormittags", {"date": "Freitag", "part_of_day": "vormittag"}),
        ("Nicht am Freitag, lieber am Montag", {"date": "Montag"}),
        ("Das ist mir zu früh", {"date": "Freitag", "part_of_day": "Abend"}),
        ("Ja, schon, aber halb drei ist mir zu spät", {"date": "Freitag", "part_of_day": "Vormittag"}),
    ],
)
def test_a_rejected_time_is_never_booked(text: str, when: dict[str, str]) -> None:
    expected = {"tool": "check_availability", "service": "Haarschnitt", **when}
    assert called(offering_model(), text) == expected


@pytest.mark.parametrize("text", ["Ja aber nicht um halb drei", "Um halb drei kann ich nicht", "Nicht am Freitag"])
def test_a_rejection_alone_makes_the_agent_ask_and_is_remembered(text: str) -> None:
    model = offering_model()
    assert model.hear(text) == ASK_TIME
    asked = called(model, "um vier")
    assert asked["time"] == "vier"
    assert ("date" in asked) == ("Freitag" not in text)


def test_a_part_of_the_day_beyond_which_there_is_none_is_asked_for() -> None:
    assert offering_model({**OFFER, "start": "2026-11-27T18:00:00+01:00"}).hear("Das ist mir zu früh") == ASK_TIME


def test_a_yes_to_a_question_that_was_no_offer_books_nothing_and_hears_the_question_again() -> None:
    model = new_model()
    model.hear("Einen Haarschnitt irgendwann am Freitag")
    model.learn({"success": False, "message": "Wann genau möchten Sie kommen?"})
    assert model.hear("Ja, gern. Erika Mustermann") == "Wann genau möchten Sie kommen?"
    assert model.remark is not None


def test_who_wants_nothing_books_nothing() -> None:
    assert isinstance(new_model().hear("Ich will keinen Termin"), str)
    model = offering_model()
    assert isinstance(model.hear("Nein, dann lassen wir es"), str)
    assert isinstance(model.hear("Ja, gern"), str), "nothing is on offer any more"


def test_a_callback_is_no_booking_and_is_marked() -> None:
    for text in ("Rückruf bitte", "Können Sie mich am Freitag zurückrufen?"):
        model = new_model()
        assert isinstance(model.hear(text), str)
        assert model.remark == "the agent at Retell has no function that notes a callback"


SUSPENDED = "Termine kann ich zurzeit leider nicht annehmen. Soll ich Sie mit einem Mitarbeiter verbinden?"
TRANSFERS = {"transfer_to_human": {"type": "transfer_call"}}


@pytest.mark.parametrize("text", ["Ja, bitte.", "Gern.", "Ja, verbinden Sie mich"])
def test_a_yes_to_the_offer_of_a_transfer_transfers(text: str) -> None:
    assert ScriptedModel(TRANSFERS, "+491", greeting=SUSPENDED).hear(text) == ToolCall("transfer_to_human", {})
    assert isinstance(ScriptedModel(TRANSFERS, "+491", greeting=SUSPENDED).hear("Nein, danke."), str)
    model = ScriptedModel(TRANSFERS | new_model_tools(), "+491")
    model.hear("Einen Haarschnitt am Freitag um drei")
    model.learn({"success": False, "message": "Ich kann Sie dafür gern verbinden."})
    assert model.hear(text) == ToolCall("transfer_to_human", {})


async def test_the_greeting_of_a_suspended_tenant_is_known_to_the_agent(
    retell: Api, receiver: Receiver, tools: Tools
) -> None:
    transfer = {
        "type": "transfer_call",
        "name": "transfer_to_human",
        "transfer_destination": {"type": "predefined", "number": "+49301"},
        "transfer_option": {"type": "cold_transfer"},
    }
    await salon(retell, receiver, [transfer], llm={"begin_message": SUSPENDED})
    record = await ring(retell, "Ja, bitte.")
    assert record.answers("transfer_to_human") == [{"transferred_to": "+49301"}], record.steps


def test_another_requested_time_is_stronger_than_the_question_for_the_name() -> None:
    model = new_model()
    model.hear("Einen Haarschnitt morgen um zehn")
    model.learn({"success": True, "slots": [OFFER]})
    assert model.hear("Ja, bitte.") == ASK_NAME
    assert called(model, "Ach nein, lieber um elf")["time"] == "elf"
    model.learn({"success": True, "slots": [{"start": "eleven"}]})
    assert called(model, "Ich bin Erika Mustermann, geht es auch um zwölf?")["tool"] == "check_availability"
    assert called(model, "Ja, bitte")["customer_name"] == "Erika Mustermann"


def test_a_service_that_was_asked_for_keeps_the_day_and_the_time() -> None:
    model = new_model()
    assert called(model, "Eine Massage morgen um zehn")["service"] == "Massage"
    model.learn(
        {"success": False, "message": "Buchbar ist: Haarschnitt oder Farbe?", "services": ["haarschnitt", "farbe"]}
    )
    assert called(model, "Am Freitag um elf") == {"tool": "check_availability", "date": "Freitag", "time": "elf"}
    model.learn({"success": False, "message": "Was möchten Sie buchen?", "services": ["haarschnitt", "farbe"]})
    expected = {"tool": "check_availability", "service": "Farbe", "date": "Freitag", "time": "elf"}
    assert called(model, "Farbe.") == expected


def test_a_yes_with_another_person_asks_again_and_with_the_same_service_books() -> None:
    catalogue = read_catalogue("## Buchbar\n- Kontrolle (20 Minuten)\n\n## Team\n- Park: Doktor Winter, Doktor Sommer")
    declared = ("service", "staff", "date", "time", "start", "customer_name")
    tools = {
        name: {"parameters": {"properties": {field: {} for field in declared}}}
        for name in ("check_availability", "book_appointment")
    }
    offered = {"success": True, "slots": [{**OFFER, "spoken": "Freitag um 14 Uhr 30 bei Doktor Winter"}]}
    model = ScriptedModel(tools, "+491", catalogue)
    model.hear("Eine Kontrolle am Freitag um halb drei")
    model.learn(offered)
    asked = called(model, "Ja, aber bei Doktor Sommer, Anna Nym")
    assert (asked["tool"], asked["staff"], asked["time"]) == ("check_availability", "Doktor Sommer", "halb drei")
    model.learn(offered)
    assert called(model, "Ja, die Kontrolle bitte")["tool"] == "book_appointment"


def test_who_has_nothing_to_cancel_can_still_book() -> None:
    model = ScriptedModel({**CHANGES, "check_availability": {"parameters": {"properties": {"date": {}}}}}, "+491")
    assert called(model, "Ich möchte meinen Termin absagen.")["tool"] == "cancel_appointment"
    model.learn(
        {"success": False, "message": "Unter Ihrer Nummer finde ich keinen kommenden Termin.", "appointments": []}
    )
    assert called(model, "Dann einen Termin am Dienstag")["tool"] == "check_availability"


def test_a_cancellation_is_confirmed_only_by_a_yes() -> None:
    """A function that asks back gets the appointment that it named, with `confirmed`."""
    tools = {
        "cancel_appointment": {
            "parameters": {"properties": {"appointment_id": {}, "confirmed": {}, "appointment_date": {}}}
        }
    }
    question = {"success": False, "message": "Soll ich …?", "needs_confirmation": True, "appointment_id": "a-1"}
    for answer, expected in (
        ("Ja, bitte.", {"appointment_id": "a-1", "confirmed": True}),
        ("Nein, lieber nicht.", None),
    ):
        model = ScriptedModel(tools, "+491")
        assert called(model, "Den am Dienstag absagen, bitte.") == {
            "tool": "cancel_appointment",
            "appointment_date": "Dienstag",
        }
        model.learn(question)
        reaction = model.hear(answer)
        assert isinstance(reaction, str) if expected is None else reaction == ToolCall("cancel_appointment", expected)


async def salon_with_inbound_webhook(retell: Api, receiver: Receiver, tools: Tools) -> None:
    """Create a salon whose number has an inbound webhook and whose greeting has a variable."""
    llm = {"begin_message": "Guten Tag {{caller_name}}!", "default_dynamic_variables": {"caller_name": "Gast"}}
    await salon(retell, receiver, tools, llm=llm)
    await retell("PATCH", f"/update-phone-number/{NUMBER}", {"inbound_webhook_url": f"{receiver.url}/inbound"})


async def test_the_inbound_webhook_is_asked_before_the_call_and_its_variables_are_spoken(
    retell: Api, receiver: Receiver, tools: Tools
) -> None:
    """It is signed like all other requests, and names the bound agent."""
    await salon_with_inbound_webhook(retell, receiver, tools)
    receiver.answers["/inbound"] = {"call_inbound": {"dynamic_variables": {"caller_name": "Frau Muster"}}}
    record = await ring(retell, "Hallo", from_number="anonymous")
    ((headers, body),) = receiver.at("/inbound")
    assert verified("key_test_one", headers, body)
    asked = json.loads(body)
    assert asked["event"] == "call_inbound"
    assert (asked["call_inbound"]["from_number"], asked["call_inbound"]["agent_id"]) == ("anonymous", record.agent_id)
    assert record.transcript.startswith("Agent: Guten Tag Frau Muster!")
    assert events(receiver)["call_started"]["retell_llm_dynamic_variables"] == {"caller_name": "Frau Muster"}


@pytest.mark.parametrize(
    "answer", [{"call_inbound": {}}, {"call_inbound": {"dynamic_variables": {"caller_name": 7}}}, []]
)
async def test_without_a_usable_answer_the_agent_speaks_with_its_defaults(
    retell: Api, receiver: Receiver, tools: Tools, answer: Any
) -> None:
    await salon_with_inbound_webhook(retell, receiver, tools)
    receiver.answers["/inbound"] = web.json_response(answer)
    record = await ring(retell, "Hallo")
    assert record.transcript.startswith("Agent: Guten Tag Gast!")


async def test_an_inbound_webhook_that_fails_is_tried_three_times_and_the_call_goes_on(
    retell: Api, receiver: Receiver, tools: Tools
) -> None:
    await salon_with_inbound_webhook(retell, receiver, tools)
    receiver.answers["/inbound"] = [web.Response(status=500) for _ in range(3)]
    record = await ring(retell, "Hallo")
    assert len(receiver.at("/inbound")) == 3
    assert (record.status, len(record.errors)) == ("ended", 1)
    assert record.transcript.startswith("Agent: Guten Tag Gast!")


async def test_a_caller_who_is_asked_for_the_branch_answers_in_own_words_or_by_key(
    retell: Api, receiver: Receiver, tools: Tools
) -> None:
    tools[0]["parameters"]["properties"]["branch"] = {"type": "string"}
    await salon(retell, receiver, tools)
    asks_branch = {"success": False, "message": "Welche Filiale?", "branches": ["mitte", "nord"]}
    receiver.answers["/check_availability"] = [asks_branch, asks_branch, receiver.answers["/check_availability"]]
    record = await ring(retell, ASKS, "in Mitte oder so", "[12]")
    asked = [json.loads(body) for _, body in receiver.at("/check_availability")]
    assert [request["args"].get("branch") for request in asked] == [None, "in Mitte oder so", None]
    pressed = [entry["digit"] for entry in asked[2]["call"]["transcript_with_tool_calls"] if entry["role"] == "dtmf"]
    assert pressed == ["1", "2"]
    assert record.errors == []


OWN = {"appointment_id": "a-1", "start": OFFER["start"], "spoken": "Freitag um 14 Uhr 30"}
OTHER = {"appointment_id": "a-2", "start": "2026-11-28T10:00:00+01:00", "spoken": "Samstag um 10 Uhr"}
QUESTION = {"success": False, "needs_confirmation": True, "appointment_id": "a-1"}
CHANGES = {
    name: {"parameters": {"properties": {key: {} for key in ("appointment_id", *names)}}}
    for name, names in {
        "find_appointments": (),
        "reschedule_appointment": ("start", "date", "time"),
        "cancel_appointment": ("appointment_date", "appointment_time", "confirmed"),
    }.items()
}


@pytest.mark.parametrize(
    ("says", "calls"),
    [
        (
            [("Wann ist mein Termin?", {"success": True, "appointments": [OWN]}), ("Den möchte ich absagen.", None)],
            [("find_appointments", {}), ("cancel_appointment", {})],
        ),
        (
            [
                ("Ich möchte meinen Termin absagen.", {"success": False, "appointments": [OWN, OTHER]}),
                ("Den zweiten, bitte.", None),
            ],
            [("cancel_appointment", {}), ("cancel_appointment", {"appointment_id": "a-2"})],
        ),
        (
            [
                ("Sagen Sie den Termin am Dienstag um drei Uhr ab, ich möchte stornieren.", QUESTION),
                ("Ja, bitte.", None),
            ],
            [
                ("cancel_appointment", {"appointment_date": "Dienstag", "appointment_time": "drei Uhr"}),
                ("cancel_appointment", {"appointment_id": "a-1", "confirmed": True}),
            ],
        ),
        (
            [
                ("Ich möchte meinen Termin verschieben.", {"success": False}),
                ("Auf Freitag um vier Uhr.", {"success": False, "alternatives": [OTHER]}),
                ("Ja, gern.", None),
            ],
            [
                ("reschedule_appointment", {}),
                ("reschedule_appointment", {"date": "Freitag", "time": "vier Uhr"}),
                ("reschedule_appointment", {"start": OTHER["start"]}),
            ],
        ),
        (
            [
                (
                    "Können wir meinen Termin auf morgen um zehn verlegen?",
                    {"success": False, "appointments": [OWN, OTHER]},
                ),
                ("Den ersten.", None),
            ],
            [
                ("reschedule_appointment", {"date": "morgen", "time": "zehn"}),
                ("reschedule_appointment", {"appointment_id": "a-1", "date": "morgen", "time": "zehn"}),
            ],
        ),
    ],
)
def test_the_caller_moves_and_cancels(says: list[tuple[str, Any]], calls: list[tuple[str, dict[str, str]]]) -> None:
    model, called_tools = ScriptedModel(CHANGES, "+4915112345678"), []
    for text, answer in says:
        call = model.hear(text)
        assert isinstance(call, ToolCall), text
        called_tools.append((call.name, call.args))
        model.learn(answer)
    assert called_tools == calls


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Nein, dann lassen wir es", "Gut, der Termin bleibt bestehen."),
        ("Nein", ASK_TIME),
        ("Ja aber nicht um zehn", ASK_TIME),
    ],
)
def test_a_caller_who_rejects_the_new_time_moves_nothing(text: str, says: str) -> None:
    model = ScriptedModel(CHANGES, "+4915112345678")
    assert isinstance(model.hear("Ich möchte meinen Termin auf Samstag um neun verschieben."), ToolCall)
    model.learn({"success": False, "message": "Frei ist …", "alternatives": [OTHER]})
    assert model.hear(text) == says


def test_a_move_by_a_span_is_marked_as_not_understood() -> None:
    model = ScriptedModel(CHANGES, "+4915112345678")
    call = model.hear("Können Sie meinen Termin von Freitag um eine Stunde nach hinten schieben?")
    assert isinstance(call, ToolCall)
    assert (call.name, model.remark is not None) == ("find_appointments", True)


def test_a_caller_who_says_no_cancels_nothing() -> None:
    model = ScriptedModel(CHANGES, "+4915112345678")
    assert isinstance(model.hear("Ich möchte meinen Termin absagen."), ToolCall)
    model.learn(QUESTION)
    assert not isinstance(model.hear("Nein, doch nicht."), ToolCall)
    assert not isinstance(model.hear("Danke."), ToolCall)


@pytest.mark.parametrize("text", ["Nein danke, auf Wiederhören.", "Tschüss.", "Wiederschauen!", "Danke, Tschüß"])
def test_a_goodbye_is_understood_in_every_turn_and_is_no_service(text: str) -> None:
    asked, moving, fresh = new_model(), new_model(), new_model()
    asked.hear("Ich brauche einen Termin")
    asked.learn({"success": False, "message": "Was möchten Sie buchen?", "services": ["haarschnitt"]})
    moving.hear("Ich möchte meinen Termin verschieben")
    for model in (asked, moving, fresh, offering_model(OFFER)):
        assert (str(model.hear(text)).endswith("Auf Wiederhören!"), model.remark) == (True, None)


def test_a_yes_before_a_goodbye_counts() -> None:
    assert isinstance(offering_model(OFFER).hear("Ja, gern. Mein Name ist Max Muster. Tschüss!"), ToolCall)


@pytest.mark.parametrize("text", ["Egal bei wem.", "Egal.", "Ganz egal"])
def test_egal_after_the_question_for_the_service_is_no_service(text: str) -> None:
    model = new_model()
    model.hear("Ich brauche einen Termin")
    model.learn({"success": False, "message": "Was möchten Sie buchen?", "services": ["haarschnitt"]})
    heard = model.hear(text)
    assert isinstance(heard, str) or "service" not in heard.args
    assert isinstance(heard, ToolCall) or model.remark


@pytest.mark.parametrize(
    "text", ["eine Stunde nach hinten", "Lieber zwei Stunden später, bitte", "um eine Stunde nach hinten"]
)
def test_a_move_by_a_span_is_marked_with_and_without_um(text: str) -> None:
    model = new_model()
    model.hear("Ich möchte meinen Termin verschieben")
    model.hear(text)
    assert model.remark is not None


def test_the_service_of_a_question_is_remembered() -> None:
    model = ScriptedModel(
        new_model_tools(), "+491", read_catalogue("## Buchbar\n- Haarschnitt (45 Minuten)\n- Färben (90 Minuten)")
    )
    assert isinstance(model.hear("Was kostet einmal Färben?"), str)
    assert called(model, "Am Freitag um zehn")["service"] == "Färben"
