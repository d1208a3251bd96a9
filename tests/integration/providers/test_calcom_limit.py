"""Pods and operator with one key send at most 100 requests in any minute, however much both have to send (calcom 24981, 23414)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import aiohttp
import pytest

from askproai_core.provider_limits import BudgetSpent, RedisUnavailable, RequestBudget, Script
from askproai_core.provider_limits.request_budget import Bucket
from askproai_core.provider_names import CalendarProvider
from askproai_core.providers import RateLimited
from askproai_core.tenant_config.config import CalendarConfig
from askproai_operator.providers import ProviderClients
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.simulator import serve
from tests.worlds.clock import FixedClock

pytestmark = pytest.mark.nightly

STEP, STEPS = timedelta(milliseconds=200), 1000  # more than three minutes
MOST_IN_A_MINUTE, AT_ONCE, IN_TWO_SECONDS = 100, 20, 2.0
KEY = "cal_busy"
NEVER = STEPS


@dataclass
class RedisOfTheClock:
    """Redis, whose clock is the test's: the script's rules are those of `Bucket` (`redis/test_request_budget.py` holds both)."""

    clock: FixedClock
    is_there: bool = True
    buckets: dict[str, Bucket] = field(default_factory=dict)

    def key(self, *parts: object) -> str:
        return ":".join(map(str, parts))

    async def execute(self, *command: object) -> Any:
        raise NotImplementedError(command)

    async def run(self, _script: Script, keys: Sequence[str], args: Sequence[Any]) -> Any:
        if not self.is_there:
            raise RedisUnavailable
        interval, depth, longest, queued, *_ = args
        bucket = self.buckets.setdefault(keys[0], Bucket())
        return bucket.take(int(self.clock.monotonic() * 1000), interval, depth, longest, queued=bool(queued))


def most_within(times: list[float], seconds: float) -> int:
    """Return the most requests in any sliding window."""
    return max(sum(began <= at < began + seconds for at in times) for began in times)


async def send_all(send: Callable[[], Awaitable[object]], clock: FixedClock, times: list[float]) -> None:
    """Send as many requests as the sender's own budget admits now. Cal.com answers no 429, as is asserted below."""
    with suppress(RateLimited, BudgetSpent):
        while True:
            sent = clock.monotonic()
            await send()
            times.append(sent)


@pytest.mark.parametrize(
    ("redis_goes", "redis_comes", "leader_changes"),
    [
        pytest.param(NEVER, NEVER, 200, id="Redis"),
        pytest.param(0, NEVER, 200, id="no Redis"),
        pytest.param(150, 600, NEVER, id="Redis goes and comes back"),
    ],
)
async def test_all_processes_send_100_requests_per_minute_together(redis_goes, redis_comes, leader_changes) -> None:
    """Two pods, with two processes each, and the operator have more to send all the time.

    In the minute that begins with full buckets the leader changes, or Redis goes; the next taker has a full bucket, too.
    """
    clock, times = FixedClock(datetime(2026, 11, 20, 9, tzinfo=UTC)), list[float]()
    simulator, redis = CalcomSimulator(clock), RedisOfTheClock(clock)
    per_minute = CalendarConfig(provider=CalendarProvider.CALCOM).requests_per_minute
    web, workers = (
        [RequestBudget(redis, clock, "calcom", lambda: per_minute, for_callers=callers) for _ in range(2)]
        for callers in (True, False)
    )
    async with (
        serve(simulator) as url,
        aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {KEY}"}) as session,
        ProviderClients(clock) as first,
        ProviderClients(clock) as second,
    ):

        async def ask(budget: RequestBudget) -> None:
            # Each job has a task of its own; the caller has no time to wait.
            await asyncio.create_task(budget.take(0.0))
            async with session.get("/v2/webhooks") as response:
                assert response.status == 200

        for step in range(STEPS):
            redis.is_there = not redis_goes <= step < redis_comes
            operator = (first if step < leader_changes else second).calcom(url, KEY)
            senders = [operator.list_webhooks, partial(operator.delete_webhook, "none")]
            for send in (*(partial(ask, budget) for budget in (*web, *workers)), *senders):
                await send_all(send, clock, times)
            clock.advance(STEP)
    assert len(simulator.journal.entries) == len(times)
    assert all(entry["status"] != 429 for entry in simulator.journal.entries)
    assert 90 <= most_within(times, 60) <= MOST_IN_A_MINUTE, "all do get their part"
    assert most_within(times, IN_TWO_SECONDS) < AT_ONCE
