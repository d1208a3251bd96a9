"""Bookings of API v2: create, get, list, cancel and move, each with its webhook (docs/vendors/calcom.md)."""

import secrets
from dataclasses import replace
from datetime import datetime
from typing import Any

from aiohttp import web

from askproai_sandbox.calcom import requests, webhooks
from askproai_sandbox.calcom.account import Account, Booking, EventType
from askproai_sandbox.calcom.server import Server, ok
from askproai_sandbox.simulator import Refusal, json_body

_VERSION = "2024-08-13"


class Bookings:
    """Handlers of /v2/bookings."""

    def __init__(self, server: Server) -> None:
        self._server = server
        for method, path, operation, handler in (
            ("POST", "", "create-booking", self._create),
            ("GET", "/{uid}", "get-booking", self._get),
            ("POST", "/{uid}/cancel", "cancel-booking", self._cancel),
            ("POST", "/{uid}/reschedule", "reschedule-booking", self._reschedule),
        ):
            server.serve(method, f"/v2/bookings{path}", operation, handler, version=_VERSION, public=True)
        server.serve("GET", "/v2/bookings", "list-bookings", self._list, version=_VERSION)
        server.controls["dashboard"] = self._dashboard

    def _find_event_type(self, number: int, client: Account) -> tuple[Account, EventType]:
        """Return an event type and its account. Event types are public; those of the client come first."""
        for account in (client, *self._server.accounts.values()):
            if number in account.event_types:
                return account, account.event_types[number]
        raise Refusal(404, f"Event type with id {number} not found.")

    def _check_time(
        self, account: Account, event_type: EventType, start: datetime, except_uid: str | None = None
    ) -> datetime:
        """Return the end of a booking at `start`. Raises Refusal with status 400 (rather than 409) if it cannot be booked."""
        now, end = self._server.clock.now(), start + event_type.minutes("lengthInMinutes")
        if start < now:
            raise Refusal(400, "Attempting to book a meeting in the past.")
        if not event_type.is_bookable(start, now):
            raise Refusal(400, 'The event type can\'t be booked at the "start" time provided. This could be because '
                               "it's too soon (violating the minimum booking notice) or too far in the future.")  # fmt: skip
        if not account.is_free(event_type, start, end, except_uid):
            raise Refusal(400, "User either already has booking at this time or is not available")
        return end

    async def _create(self, request: web.Request, client: Account) -> web.Response:
        body = requests.parse(requests.BookingBody, await json_body(request))
        return ok((await self.create(body, client)).body(), 201)

    async def create(self, body: requests.BookingBody, client: Account) -> Booking:
        """Create a booking and send its webhook. Raises Refusal."""
        attendee, start = requests.attendee_of(body), requests.utc(body.start)
        account, event_type = self._find_event_type(body.event_type_id, client)
        event, status = "BOOKING_CREATED", "accepted"
        if event_type.needs_confirmation:
            event, status = "BOOKING_REQUESTED", "pending"
            for b in account.bookings.values():  # only with confirmation does a repeated request find the first booking
                if b.live and (b.event_type, b.start, b.attendee["email"]) == (event_type, start, attendee["email"]):
                    return b
        now, end = self._server.clock.now(), self._check_time(account, event_type, start)
        booking = Booking(
            next(self._server.ids), event_type, start, end, attendee, now, now, status, metadata=body.metadata
        )
        account.bookings[booking.uid] = booking
        await webhooks.send_booking(self._server, account, event, booking)
        return booking

    def _find(self, uid: str) -> tuple[Account, Booking]:
        """Return a booking and its account. The uid is enough; the client needs no right to it."""
        for account in self._server.accounts.values():
            if uid in account.bookings:
                return account, account.bookings[uid]
        raise Refusal(404, f"Booking with uid={uid} was not found in the database")

    async def _get(self, request: web.Request, _client: Account) -> web.Response:
        return ok(self._find(request.match_info["uid"])[1].body())

    async def _list(self, request: web.Request, account: Account) -> web.Response:
        query = requests.parse(requests.BookingsQuery, request.query)
        take, skip = query.take, query.skip
        rows = [
            b for b in self._server.listed(request, account.bookings.values())
            if query.event_type_id in {None, b.event_type.id}
            and (query.after_start is None or b.start >= requests.utc(query.after_start))
            and (query.before_end is None or b.end <= requests.utc(query.before_end))
            and (query.after_created_at is None or b.created >= requests.utc(query.after_created_at))
        ]  # fmt: skip
        page = rows[skip : skip + take]
        remaining = max(0, len(rows) - skip - len(page))
        return ok([b.body() for b in page], pagination={
            "totalItems": len(rows), "remainingItems": remaining, "returnedItems": len(page), "itemsPerPage": take,
            "currentPage": skip // take + 1, "totalPages": -(-len(rows) // take), "hasNextPage": remaining > 0,
            "hasPreviousPage": skip > 0,
        })  # fmt: skip

    async def _cancel(self, request: web.Request, _client: Account) -> web.Response:
        account, booking = self._find(request.match_info["uid"])
        body = requests.parse(requests.CancelBody, await json_body(request))
        await self.cancel(account, booking, body.cancellation_reason)
        return ok(booking.body())

    async def cancel(self, account: Account, booking: Booking, reason: str, by: str | None = None) -> None:
        """Cancel a booking and send its webhook; `by` is a mail address, by default the attendee's. Raises Refusal."""
        if not booking.live:
            raise Refusal(400, "This booking has already been cancelled.", bare=True)
        if booking.end < self._server.clock.now():
            raise Refusal(400, "Cannot cancel a booking that has already ended", bare=True)
        booking.status, booking.updated = "cancelled", self._server.clock.now()
        booking.extra["cancellationReason"] = reason
        await webhooks.send_booking(
            self._server, account, "BOOKING_CANCELLED", booking, cancelledBy=by or booking.attendee["email"],
            requestReschedule=False, cancellationReason=reason,
        )  # fmt: skip

    async def _reschedule(self, request: web.Request, _client: Account) -> web.Response:
        account, old = self._find(request.match_info["uid"])
        body = requests.parse(requests.MoveBody, await json_body(request))
        return ok((await self._move(account, old, body)).body(), 201)

    async def _move(self, account: Account, old: Booking, body: requests.MoveBody) -> Booking:
        """Cancel a booking and return a new one with a new uid at the new time; send one webhook for both. Raises Refusal."""
        if not old.live:
            raise Refusal(400, "Can't reschedule a booking that is cancelled or already rescheduled.")
        event_type, now, start = old.event_type, self._server.clock.now(), requests.utc(body.start)
        new = replace(
            old, id=next(self._server.ids), uid=secrets.token_urlsafe(), start=start,
            end=self._check_time(account, event_type, start, old.uid), created=now, updated=now,
            status="pending" if event_type.needs_confirmation else "accepted",
            extra={"rescheduledFromUid": old.uid, "reschedulingReason": body.rescheduling_reason},
        )  # fmt: skip
        account.bookings[new.uid] = new
        old.status, old.updated = "cancelled", now
        old.extra |= {"rescheduledToUid": new.uid}
        await webhooks.send_booking(
            self._server, account, "BOOKING_RESCHEDULED", new, rescheduleUid=old.uid, rescheduleId=old.id,
            rescheduleStartTime=webhooks.iso_seconds(old.start), rescheduleEndTime=webhooks.iso_seconds(old.end),
            rescheduledBy=body.rescheduled_by or old.attendee["email"],
        )  # fmt: skip
        return new

    async def _dashboard(self, body: dict[str, Any]) -> web.Response:
        """Do what a host does in the dashboard: `{key, action, …}`. The answer is the booking after it.

        Actions: `create` with the body of a booking; `move` with `uid` and `start`; `cancel`, `confirm`, `reject`, `absent` and
        `present` with `uid`.
        """
        account, action = self._server.account_of(body.pop("key")), body.pop("action")
        if action == "create":
            booking = await self.create(requests.parse(requests.BookingBody, body), account)
            return web.json_response(booking.body(), status=201)
        account, booking = self._find(body.pop("uid"))
        now = self._server.clock.now()
        match action:
            case "move":
                booking = await self._move(account, booking, requests.parse(requests.MoveBody, body))
            case "cancel":
                await self.cancel(account, booking, "abgesagt vom Salon", f"{account.username}@example.com")
            case "confirm" | "reject":
                booking.status, booking.updated = ("accepted" if action == "confirm" else "rejected"), now
                event = "BOOKING_CREATED" if action == "confirm" else "BOOKING_REJECTED"
                await webhooks.send_booking(self._server, account, event, booking)
            case "absent" | "present":
                booking.absent, booking.updated = action == "absent", now
                attendees = [{"email": booking.attendee["email"], "noShow": booking.absent}]
                payload = {
                    "bookingUid": booking.uid,
                    "bookingId": booking.id,
                    "attendees": attendees,
                    "message": "marked",
                }
                await webhooks.send(self._server, account, "BOOKING_NO_SHOW_UPDATED", payload)
            case _:
                raise ValueError(f"there is no action {action}")
        return web.json_response(booking.body())
