"""The Cal.com simulator follows the odd rules of docs/vendors/calcom.md."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from calcom_api import AT, ATTENDEE, HOOK, book, booking_body, control, hook, message, seed
from sandbox_clients import Api, Receiver

from askproai_core.signature_verdict import Verdict
from askproai_runtime.intake import Source
from askproai_runtime.intake.signatures import verify
from tests.worlds.clock import FixedClock

pytestmark = pytest.mark.nightly


async def test_errors_are_wrapped_and_carry_a_request_id(calcom: Api) -> None:
    """Answers have an envelope, except some errors of bookings."""
    refused = await calcom("GET", "/v2/me", key="sk_wrong", expect=401)
    assert refused["status"] == "error"
    assert {"timestamp", "path", "error"} <= refused.keys()
    assert calcom.headers["X-Request-Id"]
    assert (await calcom("GET", "/v2/me"))["data"]["timeZone"] == "Europe/Berlin"


async def test_a_wrong_version_is_refused_at_each_endpoint(calcom: Api) -> None:
    """Each endpoint has its own version. No version means 2024-04-15, which is not simulated (calcom/cal.com#19402)."""
    await seed(calcom)
    calcom.version = None
    for version in (None, "2099-01-01", "2024-04-15"):
        for method, path, own in (
            ("GET", "/v2/event-types/1001", "2024-06-14"), ("GET", "/v2/bookings", "2024-08-13"),
            ("POST", "/v2/bookings", "2024-08-13"),
        ):  # fmt: skip
            refused = await calcom(
                method, path, booking_body() if method == "POST" else None, version=version, expect=404
            )
            assert message(refused) == f"Cannot {method} {path}"
            expect = {"GET": 200, "POST": 400}[method]
            await calcom(method, path, {} if method == "POST" else None, version=own, expect=expect)
    await calcom("GET", "/v2/event-types/1001", version="2024-08-13", expect=404)
    await calcom("GET", "/v2/webhooks")  # needs none


async def test_unknown_keys_of_bookings_are_refused(calcom: Api) -> None:
    """Cal.com validates these bodies with `forbidNonWhitelisted`."""
    await seed(calcom)
    assert "endTime property is wrong" in message(await book(calcom, endTime=AT, expect=400))
    assert "phone property is wrong" in message(await book(calcom, attendee={**ATTENDEE, "phone": "1"}, expect=400))
    await calcom("GET", "/v2/bookings", startTime="x", expect=400)


async def test_taken_slots_are_refused_with_400(calcom: Api) -> None:
    """A taken slot is 400 far more often than 409. So is a retry of a booking that succeeded."""
    await seed(calcom, afterEventBuffer=10)
    created = (await book(calcom))["data"]
    assert (created["status"], created["start"], created["duration"]) == ("accepted", "2026-11-27T13:30:00.000Z", 45)
    taken = "User either already has booking at this time or is not available"
    # Same time, buffer, Sunday, night.
    for start in (AT, "2026-11-27T14:20:00Z", "2026-11-29T10:00:00Z", "2026-11-27T22:30:00Z"):
        assert message(await book(calcom, start=start, expect=400)) == taken
    await book(calcom, start="2026-11-27T14:25:00Z")
    assert message(await book(calcom, start="2026-11-19T10:00:00Z", expect=400)).startswith("Attempting to book")


async def test_two_event_types_of_one_user_share_hosts(calcom: Api) -> None:
    """A key acts as one user. `host` simulates the children of a managed team type."""
    await seed(calcom, 1001)
    await seed(calcom, 1002)
    await seed(calcom, 1003, host="mehmet")
    await book(calcom)
    await book(calcom, eventTypeId=1002, expect=400)
    await book(calcom, eventTypeId=1003)


@pytest.mark.parametrize("change", [
    {"attendee": {"name": "E", "timeZone": "Europe/Berlin"}}, {"attendee": {**ATTENDEE, "language": "de-AT"}},
    {"attendee": {**ATTENDEE, "timeZone": "Mars/Crater"}}, {"attendee": {**ATTENDEE, "phoneNumber": "12"}},
    {"metadata": {f"k{n}": 1 for n in range(51)}}, {"metadata": {"k" * 41: 1}}, {"metadata": {"k": "v" * 501}},
    {"metadata": {"k": None}}, {"metadata": {"k": {}}}, {"start": "soon"}, {"start": 20261127},
        {"eventTypeId": "1001"}, {"lengthInMinutes": 30},
    {"location": {"type": "phone"}},
])  # fmt: skip
async def test_calcom_booking_body_is_checked(calcom: Api, change: dict[str, Any]) -> None:
    """Fields of the attendee, the enum of languages, the limits of metadata."""
    await seed(calcom)
    await book(calcom, expect=400, **change)


async def test_caller_with_phone_only_needs_our_mail_address(calcom: Api) -> None:
    """The booking fields of the event type are checked, and they require a mail address."""
    only_phone = {"name": "Erika", "timeZone": "Europe/Berlin", "phoneNumber": "+4915112345678"}
    await seed(calcom)
    assert message(await book(calcom, attendee=only_phone, expect=400)) == "responses - {email}error_required_field"
    created = (await book(calcom, attendee={**only_phone, "email": ATTENDEE["email"]}))["data"]
    assert created["attendees"][0]["phoneNumber"] == "+4915112345678"


async def test_list_finds_a_booking_by_type_and_time(calcom: Api) -> None:
    """After an unknown outcome the runtime searches this list for its metadata."""
    await seed(calcom)
    created = (await book(calcom, metadata={"requestId": "r-1"}))["data"]
    query = {"eventTypeId": 1001, "afterStart": "2026-11-27T13:30:00Z", "beforeEnd": "2026-11-27T14:15:00Z"}
    found = await calcom("GET", "/v2/bookings", **query)
    assert [b["metadata"]["requestId"] for b in found["data"]] == ["r-1"]
    assert found["pagination"] == {
        "totalItems": 1,
        "remainingItems": 0,
        "returnedItems": 1,
        "itemsPerPage": 100,
        "currentPage": 1,
        "totalPages": 1,
        "hasNextPage": False,
        "hasPreviousPage": False,
    }
    await seed(calcom, 1002)
    for other in ({"eventTypeId": 1002}, {"afterStart": "2026-11-27T13:31:00Z"}, {"beforeEnd": "2026-11-27T14:14:00Z"}):
        assert (await calcom("GET", "/v2/bookings", **other))["data"] == []
    assert (await calcom("GET", "/v2/bookings", skip=1))["pagination"]["hasPreviousPage"] is True
    for wrong in (
        {"take": 251}, {"take": 0}, {"status": "accepted"}, {"phone": "1"}, {"afterStart": "soon"}, {"cursor": "x"},
        {"eventTypeId": 7},
    ):  # fmt: skip
        await calcom("GET", "/v2/bookings", **wrong, expect=400)
    await calcom("GET", "/v2/bookings", key="nonsense", expect=401)
    assert (await calcom("GET", "/v2/bookings", key="cal_other"))["data"] == []
    assert (await calcom("GET", f"/v2/bookings/{created['uid']}"))["data"]["uid"] == created["uid"]


async def test_cancel_errors_have_no_envelope(calcom: Api) -> None:
    """Cancelling twice is 400, without the envelope."""
    await seed(calcom)
    path = f"/v2/bookings/{(await book(calcom))['data']['uid']}/cancel"
    assert (await calcom("POST", path, {"cancellationReason": "x"}))["data"]["status"] == "cancelled"
    again = await calcom("POST", path, {}, expect=400)
    assert again == {"statusCode": 400, "message": "This booking has already been cancelled."}
    await calcom("POST", "/v2/bookings/unknown/cancel", {}, expect=404)
    await book(calcom)


async def test_owner_marks_absent_guest_after_the_start(calcom: Api, clock: FixedClock) -> None:
    await seed(calcom)
    booking = (await book(calcom))["data"]
    path, email = f"/v2/bookings/{booking['uid']}/mark-absent", booking["attendees"][0]["email"]
    absent = {"attendees": [{"email": email, "absent": True}]}
    await calcom("POST", path, absent, expect=400)
    clock.advance(datetime.fromisoformat(booking["start"]) - clock.now())
    await calcom("POST", path, {"attendees": []}, expect=400)
    await calcom("POST", path, {"attendees": [{"email": "other@example.com", "absent": True}]}, expect=404)
    await calcom("POST", path, absent, key="cal_other", expect=403)
    marked = (await calcom("POST", path, absent))["data"]
    assert (marked["status"], marked["attendees"][0]["absent"]) == ("accepted", True)


async def test_calcom_move_makes_a_new_booking_uid(calcom: Api) -> None:
    """The old booking is cancelled, with rescheduledToUid. Moving it again is 400. Its own time does not count as taken."""
    await seed(calcom)
    old = (await book(calcom, metadata={"requestId": "r"}))["data"]
    path = f"/v2/bookings/{old['uid']}/reschedule"
    new = (await calcom("POST", path, {"start": "2026-11-27T13:45:00Z"}, expect=201))["data"]
    assert (new["rescheduledFromUid"], new["metadata"]) == (old["uid"], {"requestId": "r"})
    was = (await calcom("GET", f"/v2/bookings/{old['uid']}"))["data"]
    assert (was["status"], was["rescheduledToUid"]) == ("cancelled", new["uid"])
    await calcom("POST", path, {"start": AT}, expect=400)


async def test_repeated_request_for_confirmation_type_finds_first_booking(calcom: Api) -> None:
    """Such bookings are `pending`. Only here does a repeated request return the existing booking."""
    await seed(calcom, confirmationPolicy={"type": "always"})
    first, second = (await book(calcom))["data"], (await book(calcom))["data"]
    assert first["status"] == "pending"
    assert first["uid"] == second["uid"]


async def test_webhooks_are_unique_by_url_with_secret(calcom: Api) -> None:
    """The same URL is 409, ids are UUIDs, the secret is in plain text, unknown triggers are 400; no pagination object."""
    body = {**HOOK, "subscriberUrl": "http://127.0.0.1:9/hook"}
    created = (await calcom("POST", "/v2/webhooks", body, expect=201))["data"]
    assert str(uuid.UUID(created["id"])) == created["id"]
    refused = await calcom("POST", "/v2/webhooks", body, expect=409)
    assert message(refused) == "Webhook with this subscriber url already exists for this user"
    listed = await calcom("GET", "/v2/webhooks", take=250)
    assert listed["data"][0]["secret"] == "geheim"
    assert "pagination" not in listed
    assert (await calcom("GET", "/v2/webhooks", skip=1))["data"] == []
    path = f"/v2/webhooks/{created['id']}"
    await calcom("PATCH", path, {"triggers": ["BOOKING_CONFIRMED"]}, expect=400)
    assert (await calcom("PATCH", path, {"active": False}))["data"]["active"] is False
    await calcom("PATCH", path, {"version": "2020-01-01"}, expect=400)
    await calcom("PATCH", path, {"active": True}, key="cal_other", expect=403)
    await calcom("POST", "/v2/webhooks", {"subscriberUrl": "https://x.example"}, expect=400)
    await calcom("DELETE", path)
    await calcom("DELETE", path, expect=404)
    await calcom("POST", "/v2/webhooks", {**body, "subscriberUrl": "http://169.254.169.254/x"}, expect=400)
    assert "geheim" not in str(await calcom.journal())


async def deliveries(calcom: Api, count: int) -> list[dict[str, Any]]:
    for _ in range(200):
        found = (await calcom("GET", "/_sim/deliveries"))["deliveries"]
        if len(found) >= count:
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(f"{count} deliveries were expected, there are {found}")


async def test_webhook_is_signed_and_sent_only_once(calcom: Api, receiver: Receiver) -> None:
    """At most once, with the status in capitals and times without milliseconds. A failure is only recorded."""
    await seed(calcom)
    await hook(calcom, receiver)
    receiver.answers["/hook"] = [aiohttp.web.Response(status=500), {}]
    uid = (await book(calcom))["data"]["uid"]
    await deliveries(calcom, 1)
    await calcom("POST", f"/v2/bookings/{uid}/cancel", {})
    assert [d["status"] for d in await deliveries(calcom, 2)] == [500, 200]
    (headers, body), (_, second) = receiver.at("/hook")
    assert verify(Source.CALCOM, body, headers, ["geheim"], datetime.now(UTC)) is Verdict.VALID
    assert headers["X-Cal-Webhook-Version"] == "2021-10-20"
    assert b'"startTime":"2026-11-27T13:30:00Z"' in body
    assert b'"status":"ACCEPTED"' in body
    assert b'"triggerEvent":"BOOKING_CANCELLED"' in second


async def test_redirects_are_not_followed(calcom: Api, receiver: Receiver) -> None:
    await seed(calcom)
    await hook(calcom, receiver, "/old")
    receiver.answers["/old"] = aiohttp.web.Response(status=307, headers={"Location": f"{receiver.url}/new"})
    await book(calcom)
    assert (await deliveries(calcom, 1))[0]["status"] == 307
    assert receiver.at("/new") == []


async def test_rate_limit_blocks_for_a_minute(calcom: Api, clock: FixedClock) -> None:
    """The headers have the limiter's name. Exceeding the limit blocks the key for 60 s, without Retry-After."""
    await calcom("POST", "/_sim/settings", {"rate_limit": 2})
    await calcom("GET", "/v2/me")
    assert (calcom.headers["X-RateLimit-Limit-Default"], calcom.headers["X-RateLimit-Remaining-Default"]) == ("2", "1")
    await calcom("GET", "/v2/me")
    clock.advance(timedelta(seconds=30))
    await calcom("GET", "/v2/me", expect=429)
    assert "Retry-After" not in calcom.headers
    await calcom("GET", "/v2/me", key="cal_other")
    clock.advance(timedelta(seconds=59))
    await calcom("GET", "/v2/me", expect=429)
    clock.advance(timedelta(seconds=2))
    await calcom("GET", "/v2/me")


async def dashboard(calcom: Api, action: str, *, expect: int = 200, **fields: Any) -> Any:
    return await control(calcom, "dashboard", expect=expect, action=action, **fields)


async def test_dashboard_changes_by_a_host_send_webhooks(calcom: Api, receiver: Receiver) -> None:
    """The same events as by the API. A no-show has only the booking's ids and the attendees."""
    await seed(calcom)
    await hook(calcom, receiver, webhook_delay_ms=-1)
    created = await dashboard(calcom, "create", expect=201, **booking_body())
    moved = await dashboard(calcom, "move", uid=created["uid"], start="2026-11-27T15:00:00Z")
    assert (moved["rescheduledFromUid"], moved["uid"] != created["uid"]) == (created["uid"], True)
    absent = await dashboard(calcom, "absent", uid=moved["uid"])
    assert absent["attendees"][0]["absent"] is True
    assert (await dashboard(calcom, "cancel", uid=moved["uid"]))["status"] == "cancelled"
    events = [json.loads(body) for _, body in receiver.at("/hook")]
    assert [event["triggerEvent"] for event in events] == [
        "BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_NO_SHOW_UPDATED", "BOOKING_CANCELLED",
    ]  # fmt: skip
    assert events[1]["payload"]["rescheduleUid"] == created["uid"]
    assert events[2]["payload"]["bookingUid"] == moved["uid"]


@pytest.mark.parametrize(("copies", "delay"), [(0, 1), (2, -1), (1, -1)])
async def test_webhooks_may_be_lost_doubled_or_early(calcom: Api, receiver: Receiver, copies: int, delay: int) -> None:
    """Cal.com repeats no lost webhook, may send one twice, and sends it within the booker's own request."""
    await seed(calcom)
    await hook(calcom, receiver, webhook_copies=copies, webhook_delay_ms=delay)
    await book(calcom)
    assert len(receiver.at("/hook")) == copies
