"""The election: one leader, failover by a standby's own observations, a fence before each write outside."""

import asyncio
import time
from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from askproai_core.clock import SystemClock
from askproai_core.kube import (
    ApiError,
    Conflict,
    Elector,
    LeaseTimes,
    NoAnswer,
    NotLeader,
    elector_from_settings,
    exit_when_lost,
    leadership,
    unique_identity,
)
from askproai_core.lifecycle import Stopped
from tests.worlds.clock import FixedClock

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class LeaseServer:
    """An API server with at most one Lease and its optimistic lock; `away` makes it unreachable."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.away = False
        self.version = 0

    async def read(self) -> dict[str, Any] | None:
        self._reach()
        return deepcopy(self.lease)

    async def create(self, spec: Mapping[str, Any]) -> None:
        self._reach()
        if self.lease is not None:
            raise Conflict(409, "AlreadyExists", "there is one")
        self._write({"metadata": {}, "spec": spec})

    async def replace(self, lease: Mapping[str, Any]) -> None:
        self._reach()
        if self.lease is None or lease["metadata"] != self.lease["metadata"]:
            raise Conflict(409, "Conflict", "it changed")
        self._write(lease)

    def _write(self, lease: Mapping[str, Any]) -> None:
        self.version += 1
        self.lease = deepcopy({**lease, "metadata": {"resourceVersion": str(self.version)}})

    def _reach(self) -> None:
        if self.away:
            raise NoAnswer("GET lease: ClientConnectorError")

    @property
    def spec(self) -> dict[str, Any]:
        assert self.lease is not None
        return self.lease["spec"]


@pytest.fixture
def server() -> LeaseServer:
    return LeaseServer()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


def elector(server: LeaseServer, clock: FixedClock, identity: str) -> Elector:
    return Elector(server, clock, identity=identity, times=LeaseTimes())


async def test_first_elector_alone_gets_the_lease(server: LeaseServer, clock: FixedClock):
    first, second = elector(server, clock, "first"), elector(server, clock, "second")
    assert await first.try_acquire_or_renew()
    assert not await second.try_acquire_or_renew()
    first.fence()
    with pytest.raises(NotLeader):
        second.fence()
    assert server.spec["holderIdentity"] == "first"
    assert server.spec["leaseTransitions"] == first.term


async def test_standby_waits_for_an_unchanged_lease_duration(server, clock):
    first, second = elector(server, clock, "first"), elector(server, clock, "second")
    await first.try_acquire_or_renew()
    clock.advance(100 * SECOND)  # renewTime is old, yet the standby has not watched it: clocks are never compared
    assert not await second.try_acquire_or_renew()
    clock.advance(14 * SECOND)
    assert not await second.try_acquire_or_renew()
    clock.advance(1 * SECOND)
    assert await second.try_acquire_or_renew()
    assert server.spec["leaseTransitions"] == second.term == first.term + 1


async def test_standby_takes_over_exactly_when_the_lease_expires(server: LeaseServer, clock: FixedClock):
    first, second = elector(server, clock, "first"), elector(server, clock, "second")
    await first.try_acquire_or_renew()
    clock.advance(1.5 * SECOND)
    await second.acquire()
    assert clock.now() - START == 16.5 * SECOND


async def test_a_renewed_lease_is_never_taken(server: LeaseServer, clock: FixedClock):
    first, second = elector(server, clock, "first"), elector(server, clock, "second")
    for _ in range(20):
        assert await first.try_acquire_or_renew()
        assert not await second.try_acquire_or_renew()
        clock.advance(2 * SECOND)


async def test_fence_closes_before_another_process_may_lead(server: LeaseServer, clock: FixedClock):
    leader = elector(server, clock, "first")
    await leader.try_acquire_or_renew()
    clock.advance(9.9 * SECOND)
    leader.fence()
    clock.advance(0.1 * SECOND)
    with pytest.raises(NotLeader):
        leader.fence()


async def test_the_fence_closes_while_the_machine_is_suspended(server: LeaseServer, monkeypatch: pytest.MonkeyPatch):
    """CLOCK_MONOTONIC stops in a suspended virtual machine, CLOCK_BOOTTIME goes on."""
    suspended = 0.0
    boot_time = time.clock_gettime(time.CLOCK_BOOTTIME)
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    monkeypatch.setattr(
        time,
        "clock_gettime",
        lambda number: {time.CLOCK_MONOTONIC: 1000.0, time.CLOCK_BOOTTIME: boot_time + suspended}[number],
    )
    leader = Elector(server, SystemClock(), identity="first", times=LeaseTimes())
    await leader.try_acquire_or_renew()
    leader.fence()
    suspended = 11.0
    with pytest.raises(NotLeader):
        leader.fence()


async def test_deadline_counts_from_the_sending_of_renewal(server: LeaseServer, clock: FixedClock):
    leader = elector(server, clock, "first")
    slow = server.read

    async def answers_late(*args: Any) -> Any:
        clock.advance(4 * SECOND)
        return await slow(*args)

    server.read = answers_late
    await leader.try_acquire_or_renew()
    clock.advance(6 * SECOND)
    with pytest.raises(NotLeader):
        leader.fence()


async def test_an_unreachable_server_ends_leadership_at_the_deadline(server: LeaseServer, clock: FixedClock):
    leader = elector(server, clock, "first")
    await leader.try_acquire_or_renew()
    server.away = True
    await leader.renew_until_lost()  # returns because it is lost
    assert timedelta(seconds=10) <= clock.now() - START <= timedelta(seconds=14)
    with pytest.raises(NotLeader):
        leader.fence()


async def test_a_short_outage_is_survived(server: LeaseServer, clock: FixedClock):
    leader = elector(server, clock, "first")
    await leader.try_acquire_or_renew()
    server.away = True
    clock.advance(8 * SECOND)
    assert not await leader.try_acquire_or_renew()
    leader.fence()
    server.away = False
    assert await leader.try_acquire_or_renew()
    clock.advance(9 * SECOND)
    leader.fence()


async def test_leadership_ends_at_once_with_a_taken_lease(server: LeaseServer, clock: FixedClock):
    leader = elector(server, clock, "first")
    await leader.try_acquire_or_renew()
    server._write({**server.lease, "spec": {**server.spec, "holderIdentity": "second"}})
    await leader.renew_until_lost()
    assert clock.now() - START <= 3 * SECOND
    with pytest.raises(NotLeader):
        leader.fence()


async def test_former_leader_waking_after_anothers_term_writes_nothing(server: LeaseServer, clock: FixedClock):
    """Its knowledge is from before that term, even if the Lease is free when it wakes up."""
    first, second = elector(server, clock, "first"), elector(server, clock, "second")
    await first.try_acquire_or_renew()
    clock.advance(20 * SECOND)
    await second.try_acquire_or_renew()  # sees the Lease, and waits for its duration
    clock.advance(20 * SECOND)
    assert await second.try_acquire_or_renew()
    await second.release()
    first._renewed_at = clock.monotonic()  # it was asleep between two tries
    await first.renew_until_lost()
    assert server.spec["holderIdentity"] == ""
    with pytest.raises(NotLeader):
        first.fence()


async def test_a_released_lease_is_taken_at_once(server: LeaseServer, clock: FixedClock):
    first, second = elector(server, clock, "first"), elector(server, clock, "second")
    await first.try_acquire_or_renew()
    await first.release()
    with pytest.raises(NotLeader):
        first.fence()
    assert await second.try_acquire_or_renew()
    await first.release()  # it is not ours to release any more
    assert server.spec["holderIdentity"] == "second"


async def test_lease_that_cannot_be_released_delays_no_shutdown(server: LeaseServer, clock: FixedClock):
    leader = elector(server, clock, "first")
    await leader.try_acquire_or_renew()
    server.away = True
    await leader.release()
    with pytest.raises(NotLeader):
        leader.fence()


async def test_one_of_two_simultaneous_electors_wins(server: LeaseServer, clock: FixedClock):
    first, second = elector(server, clock, "first"), elector(server, clock, "second")
    await first.try_acquire_or_renew()
    await first.release()
    real = server.read

    async def overtaken(*args: Any) -> Any:
        answer = await real(*args)
        server.read = real
        await second.try_acquire_or_renew()
        return answer

    server.read = overtaken
    assert not await first.try_acquire_or_renew()
    second.fence()
    with pytest.raises(NotLeader):
        first.fence()


async def test_each_new_holder_has_a_higher_term(server: LeaseServer, clock: FixedClock):
    terms = []
    for name in ("first", "second", "first", "third"):
        holder = elector(server, clock, name)
        assert await holder.try_acquire_or_renew()
        terms.append(holder.term)
        clock.advance(2 * SECOND)
        assert await holder.try_acquire_or_renew()
        assert holder.term == terms[-1]
        await holder.release()
    assert terms == list(range(terms[0], terms[0] + 4))


async def test_recreated_leases_term_exceeds_all_earlier_terms(server: LeaseServer, clock: FixedClock):
    before = elector(server, clock, "first")
    await before.try_acquire_or_renew()
    server.lease = None
    clock.advance(2 * SECOND)
    after = elector(server, clock, "second")
    assert await after.try_acquire_or_renew()
    assert before.term < after.term < 2**31


async def test_broken_lease_renewal_ends_the_process(monkeypatch: pytest.MonkeyPatch):
    """Otherwise nothing would renew the Lease, and this process would go on beside the next leader."""

    class Broken:
        async def renew_until_lost(self) -> None:
            raise KeyError("spec")

    ended: list[int] = []
    monkeypatch.setattr("os._exit", ended.append)
    await exit_when_lost(Broken())  # type: ignore[arg-type]
    assert ended == [1]


def test_two_processes_of_one_pod_have_different_names():
    assert unique_identity("pod-1") != unique_identity("pod-1")
    assert unique_identity("pod-1").startswith("pod-1_")


async def test_refused_request_loses_no_lease_before_the_deadline(server: LeaseServer, clock: FixedClock):
    leader = elector(server, clock, "first")
    await leader.try_acquire_or_renew()

    async def refuse() -> dict[str, Any] | None:
        raise ApiError(403, "Forbidden", "no right to read leases")

    server.read = refuse  # type: ignore[method-assign]
    clock.advance(9 * SECOND)
    assert not await leader.try_acquire_or_renew()
    leader.fence()


class Settings:
    """The part of a process's settings that its election reads."""

    pod_name = "pod-1"
    lease_seconds, lease_renew_seconds, lease_retry_seconds = 30, 20, 4


async def test_elector_applies_settings_and_reports_leader_changes(server: LeaseServer, clock: FixedClock):
    changes: list[bool] = []
    leader = elector_from_settings(Settings(), server, clock, changes.append)
    async with leadership(leader, asyncio.Event()):
        assert server.spec["holderIdentity"].startswith("pod-1_")
        assert server.spec["leaseDurationSeconds"] == 30
        clock.advance(19.9 * SECOND)
        leader.fence()
        clock.advance(0.1 * SECOND)
        with pytest.raises(NotLeader):
            leader.fence()
    assert server.spec["holderIdentity"] == "", "released at the end of the block"
    assert changes == [True, False]


async def test_stopping_elector_never_enters_the_leaders_block(server: LeaseServer, clock: FixedClock):
    leader = elector(server, clock, "first")
    await leader.try_acquire_or_renew()
    stop = asyncio.Event()
    stop.set()
    with pytest.raises(Stopped):
        async with leadership(elector(server, SystemClock(), "second"), stop):
            pytest.fail("another process holds the Lease")
    assert server.spec["holderIdentity"] == "first"
