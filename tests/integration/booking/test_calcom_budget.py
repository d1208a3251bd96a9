"""All processes of a tenant together stay below Cal.com's limit for one key, and callers go before jobs."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import aiohttp
import msgspec
import pytest

from askproai_core.clock import SystemClock
from askproai_core.database import Connection
from askproai_core.provider_limits import CircuitBreakers, CircuitRules, RequestBudget
from askproai_runtime.calendar_sync.reading import CalendarEvent
from askproai_runtime.calendars import (
    CalendarRequest,
    Confirmed,
    FallbackCalendar,
    ProviderCallRecorder,
    Taken,
    build_calendar,
)
from askproai_runtime.jobs import RunAgain
from askproai_runtime.redis.client import RedisClient
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.redis import EmbeddedRedis
from askproai_sandbox.simulator import Fault, FaultKind, serve
from tests.worlds.booking_environment import NOW, BookingService, Salon
from tests.worlds.calcom_environment import CALCOM, KEY
from tests.worlds.tenant_redis import create_tenant_user, tenant_client
from tests.worlds.waiting import stopwatch

pytestmark = pytest.mark.nightly

EVENTS = 50
BURST, JOBS_BURST, INTERVAL = 7, 3, 60 / 63  # of the default, 70 requests in any minute
# The simulator's clock is real.
NEXT_WEEK = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=7)


@dataclass
class Fleet:
    """Two web and two worker processes of one salon at the simulator."""

    salon: Salon
    calcom: CalcomSimulator
    web: Sequence[FallbackCalendar]
    workers: Sequence[BookingService]

    @property
    def arrivals(self) -> list[float]:
        """Return the times at which the pods' requests reached Cal.com."""
        return [datetime.fromisoformat(entry["time"]).timestamp() for entry in self.calcom.journal.entries]

    def assert_no_burst(self) -> None:
        for number, first in enumerate(arrivals := self.arrivals):
            count = sum(1 for at in arrivals[number:] if at < first + 2)
            assert count <= BURST + 2 / INTERVAL + 1, f"{count} requests in two seconds"

    async def follow(self, number: int) -> datetime | None:
        """Handle one event as a job of one of the workers; return when it is to run again, None if it is done."""
        event = CalendarEvent(f"unknown-{number}", NOW, f"corr-{number}")
        try:
            await self.workers[number % len(self.workers)].apply_calendar_event(event, _finish)
        except RunAgain as postponed:
            return postponed.at
        return None

    async def follow_all(self) -> list[datetime]:
        """Handle all events at once, each in a task of its own; return the times at which postponed ones run again."""
        tasks = [asyncio.create_task(self.follow(number)) for number in range(EVENTS)]
        return sorted(at for at in await asyncio.gather(*tasks) if at is not None)

    async def book(self, number: int) -> float:
        """Try to book as a caller, and return after how many seconds Cal.com's answer came."""
        starts_at = NEXT_WEEK + timedelta(hours=number)
        end, customer = starts_at + timedelta(minutes=45), ("Petra", "+4915112345678", "p@example.com")
        request = CalendarRequest(uuid4(), 1001, starts_at, end, *customer, "call", "corr")
        async with stopwatch() as seconds:
            outcome = await self.web[number % len(self.web)].create(request, within=timedelta(seconds=4))
            assert isinstance(outcome, Confirmed | Taken), outcome
            return seconds()


async def _finish(_conn: Connection, note: str) -> None:
    assert "does not know this booking" in note


@asynccontextmanager
async def open_fleet(salon: Salon, redis_url: str | None, per_minute: int | None = None) -> AsyncIterator[Fleet]:
    calcom = CalcomSimulator(SystemClock())
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serve(calcom))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        event_type = {"key": KEY, "id": 1001, "lengthInMinutes": 45, "host": "anna"}
        async with session.post(f"{url}/_sim/event-types", json=event_type) as response:
            assert response.status == 201
        calendar = msgspec.structs.replace(CALCOM, base_url=url)
        if per_minute is not None:
            calendar = msgspec.structs.replace(calendar, requests_per_minute=per_minute)
        config = msgspec.structs.replace(salon.configs[-1], calendar=calendar)

        async def process(*, for_callers: bool) -> FallbackCalendar:
            shared: RedisClient = tenant_client(redis_url, config.tenant)
            stack.push_async_callback(shared.close)
            clock, rules = SystemClock(), CircuitRules()
            circuits = CircuitBreakers(shared, clock, rules=rules)
            budget = RequestBudget(
                shared, clock, "calcom", lambda: config.calendar.requests_per_minute, for_callers=for_callers
            )
            recorder = ProviderCallRecorder(salon.pool, config.tenant, salon.metrics)
            return build_calendar(lambda: config, lambda _: KEY, session, circuits, rules, clock, recorder, budget)

        web = [await process(for_callers=True) for _ in range(2)]
        jobs = [await process(for_callers=False) for _ in range(2)]
        workers = [replace(salon.booking, config=lambda: config, calendar=each) for each in jobs]
        calcom.journal.clear()
        yield Fleet(salon, calcom, web, workers)


@pytest.fixture
async def fleet(valkey: EmbeddedRedis, new_salon) -> AsyncIterator[Fleet]:
    salon = await new_salon(calendar=None)
    async with open_fleet(salon, await create_tenant_user(valkey, salon.store.tenant)) as opened:
        yield opened


async def test_fifty_events_are_spread_over_separate_turns(fleet: Fleet) -> None:
    started = time.monotonic()
    put_off = await fleet.follow_all()
    assert 1 <= len(fleet.arrivals) <= JOBS_BURST + (time.monotonic() - started) / INTERVAL + 1
    assert len(put_off) == EVENTS - len(fleet.arrivals)
    assert put_off[-1] - put_off[0] > timedelta(seconds=25), "they would wake together"
    spread = max(sum(1 for at in put_off if first <= at < first + timedelta(seconds=1)) for first in put_off)
    assert spread <= 10
    fleet.assert_no_burst()


async def test_caller_is_served_immediately_while_jobs_wait(fleet: Fleet) -> None:
    await fleet.follow_all()
    seconds = await asyncio.gather(*(fleet.book(number) for number in range(BURST - JOBS_BURST)))
    assert max(seconds) < INTERVAL, "nobody waited for a token"
    assert await fleet.follow_all(), "jobs do not use what is left for callers"
    fleet.assert_no_burst()


async def test_jobs_after_a_429_wake_at_different_times(new_salon) -> None:
    async with open_fleet(await new_salon(), None, per_minute=0) as fleet:
        limited = {"operation": "*", "fault": FaultKind.RATE_LIMITED, "count": None}
        fleet.calcom.faults.active.append(Fault.parse(limited, NOW))
        put_off = await fleet.follow_all()
        assert len(put_off) == EVENTS
        assert put_off[-1] - put_off[0] > timedelta(seconds=10)
