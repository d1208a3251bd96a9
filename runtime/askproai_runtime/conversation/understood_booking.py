"""Understand a booking request: whom, what and when the caller means, and which appointment it corrects or replaces."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from askproai_core.database import Connection
from askproai_runtime.availability.obstacles import Obstacle, find_obstacle
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.booking import require_phone
from askproai_runtime.book.caller_appointments import asks_birth_date, list_own
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.one_more import find_in_the_way, is_same_visit, is_second_person
from askproai_runtime.book.outcomes import Undecided
from askproai_runtime.book.store.appointments import get_customer_name, list_call_appointments
from askproai_runtime.book.usual_staff import prefer_usual_staff
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.conversation.arguments.texts import read_said, read_text
from askproai_runtime.conversation.asked_choices import Chosen, read_chosen, read_move, read_renames
from askproai_runtime.conversation.companions import BookedOneByOne, add_companions, leaves_out, name_everybody
from askproai_runtime.conversation.corrections import find_corrected, find_own
from askproai_runtime.conversation.day_readings import name_start
from askproai_runtime.conversation.detail_corrections import correct_details
from askproai_runtime.conversation.doubts import (
    asks_another_time,
    never_speaks_of_another,
    require_not_declined,
    wants_one_more,
)
from askproai_runtime.conversation.email_address import require_confirmed_email
from askproai_runtime.conversation.full_names import complete_name, list_short_names, read_asked_name, require_full_name
from askproai_runtime.conversation.kept_offers import add_kept_offers, read_lost_offers
from askproai_runtime.conversation.last_days import after_request
from askproai_runtime.conversation.named_appointments import find_others
from askproai_runtime.conversation.named_days import put_on_named_day
from askproai_runtime.conversation.named_people import name_people
from askproai_runtime.conversation.noted_changes import find_noted_staff, require_agreeing_notes
from askproai_runtime.conversation.offered_groups import find_named
from askproai_runtime.conversation.one_by_one import OneOfGroup, find_next
from askproai_runtime.conversation.phone_argument import ask_for_phone, ask_if_unclear, note_unclear, read_phone
from askproai_runtime.conversation.questions import ask, ask_about_several
from askproai_runtime.conversation.relative_times import add_offered_weeks
from askproai_runtime.conversation.requested_services import parse_service_request
from askproai_runtime.conversation.spoken_booking import SpokenBooking, parse_booking_request
from askproai_runtime.conversation.types import Answer, CallContext, Choice, ClarificationNeeded
from askproai_runtime.conversation.unsaid_days import find_unheard, require_said_day
from askproai_runtime.conversation.verification import require_birth_date
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import say


@dataclass(frozen=True, slots=True)
class UnderstoodBooking:
    """A booking request as understood, with the call in which the branch is found. `named` is the appointment whose details it
    corrects; `instead` is the appointment that is moved, or cancelled, for it, by the choice `chosen`. `is_booked`: the
    model asks for one more (`another`), but the call has booked exactly this. `chooses_move`: the argument `choice` is a
    move. `in_the_way`: the person's own appointment that may be why a time for one more is not free, and the caller has not
    chosen one more.
    """

    call: CallContext
    request: SpokenBooking
    chosen: Chosen | None
    named: Appointment | None
    instead: Appointment | None
    is_booked: bool
    chooses_move: bool
    in_the_way: Appointment | None


async def understand_booking(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any]
) -> UnderstoodBooking | OneOfGroup | Answer:
    """Return the understood booking; the `OneOfGroup` if one person of a group is booked alone; or the answer if the request
    corrects an appointment.

    Raises `ClarificationNeeded` if a part of the request is unclear.
    """
    said_notes = args.get("notes")
    args = name_people(args, ctx.config().services, say().whose_name, call)
    if (corrected := await correct_details(ctx, call, args)) is not None:
        return corrected
    call, before = await _read_booked(ctx, call, args)
    appointments = before.appointments
    args, request = await _read_start(ctx, call, args, appointments)
    require_agreeing_notes(
        ctx, call, request.notes, request.service, request.start, request.name, request.offered_staff
    )
    chosen = read_chosen(call, args, request.name, appointments)
    is_second = chosen is not None and chosen.choice is Choice.FURTHER
    if not (request.another or is_second):
        then = [each for each in appointments if each.starts_at == request.start]
        request = replace(request, name=complete_name(call, then, request.name, read_asked_name(call)))
    moves, chooses_move = read_move(args, chosen)
    request, in_the_way, goes = _read_another(call, request, before, is_second=is_second)
    request = replace(
        request,
        names_customer=bool(before.names - {fold(request.name)}) or args.get("notes") != said_notes,
        moves=moves or (chosen is None and goes),
    )
    try:
        request = _add_group(ctx, call, args, request, appointments, is_second=is_second)
    except BookedOneByOne as together:
        return find_next(call, args, request, appointments, together)
    in_group = bool(request.companions)
    instead = await _find_instead(ctx, call, request, chosen, appointments) if chosen and not in_group else None
    is_new_person = is_second_person(request, appointments) and not in_group
    # Two under one name are only those of a caller who has chosen a further one.
    is_booked = request.another and not (is_second or in_group) and request.is_booked_in(appointments)
    another = (request.another and not is_booked) or is_second or is_new_person or instead is not None
    request = await _complete(ctx, call, args, replace(request, another=another), before)
    named = await find_corrected(ctx, call, request, args, chosen, appointments)
    require_full_name(ctx, call, request, named or instead)
    return UnderstoodBooking(call, request, chosen, named, instead, is_booked, chooses_move, in_the_way)


@dataclass(frozen=True, slots=True)
class _Booked:
    """The appointments of this call, and its folded customer names with that of its number. `own` has those of the number, if the
    request is for one more and the caller never spoke of another. `named` is the appointment id in the request; `is_listed`:
    the call has listed it, so this appointment is to be given up.
    """

    appointments: Sequence[Appointment]
    names: set[str]
    own: Sequence[Appointment]
    is_unsaid: bool
    named: str
    is_listed: bool


async def _read_booked(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> tuple[CallContext, _Booked]:
    """Return what is booked before this request, and the call with the offers that it has lost or still keeps."""
    named = read_text(args, "appointment_id") or ""
    async with ctx.pool.acquire() as conn:
        appointments = await list_call_appointments(conn, ctx.tenant, call.call_id)
        names = await _list_known_names(conn, ctx, call, appointments)
        call = await read_lost_offers(conn, ctx.tenant, call, appointments)
        is_unsaid = never_speaks_of_another(call)
        own = await list_own(conn, ctx, call.actor) if args.get("another") and is_unsaid else []
    booked = _Booked(appointments, names, own, is_unsaid, named, named in call.listed)
    listed = call.listed | {named} if named else call.listed
    return add_kept_offers(replace(call, listed=listed), appointments), booked


def _read_another(
    call: CallContext, request: SpokenBooking, before: _Booked, *, is_second: bool
) -> tuple[SpokenBooking, Appointment | None, bool]:
    """Return the request, the person's own appointment that may be in the way of one more, and whether an appointment may have to
    go: the request names one that the call has listed, or asks for one more against the caller's words. A request that names
    the appointment in the way is not for one more.
    """
    if not request.another:
        return request, None, before.is_listed
    known_own = [*before.appointments, *(each for each in before.own if str(each.id) in call.listed)]
    goes = _contradicts_another(call, request, known_own if before.is_unsaid else ())
    in_the_way = None if is_second or wants_one_more(call) else find_in_the_way(request, known_own)
    is_named = in_the_way is not None and str(in_the_way.id) == before.named
    return replace(request, another=not is_named), in_the_way, goes


async def _complete(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], request: SpokenBooking, before: _Booked
) -> SpokenBooking:
    """Return the request with its usual staff member, birth date and number. Raises `ClarificationNeeded` if one is missing."""
    service = await prefer_usual_staff(ctx, request.service, call.caller)
    request = replace(request, service=service)
    request = replace(request, short_names=list_short_names(call, request, before.appointments, before.names))
    await require_confirmed_email(ctx, call, args)
    return _ask_for_phone(ctx, call, args, _ask_for_birth_date(ctx, call, args, request))


def _contradicts_another(call: CallContext, request: SpokenBooking, own: Iterable[Appointment]) -> bool:
    """Return whether `another` may be filled in against the caller's words, or in place of one of the appointments `own`."""
    changes = request.doubts.changes or asks_another_time(call)
    return any(_is_same_day(request, each) for each in own) or (changes and not wants_one_more(call))


def _is_same_day(request: SpokenBooking, appointment: Appointment) -> bool:
    """Return whether a live appointment is for the requested person, service and day, but for another time."""
    if not appointment.live or appointment.starts_at == request.start or not is_same_visit(request, appointment):
        return False
    day, own_day = (at.astimezone(request.rules.zone).date() for at in (request.start, appointment.starts_at))
    return day == own_day


def _add_group(
    ctx: BookingContext,
    call: CallContext,
    args: Mapping[str, Any],
    request: SpokenBooking,
    appointments: Sequence[Appointment],
    *,
    is_second: bool,
) -> SpokenBooking:
    """Return the request with its companions. Raises `ClarificationNeeded` if one is unclear; remotely, `BookedOneByOne`."""
    offered = find_named(call, request.rules, request.start)
    is_alone = request.another or is_second or any(each.live for each in appointments)
    if not (is_alone or asks_birth_date(ctx)):  # else each person has an appointment of the call's own
        request = replace(request, leaves_out=leaves_out(call, args, offered[1:]))
    group = add_companions(ctx, call, args, request.service, () if is_alone else offered[1:])
    group = name_everybody(call, args, group, request.name, another=request.another)
    return replace(
        request,
        service=group.service,
        companions=group.names,
        renames=read_renames(call, args, (request.name, *group.names), appointments) if group.names else {},
        offered_staff=request.offered_staff if offered or not group.names else None,
    )


async def _read_start(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], appointments: Sequence[Appointment]
) -> tuple[Mapping[str, Any], SpokenBooking]:
    """Return the arguments and the request, with the start that they mean. Raises `ClarificationNeeded` if a part is unclear."""
    try:
        parsed = _parse(ctx, call, _put_on_day(ctx, call, args), appointments)
        booked = [each.starts_at for each in appointments if each.live]
        rules, start, staff = parsed[1].rules, parsed[1].start, parsed[1].service.staff
        require_said_day(call, args, start, rules.zone, booked=booked)
        # A time that no rule allows is refused with its reason, whatever the caller says to it.
        if find_obstacle(rules, start, ctx.clock.now(), staff) is Obstacle.TAKEN:
            require_not_declined(call, start, rules.zone)
    except ClarificationNeeded as question:
        start = await find_unheard(ctx, call, args, question)
        return _parse(ctx, call, name_start(args, start), appointments)
    return parsed


def _parse(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], appointments: Sequence[Appointment]
) -> tuple[Mapping[str, Any], SpokenBooking]:
    """Return the arguments and the request, with the staff member from the notes if the caller has agreed to that one."""
    request = parse_booking_request(ctx.config(), call, args, appointments)
    if (staff := find_noted_staff(call, request.notes, request.service, request.name)) is None:
        return args, request
    args = {**args, "staff": staff}
    return args, parse_booking_request(ctx.config(), call, args, appointments)


def _put_on_day(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the arguments with the day of an earlier answer that they mean. Raises `ClarificationNeeded` if it is unclear."""
    zone, find_service = ZoneInfo(ctx.config().time_zone), partial(parse_service_request, ctx.config(), call, args)
    args = put_on_named_day(after_request(call, zone), args, zone, find_service)
    return add_offered_weeks(args, call, zone, find_service)


async def _find_instead(
    ctx: BookingContext,
    call: CallContext,
    request: SpokenBooking,
    chosen: Chosen,
    appointments: Sequence[Appointment],
) -> Appointment | None:
    """Return the appointment that is moved, or cancelled, for the requested one; None if there is none or it is gone."""
    if chosen.choice not in {Choice.MOVE, Choice.CANCEL}:
        return None
    if chosen.among and chosen.about not in chosen.among:
        return await _find_among(ctx, call, request, chosen.among)
    instead = await find_own(ctx, call, chosen.about)
    live = [each for each in appointments if each.live]
    if instead is None or instead.id not in {each.id for each in live}:
        return instead
    was_asked = bool(chosen.among) and any(chosen.about in each.texts for each in call.earlier[-1:])
    others = [] if was_asked else find_others(ctx.config(), call, {}, live, instead, request.start)
    if others:  # "statt dem Bartschnitt", and the request is about the haircut
        raise ask_about_several(ctx, request, [instead, *others], moves=True)
    return instead


async def _find_among(
    ctx: BookingContext, call: CallContext, request: SpokenBooking, among: Iterable[str]
) -> Appointment | None:
    """Return the only live appointment whose id is in `among`; None without one. If several are left, ask which to move."""
    found = [await find_own(ctx, call, each) for each in among]
    left = [each for each in found if each is not None]
    if len(left) > 1:
        raise ask_about_several(ctx, request, left, moves=True)
    return left[0] if left else None


def _ask_for_birth_date(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], request: SpokenBooking
) -> SpokenBooking:
    """Return the request, with a birth date if the tenant requires one. Raises `ClarificationNeeded` without a clear one."""
    if not asks_birth_date(ctx):
        return request
    return replace(request, birth_date=require_birth_date(args, call, ctx.clock.now(), request.rules.zone))


def _ask_for_phone(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], request: SpokenBooking
) -> SpokenBooking:
    """Return the request with the number to store. Words of a phone number that could not be read are added to its notes.

    Raises `ClarificationNeeded` if the caller has to be asked for the number.
    """
    said = read_phone(read_said(args, "phone"), ctx.config(), call)
    ask_if_unclear(call, said, region_of(ctx.config(), call.branch))
    try:
        require_phone(ctx, request)
    except Undecided as undecided:
        raise ask(ctx, undecided.outcome) from None
    ask_for_phone(call, said, request.phone)
    return replace(request, notes=note_unclear(request.notes, said))


async def _list_known_names(
    conn: Connection, ctx: BookingContext, call: CallContext, appointments: Iterable[Appointment]
) -> set[str]:
    """Return the folded customer names of this call's appointments, and the name of the first customer of the caller's number.
    The number's is left out if the tenant asks for birth dates, since a number alone then proves nothing.
    """
    names = {each.customer_name for each in appointments if each.live}
    if call.caller and not asks_birth_date(ctx):
        names.add(await get_customer_name(conn, ctx.tenant, call.caller) or "")
    return {fold(name) for name in names} - {""}
