"""book_appointment without a time, or without a name at the time of a booked appointment: correct its details, and book
nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.caller_appointments import asks_birth_date
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.store.appointments import list_call_appointments
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.conversation.arguments.texts import read_said, read_text
from askproai_runtime.conversation.asked_choices import Chosen, read_choice, read_chosen
from askproai_runtime.conversation.booked_sentences import confirm
from askproai_runtime.conversation.corrected_entries import find_misnamed_appointment
from askproai_runtime.conversation.corrections import correct, find_own, with_details
from askproai_runtime.conversation.email_address import require_confirmed_email
from askproai_runtime.conversation.full_names import complete_name
from askproai_runtime.conversation.named_people import read_name_alone
from askproai_runtime.conversation.noted_changes import require_agreeing_notes
from askproai_runtime.conversation.owner_questions import ask_name, require_agreement, require_own_notes
from askproai_runtime.conversation.phone_argument import ask_if_unclear, note_unclear, read_phone
from askproai_runtime.conversation.requested_services import parse_service_request
from askproai_runtime.conversation.requested_times import parse_start
from askproai_runtime.conversation.spoken_booking import SpokenBooking, parse_details, wants_another
from askproai_runtime.conversation.time_arguments import read_parts
from askproai_runtime.conversation.types import Answer, CallContext, Choice
from askproai_runtime.conversation.verification import find_birth_date
from askproai_runtime.person_names import is_alike, same_name
from askproai_runtime.sentences import say
from askproai_runtime.visits import same_services


async def correct_details(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Answer | None:
    """Correct the details of the caller's appointment that the arguments mean, and return the answer; None if they mean none.

    Without an id, the call's only appointment is meant if the request changes it. If the request has neither that appointment's
    name nor its time, `ClarificationNeeded` asks, since the details may be another person's.
    """
    if wants_another(args) or args.get("companions") or read_choice(args) in {Choice.MOVE, Choice.CANCEL}:
        return None  # another appointment, or another time
    args = _identify_renamed(call, args)
    is_identified, is_timed = read_text(args, "appointment_id") is not None, any(read_parts(args))
    is_named = bool(read_name_alone(read_text(args, "customer_name"), call.said))
    if is_timed and (is_named or is_identified) and not (is_identified and read_text(args, "service") is None):
        return None  # another appointment, unless the request names this one by its id and start alone
    meant = await (
        find_own(ctx, call, read_text(args, "appointment_id")) if is_identified else _find_only(ctx, call, args)
    )
    if meant is None or meant.starts_at <= ctx.clock.now():
        return None
    request = _parse(ctx, replace(call, branch=meant.branch), args, meant)
    if not same_services(request.rules.service.name, meant.service):
        return None
    if is_timed and parse_start(args, call, request.service, say().when_to_book, {meant.starts_at}) != meant.starts_at:
        return None
    if not (is_identified or is_timed) and not request.chooses_phone and with_details(request, meant) == meant:
        return None
    if _is_second(call, args, request.name, meant):
        return None
    booked = replace(request.service, staff=meant.staff)
    require_agreeing_notes(ctx, call, request.notes, booked, meant.starts_at, meant.customer_name)
    if not (is_identified or is_named or is_timed):
        await require_agreement(ctx, call, f"details {request.phone} {request.email} {request.notes}", meant)
    else:
        await require_own_notes(ctx, call, request.notes, meant)
    await require_confirmed_email(ctx, call, args)
    return await correct(ctx, call, request, [meant], confirm(ctx, request, [meant], [], again=True))


def _identify_renamed(call: CallContext, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the arguments with the id of the appointment that the caller chose to rename, unless they have a time or an id."""
    name = read_name_alone(read_text(args, "customer_name"), call.said)
    chosen = read_chosen(call, args, name) if read_choice(args) is Choice.RENAME and not any(read_parts(args)) else None
    return args if chosen is None or read_text(args, "appointment_id") else {**args, "appointment_id": chosen.about}


def _is_second(call: CallContext, args: Mapping[str, Any], name: str, meant: Appointment) -> bool:
    """Return True if the caller chose a further appointment for another person. Raises `ClarificationNeeded` if unasked."""
    if not name or same_name(name, meant.customer_name):
        return False
    chosen = read_chosen(call, args, name)
    if chosen is not None and chosen.choice is Choice.FURTHER:
        return True
    is_misnamed = chosen is None and find_misnamed_appointment(args, name, [meant]) is not None
    if not is_misnamed and chosen != Chosen(Choice.RENAME, str(meant.id)):
        raise ask_name(name, meant)
    return False


async def _find_only(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Appointment | None:
    """Return the only live appointment of the call, or the only one of the named customer; else None. No lock is held.

    A name similar to the customer's is enough, and the caller is asked whether it corrects the customer's.
    """
    async with ctx.pool.acquire() as conn:
        appointments = await list_call_appointments(conn, ctx.tenant, call.call_id)
    if read_name_alone(read_text(args, "customer_name"), call.said):
        named = [each for each in appointments if same_name(_read_name(call, args, each), each.customer_name)]
        if not named and len(appointments) == 1:
            is_near = is_alike(_read_name(call, args, appointments[0]), appointments[0].customer_name)
            named = appointments if is_near else []
        appointments = named
    is_one = len(appointments) == 1 and appointments[0].live and appointments[0].settled
    return appointments[0] if is_one else None


def _parse(ctx: BookingContext, call: CallContext, args: Mapping[str, Any], meant: Appointment) -> SpokenBooking:
    """Return a booking request at the present time of the appointment `meant`, with the new details in the arguments."""
    config = ctx.config()
    service = parse_service_request(config, call, args, meant.service)
    said = read_phone(read_said(args, "phone"), config, call)
    ask_if_unclear(call, said, region_of(config, call.branch))
    name = _read_name(call, args, meant)  # none where none is said: another request may correct it at this moment
    request = parse_details(config, call, args, service, meant.starts_at, name, meant.phone)
    now, zone = ctx.clock.now(), service.rules.zone
    birth_date = find_birth_date(args, call, now, zone) if asks_birth_date(ctx) else None
    return replace(request, notes=note_unclear(request.notes, said), birth_date=birth_date)


def _read_name(call: CallContext, args: Mapping[str, Any], meant: Appointment) -> str:
    name = read_name_alone(read_text(args, "customer_name"), call.said)
    return complete_name(call, [meant], name) if name else ""
