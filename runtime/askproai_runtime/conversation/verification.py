"""Which appointments a caller may hear of, change and cancel: those of the number that calls, or, where the tenant asks for a
second factor (`callerVerification: NameAndBirthDate`), those of which the caller has said name and birth date, from any number.

A number can be forged, and a family shares one. The sentence after a wrong birth date, a wrong name, for somebody who has no
appointment, and after too many attempts of a number is the same, so that nobody learns who is a patient.
"""

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from askproai_core.database import Connection
from askproai_core.tenant_config import Language
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.owners import asks_birth_date, list_own, list_proven, list_upcoming
from askproai_runtime.book.store.verifications import (
    begin_attempt,
    complete_attempt,
    list_matching,
    list_verified,
)
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded, FunctionOutcome
from askproai_runtime.language.customer_names import read_customer_name
from askproai_runtime.person_names import fold, proves_name
from askproai_runtime.sentences import SENTENCES, present_language, say

log = structlog.get_logger(__name__)

_PER_CALL, _PER_NUMBER_AND_DAY, _OTHERS_PER_HOUR = 3, 6, 20  # wrong attempts
_OLDEST = 120  # years
_CENTURY = 100
_MONTHS_OF_YEAR = 12

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_NUMBERS = re.compile(r"(\d{1,2})[.\s/]+(\d{1,2})[.\s/]+(\d{4}|\d{2})")
_MONTHS = {fold(name): number for words in SENTENCES.values() for number, name in enumerate(words.months, 1)}
_MONTHS |= {"jaenner": 1, "feber": 2, "juno": 6, "julei": 7}
_WORDS = re.compile(r"(?P<day>\d{1,2}) (?P<month>[a-z]+) (?P<year>\d{4}|\d{2})")
_ENGLISH = tuple(  # "3rd of March 1985", "March 3rd, 1985"
    re.compile(rf"(?:the )?{pattern} (?P<year>\d{{4}}|\d{{2}})")
    for pattern in (
        r"(?P<day>\d{1,2})(?:st|nd|rd|th)? (?:of )?(?P<month>[a-z]+)",
        r"(?P<month>[a-z]+) (?:the )?(?P<day>\d{1,2})(?:st|nd|rd|th)?",
    )
)


def read_birth_date(text: str, today: date) -> date | None:
    """Return the birth date that a text names in ISO 8601 or as the call's language writes it; None if nobody alive can have it.

    A year of two digits is that of the past hundred years, unless that could be two: then it is asked. So is 3/12 in English, where
    some write the month first.
    """
    if found := _ISO.fullmatch(text.strip()):
        year, month, day = map(int, found.groups())
    elif found := _NUMBERS.fullmatch(text.strip().rstrip(".")):
        day, month, year = map(int, found.groups())
        if "/" in text and present_language() is Language.EN and day != month:
            if max(day, month) <= _MONTHS_OF_YEAR:
                return None
            day, month = max(day, month), min(day, month)
    elif found := _find_written(fold(text)):
        month = _MONTHS.get(found["month"], 0)
        day, year = int(found["day"]), int(found["year"])
    else:
        return None
    if year < _CENTURY:
        if year <= today.year % _CENTURY:
            return None  # 1921 or 2021
        year += today.year // _CENTURY * _CENTURY - _CENTURY
    try:
        read = date(year, month, day)
    except ValueError:
        return None
    return read if today.year - _OLDEST <= year and read <= today else None


def _find_written(folded: str) -> re.Match[str] | None:
    """Return the day, the name of a month and the year that a text consists of."""
    patterns = _ENGLISH if present_language() is Language.EN else (_WORDS,)
    return next((found for pattern in patterns if (found := pattern.fullmatch(folded))), None)


def require_birth_date(args: Mapping[str, Any], now: datetime, zone: ZoneInfo) -> date:
    """Return the birth date of whom an appointment is booked for. Raises `ClarificationNeeded`."""
    text = args.get("birth_date")
    read = read_birth_date(text, now.astimezone(zone).date()) if isinstance(text, str) else None
    if read is None:
        raise ClarificationNeeded(say().ask_birth_date)
    return read


async def list_own_appointments(
    ctx: BookingContext, conn: Connection, call: CallContext, args: Mapping[str, Any]
) -> list[Appointment]:
    """Return the live appointments to come of the caller. `conn` is in no transaction: each attempt counts, whatever follows.

    Empty with a second factor only if the call has proven or cancelled appointments, and none of them is to come any more. Raises
    `ClarificationNeeded` if name and birth date are missing, wrong, or were wrong too often.
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
    """Return whether an appointment is the caller's."""
    if call.call_id and appointment.call_id == call.call_id:
        return True
    if asks_birth_date(ctx):
        return appointment.id in await list_verified(conn, ctx.tenant, call.call_id)
    return call.caller is not None and call.caller in {appointment.caller, appointment.phone}


async def _verify(
    ctx: BookingContext, conn: Connection, call: CallContext, args: Mapping[str, Any], proven: Collection[UUID]
) -> None:
    """Record of which appointments name and birth date are right. Raises `ClarificationNeeded` if they are of none.

    Only the bound of the call has a sentence of its own. The others differ between numbers that are known and those that are not,
    so after them a right answer gets what a wrong one gets, and takes as long.
    """
    now, zone = ctx.clock.now(), ZoneInfo(ctx.config().time_zone)
    birth_date = require_birth_date(args, now, zone)
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
