"""Several services in one visit: offered, booked, moved and cancelled as a whole, with one staff member, or not at all."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from askproai_runtime.book.context import BookingSettings
from askproai_runtime.book.outcomes import Booked
from askproai_runtime.conversation.types import FunctionOutcome
from askproai_runtime.desk.booking import Place
from tests.worlds.booking_environment import Salon, call
from tests.worlds.calcom_environment import CalcomEnvironment
from tests.worlds.desk_bookings import book as book_at_desk
from tests.worlds.segmented_services import COLOUR, FRIDAY, at, booked_claims, join, with_services
from tests.worlds.visits import CUT, DRY, WASH, book
from tests.worlds.waitlist_environment import FIRST, offered
from tests.worlds.waitlist_environment import run as run_waitlist

pytestmark = pytest.mark.nightly


@pytest.fixture
async def salon(new_salon: Any) -> Salon:
    salon = await new_salon(settings=BookingSettings(look_ahead=timedelta(days=3)))
    salon.apply_config(with_services(salon.configs[-1], WASH, CUT, DRY, COLOUR))
    return salon


async def test_visit_is_one_appointment_with_all_services(salon: Salon) -> None:
    said = {"service": "Waschen, Schneiden und Föhnen", "date": str(FRIDAY), "time": "10 Uhr"}
    asked = await salon.booking.check_availability(call("call_1", f"+4915{1:08}"), said)
    assert "um 10 Uhr bei Anna. Waschen, Schneiden und Föhnen dauern zusammen eine Stunde" in asked.message
    slot = asked.fields["slots"][0]
    assert (slot["start"], slot["end"]) == (at("10:00"), at("11:05"))
    answer = await book(salon, "Waschen, Schneiden und Föhnen", "10:00")
    assert answer.message.startswith(
        "Der Termin ist eingetragen: Freitag, den 27. November, um 10 Uhr, Waschen, Schneiden und Föhnen bei Anna."
    )
    length = "Er dauert insgesamt eine Stunde und 5 Minuten, bis 11 Uhr 5."
    assert f"Er ist auf den Namen Rosa Bmann. {length}" in answer.message
    (row,) = await salon.live()
    assert (row["service"], row["staff"]) == ("waschen+schneiden+foehnen", "anna")
    assert await booked_claims(salon) == [("10:00", "11:15")]
    found = await salon.booking.find_appointments(call("call_2", f"+4915{1:08}"))
    assert "um 10 Uhr, Waschen, Schneiden und Föhnen bei Anna" in found.message
    await salon.assert_claims_match()


async def test_visit_is_moved_and_cancelled_whole(salon: Salon) -> None:
    answer = await book(salon, "Schneiden, Farbe", "10:00")
    assert await booked_claims(salon) == [("10:00", "11:00"), ("11:30", "12:25")], "the customer waits while it works"
    context, args = call("call_1", f"+4915{1:08}"), {"appointment_id": answer.fields["appointment_id"]}
    assert (await book(salon, "Waschen", "13:30", 2)).success
    refused = await salon.booking.reschedule_appointment(context, args | {"start": at("13:00")})
    assert (refused.success, refused.fields["obstacle"]) == (False, "taken")
    assert (await booked_claims(salon))[:2] == [("10:00", "11:00"), ("11:30", "12:25")], "nothing of it was moved"
    moved = await salon.booking.reschedule_appointment(context, args | {"start": at("14:00")})
    assert "verschoben: Freitag, den 27. November, um 14 Uhr, Schneiden und Farbe bei Anna" in moved.message
    assert (await booked_claims(salon))[1:] == [("14:00", "15:00"), ("15:30", "16:25")]
    assert (await salon.booking.cancel_appointment(context, args)).success
    assert await booked_claims(salon) == [("13:30", "13:45")]


async def test_person_doing_part_of_a_visit_is_excluded(salon: Salon) -> None:
    assert (await book(salon, "Schneiden", "14:30", staff="mehmet")).success
    asked = {"service": "Waschen und Schneiden", "date": str(FRIDAY), "staff": "Mehmet"}
    answer = await salon.booking.check_availability(call("call_2"), asked)
    assert answer.message == "Bei Mehmet gibt es das nicht. Waschen und Schneiden gibt es bei Anna."
    tint = msgspec.structs.replace(DRY, name="tönen", display_name="Tönen", staff={"mitte": ("mehmet",)})
    salon.apply_config(with_services(salon.configs[-1], WASH, CUT, tint))
    nobody = await book(salon, "Waschen, Tönen", "10:00", 3)
    assert nobody.message.startswith("Waschen und Tönen kann ich nicht als einen Termin eintragen, nur jede Leistung")
    assert (nobody.success, nobody.fields["services"]) == (False, ["waschen", "tönen"])
    assert nobody.outcome == FunctionOutcome.ASKED_BACK, "nothing failed that somebody has to look at"


@pytest.mark.parametrize(
    ("services", "sentence"),
    [
        ("Waschen und Nagelpflege", "Unter Nagelpflege finde ich nichts."),
        ("Schneiden, Schneiden", "Dieselbe Leistung für mehrere Personen trage ich als einzelne Termine ein."),
    ],
)
async def test_partly_understood_visit_books_nothing(salon: Salon, services: str, sentence: str) -> None:
    answer = await book(salon, services, "10:00")
    assert (answer.success, answer.message.startswith(sentence)) == (False, True), answer
    assert await salon.live() == []


async def test_visit_with_reordered_services_is_booked_once(salon: Salon) -> None:
    first = await book(salon, "Waschen, Schneiden", "10:00")
    again = await book(salon, "Schneiden und Waschen", "10:00")
    assert first.fields["appointment_id"] == again.fields["appointment_id"]
    assert again.message.startswith("Der Termin steht schon")
    assert len(await salon.live()) == 1


async def test_additional_service_at_same_time_is_asked_about(salon: Salon) -> None:
    """ "Und föhnen bitte auch noch": another staff member would be free beside the first."""
    both = msgspec.structs.replace(DRY, staff=CUT.staff)
    salon.apply_config(with_services(salon.configs[-1], CUT, both))
    first = await book(salon, "Schneiden", "14:30")
    more = await book(salon, "Schneiden, Föhnen", "14:30")
    assert (more.success, more.fields["appointment_id"]) == (False, first.fields["appointment_id"])
    assert "soll ich diesen absagen und stattdessen Schneiden und Föhnen eintragen" in more.message
    assert len(await salon.live()) == 1
    other = await book(salon, "Schneiden, Föhnen", "14:30", another=True, customer_name="Mia Weiß")
    assert other.success, "it is for somebody else"


async def test_offered_staff_stays_for_reordered_services(salon: Salon) -> None:
    both = [msgspec.structs.replace(each, staff=CUT.staff) for each in (WASH, CUT)]
    salon.apply_config(with_services(salon.configs[-1], *both))
    said = {"service": "Waschen, Schneiden", "date": str(FRIDAY), "time": "14:30"}
    asked = await salon.booking.check_availability(call("call_1", f"+4915{1:08}"), said)
    offered = asked.fields["slots"][0]["staff"]
    assert (await book(salon, "Waschen", "17:00", 2, staff=offered)).success, "now the other one has least that day"
    assert (await book(salon, "Schneiden, Waschen", "14:30")).fields["staff"] == offered


async def test_offered_visit_is_booked_despite_similar_service_name(salon: Salon) -> None:
    both = msgspec.structs.replace(DRY, name="waschen-foehnen", display_name="Kurprogramm", duration_minutes=90)
    context = call("call_1", f"+4915{1:08}")
    said = {"service": "Waschen, Föhnen", "date": str(FRIDAY), "time": "10 Uhr"}
    assert (await salon.booking.check_availability(context, said)).success
    salon.apply_config(with_services(salon.configs[-1], WASH, CUT, DRY, both))
    assert (await salon.booking.book_appointment(context, {"start": at("10:00"), "customer_name": "Petra"})).success
    assert (await book(salon, "waschen+foehnen", "12:00", 2)).success
    assert [row["service"] for row in await salon.live()] == ["waschen+foehnen", "waschen+foehnen"]
    again = await book(salon, "waschen+waschen", "14:00", 3)
    assert (again.success, again.message.startswith("Dieselbe Leistung")) == (False, True)


async def test_desk_books_a_visit_by_service_names(salon: Salon) -> None:
    booked = await book_at_desk(salon, at("10:00"), Place("mitte", "waschen+Haarschnitt"))
    assert isinstance(booked, Booked), booked
    assert [row["service"] for row in await salon.live()] == ["waschen+schneiden"]
    slots = await salon.booking.list_free_slots("mitte", "waschen+schneiden", FRIDAY)
    assert {slot.staff for slot in slots.slots} == {"anna"}


async def test_freed_visit_is_offered_to_its_waiting_caller(salon: Salon) -> None:
    await join(salon, FIRST, service="Schneiden und Farbe", time="10 Uhr")
    first = await book(salon, "Schneiden, Farbe", "10:00")
    await salon.cancel(first.fields["appointment_id"])
    await run_waitlist(salon)
    assert await offered(salon) == [(FIRST, "open")]
    assert (await book(salon, "Föhnen", "11:00", 2)).success
    await run_waitlist(salon)
    assert await offered(salon) == [(FIRST, "open")], "who is dried while the colour works takes nothing of it"
    assert (await book(salon, "Waschen", "10:30", 3)).success
    await run_waitlist(salon)
    assert (await offered(salon))[0] == (FIRST, "taken")


async def test_visit_in_any_order_is_one_waitlist_entry(salon: Salon) -> None:
    await join(salon, FIRST, service="Waschen, Schneiden", time="10 Uhr")
    await join(salon, FIRST, service="Schneiden und Waschen", time="10 Uhr")
    assert [row["service"] for row in await salon.rows("SELECT service FROM waitlist")] == ["waschen+schneiden"]


async def test_booked_visit_ends_waiting_for_its_service(salon: Salon) -> None:
    await join(salon, FIRST, service="Schneiden")
    args = {"service": "Waschen, Schneiden", "start": at("10:00"), "customer_name": "Wanda"}
    assert (await salon.booking.book_appointment(call("call_7", FIRST), args)).success
    await run_waitlist(salon)
    assert [row["state"] for row in await salon.rows("SELECT state FROM waitlist")] == ["booked"]


async def test_services_at_calcom_are_booked_one_by_one(env: CalcomEnvironment) -> None:
    salon = env.salon
    linked = salon.configs[-1].services[0]
    salon.apply_config(with_services(salon.configs[-1], linked, WASH, DRY))
    answer = await book(salon, f"{linked.display_name}, Waschen", "10:00")
    assert (answer.success, "nur jede Leistung einzeln" in answer.message) == (False, True)
    assert await salon.live() == []
    assert env.bookings == []
    assert (await book(salon, "Waschen, Föhnen", "10:00", 2)).success, "both are of the own book"
    assert env.bookings == []


async def test_pod_with_an_older_config_respects_visits(salon: Salon) -> None:
    visit = await book(salon, "Waschen, Schneiden", "10:00")
    before = replace(salon.booking, config=lambda: with_services(salon.configs[-1], DRY))
    assert not (await book(salon, "Föhnen", "10:30", 2, by=before)).success
    context, args = call("call_1", f"+4915{1:08}"), {"appointment_id": visit.fields["appointment_id"]}
    assert not (await before.reschedule_appointment(context, args | {"start": at("14:00")})).success
    assert await booked_claims(salon) == [("10:00", "10:55")]
    assert (await before.cancel_appointment(context, args)).success
    assert await booked_claims(salon) == []
