"""Booking with the Cal.com simulator: whatever is lost, late, refused or unreachable ends as exactly one booking."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from askproai_core.database import open_pool
from askproai_core.provider_names import Provider
from askproai_runtime.book.context import BookingSettings
from askproai_runtime.calendar_sync.outbound import CalendarDisagrees
from askproai_runtime.jobs import DeadNow, RunAgain, StaleClaim
from askproai_sandbox.simulator import FaultKind
from tests.worlds.booking_environment import HALF_PAST_TWO, NOW, call
from tests.worlds.calcom_environment import CalcomEnvironment
from tests.worlds.waiting import eventually


async def test_a_booking_is_in_both_calendars(env: CalcomEnvironment) -> None:
    answer = await env.salon.book()
    assert answer.fields["status"] == "confirmed", await env.salon.rows("SELECT error FROM appointments")
    (remote,) = env.bookings
    (local,) = await env.salon.live()
    assert (remote["uid"], local["version"]) == (local["external_id"], 2)
    assert [job["state"] for job in await env.salon.rows("SELECT state FROM jobs")] == ["done"]
    assert remote["start"].startswith("2026-11-27T13:30:00")
    assert remote["metadata"] == {"requestId": str(local["id"]), "callId": "call_1", "tenant": env.salon.store.tenant}
    (attendee,) = remote["attendees"]
    assert (attendee["email"], attendee["language"]) == ("anruf-4915112345678@anrufer.salon.example", "de")
    (row,) = await env.salon.rows("SELECT * FROM provider_calls")
    assert (row["provider"], row["operation"], row["correlation_id"]) == ("calcom", "create-booking", "corr-call_1")
    assert (row["method"], row["endpoint"]) == ("POST", "/v2/bookings")
    assert (row["status"], row["outcome"]) == (201, "confirmed")
    assert env.salon.metrics.provider_calls == [("calcom", "create-booking", "confirmed")]


@pytest.mark.parametrize("database", ["away", "slow"])
async def test_unstorable_measurement_does_not_hide_the_booking(env: CalcomEnvironment, database: str) -> None:
    """Cal.com has booked, so the caller hears that at once. The row in `provider_calls` is given up."""
    async with open_pool(env.salon.store.dsn, max_size=1) as pool:
        env.calendar.recorder = replace(env.calendar.recorder, pool=pool)
        busy = await pool.acquire() if database == "slow" else None  # its only connection
        if busy is None:
            await pool.close()
        try:
            async with asyncio.timeout(3):
                answer = await env.salon.book()
        finally:
            if busy is not None:
                await pool.release(busy)
    assert (answer.success, answer.fields["status"]) == (True, "confirmed")
    assert len(env.bookings) == 1
    assert await env.salon.rows("SELECT 1 FROM provider_calls") == []
    assert env.salon.metrics.provider_calls == [("calcom", "create-booking", "confirmed")]


@pytest.mark.parametrize("caller", ["call_1", "call_2"])
async def test_time_cancelled_here_can_be_booked_again(env: CalcomEnvironment, caller: str) -> None:
    """The time is cancelled only here: its next booking cancels the booking that Cal.com still has."""
    first = await env.salon.book(staff="anna")
    await env.salon.cancel(first.fields["appointment_id"])
    repeated = await env.salon.book(staff="anna", by=call(caller))
    assert (repeated.success, repeated.fields["status"]) == (True, "confirmed"), repeated.message
    assert repeated.fields["appointment_id"] != first.fields["appointment_id"]
    (remote,) = env.bookings
    assert remote["metadata"]["requestId"] == repeated.fields["appointment_id"]
    outcomes = [outcome for _, _, outcome in env.salon.metrics.provider_calls]
    assert outcomes == ["confirmed", "taken", "cancelled", "confirmed"]
    await env.salon.assert_claims_match()


async def test_timed_out_booking_is_found_by_sync_job(env: CalcomEnvironment) -> None:
    env.inject_fault(FaultKind.TIMEOUT_AFTER_COMMIT, seconds=30)
    answer = await env.salon.book()
    assert (answer.success, answer.fields["status"]) == (True, "pending_sync")
    await eventually(lambda: len(env.bookings) == 1, what="the booking whose answer nobody awaits any more")
    await env.run_sync_job()
    (local,) = await env.salon.live()
    assert (local["status"], local["external_id"]) == ("confirmed", env.bookings[0]["uid"])
    assert len(env.bookings) == 1
    assert [job["state"] for job in await env.salon.rows("SELECT state FROM jobs")] == ["done"]


@pytest.mark.parametrize("minutes", [20, 90, 180])
async def test_booking_is_found_despite_a_different_event_length(env: CalcomEnvironment, minutes: int) -> None:
    """Somebody has changed the length at Cal.com, so that a booking ends there at another time than here."""
    await env.event_type(1001, "anna", lengthInMinutes=minutes)
    env.inject_fault(FaultKind.TIMEOUT_AFTER_COMMIT, seconds=30)
    answer = await env.salon.book(staff="anna")
    assert answer.fields["status"] == "pending_sync"
    await eventually(lambda: len(env.bookings) == 1, what="the booking whose answer nobody awaits any more")
    await env.run_sync_job()
    (local,) = await env.salon.live()
    assert (local["status"], local["external_id"]) == ("confirmed", env.bookings[0]["uid"])
    assert len(env.bookings) == 1


async def test_rate_limited_booking_is_pending_until_its_sync(env: CalcomEnvironment) -> None:
    env.inject_fault(FaultKind.RATE_LIMITED)
    assert (await env.salon.book()).fields["status"] == "pending_sync"
    with pytest.raises(RunAgain) as postponed:
        await env.run_sync_job()
    assert timedelta(seconds=50) < postponed.value.at - NOW <= timedelta(seconds=90), "Cal.com blocks for a minute"
    await env.circuits.reset(Provider.CALCOM)
    await env.run_sync_job()
    assert len(env.bookings) == 1


async def test_booking_during_an_outage_reaches_calcom_once_later(env: CalcomEnvironment) -> None:
    """The job waits as long as the outage lasts, without becoming a dead letter; run twice, it makes one booking."""
    env.disconnect()
    answer = await env.salon.book()
    assert (answer.success, answer.fields["status"]) == (True, "pending_sync")
    assert env.bookings == []
    with pytest.raises(RunAgain):
        await env.run_sync_job()
    env.reconnect()
    first, second = await env.salon.claim_job(), await env.salon.claim_job()  # the lease of the first has ended

    results = await asyncio.gather(
        env.salon.booking.sync_appointment(second), env.salon.booking.sync_appointment(first), return_exceptions=True
    )
    # The second one finds its claim ended, the row changed, or a booking that may still appear: it runs again.
    assert {type(r) for r in results if r is not None} <= {StaleClaim, CalendarDisagrees, RunAgain}
    assert len(env.bookings) == 1
    if (await env.salon.live())[0]["status"] == "pending_sync":
        await env.run_sync_job()
    (local,) = await env.salon.live()
    assert (local["status"], local["external_id"]) == ("confirmed", env.bookings[0]["uid"])
    assert len(env.bookings) == 1


async def test_lagging_list_never_causes_a_second_booking(env: CalcomEnvironment) -> None:
    """The unlisted booking is created again, and refused because it exists. The next attempt finds it."""
    env.inject_fault(FaultKind.TIMEOUT_AFTER_COMMIT, seconds=30)
    # One look-up: by its time, and by when it was made.
    env.inject_fault(FaultKind.LAGGING_LIST, "list-bookings", requests=2)
    await env.salon.book()
    with pytest.raises(CalendarDisagrees):
        await env.run_sync_job()
    await env.run_sync_job()
    assert len(env.bookings) == 1
    assert [a["status"] for a in await env.salon.live()] == ["confirmed"]


async def test_shared_host_of_all_event_types_limits_bookings(env: CalcomEnvironment) -> None:
    """A key acts as one user (docs/vendors/calcom.md): Anna's booking makes Mehmet busy there. Callers get what is left."""
    for number in (1001, 1002):
        await env.event_type(number, "the-only-user")
    assert (await env.salon.book(by=call("a"))).fields["staff"] == "anna"
    start, tried = HALF_PAST_TWO, []
    for _ in range(6):
        answer = await env.salon.book(start, name="Karl Hoffmann", by=call("b", None))
        if answer.success:
            break
        tried.append(start)
        start = next(a["start"] for a in answer.fields["alternatives"] if a["start"] not in tried)
    assert (answer.success, answer.fields["status"]) == (True, "confirmed")
    assert tried[0] == HALF_PAST_TWO
    assert len(env.bookings) == len(await env.salon.live()) == 2
    await env.salon.assert_claims_match()


async def test_slot_taken_before_the_sync_awaits_a_person(env: CalcomEnvironment) -> None:
    env.disconnect()
    await env.salon.book(staff="anna")
    env.reconnect()
    await env.block(1001, "2026-11-27T13:30:00Z")
    with pytest.raises(CalendarDisagrees, match="enter it by hand or call the customer"):
        await env.run_sync_job()
    (local,) = await env.salon.live()
    assert local["status"] == "pending_sync"
    assert "already has booking" in local["error"]


async def test_a_cancelled_appointment_is_not_created_at_calcom(env: CalcomEnvironment) -> None:
    env.disconnect()
    answer = await env.salon.book()
    await env.salon.cancel(answer.fields["appointment_id"])
    env.reconnect()
    await env.run_sync_job()
    assert env.bookings == []
    assert [row["state"] for row in await env.salon.rows("SELECT state FROM jobs")] == ["done"]


@pytest.mark.parametrize("reconnected", [False, True])
async def test_unsynced_booking_is_dead_after_its_start(env: CalcomEnvironment, reconnected: bool) -> None:
    env.disconnect()
    await env.salon.book()
    if reconnected:
        env.reconnect()
    env.salon.clock.advance(timedelta(days=8))
    with pytest.raises(DeadNow, match="its time has passed"):
        await env.run_sync_job()


async def test_last_sync_attempt_waits_for_its_quiet_period(env: CalcomEnvironment) -> None:
    env.disconnect()
    await env.salon.book()
    env.reconnect()
    patient = replace(env.worker, settings=BookingSettings(quiet_period=timedelta(seconds=30)))
    with pytest.raises(RunAgain, match="may still appear"):
        await patient.sync_appointment(await env.salon.claim_job())
    assert env.bookings == []


async def test_missing_key_books_nothing_and_records_the_cause(env: CalcomEnvironment) -> None:
    env.calendar.api_key = lambda: None
    answer = await env.salon.book()
    assert not answer.success
    assert await env.salon.live() == []
    (local,) = await env.salon.rows("SELECT status, error FROM appointments")
    assert local["status"] == "failed"
    assert "no Cal.com API key is mounted" in local["error"]


async def test_provider_failure_is_recorded_with_text_and_fields(env: CalcomEnvironment) -> None:
    env.inject_fault(FaultKind.ERROR_BEFORE_COMMIT, count=2)
    await env.salon.book(name="Erika Mustermann")
    (failed, *_) = await env.salon.rows("SELECT * FROM provider_calls WHERE status = 500 ORDER BY id")
    assert failed["error"]
    assert "message: string" in failed["body_shape"]
    assert await env.salon.rows("SELECT 1 FROM provider_calls WHERE status < 300 AND error IS NOT NULL") == []
