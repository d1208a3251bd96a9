"""Rows of Cal.com's lists that are not as documented: each is read or skipped, and none stops the list."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from askproai_runtime.calendars import CalendarUnavailable
from askproai_runtime.calendars.calcom_bookings import parse_remote_booking, read_rows
from askproai_runtime.calendars.calcom_v2 import _find_request
from tests.worlds.calcom_v2_rows import BOOKING

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    "change",
    [
        {"attendees": [None]},
        {"attendees": ["x"]},
        {"attendees": {"name": "Petra"}},
        {"attendees": None},
        {"attendees": [{"name": 5, "email": 6, "phoneNumber": 49151, "absent": "no"}]},
        {"metadata": "x"},
        {"metadata": {"requestId": 7}},
        {"hosts": [None, 5]},
        {"rescheduledFromUid": 8},
        {"rescheduledToUid": {"uid": "u3"}},
        {"cancellationReason": ["x"]},
        {"createdAt": "once"},
        {"updatedAt": 5},
    ],
)
def test_odd_optional_fields_leave_the_time_readable(change: dict[str, Any]) -> None:
    found = parse_remote_booking(BOOKING | change, ("u2",))
    assert found is not None
    assert (found.event_type_id, found.starts_at.hour) == (1001, 13)
    assert found.email is None or isinstance(found.email, str)


@pytest.mark.parametrize(
    "change",
    [
        {"start": "2026-11-27T13:30:00"},  # without an offset it is no instant
        {"start": 1795786200},
        {"end": "2026-11-27T13:30:00.000Z"},
        {"start": "0001-01-01T00:00:00+14:00"},
        {"eventType": {"id": "1001"}},
        {"eventType": {"id": True}},
        {"eventType": []},
        {"status": None},
        {"status": "ACCEPTED"},
        {"status": "awaiting_host"},
        {"status": ["accepted"]},
    ],
)
def test_rows_without_certain_essentials_are_skipped(change: dict[str, Any]) -> None:
    rows = [BOOKING, BOOKING | change, None, "x", {"uid": 5}]
    assert [each.uid for each in read_rows(rows)] == ["u2"]


@given(field=st.sampled_from([*BOOKING, "hosts", "rescheduledToUid", "cancellationReason"]), value=ANYTHING)
def test_no_value_of_a_field_stops_a_list(field: str, value: Any) -> None:
    read = read_rows([BOOKING | {field: value}, BOOKING])
    assert read[-1].uid == "u2"


def test_an_unreadable_own_booking_is_not_absent() -> None:
    """Without it the request would be sent again, and booked twice."""
    with pytest.raises(CalendarUnavailable):
        _find_request([BOOKING | {"start": None}], str(UUID(int=7)))
