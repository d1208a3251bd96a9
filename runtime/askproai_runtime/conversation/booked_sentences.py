"""The sentences that a caller hears after a booking is stored."""

from collections.abc import Sequence
from typing import Any

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.book.appointments import Appointment, Status
from askproai_runtime.book.bookables import is_requested
from askproai_runtime.book.context import BookingContext
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.conversation.answers import (
    appointment_fields,
    appointment_list_fields,
    describe_appointment,
    end_sentence,
    preparation_of,
    say_place,
    say_stays,
)
from askproai_runtime.conversation.full_names import ask_full_names
from askproai_runtime.conversation.phone_argument import SaidPhone, say_noted
from askproai_runtime.conversation.slot_sentences import is_in_turn
from askproai_runtime.conversation.spoken_booking import SpokenBooking
from askproai_runtime.conversation.types import Answer, FunctionOutcome
from askproai_runtime.person_names import fold, same_name
from askproai_runtime.sentences import decline_name, format_spoken_today, say


def confirm(
    ctx: BookingContext,
    request: SpokenBooking,
    appointments: Sequence[Appointment],
    kept: Sequence[Appointment],
    *,
    again: bool,
    is_said: bool = True,
) -> Answer:
    """Return the answer to a booking of `appointments`. `again`: an earlier request booked them. `kept` are others that stay.
    Without `is_said` live appointments are not said, for an answer about their details alone.
    """
    first = appointments[0]
    single = len(appointments) == 1
    message = ""
    if is_said or not first.live:
        message = (
            _say_booked(ctx, request, first, kept, again)
            if single
            else f"{_say_group(ctx, appointments, again)}{_say_kept(ctx, request, kept)}"
        )
    if first.live and not again and (preparation := preparation_of(request.rules)):
        message = f"{message} {preparation}"
    if first.live:
        message = f"{message}{_say_phone(ctx, request, first, again=again)}"
    if first.live and not again and request.email:
        message = f"{message}{say_no_mail(ctx.config(), appointments)}"
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
    ctx: BookingContext, request: SpokenBooking, appointment: Appointment, kept: Sequence[Appointment], again: bool
) -> str:
    rules = request.rules
    staff_name = decline_name(rules.display_name(appointment.staff))
    spoken = format_spoken_today(appointment.starts_at, rules.zone, ctx.clock.now())
    whom = say().for_customer.format(name=appointment.customer_name) if request.names_customer else ""
    place = f"{say_place(ctx.config(), rules.branch)}{whom}"
    when = say().appointment.format(when=spoken, service=rules.service.display_name, staff=staff_name, place=place)
    if not appointment.live:  # cancelled by somebody at this very moment
        return say().just_cancelled.format(when=when)
    stays = _say_kept(ctx, request, kept)
    name = "" if again else _say_other_staff(request, appointment) + _say_name(request, appointment)
    if is_requested(ctx.config(), appointment):
        return f"{say().booking_requested.format(when=when)}{name}{stays}"
    message = (say().already_booked if again else say().booked).format(when=when) + name
    message += end_sentence(ctx.config(), appointment)
    is_only = all(fold(each.customer_name) == fold(appointment.customer_name) for each in kept)
    message += say().only_this_one if request.leaves_out and is_only else ""
    to_confirm = say().calendar_has_to_confirm if appointment.status == Status.PENDING_SYNC else ""
    return f"{message}{to_confirm}{stays}"


def _say_other_staff(request: SpokenBooking, appointment: Appointment) -> str:
    """Return the sentence that the offered staff member was not possible; "" if the caller named or excluded a staff member."""
    offered = request.offered_staff
    if offered is None or offered in {appointment.staff, *request.service.excluded}:
        return ""
    if request.service.staff is not None:
        return ""
    return say().not_with_offered.format(staff=decline_name(request.rules.display_name(offered)))


def _say_name(request: SpokenBooking, appointment: Appointment) -> str:
    """Return the sentence with the customer's name, unless the booking's sentence already has it."""
    if request.names_customer:
        return ""
    return say().booked_name.format(name=appointment.customer_name)


def _say_phone(ctx: BookingContext, request: SpokenBooking, appointment: Appointment, *, again: bool) -> str:
    """Return the sentence that reads a dictated number back; or that it was incomplete, and which number is stored. For an
    appointment that existed before, it has the number stored with it.
    """
    said, region = request.said_phone, region_of(ctx.config(), request.rules.branch.name)
    number = appointment.phone if again else request.phone
    if said is not None and said.half is not None:
        return (
            say().phone_not_noted
            if number is None
            else f"{say().phone_was_half}{say_noted(number, request.actor.caller, region)}"
        )
    if number is None and said == SaidPhone():  # the number of the call, under which nobody can be reached
        return say().no_number_noted
    is_heard = said is not None and said.is_heard
    if number is None and is_heard:
        return say().phone_only_heard
    is_said = said is not None if again or is_heard else request.dictates_phone
    noted = say_noted(number, request.actor.caller, region) if is_said else ""
    if not is_heard:
        return noted
    return f"{say().phone_stays if again else say().phone_was_unclear}{noted}"


def say_no_mail(config: TenantConfig, appointments: Sequence[Appointment]) -> str:
    """Return the sentence that no e-mail is sent; "" if the business, or a remote calendar, sends one."""
    mails = config.notifications is not None and config.notifications.customer is not None
    return "" if mails or any(each.in_remote_calendar for each in appointments) else say().no_mail


def _say_kept(ctx: BookingContext, request: SpokenBooking, kept: Sequence[Appointment]) -> str:
    """Return the sentences about appointments that stay beside the booked one: one for each of another customer; for this
    customer the only one, or just the number of several, since the customer of a series knows its times.
    """
    own = [each for each in kept if same_name(request.name, each.customer_name)]
    others = [each for each in kept if each not in own]
    config, now = ctx.config(), ctx.clock.now()
    said = [say_stays(config, each, now, named=True) for each in others]
    if len(own) > 1:
        said.append(say().others_stay.format(count=len(own)))
    elif own:
        said.append(say_stays(config, own[0], now, named=False))
    return "".join(said)


def _say_group(ctx: BookingContext, appointments: Sequence[Appointment], again: bool) -> str:
    config, now = ctx.config(), ctx.clock.now()
    said = list[str]()
    for each in appointments:
        when = describe_appointment(config, each, now, named=True)
        if said:
            sentence = say().group_also.format(appointment=when)
        else:
            sentence = (say().group_already_booked if again else say().group_booked).format(first=when)
        said.append(f"{sentence}{end_sentence(config, each, of_several=True)}")
    in_turn = say().group_in_turn if is_in_turn((each.starts_at, each.ends_at) for each in appointments) else ""
    return f"{''.join(said)}{in_turn}"
