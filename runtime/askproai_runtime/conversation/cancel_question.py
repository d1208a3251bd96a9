"""The question whether to cancel an appointment, asked by a cancellation and by a move that has become impossible."""

from askproai_core.database import Connection
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.store.actions import get_last_question
from askproai_runtime.book.store.appointments import get_appointment
from askproai_runtime.conversation.types import CallContext
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.cancel_answers import read_cancellation, refuses


async def read_cancel_reply(
    ctx: BookingContext, conn: Connection, call: CallContext, appointment: Appointment
) -> Reply | None:
    """Return the caller's reply to the question whether to cancel the appointment, if this was the call's last question about
    it and named its present start; else None.

    None, too, if the caller has not spoken since or, without a transcript, if the last such question was about another
    appointment. A no to the question whether to cancel it for a new appointment is a no here; other replies to that question do
    not count.
    """
    about = None if call.replies is None else appointment.id
    asked = await get_last_question(conn, ctx.tenant, call.call_id, about)
    is_asked = asked is not None and (asked.appointment_id, asked.starts_at) == (appointment.id, appointment.starts_at)
    reply = call.find_reply(str(appointment.id), asked.age) if asked is not None and is_asked else None
    if reply is None and any(each.about == str(appointment.id) for each in call.asked_choices):
        return Reply.NO if refuses(call.said_since or "", claimed=True) else None
    return reply


def has_refused(call: CallContext, claimed: object, reply: Reply | None) -> bool:
    """Return True if the caller has just refused a cancellation (`reply` is a no): by a plain no, or by other words if the
    model also claims a no (`claimed` is False).

    A model that repeats its claim before the caller says more means the same no.
    """
    if reply is not Reply.NO or call.said_since is None:
        return False
    return refuses(call.said_since, claimed=claimed is False) if call.said_since.strip() else claimed is False


def has_changed_mind(call: CallContext, reply: Reply | None) -> bool:
    """Return whether a caller who refused a cancellation now asks for it."""
    said = call.said_since
    return reply is Reply.NO and bool(said) and read_cancellation(said or "") not in {Reply.NO, None}


async def find_questioned(
    ctx: BookingContext, conn: Connection, call: CallContext
) -> tuple[Appointment | None, Reply | None]:
    """Return the appointment that the call was last asked to cancel (None without one), as it is now, and the caller's reply."""
    asked = await get_last_question(conn, ctx.tenant, call.call_id)
    appointment = await get_appointment(conn, ctx.tenant, asked.appointment_id) if asked else None
    reply = await read_cancel_reply(ctx, conn, call, appointment) if appointment is not None else None
    return appointment, reply
