"""An offer names its service first unless the caller has said only that service, so that misunderstandings are heard."""

from dataclasses import replace

import msgspec
import pytest

from tests.worlds.booking_environment import Salon, call, join_waitlist

pytestmark = pytest.mark.nightly

ASKED = {"service": "Haarschnitt", "date": "2026-11-27", "time": "14:30"}
OFFER = "Frei ist Freitag, der 27. November, um 14 Uhr 30 bei Anna. Soll ich das eintragen?"


@pytest.fixture
async def salon(new_salon) -> Salon:
    """Return a salon with two services: Haarschnitt, also called Schneiden, and Färben."""
    salon = await new_salon()
    (cut,) = salon.configs[0].services
    cut = msgspec.structs.replace(cut, spoken_names=("Schneiden",))
    colour = msgspec.structs.replace(cut, name="farbe", display_name="Färben", spoken_names=("Farbe",))
    salon.apply_config(msgspec.structs.replace(salon.configs[0], services=(cut, colour)))
    return salon


def saying(said: str | None, call_id: str = "call_1"):
    return replace(call(call_id, None), said=said)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("Einmal Spitzen, bitte, am Freitag um halb drei.", f"Haarschnitt. {OFFER}"),
        ("Ich hätte gern einen Haarschnitt.", OFFER),
        ("Schneiden, bitte!", OFFER),
        ("Spitzen, bitte. Gern, Haarschnitt also. Wann möchten Sie kommen?", OFFER),  # the agent has said it
        ("Haarschnitt, bitte. Und geht das Färben gleich danach?", f"Haarschnitt. {OFFER}"),  # which of both?
        ("Ein Haarschnitt wegen der alten Farben.", f"Haarschnitt. {OFFER}"),  # the other one with another ending
        (None, OFFER),  # a request without a transcript
    ],
)
async def test_unspoken_service_is_said_before_its_times(salon: Salon, said: str | None, message: str) -> None:
    assert (await salon.booking.check_availability(saying(said), ASKED)).message == message


async def test_taken_time_names_the_service_of_alternatives(salon: Salon) -> None:
    await salon.book(staff="anna", by=saying("Haarschnitt", "a"))
    answer = await salon.book(staff="anna", by=saying("Einmal Spitzen.", "b"))
    assert answer.message.startswith("Haarschnitt. Freitag, den 27. November, um 14 Uhr 30 ist bei Anna leider")


async def test_waiting_caller_hears_the_service_of_free_times(salon: Salon) -> None:
    args = {
        "service": "Haarschnitt",
        "date": "2026-11-27",
        "time": "14:30",
        "customer_name": "Ute Kern",
        "phone": "01511 2345678",
    }
    answer = await join_waitlist(salon.booking, saying("Einmal Spitzen, auf die Warteliste."), args)
    assert answer.message.startswith(f"Haarschnitt. Da brauchen Sie keine Warteliste. {OFFER}")


async def test_only_service_of_a_branch_is_not_named(salon: Salon) -> None:
    config = salon.booking.config()
    cut, colour = config.services
    elsewhere = msgspec.structs.replace(colour, branch="pankow")
    salon.apply_config(msgspec.structs.replace(config, services=(cut, elsewhere)))
    assert (await salon.booking.check_availability(saying("Einmal Spitzen."), ASKED)).message == OFFER


async def test_move_offers_name_no_service(salon: Salon) -> None:
    booked = await salon.book(staff="anna")
    args = {"appointment_id": booked.fields["appointment_id"], "date": "2026-11-28", "time": "gegen elf"}
    moved = await salon.booking.reschedule_appointment(replace(call(), said="Ich komme lieber Samstag."), args)
    assert moved.fields["alternatives"]
    assert moved.message.startswith("Frei ist zum Beispiel Samstag")


async def test_question_without_a_slot_names_no_service(salon: Salon) -> None:
    """The question about another time is about no slot yet; the offer that follows names it."""
    answer = await salon.booking.check_availability(saying("Spitzen."), {"service": "Haarschnitt", "date": "32. Mai"})
    assert not answer.message.startswith("Haarschnitt")
