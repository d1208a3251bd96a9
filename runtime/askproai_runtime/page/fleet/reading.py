"""The data of the fleet's page at one moment, read once for all viewers."""

import asyncio
import zlib
from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeVar

import structlog

from askproai_core.api_resource import LEASES
from askproai_core.clock import Clock
from askproai_core.database import DATABASE_UNAVAILABLE, Pool
from askproai_core.fleet import FleetObject, FleetRow, group_by_tenant, rank
from askproai_core.kube import AccessError, ApiError, HttpTransport
from askproai_core.provider_limits import RedisUnavailable
from askproai_core.provider_names import Provider
from askproai_runtime.page.fleet.mirror import FleetMirror
from askproai_runtime.page.fleet.store import TenantJobs, count_jobs
from askproai_runtime.redis.client import RedisClient

log = structlog.get_logger(__name__)

T = TypeVar("T")
RANK_EVERY: Final = timedelta(seconds=1)  # at most; the first change after a pause is shown at once
COUNT_EVERY: Final = timedelta(seconds=10)
FIGURES_EVERY: Final = timedelta(seconds=15)  # some tenant's figures change all the time
_COUNT_SECONDS: Final = 5.0
_FIRST_COUNT_SECONDS: Final = 0.2
_COORDINATOR, _OPERATOR, _MAX_SHARDS = "askproai-coordinator", "askproai-operator", 16


@dataclass(frozen=True, slots=True)
class Counted:
    """The counts of jobs, the open circuits, and the holder of each Lease (`leaders`). A field is None if it could not be read."""

    jobs: Mapping[str, TenantJobs] | None = None
    circuits: Mapping[Provider, bool] | None = None
    leaders: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class FleetView:
    """All tenants, worst first. `marks` has two change marks: one for the tenants' states, one for the figures."""

    rows: Sequence[FleetRow] = ()
    is_complete: bool = False
    problem: str | None = None
    counted: Counted = Counted()
    marks: Mapping[str, str] = field(default_factory=dict)

    def releases(self) -> list[tuple[str | None, int]]:
        """Return the releases that last applied tenants, each with the number of its tenants, most frequent release first."""
        return Counter(row.release for row in self.rows).most_common()


class FleetReader:
    """Reads for all viewers of one pod: the tenants are ranked and the jobs counted once, for any number of viewers."""

    def __init__(
        self,
        mirror: FleetMirror,
        transport: HttpTransport,
        namespace: str,
        pool: Pool,
        shared: RedisClient,
        clock: Clock,
    ) -> None:
        self._mirror, self._transport, self._namespace = mirror, transport, namespace
        self._pool, self._shared, self._clock = pool, shared, clock
        self._view, self._seen = FleetView(), -1
        self._counted = Counted()
        self._counting: asyncio.Task[None] | None = None
        self._ranked_at = self._counted_at = self._figures_at = float("-inf")
        self._turn = asyncio.Lock()

    async def close(self) -> None:
        """Cancel the running count of jobs, circuits and leaders."""
        if self._counting is not None:
            self._counting.cancel()
            await asyncio.gather(self._counting, return_exceptions=True)

    async def view(self) -> FleetView:
        """Return the latest known state at once; only the first call waits a moment, for the first count of jobs and circuits."""
        async with self._turn:
            now = self._clock.monotonic()
            await self._count_when_due(now)
            counted, rows = self._counted, self._view.rows
            if self._mirror.version != self._seen and now - self._ranked_at >= RANK_EVERY.total_seconds():
                self._seen, self._ranked_at = self._mirror.version, now
                rows = await asyncio.to_thread(rank, self._mirror.objects())  # 0.1 s for 1,000 tenants
            if rows is not self._view.rows or counted is not self._view.counted or not self._view.marks:
                complete, problem = self._mirror.is_complete, self._mirror.problem
                marks = await asyncio.to_thread(_marks, rows, counted, f"{complete} {problem}")
                if self._view.marks and now - self._figures_at < FIGURES_EVERY.total_seconds():
                    marks["figures"] = self._view.marks["figures"]
                else:
                    self._figures_at = now
                self._view = FleetView(rows, complete, problem, counted, marks)
            return self._view

    async def tenant(self, namespace: str, name: str) -> tuple[FleetObject, Sequence[FleetObject]] | None:
        """Return a Tenant with its Branches, services and agents; None if there is no such Tenant."""
        objects = [each for each in self._mirror.objects() if each.namespace == namespace]
        return group_by_tenant(objects).get((namespace, name))

    async def _count_when_due(self, now: float) -> None:
        """Begin a count of jobs, circuits and leaders, at most once in `COUNT_EVERY`. The first call waits for it briefly."""
        if now - self._counted_at < COUNT_EVERY.total_seconds() or (self._counting and not self._counting.done()):
            return
        is_first, self._counted_at = self._counting is None, now
        self._counting = asyncio.create_task(self._count(), name="fleet-count")
        if is_first:
            await asyncio.wait({self._counting}, timeout=_FIRST_COUNT_SECONDS)

    async def _count(self) -> None:
        jobs, circuits, leaders = await asyncio.gather(
            _if_possible(count_jobs(self._pool)), _if_possible(self._circuits()), _if_possible(self._leaders())
        )
        self._counted = Counted(jobs, circuits, leaders)

    async def _circuits(self) -> Mapping[Provider, bool]:
        """Return, by provider, True if its circuit breaker for all tenants is open or half-open. Return {} without Redis."""
        if not self._shared.configured:
            return {}
        keys = {provider: self._shared.key("circuit", provider) for provider in Provider}
        states = await self._shared.execute_all(*(("HGET", key, "state") for key in keys.values()))
        return {provider: state in {"open", "half_open"} for provider, state in zip(keys, states, strict=True)}

    async def _leaders(self) -> Mapping[str, str]:
        """Return the holder of the coordinator's Lease and of each operator's Lease, by Lease; "" for a Lease without a holder."""
        found = {}
        shards = (f"{_OPERATOR}-{shard}" for shard in range(1, _MAX_SHARDS))
        for name in (_COORDINATOR, _OPERATOR, *shards):
            lease = await self._transport.find(LEASES.path(self._namespace, name))
            if lease is None and name not in {_COORDINATOR, _OPERATOR}:  # the first number that no shard has
                break
            found[name] = ((lease or {}).get("spec") or {}).get("holderIdentity") or ""
        return found


async def _if_possible(reading: Awaitable[T]) -> T | None:
    """Return the result of `reading`. If it fails, log the error and return None, which the page shows as missing."""
    try:
        async with asyncio.timeout(_COUNT_SECONDS):
            return await reading
    except (ApiError, AccessError, RedisUnavailable, *DATABASE_UNAVAILABLE) as error:
        log.info("fleet_page.not_counted", error=type(error).__name__)
        return None


def _marks(rows: Sequence[FleetRow], counted: Counted, known: str) -> dict[str, str]:
    states = [(r.tenant, r.display_name, r.state, r.since, r.what, r.drift, r.release, r.severity) for r in rows]
    figures = [(r.calls_24h, r.booked_percent, r.budget_percent) for r in rows]
    return {"tenants": _mark((known, states)), "figures": _mark((figures, counted))}


def _mark(values: object) -> str:
    return f"{zlib.crc32(repr(values).encode('utf-8', 'surrogatepass')):08x}"
