"""book_appointment against a real PostgreSQL, as the tenant's own role."""

import asyncio
import time
from datetime import timedelta

import asyncpg
import msgspec
import pytest

from askproai_runtime.booking import BookingSettings, CalendarDisagrees
from askproai_runtime.calendars import Confirmed, RefusalCause, Refused, Taken, Unavailable, Unknown
from tests.worlds.booking_environment import (
    HALF_PAST_TWO,
    MORNING,
    NOW,
    ScriptedCalendar,
    booking_args,
    call,
    second_process,
)
from tests.worlds.waiting import eventually

TAKEN = Taken("User either already has booking at this time or is not available")


async def test_a_booking_writes_every_table(new_salon) -> None:
    """Branch, staff, service, customer, start, end, status and correlation id are written, in one transaction."""
    salon = await new_salon()
    answer = await salon.booking.book_appointment(call(), booking_args(notes="kurz", email="petra@example.com"))
    assert answer.success
    assert (
        answer.message == "Der Termin ist eingetragen: Freitag, den 27. November, um 14 Uhr 30, Haarschnitt bei Anna."
    )
    assert answer.fields["status"] == "confirmed"
    assert (answer.fields["start"], answer.fields["end"]) == (HALF_PAST_TWO, "2026-11-27T15:15:00+01:00")
    (row,) = await salon.live()
    assert str(row["id"]) == answer.fields["appointment_id"]
    assert (row["branch"], row["service"], row["staff"]) == ("mitte", "haarschnitt", "anna")
    assert (row["correlation_id"], row["call_id"], row["notes"], row["version"]) == ("corr-call_1", "call_1", "kurz", 1)
    (customer,) = await salon.rows("SELECT * FROM customers")
    assert (customer["id"], customer["phone"], customer["email"]) == (
        row["customer_id"],
        "+4915112345678",
        "petra@example.com",
    )
    assert await salon.rows("SELECT 1 FROM jobs") == []  # the local calendar needs no sync
    assert salon.metrics.bookings == ["confirmed"]
    await salon.assert_claims_match()


async def test_the_same_booking_asked_again_is_one_appointment(new_salon) -> None:
    """Other notes, another spelling, the time in other words: still the same appointment."""
    salon = await new_salon()
    first = await salon.booking.book_appointment(call(), booking_args())
    for repeated in (
        booking_args(notes="mit Waschen"),
        booking_args(name="Frau Mueller"),
        booking_args(name="petra müller", staff="Mehmet"),
        {"date": "2026-11-27", "time": "halb drei", "service": "Schneiden", "customer_name": "Petra Muller"},
        booking_args(start="2026-11-27T13:30:00Z"),
    ):
        answer = await salon.booking.book_appointment(call(), repeated)
        assert answer.success, answer
        assert answer.fields["appointment_id"] == first.fields["appointment_id"]
        assert answer.message.startswith("Der Termin steht schon")
    assert len(await salon.live()) == 1
    assert set(salon.metrics.bookings[1:]) == {"already_booked"}


async def test_concurrent_repeats_make_one_appointment(new_salon) -> None:
    calendar = ScriptedCalendar()
    salon = await new_salon(calendar)
    answers = await asyncio.gather(*(salon.booking.book_appointment(call(), booking_args()) for _ in range(5)))
    assert {a.fields["appointment_id"] for a in answers if a.success} == {str(r["id"]) for r in await salon.live()}
    assert all(a.success for a in answers)
    assert len(calendar.bookings) == 1


async def test_a_clearly_different_name_is_asked_back_and_another_makes_a_second_appointment(new_salon) -> None:
    salon = await new_salon()
    first = await salon.booking.book_appointment(call(), booking_args())
    asked = await salon.booking.book_appointment(call(), booking_args(name="Karl Hoffmann"))
    assert not asked.success
    assert "Karl Hoffmann" in asked.message
    assert asked.message.endswith("?")
    assert len(await salon.live()) == 1
    second = await salon.booking.book_appointment(call(), booking_args(name="Karl Hoffmann", another=True))
    assert second.success
    assert second.fields["staff"] != first.fields["staff"]
    repeated = await salon.booking.book_appointment(call(), booking_args(name="Karl Hoffmann", another="true"))
    assert repeated.fields["appointment_id"] == second.fields["appointment_id"]
    assert len(await salon.live()) == 2
    await salon.assert_claims_match()


@pytest.mark.parametrize("other", ["Peter Müller", "Petra Schmidt", "Herr Müller"])
async def test_a_clearly_different_person_is_asked_back(new_salon, other: str) -> None:
    salon = await new_salon()
    await salon.booking.book_appointment(call(), booking_args(name="Frau Petra Müller"))
    asked = await salon.booking.book_appointment(call(), booking_args(name=other))
    assert (asked.success, asked.message[-1]) == (False, "?")
    assert len(await salon.live()) == 1


async def test_another_person_gets_one_appointment_however_the_request_is_repeated(new_salon) -> None:
    """The flag may come first, be forgotten, or come with another spelling; two people of one name stay two."""
    salon = await new_salon()
    first = await salon.booking.book_appointment(call(), booking_args(another=True))
    again = await salon.booking.book_appointment(call(), booking_args())
    assert again.fields["appointment_id"] == first.fields["appointment_id"]
    second = await salon.booking.book_appointment(call(), booking_args(name="Karl Hoffmann", another=True))
    for repeated in (
        booking_args(name="Carl Hofmann", another=True),
        booking_args(name="Karl Hoffmann"),
        booking_args(name="Herr Hofmann"),
    ):
        answer = await salon.booking.book_appointment(call(), repeated)
        assert (answer.success, answer.fields["appointment_id"]) == (True, second.fields["appointment_id"])
    assert len(await salon.live()) == 2
    same_name = [
        await salon.booking.book_appointment(call("c2"), booking_args(MORNING, another=n == 2)) for n in (1, 2)
    ]
    assert [answer.success for answer in same_name] == [True, False]  # a second person; but only Anna works then
    await salon.assert_claims_match()


async def test_a_concurrent_repeat_that_waits_for_the_commit_finds_the_appointment(new_salon) -> None:
    """The row it waited for is newer than its statement's snapshot: only a read under the lock shows it."""
    salon = await new_salon()
    first = await salon.booking.book_appointment(call(), booking_args())
    await salon.pool.execute("UPDATE appointments SET status = 'failed'")  # as it was before the first one's commit
    await salon.pool.execute(
        "UPDATE call_actions SET state = 'in_flight', lease_until = clock_timestamp() + interval '15 s'"
    )
    async with salon.pool.acquire() as conn:
        async with conn.transaction():
            await conn.execute("UPDATE appointments SET status = 'confirmed'")
            await conn.execute("UPDATE call_actions SET state = 'done'")
            repeat = asyncio.create_task(salon.booking.book_appointment(call(), booking_args()))
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user AND wait_event_type = 'Lock'"
            await eventually(lambda: salon.pool.fetchval(waiting), 5, "the second call to wait for the row's lock")
    answer = await repeat
    assert (answer.success, answer.fields["appointment_id"]) == (True, first.fields["appointment_id"])
    assert len(await salon.live()) == 1


async def test_book_cancel_book_again_works_and_raises_the_generation(new_salon) -> None:
    salon = await new_salon()
    ids = []
    for _ in range(3):
        answer = await salon.booking.book_appointment(call(), booking_args())
        assert answer.success
        ids.append(answer.fields["appointment_id"])
        await salon.cancel(ids[-1])
    assert len(set(ids)) == 3
    generations = await salon.rows("SELECT generation FROM appointments ORDER BY created_at")
    assert [row["generation"] for row in generations] == [1, 2, 3]


async def test_a_lock_timeout_is_answered_in_german_and_the_next_request_works_at_once(new_salon) -> None:
    """`lock_timeout` is 5 s for a tenant's role; the caller hears a sentence, and the action can be claimed again."""
    salon = await new_salon()
    async with second_process(salon, lock_timeout="100ms") as impatient:
        async with salon.pool.acquire() as conn, conn.transaction():
            await conn.execute("SELECT 1 FROM resources FOR UPDATE")
            answer = await impatient.book_appointment(call(), booking_args())
        assert not answer.success
        assert answer.message.startswith("Das dauert gerade länger als sonst.")
        assert answer.fields == {"alternatives": []}
        assert (await impatient.book_appointment(call(), booking_args())).success
    assert salon.metrics.bookings == ["busy", "confirmed"]


async def test_a_booking_that_fails_is_counted(new_salon) -> None:
    """A booking rate without our own failures would look healthy."""
    salon = await new_salon()
    await salon.pool.close()
    with pytest.raises(asyncpg.InterfaceError):
        await salon.booking.book_appointment(call(), booking_args())
    assert salon.metrics.bookings == ["failed"]


async def test_a_moved_appointment_no_longer_answers_for_its_old_time(new_salon) -> None:
    salon = await new_salon()
    first = await salon.booking.book_appointment(call(), booking_args())
    await salon.pool.execute(
        "UPDATE appointments SET starts_at = starts_at - interval '4 h', ends_at = ends_at - interval '4 h', version = version + 1"
    )
    await salon.pool.execute(
        "UPDATE claims SET blocks = tstzrange(lower(blocks) - interval '4 h', upper(blocks) - interval '4 h')"
    )
    again = await salon.booking.book_appointment(call(), booking_args())
    assert again.success
    assert again.fields["appointment_id"] != first.fields["appointment_id"]


async def test_a_taken_time_comes_with_alternatives_that_are_not_held(new_salon) -> None:
    """The closest of the next 14 days; refusals are never stored, so the same request is checked afresh."""
    salon = await new_salon()
    for n in (1, 2):
        assert (await salon.booking.book_appointment(call(f"c{n}", None), booking_args())).success
    lost = await salon.booking.book_appointment(call("c3"), booking_args())
    assert not lost.success
    assert [a["start"][:16] for a in lost.fields["alternatives"]] == [
        "2026-11-27T13:30",  # the closest
        "2026-11-27T15:30",  # on that day an hour or more from it
        "2026-11-28T13:00",  # near that time on the next day, which ends early
    ]
    assert lost.message.startswith("Freitag, den 27. November, um 14 Uhr 30 ist leider nichts mehr frei. Frei ist ")
    assert await salon.rows("SELECT 1 FROM appointments WHERE status = 'held'") == []
    (winner,) = await salon.rows("SELECT id FROM appointments WHERE call_id = 'c1'")
    await salon.cancel(str(winner["id"]))
    assert (await salon.booking.book_appointment(call("c3"), booking_args())).success


@pytest.mark.parametrize(
    ("start", "obstacle", "reason"),
    [
        ("2026-11-27T08:00:00+01:00", "outside_hours", "außerhalb"),
        ("2026-11-27T14:35:00+01:00", "off_grid", "beginnt bei uns kein Termin"),
        ("2026-12-24T10:00:00+01:00", "closed_day", "Donnerstag, den 24. Dezember: Da ist nicht geöffnet"),
        ("2026-12-25T10:00:00+01:00", "closed_day", "Erster Weihnachtstag"),
        ("2026-11-20T10:30:00+01:00", "too_soon", "kurzfristig"),
        ("2027-03-19T10:00:00+01:00", "too_far", "nur bis Donnerstag, den 18. Februar"),
    ],
)
async def test_a_time_that_the_rules_forbid_is_refused_with_the_reason(
    new_salon, start: str, obstacle: str, reason: str
) -> None:
    salon = await new_salon()
    answer = await salon.booking.book_appointment(call(), booking_args(start))
    assert (answer.success, answer.fields["obstacle"]) == (False, obstacle)
    assert reason in answer.message
    assert await salon.live() == []


@pytest.mark.parametrize(
    ("args", "question"),
    [
        ({"customer_name": "X", "service": "Haarschnitt"}, "Uhrzeit"),
        (booking_args(name=""), "Namen"),
        (booking_args(name="!"), "Namen"),
        (booking_args("2025-11-20T15:00"), "vorbei"),
        (booking_args("31.02.2027 um 15 Uhr"), "gibt es nicht"),
        (booking_args("nach dem Urlaub"), "nicht verstanden"),
        ({"date": "2026-11-27", "customer_name": "X"}, "wie viel Uhr"),
        (booking_args() | {"service": "Zahnreinigung"}, "Haarschnitt"),
        (booking_args(staff="Berta"), "Anna oder Mehmet"),
        ({"start": None, "customer_name": ["x"], "service": {}}, "Uhrzeit"),
    ],
)
async def test_what_is_missing_or_unknown_is_asked_back(new_salon, args, question: str) -> None:
    salon = await new_salon()
    answer = await salon.booking.book_appointment(call(), args)
    assert not answer.success
    assert question in answer.message
    assert await salon.rows("SELECT 1 FROM appointments") == []


async def test_the_requested_staff_member_is_booked_and_nobody_else_instead(new_salon) -> None:
    salon = await new_salon()
    assert (await salon.booking.book_appointment(call("a"), booking_args(staff="mehmet"))).fields["staff"] == "mehmet"
    lost = await salon.booking.book_appointment(call("b"), booking_args(staff="Mehmet"))
    assert not lost.success
    assert [(a["staff"], a["start"][11:16]) for a in lost.fields["alternatives"]] == [
        ("mehmet", "13:30"),
        ("anna", "14:30"),  # the same time with somebody else
        ("mehmet", "15:30"),
    ]


async def test_work_is_shared_fairly(new_salon) -> None:
    salon = await new_salon()
    staff = []
    for n, hour in enumerate((13, 14, 15, 16)):
        answer = await salon.booking.book_appointment(
            call(f"f{n}", None), booking_args(f"2026-11-27T{hour}:00:00+01:00")
        )
        staff.append(answer.fields["staff"])
    assert sorted(staff) == ["anna", "anna", "mehmet", "mehmet"]


async def test_the_calls_own_hold_does_not_block_it_and_keeps_the_staff_member(new_salon) -> None:
    salon = await new_salon()
    offer = await salon.booking.check_availability(call(), {"date": "2026-11-27", "time": "10 Uhr"})
    assert [s["start"] for s in offer.fields["slots"]] == [MORNING]
    others = await salon.booking.book_appointment(call("call_2"), booking_args(MORNING))
    assert not others.success  # held for the first call
    own = await salon.booking.book_appointment(call(), {"start": MORNING, "customer_name": "Petra Müller"})
    assert own.success
    assert own.fields["staff"] == offer.fields["slots"][0]["staff"]
    assert await salon.rows("SELECT 1 FROM appointments WHERE status = 'held'") == []
    await salon.assert_claims_match()


async def test_a_refused_booking_keeps_what_the_call_holds(new_salon) -> None:
    salon = await new_salon()
    await salon.booking.check_availability(call(), {"date": "2026-11-27", "time": "10 Uhr"})
    assert not (await salon.booking.book_appointment(call(), booking_args("2026-11-27T08:00:00+01:00"))).success
    assert len(await salon.rows("SELECT 1 FROM appointments WHERE status = 'held'")) == 1


async def test_an_offered_time_is_not_too_soon_while_it_is_held(new_salon) -> None:
    salon = await new_salon()
    eleven = "2026-11-20T11:00:00+01:00"  # now + 60 minutes: exactly the notice
    offer = await salon.booking.check_availability(call(), {"date": "heute", "time": "11 Uhr"})
    assert offer.fields["slots"][0]["start"] == eleven
    salon.clock.advance(timedelta(seconds=40))
    assert (await salon.booking.book_appointment(call(), booking_args(eleven))).success


async def test_an_expired_hold_is_deleted_when_it_blocks_a_booking(new_salon) -> None:
    salon = await new_salon(None, BookingSettings(hold=timedelta(seconds=-1)))
    await salon.booking.check_availability(call(), {"date": "2026-11-27", "time": "10 Uhr"})
    assert len(await salon.rows("SELECT 1 FROM claims WHERE state = 'held'")) == 1
    assert (await salon.booking.book_appointment(call("call_2"), booking_args(MORNING))).success
    assert await salon.rows("SELECT 1 FROM appointments WHERE status = 'held'") == []
    await salon.assert_claims_match()
    lost = await salon.booking.book_appointment(call(), booking_args(MORNING))
    assert not lost.success


async def test_an_offer_that_was_lost_is_counted(new_salon) -> None:
    salon = await new_salon(ScriptedCalendar(TAKEN))
    await salon.booking.check_availability(call(), {"date": "2026-11-27", "time": "10 Uhr"})
    assert not (await salon.booking.book_appointment(call(), booking_args(MORNING))).success
    assert salon.metrics.lost_offers == 1


async def test_a_slot_taken_in_the_calendar_is_booked_with_the_other_staff_member(new_salon) -> None:
    """The refused slot is not offered again for 5 minutes; its claim is released at once."""
    calendar = ScriptedCalendar(TAKEN)
    salon = await new_salon(calendar)
    answer = await salon.booking.book_appointment(call(), booking_args())
    assert answer.success
    assert [request.event_type_id for request in calendar.requests] == [1001, 1002]
    assert answer.fields["staff"] == "mehmet"
    failed, booked = await salon.rows("SELECT status, error FROM appointments ORDER BY created_at")
    assert (failed["status"], booked["status"]) == ("failed", "confirmed")
    assert "already has booking" in failed["error"]
    offers = await salon.booking.check_availability(
        call("call_2"), {"date": "2026-11-27", "time": "halb drei", "staff": "Anna"}
    )
    assert HALF_PAST_TWO not in {slot["start"] for slot in offers.fields["slots"]}
    await salon.pool.execute("UPDATE refusals SET until = clock_timestamp()")
    offers = await salon.booking.check_availability(
        call("call_2"), {"date": "2026-11-27", "time": "halb drei", "staff": "Anna"}
    )
    assert [slot["start"] for slot in offers.fields["slots"]] == [HALF_PAST_TWO]
    await salon.assert_claims_match()


async def test_a_time_taken_for_everybody_gives_alternatives_and_leaves_no_claim(new_salon) -> None:
    salon = await new_salon(ScriptedCalendar(TAKEN, TAKEN))
    answer = await salon.booking.book_appointment(call(), booking_args())
    assert not answer.success
    assert answer.fields["alternatives"]
    assert HALF_PAST_TWO not in {a["start"] for a in answer.fields["alternatives"]}
    assert await salon.live() == []
    assert {row["state"] for row in await salon.rows("SELECT state FROM claims")} == {"released"}
    assert {row["state"] for row in await salon.rows("SELECT state FROM jobs")} == {"done"}
    assert salon.metrics.bookings == ["not_free"]


async def test_what_the_calendar_refuses_is_told_as_not_booked_and_leaves_nothing_behind(new_salon) -> None:
    """A wrong key, an event type that is gone, a required field: nobody was promised anything yet, so nobody is."""
    calendar = ScriptedCalendar(Refused("status 401"), Refused("status 401"))
    salon = await new_salon(calendar)
    for _ in range(2):  # the second time, too: no request waits for a lease
        answer = await salon.booking.book_appointment(call(), booking_args())
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
    # The time is free: whoever asks once the cause is removed gets it, with the same staff member.
    assert (await salon.booking.book_appointment(call("call_2"), booking_args(staff="anna"))).success
    assert [request.event_type_id for request in calendar.requests] == [1001, 1001, 1001]


async def test_after_a_refused_event_type_the_next_staff_member_is_booked(new_salon) -> None:
    """Anna's event type is gone: who named nobody is booked with Mehmet at the same time, and the row says why."""
    calendar = ScriptedCalendar(Refused("Event type with id 1001 not found.", RefusalCause.EVENT_TYPE))
    salon = await new_salon(calendar)
    began = time.monotonic()
    answer = await salon.booking.book_appointment(call(), booking_args())
    assert time.monotonic() - began < 1
    assert (answer.success, answer.fields["staff"], answer.fields["start"]) == (True, "mehmet", HALF_PAST_TWO)
    assert [request.event_type_id for request in calendar.requests] == [1001, 1002]
    failed, booked = await salon.rows("SELECT status, error FROM appointments ORDER BY created_at")
    assert (failed["status"], failed["error"]) == ("failed", "Event type with id 1001 not found.")
    assert booked["status"] == "confirmed"
    await salon.assert_claims_match()


@pytest.mark.parametrize("args", [{}, {"staff": "anna"}])
async def test_where_nobody_else_can_be_booked_the_caller_hears_that_nothing_is(new_salon, args) -> None:
    gone = [Refused("Event type not found.", RefusalCause.EVENT_TYPE)] * 2
    salon = await new_salon(ScriptedCalendar(*gone))
    answer = await salon.booking.book_appointment(call(), booking_args(**args))
    assert not answer.success
    assert "nicht gebucht" in answer.message
    assert await salon.live() == []
    assert salon.metrics.bookings == ["failed"]
    # The call may ask again at once, and gets it when the event type is there.
    assert (await salon.booking.book_appointment(call(), booking_args(staff="mehmet"))).success or args
    await salon.assert_claims_match()


async def test_a_refusal_after_somebody_was_told_that_it_is_booked_is_left_to_the_sync_job(new_salon) -> None:
    """Our process paused for longer than its lease: the appointment that a second request has promised stays."""

    class SlowCalendar(ScriptedCalendar):
        async def create(self, request, *, within):
            self.create = super().create  # this override runs only once
            await salon.pool.execute("UPDATE call_actions SET lease_until = clock_timestamp()")
            assert (await salon.booking.book_appointment(call(), booking_args())).success
            return Refused("status 401")

    salon = await new_salon(SlowCalendar())
    assert not (await salon.booking.book_appointment(call(), booking_args())).success
    (row,) = await salon.live()
    assert row["status"] == "pending_sync"
    assert [job["state"] for job in await salon.rows("SELECT state FROM jobs")] == ["ready"]
    await salon.assert_claims_match()


@pytest.mark.parametrize("outcome", [Unknown("timeout"), Unavailable("refused")])
async def test_an_open_outcome_is_kept_and_synced_later(new_salon, outcome) -> None:
    """The caller has an appointment; the calendar gets it by calendar-sync, after 5 minutes."""
    salon = await new_salon(ScriptedCalendar(outcome))
    answer = await salon.booking.book_appointment(call(), booking_args())
    assert (answer.success, answer.fields["status"]) == (True, "pending_sync")
    (job,) = await salon.rows("SELECT * FROM jobs")
    assert (job["kind"], job["state"], job["priority"]) == ("calendar-sync", "ready", "high")
    assert job["run_at"] == NOW + timedelta(seconds=300)
    again = await salon.booking.book_appointment(call(), booking_args())
    assert again.fields["appointment_id"] == answer.fields["appointment_id"]
    await salon.assert_claims_match()


async def test_a_confirmation_of_the_calendar_completes_the_sync_job(new_salon) -> None:
    calendar = ScriptedCalendar()
    salon = await new_salon(calendar)
    answer = await salon.booking.book_appointment(call(), booking_args())
    assert answer.fields["status"] == "confirmed"
    (row,) = await salon.live()
    assert (row["external_id"], row["version"]) == ("uid-0", 2)
    assert row["attendee_email"] == "anruf-4915112345678@anrufer.salon.example"
    assert [job["state"] for job in await salon.rows("SELECT state FROM jobs")] == ["done"]
    (request,) = calendar.requests
    assert (request.request_id, request.call_id) == (row["id"], "call_1")


async def test_the_sync_job_looks_the_booking_up_before_it_creates_one(new_salon) -> None:
    """A create of unknown outcome that was done is found by our request id: exactly one booking."""

    def commit_but_lose_the_answer(request):
        calendar.commit(request)
        return Unknown("timeout")

    calendar = ScriptedCalendar(commit_but_lose_the_answer)
    salon = await new_salon(calendar)
    await salon.booking.book_appointment(call(), booking_args())
    await salon.booking.sync_appointment(await salon.claim_job())
    (row,) = await salon.live()
    assert (row["status"], row["external_id"]) == ("confirmed", "uid-0")
    assert len(calendar.requests) == 1
    assert [job["state"] for job in await salon.rows("SELECT state FROM jobs")] == ["done"]


async def test_a_booking_that_awaits_confirmation_is_requested_not_booked(new_salon) -> None:
    """Its event type requires confirmation: it may still be declined, so no answer says that it is booked."""
    salon = await new_salon(ScriptedCalendar(Confirmed("uid-1", pending=True)))
    for _ in range(2):
        answer = await salon.booking.book_appointment(call(), booking_args())
        assert (answer.success, answer.fields["status"]) == (True, "pending_sync")
        assert answer.message.startswith("Der Termin ist angefragt: Freitag, den 27. November, um 14 Uhr 30")
    (row,) = await salon.live()
    assert (row["status"], row["external_id"]) == ("pending_sync", "uid-1")
    assert [job["state"] for job in await salon.rows("SELECT state FROM jobs")] == ["done"]
    await salon.assert_claims_match()


async def test_a_booking_that_was_promised_meanwhile_is_not_given_up(new_salon) -> None:
    """Our process paused for longer than its lease, and the answer to a second request was that it is booked: a person decides."""

    class SlowCalendar(ScriptedCalendar):
        async def create(self, request, *, within):
            self.create = super().create  # this override runs only once
            await salon.pool.execute("UPDATE call_actions SET lease_until = clock_timestamp()")
            second = await salon.booking.book_appointment(call(), booking_args())
            assert (second.success, second.fields["status"]) == (True, "pending_sync")
            return TAKEN

    salon = await new_salon(SlowCalendar())
    answer = await salon.booking.book_appointment(call(), booking_args())
    assert not answer.success
    (row,) = await salon.live()
    assert (row["status"], str(row["staff"])) == ("pending_sync", "anna")
    assert [job["state"] for job in await salon.rows("SELECT state FROM jobs")] == ["ready"]
    await salon.assert_claims_match()


@pytest.mark.parametrize("asked_again", [False, True])
async def test_killed_after_a_refusal_and_promised_to_nobody_it_is_given_up_by_the_sync_job(
    new_salon, asked_again
) -> None:
    """The second lookup rules out a list that lags behind our own booking. What a caller heard is left to a person."""
    salon = await new_salon(
        ScriptedCalendar(Unknown("killed"), TAKEN, TAKEN), BookingSettings(quiet_period=timedelta())
    )
    await salon.booking.book_appointment(call(), booking_args())
    # the state after a SIGKILL between the calendar's answer and the next statement
    await salon.pool.execute("UPDATE call_actions SET state = 'in_flight', lease_until = clock_timestamp()")
    if asked_again:
        assert (await salon.booking.book_appointment(call(), booking_args())).success
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
        assert (await salon.booking.book_appointment(call("b"), booking_args(staff="mehmet"))).success
    await salon.assert_claims_match()


async def test_a_time_of_next_year_is_said_with_its_year_by_every_function(new_salon) -> None:
    """It is November 2026: a caller would take the "26. November" for next week's."""
    salon = await new_salon()
    far = tuple(msgspec.structs.replace(s, booking_horizon_days=500) for s in salon.configs[0].services)
    salon.apply_config(msgspec.structs.replace(salon.configs[0], services=far))
    start, spoken = "2027-11-26T14:30:00+01:00", "Freitag, den 26. November 2027, um 14 Uhr 30"
    offered = await salon.booking.check_availability(call(), {"start": start, "staff": "anna"})
    assert offered.fields["slots"][0]["spoken"] == f"{spoken} bei Anna"
    assert f"{spoken} bei Anna" in offered.message
    booked = await salon.booking.book_appointment(call(), booking_args(start, staff="anna"))
    assert booked.message == f"Der Termin ist eingetragen: {spoken}, Haarschnitt bei Anna."
    found = await salon.booking.find_appointments(call())
    assert found.message == f"Sie haben einen Termin: {spoken}, Haarschnitt bei Anna."
    assert spoken in found.fields["appointments"][0]["spoken"]
    taken = await salon.booking.book_appointment(call("call_2", "+4915199999999"), booking_args(start, staff="anna"))
    assert taken.message.startswith(f"{spoken} ist bei Anna leider nichts mehr frei.")
    moved = await salon.booking.reschedule_appointment(call(), {"start": start.replace("T14:30", "T16:00")})
    assert "26. November 2027, um 16 Uhr" in moved.message
    question = await salon.booking.ask_to_cancel(call(), {})
    assert "26. November 2027, um 16 Uhr" in question.message
    later = await salon.booking.check_availability(call(), {"start": "2028-11-24T14:30:00+01:00"})
    assert "den 24. November 2028" not in later.message, "only the last bookable day is said"
    assert "den 3. April 2028" in later.message
