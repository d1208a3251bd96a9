"""Cal.com by the versions of its API that the Tenant lists, in that order (design §3.3).

The next one is asked only when the one before was plainly not there: refused connection, no such host or route, an open
circuit. After a POST whose outcome is unknown nothing more is asked: it may have been done, and is looked up later.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from askproai_runtime.calendars.types import (
    Calendar,
    CalendarRequest,
    CalendarUnreachable,
    Confirmed,
    Outcome,
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

    async def find(self, request: CalendarRequest) -> Confirmed | None:
        """Look by the first version that can be asked: they all show the same bookings."""
        first: CalendarUnreachable | None = None
        for version in self._listed():
            try:
                return await version.find(request)
            except CalendarUnreachable as error:
                if not error.plainly:
                    raise
                first = first or error
        raise first or CalendarUnreachable("no version of Cal.com's API is listed")

    async def cancel(self, uid: str, *, correlation_id: str, within: timedelta) -> bool:
        deadline = self.clock.monotonic() + within.total_seconds()
        for version in self._listed():
            left = timedelta(seconds=deadline - self.clock.monotonic())
            if left > timedelta() and await version.cancel(uid, correlation_id=correlation_id, within=left):
                return True
        return False

    def _listed(self) -> Iterator[Calendar]:
        return (self.versions[name] for name in self.config().calendar.api_versions if name in self.versions)
