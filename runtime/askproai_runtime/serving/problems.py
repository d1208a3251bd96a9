"""Errors as RFC 9457 problem documents, with a correlation id, and without stack traces, names or numbers."""

from collections.abc import Awaitable, Callable, Mapping

import msgspec
import structlog
from aiohttp import web

from askproai_runtime.serving.correlation import correlation_id

log = structlog.get_logger(__name__)


class Problem(Exception):
    """An answer that is an error. `detail` says what to do and quotes nothing of the request."""

    def __init__(self, status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})

    def response(self, correlation_id: str) -> web.Response:
        document = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "correlation_id": correlation_id,
        }
        return web.Response(
            body=msgspec.json.encode(document),
            status=self.status,
            content_type="application/problem+json",
            headers=self.headers,
        )


@web.middleware
async def boundary(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn whatever a handler raises into a problem document, and put the correlation id on every answer and log line."""
    correlation = correlation_id(request)
    with structlog.contextvars.bound_contextvars(correlation_id=correlation):
        response = await _answer(request, handler, correlation)
    response.headers["X-Correlation-Id"] = correlation
    return response


async def _answer(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]], correlation: str
) -> web.StreamResponse:
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response(correlation)
    except web.HTTPException as error:  # the router's own 404 and 405
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return Problem(error.status, error.reason, "See the API description for paths and methods", allow).response(
            correlation
        )
    except (ConnectionResetError, web.RequestPayloadError):
        log.info("request.sender_gone")
        return Problem(400, "Bad Request", "The body did not arrive whole").response(correlation)
    except Exception:
        log.exception("request.failed", method=request.method)
        return Problem(500, "Internal Server Error", "Send it again; the correlation id finds the cause").response(
            correlation
        )
