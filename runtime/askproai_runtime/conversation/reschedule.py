"""reschedule_appointment: a caller's request becomes a move of the book (`book/moving.py`), and the outcome a sentence. The
staff member stays unless the caller names another (`changed_visits.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from askproai_core.database import Connection
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.book.appointments import Appointment, Status
from askproai_runtime.book.bookables import find_rules, is_requested
from askproai_runtime.book.changes import said_of_written
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.moving import MoveRequest, move
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
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.book.store.actions import (
    FormerStart,
    hash_words,
    record_question,
)
from askproai_runtime.conversation.answers import (
    appointment_fields,
    busy_answer,
    describe_appointment,
    end_sentence,
    failure,
    have_several_customers,
)
from askproai_runtime.conversation.appointment_filters import is_of_service
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.cancel_question import read_cancel_reply
from askproai_runtime.conversation.changed_visits import (
    choose_offered_staff,
    choose_staff,
    find_offered_elsewhere,
    find_offered_service,
    find_other_service,
    list_others,
    require_movable,
)
from askproai_runtime.conversation.day_readings import name_start
from askproai_runtime.conversation.kept_offers import read_kept_offers
from askproai_runtime.conversation.named_owner import name_owner
from askproai_runtime.conversation.named_people import names_several
from askproai_runtime.conversation.new_times import (
    count_from_appointment,
    counted_words,
    drop_present_time,
    name_old_time,
    require_other_start,
    understand_new_time,
)
from askproai_runtime.conversation.offer import offer_alternatives, offer_for_move
from askproai_runtime.conversation.open_readings import require_exact
from askproai_runtime.conversation.own_appointments import resolve_appointment
from askproai_runtime.conversation.owner_questions import ask_name, comes_instead, require_owner, says_customer
from askproai_runtime.conversation.questions import require_beside_wanted
from askproai_runtime.conversation.said_appointments import name_place
from askproai_runtime.conversation.said_names import is_named_beside
from askproai_runtime.conversation.time_arguments import read_parts
from askproai_runtime.conversation.types import Answer, CallContext, ClarificationNeeded, FunctionOutcome
from askproai_runtime.conversation.unsaid_days import find_unheard, require_said_day
from askproai_runtime.conversation.verification import list_own_appointments
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.cancel_answers import only_thanks
from askproai_runtime.language.names import find_staff_id
from askproai_runtime.sentences import format_spoken, say
from askproai_runtime.spoken_times import Understanding, understand_parts


@dataclass(frozen=True, slots=True)
class SpokenMove(MoveRequest):
    """A move as the caller requested it. `others` are requests with other staff members, tried if the first staff member is not
    free.

    `names_customer`: the number may have another customer's appointments. `own` are the number's appointments before the move.
    """

    names_customer: bool = False
    others: tuple[ServiceRequest, ...] = ()
    own: Sequence[Appointment] = ()


async def move_own_appointment(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Move a caller's own appointment and return the answer: moved, already at that time, or not free, with free slots instead.

    Raises `ReplacementWanted` if the requested change needs a new appointment.
    """
    deadline = ctx.clock.monotonic() + ctx.settings.budget.total_seconds()
    call = await read_kept_offers(ctx, call)
    try:
        try:
            request = await _understand_move(ctx, call, args)
        except ClarificationNeeded as question:
            start = await find_unheard(ctx, call, args, question)
            request = await _understand_move(ctx, call, name_start(args, start))
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
    answer = _say_others_stay(ctx, call, args, request, answer)
    answer = _say_service_stays(ctx, args, request.appointment, answer)
    return _ask_for_name(ctx, call, args, request.appointment, answer)


async def _understand_move(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> SpokenMove | Answer:
    """Return the move, or an offer for a span of time. Raises `ClarificationNeeded`; `ReplacementWanted` if no move can do it."""
    args = name_place(call, args)
    zone = ZoneInfo(ctx.config().time_zone)
    async with ctx.pool.acquire() as conn:
        args = await name_old_time(ctx, conn, call, args)
        appointment = await resolve_appointment(
            ctx, conn, call, args, say().which_to_move, lambda *moved: _is_repeated(ctx, call, args, *moved)
        )
        own = await list_own_appointments(ctx, conn, call, {})
        args = drop_present_time(args, call, appointment.starts_at.astimezone(zone))
        if comes_instead(ctx, call, args, appointment) and not _names_other_time(ctx, call, args, appointment):
            raise ask_name(name_owner(call, args), appointment)
        await require_owner(ctx, conn, call, args, appointment, own)
        service = await _require_service(ctx, conn, call, appointment)
    named = says_customer(ctx, call, args, appointment) or have_several_customers([appointment, *own])
    other_service = find_other_service(ctx, call, args, appointment)
    service = other_service or choose_staff(ctx, call, args, appointment, service)
    counted = counted_words(args)
    timed = await count_from_appointment(ctx, call, args, appointment, service)
    understood = understand_new_time(timed, call, appointment, service)
    if understood is None and other_service is None and service.staff == appointment.staff:
        raise ClarificationNeeded(_ask_when(ctx, call, appointment))
    others = () if other_service is not None else list_others(ctx, call, appointment, service)
    if others and understood is not None and (refused := _find_refused(ctx, call, understood)) is not None:
        return SpokenMove(call.actor, appointment, service, refused, names_customer=named, others=others, own=own)
    if understood is not None and understood.exact is None and not understood.ambiguous:
        _require_future(ctx, appointment)
        return await offer_for_move(ctx, service, call, understood, appointment)
    start = appointment.starts_at if understood is None else require_exact(understood, call, service)
    require_said_day(call, args, start, service.rules.zone, appointment.starts_at)
    elsewhere = find_offered_elsewhere(ctx, call, args, appointment, other_service, start) if understood else None
    if elsewhere is not None:
        service = other_service = elsewhere
    elif (
        understood and other_service is None and (offered := find_offered_service(ctx, call, args, appointment, start))
    ):
        service = other_service = offered
    if other_service is None and "staff" not in args:
        service = await choose_offered_staff(ctx, call, args, appointment, service, start)
    if other_service is not None or service.staff != appointment.staff:
        _require_future(ctx, appointment)
        is_asked = other_service is not None or understood is None
        await require_movable(ctx, call, appointment, service, start, is_asked=is_asked)
    elif start == appointment.starts_at:
        await require_other_start(ctx, call, timed, appointment, service)
    return SpokenMove(
        call.actor, appointment, service, start, names_customer=named, counted=counted, others=others, own=own
    )


def _names_other_time(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], appointment: Appointment
) -> bool:
    """Return True if a request names a staff member, a service or a part of the day, or another time than the appointment's."""
    if any(read_text(args, name) for name in ("staff", "service", "part_of_day")):
        return True
    named = read_parts(args)
    understood = understand_parts(*named, at=call.started_at, zone=ZoneInfo(ctx.config().time_zone))
    return any(named) and not any(each.contains(appointment.starts_at) for each in understood.candidates)


def _find_refused(ctx: BookingContext, call: CallContext, understood: Understanding) -> datetime | None:
    """Return the start that the last answer refused with the present staff member, if it is requested again; else None."""
    refused = call.named_last.refused if call.named_last is not None else None
    then = None if refused is None else refused.astimezone(ZoneInfo(ctx.config().time_zone))
    return refused if then is not None and any(each.contains(then) for each in understood.candidates) else None


def _ask_for_more(call: CallContext, counted: str | None, answer: Answer) -> Answer:
    """Return the answer "already moved", with the question for another time if the caller has said more than thanks since."""
    if answer.outcome is not FunctionOutcome.ALREADY_MOVED or not counted or only_thanks(call.said_since or ""):
        return answer
    return replace(answer, message=f"{answer.message}{say().move_further}")


def _say_others_stay(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], request: SpokenMove, answer: Answer
) -> Answer:
    """Return the answer, with sentences about other appointments of this number that stay: those of customers whom the caller
    has named, or the only one if the move names several people.
    """
    if not answer.success:
        return answer
    start, zone = datetime.fromisoformat(answer.fields["start"]), ZoneInfo(ctx.config().time_zone)
    others = [each for each in request.own if each.id != request.appointment.id and each.starts_at != start]
    customer = request.appointment.customer_name
    named = [each for each in others if is_named_beside(call.utterances, each.customer_name, customer)]
    is_of_several = len(others) == 1 and names_several(read_text(args, "customer_name"))
    for each in named or (others if is_of_several else ()):
        when = format_spoken(each.starts_at, zone, ctx.clock.now())
        whom = say().for_customer.format(name=each.customer_name)
        answer = replace(answer, message=f"{answer.message}{say().other_stays.format(when=f'{when}{whom}')}")
    return answer


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
            return _gone(ctx, appointment).answer
        case MoveRefused(before):
            return failure(say().move_refused.format(when=_describe(ctx, before)), FunctionOutcome.REFUSED)


def _describe(ctx: BookingContext, appointment: Appointment) -> str:
    return describe_appointment(ctx.config(), appointment, ctx.clock.now())


def _gone(ctx: BookingContext, found: Appointment) -> ClarificationNeeded:
    sentence = say().cancelled_or_over.format(when=_describe(ctx, found))
    return ClarificationNeeded(sentence, outcome=FunctionOutcome.GONE)


def resolve_service(ctx: BookingContext, appointment: Appointment) -> ServiceRequest:
    """Return the request for an appointment's service with its staff member, by the present rules.

    Raises `ClarificationNeeded` if the service is no longer offered, or the staff member no longer does it.
    """
    service = find_service(ctx, appointment)
    if service is None:
        when = describe_appointment(ctx.config(), appointment, ctx.clock.now())
        question = say().not_offered_any_more.format(when=when)
        raise ClarificationNeeded(
            question,
            outcome=FunctionOutcome.NOT_BOOKABLE,
            cause="its branch, service or person is not declared any more: cancel it, and book a new one",
            appointment_id=str(appointment.id),
            needs_confirmation=True,
        )
    return service


async def _require_service(
    ctx: BookingContext, conn: Connection, call: CallContext, appointment: Appointment
) -> ServiceRequest:
    """Return the result of `resolve_service`. If it raises, the offer to cancel counts as the question of a cancellation: after
    a yes, `cancel_appointment` does not ask again. A model that repeats the move after the reply cancels nothing.
    """
    try:
        return resolve_service(ctx, appointment)
    except ClarificationNeeded as clarification:
        _require_future(ctx, appointment)
        reply = await read_cancel_reply(ctx, conn, call, appointment)
        await record_question(conn, ctx.tenant, call.call_id, appointment.id, appointment.starts_at)
        if reply in {None, Reply.NO}:
            raise
        answer = clarification.answer
        raise ClarificationNeeded(say().say_cancel, outcome=answer.outcome, **answer.fields) from None


def _require_future(ctx: BookingContext, appointment: Appointment) -> None:
    """Raise `ClarificationNeeded` with the reason if the appointment is cancelled or has begun: it cannot be moved."""
    if not appointment.live or appointment.starts_at <= ctx.clock.now():
        raise _gone(ctx, appointment)


def find_service(
    ctx: BookingContext, appointment: Appointment, other_staff: str | None = None
) -> ServiceRequest | None:
    """Return the request for an appointment's service, with its own staff member or `other_staff`, by the present rules; None
    if the service is no longer offered, or its staff member no longer does it. Raises `UnknownName` if `other_staff` does
    not do it.
    """
    rules = find_rules(ctx.config(), appointment.branch, appointment.service)
    name = appointment.staff
    if rules is not None and rules.staff_members and other_staff:
        name = find_staff_id(rules, other_staff)
    staff = tuple(s for s in rules.staff_members if s.id == name) if rules else ()
    return ServiceRequest(replace(rules, staff_members=staff), name) if rules is not None and staff else None


def _is_repeated(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], appointment: Appointment, former: FormerStart
) -> bool:
    """Return True if a request repeats this call's move: the appointment is at the requested start, and was at `former` before."""
    zone = ZoneInfo(ctx.config().time_zone)
    args = drop_present_time(args, call, former.start.astimezone(zone))
    counted = counted_words(args)
    if counted is not None:
        return former.counted == hash_words(counted)
    try:
        service = resolve_service(ctx, appointment)
        understood = understand_new_time(args, call, appointment, service)
    except ClarificationNeeded:
        return False
    return understood is not None and understood.exact == appointment.starts_at


def _ask_when(ctx: BookingContext, call: CallContext, appointment: Appointment) -> str:
    """Return the question for the new time. If the appointment is in another branch than the called one, the question names its
    branch: the appointment stays there, but the caller may mean the called branch.
    """
    if not call.branch or appointment.branch == call.branch:
        return say().when_to_move
    when = describe_appointment(ctx.config(), appointment, ctx.clock.now())
    return say().when_to_move_there.format(when=when)


def say_moved(config: TenantConfig, appointment: Appointment, when: str, *, again: bool) -> str:
    """Return the sentence about a moved appointment. `when` describes it; `again`: it was already there."""
    if is_requested(config, appointment):
        return say().move_requested.format(when=when)
    message = (say().stands_already if again else say().moved).format(when=when) + end_sentence(config, appointment)
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
    fields = appointment_fields(ZoneInfo(config.time_zone), appointment)
    return Answer(success=appointment.live, message=message, fields=fields, outcome=outcome)
