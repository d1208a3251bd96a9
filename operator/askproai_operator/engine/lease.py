"""Leader election by a Lease of coordination.k8s.io/v1, with client-go's rules and times.

Kopf has no election (its peering pauses everybody on a tie). The clocks of two replicas are never compared: a Lease counts as
expired when *we* saw it unchanged for its whole duration.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from askproai_operator.engine.errors import ApiError, Conflict, NotLeader
from askproai_operator.engine.kube import Kube
from askproai_operator.engine.metrics import Metrics
from askproai_operator.engine.refs import LEASES, MANAGER
from askproai_runtime.seams import Clock

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Times:
    """How long a Lease holds, how long we trust it without a renewal, and how often we ask."""

    duration: timedelta = timedelta(seconds=15)
    renew_deadline: timedelta = timedelta(seconds=10)
    retry: timedelta = timedelta(seconds=2)


class Elector:
    """Takes part in the election as `identity`."""

    def __init__(
        self, kube: Kube, clock: Clock, metrics: Metrics, *, namespace: str, identity: str, times: Times
    ) -> None:
        self._kube, self._clock, self._metrics = kube, clock, metrics
        self._namespace, self._identity, self._times = namespace, identity, times
        self._seen: tuple[object, float] = (None, 0.0)  # what the Lease said, and when we first saw it so
        self._renewed_at: float | None = None  # when the request of the last successful renewal was sent

    async def acquire(self) -> None:
        """Wait until the Lease is ours."""
        while not await self._try():
            await self._clock.sleep(self._times.retry)
        log.info("lease.acquired", identity=self._identity)

    async def keep(self) -> None:
        """Renew the Lease. Returns only when it is lost: the process must then exit, with no half-state."""
        while self._fresh():
            await self._clock.sleep(self._times.retry)
            if not await self._try() and self._renewed_at is None:
                break  # somebody else has it
        self._renewed_at = None
        self._metrics.leader.set(0)
        log.error(
            "lease.lost", identity=self._identity, why="not renewed in time, or taken by another; this process exits"
        )

    def fence(self) -> None:
        """Raise NotLeader unless the Lease is surely ours: called right before each write outside of Kubernetes."""
        if not self._fresh():
            raise NotLeader("the Lease was not renewed in time; another replica may be the leader by now")

    async def release(self) -> None:
        """Give the Lease back, so that a standby need not wait for it to run out."""
        if self._renewed_at is None:
            return
        self._renewed_at = None
        self._metrics.leader.set(0)
        given = {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _micro(self._clock.now())}
        try:
            async with asyncio.timeout(self._times.retry.total_seconds()):
                lease = await self._kube.get(LEASES, self._namespace, MANAGER)
                if lease is None or lease["spec"].get("holderIdentity") != self._identity:
                    return
                await self._kube.replace({**lease, "spec": {**lease["spec"], **given}})
        except (ApiError, TimeoutError) as error:  # it runs out by itself; and after a conflict it is not ours to give
            log.warning("lease.not_released", error=str(error) or type(error).__name__)
            return
        log.info("lease.released", identity=self._identity)

    def _fresh(self) -> bool:
        deadline = self._times.renew_deadline.total_seconds()
        return self._renewed_at is not None and self._clock.monotonic() - self._renewed_at < deadline

    async def _try(self) -> bool:
        """Take or renew the Lease once. False: it is somebody else's, or nobody answered."""
        sent = self._clock.monotonic()
        try:
            # A request that hangs must not outlive the deadline that it is for.
            async with asyncio.timeout(self._times.renew_deadline.total_seconds() / 2):
                ours = await self._write()
        except Conflict:
            return False  # somebody wrote in between: the next look tells who
        except (ApiError, TimeoutError) as error:
            log.warning("lease.unreachable", error=str(error) or type(error).__name__)
            return False
        self._renewed_at = sent if ours else None
        self._metrics.leader.set(int(ours))
        return ours

    async def _write(self) -> bool:
        """Write the Lease as ours. False: another one holds it."""
        lease = await self._kube.get(LEASES, self._namespace, MANAGER)
        now = _micro(self._clock.now())
        mine: dict[str, Any] = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._times.duration.total_seconds()),
            "renewTime": now,
        }
        if lease is None:
            meta = {"namespace": self._namespace, "name": MANAGER}
            spec = {**mine, "acquireTime": now, "leaseTransitions": 0}
            manifest = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": meta, "spec": spec}
            await self._kube.create(manifest)
            return True
        spec = lease["spec"]
        if spec.get("holderIdentity") != self._identity:
            if not self._expired(spec):
                return False
            mine |= {"acquireTime": now, "leaseTransitions": spec.get("leaseTransitions", 0) + 1}
        await self._kube.replace({**lease, "spec": {**spec, **mine}})
        return True

    def _expired(self, spec: Mapping[str, Any]) -> bool:
        """Tell whether another one's Lease may be taken: given back, or unchanged before our eyes for its duration."""
        now = self._clock.monotonic()
        record = (spec.get("holderIdentity"), spec.get("renewTime"))
        if record != self._seen[0]:
            self._seen = (record, now)
        return not spec.get("holderIdentity") or now - self._seen[1] >= spec.get("leaseDurationSeconds", 0)


def _micro(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
