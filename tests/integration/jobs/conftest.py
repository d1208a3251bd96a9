"""A tenant with a job queue of its own for each test, in the module's database."""

from collections.abc import AsyncIterator
from itertools import count

import pytest

from askproai_core.database import open_pool
from tests.worlds.databases import Database
from tests.worlds.job_environment import JobEnvironment

_NAMES = count()


@pytest.fixture
async def env(module_database: Database) -> AsyncIterator[JobEnvironment]:
    salon = await module_database.create_tenant(f"salon{next(_NAMES)}")
    async with open_pool(salon.dsn, max_size=8) as pool:
        yield JobEnvironment(salon.tenant, salon.dsn, pool)
