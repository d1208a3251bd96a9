"""Bookings (reference §4): made, found, cancelled, moved; with their webhooks."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from askproai_sandbox.calcom import answers, requests, webhooks
from askproai_sandbox.calcom.account import Account, Booking, EventType, bookable, iso
from askproai_sandbox.calcom.server import Server, integer, moment, ok
from askproai_sandbox.simulator import FaultKind, Refusal, body_of

_VERSION = "2024-08-13"
_TAKEN = "User either already has booking at this time or is not available"
_TIMES = {"afterStart": ("start", 1), "beforeEnd": ("end", -1), "afterCreatedAt": ("created", 1),
          "beforeCreatedAt": ("created", -1), "afterUpdatedAt": ("updated", 1),
          "beforeUpdatedAt": ("updated", -1)}  # fmt: skip
_SORTS = {"sortStart": "start", "sortEnd": "end", "sortCreated": "created", "sortUpdatedAt": "updated"}
_BOOKING_QUERY = {*_TIMES, *_SORTS, "status", "attendeeEmail", "attendeeName", "bookingUid", "eventTypeId",
                  "eventTypeIds", "teamId", "teamsIds", "take", "skip"}  # fmt: skip


class Bookings:
    """Handlers of /v2/bookings."""

    def __init__(self, server: Server) -> None:
        self._server = server
        new = server.versioned
        for method, path, operation, handler in (
            ("POST", "", "create-booking", new(_VERSION, self._book, self._old_book)),
            ("GET", "", "list-bookings", new(_VERSION, self._list, self._old_list)),
            ("GET", "/{uid}", "get-booking", new(_VERSION, self._get)),
            ("POST", "/{uid}/cancel", "cancel-booking", new(_VERSION, self._cancel)),
            ("POST", "/{uid}/reschedule", "reschedule-booking", new(_VERSION, self._reschedule)),
        ):
            server.route(method, f"/v2/bookings{path}", operation, handler)

    def _span(self, account: Account, kind: EventType, body: dict[str, Any], ignoring: str | None = None) -> (
        tuple[datetime, datetime]
    ):  # fmt: skip
        """Check that the time can be booked; taken is 400 far more often than 409 (§4)."""
        start, now = moment(body.get("start"), "start"), self._server.clock.now()
        length = kind.minutes("lengthInMinutes")
        if "lengthInMinutes" in body:
            if body["lengthInMinutes"] not in (kind.fields.get("lengthInMinutesOptions") or ()):
                raise Refusal(400, "Can't specify 'lengthInMinutes' because event type does not have multiple lengths.")
            length = timedelta(minutes=body["lengthInMinutes"])
        if start < now:
            raise Refusal(400, "Attempting to book a meeting in the past.")
        if not bookable(kind, start, now):
            raise Refusal(400, 'The event type can\'t be booked at the "start" time provided. This could be because '
                               "it's too soon (violating the minimum booking notice) or too far in the future.")  # fmt: skip
        if not account.is_free(kind, start, start + length, ignoring):
            raise Refusal(400, _TAKEN)
        return start, start + length

    async def _insert(self, account: Account, booking: Booking, replaced: str | None = None) -> None:
        """Insert after the check, not atomically with it; only the very same span of a host is unique (§4)."""
        if window := self._server.settings["race_window_ms"]:
            await asyncio.sleep(window / 1000)  # real time: it is there to let others in between
        twin = (booking.event_type.host, booking.start, booking.end)
        rows = [b for b in account.bookings.values() if b.status == "accepted" and b.uid != replaced]
        if booking.status == "accepted" and twin in [(b.event_type.host, b.start, b.end) for b in rows]:
            raise Refusal(409, "booking_conflict_error", bare=True)
        account.bookings[booking.uid] = booking

    async def _told(self, request: web.Request, account: Account, event: str, booking: Booking, **extra: Any) -> None:
        """Send the webhooks of a change as it stands now: after the answer or, with that fault, before it."""
        hooks = webhooks.subscribers(account, event)
        told = webhooks.told(event, booking, extra, self._server.clock.now())
        if self._server.faults.take(self._server.operation(request), FaultKind.WEBHOOK_BEFORE_ANSWER):
            await webhooks.deliver(self._server, hooks, event, told)
        else:
            self._server.spawn(
                webhooks.deliver(self._server, hooks, event, told, self._server.settings["webhook_delay_ms"] / 1000)
            )

    async def _book(self, request: web.Request) -> web.Response:
        caller, body = self._server.maybe(request), await body_of(request)
        requests.only(body, requests.BOOKING)
        attendee, metadata = requests.attendee_of(body), requests.metadata_of(body)
        moment(body.get("start"), "start")
        if not isinstance(body.get("eventTypeId", 1), int):
            raise requests.wrong("eventTypeId", "eventTypeId must be a number")
        account, kind = self._server.target(body, caller)
        if kind.fields.get("bookingRequiresAuthentication") and caller is not account:
            raise Refusal(401, "This event type requires the booker to be authenticated.")
        responses = requests.answers_of(kind, body, attendee)
        needs_yes = kind.on("confirmationPolicy")
        if needs_yes:  # here, and only here, a repeated request finds the first one
            for b in account.bookings.values():
                same = b.event_type is kind and b.live and b.start == moment(body["start"], "start")
                if same and b.attendee["email"] == attendee["email"]:
                    return ok(answers.booking(b), 201)
        self._check_booker(account, kind, attendee)
        start, end = self._span(account, kind, body)
        now = self._server.clock.now()
        booking = Booking(
            self._server.next_id(), kind, start, end, attendee, now, now, "pending" if needs_yes else "accepted",
            metadata=metadata, responses=responses, location=requests.location_of(kind, body),
        )  # fmt: skip
        await self._insert(account, booking)
        await self._told(request, account, "BOOKING_REQUESTED" if needs_yes else "BOOKING_CREATED", booking)
        return ok(answers.booking(booking), 201)

    def _check_booker(self, account: Account, kind: EventType, attendee: dict[str, Any]) -> None:
        if not kind.on("bookerActiveBookingsLimit"):
            return
        now = self._server.clock.now()
        active = [b for b in account.bookings.values() if b.event_type is kind and b.live and b.end > now]
        mine = [b for b in active if b.attendee["email"] == attendee["email"]]
        if len(mine) >= kind.fields["bookerActiveBookingsLimit"]["maximumActiveBookings"]:
            raise Refusal(400, "Attendee with this email can't book because the maximum number of active bookings has "
                               "been reached.")  # fmt: skip

    async def _old_book(self, request: web.Request) -> web.Response:
        self._server.maybe(request)
        raise requests.wrong("responses", "responses must be an object")

    async def _old_list(self, request: web.Request) -> web.Response:
        rows = [answers.booking(b) for b in self._server.account(request).bookings.values()]
        return ok({"bookings": rows, "recurringInfo": [], "nextCursor": None})

    def _found(self, request: web.Request) -> tuple[Account, Booking]:
        """Find a booking by its uid, which is all that one needs to know."""
        self._server.maybe(request)
        uid = request.match_info["uid"]
        for account in self._server.accounts.values():
            if uid in account.bookings:
                return account, account.bookings[uid]
        raise Refusal(404, f"Booking with uid={uid} was not found in the database")

    async def _get(self, request: web.Request) -> web.Response:
        return ok(answers.booking(self._found(request)[1]))

    async def _list(self, request: web.Request) -> web.Response:
        account, query = self._server.account(request), request.query
        requests.only(query, _BOOKING_QUERY)
        take = integer(query.get("take", "100"), "take", 1, 250)
        skip = integer(query.get("skip", "0"), "skip", 0)
        rows = [b for b in self._server.seen("list-bookings", account.bookings.values()) if self._matches(b, query)]
        for name, attribute in _SORTS.items():
            if order := query.get(name):
                if order not in {"asc", "desc"}:
                    raise requests.wrong(name, f"{name} must be one of the following values: asc, desc")
                rows.sort(key=lambda b: getattr(b, attribute), reverse=order == "desc")
        page = rows[skip : skip + take]
        left = max(0, len(rows) - skip - len(page))
        return ok([answers.booking(b) for b in page], pagination={
            "totalItems": len(rows), "remainingItems": left, "returnedItems": len(page), "itemsPerPage": take,
            "currentPage": skip // take + 1, "totalPages": -(-len(rows) // take), "hasNextPage": left > 0,
            "hasPreviousPage": skip > 0,
        })  # fmt: skip

    def _matches(self, b: Booking, query: Any) -> bool:
        now = self._server.clock.now()
        states = {
            "upcoming": b.live and b.end >= now, "recurring": False, "past": b.live and b.end < now,
            "cancelled": b.status in {"cancelled", "rejected"}, "unconfirmed": b.status == "pending",
        }  # fmt: skip
        wanted = query.get("status", "").split(",") if "status" in query else []
        if unknown := set(wanted) - states.keys():  # not the values of a booking's own status
            raise requests.wrong("status", f"each value in status must be one of {', '.join(states)}: {unknown}")
        for name, (attribute, sign) in _TIMES.items():
            if name in query and (getattr(b, attribute) - moment(query[name], name)) * sign < timedelta():
                return False
        kinds = [query[name] for name in ("eventTypeId", "eventTypeIds") if name in query]
        email = query.get("attendeeEmail", b.attendee["email"]).replace(" ", "+")
        return (
            (not wanted or any(states[name] for name in wanted))
            and all(str(b.event_type.id) in ids.split(",") for ids in kinds)
            and email.casefold() == b.attendee["email"].casefold()
            and query.get("attendeeName", b.attendee["name"]) == b.attendee["name"]
            and query.get("bookingUid", b.uid) == b.uid
        )

    async def _cancel(self, request: web.Request) -> web.Response:
        account, booking = self._found(request)
        body = await body_of(request)
        requests.only(body, {"cancellationReason", "cancelSubsequentBookings", "seatUid"})
        if not booking.live:
            raise Refusal(400, "This booking has already been cancelled.", bare=True)
        if booking.event_type.fields["disableCancelling"].get("disabled"):
            raise Refusal(400, "This event type does not allow cancellations", bare=True)
        if booking.end < self._server.clock.now():
            raise Refusal(400, "Cannot cancel a booking that has already ended", bare=True)
        booking.status, booking.updated = "cancelled", self._server.clock.now()
        reason = body.get("cancellationReason", "")
        booking.extra |= {"cancellationReason": reason}
        await self._told(request, account, "BOOKING_CANCELLED", booking, cancellationReason=reason,
                         cancelledBy=booking.attendee["email"], requestReschedule=False)  # fmt: skip
        return ok(answers.booking(booking))

    async def _reschedule(self, request: web.Request) -> web.Response:
        """Move a booking: a new one with a new uid, the old one cancelled (§4)."""
        account, old = self._found(request)
        body = await body_of(request)
        requests.only(body, {"start", "reschedulingReason", "rescheduledBy", "emailVerificationCode", "seatUid"})
        if not old.live:
            raise Refusal(400, "Can't reschedule a booking that is cancelled or already rescheduled.")
        kind, now = old.event_type, self._server.clock.now()
        start, end = self._span(account, kind, {"start": body.get("start")}, old.uid)
        new = Booking(
            self._server.next_id(), kind, start, end, dict(old.attendee), now, now,
            "pending" if kind.on("confirmationPolicy") else "accepted", metadata=dict(old.metadata),
            responses=dict(old.responses), location=old.location,
            extra={"rescheduledFromUid": old.uid, "reschedulingReason": body.get("reschedulingReason", "")},
        )  # fmt: skip
        await self._insert(account, new, old.uid)
        old.status, old.updated = "cancelled", now
        old.extra |= {"rescheduledToUid": new.uid}
        await self._told(
            request, account, "BOOKING_RESCHEDULED", new, rescheduleUid=old.uid, rescheduleId=old.id,
            rescheduleStartTime=iso(old.start), rescheduleEndTime=iso(old.end),
            rescheduledBy=body.get("rescheduledBy", old.attendee["email"]),
        )  # fmt: skip
        return ok(answers.booking(new), 201)
