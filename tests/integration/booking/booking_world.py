"""A salon with a real database, as its pods see it, for the booking tests."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from askproai_runtime.booking import Booking, BookingSettings, CallContext
from askproai_runtime.calendars import Calendar, CalendarRequest, Confirmed, LocalCalendar, Outcome
from askproai_runtime.config import CalendarConfig, CalendarProvider, TenantConfig
from askproai_runtime.guard import Shared, SlotLock
from askproai_runtime.jobs import Job, JobKind, Priority
from askproai_runtime.seams import FaultPoints, FixedClock, SystemClock
from askproai_runtime.store import open_pool
from askproai_runtime.watch import Metrics
from askproai_sandbox.databases import Database, TenantStore
from askproai_sandbox.world import salon_config

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)  # Friday, 10:00 in Berlin
HALF_PAST_TWO = "2026-11-27T14:30:00+01:00"  # the next Friday: Anna and Mehmet both work
MORNING = "2026-11-27T10:00:00+01:00"  # only Anna
CALCOM = CalendarConfig(
    provider=CalendarProvider.CALCOM, base_url="http://127.0.0.1:9", attendee_email_domain="anrufer.salon.example"
)


def call(call_id: str = "call_1", caller: str | None = "+4915112345678") -> CallContext:
    return CallContext(call_id, "mitte", caller, NOW, f"corr-{call_id}")


def wants(start: str = HALF_PAST_TWO, name: str = "Petra Müller", **more: Any) -> dict[str, Any]:
    return {"start": start, "service": "Haarschnitt", "customer_name": name, **more}


class StandingClock(FixedClock):
    """The date stands until it is moved; waiting takes real time, because others wait at the same time."""

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(duration.total_seconds())


@dataclass
class Counts:
    """What was measured."""

    bookings: list[str] = field(default_factory=list)
    provider: list[tuple[str, str, str]] = field(default_factory=list)
    lost: int = 0

    def booking(self, outcome: str) -> None:
        self.bookings.append(outcome)

    def booking_seconds(self, seconds: float) -> None:
        assert seconds >= 0

    def offered_but_lost(self) -> None:
        self.lost += 1

    def provider_call(self, provider: str, operation: str, outcome: str, seconds: float) -> None:
        self.provider.append((provider, operation, outcome))


class ScriptedCalendar:
    """Answers as scripted, else confirms; `book` is what stands in it. For what only a calendar's answer decides."""

    remote = True

    def __init__(self, *script: Outcome | Callable[[CalendarRequest], Outcome]) -> None:
        self.script = list(script)
        self.asked: list[CalendarRequest] = []
        self.book: dict[UUID, str] = {}

    async def create(self, request: CalendarRequest, *, within: timedelta) -> Outcome:
        assert timedelta() < within <= timedelta(seconds=4)
        self.asked.append(request)
        answer = self.script.pop(0) if self.script else self.commit
        return answer(request) if callable(answer) else answer

    def commit(self, request: CalendarRequest) -> Confirmed:
        assert request.request_id not in self.book, "booked twice"
        self.book[request.request_id] = f"uid-{len(self.book)}"
        return Confirmed(self.book[request.request_id])

    async def find(self, request: CalendarRequest) -> Confirmed | None:
        uid = self.book.get(request.request_id)
        return Confirmed(uid) if uid else None

    async def cancel(self, uid: str, *, correlation_id: str, within: timedelta) -> bool:
        return False


@dataclass
class Salon:
    """The salon, its booking room, and a look into its tables."""

    store: TenantStore
    pool: "asyncpg.Pool[asyncpg.Record]"
    booking: Booking
    counts: Counts
    clock: StandingClock

    async def rows(self, query: str, *args: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.pool.fetch(query, *args)]

    async def live(self) -> list[dict[str, Any]]:
        return await self.rows(
            "SELECT * FROM appointments WHERE status IN ('confirmed', 'pending_sync') ORDER BY created_at"
        )

    async def cancel(self, appointment_id: str) -> None:
        async with self.pool.acquire() as conn, conn.transaction():
            await conn.execute(
                "UPDATE appointments SET status = 'cancelled' WHERE id = $1",
                UUID(appointment_id),
            )
            await conn.execute("UPDATE claims SET state = 'released' WHERE appointment_id = $1", UUID(appointment_id))

    async def claim_job(self) -> Job:
        """Take the waiting job, as a worker would."""
        row = await self.pool.fetchrow(
            """UPDATE jobs SET state = 'running', attempts = attempts + 1, claim_no = claim_no + 1,
               lease_until = clock_timestamp() + interval '30 s' WHERE kind = 'calendar-sync' AND state IN ('ready', 'running')
               RETURNING id, kind, priority, attempts, claim_no, event_id, appointment_id, correlation_id"""
        )
        assert row is not None, "no calendar-sync job waits"
        return Job(**{**row, "kind": JobKind(row["kind"]), "priority": Priority(row["priority"])})

    async def books_agree(self) -> None:
        """Claims equal live appointments, buffers included, and nobody is blocked twice."""
        odd = await self.rows(
            """SELECT a.id, a.status, c.state, c.blocks FROM appointments a FULL JOIN claims c ON c.appointment_id = a.id
               WHERE a.id IS NULL OR c.id IS NULL
                  OR (a.status IN ('confirmed', 'pending_sync')) <> (c.state = 'booked')
                  OR (a.status = 'held') <> (c.state = 'held')
                  OR c.blocks <> tstzrange(a.starts_at, a.ends_at + interval '10 min', '[)')
                  OR NOT EXISTS (SELECT 1 FROM resources r WHERE r.id = c.resource_id AND r.staff = a.staff)"""
        )
        assert odd == []
        assert (
            await self.rows(
                """SELECT 1 FROM claims a JOIN claims b ON a.resource_id = b.resource_id AND a.id < b.id AND a.blocks && b.blocks
               WHERE a.state = 'booked' AND b.state = 'booked'"""
            )
            == []
        )


def slots_of(tenant: str, redis_url: str | None = None) -> SlotLock:
    """Give the slot locks as a pod sees them; without a URL there is no Redis."""
    clock = SystemClock()
    return SlotLock(Shared(lambda: redis_url, tenant, clock, Metrics(tenant), timeout=timedelta(seconds=1)), clock)


def salon_of(store: TenantStore, **changes: Any) -> TenantConfig:
    ids = {staff: (resource,) for (_, staff, _), resource in store.resources.items()}
    return salon_config(resource_ids=ids, tenant=store.tenant, **changes)


async def open_salon(
    database: Database,
    name: str,
    calendar: Calendar | None = None,
    settings: BookingSettings | None = None,
    redis_url: str | None = None,
    **changes: Any,
) -> Salon:
    """Open a salon of its own in the shared database, under its own role. Close its pool at the end."""
    store = await database.tenant_store(name)
    book: Calendar = calendar or LocalCalendar()
    if book.remote:
        changes.setdefault("calendar", CALCOM)
    config = salon_of(store, **changes)
    pool, counts, clock = open_pool(store.dsn, max_size=6), Counts(), StandingClock(NOW)
    await pool
    booking = Booking(
        pool,
        lambda: config,
        book,
        clock,
        counts,
        settings or BookingSettings(),
        FaultPoints(),
        slots_of(store.tenant, redis_url),
    )
    return Salon(store, pool, booking, counts, clock)


@asynccontextmanager
async def second_desk(
    salon: Salon, settings: BookingSettings | None = None, *, max_size: int = 2, **parameters: str
) -> AsyncIterator[Booking]:
    """Open another process's booking room on the same salon, with a pool and server parameters of its own."""
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    config = salon_of(salon.store)
    async with open_pool(f"{salon.store.dsn}?{query}", max_size=max_size) as pool:
        yield Booking(
            pool, lambda: config, LocalCalendar(), salon.clock, salon.counts, settings or BookingSettings(), FaultPoints(),
            slots_of(config.tenant),
        )  # fmt: skip
