"""`helm upgrade --wait` with one operator, by Helm 3 and 4 at a real API server: it fails while the new pod is not ready.

No kubelet runs here. To Helm a pod that nobody reports as ready is like a crash loop.
"""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from askproai_sandbox.cluster import ApiError, ControlPlane, KubeClient
from tests.worlds.chart_render import CHART
from tests.worlds.tools import find_built, find_program
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

_KEPT = {"_helpers.tpl", "operator-deployment.yaml", "serviceaccounts.yaml"}  # all other objects belong to no namespace
READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-20T08:00:00Z"}


class Release:
    """A release of the operator alone, in a namespace of its own."""

    def __init__(
        self, program: str, chart: Path, control_plane: ControlPlane, client: KubeClient, namespace: str
    ) -> None:
        self._program, self._chart, self._kubeconfig, self._client = program, chart, control_plane.kubeconfig, client
        self._namespace, self._pods = namespace, f"/api/v1/namespaces/{namespace}/pods"

    async def helm(self, verb: str, note: str, *options: str) -> tuple[int, str]:
        """Install or upgrade with another pod template; return exit code and output."""
        values = ("operator.replicas=1", "operator.nodeSelector.none=such", f"operator.podAnnotations.note={note}")
        where = ("--kubeconfig", str(self._kubeconfig), "--namespace", self._namespace)
        settings = [option for value in values for option in ("--set", value)]
        process = await asyncio.create_subprocess_exec(
            self._program, verb, "release", self._chart, *where, *settings, *options,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    async def run_pods(self, note: str) -> None:
        """Report the pods of a template as ready, as a kubelet would, once there are any."""

        async def is_ready() -> bool:
            pods = [
                pod["metadata"]["name"]
                for pod in (await self._client.get(self._pods))["items"]
                if pod["metadata"].get("annotations", {}).get("note") == note
            ]
            for name in pods:
                with suppress(ApiError):
                    body = {"status": {"phase": "Running", "conditions": [READY]}}
                    await self._client.merge(f"{self._pods}/{name}/status", body)
            return bool(pods)

        await eventually(is_ready, SOON, f"the pod of {note}")

    async def is_available(self) -> bool:
        path = f"/apis/apps/v1/namespaces/{self._namespace}/deployments/askproai-operator"
        return (await self._client.get(path))["status"].get("availableReplicas") == 1


@pytest.fixture(params=[find_built, find_program], ids=["Helm 3", "Helm 4"])
def release(
    request: pytest.FixtureRequest,
    control_plane: ControlPlane,
    kube_client: KubeClient,
    kube_namespace: str,
    tmp_path: Path,
) -> Release:
    chart = tmp_path / "askproai"
    shutil.copytree(CHART, chart)
    for each in (chart / "templates").iterdir():
        if each.is_dir():
            shutil.rmtree(each)
        elif each.name not in _KEPT:
            each.unlink()
    return Release(request.param("helm"), chart, control_plane, kube_client, kube_namespace)


async def test_an_upgrade_waits_for_the_only_new_pod(release: Release) -> None:
    code, output = await release.helm("install", "first")
    assert code == 0, output
    await release.run_pods("first")
    await eventually(release.is_available, SOON, "the first pod to be available")
    code, output = await release.helm("upgrade", "broken", "--wait", "--timeout", "5s")
    assert code != 0, output
    assert "deadline exceeded" in output
    assert await release.is_available(), "the former pod goes on"
    upgrade = asyncio.create_task(release.helm("upgrade", "sound", "--wait", "--timeout", f"{SOON:g}s"))
    await release.run_pods("sound")
    code, output = await upgrade
    assert code == 0, output
