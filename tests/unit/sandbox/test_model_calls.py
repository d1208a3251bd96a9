"""`askproai call --model` and `--by-hand`: the agent of a simulated call is a language model, or the command's user."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from played_calls import OFFER, Call
from sandbox_clients import Receiver

KEY = "sk-test-0123456789"
SEARCH = {"service": "Haarschnitt", "date": "Freitag", "time": "halb drei"}
BOOKING = {"start": OFFER["start"], "customer_name": "Erika Mustermann"}


@dataclass
class ModelServer:
    """A strict server of the chat-completions protocol. It returns `answers` one after the other."""

    url: str = ""
    answers: list[Any] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)

    async def complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(body)
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.json_response({"error": {"message": f"Incorrect API key provided: {KEY}"}}, status=401)
        if problem := find_problem(body):
            return web.json_response({"error": {"message": problem}}, status=400)
        answer = self.answers.pop(0)
        if callable(answer):
            return await answer(request)
        return web.json_response({
            "id": "chatcmpl-1", "object": "chat.completion", "system_fingerprint": "fp", "service_tier": None,
            "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None, "message": answer} | {
                key: answer.pop(key) for key in ("finish_reason",) if key in answer
            }],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "prompt_tokens_details": {}},
        })  # fmt: skip


def find_problem(body: dict[str, Any]) -> str | None:
    """Return why a strict server refuses the messages: a function call must be followed by its answer, and nothing else may be."""
    if body["messages"][0]["role"] != "system" or body["stream"] is not False:
        return "the prompt is missing, or a stream is asked for"
    open_ids: list[str] = []
    for message in body["messages"]:
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_ids:
                return f"no call has the id {message['tool_call_id']}"
            open_ids.remove(message["tool_call_id"])
        elif open_ids:
            return f"tool_call_ids without an answer: {open_ids}"
        else:
            open_ids = [each["id"] for each in message.get("tool_calls", ())]
    return None


def calls(*functions: tuple[str, Any], text: str | None = None) -> dict[str, Any]:
    """Return a model's message that calls functions; arguments that are no text are written as JSON."""
    return {
        "role": "assistant",
        "content": text,
        "refusal": None,
        "annotations": [],
        "tool_calls": [
            {
                "id": f"call_{number}_{name}",
                "type": "function",
                "function": {"name": name, "arguments": args if isinstance(args, str) else json.dumps(args)},
            }
            for number, (name, args) in enumerate(functions)
        ],
    }


def says(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text, "refusal": None}


@pytest.fixture
async def model(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModelServer]:
    monkeypatch.setenv("ASKPROAI_MODEL_KEY", KEY)
    server, app = ModelServer(), web.Application()
    app.router.add_post("/v1/chat/completions", server.complete)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield server
    await runner.cleanup()


async def test_a_model_books_by_the_published_functions(call: Call, model: ModelServer, receiver: Receiver) -> None:
    model.answers = [
        calls(("check_availability", SEARCH), text="Ich sehe nach."),
        says("Freitag um halb drei?"),
        calls(("book_appointment", BOOKING)),
        says("Ist gebucht."),
    ]
    result = await call(
        "--model", model.url, "--model-name", "m-1", "--say", "Freitag?", "--say", "Ja, Erika Mustermann"
    )
    assert result.exit_code == 0, result.output
    ((_, body),) = receiver.at("/book_appointment")
    assert json.loads(body)["args"] == BOOKING
    assert "heard    Freitag um halb drei?\n" in result.stdout
    first = model.requests[0]
    assert first["model"] == "m-1"
    assert [tool["function"]["name"] for tool in first["tools"]] == ["check_availability", "book_appointment"]
    assert [each["role"] for each in first["messages"]] == ["system", "assistant", "user"]
    assert model.url in result.stderr, "it is said what is sent where"
    assert KEY not in result.output


async def test_functions_called_at_once_are_answered_in_order(call: Call, model: ModelServer) -> None:
    model.answers = [calls(("check_availability", SEARCH), ("check_availability", "no JSON")), says("Ja?")]
    result = await call("--model", model.url, "--say", "Freitag?")
    assert result.exit_code == 0, result.output
    found, refused = [each["content"] for each in model.requests[1]["messages"] if each["role"] == "tool"]
    assert json.loads(found)["slots"] == [OFFER]
    assert "no JSON object" in refused


async def test_refusal_by_the_models_server_is_shown(call: Call, model: ModelServer) -> None:
    model.answers = [{"role": "assistant", "content": None, "refusal": "Das geht nicht."}]
    result = await call("--model", model.url, "--say", "Hallo")
    assert "heard    Das geht nicht.\n" in result.stdout


async def test_model_call_output_is_available_as_json(call: Call, model: ModelServer) -> None:
    model.answers = [says("Guten Tag")]
    result = await call("--model", model.url, "--say", "Hallo", "-o", "json")
    assert [step["text"] for step in json.loads(result.stdout)["steps"] if "text" in step][1:] == ["Hallo", "Guten Tag"]


async def _stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await response.write(b"data: {}\n\n")
    await response.write_eof()
    return response


async def _broken_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"choices": [')
    assert request.transport is not None
    request.transport.abort()
    return response


async def _late(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(0.5)
    return web.json_response({})


def _answers(**options: Any) -> Any:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(**options)

    return answer


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (_stream, "answers with a stream"),
        (_broken_off, "broke its answer off"),
        (_late, "has not answered within"),
        (_answers(status=302, headers={"Location": "http://127.0.0.1:1/"}), "redirects, which is not followed"),
        (_answers(status=404, text="no such model"), "has no model 'default'"),
        (_answers(status=503, text="Loading model"), "try again later"),
        (_answers(status=400, text=f"tools are not supported {KEY}"), "the model must take tools"),
        (_answers(text="<html>", content_type="text/html"), "no chat completion"),
        (_answers(text='{"choices": []}'), "has no choices"),
        (_answers(text="x" * 2_000_000), "more than 1048576 bytes"),
    ],
)
async def test_unusable_model_answer_ends_the_call(call: Call, model: ModelServer, answer: Any, message: str) -> None:
    model.answers = [answer]
    result = await call("--model", model.url, "--model-timeout", "0.3", "--say", "Hallo")
    assert result.exit_code == 1
    assert message in result.stderr
    assert "\ncall_" in result.stderr, "its timeline can be read"
    assert KEY not in result.output


async def test_error_does_not_quote_a_refused_model_key(call: Call, model: ModelServer, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-wrong\n")
    result = await call("--model", model.url, "--model-key-file", str(tmp_path / "key"), "--say", "Hallo")
    assert result.exit_code == 1
    assert "refuses the key (HTTP 401)" in result.stderr
    assert "sk-" not in result.output


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://models.example/v1", "use https"),
        ("ftp://127.0.0.1/", "does not begin with https:// or http://"),
        ("127.0.0.1:9/v1", "does not begin with https:// or http://"),
        ("https://models.invalid/v1", "no server has this name"),
        ("https://me:secret@models.example", "leave name and password out"),
        ("http://127.0.0.1:9/v1", "does not answer"),
    ],
)
async def test_unusable_model_address_is_refused(call: Call, url: str, message: str) -> None:
    result = await call("--model", url, "--say", "Hallo")
    assert result.exit_code == 1
    assert message in result.stderr
    assert "secret" not in result.output


@pytest.mark.parametrize(("text", "message"), [("\n", "is empty"), ("sk-1\nsk-2\n", "is not one line")])
async def test_unusable_model_key_file_is_refused(call: Call, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "key").write_text(text)
    result = await call("--model", "http://127.0.0.1:9/v1", "--model-key-file", str(tmp_path / "key"), "--say", "Hallo")
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())


async def test_call_output_notes_promise_without_a_function(call: Call, model: ModelServer) -> None:
    model.answers = [says("Ihr Termin ist gebucht."), {**says("Und dann"), "finish_reason": "length"}]
    result = await call("--model", model.url, "--say", "Donnerstag um zehn?", "--say", "Gut")
    assert "no function was called: nothing was looked up, booked or changed" in result.stdout
    assert "the model's answer was cut off at 800 tokens" in result.stdout


async def test_the_prompt_has_the_time_of_the_call(call: Call, model: ModelServer) -> None:
    model.answers = [says("Guten Tag")]
    await call("--model", model.url, "--say", "Hallo")
    prompt = model.requests[0]["messages"][0]["content"].splitlines()[0]
    assert re.fullmatch(r"Jetzt ist \w+, .* CES?T, dort \w+, .* P[SD]T, \{\{unset\}\}\.", prompt)


async def test_endless_model_turn_is_stopped(call: Call, model: ModelServer) -> None:
    model.answers = [calls(("check_availability", SEARCH)) for _ in range(20)]
    result = await call("--model", model.url, "--say", "Hallo")
    assert result.exit_code == 1
    assert "has not ended its turn after 6 answers" in result.stderr


async def test_the_commands_user_plays_the_agent(call: Call, receiver: Receiver) -> None:
    lines = [
        f"fn check_availability {json.dumps(SEARCH)}",
        "say Freitag um halb drei?",
        'fn book_appointment {"start": "{offer.1}", "customer_name": "Erika Mustermann"}',
        "hm", "fn", "fn book_appointment [", "say Ist gebucht.", "bye",
    ]  # fmt: skip
    result = await call("--by-hand", "--say", "Freitag?", "--say", "Ja, Erika Mustermann", input="\n".join(lines))
    assert result.exit_code == 0, result.output
    ((_, body),) = receiver.at("/book_appointment")
    assert json.loads(body)["args"] == BOOKING
    assert "fn check_availability: " in result.stdout, "the functions are shown"
    assert "'hm' is not understood." in result.stdout
    assert "are no JSON" in result.stdout
    assert "fn is followed by the name of a function" in result.stdout
    said = [line for line in result.stdout.splitlines() if line.startswith(("said ", "heard "))]
    assert [line[9:] for line in said[1:]] == [
        "Freitag?",
        "Freitag um halb drei?",
        "Ja, Erika Mustermann",
        "Ist gebucht.",
    ]
