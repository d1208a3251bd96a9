"""One operator for the tests of a module, and a namespace for each test."""

from collections.abc import AsyncIterator

import pytest

from askproai_sandbox.cluster import ControlPlane, KubeClient
from askproai_sandbox.databases import Database
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.operator_environment import RunningOperator, TenantNamespace, create_namespace, running_operator


@pytest.fixture(scope="module")
async def operator(
    control_plane: ControlPlane, crds: None, module_database: Database, valkey: EmbeddedRedis
) -> AsyncIterator[RunningOperator]:
    async with running_operator(control_plane, module_database, valkey) as running:
        yield running


@pytest.fixture
async def namespace(operator: RunningOperator, kube_client: KubeClient) -> AsyncIterator[TenantNamespace]:
    created = await create_namespace(operator, kube_client)
    yield created
    await kube_client.delete(f"/api/v1/namespaces/{created.name}")


@pytest.fixture
async def other_namespace(operator: RunningOperator, kube_client: KubeClient) -> AsyncIterator[TenantNamespace]:
    created = await create_namespace(operator, kube_client)
    yield created
    await kube_client.delete(f"/api/v1/namespaces/{created.name}")
