"""Bookings (reference §4): made, found, cancelled, moved; with their webhooks."""

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
        for method, path, operation, work in (
            ("POST", "", "create-booking", self._book),
            ("GET", "/{uid}", "get-booking", self._get),
            ("POST", "/{uid}/cancel", "cancel-booking", self._cancel),
            ("POST", "/{uid}/reschedule", "reschedule-booking", self._reschedule),
        ):
            server.serve(method, f"/v2/bookings{path}", operation, work, version=_VERSION, public=True)
        server.serve("GET", "/v2/bookings", "list-bookings", self._list, version=_VERSION)
        server.controls["dashboard"] = self._dashboard

    def _target(self, number: int, caller: Account) -> tuple[Account, EventType]:
        """Find the event type that is asked for; they are public, and the caller's own come first."""
        for account in (caller, *self._server.accounts.values()):
            if number in account.event_types:
                return account, account.event_types[number]
        raise Refusal(404, f"Event type with id {number} not found.")

    def _end_of(self, account: Account, kind: EventType, start: datetime, ignoring: str | None = None) -> datetime:
        """Give the end, if the time can be booked; taken is 400 far more often than 409 (§4)."""
        now, end = self._server.clock.now(), start + kind.minutes("lengthInMinutes")
        if start < now:
            raise Refusal(400, "Attempting to book a meeting in the past.")
        if not kind.bookable(start, now):
            raise Refusal(400, 'The event type can\'t be booked at the "start" time provided. This could be because '
                               "it's too soon (violating the minimum booking notice) or too far in the future.")  # fmt: skip
        if not account.is_free(kind, start, end, ignoring):
            raise Refusal(400, "User either already has booking at this time or is not available")
        return end

    async def _book(self, request: web.Request, caller: Account) -> web.Response:
        body = requests.read(requests.BookingBody, await json_body(request))
        return ok((await self.book(body, caller)).answer(), 201)

    async def book(self, body: requests.BookingBody, caller: Account) -> Booking:
        """Make a booking, and tell of it. Raises Refusal."""
        attendee, start = requests.attendee_of(body), requests.utc(body.start)
        account, kind = self._target(body.event_type_id, caller)
        event, status = "BOOKING_CREATED", "accepted"
        if kind.needs_confirmation:
            event, status = "BOOKING_REQUESTED", "pending"
            for b in account.bookings.values():  # here, and only here, a repeated request finds the first one
                if b.live and (b.event_type, b.start, b.attendee["email"]) == (kind, start, attendee["email"]):
                    return b
        now, end = self._server.clock.now(), self._end_of(account, kind, start)
        booking = Booking(next(self._server.ids), kind, start, end, attendee, now, now, status, metadata=body.metadata)
        account.bookings[booking.uid] = booking
        await webhooks.tell(self._server, account, event, booking)
        return booking

    def _found(self, uid: str) -> tuple[Account, Booking]:
        """Find a booking by its uid, which is all that one needs to know."""
        for account in self._server.accounts.values():
            if uid in account.bookings:
                return account, account.bookings[uid]
        raise Refusal(404, f"Booking with uid={uid} was not found in the database")

    async def _get(self, request: web.Request, _caller: Account) -> web.Response:
        return ok(self._found(request.match_info["uid"])[1].answer())

    async def _list(self, request: web.Request, account: Account) -> web.Response:
        query = requests.read(requests.BookingsQuery, request.query)
        take, skip = query.take, query.skip
        rows = [
            b for b in self._server.seen(request, account.bookings.values())
            if query.event_type_id in {None, b.event_type.id}
            and (query.after_start is None or b.start >= requests.utc(query.after_start))
            and (query.before_end is None or b.end <= requests.utc(query.before_end))
        ]  # fmt: skip
        page = rows[skip : skip + take]
        left = max(0, len(rows) - skip - len(page))
        return ok([b.answer() for b in page], pagination={
            "totalItems": len(rows), "remainingItems": left, "returnedItems": len(page), "itemsPerPage": take,
            "currentPage": skip // take + 1, "totalPages": -(-len(rows) // take), "hasNextPage": left > 0,
            "hasPreviousPage": skip > 0,
        })  # fmt: skip

    async def _cancel(self, request: web.Request, _caller: Account) -> web.Response:
        account, booking = self._found(request.match_info["uid"])
        body = requests.read(requests.CancelBody, await json_body(request))
        await self.cancel(account, booking, body.cancellation_reason)
        return ok(booking.answer())

    async def cancel(self, account: Account, booking: Booking, why: str, by: str | None = None) -> None:
        """Cancel a booking, and tell of it. Raises Refusal."""
        if not booking.live:
            raise Refusal(400, "This booking has already been cancelled.", bare=True)
        if booking.end < self._server.clock.now():
            raise Refusal(400, "Cannot cancel a booking that has already ended", bare=True)
        booking.status, booking.updated = "cancelled", self._server.clock.now()
        told = {"cancellationReason": why}
        booking.extra |= told
        await webhooks.tell(
            self._server, account, "BOOKING_CANCELLED", booking, cancelledBy=by or booking.attendee["email"],
            requestReschedule=False, **told,
        )  # fmt: skip

    async def _reschedule(self, request: web.Request, _caller: Account) -> web.Response:
        account, old = self._found(request.match_info["uid"])
        body = requests.read(requests.MoveBody, await json_body(request))
        return ok((await self._move(account, old, body)).answer(), 201)

    async def _move(self, account: Account, old: Booking, body: requests.MoveBody) -> Booking:
        """Move a booking: a new one with a new uid, the old one cancelled (§4)."""
        if not old.live:
            raise Refusal(400, "Can't reschedule a booking that is cancelled or already rescheduled.")
        kind, now, start = old.event_type, self._server.clock.now(), requests.utc(body.start)
        new = replace(
            old, id=next(self._server.ids), uid=secrets.token_urlsafe(), start=start,
            end=self._end_of(account, kind, start, old.uid), created=now, updated=now,
            status="pending" if kind.needs_confirmation else "accepted",
            extra={"rescheduledFromUid": old.uid, "reschedulingReason": body.rescheduling_reason},
        )  # fmt: skip
        account.bookings[new.uid] = new
        old.status, old.updated = "cancelled", now
        old.extra |= {"rescheduledToUid": new.uid}
        await webhooks.tell(
            self._server, account, "BOOKING_RESCHEDULED", new, rescheduleUid=old.uid, rescheduleId=old.id,
            rescheduleStartTime=webhooks.seconds(old.start), rescheduleEndTime=webhooks.seconds(old.end),
            rescheduledBy=body.rescheduled_by or old.attendee["email"],
        )  # fmt: skip
        return new

    async def _dashboard(self, body: dict[str, Any]) -> web.Response:
        """Do what a host does in the dashboard: `{key, action, …}`; the answer is the booking as it is then.

        `create` takes a booking's body, `move` `uid` and `start`, the others `uid`: cancel, confirm, reject, absent, present.
        """
        account, action = self._server.account_of(body.pop("key")), body.pop("action")
        if action == "create":
            made = await self.book(requests.read(requests.BookingBody, body), account)
            return web.json_response(made.answer(), status=201)
        account, booking = self._found(body.pop("uid"))
        now = self._server.clock.now()
        match action:
            case "move":
                booking = await self._move(account, booking, requests.read(requests.MoveBody, body))
            case "cancel":
                await self.cancel(account, booking, "abgesagt vom Salon", f"{account.username}@example.com")
            case "confirm" | "reject":
                booking.status, booking.updated = ("accepted" if action == "confirm" else "rejected"), now
                event = "BOOKING_CREATED" if action == "confirm" else "BOOKING_REJECTED"
                await webhooks.tell(self._server, account, event, booking)
            case "absent" | "present":
                booking.absent, booking.updated = action == "absent", now
                who = {"email": booking.attendee["email"], "noShow": booking.absent}
                told = {"bookingUid": booking.uid, "bookingId": booking.id, "attendees": [who], "message": "marked"}
                await webhooks.send(self._server, account, "BOOKING_NO_SHOW_UPDATED", told)
            case _:
                raise ValueError(f"there is no action {action}")
        return web.json_response(booking.answer())
