"""Salons whose web process answers call functions, and calls with a transcript."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from askproai_core.tenant_config import Function, decode
from askproai_core.tenant_config.config import RateLimits
from tests.worlds.compiled_salon import compile_example
from tests.worlds.databases import Database
from tests.worlds.spoken_calls import SpokenCall, empty_book, open_spoken_salon
from tests.worlds.tenant_pod import TenantPod, open_pod, running_web
from tests.worlds.waiting import eventually

BRANCHES = (("mitte", "anna", 1), ("mitte", "mehmet", 1), ("pankow", "clara", 1), ("potsdam", "david", 1))


@pytest.fixture(scope="module")
async def salon(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TenantPod]:
    """Yield the pod of a tenant with `examples/salon.yaml`, for the tests of a module. Its worker does not run."""
    people = [("mitte", "anna", 1), ("mitte", "mehmet", 1)]
    async with open_pod(module_database, tmp_path_factory.mktemp("salon"), "salon", people) as pod:
        resources, tenant = pod.store.resources, pod.store.tenant
        pod.write_config(
            compile_example("salon.yaml", resource_ids=resources, tenant=tenant, path_prefix="/salon/salon")
        )
        async with running_web(pod, worker_port=9):
            yield pod


@pytest.fixture(scope="module")
async def spoken_salon(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TenantPod]:
    """Yield the pod of a salon with three services, for the calls of a module."""
    async with open_spoken_salon(module_database, tmp_path_factory.mktemp("spoken")) as pod:
        yield pod


@pytest.fixture(scope="module")
async def chain(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TenantPod]:
    """Yield the pod of a hotline for three branches, which admits any number of requests."""
    async with open_pod(module_database, tmp_path_factory.mktemp("chain"), "haarwerk", BRANCHES) as pod:
        config = compile_example("hotline.yaml", resource_ids=pod.store.resources, tenant=pod.store.tenant)
        functions = tuple(each for each in Function if each is not Function.TRANSFER_TO_HUMAN)
        agents = tuple(replace(each, functions=functions) for each in config.agents)
        limits = RateLimits(webhooks_per_second=0, functions_per_second=0)
        pod.write_config(replace(config, agents=agents, rate_limits=limits))
        async with running_web(pod, worker_port=9):
            yield pod


@pytest.fixture(autouse=True)
async def fresh_pods(request: pytest.FixtureRequest) -> None:
    """Empty the books of the module's pods, and wait for their config: whether other tests have run must not change an answer."""
    for pod in list(request.node.funcargs.values()):
        if isinstance(pod, TenantPod):
            await empty_book(pod)
            config = decode((pod.folder / "tenant.json").read_text())
            await eventually(lambda pod=pod, config=config: pod.web._functions.config.current == config)


@pytest.fixture
def call(spoken_salon: TenantPod) -> SpokenCall:
    """Return a call with a transcript."""
    return SpokenCall(spoken_salon)
