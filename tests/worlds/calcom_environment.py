"""A salon whose calendar is the Cal.com simulator, for the booking tests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import aiohttp
import msgspec

from askproai_core.database import open_pool
from askproai_core.fault_injection import FaultPoints
from askproai_core.provider_limits import CircuitBreakers, CircuitRules
from askproai_core.provider_names import CalendarApi
from askproai_core.tenant_config import Service, TenantConfig
from askproai_runtime.book.context import BookingSettings
from askproai_runtime.calendar_sync.reading import CalendarEvent
from askproai_runtime.calendars import ProviderCallRecorder
from askproai_runtime.calendars.calcom_http import CalcomHttp
from askproai_runtime.calendars.calcom_v2 import CalcomV2
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.simulator import Fault, FaultKind, serve
from tests.worlds import calcom_contract
from tests.worlds.booking_environment import (
    CALCOM,
    NOW,
    BookingService,
    FrozenClock,
    Salon,
    open_slot_lock,
    tenant_config_of,
)
from tests.worlds.exchanges import compared
from tests.worlds.waiting import SOON

QUICK = BookingSettings(
    provider_timeout=timedelta(seconds=1), budget=timedelta(seconds=3), quiet_period=timedelta(), sync_delay=timedelta()
)
KEY = "cal_salon"


@dataclass
class CalcomEnvironment:
    """A salon whose calendar is the simulator. `worker` is a second process, with one database connection."""

    salon: Salon
    calcom: CalcomSimulator
    session: aiohttp.ClientSession
    url: str
    config: TenantConfig
    circuits: CircuitBreakers
    calendar: CalcomV2 = None  # type: ignore[assignment]  # set by the fixture: it needs the salon's pool
    worker: BookingService = None  # type: ignore[assignment]
    key: str = KEY

    def inject_fault(self, kind: FaultKind, *operations: str, **options: Any) -> None:
        """Let Cal.com fail at these operations, by default at the creation of a booking."""
        for operation in operations or ("create-booking",):
            self.calcom.faults.active.append(Fault.parse({"operation": operation, "fault": kind, **options}, NOW))

    @property
    def bookings(self) -> list[dict[str, Any]]:
        """The live bookings at Cal.com, in its own format."""
        accounts = self.calcom.dump()["accounts"]
        return [b for b in accounts.get(KEY, {"bookings": []})["bookings"] if b["status"] == "accepted"]

    async def block(self, event_type: int, start: str) -> None:
        """Book a time at Cal.com as another customer."""
        attendee = {"name": "Fremd", "email": "fremd@example.com", "timeZone": "Europe/Berlin"}
        body = {"eventTypeId": event_type, "start": start, "attendee": attendee}
        headers = {"cal-api-version": "2024-08-13", "Authorization": f"Bearer {KEY}"}
        async with self.session.post(f"{self.url}/v2/bookings", json=body, headers=headers) as response:
            assert response.status == 201, await response.text()

    async def dashboard(self, action: str, key: str = KEY, **fields: Any) -> dict[str, Any]:
        """Change a booking as a person does with Cal.com's dashboard; return the booking."""
        body = {"key": key, "action": action, **fields}
        async with self.session.post(f"{self.url}/_sim/dashboard", json=body) as response:
            assert response.status in {200, 201}, await response.text()
            return await response.json()

    def use_versions(self, *versions: CalendarApi) -> None:
        """Configure the versions of Cal.com's API."""
        calendar = msgspec.structs.replace(self.config.calendar, api_versions=versions)
        self.config = msgspec.structs.replace(self.config, calendar=calendar)

    async def known_event_types(self, day: date) -> set[int]:
        """Return the event types whose free times of a day are known."""
        query = "SELECT event_type_id FROM free_times WHERE day = $1 AND read_at IS NOT NULL"
        return {row["event_type_id"] for row in await self.salon.rows(query, day)}

    async def receive_event(self, uid: str, received_at: datetime = NOW, starts_at: datetime | None = None) -> str:
        """Handle a booking's event, as a worker does after a webhook; return the note that is stored with the event."""
        return await self.handle_event(CalendarEvent(uid, received_at, "corr-event", starts_at))

    async def handle_event(self, event: CalendarEvent) -> str:
        """Handle an event as a worker does; return the note that is stored with it."""
        notes: list[str] = []

        async def finish(_conn: Any, note: str) -> None:
            notes.append(note)

        async with asyncio.timeout(SOON):
            await self.worker.apply_calendar_event(event, finish)
        return notes[0]

    async def run_sync_job(self) -> None:
        """Run the queued calendar-sync job, as a worker does."""
        async with asyncio.timeout(SOON):
            await self.worker.sync_appointment(await self.salon.claim_job())

    async def event_type(self, number: int, host: str, **fields: Any) -> None:
        """Create or change an event type at Cal.com."""
        body = {"key": KEY, "id": number, "lengthInMinutes": 45, "afterEventBuffer": 10, "host": host, **fields}
        async with self.session.post(f"{self.url}/_sim/event-types", json=body) as response:
            assert response.status == 201, await response.text()

    async def control(self, name: str, **fields: Any) -> dict[str, Any]:
        """Change what Cal.com merges into free times: `busy` and `absences` of a host, or its schedule (`hosts`)."""
        async with self.session.post(f"{self.url}/_sim/{name}", json={"key": KEY, **fields}) as response:
            assert response.status in {200, 201}, await response.text()
            return await response.json()

    def count_requests(self, operation: str) -> int:
        """Return how many requests Cal.com has had for an operation."""
        return sum(1 for entry in self.calcom.journal.entries if entry.get("operation") == operation)

    def advance(self, duration: timedelta) -> None:
        """Let `duration` pass, for the salon and for Cal.com."""
        self.salon.clock.advance(duration)
        self.calcom.clock.advance(duration)  # type: ignore[attr-defined]

    def disconnect(self) -> None:
        """Replace Cal.com's address by one at which nothing listens."""
        self.use_base_url("http://127.0.0.1:9")

    def reconnect(self) -> None:
        self.use_base_url(self.url)

    def use_base_url(self, url: str) -> None:
        calendar = msgspec.structs.replace(CALCOM, base_url=url)
        self.config = msgspec.structs.replace(self.config, calendar=calendar)

    def offer(self, *services: Service) -> None:
        """Put these services in force, for callers and for the worker."""
        self.config = msgspec.structs.replace(self.config, services=services)
        self.salon.apply_config(msgspec.structs.replace(self.salon.configs[-1], services=services))

    def change_event_types(self, **fields: Any) -> None:
        """Change fields of the event types of the only service."""
        (service,) = self.config.services
        types = tuple(msgspec.structs.replace(each, **fields) for each in service.event_types)
        self.offer(msgspec.structs.replace(service, event_types=types))

    def replace_worker_calendar(self, calendar: Any) -> None:
        """Replace the worker's calendar."""
        self.worker = replace(self.worker, calendar=calendar)


class DeferredCalendar:
    """Forwards to a calendar that is created later: the calendar needs the salon's pool, and the salon needs a calendar."""

    remote = True

    def __init__(self, get_calendar: Callable[[], Any]) -> None:
        self._get_calendar = get_calendar

    def __getattr__(self, name: str) -> Any:
        return getattr(self._get_calendar(), name)


@asynccontextmanager
async def open_calcom_environment(
    new_salon: Callable[..., Awaitable[Salon]], rules: CircuitRules | None = None
) -> AsyncIterator[CalcomEnvironment]:
    calcom = CalcomSimulator(FrozenClock(NOW))
    async with (
        compared(calcom, calcom_contract.check_exchange),
        serve(calcom) as url,
        aiohttp.ClientSession() as session,
    ):
        salon = await new_salon(DeferredCalendar(lambda: env.calendar), QUICK)
        circuits = CircuitBreakers(None, salon.clock, rules=rules)
        env = CalcomEnvironment(salon, calcom, session, url, tenant_config_of(salon.store), circuits)
        env.reconnect()
        for staff, number in (("anna", 1001), ("mehmet", 1002)):
            await env.event_type(number, staff)

        def calcom_with(pool: Any) -> CalcomV2:
            recorder = ProviderCallRecorder(pool, salon.store.tenant, salon.metrics)
            exchange = CalcomHttp(session, circuits, salon.clock)
            return CalcomV2(exchange, lambda: env.config, lambda: env.key, recorder)

        env.calendar = calcom_with(salon.pool)
        async with open_pool(salon.store.dsn, max_size=1) as pool:
            env.worker = BookingService(
                pool, lambda: env.config, calcom_with(pool), salon.clock, salon.metrics, QUICK, FaultPoints(),
                open_slot_lock(salon.store.tenant),
            )  # fmt: skip
            yield env
