"""The arithmetic of `make bench`: a wrong percentile, or a load that waits for answers, would falsify every number."""

import asyncio
import importlib
import json
import random

import pytest
from aiohttp import web

from askproai_core.http_server import start_server
from tests.load.events import PATH, body, event_id, request
from tests.load.measure import percentile
from tests.load.sender import send_on_schedule

pytestmark = pytest.mark.nightly


@pytest.mark.parametrize("module", ["bench", "fleet_page", "scale.__main__", "tenant_page"])
def test_every_part_of_the_bench_can_be_imported(module: str) -> None:
    """Neither mypy nor another test imports them: a renamed symbol would first be noticed at the next measurement."""
    importlib.import_module(f"tests.load.{module}")


@pytest.mark.parametrize(
    ("count", "percent", "expected"),
    [
        (1, 99, 1),
        (4, 25, 1),
        (10, 99, 10),
        (100, 50, 50),
        (100, 99, 99),
        (100, 100, 100),
        (101, 50, 51),
        (3000, 99, 2970),
    ],
)
def test_a_percentile_is_the_nearest_rank(count: int, percent: float, expected: int) -> None:
    values = list(range(1, count + 1))
    random.Random(1).shuffle(values)
    assert percentile(values, percent) == expected


def test_bench_events_are_distinct_with_the_runtimes_ids() -> None:
    sent = [json.loads(body("run", number)) for number in range(30)]
    names = [f"{event['call']['call_id']}:{event['event']}" for event in sent]
    assert names == [event_id("run", number) for number in range(30)]
    assert len(set(names)) == 30
    head, _, text = request("run", 1).partition(b"\r\n\r\n")
    assert text == body("run", 1)
    assert f"Content-Length: {len(text)}\r\n".encode() in head


async def test_stalled_server_is_charged_for_all_due_requests() -> None:
    """No coordinated omission: one stall of 0.3 s at 100/s makes some thirty answers late, not one."""
    busy = asyncio.Lock()
    stalls = iter([0.3])

    async def answer(_request: web.Request) -> web.Response:
        async with busy:
            await asyncio.sleep(next(stalls, 0))
        return web.json_response({"status": "accepted"})

    app = web.Application()
    app.router.add_post(PATH, answer)
    runner, port = await start_server(app, "127.0.0.1", 0, grace_seconds=1)
    try:
        result = await send_on_schedule(f"http://127.0.0.1:{port}", "stall", 0.5, 100)
    finally:
        await runner.cleanup()
    assert (len(result.acknowledged), sum(result.errors.values())) == (50, 0)
    assert sum(latency > 0.1 for latency in result.latencies) >= 15
    assert max(result.latencies) >= 0.3
