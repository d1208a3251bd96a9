"""The capacity of services: staff members are divided into units, so that several appointments can overlap. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import lcm

from askproai_operator.api import Branch, ServiceOffering, Staff
from askproai_operator.api.conditions import ConditionType, Reason, Status
from askproai_operator.engine import find_condition
from askproai_operator.services import staff_by_branch
from askproai_operator.store.resources import PERSON

MAX_UNITS = 12  # resource rows that a booking locks for one person


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """The number of units (rows of `resources`) of each person, and the effective capacity of each offering by its name.

    A person has as many units as the least common multiple of the capacities of their services in all branches. An appointment
    of a service with capacity c claims 1/c of the units, and the exclusion constraint on the rows keeps simultaneous
    appointments at one staff member within the capacity.
    """

    per_person: Mapping[tuple[str, str], int]  # by identity (`identity_of`)
    effective_capacity: Mapping[str, int]  # by offering: its capacity, or less where that would need too many units


def identity_of(branch: Branch, member: Staff) -> tuple[str, str]:
    """Return a staff member's key in `resources`: (PERSON, person) if the entry names a person, else (branch, staff id)."""
    return (PERSON, member.person) if member.person else (branch.metadata.name, member.id)


def plan_units(branches: Iterable[Branch], offerings: Iterable[ServiceOffering]) -> UnitPlan:
    """Return the units of all staff members. Older offerings come first, so that a new one never lowers another's capacity."""
    branches = list(branches)
    identities = {
        (branch.metadata.name, member.id): identity_of(branch, member)
        for branch in branches
        for member in branch.spec.staff
    }
    units = dict.fromkeys(identities.values(), 1)
    effective: dict[str, int] = {}
    for offering in sorted(offerings, key=lambda each: (each.metadata.creation_timestamp, each.metadata.name)):
        staff = staff_by_branch(offering, branches)
        able = {identities[branch, member] for branch, members in staff.items() for member in members}
        possible = (
            capacity
            for capacity in range(offering.spec.capacity, 0, -1)
            if all(lcm(units[member], capacity) <= MAX_UNITS for member in able)
        )
        effective[offering.metadata.name] = capacity = next(possible)  # 1 is always possible
        units |= {member: lcm(units[member], capacity) for member in able}
    return UnitPlan(units, effective)


def outdated_offerings(offerings: Iterable[ServiceOffering], units: UnitPlan) -> list[ServiceOffering]:
    """Return the offerings whose condition StaffMatched no longer fits the plan, since other offerings change their capacity."""
    outdated = []
    for offering in offerings:
        matched = find_condition(offering, ConditionType.STAFF_MATCHED)
        if units.effective_capacity[offering.metadata.name] == offering.spec.capacity:
            is_outdated = matched.get("reason") == Reason.CAPACITY_UNSUPPORTED
        else:
            is_outdated = matched.get("status") == Status.TRUE
        if is_outdated:
            outdated.append(offering)
    return outdated
