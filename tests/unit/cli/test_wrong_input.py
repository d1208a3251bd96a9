"""A mistyped command ends with a sentence that says what to write, never with a traceback."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from askproai_cli.cluster import explain_kubectl
from tests.unit.cli.conftest import PrivatePort
from tests.worlds.typed_commands import TENANT, run


@pytest.mark.parametrize(
    "content",
    [
        "a: [1\n b: 2", "current-context: gone", "current-context: a\ncontexts: [{name: a}]", "users: [1]\ncontexts: 7",
        "[1]",
    ],
)  # fmt: skip
def test_plan_names_an_unusable_kubeconfig(tmp_path: Path, content: str) -> None:
    (tmp_path / "config").write_text(content)
    result = run("plan", "-", "--kubeconfig", str(tmp_path / "config"), stdin=TENANT)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no cluster to compare with (the kubeconfig cannot be used" in result.stderr
    assert str(tmp_path / "config") in result.stderr


def test_unknown_kubectl_context_is_no_missing_tenant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("current-context: gone")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    said = explain_kubectl("error: Error in configuration: context was not found for specified context: gone")
    assert said == "the kubeconfig has no context gone: correct current-context, or use --context"


@pytest.mark.parametrize("command", ["lint", "plan"])
def test_unreadable_file_is_named_with_the_cause(tmp_path: Path, command: str) -> None:
    (tmp_path / "image.yaml").write_bytes(b"\xff\xfe\x00")
    for name, cause in (("none.yaml", "No such file or directory"), ("image.yaml", "it is no text in UTF-8")):
        result = run(command, str(tmp_path / name))
        assert (result.exit_code, result.stderr) == (2, f"{tmp_path / name}: cannot be read: {cause}\n")


async def test_age_is_understood_in_known_units_only(port: PrivatePort) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.query["since"])
        return web.json_response({"calls": []})

    port.answers = {"calls": answer}
    understood = await port.run("calls", "list", "--since", "2h")
    wrong = await port.run("calls", "list", "--since", "2y")
    assert (understood.exit_code, wrong.exit_code, len(asked)) == (0, 2, 1)
    assert asked[0].endswith("+00:00")
    assert "2y is no age such as 30m, 2h, 3d or 1w" in wrong.stderr


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--zone", "Mars/X", "Mars/X is no time zone such as Europe/Berlin"),
        ("--zone", "Europe", "Europe is no time zone such as Europe/Berlin"),
        ("--at", "gestern", "gestern is no ISO time such as 2026-11-20T10:00"),
    ],
)
def test_when_command_names_the_option_with_wrong_value(option: str, value: str, says: str) -> None:
    result = run("when", "Freitag", option, value)
    assert result.exit_code == 2
    assert f"Invalid value for {option}: {says}" in result.stderr


async def test_unknown_fault_name_lists_the_existing_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.method == "GET", "nothing is switched on"
        return web.json_response({"kinds": {"down": "503", "slow": "late"}, "active": []})

    simulator = web.Application()
    simulator.router.add_route("*", "/_sim/faults", answer)
    async with TestServer(simulator) as server:
        url = str(server.make_url("")).rstrip("/")
        monkeypatch.setattr("askproai_cli.demo_state.find_demo", lambda: {"retellUrl": url, "calcomUrl": url})
        result = await asyncio.to_thread(run, "sandbox", "faults", "retell", "dwon")
    assert result.exit_code == 2
    assert "retell has no fault dwon; it has: down, slow" in result.stderr
