"""The process of the coordinator: it waits as a standby, leads, and releases the Lease at SIGTERM."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from zoneinfo import ZoneInfo

import structlog

from askproai_core.clock import SystemClock
from askproai_core.http_answers import client_session
from askproai_core.http_server import serve_probes
from askproai_core.kube import LeaseApi, elector_from_settings, leadership, read_access
from askproai_core.lifecycle import Stopped
from askproai_core.logging import configure_logs
from askproai_core.redis import ALL_TENANTS
from askproai_core.tracing import TracingSettings, open_tracing
from askproai_runtime.coordinator.circuits import update_circuits
from askproai_runtime.coordinator.fenced_redis import FencedRedis
from askproai_runtime.coordinator.maintenance import (
    delete_expired,
    empty_answers,
    rearm_events,
    sweep_holds,
    sweep_slot_locks,
    update_counts,
)
from askproai_runtime.coordinator.metrics import Metrics
from askproai_runtime.coordinator.periodic_task import CoordinatorContext, PeriodicTask, run_periodically
from askproai_runtime.coordinator.settings import CoordinatorSettings
from askproai_runtime.page.fleet import FleetOidc, FleetSources, serve_fleet_page
from askproai_runtime.process import open_stores
from askproai_runtime.watched_files import Credentials

log = structlog.get_logger(__name__)

LEASE = "askproai-coordinator"
CONNECTIONS = 2  # of a pod


def periodic_tasks(settings: CoordinatorSettings) -> tuple[PeriodicTask, ...]:
    """Return all tasks of the leader with their intervals."""
    sweep = timedelta(seconds=settings.sweep_seconds)
    return (
        PeriodicTask("holds", sweep, sweep_holds),
        PeriodicTask("locks", sweep, sweep_slot_locks),
        PeriodicTask("events", sweep, rearm_events),
        PeriodicTask("answers", sweep, empty_answers),
        PeriodicTask("counts", timedelta(seconds=settings.count_seconds), update_counts),
        PeriodicTask("circuits", timedelta(seconds=settings.circuit_seconds), update_circuits),
        PeriodicTask("retention", timedelta(seconds=settings.retention_seconds), delete_expired),
    )


async def run_coordinator(settings: CoordinatorSettings, stop: asyncio.Event) -> None:
    """Take part in the election until `stop`, and run the periodic tasks while leading. A lost Lease ends the whole process.

    A standby serves the fleet's page, too. Probes report a standby, and a leader whose database is unavailable, as ready: a
    restart would help neither. Raises AccessError if there is no way to the API server, and OSError if a port is taken.
    """
    configure_logs(settings.log_level, component="coordinator")
    clock, metrics = SystemClock(), Metrics()
    async with AsyncExitStack() as stack:
        tracing = TracingSettings(settings.tracing_endpoint, settings.tracing_sample_ratio)
        await stack.enter_async_context(open_tracing(tracing, "askproai-coordinator", metrics.count_spans))
        probes = serve_probes(metrics.registry, settings.bind_address, [settings.health_port])
        ((_, port),) = await stack.enter_async_context(probes)
        log_in, credentials = partial(read_access, settings.kubeconfig), Credentials(settings.credentials_dir)
        lease_api = LeaseApi(log_in, settings.namespace, LEASE)
        lease = await stack.enter_async_context(lease_api)
        elector = elector_from_settings(settings, lease, clock, metrics.leader.set)
        # Before the election, since every pod serves the page. Nothing is connected to before it is used.
        stores = open_stores(credentials, ALL_TENANTS, CONNECTIONS, "askproai-coordinator", clock, metrics, stop)
        pool, shared = await stack.enter_async_context(stores)
        page_port = None
        if settings.fleet_page_port is not None:
            sources = FleetSources(
                clock, log_in, settings.namespace, credentials, pool, shared, ZoneInfo(settings.fleet_page_time_zone),
                settings.fleet_page_host, _oidc(settings),
            )  # fmt: skip
            page = serve_fleet_page(sources, settings.bind_address, settings.fleet_page_port)
            page_port = await stack.enter_async_context(page)
        log.info("coordinator.started", port=port, page_port=page_port)
        try:
            await stack.enter_async_context(leadership(elector, stop))
        except Stopped:
            return
        session = await stack.enter_async_context(client_session())
        redis = FencedRedis(shared, lambda: elector.term)
        context = CoordinatorContext(pool, redis, session, clock, metrics, settings, elector.fence)
        async with asyncio.TaskGroup() as group:
            running = [
                group.create_task(run_periodically(task, context), name=task.name) for task in periodic_tasks(settings)
            ]
            await stop.wait()
            for task in running:
                task.cancel()
    log.info("coordinator.stopped")


def _oidc(settings: CoordinatorSettings) -> FleetOidc | None:
    if not settings.fleet_oidc_issuer:
        return None
    groups = tuple(filter(None, (group.strip() for group in settings.fleet_oidc_platform_groups.split(","))))
    return FleetOidc(settings.fleet_oidc_issuer, settings.fleet_oidc_client_id, groups, settings.fleet_oidc_roles_claim)
