"""Waiting for an effect that sets no event of ours: a row, a file, another process."""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

import asyncpg

from tests.worlds.golden_answers import RECORDER

T = TypeVar("T")
# Seconds. An awaited event comes within them also on a machine with other work, and a wait ends as soon as it comes.
# Less than pytest's limit for a test, and less than the intervals after which a missed wake-up would be made good.
SOON = 60.0
# The timeout of a client in a test that is not about timeouts: a server on a busy disk answers after seconds.
SLOW_DISK = timedelta(seconds=20)


async def eventually(
    check: Callable[[], Awaitable[T] | T],
    seconds: float = SOON,
    what: str | Callable[[], object] = "the condition",
    every: float = 0.02,
) -> T:
    """Call `check`, awaiting what it returns if need be, until it returns something true, and return that.

    Raise AssertionError after `seconds`, which also bound a check that hangs. `what` names the awaited effect in its message; a
    function is called only then.
    """
    try:
        async with asyncio.timeout(seconds) as deadline:
            while True:
                asked = len(RECORDER.exchanges)
                checked = check()
                result: T = await checked if inspect.isawaitable(checked) else checked
                if result:
                    return result
                RECORDER.forget_since(asked)
                await asyncio.sleep(every)
    except TimeoutError:
        if not deadline.expired():
            raise  # by the check itself
        raise AssertionError(
            f"waited {seconds:g} s for {what() if callable(what) else what}: it did not come"
        ) from None


async def until(
    read: Callable[[], Awaitable[T]],
    holds: Callable[[T], object],
    what: str | Callable[[], object] = "the condition",
    seconds: float = SOON,
) -> T:
    """Repeat `read` as `eventually` does until its result `holds`, and return the result."""

    async def matching() -> list[T]:
        found = await read()
        return [found] if holds(found) else []

    return (await eventually(matching, seconds, what))[0]


_BEAT = 0.005
_BUSY = 0.02  # a loop that runs its timers later than this by so many seconds had to wait for the machine


@asynccontextmanager
async def stopwatch() -> AsyncIterator[Callable[[], float]]:
    """Measure how long the code of the block waits: yield a function that returns the seconds since its beginning.

    The seconds in which the event loop did not run are left out: another process had the processor. The computing time of this
    process is left out, too; `make bench` measures it.
    """
    began = slept = time.perf_counter()
    lost = 0.0

    def late() -> float:
        """Return by how much the loop came back later than it should have, or is late now, since `beat`."""
        seconds = time.perf_counter() - slept - _BEAT
        return seconds if seconds > _BUSY else 0.0

    async def beat() -> None:
        nonlocal slept, lost
        while True:
            slept = time.perf_counter()
            await asyncio.sleep(_BEAT)
            lost += late()

    beating = asyncio.create_task(beat())
    try:
        yield lambda: time.perf_counter() - began - lost - late()
    finally:
        beating.cancel()


async def wait_for_columns(
    read: Callable[[], Awaitable[asyncpg.Record]], expected: Mapping[str, object], seconds: float = SOON
) -> asyncpg.Record:
    """Read a row until its columns have the `expected` values, and return it."""
    row = await read()

    async def matches() -> bool:
        nonlocal row
        row = await read()
        return all(row[key] == value for key, value in expected.items())

    await eventually(matches, seconds, lambda: f"{dict(expected)}, while the row is {dict(row)}")
    return row
