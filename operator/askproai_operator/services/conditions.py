"""The conditions StaffMatched and NameUnique of a ServiceOffering. Pure."""

from collections.abc import Iterable, Mapping

from askproai_operator.api import ServiceOffering
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good

_STAFF, _NAME = ConditionType.STAFF_MATCHED, ConditionType.NAME_UNIQUE


def staff_condition(
    offering: ServiceOffering, staff: Mapping[str, tuple[str, ...]], effective_capacity: int
) -> Condition:
    """Judge whether somebody can do the service, and with its full capacity. `staff` are the ids of those who can, by branch."""
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
    """Judge whether callers can choose the service: none of the same branch sounds the same (`others`)."""
    names = ", ".join(other.metadata.name for other in others)
    if not names:
        return good(_NAME)
    text = (
        f"{names} has a displayName that sounds like {offering.spec.display_name!r}, so callers cannot choose between them:"
        " change one, or delete what is there twice"
    )
    return bad(_NAME, Reason.NAME_TAKEN, text)
