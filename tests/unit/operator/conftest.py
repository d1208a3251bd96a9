"""The environment of the grants' tests."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from tests.worlds.clock import FixedClock
from tests.worlds.grant_environment import GrantEnvironment
from tests.worlds.memory_api_server import MemoryApiServer, serve_api


@pytest.fixture
async def env() -> AsyncIterator[GrantEnvironment]:
    clock = FixedClock(datetime(2026, 11, 20, 9, tzinfo=UTC))
    api = MemoryApiServer(clock.now)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serve_api(api))
        environment = GrantEnvironment(api, clock, url, stack, None, None)  # type: ignore[arg-type]
        await environment.restart()
        yield environment
