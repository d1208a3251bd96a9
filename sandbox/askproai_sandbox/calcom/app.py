"""The HTTP face of the Cal.com simulator: one handler per operation of the reference."""

import re
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from askproai_sandbox.calcom import answers, requests, webhooks
from askproai_sandbox.calcom.account import Account, Booking, EventType, Webhook, bookable, instant, iso
from askproai_sandbox.simulator import Clock, FaultKind, Refusal, Simulator, body_of

_VERSIONS = {"2024-04-15", "2024-06-11", "2024-06-14", "2024-08-13", "2024-09-04"}  # what Cal.diy knows
_OLD = "2024-04-15"
_EVENT_TYPES, _SLOTS, _BOOKINGS = "2024-06-14", "2024-09-04", "2024-08-13"
_CODES = {
    400: "BadRequestException", 401: "UnauthorizedException", 403: "ForbiddenException", 404: "NotFoundException",
    409: "ConflictException", 422: "UnprocessableEntityException", 429: "ThrottlerException",
}  # fmt: skip
_TAKEN = "User either already has booking at this time or is not available"
_SLOT_QUERY = {
    "start", "end", "eventTypeId", "eventTypeSlug", "username", "usernames", "teamSlug", "organizationSlug", "timeZone",
    "duration", "format", "bookingUidToReschedule", "rrHostSubsetIds",
}  # fmt: skip
_TIMES = {"afterStart": ("start", 1), "beforeEnd": ("end", -1), "afterCreatedAt": ("created", 1),
          "beforeCreatedAt": ("created", -1), "afterUpdatedAt": ("updated", 1),
          "beforeUpdatedAt": ("updated", -1)}  # fmt: skip
_SORTS = {"sortStart": "start", "sortEnd": "end", "sortCreated": "created", "sortUpdatedAt": "updated"}
_BOOKING_QUERY = {*_TIMES, *_SORTS, "status", "attendeeEmail", "attendeeName", "bookingUid", "eventTypeId",
                  "eventTypeIds", "teamId", "teamsIds", "take", "skip"}  # fmt: skip
_POLICIES = {name for name, value in answers.EVENT_TYPE_DEFAULTS.items() if isinstance(value, dict) and value}
Handler = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(slots=True)
class _Budget:
    """The calls that one key made in its window of 60 s; `blocked` once it asked for more."""

    ends: float
    used: int = 0
    blocked: bool = False


def _ok(data: Any, status: int = 200, **more: Any) -> web.Response:
    return web.json_response({"status": "success", "data": data, **more}, status=status)


def _integer(text: Any, name: str, low: int, high: int = 2**53) -> int:
    if not re.fullmatch(r"\d+", str(text)) or not low <= int(text) <= high:
        raise requests.wrong(name, f"{name} must be an integer from {low} to {high}")
    return int(text)


def _moment(text: Any, name: str, *, end_of_day: bool = False) -> datetime:
    try:
        return instant(text, end_of_day=end_of_day)
    except ValueError:
        raise requests.wrong(name, f"{name} must be a valid ISO 8601 date string") from None


class CalcomSimulator(Simulator):
    """Cal.com's API v2, as a self-hosted server serves it."""

    defaults = {  # noqa: RUF012 - see the base
        "rate_limit": 120.0,  # per key and 60 s; 0: none
        "webhook_delay_ms": 20.0,  # after the answer
        "race_window_ms": 0.0,  # between the check and the insert of a booking, which are not atomic (#13397)
    }

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.clear()
        for method, path, operation, handler in (
            ("GET", "/v2/me", "me", self._me),
            ("POST", "/v2/event-types", "create-event-type", self._versioned(_EVENT_TYPES, self._create_type)),
            ("GET", "/v2/event-types", "list-event-types",
             self._versioned(_EVENT_TYPES, self._list_types, self._old_types)),
            ("GET", "/v2/event-types/{id}", "get-event-type",
             self._versioned(_EVENT_TYPES, self._get_type, self._old_type)),
            ("PATCH", "/v2/event-types/{id}", "update-event-type", self._versioned(_EVENT_TYPES, self._update_type)),
            ("DELETE", "/v2/event-types/{id}", "delete-event-type", self._versioned(_EVENT_TYPES, self._delete_type)),
            ("GET", "/v2/slots", "list-slots", self._versioned(_SLOTS, self._slots)),
            ("POST", "/v2/bookings", "create-booking", self._versioned(_BOOKINGS, self._book, self._old_book)),
            ("GET", "/v2/bookings", "list-bookings", self._versioned(_BOOKINGS, self._list, self._old_list)),
            ("GET", "/v2/bookings/{uid}", "get-booking", self._versioned(_BOOKINGS, self._get)),
            ("POST", "/v2/bookings/{uid}/cancel", "cancel-booking", self._versioned(_BOOKINGS, self._cancel)),
            ("POST", "/v2/bookings/{uid}/reschedule", "reschedule-booking",
             self._versioned(_BOOKINGS, self._reschedule)),
            ("POST", "/v2/webhooks", "create-webhook", self._create_hook),
            ("GET", "/v2/webhooks", "list-webhooks", self._list_hooks),
            ("GET", "/v2/webhooks/{id}", "get-webhook", self._get_hook),
            ("PATCH", "/v2/webhooks/{id}", "update-webhook", self._update_hook),
            ("DELETE", "/v2/webhooks/{id}", "delete-webhook", self._delete_hook),
        ):  # fmt: skip
            self.route(method, path, operation, handler)
        self.app.router.add_post("/_sim/event-types", self._seed)

    def clear(self) -> None:
        self.accounts: dict[str, Account] = {}
        self._budgets: dict[str, _Budget] = {}
        self._ids = 5000

    def dump(self) -> dict[str, Any]:
        return {"accounts": {key: {
            "event_types": [answers.event_type(a, kind) for kind in a.event_types.values()],
            "bookings": [answers.booking(b) for b in a.bookings.values()],
            "webhooks": [{**answers.webhook(a, hook), "secret": "***"} for hook in a.webhooks.values()],
        } for key, a in self.accounts.items()}}  # fmt: skip

    # What every request goes through

    def render(self, refusal: Refusal, request: web.Request) -> web.Response:
        """Give an error in one of its two shapes (§1, §4: `HttpError` passes the filters unwrapped)."""
        if refusal.bare:
            bare = {"statusCode": refusal.status, "message": refusal.message}
            return web.json_response(bare, status=refusal.status)
        return web.json_response({
            "status": "error", "timestamp": iso(self.clock.now()), "path": request.path_qs,
            "error": {"code": _CODES.get(refusal.status, "HttpException"), "message": refusal.message,
                      "details": {"message": refusal.message, "statusCode": refusal.status}},
        }, status=refusal.status)  # fmt: skip

    def before(self, request: web.Request) -> None:
        """Count the call; who exceeds the limit is blocked for 60 s (§1)."""
        limit, now = int(self.settings["rate_limit"]), self.clock.monotonic()
        budget = self._budget(request)
        budget.used += 1
        if limit and budget.used > limit:
            if not budget.blocked:
                budget.blocked, budget.ends = True, now + 60
            raise Refusal(429, "ThrottlerException: Too Many Requests")

    def after(self, request: web.Request, response: web.StreamResponse) -> None:
        limit, budget = int(self.settings["rate_limit"]), self._budget(request)
        response.headers["X-Request-Id"] = str(uuid.uuid4())
        response.headers["X-RateLimit-Limit-Default"] = str(limit)
        response.headers["X-RateLimit-Remaining-Default"] = str(max(0, limit - budget.used))
        response.headers["X-RateLimit-Reset-Default"] = str(int(budget.ends - self.clock.monotonic()))

    def _budget(self, request: web.Request) -> _Budget:
        caller, now = request.headers.get("Authorization", "anonymous"), self.clock.monotonic()
        if caller not in self._budgets or self._budgets[caller].ends <= now:
            self._budgets[caller] = _Budget(now + 60)
        return self._budgets[caller]

    def _account(self, request: web.Request) -> Account:
        """Give the user of the key; any `cal_…` is one."""
        match = re.fullmatch(r"Bearer (cal_\S+)", request.headers.get("Authorization", ""))
        if not match:
            raise Refusal(401, "No authentication method provided or API key is invalid.")
        return self._account_of(match[1])

    def _account_of(self, key: str) -> Account:
        if key not in self.accounts:
            self.accounts[key] = Account(key, 100 + len(self.accounts))
        return self.accounts[key]

    def _maybe(self, request: web.Request) -> Account | None:
        """Let public routes do without a key; an invalid one is refused even there (§4)."""
        return self._account(request) if "Authorization" in request.headers else None

    @staticmethod
    def _versioned(expected: str, handler: Handler, old: Handler | None = None) -> Handler:
        """Choose the controller: a missing or unknown version silently means 2024-04-15 (§1)."""

        async def choose(request: web.Request) -> web.Response:
            version = request.headers.get("cal-api-version", _OLD)
            if version == expected:
                return await handler(request)
            if old is not None and (version == _OLD or version not in _VERSIONS):
                return await old(request)
            raise Refusal(404, f"Cannot {request.method} {request.path_qs}")

        return choose

    def _next_id(self) -> int:
        self._ids += 1
        return self._ids

    # The user and the event types

    async def _me(self, request: web.Request) -> web.Response:
        return _ok(answers.me(self._account(request)))

    def _own_type(self, request: web.Request) -> tuple[Account, EventType]:
        account, number = self._account(request), request.match_info["id"]
        if not number.isdigit() or int(number) not in account.event_types:
            raise Refusal(404, f"Event type with id {number} not found.")
        return account, account.event_types[int(number)]

    @staticmethod
    def _type_fields(account: Account, body: dict[str, Any], own: EventType | None = None) -> dict[str, Any]:
        """Take what the DTO knows; other keys are dropped without a word."""
        fields = {name: value for name, value in body.items() if name in answers.EVENT_TYPE_FIELDS}
        for name in _POLICIES & fields.keys():
            if not isinstance(fields[name], dict):
                raise requests.wrong(name, f'{name} must be an object, {{"disabled": true}} to switch it off')
        if any(f.get("type") == "email" and not f.get("required", True) for f in fields.get("bookingFields") or ()):
            raise Refusal(400, "Only organization team event types may make the email optional")
        taken = [kind for kind in account.event_types.values() if kind.fields["slug"] == fields.get("slug")]
        if any(kind is not own for kind in taken):
            raise Refusal(400, "User already has an event type with this slug.")
        return fields

    async def _create_type(self, request: web.Request) -> web.Response:
        account, body = self._account(request), await body_of(request)
        for name, kind in (("lengthInMinutes", int), ("title", str), ("slug", str)):
            if not isinstance(body.get(name), kind):
                raise requests.wrong(name, f"{name} must be a {kind.__name__}")
        fields = {**answers.EVENT_TYPE_DEFAULTS, **self._type_fields(account, body)}
        made = EventType(self._next_id(), self.clock.now(), account.username, fields)
        account.event_types[made.id] = made
        return _ok(answers.event_type(account, made), 201)

    async def _list_types(self, request: web.Request) -> web.Response:
        account = self._account(request)
        kinds = self._seen("list-event-types", account.event_types.values())
        slug = request.query.get("eventSlug")
        return _ok([answers.event_type(account, k) for k in kinds if slug in {None, k.fields["slug"]}])

    async def _get_type(self, request: web.Request) -> web.Response:
        return _ok(answers.event_type(*self._own_type(request)))

    async def _update_type(self, request: web.Request) -> web.Response:
        account, kind = self._own_type(request)
        kind.fields |= self._type_fields(account, await body_of(request), kind)
        return _ok(answers.event_type(account, kind))

    async def _delete_type(self, request: web.Request) -> web.Response:
        account, kind = self._own_type(request)
        del account.event_types[kind.id]
        return _ok({name: kind.fields[name] for name in ("lengthInMinutes", "title", "slug")} | {"id": kind.id})

    async def _old_types(self, request: web.Request) -> web.Response:
        kinds = [answers.old_event_type(kind) for kind in self._account(request).event_types.values()]
        return _ok({"eventTypeGroups": [{"eventTypes": kinds}], "profiles": []})

    async def _old_type(self, request: web.Request) -> web.Response:
        return _ok({"eventType": answers.old_event_type(self._own_type(request)[1])})

    async def _seed(self, request: web.Request) -> web.Response:
        """Make an event type with a given id: `{key, id, lengthInMinutes, title, slug, host?, …}`.

        `host` names who is busy with its bookings, as a managed team type's children do; without it the key's user.
        """
        body = await body_of(request)
        account, number = self._account_of(body.pop("key")), int(body.pop("id"))
        host = body.pop("host", account.username)
        if unknown := body.keys() - answers.EVENT_TYPE_FIELDS:
            raise ValueError(f"unknown fields of an event type: {', '.join(sorted(unknown))}")
        named = {"title": f"Event {number}", "slug": f"event-{number}", "minimumBookingNotice": 0, **body}
        fields = {**answers.EVENT_TYPE_DEFAULTS, "lengthInMinutes": 30, **named}
        account.event_types[number] = EventType(number, self.clock.now(), host, fields)
        return web.json_response(answers.event_type(account, account.event_types[number]), status=201)

    def _seen(self, operation: str, things: Iterable[Any]) -> list[Any]:
        """Give what a list shows now (it may lag)."""

        def identity(thing: Any) -> tuple[str, datetime]:
            return str(thing.uid if isinstance(thing, Booking) else thing.id), thing.born

        return self.faults.visible(operation, things, identity, self.clock.now())

    # Slots

    def _target(self, wanted: Any, caller: Account | None) -> tuple[Account, EventType]:
        """Find the event type that is asked for; they are public, and the caller's own come first."""
        others = [account for account in self.accounts.values() if account is not caller]
        accounts = [*([caller] if caller else []), *others]
        if "eventTypeId" in wanted:
            number = _integer(wanted["eventTypeId"], "eventTypeId", 1)
            for account in accounts:
                if number in account.event_types:
                    return account, account.event_types[number]
            raise Refusal(404, f"Event type with id {number} not found.")
        slug, username = wanted.get("eventTypeSlug"), wanted.get("username")
        for account in accounts:
            for kind in account.event_types.values():
                if kind.fields["slug"] == slug and account.username == username:
                    return account, kind
        raise Refusal(404, f"Event type with slug {slug} belonging to user {username} not found.")

    async def _slots(self, request: web.Request) -> web.Response:
        query = request.query
        caller = self._maybe(request)
        requests.only(query, _SLOT_QUERY)
        first = _moment(query.get("start"), "start")
        last = _moment(query.get("end"), "end", end_of_day=True)
        zone = requests.zone(query.get("timeZone", "UTC"))
        if last < first:
            raise Refusal(400, "Invalid time range given - check the 'start' and 'end' query parameters.")
        account, kind = self._target(query, caller)
        days: dict[str, list[dict[str, str]]] = {}  # days without a slot are absent
        length, ignoring = kind.minutes("lengthInMinutes"), query.get("bookingUidToReschedule")
        for start in account.free_starts(kind, first, last, self.clock.now(), ignoring):
            local = start.astimezone(zone)
            slot = {"start": iso(local)}
            if query.get("format") == "range":
                slot["end"] = iso((start + length).astimezone(zone))
            days.setdefault(local.date().isoformat(), []).append(slot)
        return _ok(days)

    # Bookings

    def _span(self, account: Account, kind: EventType, body: dict[str, Any], ignoring: str | None = None) -> (
        tuple[datetime, datetime]
    ):  # fmt: skip
        """Check that the time can be booked; taken is 400 far more often than 409 (§4)."""
        start, now = _moment(body.get("start"), "start"), self.clock.now()
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
        if self.settings["race_window_ms"]:
            await self.clock.sleep(timedelta(milliseconds=self.settings["race_window_ms"]))
        twin = (booking.event_type.host, booking.start, booking.end)
        rows = [b for b in account.bookings.values() if b.status == "accepted" and b.uid != replaced]
        if booking.status == "accepted" and twin in [(b.event_type.host, b.start, b.end) for b in rows]:
            raise Refusal(409, "booking_conflict_error", bare=True)
        account.bookings[booking.uid] = booking

    async def _told(self, request: web.Request, account: Account, event: str, booking: Booking, **extra: Any) -> None:
        """Send the webhooks of a change as it stands now: after the answer or, with that fault, before it."""
        hooks = webhooks.subscribers(account, event)
        told = webhooks.told(event, booking, extra, self.clock.now())
        if self.faults.take(self.operation(request), FaultKind.WEBHOOK_BEFORE_ANSWER):
            await webhooks.deliver(self, hooks, event, told)
        else:
            self.spawn(webhooks.deliver(self, hooks, event, told, self.settings["webhook_delay_ms"] / 1000))

    async def _book(self, request: web.Request) -> web.Response:
        caller, body = self._maybe(request), await body_of(request)
        requests.only(body, requests.BOOKING)
        attendee, metadata = requests.attendee_of(body), requests.metadata_of(body)
        _moment(body.get("start"), "start")
        account, kind = self._target(body, caller)
        if kind.fields.get("bookingRequiresAuthentication") and caller is not account:
            raise Refusal(401, "This event type requires the booker to be authenticated.")
        responses = requests.answers_of(kind, body, attendee)
        needs_yes = kind.on("confirmationPolicy")
        if needs_yes:  # here, and only here, a repeated request finds the first one
            for b in account.bookings.values():
                same = b.event_type is kind and b.live and b.start == _moment(body["start"], "start")
                if same and b.attendee["email"] == attendee["email"]:
                    return _ok(answers.booking(b), 201)
        self._check_booker(account, kind, attendee)
        start, end = self._span(account, kind, body)
        now = self.clock.now()
        booking = Booking(
            self._next_id(), kind, start, end, attendee, now, now, "pending" if needs_yes else "accepted",
            metadata=metadata, responses=responses, location=requests.location_of(kind, body),
        )  # fmt: skip
        await self._insert(account, booking)
        await self._told(request, account, "BOOKING_REQUESTED" if needs_yes else "BOOKING_CREATED", booking)
        return _ok(answers.booking(booking), 201)

    def _check_booker(self, account: Account, kind: EventType, attendee: dict[str, Any]) -> None:
        if not kind.on("bookerActiveBookingsLimit"):
            return
        now = self.clock.now()
        active = [b for b in account.bookings.values() if b.event_type is kind and b.live and b.end > now]
        mine = [b for b in active if b.attendee["email"] == attendee["email"]]
        if len(mine) >= kind.fields["bookerActiveBookingsLimit"]["maximumActiveBookings"]:
            raise Refusal(400, "Attendee with this email can't book because the maximum number of active bookings has "
                               "been reached.")  # fmt: skip

    async def _old_book(self, request: web.Request) -> web.Response:
        self._maybe(request)
        raise requests.wrong("responses", "responses must be an object")

    async def _old_list(self, request: web.Request) -> web.Response:
        rows = [answers.booking(b) for b in self._account(request).bookings.values()]
        return _ok({"bookings": rows, "recurringInfo": [], "nextCursor": None})

    def _found(self, request: web.Request) -> tuple[Account, Booking]:
        """Find a booking by its uid, which is all that one needs to know."""
        self._maybe(request)
        uid = request.match_info["uid"]
        for account in self.accounts.values():
            if uid in account.bookings:
                return account, account.bookings[uid]
        raise Refusal(404, f"Booking with uid={uid} was not found in the database")

    async def _get(self, request: web.Request) -> web.Response:
        return _ok(answers.booking(self._found(request)[1]))

    async def _list(self, request: web.Request) -> web.Response:
        account, query = self._account(request), request.query
        requests.only(query, _BOOKING_QUERY)
        take = _integer(query.get("take", "100"), "take", 1, 250)
        skip = _integer(query.get("skip", "0"), "skip", 0)
        rows = [b for b in self._seen("list-bookings", account.bookings.values()) if self._matches(b, query)]
        for name, attribute in _SORTS.items():
            if order := query.get(name):
                if order not in {"asc", "desc"}:
                    raise requests.wrong(name, f"{name} must be one of the following values: asc, desc")
                rows.sort(key=lambda b: getattr(b, attribute), reverse=order == "desc")
        page = rows[skip : skip + take]
        left = max(0, len(rows) - skip - len(page))
        return _ok([answers.booking(b) for b in page], pagination={
            "totalItems": len(rows), "remainingItems": left, "returnedItems": len(page), "itemsPerPage": take,
            "currentPage": skip // take + 1, "totalPages": -(-len(rows) // take), "hasNextPage": left > 0,
            "hasPreviousPage": skip > 0,
        })  # fmt: skip

    def _matches(self, b: Booking, query: Any) -> bool:
        now = self.clock.now()
        states = {
            "upcoming": b.live and b.end >= now, "recurring": False, "past": b.live and b.end < now,
            "cancelled": b.status in {"cancelled", "rejected"}, "unconfirmed": b.status == "pending",
        }  # fmt: skip
        wanted = query.get("status", "").split(",") if "status" in query else []
        if unknown := set(wanted) - states.keys():  # not the values of a booking's own status
            raise requests.wrong("status", f"each value in status must be one of {', '.join(states)}: {unknown}")
        for name, (attribute, sign) in _TIMES.items():
            if name in query and (getattr(b, attribute) - _moment(query[name], name)) * sign < timedelta():
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
        if booking.end < self.clock.now():
            raise Refusal(400, "Cannot cancel a booking that has already ended", bare=True)
        booking.status, booking.updated = "cancelled", self.clock.now()
        reason = body.get("cancellationReason", "")
        booking.extra |= {"cancellationReason": reason}
        await self._told(request, account, "BOOKING_CANCELLED", booking, cancellationReason=reason,
                         cancelledBy=booking.attendee["email"], requestReschedule=False)  # fmt: skip
        return _ok(answers.booking(booking))

    async def _reschedule(self, request: web.Request) -> web.Response:
        """Move a booking: a new one with a new uid, the old one cancelled (§4)."""
        account, old = self._found(request)
        body = await body_of(request)
        requests.only(body, {"start", "reschedulingReason", "rescheduledBy", "emailVerificationCode", "seatUid"})
        if not old.live:
            raise Refusal(400, "Can't reschedule a booking that is cancelled or already rescheduled.")
        kind, now = old.event_type, self.clock.now()
        start, end = self._span(account, kind, {"start": body.get("start")}, old.uid)
        new = Booking(
            self._next_id(), kind, start, end, dict(old.attendee), now, now,
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
        return _ok(answers.booking(new), 201)

    # Webhooks

    def _own_hook(self, request: web.Request) -> tuple[Account, Webhook]:
        account, hook_id = self._account(request), request.match_info["id"]
        if hook_id in account.webhooks:
            return account, account.webhooks[hook_id]
        foreign = any(hook_id in other.webhooks for other in self.accounts.values())
        raise Refusal(403, "User is not the owner of this webhook") if foreign else Refusal(
            404, f"Webhook ({hook_id}) not found")  # fmt: skip

    @staticmethod
    def _free_url(account: Account, url: str | None, own: Webhook | None = None) -> None:
        if any(hook.fields["subscriberUrl"] == url for hook in account.webhooks.values() if hook is not own):
            raise Refusal(409, "Webhook with this subscriber url already exists for this user")

    async def _create_hook(self, request: web.Request) -> web.Response:
        account, body = self._account(request), await body_of(request)
        for name in ("subscriberUrl", "triggers", "active"):
            if name not in body:
                raise requests.wrong(name, f"{name} should not be null or undefined")
        fields = {name: value for name, value in body.items() if name in webhooks.FIELDS}
        webhooks.check(fields)
        self._free_url(account, fields["subscriberUrl"])
        hook = Webhook(str(uuid.uuid4()), self.clock.now(), fields)
        account.webhooks[hook.id] = hook
        return _ok(answers.webhook(account, hook), 201)

    async def _list_hooks(self, request: web.Request) -> web.Response:
        account = self._account(request)
        take = _integer(request.query.get("take", "250"), "take", 1, 250)
        skip = _integer(request.query.get("skip", "0"), "skip", 0)
        hooks = self._seen("list-webhooks", account.webhooks.values())[skip : skip + take]
        return _ok([answers.webhook(account, hook) for hook in hooks])  # no pagination object (§5)

    async def _get_hook(self, request: web.Request) -> web.Response:
        return _ok(answers.webhook(*self._own_hook(request)))

    async def _update_hook(self, request: web.Request) -> web.Response:
        account, hook = self._own_hook(request)
        changes = {name: value for name, value in (await body_of(request)).items() if name in webhooks.FIELDS}
        webhooks.check(changes)
        self._free_url(account, changes.get("subscriberUrl"), hook)
        hook.fields |= changes
        return _ok(answers.webhook(account, hook))

    async def _delete_hook(self, request: web.Request) -> web.Response:
        account, hook = self._own_hook(request)
        del account.webhooks[hook.id]
        return _ok(answers.webhook(account, hook))
