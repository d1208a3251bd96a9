"""Bookings by the desk at Cal.com: at the answer, later, after a crash, or not at all."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from askproai_core.tenant_config.services import BookingField
from askproai_core.tenant_config.vocabulary import FieldSource
from askproai_runtime.admin_api.change_sentences import say_booked
from askproai_runtime.admin_api.refused_change import refuse_booking
from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.outcomes import Booked
from askproai_runtime.calendars import RefusalCause, Refused, Taken
from askproai_runtime.desk.appointments import CalendarState, calendar_state, cancel_for_desk, find_by_id, move_for_desk
from askproai_runtime.desk.booking import Place, preview_booking
from askproai_runtime.desk.outcomes import ChangeRefusal
from tests.worlds.booking_environment import HALF_PAST_TWO, MORNING, ScriptedCalendar
from tests.worlds.calcom_environment import CalcomEnvironment
from tests.worlds.desk_bookings import ANNA, PETRA, Killed, Killing, at, audit, book, changed, desk, refused

pytestmark = pytest.mark.nightly


async def state(env: CalcomEnvironment, appointment: Appointment) -> CalendarState:
    (found,) = await find_by_id(env.salon.booking, appointment.id, appointment.id)
    return await calendar_state(env.salon.booking, found)


async def test_desk_booking_is_pending_during_an_outage(env: CalcomEnvironment) -> None:
    env.disconnect()
    booked = await book(env.salon)
    assert isinstance(booked, Booked)
    appointment = changed(booked)
    assert (appointment.status, await state(env, appointment)) == ("pending_sync", CalendarState.QUEUED)
    assert "Der Kalender muss ihn noch bestätigen" in say_booked(env.salon.booking, booked)
    env.reconnect()
    await env.run_sync_job()
    (booking,) = env.bookings
    assert datetime.fromisoformat(booking["start"]) == at(HALF_PAST_TWO)
    assert booking["attendees"][0]["email"] == PETRA.email
    assert await state(env, appointment) is CalendarState.DONE


async def test_begun_walk_in_is_not_booked_at_calcom(env: CalcomEnvironment) -> None:
    past = refused(await book(env.salon, "2026-11-20T09:45:00+01:00"))
    assert (past.reason, past.cause) == (Obstacle.PAST, "it has begun, and the remote calendar books nothing then")
    assert env.count_requests("create-booking") == 0
    env.salon.clock.advance(timedelta(minutes=7))
    _, start = preview_booking(env.salon.booking, ANNA, None)
    assert start == at("2026-11-20T10:15:00+01:00"), "a walk-in gets the next start"


async def test_desk_booking_taken_remotely_returns_free_times(env: CalcomEnvironment) -> None:
    await env.block(1001, at(HALF_PAST_TWO).isoformat())
    taken = refused(await book(env.salon))
    assert taken.reason is Obstacle.TAKEN
    assert taken.free
    assert at(HALF_PAST_TWO) not in {slot.start for slot in taken.free if slot.staff == "anna"}
    assert await env.salon.live() == []


@pytest.mark.parametrize("point", ["after:book-commit", "after:calcom-create"])
async def test_repeated_desk_booking_finishes_after_a_crash(env: CalcomEnvironment, point: str) -> None:
    request = desk()
    dying = replace(env.salon.booking, faults=Killing(point))
    with pytest.raises(Killed):
        await book(dying, request=request)
    await env.salon.pool.execute("UPDATE call_actions SET lease_until = clock_timestamp() WHERE state = 'in_flight'")
    assert isinstance(await book(env.salon, request=request), Booked)
    await env.run_sync_job()
    assert (len(env.bookings), len(await env.salon.live())) == (1, 1)
    assert [action for action, _ in await audit(env.salon)] == ["appointment.booked"]


async def test_desk_booking_cancelled_after_crash_is_not_repeated(new_salon) -> None:
    salon, request = await new_salon(ScriptedCalendar()), desk()
    with pytest.raises(Killed):
        await book(replace(salon.booking, faults=Killing("after:book-commit")), request=request)
    (row,) = await salon.live()
    await cancel_for_desk(salon.booking, desk(), row["id"], None, "c")
    await salon.pool.execute("UPDATE call_actions SET lease_until = clock_timestamp() WHERE state = 'in_flight'")
    for _ in range(2):
        assert refused(await book(salon, request=request)).reason is ChangeRefusal.GONE
    assert await salon.live() == []


async def test_remotely_refused_booking_is_audited_and_repeatable(new_salon) -> None:
    calendar = ScriptedCalendar(Refused("not now", RefusalCause.EVENT_TYPE))
    salon, request = await new_salon(calendar), desk()
    assert refused(await book(salon, request=request)).reason is ChangeRefusal.REFUSED
    assert await salon.live() == []
    assert [action for action, _ in await audit(salon)] == ["appointment.booked", "appointment.booking_refused"]
    assert isinstance(await book(salon, request=request), Booked)
    assert len(await salon.live()) == 1


async def test_remote_refusal_books_the_next_staff_member(new_salon) -> None:
    salon = await new_salon(ScriptedCalendar(Taken("taken there")))
    assert isinstance(await book(salon, place=Place()), Booked)
    assert len(await salon.live()) == 1
    actions = [action for action, _ in await audit(salon)]
    assert actions == ["appointment.booked", "appointment.booking_refused", "appointment.booked"]


async def test_phone_number_required_by_calcom_is_asked_for(new_salon) -> None:
    salon = await new_salon(ScriptedCalendar())
    (service,) = salon.configs[0].services
    required = (BookingField(slug="telefon", source=FieldSource.PHONE),)
    types = tuple(msgspec.structs.replace(each, booking_fields=required) for each in service.event_types)
    service = msgspec.structs.replace(service, event_types=types)
    salon.apply_config(msgspec.structs.replace(salon.configs[0], services=(service,)))
    needed = refused(await book(salon, customer=replace(PETRA, phone=None)))
    assert needed.reason is ChangeRefusal.PHONE_NEEDED
    problem = refuse_booking(needed, ZoneInfo("Europe/Berlin"))
    assert problem.detail == "the remote calendar requires a valid telephone number for this service"
    assert isinstance(await book(salon), Booked)


async def test_desks_note_is_not_sent_to_calcom(env: CalcomEnvironment) -> None:
    required = {"type": "textarea", "slug": "notes", "required": True}
    await env.event_type(1001, "anna", bookingFields=[required])
    answer = BookingField(slug="notes", source=FieldSource.NOTES, value="telefonisch gebucht")
    env.change_event_types(booking_fields=(answer,))
    assert isinstance(await book(env.salon), Booked)
    env.disconnect()
    assert changed(await book(env.salon, MORNING)).status == "pending_sync"
    env.reconnect()
    await env.run_sync_job()
    assert [each["bookingFieldsResponses"]["notes"] for each in env.bookings] == ["telefonisch gebucht"] * 2
    assert {row["notes"] for row in await env.salon.live()} == {PETRA.notes}, "here it is kept"


async def test_calcoms_minimum_notice_applies_to_the_desk(env: CalcomEnvironment) -> None:
    soon = "2026-11-20T11:00:00+01:00"
    for number, host in ((1001, "anna"), (1002, "mehmet")):
        await env.event_type(number, host, minimumBookingNotice=120)
    with_anna, with_anybody = await book(env.salon, soon), await book(env.salon, soon, place=Place())
    later = changed(await book(env.salon))
    moved = await move_for_desk(env.salon.booking, desk(), later.id, at(soon), None, "c")
    assert moved is not None
    for each in map(refused, (with_anna, with_anybody, moved)):
        assert (each.reason, "its own minimum notice" in (each.cause or "")) == (Obstacle.TAKEN, True)


async def test_walk_in_without_calcom_notice_is_booked_remotely(env: CalcomEnvironment) -> None:
    await env.event_type(1001, "anna", minimumBookingNotice=0)
    assert isinstance(await book(env.salon, "2026-11-20T10:15:00+01:00"), Booked)
