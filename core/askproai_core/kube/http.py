"""HTTP to the API server: one session, answers as dictionaries, refusals as typed errors.

Used by the operator (which logs in through kopf), and by the coordinator, `askproai plan` and the sandbox (`access`). A process
that does not need kopf need not import it (30 MiB, docs/decisions/0002-thin-api-client.md).

ApiError                 any refusal, with its HTTP status and Kubernetes reason
├── Conflict             409: the object has changed or has another uid, or its namespace is being deleted
└── Unreachable          no answer (status 0), or "not now" (429, 5xx); the request may have taken effect
    └── NoAnswer         no complete answer arrived
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Self

import aiohttp
import msgspec

from askproai_core.http_answers import client_session, read_answer
from askproai_core.kube.access import Access

_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=5)
# A chunk of 500 objects has a few MiB in practice, although etcd permits 1.5 MiB for each object.
_MAX_ANSWER_BYTES = 64 * 1024 * 1024


class ApiError(Exception):
    """A request to the API server failed: it was refused or, as the subclass `Unreachable`, not answered."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


class Conflict(ApiError):
    """The object has changed, it exists already, another object has its name now, or its namespace takes no new objects."""


class Unreachable(ApiError):
    """The API server did not answer, or cannot serve now (429 while the storage of a new CRD is set up). Try again later."""

    def __init__(self, message: str, status: int = 0, reason: str = "Unreachable") -> None:
        super().__init__(status, reason, message)


class NoAnswer(Unreachable):
    """The connection failed, timed out or broke before the whole answer arrived."""


def api_error(status: int, reason: str, message: str) -> ApiError:
    """Return the error for a refusal's HTTP status, Kubernetes reason and message."""
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unreachable(message, status, reason)
    if status == HTTPStatus.CONFLICT or (
        status == HTTPStatus.FORBIDDEN and "because it is being terminated" in message
    ):
        return Conflict(status, reason, message)
    return ApiError(status, reason, message)


class HttpTransport:
    """Sends requests to one API server. Use as `async with HttpTransport(login) as transport`."""

    def __init__(
        self,
        login: Callable[[], Access],
        *,
        user_agent: str | None = None,
        timeout: aiohttp.ClientTimeout = _TIMEOUT,
        connections: int = 100,
        before_write: Callable[[], None] = lambda: None,
    ) -> None:
        """Log in; `login` is called again after a 401. `connections` is the most connections at once, 0 for no limit.

        Without `user_agent` aiohttp's own is sent. The API server derives the field manager of plain writes from it, so another
        `user_agent` changes who owns fields. `before_write` is called right before each request other than a GET; if it raises,
        the request is not sent.
        """
        self._login, self._access = login, login()
        self._user_agent, self._timeout, self._connections = user_agent, timeout, connections
        self._before_write = before_write
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = client_session(
            connector=aiohttp.TCPConnector(ssl=self._access.tls, limit=self._connections),
            # A watch is read as it arrives; inside a cluster packing costs more than it saves.
            headers={"Accept-Encoding": "identity"} | ({"User-Agent": self._user_agent} if self._user_agent else {}),
            proxy=self._access.proxy,
            timeout=self._timeout,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """Send a request and return the decoded response. Raises ApiError for a refusal, NoAnswer without a whole response."""
        used = self._access
        status, answer = await self._send(method, path, params or {}, body, content_type)
        if status == HTTPStatus.UNAUTHORIZED:  # the token was rotated: one login for all requests that were refused
            if self._access is used:
                self._access = self._login()
            status, answer = await self._send(method, path, params or {}, body, content_type)
        if status >= HTTPStatus.BAD_REQUEST:
            raise _refusal(status, answer, f"{method} {path}")
        return answer

    async def find(self, path: str) -> dict[str, Any] | None:
        """Return the object at a path, None if it does not exist. Raises as `request` does."""
        try:
            return await self.request("GET", path)
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    async def read_clock(self) -> datetime | None:
        """Return the API server's time from the header `Date`, exact to a second; None if a proxy removes it. Raises NoAnswer."""
        try:
            async with self._open("GET", "/version") as response:
                date = response.headers.get("Date")
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswer(f"GET /version: {type(error).__name__}") from error
        try:
            return parsedate_to_datetime(date) if date else None
        except ValueError:
            return None

    @asynccontextmanager
    async def stream(
        self, path: str, params: Mapping[str, str], timeout: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """Send a GET and yield the body of its answer as it arrives. Raises as `request` does, but does not log in again."""
        try:
            async with self._open("GET", path, params=params, timeout=timeout) as response:
                if response.status >= HTTPStatus.BAD_REQUEST:
                    raise _refusal(
                        response.status, _decode(await read_answer(response, _MAX_ANSWER_BYTES)), f"GET {path}"
                    )
                yield response.content
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NoAnswer(f"GET {path}: {type(error).__name__}") from error

    async def _send(
        self, method: str, path: str, params: Mapping[str, str], body: object, content_type: str
    ) -> tuple[int, dict[str, Any]]:
        data = None if body is None else msgspec.json.encode(body)
        if method != "GET":
            self._before_write()
        headers = {"Content-Type": content_type}
        try:
            async with self._open(method, path, params=params, data=data, headers=headers) as response:
                return response.status, _decode(await read_answer(response, _MAX_ANSWER_BYTES))
        except (aiohttp.ClientError, OSError) as error:  # OSError: a timeout, or a token file that cannot be read
            raise NoAnswer(f"{method} {path}: {type(error).__name__}") from error

    def _open(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        assert self._session is not None, "use it as `async with`"
        authorization = self._access.authorization()
        sent = {**(headers or {}), **({"Authorization": authorization} if authorization else {})}
        return self._session.request(method, self._access.server + path, headers=sent, **options)


def _decode(content: bytes) -> dict[str, Any]:
    """Decode a JSON object. Any other body, such as a proxy's error page, is returned as the field `message`."""
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {"message": content[:200].decode(errors="replace")}


def _refusal(status: int, answer: Mapping[str, Any], request: str) -> ApiError:
    """Return the error for a refused request, from the fields `reason` and `message` of a Kubernetes `Status`."""
    return api_error(status, answer.get("reason") or "Unknown", answer.get("message") or request)
