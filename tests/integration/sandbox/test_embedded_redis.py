"""The embedded Valkey: it checks passwords, and keeps data, users and address when it is killed."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.waiting import eventually

pytestmark = pytest.mark.nightly


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedRedis]:
    own = EmbeddedRedis(tmp_path / "valkey")
    await own.start()
    yield own
    await own.remove()


async def test_nobody_connects_without_a_password(server: EmbeddedRedis) -> None:
    for url in (f"redis://127.0.0.1:{server.port}", server.url("askproai_admin", "wrong")):
        async with Redis.from_url(url, protocol=2) as client:
            with pytest.raises(AuthenticationError):
                await client.ping()


async def test_data_users_and_address_survive_a_kill(server: EmbeddedRedis) -> None:
    url = await server.add_user("salon", lambda sha: ("reset", "on", f"#{sha}", "~salon:*", "+get", "+set"))
    admin_url = server.admin_url
    async with Redis.from_url(url, protocol=2, driver_info=None) as client:
        await client.set("salon:a", "1")
    async with server.admin() as admin:
        assert (await admin.config_get("maxmemory-policy"))["maxmemory-policy"] == "noeviction"
        assert (await admin.waitaof(1, 0, 5000))[0] == 1
    os.kill(server.pid, signal.SIGKILL)
    await eventually(lambda: not server.running, what="its end to be seen")
    await server.start()
    assert server.admin_url == admin_url
    async with Redis.from_url(url, protocol=2, driver_info=None) as client:
        assert await client.get("salon:a") == b"1"
