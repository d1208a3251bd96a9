"""Redis under booking: it saves work. If it dies during calls, no appointment is lost or doubled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from askproai_core.fault_injection import FaultPoints
from askproai_core.tenant_config.config import BookingLimits
from askproai_operator.redis_acl import acl_rules
from askproai_runtime.book.context import BookingSettings
from askproai_runtime.calendars import CalendarOutcome, CalendarRequest
from askproai_runtime.conversation.types import Answer
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.booking_environment import (
    CALCOM,
    HALF_PAST_TWO,
    BookingService,
    Salon,
    ScriptedCalendar,
    booking_args,
    call,
    open_salon,
    open_slot_lock,
    tenant_config_of,
)
from tests.worlds.databases import Database
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

MANY = BookingLimits(anonymous_per_hour=1000)
EARLIER = "2026-11-26T10:00:00+01:00"
SLOT, SLOT_OF_HALF_PAST_TWO = (int(datetime.fromisoformat(start).timestamp()) for start in (EARLIER, HALF_PAST_TWO))
STARTS = [f"2026-11-27T{hour}:{minute}:00+01:00" for hour in (13, 14, 15) for minute in ("00", "15", "30", "45")]


class SlowCalendar(ScriptedCalendar):
    """Answers when released, so that its callers hold their locks meanwhile; counts how many wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 0
        self.release = asyncio.Event()

    async def create(self, request: CalendarRequest, *, within: timedelta) -> CalendarOutcome:
        self.waiting += 1
        try:
            await asyncio.wait_for(self.release.wait(), SOON)
        finally:
            self.waiting -= 1
        return await super().create(request, within=within)


@dataclass
class Shop:
    """A salon of two pods that share a Redis and a calendar."""

    salon: Salon
    pods: tuple[BookingService, BookingService]
    calendar: SlowCalendar
    valkey: EmbeddedRedis

    def book(self, number: int, start: str = HALF_PAST_TWO, **args: Any) -> "asyncio.Task[Answer]":
        """Let a caller book at one of the pods."""
        pod, args = self.pods[number % 2], booking_args(start, **args)
        return asyncio.create_task(pod.book_appointment(call(f"call_{number}", None), args))

    async def locks(self) -> list[str]:
        async with self.valkey.admin() as admin:
            return [key async for key in admin.scan_iter("askproai:*:slot:*")]


@pytest.fixture
async def new_shop(
    module_database: Database, own_valkey: EmbeddedRedis
) -> AsyncIterator[Callable[..., Awaitable[Shop]]]:
    salons: list[Salon] = []

    async def new(settings: BookingSettings | None = None) -> Shop:
        name, calendar = f"r{own_valkey.port}", SlowCalendar()
        url = await own_valkey.add_user(name, partial(acl_rules, f"{name}.{name}"))
        salon = await open_salon(module_database, name, calendar, settings, redis_url=url, booking_limits=MANY)
        salons.append(salon)
        config = tenant_config_of(salon.store, calendar=CALCOM, booking_limits=MANY)
        second = BookingService(
            salon.pool, lambda: config, calendar, salon.clock, salon.metrics, settings or BookingSettings(), FaultPoints(),
            open_slot_lock(salon.store.tenant, url),
        )  # fmt: skip
        return Shop(salon, (salon.booking, second), calendar, own_valkey)

    yield new
    for salon in salons:
        await salon.pool.close()


async def test_redis_killed_during_calls_loses_and_doubles_nothing(new_shop) -> None:
    shop = await new_shop()
    callers = [shop.book(n, STARTS[n * 5 % 12]) for n in range(50)]
    await eventually(lambda: shop.calendar.waiting >= 2, SOON, "callers whose calendar is being asked")
    assert await shop.locks()
    await shop.valkey.kill()
    shop.calendar.release.set()
    answers = await asyncio.wait_for(asyncio.gather(*callers), SOON)
    winners = [answer for answer in answers if answer.success]
    assert 4 <= len(winners) <= 8  # 13:00 to 16:30 for two people at 55 minutes each
    assert {answer.fields["status"] for answer in winners} == {"confirmed"}
    assert len(winners) == len(await shop.salon.live()) == len(shop.calendar.bookings)
    assert all(answer.fields["alternatives"] for answer in answers if not answer.success)
    await shop.salon.assert_claims_match()

    await shop.valkey.start()
    shop.calendar.release.clear()

    async def locked_again() -> bool:
        return any(lock.endswith(f":{SLOT}") for lock in await shop.locks())

    for number in range(100, 140):  # the first one finds out that Redis is back
        first = shop.book(number, EARLIER, staff="anna")
        await eventually(lambda: shop.calendar.waiting == 1, SOON, "the calendar being asked")
        if await locked_again():
            break
        shop.calendar.release.set()
        await shop.salon.cancel((await first).fields["appointment_id"])
        shop.calendar.release.clear()
    else:
        pytest.fail("no lock was shared again")
    second = await shop.book(number + 1, EARLIER, staff="anna")
    assert not second.success
    shop.calendar.release.set()
    assert (await first).success
    await shop.salon.assert_claims_match()


async def test_second_caller_gets_alternatives_without_row_locks(new_shop) -> None:
    """The lock saves work: further requests for the slot cost a query, and no wait for rows."""
    shop = await new_shop()
    first = shop.book(0, staff="anna")
    await eventually(lambda: shop.calendar.waiting == 1, SOON, "the first caller's calendar being asked")
    async with shop.salon.pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT 1 FROM resources FOR UPDATE")
        # Less than the role's `lock_timeout` of 5 s, and much more than they need (0.2 s).
        others = await asyncio.wait_for(asyncio.gather(*(shop.book(n, staff="anna") for n in range(1, 20))), 4)
    assert {(answer.success, answer.fields["obstacle"]) for answer in others} == {(False, "taken")}
    assert all(answer.fields["alternatives"] for answer in others)
    shop.calendar.release.set()
    assert (await first).success
    assert await shop.locks() == []


async def test_booking_repeated_while_the_first_runs_is_confirmed(new_shop) -> None:
    shop = await new_shop(BookingSettings(lease=timedelta()))
    first = shop.book(0, staff="anna")
    await eventually(lambda: shop.calendar.waiting == 1, SOON, "the first try's calendar being asked")
    repeated = await shop.book(0, staff="anna")
    assert repeated.success
    shop.calendar.release.set()
    assert (await first).fields["appointment_id"] == repeated.fields["appointment_id"]
    assert len(await shop.salon.live()) == 1


async def test_dead_holders_lock_prevents_no_booking(new_shop) -> None:
    shop = await new_shop()
    shop.calendar.release.set()
    async with shop.valkey.admin() as admin:
        await admin.set(f"askproai:{shop.salon.store.tenant}:slot:mitte:anna:{SLOT_OF_HALF_PAST_TWO}", "died")
    # This lock never expires. The limit is below the 10 s of other locks, and far above the 0.2 s of a booking.
    answer = await asyncio.wait_for(shop.book(0, staff="anna"), 8)
    assert answer.success
