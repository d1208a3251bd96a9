"""Services that share staff members: never more at once than their capacities allow, whoever books, moves and cancels together.

The check counts the appointments alone, by fractions of a staff member, without the claims and the constraint.
"""

import asyncio
import random
from fractions import Fraction
from typing import Any

import pytest

from askproai_core.tenant_config import Service
from tests.worlds.booking_environment import Salon, call
from tests.worlds.caller_names import surname
from tests.worlds.studio import COURSE, CUT, MAX_UNITS, YOGA, max_share_at_once, studio

DAY = "2026-11-27"


async def caller(salon: Salon, number: int, services: tuple[Service, ...]) -> None:
    """Book, move and cancel at random, as a caller with a number of their own."""
    rng = random.Random(number)
    context = call(f"call_{number}", f"+4915{number:08}")
    for _ in range(6):
        minutes = rng.randrange(8 * 60, 20 * 60, 15)
        start = f"{DAY}T{minutes // 60:02}:{minutes % 60:02}:00+01:00"
        own = (await salon.booking.find_appointments(context)).fields.get("appointments") or []
        match rng.choice(["book", "book", "book", "move", "cancel"]):
            case "move" if own:
                args = {"appointment_id": rng.choice(own)["appointment_id"], "start": start}
                await salon.booking.reschedule_appointment(context, args)
            case "cancel" if own:
                await salon.booking.cancel_appointment(context, {"appointment_id": rng.choice(own)["appointment_id"]})
            case _:
                args = {"service": rng.choice(services).name, "customer_name": f"Rosa {surname(number)}"}
                await salon.booking.book_appointment(context, args | {"start": start, "another": True})


@pytest.fixture
async def shared(new_salon: Any) -> Salon:
    people = [("mitte", person, unit) for person in ("anna", "mehmet") for unit in range(1, MAX_UNITS + 1)]
    return await new_salon(people=people)


async def test_concurrent_callers_never_exceed_a_staff_members_capacity(shared: Salon) -> None:
    services = (CUT, YOGA, COURSE)
    shared.apply_config(studio(shared, *services))
    await asyncio.gather(*(caller(shared, number, services) for number in range(25)))
    assert len(await shared.live()) > 15, "a crowd that books nothing proves nothing"
    assert Fraction(1, 2) <= await max_share_at_once(shared) <= 1
    await shared.assert_no_double_booking()


async def test_bookings_beyond_the_capacity_get_alternatives(shared: Salon) -> None:
    shared.apply_config(studio(shared, YOGA))
    args = {"service": "yoga", "start": f"{DAY}T10:00:00+01:00", "customer_name": "Rosa"}
    answers = await asyncio.gather(
        *(shared.booking.book_appointment(call(f"call_{n}", f"+4916{n:08}"), args) for n in range(9))
    )
    assert sum(answer.success for answer in answers) == 6, "three with Anna, three with Mehmet"
    for answer in answers:
        assert answer.success or (answer.fields["obstacle"], len(answer.fields["alternatives"])) == ("taken", 3)


async def test_exclusive_appointment_stays_exclusive_when_capacity_rises(shared: Salon) -> None:
    shared.apply_config(studio(shared, CUT))
    at_ten = {"start": f"{DAY}T10:00:00+01:00", "customer_name": "Rosa"}
    for number, person in enumerate(("anna", "mehmet")):
        caller_of, cut = call(f"call_{number}", f"+4917{number:08}"), {"service": "schnitt", "staff": person}
        booked = await shared.booking.book_appointment(caller_of, at_ten | cut)
        assert booked.success
    shared.apply_config(studio(shared, YOGA))
    late = await shared.booking.book_appointment(call("call_9"), at_ten | {"service": "yoga"})
    assert (late.success, late.fields["obstacle"]) == (False, "taken")


async def test_shared_appointment_stays_shared_when_capacity_falls(shared: Salon) -> None:
    shared.apply_config(studio(shared, YOGA))
    at_ten = {"start": f"{DAY}T10:00:00+01:00", "customer_name": "Rosa"}
    first = await shared.booking.book_appointment(call("call_1"), at_ten | {"service": "yoga", "staff": "anna"})
    assert first.success
    shared.apply_config(studio(shared, CUT))
    cut = {"service": "schnitt", "staff": "anna", "customer_name": "Max"}
    late = await shared.booking.book_appointment(call("call_2"), at_ten | cut)
    assert (late.success, late.fields["obstacle"]) == (False, "taken")
    moved = await shared.booking.reschedule_appointment(call("call_1"), {"start": f"{DAY}T12:00:00+01:00"})
    assert not moved.success, "the service is gone; the appointment stays where it is"
    assert [row["starts_at"].hour for row in await shared.live()] == [9]
