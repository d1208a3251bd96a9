"""The election of a shard's leader: one leader for each shard, and never leaders of two layouts at the same time.

A layout is the number of shards. While it changes, processes of both exist, and their shards overlap. So:

- The holder of shard 0's Lease, which has the same name in each layout, decides which layout is in force.
- Another shard asks for its Lease only while the last holder of that one has its own layout.
- Whoever has got its Lease reads all of them, and leads when none is held for another layout.

Each writes its own Lease before it reads the others', so of two that begin at the same moment one at least sees the other. A leader
need not look again: whoever comes later sees that its Lease is held.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final, Protocol, TypeVar

import structlog

from askproai_core.clock import Clock
from askproai_core.kube import AccessError, ApiError, Conflict, Elector, LeaseObserver, leadership
from askproai_core.lifecycle import run_until_stopped
from askproai_operator.shards import Shard, index_of_lease, layout_of_holder

log = structlog.get_logger(__name__)

T = TypeVar("T")

_RETRY: Final = timedelta(seconds=1)


class Leases(Protocol):
    """The Leases of the operator's namespace (`LeaseApi`). Each method raises ApiError or AccessError."""

    async def read_all(self) -> Sequence[dict[str, Any]]:
        """Return all of them."""

    async def replace(self, lease: Mapping[str, Any]) -> None:
        """Write one. Raises Conflict when it changed since it was read."""


@asynccontextmanager
async def shard_leadership(
    shard: Shard, elector: Elector, leases: Leases, clock: Clock, stop: asyncio.Event
) -> AsyncIterator[None]:
    """Lead a shard during the block, as `leadership` does, once no operator of another layout leads.

    Raises `lifecycle.Stopped` when `stop` is set before.
    """
    layout = _Layout(shard, leases, clock)
    while True:
        if not shard.is_first:
            await run_until_stopped(stop, layout.wait_until_in_force())
        async with leadership(elector, stop):
            if await run_until_stopped(stop, layout.wait_for_others()):
                yield
                return


class _Layout:
    """What the Leases say about the layouts, for one shard."""

    def __init__(self, shard: Shard, leases: Leases, clock: Clock) -> None:
        self._shard, self._leases, self._clock = shard, leases, clock
        self._observers: dict[int, LeaseObserver] = defaultdict(lambda: LeaseObserver(clock))

    async def wait_until_in_force(self) -> None:
        """Wait until the leader of shard 0 has this layout."""

        async def is_in_force() -> bool | None:
            return (await self._read()).get(0) == self._shard.count or None

        await self._poll(is_in_force, "shard 0 has no leader with this number of shards yet")

    async def wait_for_others(self) -> bool:
        """Return whether to lead, when nobody leads with another layout. False: this layout is not in force any more."""

        async def settled() -> bool | None:
            held = await self._read()
            if not self._shard.is_first and held.get(0) != self._shard.count:
                return False
            return True if set(held.values()) <= {self._shard.count} else None

        return await self._poll(settled, "operators with another number of shards still lead")

    async def _poll(self, answer: Callable[[], Awaitable[T | None]], why: str) -> T:
        is_waiting = False
        while True:
            try:
                found = await answer()
            except (ApiError, AccessError) as error:
                log.warning("lease.unreachable", error=str(error))
            else:
                if found is not None:
                    return found
                if not is_waiting:
                    log.info("shard.waiting", shard=self._shard.index, shards=self._shard.count, why=why)
                is_waiting = True
            await self._clock.sleep(_RETRY)

    async def _read(self) -> Mapping[int, int]:
        """Return the layout of the holder of each Lease that is held, by the number of the shard."""
        found: dict[int, int] = {}
        for lease in await self._leases.read_all():
            index = index_of_lease(lease["metadata"]["name"])
            holder = lease["spec"].get("holderIdentity") if index is not None else None
            if index is None or not holder:
                continue
            layout = layout_of_holder(holder)
            if layout != self._shard.count and self._observers[index].has_expired(lease["spec"]):
                await self._release(lease)
            else:
                found[index] = layout
        return found

    async def _release(self, lease: Mapping[str, Any]) -> None:
        """Take the name of a process that has ended out of its Lease: every later process would wait until it has expired again."""
        try:
            await self._leases.replace({**lease, "spec": {**lease["spec"], "holderIdentity": ""}})
        except Conflict:
            log.info("lease.not_expired", lease=lease["metadata"]["name"])  # the next look shows who has it
