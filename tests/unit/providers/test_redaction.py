"""A provider's description of a failure is kept without the parts that may name people."""

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from askproai_core.clock import SystemClock
from askproai_core.provider_limits import CircuitBreakers
from askproai_core.provider_names import Provider
from askproai_core.providers import ProviderHttp, Reply
from askproai_core.providers.redaction import list_words, redact, shape_of
from tests.worlds.rows import each_row

SENT = list_words(
    {
        "json": {
            "attendee": {"name": "erika Mustermann", "email": "e@x.example", "phoneNumber": "+4915112345678"},
            "metadata": {"notes": "bitte leise, Bandscheibe"},
            "eventTypeId": 1001,
        },
        "headers": {"Authorization": "Bearer cal_live_0123456789"},
    }
)


@each_row(
    ("text", "redacted"),
    [
        ("User either already has booking at this time or is not available", None),
        ("No available slot at 2026-11-27T13:30:00Z for event type 77", None),
        ("The 'bookingFieldsResponses' field is invalid: eventTypeSlug must be a string (BAD_REQUEST)", None),
        ("Attendee Erika Mustermann is already booked", "Attendee … is already booked"),
        ("attendee erika is not available", "attendee … is not available"),  # in lower case, as it was sent
        ("Host Sabine Schmidt-Rottluff is away", "Host … is away"),  # known to the provider alone
        ("host sabine schmidt-rottluff is away until the booking of anna kowalski ends", "host … is away until the booking of …"),
        ("ERIKA McKay NotFoundException", "… NotFoundException"),
        ("müller, Ольга and محمد are away", "… and … are away"),
        ("Attendee e@x.example (+49 151 12345678, 0151/1234567) is invalid", "Attendee <e-mail> (<number>, <number>) is invalid"),
        ('Field "zu spät, krank" is too long', 'Field "…" is too long'),
        ("Invalid value 'anna'", "Invalid value '…'"),
        ("property 'slotUtcStart' and `start` should not exist (event.length, no_available_users_found_error)", None),
        ("Attempting to book a meeting in the past.", None),
        ("Attendee with this email can't book because the maximum number of active bookings has been reached.", None),
        ("This event type does not allow rescheduling", None),
        ("Too Many Requests", None),
        ("Seats are full: duplicate key value violates unique constraint on column idempotency_key", None),
        ("Invalid value 'erika'", "Invalid value '…'"),
        ("Bearer cal_live_0123456789 has expired", "<key> has expired"),
        ("Token 3f2a9c81d04e4b7f is unknown", "Token <key> is unknown"),
        ("See https://cal.example/u?key=1", "See <address>"),
        ("Event type 1001 was not found", "Event type 1001 was not found"),
        ("Reason: bandscheibe", "…: …"),
    ],
)  # fmt: skip
def test_redacted_error_names_no_person(text: str, redacted: str | None) -> None:
    assert redact(text, SENT) == (text if redacted is None else redacted)


def test_redacted_text_and_shape_have_bounded_length() -> None:
    assert len(redact("is " * 5_000)) == 300
    assert len(shape_of({f"field_{number}": {"of": [1, "a"]} for number in range(50)})) <= 400


def test_body_is_shown_as_fields_and_value_kinds() -> None:
    body = {
        "status": "error",
        "error": {"message": "Erika", "code": None, "details": [{"id": 1}, {"id": "a"}]},
        "ok": False,
    }
    assert shape_of(body) == (
        "{error: {code: null, details: [{id: number} or {id: string}], message: string}, ok: boolean, status: string}"
    )
    assert shape_of({"Erika Mustermann": 1}) == "{…}"
    assert shape_of({"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}) == "{a: {b: {c: {d: {e: …}}}}}"


def test_only_a_failed_reply_has_a_redacted_error() -> None:
    body = {"status": "error", "error": {"message": "Attendee Erika is blocked"}}
    failed = Reply("POST", 0.1, 400, body, sent=frozenset({"erika"}))
    assert (failed.redacted_error, failed.error_shape) == (
        "Attendee … is blocked",
        "{error: {message: string}, status: string}",
    )
    assert (Reply("GET", 0.1, 502).redacted_error, Reply("GET", 0.1, 502).error_shape) == ("status 502", None)
    assert Reply("GET", 0.1, None, error=TimeoutError("https://x?key=1")).redacted_error == "ReadTimeout"
    assert (Reply("GET", 0.1, 200, body).redacted_error, Reply("GET", 0.1, 200, body).error_shape) == (None, None)


async def test_an_answer_that_quotes_the_request_names_nobody() -> None:
    async def quote(request: web.Request) -> web.Response:
        name = (await request.json())["attendee"]["name"]
        return web.json_response({"error": {"message": f"Attendee {name} is blocked"}}, status=400)

    app = web.Application()
    app.router.add_post("/v2/bookings", quote)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        http = ProviderHttp(Provider.CALCOM, session, CircuitBreakers(None, SystemClock()), SystemClock())
        body = {"attendee": {"name": "erika mustermann"}}
        url = str(server.make_url("/v2/bookings"))
        reply = await http.send("POST", url, aiohttp.ClientTimeout(total=5), json=body)
    assert (reply.redacted_error, reply.error_shape) == ("Attendee … is blocked", "{error: {message: string}}")
    assert "erika" not in repr(reply).replace(str(reply.body), "")
