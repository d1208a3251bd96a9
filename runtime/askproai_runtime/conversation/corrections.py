"""A repeated booking request with another name, number, address or note: the appointment is corrected, or the caller is asked.

The remote calendar cannot change the attendee of a booking, and a new booking would lose the slot. The team therefore gets a
message with the changes for its calendar (docs/decisions/0140-corrected-bookings.md). A request that moves an appointment may
have other details, too: the move is committed, and its answer confirms it, even if the details cannot be corrected.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from askproai_core.database import DATABASE_UNAVAILABLE, Connection
from askproai_core.languages import Language
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.caller_appointments import read_caller_appointments
from askproai_runtime.book.changes import Change
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.kept_appointments import list_kept
from askproai_runtime.book.outcomes import OneMoreOrInstead
from askproai_runtime.book.store.appointments import correct_appointment, get_appointment, upsert_customer
from askproai_runtime.book.store.claims import lock_resources_of
from askproai_runtime.book.store.verifications import has_birth_date, set_birth_date
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.conversation.answers import describe_appointment
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.asked_choices import Chosen
from askproai_runtime.conversation.booked_sentences import confirm, say_no_mail
from askproai_runtime.conversation.corrected_entries import (
    find_misnamed_appointment,
    has_other_first_name,
    may_be_misheard,
)
from askproai_runtime.conversation.messages import make_message, store_message
from askproai_runtime.conversation.owner_questions import ask_name, require_own_notes
from askproai_runtime.conversation.phone_argument import spell_phone
from askproai_runtime.conversation.questions import ask
from askproai_runtime.conversation.spoken_booking import SpokenBooking
from askproai_runtime.conversation.types import Answer, CallContext, Choice, ClarificationNeeded, FunctionOutcome
from askproai_runtime.conversation.verification import owns_appointment
from askproai_runtime.language.phrases import join_list
from askproai_runtime.language.replies import rename_key
from askproai_runtime.person_names import correct_name, fold, may_be_same, same_name
from askproai_runtime.sentences import decline_name, say, speaking
from askproai_runtime.visits import same_services

log = structlog.get_logger(__name__)

_LONGEST_TEXT = 500  # of a stored text


@dataclass(frozen=True, slots=True)
class _Corrected:
    """An appointment before and after its correction. `is_reborn`: the birth date changes; it is compared in the database and
    never read. `keeps_birth_date`: the caller said another birth date, but only the call that booked may change it.
    """

    before: Appointment
    after: Appointment
    is_reborn: bool = False
    keeps_birth_date: bool = False

    @property
    def has_changed(self) -> bool:
        return self.is_reborn or self.before != self.after

    def changes(self, detail: str) -> bool:
        return bool(getattr(self.before, detail) != getattr(self.after, detail))


@dataclass(frozen=True, slots=True)
class _Correction:
    """The stored corrections, and the caller's other appointments (`kept`). `is_told`: every message to the team was stored."""

    corrected: list[_Corrected]
    is_told: bool
    kept: list[Appointment]


async def find_corrected(
    ctx: BookingContext,
    call: CallContext,
    request: SpokenBooking,
    args: Mapping[str, Any],
    chosen: Chosen | None,
    booked: Sequence[Appointment],
) -> Appointment | None:
    """Return the caller's own appointment that the booking request corrects: the one that the caller chose to rename, the one
    among the call's `booked` ones that `choice` renames before any question, or the one of `appointment_id` if branch, start and
    service are the same. Return None if the request corrects none.

    With `another` or another time a further appointment is meant, whatever id a model adds. Raises `ClarificationNeeded`.
    """
    if request.companions:
        return None
    then = [each for each in booked if each.live and each.settled and _is_requested(request, each)]
    if chosen is None and request.another:
        _require_other_name(call, request.name, then)
    elif chosen is None and (misnamed := find_misnamed_appointment(args, request.name, then)) is not None:
        await require_own_notes(ctx, call, request.notes, misnamed)
        return misnamed
    renamed = chosen.about if chosen is not None and chosen.choice is Choice.RENAME else None
    if request.another and renamed is None:
        return None
    appointment = await find_own(ctx, call, renamed or read_text(args, "appointment_id"))
    if appointment is None:
        return None
    if not _is_requested(request, appointment):
        if renamed:  # with another time, too: what becomes of the booked one is asked
            raise ask(ctx, OneMoreOrInstead(request, appointment))
        return None
    if not renamed and request.name and not same_name(request.name, appointment.customer_name):
        raise ask_name(request.name, appointment)  # a model adds the id to the booking of a second person, too
    await require_own_notes(ctx, call, request.notes, appointment)
    return appointment


def _require_other_name(call: CallContext, name: str, booked: Sequence[Appointment]) -> None:
    """Raise `ClarificationNeeded` once, and only with a transcript, if `name` may be a misheard one of the `booked`. Another first
    name is a further person's.
    """
    if not name or call.replies is None or any(same_name(name, each.customer_name) for each in booked):
        return
    for each in reversed(booked):
        is_alike = may_be_misheard(name, each.customer_name) and not has_other_first_name(name, each.customer_name)
        if is_alike and rename_key(str(each.id)) not in call.asked_unclear:
            raise ask_name(name, each)


async def find_own(ctx: BookingContext, call: CallContext, appointment_id: str | None) -> Appointment | None:
    """Return the caller's own live appointment with this id; None if there is none or the text is not an id."""
    try:
        own_id = UUID(appointment_id or "")
    except ValueError:
        return None
    async with ctx.pool.acquire() as conn:
        appointment = await get_appointment(conn, ctx.tenant, own_id)
        if appointment is None or not (appointment.live and appointment.settled):
            return None
        return appointment if await owns_appointment(ctx, conn, call, appointment) else None


def _is_requested(request: SpokenBooking, appointment: Appointment) -> bool:
    same_place = (appointment.branch, appointment.starts_at) == (request.rules.branch.name, request.start)
    return same_place and same_services(appointment.service, request.rules.service.name)


async def correct_repeated(
    ctx: BookingContext, call: CallContext, request: SpokenBooking, booked: Sequence[Appointment], answer: Answer
) -> Answer:
    """Return the answer to a repeated booking: `answer`, or the answer to the correction if details differ."""
    try:
        is_settled = bool(booked) and all(each.settled for each in booked)
        for each, appointment in zip(request.each, booked if is_settled else (), strict=False):
            await require_own_notes(ctx, call, each.notes, appointment)
        return await correct(ctx, call, request, booked, answer, again=True) if is_settled else answer
    except ClarificationNeeded as clarification:
        return clarification.answer
    except DATABASE_UNAVAILABLE:  # it stays booked as the answer says, without the new values of the request
        log.exception("booking.not_corrected", call_id=call.call_id)
        return replace(answer, success=False)


async def correct(
    ctx: BookingContext,
    call: CallContext,
    request: SpokenBooking,
    repeated: Sequence[Appointment],
    answer: Answer,
    *,
    done: Answer | None = None,
    again: bool = False,
) -> Answer:
    """Write the details of the request that differ from the `repeated` appointments, and return the answer about them; if no
    detail differs, return `answer`.

    The changes are said after the answer `done`, after the appointments if these were requested `again`, else alone. No lock
    is taken if nothing differs. With another staff member a time is another booking, and the caller is asked.
    """
    async with ctx.pool.acquire() as conn:
        pairs = zip(request.each, repeated, strict=True)
        found = [await _compare(conn, ctx, call, each, appointment) for each, appointment in pairs]
    if not any(each.has_changed for each in found):
        return _add_refused(request, found, answer)

    async def write(conn: Connection) -> _Correction:
        corrected, is_told = await _write(conn, ctx, call, request, repeated)
        is_written = not any(each.has_changed for each in corrected) and all(each.after.live for each in corrected)
        if change.attempted is not None and is_written:
            return change.attempted  # it was committed, and the answer lost
        own = {each.after.id for each in corrected}
        known = await read_caller_appointments(conn, ctx, request.actor)
        kept = [each for each in list_kept(ctx.config(), request, known) if each.id not in own]
        return _Correction(corrected, is_told, kept)

    async def commit() -> Answer:
        return answered(await change.commit(write))

    answered = partial(_answer, ctx, request, done, again)
    change = Change[_Correction, Answer](ctx, answered)
    try:
        return await change.run(commit)
    except asyncpg.LockNotAvailableError:
        return replace(answer, success=False, message=f"{answer.message}{say().not_corrected}")


def _answer(
    ctx: BookingContext, request: SpokenBooking, done: Answer | None, again: bool, written: _Correction
) -> Answer:
    changed = [each for each in written.corrected if each.has_changed]
    if any(each.changes("phone") for each in changed):  # which is said as a change
        request = replace(request, said_phone=None)
    all_after, is_said = [each.after for each in written.corrected], again or not changed
    said = done or confirm(ctx, request, all_after, written.kept, again=True, is_said=is_said)
    details = _say_changed(ctx.config(), changed, request.rules.branch.name)
    message = f"{said.message}{details}{_say_calendar(changed, is_told=written.is_told)}".strip()
    is_other = any(not same_name(each.before.customer_name, each.after.customer_name) for each in changed)
    if is_other and not request.companions:  # it may have been a second person
        said = replace(said, fields=said.fields | {"customer_name": request.name, "choices": [Choice.FURTHER]})
    return _add_refused(request, written.corrected, replace(said, message=message))


def _add_refused(request: SpokenBooking, found: Sequence[_Corrected], answer: Answer) -> Answer:
    """Return the answer with the birth date that stays, and the question about a requested other staff member: neither changes."""
    if any(each.keeps_birth_date for each in found):
        answer = replace(answer, success=False, message=f"{answer.message}{say().birth_date_unchanged}")
    staff, among = request.service.staff, {each.id: each.display_name for each in request.rules.among}
    wanted = {staff: request.rules.display_name(staff)} if staff else among
    if request.companions or not wanted or all(each.before.staff in wanted for each in found):
        return answer
    question = say().instead_with.format(
        staff=join_list([decline_name(name) for name in wanted.values()], say().or_word)
    )
    choices = [Choice.CANCEL] if any(each.before.is_beside for each in found) else [Choice.CANCEL, Choice.FURTHER]
    fields = answer.fields | {"customer_name": request.name, "choices": choices}
    message = f"{answer.message} {question}"
    return replace(answer, success=False, message=message, fields=fields, outcome=FunctionOutcome.ASKED_BACK)


async def _compare(
    conn: Connection, ctx: BookingContext, call: CallContext, request: SpokenBooking, appointment: Appointment
) -> _Corrected:
    """Return the appointment before and after the correction. Only the call that booked it may correct the birth date, since
    for every other call the birth date proves whose appointment it is.
    """
    if not appointment.live:
        return _Corrected(appointment, appointment)
    born, is_own = request.birth_date, appointment.call_id == call.call_id
    is_other = born is not None and not await has_birth_date(conn, ctx.tenant, appointment.id, born)
    return _Corrected(
        appointment,
        with_details(request, appointment),
        is_reborn=is_other and is_own,
        keeps_birth_date=is_other and not is_own,
    )


async def _write(
    conn: Connection,
    ctx: BookingContext,
    call: CallContext,
    request: SpokenBooking,
    repeated: Sequence[Appointment],
) -> tuple[list[_Corrected], bool]:
    """Correct the appointments, and leave messages to the team about its calendar. Return the changes, and True if all fit."""
    corrected, is_told = list[_Corrected](), True
    for each, appointment in zip(request.each, repeated, strict=True):
        await lock_resources_of(conn, ctx.tenant, appointment.id)
        current = await get_appointment(conn, ctx.tenant, appointment.id, lock=True) or appointment
        found = await _compare(conn, ctx, call, each, current)
        corrected.append(found)
        if found.is_reborn and each.birth_date is not None:
            await set_birth_date(conn, ctx.tenant, current.id, each.birth_date)
        if found.before != found.after:
            await _write_details(conn, ctx, found, request.email)
            if found.after.in_remote_calendar:
                is_told &= await _tell_team(conn, ctx, call, found.before, found.after)
    return corrected, is_told


async def _write_details(conn: Connection, ctx: BookingContext, found: _Corrected, email: str | None) -> None:
    """Store the corrected details."""
    before, after = found.before, found.after
    if after.phone is not None and found.changes("phone"):
        customer = await upsert_customer(conn, ctx.tenant, after.phone, after.customer_name, email)
        after = replace(after, customer_id=customer)
    await correct_appointment(conn, ctx.tenant, after, before.customer_name)


def with_details(request: SpokenBooking, appointment: Appointment) -> Appointment:
    """Return the appointment with the details of the request. A missing name or phone number changes nothing."""
    phone = request.phone if request.chooses_phone else None
    return replace(
        appointment,
        customer_name=correct_name(appointment.customer_name, request.name),
        phone=phone or appointment.phone,
        attendee_email=request.email or appointment.attendee_email,
        notes=add_note(appointment.notes, request.notes),
    )


def add_note(known: str | None, said: str | None) -> str | None:
    """Return an appointment's notes (`known`) with the new words `said` added; None if there are neither."""
    if not known or not said:
        return known or said
    return known if f" {fold(said)} " in f" {fold(known)} " else f"{known}; {said}"


def _say_changed(config: TenantConfig, changed: Sequence[_Corrected], branch: str) -> str:
    renamed = [each.after.customer_name for each in changed if each.changes("customer_name")]
    names = say().name_changed.format(name=join_list(renamed, say().and_word)) if renamed else ""
    numbers = [each.after.phone for each in changed if each.changes("phone") and each.after.phone]
    phone = say().phone_changed.format(phone=spell_phone(numbers[0], region_of(config, branch))) if numbers else ""
    born = say().birth_date_changed if any(each.is_reborn for each in changed) else ""
    noted = say().note_added if any(each.changes("notes") for each in changed) else ""
    email = f"{say().email_changed}{say_no_mail(config, [each.after for each in changed])}"
    is_emailed = any(each.changes("attendee_email") for each in changed)
    return f"{names}{phone}{email if is_emailed else ''}{born}{noted}"


def _say_calendar(changed: Sequence[_Corrected], *, is_told: bool) -> str:
    """Return the sentence that says who updates the remote calendar; "" if no changed appointment is in it."""
    is_remote = any(each.after.in_remote_calendar and each.before != each.after for each in changed)
    return "" if not is_remote else say().team_changes_calendar if is_told else say().calendar_unchanged


async def _tell_team(
    conn: Connection, ctx: BookingContext, call: CallContext, before: Appointment, after: Appointment
) -> bool:
    """Leave a message for the team with the changes for its calendar. Return False if there are too many messages, or the text
    is too long to be stored.

    Each change is a separate message, also one that undoes an earlier change: the last message has the final state.
    """
    config = ctx.config()
    with speaking(Language.of(config.locale) or Language.DE):
        was = describe_appointment(config, before, ctx.clock.now())
        text = say().change_in_calendar.format(
            when=was, details=join_list(_list_changes(before, after), say().and_word)
        )
    if len(text) > _LONGEST_TEXT:
        return False
    identity = f"{before.updated_at}|{text}"
    message = make_message(call, identity, after.branch, text, name=after.customer_name, phone=after.phone)
    return await store_message(conn, ctx, message) is not None


def _list_changes(before: Appointment, after: Appointment) -> list[str]:
    details = (
        (say().written_name, before.customer_name, after.customer_name),
        (say().written_phone, before.phone, after.phone),
        (say().written_email, before.attendee_email, after.attendee_email),
        (say().written_note, before.notes, after.notes),
    )
    changed = [each for each in details if each[1] != each[2]]
    return [say().changed_detail.format(detail=detail, now=now, before=was or "-") for detail, was, now in changed]


async def add_details(
    ctx: BookingContext, call: CallContext, request: SpokenBooking, moved: Appointment, answer: Answer
) -> Answer:
    """Return the answer to a move, with the appointment's changed details, or a question if they may be another person's.

    `moved` is the appointment before the move.
    """
    try:
        question = None
        if not may_be_same(request.name, moved.customer_name):
            question, request = ask_name(request.name, moved), replace(request, name=moved.customer_name)
        try:
            await require_own_notes(ctx, call, request.notes, replace(moved, starts_at=request.start))
        except ClarificationNeeded as clarification:
            question, request = question or clarification, replace(request, notes=None)
        if with_details(request, moved) != moved:
            answer = await _correct_moved(ctx, call, request, moved, answer)
    except DATABASE_UNAVAILABLE as error:
        log.warning("booking.not_corrected", call_id=call.call_id, error=type(error).__name__)
        return replace(answer, message=f"{answer.message}{say().not_corrected}")
    except Exception:  # of the details nothing is known, of the move everything
        log.exception("booking.details_unknown", call_id=call.call_id)
        return answer
    if question is None:
        return answer
    return replace(answer, message=f"{answer.message} {question}", fields=answer.fields | question.answer.fields)


async def _correct_moved(
    ctx: BookingContext, call: CallContext, request: SpokenBooking, moved: Appointment, answer: Answer
) -> Answer:
    async with ctx.pool.acquire() as conn:
        now = await get_appointment(conn, ctx.tenant, moved.id)
    if now is None or not (now.live and now.settled):
        return replace(answer, message=f"{answer.message}{say().not_corrected}")
    corrected = await correct(ctx, call, request, [now], answer, done=answer)
    return replace(corrected, success=answer.success)
