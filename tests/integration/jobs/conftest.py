"""A bench for each test: a tenant of its own in the module's database."""

from collections.abc import AsyncIterator
from itertools import count

import pytest
from jobs_bench import Bench

from askproai_core.database import open_pool
from askproai_sandbox.databases import Database

_NAMES = count()


@pytest.fixture
async def bench(module_database: Database) -> AsyncIterator[Bench]:
    salon = await module_database.create_tenant(f"salon{next(_NAMES)}")
    async with open_pool(salon.dsn, max_size=8) as pool:
        yield Bench(salon.tenant, salon.dsn, pool)
