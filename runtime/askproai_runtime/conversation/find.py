"""The call functions find_appointments and cancel_appointment."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from askproai_core.database import Connection
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.caller_appointments import asks_birth_date
from askproai_runtime.book.cancelling import cancel
from askproai_runtime.book.changes import said_of_written
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.outcomes import Busy, Cancelled, ChangedSince, Gone
from askproai_runtime.book.store.actions import record_question
from askproai_runtime.conversation.answers import (
    appointment_fields,
    appointment_list_fields,
    describe_appointment,
    describe_with_state,
    have_several_customers,
    say_stays,
)
from askproai_runtime.conversation.appointment_filters import narrow
from askproai_runtime.conversation.appointment_times import list_on_days, split_days
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.cancel_question import has_changed_mind, has_refused, read_cancel_reply
from askproai_runtime.conversation.named_appointments import find_others
from askproai_runtime.conversation.named_owner import name_owner
from askproai_runtime.conversation.named_people import names_several
from askproai_runtime.conversation.own_appointments import (
    is_beside_others,
    none_found,
    resolve_cancellation,
)
from askproai_runtime.conversation.own_waiting import (
    describe_waiting,
    leave_named_list,
    leave_waitlist,
    list_own_waiting,
    waiting_fields,
)
from askproai_runtime.conversation.owner_questions import names_another, says_customer
from askproai_runtime.conversation.types import MAX_SPOKEN, Answer, CallContext, ClarificationNeeded, FunctionOutcome
from askproai_runtime.conversation.understood_move import find_service, require_settled
from askproai_runtime.conversation.verification import list_own_appointments
from askproai_runtime.language.answer_words import NO, ONLY_YES, words_of
from askproai_runtime.language.cancel_answers import may_add_another, speaks_of_cost
from askproai_runtime.language.customer_names import speaks_of_another
from askproai_runtime.language.phrases import join_list
from askproai_runtime.sentences import present_language, say

_NOTHING_SAID: Mapping[str, Any] = MappingProxyType({})


async def find_appointments(ctx: BookingContext, call: CallContext, args: Mapping[str, Any] = _NOTHING_SAID) -> Answer:
    """Return the answer with this caller's future appointments in every branch of the tenant, and the waiting-list entries.

    If the request names a customer who has appointments, only that customer's are said.
    """
    try:
        async with ctx.pool.acquire() as conn:
            found = await list_own_appointments(ctx, conn, call, args)
            waiting = [each for each in await list_own_waiting(ctx, conn, call) if each.state == "waiting"]
    except ClarificationNeeded as clarification:
        return clarification.answer
    config = ctx.config()
    waits = {"waiting": waiting_fields(waiting)} if waiting else {}
    if not found:
        is_known = bool(waiting) or asks_birth_date(ctx) or call.caller is not None
        waits_only = say().only_waits.format(entries=describe_waiting(ctx, call, args, waiting)) if waiting else ""
        outcome = FunctionOutcome.FOUND if waiting else FunctionOutcome.NONE_FOUND
        nothing: dict[str, Any] = {"appointments": [], **waits}
        return Answer(success=is_known, message=waits_only or none_found(ctx, call), fields=nothing, outcome=outcome)
    fitting = [each for each in found if not names_another(ctx, call, args, each)]
    named = have_several_customers(found) or any(says_customer(ctx, call, args, each) for each in found)
    name = name_owner(call, args) if read_text(args, "customer_name") and not asks_birth_date(ctx) else ""
    if name:
        found = narrow(config, call, {"customer_name": args["customer_name"]}, found)
    spoken = [describe_with_state(config, each, ctx.clock.now(), named=named) for each in found[:MAX_SPOKEN]]
    unspoken = len(found) - len(spoken)
    if len(found) == 1:
        message = (say().one_booked if named else say().one_found).format(when=spoken[0])
    else:
        rest = say().and_more.format(count=unspoken) if unspoken else ""
        listed = join_list(spoken, say().and_word)
        message = say().several_found.format(count=len(found), appointments=listed, rest=rest)
    if name and not fitting:
        message = f"{say().none_of_customer.format(name=name)} {message}"
    if waiting:
        message += say().waits_besides.format(entries=describe_waiting(ctx, call, args, waiting))
    fields: dict[str, Any] = {"appointments": appointment_list_fields(config, found, ctx.clock.now()), **waits}
    fields |= {"customer_name": name} if name else {}
    return Answer(success=True, message=message, fields=fields, outcome=FunctionOutcome.FOUND)


async def cancel_appointment(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Cancel a caller's own appointment, after the caller has agreed to the cancellation of this one.

    A repeated cancellation also succeeds. The time is free in our book at once. The sync job cancels it in the remote calendar
    later, however long that is unavailable.
    """
    if (left := await leave_named_list(ctx, call, args)) is not None:
        return left
    try:
        async with ctx.pool.acquire() as conn:
            try:
                target, preface = await resolve_cancellation(ctx, conn, call, args, say().which_to_cancel)
            except ClarificationNeeded as asked:
                if not ONLY_YES.fullmatch(words_of(call.said_since or "")):
                    raise
                target, preface = await require_settled(ctx, conn, call, args, asked), ""
            is_other = names_another(ctx, call, args, target)
            if is_other and not preface and (name := name_owner(call, args)):
                preface = say().none_of_customer.format(name=name)
            own = await list_own_appointments(ctx, conn, call, args)
            preface = preface or _say_other_stays(ctx, call, args, target, own)
            named = says_customer(ctx, call, args, target) or await is_beside_others(ctx, conn, call, target)
            is_other = is_other or (named and _is_disowned(call, target))
            await _require_agreement(ctx, conn, call, args, target, preface, named=named, is_other=is_other)
            is_of_several = names_several(read_text(args, "customer_name")) or len(split_days(args)) > 1
            on_days = list_on_days(call, args, ZoneInfo(ctx.config().time_zone), own)
            others = [each for each in on_days or own if each.id != target.id]
            if target.live and not is_of_several:
                others = [each for each in others if each.starts_at == target.starts_at]
    except ClarificationNeeded as clarification:
        return await leave_waitlist(ctx, call, args, clarification.answer)
    reason = read_text(args, "reason")

    outcome = await cancel(ctx, call.actor, target, reason)
    match outcome:
        case ChangedSince():
            return await cancel_appointment(ctx, call, args)  # ask about the start that it has now
        case Busy():
            return Answer(success=False, message=say().busy, fields={}, outcome=FunctionOutcome.BUSY)
        case _:
            with said_of_written():
                return _answer_cancelled(ctx, outcome, others, named=named)


def _say_other_stays(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], target: Appointment, found: Sequence[Appointment]
) -> str:
    """Return the preface for the question whether to cancel `target`, if the caller's last words name another appointment: this
    one stays. Else "", also if they may add the other one ("das Färben auch").
    """
    if may_add_another(call.said_since or ""):
        return ""
    own = [target, *(each for each in found if each.id != target.id)]
    others = find_others(ctx.config(), call, args, own, target)
    named = have_several_customers(own)
    spoken = [describe_appointment(ctx.config(), each, ctx.clock.now(), named=named) for each in others]
    return " ".join(say().other_stays.format(when=each).strip() for each in spoken)


def _is_disowned(call: CallContext, appointment: Appointment) -> bool:
    """Return True if a caller who has heard this appointment says no, or speaks of another person than its customer."""
    said = call.said_since or ""
    is_other = bool(NO.search(words_of(said))) or speaks_of_another(said, appointment.customer_name)
    return str(appointment.id) in call.listed and is_other


def _answer_cancelled(
    ctx: BookingContext, outcome: Cancelled | Gone, others: Sequence[Appointment], *, named: bool
) -> Answer:
    """Return the answer to a cancellation. It says which of the `others` stay: the only one, or those at the same start."""
    appointment = outcome.appointment
    description = describe_appointment(ctx.config(), appointment, ctx.clock.now(), named=named)
    fields = appointment_fields(ZoneInfo(ctx.config().time_zone), appointment)
    if isinstance(outcome, Gone):
        message = say().cannot_cancel.format(when=description)
        return Answer(success=False, message=message, fields=fields, outcome=FunctionOutcome.GONE)
    message = say().cancelled.format(when=description)
    together = [each for each in others if each.starts_at == appointment.starts_at]
    staying = others if len(others) == 1 else together
    message += "".join(say_stays(ctx.config(), each, ctx.clock.now(), named=bool(together)) for each in staying)
    if find_service(ctx, appointment) is None:  # callers who cancel what they could not move want another one
        message += say().say_what_for_a_new_one
    return Answer(success=True, message=message, fields=fields, outcome=FunctionOutcome.CANCELLED)


async def _require_agreement(
    ctx: BookingContext,
    conn: Connection,
    call: CallContext,
    args: Mapping[str, Any],
    appointment: Appointment,
    preface: str,
    *,
    named: bool,
    is_other: bool,
) -> None:
    """Raise `ClarificationNeeded` with the question "Soll ich …?", unless it was this call's last question and the caller has
    agreed.

    The tenant's cancellation rule comes before the question: a caller who cancels late knows the rule before the yes (decision
    81). The caller's words decide. If they are unclear, or the request has no transcript and there was time for an answer,
    `confirmed` decides, which is only the model's claim.
    """
    if not appointment.live or appointment.starts_at <= ctx.clock.now():
        return  # nothing is cancelled
    reply = await read_cancel_reply(ctx, conn, call, appointment)
    claimed = args.get("confirmed")
    if reply is not None and reply.agrees(claimed):
        return
    described = describe_appointment(ctx.config(), appointment, ctx.clock.now(), named=named)
    fields: dict[str, Any] = {**appointment_fields(ZoneInfo(ctx.config().time_zone), appointment)}
    if has_refused(call, claimed, reply):
        raise ClarificationNeeded(say().stays.format(when=described), outcome=FunctionOutcome.KEPT, **fields)
    await record_question(conn, ctx.tenant, call.call_id, appointment.id, appointment.starts_at)
    question = (say().shall_i_cancel_other if is_other else say().shall_i_cancel).format(when=described)
    if reply is None:
        move = say().can_move_too if find_service(ctx, appointment) is not None else ""
        question = " ".join(filter(None, (preface, rule_in_this_language(ctx), move, question)))
    elif has_changed_mind(call, reply):
        question = f"{preface} {question}".strip()
    else:  # the answer was unclear
        known = ctx.config().cancellation_rule or say().topics_not_known["cancellation"]
        rule = known if speaks_of_cost(call.said_since or "") else ""
        question = f"{rule or say().yes_or_no} {question}"
    raise ClarificationNeeded(question, **fields, needs_confirmation=True)


def rule_in_this_language(ctx: BookingContext) -> str:
    """Return the tenant's cancellation rule if the call is in the tenant's language; else "". Callers in another language only
    hear the rule when they ask for it.
    """
    config = ctx.config()
    return config.cancellation_rule if config.locale.partition("-")[0] == present_language() else ""
