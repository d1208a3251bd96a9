from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import asyncpg
import pytest
from coordinator_world import PASSWORD, Term, World, coordinator_context, coordinator_url

from askproai_core.database import open_pool
from askproai_sandbox.databases import Database
from askproai_sandbox.redis import EmbeddedRedis


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    """Yield a database of the test's own, because the coordinator reads the rows of all tenants; without Redis."""
    await database.admin.ensure_coordinator(PASSWORD)
    term, dsn = Term(), database.admin.coordinator_dsn(PASSWORD)
    superuser = await asyncpg.connect(database.superuser_dsn)
    async with open_pool(dsn, max_size=2) as pool, aiohttp.ClientSession() as session:
        yield World(database, coordinator_context(pool, session, None, term), superuser, term)
    await superuser.close()


@pytest.fixture
async def redis_world(world: World, own_valkey: EmbeddedRedis) -> AsyncIterator[World]:
    """Yield the same with a Valkey of the test's own."""
    url = await coordinator_url(own_valkey)
    context = coordinator_context(world.context.pool, world.context.session, url, world.term)
    yield replace(world, context=context)
    await context.redis._shared.close()
