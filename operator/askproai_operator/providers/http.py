"""One way to speak to a provider: timeouts, typed errors, and for each key a budget, a gate while it is known bad, a circuit.

ProviderError
├── ProviderUnavailable   nothing was done there: refused connection, unknown host, a read that kept failing
│   └── ProviderResting   it failed again and again, so nothing was sent
├── CredentialRefused     401 or 403: the key is wrong, or not allowed this
├── RateLimited           429, or our own budget for this key is spent
├── ProviderRefused       any other 3xx or 4xx: the request itself is not accepted
├── HostNotAllowed        nobody allowed this server, so nothing was sent
└── UnknownOutcome        a write that timed out or ended in 5xx: it may have been done; look before doing it again
"""

from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import httpx
from prometheus_client import Counter

from askproai_core.clock import Clock
from askproai_core.redis import CircuitOpen, Circuits, Provider, asked_to_wait

REQUEST_TIMEOUT: Final = timedelta(seconds=10)
BAD_KEY_SECONDS: Final = 60  # a refused key is not tried again for so long; a changed key has a gate of its own
LONGEST_WAIT_SECONDS: Final = 5  # a worker of the queue does not stand longer before a spent budget
READ_TRIES: Final = 3
# After a 429 that names no time: Cal.com blocks for a minute; Retell names no window, and its own SDK never waits longer.
UNSAID_WAIT: Final = {Provider.CALCOM: timedelta(seconds=60), Provider.RETELL: timedelta(seconds=8)}

Json = dict[str, Any]


class ProviderError(Exception):
    """Any failure of a call to Retell or Cal.com. Its text carries no key and no body."""

    retry_after: timedelta | None = None  # when a try makes sense again, where that is known

    def __init__(self, provider: str, operation: str, text: str) -> None:
        super().__init__(f"{provider}: {operation}: {text}")


class ProviderUnavailable(ProviderError):
    pass


class ProviderResting(ProviderUnavailable):
    def __init__(self, provider: str, operation: str, retry_after: timedelta) -> None:
        # No seconds in the text: it stands in a status, and each look would write another.
        super().__init__(provider, operation, "it failed again and again and is left alone for a while")
        self.retry_after = retry_after


class CredentialRefused(ProviderError):
    def __init__(self, provider: str, operation: str, status: int) -> None:
        why = "the key is not accepted" if status == HTTPStatus.UNAUTHORIZED else "the key may not do this"
        super().__init__(provider, operation, f"{why} ({status}); put the right key in the Secret")
        self.status = status


class RateLimited(ProviderError):
    def __init__(self, provider: str, operation: str, retry_after: timedelta) -> None:
        super().__init__(provider, operation, f"too many requests, again in {retry_after.total_seconds():.0f} s")
        self.retry_after = retry_after


class ProviderRefused(ProviderError):
    """The provider understood and said no; `message` is its own text."""

    def __init__(self, provider: str, operation: str, status: int, message: str) -> None:
        super().__init__(provider, operation, f"refused ({status}): {message}")
        self.status = status


class HostNotAllowed(ProviderError):
    pass


class UnknownOutcome(ProviderError):
    pass


@dataclass(slots=True)
class KeyState:
    """What we know of one key at one server: a bucket of tokens, until when (monotonic) it is not to be used, its circuit."""

    per_second: float
    burst: float
    circuits: Circuits
    tokens: float = field(init=False)
    filled_at: float = 0.0
    bad_until: float = 0.0
    limited_until: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def take(self, now: float) -> float:
        """Take one token, in debt if need be, and give how many seconds to wait before using it."""
        self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.per_second)
        self.filled_at = now
        wait = max(0.0, (1.0 - self.tokens) / self.per_second, self.limited_until - now)
        if wait <= LONGEST_WAIT_SECONDS:
            self.tokens -= 1.0
        return wait


@dataclass(frozen=True, slots=True)
class Api:
    """One provider's server with one key. `state` is shared by everything that uses the same key there."""

    provider: Provider
    base_url: str
    key: str = field(repr=False)
    http: httpx.AsyncClient
    clock: Clock
    state: KeyState
    requests: Counter

    async def read(self, operation: str, method: str, path: str, **request: Any) -> Json:
        """Send a request that changes nothing, and again when it fails on the way. Gives the decoded JSON object."""
        for attempt in range(1, READ_TRIES):
            try:
                return await self._send(operation, method, path, request, writes=False)
            except ProviderResting:
                raise
            except ProviderUnavailable:
                await self.clock.sleep(timedelta(milliseconds=200 * attempt))
        return await self._send(operation, method, path, request, writes=False)

    async def read_one(self, operation: str, path: str, **request: Any) -> Json | None:
        """Read one object; None when it is not there."""
        try:
            return await self.read(operation, "GET", path, **request)
        except ProviderRefused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    async def write(self, operation: str, method: str, path: str, **request: Any) -> Json:
        """Send a request that changes something, exactly once. Gives the decoded JSON object; an empty body as {}."""
        return await self._send(operation, method, path, request, writes=True)

    async def delete(self, operation: str, path: str) -> None:
        """Delete one object; that it is not there is what we wanted."""
        try:
            await self.write(operation, "DELETE", path)
        except ProviderRefused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    async def _send(self, operation: str, method: str, path: str, request: Json, *, writes: bool) -> Json:
        await self._pass_gates(operation)
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "*/*", **request.get("headers", {})}
        unclear = UnknownOutcome if writes else ProviderUnavailable
        try:
            response = await self._exchange(method, path, {**request, "headers": headers})
        except CircuitOpen as error:
            raise ProviderResting(self.provider, operation, error.retry_after) from error
        except httpx.HTTPError as error:
            why = type(error).__name__  # the text of httpx's error may hold the URL, and that a number
            self.requests.labels(self.provider, operation, why).inc()
            never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            failure = ProviderUnavailable if never_sent else unclear
            raise failure(self.provider, operation, f"no answer ({why})") from error
        self.requests.labels(self.provider, operation, str(response.status_code)).inc()
        if response.is_success:
            body = _json(response)
            if isinstance(body, dict):
                return body
            if writes and not response.content.strip():  # publish-agent-version and the deletes answer nothing
                return {}
            # A maintenance page must not be read as "it is not there": what is missing is made again.
            raise unclear(self.provider, operation, "the answer is no JSON object; does baseUrl name the right server?")
        self._raise_refusal(operation, response)
        raise unclear(self.provider, operation, f"it failed there ({response.status_code})")

    async def _exchange(self, method: str, path: str, request: Json) -> httpx.Response:
        """Send a request once, if the circuit lets it. Raises `CircuitOpen`, `httpx.HTTPError`."""
        async with await self.state.circuits.allow(self.provider) as permit:
            try:
                response = await self.http.request(method, self.base_url + path, **request)
            except httpx.HTTPError:
                await permit.failed()
                raise
            await permit.answered(response.status_code)  # the wait after a 429 is the key's own
            return response

    async def _pass_gates(self, operation: str) -> None:
        now = self.clock.monotonic()
        if now < self.state.bad_until:
            raise CredentialRefused(self.provider, operation, HTTPStatus.UNAUTHORIZED)
        wait = self.state.take(now)
        if wait > LONGEST_WAIT_SECONDS:
            raise RateLimited(self.provider, operation, timedelta(seconds=wait))
        if wait:
            await self.clock.sleep(timedelta(seconds=wait))

    def _raise_refusal(self, operation: str, response: httpx.Response) -> None:
        """Raise what a 3xx or 4xx means; give nothing for what may have failed in the middle (5xx, 408)."""
        status, now = response.status_code, self.clock.monotonic()
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            if status == HTTPStatus.UNAUTHORIZED:  # 403 is about one object, such as a foreign event type
                self.state.bad_until = now + BAD_KEY_SECONDS
            raise CredentialRefused(self.provider, operation, status)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = asked_to_wait(response.headers, self.clock.now(), UNSAID_WAIT[self.provider])
            self.state.limited_until = now + wait.total_seconds()
            raise RateLimited(self.provider, operation, wait)
        if not response.is_server_error and status != HTTPStatus.REQUEST_TIMEOUT:
            raise ProviderRefused(self.provider, operation, status, _message(response))


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _message(response: httpx.Response) -> str:
    """Find the provider's own words: Retell's `message`, Cal.com's `error.message`, or its unwrapped `message`."""
    body = _json(response)
    body = body if isinstance(body, dict) else {}
    inner = body.get("error")
    message = (inner.get("message") if isinstance(inner, dict) else None) or body.get("message") or "no reason given"
    return str(message)[:300]
