"""The tenant's user in Redis, and the condition CacheReady: an accelerator that never affects Ready."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from askproai_core.clock import SystemClock
from askproai_operator import resources
from askproai_operator.orphans import LABEL
from askproai_operator.redis_users import RedisAdmin
from tests.worlds.operator_environment import TenantNamespace
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

UNREACHABLE = "redis://admin:geheim@127.0.0.1:9/0"


@asynccontextmanager
async def operator_uses(namespace: TenantNamespace, url: str | None) -> AsyncIterator[None]:
    """Let the operator use another Redis, or none, during the block."""
    context = namespace.operator.context
    before, redis = context.redis, RedisAdmin(url, SystemClock()) if url else None
    object.__setattr__(context, "redis", redis)
    try:
        yield
    finally:
        object.__setattr__(context, "redis", before)
        if redis is not None:
            await redis.close()


async def test_tenant_without_redis_is_ready_and_upgraded_later(namespace):
    async with operator_uses(namespace, None):
        await namespace.open_salon()
        await namespace.wait_for_condition("CacheReady", "True", "NotRequested")
        await namespace.wait_for_condition("EventsSpooled", "True", "NotRequested")
        assert "REDIS_URL" not in await namespace.secret_data("salon-mueller-runtime")
    pods = (await namespace.get("Deployment", "salon-mueller-web"))["spec"]["template"]
    await namespace.annotate("reconcile-at", "1")
    await namespace.wait_for_condition("CacheReady", "True", "AsDeclared")
    assert "REDIS_URL" in await namespace.secret_data("salon-mueller-runtime")
    assert (await namespace.get("Deployment", "salon-mueller-web"))["spec"]["template"] == pods, "no pod is restarted"


async def test_silent_redis_is_reported_and_delays_nothing(namespace):
    async with operator_uses(namespace, UNREACHABLE):
        await namespace.create_salon()
        reported = await namespace.wait_for_condition("CacheReady", "False", "CacheUnavailable")
        await namespace.wait_until_ready()
        assert "geheim" not in reported["message"]
        secret = await namespace.secret_data("salon-mueller-runtime")
        assert "REDIS_URL" in secret, "pods are to say that they are degraded"
        await namespace.client.delete(namespace.path("Tenant"))
        await namespace.wait_until_gone("Tenant")

    async def no_orphan_left() -> bool:
        namespace.operator.retry_orphans()
        found = await namespace.operator.context.kube.list(resources.SECRETS, "default", LABEL)
        return not any(namespace.name in str(secret["metadata"]) for secret in found)

    await eventually(no_orphan_left, SOON, "its user to be removed when Redis is back")


async def test_open_or_forgetful_redis_is_only_reported(namespace, own_valkey):
    async with own_valkey.admin() as admin:
        await admin.execute_command("ACL", "SETUSER", "default", "on", "nopass", "~*", "+@all")
        await admin.config_set("appendonly", "no")
    async with operator_uses(namespace, own_valkey.admin_url):
        await namespace.create_salon()
        bypassed = await namespace.wait_for_condition("CacheReady", "False", "UsersBypassed")
        assert "give its user `default` a password" in bypassed["message"]
        lost = await namespace.wait_for_condition("EventsSpooled", "False", "RedisNotDurable")
        assert "set appendonly yes" in lost["message"]
        await namespace.wait_until_ready()
