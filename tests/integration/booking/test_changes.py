"""find_appointments, reschedule_appointment, cancel_appointment: whose, when, and how often asked (contract §4)."""

import asyncio
from datetime import timedelta

import pytest
from booking_world import HALF_PAST_TWO, MORNING, ScriptedCalendar, call, wants

from askproai_runtime.booking import BookingSettings, CalendarDisagrees
from askproai_runtime.calendars import Refused, Taken, Unavailable, Unknown
from askproai_runtime.jobs import RunAgain

FOUR = "2026-11-27T16:00:00+01:00"
QUARTER_TO_THREE = "2026-11-27T14:45:00+01:00"  # overlaps half past two
TAKEN = Taken("User either already has booking at this time or is not available")
STRANGER = call("call_9", "+4915199999999")
AGAIN = call("call_2")  # the same number rings again


# Finding


async def test_a_caller_hears_the_own_appointments_and_nobody_elses(new_salon) -> None:
    salon = await new_salon()
    mine = await salon.booking.book_appointment(call(), wants(staff="anna"))
    await salon.booking.book_appointment(STRANGER, wants(MORNING, name="Karl Hoffmann"))
    found = await salon.booking.find_appointments(AGAIN)
    assert found.message == (
        "Sie haben einen Termin: Freitag, den 27. November, um 14 Uhr 30, Haarschnitt bei Anna."
    )  # fmt: skip
    (told,) = found.fields["appointments"]
    assert told["appointment_id"] == mine.fields["appointment_id"]
    assert (told["start"], told["staff"], told["service"], told["status"]) == (
        HALF_PAST_TWO, "anna", "haarschnitt", "confirmed",
    )  # fmt: skip
    nobody = await salon.booking.find_appointments(call("x", "+4915100000000"))
    assert (nobody.success, nobody.fields) == (True, {"appointments": []})


async def test_a_withheld_number_owns_what_its_call_has_made_and_hears_how_to_go_on(new_salon) -> None:
    salon = await new_salon()
    await salon.booking.book_appointment(call("a", None), wants(staff="anna"))
    assert len((await salon.booking.find_appointments(call("a", None))).fields["appointments"]) == 1
    other = await salon.booking.find_appointments(call("b", None))
    assert (other.success, other.fields["appointments"]) == (False, [])
    assert "mit sichtbarer Nummer" in other.message


async def test_who_was_booked_for_finds_it_from_the_own_number(new_salon) -> None:
    salon = await new_salon()
    await salon.booking.book_appointment(call(), wants(phone="+4915177777777"))
    assert len((await salon.booking.find_appointments(call("b", "+4915177777777"))).fields["appointments"]) == 1


async def test_what_is_over_cancelled_or_only_held_is_not_told(new_salon) -> None:
    salon = await new_salon()
    gone = await salon.booking.book_appointment(call(), wants())
    await salon.cancel(gone.fields["appointment_id"])
    await salon.booking.check_availability(call(), {"date": "2026-11-27", "time": "10 Uhr"})
    await salon.booking.book_appointment(call(), wants("2026-11-21T10:00:00+01:00"))
    salon.clock.advance(timedelta(days=1, hours=1))
    assert (await salon.booking.find_appointments(call())).fields["appointments"] == []


async def test_many_are_told_in_a_sentence_that_can_be_listened_to(new_salon) -> None:
    salon = await new_salon()
    for day in range(24, 29):
        for hour in (10, 12):
            assert (await salon.booking.book_appointment(call(), wants(f"2026-11-{day}T{hour}:00:00+01:00"))).success
    found = await salon.booking.find_appointments(call())
    assert found.message.count("Haarschnitt bei") == 5
    assert found.message.endswith(", und 5 weitere.")
    starts = [one["start"] for one in found.fields["appointments"]]
    assert starts == sorted(starts)


# Cancelling


async def test_cancelling_frees_the_time_at_once_and_again_is_a_success(new_salon) -> None:
    salon = await new_salon()
    made = await salon.booking.book_appointment(call(), wants(staff="anna"))
    for args in ({}, {"appointment_id": made.fields["appointment_id"]}, {}):
        answer = await salon.booking.cancel_appointment(AGAIN, args)
        assert answer.success
        assert answer.message == (
            "Der Termin ist abgesagt: Freitag, den 27. November, um 14 Uhr 30, Haarschnitt bei Anna."
        )  # fmt: skip
        assert answer.fields["status"] == "cancelled"
    (row,) = await salon.rows("SELECT status, cancelled_by, version FROM appointments")
    assert (row["status"], row["cancelled_by"], row["version"]) == ("cancelled", "caller", 2)
    assert (await salon.booking.book_appointment(STRANGER, wants(staff="anna"))).success
    await salon.books_agree()


async def test_a_repeated_cancellation_never_takes_the_next_appointment(new_salon) -> None:
    """A language model repeats itself, and leaves the id out the second time."""
    salon = await new_salon()
    for start in (MORNING, FOUR):
        await salon.booking.book_appointment(call(), wants(start))
    asked = await salon.booking.cancel_appointment(AGAIN, {})
    assert not asked.success
    assert asked.message.startswith("Welchen Termin soll ich absagen: Freitag, den 27. November, um 10 Uhr")
    first = asked.fields["appointments"][0]["appointment_id"]
    assert (await salon.booking.cancel_appointment(AGAIN, {"appointment_id": first})).success
    repeated = await salon.booking.cancel_appointment(AGAIN, {})
    assert not repeated.success
    assert repeated.message.startswith("Ein Termin ist schon abgesagt.")
    assert len(await salon.live()) == 1


async def test_nobody_cancels_or_moves_a_strangers_appointment(new_salon) -> None:
    salon = await new_salon()
    made = await salon.booking.book_appointment(call(), wants())
    named = {"appointment_id": made.fields["appointment_id"]}
    for thief in (STRANGER, call("x", None), call("", None)):
        assert not (await salon.booking.cancel_appointment(thief, named)).success
        assert not (await salon.booking.reschedule_appointment(thief, {**named, "start": FOUR})).success
    (row,) = await salon.live()
    assert row["version"] == 1


async def test_a_cancellation_reaches_the_calendar_by_its_job(new_salon) -> None:
    calendar = ScriptedCalendar()
    salon = await new_salon(calendar)
    await salon.booking.book_appointment(call(), wants())
    assert (await salon.booking.cancel_appointment(call(), {"reason": "krank"})).success
    assert calendar.cancelled == []
    (job,) = await salon.rows("SELECT state, run_at <= clock_timestamp() AS due FROM jobs WHERE state <> 'done'")
    assert job["state"] == "ready"
    await salon.booking.sync_appointment(await salon.claim_job())
    assert (calendar.cancelled, calendar.book) == (["uid-0"], {})


async def test_cancelled_while_the_calendar_is_asked_is_taken_back_there(new_salon) -> None:
    """The answer comes after the cancellation's job has found nothing there: what stands there then is not wanted any more."""

    class SlowCalendar(ScriptedCalendar):
        async def create(self, request, *, within):
            assert (await salon.booking.cancel_appointment(call(), {"appointment_id": str(request.request_id)})).success
            await salon.booking.sync_appointment(await salon.claim_job())
            return await super().create(request, within=within)

    calendar = SlowCalendar()
    salon = await new_salon(calendar, BookingSettings(quiet=timedelta()))
    answer = await salon.booking.book_appointment(call(), wants())
    assert not answer.success
    assert calendar.book != {}
    await salon.booking.sync_appointment(await salon.claim_job())
    assert calendar.cancelled == ["uid-0"]
    assert {row["state"] for row in await salon.rows("SELECT state FROM jobs")} == {"done"}


@pytest.mark.parametrize("step", ["find", "create"])
async def test_changed_while_its_job_runs_the_job_looks_once_more(new_salon, step: str) -> None:
    """No second job is queued beside a running one, so the running one must not end as if nothing had happened."""

    class SlowCalendar(ScriptedCalendar):
        async def meanwhile(self, now: str) -> None:
            if now == step and not self.script and not cancelled:
                cancelled.append(await salon.booking.cancel_appointment(call(), {}))

        async def find(self, request):
            await self.meanwhile("find")
            return await super().find(request)

        async def create(self, request, *, within):
            await self.meanwhile("create")
            return await super().create(request, within=within)

    cancelled: list = []
    calendar = SlowCalendar(Unknown("timeout"))
    salon = await new_salon(calendar, BookingSettings(quiet=timedelta()))
    await salon.booking.book_appointment(call(), wants())
    with pytest.raises(RunAgain):
        await salon.booking.sync_appointment(await salon.claim_job())
    assert cancelled[0].success
    await salon.booking.sync_appointment(await salon.claim_job())
    assert calendar.book == {}
    assert {row["state"] for row in await salon.rows("SELECT state FROM jobs")} == {"done"}


# Moving


@pytest.mark.parametrize("to", [FOUR, QUARTER_TO_THREE])
@pytest.mark.parametrize("remote", [False, True])
async def test_a_move_keeps_the_id_and_the_person_and_frees_the_old_time(new_salon, remote: bool, to: str) -> None:
    calendar = ScriptedCalendar()
    salon = await new_salon(calendar if remote else None)
    made = await salon.booking.book_appointment(call(), wants(staff="anna"))
    for _ in range(2):
        answer = await salon.booking.reschedule_appointment(AGAIN, {"start": to})
        assert answer.success, answer
        assert answer.fields["appointment_id"] == made.fields["appointment_id"]
        assert (answer.fields["start"], answer.fields["staff"], answer.fields["status"]) == (to, "anna", "confirmed")
    assert answer.message.startswith("Der Termin steht schon: Freitag, den 27. November, um 1")
    (row,) = await salon.live()
    assert row["was_starts_at"] is None
    assert len(calendar.times) == (2 if remote else 0)
    if to == FOUR:
        assert (await salon.booking.book_appointment(STRANGER, wants(staff="anna"))).success
    await salon.books_agree()


@pytest.mark.parametrize(
    ("args", "start"),
    [
        ({"time": "vier"}, FOUR),  # the day stays
        ({"date": "2026-11-28", "time": "10 Uhr"}, "2026-11-28T10:00:00+01:00"),
    ],
)
async def test_a_new_time_is_understood_as_it_is_said(new_salon, args, start: str) -> None:
    salon = await new_salon()
    await salon.booking.book_appointment(call(), wants(staff="anna"))
    answer = await salon.booking.reschedule_appointment(call(), args)
    assert answer.fields["start"] == start, answer


@pytest.mark.parametrize(
    ("args", "question"),
    [
        ({}, "Auf welchen Tag"),
        ({"date": "2026-11-28"}, "Um wie viel Uhr"),
        ({"start": "2025-11-27T16:00"}, "vorbei"),
        ({"start": FOUR, "appointment_id": "der zweite"}, "Diesen Termin finde ich nicht. Welchen Termin soll ich verschieben"),
    ],
)  # fmt: skip
async def test_what_is_not_clear_is_asked_back(new_salon, args, question: str) -> None:
    salon = await new_salon()
    await salon.booking.book_appointment(call(), wants())
    answer = await salon.booking.reschedule_appointment(call(), args)
    assert not answer.success
    assert question in answer.message


@pytest.mark.parametrize(
    ("start", "obstacle"),
    [
        ("2026-11-27T08:00:00+01:00", "outside_hours"),
        ("2026-11-20T10:30:00+01:00", "too_soon"),
        ("2027-03-19T10:00:00+01:00", "too_far"),
        ("2026-11-27T14:35:00+01:00", "off_grid"),
    ],
)
async def test_a_move_keeps_the_rules_of_a_booking(new_salon, start: str, obstacle: str) -> None:
    salon = await new_salon()
    await salon.booking.book_appointment(call(), wants())
    answer = await salon.booking.reschedule_appointment(call(), {"start": start})
    assert (answer.success, answer.fields["obstacle"]) == (False, obstacle)
    (row,) = await salon.live()
    assert row["version"] == 1
    await salon.books_agree()


async def test_a_taken_time_comes_with_alternatives_of_the_same_person(new_salon) -> None:
    salon = await new_salon()
    await salon.booking.book_appointment(STRANGER, wants(FOUR, staff="anna"))
    await salon.booking.book_appointment(call(), wants(staff="anna"))
    answer = await salon.booking.reschedule_appointment(call(), {"start": FOUR})
    assert (answer.success, answer.fields["obstacle"]) == (False, "taken")
    assert {slot["staff"] for slot in answer.fields["alternatives"]} == {"anna"}
    for slot in answer.fields["alternatives"]:
        assert (await salon.booking.reschedule_appointment(call(), {"start": slot["start"]})).success
    await salon.books_agree()


async def test_the_offered_time_is_not_lost_to_the_own_hold(new_salon) -> None:
    salon = await new_salon()
    await salon.booking.book_appointment(call(), wants(staff="anna"))
    await salon.booking.check_availability(call(), {"date": "2026-11-27", "time": "16 Uhr", "staff": "Anna"})
    assert (await salon.booking.reschedule_appointment(call(), {"start": FOUR})).success
    assert await salon.rows("SELECT 1 FROM appointments WHERE status = 'held'") == []


@pytest.mark.parametrize("to", [FOUR, QUARTER_TO_THREE])
@pytest.mark.parametrize("said", [TAKEN, Refused("This event type does not allow rescheduling")])
async def test_a_refused_move_is_back_where_it_was(new_salon, said, to: str) -> None:
    """Nobody could get the old time meanwhile; a refused time is not offered again for a while."""

    class Greedy(ScriptedCalendar):
        async def move(self, uid, starts_at, *, correlation_id, within):
            stolen = await salon.booking.book_appointment(STRANGER, wants(staff="anna", name="Karl Hoffmann"))
            assert not stolen.success
            return said

    salon = await new_salon(Greedy())
    await salon.booking.book_appointment(call(), wants(staff="anna"))
    answer = await salon.booking.reschedule_appointment(call(), {"start": to})
    assert not answer.success
    assert to not in {slot["start"] for slot in answer.fields["alternatives"]}
    (row,) = await salon.live()
    assert (row["starts_at"].isoformat(), row["status"]) == ("2026-11-27T13:30:00+00:00", "confirmed")
    assert {row["state"] for row in await salon.rows("SELECT state FROM jobs")} == {"done"}
    await salon.books_agree()


@pytest.mark.parametrize("to", [FOUR, QUARTER_TO_THREE])
@pytest.mark.parametrize("outcome", [Unknown("timeout"), Unavailable("refused")])
async def test_what_the_calendar_cannot_say_of_a_move_is_kept_and_synced(new_salon, outcome, to: str) -> None:
    """The caller hears that it is moved; until the calendar agrees both times are blocked, then only the new one."""
    calendar = ScriptedCalendar()
    calendar.moves = [outcome]
    salon = await new_salon(calendar, BookingSettings(quiet=timedelta()))
    await salon.booking.book_appointment(call(), wants(staff="anna"))
    answer = await salon.booking.reschedule_appointment(call(), {"start": to})
    assert (answer.success, answer.fields["status"]) == (True, "pending_sync")
    await salon.books_agree()
    assert not (await salon.booking.book_appointment(STRANGER, wants(staff="anna"))).success
    await salon.booking.sync_appointment(await salon.claim_job())
    (row,) = await salon.live()
    assert (row["status"], row["external_id"], row["was_starts_at"]) == ("confirmed", "uid-1", None)
    await salon.books_agree()


async def test_moved_twice_while_the_calendar_is_away_it_ends_at_the_last_time(new_salon) -> None:
    calendar = ScriptedCalendar()
    calendar.moves = [Unavailable("away")]
    salon = await new_salon(calendar, BookingSettings(quiet=timedelta()))
    await salon.booking.book_appointment(call(), wants(staff="anna"))
    for start in (FOUR, QUARTER_TO_THREE, MORNING):
        assert (await salon.booking.reschedule_appointment(call(), {"start": start})).success
        await salon.books_agree()
    assert (await salon.booking.book_appointment(STRANGER, wants(FOUR, staff="anna"))).success
    await salon.booking.sync_appointment(await salon.claim_job())
    assert [start.isoformat() for start in calendar.times.values()][-1] == "2026-11-27T09:00:00+00:00"
    await salon.books_agree()


async def test_moved_before_it_ever_reached_the_calendar_it_is_made_there_once(new_salon) -> None:
    calendar = ScriptedCalendar(Unavailable("away"))
    salon = await new_salon(calendar, BookingSettings(quiet=timedelta()))
    await salon.booking.book_appointment(call(), wants())
    assert (await salon.booking.reschedule_appointment(call(), {"start": FOUR})).fields["status"] == "pending_sync"
    await salon.booking.sync_appointment(await salon.claim_job())
    assert [start.isoformat() for start in calendar.times.values()] == ["2026-11-27T15:00:00+00:00"]
    assert [row["status"] for row in await salon.live()] == ["confirmed"]
    await salon.books_agree()


@pytest.mark.parametrize("told", [False, True])
async def test_a_refusal_found_by_the_sync_undoes_only_what_nobody_was_told(new_salon, told: bool) -> None:
    calendar = ScriptedCalendar()
    calendar.moves = [Unknown("killed"), TAKEN, TAKEN]
    salon = await new_salon(calendar, BookingSettings(quiet=timedelta()))
    await salon.booking.book_appointment(call(), wants(staff="anna"))
    await salon.booking.reschedule_appointment(call(), {"start": FOUR})
    if not told:  # what a process leaves that is killed before it answers
        await salon.pool.execute(
            "UPDATE call_actions SET state = 'in_flight', lease_until = clock_timestamp() WHERE key LIKE 'move|%'"
        )
    for _ in range(2):
        with pytest.raises(CalendarDisagrees) if told or not _ else _nothing():
            await salon.booking.sync_appointment(await salon.claim_job())
    (row,) = await salon.live()
    assert row["starts_at"].isoformat() == ("2026-11-27T15:00:00+00:00" if told else "2026-11-27T13:30:00+00:00")
    assert row["status"] == ("pending_sync" if told else "confirmed")
    await salon.books_agree()


async def test_twins_move_once(new_salon) -> None:
    calendar = ScriptedCalendar()
    salon = await new_salon(calendar)
    await salon.booking.book_appointment(call(), wants(staff="anna"))
    answers = await asyncio.gather(*(salon.booking.reschedule_appointment(call(), {"start": FOUR}) for _ in range(5)))
    assert all(answer.success for answer in answers), answers
    assert len(calendar.times) == 2
    await salon.books_agree()


async def test_there_and_back_again_is_two_moves(new_salon) -> None:
    salon = await new_salon()
    await salon.booking.book_appointment(call(), wants(staff="anna"))
    for start in (FOUR, HALF_PAST_TWO, FOUR):
        answer = await salon.booking.reschedule_appointment(call(), {"start": start})
        assert (answer.success, answer.fields["start"]) == (True, start)
        assert answer.message.startswith("Der Termin ist verschoben")
    (row,) = await salon.live()
    assert row["version"] == 4
    await salon.books_agree()


async def test_a_cancelled_appointment_is_not_moved(new_salon) -> None:
    salon = await new_salon()
    made = await salon.booking.book_appointment(call(), wants())
    await salon.cancel(made.fields["appointment_id"])
    named = {"appointment_id": made.fields["appointment_id"], "start": FOUR}
    answer = await salon.booking.reschedule_appointment(call(), named)
    assert not answer.success
    assert "abgesagt" in answer.message


class _nothing:  # noqa: N801  reads like pytest.raises
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...
