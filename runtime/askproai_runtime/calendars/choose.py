"""Which book the tenant's config names now; it may change while we run."""

from collections.abc import Callable
from datetime import timedelta

from askproai_runtime.calendars.local import LocalCalendar
from askproai_runtime.calendars.types import Calendar, CalendarRequest, Confirmed, Outcome
from askproai_runtime.config import CalendarProvider, TenantConfig


class ChosenCalendar:
    """Asks the calendar of `TenantConfig.calendar.provider`."""

    def __init__(self, config: Callable[[], TenantConfig], calcom: Calendar) -> None:
        self._config = config
        self._calcom = calcom
        self._local: Calendar = LocalCalendar()

    @property
    def remote(self) -> bool:
        return self._now().remote

    async def create(self, request: CalendarRequest, *, within: timedelta) -> Outcome:
        return await self._now().create(request, within=within)

    async def find(self, request: CalendarRequest) -> Confirmed | None:
        return await self._now().find(request)

    def _now(self) -> Calendar:
        return self._calcom if self._config().calendar.provider is CalendarProvider.CALCOM else self._local
