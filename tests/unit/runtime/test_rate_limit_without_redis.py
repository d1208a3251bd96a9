"""The rate limit of a pod without Redis."""

from datetime import UTC, datetime, timedelta

from askproai_runtime.metrics import Metrics
from askproai_runtime.redis.client import RedisClient
from askproai_runtime.redis.rate_limiter import RateLimiter
from tests.worlds.clock import FixedClock


def limiter(clock: FixedClock) -> RateLimiter:
    return RateLimiter(RedisClient(lambda: None, "a.b", clock, Metrics("a.b")), clock, "webhooks")


async def test_without_redis_the_sliding_limit_holds_per_pod() -> None:
    clock = FixedClock(datetime(2026, 11, 20, tzinfo=UTC))
    limit = limiter(clock)
    assert [await limit.admits(3) for _ in range(4)] == [True, True, True, False]
    clock.advance(timedelta(seconds=1.2))  # 0.8 of the last second still count: 2.4
    assert [await limit.admits(3) for _ in range(2)] == [False, False]
    clock.advance(timedelta(seconds=0.2))  # 1.8
    assert [await limit.admits(3) for _ in range(2)] == [True, False]
    clock.advance(timedelta(seconds=5))
    assert [await limit.admits(3) for _ in range(4)] == [True, True, True, False]


async def test_disabled_limit_is_never_reached() -> None:
    limit = limiter(FixedClock(datetime(2026, 11, 20, tzinfo=UTC)))
    assert all([await limit.admits(0) for _ in range(1_000)])
