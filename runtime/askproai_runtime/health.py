"""The ports that are never routed from outside: probes, detailed health, metrics, and notifications to the worker."""

from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version
from typing import Any

from aiohttp import web

from askproai_core.database import DATABASE_UNAVAILABLE, OtherHistory, oldest_usable_version, schema_version
from askproai_core.http_server import Problem, error_middleware, json_response, liveness, metrics_route
from askproai_core.lifecycle import abandon_after
from askproai_core.provider_names import Provider
from askproai_runtime.admin_api import BASE, AdminApiStore, PrivateApi, api_app, description_app, require_token
from askproai_runtime.arrivals import close_unproven
from askproai_runtime.billing import BillingState, get_billing_state
from askproai_runtime.jobs import snapshot
from askproai_runtime.page import IS_PUBLISHED, Page
from askproai_runtime.process import DatabaseUrlMissing, Process

READY_TTL = timedelta(seconds=30)
UNREADY_TTL = timedelta(seconds=1)
CHECK_TIMEOUT_SECONDS = 2.0
QUICK_CHECK_SECONDS = 0.5  # of a check that decides nothing: a kubelet counts an answer after a second as a failure
DATABASE_AWAY = "database does not answer"


class Readiness:
    """Whether this process can do its work now. It asks the database, but only when the last result has expired.

    A good result is kept for half a minute: otherwise a probe every few seconds would keep a connection open, which nobody
    needs, for the pods of each of a thousand tenants. An outage of Redis or a provider never makes a pod unready. An outage of
    the database does not either, for a pod that has reached it before and acknowledges events from the spool (`keeps_ready`):
    otherwise no pod would get any requests.
    """

    def __init__(self, process: Process, keeps_ready: Callable[[], bool] = lambda: False) -> None:
        self._process, self._keeps_ready = process, keeps_ready
        self._has_been_ready = False
        self._checked_at = float("-inf")
        self._reason: str | None = None
        self.schema_version: int | None = None
        self.database_ms: int | None = None
        self.draining = False

    async def not_ready_reason(self) -> str | None:
        """Return None if the process should get requests, else why not: one of a few fixed sentences."""
        reason = await self.impaired_reason()
        return None if reason == DATABASE_AWAY and self._stays_ready() else reason

    async def impaired_reason(self) -> str | None:
        """Return None if the process can do all of its work, else why not. It may be impaired and still be ready."""
        if self.draining:
            return "shutting down"
        ttl = READY_TTL if self._reason is None else UNREADY_TTL
        if self._process.clock.monotonic() - self._checked_at < ttl.total_seconds():
            return self._reason
        return await self.check()

    async def check(self) -> str | None:
        """Ask the database now, even if the last result is recent. Return None, or the reason why work is impaired."""
        started = self._process.clock.monotonic()
        patience = QUICK_CHECK_SECONDS if self._stays_ready() else CHECK_TIMEOUT_SECONDS
        self.schema_version = self.database_ms = None
        try:
            self.schema_version = await abandon_after(patience, self._read_schema_version())
        except DatabaseUrlMissing:
            self._reason = "the credential DATABASE_URL is missing"
        except DATABASE_UNAVAILABLE:
            self._reason = DATABASE_AWAY
        except OtherHistory:
            self._reason = (
                "the database has another history of migrations: run the release that made it, or use an empty one"
            )
        else:
            self.database_ms = int((self._process.clock.monotonic() - started) * 1000)
            usable = self.schema_version >= oldest_usable_version()
            self._has_been_ready |= usable
            self._reason = None if usable else "schema is older than this release can use: run the migrations"
        self._checked_at = self._process.clock.monotonic()
        return self._reason

    def _stays_ready(self) -> bool:
        return self._has_been_ready and self._keeps_ready()

    async def _read_schema_version(self) -> int:
        async with self._process.pool.acquire() as conn:
            return await schema_version(conn)


def private_app(api: PrivateApi, readiness: Readiness, page: Page) -> web.Application:
    """Return the application of the web process's private port: terse answers for probes, details for the bearer of the token,
    the private API, and the page.
    """
    process = api.process

    async def health(_request: web.Request) -> web.Response:
        return await answer_health(process, readiness)

    async def detailed(request: web.Request) -> web.Response:
        require_token(request, process)
        return json_response(await details(process, readiness))

    startup = web.get("/startupz", liveness)  # the port opens only when everything else has started
    app = _app(startup, *_probes(readiness), web.get("/health", health), web.get("/health/detailed", detailed))
    app.add_subapp(BASE, api_app(api))
    app.add_subapp("/openapi.json", description_app(process))
    page.serve(app)
    return app


def published_app(page: Page) -> web.Application:
    """Return the application of the port that an Ingress may route: the page, and nothing else."""
    app = web.Application(middlewares=[close_unproven, error_middleware])
    app[IS_PUBLISHED] = True
    page.serve(app)
    return app


def open_page(api: PrivateApi, readiness: Readiness) -> Page:
    """Return the page of the process's tenant. The code that serves it is imported at the first request."""
    return Page(api, lambda: details(api.process, readiness))


def worker_app(process: Process, readiness: Readiness, notify: Callable[[], bool]) -> web.Application:
    """Return the application of the worker's only port. `notify` wakes the worker; False means that it has no free slot."""

    async def receive_notification(_request: web.Request) -> web.Response:
        return web.Response(status=204 if notify() else 503)

    wake_up = web.post("/wake-up", receive_notification)
    return _app(*_probes(readiness), metrics_route(process.metrics.registry), _hashes_route(process), wake_up)


def metrics_app(process: Process) -> web.Application:
    return _app(metrics_route(process.metrics.registry), _hashes_route(process))


def _hashes_route(process: Process) -> web.RouteDef:
    """Return the route at which the operator reads the hashes of the config and keys in use. It is small, unlike the metrics."""

    async def show(_request: web.Request) -> web.Response:
        return web.Response(text=f"{process.config.hash}\n{process.keys_hash() or ''}\n")

    return web.get("/hashes", show)


def _app(*routes: web.RouteDef) -> web.Application:
    app = web.Application(middlewares=[error_middleware])
    app.add_routes(routes)
    return app


def _probes(readiness: Readiness) -> tuple[web.RouteDef, ...]:
    async def ready(_request: web.Request) -> web.Response:
        reason = await readiness.not_ready_reason()
        if reason is not None:
            raise Problem(503, "Not Ready", reason)
        return json_response({"status": "ok"})

    return web.get("/livez", liveness), web.get("/readyz", ready)


async def answer_health(process: Process, readiness: Readiness) -> web.Response:
    """Return the short response for monitors, with the present time: status 503 if the process cannot do all its work."""
    status = _status(process, await readiness.impaired_reason())
    body = {"status": status, "timestamp": process.clock.now().isoformat(timespec="seconds")}
    return json_response(body, status=200 if status == "ok" else 503)


async def details(process: Process, readiness: Readiness) -> dict[str, Any]:
    """Return the detailed health for the tenant's operator. `providers` has the outcome of our last call to each provider."""
    reason = await readiness.check()
    queue: dict[str, Any] = {"status": "unknown"}
    billing: BillingState | None = None
    providers: dict[str, Any] = {
        provider.value: {"credential": process.credentials.get(f"{provider}-api-key") is not None}
        for provider in Provider
    }
    if reason is None:
        try:
            waiting = await snapshot(process.pool, process.tenant)
            rows = await AdminApiStore(process.pool, process.tenant).list_last_provider_calls()
            billing = await get_billing_state(process.pool, process.tenant)
        except DATABASE_UNAVAILABLE:
            reason = DATABASE_AWAY
        else:
            queue = {"status": "ok", "jobs": [jobs._asdict() for jobs in waiting]}
            for row in rows:
                providers.setdefault(row["provider"], {}).update(last_outcome=row["outcome"], last_call_at=row["at"])
    for provider, state in process.circuits.last_known_states().items():
        providers[provider]["circuit"] = state
    return {
        "status": _status(process, reason),
        "tenant": process.tenant,
        "version": version("askproai"),
        "draining": readiness.draining,
        "config": {"hash": process.config.hash, "rejected": process.config.rejected},
        "database": {
            "status": "ok" if reason is None else "unavailable",
            "why": reason,
            "milliseconds": readiness.database_ms,
            "schema_version": readiness.schema_version,
        },
        "redis": {"status": _redis(process)},
        "queue": queue,
        "providers": providers,
        "billing": {"status": billing.status, "as_of": billing.as_of} if billing else {"status": "unknown"},
    }


def _status(process: Process, reason: str | None) -> str:
    healthy = reason is None and process.config.rejected is None and not process.shared.degraded
    return "ok" if healthy else "degraded"


def _redis(process: Process) -> str:
    if not process.shared.configured:
        return "not_used"
    return "unavailable" if process.shared.degraded else "ok"
