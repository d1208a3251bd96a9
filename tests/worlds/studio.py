"""A studio whose services share staff members."""

from datetime import time, timedelta
from fractions import Fraction
from math import lcm
from typing import Any

import msgspec

from askproai_core.tenant_config import Branch, Service, Staff, TenantConfig, Weekday
from askproai_core.tenant_config.branches import Hours
from tests.worlds.booking_environment import Salon
from tests.worlds.compiled_salon import salon_config

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
    """Return the config as the operator compiles it for these services; its units are the lcm of their capacities."""
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
    """Return the largest promised share of a staff member at any instant, buffers included."""
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
