"""The details that came with a request that has moved an appointment: notes, a number, another spelling of the name.

The move is committed, and its answer says it, whatever becomes of the details.
"""

from dataclasses import replace

import structlog

from askproai_core.database import DATABASE_UNAVAILABLE
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.store.appointments import get_appointment
from askproai_runtime.conversation.corrections import correct, with_details
from askproai_runtime.conversation.owner_questions import ask_name, require_own_notes
from askproai_runtime.conversation.spoken_booking import SpokenBooking
from askproai_runtime.conversation.types import Answer, CallContext, ClarificationNeeded
from askproai_runtime.person_names import is_alike, same_name
from askproai_runtime.sentences import say

log = structlog.get_logger(__name__)


async def add_details(
    ctx: BookingContext, call: CallContext, request: SpokenBooking, moved: Appointment, answer: Answer
) -> Answer:
    """Return the answer to a move with the changed details, and with the question for whom they are where that is not clear.
    `moved` is the appointment as it was before.
    """
    try:
        question = None
        if not (same_name(request.name, moved.customer_name) or is_alike(request.name, moved.customer_name)):
            question, request = ask_name(request.name, moved), replace(request, name=moved.customer_name)
        try:
            await require_own_notes(ctx, call, request.notes, replace(moved, starts_at=request.start))
        except ClarificationNeeded as clarification:
            question, request = question or clarification, replace(request, notes=None)
        if with_details(request, moved) != moved:
            answer = await _correct(ctx, call, request, moved, answer)
    except DATABASE_UNAVAILABLE as error:
        log.warning("booking.not_corrected", call_id=call.call_id, error=type(error).__name__)
        return replace(answer, message=f"{answer.message}{say().not_corrected}")
    except Exception:  # of the details nothing is known, of the move everything
        log.exception("booking.details_unknown", call_id=call.call_id)
        return answer
    if question is None:
        return answer
    return replace(answer, message=f"{answer.message} {question}", fields=answer.fields | question.answer.fields)


async def _correct(
    ctx: BookingContext, call: CallContext, request: SpokenBooking, moved: Appointment, answer: Answer
) -> Answer:
    async with ctx.pool.acquire() as conn:
        now = await get_appointment(conn, ctx.tenant, moved.id)
    if now is None or not (now.live and now.settled):
        return replace(answer, message=f"{answer.message}{say().not_corrected}")
    corrected = await correct(ctx, call, request, [now], answer, done=answer)
    return replace(corrected, success=answer.success)
