"""The calendar that a Tenant selects: the local one alone, or Cal.com by the listed versions of its API, in that order.

The next version is tried only if the one before certainly did not handle the request: refused connection, no such host or
route, an open circuit. After a POST with an unknown outcome nothing else is tried: it may have been done, and is looked up
later. A further calendar is added here, as one more entry of `build_calendar`, and in the settings that select it.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import aiohttp

from askproai_core.clock import Clock
from askproai_core.redis import CircuitBreakers, CircuitRules
from askproai_core.tenant_config import CalcomVersion, CalendarProvider, TenantConfig
from askproai_runtime.calendars.calcom_http import CalcomHttp
from askproai_runtime.calendars.calcom_v1 import CalcomV1
from askproai_runtime.calendars.calcom_v2 import CalcomV2
from askproai_runtime.calendars.refusals import KnownRefusals
from askproai_runtime.calendars.store import ProviderCallRecorder
from askproai_runtime.calendars.types import (
    Calendar,
    CalendarOutcome,
    CalendarRequest,
    CalendarUnavailable,
    Confirmed,
    LocalCalendar,
    RefusalCause,
    Refused,
    RemoteBooking,
    Taken,
    Unavailable,
)

_NONE_LISTED = "no version of Cal.com's API is listed"


@dataclass(frozen=True, slots=True)
class FallbackCalendar:
    """Delegates to the calendars that the config lists now; the list may change at run time."""

    config: Callable[[], TenantConfig]
    calcom: Mapping[CalcomVersion, Calendar]
    clock: Clock
    api_key: Callable[[], str | None] = lambda: None
    refusals: KnownRefusals = field(default_factory=KnownRefusals)

    @property
    def remote(self) -> bool:
        return self.config().calendar.provider is not CalendarProvider.LOCAL

    async def create(self, request: CalendarRequest, *, within: timedelta) -> CalendarOutcome:
        """Book by the first version that can be reached; a caller is refused without asking what was refused a moment ago."""
        credentials, event_type = self._credentials(), ("event type", request.event_type_id)
        token, now = str(request.request_id), self.clock.monotonic()
        for subject in (credentials, event_type) if request.caller_waits else ():
            if refusal := self.refusals.recall(subject, token, now):
                return refusal
        outcome = await self._change(within, lambda calendar, remaining: calendar.create(request, within=remaining))
        if isinstance(outcome, Confirmed | Taken | Refused):
            refused = outcome if isinstance(outcome, Refused) else None
            cause, now = refused.cause if refused else None, self.clock.monotonic()
            self.refusals.record(credentials, token, now, refused if cause is RefusalCause.CREDENTIALS else None)
            if cause is not RefusalCause.CREDENTIALS:
                self.refusals.record(event_type, token, now, refused if cause is RefusalCause.EVENT_TYPE else None)
        return outcome

    async def move(self, uid: str, starts_at: datetime, *, correlation_id: str, within: timedelta) -> CalendarOutcome:
        """Move by the preferred version only: whatever it cannot do now waits until it can."""
        for calendar in self._listed():
            return await calendar.move(uid, starts_at, correlation_id=correlation_id, within=within)
        return Unavailable(_NONE_LISTED)

    async def cancel(self, uid: str, *, reason: str, correlation_id: str, within: timedelta) -> CalendarOutcome:
        more = {"reason": reason, "correlation_id": correlation_id}
        return await self._change(within, lambda calendar, remaining: calendar.cancel(uid, **more, within=remaining))

    async def find(self, request: CalendarRequest) -> RemoteBooking | None:
        """Look up by the first version that can be reached: all of them show the same bookings."""
        return await self._look_up(lambda calendar: calendar.find(request))

    async def get_booking(self, uid: str, *, correlation_id: str) -> RemoteBooking | None:
        return await self._look_up(lambda calendar: calendar.get_booking(uid, correlation_id=correlation_id))

    async def _change(
        self, within: timedelta, change: Callable[[Calendar, timedelta], Awaitable[CalendarOutcome]]
    ) -> CalendarOutcome:
        deadline = self.clock.monotonic() + within.total_seconds()
        first: Unavailable | None = None  # the preferred version's outcome, returned if no version can be reached
        for calendar in self._listed():
            remaining = timedelta(seconds=deadline - self.clock.monotonic())
            if remaining <= timedelta():
                break
            outcome = await change(calendar, remaining)
            if not isinstance(outcome, Unavailable) or outcome.slow:
                return outcome
            first = first or outcome
        return first or Unavailable(_NONE_LISTED)

    async def _look_up(self, look_up: Callable[[Calendar], Awaitable[RemoteBooking | None]]) -> RemoteBooking | None:
        first: CalendarUnavailable | None = None
        for calendar in self._listed():
            try:
                return await look_up(calendar)
            except CalendarUnavailable as error:
                if not error.never_reached:
                    raise
                first = first or error
        raise first or CalendarUnavailable(_NONE_LISTED)

    def _credentials(self) -> Hashable:
        """Return what a refusal of the key is about: with another key, or at another address, Cal.com is asked at once."""
        return self.config().calendar.base_url, self.api_key()

    def _listed(self) -> Iterable[Calendar]:
        if not self.remote:
            return (LocalCalendar(),)
        return [self.calcom[version] for version in self.config().calendar.api_versions if version in self.calcom]


def build_calendar(
    config: Callable[[], TenantConfig],
    credential: Callable[[str], str | None],
    session: aiohttp.ClientSession,
    circuits: CircuitBreakers,
    rules: CircuitRules,
    clock: Clock,
    recorder: ProviderCallRecorder,
) -> FallbackCalendar:
    """Return a tenant's calendar. `credential` returns the mounted credential of a name, None if there is none.

    v1 is tried while the circuit of v2 is open, so it has a circuit of its own.
    """

    def api_key() -> str | None:
        return credential("calcom-api-key")

    circuits_of_v1 = CircuitBreakers(None, clock, rules=rules)
    v2 = CalcomV2(CalcomHttp(session, circuits, clock), config, api_key, recorder)
    v1 = CalcomV1(CalcomHttp(session, circuits_of_v1, clock), config, api_key, recorder)
    return FallbackCalendar(config, {CalcomVersion.V2: v2, CalcomVersion.V1: v1}, clock, api_key)
