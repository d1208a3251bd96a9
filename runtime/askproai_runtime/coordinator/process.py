"""The coordinator's process: stand by, lead, give the Lease back at SIGTERM."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import aiohttp
import structlog
from aiohttp import web

from askproai_core.clock import SystemClock
from askproai_core.http_server import alive, boundary, metrics_route, open_port
from askproai_core.kube import Elector, LeaseApi, Times, access, exit_when_lost, own_identity
from askproai_core.lifecycle import Stopped, until
from askproai_core.logging import configure_logs
from askproai_core.redis import EVERYBODY
from askproai_runtime.coordinator.circuits import update_circuits
from askproai_runtime.coordinator.fenced_redis import FencedRedis
from askproai_runtime.coordinator.maintenance import (
    delete_expired,
    rearm_events,
    sweep_holds,
    sweep_slot_locks,
    update_counts,
)
from askproai_runtime.coordinator.metrics import Metrics
from askproai_runtime.coordinator.periodic_task import CoordinatorContext, PeriodicTask, run_periodically
from askproai_runtime.coordinator.settings import CoordinatorSettings
from askproai_runtime.process import open_stores
from askproai_runtime.watched_files import Credentials

log = structlog.get_logger(__name__)

LEASE = "askproai-coordinator"
CONNECTIONS = 2


def periodic_tasks(settings: CoordinatorSettings) -> tuple[PeriodicTask, ...]:
    """Give everything that the leader does, and how often."""
    sweep = timedelta(seconds=settings.sweep_seconds)
    return (
        PeriodicTask("holds", sweep, sweep_holds),
        PeriodicTask("locks", sweep, sweep_slot_locks),
        PeriodicTask("events", sweep, rearm_events),
        PeriodicTask("counts", timedelta(seconds=settings.count_seconds), update_counts),
        PeriodicTask("circuits", timedelta(seconds=settings.circuit_seconds), update_circuits),
        PeriodicTask("retention", timedelta(seconds=settings.retention_seconds), delete_expired),
    )


async def run_coordinator(settings: CoordinatorSettings, stop: asyncio.Event) -> None:
    """Take part in the election until `stop`, and do the duties while leading. A lost Lease ends the whole process.

    Raises LeaseError when there is no way to the API server, and OSError for a taken port.
    """
    configure_logs(settings.log_level, component="coordinator")
    clock, metrics = SystemClock(), Metrics()
    seconds = (settings.lease_seconds, settings.lease_renew_seconds, settings.lease_retry_seconds)
    times = Times(*(timedelta(seconds=each) for each in seconds))
    async with AsyncExitStack() as stack:
        port = await _serve(settings, metrics, stack)
        lease = await stack.enter_async_context(LeaseApi(access(settings.kubeconfig), settings.namespace, LEASE))
        elector = Elector(lease, clock, identity=own_identity(settings.pod_name), times=times, told=metrics.leader.set)
        log.info("coordinator.started", port=port)
        try:
            await until(stop, elector.acquire())
        except Stopped:
            return
        stack.push_async_callback(elector.release)
        stack.callback(asyncio.create_task(exit_when_lost(elector), name="lease").cancel)
        credentials = Credentials(settings.credentials_dir)
        stores = open_stores(credentials, EVERYBODY, CONNECTIONS, "askproai-coordinator", clock, metrics, stop)
        pool, shared = await stack.enter_async_context(stores)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        redis = FencedRedis(shared, lambda: elector.term)
        desk = CoordinatorContext(pool, redis, session, clock, metrics, settings, elector.fence)
        async with asyncio.TaskGroup() as group:
            at_work = [
                group.create_task(run_periodically(duty, desk), name=duty.name) for duty in periodic_tasks(settings)
            ]
            await stop.wait()
            for task in at_work:
                task.cancel()
    log.info("coordinator.stopped")


async def _serve(settings: CoordinatorSettings, metrics: Metrics, stack: AsyncExitStack) -> int:
    """Serve probes and metrics. A standby is ready, and so is a leader whose database is away: a restart cures neither."""
    app = web.Application(middlewares=[boundary])
    app.add_routes([web.get("/livez", alive), web.get("/readyz", alive), metrics_route(metrics.registry)])
    runner, port = await open_port(app, settings.bind_address, settings.health_port, grace_seconds=1)
    stack.push_async_callback(runner.cleanup)
    return port
