"""Services that share staff members: never more at once than their capacities allow, whoever books, moves and cancels together.

What is checked is counted from the appointments alone, by fractions of a staff member, without the claims and the constraint.
"""

import asyncio
import random
from datetime import time, timedelta
from fractions import Fraction
from math import lcm
from typing import Any

import msgspec
import pytest

from askproai_core.tenant_config import Branch, Hours, Service, Staff, TenantConfig, Weekday
from tests.worlds.booking_environment import Salon, call
from tests.worlds.caller_names import surname
from tests.worlds.compiled_salon import salon_config

DAY = "2026-11-27"
MAX_UNITS = 12


def service(name: str, capacity: int, **more: Any) -> Service:
    return Service(
        name=name, display_name=name.capitalize(), capacity=capacity, staff={"mitte": ("anna", "mehmet")}, **more
    )


CUT, YOGA, COURSE = (
    service("schnitt", 1, duration_minutes=45, buffer_after_minutes=10),
    service("yoga", 3, duration_minutes=60),
    service("kurs", 2, duration_minutes=90, slot_step_minutes=30),
)


def studio(salon: Salon, *services: Service) -> TenantConfig:
    """Return the config as the operator compiles it for these services: as many units as all capacities divide."""
    units = lcm(*(service.capacity for service in services))
    people = tuple(
        Staff(
            id=person, display_name=person.capitalize(), units=units,
            resource_ids=tuple(salon.store.resources["mitte", person, unit] for unit in range(1, MAX_UNITS + 1)),
        )
        for person in ("anna", "mehmet")
    )  # fmt: skip
    hours = Hours(days=tuple(Weekday), opens=time(8), closes=time(20))
    branch = Branch(name="mitte", display_name="Mitte", opening_hours=(hours,), staff=people)
    return msgspec.structs.replace(salon_config(), tenant=salon.store.tenant, branches=(branch,), services=services)


async def max_share_at_once(salon: Salon) -> Fraction:
    """Return the largest share of a staff member that is promised at any instant, buffers included."""
    capacities = {"schnitt": (1, 10), "yoga": (3, 0), "kurs": (2, 0)}
    steps: dict[tuple[str, Any], Fraction] = {}
    for row in await salon.live():
        capacity, after = capacities[row["service"]]
        for at, sign in ((row["starts_at"], 1), (row["ends_at"] + timedelta(minutes=after), -1)):
            key = (row["staff"], at)
            steps[key] = steps.get(key, Fraction(0)) + sign * Fraction(1, capacity)
    worst = Fraction(0)
    for person in ("anna", "mehmet"):
        level = Fraction(0)
        for (_, _at), step in sorted((key, step) for key, step in steps.items() if key[0] == person):
            level += step
            worst = max(worst, level)
    return worst


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
                args = {
                    "service": rng.choice(services).name,
                    "start": start,
                    "customer_name": f"Rosa {surname(number)}",
                }
                await salon.booking.book_appointment(context, args | {"another": True})


@pytest.fixture
async def shared(new_salon: Any) -> Salon:
    people = [("mitte", person, unit) for person in ("anna", "mehmet") for unit in range(1, MAX_UNITS + 1)]
    return await new_salon(people=people)


async def test_concurrent_callers_never_exceed_the_capacity_of_a_staff_member(shared: Salon) -> None:
    services = (CUT, YOGA, COURSE)
    shared.apply_config(studio(shared, *services))
    await asyncio.gather(*(caller(shared, number, services) for number in range(25)))
    assert len(await shared.live()) > 15, "a crowd that books nothing proves nothing"
    assert Fraction(1, 2) <= await max_share_at_once(shared) <= 1
    await shared.assert_no_double_booking()


async def test_as_many_as_the_capacity_are_booked_and_the_next_get_alternatives(shared: Salon) -> None:
    shared.apply_config(studio(shared, YOGA))
    args = {"service": "yoga", "start": f"{DAY}T10:00:00+01:00", "customer_name": "Rosa"}
    answers = await asyncio.gather(
        *(shared.booking.book_appointment(call(f"call_{n}", f"+4916{n:08}"), args) for n in range(9))
    )
    assert sum(answer.success for answer in answers) == 6, "three with Anna, three with Mehmet"
    for answer in answers:
        assert answer.success or (answer.fields["obstacle"], len(answer.fields["alternatives"])) == ("taken", 3)


async def test_a_changed_capacity_breaks_no_promise_and_allows_no_double_booking(shared: Salon) -> None:
    """One after the other with 1, 6, 2 and 3 units, with appointments from all of these side by side."""
    number = 100
    for services in [(CUT,), (CUT, YOGA, COURSE), (CUT, COURSE), (YOGA,)]:
        shared.apply_config(studio(shared, *services))
        await asyncio.gather(*(caller(shared, number + n, services) for n in range(4)))
        number += 10
        assert await max_share_at_once(shared) <= 1
    assert len({row["service"] for row in await shared.live()}) >= 2


async def test_an_exclusive_appointment_stays_exclusive_when_the_capacities_rise(shared: Salon) -> None:
    shared.apply_config(studio(shared, CUT))
    at_ten = {"start": f"{DAY}T10:00:00+01:00", "customer_name": "Rosa"}
    for number, person in enumerate(("anna", "mehmet")):
        booked = await shared.booking.book_appointment(
            call(f"call_{number}", f"+4917{number:08}"), at_ten | {"service": "schnitt", "staff": person}
        )
        assert booked.success
    shared.apply_config(studio(shared, YOGA))
    late = await shared.booking.book_appointment(call("call_9"), at_ten | {"service": "yoga"})
    assert (late.success, late.fields["obstacle"]) == (False, "taken")


async def test_a_shared_appointment_stays_shared_when_the_capacities_fall(shared: Salon) -> None:
    shared.apply_config(studio(shared, YOGA))
    at_ten = {"start": f"{DAY}T10:00:00+01:00", "customer_name": "Rosa"}
    first = await shared.booking.book_appointment(call("call_1"), at_ten | {"service": "yoga", "staff": "anna"})
    assert first.success
    shared.apply_config(studio(shared, CUT))
    late = await shared.booking.book_appointment(
        call("call_2"), at_ten | {"service": "schnitt", "staff": "anna", "customer_name": "Max"}
    )
    assert (late.success, late.fields["obstacle"]) == (False, "taken")
    moved = await shared.booking.reschedule_appointment(call("call_1"), {"start": f"{DAY}T12:00:00+01:00"})
    assert not moved.success, "the service is gone; the appointment stays where it is"
    assert [row["starts_at"].hour for row in await shared.live()] == [9]
