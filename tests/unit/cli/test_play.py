"""`askproai play` of a folder plays what the demo can play, and names what it cannot."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from askproai_cli.main import app
from askproai_sandbox.call_scripts import Addresses, CallScript, PodsMissingError, ScriptError

SCRIPT = 'title: {tenant} calls\ntenant: {tenant}.{tenant}\nnumber: "+49301234567"\nsteps: [{{say: [Hallo], functions: [null]}}]\n'
REASON = "the demo has no tenant chain.chain. It has: salon.salon"


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return `askproai play FOLDER` on a demo that has the tenant salon.salon and not chain.chain."""

    async def play_script(script: CallScript, _addresses: Addresses, _show: Callable[[str], None]) -> list[str]:
        if script.tenant == "chain.chain":
            raise ScriptError(REASON)
        return []

    state: dict[str, Any] = {"kubeconfig": "", "retellUrl": "", "calcomUrl": "", "adminUrls": {}, "adminTokens": {}}
    monkeypatch.setattr("askproai_cli.demo_state.find_demo", lambda: state)
    monkeypatch.setattr("askproai_sandbox.call_scripts.play_script", play_script)
    for name in ("chain", "salon"):
        (tmp_path / f"{name}.yaml").write_text(SCRIPT.format(tenant=name), "utf-8")
    return lambda *options: CliRunner().invoke(app, ["play", str(tmp_path), *options])


def test_unplayable_call_does_not_prevent_other_calls(play: Callable[..., Any]) -> None:
    result = play()
    assert result.stderr == f"NOT PLAYED  {REASON}\n"
    assert "salon calls" in result.stdout
    assert result.stdout.endswith("\n1 played, 0 differ, 1 not played\n")
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("tenants", "refusal"),
    [
        (("salon.salon",), (ScriptError, "the demo has no tenant chain.chain. It has: salon.salon")),
        (("salon.salon", "chain.chain"), (PodsMissingError, "chain.chain has no pod that is ready")),
    ],
)
def test_unknown_tenant_differs_from_a_tenant_without_pods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tenants: tuple[str, ...], refusal: tuple[type[Exception], str]
) -> None:
    refused = list[Exception]()

    async def play_script(script: CallScript, addresses: Addresses, _show: Callable[[str], None]) -> list[str]:
        with pytest.raises(ScriptError) as error:
            addresses.admin(script.tenant)
        refused.append(error.value)
        return []

    state: dict[str, Any] = {"kubeconfig": "", "retellUrl": "", "calcomUrl": "", "adminUrls": {}, "adminTokens": {}}
    monkeypatch.setattr(
        "askproai_cli.demo_state.find_demo", lambda: {**state, "runtimeUrls": dict.fromkeys(tenants, "")}
    )
    monkeypatch.setattr("askproai_sandbox.call_scripts.play_script", play_script)
    (tmp_path / "chain.yaml").write_text(SCRIPT.format(tenant="chain"), "utf-8")
    assert CliRunner().invoke(app, ["play", str(tmp_path)]).exit_code == 0
    assert [(type(each), str(each)) for each in refused] == [refusal]


def test_json_output_lists_the_calls_not_played(play: Callable[..., Any]) -> None:
    result = play("-o", "json")
    answer = json.loads(result.stdout)
    assert [each["title"] for each in answer["played"]] == ["salon calls"]
    assert [(each["title"], each["reason"]) for each in answer["notPlayed"]] == [("chain calls", REASON)]
    assert result.exit_code == 1


def test_play_runs_no_script_beside_an_invalid_one(play: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("title: Wrong\n", "utf-8")
    result = play()
    assert "wrong.yaml" in result.stderr
    assert "salon calls" not in result.stdout
    assert result.exit_code == 1
