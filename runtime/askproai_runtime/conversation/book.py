"""book_appointment: a caller's request becomes a booking (`book/booking.py`), a move or a correction, and the outcome becomes a
sentence.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import structlog

from askproai_core.database import Connection
from askproai_core.tracing import annotate, span
from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.book.appointments import Appointment, Status
from askproai_runtime.book.bookables import linked_event_types
from askproai_runtime.book.booking import book, require_phone
from askproai_runtime.book.caller_appointments import asks_birth_date, list_own
from askproai_runtime.book.cancelling import cancel_replaced_afterwards
from askproai_runtime.book.changes import said_of_written
from askproai_runtime.book.context import BookingContext, BookingOutcome
from askproai_runtime.book.one_more import is_same_visit, is_second_person, overlaps
from askproai_runtime.book.outcomes import Booked, Busy, InFlight, NotFree, Refused, Undecided
from askproai_runtime.book.store.appointments import (
    get_customer_name,
    list_call_appointments,
)
from askproai_runtime.book.usual_staff import prefer_usual_staff
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.conversation.answers import busy_answer, failure, refused_answer
from askproai_runtime.conversation.arguments.texts import read_said, read_text
from askproai_runtime.conversation.asked_choices import Chosen, read_chosen, read_move, read_renames
from askproai_runtime.conversation.booked_sentences import confirm
from askproai_runtime.conversation.companions import (
    BookedOneByOne,
    add_companions,
    leaves_out,
    name_everybody,
)
from askproai_runtime.conversation.corrections import (
    add_details,
    add_note,
    correct,
    correct_repeated,
    find_corrected,
    find_own,
)
from askproai_runtime.conversation.day_readings import name_start
from askproai_runtime.conversation.detail_corrections import correct_details
from askproai_runtime.conversation.doubts import asks_another_time, never_speaks_of_another, wants_one_more
from askproai_runtime.conversation.email_address import require_confirmed_email
from askproai_runtime.conversation.full_names import complete_name, list_short_names, read_asked_name, require_full_name
from askproai_runtime.conversation.kept_offers import add_kept_offers, read_lost_offers
from askproai_runtime.conversation.last_days import after_request
from askproai_runtime.conversation.named_days import put_on_named_day
from askproai_runtime.conversation.named_people import name_people
from askproai_runtime.conversation.noted_changes import find_noted_staff, find_noted_time, require_agreeing_notes
from askproai_runtime.conversation.offer import offer_alternatives
from askproai_runtime.conversation.offered_groups import find_named, find_offered
from askproai_runtime.conversation.one_by_one import find_next
from askproai_runtime.conversation.phone_argument import ask_for_phone, ask_if_unclear, note_unclear, read_phone
from askproai_runtime.conversation.questions import ask, ask_about_several
from askproai_runtime.conversation.relative_times import add_offered_weeks
from askproai_runtime.conversation.replaced_bookings import (
    ask_to_cancel_first,
    cancel_kept,
    move_instead,
    say_replaced,
)
from askproai_runtime.conversation.requested_services import parse_service_request
from askproai_runtime.conversation.spoken_booking import SpokenBooking, parse_booking_request
from askproai_runtime.conversation.types import Answer, CallContext, Choice, ClarificationNeeded, FunctionOutcome
from askproai_runtime.conversation.unsaid_days import find_unheard, require_said_day
from askproai_runtime.conversation.verification import require_birth_date
from askproai_runtime.person_names import correct_name, fold, same_name
from askproai_runtime.sentences import say
from askproai_runtime.visits import same_services

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BookingResult:
    """The answer to a booking request, its outcome in the metrics, and the appointments that it booked or found already booked."""

    answer: Answer
    outcome: BookingOutcome
    booked: Booked | None = None


async def book_appointment(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Book an appointment, return the one that this call has already booked, or offer free slots instead."""
    began = ctx.clock.monotonic()
    outcome = BookingOutcome.FAILED
    with span("booking"):
        try:
            ctx.faults.reach("before:book")
            result = await _book(ctx, call, args, deadline=began + ctx.settings.budget.total_seconds())
            outcome = result.outcome
        finally:
            annotate(outcome=outcome.value)
            ctx.metrics.booking(outcome.value, ctx.clock.monotonic() - began)
    return result.answer


@dataclass(frozen=True, slots=True)
class _Meant:
    """A booking request as understood, with the call in which the branch is found. `named` is the appointment whose details it
    corrects; `instead` is the appointment that is moved, or cancelled, for it, by the choice `chosen`. `is_booked`: the
    model asks for one more (`another`), but the call has booked exactly this. `chooses_move`: the argument `choice` is a
    move.
    """

    call: CallContext
    request: SpokenBooking
    chosen: Chosen | None
    named: Appointment | None
    instead: Appointment | None
    is_booked: bool
    chooses_move: bool


async def _book(ctx: BookingContext, call: CallContext, args: Mapping[str, Any], deadline: float) -> BookingResult:
    try:
        meant = await _find_meaning(ctx, call, args, deadline)
    except ClarificationNeeded as clarification:
        return _asked_back(clarification)
    except asyncpg.LockNotAvailableError:
        return BookingResult(busy_answer(), BookingOutcome.BUSY)
    if isinstance(meant, BookingResult):
        return meant
    call, request, chosen = meant.call, meant.request, meant.chosen
    if meant.named is not None and not request.companions:
        repeated = _result_of(ctx, request, Booked([meant.named], [], again=True))
        return replace(repeated, answer=await correct(ctx, call, request, [meant.named], repeated.answer))
    if meant.instead is not None and chosen is not None:
        return await _book_instead(ctx, call, request, chosen.choice, meant.instead, deadline)
    result = await carry_out_booking(ctx, call, request, deadline)
    if result.outcome is BookingOutcome.ALREADY_BOOKED and result.booked is not None:
        found, chooses_move = result.booked, meant.chooses_move
        answer = await _answer_repeated(ctx, call, request, found, result.answer, chooses_move=chooses_move)
        return replace(result, answer=_leave_further(request, answer) if meant.is_booked else answer)
    return result


async def _find_meaning(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], deadline: float
) -> _Meant | BookingResult:
    """Return the meaning of a request. If it corrects an appointment, or books the first person of a group alone, return its
    answer.

    Raises `ClarificationNeeded` if a part of the request is unclear.
    """
    said_notes = args.get("notes")
    args = name_people(args, ctx.config().services, say().whose_name)
    if (corrected := await correct_details(ctx, call, args)) is not None:
        return BookingResult(corrected, BookingOutcome.ALREADY_BOOKED)
    async with ctx.pool.acquire() as conn:
        appointments = await list_call_appointments(conn, ctx.tenant, call.call_id)
        known = await _list_known_names(conn, ctx, call, appointments)
        call = await read_lost_offers(conn, ctx.tenant, call, appointments)
        is_unsaid = never_speaks_of_another(call)
        own = await list_own(conn, ctx, call.actor) if args.get("another") and is_unsaid else []
    named_id, listed = frozenset(filter(None, [read_text(args, "appointment_id")])), call.listed
    call = add_kept_offers(replace(call, listed=listed | named_id), appointments)
    args, request = await _understand(ctx, call, args, appointments)
    require_agreeing_notes(
        ctx, call, request.notes, request.service, request.start, request.name, request.offered_staff
    )
    chosen = read_chosen(call, args, request.name, appointments)
    is_second = chosen is not None and chosen.choice is Choice.FURTHER
    if not (request.another or is_second):
        then = [each for each in appointments if each.starts_at == request.start]
        request = replace(request, name=complete_name(call, then, request.name, read_asked_name(call)))
    moves, chooses_move = read_move(args, chosen)
    # An id is of the appointment that goes, and `another` may be filled in against the caller's words.
    changes = request.doubts.changes or asks_another_time(call)
    goes = bool(named_id & listed)
    if request.another:
        known_own = [*appointments, *(each for each in own if str(each.id) in call.listed)]
        is_instead = is_unsaid and any(_is_same_day(request, each) for each in known_own)
        goes = is_instead or (changes and not wants_one_more(call))
    request = replace(
        request,
        names_customer=bool(known - {fold(request.name)}) or args.get("notes") != said_notes,
        moves=moves or (chosen is None and goes),
    )
    try:
        request = _add_group(ctx, call, args, request, appointments, is_second=is_second)
    except BookedOneByOne as together:
        alone = find_next(call, args, request, appointments, together)
        result = await _book(ctx, call, alone.args, deadline)
        return replace(result, answer=alone.ask_for_next(result.answer))
    in_group = bool(request.companions)
    instead = await _find_instead(ctx, call, request, chosen) if chosen and not in_group else None
    is_new_person = is_second_person(request, appointments) and not in_group
    # Two under one name are only those of a caller who has chosen a further one.
    is_booked = request.another and not (is_second or in_group) and request.is_booked_in(appointments)
    another = (request.another and not is_booked) or is_second or is_new_person or instead is not None
    service = await prefer_usual_staff(ctx, request.service, call.caller)
    request = replace(request, service=service, another=another)
    request = replace(request, short_names=list_short_names(call, request, appointments, known))
    await require_confirmed_email(ctx, call, args)
    request = _ask_for_phone(ctx, call, args, _ask_for_birth_date(ctx, call, args, request))
    named = await find_corrected(ctx, call, request, args, chosen)
    require_full_name(ctx, call, request, named or instead)
    return _Meant(call, request, chosen, named, instead, is_booked=is_booked, chooses_move=chooses_move)


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
    """Return the request with its companions. Raises `ClarificationNeeded` if one is unclear, `BookedOneByOne` at Cal.com."""
    offered = find_named(call, request.rules, request.start)
    is_alone = request.another or is_second or any(each.live for each in appointments)
    if not is_alone and not asks_birth_date(ctx):  # else each person has an appointment of the call's own
        request = replace(request, leaves_out=leaves_out(call, args, request.start, offered[1:]))
    group = add_companions(ctx, call, args, request.service, () if is_alone else offered[1:])
    group = name_everybody(call, group, request.name, request.start, another=request.another)
    return replace(
        request,
        service=group.service,
        companions=group.names,
        renames=read_renames(call, args, (request.name, *group.names), appointments) if group.names else {},
        offered_staff=request.offered_staff if offered or not group.names else None,
    )


async def _answer_repeated(
    ctx: BookingContext,
    call: CallContext,
    request: SpokenBooking,
    found: Booked,
    answer: Answer,
    *,
    chooses_move: bool,
) -> Answer:
    """Return a repeated booking's answer with corrected details. If a move was chosen, it asks whether to cancel the old one."""
    answer = await correct_repeated(ctx, call, request, found.appointments, answer)
    if not (chooses_move and answer.success and len(found.appointments) == len(found.kept) == 1):
        return answer
    return await cancel_kept(ctx, call, found.appointments[0], found.kept[0], answer)


async def _understand(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], appointments: Sequence[Appointment]
) -> tuple[Mapping[str, Any], SpokenBooking]:
    """Return the arguments and the request, with the start that they mean. Raises `ClarificationNeeded` if one is unclear."""
    try:
        parsed = _parse(ctx, call, _put_on_day(ctx, call, args), appointments)
        require_said_day(call, args, parsed[1].start, parsed[1].rules.zone)
    except ClarificationNeeded as question:
        start = await find_unheard(ctx, call, args, question)
        return _parse(ctx, call, name_start(args, start), appointments)
    return parsed


def _leave_further(request: SpokenBooking, answer: Answer) -> Answer:
    """Return the answer "already booked" to a request for one more, with the choice of a further appointment under this name."""
    further = {"customer_name": request.name, "choices": [Choice.FURTHER]} if answer.success else {}
    return replace(answer, fields=answer.fields | further)


def _parse(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], appointments: Sequence[Appointment]
) -> tuple[Mapping[str, Any], SpokenBooking]:
    """Return the arguments and the request, with the staff member or time from the notes if the caller means that."""
    request = parse_booking_request(ctx.config(), call, args, appointments)
    if (time := find_noted_time(call, request.notes, request.service, request.start)) is not None:
        day = request.start.astimezone(request.rules.zone).date().isoformat()
        args = {name: each for name, each in args.items() if name != "start"} | {"date": day, "time": time}
        return args, parse_booking_request(ctx.config(), call, args, appointments)
    if (staff := find_noted_staff(call, request.notes, request.service, request.name)) is None:
        return args, request
    args = {**args, "staff": staff}
    return args, parse_booking_request(ctx.config(), call, args, appointments)


def _put_on_day(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the arguments with the day of an earlier answer that their words mean. Raises `ClarificationNeeded`."""
    zone, find_service = ZoneInfo(ctx.config().time_zone), partial(parse_service_request, ctx.config(), call, args)
    args = put_on_named_day(after_request(call, zone), args, zone, find_service)
    return add_offered_weeks(args, call, zone, find_service)


async def _find_instead(
    ctx: BookingContext, call: CallContext, request: SpokenBooking, chosen: Chosen
) -> Appointment | None:
    """Return the appointment that is moved, or cancelled, for the requested one; None if there is none or it is gone."""
    if chosen.choice not in {Choice.MOVE, Choice.CANCEL}:
        return None
    if chosen.among and chosen.about not in chosen.among:
        return await _find_among(ctx, call, request, chosen.among)
    return await find_own(ctx, call, chosen.about)


async def _find_among(
    ctx: BookingContext, call: CallContext, request: SpokenBooking, among: Iterable[str]
) -> Appointment | None:
    """Return the only live appointment whose id is in `among`; None without one. If several are left, ask which to move."""
    found = [await find_own(ctx, call, each) for each in among]
    left = [each for each in found if each is not None]
    if len(left) > 1:
        raise ask_about_several(ctx, request, left, moves=True)
    return left[0] if left else None


async def _book_instead(
    ctx: BookingContext,
    call: CallContext,
    request: SpokenBooking,
    choice: Choice,
    booked: Appointment,
    deadline: float,
) -> BookingResult:
    """Move the booked appointment, or cancel it and book the requested one in its place, as the caller chose. A move keeps the
    service and the staff member. If either changes, the requested appointment is booked and the old one cancelled.
    """
    is_same = same_name(request.name, booked.customer_name)  # "Lange" is Petra Lange, for whom it was
    is_person = (request.service.staff or request.offered_staff) in {None, booked.staff}
    if choice is Choice.MOVE and is_person and same_services(request.rules.service.name, booked.service):
        answer = await move_instead(ctx, call, request, booked, deadline)
        if answer.success:  # with the notes, the number and the name that came with it
            answer = await add_details(ctx, call, request, booked, answer)
        return BookingResult(answer, BookingOutcome.ALREADY_BOOKED if answer.success else BookingOutcome.ASKED_BACK)
    name = correct_name(booked.customer_name, request.name) if is_same else request.name
    request = replace(request, replaces=booked, name=name, notes=add_note(booked.notes, request.notes))
    if linked_event_types(ctx, request.rules.service):  # the calendar may refuse what is committed here
        later = replace(request, replaces=None, replaces_afterwards=booked.id)
        result = await carry_out_booking(ctx, call, later, deadline)
        # The old appointment itself may take the new time.
        if result.outcome is BookingOutcome.NOT_FREE and overlaps(request.start, request.rules, booked):
            return BookingResult(await ask_to_cancel_first(ctx, call, later, booked), BookingOutcome.ASKED_BACK)
        is_confirmed = result.answer.fields.get("status") == Status.CONFIRMED and _is_new(result)
        is_cancelled = is_confirmed and await cancel_replaced_afterwards(ctx, call.actor, booked)
    else:
        result = await carry_out_booking(ctx, call, request, deadline)
        is_cancelled = result.answer.success and _is_new(result)
    return replace(result, answer=await say_replaced(ctx, booked, result.answer, is_cancelled=is_cancelled))


def _is_new(result: BookingResult) -> bool:
    """Return True if this request has booked. If it only finds its earlier booking, no other appointment is cancelled."""
    return result.outcome in {BookingOutcome.CONFIRMED, BookingOutcome.PENDING_SYNC}


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
    said = read_phone(read_said(args, "phone"), ctx.config(), call.branch)
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


async def carry_out_booking(
    ctx: BookingContext, call: CallContext, request: SpokenBooking, deadline: float
) -> BookingResult:
    """Book the request once, or answer why not, with free times. Raises `OutcomeUnknown` if the booking may have been made."""
    outcome = await book(ctx, replace(request, offered=find_offered(call, request)), deadline)
    match outcome:
        case Booked():
            return _result_of(ctx, request, outcome)
        case NotFree():
            return await _offer_alternatives(ctx, call, request)
        case Busy():
            return BookingResult(busy_answer(), BookingOutcome.BUSY)
        case Refused():
            return BookingResult(refused_answer(), BookingOutcome.FAILED)
        case InFlight(of_other=False):
            return BookingResult(failure(say().booking_in_flight, FunctionOutcome.IN_FLIGHT), BookingOutcome.IN_FLIGHT)
        case _:
            return _asked_back(ask(ctx, outcome))


def _result_of(ctx: BookingContext, request: SpokenBooking, booked: Booked) -> BookingResult:
    """Return the answer about a stored booking. Raises `OutcomeUnknown` if no answer can be made, although it is booked."""
    is_confirmed = all(each.status == Status.CONFIRMED for each in booked.appointments)
    outcome = BookingOutcome.CONFIRMED if is_confirmed else BookingOutcome.PENDING_SYNC
    with said_of_written():
        answer = confirm(ctx, request, booked.appointments, booked.kept, again=booked.again)
    return BookingResult(answer, BookingOutcome.ALREADY_BOOKED if booked.again else outcome, booked)


def _asked_back(clarification: ClarificationNeeded) -> BookingResult:
    is_limited = clarification.answer.outcome is FunctionOutcome.LIMITED
    return BookingResult(clarification.answer, BookingOutcome.LIMITED if is_limited else BookingOutcome.ASKED_BACK)


async def _offer_alternatives(ctx: BookingContext, call: CallContext, request: SpokenBooking) -> BookingResult:
    shared = not request.was_offered
    answer, obstacle = await offer_alternatives(ctx, request.service, call, request.start, shared=shared)
    if obstacle is Obstacle.TAKEN and request.offered_staff:
        ctx.metrics.offered_but_lost()
    return BookingResult(answer, BookingOutcome.NOT_FREE)
