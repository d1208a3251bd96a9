"""What every HTTP answer of the runtime shares: problem documents, correlation ids, bounded bodies, ports."""

import asyncio
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec
import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest

log = structlog.get_logger(__name__)

T = TypeVar("T")
_CORRELATION = web.RequestKey("correlation", str)
# Strangers may send bodies, too, and a pod has 256 MiB: what is large has 64 of them together, what is small always passes.
_SMALL_BODY = 64 * 1024
_LARGE_BODIES = 64 * 1024 * 1024
BODY_SECONDS = 10
_PLAIN_WORD = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class Problem(Exception):
    """An answer that is an error, as RFC 9457 writes it. `detail` says what to do and quotes nothing of the request."""

    def __init__(self, status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})

    def response(self, correlation: str) -> web.Response:
        document = {"type": "about:blank", "title": self.title, "status": self.status, "detail": self.detail}
        return web.Response(
            body=msgspec.json.encode(document | {"correlation_id": correlation}),
            status=self.status,
            content_type="application/problem+json",
            headers=self.headers,
        )


def correlation_id(request: web.Request) -> str:
    """Give what ties a request to its event, job, log lines and answer: `X-Correlation-Id` if a plain word, else a new one."""
    known: str | None = request.get(_CORRELATION)
    if known is None:
        given = request.headers.get("X-Correlation-Id", "")
        known = given if _PLAIN_WORD.fullmatch(given) else uuid.uuid4().hex
        request[_CORRELATION] = known
    return known


@web.middleware
async def boundary(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn whatever a handler raises into a problem document, and put the correlation id on every answer and log line."""
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
            sorry = Problem(500, "Internal Server Error", "Send it again; the correlation id finds the cause")
            response = sorry.response(correlation)
    response.headers["X-Correlation-Id"] = correlation
    return response


def too_many() -> Problem:
    """Give the answer to what is past a limit of requests in a second."""
    return Problem(429, "Too Many Requests", "Send it again later", {"Retry-After": "1"})


class _LargeBodies:
    """What the large ones among the bodies that are arriving take now, in bytes."""

    taken = 0


async def read_body(request: web.Request, limit: int) -> bytes:
    """Give the raw body, as signed. Raises 413 past `limit` bytes, 415 for a compressed one, 400 for one that comes too slowly,
    and 503 while large ones take all the room that they have together.

    Compressed bodies are refused: nothing is inflated before somebody has checked a signature.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(415, "Unsupported Content-Encoding", "Send the body without Content-Encoding")
    too_large = Problem(413, "Content Too Large", f"The body may have {limit} bytes")
    if request.content_length is not None and request.content_length > limit:
        raise too_large
    body, taken = bytearray(), 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > limit:
                    raise too_large
                if len(body) > _SMALL_BODY:
                    taken += len(chunk)
                    _LargeBodies.taken += len(chunk)
                    if _LargeBodies.taken > _LARGE_BODIES:
                        raise Problem(503, "Busy", "Too many large bodies at once; send it again", {"Retry-After": "5"})
    except TimeoutError:
        raise Problem(400, "Bad Request", f"The body did not arrive within {BODY_SECONDS} s") from None
    finally:
        _LargeBodies.taken -= taken
    return bytes(body)


def read_json(body: bytes, kind: type[T]) -> T:
    """Decode a body into `kind`. Raises `msgspec.ValidationError` for a wrong shape, `msgspec.DecodeError` for no JSON.

    JavaScript that cuts a text in the middle of an emoji writes half a surrogate pair. It is legal JSON and no legal UTF-8;
    such a body is read with a question mark in its place, since refusing it would lose a genuine event.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError:
        raise
    except RecursionError as error:
        raise msgspec.DecodeError("nested too deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        try:
            lenient: Any = json.loads(body)
        except (ValueError, RecursionError):
            raise msgspec.DecodeError("not valid JSON in UTF-8") from error
        return msgspec.json.decode(json.dumps(lenient, ensure_ascii=False).encode("utf-8", "replace"), type=kind)


def json_answer(answer: Any, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(answer), status=status, content_type="application/json")


async def alive(_request: web.Request) -> web.Response:
    """Say that the loop runs. Never looks at anything else: a restart cures no database."""
    return json_answer({"status": "ok"})


def metrics_route(registry: CollectorRegistry) -> web.RouteDef:
    """Give the route of what Prometheus scrapes (format 0.0.4)."""

    async def scrape(_request: web.Request) -> web.Response:
        # A large registry would hold up every answer meanwhile
        text = await asyncio.to_thread(generate_latest, registry)
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    return web.get("/metrics", scrape)


async def open_port(
    app: web.Application, address: str, port: int, *, grace_seconds: float
) -> tuple[web.AppRunner, int]:
    """Serve `app` on a port and give it (0 picks a free one). Raises `OSError` when it is taken.

    A sender that hangs up does not cancel its handler: the event that it sent is stored all the same. There is no access log,
    because paths and peers would only repeat what the events say, with less care.
    """
    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=False, shutdown_timeout=grace_seconds, auto_decompress=False
    )
    await runner.setup()
    await web.TCPSite(runner, address, port, backlog=1024).start()
    return runner, int(runner.addresses[0][1])
