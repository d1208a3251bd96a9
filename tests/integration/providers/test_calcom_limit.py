"""Pods and operator with one key stay below what Cal.com accepts, however much both have to send (calcom 24981, 23414)."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import aiohttp
import pytest

from askproai_core.clock import FixedClock
from askproai_core.provider_limits.request_budget import Bucket
from askproai_operator.providers import ProviderClients, RateLimited
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.simulator import serve

STEP = timedelta(milliseconds=200)
PER_MINUTE, AT_ONCE, IN_TWO_SECONDS = 120, 20, 2.0
KEY = "cal_busy"
# As `RequestBudget` uses them for 75 a minute: one bucket in Redis, else one of each process with a share.
PODS = {"Redis": [(800, 7)], "no Redis": [(3200, 3)] * 4}


def most_within(times: list[float], seconds: float) -> int:
    """Return the most requests in any sliding window."""
    return max(sum(began <= at < began + seconds for at in times) for began in times)


@pytest.mark.parametrize("pods", PODS)
async def test_the_sum_of_pods_and_operator_stays_below_calcoms_limit(pods: str) -> None:
    """The leader changes in the middle: the new one begins with a full bucket."""
    clock, times = FixedClock(datetime(2026, 11, 20, 9, tzinfo=UTC)), []
    buckets, simulator = [Bucket() for _ in PODS[pods]], CalcomSimulator(clock)
    async with (
        serve(simulator) as url,
        aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {KEY}"}) as session,
        ProviderClients(clock) as first,
        ProviderClients(clock) as second,
    ):
        for step in range(900):  # three minutes
            operator = (first if step < 450 else second).calcom(url, KEY)
            now = int(clock.monotonic() * 1000)
            for bucket, (interval, depth) in zip(buckets, PODS[pods], strict=True):
                while bucket.take(now, interval, depth, 0, queued=False)[0]:
                    async with session.get("/v2/webhooks") as response:
                        assert response.status == 200
                    times.append(now / 1000)
            for send in (operator.list_webhooks, partial(operator.delete_webhook, "none")):
                with suppress(RateLimited):  # by its own budget: Cal.com has answered no 429, as asserted below
                    while True:
                        sent = clock.monotonic()
                        await send()
                        times.append(sent)
            clock.advance(STEP)
    assert len(simulator.journal.entries) == len(times)
    assert all(entry["status"] != 429 for entry in simulator.journal.entries)
    assert 80 <= most_within(times, 60) < PER_MINUTE, "both do get their part"
    assert most_within(times, IN_TWO_SECONDS) < AT_ONCE + 10 * (pods == "no Redis")
