"""The ports that are never routed from outside: probes, detailed health, metrics, the worker's poke."""

import asyncio
import hmac
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from aiohttp import web

from askproai_runtime.config.live import Credentials
from askproai_runtime.jobs import DATABASE_AWAY
from askproai_runtime.process import Process
from askproai_runtime.serving import Problem, boundary, json_answer
from askproai_runtime.serving.readiness import ReadinessCheck
from askproai_runtime.store import Pool
from askproai_runtime.watch import Metrics

_QUEUE = """
SELECT priority, state, count(*) AS jobs,
       extract(epoch FROM clock_timestamp() - min(run_at))::float8 AS oldest_seconds
FROM jobs WHERE tenant = $1 AND state IN ('ready', 'running', 'dead') GROUP BY priority, state ORDER BY priority, state
"""
_PROVIDERS = """
SELECT DISTINCT ON (provider) provider, outcome, at FROM provider_calls WHERE tenant = $1 ORDER BY provider, at DESC
"""


def private_app(process: Process, readiness: ReadinessCheck, pool: Callable[[], Pool]) -> web.Application:
    """Serve the web process's private port: terse answers for probes, details only for the bearer of the admin token."""

    async def health(_request: web.Request) -> web.Response:
        state = await readiness.now(pool())
        well = state.ready and process.config.rejected is None
        return json_answer({"status": "ok" if well else "degraded"})

    async def detailed(request: web.Request) -> web.Response:
        require_token(request, process.settings.admin_token_file)
        return json_answer(await details(process, readiness, pool()))

    app = probes_app(readiness, pool)
    app.router.add_get("/startupz", alive)  # the port opens when everything else has started
    app.router.add_get("/health", health)
    app.router.add_get("/health/detailed", detailed)
    return app


def worker_app(
    metrics: Metrics, readiness: ReadinessCheck, pool: Callable[[], Pool], poke: Callable[[], None]
) -> web.Application:
    """Serve the worker's only port."""

    async def poked(_request: web.Request) -> web.Response:
        poke()
        return web.Response(status=204)

    app = probes_app(readiness, pool)
    app.router.add_post("/poke", poked)
    add_metrics(app, metrics)
    return app


def metrics_app(metrics: Metrics) -> web.Application:
    app = web.Application(middlewares=[boundary])
    add_metrics(app, metrics)
    return app


def probes_app(readiness: ReadinessCheck, pool: Callable[[], Pool]) -> web.Application:
    async def ready(_request: web.Request) -> web.Response:
        state = await readiness.now(pool())
        if state.ready:
            return json_answer({"status": "ok"})
        raise Problem(503, "Not Ready", state.why or "not ready")

    app = web.Application(middlewares=[boundary])
    app.router.add_get("/livez", alive)
    app.router.add_get("/readyz", ready)
    return app


def add_metrics(app: web.Application, metrics: Metrics) -> None:
    async def scrape(_request: web.Request) -> web.Response:
        text = await asyncio.to_thread(metrics.render)  # a large registry would hold up every answer meanwhile
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app.router.add_get("/metrics", scrape)


async def alive(_request: web.Request) -> web.Response:
    """Say that the loop runs. Never looks at anything else: a restart cures no database."""
    return json_answer({"status": "ok"})


def require_token(request: web.Request, token_file: Path) -> None:
    """Let only the bearer of the admin token pass; the file may change at any time. Raises 401."""
    token = Credentials(token_file.parent).get(token_file.name)
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    fits = hmac.compare_digest((token or "").encode(), given.strip().encode("utf-8", "surrogateescape"))
    if token is None or kind.lower() != "bearer" or not fits:
        raise Problem(401, "Unauthorized", "Send the token of Secret T-admin as bearer", {"WWW-Authenticate": "Bearer"})


async def details(process: Process, readiness: ReadinessCheck, pool: Pool) -> dict[str, Any]:
    """Give what an operator of the tenant asks first. Providers: what our last call to each one saw."""
    state = await readiness.fresh(pool)
    queue: dict[str, Any] = {}
    providers: dict[str, Any] = {
        "retell": {"credential": process.credentials.get("retell-api-key") is not None},
        "calcom": {"credential": process.credentials.get("calcom-api-key") is not None},
    }
    if state.ready:
        try:
            jobs = await pool.fetch(_QUEUE, process.tenant)
            rows = await pool.fetch(_PROVIDERS, process.tenant)
        except DATABASE_AWAY:
            queue = {"status": "unknown"}
        else:
            queue = {"status": "ok", "jobs": [dict(row) for row in jobs]}
            for row in rows:
                providers.setdefault(row["provider"], {}).update(last_outcome=row["outcome"], last_call_at=row["at"])
    return {
        "status": "ok" if state.ready and process.config.rejected is None else "degraded",
        "tenant": process.tenant,
        "version": version("askproai"),
        "draining": readiness.draining,
        "config": {"hash": process.config.hash, "rejected": process.config.rejected},
        "database": {
            "status": "ok" if state.ready else "unavailable",
            "why": state.why,
            "milliseconds": state.database_ms,
            "schema_version": state.schema_version,
        },
        "redis": {"status": "not_used"},
        "queue": queue,
        "providers": providers,
    }
