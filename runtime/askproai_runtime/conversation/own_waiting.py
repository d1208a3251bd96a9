"""A caller's waiting-list entries: list them, and remove one like a cancelled appointment, after the caller has agreed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from askproai_core.database import Connection
from askproai_runtime.book.caller_appointments import asks_birth_date
from askproai_runtime.book.changes import said_of_written
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.store.actions import get_last_question, record_question
from askproai_runtime.book.store.appointments import get_appointment
from askproai_runtime.book.store.waitlist import list_entries_of_caller
from askproai_runtime.book.waiting import leave, read_spans
from askproai_runtime.book.waitlist import WaitlistEntry
from askproai_runtime.conversation.answers import describe_appointment, have_several_customers
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.cancel_question import has_refused
from askproai_runtime.conversation.named_owner import name_owner, needs_name
from askproai_runtime.conversation.said_appointments import find_said_place, picks_all, replies_all
from askproai_runtime.conversation.types import Answer, CallContext, FunctionOutcome
from askproai_runtime.conversation.verification import list_own_appointments
from askproai_runtime.language.answer_words import (
    APPOINTMENT_WORD,
    OFF_THE_LIST,
    STAYS,
    WAITING_LIST,
    Reply,
    is_question,
)
from askproai_runtime.language.phrases import join_list
from askproai_runtime.language.replies import answers_nothing
from askproai_runtime.language.spoken_services import names_service
from askproai_runtime.person_names import fold, same_name
from askproai_runtime.sentences import decline_name, say
from askproai_runtime.spoken_times import understand_parts
from askproai_runtime.understood import UNDERSTOOD
from askproai_runtime.visits import find_by_name, list_parts

_WHICH_KIND: Final = "appointment or place"
_WORDS: Final = UNDERSTOOD.own_appointments
_PLACE: Final = re.compile(rf"\b(?:{_WORDS.waiting_place})\b", re.IGNORECASE)
_CLAUSE: Final = re.compile(rf"[,.;!?]|\b(?:{_WORDS.clause_begins})\b", re.IGNORECASE)
_NOT: Final = re.compile(rf"\b(?:{_WORDS.keeps_place})\b", re.IGNORECASE)


async def list_own_waiting(ctx: BookingContext, conn: Connection, call: CallContext) -> list[WaitlistEntry]:
    """Return the entries of the calling number and of this call, also ones removed since the call began; [] if the tenant asks
    for birth dates, since a number alone proves nothing.
    """
    if asks_birth_date(ctx):
        return []
    return await list_entries_of_caller(
        conn, ctx.tenant, call.caller, call.call_id, ctx.clock.now(), removed_since=call.started_at
    )


def waiting_fields(entries: Sequence[WaitlistEntry]) -> list[dict[str, str]]:
    """Return the entries as fields for the model. A cancellation accepts a `waitlist_id` as `appointment_id`."""
    return [
        {"waitlist_id": str(each.id), "service": each.service, "requested": each.requested, "customer_name": each.name}
        for each in entries
    ]


def describe_waiting(
    ctx: BookingContext,
    call: CallContext,
    args: Mapping[str, Any],
    entries: Sequence[WaitlistEntry],
    joined_by: str | None = None,
) -> str:
    """Return entries of the waiting list in words. An entry has its customer's name if the entries have several customers, if
    the request or the caller's introduction names another person, or if nobody has said the customer's name.
    """
    are_several = len({fold(each.name) for each in entries}) > 1
    described = []
    for each in entries:
        is_named = are_several or needs_name(call, args, each.name, is_of_call=each.call_id == call.call_id)
        described.append(_describe(ctx, each, is_named=is_named))
    return join_list(described, joined_by or say().and_word)


def _describe(ctx: BookingContext, entry: WaitlistEntry, *, is_named: bool) -> str:
    config = ctx.config()
    service, branch = find_by_name(config, entry.service, entry.branch), config.find_branch(entry.branch)
    member = next((each for each in (branch.staff if branch else ()) if each.id == entry.staff), None)
    staff = say().with_staff.format(staff=decline_name(member.display_name)) if member is not None else ""
    whom = say().for_customer.format(name=entry.name) if is_named else ""
    return f"{service.display_name if service else entry.service}{staff}, {entry.requested}{whom}"


async def leave_waitlist(ctx: BookingContext, call: CallContext, args: Mapping[str, Any], asked: Answer) -> Answer:
    """Remove a caller's waiting-list entry after the caller has agreed, or ask which entry is meant.

    Return `asked`, the answer about the cancellation of an appointment, if the caller has one and names no entry by id. If the
    caller keeps the appointment, the answer also lists the entries, since one may have been meant. A caller who has both an
    appointment and an entry is asked once which is meant.
    """
    named, has_none = read_text(args, "appointment_id"), asked.outcome is FunctionOutcome.NONE_FOUND
    is_kept = asked.outcome is FunctionOutcome.KEPT
    if not has_none and not is_kept and named in {None, asked.fields.get("appointment_id")}:
        return asked if named is not None else await _ask_which_kind(ctx, call, args, asked)
    async with ctx.pool.acquire() as conn:
        own = await list_own_waiting(ctx, conn, call)
        waiting = [each for each in own if each.state == "waiting"]
        if is_kept and waiting:
            message = asked.message + say().waits_besides.format(entries=describe_waiting(ctx, call, args, waiting))
            return replace(asked, message=message, fields={**asked.fields, "waiting": waiting_fields(waiting)})
        meant = [each for each in own if str(each.id) == named]
    if not own or not (meant or has_none):
        return asked
    return await _leave(ctx, call, args, meant or _narrow(ctx, call, args, waiting) or own[-1:])


async def _leave(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], meant: Sequence[WaitlistEntry]
) -> Answer:
    """Remove the entry in `meant`, after the caller has agreed. If there are several, ask which; "alle" begins with the first."""
    entry, *others = meant
    if others and not (picks_all(args) or replies_all(call)):
        question = say().which_place.format(entries=describe_waiting(ctx, call, args, meant, say().or_word))
        asking = {"waiting": waiting_fields(meant)}
        return Answer(success=False, message=question, fields=asking, outcome=FunctionOutcome.ASKED_BACK)
    if entry.state == "waiting":
        async with ctx.pool.acquire() as conn:
            question_or_kept = await _ask_to_leave(ctx, conn, call, args, entry)
        if question_or_kept is not None:
            return question_or_kept

    await leave(ctx, entry.id)
    with said_of_written():
        async with ctx.pool.acquire() as conn:
            staying = [each for each in await list_own_waiting(ctx, conn, call) if each.state == "waiting"]
        message = say().place_removed.format(entries=describe_waiting(ctx, call, args, [entry]))
        fields: dict[str, Any] = {"waitlist_id": str(entry.id)}
        if staying:  # "von der Liste" may mean all of them
            message += say().places_left.format(entries=describe_waiting(ctx, call, args, staying))
            fields["waiting"] = waiting_fields(staying)
        return Answer(success=True, message=message, fields=fields, outcome=FunctionOutcome.CANCELLED)


async def leave_named_list(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Answer | None:
    """Remove a waiting-list entry as `leave_waitlist` does, if the caller named the list, or the call's last question was about
    it. Return None if neither is so, or if the caller has no entry or keeps it.

    A request with the hour of an appointment means this appointment, whatever is said of the list. The caller may choose an
    appointment or an entry by its position in the last answer.
    """
    replies, chosen = call.replies or {}, find_said_place(call)
    names_list = _names_list(call, args)
    if read_text(args, "appointment_id") is not None or not (names_list or chosen or replies):
        return None
    async with ctx.pool.acquire() as conn:
        asked = await get_last_question(conn, ctx.tenant, call.call_id) if replies else None
        if not (names_list or chosen) and (asked is None or str(asked.appointment_id) not in replies):
            return None
        waiting = [each for each in await list_own_waiting(ctx, conn, call) if each.state == "waiting"]
        booked = await list_own_appointments(ctx, conn, call, args) if waiting else []
    if any(_names_time(ctx, call, args, each.starts_at) for each in booked):
        return None
    if last := [each for each in waiting if asked is not None and asked.appointment_id == each.id]:
        reply = replies.get(str(last[0].id))
        said, is_asked = call.said_since or "", str(last[0].id) == call.said_last.about
        if reply is not None and is_asked and _names_list(call, {}) and not (_NOT.search(said) or is_question(said)):
            call, reply = replace(call, replies={**replies, str(last[0].id): Reply.YES}), Reply.YES
        is_open = answers_nothing(said) or (is_asked and reply is Reply.UNCLEAR and not APPOINTMENT_WORD.search(said))
        if reply is not None and (reply.agrees(args.get("confirmed")) or is_open):
            return await _leave_one(ctx, call, args, last)
    if by_place := [each for each in waiting if str(each.id) == chosen]:
        return await _leave_one(ctx, call, args, by_place)
    if not names_list:
        return None
    is_kept = any(
        (reply := replies.get(str(each.id))) is Reply.NO and not has_refused(call, args.get("confirmed"), reply)
        for each in waiting
    )
    if is_kept or not waiting:
        return None
    return await _leave_one(ctx, call, args, _narrow(ctx, call, args, waiting))


def _names_list(call: CallContext, args: Mapping[str, Any]) -> bool:
    """Return True if the reason in a request, or the reply to an answer about appointments and entries, is to leave the waiting
    list, and mentions no appointment, or only one that is to stay.
    """
    is_asked = bool(call.said_last.about) or call.said_last.is_last
    said = ", ".join([str(args.get("reason") or ""), (call.said_since or "") if is_asked else ""])
    if not (WAITING_LIST.search(said) or (is_asked and _PLACE.search(said))):
        return False
    staying = [clause for clause in _CLAUSE.split(said) if STAYS.search(clause)]
    if any(WAITING_LIST.search(each) or _NOT.search(each) or not APPOINTMENT_WORD.search(each) for each in staying):
        return False
    return bool(staying) or bool(OFF_THE_LIST.search(said)) or not APPOINTMENT_WORD.search(said)


async def _leave_one(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], meant: Sequence[WaitlistEntry]
) -> Answer:
    """Remove an entry like `_leave`, for a caller who may have appointments: the question does not say that there are none."""
    left = await _leave(ctx, call, args, meant)
    if left.fields.get("needs_confirmation") is not True:
        return left
    message = say().shall_i_remove_place.format(entries=describe_waiting(ctx, call, args, meant))
    return replace(left, message=message, fields={**left.fields, "waiting": waiting_fields(meant)})


async def _ask_which_kind(ctx: BookingContext, call: CallContext, args: Mapping[str, Any], asked: Answer) -> Answer:
    """Return the question whether an appointment or an entry is meant, once in a call; later `asked`, which is about the
    appointment. If the caller has already agreed to remove the entry, remove it.
    """
    appointment_id = asked.fields.get("appointment_id")
    names_time, asks = read_text(args, "appointment_time"), asked.fields.get("needs_confirmation") is True
    if call.replies is None or appointment_id is None or not (asks or names_time):
        return asked
    async with ctx.pool.acquire() as conn:
        waiting = [each for each in await list_own_waiting(ctx, conn, call) if each.state == "waiting"]
        appointment = await get_appointment(conn, ctx.tenant, UUID(appointment_id)) if waiting else None
    replies = [(each, call.replies.get(str(each.id))) for each in waiting]
    agreed = [each for each, reply in replies if reply is not None and reply.agrees(args.get("confirmed"))]
    has_refused_place = any(reply is Reply.NO for _, reply in replies)
    is_named = appointment is not None and _names_time(ctx, call, args, appointment.starts_at)
    if len(agreed) == 1 and not is_named:
        return await _leave(ctx, call, args, agreed)
    exact = {each.id: [span.start for span in read_spans(each) if span.end is None] for each in waiting}
    then = [each for each in waiting if any(_names_time(ctx, call, args, start) for start in exact[each.id])]
    if then and not (is_named or has_refused_place):
        return await _leave_one(ctx, call, args, then)
    if not asks:
        return asked
    is_asked = appointment_id in call.replies or _WHICH_KIND in call.asked_unclear or has_refused_place
    if appointment is None or is_asked or is_named:
        return asked
    named = have_several_customers([appointment])
    question = say().appointment_or_place.format(
        when=describe_appointment(ctx.config(), appointment, ctx.clock.now(), named=named),
        entries=describe_waiting(ctx, call, args, waiting, say().or_word),
    )
    fields = {name: value for name, value in asked.fields.items() if name != "needs_confirmation"}
    fields |= {"waiting": waiting_fields(waiting), "unclear": _WHICH_KIND}
    return replace(asked, message=question, fields=fields)


def _names_time(ctx: BookingContext, call: CallContext, args: Mapping[str, Any], start: datetime) -> bool:
    """Return True if `appointment_time` is the time of a start (on any day if no day is named, else on the named day)."""
    zone, clock = ZoneInfo(ctx.config().time_zone), read_text(args, "appointment_time")
    if clock is None:
        return False
    day = read_text(args, "appointment_date") or start.astimezone(zone).date().isoformat()
    understood = understand_parts(day, clock, None, at=call.started_at, zone=zone)
    return any(each.contains(start) for each in understood.candidates)


def _narrow(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], entries: Sequence[WaitlistEntry]
) -> list[WaitlistEntry]:
    """Return the entries that fit the named customer, service and day. A name or a day that fits no entry is ignored."""
    config, zone = ctx.config(), ZoneInfo(ctx.config().time_zone)
    service, day = read_text(args, "service"), read_text(args, "appointment_date")
    understood = understand_parts(day, None, None, at=call.started_at, zone=zone) if day else None
    days = {each.start.date() for each in understood.candidates} if understood is not None else set()
    name = name_owner(call, args)
    entries = [each for each in entries if name and same_name(name, each.name)] or entries
    found = [
        each
        for each in entries
        if service and names_service(service, [s for s in config.services if s.name in list_parts(each.service)])
    ] or entries
    return [each for each in found if {span.start.astimezone(zone).date() for span in read_spans(each)} & days] or [
        *found
    ]


async def _ask_to_leave(
    ctx: BookingContext, conn: Connection, call: CallContext, args: Mapping[str, Any], entry: WaitlistEntry
) -> Answer | None:
    """Return the question whether to remove the entry, or the answer that it stays; None if the caller has agreed."""
    asked = await get_last_question(conn, ctx.tenant, call.call_id, None if call.replies is None else entry.id)
    is_asked = asked is not None and asked.appointment_id == entry.id
    reply = call.find_reply(str(entry.id), asked.age) if asked is not None and is_asked else None
    claimed = args.get("confirmed")
    if reply is not None and reply.agrees(claimed):
        return None
    described, fields = describe_waiting(ctx, call, args, [entry]), {"waitlist_id": str(entry.id)}
    if has_refused(call, claimed, reply):
        message = say().place_stays.format(entries=described)
        return Answer(success=False, message=message, fields=fields, outcome=FunctionOutcome.KEPT)
    await record_question(conn, ctx.tenant, call.call_id, entry.id, entry.until)
    message = say().shall_i_remove.format(entries=described)
    asking = {**fields, "needs_confirmation": True}
    return Answer(success=False, message=message, fields=asking, outcome=FunctionOutcome.ASKED_BACK)
