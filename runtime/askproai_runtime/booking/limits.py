"""How much callers may book: the tenant's `bookingLimits`. The desk has none: who asks there has the admin token."""

import structlog

from askproai_core.database import Connection
from askproai_runtime.booking.store.appointments import count_bookings
from askproai_runtime.booking.types import BookingContext, CallContext, ClarificationNeeded, FunctionOutcome
from askproai_runtime.sentences import say

log = structlog.get_logger(__name__)


class LimitReached(ClarificationNeeded):
    """The call, the caller, or all anonymous callers together have booked as much as the tenant allows."""


async def require_within_limits(conn: Connection, ctx: BookingContext, call: CallContext, people: int = 1) -> None:
    """Raise `LimitReached` if one more booking, of so many `people`, is too many. The model's words bound nothing: it may be made
    to go on.
    """
    limits = ctx.config().booking_limits
    counts = await count_bookings(conn, ctx.tenant, call.call_id, call.caller, ctx.clock.now())
    if counts.of_call + people > limits.per_call:
        reason = sentence_of_call(limits.per_call, people)
    elif counts.of_caller + people > limits.per_caller_and_day:
        reason = say().limit_of_caller if people == 1 else say().limit_of_caller_for_group
    elif counts.anonymous + people > limits.anonymous_per_hour:
        reason = say().limit_of_anonymous if people == 1 else say().limit_of_anonymous_for_group
    else:
        return
    log.warning("booking.limited", call_id=call.call_id, correlation_id=call.correlation_id)
    raise LimitReached(reason, outcome=FunctionOutcome.LIMITED, alternatives=[])


def sentence_of_call(limit: int, people: int = 1) -> str:
    """Return why a call books no more than `limit` appointments, where one was asked for, or one for each of `people`."""
    several = say().several_appointments.format(count=limit)
    sentence = say().limit_of_call if people == 1 else say().limit_of_call_for_group
    return sentence.format(limit=say().one_appointment if limit == 1 else several)
