"""A calendar that delays its answer until a test releases it."""

import asyncio
from datetime import timedelta
from typing import Any

from askproai_runtime.calendars import FreeTimes, FreeTimesQuery


class HeldCalendar:
    """Returns Cal.com's free times only once they are released, like an answer that is delayed on its way."""

    remote = True

    def __init__(self, calendar: Any) -> None:
        self._calendar, self.has_read, self.release = calendar, asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._calendar, name)

    async def read_free_times(self, query: FreeTimesQuery, *, within: timedelta) -> FreeTimes:
        times: FreeTimes = await self._calendar.read_free_times(query, within=within)
        self.has_read.set()
        await self.release.wait()
        return times
