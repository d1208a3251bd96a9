"""A hijacked tenant and its victim, in a database of the test's own."""

from collections.abc import AsyncIterator

import pytest

from askproai_sandbox.databases import Database
from tests.worlds.hijacked_tenant import HijackedTenant, open_hijacked_tenant


@pytest.fixture
async def env(database: Database) -> AsyncIterator[HijackedTenant]:
    async with open_hijacked_tenant(database) as opened:
        yield opened
