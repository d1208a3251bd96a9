"""Who comes along with the caller: an appointment for each, all booked or none (docs/decisions/0110-groups.md)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from askproai_core.input_values import plain_name
from askproai_runtime.booking.bookables import linked_event_types
from askproai_runtime.booking.group_times import longest_group
from askproai_runtime.booking.limits import LimitReached, sentence_of_call
from askproai_runtime.booking.phrases import join_list, same_name
from askproai_runtime.booking.request import BookingRequest, ServiceRequest, parse_service_request, read_text
from askproai_runtime.booking.slots import ServiceRules
from askproai_runtime.booking.store.appointments import Appointment
from askproai_runtime.booking.types import BookingContext, CallContext, ClarificationNeeded, FunctionOutcome
from askproai_runtime.booking.verification import asks_birth_date
from askproai_runtime.sentences import say
from askproai_runtime.visits import same_services

MOST_PEOPLE = 4  # of one group, the caller included


@dataclass(frozen=True, slots=True)
class Group:
    """The request of a caller who may bring others: its rules have those of the companions, whose names are in that order; empty
    where none is known yet.
    """

    service: ServiceRequest
    names: tuple[str, ...]


def add_companions(ctx: BookingContext, call: CallContext, args: Mapping[str, Any], service: ServiceRequest) -> Group:
    """Resolve `companions`: each with `customer_name`, `service` and `staff`, all optional; without a service, it is the caller's.

    Raises `ClarificationNeeded`, also where they cannot be booked together: at Cal.com each booking is one for itself, and where
    callers are verified each has an own birth date.
    """
    said: Sequence[Mapping[str, str]] = args.get("companions", ())
    if not said:
        return Group(service, ())
    limit = ctx.config().booking_limits.per_call
    if len(said) >= MOST_PEOPLE:
        raise ClarificationNeeded(say().too_many_people.format(count=MOST_PEOPLE))
    if len(said) >= limit:
        raise LimitReached(sentence_of_call(limit), outcome=FunctionOutcome.LIMITED, alternatives=[])
    people = [service]
    for each in said:
        own = {"service": read_text(each, "service"), "staff": read_text(each, "staff"), "branch": args.get("branch")}
        people.append(parse_service_request(ctx.config(), call, own, service.rules.service.name))
    local = [_only_local(ctx, each) for each in people]
    if asks_birth_date(ctx) or not all(each.rules.staff_members for each in local):
        raise ClarificationNeeded(
            say().only_one_by_one,
            cause="a group is booked in the local calendar only, by callers without a second factor",
        )
    companions = tuple(_only_named(each) for each in local[1:])
    rules = replace(local[0].rules, companions=companions)
    return Group(
        replace(local[0], rules=rules), tuple(plain_name(read_text(each, "customer_name") or "") for each in said)
    )


def require_names(group: Group) -> None:
    """Raise `ClarificationNeeded` if the name of somebody is missing."""
    if not all(group.names):
        raise ClarificationNeeded(say().names_of_companions)


def _only_local(ctx: BookingContext, request: ServiceRequest) -> ServiceRequest:
    """Return the request without those who are booked at the remote calendar; of one who was asked for nobody is left."""
    linked, rules = linked_event_types(ctx, request.rules.service), request.rules
    local = tuple(s for s in rules.staff_members if s.id not in linked and request.staff not in linked)
    return replace(request, rules=replace(rules, staff_members=local))


def _only_named(request: ServiceRequest) -> ServiceRules:
    return replace(request.rules, staff_members=tuple(request.rules.able(request.staff)))


def find_booked(request: BookingRequest, appointments: Sequence[Appointment]) -> list[Appointment]:
    """Return what `request` has booked before, of a group the appointment of each; empty if nothing.

    Raises `ClarificationNeeded` if the call has an appointment at this time that may be meant, or only some of a group's.
    """
    if not request.companions:
        found = request.find_repeated(appointments)
        return [] if found is None else [found]
    left = [a for a in appointments if a.live and _may_be_of(request, a)]
    booked: list[Appointment] = []
    missing: list[str] = []
    for each in request.each:
        own = next(
            (
                a
                for a in left
                if same_services(a.service, each.rules.service.name) and same_name(each.name, a.customer_name)
            ),
            None,
        )
        if own is None:
            missing.append(each.name)
        else:
            left.remove(own)
            booked.append(own)
    if not missing:
        return booked
    if booked:
        names = join_list([each.customer_name for each in booked])
        raise ClarificationNeeded(say().group_partly.format(booked=names, missing=join_list(missing)))
    request.each[0].find_repeated(appointments)
    return []


def _may_be_of(request: BookingRequest, appointment: Appointment) -> bool:
    """Return whether an appointment is at a time of the group's."""
    is_there = appointment.branch == request.rules.branch.name
    return is_there and request.start <= appointment.starts_at < request.start + longest_group(request.rules)
