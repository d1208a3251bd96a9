"""The calendars that appointments are booked in: Cal.com by v2 or v1 of its API, or only the local one."""

from askproai_runtime.calendars.calcom_bookings import attendee_email
from askproai_runtime.calendars.calcom_http import CalcomHttp
from askproai_runtime.calendars.calcom_v1 import CalcomV1
from askproai_runtime.calendars.calcom_v2 import CalcomV2
from askproai_runtime.calendars.fallback import FallbackCalendar, build_calendar
from askproai_runtime.calendars.store import ProviderCallRecorder
from askproai_runtime.calendars.types import (
    Calendar,
    CalendarOutcome,
    CalendarRequest,
    CalendarUnavailable,
    Confirmed,
    LocalCalendar,
    MustRevert,
    RefusalCause,
    Refused,
    RemoteBooking,
    Taken,
    Unavailable,
    Unknown,
)

__all__ = [
    "CalcomHttp",
    "CalcomV1",
    "CalcomV2",
    "Calendar",
    "CalendarOutcome",
    "CalendarRequest",
    "CalendarUnavailable",
    "Confirmed",
    "FallbackCalendar",
    "LocalCalendar",
    "MustRevert",
    "ProviderCallRecorder",
    "RefusalCause",
    "Refused",
    "RemoteBooking",
    "Taken",
    "Unavailable",
    "Unknown",
    "attendee_email",
    "build_calendar",
]  # fmt: skip
