"""The slot lock: of many callers who want one slot at once, all but the first are spared a transaction (B1).

It decides nothing: two who both believe to hold it meet the constraint of the book. So one Redis is enough, without a
quorum and without fencing numbers, and whoever cannot get the lock goes on without it.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog

from askproai_core.clock import Clock
from askproai_core.redis.client import RedisAway, Script, Shared

log = structlog.get_logger(__name__)

EXPIRES = timedelta(seconds=10)  # a holder that died is in nobody's way for longer
# Before the further tries for a lock that somebody has: its holder needs some 10 ms for the book, and up to 4 s for a calendar.
PAUSES = timedelta(milliseconds=20), timedelta(milliseconds=120)

_RENEW = Script(
    "renew", "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('PEXPIRE', KEYS[1], ARGV[2]) or 0"
)
_RELEASE = Script("release", "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0")


class SlotLock:
    """Locks of one tenant, shared by its pods. Without Redis everybody goes at once, and the book decides."""

    def __init__(self, shared: Shared, clock: Clock, expires: timedelta = EXPIRES) -> None:
        self._shared, self._clock, self._expires = shared, clock, expires

    @asynccontextmanager
    async def hold(self, *slot: object, between: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        """Hold the lock of `slot` around a block, for as long as that takes; its end, however it comes, releases it.

        While somebody else has it, `between` is called after each further try, and may raise to give up. After the last
        one the block runs without the lock.
        """
        key, token = self._shared.key("slot", *slot), secrets.token_hex(16)
        mine = False
        with contextlib.suppress(RedisAway):
            mine = await self._take(key, token, between)
        if not mine:
            yield
            return
        renewing = asyncio.create_task(self._renew(key, token), name="renew-slot-lock")
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait({renewing})
            await self._release(key, token)

    async def _take(self, key: str, token: str, between: Callable[[], Awaitable[None]]) -> bool:
        if await self._set(key, token):
            return True
        for pause in PAUSES:
            await self._clock.sleep(pause)
            if await self._set(key, token):
                return True
            await between()
        return False

    async def _set(self, key: str, token: str) -> bool:
        try:
            return bool(await self._shared.do("SET", key, token, "NX", "PX", _milliseconds(self._expires)))
        except asyncio.CancelledError:  # it may have been set all the same
            await self._release(key, token)
            raise

    async def _release(self, key: str, token: str) -> None:
        with contextlib.suppress(RedisAway):  # then it expires
            await self._shared.run(_RELEASE, [key], [token])

    async def _renew(self, key: str, token: str) -> None:
        """Move the expiry on while a slow calendar is being asked. A lock that is lost stays lost: it decides nothing."""
        kept = True
        while kept:
            await self._clock.sleep(self._expires / 3)
            try:
                kept = bool(await self._shared.run(_RENEW, [key], [token, _milliseconds(self._expires)]))
            except RedisAway:
                continue
        log.info("slot_lock.lost", consequence="the book decides")


def _milliseconds(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)
