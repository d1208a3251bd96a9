"""Questions and other sentences for a booking that is not made yet, one for each outcome of the book."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.one_more import is_same_visit
from askproai_runtime.book.outcomes import (
    GroupPartlyBooked,
    InFlight,
    Limit,
    LimitReached,
    NameUnclear,
    NeedsChoice,
    OneMoreForEach,
    OneMoreOrInstead,
    OneMoreOrWhich,
    OtherNameBooked,
    PersonBooked,
    PhoneNeeded,
    WhichBooked,
)
from askproai_runtime.book.requests import BookingRequest
from askproai_runtime.conversation.answers import appointment_list_fields, describe_with_state
from askproai_runtime.conversation.asked_choices import ask_choice
from askproai_runtime.conversation.owner_questions import ask_name, require_yes
from askproai_runtime.conversation.types import CallContext, Choice, ClarificationNeeded, FunctionOutcome
from askproai_runtime.language.phrases import join_list
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import say


def ask(ctx: BookingContext, outcome: InFlight | LimitReached | PhoneNeeded | NeedsChoice) -> ClarificationNeeded:
    """Return the question to the caller for an outcome of the book without a booking, or the sentence with the reason for it."""
    match outcome:
        case InFlight():
            return ClarificationNeeded(say().booking_in_flight, outcome=FunctionOutcome.IN_FLIGHT)
        case LimitReached():
            return ClarificationNeeded(say_limit(outcome), outcome=FunctionOutcome.LIMITED, alternatives=[])
        case PhoneNeeded():
            cause = "the remote calendar requires a valid telephone number for this service"
            return ClarificationNeeded(say().phone_needed, cause=cause)
        case _:
            return _ask_choice(ctx, outcome)


def _ask_choice(ctx: BookingContext, outcome: NeedsChoice) -> ClarificationNeeded:
    match outcome:
        case WhichBooked():
            return _ask_which(outcome.request, outcome.appointments)
        case OtherNameBooked(request, booked):
            question = say().another_beside.format(booked=booked.customer_name, name=request.name)
            return ask_choice(question, booked, request.name, Choice.RENAME, Choice.FURTHER)
        case GroupPartlyBooked():
            return _ask_for_missing(outcome.booked, outcome.missing)
        case NameUnclear():
            return ask_name(outcome.name, outcome.appointment)
        case OneMoreOrInstead():
            return _ask_further(ctx, outcome.request, outcome.appointment, in_group=outcome.in_group)
        case OneMoreOrWhich():
            return ask_about_several(ctx, outcome.request, outcome.appointments)
        case OneMoreForEach():
            return _ask_further_of_group(ctx, outcome.appointments)
        case PersonBooked():
            return _ask_beside(ctx, outcome.request, outcome.appointment, in_group=outcome.in_group)


def say_limit(reached: LimitReached) -> str:
    """Return the sentence that a booking of one person, or of a group, exceeds a limit."""
    is_one = reached.people == 1
    match reached.limit:
        case Limit.CALL:
            several = say().several_appointments.format(count=reached.most)
            sentence = say().limit_of_call if is_one else say().limit_of_call_for_group
            return sentence.format(limit=say().one_appointment if reached.most == 1 else several)
        case Limit.CALLER:
            return say().limit_of_caller if is_one else say().limit_of_caller_for_group
        case Limit.ANONYMOUS:
            return say().limit_of_anonymous if is_one else say().limit_of_anonymous_for_group


def ask_about_several(
    ctx: BookingContext, request: BookingRequest, appointments: Sequence[Appointment], *, moves: bool = False
) -> ClarificationNeeded:
    """Return the question whether a request is a further appointment of a person who has several, or moves one of them, and
    which. With `moves` it only asks which. The next request passes the id of the appointment to move.
    """
    config, now = ctx.config(), ctx.clock.now()
    ordered = sorted(appointments, key=lambda each: each.starts_at)
    named = any(_has_other_name(request, each) for each in ordered)
    spoken = [describe_with_state(config, each, now, named=named) for each in ordered]
    question = say().further_or_one_of.format(appointments=join_list(spoken, say().and_word))
    if moves:
        question = say().which_of.format(question=say().which_to_move, appointments=join_list(spoken))
    return ClarificationNeeded(
        question,
        appointments=appointment_list_fields(config, ordered, now),
        customer_name=request.name,
        choices=[Choice.FURTHER, Choice.MOVE],
    )


async def require_beside_wanted(
    ctx: BookingContext, call: CallContext, moved: Appointment, beside: Appointment, start: datetime
) -> None:
    """Raise `ClarificationNeeded` unless the caller agreed to exactly this move to a time that overlaps another appointment."""
    booked = describe_with_state(ctx.config(), beside, ctx.clock.now())
    question = say().moved_beside.format(appointment=booked)
    async with ctx.pool.acquire() as conn:
        await require_yes(ctx, conn, call, moved, f"beside {beside.id} at {start.isoformat()}", question, "start")


def _ask_which(request: BookingRequest, appointments: Sequence[Appointment]) -> ClarificationNeeded:
    """Return the question which of these appointments is meant; the model answers with `appointment_id`."""
    booked = join_list([each.customer_name for each in appointments], say().and_word)
    fields: dict[str, Any] = {"customer_name": request.name, "choices": [Choice.FURTHER]}
    if request.another or request.companions:
        fields = {}
    return ClarificationNeeded(
        say().one_of_beside.format(booked=booked, name=request.name),
        appointments=[{"appointment_id": str(each.id), "customer_name": each.customer_name} for each in appointments],
        **fields,
    )


def _ask_for_missing(booked: Sequence[Appointment], missing: Sequence[BookingRequest]) -> ClarificationNeeded:
    """Return the question whether to book the rest of a group, with a request for each remaining person."""
    names = join_list([each.customer_name for each in booked])
    question = say().group_partly.format(booked=names, missing=join_list([each.name for each in missing]))
    return ClarificationNeeded(question, next_requests=[_ask_alone(each) for each in missing])


def _ask_alone(request: BookingRequest) -> dict[str, Any]:
    start = request.start.astimezone(request.rules.zone).isoformat()
    return {"customer_name": request.name, "service": request.rules.service.name, "start": start, "another": True}


def _ask_further(
    ctx: BookingContext, request: BookingRequest, appointment: Appointment, *, in_group: bool
) -> ClarificationNeeded:
    """Return the question whether a request is a further appointment or moves the booked one (in another branch: cancels it)."""
    is_movable = appointment.branch == request.rules.branch.name
    question = say().further_or_instead if is_movable else say().further_or_cancel
    is_named = in_group or _has_other_name(request, appointment)
    booked = describe_with_state(ctx.config(), appointment, ctx.clock.now(), named=is_named)
    choices = _choices(is_movable=is_movable, in_group=in_group)
    return ask_choice(question.format(appointment=booked), appointment, request.name, *choices)


def _ask_further_of_group(ctx: BookingContext, appointments: Sequence[Appointment]) -> ClarificationNeeded:
    config, now = ctx.config(), ctx.clock.now()
    what = join_list([describe_with_state(config, each, now, named=True) for each in appointments], say().and_word)
    question = say().group_further_or_in_turn.format(appointments=what)
    fields = appointment_list_fields(config, appointments, now)
    return ClarificationNeeded(question, appointments=fields, choices=[Choice.FURTHER])


def _ask_beside(
    ctx: BookingContext, request: BookingRequest, appointment: Appointment, *, in_group: bool
) -> ClarificationNeeded:
    """Return the question whether to book the requested appointment beside one that overlaps it."""
    is_same_place = appointment.branch == request.rules.branch.name
    is_same_service = is_same_visit(request, appointment) and is_same_place
    question, choices = say().beside_or_replaced, _choices(is_movable=False, in_group=in_group)
    if is_same_service and appointment.starts_at == request.start:
        question, choices = say().beside_or_none, [Choice.FURTHER]
    elif is_same_service:
        question, choices = say().beside_or_moved, _choices(is_movable=True, in_group=in_group)
    is_named = _has_other_name(request, appointment)
    booked = describe_with_state(ctx.config(), appointment, ctx.clock.now(), named=is_named)
    message = question.format(appointment=booked, service=request.rules.service.display_name)
    return ask_choice(message, appointment, request.name, *choices)


def _choices(*, is_movable: bool, in_group: bool) -> list[Choice]:
    """Return the choices of a question about a booked appointment. In a group it can be moved or cancelled only by its id."""
    if in_group:
        return [Choice.FURTHER]
    return [Choice.FURTHER, Choice.MOVE if is_movable else Choice.CANCEL]


def _has_other_name(request: BookingRequest, appointment: Appointment) -> bool:
    """Return True if the appointment's customer has another name than the request, so that a question must say it. Relatives
    who share a number and surname may say the surname alone, and the chosen appointment gets the request's name.
    """
    return fold(request.name) != fold(appointment.customer_name)
