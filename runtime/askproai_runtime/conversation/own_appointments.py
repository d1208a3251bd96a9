"""Find the appointment that a caller means.

A caller owns the appointments booked from or for the calling number, and the ones made by this call. Without a visible number,
a caller owns only the ones made by this call. If the tenant asks for a second factor, that decides instead of the number
(`verification.py`).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from askproai_core.database import Connection
from askproai_runtime.book.appointments import Appointment, Status
from askproai_runtime.book.caller_appointments import asks_birth_date
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.store.actions import (
    FormerStart,
    list_cancelled_appointments,
    list_former_starts,
    record_which,
)
from askproai_runtime.book.store.appointments import get_appointment
from askproai_runtime.conversation.answers import appointment_list_fields, describe_appointment, have_several_customers
from askproai_runtime.conversation.appointment_filters import fits_all, narrow
from askproai_runtime.conversation.appointment_times import (
    Fit,
    NamedTime,
    is_on_weekday,
    list_on_days,
    say_missed,
    say_not_read,
)
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.cancel_question import find_questioned
from askproai_runtime.conversation.named_appointments import leave_out_cancelled
from askproai_runtime.conversation.named_people import read_name_alone
from askproai_runtime.conversation.said_appointments import PICKING, choose_said, picks_all, replies_all, says_another
from askproai_runtime.conversation.types import MAX_SPOKEN, CallContext, ClarificationNeeded, FunctionOutcome
from askproai_runtime.conversation.verification import list_own_appointments, owns_appointment
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.phrases import join_list
from askproai_runtime.language.replies import meant_key
from askproai_runtime.person_names import is_other_person
from askproai_runtime.sentences import say
from askproai_runtime.spoken_times import parse_instant

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


async def resolve_appointment(
    ctx: BookingContext,
    conn: Connection,
    call: CallContext,
    args: Mapping[str, Any],
    question: str,
    is_done: Callable[[Appointment, FormerStart], bool] | None = None,
) -> Appointment:
    """Return the caller's future appointment that a request means: by `appointment_id`; by day and time; by customer, service
    or staff member; else the only one. Raises `ClarificationNeeded` with `question` and the appointments to choose from.

    If the named values fit no appointment, but only one can be meant, the caller is asked about this one. In a move, the named
    time may also be the former start of an appointment that this call has moved: of the only one, or of one for which `is_done`
    is true, since a model may repeat a move whose answer came too late. `staff` is then the new staff member, unless it answers
    the question.
    """
    found = await list_own_appointments(ctx, conn, call, args)
    zone = ZoneInfo(ctx.config().time_zone)
    named = NamedTime.of(args, call, zone)
    at_time = named.select(found)
    said = choose_said(ctx.config(), call, args, found, at_time, is_read=bool(named.readings))
    if said is not None:
        if call.replies is None:  # whether the question was asked is not known
            await _require_yes(ctx, conn, call, said, named, found, say().not_found if named.is_nothing else None)
        return said
    args = args if is_done is None else {**args, "staff": None}
    appointment_id, fit = _read_id(args, found, zone), partial(narrow, ctx.config(), call, args)
    if appointment_id is not None:
        return await _resolve_by_id(ctx, conn, call, args, question, appointment_id, found, named)
    on_weekday = fit([each for each in found if is_on_weekday(each, args, call, zone)])
    if named.readings and not any(fits_all(ctx.config(), call, args, each) for each in at_time):
        former = await list_former_starts(conn, ctx.tenant, call.call_id)
        moved = {each.appointment_id: each for each in former if named.is_at(each.start)}
        fitting = [a for a in found if a.id in moved and fits_all(ctx.config(), call, args, a)]
        again = [a for a in fitting if is_done and is_done(a, moved[a.id])] or (fitting if len(fitting) == 1 else [])
        if is_done and again:
            return again[0]
    if named.readings and not at_time and len(on_weekday) == 1:  # the only one on such a day, in whatever week
        return on_weekday[0]
    if (likely := named.find_likely(found, on_weekday, fit)) is not None:
        _require_no_other_customer(ctx, call, args, likely)
        await _require_yes(ctx, conn, call, likely, named, found)
        return likely
    return _choose(ctx, call, found, named, question, fit)


def _read_id(args: Mapping[str, Any], found: Sequence[Appointment], zone: ZoneInfo) -> str | None:
    """Return the id in `appointment_id`, or of the only appointment at the ISO start that it has instead (`2026-12-11T13:00`).
    An invented id (`apt_001`) is ignored if a day, name or service is given.
    """
    text = read_text(args, "appointment_id")
    if text is None or text in {str(each.id) for each in found}:
        return text
    if (
        not {"appointment_date", "appointment_time"} & args.keys()
        and (at := _find_at_start(text, found, zone)) is not None
    ):
        return str(at.id)
    is_said = any(read_text(args, name) for name in ("appointment_date", "customer_name", "service"))
    return None if is_said and not _ID.fullmatch(text) else text


def _find_at_start(text: str, found: Sequence[Appointment], zone: ZoneInfo) -> Appointment | None:
    """Return the only appointment at the start that a text has in ISO 8601; None for any other text."""
    try:
        start = parse_instant(text, zone)
    except ValueError:
        return None
    then = [each for each in found if each.starts_at == (start if start.tzinfo else start.replace(tzinfo=zone))]
    return then[0] if len(then) == 1 else None


async def _resolve_by_id(
    ctx: BookingContext,
    conn: Connection,
    call: CallContext,
    args: Mapping[str, Any],
    question: str,
    appointment_id: str,
    found: Sequence[Appointment],
    named: NamedTime,
) -> Appointment:
    """Return the caller's own appointment with this id. If the other values mean another of `found`, the caller is asked."""
    own = await _get_own_appointment(ctx, conn, call, appointment_id)
    fitting = narrow(ctx.config(), call, args, found)
    # A description ("Termin am Dienstag") in place of an id names an appointment that may be there.
    not_found = "" if found and not _ID.fullmatch(appointment_id) else say().not_found
    if own is None and len(fitting) == 1:
        await _require_yes(ctx, conn, call, fitting[0], named, found, not_found)
        return fitting[0]
    if own is None:
        raise _choice(ctx, call, found, not_found, question)
    if named.fits(own) or await _was_then(ctx, conn, call, own, named):
        return own
    if named.select(found):  # the id and the time name different ones
        raise _choice(ctx, call, found, "", question)
    if not is_on_weekday(own, args, call, ZoneInfo(ctx.config().time_zone)):
        await _require_yes(ctx, conn, call, own, named, found)
    return own


async def resolve_cancellation(
    ctx: BookingContext, conn: Connection, call: CallContext, args: Mapping[str, Any], question: str
) -> tuple[Appointment, str]:
    """Return the appointment to cancel, found as in `resolve_appointment`, and a preface for the question whether to cancel it.

    An agreement refers to the appointment of the call's last such question, unless another one is named. A request that only
    fits an appointment already cancelled by this call is a repetition, and means that one.
    """
    questioned, reply = await find_questioned(ctx, conn, call)
    if questioned is not None and not questioned.live:
        questioned = None
    found = await list_own_appointments(ctx, conn, call, args)
    cancelled = await _list_cancelled(ctx, conn, call)
    zone, fit = ZoneInfo(ctx.config().time_zone), partial(narrow, ctx.config(), call, args)
    several = list_on_days(call, args, zone, [*found, *cancelled])
    found, cancelled = ([each for each in of if each in several or not several] for of in (found, cancelled))
    if names_all := bool(several) or picks_all(args):
        args = {**args, **dict.fromkeys(PICKING)}
    is_all = names_all or replies_all(call)  # of the time that is named: "Ja, alle."
    either = [*found, *cancelled]
    args = leave_out_cancelled(ctx.config(), call, args, either, NamedTime.of(args, call, zone).select(either))
    named = NamedTime.of(args, call, zone)
    on_weekday = [each for each in either if is_on_weekday(each, args, call, zone)]

    def select(appointments: Sequence[Appointment]) -> list[Appointment]:
        if named.is_nothing:
            return [*appointments]
        return named.select(appointments) or [each for each in appointments if each in on_weekday]

    _require_repetition(ctx, call, args, NamedTime() if select(cancelled) else named, [] if found else cancelled)
    said = choose_said(ctx.config(), call, args, either, named.select(either), is_read=bool(named.readings))
    if said is not None or _read_id(args, found, zone) is not None:
        own = said or await resolve_appointment(ctx, conn, call, args, question)
        is_kept = not own.live or any(read_text(args, "appointment_id") in each.texts for each in call.earlier[-1:])
        return (questioned if questioned is not None and reply is Reply.YES and is_kept else own), ""
    chosen = select(found)
    exact = [each for each in chosen if fits_all(ctx.config(), call, args, each)]
    again = [each for each in select(cancelled) if fits_all(ctx.config(), call, args, each)]
    is_repeat = bool(again) and not exact
    if questioned is not None and named.refused is None:
        is_meant = questioned.id in {each.id for each in fit(chosen)} or (is_repeat and reply is Reply.YES)
        if is_meant and (reply is Reply.YES or args.get("confirmed") is True):
            return questioned, ""
    is_sent_again = named.is_nothing and call.said_since is not None and not call.said_since.strip()
    if is_repeat or (again and is_sent_again) or (cancelled and not found):
        return (again or cancelled)[-1], ""
    unnamed = fit(chosen) if named.is_nothing or is_all else []
    if (meant := _resolve_unnamed(ctx, call, unnamed, bool(cancelled), question, is_all=is_all)) is not None:
        return meant
    live = [each for each in on_weekday if each in found]
    return await _resolve_live(ctx, conn, call, args, question, found, named, live, fit), ""


def _require_repetition(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], missed: NamedTime, cancelled: Sequence[Appointment]
) -> None:
    """Raise `ClarificationNeeded` if a request, or the caller's last words, mean another appointment than the `cancelled` ones
    of a caller who has no other. `missed`: the named time, if none of these is then.
    """
    if not cancelled:
        return
    known = {text for each in call.earlier if each.starts & {a.starts_at for a in cancelled} for text in each.texts}
    is_new = not {text for name in (*PICKING, "customer_name") if (text := read_text(args, name))} <= known
    if is_new:  # else it is the request that has cancelled
        _require_no_other_customer(ctx, call, args, *cancelled)
    if is_new and missed.readings:
        sentence = f"{say_missed(ctx, missed)} {say().already_cancelled}"
    elif says_another(ctx.config(), call, cancelled):
        sentence = f"{say().already_cancelled} {say().none_other}"
    else:
        return
    raise ClarificationNeeded(sentence, outcome=FunctionOutcome.NONE_FOUND, appointments=[])


def _resolve_unnamed(
    ctx: BookingContext,
    call: CallContext,
    left: Sequence[Appointment],
    is_one_cancelled: bool,
    question: str,
    *,
    is_all: bool,
) -> tuple[Appointment, str] | None:
    """Return the appointment among the remaining ones (`left`) to cancel next if no time is named, with a preface for the
    question. If all of them are to be cancelled, it is the first. Return None if the request indicates none.
    """
    if len(left) > 1 and is_all:
        return left[0], say().each_is_cancelled
    if not is_one_cancelled or not left:
        return None
    if len(left) == 1:
        return left[0], say().already_cancelled
    raise _choice(ctx, call, left, say().already_cancelled, question)


async def _resolve_live(
    ctx: BookingContext,
    conn: Connection,
    call: CallContext,
    args: Mapping[str, Any],
    question: str,
    found: Sequence[Appointment],
    named: NamedTime,
    on_weekday: Sequence[Appointment],
    fit: Fit,
) -> Appointment:
    """Return the live appointment to cancel. Raises `ClarificationNeeded` if none or several fit the request's values."""
    if (likely := named.find_likely(found, on_weekday, fit)) is None:
        return _choose(ctx, call, found, named, question, fit)
    _require_no_other_customer(ctx, call, args, likely)
    if not named.is_day_of(likely) and likely not in on_weekday:
        await _require_yes(ctx, conn, call, likely, named, found)
    return likely


def _require_no_other_customer(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], *likely: Appointment
) -> None:
    """Raise `ClarificationNeeded` if the request names another customer and another time than those of the `likely`
    appointments. A caller who is asked whether to cancel the likely one may say yes and mean the requested one.
    """
    name = "" if asks_birth_date(ctx) else read_name_alone(read_text(args, "customer_name"), call.said)
    if all(is_other_person(name, each.customer_name) for each in likely):
        raise ClarificationNeeded(
            say().none_of_customer.format(name=name), outcome=FunctionOutcome.NONE_FOUND, appointments=[]
        )


async def _list_cancelled(ctx: BookingContext, conn: Connection, call: CallContext) -> list[Appointment]:
    """Return the appointments that this call has cancelled, the latest last."""
    ids = await list_cancelled_appointments(conn, ctx.tenant, call.call_id)
    read = [await get_appointment(conn, ctx.tenant, each) for each in ids]
    return [each for each in read if each is not None]


async def is_beside_others(ctx: BookingContext, conn: Connection, call: CallContext, appointment: Appointment) -> bool:
    """Return True if the caller's appointments have several customers, so that a sentence about one appointment must name its
    customer. With a second factor, a call only sees the appointments of one customer.
    """
    if asks_birth_date(ctx):
        return False
    return have_several_customers([appointment, *await list_own_appointments(ctx, conn, call, {})])


def none_found(ctx: BookingContext, call: CallContext) -> str:
    """Return the sentence for a caller who has no future appointment."""
    if asks_birth_date(ctx):
        return say().none_left  # else the caller was asked for name and birth date
    return say().none_of_number if call.caller is not None else say().number_not_shown


def _choose(
    ctx: BookingContext, call: CallContext, found: Sequence[Appointment], named: NamedTime, question: str, fit: Fit
) -> Appointment:
    """Return the one appointment of `found` at the named time, else the only one that `fit` leaves. Raises
    `ClarificationNeeded`. If the named time is not understood, the caller is asked even about a single appointment, since
    another may be meant.
    """
    if named.refused is not None:
        raise _choice(ctx, call, found, say_not_read(named.refused), question)
    chosen = fit(found if named.is_nothing else named.select(found))
    if len(chosen) == 1:
        return chosen[0]
    if chosen or named.is_nothing:
        raise _choice(ctx, call, chosen, "", question)
    raise _choice(ctx, call, found, say_missed(ctx, named), question, named.readings[0].start)


async def _was_then(
    ctx: BookingContext, conn: Connection, call: CallContext, appointment: Appointment, named: NamedTime
) -> bool:
    """Return True if the appointment has begun, or if it was at the named time until this call moved it."""
    if appointment.starts_at <= ctx.clock.now():
        return True
    former = await list_former_starts(conn, ctx.tenant, call.call_id)
    return any(each.appointment_id == appointment.id and named.is_at(each.start) for each in former)


async def _require_yes(
    ctx: BookingContext,
    conn: Connection,
    call: CallContext,
    appointment: Appointment,
    named: NamedTime,
    found: Sequence[Appointment],
    preface: str | None = None,
) -> None:
    """Raise `ClarificationNeeded` with the question whether this appointment is meant although another time was named, unless
    the caller has said yes. The question begins with `preface`, or (None) with the time that was missed. Without a transcript,
    a request that is repeated after the time for an answer counts as a yes.
    """
    age = await record_which(conn, ctx.tenant, call.call_id, appointment.id, appointment.starts_at, named.spoken)
    reply = call.find_reply(meant_key(str(appointment.id)), age)
    if reply is Reply.YES or (call.replies is None and reply is not None):
        return
    config, now = ctx.config(), ctx.clock.now()
    described = describe_appointment(config, appointment, now, named=have_several_customers(found))
    preface = say_missed(ctx, named) if preface is None else preface
    question = f"{preface} {say().is_it_the_one.format(appointment=described)}".strip()
    fields = appointment_list_fields(config, [appointment], now)
    raise ClarificationNeeded(question, appointment_id=str(appointment.id), appointments=fields, needs_answer=True)


def _choice(
    ctx: BookingContext,
    call: CallContext,
    found: Sequence[Appointment],
    preface: str,
    question: str,
    near: datetime | None = None,
) -> ClarificationNeeded:
    """Return the question which of `found` is meant, naming the three appointments closest to `near` (None: to now)."""
    config, now = ctx.config(), ctx.clock.now()
    if not found:
        return ClarificationNeeded(none_found(ctx, call), outcome=FunctionOutcome.NONE_FOUND, appointments=[])
    target = near or now
    said = sorted(found, key=lambda appointment: abs(appointment.starts_at - target))[:MAX_SPOKEN]
    named = have_several_customers(found)
    spoken = [describe_appointment(config, appointment, now, named=named) for appointment in said]
    if len(found) > len(spoken):
        listed = join_list(spoken, say().and_word)
        sentence = say().which_of_many.format(count=len(found), question=question, appointments=listed)
    else:
        sentence = say().which_of.format(question=question, appointments=join_list(spoken))
    fields = appointment_list_fields(config, [*said, *(each for each in found if each not in said)], now)
    return ClarificationNeeded(f"{preface} {sentence}".strip(), appointments=fields)


async def _get_own_appointment(
    ctx: BookingContext, conn: Connection, call: CallContext, appointment_id: str
) -> Appointment | None:
    """Return the appointment with this id if the caller owns it; None for a stranger's appointment and for an unknown id."""
    try:
        appointment = await get_appointment(conn, ctx.tenant, UUID(appointment_id))
    except ValueError:
        return None
    if appointment is None or appointment.status == Status.HELD:
        return None
    return appointment if await owns_appointment(ctx, conn, call, appointment) else None
