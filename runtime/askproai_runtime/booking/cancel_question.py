"""The question whether to cancel an appointment: asked by a cancellation, and by a move that is not possible any more."""

from askproai_core.database import Connection
from askproai_runtime.booking.answer_words import Reply
from askproai_runtime.booking.store.actions import get_last_question
from askproai_runtime.booking.store.appointments import Appointment, get_appointment
from askproai_runtime.booking.types import BookingContext, CallContext, Choice


async def read_cancel_reply(
    ctx: BookingContext, conn: Connection, call: CallContext, appointment: Appointment
) -> Reply | None:
    """Return what the caller has said to the call's last question, if that was about this appointment at its present start.

    None if it was another question, or nothing was said since. A caller who has chosen another appointment instead of this one has
    agreed, if the model has understood it so.
    """
    asked = await get_last_question(conn, ctx.tenant, call.call_id)
    is_asked = asked is not None and (asked.appointment_id, asked.starts_at) == (appointment.id, appointment.starts_at)
    reply = call.find_reply(str(appointment.id), asked.age) if asked is not None and is_asked else None
    if reply is None and call.asked_choice is not None:
        may_be_cancelled = Choice.CANCEL in call.asked_choice.choices and call.asked_choice.about == str(appointment.id)
        return Reply.UNCLEAR if may_be_cancelled else None
    return reply


async def find_questioned(
    ctx: BookingContext, conn: Connection, call: CallContext
) -> tuple[Appointment | None, Reply | None]:
    """Return the appointment of the call's last question whether to cancel, as it is now, and what the caller has said to it."""
    asked = await get_last_question(conn, ctx.tenant, call.call_id)
    appointment = await get_appointment(conn, ctx.tenant, asked.appointment_id) if asked else None
    reply = await read_cancel_reply(ctx, conn, call, appointment) if appointment is not None else None
    return appointment, reply
