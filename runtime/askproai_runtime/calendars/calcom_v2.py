"""Cal.com's API v2 as a calendar (`docs/vendors/calcom.md`).

It has no idempotency key, so a POST without an answer is *unknown* and must be looked up by `metadata.requestId`.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import structlog

from askproai_core.providers import MAX_PAGE_BYTES, Reply
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.calendars.calcom_bookings import (
    booking_body,
    classify_cancel,
    classify_change,
    classify_create,
    classify_move,
    format_utc,
    lookup_span,
    parse_remote_booking,
    read_rows,
    request_id_of,
)
from askproai_runtime.calendars.calcom_http import CalcomHttp, missing_key, no_answer, outcome_label, was_never_reached
from askproai_runtime.calendars.calcom_slots import SlotsUnreadable, merge_bodies, parse_slots, slots_params
from askproai_runtime.calendars.store import ProviderCallRecorder
from askproai_runtime.calendars.types import (
    BookingPage,
    BookingUnreadable,
    CalendarOutcome,
    CalendarRequest,
    CalendarUnavailable,
    FreeTimes,
    FreeTimesQuery,
    RemoteBooking,
)

log = structlog.get_logger(__name__)

# Pinned for each endpoint: a missing or unknown value silently selects a controller of 2024 with other bodies.
_BOOKINGS_VERSION = "2024-08-13"
_SLOTS_VERSION = "2024-09-04"
_PATH = "/v2/bookings"
_BOOKING_PATH = "/v2/bookings/{uid}"
_CANCEL_PATH = "/v2/bookings/{uid}/cancel"
_ABSENT_PATH = "/v2/bookings/{uid}/mark-absent"
_SLOTS_PATH = "/v2/slots"
_MOVE_PATH = "/v2/bookings/{uid}/reschedule"
_LOOKUP_SECONDS = 10.0
_SHORTEST_SECONDS = 0.1
_PAGE_SIZE, _MAX_PAGES = 250, 20
_MAX_MOVES = 20  # that one look-up follows


@dataclass(slots=True)
class CalcomV2:
    """One account at Cal.com, for all its event types. `api_key` and `config` are called for each request: both may change.

    `slots_http` sends the requests for free times, with a circuit breaker of its own: if a linked calendar is broken, they fail
    while bookings work.
    """

    http: CalcomHttp
    config: Callable[[], TenantConfig]
    api_key: Callable[[], str | None]
    recorder: ProviderCallRecorder
    slots_http: CalcomHttp | None = None
    remote = True

    async def create(self, request: CalendarRequest, *, within: timedelta) -> CalendarOutcome:
        reply = await self._send("POST", within.total_seconds(), json=booking_body(request, self.config()))
        outcome = classify_create(reply, request.request_id)
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

    async def mark_attendance(
        self, booking: RemoteBooking, *, event_type_id: int | None = None, correlation_id: str, within: timedelta  # noqa: ARG002
    ) -> CalendarOutcome:  # fmt: skip
        path = _ABSENT_PATH.format(uid=quote(booking.uid, safe=""))
        body = {"attendees": [{"email": booking.email, "absent": booking.absent}]}
        reply = await self._send("POST", within.total_seconds(), path, json=body)
        outcome = classify_change(reply)
        await self.recorder.record("mark-absent", reply, outcome_label(outcome), correlation_id, _ABSENT_PATH)
        return outcome

    async def find(self, request: CalendarRequest) -> RemoteBooking | None:
        """Return the live booking that has our request id; else None. The bookings at the request's time are searched, or with
        `made_after` all bookings made since then.

        The e-mail address is not used: Cal.com may have replaced it (calcom 25432). If our booking was moved, the new one is
        returned: shortly after a move, Cal.com's list may still show the old booking alone.
        """
        moved: RemoteBooking | None = None
        first, last = lookup_span(request)
        filters = {"afterStart": format_utc(first), "beforeEnd": format_utc(last)}
        if request.made_after is not None:
            filters = {"afterCreatedAt": format_utc(request.made_after)}
        for page in range(_MAX_PAGES):
            try:
                bookings = await self._list(request, filters, page)
            except CalendarUnavailable as error:
                if moved is None:
                    raise
                raise _moved_out_of_sight(error) from error
            if found := _find_request(bookings, str(request.request_id)):
                return found
            moved = moved or _find_moved(bookings, str(request.request_id))
            if len(bookings) < _PAGE_SIZE:
                return await self._follow(moved, request.correlation_id) if moved else None
        raise CalendarUnavailable("Cal.com lists more bookings than can be looked through")

    async def _follow(self, moved: RemoteBooking, correlation_id: str) -> RemoteBooking | None:
        """Return the booking that `moved` became; None if it is cancelled. Raises `CalendarUnavailable` if it is not shown yet."""
        try:
            booking = await self.get_booking(moved.uid, correlation_id=correlation_id)
        except CalendarUnavailable as error:
            raise _moved_out_of_sight(error) from error
        if booking is None:
            raise CalendarUnavailable("the booking was moved, and Cal.com does not show yet where it is now")
        return booking if booking.live else None

    async def get_booking(
        self, uid: str, *, event_type_id: int | None = None, correlation_id: str  # noqa: ARG002
    ) -> RemoteBooking | None:  # fmt: skip
        """Return a booking after all its moves: a move creates a new booking and cancels the old one, which refers to it."""
        uids: list[str] = []
        booking = await self._read(uid, correlation_id)
        before = booking and booking.get("rescheduledFromUid")
        while booking is not None and len(uids) < _MAX_MOVES:
            uids.insert(0, uid)
            moved_to = booking.get("rescheduledToUid")
            if not isinstance(moved_to, str) or not moved_to or moved_to in uids:
                break
            uid = moved_to
            try:
                booking = await self._read(uid, correlation_id)
            except CalendarUnavailable as error:
                raise _moved_out_of_sight(error) from error
        if booking is None:
            return None
        if isinstance(before, str):
            uids.append(before)
        if found := parse_remote_booking(booking, uids):
            return found
        raise BookingUnreadable("Cal.com's answer is no booking")

    async def read_free_times(self, query: FreeTimesQuery, *, within: timedelta) -> FreeTimes:
        """Return the free times of the query's days. The slots are requested with their ends, which show a booking's length."""
        deadline = self.http.clock.monotonic() + within.total_seconds()
        bodies = []
        for params in slots_params(query):
            seconds = max(deadline - self.http.clock.monotonic(), _SHORTEST_SECONDS)
            reply = await self._send(
                "GET",
                seconds,
                _SLOTS_PATH,
                version=_SLOTS_VERSION,
                http=self.slots_http,
                params=params,
                optional=True,
                limit=MAX_PAGE_BYTES,
            )
            if reply.status != HTTPStatus.OK:
                await self._record_slots(query, reply, "failed")
                raise no_answer("list its free times", reply)
            bodies.append(reply.body)
        try:
            times = parse_slots(merge_bodies(bodies), query)
        except SlotsUnreadable as error:
            await self._record_slots(query, reply, "unreadable")
            raise CalendarUnavailable(f"Cal.com's free times cannot be read: {error}") from None
        self.recorder.measure("read-free-times", reply, "read")
        return times

    async def _record_slots(self, query: FreeTimesQuery, reply: Reply, outcome: str) -> None:
        await self.recorder.record("read-free-times", reply, outcome, query.correlation_id, _SLOTS_PATH)

    async def list_changed(self, since: datetime, *, skip: int = 0, correlation_id: str) -> BookingPage:
        return await self._list_page(
            {"afterUpdatedAt": format_utc(since), "sortUpdatedAt": "asc"}, skip, correlation_id
        )

    async def list_starting(
        self, event_type_ids: Collection[int], since: datetime, *, skip: int = 0, correlation_id: str
    ) -> BookingPage:
        """List without Cal.com's filter `status`: its values differ from those of a booking, and their meaning has changed."""
        ids = ",".join(str(number) for number in sorted(event_type_ids))
        filters = {"eventTypeIds": ids, "afterStart": format_utc(since), "sortStart": "asc"}
        return await self._list_page(filters, skip, correlation_id)

    async def _list_page(self, filters: dict[str, str], skip: int, correlation_id: str) -> BookingPage:
        reply, rows = await self._get_list(filters, skip)
        bookings = read_rows(rows or ())
        skipped = len(rows or ()) - len(bookings)
        outcome = "failed" if rows is None else "listed_in_part" if skipped else "listed"
        await self.recorder.record("list-bookings", reply, outcome, correlation_id, _PATH)
        if rows is None:
            raise no_answer("list its bookings", reply)
        if skipped:
            log.warning("calendar.rows_skipped", rows=skipped, of=len(rows), correlation_id=correlation_id)
        return BookingPage(tuple(bookings), len(rows), full=len(rows) >= _PAGE_SIZE)

    async def _list(self, request: CalendarRequest, filters: dict[str, str], page: int) -> list[Any]:
        """Return a page of the bookings of the request's event type. Raises `CalendarUnavailable`."""
        params = {"eventTypeId": str(request.event_type_id), **filters}
        reply, bookings = await self._get_list(params, page * _PAGE_SIZE)
        if bookings is None:
            await self.recorder.record("find-booking", reply, "failed", request.correlation_id, _PATH)
            raise no_answer("list its bookings", reply)
        outcome = "found" if _find_request(bookings, str(request.request_id)) else "not_found"
        await self.recorder.record("find-booking", reply, outcome, request.correlation_id, _PATH)
        return bookings

    async def _get_list(self, filters: dict[str, str], skip: int) -> tuple[Reply, list[Any] | None]:
        """Return the reply to a list request, and the rows in it; the rows are None if the reply contains no list."""
        params = {**filters, "take": str(_PAGE_SIZE)}
        if skip:
            params["skip"] = str(skip)
        reply = await self._send("GET", _LOOKUP_SECONDS, params=params, limit=MAX_PAGE_BYTES)
        is_ok = reply.status == HTTPStatus.OK and isinstance(reply.body, dict)
        rows = reply.body.get("data") if is_ok else None
        return reply, rows if isinstance(rows, list) else None

    async def _read(self, uid: str, correlation_id: str) -> dict[str, Any] | None:
        """Return the booking object with this uid from Cal.com; None if Cal.com has no such booking."""
        reply = await self._send("GET", _LOOKUP_SECONDS, _BOOKING_PATH.format(uid=quote(uid, safe="")))
        data = reply.body.get("data") if isinstance(reply.body, dict) else None
        is_found = reply.status == HTTPStatus.OK and isinstance(data, dict)
        is_absent = reply.status == HTTPStatus.NOT_FOUND and not was_never_reached(reply)
        outcome = "found" if is_found else "not_found" if is_absent else "failed"
        await self.recorder.record("get-booking", reply, outcome, correlation_id, _BOOKING_PATH)
        if outcome == "failed":
            raise no_answer("tell of a booking", reply)
        return data if is_found else None

    async def _send(
        self,
        method: str,
        seconds: float,
        path: str = _PATH,
        *,
        version: str = _BOOKINGS_VERSION,
        http: CalcomHttp | None = None,
        **content: Any,
    ) -> Reply:
        key = self.api_key()
        if not key:
            return missing_key(method)
        headers = {"Authorization": f"Bearer {key}", "cal-api-version": version}
        url = self.config().calendar.base_url.rstrip("/") + path
        return await (http or self.http).send(method, url, seconds, headers=headers, **content)


def _moved_out_of_sight(error: CalendarUnavailable) -> CalendarUnavailable:
    """Return the error for a moved booking whose new time is unknown. Another version of the API would not know it either."""
    return type(error)(f"the booking was moved, and where to is not known: {error}", error.retry_after)


def _find_request(bookings: list[Any], request_id: str) -> RemoteBooking | None:
    return next((booking for booking in _made_for(bookings, request_id) if booking.live), None)


def _find_moved(bookings: list[Any], request_id: str) -> RemoteBooking | None:
    """Return a booking of this request id that a move has replaced by another booking; None if there is none."""
    return next((booking for booking in _made_for(bookings, request_id) if booking.moved_to), None)


def _made_for(bookings: list[Any], request_id: str) -> Iterator[RemoteBooking]:
    """Yield the bookings with this request id. Raises `BookingUnreadable` if one of them cannot be parsed."""
    for row in bookings:
        if isinstance(row, dict) and str(request_id_of(row)) == request_id:
            found = parse_remote_booking(row, (str(row.get("uid")),))
            if found is None:
                raise BookingUnreadable("Cal.com lists the booking in a form that cannot be read")
            yield found
