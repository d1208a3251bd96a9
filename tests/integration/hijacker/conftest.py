"""A hijacked tenant and its victim, in a database of the test's own."""

from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest

from askproai_core.database import open_pool
from askproai_sandbox.databases import Database
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.coordinator_environment import (
    PASSWORD,
    CoordinatorEnvironment,
    LeaseTerm,
    coordinator_context,
    coordinator_url,
)
from tests.worlds.hijacked_tenant import HijackedTenant, open_hijacked_tenant


@pytest.fixture
async def env(database: Database) -> AsyncIterator[HijackedTenant]:
    async with open_hijacked_tenant(database) as opened:
        yield opened


@pytest.fixture
async def coordinator(env: HijackedTenant) -> AsyncIterator[CoordinatorEnvironment]:
    """The coordinator over both tenants, without Redis."""
    await env.database.admin.ensure_coordinator(PASSWORD)
    term, dsn = LeaseTerm(), env.database.admin.coordinator_dsn(PASSWORD)
    async with open_pool(dsn, max_size=2) as pool, aiohttp.ClientSession() as session:
        yield CoordinatorEnvironment(env.database, coordinator_context(pool, session, None, term), env.superuser, term)


@pytest.fixture
async def coordinator_with_redis(
    coordinator: CoordinatorEnvironment, own_valkey: EmbeddedRedis
) -> AsyncIterator[CoordinatorEnvironment]:
    """The same with a Valkey of the test's own."""
    url, old = await coordinator_url(own_valkey), coordinator.context
    context = coordinator_context(old.pool, old.session, url, coordinator.term)
    yield replace(coordinator, context=context)
    await context.redis._shared.close()
