"""What an agent leaves at Retell when its deletion's budget runs out, and the ledger that tries again (design §2.6)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from agent_world import KEY, NUMBER, RETELL_KEY, Scene, agent, scene
from orphan_queue import OrphanQueue

from askproai_operator.engine import ApiError, NotLeader, Unreachable, refs
from askproai_operator.engine.metrics import Metrics

BEYOND = timedelta(minutes=10, seconds=1)


def ledger(s: Scene) -> list[dict]:
    return [raw for (kind, where, _), raw in s.kube.objects.items() if (kind, where) == ("Secret", "askproai-system")]


async def given_up(s: Scene) -> OrphanQueue:
    """An agent whose provider was away for longer than the budget; gives the loop over the ledger."""
    await s.settle()
    await s.fault("list-agents", "error-before-commit", count=1000)
    s.delete()
    assert (await s.step()).requeue
    s.clock.move(BEYOND)
    assert (await s.step()).gone, "a namespace's deletion always finishes"
    del s.kube.objects["Secret", "salon", "salon-teardown"]  # the tenant's own copy goes with its namespace
    return OrphanQueue(s.world, Metrics())


async def provider_is_back(s: Scene) -> None:
    s.simulator.faults.clear()
    s.clock.move(timedelta(hours=1))


async def test_what_a_provider_that_was_away_kept_is_removed_when_it_is_back() -> None:
    async with scene() as s:
        retry = await given_up(s)
        (entry,) = ledger(s)
        assert tuple(KEY) not in s.kube.objects
        kind, reason, message = s.kube.events[-1]
        assert (kind, reason) == ("Warning", "LeftOver")
        assert f"Secret askproai-system/{entry['metadata']['name']}" in message
        assert RETELL_KEY not in str(entry["metadata"]), "a key stands in data only"
        await retry.run_due()
        assert len(ledger(s)) == 1
        await provider_is_back(s)
        await retry.run_due()
        assert (s.workspace["agents"], s.workspace["llms"]) == ({}, {})
        assert not s.workspace["numbers"][NUMBER].get("inbound_agents")
        assert ledger(s) == []
        assert s.kube.events[-1][1] == "LeftOverRemoved"


async def test_tries_come_ever_more_seldom_and_write_nothing_new() -> None:
    async with scene() as s:
        retry = await given_up(s)
        await retry.run_due()
        asked, written = len(s.entries), s.kube.writes
        await retry.run_due()
        assert len(s.entries) == asked, "its backoff has not passed"
        s.clock.move(timedelta(seconds=61))
        await retry.run_due()
        assert len(s.entries) > asked
        assert s.kube.writes == written, "the reason is the same"


async def test_a_namesake_that_took_the_agent_over_keeps_it() -> None:
    async with scene() as s:
        retry = await given_up(s)
        (agent_id,) = s.workspace["agents"]
        again = agent() | {"status": {"agentId": agent_id}}
        s.kube.put(refs.AGENTS, {**again, "metadata": {**again["metadata"], "uid": "u-again"}})
        await provider_is_back(s)
        written = s.written()
        await retry.run_due()
        assert ledger(s) == []
        assert s.written() == written


async def test_while_a_namesake_may_use_it_nothing_is_removed() -> None:
    async with scene() as s:
        retry = await given_up(s)
        again = agent()
        s.kube.put(refs.AGENTS, {**again, "metadata": {**again["metadata"], "uid": "u-again"}})
        await provider_is_back(s)
        await retry.run_due()
        (entry,) = ledger(s)
        assert "RetellAgent salon/mitte again" in entry["metadata"]["annotations"]["askproai.de/last-error"]
        assert len(s.workspace["agents"]) == 1
        del s.kube.objects[tuple(KEY)]
        s.clock.move(timedelta(hours=1))
        await retry.run_due()
        assert s.workspace["agents"] == {}


async def test_an_entry_without_a_key_says_what_to_put_there() -> None:
    async with scene() as s:
        await s.settle()
        del s.kube.objects["Secret", "salon", "salon-teardown"]
        s.delete()
        s.clock.move(BEYOND)
        assert (await s.step()).gone
        await OrphanQueue(s.world, Metrics()).run_due()
        (entry,) = ledger(s)
        assert "put retell-api-key" in entry["metadata"]["annotations"]["askproai.de/last-error"]


async def test_the_gauge_counts_what_is_left() -> None:
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
        assert len(ledger(s)) == 1


async def test_a_rate_limit_is_waited_out_as_long_as_retell_says() -> None:
    async with scene() as s:
        await s.settle()
        await s.fault("list-agents", "rate-limited", count=1)
        s.delete()
        result = await s.step()
        assert result.requeue_after is not None
        assert not result.requeue


async def test_an_entry_that_nobody_can_read_holds_up_no_other() -> None:
    async with scene() as s:
        retry = await given_up(s)
        (entry,) = ledger(s)
        broken = {**entry, "metadata": {**entry["metadata"], "name": "broken"}, "data": {"entry.json": "e30="}}
        s.kube.put(refs.SECRETS, broken)
        await provider_is_back(s)
        await retry.run_due()
        assert [one["metadata"]["name"] for one in ledger(s)] == ["broken"], "nobody can read it, so a person must"
        assert s.workspace["agents"] == {}


async def test_an_odd_answer_of_the_provider_is_told_and_tried_again(monkeypatch) -> None:
    async with scene() as s:
        retry = await given_up(s)
        await provider_is_back(s)

        async def odd(*_: object) -> None:
            raise KeyError("agent_id")

        monkeypatch.setattr("askproai_operator.controllers.orphan.remove_remains", odd)
        await retry.run_due()
        (entry,) = ledger(s)
        assert "KeyError in the operator" in entry["metadata"]["annotations"]["askproai.de/last-error"]
        monkeypatch.undo()
        s.clock.move(timedelta(hours=1))
        await retry.run_due()
        assert ledger(s) == []


async def test_a_ledger_that_cannot_be_written_holds_up_no_end_and_is_told(monkeypatch) -> None:
    async with scene() as s:
        await s.settle()
        (agent_id,) = s.workspace["agents"]
        await s.fault("list-agents", "error-before-commit", count=1000)
        s.delete()
        s.clock.move(BEYOND)
        errors = [Unreachable("the API server is away"), ApiError(403, "Forbidden", "no right")]

        async def refuse(_: object) -> None:
            raise errors.pop(0)

        monkeypatch.setattr(s.kube, "create", refuse)
        with pytest.raises(Unreachable):
            await s.step()
        assert tuple(KEY) in s.kube.objects, "nothing is given up before it is kept"
        assert (await s.step()).gone
        assert agent_id in s.kube.events[-1][2]
        assert "remove it by hand" in s.kube.events[-1][2]
