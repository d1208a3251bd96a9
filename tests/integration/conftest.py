"""A real API server for the whole run, a namespace for each test, and a tenant's pod over a real PostgreSQL."""

import sys
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.worlds.tenant_pod import TenantPod, open_pod, running_web, running_worker

from askproai_sandbox.cluster import Child, ControlPlane, KubeClient, eventually, free_port, spawn
from askproai_sandbox.databases import Database


@pytest.fixture(scope="session")
async def control_plane(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ControlPlane]:
    async with ControlPlane(tmp_path_factory.mktemp("plane")) as plane:
        yield plane


@pytest.fixture(scope="session")
async def kube_client(control_plane: ControlPlane) -> AsyncIterator[KubeClient]:
    async with KubeClient(control_plane.kubeconfig) as client:
        yield client


@pytest.fixture
async def kube_namespace(kube_client: KubeClient) -> AsyncIterator[str]:
    """The name of a fresh namespace. Its deletion is asked for, not waited for."""
    name = f"t-{uuid.uuid4().hex[:8]}"
    await kube_client.create("/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": name}})
    yield name
    await kube_client.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="session")
def pod_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pod runner keeps `pods.json` and the logs."""
    return tmp_path_factory.mktemp("runner")


@pytest.fixture(scope="session")
async def pod_runner(control_plane: ControlPlane, kube_client: KubeClient, pod_folder: Path) -> AsyncIterator[Child]:
    """Pods really run: as processes of this machine."""
    command = [sys.executable, "-m", "askproai_sandbox.pods", "--kubeconfig", control_plane.kubeconfig]
    child = await spawn("runner", [*command, "--directory", pod_folder, "--node", "local"], directory=pod_folder)

    async def registered() -> bool:
        return bool((await kube_client.get("/api/v1/nodes"))["items"])

    await eventually(registered, timedelta(seconds=15), "the Node")
    yield child
    await child.stop()


@pytest.fixture(scope="session")
async def entrance_url(control_plane: ControlPlane, pod_folder: Path) -> AsyncIterator[str]:
    """The local entrance's base URL; a tenant is at `/<namespace>/<tenant>` below it."""
    port = free_port()
    command = [sys.executable, "-m", "askproai_sandbox.ingress_proxy", "--kubeconfig", control_plane.kubeconfig]
    child = await spawn("entrance", [*command, "--port", str(port)], directory=pod_folder)
    await eventually(lambda: b"entrance.ready" in child.log.read_bytes(), timedelta(seconds=15), "the entrance")
    yield f"http://127.0.0.1:{port}"
    await child.stop()


@pytest.fixture(scope="module")
async def pod(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TenantPod]:
    """A tenant's pod for the tests of one module. Both containers run."""
    async with open_pod(module_database, tmp_path_factory.mktemp("pod"), "salon") as opened:
        async with running_worker(opened) as port, running_web(opened, worker_port=port):
            yield opened


@pytest.fixture
async def web_pod(database: Database, tmp_path: Path) -> AsyncIterator[TenantPod]:
    """A tenant's pod for one test. Its web container runs and its worker does not."""
    async with open_pod(database, tmp_path, "salon") as opened:
        async with running_web(opened, worker_port=9):
            yield opened


@pytest.fixture(scope="module")
async def shared_web_pod(
    module_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TenantPod]:
    """A tenant's pod for the tests of one module. Its web container runs and its worker does not."""
    async with open_pod(module_database, tmp_path_factory.mktemp("web"), "webonly") as opened:
        async with running_web(opened, worker_port=9):
            yield opened


@pytest.fixture
async def stopped_pod(database: Database, tmp_path: Path) -> AsyncIterator[TenantPod]:
    """A tenant's pod for one test, which starts its containers itself."""
    async with open_pod(database, tmp_path, "salon") as opened:
        yield opened
