"""The stream of Server-Sent Events: each event names the subjects (parts of the page) to read again."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Final

import structlog
from aiohttp import web

from askproai_core.clock import Clock
from askproai_core.database import DATABASE_UNAVAILABLE
from askproai_core.http_server import Problem
from askproai_runtime.page.feed import Feed, TooManyPages
from askproai_runtime.page.request import SECURITY

log = structlog.get_logger(__name__)

_HEARTBEAT: Final = timedelta(seconds=15)  # of a stream; each checks its session again
_RECONNECT_MS: Final = 2000


async def stream_changes(
    request: web.Request, feed: Feed, clock: Clock, goes_on: Callable[[], Awaitable[bool]]
) -> web.StreamResponse:
    """Stream the changed subjects while `goes_on` returns True and the page is open. Raises `Problem` 503 for too many pages."""
    since = request.headers.get("Last-Event-ID") or request.query.get("since", "")
    headers = SECURITY | {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
    response, looked_at = web.StreamResponse(headers=headers), clock.monotonic()
    try:
        async with aclosing(feed.changes(since, _HEARTBEAT)) as changes:
            async for state, subjects in changes:
                if not response.prepared:
                    await response.prepare(request)
                    await response.write(f"retry: {_RECONNECT_MS}\n\n".encode())
                elif not subjects or clock.monotonic() - looked_at >= _HEARTBEAT.total_seconds():
                    if not await goes_on():
                        break
                    looked_at = clock.monotonic()
                events = [f"id: {state}\nevent: {subject}\ndata: {subject}\n\n" for subject in subjects]
                await response.write("".join(events or [":\n\n"]).encode())
    except TooManyPages:
        raise Problem(503, "Busy", "This pod serves its maximum of open pages", {"Retry-After": "5"}) from None
    except (ConnectionResetError, *DATABASE_UNAVAILABLE):
        log.debug("page.stream_ended")
    if not response.prepared:
        raise Problem(503, "Not Ready", "The process is shutting down", {"Retry-After": "1"})
    return response
