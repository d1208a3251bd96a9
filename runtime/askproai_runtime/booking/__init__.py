"""Appointments: what is free, the holds, booking, finding, moving and cancelling, and the calendar-sync behind them."""

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
from askproai_runtime.booking.calendar_inbound import CalendarEvent, follow_booking
from askproai_runtime.booking.calendar_outbound import CalendarDisagrees, sync_appointment
from askproai_runtime.booking.cancel import cancel_appointment
from askproai_runtime.booking.find import find_appointments
from askproai_runtime.booking.offer import check_availability
from askproai_runtime.booking.phrases import fold
from askproai_runtime.booking.reschedule import reschedule_appointment
from askproai_runtime.booking.slots import UnknownName, slots_of
from askproai_runtime.booking.store.appointments import Status, release_hold
from askproai_runtime.booking.types import Answer, BookingContext, BookingOutcome, BookingSettings, CallContext
from askproai_runtime.booking.warm import warm_up
from askproai_runtime.calendars import Calendar
from askproai_runtime.jobs import Job
from askproai_runtime.metrics import Metrics

__all__ = [
    "Answer", "BookingService", "BookingOutcome", "BookingSettings", "CalendarDisagrees", "CallContext", "SlotQuery", "ServiceRules",
    "Slot", "Span", "Status", "CalendarEvent", "UnknownName", "fold", "free_slots", "release_hold", "warm_up",
]  # fmt: skip


class BookingService:
    """The booking room of one tenant's process."""

    def __init__(
        self,
        pool: Pool,
        config: Callable[[], TenantConfig],
        calendar: Calendar,
        clock: Clock,
        metrics: Metrics,
        settings: BookingSettings,
        faults: FaultPoints,
        slots: SlotLock,
    ) -> None:
        metrics.expect_bookings(BookingOutcome)
        self._desk = BookingContext(pool, config, calendar, clock, metrics, settings, faults, slots)

    async def check_availability(self, call: CallContext, args: Mapping[str, Any]) -> Answer:
        """Say what is free, and hold the first of it for this call."""
        return await check_availability(self._desk, call, args)

    async def book_appointment(self, call: CallContext, args: Mapping[str, Any]) -> Answer:
        """Book, idempotently within the call."""
        return await book_appointment(self._desk, call, args)

    async def list_free_slots(self, branch: str, service: str, day: date) -> list[Slot]:
        """Give what is free on a local day, one entry for each person. Raises `UnknownName`."""
        return await slots_of(self._desk, branch, service, day)

    async def find_appointments(self, call: CallContext) -> Answer:
        """Say this caller's appointments to come."""
        return await find_appointments(self._desk, call)

    async def reschedule_appointment(self, call: CallContext, args: Mapping[str, Any]) -> Answer:
        """Move one of this caller's appointments; idempotent by state."""
        return await reschedule_appointment(self._desk, call, args)

    async def cancel_appointment(self, call: CallContext, args: Mapping[str, Any]) -> Answer:
        """Cancel one of this caller's appointments; idempotent by state."""
        return await cancel_appointment(self._desk, call, args)

    async def sync_appointment(self, job: Job) -> None:
        """Handle a calendar-sync job. Raises `CalendarDisagrees`, and the queue's own `RunAgain`, `DeadNow`, `StaleClaim`."""
        await sync_appointment(self._desk, job)

    async def apply_calendar_event(
        self, told: CalendarEvent, end: Callable[[Connection, str], Awaitable[None]]
    ) -> None:
        """Follow what happened to a booking in the calendar. Raises `CalendarDisagrees`, and the queue's `RunAgain`, `DeadNow`."""
        await follow_booking(self._desk, told, end)
