"""The coordinator's context over all tenants of a database, without and with Redis."""

from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import asyncpg
import pytest

from askproai_core.database import open_pool
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.coordinator_environment import (
    PASSWORD,
    CoordinatorEnvironment,
    LeaseTerm,
    coordinator_context,
    coordinator_url,
)
from tests.worlds.databases import Database


@pytest.fixture
async def env(emptied_database: Database) -> AsyncIterator[CoordinatorEnvironment]:
    """Yield an environment without Redis. No other test's tenants are there, because the coordinator reads the rows of all."""
    database = emptied_database
    await database.admin.ensure_coordinator(PASSWORD)
    term, dsn = LeaseTerm(), database.admin.coordinator_dsn(PASSWORD)
    superuser = await asyncpg.connect(database.superuser_dsn)
    async with open_pool(dsn, max_size=2) as pool, aiohttp.ClientSession() as session:
        yield CoordinatorEnvironment(database, coordinator_context(pool, session, None, term), superuser, term)
    await superuser.close()


@pytest.fixture
async def env_with_redis(
    env: CoordinatorEnvironment, own_valkey: EmbeddedRedis
) -> AsyncIterator[CoordinatorEnvironment]:
    """Yield the same environment with a Valkey of the test's own."""
    url = await coordinator_url(own_valkey)
    context = coordinator_context(env.context.pool, env.context.session, url, env.term)
    yield replace(env, context=context)
    await context.redis._shared.close()
