"""Carries out a stored event: the handler of `webhook-event` jobs.

Its effects and the end of its job are one transaction, so that a crash leaves either nothing or everything (W6).
"""

from collections.abc import Callable
from functools import partial

import msgspec
import structlog

from askproai_core.clock import Clock
from askproai_core.database import Connection, Pool
from askproai_core.tenant_config import TenantConfig
from askproai_runtime import billing
from askproai_runtime.booking import BookingService, CalendarEvent, release_hold
from askproai_runtime.calls.payload import RetellEvent, read, route_of, told_booking
from askproai_runtime.calls.row import ACTED_ON, MOST_TRANSCRIPT, merge, row_of
from askproai_runtime.calls.store import StoredEvent, audit_unroutable, load_event, lock_call, note_event, save_call
from askproai_runtime.jobs import DeadNow, Job, finish
from askproai_runtime.metrics import Metrics

log = structlog.get_logger(__name__)


# A booking that must be confirmed is "requested"; what is asked there decides, so it makes no difference here.
OF_BOOKINGS = frozenset(
    f"BOOKING_{what}" for what in ("CREATED", "REQUESTED", "RESCHEDULED", "CANCELLED", "REJECTED", "NO_SHOW_UPDATED")
)


class _Unroutable(Exception):
    """Neither the agent nor the number is the tenant's. Carries the agent, for the audit."""


class CallEvents:
    """Acts on Retell's call events, Cal.com's of bookings and Stripe's billing; the others end as processed, with a note."""

    def __init__(
        self, pool: Pool, config: Callable[[], TenantConfig], booking: BookingService, clock: Clock, metrics: Metrics
    ) -> None:
        self._pool = pool
        self._booking = booking
        self._config = config
        self._tenant = config().tenant
        self._clock = clock
        self._metrics = metrics

    async def handle(self, job: Job) -> None:
        """Carry out one job. Raises `DeadNow` for what no retry can cure."""
        assert job.event_id is not None, "a webhook-event job names its event; the table checks it"
        began = self._clock.monotonic()
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                event = await self._load(connection, job.event_id)
                told = _told(event)
                if told is None:
                    await self._end(connection, await self._carry_out(connection, event), job=job)
            if told is not None:  # the calendar is asked first, so outside any transaction
                await self._booking.apply_calendar_event(told, partial(self._end, job=job))
        except _Unroutable as stranger:
            await audit_unroutable(self._pool, self._tenant, "event.refused", stranger.args[0], job.correlation_id)
            raise DeadNow("unroutable") from stranger
        self._metrics.processed(event.source, event.event_type, self._clock.monotonic() - began)

    async def _load(self, connection: Connection, event_id: int) -> StoredEvent:
        event = await load_event(connection, self._tenant, event_id)
        if event is None:
            raise DeadNow("the event is gone: retention removed it before its job ran")
        return event

    async def _end(self, connection: Connection, note: str | None, *, job: Job) -> None:
        await finish(connection, self._tenant, job)
        if note and job.event_id:  # after the job: everybody who needs both rows locks the job first
            await note_event(connection, self._tenant, job.event_id, note)

    async def _carry_out(self, connection: Connection, event: StoredEvent) -> str | None:
        """Act on the event; give what must be noted at it."""
        if event.source == "retell" and event.event_type in ACTED_ON:
            return await self._update_call(connection, event)
        if event.source == "stripe":
            return await billing.carry_out(connection, self._tenant, event.payload)
        return f"stored only: {event.source} {event.event_type} is not acted on"

    async def _update_call(self, connection: Connection, event: StoredEvent) -> str | None:
        """Merge the event into its call; a call that is over gives its held time free. Gives what must be noted."""
        try:
            envelope = read(event.payload, RetellEvent)
        except msgspec.DecodeError as error:
            raise DeadNow(f"the body is no call event: {error}") from error
        call = envelope.call or envelope.data
        if call is None:
            return "stored only: the event names no call"
        route = route_of(call, self._config())
        if route is None:
            raise _Unroutable(call.agent_id)
        known = await lock_call(connection, self._tenant, call.call_id, event.correlation_id)
        branch = known.branch or route.branch  # what the caller said in the call outranks the number
        row = merge(known, row_of(event.event_type, call, branch, event.received_at))
        await save_call(connection, self._tenant, call.call_id, row)
        if row.over:
            await release_hold(connection, self._tenant, call.call_id)
        log.info("call.updated", call_id=call.call_id, event_type=event.event_type, status=row.status)
        cut = len(call.transcript or "") - MOST_TRANSCRIPT
        return f"transcript cut to {MOST_TRANSCRIPT} characters, {cut} left out" if cut > 0 else None


def _told(event: StoredEvent) -> CalendarEvent | None:
    """Give which booking of the calendar an event is about; None when it is about none, or not about its life."""
    if event.source != "calcom" or event.event_type not in OF_BOOKINGS:
        return None
    booking = told_booking(event.payload)
    uid = (booking.uid or booking.booking_uid) if booking else None
    if booking is None or uid is None:
        return None
    stands = event.event_type in {"BOOKING_CREATED", "BOOKING_RESCHEDULED"}
    return CalendarEvent(uid, event.received_at, event.correlation_id, booking.starts_at if stands else None)
