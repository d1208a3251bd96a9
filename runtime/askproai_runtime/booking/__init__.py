"""Appointments: what is free, holds, booking, finding, moving and cancelling, and their remote calendar in both directions.

Every function takes the process's `BookingContext` first.
"""

from askproai_runtime.booking.availability import ServiceRules, SlotQuery, free_slots
from askproai_runtime.booking.book import book_appointment
from askproai_runtime.booking.calendar_inbound import CalendarEvent, apply_calendar_event
from askproai_runtime.booking.calendar_outbound import CalendarDisagrees, sync_appointment
from askproai_runtime.booking.find import cancel_appointment, find_appointments
from askproai_runtime.booking.offer import UnknownName, check_availability, list_free_slots
from askproai_runtime.booking.opening_hours import warm_up
from askproai_runtime.booking.phrases import fold
from askproai_runtime.booking.reschedule import reschedule_appointment
from askproai_runtime.booking.store.appointments import Status, release_hold
from askproai_runtime.booking.types import (
    Answer,
    BookingContext,
    BookingOutcome,
    BookingSettings,
    CallContext,
    FunctionOutcome,
)

__all__ = [
    "Answer", "BookingContext", "BookingOutcome", "BookingSettings", "CalendarDisagrees", "CalendarEvent",
    "CallContext", "FunctionOutcome", "ServiceRules", "SlotQuery", "Status", "UnknownName", "apply_calendar_event",
    "book_appointment", "cancel_appointment", "check_availability", "find_appointments", "fold", "free_slots",
    "list_free_slots", "release_hold", "reschedule_appointment", "sync_appointment", "warm_up",
]  # fmt: skip
