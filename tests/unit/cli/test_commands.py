"""Every command has help with an example, JSON for programs, and exit codes that say whose mistake it was."""

import asyncio
import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer
from aiohttp import web
from aiohttp.test_utils import TestServer
from typer.testing import CliRunner

from askproai_cli.cluster import explain_kubectl
from askproai_cli.main import app
from askproai_operator.main import cli as operator
from askproai_runtime.commands import app as runtime
from askproai_sandbox.demo import State
from tests.unit.cli.conftest import PrivatePort
from tests.worlds.rows import each_row

# These run until they are ended, or show a scenario; they print no result.
WITHOUT_RESULT = {"web", "worker", "coordinator", "shadow", "run", "retell", "calcom", "demo"}


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{path} {name}")


ALL = dict(
    named
    for program, name in ((app, "askproai"), (runtime, "askproai-runtime"), (operator, "askproai-operator"))
    for named in commands(typer.main.get_command(program), name)
)


@each_row("path", ALL)
def test_every_command_has_help_with_an_example(path: str) -> None:
    _, marker, example = f"{ALL[path].help}\n{ALL[path].epilog}".partition("Example: ")
    assert marker
    assert path.partition(" ")[0] in example


WITH_RESULT = [
    path for path, command in ALL.items() if not hasattr(command, "commands") and command.name not in WITHOUT_RESULT
]


@each_row("path", WITH_RESULT)
def test_every_command_with_a_result_can_print_json(path: str) -> None:
    assert any({"-o", "--output"} <= set(parameter.opts) for parameter in ALL[path].params)


async def test_refused_token_names_its_secret(port: PrivatePort) -> None:
    async def refuse(_request: web.Request) -> web.Response:
        return web.json_response({"title": "Unauthorized", "detail": "-"}, status=401)

    port.answers = {"circuits": refuse}
    result = await port.run("circuits", "list")
    assert result.exit_code == 1
    assert "kubectl get secret mueller-admin -n salon" in result.stderr


async def test_number_in_any_spelling_is_called_or_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(request: web.Request) -> web.Response:
        rung.append(await request.json())
        return web.json_response({"error": "nobody has the number; there is: +49301234567"}, status=400)

    rung: list[dict[str, Any]] = []
    retell = web.Application()
    retell.router.add_post("/_sim/calls", play)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".demo").mkdir()
    async with TestServer(retell) as server:
        (tmp_path / ".demo/state.json").write_text(State("", str(server.make_url("")).rstrip("/"), "", "", "").text())
        for spelling in ("030 1234567", "+49 (0)30 1234567", "0049301234567"):
            arguments = ["call", "--to", spelling, "--say", "Hallo", "--from", "0151 12345678"]
            result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
            assert result.exit_code == 1
            assert result.stderr == "the call failed: nobody has the number; there is: +49301234567\n"
    assert {(call["to_number"], call["from_number"]) for call in rung} == {("+49301234567", "+4915112345678")}


@pytest.mark.parametrize("numbers", [["--to", "abc"], ["--to", "030 1234567", "--from", "abc"]])
def test_text_that_is_no_phone_number_is_misuse(numbers: list[str]) -> None:
    result = CliRunner().invoke(app, ["call", *numbers, "--say", "Hallo"])
    assert result.exit_code == 2
    assert "is not a phone number" in result.stderr


def test_the_version_is_that_of_the_distribution() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"askproai {version('askproai')}\n")


def test_help_lists_all_commands_in_groups() -> None:
    listed = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    panels = list(dict.fromkeys(command.rich_help_panel for command in listed.values()))
    assert panels == ["Manifests", "The platform", "A tenant", "This machine"]
    assert [*listed][:2] == ["lint", "plan"]


@pytest.mark.parametrize(
    ("phrase", "line", "code"),
    [
        ("nächsten Dienstag um halb drei", "Tue 24 Nov 2026 14:30 CET  Dienstag, 24. November 2026, 14:30 Uhr\n", 0),
        ("morgen", "Sat 21 Nov 2026  Samstag, 21. November 2026\n", 0),
        ("Blub", "", 1),
        ("gestern", "", 1),
    ],
)
def test_when_command_shows_a_time_or_fails(phrase: str, line: str, code: int) -> None:
    result = CliRunner().invoke(app, ["when", phrase, "--at", "2026-11-20T10:00"])
    assert (result.stdout, result.exit_code) == (line, code)
    assert bool(result.stderr) is bool(code)
    as_json = CliRunner().invoke(app, ["when", phrase, "--at", "2026-11-20T10:00", "-o", "json"])
    assert as_json.exit_code == code
    assert bool(json.loads(as_json.stdout)["refused"]) is bool(code)


def test_phrase_is_shown_as_english_agents_understand_it() -> None:
    result = CliRunner().invoke(
        app, ["when", "next Tuesday at half past two", "--at", "2026-11-20T10:00", "--language", "en"]
    )
    line = "Tue 24 Nov 2026 14:30 CET  Tuesday, 24 November 2026, 2:30 pm\n"
    assert (result.stdout, result.exit_code) == (line, 0)


async def test_unreadable_value_is_misuse_and_refusal_a_failure(port: PrivatePort) -> None:
    async def refuse(request: web.Request) -> web.Response:
        status = 400 if "status" in request.query else 409
        return web.json_response({"title": "No", "detail": "status is one of: dead"}, status=status)

    port.answers = {"events": refuse}
    misused = await port.run("events", "list", "--status", "foo")
    failed = await port.run("events", "list")
    assert (misused.exit_code, failed.exit_code) == (2, 1)
    assert "status is one of" in misused.output


def test_demo_cannot_be_both_kept_and_ended() -> None:
    assert CliRunner().invoke(app, ["demo", "--down", "--keep"]).exit_code == 2


def test_call_to_an_ended_demo_fails_with_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".demo").mkdir()
    (tmp_path / ".demo/state.json").write_text(State("", "http://127.0.0.1:9", "", "", "").text())
    result = CliRunner().invoke(app, ["call", "--to", "+49301234567", "--say", "Hallo"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the call failed: the simulated Retell at http://127.0.0.1:9 does not answer" in result.stderr


@pytest.mark.parametrize("part", ["kind: Tenan\nmetadata: {name: a}", "kind: Tenant", "kind: Tenant\nmetadata: []"])
def test_plan_names_manifest_without_kind_or_name(part: str) -> None:
    result = CliRunner().invoke(app, ["plan", "-"], input=f"apiVersion: askproai.de/v1alpha1\n{part}\n")
    assert result.exit_code == 2
    assert "<stdin>:1: a manifest needs metadata.name" in result.stderr


def test_plan_without_its_kubeconfig_fails_with_message(tmp_path: Path) -> None:
    manifest = "{apiVersion: askproai.de/v1alpha1, kind: Tenant, metadata: {name: a}}"
    result = CliRunner().invoke(app, ["plan", "-", "--kubeconfig", str(tmp_path / "none")], input=manifest)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no cluster to compare with" in result.stderr
    assert (
        "give --kubeconfig FILE, or set KUBECONFIG; `askproai lint` checks manifests without a cluster" in result.stderr
    )


@pytest.mark.parametrize("command", ["sandbox faults", "sandbox faults retell", "call --to +49301234567 --say Hallo"])
def test_command_without_a_demo_explains_its_start(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("askproai_cli.demo_state.find_demo", lambda: None)
    result = CliRunner().invoke(app, command.split())
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "no demo is running on this machine: start one with `askproai demo --keep`\n"


def test_faults_command_without_demo_says_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {"retellUrl": "http://127.0.0.1:9", "calcomUrl": "http://127.0.0.1:9"}
    monkeypatch.setattr("askproai_cli.demo_state.find_demo", lambda: gone)
    result = CliRunner().invoke(app, ["sandbox", "faults"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("the simulators do not answer; start `askproai demo --keep` again (")


def test_both_simulators_run_side_by_side_by_default() -> None:
    ports = [ALL[f"askproai sandbox {name}"].params[0].default for name in ("retell", "calcom")]
    assert len(set(ports)) == 2


def test_kubectl_without_context_explains_how_to_choose_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    kubectl = "The connection to the server localhost:8080 was refused - did you specify the right host or port?"
    said = explain_kubectl(kubectl)
    assert said.startswith("no kubeconfig chooses a cluster: set KUBECONFIG")
    assert "start a demo with `askproai demo --keep`, or give --url" in said
