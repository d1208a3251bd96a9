"""The id by which a second delivery is recognised, and bodies that are no events."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from askproai_runtime.intake import MalformedEvent, Source, WebhookSource, identify
from askproai_runtime.intake.senders import StaleEvent
from tests.worlds.rows import each_row

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
TENANT = "salon-mueller.salon-mueller"


def ids(source: WebhookSource, body: Any, now: datetime = NOW) -> tuple[str, str]:
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    event = identify(source, raw, tenant=TENANT, correlation_id="c", now=now)
    assert event.payload == raw or event.event_type == "OOO_CREATED"
    return event.event_id, event.event_type


def calcom(trigger: str, created: str = "2026-11-20T08:59:00.000Z", **payload: Any) -> dict[str, Any]:
    return {"triggerEvent": trigger, "createdAt": created, "payload": payload}


def sha256_of(*parts: str) -> str:
    return hashlib.sha256("|".join((TENANT, *parts)).encode()).hexdigest()


@pytest.mark.parametrize("key", ["call", "data"])
def test_retell_event_is_identified_by_call_and_name(key: str) -> None:
    assert ids(Source.RETELL, {"event": "call_ended", key: {"call_id": "call_1"}, "more": 1}) == (
        "call_1:call_ended",
        "call_ended",
    )


def test_chat_events_are_identified_by_their_chat() -> None:
    assert ids(Source.RETELL, {"event": "chat_ended", "chat": {"chat_id": "chat_1"}})[0] == "chat_1:chat_ended"


@pytest.mark.parametrize("event", ["transcript_updated", "transfer_started", "transfer_ended"])
def test_repeated_events_of_calls_differ_by_body(event: str) -> None:
    first = {"event": event, "call": {"call_id": "call_1", "transcript": "a"}}
    second = {"event": event, "call": {"call_id": "call_1", "transcript": "b"}}
    assert ids(Source.RETELL, first)[0] != ids(Source.RETELL, second)[0]
    assert ids(Source.RETELL, first)[0].startswith(f"call_1:{event}:")
    assert ids(Source.RETELL, first) == ids(Source.RETELL, first)


def test_half_an_emoji_loses_no_event() -> None:
    """JavaScript that cuts a transcript inside a surrogate pair writes valid JSON that is no valid text."""
    body = b'{"event":"call_ended","call":{"call_id":"call_1","transcript":"gut \\ud83d"}}'
    assert ids(Source.RETELL, body)[0] == "call_1:call_ended"


@pytest.mark.parametrize(
    ("payload", "parts"),
    [
        (calcom("BOOKING_CREATED", uid="u1", startTime="S"), ("BOOKING_CREATED", "u1", "S")),
        (calcom("BOOKING_REQUESTED", uid="u1", startTime="S"), ("BOOKING_REQUESTED", "u1", "S")),
        (calcom("BOOKING_REJECTED", uid="u1", startTime="S"), ("BOOKING_REJECTED", "u1", "S")),
        (
            calcom("BOOKING_RESCHEDULED", uid="u2", rescheduleUid="u1", startTime="S"),
            ("BOOKING_RESCHEDULED", "u2", "u1", "S"),
        ),
        (calcom("BOOKING_CANCELLED", uid="u1", endTime="E"), ("BOOKING_CANCELLED", "u1", "E")),
        (
            calcom("BOOKING_CANCELLED", uid="u1", endTime="E", seatsPerTimeSlot=2, attendees=[{"email": "a@b"}]),
            ("BOOKING_CANCELLED", "u1", "E", "a@b"),
        ),
        (
            calcom("BOOKING_REASSIGNED", uid="u1", startTime="S", organizer={"id": 7}, addedHostUserIds=[7]),
            ("BOOKING_REASSIGNED", "u1", "7", "S", "2026-11-20T08:59:00.000Z"),
        ),
        (calcom("BOOKING_PAID", uid="u1", paymentId=7), ("BOOKING_PAID", "u1", "7")),
        (
            calcom(
                "BOOKING_NO_SHOW_UPDATED",
                bookingUid="u1",
                attendees=[{"email": "b", "noShow": False}, {"email": "a", "noShow": True}],
            ),
            ("BOOKING_NO_SHOW_UPDATED", "u1", "a:true", "b:false", "2026-11-20T08:59:00.000Z"),
        ),
        (
            calcom("OOO_CREATED", oooEntry={"uuid": "o1", "start": "S", "end": "E", "updatedAt": "U"}),
            ("OOO_CREATED", "o1", "S", "E", "U"),
        ),
        ({"triggerEvent": "MEETING_STARTED", "uid": "u1", "startTime": "S"}, ("MEETING_STARTED", "u1", "S")),
    ],
)
def test_calcom_ids_come_from_distinguishing_fields(payload: dict[str, Any], parts: tuple[str, ...]) -> None:
    assert ids(Source.CALCOM, payload)[0] == sha256_of(*parts)


def test_repeated_calcom_job_is_the_same_event() -> None:
    first = calcom("BOOKING_CREATED", "2026-11-20T08:50:00.000Z", uid="u1", startTime="S")
    repeated = calcom("BOOKING_CREATED", "2026-11-20T08:55:00.000Z", uid="u1", startTime="S")
    assert ids(Source.CALCOM, first) == ids(Source.CALCOM, repeated)


def test_no_show_set_again_is_another_event() -> None:
    attendees = [{"email": "a", "noShow": True}]
    first = calcom("BOOKING_NO_SHOW_UPDATED", "2026-11-20T08:50:00.000Z", bookingUid="u1", attendees=attendees)
    repeated = calcom("BOOKING_NO_SHOW_UPDATED", "2026-11-20T08:55:00.000Z", bookingUid="u1", attendees=attendees)
    assert ids(Source.CALCOM, first) != ids(Source.CALCOM, repeated)


def test_a_replayed_calcom_body_is_refused() -> None:
    body = calcom("BOOKING_CREATED", "2026-11-20T09:00:00.000Z", uid="u1")
    assert ids(Source.CALCOM, body, NOW + timedelta(minutes=30))
    for drift in (timedelta(minutes=31), -timedelta(minutes=31)):
        with pytest.raises(StaleEvent):
            ids(Source.CALCOM, body, NOW + drift)


def test_calcom_ping_is_an_event() -> None:
    assert ids(Source.CALCOM, {"triggerEvent": "PING", "createdAt": "2026-11-20T09:00:00Z"})[1] == "PING"


def test_a_stripe_event_has_its_own_id() -> None:
    assert ids(Source.STRIPE, {"id": "evt_1", "type": "invoice.paid"}) == ("evt_1", "invoice.paid")


@each_row(
    ("source", "body"),
    [
        (Source.RETELL, b""),
        (Source.RETELL, b"{"),
        (Source.RETELL, b"[]"),
        (Source.RETELL, b"\xff\xfe"),
        (Source.RETELL, b'{"event":"call_ended"}'),
        (Source.RETELL, b'{"event":"call_ended","call":{"call_id":""}}'),
        (Source.RETELL, b'{"event":"call_ended","call":{"call_id":"a\\u0000b"}}'),
        (Source.RETELL, b'{"event":"call_ended","call":{"call_id":"' + b"x" * 300 + b'"}}'),
        (Source.RETELL, b'{"event":"","call":{"call_id":"call_1"}}'),
        (Source.RETELL, b'{"event":"call_ended","call":{"call_id":"call_1\\n"}}'),
        (Source.RETELL, b'{"event":"call_ended\\n","call":{"call_id":"call_1"}}'),
        (Source.CALCOM, b'{"payload":{}}'),
        (Source.CALCOM, b'{"triggerEvent":"PING","createdAt":"yesterday"}'),
        (Source.CALCOM, b'{"triggerEvent":"PING","createdAt":"2026-11-20T09:00:00"}'),
        (Source.STRIPE, b'{"id":"evt_1"}'),
        (Source.STRIPE, b'{"id":7,"type":"invoice.paid"}'),
        (Source.STRIPE, b"[" * 100_000),
    ],
)
def test_body_without_an_event_raises_error_without_quote(source: WebhookSource, body: bytes) -> None:
    with pytest.raises(MalformedEvent) as raised:
        identify(source, body, tenant=TENANT, correlation_id="c", now=NOW)
    assert "xxx" not in str(raised.value)


def absence_entry(body: dict[str, Any]) -> Any:
    event = identify(Source.CALCOM, json.dumps(body).encode(), tenant=TENANT, correlation_id="c", now=NOW)
    kept = json.loads(event.payload)
    assert kept.pop("triggerEvent") == "OOO_CREATED"
    assert kept.pop("createdAt") == body["createdAt"]
    assert set(kept) == {"payload"}
    return kept["payload"]


def test_absence_keeps_its_person_and_time() -> None:
    """Its body names an employee, with the reason, which may be an illness."""
    used = {"uuid": "o1", "start": "2026-11-27T00:00:00+01:00", "end": "2026-11-28T23:59:59+01:00", "updatedAt": "u"}
    person = {"name": "Anna", "email": "anna@example.com", "username": "anna", "timeZone": "Europe/Berlin"}
    entry = {
        **used,
        "id": 3,
        "notes": "OP",
        "reason": {"reason": "Sick"},
        "toUser": person,
        "user": {"id": 17, **person},
    }
    assert absence_entry(calcom("OOO_CREATED", oooEntry=entry)) == {"oooEntry": {**used, "user": {"id": 17}}}


@pytest.mark.parametrize(
    ("entry", "kept"),
    [
        (None, {}),
        ("krank", {}),
        ({"start": {"reason": "krank"}, "end": 7, "user": "anna"}, {"end": 7}),
        ({"user": {"name": "Anna"}}, {}),
    ],
)
def test_unreadable_absence_keeps_nothing_personal(entry: Any, kept: Any) -> None:
    assert absence_entry(calcom("OOO_CREATED", oooEntry=entry)) == {"oooEntry": {**kept, "user": {}}}


def test_absence_without_an_id_uses_its_whole_body() -> None:
    first, second = ({"start": "2026-11-27", "notes": notes} for notes in ("a", "b"))
    events = [
        identify(
            Source.CALCOM,
            json.dumps(calcom("OOO_CREATED", oooEntry=entry)).encode(),
            tenant=TENANT,
            correlation_id="c",
            now=NOW,
        )
        for entry in (first, second)
    ]
    assert events[0].event_id != events[1].event_id
