"""The tenant's user in Redis as its Tenant tells of it: an accelerator that is never in the way of Ready."""

from datetime import timedelta
from typing import Any

from redis.asyncio import Redis

from askproai_core.clock import SystemClock
from askproai_operator.engine import refs
from askproai_operator.orphans import LABEL
from askproai_operator.providers import RedisAdmin
from askproai_operator.providers.redis import user_name
from askproai_sandbox.cluster import eventually
from askproai_sandbox.redis import EmbeddedRedis

SOON = timedelta(seconds=15)
AWAY = "redis://admin:geheim@127.0.0.1:9/0"


def given(place: Any, redis: RedisAdmin | None) -> RedisAdmin | None:
    """Have the operator use another Redis; gives the one before."""
    world = place.operator.world
    before = world.redis
    object.__setattr__(world, "redis", redis)
    return before


async def tenant_users(valkey: EmbeddedRedis) -> list[str]:
    async with valkey.admin() as admin:
        return [str(one) for one in await admin.execute_command("ACL", "USERS")]


async def test_a_tenant_gets_its_user_in_redis_and_takes_it_and_its_keys_along(place, valkey: EmbeddedRedis):
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


async def test_without_redis_the_tenant_is_ready_and_says_so_and_a_late_one_is_used(place):
    before = given(place, None)
    try:
        await place.secret()
        await place.create("Tenant")
        await place.ready()
        await place.condition("CacheReady", "True", "NotRequested")
        assert "REDIS_URL" not in await place.secret_data("salon-mueller-runtime")
    finally:
        given(place, before)
    pods = (await place.get("Deployment", "salon-mueller-web"))["spec"]["template"]
    await place.client.merge(place.path("Tenant"), {"metadata": {"annotations": {"askproai.de/reconcile-at": "1"}}})
    await place.condition("CacheReady", "True", "AsDeclared")
    assert "REDIS_URL" in await place.secret_data("salon-mueller-runtime")
    assert (await place.get("Deployment", "salon-mueller-web"))["spec"]["template"] == pods, "no pod is restarted"


async def test_a_redis_that_is_away_is_told_and_holds_up_neither_ready_nor_an_end(place):
    away = RedisAdmin(AWAY, SystemClock())
    before = given(place, away)
    try:
        await place.secret()
        await place.create("Tenant")
        told = await place.condition("CacheReady", "False", "CacheUnavailable")
        await place.ready()
        assert "geheim" not in told["message"]
        assert "REDIS_URL" in await place.secret_data("salon-mueller-runtime"), "pods are to say that they are degraded"
        await place.client.delete(place.path("Tenant"))
        await place.gone("Tenant")
    finally:
        given(place, before)
        await away.close()

    async def ledger_is_empty() -> bool:
        place.operator.retry_orphans()
        found = await place.operator.world.kube.list(refs.SECRETS, "default", LABEL)
        return not any(place.namespace in str(one["metadata"]) for one in found)

    await eventually(ledger_is_empty, SOON, "its user to be removed when Redis is back")


async def test_a_redis_that_fences_nobody_is_told_at_the_tenant(place, own_valkey: EmbeddedRedis):
    async with own_valkey.admin() as admin:
        await admin.execute_command("ACL", "SETUSER", "default", "on", "nopass", "~*", "+@all")
    ajar = RedisAdmin(own_valkey.admin_url, SystemClock())
    before = given(place, ajar)
    try:
        await place.secret()
        await place.create("Tenant")
        told = await place.condition("CacheReady", "False", "UsersBypassed")
        await place.ready()
        assert "give its user `default` a password" in told["message"]
    finally:
        given(place, before)
        await ajar.close()
