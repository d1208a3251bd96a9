"""The coordinator's process: stand by, lead, give the Lease back at SIGTERM."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import aiohttp
import structlog
from aiohttp import web

from askproai_runtime.config.live import Credentials
from askproai_runtime.coordinator.circuits import watch_circuits
from askproai_runtime.coordinator.counts import count
from askproai_runtime.coordinator.duty import Desk, Duty, repeat
from askproai_runtime.coordinator.events import rearm_events
from askproai_runtime.coordinator.fence import FencedRedis
from askproai_runtime.coordinator.holds import sweep_holds, sweep_locks
from askproai_runtime.coordinator.metrics import Metrics
from askproai_runtime.coordinator.retention import forget
from askproai_runtime.coordinator.settings import CoordinatorSettings
from askproai_runtime.guard import EVERYBODY, Shared
from askproai_runtime.lease import Elector, LeaseApi, Times, access, exit_when_lost, own_identity
from askproai_runtime.process import CA_FILE, DATABASE_URL, REDIS_URL, DatabaseUrlMissing, close_pool
from askproai_runtime.seams import SystemClock
from askproai_runtime.serving import boundary, json_answer, open_port
from askproai_runtime.store import open_pool
from askproai_runtime.watch import configure_logs

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
        if not await elector.acquire_unless(stop):
            return
        stack.push_async_callback(elector.release)
        stack.callback(asyncio.create_task(exit_when_lost(elector), name="lease").cancel)
        async with _desk(settings, metrics, elector, stop) as desk, asyncio.TaskGroup() as group:
            at_work = [group.create_task(repeat(duty, desk), name=duty.name) for duty in duties(settings)]
            await stop.wait()
            for task in at_work:
                task.cancel()
    log.info("coordinator.stopped")


@asynccontextmanager
async def _desk(
    settings: CoordinatorSettings, metrics: Metrics, elector: Elector, stop: asyncio.Event
) -> AsyncIterator[Desk]:
    """Open what the duties work with; the URLs are read for each new connection."""
    clock, credentials = SystemClock(), Credentials(settings.credentials_dir)

    def database_url() -> str:
        url = credentials.get(DATABASE_URL)
        if url is None:
            raise DatabaseUrlMissing(f"no file {settings.credentials_dir}/{DATABASE_URL}")
        return url

    redis_url, ca_file = (lambda: credentials.get(REDIS_URL)), settings.credentials_dir / CA_FILE
    shared = Shared(redis_url, EVERYBODY, clock, metrics, ca_file=ca_file)
    pool = await open_pool(database_url, max_size=CONNECTIONS, application_name="askproai-coordinator")
    async with aiohttp.ClientSession() as session:
        watching = asyncio.create_task(shared.watch(stop), name="watch-redis")
        try:
            redis = FencedRedis(shared, lambda: elector.term)
            yield Desk(pool, redis, session, clock, metrics, settings, elector.fence)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await shared.close()
            await close_pool(pool)


async def _serve(settings: CoordinatorSettings, metrics: Metrics, stack: AsyncExitStack) -> int:
    """Serve probes and metrics. A standby is ready, and so is a leader whose database is away: a restart cures neither."""

    async def alive(_request: web.Request) -> web.Response:
        return json_answer({"status": "ok"})

    async def scrape(_request: web.Request) -> web.Response:
        text = await asyncio.to_thread(metrics.render)
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app = web.Application(middlewares=[boundary])
    app.add_routes([web.get("/livez", alive), web.get("/readyz", alive), web.get("/metrics", scrape)])
    runner, port = await open_port(app, settings.bind_address, settings.health_port, grace_seconds=1)
    stack.push_async_callback(runner.cleanup)
    return port
