"""Tells the worker of the own pod that there is work, so that a job need not wait for the next poll."""

import asyncio
from datetime import timedelta

import aiohttp
import structlog

from askproai_runtime.seams import Clock

log = structlog.get_logger(__name__)

TIMEOUT = aiohttp.ClientTimeout(total=0.5)
REST_AFTER_FAILURE = timedelta(seconds=2)  # a worker that restarts, or that lives in another pod (Split), polls anyway


class Poker:
    """Pokes without ever holding up an answer: one request at a time, and one more for all that asked meanwhile."""

    def __init__(self, session: aiohttp.ClientSession, url: str, clock: Clock) -> None:
        self._session = session
        self._url = url
        self._clock = clock
        self._asked = False
        self._task: asyncio.Task[None] | None = None
        self._reachable = True

    def soon(self) -> None:
        """Ask for a poke, and return at once."""
        self._asked = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        while self._asked:
            self._asked = False
            try:
                async with self._session.post(self._url, timeout=TIMEOUT) as response:
                    reached = response.ok
            except (aiohttp.ClientError, TimeoutError):
                reached = False
            if reached != self._reachable:
                self._reachable = reached
                log.info("worker.reachable" if reached else "worker.unreachable", consequence="jobs start by polling")
            if not reached:
                await self._clock.sleep(REST_AFTER_FAILURE)
