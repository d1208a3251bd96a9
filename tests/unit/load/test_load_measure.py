"""The arithmetic of `make bench`: a wrong percentile, or a schedule that waits for answers, would falsify every number."""

import asyncio
import importlib
import json
import random

import pytest
from aiohttp import web

from askproai_core.http_server import start_server
from tests.load.events import PATH, body, event_id, request
from tests.load.measure import Row, due_times, latency_rows, percentile
from tests.load.sender import send_on_schedule

pytestmark = pytest.mark.nightly


@pytest.mark.parametrize("module", ["bench", "environment", "idle", "calls", "events", "sender"])
def test_every_part_of_the_bench_can_be_imported(module: str) -> None:
    """Neither mypy nor another test imports them: a renamed symbol would first be noticed by whoever runs `make bench`."""
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


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_a_percentile_of_nothing_is_an_error(values: list[float], percent: float) -> None:
    with pytest.raises(ValueError, match="no percentile"):
        percentile(values, percent)


@pytest.mark.parametrize(("rate", "seconds", "count"), [(100, 30, 3000), (3, 1, 3), (10, 0.3, 3), (0.5, 1, 0)])
def test_the_schedule_has_each_request_once_at_even_distances(rate: float, seconds: float, count: int) -> None:
    assert due_times(rate, seconds) == [n / rate for n in range(count)]


def test_only_a_row_with_a_bar_decides() -> None:
    assert Row("ack", 49.9, bar=50).ok is True
    assert Row("ack", 50.0, bar=50).ok is False
    assert Row("errors", 0, "", bar=0).ok is True
    assert Row("errors", 1, "", bar=0).ok is False
    assert Row("book", 10_000, wish="< 200 ms").ok is None


def test_rows_of_latencies_are_in_milliseconds_and_the_last_has_the_wish() -> None:
    median, p95 = latency_rows("book", [0.010, 0.020, 0.030], 50, 95, wish="< 200 ms")
    assert (median.name, median.value, median.wish) == ("book, p50", pytest.approx(20), "")
    assert (p95.name, p95.value, p95.wish) == ("book, p95", pytest.approx(30), "< 200 ms")


def test_events_are_distinct_and_have_the_ids_under_which_the_runtime_stores_them() -> None:
    sent = [json.loads(body("run", number)) for number in range(30)]
    names = [f"{event['call']['call_id']}:{event['event']}" for event in sent]
    assert names == [event_id("run", number) for number in range(30)]
    assert len(set(names)) == 30
    head, _, text = request("run", 1).partition(b"\r\n\r\n")
    assert text == body("run", 1)
    assert f"Content-Length: {len(text)}\r\n".encode() in head


async def test_a_server_that_stalls_is_charged_for_every_request_that_was_due_meanwhile() -> None:
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
