"""A namespace for each test, of one operator for the tests of a module; an agent for each test, at an API server in memory."""

from collections.abc import AsyncIterator, Iterator

import pytest

from askproai_sandbox.cluster import KubeClient
from tests.worlds.agent_environment import AgentEnvironment, open_agent_environment
from tests.worlds.operator_environment import RunningOperator, TenantNamespace, create_namespace


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


@pytest.fixture
def clear_faults(operator: RunningOperator) -> Iterator[None]:
    """End the faults of the providers with the test."""
    yield
    operator.end_faults()


@pytest.fixture
async def new_env() -> AsyncIterator[AgentEnvironment]:
    """An agent that was never reconciled."""
    async with open_agent_environment() as opened:
        yield opened


@pytest.fixture
async def env(new_env: AgentEnvironment) -> AgentEnvironment:
    """An agent that is published, and bound to its number."""
    await new_env.settle()
    return new_env
