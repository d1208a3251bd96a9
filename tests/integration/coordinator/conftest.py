from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import asyncpg
import pytest
from coordinator_world import PASSWORD, Term, World, coordinator_url, desk_of

from askproai_core.database import open_pool
from askproai_sandbox.databases import Database
from askproai_sandbox.redis import EmbeddedRedis


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    """A database of the test's own, because the coordinator looks at everything that there is; no Redis."""
    await database.admin.ensure_coordinator(PASSWORD)
    term, dsn = Term(), database.admin.coordinator_dsn(PASSWORD)
    su = await asyncpg.connect(database.superuser_dsn)
    async with open_pool(dsn, max_size=2) as pool, aiohttp.ClientSession() as session:
        yield World(database, desk_of(pool, session, None, term), su, term)
    await su.close()


@pytest.fixture
async def redis_world(world: World, own_valkey: EmbeddedRedis) -> AsyncIterator[World]:
    """The same with a Valkey of the test's own."""
    url = await coordinator_url(own_valkey)
    desk = desk_of(world.desk.pool, world.desk.session, url, world.term)
    yield replace(world, desk=desk)
    await desk.redis._shared.close()
