"""The meaning of Cal.com's list of slots: its days, the slots that are left out, and the unreadable ones."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from askproai_runtime.calendars import Bookable, FreeTimesQuery
from askproai_runtime.calendars.calcom_slots import SlotsUnreadable, merge_bodies, parse_slots, slots_params
from tests.worlds.rows import each_row

FRIDAY = date(2026, 11, 27)
QUERY = FreeTimesQuery(Bookable(1001), FRIDAY, FRIDAY + timedelta(days=1), "Europe/Berlin", "corr")


def slot(start: str, end: str) -> dict[str, str]:
    return {"start": start, "end": end}


def answer(*slots: Any, key: str = "2026-11-27") -> dict[str, Any]:
    return {"status": "success", "data": {key: list(slots)}}


def test_days_are_queried_in_zone_with_slot_ends() -> None:
    assert slots_params(QUERY) == [
        {
            "eventTypeId": "1001",
            "start": "2026-11-26T23:00:00Z",
            "end": "2026-11-28T22:59:59Z",
            "timeZone": "Europe/Berlin",
            "format": "range",
        }
    ]


def test_team_query_may_name_a_single_host() -> None:
    (params,) = slots_params(replace(QUERY, bookable=Bookable(3001, 17)))
    assert (params["eventTypeId"], params["rrHostSubsetIds"]) == ("3001", "17")


@pytest.mark.parametrize(
    ("day", "changes_at"), [(date(2026, 10, 25), "2026-10-25T01:00:00Z"), (date(2027, 3, 28), "2027-03-28T01:00:00Z")]
)
def test_no_query_goes_over_a_clock_change(day: date, changes_at: str) -> None:
    """Cal.com may use the offset of a query's start for all of its slots."""
    query = FreeTimesQuery(Bookable(1001), day - timedelta(days=3), day + timedelta(days=3), "Europe/Berlin", "corr")
    first, second = slots_params(query)
    assert second["start"] == changes_at
    assert datetime.fromisoformat(first["end"]) + timedelta(seconds=1) == datetime.fromisoformat(changes_at)


def test_slots_are_merged_on_their_first_day() -> None:
    body = answer(
        slot("2026-11-27T09:45:00.000+01:00", "2026-11-27T10:30:00.000+01:00"),
        slot("2026-11-27T09:00:00.000+01:00", "2026-11-27T09:45:00.000+01:00"),
        slot("2026-11-27T11:00:00.000+01:00", "2026-11-27T11:45:00.000+01:00"),
        slot("2026-11-28T00:00:00.000+01:00", "2026-11-28T00:45:00.000+01:00"),
    )
    times = parse_slots(body, QUERY)
    assert times.slot_length == timedelta(minutes=45)
    assert times.days == {
        FRIDAY: (
            (datetime(2026, 11, 27, 8, tzinfo=UTC), datetime(2026, 11, 27, 9, 30, tzinfo=UTC)),
            (datetime(2026, 11, 27, 10, tzinfo=UTC), datetime(2026, 11, 27, 10, 45, tzinfo=UTC)),
        ),
        FRIDAY + timedelta(days=1): (
            (datetime(2026, 11, 27, 23, tzinfo=UTC), datetime(2026, 11, 27, 23, 45, tzinfo=UTC)),
        ),
    }


def test_day_without_slots_counts_as_fully_booked() -> None:
    times = parse_slots({"status": "success", "data": {}}, QUERY)
    assert times.days == {FRIDAY: (), FRIDAY + timedelta(days=1): ()}
    assert times.slot_length is None


def test_slots_outside_of_the_days_are_left_out() -> None:
    body = answer(
        slot("2026-11-26T23:45:00+01:00", "2026-11-27T00:30:00+01:00"),
        slot("2026-11-29T00:00:00+01:00", "2026-11-29T00:45:00+01:00"),
    )
    assert parse_slots(body, QUERY).days == {FRIDAY: (), FRIDAY + timedelta(days=1): ()}


def test_day_with_a_foreign_offset_is_unknown() -> None:
    """The slots may be an hour off, and the meant hour cannot be known. An offset of UTC is certain."""
    body = answer(
        slot("2026-11-27T09:00:00+02:00", "2026-11-27T09:45:00+02:00"),
        slot("2026-11-28T09:00:00Z", "2026-11-28T09:45:00Z"),
    )
    assert list(parse_slots(body, QUERY).days) == [FRIDAY + timedelta(days=1)]


@each_row(
    "body",
    [
        None,
        [],
        "text",
        {},
        {"data": None},
        {"data": []},
        {"data": {"2026-11-27": None}},
        {"data": {"2026-11-27": ["2026-11-27T09:00:00Z"]}},
        answer({"start": "2026-11-27T09:00:00Z"}),
        answer({"start": 5, "end": 6}),
        answer(slot("morgen", "2026-11-27T09:45:00Z")),
        answer(slot("2026-11-27T09:00:00", "2026-11-27T09:45:00")),  # without an offset
        answer(slot("2026-11-27T09:00:00", "2026-11-27T09:45:00Z")),
        answer(slot("2026-11-27T09:45:00Z", "2026-11-27T09:00:00Z")),
        answer(slot("2026-11-27T09:45:00Z", "2026-11-29T09:00:00Z")),
        answer(slot("0001-01-01T00:00:00+14:00", "0001-01-01T00:45:00+14:00")),
        answer(slot("9999-12-31T23:59:00-12:00", "9999-12-31T23:59:30-12:00")),
        answer(*[slot("2026-11-27T09:00:00Z", "2026-11-27T09:45:00Z")] * 20_001),
    ],
)
def test_body_without_slot_list_is_unreadable(body: Any) -> None:
    with pytest.raises(SlotsUnreadable):
        parse_slots(merge_bodies([body]), QUERY)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.datetimes().map(lambda at: at.isoformat()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "start", "end", "x"]), inner),
    max_leaves=12,
)


@given(_JSON)
def test_no_body_makes_the_parser_crash(body: Any) -> None:
    for tried in (body, {"data": body}, {"data": {"2026-11-27": [body]}}):
        try:
            parse_slots(merge_bodies([tried]), QUERY)
        except SlotsUnreadable:
            continue
