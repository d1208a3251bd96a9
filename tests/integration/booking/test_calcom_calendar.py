"""Booking with the Cal.com simulator at the other end: what is lost, late, refused or away ends as exactly one booking (B3)."""

import asyncio
from datetime import timedelta

import pytest
from booking_world import HALF_PAST_TWO, NOW, call, slots_of, wants
from calcom_world import World

from askproai_core.fault_injection import FaultPoints
from askproai_core.redis import Provider
from askproai_runtime.booking import Booking, BookingSettings, CalendarDisagrees
from askproai_runtime.booking.ledger import appointment
from askproai_runtime.booking.sync import calendar_request
from askproai_runtime.jobs import DeadNow, RunAgain, StaleClaim
from askproai_sandbox.simulator import FaultKind


async def test_a_booking_stands_in_both_books(world: World) -> None:
    answer = await world.salon.booking.book_appointment(call(), wants())
    assert answer.fields["status"] == "confirmed", await world.salon.rows("SELECT error FROM appointments")
    (there,) = world.bookings
    (here,) = await world.salon.live()
    assert there["uid"] == here["external_id"]
    assert there["start"].startswith("2026-11-27T13:30:00")
    assert there["metadata"] == {"requestId": str(here["id"]), "callId": "call_1", "tenant": world.salon.store.tenant}
    (attendee,) = there["attendees"]
    assert (attendee["email"], attendee["language"]) == ("anruf-4915112345678@anrufer.salon.example", "de")
    (row,) = await world.salon.rows("SELECT * FROM provider_calls")
    assert (row["provider"], row["operation"], row["method"], row["endpoint"], row["status"], row["outcome"]) == (
        "calcom", "create-booking", "POST", "/v2/bookings", 201, "confirmed",
    )  # fmt: skip
    assert row["correlation_id"] == "corr-call_1"
    assert world.salon.counts.provider == [("calcom", "create-booking", "confirmed")]


@pytest.mark.parametrize("caller", ["call_1", "call_2"])
async def test_what_was_cancelled_here_can_be_booked_again(world: World, caller: str) -> None:
    """An owner cancels in our book; the booking that still stands at Cal.com is taken back, by whoever books there next."""
    first = await world.salon.booking.book_appointment(call(), wants(staff="anna"))
    await world.salon.cancel(first.fields["appointment_id"])
    again = await world.salon.booking.book_appointment(call(caller), wants(staff="anna"))
    assert (again.success, again.fields["status"]) == (True, "confirmed"), again.message
    assert again.fields["appointment_id"] != first.fields["appointment_id"]
    (there,) = world.bookings
    assert there["metadata"]["requestId"] == again.fields["appointment_id"]
    assert [outcome for _, _, outcome in world.salon.counts.provider] == [
        "confirmed",
        "taken",
        "cancelled",
        "confirmed",
    ]
    await world.salon.books_agree()


async def test_a_timeout_after_the_commit_is_found_by_the_sync(world: World) -> None:
    world.fault(FaultKind.TIMEOUT_AFTER_COMMIT, seconds=30)
    answer = await world.salon.booking.book_appointment(call(), wants())
    assert (answer.success, answer.fields["status"]) == (True, "pending_sync")
    assert len(world.bookings) == 1
    await world.sync()
    (here,) = await world.salon.live()
    assert (here["status"], here["external_id"]) == ("confirmed", world.bookings[0]["uid"])
    assert len(world.bookings) == 1


@pytest.mark.parametrize("kind", [FaultKind.ERROR_BEFORE_COMMIT, FaultKind.ERROR_AFTER_COMMIT])
async def test_a_500_is_unknown_and_ends_as_one_booking(world: World, kind: FaultKind) -> None:
    world.fault(kind)
    answer = await world.salon.booking.book_appointment(call(), wants())
    assert answer.fields["status"] == "pending_sync"
    await world.sync()
    assert len(world.bookings) == 1
    assert [a["status"] for a in await world.salon.live()] == ["confirmed"]


async def test_too_many_requests_is_kept_and_synced(world: World) -> None:
    world.fault(FaultKind.RATE_LIMITED)
    assert (await world.salon.booking.book_appointment(call(), wants())).fields["status"] == "pending_sync"
    with pytest.raises(RunAgain) as put_off:
        await world.sync()
    assert timedelta(seconds=50) < put_off.value.at - NOW <= timedelta(seconds=60), "Cal.com blocks for a minute"
    await world.circuits.reset(Provider.CALCOM)
    await world.sync()
    assert len(world.bookings) == 1


async def test_calcom_away_is_booked_here_and_brought_there_once(world: World) -> None:
    """The job waits as long as the outage lasts, without becoming a dead letter; run twice, it makes one booking."""
    world.cut_off()
    answer = await world.salon.booking.book_appointment(call(), wants())
    assert (answer.success, answer.fields["status"]) == (True, "pending_sync")
    assert world.bookings == []
    with pytest.raises(RunAgain):
        await world.sync()
    world.back()
    first, second = await world.salon.claim_job(), await world.salon.claim_job()  # the lease of the first ran out

    results = await asyncio.gather(
        world.salon.booking.sync_appointment(second),
        world.salon.booking.sync_appointment(first),
        return_exceptions=True,
    )
    assert [type(r) for r in results if r is not None] in (
        [StaleClaim],
        [CalendarDisagrees],
        [StaleClaim, CalendarDisagrees],
    )
    assert len(world.bookings) == 1
    if (await world.salon.live())[0]["status"] == "pending_sync":
        await world.sync()
    (here,) = await world.salon.live()
    assert (here["status"], here["external_id"]) == ("confirmed", world.bookings[0]["uid"])
    assert len(world.bookings) == 1


async def test_a_sync_that_was_killed_after_the_create_finds_its_booking(world: World) -> None:
    world.cut_off()
    await world.salon.booking.book_appointment(call(), wants())
    world.back()
    job = await world.salon.claim_job()
    (made,) = await world.salon.live()
    # what a killed worker leaves: the booking there, nothing written here

    async with world.salon.pool.acquire() as conn:
        row = await appointment(conn, world.salon.store.tenant, made["id"])
    assert row is not None
    await world.calendar.create(calendar_request(row), within=timedelta(seconds=2))
    assert job.claim_no == 1
    await world.sync()
    assert len(world.bookings) == 1
    assert [a["status"] for a in await world.salon.live()] == ["confirmed"]


async def test_a_lagging_list_never_makes_a_second_booking(world: World) -> None:
    """Not seen, so made again, so refused by our own booking: the job fails, looks again later, and finds it."""
    world.fault(FaultKind.TIMEOUT_AFTER_COMMIT, seconds=30)
    world.fault(FaultKind.LAGGING_LIST, "list-bookings", requests=1)
    await world.salon.booking.book_appointment(call(), wants())
    with pytest.raises(CalendarDisagrees):
        await world.sync()
    await world.sync()
    assert len(world.bookings) == 1
    assert [a["status"] for a in await world.salon.live()] == ["confirmed"]


async def test_a_slot_taken_there_goes_to_the_other_person(world: World) -> None:
    await world.block(1001, "2026-11-27T13:30:00Z")
    answer = await world.salon.booking.book_appointment(call(), wants())
    assert (answer.success, answer.fields["staff"]) == (True, "mehmet")
    assert len(world.bookings) == 2
    await world.salon.books_agree()


async def test_one_account_whose_event_types_are_all_one_hosts(world: World) -> None:
    """A key acts as one user (calcom-stripe.md §1): there Anna's booking makes Mehmet busy. Callers get what is left."""
    for number in (1001, 1002):
        await world.event_type(number, "the-only-user")
    assert (await world.salon.booking.book_appointment(call("a"), wants())).fields["staff"] == "anna"
    start, heard = HALF_PAST_TWO, []
    for _ in range(6):
        answer = await world.salon.booking.book_appointment(call("b", None), wants(start, name="Karl Hoffmann"))
        if answer.success:
            break
        heard.append(start)
        start = next(a["start"] for a in answer.fields["alternatives"] if a["start"] not in heard)
    assert (answer.success, answer.fields["status"]) == (True, "confirmed")
    assert heard[0] == HALF_PAST_TWO
    assert len(world.bookings) == len(await world.salon.live()) == 2
    await world.salon.books_agree()


async def test_an_event_type_that_needs_a_yes_is_requested_and_stays_so(world: World) -> None:
    await world.event_type(1001, "anna", confirmationPolicy={"type": "always"})
    world.fault(FaultKind.TIMEOUT_AFTER_COMMIT, seconds=30)
    await world.salon.booking.book_appointment(call(), wants(staff="anna"))
    await world.sync()
    (here,) = await world.salon.live()
    assert (here["status"], bool(here["external_id"])) == ("pending_sync", True)
    answer = await world.salon.booking.book_appointment(call(), wants(staff="anna"))
    assert answer.message.startswith("Der Termin ist angefragt")
    assert [row["state"] for row in await world.salon.rows("SELECT state FROM jobs")] == ["done"]


async def test_a_slot_taken_there_for_all_is_not_offered_again(world: World) -> None:
    await world.block(1001, "2026-11-27T13:30:00Z")
    await world.block(1002, "2026-11-27T13:30:00Z")
    lost = await world.salon.booking.book_appointment(call(), wants())
    assert not lost.success
    assert lost.fields["alternatives"]
    offer = await world.salon.booking.check_availability(call("b"), {"date": "2026-11-27", "time": "14:30"})
    assert HALF_PAST_TWO not in {slot["start"] for slot in offer.fields["slots"]}
    assert await world.salon.live() == []


async def test_taken_before_the_sync_is_for_a_person_and_never_silently_cancelled(world: World) -> None:
    world.cut_off()
    await world.salon.booking.book_appointment(call(), wants(staff="anna"))
    world.back()
    await world.block(1001, "2026-11-27T13:30:00Z")
    with pytest.raises(CalendarDisagrees, match="enter it by hand or call the customer"):
        await world.sync()
    (here,) = await world.salon.live()
    assert here["status"] == "pending_sync"
    assert "already has booking" in here["error"]


async def test_a_cancelled_appointment_is_not_brought_there(world: World) -> None:
    world.cut_off()
    answer = await world.salon.booking.book_appointment(call(), wants())
    await world.salon.cancel(answer.fields["appointment_id"])
    world.back()
    await world.sync()
    assert world.bookings == []
    assert [row["state"] for row in await world.salon.rows("SELECT state FROM jobs")] == ["done"]


@pytest.mark.parametrize("back", [False, True])
async def test_an_outage_ends_as_a_dead_job_when_the_time_has_passed(world: World, back: bool) -> None:
    world.cut_off()
    await world.salon.booking.book_appointment(call(), wants())
    if back:
        world.back()
    world.salon.clock.advance(timedelta(days=8))
    with pytest.raises(DeadNow, match="its time has passed"):
        await world.sync()


async def test_the_last_attempt_is_given_its_quiet_time(world: World) -> None:
    world.cut_off()
    await world.salon.booking.book_appointment(call(), wants())
    world.back()
    patient = Booking(
        world.salon.pool, lambda: world.config, world.calendar, world.salon.clock, world.salon.counts,
        BookingSettings(quiet=timedelta(seconds=30)), FaultPoints(), slots_of(world.salon.store.tenant),
    )  # fmt: skip
    with pytest.raises(RunAgain, match="may still appear"):
        await patient.sync_appointment(await world.salon.claim_job())
    assert world.bookings == []


async def test_a_wrong_key_keeps_the_appointment_for_a_person(world: World) -> None:
    world.calendar.api_key = lambda: None
    answer = await world.salon.booking.book_appointment(call(), wants())
    assert answer.fields["status"] == "pending_sync"
    (here,) = await world.salon.live()
    assert "no Cal.com API key is mounted" in here["error"]
