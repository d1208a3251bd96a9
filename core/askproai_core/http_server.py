"""The common parts of our HTTP servers: problem documents, correlation ids, ports, and the server of the probes.

Used by the runtime's processes (web, worker, coordinator); the operator uses `serve_probes` alone.
"""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from askproai_core.tracing import is_on

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Site = Callable[[web.AppRunner, str, int], web.BaseSite]
_CORRELATION = web.RequestKey("correlation", str)
_TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
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


def json_response(content: Any, status: int = 200) -> web.Response:
    """Return `content` as JSON; it may be a msgspec struct."""
    return web.Response(body=msgspec.json.encode(content), status=status, content_type="application/json")


async def liveness(_request: web.Request) -> web.Response:
    """Answer a liveness probe: the event loop runs. Nothing else is checked, because a restart cures no database."""
    return json_response({"status": "ok"})


def metrics_route(registry: CollectorRegistry) -> web.RouteDef:
    """Return the route `/metrics` for Prometheus, in the text format 0.0.4. If traces are on, clients that ask for OpenMetrics
    get it: only that format has exemplars.
    """

    async def scrape(request: web.Request) -> web.Response:
        wants_exemplars = is_on() and "application/openmetrics-text" in request.headers.get("Accept", "")
        render, kind = (generate_openmetrics, OPENMETRICS) if wants_exemplars else (generate_latest, _TEXT_FORMAT)
        # In a thread: rendering a large registry would delay every other response
        text = await asyncio.to_thread(render, registry)
        return web.Response(body=text, headers={"Content-Type": kind})

    return web.get("/metrics", scrape)


def tcp_site(runner: web.AppRunner, address: str, port: int) -> web.BaseSite:
    return web.TCPSite(runner, address, port, backlog=1024)


async def start_server(
    app: web.Application, address: str, port: int, *, grace_seconds: float, site: Site = tcp_site
) -> tuple[web.AppRunner, int]:
    """Serve `app` on a port (0 picks a free one); return its runner and the port. Raises OSError when the port is taken.

    If a sender hangs up, its handler goes on: the event is stored all the same. There is no access log, because paths and peers
    would only repeat our own log events, with less care for personal data.
    """
    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=False, shutdown_timeout=grace_seconds, auto_decompress=False
    )
    await runner.setup()
    await site(runner, address, port).start()
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
    """Serve `/livez`, `/readyz`, `/metrics` on each port during the block; yield (host, port). Raises OSError for a taken port."""
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
