"""A salon with a real database, as its pods see it, for the booking tests."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from askproai_core.clock import FixedClock, SystemClock
from askproai_core.database import open_pool
from askproai_core.fault_injection import FaultPoints
from askproai_core.redis import Shared, SlotLock
from askproai_core.tenant_config import CalendarConfig, CalendarProvider, TenantConfig
from askproai_runtime.booking import Booking, BookingSettings, CallContext
from askproai_runtime.calendars import Calendar, CalendarRequest, Confirmed, LocalCalendar, Outcome, Standing
from askproai_runtime.jobs import Job, JobKind, Priority
from askproai_runtime.metrics import Metrics
from askproai_sandbox.databases import STAFF_UNITS, Database, TenantStore
from askproai_sandbox.example_tenant import salon_config

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

    def expect_bookings(self, outcomes: Iterable[str]) -> None:
        assert "confirmed" in set(outcomes)

    def booking(self, outcome: str) -> None:
        self.bookings.append(outcome)

    def booking_seconds(self, seconds: float) -> None:
        assert seconds >= 0

    def offered_but_lost(self) -> None:
        self.lost += 1

    def provider_call(self, provider: str, operation: str, outcome: str, seconds: float) -> None:
        self.provider.append((provider, operation, outcome))


class ScriptedCalendar:
    """Answers as scripted, else does it; `book` is what stands in it. For what only a calendar's answer decides."""

    remote = True

    def __init__(self, *script: Outcome | Callable[[CalendarRequest], Outcome]) -> None:
        self.script = list(script)
        self.moves: list[Outcome] = []  # answers to moves, in the place of doing them
        self.asked: list[CalendarRequest] = []
        self.book: dict[UUID, str] = {}
        self.times: dict[str, datetime] = {}
        self.cancelled: list[str] = []

    async def create(self, request: CalendarRequest, *, within: timedelta) -> Outcome:
        assert timedelta() < within <= timedelta(seconds=4)
        self.asked.append(request)
        answer = self.script.pop(0) if self.script else self.commit
        return answer(request) if callable(answer) else answer

    def commit(self, request: CalendarRequest) -> Confirmed:
        assert request.request_id not in self.book, "booked twice"
        self.book[request.request_id] = uid = f"uid-{len(self.times)}"
        self.times[uid] = request.starts_at
        return Confirmed(uid)

    async def move(self, uid: str, starts_at: datetime, *, correlation_id: str, within: timedelta) -> Outcome:
        if self.moves:
            return self.moves.pop(0)
        (request_id,) = [key for key, value in self.book.items() if value == uid]
        self.book[request_id] = new = f"uid-{len(self.times)}"
        self.times[new] = starts_at
        return Confirmed(new)

    async def cancel(self, uid: str, *, reason: str, correlation_id: str, within: timedelta) -> Outcome:
        self.cancelled.append(uid)
        self.book = {key: value for key, value in self.book.items() if value != uid}
        return Confirmed(uid)

    async def find(self, request: CalendarRequest) -> Standing | None:
        uid = self.book.get(request.request_id)
        return self._standing(uid) if uid and request.starts_at <= self.times[uid] < request.ends_at else None

    async def look(self, uid: str, *, correlation_id: str) -> Standing | None:
        return self._standing(uid) if uid in self.book.values() else None

    def _standing(self, uid: str) -> Standing:
        start = self.times[uid]
        return Standing((uid,), 1001, start, start + timedelta(minutes=45), live=True, at=NOW)


@dataclass
class Salon:
    """The salon, its booking room, and a look into its tables."""

    store: TenantStore
    pool: "asyncpg.Pool[asyncpg.Record]"
    booking: Booking
    counts: Counts
    clock: StandingClock
    configs: list[TenantConfig]  # the last one is in force

    def use(self, config: TenantConfig) -> None:
        """Put another config in force, as a pod does that reads it anew."""
        self.configs.append(config)

    async def rows(self, query: str, *args: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.pool.fetch(query, *args)]

    async def live(self) -> list[dict[str, Any]]:
        return await self.rows(
            "SELECT * FROM appointments WHERE status IN ('confirmed', 'pending_sync') ORDER BY created_at"
        )

    async def cancel(self, appointment_id: str) -> None:
        """Let whoever booked it cancel it."""
        (row,) = await self.rows("SELECT call_id, caller FROM appointments WHERE id = $1", UUID(appointment_id))
        answer = await self.booking.cancel_appointment(
            call(row["call_id"], row["caller"]), {"appointment_id": appointment_id}
        )
        assert answer.success, answer

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
        """Claims equal live appointments, buffers included, and nobody is blocked twice. Only what waits for the calendar's
        word on a move blocks two times, its old and its new one; the claim of the highest number is the place.
        """
        rows = await self.rows("SELECT * FROM appointments")
        claims = await self.rows(
            """SELECT c.appointment_id, c.state, c.block_start, c.block_end, c.place, r.staff
               FROM claims c JOIN resources r ON r.id = c.resource_id ORDER BY c.block_start"""
        )
        buffer = timedelta(minutes=10)
        for row in rows:
            own = [claim for claim in claims if claim["appointment_id"] == row["id"]]
            place = max(own, key=lambda claim: claim["place"])
            assert (place["block_start"], place["block_end"]) == (row["starts_at"], row["ends_at"] + buffer), (row, own)
            assert place["staff"] == row["staff"]
            wanted = [row["starts_at"]] if row["status"] in {"confirmed", "pending_sync"} else []
            wanted += [row["was_starts_at"]] if wanted and row["was_starts_at"] else []
            length, booked = row["ends_at"] - row["starts_at"] + buffer, [c for c in own if c["state"] == "booked"]
            for start in wanted:
                at = start  # one claim may end where the next begins
                for claim in booked:
                    at = claim["block_end"] if claim["block_start"] <= at < claim["block_end"] else at
                assert at >= start + length, (row, own)
            minutes = sum(((c["block_end"] - c["block_start"]) for c in booked), timedelta())
            assert minutes == length * len(wanted) if len(wanted) < 2 else minutes <= 2 * length, (row, own)
            assert [c["state"] for c in own if c["state"] == "held"] == (["held"] if row["status"] == "held" else [])
        await self.books_are_apart()

    async def books_are_apart(self) -> None:
        """Nothing is booked twice, told without the constraint."""
        twice = await self.rows(
            """SELECT 1 FROM claims a JOIN claims b ON a.resource_id = b.resource_id AND a.id < b.id AND a.blocks && b.blocks
               WHERE a.state = 'booked' AND b.state = 'booked'"""
        )
        assert twice == []


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
    people: Iterable[tuple[str, str, int]] = STAFF_UNITS,
    **changes: Any,
) -> Salon:
    """Open a salon of its own in the shared database, under its own role. Close its pool at the end."""
    store = await database.create_tenant(name, people)
    book: Calendar = calendar or LocalCalendar()
    if book.remote:
        changes.setdefault("calendar", CALCOM)
    configs = [salon_of(store, **changes)]
    pool, counts, clock = open_pool(store.dsn, max_size=6), Counts(), StandingClock(NOW)
    await pool
    booking = Booking(
        pool,
        lambda: configs[-1],
        book,
        clock,
        counts,
        settings or BookingSettings(),
        FaultPoints(),
        slots_of(store.tenant, redis_url),
    )
    return Salon(store, pool, booking, counts, clock, configs)


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
