"""A clock whose time a test decides."""

import asyncio
from datetime import UTC, datetime, timedelta


class FixedClock:
    """Its time changes only when it is advanced, and sleeping advances it."""

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
