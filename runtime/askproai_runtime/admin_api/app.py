"""The private API of one tenant: the check of tokens, all endpoints below `/api/v1`, and their OpenAPI description."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg
import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from askproai_core.database import DATABASE_AWAY, StatementTimeout
from askproai_core.http_server import Handler, Problem, error_middleware, json_response
from askproai_core.reader_token import reader_token_of
from askproai_core.tracing import is_recording, name_route
from askproai_runtime.admin_api import (
    appointments,
    audit,
    blocks,
    bookings,
    calls,
    circuits,
    differences,
    events,
    failures,
    figures,
    messages,
    notifications,
    privacy,
    sessions,
    slots,
    timelines,
    waitlist,
)
from askproai_runtime.admin_api.endpoint import ACCESS, openapi
from askproai_runtime.admin_api.request import Access, PrivateApi
from askproai_runtime.admin_api.roles import Right, Role
from askproai_runtime.process import Process
from askproai_runtime.redis.rate_limiter import RateLimiter, too_many_requests
from askproai_runtime.request_traces import trace_middleware

log = structlog.get_logger(__name__)

BASE = "/api/v1"
_REQUESTS_PER_SECOND = 100  # of all tokens together: a faulty program must not use up the callers' connections


# In the order of the description.
ENDPOINTS: Final = (
    *appointments.ENDPOINTS, *bookings.ENDPOINTS, *slots.ENDPOINTS, *blocks.ENDPOINTS, *messages.ENDPOINTS, *waitlist.ENDPOINTS,
    *privacy.ENDPOINTS, *audit.ENDPOINTS, *sessions.ENDPOINTS, *differences.ENDPOINTS, *calls.ENDPOINTS,
    *timelines.ENDPOINTS, *failures.ENDPOINTS, *figures.ENDPOINTS, *events.ENDPOINTS, *notifications.ENDPOINTS, *circuits.ENDPOINTS,
)  # fmt: skip


def api_app(api: PrivateApi) -> web.Application:
    """Return the application that serves the private API in one tenant's web process."""
    app = web.Application(middlewares=[_trace, error_middleware, _with_token(api.process)])
    app.add_routes(endpoint.route(api) for endpoint in ENDPOINTS)
    return app


@web.middleware
async def _trace(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Handle a request within a span. The span has the name of the endpoint's path, with placeholders in place of ids."""

    async def named(request: web.Request) -> web.StreamResponse:
        if is_recording():
            resource = request.match_info.route.resource
            name_route(resource.canonical if resource is not None else BASE)
        return await handler(request)

    return await trace_middleware(request, named)


def description_app(process: Process) -> web.Application:
    """Return the application that serves `/openapi.json`. It accepts the same tokens as the API."""

    async def describe(_request: web.Request) -> web.Response:
        return json_response(openapi(ENDPOINTS, BASE))

    app = web.Application(middlewares=[_with_token(process)])
    app.add_routes([web.get("", describe)])
    return app


def require_token(request: web.Request, process: Process) -> Access:
    """Return the rights of a request's bearer token: the owner's for the admin token, a reader's for the reader token.

    Raises `Problem` 401 without a valid token, 403 if a reader sends a change. The admin token is read for each request, since
    its file may change.
    """
    kind, _, presented = request.headers.get("Authorization", "").partition(" ")
    access = find_access(process, presented.strip()) if kind.lower() == "bearer" else None
    if access is None:
        text = "Send the token of Secret T-admin, or to look that of T-reader, as bearer"
        raise Problem(401, "Unauthorized", text, {"WWW-Authenticate": "Bearer"})
    if request.method != "GET":  # over HTTP only the owner's token may change something
        access.require(Right.ADMINISTER, "change something")
    return access


def find_access(process: Process, presented: str) -> Access | None:
    """Return the rights of a presented token, compared in constant time; None if it is not valid or no token is mounted."""
    token, candidate = process.admin_token() or "", presented.encode("utf-8", "surrogateescape")
    is_admin = hmac.compare_digest(token.encode(), candidate)
    is_reader = hmac.compare_digest(reader_token_of(token).encode(), candidate)
    if not token or not (is_admin or is_reader):
        return None
    return access_of(process, Role.OWNER if is_admin else Role.READER)


def access_of(process: Process, role: Role) -> Access:
    """Return the access of a sender with this role."""
    _, _, name = process.tenant.partition(".")
    return Access(role, f"{name}-admin")


def _with_token(process: Process) -> Middleware:
    """Return a middleware that checks the token before it looks up the path, so that a stranger does not learn which paths
    exist. The rate limit counts only requests with a valid token, so that strangers cannot use it up.
    """
    limiter = RateLimiter(process.shared, process.clock, "api")

    @web.middleware
    async def check(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        request[ACCESS] = require_token(request, process)
        if not await limiter.admits(_REQUESTS_PER_SECOND):
            raise too_many_requests()
        try:
            return await handler(request)
        except (StatementTimeout, asyncpg.QueryCanceledError):
            raise _took_too_long() from None
        except DATABASE_AWAY as error:
            is_unusable_value = isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError)
            has_sender_gone = isinstance(error, ConnectionError) and request.transport is None
            if is_unusable_value or has_sender_gone:
                raise
            log.warning("api.database_away", error=type(error).__name__, exc_info=error)
            raise _database_away() from None

    return check


def _database_away() -> Problem:
    text = (
        "PostgreSQL does not answer the tenant's pods. `askproai doctor` says what is wrong there; see"
        " docs/runbooks/lookup-failures.md. When it is back, send it again: nothing needs a restart"
    )
    return Problem(503, "Database Unavailable", text, {"Retry-After": "10"})


def _took_too_long() -> Problem:
    text = (
        "PostgreSQL did not count that in time: send it again in a minute. If it stays so, look at PostgreSQL's load, and run"
        " ANALYZE after a restore (docs/install.md)"
    )
    return Problem(503, "Took Too Long", text, {"Retry-After": "60"})
