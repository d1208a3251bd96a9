"""The work queue: which object is looked at next, each by one worker at a time, and none sooner than it should.

As client-go's: a key that is added twice waits once, and a key that is added while it is worked on is worked on again after.
"""

import asyncio
import heapq
import random
from collections.abc import Callable
from datetime import timedelta
from enum import IntEnum

from askproai_core.clock import Clock
from askproai_operator.engine.metrics import Metrics
from askproai_operator.key import Key

BASE_DELAY = timedelta(seconds=1)
LONGEST_DELAY = timedelta(minutes=5)
_TICK = timedelta(milliseconds=200)  # how exactly delays are kept; an idle queue costs 5 wake-ups a second


class Urgency(IntEnum):
    """Which key goes first."""

    CHANGE = 0  # a person changed something, or waits for it
    RESYNC = 1  # just another look, or a retry: after a restart, thousands of them must not delay a new object


def backoff(failures: int, chance: Callable[[], float] = random.random) -> timedelta:
    """Give the delay after the n-th failure in a row: 1 s, 2 s, 4 s … 5 min, of which chance takes up to a half."""
    full = min(BASE_DELAY * float(2 ** min(failures - 1, 20)), LONGEST_DELAY)
    return full * (0.5 + chance() / 2)


class WorkQueue:
    """Keys to reconcile. One event loop's; nothing here is thread-safe."""

    def __init__(self, clock: Clock, metrics: Metrics, chance: Callable[[], float] = random.random) -> None:
        self._clock = clock
        self._metrics = metrics
        self._chance = chance
        # Key → since; oldest first
        self._waiting: dict[Urgency, dict[Key, float]] = {urgency: {} for urgency in Urgency}
        self._processing: dict[Key, float] = {}  # key → since
        self._dirty: dict[Key, Urgency] = {}  # added while worked on
        self._due: dict[Key, tuple[float, Urgency]] = {}  # one later look per key
        self._timeline: list[tuple[float, Key]] = []  # heap over _due; entries that _due no longer backs are skipped
        self._failures: dict[Key, int] = {}
        self._ready = asyncio.Event()

    def add(self, key: Key, urgency: Urgency = Urgency.CHANGE) -> None:
        """Have a key looked at as soon as a worker is free."""
        self._metrics.adds.inc()
        if key in self._processing:
            self._dirty[key] = min(urgency, self._dirty.get(key, urgency))
            return
        since = self._clock.monotonic()
        for other in Urgency:
            if key in self._waiting[other]:
                if other <= urgency:
                    return
                since = self._waiting[other].pop(key)
        self._waiting[urgency][key] = since
        self._measure()
        self._ready.set()

    def schedule(self, key: Key, delay: timedelta, urgency: Urgency = Urgency.RESYNC) -> None:
        """Have a key looked at later; replaces what was scheduled for it before."""
        at = self._clock.monotonic() + delay.total_seconds()
        self._due[key] = (at, urgency)
        heapq.heappush(self._timeline, (at, key))

    def retry(self, key: Key) -> timedelta:
        """Schedule a key after its own exponential backoff, which `forget` ends. Gives the delay."""
        self._failures[key] = self._failures.get(key, 0) + 1
        self._metrics.retries.inc()
        delay = backoff(self._failures[key], self._chance)
        self.schedule(key, delay)
        return delay

    def forget(self, key: Key) -> None:
        """Say that a key went well."""
        self._failures.pop(key, None)

    def failures(self, key: Key) -> int:
        return self._failures.get(key, 0)

    def drop(self, key: Key) -> None:
        """Say that an object is gone: nothing is scheduled for it."""
        self._due.pop(key, None)
        self.forget(key)

    async def get(self) -> Key:
        """Wait for a key and take it. Whoever takes it says `done`."""
        while True:
            for urgency in Urgency:
                if self._waiting[urgency]:
                    return self._take(urgency)
            self._ready.clear()
            await self._ready.wait()

    def done(self, key: Key) -> None:
        """Give a key back after work; it waits again if it was added meanwhile."""
        self._metrics.worked.observe(self._clock.monotonic() - self._processing.pop(key))
        if key in self._dirty:
            self.add(key, self._dirty.pop(key))

    def ripen(self) -> None:
        """Move what is due into the queue."""
        now = self._clock.monotonic()
        while self._timeline and self._timeline[0][0] <= now:
            at, key = heapq.heappop(self._timeline)
            planned = self._due.get(key)
            if planned is not None and planned[0] == at:
                del self._due[key]
                self.add(key, planned[1])
        ages = [now - since for since in self._processing.values()]
        self._metrics.unfinished.set(sum(ages))
        self._metrics.longest.set(max(ages, default=0))

    async def run(self) -> None:
        """Keep the schedule, until cancelled."""
        while True:
            self.ripen()
            await self._clock.sleep(_TICK)

    def oldest_work(self) -> timedelta:
        """Give the age of the longest reconcile that runs now."""
        now = self._clock.monotonic()
        return timedelta(seconds=max((now - since for since in self._processing.values()), default=0))

    def _take(self, urgency: Urgency) -> Key:
        key = next(iter(self._waiting[urgency]))
        now = self._clock.monotonic()
        self._metrics.waited.observe(now - self._waiting[urgency].pop(key))
        self._due.pop(key, None)  # this look is that look
        self._processing[key] = now
        self._measure()
        return key

    def _measure(self) -> None:
        for urgency in Urgency:
            self._metrics.depth_of(urgency.name.lower()).set(len(self._waiting[urgency]))
