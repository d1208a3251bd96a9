"""`askproai call`: a call by sentences, or one function without the demo's agent."""

import asyncio
import json
import re
from typing import Any

import aiohttp
import pytest
from played_calls import NUMBER, OFFER, Call, Tools, salon, verified
from sandbox_clients import Api, Receiver
from typer.testing import CliRunner

from askproai_cli.main import app
from askproai_sandbox.caller import HeldCall
from tests.worlds.waiting import eventually


async def test_single_function_call_is_signed_like_retells(call: Call, receiver: Receiver) -> None:
    result = await call("--function", "check_availability", "service=implantat", "date=Dienstag um zehn", "time=a=b")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["slots"] == [OFFER]
    ((headers, body),) = receiver.at("/check_availability")
    assert verified("key_test_one", headers, body)
    assert json.loads(body)["args"] == {"service": "implantat", "date": "Dienstag um zehn", "time": "a=b"}


async def test_misspelt_function_or_argument_names_existing_ones(call: Call, receiver: Receiver) -> None:
    result = await call("--function", "check_availabilty")
    assert result.exit_code == 1
    assert "it has: check_availability, book_appointment" in result.stdout
    result = await call("--function", "check_availability", "servce=Schnitt")
    assert "no argument servce; it has: service, date, time, part_of_day" in result.stderr
    assert result.exit_code == 0, "a model may send it, too"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "json"], "--function NAME"),
        (["service=x"], "--function"),
        (["--say", "Hallo", "--function", "check_availability"], "either sentences"),
        (["--function", "check_availability", "implantat"], "key=value"),
        (["--say", "Hallo", "service=x"], "--function"),
    ],
)
async def test_wrong_call_arguments_are_refused_with_correct_form(
    call: Call, arguments: list[str], message: str
) -> None:
    result = await call(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())


async def test_json_has_functions_with_arguments_and_answers(call: Call) -> None:
    result = await call("--say", "Einen Haarschnitt am Freitag um drei", "-o", "json")
    steps: list[dict[str, Any]] = json.loads(result.stdout)["steps"]
    (step,) = [step for step in steps if step["kind"] == "tool"]
    assert step["arguments"]["service"] == "Haarschnitt"
    assert step["answer"]["slots"] == [OFFER]


@pytest.fixture
def talk(call: Call) -> Call:
    """Return a function that holds a call with these lines as the standard input."""
    return lambda *lines: asyncio.to_thread(
        CliRunner().invoke, app, ["call", "--to", NUMBER], input="".join(f"{line}\n" for line in lines)
    )


def events(receiver: Receiver) -> list[str]:
    return [json.loads(body)["event"] for _, body in receiver.at("/hook")]


async def test_call_without_sentences_reads_input_until_its_end(talk: Call, receiver: Receiver) -> None:
    result = await talk("Einen Haarschnitt am Freitag um drei", "", "Xylophon quietscht")
    assert result.exit_code == 0, result.output
    said = [line for line in result.stdout.splitlines() if line.startswith("said")]
    assert said == ["said     Einen Haarschnitt am Freitag um drei", "said     Xylophon quietscht"]
    assert (
        "tool     check_availability(service=Haarschnitt, date=Freitag um drei) 200\nheard    Am Freitag"
        in result.stdout
    )
    assert "heard    Ich verstehe Leistung, Tag, Uhrzeit" in result.stdout
    assert re.fullmatch(r"call_\w+", result.stdout.splitlines()[-1])
    assert events(receiver) == ["call_started", "call_ended", "call_analyzed"]


async def test_agent_answers_held_call_before_the_next_sentence(retell: Api, talk: Call) -> None:
    held, greeting = await HeldCall.begin(retell.url, NUMBER, from_number="anonymous")
    assert [step.kind for step in greeting] == ["webhook", "heard"]
    steps = await held.say("Einen Haarschnitt am Freitag um drei")
    assert [step.kind for step in steps if step.kind != "webhook"] == ["said", "tool", "heard"]
    assert held.record is None
    record = await held.hang_up()
    assert record.status == "ended"
    assert record.transcript.startswith("Agent: ")


async def test_caller_leaving_without_goodbye_has_hung_up(retell: Api, talk: Call, receiver: Receiver) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{retell.url}/_sim/calls") as socket:
        await socket.send_json({"to_number": NUMBER})
        await socket.receive_json()
    await eventually(lambda: "call_analyzed" in events(receiver), what="the end of the call")


async def test_held_call_to_unknown_number_lists_the_numbers(talk: Call, retell: Api) -> None:
    with pytest.raises(ValueError, match=re.escape(f"nobody has the number +4930999; there is: {NUMBER}")):
        await HeldCall.begin(retell.url, "+4930999", from_number="anonymous")


async def test_a_transfer_ends_a_held_call(retell: Api, receiver: Receiver, tools: Tools, talk: Call) -> None:
    transfer = {
        "type": "transfer_call",
        "name": "transfer_to_human",
        "transfer_destination": {"type": "predefined", "number": "+49301"},
        "transfer_option": {"type": "cold_transfer"},
    }
    await retell("DELETE", f"/delete-phone-number/{NUMBER}", expect=204)
    await salon(retell, receiver, [*tools, transfer])
    result = await talk("Mit einem Menschen verbinden, bitte.", "Hallo?")
    assert "transfer_to_human()" in result.stdout
    assert "Hallo?" not in result.stdout
