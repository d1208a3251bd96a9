"""The waiting list and moved appointments: a customer's present appointments decide which entries stay."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.book.outcomes import Moved
from askproai_runtime.desk.appointments import move_for_desk
from tests.worlds.booking_environment import MORNING, Salon, booking_args, call
from tests.worlds.calcom_environment import CalcomEnvironment
from tests.worlds.waitlist_environment import FIRST, SECOND, book, join, offered, run, wait

pytestmark = pytest.mark.nightly

AFTERNOON = "2026-11-27T14:30:00+01:00"
MORNINGS = {"date": "2026-11-27 oder 2026-11-28", "part_of_day": "vormittags"}


async def states(salon: Salon) -> dict[str, str]:
    return {row["phone"]: row["state"] for row in await salon.rows("SELECT phone, state FROM waitlist")}


async def book_with_anna(salon: Salon) -> str:
    args = booking_args(AFTERNOON) | {"staff": "Anna"}
    answer = await salon.booking.book_appointment(call("call_own", FIRST), args)
    assert answer.success, answer
    return str(answer.fields["appointment_id"])


async def move(salon: Salon, appointment: str, start: str, call_id: str = "call_move", caller: str = FIRST) -> None:
    args = {"appointment_id": appointment, "start": start}
    moved = await salon.booking.reschedule_appointment(call(call_id, caller), args)
    assert moved.success, moved


async def test_moving_into_the_requested_time_ends_the_wait(salon: Salon) -> None:
    taken = await book(salon)
    own = await book_with_anna(salon)
    await wait(salon, FIRST, part_of_day="vormittags")
    await salon.cancel(taken)
    await run(salon)
    assert await offered(salon) == [(FIRST, "open")]
    await move(salon, own, MORNING)
    await run(salon)
    await run(salon)
    assert await states(salon) == {FIRST: "booked"}
    assert await offered(salon) == [(FIRST, "booked")], "and her own former time is not offered to her"


async def move_by_desk(salon: Salon, appointment: str, start: str = MORNING) -> None:
    desk = DeskRequest(uuid4(), "karin@laptop")
    at = datetime.fromisoformat(start)
    moved = await move_for_desk(salon.booking, desk, UUID(appointment), at, None, "corr-desk")
    assert isinstance(moved, Moved), moved


async def test_desks_move_ends_the_wait(salon: Salon) -> None:
    """The former start lies between two requested times, and is none of them."""
    own = await book_with_anna(salon)
    await wait(salon, FIRST, **MORNINGS)
    await move_by_desk(salon, own)
    await run(salon)
    assert await states(salon) == {FIRST: "booked"}


async def test_move_at_calcom_ends_the_wait(env: CalcomEnvironment) -> None:
    own = await book_with_anna(env.salon)
    await wait(env.salon, FIRST, **MORNINGS)
    (row,) = await env.salon.rows("SELECT external_id FROM appointments WHERE id::text = $1", own)
    moved = await env.dashboard("move", uid=row["external_id"], start=MORNING)
    await env.receive_event(moved["uid"])
    await run(env.salon)
    assert await states(env.salon) == {FIRST: "booked"}


async def test_group_move_ends_the_wait(salon: Salon) -> None:
    args = booking_args(AFTERNOON, companions=[{"customer_name": "Mia Rot"}])
    booked = await salon.booking.book_appointment(call("call_own", FIRST), args)
    assert booked.success, booked
    await wait(salon, FIRST, part_of_day="vormittags")
    await move(salon, str(booked.fields["appointment_id"]), MORNING, "call_own")
    await run(salon)
    assert await states(salon) == {FIRST: "booked"}


async def test_older_appointment_does_not_end_the_wait(salon: Salon) -> None:
    await book_with_anna(salon)
    await wait(salon, FIRST)
    await run(salon)
    assert await states(salon) == {FIRST: "waiting"}, "she waits for another time of that day"


@pytest.mark.parametrize("move_it", [move, move_by_desk])
async def test_move_within_the_requested_day_ends_the_wait(salon: Salon, move_it: Any) -> None:
    own = await book_with_anna(salon)
    await wait(salon, FIRST)
    await move_it(salon, own, "2026-11-27T15:30:00+01:00")
    await run(salon)
    assert await states(salon) == {FIRST: "booked"}


async def test_moving_to_another_staff_member_continues_the_wait(salon: Salon) -> None:
    assert await stays_waiting(salon, is_same=True)


async def test_replacing_the_appointment_at_calcom_continues_the_wait(env: CalcomEnvironment) -> None:
    """Cal.com moves no booking to another host: another appointment is booked in its place."""
    assert await stays_waiting(env.salon, is_same=False)


async def stays_waiting(salon: Salon, *, is_same: bool) -> bool:
    """Return whether a wait outlasts the change to another person, and no further appointment."""
    own, found = await book_with_anna(salon), list[dict[str, str]]()
    await wait(salon, FIRST)
    args = {"appointment_id": own, "start": AFTERNOON, "staff": "Mehmet"}
    assert (await salon.booking.reschedule_appointment(call("call_move", FIRST), args)).success
    (row,) = await salon.live()
    assert (row["staff"], str(row["id"]) == own) == ("mehmet", is_same)
    await run(salon)
    found.append(await states(salon))
    more = booking_args(MORNING, another=True)
    assert (await salon.booking.book_appointment(call("call_more", FIRST), more)).success
    await run(salon)
    return [*found, await states(salon)] == [{FIRST: "waiting"}, {FIRST: "booked"}]


async def test_joining_after_a_move_starts_a_new_wait(salon: Salon) -> None:
    own = await book_with_anna(salon)
    await wait(salon, FIRST)
    await wait(salon, SECOND)
    await move(salon, own, "2026-11-27T15:30:00+01:00")
    assert (await join(salon, "call_move", FIRST)).success
    await run(salon)
    assert await states(salon) == {FIRST: "waiting", SECOND: "waiting"}
    order = await salon.rows("SELECT phone FROM waitlist ORDER BY created_at")
    assert [row["phone"] for row in order] == [SECOND, FIRST], "it is a new wait"


async def test_joining_twice_does_not_change_the_waiting_order(salon: Salon) -> None:
    await book_with_anna(salon)
    for phone, more in (
        (FIRST, {}),
        (SECOND, {}),
        (FIRST, {}),
        (FIRST, {"customer_name": "Petra Mühler", "choice": "rename"}),
    ):
        await wait(salon, phone, **more)
    order = await salon.rows("SELECT phone FROM waitlist ORDER BY created_at")
    assert [row["phone"] for row in order] == [FIRST, SECOND]


@pytest.mark.parametrize(
    ("waits", "books", "state"),
    [
        ({"staff": "Anna"}, {"staff": "Mehmet"}, "waiting"),
        ({"staff": "Anna"}, {"staff": "Anna"}, "booked"),
        ({}, {"staff": "Mehmet"}, "booked"),
        ({}, {"customer_name": "Leon Müller"}, "waiting"),
        ({}, {"customer_name": "Frau Müller"}, "booked"),
        ({"staff": "Anna"}, {"staff": "Anna", "customer_name": "Leon Müller"}, "waiting"),
    ],
)
async def test_only_matching_booking_ends_the_waiting_list_entry(salon: Salon, waits, books, state) -> None:
    await wait(salon, FIRST, **waits)
    booked = await salon.booking.book_appointment(call("call_own", FIRST), booking_args(AFTERNOON) | books)
    assert booked.success, booked
    await run(salon)
    assert await states(salon) == {FIRST: state}


async def test_move_outside_the_requested_time_ends_no_wait(salon: Salon) -> None:
    own = await book_with_anna(salon)
    await wait(salon, FIRST, **MORNINGS)
    await move(salon, own, "2026-11-27T16:00:00+01:00")
    await run(salon)
    assert await states(salon) == {FIRST: "waiting"}


async def test_freed_time_is_offered_to_its_canceller_last(salon: Salon) -> None:
    own = await book(salon, MORNING, "call_own", FIRST)
    await wait(salon, FIRST)
    await wait(salon, SECOND)
    await salon.cancel(own)
    await run(salon)
    assert await offered(salon) == [(SECOND, "open")], "although the owner joined first"
