"""A tenant with tasks of its own for each test, in the module's database."""

from collections.abc import AsyncIterator
from itertools import count

import pytest

from askproai_core.database import open_pool
from tests.worlds.databases import Database
from tests.worlds.task_environment import TaskEnvironment

_NAMES = count()


@pytest.fixture
async def env(module_database: Database) -> AsyncIterator[TaskEnvironment]:
    salon = await module_database.create_tenant(f"tasks{next(_NAMES)}")
    async with open_pool(salon.dsn, max_size=8) as pool:
        yield TaskEnvironment(salon.tenant, salon.dsn, pool)
