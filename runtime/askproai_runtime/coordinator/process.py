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
from askproai_core.redis import ALL_TENANTS
from askproai_runtime.coordinator.circuits import watch_circuits
from askproai_runtime.coordinator.counts import count
from askproai_runtime.coordinator.duty import Desk, Duty, repeat
from askproai_runtime.coordinator.events import rearm_events
from askproai_runtime.coordinator.fence import FencedRedis
from askproai_runtime.coordinator.holds import sweep_holds, sweep_locks
from askproai_runtime.coordinator.metrics import Metrics
from askproai_runtime.coordinator.retention import forget
from askproai_runtime.coordinator.settings import CoordinatorSettings
from askproai_runtime.process import open_stores
from askproai_runtime.watched_files import Credentials

log = structlog.get_logger(__name__)

LEASE = "askproai-coordinator"
CONNECTIONS = 2


def duties(settings: CoordinatorSettings) -> tuple[Duty, ...]:
    """Give everything that the leader does, and how often."""
    sweep = timedelta(seconds=settings.sweep_seconds)
    return (
        Duty("holds", sweep, sweep_holds),
        Duty("locks", sweep, sweep_locks),
        Duty("events", sweep, rearm_events),
        Duty("counts", timedelta(seconds=settings.count_seconds), count),
        Duty("circuits", timedelta(seconds=settings.circuit_seconds), watch_circuits),
        Duty("retention", timedelta(seconds=settings.retention_seconds), forget),
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
        stores = open_stores(credentials, ALL_TENANTS, CONNECTIONS, "askproai-coordinator", clock, metrics, stop)
        pool, shared = await stack.enter_async_context(stores)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        redis = FencedRedis(shared, lambda: elector.term)
        desk = Desk(pool, redis, session, clock, metrics, settings, elector.fence)
        async with asyncio.TaskGroup() as group:
            at_work = [group.create_task(repeat(duty, desk), name=duty.name) for duty in duties(settings)]
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
