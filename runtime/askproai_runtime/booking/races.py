"""Transactions that lost a race are tried again, a bounded number of times; PostgreSQL promises no more than that."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import stamina

T = TypeVar("T")

_RACES = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.ExclusionViolationError)


async def retrying(work: Callable[[], Awaitable[T]], *, on_conflict: T) -> T:
    """Run a transaction until it is through; `on_conflict` is its result when the span stays taken (23P01)."""
    try:
        async for attempt in stamina.retry_context(
            on=_RACES, attempts=4, timeout=2.0, wait_initial=0.01, wait_max=0.2, wait_jitter=0.05
        ):
            with attempt:
                return await work()
    except asyncpg.ExclusionViolationError:
        return on_conflict
    raise AssertionError("stamina ends by a result or by the last error")
