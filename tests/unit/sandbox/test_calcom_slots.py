"""Free slots of the Cal.com simulator follow docs/vendors/calcom.md."""

import json
from datetime import timedelta
from typing import Any

import pytest
from calcom_api import ATTENDEE, BOOKINGS, SLOTS, book, control, hook, message, seed, slots, starts
from sandbox_clients import Api, Receiver

from tests.worlds.clock import FixedClock

pytestmark = pytest.mark.nightly

OTHER = {**ATTENDEE, "email": "call+2@salon.example"}
HOURS = [{"days": ["Friday"], "startTime": "09:00", "endTime": "12:00"}]


async def opens(calcom: Api, host: str | None = None, **schedule: Any) -> None:
    """Let a host work on Friday mornings only, or as `schedule` says."""
    await control(calcom, "hosts", expect=200, host=host, **{"availability": HOURS, **schedule})


async def test_slots_are_grouped_by_dates_in_their_zone(calcom: Api) -> None:
    """Without a zone in the query, dates and times are UTC."""
    await seed(calcom, lengthInMinutes=60)
    await opens(calcom)
    days = await slots(calcom)
    assert days == {"2026-11-27": [{"start": f"2026-11-27T{hour:02}:00:00.000+01:00"} for hour in (9, 10, 11)]}
    query = {"eventTypeId": 1001, "start": "2026-11-27", "end": "2026-11-27"}
    in_utc = await calcom("GET", "/v2/slots", version=SLOTS, **query)
    assert in_utc["data"]["2026-11-27"][0] == {"start": "2026-11-27T08:00:00.000Z"}
    far = await slots(calcom, timeZone="Pacific/Kiritimati")
    assert list(far) == ["2026-11-27", "2026-11-28"], "09:00 in Berlin is 22:00 there, and 11:00 the next day"


async def test_slots_include_the_last_day_without_empty_days(calcom: Api) -> None:
    await seed(calcom, lengthInMinutes=60)
    await opens(calcom)
    days = await slots(calcom, "2026-11-26", "2026-11-28", format="range")
    assert list(days) == ["2026-11-27"]
    assert days["2026-11-27"][0] == {"start": "2026-11-27T09:00:00.000+01:00", "end": "2026-11-27T10:00:00.000+01:00"}


async def test_midnight_as_end_ends_that_day(calcom: Api) -> None:
    """So one day more than requested is listed, also if midnight is given as a time."""
    await seed(calcom, lengthInMinutes=180)
    await opens(calcom, availability=[{"days": ["Friday", "Saturday"], "startTime": "09:00", "endTime": "12:00"}])
    days = await slots(calcom, "2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z")
    assert list(days) == ["2026-11-27", "2026-11-28"]
    assert list(await slots(calcom, "2026-11-27T00:00:00Z", "2026-11-28T00:01:00Z")) == ["2026-11-27"]


@pytest.mark.parametrize(("query", "text"), [
    ({"start": "2026-11-28"}, "Invalid time range given - check the 'start' and 'end' query parameters."),
    ({"start": "soon"}, "property is wrong"), ({"timeZone": "Mars/Crater"}, "timeZone property is wrong"),
    ({"format": "list"}, "format property is wrong"), ({"date": "2026-11-27"}, "date property is wrong"),
])  # fmt: skip
async def test_wrong_slot_queries_are_400(calcom: Api, query: dict[str, Any], text: str) -> None:
    await seed(calcom)
    query = {"eventTypeId": 1001, "start": "2026-11-27", "end": "2026-11-27", **query}
    assert text in message(await calcom("GET", "/v2/slots", version=SLOTS, expect=400, **query))


async def test_slots_without_version_header_are_404(calcom: Api) -> None:
    await seed(calcom)
    query = {"eventTypeId": 1001, "start": "2026-11-27", "end": "2026-11-27"}
    for version in ("2024-08-13", "2024-04-15"):
        refused = await calcom("GET", "/v2/slots", version=version, expect=404, **query)
        assert message(refused).startswith("Cannot GET /v2/slots")
    gone = await calcom("GET", "/v2/slots", version=SLOTS, expect=404, **{**query, "eventTypeId": 7})
    assert message(gone) == "Event Type not found"


async def test_booking_with_buffers_is_unavailable_and_shifts_others(calcom: Api) -> None:
    """Later starts count from the booking's end, rounded to the grid of the interval."""
    await seed(calcom, afterEventBuffer=10)
    await opens(calcom)
    assert await starts(calcom) == ["09:00", "09:45", "10:30", "11:15"]
    await book(calcom, start="2026-11-27T08:45:00Z")
    assert await starts(calcom) == ["10:45"], "45 + 10 minutes before 09:45 are too long, 10:40 is rounded up"


async def test_the_interval_sets_the_distance_of_slots(calcom: Api) -> None:
    await seed(calcom, lengthInMinutes=120, slotInterval=30)
    await opens(calcom)
    assert await starts(calcom) == ["09:00", "09:30", "10:00"]


async def test_linked_calendars_overrides_and_absences_are_merged(calcom: Api) -> None:
    await seed(calcom, lengthInMinutes=60)
    await opens(calcom)
    busy = await control(calcom, "busy", start="2026-11-27T09:00:00Z", end="2026-11-27T10:00:00Z")
    assert await starts(calcom) == ["09:00", "11:00"]
    await book(calcom, start="2026-11-27T09:00:00Z", expect=400)
    await control(calcom, "busy", expect=200, delete=busy["id"])
    assert await starts(calcom) == ["09:00", "10:00", "11:00"]
    await opens(calcom, overrides=[{"date": "2026-11-27", "startTime": "15:00", "endTime": "16:00"}])
    assert await starts(calcom) == ["15:00"]
    await opens(calcom, overrides=[])
    absence = await control(calcom, "absences", start="2026-11-27T12:00:00Z", end="2026-11-27T13:00:00Z")
    assert await starts(calcom) == [], "an absence is whole days, whatever times were sent"
    await control(calcom, "absences", expect=200, delete=absence["id"])
    assert await starts(calcom) == ["09:00", "10:00", "11:00"]


async def test_availability_until_2359_ends_at_midnight(calcom: Api) -> None:
    await seed(calcom, lengthInMinutes=60)
    await opens(calcom, availability=[{"days": ["Friday"], "startTime": "22:00", "endTime": "23:59"}])
    assert await starts(calcom) == ["22:00", "23:00"]


async def test_notice_window_and_limits_restrict_slots(calcom: Api) -> None:
    """The clock's Friday is the 20th, 10:00 in Berlin."""
    await seed(calcom, lengthInMinutes=60, minimumBookingNotice=90, bookingWindow={"type": "calendarDays", "value": 6})
    await opens(calcom)
    assert await starts(calcom, "2026-11-20", "2026-11-20") == [], "11:30 is rounded up to 12:00, when the host leaves"
    assert await starts(calcom) == [], "seven days ahead"
    await seed(calcom, lengthInMinutes=60, bookingLimitsCount={"day": 1})
    await book(calcom, start="2026-11-27T08:00:00Z")
    assert await starts(calcom) == []
    assert len(await starts(calcom, "2026-12-04", "2026-12-04")) == 3
    assert message(await book(calcom, start="2026-11-27T10:00:00Z", expect=403)) == "booking_limit_reached"
    await seed(calcom, 1002, lengthInMinutes=60, bookingLimitsDuration={"week": 90})
    await book(calcom, eventTypeId=1002, start="2026-12-04T08:00:00Z")
    assert await starts(calcom, "2026-12-04", "2026-12-04", eventTypeId=1002) == []
    late = await book(calcom, eventTypeId=1002, start="2026-12-04T10:00:00Z", expect=403)
    assert message(late) == "duration_limit_reached"


async def test_pending_booking_blocks_only_if_event_type_does(calcom: Api) -> None:
    await seed(calcom, lengthInMinutes=180, confirmationPolicy={"type": "always"})
    await opens(calcom)
    await book(calcom, start="2026-11-27T08:00:00Z")
    assert await starts(calcom) == ["09:00"]
    await seed(calcom, 1002, lengthInMinutes=180, confirmationPolicy={
        "type": "always", "blockUnconfirmedBookingsInBooker": True,
    })  # fmt: skip
    await book(calcom, eventTypeId=1002, start="2026-12-04T08:00:00Z")
    assert await starts(calcom, "2026-12-04", "2026-12-04") == []


async def test_event_type_offers_several_lengths(calcom: Api) -> None:
    await seed(calcom, lengthInMinutes=60, lengthInMinutesOptions=[60, 90])
    await opens(calcom)
    assert await starts(calcom, duration=90) == ["09:00", "10:30"]
    assert (await book(calcom, lengthInMinutes=90, start="2026-11-27T09:30:00Z"))["data"]["duration"] == 90
    assert "The possible lengths are: 60, 90" in message(await book(calcom, lengthInMinutes=45, expect=400))
    await seed(calcom, 1002)
    refused = await book(calcom, eventTypeId=1002, lengthInMinutes=45, expect=400)
    assert message(refused).startswith("Can't specify 'lengthInMinutes'")


async def test_seats_are_counted_and_taken(calcom: Api) -> None:
    await seed(calcom, lengthInMinutes=180, seats={"seatsPerTimeSlot": 2, "showAttendeeInfo": True})
    await opens(calcom)
    at, free = "2026-11-27T08:00:00Z", {"seatsBooked": 0, "seatsRemaining": 2, "seatsTotal": 2}
    (slot,) = (await slots(calcom))["2026-11-27"]
    assert {name: slot[name] for name in free} == free
    first, second = (await book(calcom, start=at))["data"], None
    (slot,) = (await slots(calcom))["2026-11-27"]
    assert (slot["seatsRemaining"], slot["bookingUid"]) == (1, first["uid"])
    again = await book(calcom, start=at, expect=409)
    assert message(again).startswith("already_signed_up"), "an address has one seat at a time"
    second = (await book(calcom, start=at, attendee=OTHER))["data"]
    assert (second["uid"], second["seatUid"] != first["seatUid"]) == (first["uid"], True)
    assert [attendee["seatUid"] for attendee in second["attendees"]] == [first["seatUid"], second["seatUid"]]
    assert await slots(calcom) == {}
    await book(calcom, start=at, expect=400)
    left = await calcom("POST", f"/v2/bookings/{first['uid']}/cancel", {"seatUid": first["seatUid"]})
    assert (left["data"]["status"], len(left["data"]["attendees"])) == ("accepted", 1)


async def test_cancelled_seat_looks_booked_and_lists_no_change(
    calcom: Api, clock: FixedClock, receiver: Receiver
) -> None:
    await hook(calcom, receiver, webhook_delay_ms=-1)
    await seed(calcom, lengthInMinutes=180, seats={"seatsPerTimeSlot": 2})
    await opens(calcom)
    at = "2026-11-27T08:00:00Z"
    first = (await book(calcom, start=at))["data"]
    second = (await book(calcom, start=at, attendee=OTHER))["data"]
    clock.advance(timedelta(minutes=1))
    since = f"{clock.now():%Y-%m-%dT%H:%M:%SZ}"
    await calcom("POST", f"/v2/bookings/{first['uid']}/cancel", {"seatUid": second["seatUid"]})
    _, body = receiver.at("/hook")[-1]
    payload = json.loads(body)["payload"]
    assert (payload["uid"], payload["status"], payload["seatsPerTimeSlot"]) == (first["uid"], "CANCELLED", 2)
    assert [attendee["email"] for attendee in payload["attendees"]] == [OTHER["email"]]
    assert second["seatUid"] not in body.decode(), "which seat it was is not said"
    changed = await calcom("GET", "/v2/bookings", afterUpdatedAt=since, version=BOOKINGS)
    assert changed["data"] == []


async def test_round_robin_shares_bookings_and_names_the_host(calcom: Api) -> None:
    team = {"lengthInMinutes": 180, "schedulingType": "roundRobin", "hosts": ["anna", "mehmet"]}
    hosts = await seed(calcom, **team, rrHostSubsetEnabled=True)
    ids = [host["userId"] for host in hosts["hosts"]]
    for name in ("anna", "mehmet"):
        await opens(calcom, name)
    mails = [{"name": f"E{n}", "timeZone": "Europe/Berlin", "email": f"{n}@salon.example"} for n in range(3)]
    first, second = [(await book(calcom, start="2026-11-27T08:00:00Z", attendee=a))["data"] for a in mails[:2]]
    assert [first["hosts"][0]["id"], second["hosts"][0]["id"]] == ids
    refused = await book(calcom, start="2026-11-27T08:00:00Z", attendee=mails[2], expect=400)
    assert message(refused).startswith("One of the hosts either already has booking")
    again = (await book(calcom, start="2026-11-27T08:00:00Z", attendee=mails[0]))["data"]
    assert again["uid"] == first["uid"], "the same attendee at the same time finds the first booking"
    await calcom("POST", f"/v2/bookings/{second['uid']}/cancel", {})
    assert await starts(calcom, rrHostSubsetIds=ids[0]) == []
    assert await starts(calcom, rrHostSubsetIds=ids[1]) == ["09:00"]
    await seed(calcom, 1002, **team)
    asked = {"eventTypeId": 1002, "rrHostSubsetIds": ids[0]}
    assert await starts(calcom, **asked) == ["09:00"], "ignored where it is not switched on"
    other = {"name": "E9", "timeZone": "Europe/Berlin", "email": "9@salon.example"}
    start, only = "2026-11-27T08:00:00Z", [ids[0]]
    booked = await book(calcom, eventTypeId=1002, start=start, attendee=other, rrHostSubsetIds=only)
    assert booked["data"]["hosts"][0]["id"] == ids[1]


async def test_collective_event_type_needs_all_hosts_unlike_managed(calcom: Api) -> None:
    await seed(calcom, lengthInMinutes=60, schedulingType="collective", hosts=["anna", "mehmet"])
    for name in ("anna", "mehmet"):
        await opens(calcom, name)
    await control(calcom, "busy", host="anna", start="2026-11-27T08:00:00Z", end="2026-11-27T09:00:00Z")
    await control(calcom, "busy", host="mehmet", start="2026-11-27T09:00:00Z", end="2026-11-27T10:00:00Z")
    assert await starts(calcom) == ["11:00"]
    await book(calcom, start="2026-11-27T08:00:00Z", expect=400)
    await seed(calcom, 1002, schedulingType="managed", hosts=["anna"])
    assert await slots(calcom, eventTypeId=1002) == {}
    assert "parent managed event type that can't be booked" in message(await book(calcom, eventTypeId=1002, expect=400))


async def test_slots_may_be_out_of_range_or_shifted(calcom: Api) -> None:
    """Two errors that Cal.com had, and that a client must tolerate: booking such a slot is refused."""
    await seed(calcom, lengthInMinutes=60)
    await opens(calcom)
    asked = ("2026-11-27T09:00:00Z", "2026-11-27T09:30:00Z")
    assert await starts(calcom, *asked) == ["10:00"]
    await calcom("POST", "/_sim/settings", {"slots_outside_minutes": 60})
    assert await starts(calcom, *asked) == ["09:00", "10:00", "11:00"]
    await calcom("POST", "/_sim/settings", {"slots_outside_minutes": 0, "slots_clock_change_error": 1})
    assert await starts(calcom, "2027-03-26", "2027-03-26") == ["09:00", "10:00", "11:00"]
    after = await slots(calcom, "2027-03-26", "2027-04-02")
    assert after["2027-04-02"][0]["start"] == "2027-04-02T10:00:00.000+02:00"
    await book(calcom, start="2027-04-02T10:00:00Z", expect=400)  # the last of them, 12:00 in Berlin
