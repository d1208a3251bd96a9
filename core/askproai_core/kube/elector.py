"""Leader election by a Lease of coordination.k8s.io/v1, with client-go's rules and times.

Kopf has no election (its peering pauses everybody on a tie). The clocks of two replicas are never compared: a Lease counts as
expired when *we* saw it unchanged for its whole duration.
"""

import asyncio
import os
import secrets
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import structlog

from askproai_core.clock import Clock
from askproai_core.kube.errors import LeaseError, LeaseTaken, NotLeader

log = structlog.get_logger(__name__)

_FIRST_TERM_SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Times:
    """How long a Lease holds, how long we trust it without a renewal, and how often we ask."""

    duration: timedelta = timedelta(seconds=15)
    renew_deadline: timedelta = timedelta(seconds=10)
    retry: timedelta = timedelta(seconds=2)


class Lease(Protocol):
    """One Lease, with the API server's optimistic lock (`api.LeaseApi`)."""

    async def read(self) -> dict[str, Any] | None:
        """Give it; None when there is none. Raises LeaseError."""

    async def create(self, spec: Mapping[str, Any]) -> None:
        """Make it. Raises LeaseTaken when there is one, LeaseError."""

    async def replace(self, lease: Mapping[str, Any]) -> None:
        """Write it. Raises LeaseTaken when it changed since it was read, LeaseError."""


class Elector:
    """Takes part in the election as `identity`, which must be this process's own: a namesake would be taken for us."""

    def __init__(
        self, lease: Lease, clock: Clock, *, identity: str, times: Times, told: Callable[[bool], None] = lambda _: None
    ) -> None:
        """Take the Lease to win; `told` hears whether it is ours."""
        self._lease, self._clock = lease, clock
        self._identity, self._times, self._told = identity, times, told
        self._seen: tuple[object, float] = (None, 0.0)  # what the Lease said, and when we first saw it so
        self._runs_out = 0.0  # when we may take it, if it stays as we saw it
        self._renewed_at: float | None = None  # when the request of the last successful renewal was sent
        self.term = -1  # the Lease's leaseTransitions: the fencing number, higher with each new holder

    async def acquire(self) -> None:
        """Wait until the Lease is ours."""
        while not await self._try():
            await self._clock.sleep(self._pause())
        log.info("lease.acquired", identity=self._identity, term=self.term)

    def _pause(self) -> timedelta:
        """Ask again as often as told, and at the very moment at which the Lease that we watch runs out."""
        left = timedelta(seconds=self._runs_out - self._clock.monotonic())
        return left if timedelta() < left < self._times.retry else self._times.retry

    async def keep(self) -> None:
        """Renew the Lease. Returns only when it is lost: the process must then exit, with no half-state."""
        while self._fresh():
            await self._clock.sleep(self._times.retry)
            if not await self._try() and self._renewed_at is None:
                break  # somebody else has it
        self._renewed_at = None
        self._told(False)
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
        self._told(False)
        given = {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _micro(self._clock.now())}
        try:
            async with asyncio.timeout(self._times.retry.total_seconds()):
                lease = await self._lease.read()
                if lease is None or lease["spec"].get("holderIdentity") != self._identity:
                    return
                await self._lease.replace({**lease, "spec": {**lease["spec"], **given}})
        except (
            LeaseError,
            TimeoutError,
        ) as error:  # it runs out by itself; and after a conflict it is not ours to give
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
        except LeaseTaken:
            return False  # somebody wrote in between: the next look tells who
        except (LeaseError, TimeoutError) as error:
            log.warning("lease.unreachable", error=str(error) or type(error).__name__)
            return False
        self._renewed_at = sent if ours else None
        self._told(ours)
        return ours

    async def _write(self) -> bool:
        """Write the Lease as ours. False: another one holds it."""
        lease = await self._lease.read()
        now = self._clock.now()
        mine: dict[str, Any] = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._times.duration.total_seconds()),
            "renewTime": _micro(now),
        }
        if lease is None:
            term = first_term(now)
            await self._lease.create(mine | {"acquireTime": _micro(now), "leaseTransitions": term})
            self.term = term
            return True
        spec = lease["spec"]
        term = spec.get("leaseTransitions", 0)
        if spec.get("holderIdentity") != self._identity:
            if not self._expired(spec):
                return False
            term += 1
            mine |= {"acquireTime": _micro(now), "leaseTransitions": term}
        await self._lease.replace({**lease, "spec": {**spec, **mine}})
        self.term = term
        return True

    def _expired(self, spec: Mapping[str, Any]) -> bool:
        """Tell whether another one's Lease may be taken: given back, or unchanged before our eyes for its duration."""
        now = self._clock.monotonic()
        record = (spec.get("holderIdentity"), spec.get("renewTime"))
        if record != self._seen[0]:
            self._seen = (record, now)
        self._runs_out = self._seen[1] + spec.get("leaseDurationSeconds", 0)
        return not spec.get("holderIdentity") or now >= self._runs_out


async def exit_when_lost(elector: Elector) -> None:
    """Keep the Lease, and end the process when it is lost, with nothing tidied up: what is half done is the next leader's."""
    try:
        await elector.keep()
    except Exception:  # nobody renews any more, so it is lost soon: no reason to go on without knowing
        log.exception("lease.broken")
    sys.stderr.flush()
    os._exit(1)


def own_identity(name: str | None) -> str:
    """Give a name for the Lease that no other process has: a container that starts again keeps its pod's name, and would
    take the term of the process that was killed for its own."""
    return f"{name or socket.gethostname()}_{secrets.token_hex(4)}"


def first_term(now: datetime) -> int:
    """Give the `leaseTransitions` that a new Lease begins with: seconds since 2026, which fits its int32 until 2094.

    From 0 on, a Lease that was deleted and made anew would fall below the number that its last holder has left behind, and
    the fence would refuse every leader from then on. A holder stays for seconds at least, so the clock stays ahead.
    """
    return max(0, int((now - _FIRST_TERM_SINCE).total_seconds()))


def _micro(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
