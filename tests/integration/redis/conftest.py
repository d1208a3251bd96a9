"""A tenant with a user of its own in the run's Valkey, and its client."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from askproai_runtime.redis.client import RedisClient
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.tenant_redis import create_tenant_user, tenant_client


@pytest.fixture
def tenant() -> str:
    return f"salon-{uuid4().hex[:8]}.mueller"


@pytest.fixture
async def shared(valkey: EmbeddedRedis, tenant: str) -> AsyncIterator[RedisClient]:
    own = tenant_client(await create_tenant_user(valkey, tenant), tenant)
    yield own
    await own.close()
