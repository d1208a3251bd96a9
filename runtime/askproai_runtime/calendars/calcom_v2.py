"""Cal.com's API v2 as a calendar (`docs/vendors/calcom.md`).

It has no idempotency key, so a POST without an answer is *unknown* and must be looked up by `metadata.requestId`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from askproai_core.providers import Reply
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.calendars.calcom_bookings import (
    booking_body,
    classify_cancel,
    classify_create,
    classify_move,
    format_utc,
    lookup_span,
    parse_remote_booking,
)
from askproai_runtime.calendars.calcom_http import CalcomHttp, missing_key, outcome_label, was_never_reached
from askproai_runtime.calendars.store import ProviderCallRecorder
from askproai_runtime.calendars.types import CalendarOutcome, CalendarRequest, CalendarUnavailable, RemoteBooking

# Pinned for each endpoint: a missing or unknown value silently selects a controller of 2024 with other bodies.
_BOOKINGS_VERSION = "2024-08-13"
_PATH = "/v2/bookings"
_BOOKING_PATH = "/v2/bookings/{uid}"
_CANCEL_PATH = "/v2/bookings/{uid}/cancel"
_MOVE_PATH = "/v2/bookings/{uid}/reschedule"
_LOOKUP_SECONDS = 10.0
_PAGE_SIZE, _MAX_PAGES = 250, 20
_MAX_MOVES = 20  # that one look-up follows


@dataclass(slots=True)
class CalcomV2:
    """One account at Cal.com, for all its event types. `api_key` and `config` are called for each request: both may change."""

    http: CalcomHttp
    config: Callable[[], TenantConfig]
    api_key: Callable[[], str | None]
    recorder: ProviderCallRecorder
    remote = True

    async def create(self, request: CalendarRequest, *, within: timedelta) -> CalendarOutcome:
        reply = await self._send("POST", within.total_seconds(), json=booking_body(request, self.config()))
        outcome = classify_create(reply)
        await self.recorder.record("create-booking", reply, outcome_label(outcome), request.correlation_id, _PATH)
        return outcome

    async def move(
        self, uid: str, starts_at: datetime, *, event_type_id: int | None = None, correlation_id: str, within: timedelta  # noqa: ARG002
    ) -> CalendarOutcome:  # fmt: skip
        path = _MOVE_PATH.format(uid=quote(uid, safe=""))
        reply = await self._send("POST", within.total_seconds(), path, json={"start": format_utc(starts_at)})
        outcome = classify_move(reply)
        await self.recorder.record("move-booking", reply, outcome_label(outcome), correlation_id, _MOVE_PATH)
        return outcome

    async def cancel(
        self, uid: str, *, reason: str, event_type_id: int | None = None, correlation_id: str, within: timedelta  # noqa: ARG002
    ) -> CalendarOutcome:  # fmt: skip
        path, body = _CANCEL_PATH.format(uid=quote(uid, safe="")), {"cancellationReason": reason}
        reply = await self._send("POST", within.total_seconds(), path, json=body)
        outcome = classify_cancel(uid, reply)
        label = outcome_label(outcome, "cancelled")
        await self.recorder.record("cancel-booking", reply, label, correlation_id, _CANCEL_PATH)
        return outcome

    async def find(self, request: CalendarRequest) -> RemoteBooking | None:
        """List the bookings from the request's time on, or all that were made since `made_after`.

        Not by e-mail, which Cal.com may have replaced (calcom 25432).
        """
        first, last = lookup_span(request)
        filters = {"afterStart": format_utc(first), "beforeEnd": format_utc(last)}
        if request.made_after is not None:
            filters = {"afterCreatedAt": format_utc(request.made_after)}
        for page in range(_MAX_PAGES):
            bookings = await self._list(request, filters, page)
            found = _find_request(bookings, str(request.request_id))
            if found is not None or len(bookings) < _PAGE_SIZE:
                return found
        raise CalendarUnavailable("Cal.com lists more bookings than can be looked through")

    async def get_booking(
        self, uid: str, *, event_type_id: int | None = None, correlation_id: str  # noqa: ARG002
    ) -> RemoteBooking | None:  # fmt: skip
        """Follow a booking to where it is now: a move creates a new booking and cancels the old one, which refers to it."""
        uids: list[str] = []
        booking = await self._read(uid, correlation_id)
        before = booking and booking.get("rescheduledFromUid")
        while booking is not None and len(uids) < _MAX_MOVES:
            uids.insert(0, uid)
            uid = booking.get("rescheduledToUid") or ""
            if not uid or uid in uids:
                break
            booking = await self._read(uid, correlation_id)
        if booking is None:
            return None
        if isinstance(before, str):
            uids.append(before)
        if found := parse_remote_booking(booking, uids):
            return found
        raise CalendarUnavailable("Cal.com's answer is no booking")

    async def _list(self, request: CalendarRequest, filters: dict[str, str], page: int) -> list[Any]:
        """Return a page of the bookings of the request's event type. Raises `CalendarUnavailable`."""
        params = {"eventTypeId": str(request.event_type_id), "take": str(_PAGE_SIZE), **filters}
        if page:
            params["skip"] = str(page * _PAGE_SIZE)
        reply = await self._send("GET", _LOOKUP_SECONDS, params=params)
        is_ok = reply.status == HTTPStatus.OK and isinstance(reply.body, dict)
        bookings = reply.body.get("data") if is_ok else None
        if not isinstance(bookings, list):
            await self.recorder.record("find-booking", reply, "failed", request.correlation_id, _PATH)
            text = f"Cal.com did not list its bookings: {reply.reason}"
            raise CalendarUnavailable(text, reply.retry_after, never_reached=was_never_reached(reply))
        outcome = "found" if _find_request(bookings, str(request.request_id)) else "not_found"
        await self.recorder.record("find-booking", reply, outcome, request.correlation_id, _PATH)
        return bookings

    async def _read(self, uid: str, correlation_id: str) -> dict[str, Any] | None:
        """Return a booking object of Cal.com's; None if it has no booking of that uid."""
        reply = await self._send("GET", _LOOKUP_SECONDS, _BOOKING_PATH.format(uid=quote(uid, safe="")))
        data = reply.body.get("data") if isinstance(reply.body, dict) else None
        is_found = reply.status == HTTPStatus.OK and isinstance(data, dict)
        is_absent = reply.status == HTTPStatus.NOT_FOUND and not was_never_reached(reply)
        outcome = "found" if is_found else "not_found" if is_absent else "failed"
        await self.recorder.record("get-booking", reply, outcome, correlation_id, _BOOKING_PATH)
        if outcome == "failed":
            text = f"Cal.com did not tell of a booking: {reply.reason}"
            raise CalendarUnavailable(text, reply.retry_after, never_reached=was_never_reached(reply))
        return data if is_found else None

    async def _send(self, method: str, seconds: float, path: str = _PATH, **content: Any) -> Reply:
        key = self.api_key()
        if not key:
            return missing_key(method)
        headers = {"Authorization": f"Bearer {key}", "cal-api-version": _BOOKINGS_VERSION}
        url = self.config().calendar.base_url.rstrip("/") + path
        return await self.http.send(method, url, seconds, headers=headers, **content)


def _find_request(bookings: list[Any], request_id: str) -> RemoteBooking | None:
    for booking in bookings:
        if isinstance(booking, dict) and (booking.get("metadata") or {}).get("requestId") == request_id:
            found = parse_remote_booking(booking, (str(booking.get("uid")),))
            if found is not None and found.live:
                return found
    return None
