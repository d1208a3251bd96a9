"""Decide which of the caller's other appointments stay in addition to a booking. Pure."""

from collections.abc import Sequence

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.book.appointments import Appointment, Status
from askproai_runtime.book.bookables import is_requested
from askproai_runtime.book.caller_appointments import CallerAppointments
from askproai_runtime.book.one_more import is_same_visit
from askproai_runtime.book.requests import BookingRequest
from askproai_runtime.person_names import same_name


def list_kept(
    config: TenantConfig,
    request: BookingRequest,
    known: CallerAppointments,
    repeated: Sequence[Appointment] = (),
) -> list[Appointment]:
    """Return the caller's appointments that stay in addition to this booking. The desk, which sees the day, gets none.

    These are the calling number's appointments for this person that have the same service or were listed in an answer
    (docs/decisions/0100-a-second-time-for-one-person-is-asked-for.md), and other people's appointments at the very same time
    ("Mia kommt für mich"). The number's appointments are left out if a number alone proves nothing. `repeated` are the call's
    earlier appointments for this request: the others of their group stay. With `another`, the call's earlier appointments stay:
    a model may book a corrected time in this way. Only confirmed appointments are returned, since the calendar may still refuse
    the others.
    """
    if request.actor.desk is not None:
        return []
    group = [each for each in known.of_call if repeated and _is_of_group(repeated[0], each)]
    replaced = None if request.replaces is None else request.replaces.id
    left_out = {*(each.id for each in repeated), request.replaces_afterwards, replaced}
    others = [*(known.of_call if request.another else ()), *known.of_number]
    is_then = [each for each in others if not request.another and each.starts_at == request.start]
    own = [each for each in others if _is_of_one(request, each) or each in is_then]
    kept = [each for each in (*group, *own) if each.id not in left_out]
    return [each for each in kept if each.status == Status.CONFIRMED and not is_requested(config, each)]


def _is_of_one(request: BookingRequest, appointment: Appointment) -> bool:
    """Return whether an appointment is for a person of the request, and has the same service or was named to the caller."""
    is_listed = str(appointment.id) in request.doubts.listed
    return any(
        is_same_visit(one, appointment) or (is_listed and same_name(one.name, appointment.customer_name))
        for one in request.each
    )


def _is_of_group(own: Appointment, other: Appointment) -> bool:
    """Return whether two appointments of a call have the same branch and start, but different names."""
    is_then = (other.branch, other.starts_at) == (own.branch, own.starts_at)
    return is_then and other.id != own.id and not same_name(own.customer_name, other.customer_name)
