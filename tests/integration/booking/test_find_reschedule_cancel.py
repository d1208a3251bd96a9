"""find_appointments, reschedule_appointment and cancel_appointment against a real PostgreSQL."""

import asyncio
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from askproai_core.tenant_config.config import BookingLimits
from askproai_runtime.book.context import BookingSettings
from askproai_runtime.calendar_sync.outbound import CalendarDisagrees
from askproai_runtime.calendars import Refused, Taken, Unavailable, Unknown
from askproai_runtime.conversation.types import MAX_LISTED, FunctionOutcome
from askproai_runtime.jobs import RunAgain
from tests.worlds.booking_environment import HALF_PAST_TWO, MORNING, Salon, ScriptedCalendar, call

FOUR = "2026-11-27T16:00:00+01:00"
QUARTER_TO_THREE = "2026-11-27T14:45:00+01:00"  # overlaps half past two
TAKEN = Taken("User either already has booking at this time or is not available")
STRANGER = call("call_9", "+4915199999999")
NEXT_CALL = call("call_2")  # from the same number


# Finding


async def test_caller_hears_only_their_own_appointments(salon: Salon) -> None:
    own = await salon.book(staff="anna")
    await salon.book(MORNING, name="Karl Hoffmann", by=STRANGER)
    found = await salon.booking.find_appointments(NEXT_CALL)
    assert found.message == "Sie haben einen Termin: Freitag, den 27. November, um 14 Uhr 30, Haarschnitt bei Anna."
    (appointment,) = found.fields["appointments"]
    assert appointment["appointment_id"] == own.fields["appointment_id"]
    assert (appointment["start"], appointment["staff"]) == (HALF_PAST_TWO, "anna")
    assert (appointment["service"], appointment["status"]) == ("haarschnitt", "confirmed")
    nobody = await salon.booking.find_appointments(call("x", "+4915100000000"))
    assert (nobody.success, nobody.fields) == (True, {"appointments": []})


async def test_last_of_many_appointments_is_found(salon: Salon) -> None:
    """A practice writes a series of appointments into the book, and a home calls for all its residents."""
    await salon.pool.execute(
        """INSERT INTO appointments (tenant, branch, service, staff, customer_name, starts_at, ends_at, status,
               caller, correlation_id)
           SELECT $1, 'mitte', 'haarschnitt', 'anna', 'Bewohner ' || chr(64 + n), at, at + interval '45 minutes',
               'confirmed', $2, 'c'
           FROM generate_series(1, 25) n, LATERAL (SELECT timestamptz '2026-11-27 10:00+01' + n * interval '1 day' AS at) day""",
        salon.store.tenant, call().caller,
    )  # fmt: skip
    last = {"customer_name": "Bewohner Y", "appointment_date": "2026-12-22", "appointment_time": "10:00"}
    asked = await salon.booking.ask_to_cancel(call(), last)
    assert asked.fields.get("needs_confirmation") is True, asked
    assert "22. Dezember, um 10 Uhr" in asked.message
    found = await salon.booking.find_appointments(call())
    assert ("25 Termine" in found.message, len(found.fields["appointments"])) == (True, MAX_LISTED)
    again = await salon.book("2026-12-22T10:00:00+01:00", "Bewohner Y", staff="mehmet")
    assert "22. Dezember, um 10 Uhr" in again.message
    assert again.fields["choices"]


async def test_contradicting_times_name_no_appointment(salon: Salon) -> None:
    booked = await salon.book(HALF_PAST_TWO, staff="anna")
    await salon.book(MORNING, staff="anna", another=True)
    for said in (
        {"appointment_date": HALF_PAST_TWO, "appointment_time": "12:00"},
        {"appointment_id": booked.fields["appointment_id"], "appointment_time": "10:00"},  # the other one's
    ):
        answer = await salon.booking.reschedule_appointment(call(), {**said, "start": FOUR})
        assert (answer.success, len(answer.fields["appointments"])) == (False, 2)


async def test_moved_appointment_is_found_by_its_former_time(salon: Salon) -> None:
    booked = await salon.book(HALF_PAST_TWO, staff="anna")
    args = {"appointment_id": booked.fields["appointment_id"], "appointment_time": "14:30", "start": FOUR}
    for _ in range(2):
        assert (await salon.booking.reschedule_appointment(call(), args)).success


async def test_anonymous_caller_owns_only_this_calls_bookings(salon: Salon) -> None:
    await salon.book(staff="anna", by=call("a", None))
    assert len((await salon.booking.find_appointments(call("a", None))).fields["appointments"]) == 1
    other = await salon.booking.find_appointments(call("b", None))
    assert (other.success, other.fields["appointments"]) == (False, [])
    assert "mit sichtbarer Nummer" in other.message
    assert "ist unterdrückt" not in other.message, "a call that was forwarded without its number is not known from it"


async def test_person_finds_appointment_by_their_own_number(salon: Salon) -> None:
    await salon.book(phone="+4915177777777")
    assert len((await salon.booking.find_appointments(call("b", "+4915177777777"))).fields["appointments"]) == 1


async def test_past_cancelled_and_held_appointments_are_not_listed(salon: Salon) -> None:
    cancelled = await salon.book()
    await salon.cancel(cancelled.fields["appointment_id"])
    await salon.booking.check_availability(call(), {"date": "2026-11-27", "time": "10 Uhr"})
    await salon.book("2026-11-21T10:00:00+01:00")
    salon.clock.advance(timedelta(days=1, hours=1))
    assert (await salon.booking.find_appointments(call())).fields["appointments"] == []


async def test_long_appointment_list_is_summarized(new_salon) -> None:
    salon = await new_salon(booking_limits=BookingLimits(per_call=10))
    for day in range(24, 29):
        for hour in (10, 12):
            assert (await salon.book(f"2026-11-{day}T{hour}:00:00+01:00", another=True)).success
    found = await salon.booking.find_appointments(call())
    assert found.message.count("Haarschnitt bei") == 3
    assert found.message.endswith(", und 7 weitere.")
    starts = [appointment["start"] for appointment in found.fields["appointments"]]
    assert starts == sorted(starts)


# Cancelling


async def test_repeated_cancellation_succeeds_and_frees_the_time_once(salon: Salon) -> None:
    booked = await salon.book(staff="anna")
    for args in ({}, {"appointment_id": booked.fields["appointment_id"]}, {}):
        answer = await salon.booking.cancel_appointment(NEXT_CALL, args)
        assert (answer.success, answer.fields["status"]) == (True, "cancelled")
        said = "Der Termin ist abgesagt: Freitag, den 27. November, um 14 Uhr 30, Haarschnitt bei Anna."
        assert answer.message == said
    (row,) = await salon.rows("SELECT status, cancelled_by, version FROM appointments")
    assert (row["status"], row["cancelled_by"], row["version"]) == ("cancelled", "caller", 2)
    assert (await salon.book(staff="anna", by=STRANGER)).success
    await salon.assert_claims_match()


async def test_strangers_appointment_is_neither_cancelled_nor_moved(salon: Salon) -> None:
    booked = await salon.book()
    args = {"appointment_id": booked.fields["appointment_id"]}
    for thief in (STRANGER, call("x", None), call("", None)):
        assert not (await salon.booking.cancel_appointment(thief, args)).success
        assert not (await salon.booking.reschedule_appointment(thief, {**args, "start": FOUR})).success
    (row,) = await salon.live()
    assert row["version"] == 1


async def test_cancellation_during_the_create_is_cancelled_remotely(new_salon) -> None:
    """The calendar's answer comes after the cancellation's job has found nothing: the booking is cancelled by another job."""

    class SlowCalendar(ScriptedCalendar):
        async def create(self, request, *, within):
            assert (await salon.booking.cancel_appointment(call(), {"appointment_id": str(request.request_id)})).success
            await salon.booking.sync_appointment(await salon.claim_job())
            return await super().create(request, within=within)

    calendar = SlowCalendar()
    salon = await new_salon(calendar, BookingSettings(quiet_period=timedelta()))
    answer = await salon.book()
    assert not answer.success
    assert calendar.bookings != {}
    await salon.booking.sync_appointment(await salon.claim_job())
    assert calendar.cancelled == ["uid-0"]
    assert {row["state"] for row in await salon.rows("SELECT state FROM jobs")} == {"done"}


@pytest.mark.parametrize("step", ["find", "create"])
async def test_change_during_a_sync_job_reruns_that_job(new_salon, step: str) -> None:
    """No second job is queued beside a running one, so the running one must not end as if nothing had happened."""

    class SlowCalendar(ScriptedCalendar):
        async def cancel_during(self, now: str) -> None:
            if now == step and not self.script and not cancelled:
                cancelled.append(await salon.booking.cancel_appointment(call(), {}))

        async def find(self, request):
            await self.cancel_during("find")
            return await super().find(request)

        async def create(self, request, *, within):
            await self.cancel_during("create")
            return await super().create(request, within=within)

    cancelled: list = []
    calendar = SlowCalendar(Unknown("timeout"))
    salon = await new_salon(calendar, BookingSettings(quiet_period=timedelta()))
    await salon.book()
    with pytest.raises(RunAgain):
        await salon.booking.sync_appointment(await salon.claim_job())
    assert cancelled[0].success
    await salon.booking.sync_appointment(await salon.claim_job())
    assert calendar.bookings == {}
    assert {row["state"] for row in await salon.rows("SELECT state FROM jobs")} == {"done"}


# Moving


@pytest.mark.parametrize("to", [FOUR, QUARTER_TO_THREE])
@pytest.mark.parametrize("remote", [False, True])
async def test_move_keeps_id_and_staff_and_frees_time(new_salon, remote: bool, to: str) -> None:
    calendar = ScriptedCalendar()
    salon = await new_salon(calendar if remote else None)
    booked = await salon.book(staff="anna")
    for _ in range(2):
        answer = await salon.booking.reschedule_appointment(NEXT_CALL, {"start": to})
        assert answer.success, answer
        assert answer.fields["appointment_id"] == booked.fields["appointment_id"]
        assert (answer.fields["start"], answer.fields["staff"], answer.fields["status"]) == (to, "anna", "confirmed")
    assert answer.message.startswith("Der Termin steht schon: Freitag, den 27. November, um 1")
    (row,) = await salon.live()
    assert row["was_starts_at"] is None
    assert len(calendar.starts) == (2 if remote else 0)
    if to == FOUR:
        assert (await salon.book(staff="anna", by=STRANGER)).success
    await salon.assert_claims_match()


@pytest.mark.parametrize("start", ["2026-11-27T14:30", "2026-11-27T14:30:00+01:00", "2026-11-27T13:30:00Z"])
async def test_appointment_can_be_named_by_its_start(salon: Salon, start: str) -> None:
    await salon.book()
    answer = await salon.booking.reschedule_appointment(call(), {"appointment_id": start, "start": FOUR})
    assert (answer.success, answer.fields["start"]) == (True, FOUR), answer


@pytest.mark.parametrize(
    ("args", "question"),
    [
        ({}, "Auf welchen Tag"),
        ({"start": "2026-08-27T16:00"}, "vorbei"), ({"start": "2025-11-27T16:00"}, "Meinen Sie Freitag, den 27. November"),
        ({"start": FOUR, "appointment_id": "der zweite"}, "Meinen Sie den am Freitag"),
    ],
)  # fmt: skip
async def test_unclear_move_is_asked_about(salon: Salon, args, question: str) -> None:
    await salon.book()
    answer = await salon.booking.reschedule_appointment(call(), args)
    assert not answer.success
    assert question in answer.message


@pytest.mark.parametrize(
    ("args", "offered"),
    [
        (
            {"date": "2026-11-28", "time": "gegen zehn nach elf"},
            "Frei ist zum Beispiel Samstag, der 28. November, um 10 Uhr 45 oder um 11 Uhr 15 bei Anna.",
        ),
        (
            {"date": "Samstag oder Montag"},
            "Montag, den 23. November: Da ist nicht geöffnet. Frei ist zum Beispiel Samstag, der 21.",
        ),
        (
            {"time": "gegen zehn nach vier"},
            "Frei ist zum Beispiel Freitag, der 27. November, um 15 Uhr 45 oder um 16 Uhr 15 bei Anna.",
        ),
    ],
)
async def test_inexact_new_time_of_a_move_gets_offers(salon: Salon, args, offered) -> None:
    await salon.book(staff="anna")
    answer = await salon.booking.reschedule_appointment(call(), args)
    assert (answer.success, answer.outcome) == (False, FunctionOutcome.OFFERED)
    assert answer.message.startswith(offered), answer.message
    assert answer.message.endswith("Auf welche Zeit soll ich Ihren Termin verschieben?"), "it is no offer of a new one"
    (row,) = await salon.live()
    assert row["version"] == 1, "nothing is moved or held before the caller has chosen"
    chosen = answer.fields["alternatives"][-1]
    assert (await salon.booking.reschedule_appointment(call(), {"start": chosen["start"]})).success
    await salon.assert_claims_match()


async def test_single_move_offer_asks_whether_to_move(new_salon) -> None:
    salon = await new_salon(settings=BookingSettings(offers=1))
    await salon.book(staff="anna")
    answer = await salon.booking.reschedule_appointment(call(), {"date": "Samstag oder Montag"})
    assert len(answer.fields["alternatives"]) == 1
    assert answer.message.endswith("Soll ich Ihren Termin dorthin verschieben?")


async def test_appointment_does_not_block_its_own_move(salon: Salon) -> None:
    await salon.book(staff="anna")
    answer = await salon.booking.reschedule_appointment(call(), {"time": "gegen zehn vor drei"})
    offered = [slot["start"] for slot in answer.fields["alternatives"]]
    assert QUARTER_TO_THREE in offered
    assert HALF_PAST_TWO not in offered


async def test_past_appointment_gets_no_offers(salon: Salon) -> None:
    booked = await salon.book("2026-11-21T10:00:00+01:00")
    salon.clock.advance(timedelta(days=1, hours=1))
    args = {"appointment_id": booked.fields["appointment_id"], "date": "morgen", "time": "gegen elf"}
    answer = await salon.booking.reschedule_appointment(call(), args)
    assert (answer.success, answer.outcome) == (False, FunctionOutcome.GONE)


async def test_move_follows_the_rules_of_a_booking(salon: Salon) -> None:
    await salon.book()
    answer = await salon.booking.reschedule_appointment(call(), {"start": "2026-11-20T10:30:00+01:00"})
    assert (answer.success, answer.fields["obstacle"]) == (False, "too_soon")
    (row,) = await salon.live()
    assert row["version"] == 1
    await salon.assert_claims_match()


async def test_taken_move_offers_times_of_same_staff_member(salon: Salon) -> None:
    await salon.book(FOUR, staff="anna", by=STRANGER)
    await salon.book(staff="anna")
    answer = await salon.booking.reschedule_appointment(call(), {"start": FOUR})
    assert (answer.success, answer.fields["obstacle"]) == (False, "taken")
    assert {slot["staff"] for slot in answer.fields["alternatives"]} == {"anna"}
    for slot in answer.fields["alternatives"]:
        assert (await salon.booking.reschedule_appointment(call(), {"start": slot["start"]})).success
    await salon.assert_claims_match()


async def test_appointments_own_time_is_no_alternative(salon: Salon) -> None:
    taken = HALF_PAST_TWO.replace("14:30", "15:30")
    await salon.book(taken, staff="anna", by=STRANGER)
    await salon.book(staff="anna")
    answer = await salon.booking.reschedule_appointment(call(), {"start": taken})
    offered = {slot["start"] for slot in answer.fields["alternatives"]}
    assert (answer.success, answer.fields["obstacle"]) == (False, "taken")
    assert offered
    assert HALF_PAST_TWO not in offered


async def test_own_hold_does_not_block_the_move(salon: Salon) -> None:
    await salon.book(staff="anna")
    await salon.booking.check_availability(call(), {"date": "2026-11-27", "time": "16 Uhr", "staff": "Anna"})
    assert (await salon.booking.reschedule_appointment(call(), {"start": FOUR})).success
    assert await salon.rows("SELECT 1 FROM appointments WHERE status = 'held'") == []


@pytest.mark.parametrize("to", [FOUR, QUARTER_TO_THREE])
@pytest.mark.parametrize("outcome", [TAKEN, Refused("This event type does not allow rescheduling")])
async def test_refused_move_leaves_the_appointment_unchanged(new_salon, outcome, to: str) -> None:
    """Nobody could get the old time meanwhile; a refused time is not offered again for a while."""

    class RefusingCalendar(ScriptedCalendar):
        async def move(self, uid, starts_at, **_):
            stolen = await salon.book(staff="anna", name="Karl Hoffmann", by=STRANGER)
            assert not stolen.success
            return outcome

    salon = await new_salon(RefusingCalendar())
    await salon.book(staff="anna")
    answer = await salon.booking.reschedule_appointment(call(), {"start": to})
    assert not answer.success
    assert to not in {slot["start"] for slot in answer.fields["alternatives"]}
    (row,) = await salon.live()
    assert (row["starts_at"].isoformat(), row["status"]) == ("2026-11-27T13:30:00+00:00", "confirmed")
    assert {row["state"] for row in await salon.rows("SELECT state FROM jobs")} == {"done"}
    await salon.assert_claims_match()


async def test_sync_job_reverses_a_move_reported_as_refused(new_salon) -> None:
    """An event of the calendar began the job early, and the calendar refused the caller's request but not the job's."""
    refused, jobs = asyncio.Event(), list[asyncio.Task[None]]()

    class ChangingCalendar(ScriptedCalendar):
        async def move(self, uid, starts_at, **_):
            if jobs:
                self.asked.set()
                await refused.wait()
                return await super().move(uid, starts_at)
            self.asked = asyncio.Event()
            jobs.append(asyncio.create_task(salon.booking.sync_appointment(await salon.claim_job())))
            await self.asked.wait()
            return TAKEN

    calendar = ChangingCalendar()
    salon = await new_salon(calendar, BookingSettings(quiet_period=timedelta()))
    await salon.book(staff="anna")
    assert not (await salon.booking.reschedule_appointment(call(), {"start": FOUR})).success
    refused.set()
    with pytest.raises(RunAgain):
        await jobs[0]
    await salon.booking.sync_appointment(await salon.claim_job())
    (row,) = await salon.live()
    (uid,) = calendar.bookings.values()
    assert (row["starts_at"], row["status"]) == (datetime.fromisoformat(HALF_PAST_TWO), "confirmed")
    assert calendar.starts[uid] == row["starts_at"]
    assert {row["state"] for row in await salon.rows("SELECT state FROM jobs")} == {"done"}
    await salon.assert_claims_match()


@pytest.mark.parametrize("to", [FOUR, QUARTER_TO_THREE])
@pytest.mark.parametrize("outcome", [Unknown("timeout"), Unavailable("refused")])
async def test_move_with_unknown_remote_outcome_gets_sync_job(new_salon, outcome, to: str) -> None:
    """The caller hears that it is moved; until the calendar agrees both times are blocked, then only the new one."""
    calendar = ScriptedCalendar()
    calendar.moves = [outcome]
    salon = await new_salon(calendar, BookingSettings(quiet_period=timedelta()))
    await salon.book(staff="anna")
    answer = await salon.booking.reschedule_appointment(call(), {"start": to})
    assert (answer.success, answer.fields["status"]) == (True, "pending_sync")
    await salon.assert_claims_match()
    assert not (await salon.book(staff="anna", by=STRANGER)).success
    await salon.booking.sync_appointment(await salon.claim_job())
    (row,) = await salon.live()
    assert (row["status"], row["external_id"], row["was_starts_at"]) == ("confirmed", "uid-1", None)
    await salon.assert_claims_match()


async def test_moves_during_an_outage_sync_the_last_time(new_salon) -> None:
    calendar = ScriptedCalendar()
    calendar.moves = [Unavailable("away")]
    salon = await new_salon(calendar, BookingSettings(quiet_period=timedelta()))
    await salon.book(staff="anna")
    for start in (FOUR, QUARTER_TO_THREE, MORNING):
        assert (await salon.booking.reschedule_appointment(call(), {"start": start})).success
        await salon.assert_claims_match()
    assert (await salon.book(FOUR, staff="anna", by=STRANGER)).success
    await salon.booking.sync_appointment(await salon.claim_job())
    assert [start.isoformat() for start in calendar.starts.values()][-1] == "2026-11-27T09:00:00+00:00"
    await salon.assert_claims_match()


async def test_move_before_the_first_sync_creates_one_booking(new_salon) -> None:
    calendar = ScriptedCalendar(Unavailable("away"))
    salon = await new_salon(calendar, BookingSettings(quiet_period=timedelta()))
    await salon.book()
    assert (await salon.booking.reschedule_appointment(call(), {"start": FOUR})).fields["status"] == "pending_sync"
    await salon.booking.sync_appointment(await salon.claim_job())
    assert [start.isoformat() for start in calendar.starts.values()] == ["2026-11-27T15:00:00+00:00"]
    assert [row["status"] for row in await salon.live()] == ["confirmed"]
    await salon.assert_claims_match()


@pytest.mark.parametrize("promised", [False, True])
async def test_late_refusal_undoes_only_unpromised_moves(new_salon, promised: bool) -> None:
    calendar = ScriptedCalendar()
    calendar.moves = [Unknown("killed"), TAKEN, TAKEN]
    salon = await new_salon(calendar, BookingSettings(quiet_period=timedelta()))
    await salon.book(staff="anna")
    await salon.booking.reschedule_appointment(call(), {"start": FOUR})
    if not promised:  # the state after a process was killed before it answered
        await salon.pool.execute(
            "UPDATE call_actions SET state = 'in_flight', lease_until = clock_timestamp() WHERE key LIKE 'move|%'"
        )
    for attempt in (1, 2):
        with pytest.raises(CalendarDisagrees) if promised or attempt == 1 else nullcontext():
            await salon.booking.sync_appointment(await salon.claim_job())
    (row,) = await salon.live()
    assert row["starts_at"].isoformat() == ("2026-11-27T15:00:00+00:00" if promised else "2026-11-27T13:30:00+00:00")
    assert row["status"] == ("pending_sync" if promised else "confirmed")
    await salon.assert_claims_match()


async def test_concurrent_repeats_of_a_move_apply_once(new_salon) -> None:
    calendar = ScriptedCalendar()
    salon = await new_salon(calendar)
    await salon.book(staff="anna")
    answers = await asyncio.gather(*(salon.booking.reschedule_appointment(call(), {"start": FOUR}) for _ in range(5)))
    assert all(answer.success for answer in answers), answers
    assert len(calendar.starts) == 2
    await salon.assert_claims_match()


@pytest.mark.parametrize(
    ("args", "start"),
    [
        ({"time": "eine Stunde später"}, "2026-11-27T15:30:00+01:00"),
        ({"date": "eine halbe Stunde früher"}, "2026-11-27T14:00:00+01:00"),
        ({"date": "eine Woche später", "time": "gleiche Uhrzeit"}, "2026-12-04T14:30:00+01:00"),
        ({"date": "Donnerstag", "time": "eine Stunde früher"}, "2026-11-26T13:30:00+01:00"),
        ({"date": "Donnerstag davor, selbe Zeit"}, "2026-11-26T14:30:00+01:00"),
    ],
)
async def test_repeated_relative_move_is_applied_once_per_call(salon: Salon, args, start: str) -> None:
    """A model that repeats itself means no further hour; a caller in the next call does."""
    assert (await salon.book(staff="anna")).success
    for is_repeated in (False, True, True):
        moved = await salon.booking.reschedule_appointment(call(), args)
        assert (moved.success, moved.fields["start"]) == (True, start)
        assert moved.message.startswith("Der Termin steht schon") is is_repeated
        assert "noch weiter verschieben" not in moved.message
    more = replace(call(), said_since=" ".join(["Noch", *args.values()]))
    more_moved = await salon.booking.reschedule_appointment(more, args)
    assert more_moved.message.endswith("sagen Sie mir bitte den Tag und die Uhrzeit.")
    (row,) = await salon.live()
    assert row["starts_at"] == datetime.fromisoformat(start)


async def test_relative_move_starts_from_the_moved_time(salon: Salon) -> None:
    assert (await salon.book(staff="anna")).success
    starts = [
        (await salon.booking.reschedule_appointment(call(), {"time": words})).fields["start"][11:16]
        for words in ("15:30", "eine Stunde später", "eine Stunde später", "noch eine halbe Stunde später")
    ]
    assert starts == ["15:30", "16:30", "16:30", "17:00"], "the same words once more are the same request"


async def test_relative_day_of_a_move_offers_its_times(salon: Salon) -> None:
    assert (await salon.book(staff="anna")).success
    offered = await salon.booking.reschedule_appointment(call(), {"date": "eine Woche später"})
    assert not offered.success
    assert {each["start"][:10] for each in offered.fields["alternatives"]} == {"2026-12-04"}


async def test_moving_back_and_forth_makes_separate_moves(salon: Salon) -> None:
    await salon.book(staff="anna")
    for start in (FOUR, HALF_PAST_TWO, FOUR):
        answer = await salon.booking.reschedule_appointment(call(), {"start": start})
        assert (answer.success, answer.fields["start"]) == (True, start)
        assert answer.message.startswith("Der Termin ist verschoben")
    (row,) = await salon.live()
    assert row["version"] == 4
    await salon.assert_claims_match()


async def test_a_cancelled_appointment_is_not_moved(salon: Salon) -> None:
    booked = await salon.book()
    await salon.cancel(booked.fields["appointment_id"])
    args = {"appointment_id": booked.fields["appointment_id"], "start": FOUR}
    answer = await salon.booking.reschedule_appointment(call(), args)
    assert not answer.success
    assert "abgesagt" in answer.message


@pytest.mark.parametrize("start", ["2026-11-27T14:29:30+01:00", "2026-11-27T14:29:59.500+01:00"])
async def test_start_with_seconds_is_refused_with_alternatives(new_salon, start) -> None:
    salon = await new_salon(booking_limits=BookingLimits(per_call=10))
    for _ in range(2):
        refused = await salon.book(start)
        assert (refused.success, refused.outcome) == (False, FunctionOutcome.OFF_GRID)
        assert refused.fields["alternatives"]
    booked = await salon.book(MORNING, staff="anna")
    for _ in range(2):
        args = {"appointment_id": booked.fields["appointment_id"], "start": start}
        assert not (await salon.booking.reschedule_appointment(call(), args)).success
    (row,) = await salon.live()
    assert row["starts_at"] == datetime.fromisoformat(MORNING)
    await salon.assert_claims_match()


async def test_simultaneous_moves_never_overlap_for_one_person(salon: Salon) -> None:
    booked = await salon.book(staff="anna"), await salon.book(FOUR, staff="mehmet", another=True)
    requests = [{"appointment_id": each.fields["appointment_id"], "start": "2026-11-27T17:00"} for each in booked]
    moves = await asyncio.gather(
        *(salon.booking.reschedule_appointment(call(f"call_{n}"), requests[n]) for n in (0, 1))
    )
    (asked,) = [each.message for each in moves if not each.success]
    assert "Soll ich trotzdem dorthin verschieben?" in asked
