"""The tenant's user in Redis, and the condition CacheReady: an accelerator that never affects Ready."""

from datetime import timedelta
from typing import Any

from redis.asyncio import Redis

from askproai_core.clock import SystemClock
from askproai_operator.engine import resources
from askproai_operator.orphans import LABEL
from askproai_operator.redis_users import RedisAdmin, user_name
from askproai_sandbox.cluster import eventually
from askproai_sandbox.redis import EmbeddedRedis

SOON = timedelta(seconds=15)
UNREACHABLE = "redis://admin:geheim@127.0.0.1:9/0"


def replace_redis(place: Any, redis: RedisAdmin | None) -> RedisAdmin | None:
    """Let the operator use another Redis; return the previous one."""
    world = place.operator.world
    before = world.redis
    object.__setattr__(world, "redis", redis)
    return before


async def tenant_users(valkey: EmbeddedRedis) -> list[str]:
    async with valkey.admin() as admin:
        return [str(user) for user in await admin.execute_command("ACL", "USERS")]


async def test_a_tenant_gets_its_user_in_redis_and_loses_it_and_its_keys_with_its_deletion(
    place, valkey: EmbeddedRedis
):
    await place.secret()
    await place.create("Tenant")
    await place.ready()
    await place.condition("CacheReady", "True", "AsDeclared")
    url, key = (await place.secret_data("salon-mueller-runtime"))["REDIS_URL"], f"{place.namespace}.salon-mueller"
    async with Redis.from_url(url) as client:
        await client.set(f"askproai:{key}:x", 1)
    assert user_name(key) in await tenant_users(valkey)
    await place.client.delete(place.path("Tenant"))
    await place.gone("Tenant")
    assert user_name(key) not in await tenant_users(valkey)
    async with valkey.admin() as admin:
        assert await admin.keys(f"askproai:{key}:*") == []


async def test_without_redis_the_tenant_is_ready_and_says_so_and_a_redis_that_comes_later_is_used(place):
    before = replace_redis(place, None)
    try:
        await place.secret()
        await place.create("Tenant")
        await place.ready()
        await place.condition("CacheReady", "True", "NotRequested")
        assert "REDIS_URL" not in await place.secret_data("salon-mueller-runtime")
    finally:
        replace_redis(place, before)
    pods = (await place.get("Deployment", "salon-mueller-web"))["spec"]["template"]
    await place.client.merge(place.path("Tenant"), {"metadata": {"annotations": {"askproai.de/reconcile-at": "1"}}})
    await place.condition("CacheReady", "True", "AsDeclared")
    assert "REDIS_URL" in await place.secret_data("salon-mueller-runtime")
    assert (await place.get("Deployment", "salon-mueller-web"))["spec"]["template"] == pods, "no pod is restarted"


async def test_a_redis_that_does_not_answer_is_reported_and_delays_neither_ready_nor_a_deletion(place):
    unreachable = RedisAdmin(UNREACHABLE, SystemClock())
    before = replace_redis(place, unreachable)
    try:
        await place.secret()
        await place.create("Tenant")
        reported = await place.condition("CacheReady", "False", "CacheUnavailable")
        await place.ready()
        assert "geheim" not in reported["message"]
        assert "REDIS_URL" in await place.secret_data("salon-mueller-runtime"), "pods are to say that they are degraded"
        await place.client.delete(place.path("Tenant"))
        await place.gone("Tenant")
    finally:
        replace_redis(place, before)
        await unreachable.close()

    async def no_orphan_left() -> bool:
        place.operator.retry_orphans()
        found = await place.operator.world.kube.list(resources.SECRETS, "default", LABEL)
        return not any(place.namespace in str(secret["metadata"]) for secret in found)

    await eventually(no_orphan_left, SOON, "its user to be removed when Redis is back")


async def test_a_redis_that_lets_in_anybody_is_reported_at_the_tenant(place, own_valkey: EmbeddedRedis):
    async with own_valkey.admin() as admin:
        await admin.execute_command("ACL", "SETUSER", "default", "on", "nopass", "~*", "+@all")
    open_redis = RedisAdmin(own_valkey.admin_url, SystemClock())
    before = replace_redis(place, open_redis)
    try:
        await place.secret()
        await place.create("Tenant")
        reported = await place.condition("CacheReady", "False", "UsersBypassed")
        await place.ready()
        assert "give its user `default` a password" in reported["message"]
    finally:
        replace_redis(place, before)
        await open_redis.close()
