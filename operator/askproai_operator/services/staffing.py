"""Finds the bookable services and the staff members who can do them, and returns the conditions StaffMatched and NameUnique.

Pure: all is computed from the specs of a tenant's offerings and branches.
"""

from collections.abc import Iterable, Mapping

from askproai_core.api_resource import AUTO_CREATED_LABEL
from askproai_operator.api import Branch, RetellAgent, ServiceOffering
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good

_STAFF, _NAME = ConditionType.STAFF_MATCHED, ConditionType.NAME_UNIQUE


def is_auto_created(offering: ServiceOffering) -> bool:
    """Return True if this is the default service, which the operator created for a Branch without any service."""
    return offering.metadata.labels.get(AUTO_CREATED_LABEL) == "true"


def branch_name_of(model: ServiceOffering | RetellAgent) -> str | None:
    """Return the name of the branch that `spec.branchRef` names; None means all branches of the tenant."""
    return model.spec.branch_ref.name if model.spec.branch_ref else None


def is_offered_in(offering: ServiceOffering, branch: Branch) -> bool:
    """Return True if the branch, which must be of the same tenant, offers this service."""
    return branch_name_of(offering) in {None, branch.metadata.name}


def active_offerings(offerings: Iterable[ServiceOffering], branches: Iterable[Branch]) -> list[ServiceOffering]:
    """Return the offerings that can be booked, sorted by name: their branch exists, and they are not being deleted.

    A default service is left out once its branch has a hand-made service: it is about to be deleted.
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
    """Return the ids of a branch's staff members who have all required skills, in the order of the manifest."""
    required = set(required_skills)
    return tuple(member.id for member in branch.spec.staff if required <= set(member.skills))


def staff_by_branch(offering: ServiceOffering, branches: Iterable[Branch]) -> dict[str, tuple[str, ...]]:
    """Return the ids of the staff members who can do the service, for each branch that offers it."""
    skills = offering.spec.required_skills
    return {branch.key.name: matched_staff(branch, skills) for branch in branches if is_offered_in(offering, branch)}


def ambiguous_staff(branch: Branch, branches: Iterable[Branch]) -> dict[str, list[str]]:
    """Return by staff id the names of other branches with the same id, unless both entries name a `person`."""
    found: dict[str, list[str]] = {}
    for member in branch.spec.staff:
        for other in branches:
            if other.metadata.name != branch.metadata.name and any(
                namesake.id == member.id and not (namesake.person and member.person) for namesake in other.spec.staff
            ):
                found.setdefault(member.id, []).append(other.metadata.name)
    return found


def namesakes(offering: ServiceOffering, neighbours: Iterable[ServiceOffering]) -> list[ServiceOffering]:
    """Return the other active offerings that sound the same and share a branch with this one."""
    return [other for other in _beside(offering, neighbours) if other.heard_name == offering.heard_name]


def shared_words(offering: ServiceOffering, neighbours: Iterable[ServiceOffering]) -> dict[int, ServiceOffering]:
    """Return by index each spokenName that sounds like a name of another offering in the same branch, with that offering."""
    others = _beside(offering, neighbours)
    return {
        index: other
        for index, word in enumerate(offering.heard_words)
        for other in others
        if word in {other.heard_name, *other.heard_words}
    }


def _beside(offering: ServiceOffering, neighbours: Iterable[ServiceOffering]) -> list[ServiceOffering]:
    where = branch_name_of(offering)
    return [
        other
        for other in neighbours
        if other.key != offering.key and (where is None or branch_name_of(other) in {None, where})
    ]


def staff_condition(
    offering: ServiceOffering, staff: Mapping[str, tuple[str, ...]], effective_capacity: int
) -> Condition:
    """Return StaffMatched: True if a staff member can do the service at full capacity. `staff` are able staff ids, by branch."""
    skills = ", ".join(offering.spec.required_skills)
    unstaffed = sorted(branch for branch, members in staff.items() if not members)
    if unstaffed:
        where, text = ", ".join(unstaffed), "nobody works in {where}: add people to spec.staff of the Branch"
        if skills:
            text = "nobody in {where} has the skills {skills}: add them to a person's skills, or ask for fewer"
        return bad(_STAFF, Reason.NO_STAFF_WITH_SKILLS, text.format(where=where, skills=skills))
    if not staff:
        text = "the Tenant has no Branch yet that could offer it: create one"
        return bad(_STAFF, Reason.BRANCH_NOT_FOUND, text)
    if effective_capacity != offering.spec.capacity:
        text = (
            f"{effective_capacity} at once instead of {offering.spec.capacity}: together with the capacities of the other"
            " services of the same people it needs more than 12 parts; choose capacities whose least common multiple is"
            " 12 or less"
        )
        return bad(_STAFF, Reason.CAPACITY_UNSUPPORTED, text)
    able = {member for members in staff.values() for member in members}
    idle = [each.staff for each in offering.spec.staff_overrides if each.staff not in able]
    unused = (
        f"; staffOverrides names {', '.join(idle)}, who cannot do it: correct the id, or remove the entry"
        if idle
        else ""
    )
    return good(_STAFF, f"{sum(map(len, staff.values()))} people match{unused}")


def name_condition(offering: ServiceOffering, others: Iterable[ServiceOffering]) -> Condition:
    """Return NameUnique: False if `others`, offerings of the same branch that sound the same, are not empty."""
    names = ", ".join(other.metadata.name for other in others)
    if not names:
        return good(_NAME)
    text = (
        f"{names} has a displayName that sounds like {offering.spec.display_name!r}, so callers cannot choose between them:"
        " change one, or delete what is there twice"
    )
    return bad(_NAME, Reason.NAME_TAKEN, text)
