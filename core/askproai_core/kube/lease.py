"""Leader election by a Lease of coordination.k8s.io/v1, with client-go's rules and times, for operator and coordinator.

Kopf has no election (its peering pauses everybody on a tie). The clocks of two replicas are never compared: a Lease counts as
expired when *we* have seen it unchanged for its whole duration. Requests raise the errors of `http`; only `NotLeader` is ours.
"""

import asyncio
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Protocol, Self

import aiohttp
import structlog

from askproai_core.api_resource import LEASES
from askproai_core.clock import Clock
from askproai_core.kube.access import Access, AccessError
from askproai_core.kube.http import ApiError, Conflict, HttpTransport
from askproai_core.lifecycle import run_until_stopped

log = structlog.get_logger(__name__)

_FIRST_TERM_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
_TIMEOUT = aiohttp.ClientTimeout(total=10, connect=5)


class NotLeader(Exception):
    """This process may not write outside of Kubernetes: its Lease is lost, or was not renewed in time."""


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """The durations of a Lease: its validity, how long its holder trusts it without a renewal, and the time between attempts."""

    duration: timedelta = timedelta(seconds=15)
    renew_deadline: timedelta = timedelta(seconds=10)
    retry: timedelta = timedelta(seconds=2)


class LeaseSettings(Protocol):
    """The settings that a process needs to take part in the election. `pod_name` None means the host name."""

    @property
    def pod_name(self) -> str | None: ...
    @property
    def lease_seconds(self) -> int: ...
    @property
    def lease_renew_seconds(self) -> int: ...
    @property
    def lease_retry_seconds(self) -> int: ...


class LeaseApi:
    """The Lease `name` at the API server, and other Leases of its namespace. Use as `async with`. It has a connection of its own,
    so that no other request delays a renewal. Methods raise ApiError or AccessError.
    """

    def __init__(self, login: Callable[[], Access], namespace: str, name: str) -> None:
        self._transport = HttpTransport(login, timeout=_TIMEOUT)
        self._meta = {"namespace": namespace, "name": name}
        self._collection, self._path = LEASES.path(namespace), LEASES.path(namespace, name)

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._transport.__aexit__()

    async def read(self, name: str = "") -> dict[str, Any] | None:
        """Return this Lease, or the Lease `name` of the same namespace; None if it does not exist."""
        return await self._transport.find(LEASES.path(self._meta["namespace"], name) if name else self._path)

    async def create(self, spec: Mapping[str, Any]) -> None:
        """Create this Lease. Raises Conflict when another process was faster."""
        lease = {**LEASES.type_meta, "metadata": self._meta, "spec": spec}
        await self._transport.request("POST", self._collection, body=lease)

    async def replace(self, lease: Mapping[str, Any]) -> None:
        """Write a whole Lease. Raises Conflict when it changed since it was read, or was deleted."""
        try:
            path = LEASES.path(self._meta["namespace"], lease["metadata"]["name"])
            await self._transport.request("PUT", path, body=lease)
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                raise Conflict(error.status, error.reason, "the Lease was deleted meanwhile") from error
            raise


class LeaseObserver:
    """Decides whether another holder's Lease has expired, by this process's clock alone: the clocks of two machines may differ."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._record: object = None
        self._since = 0.0  # when the record was first seen
        self.expires_at = 0.0  # when the Lease may be taken if it stays as it was last seen; monotonic seconds

    def has_expired(self, spec: Mapping[str, Any]) -> bool:
        """Return True if the Lease may be taken: it was released, or was seen unchanged for its whole duration."""
        now = self._clock.monotonic()
        record = (spec.get("holderIdentity"), spec.get("renewTime"))
        if record != self._record:
            self._record, self._since = record, now
        self.expires_at = self._since + spec.get("leaseDurationSeconds", 0)
        return not spec.get("holderIdentity") or now >= self.expires_at


class Elector:
    """Takes part in the election under the name `identity`. No other process may use this name: both would lead."""

    def __init__(
        self,
        lease: LeaseApi,
        clock: Clock,
        *,
        identity: str,
        times: LeaseTimes,
        on_change: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """`on_change` is called after each attempt with True if we hold the Lease, and with False when it is lost or released."""
        self._lease, self._clock = lease, clock
        self._identity, self._times, self._on_change = identity, times, on_change
        self._observer = LeaseObserver(clock)  # of another holder
        self._renewed_at: float | None = None  # when the request of the last successful renewal was sent
        self.term = -1  # the Lease's leaseTransitions: the fencing number, higher with each new holder

    async def acquire(self) -> None:
        """Wait until the Lease is ours."""
        while not await self.try_acquire_or_renew():
            await self._clock.sleep(self._retry_delay())
        log.info("lease.acquired", identity=self._identity, term=self.term)

    def _retry_delay(self) -> timedelta:
        """Return the delay before the next attempt: the usual one, or a shorter one that ends when the observed Lease expires."""
        remaining = timedelta(seconds=self._observer.expires_at - self._clock.monotonic())
        return remaining if timedelta() < remaining < self._times.retry else self._times.retry

    async def renew_until_lost(self) -> None:
        """Renew the Lease again and again. Returns only when it is lost: the process must then exit at once."""
        while self._is_current():
            await self._clock.sleep(self._times.retry)
            if not await self.try_acquire_or_renew(renew_only=True) and self._renewed_at is None:
                break  # another process holds it, or has held it while this process was frozen
        self._renewed_at = None
        self._on_change(False)
        log.error(
            "lease.lost", identity=self._identity, why="not renewed in time, or taken by another; this process exits"
        )

    def fence(self) -> None:
        """Raise NotLeader unless the Lease is surely ours. Called right before each write outside Kubernetes."""
        if not self._is_current():
            raise NotLeader("the Lease was not renewed in time; another replica may be the leader by now")

    async def release(self) -> None:
        """Give up the Lease, so that a standby need not wait for it to expire."""
        if self._renewed_at is None:
            return
        self._renewed_at = None
        self._on_change(False)
        released = {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _micro_time(self._clock.now())}
        try:
            async with asyncio.timeout(self._times.retry.total_seconds()):
                lease = await self._lease.read()
                if lease is None or lease["spec"].get("holderIdentity") != self._identity:
                    return
                await self._lease.replace({**lease, "spec": {**lease["spec"], **released}})
        except (ApiError, AccessError, TimeoutError) as error:  # it expires by itself; after a conflict it is not ours
            log.warning("lease.not_released", error=str(error) or type(error).__name__)
            return
        log.info("lease.released", identity=self._identity)

    def _is_current(self) -> bool:
        deadline = self._times.renew_deadline.total_seconds()
        return self._renewed_at is not None and self._clock.monotonic() - self._renewed_at < deadline

    async def try_acquire_or_renew(self, *, renew_only: bool = False) -> bool:
        """Take or renew the Lease once. Return False if another process holds it, or the API server did not answer.

        With `renew_only`, return False also if another process has held the Lease meanwhile: our state is outdated then.
        """
        sent = self._clock.monotonic()
        try:
            # A hanging request must end before the deadline of the renewal.
            async with asyncio.timeout(self._times.renew_deadline.total_seconds() / 2):
                ours = await self._write(renew_only=renew_only)
        except Conflict:
            return False  # another process wrote in between; the next try shows which
        except (ApiError, AccessError, TimeoutError) as error:
            log.warning("lease.unreachable", error=str(error) or type(error).__name__)
            return False
        self._renewed_at = sent if ours else None
        self._on_change(ours)
        return ours

    async def _write(self, *, renew_only: bool) -> bool:
        """Write the Lease with us as its holder. Returns False when another process holds it."""
        lease = await self._lease.read()
        now = self._clock.now()
        holder: dict[str, Any] = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._times.duration.total_seconds()),
            "renewTime": _micro_time(now),
        }
        if lease is None:
            term = first_term(now)
            await self._lease.create(holder | {"acquireTime": _micro_time(now), "leaseTransitions": term})
            self.term = term
            return True
        spec = lease["spec"]
        term = spec.get("leaseTransitions", 0)
        if spec.get("holderIdentity") != self._identity:
            if renew_only or not self._observer.has_expired(spec):
                return False
            term += 1
            holder |= {"acquireTime": _micro_time(now), "leaseTransitions": term}
        await self._lease.replace({**lease, "spec": {**spec, **holder}})
        self.term = term
        return True


def elector_from_settings(
    settings: LeaseSettings, lease: LeaseApi, clock: Clock, on_change: Callable[[bool], None], suffix: str = ""
) -> Elector:
    """Return an elector with the times of a process's settings and an identity of its own, which ends with `suffix`."""
    seconds = (settings.lease_seconds, settings.lease_renew_seconds, settings.lease_retry_seconds)
    times = LeaseTimes(*(timedelta(seconds=value) for value in seconds))
    identity = unique_identity(settings.pod_name) + suffix
    return Elector(lease, clock, identity=identity, times=times, on_change=on_change)


@asynccontextmanager
async def leadership(elector: Elector, stop: asyncio.Event) -> AsyncIterator[None]:
    """Wait for the Lease, renew it during the block, and release it at its end. A lost Lease ends the whole process.

    Raises `lifecycle.Stopped` when `stop` is set before the Lease is ours.
    """
    await run_until_stopped(stop, elector.acquire())
    renewal = asyncio.create_task(exit_when_lost(elector), name="lease")
    try:
        yield
    finally:
        renewal.cancel()
        await elector.release()


async def exit_when_lost(elector: Elector) -> None:
    """Renew the Lease, and end the process when it is lost. Nothing is tidied up: the next leader takes over half-done work."""
    try:
        await elector.renew_until_lost()
    except Exception:  # nothing renews the Lease any more, so it is lost soon: end before another process leads
        log.exception("lease.broken")
    sys.stderr.flush()
    os._exit(1)


def unique_identity(name: str | None) -> str:
    """Return a holder name that no other process has. A restarted container keeps its pod's name, and would otherwise take the
    Lease of the killed process for its own.
    """
    return f"{name or socket.gethostname()}_{secrets.token_hex(4)}"


def first_term(now: datetime) -> int:
    """Return the first `leaseTransitions` of a new Lease: seconds since the start of 2026, which fit its int32 until 2094.

    If it began at 0, a recreated Lease would have a lower number than the last holder has stored, and the fence would refuse
    every later leader. A holder stays for seconds at least, so the clock stays ahead of the count.
    """
    return max(0, int((now - _FIRST_TERM_SINCE).total_seconds()))


def _micro_time(moment: datetime) -> str:
    """Format a time as Kubernetes' MicroTime."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
