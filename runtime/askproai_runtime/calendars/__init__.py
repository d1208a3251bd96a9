"""The books that appointments also stand in: Cal.com v2, or only our own."""

from askproai_runtime.calendars.calcom_v2 import CalcomV2, Recorder, attendee_email
from askproai_runtime.calendars.types import (
    Calendar,
    CalendarRequest,
    CalendarUnreachable,
    ChosenCalendar,
    Confirmed,
    LocalCalendar,
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
    "Recorder",
    "Refused",
    "Taken",
    "Unavailable",
    "Unknown",
    "attendee_email",
]
