"""A booking's uid is the essential part of Cal.com's event: other fields of a wrong type count as missing."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from askproai_runtime.calendar_sync.reading import CalendarEvent
from askproai_runtime.events.calendar import handle_calendar_event
from askproai_runtime.intake import StoredEvent

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
START = "2026-11-27T13:30:00Z"
UNUSED: Any = None


async def read(body: dict[str, Any], trigger: str = "BOOKING_CREATED") -> CalendarEvent | str | None:
    body = {"triggerEvent": trigger, "createdAt": AT} | body
    return await handle_calendar_event(
        UNUSED, StoredEvent("calcom", trigger, msgspec.json.encode(body), "c", AT), UNUSED
    )


@pytest.mark.parametrize("trigger", ["BOOKING_CREATED", "BOOKING_CANCELLED"])
@pytest.mark.parametrize(
    ("fields", "starts_at", "event_type"),
    [
        ({"startTime": START, "eventTypeId": 1001}, datetime(2026, 11, 27, 13, 30, tzinfo=UTC), 1001),
        ({"startTime": START, "eventTypeId": "1001"}, datetime(2026, 11, 27, 13, 30, tzinfo=UTC), None),
        ({"startTime": ""}, None, None),
        ({"startTime": "27 November 2026 14:30"}, None, None),
        ({"startTime": "2026-11-27T13:30:00"}, None, None),  # in which zone?
        ({"startTime": "0001-01-01T00:00:00+14:00"}, None, None),
        ({"startTime": "9999-12-31T23:59:59-12:00"}, None, None),
        ({"startTime": 1764250200}, None, None),
        ({"bookingUid": 5, "eventTypeId": True}, None, None),
        ({"uid": None, "bookingUid": "uid"}, None, None),
        ({"uid": 5, "bookingUid": "uid"}, None, None),
    ],
)
@pytest.mark.parametrize("is_flat", [False, True])
async def test_odd_fields_leave_the_bookings_uid_readable(
    fields: dict[str, Any], starts_at: datetime | None, event_type: int | None, is_flat: bool, trigger: str
) -> None:
    booking = {"uid": "uid"} | fields
    found = await read(booking if is_flat else {"payload": booking}, trigger)
    assert isinstance(found, CalendarEvent), found
    expected = starts_at if trigger == "BOOKING_CREATED" else None
    assert (found.uid, found.starts_at, found.event_type_id) == ("uid", expected, event_type)


@pytest.mark.parametrize(
    "body", [{}, {"payload": {}}, {"payload": {"uid": ""}}, {"payload": {"uid": 5}}, {"payload": "uid"}]
)
async def test_event_without_uid_is_only_stored(body: dict[str, Any]) -> None:
    assert await read(body) == "stored only: calcom BOOKING_CREATED is not acted on"
