"""The limits on callers' bookings. The desk has no limit: its requests have the admin token."""

import structlog

from askproai_core.database import Connection
from askproai_runtime.book.actor import Actor
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.outcomes import Limit, LimitReached, Undecided
from askproai_runtime.book.store.appointments import count_bookings

log = structlog.get_logger(__name__)


async def require_within_limits(conn: Connection, ctx: BookingContext, actor: Actor, people: int = 1) -> None:
    """Raise `Undecided` if a booking for `people` persons exceeds a limit: a caller can talk the model into any number."""
    limits = ctx.config().booking_limits
    counts = await count_bookings(conn, ctx.tenant, actor.call_id, actor.caller, ctx.clock.now())
    if counts.of_call + people > limits.per_call:
        reached = LimitReached(Limit.CALL, limits.per_call, people)
    elif counts.of_caller + people > limits.per_caller_and_day:
        reached = LimitReached(Limit.CALLER, limits.per_caller_and_day, people)
    elif counts.anonymous + people > limits.anonymous_per_hour:
        reached = LimitReached(Limit.ANONYMOUS, limits.anonymous_per_hour, people)
    else:
        return
    log.warning("booking.limited", call_id=actor.call_id, correlation_id=actor.correlation_id)
    raise Undecided(reached)
