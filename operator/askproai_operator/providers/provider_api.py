"""A client for one provider's server with one key: request budget, circuit breaker, repeated reads; failures are raised.

A failed call raises `ProviderError` (its tree is in `askproai_core.providers.errors`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import aiohttp

from askproai_core.clock import Clock
from askproai_core.provider_limits import CircuitBreakers, CircuitOpen
from askproai_core.provider_names import Provider
from askproai_core.providers import (
    CredentialRefused,
    Json,
    ProviderHttp,
    ProviderRefused,
    ProviderResting,
    ProviderUnavailable,
    RateLimited,
    Reply,
    UnknownOutcome,
)

Count = Callable[[str, str, str], None]  # provider, operation, and the HTTP status or the way in which it failed
REFUSED_KEY_SECONDS: Final = 60  # a refused key is not used again for this long; a changed key has a gate of its own
# A worker of the queue does not wait longer for the key's budget: the object is requeued instead.
MAX_BUDGET_WAIT_SECONDS: Final = 1
KEPT_FOR_WRITES: Final = 2  # tokens that reads leave: after the reads of a change, its writes must not wait
READ_ATTEMPTS: Final = 3
_SUCCESS: Final = range(200, 300)
_MAX_MESSAGE_LENGTH: Final = 300


@dataclass(slots=True)
class KeyState:
    """One key at one server: its request budget, circuit breakers, and until when (monotonic seconds) it must not be used."""

    per_second: float
    burst: float
    circuits: CircuitBreakers
    tokens: float = field(init=False)
    filled_at: float = 0.0
    refused_until: float = 0.0
    limited_until: float = 0.0
    absent: dict[str, float] = field(default_factory=dict)  # paths that answered "not found", and when (monotonic)

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def take_token(self, now: float, *, writes: bool) -> float:
        """Return the seconds to wait before a request. A token of the key's budget is taken unless the wait would be too long."""
        self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.per_second)
        self.filled_at = now
        needed = 1.0 if writes else 1.0 + KEPT_FOR_WRITES
        wait = max(0.0, (needed - self.tokens) / self.per_second, self.limited_until - now)
        if wait <= MAX_BUDGET_WAIT_SECONDS:
            self.tokens -= 1.0
        return wait


@dataclass(frozen=True, slots=True)
class ProviderApi:
    """One provider's server with one key. `state` is shared by all code that uses the same key there."""

    provider: Provider
    base_url: str
    key: str = field(repr=False)
    session: aiohttp.ClientSession
    timeout: aiohttp.ClientTimeout
    clock: Clock
    state: KeyState
    count: Count

    async def read(self, operation: str, method: str, path: str, **content: Any) -> Json:
        """Send a request that changes nothing, and repeat it if it fails. Returns the JSON object."""
        for attempt in range(1, READ_ATTEMPTS):
            try:
                return await self._send(operation, method, path, content, writes=False)
            except ProviderResting:
                raise
            except ProviderUnavailable:
                await self.clock.sleep(timedelta(milliseconds=200 * attempt))
        return await self._send(operation, method, path, content, writes=False)

    async def read_optional(self, operation: str, path: str, **content: Any) -> Json | None:
        """Read one object. Returns None if the provider has no such object."""
        try:
            return await self.read(operation, "GET", path, **content)
        except ProviderRefused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    async def write(self, operation: str, method: str, path: str, **content: Any) -> Json:
        """Send a request that changes something, exactly once. Returns the JSON object; {} for an empty body."""
        return await self._send(operation, method, path, content, writes=True)

    async def delete(self, operation: str, path: str) -> None:
        """Delete one object at the provider. An object that does not exist counts as deleted."""
        try:
            await self.write(operation, "DELETE", path)
        except ProviderRefused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    async def _send(self, operation: str, method: str, path: str, content: Json, *, writes: bool) -> Json:
        await self._pass_gates(operation, writes=writes)
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "*/*", **content.get("headers", {})}
        http = ProviderHttp(self.provider, self.session, self.state.circuits, self.clock)
        reply = await http.send(method, self.base_url + path, self.timeout, **{**content, "headers": headers})
        if isinstance(reply.error, CircuitOpen):
            refusal = RateLimited if reply.error.slow else ProviderResting
            raise refusal(self.provider, operation, reply.error.retry_after) from reply.error
        unclear = UnknownOutcome if writes else ProviderUnavailable
        if reply.status is None:
            failure = reply.failure
            self.count(self.provider, operation, str(failure))
            error = ProviderUnavailable if failure and failure.never_sent else unclear
            raise error(self.provider, operation, f"no answer ({failure})") from reply.error
        self.count(self.provider, operation, str(reply.status))
        if reply.status in _SUCCESS:
            if isinstance(reply.body, dict):
                return reply.body
            if writes and reply.is_empty:  # publish-agent-version and the deletes answer nothing
                return {}
            # A maintenance page must not count as "it does not exist": a missing object is created again.
            raise unclear(self.provider, operation, "the answer is no JSON object; does baseUrl name the right server?")
        self._raise_refusal(operation, reply.status, reply)
        raise unclear(self.provider, operation, f"it failed there ({reply.status})")

    def forget_refusal(self) -> None:
        """Permit a request with the key, to test it, although it was refused less than `REFUSED_KEY_SECONDS` ago."""
        self.state.refused_until = 0.0

    async def _pass_gates(self, operation: str, *, writes: bool) -> None:
        now = self.clock.monotonic()
        if now < self.state.refused_until:
            raise CredentialRefused(self.provider, operation, HTTPStatus.UNAUTHORIZED)
        wait = self.state.take_token(now, writes=writes)
        if wait > MAX_BUDGET_WAIT_SECONDS:
            own = wait > max(0.0, self.state.limited_until - now)
            raise RateLimited(self.provider, operation, timedelta(seconds=wait), own=own)
        if wait:
            await self.clock.sleep(timedelta(seconds=wait))

    def _raise_refusal(self, operation: str, status: int, reply: Reply) -> None:
        """Raise CredentialRefused (401, 403), RateLimited (429) or ProviderRefused. Returns for 5xx and 408: outcome unknown."""
        now = self.clock.monotonic()
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            if status == HTTPStatus.UNAUTHORIZED:  # 403 is about one object, such as another user's event type
                self.state.refused_until = now + REFUSED_KEY_SECONDS
            raise CredentialRefused(self.provider, operation, status, reply.message[:_MAX_MESSAGE_LENGTH])
        if status == HTTPStatus.TOO_MANY_REQUESTS and reply.retry_after is not None:
            self.state.limited_until = now + reply.retry_after.total_seconds()
            raise RateLimited(self.provider, operation, reply.retry_after)
        if status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.REQUEST_TIMEOUT:
            raise ProviderRefused(self.provider, operation, status, reply.message[:_MAX_MESSAGE_LENGTH])
