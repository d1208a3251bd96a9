"""The requests to Cal.com v2, and the meaning of its answers (`docs/vendors/calcom.md`)."""

from dataclasses import replace
from uuid import UUID

import aiohttp
import pytest

from askproai_core.providers import Reply
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.calendars import Confirmed, Refused, Taken, Unavailable, Unknown, attendee_email
from askproai_runtime.calendars.calcom_bookings import (
    booking_body,
    classify_cancel,
    classify_create,
    classify_move,
    language,
    parse_remote_booking,
)
from tests.worlds.calcom_v2_rows import BOOKING, REQUEST
from tests.worlds.rows import each_row

CONFIG = TenantConfig(tenant="salon.salon", display_name="Salon", locale="de-AT")


def wrapped(message: str) -> dict:
    return {"status": "error", "error": {"code": "BadRequestException", "message": message, "details": {}}}


def bare(status: int, message: str) -> dict:
    return {"statusCode": status, "message": message}


TAKEN = "User either already has booking at this time or is not available"
ANSWERS = [
    (201, {"status": "success", "data": {"uid": "u1", "status": "accepted"}}, Confirmed("u1")),
    (201, {"status": "success", "data": {"uid": "u1", "status": "pending"}}, Confirmed("u1", pending=True)),
    (201, {"status": "success", "data": [{"uid": "u1"}]}, Unknown),
    (201, None, Unknown),
    (400, wrapped(TAKEN), Taken(TAKEN)),
    (400, wrapped("One of the hosts either already has booking at this time or is not available"), Taken),
    (400, wrapped('The event type can\'t be booked at the "start" time provided. Too soon'), Taken),
    (400, wrapped("Attempting to book a meeting in the past."), Taken),
    (400, bare(400, TAKEN), Taken),
    (400, wrapped("responses - {email}error_required_field"), Refused("responses - {email}error_required_field")),
    (
        400,
        wrapped("Attendee with this email can't book because the maximum number of active bookings has been reached."),
        Refused,
    ),
    (409, bare(409, "booking_conflict_error"), Taken("booking_conflict_error")),
    (401, wrapped("Invalid API key"), Refused),
    (404, wrapped("Event type with id 7 not found."), Refused),
    (404, wrapped("Cannot POST /v2/bookings"), Unavailable),
    (404, None, Unavailable),
    (429, wrapped("ThrottlerException: Too Many Requests"), Unavailable),
    (500, bare(500, "Internal server error"), Unknown),
    (503, None, Unknown),
    (301, None, Refused),  # a mistyped baseUrl: the API does not answer so
    (302, None, Refused),
    (303, None, Unknown),  # "see the result there": it may have been done
    (307, None, Refused),
    (308, None, Refused),
    (302, {"status": "error", "error": {"message": "x"}}, Unknown),
    (408, wrapped("Request Timeout"), Unknown),
    (408, None, Unknown),
    (499, wrapped("client closed request"), Unknown),
    (403, None, Unknown),  # a proxy's page
    (400, {"detail": "some gateway's own form"}, Unknown),
    (413, {"status": "error", "error": {}}, Unknown),
    (409, None, Unknown),
    (204, None, Unknown),
    (403, bare(403, "Forbidden"), Refused),
    (403, bare(403, "booking_limit_reached"), Taken),  # of a day, for example: other days are free
    (403, bare(403, "duration_limit_reached"), Taken),
    (422, bare(422, "Unprocessable"), Refused),
    (498, wrapped("ApiKeyExpired"), Refused),
]


@each_row(("status", "body", "meaning"), ANSWERS)
def test_create_answer_has_the_expected_meaning(status: int, body, meaning) -> None:
    outcome = classify_create(Reply("POST", 0, status, body))
    assert outcome == meaning if not isinstance(meaning, type) else type(outcome) is meaning


def test_missing_answer_is_unknown_unless_nothing_was_sent() -> None:
    key = type("Key", (), {"host": "h", "port": 1, "ssl": None, "is_ssl": False})()
    refused = aiohttp.ClientConnectorError(key, OSError(111, "Connection refused"))  # type: ignore[arg-type]
    no_such_host = aiohttp.ClientConnectorDNSError(key, OSError(-2, "Name or service not known"))  # type: ignore[arg-type]
    for error in (refused, no_such_host):
        assert type(classify_create(Reply("POST", 0, None, error=error))) is Unavailable
    for error in (
        TimeoutError(),
        aiohttp.ConnectionTimeoutError(),  # a timeout of a POST is unknown, wherever it struck
        aiohttp.ServerTimeoutError(),
        aiohttp.ServerDisconnectedError(),
        aiohttp.ClientOSError(),
    ):
        assert type(classify_create(Reply("POST", 0, None, error=error))) is Unknown


def test_body_has_only_the_fields_that_calcom_accepts() -> None:
    assert booking_body(REQUEST, CONFIG) == {
        "start": "2026-11-27T13:30:00Z",
        "eventTypeId": 1001,
        "attendee": {
            "name": "Petra Müller",
            "timeZone": "Europe/Berlin",
            "language": "de",
            "email": "anruf-4915112345678@anrufer.example",
            "phoneNumber": "+4915112345678",
        },
        "metadata": {"requestId": str(UUID(int=7)), "callId": "call_1", "tenant": "salon.salon"},
    }


def test_invalid_number_is_not_sent_and_metadata_bounded() -> None:
    body = booking_body(replace(REQUEST, phone="+49151123456789", call_id="c" * 900), CONFIG)
    assert "phoneNumber" not in body["attendee"]
    assert len(body["metadata"]["callId"]) == 500


@pytest.mark.parametrize(
    ("locale", "known"),
    [("de-DE", "de"), ("de-AT", "de"), ("pt-BR", "pt-BR"), ("en-US", "en"), ("xx-YY", "en"), ("tr", "tr")],
)
def test_locale_becomes_a_language_that_calcom_accepts(locale: str, known: str) -> None:
    assert language(locale) == known


def test_attendee_address_is_the_callers_or_derived() -> None:
    assert attendee_email("petra@example.com", "+4915112345678", "id", "d.example") == "petra@example.com"
    assert attendee_email(None, "+4915112345678", "id", "d.example") == "anruf-4915112345678@d.example"
    assert attendee_email(None, None, "id", "d.example") == "anruf-id@d.example"
    assert attendee_email(None, "+4915112345678", "id", "") is None


def test_remote_booking_includes_its_predecessors_uid() -> None:
    found = parse_remote_booking(BOOKING, ("u2",))
    assert found is not None
    assert (found.uids, found.uid, found.request_id) == (("u2", "u1"), "u2", UUID(int=7))
    assert found.starts_at == REQUEST.starts_at
    assert (found.live, found.pending, found.absent, found.phone) == (True, False, False, "+4915112345678")
    assert found.changed_at.hour == 9  # never changed: the time of its creation


@pytest.mark.parametrize("change", [{"start": "soon"}, {"eventType": None}, {"end": None}])
def test_calcom_answer_lacking_booking_fields_is_unreadable(change: dict) -> None:
    assert parse_remote_booking(BOOKING | change, ("u2",)) is None


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (201, {"data": BOOKING}, Confirmed),
        (400, wrapped("User either already has booking at this time or is not available"), Taken),
        (400, wrapped("This event type does not allow rescheduling"), Refused),
        (400, wrapped("Can't reschedule a booking that is cancelled or already rescheduled."), Unknown),
        (404, wrapped("Booking with uid=u1 was not found in the database"), Unknown),
        (404, wrapped("Cannot POST /v2/bookings/u1/reschedule"), Unavailable),
        (429, wrapped("ThrottlerException: Too Many Requests"), Unavailable),
        (500, bare(500, "Internal server error"), Unknown),
        (408, wrapped("Request Timeout"), Unknown),
        (302, None, Unknown),
        (403, None, Unknown),
        (None, None, Unknown),
    ],
)
def test_move_answer_has_the_expected_outcome(status: int | None, body: dict | None, outcome: type) -> None:
    """A booking that is gone or elsewhere must be looked up: somebody may have moved it in the dashboard."""
    assert isinstance(classify_move(Reply("POST", 0, status, body, None if status else TimeoutError())), outcome)


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, {"data": BOOKING | {"status": "cancelled"}}, Confirmed),
        (400, bare(400, "This booking has already been cancelled."), Unknown),  # or moved: it must be looked up
        (404, wrapped("Booking with uid=u1 was not found in the database"), Confirmed),
        (404, wrapped("Cannot POST /v2/bookings/u1/cancel"), Unavailable),
        (400, bare(400, "This event type does not allow cancellations"), Refused),
        (500, bare(500, "Internal server error"), Unknown),
        (408, bare(408, "Request Timeout"), Unknown),
        (403, None, Unknown),
        (404, {"detail": "some gateway's own form"}, Unknown),
        (None, None, Unknown),
    ],
)
def test_cancel_answer_has_the_expected_outcome(status: int | None, body: dict | None, outcome: type) -> None:
    """A booking that somebody else has cancelled is gone, too."""
    assert isinstance(
        classify_cancel("u1", Reply("POST", 0, status, body, None if status else TimeoutError())), outcome
    )
