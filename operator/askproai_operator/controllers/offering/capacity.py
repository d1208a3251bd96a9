"""How many parts a person has, so that services with different capacities share the person rightly. Pure.

A person has as many parts as the least common multiple of the capacities of what they do in a branch: an appointment of a
service with capacity c takes 1/c of the person, and the exclusion constraint on the parts' rows keeps the sum at one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import lcm
from typing import Any

from askproai_operator.api import Branch, ServiceOffering
from askproai_operator.api.conditions import ConditionType, Reason, Status
from askproai_operator.controllers.offering.decide import staff_by_branch

MOST_UNITS = 12  # rows that a booking locks for one person


@dataclass(frozen=True, slots=True)
class Units:
    """`of_person` by branch and person; `at_once` by offering: its capacity, or less where the parts would be too many."""

    of_person: Mapping[tuple[str, str], int]
    at_once: Mapping[str, int]


def misjudged(offerings: Iterable[ServiceOffering], units: Units) -> list[ServiceOffering]:
    """Give the offerings whose status is out of date: what they can do at once hangs on their neighbours, too."""
    found = []
    for one in offerings:
        said: dict[str, Any] = next(
            (c for c in one.status.get("conditions") or () if c["type"] == ConditionType.STAFF_MATCHED), {}
        )
        fits = units.at_once[one.metadata.name] == one.spec.capacity
        if said.get("reason") == Reason.CAPACITY_UNSUPPORTED if fits else said.get("status") == Status.TRUE:
            found.append(one)
    return found


def plan_units(branches: Iterable[Branch], offerings: Iterable[ServiceOffering]) -> Units:
    """Give everybody's parts. Older offerings come first: a new one never changes what the others promise."""
    branches = list(branches)
    of_person = {(branch.metadata.name, person.id): 1 for branch in branches for person in branch.spec.staff}
    at_once: dict[str, int] = {}
    for offering in sorted(offerings, key=lambda one: (one.metadata.creation_timestamp, one.metadata.name)):
        staff = staff_by_branch(offering, branches)
        people = [(branch, person) for branch, able in staff.items() for person in able]
        fits = (
            capacity
            for capacity in range(offering.spec.capacity, 0, -1)
            if all(lcm(of_person[one], capacity) <= MOST_UNITS for one in people)
        )
        at_once[offering.metadata.name] = chosen = next(fits)  # 1 always fits
        of_person |= {one: lcm(of_person[one], chosen) for one in people}
    return Units(of_person, at_once)
