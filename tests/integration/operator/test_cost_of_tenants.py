"""The cost of a tenant in requests, as `make scale` counts them, so that it cannot creep. Times are not checked here."""

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from askproai_operator.api import KINDS
from tests.load.scale.counters import READS, Counts
from tests.load.scale.environment import OPERATOR, open_environment
from tests.load.scale.phases import Run, one, ready
from tests.load.scale.watching import watching
from tests.worlds.waiting import eventually

TENANTS = 20
RESYNC_SECONDS = 5
RESYNCS = 5  # that the quiet phase has at least
pytestmark = [pytest.mark.control_plane, pytest.mark.timeout(600), pytest.mark.nightly]


@dataclass(frozen=True)
class Costs:
    """The operator's requests: until all tenants were Ready, after a restart, and while nothing happened."""

    ready: Counts
    restart: Counts  # until every object was looked at
    quiet: Counts
    reconciles: float  # of Tenants, in the quiet phase
    branch_reconciles: float  # in the quiet phase
    resyncs: float  # due from the restart to the end of the quiet phase
    runs: Mapping[str, float]  # reconciles of each kind for each new tenant


@pytest.fixture(scope="module")
async def costs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Costs]:
    """Count without a resync, then in a second process that has one every five seconds and nothing else to do."""
    directory: Path = tmp_path_factory.mktemp("scale")
    async with (
        open_environment(directory, lambda _: None, durable=False, RESYNC_SECONDS="3600") as env,
        watching(env.client) as seen,
    ):
        run = Run(env, seen, TENANTS, 0, lambda _: None, edits_meanwhile=0)
        await one(run)
        await ready(run)
        made = {kind: await run.operator.metric("askproai_reconcile_total", kind=kind) for kind in KINDS}
        await env.stop_operator(run.operator)
        stopped = await env.counts()
        restarted = time.monotonic()
        second = await env.start_operator("second", ASKPROAI_RESYNC_SECONDS=str(RESYNC_SECONDS))
        await eventually(second.leads, 60, "the second process to lead", 0.2)
        await env.settled(120)

        async def reconciles(kind: str = "Tenant") -> float:
            return await second.metric("askproai_reconcile_total", kind=kind)

        async def resynced() -> bool:
            return await reconciles("QuietTenants") - together >= RESYNCS

        async def all_quiet() -> bool:
            return await second.metric("askproai_quiet_tenants") == TENANTS + 1

        await eventually(all_quiet, 60, "all Tenants to be quiet", 0.5)
        before, first, of_branches = await env.counts(), await reconciles(), await reconciles("Branch")
        together, restart = await reconciles("QuietTenants"), before.since(stopped)
        await eventually(resynced, 120, "some resyncs", 0.5)
        quiet = (await env.counts()).since(before)
        tenants, branches = await reconciles() - first, await reconciles("Branch") - of_branches
        resyncs = (time.monotonic() - restarted) / RESYNC_SECONDS
        runs = {kind: count / TENANTS for kind, count in made.items()}
        yield Costs(run.ready_cost, restart, quiet, tenants, branches, resyncs, runs)


def test_idle_operator_writes_nothing(costs):
    assert costs.quiet.writes(OPERATOR) == 0, costs.quiet.of(OPERATOR)
    assert costs.quiet.provider_writes() == 0, costs.quiet.providers


def test_quiet_tenants_and_branches_are_reconciled_less_often(costs):
    """Their intervals vary by a fifth. After the restart all are reconciled soon, and so due again at about the same time; how
    many of them in the quiet phase depends on the machine's speed. No Tenant is due twice in 12 resyncs, no Branch in 4.
    """
    assert costs.reconciles <= (TENANTS + 1) * (costs.resyncs // 12), costs
    assert costs.branch_reconciles <= (TENANTS + 1) * (costs.resyncs // 4), costs


def test_restart_writes_almost_nothing_and_reads_little(costs):
    """A Tenant's status gets its first figures by the first common look, which the process before did not have; one ConfigMap is
    the operator's own. A look at a tenant takes four requests to Retell, and to Cal.com one and one for each of six event types.
    A request that is not answered in time is repeated; one more of each tenant would be 12.
    """
    sent = costs.restart.of(OPERATOR)
    written = {what: count for what, count in sent.items() if what[0] not in READS}
    assert written.pop(("patch", "tenants/status"), 0) <= TENANTS + 1, sent
    assert written.pop(("patch", "configmaps"), 0) <= 1, sent
    assert written == {}, sent
    assert costs.restart.provider_writes() == 0, costs.restart.providers
    assert costs.restart.provider_reads() / (TENANTS + 1) < 12, costs.restart.providers


def test_a_quiet_tenant_costs_few_reads(costs):
    """A Tenant only costs the reads for its looks at providers. The other reads are the operator's Lease and lists."""
    assert costs.quiet.reads(OPERATOR) <= 2 * TENANTS, costs.quiet.of(OPERATOR)
    assert costs.quiet.provider_reads() <= 2 * TENANTS, costs.quiet.providers


def test_new_tenant_costs_a_bounded_number_of_requests(costs):
    """Bounds are the present costs (45, 4.5, 14, 5), and a little more, since the order of events differs; lower them together.

    One write brings the greeting of the published version to the pods. Another one brings a new data key into `T-teardown`, which
    is read before if the watch has not reported it yet.
    """
    of = costs.ready
    sent = dict(of.of(OPERATOR))
    read = {what: count for what, count in sent.items() if what[0] in READS}
    assert of.writes(OPERATOR) / TENANTS <= 47, sent
    # Pods are listed for a new config until each has an address: most often 2.5 times, and more on a slower machine. Each other
    # resource is listed once, when the operator starts.
    assert read.pop(("list", "pods"), 0) / TENANTS <= 5, sent
    assert sum(count for (verb, _), count in read.items() if verb != "list") / TENANTS <= 6, read
    assert all(count == 1 for (verb, _), count in read.items() if verb == "list"), read
    assert of.provider_reads() / TENANTS <= 16, of.providers
    assert of.provider_writes() / TENANTS == 5, of.providers


@pytest.mark.parametrize(("kind", "most"), [("Tenant", 7), ("Branch", 5), ("ServiceOffering", 5), ("RetellAgent", 6)])
def test_new_tenant_reconciles_nothing_for_unread_changes(costs, kind, most):
    """Bounds are the present counts (4.7, 3.6, 3.2, 4.5; 6.2 for a Tenant beside other load: its events then come one by one), and
    a little more; a tenant has three services.
    """
    assert costs.runs[kind] <= most, costs.runs
