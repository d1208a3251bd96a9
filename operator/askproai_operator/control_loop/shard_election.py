"""The election of a shard's leader: one leader for each shard, and never leaders of two layouts at the same time.

A layout is the number of shards. While it changes, processes of both layouts exist, and their shards overlap. So:

- The holder of shard 0's Lease, which has the same name in each layout, decides which layout is in force.
- Another shard asks for its Lease only while the last holder of shard 0's Lease has the same layout as itself.
- The holder of a shard's Lease reads all Leases, and leads when no Lease is held for another layout.
- The leader of another shard reads shard 0's Lease as often as it renews its own. It ends when a process of another layout
  holds shard 0's Lease: an operator of a release without shards does not read other Leases.

Each process writes its own Lease before it reads the others, so if two begin at the same moment, at least one sees the other.
"""

import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final, TypeVar

import structlog

from askproai_core.clock import Clock
from askproai_core.kube import AccessError, ApiError, Conflict, Elector, LeaseApi, LeaseObserver, LeaseTimes, leadership
from askproai_core.lifecycle import run_until_stopped
from askproai_operator.shards import LEASE_NAMES, Shard, layout_of_holder

log = structlog.get_logger(__name__)

T = TypeVar("T")

_RETRY: Final = timedelta(seconds=1)
_LOOK_AGAIN: Final = LeaseTimes().retry
_LOG_AGAIN: Final = timedelta(minutes=1)


def end_process() -> None:
    """End the process at once without releasing its Lease: a request in flight could otherwise commit under the next leader."""
    sys.stderr.flush()
    os._exit(1)


@asynccontextmanager
async def shard_leadership(
    shard: Shard,
    elector: Elector,
    leases: LeaseApi,
    clock: Clock,
    stop: asyncio.Event,
    end: Callable[[], None] = end_process,
) -> AsyncIterator[None]:
    """Lead a shard during the block, as `leadership` does, once no operator of another layout leads.

    Raises `lifecycle.Stopped` when `stop` is set before that. Calls `end` when another layout comes into force.
    """
    layout = _Layout(shard, leases, clock)
    while True:
        if not shard.is_first:
            await run_until_stopped(stop, layout.wait_until_in_force())
        async with leadership(elector, stop):
            if await run_until_stopped(stop, layout.wait_for_others()):
                watch = asyncio.create_task(layout.end_when_not_in_force(end), name="layout")
                try:
                    yield
                finally:
                    watch.cancel()
                return


class _Layout:
    """The layout of one shard's process, and other processes' layouts as their Leases show them."""

    def __init__(self, shard: Shard, leases: LeaseApi, clock: Clock) -> None:
        self._shard, self._leases, self._clock = shard, leases, clock
        self._observers: dict[int, LeaseObserver] = defaultdict(lambda: LeaseObserver(clock))

    async def wait_until_in_force(self) -> None:
        """Wait until the leader of shard 0 has this layout."""

        async def is_in_force() -> tuple[bool | None, list[str]]:
            holder = await self._first_holder()
            return (holder is not None and layout_of_holder(holder) == self._shard.count) or None, [holder or "nobody"]

        await self._poll(is_in_force, "shard 0 has no leader with this number of shards yet")

    async def wait_for_others(self) -> bool:
        """Return True once no process of another layout holds a Lease; return False if this layout is no longer in force."""

        async def settled() -> tuple[bool | None, list[str]]:
            held = await self._read()
            if not self._shard.is_first and (0 not in held or layout_of_holder(held[0]) != self._shard.count):
                return False, []
            others = [holder for holder in held.values() if layout_of_holder(holder) != self._shard.count]
            return None if others else True, others

        return await self._poll(settled, "operators with another number of shards still lead")

    async def end_when_not_in_force(self, end: Callable[[], None]) -> None:
        """Call `end` once a process of another layout holds the Lease of shard 0."""
        while not self._shard.is_first:
            await self._clock.sleep(_LOOK_AGAIN)
            try:
                holder = await self._first_holder()
            except (ApiError, AccessError):
                continue  # the Lease of this shard cannot be renewed then, either
            if holder is not None and layout_of_holder(holder) != self._shard.count:
                why = "another number of shards is in force; this process exits"
                log.error(
                    "shard.not_in_force", shard=self._shard.index, shards=self._shard.count, holder=holder, why=why
                )
                end()
                return

    async def _poll(self, look: Callable[[], Awaitable[tuple[T | None, list[str]]]], why: str) -> T:
        """Repeat `look` until its first value is not None, and return it; its second value names Lease holders for the log."""
        log_at = self._clock.monotonic()
        while True:
            try:
                found, holders = await look()
            except (ApiError, AccessError) as error:
                log.warning("lease.unreachable", error=str(error))
            else:
                if found is not None:
                    return found
                if self._clock.monotonic() >= log_at:
                    log_at = self._clock.monotonic() + _LOG_AGAIN.total_seconds()
                    own = {"shard": self._shard.index, "shards": self._shard.count}
                    log.info("shard.waiting", **own, holders=", ".join(holders), why=why)
            await self._clock.sleep(_RETRY)

    async def _read(self) -> Mapping[int, str]:
        """Return the holder of each held Lease, by shard number. Releases expired Leases of other layouts."""
        found: dict[int, str] = {}
        for index, name in enumerate(LEASE_NAMES):
            lease = await self._leases.read(name)
            holder = _holder_of(lease)
            if lease is None or not holder:
                continue
            is_other = layout_of_holder(holder) != self._shard.count
            if is_other and self._observers[index].has_expired(lease["spec"]):
                await self._release(lease)
            else:
                found[index] = holder
        return found

    async def _first_holder(self) -> str | None:
        return _holder_of(await self._leases.read(LEASE_NAMES[0]))

    async def _release(self, lease: Mapping[str, Any]) -> None:
        """Remove an ended process's name from its expired Lease: else each later process would wait for the expiry again."""
        try:
            await self._leases.replace({**lease, "spec": {**lease["spec"], "holderIdentity": ""}})
        except Conflict:
            log.info("lease.not_expired", lease=lease["metadata"]["name"])  # the next look shows who has it


def _holder_of(lease: Mapping[str, Any] | None) -> str | None:
    """Return the name of the process that holds a Lease; None if nobody does. A Lease made by hand may have no spec."""
    holder: str | None = ((lease or {}).get("spec") or {}).get("holderIdentity")
    return holder or None
