"""The coordinator's logins: made with the Secret that its pods mount, kept as they are, mended when somebody changed them."""

import base64
import dataclasses
from datetime import timedelta

import asyncpg
import pytest
from redis.asyncio import Redis

from askproai_core.redis import ALL_TENANTS
from askproai_operator.controllers.coordinator import SECRET, ensure_coordinator
from askproai_operator.controllers.credentials import decode_secret
from askproai_operator.engine import resources
from askproai_operator.redis_users import user_name
from askproai_sandbox.cluster import eventually


@pytest.fixture
async def world(place):
    """The operator's world, with the test's own namespace for the operator's."""
    settings = place.operator.settings.model_copy(update={"namespace": place.namespace})
    return dataclasses.replace(place.operator.world, settings=settings)


async def kept(world) -> dict[str, str]:
    return decode_secret(await world.kube.get(resources.SECRETS, world.settings.namespace, SECRET))


async def logs_in(urls: dict[str, str]) -> bool:
    """Use both logins as the coordinator does."""
    connection = await asyncpg.connect(urls["DATABASE_URL"])
    await connection.fetch("SELECT tenant FROM tenants")
    await connection.close()
    async with Redis.from_url(urls["REDIS_URL"]) as client:
        return bool(await client.set("askproai:_:x", 1))


async def test_the_secret_opens_both_stores_and_is_written_once(world):
    await ensure_coordinator(world)
    first = await kept(world)
    assert set(first) == {"DATABASE_URL", "REDIS_URL"}
    assert await logs_in(first)
    secret = await world.kube.get(resources.SECRETS, world.settings.namespace, SECRET)
    await ensure_coordinator(world)
    again = await world.kube.get(resources.SECRETS, world.settings.namespace, SECRET)
    assert again["metadata"]["resourceVersion"] == secret["metadata"]["resourceVersion"]


async def test_a_password_or_user_changed_by_hand_is_set_right(world, valkey, module_database):
    await ensure_coordinator(world)
    urls = await kept(world)
    su = await asyncpg.connect(module_database.superuser_dsn)
    await su.execute(f"ALTER ROLE {urls['DATABASE_URL'].partition('://')[2].partition(':')[0]} PASSWORD 'by hand'")
    await su.close()
    async with valkey.admin() as admin:
        await admin.execute_command("ACL", "DELUSER", user_name(ALL_TENANTS))
    with pytest.raises(asyncpg.InvalidPasswordError):
        await logs_in(urls)
    await ensure_coordinator(world)
    assert await kept(world) == urls
    assert await logs_in(urls)


async def test_a_deleted_secret_comes_back_with_new_passwords(world):
    await ensure_coordinator(world)
    before = await kept(world)
    await world.kube.delete(resources.SECRETS, world.settings.namespace, SECRET)
    await ensure_coordinator(world)
    after = await kept(world)
    assert after["DATABASE_URL"] != before["DATABASE_URL"]
    assert await logs_in(after)


async def test_a_url_that_nobody_can_read_is_made_anew_and_ends_nothing(world):
    """ValueError here would end the operator's process, at each start again."""
    await ensure_coordinator(world)
    garbage = {
        "DATABASE_URL": base64.b64encode(b"postgres://[").decode(),
        "REDIS_URL": base64.b64encode(b"\xff[").decode(),
    }
    await world.kube.patch(resources.SECRETS, world.settings.namespace, SECRET, {"data": garbage})
    await ensure_coordinator(world)
    assert await logs_in(await kept(world))


async def test_a_tenants_days_and_servers_are_told_to_the_coordinator(place, module_database):
    await place.secret()
    await place.create("Tenant")
    await place.ready()
    days = {"rawEventDays": 7, "transcriptDays": 8, "callDays": 9}
    await place.client.merge(place.path("Tenant"), {"spec": {"retention": days}})
    tenant = f"{place.namespace}.salon-mueller"
    su = await asyncpg.connect(module_database.superuser_dsn)

    async def told() -> asyncpg.Record | None:
        return await su.fetchrow("SELECT * FROM tenants WHERE tenant = $1 AND call_days = 9", tenant)

    row = await eventually(told, timedelta(seconds=10), "the days")
    assert (row["raw_event_days"], row["transcript_days"]) == (7, 8)
    live = (await place.get("Tenant", "salon-mueller"))["spec"]
    assert row["retell_base_url"] == live["retell"].get("baseUrl", place.operator.settings.retell_base_url)
    assert row["calcom_base_url"].startswith("http")
    await su.close()
