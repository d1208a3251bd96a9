"""The web process: three ports, and the order in which it begins and ends.

8080 takes webhooks and call functions, 8081 answers probes and detailed health, 9090 gives metrics.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from aiohttp import web

from askproai_runtime.booking import warm
from askproai_runtime.calls import FunctionName, Functions, Router
from askproai_runtime.config.settings import Settings
from askproai_runtime.health import metrics_app, private_app
from askproai_runtime.intake import EventStore, Flusher, Source, Webhooks
from askproai_runtime.process import Process, close_pool, loopback, open_process
from askproai_runtime.seams import Clock, SystemClock, fault_points_from_environment
from askproai_runtime.serving import Problem, SlidingWindow, boundary
from askproai_runtime.serving.poke import Poker
from askproai_runtime.serving.ports import open_port
from askproai_runtime.serving.readiness import ReadinessCheck
from askproai_runtime.store import Pool, open_pool

log = structlog.get_logger(__name__)

CONNECTIONS = 3
Endpoint = Source | FunctionName


def find_endpoint(path: str, prefix: str) -> Endpoint | None:
    """Give what a path of the public port means, with and without the exposure's prefix; None for 404."""
    prefix = prefix.rstrip("/")
    inner = path.removeprefix(prefix) if path.startswith(f"{prefix}/") else path
    match inner.split("/"):
        case ["", "webhooks", source] if source in list(Source):
            return Source(source)
        case ["", "webhooks", "calcom", installation] if (
            installation
        ):  # the address by which the operator knows its own
            return Source.CALCOM
        case ["", "retell", "functions", name] if name in list(FunctionName):
            return FunctionName(name)
    return None


@dataclass(frozen=True, slots=True)
class Doors:
    """Everything that rests on one pool."""

    pool: Pool
    webhooks: Webhooks
    functions: Functions

    async def close(self) -> None:
        """Let what is in flight end, then close the pool."""
        await self.functions.close()
        await self.webhooks.flusher.close()
        await close_pool(self.pool)


class WebProcess:
    """The web process while it runs. `public_port` and its sisters are the ports that are really open."""

    def __init__(self, process: Process, stop: asyncio.Event) -> None:
        self._process = process
        self._stop = stop
        self._readiness = ReadinessCheck(process.clock)
        worker = f"http://{loopback(process.settings.bind_address)}:{process.settings.worker_port}/poke"
        self._poker = Poker(process.session, worker, process.clock)
        self._windows = SlidingWindow(process.clock), SlidingWindow(process.clock)
        self._doors: Doors | None = None
        self.public_port = self.private_port = self.metrics_port = 0

    async def run(self, started: Callable[["WebProcess"], None] = lambda _: None) -> None:
        """Serve until `stop`; then readiness falls, requests in flight end, and the pool closes, in this order."""
        settings, process = self._process.settings, self._process
        dsn = await process.database_url(self._stop)
        if dsn is None:
            return
        self._doors = await self._open_doors(dsn)
        warm(process.config.current, process.clock.now())
        grace = settings.shutdown_grace_seconds
        private = private_app(process, self._readiness, lambda: self._open().pool)
        runners: list[web.AppRunner] = []
        try:
            for app, port, name in (
                (self._public_app(), settings.public_port, "public_port"),
                (private, settings.private_port, "private_port"),
                (metrics_app(process.metrics), settings.metrics_port, "metrics_port"),
            ):
                runner, opened = await open_port(app, settings.bind_address, port, grace_seconds=grace)
                runners.append(runner)
                setattr(self, name, opened)
            log.info("web.started", public=self.public_port, private=self.private_port, config=process.config.hash)
            started(self)
            await self._follow_database(dsn)
            self._readiness.draining = True
            log.info("web.draining", delay_seconds=settings.shutdown_delay_seconds)
            await asyncio.sleep(settings.shutdown_delay_seconds)  # until nobody sends to us any more
        finally:
            for runner in runners:
                await runner.cleanup()
            await self._poker.close()
            await self._open().close()
        log.info("web.stopped")

    def _public_app(self) -> web.Application:
        app = web.Application(middlewares=[boundary])
        app.router.add_route("*", "/{path:.*}", self._dispatch)
        return app

    async def _dispatch(self, request: web.Request) -> web.Response:
        """Find the endpoint by the config in use, whose prefix may change while we run."""
        endpoint = find_endpoint(request.path, self._process.config.current.path_prefix)
        if endpoint is None:
            raise Problem(404, "Not Found", "This path is not served")
        if request.method != "POST":
            raise Problem(405, "Method Not Allowed", "Send it by POST", {"Allow": "POST"})
        doors = self._open()
        if isinstance(endpoint, Source):
            return await doors.webhooks.receive(request, endpoint)
        return await doors.functions.answer(request, endpoint)

    async def _open_doors(self, dsn: str) -> Doors:
        process = self._process
        pool = await open_pool(dsn, max_size=CONNECTIONS, application_name=f"askproai-web {process.settings.pod_name}")
        for_webhooks, for_functions = self._windows
        webhooks = Webhooks(
            config=process.config,
            credentials=process.credentials,
            flusher=Flusher(EventStore(pool, process.tenant).write),
            window=for_webhooks,
            clock=process.clock,
            metrics=process.metrics,
            wake_worker=self._poker.soon,
        )
        functions = Functions(
            config=process.config,
            credentials=process.credentials,
            booking=process.booking(pool),
            router=Router(process.now_config),
            pool=pool,
            window=for_functions,
            clock=process.clock,
            wake_worker=self._poker.soon,
        )
        return Doors(pool, webhooks, functions)

    def _open(self) -> Doors:
        assert self._doors is not None, "the ports open after the doors"
        return self._doors

    async def _follow_database(self, dsn: str) -> None:
        """Swap the pool whenever DATABASE_URL changes (a rotated password), until `stop`."""
        while True:
            await self._process.database_url_changes(dsn, self._stop)
            changed = await self._process.database_url(self._stop)
            if self._stop.is_set() or changed is None:
                return
            dsn, old = changed, self._open()
            self._doors = await self._open_doors(dsn)
            log.info("database.url_changed", consequence="new pool; the old one ends with its last request")
            await old.close()


async def run_web(settings: Settings, stop: asyncio.Event, clock: Clock | None = None) -> None:
    """Run the web process until `stop`. Raises `ConfigUnreadable`, and `OSError` for a taken port."""
    faults = fault_points_from_environment()
    async with open_process(settings, "web", clock or SystemClock(), faults, stop) as process:
        await WebProcess(process, stop).run()
