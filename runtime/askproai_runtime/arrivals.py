"""Bounds for the data that a public port holds for senders that have proven nothing yet: connections, request heads and bodies.

Anyone may open connections and send bytes slowly, and no signature can be verified before a body is whole. So nobody is refused
because others use the resources: the connection that has kept the process waiting longest is dropped. A genuine sender sends a
request in one go and is never the oldest for long, whereas the connections of a flood displace each other.

Addresses play no part. Behind an Ingress every sender has the proxy's address, and the sender of `X-Forwarded-For` chooses its
text (docs/decisions/0037-senders-that-have-proven-nothing.md).
"""

import asyncio
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiohttp import web

from askproai_core.http_server import Problem

log = structlog.get_logger(__name__)

MAX_WAITING = 1024  # connections whose request is not whole; a connection takes some 30 KiB
MAX_IDLE = 1024  # connections that are kept open after a signed request
MAX_HEAD_BYTES = 32 * 1024
HEAD_SECONDS = 10.0
# Out of a pod's 256 MiB. Counted from a body's first byte until it is stored or answered.
MAX_BODY_BYTES = 48 * 1024 * 1024
_LOG_EVERY_SECONDS = 10.0
_ACCEPTED_AT_ONCE = 32
_BACKLOG = 1024
BODY_SECONDS = 10


class TooManyBodies(Problem):
    """The bodies that have arrived whole use all the memory for bodies."""

    def __init__(self) -> None:
        super().__init__(503, "Busy", "Too many bodies at once; send it again", {"Retry-After": "5"})


class Connection(web.RequestHandler):
    """A TCP connection to a port with the bounds of `arrivals`. `body_bytes`: bytes held of its present request's body."""

    __slots__ = ("_head_bytes", "_in_request", "_timer", "arrivals", "body_bytes")

    def __init__(self, manager: web.Server, arrivals: "Arrivals", **options: Any) -> None:
        super().__init__(manager, **options)
        self.arrivals = arrivals
        self.body_bytes = self._head_bytes = 0
        self._in_request = False  # a head is whole, and its request is not answered yet
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.arrivals.wait_for_request(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.stop_timer()
        self.arrivals.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._in_request and not self._head_bytes:
            self.arrivals.wait_for_request(self)
        super().data_received(data)
        if self._messages:
            self._in_request, self._head_bytes = True, 0
            self.stop_timer()
        elif not self._in_request:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.abort()

    def answered(self, *, keep: bool) -> None:
        """Record a request's end. With `keep` the connection is idle from now on; else it waits until the response is sent."""
        self._in_request = bool(self._messages)  # the sender may have sent the next one already
        if keep and not self._in_request:
            self.arrivals.rest(self)
        else:
            self.arrivals.wait_for_request(self)

    def start_timer(self) -> None:
        self.stop_timer()
        self._timer = asyncio.get_running_loop().call_later(HEAD_SECONDS, self.abort)

    def stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def abort(self) -> None:
        """Close the connection at once. Unsent data is discarded."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()


class Arrivals:
    """The connections of one port that wait for bytes of their sender, the oldest first, and the bytes that all bodies use."""

    def __init__(self, *, max_waiting: int = MAX_WAITING) -> None:
        self._max_waiting = max_waiting
        self._waiting: dict[Connection, None] = {}
        self._idle: dict[Connection, None] = {}
        self._logged_at = float("-inf")
        self.body_bytes = 0

    def site(self, runner: web.AppRunner, address: str, port: int) -> "BoundedSite":
        """Return the site that serves one port with these bounds."""
        return BoundedSite(runner, self, address, port)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def wait_for_request(self, connection: Connection) -> None:
        """Count a connection as waiting for a whole request. Past the limit, drop the oldest waiting connection."""
        self._idle.pop(connection, None)
        self._waiting[connection] = None
        connection.start_timer()
        if len(self._waiting) > self._max_waiting:
            self._drop(next(iter(self._waiting)), "too many connections wait for a request")

    def rest(self, connection: Connection) -> None:
        """Count a connection as idle: kept open after a request. Past the limit, drop the longest idle connection."""
        self._waiting.pop(connection, None)
        self._idle[connection] = None
        connection.stop_timer()
        if len(self._idle) > MAX_IDLE:
            self._drop(next(iter(self._idle)), "too many idle connections")

    def add_body(self, connection: Connection, size: int) -> bool:
        """Count more bytes of a body; past the limit drop bodies that have been arriving longest. False if no memory is left."""
        connection.body_bytes += size
        self.body_bytes += size
        while self.body_bytes > MAX_BODY_BYTES:
            oldest = next((each for each in self._waiting if each.body_bytes), None)
            if oldest is None:
                return False  # whole bodies take all the memory: the database is slow
            self._drop(oldest, "bodies that arrive take too much memory")
            if oldest is connection:
                return False
        return True

    def body_arrived(self, connection: Connection) -> None:
        """Count a body as whole: from now on it waits for this process, and its connection is not dropped."""
        self._waiting.pop(connection, None)

    def release_body(self, connection: Connection) -> None:
        """Give back the memory of a connection's body."""
        self.body_bytes -= connection.body_bytes
        connection.body_bytes = 0

    def forget(self, connection: Connection) -> None:
        """Remove a closed connection. The memory of its body is released when its handler ends."""
        self._waiting.pop(connection, None)
        self._idle.pop(connection, None)

    def _drop(self, connection: Connection, why: str) -> None:
        self.forget(connection)
        self.release_body(connection)
        connection.abort()
        now = asyncio.get_running_loop().time()
        if now - self._logged_at >= _LOG_EVERY_SECONDS:
            self._logged_at = now
            log.warning(
                "connections.dropped", why=why, todo="slow or unsigned senders; limit them in front of the pods"
            )


def allow_open_files() -> None:
    """Raise this process's limit of open files to its hard limit. Some container runtimes begin with 1,024, which is too few
    for the bounds. At that limit no connection is accepted from anybody.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class BoundedSite(web.BaseSite):
    """Serves a runner's application on one port, with the bounds of `arrivals`."""

    __slots__ = ("_address", "_arrivals", "_port")

    def __init__(self, runner: web.AppRunner, arrivals: Arrivals, address: str, port: int) -> None:
        super().__init__(runner)
        self._arrivals, self._address, self._port = arrivals, address, port

    @property
    def name(self) -> str:
        return f"http://{self._address}:{self._port}"

    async def start(self) -> None:
        await super().start()
        loop, manager = asyncio.get_running_loop(), self._runner.server
        assert manager is not None, "set the runner up first"

        def connect() -> Connection:
            return Connection(manager, self._arrivals, loop=loop, access_log=None, auto_decompress=False)

        family = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        listening = socket.create_server((self._address, self._port), family=family)
        # asyncio accepts as many connections at once as its backlog. With a short one, a genuine sender's data is read before a
        # flood that was accepted with it can displace the connection. The kernel's queue is separate, and long.
        self._server = await loop.create_server(connect, sock=listening, backlog=_ACCEPTED_AT_ONCE)
        listening.listen(_BACKLOG)


@web.middleware
async def close_unproven(request: web.Request, handler: Any) -> web.StreamResponse:
    """Middleware: close the connection after the response, unless the request has proved its sender (`mark_proven`)."""
    response: web.StreamResponse = await handler(request)
    proven = request.get(_PROVEN, False)
    if not proven:
        response.force_close()
    if isinstance(request.protocol, Connection):
        request.protocol.answered(keep=proven)
    return response


def keep_until_answered(request: web.Request) -> None:
    """Count a request from a known sender as fully received: its connection is not dropped before the answer."""
    if isinstance(request.protocol, Connection):
        request.protocol.arrivals.body_arrived(request.protocol)


_PROVEN = web.RequestKey("proven", bool)


def mark_proven(request: web.Request) -> None:
    """Record that a request carried a valid signature."""
    request[_PROVEN] = True


def require_readable_body(request: web.Request, limit: int) -> None:
    """Refuse a body by its head alone: Problem 413 for more than `limit` bytes, 415 for a compressed one.

    Compressed bodies are refused: nothing is inflated before a signature is checked.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(415, "Unsupported Content-Encoding", "Send the body without Content-Encoding")
    if request.content_length is not None and request.content_length > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> Problem:
    return Problem(413, "Content Too Large", f"The body may have {limit} bytes at most")


@asynccontextmanager
async def read_body(request: web.Request, limit: int) -> AsyncIterator[bytes]:
    """Yield the raw body, as it was signed, and count its memory during the block. Raises Problem 413 past `limit` bytes, 400
    for a body that arrives too slowly, and `TooManyBodies` while whole bodies use all the memory for bodies (`Arrivals`).
    """
    connection = request.protocol
    assert isinstance(connection, Connection), "serve it with the site of `Arrivals`"
    chunks: list[bytes] = []
    try:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in request.content.iter_any():
                    chunks.append(chunk)
                    if not connection.arrivals.add_body(connection, len(chunk)):
                        raise TooManyBodies
                    if connection.body_bytes > limit:
                        raise _too_large(limit)
        except TimeoutError:
            raise Problem(400, "Bad Request", f"The body did not arrive within {BODY_SECONDS} s") from None
        connection.arrivals.body_arrived(connection)
        body = b"".join(chunks)
        chunks.clear()
        yield body
    finally:
        chunks.clear()  # the traceback of a dropped connection would keep them until the next full garbage collection
        connection.arrivals.release_body(connection)
