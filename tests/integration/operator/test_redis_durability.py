"""The operator judges whether pods may acknowledge events from a Redis."""

import pytest
from redis.asyncio import Redis

from askproai_core.clock import SystemClock
from askproai_core.redis import PROMISE_KEY
from askproai_operator import redis_users
from askproai_operator.redis_users import RedisAdmin, RedisAdminUnavailable, durability_problem, parse_info
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.waiting import SLOW_DISK

FIT = {"redis_version": "7.2.4", "aof_enabled": 1, "maxmemory": 1024, "maxmemory_policy": "noeviction"}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, None),
        ({"maxmemory_policy": "volatile-lru"}, None),
        ({"maxmemory_policy": "allkeys-lru", "maxmemory": 0}, None),
        ({"maxmemory_policy": "allkeys-lru"}, "set maxmemory-policy noeviction"),
        ({"aof_enabled": 0}, "set appendonly yes"),
        ({"redis_version": "7.0.15"}, "older than 7.2"),
        ({"redis_version": "8.0.2"}, None),
    ],
)
def test_redis_durability_is_judged_by_its_settings(changes, problem):
    found = durability_problem("h:1", parse_info(FIT | changes))
    assert found is None if problem is None else found is not None and problem in found


def test_redis_with_unreported_setting_counts_as_unfit():
    assert durability_problem("h:1", parse_info({})) is not None


async def published(server: EmbeddedRedis) -> tuple[str | None, int]:
    async with server.admin() as admin:
        return await admin.get(PROMISE_KEY), await admin.ttl(PROMISE_KEY)


async def test_operator_writes_redis_durability_verdict_for_the_pods(own_valkey, monkeypatch):
    monkeypatch.setattr(redis_users, "_FACTS_SECONDS", 0)
    admin = RedisAdmin(own_valkey.admin_url, SystemClock(), timeout=SLOW_DISK)
    await admin.publish_durability()
    text, seconds = await published(own_valkey)
    assert text == "0", "no replica"
    assert 3500 < seconds <= 3600
    assert await admin.find_durability_problem() is None
    async with own_valkey.admin() as client:
        await client.config_set("maxmemory", "100mb")
        await client.config_set("maxmemory-policy", "allkeys-lru")
    await admin.publish_durability()
    assert (await published(own_valkey))[0] == "no"
    assert "allkeys-lru" in (await admin.find_durability_problem() or "")
    await admin.close()


async def test_administrator_without_rights_learns_the_missing_grants(own_valkey):
    async with own_valkey.admin() as client:
        rules = ("on", ">pw", "-@all", "+acl", "+role", "+scan", "+unlink", "~askproai:*")
        await client.execute_command("ACL", "SETUSER", "former", *rules)
    admin = RedisAdmin(own_valkey.url("former", "pw"), SystemClock())
    with pytest.raises(RedisAdminUnavailable, match=r"\+info \+set"):
        await admin.publish_durability()
    url = admin.tenant_url("salon.salon", None)
    assert await admin.ensure_user("salon.salon", url) == (), "tenants get their users all the same"
    async with Redis.from_url(url, decode_responses=True) as tenant:
        assert await tenant.set("askproai:salon.salon:x", 1)
    await admin.close()
