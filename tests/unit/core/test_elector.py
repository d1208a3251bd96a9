"""The election (design §2.3): one leader, failover by what we saw ourselves, a fence before each write outside."""

import asyncio
from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from askproai_core.clock import FixedClock, SystemClock
from askproai_core.kube import Elector, LeaseError, LeaseTaken, NotLeader, Times, exit_when_lost, own_identity
from askproai_core.lifecycle import Stopped, until

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class OneLease:
    """An API server that has room for one Lease, with its optimistic lock; `away` makes it unreachable."""

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
            raise LeaseTaken("there is one")
        self._write({"metadata": {}, "spec": spec})

    async def replace(self, lease: Mapping[str, Any]) -> None:
        self._reach()
        if self.lease is None or lease["metadata"] != self.lease["metadata"]:
            raise LeaseTaken("it changed")
        self._write(lease)

    def _write(self, lease: Mapping[str, Any]) -> None:
        self.version += 1
        self.lease = deepcopy({**lease, "metadata": {"resourceVersion": str(self.version)}})

    def _reach(self) -> None:
        if self.away:
            raise LeaseError("GET lease: ClientConnectorError")

    @property
    def spec(self) -> dict[str, Any]:
        assert self.lease is not None
        return self.lease["spec"]


@pytest.fixture
def server() -> OneLease:
    return OneLease()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


def elector(server: OneLease, clock: FixedClock, identity: str) -> Elector:
    return Elector(server, clock, identity=identity, times=Times())


async def test_the_first_one_gets_the_lease_and_the_second_does_not(server: OneLease, clock: FixedClock):
    first, second = elector(server, clock, "first"), elector(server, clock, "second")
    assert await first._try()
    assert not await second._try()
    first.fence()
    with pytest.raises(NotLeader):
        second.fence()
    assert server.spec["holderIdentity"] == "first"
    assert server.spec["leaseTransitions"] == first.term


async def test_a_standby_takes_over_only_after_the_lease_stood_unchanged_for_its_whole_duration(server, clock):
    first, second = elector(server, clock, "first"), elector(server, clock, "second")
    await first._try()
    clock.move(100 * SECOND)  # renewTime is old, yet the standby has not watched it: clocks are never compared
    assert not await second._try()
    clock.move(14 * SECOND)
    assert not await second._try()
    clock.move(1 * SECOND)
    assert await second._try()
    assert server.spec["leaseTransitions"] == second.term == first.term + 1


async def test_a_standby_takes_over_at_the_moment_at_which_the_lease_runs_out(server: OneLease, clock: FixedClock):
    first, second = elector(server, clock, "first"), elector(server, clock, "second")
    await first._try()
    clock.move(1.5 * SECOND)
    await second.acquire()
    assert clock.now() - START == 16.5 * SECOND


async def test_a_renewed_lease_is_never_taken(server: OneLease, clock: FixedClock):
    first, second = elector(server, clock, "first"), elector(server, clock, "second")
    for _ in range(20):
        assert await first._try()
        assert not await second._try()
        clock.move(2 * SECOND)


async def test_the_fence_closes_at_the_renew_deadline_before_another_may_lead(server: OneLease, clock: FixedClock):
    leader = elector(server, clock, "first")
    await leader._try()
    clock.move(9.9 * SECOND)
    leader.fence()
    clock.move(0.1 * SECOND)
    with pytest.raises(NotLeader):
        leader.fence()


async def test_the_deadline_counts_from_when_the_renewal_was_sent(server: OneLease, clock: FixedClock):
    leader = elector(server, clock, "first")
    slow = server.read

    async def answers_late(*args: Any) -> Any:
        clock.move(4 * SECOND)
        return await slow(*args)

    server.read = answers_late
    await leader._try()
    clock.move(6 * SECOND)
    with pytest.raises(NotLeader):
        leader.fence()


async def test_an_unreachable_server_ends_leadership_at_the_deadline(server: OneLease, clock: FixedClock):
    leader = elector(server, clock, "first")
    await leader._try()
    server.away = True
    await leader.keep()  # returns: it is lost
    assert timedelta(seconds=10) <= clock.now() - START <= timedelta(seconds=14)
    with pytest.raises(NotLeader):
        leader.fence()


async def test_a_short_outage_is_survived(server: OneLease, clock: FixedClock):
    leader = elector(server, clock, "first")
    await leader._try()
    server.away = True
    clock.move(8 * SECOND)
    assert not await leader._try()
    leader.fence()
    server.away = False
    assert await leader._try()
    clock.move(9 * SECOND)
    leader.fence()


async def test_leadership_ends_at_once_when_another_one_took_the_lease(server: OneLease, clock: FixedClock):
    leader = elector(server, clock, "first")
    await leader._try()
    server._write({**server.lease, "spec": {**server.spec, "holderIdentity": "second"}})
    await leader.keep()
    assert clock.now() - START <= 3 * SECOND
    with pytest.raises(NotLeader):
        leader.fence()


async def test_a_released_lease_is_taken_at_once(server: OneLease, clock: FixedClock):
    first, second = elector(server, clock, "first"), elector(server, clock, "second")
    await first._try()
    await first.release()
    with pytest.raises(NotLeader):
        first.fence()
    assert await second._try()
    await first.release()  # it is not ours to give any more
    assert server.spec["holderIdentity"] == "second"


async def test_a_lease_that_cannot_be_given_back_holds_up_no_shutdown(server: OneLease, clock: FixedClock):
    leader = elector(server, clock, "first")
    await leader._try()
    server.away = True
    await leader.release()
    with pytest.raises(NotLeader):
        leader.fence()


async def test_of_two_that_write_at_once_one_wins(server: OneLease, clock: FixedClock):
    first, second = elector(server, clock, "first"), elector(server, clock, "second")
    await first._try()
    await first.release()
    real = server.read

    async def overtaken(*args: Any) -> Any:
        answer = await real(*args)
        server.read = real
        await second._try()
        return answer

    server.read = overtaken
    assert not await first._try()
    second.fence()
    with pytest.raises(NotLeader):
        first.fence()


async def test_each_new_holder_has_a_higher_term_and_a_renewal_keeps_it(server: OneLease, clock: FixedClock):
    terms = []
    for name in ("first", "second", "first", "third"):
        holder = elector(server, clock, name)
        assert await holder._try()
        terms.append(holder.term)
        clock.move(2 * SECOND)
        assert await holder._try()
        assert holder.term == terms[-1]
        await holder.release()
    assert terms == list(range(terms[0], terms[0] + 4))


async def test_a_lease_deleted_and_made_anew_begins_above_all_terms_before(server: OneLease, clock: FixedClock):
    before = elector(server, clock, "first")
    await before._try()
    server.lease = None
    clock.move(2 * SECOND)
    after = elector(server, clock, "second")
    assert await after._try()
    assert before.term < after.term < 2**31


async def test_a_renewal_that_breaks_ends_the_process_too(monkeypatch: pytest.MonkeyPatch):
    """Without it nobody would renew the Lease, and this process would go on beside the next leader."""

    class Broken:
        async def keep(self) -> None:
            raise KeyError("spec")

    ended: list[int] = []
    monkeypatch.setattr("os._exit", ended.append)
    await exit_when_lost(Broken())  # type: ignore[arg-type]
    assert ended == [1]


async def test_who_is_asked_to_stop_while_standing_by_does_not_lead(server: OneLease, clock: FixedClock):
    leader, standby, stop = elector(server, clock, "first"), elector(server, SystemClock(), "second"), asyncio.Event()
    await leader._try()
    waiting = asyncio.create_task(until(stop, standby.acquire()))
    await asyncio.sleep(0)
    stop.set()
    with pytest.raises(Stopped):
        await waiting
    assert server.spec["holderIdentity"] == "first"
    await leader.release()
    third = elector(server, clock, "third")
    await until(asyncio.Event(), third.acquire())
    third.fence()


def test_two_processes_of_one_pod_have_different_names():
    assert own_identity("pod-1") != own_identity("pod-1")
    assert own_identity("pod-1").startswith("pod-1_")
