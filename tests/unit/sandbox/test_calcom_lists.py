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
    assert await uids(calcom, afterCreatedAt=since) == [moved]


async def test_total_of_a_full_page_may_be_estimated(calcom: Api) -> None:
    await seed(calcom)
    await book(calcom)
    await calcom("POST", "/_sim/settings", {"estimated_total": 9})
    assert (await calcom("GET", "/v2/bookings", take=1))["pagination"]["totalItems"] == 10
    assert (await calcom("GET", "/v2/bookings", take=2))["pagination"]["totalItems"] == 1


async def test_team_event_type_names_its_hosts(calcom: Api) -> None:
    await seed(calcom, 1003, schedulingType="roundRobin", hosts=["anna", "mehmet"])
    found = (await calcom("GET", "/v2/event-types/1003", version=EVENT_TYPES))["data"]
    assert (found["schedulingType"], [host["name"] for host in found["hosts"]]) == ("roundRobin", ["anna", "mehmet"])


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
    created = await control(calcom, "absences", **DAY, reason="vacation", notes="Ski")
    assert (created["start"], created["end"]) == ("2026-12-24T00:00:00.000Z", "2026-12-25T23:59:59.999Z")
    assert (created["reason"], created["notes"]) == ("vacation", "Ski")
    refused = await control(calcom, "absences", **DAY, expect=400)
    assert refused["error"] == "Ooo entry already exists."
    for wrong in ({"start": DAY["start"]}, {"start": DAY["end"], "end": "2026-12-01T00:00:00Z"},
                  {**DAY, "start": "2026-12-24"}, {**DAY, "reason": "tired"}):  # fmt: skip
        await control(calcom, "absences", **wrong, expect=400)


def triggers(receiver: Receiver) -> list[str]:
    return [json.loads(body)["triggerEvent"] for _, body in receiver.at("/hook")]


async def test_absences_of_the_user_send_a_webhook(calcom: Api, receiver: Receiver) -> None:
    await hook(calcom, receiver, webhook_delay_ms=-1)
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


@pytest.mark.parametrize(
    ("field", "given", "text"),
    [
        ({"type": "number", "slug": "x"}, {"x": "18"}, "Invalid type"),
        ({"type": "multiselect", "slug": "x"}, {"x": "a"}, "Invalid type"),
        ({"type": "select", "slug": "x", "options": ["a"]}, {"x": "b"}, "Invalid option"),
        ({"type": "textarea", "slug": "notes"}, {}, "{notes}error_required_field"),
    ],
)
async def test_answers_to_booking_fields_are_checked(
    calcom: Api, field: dict[str, Any], given: dict[str, Any], text: str
) -> None:
    await seed(calcom, bookingFields=[{**field, "required": True}])
    assert text in message(await book(calcom, expect=400, bookingFieldsResponses=given))


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
