"""Handle Cal.com's events: which remote booking changed. What changed is read from the booking itself, later.

An event is only a hint (docs/decisions/0016-calendar-events-are-hints.md), so hardly anything of its body is used.
"""

from datetime import datetime
from typing import Any

import msgspec

from askproai_core.database import Connection
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.booking import CalendarEvent
from askproai_runtime.calls import decode
from askproai_runtime.intake import StoredEvent

# Events of a remote booking's life. REQUESTED is a booking that still must be confirmed: its current state is read from Cal.com.
_BOOKING_EVENTS = frozenset(
    f"BOOKING_{name}" for name in ("CREATED", "REQUESTED", "RESCHEDULED", "CANCELLED", "REJECTED", "NO_SHOW_UPDATED")
)
_BOOKED_AT_START_TIME = frozenset({"BOOKING_CREATED", "BOOKING_RESCHEDULED"})


class _Booking(msgspec.Struct, frozen=True, kw_only=True):
    """A booking as Cal.com's events describe it. Only its id, its event type and its start are read."""

    uid: str | None = None
    booking_uid: str | None = msgspec.field(default=None, name="bookingUid")  # in BOOKING_NO_SHOW_UPDATED
    starts_at: datetime | None = msgspec.field(default=None, name="startTime")
    event_type_id: Any = msgspec.field(default=None, name="eventTypeId")  # a template may make text of it


class _Envelope(msgspec.Struct, frozen=True):
    payload: _Booking | None = None


async def handle_calendar_event(_conn: Connection, event: StoredEvent, _config: TenantConfig) -> CalendarEvent | str:
    """Return the remote booking that the event is about, or the note that it is not about the life of one."""
    booking = _read_booking(event.payload) if event.event_type in _BOOKING_EVENTS else None
    uid = (booking.uid or booking.booking_uid) if booking else None
    if booking is None or uid is None:
        return event.not_acted_on
    starts_at = booking.starts_at if event.event_type in _BOOKED_AT_START_TIME else None
    event_type_id = booking.event_type_id if isinstance(booking.event_type_id, int) else None
    return CalendarEvent(uid, event.received_at, event.correlation_id, starts_at, event_type_id)


def _read_booking(body: bytes) -> _Booking | None:
    """Return the booking of an event; None if the body does not describe one.

    Flat bodies (rendered templates) have its fields beside `triggerEvent` instead of in `payload`, so they are decoded again.
    """
    try:
        return decode(body, _Envelope).payload or decode(body, _Booking)
    except msgspec.DecodeError:
        return None
