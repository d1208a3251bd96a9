"""Understand a request to move an appointment: which one, to when, to whom, and whether its service is still offered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from askproai_core.database import Connection
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.bookables import find_rules
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.moving import MoveRequest
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.book.store.actions import FormerStart, hash_words, record_question
from askproai_runtime.book.store.appointments import get_appointment
from askproai_runtime.conversation.answers import appointment_list_fields, describe_appointment, have_several_customers
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
from askproai_runtime.conversation.doubts import require_not_declined
from askproai_runtime.conversation.named_appointments import find_others
from askproai_runtime.conversation.named_owner import name_owner
from askproai_runtime.conversation.new_times import (
    count_from_appointment,
    counted_words,
    drop_present_time,
    leave_out_others,
    name_old_time,
    require_other_start,
    understand_new_time,
)
from askproai_runtime.conversation.offer import offer_for_move
from askproai_runtime.conversation.open_readings import require_exact
from askproai_runtime.conversation.own_appointments import resolve_appointment
from askproai_runtime.conversation.owner_questions import ask_name, comes_instead, require_owner, says_customer
from askproai_runtime.conversation.said_appointments import PICKING, name_place
from askproai_runtime.conversation.time_arguments import read_parts
from askproai_runtime.conversation.types import Answer, CallContext, ClarificationNeeded, FunctionOutcome, Naming
from askproai_runtime.conversation.unsaid_days import require_said_day
from askproai_runtime.conversation.verification import list_own_appointments
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.cancel_answers import means_all
from askproai_runtime.language.names import find_staff_id
from askproai_runtime.language.phrases import join_list
from askproai_runtime.sentences import say
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


async def understand_move(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> SpokenMove | Answer:
    """Return the move, or an offer for a span of time. Raises `ClarificationNeeded`, or `ReplacementWanted` if no move does."""
    args = name_place(call, args)
    zone = ZoneInfo(ctx.config().time_zone)
    async with ctx.pool.acquire() as conn:
        args = await name_old_time(ctx, conn, call, args)
        which = say().each_is_moved if means_all(call.said_since or "") else say().which_to_move  # "beide"
        try:
            appointment = await resolve_appointment(
                ctx, conn, call, args, which, lambda *moved: _is_repeated(ctx, call, args, *moved)
            )
        except ClarificationNeeded as asked:
            appointment = await require_settled(ctx, conn, call, args, asked)
        own = await list_own_appointments(ctx, conn, call, {})
        args = drop_present_time(args, call, appointment.starts_at.astimezone(zone))
        if comes_instead(ctx, call, args, appointment) and not _names_other_time(ctx, call, args, appointment):
            raise ask_name(name_owner(call, args), appointment)
        await require_owner(ctx, conn, call, args, appointment, own)
        service = await _require_service(ctx, conn, call, appointment)
    try:
        return await _understand_new_visit(ctx, call, args, appointment, service, own)
    except ClarificationNeeded as question:  # the next request may be about another appointment
        if "candidates" in question.answer.fields:
            fields = {"appointment_id": str(appointment.id), **question.answer.fields}
            question.answer = replace(question.answer, fields=fields)
        raise


async def require_settled(
    ctx: BookingContext, conn: Connection, call: CallContext, args: Mapping[str, Any], asked: ClarificationNeeded
) -> Appointment:
    """Return the appointment of the last answer, if the question `asked` is about it and others, and the request only repeats the
    words before that answer: the caller has settled which one they mean. Else raises `asked`.
    """
    picked = next((text for name in PICKING if (text := read_text(args, name))), None)
    is_repeated = any(picked in each.texts for each in call.earlier[-1:])
    about = {call.said_last.about, call.named_last.about if call.named_last else ""}
    listed = [each["appointment_id"] for each in asked.answer.fields.get("appointments", ())]
    meant = [each for each in listed if each in about]
    settled = await get_appointment(conn, ctx.tenant, UUID(meant[0])) if len(meant) == 1 else None
    if settled is None or len(listed) == 1 or not is_repeated:
        raise asked
    return settled


async def _understand_new_visit(
    ctx: BookingContext,
    call: CallContext,
    args: Mapping[str, Any],
    appointment: Appointment,
    service: ServiceRequest,
    own: Sequence[Appointment],
) -> SpokenMove | Answer:
    """Return the move of an appointment to the time, staff member and service of a request, or an offer for a span of time."""
    named = says_customer(ctx, call, args, appointment) or have_several_customers([appointment, *own])
    other_service = find_other_service(ctx, call, args, appointment)
    service = other_service or choose_staff(ctx, call, args, appointment, service)
    counted = counted_words(args)
    counting = leave_out_others(call, appointment)
    # The new day of another appointment may be meant, too: "den anderen am selben Tag". An offer for that one may not.
    if call.named_last is not None and call.named_last.naming is not Naming.CHANGED:
        call = counting
    timed = await count_from_appointment(ctx, counting, args, appointment, service)
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
    _require_named_appointment(ctx, call, args, appointment, own, start)
    require_said_day(counting if counted else call, args, start, service.rules.zone, appointment.starts_at)
    require_not_declined(call, start, service.rules.zone, moves=True)
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


def _require_named_appointment(
    ctx: BookingContext,
    call: CallContext,
    args: Mapping[str, Any],
    appointment: Appointment,
    own: Sequence[Appointment],
    start: datetime,
) -> None:
    """Raise the question which appointment is meant if the caller's last words name another live one than `appointment`: models
    keep an argument of an earlier request. After the question, a request that repeats what has led to it is not asked about.
    """
    picked = {text for name in (*PICKING, "customer_name", "service", "staff") if (text := read_text(args, name))}
    was_asked = call.said_last.asks and call.said_last.is_last
    if was_asked and any(picked <= each.texts for each in call.earlier[-1:]):
        return
    live = [appointment, *(each for each in own if each.live and each.id != appointment.id)]
    others = find_others(ctx.config(), call, args, live, appointment, start)
    if not others:
        return
    now, meant = ctx.clock.now(), sorted([appointment, *others], key=lambda each: each.starts_at)
    named = have_several_customers(meant)
    spoken = join_list([describe_appointment(ctx.config(), each, now, named=named) for each in meant])
    question = say().which_of.format(question=say().which_to_move, appointments=spoken)
    raise ClarificationNeeded(question, appointments=appointment_list_fields(ctx.config(), meant, now))


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


def gone_appointment(ctx: BookingContext, found: Appointment) -> ClarificationNeeded:
    sentence = say().cancelled_or_over.format(when=describe_appointment(ctx.config(), found, ctx.clock.now()))
    return ClarificationNeeded(sentence, outcome=FunctionOutcome.GONE)


def resolve_service(ctx: BookingContext, appointment: Appointment) -> ServiceRequest:
    """Return the service and the staff member of an appointment as a `ServiceRequest`, with the rules of the present config.

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
        raise gone_appointment(ctx, appointment)


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
