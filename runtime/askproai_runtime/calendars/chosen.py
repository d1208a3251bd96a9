"""The book that the Tenant names: only our own, or Cal.com by the versions of its API that are listed, in that order (design §3.3).

The next version is asked only when the one before was plainly not there: refused connection, no such host or route, an open
circuit. After a POST whose outcome is unknown nothing more is asked: it may have been done, and is looked up later.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from askproai_core.clock import Clock
from askproai_core.tenant_config import CalcomVersion, CalendarProvider, TenantConfig
from askproai_runtime.calendars.types import (
    Calendar,
    CalendarRequest,
    CalendarUnreachable,
    LocalCalendar,
    Outcome,
    RemoteBooking,
    Unavailable,
)

_NONE_LISTED = "no version of Cal.com's API is listed"


@dataclass(frozen=True, slots=True)
class ChosenCalendar:
    """Asks what the config names now; it may change while we run."""

    config: Callable[[], TenantConfig]
    calcom: Mapping[CalcomVersion, Calendar]
    clock: Clock

    @property
    def remote(self) -> bool:
        return self.config().calendar.provider is CalendarProvider.CALCOM

    async def create(self, request: CalendarRequest, *, within: timedelta) -> Outcome:
        return await self._do(within, lambda one, left: one.create(request, within=left))

    async def cancel(self, uid: str, *, reason: str, correlation_id: str, within: timedelta) -> Outcome:
        about = {"reason": reason, "correlation_id": correlation_id}
        return await self._do(within, lambda one, left: one.cancel(uid, **about, within=left))

    async def move(self, uid: str, starts_at: datetime, *, correlation_id: str, within: timedelta) -> Outcome:
        """Ask the preferred version only: what it can not do now waits for it."""
        for one in self._listed():
            return await one.move(uid, starts_at, correlation_id=correlation_id, within=within)
        return Unavailable(_NONE_LISTED)

    async def find(self, request: CalendarRequest) -> RemoteBooking | None:
        """Look by the first version that can be asked: they all show the same bookings."""
        return await self._look(lambda one: one.find(request))

    async def look(self, uid: str, *, correlation_id: str) -> RemoteBooking | None:
        return await self._look(lambda one: one.look(uid, correlation_id=correlation_id))

    async def _do(self, within: timedelta, act: Callable[[Calendar, timedelta], Awaitable[Outcome]]) -> Outcome:
        deadline = self.clock.monotonic() + within.total_seconds()
        first: Unavailable | None = None  # what all came to when none was there: the preferred version's word
        for one in self._listed():
            left = timedelta(seconds=deadline - self.clock.monotonic())
            if left <= timedelta():
                break
            outcome = await act(one, left)
            if not isinstance(outcome, Unavailable) or outcome.slow:
                return outcome
            first = first or outcome
        return first or Unavailable(_NONE_LISTED)

    async def _look(self, look: Callable[[Calendar], Awaitable[RemoteBooking | None]]) -> RemoteBooking | None:
        first: CalendarUnreachable | None = None
        for one in self._listed():
            try:
                return await look(one)
            except CalendarUnreachable as error:
                if not error.plainly:
                    raise
                first = first or error
        raise first or CalendarUnreachable(_NONE_LISTED)

    def _listed(self) -> Iterable[Calendar]:
        if not self.remote:
            return (LocalCalendar(),)
        return [self.calcom[name] for name in self.config().calendar.api_versions if name in self.calcom]
