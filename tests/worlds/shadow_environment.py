"""The pods of a tenant and of its shadow, with the process that replays calls: as in a cluster, but in one process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from askproai_core.clock import SystemClock
from askproai_core.fault_injection import FaultPoints
from askproai_core.tenant_config import TenantConfig, decode, encode
from askproai_operator.controllers.tenant.shadow import shadow_config
from askproai_operator.store.shadows import ShadowResults, shadow_name
from askproai_runtime.process import open_process
from askproai_runtime.shadow import ShadowSettings, run_shadow
from askproai_runtime.web import WebProcess
from askproai_sandbox.cluster import free_port
from tests.worlds.databases import Database, TenantStore
from tests.worlds.tenant_pod import TenantPod
from tests.worlds.waiting import eventually

PASSWORD, KEY = "password-of-shadow", "key-of-shadow"


@dataclass
class ShadowEnvironment:
    """`pod` is the live pod, whose callers are real; `shadow` has the copy of its book."""

    pod: TenantPod
    shadow: TenantPod
    database: Database

    async def found(self) -> ShadowResults:
        return await self.database.admin.read_shadow_results(self.pod.store.tenant, 50)

    async def has_begun(self) -> bool:
        return (await self.found()).has_begun

    async def wait_until_compared(self, requests: int) -> ShadowResults:
        """Wait until `requests` requests were compared, or could not be; return the results."""

        async def enough() -> ShadowResults | None:
            found = await self.found()
            return found if found.compared + found.not_compared >= requests else None

        return await eventually(enough, what=f"{requests} requests to be compared")

    async def book_of(self, store: TenantStore) -> list[str]:
        rows = await self.pod.db.fetch(
            """SELECT service || ' ' || staff || ' ' || starts_at || ' ' || status AS text FROM appointments
               WHERE tenant = $1 AND status <> 'held' ORDER BY 1""",
            store.tenant,
        )
        return [row["text"] for row in rows]

    async def wait_until_equal(self) -> None:
        """Wait until both books are equal: the copy of the live pod's bookings is there."""

        async def equal() -> bool:
            return await self.book_of(self.pod.store) == await self.book_of(self.shadow.store)

        await eventually(equal)


async def make_shadow_pod(database: Database, pod: TenantPod, folder: Path, config: TenantConfig) -> TenantPod:
    """Create the shadow of a pod's tenant, and its pod's mounted files."""
    ids = await database.admin.ensure_shadow(pod.store.tenant, pod.store.uid, PASSWORD, 10)
    tenant = shadow_name(pod.store.tenant)
    role, dsn = database.admin.role_name(tenant), database.admin.tenant_dsn(tenant, PASSWORD)
    shadow = TenantPod(folder, TenantStore(tenant, pod.store.uid, role, dsn, {}), pod.session, pod.db)
    (folder / "credentials").mkdir(parents=True)
    (folder / "token").write_text("token")
    (folder / "tenant.json").write_text(encode(shadow_config(config, ids)))
    for name, value in (("DATABASE_URL", dsn), ("retell-api-key", KEY), ("calcom-api-key", "none")):
        shadow.write_credential(name, value)
    return shadow


@asynccontextmanager
async def running_shadow(
    database: Database,
    pod: TenantPod,
    folder: Path,
    config: TenantConfig,
    change: Callable[[TenantConfig], TenantConfig] = lambda config: config,
    faults: FaultPoints | None = None,
) -> AsyncIterator[ShadowEnvironment]:
    """Run the shadow of a running pod, whose config copies requests.

    The shadow's version differs from the pod's by `faults`, and by `change`, which alters its config as another reading of the
    same manifests would.
    """
    stop, started = asyncio.Event(), asyncio.Event()
    shadow = await make_shadow_pod(database, pod, folder, config)
    calendar_port = free_port()
    text = (folder / "tenant.json").read_text().replace("127.0.0.1:8092", f"127.0.0.1:{calendar_port}")
    shadow.write_config(change(decode(text)))

    async def run_web() -> None:
        async with open_process(shadow.settings(), "web", 3, SystemClock(), faults or FaultPoints(), stop) as process:
            shadow.web = WebProcess(process)
            await shadow.web.run(stop, lambda _: started.set())

    web = asyncio.create_task(run_web())
    await started.wait()
    settings = ShadowSettings(
        config_file=folder / "tenant.json",
        credentials_dir=folder / "credentials",
        live_credentials_dir=pod.folder / "credentials",
        bind_address="127.0.0.1",
        public_port=shadow.web.public_port,
        calendar_port=calendar_port,
    )
    replaying = asyncio.create_task(run_shadow(settings, stop))
    environment = ShadowEnvironment(pod, shadow, database)
    try:
        await eventually(environment.has_begun, what="the first copy")
        yield environment
    finally:
        stop.set()
        await asyncio.gather(web, replaying)
