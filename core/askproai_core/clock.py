"""The time, as a value that is passed in. Used by the operator, the runtime and the sandbox; tests pass a `FixedClock`."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_BOOT_TIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class Clock(Protocol):
    """Returns the time, and waits."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never go back, and go on while the machine is suspended; only differences mean anything."""

    async def sleep(self, duration: timedelta) -> None:
        """Wait for `duration`."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        # A virtual machine that is suspended or migrated stops CLOCK_MONOTONIC: a leader would wake up and trust a Lease that ran
        # out meanwhile. CLOCK_BOOTTIME goes on; systems other than Linux have none.
        return time.monotonic() if _BOOT_TIME is None else time.clock_gettime(_BOOT_TIME)

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(duration.total_seconds())


class FixedClock:
    """A clock for tests: its time changes only when it is advanced, and sleeping advances it."""

    def __init__(self, now: datetime) -> None:
        if now.tzinfo is None:
            raise ValueError("FixedClock needs an aware time, such as datetime(2026, 11, 20, 9, tzinfo=UTC)")
        self._start = now.astimezone(UTC)
        self._now = self._start

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    def advance(self, duration: timedelta) -> None:
        """Let `duration` pass at once."""
        self._now += duration

    async def sleep(self, duration: timedelta) -> None:
        self.advance(duration)
        await asyncio.sleep(0)
