"""`python -m tests.load.tenant_page`: what a tenant's page costs: its views, what is new on an open page, and many open pages.

The tenant has 10,000 appointments and has had 500 calls in the last 24 hours. Its web process runs as in a pod, and is asked over
HTTP; Chromium paints the day if there is one.
"""

import asyncio
import os
import statistics
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import aiohttp
import asyncpg

from askproai_sandbox.cluster import Child
from tests.load.environment import LoadEnvironment, open_environment
from tests.load.measure import Row, cpu_seconds, percentile
from tests.load.table import run_alone
from tests.worlds.chromium import PROGRAM, browsing
from tests.worlds.grown_tenant import Size, grow
from tests.worlds.page_visitor import Visitor, visiting

TOKEN = "token-of-the-page"
SIZE = Size(events=1_500, appointments=10_000, customers=1_000)
VIEWS = ("/", "/week", "/calls", "/failures", "/figures")
TIMES, CHANGES, PAGES = 30, 20, 100
QUIET_SECONDS = BUSY_SECONDS = 20
BAR_MS, BAR_CORE_PERCENT = 200, 10
_CALL = """
INSERT INTO calls (tenant, call_id, branch, status, started_at, correlation_id) VALUES ($1, $2, 'mitte', 'ongoing', now(), $2)
"""


@dataclass(frozen=True)
class _Address:
    """The part of a pod that a visitor needs."""

    private_url: str


async def measure(directory: Path) -> list[Row]:
    async with open_environment(directory) as environment:
        environment.mount()
        await grow(environment.db, environment.store, SIZE)
        today = "UPDATE calls SET started_at = now() - random() * interval '24 hours' WHERE tenant = $1"
        await environment.db.execute(today, environment.store.tenant)
        await environment.db.execute("ANALYZE")
        (directory / "token").write_text(TOKEN)
        os.environ["ASKPROAI_ADMIN_TOKEN_FILE"] = str(directory / "token")
        async with environment.running("web") as web:
            url = f"http://127.0.0.1:{environment.ports['PRIVATE']}"
            async with visiting(_Address(url)) as visitor:  # type: ignore[arg-type]  # of a pod it asks the address alone
                assert await visitor.log_in(TOKEN) == 303
                rows = [row for path in VIEWS for row in await _view(visitor, path)]
                rows += await _news(environment, visitor)
                if PROGRAM is not None:
                    rows += await _chromium(environment, directory, visitor)
                return rows + await _many(environment, visitor, web)


async def _view(visitor: Visitor, path: str) -> list[Row]:
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        status, text, _ = await visitor.get(path)
        times.append((time.perf_counter() - began) * 1000)
        assert status == 200, text
    return [Row(f"HTML of {path}, p50", percentile(times, 50)), Row(f"HTML of {path}, p95", percentile(times, 95))]


async def _news(environment: LoadEnvironment, visitor: Visitor) -> list[Row]:
    """Measure from the commit of a call to the event at an open page."""
    times = []
    async with visitor.session.get(f"{visitor.pod.private_url}/live", timeout=_no_limit()) as stream:
        await _until_event(stream, b"calls")
        for _ in range(CHANGES):
            await _add_call(environment.db, environment.store.tenant, f"call_{uuid4().hex}")
            began = time.perf_counter()
            await _until_event(stream, b"calls")
            times.append((time.perf_counter() - began) * 1000)
    return [Row("commit → event at an open page, p95", percentile(times, 95), bar=1000, wish="< 200 ms")]


async def _chromium(environment: LoadEnvironment, directory: Path, visitor: Visitor) -> list[Row]:
    """Measure until Chromium paints a view, and from the commit of a call to the frame that shows it."""
    painted, shown, page = [], [], visitor.pod.private_url
    async with browsing(directory / "profile") as browser:
        await browser.open(page + "/login")
        for name, value in visitor.cookies().items():
            await browser.send("Network.setCookie", name=name, value=value, url=page)
        for _ in range(9):
            await browser.open(page + "/week")
            script = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
            painted.append(float(await browser.wait_for(script)))
            await browser.open("about:blank")
        await browser.open(page + "/calls")
        for _ in range(CHANGES):
            row = f"#c-call_{uuid4().hex}"
            await browser.note_first_frame(row)
            await _add_call(environment.db, environment.store.tenant, row.removeprefix("#c-"))
            committed = time.time()
            shown.append((await browser.first_frame(row) - committed) * 1000)
    return [
        Row("Chromium: first paint of /week, middle of 9", statistics.median(painted), wish=f"< {BAR_MS} ms"),
        Row("commit → row visible in Chromium, p50", percentile(shown, 50)),
        Row("commit → row visible in Chromium, p95", percentile(shown, 95), bar=1000),
    ]


async def _many(environment: LoadEnvironment, visitor: Visitor, web: Child) -> list[Row]:
    """Measure the CPU of the web process with many open pages: when nothing happens, and with a call each second.

    After each event a page asks for its view again, as htmx does.
    """
    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(limit=0)
        session = await stack.enter_async_context(
            aiohttp.ClientSession(
                connector=connector, cookies=visitor.cookies(), cookie_jar=aiohttp.CookieJar(unsafe=True)
            )
        )
        opened = asyncio.Semaphore(0)

        async def page() -> None:
            async with session.get(f"{visitor.pod.private_url}/live", timeout=_no_limit()) as stream:
                await _until_event(stream, b"calls")
                opened.release()
                while True:
                    await _until_event(stream, b"calls")
                    async with session.get(f"{visitor.pod.private_url}/calls") as view:
                        await view.read()

        tasks = [asyncio.create_task(page()) for _ in range(PAGES)]
        try:
            async with asyncio.timeout(60):
                for _ in range(PAGES):
                    await opened.acquire()
            quiet = await _share(web, QUIET_SECONDS)
            calls = asyncio.create_task(_ring(environment))
            busy = await _share(web, BUSY_SECONDS)
            calls.cancel()
            alive = sum(not task.done() for task in tasks)
            assert alive == PAGES, f"{PAGES - alive} pages ended"
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return [
        Row(f"{PAGES} open pages, nothing happens: web process", quiet, "% of a core", bar=BAR_CORE_PERCENT),
        Row(f"{PAGES} open pages, a call every 10 s: web process", busy, "% of a core", wish=f"< {BAR_CORE_PERCENT} %"),
    ]


async def _ring(environment: LoadEnvironment) -> None:
    while True:
        await _add_call(environment.db, environment.store.tenant, f"call_{uuid4().hex}")
        await asyncio.sleep(10)


async def _share(process: Child, seconds: float) -> float:
    """Return the share of a core that a process used, in percent."""
    before, began = cpu_seconds(process), time.perf_counter()
    await asyncio.sleep(seconds)
    return (cpu_seconds(process) - before) / (time.perf_counter() - began) * 100


async def _add_call(db: asyncpg.Connection, tenant: str, call_id: str) -> None:
    await db.execute(_CALL, tenant, call_id)


async def _until_event(stream: aiohttp.ClientResponse, subject: bytes) -> None:
    while await stream.content.readline() != b"event: " + subject + b"\n":
        if stream.content.at_eof():
            raise ConnectionResetError


def _no_limit() -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None)


if __name__ == "__main__":
    run_alone(measure, {"appointments": SIZE.appointments, "calls a day": SIZE.calls})
