"""The web process: four ports, and the order in which it starts and stops.

8080 serves webhooks and call functions, 8081 probes, detailed health, the private API and the page, 9090 metrics, and 8082 only
the page, for tenants that publish it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache

import aiohttp
import structlog
from aiohttp import web

from askproai_core.clock import Clock, SystemClock
from askproai_core.exposure_proof import PROOF_PATHS, is_nonce, proof_of
from askproai_core.fault_injection import fault_points_from_environment
from askproai_core.http_server import Problem, Site, error_middleware, start_server, tcp_site
from askproai_core.lifecycle import background_tasks
from askproai_core.tenant_config import Function
from askproai_core.tracing import annotate, is_recording, name_route
from askproai_runtime.admin_api import PrivateApi
from askproai_runtime.arrivals import Arrivals, allow_open_files, close_unproven
from askproai_runtime.availability.opening_hours import warm_up
from askproai_runtime.calls.inbound import InboundCalls
from askproai_runtime.conversation.function_requests import CallFunctions
from askproai_runtime.conversation.functions import FUNCTIONS_BY_NAME
from askproai_runtime.conversation.record import FunctionRecorder
from askproai_runtime.conversation.shadow_requests import ShadowRequests
from askproai_runtime.health import Readiness, answer_health, metrics_app, open_page, private_app, published_app
from askproai_runtime.intake import (
    Drainer,
    EventStore,
    Flusher,
    Signatures,
    Source,
    Webhooks,
    WebhookSource,
    find_webhook_source,
)
from askproai_runtime.intake.spool import STREAM, Spool
from askproai_runtime.notifications.stop_link import STOP_PATH, is_stop_token
from askproai_runtime.process import Process, open_process
from askproai_runtime.redis.durable_stream import DurableStream
from askproai_runtime.redis.rate_limiter import RateLimiter
from askproai_runtime.redis.wake_up_channel import WakeUpChannel
from askproai_runtime.request_traces import trace_middleware
from askproai_runtime.settings import Settings
from askproai_runtime.stop_page import StopReminders

log = structlog.get_logger(__name__)

CONNECTIONS = 3
PAGE_CONNECTIONS = 128  # connections of the published page with an incomplete request
NOTIFY_TIMEOUT = aiohttp.ClientTimeout(total=0.5)
RETRY_OWN_WORKER_AFTER = timedelta(seconds=2)
# Under load a worker is notified this often at most, because each time costs both processes a request. A job may wait for 20 ms.
NOTIFY_PAUSE = timedelta(milliseconds=5)


class Hook(StrEnum):
    """The requests at the public port other than webhooks and call functions: Retell's before a call, and the health check."""

    INBOUND = "inbound"
    HEALTH = "health"


@dataclass(frozen=True, slots=True)
class ProofRequest:
    """A request of the operator at the tenant's public URL: the response to its nonce proves that this tenant's pods serve it."""

    nonce: str


@dataclass(frozen=True, slots=True)
class StopRequest:
    """A customer's request for no more reminders."""

    token: str


Endpoint = WebhookSource | Function | Hook | ProofRequest | StopRequest


@lru_cache(maxsize=128)
def find_endpoint(path: str, *prefixes: str) -> Endpoint | None:
    """Return the endpoint of a path of the public port, with or without a prefix of the exposure; None for 404.

    One prefix may begin the other, so the longest is tried first, and the bare path last.
    """
    roots = sorted({*(prefix.rstrip("/") for prefix in prefixes), ""}, key=len, reverse=True)
    found = (_find_inner(path.removeprefix(root)) for root in roots if path.startswith(f"{root}/"))
    return next((endpoint for endpoint in found if endpoint is not None), None)


def _find_inner(inner: str) -> Endpoint | None:
    head, _, last = inner.rpartition("/")
    if head in PROOF_PATHS:
        return ProofRequest(last) if is_nonce(last) else None
    if head == STOP_PATH:
        return StopRequest(last) if is_stop_token(last) else None
    match inner.split("/"):
        case ["", "webhooks", name]:
            return find_webhook_source(name)
        # The operator recognizes its webhook by this path.
        case ["", "webhooks", "calcom", installation] if installation:
            return Source.CALCOM
        case ["", "retell", "functions", name]:
            return FUNCTIONS_BY_NAME.get(name)
        case ["", "retell", "inbound"]:
            return Hook.INBOUND
        case ["", "health"]:
            return Hook.HEALTH
    return None


def _route(endpoint: Endpoint) -> str:
    """Return an endpoint's path with placeholders, such as `{nonce}`, for the parts that a sender chooses."""
    match endpoint:
        case Source():
            return f"/webhooks/{endpoint}"
        case Function():
            return f"/retell/functions/{endpoint.name.lower()}"
        case Hook.INBOUND:
            return "/retell/inbound"
        case Hook.HEALTH:
            return "/health"
        case ProofRequest():
            return "/proof/{nonce}"
    return f"{STOP_PATH}/{{token}}"


class WorkerNotifier:
    """Notifies a worker that there is a job, without ever delaying a response.

    The worker of the own pod is asked first. If it is full, restarting or in another pod (`spec.runtime.mode: Split`), all
    workers that listen on Redis are woken. One request runs at a time; notifications meanwhile, or in the pause after it, share
    the next.
    """

    def __init__(self, process: Process) -> None:
        address = process.settings.bind_address
        own = "127.0.0.1" if address == "0.0.0.0" else address  # noqa: S104 - a comparison
        self._url = f"http://{own}:{process.settings.worker_port}/wake-up"
        self._session, self._clock = process.session, process.clock
        self._wake_up = WakeUpChannel(process.shared, process.clock)
        self._requested = False
        self._reachable = True
        self._own_worker_after = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def notify(self) -> None:
        """Request a notification, and return at once."""
        self._requested = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        while self._requested:
            self._requested = False
            if not await self._notify_own():
                await self._wake_up.publish()
            await self._clock.sleep(NOTIFY_PAUSE)

    async def _notify_own(self) -> bool:
        """Notify the own pod's worker. Returns False if it cannot be reached or has no free slot."""
        if self._clock.monotonic() < self._own_worker_after:
            return False
        try:
            async with self._session.post(self._url, timeout=NOTIFY_TIMEOUT) as response:
                reached, accepted = True, response.ok
        except (aiohttp.ClientError, TimeoutError):
            reached = accepted = False
            self._own_worker_after = self._clock.monotonic() + RETRY_OWN_WORKER_AFTER.total_seconds()
        if reached != self._reachable:
            self._reachable = reached
            log.info("worker.reachable" if reached else "worker.unreachable", consequence="others are woken, or poll")
        return accepted


class WebProcess:
    """The web process while it runs. `public_port` and the other three ports are the actually opened ones."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.arrivals = Arrivals()
        self._notifier = WorkerNotifier(process)
        self.spool = Spool(DurableStream(process.shared, STREAM), process.metrics, process.cipher)
        self._readiness = Readiness(process, lambda: self.spool.keeps_ready)
        store = EventStore(process.pool, process.tenant, process.cipher)
        self._signatures = Signatures(process.config, process.credentials, process.pool, process.clock, process.metrics)
        self._webhooks = Webhooks(
            config=process.config,
            signatures=self._signatures,
            flusher=Flusher(store, self.spool),
            limiter=RateLimiter(process.shared, process.clock, "webhooks"),
            clock=process.clock,
            metrics=process.metrics,
            wake_worker=self._notifier.notify,
        )
        self._drainer = Drainer(
            self.spool, store, process.shared, process.clock, process.metrics, process.faults, self._notifier.notify
        )
        self._functions = CallFunctions(
            config=process.config,
            signatures=self._signatures,
            booking=process.booking(),
            pool=process.pool,
            limiter=RateLimiter(process.shared, process.clock, "functions"),
            clock=process.clock,
            wake_worker=self._notifier.notify,
            metrics=process.metrics,
            recorder=FunctionRecorder(
                process.pool, process.tenant, process.cipher, process.clock, process.metrics, process.settings.track
            ),
            shadow=ShadowRequests(process.pool, process.tenant, process.cipher, process.clock, process.metrics),
        )
        self._inbound = InboundCalls(
            process.config,
            self._signatures,
            process.pool,
            RateLimiter(process.shared, process.clock, "inbound"),
            process.clock,
        )
        self._stop_reminders = StopReminders(process, RateLimiter(process.shared, process.clock, "stop-reminders"))
        self.public_port = self.private_port = self.page_port = self.metrics_port = 0

    async def run(self, stop: asyncio.Event, started: Callable[["WebProcess"], None] = lambda _: None) -> None:
        """Serve until `stop`. Then report unready, let the requests in flight finish, and after them the functions in flight."""
        settings, process = self._process.settings, self._process
        warm_up(process.config.current, process.clock.now())
        process.cipher.warm_up()
        runners: list[web.AppRunner] = []

        async def open_app(app: web.Application, port: int, site: Site = tcp_site) -> int:
            address, grace = settings.bind_address, settings.shutdown_grace_seconds
            runner, opened = await start_server(app, address, port, grace_seconds=grace, site=site)
            runners.append(runner)
            return opened

        try:
            self.public_port = await open_app(self._public_app(), settings.public_port, self.arrivals.site)
            api = PrivateApi(process, self._notifier.notify)
            page = open_page(api, self._readiness)
            self.page_port = await open_app(
                published_app(page), settings.page_port, Arrivals(max_waiting=PAGE_CONNECTIONS).site
            )
            self.private_port = await open_app(private_app(api, self._readiness, page), settings.private_port)
            self.metrics_port = await open_app(metrics_app(process), settings.metrics_port)
            log.info("web.started", public=self.public_port, private=self.private_port, config=process.config.hash)
            started(self)
            async with background_tasks(self._drainer.run(stop)):
                await stop.wait()
            self._readiness.draining = True
            log.info("web.draining", delay_seconds=settings.shutdown_delay_seconds)
            await asyncio.sleep(settings.shutdown_delay_seconds)  # so that traffic stops being routed here
        finally:
            for runner in runners:
                await runner.cleanup()
            await self._notifier.close()
            await self._functions.close()
            await self._inbound.close()
            await self._signatures.close()
            await self._webhooks.flusher.close()
            await self.spool.stream.close()
        log.info("web.stopped")

    def _public_app(self) -> web.Application:
        app = web.Application(middlewares=[close_unproven, trace_middleware, error_middleware])
        app.router.add_route("*", "/{path:.*}", self._dispatch)
        return app

    async def _dispatch(self, request: web.Request) -> web.Response:
        """Pass a request to its endpoint, by the path prefixes of the config in use, which may change at run time."""
        config = self._process.config.current
        endpoint = find_endpoint(request.path, config.path_prefix, config.former_path_prefix)
        if endpoint is None:
            raise Problem(404, "Not Found", "This path is not served")
        if is_recording():
            name_route(_route(endpoint))
            annotate(tenant=config.tenant)
        if isinstance(endpoint, ProofRequest):
            return self._prove(request, endpoint)
        if endpoint is Hook.HEALTH:
            if request.method != "GET":
                raise _only_get()
            return await answer_health(self._process, self._readiness)
        if isinstance(endpoint, StopRequest):
            return await self._stop_reminders.answer(request, endpoint.token)
        if request.method != "POST":
            raise Problem(405, "Method Not Allowed", "Send it by POST", {"Allow": "POST"})
        if isinstance(endpoint, Source):
            return await self._webhooks.receive(request, endpoint)
        if isinstance(endpoint, Hook):
            return await self._inbound.answer(request)
        return await self._functions.answer(request, endpoint)

    def _prove(self, request: web.Request, asked: ProofRequest) -> web.Response:
        if request.method != "GET":
            raise _only_get()
        token = self._process.admin_token()
        if token is None:
            raise Problem(503, "Not Ready", "The Secret with the token is not mounted yet", {"Retry-After": "1"})
        return web.Response(text=proof_of(token, asked.nonce), headers={"Cache-Control": "no-store"})


def _only_get() -> Problem:
    return Problem(405, "Method Not Allowed", "Send it by GET", {"Allow": "GET"})


async def run_web(settings: Settings, stop: asyncio.Event, clock: Clock | None = None) -> None:
    """Run the web process until `stop`. Raises `ConfigUnreadable`, and `OSError` for a taken port."""
    allow_open_files()
    faults = fault_points_from_environment()
    async with open_process(settings, "web", CONNECTIONS, clock or SystemClock(), faults, stop) as process:
        await WebProcess(process).run(stop)
