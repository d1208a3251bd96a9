"""The private API of one tenant: who may use it, all its endpoints below `/api/v1`, and their description."""

import hmac
from collections.abc import Awaitable, Callable, Sequence

import asyncpg
import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from askproai_core.database import DATABASE_AWAY, StatementTimeout
from askproai_core.http_server import Handler, Problem, error_middleware, json_response
from askproai_core.provider_limits import CircuitBreakers, CircuitState, CircuitView
from askproai_core.reader_token import reader_token_of
from askproai_core.tenant_config import Provider
from askproai_core.tracing import is_recording, name_route
from askproai_runtime.admin_api.appointments import Appointments
from askproai_runtime.admin_api.audit import Audit
from askproai_runtime.admin_api.blocks import Blocks
from askproai_runtime.admin_api.bookings import Bookings
from askproai_runtime.admin_api.calls import Calls
from askproai_runtime.admin_api.differences import Differences
from askproai_runtime.admin_api.endpoint import ACCESS, Access, ApiRequest, Endpoint, openapi
from askproai_runtime.admin_api.events import Events
from askproai_runtime.admin_api.failures import Failures
from askproai_runtime.admin_api.figures import FigureEndpoints
from askproai_runtime.admin_api.messages import Messages
from askproai_runtime.admin_api.notifications import NotificationEndpoints
from askproai_runtime.admin_api.privacy import Privacy
from askproai_runtime.admin_api.private_api import PrivateApi
from askproai_runtime.admin_api.roles import Right, Role
from askproai_runtime.admin_api.sessions import SeenSessions, Sessions
from askproai_runtime.admin_api.slots import Slots
from askproai_runtime.admin_api.store import (
    AdminApiStore,
    CallStore,
    FailureStore,
    FigureStore,
    SessionStore,
)
from askproai_runtime.admin_api.waitlist import Waitlist
from askproai_runtime.process import Process
from askproai_runtime.redis.rate_limiter import RateLimiter, too_many_requests
from askproai_runtime.request_traces import trace_middleware

log = structlog.get_logger(__name__)

BASE = "/api/v1"
_REQUESTS_PER_SECOND = 100  # of all who have a token: a program that goes wrong must not take the callers' connections


def endpoints(process: Process, wake_worker: Callable[[], None]) -> tuple[Endpoint, ...]:
    """Return every endpoint of the API. `wake_worker` is called when jobs became due, and returns at once."""
    store = AdminApiStore(process.pool, process.tenant)
    return (
        *Appointments(store, process.booking, wake_worker).endpoints(),
        *Bookings(process.booking, wake_worker).endpoints(),
        *Slots(process.booking).endpoints(),
        *Blocks(process.booking).endpoints(),
        *Messages(process.booking).endpoints(),
        *Waitlist(process.booking).endpoints(),
        *Privacy(process.booking, wake_worker).endpoints(),
        *Audit(store).endpoints(),
        *Sessions(
            SessionStore(process.pool, process.tenant), SeenSessions(process.shared, process.clock), process.clock.now
        ).endpoints(),
        *Differences(process.booking).endpoints(),
        *Calls(CallStore(process.pool, process.tenant), process.config.now, process.cipher).endpoints(),
        *Failures(FailureStore(process.pool, process.tenant)).endpoints(),
        *FigureEndpoints(FigureStore(process.pool, process.tenant), lambda: process.config.current).endpoints(),
        *Events(store, wake_worker).endpoints(),
        *NotificationEndpoints(process).endpoints(),
        *CircuitEndpoints(process.circuits, store, wake_worker).endpoints(),
    )


def api_app(endpoints: Sequence[Endpoint], process: Process) -> web.Application:
    """Return the application that serves the API of one tenant's web process."""
    app = web.Application(middlewares=[_trace, error_middleware, _with_token(process)])
    api = PrivateApi(endpoints, process)
    app.add_routes(endpoint.route(api.answer) for endpoint in endpoints)
    return app


@web.middleware
async def _trace(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Trace a request by the path of its endpoint, without the ids in it."""

    async def named(request: web.Request) -> web.StreamResponse:
        if is_recording():
            resource = request.match_info.route.resource
            name_route(resource.canonical if resource is not None else BASE)
        return await handler(request)

    return await trace_middleware(request, named)


def description_app(endpoints: Sequence[Endpoint], process: Process) -> web.Application:
    """Return the application that serves `/openapi.json`, to the bearers of the same tokens."""

    async def describe(_request: web.Request) -> web.Response:
        return json_response(openapi(endpoints, BASE))

    app = web.Application(middlewares=[_with_token(process)])
    app.add_routes([web.get("", describe)])
    return app


def require_token(request: web.Request, process: Process) -> Access:
    """Return what the bearer of the admin token or of its reader token may do.

    The file of the admin token may change at any time. Raises `Problem` 401 without a token, 403 for a reader who would change
    something.
    """
    kind, _, presented = request.headers.get("Authorization", "").partition(" ")
    access = find_access(process, presented.strip()) if kind.lower() == "bearer" else None
    if access is None:
        text = "Send the token of Secret T-admin, or to look that of T-reader, as bearer"
        raise Problem(401, "Unauthorized", text, {"WWW-Authenticate": "Bearer"})
    if request.method != "GET":  # all changes by HTTP are the owner's: each role has a token of its own
        access.require(Right.ADMINISTER, "change something")
    return access


def find_access(process: Process, presented: str) -> Access | None:
    """Return what a token permits, compared in constant time; None for any other text, and while no token is mounted."""
    token, candidate = process.admin_token() or "", presented.encode("utf-8", "surrogateescape")
    is_admin = hmac.compare_digest(token.encode(), candidate)
    is_reader = hmac.compare_digest(reader_token_of(token).encode(), candidate)
    if not token or not (is_admin or is_reader):
        return None
    return access_of(process, Role.OWNER if is_admin else Role.READER)


def access_of(process: Process, role: Role) -> Access:
    """Return the access of a role."""
    _, _, name = process.tenant.partition(".")
    return Access(role, f"{name}-admin")


def _with_token(process: Process) -> Middleware:
    """Return a middleware that asks for the token first, so that a stranger does not even learn which paths exist. Only requests
    with one count against the limit: nobody else can use it up.
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


class CircuitEntry(msgspec.Struct, frozen=True):
    """One circuit. `retry_after_seconds` above 0 with state closed: the provider works, but asked us to slow down."""

    provider: Provider
    state: CircuitState
    failures: int
    retry_after_seconds: float
    everywhere: bool
    shared: bool


class CircuitList(msgspec.Struct, frozen=True):
    circuits: list[CircuitEntry]


class CircuitEndpoints:
    """The endpoints of the tenant's circuits, as this process sees them. `wake_worker` is called when jobs became due."""

    def __init__(self, circuits: CircuitBreakers, store: AdminApiStore, wake_worker: Callable[[], None]) -> None:
        self._circuits, self._store, self._wake_worker = circuits, store, wake_worker

    def endpoints(self) -> tuple[Endpoint, ...]:
        return (
            Endpoint("GET", "/circuits", "How the providers' circuits stand", CircuitList, self.list_all),
            Endpoint(
                "POST",
                "/circuits/{provider}/reset",
                "Close a circuit by hand; what waits for Cal.com is tried now",
                CircuitEntry,
                self.reset,
            ),
        )

    async def list_all(self, _request: ApiRequest) -> CircuitList:
        return CircuitList([_to_entry(*item) for item in (await self._circuits.views()).items()])

    async def reset(self, request: ApiRequest) -> CircuitEntry:
        name = request.path["provider"]
        if name not in list(Provider):
            raise Problem(404, "Not Found", f"There are circuits for {', '.join(Provider)}")
        provider = Provider(name)
        await self._circuits.reset(provider)
        due = await self._store.make_sync_jobs_due() if provider is Provider.CALCOM else 0
        self._wake_worker()
        log.warning("circuit.reset", provider=name, jobs_due=due)
        return _to_entry(provider, (await self._circuits.views())[provider])


def _to_entry(provider: Provider, view: CircuitView) -> CircuitEntry:
    seconds = round(view.retry_after.total_seconds(), 1)
    return CircuitEntry(provider, view.state, view.failures, seconds, view.everywhere, view.shared)
