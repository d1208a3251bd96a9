"""The coordinator's logins: created with the Secret that its pods mount, kept, and repaired when somebody changed them."""

import base64
import dataclasses

import asyncpg
import pytest
from redis.asyncio import Redis

from askproai_core.redis import ALL_TENANTS
from askproai_operator import resources
from askproai_operator.controllers.coordinator import SECRET_NAME, ensure_coordinator
from askproai_operator.credentials import decode_secret
from askproai_operator.redis_users import user_name
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly


@pytest.fixture
async def context(namespace):
    """The operator's context, with the test's namespace as the operator's."""
    settings = namespace.operator.settings.model_copy(update={"namespace": namespace.name})
    return dataclasses.replace(namespace.operator.context, settings=settings)


async def secret_values(context) -> dict[str, str]:
    return decode_secret(await context.kube.get(resources.SECRETS, context.settings.namespace, SECRET_NAME))


async def can_log_in(urls: dict[str, str]) -> bool:
    """Use both logins as the coordinator does."""
    connection = await asyncpg.connect(urls["DATABASE_URL"])
    await connection.fetch("SELECT tenant FROM tenants")
    await connection.close()
    async with Redis.from_url(urls["REDIS_URL"]) as client:
        return bool(await client.set("askproai:_:x", 1))


async def test_coordinator_secret_has_both_logins_and_is_stable(context):
    await ensure_coordinator(context)
    first = await secret_values(context)
    assert set(first) == {"DATABASE_URL", "REDIS_URL"}
    assert await can_log_in(first)
    secret = await context.kube.get(resources.SECRETS, context.settings.namespace, SECRET_NAME)
    await ensure_coordinator(context)
    repeated = await context.kube.get(resources.SECRETS, context.settings.namespace, SECRET_NAME)
    assert repeated["metadata"]["resourceVersion"] == secret["metadata"]["resourceVersion"]


async def test_password_or_user_changed_by_hand_is_repaired(context, valkey, module_database):
    await ensure_coordinator(context)
    urls = await secret_values(context)
    su = await asyncpg.connect(module_database.superuser_dsn)
    await su.execute(f"ALTER ROLE {urls['DATABASE_URL'].partition('://')[2].partition(':')[0]} PASSWORD 'by hand'")
    await su.close()
    async with valkey.admin() as admin:
        await admin.execute_command("ACL", "DELUSER", user_name(ALL_TENANTS))
    with pytest.raises(asyncpg.InvalidPasswordError):
        await can_log_in(urls)
    await ensure_coordinator(context)
    assert await secret_values(context) == urls
    assert await can_log_in(urls)


async def test_deleted_secret_is_created_with_new_passwords(context):
    await ensure_coordinator(context)
    before = await secret_values(context)
    await context.kube.delete(resources.SECRETS, context.settings.namespace, SECRET_NAME)
    await ensure_coordinator(context)
    after = await secret_values(context)
    assert after["DATABASE_URL"] != before["DATABASE_URL"]
    assert await can_log_in(after)


async def test_unparsable_coordinator_url_is_replaced(context):
    """A ValueError would fail every run of the controller."""
    await ensure_coordinator(context)
    garbage = {"DATABASE_URL": b"postgres://[", "REDIS_URL": b"\xff["}
    garbage = {name: base64.b64encode(value).decode() for name, value in garbage.items()}
    await context.kube.patch(resources.SECRETS, context.settings.namespace, SECRET_NAME, {"data": garbage})
    await ensure_coordinator(context)
    assert await can_log_in(await secret_values(context))


async def test_tenants_retention_and_servers_reach_the_coordinator(namespace, module_database):
    await namespace.open_salon()
    days = {"rawEventDays": 7, "transcriptDays": 8, "callDays": 9}
    await namespace.edit({"retention": days})
    tenant = namespace.tenant
    su = await asyncpg.connect(module_database.superuser_dsn)
    row = await eventually(
        lambda: su.fetchrow("SELECT * FROM tenants WHERE tenant = $1 AND call_days = 9", tenant), SOON, "the days"
    )
    assert (row["raw_event_days"], row["transcript_days"]) == (7, 8)
    live = (await namespace.get("Tenant", "salon-mueller"))["spec"]
    assert row["retell_base_url"] == live["retell"].get("baseUrl", namespace.operator.settings.retell_base_url)
    assert row["calcom_base_url"].startswith("http")
    await su.close()
