"""A call is played as Retell plays one, by the rules of docs/vendors/retell.md."""

import json
from typing import Any

import pytest
from aiohttp import web
from played_calls import NUMBER, OFFER, Tools, ring, salon, verified
from sandbox_clients import Api, Receiver

from askproai_sandbox.caller import play_call

ASKS = "Guten Tag, ich hätte gern einen Haarschnitt am Freitag um halb drei"
AGREES = "Ja, gern, mein Name ist Erika Mustermann"


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
    assert asked["args"] == {"service": "Haarschnitt", "date": "Freitag um halb drei"}
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


async def test_function_request_includes_the_ongoing_call(retell: Api, receiver: Receiver, tools: Tools) -> None:
    """The call object is `ongoing`, with the transcript so far, and without the fields of the call's end."""
    await salon(retell, receiver, tools)
    await ring(retell, ASKS)
    call = json.loads(receiver.at("/check_availability")[0][1])["call"]
    assert call["call_status"] == "ongoing"
    assert call["transcript"].endswith(f"User: {ASKS}\n")
    assert (call["to_number"], call["direction"]) == (NUMBER, "inbound")
    assert not {"end_timestamp", "call_analysis"} & call.keys()


async def test_missing_required_arguments_prevent_the_request(retell: Api, receiver: Receiver, tools: Tools) -> None:
    """Tool calls that a test passes instead of the model are checked against the schema, too."""
    await salon(retell, receiver, tools)
    record = await ring(retell, args=[{"name": "book_appointment", "args": {"start": OFFER["start"]}}])
    assert record.errors == ["the schema of book_appointment requires customer_name, which the caller did not say"]
    assert receiver.at("/book_appointment") == []


async def test_undeclared_function_called_directly_is_an_error(retell: Api, receiver: Receiver, tools: Tools) -> None:
    await salon(retell, receiver, tools[:1])
    record = await ring(retell, args=[{"name": "book_appointment", "args": {}}])
    missing = "version 0 of the LLM declares no function book_appointment; it has: check_availability"
    assert record.errors == [missing]


async def test_args_at_root_and_headers_follow_the_declaration(retell: Api, receiver: Receiver, tools: Tools) -> None:
    """The body has neither name nor call. Variables are filled in, and unset variables stay as written."""
    headers = {"X-Call": "{{call_id}}", "X-Empty": "{{call.call_id}}", "X-Unset": "{{nobody}}"}
    tools[0] |= {"args_at_root": True, "method": "PUT", "headers": headers}
    await salon(retell, receiver, tools)
    record = await ring(retell, ASKS)
    sent, body = receiver.at("/check_availability")[0]
    assert json.loads(body) == {"service": "Haarschnitt", "date": "Freitag um halb drei"}
    assert [sent[name] for name in headers] == [record.call_id, "", "{{nobody}}"]


async def test_an_answer_is_cut_after_15000_characters(retell: Api, receiver: Receiver, tools: Tools) -> None:
    """The model gets what is left, which is no JSON any more."""
    await salon(retell, receiver, tools)
    whole, answers = "Am Freitag um 14 Uhr 30?", {}
    for length in (15_000, 15_001):
        answer = {"success": True, "message": whole, "slots": [OFFER], "rest": ""}
        answer["rest"] = "x" * (length - len(json.dumps(answer)))
        receiver.answers["/check_availability"] = answer
        answers[length] = (await ring(retell, ASKS)).answers("check_availability")[0]
        (last,) = [json.loads(body) for _, body in receiver.at("/hook") if b'"call_ended"' in body][-1:]
        (result,) = [i for i in last["call"]["transcript_with_tool_calls"] if i["role"] == "tool_call_result"]
        assert len(result["content"]) == 15_000
    assert answers[15_000]["message"] == whole
    assert isinstance(answers[15_001], str)


async def test_failing_tool_is_retried_only_as_declared(retell: Api, receiver: Receiver, tools: Tools) -> None:
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


async def test_number_without_a_pinned_version_gets_latest_one(retell: Api, receiver: Receiver, tools: Tools) -> None:
    agent_id = await salon(retell, receiver, tools)
    await retell("POST", f"/create-agent-version/{agent_id}", {"base_version": 0}, expect=201)
    assert (await ring(retell)).agent_version == 0
    unpinned = {"inbound_agents": [{"agent_id": agent_id, "weight": 1}]}
    await retell("PATCH", "/update-phone-number/%2B49301234567", unpinned)
    assert (await ring(retell)).agent_version == 1


async def test_call_to_a_number_without_agent_is_declined(retell: Api, receiver: Receiver, tools: Tools) -> None:
    """Also a number whose agent was deleted."""
    agent_id = await salon(retell, receiver, tools)
    await retell("DELETE", f"/delete-agent/{agent_id}", expect=204)
    record = await ring(retell, ASKS)
    assert (record.status, record.agent_id, receiver.requests) == ("declined", None, [])
    with pytest.raises(ValueError, match=r"there is: \+49301234567$"):
        await play_call(retell.url, "+4940999999", [])


async def salon_with_inbound_webhook(retell: Api, receiver: Receiver, tools: Tools) -> None:
    """Create a salon whose number has an inbound webhook and whose greeting has a variable."""
    llm = {"begin_message": "Guten Tag {{caller_name}}!", "default_dynamic_variables": {"caller_name": "Gast"}}
    await salon(retell, receiver, tools, llm=llm)
    await retell("PATCH", f"/update-phone-number/{NUMBER}", {"inbound_webhook_url": f"{receiver.url}/inbound"})


async def test_inbound_webhook_precedes_calls_and_sets_spoken_variables(
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
async def test_agent_speaks_defaults_without_usable_webhook_answer(
    retell: Api, receiver: Receiver, tools: Tools, answer: Any
) -> None:
    await salon_with_inbound_webhook(retell, receiver, tools)
    receiver.answers["/inbound"] = web.json_response(answer)
    record = await ring(retell, "Hallo")
    assert record.transcript.startswith("Agent: Guten Tag Gast!")


async def test_failing_inbound_webhook_is_retried_without_ending_calls(
    retell: Api, receiver: Receiver, tools: Tools
) -> None:
    await salon_with_inbound_webhook(retell, receiver, tools)
    receiver.answers["/inbound"] = [web.Response(status=500) for _ in range(4)]
    record = await ring(retell, "Hallo")
    assert len(receiver.at("/inbound")) == 4
    assert (record.status, len(record.errors)) == ("ended", 1)
    assert record.transcript.startswith("Agent: Guten Tag Gast!")
