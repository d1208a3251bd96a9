"""Moving and cancelling with the Cal.com simulator at the other end: what is lost, late or refused ends alike in both books."""

from datetime import datetime, timedelta

import pytest
from booking_world import HALF_PAST_TWO, call, slots_of, wants
from calcom_world import World

from askproai_core.fault_injection import FaultPoints
from askproai_core.redis import Provider
from askproai_runtime.booking import Booking, BookingSettings, CalendarDisagrees
from askproai_runtime.jobs import DeadNow, RunAgain
from askproai_sandbox.simulator import FaultKind

FOUR = "2026-11-27T16:00:00+01:00"
MOVE, CANCEL = "reschedule-booking", "cancel-booking"


async def book(world: World, start: str = HALF_PAST_TWO, call_id: str = "call_1") -> str:
    answer = await world.salon.booking.book_appointment(call(call_id), wants(start, staff="anna"))
    assert answer.fields["status"] == "confirmed", answer
    return answer.fields["appointment_id"]


async def move(world: World, to: str = FOUR):
    return await world.salon.booking.reschedule_appointment(call(), {"start": to})


async def both_books(world: World) -> list[datetime]:
    """Give when the live appointments start, the same in both books, which know each other's ids."""
    live = await world.salon.live()
    assert {row["status"] for row in live} <= {"confirmed"}
    ours = {(row["external_id"], row["starts_at"]) for row in live}
    assert {(b["uid"], datetime.fromisoformat(b["start"])) for b in world.bookings} == ours
    await world.salon.books_agree()
    return sorted(start for _, start in ours)


async def test_a_move_stands_in_both_books_by_its_new_uid(world: World) -> None:
    own = await book(world)
    before = world.bookings[0]["uid"]
    answer = await move(world)
    assert (answer.success, answer.fields["appointment_id"], answer.fields["status"]) == (True, own, "confirmed")
    assert await both_books(world) == [datetime.fromisoformat(FOUR)]
    assert world.bookings[0]["uid"] != before
    assert {row["operation"] for row in await world.salon.rows("SELECT operation FROM provider_calls")} == {
        "create-booking", "move-booking",
    }  # fmt: skip


@pytest.mark.parametrize("kind", [FaultKind.TIMEOUT_AFTER_COMMIT, FaultKind.ERROR_AFTER_COMMIT])
@pytest.mark.parametrize("to", [FOUR, "2026-11-27T15:00:00+01:00"])
async def test_a_move_whose_answer_is_lost_is_found_and_not_made_twice(world: World, kind: FaultKind, to: str) -> None:
    await book(world)
    world.fault(kind, MOVE, **({"seconds": 30} if kind is FaultKind.TIMEOUT_AFTER_COMMIT else {}))
    answer = await move(world, to)
    assert (answer.success, answer.fields["status"]) == (True, "pending_sync")
    await world.sync()
    assert await both_books(world) == [datetime.fromisoformat(to)]
    moves = [e for e in world.calcom.journal.entries if e["operation"] == MOVE]
    assert len(moves) == 1


async def test_calcom_away_is_moved_here_and_there_once_it_is_back(world: World) -> None:
    await book(world)
    world.cut_off()
    answer = await move(world)
    assert (answer.success, answer.fields["status"]) == (True, "pending_sync")
    with pytest.raises(RunAgain):
        await world.sync()
    world.back()
    await world.sync()
    assert await both_books(world) == [datetime.fromisoformat(FOUR)]


async def test_a_time_taken_there_leaves_the_appointment_where_it_was(world: World) -> None:
    await book(world)
    await world.block(1001, "2026-11-27T15:00:00Z")
    answer = await move(world)
    assert (answer.success, answer.fields["obstacle"]) == (False, "taken")
    assert FOUR not in {slot["start"] for slot in answer.fields["alternatives"]}
    (row,) = await world.salon.live()
    assert row["starts_at"] == datetime.fromisoformat(HALF_PAST_TWO)
    assert row["external_id"] in {b["uid"] for b in world.bookings}
    await world.salon.books_agree()


async def test_moved_to_a_taken_time_during_an_outage_is_for_a_person(world: World) -> None:
    """It was promised: both times stay blocked until somebody has decided."""
    await book(world)
    world.cut_off()
    await move(world)
    world.back()
    await world.block(1001, "2026-11-27T15:00:00Z")
    for _ in range(2):
        with pytest.raises(CalendarDisagrees, match="enter it by hand or call the customer"):
            await world.sync()
    (row,) = await world.salon.live()
    assert (row["starts_at"], row["status"]) == (datetime.fromisoformat(FOUR), "pending_sync")
    await world.salon.books_agree()


async def test_a_cancellation_is_brought_there_and_the_time_can_be_booked_again(world: World) -> None:
    own = await book(world)
    assert (await world.salon.booking.cancel_appointment(call(), {"reason": "krank"})).success
    await world.sync()
    assert world.bookings == []
    (gone,) = world.calcom.dump()["accounts"]["cal_salon"]["bookings"]
    assert gone["cancellationReason"] == "krank"
    assert await book(world) != own
    assert await both_books(world) == [datetime.fromisoformat(HALF_PAST_TWO)]


@pytest.mark.parametrize("kind", [FaultKind.ERROR_BEFORE_COMMIT, FaultKind.ERROR_AFTER_COMMIT, FaultKind.RATE_LIMITED])
async def test_a_cancellation_that_calcom_does_not_answer_is_tried_until_it_is_done(
    world: World, kind: FaultKind
) -> None:
    await book(world)
    await world.salon.booking.cancel_appointment(call(), {})
    world.fault(kind, CANCEL)
    with pytest.raises(RunAgain):
        await world.sync()
    await world.circuits.reset(Provider.CALCOM)  # a minute later, where it asked us to wait
    await world.sync()
    assert world.bookings == []
    assert {row["state"] for row in await world.salon.rows("SELECT state FROM jobs")} == {"done"}


async def test_an_outage_holds_no_cancellation_up(world: World) -> None:
    await book(world)
    world.cut_off()
    assert (await world.salon.booking.cancel_appointment(call(), {})).success
    with pytest.raises(RunAgain):
        await world.sync()
    world.back()
    await world.sync()
    assert world.bookings == []


async def test_cancelled_after_a_lost_move_cancels_where_it_went(world: World) -> None:
    await book(world)
    world.fault(FaultKind.ERROR_AFTER_COMMIT, MOVE)
    await move(world)
    await world.salon.booking.cancel_appointment(call(), {})
    await world.sync()
    assert world.bookings == []


async def test_a_create_that_appears_after_the_cancellation_is_cancelled_too(world: World) -> None:
    """The list lags behind a create whose answer was lost, so it is looked for once more after a quiet time."""
    world.fault(FaultKind.ERROR_AFTER_COMMIT)
    world.fault(FaultKind.LAGGING_LIST, "list-bookings", requests=1)
    await world.salon.booking.book_appointment(call(), wants())
    await world.salon.booking.cancel_appointment(call(), {})
    patient = Booking(
        world.salon.pool, lambda: world.config, world.calendar, world.salon.clock, world.salon.counts,
        BookingSettings(quiet=timedelta(seconds=30)), FaultPoints(), slots_of(world.salon.store.tenant),
    )  # fmt: skip
    with pytest.raises(RunAgain, match="may still appear"):
        await patient.sync_appointment(await world.salon.claim_job())
    assert len(world.bookings) == 1
    await world.salon.pool.execute("UPDATE appointments SET updated_at = updated_at - interval '31 s'")
    await patient.sync_appointment(await world.salon.claim_job())
    assert world.bookings == []


async def test_cancelled_there_and_moved_here_meanwhile_it_is_made_anew(world: World) -> None:
    """The customer was told the new time: it stands, whatever was done to the old one."""
    await book(world)
    world.cut_off()
    await move(world)
    world.back()
    await world.dashboard("cancel", uid=world.bookings[0]["uid"])
    await world.sync()
    assert await both_books(world) == [datetime.fromisoformat(FOUR)]


async def test_a_move_that_needs_a_yes_is_requested(world: World) -> None:
    await world.event_type(1001, "anna", confirmationPolicy={"type": "always"})
    await world.salon.booking.book_appointment(call(), wants(staff="anna"))
    answer = await move(world)
    assert answer.message.startswith("Die Verschiebung ist angefragt: Freitag, den 27. November, um 16 Uhr")
    (row,) = await world.salon.live()
    assert (row["status"], row["was_starts_at"]) == ("pending_sync", None)
    await world.salon.books_agree()


async def test_an_outage_over_the_new_time_is_a_dead_letter(world: World) -> None:
    await book(world)
    world.cut_off()
    await move(world)
    world.salon.clock.advance(timedelta(days=8))
    with pytest.raises(DeadNow, match="its time has passed"):
        await world.sync()
