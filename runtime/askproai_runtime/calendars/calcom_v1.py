"""Cal.com API v1, as old self-hosted servers still have it. Facts: reference calcom-stripe.md §7.

The same bookings as v2 of the same server, by other words: no envelope, the key in the query, numeric ids. It refuses no
second POST either, so here, too, an answer that never came is *unknown* and is looked up before anything is made again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.calendars.calcom_bookings import standing
from askproai_runtime.calendars.calcom_v2 import booking_body, classify_create, utc
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

_PATH = "/v1/bookings"
_CANCEL_PATH = "/v1/bookings/{id}/cancel"
_FIND_SECONDS = 10.0
_TAKEN_TEXTS = ("no_available_users_found_error", "booking_time_out_of_bounds_error", "booking_conflict_error")


@dataclass(slots=True)
class CalcomV1:
    """One tenant's Cal.com by its old API. `api_key` and `config` are asked at each call, since both may change under us."""

    exchange: Exchange
    config: Callable[[], TenantConfig]
    api_key: Callable[[], str | None]
    recorder: Recorder
    remote = True

    async def create(self, request: CalendarRequest, *, within: timedelta) -> Outcome:
        reply = await self._send("POST", within.total_seconds(), json=booking_body_v1(request, self.config()))
        outcome = classify_create_v1(reply)
        await self.recorder.record("create-booking", reply, word(outcome), request.correlation_id, path=_PATH)
        return outcome

    async def find(self, request: CalendarRequest) -> RemoteBooking | None:
        """List what stands at that time, and look for our request id."""
        minute = timedelta(minutes=1)
        span = {"dateFrom": utc(request.starts_at - minute), "dateTo": utc(request.ends_at + minute)}
        found = (_standing(booking) for booking in await self._list(request.correlation_id, span))
        return next((one for one in found if one and one.live and one.request_id == request.request_id), None)

    async def look(self, uid: str, *, correlation_id: str) -> RemoteBooking | None:
        """Look for a booking in the whole list: what it was moved to names it."""
        bookings = await self._list(correlation_id, {})
        for _ in bookings:
            uid = next((b["uid"] for b in bookings if uid and b.get("fromReschedule") == uid), uid)
        return next((one for b in bookings if b.get("uid") == uid and (one := _standing(b))), None)

    async def move(self, _uid: str, _starts_at: datetime, *, correlation_id: str, within: timedelta) -> Outcome:  # noqa: ARG002
        """Say no: a move by v1 leaves mails and webhooks out (#14485), so the salon would not hear of it."""
        return Refused("version 1 of Cal.com's API does not move bookings: cancel, and book another time")

    async def cancel(self, uid: str, *, reason: str, correlation_id: str, within: timedelta) -> Outcome:  # noqa: ARG002
        """Take it back by its numeric id, which only the list tells."""
        deadline = self.exchange.clock.monotonic() + within.total_seconds()
        try:
            bookings = await self._list(correlation_id, {}, within.total_seconds())
        except CalendarUnreachable as error:
            return Unavailable(str(error), error.retry_after)
        number = next((b.get("id") for b in bookings if b.get("uid") == uid), None)
        if number is None:
            return Confirmed(uid)
        left = deadline - self.exchange.clock.monotonic()
        if left <= 0:
            return Unavailable("no time was left to cancel")
        reply = await self._send("DELETE", left, _CANCEL_PATH.format(id=int(number)))
        outcome: Outcome = Confirmed(uid) if reply.status == 200 else classify_create_v1(reply)  # noqa: PLR2004  OK
        await self.recorder.record(
            "cancel-booking", reply, word(outcome, "cancelled"), correlation_id, path=_CANCEL_PATH
        )
        return outcome

    async def _list(
        self, correlation_id: str, span: dict[str, str], seconds: float = _FIND_SECONDS
    ) -> list[dict[str, Any]]:
        reply = await self._send("GET", seconds, params=span)
        listed = reply.body.get("bookings") if reply.status == 200 and isinstance(reply.body, dict) else None  # noqa: PLR2004  OK
        outcome = "listed" if isinstance(listed, list) else "failed"
        await self.recorder.record("find-booking", reply, outcome, correlation_id, path=_PATH)
        if not isinstance(listed, list):
            text = f"Cal.com did not list its bookings: {reply.why}"
            raise CalendarUnreachable(text, reply.retry_after, plainly=reply.nobody_there)
        return [booking for booking in listed if isinstance(booking, dict)]

    async def _send(
        self, method: str, seconds: float, path: str = _PATH, params: dict[str, str] | None = None, **content: Any
    ) -> Reply:
        key = self.api_key()
        if not key:
            missing = PermissionError("no Cal.com API key is mounted: fill the Secret that the Tenant names")
            return Reply(method, 0, None, error=missing)
        url = self.config().calendar.base_url.rstrip("/") + path
        return await self.exchange.send(method, url, seconds, params={"apiKey": key, **(params or {})}, **content)


def booking_body_v1(request: CalendarRequest, config: TenantConfig) -> dict[str, Any]:
    """Give the body of POST /v1/bookings: the same facts as for v2, where v1 wants them."""
    same = booking_body(request, config)
    attendee = same.pop("attendee")
    phone = attendee.get("phoneNumber")
    place = {"value": "phone", "optionValue": phone} if phone else {"value": "inPerson", "optionValue": ""}
    responses = {"name": attendee["name"], "email": attendee.get("email", ""), "location": place}
    about = {"end": utc(request.ends_at), "timeZone": attendee["timeZone"], "language": attendee["language"]}
    return {**same, **about, "responses": responses}


def classify_create_v1(reply: Reply) -> Outcome:
    """Say what a POST of a booking came to; its errors are codes, whatever their status."""
    match reply.status:
        case 410:  # the hosted v1 was switched off in April 2026
            return Unavailable(f"Cal.com's v1 cannot be used now: {reply.why}")
        case 200 | 201:
            body = reply.body[0] if isinstance(reply.body, list) and reply.body else reply.body
            booking = body.get("booking", body) if isinstance(body, dict) else None
            return _confirmed(booking) or Unknown("an answer without uid")
        case _ if any(text in reply.said for text in _TAKEN_TEXTS):
            return Taken(reply.why)
    return classify_create(reply)


def _confirmed(booking: Any) -> Confirmed | None:
    if not isinstance(booking, dict) or not isinstance(booking.get("uid"), str):
        return None
    return Confirmed(booking["uid"], pending=_status(booking) == "pending")


def _standing(booking: dict[str, Any]) -> RemoteBooking | None:
    """Read a booking by v2's reader: the same facts by other words."""
    before = booking.get("fromReschedule")
    same = {
        **booking, "status": _status(booking), "start": booking.get("startTime"), "end": booking.get("endTime"),
        "eventType": {"id": booking.get("eventTypeId")}, "rescheduledFromUid": before,
    }  # fmt: skip
    return standing(same, (str(booking.get("uid")),))


def _status(booking: dict[str, Any]) -> str:
    return str(booking.get("status", "")).lower()  # capitals in the list, unlike v2
