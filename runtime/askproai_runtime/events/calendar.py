"""The handler of Cal.com's events, which name a changed booking or an absent person. The change is read from Cal.com later.

An event is only a hint (docs/decisions/0016-calendar-events-are-hints.md), so hardly anything of its body is used.
"""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from askproai_core.database import Connection
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.book.free_times import drop_absence
from askproai_runtime.calendar_sync.reading import CalendarEvent
from askproai_runtime.calls.payload import decode
from askproai_runtime.input_values import read_instant
from askproai_runtime.intake import StoredEvent

# Events of a remote booking's life. REQUESTED is a booking that still must be confirmed: its current state is read from Cal.com.
_BOOKING_EVENTS = frozenset(
    f"BOOKING_{name}"
    for name in ("CREATED", "REQUESTED", "RESCHEDULED", "CANCELLED", "REJECTED", "REASSIGNED", "NO_SHOW_UPDATED")
)
_ABSENCE_EVENT = "OOO_CREATED"  # also sent when an absence is changed
_BOOKED_AT_START_TIME = frozenset({"BOOKING_CREATED", "BOOKING_RESCHEDULED"})

FOUND_BY_IMPORT = "import"  # `foundBy` of a booking from before its event type was followed


class _Booking(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a booking in a Cal.com event that are used. Each may have any type, since a template may make text of it."""

    uid: Any = None
    booking_uid: Any = msgspec.field(default=None, name="bookingUid")  # in BOOKING_NO_SHOW_UPDATED
    starts_at: Any = msgspec.field(default=None, name="startTime")
    event_type_id: Any = msgspec.field(default=None, name="eventTypeId")

    @property
    def named_uid(self) -> str | None:
        """The booking's uid; None if the event names no booking."""
        return next((uid for uid in (self.uid, self.booking_uid) if isinstance(uid, str) and uid), None)


class _Envelope(msgspec.Struct, frozen=True):
    payload: Any = None
    found_by: Any = msgspec.field(default=None, name="foundBy")  # only in events that `calendar-poll` has stored


class _User(msgspec.Struct, frozen=True):
    id: int | None = None


class _Absence(msgspec.Struct, frozen=True):
    """An absence of whole days in a Cal.com event. Both times have the offset of the absent person's time zone."""

    start: datetime
    end: datetime
    user: _User = _User()


class _AbsencePayload(msgspec.Struct, frozen=True):
    entry: _Absence = msgspec.field(name="oooEntry")


class _AbsenceEnvelope(msgspec.Struct, frozen=True):
    payload: _AbsencePayload


async def handle_calendar_event(
    conn: Connection, event: StoredEvent, config: TenantConfig
) -> CalendarEvent | str | None:
    """Return the changed remote booking to compare with our book; a text, the event's note, if the event changes no booking.

    For an absence, drop the stored free times of its days, and return None.
    """
    if event.event_type == _ABSENCE_EVENT:
        await _forget_free_times(conn, event, config)
        return None
    booking, is_new = _read_booking(event.payload) if event.event_type in _BOOKING_EVENTS else (None, True)
    uid = booking.named_uid if booking else None
    if booking is None or uid is None:
        return event.not_acted_on
    starts_at = read_instant(booking.starts_at) if event.event_type in _BOOKED_AT_START_TIME else None
    event_type_id = booking.event_type_id if type(booking.event_type_id) is int else None
    return CalendarEvent(uid, event.received_at, event.correlation_id, starts_at, event_type_id, is_new=is_new)


async def _forget_free_times(conn: Connection, event: StoredEvent, config: TenantConfig) -> None:
    """Drop the stored free times of an absent person's days. If the body does not name them, drop all stored free times."""
    today = event.received_at.astimezone(ZoneInfo(config.time_zone)).date()
    try:
        entry = decode(event.payload, _AbsenceEnvelope).payload.entry
    except msgspec.DecodeError:
        await drop_absence(conn, config, None, date.min, date.max, today)
    else:
        await drop_absence(conn, config, entry.user.id, entry.start.date(), entry.end.date(), today)


def _read_booking(body: bytes) -> tuple[_Booking | None, bool]:
    """Return the booking in an event (or None), and whether it is new: False if the import of an event type stored the event."""
    try:
        envelope = decode(body, _Envelope)
        is_flat = not isinstance(envelope.payload, dict)
        booking = decode(body, _Booking) if is_flat else msgspec.convert(envelope.payload, _Booking)
    except msgspec.DecodeError:
        return None, True
    return booking, envelope.found_by != FOUND_BY_IMPORT
