"""A client of a Redis server with a tenant's own user."""

from datetime import timedelta
from functools import partial

from askproai_core.clock import SystemClock
from askproai_core.redis import RedisClient, RedisUnavailable, acl_rules
from askproai_runtime.metrics import Metrics
from askproai_sandbox.redis import EmbeddedRedis

SOON = 10.0  # seconds


async def tenant_url(server: EmbeddedRedis, tenant: str) -> str:
    """Create the tenant's user as the operator does, and return its URL."""
    return await server.add_user(f"u-{tenant}", partial(acl_rules, tenant))


def shared_of(url: str | None, tenant: str) -> RedisClient:
    # A second instead of a tenth: a slow machine is not what is tested.
    return RedisClient(lambda: url, tenant, SystemClock(), Metrics(tenant), timeout=timedelta(seconds=1))


async def answers(shared: RedisClient) -> bool:
    try:
        return bool(await shared.execute("SET", shared.key("x"), 1))
    except RedisUnavailable:
        return False
