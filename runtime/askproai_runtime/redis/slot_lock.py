"""The slot lock. If many callers want one slot at once, it keeps all but the first from starting a transaction.

The lock decides nothing: if two callers both believe that they hold it, the exclusion constraint of the table `claims` decides.
So one Redis is enough, without a quorum or fencing numbers, and a caller who cannot get the lock goes on without it.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog

from askproai_core.clock import Clock
from askproai_core.provider_limits import RedisUnavailable, Script
from askproai_runtime.redis.client import RedisClient

log = structlog.get_logger(__name__)

EXPIRY = timedelta(seconds=10)  # a holder that died blocks nobody for longer
# Before each further try. A holder needs some 10 ms for the local calendar, and up to 4 s for a remote one.
RETRY_DELAYS = timedelta(milliseconds=20), timedelta(milliseconds=120)

_RENEW = Script("return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('PEXPIRE', KEYS[1], ARGV[2]) or 0")
_RELEASE = Script("return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0")


class SlotLock:
    """The locks of one tenant's slots, shared by its pods. Without Redis no caller waits, and the database decides."""

    def __init__(self, client: RedisClient, clock: Clock, expiry: timedelta = EXPIRY) -> None:
        self._client, self._clock, self._expiry = client, clock, expiry

    @asynccontextmanager
    async def hold(self, *slot: object, on_retry: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        """Hold the lock of `slot` during a block, and release it however the block ends.

        While another caller holds the lock, `on_retry` is called after each further failed attempt; it may raise to give up.
        After the last attempt, and without Redis, the block runs without the lock.
        """
        key, token = self._client.key("slot", *slot), secrets.token_hex(16)
        acquired = False
        with contextlib.suppress(RedisUnavailable):
            acquired = await self._acquire(key, token, on_retry)
        if not acquired:
            yield
            return
        renewing = asyncio.create_task(self._renew(key, token), name="renew-slot-lock")
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait({renewing})
            await self._release(key, token)

    async def _acquire(self, key: str, token: str, on_retry: Callable[[], Awaitable[None]]) -> bool:
        if await self._try_acquire(key, token):
            return True
        for delay in RETRY_DELAYS:
            await self._clock.sleep(delay)
            if await self._try_acquire(key, token):
                return True
            await on_retry()
        return False

    async def _try_acquire(self, key: str, token: str) -> bool:
        try:
            return bool(await self._client.execute("SET", key, token, "NX", "PX", _milliseconds(self._expiry)))
        except asyncio.CancelledError:  # Redis may have set the lock before the failure
            await self._release(key, token)
            raise

    async def _release(self, key: str, token: str) -> None:
        with contextlib.suppress(RedisUnavailable):  # the lock expires by itself
            await self._client.run(_RELEASE, [key], [token])

    async def _renew(self, key: str, token: str) -> None:
        """Extend the lock's expiry while a slow calendar is called. A lost lock is not taken again, since it decides nothing."""
        held = True
        while held:
            await self._clock.sleep(self._expiry / 3)
            try:
                held = bool(await self._client.run(_RENEW, [key], [token, _milliseconds(self._expiry)]))
            except RedisUnavailable:
                continue
        log.info("slot_lock.lost", consequence="the book decides")


def _milliseconds(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)
