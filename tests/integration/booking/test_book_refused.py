"""book_appointment: refusals by rules, other bookings and holds, and the choice of the staff member."""

from datetime import timedelta

import pytest

from askproai_runtime.book.context import BookingSettings
from tests.worlds.booking_environment import MORNING, Salon, booking_args, call


async def test_taken_time_offers_alternatives_without_holding_them(salon: Salon) -> None:
    """The closest times of the next 14 days are offered. Refusals are never stored: a repeated request is checked again."""
    for n in (1, 2):
        assert (await salon.book(by=call(f"c{n}", None))).success
    lost = await salon.book(by=call("c3"))
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
    assert (await salon.book(by=call("c3"))).success


@pytest.mark.parametrize(
    ("start", "obstacle", "reason"),
    [
        ("2026-11-27T08:00:00+01:00", "outside_hours", "Freitag, den 27. November, um 8 Uhr: Da ist nicht geöffnet."),
        ("2026-11-27T17:30:00+01:00", "outside_hours", "außerhalb"),
        ("2026-11-27T14:35:00+01:00", "off_grid", "beginnt bei uns kein Termin"),
        ("2026-12-24T10:00:00+01:00", "closed_day", "Donnerstag, den 24. Dezember: Da ist nicht geöffnet"),
        ("2026-12-25T10:00:00+01:00", "closed_day", "Erster Weihnachtstag"),
        ("2026-11-20T10:30:00+01:00", "too_soon", "kurzfristig"),
        ("2027-03-19T10:00:00+01:00", "too_far", "nur bis Donnerstag, den 18. Februar"),
    ],
)
async def test_forbidden_time_is_refused_with_the_reason(salon: Salon, start: str, obstacle: str, reason: str) -> None:
    answer = await salon.book(start)
    assert (answer.success, answer.fields["obstacle"]) == (False, obstacle)
    assert reason in answer.message
    assert await salon.live() == []


@pytest.mark.parametrize(
    ("args", "question"),
    [
        ({"customer_name": "X", "service": "Haarschnitt"}, "Uhrzeit"),
        (booking_args(name=""), "Namen"),
        (booking_args(name="!"), "Namen"),
        (booking_args("2026-08-20T15:00"), "vorbei"),
        (booking_args("2025-11-20T15:00"), "Meinen Sie Freitag, den 20. November"),
        (booking_args("31.02.2027 um 15 Uhr"), "gibt es nicht"),
        (booking_args("nach dem Urlaub"), "nicht verstanden"),
        ({"date": "2026-11-27", "customer_name": "X"}, "wie viel Uhr"),
        (booking_args() | {"service": "Zahnreinigung"}, "Haarschnitt"),
        (booking_args(staff="Berta"), "Anna oder Mehmet"),
        ({"start": None, "customer_name": ["x"], "service": {}}, "Uhrzeit"),
    ],
)
async def test_missing_or_unknown_booking_argument_is_asked_for(salon: Salon, args, question: str) -> None:
    answer = await salon.booking.book_appointment(call(), args)
    assert not answer.success
    assert question in answer.message
    assert await salon.rows("SELECT 1 FROM appointments") == []


async def test_only_the_requested_staff_member_is_booked(salon: Salon) -> None:
    assert (await salon.book(staff="mehmet", by=call("a"))).fields["staff"] == "mehmet"
    lost = await salon.book(name="Otto Kurz", staff="Mehmet", by=call("b"))
    assert not lost.success
    assert [(a["staff"], a["start"][11:16]) for a in lost.fields["alternatives"]] == [
        ("mehmet", "13:30"),
        ("mehmet", "15:30"),
        ("anna", "14:30"),  # the same time with somebody else
    ]


async def test_bookings_are_shared_equally_among_staff_members(salon: Salon) -> None:
    staff = []
    for n, hour in enumerate((13, 14, 15, 16)):
        answer = await salon.book(f"2026-11-27T{hour}:00:00+01:00", by=call(f"f{n}", None))
        staff.append(answer.fields["staff"])
    assert sorted(staff) == ["anna", "anna", "mehmet", "mehmet"]


async def test_own_hold_allows_booking_with_the_offered_staff(salon: Salon) -> None:
    offer = await salon.booking.check_availability(call(), {"date": "2026-11-27", "time": "10 Uhr"})
    assert [s["start"] for s in offer.fields["slots"]] == [MORNING]
    others = await salon.book(MORNING, by=call("call_2"))
    assert not others.success  # held for the first call
    own = await salon.booking.book_appointment(call(), {"start": MORNING, "customer_name": "Petra Müller"})
    assert own.success
    assert own.fields["staff"] == offer.fields["slots"][0]["staff"]
    assert await salon.rows("SELECT 1 FROM appointments WHERE status = 'held'") == []
    await salon.assert_claims_match()


async def test_refused_booking_does_not_end_the_calls_hold(salon: Salon) -> None:
    await salon.booking.check_availability(call(), {"date": "2026-11-27", "time": "10 Uhr"})
    assert not (await salon.book("2026-11-27T08:00:00+01:00")).success
    assert len(await salon.rows("SELECT 1 FROM appointments WHERE status = 'held'")) == 1


async def test_held_time_stays_bookable_despite_minimum_notice(salon: Salon) -> None:
    eleven = "2026-11-20T11:00:00+01:00"  # now + 60 minutes: exactly the notice
    offer = await salon.booking.check_availability(call(), {"date": "heute", "time": "11 Uhr"})
    assert offer.fields["slots"][0]["start"] == eleven
    salon.clock.advance(timedelta(seconds=40))
    assert (await salon.book(eleven)).success


async def test_an_expired_hold_blocks_no_offer(new_salon) -> None:
    salon = await new_salon(None, BookingSettings(hold=timedelta(seconds=-1)))
    asked = {"date": "2026-11-27", "time": "10 Uhr"}
    first = await salon.booking.check_availability(call(), asked)
    again = await salon.booking.check_availability(call("call_2"), asked)
    assert (first.success, again.message) == (True, first.message)


async def test_expired_hold_is_deleted_when_blocking_a_booking(new_salon) -> None:
    salon = await new_salon(None, BookingSettings(hold=timedelta(seconds=-1)))
    await salon.booking.check_availability(call(), {"date": "2026-11-27", "time": "10 Uhr"})
    assert len(await salon.rows("SELECT 1 FROM claims WHERE state = 'held'")) == 1
    assert (await salon.book(MORNING, by=call("call_2"))).success
    assert await salon.rows("SELECT 1 FROM appointments WHERE status = 'held'") == []
    await salon.assert_claims_match()
    lost = await salon.book(MORNING)
    assert not lost.success
