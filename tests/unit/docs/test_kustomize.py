"""The example for Kustomize: both overlays render, pass `askproai lint`, and differ as docs/gitops.md says."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from askproai_cli.main import app
from tests.worlds.tools import find_program

EXAMPLE = Path(__file__).parents[3] / "examples/kustomize"
OVERLAYS = {"stage": "salon-hafen-stage", "production": "salon-hafen"}


@cache
def render(overlay: str) -> str:
    """Return what `kubectl kustomize` prints."""
    command = [find_program("kubectl"), "kustomize", str(EXAMPLE / overlay)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def objects(overlay: str) -> dict[str, dict[str, Any]]:
    return {each["kind"]: each for each in yaml.safe_load_all(render(overlay))}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlay_passes_lint_with_warnings_as_failures(overlay: str) -> None:
    result = CliRunner().invoke(app, ["lint", "--strict", "-"], input=render(overlay))
    assert result.exit_code == 0, result.output
    assert "5 manifests" in result.output


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_all_objects_of_overlays_are_in_their_namespace(overlay: str) -> None:
    namespace, *tenants = [
        objects(overlay).pop("Namespace"),
        *(o for k, o in objects(overlay).items() if k != "Namespace"),
    ]
    assert namespace["metadata"]["name"] == OVERLAYS[overlay]
    assert {each["metadata"]["namespace"] for each in tenants} == {OVERLAYS[overlay]}
    assert {each["kind"] for each in tenants} == {"Tenant", "Branch", "ServiceOffering", "RetellAgent"}


def test_stage_reaches_nothing_that_production_has() -> None:
    stage, production = objects("stage"), objects("production")
    numbers = [
        [each["number"] for each in overlay["Branch"]["spec"]["phoneNumbers"]] for overlay in (stage, production)
    ]
    assert len(numbers[0]) == len(numbers[1]) == 1
    assert numbers[0] != numbers[1]
    assert stage["Tenant"]["spec"]["calendar"] == {"provider": "Local"}
    assert "calcom" not in stage["ServiceOffering"]["spec"]


def test_overlays_share_the_bases_unpatched_fields() -> None:
    stage, production = objects("stage"), objects("production")
    assert stage["Branch"]["spec"]["staff"] == production["Branch"]["spec"]["staff"]
    assert production["Tenant"]["spec"]["calendar"]["provider"] == "Calcom"
    assert production["Tenant"]["spec"]["runtime"]["web"]["minReplicas"] == 2
    assert {each["staff"] for each in production["ServiceOffering"]["spec"]["calcom"]["eventTypes"]} == {"lina", "juri"}
    assert (
        production["RetellAgent"]["spec"]["llm"]
        == yaml.safe_load((EXAMPLE / "base/agent.yaml").read_text())["spec"]["llm"]
    )
