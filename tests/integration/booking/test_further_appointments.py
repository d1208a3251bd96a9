"""A call books one appointment of a service per person, and a further one only if the model requests it."""

from dataclasses import replace

import msgspec
import pytest

from askproai_runtime.conversation.types import FunctionOutcome
from tests.worlds.booking_environment import HALF_PAST_TWO, MORNING, Salon, booking_args, call

HALF_PAST_THREE = "2026-11-27T15:30:00+01:00"
NOON = "2026-11-27T12:00:00+01:00"


async def test_booking_the_moved_appointment_again_changes_nothing(salon: Salon) -> None:
    """A model that does not trust the answer to a move books the new time, and says that it is another one."""
    first = await salon.book(MORNING)
    there = {"appointment_id": first.fields["appointment_id"], "start": HALF_PAST_TWO}
    assert (await salon.booking.reschedule_appointment(call(), there)).success
    again = await salon.book(HALF_PAST_TWO, another=True)
    assert (again.success, again.fields["appointment_id"]) == (True, first.fields["appointment_id"])
    assert len(await salon.live()) == 1


async def test_further_booking_lists_all_existing_appointments(salon: Salon) -> None:
    first = await salon.book(MORNING)
    second = await salon.book(HALF_PAST_TWO, another=True)
    asked = await salon.book(HALF_PAST_THREE)
    listed = [each["appointment_id"] for each in asked.fields["appointments"]]
    assert (asked.success, listed) == (False, [each.fields["appointment_id"] for each in (first, second)])


async def test_appointment_for_somebody_else_is_confirmed_by_name(salon: Salon) -> None:
    """Who books for the daughter, too, hears whose each is; who always books for the same person hears no name."""
    own = await salon.book(MORNING, customer_name="Rosa Rot")
    assert "für" not in own.message
    args = booking_args(HALF_PAST_TWO, customer_name="Mia Rot", another=True)
    for_mia = await salon.booking.book_appointment(call(), args)
    assert for_mia.message.endswith(" für Mia Rot."), for_mia.message
    later = replace(call(), call_id="call_later")
    again = await salon.book(HALF_PAST_THREE, customer_name="Mia Rot", by=later)
    booked, _, stays = again.message.partition(" Der andere Termin ")
    assert booked.endswith(" für Mia Rot."), "the number is known as Rosa Rot's"
    assert stays == "am Freitag, den 27. November, um 14 Uhr 30, bleibt bestehen."
    anonymous = replace(call(), call_id="call_anonymous", caller=None)
    hidden = await salon.book(NOON, customer_name="Mia Rot", by=anonymous)
    assert "für" not in hidden.message


async def test_booking_in_flight_is_not_called_booked(salon: Salon) -> None:
    first = await salon.book(MORNING)
    await salon.pool.execute(
        """UPDATE call_actions SET state = 'in_flight', lease_until = clock_timestamp() + interval '30 s'
           WHERE appointment_id IS NOT NULL"""
    )
    asked = await salon.book(HALF_PAST_TWO)
    assert (asked.success, asked.outcome) == (False, FunctionOutcome.IN_FLIGHT)
    assert [str(row["id"]) for row in await salon.live()] == [first.fields["appointment_id"]]


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
    services = tuple(
        msgspec.structs.replace(each, branch=None, staff={"mitte": ("anna",), "west": ("anna",)})
        for each in config.services
    )
    salon.apply_config(msgspec.structs.replace(config, branches=(config.branches[0], west), services=services))
    first = await salon.book(MORNING)
    asked = await salon.book(HALF_PAST_TWO, by=replace(call(), branch="west"))
    assert (asked.success, asked.fields["appointment_id"]) == (False, first.fields["appointment_id"])
    assert config.branches[0].display_name in asked.message
    assert asked.message.endswith("absagen?")


async def test_second_booking_mentions_the_remaining_appointment(salon: Salon) -> None:
    """A call of its own knows nothing of the first: who wanted to move it notices now, and not on the day."""
    await salon.book(MORNING)
    second = await salon.book(HALF_PAST_TWO, by=replace(call(), call_id="call_2"))
    assert second.success
    assert " Der andere Termin am Freitag, den 27. November, um 10 Uhr, bleibt bestehen." in second.message
    again = await salon.book(HALF_PAST_TWO, by=replace(call(), call_id="call_2"))
    assert again.message.endswith(" Der andere Termin am Freitag, den 27. November, um 10 Uhr, bleibt bestehen."), (
        "the first answer may have come too late"
    )
    third = await salon.book(HALF_PAST_THREE, by=replace(call(), call_id="call_3"))
    assert " 2 andere Termine bleiben bestehen." in third.message


async def test_booking_mentions_only_same_persons_other_appointment(salon: Salon) -> None:
    first = await salon.book(MORNING)
    later = replace(call(), call_id="call_2")
    for_mia = await salon.book(HALF_PAST_TWO, customer_name="Mia Rot", by=later)
    assert "bleib" not in for_mia.message, "another person of the same number"
    anonymous = replace(call(), call_id="call_3", caller=None)
    hidden = await salon.book(NOON, by=anonymous)
    assert "bleib" not in hidden.message, "nobody knows whose call it is"
    await salon.pool.execute(
        "UPDATE appointments SET status = 'pending_sync' WHERE id = $1::uuid", first.fields["appointment_id"]
    )
    pending = await salon.book(HALF_PAST_THREE, by=replace(call(), call_id="call_4"))
    assert pending.success
    assert "bleib" not in pending.message, "the calendar may still refuse it"


async def test_another_name_with_same_stylist_is_asked_about(salon: Salon) -> None:
    first = booking_args(HALF_PAST_TWO, customer_name="Yvonne Kranz", staff="anna")
    assert (await salon.booking.book_appointment(call(), first)).success
    for staff in ({"staff": "anna"}, {}):
        asked = await salon.book(HALF_PAST_TWO, customer_name="Sven Berg", **staff)
        assert "Soll ich den Namen" in asked.message, asked.message
    assert len(await salon.live()) == 1


@pytest.mark.parametrize(
    ("booked", "said"),
    [
        ("Petra Lange", "Petra Lenz"),
        ("Petra Lange", "Petra Meier"),
        ("Petra Lange", "Petra Klange"),
        ("Petra Lange", "Peter Lange"),
        ("Lange", "Klange"),
        ("Herr Schmidt", "Schmitz"),
        ("Schmidt", "Jan Schmitz"),
        ("Petra", "Frau Lange"),
    ],
)
async def test_similar_name_with_another_stylist_is_asked_about(salon: Salon, booked: str, said: str) -> None:
    first = booking_args(HALF_PAST_TWO, customer_name=booked, staff="anna")
    second = booking_args(HALF_PAST_TWO, customer_name=said, staff="mehmet")
    assert (await salon.booking.book_appointment(call(), first)).success
    asked = await salon.booking.book_appointment(call(), second)
    assert "Soll ich den Namen" in asked.message, asked.message
    for _ in range(2):
        assert (await salon.booking.book_appointment(call(), second | {"another": True})).success
    assert [row["customer_name"] for row in await salon.live()] == [booked, said]


@pytest.mark.parametrize(
    ("booked", "said"),
    [("Petra Lange", "Otto Lange"), ("Kränz", "Ohlendorf"), ("Ute", "Sven"), ("Yvonne Kranz", "Sven Berg")],
)
async def test_another_person_with_another_stylist_is_booked(salon: Salon, booked: str, said: str) -> None:
    """Two people at one time, booked one by one: asked about a corrected name, callers and models went in circles."""
    for name, staff in ((booked, "anna"), (said, "mehmet"), (said, "mehmet")):
        args = booking_args(HALF_PAST_TWO, customer_name=name, staff=staff)
        assert (await salon.booking.book_appointment(call(), args)).success
