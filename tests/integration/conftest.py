"""A real API server for the run, a namespace for each test, and a tenant's pod with a real PostgreSQL."""

import sys
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from askproai_operator import resources
from askproai_sandbox.cluster import ApiError, Child, ControlPlane, KubeClient, free_port, spawn
from askproai_sandbox.postgres import EmbeddedPostgres
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.databases import Database, fresh_database
from tests.worlds.operator_environment import RunningOperator, running_operator
from tests.worlds.tenant_pod import TenantPod, open_pod, running_web, running_worker
from tests.worlds.tenant_rows import delete_tenants
from tests.worlds.waiting import SOON, eventually

_NOT_FOUND, _CONFLICT = 404, 409


async def release_deleted_namespaces(client: KubeClient) -> None:
    """Remove the finalizers from all objects in namespaces that are being deleted.

    Their operator has ended. While finalizers remain, the cluster tries to empty each namespace three times a second, with a
    request for each kind: dozens of them take a core from the tests that follow.
    """
    namespaces = (await client.get("/api/v1/namespaces"))["items"]
    deleted = {each["metadata"]["name"] for each in namespaces if each["metadata"].get("deletionTimestamp")}
    if not deleted:
        return
    for resource in (*resources.CUSTOM, resources.SECRETS):
        for item in (await client.get(resource.path()))["items"]:
            metadata = item["metadata"]
            if metadata["namespace"] not in deleted or not metadata.get("finalizers"):
                continue
            try:
                path = resource.path(metadata["namespace"], metadata["name"])
                await client.merge(path, {"metadata": {"finalizers": None}})
            except ApiError as error:
                if error.status not in {_NOT_FOUND, _CONFLICT}:
                    raise


CRDS = Path(__file__).parents[2] / "crds"
CLIENT_OF_CRDS = pytest.StashKey[KubeClient]()  # there as soon as the cluster of this run serves the custom resources
COSTS = {
    "control_plane": pytest.mark.control_plane,
    "pod_runner": pytest.mark.processes,
    "entrance_url": pytest.mark.processes,
    "start_coordinator": pytest.mark.processes,
    "start_operator": pytest.mark.processes,
}


# The rows of one dialogue say the same in other words: three of each table run by day, the others at night.
ROWS_BY_DAY = 3
TABLES_OF_DIALOGUES = ("tests/integration/booking/", "tests/integration/calls/")


@pytest.hookimpl(tryfirst=True)  # before `-m` deselects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the cost of their fixtures, so that `-m "not processes and not control_plane"` selects the quick ones, and
    the rows of dialogues that run at night.
    """
    tables: defaultdict[str, list[pytest.Function]] = defaultdict(list)
    for item in items:
        if isinstance(item, pytest.Function) and item.nodeid.startswith(TABLES_OF_DIALOGUES):
            tables[item.nodeid.partition("[")[0]].append(item)
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in COSTS:
                item.add_marker(COSTS[fixture])
    for rows in tables.values():
        ordered = sorted(
            rows, key=lambda each: sorted(each.callspec.indices.items()) if hasattr(each, "callspec") else []
        )
        by_day = {round(at * (len(rows) - 1) / (ROWS_BY_DAY - 1)) for at in range(ROWS_BY_DAY)}
        for at, row in enumerate(ordered):
            if at not in by_day:
                row.add_marker(pytest.mark.nightly)


@pytest.fixture(scope="session")
async def _emptied_database(postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    async with fresh_database(postgres) as fresh:
        yield fresh


@pytest.fixture
async def emptied_database(_emptied_database: Database) -> Database:
    """A prepared database without tenants for one test, which must not change its schema: the next test gets it, too.

    It is there in a tenth of the time of a fresh `database`.
    """
    await delete_tenants(_emptied_database)
    return _emptied_database


@pytest.fixture(scope="session")
async def control_plane(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ControlPlane]:
    async with ControlPlane(tmp_path_factory.mktemp("plane")) as plane:
        yield plane


@pytest.fixture(scope="session")
async def kube_client(
    control_plane: ControlPlane, record_testsuite_property: Callable[[str, object], None]
) -> AsyncIterator[KubeClient]:
    async with KubeClient(control_plane.kubeconfig) as client:
        record_testsuite_property("kubernetes", (await client.get("/version"))["gitVersion"].removeprefix("v"))
        yield client


@pytest.fixture(scope="module", autouse=True)
async def namespaces_end_with_their_module(pytestconfig: pytest.Config) -> AsyncIterator[None]:
    """Let the cluster delete what a module's tests have asked it to, also if its operator has ended before."""
    yield
    if client := pytestconfig.stash.get(CLIENT_OF_CRDS, None):
        await release_deleted_namespaces(client)


@pytest.fixture
async def kube_namespace(kube_client: KubeClient) -> AsyncIterator[str]:
    """The name of a fresh namespace. Its deletion is asked for, not waited for."""
    name = f"t-{uuid.uuid4().hex[:8]}"
    await kube_client.create("/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": name}})
    yield name
    await kube_client.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="session")
async def crds(control_plane: ControlPlane, kube_client: KubeClient, pytestconfig: pytest.Config) -> None:
    """Apply `crds/` and wait until all kinds are served."""
    await control_plane.kubectl("apply", "--server-side", "-f", str(CRDS))
    await control_plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(CRDS))

    async def served() -> bool:
        try:
            for resource in resources.CUSTOM:
                await kube_client.get(resource.path())
        except ApiError as error:
            if error.status not in {404, 429}:  # not known yet; "storage is (re)initializing"
                raise
            return False
        return True

    await eventually(served, SOON, "the custom resources")
    pytestconfig.stash[CLIENT_OF_CRDS] = kube_client


@pytest.fixture(scope="module")
async def operator(
    control_plane: ControlPlane, crds: None, module_database: Database, valkey: EmbeddedRedis
) -> AsyncIterator[RunningOperator]:
    """One operator for the tests of a module."""
    async with running_operator(control_plane, module_database, valkey) as running:
        # the remains of other modules are at simulators that have ended, and each try would delay this module's
        for secret in await running.context.kube.list(resources.SECRETS, "default", "askproai.de/leftover"):
            await running.context.kube.delete(resources.SECRETS, "default", secret["metadata"]["name"])
        yield running


@pytest.fixture(scope="session")
def pod_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the pod runner writes `pods.json` and the logs."""
    return tmp_path_factory.mktemp("runner")


@pytest.fixture(scope="session")
async def pod_runner(control_plane: ControlPlane, kube_client: KubeClient, pod_folder: Path) -> AsyncIterator[Child]:
    """A node whose pods are processes of this machine."""
    command = [sys.executable, "-m", "askproai_sandbox.pods", "--kubeconfig", control_plane.kubeconfig]
    child = await spawn("runner", [*command, "--directory", pod_folder, "--node", "local"], directory=pod_folder)

    async def registered() -> bool:
        return bool((await kube_client.get("/api/v1/nodes"))["items"])

    await eventually(registered, SOON, "the Node")
    yield child
    await child.stop()


@pytest.fixture(scope="session")
async def entrance_url(control_plane: ControlPlane, pod_folder: Path) -> AsyncIterator[str]:
    """The local entrance's base URL; a tenant is served at `/<namespace>/<tenant>` below it."""
    port = free_port()
    command = [sys.executable, "-m", "askproai_sandbox.ingress_proxy", "--kubeconfig", control_plane.kubeconfig]
    child = await spawn("entrance", [*command, "--port", str(port)], directory=pod_folder)
    await eventually(lambda: b"entrance.ready" in child.log.read_bytes(), SOON, "the entrance")
    yield f"http://127.0.0.1:{port}"
    await child.stop()


@pytest.fixture(scope="module")
async def pod(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TenantPod]:
    """A tenant's pod for the tests of one module. Both containers run."""
    async with open_pod(module_database, tmp_path_factory.mktemp("pod"), "salon") as opened:
        async with running_worker(opened) as port, running_web(opened, worker_port=port):
            yield opened


@pytest.fixture
async def web_pod(emptied_database: Database, tmp_path: Path) -> AsyncIterator[TenantPod]:
    """A tenant's pod for one test. Its web container runs and its worker does not."""
    async with open_pod(emptied_database, tmp_path, "salon") as opened:
        async with running_web(opened, worker_port=9):
            yield opened


@pytest.fixture(scope="module")
async def shared_web_pod(module_database: Database, tmp_path_factory) -> AsyncIterator[TenantPod]:
    """A tenant's pod for the tests of one module. Its web container runs and its worker does not."""
    async with open_pod(module_database, tmp_path_factory.mktemp("web"), "webonly") as opened:
        async with running_web(opened, worker_port=9):
            yield opened


@pytest.fixture
async def stopped_pod(emptied_database: Database, tmp_path: Path) -> AsyncIterator[TenantPod]:
    """A tenant's pod for one test, which starts its containers itself."""
    async with open_pod(emptied_database, tmp_path, "salon") as opened:
        yield opened
