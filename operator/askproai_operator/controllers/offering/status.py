"""The condition CalendarLinked of a ServiceOffering. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from askproai_core.provider_names import CalendarApi
from askproai_core.providers import Json, ProviderError
from askproai_operator.api import ServiceOffering
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.api.offering import EventType
from askproai_operator.controllers.conditions import condition_of
from askproai_operator.credentials import event_types_of
from askproai_operator.providers import (
    CredentialProblem,
    EventTypeNeeds,
    find_coarse_interval,
    find_event_type_notes,
    find_event_type_problems,
    find_unknown_fields,
    needs_confirmation,
)

_CALENDAR = ConditionType.CALENDAR_LINKED
_NEEDS_V2 = (
    "it is a team's, and version 1 of Cal.com's API cannot ask for this person, so its appointments never reach Cal.com: add V2"
    " to apiVersions of the Tenant, or name an event type of this person alone, without userId"
)


def calendar_not_requested() -> Condition:
    """Return CalendarLinked for an offering that is booked in the local calendar only."""
    text = "no event types are named: appointments stay in the local calendar"
    return good(_CALENDAR, text, Reason.NOT_REQUESTED)


def calendar_without_look(
    label: str, event_types: Collection[EventType], staff: Mapping[str, tuple[str, ...]]
) -> Condition:
    """Return CalendarLinked for a remote calendar whose event types are not looked up: the manifests decide alone."""
    if not event_types:
        return calendar_not_requested()
    linked = {each.staff for each in event_types}
    if missing := sorted({member for members in staff.values() for member in members} - linked):
        text = (
            f"{', '.join(missing)}: no calendar at {label} is named, so their appointments stay in the local calendar"
        )
        return bad(_CALENDAR, Reason.EVENT_TYPE_MISSING, text)
    return good(_CALENDAR, f"booked at {label}")


def calendar_without_waits() -> Condition:
    """Return CalendarLinked for an offering with segments, kept local: a booking at Cal.com would block its waits, too."""
    text = (
        "it has segments: its appointments stay in the local calendar, since a booking at Cal.com blocks its whole length; whoever"
        " does it seems free at Cal.com meanwhile, so close Cal.com's pages of these people, or customers book that time there;"
        " what was booked at Cal.com before, move and cancel it here and not there"
    )
    return good(_CALENDAR, text, Reason.NOT_REQUESTED)


def calendar_without_seats(capacity: int) -> Condition:
    """Return CalendarLinked for a group service (`capacity` above 1), which is kept local: no seats are booked at Cal.com."""
    text = (
        f"capacity is {capacity}: its appointments stay in the local calendar, since no seats are booked at Cal.com, and what"
        " customers book on Cal.com's page of an event type does not count here; the event types are not used, so remove calcom and"
        " close that page, or set capacity to 1"
    )
    return good(_CALENDAR, text, Reason.NOT_REQUESTED)


def calendar_key_missing() -> Condition:
    """Return CalendarLinked for a tenant without a Cal.com API key, so that event types cannot be read."""
    return bad(_CALENDAR, Reason.TENANT_NOT_READY, "the Tenant's Cal.com key is missing: see its CredentialsValid")


def calendar_condition(
    offering: ServiceOffering,
    staff: Mapping[str, tuple[str, ...]],
    event_types: Collection[tuple[EventType, Json | CredentialProblem | ProviderError | None]],
    versions: Collection[str] = (CalendarApi.V2,),
) -> Condition:
    """Return CalendarLinked: True if every staff member has an event type that fits and can be booked by the API `versions`.

    The reason is the first problem's; the message has all. A failure to read one event type hides no problem of the others.
    """
    read = [(entry, each) for entry, each in event_types if not isinstance(each, ProviderError)]
    unread = next((each for _, each in event_types if isinstance(each, ProviderError)), None)
    judged = _judge(offering, staff, read, versions, are_all=unread is None)
    if unread is None:
        return judged
    condition = condition_of(unread, _CALENDAR, retry_note="looked at again soon")
    return condition if judged.good else replace(judged, message=f"{judged.message}; {condition.message}")


def _judge(
    offering: ServiceOffering,
    staff: Mapping[str, tuple[str, ...]],
    event_types: Iterable[tuple[EventType, Json | CredentialProblem | None]],
    versions: Collection[str],
    *,
    are_all: bool,
) -> Condition:
    """Return CalendarLinked from the event types that could be read. If these `are_all`, unknown booking fields count, too."""
    advice = "add one to calcom.eventTypes, or the appointments stay in the local calendar"
    spec = offering.spec
    problems = [
        (Reason.EVENT_TYPE_MISSING, f"{member} has no event type: {advice}")
        for member in staff_without_event_type(offering, staff)
    ]
    if CalendarApi.V2 not in versions:
        problems += [
            (Reason.EVENT_TYPE_MISMATCH, f"event type {entry.event_type_id} of {entry.staff}: {_NEEDS_V2}")
            for entry in event_types_of(offering)
            if entry.user_id is not None
        ]
    notes: list[str] = []
    found: list[tuple[EventType, Json]] = []
    for entry, event_type in event_types:
        needs = _needs(offering, entry)
        subject = f"event type {entry.event_type_id} of {entry.staff}"
        if isinstance(event_type, CredentialProblem):
            problems.append((event_type.reason, f"{subject}: {event_type.message}"))
            continue
        if event_type is None:
            put_off = "so nothing is sent to it, and callers hear that it cannot be booked"
            text = f"{subject} is not in this Cal.com account, {put_off}: correct the id"
            if entry.user_id is not None:
                what_to_do = "correct the id, or let the API key be that of a member of its team"
                text = f"Cal.com does not show {subject}, {put_off}: {what_to_do}"
            problems.append((Reason.EVENT_TYPE_NOT_FOUND, text))
            continue
        found.append((entry, event_type))
        mismatches = find_event_type_problems(event_type, needs)
        problems += [(Reason.EVENT_TYPE_MISMATCH, f"{subject}: {mismatch}") for mismatch in mismatches]
        notes += [f"{subject}: {note}" for note in find_event_type_notes(event_type, needs)]
    answered = spec.calcom.booking_fields if spec.calcom else ()
    if found and are_all and (unknown := find_unknown_fields([each for _, each in found], answered)):
        text = f"no event type has a booking field {', '.join(map(repr, unknown))}: correct the slug in calcom.bookingFields"
        problems.append((Reason.EVENT_TYPE_MISMATCH, text))
    if problems:
        return bad(_CALENDAR, problems[0][0], "; ".join(message for _, message in problems))
    return good(_CALENDAR, _describe_fit(offering, found, notes, versions))


def _describe_fit(
    offering: ServiceOffering,
    found: Iterable[tuple[EventType, Json]],
    notes: Collection[str],
    versions: Collection[str],
) -> str:
    """Return a text about event types that fit. `notes` are reasons why Cal.com may refuse some offered times.

    Without API v2 we offer times from our own book, at any start of our grid, so coarser starts at Cal.com are not mentioned.
    """
    fit = f"{len(event_types_of(offering))} event types fit"
    intervals = {entry.event_type_id: find_coarse_interval(each, _needs(offering, entry)) for entry, each in found}
    coarse = {number: minutes for number, minutes in intervals.items() if minutes is not None}
    if coarse and CalendarApi.V2 in versions:
        fit = f"{fit}; {_describe_coarse(coarse, offering.spec.slot_step_minutes)}"
    if requested := [each for _, each in found if needs_confirmation(each)]:
        fit = f"{fit}; for {len(requested)} somebody at Cal.com confirms, and callers hear that the appointment is requested"
    if notes:
        fit = f"{fit}; Cal.com may refuse times that are offered, and callers get others: {'; '.join(notes)}"
    return fit


def _describe_coarse(intervals: Mapping[int, int], step: int) -> str:
    """Return a text that some starts of our grid do not exist at event types. `intervals` are their minutes between starts, by
    id.

    The text is short, since a terminal shows the first 160 characters of a message.
    """
    longest, (first, *others) = max(intervals.values()), intervals
    more = f" and {len(others)} more" if others else ""
    return (
        f"slot interval {longest} of {first}{more} is coarser than slotStepMinutes {step}: only Cal.com's starts are offered;"
        f" set {step} there (Limits)"
    )


def event_type_fits(offering: ServiceOffering, entry: EventType, event_type: Json | None) -> bool:
    """Return True if the event type exists and has no property that would make the offering's bookings fail."""
    return event_type is not None and not any(find_event_type_problems(event_type, _needs(offering, entry)))


def _needs(offering: ServiceOffering, entry: EventType) -> EventTypeNeeds:
    spec = offering.spec
    return EventTypeNeeds(
        offering.minutes_with(entry.staff),
        spec.buffer_before_minutes,
        spec.buffer_after_minutes,
        spec.minimum_notice_minutes,
        spec.booking_horizon_days,
        spec.calcom.booking_fields if spec.calcom else (),
        spec.slot_step_minutes,
        entry.user_id,
    )


def staff_without_event_type(offering: ServiceOffering, staff: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the ids of staff members who can do the service (`staff`, by branch) but have no Cal.com event type for it."""
    linked = {event_type.staff for event_type in event_types_of(offering)}
    return sorted({member for members in staff.values() for member in members} - linked)
