"""Moving and cancelling with the Cal.com simulator: whatever is lost, late or refused, both calendars agree in the end."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from askproai_core.provider_names import Provider
from askproai_runtime.book.context import BookingSettings
from askproai_runtime.book.store.appointments import get_appointment
from askproai_runtime.book.store.calendar import record_error
from askproai_runtime.jobs import RunAgain
from askproai_sandbox.simulator import Fault, FaultKind
from tests.worlds.booking_environment import HALF_PAST_TWO, call
from tests.worlds.calcom_environment import CalcomEnvironment

FOUR = "2026-11-27T16:00:00+01:00"
LINES = ("appointment.synced", "booking.followed")
MOVE, CANCEL = "reschedule-booking", "cancel-booking"


async def cancel_while_away(env: CalcomEnvironment) -> None:
    """Book, and cancel while Cal.com is away; its sync job has failed once."""
    await book(env)
    env.disconnect()
    assert (await env.salon.booking.cancel_appointment(call(), {})).success
    with pytest.raises(RunAgain):
        await env.run_sync_job()


async def book(env: CalcomEnvironment, start: str = HALF_PAST_TWO, call_id: str = "call_1") -> str:
    answer = await env.salon.book(start, staff="anna", by=call(call_id))
    assert answer.fields["status"] == "confirmed", answer
    return answer.fields["appointment_id"]


async def move(env: CalcomEnvironment, to: str = FOUR):
    return await env.salon.booking.reschedule_appointment(call(), {"start": to})


async def agreed_starts(env: CalcomEnvironment) -> list[datetime]:
    """Assert that both calendars have the same live appointments, uids included; return their starts."""
    live = await env.salon.live()
    assert {row["status"] for row in live} <= {"confirmed"}
    local = {(row["external_id"], row["starts_at"]) for row in live}
    assert {(b["uid"], datetime.fromisoformat(b["start"])) for b in env.bookings} == local
    await env.salon.assert_claims_match()
    return sorted(start for _, start in local)


async def test_move_changes_both_calendars_and_the_uid(env: CalcomEnvironment) -> None:
    appointment_id = await book(env)
    before = env.bookings[0]["uid"]
    answer = await move(env)
    assert (answer.fields["appointment_id"], answer.fields["status"]) == (appointment_id, "confirmed")
    assert await agreed_starts(env) == [datetime.fromisoformat(FOUR)]
    assert env.bookings[0]["uid"] != before
    operations = {row["operation"] for row in await env.salon.rows("SELECT operation FROM provider_calls")}
    assert operations == {"create-booking", "move-booking"}


@pytest.mark.parametrize("kind", [FaultKind.TIMEOUT_AFTER_COMMIT, FaultKind.ERROR_AFTER_COMMIT])
@pytest.mark.parametrize("to", [FOUR, "2026-11-27T15:00:00+01:00"])
async def test_move_with_lost_answer_is_not_repeated(env: CalcomEnvironment, kind: FaultKind, to: str) -> None:
    await book(env)
    env.inject_fault(kind, MOVE, **({"seconds": 30} if kind is FaultKind.TIMEOUT_AFTER_COMMIT else {}))
    answer = await move(env, to)
    assert (answer.success, answer.fields["status"]) == (True, "pending_sync")
    await env.run_sync_job()
    assert await agreed_starts(env) == [datetime.fromisoformat(to)]
    moves = [e for e in env.calcom.journal.entries if e["operation"] == MOVE]
    assert len(moves) == 1


async def test_calendar_log_lines_name_their_branch(env: CalcomEnvironment) -> None:
    await book(env)
    env.inject_fault(FaultKind.ERROR_AFTER_COMMIT, MOVE)
    await move(env)
    with capture_logs(processors=[merge_contextvars]) as logs:
        await asyncio.create_task(env.run_sync_job())  # as a worker's: a task for each job
        await env.receive_event(env.bookings[0]["uid"])
    named = {entry["event"]: entry["branch"] for entry in logs if entry["event"] in LINES}
    assert named == dict.fromkeys(LINES, "mitte")


async def test_move_during_an_outage_reaches_calcom_later(env: CalcomEnvironment) -> None:
    await book(env)
    env.disconnect()
    answer = await move(env)
    assert (answer.success, answer.fields["status"]) == (True, "pending_sync")
    with pytest.raises(RunAgain):
        await env.run_sync_job()
    env.reconnect()
    await env.run_sync_job()
    assert await agreed_starts(env) == [datetime.fromisoformat(FOUR)]


async def test_move_to_a_taken_time_leaves_the_appointment(env: CalcomEnvironment) -> None:
    await book(env)
    await env.block(1001, "2026-11-27T15:00:00Z")
    answer = await move(env)
    assert (answer.success, answer.fields["obstacle"]) == (False, "taken")
    assert FOUR not in {slot["start"] for slot in answer.fields["alternatives"]}
    (row,) = await env.salon.live()
    assert row["starts_at"] == datetime.fromisoformat(HALF_PAST_TWO)
    assert row["external_id"] in {b["uid"] for b in env.bookings}
    await env.salon.assert_claims_match()


async def test_cancelled_time_can_be_booked_again_at_calcom(env: CalcomEnvironment) -> None:
    first = await book(env)
    assert (await env.salon.booking.cancel_appointment(call(), {"reason": "krank"})).success
    await env.run_sync_job()
    assert env.bookings == []
    (cancelled,) = env.calcom.dump()["accounts"]["cal_salon"]["bookings"]
    assert cancelled["cancellationReason"] == "krank"
    assert await book(env) != first
    assert await agreed_starts(env) == [datetime.fromisoformat(HALF_PAST_TWO)]


@pytest.mark.parametrize("kind", [FaultKind.ERROR_BEFORE_COMMIT, FaultKind.ERROR_AFTER_COMMIT, FaultKind.RATE_LIMITED])
async def test_unanswered_cancellation_is_retried_until_done(env: CalcomEnvironment, kind: FaultKind) -> None:
    await book(env)
    await env.salon.booking.cancel_appointment(call(), {})
    env.inject_fault(kind, CANCEL)
    with pytest.raises(RunAgain):
        await env.run_sync_job()
    await env.circuits.reset(Provider.CALCOM)  # a minute later, where it asked us to wait
    await env.run_sync_job()
    assert env.bookings == []
    assert {row["state"] for row in await env.salon.rows("SELECT state FROM jobs")} == {"done"}


async def test_late_remote_cancellation_clears_the_manual_action_error(env: CalcomEnvironment) -> None:
    """During the outage the error asks a person to cancel by hand: it must not stay afterwards."""
    await cancel_while_away(env)
    (waiting,) = await env.salon.rows("SELECT error FROM appointments")
    assert waiting["error"].endswith("; cancel its booking in the calendar by hand if that cannot wait")
    env.reconnect()
    await env.run_sync_job()
    (row,) = await env.salon.rows("SELECT status, error FROM appointments")
    assert (row["status"], row["error"], env.bookings) == ("cancelled", None, [])


async def test_remote_cancellation_after_the_visit_leaves_the_error(env: CalcomEnvironment) -> None:
    """A past booking stays as it is at Cal.com, and counts there."""
    await cancel_while_away(env)
    env.advance(timedelta(days=8))
    env.reconnect()
    await env.run_sync_job()
    (row,) = await env.salon.rows("SELECT error FROM appointments")
    assert row["error"] is not None


async def test_stale_worker_records_no_error_after_a_cancellation(env: CalcomEnvironment) -> None:
    """A worker that was paused for longer than its lease."""
    await book(env)
    assert (await env.salon.booking.cancel_appointment(call(), {})).success
    tenant = env.salon.store.tenant
    async with env.salon.pool.acquire() as conn:
        (row,) = await env.salon.rows("SELECT id FROM appointments")
        read_before = await get_appointment(conn, tenant, row["id"])
        await env.run_sync_job()
        assert read_before is not None
        assert not await record_error(conn, tenant, read_before, "it is tried again by itself")


async def test_cancellation_at_calcom_clears_the_appointments_error(env: CalcomEnvironment) -> None:
    """Cal.com refused the cancellation; a person cancels it there, and its event arrives."""
    await book(env)
    uid = env.bookings[0]["uid"]
    assert (await env.salon.booking.cancel_appointment(call(), {})).success
    await env.salon.pool.execute("UPDATE appointments SET error = 'cancel its booking in the calendar by hand'")
    await env.salon.pool.execute("UPDATE jobs SET state = 'dead', finished_at = clock_timestamp()")
    await env.dashboard("cancel", uid=uid)
    await env.receive_event(uid)
    await env.run_sync_job()
    (row,) = await env.salon.rows("SELECT status, error FROM appointments")
    assert (row["status"], row["error"]) == ("cancelled", None)


async def test_create_appearing_after_the_cancellation_is_cancelled(env: CalcomEnvironment) -> None:
    """The list lags behind a create whose answer was lost, so it is looked up once more after the quiet period."""
    env.inject_fault(FaultKind.ERROR_AFTER_COMMIT)
    # One look-up: by its time, and by when it was made.
    env.inject_fault(FaultKind.LAGGING_LIST, "list-bookings", requests=2)
    await env.salon.book()
    await env.salon.booking.cancel_appointment(call(), {})
    patient = replace(env.worker, settings=BookingSettings(quiet_period=timedelta(seconds=30)))
    with pytest.raises(RunAgain, match="may still appear"):
        await patient.sync_appointment(await env.salon.claim_job())
    assert len(env.bookings) == 1
    await env.salon.pool.execute("UPDATE appointments SET updated_at = updated_at - interval '31 s'")
    await patient.sync_appointment(await env.salon.claim_job())
    assert env.bookings == []


async def test_booking_cancelled_remotely_is_recreated_after_a_move(env: CalcomEnvironment) -> None:
    """The customer was promised the new time, so it stays, whatever happened to the old booking."""
    await book(env)
    env.disconnect()
    await move(env)
    env.reconnect()
    await env.dashboard("cancel", uid=env.bookings[0]["uid"])
    await env.run_sync_job()
    assert await agreed_starts(env) == [datetime.fromisoformat(FOUR)]


async def test_move_requiring_confirmation_is_said_as_requested(env: CalcomEnvironment) -> None:
    await env.event_type(1001, "anna", confirmationPolicy={"type": "always"})
    await env.salon.book(staff="anna")
    answer = await move(env)
    assert answer.message.startswith("Die Verschiebung ist angefragt: Freitag, den 27. November, um 16 Uhr")
    (row,) = await env.salon.live()
    assert (row["status"], row["was_starts_at"]) == ("pending_sync", None)
    await env.salon.assert_claims_match()


async def test_booking_moved_with_unknown_uid_is_not_duplicated(env: CalcomEnvironment) -> None:
    """The answer of the create is lost, and a person moves the booking. The list has only the old booking, which is followed."""
    env.inject_fault(FaultKind.ERROR_AFTER_COMMIT)
    answer = await env.salon.book(staff="anna")
    assert answer.fields["status"] == "pending_sync"
    (booked,) = env.bookings
    env.advance(timedelta(minutes=1))
    lagging = {"operation": "list-bookings", "fault": FaultKind.LAGGING_LIST, "seconds": 3600}
    env.calcom.faults.active.append(Fault.parse(lagging, env.calcom.clock.now()))
    await env.dashboard("move", uid=booked["uid"], start="2026-11-27T15:00:00Z")
    await env.run_sync_job()
    assert env.count_requests("create-booking") == 1
    (live,) = env.bookings
    assert live["metadata"]["requestId"] == answer.fields["appointment_id"]
