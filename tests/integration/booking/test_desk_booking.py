"""Bookings by the desk: the steps of `book_appointment`, once for each request, without the limits for callers."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from askproai_core.tenant_config.config import BookingLimits
from askproai_runtime.admin_api.change_sentences import say_booked
from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.availability.slots import Span
from askproai_runtime.book.outcomes import Booked
from askproai_runtime.conversation.types import FunctionOutcome
from askproai_runtime.desk.appointments import RequestUsed, cancel_for_desk, move_for_desk
from askproai_runtime.desk.blocks import add_block
from askproai_runtime.desk.booking import Place
from askproai_runtime.desk.outcomes import ChangeRefusal, NotDone
from tests.worlds.booking_environment import HALF_PAST_TWO, MORNING, Salon, booking_args, call, second_process
from tests.worlds.desk_bookings import PETRA, at, audit, book, changed, desk, refused

pytestmark = pytest.mark.nightly


async def test_desk_booking_is_like_callers_and_audited_anonymously(new_salon) -> None:
    salon, request = await new_salon(), desk()
    booked = await book(salon, request=request)
    assert isinstance(booked, Booked)
    said = say_booked(salon.booking, booked)
    assert said == "Der Termin ist eingetragen: Freitag, den 27. November, um 14 Uhr 30, Haarschnitt bei Anna."
    (row,) = await salon.live()
    assert row["call_id"] == f"desk:{request.request_id}"
    assert (row["customer_name"], row["notes"]) == ("Petra Müller", PETRA.notes)
    ((action, detail),) = await audit(salon)
    assert (action, detail["appointment"]) == ("appointment.booked", str(row["id"]))
    assert (detail["claimed_by"], detail["request"]) == ("karin@laptop", str(request.request_id))
    kept = json.dumps([detail, *(str(row) for row in await salon.rows("SELECT * FROM call_actions"))])
    assert not [each for each in ("Petra", "15112345678", "Treppe") if each in kept]
    await salon.assert_claims_match()
    assert salon.metrics.bookings == [], "the metric is of callers: a dead telephone must not look alive"


async def test_customer_finds_the_desks_booking_by_telephone(salon: Salon) -> None:
    await book(salon)
    found = await salon.booking.find_appointments(call("call_9", "+4915112345678"))
    assert "14 Uhr 30" in found.message
    strangers = await salon.booking.find_appointments(call("call_10", "+4915199999999"))
    assert strangers.outcome is FunctionOutcome.NONE_FOUND


async def test_desk_booking_fills_in_unambiguous_values(salon: Salon) -> None:
    assert isinstance(await book(salon, place=Place()), Booked)
    by_names = Place(branch="Salon Müller Mitte", service="Haarschnitt")
    assert isinstance(await book(salon, place=by_names), Booked)
    assert {row["staff"] for row in await salon.live()} == {"anna", "mehmet"}
    third = refused(await book(salon, place=Place()))
    assert third.reason is Obstacle.TAKEN
    assert third.free


@pytest.mark.parametrize(
    ("start", "first", "last"),
    [
        ("2026-12-24T10:00:00+01:00", "2026-12-29", "2026-12-31"),  # Thursday; closed then, and on the days after
        ("2026-12-17T08:00:00+01:00", "2026-12-16", "2026-12-18"),  # an hour too early
        ("2027-03-19T10:00:00+01:00", "2027-02-16", "2027-02-18"),  # a month beyond the horizon
    ],
)
async def test_free_times_are_near_the_request_and_ordered(salon: Salon, start: str, first: str, last: str) -> None:
    zone = ZoneInfo(salon.booking.config().time_zone)
    free = refused(await book(salon, start, Place())).free
    starts = [slot.start.astimezone(zone).isoformat() for slot in free]
    assert len(starts) == 3
    assert starts == sorted(starts)
    assert first <= starts[0][:10] <= starts[-1][:10] <= last, starts
    as_caller = {"date": start[:10], "time": start[11:16], "service": "haarschnitt"}
    for_caller = await salon.booking.check_availability(call(), as_caller)
    assert starts == [each["start"] for each in for_caller.fields["slots"]]


async def test_repeated_desk_booking_books_nothing_more(new_salon) -> None:
    salon, request = await new_salon(), desk()
    first = await book(salon, request=request)
    again = await book(salon, request=request)
    appointment = changed(first).id
    assert changed(again).id == appointment
    await move_for_desk(salon.booking, desk(), appointment, at(MORNING), None, "c")
    moved = await book(salon, request=request)
    assert changed(moved).starts_at == at(MORNING)
    await cancel_for_desk(salon.booking, desk(), appointment, None, "c")
    cancelled = refused(await book(salon, request=request))
    assert cancelled.reason is ChangeRefusal.GONE
    assert await salon.live() == []
    assert isinstance(await book(salon), Booked), "a new request books again"


async def test_request_id_is_bound_to_one_booking(new_salon) -> None:
    salon, request = await new_salon(), desk()
    await book(salon, request=request)
    for other in (
        book(salon, MORNING, request=request),
        book(salon, place=Place("mitte", "haarschnitt", "mehmet"), request=request),
        book(salon, request=request, customer=replace(PETRA, name="Paula Meier")),
        book(salon, request=request, customer=replace(PETRA, phone=None)),
    ):
        with pytest.raises(RequestUsed):
            await other
    assert len(await salon.live()) == 1


async def test_concurrent_copies_of_a_desk_booking_all_succeed(new_salon) -> None:
    salon, request = await new_salon(), desk()
    async with second_process(salon) as other:
        outcomes = await asyncio.gather(*(book(each, request=request) for each in (salon, other, salon, other)))
    assert len(outcomes) == 4
    assert len({changed(outcome).id for outcome in outcomes}) == 1, "and all are booked"
    assert len(await salon.live()) == 1
    assert [action for action, _ in await audit(salon)] == ["appointment.booked"]


async def test_only_one_of_competing_requests_gets_the_slot(salon: Salon) -> None:
    async with second_process(salon, max_size=4) as other:
        answers = await asyncio.gather(
            *(book(each) for each in (salon, other, salon, other)),
            *(
                each.book_appointment(call(f"call_{n}", f"+4915{n:08}"), booking_args(staff="anna"))
                for n, each in enumerate((salon.booking, other, salon.booking, other))
            ),
        )
    by_desk = sum(isinstance(outcome, Booked) for outcome in answers[:4])
    assert by_desk + sum(answer.success for answer in answers[4:]) == 1
    assert len(await salon.live()) == 1
    assert len(await audit(salon)) == by_desk
    await salon.assert_claims_match()


async def test_slot_offered_to_a_caller_refuses_the_desk(salon: Salon) -> None:
    offered = await salon.booking.check_availability(call(), {"start": HALF_PAST_TWO, "staff": "anna"})
    assert offered.success
    assert refused(await book(salon)).reason is Obstacle.TAKEN
    assert (await salon.book(staff="anna")).success


async def test_callers_booking_limits_do_not_affect_the_desk(new_salon) -> None:
    salon = await new_salon(booking_limits=BookingLimits(per_call=1, per_caller_and_day=1, anonymous_per_hour=1))
    for start in (HALF_PAST_TWO, MORNING):
        assert isinstance(await book(salon, start), Booked)
    anonymous = await salon.book(staff="mehmet", by=call("call_1", None))
    assert anonymous.success, anonymous
    assert isinstance(await book(salon, "2026-11-27T12:00:00+01:00"), Booked)
    more = booking_args("2026-11-27T16:00:00+01:00")
    limited = await salon.booking.book_appointment(call("call_2", None), more)
    assert limited.outcome is FunctionOutcome.LIMITED, "among themselves callers are limited as before"


async def test_minimum_notice_does_not_apply_to_desk_bookings(salon: Salon) -> None:
    services = tuple(msgspec.structs.replace(s, minimum_notice_minutes=24 * 60) for s in salon.configs[0].services)
    salon.apply_config(msgspec.structs.replace(salon.configs[0], services=services))
    soon = "2026-11-20T15:00:00+01:00"
    assert not (await salon.book(soon, staff="anna")).success
    assert isinstance(await book(salon, soon), Booked)


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        ("2026-11-20T09:45:00+01:00", None),
        ("2026-11-20T09:30:00+01:00", None),
        ("2026-11-20T09:15:00+01:00", Obstacle.PAST),
        ("2026-11-29T10:00:00+01:00", Obstacle.CLOSED_DAY),
        ("2026-11-27T22:00:00+01:00", Obstacle.OUTSIDE_HOURS),
        ("2026-11-27T14:33:00+01:00", Obstacle.OFF_GRID),
        ("2028-11-27T10:00:00+01:00", Obstacle.TOO_FAR),
    ],
)
async def test_walk_in_may_have_begun_30_minutes_ago(salon: Salon, start, reason) -> None:
    """It is ten o'clock."""
    outcome = await book(salon, start)
    not_done = outcome if isinstance(outcome, NotDone) else None
    assert (not_done.reason if not_done else None) is reason
    free = [slot.start for slot in not_done.free] if not_done else []
    assert all(start >= salon.clock.now() for start in free)
    assert bool(free) is (reason is not None)


async def test_occupied_walk_in_time_is_refused(new_salon) -> None:
    salon, blocked, begun = await new_salon(), await new_salon(), "2026-11-20T09:45:00+01:00"
    assert isinstance(await book(salon, begun), Booked)
    span = Span(salon.clock.now(), salon.clock.now() + timedelta(hours=1))
    await add_block(blocked.booking, desk(), "anna", None, span, "krank", "c")
    for each in (salon, blocked):
        assert refused(await book(each, begun)).reason is Obstacle.TAKEN


async def test_only_the_desk_cancels_a_begun_walk_in(salon: Salon) -> None:
    appointment = changed(await book(salon, "2026-11-20T09:45:00+01:00")).id
    customer, args = call("call_9", "+4915112345678"), {"appointment_id": str(appointment)}
    assert not (await salon.booking.cancel_appointment(customer, args)).success
    cancelled = await cancel_for_desk(salon.booking, desk(), appointment, None, "c")
    assert cancelled is not None
    assert cancelled.status == "cancelled"
    assert isinstance(await book(salon, "2026-11-20T09:45:00+01:00"), Booked), "its time is free again"
    await salon.assert_claims_match()


async def test_desk_bookings_stay_within_their_tenant(new_salon) -> None:
    salon, other, request = await new_salon(), await new_salon(), desk()
    first, second = await book(salon, request=request), await book(other, request=request)
    assert changed(first).id != changed(second).id
    assert (len(await salon.live()), len(await other.live())) == (1, 1)
