"""The conditions StaffMatched and CalendarLinked of a ServiceOffering. Pure."""

from collections.abc import Iterable, Mapping

from askproai_operator.api import EventType, ServiceOffering
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.controllers.offering.staffing import staff_without_event_type
from askproai_operator.providers import (
    CredentialProblem,
    EventTypeNeeds,
    Json,
    find_event_type_notes,
    find_event_type_problems,
)

_STAFF, _NAME, _CALENDAR = ConditionType.STAFF_MATCHED, ConditionType.NAME_UNIQUE, ConditionType.CALENDAR_LINKED


# StaffMatched


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
    return good(_STAFF, f"{sum(map(len, staff.values()))} people match")


# NameUnique


def name_condition(offering: ServiceOffering, others: Iterable[ServiceOffering]) -> Condition:
    """Judge whether callers can choose the service: none of the same branch sounds the same (`others`)."""
    names = ", ".join(other.metadata.name for other in others)
    if not names:
        return good(_NAME)
    text = (
        f"{names} has the displayName {offering.spec.display_name!r}, too, so callers cannot choose between them: change one, or"
        " delete what is there twice"
    )
    return bad(_NAME, Reason.NAME_TAKEN, text)


# CalendarLinked


def calendar_not_requested() -> Condition:
    """Return CalendarLinked of an offering that uses the local calendar only."""
    text = "no Cal.com event types are named: appointments stay in the local calendar"
    return good(_CALENDAR, text, Reason.NOT_REQUESTED)


def calendar_without_seats(capacity: int) -> Condition:
    """Return CalendarLinked of an offering whose event types are not used, since no seats are booked at Cal.com."""
    text = (
        f"capacity is {capacity}: its appointments stay in the local calendar, since no seats are booked at Cal.com; the event"
        " types are not used, so remove calcom, or set capacity to 1"
    )
    return good(_CALENDAR, text, Reason.NOT_REQUESTED)


def calendar_key_missing() -> Condition:
    """Return CalendarLinked while there is no API key to read the event types with."""
    return bad(_CALENDAR, Reason.TENANT_NOT_READY, "the Tenant's Cal.com key is missing: see its CredentialsValid")


def calendar_condition(
    offering: ServiceOffering,
    staff: Mapping[str, tuple[str, ...]],
    event_types: Iterable[tuple[EventType, Json | CredentialProblem | None]],
) -> Condition:
    """Judge whether everybody has an event type and all of them fit. The first reason counts, all messages are shown."""
    advice = "add one to calcom.eventTypes, or the appointments stay in the local calendar"
    spec = offering.spec
    problems = [
        (Reason.EVENT_TYPE_MISSING, f"{member} has no event type: {advice}")
        for member in staff_without_event_type(offering, staff)
    ]
    needs = EventTypeNeeds(
        spec.duration_minutes,
        spec.buffer_before_minutes,
        spec.buffer_after_minutes,
        spec.minimum_notice_minutes,
        spec.booking_horizon_days,
    )
    notes: list[str] = []
    for entry, event_type in event_types:
        subject = f"event type {entry.event_type_id} of {entry.staff}"
        if isinstance(event_type, CredentialProblem):
            problems.append((event_type.reason, f"{subject}: {event_type.message}"))
            continue
        if event_type is None:
            text = f"{subject} is not in this Cal.com account: correct the id"
            problems.append((Reason.EVENT_TYPE_NOT_FOUND, text))
            continue
        mismatches = find_event_type_problems(event_type, needs)
        problems += [(Reason.EVENT_TYPE_MISMATCH, f"{subject}: {mismatch}") for mismatch in mismatches]
        notes += [f"{subject}: {note}" for note in find_event_type_notes(event_type, needs)]
    if problems:
        return bad(_CALENDAR, problems[0][0], "; ".join(message for _, message in problems))
    fit = f"{len(spec.calcom.event_types) if spec.calcom else 0} event types fit"
    if notes:
        fit = f"{fit}; Cal.com may refuse times that are offered, and callers get others: {'; '.join(notes)}"
    return good(_CALENDAR, fit)
