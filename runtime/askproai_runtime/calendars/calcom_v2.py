"""Cal.com API v2: make a booking, and find it again. Facts: reference calcom-stripe.md §1 and §4.

There is no idempotency key there, so a POST without an answer is *unknown* and must be looked up by `metadata.requestId`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import phonenumbers

from askproai_runtime.calendars.record import ProviderCall, Recorder
from askproai_runtime.calendars.types import (
    CalendarRequest,
    CalendarUnreachable,
    Confirmed,
    Outcome,
    Refused,
    Taken,
    Unavailable,
    Unknown,
)
from askproai_runtime.config import TenantConfig
from askproai_runtime.seams import Clock

# Pinned for each endpoint: a missing or unknown value silently falls back to a controller of 2024 with other bodies.
_BOOKINGS_VERSION = "2024-08-13"
_CONNECT_SECONDS = 1.0
_FIND_SECONDS = 10.0
_TAKEN_TEXTS = (
    "already has booking at this time",
    "event type can't be booked at the",
    "attempting to book a meeting in the past",
)
_LANGUAGES = (
    "ar az bg bn ca cs da de el en es es-419 et eu fi fr he hr hu id it iw ja km ko lv nl no pl pt pt-BR ro ru sk sr sv ta th tr"
    " uk vi zh-CN zh-TW"
)
_EPOCH_SINCE = 10**9  # X-RateLimit-Reset-* is seconds to wait, or by the docs a Unix time


@dataclass(frozen=True, slots=True)
class _Reply:
    """What came back; `status` None: nothing did, and `error` says why."""

    status: int | None
    body: Any = None
    headers: Mapping[str, str] | None = None
    error: Exception | None = None


class CalcomV2:
    """One tenant's Cal.com. `api_key` and `config` are asked at each call, since both may change under us."""

    remote = True

    def __init__(
        self,
        session: aiohttp.ClientSession,
        config: Callable[[], TenantConfig],
        api_key: Callable[[], str | None],
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._session = session
        self._config = config
        self._api_key = api_key
        self._recorder = recorder
        self._clock = clock

    async def create(self, request: CalendarRequest, *, within: timedelta) -> Outcome:
        began = self._clock.monotonic()
        body = booking_body(request, self._config())
        reply = await self._send("POST", "/v2/bookings", within.total_seconds(), json=body)
        outcome = classify_create(reply.status, reply.body, reply.headers or {}, reply.error, self._clock.now())
        await self._note("create-booking", "POST", reply, type(outcome).__name__.lower(), began, request)
        return outcome

    async def find(self, request: CalendarRequest) -> Confirmed | None:
        """List what stands at that time; not by e-mail, which Cal.com may have replaced by its own (#25432)."""
        began = self._clock.monotonic()
        minute = timedelta(minutes=1)
        params = {
            "eventTypeId": str(request.event_type_id),
            "afterStart": _utc(request.starts_at - minute),
            "beforeEnd": _utc(request.ends_at + minute),
            "take": "250",
        }
        reply = await self._send("GET", "/v2/bookings", _FIND_SECONDS, params=params)
        bookings = reply.body.get("data") if reply.status == 200 and isinstance(reply.body, dict) else None  # noqa: PLR2004  OK
        if not isinstance(bookings, list):
            await self._note("find-booking", "GET", reply, "failed", began, request)
            raise CalendarUnreachable(f"Cal.com did not list its bookings: {_said(reply.body) or reply.error!r}")
        found = _ours(bookings, str(request.request_id))
        await self._note("find-booking", "GET", reply, "found" if found else "not_found", began, request)
        return found

    async def _send(self, method: str, path: str, seconds: float, **content: Any) -> _Reply:
        key = self._api_key()
        if not key:
            return _Reply(401, {"message": "no Cal.com API key is mounted: fill the Secret that the Tenant names"})
        timeout = aiohttp.ClientTimeout(total=seconds, connect=min(_CONNECT_SECONDS, seconds))
        headers = {"Authorization": f"Bearer {key}", "cal-api-version": _BOOKINGS_VERSION}
        url = self._config().calendar.base_url.rstrip("/") + path
        try:
            async with self._session.request(
                method, url, headers=headers, timeout=timeout, allow_redirects=False, **content
            ) as response:
                raw = await response.read()
                return _Reply(response.status, _parsed(raw), response.headers)
        except (aiohttp.ClientError, TimeoutError) as error:
            return _Reply(None, error=error)

    async def _note(
        self, operation: str, method: str, reply: _Reply, outcome: str, began: float, request: CalendarRequest
    ) -> None:
        seconds = self._clock.monotonic() - began
        await self._recorder.record(
            ProviderCall(
                "calcom", operation, method, "/v2/bookings", reply.status, outcome, seconds, request.correlation_id
            )
        )


def booking_body(request: CalendarRequest, config: TenantConfig) -> dict[str, Any]:
    """Give the body of POST /v2/bookings. `end` follows from the event type; unknown fields would be refused."""
    attendee = {"name": request.name, "timeZone": config.time_zone, "language": language(config.locale)}
    if request.email:
        attendee["email"] = request.email
    if request.phone and phonenumbers.is_valid_number(phonenumbers.parse(request.phone)):  # else Cal.com refuses it all
        attendee["phoneNumber"] = request.phone
    metadata = {"requestId": str(request.request_id), "callId": request.call_id, "tenant": config.tenant}
    return {
        "start": _utc(request.starts_at),
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


def classify_create(
    status: int | None, body: Any, headers: Mapping[str, str], error: Exception | None, now: datetime
) -> Outcome:
    """Say what a POST of a booking came to. "Taken" is a 400 far more often than a 409, so its text decides."""
    if status is None:
        if isinstance(error, aiohttp.ClientConnectorError):  # refused or no such host: it was never sent
            return Unavailable(f"Cal.com cannot be reached: {type(error).__name__}")
        return Unknown(f"no answer from Cal.com: {type(error).__name__}")
    said = _said(body) or f"status {status}"
    match status:
        case 200 | 201:
            return _confirmed(body.get("data") if isinstance(body, dict) else None) or Unknown("an answer without uid")
        case 409:
            return Taken(said)
        case 400 if any(text in said.lower() for text in _TAKEN_TEXTS):
            return Taken(said)
        case 429:
            return Unavailable(said, _retry_after(headers, now))
        case 404 if not isinstance(body, dict) or said.startswith("Cannot "):  # the route itself, not the event type
            return Unavailable(said)
        case _ if status >= 500:  # noqa: PLR2004  the class of server errors
            return Unknown(said)
        case _:
            return Refused(said)


def _ours(bookings: list[Any], request_id: str) -> Confirmed | None:
    for booking in bookings:
        if isinstance(booking, dict) and (booking.get("metadata") or {}).get("requestId") == request_id:
            found = _confirmed(booking)
            if found is not None and booking.get("status") in {"accepted", "pending"}:
                return found
    return None


def _confirmed(booking: Any) -> Confirmed | None:
    if not isinstance(booking, dict) or not isinstance(booking.get("uid"), str):
        return None
    return Confirmed(booking["uid"], pending=booking.get("status") == "pending")


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:  # a proxy's page: the status alone speaks
        return None


def _said(body: Any) -> str:
    """Give the message of either error shape: the envelope's `error.message`, or the framework's bare `message`."""
    if not isinstance(body, dict):
        return ""
    error = body.get("error")
    message = error.get("message") if isinstance(error, dict) else body.get("message")
    return str(message or "")[:500]


def _retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    text = headers.get("Retry-After") or headers.get("X-RateLimit-Reset-Default") or ""
    if not text.isdigit():
        return None
    seconds = int(text) - int(now.timestamp()) if int(text) > _EPOCH_SINCE else int(text)
    return timedelta(seconds=max(0, seconds))


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
