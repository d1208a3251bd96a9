"""The ports that are never routed from outside: probes, detailed health, metrics, the worker's poke."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version
from typing import Any

from aiohttp import web

from askproai_core.database import DATABASE_AWAY, schema_version, shipped_migrations
from askproai_core.http_server import Problem, error_middleware, json_response, liveness, metrics_route
from askproai_runtime.admin_api import BASE, api_app, description_app, require_token
from askproai_runtime.billing import BillingState, get_billing_state
from askproai_runtime.jobs import snapshot
from askproai_runtime.metrics import Metrics
from askproai_runtime.process import DatabaseUrlMissing, Process

GOOD_FOR = timedelta(seconds=30)
BAD_FOR = timedelta(seconds=1)
TIMEOUT_SECONDS = 2.0

_PROVIDERS = """
SELECT DISTINCT ON (provider) provider, outcome, at FROM provider_calls WHERE tenant = $1 ORDER BY provider, at DESC
"""


class Readiness:
    """Can this process do its work now? Asks the database, at most as often as an answer has grown old.

    A good answer is kept for half a minute: a probe every few seconds would else hold open, for each of a thousand tenants'
    pods, a connection that nobody needs. Redis or a provider being away never makes a pod unready.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._asked_at = float("-inf")
        self._why: str | None = None
        self.schema_version: int | None = None
        self.database_ms: int | None = None
        self.draining = False

    async def why_not(self) -> str | None:
        """Give None when all is well, else one of a few fixed sentences."""
        if self.draining:
            return "shutting down"
        keep = GOOD_FOR if self._why is None else BAD_FOR
        if self._process.clock.monotonic() - self._asked_at < keep.total_seconds():
            return self._why
        return await self.ask()

    async def ask(self) -> str | None:
        """Ask the database, whatever was said before."""
        began = self._process.clock.monotonic()
        self.schema_version = self.database_ms = None
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS), self._process.pool.acquire() as connection:
                self.schema_version = await schema_version(connection)
        except DatabaseUrlMissing:
            self._why = "the credential DATABASE_URL is missing"
        except DATABASE_AWAY:
            self._why = "database does not answer"
        else:
            self.database_ms = int((self._process.clock.monotonic() - began) * 1000)
            # a release runs on its newest schema and on the one before, so that pods may be rolled in either order
            fits = self.schema_version >= max(1, shipped_migrations()[-1].version - 1)
            self._why = None if fits else "schema is older than this release can use: run the migrations"
        self._asked_at = self._process.clock.monotonic()
        return self._why


def private_app(process: Process, readiness: Readiness) -> web.Application:
    """Serve the web process's private port: terse answers for probes, details only for the bearer of the admin token."""

    async def health(_request: web.Request) -> web.Response:
        return json_response({"status": _status(process, await readiness.why_not())})

    async def detailed(request: web.Request) -> web.Response:
        require_token(request, process.settings.admin_token_file)
        return json_response(await details(process, readiness))

    startup = web.get("/startupz", liveness)  # the port opens when everything else has started
    app = _app(startup, *_probes(readiness), web.get("/health", health), web.get("/health/detailed", detailed))
    app.add_subapp(BASE, api_app(process))
    app.add_subapp("/openapi.json", description_app(process))
    return app


def worker_app(metrics: Metrics, readiness: Readiness, poke: Callable[[], bool]) -> web.Application:
    """Serve the worker's only port. `poke` says whether there is room for a job."""

    async def poked(_request: web.Request) -> web.Response:
        return web.Response(status=204 if poke() else 503)

    return _app(*_probes(readiness), metrics_route(metrics.registry), web.post("/poke", poked))


def metrics_app(metrics: Metrics) -> web.Application:
    return _app(metrics_route(metrics.registry))


def _app(*routes: web.RouteDef) -> web.Application:
    app = web.Application(middlewares=[error_middleware])
    app.add_routes(routes)
    return app


def _probes(readiness: Readiness) -> tuple[web.RouteDef, ...]:
    async def ready(_request: web.Request) -> web.Response:
        why_not = await readiness.why_not()
        if why_not is not None:
            raise Problem(503, "Not Ready", why_not)
        return json_response({"status": "ok"})

    return web.get("/livez", liveness), web.get("/readyz", ready)


async def details(process: Process, readiness: Readiness) -> dict[str, Any]:
    """Give what an operator of the tenant asks first. Providers: what our last call to each one saw."""
    why_not = await readiness.ask()
    queue: dict[str, Any] = {"status": "unknown"}
    billed: BillingState | None = None
    providers: dict[str, Any] = {
        "retell": {"credential": process.credentials.get("retell-api-key") is not None},
        "calcom": {"credential": process.credentials.get("calcom-api-key") is not None},
    }
    if why_not is None:
        try:
            waiting = await snapshot(process.pool, process.tenant)
            rows = await process.pool.fetch(_PROVIDERS, process.tenant)
            billed = await get_billing_state(process.pool, process.tenant)
        except DATABASE_AWAY:
            why_not = "database does not answer"
        else:
            queue = {"status": "ok", "jobs": [jobs._asdict() for jobs in waiting]}
            for row in rows:
                providers.setdefault(row["provider"], {}).update(last_outcome=row["outcome"], last_call_at=row["at"])
    for provider, state in process.circuits.known().items():
        providers[provider]["circuit"] = state
    return {
        "status": _status(process, why_not),
        "tenant": process.tenant,
        "version": version("askproai"),
        "draining": readiness.draining,
        "config": {"hash": process.config.hash, "rejected": process.config.rejected},
        "database": {
            "status": "ok" if why_not is None else "unavailable",
            "why": why_not,
            "milliseconds": readiness.database_ms,
            "schema_version": readiness.schema_version,
        },
        "redis": {"status": _redis(process)},
        "queue": queue,
        "providers": providers,
        "billing": {"status": billed.status, "as_of": billed.as_of} if billed else {"status": "unknown"},
    }


def _status(process: Process, why_not: str | None) -> str:
    well = why_not is None and process.config.rejected is None and not process.shared.degraded
    return "ok" if well else "degraded"


def _redis(process: Process) -> str:
    if not process.shared.configured:
        return "not_used"
    return "unavailable" if process.shared.degraded else "ok"
