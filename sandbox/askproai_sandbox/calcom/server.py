"""What every request to Cal.com goes through: key, version, rate limit, envelope (reference §1)."""

import re
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from askproai_sandbox.calcom import requests
from askproai_sandbox.calcom.account import Account, Booking, EventType, instant, iso
from askproai_sandbox.simulator import Clock, Refusal, Simulator

_VERSIONS = {"2024-04-15", "2024-06-11", "2024-06-14", "2024-08-13", "2024-09-04"}  # what Cal.diy knows
_OLD = "2024-04-15"
_CODES = {
    400: "BadRequestException", 401: "UnauthorizedException", 403: "ForbiddenException", 404: "NotFoundException",
    409: "ConflictException", 422: "UnprocessableEntityException", 429: "ThrottlerException",
}  # fmt: skip
Handler = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(slots=True)
class _Budget:
    """The calls that one key made in its window of 60 s; `blocked` once it asked for more."""

    ends: float
    used: int = 0
    blocked: bool = False


def ok(data: Any, status: int = 200, **more: Any) -> web.Response:
    return web.json_response({"status": "success", "data": data, **more}, status=status)


def integer(text: Any, name: str, low: int, high: int = 2**53) -> int:
    if not re.fullmatch(r"\d+", str(text)) or not low <= int(text) <= high:
        raise requests.wrong(name, f"{name} must be an integer from {low} to {high}")
    return int(text)


def moment(text: Any, name: str, *, end_of_day: bool = False) -> datetime:
    try:
        return instant(text, end_of_day=end_of_day)
    except ValueError:
        raise requests.wrong(name, f"{name} must be a valid ISO 8601 date string") from None


class Server(Simulator):
    """The accounts, and the way in."""

    defaults = {  # noqa: RUF012 - see the base
        "rate_limit": 120.0,  # per key and 60 s; 0: none
        "webhook_delay_ms": 20.0,  # after the answer
        "race_window_ms": 0.0,  # between the check and the insert of a booking, which are not atomic (#13397)
    }

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.clear()

    def clear(self) -> None:
        self.accounts: dict[str, Account] = {}
        self._budgets: dict[str, _Budget] = {}
        self._ids = 5000

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

    def account(self, request: web.Request) -> Account:
        """Give the user of the key; any `cal_…` is one."""
        match = re.fullmatch(r"Bearer (cal_\S+)", request.headers.get("Authorization", ""))
        if not match:
            raise Refusal(401, "No authentication method provided or API key is invalid.")
        return self.account_of(match[1])

    def account_of(self, key: str) -> Account:
        if key not in self.accounts:
            self.accounts[key] = Account(key, 100 + len(self.accounts))
        return self.accounts[key]

    def maybe(self, request: web.Request) -> Account | None:
        """Let public routes do without a key; an invalid one is refused even there (§4)."""
        return self.account(request) if "Authorization" in request.headers else None

    @staticmethod
    def versioned(expected: str, handler: Handler, old: Handler | None = None) -> Handler:
        """Choose the controller: a missing or unknown version silently means 2024-04-15 (§1)."""

        async def choose(request: web.Request) -> web.Response:
            version = request.headers.get("cal-api-version", _OLD)
            if version == expected:
                return await handler(request)
            if old is not None and (version == _OLD or version not in _VERSIONS):
                return await old(request)
            raise Refusal(404, f"Cannot {request.method} {request.path_qs}")

        return choose

    def next_id(self) -> int:
        self._ids += 1
        return self._ids

    def seen(self, operation: str, things: Iterable[Any]) -> list[Any]:
        """Give what a list shows now (it may lag)."""

        def identity(thing: Any) -> tuple[str, datetime]:
            return str(thing.uid if isinstance(thing, Booking) else thing.id), thing.born

        return self.faults.visible(operation, things, identity, self.clock.now())

    def target(self, wanted: Mapping[str, Any], caller: Account | None) -> tuple[Account, EventType]:
        """Find the event type that is asked for; they are public, and the caller's own come first."""
        others = [account for account in self.accounts.values() if account is not caller]
        accounts = [*([caller] if caller else []), *others]
        if "eventTypeId" in wanted:
            number = integer(wanted["eventTypeId"], "eventTypeId", 1)
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
