"""The calendar that a Tenant selects: the local one alone, or a remote one by the listed APIs, in that order.

The next API is tried only if the one before certainly did not handle the request: refused connection, no such host or
route, an open circuit. After a POST with an unknown outcome nothing else is tried: it may have been done, and is looked up
later. A further calendar is one more entry in `build_calendar`.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

import aiohttp

from askproai_core.clock import Clock
from askproai_core.provider_limits import Circuit, CircuitBreakers, CircuitCommand, CircuitRules, RequestBudget
from askproai_core.provider_names import CalendarApi
from askproai_core.tenant_config import TenantConfig, Withheld
from askproai_core.tenant_config.services import EventType, OwnEventType
from askproai_runtime.calendars.calcom_http import CalcomHttp
from askproai_runtime.calendars.calcom_v1 import CalcomV1
from askproai_runtime.calendars.calcom_v2 import CalcomV2
from askproai_runtime.calendars.store import ProviderCallRecorder
from askproai_runtime.calendars.types import (
    BookingList,
    Calendar,
    CalendarAccount,
    CalendarOutcome,
    CalendarRequest,
    CalendarUnavailable,
    Confirmed,
    FreeTimes,
    FreeTimesQuery,
    LocalCalendar,
    RefusalCause,
    Refused,
    RemoteBooking,
    Taken,
    Unavailable,
)

T = TypeVar("T")

_NONE_LISTED = "no API of the calendar is listed"
_NOT_LOOKED_UP = (
    "event type {} is not yet known to be in the Tenant's Cal.com account, so nothing is sent to it; see CalendarLinked of the"
    " ServiceOffering"
)
_NOT_FOUND = "event type {} is not in the Tenant's Cal.com account, so nothing is sent to it until its id is corrected"
_NOT_NAMED = "no ServiceOffering names event type {} any more, so nothing is booked at it until one names it again"

_REFUSAL_RULES = CircuitRules(failures=2)


@dataclass(slots=True)
class _Refusal:
    circuit: Circuit
    last: Refused


@dataclass(slots=True)
class KnownRefusals:
    """Refusals that the calendar would repeat, by subject: while one is known, callers are answered without a request.

    With a revoked key, a wrong address, or an event type that is gone, every booking is refused until a person corrects it. Two
    refusals in a row open a circuit of that subject alone (a key, an event type); then one booking a minute asks again. Each
    process has its own circuits. They only spare callers a wait (docs/decisions/0036-refusals-and-limits.md). `token`
    identifies the request that asks; times are monotonic seconds.
    """

    rules: CircuitRules = _REFUSAL_RULES
    _refusals: dict[Hashable, _Refusal] = field(default_factory=dict, repr=False)

    def recall(self, subject: Hashable, token: str, now: float) -> Refused | None:
        """Return the known refusal of a subject (a key or an event type); None if the calendar must be asked."""
        known = self._refusals.get(subject)
        if known is None:
            return None
        step = known.circuit.step(CircuitCommand.ALLOW, token, _milliseconds(now))
        return known.last if step.wait else None

    def record(self, subject: Hashable, token: str, now: float, refusal: Refused | None) -> None:
        """Record the calendar's answer about `subject`: its refusal, or None if it has accepted the request."""
        if refusal is None:
            self._refusals.pop(subject, None)
            return
        known = self._refusals.setdefault(subject, _Refusal(Circuit(self.rules), refusal))
        known.last = refusal
        known.circuit.step(CircuitCommand.FAILED, token, _milliseconds(now))


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


@dataclass(frozen=True, slots=True)
class Account:
    """A user of a remote calendar: the key, and a calendar for each API, with circuit breakers of the account's own."""

    apis: Mapping[CalendarApi, Calendar] = field(default_factory=dict)
    api_key: Callable[[], str | None] = lambda: None


@dataclass(frozen=True, slots=True)
class FallbackCalendar:
    """Delegates to the calendars that the config lists now; the list may change at run time.

    `apis` use the tenant's own key (`api_key`). An event type with a key of its own is booked
    with that key and never with another, by the calendars that `open_account` returns for the key's file.
    """

    config: Callable[[], TenantConfig]
    apis: Mapping[CalendarApi, Calendar]
    clock: Clock
    api_key: Callable[[], str | None] = lambda: None
    refusals: KnownRefusals = field(default_factory=KnownRefusals)
    open_account: Callable[[str], Account] = lambda _: Account()
    _own_accounts: dict[str, Account] = field(default_factory=dict, repr=False)

    @property
    def remote(self) -> bool:
        return self.config().calendar.provider.is_remote

    async def create(self, request: CalendarRequest, *, within: timedelta) -> CalendarOutcome:
        """Book by the first version of the API that can be reached. For a waiting caller, a known refusal is repeated without a
        request.

        Cal.com takes a booking at anybody's event type, so none is made at an event type that is withheld or not in the config.
        """
        if self.remote and not self.config().names_event_type(request.event_type_id):
            return Unavailable(_NOT_NAMED.format(request.event_type_id))
        if obstacle := self._find_obstacle(request.event_type_id):
            return obstacle
        credentials, event_type = self._credentials(request.event_type_id), ("event type", request.event_type_id)
        token, now = str(request.request_id), self.clock.monotonic()
        for subject in (credentials, event_type) if request.caller_waits else ():
            if refusal := self.refusals.recall(subject, token, now):
                return refusal
        outcome = await self._change(
            request.event_type_id, within, lambda calendar, remaining: calendar.create(request, within=remaining)
        )
        if isinstance(outcome, Confirmed | Taken | Refused):
            refused = outcome if isinstance(outcome, Refused) else None
            cause, now = refused.cause if refused else None, self.clock.monotonic()
            self.refusals.record(credentials, token, now, refused if cause is RefusalCause.CREDENTIALS else None)
            if cause is not RefusalCause.CREDENTIALS:
                self.refusals.record(event_type, token, now, refused if cause is RefusalCause.EVENT_TYPE else None)
        return outcome

    async def move(
        self, uid: str, starts_at: datetime, *, event_type_id: int | None, correlation_id: str, within: timedelta
    ) -> CalendarOutcome:
        """Move by the preferred version of the API only. If it is unavailable, the move waits."""
        if obstacle := self._find_obstacle(event_type_id):
            return obstacle
        for calendar in self._listed(event_type_id):
            return await calendar.move(
                uid, starts_at, event_type_id=event_type_id, correlation_id=correlation_id, within=within
            )
        return Unavailable(_NONE_LISTED)

    async def cancel(
        self, uid: str, *, reason: str, event_type_id: int | None, correlation_id: str, within: timedelta
    ) -> CalendarOutcome:
        if obstacle := self._find_obstacle(event_type_id):
            return obstacle

        def cancel(calendar: Calendar, remaining: timedelta) -> Awaitable[CalendarOutcome]:
            return calendar.cancel(
                uid, reason=reason, event_type_id=event_type_id, correlation_id=correlation_id, within=remaining
            )

        return await self._change(event_type_id, within, cancel)

    async def mark_attendance(
        self, booking: RemoteBooking, *, event_type_id: int | None, correlation_id: str, within: timedelta
    ) -> CalendarOutcome:
        """Mark attendance by the preferred version of the API only, like a move."""
        if obstacle := self._find_obstacle(event_type_id):
            return obstacle
        for calendar in self._listed(event_type_id):
            return await calendar.mark_attendance(
                booking, event_type_id=event_type_id, correlation_id=correlation_id, within=within
            )
        return Unavailable(_NONE_LISTED)

    async def find(self, request: CalendarRequest) -> RemoteBooking | None:
        """Find the booking of a request by the first version of the API that can be reached: all show the same bookings."""
        return await self._look_up(request.event_type_id, lambda calendar: calendar.find(request))

    async def get_booking(self, uid: str, *, event_type_id: int | None, correlation_id: str) -> RemoteBooking | None:
        def get(calendar: Calendar) -> Awaitable[RemoteBooking | None]:
            return calendar.get_booking(uid, event_type_id=event_type_id, correlation_id=correlation_id)

        return await self._look_up(event_type_id, get)

    async def read_free_times(self, query: FreeTimesQuery, *, within: timedelta) -> FreeTimes:
        if obstacle := self._find_obstacle(query.bookable.event_type_id):
            raise CalendarUnavailable(obstacle.message)
        return await self._look_up(
            query.bookable.event_type_id, lambda calendar: calendar.read_free_times(query, within=within)
        )

    def accounts(self) -> list[CalendarAccount]:
        """Return the accounts that own event types of services, and whose bookings a listed API can list.

        Withheld event types are left out, and so is an account that has no other: its key may be another account's, whose list
        lacks the event type. An event type that is found later counts as new: its bookings are imported then.
        """
        config = self.config()
        if not self.remote:
            return []
        links: dict[str, list[EventType]] = {}
        for service in config.services:
            for each in service.linked_event_types:
                if each.withheld is None:
                    links.setdefault(each.credential if isinstance(each, OwnEventType) else "", []).append(each)
        accounts = []
        for name, event_types in links.items():
            listed = self._listed(event_types[0].event_type_id)
            bookings = next((each for each in listed if isinstance(each, BookingList)), None)
            if bookings is not None:
                ids = frozenset(each.event_type_id for each in event_types)
                owner = f"the account of {event_types[0].staff}" if name else "the Tenant's account"
                accounts.append(CalendarAccount(name, owner, ids, bookings))
        return accounts

    def _find_obstacle(self, event_type_id: int | None) -> Unavailable | Refused | None:
        """Return the outcome for a withheld event type, without a request: `Refused` if Cal.com lacks it; None for others."""
        withheld = self.config().withheld(event_type_id) if self.remote else None
        if withheld is Withheld.NOT_FOUND:
            return Refused(_NOT_FOUND.format(event_type_id), RefusalCause.EVENT_TYPE)
        return Unavailable(_NOT_LOOKED_UP.format(event_type_id)) if withheld is Withheld.NOT_LOOKED_UP else None

    async def _change(
        self,
        event_type_id: int | None,
        within: timedelta,
        change: Callable[[Calendar, timedelta], Awaitable[CalendarOutcome]],
    ) -> CalendarOutcome:
        deadline = self.clock.monotonic() + within.total_seconds()
        first: Unavailable | None = None  # the preferred version's outcome, returned if no version can be reached
        for calendar in self._listed(event_type_id):
            remaining = timedelta(seconds=deadline - self.clock.monotonic())
            if remaining <= timedelta():
                break
            outcome = await change(calendar, remaining)
            if not isinstance(outcome, Unavailable) or outcome.slow:
                return outcome
            first = first or outcome
        return first or Unavailable(_NONE_LISTED)

    async def _look_up(self, event_type_id: int | None, look_up: Callable[[Calendar], Awaitable[T]]) -> T:
        first: CalendarUnavailable | None = None
        for calendar in self._listed(event_type_id):
            try:
                return await look_up(calendar)
            except CalendarUnavailable as error:
                if not error.never_reached:
                    raise
                first = first or error
        raise first or CalendarUnavailable(_NONE_LISTED)

    def _credentials(self, event_type_id: int) -> Hashable:
        """Return address, credential name and key: the subject of a refused key. If one changes, Cal.com is asked again."""
        credential = self.config().own_credential(event_type_id)
        return self.config().calendar.base_url, credential, self._account(event_type_id).api_key()

    def _listed(self, event_type_id: int | None) -> Iterable[Calendar]:
        if not self.remote:
            return (LocalCalendar(),)
        apis = self._account(event_type_id).apis
        return [apis[name] for name in self.config().calendar.api_versions if name in apis]

    def _account(self, event_type_id: int | None) -> Account:
        credential = self.config().own_credential(event_type_id)
        if credential is None:
            return Account(self.apis, self.api_key)
        if credential not in self._own_accounts:
            self._own_accounts[credential] = self.open_account(credential)
        return self._own_accounts[credential]


def build_calendar(
    config: Callable[[], TenantConfig],
    credential: Callable[[str], str | None],
    session: aiohttp.ClientSession,
    circuits: CircuitBreakers,
    rules: CircuitRules,
    clock: Clock,
    recorder: ProviderCallRecorder,
    budget: RequestBudget,
) -> FallbackCalendar:
    """Return a tenant's calendar. `credential` returns the mounted credential with a name, None if there is none.

    v1 has a circuit of its own, since it is tried while the circuit of v2 is open. So has a staff member's account, which may
    be limited or locked while others work; its refusals are recorded separately. The budget is the tenant's, for all versions
    and accounts.
    """

    def open_account(
        api_key: Callable[[], str | None], circuits: CircuitBreakers, recorder: ProviderCallRecorder
    ) -> Account:
        circuits_of_v1 = CircuitBreakers(None, clock, rules=rules)
        slots_http = CalcomHttp(session, CircuitBreakers(None, clock, rules=rules), clock, budget)
        v2 = CalcomV2(CalcomHttp(session, circuits, clock, budget), config, api_key, recorder, slots_http)
        v1 = CalcomV1(CalcomHttp(session, circuits_of_v1, clock, budget), config, api_key, recorder)
        return Account({CalendarApi.V2: v2, CalendarApi.V1: v1}, api_key)

    def open_own_account(name: str) -> Account:
        own = CircuitBreakers(None, clock, rules=rules)
        return open_account(lambda: credential(name), own, replace(recorder, own_account=True))

    account = open_account(lambda: credential(config().calendar.provider.key_file), circuits, recorder)
    return FallbackCalendar(config, account.apis, clock, account.api_key, open_account=open_own_account)


def list_accounts(calendar: Calendar) -> list[CalendarAccount]:
    """Return the accounts of a tenant's calendar whose bookings can be listed."""
    return calendar.accounts() if isinstance(calendar, FallbackCalendar) else []
