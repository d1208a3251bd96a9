"""reschedule_appointment: a caller's request becomes a move of the book (`book/moving.py`), and the outcome a sentence. The
staff member stays unless the caller names another (`changed_visits.py`).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.book.appointments import Appointment, Status
from askproai_runtime.book.bookables import is_requested
from askproai_runtime.book.changes import said_of_written
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.moving import move
from askproai_runtime.book.outcomes import (
    Busy,
    ChangedSince,
    Gone,
    InFlight,
    Moved,
    MoveRefused,
    NotFree,
    NotMoved,
    PersonElsewhere,
)
from askproai_runtime.conversation.answers import (
    appointment_fields,
    busy_answer,
    describe_appointment,
    end_sentence,
    failure,
    say_stays,
)
from askproai_runtime.conversation.appointment_filters import is_of_service
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.day_readings import name_start
from askproai_runtime.conversation.kept_offers import read_kept_offers
from askproai_runtime.conversation.named_owner import name_owner
from askproai_runtime.conversation.named_people import names_several
from askproai_runtime.conversation.offer import offer_alternatives
from askproai_runtime.conversation.owner_questions import ask_name, comes_instead
from askproai_runtime.conversation.questions import require_beside_wanted
from askproai_runtime.conversation.types import Answer, CallContext, ClarificationNeeded, FunctionOutcome
from askproai_runtime.conversation.understood_move import SpokenMove, gone_appointment, understand_move
from askproai_runtime.conversation.unsaid_days import find_unheard
from askproai_runtime.language.cancel_answers import only_thanks
from askproai_runtime.sentences import format_spoken, say


async def move_own_appointment(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Move a caller's own appointment and return the answer: moved, already at that time, or not free, with free slots instead.

    Raises `ReplacementWanted` if the requested change needs a new appointment.
    """
    deadline = ctx.clock.monotonic() + ctx.settings.budget.total_seconds()
    call = await read_kept_offers(ctx, call)
    try:
        try:
            request = await understand_move(ctx, call, args)
        except ClarificationNeeded as question:
            start = await find_unheard(ctx, call, args, question)
            request = await understand_move(ctx, call, name_start(args, start))
    except ClarificationNeeded as clarification:
        return clarification.answer
    if isinstance(request, Answer):
        return request
    outcome, answer = await _carry_out(ctx, call, request, deadline)
    for other in request.others if isinstance(outcome, NotFree | MoveRefused) else ():
        outcome, moved = await _carry_out(ctx, call, replace(request, service=other), deadline)
        if isinstance(outcome, InFlight | Busy):
            return moved
        answer = moved if moved.success else answer
        if moved.success:
            break
    answer = _ask_for_more(call, request.counted, answer)
    answer = _say_others_stay(ctx, args, request, answer)
    answer = _say_service_stays(ctx, args, request.appointment, answer)
    return _ask_for_name(ctx, call, args, request.appointment, answer)


def _ask_for_more(call: CallContext, counted: str | None, answer: Answer) -> Answer:
    """Return the answer "already moved", with the question for another time if the caller has said more than thanks since."""
    if answer.outcome is not FunctionOutcome.ALREADY_MOVED or not counted or only_thanks(call.said_since or ""):
        return answer
    return replace(answer, message=f"{answer.message}{say().move_further}")


def _say_others_stay(ctx: BookingContext, args: Mapping[str, Any], request: SpokenMove, answer: Answer) -> Answer:
    """Return the answer, with sentences about other appointments of this number that stay: those at the former start, or the only
    other one if the move names several people.
    """
    if not answer.success:
        return answer
    start = datetime.fromisoformat(answer.fields["start"])
    others = [each for each in request.own if each.id != request.appointment.id and each.starts_at != start]
    is_of_several = len(others) == 1 and names_several(read_text(args, "customer_name"))
    staying = [each for each in others if is_of_several or each.starts_at == request.appointment.starts_at]
    said = [say_stays(ctx.config(), each, ctx.clock.now(), named=True) for each in staying]
    return replace(answer, message="".join([answer.message, *said]))


def _say_service_stays(
    ctx: BookingContext, args: Mapping[str, Any], appointment: Appointment, answer: Answer
) -> Answer:
    """Return the answer, with a sentence that nothing else changes if the move names another service than the appointment's."""
    named = read_text(args, "service")
    if not answer.success or named is None or is_of_service(ctx.config(), appointment, named):
        return answer
    is_with_other = answer.fields["staff"] != appointment.staff
    return replace(
        answer, message=f"{answer.message} {say().nothing_else_noted if is_with_other else say().only_time_moved}"
    )


def _ask_for_name(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], appointment: Appointment, answer: Answer
) -> Answer:
    """Return the answer, with the question whether the moved appointment gets another name, if another person comes instead."""
    if not answer.success or not comes_instead(ctx, call, args, appointment):
        return answer
    question = ask_name(name_owner(call, args), appointment)
    return replace(answer, message=f"{answer.message} {question}", fields=answer.fields | question.answer.fields)


async def carry_out_move(ctx: BookingContext, call: CallContext, request: SpokenMove, deadline: float) -> Answer:
    """Move an appointment once, and return the answer. Raises `OutcomeUnknown` if it is not known whether it was moved."""
    _, answer = await _carry_out(ctx, call, request, deadline)
    return answer


async def _carry_out(
    ctx: BookingContext, call: CallContext, request: SpokenMove, deadline: float
) -> tuple[Moved | ChangedSince | NotMoved, Answer]:
    outcome = await move(ctx, request, deadline)
    if not isinstance(outcome, PersonElsewhere):
        return outcome, await answer_move(ctx, call, request, outcome)
    try:
        await require_beside_wanted(ctx, call, request.appointment, outcome.beside, request.start)
    except ClarificationNeeded as clarification:
        return outcome, clarification.answer
    return await _carry_out(ctx, call, replace(request, beside=request.beside | {outcome.beside.id}), deadline)


async def answer_move(
    ctx: BookingContext,
    call: CallContext,
    request: SpokenMove,
    outcome: Moved | ChangedSince | NotFree | Busy | InFlight | Gone | MoveRefused,
) -> Answer:
    """Return the answer to a move. Raises `OutcomeUnknown` if no answer can be made, although the appointment was moved."""
    match outcome:
        case Moved(appointment, again):
            with said_of_written():
                return _answer(ctx, request, appointment, again=again)
        case ChangedSince(appointment):
            message = say().changed_meanwhile.format(when=_describe(ctx, appointment))
            cause = "it was changed since this request was first sent"
            return replace(failure(message, FunctionOutcome.REFUSED), cause=cause)
        case NotFree():
            answer, _ = await offer_alternatives(ctx, request.service, call, request.start, moving=request.appointment)
            return answer
        case Busy():
            return busy_answer()
        case InFlight():
            return failure(say().move_in_flight, FunctionOutcome.IN_FLIGHT)
        case Gone(appointment):
            return gone_appointment(ctx, appointment).answer
        case MoveRefused(before):
            return failure(say().move_refused.format(when=_describe(ctx, before)), FunctionOutcome.REFUSED)


def _describe(ctx: BookingContext, appointment: Appointment) -> str:
    return describe_appointment(ctx.config(), appointment, ctx.clock.now())


def say_moved(config: TenantConfig, appointment: Appointment, when: str, *, again: bool) -> str:
    """Return the sentence about a moved appointment. `when` describes it; `again`: it was already there."""
    if is_requested(config, appointment):
        return say().move_requested.format(when=when)
    message = (say().already_booked if again else say().moved).format(when=when) + end_sentence(config, appointment)
    return message + (say().calendar_has_to_confirm if appointment.status == Status.PENDING_SYNC else "")


def _answer(ctx: BookingContext, request: SpokenMove, appointment: Appointment, *, again: bool = False) -> Answer:
    config = ctx.config()
    when = describe_appointment(config, appointment, ctx.clock.now(), named=request.names_customer)
    outcome = FunctionOutcome.ALREADY_MOVED if again else FunctionOutcome.MOVED
    if not appointment.live:  # cancelled by somebody at this very moment
        outcome = FunctionOutcome.GONE
        message = say().just_cancelled.format(when=when)
    else:
        message = say_moved(config, appointment, when, again=again)
    zone, old = ZoneInfo(config.time_zone), request.appointment.starts_at
    if outcome is FunctionOutcome.MOVED and old != appointment.starts_at and not is_requested(config, appointment):
        message += say().was_before.format(when=format_spoken(old, zone, ctx.clock.now()))
    fields = appointment_fields(zone, appointment)
    return Answer(success=appointment.live, message=message, fields=fields, outcome=outcome)
