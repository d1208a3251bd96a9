"""A salon whose calendar is the Cal.com simulator, for the booking tests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import msgspec
from booking_world import CALCOM, NOW, Salon, StandingClock, salon_of, slots_of

from askproai_core.database import open_pool
from askproai_core.fault_injection import FaultPoints
from askproai_core.redis import CircuitBreakers
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.booking import Booking, BookingSettings, Told
from askproai_runtime.calendars import CalcomHttp, CalcomV2, ProviderCallRecorder
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.simulator import Fault, FaultKind, serve

QUICK = BookingSettings(
    provider_timeout=timedelta(seconds=1), budget=timedelta(seconds=3), quiet=timedelta(), sync_delay=timedelta()
)
KEY = "cal_salon"


@dataclass
class World:
    """A salon whose calendar is the simulator."""

    salon: Salon
    calcom: CalcomSimulator
    session: aiohttp.ClientSession
    url: str
    config: TenantConfig
    circuits: CircuitBreakers
    calendar: CalcomV2 = None  # type: ignore[assignment]  # set by the fixture: it needs the salon's pool
    worker: Booking = None  # type: ignore[assignment]

    def fault(self, kind: FaultKind, operation: str = "create-booking", **more: Any) -> None:
        self.calcom.faults.active.append(Fault.parse({"operation": operation, "fault": kind, **more}, NOW))

    @property
    def bookings(self) -> list[dict[str, Any]]:
        accounts = self.calcom.dump()["accounts"]
        return [b for b in accounts.get(KEY, {"bookings": []})["bookings"] if b["status"] == "accepted"]

    async def block(self, event_type: int, start: str) -> None:
        """Somebody else books there."""
        attendee = {"name": "Fremd", "email": "fremd@example.com", "timeZone": "Europe/Berlin"}
        body = {"eventTypeId": event_type, "start": start, "attendee": attendee}
        headers = {"cal-api-version": "2024-08-13", "Authorization": f"Bearer {KEY}"}
        async with self.session.post(f"{self.url}/v2/bookings", json=body, headers=headers) as response:
            assert response.status == 201, await response.text()

    async def dashboard(self, action: str, **what: Any) -> dict[str, Any]:
        """Do what a person does at Cal.com."""
        body = {"key": KEY, "action": action, **what}
        async with self.session.post(f"{self.url}/_sim/dashboard", json=body) as response:
            assert response.status in {200, 201}, await response.text()
            return await response.json()

    async def follow(self, uid: str, received_at: datetime = NOW) -> str:
        """Hear of a booking, as a worker does that carries out a webhook; gives the note at the event."""
        notes: list[str] = []

        async def end(_conn: Any, note: str) -> None:
            notes.append(note)

        async with asyncio.timeout(10):
            await self.worker.follow_booking(Told(uid, received_at, "corr-event"), end)
        return notes[0]

    async def sync(self) -> None:
        """Run the job as a worker does, which has one connection."""
        async with asyncio.timeout(10):
            await self.worker.sync_appointment(await self.salon.claim_job())

    async def event_type(self, number: int, host: str, **fields: Any) -> None:
        body = {"key": KEY, "id": number, "lengthInMinutes": 45, "afterEventBuffer": 10, "host": host, **fields}
        async with self.session.post(f"{self.url}/_sim/event-types", json=body) as response:
            assert response.status == 201, await response.text()

    def cut_off(self) -> None:
        """From now on nobody listens where Cal.com was."""
        gone = msgspec.structs.replace(CALCOM, base_url="http://127.0.0.1:9")
        self.config = msgspec.structs.replace(self.config, calendar=gone)

    def back(self) -> None:
        here = msgspec.structs.replace(CALCOM, base_url=self.url)
        self.config = msgspec.structs.replace(self.config, calendar=here)


@asynccontextmanager
async def open_world(new_salon: Callable[..., Awaitable[Salon]]) -> AsyncIterator[World]:
    calcom = CalcomSimulator(StandingClock(NOW))
    async with serve(calcom) as url, aiohttp.ClientSession() as session:
        made: list[World] = []

        class Late:
            """The calendar needs the salon's pool, and the salon its calendar."""

            remote = True

            def __getattr__(self, name: str) -> Any:
                return getattr(made[0].calendar, name)

        salon = await new_salon(Late(), QUICK)
        circuits = CircuitBreakers(None, salon.clock)
        made.append(World(salon, calcom, session, url, salon_of(salon.store), circuits))
        made[0].back()
        for staff, number in (("anna", 1001), ("mehmet", 1002)):
            await made[0].event_type(number, staff)

        def calcom_over(pool: Any) -> CalcomV2:
            recorder = ProviderCallRecorder(pool, salon.store.tenant, salon.counts)
            exchange = CalcomHttp(session, circuits, salon.clock)
            return CalcomV2(exchange, lambda: made[0].config, lambda: KEY, recorder)

        made[0].calendar = calcom_over(salon.pool)
        async with open_pool(salon.store.dsn, max_size=1) as pool:
            made[0].worker = Booking(
                pool, lambda: made[0].config, calcom_over(pool), salon.clock, salon.counts, QUICK, FaultPoints(),
                slots_of(salon.store.tenant),
            )  # fmt: skip
            yield made[0]
