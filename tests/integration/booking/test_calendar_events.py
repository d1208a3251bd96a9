"""A person's changes at Cal.com are applied here, in any order of their events and despite repetitions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from askproai_runtime.calendar_sync.outbound import CalendarDisagrees
from askproai_runtime.calendar_sync.reading import CalendarEvent
from askproai_runtime.events.calendar import handle_calendar_event
from askproai_runtime.intake import StoredEvent
from askproai_runtime.jobs import DeadNow, RunAgain
from askproai_sandbox.simulator import FaultKind
from tests.worlds.booking_environment import HALF_PAST_TWO, NOW, call
from tests.worlds.calcom_environment import CalcomEnvironment
from tests.worlds.guest_bookings import FOUR, FOUR_UTC, GUEST, book, create


async def test_event_of_our_own_booking_changes_nothing(env: CalcomEnvironment) -> None:
    uid = await book(env)
    (before,) = await env.salon.live()
    for _ in range(2):
        assert (await env.receive_event(uid)).startswith("nothing new")
    assert await env.salon.live() == [before]


async def test_event_of_our_own_booking_needs_no_request(env: CalcomEnvironment) -> None:
    """A key has 120 requests a minute at Cal.com; most events only report what we did (docs/vendors/calcom.md)."""
    uid = await book(env)
    before = len(env.calcom.journal.entries)
    note = await env.receive_event(uid, starts_at=datetime.fromisoformat(HALF_PAST_TWO))
    assert note == "nothing new: our own doing"
    assert len(env.calcom.journal.entries) == before


async def test_event_confirms_booking_despite_the_lost_create_answer(env: CalcomEnvironment) -> None:
    """At Cal.com the booker's own request sends the webhook; here its answer is lost altogether."""
    env.inject_fault(FaultKind.ERROR_AFTER_COMMIT)
    uid = await book(env)
    assert (await env.receive_event(uid)).startswith("both books agree")
    (row,) = await env.salon.live()
    assert (row["status"], row["external_id"]) == ("confirmed", uid)
    assert {job["state"] for job in await env.salon.rows("SELECT state FROM jobs")} == {"done"}


async def test_move_with_lost_answer_is_found_by_event(env: CalcomEnvironment) -> None:
    old = await book(env)
    env.inject_fault(FaultKind.ERROR_AFTER_COMMIT, "reschedule-booking")
    await env.salon.booking.reschedule_appointment(call(), {"start": FOUR})
    assert (await env.receive_event(old)).startswith("both books agree")
    (row,) = await env.salon.live()
    assert (row["status"], row["was_starts_at"], row["external_id"]) == ("confirmed", None, env.bookings[0]["uid"])
    await env.salon.assert_claims_match()


async def test_move_before_first_known_uid_makes_no_duplicate(env: CalcomEnvironment) -> None:
    """The answer to our POST was lost, so the event is the first to name its uid; at its old time nothing is found."""
    env.inject_fault(FaultKind.ERROR_AFTER_COMMIT)
    assert (await env.salon.book()).fields["status"] == "pending_sync"
    moved = await env.dashboard("move", uid=env.bookings[0]["uid"], start="2026-12-04T09:00:00Z")
    assert (await env.receive_event(moved["uid"])).startswith("left to calendar-sync")
    await env.run_sync_job()
    (remote,) = env.bookings
    (row,) = await env.salon.live()
    assert remote["start"].startswith("2026-11-27T13:30:00"), "what the caller was told wins"
    assert (row["status"], row["external_id"]) == ("confirmed", remote["uid"])
    await env.salon.assert_claims_match()


@pytest.mark.parametrize("cancelled", [False, True], ids=["still wanted", "cancelled by the caller"])
async def test_move_without_any_event_makes_no_duplicate(env: CalcomEnvironment, cancelled: bool) -> None:
    """The answer to our POST was lost, and so is every event: only the list of bookings made since then shows it."""
    env.inject_fault(FaultKind.ERROR_AFTER_COMMIT)
    answer = await env.salon.book()
    await env.dashboard("move", uid=env.bookings[0]["uid"], start="2026-11-24T09:00:00Z")
    if cancelled:
        await env.salon.cancel(answer.fields["appointment_id"])
    await env.run_sync_job()
    expected = [] if cancelled else ["2026-11-27T13:30:00.000Z"]
    assert [b["start"] for b in env.bookings] == expected, "what the caller was told wins"
    assert [row["external_id"] for row in await env.salon.live()] == [b["uid"] for b in env.bookings]
    await env.salon.assert_claims_match()


async def test_moved_booking_is_found_on_any_list_page(env: CalcomEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("askproai_runtime.calendars.calcom_v2._PAGE_SIZE", 2)
    for day in range(1, 5):
        await create(env, f"2026-12-0{day}T09:00:00Z")
    env.inject_fault(FaultKind.ERROR_AFTER_COMMIT)
    await env.salon.book(staff="anna")
    await env.dashboard("move", uid=env.bookings[-1]["uid"], start="2026-11-24T09:00:00Z")
    await env.run_sync_job()
    assert [b["start"] for b in env.bookings if b["metadata"]] == ["2026-11-27T13:30:00.000Z"]


async def test_move_during_the_sync_job_reruns_it(env: CalcomEnvironment) -> None:
    """The job has seen the booking where it belongs; then a person moves it, and that event is handled before the job ends."""
    env.inject_fault(FaultKind.ERROR_AFTER_COMMIT)
    await env.salon.book()
    real = env.worker.calendar

    class MovedMeanwhile:
        remote = True

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        async def find(self, request: Any) -> Any:
            found = await real.find(request)
            moved = await env.dashboard("move", uid=found.uid, start="2026-12-04T09:00:00Z")
            env.replace_worker_calendar(real)
            assert (await env.receive_event(moved["uid"])).startswith("left to calendar-sync")
            return found

    env.replace_worker_calendar(MovedMeanwhile())
    with pytest.raises(RunAgain, match="changed here meanwhile"):
        await env.run_sync_job()
    await env.run_sync_job()
    (remote,) = env.bookings
    (row,) = await env.salon.live()
    assert remote["start"].startswith("2026-11-27T13:30:00")
    assert (row["status"], row["external_id"]) == ("confirmed", remote["uid"])
    await env.salon.assert_claims_match()


@pytest.mark.parametrize("by", ["old", "new"])
async def test_move_at_calcom_moves_our_appointment_in_place(env: CalcomEnvironment, by: str) -> None:
    """Events of one booking come in any order: each leads to the booking's present time."""
    uid = await book(env)
    (before,) = await env.salon.live()
    moved = await env.dashboard("move", uid=uid, start=FOUR_UTC)
    assert (await env.receive_event(uid if by == "old" else moved["uid"])).startswith("moved")
    assert (await env.receive_event(uid)).startswith("nothing new")
    (row,) = await env.salon.live()
    assert (row["id"], row["external_id"]) == (before["id"], moved["uid"])
    assert row["starts_at"] == datetime.fromisoformat(FOUR)
    assert (await env.salon.booking.find_appointments(call())).fields["appointments"][0]["start"] == FOUR
    await env.salon.assert_claims_match()


async def receive_webhook(env: CalcomEnvironment, trigger: str, **payload: Any) -> str:
    """Handle a webhook with this payload, as a worker does; return the note at the event."""
    body = msgspec.json.encode({"triggerEvent": trigger, "createdAt": NOW, "payload": payload})
    event = await handle_calendar_event(None, StoredEvent("calcom", trigger, body, "corr", NOW), env.config)
    assert isinstance(event, CalendarEvent), event
    return await env.receive_event(event.uid, event.received_at, event.starts_at)


async def test_move_reported_as_a_request_moves_our_appointment(env: CalcomEnvironment) -> None:
    """Cal.com sends BOOKING_REQUESTED with `rescheduleUid` for some moves (calcom/cal.com#21169)."""
    uid = await book(env)
    moved = await env.dashboard("move", uid=uid, start=FOUR_UTC)
    names = {"uid": moved["uid"], "rescheduleUid": uid, "startTime": FOUR_UTC, "status": "ACCEPTED"}
    assert (await receive_webhook(env, "BOOKING_REQUESTED", **names)).startswith("moved")
    (row,) = await env.salon.live()
    assert (row["external_id"], row["starts_at"]) == (moved["uid"], datetime.fromisoformat(FOUR))


async def test_hosts_reschedule_request_cancels_our_appointment(env: CalcomEnvironment) -> None:
    """Only the flag of the event differs. The customer's new time is another booking, which the next event reports."""
    uid = await book(env)
    await env.dashboard("ask-again", uid=uid)
    names = {"uid": uid, "startTime": HALF_PAST_TWO, "status": "CANCELLED", "requestReschedule": True}
    assert (await receive_webhook(env, "BOOKING_CANCELLED", **names)).startswith("cancelled")
    assert await env.salon.live() == []
    again = await create(env)
    assert (await env.receive_event(again)).startswith("taken in")


async def test_cancellation_at_calcom_frees_the_time_here(env: CalcomEnvironment) -> None:
    uid = await book(env)
    await env.dashboard("cancel", uid=uid)
    for note in ("cancelled", "nothing new"):
        assert (await env.receive_event(uid)).startswith(note)
    (row,) = await env.salon.rows("SELECT status, cancelled_by, cancel_reason FROM appointments")
    assert tuple(row.values()) == ("cancelled", "calendar", "abgesagt vom Salon")
    assert await env.salon.rows("SELECT 1 FROM jobs WHERE state <> 'done'") == []
    assert (await env.salon.book(staff="anna", by=call("b"))).success


async def test_guests_booking_at_calcom_takes_the_time_here(env: CalcomEnvironment) -> None:
    uid = await create(env)
    for note in ("taken in", "nothing new"):
        assert (await env.receive_event(uid)).startswith(note)
    (row,) = await env.salon.live()
    assert (row["branch"], row["service"], row["staff"]) == ("mitte", "haarschnitt", "anna")
    assert (row["status"], row["call_id"]) == ("confirmed", None)
    asked = {"date": "2026-11-27", "time": "16 Uhr", "staff": "anna"}
    offered = await env.salon.booking.check_availability(call(), asked)
    assert (FOUR, "anna") not in {(slot["start"], slot["staff"]) for slot in offered.fields["slots"]}
    await env.salon.assert_claims_match()


async def test_guest_may_move_their_booking_by_telephone(env: CalcomEnvironment) -> None:
    await env.receive_event(await create(env))
    answer = await env.salon.booking.reschedule_appointment(call("x", GUEST["phoneNumber"]), {"start": HALF_PAST_TWO})
    assert (answer.success, answer.fields["status"]) == (True, "confirmed"), answer
    assert [b["start"] for b in env.bookings] == ["2026-11-27T13:30:00.000Z"]


async def test_reordered_events_of_two_moves_leave_one_appointment(env: CalcomEnvironment) -> None:
    first = await create(env)
    second = (await env.dashboard("move", uid=first, start="2026-11-27T13:30:00Z"))["uid"]
    third = (await env.dashboard("move", uid=second, start=FOUR_UTC))["uid"]
    for uid in (third, first, second, first):
        await env.receive_event(uid)
    (row,) = await env.salon.live()
    assert (row["external_id"], row["starts_at"]) == (third, datetime.fromisoformat(FOUR))


@pytest.mark.parametrize("order", [(1,), (2,), (1, 2), (2, 1), (3,)], ids=str)
async def test_several_moves_before_handling_keep_one_appointment(env: CalcomEnvironment, order) -> None:
    """When a late event is handled, the booking already has other uids than the known one."""
    uids = [await create(env)]
    await env.receive_event(uids[0])
    (before,) = await env.salon.live()
    for start in ("2026-11-27T13:30:00Z", "2026-12-04T09:00:00Z", "2026-12-04T11:00:00Z"):
        uids.append((await env.dashboard("move", uid=uids[-1], start=start))["uid"])
    for number in order:
        await env.receive_event(uids[number])
    (row,) = await env.salon.live()
    assert (row["id"], row["external_id"]) == (before["id"], uids[3])
    assert row["starts_at"] == datetime(2026, 12, 4, 11, tzinfo=UTC)
    await env.salon.assert_claims_match()


async def test_cancellation_after_several_unhandled_moves_is_applied(env: CalcomEnvironment) -> None:
    uids = [await create(env)]
    await env.receive_event(uids[0])
    for start in ("2026-11-27T13:30:00Z", "2026-12-04T09:00:00Z"):
        uids.append((await env.dashboard("move", uid=uids[-1], start=start))["uid"])
    await env.dashboard("cancel", uid=uids[-1])
    for uid in uids[1:]:
        await env.receive_event(uid)
    assert await env.salon.live() == []


async def test_booking_within_a_buffer_claims_the_remaining_time(env: CalcomEnvironment) -> None:
    """A person may put bookings side by side at Cal.com; only our own bookings keep the buffers."""
    await book(env)
    await env.event_type(1003, "somebody")
    await env.event_type(1001, "another")  # so that Cal.com does not refuse it
    uid = await create(env, "2026-11-27T14:20:00Z")  # our own ends at 15:15 and blocks until 15:25; this starts 15:20
    assert (await env.receive_event(uid)).startswith("taken in")
    starts = await env.salon.rows("SELECT block_start FROM claims WHERE state = 'booked' ORDER BY block_start")
    assert [row["block_start"].astimezone(UTC).strftime("%H:%M") for row in starts] == ["13:30", "14:25"]


async def test_calcom_booking_replaces_a_callers_hold(env: CalcomEnvironment) -> None:
    await env.salon.booking.check_availability(call(), {"date": "2026-11-27", "time": "16 Uhr", "staff": "anna"})
    assert (await env.receive_event(await create(env))).startswith("taken in")
    assert await env.salon.rows("SELECT 1 FROM appointments WHERE status = 'held'") == []


async def test_double_promised_time_is_reported_and_audited(env: CalcomEnvironment) -> None:
    """Ours has not reached the calendar yet, and somebody else was booked at Cal.com."""
    env.disconnect()
    await env.salon.book(staff="anna")
    env.reconnect()
    uid = await create(env, "2026-11-27T13:30:00Z")
    with pytest.raises(CalendarDisagrees, match="stands there in our book"):
        await env.receive_event(uid)
    assert len(await env.salon.live()) == 1
    (row,) = await env.salon.rows("SELECT actor, action FROM audit_log")
    assert (row["actor"], row["action"]) == ("calcom", "calendar.disagrees")


@pytest.mark.parametrize("step", ["confirm", "reject"])
async def test_calcom_decision_confirms_or_cancels_pending_appointment(env: CalcomEnvironment, step: str) -> None:
    await env.event_type(1001, "anna", confirmationPolicy={"type": "always"})
    await env.salon.book(staff="anna")
    (remote,) = env.calcom.dump()["accounts"]["cal_salon"]["bookings"]
    await env.receive_event(remote["uid"])
    await env.dashboard(step, uid=remote["uid"])
    await env.receive_event(remote["uid"])
    (row,) = await env.salon.rows("SELECT status FROM appointments")
    assert row["status"] == ("confirmed" if step == "confirm" else "cancelled")


async def test_no_show_event_is_stored_and_reversible(env: CalcomEnvironment) -> None:
    uid = await book(env)
    env.salon.clock.advance(timedelta(days=7, hours=6))
    for action, status in (("absent", "no_show"), ("present", "confirmed"), ("absent", "no_show")):
        await env.dashboard(action, uid=uid)
        await env.receive_event(uid, env.salon.clock.now())
        (row,) = await env.salon.rows("SELECT status FROM appointments")
        assert row["status"] == status
    (claim,) = await env.salon.rows("SELECT state FROM claims")
    assert claim["state"] == "booked"


async def test_cancelled_booking_accepted_again_restores_its_appointment(env: CalcomEnvironment) -> None:
    """`requestReschedule`: the host asks for another time, and the same booking goes on."""
    uid = await book(env)
    moved = await env.dashboard("move", uid=uid, start=FOUR_UTC)
    await env.dashboard("cancel", uid=moved["uid"])
    await env.receive_event(uid)
    (remote,) = (b for b in env.calcom.dump()["accounts"]["cal_salon"]["bookings"] if b["uid"] == moved["uid"])
    booking = env.calcom.accounts["cal_salon"].bookings[remote["uid"]]
    booking.status = "accepted"
    assert (await env.receive_event(moved["uid"])).startswith("moved")
    assert [row["status"] for row in await env.salon.live()] == ["confirmed"]
    await env.salon.assert_claims_match()


async def test_event_of_a_cancelled_appointment_cancels_its_booking(env: CalcomEnvironment) -> None:
    env.inject_fault(FaultKind.ERROR_AFTER_COMMIT)
    uid = await book(env)
    await env.salon.booking.cancel_appointment(call(), {})
    await env.salon.pool.execute("UPDATE jobs SET state = 'done'")
    assert (await env.receive_event(uid)).startswith("left to calendar-sync")
    await env.run_sync_job()
    assert env.bookings == []


async def test_outdated_remote_booking_does_not_undo_our_move(env: CalcomEnvironment) -> None:
    """The event's job has asked Cal.com, and before it writes the caller has moved the appointment."""
    uid = await book(env)
    old = await env.calendar.get_booking(uid, correlation_id="c")
    env.calcom.clock.advance(timedelta(seconds=1))
    assert (await env.salon.booking.reschedule_appointment(call(), {"start": FOUR})).success

    class OutdatedCalendar:
        remote = True

        async def get_booking(self, *_: Any, **__: Any) -> Any:
            return old

    env.replace_worker_calendar(OutdatedCalendar())
    assert (await env.receive_event(uid)).startswith("nothing new")
    (row,) = await env.salon.live()
    assert row["starts_at"] == datetime.fromisoformat(FOUR)


async def test_move_between_reading_and_applying_makes_no_duplicate(env: CalcomEnvironment) -> None:
    """Two events of one booking at once: the later is applied first, and the earlier has read the booking before the move."""
    uid = await book(env)
    calendar = env.worker.calendar
    before = await calendar.get_booking(uid, event_type_id=1001, correlation_id="c")
    moved = await env.dashboard("move", uid=uid, start=FOUR_UTC)
    assert (await env.receive_event(str(moved["uid"]))).startswith("moved")
    note = await env.handle_event(CalendarEvent(uid, NOW, "corr-event", event_type_id=1001, remote=before))
    (row,) = await env.salon.live()
    assert (row["external_id"], row["starts_at"]) == (moved["uid"], datetime.fromisoformat(FOUR_UTC))
    assert note.startswith("nothing new")


async def test_foreign_booking_with_our_request_id_changes_nothing(env: CalcomEnvironment) -> None:
    """Cal.com's public page accepts metadata from its URL."""
    uid = await book(env)
    (before,) = await env.salon.live()
    foreign = await create(env, metadata={"requestId": str(before["id"])})
    for change in ({}, {"action": "move", "start": "2026-11-27T10:00:00Z"}, {"action": "cancel"}):
        if change:
            foreign = (await env.dashboard(uid=foreign, **change)).get("uid", foreign)
        await env.receive_event(foreign)
        assert before in await env.salon.live()
    assert (await env.receive_event(uid)).startswith("nothing new")
    await env.salon.assert_claims_match()


async def test_events_of_unknown_bookings_are_only_stored(env: CalcomEnvironment) -> None:
    await env.event_type(2000, "anna")
    uid = await create(env, event_type=2000)
    assert await env.receive_event(uid) == "stored only: no service has the event type 2000"
    assert "does not know this booking" in await env.receive_event("nobody-made-this")
    uid = await create(env, "2026-11-27T13:30:00Z")
    env.salon.clock.advance(timedelta(days=8))
    assert (await env.receive_event(uid, env.salon.clock.now())) == "nothing new"
    assert await env.salon.live() == []


async def test_event_is_dead_after_a_day_without_calcom(env: CalcomEnvironment) -> None:
    uid = await book(env)
    env.disconnect()
    with pytest.raises(RunAgain):
        await env.receive_event(uid)
    with pytest.raises(DeadNow, match="redrive"):
        await env.receive_event(uid, NOW - timedelta(days=2))
