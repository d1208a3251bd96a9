"""check_availability against a real PostgreSQL: the offered times, and the hold."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
import pytest

from askproai_runtime.book.appointments import NamedSlot
from askproai_runtime.book.context import BookingSettings
from askproai_runtime.book.store.appointments import release_holds
from tests.worlds.booking_environment import NOW, Salon, call, second_process

SATURDAY_EVENING = datetime(2026, 11, 21, 17, 40, tzinfo=UTC)


def times(answer) -> list[str]:
    return [slot["start"][:16] for slot in answer.fields["slots"]]


async def held(salon) -> list[tuple[str, str]]:
    rows = await salon.rows(
        """SELECT a.call_id, a.starts_at FROM appointments a JOIN claims c ON c.appointment_id = a.id
           WHERE a.status = 'held' AND c.state = 'held' AND c.expires_at > clock_timestamp() ORDER BY 2, 1"""
    )
    return [(row["call_id"], f"{row['starts_at']:%Y-%m-%d %H:%M}") for row in rows]


async def test_day_offers_three_starts_and_holds_the_first(salon: Salon) -> None:
    answer = await salon.booking.check_availability(call(), {"service": "haarschnitt", "date": "2026-11-27"})
    assert answer.success
    assert times(answer) == ["2026-11-27T09:00", "2026-11-27T13:00", "2026-11-27T17:00"]
    assert answer.fields["slots"][0] == {
        "start": "2026-11-27T09:00:00+01:00",
        "end": "2026-11-27T09:45:00+01:00",
        "staff": "anna",
        "service": "haarschnitt",
        "branch": "mitte",
        "spoken": "Freitag, den 27. November, um 9 Uhr bei Anna",
    }
    assert await held(salon) == [("call_1", "2026-11-27 08:00")]
    (expiry,) = await salon.rows("SELECT expires_at - clock_timestamp() AS left FROM claims")
    assert timedelta(seconds=80) < expiry["left"] <= timedelta(seconds=90)


async def test_missing_day_is_asked_for_once(salon: Salon) -> None:
    asks = "Oder an welchem anderen Tag möchten Sie kommen?"
    answer = await salon.booking.check_availability(call(), {})
    assert answer.message.endswith(asks)
    first = answer.fields["slots"][0]
    start = datetime.fromisoformat(first["start"]).astimezone(UTC)
    named = ((NamedSlot("mitte", "haarschnitt", first["staff"], start),),)
    again = await salon.booking.check_availability(replace(call(), offered=named), {})
    assert again.success
    assert asks not in again.message


async def test_next_offer_replaces_the_previous_hold(salon: Salon) -> None:
    await salon.booking.check_availability(call(), {"date": "2026-11-27"})
    await salon.booking.check_availability(call(), {"date": "2026-11-28"})
    assert await held(salon) == [("call_1", "2026-11-28 08:00")]


async def test_time_held_for_another_call_is_not_offered(salon: Salon) -> None:
    await salon.booking.check_availability(call("a", None), {"date": "2026-11-28"})
    answer = await salon.booking.check_availability(call("b", None), {"date": "2026-11-28"})
    assert times(answer)[0] == "2026-11-28T10:00"  # 9:00 to 9:55 is held
    async with salon.pool.acquire() as conn:
        await release_holds(conn, salon.store.tenant, ["a"])
        await release_holds(conn, salon.store.tenant, ["a"])
    answer = await salon.booking.check_availability(call("c", None), {"date": "2026-11-28"})
    assert times(answer)[0] == "2026-11-28T09:00"


async def test_holds_are_limited_per_caller_and_staff_day(new_salon) -> None:
    salon = await new_salon(None, BookingSettings(holds_per_caller=2, holds_per_staff_and_day=3))
    for n in range(4):
        answer = await salon.booking.check_availability(call(f"same{n}"), {"date": "2026-11-28"})
        assert answer.success  # offered, but not held
    assert len(await held(salon)) == 2
    for n in range(4):
        await salon.booking.check_availability(call(f"other{n}", None), {"date": "2026-11-28"})
    assert len(await held(salon)) == 3


async def test_simultaneous_requests_of_a_call_hold_one_time(salon: Salon) -> None:
    """A model may ask twice at once: both requests are answered, and the call holds one time."""
    for day in ("2026-11-26", "2026-11-27", "2026-12-03"):
        requests = [{"date": day, "time": "15 Uhr", "staff": staff} for staff in ("anna", "mehmet", "anna", "mehmet")]
        answers = await asyncio.gather(*(salon.booking.check_availability(call(), args) for args in requests))
        assert all(answer.success for answer in answers)
        assert len(await held(salon)) == 1


async def test_offers_are_stored_only_with_a_hold(salon: Salon) -> None:
    for day in ("2026-11-27", "2026-12-04"):
        answer = await salon.booking.check_availability(call(), {"date": day})
        (row,) = await salon.rows("SELECT starts_at, offers IS NULL AS none FROM appointments")
        assert (row["starts_at"], row["none"]) == (datetime.fromisoformat(times(answer)[0] + "+01:00"), False)
    with pytest.raises(asyncpg.CheckViolationError):
        await salon.pool.execute("UPDATE appointments SET status = 'confirmed'")


async def test_locked_rows_allow_offers_without_a_hold(salon: Salon) -> None:
    async with (
        second_process(salon, lock_timeout="100ms") as impatient,
        salon.pool.acquire() as conn,
        conn.transaction(),
    ):
        await conn.execute("SELECT 1 FROM resources FOR UPDATE")
        answer = await impatient.check_availability(call(), {"date": "2026-11-27"})
    assert times(answer) == ["2026-11-27T09:00", "2026-11-27T13:00", "2026-11-27T17:00"]
    assert await held(salon) == []


async def test_taken_exact_time_offers_the_nearest_times(salon: Salon) -> None:
    await salon.book(staff="anna", by=call("a", None))
    answer = await salon.booking.check_availability(call(), {"date": "2026-11-27", "time": "14:30", "staff": "Anna"})
    assert not answer.success
    assert answer.fields["obstacle"] == "taken"
    slots = [(slot["start"][:16], slot["staff"]) for slot in answer.fields["slots"]]
    assert slots == [
        ("2026-11-27T13:30", "anna"),  # the closest slot of the requested person is held
        ("2026-11-27T15:30", "anna"),
        ("2026-11-27T14:30", "mehmet"),  # the same time with somebody else
    ]
    assert answer.message.startswith(
        "Freitag, den 27. November, um 14 Uhr 30 ist bei Anna leider nichts mehr frei. Frei ist zum Beispiel Freitag"
    )
    assert await held(salon) == [("call_1", "2026-11-27 12:30")]


async def test_time_outside_hours_offers_times_of_two_days(salon: Salon) -> None:
    answer = await salon.booking.check_availability(call(), {"date": "2026-11-27", "time": "20 Uhr"})
    assert answer.fields["obstacle"] == "outside_hours"
    assert times(answer) == ["2026-11-27T16:00", "2026-11-27T17:00", "2026-11-28T13:00"]
    said = answer.message.partition("Frei ist ")[2]
    places = [said.index(time) for time in ("um 16 Uhr", "um 17 Uhr", "der 28. November, um 13 Uhr")]
    assert places == sorted(places), "a listener hears them by start; the closest is held all the same"


async def test_next_times_are_offered_on_two_days(salon: Salon) -> None:
    answer = await salon.booking.check_availability(call(), {})
    assert times(answer) == ["2026-11-20T11:00", "2026-11-20T13:00", "2026-11-21T11:00"]


async def test_persons_day_off_is_not_called_closed(salon: Salon) -> None:
    """Mehmet works on Thursdays and Fridays only; on a Tuesday the salon is open."""
    answer = await salon.booking.check_availability(call(), {"date": "2026-11-24", "staff": "Mehmet"})
    assert answer.fields["obstacle"] == "day_off"
    assert "nicht geöffnet" not in answer.message
    assert await held(salon) == [("call_1", "2026-11-26 11:00")], "his next time is held, and said before hers"
    assert answer.message.startswith("Dienstag, den 24. November: Da arbeitet Mehmet nicht. Frei ist zum Beispiel ")
    assert ("2026-11-24", "anna") in {(slot["start"][:10], slot["staff"]) for slot in answer.fields["slots"]}


async def test_move_to_a_day_off_names_the_reason(salon: Salon) -> None:
    await salon.book(staff="mehmet")
    answer = await salon.booking.reschedule_appointment(call(), {"start": "2026-11-24T15:00:00+01:00"})
    assert answer.message.startswith("Dienstag, den 24. November: Da arbeitet Mehmet nicht. Frei ist ")
    assert answer.fields["obstacle"] == "day_off"
    assert answer.cause == "the person does not work on that day"  # for the record of the function


async def test_ambiguous_day_is_asked_about_without_offers(salon: Salon) -> None:
    answer = await salon.booking.check_availability(call(), {"date": "Freitag"})
    assert answer.message == "Meinen Sie Freitag, den 20. November oder Freitag, den 27. November?"
    assert (answer.success, answer.fields["slots"], answer.outcome) == (False, [], "asked_back")
    assert await held(salon) == []


@pytest.mark.parametrize(
    ("args", "first"),
    [
        ({"time": "zehn"}, "2026-11-24T10:00"),  # Sunday and Monday are closed
        ({"part_of_day": "Vormittag"}, "2026-11-24T09:00"),
        ({"start": "um zehn"}, "2026-11-24T10:00"),
        ({"time": "15 Uhr", "staff": "Mehmet"}, "2026-11-26T15:00"),  # he works on Thursdays and Fridays
    ],
)
async def test_time_without_day_means_next_open_day(salon: Salon, args, first) -> None:
    salon.clock.advance(SATURDAY_EVENING - NOW)
    evening = replace(call(), started_at=SATURDAY_EVENING)
    answer = await salon.booking.check_availability(evening, args)
    assert (times(answer)[0], answer.outcome) == (first, "offered")
    assert f"der {int(first[8:10])}. November" in answer.message
    assert "nicht geöffnet" not in answer.message


async def test_future_time_without_a_day_means_today(salon: Salon) -> None:
    answer = await salon.booking.check_availability(call(), {"time": "15 Uhr"})
    assert times(answer) == ["2026-11-20T15:00"]


@pytest.mark.parametrize("said", ["8 Uhr", "15 Uhr"], ids=["tomorrow, as it is over today", "still to come today"])
async def test_booking_without_a_day_is_asked_about(salon: Salon, said: str) -> None:
    asked = await salon.booking.book_appointment(call(), {"time": said, "customer_name": "Petra Müller"})
    assert asked.message.startswith("Meinen Sie ")
    assert await salon.rows("SELECT FROM appointments") == []


async def test_unnamed_later_day_is_booked_only_if_offered(salon: Salon) -> None:
    salon.clock.advance(SATURDAY_EVENING - NOW)
    evening = replace(call(), started_at=SATURDAY_EVENING)
    args = {"time": "zehn", "customer_name": "Petra Müller"}
    asked = await salon.booking.book_appointment(evening, args)
    assert asked.message == "Meinen Sie Dienstag, den 24. November, um 10 Uhr?"
    await salon.booking.check_availability(evening, {"time": "zehn"})
    booked = await salon.booking.book_appointment(evening, args)
    assert booked.fields["start"] == "2026-11-24T10:00:00+01:00"
    again = await salon.booking.book_appointment(evening, args)
    assert again.fields["appointment_id"] == booked.fields["appointment_id"], again
    assert again.message.startswith("Der Termin steht schon")


async def test_question_for_a_time_names_next_free_times(salon: Salon) -> None:
    answer = await salon.booking.check_availability(call(), {"date": "wenn Oma kommt"})
    assert (answer.success, answer.fields["refused"]) == (False, "not_understood")
    assert answer.message == (
        "Das habe ich nicht verstanden. An welchem Tag und um wie viel Uhr möchten Sie kommen? Frei ist zum Beispiel"
        " Freitag, der 20. November, um 11 Uhr oder um 13 Uhr bei Anna"
        " oder Samstag, der 21. November, um 11 Uhr bei Anna."
    )
    assert len(answer.fields["slots"]) == 3
    assert await held(salon) == []
    but = await salon.booking.check_availability(call(), {"date": "wenn Oma kommt, aber nicht am Freitag"})
    assert (but.fields["refused"], "Freitag" in but.message, len(but.fields["slots"])) == ("not_understood", False, 3)
    past = await salon.booking.check_availability(call(), {"date": "2026-11-01"})
    assert "Frei ist" not in past.message


async def test_unclear_time_is_asked_without_the_database(salon: Salon) -> None:
    await salon.pool.close()  # from now on it refuses every connection
    answer = await salon.booking.check_availability(call(), {"date": "wenn Oma kommt"})
    assert answer.message == "Das habe ich nicht verstanden. An welchem Tag und um wie viel Uhr möchten Sie kommen?"


async def test_request_beyond_horizon_without_free_times_promises_nothing(salon: Salon) -> None:
    config = salon.configs[-1]
    closed = msgspec.structs.replace(config.branches[0], opening_hours=())
    salon.apply_config(msgspec.structs.replace(config, branches=(closed,)))
    answer = await salon.booking.check_availability(call(), {"date": "im Sommer"})
    assert (answer.success, answer.fields["slots"], answer.fields["obstacle"]) == (False, [], "too_far")
    assert "ist leider nichts frei." in answer.message
    assert "?" not in answer.message


async def test_caller_without_preference_is_offered_one_time(salon: Salon) -> None:
    indifferent = replace(call(), leaves_choice=True)
    answer = await salon.booking.check_availability(indifferent, {"date": "2026-11-27"})
    assert answer.message == "Frei ist Freitag, der 27. November, um 9 Uhr bei Anna. Soll ich das eintragen?"


async def test_only_service_of_a_branch_is_not_named(salon: Salon) -> None:
    config = salon.configs[-1]
    elsewhere = msgspec.structs.replace(config.services[0], name="farbe", display_name="Färben", branch="pankow")
    salon.apply_config(msgspec.structs.replace(config, services=(*config.services, elsewhere)))
    answer = await salon.booking.check_availability(replace(call(), said="Einmal Spitzen."), {"date": "2026-11-27"})
    assert answer.message.startswith("Frei ist ")
