"""What metrics and logs cost the intake: capacity and CPU time of an event without both and with both, by turns.

With them is the product as it is, at log level info, its log a file, scraped each 2 s (the chart: 30 s).
Without them nothing is counted (`tests/load/unobserved.py`), nothing below an error is logged, and nobody scrapes.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from askproai_sandbox.cluster import Child
from tests.load.by_turns import compare_by_turns
from tests.load.environment import LoadEnvironment
from tests.load.measure import Row

_SCRAPE_SECONDS = 2


async def observed_rows(env: LoadEnvironment) -> list[Row]:
    """Run the web process by turns without and with metrics and logs, and compare."""
    program = (sys.executable, "-m", "tests.load.unobserved", "web")
    running = {
        False: lambda: env.running("web", program=program, LOG_LEVEL="error"),
        True: lambda: _scraped(env),
    }
    found = await compare_by_turns(env, "observed", running)
    return [
        Row("intake capacity with metrics and logs ÷ without", found.capacity, "×", "≥ 0.90"),
        Row("… CPU time of an event without metrics and logs", found.costs[False] * 1e6, "µs"),
        Row("… with both", found.costs[True] * 1e6, "µs"),
        Row("… ratio", found.cost, "×", "≤ 1.10"),
    ]


@asynccontextmanager
async def _scraped(env: LoadEnvironment) -> AsyncIterator[Child]:
    """Run the web process as a pod does, and read its metrics meanwhile."""
    url = f"http://127.0.0.1:{env.ports['METRICS']}/metrics"

    async def scrape() -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.get(url) as answer:
                    assert "askproai_webhooks_received_total" in await answer.text()
                await asyncio.sleep(_SCRAPE_SECONDS)

    async with env.running("web", LOG_LEVEL="info") as web:
        scraping = asyncio.create_task(scrape())
        try:
            yield web
            assert not scraping.done(), "the metrics could not be read"
        finally:
            scraping.cancel()
            await asyncio.gather(scraping, return_exceptions=True)
