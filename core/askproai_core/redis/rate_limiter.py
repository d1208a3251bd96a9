"""Rate limits over all pods of a tenant: a sliding window in Redis, of which each pod draws a few requests ahead.

Far below the limit a pod draws one by one; a busy one as many as it admits in a tenth of a second, so that Redis is asked ten
times a second and not for each webhook. What was drawn counts in the window at once: all pods together admit never more.
"""

import asyncio
from dataclasses import dataclass

from askproai_core.clock import Clock
from askproai_core.redis.client import RedisAway, Script, Shared

_SECONDS = 1  # the window
_AHEAD = 10  # the part of a window for which is drawn ahead
_CLOSED_SECONDS = 0.05  # past the limit a flood is answered without asking Redis for each of it

# The window's clock is Redis's own. The last second counts for as much of it as still lies within one second from now.
_DRAW = Script(
    "draw",
    """local time = redis.call('TIME')
local window, passed = tonumber(time[1]), time[2] / 1000000
local known = redis.call('HMGET', KEYS[1], 'window', 'count', 'before')
local count, before = 0, 0
if known[1] and window - known[1] == 0 then
  count, before = tonumber(known[2]), tonumber(known[3])
elseif known[1] and window - known[1] == 1 then
  before = tonumber(known[2])
end
local room = math.floor(ARGV[1] - count - before * (1 - passed))
local drawn = math.max(0, math.min(room, tonumber(ARGV[2])))
redis.call('HSET', KEYS[1], 'window', window, 'count', count + drawn, 'before', before)
redis.call('PEXPIRE', KEYS[1], 2000)
return drawn""",
)


@dataclass(slots=True)
class Window:
    """The same window in one process: what this pod admitted, and its limit when Redis is gone."""

    number: int = 0
    count: int = 0
    before: int = 0

    def weight(self, now: float) -> float:
        """Give how much of the last second is used."""
        number, passed = divmod(now, _SECONDS)
        if number != self.number:
            self.before = self.count if number - self.number == 1 else 0
            self.number, self.count = int(number), 0
        return self.count + self.before * (1 - passed)


class RateLimiter:
    """One limit of a tenant, by `name`."""

    def __init__(self, shared: Shared, clock: Clock, name: str) -> None:
        self._shared, self._clock, self._key = shared, clock, shared.key("limit", name)
        self._own = Window()
        self._drawn = 0
        self._drawn_until = self._closed_until = float("-inf")
        self._waiting = 0
        self._drawing = asyncio.Lock()

    async def admits(self, limit: int) -> bool:
        """Count one request; False past `limit` in a second. 0 is no limit."""
        if limit == 0:
            return True
        admitted = self._from_drawn() or await self._draw(limit)
        if admitted:
            self._own.weight(self._clock.monotonic())
            self._own.count += 1
        return admitted

    def _from_drawn(self) -> bool:
        if self._drawn == 0 or self._clock.monotonic() >= self._drawn_until:
            return False
        self._drawn -= 1
        return True

    async def _draw(self, limit: int) -> bool:
        """Draw for everybody who waits; who waited for another's draw looks there first."""
        self._waiting += 1
        try:
            async with self._drawing:
                now = self._clock.monotonic()
                if self._from_drawn():
                    return True
                if now < self._closed_until:
                    return False
                own = self._own.weight(now)
                try:
                    wanted = max(self._waiting, int(own / _AHEAD))
                    self._drawn = int(await self._shared.run(_DRAW, [self._key], [limit, wanted]))
                except RedisAway:
                    return own + 1 <= limit
                self._drawn_until = self._clock.monotonic() + _SECONDS / _AHEAD
                if self._drawn == 0:
                    self._closed_until = now + _CLOSED_SECONDS
                return self._from_drawn()
        finally:
            self._waiting -= 1
