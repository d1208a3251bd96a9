"""What holds for every command (contract §6): help with an example, JSON for programs, exit codes that say who erred."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from aiohttp import web
from aiohttp.test_utils import TestServer
from typer.testing import CliRunner

from askproai_cli.main import app
from askproai_operator.main import cli as operator
from askproai_runtime.main import app as runtime
from askproai_sandbox.demo import State

# These run until they are ended, or show a story; they give no answer.
SERVE = {"web", "worker", "coordinator", "run", "sandbox", "demo"}


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, one in getattr(command, "commands", {}).items():
        yield from commands(one, f"{path} {name}")


ALL = dict(
    found
    for program, name in ((app, "askproai"), (runtime, "askproai-runtime"), (operator, "askproai-operator"))
    for found in commands(typer.main.get_command(program), name)
)


@pytest.mark.parametrize("path", ALL)
def test_every_command_tells_what_it_does_and_gives_an_example(path: str) -> None:
    _, example, told = f"{ALL[path].help}\n{ALL[path].epilog}".partition("Example: ")
    assert example
    assert path.partition(" ")[0] in told


ANSWER = [path for path, one in ALL.items() if not hasattr(one, "commands") and one.name not in SERVE]


@pytest.mark.parametrize("path", ANSWER)
def test_every_command_that_answers_gives_json_on_request(path: str) -> None:
    assert any({"-o", "--output"} <= set(one.opts) for one in ALL[path].params)


async def test_a_value_that_the_tenant_cannot_read_is_a_misuse_and_its_refusal_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(request: web.Request) -> web.Response:
        status = 400 if "status" in request.query else 409
        return web.json_response({"title": "No", "detail": "status is one of: dead"}, status=status)

    served = web.Application()
    served.router.add_get("/api/v1/events", refuse)
    monkeypatch.setenv("ASKPROAI_TOKEN", "t")
    async with TestServer(served) as server:
        events = ["events", "list", "-t", "a.b", "--url", str(server.make_url(""))]
        misused = await asyncio.to_thread(CliRunner().invoke, app, [*events, "--status", "foo"])
        failed = await asyncio.to_thread(CliRunner().invoke, app, events)
    assert (misused.exit_code, failed.exit_code) == (2, 1)
    assert "status is one of" in misused.output


def test_a_demo_is_kept_or_ended_but_not_both() -> None:
    assert CliRunner().invoke(app, ["demo", "--down", "--keep"]).exit_code == 2


def test_a_call_to_a_demo_that_is_gone_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".demo").mkdir()
    (tmp_path / ".demo/state.json").write_text(State("", "http://127.0.0.1:9", "", "", "").text())
    result = CliRunner().invoke(app, ["call", "--to", "+49301234567", "--say", "Hallo"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the call failed" in result.stderr


@pytest.mark.parametrize("part", ["kind: Tenan\nmetadata: {name: a}", "kind: Tenant", "kind: Tenant\nmetadata: []"])
def test_a_plan_says_which_manifest_cannot_be_asked_about(part: str) -> None:
    result = CliRunner().invoke(app, ["plan", "-"], input=f"apiVersion: askproai.de/v1alpha1\n{part}\n")
    assert result.exit_code == 2
    assert "<stdin>:1: a manifest needs metadata.name" in result.stderr


def test_a_plan_without_its_kubeconfig_says_so(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["plan", "-", "--kubeconfig", str(tmp_path / "none")], input="a: b")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the cluster cannot be asked" in result.stderr
