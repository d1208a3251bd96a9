"""An engine without controllers for each test, in a namespace of its own."""

from collections.abc import AsyncIterator

import pytest

from askproai_sandbox.cluster import ControlPlane
from tests.worlds.engine_environment import EngineEnvironment, open_engine_environment


@pytest.fixture
async def env(control_plane: ControlPlane, kube_namespace: str, crds: None) -> AsyncIterator[EngineEnvironment]:
    async with open_engine_environment(control_plane, kube_namespace) as opened:
        yield opened


@pytest.fixture
async def restarted(control_plane: ControlPlane, env: EngineEnvironment) -> AsyncIterator[EngineEnvironment]:
    """A second process in the namespace of the first, with an empty cache."""
    async with open_engine_environment(control_plane, env.namespace) as opened:
        yield opened
