"""The slot lock: one holder while Redis is available, released on every path and only by its holder, and never an obstacle."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import pytest

from askproai_core.clock import SystemClock
from askproai_runtime.redis.client import RedisClient
from askproai_runtime.redis.slot_lock import SlotLock
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.tenant_redis import create_tenant_user, tenant_client
from tests.worlds.waiting import SOON, eventually

SLOT = "mitte", "anna", 1_795_000_000


class Taken(Exception):
    pass


async def give_up() -> None:
    raise Taken


async def go_on() -> None:
    pass


async def token(shared: RedisClient) -> str | None:
    return await shared.execute("GET", shared.key("slot", *SLOT))


def lock_of(shared: RedisClient, expires: timedelta = timedelta(seconds=30)) -> SlotLock:
    return SlotLock(shared, SystemClock(), expires)


@pytest.fixture
async def other(valkey: EmbeddedRedis, shared: RedisClient) -> AsyncIterator[RedisClient]:
    """Another pod of the same tenant."""
    pod = RedisClient(
        shared.url, shared.key().split(":")[1], SystemClock(), shared._metrics, timeout=timedelta(seconds=1)
    )
    yield pod
    await pod.close()


async def test_second_requester_of_a_slot_may_give_up(shared: RedisClient, other: RedisClient) -> None:
    async with lock_of(shared).hold(*SLOT, on_retry=give_up):
        held = await token(shared)
        with pytest.raises(Taken):
            async with lock_of(other).hold(*SLOT, on_retry=give_up):
                pytest.fail("two at once")
        assert held is not None
        assert await token(shared) == held, "whoever gave up must not release another's lock"
    async with lock_of(other).hold(*SLOT, on_retry=give_up):
        assert await token(shared) not in {None, held}


async def test_waiting_requester_gets_the_freed_slot_lock(shared: RedisClient, other: RedisClient) -> None:
    freed, retries = asyncio.Event(), 0

    async def count_retry() -> None:
        nonlocal retries
        retries += 1
        freed.set()

    async def first() -> None:
        async with lock_of(shared).hold(*SLOT, on_retry=give_up):
            await freed.wait()

    holding = asyncio.create_task(first())
    await eventually(lambda: token(shared), SOON, "the first holder")
    async with lock_of(other).hold(*SLOT, on_retry=count_retry):
        await holding
        assert retries >= 1
        assert await token(shared) is not None
    assert await token(shared) is None


async def test_held_slot_lock_delays_callers_only_briefly(shared: RedisClient) -> None:
    """Its holder died, or waits for a slow calendar: the database decides."""
    await shared.execute("SET", shared.key("slot", *SLOT), "somebody")
    began = asyncio.get_running_loop().time()
    async with lock_of(shared).hold(*SLOT, on_retry=go_on):
        assert asyncio.get_running_loop().time() - began < 1
        assert await token(shared) == "somebody"
    assert await token(shared) == "somebody"


@pytest.mark.parametrize("end", ["error", "cancel"])
async def test_lock_is_released_however_the_block_ends(shared: RedisClient, end: str) -> None:
    inside = asyncio.Event()

    async def block() -> None:
        async with lock_of(shared).hold(*SLOT, on_retry=give_up):
            inside.set()
            if end == "error":
                raise ZeroDivisionError
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await inside.wait()
    task.cancel() if end == "cancel" else None
    with suppress(ZeroDivisionError, asyncio.CancelledError):
        await task
    assert await token(shared) is None


async def test_lock_outlives_its_expiry_during_slow_calendar_requests(shared: RedisClient) -> None:
    """A lock of 30 s around a call of 45 s must not expire in the middle. Here all times are a fifteenth."""
    loop = asyncio.get_running_loop()
    async with lock_of(shared, timedelta(seconds=2)).hold(*SLOT, on_retry=give_up):
        held, end = await token(shared), loop.time() + 3
        while loop.time() < end:
            assert await token(shared) == held
            await asyncio.sleep(0.05)
    assert await token(shared) is None


async def test_slot_lock_of_a_dead_holder_expires(shared: RedisClient) -> None:
    lock = lock_of(shared, timedelta(milliseconds=200))
    assert await lock._acquire(shared.key("slot", *SLOT), "died", give_up)

    async def gone() -> bool:
        return await token(shared) is None

    await eventually(gone, SOON, "the expiry")


async def test_expired_lock_holder_does_not_release_the_next(shared: RedisClient) -> None:
    async with lock_of(shared).hold(*SLOT, on_retry=give_up):
        await shared.execute("SET", shared.key("slot", *SLOT), "the next")
    assert await token(shared) == "the next"


async def test_no_caller_waits_for_slot_lock_without_redis(own_valkey: EmbeddedRedis, tenant: str) -> None:
    shared = tenant_client(await create_tenant_user(own_valkey, tenant), tenant)
    lock = lock_of(shared)
    async with lock.hold(*SLOT, on_retry=give_up):
        await own_valkey.kill()
        async with lock.hold(*SLOT, on_retry=give_up):
            pass
    await own_valkey.start()

    async def shared_again() -> bool:
        async with lock.hold("another", on_retry=give_up):
            return not shared.degraded and await shared.execute("GET", shared.key("slot", "another")) is not None

    await eventually(shared_again, SOON, "the lock to be shared again")
    await shared.close()
