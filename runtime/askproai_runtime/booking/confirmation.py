"""What a caller hears of a booking that is written."""

from collections.abc import Sequence
from typing import Any

from askproai_core.database import Connection
from askproai_runtime.booking.answers import (
    appointment_fields,
    appointment_list_fields,
    describe_appointment,
    end_sentence,
    is_requested,
    preparation_of,
)
from askproai_runtime.booking.full_names import ask_full_names
from askproai_runtime.booking.further import is_same_visit, list_of_number
from askproai_runtime.booking.phone_argument import say_noted
from askproai_runtime.booking.request import BookingRequest
from askproai_runtime.booking.store.appointments import Appointment, Status, list_call_appointments
from askproai_runtime.booking.types import Answer, BookingContext, CallContext, FunctionOutcome
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.language.phrases import same_name
from askproai_runtime.sentences import decline_name, format_spoken, format_spoken_today, say


async def find_kept(
    conn: Connection,
    ctx: BookingContext,
    call: CallContext,
    request: BookingRequest,
    repeated: Sequence[Appointment] = (),
    written: Sequence[Appointment] = (),
) -> list[Appointment]:
    """Return what the caller's number has of this service for this person beside what this call has booked, in order of time
    (docs/decisions/0100-a-second-time-for-one-person-is-asked-for.md), and the appointments of others at the very same time ("Mia
    kommt für mich"). `repeated` is what the call has booked of it before: the others of its group stay, too. With `another` so
    does what the call has booked beside it, which is not `written` just now: a model may book a corrected time so.

    Of any service are those that an answer has listed. Empty where a number alone proves nothing, and for the desk, which sees the
    day. One that its calendar may still refuse is not among them: nobody can say that it stays.
    """
    if request.desk is not None:
        return []
    is_beside = bool(repeated) or request.another
    of_call = await list_call_appointments(conn, ctx.tenant, call.call_id) if is_beside else []
    group = [each for each in of_call if repeated and _is_of_group(repeated[0], each)]
    left_out = {*(each.id for each in (*repeated, *written)), request.replaces_afterwards}
    others = [*(of_call if request.another else ()), *await list_of_number(conn, ctx, call)]
    is_then = [each for each in others if not request.another and each.starts_at == request.start]
    own = [each for each in others if _is_of_one(call, request, each) or each in is_then]
    kept = [each for each in (*group, *own) if each.id not in left_out]
    return [each for each in kept if each.status == Status.CONFIRMED and not is_requested(ctx.config(), each)]


def _is_of_one(call: CallContext, request: BookingRequest, appointment: Appointment) -> bool:
    """Return whether an appointment is for one of those who come: of the requested service, or listed by an answer."""
    is_listed = str(appointment.id) in call.listed
    return any(
        is_same_visit(one, appointment) or (is_listed and same_name(one.name, appointment.customer_name))
        for one in request.each
    )


def _is_of_group(own: Appointment, other: Appointment) -> bool:
    """Return whether two appointments of a call are at one time, for two people."""
    is_then = (other.branch, other.starts_at) == (own.branch, own.starts_at)
    return is_then and other.id != own.id and not same_name(own.customer_name, other.customer_name)


def confirm(
    ctx: BookingContext,
    request: BookingRequest,
    appointments: Sequence[Appointment],
    kept: Sequence[Appointment],
    *,
    again: bool,
) -> Answer:
    """Return the answer to a booking of `appointments`. `again`: they were booked before it; `kept` is of `find_kept`."""
    first = appointments[0]
    single = len(appointments) == 1
    message = (
        _say_booked(ctx, request, first, kept, again)
        if single
        else f"{_say_group(ctx, appointments, again)}{_say_kept(ctx, request, kept)}"
    )
    if first.live and not again and (preparation := preparation_of(request.rules)):
        message = f"{message} {preparation}"
    if first.live:
        message = f"{message}{_say_phone(ctx, request, first, again=again)}"
    fields: dict[str, Any] = {**appointment_fields(request.rules.zone, first), "customer_name": first.customer_name}
    if first.live and request.short_names and not again:
        message, fields["needs_name"] = f"{message}{ask_full_names(request)}", True
    if not single:
        fields["appointments"] = appointment_list_fields(ctx.config(), appointments, ctx.clock.now())
    ended = FunctionOutcome.ALREADY_BOOKED if again else FunctionOutcome.BOOKED
    return Answer(
        success=first.live, message=message, fields=fields, outcome=ended if first.live else FunctionOutcome.GONE
    )


def _say_booked(
    ctx: BookingContext, request: BookingRequest, appointment: Appointment, kept: Sequence[Appointment], again: bool
) -> str:
    rules = request.rules
    staff_name = decline_name(rules.display_name(appointment.staff))
    spoken = format_spoken_today(appointment.starts_at, rules.zone, ctx.clock.now())
    whom = say().for_customer.format(name=appointment.customer_name) if request.names_customer else ""
    when = say().appointment.format(when=spoken, service=rules.service.display_name, staff=staff_name, place=whom)
    if not appointment.live:  # cancelled by somebody at this very moment
        return say().just_cancelled.format(when=when)
    stays = _say_kept(ctx, request, kept)
    name = "" if again else _say_other_staff(request, appointment) + _say_name(request, appointment)
    if is_requested(ctx.config(), appointment):
        return f"{say().booking_requested.format(when=when)}{name}{stays}"
    message = (say().stands_already if again else say().booked).format(when=when) + name
    message += end_sentence(ctx.config(), appointment)
    message += say().only_this_one if request.leaves_out else ""
    to_confirm = say().calendar_has_to_confirm if appointment.status == Status.PENDING_SYNC else ""
    return f"{message}{to_confirm}{stays}"


def _say_other_staff(request: BookingRequest, appointment: Appointment) -> str:
    """Say that it was not possible with whom the time was offered, where the caller has neither named nor excluded anybody."""
    offered = request.offered_staff
    if offered is None or offered in {appointment.staff, *request.service.excluded}:
        return ""
    if request.service.staff is not None:
        return ""
    return say().not_with_offered.format(staff=decline_name(request.rules.display_name(offered)))


def _say_name(request: BookingRequest, appointment: Appointment) -> str:
    """Say the name of a booking that a caller has made, unless the sentence has said it."""
    if request.desk is not None or request.names_customer:
        return ""
    return say().booked_name.format(name=appointment.customer_name)


def _say_phone(ctx: BookingContext, request: BookingRequest, appointment: Appointment, *, again: bool) -> str:
    """Read a dictated number back, or say that it was not whole, and which one is noted all the same. A caller who names a
    number for an existing appointment hears which one is noted with it.
    """
    said, region = request.said_phone, region_of(ctx.config(), request.rules.branch.name)
    number = appointment.phone if again else request.phone
    if said is not None and said.half is not None:
        return (
            say().phone_not_noted
            if number is None
            else f"{say().phone_was_half}{say_noted(number, request.caller, region)}"
        )
    is_said = said is not None if again else request.dictates_phone
    return say_noted(number, request.caller, region) if is_said else ""


def _say_kept(ctx: BookingContext, request: BookingRequest, kept: Sequence[Appointment]) -> str:
    """Say which appointments stay: each of another person of the group, the only one of this person, or how many this person has,
    since the times of a series are known to its customer.
    """
    own = [each for each in kept if same_name(request.name, each.customer_name)]
    others = [each for each in kept if each not in own]
    said = [_say_stays(ctx, request, each, say().for_customer.format(name=each.customer_name)) for each in others]
    if len(own) > 1:
        said.append(say().others_stay.format(count=len(own)))
    elif own:
        said.append(_say_stays(ctx, request, own[0]))
    return "".join(said)


def _say_stays(ctx: BookingContext, request: BookingRequest, kept: Appointment, whom: str = "") -> str:
    when = format_spoken(kept.starts_at, request.rules.zone, ctx.clock.now())
    return say().other_stays.format(when=f"{when}{whom}")


def _say_group(ctx: BookingContext, appointments: Sequence[Appointment], again: bool) -> str:
    config, now = ctx.config(), ctx.clock.now()
    said = list[str]()
    for each in appointments:
        when = describe_appointment(config, each, now, named=True)
        if said:
            sentence = say().group_besides.format(appointment=when)
        else:
            sentence = (say().group_stands_already if again else say().group_booked).format(first=when)
        said.append(f"{sentence}{end_sentence(config, each)}")
    return "".join(said)
