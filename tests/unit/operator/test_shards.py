"""Each namespace has one operator, and operators of two layouts never lead at the same time."""

import asyncio
import heapq
import itertools
from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from askproai_core.kube import Conflict, Elector, LeaseTimes, leadership
from askproai_operator import resources
from askproai_operator.api import Key
from askproai_operator.control_loop import shard_leadership
from askproai_operator.controllers.orphan import LEDGER, LedgerController
from askproai_operator.orphans import OrphanedCache, Owner, add_orphan
from askproai_operator.settings import Settings
from askproai_operator.shards import MAX_SHARDS, Shard, layout_of_holder, shard_index
from tests.worlds.clock import FixedClock
from tests.worlds.waiting import SOON, eventually

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
HOME = "askproai-system"
NAMESPACES = [f"salon-{number}" for number in range(2_000)]


@pytest.mark.parametrize("count", [1, 2, 3, MAX_SHARDS])
def test_each_namespace_belongs_to_one_equal_sized_shard(count):
    shards = [Shard(index, count) for index in range(count)]
    sizes = [sum(shard.owns(name) for name in NAMESPACES) for shard in shards]
    assert sum(sizes) == len(NAMESPACES)
    assert all(sum(shard.owns(name) for shard in shards) == 1 for name in NAMESPACES)
    assert min(sizes) > 0.7 * len(NAMESPACES) / count


def test_a_namespace_keeps_its_shard_across_releases():
    """Two releases run beside each other during an upgrade."""
    assert [shard_index(name, 4) for name in ("salon-mueller", "praxis-nord", "demo")] == [3, 2, 0]


def test_shard_observes_own_namespaces_and_all_grants():
    def raw(namespace: str) -> dict[str, Any]:
        return {"metadata": {"name": "x", "namespace": namespace}}

    own = next(name for name in NAMESPACES if Shard(1, 2).owns(name))
    other = next(name for name in NAMESPACES if Shard(0, 2).owns(name))
    for shard in (Shard(0, 2, HOME), Shard(1, 2, HOME)):
        assert shard.observes(resources.CONFIG_MAPS, raw(HOME)), "also one whose label somebody removed"
        assert shard.observes(resources.CONFIG_MAPS, raw(other)) is (shard.index == 0), "whatever its labels"
        assert shard.observes(resources.TENANTS, raw(own)) is (shard.index == 1)
        assert shard.observes(resources.TENANTS, raw(other)) is (shard.index == 0)


@pytest.mark.parametrize("home", NAMESPACES[:10])
def test_operators_namespace_belongs_to_the_first_shard(home):
    """An object there, such as the coordinator's Secret, is compared with the cache, and not written again and again."""
    assert Shard(0, 2, home).owns(home)
    assert not Shard(1, 2, home).owns(home)


def test_shard_layout_is_parsed_from_the_lease_holder():
    assert layout_of_holder("askproai-operator-7d9f-x2x4q_1a2b3c4d") == 1, "a release without shards"
    assert layout_of_holder(f"askproai-operator-7d9f-x2x4q_1a2b3c4d{Shard(2, 12).holder_suffix}") == 12


def test_unknown_shard_is_refused_at_once():
    with pytest.raises(ValueError, match="the last one is number 1"):
        Settings(shard_count=2, shard_index=2)
    assert Settings(shard_count=2, shard_index=1).shard == Shard(1, 2, "askproai-system")


class SharedClock(FixedClock):
    """The clock of several processes: when all of them sleep, it advances to the first one's wake-up."""

    def __init__(self) -> None:
        super().__init__(START)
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    async def sleep(self, duration: timedelta) -> None:
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.monotonic() + duration.total_seconds(), next(self._numbers), woken))
        await woken

    async def run(self) -> None:
        while True:
            for _ in range(50):  # until nobody has anything to do but sleep
                await asyncio.sleep(0)
            if self._sleepers:
                due, _, woken = heapq.heappop(self._sleepers)
                self.advance(timedelta(seconds=max(0.0, due - self.monotonic())))
                if not woken.done():
                    woken.set_result(None)


class LeaseServer:
    """The Leases of one namespace, with the API server's optimistic lock."""

    def __init__(self) -> None:
        self.leases: dict[str, dict[str, Any]] = {}
        self.version = 0
        self.killed: set[str] = set()  # identities whose requests no longer arrive

    async def read(self, name: str) -> dict[str, Any] | None:
        return deepcopy(self.leases.get(name))

    async def replace(self, lease: Mapping[str, Any]) -> None:
        name = lease["metadata"]["name"]
        if lease["metadata"] != self.leases[name]["metadata"]:
            raise Conflict(409, "Conflict", "it changed")
        self.put(name, lease["spec"])

    def put(self, name: str, spec: Mapping[str, Any]) -> None:
        self.version += 1
        meta = {"name": name, "resourceVersion": str(self.version)}
        self.leases[name] = deepcopy({"metadata": meta, "spec": dict(spec)})

    def holder(self, shard: Shard) -> str:
        return self.leases.get(shard.lease_name, {"spec": {}})["spec"].get("holderIdentity", "")


class Lease:
    """One Lease, as an elector uses it."""

    def __init__(self, server: LeaseServer, name: str, identity: str) -> None:
        self.server, self.name, self.identity = server, name, identity

    async def replace(self, lease: Mapping[str, Any]) -> None:
        if self.identity not in self.server.killed:
            await self.server.replace(lease)

    async def read(self) -> dict[str, Any] | None:
        return await self.server.read(self.name)

    async def create(self, spec: Mapping[str, Any]) -> None:
        if self.name in self.server.leases:
            raise Conflict(409, "AlreadyExists", "there is one")
        self.server.put(self.name, spec)


class Replicas:
    """Processes of several layouts, and the check that no two leaders share a namespace."""

    def __init__(self) -> None:
        self.server, self.clock = LeaseServer(), SharedClock()
        self.leading: dict[str, Shard] = {}
        self.ended_at: dict[str, float] = {}  # of those that ended themselves
        self.led_at: dict[str, float] = {}  # monotonic seconds
        self._running: dict[str, tuple[asyncio.Event, asyncio.Task[None]]] = {}
        self._identities: dict[str, str] = {}

    def start(self, name: str, shard: Shard) -> None:
        stop = asyncio.Event()
        self._identities[name] = name + shard.holder_suffix
        self.server.killed.discard(self._identities[name])
        self._running[name] = (stop, asyncio.create_task(self._run(name, shard, stop)))

    async def stop(self, name: str) -> None:
        stop, task = self._running.pop(name)
        stop.set()
        await asyncio.wait([task])

    async def kill(self, name: str) -> None:
        """End a process without releasing its Lease."""
        _, task = self._running.pop(name)
        self.server.killed.add(self._identities[name])  # this drops the release of its Lease, too
        task.cancel()
        await asyncio.wait([task])

    def _end(self, name: str) -> None:
        """Let a process end itself, which leaves its Lease as it is."""
        self.ended_at[name] = self.clock.monotonic()
        self._ending = asyncio.create_task(self.kill(name))

    async def _run(self, name: str, shard: Shard, stop: asyncio.Event) -> None:
        elector = Elector(
            Lease(self.server, shard.lease_name, self._identities[name]),
            self.clock,
            identity=self._identities[name],
            times=LeaseTimes(),
        )
        async with shard_leadership(shard, elector, self.server, self.clock, stop, lambda: self._end(name)):
            for other, theirs in self.leading.items():
                both = [each for each in NAMESPACES if shard.owns(each) and theirs.owns(each)]
                assert not both, f"{name} and {other} both have {both[:3]}"
            self.leading[name], self.led_at[name] = shard, self.clock.monotonic()
            try:
                await stop.wait()
            finally:
                del self.leading[name]

    async def lead(self, *names: str) -> None:
        """Wait until exactly these processes lead."""
        await eventually(
            lambda: set(self.leading) == set(names), SOON, lambda: f"{names}; there lead {[*self.leading]}"
        )

    async def end(self) -> None:
        failed = [task.exception() for _, task in self._running.values() if task.done() and not task.cancelled()]
        for name in [*self._running]:
            await self.stop(name)
        assert not [error for error in failed if isinstance(error, AssertionError)]


@pytest.fixture
async def replicas():
    found = Replicas()
    time = asyncio.create_task(found.clock.run())
    yield found
    await found.end()
    time.cancel()


async def rests(replicas: Replicas) -> None:
    """Let every process look at the Leases several times."""
    before = replicas.clock.monotonic()
    await eventually(lambda: replicas.clock.monotonic() - before > 5, SOON, "some looks at the Leases")


async def test_two_operators_of_one_layout_lead_simultaneously(replicas):
    replicas.start("b", Shard(1, 2))
    await rests(replicas)
    assert not replicas.leading, "shard 0 leads first"
    replicas.start("a", Shard(0, 2))
    await replicas.lead("a", "b")


async def test_shard_layouts_change_without_two_owners_of_namespace(replicas):
    replicas.start("old", Shard(0, 1))
    await replicas.lead("old")
    replicas.start("a", Shard(0, 2))
    replicas.start("b", Shard(1, 2))
    await rests(replicas)
    assert [*replicas.leading] == ["old"]
    await replicas.stop("old")
    await replicas.lead("a", "b")

    replicas.start("new", Shard(0, 1))
    await replicas.stop("a")
    await eventually(lambda: replicas.server.holder(Shard(0, 1)) == "new", SOON, "the Lease of shard 0")
    await eventually(lambda: "b" in replicas.ended_at, SOON, "the second operator to end by itself")
    await replicas.lead("new")
    waited = replicas.led_at["new"] - replicas.ended_at["b"]
    assert waited > 10, "what it had sent may still arrive, so its Lease has to expire"


async def test_operator_ends_when_an_unsharded_release_leads(replicas):
    """Such a release has all namespaces, and does not look at the Leases of others."""
    replicas.start("a", Shard(0, 2))
    replicas.start("b", Shard(1, 2))
    await replicas.lead("a", "b")
    await replicas.stop("a")
    stop, former = asyncio.Event(), Elector(
        Lease(replicas.server, Shard().lease_name, "former-release"), replicas.clock, identity="former-release", times=LeaseTimes()
    )  # fmt: skip
    async with leadership(former, stop):
        since = replicas.clock.monotonic()
        await replicas.lead()
        assert replicas.ended_at["b"] - since <= 3
        replicas.start("b-again", Shard(1, 2))
        await rests(replicas)
        assert not replicas.leading


async def test_waiting_shard_names_the_holders_repeatedly(replicas):
    with structlog.testing.capture_logs() as logs:
        replicas.start("old", Shard(0, 1))
        await replicas.lead("old")
        replicas.start("b", Shard(1, 2))
        since = replicas.clock.monotonic()
        await eventually(lambda: replicas.clock.monotonic() - since > 150, SOON, "two minutes")
        waiting = [each for each in logs if each["event"] == "shard.waiting"]
        minutes = int((replicas.clock.monotonic() - since) // 60)
    assert {each["holders"] for each in waiting} == {"old"}
    assert minutes <= len(waiting) <= minutes + 2


async def test_standby_of_former_layout_delays_the_new_layout(replicas):
    """A rolling update ends one pod after the other: a former standby takes the Lease that its leader left."""
    replicas.start("old", Shard(0, 1))
    await replicas.lead("old")
    replicas.start("old-standby", Shard(0, 1))
    replicas.start("b", Shard(1, 2))
    await replicas.stop("old")
    await replicas.lead("old-standby")
    replicas.start("a", Shard(0, 2))
    await replicas.stop("old-standby")
    await replicas.lead("a", "b")


async def test_shard_of_an_ended_layout_returns_its_lease(replicas):
    replicas.start("a", Shard(0, 3))
    replicas.start("b", Shard(1, 3))
    await replicas.lead("a", "b")
    replicas.start("left-behind", Shard(1, 3))
    replicas.start("new", Shard(0, 2))
    await replicas.stop("a")
    await replicas.stop("b")
    await replicas.lead("new")
    await rests(replicas)
    assert not replicas.server.holder(Shard(1, 3))
    assert [*replicas.leading] == ["new"]


async def test_killed_process_of_another_layout_is_awaited_once(replicas):
    replicas.start("a", Shard(0, 2))
    replicas.start("b", Shard(1, 2))
    await replicas.lead("a", "b")
    await replicas.kill("b")
    await replicas.stop("a")
    killed_at = replicas.clock.monotonic()
    replicas.start("first", Shard(0, 1))
    await replicas.lead("first")
    assert replicas.led_at["first"] - killed_at >= LeaseTimes().duration.total_seconds()
    assert not replicas.server.holder(Shard(1, 2))
    await replicas.stop("first")
    again = replicas.clock.monotonic()
    replicas.start("second", Shard(0, 1))
    await replicas.lead("second")
    assert replicas.led_at["second"] - again < 5


class Kube:
    """The Secrets of the operator's namespace."""

    def __init__(self) -> None:
        self.secrets: list[dict[str, Any]] = []

    async def create(self, manifest: dict[str, Any]) -> None:
        data = manifest.get("data") or {}
        meta = manifest["metadata"] | {"uid": manifest["metadata"]["name"]}
        self.secrets.append({"metadata": meta, "data": data})

    async def list(self, *_: Any) -> list[dict[str, Any]]:
        return self.secrets


async def test_each_orphan_is_tried_by_one_operator():
    kube, clock = Kube(), FixedClock(datetime(2026, 11, 20, 9, tzinfo=UTC))
    names = [f"salon-{number}" for number in range(12)]
    for name in names:
        context = SimpleNamespace(kube=kube, clock=clock, settings=Settings())
        await add_orphan(OrphanedCache(Owner("Tenant", name, name, "uid")), {}, "away", context)  # type: ignore[arg-type]
    tried: list[list[Key]] = []
    counted: list[int] = []
    for index in (0, 1):
        keys: list[Key] = []
        settings = Settings(shard_count=2, shard_index=index)
        controller = LedgerController(lambda counts: counted.append(counts["cache"]), keys.append)
        context = SimpleNamespace(kube=kube, clock=clock, settings=settings)
        await controller.reconcile(settings.background_key(LEDGER), context)  # type: ignore[arg-type]
        tried.append(keys)
    assert all(tried), "both have some"
    assert counted == [len(keys) for keys in tried]
    assert {key.name for keys in tried for key in keys} == {each["metadata"]["name"] for each in kube.secrets}
    assert not set(tried[0]) & set(tried[1])
