"""Who can do a service, and what stands in the way. Pure: from specs to conditions."""

from collections.abc import Iterable, Mapping

from askproai_operator.api import Branch, RetellAgent, ServiceOffering
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.api.offering import EventType

AUTO_CREATED = "askproai.de/auto-created"


def auto_created(offering: ServiceOffering) -> bool:
    """Tell whether this is the default service that a Branch without any gets."""
    return offering.metadata.labels.get(AUTO_CREATED) == "true"


def matched_staff(branch: Branch, required_skills: Iterable[str]) -> tuple[str, ...]:
    """Give the ids of the people of a branch who have all the skills, in the order of the manifest."""
    wanted = set(required_skills)
    return tuple(person.id for person in branch.spec.staff if wanted <= set(person.skills))


def staff_by_branch(offering: ServiceOffering, branches: Iterable[Branch]) -> dict[str, tuple[str, ...]]:
    """Give who can do the service, for each branch that offers it."""
    skills = offering.spec.required_skills
    return {branch.metadata.name: matched_staff(branch, skills) for branch in branches if offered_in(offering, branch)}


def offered_in(offering: ServiceOffering, branch: Branch) -> bool:
    """Tell whether a branch of the same tenant offers this service."""
    ref = offering.spec.branch_ref
    return ref is None or ref.name == branch.metadata.name


def standing_offerings(offerings: Iterable[ServiceOffering], branches: Iterable[Branch]) -> list[ServiceOffering]:
    """Give the offerings that count, by name: their branch exists, and a default one that is about to go does not stand beside
    a hand-made one of its branch.
    """
    known = {None, *(branch.metadata.name for branch in branches)}
    here = [one for one in offerings if one.metadata.deletion_timestamp is None and branch_of(one) in known]
    by_hand = {branch_of(one) for one in here if not auto_created(one)}
    kept = (one for one in here if not auto_created(one) or not ({branch_of(one), None} & by_hand))
    return sorted(kept, key=lambda one: one.metadata.name)


def branch_of(model: ServiceOffering | RetellAgent) -> str | None:
    """Give the branch that is named; None means all of the tenant's."""
    return model.spec.branch_ref.name if model.spec.branch_ref else None


def staff_condition(offering: ServiceOffering, staff: Mapping[str, tuple[str, ...]], at_once: int) -> Condition:
    """Say whether anybody can do the service, and as often at once as it says (`at_once` is what they can)."""
    skills = ", ".join(offering.spec.required_skills)
    without = sorted(branch for branch, people in staff.items() if not people)
    if without:
        return bad(
            ConditionType.STAFF_MATCHED,
            Reason.NO_STAFF_WITH_SKILLS,
            f"nobody in {', '.join(without)} has the skills {skills}: add them to a person's skills, or ask for fewer"
            if skills
            else f"nobody works in {', '.join(without)}: add people to spec.staff of the Branch",
        )
    if not staff:
        text = "the Tenant has no Branch yet that could offer it: create one"
        return bad(ConditionType.STAFF_MATCHED, Reason.BRANCH_NOT_FOUND, text)
    people = sum(map(len, staff.values()))
    if at_once != offering.spec.capacity:
        text = (
            f"{at_once} at once instead of {offering.spec.capacity}: together with the capacities of the other services of the"
            " same people it needs more than 12 parts; choose capacities whose least common multiple is 12 or less"
        )
        return bad(ConditionType.STAFF_MATCHED, Reason.CAPACITY_UNSUPPORTED, text)
    return good(ConditionType.STAFF_MATCHED, f"{people} people match")


def linked_event_types(offering: ServiceOffering) -> list[EventType]:
    """Give the event types of the Tenant's own account; accounts of their own (apiKeySecretRef) are not built yet."""
    named = offering.spec.calcom.event_types if offering.spec.calcom else ()
    return [entry for entry in named if entry.api_key_secret_ref is None]


def missing_event_types(offering: ServiceOffering, staff: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Give the people who can do the service and have no Cal.com event type for it."""
    named = {entry.staff for entry in linked_event_types(offering)}
    return sorted({person for people in staff.values() for person in people} - named)


def calendar_condition(problems: Iterable[tuple[str, Reason]], linked: int) -> Condition:
    """Say whether the calendar fits; the first reason counts, all messages are shown."""
    listed = list(problems)
    if listed:
        return bad(ConditionType.CALENDAR_LINKED, listed[0][1], "; ".join(message for message, _ in listed))
    return good(ConditionType.CALENDAR_LINKED, f"{linked} event types fit")
