"""The operator's process: wiring, election, probes. `askproai-operator run`."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import structlog
import typer
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from askproai_core.clock import Clock, SystemClock
from askproai_core.database import AdminStore
from askproai_core.fault_injection import fault_points_from_environment
from askproai_core.kube import Elector, LeaseApi, Times, access, exit_when_lost, own_identity
from askproai_core.lifecycle import Stopped, stop_on_signals, until
from askproai_core.redis import CircuitRules
from askproai_operator.controllers import agent, branch, offering, tenant
from askproai_operator.controllers.coordinator import keep_coordinator
from askproai_operator.controllers.retry import Retry
from askproai_operator.controllers.tenant.nudge import Nudger
from askproai_operator.engine import ApiError, Cache, Kube, World, refs
from askproai_operator.engine.engine import Engine, Reconcile
from askproai_operator.engine.feed import Feed
from askproai_operator.engine.informer import Informer
from askproai_operator.engine.metrics import Conditions, Metrics
from askproai_operator.engine.queue import Urgency, WorkQueue
from askproai_operator.engine.wire import connection
from askproai_operator.providers import ProviderClients
from askproai_operator.redis_users import RedisAdmin
from askproai_operator.settings import Settings

log = structlog.get_logger(__name__)

T = TypeVar("T")

KINDS: dict[str, Reconcile] = {
    refs.TENANTS.kind: tenant.reconcile,
    refs.BRANCHES.kind: branch.reconcile,
    refs.OFFERINGS.kind: offering.reconcile,
    refs.AGENTS.kind: agent.reconcile,
}
_STUCK = timedelta(minutes=5)  # a reconcile is cut off after 2 minutes, so an older one means a blocked process
_RETRY = timedelta(seconds=2)

cli = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@cli.callback(epilog="Example: askproai-operator run")
def _cli() -> None:
    """Turn Tenants, Branches, ServiceOfferings and RetellAgents into what they declare."""


@cli.command()
def run() -> None:
    """Run the operator until SIGTERM. All settings are `ASKPROAI_*` variables (docs/reference/settings.md).

    Example: ASKPROAI_KUBECONFIG=~/.kube/config ASKPROAI_DATABASE_ADMIN_URL=postgresql://… askproai-operator run
    """
    settings = Settings()
    configure_logs(settings.log_level)
    asyncio.run(operate(settings, KINDS))


def main() -> None:
    """Entry point of the console script."""
    cli()


async def operate(settings: Settings, kinds: dict[str, Reconcile]) -> None:
    """Stand by, lead, and give the Lease back. Ends at SIGTERM; a lost Lease ends the whole process."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    clock, metrics, cache = SystemClock(), Metrics(), Cache()
    Conditions(cache, metrics.registry, clock)
    queue = WorkQueue(clock, metrics)
    feed = Feed(cache, queue.add)
    health = Health(queue, metrics)
    login = partial(connection, settings.kubeconfig)
    hosts = (*settings.provider_hosts, settings.retell_base_url, settings.calcom_base_url)
    async with AsyncExitStack() as stack:
        kube = await stack.enter_async_context(Kube(login, feed, clock, namespace=settings.namespace))
        rules = CircuitRules(open_for=timedelta(seconds=settings.circuit_open_seconds))
        providers = await stack.enter_async_context(
            ProviderClients(clock, registry=metrics.registry, hosts=hosts, rules=rules)
        )
        database = AdminStore(settings.admin_dsn())
        stack.push_async_callback(database.close)
        redis = _redis(settings, clock)
        if redis is not None:
            stack.push_async_callback(redis.close)
        await health.serve(settings, stack)
        lease = LeaseApi(access(settings.kubeconfig), settings.namespace, refs.MANAGER)
        elector = _elector(settings, await stack.enter_async_context(lease), clock, metrics)
        try:
            await until(stop, elector.acquire())
            stack.push_async_callback(elector.release)
            stack.callback(asyncio.create_task(exit_when_lost(elector), name="lease").cancel)
            health.ready = False
            installation = settings.installation_id
            if installation is None:
                installation = await until(stop, _patiently(partial(_cluster_uid, kube), clock))
            audit_every = timedelta(seconds=settings.audit_seconds)
            informer = Informer(feed, kube, clock, metrics, login, audit_every=audit_every)
            await until(stop, _patiently(informer.prime, clock))
        except Stopped:
            return
        for model in cache.models():
            queue.add(model.key, Urgency.RESYNC)
        health.ready = True
        nudger = await stack.enter_async_context(Nudger(kube, clock))
        world = World(
            kube=kube,
            cache=cache,
            settings=settings,
            clock=clock,
            faults=fault_points_from_environment(),
            database=database,
            providers=providers,
            installation_id=installation,
            fence=elector.fence,
            enqueue=queue.add,
            nudge=nudger.nudge,
            redis=redis,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(informer.run(stop, partial(stop_on_signals, stop)))
            group.create_task(_forever(stop, Retry(world, metrics).run()))
            group.create_task(Engine(kinds, world, queue, metrics).run(stop))
            group.create_task(_forever(stop, keep_coordinator(world)))
    log.info("operator.stopped")


async def _forever(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Run what goes on for ever until `stop`."""
    with suppress(Stopped):
        await until(stop, work)


async def _patiently(work: Callable[[], Awaitable[T]], clock: Clock) -> T:
    """Try until the API server gives what is needed to begin: it may be restarting, or the CRDs come a little later."""
    while True:
        try:
            return await work()
        except ApiError as error:
            log.warning("start.waiting", error=str(error))
            await clock.sleep(_RETRY)


async def _cluster_uid(kube: Kube) -> str:
    """Give the UID of namespace `kube-system`, which outlives everything but the cluster."""
    namespace = await kube.get(refs.NAMESPACES, "", "kube-system")
    if namespace is None:
        raise ApiError(404, "NotFound", "there is no namespace kube-system: set ASKPROAI_INSTALLATION_ID")
    return str(namespace["metadata"]["uid"])


def _redis(settings: Settings, clock: Clock) -> RedisAdmin | None:
    url = settings.redis_url()
    return RedisAdmin(url, clock, settings.ca_file) if url else None


def _elector(settings: Settings, lease: LeaseApi, clock: Clock, metrics: Metrics) -> Elector:
    seconds = (settings.lease_seconds, settings.lease_renew_seconds, settings.lease_retry_seconds)
    times = Times(*(timedelta(seconds=each) for each in seconds))
    return Elector(lease, clock, identity=own_identity(settings.pod_name), times=times, told=metrics.leader.set)


class Health:
    """What the probes ask: alive while the loop answers and no reconcile hangs; ready as a standby, or when primed."""

    def __init__(self, queue: WorkQueue, metrics: Metrics) -> None:
        self.ready = True
        self._queue, self._metrics = queue, metrics

    async def serve(self, settings: Settings, stack: AsyncExitStack) -> None:
        """Serve `/livez`, `/readyz` and `/metrics` until the stack closes."""
        app = web.Application()
        routes = {"/livez": self._livez, "/readyz": self._readyz, "/metrics": self._scrape}
        app.add_routes([web.get(path, handler) for path, handler in routes.items()])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        for port in {settings.health_port, settings.metrics_port or settings.health_port}:
            await web.TCPSite(runner, settings.bind_address, port).start()
        log.info("health.serving", addresses=[f"{address[0]}:{address[1]}" for address in runner.addresses])

    async def _livez(self, _: web.Request) -> web.Response:
        stuck = self._queue.oldest_work() > _STUCK
        return web.Response(text="a reconcile hangs" if stuck else "ok", status=503 if stuck else 200)

    async def _readyz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok" if self.ready else "filling the cache", status=200 if self.ready else 503)

    async def _scrape(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def configure_logs(level: str) -> None:
    """Write JSON lines, our own and the libraries' warnings. Kopf's debug level would print whole patches: never on."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[_Relay()], force=True)


class _Relay(logging.Handler):
    """Hands the libraries' records to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(record.levelno, "library.said", logger=record.name, message=record.getMessage())
