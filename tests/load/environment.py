"""The measured system: a durable PostgreSQL, a Valkey, a tenant with ten staff members, and its two containers as processes."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
import asyncpg
from msgspec.structs import replace

from askproai_core.provider_names import CalendarProvider
from askproai_core.tenant_config import Staff, TenantConfig, encode
from askproai_core.tenant_config.config import RateLimits
from askproai_core.tenant_config.services import EventType
from askproai_operator.redis_acl import acl_rules
from askproai_sandbox.cluster import Child, ProcessError, free_port, spawn
from askproai_sandbox.pods.pod import replace_files
from askproai_sandbox.postgres import EmbeddedPostgres
from askproai_sandbox.redis import EmbeddedRedis
from tests.load.events import KEY
from tests.load.measure import Row
from tests.load.sender import LoadResult
from tests.worlds.compiled_salon import salon_config
from tests.worlds.databases import Database, TenantStore, fresh_database
from tests.worlds.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
CALCOM_KEY, CALCOM_SECRET = "cal_bench", "secret-of-the-bench"
PEOPLE = tuple(f"person-{n}" for n in range(10))
LARGEST = tuple(f"p{n}" for n in range(60))  # as many staff members as a Branch can have
EVENT_TYPES = tuple(EventType(staff=person, event_type_id=1001 + n) for n, person in enumerate(PEOPLE))
_NEVER_REACHED = RateLimits(webhooks_per_second=10**6, functions_per_second=10**6)  # requests are still counted


def bench_config(
    store: TenantStore, calcom_url: str | None = None, retell_url: str = "", event_types: int = len(EVENT_TYPES)
) -> TenantConfig:
    """Return the salon with ten staff members; without a URL it has the local calendar, and does not ask Retell."""
    config = salon_config(tenant=store.tenant, rate_limits=_NEVER_REACHED)
    staff = tuple(
        Staff(id=name, display_name=name, resource_ids=(store.resources["mitte", name, 1],)) for name in PEOPLE
    )
    branch = replace(config.branches[0], staff=staff)
    service = replace(config.services[0], staff={branch.name: PEOPLE}, event_types=EVENT_TYPES[:event_types])
    calendar = config.calendar
    if calcom_url:
        calendar = replace(calendar, provider=CalendarProvider.CALCOM, base_url=calcom_url, requests_per_minute=6000)
    retell = replace(config.retell, base_url=retell_url)
    return replace(config, branches=(branch,), services=(service,), calendar=calendar, retell=retell)


@dataclass(frozen=True)
class LoadEnvironment:
    """The tenant's database and mounted files; `running` runs its processes."""

    directory: Path
    store: TenantStore
    largest: TenantStore  # a tenant without processes
    hijacked: TenantStore  # another one, whose logins an attacker has
    database: Database
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    db: asyncpg.Connection  # the superuser's connection, to check what was stored
    ports: Mapping[str, int]
    redis_url: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['PUBLIC']}"

    def mount(
        self,
        calcom_url: str | None = None,
        retell_url: str = "",
        event_types: int = len(EVENT_TYPES),
        *,
        redis: bool = True,
    ) -> None:
        """Mount config and credentials as a kubelet does."""
        urls = {"DATABASE_URL": self.store.dsn} | ({"REDIS_URL": self.redis_url} if redis else {})
        secrets = urls | {"retell-api-key": KEY, "calcom-api-key": CALCOM_KEY, "calcom-webhook-secret": CALCOM_SECRET}
        config = encode(bench_config(self.store, calcom_url, retell_url, event_types))
        replace_files(self.directory / "config", {"tenant.json": config.encode()})
        replace_files(self.directory / "credentials", {name: value.encode() for name, value in secrets.items()})

    @asynccontextmanager
    async def running(self, container: str, **variables: object) -> AsyncIterator[Child]:
        """Run `askproai-runtime web` or `worker`, and yield when it is ready and has served nothing but probes.

        `variables` are further settings, without their prefix.
        """
        settings = {f"{name}_PORT": port for name, port in self.ports.items()} | {
            "CONFIG_FILE": self.directory / "config" / "tenant.json",
            "CREDENTIALS_DIR": self.directory / "credentials",
            "BIND_ADDRESS": "127.0.0.1",
            "SHUTDOWN_DELAY_SECONDS": 0,
            **variables,
        }
        environment = os.environ | {f"ASKPROAI_{name}": str(value) for name, value in settings.items()}
        probe_port = self.ports["PRIVATE" if container == "web" else "WORKER"]
        program = [Path(sys.executable).with_name("askproai-runtime"), container]
        async with process(
            self.directory, container, program, f"http://127.0.0.1:{probe_port}/readyz", environment
        ) as child:
            yield child

    async def all_processed(self) -> None:
        """Wait until every stored event is processed."""
        all_done = "SELECT NOT EXISTS (SELECT 1 FROM webhook_events WHERE status <> 'processed')"
        await eventually(lambda: self.db.fetchval(all_done), 120, "all events to be processed", every=0.1)


@asynccontextmanager
async def open_environment(directory: Path) -> AsyncIterator[LoadEnvironment]:
    """Start the servers and create the tenant; remove both at the end."""
    postgres, redis = EmbeddedPostgres(directory / "postgres", durable=True), EmbeddedRedis(directory / "redis")
    await asyncio.gather(postgres.start(), redis.start())
    try:
        async with fresh_database(postgres) as database:
            store = await database.create_tenant("bench", [("mitte", person, 1) for person in PEOPLE])
            largest = await database.create_tenant("largest", [("mitte", name, 1) for name in LARGEST])
            hijacked = await database.create_tenant("hijacked")
            db = await asyncpg.connect(database.superuser_dsn)
            ports = {name: free_port() for name in ("PUBLIC", "PRIVATE", "METRICS", "WORKER")}
            redis_url = await redis.add_user("bench", partial(acl_rules, store.tenant))
            yield LoadEnvironment(directory, store, largest, hijacked, database, postgres, redis, db, ports, redis_url)
            await db.close()
    finally:
        await asyncio.gather(postgres.remove(), redis.remove())


@asynccontextmanager
async def process(
    directory: Path, name: str, command: list[str | Path], probe: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Child]:
    """Run a process, and yield when the URL `probe` answers."""
    child = await spawn(name, command, directory=directory, environment=environment, cwd=ROOT)

    async def answers() -> bool:
        if child.exit_code is not None:
            raise ProcessError(f"{name} ended with {child.exit_code}:\n{child.last_lines()}")
        try:
            async with aiohttp.ClientSession() as session, session.get(probe) as response:
                return response.status < 300
        except aiohttp.ClientError:
            return False

    try:
        await eventually(answers, 30, f"{name} to answer", every=0.05)
        yield child
    finally:
        await child.stop()


async def send(kind: str, url: str, run: str, seconds: float, strength: float) -> LoadResult:
    """Run the sender to its end. `kind` is open, with a rate as `strength`, or closed, with a number of connections."""
    command = [sys.executable, "-m", "tests.load.sender", kind, url, run, str(seconds), str(strength)]
    sender = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    output, _ = await sender.communicate()
    if sender.returncode != 0:
        raise ProcessError(f"the sender ended with {sender.returncode}; its output is above")
    return LoadResult(**json.loads(output))


def memory_rows(name: str, pid: int, wish: str = "") -> list[Row]:
    """Return a process's memory in MB (10⁶ bytes): resident, and proportional, which counts a shared page by its share."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {line.split()[0]: int(line.split()[1]) * 1024 / 1e6 for line in lines}
    return [Row(f"{name}, resident", sizes["Rss:"], "MB", wish), Row(f"{name}, proportional", sizes["Pss:"], "MB")]
