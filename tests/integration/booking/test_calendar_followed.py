"""What a person does at Cal.com is followed, in any order and however often it is told (design §3.3)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from booking_world import HALF_PAST_TWO, NOW, call, wants
from calcom_world import World

from askproai_runtime.booking import CalendarDisagrees, Told
from askproai_runtime.jobs import DeadNow, RunAgain
from askproai_sandbox.simulator import FaultKind

FOUR, FOUR_UTC = "2026-11-27T16:00:00+01:00", "2026-11-27T15:00:00Z"
GUEST = {
    "name": "Karl Hoffmann",
    "email": "karl@example.com",
    "timeZone": "Europe/Berlin",
    "phoneNumber": "+4915177777777",
}


async def book(world: World, **more: Any) -> str:
    """Book Anna at half past two; gives the booking's uid."""
    answer = await world.salon.booking.book_appointment(call(), wants(staff="anna", **more))
    assert answer.success
    return str(world.bookings[-1]["uid"])


async def create(world: World, start: str = FOUR_UTC, event_type: int = 1001, **more: Any) -> str:
    made = await world.dashboard("create", eventTypeId=event_type, start=start, attendee=GUEST, **more)
    return str(made["uid"])


async def test_our_own_bookings_echo_changes_nothing(world: World) -> None:
    uid = await book(world)
    (before,) = await world.salon.live()
    for _ in range(2):
        assert (await world.follow(uid)).startswith("nothing new")
    assert await world.salon.live() == [before]


async def test_an_echo_asks_calcom_nothing(world: World) -> None:
    """A key has 120 calls in a minute there; most events only tell us what we did (calcom-stripe.md §1)."""
    uid = await book(world)
    notes: list[str] = []

    async def end(_conn: Any, note: str) -> None:
        notes.append(note)

    before = len(world.calcom.journal.entries)
    told = Told(uid, NOW, "c", datetime.fromisoformat(HALF_PAST_TWO))
    await world.worker.follow_booking(told, end)
    assert notes == ["nothing new: our own doing"]
    assert len(world.calcom.journal.entries) == before


async def test_told_before_the_answer_it_is_confirmed_once(world: World) -> None:
    """At Cal.com the booker's own request sends the webhook; here its answer is lost altogether."""
    world.fault(FaultKind.ERROR_AFTER_COMMIT)
    uid = await book(world)
    assert (await world.follow(uid)).startswith("both books agree")
    (row,) = await world.salon.live()
    assert (row["status"], row["external_id"]) == ("confirmed", uid)
    assert {job["state"] for job in await world.salon.rows("SELECT state FROM jobs")} == {"done"}


async def test_a_lost_move_is_found_by_its_echo(world: World) -> None:
    old = await book(world)
    world.fault(FaultKind.ERROR_AFTER_COMMIT, "reschedule-booking")
    await world.salon.booking.reschedule_appointment(call(), {"start": FOUR})
    assert (await world.follow(old)).startswith("both books agree")
    (row,) = await world.salon.live()
    assert (row["status"], row["was_starts_at"], row["external_id"]) == ("confirmed", None, world.bookings[0]["uid"])
    await world.salon.books_agree()


@pytest.mark.parametrize("by", ["old", "new"])
async def test_moved_there_our_appointment_moves_and_keeps_its_id(world: World, by: str) -> None:
    """Events of one booking come in any order: each leads to where it is now."""
    uid = await book(world)
    (before,) = await world.salon.live()
    moved = await world.dashboard("move", uid=uid, start=FOUR_UTC)
    assert (await world.follow(uid if by == "old" else moved["uid"])).startswith("moved")
    assert (await world.follow(uid)).startswith("nothing new")
    (row,) = await world.salon.live()
    assert (row["id"], row["external_id"]) == (before["id"], moved["uid"])
    assert row["starts_at"] == datetime.fromisoformat(FOUR)
    assert (await world.salon.booking.find_appointments(call())).fields["appointments"][0]["start"] == FOUR
    await world.salon.books_agree()


async def test_cancelled_there_is_cancelled_here_and_free(world: World) -> None:
    uid = await book(world)
    await world.dashboard("cancel", uid=uid)
    for note in ("cancelled", "nothing new"):
        assert (await world.follow(uid)).startswith(note)
    (row,) = await world.salon.rows("SELECT status, cancelled_by FROM appointments")
    assert (row["status"], row["cancelled_by"]) == ("cancelled", "calendar")
    assert await world.salon.rows("SELECT 1 FROM jobs WHERE state <> 'done'") == []
    assert (await world.salon.booking.book_appointment(call("b"), wants(staff="anna"))).success


async def test_a_persons_own_booking_takes_the_time_here(world: World) -> None:
    uid = await create(world)
    for note in ("taken in", "nothing new"):
        assert (await world.follow(uid)).startswith(note)
    (row,) = await world.salon.live()
    assert (row["branch"], row["service"], row["staff"], row["status"], row["call_id"]) == (
        "mitte", "haarschnitt", "anna", "confirmed", None,
    )  # fmt: skip
    offered = await world.salon.booking.check_availability(
        call(), {"date": "2026-11-27", "time": "16 Uhr", "staff": "anna"}
    )
    assert FOUR not in {slot["start"] for slot in offered.fields["slots"]}
    await world.salon.books_agree()


async def test_its_customer_may_move_it_by_phone(world: World) -> None:
    await world.follow(await create(world))
    answer = await world.salon.booking.reschedule_appointment(call("x", GUEST["phoneNumber"]), {"start": HALF_PAST_TWO})
    assert (answer.success, answer.fields["status"]) == (True, "confirmed"), answer
    assert [b["start"] for b in world.bookings] == ["2026-11-27T13:30:00.000Z"]


async def test_moved_twice_there_and_told_in_the_wrong_order_it_is_one_appointment(world: World) -> None:
    first = await create(world)
    second = (await world.dashboard("move", uid=first, start="2026-11-27T13:30:00Z"))["uid"]
    third = (await world.dashboard("move", uid=second, start=FOUR_UTC))["uid"]
    for uid in (third, first, second, first):
        await world.follow(uid)
    (row,) = await world.salon.live()
    assert (row["external_id"], row["starts_at"]) == (third, datetime.fromisoformat(FOUR))


async def test_a_booking_within_anothers_buffer_takes_what_is_left(world: World) -> None:
    """A person may put bookings side by side there; only ours keep the buffers."""
    await book(world)
    await world.event_type(1003, "somebody")
    await world.event_type(1001, "another")  # so that Cal.com does not refuse it
    uid = await create(world, "2026-11-27T14:20:00Z")  # our own ends at 15:15 and blocks until 15:25; this starts 15:20
    assert (await world.follow(uid)).startswith("taken in")
    starts = await world.salon.rows("SELECT block_start FROM claims WHERE state = 'booked' ORDER BY block_start")
    assert [row["block_start"].astimezone(UTC).strftime("%H:%M") for row in starts] == ["13:30", "14:25"]


async def test_what_is_only_held_gives_way(world: World) -> None:
    await world.salon.booking.check_availability(call(), {"date": "2026-11-27", "time": "16 Uhr", "staff": "anna"})
    assert (await world.follow(await create(world))).startswith("taken in")
    assert await world.salon.rows("SELECT 1 FROM appointments WHERE status = 'held'") == []


async def test_one_time_promised_to_two_is_for_a_person_and_audited(world: World) -> None:
    """Ours has not reached the calendar yet, and somebody was booked there."""
    world.cut_off()
    await world.salon.booking.book_appointment(call(), wants(staff="anna"))
    world.back()
    uid = await create(world, "2026-11-27T13:30:00Z")
    with pytest.raises(CalendarDisagrees, match="stands there in our book"):
        await world.follow(uid)
    assert len(await world.salon.live()) == 1
    (row,) = await world.salon.rows("SELECT actor, action FROM audit_log")
    assert (row["actor"], row["action"]) == ("calcom", "calendar.disagrees")


@pytest.mark.parametrize("step", ["confirm", "reject"])
async def test_a_request_ends_as_somebody_there_decides(world: World, step: str) -> None:
    await world.event_type(1001, "anna", confirmationPolicy={"type": "always"})
    await world.salon.booking.book_appointment(call(), wants(staff="anna"))
    (there,) = world.calcom.dump()["accounts"]["cal_salon"]["bookings"]
    await world.follow(there["uid"])
    await world.dashboard(step, uid=there["uid"])
    await world.follow(there["uid"])
    (row,) = await world.salon.rows("SELECT status FROM appointments")
    assert row["status"] == ("confirmed" if step == "confirm" else "cancelled")


async def test_who_did_not_come_is_noted_and_may_be_unnoted(world: World) -> None:
    uid = await book(world)
    world.salon.clock.advance(timedelta(days=7, hours=6))
    for action, status in (("absent", "no_show"), ("present", "confirmed"), ("absent", "no_show")):
        await world.dashboard(action, uid=uid)
        await world.follow(uid, world.salon.clock.now())
        (row,) = await world.salon.rows("SELECT status FROM appointments")
        assert row["status"] == status
    (claim,) = await world.salon.rows("SELECT state FROM claims")
    assert claim["state"] == "booked"


async def test_cancelled_there_and_booked_again_by_the_customer_comes_back(world: World) -> None:
    """`requestReschedule`: the host asks for another time, and the same booking goes on."""
    uid = await book(world)
    moved = await world.dashboard("move", uid=uid, start=FOUR_UTC)
    await world.dashboard("cancel", uid=moved["uid"])
    await world.follow(uid)
    (there,) = (b for b in world.calcom.dump()["accounts"]["cal_salon"]["bookings"] if b["uid"] == moved["uid"])
    booking = world.calcom.accounts["cal_salon"].bookings[there["uid"]]
    booking.status = "accepted"
    assert (await world.follow(moved["uid"])).startswith("moved")
    assert [row["status"] for row in await world.salon.live()] == ["confirmed"]
    await world.salon.books_agree()


async def test_what_a_caller_cancelled_is_taken_back_wherever_it_appears(world: World) -> None:
    world.fault(FaultKind.ERROR_AFTER_COMMIT)
    uid = await book(world)
    await world.salon.booking.cancel_appointment(call(), {})
    await world.salon.pool.execute("UPDATE jobs SET state = 'done'")
    assert (await world.follow(uid)).startswith("left to calendar-sync")
    await world.sync()
    assert world.bookings == []


async def test_news_that_was_read_before_our_own_change_is_no_news(world: World) -> None:
    """The event's job has asked Cal.com, and before it writes the caller has moved the appointment."""
    uid = await book(world)
    old = await world.calendar.look(uid, correlation_id="c")
    world.calcom.clock.advance(timedelta(seconds=1))
    assert (await world.salon.booking.reschedule_appointment(call(), {"start": FOUR})).success

    class Late:
        remote = True

        async def look(self, *_: Any, **__: Any) -> Any:
            return old

    world.worker._desk = type(world.worker._desk)(
        *(Late() if name == "calendar" else getattr(world.worker._desk, name) for name in world.worker._desk.__slots__)
    )
    assert (await world.follow(uid)).startswith("nothing new")
    (row,) = await world.salon.live()
    assert row["starts_at"] == datetime.fromisoformat(FOUR)


async def test_a_strangers_booking_that_names_our_appointments_id_is_not_ours(world: World) -> None:
    """Cal.com's public page takes metadata from its address."""
    uid = await book(world)
    (before,) = await world.salon.live()
    foreign = await create(world, metadata={"requestId": str(before["id"])})
    for change in ({}, {"action": "move", "start": "2026-11-27T10:00:00Z"}, {"action": "cancel"}):
        if change:
            foreign = (await world.dashboard(uid=foreign, **change)).get("uid", foreign)
        await world.follow(foreign)
        assert before in await world.salon.live()
    assert (await world.follow(uid)).startswith("nothing new")
    await world.salon.books_agree()


async def test_foreign_event_types_unknown_bookings_and_the_past_are_only_stored(world: World) -> None:
    await world.event_type(2000, "anna")
    uid = await create(world, event_type=2000)
    assert await world.follow(uid) == "stored only: no service has the event type 2000"
    assert "does not know this booking" in await world.follow("nobody-made-this")
    uid = await create(world, "2026-11-27T13:30:00Z")
    world.salon.clock.advance(timedelta(days=8))
    assert (await world.follow(uid, world.salon.clock.now())) == "nothing new"
    assert await world.salon.live() == []


async def test_calcom_away_waits_and_after_a_day_a_person_must_look(world: World) -> None:
    uid = await book(world)
    world.cut_off()
    with pytest.raises(RunAgain):
        await world.follow(uid)
    with pytest.raises(DeadNow, match="redrive"):
        await world.follow(uid, NOW - timedelta(days=2))
