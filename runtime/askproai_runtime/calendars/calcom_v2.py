"""Cal.com API v2: make a booking, and find it again. Facts: reference calcom-stripe.md §1 and §4.

There is no idempotency key there, so a POST without an answer is *unknown* and must be looked up by `metadata.requestId`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import phonenumbers

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.calendars.calcom_bookings import confirmed, standing
from askproai_runtime.calendars.exchange import Exchange, Recorder, Reply, word
from askproai_runtime.calendars.types import (
    CalendarRequest,
    CalendarUnreachable,
    Confirmed,
    Outcome,
    Refused,
    RemoteBooking,
    Taken,
    Unavailable,
    Unknown,
)

# Pinned for each endpoint: a missing or unknown value silently falls back to a controller of 2024 with other bodies.
_BOOKINGS_VERSION = "2024-08-13"
_PATH = "/v2/bookings"
_ONE_PATH = "/v2/bookings/{uid}"
_CANCEL_PATH = "/v2/bookings/{uid}/cancel"
_MOVE_PATH = "/v2/bookings/{uid}/reschedule"
_FIND_SECONDS = 10.0
_MOST_MOVES = 20  # that one look follows
_NOT_FOUND = 404
_TAKEN_TEXTS = (
    "already has booking at this time",
    "event type can't be booked at the",
    "attempting to book a meeting in the past",
)
_LANGUAGES = (
    "ar az bg bn ca cs da de el en es es-419 et eu fi fr he hr hu id it iw ja km ko lv nl no pl pt pt-BR ro ru sk sr sv ta th tr"
    " uk vi zh-CN zh-TW"
)


@dataclass(slots=True)
class CalcomV2:
    """One tenant's Cal.com. `api_key` and `config` are asked at each call, since both may change under us."""

    exchange: Exchange
    config: Callable[[], TenantConfig]
    api_key: Callable[[], str | None]
    recorder: Recorder
    remote = True

    async def create(self, request: CalendarRequest, *, within: timedelta) -> Outcome:
        reply = await self._send("POST", within.total_seconds(), json=booking_body(request, self.config()))
        outcome = classify_create(reply)
        await self.recorder.record("create-booking", reply, word(outcome), request.correlation_id)
        return outcome

    async def find(self, request: CalendarRequest) -> RemoteBooking | None:
        """List what stands at that time; not by e-mail, which Cal.com may have replaced by its own (#25432)."""
        minute = timedelta(minutes=1)
        params = {
            "eventTypeId": str(request.event_type_id),
            "afterStart": utc(request.starts_at - minute),
            "beforeEnd": utc(request.ends_at + minute),
            "take": "250",
        }
        reply = await self._send("GET", _FIND_SECONDS, params=params)
        bookings = reply.body.get("data") if reply.status == 200 and isinstance(reply.body, dict) else None  # noqa: PLR2004  OK
        found = _ours(bookings, str(request.request_id)) if isinstance(bookings, list) else None
        outcome = "found" if found else "not_found" if isinstance(bookings, list) else "failed"
        await self.recorder.record("find-booking", reply, outcome, request.correlation_id)
        if outcome == "failed":
            text = f"Cal.com did not list its bookings: {reply.why}"
            raise CalendarUnreachable(text, reply.retry_after, plainly=reply.nobody_there)
        return found

    async def look(self, uid: str, *, correlation_id: str) -> RemoteBooking | None:
        """Follow a booking to where it is now: a move makes a new booking and cancels the old one, which names it."""
        chain: list[str] = []
        booking = await self._read(uid, correlation_id)
        while booking is not None and len(chain) < _MOST_MOVES:
            chain.insert(0, uid)
            uid = booking.get("rescheduledToUid") or ""
            if not uid or uid in chain:
                break
            booking = await self._read(uid, correlation_id)
        if booking is None:
            return None
        if found := standing(booking, chain):
            return found
        raise CalendarUnreachable("Cal.com's answer is no booking")

    async def _read(self, uid: str, correlation_id: str) -> dict[str, Any] | None:
        """Get one booking as it is told; None when Cal.com has none of that uid."""
        reply = await self._send("GET", _FIND_SECONDS, _ONE_PATH.format(uid=quote(uid, safe="")))
        data = reply.body.get("data") if isinstance(reply.body, dict) else None
        found = reply.status == 200 and isinstance(data, dict)  # noqa: PLR2004  OK
        absent = reply.status == _NOT_FOUND and not reply.nobody_there
        outcome = "found" if found else "not_found" if absent else "failed"
        await self.recorder.record("get-booking", reply, outcome, correlation_id, path=_ONE_PATH)
        if outcome == "failed":
            text = f"Cal.com did not tell of a booking: {reply.why}"
            raise CalendarUnreachable(text, reply.retry_after, plainly=reply.nobody_there)
        return data if found else None

    async def move(self, uid: str, starts_at: datetime, *, correlation_id: str, within: timedelta) -> Outcome:
        path = _MOVE_PATH.format(uid=quote(uid, safe=""))
        reply = await self._send("POST", within.total_seconds(), path, json={"start": utc(starts_at)})
        outcome = classify_move(reply)
        await self.recorder.record("move-booking", reply, word(outcome), correlation_id, path=_MOVE_PATH)
        return outcome

    async def cancel(self, uid: str, *, reason: str, correlation_id: str, within: timedelta) -> Outcome:
        path, body = _CANCEL_PATH.format(uid=quote(uid, safe="")), {"cancellationReason": reason}
        reply = await self._send("POST", within.total_seconds(), path, json=body)
        outcome = classify_cancel(uid, reply)
        await self.recorder.record(
            "cancel-booking", reply, word(outcome, "cancelled"), correlation_id, path=_CANCEL_PATH
        )
        return outcome

    async def _send(self, method: str, seconds: float, path: str = _PATH, **content: Any) -> Reply:
        key = self.api_key()
        if not key:
            missing = PermissionError("no Cal.com API key is mounted: fill the Secret that the Tenant names")
            return Reply(method, 0, None, error=missing)
        headers = {"Authorization": f"Bearer {key}", "cal-api-version": _BOOKINGS_VERSION}
        url = self.config().calendar.base_url.rstrip("/") + path
        return await self.exchange.send(method, url, seconds, headers=headers, **content)


def booking_body(request: CalendarRequest, config: TenantConfig) -> dict[str, Any]:
    """Give the body of POST /v2/bookings. `end` follows from the event type; unknown fields would be refused."""
    attendee = {"name": request.name, "timeZone": config.time_zone, "language": language(config.locale)}
    if request.email:
        attendee["email"] = request.email
    if request.phone and phonenumbers.is_valid_number(phonenumbers.parse(request.phone)):  # else Cal.com refuses it all
        attendee["phoneNumber"] = request.phone
    metadata = {"requestId": str(request.request_id), "callId": request.call_id, "tenant": config.tenant}
    return {
        "start": utc(request.starts_at),
        "eventTypeId": request.event_type_id,
        "attendee": attendee,
        "metadata": {key: value[:500] for key, value in metadata.items()},
    }


def attendee_email(email: str | None, phone: str | None, request_id: str, domain: str) -> str | None:
    """Give the customer's own address, or one under the tenant's domain: most event types require some address."""
    if email or not domain:
        return email
    return f"anruf-{phone.lstrip('+') if phone else request_id}@{domain}"


def language(locale: str) -> str:
    """Give the nearest of the languages that Cal.com takes; `de-AT` as it stands would be refused with 400."""
    short = locale.split("-", maxsplit=1)[0]
    return next((known for known in (locale, short) if known in _LANGUAGES.split()), "en")


def classify_create(reply: Reply) -> Outcome:
    """Say what a POST of a booking came to. "Taken" is a 400 far more often than a 409, so its text decides."""
    said, body = reply.why, reply.body
    if reply.nobody_there or reply.slow_down:
        return Unavailable(f"Cal.com cannot be used now: {said}", reply.retry_after, slow=reply.slow_down)
    match reply.status:
        case None if isinstance(reply.error, PermissionError):
            return Refused(said)
        case None:
            return Unknown(f"no answer from Cal.com: {said}")
        case 200 | 201:
            return confirmed(body.get("data") if isinstance(body, dict) else None) or Unknown("an answer without uid")
        case 409:
            return Taken(said)
        case 400 if any(text in said.lower() for text in _TAKEN_TEXTS):
            return Taken(said)
        case status if status >= 500:  # noqa: PLR2004  the class of server errors
            return Unknown(said)
        case _:
            return Refused(said)


def classify_move(reply: Reply) -> Outcome:
    """Say what a POST of a move came to. A booking that is gone or was moved before is to be looked at, not given up."""
    gone = any(word in reply.said.lower() for word in ("cancelled", "rescheduled"))
    if (reply.status == _NOT_FOUND and not reply.nobody_there) or (reply.status == 400 and gone):  # noqa: PLR2004  bad request
        return Unknown(reply.why)
    return classify_create(reply)


def classify_cancel(uid: str, reply: Reply) -> Outcome:
    """Say what a POST of a cancellation came to. What is cancelled already may have been moved: it is to be looked at."""
    gone = reply.status == _NOT_FOUND and not reply.nobody_there
    if reply.status in {200, 201} or gone:
        return Confirmed(uid)
    if "already been cancelled" in reply.said:
        return Unknown(reply.why)
    return classify_create(reply)


def _ours(bookings: list[Any], request_id: str) -> RemoteBooking | None:
    for booking in bookings:
        if isinstance(booking, dict) and (booking.get("metadata") or {}).get("requestId") == request_id:
            found = standing(booking, (str(booking.get("uid")),))
            if found is not None and found.live:
                return found
    return None


def utc(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
