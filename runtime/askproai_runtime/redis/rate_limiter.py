"""Rate limits over all pods of a tenant: a sliding window in Redis, from which each pod draws a few requests in advance.

Far below the limit a pod draws one request at a time. A busy pod draws as many as it admits in a tenth of a second, so that it
asks Redis ten times a second and not for each webhook. Drawn requests count in the window at once, so that all pods together
never admit more than the limit.
"""

import asyncio
from dataclasses import dataclass

from askproai_core.clock import Clock
from askproai_core.http_server import Problem
from askproai_core.provider_limits import RedisUnavailable, Script
from askproai_runtime.redis.client import RedisClient

_WINDOW_SECONDS = 1
_DRAWS_PER_WINDOW = 10  # of a busy pod
_CLOSED_SECONDS = 0.05  # past the limit, a flood is refused for this long without asking Redis

# The window's clock is Redis's own. The last second counts with the share of it that still lies within one second from now.
_DRAW = Script(
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
return drawn"""
)


@dataclass(slots=True)
class Window:
    """A sliding window of one process: counts the requests that it admitted. While Redis is unavailable it alone limits them."""

    number: int = 0
    count: int = 0
    before: int = 0

    def weight(self, now: float) -> float:
        """Return the number of requests in the last second."""
        number, passed = divmod(now, _WINDOW_SECONDS)
        if number != self.number:
            self.before = self.count if number - self.number == 1 else 0
            self.number, self.count = int(number), 0
        return self.count + self.before * (1 - passed)


class RateLimiter:
    """One rate limit of a tenant, identified by `name`."""

    def __init__(self, client: RedisClient, clock: Clock, name: str) -> None:
        self._client, self._clock, self._key = client, clock, client.key("limit", name)
        self._local = Window()
        self._drawn = 0
        self._drawn_until = self._closed_until = float("-inf")
        self._waiting = 0
        self._drawing = asyncio.Lock()

    async def admits(self, limit: int) -> bool:
        """Count one request. Return False if `limit` requests were admitted in the last second; a limit of 0 admits all."""
        if limit == 0:
            return True
        admitted = self._take_drawn() or await self._draw(limit)
        if admitted:
            self._local.weight(self._clock.monotonic())
            self._local.count += 1
        return admitted

    def _take_drawn(self) -> bool:
        if self._drawn == 0 or self._clock.monotonic() >= self._drawn_until:
            return False
        self._drawn -= 1
        return True

    async def _draw(self, limit: int) -> bool:
        """Draw requests from Redis for all waiting calls of `admits`, and take one. Return False if none is left to take."""
        self._waiting += 1
        try:
            async with self._drawing:
                now = self._clock.monotonic()
                if self._take_drawn():
                    return True
                if now < self._closed_until:
                    return False
                local = self._local.weight(now)
                try:
                    amount = max(self._waiting, int(local / _DRAWS_PER_WINDOW))
                    self._drawn = int(await self._client.run(_DRAW, [self._key], [limit, amount]))
                except RedisUnavailable:
                    return local + 1 <= limit
                self._drawn_until = self._clock.monotonic() + _WINDOW_SECONDS / _DRAWS_PER_WINDOW
                if self._drawn == 0:
                    self._closed_until = now + _CLOSED_SECONDS
                return self._take_drawn()
        finally:
            self._waiting -= 1


def too_many_requests() -> Problem:
    """Return the 429 response to a request over a rate limit."""
    return Problem(429, "Too Many Requests", "Send it again later", {"Retry-After": "1"})
