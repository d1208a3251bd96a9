"""The question whether to cancel an appointment: asked by a cancellation, and by a move that is not possible any more."""

from askproai_core.database import Connection
from askproai_runtime.booking.answer_words import Reply
from askproai_runtime.booking.store.actions import get_last_question
from askproai_runtime.booking.store.appointments import Appointment
from askproai_runtime.booking.types import BookingContext, CallContext


async def read_cancel_reply(
    ctx: BookingContext, conn: Connection, call: CallContext, appointment: Appointment
) -> Reply | None:
    """Return what the caller has said to the call's last question, if that was about this appointment at its present start.

    None if it was another question, or nothing was said since.
    """
    asked = await get_last_question(conn, ctx.tenant, call.call_id)
    if asked is None or (asked.appointment_id, asked.starts_at) != (appointment.id, appointment.starts_at):
        return None
    return call.find_reply(str(appointment.id), asked.age)
