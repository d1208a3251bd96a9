"""The end of a process: an event that SIGTERM sets, and work that is cancelled when the event is set. For both planes."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """The process was asked to end before the work was done."""


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` at SIGTERM, which a kubelet sends, and at SIGINT."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


async def sleep_until_stopped(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, but return at once when `stop` is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


def is_cancelled() -> bool:
    """Return True if the running task was cancelled. A loop that only a cancellation ends has to check it: redis-py uses
    `asyncio.wait_for`, which loses a cancellation that arrives together with a result (Python 3.11).
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def run_until_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`. If `stop` is set first, cancel the work and raise Stopped."""
    task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Stopped
        return task.result()
    finally:
        task.cancel()
        stopped.cancel()
        await asyncio.gather(task, stopped, return_exceptions=True)


async def abandon_after(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`. Raises `TimeoutError` after `seconds`, even if `work` ignores its cancellation, as asyncpg
    does while a server hangs.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            _abandoned.add(task)
            task.add_done_callback(_forget)


_abandoned: set[asyncio.Future[Any]] = set()  # the event loop keeps weak references only


def _forget(task: asyncio.Future[Any]) -> None:
    _abandoned.discard(task)
    if not task.cancelled():
        task.exception()  # else asyncio reports that nobody has seen it


@asynccontextmanager
async def background_tasks(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run coroutines in the background of a block; at its end, cancel those that still run."""
    tasks = [asyncio.create_task(coroutine) for coroutine in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
