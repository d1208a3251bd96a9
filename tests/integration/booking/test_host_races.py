"""A team's host changes between a read, an offer and the caller's yes, in the worst orders."""

import asyncio
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from askproai_runtime.book.store.free_times import list_known_days
from askproai_runtime.calendar_sync.reading import CalendarEvent
from askproai_runtime.calendars import Bookable
from askproai_runtime.events.calendar import handle_calendar_event
from askproai_runtime.intake import Source, StoredEvent
from tests.worlds.booking_environment import HALF_PAST_TWO, NOW, call
from tests.worlds.calcom_environment import KEY, CalcomEnvironment
from tests.worlds.held_calendar import HeldCalendar
from tests.worlds.teams import BUSY, TEAM, agreed_host, create_team
from tests.worlds.waiting import SOON

pytestmark = pytest.mark.nightly

FRIDAY = date(2026, 11, 27)


@pytest.fixture(autouse=True)
async def hosts(env: CalcomEnvironment) -> dict[str, int]:
    return await create_team(env, by_host=True)


async def hear_of_absence(env: CalcomEnvironment, host_id: int, conn: Any) -> None:
    """Handle the event of an absence on Friday in a transaction of the caller."""
    entry = {"uuid": "o1", "start": "2026-11-27T00:00:00+01:00", "end": "2026-11-27T23:59:59+01:00"}
    body = {"triggerEvent": "OOO_CREATED", "payload": {"oooEntry": {**entry, "user": {"id": host_id}}}}
    event = StoredEvent(Source.CALCOM, "OOO_CREATED", msgspec.json.encode(body), "corr", NOW)
    assert await handle_calendar_event(conn, event, env.config) is None


async def offer(env: CalcomEnvironment, **args: Any) -> Any:
    return await env.salon.booking.check_availability(call(), {"date": "2026-11-27", "time": "14:30", **args})


@pytest.mark.parametrize("commits_last", ["the read", "the absence"])
async def test_free_times_of_newly_absent_host_are_discarded(
    env: CalcomEnvironment, hosts: dict[str, int], commits_last: str
) -> None:
    """The absence is entered and its event handled after Cal.com's answer, but before or while that answer is stored."""
    anna = hosts["anna"]
    held = env.calendar = HeldCalendar(env.calendar)  # type: ignore[assignment]
    asking = asyncio.create_task(offer(env, staff="Anna"))
    await asyncio.wait_for(held.has_read.wait(), SOON)
    await env.control("absences", host="anna", start="2026-11-27T00:00:00Z", end="2026-11-27T00:00:00Z")
    async with env.worker.pool.acquire() as conn:
        async with conn.transaction():
            await hear_of_absence(env, anna, conn)
            if commits_last == "the absence":
                held.release.set()
                await asyncio.gather(*env.salon.booking.reads.tasks.values())
        held.release.set()
        await asyncio.gather(*env.salon.booking.reads.tasks.values())
    answer = await asking
    key = env.salon.store.tenant, [Bookable(TEAM, anna)]
    async with env.salon.pool.acquire() as conn:
        assert not await list_known_days(conn, *key, FRIDAY, FRIDAY, timedelta(hours=1))
    if commits_last == "the read":
        assert answer.fields.get("basis") == "own_book", "nothing is known, so nothing is certain"
    again = await offer(env, staff="Anna")
    assert ("2026-11-27", "anna") not in {(slot["start"][:10], slot["staff"]) for slot in again.fields["slots"]}


async def test_host_absent_since_the_offer_is_replaced(env: CalcomEnvironment, hosts: dict[str, int]) -> None:
    await env.control("busy", host="mehmet", **BUSY)
    assert (await offer(env)).fields["slots"][0]["staff"] == "anna"
    busy = env.calcom.account_of(KEY).host("mehmet").busy_times
    await env.control("busy", host="mehmet", delete=next(iter(busy)))
    await env.control("absences", host="anna", start="2026-11-27T00:00:00Z", end="2026-11-27T00:00:00Z")
    async with env.worker.pool.acquire() as conn, conn.transaction():
        await hear_of_absence(env, hosts["anna"], conn)
    answer = await env.salon.book()
    assert answer.success, answer
    assert "bei Mehmet" in answer.message
    assert await agreed_host(env) == "mehmet"


async def test_requested_host_absent_since_the_offer_is_refused(env: CalcomEnvironment, hosts: dict[str, int]) -> None:
    assert (await offer(env, staff="Anna")).fields["slots"][0]["staff"] == "anna"
    await env.control("absences", host="anna", start="2026-11-27T00:00:00Z", end="2026-11-27T00:00:00Z")
    async with env.worker.pool.acquire() as conn, conn.transaction():
        await hear_of_absence(env, hosts["anna"], conn)
    answer = await env.salon.book(staff="Anna")
    assert (answer.success, answer.fields["obstacle"]) == (False, "taken")
    assert (HALF_PAST_TWO, "anna") not in {(slot["start"], slot["staff"]) for slot in answer.fields["alternatives"]}
    assert (env.bookings, await env.salon.live()) == ([], [])
    await env.salon.assert_claims_match()


async def test_host_removed_since_the_offer_gets_no_booking(env: CalcomEnvironment) -> None:
    assert (await offer(env, staff="Anna")).fields["slots"][0]["staff"] == "anna"
    env.calcom.account_of(KEY).event_types[TEAM].hosts = ("mehmet",)
    answer = await env.salon.book()
    assert answer.success, answer
    assert await agreed_host(env) == "mehmet"


async def test_outdated_list_row_does_not_restore_a_host(env: CalcomEnvironment) -> None:
    """The poll has read its list, a person hands the booking to Mehmet, another worker follows that, then the poll goes on."""
    assert (await env.salon.book(staff="Anna")).success
    page = await env.calendar.list_changed(NOW - timedelta(minutes=2), correlation_id="corr")
    (late,) = page.bookings
    env.advance(timedelta(seconds=1))
    await env.dashboard("reassign", uid=late.uid, host="mehmet")
    assert (await env.receive_event(late.uid)).startswith("moved")
    note = await env.handle_event(CalendarEvent(late.uid, NOW, "corr-poll", remote=late))
    assert note.startswith("nothing new")
    assert await agreed_host(env) == "mehmet"
