"""One way to speak to a provider: timeouts, typed errors, a budget for each key, and a gate before a key that is known bad."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import httpx
import structlog
from prometheus_client import CollectorRegistry, Counter

from askproai_operator.external.errors import (
    CredentialRefused,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    RateLimited,
    UnknownOutcome,
)
from askproai_runtime.seams import Clock

log = structlog.get_logger(__name__)

REQUEST_TIMEOUT: Final = timedelta(seconds=10)
CONNECT_TIMEOUT: Final = timedelta(seconds=5)
BAD_KEY_REST: Final = timedelta(
    seconds=60
)  # a refused key is not tried again for so long; a changed key is another gate
LONGEST_WAIT: Final = timedelta(seconds=5)  # a worker of the queue does not stand longer before a spent budget
READ_TRIES: Final = 3
_EPOCH_LIKE: Final = 1_000_000_000  # Cal.com's reset header is seconds to wait in its source, a Unix time in its docs

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Budget:
    """A token bucket: `per_second` tokens flow in, up to `burst`."""

    per_second: float
    burst: int


@dataclass(slots=True)
class KeyState:
    """What we know of one key at one server: its tokens, and until when it is not to be used."""

    budget: Budget
    clock: Clock
    tokens: float = field(init=False)
    filled_at: float = field(init=False)
    bad_until: float = 0.0
    limited_until: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = float(self.budget.burst)
        self.filled_at = self.clock.monotonic()

    def take(self) -> timedelta:
        """Take one token, in debt if need be, and give how long to wait before using it."""
        now = self.clock.monotonic()
        flow = (now - self.filled_at) * self.budget.per_second
        self.tokens, self.filled_at = min(float(self.budget.burst), self.tokens + flow), now
        wait = max(0.0, (1.0 - self.tokens) / self.budget.per_second)
        if wait <= LONGEST_WAIT.total_seconds():
            self.tokens -= 1.0
        return timedelta(seconds=wait)


@dataclass(frozen=True, slots=True)
class Api:
    """One provider's server with one key. `state` is shared by everything that uses the same key there."""

    provider: str
    base_url: str
    key: str = field(repr=False)
    http: httpx.AsyncClient
    clock: Clock
    state: KeyState
    requests: Counter

    async def read(self, operation: str, method: str, path: str, **request: Any) -> Any:
        """Send a request that changes nothing, and again when it fails on the way. Gives the decoded JSON."""
        for attempt in range(1, READ_TRIES + 1):
            try:
                return await self._send(operation, method, path, request, writes=False)
            except ProviderUnavailable:
                if attempt == READ_TRIES:
                    raise
                await self.clock.sleep(timedelta(milliseconds=200 * attempt))
        raise AssertionError("unreachable: the last try returns or raises")

    async def write(self, operation: str, method: str, path: str, **request: Any) -> Any:
        """Send a request that changes something, exactly once. Gives the decoded JSON, None for an empty body."""
        return await self._send(operation, method, path, request, writes=True)

    async def read_one(self, operation: str, path: str, **request: Any) -> Any:
        """Read one object; None when it is not there."""
        try:
            return await self.read(operation, "GET", path, **request)
        except ProviderRefused as error:
            if error.missing:
                return None
            raise

    async def delete(self, operation: str, path: str) -> None:
        """Delete one object; that it is not there is what we wanted."""
        try:
            await self.write(operation, "DELETE", path)
        except ProviderRefused as error:
            if not error.missing:
                raise

    async def _send(self, operation: str, method: str, path: str, request: Mapping[str, Any], *, writes: bool) -> Any:
        await self._pass_gates(operation)
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "*/*", **request.get("headers", {})}
        rest = {name: value for name, value in request.items() if name != "headers"}
        started = self.clock.monotonic()
        try:
            response = await self.http.request(method, self.base_url + path, headers=headers, **rest)
        except httpx.HTTPError as error:
            self._count(operation, type(error).__name__, started)
            raise self._broken(operation, error, writes=writes) from error
        self._count(operation, str(response.status_code), started)
        return self._understood(operation, response, writes=writes)

    async def _pass_gates(self, operation: str) -> None:
        now = self.clock.monotonic()
        if now < self.state.bad_until:
            raise CredentialRefused(self.provider, operation, HTTPStatus.UNAUTHORIZED)
        wait = max(timedelta(seconds=self.state.limited_until - now), timedelta())
        if not wait:
            wait = self.state.take()
        if wait > LONGEST_WAIT:
            raise RateLimited(self.provider, operation, wait)
        if wait:
            await self.clock.sleep(wait)

    def _broken(self, operation: str, error: httpx.HTTPError, *, writes: bool) -> ProviderError:
        text = f"no answer ({type(error).__name__})"  # the text of httpx's error may hold the URL, and that a number
        never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
        if writes and not never_sent:
            return UnknownOutcome(self.provider, operation, text)
        return ProviderUnavailable(self.provider, operation, text)

    def _understood(self, operation: str, response: httpx.Response, *, writes: bool) -> Any:
        status = response.status_code
        if response.is_success:
            return _json(response)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            if status == HTTPStatus.UNAUTHORIZED:  # 403 is about one object, such as a foreign event type
                self.state.bad_until = self.clock.monotonic() + BAD_KEY_REST.total_seconds()
            raise CredentialRefused(self.provider, operation, status)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = _retry_after(response, self.clock)
            self.state.limited_until = self.clock.monotonic() + wait.total_seconds()
            raise RateLimited(self.provider, operation, wait)
        if response.is_server_error or status == HTTPStatus.REQUEST_TIMEOUT:
            error = UnknownOutcome if writes else ProviderUnavailable
            raise error(self.provider, operation, f"it failed there ({status})")
        raise ProviderRefused(self.provider, operation, status, _message(response))

    def _count(self, operation: str, status: str, started: float) -> None:
        self.requests.labels(self.provider, operation, status).inc()
        seconds = round(self.clock.monotonic() - started, 3)
        log.debug("provider.request", provider=self.provider, operation=operation, status=status, seconds=seconds)


def new_http() -> httpx.AsyncClient:
    """Give the one client that all calls share; redirects are not followed, because a key must not travel."""
    timeout = httpx.Timeout(REQUEST_TIMEOUT.total_seconds(), connect=CONNECT_TIMEOUT.total_seconds())
    return httpx.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False)


def request_counter(registry: CollectorRegistry) -> Counter:
    """Give `askproai_provider_requests_total` (contract §5)."""
    text = "Requests of the operator to a provider, by HTTP status or by the way they failed"
    return Counter("askproai_provider_requests_total", text, ["provider", "operation", "status"], registry=registry)


def key_name(provider: str, base_url: str, key: str) -> str:
    """Name a key's state without keeping the key."""
    return hashlib.sha256(f"{provider}\n{base_url}\n{key}".encode()).hexdigest()


def _json(response: httpx.Response) -> Any:
    if not response.content.strip():  # publish-agent-version and the deletes answer nothing
        return None
    try:
        return response.json()
    except ValueError:
        return None


def _message(response: httpx.Response) -> str:
    """Find the provider's own words: Retell's `message`, Cal.com's `error.message`, or its unwrapped `message`."""
    body = _json(response)
    if not isinstance(body, dict):
        return "no reason given"
    inner = body.get("error")
    message = (inner.get("message") if isinstance(inner, dict) else None) or body.get("message") or "no reason given"
    return str(message)[:300]


def _retry_after(response: httpx.Response, clock: Clock) -> timedelta:
    for header in ("Retry-After", "X-RateLimit-Reset-Default"):
        value = response.headers.get(header, "")
        if value.isdecimal():
            seconds = int(value)
            if seconds > _EPOCH_LIKE:
                seconds -= int(clock.now().timestamp())
            return timedelta(seconds=min(max(seconds, 1), 3600))
    return timedelta(seconds=60)
