"""Redis by Sentinel: a failover is an outage of some seconds, after which the new master is used."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from askproai_operator.redis_acl import acl_rules
from askproai_runtime.redis.client import RedisClient
from askproai_sandbox.cluster import free_port, spawn
from askproai_sandbox.redis import ADMIN_USER, EmbeddedRedis, server_binary
from tests.worlds.tenant_redis import is_available, tenant_client
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly


@asynccontextmanager
async def sentinel(folder: Path, master: EmbeddedRedis) -> AsyncIterator[int]:
    """Run a Sentinel that decides about a failover alone; yield its port."""
    port, conf = free_port(), folder / "sentinel.conf"
    conf.write_text(
        f"port {port}\nbind 127.0.0.1\nsentinel monitor salon 127.0.0.1 {master.port} 1\n"
        f"sentinel auth-user salon {ADMIN_USER}\nsentinel auth-pass salon {urlsplit(master.admin_url).password}\n"
        "sentinel down-after-milliseconds salon 500\nsentinel failover-timeout salon 3000\n"
    )
    child = await spawn("sentinel", [server_binary(), conf, "--sentinel"], directory=folder)
    async with Redis(port=port, protocol=2, decode_responses=True) as client:

        async def knows_a_replica() -> bool:
            try:
                return bool(await client.sentinel_slaves("salon"))
            except RedisError:
                return False

        await eventually(knows_a_replica, SOON, "the Sentinel to find the replica")
    yield port
    await child.stop()


async def test_after_a_failover_the_new_master_is_used(tmp_path: Path, tenant: str) -> None:
    first, second = EmbeddedRedis(tmp_path / "first"), EmbeddedRedis(tmp_path / "second")
    await first.start()
    await second.start()
    user = urlsplit(await first.add_user("salon", partial(acl_rules, tenant)))
    async with first.admin() as admin, second.admin() as other:
        # Users are not replicated: written to every node.
        rules = (await admin.execute_command("ACL", "LIST"))[-1].split()
        await other.execute_command("ACL", "SETUSER", *rules[1:])
        await other.config_set("masteruser", ADMIN_USER)
        await other.config_set("masterauth", urlsplit(first.admin_url).password)
        await other.execute_command("REPLICAOF", "127.0.0.1", str(first.port))
        await admin.execute_command("ACL", "SETUSER", ADMIN_USER, f">{urlsplit(second.admin_url).password}")
        await other.execute_command("ACL", "SETUSER", ADMIN_USER, f">{urlsplit(first.admin_url).password}")
    async with sentinel(tmp_path, first) as port:
        url = f"redis+sentinel://{user.username}:{user.password}@127.0.0.1:1,127.0.0.1:{port}/salon"
        shared: RedisClient = tenant_client(url, tenant)  # the first Sentinel does not exist
        assert await is_available(shared)
        await first.kill()
        assert not await is_available(shared)
        await eventually(lambda: is_available(shared), SOON, "the new master")
        async with second.admin() as admin:
            assert await admin.get(shared.key("x")) == "1"
        await shared.close()
    for server in (first, second):
        await server.remove()
