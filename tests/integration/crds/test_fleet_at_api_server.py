"""`askproai tenants` at a real API server where no operator runs."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from askproai_cli.main import app
from askproai_sandbox.cluster import ControlPlane
from askproai_sandbox.example_tenant import EXAMPLES

pytestmark = pytest.mark.nightly


async def test_namespaces_tenants_are_listed_with_their_problems(
    control_plane: ControlPlane, crds: None, kube_namespace: str, tmp_path: Path
) -> None:
    file = tmp_path / "practice.yaml"
    text = (EXAMPLES / "second-tenant.yaml").read_text().replace("praxis-weber", kube_namespace)
    file.write_text(text)
    await control_plane.kubectl("apply", "-f", str(file))
    command = ["tenants", "-n", kube_namespace, "--kubeconfig", str(control_plane.kubeconfig)]

    def run(*options: str) -> str:
        result = CliRunner().invoke(app, [*command, *options])
        assert result.exit_code == 0, result.output
        return result.output

    shown = await asyncio.to_thread(run)
    assert f"{kube_namespace}.{kube_namespace}" in shown
    assert "NotReconciled" in shown
    assert shown.endswith("1 tenant: 1 failing, 0 over budget, 0 paused, suspended or being deleted, 0 good\n")
    (row,) = json.loads(await asyncio.to_thread(run, "--search", "WEBER", "--output", "json"))["tenants"]
    assert (row["severity"], row["display_name"]) == ("failing", "Praxis Dr. Weber")
    assert (await asyncio.to_thread(run, "--search", "salon")).startswith("no tenant matches\n")


async def test_a_cluster_that_does_not_answer_is_named(control_plane: ControlPlane, tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(control_plane.kubeconfig.read_text().replace("server: https://", "server: https://127.0.0.1:9/"))
    result = await asyncio.to_thread(CliRunner().invoke, app, ["tenants", "--kubeconfig", str(file)])
    assert result.exit_code == 1
    assert "cannot be asked" in result.output
