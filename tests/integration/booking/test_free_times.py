"""Offers respect both books: Cal.com's free times limit them, and are read before callers ask.

The simulated Cal.com merges schedules, overrides, absences, linked calendars and bookings, as the real one does.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from askproai_runtime.calendar_sync.free_times_keeper import FREE_TIMES, FreeTimesKeeper
from askproai_runtime.tasks import TaskRun
from askproai_sandbox.simulator import FaultKind
from tests.worlds.booking_environment import HALF_PAST_TWO, call
from tests.worlds.calcom_environment import QUICK, CalcomEnvironment
from tests.worlds.held_calendar import HeldCalendar
from tests.worlds.waiting import SOON, stopwatch

pytestmark = pytest.mark.nightly

BERLIN = ZoneInfo("Europe/Berlin")
SUNDAY = date(2026, 11, 29)
FRIDAY = date(2026, 11, 27)
READ = "list-slots"
EXACTLY = {"service": "Haarschnitt", "start": HALF_PAST_TWO}
AFTERNOON = {"start": "2026-11-27T14:00:00+01:00", "end": "2026-11-27T16:00:00+01:00"}


async def free(env: CalcomEnvironment, day: date = FRIDAY, staff: str | None = None) -> list[str]:
    """Return the starts of a day, in the salon's time, as people and callers get them."""
    found = await env.salon.booking.list_free_slots("mitte", "haarschnitt", day)
    return sorted({f"{slot.start.astimezone(BERLIN):%H:%M}" for slot in found.slots if staff in {None, slot.staff}})


async def outdate(env: CalcomEnvironment, age: timedelta) -> None:
    """Make the known free times that old."""
    await env.salon.rows("UPDATE free_times SET read_at = read_at - $1::interval RETURNING day", age)


async def test_time_busy_in_a_linked_calendar_is_excluded(env: CalcomEnvironment) -> None:
    for host in ("anna", "mehmet"):
        await env.control("busy", host=host, **AFTERNOON)
    answer = await env.salon.booking.check_availability(call(), EXACTLY)
    assert answer.fields["obstacle"] == "taken"
    offered = [datetime.fromisoformat(slot["start"]) for slot in answer.fields["slots"]]
    assert offered
    first, end = (datetime.fromisoformat(AFTERNOON[name]) for name in ("start", "end"))
    assert all(start + timedelta(minutes=45) <= first or start >= end for start in offered)
    assert "basis" not in answer.fields, "it is certain"
    assert env.salon.metrics.offers == ["calendar"]


async def test_available_host_is_offered_when_another_is_busy(env: CalcomEnvironment) -> None:
    await env.control("busy", host="anna", **AFTERNOON)
    answer = await env.salon.booking.check_availability(call(), EXACTLY)
    assert (answer.fields["slots"][0]["start"], answer.fields["slots"][0]["staff"]) == (HALF_PAST_TWO, "mehmet")
    booked = await env.salon.book()
    assert (booked.fields["staff"], booked.fields["status"]) == ("mehmet", "confirmed")
    assert env.count_requests("create-booking") == 1, "Cal.com was not asked in vain for the other one"


async def test_days_of_a_calcom_absence_are_not_offered(env: CalcomEnvironment) -> None:
    for host in ("anna", "mehmet"):
        await env.control("absences", host=host, start="2026-11-27T00:00:00Z", end="2026-11-27T00:00:00Z")
    answer = await env.salon.booking.check_availability(call(), {"service": "Haarschnitt", "date": "2026-11-27"})
    assert answer.fields["obstacle"] == "taken"
    assert all(not slot["start"].startswith("2026-11-27") for slot in answer.fields["slots"])
    listed = await env.salon.booking.list_free_slots("mitte", "haarschnitt", FRIDAY)
    assert (listed.slots, listed.basis) == ([], "calendar")
    assert listed.read_at is not None, "people see how old it is that nothing is free"


async def test_date_override_limits_the_offered_hours(env: CalcomEnvironment) -> None:
    override = {"date": "2026-11-27", "startTime": "15:00", "endTime": "16:30"}
    await env.control("hosts", host="anna", overrides=[override])
    assert await free(env, staff="anna") == ["15:00", "15:15", "15:30", "15:45"]


@pytest.mark.parametrize("sunday", [date(2026, 10, 25), date(2027, 3, 28)])
async def test_offers_around_clock_changes_match_local_hours(env: CalcomEnvironment, new_salon: Any, sunday) -> None:
    """Cal.com lists slots outside of a query, and is an hour off if the query spans the change."""
    env.calcom.settings |= {"slots_clock_change_error": 1.0, "slots_outside_minutes": 600.0}
    own = await new_salon()
    there = datetime(sunday.year, sunday.month, sunday.day, 9, tzinfo=UTC) - timedelta(days=4)
    env.advance(there - env.salon.clock.now())
    own.clock.advance(there - own.clock.now())
    starts = 0
    for days in (-1, 0, 1, 2):
        day = sunday + timedelta(days=days)
        expected = await own.booking.list_free_slots("mitte", "haarschnitt", day)
        found = await env.salon.booking.list_free_slots("mitte", "haarschnitt", day)
        assert found.slots == expected.slots
        assert found.basis == "calendar"
        starts += len(found.slots)
    assert starts


async def test_stored_free_times_are_reused_until_outdated(env: CalcomEnvironment) -> None:
    for _ in range(3):
        await env.salon.booking.check_availability(call(), EXACTLY)
    assert env.count_requests(READ) == 2, "one for each of the two event types"
    await outdate(env, timedelta(minutes=6))
    await env.control("busy", host="anna", **AFTERNOON)
    await env.control("busy", host="mehmet", **AFTERNOON)
    answer = await env.salon.booking.check_availability(call("call_2"), EXACTLY)
    assert answer.fields["obstacle"] == "taken"
    assert env.count_requests(READ) == 4


async def test_free_slots_can_be_listed_for_one_person(env: CalcomEnvironment) -> None:
    everybody = (await env.salon.booking.list_free_slots("mitte", "haarschnitt", FRIDAY)).slots
    anna = (await env.salon.booking.list_free_slots("mitte", "haarschnitt", FRIDAY, staff="anna")).slots
    assert anna == [slot for slot in everybody if slot.staff == "anna"] != []


async def test_offers_during_an_outage_are_called_uncertain(env: CalcomEnvironment) -> None:
    env.disconnect()
    answer = await env.salon.booking.check_availability(call(), EXACTLY)
    assert answer.fields["slots"][0]["start"] == HALF_PAST_TWO
    assert answer.fields["basis"] == "own_book"
    assert "bestätige ich Ihnen beim Eintragen" in answer.message
    assert env.salon.metrics.offers == ["own_book"]
    listed = await env.salon.booking.list_free_slots("mitte", "haarschnitt", FRIDAY)
    assert (listed.basis, listed.read_at) == ("own_book", None)
    listed = await env.salon.booking.list_free_slots("mitte", "haarschnitt", SUNDAY)
    assert (listed.slots, listed.basis, listed.read_at) == ([], "own_book", None)


async def test_recently_busy_time_is_not_offered_in_outage(env: CalcomEnvironment) -> None:
    for host in ("anna", "mehmet"):
        await env.control("busy", host=host, **AFTERNOON)
    await env.salon.booking.check_availability(call(), EXACTLY)
    env.disconnect()
    await outdate(env, timedelta(minutes=20))
    answer = await env.salon.booking.check_availability(call("call_2"), EXACTLY)
    assert (answer.fields["obstacle"], answer.fields["basis"]) == ("taken", "own_book")


async def test_slow_calcom_answer_is_stored_for_later_callers(env: CalcomEnvironment) -> None:
    env.inject_fault(FaultKind.SLOW, READ, ms=1500, count=2)
    booking = replace(env.salon.booking, settings=replace(QUICK, provider_timeout=timedelta(seconds=4)))
    for host in ("anna", "mehmet"):
        await env.control("busy", host=host, **AFTERNOON)
    async with stopwatch() as seconds:
        answer = await booking.check_availability(call(), EXACTLY)
        assert seconds() < 1
    assert answer.fields["basis"] == "own_book"
    await asyncio.gather(*booking.reads.tasks.values())
    answer = await booking.check_availability(call(), EXACTLY)
    assert answer.fields["obstacle"] == "taken", "the late answer was stored"
    assert env.count_requests(READ) == 2


async def test_fifty_simultaneous_callers_cause_one_request_per_staff(env: CalcomEnvironment) -> None:
    calls = [env.salon.booking.check_availability(call(f"call_{n}"), EXACTLY) for n in range(50)]
    answers = await asyncio.gather(*calls)
    assert all(answer.fields["slots"] for answer in answers)
    assert env.count_requests(READ) == 2


async def test_unreadable_free_times_count_as_unavailable(env: CalcomEnvironment, monkeypatch) -> None:
    broken = {"data": {"2026-11-27": [{"start": "morgen"}]}}
    monkeypatch.setattr("askproai_runtime.calendars.calcom_v2.merge_bodies", lambda _: broken)
    answer = await env.salon.booking.check_availability(call(), EXACTLY)
    assert answer.fields["basis"] == "own_book"
    assert ("calcom", "read-free-times", "unreadable") in env.salon.metrics.provider_calls


async def test_booking_outdates_the_day_for_persons_event_types(env: CalcomEnvironment) -> None:
    config = env.salon.configs[-1]
    (service, *others) = config.services
    anna, mehmet = service.event_types
    hers = msgspec.structs.replace(anna, event_type_id=1003)
    second = msgspec.structs.replace(service, name="farbe", event_types=(hers,))
    env.salon.apply_config(msgspec.structs.replace(config, services=(service, second, *others)))
    await env.event_type(1003, "anna")
    for name in ("haarschnitt", "farbe"):
        await env.salon.booking.list_free_slots("mitte", name, FRIDAY)
    assert await env.known_event_types(FRIDAY) == {1001, 1002, 1003}
    booked = await env.salon.book(staff="Anna")
    assert booked.fields["status"] == "confirmed"
    assert await env.known_event_types(FRIDAY) == {mehmet.event_type_id}
    assert await env.known_event_types(FRIDAY + timedelta(days=1)) == {1001, 1002, 1003}, "no other day"


async def test_calcom_event_outdates_free_times_of_its_days(env: CalcomEnvironment) -> None:
    assert await free(env)
    await env.block(1001, "2026-11-27T13:30:00Z")
    (booking,) = env.bookings
    await env.receive_event(booking["uid"])
    assert await env.known_event_types(FRIDAY) == {1002}
    saturday = FRIDAY + timedelta(days=1)
    assert await env.known_event_types(saturday) == {1001, 1002}
    await free(env)
    moved = await env.dashboard("move", uid=booking["uid"], start="2026-11-28T09:00:00Z")
    await env.receive_event(moved["uid"])
    assert await env.known_event_types(FRIDAY) == await env.known_event_types(saturday) == {1002}, (
        "the old day and the new one"
    )


async def test_refused_slot_rereads_the_free_times(env: CalcomEnvironment) -> None:
    for staff in ("anna", "mehmet"):
        assert HALF_PAST_TWO[11:16] in await free(env, staff=staff)
        await env.control("busy", host=staff, **AFTERNOON)  # since then: Cal.com sends nothing
    answer = await env.salon.book()
    assert not answer.success
    assert all(not slot["start"].startswith("2026-11-27T14") for slot in answer.fields["alternatives"])
    assert "basis" not in answer.fields


async def test_start_busy_at_calcom_is_refused_as_taken(env: CalcomEnvironment) -> None:
    for host in ("anna", "mehmet"):
        await env.control("busy", host=host, **AFTERNOON)
    await free(env)
    answer = await env.salon.book()
    assert (answer.success, answer.fields["obstacle"]) == (False, "taken")
    assert answer.fields["alternatives"]
    assert env.count_requests("create-booking") == 0


async def test_free_times_read_before_a_change_are_discarded(env: CalcomEnvironment) -> None:
    held = env.calendar = HeldCalendar(env.calendar)  # type: ignore[assignment]
    reading = asyncio.create_task(env.salon.booking.list_free_slots("mitte", "haarschnitt", FRIDAY))
    await asyncio.wait_for(held.has_read.wait(), SOON)
    await env.block(1001, "2026-11-27T13:30:00Z")
    (booking,) = env.bookings
    await env.receive_event(booking["uid"])
    held.release.set()
    await reading
    await asyncio.gather(*env.salon.booking.reads.tasks.values())
    assert await env.known_event_types(FRIDAY) == {1002}, "what was read before the booking is not stored"
    assert await env.known_event_types(FRIDAY + timedelta(days=1)) == {1001, 1002}


async def test_cancelled_time_is_rebooked_before_its_remote_cancellation(env: CalcomEnvironment) -> None:
    first = await env.salon.book(staff="Anna")
    await env.salon.booking.check_availability(call(), EXACTLY)  # read while it is booked there
    await env.salon.cancel(first.fields["appointment_id"])
    again = await env.salon.book(staff="Anna")
    assert again.fields["status"] == "confirmed", again


async def test_time_blocked_only_by_cancelled_appointment_is_uncertain(env: CalcomEnvironment) -> None:
    """The booking still at Cal.com hides other obstacles there, here an entry made since."""
    first = await env.salon.book(staff="Anna")
    await env.control("busy", host="anna", **AFTERNOON)
    await env.salon.cancel(first.fields["appointment_id"])
    answer = await env.salon.booking.check_availability(call("call_2"), {**EXACTLY, "staff": "Anna"})
    assert (answer.fields["slots"][0]["start"], answer.fields["slots"][0]["staff"]) == (HALF_PAST_TWO, "anna")
    assert answer.fields["basis"] == "own_book", answer.message
    assert "bestätige ich Ihnen beim Eintragen" in answer.message
    others = await env.salon.booking.check_availability(call("call_3"), {**EXACTLY, "staff": "Mehmet"})
    assert "basis" not in others.fields, "of Mehmet nothing is hidden"


async def test_cancelled_appointments_time_on_absence_is_not_offered(env: CalcomEnvironment) -> None:
    """All appointments of an ill person are cancelled: their times must not be offered to the next callers."""
    first = await env.salon.book(staff="Anna")
    await env.control("absences", host="anna", start="2026-11-27T00:00:00Z", end="2026-11-27T00:00:00Z")
    await env.salon.cancel(first.fields["appointment_id"])
    assert await free(env, staff="anna") == []
    answer = await env.salon.booking.check_availability(call("call_2"), {**EXACTLY, "staff": "Anna"})
    assert ("2026-11-27", "anna") not in {(slot["start"][:10], slot["staff"]) for slot in answer.fields["slots"]}
    assert "basis" not in answer.fields


async def test_appointments_own_time_is_free_for_its_move(env: CalcomEnvironment) -> None:
    booked = await env.salon.book(staff="Anna")
    await free(env)
    args = {"appointment_id": booked.fields["appointment_id"], "start": "2026-11-27T14:45:00+01:00"}
    moved = await env.salon.booking.reschedule_appointment(call(), args)
    assert (moved.fields["start"], moved.fields["status"]) == (args["start"], "confirmed"), moved


async def run_task(keeper: FreeTimesKeeper) -> Any:
    async def save(_: Any) -> None:
        raise AssertionError("it keeps nothing")

    return await keeper.run(TaskRun(FREE_TIMES, {}, "corr-task", save))


async def test_preloaded_free_times_answer_without_requests(env: CalcomEnvironment) -> None:
    keeper = FreeTimesKeeper(env.worker)
    result = await run_task(keeper)
    assert result.after == timedelta(minutes=10)
    assert env.count_requests(READ) == 2
    answer = await env.salon.booking.check_availability(call(), EXACTLY)
    assert answer.fields["slots"]
    assert env.count_requests(READ) == 2
    await run_task(keeper)
    assert env.count_requests(READ) == 2, "it is fresh"
    await outdate(env, timedelta(minutes=9))
    await run_task(keeper)
    assert env.count_requests(READ) == 4


async def test_beginning_call_rereads_free_times_after_30_seconds(env: CalcomEnvironment) -> None:
    keeper = FreeTimesKeeper(env.worker)
    await run_task(keeper)
    await outdate(env, timedelta(seconds=31))
    keeper.calendar_changed()
    await asyncio.wait_for(keeper.wait_until_read(), SOON)
    assert env.count_requests(READ) == 2, "it is not too old for a tenant without calls"
    keeper.call_begins()
    keeper.call_begins()
    await asyncio.wait_for(keeper.wait_until_read(), SOON)
    assert env.count_requests(READ) == 4
