"""The operator's process: wiring, election, probes. `askproai-operator run`."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import structlog
import typer
from aiohttp import web

from askproai_core.clock import Clock, SystemClock
from askproai_core.database import AdminStore
from askproai_core.fault_injection import fault_points_from_environment
from askproai_core.http_server import serve_probes
from askproai_core.kube import LeaseApi, elector_from_settings, leadership
from askproai_core.lifecycle import Stopped, run_until_stopped, stop_on_signals
from askproai_core.logging import configure_logs
from askproai_core.redis import Rules
from askproai_operator.controllers import agent, branch, offering, tenant
from askproai_operator.controllers.coordinator import keep_coordinator
from askproai_operator.controllers.retry import Retry
from askproai_operator.controllers.tenant.nudge import Nudger
from askproai_operator.engine import ApiError, Cache, Kube, World, resources
from askproai_operator.engine.engine import Engine, Reconcile
from askproai_operator.engine.feed import Feed
from askproai_operator.engine.informer import Informer
from askproai_operator.engine.login import access_by_kopf, kopf_login
from askproai_operator.engine.metrics import Conditions, Metrics
from askproai_operator.engine.queue import Urgency, WorkQueue
from askproai_operator.providers import ProviderClients, RedisAdmin
from askproai_operator.settings import Settings

log = structlog.get_logger(__name__)

T = TypeVar("T")

KINDS: dict[str, Reconcile] = {
    resources.TENANTS.kind: tenant.reconcile,
    resources.BRANCHES.kind: branch.reconcile,
    resources.OFFERINGS.kind: offering.reconcile,
    resources.AGENTS.kind: agent.reconcile,
}
_STUCK = timedelta(minutes=5)  # a reconcile is cancelled after 2 minutes, so an older one means a blocked process
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
    """Stand by, lead, and release the Lease. Returns after SIGTERM; a lost Lease ends the whole process."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    clock, metrics, cache = SystemClock(), Metrics(), Cache()
    Conditions(cache, metrics.registry, clock)
    queue = WorkQueue(clock, metrics)
    feed = Feed(cache, queue.add)
    health = Health(queue, metrics)
    login = partial(kopf_login, settings.kubeconfig)
    hosts = (*settings.provider_hosts, settings.retell_base_url, settings.calcom_base_url)
    async with AsyncExitStack() as stack:
        kube = await stack.enter_async_context(Kube(login, feed, clock, namespace=settings.namespace))
        rules = Rules(open_for=timedelta(seconds=settings.circuit_open_seconds))
        providers = await stack.enter_async_context(
            ProviderClients(clock, registry=metrics.registry, hosts=hosts, rules=rules)
        )
        database = AdminStore(settings.admin_dsn())
        stack.push_async_callback(database.close)
        redis = _redis(settings, clock)
        if redis is not None:
            stack.push_async_callback(redis.close)
        await health.serve(settings, stack)
        lease_api = LeaseApi(partial(access_by_kopf, login), settings.namespace, resources.MANAGER)
        lease = await stack.enter_async_context(lease_api)
        elector = elector_from_settings(settings, lease, clock, metrics.leader.set)
        try:
            await stack.enter_async_context(leadership(elector, stop))
            health.ready = False
            installation = settings.installation_id
            if installation is None:
                installation = await run_until_stopped(stop, _retry_until_served(partial(_cluster_uid, kube), clock))
            audit_every = timedelta(seconds=settings.audit_seconds)
            informer = Informer(feed, kube, clock, metrics, login, audit_every=audit_every)
            await run_until_stopped(stop, _retry_until_served(informer.prime, clock))
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
    """Run work that never ends by itself until `stop`."""
    with suppress(Stopped):
        await run_until_stopped(stop, work)


async def _retry_until_served(work: Callable[[], Awaitable[T]], clock: Clock) -> T:
    """Retry until the API server serves what the start needs: it may be restarting, or the CRDs may come a little later."""
    while True:
        try:
            return await work()
        except ApiError as error:
            log.warning("start.waiting", error=str(error))
            await clock.sleep(_RETRY)


async def _cluster_uid(kube: Kube) -> str:
    """Return the UID of namespace `kube-system`, which outlives everything but the cluster."""
    namespace = await kube.get(resources.NAMESPACES, "", "kube-system")
    if namespace is None:
        raise ApiError(404, "NotFound", "there is no namespace kube-system: set ASKPROAI_INSTALLATION_ID")
    return str(namespace["metadata"]["uid"])


def _redis(settings: Settings, clock: Clock) -> RedisAdmin | None:
    url = settings.redis_url()
    return RedisAdmin(url, clock, settings.ca_file) if url else None


class Health:
    """The probes: alive while the event loop answers and no reconcile hangs; ready as a standby, or with a filled cache."""

    def __init__(self, queue: WorkQueue, metrics: Metrics) -> None:
        self.ready = True
        self._queue, self._metrics = queue, metrics

    async def serve(self, settings: Settings, stack: AsyncExitStack) -> None:
        """Serve `/livez`, `/readyz` and `/metrics` until the stack closes."""
        ports = (settings.health_port, settings.metrics_port or settings.health_port)
        registry, address = self._metrics.registry, settings.bind_address
        probes = serve_probes(registry, address, ports, livez=self._livez, readyz=self._readyz)
        addresses = await stack.enter_async_context(probes)
        log.info("health.serving", addresses=[f"{host}:{port}" for host, port in addresses])

    async def _livez(self, _: web.Request) -> web.Response:
        stuck = self._queue.oldest_work() > _STUCK
        return web.Response(text="a reconcile hangs" if stuck else "ok", status=503 if stuck else 200)

    async def _readyz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok" if self.ready else "filling the cache", status=200 if self.ready else 503)
