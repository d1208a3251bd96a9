"""What both processes, web and worker, begin and end with: config, credentials, database, metrics, client session, signals."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
import structlog

from askproai_core.clock import Clock
from askproai_core.database import Pool, open_pool
from askproai_core.fault_injection import FaultPoints
from askproai_core.lifecycle import background_tasks, sleep_until_stopped
from askproai_core.logging import configure_logs
from askproai_core.redis import Circuits, Provider, Rules, Shared, SlotLock, TellsRedis
from askproai_core.tenant_config import CalcomVersion
from askproai_runtime.booking import Booking, BookingSettings
from askproai_runtime.calendars import CalcomV1, CalcomV2, ChosenCalendar, Exchange, Recorder
from askproai_runtime.metrics import Metrics
from askproai_runtime.settings import Settings
from askproai_runtime.watched_files import Credentials, LiveConfig

log = structlog.get_logger(__name__)

DATABASE_URL = "DATABASE_URL"
REDIS_URL = "REDIS_URL"  # absent: no Redis, and every pod goes by itself
CA_FILE = "CA_FILE"  # the authority that signed Redis's certificate, where the system does not know it
LOOK_AT_URL_SECONDS = 0.5
CLOSE_POOL_SECONDS = 5.0


class DatabaseUrlMissing(OSError):
    """There is no credential `DATABASE_URL`: the operator makes it with the tenant's role. Until then the database is away."""


@dataclass(frozen=True, slots=True)
class Process:
    """What lives as long as the process."""

    settings: Settings
    clock: Clock
    faults: FaultPoints
    config: LiveConfig
    credentials: Credentials
    metrics: Metrics
    session: aiohttp.ClientSession
    pool: Pool
    shared: Shared
    circuits: Circuits

    @property
    def tenant(self) -> str:
        return self.config.current.tenant

    def booking(self) -> Booking:
        """Wire the booking room."""
        settings = BookingSettings(
            sync_delay=timedelta(seconds=self.settings.calendar_sync_delay_seconds),
            quiet=timedelta(seconds=self.settings.calendar_quiet_seconds),
        )
        slots = SlotLock(self.shared, self.clock)
        return Booking(
            self.pool, self.config.now, self._calendar(), self.clock, self.metrics, settings, self.faults, slots
        )

    def _calendar(self) -> ChosenCalendar:
        """Wire the calendars. Cal.com's old API is asked while the circuit of the new one is open, so it has one of its own."""
        recorder = Recorder(self.pool, self.tenant, self.metrics)
        key = lambda: self.credentials.get("calcom-api-key")  # noqa: E731
        of_v1 = Circuits(None, self.clock, rules=circuit_rules(self.settings))
        v2 = CalcomV2(Exchange(self.session, self.circuits, self.clock), self.config.now, key, recorder)
        v1 = CalcomV1(Exchange(self.session, of_v1, self.clock), self.config.now, key, recorder)
        return ChosenCalendar(self.config.now, {CalcomVersion.V2: v2, CalcomVersion.V1: v1}, self.clock)


def circuit_rules(settings: Settings) -> Rules:
    return Rules(open_for=timedelta(seconds=settings.circuit_open_seconds))


@asynccontextmanager
async def open_process(
    settings: Settings, component: str, connections: int, clock: Clock, faults: FaultPoints, stop: asyncio.Event
) -> AsyncIterator[Process]:
    """Read the config (raises `ConfigUnreadable`), and follow its and the database's changes until the end."""
    config = LiveConfig(settings.config_file)
    configure_logs(settings.log_level, component=component, tenant=config.current.tenant)
    credentials, metrics = Credentials(settings.credentials_dir), Metrics(config.current.tenant)

    # Every role of the server may read this name, and a pod's name begins with its tenant's: the random end must do.
    name = f"askproai-{component} {settings.pod_name.rpartition('-')[2]}"

    def base_url(provider: Provider) -> str | None:
        return config.current.calendar.base_url if provider is Provider.CALCOM else None

    async with (
        open_stores(credentials, config.current.tenant, connections, name, clock, metrics, stop) as (pool, shared),
        aiohttp.ClientSession() as session,
    ):
        circuits = Circuits(shared, clock, metrics, circuit_rules(settings), base_url=base_url)
        async with background_tasks(circuits.follow(stop), config.watch(stop, metrics.config, metrics.config_rejected)):
            yield Process(settings, clock, faults, config, credentials, metrics, session, pool, shared, circuits)


@asynccontextmanager
async def open_stores(
    credentials: Credentials,
    tenant: str,
    connections: int,
    name: str,
    clock: Clock,
    metrics: TellsRedis,
    stop: asyncio.Event,
) -> AsyncIterator[tuple[Pool, Shared]]:
    """Open what the mounted credentials name, and follow their changes until the end; the URLs are read for each connection."""

    def database_url() -> str:
        url = credentials.get(DATABASE_URL)
        if url is None:
            raise DatabaseUrlMissing(f"no file {credentials.directory}/{DATABASE_URL}")
        return url

    pool = await open_pool(database_url, max_size=connections, application_name=name)
    ca_file = credentials.directory / CA_FILE
    shared = Shared(lambda: credentials.get(REDIS_URL), tenant, clock, metrics, ca_file=ca_file)
    try:
        async with background_tasks(shared.watch(stop), _follow_database_url(credentials, pool, stop)):
            yield pool, shared
    finally:
        await shared.close()
        await _close(pool)


async def _follow_database_url(credentials: Credentials, pool: Pool, stop: asyncio.Event) -> None:
    """End the pool's connections, each after its work, when DATABASE_URL changes: a rotated password, another server.

    New ones ask for the URL by themselves. A missing file is no change.
    """
    known = credentials.get(DATABASE_URL)
    while not stop.is_set():
        current = credentials.get(DATABASE_URL) or known
        if current != known:
            known = current
            await pool.expire_connections()
            log.info("database.url_changed", consequence="new connections; the old ones end with their last request")
        await sleep_until_stopped(stop, LOOK_AT_URL_SECONDS)


async def _close(pool: Pool) -> None:
    """Close a pool whose work has ended; connections that hang are cut, since the process must end."""
    try:
        async with asyncio.timeout(CLOSE_POOL_SECONDS):
            await pool.close()
    except TimeoutError:
        log.warning("pool.cut")
        pool.terminate()
