"""The time, as a value that is passed in. Tests pass the clock of tests/worlds/clock.py."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_BOOT_TIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class Clock(Protocol):
    """The source of the present time and of pauses. Code that needs the time gets a clock as an argument."""

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
