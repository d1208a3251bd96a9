"""A booking as Cal.com's second API shows it."""

from datetime import datetime
from uuid import UUID

from askproai_runtime.calendars import CalendarRequest

REQUEST = CalendarRequest(
    request_id=UUID(int=7),
    event_type_id=1001,
    starts_at=datetime.fromisoformat("2026-11-27T14:30:00+01:00"),
    ends_at=datetime.fromisoformat("2026-11-27T15:15:00+01:00"),
    name="Petra Müller",
    phone="+4915112345678",
    email="anruf-4915112345678@anrufer.example",
    call_id="call_1",
    correlation_id="c",
)

BOOKING = {
    "uid": "u2", "status": "accepted", "start": "2026-11-27T13:30:00.000Z", "end": "2026-11-27T14:15:00.000Z",
    "createdAt": "2026-11-20T09:00:00.000Z", "updatedAt": None, "eventType": {"id": 1001, "slug": "x"},
    "rescheduledFromUid": "u1", "metadata": {"requestId": str(UUID(int=7))},
    "attendees": [{"name": "Petra", "email": "p@example.com", "absent": False, "phoneNumber": "+4915112345678"}],
}  # fmt: skip
