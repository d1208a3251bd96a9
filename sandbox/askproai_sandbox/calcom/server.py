"""The checks of every request to Cal.com: rate limit, version header and key; and the envelope of the answers."""

import itertools
import re
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from aiohttp import web

from askproai_core.clock import Clock
from askproai_sandbox.calcom.account import Account, Booking, Webhook
from askproai_sandbox.calcom.event_types import EventType
from askproai_sandbox.calcom.hosts import iso
from askproai_sandbox.simulator import Refusal, Simulator

AccountHandler = Callable[[web.Request, Account], Awaitable[web.Response]]
Item = TypeVar("Item", Booking, Webhook)


@dataclass(slots=True)
class _Budget:
    """The number of requests by one key in the present window of 60 s, which `ends` at a time of the monotonic clock."""

    ends: float
    used: int = 0


def ok(data: Any, status: int = 200, **fields: Any) -> web.Response:
    return web.json_response({"status": "success", "data": data, **fields}, status=status)


class Server(Simulator):
    """The accounts of a simulated Cal.com server. A handler registered here gets the account of the request's key."""

    defaults = {  # noqa: RUF012 - the base takes a copy
        "rate_limit": 120.0,  # requests per key and 60 s; 0: no limit
        "webhook_delay_ms": 20.0,  # after the answer; below 0 before it, as Cal.com sends them within the booker's request
        "webhook_copies": 1.0,  # 0: webhooks are lost, 2: each is sent twice
        "webhook_batch": 1.0,  # 3: three webhooks of an account wait for each other, and the newest is sent first
        "slots_outside_minutes": 0.0,  # free slots are listed up to that long before and after the requested times, too
        "slots_clock_change_error": 0.0,  # 1: after a clock change, slots have the offset of the request's start
        "hosted": 0.0,  # 1: webhooks go to https and public hosts only
        "insert_delay_ms": 0.0,  # between a booking's check and its insert: two concurrent bookings both succeed
        "moves_are_requests": 0.0,  # 1: a move sends BOOKING_REQUESTED with `rescheduleUid`, not BOOKING_RESCHEDULED
        "estimated_total": 0.0,  # added to `totalItems` of a full page: an estimate for members of teams
    }

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.accounts: dict[str, Account] = {}
        self._anonymous = Account(0)
        self._budgets: dict[str, _Budget] = {}
        self.ids = itertools.count(5001)

        async def headers(request: web.Request, response: web.StreamResponse) -> None:
            limit, budget = int(self.settings["rate_limit"]), self._budget(request)
            response.headers["X-Request-Id"] = str(uuid.uuid4())
            response.headers["X-RateLimit-Limit-Default"] = str(limit)
            response.headers["X-RateLimit-Remaining-Default"] = str(max(0, limit - budget.used))
            response.headers["X-RateLimit-Reset-Default"] = str(int(budget.ends - self.clock.monotonic()))

        self.app.on_response_prepare.append(headers)

    def render(self, refusal: Refusal, request: web.Request) -> web.Response:
        """Return an error as v1 or v2 sends it. v2 sends it in an envelope, except Cal.com's `HttpError`."""
        if request.path.startswith("/v1/"):
            return web.json_response({"message": refusal.message}, status=refusal.status)
        if refusal.bare:
            bare = {"statusCode": refusal.status, "message": refusal.message}
            return web.json_response(bare, status=refusal.status)
        return web.json_response({
            "status": "error", "timestamp": iso(self.clock.now()), "path": request.path_qs,
            "error": {"code": HTTPStatus(refusal.status).name, "message": refusal.message,
                      "details": {"message": refusal.message, "statusCode": refusal.status}},
        }, status=refusal.status)  # fmt: skip

    def serve(
        self,
        method: str,
        path: str,
        operation: str,
        handler: AccountHandler,
        *,
        version: str | None = None,
        public: bool = False,
    ) -> None:
        """Register a handler of v2, which gets the client's account. If `public`, a request needs no key.

        First the rate limit is checked, then the endpoint's own version, then the key.
        """

        async def with_account(request: web.Request) -> web.Response:
            self._count(request)
            if version and request.headers.get("cal-api-version") != version:
                # A missing or unknown version means 2024-04-15: other bodies, or no such endpoint (calcom/cal.com#19402).
                raise Refusal(404, f"Cannot {request.method} {request.path_qs}")
            return await handler(request, self._client_account(request, public=public))

        self.route(method, path, operation, with_account)

    def serve_v1(self, method: str, path: str, operation: str, handler: AccountHandler) -> None:
        """Register a handler of v1: the key is in the query, and there is no version header."""

        async def with_account(request: web.Request) -> web.Response:
            self._count(request)
            key = request.query.get("apiKey", "")
            if not key.startswith("cal_"):
                raise Refusal(401, "Your API key is not valid.")
            return await handler(request, self.account_of(key))

        self.route(method, path, operation, with_account)

    def key_of(self, request: web.Request) -> str:
        return request.query.get("apiKey") or super().key_of(request)

    def _count(self, request: web.Request) -> None:
        """Count a request against the rate limit. Raises Refusal with status 429; exceeding the limit blocks a key for 60 s."""
        limit, budget = int(self.settings["rate_limit"]), self._budget(request)
        budget.used += 1
        if limit and budget.used > limit:
            if budget.used == limit + 1:
                budget.ends = self.clock.monotonic() + 60
            raise Refusal(429, "ThrottlerException: Too Many Requests")

    def _budget(self, request: web.Request) -> _Budget:
        key, now = self.key_of(request) or "anonymous", self.clock.monotonic()
        if key not in self._budgets or self._budgets[key].ends <= now:
            self._budgets[key] = _Budget(now + 60)
        return self._budgets[key]

    def _client_account(self, request: web.Request, *, public: bool) -> Account:
        """Return the account of a request's key; every key `cal_…` has one. An invalid key is refused even at a `public` path."""
        if public and "Authorization" not in request.headers:
            return self._anonymous
        match = re.fullmatch(r"Bearer (cal_\S+)", request.headers.get("Authorization", ""))
        if not match:
            raise Refusal(401, "No authentication method provided or API key is invalid.")
        return self.account_of(match[1])

    def account_of(self, key: str) -> Account:
        return self.accounts.setdefault(key, Account(100 + 2 * len(self.accounts)))

    def find_event_type(self, number: int, client: Account) -> tuple[Account, EventType] | None:
        """Return an event type by its id, and its account. Event types are public. The client's own event types come first."""
        for account in (client, *self.accounts.values()):
            if number in account.event_types:
                return account, account.event_types[number]
        return None

    def listed(self, request: web.Request, items: Iterable[Item]) -> list[Item]:
        """Return the items of a list answer. If the fault of a lagging list is active, items created since are missing."""
        return self.faults.visible(
            self.operation(request), items, lambda item: (item.uid, item.created), self.clock.now()
        )
