"""The rules of a service, and its event types and hosts at the remote calendar, from the tenant's config. Pure."""

from dataclasses import replace
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import Service, TenantConfig, Withheld
from askproai_core.tenant_config.services import EventType, TeamEventType
from askproai_runtime.availability.slots import ServiceRules
from askproai_runtime.book.appointments import Appointment, Status
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.calendars import Bookable
from askproai_runtime.visits import find_by_name


def find_rules(config: TenantConfig, branch_name: str, service_name: str) -> ServiceRules | None:
    """Return the rules of a service or visit in a branch, by their names in the config; None if it is no longer offered."""
    branch, service = config.find_branch(branch_name), find_by_name(config, service_name, branch_name)
    return ServiceRules.of(ZoneInfo(config.time_zone), branch, service) if branch and service else None


def linked_event_types(ctx: BookingContext, service: Service) -> dict[str, int]:
    """Return the id of the event type in which a service is booked, for each linked staff member."""
    return {staff: bookable.event_type_id for staff, bookable in linked_bookables(ctx, service).items()}


def linked_bookables(ctx: BookingContext, service: Service) -> dict[str, Bookable]:
    """Return the bookable whose free times limit a service, for each linked staff member.

    Staff members without an event type are in the local calendar only, and are left out. The result is empty for services with
    seats (a capacity above 1), which are not booked in the remote calendar.
    """
    if not ctx.calendar.remote or service.capacity != 1:
        return {}
    return {link.staff: _bookable(link) for link in reversed(service.linked_event_types)}


def list_possible_hosts(service: Service, staff: str) -> set[str]:
    """Return the staff members among whom the remote calendar chooses the host of a booking with `staff`; only `staff` if it has
    no choice.
    """
    link = next((each for each in service.linked_event_types if each.staff == staff), None)
    if not isinstance(link, TeamEventType) or link.by_host:
        return {staff}
    return {each.staff for each in service.linked_event_types if each.event_type_id == link.event_type_id}


def list_refused_staff(ctx: BookingContext, service: Service) -> set[str]:
    """Return the ids of the staff members whose event type does not exist: every booking with them is refused."""
    if not ctx.calendar.remote or service.capacity != 1:
        return set()
    links = {link.staff: link.withheld for link in reversed(service.linked_event_types)}
    return {staff for staff, withheld in links.items() if withheld is Withheld.NOT_FOUND}


def list_bookables(config: TenantConfig) -> list[Bookable]:
    """Return all bookables whose free times may be requested, grouped by service."""
    services = (service for service in config.services if service.capacity == 1)
    links = (link for service in services for link in service.linked_event_types if link.withheld is None)
    return list(dict.fromkeys(map(_bookable, links)))


def _bookable(link: EventType) -> Bookable:
    host_id = link.host_id if isinstance(link, TeamEventType) and link.by_host else 0
    return Bookable(link.event_type_id, host_id)


def find_event_types_of_person(config: TenantConfig, event_type_id: int | None) -> list[int]:
    """Return the ids of all event types of the persons linked to `event_type_id`; if nobody is linked to it, of all persons.

    A booking makes a person busy in all of the person's event types. One person has the same resources in every branch.
    """
    links = (link for service in config.services for link in service.linked_event_types)
    return find_event_types_of_staff(config, {link.staff for link in links if link.event_type_id == event_type_id})


def find_event_types_of_staff(config: TenantConfig, staff_ids: set[str]) -> list[int]:
    """Return the ids of all event types of these staff members, in all their branches; all event types if `staff_ids` is empty."""
    links = [link for service in config.services for link in service.linked_event_types]
    staff = [staff_member for branch in config.branches for staff_member in branch.staff]
    resources = {r for staff_member in staff if staff_member.id in staff_ids for r in staff_member.resource_ids}
    names = staff_ids | {staff_member.id for staff_member in staff if resources.intersection(staff_member.resource_ids)}
    return list(dict.fromkeys(link.event_type_id for link in links if not staff_ids or link.staff in names))


def leave_out_refused(ctx: BookingContext, request: ServiceRequest) -> ServiceRequest:
    """Return the request without the staff members whom the remote calendar refuses; with nobody if one of them is requested."""
    refused, rules = list_refused_staff(ctx, request.rules.service), request.rules
    able = tuple(s for s in rules.staff_members if s.id not in refused and request.staff not in refused)
    return replace(request, rules=replace(rules, staff_members=able))


def is_requested(config: TenantConfig, appointment: Appointment) -> bool:
    """Return whether a person must accept the appointment in the remote calendar, now or as soon as its booking is there."""
    pending = appointment.status == Status.PENDING_SYNC
    return appointment.awaits_confirmation or (pending and config.needs_confirmation(appointment.event_type_id))
