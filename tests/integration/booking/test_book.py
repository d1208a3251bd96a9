"""book_appointment against a real PostgreSQL, as the tenant's own role."""

import asyncio
from dataclasses import replace
from uuid import UUID

import asyncpg
import msgspec
import pytest

from askproai_runtime.conversation.types import FunctionOutcome
from askproai_runtime.language.answer_words import Reply
from tests.worlds.booking_environment import (
    HALF_PAST_TWO,
    MORNING,
    Salon,
    ScriptedCalendar,
    booking_args,
    call,
    second_process,
)
from tests.worlds.waiting import SOON, eventually


async def test_a_booking_writes_every_table(salon: Salon) -> None:
    """Branch, staff, service, customer, start, end, status and correlation id are written, in one transaction."""
    confirmed = replace(call(), replies={"petra@example.de": Reply.YES})
    answer = await salon.book(notes="kurz", email="petra@example.de", by=confirmed)
    assert answer.success
    assert answer.message == (
        "Der Termin ist eingetragen: Freitag, den 27. November, um 14 Uhr 30, Haarschnitt bei Anna."
        " Er ist auf den Namen Petra Müller. Eine E-Mail verschicke ich nicht."
    )
    assert answer.fields["status"] == "confirmed"
    assert (answer.fields["start"], answer.fields["end"]) == (HALF_PAST_TWO, "2026-11-27T15:15:00+01:00")
    (row,) = await salon.live()
    assert str(row["id"]) == answer.fields["appointment_id"]
    assert (row["branch"], row["service"], row["staff"]) == ("mitte", "haarschnitt", "anna")
    assert (row["correlation_id"], row["call_id"], row["notes"], row["version"]) == ("corr-call_1", "call_1", "kurz", 1)
    (customer,) = await salon.rows("SELECT * FROM customers")
    assert (customer["id"], customer["phone"]) == (row["customer_id"], "+4915112345678")
    assert customer["email"] == "petra@example.de"
    assert await salon.rows("SELECT 1 FROM jobs") == []  # the local calendar needs no sync
    assert salon.metrics.bookings == ["confirmed"]
    await salon.assert_claims_match()


async def test_repeated_booking_is_one_appointment(salon: Salon) -> None:
    """Other notes, another spelling, the time in other words: still the same appointment."""
    first = await salon.book()
    for repeated in (
        booking_args(notes="mit Waschen"),
        booking_args(name="Frau Mueller"),
        booking_args(name="petra müller", staff="Anna"),
        {"date": "2026-11-27", "time": "halb drei", "service": "Schneiden", "customer_name": "Petra Muller"},
        booking_args(start="2026-11-27T13:30:00Z"),
    ):
        answer = await salon.booking.book_appointment(call(), repeated)
        assert answer.success, answer
        assert answer.fields["appointment_id"] == first.fields["appointment_id"]
        assert answer.message.startswith("Der Termin steht schon")
    assert len(await salon.live()) == 1
    assert set(salon.metrics.bookings[1:]) == {"already_booked"}


async def test_concurrent_repeats_of_a_booking_make_one_appointment(new_salon) -> None:
    calendar = ScriptedCalendar()
    salon = await new_salon(calendar)
    answers = await asyncio.gather(*(salon.book() for _ in range(5)))
    assert {a.fields["appointment_id"] for a in answers if a.success} == {str(r["id"]) for r in await salon.live()}
    assert all(a.success for a in answers)
    assert len(calendar.bookings) == 1


async def test_different_name_is_asked_about_before_booking_again(salon: Salon) -> None:
    first = await salon.book()
    asked = await salon.book(name="Karl Hoffmann")
    assert not asked.success
    assert "Karl Hoffmann" in asked.message
    assert asked.message.endswith("?")
    assert len(await salon.live()) == 1
    second = await salon.book(name="Karl Hoffmann", another=True)
    assert second.success
    assert second.fields["staff"] != first.fields["staff"]
    repeated = await salon.book(name="Karl Hoffmann", another="true")
    assert repeated.fields["appointment_id"] == second.fields["appointment_id"]
    assert len(await salon.live()) == 2
    await salon.assert_claims_match()


async def test_second_booking_at_another_time_asks_the_caller(salon: Salon) -> None:
    """A caller who corrects the time wants one appointment; `another` says that it is a second one."""
    first = await salon.book()
    later = booking_args(MORNING, name="Frau Müller")
    asked = await salon.booking.book_appointment(call(), later)
    assert (asked.success, asked.outcome) == (False, FunctionOutcome.ASKED_BACK)
    assert asked.fields["appointment_id"] == first.fields["appointment_id"]
    assert asked.fields["choices"] == ["further", "move"]
    assert "Soll das ein weiterer sein, oder soll ich diesen verschieben?" in asked.message
    assert [row["id"] for row in await salon.live()] == [UUID(first.fields["appointment_id"])]
    second = await salon.booking.book_appointment(call(), later | {"another": True})
    for repeated in (later, later | {"another": True}, later):
        answer = await salon.booking.book_appointment(call(), repeated)
        assert (answer.success, answer.fields["appointment_id"]) == (True, second.fields["appointment_id"])
    assert len(await salon.live()) == 2
    await salon.assert_claims_match()


async def test_second_time_for_another_person_is_booked_directly(salon: Salon) -> None:
    first = await salon.book()
    for_other = await salon.book(MORNING, name="Karl Hoffmann")
    assert for_other.success
    for each in (first, for_other):
        await salon.cancel(each.fields["appointment_id"])
    again = await salon.book(MORNING)
    assert again.success
    assert again.fields["appointment_id"] not in {first.fields["appointment_id"], for_other.fields["appointment_id"]}


async def test_simultaneous_bookings_for_one_person_make_one_appointment(salon: Salon) -> None:
    """Both look before either is written: only under the lock it is certain."""
    answers = await asyncio.gather(*(salon.book(start) for start in (HALF_PAST_TWO, MORNING)))
    assert sorted(answer.success for answer in answers) == [False, True]
    assert len(await salon.live()) == 1


async def test_repeated_booking_for_another_person_makes_no_duplicate(salon: Salon) -> None:
    """`another` may be set first, forgotten, or come with another spelling: one name keeps its one appointment."""
    first = await salon.book(another=True)
    again = await salon.book()
    assert again.fields["appointment_id"] == first.fields["appointment_id"]
    second = await salon.book(name="Karl Hoffmann", another=True)
    for repeated in (
        booking_args(name="Carl Hofmann", another=True),
        booking_args(name="Karl Hoffmann"),
        booking_args(name="Herr Hofmann"),
    ):
        answer = await salon.booking.book_appointment(call(), repeated)
        assert (answer.success, answer.fields["appointment_id"]) == (True, second.fields["appointment_id"])
    assert len(await salon.live()) == 2
    same_name = [await salon.book(MORNING, another=n == 2, by=call("c2")) for n in (1, 2)]
    assert [answer.outcome for answer in same_name] == [FunctionOutcome.BOOKED, FunctionOutcome.ALREADY_BOOKED]
    await salon.assert_claims_match()


async def test_repeated_booking_waits_for_the_first_ones_commit(salon: Salon) -> None:
    """The committed row is newer than the waiting statement's snapshot: only a read under the lock shows it."""
    first = await salon.book()
    await salon.pool.execute("UPDATE appointments SET status = 'failed'")  # as it was before the first one's commit
    await salon.pool.execute(
        "UPDATE call_actions SET state = 'in_flight', lease_until = clock_timestamp() + interval '15 s'"
    )
    async with salon.pool.acquire() as conn:
        async with conn.transaction():
            await conn.execute("UPDATE appointments SET status = 'confirmed'")
            await conn.execute("UPDATE call_actions SET state = 'done'")
            repeat = asyncio.create_task(salon.book())
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user AND wait_event_type = 'Lock'"
            await eventually(lambda: salon.pool.fetchval(waiting), SOON, "the second call to wait for the row's lock")
    answer = await repeat
    assert (answer.success, answer.fields["appointment_id"]) == (True, first.fields["appointment_id"])
    assert len(await salon.live()) == 1


async def test_booking_again_after_cancelling_raises_the_action_generation(salon: Salon) -> None:
    for _ in range(3):
        booked = await salon.book()
        assert booked.success
        await salon.cancel(booked.fields["appointment_id"])
    appointments = await salon.rows("SELECT generation FROM appointments ORDER BY created_at")
    assert [row["generation"] for row in appointments] == [1, 2, 3]


async def test_lock_timeout_is_said_and_next_request_works(salon: Salon) -> None:
    """`lock_timeout` is 5 s for a tenant's role; the caller hears a sentence, and the action can be claimed again."""
    async with second_process(salon, lock_timeout="100ms") as impatient:
        async with salon.pool.acquire() as conn, conn.transaction():
            await conn.execute("SELECT 1 FROM resources FOR UPDATE")
            answer = await impatient.book_appointment(call(), booking_args())
        assert not answer.success
        assert answer.message.startswith("Das dauert gerade länger als sonst.")
        assert answer.fields == {"alternatives": []}
        assert (await impatient.book_appointment(call(), booking_args())).success
    assert salon.metrics.bookings == ["busy", "confirmed"]


async def test_failed_booking_is_counted(salon: Salon) -> None:
    """A booking rate without our own failures would look healthy."""
    await salon.pool.close()
    with pytest.raises(asyncpg.InterfaceError):
        await salon.book()
    assert salon.metrics.bookings == ["failed"]


async def test_moved_appointment_does_not_occupy_its_old_time(salon: Salon) -> None:
    """A second appointment at that time is asked about first, as at any time."""
    first = await salon.book()
    await salon.pool.execute(
        "UPDATE appointments SET starts_at = starts_at - interval '4 h', ends_at = ends_at - interval '4 h', version = version + 1"
    )
    await salon.pool.execute(
        "UPDATE claims SET blocks = tstzrange(lower(blocks) - interval '4 h', upper(blocks) - interval '4 h')"
    )
    asked = await salon.book()
    assert (asked.success, asked.fields["appointment_id"]) == (False, first.fields["appointment_id"])
    assert "um 10 Uhr 30" in asked.message
    again = await salon.book(another=True)
    assert again.success
    assert again.fields["appointment_id"] != first.fields["appointment_id"]


async def test_next_years_time_is_said_with_its_year(salon: Salon) -> None:
    """It is November 2026: a caller would take the "26. November" for next week's."""
    far = tuple(msgspec.structs.replace(s, booking_horizon_days=500) for s in salon.configs[0].services)
    salon.apply_config(msgspec.structs.replace(salon.configs[0], services=far))
    start, spoken = "2027-11-26T14:30:00+01:00", "Freitag, den 26. November 2027, um 14 Uhr 30"
    offered = await salon.booking.check_availability(call(), {"start": start, "staff": "anna"})
    assert offered.fields["slots"][0]["spoken"] == f"{spoken} bei Anna"
    assert f"{spoken.replace('den', 'der')} bei Anna" in offered.message
    booked = await salon.book(start, staff="anna")
    assert booked.message.startswith(f"Der Termin ist eingetragen: {spoken}, Haarschnitt bei Anna.")
    found = await salon.booking.find_appointments(call())
    assert found.message == f"Sie haben einen Termin: {spoken}, Haarschnitt bei Anna."
    assert spoken in found.fields["appointments"][0]["spoken"]
    taken = await salon.book(start, staff="anna", by=call("call_2", "+4915199999999"))
    assert taken.message.startswith(f"{spoken} ist bei Anna leider nichts mehr frei.")
    moved = await salon.booking.reschedule_appointment(call(), {"start": start.replace("T14:30", "T16:00")})
    assert "26. November 2027, um 16 Uhr" in moved.message
    question = await salon.booking.ask_to_cancel(call(), {})
    assert "26. November 2027, um 16 Uhr" in question.message
    later = await salon.booking.check_availability(call(), {"start": "2028-11-24T14:30:00+01:00"})
    assert "den 24. November 2028" not in later.message, "only the last bookable day is said"
    assert "den 3. April 2028" in later.message


async def test_move_within_another_branch_names_that_branch(salon: Salon) -> None:
    """Somebody rings the Westend to have the appointment there: no function moves it, so the place must be heard before."""
    (mitte,) = salon.configs[-1].branches
    west = msgspec.structs.replace(mitte, name="west", display_name="Westend")
    salon.apply_config(msgspec.structs.replace(salon.configs[-1], branches=(mitte, west)))
    await salon.book(MORNING)
    asked = await salon.booking.reschedule_appointment(replace(call(), branch="west"), {})
    assert not asked.success
    assert f"in {mitte.display_name}, und bleibt dort. Auf welchen Tag" in asked.message
    at_home = await salon.booking.reschedule_appointment(call(), {})
    assert at_home.message.startswith("Auf welchen Tag")


async def test_booking_in_another_branch_offers_no_move(salon: Salon) -> None:
    """No function moves an appointment into another branch."""
    config = salon.configs[-1]
    west = msgspec.structs.replace(config.branches[0], name="west", display_name="Westend")
    staff = {"mitte": ("anna",), "west": ("anna",)}
    services = tuple(msgspec.structs.replace(each, branch=None, staff=staff) for each in config.services)
    salon.apply_config(msgspec.structs.replace(config, branches=(config.branches[0], west), services=services))
    first = await salon.book(MORNING)
    asked = await salon.book(HALF_PAST_TWO, by=replace(call(), branch="west"))
    assert (asked.success, asked.fields["appointment_id"]) == (False, first.fields["appointment_id"])
    assert config.branches[0].display_name in asked.message
    assert asked.message.endswith("absagen?")
