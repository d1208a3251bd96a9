"""Cal.com by the versions of its API that the Tenant lists, in that order (design §3.3).

The next one is asked only when the one before was plainly not there: refused connection, no such host or route, an open
circuit. After a POST whose outcome is unknown nothing more is asked: it may have been done, and is looked up later.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from askproai_runtime.calendars.types import (
    Calendar,
    CalendarRequest,
    CalendarUnreachable,
    Outcome,
    Standing,
    Unavailable,
)
from askproai_runtime.config import CalcomVersion, TenantConfig
from askproai_runtime.seams import Clock


@dataclass(frozen=True, slots=True)
class Versions:
    """Asks the versions that the config lists now; it may change while we run."""

    config: Callable[[], TenantConfig]
    versions: Mapping[CalcomVersion, Calendar]
    clock: Clock
    remote = True

    async def create(self, request: CalendarRequest, *, within: timedelta) -> Outcome:
        deadline = self.clock.monotonic() + within.total_seconds()
        first: Unavailable | None = None  # what all came to when none was there: the preferred version's word
        for version in self._listed():
            left = timedelta(seconds=deadline - self.clock.monotonic())
            if left <= timedelta():
                break
            outcome = await version.create(request, within=left)
            if not isinstance(outcome, Unavailable) or outcome.slow:
                return outcome
            first = first or outcome
        return first or Unavailable("no version of Cal.com's API is listed")

    async def find(self, request: CalendarRequest) -> Standing | None:
        """Look by the first version that can be asked: they all show the same bookings."""
        return await self._first(lambda version: version.find(request))

    async def look(self, uid: str, *, correlation_id: str) -> Standing | None:
        return await self._first(lambda version: version.look(uid, correlation_id=correlation_id))

    async def move(self, uid: str, starts_at: datetime, *, correlation_id: str, within: timedelta) -> Outcome:
        """Ask the preferred version only: what it can not do now waits for it."""
        for version in self._listed():
            return await version.move(uid, starts_at, correlation_id=correlation_id, within=within)
        return Unavailable("no version of Cal.com's API is listed")

    async def cancel(self, uid: str, *, reason: str, correlation_id: str, within: timedelta) -> Outcome:
        deadline = self.clock.monotonic() + within.total_seconds()
        first: Unavailable | None = None
        for version in self._listed():
            left = timedelta(seconds=deadline - self.clock.monotonic())
            if left <= timedelta():
                break
            outcome = await version.cancel(uid, reason=reason, correlation_id=correlation_id, within=left)
            if not isinstance(outcome, Unavailable) or outcome.slow:
                return outcome
            first = first or outcome
        return first or Unavailable("no version of Cal.com's API is listed")

    async def _first(self, look: Callable[[Calendar], Awaitable[Standing | None]]) -> Standing | None:
        first: CalendarUnreachable | None = None
        for version in self._listed():
            try:
                return await look(version)
            except CalendarUnreachable as error:
                if not error.plainly:
                    raise
                first = first or error
        raise first or CalendarUnreachable("no version of Cal.com's API is listed")

    def _listed(self) -> Iterator[Calendar]:
        return (self.versions[name] for name in self.config().calendar.api_versions if name in self.versions)
