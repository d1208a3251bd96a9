"""The objects that web and worker share for their whole life: config, credentials, database, Redis, metrics, client session."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import aiohttp
import structlog

from askproai_core.clock import Clock
from askproai_core.data_keys import DATA_KEYS
from askproai_core.database import Pool, open_pool
from askproai_core.fault_injection import FaultPoints
from askproai_core.former_keys import is_verifying, keys_hash
from askproai_core.http_answers import client_session
from askproai_core.lifecycle import background_tasks, sleep_until_stopped
from askproai_core.logging import configure_logs
from askproai_core.provider_limits import CircuitBreakers, CircuitRules, RequestBudget
from askproai_core.provider_names import Provider
from askproai_core.providers import ProviderHttp
from askproai_core.tracing import TracingSettings, open_tracing
from askproai_runtime.book.context import Basis, BookingContext, BookingOutcome, BookingSettings
from askproai_runtime.calendars import FallbackCalendar, ProviderCallRecorder, build_calendar
from askproai_runtime.calls.at_retell import API_KEY, CallsAtRetell
from askproai_runtime.encryption import BodyCipher
from askproai_runtime.metrics import Metrics
from askproai_runtime.redis.client import RedisClient, RedisMetrics
from askproai_runtime.redis.slot_lock import SlotLock
from askproai_runtime.settings import Settings
from askproai_runtime.watched_files import Credentials, LiveConfig

log = structlog.get_logger(__name__)

DATABASE_URL = "DATABASE_URL"
DATABASE_CA_FILE = (
    "DATABASE_CA_FILE"  # the authority that signed the certificate of PostgreSQL, if the operator was given one
)
REDIS_URL = "REDIS_URL"  # if absent, there is no Redis, and every pod works alone
CA_FILE = "CA_FILE"  # the authority that signed the certificate of Redis, if the system does not know it
URL_POLL_SECONDS = 0.5
CLOSE_POOL_SECONDS = 5.0


# Retell publishes no rates. The operator has a limit of its own for the same key.
RETELL_REQUESTS_PER_MINUTE = 60


class DatabaseUrlMissing(OSError):
    """The credential `DATABASE_URL` is missing; the operator creates it with the tenant's role. No database is used until then."""


@dataclass(frozen=True, slots=True)
class Process:
    """The objects that live as long as the process, and are passed to their users."""

    settings: Settings
    clock: Clock
    faults: FaultPoints
    config: LiveConfig
    credentials: Credentials
    metrics: Metrics
    session: aiohttp.ClientSession
    pool: Pool
    shared: RedisClient
    circuits: CircuitBreakers
    cipher: BodyCipher

    @property
    def tenant(self) -> str:
        return self.config.current.tenant

    def admin_token(self) -> str | None:
        """Return the token of the private API; None while it is not mounted. Its file may change at any time."""
        file = self.settings.admin_token_file
        return Credentials(file.parent).get(file.name)

    def keys_hash(self) -> str | None:
        """Return the hash of the keys with which this process verifies requests; None while the admin token is missing."""
        token = self.admin_token()
        return None if token is None else keys_hash(token, self.credentials.files(is_verifying))

    def booking(self, *, for_callers: bool = True) -> BookingContext:
        """Return the context for the book's functions in this process: for callers, or for jobs, which give way to callers."""
        self.metrics.expect_bookings(BookingOutcome)
        self.metrics.expect_offers(Basis)
        settings = BookingSettings(
            sync_delay=timedelta(seconds=self.settings.calendar_sync_delay_seconds),
            quiet_period=timedelta(seconds=self.settings.calendar_quiet_seconds),
            free_times_age=timedelta(seconds=self.settings.calendar_free_times_seconds),
        )
        slots = SlotLock(self.shared, self.clock)
        calendar = self._calendar(for_callers)
        return BookingContext(
            self.pool, self.config.now, calendar, self.clock, self.metrics, settings, self.faults, slots,
            cipher=self.cipher,
        )  # fmt: skip

    def calls_at_retell(self) -> CallsAtRetell:
        """Return the client that asks Retell for calls. Only tasks use it, so nobody waits for it."""

        def base_url() -> str:
            return self.config.current.retell.base_url

        budget = RequestBudget(
            self.shared, self.clock, Provider.RETELL, lambda: RETELL_REQUESTS_PER_MINUTE, for_callers=False
        )
        http = ProviderHttp(Provider.RETELL, self.session, self.circuits, self.clock, budget)
        recorder = ProviderCallRecorder(self.pool, self.tenant, self.metrics, Provider.RETELL)
        return CallsAtRetell(http, base_url, lambda: self.credentials.get(API_KEY), recorder)

    def _calendar(self, for_callers: bool) -> FallbackCalendar:
        def per_minute() -> int:
            return self.config.current.calendar.requests_per_minute

        budget = RequestBudget(self.shared, self.clock, "calendar", per_minute, for_callers=for_callers)
        recorder, rules = ProviderCallRecorder(self.pool, self.tenant, self.metrics), circuit_rules(self.settings)
        return build_calendar(
            self.config.now, self.credentials.get, self.session, self.circuits, rules, self.clock, recorder, budget
        )


def session_name(settings: Settings, component: str) -> str:
    """Return the name of a process's database sessions. Every role of the server can read it, and a pod's name begins with its
    tenant's: only its random suffix is used.
    """
    return f"askproai-{component} {settings.pod_name.rpartition('-')[2]}"


def circuit_rules(settings: Settings) -> CircuitRules:
    return CircuitRules(open_for=timedelta(seconds=settings.circuit_open_seconds))


def exempt_from_collection() -> None:
    """Exclude all present objects from garbage collection: modules and rules live as long as the process.

    A full collection stops the event loop, and would look through all of them: 30 ms each time instead of less than 1 ms.
    """
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def open_process(
    settings: Settings, component: str, connections: int, clock: Clock, faults: FaultPoints, stop: asyncio.Event
) -> AsyncIterator[Process]:
    """Open the objects of a process, and follow changes of config and credentials until the end. Raises `ConfigUnreadable`."""
    config = LiveConfig(settings.config_file)
    configure_logs(settings.log_level, component=component, tenant=config.current.tenant)
    credentials, metrics = Credentials(settings.credentials_dir), Metrics(config.current.tenant)

    cipher = BodyCipher(
        config.current.tenant, lambda: credentials.get(DATA_KEYS), lambda: config.current.encrypt_bodies, clock
    )

    def base_url(provider: Provider) -> str:
        return (config.current.retell if provider is Provider.RETELL else config.current.calendar).base_url

    tracing = TracingSettings(settings.tracing_endpoint, settings.tracing_sample_ratio)
    async with (
        open_tracing(tracing, f"askproai-{component}", metrics.spans, tenant=config.current.tenant),
        open_stores(
            credentials, config.current.tenant, connections, session_name(settings, component), clock, metrics, stop
        ) as (pool, shared),
        client_session() as session,
    ):
        circuits = CircuitBreakers(shared, clock, metrics, circuit_rules(settings), base_url=base_url)
        exempt_from_collection()
        async with background_tasks(circuits.follow(stop), config.watch(stop, metrics.config, metrics.config_rejected)):
            process = Process(
                settings, clock, faults, config, credentials, metrics, session, pool, shared, circuits, cipher
            )
            metrics.follow_keys(process.keys_hash)
            yield process


@asynccontextmanager
async def open_stores(
    credentials: Credentials,
    tenant: str,
    connections: int,
    name: str,
    clock: Clock,
    metrics: RedisMetrics,
    stop: asyncio.Event,
) -> AsyncIterator[tuple[Pool, RedisClient]]:
    """Open the database and Redis named by the mounted credentials, and follow their changes until the end.

    The URLs are read again for each connection.
    """

    ca_file = credentials.directory / CA_FILE
    shared = RedisClient(lambda: credentials.get(REDIS_URL), tenant, clock, metrics, ca_file=ca_file)
    async with open_database(credentials, connections, name, stop) as pool:
        try:
            async with background_tasks(shared.watch(stop)):
                yield pool, shared
        finally:
            await shared.close()


@asynccontextmanager
async def open_database(
    credentials: Credentials, connections: int, name: str, stop: asyncio.Event
) -> AsyncIterator[Pool]:
    """Open a pool for the database in the credential `DATABASE_URL`, and follow changes of the URL until the end."""

    def database_url() -> str:
        url = credentials.get(DATABASE_URL)
        if url is None:
            raise DatabaseUrlMissing(f"no file {credentials.directory}/{DATABASE_URL}")
        authority = credentials.directory / DATABASE_CA_FILE
        return with_authority(url, authority) if authority.is_file() else url

    pool = await open_pool(database_url, max_size=connections, application_name=name)
    try:
        async with background_tasks(_follow_database_url(credentials, pool, stop)):
            yield pool
    finally:
        await _close(pool)


async def _follow_database_url(credentials: Credentials, pool: Pool, stop: asyncio.Event) -> None:
    """Expire the pool's connections when `DATABASE_URL` changes, such as by a rotated password or another server.

    Each connection ends after its current use, and new ones read the URL by themselves. A missing file is no change.
    """
    last_url = credentials.get(DATABASE_URL)
    while not stop.is_set():
        url = credentials.get(DATABASE_URL) or last_url
        if url != last_url:
            last_url = url
            await pool.expire_connections()
            log.info("database.url_changed", consequence="new connections; the old ones end with their last request")
        await sleep_until_stopped(stop, URL_POLL_SECONDS)


async def _close(pool: Pool) -> None:
    """Close a pool that is no longer used, and cut hanging connections, since the process must end."""
    try:
        async with asyncio.timeout(CLOSE_POOL_SECONDS):
            await pool.close()
    except TimeoutError:
        log.warning("pool.cut")
        pool.terminate()


def with_authority(dsn: str, file: Path) -> str:
    """Add to the database URL the CA file that verifies the server's certificate, and return the URL."""
    return f"{dsn}{'&' if '?' in dsn else '?'}sslrootcert={quote(str(file), safe='/')}"
