"""What is measured: a durable PostgreSQL, a tenant with ten people, and its pod's two containers as real processes."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
import asyncpg
import msgspec
from tests.load.events import KEY
from tests.load.sender import Sent

from askproai_runtime.config import CalendarConfig, CalendarProvider, EventType, RateLimits, Staff, TenantConfig, encode
from askproai_sandbox.cluster import Child, eventually, free_port, spawn
from askproai_sandbox.databases import TenantStore, fresh_database
from askproai_sandbox.pods.volumes import swap
from askproai_sandbox.postgres import EmbeddedPostgres
from askproai_sandbox.world import salon_config

ROOT = Path(__file__).resolve().parents[2]
CALCOM_KEY = "cal_bench"
PEOPLE = tuple(f"person-{n}" for n in range(10))
EVENT_TYPES = tuple(EventType(staff=person, event_type_id=1001 + n) for n, person in enumerate(PEOPLE))
_STARTUP = timedelta(seconds=30)


def bench_config(store: TenantStore, calcom_url: str | None) -> TenantConfig:
    """Give the salon with ten people; without an URL its calendar is the local book. Limits are counted, never reached."""
    config = salon_config(
        tenant=store.tenant, rate_limits=RateLimits(webhooks_per_second=10**6, functions_per_second=10**6)
    )
    staff = tuple(
        Staff(
            id=person,
            display_name=person.title(),
            skills=("schnitt",),
            resource_ids=(store.resources["mitte", person, 1],),
        )
        for person in PEOPLE
    )
    branch = msgspec.structs.replace(config.branches[0], staff=staff)
    service = msgspec.structs.replace(config.services[0], staff={branch.name: PEOPLE}, event_types=EVENT_TYPES)
    calendar = config.calendar
    if calcom_url is not None:
        domain = calendar.attendee_email_domain
        calendar = CalendarConfig(provider=CalendarProvider.CALCOM, base_url=calcom_url, attendee_email_domain=domain)
    return msgspec.structs.replace(config, branches=(branch,), services=(service,), calendar=calendar)


@dataclass(frozen=True)
class Rig:
    """The tenant's database and files; `running()` runs its processes."""

    directory: Path
    store: TenantStore
    db: asyncpg.Connection  # the superuser's, to look behind the fences
    ports: dict[str, int]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['PUBLIC']}"

    def mount(self, calcom_url: str | None = None) -> TenantConfig:
        """Mount config and credentials as a kubelet does."""
        config = bench_config(self.store, calcom_url)
        secrets = {"DATABASE_URL": self.store.dsn, "retell-api-key": KEY, "calcom-api-key": CALCOM_KEY}
        swap(self.directory / "config", {"tenant.json": encode(config).encode()})
        swap(self.directory / "credentials", {name: value.encode() for name, value in secrets.items()})
        return config

    @asynccontextmanager
    async def running(self, container: str) -> AsyncIterator[Child]:
        """Run `askproai-runtime web` or `worker`; it is ready, and nobody has asked it anything."""
        environment = os.environ | {f"ASKPROAI_{name}_PORT": str(port) for name, port in self.ports.items()}
        environment |= {
            "ASKPROAI_CONFIG_FILE": str(self.directory / "config" / "tenant.json"),
            "ASKPROAI_CREDENTIALS_DIR": str(self.directory / "credentials"),
            "ASKPROAI_BIND_ADDRESS": "127.0.0.1",
            "ASKPROAI_SHUTDOWN_DELAY_SECONDS": "0",
        }
        probes = self.ports["PRIVATE" if container == "web" else "WORKER"]
        program = [Path(sys.executable).with_name("askproai-runtime"), container]
        async with process(
            container, program, self.directory, f"http://127.0.0.1:{probes}/readyz", environment
        ) as child:
            yield child

    async def all_processed(self) -> None:
        """Wait until every stored event is processed."""
        left = "SELECT count(*) = 0 FROM webhook_events WHERE status <> 'processed'"
        await eventually(
            lambda: self.db.fetchval(left), timedelta(minutes=2), "every event to be processed", every=0.02
        )


@asynccontextmanager
async def open_rig(directory: Path) -> AsyncIterator[Rig]:
    postgres = EmbeddedPostgres(directory / "postgres", durable=True)
    await postgres.start()
    try:
        async with fresh_database(postgres) as database:
            store = await database.tenant_store("bench", [("mitte", person, 1) for person in PEOPLE])
            db = await asyncpg.connect(database.superuser_dsn)
            yield Rig(directory, store, db, {name: free_port() for name in ("PUBLIC", "PRIVATE", "METRICS", "WORKER")})
            await db.close()
    finally:
        await postgres.remove()


@asynccontextmanager
async def process(
    name: str, command: list[str | Path], directory: Path, up: str, environment: dict[str, str] | None = None
) -> AsyncIterator[Child]:
    """Run a process that answers at `up`."""
    child = await spawn(name, command, directory=directory, environment=environment, cwd=ROOT)
    try:
        await answers(child, up)
        yield child
    finally:
        await child.stop()


async def answers(child: Child, url: str) -> None:
    async def up() -> bool:
        assert child.exit_code is None, f"{child.name} ended with {child.exit_code}:\n{child.last_lines()}"
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                return response.status < 300
        except aiohttp.ClientError:
            return False

    await eventually(up, _STARTUP, f"{child.name} to answer")


async def send(kind: str, url: str, run: str, seconds: float, strength: float) -> Sent:
    """Run the sender's process to its end."""
    command = [sys.executable, "-m", "tests.load.sender", kind, url, run, str(seconds), str(strength)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0, f"the sender ended with {process.returncode}"
    return Sent(**json.loads(output))


def memory(pid: int) -> dict[str, float]:
    """Give resident and proportional memory in MB (10⁶ bytes); shared pages count whole in `Rss`, by share in `Pss`."""

    def sizes() -> Iterator[tuple[str, float]]:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in ("Rss", "Pss"):
                yield name, int(rest.split()[0]) * 1024 / 1e6

    return dict(sizes())
