"""The calendars that appointments are booked in: Cal.com by v2 or v1 of its API, or only the local one."""

from askproai_runtime.calendars.booking_fields import needs_phone, usable_phone
from askproai_runtime.calendars.calcom_bookings import attendee_email
from askproai_runtime.calendars.fallback import FallbackCalendar, build_calendar, list_accounts
from askproai_runtime.calendars.store import ProviderCallRecorder
from askproai_runtime.calendars.types import (
    Bookable,
    BookingPage,
    BookingUnreadable,
    Calendar,
    CalendarAccount,
    CalendarOutcome,
    CalendarRequest,
    CalendarUnavailable,
    Confirmed,
    FreeTimes,
    FreeTimesQuery,
    MustRevert,
    RefusalCause,
    Refused,
    RemoteBooking,
    Taken,
    Unavailable,
    Unknown,
)

__all__ = [
    "Bookable", "BookingPage", "BookingUnreadable", "Calendar", "CalendarAccount", "CalendarOutcome", "CalendarRequest",
    "CalendarUnavailable", "Confirmed", "FallbackCalendar", "FreeTimes", "FreeTimesQuery", "MustRevert", "ProviderCallRecorder",
    "RefusalCause", "Refused", "RemoteBooking", "Taken", "Unavailable", "Unknown", "attendee_email", "build_calendar",
    "list_accounts", "needs_phone", "usable_phone",
]  # fmt: skip
