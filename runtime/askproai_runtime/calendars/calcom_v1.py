"""Cal.com's API v1 as a calendar, for old self-hosted servers (`docs/vendors/calcom.md`).

It serves the same bookings as v2 of the same server in another form: no envelope, the key in the query, numeric ids. It does
not refuse a second POST either, so here, too, a POST without an answer is *unknown* and is looked up before any repetition.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from askproai_core.providers import MAX_PAGE_BYTES, Reply
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.calendars.calcom_bookings import (
    booking_body,
    classify_create,
    format_utc,
    lookup_span,
    parse_confirmation,
    parse_remote_booking,
)
from askproai_runtime.calendars.calcom_http import CalcomHttp, missing_key, no_answer, outcome_label
from askproai_runtime.calendars.store import ProviderCallRecorder
from askproai_runtime.calendars.types import (
    CalendarOutcome,
    CalendarRequest,
    CalendarUnavailable,
    Confirmed,
    FreeTimes,
    FreeTimesQuery,
    Refused,
    RemoteBooking,
    Taken,
    Unavailable,
    Unknown,
)

_PATH = "/v1/bookings"
_CANCEL_PATH = "/v1/bookings/{id}/cancel"
_LOOKUP_SECONDS = 10.0
_TAKEN_TEXTS = ("no_available_users_found_error", "booking_time_out_of_bounds_error", "booking_conflict_error")


@dataclass(slots=True)
class CalcomV1:
    """One account at Cal.com, for all its event types. `api_key` and `config` are called for each request: both may change."""

    http: CalcomHttp
    config: Callable[[], TenantConfig]
    api_key: Callable[[], str | None]
    recorder: ProviderCallRecorder
    remote = True

    async def create(self, request: CalendarRequest, *, within: timedelta) -> CalendarOutcome:
        """Create a booking, but not at a team's event type: v1 can neither request one of its hosts nor report the host."""
        config = self.config()
        if config.host_id(request.event_type_id, request.staff) is not None:
            return Unavailable("version 1 of Cal.com's API cannot book one host of a team's event type")
        reply = await self._send("POST", within.total_seconds(), json=booking_body_v1(request, config))
        outcome = classify_create_v1(reply)
        await self.recorder.record("create-booking", reply, outcome_label(outcome), request.correlation_id, _PATH)
        return outcome

    async def move(
        self, _uid: str, _starts_at: datetime, *, event_type_id: int | None = None, correlation_id: str, within: timedelta  # noqa: ARG002
    ) -> CalendarOutcome:  # fmt: skip
        """Refuse: a move by v1 sends neither mails nor webhooks (calcom 14485), so the tenant would not hear of it."""
        return Refused("version 1 of Cal.com's API does not move bookings: cancel, and book another time")

    async def cancel(
        self, uid: str, *, reason: str, event_type_id: int | None = None, correlation_id: str, within: timedelta  # noqa: ARG002
    ) -> CalendarOutcome:  # fmt: skip
        """Cancel a booking by its numeric id, which only the list contains."""
        deadline = self.http.clock.monotonic() + within.total_seconds()
        try:
            bookings = await self._list(correlation_id, {}, within.total_seconds())
        except CalendarUnavailable as error:
            return Unavailable(str(error), error.retry_after)
        number = next((booking.get("id") for booking in bookings if booking.get("uid") == uid), None)
        if number is None:
            return Confirmed(uid)
        remaining = deadline - self.http.clock.monotonic()
        if remaining <= 0:
            return Unavailable("no time was left to cancel")
        reply = await self._send("DELETE", remaining, _CANCEL_PATH.format(id=int(number)))
        is_ok = reply.status == HTTPStatus.OK
        outcome: CalendarOutcome = Confirmed(uid) if is_ok else classify_create_v1(reply)
        label = outcome_label(outcome, "cancelled")
        await self.recorder.record("cancel-booking", reply, label, correlation_id, _CANCEL_PATH)
        return outcome

    async def mark_attendance(
        self, _booking: RemoteBooking, *, event_type_id: int | None = None, correlation_id: str, within: timedelta  # noqa: ARG002
    ) -> CalendarOutcome:  # fmt: skip
        return Refused("version 1 of Cal.com's API cannot mark it: mark it on Cal.com's page")

    async def find(self, request: CalendarRequest) -> RemoteBooking | None:
        """Return the live booking with our request id, at the request's time (at any time with `made_after`); else None."""
        first, last = lookup_span(request)
        span = {} if request.made_after else {"dateFrom": format_utc(first), "dateTo": format_utc(last)}
        parsed = (_parse_booking(booking) for booking in await self._list(request.correlation_id, span))
        matching = (booking for booking in parsed if booking and booking.live)
        return next((booking for booking in matching if booking.request_id == request.request_id), None)

    async def get_booking(
        self, uid: str, *, event_type_id: int | None = None, correlation_id: str  # noqa: ARG002
    ) -> RemoteBooking | None:  # fmt: skip
        """Find a booking in the list of all bookings, and follow its moves: a new booking refers to the old one."""
        bookings = await self._list(correlation_id, {})
        for _ in bookings:
            uid = next((b["uid"] for b in bookings if uid and b.get("fromReschedule") == uid), uid)
        parsed = (_parse_booking(booking) for booking in bookings if booking.get("uid") == uid)
        return next((booking for booking in parsed if booking), None)

    async def read_free_times(self, _query: FreeTimesQuery, *, within: timedelta) -> FreeTimes:  # noqa: ARG002
        """Raise `CalendarUnavailable`: slots of v1 have no end, so they do not show the length of a booking."""
        raise CalendarUnavailable("version 1 of Cal.com's API is not asked for free times")

    async def _list(
        self, correlation_id: str, span: dict[str, str], seconds: float = _LOOKUP_SECONDS
    ) -> list[dict[str, Any]]:
        reply = await self._send("GET", seconds, params=span, limit=MAX_PAGE_BYTES)
        is_ok = reply.status == HTTPStatus.OK and isinstance(reply.body, dict)
        bookings = reply.body.get("bookings") if is_ok else None
        outcome = "listed" if isinstance(bookings, list) else "failed"
        await self.recorder.record("find-booking", reply, outcome, correlation_id, _PATH)
        if not isinstance(bookings, list):
            raise no_answer("list its bookings", reply)
        return [booking for booking in bookings if isinstance(booking, dict)]

    async def _send(
        self, method: str, seconds: float, path: str = _PATH, params: dict[str, str] | None = None, **content: Any
    ) -> Reply:
        key = self.api_key()
        if not key:
            return missing_key(method)
        url = self.config().calendar.base_url.rstrip("/") + path
        return await self.http.send(method, url, seconds, params={"apiKey": key, **(params or {})}, **content)


def booking_body_v1(request: CalendarRequest, config: TenantConfig) -> dict[str, Any]:
    """Return the body of POST /v1/bookings: the facts of v2's body, where v1 expects them."""
    body = booking_body(request, config)
    body.pop("lengthInMinutes", None)  # v1 takes the end
    attendee = body.pop("attendee")
    phone = attendee.get("phoneNumber")
    location = {"value": "phone", "optionValue": phone} if phone else {"value": "inPerson", "optionValue": ""}
    fields = body.pop("bookingFieldsResponses", {})
    responses = {**fields, "name": attendee["name"], "email": attendee.get("email", ""), "location": location}
    more = {"end": format_utc(request.ends_at), "timeZone": attendee["timeZone"], "language": attendee["language"]}
    return {**body, **more, "responses": responses}


def classify_create_v1(reply: Reply) -> CalendarOutcome:
    """Classify the reply to a POST of a booking. Errors of v1 are codes in the message, whatever the status."""
    match reply.status:
        case HTTPStatus.GONE:  # the hosted v1 was switched off in April 2026
            return Unavailable(f"Cal.com's v1 cannot be used now: {reply.reason}")
        case HTTPStatus.OK | HTTPStatus.CREATED:
            body = reply.body[0] if isinstance(reply.body, list) and reply.body else reply.body
            booking = body.get("booking", body) if isinstance(body, dict) else None
            converted = _as_v2(booking) if isinstance(booking, dict) else None
            return parse_confirmation(converted) or Unknown("an answer without uid")
        case _ if any(text in reply.message for text in _TAKEN_TEXTS):
            return Taken(reply.reason)
    return classify_create(reply)


def _parse_booking(booking: dict[str, Any]) -> RemoteBooking | None:
    return parse_remote_booking(_as_v2(booking), (str(booking.get("uid")),))


def _as_v2(booking: dict[str, Any]) -> dict[str, Any]:
    """Return a booking of v1 with the names of v2. Its status is in upper case in lists, unlike that of v2."""
    return {
        **booking, "status": str(booking.get("status", "")).lower(),
        "start": booking.get("startTime"), "end": booking.get("endTime"),
        "eventType": {"id": booking.get("eventTypeId")}, "rescheduledFromUid": booking.get("fromReschedule"),
    }  # fmt: skip
