"""What both processes, web and worker, begin and end with: config, credentials, metrics, one client session, signals."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
import structlog

from askproai_runtime.booking import Booking, BookingSettings
from askproai_runtime.calendars import CalcomV2, ChosenCalendar, Recorder
from askproai_runtime.config import TenantConfig
from askproai_runtime.config.live import Credentials, LiveConfig
from askproai_runtime.config.settings import Settings
from askproai_runtime.seams import Clock, FaultPoints
from askproai_runtime.store import Pool
from askproai_runtime.watch import Metrics, configure_logs

log = structlog.get_logger(__name__)

DATABASE_URL = "DATABASE_URL"
LOOK_FOR_DATABASE_SECONDS = 0.5
CLOSE_POOL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Process:
    """What lives as long as the process. The pool does not: a new DATABASE_URL makes a new one."""

    settings: Settings
    clock: Clock
    faults: FaultPoints
    config: LiveConfig
    credentials: Credentials
    metrics: Metrics
    session: aiohttp.ClientSession

    @property
    def tenant(self) -> str:
        return self.config.current.tenant

    def now_config(self) -> TenantConfig:
        return self.config.current

    def booking(self, pool: Pool) -> Booking:
        """Wire the booking room to a pool."""
        calcom = CalcomV2(
            self.session,
            self.now_config,
            lambda: self.credentials.get("calcom-api-key"),
            Recorder(pool, self.tenant, self.metrics),
            self.clock,
        )
        settings = BookingSettings(
            sync_delay=timedelta(seconds=self.settings.calendar_sync_delay_seconds),
            quiet=timedelta(seconds=self.settings.calendar_quiet_seconds),
        )
        calendar = ChosenCalendar(self.now_config, calcom)
        return Booking(pool, self.now_config, calendar, self.clock, self.metrics, settings, self.faults)

    async def database_url(self, stop: asyncio.Event) -> str | None:
        """Wait for the credential `DATABASE_URL`; None when `stop` comes first."""
        told = False
        while not stop.is_set():
            dsn = self.credentials.get(DATABASE_URL)
            if dsn is not None:
                return dsn
            if not told:
                log.error("database.url_missing", waiting_for=f"{self.settings.credentials_dir}/{DATABASE_URL}")
                told = True
            await pause(stop, LOOK_FOR_DATABASE_SECONDS)
        return None

    async def database_url_changes(self, dsn: str, stop: asyncio.Event) -> None:
        """Return when DATABASE_URL is another than `dsn`, or `stop` is set. A missing file is no change."""
        while not stop.is_set() and (self.credentials.get(DATABASE_URL) or dsn) == dsn:
            await pause(stop, LOOK_FOR_DATABASE_SECONDS)


@asynccontextmanager
async def open_process(
    settings: Settings, component: str, clock: Clock, faults: FaultPoints, stop: asyncio.Event
) -> AsyncIterator[Process]:
    """Read the config (raises `ConfigUnreadable`), follow its changes until the end, and hold the client session."""
    config = LiveConfig(settings.config_file)
    configure_logs(settings.log_level, component=component, tenant=config.current.tenant)
    metrics = Metrics(config.current.tenant)
    config.report_to(metrics.config, metrics.config_rejected)
    async with aiohttp.ClientSession() as session:
        watching = asyncio.create_task(config.watch(stop), name="watch-config")
        try:
            yield Process(settings, clock, faults, config, Credentials(settings.credentials_dir), metrics, session)
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` at SIGTERM, which a kubelet sends, and at SIGINT."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


async def close_pool(pool: Pool) -> None:
    """Close a pool whose work has ended; connections that hang are cut, since the process must end."""
    try:
        async with asyncio.timeout(CLOSE_POOL_SECONDS):
            await pool.close()
    except TimeoutError:
        log.warning("pool.cut")
        pool.terminate()


def loopback(bind_address: str) -> str:
    """Give the address at which the own pod is reached."""
    return "127.0.0.1" if bind_address == "0.0.0.0" else bind_address  # noqa: S104 - a comparison


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, but wake when `stop` is set."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
