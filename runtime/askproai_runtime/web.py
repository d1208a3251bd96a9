"""The web process: three ports, and the order in which it begins and ends.

8080 takes webhooks and call functions, 8081 answers probes and detailed health, 9090 gives metrics.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum

import aiohttp
import structlog
from aiohttp import web

from askproai_core.clock import Clock, SystemClock
from askproai_core.fault_injection import fault_points_from_environment
from askproai_core.http_server import Problem, error_middleware, start_server
from askproai_core.redis import RateLimiter, WakeUp
from askproai_core.tenant_config import Function
from askproai_runtime.booking import warm
from askproai_runtime.calls import FUNCTIONS_BY_NAME, CallFunctions, InboundCalls
from askproai_runtime.health import Readiness, metrics_app, private_app
from askproai_runtime.intake import EventStore, Flusher, Source, Webhooks, WebhookSource, find_webhook_source
from askproai_runtime.process import Process, open_process
from askproai_runtime.settings import Settings

log = structlog.get_logger(__name__)

CONNECTIONS = 3
POKE_TIMEOUT = aiohttp.ClientTimeout(total=0.5)
REST_AFTER_FAILED_POKE = timedelta(seconds=2)


class Hook(StrEnum):
    """What Retell asks before a call."""

    INBOUND = "inbound"


def find_endpoint(path: str, prefix: str) -> WebhookSource | Function | Hook | None:
    """Give what a path of the public port means, with and without the exposure's prefix; None for 404."""
    prefix = prefix.rstrip("/")
    inner = path.removeprefix(prefix) if path.startswith(f"{prefix}/") else path
    match inner.split("/"):
        case ["", "webhooks", name]:
            return find_webhook_source(name)
        case ["", "webhooks", "calcom", installation] if installation:  # by this address the operator knows its own
            return Source.CALCOM
        case ["", "retell", "functions", name]:
            return FUNCTIONS_BY_NAME.get(name)
        case ["", "retell", "inbound"]:
            return Hook.INBOUND
    return None


class Poker:
    """Tells a worker that there is work, without ever holding up an answer: the own pod's, or if that one is full, restarts
    or lives elsewhere (Split) all that listen.

    One request at a time, and one more for all that asked meanwhile.
    """

    def __init__(self, process: Process) -> None:
        address = process.settings.bind_address
        own = "127.0.0.1" if address == "0.0.0.0" else address  # noqa: S104 - a comparison
        self._url = f"http://{own}:{process.settings.worker_port}/poke"
        self._session, self._clock = process.session, process.clock
        self._others = WakeUp(process.shared, process.clock)
        self._asked = False
        self._reachable = True
        self._try_own_at = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def soon(self) -> None:
        """Ask for a poke, and return at once."""
        self._asked = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        while self._asked:
            self._asked = False
            if not await self._poke_own():
                await self._others.publish()

    async def _poke_own(self) -> bool:
        """Poke the own pod's worker; False when it is not there, or has its hands full."""
        if self._clock.monotonic() < self._try_own_at:
            return False
        try:
            async with self._session.post(self._url, timeout=POKE_TIMEOUT) as response:
                reached, takes_it = True, response.ok
        except (aiohttp.ClientError, TimeoutError):
            reached = takes_it = False
            self._try_own_at = self._clock.monotonic() + REST_AFTER_FAILED_POKE.total_seconds()
        if reached != self._reachable:
            self._reachable = reached
            log.info("worker.reachable" if reached else "worker.unreachable", consequence="others are woken, or poll")
        return takes_it


class WebProcess:
    """The web process while it runs. `public_port` and its sisters are the ports that are really open."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._readiness = Readiness(process)
        self._poker = Poker(process)
        self._webhooks = Webhooks(
            config=process.config,
            credentials=process.credentials,
            flusher=Flusher(EventStore(process.pool, process.tenant)),
            limiter=RateLimiter(process.shared, process.clock, "webhooks"),
            clock=process.clock,
            metrics=process.metrics,
            wake_worker=self._poker.soon,
        )
        self._functions = CallFunctions(
            config=process.config,
            credentials=process.credentials,
            booking=process.booking(),
            pool=process.pool,
            limiter=RateLimiter(process.shared, process.clock, "functions"),
            clock=process.clock,
            wake_worker=self._poker.soon,
        )
        self._inbound = InboundCalls(process.config, process.credentials, process.pool, process.clock)
        self.public_port = self.private_port = self.metrics_port = 0

    async def run(self, stop: asyncio.Event, started: Callable[["WebProcess"], None] = lambda _: None) -> None:
        """Serve until `stop`; then readiness falls, and requests and functions in flight end, in this order."""
        settings, process = self._process.settings, self._process
        warm(process.config.current, process.clock.now())
        runners: list[web.AppRunner] = []

        async def open_app(app: web.Application, port: int) -> int:
            grace = settings.shutdown_grace_seconds
            runner, opened = await start_server(app, settings.bind_address, port, grace_seconds=grace)
            runners.append(runner)
            return opened

        try:
            self.public_port = await open_app(self._public_app(), settings.public_port)
            self.private_port = await open_app(private_app(process, self._readiness), settings.private_port)
            self.metrics_port = await open_app(metrics_app(process.metrics), settings.metrics_port)
            log.info("web.started", public=self.public_port, private=self.private_port, config=process.config.hash)
            started(self)
            await stop.wait()
            self._readiness.draining = True
            log.info("web.draining", delay_seconds=settings.shutdown_delay_seconds)
            await asyncio.sleep(settings.shutdown_delay_seconds)  # until nobody sends to us any more
        finally:
            for runner in runners:
                await runner.cleanup()
            await self._poker.close()
            await self._functions.close()
            await self._inbound.close()
            await self._webhooks.flusher.close()
        log.info("web.stopped")

    def _public_app(self) -> web.Application:
        app = web.Application(middlewares=[error_middleware])
        app.router.add_route("*", "/{path:.*}", self._dispatch)
        return app

    async def _dispatch(self, request: web.Request) -> web.Response:
        """Find the endpoint by the config in use, whose prefix may change while we run."""
        endpoint = find_endpoint(request.path, self._process.config.current.path_prefix)
        if endpoint is None:
            raise Problem(404, "Not Found", "This path is not served")
        if request.method != "POST":
            raise Problem(405, "Method Not Allowed", "Send it by POST", {"Allow": "POST"})
        if isinstance(endpoint, Source):
            return await self._webhooks.receive(request, endpoint)
        if isinstance(endpoint, Hook):
            return await self._inbound.answer(request)
        return await self._functions.answer(request, endpoint)


async def run_web(settings: Settings, stop: asyncio.Event, clock: Clock | None = None) -> None:
    """Run the web process until `stop`. Raises `ConfigUnreadable`, and `OSError` for a taken port."""
    faults = fault_points_from_environment()
    async with open_process(settings, "web", CONNECTIONS, clock or SystemClock(), faults, stop) as process:
        await WebProcess(process).run(stop)
