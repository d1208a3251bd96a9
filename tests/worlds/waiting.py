"""Waiting for an effect that sets no event of ours: a row, a file, another process."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    check: Callable[[], Awaitable[T] | T],
    seconds: float = 10,
    what: str | Callable[[], object] = "the condition",
    every: float = 0.02,
) -> T:
    """Call `check`, awaiting what it returns if need be, until it returns something true, and return that.

    Raises AssertionError after `seconds`; `what`, or what it returns then, says what was waited for.
    """
    deadline = time.monotonic() + seconds
    while True:
        checked = check()
        result: T = await checked if inspect.isawaitable(checked) else checked
        if result:
            return result
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {seconds:g} s for {what() if callable(what) else what}: it did not come")
        await asyncio.sleep(every)
