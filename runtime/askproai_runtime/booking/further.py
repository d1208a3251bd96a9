"""A call books one appointment of a service for one person, unless it asks for another one
(docs/decisions/0100-a-second-time-for-one-person-is-asked-for.md).
"""

import re
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from typing import Final
from uuid import UUID

from askproai_core.database import Connection
from askproai_runtime.availability.slots import ServiceRules
from askproai_runtime.booking.answers import appointment_list_fields, describe_with_state
from askproai_runtime.booking.asked_choices import ADDS, ask_choice
from askproai_runtime.booking.owner_questions import ask_name, require_yes, says_instead
from askproai_runtime.booking.request import BookingRequest
from askproai_runtime.booking.store.actions import get_last_question, list_former_starts
from askproai_runtime.booking.store.appointments import Appointment, get_appointment, list_upcoming_appointments
from askproai_runtime.booking.types import BookingContext, CallContext, Choice, ClarificationNeeded, FunctionOutcome
from askproai_runtime.booking.verification import asks_birth_date
from askproai_runtime.language.answer_words import MOVE, words_of
from askproai_runtime.language.phrases import fold, join_list, list_name_words, same_name
from askproai_runtime.sentences import say
from askproai_runtime.visits import same_services, share_services

_ALIKE: Final = 0.7  # "Schmidt" and "Schmitz" have 0.86, "Weber" and "Wagner" 0.55
_CHANGE: Final = re.compile(r"\b(?:änder|wechsel|(?:ein|aus|um)?tausch|chang|swap|switch)")
# Words after a booking that may take it back: they only turn the next one into a question.
_TAKES_BACK: Final = re.compile(
    r"\b(?:nein|nee|nö|nicht|keine?[nmrs]?|sondern|doch|lieber|meinte|gemeint|falsch|stattdessen"
    r"|no|nope|not|instead|rather|meant|wrong)\b"
)


def require_only_one(
    ctx: BookingContext,
    requests: Sequence[BookingRequest],
    appointments: Sequence[Appointment],
    meant: Collection[UUID] = (),
) -> None:
    """Raise `ClarificationNeeded` if `another` is not set, and one of the call's `appointments` is of the same service for the same
    person, at whatever time and in whatever branch: a caller who corrects a time wants one. So it does for each of the `meant`,
    whatever its service. `requests` are those of each who comes.

    The question names all that one person has of the service; of a group it names the last one of each. One that is in flight is
    not booked yet: the request has to come again.
    """
    named = len(requests) > 1
    found: list[Appointment] = []
    for request in requests:
        left = [each for each in appointments if each not in found]
        booked = _find_booked(request, left, meant)
        wanted = [each for each in booked if is_same_visit(request, each)] or booked
        if not named and len(wanted) > 1 and all(each.branch == request.rules.branch.name for each in wanted):
            raise ask_about_several(ctx, request, wanted)
        found += wanted[:1]
    if not found:
        return
    if len(found) == 1:
        raise ask_further(ctx, requests[0], found[0], named=named)
    config, now = ctx.config(), ctx.clock.now()
    is_movable = all(each.branch == requests[0].rules.branch.name for each in found)
    what = join_list([describe_with_state(config, each, now, named=named) for each in found], say().and_word)
    question = say().group_further_or_instead if is_movable else say().group_further_or_cancel
    fields = appointment_list_fields(config, found, now)
    raise ClarificationNeeded(question.format(appointments=what), appointments=fields, choices=[Choice.FURTHER])


def ask_further(
    ctx: BookingContext, request: BookingRequest, appointment: Appointment, *, named: bool = False
) -> ClarificationNeeded:
    """Return the question whether a request is one more appointment, or moves a booked one; that of another branch is cancelled."""
    is_movable = appointment.branch == request.rules.branch.name
    question = say().further_or_instead if is_movable else say().further_or_cancel
    is_named = named or _has_other_name(request, appointment)
    booked = describe_with_state(ctx.config(), appointment, ctx.clock.now(), named=is_named)
    return ask_choice(
        question.format(appointment=booked), appointment, request.name, *_choices(is_movable=is_movable, in_group=named)
    )


def ask_about_several(
    ctx: BookingContext, request: BookingRequest, appointments: Sequence[Appointment], *, moves: bool = False
) -> ClarificationNeeded:
    """Return the question whether a request is one more appointment of a person who has several, or moves which of them; with
    `moves` only which. The next request names the id of one that is moved.
    """
    config, now = ctx.config(), ctx.clock.now()
    ordered = sorted(appointments, key=lambda each: each.starts_at)
    named = any(_has_other_name(request, each) for each in ordered)
    spoken = [describe_with_state(config, each, now, named=named) for each in ordered]
    question = say().further_or_one_of.format(appointments=join_list(spoken, say().and_word))
    if moves:
        question = say().which_of.format(question=say().which_to_move, appointments=join_list(spoken))
    return ClarificationNeeded(
        question,
        appointments=appointment_list_fields(config, ordered, now),
        customer_name=request.name,
        choices=[Choice.FURTHER, Choice.MOVE],
    )


def _has_other_name(request: BookingRequest, appointment: Appointment) -> bool:
    """Return whether an appointment has another name than the request, so that a question about it says it: relatives who share a
    number and a surname say the surname alone, and the choice in place of the appointment takes its name.
    """
    return fold(request.name) != fold(appointment.customer_name)


def _choices(*, is_movable: bool, in_group: bool) -> list[Choice]:
    """Return the choices of a question. In a group the booked appointment is moved or cancelled by its id."""
    if in_group:
        return [Choice.FURTHER]
    return [Choice.FURTHER, Choice.MOVE if is_movable else Choice.CANCEL]


def is_second_person(request: BookingRequest, appointments: Sequence[Appointment]) -> bool:
    """Return whether name and staff member both differ from all that the call has booked of this service at this time.

    A corrected name comes with the same staff member, or with none, or it is like the booked one. The result stays the same once
    the second person is booked.
    """
    target, staff = (request.rules.branch.name, request.start), request.service.staff
    then = [each for each in appointments if each.live and (each.branch, each.starts_at) == target]
    booked = [each for each in then if same_services(each.service, request.rules.service.name)]
    if own := [each for each in booked if same_name(request.name, each.customer_name)]:
        return all(each.is_beside and each.staff == staff for each in own)
    if any(is_alike(request.name, each.customer_name) for each in booked):
        return False
    return bool(booked) and staff is not None and all(each.staff != staff for each in booked)


def is_alike(first: str, second: str) -> bool:
    """Return whether a name may be a correction of another one: by a like first name, or by a surname that is like it but not the
    same, which relatives have.
    """
    names = [[fold(word) for word in list_name_words(name)] for name in (first, second)]
    short, long = sorted(names, key=len)
    if len(short) > 1:
        is_same_surname = same_name(short[-1], long[-1])
        return _sounds_like(short[0], long[0]) or (not is_same_surname and _sounds_like(short[-1], long[-1]))
    are_addressed = [len(name.split()) > len(words) for name, words in zip((first, second), names, strict=True)]
    if len(long) == 1 and are_addressed[0] != are_addressed[1]:
        return True  # "Petra" and "Frau Lange"
    return any(_sounds_like(part, word) for part in short for word in long)


def _sounds_like(first: str, second: str) -> bool:
    return SequenceMatcher(None, first, second).ratio() >= _ALIKE


def is_same_visit(request: BookingRequest, appointment: Appointment) -> bool:
    """Return whether an appointment is of the service that is requested, for the same person, at whatever time."""
    is_same_service = same_services(appointment.service, request.rules.service.name)
    return is_same_service and same_name(request.name, appointment.customer_name)


def _may_replace(request: BookingRequest, appointment: Appointment) -> bool:
    """Return whether a request may be meant in place of an appointment: for the same name or one that it may correct, and of a
    service of it ("und Färben dazu").
    """
    is_of_person = _may_be_of_person(request, appointment)
    service = request.rules.service.name
    is_at_other_time = share_services(appointment.service, service) and not overlaps(
        request.start, request.rules, appointment
    )
    return is_of_person and (same_services(appointment.service, service) or is_at_other_time)


async def list_of_number(conn: Connection, ctx: BookingContext, call: CallContext) -> list[Appointment]:
    """Return the appointments to come that the calling number has of other calls; none where a number alone proves nothing."""
    if call.caller is None or asks_birth_date(ctx):
        return []
    found = await list_upcoming_appointments(conn, ctx.tenant, call.caller, call.call_id, ctx.clock.now())
    return [each for each in found if each.call_id != call.call_id]


async def list_asked_to_cancel(
    conn: Connection, ctx: BookingContext, call: CallContext, others: Sequence[Appointment]
) -> list[Appointment]:
    """Return the appointment of another call that this call was last asked whether to cancel, if it is live. A booking after that
    question moves it as likely as it is one more. `others` are of `list_of_number`: without any there is nothing to ask about.
    """
    if not others and not asks_birth_date(ctx):
        return []
    asked = await get_last_question(conn, ctx.tenant, call.call_id)
    appointment = None if asked is None else await get_appointment(conn, ctx.tenant, asked.appointment_id)
    is_other = appointment is not None and appointment.live and appointment.call_id != call.call_id
    return [appointment] if appointment is not None and is_other else []


async def list_said(
    conn: Connection, ctx: BookingContext, call: CallContext, request: BookingRequest, others: Sequence[Appointment]
) -> list[Appointment]:
    """Return those of the `others` of the calling number that an answer of this call has listed, and that are for one of those who
    come, at another time: a booking after that moves one as likely as it is one more. For another service it is one more where the
    caller has just said so. After any words about a change it may move each that this call has not moved.
    """
    settled = [each for each in others if each.settled]
    own = [each for each in settled if any(_is_at_other_time(one, each) for one in request.each)]
    adds = bool(ADDS.search(words_of(call.said_since or "")))
    said = [each for each in own if str(each.id) in call.listed and not (adds and _has_other_service(request, each))]
    if len(said) == len(own) or not speaks_of_change(call):
        return said
    moved = {each.appointment_id for each in await list_former_starts(conn, ctx.tenant, call.call_id)}
    return [each for each in own if each in said or each.id not in moved]


def _has_other_service(request: BookingRequest, appointment: Appointment) -> bool:
    return not any(share_services(appointment.service, one.rules.service.name) for one in request.each)


def speaks_of_change(call: CallContext) -> bool:
    """Return whether the caller has spoken of a move, a change, or of one thing in place of another."""
    words = [words_of(each) for each in call.utterances]
    return says_instead(call) or any(MOVE.search(each) or _CHANGE.search(each) for each in words)


def takes_back(call: CallContext) -> bool:
    """Return whether the caller's words since the last answer may take back an earlier booking."""
    return speaks_of_change(call) or bool(_TAKES_BACK.search(words_of(call.said_since or "")))


def _is_at_other_time(request: BookingRequest, appointment: Appointment) -> bool:
    """Return whether an appointment is for the same person at another time, whose name may be misheard."""
    is_of_person = _may_be_of_person(request, appointment)
    return is_of_person and not overlaps(request.start, request.rules, appointment)


def _may_be_of_person(request: BookingRequest, appointment: Appointment) -> bool:
    known = appointment.customer_name
    return same_name(request.name, known) or is_alike(request.name, known)


async def find_moved(
    conn: Connection, ctx: BookingContext, call: CallContext, request: BookingRequest, others: Sequence[Appointment]
) -> list[Appointment]:
    """Return the one of the `others` of the calling number that this call has moved to the requested time before."""
    if request.companions or request.another:
        return []
    then = [each for each in others if is_same_visit(request, each) and _is_same_slot(request, each) and each.settled]
    moved = {each.appointment_id for each in await list_former_starts(conn, ctx.tenant, call.call_id)} if then else ()
    return [each for each in then if each.id in moved][:1]


def require_no_move(ctx: BookingContext, request: BookingRequest, appointments: Sequence[Appointment]) -> None:
    """Raise `ClarificationNeeded` if the arguments of a request speak of another appointment that goes: it may be any of the
    `appointments` of this person, or where this person has none, of the caller.
    """
    live = [each for each in appointments if each.live]
    meant = [each for each in live if same_name(request.name, each.customer_name)] or live
    if len(meant) > 1:
        raise ask_about_several(ctx, request, meant)
    if meant:
        raise ask_further(ctx, request, meant[0], named=bool(request.companions))


def require_free_people(
    ctx: BookingContext,
    call: CallContext,
    requests: Sequence[BookingRequest],
    appointments: Sequence[Appointment],
    said: Collection[UUID],
) -> None:
    """Raise `ClarificationNeeded` if `another` is not set, and one of those who come has another appointment at that time, of this
    call or of another one of this number (`appointments`): nobody is at two services at once, and who corrects a service, or makes
    sure of a booking, wants one.

    An appointment whose id is `said`, by an answer of the call, may get any other name, and so may each where the caller has said
    that one comes in the place of another.
    """
    if requests[0].another:
        return
    in_group, is_instead = len(requests) > 1, says_instead(call)
    for request in requests:
        for each in reversed([each for each in appointments if each.live]):
            if _is_person_busy(request.name, request.start, request.rules, each):
                raise _ask_beside(ctx, request, each, in_group=in_group)
            is_other_name = is_alike(request.name, each.customer_name)
            is_said = is_instead or each.id in said or str(each.id) in call.listed
            if _is_same_slot(request, each) and (is_other_name or (is_said and not in_group)):
                raise _ask_beside(ctx, request, each, in_group=True) if in_group else ask_name(request.name, each)


def _is_same_slot(request: BookingRequest, appointment: Appointment) -> bool:
    """Return whether an appointment is of the requested service at the very same time."""
    is_then = appointment.starts_at == request.start and appointment.branch == request.rules.branch.name
    return is_then and same_services(appointment.service, request.rules.service.name)


def find_beside(
    moved: Appointment, rules: ServiceRules, start: datetime, appointments: Sequence[Appointment]
) -> list[Appointment]:
    """Return those of the `appointments` at which the person of the moved one would be at the same time."""
    others = [each for each in appointments if each.id != moved.id and each.live]
    return [each for each in others if _is_person_busy(moved.customer_name, start, rules, each)]


async def require_beside_wanted(
    ctx: BookingContext, call: CallContext, moved: Appointment, beside: Appointment, start: datetime
) -> None:
    """Raise `ClarificationNeeded` unless the caller has said yes to just this move to the time of another appointment."""
    booked = describe_with_state(ctx.config(), beside, ctx.clock.now())
    question = say().moved_beside.format(appointment=booked)
    async with ctx.pool.acquire() as conn:
        await require_yes(ctx, conn, call, moved, f"beside {beside.id} at {start.isoformat()}", question, "start")


def overlaps(start: datetime, rules: ServiceRules, appointment: Appointment) -> bool:
    """Return whether a service that begins at `start` is at the time of an appointment, whoever they are for."""
    shortest = timedelta(minutes=rules.shortest_minutes)
    return start < appointment.ends_at and appointment.starts_at < start + shortest


def _is_person_busy(name: str, start: datetime, rules: ServiceRules, appointment: Appointment) -> bool:
    """Return whether an appointment is for the same person, at a time when this one is, whoever does it."""
    return overlaps(start, rules, appointment) and same_name(name, appointment.customer_name)


def _ask_beside(
    ctx: BookingContext, request: BookingRequest, appointment: Appointment, *, in_group: bool
) -> ClarificationNeeded:
    """Return the question whether this one is booked beside an appointment at the same time."""
    is_same_place = appointment.branch == request.rules.branch.name
    is_same_service = is_same_visit(request, appointment) and is_same_place
    question, choices = say().beside_or_replaced, _choices(is_movable=False, in_group=in_group)
    if is_same_service and appointment.starts_at == request.start:
        question, choices = say().beside_or_none, [Choice.FURTHER]
    elif is_same_service:
        question, choices = say().beside_or_moved, _choices(is_movable=True, in_group=in_group)
    is_named = _has_other_name(request, appointment)
    booked = describe_with_state(ctx.config(), appointment, ctx.clock.now(), named=is_named)
    message = question.format(appointment=booked, service=request.rules.service.display_name)
    return ask_choice(message, appointment, request.name, *choices)


def _find_booked(
    request: BookingRequest, appointments: Sequence[Appointment], meant: Collection[UUID]
) -> list[Appointment]:
    """Return what the call has booked of this service for this person, or of any that is `meant`, the last one first.

    Raises `ClarificationNeeded`.
    """
    if request.another:
        return []
    booked: list[Appointment] = []
    for each in reversed(appointments):
        is_meant = each.id in meant and _is_at_other_time(request, each)
        if not (each.live and (is_meant or _may_replace(request, each))):
            continue
        if not each.settled and request.key not in each.actions:  # else this request is what is in flight
            raise ClarificationNeeded(say().booking_in_flight, outcome=FunctionOutcome.IN_FLIGHT)
        booked.append(each)
    return booked
