"""A booked appointment that the caller chose to move, or to cancel for another one.

The cancellation and the booking in its place are one transaction: if the booking fails, the appointment is kept. If a remote
calendar must confirm the booking, the cancellation follows the confirmation.
"""

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from askproai_core.database import DATABASE_UNAVAILABLE
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.caller_appointments import list_moved
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.store.actions import record_question
from askproai_runtime.book.store.appointments import get_appointment
from askproai_runtime.conversation.answers import appointment_fields, describe_appointment, describe_with_state
from askproai_runtime.conversation.cancel_question import read_cancel_reply
from askproai_runtime.conversation.find import cancel_appointment, rule_in_this_language
from askproai_runtime.conversation.reschedule import carry_out_move
from askproai_runtime.conversation.spoken_booking import SpokenBooking
from askproai_runtime.conversation.types import Answer, CallContext, ClarificationNeeded
from askproai_runtime.conversation.understood_move import SpokenMove, resolve_service
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.cancel_answers import only_thanks
from askproai_runtime.sentences import decline_name, format_spoken, say

log = structlog.get_logger(__name__)


async def move_instead(
    ctx: BookingContext, call: CallContext, request: SpokenBooking, booked: Appointment, deadline: float
) -> Answer:
    """Move the booked appointment to the requested start, and return the answer."""
    try:
        service = resolve_service(ctx, booked)
    except ClarificationNeeded as clarification:
        return clarification.answer
    move = SpokenMove(call.actor, booked, service, request.start, names_customer=request.names_customer)
    return await carry_out_move(ctx, call, move, deadline)


async def ask_to_cancel_first(
    ctx: BookingContext, call: CallContext, request: SpokenBooking, booked: Appointment
) -> Answer:
    """Return the question whether to cancel the booked appointment first, with the request that books the other one afterwards:
    the remote calendar cannot have both.
    """
    unasked = replace(call, asked_choices=())  # the choice was to replace it
    answer = await cancel_appointment(ctx, unasked, {"appointment_id": str(booked.id)})
    rules, staff = request.rules, request.service.staff
    name, start = rules.service.display_name, request.start.astimezone(rules.zone).isoformat()
    what = say().service_with.format(service=name, staff=decline_name(rules.display_name(staff))) if staff else name
    message = f"{say().only_after_cancelling.format(service=what)} {answer.message}"
    later = {"service": rules.service.name, "staff": staff, "start": start, "customer_name": request.name}
    return replace(answer, message=message, fields={**answer.fields, "next_requests": [later]})


async def cancel_kept(
    ctx: BookingContext, call: CallContext, booked: Appointment, kept: Appointment, answer: Answer
) -> Answer:
    """Return the answer to a repeated booking that was to replace the appointment `kept`. `kept` is cancelled after the
    caller's yes to a question, which is asked once.

    A model also repeats its choice after the caller's thanks, and after this call moved `booked`: then nothing is asked.
    """
    async with ctx.pool.acquire() as conn:
        reply = await read_cancel_reply(ctx, conn, call, kept)
        if reply is Reply.YES:
            return await cancel_appointment(ctx, call, {"appointment_id": str(kept.id)})
        moved = await list_moved(conn, ctx, call.actor)
        is_thanked = call.said_since is not None and only_thanks(call.said_since)
        if reply is not None or is_thanked or booked.id in moved:
            return answer
        await record_question(conn, ctx.tenant, call.call_id, kept.id, kept.starts_at)
    described = describe_appointment(
        ctx.config(), kept, ctx.clock.now(), named=kept.customer_name != booked.customer_name
    )
    question = " ".join(filter(None, (rule_in_this_language(ctx), say().shall_i_cancel.format(when=described))))
    fields: dict[str, Any] = appointment_fields(ZoneInfo(ctx.config().time_zone), kept)
    return ClarificationNeeded(question, **fields, needs_confirmation=True).answer


async def say_replaced(ctx: BookingContext, replaced: Appointment, answer: Answer, *, is_cancelled: bool) -> Answer:
    """Return the answer to a booking, with a sentence whether the appointment that it was to replace is cancelled.

    Unless `is_cancelled`, its state is read. While the database is unavailable, the sentence says that it is unknown.
    """
    if is_cancelled:
        return _say_cancelled(ctx, replaced, answer)
    now, sentence = replaced, say().other_stays
    try:
        async with ctx.pool.acquire() as conn:
            now = await get_appointment(conn, ctx.tenant, replaced.id) or replaced
    except DATABASE_UNAVAILABLE as error:
        log.warning("booking.replaced_not_read", appointment_id=str(replaced.id), error=type(error).__name__)
        sentence = say().other_unknown
    if not now.live:
        return _say_cancelled(ctx, replaced, answer)
    when = format_spoken(now.starts_at, ZoneInfo(ctx.config().time_zone), ctx.clock.now())
    return replace(answer, message=f"{sentence.format(when=when).strip()} {answer.message}")


def _say_cancelled(ctx: BookingContext, replaced: Appointment, answer: Answer) -> Answer:
    described = describe_with_state(ctx.config(), replaced, ctx.clock.now())
    return replace(answer, message=f"{say().cancelled.format(when=described)} {answer.message}")
