"""The handler of `webhook-event` jobs, which process stored events.

The effects of an event and the end of its job are one transaction, so that a crash leaves either nothing or everything.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Final, TypeAlias

import structlog

from askproai_core.clock import Clock
from askproai_core.database import Connection, Pool
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.book.context import BookingContext
from askproai_runtime.calendar_sync.free_times_keeper import FreeTimesKeeper
from askproai_runtime.calendar_sync.inbound import apply_calendar_event
from askproai_runtime.calendar_sync.reading import CalendarEvent
from askproai_runtime.calls.store import audit_refusal
from askproai_runtime.encryption import BodyCipher, DataKeyMissing
from askproai_runtime.events.billing import handle_billing_event
from askproai_runtime.events.calendar import handle_calendar_event
from askproai_runtime.events.call import UnroutableCall, handle_call_event, read_caller_kind
from askproai_runtime.events.call_group import CallEventGroups
from askproai_runtime.events.call_row import STARTED
from askproai_runtime.intake import ERASED, Source, StoredEvent, UnreadableBody, load_event, note_event
from askproai_runtime.jobs import DeadNow, Job, JobError, RunAgain, finish, require_claim
from askproai_runtime.metrics import Metrics

log = structlog.get_logger(__name__)

# Acts on an event in the transaction that ends its job. Returns a note of why nothing was done or what was left out, None
# without a note, or the calendar's event whose booking must be compared. Raises `DeadNow` if no retry can help.
EventHandler: TypeAlias = Callable[[Connection, StoredEvent, TenantConfig], Awaitable[str | CalendarEvent | None]]

# How long an event waits for a missing key, which a restore may bring back.
KEY_PATIENCE: Final = timedelta(hours=24)
_LOOK_FOR_KEY: Final = timedelta(minutes=5)


def event_handlers(cipher: BodyCipher) -> Mapping[str, EventHandler]:
    """Return the handler for each source of events. A new webhook sender needs a module with its handler, and an entry here."""
    return {
        Source.RETELL: partial(handle_call_event, cipher=cipher),
        Source.CALCOM: handle_calendar_event,
        Source.STRIPE: handle_billing_event,
    }


class EventDispatcher:
    """Passes each stored event to the handler for its source."""

    def __init__(
        self,
        pool: Pool,
        config: Callable[[], TenantConfig],
        booking: BookingContext,
        clock: Clock,
        metrics: Metrics,
        free_times: FreeTimesKeeper,
    ) -> None:
        self._pool = pool
        self._config = config
        self._booking = booking
        self._tenant = config().tenant
        self._clock = clock
        self._metrics = metrics
        self._groups = CallEventGroups(pool, config, booking.cipher)
        self._handlers = event_handlers(booking.cipher)
        self._free_times = free_times

    async def handle(self, job: Job) -> None:
        """Process the event of one job. Raises `DeadNow` if no retry can help, and the errors of `apply_calendar_event`."""
        assert job.event_id is not None, "a webhook-event job names its event; the table checks it"
        started_at = self._clock.monotonic()
        event = await self._groups.process(job) or await self._handle_alone(job, job.event_id)
        self._metrics.processed(event.source, event.event_type, self._clock.monotonic() - started_at)
        if event.source == Source.CALCOM:
            self._free_times.calendar_changed()
        elif event.event_type == STARTED:
            self._free_times.call_begins()
            if kind := read_caller_kind(event, self._config()):
                self._metrics.call_began(kind)

    async def _handle_alone(self, job: Job, event_id: int) -> StoredEvent:
        try:
            async with self._pool.acquire() as conn, conn.transaction():
                event = await self._load(conn, event_id)
                result = await self._handle(conn, event)
                if not isinstance(result, CalendarEvent):
                    await self._finish(conn, result, job=job)
            if isinstance(result, CalendarEvent):  # asks the calendar first, so it runs outside any transaction
                check = partial(require_claim, tenant=self._tenant, job=job)
                await apply_calendar_event(self._booking, result, partial(self._finish, job=job), check)
        except UnroutableCall as error:
            log.warning("event.unroutable", event_id=job.event_id, call_id=error.call_id, agent_id=error.agent_id)
            await audit_refusal(self._pool, self._tenant, "event.refused", error.agent_id, job.correlation_id)
            raise DeadNow(f"unroutable: {error}") from error
        return event

    async def _load(self, conn: Connection, event_id: int) -> StoredEvent:
        try:
            event = await load_event(conn, self._tenant, event_id, self._booking.cipher)
        except UnreadableBody as error:
            raise self._waiting_for_key(error) from error
        if event is None:
            raise DeadNow("the event is gone: retention removed it before its job ran")
        return event

    def _waiting_for_key(self, error: UnreadableBody) -> JobError:
        """Return the error for an event whose key is missing: `RunAgain` if the key may come back, else `DeadNow`."""
        now = self._clock.now()
        if isinstance(error.cause, DataKeyMissing) and now < error.received_at + KEY_PATIENCE:
            return RunAgain(now + _LOOK_FOR_KEY, f"the body is {error}; tried again until the key is there")
        return DeadNow(f"the body is {error}")

    async def _handle(self, conn: Connection, event: StoredEvent) -> str | CalendarEvent | None:
        if event.is_erased:
            return ERASED
        handler = self._handlers.get(event.source)
        return event.not_acted_on if handler is None else await handler(conn, event, self._config())

    async def _finish(self, conn: Connection, note: str | None, *, job: Job) -> None:
        """End the job and store the note on its event, in this order: all code that locks both rows locks the job first."""
        await finish(conn, self._tenant, job)
        if note and job.event_id:
            await note_event(conn, self._tenant, job.event_id, note)
