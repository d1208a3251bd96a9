"""The bucket of requests to a provider: the same rules in Redis and in a process."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from askproai_core.clock import SystemClock
from askproai_core.provider_limits import BudgetSpent, RequestBudget
from askproai_core.provider_limits.request_budget import _JOB_SHARE, _LONGEST_TURN, _TAKE, Bucket, pace
from askproai_runtime.redis.client import RedisClient
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.tenant_redis import create_tenant_user, is_available, tenant_client
from tests.worlds.waiting import stopwatch

pytestmark = pytest.mark.nightly

Take = Callable[..., Awaitable[tuple[bool, int]]]
INTERVAL = 400  # ms: longer than a slow machine's delay between two steps


@pytest.fixture(params=["shared", "local"])
def take(request: pytest.FixtureRequest, shared: RedisClient) -> Take:
    bucket = Bucket()

    async def of_process(depth: int, longest: int = 0, *, queued: bool = False, share: int = 0) -> tuple[bool, int]:
        now = time.monotonic_ns() // 1_000_000
        return bucket.take(now, INTERVAL, depth, longest, queued=queued, share=share)

    async def of_redis(depth: int, longest: int = 0, *, queued: bool = False, share: int = 0) -> tuple[bool, int]:
        args = [INTERVAL, depth, longest, int(queued), _LONGEST_TURN, 60_000, share, _JOB_SHARE]
        granted, wait = await shared.run(_TAKE, [shared.key("budget", "x")], args)
        return bool(granted), wait

    return of_redis if request.param == "shared" else of_process


async def test_used_request_budget_refills_by_one_per_interval(take: Take) -> None:
    assert [await take(4) for _ in range(4)] == [(True, 0)] * 4
    granted, wait = await take(4)
    assert (granted, 0 < wait <= INTERVAL) == (False, True)
    await asyncio.sleep(wait / 1000 + 0.01)
    assert [granted for granted, _ in [await take(4), await take(4)]] == [True, False]


async def test_smaller_share_leaves_the_remaining_budget_to_others(take: Take) -> None:
    assert [(await take(2))[0] for _ in range(3)] == [True, True, False]
    assert [(await take(4))[0] for _ in range(3)] == [True, True, False]


async def test_reserved_request_token_is_given_only_once(take: Take) -> None:
    assert (await take(1))[0]
    (first, first_wait), (second, second_wait) = await take(1, 2 * INTERVAL), await take(1, 2 * INTERVAL)
    assert (first, second) == (True, True)
    assert 0 < first_wait <= INTERVAL < second_wait <= 2 * INTERVAL
    assert not (await take(1, 2 * INTERVAL))[0]


async def test_each_queued_request_gets_its_own_turn(take: Take) -> None:
    assert (await take(1))[0]
    waits = [wait for granted, wait in [await take(1, queued=True) for _ in range(5)] if not granted]
    assert 0 < waits[0] <= INTERVAL
    between = [later - earlier for earlier, later in itertools.pairwise(waits)]
    assert len(between) == 4
    assert all(INTERVAL / 2 < each <= INTERVAL for each in between), "the turns are fixed while time goes on"
    assert (await take(1))[1] <= INTERVAL, "who is not queued does not wait for the turns of others"


async def test_turn_of_a_job_comes_within_ten_minutes(take: Take) -> None:
    """A job that retries early reserves another turn. Without a bound, all jobs would wait for hours while nothing is sent."""
    waits = [(await take(1, queued=True))[1] for _ in range(2 * _LONGEST_TURN // INTERVAL)]
    assert 0.9 * _LONGEST_TURN < max(waits) <= _LONGEST_TURN + INTERVAL
    assert waits[-1] < _LONGEST_TURN


async def test_idle_job_reserves_the_next_optional_token(take: Take) -> None:
    """The bucket has 7: an optional request of a caller takes one of the upper 5, a job one of the upper 3."""
    assert (await take(3, share=5))[0], "the last one of a job"
    assert [(await take(5))[0] for _ in range(5)] == [True] * 4 + [False]
    assert not (await take(3, share=5))[0], "it was just now"
    end = time.monotonic() + (_JOB_SHARE + 0.5) * INTERVAL / 1000
    while time.monotonic() < end:
        await take(5)
        await asyncio.sleep(INTERVAL / 4000)
    assert not (await take(3))[0], "callers take each token that comes before a job can"
    granted, wait = await take(3, share=5)
    assert (granted, wait <= INTERVAL) == (True, True)
    assert not (await take(5))[0], "it is the job's"
    assert (await take(7))[0], "bookings find what is left for them"
    assert not (await take(3, share=5))[0], "one in so many intervals"


async def test_job_may_not_use_the_bookings_share(take: Take) -> None:
    for _ in range(7):
        await take(7)
    granted, wait = await take(3, share=5)
    assert (granted, wait > INTERVAL) == (False, True)


async def test_redis_key_expires_once_the_bucket_is_full(shared: RedisClient) -> None:
    budget = RequestBudget(shared, SystemClock(), "x", lambda: 70, for_callers=True)
    assert await budget.take(4.0) == 4.0
    assert 0 < await shared.execute("PTTL", shared.key("budget", "x")) <= 2000


async def test_caller_loses_at_most_half_the_remaining_time(shared: RedisClient) -> None:
    budget = RequestBudget(shared, SystemClock(), "x", lambda: 22, for_callers=True)  # one in three seconds
    for _ in range(2):
        await budget.take(4.0)
    async with stopwatch() as seconds:
        with pytest.raises(BudgetSpent) as spent:
            await budget.take(4.0)
        assert seconds() < 0.5
    assert timedelta(seconds=1) < spent.value.retry_after <= timedelta(seconds=3)


async def test_process_without_redis_has_its_own_share(own_valkey: EmbeddedRedis, tenant: str) -> None:
    shared = tenant_client(await create_tenant_user(own_valkey, tenant), tenant)
    budget = RequestBudget(shared, SystemClock(), "x", lambda: 70, for_callers=False)
    assert await is_available(shared)
    await own_valkey.kill()
    assert not await is_available(shared)
    results = await asyncio.gather(*(budget.take(4.0) for _ in range(6)), return_exceptions=True)
    assert [isinstance(result, BudgetSpent) for result in results] == [False, *[True] * 5]
    await shared.close()


async def test_optional_requests_leave_two_tokens_for_bookings(shared: RedisClient) -> None:
    budget = RequestBudget(shared, SystemClock(), "optional", lambda: 70, for_callers=True)
    assert [await budget.take(1, optional=True) for _ in range(5)] == [1] * 5
    with pytest.raises(BudgetSpent):
        await budget.take(1, optional=True)
    assert [await budget.take(0.2) for _ in range(2)] == [0.2] * 2


async def test_optional_request_of_a_job_takes_no_turn(shared: RedisClient) -> None:
    """It would delay the turns of jobs that bring appointments to the calendar."""
    budget = RequestBudget(shared, SystemClock(), "turns", lambda: 70, for_callers=False)
    for _ in range(2):
        await budget.take(1, optional=True)
    for _ in range(3):
        with pytest.raises(BudgetSpent) as spent:
            await budget.take(1, optional=True)
        assert spent.value.retry_after <= timedelta(seconds=1)


async def test_optional_requests_leave_one_token_for_jobs(shared: RedisClient) -> None:
    """A cancellation reached Cal.com late: free times were read anew after each event, and took every token that came."""
    budget = RequestBudget(shared, SystemClock(), "turns", lambda: 70, for_callers=False)
    optional = [await _is_granted(budget, optional=True) for _ in range(4)]
    assert optional == [True, True, False, False]
    assert await _is_granted(budget)


async def test_job_gets_its_share_beside_optional_requests(shared: RedisClient) -> None:
    """A cancellation waited for more than half a minute while callers asked for free times, which took every token that came."""
    callers = RequestBudget(shared, SystemClock(), "share", lambda: 200, for_callers=True)
    jobs = RequestBudget(shared, SystemClock(), "share", lambda: 200, for_callers=False)
    interval, burst = pace(200)

    async def ask_all_the_time() -> None:
        while True:
            await _is_granted(callers, optional=True)
            await asyncio.sleep(interval / 8000)

    asking = asyncio.create_task(ask_all_the_time())
    granted = 0
    async with asyncio.timeout((burst + 20 * _JOB_SHARE) * interval / 1000):
        while granted < 5:
            granted += await asyncio.create_task(_is_granted(jobs))
            await asyncio.sleep(interval / 1000)
    assert await _is_granted(callers), "a booking"
    asking.cancel()


async def _is_granted(budget: RequestBudget, *, optional: bool = False) -> bool:
    try:
        await budget.take(1, optional=optional)
    except BudgetSpent:
        return False
    return True


@pytest.mark.parametrize("for_callers", [True, False])
async def test_redis_clock_set_back_delays_requests_only_briefly(shared: RedisClient, *, for_callers: bool) -> None:
    """After a failover, too, the clock may be behind the one by which the bucket was written."""
    budget = RequestBudget(shared, SystemClock(), "back", lambda: 70, for_callers=for_callers)
    an_hour_ahead = int((time.time() + 3600) * 1000)
    await shared.execute("HSET", shared.key("budget", "back"), "full_at", an_hour_ahead)
    with pytest.raises(BudgetSpent) as spent:
        await budget.take(4.0)
    assert spent.value.retry_after <= timedelta(seconds=8)


@pytest.mark.parametrize("per_minute", [*range(1, 200), 600, 6000])
def test_full_bucket_with_minutes_refill_equals_the_limit(per_minute: int) -> None:
    interval, burst = pace(per_minute)
    bucket = Bucket()
    times = [*[0] * burst, *range(60_000)]
    granted = sum(bucket.take(now, interval, burst, 0, queued=False)[0] for now in times)
    assert 0.9 * per_minute - 1 <= granted <= max(per_minute, 3)
