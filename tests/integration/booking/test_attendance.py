"""The desk marks a no-show in our own book, and first at Cal.com if the appointment is there."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.desk.appointments import CalendarState, RequestUsed, calendar_state, cancel_for_desk, find_by_id
from askproai_runtime.desk.attendance import AttendanceObstacle, AttendanceRefused, mark_attendance
from askproai_sandbox.simulator import FaultKind
from tests.worlds.booking_environment import HALF_PAST_TWO, NOW, Salon, call
from tests.worlds.calcom_environment import CalcomEnvironment
from tests.worlds.desk_bookings import desk

pytestmark = pytest.mark.nightly

UNTIL_IT_BEGINS = datetime.fromisoformat(HALF_PAST_TWO).astimezone(UTC) - NOW


async def book(salon: Salon) -> UUID:
    answer = await salon.book(HALF_PAST_TWO, "Petra", by=call("call_1", "+491500000001"))
    assert answer.success, answer
    return UUID(answer.fields["appointment_id"])


async def mark(
    salon: Salon, appointment: UUID, request: DeskRequest | None = None, *, no_show: bool = True
) -> Appointment:
    found = await mark_attendance(salon.booking, request or desk(), appointment, no_show=no_show)
    assert found is not None
    return found


async def audit(salon: Salon) -> list[str]:
    rows = await salon.rows("SELECT action, detail FROM audit_log ORDER BY id")
    assert {json.loads(row["detail"])["claimed_by"] for row in rows} <= {"karin@laptop"}
    return [row["action"] for row in rows]


async def test_no_show_is_marked_after_start_and_unmarked(salon: Salon) -> None:
    appointment = await book(salon)
    salon.clock.advance(UNTIL_IT_BEGINS - timedelta(minutes=1))
    with pytest.raises(AttendanceRefused, match="from its start on") as refused:
        await mark(salon, appointment)
    assert refused.value.obstacle is AttendanceObstacle.NOT_BEGUN
    salon.clock.advance(timedelta(minutes=1))
    assert (await mark(salon, appointment)).status == "no_show"
    assert (await mark(salon, appointment)).status == "no_show"
    assert (await mark(salon, appointment, no_show=False)).status == "confirmed"
    assert await audit(salon) == ["appointment.no_show", "appointment.attended"], "what changes nothing is no entry"
    await salon.assert_claims_match()


async def test_repeated_attendance_request_changes_nothing_more(salon: Salon) -> None:
    appointment, request = await book(salon), desk()
    salon.clock.advance(UNTIL_IT_BEGINS)
    await mark(salon, appointment, request)
    await mark(salon, appointment, no_show=False)
    assert (await mark(salon, appointment, request)).status == "confirmed"
    with pytest.raises(RequestUsed):
        await mark(salon, appointment, request, no_show=False)


async def test_cancelled_appointment_cannot_be_a_no_show(salon: Salon) -> None:
    appointment = await book(salon)
    await cancel_for_desk(salon.booking, desk(), appointment, None, "corr-desk")
    salon.clock.advance(UNTIL_IT_BEGINS)
    with pytest.raises(AttendanceRefused) as refused:
        await mark(salon, appointment)
    assert refused.value.obstacle is AttendanceObstacle.NOT_HELD
    assert await mark_attendance(salon.booking, desk(), uuid4(), no_show=True) is None


async def test_no_show_reaches_calcom_whose_event_changes_nothing(env: CalcomEnvironment) -> None:
    appointment = await book(env.salon)
    env.advance(UNTIL_IT_BEGINS)
    found = await mark(env.salon, appointment)
    assert await calendar_state(env.salon.booking, found) is CalendarState.DONE
    (booking,) = env.bookings
    assert [attendee["absent"] for attendee in booking["attendees"]] == [True]
    assert (await env.receive_event(booking["uid"], env.salon.clock.now())).startswith("nothing new")
    assert (await mark(env.salon, appointment, no_show=False)).status == "confirmed"
    (booking,) = env.bookings
    assert [attendee["absent"] for attendee in booking["attendees"]] == [False]
    assert (await env.receive_event(booking["uid"], env.salon.clock.now())).startswith("nothing new")


async def test_no_show_already_at_calcom_is_not_sent(env: CalcomEnvironment) -> None:
    appointment = await book(env.salon)
    env.advance(UNTIL_IT_BEGINS)
    await env.dashboard("absent", uid=env.bookings[0]["uid"])
    assert (await mark(env.salon, appointment)).status == "no_show"
    assert env.count_requests("mark-absent") == 0


async def test_no_show_request_can_be_repeated_after_outage(env: CalcomEnvironment) -> None:
    appointment, request = await book(env.salon), desk()
    env.advance(UNTIL_IT_BEGINS)
    env.disconnect()
    with pytest.raises(AttendanceRefused, match="try again later") as refused:
        await mark(env.salon, appointment, request)
    assert refused.value.obstacle is AttendanceObstacle.CALENDAR_AWAY
    (found,) = await find_by_id(env.salon.booking, appointment, appointment)
    assert found.status == "confirmed"
    env.reconnect()
    assert (await mark(env.salon, appointment, request)).status == "no_show"


async def test_event_confirms_a_no_show_with_lost_answer(env: CalcomEnvironment) -> None:
    appointment = await book(env.salon)
    env.advance(UNTIL_IT_BEGINS)
    env.inject_fault(FaultKind.ERROR_AFTER_COMMIT, "mark-absent", count=1)
    with pytest.raises(AttendanceRefused) as refused:
        await mark(env.salon, appointment)
    assert refused.value.obstacle is AttendanceObstacle.CALENDAR_AWAY
    await env.receive_event(env.bookings[0]["uid"], env.salon.clock.now())
    (found,) = await find_by_id(env.salon.booking, appointment, appointment)
    assert found.status == "no_show"


async def test_no_show_refused_by_calcom_is_not_marked(env: CalcomEnvironment) -> None:
    appointment = await book(env.salon)
    env.salon.clock.advance(UNTIL_IT_BEGINS)  # and Cal.com's clock is behind: there it has not begun
    with pytest.raises(AttendanceRefused, match="only after the booking has begun") as refused:
        await mark(env.salon, appointment)
    assert refused.value.obstacle is AttendanceObstacle.CALENDAR_REFUSED
    assert await audit(env.salon) == []
