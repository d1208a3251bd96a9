"""The Cal.com simulator keeps the odd rules of reference/calcom-stripe.md; each test names its section."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from sandbox_clients import Api, Receiver

from askproai_runtime.seams import FixedClock
from askproai_sandbox.calcom import signature

AT = "2026-11-27T13:30:00Z"  # the Friday after the clock's, 14:30 in Berlin
ATTENDEE = {"name": "Erika Mustermann", "timeZone": "Europe/Berlin", "email": "call+1@salon.example", "language": "de"}
VECTORS = [  # §8, the end
    (
        (
            '{"triggerEvent":"BOOKING_CREATED","createdAt":"2026-01-01T00:00:00.000Z","payload":{"uid":"bkg_uid_001",'
            '"startTime":"2026-01-05T09:00:00Z","endTime":"2026-01-05T09:30:00Z"}}'
        ),
        "f24e41361cb07dcdbb32026ee39f1551dd61bcd292ffba9a6fa2d869d1f660d1",
    ),
    (
        (
            '{"triggerEvent":"BOOKING_CANCELLED","createdAt":"2026-01-01T00:05:00.000Z","payload":{"uid":"bkg_uid_001",'
            '"cancellationReason":"Müller sagt ab"}}'
        ),
        "5beebbc8c846e6312f3fd8852f28fb84b3af5ac8ae58fe68990fbc51655b5ae5",
    ),
]


@pytest.mark.parametrize(("body", "digest"), VECTORS)
def test_signature_is_the_vendors(body: str, digest: str) -> None:
    """§5 and the vectors of §8."""
    assert signature("cal_webhook_secret_0001", body.encode()) == digest


def test_without_a_secret_the_signature_is_a_literal() -> None:
    """§5."""
    assert signature(None, b"{}") == "no-secret-provided"


async def seed(calcom: Api, number: int = 1001, **fields: Any) -> dict[str, Any]:
    return await calcom(
        "POST",
        "/_sim/event-types",
        {
            "key": calcom.key,
            "id": number,
            "lengthInMinutes": 45,
            "title": "Haarschnitt",
            "slug": f"schnitt-{number}",
            **fields,
        },
        expect=201,
    )


def wish(**fields: Any) -> dict[str, Any]:
    return {"eventTypeId": 1001, "start": AT, "attendee": ATTENDEE, **fields}


async def book(calcom: Api, expect: int = 201, **fields: Any) -> Any:
    return await calcom("POST", "/v2/bookings", wish(**fields), expect=expect)


def message(body: dict[str, Any]) -> str:
    return body["error"]["message"] if "error" in body else body["message"]


async def test_errors_are_wrapped_and_carry_a_request_id(calcom: Api) -> None:
    """§1: the envelope."""
    refused = await calcom("GET", "/v2/me", key="sk_wrong", expect=401)
    assert refused["status"] == "error"
    assert {"timestamp", "path", "error"} <= refused.keys()
    assert calcom.headers["X-Request-Id"]
    assert (await calcom("GET", "/v2/me"))["data"]["timeZone"] == "Europe/Berlin"


async def test_a_wrong_version_falls_back_to_the_old_controller(calcom: Api) -> None:
    """§1: missing or unknown is 2024-04-15: another shape, or a 404 where no old controller exists (#19402)."""
    await seed(calcom)
    calcom.version = None
    assert "lengthInMinutes" in (await calcom("GET", "/v2/event-types/1001", version="2024-06-14"))["data"]
    for version in (None, "2099-01-01"):
        assert (await calcom("GET", "/v2/event-types/1001", version=version))["data"]["eventType"]["length"] == 45
        assert "Cannot GET" in message(await calcom("GET", "/v2/slots", version=version, expect=404))
    await calcom("GET", "/v2/event-types/1001", version="2024-08-13", expect=404)
    await calcom("POST", "/v2/bookings", wish(), expect=400)
    assert "bookings" in (await calcom("GET", "/v2/bookings"))["data"]
    await calcom("GET", "/v2/webhooks")  # needs none


async def test_unknown_keys_of_bookings_and_slots_are_refused(calcom: Api) -> None:
    """§1: forbidNonWhitelisted."""
    await seed(calcom)
    assert "endTime property is wrong" in message(await book(calcom, endTime=AT, expect=400))
    assert "phone property is wrong" in message(await book(calcom, attendee={**ATTENDEE, "phone": "1"}, expect=400))
    query = {"eventTypeId": 1001, "start": "2026-11-27", "end": "2026-11-27", "startTime": "x"}
    await calcom("GET", "/v2/slots", version="2024-09-04", expect=400, **query)


async def test_taken_slots_are_400_with_the_text(calcom: Api) -> None:
    """§4: slot gone is 400 far more often than 409; the retry of a booking that succeeded, too."""
    await seed(calcom, afterEventBuffer=10)
    made = (await book(calcom))["data"]
    assert (made["status"], made["start"], made["duration"]) == ("accepted", "2026-11-27T13:30:00.000Z", 45)
    taken = "User either already has booking at this time or is not available"
    for start in (
        AT,
        "2026-11-27T14:20:00Z",
        "2026-11-29T10:00:00Z",
        "2026-11-27T22:30:00Z",
    ):  # twin, buffer, Sunday, night
        assert message(await book(calcom, start=start, expect=400)) == taken
    await book(calcom, start="2026-11-27T14:25:00Z")
    assert message(await book(calcom, start="2026-11-19T10:00:00Z", expect=400)).startswith("Attempting to book")


async def test_two_event_types_of_one_user_share_their_host(calcom: Api) -> None:
    """§1: a key acts as one user. `host` stands for the children of a managed team type."""
    await seed(calcom, 1001)
    await seed(calcom, 1002)
    await seed(calcom, 1003, host="mehmet")
    await book(calcom)
    await book(calcom, eventTypeId=1002, expect=400)
    await book(calcom, eventTypeId=1003)


async def test_notice_and_window_have_their_own_text(calcom: Api) -> None:
    """§4."""
    await seed(calcom, minimumBookingNotice=120, bookingWindow={"type": "calendarDays", "value": 5})
    for start in ("2026-11-20T10:00:00Z", AT):
        text = message(await book(calcom, start=start, expect=400))
        assert text.startswith('The event type can\'t be booked at the "start" time provided.')
    assert message(await book(calcom, eventTypeId=7, expect=404)) == "Event type with id 7 not found."


async def test_a_lost_insert_race_is_a_409_without_the_envelope(calcom: Api) -> None:
    """§4: check and insert are not atomic (#13397); only the very same span of a host is unique."""
    await seed(calcom)
    await calcom("POST", "/_sim/settings", {"race_window_ms": 50})

    async def attempt(start: str) -> tuple[int, Any]:
        headers = {"cal-api-version": "2024-08-13"}
        url = f"{calcom.url}/v2/bookings"
        async with calcom.session.post(url, json=wish(start=start), headers=headers) as response:
            return response.status, await response.json()

    (first, _), (second, body) = sorted(await asyncio.gather(attempt(AT), attempt(AT)), key=lambda pair: pair[0])
    assert (first, second, body) == (201, 409, {"statusCode": 409, "message": "booking_conflict_error"})
    later = ("2026-11-27T16:00:00Z", "2026-11-27T16:15:00Z")
    assert [status for status, _ in await asyncio.gather(*map(attempt, later))] == [201, 201], "a real double booking"


async def test_slots_leave_out_what_is_taken(calcom: Api) -> None:
    """§3: an object by date in the asked zone, days without slots absent, range adds end."""
    await seed(calcom, slotInterval=15, afterEventBuffer=10)

    async def slots(**query: Any) -> dict[str, Any]:
        query = {"eventTypeId": 1001, "timeZone": "Europe/Berlin", **query}
        return (await calcom("GET", "/v2/slots", version="2024-09-04", **query))["data"]

    day = {"start": "2026-11-27T12:30:00Z", "end": "2026-11-27T15:00:00Z"}
    assert {"start": "2026-11-27T14:30:00.000+01:00"} in (await slots(**day))["2026-11-27"]
    await book(calcom)
    starts = [slot["start"][11:16] for slot in (await slots(**day, format="range"))["2026-11-27"]]
    assert starts == ["13:30", "15:30", "15:45", "16:00"], (
        "13:45 would end in time but for its buffer, 15:15 is the old one's"
    )
    assert await slots(start="2026-11-29", end="2026-11-29") == {}
    odd = await slots(start="2026-11-30T05:00:00Z", end="2026-11-30T05:15:00Z", timeZone="Asia/Tokyo", format="range")
    assert odd["2026-11-30"][0] == {"start": "2026-11-30T14:00:00.000+09:00", "end": "2026-11-30T14:45:00.000+09:00"}
    refused = await calcom(
        "GET", "/v2/slots", version="2024-09-04", eventTypeId=1001, start="2026-11-30", end="2026-11-28", expect=400
    )
    assert message(refused).startswith("Invalid time range given")


@pytest.mark.parametrize("change", [
    {"attendee": {"name": "E", "timeZone": "Europe/Berlin"}}, {"attendee": {**ATTENDEE, "language": "de-AT"}},
    {"attendee": {**ATTENDEE, "timeZone": "Mars/Crater"}}, {"attendee": {**ATTENDEE, "phoneNumber": "12"}},
    {"metadata": {f"k{n}": 1 for n in range(51)}}, {"metadata": {"k" * 41: 1}}, {"metadata": {"k": "v" * 501}},
    {"metadata": {"k": None}}, {"metadata": {"k": {}}}, {"start": "soon"},
        {"eventTypeId": "1001"}, {"lengthInMinutes": 30},
    {"location": {"type": "phone"}},
])  # fmt: skip
async def test_create_body_is_checked(calcom: Api, change: dict[str, Any]) -> None:
    """§4: create body, language enum, metadata limits."""
    await seed(calcom)
    await book(calcom, expect=400, **change)


async def test_a_caller_with_only_a_phone_number_needs_an_address_of_ours(calcom: Api) -> None:
    """§4: the event type's own fields are checked; phone-based ones make an address up (#25432)."""
    only_phone = {"name": "Erika", "timeZone": "Europe/Berlin", "phoneNumber": "+4915112345678"}
    await seed(calcom)
    assert message(await book(calcom, attendee=only_phone, expect=400)) == "responses - {email}error_required_field"
    await seed(
        calcom,
        1002,
        host="b",
        bookingFields=[
            {"type": "phone", "slug": "attendeePhoneNumber", "required": True, "hidden": False, "label": "Telefon"},
            {"type": "email", "required": False, "hidden": True},
        ],
    )
    await book(calcom, eventTypeId=1002, expect=400)
    made = (await book(calcom, eventTypeId=1002, attendee={**only_phone, "email": "real@mail.example"}))["data"]
    assert made["attendees"][0]["email"] == "4915112345678@sms.cal.com"
    await seed(
        calcom, 1003, host="c", bookingFields=[{"type": "text", "slug": "kasse", "required": True, "label": "K"}]
    )
    assert "Missing required booking field response: kasse" in message(await book(calcom, eventTypeId=1003, expect=400))
    await book(calcom, eventTypeId=1003, bookingFieldsResponses={"kasse": "AOK"})


async def test_list_finds_a_booking_by_mail_type_and_time(calcom: Api) -> None:
    """§4: the recovery after an unknown outcome matches metadata; spaces are turned into +; status is not data.status."""
    await seed(calcom)
    made = (await book(calcom, metadata={"requestId": "r-1"}))["data"]
    query = {
        "attendeeEmail": "call 1@salon.example",
        "eventTypeId": 1001,
        "afterStart": "2026-11-27T13:30:00Z",
        "beforeEnd": "2026-11-27T14:15:00Z",
        "status": "upcoming,unconfirmed",
    }
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
    for other in ({"attendeeEmail": "x@y.example"}, {"afterStart": "2026-11-27T13:31:00Z"}, {"status": "cancelled"}):
        assert (await calcom("GET", "/v2/bookings", **other))["data"] == []
    await calcom("GET", "/v2/bookings", status="accepted", expect=400)
    await calcom("GET", "/v2/bookings", phone="1", expect=400)
    assert (await calcom("GET", f"/v2/bookings/{made['uid']}"))["data"]["uid"] == made["uid"]


async def test_cancel_errors_have_no_envelope(calcom: Api) -> None:
    """§4: cancelling twice is 400, bare."""
    await seed(calcom)
    path = f"/v2/bookings/{(await book(calcom))['data']['uid']}/cancel"
    assert (await calcom("POST", path, {"cancellationReason": "x"}))["data"]["status"] == "cancelled"
    again = await calcom("POST", path, {}, expect=400)
    assert again == {"statusCode": 400, "message": "This booking has already been cancelled."}
    await calcom("POST", "/v2/bookings/unknown/cancel", {}, expect=404)
    await book(calcom)


async def test_a_move_makes_a_new_uid(calcom: Api) -> None:
    """§4: old one cancelled with rescheduledToUid; moving it again is 400; its own time is not in the way."""
    await seed(calcom)
    old = (await book(calcom, metadata={"requestId": "r"}))["data"]
    path = f"/v2/bookings/{old['uid']}/reschedule"
    new = (await calcom("POST", path, {"start": "2026-11-27T13:45:00Z"}, expect=201))["data"]
    assert (new["rescheduledFromUid"], new["metadata"]) == (old["uid"], {"requestId": "r"})
    was = (await calcom("GET", f"/v2/bookings/{old['uid']}"))["data"]
    assert (was["status"], was["rescheduledToUid"]) == ("cancelled", new["uid"])
    await calcom("POST", path, {"start": AT}, expect=400)


async def test_confirmation_types_are_pending_and_find_the_first_request(calcom: Api) -> None:
    """§4: `pending`, and only here does a repeated request return the existing booking."""
    await seed(calcom, confirmationPolicy={"type": "always"})
    first, second = (await book(calcom))["data"], (await book(calcom))["data"]
    assert first["status"] == "pending"
    assert first["uid"] == second["uid"]


HOOK = {"triggers": ["BOOKING_CREATED", "BOOKING_CANCELLED"], "active": True, "secret": "geheim"}


async def test_webhooks_are_unique_by_url_and_tell_their_secret(calcom: Api) -> None:
    """§5: 409 on the same URL, UUID string ids, secret in clear, no pagination object, unknown triggers 400."""
    body = {**HOOK, "subscriberUrl": "http://127.0.0.1:9/hook"}
    made = (await calcom("POST", "/v2/webhooks", body, expect=201))["data"]
    assert str(uuid.UUID(made["id"])) == made["id"]
    refused = await calcom("POST", "/v2/webhooks", body, expect=409)
    assert message(refused) == "Webhook with this subscriber url already exists for this user"
    listed = await calcom("GET", "/v2/webhooks", take=250)
    assert listed["data"][0]["secret"] == "geheim"
    assert "pagination" not in listed
    assert (await calcom("GET", "/v2/webhooks", skip=1))["data"] == []
    path = f"/v2/webhooks/{made['id']}"
    await calcom("PATCH", path, {"triggers": ["BOOKING_CONFIRMED"]}, expect=400)
    assert (await calcom("PATCH", path, {"active": False}))["data"]["active"] is False
    await calcom("GET", path, key="cal_other", expect=403)
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


async def test_a_webhook_is_sent_once_signed_and_never_again(calcom: Api, receiver: Receiver) -> None:
    """§5: at most once; status in capitals, times without milliseconds; a failure is only noted."""
    await seed(calcom)
    await calcom("POST", "/v2/webhooks", {**HOOK, "subscriberUrl": f"{receiver.url}/hook"}, expect=201)
    receiver.answers["/hook"] = [aiohttp.web.Response(status=500), {}]
    uid = (await book(calcom))["data"]["uid"]
    await deliveries(calcom, 1)
    await calcom("POST", f"/v2/bookings/{uid}/cancel", {})
    assert [d["status"] for d in await deliveries(calcom, 2)] == [500, 200]
    (headers, body), (_, second) = receiver.at("/hook")
    assert headers["X-Cal-Signature-256"] == signature("geheim", body)
    assert headers["X-Cal-Webhook-Version"] == "2021-10-20"
    assert b'"startTime":"2026-11-27T13:30:00Z"' in body
    assert b'"status":"ACCEPTED"' in body
    assert b'"triggerEvent":"BOOKING_CANCELLED"' in second


async def test_redirects_are_not_followed(calcom: Api, receiver: Receiver) -> None:
    """§5: redirect manual."""
    await seed(calcom)
    await calcom("POST", "/v2/webhooks", {**HOOK, "subscriberUrl": f"{receiver.url}/old"}, expect=201)
    receiver.answers["/old"] = aiohttp.web.Response(status=307, headers={"Location": f"{receiver.url}/new"})
    await book(calcom)
    assert (await deliveries(calcom, 1))[0]["status"] == 307
    assert receiver.at("/new") == []


async def test_webhook_faults(calcom: Api, receiver: Receiver) -> None:
    """§5: may arrive before the answer, be lost, come twice."""
    await seed(calcom)
    await calcom("POST", "/v2/webhooks", {**HOOK, "subscriberUrl": f"{receiver.url}/hook"}, expect=201)
    await calcom.fault("create-booking", "webhook-before-answer")
    await book(calcom)
    assert len(receiver.at("/hook")) == 1, "it is there when the answer comes"
    await calcom.fault("BOOKING_CREATED", "drop-webhook")
    await book(calcom, start="2026-11-27T15:00:00Z")
    assert (await deliveries(calcom, 2))[1]["note"] == "dropped by a fault"
    await calcom.fault("BOOKING_CREATED", "duplicate-webhook")
    await book(calcom, start="2026-11-27T16:00:00Z")
    await deliveries(calcom, 4)
    bodies = [body for _, body in receiver.at("/hook")]
    assert len(bodies) == 3
    assert bodies[1] == bodies[2]


async def test_rate_limit_blocks_for_a_minute(calcom: Api, clock: FixedClock) -> None:
    """§1: 120 a minute and key, headers with the limiter's name, blocked for 60 s, no Retry-After."""
    await calcom("POST", "/_sim/settings", {"rate_limit": 2})
    await calcom("GET", "/v2/me")
    assert (calcom.headers["X-RateLimit-Limit-Default"], calcom.headers["X-RateLimit-Remaining-Default"]) == ("2", "1")
    await calcom("GET", "/v2/me")
    await calcom("GET", "/v2/me", expect=429)
    assert "Retry-After" not in calcom.headers
    await calcom("GET", "/v2/me", key="cal_other")
    clock.move(timedelta(seconds=59))
    await calcom("GET", "/v2/me", expect=429)
    clock.move(timedelta(seconds=2))
    await calcom("GET", "/v2/me")


async def test_event_types_are_made_and_changed(calcom: Api) -> None:
    """§2: required fields, unique slugs, policies are switched off by an object, unknown keys dropped silently."""
    calcom.version = "2024-06-14"
    body = {"lengthInMinutes": 30, "title": "Beratung", "slug": "beratung", "unknown": 1}
    made = (await calcom("POST", "/v2/event-types", body, expect=201))["data"]
    assert made["confirmationPolicy"] == {"disabled": True}
    assert "unknown" not in made
    assert {f["slug"]: f["required"] for f in made["bookingFields"]}["email"] is True
    await calcom("POST", "/v2/event-types", body, expect=400)
    await calcom("POST", "/v2/event-types", {"title": "x"}, expect=400)
    path = f"/v2/event-types/{made['id']}"
    await calcom("PATCH", path, {"seats": None}, expect=400)
    await calcom("PATCH", path, {"bookingFields": [{"type": "email", "required": False}]}, expect=400)
    assert (await calcom("PATCH", path, {"afterEventBuffer": 10}))["data"]["afterEventBuffer"] == 10
    assert [t["id"] for t in (await calcom("GET", "/v2/event-types"))["data"]] == [made["id"]]
    await calcom("GET", path, key="cal_other", expect=404)
    await calcom("DELETE", path)
    await calcom("GET", path, expect=404)
