"""Who can do a service, and how many of it at the same time. Pure: from the specs of a tenant's offerings and branches."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import lcm

from askproai_core.database import PERSON
from askproai_operator.api import Branch, RetellAgent, ServiceOffering, Staff
from askproai_operator.api.conditions import ConditionType, Reason, Status
from askproai_operator.controllers.conditions import find_condition
from askproai_operator.credentials import event_types_of

AUTO_CREATED_LABEL = "askproai.de/auto-created"
MAX_UNITS = 12  # resource rows that a booking locks for one person


def is_auto_created(offering: ServiceOffering) -> bool:
    """Return whether this is the default service that a Branch without any service gets."""
    return offering.metadata.labels.get(AUTO_CREATED_LABEL) == "true"


def branch_name_of(model: ServiceOffering | RetellAgent) -> str | None:
    """Return the name of the branch that `spec.branchRef` names; None means all branches of the tenant."""
    return model.spec.branch_ref.name if model.spec.branch_ref else None


def is_offered_in(offering: ServiceOffering, branch: Branch) -> bool:
    """Return whether a branch of the same tenant offers this service."""
    return branch_name_of(offering) in {None, branch.metadata.name}


def active_offerings(offerings: Iterable[ServiceOffering], branches: Iterable[Branch]) -> list[ServiceOffering]:
    """Return the offerings that can be booked, by name: their branch exists and they are not being deleted.

    A default service whose branch has a hand-made one by now is about to be deleted, and is left out.
    """
    branch_names = {None, *(branch.metadata.name for branch in branches)}
    existing = [
        offering
        for offering in offerings
        if offering.metadata.deletion_timestamp is None and branch_name_of(offering) in branch_names
    ]
    with_hand_made = {branch_name_of(offering) for offering in existing if not is_auto_created(offering)}
    active = (
        offering
        for offering in existing
        if not is_auto_created(offering) or not ({branch_name_of(offering), None} & with_hand_made)
    )
    return sorted(active, key=lambda offering: offering.metadata.name)


def matched_staff(branch: Branch, required_skills: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of the staff members of a branch who have all the skills, in the order of the manifest."""
    required = set(required_skills)
    return tuple(member.id for member in branch.spec.staff if required <= set(member.skills))


def staff_by_branch(offering: ServiceOffering, branches: Iterable[Branch]) -> dict[str, tuple[str, ...]]:
    """Return the ids of the staff members who can do the service, for each branch that offers it."""
    skills = offering.spec.required_skills
    return {branch.key.name: matched_staff(branch, skills) for branch in branches if is_offered_in(offering, branch)}


def staff_without_event_type(offering: ServiceOffering, staff: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the ids of those who can do the service (`staff`, by branch) and have no Cal.com event type for it."""
    linked = {event_type.staff for event_type in event_types_of(offering)}
    return sorted({member for members in staff.values() for member in members} - linked)


# Names


def namesakes(offering: ServiceOffering, neighbours: Iterable[ServiceOffering]) -> list[ServiceOffering]:
    """Return the other active offerings that some branch offers beside this one and that sound the same."""
    where = branch_name_of(offering)
    return [
        other
        for other in neighbours
        if other.key != offering.key
        and other.heard_name == offering.heard_name
        and (where is None or branch_name_of(other) in {None, where})
    ]


# Capacity


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """Into how many units (rows of `resources`) staff members are divided, so that group services share them correctly.

    A person has as many units as the least common multiple of the capacities of their services in all their branches. An
    appointment of a service with capacity c claims 1/c of them, and the exclusion constraint on the rows keeps the sum of
    simultaneous appointments at one staff member.
    """

    per_person: Mapping[tuple[str, str], int]  # by identity (`identity_of`)
    effective_capacity: Mapping[str, int]  # by offering: its capacity, or less where that would need too many units


def identity_of(branch: Branch, member: Staff) -> tuple[str, str]:
    """Return who a staff member is, as `resources` has it: a person of the tenant, or known in this branch only."""
    return (PERSON, member.person) if member.person else (branch.metadata.name, member.id)


def ambiguous_staff(branch: Branch, branches: Iterable[Branch]) -> dict[str, list[str]]:
    """Return the ids of the branch's staff that another branch has, too, with those branches, where one does not say `person`."""
    found: dict[str, list[str]] = {}
    for member in branch.spec.staff:
        for other in branches:
            if other.metadata.name != branch.metadata.name and any(
                namesake.id == member.id and not (namesake.person and member.person) for namesake in other.spec.staff
            ):
                found.setdefault(member.id, []).append(other.metadata.name)
    return found


def plan_units(branches: Iterable[Branch], offerings: Iterable[ServiceOffering]) -> UnitPlan:
    """Divide all staff members. Older offerings come first, so that a new one never lowers the capacity of the others."""
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
    """Return the offerings whose StaffMatched contradicts the plan: their effective capacity depends on the others', too."""
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
