"""Decide whether a call has made the requested booking before. Pure."""

from collections.abc import Mapping, Sequence

from askproai_runtime.availability.group_times import longest_group
from askproai_runtime.book.appointments import Appointment, Status
from askproai_runtime.book.caller_appointments import CallerAppointments
from askproai_runtime.book.one_more import is_same_slot_booked
from askproai_runtime.book.outcomes import (
    GroupPartlyBooked,
    NameUnclear,
    OtherNameBooked,
    PersonBooked,
    Undecided,
    WhichBooked,
)
from askproai_runtime.book.requests import BookingRequest
from askproai_runtime.person_names import correct_name, fold, same_name
from askproai_runtime.visits import same_services, share_services


def find_repeated(request: BookingRequest, known: CallerAppointments) -> list[Appointment]:
    """Return the appointments that this request has already booked, one for each person of a group; [] if there are none.

    An appointment that this call has moved to the requested slot counts, too. An appointment of the desk counts whatever
    happened to it since, unless the calendar has refused it. Raises `Undecided` as `_find_booked` does.
    """
    if request.actor.desk is not None:
        return [each for each in known.of_call if each.status != Status.FAILED]
    found = _find_booked(request, known.of_call) or _find_moved(request, known)
    if request.companions and not (found or request.another):
        then = [a for a in known.of_number if (a.branch, a.starts_at) == (request.rules.branch.name, request.start)]
        if own := _assign(request.each, then):
            _require_everybody(request, own)
    return found


def find_settled(request: BookingRequest, known: CallerAppointments) -> list[Appointment]:
    """Return the appointments as `find_repeated` does, for a request that waited for a concurrent request of the same call.
    Only appointments on which no request still works are returned. For the desk, `known` is read after its action is done,
    and its appointment is returned in any status.
    """
    if request.actor.desk is not None:
        return list(known.of_call)
    return _find_booked(request, [each for each in known.of_call if each.settled]) or _find_moved(request, known)


def _find_booked(request: BookingRequest, appointments: Sequence[Appointment]) -> list[Appointment]:
    """Return the appointments of an earlier request for the same booking: for a group, one for each person; else an empty list.

    Raises `Undecided` if the call has an appointment at this time that may be meant, or only some of a group's appointments.
    """
    if not request.companions:
        found = _find_alone(request, appointments)
        return [] if found is None else [found]
    # If people come one after the other, a model may name the second one as the caller.
    candidates = [a for a in appointments if a.live and _is_at_group_time(request, a)]
    own = _assign(request.each, candidates)
    is_then = any(a.starts_at == request.start for a in own.values())  # a later appointment is another visit
    if is_then and not request.another:
        _assign_renamed(request, own, candidates)
    if is_then:
        return _require_everybody(request, own)
    _find_alone(request.each[0], appointments)
    return []


def _require_everybody(request: BookingRequest, own: Mapping[int, Appointment]) -> list[Appointment]:
    """Return the group's `own` appointments, by the persons' numbers. Raises `Undecided` if a person has none."""
    booked = [own[number] for number in sorted(own)]
    if left := [each for number, each in enumerate(request.each) if number not in own]:
        raise Undecided(GroupPartlyBooked(booked, left))
    return booked


def _find_moved(request: BookingRequest, known: CallerAppointments) -> list[Appointment]:
    """Return, in a list, the number's appointment that this call has moved to the requested slot; else an empty list."""
    if request.companions or request.another:
        return []
    then = [each for each in known.of_number if is_same_slot_booked(request, each)]
    return [each for each in then if each.id in known.moved][:1]


def _find_alone(request: BookingRequest, appointments: Sequence[Appointment]) -> Appointment | None:
    """Return the call's appointment that this request for one person repeats, else None.

    An appointment that the request replaces is left out, even if the two differ only in the staff member. Raises `Undecided` if
    several appointments may be meant. Without `another`, it is also raised if the call has an appointment at this time for a
    clearly different name, or with a service of this visit.
    """
    service = request.rules.service
    target = request.rules.branch.name, request.start
    replaced = {request.replaces_afterwards, None if request.replaces is None else request.replaces.id}
    others = [a for a in appointments if a.live and a.id not in replaced]
    then = [a for a in others if (a.branch, a.starts_at) == target]
    at_start = [a for a in then if same_services(a.service, service.name)]
    if request.another:  # two people may have one name: the second one's appointment was booked with `another`
        at_start = [a for a in at_start if a.is_beside]
    meant = _list_meant(request, at_start)
    if len(meant) == 1:
        return meant[0]
    if meant or (len(at_start) > 1 and not request.another):
        raise Undecided(WhichBooked(request, meant or at_start))
    if at_start and not request.another:
        raise Undecided(OtherNameBooked(request, at_start[0]))
    shared = [a for a in then if share_services(a.service, service.name)]
    if shared and not request.another:  # "und Färben noch dazu": one more appointment would overlap it
        raise Undecided(PersonBooked(request, shared[0], in_group=False))
    return None


def _list_meant(request: BookingRequest, appointments: Sequence[Appointment]) -> list[Appointment]:
    """Return the appointments whose customer the request may mean: those with its name, else with a name that sounds alike.

    Among appointments with the same name, the requested staff member decides, else the same action key.
    """
    exact = [a for a in appointments if fold(a.customer_name) == fold(request.name)]
    same_staff = [a for a in exact if a.staff == request.service.staff]
    same_request = [a for a in exact if request.key in a.actions]
    return same_staff or same_request or exact or [a for a in appointments if same_name(request.name, a.customer_name)]


def _assign(requests: Sequence[BookingRequest], appointments: Sequence[Appointment]) -> dict[int, Appointment]:
    """Return which appointment each request of a group has already booked, by the index of the request.

    Same names are assigned first, then each name that only one appointment can have, then the other names in order. Raises
    `Undecided` if that order would decide which appointment gets a corrected name.
    """
    left, own = list(appointments), dict[int, Appointment]()

    def assign(number: int, appointment: Appointment) -> None:
        own[number] = appointment
        left.remove(appointment)

    for number, each in enumerate(requests):
        exact = (a for a in left if _is_of_request(each, a) and fold(a.customer_name) == fold(each.name))
        if (appointment := next(exact, None)) is not None:
            assign(number, appointment)
    while meant := {
        number: candidates
        for number, each in enumerate(requests)
        if number not in own and (candidates := [a for a in left if _is_of_request(each, a)])
    }:
        number, candidates = min(meant.items(), key=lambda item: len(item[1]))
        name = requests[number].name
        if len(candidates) > 1 and any(correct_name(a.customer_name, name) != a.customer_name for a in candidates):
            raise Undecided(WhichBooked(requests[number], candidates))
        assign(number, candidates[0])
    return own


def _assign_renamed(request: BookingRequest, own: dict[int, Appointment], appointments: Sequence[Appointment]) -> None:
    """Add to `own` the appointments that get a new name: the caller was asked, and has decided so (`request.renames`).

    Raises `Undecided` if the caller was not asked yet, and an appointment of the group fits no request by name: it may be for
    the person with the new name, or for a person who does not come along now.
    """
    for number, each in enumerate(request.each):
        left = [a for a in appointments if a not in own.values() and _is_same_service(each, a)]
        if number in own or not left:
            continue
        if each.name not in request.renames:
            raise Undecided(NameUnclear(each.name, left[0]))
        renamed = next((a for a in left if str(a.id) == request.renames[each.name]), None)
        if renamed is not None:
            own[number] = renamed


def _is_of_request(request: BookingRequest, appointment: Appointment) -> bool:
    return _is_same_service(request, appointment) and same_name(request.name, appointment.customer_name)


def _is_same_service(request: BookingRequest, appointment: Appointment) -> bool:
    return same_services(appointment.service, request.rules.service.name)


def _is_at_group_time(request: BookingRequest, appointment: Appointment) -> bool:
    """Return whether an appointment in the requested branch starts between `request.start` and the end of the longest group."""
    is_there = appointment.branch == request.rules.branch.name
    return is_there and request.start <= appointment.starts_at < request.start + longest_group(request.rules)
