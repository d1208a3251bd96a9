"""Keeps the cache of a process current from the start of the process to its end, as a standby and as the leader."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar

import structlog

from askproai_core.clock import Clock
from askproai_core.kube import ApiError
from askproai_core.lifecycle import Stopped, run_until_stopped, stop_on_signals
from askproai_operator.control_loop.informer import Informer
from askproai_operator.resources import CONFIG_MAPS

log = structlog.get_logger(__name__)

T = TypeVar("T")

_START_RETRY: Final = timedelta(seconds=2)
# The lists of a thousand tenants take seconds of CPU, which changes need first.
_AUDIT_AFTER: Final = timedelta(seconds=10)


class Following:
    """Keeps the cache current, so that a standby acts as soon as it leads."""

    def __init__(self, informer: Informer, clock: Clock, stop: asyncio.Event) -> None:
        self._informer, self._clock, self._stop = informer, clock, stop
        self._primed = asyncio.Event()

    @property
    def is_primed(self) -> bool:
        return self._primed.is_set()

    async def run(self) -> None:
        """Fill the cache, then keep it current by watches and lists until the process stops."""
        try:
            await run_until_stopped(self._stop, retry_until_served(self._informer.prime, self._clock))
        except Stopped:
            return
        self._primed.set()
        await self._informer.run(self._stop, partial(stop_on_signals, self._stop))

    async def catch_up(self, group: asyncio.TaskGroup) -> None:
        """Wait until the cache is good enough to lead with: it was just filled, or its grants were just compared with a list.

        A watch may be behind without a sign of it. A controller reads the holder of a host, number or key before it writes; all
        other objects are compared in the background, where a late event does no harm.
        """
        if not self.is_primed:
            await self._primed.wait()
            return
        await retry_until_served(partial(self._informer.audit, [CONFIG_MAPS]), self._clock)
        group.create_task(self._audit())

    async def _audit(self) -> None:
        with suppress(Stopped):
            await run_until_stopped(self._stop, self._clock.sleep(_AUDIT_AFTER))
            await run_until_stopped(self._stop, self._informer.try_audit())


async def retry_until_served(work: Callable[[], Awaitable[T]], clock: Clock) -> T:
    """Repeat `work` until the API server answers: the server may be restarting, or the CRDs may not be installed yet."""
    while True:
        try:
            return await work()
        except ApiError as error:
            log.warning("start.waiting", error=str(error))
            await clock.sleep(_START_RETRY)
