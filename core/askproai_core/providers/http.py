"""One HTTP request to Retell or Cal.com: circuit breaker, timeouts, `Retry-After`, and the outcome as a value.

Redirects are not followed and no proxy of the environment is used, because a key must not travel to another server. Nothing is
logged, and the text of aiohttp's errors is never passed on: both could hold a URL with a key or a phone number in it.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from askproai_core.clock import Clock
from askproai_core.http_answers import client_session, read_answer
from askproai_core.provider_limits import BudgetSpent, CircuitBreakers, CircuitOpen, RequestBudget
from askproai_core.provider_names import Provider
from askproai_core.providers.errors import CredentialMissing
from askproai_core.providers.redaction import list_words, redact, shape_of
from askproai_core.tracing import Kind, annotate, current_ids, fail_current, span

Json = dict[str, Any]

REQUEST_TIMEOUT: Final = timedelta(seconds=10)
# Both providers are Node.js behind proxies, and Node.js closes an idle connection after 5 s.
_KEEPALIVE_SECONDS: Final = 5
# After a 429 that names no time: Cal.com blocks for a minute. Retell documents no window, and its SDK never waits longer than this.
_DEFAULT_RETRY_AFTER: Final = timedelta(seconds=60)
_RETELL_RETRY_AFTER: Final = timedelta(seconds=8)
_MAX_RETRY_AFTER_SECONDS: Final = 3600
# Cal.com's header X-RateLimit-Reset holds seconds to wait in its source, and a Unix time in its documentation.
_FIRST_UNIX_TIME: Final = 1_000_000_000
_MAX_MESSAGE_LENGTH: Final = 500
MAX_PAGE_BYTES: Final = 8 * 1024 * 1024  # fifty calls with 160 KB of transcripts each
_MAX_OBJECT_BYTES: Final = 512 * 1024  # a prompt of Retell has at most 200 KB, an event type of Cal.com some dozens
# A list or object of three bytes takes seventy in memory. Providers write one in thirty bytes or more.
_FEW_CONTAINERS, _BYTES_PER_CONTAINER = 1000, 16
_PATH_WORDS: Final = frozenset([
    "", "v1", "v2", "v3", "bookings", "slots", "cancel", "reschedule", "mark-absent", "me", "webhooks", "event-types",
    "list-agents", "list-phone-numbers", "list-retell-llms", "list-agent-versions", "list-calls", "get-call", "delete-call",
    "get-agent", "create-agent", "update-agent", "delete-agent", "publish-agent-version",
    "get-retell-llm", "create-retell-llm", "update-retell-llm", "delete-retell-llm",
    "get-phone-number", "update-phone-number", "get-concurrency",
])  # fmt: skip


class TransportFailure(StrEnum):
    """Why no response came to a request. The values are label values of `askproai_provider_requests_total`."""

    CONNECT_ERROR = "ConnectError"  # refused connection, unknown host, TLS: nothing was sent
    CONNECT_TIMEOUT = "ConnectTimeout"  # nothing was sent
    READ_TIMEOUT = "ReadTimeout"
    READ_ERROR = "ReadError"  # the connection was reset
    PROTOCOL_ERROR = "RemoteProtocolError"  # the connection was closed in the middle, or the answer is no HTTP
    UNSUPPORTED_PROTOCOL = "UnsupportedProtocol"  # the URL cannot be used

    @property
    def never_sent(self) -> bool:
        """Return True if the provider certainly did not receive the request."""
        return self in {TransportFailure.CONNECT_ERROR, TransportFailure.CONNECT_TIMEOUT}

    @classmethod
    def of(cls, error: Exception) -> "TransportFailure":
        """Return the kind of failure for an exception of aiohttp."""
        match error:
            case _ConnectionBroken(__cause__=Exception() as cause):
                return cls.of(cause)
            case aiohttp.ClientConnectorError():
                return cls.CONNECT_ERROR
            case aiohttp.ConnectionTimeoutError():
                return cls.CONNECT_TIMEOUT
            case TimeoutError():
                return cls.READ_TIMEOUT
            case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
                return cls.UNSUPPORTED_PROTOCOL
            case OSError():
                return cls.READ_ERROR
        return cls.PROTOCOL_ERROR


_EMAIL: Final = re.compile(r"[^\s@<>\"',;:()]+@[^\s@<>\"',;:()]+")
_PHONE_NUMBER: Final = re.compile(r"\+[0-9][0-9 ()/-]{6,}[0-9]")


def _without_people(text: str) -> str:
    """Return a provider's text with a placeholder for each e-mail address and international phone number."""
    return _PHONE_NUMBER.sub("<number>", _EMAIL.sub("<e-mail>", text))


@dataclass(frozen=True, slots=True)
class Reply:
    """The outcome of one request to a provider, and how long it took.

    `status` None: no response came, and `error` says why. `body` is the decoded JSON, None for anything else; `is_empty`
    distinguishes a response without a body. `retry_after`: how long a 429, the circuit or our own budget asks us to wait.
    `sent` are the words in the values of a refused request: the provider's error text may quote them.
    """

    method: str
    seconds: float
    status: int | None
    body: Any = None
    error: Exception | None = None
    retry_after: timedelta | None = None
    is_empty: bool = False
    sent: frozenset[str] = field(default=frozenset(), repr=False, compare=False)

    @property
    def message(self) -> str:
        """Return the provider's own words: Cal.com's `error.message`, or the bare `message` of Retell and of NestJS."""
        if not isinstance(self.body, dict):
            return ""
        error = self.body.get("error")
        nested = error.get("message") if isinstance(error, dict) else None
        return str(nested or self.body.get("message") or "")[:_MAX_MESSAGE_LENGTH]

    @property
    def reason(self) -> str:
        """Return why the request failed, as text that is stored with the job. So it holds neither aiohttp's texts, which may
        contain a URL with its key, nor e-mail addresses and phone numbers that a provider may quote.
        """
        if isinstance(self.error, CircuitOpen | BudgetSpent | CredentialMissing):
            return str(self.error)
        return type(self.error).__name__ if self.error else _without_people(self.message) or f"status {self.status}"

    @property
    def redacted_error(self) -> str | None:
        """Return why the request failed, without anything that may name a person or be a key; None if it succeeded."""
        if self.error is not None:
            return self.failure or type(self.error).__name__
        if self.status is None or self.status < HTTPStatus.MULTIPLE_CHOICES:
            return None
        return redact(self.message, self.sent) or f"status {self.status}"

    @property
    def error_shape(self) -> str | None:
        """Return the field names and types in the body of a failed request's response; None without a body or a failure."""
        is_failure = self.status is not None and self.status >= HTTPStatus.MULTIPLE_CHOICES
        return shape_of(self.body) if is_failure and self.body is not None else None

    @property
    def failure(self) -> TransportFailure | None:
        """Return why no response came to a request that was sent or tried; None if a response came, or no request was tried."""
        if self.error is None or isinstance(self.error, CircuitOpen | BudgetSpent | CredentialMissing):
            return None
        return TransportFailure.of(self.error)

    @property
    def asks_to_wait(self) -> bool:
        """Return True if the provider works, but we must wait before further requests: by its own rate limit or by our budget."""
        too_many = self.status == HTTPStatus.TOO_MANY_REQUESTS or isinstance(self.error, BudgetSpent)
        return too_many or (isinstance(self.error, CircuitOpen) and self.error.slow)


@dataclass(frozen=True, slots=True)
class ProviderHttp:
    """Sends requests to one provider. It asks `circuits` for a permit before each request, and records the outcome there.

    `budget` applies only to requests with a total timeout, which includes a caller's wait for the request's turn.
    """

    provider: Provider
    session: aiohttp.ClientSession
    circuits: CircuitBreakers
    clock: Clock
    budget: RequestBudget | None = None

    async def send(
        self,
        method: str,
        url: str,
        timeout: aiohttp.ClientTimeout,
        *,
        optional: bool = False,
        limit: int = _MAX_OBJECT_BYTES,
        **content: Any,
    ) -> Reply:
        """Send one request, or none while the circuit is open. `content` are aiohttp's arguments: headers, params, JSON.

        An answer over `limit` bytes counts as a broken connection: one object is small, lists and calls need `MAX_PAGE_BYTES`.
        An `optional` request is not sent if only tokens kept for more important requests are left in the budget.
        """
        # No `traceparent` goes to a provider: it is of no use there, and says which requests belong together.
        with span("provider.request", Kind.CLIENT, provider=self.provider.value, method=method):
            reply = await self._send(method, url, timeout, optional=optional, limit=limit, **content)
            if current_ids() is not None:
                _describe_in_span(url, reply)
            return reply

    async def _send(
        self, method: str, url: str, timeout: aiohttp.ClientTimeout, *, optional: bool, limit: int, **content: Any
    ) -> Reply:
        started = self.clock.monotonic()
        try:
            permit = await self.circuits.allow(self.provider)
        except CircuitOpen as error:
            return Reply(method, 0, None, error=error, retry_after=error.retry_after)
        async with permit:
            if self.budget is not None and timeout.total is not None:
                try:
                    left = await self.budget.take(timeout.total, optional=optional)
                except BudgetSpent as error:
                    return Reply(method, 0, None, error=error, retry_after=error.retry_after)
                timeout = aiohttp.ClientTimeout(total=left, connect=timeout.connect)
            try:
                async with self.session.request(
                    method, url, timeout=timeout, allow_redirects=False, **content
                ) as response:
                    status, raw = response.status, await read_answer(response, limit)
            except (aiohttp.ClientError, TimeoutError) as error:
                await permit.record_failure()
                return Reply(method, self.clock.monotonic() - started, None, error=error)
            retry_after = None
            if status == HTTPStatus.TOO_MANY_REQUESTS:
                default = _RETELL_RETRY_AFTER if self.provider is Provider.RETELL else _DEFAULT_RETRY_AFTER
                retry_after = parse_retry_after(response.headers, self.clock.now(), default)
            await permit.record_status(status, retry_after or timedelta())
        seconds = self.clock.monotonic() - started
        sent = list_words(content) if status >= HTTPStatus.MULTIPLE_CHOICES else frozenset[str]()
        return Reply(
            method, seconds, status, _parse_json(raw), retry_after=retry_after, is_empty=not raw.strip(), sent=sent
        )


def url_template(url: str) -> str:
    """Return the path of a URL with `{}` in place of ids, numbers and names: only fixed words of the providers' APIs stay."""
    return "/".join(part if part in _PATH_WORDS else "{}" for part in urlsplit(url).path.split("/"))


def _describe_in_span(url: str, reply: Reply) -> None:
    """Add the request's URL template and its outcome to the current span, never content that was sent or received."""
    annotate(host=urlsplit(url).hostname or "", template=url_template(url))
    if reply.status is not None:
        annotate(status=reply.status)
        if reply.status >= HTTPStatus.BAD_REQUEST:
            fail_current()
        return
    if (failure := reply.failure) is None:
        annotate(outcome="not_sent", error_type=type(reply.error).__name__)
        return
    annotate(error_type=failure.value)
    fail_current()


def open_session() -> aiohttp.ClientSession:
    """Return a session for requests with the keys of many tenants: no cookies, no proxies, no retries behind our back."""
    return client_session(
        connector=aiohttp.TCPConnector(keepalive_timeout=_KEEPALIVE_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        middlewares=(_send_once,),
        trust_env=False,
    )


def parse_retry_after(headers: Mapping[str, str], now: datetime, default: timedelta) -> timedelta:
    """Return how long a 429 asks us to wait, by its headers: one second to one hour; `default` if they do not state it."""
    for header in ("Retry-After", "X-RateLimit-Reset-Default"):
        value = headers.get(header, "")
        if value.isdecimal():
            seconds = int(value)
            if seconds > _FIRST_UNIX_TIME:
                seconds -= int(now.timestamp())
            return timedelta(seconds=min(max(seconds, 1), _MAX_RETRY_AFTER_SECONDS))
    return default


def find_host_problem(base_url: str, patterns: Iterable[str]) -> str | None:
    """Return why no key may be sent to `base_url`; None if keys may be sent there.

    Patterns: `api.cal.com`, `*.cal.example`, `127.0.0.1:*`, `cal.internal:5555`. Without a port a pattern means https on its
    default port; with a port, http is allowed, too.
    """
    try:
        url = urlsplit(base_url)
        port = url.port
    except ValueError:
        return f"baseUrl {base_url!r} is not a URL"
    if url.scheme not in ("http", "https") or not url.hostname:
        return "baseUrl must start with https:// and name a host"
    if url.username or url.password or url.query or url.fragment:
        return "baseUrl must not hold a user, a query or a fragment"
    actual_port = port or (443 if url.scheme == "https" else 80)
    is_usual = (url.scheme, actual_port) == ("https", 443)
    if is_host_listed(url.hostname, actual_port, patterns, is_usual_port=is_usual):
        return None
    return f"host {url.netloc} is not in the operator's ASKPROAI_PROVIDER_HOSTS; add it there or use an allowed server"


def is_host_listed(host: str, port: int, patterns: Iterable[str], *, is_usual_port: bool) -> bool:
    """Return True if a pattern matches, such as `*.cal.example` or `127.0.0.1:*`; without a port only if `is_usual_port`."""
    for pattern in patterns:
        name, _, ports = pattern.strip().lower().partition(":")
        if fnmatchcase(host, name) and (fnmatchcase(str(port), ports) if ports else is_usual_port):
            return True
    return False


class _ConnectionBroken(aiohttp.ClientError):
    """The connection broke after the request was sent. aiohttp does not repeat a request for this error."""


async def _send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Prevent aiohttp from silently repeating a GET or DELETE whose connection broke: only we may repeat it."""
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _ConnectionBroken from error


def _parse_json(raw: bytes) -> Any:
    """Return a decoded answer; None for a proxy's error page, and for an answer that would fill the memory."""
    if raw.count(b"[") + raw.count(b"{") > _FEW_CONTAINERS + len(raw) // _BYTES_PER_CONTAINER:
        return None
    try:
        return _clean(json.loads(raw))
    except (ValueError, RecursionError):
        return None


def _clean(value: Any) -> Any:
    """Return a decoded value without the characters that PostgreSQL stores in no text: NUL, and half a surrogate pair."""
    match value:
        case str():
            return value.replace("\0", "").encode("utf-8", "replace").decode()
        case list():
            return [_clean(each) for each in value]
        case dict():
            return {name: _clean(each) for name, each in value.items()}
    return value
