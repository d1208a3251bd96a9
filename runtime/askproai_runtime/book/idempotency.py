"""Each action of a call happens once, however often the model repeats itself. Bookings and moves share this module.

A call claims an action in `call_actions` before it does it. A concurrent request for the same action (a retry that overlaps)
waits until the action is done, and answers with its result. The claim has a lease: when the claiming process dies, the next
request claims the action again, and finds under the lock what was committed before.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from askproai_core.database import Connection
from askproai_runtime.book.actor import Actor
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.remote import record_outcome
from askproai_runtime.book.store.actions import (
    detach_action,
    is_action_attached,
    is_action_done,
    try_claim_action,
    update_action,
)
from askproai_runtime.book.store.appointments import get_appointment
from askproai_runtime.book.store.transactions import run_transaction
from askproai_runtime.calendars import CalendarOutcome

R = TypeVar("R")

_POLL_INTERVAL = timedelta(milliseconds=100)
_MIN_PROVIDER_TIME = timedelta(seconds=1)  # a request with less has no chance of an answer


@dataclass(frozen=True, slots=True)
class ActionClaim:
    """The right of one call to perform one action, until its lease ends. `deadline` is in monotonic seconds."""

    actor: Actor
    key: str
    generation: int
    deadline: float

    async def attach(self, conn: Connection, ctx: BookingContext, appointment_id: UUID) -> None:
        """Record the appointment that the action has written, and renew the lease."""
        await self._update(conn, ctx, appointment_id, ctx.settings.lease)

    async def complete(self, conn: Connection, ctx: BookingContext, appointment_id: UUID) -> None:
        """Record that the action is done: from now on a repeated request gets its result, and nothing reverts it automatically."""
        await self._update(conn, ctx, appointment_id, None)

    async def has_written(self, conn: Connection, ctx: BookingContext) -> bool:
        """Return whether an earlier claim of the action, whose process has died, has written an appointment."""
        if self.generation == 1:
            return False
        return await is_action_attached(conn, ctx.tenant, self.actor.call_id, self.key)

    async def detach(self, conn: Connection, ctx: BookingContext) -> None:
        """Record that the change of the action is reverted: the next request that claims the action does it anew."""
        await detach_action(conn, ctx.tenant, self.actor.call_id, self.key, self.generation)

    async def give_up(self, ctx: BookingContext) -> None:
        """Let the next request claim the action at once: a refusal is never stored."""
        async with ctx.pool.acquire() as conn:
            await self._update(conn, ctx, None, timedelta())

    def provider_timeout(self, ctx: BookingContext) -> timedelta | None:
        """Return how long the calendar may take while the caller waits; None if too little time is left to ask at all."""
        left = timedelta(seconds=self.deadline - ctx.clock.monotonic())
        return None if left < _MIN_PROVIDER_TIME else min(left, ctx.settings.provider_timeout)

    async def _update(
        self, conn: Connection, ctx: BookingContext, appointment_id: UUID | None, lease: timedelta | None
    ) -> None:
        await update_action(conn, ctx.tenant, self.actor.call_id, self.key, self.generation, appointment_id, lease)


async def claim_action(
    ctx: BookingContext,
    actor: Actor,
    key: str,
    start: datetime,
    deadline: float,
    find_result: Callable[[Connection], Awaitable[R | None]],
    *,
    again: bool = True,
) -> ActionClaim | R | None:
    """Claim an action whose appointment is to start at `start`, or return the result of a concurrent request that has done it.

    While the action cannot be claimed, `find_result` looks for that result. Returns None at the deadline if the other request
    is still at work. A request that had to wait cannot ask for a second appointment, since it was sent before the other request
    was answered. So it never claims a done action again: if the appointment of that action was changed meanwhile, it gets None
    at once. With `again` False this holds for every request, waiting or not.
    """
    waited = False
    while True:
        async with ctx.pool.acquire() as conn:
            generation = await try_claim_action(
                conn, ctx.tenant, actor.call_id, key, start, ctx.settings.lease, again=again and not waited
            )
            if generation is not None:
                return ActionClaim(actor, key, generation, deadline)
            is_done = await is_action_done(conn, ctx.tenant, actor.call_id, key)  # before: a done action has its result
            result = await find_result(conn)
        if result is not None or is_done or ctx.clock.monotonic() >= deadline:
            return result
        await ctx.clock.sleep(_POLL_INTERVAL)
        waited = True


async def settle_action(
    ctx: BookingContext, claim: ActionClaim, appointment: Appointment, outcome: CalendarOutcome
) -> Appointment:
    """Store the calendar's outcome and complete the action, in one transaction. Return the appointment as it is after that."""

    async def write(conn: Connection) -> Appointment:
        await record_outcome(conn, ctx, appointment, outcome)
        await claim.complete(conn, ctx, appointment.id)
        return await get_appointment(conn, ctx.tenant, appointment.id) or appointment

    return await run_transaction(ctx.pool, write)
