"""The clock a simulator lives by; the runtime's clocks fit it by shape, without an import."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the time is, and how to let it pass."""

    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...
    async def sleep(self, duration: timedelta) -> None: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(duration.total_seconds())


def unix_milliseconds(clock: Clock) -> int:
    """Give the clock's time as Unix milliseconds."""
    return int(clock.now().timestamp() * 1000)
