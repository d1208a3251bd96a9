"""The chart, installed once for the run, and its operator's account."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from askproai_sandbox.cluster import ControlPlane, KubeClient
from tests.worlds.chart_render import SYSTEM, rendered
from tests.worlds.tools import find_program

EVERYTHING = ("redis.existingSecret=r", "networkPolicy.enabled=true", "settings.sharedBaseUrl=https://v.example")


@pytest.fixture(scope="session")
async def installed(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Apply the chart as rendered, strictly: a field that the API server does not know is refused."""
    manifest = tmp_path_factory.mktemp("chart") / "all.yaml"
    manifest.write_text(await asyncio.to_thread(rendered, find_program("helm"), EVERYTHING, SYSTEM), "utf-8")
    await control_plane.kubectl("create", "namespace", SYSTEM)
    await control_plane.kubectl("apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", str(manifest))
    return manifest


@pytest.fixture(scope="session")
async def operators_kubeconfig(control_plane: ControlPlane, installed: Path) -> Path:
    """The kubeconfig of a client that is the operator's service account."""
    token = await control_plane.kubectl("create", "token", "askproai-operator", "-n", SYSTEM, "--duration=3h")
    config = yaml.safe_load(control_plane.kubeconfig.read_text("utf-8"))
    config["users"][0]["user"] = {"token": token.strip()}
    file = installed.with_name("kubeconfig")
    file.write_text(yaml.safe_dump(config), "utf-8")
    return file


@pytest.fixture(scope="session")
async def operators_client(operators_kubeconfig: Path) -> AsyncIterator[KubeClient]:
    async with KubeClient(operators_kubeconfig) as client:
        yield client
