"""Two real operators divide the tenants of one cluster: a split, a join, and decisions that concern all tenants."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from askproai_operator import resources
from askproai_operator.grants import Subject, SubjectKind, read_grant
from askproai_operator.shards import shard_index
from tests.load.scale import salons
from tests.load.scale.counters import READS
from tests.load.scale.environment import OPERATOR, SYSTEM, Operator, ScaleEnvironment, open_environment
from tests.load.scale.watching import Watching, watching
from tests.worlds.waiting import SOON, eventually

TENANTS = range(8, 14)
SHARD_OF = {number: shard_index(salons.salon(number).namespace, 2) for number in TENANTS}
FIRST, SECOND = (next(number for number in TENANTS if SHARD_OF[number] == index) for index in (0, 1))
BRANCH = salons.manifests(1)[3]["metadata"]["name"]
pytestmark = [pytest.mark.control_plane, pytest.mark.nightly]


@dataclass
class Fleet:
    """A cluster with some tenants, and its operators by their shard."""

    env: ScaleEnvironment
    seen: Watching
    operators: dict[tuple[int, int], Operator] = field(default_factory=dict)

    async def start(self, index: int, count: int) -> Operator:
        settings = {"ASKPROAI_SHARD_COUNT": str(count), "ASKPROAI_SHARD_INDEX": str(index)}
        started = await self.env.start_operator(f"operator-{index}-of-{count}", **settings)
        self.operators[index, count] = started
        return started

    async def stop(self, index: int, count: int, *, kill: bool = False) -> None:
        await self.env.stop_operator(self.operators.pop((index, count)), kill=kill)

    async def leading(self) -> set[tuple[int, int]]:
        return {shard for shard, operator in self.operators.items() if await operator.leads()}

    async def wait_for_leaders(self, *expected: tuple[int, int]) -> None:
        async def lead() -> bool:
            return await self.leading() == set(expected)

        await eventually(lead, SOON, f"just {expected} to lead", 0.2)

    async def rename(self, number: int, name: str) -> None:
        """Edit a Branch, and wait until the config of its tenant has the edit."""
        namespace = salons.salon(number).namespace
        await self.env.client.merge(resources.BRANCHES.path(namespace, BRANCH), {"spec": {"displayName": name}})
        config = resources.CONFIG_MAPS.path(namespace, f"{namespace}-config")

        async def has_name() -> bool:
            return name in str((await self.env.client.get(config))["data"])

        await eventually(has_name, SOON, f"the config of {namespace} with {name}", 0.2)

    async def ready_tenants(self) -> float:
        """Return how many Tenants are Ready by the metrics of all operators."""
        labels = {"kind": "Tenant", "type": "Ready", "status": "True"}
        return sum([await each.metric("askproai_resource_condition", **labels) for each in self.operators.values()])

    async def holders(self, phone: str) -> list[str]:
        """Return the namespaces that have a number."""
        name = Subject(SubjectKind.NUMBER, phone).name
        found = (await self.env.client.get(resources.CONFIG_MAPS.path(SYSTEM)))["items"]
        grants = [read_grant(each["metadata"].get("annotations")) for each in found if each["metadata"]["name"] == name]
        return [holder.namespace for grant in grants if grant for holder in grant.holders]

    async def wait_for_holder(self, phone: str, number: int | None) -> None:
        expected = [salons.salon(number).namespace] if number is not None else []

        async def is_held() -> bool:
            return await self.holders(phone) == expected

        await eventually(is_held, SOON, f"{phone} to be held by {expected}", 0.2)

    async def list_number(self, number: int, phone: str) -> None:
        path = resources.BRANCHES.path(salons.salon(number).namespace, BRANCH)
        await self.env.client.merge(path, {"spec": {"phoneNumbers": [{"number": phone}]}})

    async def reason(self, number: int, type_: str) -> str:
        branch: dict[str, Any] = await self.env.client.get(
            resources.BRANCHES.path(salons.salon(number).namespace, BRANCH)
        )
        return next((each["reason"] for each in branch["status"]["conditions"] if each["type"] == type_), "")

    async def wait_for_reason(self, number: int, type_: str, reason: str) -> None:
        async def has_reason() -> bool:
            return await self.reason(number, type_) == reason

        await eventually(has_reason, SOON, f"{type_} of branch {number} to be {reason}", 0.2)


@pytest.fixture(scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """Some tenants that one operator made, and the two that have divided them since."""
    async with (
        open_environment(tmp_path_factory.mktemp("fleet"), lambda _: None, durable=False) as env,
        watching(env.client) as seen,
    ):
        fleet = Fleet(env, seen)
        await salons.seed(TENANTS, env.urls["retell"], env.urls["calcom"])
        await fleet.start(0, 1)
        await salons.apply(env.client, TENANTS)
        assert await seen.until(lambda: not seen.unready(len(TENANTS)), 120), seen.unready(len(TENANTS))

        async def counted() -> bool:
            tenants = (await env.client.get(resources.TENANTS.path()))["items"]
            return all("calls24h" in tenant["status"] for tenant in tenants)

        await eventually(counted, 2 * SOON, "the figures of each Tenant, which are counted once a minute", 0.5)
        await env.settled(SOON)
        yield fleet


@pytest.fixture
async def split(fleet: Fleet) -> Fleet:
    """Two operators lead."""
    if (0, 1) in fleet.operators:
        await fleet.start(0, 2)
        await fleet.start(1, 2)
        await fleet.stop(0, 1)
    await fleet.wait_for_leaders((0, 2), (1, 2))
    await fleet.env.settled(SOON)
    return fleet


@pytest.fixture
async def alone(fleet: Fleet) -> Fleet:
    """One operator leads."""
    if (0, 1) not in fleet.operators:
        await fleet.start(0, 1)
        for index in (0, 1):
            await fleet.stop(index, 2)
    await fleet.wait_for_leaders((0, 1))
    await fleet.env.settled(SOON)
    return fleet


async def test_split_divides_the_work_and_recreates_nothing(alone):
    before = await alone.env.counts()
    await alone.start(0, 2)
    second = await alone.start(1, 2)
    await eventually(lambda: b"shard.waiting" in second.child.log.read_bytes(), SOON, "the second one to wait")
    assert await alone.leading() == {(0, 1)}, "both layouts at once would reconcile a tenant twice"
    await alone.stop(0, 1)
    await alone.wait_for_leaders((0, 2), (1, 2))
    await alone.env.settled(SOON)
    cost = (await alone.env.counts()).since(before)
    assert cost.provider_writes() == 0, cost.providers
    written = {what: count for what, count in cost.of(OPERATOR).items() if what[0] not in READS}
    assert written in ({}, {("patch", "configmaps"): 1}), "the report may name the number of operators"
    assert await alone.ready_tenants() == len(TENANTS), "each is counted once"
    for number in TENANTS:
        await alone.rename(number, f"Filiale {number}")
    runs = Counter(
        {shard: await each.metric("askproai_reconcile_total", kind="Tenant") for shard, each in alone.operators.items()}
    )
    assert all(runs.values())


async def test_join_covers_all_tenants_and_recreates_nothing(split):
    """The second operator ends by itself, so its pod delays nothing, even if nobody deletes it."""
    before = await split.env.counts()
    await split.start(0, 1)
    await split.stop(0, 2)
    second = split.operators.pop((1, 2))
    assert await second.child.wait() == 1
    assert b"shard.not_in_force" in second.child.log.read_bytes()
    split.env.operators.remove(second)
    await split.wait_for_leaders((0, 1))
    await split.env.settled(SOON)
    cost = (await split.env.counts()).since(before)
    assert cost.provider_writes() == 0, cost.providers
    assert await split.ready_tenants() == len(TENANTS)
    for number in TENANTS:
        await split.rename(number, f"Salon {number}")


async def test_number_belongs_to_one_tenant_across_operators(split):
    """The holder is in no cache of the second operator, which must not take that for an absence."""
    phone, own = salons.salon(FIRST).number, salons.salon(SECOND).number
    await split.list_number(SECOND, phone)
    await split.wait_for_reason(SECOND, "NumbersValid", "NumberClaimedTwice")
    await split.wait_for_holder(own, None)
    assert await split.holders(phone) == [salons.salon(FIRST).namespace]

    await split.stop(1, 2, kill=True)
    await split.start(1, 2)
    await split.wait_for_leaders((0, 2), (1, 2))  # it reviews all grants at its start
    await split.env.settled(SOON)
    assert await split.holders(phone) == [salons.salon(FIRST).namespace]

    await split.list_number(FIRST, own)
    await split.wait_for_holder(phone, SECOND)  # which its operator learns from the other one's release
    await split.wait_for_reason(SECOND, "NumbersValid", "AsDeclared")
    await split.list_number(FIRST, phone)
    await split.wait_for_reason(FIRST, "NumbersValid", "NumberClaimedTwice")
    await split.list_number(SECOND, own)
    await split.wait_for_holder(phone, FIRST)
    await split.wait_for_holder(own, SECOND)


async def test_first_operator_alone_does_tenantless_work(split):
    runs = {
        (index, kind): await split.operators[index, 2].metric("askproai_reconcile_total", kind=kind)
        for index in (0, 1)
        for kind in ("CoordinatorLogins", "WriteGuard", "RedisDurability")
    }
    assert {shard for (shard, _), count in runs.items() if count} == {0}, runs


async def test_each_operator_watches_the_database_sessions(split):
    """Each knows at once the roles that it made itself; a lookup of the others' can be held up by an attack."""
    conn = await asyncpg.connect(split.env.settings["ASKPROAI_DATABASE_ADMIN_URL"])
    try:
        watches = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'askproai-session-watch'"
        assert await conn.fetchval(watches) == 2
    finally:
        await conn.close()
