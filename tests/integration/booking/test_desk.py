"""Changes by the desk: the locks and rules are those for callers, and each request is carried out once."""

import asyncio
import random
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from askproai_runtime.admin_api.change_sentences import say_moved
from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.book.context import BookingSettings
from askproai_runtime.book.outcomes import Moved
from askproai_runtime.calendars import Refused, Taken
from askproai_runtime.desk.appointments import (
    CalendarState,
    DeskBusy,
    RequestUsed,
    calendar_state,
    cancel_for_desk,
    find_by_id,
    move_for_desk,
)
from askproai_runtime.desk.outcomes import ChangeRefusal, NotDone
from askproai_runtime.language.names import UnknownName
from tests.worlds.booking_environment import HALF_PAST_TWO, MORNING, Salon, ScriptedCalendar, call
from tests.worlds.calcom_environment import CalcomEnvironment
from tests.worlds.desk_bookings import Killed, Killing, at, audit, desk, refused

FOUR = "2026-11-27T16:00:00+01:00"


async def book(salon: Salon, start: str = HALF_PAST_TWO, staff: str = "anna", number: int = 1) -> UUID:
    context = call(f"call_{number}", f"+4915{number:08}")
    answer = await salon.book(start, f"Rosa {number}", staff=staff, by=context)
    assert answer.success, answer
    return UUID(answer.fields["appointment_id"])


async def move(
    salon: Salon, appointment: UUID, start: str, request: DeskRequest | None = None, staff: str | None = None
) -> Moved | NotDone:
    outcome = await move_for_desk(salon.booking, request or desk(), appointment, at(start), staff, "corr-desk")
    assert outcome is not None
    return outcome


def say(salon: Salon, moved: Moved | NotDone) -> str:
    """Return the sentence about a move that is made."""
    assert isinstance(moved, Moved), moved
    return say_moved(salon.booking, moved)


async def cancel(salon: Salon, appointment: UUID, request: DeskRequest | None = None) -> str:
    found = await cancel_for_desk(salon.booking, request or desk(), appointment, "krank", "corr-desk")
    assert found is not None
    return found.status


async def test_desk_move_follows_callers_rules_and_is_audited(salon: Salon) -> None:
    appointment = await book(salon)
    request = desk()
    moved = await move(salon, appointment, FOUR, request)
    said = say(salon, moved)
    assert said == "Der Termin ist verschoben: Freitag, den 27. November, um 16 Uhr, Haarschnitt bei Anna."
    ((action, detail),) = await audit(salon)
    assert action == "appointment.moved"
    assert detail["was"]["start"] == at(HALF_PAST_TWO).isoformat().replace("+00:00", "Z")
    assert (detail["claimed_by"], detail["request"]) == ("karin@laptop", str(request.request_id))
    assert detail["appointment"] == str(appointment)
    await salon.assert_claims_match()


async def test_desk_move_to_taken_time_returns_free_times(salon: Salon) -> None:
    appointment = await book(salon)
    await book(salon, FOUR, number=2)
    taken = refused(await move(salon, appointment, "2026-11-27T16:15:00+01:00"))
    assert (taken.reason, taken.cause) == (Obstacle.TAKEN, "the person is booked or blocked then")
    assert {slot.staff for slot in taken.free} == {"anna"}
    assert await audit(salon) == []
    await salon.assert_claims_match()


async def test_minimum_notice_does_not_apply_to_the_desk(salon: Salon) -> None:
    config = salon.configs[0]
    services = tuple(msgspec.structs.replace(s, minimum_notice_minutes=24 * 60) for s in config.services)
    salon.apply_config(msgspec.structs.replace(config, services=services))
    appointment = await book(salon)
    soon = "2026-11-20T15:00:00+01:00"
    args = {"appointment_id": str(appointment), "start": soon}
    assert not (await salon.booking.reschedule_appointment(call("call_1", "+491500000001"), args)).success
    assert isinstance(await move(salon, appointment, soon), Moved)


async def test_desk_moves_an_appointment_to_another_staff_member(salon: Salon) -> None:
    appointment = await book(salon)
    await book(salon, FOUR, staff="mehmet", number=2)
    given = await move(salon, appointment, HALF_PAST_TWO, staff="mehmet")
    assert say(salon, given).endswith("Haarschnitt bei Mehmet.")
    (row,) = await salon.rows("SELECT staff FROM appointments WHERE id = $1", appointment)
    assert row["staff"] == "mehmet"
    assert refused(await move(salon, appointment, FOUR)).reason is Obstacle.TAKEN, "Mehmet is taken then"
    with pytest.raises(UnknownName, match="'niemand' who does haarschnitt in mitte; there are: anna, mehmet"):
        await move(salon, appointment, FOUR, staff="niemand")
    await salon.assert_claims_match()
    assert (await salon.book(staff="anna", by=call("x"))).success, "Anna is free again"


async def test_repeated_desk_move_changes_nothing_more(salon: Salon) -> None:
    appointment = await book(salon)
    request = desk()
    assert isinstance(await move(salon, appointment, FOUR, request), Moved)
    caller = call("call_7", "+491500000001")
    moved = await salon.booking.reschedule_appointment(caller, {"start": MORNING})
    assert moved.success
    again = await move(salon, appointment, FOUR, request)
    assert say(salon, again) == "Der Termin steht schon: Freitag, den 27. November, um 10 Uhr, Haarschnitt bei Anna."
    assert [action for action, _ in await audit(salon)] == ["appointment.moved"]
    for _ in range(2):
        assert await cancel(salon, appointment, request) == "cancelled"
    assert [action for action, _ in await audit(salon)] == ["appointment.moved", "appointment.cancelled"]
    gone = refused(await move(salon, appointment, MORNING))
    assert gone.reason is ChangeRefusal.GONE, "what is cancelled stays cancelled"


async def test_concurrent_copies_of_a_desk_move_all_succeed(salon: Salon) -> None:
    appointment = await book(salon)
    request = desk()
    outcomes = await asyncio.gather(*(move(salon, appointment, FOUR, request) for _ in range(4)))
    assert all(isinstance(outcome, Moved) for outcome in outcomes)
    (row,) = await salon.live()
    assert row["version"] == 2
    assert len(await audit(salon)) == 1


async def test_begun_appointment_is_neither_moved_nor_cancelled(salon: Salon) -> None:
    appointment = await book(salon)
    salon.clock.advance(timedelta(days=7, hours=6))
    assert await cancel(salon, appointment) == "confirmed"
    assert refused(await move(salon, appointment, "2026-11-30T10:00:00+01:00")).reason is ChangeRefusal.GONE
    assert await audit(salon) == []


async def test_desk_cannot_find_another_tenants_appointment(new_salon) -> None:
    salon, other = await new_salon(), await new_salon()
    appointment = await book(salon)
    assert await cancel_for_desk(other.booking, desk(), appointment, None, "c") is None
    assert await move_for_desk(other.booking, desk(), appointment, at(FOUR), None, "c") is None
    assert await find_by_id(other.booking, appointment, appointment) == []
    assert len(await salon.live()) == 1


async def test_desk_cannot_change_a_hold(salon: Salon) -> None:
    await salon.booking.check_availability(call(), {"date": "2026-11-27", "time": "10 Uhr"})
    (hold,) = await salon.rows("SELECT id FROM appointments")
    assert await cancel_for_desk(salon.booking, desk(), hold["id"], None, "c") is None
    assert await move_for_desk(salon.booking, desk(), hold["id"], at(FOUR), None, "c") is None


@pytest.mark.nightly
async def test_concurrent_desk_and_caller_changes_keep_one_appointment(salon: Salon) -> None:
    """A storm of moves and cancellations of the same appointments, by their callers and by the desk."""
    starts = [f"2026-11-27T{hour}:15:00+01:00" for hour in (12, 13, 14, 15, 16)]
    appointments = [await book(salon, start, number=number) for number, start in enumerate(starts[2:])]
    rng = random.Random(4)
    busy: list[Exception] = []

    async def change(number: int) -> None:
        target, start = rng.choice(appointments), rng.choice(starts)
        action, owner = rng.choice(["desk", "desk", "caller", "caller", "cancel"]), appointments.index(target)
        context = call(f"again_{number}", f"+4915{owner:08}")
        if action == "desk":
            try:
                await move(salon, target, start, staff=rng.choice([None, "anna", "mehmet"]))
            except DeskBusy as error:
                busy.append(error)
        elif action == "caller":
            args = {"appointment_id": str(target), "start": start}
            await salon.booking.reschedule_appointment(context, args)
        elif number >= 30:
            await cancel(salon, target)

    # Cancellations race with moves, too, but begin later: a cancelled appointment is not moved.
    await asyncio.gather(*(change(number) for number in range(30)))
    await asyncio.gather(*(change(number) for number in range(30, 50)))
    await salon.assert_claims_match()
    # The order decides how many changes succeed. The storm proves something if each kind of change did.
    assert {action for action, _ in await audit(salon)} == {"appointment.moved", "appointment.cancelled"}
    assert len(busy) < 20


# Cal.com


async def test_calcom_gets_moves_directly_and_cancellations_by_job(env: CalcomEnvironment) -> None:
    appointment = await book(env.salon)
    assert isinstance(await move(env.salon, appointment, FOUR), Moved)
    (booking,) = env.bookings
    assert datetime.fromisoformat(booking["start"]) == at(FOUR)
    (found,) = await find_by_id(env.salon.booking, appointment, appointment)
    assert await calendar_state(env.salon.booking, found) is CalendarState.DONE
    assert await cancel(env.salon, appointment) == "cancelled"
    assert await calendar_state(env.salon.booking, found) is CalendarState.QUEUED
    waiting = asyncio.create_task(calendar_state(env.salon.booking, found, wait=True))
    await env.run_sync_job()
    assert await waiting is CalendarState.DONE
    assert env.bookings == []


async def test_calcom_appointment_keeps_its_staff_member(env: CalcomEnvironment) -> None:
    appointment = await book(env.salon)
    stays = refused(await move(env.salon, appointment, FOUR, staff="mehmet"))
    assert stays.reason is ChangeRefusal.REFUSED
    assert stays.cause is not None
    assert "cancel it, and book a new one with the other person" in stays.cause
    (booking,) = env.bookings
    assert datetime.fromisoformat(booking["start"]) == at(HALF_PAST_TWO)


async def test_move_refused_remotely_is_undone_and_audited(new_salon) -> None:
    calendar = ScriptedCalendar()
    salon = await new_salon(calendar)
    appointment = await book(salon)
    calendar.moves = [Taken("taken there")]
    assert refused(await move(salon, appointment, FOUR)).reason is Obstacle.TAKEN
    assert [action for action, _ in await audit(salon)] == ["appointment.moved", "appointment.move_refused"]
    (row,) = await salon.live()
    assert (row["starts_at"], row["status"]) == (at(HALF_PAST_TWO), "confirmed")
    await salon.assert_claims_match()


@pytest.mark.parametrize("point", ["after:move-commit", "after:calcom-move"])
async def test_repeated_desk_move_finishes_after_a_crash(env: CalcomEnvironment, point: str) -> None:
    appointment = await book(env.salon)
    request = desk()

    dying = replace(env.salon.booking, faults=Killing(point))
    with pytest.raises(Killed):
        await move_for_desk(dying, request, appointment, at(FOUR), None, "c")
    await env.salon.pool.execute("UPDATE call_actions SET lease_until = clock_timestamp() WHERE state = 'in_flight'")
    assert isinstance(await move(env.salon, appointment, FOUR, request), Moved)
    await env.run_sync_job()
    (booking,) = env.bookings
    assert datetime.fromisoformat(booking["start"]) == at(FOUR)
    assert [action for action, _ in await audit(env.salon)] == ["appointment.moved"]


async def test_desk_move_repeated_after_crash_undoes_no_move(new_salon) -> None:
    salon = await new_salon(ScriptedCalendar())
    appointment, request, five = await book(salon), desk(), "2026-11-27T12:00:00+01:00"
    dying = replace(salon.booking, faults=Killing("after:move-commit"))
    with pytest.raises(Killed):
        await move_for_desk(dying, request, appointment, at(FOUR), None, "c")
    assert isinstance(await move(salon, appointment, five), Moved)
    await salon.pool.execute("UPDATE call_actions SET lease_until = clock_timestamp() WHERE state = 'in_flight'")
    again = refused(await move(salon, appointment, FOUR, request))
    assert again.reason is ChangeRefusal.REFUSED
    assert again.cause == "it was changed since this request was first sent"
    (row,) = await salon.live()
    assert row["starts_at"] == at(five)
    await salon.assert_claims_match()


async def test_desk_request_refused_by_calcom_can_be_repeated(new_salon) -> None:
    calendar = ScriptedCalendar()
    salon = await new_salon(calendar, BookingSettings(refusal=timedelta()))
    appointment, request = await book(salon), desk()
    calendar.moves = [Refused("not now")]
    assert refused(await move(salon, appointment, FOUR, request)).reason is ChangeRefusal.REFUSED
    assert isinstance(await move(salon, appointment, FOUR, request), Moved)
    (row,) = await salon.live()
    assert row["starts_at"] == at(FOUR)


async def test_request_id_is_bound_to_one_change(salon: Salon) -> None:
    appointment, other = await book(salon), await book(salon, MORNING, number=2)
    request = desk()
    assert isinstance(await move(salon, appointment, FOUR, request), Moved)
    with pytest.raises(RequestUsed):
        await move(salon, appointment, FOUR, request, staff="mehmet")
    with pytest.raises(RequestUsed):
        await move(salon, appointment, HALF_PAST_TWO, request)
    with pytest.raises(RequestUsed):
        await move(salon, other, FOUR, request)
    assert await cancel(salon, appointment, request) == "cancelled"
    with pytest.raises(RequestUsed):
        await cancel(salon, other, request)
    (row,) = await salon.live()
    assert (row["id"], row["starts_at"]) == (other, at(MORNING))
    assert isinstance(await move(salon, other, FOUR), Moved)


async def test_repeated_cancellation_leaves_a_restored_appointment(salon: Salon) -> None:
    appointment, request = await book(salon), desk()
    await salon.pool.execute(
        "UPDATE appointments SET status = 'cancelled', cancelled_by = 'calendar' WHERE id = $1", appointment
    )
    assert await cancel(salon, appointment, request) == "cancelled"
    await salon.pool.execute(
        "UPDATE appointments SET status = 'confirmed', cancelled_by = NULL WHERE id = $1", appointment
    )
    assert await cancel(salon, appointment, request) == "confirmed"
    assert await cancel(salon, appointment) == "cancelled", "another request does it"
