"""A booking that is requested again with another name, number, address or note: the appointment gets them, or the caller is asked.

Cal.com has no request that changes the attendee of a booking, and a new booking would lose the place. So the team gets a message
with the changes for its calendar (docs/decisions/0140-corrected-bookings.md).
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from askproai_core.database import DATABASE_UNAVAILABLE, Connection
from askproai_core.tenant_config import Language, TenantConfig
from askproai_runtime.booking.answers import busy_answer, describe_appointment
from askproai_runtime.booking.changes import commit_and_answer
from askproai_runtime.booking.companions import find_booked
from askproai_runtime.booking.confirmation import confirm, find_kept
from askproai_runtime.booking.messages import MESSAGES_PER_CALL, MESSAGES_PER_HOUR
from askproai_runtime.booking.phrases import correct_name, fold, join_list
from askproai_runtime.booking.request import BookingRequest, read_text
from askproai_runtime.booking.store.appointments import (
    Appointment,
    correct_appointment,
    get_appointment,
    list_call_appointments,
    upsert_customer,
)
from askproai_runtime.booking.store.claims import lock_resources_of
from askproai_runtime.booking.store.messages import NewMessage, insert_message
from askproai_runtime.booking.types import (
    Answer,
    BookingContext,
    CallContext,
    ClarificationNeeded,
    FunctionOutcome,
)
from askproai_runtime.booking.verification import owns_appointment
from askproai_runtime.notifications.news import TooManyCorrections, enqueue_message
from askproai_runtime.sentences import decline_name, say, speaking
from askproai_runtime.visits import same_services

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Corrected:
    """An appointment before and after its correction."""

    before: Appointment
    after: Appointment

    @property
    def is_renamed(self) -> bool:
        return self.before.customer_name != self.after.customer_name

    @property
    def has_changed(self) -> bool:
        return _details_of(self.before) != _details_of(self.after)


@dataclass(frozen=True, slots=True)
class _Correction:
    """What a correction has written, and the appointments that the caller keeps. `is_told`: the team has all of it."""

    corrected: list[_Corrected]
    is_told: bool
    kept: list[Appointment]


def _details_of(appointment: Appointment) -> tuple[str | None, ...]:
    return appointment.customer_name, appointment.phone, appointment.attendee_email, appointment.notes


async def find_corrected(
    ctx: BookingContext, call: CallContext, request: BookingRequest, args: Mapping[str, Any]
) -> Appointment | None:
    """Return the caller's own appointment that `appointment_id` names, if the rest of the request is that appointment; else None.

    With `another` or another time a further appointment is meant, whatever id a model adds.
    """
    named = read_text(args, "appointment_id")
    if named is None or request.another or request.companions:
        return None
    try:
        appointment_id = UUID(named)
    except ValueError:
        return None
    async with ctx.pool.acquire() as conn:
        appointment = await get_appointment(conn, ctx.tenant, appointment_id)
        if appointment is None or not (
            appointment.live and appointment.settled and _is_requested(request, appointment)
        ):
            return None
        return appointment if await owns_appointment(ctx, conn, call, appointment) else None


def _is_requested(request: BookingRequest, appointment: Appointment) -> bool:
    same_place = (appointment.branch, appointment.starts_at) == (request.rules.branch.name, request.start)
    return same_place and same_services(appointment.service, request.rules.service.name)


async def correct_repeated(ctx: BookingContext, call: CallContext, request: BookingRequest, answer: Answer) -> Answer:
    """Return the answer to a booking that this call has made before: `answer`, or with what is corrected of it."""
    try:
        async with ctx.pool.acquire() as conn:
            booked = [each for each in await list_call_appointments(conn, ctx.tenant, call.call_id) if each.settled]
        return await correct(ctx, call, request, find_booked(request, booked)) or answer
    except ClarificationNeeded as clarification:
        return clarification.answer
    except DATABASE_UNAVAILABLE:  # it stays booked as the answer says, without what may be new in the request
        log.exception("booking.not_corrected", call_id=call.call_id)
        return replace(answer, success=False)


async def correct(
    ctx: BookingContext, call: CallContext, request: BookingRequest, repeated: Sequence[Appointment]
) -> Answer | None:
    """Give `repeated` the details of the request that they do not have, and return the answer; None if they have all.

    A staff member is no detail: somebody else's time is another booking, so the caller is asked.
    """
    other_staff = _asks_for_other_staff(request, repeated)

    async def write(conn: Connection) -> _Correction:
        corrected, is_told = await _write(conn, ctx, call, request, repeated)
        return _Correction(corrected, is_told, await find_kept(conn, ctx, call, request))

    def answer(written: _Correction) -> Answer | None:
        changed = [each for each in written.corrected if each.has_changed]
        if not changed and not other_staff:
            return None
        said = confirm(ctx, request, [each.after for each in written.corrected], written.kept, again=True)
        message = f"{said.message}{_say_changed(changed, request)}{_say_calendar(changed, is_told=written.is_told)}"
        if not other_staff:
            return replace(said, message=message)
        wanted = decline_name(request.rules.display_name(request.service.staff or ""))
        question = say().instead_with.format(staff=wanted)
        return replace(said, success=False, message=f"{message} {question}", outcome=FunctionOutcome.ASKED_BACK)

    try:
        return await commit_and_answer(ctx, write, answer)
    except asyncpg.LockNotAvailableError:
        return busy_answer()


def _asks_for_other_staff(request: BookingRequest, repeated: Sequence[Appointment]) -> bool:
    return not request.companions and any(request.service.staff not in {None, each.staff} for each in repeated)


async def _write(
    conn: Connection,
    ctx: BookingContext,
    call: CallContext,
    request: BookingRequest,
    repeated: Sequence[Appointment],
) -> tuple[list[_Corrected], bool]:
    """Correct the appointments, and note for the team what differs from its calendar. Return also whether all of it is noted."""
    corrected, is_told = list[_Corrected](), True
    for each, appointment in zip(request.each, repeated, strict=True):
        await lock_resources_of(conn, ctx.tenant, appointment.id)
        before = await get_appointment(conn, ctx.tenant, appointment.id, lock=True) or appointment
        after = _with_details(call, each, before) if before.live else before
        if after != before:
            if after.phone is not None and after.phone != before.phone:
                customer = await upsert_customer(conn, ctx.tenant, after.phone, after.customer_name, request.email)
                after = replace(after, customer_id=customer)
            await correct_appointment(conn, ctx.tenant, after, former_name=before.customer_name)
            if after.in_remote_calendar:
                is_told &= await _tell_team(conn, ctx, call, before, after)
        corrected.append(_Corrected(appointment, after))  # a transaction that is run again finds its own correction
    return corrected, is_told


def _with_details(call: CallContext, request: BookingRequest, appointment: Appointment) -> Appointment:
    """Return an appointment as the request has it. The calling number is no correction of another one that was named."""
    phone = request.phone if request.phone != call.caller else None
    return replace(
        appointment,
        customer_name=correct_name(appointment.customer_name, request.name),
        phone=phone or appointment.phone,
        attendee_email=request.email or appointment.attendee_email,
        notes=_add_note(appointment.notes, request.notes),
    )


def _add_note(known: str | None, said: str | None) -> str | None:
    if not known or not said:
        return known or said
    return known if f" {fold(said)} " in f" {fold(known)} " else f"{known}; {said}"


async def _tell_team(
    conn: Connection, ctx: BookingContext, call: CallContext, before: Appointment, after: Appointment
) -> bool:
    """Leave a message for the team with the changes for its calendar. Returns False if there are too many messages."""
    config = ctx.config()
    with speaking(_language_of_team(config)):
        was = describe_appointment(config, before, ctx.clock.now())
        text = say().change_in_calendar.format(
            when=was, details=join_list(_list_changes(before, after), say().and_word)
        )
    message = NewMessage(
        call_id=call.call_id,
        key=hashlib.sha256(fold(text).encode()).hexdigest(),
        branch=after.branch,
        caller=call.caller,
        name=after.customer_name,
        phone=after.phone,
        recipient=None,
        text=text,
        call_back=None,
        call_back_from=None,
        call_back_until=None,
        correlation_id=call.correlation_id,
    )
    stored = await insert_message(conn, ctx.tenant, message, MESSAGES_PER_CALL, MESSAGES_PER_HOUR)
    if stored is None:
        return False
    with suppress(TooManyCorrections):  # the same change once more: it is noted
        await enqueue_message(
            conn, config, stored.id, text=stored.text, name=stored.name, branch=stored.branch,
            phone=stored.phone or stored.caller, recipient=None, call_back=None, correlation_id=call.correlation_id,
        )  # fmt: skip
    return True


def _language_of_team(config: TenantConfig) -> Language:
    return Language.EN if config.locale.partition("-")[0] == Language.EN else Language.DE


def _list_changes(before: Appointment, after: Appointment) -> list[str]:
    details = (
        (say().written_name, before.customer_name, after.customer_name),
        (say().written_phone, before.phone, after.phone),
        (say().written_email, before.attendee_email, after.attendee_email),
        (say().written_note, before.notes, after.notes),
    )
    return [
        say().changed_detail.format(detail=detail, now=now, before=was or "-")
        for detail, was, now in details
        if was != now
    ]


def _say_changed(changed: Sequence[_Corrected], request: BookingRequest) -> str:
    renamed = [each.after.customer_name for each in changed if each.is_renamed]
    names = say().name_changed.format(name=join_list(renamed, say().and_word)) if renamed else ""
    phone = say().phone_changed if any(each.before.phone != each.after.phone for each in changed) else ""
    email = (
        say().email_changed if any(each.before.attendee_email != each.after.attendee_email for each in changed) else ""
    )
    note = say().note_added if request.notes and any(each.before.notes != each.after.notes for each in changed) else ""
    return f"{names}{phone}{email}{note}"


def _say_calendar(changed: Sequence[_Corrected], *, is_told: bool) -> str:
    """Return who changes the calendar of the team, which still has the booking as it was; nothing where there is none."""
    if not any(each.after.in_remote_calendar for each in changed):
        return ""
    return say().team_changes_calendar if is_told else say().calendar_unchanged
