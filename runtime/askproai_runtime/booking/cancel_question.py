"""The question whether to cancel an appointment: asked by a cancellation, and by a move that is not possible any more."""

from askproai_core.database import Connection
from askproai_runtime.booking.store.actions import get_last_question
from askproai_runtime.booking.store.appointments import Appointment
from askproai_runtime.booking.types import ANSWER_TIME, BookingContext, CallContext


async def is_cancel_question_answered(
    ctx: BookingContext, conn: Connection, call: CallContext, appointment: Appointment
) -> bool:
    """Return whether the call's last question was about this appointment at its present start, and the caller has answered.

    Without a transcript it counts as answered when there was time for an answer.
    """
    asked = await get_last_question(conn, ctx.tenant, call.call_id)
    if asked is None or (asked.appointment_id, asked.starts_at) != (appointment.id, appointment.starts_at):
        return False
    answers = call.answered_questions
    return asked.age >= ANSWER_TIME if answers is None else str(appointment.id) in answers
