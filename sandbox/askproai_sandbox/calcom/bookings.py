"""Bookings of API v2: create, get, cancel and move, each with its webhook (docs/vendors/calcom.md)."""

import asyncio
import secrets
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from askproai_sandbox.calcom import requests, webhooks
from askproai_sandbox.calcom.account import Account, Booking, Seat
from askproai_sandbox.calcom.availability import Availability
from askproai_sandbox.calcom.booking_fields import responses_of
from askproai_sandbox.calcom.event_types import EventType, Scheduling
from askproai_sandbox.calcom.hosts import Host
from askproai_sandbox.calcom.server import Server, ok
from askproai_sandbox.simulator import Refusal, json_body

VERSION = "2024-08-13"


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
            server.serve(method, f"/v2/bookings{path}", operation, handler, version=VERSION, public=True)
        server.serve("POST", "/v2/bookings/{uid}/mark-absent", "mark-absent", self._mark_absent, version=VERSION)
        server.controls["dashboard"] = self._dashboard

    def _check_time(
        self,
        account: Account,
        event_type: EventType,
        start: datetime,
        end: datetime,
        except_uid: str | None = None,
        only: Collection[int] = (),
    ) -> Host:
        """Return the host who gets a booking. Raises Refusal: status 400 if the time is not free, 403 at a limit."""
        now = self._server.clock.now()
        if start < now:
            raise Refusal(400, "Attempting to book a meeting in the past.")
        if not event_type.is_bookable(start, now):
            raise Refusal(400, 'The event type can\'t be booked at the "start" time provided. This could be because '
                               "it's too soon (violating the minimum booking notice) or too far in the future.")  # fmt: skip
        availability = Availability(account, event_type, now, except_uid)
        if limit := availability.reached_limit(start, end):
            raise Refusal(403, limit, bare=True)
        hosts = [host for host in availability.free_hosts(start, end) if event_type.counts(only, host.id)]
        if not hosts or availability.seats_left(start, end) == 0:
            who = "User" if event_type.scheduling is None else "One of the hosts"
            raise Refusal(400, f"{who} either already has booking at this time or is not available")
        return hosts[0]

    async def _create(self, request: web.Request, client: Account) -> web.Response:
        body = requests.parse(requests.BookingBody, await json_body(request))
        booking = await self.create(body, client)
        seat = {"seatUid": booking.seats[-1].uid} if booking.seats else {}
        return ok({**booking.body(), **seat}, 201)

    async def create(self, body: requests.BookingBody, client: Account) -> Booking:
        """Create a booking, or take a seat in an existing booking, and send the webhook. Raises Refusal."""
        found = self._server.find_event_type(body.event_type_id, client)
        if found is None:
            raise Refusal(404, f"Event type with id {body.event_type_id} not found.")
        account, event_type = found
        if event_type.scheduling is Scheduling.MANAGED:
            raise Refusal(400, f"Event type with id={event_type.id} is the parent managed event type that can't be "
                               "booked. You have to provide the child event type id aka id of event type that has been "
                               "assigned to one of the users.")  # fmt: skip
        attendee, start = requests.attendee_of(body, event_type), requests.utc(body.start)
        end, responses = (
            start + _length(event_type, body.length_in_minutes),
            responses_of(body.booking_fields_responses, event_type),
        )
        event, status = "BOOKING_CREATED", "accepted"
        if event_type.needs_confirmation:
            event, status = "BOOKING_REQUESTED", "pending"
        if event_type.needs_confirmation or event_type.scheduling is Scheduling.ROUND_ROBIN:
            for b in account.bookings.values():  # only with these does a repeated request find the first booking
                if b.live and (b.event_type, b.start, b.attendee["email"]) == (event_type, start, attendee["email"]):
                    return b
        now = self._server.clock.now()
        host = self._check_time(account, event_type, start, end, only=body.rr_host_subset_ids)
        if delay_ms := self._server.settings["insert_delay_ms"]:
            await asyncio.sleep(delay_ms / 1000)
        seated = Availability(account, event_type, now).seated(start)
        if seated and attendee["email"] in {each["email"] for each in seated.attendees}:
            raise Refusal(409, "already_signed_up_for_this_booking_error", bare=True)
        booking = seated or Booking(
            next(self._server.ids), event_type, host, start, end, attendee, now, now, status, metadata=body.metadata,
            responses=responses,
        )  # fmt: skip
        if event_type.seats:
            booking.seats.append(
                Seat(attendee, {**responses, "name": attendee["name"], "email": attendee["email"]}, body.metadata)
            )
            booking.updated = now
        account.bookings[booking.uid] = booking
        await webhooks.send_booking(self._server, account, event, booking)
        return booking

    def _find(self, uid: str) -> tuple[Account, Booking]:
        """Return the booking with this uid and its account. Any client may use the uid: it needs no right to the booking."""
        for account in self._server.accounts.values():
            if uid in account.bookings:
                return account, account.bookings[uid]
        raise Refusal(404, f"Booking with uid={uid} was not found in the database")

    async def _get(self, request: web.Request, _client: Account) -> web.Response:
        return ok(self._find(request.match_info["uid"])[1].body())

    async def _cancel(self, request: web.Request, _client: Account) -> web.Response:
        account, booking = self._find(request.match_info["uid"])
        body = requests.parse(requests.CancelBody, await json_body(request))
        seat = next((seat for seat in booking.seats if seat.uid == body.seat_uid), None)
        if seat is not None and len(booking.seats) > 1:
            booking.seats.remove(seat)  # the booking itself is not changed, nor its time of change
            await webhooks.send_booking(
                self._server, account, "BOOKING_CANCELLED", booking, status="CANCELLED", attendees=[seat.attendee],
                seatsPerTimeSlot=booking.event_type.seats,
            )  # fmt: skip
            return ok(booking.body())
        await self.cancel(account, booking, body.cancellation_reason)
        return ok(booking.body())

    async def cancel(
        self, account: Account, booking: Booking, reason: str, by: str | None = None, *, ask_again: bool = False
    ) -> None:
        """Cancel a booking and send its webhook. `by` is the mail address of the person who cancels, by default the attendee's.
        Raises Refusal.

        `ask_again`: the host asks the attendee for another time; only a flag in the webhook differs then.
        """
        if not booking.live:
            raise Refusal(400, "This booking has already been cancelled.", bare=True)
        if booking.end < self._server.clock.now():
            raise Refusal(400, "Cannot cancel a booking that has already ended", bare=True)
        booking.status, booking.updated = "cancelled", self._server.clock.now()
        booking.extra["cancellationReason"] = reason
        await webhooks.send_booking(
            self._server, account, "BOOKING_CANCELLED", booking, cancelledBy=by or booking.attendee["email"],
            requestReschedule=ask_again, cancellationReason=reason,
        )  # fmt: skip

    async def _reschedule(self, request: web.Request, _client: Account) -> web.Response:
        account, old = self._find(request.match_info["uid"])
        body = requests.parse(requests.MoveBody, await json_body(request))
        return ok((await self._move(account, old, body)).body(), 201)

    async def _move(self, account: Account, old: Booking, body: requests.MoveBody) -> Booking:
        """Cancel a booking, and return a new one at the new time, with a new uid. Send one webhook for both. Raises Refusal."""
        if not old.live:
            raise Refusal(400, "Can't reschedule a booking that is cancelled or already rescheduled.")
        event_type = account.event_types.get(old.event_type.id, old.event_type)  # as it is now
        now, start = self._server.clock.now(), requests.utc(body.start)
        end = start + _length(event_type, None)  # the length that the booking had is lost
        new = replace(
            old, event_type=event_type, id=next(self._server.ids), uid=secrets.token_urlsafe(), start=start, end=end,
            host=self._check_time(account, event_type, start, end, old.uid), created=now, updated=now,
            status="pending" if event_type.needs_confirmation else "accepted",
            extra={"rescheduledFromUid": old.uid, "reschedulingReason": body.rescheduling_reason},
        )  # fmt: skip
        account.bookings[new.uid] = new
        old.status, old.updated = "cancelled", now
        old.extra |= {"rescheduledToUid": new.uid}
        event = "BOOKING_REQUESTED" if self._server.settings["moves_are_requests"] else "BOOKING_RESCHEDULED"
        await webhooks.send_booking(
            self._server, account, event, new, rescheduleUid=old.uid, rescheduleId=old.id,
            rescheduleStartTime=webhooks.iso_seconds(old.start), rescheduleEndTime=webhooks.iso_seconds(old.end),
            rescheduledBy=body.rescheduled_by or old.attendee["email"],
        )  # fmt: skip
        return new

    async def _mark_absent(self, request: web.Request, client: Account) -> web.Response:
        account, booking = self._find(request.match_info["uid"])
        body = requests.parse(requests.AbsentBody, await json_body(request))
        if account is not client:
            raise Refusal(403, "Only the owner of a booking can mark who was absent.")
        if booking.start > self._server.clock.now():
            raise Refusal(400, "Attendees can be marked as absent only after the booking has begun.")
        for each in body.attendees:
            if each.email != booking.attendee["email"]:
                raise Refusal(404, f"Attendee with email={each.email} was not found in this booking.")
            await self._mark(account, booking, absent=each.absent)
        return ok(booking.body())

    async def _mark(self, account: Account, booking: Booking, *, absent: bool) -> None:
        """Store whether the attendee of a booking was absent (`absent`), and send the webhook."""
        booking.absent, booking.updated = absent, self._server.clock.now()
        attendees = [{"email": booking.attendee["email"], "noShow": absent}]
        payload = {"bookingUid": booking.uid, "bookingId": booking.id, "attendees": attendees, "message": "marked"}
        await webhooks.send(self._server, account, "BOOKING_NO_SHOW_UPDATED", payload)

    async def _dashboard(self, body: dict[str, Any]) -> web.Response:
        """Act as a host does in the dashboard: `{key, action, …}`. Returns the changed booking.

        Actions: `create` with the body of a booking; `move` with `uid` and `start`; `cancel`, `ask-again` (cancel, and ask the
        attendee for another time), `confirm`, `reject`, `absent` and `present` with `uid`; `reassign` with `uid` and the name
        of a `host`.
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
            case "cancel" | "ask-again":
                by = f"{account.username}@example.com"
                await self.cancel(account, booking, "abgesagt vom Salon", by, ask_again=action == "ask-again")
            case "confirm" | "reject":
                booking.status, booking.updated = ("accepted" if action == "confirm" else "rejected"), now
                event = "BOOKING_CREATED" if action == "confirm" else "BOOKING_REJECTED"
                await webhooks.send_booking(self._server, account, event, booking)
            case "reassign":
                former, booking.host, booking.updated = booking.host, account.host(body["host"]), now
                hosts = {"addedHostUserIds": [booking.host.id], "removedHostUserIds": [former.id]}
                await webhooks.send_booking(self._server, account, "BOOKING_REASSIGNED", booking, **hosts)
            case "absent" | "present":
                await self._mark(account, booking, absent=action == "absent")
            case _:
                raise ValueError(f"there is no action {action}")
        return web.json_response(booking.body())


def _length(event_type: EventType, requested: int | None) -> timedelta:
    """Return the length of a new booking. Raises Refusal for one that the event type does not offer."""
    length = event_type.length(requested)
    if length is not None:
        return length
    options = event_type.fields["lengthInMinutesOptions"]
    if not options:
        raise Refusal(400, "Can't specify 'lengthInMinutes' because event type does not have multiple possible lengths. "
                           "Please, remove the 'lengthInMinutes' field from the request.")  # fmt: skip
    raise Refusal(400, "Provided 'lengthInMinutes' is not one of the possible lengths for the event type. The possible "
                       f"lengths are: {', '.join(map(str, options))}")  # fmt: skip
