"""The election (design §2.3): one leader, failover by what we saw ourselves, a fence before each write outside."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from askproai_operator.engine import Conflict, NotLeader, Ref, Unreachable
from askproai_operator.engine.lease import Elector, Times
from askproai_operator.engine.metrics import Metrics
from askproai_runtime.seams import FixedClock

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class OneLease:
    """An API server that has room for one Lease, with its optimistic lock; `away` makes it unreachable."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.away = False
        self.version = 0

    async def get(self, ref: Ref, namespace: str, name: str) -> dict[str, Any] | None:
        self._reach()
        return deepcopy(self.lease)

    async def create(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        self._reach()
        if self.lease is not None:
            raise Conflict(409, "AlreadyExists", "there is one")
        return self._write(manifest)

    async def replace(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        self._reach()
        assert self.lease is not None
        if obj["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise Conflict(409, "Conflict", "it changed")
        return self._write(obj)

    def _write(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        self.version += 1
        self.lease = deepcopy({**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}})
        return deepcopy(self.lease)

    def _reach(self) -> None:
        if self.away:
            raise Unreachable("GET lease: ClientConnectorError")

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
    return Elector(server, clock, Metrics(), namespace="askproai-system", identity=identity, times=Times())


async def test_the_first_one_gets_the_lease_and_the_second_does_not(server: OneLease, clock: FixedClock):
    first, second = elector(server, clock, "first"), elector(server, clock, "second")
    assert await first._try()
    assert not await second._try()
    first.fence()
    with pytest.raises(NotLeader):
        second.fence()
    assert server.spec["holderIdentity"] == "first"
    assert server.spec["leaseTransitions"] == 0


async def test_a_standby_takes_over_only_after_the_lease_stood_unchanged_for_its_whole_duration(server, clock):
    first, second = elector(server, clock, "first"), elector(server, clock, "second")
    await first._try()
    clock.move(100 * SECOND)  # renewTime is old, yet the standby has not watched it: clocks are never compared
    assert not await second._try()
    clock.move(14 * SECOND)
    assert not await second._try()
    clock.move(1 * SECOND)
    assert await second._try()
    assert server.spec["leaseTransitions"] == 1


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
    slow = server.get

    async def answers_late(*args: Any) -> Any:
        clock.move(4 * SECOND)
        return await slow(*args)

    server.get = answers_late  # type: ignore[method-assign]
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
    server._write({**server.lease, "spec": {**server.spec, "holderIdentity": "second"}})  # type: ignore[dict-item]
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
    real = server.get

    async def overtaken(*args: Any) -> Any:
        answer = await real(*args)
        server.get = real  # type: ignore[method-assign]
        await second._try()
        return answer

    server.get = overtaken  # type: ignore[method-assign]
    assert not await first._try()
    second.fence()
    with pytest.raises(NotLeader):
        first.fence()
