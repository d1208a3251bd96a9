"""Orphans: the objects that an agent leaves at Retell when its deletion's budget runs out, and their later removal."""

from dataclasses import replace
from datetime import timedelta

import pytest

from askproai_core.kube import NotLeader, Unreachable
from askproai_operator import resources
from askproai_operator.context import ReconcileContext
from askproai_operator.control_loop.loop import ReconcileLoop
from askproai_operator.control_loop.metrics import Metrics
from askproai_operator.control_loop.queue import WorkQueue
from askproai_operator.controllers.orphan import LEDGER, ORPHAN, LedgerController, orphan_options, reconcile_orphan
from tests.worlds.agent_environment import KEY, NUMBER, OPERATOR_NAMESPACE, RETELL_KEY, AgentEnvironment, agent

pytestmark = pytest.mark.nightly

BEYOND_BUDGET = timedelta(minutes=10, seconds=1)


class OrphanQueue:
    """The ledger's controllers on a real work queue, run step by step: the ledger, and then every orphan that is due."""

    def __init__(self, context: ReconcileContext, metrics: Metrics) -> None:
        options = {ORPHAN: orphan_options(context.settings)}
        self._queue = WorkQueue(context.clock, metrics, options=options)
        ledger = LedgerController(metrics.set_orphan_counts, self._queue.add_unknown)
        controllers = {LEDGER: ledger.reconcile, ORPHAN: reconcile_orphan}
        self._loop = ReconcileLoop(controllers, context, self._queue, metrics)
        self._ledger = context.settings.background_key(LEDGER)

    async def run_due(self) -> None:
        """Process the keys that are due at the context's clock."""
        self._queue.promote_due()
        self._queue.add(self._ledger)
        await self._process(await self._queue.get())
        while len(self._queue):
            await self._process(await self._queue.get(ORPHAN))

    async def _process(self, key) -> None:
        await self._loop.process(key)
        self._queue.done(key)


def orphans(env: AgentEnvironment) -> list[dict]:
    """Return the Secrets in which orphans are recorded."""
    secrets = ("Secret", OPERATOR_NAMESPACE)
    return [raw for (kind, namespace, _), raw in env.api.objects.items() if (kind, namespace) == secrets]


async def given_up(env: AgentEnvironment) -> OrphanQueue:
    """Delete an agent whose provider is away for longer than the budget; return the queue that retries."""
    await env.settle()
    await env.inject_fault("list-agents", "error-before-commit", count=1000)
    env.delete()
    assert (await env.reconcile()).requeue
    env.clock.advance(BEYOND_BUDGET)
    assert (await env.reconcile()).gone, "the deletion of a namespace always ends"
    env.remove(resources.SECRETS, "salon-teardown")  # deleted with its namespace
    return OrphanQueue(env.context, Metrics())


async def provider_is_back(env: AgentEnvironment) -> None:
    env.simulator.faults.clear()
    env.clock.advance(timedelta(hours=1))


async def test_orphans_are_removed_when_the_provider_is_back(new_env):
    retry = await given_up(new_env)
    (entry,) = orphans(new_env)
    assert tuple(KEY) not in new_env.api.objects
    kind, reason, message = new_env.api.events[-1]
    assert (kind, reason) == ("Warning", "LeftOver")
    assert f"Secret askproai-system/{entry['metadata']['name']}" in message
    assert RETELL_KEY not in str(entry["metadata"]), "the key is in the data only"
    await retry.run_due()
    assert len(orphans(new_env)) == 1
    await provider_is_back(new_env)
    await retry.run_due()
    assert (new_env.workspace["agents"], new_env.workspace["llms"]) == ({}, {})
    assert not new_env.workspace["numbers"][NUMBER].get("inbound_agents")
    assert orphans(new_env) == []
    assert new_env.api.events[-1][1] == "LeftOverRemoved"


async def test_orphan_retries_back_off_and_write_nothing_new(new_env):
    retry = await given_up(new_env)
    await retry.run_due()
    requests, writes = len(new_env.retell_requests), new_env.api.writes
    await retry.run_due()
    assert len(new_env.retell_requests) == requests, "its backoff has not passed"
    new_env.clock.advance(timedelta(seconds=61))
    await retry.run_due()
    assert len(new_env.retell_requests) > requests
    assert new_env.api.writes == writes, "the reason is the same"


async def test_recreated_agent_keeps_the_remote_agent_it_adopted(new_env):
    retry = await given_up(new_env)
    (agent_id,) = new_env.workspace["agents"]
    namesake = agent() | {"status": {"agentId": agent_id}}
    new_env.put(resources.AGENTS, {**namesake, "metadata": {**namesake["metadata"], "uid": "u-namesake"}})
    await provider_is_back(new_env)
    written = new_env.retell_writes()
    await retry.run_due()
    assert orphans(new_env) == []
    assert new_env.retell_writes() == written


async def test_orphan_stays_while_recreated_agent_may_adopt_it(new_env):
    retry = await given_up(new_env)
    namesake = agent()
    new_env.put(resources.AGENTS, {**namesake, "metadata": {**namesake["metadata"], "uid": "u-namesake"}})
    await provider_is_back(new_env)
    await retry.run_due()
    (entry,) = orphans(new_env)
    assert "RetellAgent salon/mitte again" in entry["metadata"]["annotations"]["askproai.de/last-error"]
    assert len(new_env.workspace["agents"]) == 1
    new_env.remove(resources.AGENTS, "mitte")
    new_env.clock.advance(timedelta(hours=1))
    await retry.run_due()
    assert new_env.workspace["agents"] == {}


async def test_orphan_without_a_key_names_the_secrets_content(env):
    env.remove(resources.SECRETS, "salon-teardown")
    env.delete()
    env.clock.advance(BEYOND_BUDGET)
    assert (await env.reconcile()).gone
    await OrphanQueue(env.context, Metrics()).run_due()
    (entry,) = orphans(env)
    assert "put retell-api-key" in entry["metadata"]["annotations"]["askproai.de/last-error"]


async def test_orphan_gauge_counts_all_orphans(new_env):
    await given_up(new_env)
    metrics = Metrics()
    retry = OrphanQueue(new_env.context, metrics)
    await retry.run_due()
    assert metrics.registry.get_sample_value("askproai_leftovers", {"sort": "agent"}) == 1
    await provider_is_back(new_env)
    await retry.run_due()
    await retry.run_due()
    assert metrics.registry.get_sample_value("askproai_leftovers", {"sort": "agent"}) is None


async def test_deposed_leader_removes_no_orphan(new_env):
    def lost() -> None:
        raise NotLeader("the Lease is another's")

    await given_up(new_env)
    await provider_is_back(new_env)
    written = new_env.retell_writes()
    retry = OrphanQueue(replace(new_env.context, fence=lost), Metrics())
    await retry.run_due()
    assert new_env.retell_writes() == written
    assert len(orphans(new_env)) == 1


async def test_unreadable_orphan_does_not_delay_another_orphan(new_env):
    retry = await given_up(new_env)
    (entry,) = orphans(new_env)
    broken = {**entry, "metadata": {**entry["metadata"], "name": "broken"}, "data": {"entry.json": "e30="}}
    new_env.put(resources.SECRETS, broken)
    await provider_is_back(new_env)
    await retry.run_due()
    assert [orphan["metadata"]["name"] for orphan in orphans(new_env)] == ["broken"], "a person has to look at it"
    assert new_env.workspace["agents"] == {}


async def test_unexpected_provider_answer_is_reported_and_retried(new_env, monkeypatch):
    retry = await given_up(new_env)
    await provider_is_back(new_env)

    async def fail(*_: object) -> None:
        raise KeyError("agent_id")

    monkeypatch.setattr("askproai_operator.controllers.orphan.remove_remote_objects", fail)
    await retry.run_due()
    (entry,) = orphans(new_env)
    assert "KeyError in the operator" in entry["metadata"]["annotations"]["askproai.de/last-error"]
    monkeypatch.undo()
    new_env.clock.advance(timedelta(hours=1))
    await retry.run_due()
    assert orphans(new_env) == []


async def test_unrecordable_orphan_delays_no_deletion_and_is_reported(env):
    (agent_id,) = env.workspace["agents"]
    await env.inject_fault("list-agents", "error-before-commit", count=1000)
    env.delete()
    env.clock.advance(BEYOND_BUDGET)
    env.api.next_answers["secrets"] = [503, 403]
    with pytest.raises(Unreachable):
        await env.reconcile()
    assert tuple(KEY) in env.api.objects, "nothing is given up before it is recorded"
    assert (await env.reconcile()).gone
    assert agent_id in env.api.events[-1][2]
    assert "remove it by hand" in env.api.events[-1][2]
