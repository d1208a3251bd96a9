"""Decide which appointments a caller may hear, change and cancel: those of the calling number. If the tenant asks for a second
factor (`callerVerification: NameAndBirthDate`), those whose name and birth date the caller has said, from any number.

A number can be forged, and families share one. The same sentence follows a wrong birth date, a wrong name, a person without an
appointment, and too many attempts of a number, so that nobody learns who is a patient.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from askproai_core.database import Connection
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.caller_appointments import asks_birth_date, list_own, list_proven, list_upcoming
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.store.verifications import (
    begin_attempt,
    complete_attempt,
    list_matching,
    list_verified,
)
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded, FunctionOutcome
from askproai_runtime.language.birth_dates import (
    choose_birth_dates,
    count_years,
    differs_in_one_part,
    list_birth_dates,
    list_said_birth_dates,
)
from askproai_runtime.language.customer_names import read_customer_name
from askproai_runtime.person_names import proves_name
from askproai_runtime.sentences import say

log = structlog.get_logger(__name__)

_ASKED: Final = "birth_date"  # the marker of a question between birth dates

# Wrong attempts. A model asks several functions with the one wrong date that it has heard.
_PER_CALL, _PER_NUMBER_AND_DAY, _OTHERS_PER_HOUR = 6, 12, 20


def require_birth_date(args: Mapping[str, Any], call: CallContext, now: datetime, zone: ZoneInfo) -> date:
    """Return the birth date of the person whom a booking is for. Raises `ClarificationNeeded` if it is missing or unclear."""
    born = find_birth_date(args, call, now, zone)
    if born is None:
        raise ClarificationNeeded(say().ask_birth_date)
    return born


def find_birth_date(args: Mapping[str, Any], call: CallContext, now: datetime, zone: ZoneInfo) -> date | None:
    """Return the birth date in the arguments; None if it is missing or unreadable.

    The caller's words choose between its readings, such as 2019 and 1919. Raises `ClarificationNeeded` if they do not, or if they
    contradict it: a said date that has less in common with it is the date of something else.
    """
    text, today = read_text(args, "birth_date") or "", now.astimezone(zone).date()
    readings, was_asked = list_birth_dates(text, today), _ASKED in call.asked_unclear
    words = [text, read_text(args, "notes") or "", *call.utterances]
    said = [dates for each in call.utterances if (dates := list_said_birth_dates(each, today))]
    if readings and said:
        agreed = [each for each in readings if any(each in dates for dates in said)]
        against = [
            [each for each in dates if any(differs_in_one_part(each, own) for own in readings)] for dates in said
        ]
        if agreed:
            readings = agreed
        elif latest := next(filter(None, reversed(against)), None):
            words = [*call.utterances] if was_asked else []
            nearest = min(latest, key=lambda each: min(abs(each - own) for own in readings))
            readings = sorted({*readings, nearest}, reverse=True)
    left = choose_birth_dates(readings, words, today, (call.said_since or "") if was_asked else "")
    if len(left) < 2:  # noqa: PLR2004
        return left[0] if left else None
    first, second = left[0], left[-1]
    question = say().ask_birth_date
    if first.year != second.year and was_asked:
        question = say().which_age.format(first=count_years(first, today), second=count_years(second, today))
    elif first.year != second.year:
        question = say().which_year_of_birth.format(first=first.year, second=second.year)
    elif first.month != second.month:
        first_month, second_month = (say().months[each.month - 1] for each in (first, second))
        question = say().which_month_of_birth.format(first=first_month, second=second_month)
    raise ClarificationNeeded(question, unclear=_ASKED)


async def list_own_appointments(
    ctx: BookingContext, conn: Connection, call: CallContext, args: Mapping[str, Any]
) -> list[Appointment]:
    """Return the caller's live future appointments. `conn` must not be in a transaction: each attempt counts, whatever follows.

    With a second factor, the list is empty only if the call has proven or cancelled appointments and none of them is in the
    future. Raises `ClarificationNeeded` if name and birth date are missing, wrong, or were wrong too often.
    """
    if not asks_birth_date(ctx):
        return await list_own(conn, ctx, call.actor)
    name, said = read_customer_name(args.get("customer_name")), args.get("birth_date")
    proven = await list_proven(conn, ctx, call.actor)
    if name and said:
        await _verify(ctx, conn, call, args, proven)
        proven = await list_proven(conn, ctx, call.actor)
    elif not proven:
        ask_both = not name and not said
        missing = say().ask_name_and_birth_date if ask_both else say().ask_name if said else say().ask_birth_date
        raise ClarificationNeeded(missing, appointments=[])
    return await list_upcoming(conn, ctx, proven)


async def owns_appointment(ctx: BookingContext, conn: Connection, call: CallContext, appointment: Appointment) -> bool:
    """Return True if this call made the appointment or has proven it; without a second factor, the number proves it."""
    if call.call_id and appointment.call_id == call.call_id:
        return True
    if asks_birth_date(ctx):
        return appointment.id in await list_verified(conn, ctx.tenant, call.call_id)
    return call.caller is not None and call.caller in {appointment.caller, appointment.phone}


async def _verify(
    ctx: BookingContext, conn: Connection, call: CallContext, args: Mapping[str, Any], proven: Collection[UUID]
) -> None:
    """Record for this call the appointments whose customer's name and birth date are in the arguments. Raises
    `ClarificationNeeded` if there are none (`proven` are those of earlier attempts).

    Only the limit for one call has its own sentence. The other limits depend on whether a number is known. So after them a
    right answer gets the same sentence as a wrong one, and takes as long.
    """
    now, zone = ctx.clock.now(), ZoneInfo(ctx.config().time_zone)
    birth_date = require_birth_date(args, call, now, zone)
    attempt = await begin_attempt(conn, ctx.tenant, call.call_id, call.caller)
    if attempt.of_call > _PER_CALL:
        _log_limit(call)
        raise ClarificationNeeded(say().too_many_attempts, outcome=FunctionOutcome.LIMITED, appointments=[])
    matching = await list_matching(conn, ctx.tenant, now, birth_date, call.caller, proven)
    right = [appointment_id for appointment_id, name in matching if proves_name(str(args["customer_name"]), name)]
    if attempt.of_number > _PER_NUMBER_AND_DAY or attempt.of_others > _OTHERS_PER_HOUR:
        _log_limit(call)
        right = [appointment_id for appointment_id in right if appointment_id in proven]
    if not right:
        raise ClarificationNeeded(say().no_match, outcome=FunctionOutcome.NONE_FOUND, appointments=[])
    await complete_attempt(conn, ctx.tenant, attempt, right)


def _log_limit(call: CallContext) -> None:
    log.warning("verification.limited", call_id=call.call_id, correlation_id=call.correlation_id)
