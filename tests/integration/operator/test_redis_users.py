"""Each tenant's user in Redis: on every node, exactly as ruled, checked again, and deleted with the tenant."""

import hashlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from askproai_core.clock import SystemClock
from askproai_core.provider_limits import RedisUnavailable
from askproai_operator.redis_users import RedisAdmin, RedisAdminUnavailable, UsersBypassed, UsersUnsupported, user_name
from askproai_runtime.metrics import Metrics
from askproai_runtime.redis.client import RedisClient
from askproai_sandbox.cluster import Child, free_port, spawn
from askproai_sandbox.redis import EmbeddedRedis, server_binary
from tests.worlds.waiting import SLOW_DISK, SOON, eventually, until

pytestmark = pytest.mark.nightly

SALON, OTHER = "salon.salon-mueller", "praxis.praxis-weber"


@pytest.fixture
async def admin(own_valkey: EmbeddedRedis) -> AsyncIterator[RedisAdmin]:
    redis_admin = RedisAdmin(own_valkey.admin_url, SystemClock(), timeout=SLOW_DISK)
    yield redis_admin
    await redis_admin.close()


async def works(url: str, tenant: str) -> bool:
    """Use the tenant's Redis as its pods do."""
    shared = RedisClient(lambda: url, tenant, SystemClock(), Metrics(tenant), timeout=timedelta(seconds=1))
    try:
        return bool(await shared.execute("SET", shared.key("x"), 1, "PX", 60_000))
    except RedisUnavailable:
        return False
    finally:
        await shared.close()


async def users(url: str) -> list[str]:
    async with Redis.from_url(url, decode_responses=True) as client:
        return [str(line) for line in await client.execute_command("ACL", "LIST")]


async def test_tenant_gets_a_user_and_keeps_its_password(admin, own_valkey):
    url = admin.tenant_url(SALON, None)
    assert urlsplit(url).username == user_name(SALON)
    assert await admin.ensure_user(SALON, url) == ()
    assert await works(url, SALON)
    assert not await works(url, OTHER), "another tenant's keys"
    assert admin.tenant_url(SALON, url) == url
    assert admin.tenant_url(OTHER, url) != url, "a foreign user's password is never taken over"
    await own_valkey.kill()
    await own_valkey.start()
    assert await works(url, SALON), "users survive where the server has a file for them"


async def test_only_changed_users_are_written_again(admin, own_valkey):
    url = admin.tenant_url(SALON, None)
    await admin.ensure_user(SALON, url)

    async def calls() -> int:
        async with own_valkey.admin() as client:
            stats = await client.info("commandstats")
        return int(stats["cmdstat_acl|setuser"]["calls"])

    written, ruled = await calls(), await users(own_valkey.admin_url)
    await admin.ensure_user(SALON, url)
    assert await calls() == written
    for change in (("+@all",), ("~*",), ("&*",), ("nopass",), ("off",), ("(+get ~*)",), (f"#{'0' * 64}",)):
        async with own_valkey.admin() as client:
            await client.execute_command("ACL", "SETUSER", user_name(SALON), *change)
        assert await users(own_valkey.admin_url) != ruled, change
        await admin.ensure_user(SALON, url)
        assert await users(own_valkey.admin_url) == ruled, change


async def test_dropping_a_tenant_removes_its_redis_keys_only(admin, own_valkey):
    urls = {tenant: admin.tenant_url(tenant, None) for tenant in (SALON, OTHER, f"{SALON}-2")}
    for tenant, url in urls.items():
        await admin.ensure_user(tenant, url)
        assert await works(url, tenant)
    async with own_valkey.admin() as client:
        await client.mset({f"askproai:{SALON}:{n}": n for n in range(2500)})
        await admin.drop_tenant(SALON)
        await admin.drop_tenant(SALON)
        assert sorted(await client.keys("*")) == sorted(f"askproai:{tenant}:x" for tenant in (OTHER, f"{SALON}-2"))
    assert not await works(urls[SALON], SALON)
    assert await works(urls[OTHER], OTHER)


async def test_unavailable_redis_is_reported_without_passwords_and_retried(own_valkey):
    class Later(SystemClock):
        passed = 0.0

        def monotonic(self) -> float:
            return super().monotonic() + self.passed

    clock = Later()
    admin = RedisAdmin(own_valkey.admin_url, clock)
    url = admin.tenant_url(SALON, None)
    await own_valkey.kill()
    for _ in range(2):
        with pytest.raises(RedisAdminUnavailable) as away:
            await admin.ensure_user(SALON, url)
        assert urlsplit(own_valkey.admin_url).password not in str(away.value)
    await own_valkey.start()
    clock.passed = 60
    assert await admin.ensure_user(SALON, url) == ()
    await admin.close()


async def test_administrator_without_permission_learns_the_missing_grants(own_valkey):
    async with own_valkey.admin() as client:
        await client.execute_command("ACL", "SETUSER", "weak", "on", ">pw", "~*", "+@all", "-acl|setuser")
    admin = RedisAdmin(own_valkey.url("weak", "pw"), SystemClock())
    with pytest.raises(RedisAdminUnavailable, match=r"\+acl \+role"):
        await admin.ensure_user(SALON, admin.tenant_url(SALON, None))
    await admin.close()


async def test_administrator_needs_only_the_documented_rights(own_valkey):
    rules = ("on", ">pw", "-@all", "+acl", "+role", "+scan", "+unlink", "+info", "+set", "~askproai:*")
    async with own_valkey.admin() as client:
        await client.execute_command("ACL", "SETUSER", "modest", *rules)
    admin = RedisAdmin(own_valkey.url("modest", "pw"), SystemClock(), timeout=SLOW_DISK)
    url = admin.tenant_url(SALON, None)
    await admin.ensure_user(SALON, url)
    assert await works(url, SALON)
    await admin.drop_tenant(SALON)
    assert not await works(url, SALON)
    await admin.close()


async def test_redis_that_admits_anybody_is_reported_as_unisolated(admin, own_valkey):
    """No server can forbid RESET: it makes any client the default user."""
    url = admin.tenant_url(SALON, None)
    async with own_valkey.admin() as client:
        await client.execute_command("ACL", "SETUSER", "default", "on", "nopass", "~*", "+@all")
    with pytest.raises(UsersBypassed, match=str(own_valkey.port)):
        await admin.ensure_user(SALON, url)
    assert await works(url, SALON), "written all the same"
    for cure in ("off", "resetpass"):
        async with own_valkey.admin() as client:
            await client.execute_command("ACL", "SETUSER", "default", "on", "nopass", cure)
        assert await admin.ensure_user(SALON, url) == ()


async def test_redis_without_users_is_shared_and_reported(tmp_path, serve):
    _, port = await serve("--requirepass", "pw", "--rename-command", "ACL", "")
    await answers(f"redis://:pw@127.0.0.1:{port}/0")
    admin = RedisAdmin(f"redis://:pw@127.0.0.1:{port}/0", SystemClock())
    with pytest.raises(UsersUnsupported):
        await admin.ensure_user(SALON, admin.tenant_url(SALON, None))
    shared = admin.tenant_url(SALON, None)
    assert await works(shared, SALON)
    with pytest.raises(UsersUnsupported):
        await admin.ensure_user(SALON, shared)
    repeated = RedisAdmin(f"redis://:pw@127.0.0.1:{port}/0", SystemClock())  # a new process reports the same
    assert repeated.tenant_url(SALON, shared) == shared
    await admin.drop_tenant(SALON)
    assert not await keys(shared)
    for each in (admin, repeated):
        await each.close()


class TestSeveralNodes:
    """Redis replicates no users: after a failover the new primary would know nobody."""

    async def test_replica_without_users_never_leaks_the_administrators_url(self, serve):
        primary = (await serve(*AUTH))[1]
        replica = (await serve(*AUTH, "--rename-command", "ACL", ""))[1]
        await follow(f"redis://:pw@127.0.0.1:{replica}/0", primary)
        admin = RedisAdmin(f"redis://:pw@127.0.0.1:{primary}/0", SystemClock())
        url = admin.tenant_url(SALON, None)
        await until(
            lambda: admin.ensure_user(SALON, url),
            lambda found: found == (f"127.0.0.1:{replica}",),
            "the replica among those that lack the user",
        )
        assert admin.tenant_url(SALON, url) == url
        assert urlsplit(admin.tenant_url(OTHER, None)).username == user_name(OTHER)
        await admin.drop_tenant(SALON)
        assert not await works(url, SALON)
        await admin.close()

    async def test_replica_has_the_tenants_user_before_a_failover(self, serve):
        primary, replica = [(await serve(*AUTH))[1] for _ in range(2)]
        urls = [f"redis://:pw@127.0.0.1:{port}/0" for port in (primary, replica)]
        await follow(urls[1], primary)
        admin = RedisAdmin(urls[0], SystemClock())
        url = admin.tenant_url(SALON, None)

        async def both() -> bool:
            await admin.ensure_user(SALON, url)
            return all([any(user_name(SALON) in line for line in await users(node)) for node in urls])

        await eventually(both, SOON, "the user on both nodes")
        async with Redis.from_url(urls[1]) as client:
            await client.execute_command("REPLICAOF", "NO", "ONE")
        assert await works(url.replace(str(primary), str(replica)), SALON)
        await admin.close()

    async def test_absent_replica_gets_its_users_later_without_delays(self, serve):
        (_, primary), (second, replica) = await serve(*AUTH), await serve(*AUTH)
        urls = [f"redis://:pw@127.0.0.1:{port}/0" for port in (primary, replica)]
        await follow(urls[1], primary)
        admin = RedisAdmin(urls[0], SystemClock())
        second.suspend()
        url = admin.tenant_url(SALON, None)
        assert await admin.ensure_user(SALON, url) == (f"127.0.0.1:{replica}",)
        assert await works(url, SALON)
        second.resume()
        await admin.close()

        admin = RedisAdmin(urls[0], SystemClock())
        await until(lambda: admin.ensure_user(SALON, url), lambda found: found == (), "the replica to be written")
        assert any(user_name(SALON) in line for line in await users(urls[1]))
        await admin.close()

    async def test_sentinel_leads_to_the_new_primary(self, serve, tmp_path):
        primary, replica = [(await serve(*AUTH))[1] for _ in range(2)]
        urls = [f"redis://:pw@127.0.0.1:{port}/0" for port in (primary, replica)]
        await follow(urls[1], primary)
        config = tmp_path / "sentinel.conf"
        config.write_text(f"sentinel monitor salon 127.0.0.1 {primary} 1\nsentinel auth-pass salon pw\n")
        _, sentinel = await serve(config=config)
        named = f"redis+sentinel://:pw@127.0.0.1:{sentinel}/salon"
        admin = RedisAdmin(named, SystemClock())
        url = admin.tenant_url(SALON, None)
        assert url.startswith(f"redis+sentinel://{user_name(SALON)}:")
        assert url.endswith(f"@127.0.0.1:{sentinel}/salon")

        async def written() -> bool:
            return await admin.ensure_user(SALON, url) == () and len(await users(urls[1])) > 1

        await eventually(written, SOON, "the users by Sentinel")
        assert await works(url, SALON)
        async with Redis.from_url(f"redis://127.0.0.1:{sentinel}") as client:

            async def begun() -> bool:
                try:
                    return bool(await client.execute_command("SENTINEL", "FAILOVER", "salon"))
                except ResponseError:  # it does not know its replica well enough yet
                    return False

            await eventually(begun, SOON, "the failover to begin")

        async def after_failover() -> bool:
            try:
                async with Redis.from_url(urls[1], decode_responses=True) as moved:
                    role = (await moved.execute_command("ROLE"))[0]
            except RedisConnectionError:  # Valkey closes the connections of its clients when its role changes
                return False
            return role == "master" and await works(url, SALON)

        await eventually(after_failover, SOON, "the new primary to serve the tenant")
        assert await admin.ensure_user(SALON, url) == ()
        await admin.close()


AUTH = ("--requirepass", "pw", "--masterauth", "pw")
Serve = Callable[..., Awaitable[tuple["Server", int]]]


class Server:
    """A server that can be suspended for a while."""

    def __init__(self, child: Child) -> None:
        self.child = child

    def suspend(self) -> None:
        os.kill(self.child.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.child.pid, signal.SIGCONT)


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Yield a function that starts a Valkey (or, with `config`, a Sentinel) and returns it with its port."""
    started: list[Child] = []

    async def start(*options: str, config: Path | None = None) -> tuple[Server, int]:
        port = free_port()
        folder = tmp_path / str(port)
        folder.mkdir()
        usual = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder))
        usual += ("--repl-diskless-sync-delay", "0") if config is None else ("--sentinel",)
        child = await spawn(
            f"valkey-{port}", [server_binary(), *([config] if config else []), *usual, *options], directory=folder
        )
        started.append(child)
        await answers(f"redis://:pw@127.0.0.1:{port}/0" if config is None else f"redis://127.0.0.1:{port}")
        return Server(child), port

    yield start
    for child in started:
        await child.stop()


async def answers(url: str) -> None:
    async def up() -> bool:
        try:
            async with Redis.from_url(url) as client:
                return bool(await client.ping())
        except RedisConnectionError:
            return False

    await eventually(up, SOON, url.rpartition("@")[2])


async def follow(url: str, primary: int) -> None:
    """Make a server a replica of another, and wait until the primary lists it.

    It does so with the replica's first acknowledgement, a moment after the replica calls itself connected.
    """
    async with Redis.from_url(url) as client:
        await client.execute_command("REPLICAOF", "127.0.0.1", str(primary))
    async with Redis.from_url(f"redis://:pw@127.0.0.1:{primary}/0") as client:
        await until(
            lambda: client.execute_command("ROLE"), lambda found: bool(found[2]), "the primary to list the replica"
        )


async def keys(url: str) -> list[str]:
    async with Redis.from_url(url, decode_responses=True) as client:
        return [str(key) for key in await client.keys("*")]


def test_redis_user_name_is_a_hash():
    digest = hashlib.sha256(SALON.encode()).hexdigest()
    assert user_name(SALON) == f"askproai_t_{digest[:24]}"
