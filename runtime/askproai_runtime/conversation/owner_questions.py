"""Ask whose appointment is meant, before a change that may be about another person's appointment."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from askproai_core.database import Connection
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.caller_appointments import asks_birth_date
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.store.actions import list_former_starts, record_which
from askproai_runtime.conversation.answers import describe_appointment
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.asked_choices import ask_choice
from askproai_runtime.conversation.doubts import says_instead
from askproai_runtime.conversation.named_owner import leaves_owner_open, name_owner, names_other_owner, needs_name
from askproai_runtime.conversation.types import CallContext, Choice, ClarificationNeeded, FunctionOutcome
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.bare_names import is_of_stranger
from askproai_runtime.language.customer_names import speaks_of_another
from askproai_runtime.language.replies import details_key, holds_yes
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import say

_WHENEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)  # for whom an appointment is does not change with its start


def ask_name(name: str, appointment: Appointment) -> ClarificationNeeded:
    """Return the question whether `name` corrects the name of the appointment's customer, or is another person's."""
    question = say().rename_or_another.format(booked=appointment.customer_name, name=name)
    return ask_choice(question, appointment, name, Choice.RENAME, Choice.FURTHER)


async def require_own_notes(
    ctx: BookingContext, call: CallContext, notes: str | None, appointment: Appointment
) -> None:
    """Raise `ClarificationNeeded` if new notes mention another person, who may need a separate appointment."""
    is_known = f" {fold(notes or '')} " in f" {fold(appointment.notes or '')} "
    if notes and not is_known and speaks_of_another(notes, appointment.customer_name):
        await require_agreement(ctx, call, f"details {fold(notes)}", appointment)


async def require_agreement(ctx: BookingContext, call: CallContext, details: str, appointment: Appointment) -> None:
    """Raise `ClarificationNeeded` unless the caller has said that a change (`details` is its text) is for this appointment."""
    described = describe_appointment(ctx.config(), appointment, ctx.clock.now(), named=True)
    async with ctx.pool.acquire() as conn:
        question = say().change_or_another.format(appointment=described)
        await require_yes(ctx, conn, call, appointment, details, question, "details")


async def require_own_name(
    ctx: BookingContext,
    conn: Connection,
    call: CallContext,
    args: Mapping[str, Any],
    appointment: Appointment,
    own: Sequence[Appointment],
) -> None:
    """Raise `ClarificationNeeded` if the request names another customer than the appointment's, unless the caller has said that
    this appointment is meant.

    If the caller has said no and has only this appointment (`own`), no other can be asked about.
    """
    if not names_another(ctx, call, args, appointment):
        return
    described = describe_appointment(ctx.config(), appointment, ctx.clock.now(), named=True)
    name = name_owner(call, args)
    question = say().is_it_of_another.format(appointment=described, name=name)
    if not name:
        question = say().is_it_the_one.format(appointment=described)
    refused = _none_other() if len(own) == 1 else None
    about = f"customer {fold(name)}"
    await require_yes(ctx, conn, call, appointment, about, question, "customer_name", name, refused)


async def require_owner(
    ctx: BookingContext,
    conn: Connection,
    call: CallContext,
    args: Mapping[str, Any],
    appointment: Appointment,
    own: Sequence[Appointment],
) -> None:
    """Raise `ClarificationNeeded` if the request names another customer, or names none and the number has several customers. A
    caller who has said yes is not asked, nor a request without a name for an appointment that this call has moved.
    """
    is_open = not asks_birth_date(ctx) and leaves_owner_open(ctx.config(), call, args, appointment, own)
    is_other = names_another(ctx, call, args, appointment)
    if not is_open and not is_other:
        return
    moved = {each.appointment_id for each in await list_former_starts(conn, ctx.tenant, call.call_id)}
    if appointment.id in moved and read_text(args, "customer_name") is None:
        return
    if is_other:
        await require_own_name(ctx, conn, call, args, appointment, own)
        return
    described = describe_appointment(ctx.config(), appointment, ctx.clock.now(), named=True)
    question = say().is_it_the_one.format(appointment=described)
    await require_yes(ctx, conn, call, appointment, "customer ", question, "customer_name", refused=_none_other())


def _none_other() -> ClarificationNeeded:
    return ClarificationNeeded(say().none_other, outcome=FunctionOutcome.NONE_FOUND)


def names_another(ctx: BookingContext, call: CallContext, args: Mapping[str, Any], appointment: Appointment) -> bool:
    """Return whether the request names another customer than the appointment's; False if a second factor compared the name."""
    is_of_call = appointment.call_id == call.call_id
    return not asks_birth_date(ctx) and names_other_owner(call, args, appointment.customer_name, is_of_call=is_of_call)


def comes_instead(ctx: BookingContext, call: CallContext, args: Mapping[str, Any], appointment: Appointment) -> bool:
    """Return True if the request names another person than the appointment's customer, and the caller has said that one person
    comes in place of another: the request may then change the customer's name.
    """
    return says_instead(call) and bool(name_owner(call, args)) and names_another(ctx, call, args, appointment)


def says_customer(ctx: BookingContext, call: CallContext, args: Mapping[str, Any], appointment: Appointment) -> bool:
    """Return whether a sentence about an appointment must name its customer; False if the name is part of a second factor."""
    is_of_call, customer = appointment.call_id == call.call_id, appointment.customer_name
    is_open = not is_of_call and is_of_stranger(call.utterances, customer, ctx.config())
    return not asks_birth_date(ctx) and (is_open or needs_name(call, args, customer, is_of_call=is_of_call))


async def require_yes(
    ctx: BookingContext,
    conn: Connection,
    call: CallContext,
    appointment: Appointment,
    asked_about: str,
    question: str,
    unclear: str,
    name: str = "",
    refused: ClarificationNeeded | None = None,
    suggested: str | None = None,
) -> None:
    """Raise `ClarificationNeeded` with the question unless the caller has said yes to it, or raise `refused` after a no. A yes
    after the no is asked about again, since it may answer something else. Without a transcript, a request that is repeated
    after the time for an answer counts as a yes. `name` is the person who was named, and `suggested` the branch.
    """
    age = await record_which(conn, ctx.tenant, call.call_id, appointment.id, _WHENEVER, asked_about)
    # A question that is asked now for the first time was not answered: a yes in the transcript is one to an earlier question.
    reply = None if age is None else call.find_reply(details_key(str(appointment.id)), age)
    if reply is Reply.YES or (call.replies is None and reply is not None):
        return
    if reply is Reply.NO and refused is not None and not holds_yes(call.said_since or ""):
        raise refused
    named: dict[str, Any] = {"customer_name": name} if name else {}
    named |= {"suggested": suggested} if suggested else {}
    raise ClarificationNeeded(question, appointment_id=str(appointment.id), needs_answer=True, unclear=unclear, **named)
