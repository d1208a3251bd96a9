"""The common parts of our HTTP servers: problem documents, correlation ids, bounded bodies, ports, and the server of the probes.

Used by the runtime's processes (web, worker, coordinator); the operator uses `serve_probes` alone.
"""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from askproai_core.arrivals import Arrivals, BoundedSite, Connection
from askproai_core.lenient_json import to_strict_json
from askproai_core.tracing import Kind, annotate, draw_trace, fail_current, is_on, record_trace

log = structlog.get_logger(__name__)

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_CORRELATION = web.RequestKey("correlation", str)
BODY_SECONDS = 10
_TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class Problem(Exception):
    """An error response in the form of RFC 9457. `detail` says what to do and quotes nothing of the request; `members` are further
    fields of the document.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = dict(members or {})

    def response(self, correlation: str) -> web.Response:
        document = {"type": "about:blank", "title": self.title, "status": self.status, "detail": self.detail}
        return web.Response(
            body=msgspec.json.encode(self.members | document | {"correlation_id": correlation}),
            status=self.status,
            content_type="application/problem+json",
            headers=self.headers,
        )


class TooManyBodies(Problem):
    """Whole bodies use all the memory that bodies share."""

    def __init__(self) -> None:
        super().__init__(503, "Busy", "Too many bodies at once; send it again", {"Retry-After": "5"})


def correlation_id(request: web.Request) -> str:
    """Return the id that ties a request to its event, job, log lines and response: the header `X-Correlation-Id` if it is 1 to
    64 letters, digits, dots, dashes and underscores, else a new one.
    """
    correlation: str | None = request.get(_CORRELATION)
    if correlation is None:
        header = request.headers.get("X-Correlation-Id", "")
        correlation = header if _PLAIN_ID.fullmatch(header) else uuid.uuid4().hex
        request[_CORRELATION] = correlation
    return correlation


@web.middleware
async def error_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into a problem document; put the correlation id on every response and log line."""
    correlation = correlation_id(request)
    with structlog.contextvars.bound_contextvars(correlation_id=correlation):
        try:
            response = await handler(request)
        except Problem as problem:
            response = problem.response(correlation)
        except web.HTTPException as error:  # the router's own 404 and 405
            allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
            refusal = Problem(error.status, error.reason, "See the API description for paths and methods", allow)
            response = refusal.response(correlation)
        except (ConnectionResetError, web.RequestPayloadError):
            log.info("request.sender_gone")
            response = Problem(400, "Bad Request", "The body did not arrive whole").response(correlation)
        except Exception:
            log.exception("request.failed", method=request.method)
            failure = Problem(500, "Internal Server Error", "Send it again; the correlation id finds the cause")
            response = failure.response(correlation)
    response.headers["X-Correlation-Id"] = correlation
    return response


@web.middleware
async def trace_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Begin a trace with a request from outside, for the share that the process records.

    The sender's `traceparent` is only linked, never followed. The span has no path: it may hold what identifies a person.
    """
    if not draw_trace():
        return await handler(request)
    with record_trace(
        "request",
        Kind.SERVER,
        linked=request.headers.get("traceparent"),
        correlation_id=correlation_id(request),
        method=request.method if request.method in _METHODS else "_OTHER",
    ):
        response = await handler(request)
        annotate(status=response.status)
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            fail_current()
        return response


def too_many_requests() -> Problem:
    """Return the response to a request past a rate limit."""
    return Problem(429, "Too Many Requests", "Send it again later", {"Retry-After": "1"})


def require_readable_body(request: web.Request, limit: int) -> None:
    """Refuse a body by its head alone: Problem 413 for more than `limit` bytes, 415 for a compressed one.

    Compressed bodies are refused: nothing is inflated before a signature is checked.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(415, "Unsupported Content-Encoding", "Send the body without Content-Encoding")
    if request.content_length is not None and request.content_length > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> Problem:
    return Problem(413, "Content Too Large", f"The body may have {limit} bytes")


@asynccontextmanager
async def read_body(request: web.Request, limit: int) -> AsyncIterator[bytes]:
    """Yield the raw body, as it was signed, and count its memory during the block. Raises Problem 413 past `limit` bytes, 400 for
    one that arrives too slowly, and `TooManyBodies` while whole bodies use all the memory that bodies share (`Arrivals`).
    """
    connection = request.protocol
    assert isinstance(connection, Connection), "serve it with `arrivals`"
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


def read_json(body: bytes, kind: type[T]) -> T:
    """Decode a body into `kind`. Raises `msgspec.ValidationError` for a wrong shape, `msgspec.DecodeError` for invalid JSON.

    JavaScript that cuts a text in the middle of an emoji writes half a surrogate pair, which is legal JSON but not legal UTF-8.
    It is read as a question mark, since refusing such a body would lose a genuine event. `to_strict_json` has the rest.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return msgspec.json.decode(to_strict_json(body), type=kind)


def json_response(content: Any, status: int = 200) -> web.Response:
    """Return `content` as JSON; it may be a msgspec struct."""
    return web.Response(body=msgspec.json.encode(content), status=status, content_type="application/json")


async def liveness(_request: web.Request) -> web.Response:
    """Answer a liveness probe: the event loop runs. Nothing else is checked, because a restart cures no database."""
    return json_response({"status": "ok"})


def metrics_route(registry: CollectorRegistry) -> web.RouteDef:
    """Return the route `/metrics` for Prometheus: text format 0.0.4; with traces on OpenMetrics for clients that ask for it,
    which alone has exemplars.
    """

    async def scrape(request: web.Request) -> web.Response:
        wants_exemplars = is_on() and "application/openmetrics-text" in request.headers.get("Accept", "")
        render, kind = (generate_openmetrics, OPENMETRICS) if wants_exemplars else (generate_latest, _TEXT_FORMAT)
        # In a thread: rendering a large registry would delay every other response
        text = await asyncio.to_thread(render, registry)
        return web.Response(body=text, headers={"Content-Type": kind})

    return web.get("/metrics", scrape)


async def start_server(
    app: web.Application, address: str, port: int, *, grace_seconds: float, arrivals: Arrivals | None = None
) -> tuple[web.AppRunner, int]:
    """Serve `app` on a port (0 picks a free one); return its runner and the port. Raises OSError when the port is taken.

    `arrivals` bounds what is held for senders; handlers that use `read_body` need it.

    A sender that hangs up does not cancel its handler: the event that it sent is stored all the same. There is no access log,
    because paths and peers would only repeat what the events say, with less care.
    """
    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=False, shutdown_timeout=grace_seconds, auto_decompress=False
    )
    await runner.setup()
    if arrivals is None:
        await web.TCPSite(runner, address, port, backlog=1024).start()
    else:
        await BoundedSite(runner, arrivals, address, port).start()
    return runner, int(runner.addresses[0][1])


@asynccontextmanager
async def serve_probes(
    registry: CollectorRegistry,
    address: str,
    ports: Iterable[int],
    *,
    livez: Handler = liveness,
    readyz: Handler = liveness,
) -> AsyncIterator[Sequence[tuple[str, int]]]:
    """Serve `/livez`, `/readyz` and `/metrics` on each port during the block; yield the addresses, host and port.

    Raises OSError when a port is taken.
    """
    app = web.Application(middlewares=[error_middleware])
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), metrics_route(registry)])
    first, *others = dict.fromkeys(ports)
    runner, _ = await start_server(app, address, first, grace_seconds=1)
    try:
        for port in others:
            await web.TCPSite(runner, address, port).start()
        yield [(str(host), int(port)) for host, port, *_ in runner.addresses]
    finally:
        await runner.cleanup()
