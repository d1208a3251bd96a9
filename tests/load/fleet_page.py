"""`python -m tests.load.fleet_page`: how long the fleet's page takes with many tenants. Options: `--help`.

A real API server has a Tenant, a Branch, an agent and services of each, with statuses as the operator writes them; PostgreSQL has
the rows of the coordinator. The page is served by this process, so its memory is measured, too; Chromium paints it if there is one.
"""

import argparse
import asyncio
import gc
import os
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from askproai_core.api_resource import AGENTS, BRANCHES, OFFERINGS, TENANTS
from askproai_core.database import open_pool
from askproai_sandbox.cluster import ControlPlane, KubeClient
from askproai_sandbox.postgres import EmbeddedPostgres
from tests.load.measure import Row, percentile
from tests.load.table import run_alone
from tests.worlds.chromium import PROGRAM, Browser, browsing
from tests.worlds.databases import fresh_database
from tests.worlds.fleet_page_environment import TOKEN, condition, create, fleet_page
from tests.worlds.page_visitor import Visitor, visiting
from tests.worlds.waiting import eventually

CRDS = Path(__file__).parents[2] / "crds"
AT_ONCE, TIMES, SERVICES = 16, 30, 4
BAR_MS = 500
TENANT_TYPES = (
    "Ready", "CredentialsValid", "DatabaseReady", "CacheReady", "EventsSpooled", "RolloutHealthy", "RuntimeAvailable", "Exposed",
    "WebhooksRegistered", "CalendarSynced", "AppointmentsFit", "MonitoringReady",
)  # fmt: skip


async def create_fleet(client: KubeClient, tenants: int) -> None:
    """Create the tenants, each in a namespace of its own: one of fifty is not Ready, one of fifty has no budget left."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def salon(number: int) -> None:
        async with turns:
            name = f"salon-{number:04}"
            await client.create("/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": name}})
            bad = condition(status="False", reason="CredentialsInvalid", message="put a valid key into the Secret")
            ready = bad if number % 50 == 0 else condition()
            status = {
                "conditions": [ready, *(condition(each) for each in TENANT_TYPES[1:])], "calls24h": number % 97,
                "bookingSuccessPercent": "97.4", "errorBudgetPercent": "0.0" if number % 50 == 1 else "61.0", "release": "0.1.0",
            }  # fmt: skip
            few = {"conditions": [condition(each) for each in TENANT_TYPES[:4]]}
            await create(client, TENANTS, name, "salon", status, displayName=f"Salon {number:04} am Markt")
            await create(client, BRANCHES, name, "mitte", few, tenantRef={"name": "salon"})
            await create(client, AGENTS, name, "mitte", few, branchRef={"name": "mitte"})
            for service in range(SERVICES):
                await create(client, OFFERINGS, name, f"schnitt-{service}", few, branchRef={"name": "mitte"})

    await asyncio.gather(*(salon(number) for number in range(tenants)))


async def measure(directory: Path, tenants: int) -> list[Row]:
    server = EmbeddedPostgres(directory / "postgres")
    await server.start()
    try:
        async with ControlPlane(directory / "plane") as plane, fresh_database(server) as database:
            await plane.kubectl("apply", "--server-side", "-f", str(CRDS))
            await plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(CRDS))
            await database.admin.ensure_coordinator("password")
            async with KubeClient(plane.kubeconfig) as client:
                await create_fleet(client, tenants)
                dsn = database.admin.coordinator_dsn("password")
                async with open_pool(dsn, max_size=1) as pool:
                    return await _measure_page(directory, plane.kubeconfig, client, pool, tenants)
    finally:
        await server.remove()


async def _measure_page(directory: Path, kubeconfig: Path, client: KubeClient, pool: Any, tenants: int) -> list[Row]:
    gc.collect()
    before, began = _resident(), time.perf_counter()
    async with (
        fleet_page(kubeconfig, "askproai-system", directory / "secrets", pool) as page,
        visiting(page) as visitor,
    ):
        await visitor.log_in(TOKEN)

        async def all_there() -> bool:
            return f">{tenants}<" in (await visitor.get("/"))[1]

        await eventually(all_there, 120, "all tenants", every=0.05)
        complete = (time.perf_counter() - began) * 1000
        gc.collect()
        rows = [
            Row("start of the process → all tenants are on the page", complete),
            Row("memory of the page (resident)", _resident() - before, "MB"),
        ]
        for name, path in (
            ("the 100 worst", "/"), ("all rows", "/?rows=all"), ("a search", "/?q=salon-07"),
            ("one tenant", "/tenants/salon-0000/salon"),
        ):  # fmt: skip
            times, size = await _times(visitor, path)
            rows.append(Row(f"HTML of {name}, p50", percentile(times, 50)))
            rows.append(Row(f"HTML of {name}, p95", percentile(times, 95), bar=BAR_MS))
            rows.append(Row(f"HTML of {name}, size", size / 1000, "kB"))
        rows.append(Row("a status that changes → event at the open page", await _live(visitor, client), bar=1000))
        if PROGRAM is not None:
            rows += await _paint(directory, visitor)
        return rows


async def _times(visitor: Visitor, path: str) -> tuple[list[float], int]:
    times, size = [], 0
    for _ in range(TIMES):
        began = time.perf_counter()
        status, text, _ = await visitor.get(path)
        times.append((time.perf_counter() - began) * 1000)
        assert status == 200, text
        size = len(text.encode())
    return times, size


async def _live(visitor: Visitor, client: KubeClient) -> float:
    async with visitor.session.get(f"{visitor.pod.private_url}/live", timeout=aiohttp.ClientTimeout(60)) as stream:
        await _until(stream.content.readline)
        bad = condition(status="False", reason="DatabaseUnavailable", message="why")
        path = f"{TENANTS.path('salon-0002', 'salon')}/status"
        began = time.perf_counter()
        await client.merge(path, {"status": {"conditions": [bad]}})
        await _until(stream.content.readline)
        return (time.perf_counter() - began) * 1000


async def _until(read_line: Callable[[], Awaitable[bytes]]) -> None:
    while await read_line() != b"event: tenants\n":
        pass


async def _paint(directory: Path, visitor: Visitor) -> list[Row]:
    rows = []
    async with browsing(directory / "profile") as browser:
        await browser.open(visitor.pod.private_url + "/login")
        for name, value in visitor.cookies().items():
            await browser.send("Network.setCookie", name=name, value=value, url=visitor.pod.private_url)
        for name, path in (("the 100 worst", "/"), ("all rows", "/?rows=all")):
            painted = [await _first_paint(browser, visitor.pod.private_url + path) for _ in range(5)]
            rows.append(Row(f"Chromium: first paint of {name}, middle of 5", sorted(painted)[2], bar=BAR_MS))
    return rows


async def _first_paint(browser: Browser, url: str) -> float:
    """Return the milliseconds from the click to the first content on the screen."""
    await browser.open(url)
    await browser.wait_for("document.querySelectorAll('tbody tr').length > 99")
    script = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    painted = float(await browser.wait_for(script))
    await browser.open("about:blank")
    return painted


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=1_000)
    options = parser.parse_args()
    run_alone(partial(measure, tenants=options.tenants), {"tenants": options.tenants, "services of each": SERVICES})
