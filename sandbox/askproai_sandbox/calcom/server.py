"""What every request to Cal.com goes through: key, version, rate limit, envelope (reference §1)."""

import itertools
import re
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from aiohttp import web

from askproai_sandbox.calcom.account import Account, Booking, Webhook, iso
from askproai_sandbox.simulator import Clock, Refusal, Simulator

Work = Callable[[web.Request, Account], Awaitable[web.Response]]
Thing = TypeVar("Thing", Booking, Webhook)


@dataclass(slots=True)
class _Budget:
    """The calls that one key made in its window of 60 s."""

    ends: float
    used: int = 0


def ok(data: Any, status: int = 200, **more: Any) -> web.Response:
    return web.json_response({"status": "success", "data": data, **more}, status=status)


class Server(Simulator):
    """The accounts, and the way in."""

    defaults = {  # noqa: RUF012 - the base takes a copy
        "rate_limit": 120.0,  # per key and 60 s, 0: none
        "webhook_delay_ms": 20.0,  # after the answer; below 0: before it, as the booker's own request sends them at Cal.com
        "webhook_copies": 1.0,  # 0: they are lost, 2: each comes twice
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
        """Give an error in one of its two shapes (§1, §4: `HttpError` passes the filters unwrapped)."""
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
        self, method: str, path: str, operation: str, work: Work, *, version: str | None = None, public: bool = False
    ) -> None:
        """Route to `work` with the caller's account: a limit first, then the endpoint's own version, then the key."""

        async def handler(request: web.Request) -> web.Response:
            self._count(request)
            if version and request.headers.get("cal-api-version") != version:
                # Missing or unknown, it means 2024-04-15: an old controller with other bodies, or none (#19402).
                raise Refusal(404, f"Cannot {request.method} {request.path_qs}")
            return await work(request, self._caller(request, public=public))

        self.route(method, path, operation, handler)

    def serve_v1(self, method: str, path: str, operation: str, work: Work) -> None:
        """Route to `work` as v1 does: the key stands in the query, there is no version header (§7)."""

        async def handler(request: web.Request) -> web.Response:
            self._count(request)
            key = request.query.get("apiKey", "")
            if not key.startswith("cal_"):
                raise Refusal(401, "Your API key is not valid.")
            return await work(request, self.account_of(key))

        self.route(method, path, operation, handler)

    def key_of(self, request: web.Request) -> str:
        return request.query.get("apiKey") or super().key_of(request)

    def _count(self, request: web.Request) -> None:
        """Count the call; who exceeds the limit is blocked for 60 s (§1)."""
        limit, budget = int(self.settings["rate_limit"]), self._budget(request)
        budget.used += 1
        if limit and budget.used > limit:
            if budget.used == limit + 1:
                budget.ends = self.clock.monotonic() + 60
            raise Refusal(429, "ThrottlerException: Too Many Requests")

    def _budget(self, request: web.Request) -> _Budget:
        caller, now = self.key_of(request) or "anonymous", self.clock.monotonic()
        if caller not in self._budgets or self._budgets[caller].ends <= now:
            self._budgets[caller] = _Budget(now + 60)
        return self._budgets[caller]

    def _caller(self, request: web.Request, *, public: bool) -> Account:
        """Give the user of the key; any `cal_…` is one. An invalid key is refused even where none is needed (§4)."""
        if public and "Authorization" not in request.headers:
            return self._anonymous
        match = re.fullmatch(r"Bearer (cal_\S+)", request.headers.get("Authorization", ""))
        if not match:
            raise Refusal(401, "No authentication method provided or API key is invalid.")
        return self.account_of(match[1])

    def account_of(self, key: str) -> Account:
        return self.accounts.setdefault(key, Account(100 + len(self.accounts)))

    def seen(self, request: web.Request, things: Iterable[Thing]) -> list[Thing]:
        """Give what a list shows now (it may lag)."""
        return self.faults.visible(
            self.operation(request), things, lambda thing: (thing.uid, thing.created), self.clock.now()
        )
