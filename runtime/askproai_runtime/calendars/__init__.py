"""The books that appointments also stand in: Cal.com by v2 or v1 of its API, or only our own."""

from askproai_runtime.calendars.calcom_v1 import CalcomV1
from askproai_runtime.calendars.calcom_v2 import CalcomV2, attendee_email
from askproai_runtime.calendars.chosen import ChosenCalendar
from askproai_runtime.calendars.exchange import Exchange, Recorder
from askproai_runtime.calendars.types import (
    Calendar,
    CalendarRequest,
    CalendarUnreachable,
    Confirmed,
    LocalCalendar,
    Outcome,
    Refused,
    RemoteBooking,
    Taken,
    Unavailable,
    Unknown,
)

__all__ = [
    "CalcomV1", "CalcomV2", "Calendar", "CalendarRequest", "CalendarUnreachable", "ChosenCalendar", "Confirmed",
    "Exchange", "LocalCalendar", "Outcome", "Recorder", "Refused", "RemoteBooking", "Taken", "Unavailable", "Unknown",
    "attendee_email",
]  # fmt: skip
