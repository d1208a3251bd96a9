"""Appointments: what is free, holds, booking, finding, moving and cancelling, and their remote calendar in both directions."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any

from askproai_core.clock import Clock
from askproai_core.database import Connection, Pool
from askproai_core.fault_injection import FaultPoints
from askproai_core.redis import SlotLock
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.booking.availability import ServiceRules, Slot, SlotQuery, Span, free_slots
from askproai_runtime.booking.book import book_appointment
from askproai_runtime.booking.calendar_inbound import CalendarEvent, apply_calendar_event
from askproai_runtime.booking.calendar_outbound import CalendarDisagrees, sync_appointment
from askproai_runtime.booking.find import cancel_appointment, find_appointments
from askproai_runtime.booking.offer import UnknownName, check_availability, list_free_slots
from askproai_runtime.booking.opening_hours import warm_up
from askproai_runtime.booking.phrases import fold
from askproai_runtime.booking.reschedule import reschedule_appointment
from askproai_runtime.booking.store.appointments import Status, release_hold
from askproai_runtime.booking.types import Answer, BookingContext, BookingOutcome, BookingSettings, CallContext
from askproai_runtime.calendars import Calendar
from askproai_runtime.jobs import Job
from askproai_runtime.metrics import Metrics

__all__ = [
    "Answer", "BookingOutcome", "BookingService", "BookingSettings", "CalendarDisagrees", "CalendarEvent", "CallContext",
    "ServiceRules", "Slot", "SlotQuery", "Span", "Status", "UnknownName", "fold", "free_slots", "release_hold", "warm_up",
]  # fmt: skip


class BookingService:
    """The functions of the package, for one tenant's process: each with the process's `BookingContext`."""

    def __init__(
        self,
        pool: Pool,
        config: Callable[[], TenantConfig],
        calendar: Calendar,
        clock: Clock,
        metrics: Metrics,
        settings: BookingSettings,
        faults: FaultPoints,
        slot_lock: SlotLock,
    ) -> None:
        metrics.expect_bookings(BookingOutcome)
        self._context = BookingContext(pool, config, calendar, clock, metrics, settings, faults, slot_lock)

    async def check_availability(self, call: CallContext, args: Mapping[str, Any]) -> Answer:
        """Offer what is free, and hold the first slot for this call."""
        return await check_availability(self._context, call, args)

    async def book_appointment(self, call: CallContext, args: Mapping[str, Any]) -> Answer:
        """Book; idempotent within the call."""
        return await book_appointment(self._context, call, args)

    async def find_appointments(self, call: CallContext) -> Answer:
        """Say this caller's appointments to come."""
        return await find_appointments(self._context, call)

    async def reschedule_appointment(self, call: CallContext, args: Mapping[str, Any]) -> Answer:
        """Move one of this caller's appointments; idempotent by state."""
        return await reschedule_appointment(self._context, call, args)

    async def cancel_appointment(self, call: CallContext, args: Mapping[str, Any]) -> Answer:
        """Cancel one of this caller's appointments; idempotent by state."""
        return await cancel_appointment(self._context, call, args)

    async def list_free_slots(self, branch: str, service: str, day: date) -> list[Slot]:
        """Return what is free on a local day, one entry for each staff member. Raises `UnknownName`."""
        return await list_free_slots(self._context, branch, service, day)

    async def sync_appointment(self, job: Job) -> None:
        """Handle a calendar-sync job. Raises `CalendarDisagrees`, and the queue's `RunAgain`, `DeadNow`, `StaleClaim`."""
        await sync_appointment(self._context, job)

    async def apply_calendar_event(
        self, event: CalendarEvent, finish: Callable[[Connection, str], Awaitable[None]]
    ) -> None:
        """Apply what happened to a booking in the calendar; `finish` ends the event's job in the same transaction.

        Raises `CalendarDisagrees`, and the queue's `RunAgain` and `DeadNow`.
        """
        await apply_calendar_event(self._context, event, finish)
