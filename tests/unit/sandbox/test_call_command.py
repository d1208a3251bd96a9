"""`askproai call`: a call by sentences, or one function without the demo's agent."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from played_calls import NUMBER, OFFER, Tools, salon, verified
from sandbox_clients import Api, Receiver
from typer.testing import CliRunner

from askproai_cli.main import app
from askproai_sandbox.demo import State

Call = Callable[..., Awaitable[Result]]


@pytest.fixture
async def call(retell: Api, receiver: Receiver, tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Return a function that runs `askproai call` against a demo whose only business is the salon."""
    await salon(retell, receiver, tools)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".demo").mkdir()
    (tmp_path / ".demo/state.json").write_text(State("", retell.url, "", "", "").text())
    return lambda *arguments: asyncio.to_thread(CliRunner().invoke, app, ["call", "--to", NUMBER, *arguments])


async def test_one_function_is_called_as_retell_does_it_and_its_answer_printed(call: Call, receiver: Receiver) -> None:
    result = await call("--function", "check_availability", "service=implantat", "date=Dienstag um zehn", "time=a=b")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["slots"] == [OFFER]
    ((headers, body),) = receiver.at("/check_availability")
    assert verified("key_test_one", headers, body)
    assert json.loads(body)["args"] == {"service": "implantat", "date": "Dienstag um zehn", "time": "a=b"}


async def test_a_misspelt_function_or_argument_is_named_with_those_that_exist(call: Call, receiver: Receiver) -> None:
    result = await call("--function", "check_availabilty")
    assert result.exit_code == 1
    assert "it has: check_availability, book_appointment" in result.stdout
    result = await call("--function", "check_availability", "servce=Schnitt")
    assert "no argument servce; it has: service, date, time, part_of_day" in result.stderr
    assert result.exit_code == 0, "a model may send it, too"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--function NAME"),
        (["--say", "Hallo", "--function", "check_availability"], "either sentences"),
        (["--function", "check_availability", "implantat"], "key=value"),
        (["--say", "Hallo", "service=x"], "--function"),
    ],
)
async def test_wrong_arguments_of_a_call_are_refused_with_what_to_write(
    call: Call, arguments: list[str], message: str
) -> None:
    result = await call(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())


async def test_sentences_show_each_function_with_its_arguments(call: Call) -> None:
    result = await call("--say", "Einen Haarschnitt am Freitag um drei", "--say", "Xylophon quietscht")
    assert result.exit_code == 0, result.output
    assert "tool     check_availability(service=Haarschnitt, date=Freitag, time=drei) 200\n" in result.stdout
    assert "note     [demo agent] did not understand “Xylophon quietscht”; docs/demo-agent.md" in result.stdout


async def test_json_has_functions_with_arguments_and_answers(call: Call) -> None:
    result = await call("--say", "Einen Haarschnitt am Freitag um drei", "-o", "json")
    steps: list[dict[str, Any]] = json.loads(result.stdout)["steps"]
    (step,) = [step for step in steps if step["kind"] == "tool"]
    assert step["arguments"]["service"] == "Haarschnitt"
    assert step["answer"]["slots"] == [OFFER]
