"""Decide whether a booking is one more appointment of a person or is meant to replace another appointment. Pure.

A call books one appointment of a service for each person, unless it asks for one more
(docs/decisions/0100-a-second-time-for-one-person-is-asked-for.md).
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from askproai_runtime.availability.slots import ServiceRules
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.caller_appointments import CallerAppointments
from askproai_runtime.book.outcomes import (
    InFlight,
    NameUnclear,
    OneMoreForEach,
    OneMoreOrInstead,
    OneMoreOrWhich,
    PersonBooked,
    Undecided,
)
from askproai_runtime.book.requests import BookingRequest
from askproai_runtime.person_names import is_alike, may_be_same, same_name
from askproai_runtime.visits import same_services, share_services


def require_new(request: BookingRequest, known: CallerAppointments) -> None:
    """Raise `Undecided` if a caller's request, which repeats no booking, may be meant to replace an appointment."""
    if request.actor.desk is not None:
        return
    is_beside = request.another and not request.moves
    others = [] if is_beside else known.of_number
    own = [*others, *known.of_call]
    if not any(each.live and _may_replace(one, each) for one in request.each for each in own):
        _require_free_people(request.each, own, {})  # of two appointments, the one in the way is meant
    if request.moves:
        _require_no_move(request, own)
    asked = () if is_beside else known.asked_to_cancel
    before = {each.id: each for each in (*_list_meant(request, others, known.moved), *asked)}
    meant = {*before, *(() if request.doubts.adds else (each.id for each in known.of_call))}
    _require_only_one(request.each, [*before.values(), *known.of_call], meant)
    _require_free_people(request.each, own, before)


def _require_only_one(
    requests: Sequence[BookingRequest], appointments: Sequence[Appointment], meant: Collection[UUID] = ()
) -> None:
    """Raise `Undecided` if `another` is not set, and a request may replace a live one of `appointments` (`_may_replace`).

    Time and branch do not matter: a caller who corrects a time wants one appointment. If an appointment's id is in `meant`, its
    service does not matter either. `requests` has one request for each person. The outcome names all such appointments of one
    person, or the last one of each person of a group; it is `InFlight` if another request still works on such an appointment.
    """
    in_group = len(requests) > 1
    found: list[Appointment] = []
    for request in requests:
        left = [each for each in appointments if each not in found]
        booked = _list_booked(request, left, meant)
        wanted = [each for each in booked if is_same_visit(request, each)] or booked
        if not in_group and len(wanted) > 1 and all(each.branch == request.rules.branch.name for each in wanted):
            raise Undecided(OneMoreOrWhich(request, wanted))
        found += wanted[:1]
    if len(found) == 1:
        raise Undecided(OneMoreOrInstead(requests[0], found[0], in_group))
    if found:
        raise Undecided(OneMoreForEach(requests[0], found))


def _require_no_move(request: BookingRequest, appointments: Sequence[Appointment]) -> None:
    """Raise `Undecided` if this booking may be meant to replace a live appointment of the same name.

    Without a name, any of `appointments` counts. Call this if the request's arguments say that another appointment is to be
    given up.
    """
    live = [each for each in appointments if each.live]
    meant = [each for each in live if same_name(request.name, each.customer_name)] or live
    if len(meant) > 1:
        raise Undecided(OneMoreOrWhich(request, meant))
    if meant:
        raise Undecided(OneMoreOrInstead(request, meant[0], bool(request.companions)))


def _require_free_people(
    requests: Sequence[BookingRequest], appointments: Sequence[Appointment], said: Collection[UUID]
) -> None:
    """Raise `Undecided` if `another` is not set, and a person of the requests has an appointment at the requested time.

    `appointments` are those of this call and of the calling number. Nobody is at two services at once: a caller who corrects a
    service, or asks again, wants one appointment. The same slot under another name may be a corrected name: if the names sound
    alike, if the appointment was named to the caller (its id is in `said`), or if the caller has said that one person replaces
    another.
    """
    if requests[0].another:
        return
    in_group, doubts = len(requests) > 1, requests[0].doubts
    for request in requests:
        for each in reversed([each for each in appointments if each.live]):
            if _is_person_busy(request.name, request.start, request.rules, each):
                raise Undecided(PersonBooked(request, each, in_group))
            is_other_name = is_alike(request.name, each.customer_name)
            is_said = doubts.replaces_person or each.id in said or str(each.id) in doubts.listed
            if _is_same_slot(request, each) and (is_other_name or (is_said and not in_group)):
                raise Undecided(PersonBooked(request, each, True) if in_group else NameUnclear(request.name, each))


def _list_meant(request: BookingRequest, others: Sequence[Appointment], moved: Collection[UUID]) -> list[Appointment]:
    """Return the calling number's appointments (`others`) that a booking may be meant to replace. Pure.

    They are for a person of the request, at another time. After words of a change, all of them count. After words of one more
    appointment, those of the requested service count that were named to the caller. Otherwise those count that were named, or
    that this call has moved (`moved`).
    """
    doubts = request.doubts
    own = [each for each in others if each.settled and any(_is_at_other_time(one, each) for one in request.each)]
    if doubts.changes:
        return own
    listed = [each for each in own if str(each.id) in doubts.listed]
    if doubts.adds:
        names = [one.rules.service.name for one in request.each]
        return [each for each in listed if any(share_services(each.service, name) for name in names)]
    return [each for each in own if each in listed or each.id in moved]


def is_second_person(request: BookingRequest, appointments: Sequence[Appointment]) -> bool:
    """Return whether the request is for a second person, beside the person of the call's appointments.

    It is if it names a staff member, and both its name and its staff member differ from all appointments that the call has for
    this service, branch and start. A corrected name comes with the same staff member or none, or sounds like the booked name.
    The result is the same after the request is booked.
    """
    target, staff = (request.rules.branch.name, request.start), request.service.staff
    then = [each for each in appointments if each.live and (each.branch, each.starts_at) == target]
    booked = [each for each in then if same_services(each.service, request.rules.service.name)]
    if own := [each for each in booked if same_name(request.name, each.customer_name)]:
        return all(each.is_beside and each.staff == staff for each in own)
    if any(is_alike(request.name, each.customer_name) for each in booked):
        return False
    return bool(booked) and staff is not None and all(each.staff != staff for each in booked)


def is_same_visit(request: BookingRequest, appointment: Appointment) -> bool:
    """Return whether an appointment has the requested services and is for the requested person. Its time does not matter."""
    is_same_service = same_services(appointment.service, request.rules.service.name)
    return is_same_service and same_name(request.name, appointment.customer_name)


def overlaps(start: datetime, rules: ServiceRules, appointment: Appointment) -> bool:
    """Return whether a service that starts at `start` overlaps an appointment in time. The persons are not compared."""
    shortest = timedelta(minutes=rules.shortest_minutes)
    return start < appointment.ends_at and appointment.starts_at < start + shortest


def find_in_the_way(request: BookingRequest, appointments: Sequence[Appointment]) -> Appointment | None:
    """Return a live appointment, not the same visit, of the requested person that overlaps the request at its staff member."""
    staff, start, rules = request.service.staff or request.offered_staff, request.start, request.rules
    then = (each for each in appointments if each.live and _is_person_busy(request.name, start, rules, each))
    return next((each for each in then if staff in {None, each.staff} and not _is_same_slot(request, each)), None)


def list_beside(
    moved: Appointment, rules: ServiceRules, start: datetime, appointments: Sequence[Appointment]
) -> list[Appointment]:
    """Return the other live appointments in the same customer's name that overlap the new time of `moved` at `start`."""
    others = [each for each in appointments if each.id != moved.id and each.live]
    return [each for each in others if _is_person_busy(moved.customer_name, start, rules, each)]


def is_same_slot_booked(request: BookingRequest, appointment: Appointment) -> bool:
    """Return whether a settled appointment has the requested service, person, branch and start."""
    return is_same_visit(request, appointment) and _is_same_slot(request, appointment) and appointment.settled


def _list_booked(
    request: BookingRequest, appointments: Sequence[Appointment], meant: Collection[UUID]
) -> list[Appointment]:
    """Return the person's live `appointments` that the request may replace, the last one first. An appointment whose id is in
    `meant` counts whatever its service is.

    Raises `Undecided` if another request is still working on one of them.
    """
    if request.another:
        return []
    booked: list[Appointment] = []
    for each in reversed(appointments):
        is_meant = each.id in meant and _is_at_other_time(request, each)
        if not (each.live and (is_meant or _may_replace(request, each))):
            continue
        if not each.settled and request.key not in each.actions:  # else this request itself is in flight
            raise Undecided(InFlight(of_other=True))
        booked.append(each)
    return booked


def _may_replace(request: BookingRequest, appointment: Appointment) -> bool:
    """Return whether a request may be meant to replace an appointment. Its name must be the same, or a possible correction. The
    services must be the same; or they share one, and the times do not overlap ("und Färben dazu").
    """
    service = request.rules.service.name
    is_at_other_time = share_services(appointment.service, service) and not overlaps(
        request.start, request.rules, appointment
    )
    is_of_service = same_services(appointment.service, service) or is_at_other_time
    return is_of_service and may_be_same(request.name, appointment.customer_name)


def _is_at_other_time(request: BookingRequest, appointment: Appointment) -> bool:
    """Return whether an appointment may be of the same person (names can be misheard), and does not overlap the requested time."""
    is_of_person = may_be_same(request.name, appointment.customer_name)
    return is_of_person and not overlaps(request.start, request.rules, appointment)


def _is_same_slot(request: BookingRequest, appointment: Appointment) -> bool:
    is_then = appointment.starts_at == request.start and appointment.branch == request.rules.branch.name
    return is_then and same_services(appointment.service, request.rules.service.name)


def _is_person_busy(name: str, start: datetime, rules: ServiceRules, appointment: Appointment) -> bool:
    """Return whether an appointment for this name overlaps a service that begins at `start`. The staff members do not matter."""
    return overlaps(start, rules, appointment) and same_name(name, appointment.customer_name)
