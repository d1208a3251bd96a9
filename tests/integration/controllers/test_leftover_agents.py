"""Orphans: what an agent leaves at Retell when the budget of its deletion runs out, and how it is removed later."""

from dataclasses import replace
from datetime import timedelta

import pytest
from agent_world import KEY, NUMBER, OPERATOR_NAMESPACE, RETELL_KEY, Scene, agent, scene
from orphan_queue import OrphanQueue

from askproai_operator.engine import NotLeader, Unreachable, resources
from askproai_operator.engine.metrics import Metrics

BEYOND_BUDGET = timedelta(minutes=10, seconds=1)


def orphans(s: Scene) -> list[dict]:
    """Return the Secrets in which orphans are recorded."""
    secrets = ("Secret", OPERATOR_NAMESPACE)
    return [raw for (kind, namespace, _), raw in s.api.objects.items() if (kind, namespace) == secrets]


async def given_up(s: Scene) -> OrphanQueue:
    """Delete an agent whose provider is away for longer than the budget; return the loop that tries again."""
    await s.settle()
    await s.fault("list-agents", "error-before-commit", count=1000)
    s.delete()
    assert (await s.step()).requeue
    s.clock.advance(BEYOND_BUDGET)
    assert (await s.step()).gone, "the deletion of a namespace always ends"
    s.remove(resources.SECRETS, "salon-teardown")  # deleted with its namespace
    return OrphanQueue(s.world, Metrics())


async def provider_is_back(s: Scene) -> None:
    s.simulator.faults.clear()
    s.clock.advance(timedelta(hours=1))


async def test_orphans_are_removed_when_the_provider_is_back() -> None:
    async with scene() as s:
        retry = await given_up(s)
        (entry,) = orphans(s)
        assert tuple(KEY) not in s.api.objects
        kind, reason, message = s.api.events[-1]
        assert (kind, reason) == ("Warning", "LeftOver")
        assert f"Secret askproai-system/{entry['metadata']['name']}" in message
        assert RETELL_KEY not in str(entry["metadata"]), "the key is in the data only"
        await retry.run_due()
        assert len(orphans(s)) == 1
        await provider_is_back(s)
        await retry.run_due()
        assert (s.workspace["agents"], s.workspace["llms"]) == ({}, {})
        assert not s.workspace["numbers"][NUMBER].get("inbound_agents")
        assert orphans(s) == []
        assert s.api.events[-1][1] == "LeftOverRemoved"


async def test_tries_back_off_and_write_nothing_new() -> None:
    async with scene() as s:
        retry = await given_up(s)
        await retry.run_due()
        requests, writes = len(s.entries), s.api.writes
        await retry.run_due()
        assert len(s.entries) == requests, "its backoff has not passed"
        s.clock.advance(timedelta(seconds=61))
        await retry.run_due()
        assert len(s.entries) > requests
        assert s.api.writes == writes, "the reason is the same"


async def test_a_namesake_that_adopted_the_agent_keeps_it() -> None:
    async with scene() as s:
        retry = await given_up(s)
        (agent_id,) = s.workspace["agents"]
        namesake = agent() | {"status": {"agentId": agent_id}}
        s.put(resources.AGENTS, {**namesake, "metadata": {**namesake["metadata"], "uid": "u-namesake"}})
        await provider_is_back(s)
        written = s.written()
        await retry.run_due()
        assert orphans(s) == []
        assert s.written() == written


async def test_while_a_namesake_may_use_it_nothing_is_removed() -> None:
    async with scene() as s:
        retry = await given_up(s)
        namesake = agent()
        s.put(resources.AGENTS, {**namesake, "metadata": {**namesake["metadata"], "uid": "u-namesake"}})
        await provider_is_back(s)
        await retry.run_due()
        (entry,) = orphans(s)
        assert "RetellAgent salon/mitte again" in entry["metadata"]["annotations"]["askproai.de/last-error"]
        assert len(s.workspace["agents"]) == 1
        s.remove(resources.AGENTS, "mitte")
        s.clock.advance(timedelta(hours=1))
        await retry.run_due()
        assert s.workspace["agents"] == {}


async def test_an_orphan_without_a_key_says_what_to_put_into_its_secret() -> None:
    async with scene() as s:
        await s.settle()
        s.remove(resources.SECRETS, "salon-teardown")
        s.delete()
        s.clock.advance(BEYOND_BUDGET)
        assert (await s.step()).gone
        await OrphanQueue(s.world, Metrics()).run_due()
        (entry,) = orphans(s)
        assert "put retell-api-key" in entry["metadata"]["annotations"]["askproai.de/last-error"]


async def test_the_gauge_counts_orphans() -> None:
    async with scene() as s:
        await given_up(s)
        metrics = Metrics()
        retry = OrphanQueue(s.world, metrics)
        await retry.run_due()
        assert metrics.registry.get_sample_value("askproai_leftovers", {"sort": "agent"}) == 1
        await provider_is_back(s)
        await retry.run_due()
        await retry.run_due()
        assert metrics.registry.get_sample_value("askproai_leftovers", {"sort": "agent"}) is None


async def test_a_deposed_leader_removes_nothing() -> None:
    def lost() -> None:
        raise NotLeader("the Lease is another's")

    async with scene() as s:
        await given_up(s)
        await provider_is_back(s)
        written = s.written()
        retry = OrphanQueue(replace(s.world, fence=lost), Metrics())
        await retry.run_due()
        assert s.written() == written
        assert len(orphans(s)) == 1


async def test_a_rate_limit_is_waited_out_as_long_as_retell_asks() -> None:
    async with scene() as s:
        await s.settle()
        await s.fault("list-agents", "rate-limited", count=1)
        s.delete()
        result = await s.step()
        assert result.requeue_after is not None
        assert not result.requeue


async def test_an_unreadable_orphan_holds_up_no_other() -> None:
    async with scene() as s:
        retry = await given_up(s)
        (entry,) = orphans(s)
        broken = {**entry, "metadata": {**entry["metadata"], "name": "broken"}, "data": {"entry.json": "e30="}}
        s.put(resources.SECRETS, broken)
        await provider_is_back(s)
        await retry.run_due()
        assert [orphan["metadata"]["name"] for orphan in orphans(s)] == ["broken"], "a person has to look at it"
        assert s.workspace["agents"] == {}


async def test_an_unexpected_answer_of_the_provider_is_reported_and_tried_again(monkeypatch) -> None:
    async with scene() as s:
        retry = await given_up(s)
        await provider_is_back(s)

        async def fail(*_: object) -> None:
            raise KeyError("agent_id")

        monkeypatch.setattr("askproai_operator.controllers.orphan.remove_remote_objects", fail)
        await retry.run_due()
        (entry,) = orphans(s)
        assert "KeyError in the operator" in entry["metadata"]["annotations"]["askproai.de/last-error"]
        monkeypatch.undo()
        s.clock.advance(timedelta(hours=1))
        await retry.run_due()
        assert orphans(s) == []


async def test_an_orphan_that_cannot_be_recorded_delays_no_deletion_and_is_reported() -> None:
    async with scene() as s:
        await s.settle()
        (agent_id,) = s.workspace["agents"]
        await s.fault("list-agents", "error-before-commit", count=1000)
        s.delete()
        s.clock.advance(BEYOND_BUDGET)
        s.api.next_answers["secrets"] = [503, 403]
        with pytest.raises(Unreachable):
            await s.step()
        assert tuple(KEY) in s.api.objects, "nothing is given up before it is recorded"
        assert (await s.step()).gone
        assert agent_id in s.api.events[-1][2]
        assert "remove it by hand" in s.api.events[-1][2]
