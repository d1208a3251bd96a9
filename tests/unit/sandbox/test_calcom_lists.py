"""The Cal.com simulator's lists, absences, and disturbances of webhooks follow docs/vendors/calcom.md."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from calcom_api import ATTENDEE, EVENT_TYPES, HOOK, book, control, hook, message, seed
from sandbox_clients import Api, Receiver

from tests.worlds.clock import FixedClock
from tests.worlds.waiting import eventually

pytestmark = pytest.mark.nightly


async def uids(calcom: Api, **query: Any) -> list[str]:
    return [b["uid"] for b in (await calcom("GET", "/v2/bookings", **query))["data"]]


async def test_changed_bookings_are_found_by_change_time(calcom: Api, clock: FixedClock) -> None:
    """A move makes a new booking and changes the old one, so both are listed. The filter includes its own time."""
    await seed(calcom)
    first = (await book(calcom))["data"]["uid"]
    second = (await book(calcom, start="2026-11-27T08:00:00Z"))["data"]["uid"]
    clock.advance(timedelta(minutes=5))
    since = clock.now().isoformat().replace("+00:00", "Z")
    move = {"start": "2026-11-27T10:00:00Z"}
    moved = (await calcom("POST", f"/v2/bookings/{first}/reschedule", move, expect=201))["data"]["uid"]
    assert await uids(calcom, afterUpdatedAt=since, sortUpdatedAt="asc") == [first, moved]
    clock.advance(timedelta(minutes=5))
    await calcom("POST", f"/v2/bookings/{second}/cancel", {})
    assert await uids(calcom, afterUpdatedAt=since, sortUpdatedAt="asc") == [first, moved, second]
    assert await uids(calcom, afterUpdatedAt=since, sortUpdatedAt="desc", take=1) == [second]
    assert await uids(calcom, beforeUpdatedAt=since, sortUpdatedAt="asc") == [first, moved]
    assert await uids(calcom, afterCreatedAt=since) == [moved]
    assert await uids(calcom, bookingUid=moved) == [moved]


async def test_status_filter_uses_calcoms_own_words(calcom: Api, clock: FixedClock) -> None:
    """`upcoming` includes bookings that wait for confirmation, and no booking that began over an hour ago."""
    await seed(calcom, lengthInMinutes=120)
    await seed(calcom, 1002, confirmationPolicy={"type": "always"}, host="mehmet")
    soon = (await book(calcom, start="2026-11-20T09:30:00Z"))["data"]["uid"]
    gone = (await book(calcom, start="2026-11-21T09:30:00Z"))["data"]["uid"]
    waits = (await book(calcom, eventTypeId=1002))["data"]["uid"]
    await calcom("POST", f"/v2/bookings/{gone}/cancel", {})
    assert await uids(calcom) == [soon, gone, waits], "by start, without a filter all"
    assert await uids(calcom, status="upcoming") == [soon, waits]
    assert await uids(calcom, status="unconfirmed") == [waits]
    assert await uids(calcom, status="cancelled") == [gone]
    clock.advance(timedelta(minutes=95))  # an hour and five minutes after its start, 55 minutes before its end
    assert await uids(calcom, status="upcoming,past") == [waits], "it has not ended, and is nowhere"
    clock.advance(timedelta(hours=1))
    assert await uids(calcom, status="past") == [soon]
    await calcom("GET", "/v2/bookings", status="accepted", expect=400)


async def test_total_of_a_full_page_may_be_estimated(calcom: Api) -> None:
    await seed(calcom)
    await book(calcom)
    await calcom("POST", "/_sim/settings", {"estimated_total": 9})
    assert (await calcom("GET", "/v2/bookings", take=1))["pagination"]["totalItems"] == 10
    assert (await calcom("GET", "/v2/bookings", take=2))["pagination"]["totalItems"] == 1


async def test_event_type_list_has_no_pages_or_teams(calcom: Api) -> None:
    fields = [
        {"type": "text", "slug": "hair", "label": "Haarlänge", "required": True, "hidden": False},
        {"type": "phone", "slug": "attendeePhoneNumber", "required": False, "hidden": True},
    ]
    await seed(calcom, 1001, bookingFields=fields, lengthInMinutesOptions=[45, 60])
    await seed(calcom, 1002, hidden=True)
    await seed(calcom, 1003, schedulingType="roundRobin", hosts=["anna", "mehmet"])
    calcom.version = EVENT_TYPES
    listed = (await calcom("GET", "/v2/event-types", sortCreatedAt="desc"))["data"]
    assert [event_type["id"] for event_type in listed] == [1002, 1001]
    slugs = {field["slug"] for field in listed[1]["bookingFields"]}
    assert ("hair" in slugs, "attendeePhoneNumber" in slugs, "title" in slugs) == (True, False, False)
    (whole,) = [e for e in listed if e["id"] == 1001]
    assert (whole["lengthInMinutesOptions"], whole["seats"]) == ([45, 60], {"disabled": True})
    me = (await calcom("GET", "/v2/me"))["data"]
    others = await calcom("GET", "/v2/event-types", key="cal_other", username=me["username"])
    assert [event_type["id"] for event_type in others["data"]] == [1001], "without the hidden one"
    found = await calcom("GET", "/v2/event-types", username=me["username"], eventSlug="schnitt-1001")
    assert [event_type["id"] for event_type in found["data"]] == [1001]
    one = (await calcom("GET", "/v2/event-types/1003"))["data"]
    assert (one["schedulingType"], [host["name"] for host in one["hosts"]]) == ("roundRobin", ["anna", "mehmet"])
    team = (await calcom("GET", f"/v2/teams/{one['teamId']}/event-types"))["data"]
    assert [event_type["id"] for event_type in team] == [1003]
    await calcom("GET", "/v2/teams/1/event-types", expect=403)


async def test_required_booking_fields_need_a_response(calcom: Api) -> None:
    await seed(calcom, bookingFields=[{"type": "text", "slug": "hair", "required": True}])
    assert "response: hair" in message(await book(calcom, expect=400))
    created = (await book(calcom, bookingFieldsResponses={"hair": "lang"}))["data"]
    assert created["bookingFieldsResponses"]["hair"] == "lang"


async def test_a_hidden_mail_field_drops_the_address(calcom: Api) -> None:
    """Cal.com then derives an address from the number, which it requires (calcom/cal.com#25432)."""
    await seed(calcom, bookingFields=[
        {"type": "phone", "slug": "attendeePhoneNumber", "required": True, "hidden": False},
        {"type": "email", "slug": "email", "required": False, "hidden": True},
    ])  # fmt: skip
    assert message(await book(calcom, expect=400)).startswith("Missing attendee phone number")
    created = (await book(calcom, attendee={**ATTENDEE, "phoneNumber": "+4915112345678"}))["data"]
    assert created["attendees"][0]["email"] == "4915112345678@sms.cal.com"


# Absences

DAY = {"start": "2026-12-24T09:00:00Z", "end": "2026-12-25T10:00:00Z"}


async def test_an_absence_is_whole_days_of_utc(calcom: Api) -> None:
    created = (await calcom("POST", "/v2/me/ooo", {**DAY, "reason": "vacation", "notes": "Ski"}, expect=201))["data"]
    assert (created["start"], created["end"]) == ("2026-12-24T00:00:00.000Z", "2026-12-25T23:59:59.999Z")
    assert (created["reason"], created["notes"]) == ("vacation", "Ski")
    path = f"/v2/me/ooo/{created['id']}"
    assert (await calcom("GET", "/v2/me/ooo"))["data"] == [created]
    assert (await calcom("GET", "/v2/me/ooo", skip=1))["data"] == []
    refused = await calcom("POST", "/v2/me/ooo", DAY, expect=409)
    assert message(refused) == "Ooo entry already exists."
    for wrong in ({"start": DAY["start"]}, {"start": DAY["end"], "end": "2026-12-01T00:00:00Z"},
                  {**DAY, "start": "2026-12-24"}, {**DAY, "reason": "tired"}):  # fmt: skip
        await calcom("POST", "/v2/me/ooo", wrong, expect=400)
    assert (await calcom("PATCH", path, {"reason": "sick"}))["data"]["reason"] == "sick"
    await calcom("DELETE", path, key="cal_other", expect=403)
    await calcom("DELETE", path)
    assert (await calcom("GET", "/v2/me/ooo"))["data"] == []


def triggers(receiver: Receiver) -> list[str]:
    return [json.loads(body)["triggerEvent"] for _, body in receiver.at("/hook")]


async def test_only_web_app_absences_send_a_webhook(calcom: Api, receiver: Receiver) -> None:
    await hook(calcom, receiver, webhook_delay_ms=-1)
    await calcom("POST", "/v2/me/ooo", DAY, expect=201)
    assert triggers(receiver) == []
    entered = await control(calcom, "absences", start="2026-12-28T00:00:00Z", end="2026-12-28T00:00:00Z")
    (_, body), *_ = receiver.at("/hook")
    entry = json.loads(body)["payload"]["oooEntry"]
    assert (entry["start"], entry["end"]) == ("2026-12-28T00:00:00+01:00", "2026-12-28T23:59:59+01:00")
    await control(calcom, "absences", update=entered["id"], start="2026-12-29T00:00:00Z", end="2026-12-29T00:00:00Z")
    (_, body) = receiver.at("/hook")[-1]
    changed = json.loads(body)["payload"]["oooEntry"]
    assert (changed["uuid"], changed["start"]) == (entry["uuid"], "2026-12-29T00:00:00+01:00")
    await control(calcom, "absences", delete=entered["id"], expect=200)
    await control(calcom, "absences", host="anna", start="2026-12-28T00:00:00Z", end="2026-12-28T00:00:00Z")
    assert triggers(receiver) == ["OOO_CREATED"] * 2, "nothing of a deletion, and of another user"


async def test_users_webhooks_have_no_team_events(calcom: Api, receiver: Receiver) -> None:
    await hook(calcom, receiver, webhook_delay_ms=-1)
    await seed(calcom, 1001, schedulingType="roundRobin", hosts=["anna"])
    await seed(calcom, 1002)
    await book(calcom)
    await book(calcom, eventTypeId=1002)
    assert triggers(receiver) == ["BOOKING_CREATED"]


@pytest.mark.parametrize("copies", [1, 2])
async def test_webhooks_may_arrive_in_another_order(calcom: Api, receiver: Receiver, copies: int) -> None:
    await hook(calcom, receiver, webhook_batch=2 * copies, webhook_copies=copies, webhook_delay_ms=0)
    await seed(calcom)
    uid = (await book(calcom))["data"]["uid"]
    assert triggers(receiver) == []
    await calcom("POST", f"/v2/bookings/{uid}/cancel", {})
    expected = ["BOOKING_CANCELLED"] * copies + ["BOOKING_CREATED"] * copies
    await eventually(lambda: triggers(receiver) == expected)


async def test_unknown_event_types_beside_known_are_ignored(calcom: Api) -> None:
    await seed(calcom)
    uid = (await book(calcom))["data"]["uid"]
    assert await uids(calcom, eventTypeIds="1001,7777") == [uid]
    await calcom("GET", "/v2/bookings", eventTypeIds="7777", expect=400)


async def test_two_bookings_at_once_may_both_be_made(calcom: Api) -> None:
    """Cal.com checks first, and inserts later. If made one after the other, the second is refused."""
    await seed(calcom)
    await calcom("POST", "/_sim/settings", {"insert_delay_ms": 50})
    overlapping = ("2026-11-27T09:00:00Z", "2026-11-27T09:30:00Z")
    first, second = await asyncio.gather(*(book(calcom, start=start) for start in overlapping))
    assert first["data"]["hosts"] == second["data"]["hosts"]
    assert first["data"]["end"] > second["data"]["start"]
    await book(calcom, start="2026-11-27T09:15:00Z", expect=400)


async def test_a_move_may_be_reported_as_a_request(calcom: Api, receiver: Receiver) -> None:
    await hook(calcom, receiver, webhook_delay_ms=-1, moves_are_requests=1)
    await seed(calcom)
    old = (await book(calcom))["data"]["uid"]
    new = (await calcom("POST", f"/v2/bookings/{old}/reschedule", {"start": "2026-11-27T09:00:00Z"}, expect=201))[
        "data"
    ]
    event = json.loads(receiver.at("/hook")[-1][1])
    assert triggers(receiver) == ["BOOKING_CREATED", "BOOKING_REQUESTED"]
    assert event["payload"]["uid"] == new["uid"]
    assert (event["payload"]["rescheduleUid"], event["payload"]["status"]) == (old, "ACCEPTED")


@pytest.mark.parametrize(("action", "asks"), [("cancel", False), ("ask-again", True)])
async def test_only_a_flag_separates_rescheduling_from_cancellation(
    calcom: Api, receiver: Receiver, action: str, asks: bool
) -> None:
    await hook(calcom, receiver, webhook_delay_ms=-1)
    await seed(calcom)
    uid = (await book(calcom))["data"]["uid"]
    cancelled = await control(calcom, "dashboard", expect=200, action=action, uid=uid)
    assert cancelled["status"] == "cancelled"
    assert "rescheduledToUid" not in cancelled
    event = json.loads(receiver.at("/hook")[-1][1])
    assert (event["triggerEvent"], event["payload"]["requestReschedule"]) == ("BOOKING_CANCELLED", asks)


@pytest.mark.parametrize("url", ["http://salon.example/hook", "https://127.0.0.1/hook", "https://10.0.0.7/hook"])
async def test_a_hosted_server_sends_to_public_https_only(calcom: Api, url: str) -> None:
    body = {**HOOK, "subscriberUrl": url}
    await calcom("POST", "/_sim/settings", {"hosted": 1})
    assert message(await calcom("POST", "/v2/webhooks", body, expect=400)).startswith("Webhook URL is not allowed")
    public = {**HOOK, "subscriberUrl": "https://salon.example/hook"}
    hook_id = (await calcom("POST", "/v2/webhooks", public, expect=201))["data"]["id"]
    await calcom("PATCH", f"/v2/webhooks/{hook_id}", {"subscriberUrl": url}, expect=400)
    await calcom("POST", "/_sim/settings", {"hosted": 0})
    await calcom("POST", "/v2/webhooks", body, expect=201)
