"""book_appointment and the remote calendar: confirmed, refused, taken, or not known."""

from datetime import timedelta

import pytest

from askproai_runtime.book.context import BookingSettings
from askproai_runtime.calendar_sync.outbound import CalendarDisagrees
from askproai_runtime.calendars import Confirmed, RefusalCause, Refused, Taken, Unavailable, Unknown
from tests.worlds.booking_environment import HALF_PAST_TWO, MORNING, NOW, ScriptedCalendar, call
from tests.worlds.waiting import stopwatch

TAKEN = Taken("User either already has booking at this time or is not available")


async def test_metric_counts_offers_lost_to_the_remote_calendar(new_salon) -> None:
    salon = await new_salon(ScriptedCalendar(TAKEN))
    await salon.booking.check_availability(call(), {"date": "2026-11-27", "time": "10 Uhr"})
    assert not (await salon.book(MORNING)).success
    assert salon.metrics.lost_offers == 1


async def test_slot_taken_remotely_goes_to_another_staff_member(new_salon) -> None:
    """The refused slot is not offered again for 5 minutes; its claim is released at once."""
    calendar = ScriptedCalendar(TAKEN)
    salon = await new_salon(calendar)
    answer = await salon.book()
    assert answer.success
    assert [request.event_type_id for request in calendar.requests] == [1001, 1002]
    assert answer.fields["staff"] == "mehmet"
    failed, booked = await salon.rows("SELECT status, error FROM appointments ORDER BY created_at")
    assert (failed["status"], booked["status"]) == ("failed", "confirmed")
    assert "already has booking" in failed["error"]
    asked = {"date": "2026-11-27", "time": "halb drei", "staff": "Anna"}
    offers = await salon.booking.check_availability(call("call_2"), asked)
    assert HALF_PAST_TWO not in {slot["start"] for slot in offers.fields["slots"]}
    await salon.pool.execute("UPDATE refusals SET until = clock_timestamp()")
    offers = await salon.booking.check_availability(call("call_2"), asked)
    assert [slot["start"] for slot in offers.fields["slots"]] == [HALF_PAST_TWO]
    await salon.assert_claims_match()


async def test_slot_taken_for_everybody_offers_alternatives(new_salon) -> None:
    salon = await new_salon(ScriptedCalendar(TAKEN, TAKEN))
    answer = await salon.book()
    assert not answer.success
    assert answer.fields["alternatives"]
    assert HALF_PAST_TWO not in {a["start"] for a in answer.fields["alternatives"]}
    assert await salon.live() == []
    assert {row["state"] for row in await salon.rows("SELECT state FROM claims")} == {"released"}
    assert {row["state"] for row in await salon.rows("SELECT state FROM jobs")} == {"done"}
    assert salon.metrics.bookings == ["not_free"]


async def test_booking_refused_by_calcom_is_refused_to_callers(new_salon) -> None:
    """The cause is a wrong key, a missing event type or a required field. Nothing was promised before."""
    calendar = ScriptedCalendar(Refused("status 401"), Refused("status 401"))
    salon = await new_salon(calendar)
    for _ in range(2):  # the second time, too: no request waits for a lease
        answer = await salon.book()
        assert not answer.success
        assert "nicht eintragen" in answer.message
        assert "nicht gebucht" in answer.message
    assert await salon.live() == []
    assert {row["status"] for row in await salon.rows("SELECT status FROM appointments")} == {"failed"}
    assert {row["error"] for row in await salon.rows("SELECT error FROM appointments")} == {"status 401"}
    assert {row["state"] for row in await salon.rows("SELECT state FROM claims")} == {"released"}
    assert {row["state"] for row in await salon.rows("SELECT state FROM jobs")} == {"done"}
    assert salon.metrics.bookings == ["failed", "failed"]
    await salon.assert_claims_match()
    # The time is free: once the cause is removed, it is booked with the same staff member.
    assert (await salon.book(staff="anna", by=call("call_2"))).success
    assert [request.event_type_id for request in calendar.requests] == [1001, 1001, 1001]


async def test_refused_event_type_leads_to_next_staff_member(new_salon) -> None:
    """Anna's event type is gone: a caller without a preference is booked with Mehmet, and the row says why."""
    calendar = ScriptedCalendar(Refused("Event type with id 1001 not found.", RefusalCause.EVENT_TYPE))
    salon = await new_salon(calendar)
    async with stopwatch() as seconds:
        answer = await salon.book()
        assert seconds() < 1
    assert (answer.success, answer.fields["staff"], answer.fields["start"]) == (True, "mehmet", HALF_PAST_TWO)
    assert [request.event_type_id for request in calendar.requests] == [1001, 1002]
    failed, booked = await salon.rows("SELECT status, error FROM appointments ORDER BY created_at")
    assert (failed["status"], failed["error"]) == ("failed", "Event type with id 1001 not found.")
    assert booked["status"] == "confirmed"
    await salon.assert_claims_match()


@pytest.mark.parametrize("args", [{}, {"staff": "anna"}])
async def test_booking_fails_audibly_without_another_staff_member(new_salon, args) -> None:
    gone = [Refused("Event type not found.", RefusalCause.EVENT_TYPE)] * 2
    salon = await new_salon(ScriptedCalendar(*gone))
    answer = await salon.book(**args)
    assert not answer.success
    assert "nicht gebucht" in answer.message
    assert await salon.live() == []
    assert salon.metrics.bookings == ["failed"]
    # The call may ask again at once, and succeeds when the event type exists.
    assert (await salon.book(staff="mehmet")).success or args
    await salon.assert_claims_match()


@pytest.mark.parametrize("outcome", [Unknown("timeout"), Unavailable("refused")])
async def test_booking_with_unknown_remote_outcome_gets_sync_job(new_salon, outcome) -> None:
    """The caller has an appointment; the calendar gets it by calendar-sync, after 5 minutes."""
    salon = await new_salon(ScriptedCalendar(outcome))
    answer = await salon.book()
    assert (answer.success, answer.fields["status"]) == (True, "pending_sync")
    (job,) = await salon.rows("SELECT * FROM jobs")
    assert (job["kind"], job["state"], job["priority"]) == ("calendar-sync", "ready", "high")
    assert job["run_at"] == NOW + timedelta(seconds=300)
    again = await salon.book()
    assert again.fields["appointment_id"] == answer.fields["appointment_id"]
    await salon.assert_claims_match()


async def test_booking_awaiting_confirmation_is_said_as_requested(new_salon) -> None:
    """Its event type requires confirmation: it may still be declined, so no answer says that it is booked."""
    salon = await new_salon(ScriptedCalendar(Confirmed("uid-1", pending=True)))
    for _ in range(2):
        answer = await salon.book()
        assert (answer.success, answer.fields["status"]) == (True, "pending_sync")
        assert answer.message.startswith("Der Termin ist angefragt: Freitag, den 27. November, um 14 Uhr 30")
    (row,) = await salon.live()
    assert (row["status"], row["external_id"]) == ("pending_sync", "uid-1")
    assert [job["state"] for job in await salon.rows("SELECT state FROM jobs")] == ["done"]
    await salon.assert_claims_match()


@pytest.mark.parametrize("outcome", [TAKEN, Refused("status 401")], ids=["taken", "refused"])
async def test_refused_booking_already_promised_is_not_cancelled(new_salon, outcome) -> None:
    """Our process was paused past its lease, and a second request was answered that it is booked: a person decides."""

    class SlowCalendar(ScriptedCalendar):
        async def create(self, request, *, within):
            self.create = super().create  # this override runs only once
            await salon.pool.execute("UPDATE call_actions SET lease_until = clock_timestamp()")
            second = await salon.book()
            assert (second.success, second.fields["status"]) == (True, "pending_sync")
            return outcome

    salon = await new_salon(SlowCalendar())
    answer = await salon.book()
    assert not answer.success
    (row,) = await salon.live()
    assert (row["status"], str(row["staff"])) == ("pending_sync", "anna")
    assert [job["state"] for job in await salon.rows("SELECT state FROM jobs")] == ["ready"]
    await salon.assert_claims_match()


@pytest.mark.parametrize("asked_again", [False, True])
async def test_sync_job_gives_up_a_refused_unpromised_booking(new_salon, asked_again) -> None:
    """The second lookup rules out a list that lags behind our own booking. A promised booking is left to a person."""
    calendar = ScriptedCalendar(Unknown("killed"), TAKEN, TAKEN)
    salon = await new_salon(calendar, BookingSettings(quiet_period=timedelta()))
    await salon.book()
    # the state after a SIGKILL between the calendar's answer and the next statement
    await salon.pool.execute("UPDATE call_actions SET state = 'in_flight', lease_until = clock_timestamp()")
    if asked_again:
        assert (await salon.book()).success
    with pytest.raises(CalendarDisagrees):
        await salon.booking.sync_appointment(await salon.claim_job())
    if asked_again:
        with pytest.raises(CalendarDisagrees, match="enter it by hand or call the customer"):
            await salon.booking.sync_appointment(await salon.claim_job())
        assert len(await salon.live()) == 1
    else:
        await salon.booking.sync_appointment(await salon.claim_job())
        assert await salon.live() == []
        assert [job["state"] for job in await salon.rows("SELECT state FROM jobs")] == ["done"]
        assert (await salon.book(staff="mehmet", by=call("b"))).success
    await salon.assert_claims_match()
