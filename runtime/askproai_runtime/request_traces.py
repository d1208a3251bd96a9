"""The middleware that begins a trace for a request from outside."""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from askproai_core.http_server import Handler, correlation_id
from askproai_core.tracing import Kind, annotate, draw_trace, fail_current, record_trace

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@web.middleware
async def trace_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Trace a request from outside, if it belongs to the share that the process records.

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
