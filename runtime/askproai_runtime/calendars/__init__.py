"""The books that appointments also stand in: Cal.com v2, or only our own."""

from askproai_runtime.calendars.calcom_v2 import CalcomV2, attendee_email
from askproai_runtime.calendars.choose import ChosenCalendar
from askproai_runtime.calendars.local import LocalCalendar
from askproai_runtime.calendars.record import ProviderCall, ProviderMetrics, Recorder
from askproai_runtime.calendars.types import (
    Calendar,
    CalendarRequest,
    CalendarUnreachable,
    Confirmed,
    Outcome,
    Refused,
    Taken,
    Unavailable,
    Unknown,
)

__all__ = [
    "CalcomV2",
    "Calendar",
    "CalendarRequest",
    "CalendarUnreachable",
    "ChosenCalendar",
    "Confirmed",
    "LocalCalendar",
    "Outcome",
    "ProviderCall",
    "ProviderMetrics",
    "Recorder",
    "Refused",
    "Taken",
    "Unavailable",
    "Unknown",
    "attendee_email",
]
