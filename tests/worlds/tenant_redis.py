"""A client of a Redis server with a tenant's own user."""

from datetime import timedelta
from functools import partial

from askproai_core.clock import SystemClock
from askproai_core.provider_limits import RedisUnavailable
from askproai_operator.redis_acl import acl_rules
from askproai_runtime.metrics import Metrics
from askproai_runtime.redis.client import RedisClient
from askproai_sandbox.redis import EmbeddedRedis


async def create_tenant_user(server: EmbeddedRedis, tenant: str) -> str:
    """Create the tenant's user as the operator does, and return its URL."""
    return await server.add_user(f"u-{tenant}", partial(acl_rules, tenant))


def tenant_client(url: str | None, tenant: str) -> RedisClient:
    """Return a pod's client, with a timeout of a second instead of a tenth, because slow machines are not tested here."""
    return RedisClient(lambda: url, tenant, SystemClock(), Metrics(tenant), timeout=timedelta(seconds=1))


async def is_available(shared: RedisClient) -> bool:
    """Return whether a command of the tenant succeeds."""
    try:
        return bool(await shared.execute("SET", shared.key("x"), 1))
    except RedisUnavailable:
        return False
