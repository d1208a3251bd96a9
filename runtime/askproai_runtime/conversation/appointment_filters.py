"""Filters of a caller's appointments by the customer, service and staff member that a model names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.named_people import read_name_alone, read_people
from askproai_runtime.conversation.types import CallContext
from askproai_runtime.language.names import list_named_staff
from askproai_runtime.language.spoken_services import names_service
from askproai_runtime.person_names import same_name
from askproai_runtime.visits import list_parts

_Fits: TypeAlias = Callable[[Appointment], bool]


def narrow(
    config: TenantConfig, call: CallContext, args: Mapping[str, Any], appointments: Sequence[Appointment]
) -> list[Appointment]:
    """Return the appointments that fit the named customer, service and staff member. A name that fits none of them is ignored;
    if no appointment fits all remaining names, return all appointments.
    """
    deciding = [fits for fits in _list_filters(config, call, args) if any(map(fits, appointments))]
    return [each for each in appointments if all(fits(each) for fits in deciding)] or list(appointments)


def fits_all(config: TenantConfig, call: CallContext, args: Mapping[str, Any], appointment: Appointment) -> bool:
    """Return whether an appointment fits every customer, service and staff member that the arguments name."""
    return all(fits(appointment) for fits in _list_filters(config, call, args))


def is_of_service(config: TenantConfig, appointment: Appointment, text: str) -> bool:
    """Return True if every service that a text names is a service of the appointment, and the text names nothing else."""
    return names_service(text, [each for each in config.services if each.name in list_parts(appointment.service)])


def _list_filters(config: TenantConfig, call: CallContext, args: Mapping[str, Any]) -> list[_Fits]:
    """Return a test of appointments for each customer, service and staff member named. Unknown services and staff are ignored."""
    filters = list[_Fits]()
    text = read_text(args, "customer_name")
    if name := read_name_alone(text, call.said):
        names = [name, *filter(None, read_people(text).others)]  # "Petra und Tim Lange"
        filters.append(lambda each: any(same_name(name, each.customer_name) for name in names))
    service = read_text(args, "service") or ""
    if names_service(service, config.services):
        filters.append(lambda each: is_of_service(config, each, service))
    person = read_text(args, "staff")
    members = [member for branch in config.branches for member in branch.staff] if person else []
    if staff := {member.id for member in list_named_staff(person or "", members)}:
        filters.append(lambda each: each.staff in staff)
    return filters
