"""The common part of `jobs` and `tasks`: a worker claims a row for the duration of a lease, and renews the lease meanwhile.

Each claim raises the row's `claim_no`, and each statement about a claim uses its number: after a later claim it matches no row.
The statements are in the stores of both packages, because the rows, their locks and their retries differ.
"""

import asyncio
import os
import random
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from askproai_core.clock import Clock
from askproai_core.database import DATABASE_UNAVAILABLE
from askproai_core.logging import error_location

Result = TypeVar("Result")
Claim = TypeVar("Claim")


@dataclass(frozen=True, slots=True)
class Renewal(Generic[Claim]):
    """Renews the leases of one kind of work (jobs or tasks). `renew` returns for each claim whether it is still ours."""

    clock: Clock
    every: timedelta
    renew: Callable[[Sequence[Claim]], Awaitable[Sequence[bool]]]
    log_lost: Callable[[Claim], None]
    log_failed: Callable[[Sequence[Claim], Exception], None]

    async def keep(self, running: Mapping[asyncio.Task[None], Claim]) -> None:
        """Renew the leases of running work forever, and cancel work whose claim another worker has taken over."""
        while True:
            await self.clock.sleep(self.every)
            if not running:
                continue
            tasks, claims = list(running), list(running.values())  # copies: `running` changes during the statement
            try:
                are_ours = await self.renew(claims)
            except DATABASE_UNAVAILABLE as error:
                self.log_failed(claims, error)
                continue
            for task, claim, is_ours in zip(tasks, claims, are_ours, strict=True):
                if not is_ours:
                    self.log_lost(claim)
                    task.cancel()


async def call_within(limit: timedelta, work: Awaitable[Result], too_long: Callable[[str], Exception]) -> Result:
    """Return the result of a handler. Cancel it at the limit, and raise `too_long` with a text that names the limit."""
    seconds = limit.total_seconds()
    try:
        async with asyncio.timeout(seconds) as timeout:
            return await work
    except TimeoutError as error:
        if not timeout.expired():
            raise
        raise too_long(f"not done after {seconds:g} s") from error


async def cancel_work(running: Iterable[asyncio.Task[None]]) -> None:
    """Cancel running asyncio tasks, and return once all of them have ended."""
    tasks = list(running)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def describe_error(error: Exception) -> str:
    """Return the text to store for an error that is not ours.

    It omits the error's message: a driver's message quotes the row, and rows hold names and phone numbers.
    """
    return f"{type(error).__name__} at {error_location(error)}"


def jittered(wait: timedelta) -> timedelta:
    """Return a wait that is randomly up to a fifth longer or shorter, so that workers that start together drift apart."""
    return wait * random.uniform(0.8, 1.2)  # noqa: S311  no secret


def worker_name() -> str:
    """Return the name of this process that its claims record."""
    return f"{socket.gethostname()}:{os.getpid()}"
