"""A stream in a real Valkey: its entries survive a kill, and it takes no more than may wait."""

import pytest

from askproai_core.redis import PROMISE_KEY
from askproai_runtime.redis.client import RedisClient
from askproai_runtime.redis.durable_stream import DurableStream, NotDurable
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.tenant_redis import create_tenant_user, tenant_client


async def contents(stream: DurableStream) -> list[bytes]:
    return [entry.content for entry in await stream.read()]


async def promise(server: EmbeddedRedis, text: str) -> None:
    async with server.admin() as admin:
        await admin.set(PROMISE_KEY, text)


async def test_accepted_entries_survive_a_kill_in_order(own_valkey: EmbeddedRedis, tenant: str) -> None:
    """The server's user `default` is off: Valkey would refuse transactions when it reads its file again."""
    await promise(own_valkey, "0")
    shared = tenant_client(await create_tenant_user(own_valkey, tenant), tenant)
    stream, sent = DurableStream(shared, "spool"), [bytes(range(256)), b"", "Grüße".encode()]
    await stream.append(sent)
    await stream.append([b"last"])
    await stream.close()
    await own_valkey.kill()
    await own_valkey.start()
    stream = DurableStream(shared, "spool")
    assert await contents(stream) == [*sent, b"last"]
    await stream.remove((await stream.read())[:2])
    assert await contents(stream) == [sent[2], b"last"]
    await stream.remove(await stream.read())
    async with own_valkey.admin() as admin:
        assert await admin.keys(f"askproai:{tenant}:spool*") == [], "an empty stream leaves nothing"
    await stream.close()
    await shared.close()


async def test_stream_accepts_no_more_than_its_limit(valkey: EmbeddedRedis, shared: RedisClient) -> None:
    await promise(valkey, "0")
    few = DurableStream(shared, "few", max_entries=3)
    await few.append([b"1", b"2", b"3"])
    with pytest.raises(NotDurable, match="the stream in Redis is full"):
        await few.append([b"4"])
    await few.remove((await few.read())[:1])
    await few.append([b"4"])
    small = DurableStream(shared, "small", max_bytes=10)
    await small.append([b"12345678"])
    with pytest.raises(NotDurable, match="the stream in Redis is full"):
        await small.append([b"123"])
    await small.remove(await small.read())
    await small.append([b"1234567890"])
    assert (await contents(few), await contents(small)) == ([b"2", b"3", b"4"], [b"1234567890"])
    await few.close()
    await small.close()


async def test_only_present_entries_count_towards_the_limit(valkey: EmbeddedRedis, shared: RedisClient) -> None:
    """A pod may die after any command of a removal, and two pods may remove the same entry."""
    await promise(valkey, "0")
    stream = DurableStream(shared, "raced", max_bytes=10)
    await stream.append([b"12345", b"67890"])
    first, second = await stream.read()
    await shared.execute("XDEL", stream.key, first.id)
    await stream.append([b"abcde"])
    for entries in ([first], [first, second], [second]):
        with pytest.raises(NotDurable, match="the stream in Redis is full"):
            await stream.append([b"123456"])
        await stream.remove(entries)
    await stream.append([b"12345"])
    with pytest.raises(NotDurable, match="the stream in Redis is full"):
        await stream.append([b"1"])
    assert await contents(stream) == [b"abcde", b"12345"]
    await stream.close()


async def test_tenant_cannot_set_the_durability_promise(valkey: EmbeddedRedis, shared: RedisClient) -> None:
    async with valkey.admin() as admin:
        await admin.delete(PROMISE_KEY)
    with pytest.raises(Exception, match="NoPermissionError"):
        await shared.execute("SET", PROMISE_KEY, "0")
