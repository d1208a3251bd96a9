"""A rate limit of one process: so many requests within any second."""

import math
from collections import deque

from askproai_runtime.seams import Clock
from askproai_runtime.serving.problems import Problem

WINDOW_SECONDS = 1.0


class SlidingWindow:
    """Remembers the last second's requests."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._times: deque[float] = deque()

    def enter(self, limit: int) -> None:
        """Count one request. Raises 429 with Retry-After past `limit` in a second; 0 is no limit."""
        if limit == 0:
            return
        now = self._clock.monotonic()
        while self._times and self._times[0] <= now - WINDOW_SECONDS:
            self._times.popleft()
        if len(self._times) >= limit:
            wait = math.ceil(self._times[0] + WINDOW_SECONDS - now)
            raise Problem(429, "Too Many Requests", "Send it again later", {"Retry-After": str(max(1, wait))})
        self._times.append(now)
