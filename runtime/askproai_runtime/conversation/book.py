"""book_appointment: a caller's request becomes a booking (`book/booking.py`), a move or a correction, and the outcome becomes a
sentence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import asyncpg

from askproai_core.tracing import annotate, span
from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.book.appointments import Appointment, Status
from askproai_runtime.book.bookables import linked_event_types
from askproai_runtime.book.booking import book
from askproai_runtime.book.cancelling import cancel_replaced_afterwards
from askproai_runtime.book.changes import said_of_written
from askproai_runtime.book.context import BookingContext, BookingOutcome
from askproai_runtime.book.one_more import overlaps
from askproai_runtime.book.outcomes import Booked, Busy, InFlight, NotFree, PersonBooked, Refused
from askproai_runtime.conversation.answers import busy_answer, failure, refused_answer
from askproai_runtime.conversation.booked_sentences import confirm
from askproai_runtime.conversation.corrections import add_details, correct, correct_repeated, with_details
from askproai_runtime.conversation.offer import offer_alternatives
from askproai_runtime.conversation.offered_groups import find_offered
from askproai_runtime.conversation.one_by_one import OneOfGroup
from askproai_runtime.conversation.questions import ask
from askproai_runtime.conversation.replaced_bookings import ask_to_cancel_first, cancel_kept, move_instead, say_replaced
from askproai_runtime.conversation.spoken_booking import SpokenBooking
from askproai_runtime.conversation.types import Answer, CallContext, Choice, ClarificationNeeded, FunctionOutcome
from askproai_runtime.conversation.understood_booking import understand_booking
from askproai_runtime.person_names import is_other_person
from askproai_runtime.sentences import say
from askproai_runtime.visits import same_services


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


async def _book(ctx: BookingContext, call: CallContext, args: Mapping[str, Any], deadline: float) -> BookingResult:
    try:
        meant = await understand_booking(ctx, call, args)
        if isinstance(meant, OneOfGroup):
            result = await _book(ctx, meant.call, meant.args, deadline)
            return replace(result, answer=meant.ask_for_next(result.answer))
    except ClarificationNeeded as clarification:
        return _asked_back(clarification)
    except asyncpg.LockNotAvailableError:
        return BookingResult(busy_answer(), BookingOutcome.BUSY)
    if isinstance(meant, Answer):
        return BookingResult(meant, BookingOutcome.ALREADY_BOOKED)
    call, request, chosen = meant.call, meant.request, meant.chosen
    if meant.named is not None and not request.companions:
        repeated = _result_of(ctx, request, Booked([meant.named], [], again=True))
        return replace(repeated, answer=await correct(ctx, call, request, [meant.named], repeated.answer))
    if meant.instead is not None and chosen is not None:
        return await _book_instead(ctx, call, request, chosen.choice, meant.instead, deadline)
    result = await carry_out_booking(ctx, call, request, deadline, meant.in_the_way)
    if result.outcome is BookingOutcome.ALREADY_BOOKED and result.booked is not None:
        found, chooses_move = result.booked, meant.chooses_move
        answer = await _answer_repeated(ctx, call, request, found, result.answer, chooses_move=chooses_move)
        return replace(result, answer=_leave_further(request, answer) if meant.is_booked else answer)
    return result


async def _answer_repeated(
    ctx: BookingContext,
    call: CallContext,
    request: SpokenBooking,
    found: Booked,
    answer: Answer,
    *,
    chooses_move: bool,
) -> Answer:
    """Return a repeated booking's answer, with corrected details; after a chosen move it asks whether to cancel the old one."""
    answer = await correct_repeated(ctx, call, request, found.appointments, answer)
    if not (chooses_move and answer.success and len(found.appointments) == len(found.kept) == 1):
        return answer
    return await cancel_kept(ctx, call, found.appointments[0], found.kept[0], answer)


def _leave_further(request: SpokenBooking, answer: Answer) -> Answer:
    """Return the answer "already booked", with fields to choose a further appointment for this name in the next request."""
    further = {"customer_name": request.name, "choices": [Choice.FURTHER]} if answer.success else {}
    return replace(answer, fields=answer.fields | further)


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
    is_person = (request.service.staff or request.offered_staff) in {None, booked.staff}
    if choice is Choice.MOVE and is_person and same_services(request.rules.service.name, booked.service):
        answer = await move_instead(ctx, call, request, booked, deadline)
        if answer.success:  # with the notes, the number and the name that came with it
            answer = await add_details(ctx, call, request, booked, answer)
        return BookingResult(answer, BookingOutcome.ALREADY_BOOKED if answer.success else BookingOutcome.ASKED_BACK)
    request = _with_former_details(request, booked, ctx.config().calendar.attendee_email_domain)
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


def _with_former_details(request: SpokenBooking, booked: Appointment, made_up: str) -> SpokenBooking:
    """Return the request that replaces a booked appointment, with its details as far as the request does not change them. An
    address under the domain `made_up` is of the appointment alone. Another person gets neither number nor address of the first.
    """
    kept = with_details(request, booked)
    if is_other_person(request.name, booked.customer_name):
        return replace(request, replaces=booked, notes=kept.notes)
    is_made_up = bool(made_up and kept.attendee_email and kept.attendee_email.endswith(f"@{made_up}"))
    return replace(
        request,
        replaces=booked,
        name=kept.customer_name,
        phone=kept.phone or request.phone,
        email=request.email if is_made_up else kept.attendee_email,
        notes=kept.notes,
    )


def _is_new(result: BookingResult) -> bool:
    """Return True if this request has booked. If it only finds its earlier booking, no other appointment is cancelled."""
    return result.outcome in {BookingOutcome.CONFIRMED, BookingOutcome.PENDING_SYNC}


async def carry_out_booking(
    ctx: BookingContext,
    call: CallContext,
    request: SpokenBooking,
    deadline: float,
    in_the_way: Appointment | None = None,
) -> BookingResult:
    """Book the request once, or answer why not, with free times. Ask about the caller's own appointment if it is `in_the_way`.
    Raises `OutcomeUnknown` if the booking may have been made.
    """
    outcome = await book(ctx, replace(request, offered=find_offered(call, request)), deadline)
    match outcome:
        case Booked():
            return _result_of(ctx, request, outcome)
        case NotFree() if in_the_way is not None and not request.companions:
            return _asked_back(ask(ctx, PersonBooked(request, in_the_way, in_group=False)))
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
