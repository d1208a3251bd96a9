"""What holds for every command: help with an example, JSON for programs, exit codes that say whose mistake it was."""

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

# These run until they are ended, or show a scenario; they print no result.
WITHOUT_RESULT = {"web", "worker", "coordinator", "run", "retell", "calcom", "demo"}


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{path} {name}")


ALL = dict(
    named
    for program, name in ((app, "askproai"), (runtime, "askproai-runtime"), (operator, "askproai-operator"))
    for named in commands(typer.main.get_command(program), name)
)


@pytest.mark.parametrize("path", ALL)
def test_every_command_has_a_help_text_with_an_example(path: str) -> None:
    _, marker, example = f"{ALL[path].help}\n{ALL[path].epilog}".partition("Example: ")
    assert marker
    assert path.partition(" ")[0] in example


WITH_RESULT = [
    path for path, command in ALL.items() if not hasattr(command, "commands") and command.name not in WITHOUT_RESULT
]


@pytest.mark.parametrize("path", WITH_RESULT)
def test_every_command_with_a_result_prints_json_on_request(path: str) -> None:
    assert any({"-o", "--output"} <= set(parameter.opts) for parameter in ALL[path].params)


async def test_a_value_that_the_tenant_cannot_read_is_misuse_and_a_refusal_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(request: web.Request) -> web.Response:
        status = 400 if "status" in request.query else 409
        return web.json_response({"title": "No", "detail": "status is one of: dead"}, status=status)

    api = web.Application()
    api.router.add_get("/api/v1/events", refuse)
    monkeypatch.setenv("ASKPROAI_TOKEN", "t")
    async with TestServer(api) as server:
        events = ["events", "list", "-t", "a.b", "--url", str(server.make_url(""))]
        misused = await asyncio.to_thread(CliRunner().invoke, app, [*events, "--status", "foo"])
        failed = await asyncio.to_thread(CliRunner().invoke, app, events)
    assert (misused.exit_code, failed.exit_code) == (2, 1)
    assert "status is one of" in misused.output


def test_a_demo_is_kept_or_ended_but_not_both() -> None:
    assert CliRunner().invoke(app, ["demo", "--down", "--keep"]).exit_code == 2


def test_a_call_to_a_demo_that_no_longer_runs_fails_with_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".demo").mkdir()
    (tmp_path / ".demo/state.json").write_text(State("", "http://127.0.0.1:9", "", "", "").text())
    result = CliRunner().invoke(app, ["call", "--to", "+49301234567", "--say", "Hallo"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the call failed" in result.stderr


@pytest.mark.parametrize("part", ["kind: Tenan\nmetadata: {name: a}", "kind: Tenant", "kind: Tenant\nmetadata: []"])
def test_a_plan_names_the_manifest_that_it_cannot_ask_about(part: str) -> None:
    result = CliRunner().invoke(app, ["plan", "-"], input=f"apiVersion: askproai.de/v1alpha1\n{part}\n")
    assert result.exit_code == 2
    assert "<stdin>:1: a manifest needs metadata.name" in result.stderr


def test_a_plan_without_its_kubeconfig_fails_with_a_message(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["plan", "-", "--kubeconfig", str(tmp_path / "none")], input="a: b")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the cluster cannot be asked" in result.stderr
