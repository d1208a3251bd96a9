"""The operator's process, and its table of contents. `askproai-operator run`.

One work queue holds the keys of all controllers. A key is reconciled when it was enqueued or when its time has come. A custom
resource's time is each resync (ASKPROAI_RESYNC_SECONDS ± 10 %), unless its controller asks for another: a healthy Tenant or Branch
is reconciled less often.

Key                Reconciled by                 To                                   Due when                              Workers
Tenant             controllers/tenant            database role and rows, config,      it, a relative or a child changed; a  shared
                                                 pods, routes, Cal.com's webhook      foreign CRD was installed or removed
Branch             controllers/branch            E.164 numbers, default service       it, its Tenant or a service changed   shared
ServiceOffering    controllers/offering          matching staff, event types          it, its Branch or its Tenant changed  shared
RetellAgent        controllers/agent             LLM, agent, version, numbers at      it, its Branch or its Tenant changed  shared
                                                 Retell
CoordinatorLogins  controllers/coordinator       the Secret with the coordinator's    the process leads; each resync        1
                                                 logins, and its roles
ConfigSync         controllers/config_sync       annotations of running pods, so      a Tenant's config changed, until its  8
                                                 that they read a new config          pods show it
OrphanLedger       controllers/orphan            the list of Secrets of the ledger    the process leads; each 30 s          1
Orphan             controllers/orphan            what a deletion could not remove     the list found it; its backoff        4
Grant              controllers/grant             who has a host, number or key        its ConfigMap, an object that names   2
                                                                                      it or a route changed; each 10 min
Exposure           controllers/exposure          a proof that a public URL leads to    a Tenant asks for a URL that senders  16
                                                 its tenant's pods                    do not have yet; its backoff
WriteGuard         controllers/write_guard       the metric and Event about a         the process leads; each resync        1
                                                 missing admission policy
QuietTenants       controllers/quiet_tenants     no condition: Tenants become due whose      the process leads; each resync        1
                                                 state in PostgreSQL or Redis changed
Canaries           controllers/canary            trials of images: begun, judged, taken  a Tenant asks for one; each second     1
                                                 back                                 while one is on, else each 10 s
Shadows            controllers/shadow            copies of books, pods that no caller   a Tenant asks for one; each 5 s       1
                                                 hears, what they would have booked   while one is on, else each 30 s
Rollout            controllers/rollout_report    no condition: Tenants become due whose  pods of a release became ready,    1
                                                 turn it is to get a new release      or did not; tenants wait
TenantFigures      controllers/tenant_figures    calls, booked share and error budget   the process leads; each minute        1
                                                 in the status of Tenants
RedisDurability    controllers/durability        a key in Redis that says whether     the process leads; each resync        1
                                                 pods may spool events there
Report             controllers/report            a ConfigMap with its view of         the process leads; each resync        1
                                                 PostgreSQL and Redis, for `doctor`

Watches: `control_loop/informer.py` observes the four kinds, their children and labelled Secrets; `relations.py` returns the keys
that depend on a change. A labelled Secret makes every object due whose spec names it. "Shared" are the ASKPROAI_WORKERS workers of
the custom resources. The other kinds have workers of their own, so that a provider or database that hangs there delays no
custom resource (docs/decisions/0028-one-work-queue.md).

Beside the queue run: the informer (watches, and audits by lists every 5 minutes), also in a standby; the watch over the tenants'
database sessions (`session_watch.py`), the Lease's renewal, which ends the process when the Lease is lost, the probes with the
metrics, and the handlers of SIGTERM and SIGINT. A new leader first takes the keys that people wait for
(`control_loop/queue.py`, docs/decisions/0061-a-new-leader-acts-at-once.md).

Several operators can divide the namespaces of a cluster (`shards.py`). Each then has a Lease, a cache and a queue for its shard.
Each also caches all grants, and watches the database sessions of all tenants; it knows the roles that it created itself at once.
Only the operator of shard 0 has CoordinatorLogins, WriteGuard, RedisDurability and Report.
"""

import asyncio
import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import Annotated

import structlog
import typer
from aiohttp import web

from askproai_core.clock import Clock, SystemClock
from askproai_core.fault_injection import fault_points_from_environment
from askproai_core.http_server import serve_probes
from askproai_core.kube import ApiError, LeaseApi, elector_from_settings
from askproai_core.lifecycle import Stopped, run_until_stopped, stop_on_signals
from askproai_core.logging import configure_logs
from askproai_core.provider_limits import CircuitRules
from askproai_core.terminal import Output
from askproai_core.tracing import TracingSettings, open_tracing
from askproai_operator import grants, resources
from askproai_operator.api import Key
from askproai_operator.context import ReconcileContext, Unverified
from askproai_operator.control_loop import (
    ConditionCollector,
    Following,
    Informer,
    Metrics,
    Priority,
    Reconcile,
    ReconcileLoop,
    RolloutCollector,
    WorkQueue,
    access_by_kopf,
    enqueue_first_keys,
    kopf_login,
    retry_until_served,
    schedule_slowly,
    shard_leadership,
)
from askproai_operator.controllers import (
    agent,
    branch,
    canary,
    config_sync,
    coordinator,
    durability,
    exposure,
    grant,
    offering,
    orphan,
    quiet_tenants,
    report,
    rollout_report,
    shadow,
    tenant,
    tenant_figures,
    write_guard,
)
from askproai_operator.controllers.adoption import adopt_present_holders
from askproai_operator.controllers.tenant.canary import CANARIES
from askproai_operator.controllers.tenant.shadow import SHADOWS
from askproai_operator.engine import Cache, EventSink, Kube, Options
from askproai_operator.login_urls import require_passable_options
from askproai_operator.providers import ProviderClients
from askproai_operator.redis_users import RedisAdmin
from askproai_operator.relations import Relations
from askproai_operator.rollouts import Rollouts
from askproai_operator.session_watch import watch_sessions
from askproai_operator.settings import Settings
from askproai_operator.store.admin import AdminStore
from askproai_operator.url_prober import Prober

log = structlog.get_logger(__name__)

Controllers = Mapping[str, Reconcile[ReconcileContext]]  # by the kind of their keys

RESOURCE_CONTROLLERS: Controllers = {
    resources.TENANTS.kind: tenant.reconcile,
    resources.BRANCHES.kind: branch.reconcile,
    resources.OFFERINGS.kind: offering.reconcile,
    resources.AGENTS.kind: agent.reconcile,
}


def background_controllers(
    queue: WorkQueue,
    metrics: Metrics,
    sync: config_sync.ConfigSyncController,
    proofs: exposure.ExposureController | None = None,
) -> Controllers:
    """Return the controllers of background work, which has no custom resource, by the kind of its keys in the queue."""
    return {
        coordinator.KIND: coordinator.reconcile,
        config_sync.KIND: sync.reconcile,
        **({exposure.KIND: proofs.reconcile} if proofs else {}),
        orphan.LEDGER: orphan.LedgerController(metrics.set_orphan_counts, queue.add_unknown).reconcile,
        orphan.ORPHAN: orphan.reconcile_orphan,
        grants.QUEUE_KIND: grant.reconcile,
        write_guard.KIND: write_guard.WriteGuardController(metrics.writes_unguarded.set).reconcile,
        durability.KIND: durability.reconcile,
        report.KIND: report.ReportController().reconcile,
        quiet_tenants.KIND: quiet_tenants.QuietTenantsController(queue.schedule, metrics.quiet_tenants.set).reconcile,
        rollout_report.KIND: rollout_report.RolloutController().reconcile,
        tenant_figures.KIND: tenant_figures.TenantFiguresController().reconcile,
        CANARIES: canary.reconcile,
        SHADOWS: shadow.reconcile,
    }


def background_options(settings: Settings) -> dict[str, Options]:
    """Return the options of the background controllers; controllers of custom resources have the defaults."""
    return {
        resources.TENANTS.kind: Options(while_paused=tenant.keep_signing_keys_of_held),
        coordinator.KIND: coordinator.OPTIONS,
        config_sync.KIND: config_sync.OPTIONS,
        exposure.KIND: exposure.OPTIONS,
        orphan.LEDGER: orphan.LEDGER_OPTIONS,
        orphan.ORPHAN: orphan.orphan_options(settings),
        grants.QUEUE_KIND: grant.OPTIONS,
        write_guard.KIND: write_guard.OPTIONS,
        durability.KIND: durability.OPTIONS,
        report.KIND: report.OPTIONS,
        quiet_tenants.KIND: quiet_tenants.quiet_tenants_options(settings),
        rollout_report.KIND: rollout_report.OPTIONS,
        tenant_figures.KIND: tenant_figures.OPTIONS,
        CANARIES: canary.OPTIONS,
        SHADOWS: shadow.OPTIONS,
    }


# Background work that is due when the process leads; some of it, which is for no single tenant, in shard 0 only.
_OF_SHARD_0 = (coordinator.KIND, write_guard.KIND, durability.KIND, report.KIND)
_OF_EACH_SHARD = (orphan.LEDGER, quiet_tenants.KIND, tenant_figures.KIND, rollout_report.KIND, CANARIES, SHADOWS)


_STUCK = timedelta(minutes=5)  # a reconcile is cancelled after 2 minutes, so an older one means a blocked process

cli = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@cli.callback(epilog="Example: askproai-operator run")
def _cli() -> None:
    """Reconcile Tenants, Branches, ServiceOfferings and RetellAgents."""


@cli.command()
def run() -> None:
    """Run the operator until SIGTERM. All settings are `ASKPROAI_*` variables (docs/reference/settings.md).

    Example: ASKPROAI_KUBECONFIG=~/.kube/config ASKPROAI_DATABASE_ADMIN_URL=postgresql://… askproai-operator run
    """
    settings = Settings()
    configure_logs(settings.log_level)
    asyncio.run(operate(settings, RESOURCE_CONTROLLERS))


@cli.command()
def shard(
    namespace: Annotated[str, typer.Argument(help="Namespace of a tenant.")],
    output: Annotated[Output, typer.Option("--output", "-o", help="text or json")] = Output.TEXT,
) -> None:
    """Print which operator has a namespace: the number of its shard, by ASKPROAI_SHARD_COUNT.

    Example: kubectl exec -n askproai-system deployment/askproai-operator -- askproai-operator shard my-salon
    """
    own = Settings().shard
    index = own.index_of(namespace)
    if output is Output.JSON:
        typer.echo(json.dumps({"namespace": namespace, "shard": index, "shards": own.count}))
    else:
        typer.echo(f"{namespace}: shard {index} of {own.count}")


def main() -> None:
    """Entry point of the console script."""
    cli()


async def operate(settings: Settings, resource_controllers: Controllers) -> None:
    """Run one operator process: stand by, lead, and at last release the Lease. Ends at SIGTERM; a lost Lease ends the process.

    A standby fills its cache and follows the cluster as the leader does, so it acts as soon as it leads; its queue stays empty.
    """
    stop, leads = asyncio.Event(), asyncio.Event()
    stop_on_signals(stop)
    clock, metrics, cache, shard = SystemClock(), Metrics(), Cache(), settings.shard
    ConditionCollector(cache, metrics.registry, clock, leads.is_set)
    relations, queue = Relations(cache), WorkQueue(clock, metrics, options=background_options(settings))

    def enqueue(key: Key, priority: Priority = Priority.CHANGE) -> None:
        if leads.is_set():
            queue.add(key, priority)

    def show_leader(is_held: bool) -> None:
        metrics.leader.set(is_held and leads.is_set())  # it may still wait for another layout's end

    sink = EventSink(cache, relations, enqueue, partial(enqueue, priority=Priority.EDIT), shard.observes)
    health = Health(queue, metrics)
    login = partial(kopf_login, settings.kubeconfig)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_tracing(settings, metrics))
        lease_api = LeaseApi(partial(access_by_kopf, login), settings.namespace, shard.lease_name)
        lease = await stack.enter_async_context(lease_api)
        elector = elector_from_settings(settings, lease, clock, show_leader, shard.holder_suffix)
        api = Kube(partial(access_by_kopf, login), sink, clock, namespace=settings.namespace, fence=elector.fence)
        kube = await stack.enter_async_context(api)
        providers = await stack.enter_async_context(_provider_clients(settings, clock, metrics))
        database, redis = _open_databases(settings, clock, stack)
        await health.serve(settings, stack)
        informer = Informer(sink, kube, clock, metrics, login, audit_every=timedelta(seconds=settings.audit_seconds))
        sync = await stack.enter_async_context(config_sync.ConfigSyncController(queue.add))
        prober = await stack.enter_async_context(Prober(settings.shared_base_url, settings.exposure_hosts))
        proofs = exposure.ExposureController(prober, queue.add) if settings.verify_exposure else None
        group = await stack.enter_async_context(asyncio.TaskGroup())
        following = Following(informer, clock, stop)
        group.create_task(following.run())
        try:
            await stack.enter_async_context(shard_leadership(shard, elector, lease, clock, stop))
            leads.set()
            show_leader(True)
            health.ready = following.is_primed
            installation_id = await run_until_stopped(stop, _installation_id(settings, kube, clock))
            await run_until_stopped(stop, following.catch_up(group))
            health.ready = True
            context = ReconcileContext(
                kube=kube, cache=cache, relations=relations, settings=settings, clock=clock, database=database, redis=redis,
                faults=fault_points_from_environment(), providers=providers, installation_id=installation_id,
                fence=elector.fence, enqueue=queue.add, rollouts=_follow_rollouts(cache, settings, clock, queue, metrics),
                trigger_config_sync=sync.trigger, url_proofs=proofs or Unverified(),
            )  # fmt: skip
            await run_until_stopped(stop, retry_until_served(partial(adopt_present_holders, context), clock))
        except Stopped:
            return
        controllers = {**resource_controllers, **background_controllers(queue, metrics, sync, proofs)}
        await _work(controllers, context, queue, metrics, stop)
    log.info("operator.stopped")


async def _work(
    controllers: Controllers, context: ReconcileContext, queue: WorkQueue, metrics: Metrics, stop: asyncio.Event
) -> None:
    """Reconcile until `stop`, beginning with keys that people wait for, and watch the tenants' database sessions of all shards."""
    enqueue_first_keys(context.cache, context.relations, queue)
    for kind in (*(_OF_SHARD_0 if context.settings.shard.is_first else ()), *_OF_EACH_SHARD):
        queue.add(context.settings.background_key(kind))
    schedule_slowly(grant.grant_keys(context), queue)  # a thousand tenants have three thousand
    async with asyncio.TaskGroup() as work:
        work.create_task(watch_sessions(context.database, metrics, stop))
        work.create_task(ReconcileLoop(controllers, context, queue, metrics).run(stop))


async def _installation_id(settings: Settings, kube: Kube, clock: Clock) -> str:
    """Return the configured installation id, or else the UID of namespace `kube-system`, which lives as long as the cluster."""
    if settings.installation_id is not None:
        return settings.installation_id
    namespace = await retry_until_served(lambda: kube.get(resources.NAMESPACES, "", "kube-system"), clock)
    if namespace is None:
        raise ApiError(404, "NotFound", "there is no namespace kube-system: set ASKPROAI_INSTALLATION_ID")
    return str(namespace["metadata"]["uid"])


def _provider_clients(settings: Settings, clock: Clock, metrics: Metrics) -> ProviderClients:
    hosts = (*settings.provider_hosts, settings.retell_base_url, settings.calcom_base_url)
    rules = CircuitRules(open_for=timedelta(seconds=settings.circuit_open_seconds))
    return ProviderClients(clock, count=metrics.count_provider_request, hosts=hosts, rules=rules)


def _tracing(settings: Settings, metrics: Metrics) -> AbstractAsyncContextManager[None]:
    tracing = TracingSettings(settings.tracing_endpoint, settings.tracing_sample_ratio)
    return open_tracing(tracing, "askproai-operator", metrics.count_spans)


def _follow_rollouts(cache: Cache, settings: Settings, clock: Clock, queue: WorkQueue, metrics: Metrics) -> Rollouts:
    rollouts = rollout_report.follow_rollouts(cache, settings, clock, queue.add)
    RolloutCollector(rollouts, metrics.registry)
    return rollouts


def _open_databases(settings: Settings, clock: Clock, stack: AsyncExitStack) -> tuple[AdminStore, RedisAdmin | None]:
    """Return the clients of PostgreSQL and, if configured, of Redis. The stack closes them."""
    require_passable_options(settings.admin_dsn())
    database, url = AdminStore(settings.admin_dsn()), settings.redis_url()
    stack.push_async_callback(database.close)
    if not url:
        return database, None
    redis = RedisAdmin(url, clock, settings.ca_file)
    stack.push_async_callback(redis.close)
    return database, redis


class Health:
    """The probes: alive while the event loop answers and no reconcile hangs; ready as a standby, or as leader with its cache."""

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
