"""Retell gives up an event after three retries. The poll finds the lost events, and late events add their details."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from askproai_core.database import Pool
from askproai_core.tenant_config.config import RetellConfig
from askproai_runtime.calls.store import set_call_branch
from askproai_runtime.encryption import no_cipher
from askproai_runtime.intake import EventStore, Source, identify
from askproai_runtime.settings import Settings
from askproai_runtime.tasks import PutOff, StaleRun
from askproai_sandbox.example_tenant import AGENT_ID
from askproai_sandbox.simulator import FaultKind
from tests.worlds.call_poll_environment import SAID, CallPollEnvironment, delete_calls, open_call_poll_environment
from tests.worlds.retell_contract import check_exchange
from tests.worlds.tenant_pod import TenantPod, running_worker
from tests.worlds.waiting import SOON, eventually

PAGE_SIZE = "askproai_runtime.calls.at_retell._PAGE_SIZE"
ENDED = {"call_status": "ended", "disconnection_reason": "agent_hangup", "transcript": SAID}


@pytest.fixture
async def polled(request: pytest.FixtureRequest, pod: TenantPod) -> AsyncIterator[CallPollEnvironment]:
    """The module's pod, without the calls of earlier tests."""
    await delete_calls(pod)
    async with open_call_poll_environment(pod, getattr(request, "param", check_exchange)) as opened:
        yield opened


async def test_poll_stores_a_lost_call_end(polled: CallPollEnvironment) -> None:
    await polled.started("call_1", began=20)
    polled.add("call_1", began=20, ended=15, analyzed=True)
    await polled.poll()
    assert await polled.state("call_1") == ("ended", "user_hangup", True)
    row = await polled.row("call_1")
    assert row is not None
    assert (row["branch"], row["transcript"]) == ("mitte", SAID)
    assert row["ended_at"] - row["started_at"] == timedelta(minutes=5)
    assert [polled.found(name) for name in ("call_started", "call_ended", "call_analyzed")] == [0, 1, 1]


async def test_poll_finds_a_lost_call_analysis(polled: CallPollEnvironment) -> None:
    times = {"start_timestamp": polled.milliseconds(20), "end_timestamp": polled.milliseconds(15)}
    await polled.pod.retell("call_ended", "call_1", **ENDED, **times)
    await polled.processed()
    polled.add("call_1", began=20, ended=15, analyzed=True, disconnection_reason="agent_hangup")
    await polled.poll()
    assert await polled.state("call_1") == ("ended", "agent_hangup", True)
    assert await polled.events() == ["call_1:call_analyzed:poll 1", "call_1:call_ended 1"]
    assert [polled.found(name) for name in ("call_ended", "call_analyzed")] == [0, 1]


async def test_poll_finds_a_call_without_events(polled: CallPollEnvironment) -> None:
    polled.add("call_over", began=60, ended=50, analyzed=True)
    polled.add("call_going_on", began=12)
    await polled.poll()
    assert await polled.state("call_over") == ("ended", "user_hangup", True)
    assert (await polled.state("call_going_on"))[0] == "ongoing"
    assert polled.found("call_started") == 1


async def test_event_after_polls_adds_details_unavailable_at_retell(polled: CallPollEnvironment) -> None:
    """By default Retell keeps no transcript, so only its webhook has one."""
    polled.add("call_1", began=60, ended=50, transcript=None)
    await polled.poll()
    late = await polled.pod.retell("call_ended", "call_1", **ENDED)
    assert late.body["status"] == "accepted"
    await polled.processed()
    row = await polled.row("call_1")
    assert row is not None
    assert (row["status"], row["transcript"]) == ("ended", SAID)
    assert await polled.events() == ["call_1:call_ended 1", "call_1:call_ended:poll 1"]


async def test_spooled_event_survives_an_earlier_poll(polled: CallPollEnvironment) -> None:
    """It was acknowledged while PostgreSQL was away, so Retell does not repeat it."""
    polled.add("call_1", began=60, ended=50, transcript=None)
    body = msgspec.json.encode({"event": "call_ended", "call": {"call_id": "call_1", "agent_id": AGENT_ID, **ENDED}})
    event = identify(Source.RETELL, body, tenant=polled.config.tenant, correlation_id="c", now=polled.clock.now())
    spooled = dataclasses.replace(event, received_at=polled.clock.now() - timedelta(minutes=50))
    await polled.poll()
    tenant = polled.config.tenant
    (receipt,) = await EventStore(polled.pod.worker.pool, tenant, no_cipher(tenant)).write([spooled])
    assert not receipt.duplicate
    await polled.processed()
    row = await polled.row("call_1")
    assert row is not None
    assert row["transcript"] == SAID


async def test_simultaneous_poll_and_webhooks_store_events_once(polled: CallPollEnvironment) -> None:
    calls = [f"call_{number}" for number in range(10)]
    for call_id in calls:
        polled.add(call_id, began=60, ended=50, analyzed=True)
    times = {"start_timestamp": polled.milliseconds(60), "end_timestamp": polled.milliseconds(50)}
    fields = {"call_status": "ended", "disconnection_reason": "user_hangup", **times}
    webhooks = [polled.pod.retell("call_ended", call_id, **fields) for call_id in calls]
    _, *replies = await asyncio.gather(polled.poll(), *webhooks)
    assert {reply.status for reply in replies} == {200}
    polled.tick(hours=1)
    await polled.poll()
    before = await polled.events()
    polled.tick(hours=1)
    await polled.poll()
    assert await polled.events() == before
    assert {event.rpartition(" ")[2] for event in before} == {"1"}
    assert {event for event in before if ":poll" not in event} == {f"{call_id}:call_ended 1" for call_id in calls}
    analyzed = {event for event in before if ":call_analyzed" in event}
    assert analyzed == {f"{call_id}:call_analyzed:poll 1" for call_id in calls}
    for call_id in calls:
        assert await polled.state(call_id) == ("ended", "user_hangup", True)


async def test_poll_leaves_recent_calls_to_their_webhooks(polled: CallPollEnvironment) -> None:
    """A webhook may have more than Retell's API, such as a transcript that Retell does not store."""
    await polled.started("call_young", began=9)
    polled.add("call_young", began=9, ended=1, analyzed=True)
    await polled.started("call_long", began=35)
    polled.add("call_long", began=35, ended=2, analyzed=True)
    polled.add("call_unknown", began=35, ended=2, analyzed=True)
    await polled.poll()
    assert await polled.events() == ["call_long:call_started 1", "call_young:call_started 1"]
    polled.tick(minutes=15)
    await polled.poll()
    for call_id in ("call_young", "call_long", "call_unknown"):
        assert (await polled.state(call_id))[0] == "ended"


async def test_an_idle_tenant_costs_four_requests_an_hour(polled: CallPollEnvironment) -> None:
    polled.add("call_1", began=60, ended=50, analyzed=True)
    await polled.poll()
    polled.requests()
    for _ in range(4):
        polled.tick(minutes=15)
        assert (await polled.poll()).after == timedelta(minutes=15)
    assert polled.requests() == ["list-calls"] * 4
    assert Settings().call_poll_seconds == 900


@pytest.mark.nightly
async def test_call_is_polled_eight_times_and_analysis_twice(polled: CallPollEnvironment) -> None:
    await polled.started("call_endless", began=0)
    polled.add("call_endless", began=0)
    await polled.poll()
    for _ in range(4 * 80):
        polled.tick(minutes=15)
        await polled.poll()
    assert polled.requests().count("get-call") == 8
    assert await polled.state("call_endless") == ("ended", "END_UNKNOWN", False)
    polled.add("call_unanalyzed", began=15, ended=14)
    for _ in range(4 * 80):
        await polled.poll()
        polled.tick(minutes=15)
    assert polled.requests().count("get-call") == 1 + 1  # found without it, and an hour and a half after its end
    assert await polled.state("call_unanalyzed") == ("ended", "user_hangup", False)


@pytest.mark.nightly
@pytest.mark.parametrize("fault", [FaultKind.RATE_LIMITED, FaultKind.ERROR_BEFORE_COMMIT, FaultKind.NO_ROUTE])
@pytest.mark.parametrize("operation", ["list-calls", "get-call"])
async def test_outage_of_retell_loses_no_call(polled: CallPollEnvironment, operation: str, fault: FaultKind) -> None:
    """A server without the endpoint does not say that the calls are gone."""
    await polled.started("call_0", began=15 * 60)
    for number in range(8):
        polled.add(f"call_{number}", began=15 * 60, ended=14 * 60, analyzed=True)
    polled.fail(fault, operation, count=None)
    with pytest.raises(PutOff):
        await polled.poll()
    assert (await polled.state("call_0"))[0] == "ongoing"
    polled.retell.faults.clear()
    polled.tick(minutes=15)
    await polled.poll()
    for number in range(8):
        assert await polled.state(f"call_{number}") == ("ended", "user_hangup", True)


async def test_poll_sends_nothing_while_retell_asks_to_wait(polled: CallPollEnvironment) -> None:
    polled.fail(FaultKind.RATE_LIMITED, "list-calls")
    with pytest.raises(PutOff) as first:
        await polled.poll()
    assert timedelta() < first.value.after <= timedelta(seconds=60)
    with pytest.raises(PutOff):
        await polled.poll()
    assert polled.requests() == ["list-calls"]


async def test_failed_call_request_delays_no_call_and_repeats(polled: CallPollEnvironment) -> None:
    for number in range(3):
        polled.add(f"call_{number}", began=60 - number, ended=30, analyzed=True)
    polled.fail(FaultKind.ERROR_BEFORE_COMMIT, "get-call")
    await polled.poll()
    assert await polled.row("call_0") is None
    assert (await polled.state("call_2"))[0] == "ended"
    polled.tick(minutes=15)
    await polled.poll()
    assert (await polled.state("call_0"))[0] == "ended"
    assert not {"again", "not_shown"} & set(polled.watermark)


async def test_calls_always_failing_at_retell_delay_no_other(polled: CallPollEnvironment) -> None:
    """Each of them ends in an error of the server, which opens the circuit when it comes five times in a row."""
    broken = [f"call_0{number}" for number in range(7)]
    for number, call_id in enumerate(broken):
        polled.add(call_id, began=70 - number, ended=30)
        polled.set_broken(call_id, True)
    polled.add("call_1", began=60, ended=30)
    for _ in range(3):
        with contextlib.suppress(PutOff):
            await polled.poll()
        polled.tick(minutes=15)
    assert (await polled.state("call_1"))[0] == "ended"
    await polled.poll()
    for call_id in broken:
        polled.set_broken(call_id, False)
    polled.tick(minutes=15)
    await polled.poll()
    for call_id in broken:
        assert (await polled.state(call_id))[0] == "ended"
    assert "not_shown" not in polled.watermark


async def test_refused_key_postpones_the_poll(polled: CallPollEnvironment) -> None:
    polled.retell.settings["any_key"] = 0
    polled.key = "key_wrong"
    with pytest.raises(PutOff, match="Invalid API Key"):
        await polled.poll()
    assert polled.requests() == ["list-calls"]


async def test_call_deleted_at_retell_is_closed_visibly(polled: CallPollEnvironment) -> None:
    await polled.started("call_1", began=20)
    await polled.poll()
    assert (await polled.state("call_1"))[0] == "ongoing", "Retell may show a call late"
    polled.tick(hours=14)
    await polled.poll()
    assert await polled.state("call_1") == ("ended", "NOT_FOUND_AT_RETELL", False)
    assert polled.found("closed") == 1


@pytest.mark.parametrize("reason", ["dial_failed", None])
@pytest.mark.parametrize("status", ["not_connected", "ended", "error"])
async def test_later_end_event_replaces_the_polls_closing(polled: CallPollEnvironment, status, reason) -> None:
    await polled.started("call_1", began=15 * 60)
    await polled.poll()
    assert await polled.state("call_1") == ("ended", "NOT_FOUND_AT_RETELL", False)
    await polled.pod.retell("call_ended", "call_1", call_status=status, disconnection_reason=reason)
    await polled.processed()
    assert await polled.state("call_1") == (status, reason, False)


async def test_late_start_does_not_reopen_a_closed_call(polled: CallPollEnvironment) -> None:
    """The start was in no event before, only in a call function's request."""
    async with polled.pod.worker.pool.acquire() as conn:
        await set_call_branch(conn, polled.config.tenant, "call_1", "mitte", "c")
    await polled.pod.db.execute("UPDATE calls SET updated_at = now() - interval '73 hours' WHERE call_id = 'call_1'")
    await polled.poll()
    await polled.started("call_1", began=60)
    assert await polled.state("call_1") == ("ended", "END_UNKNOWN", False)


async def test_calls_open_for_weeks_are_closed(polled: CallPollEnvironment) -> None:
    await polled.started("call_old", began=60 * 24 * 30)
    before = await polled.row("call_old")
    await polled.poll()
    assert await polled.state("call_old") == ("ended", "END_UNKNOWN", False)
    after = await polled.row("call_old")
    assert before is not None
    assert after is not None
    assert after["updated_at"] == before["updated_at"], "it must not be kept longer than others of its age"
    assert "get-call" not in polled.requests()


async def test_ongoing_call_without_a_start_is_not_closed(polled: CallPollEnvironment) -> None:
    """A call function was the first to report it."""
    async with polled.pod.worker.pool.acquire() as conn:
        await set_call_branch(conn, polled.config.tenant, "call_now", "mitte", "c")
    polled.add("call_now", began=3)
    await polled.poll()
    assert (await polled.state("call_now"))[0] == "registered"
    aged = "UPDATE calls SET updated_at = now() - interval '73 hours' WHERE call_id = 'call_now'"
    await polled.pod.db.execute(aged)
    await polled.poll()
    assert await polled.state("call_now") == ("ended", "END_UNKNOWN", False)


async def test_old_call_found_late_is_closed_as_unknown(polled: CallPollEnvironment) -> None:
    await polled.poll()
    await polled.started("call_late", began=4 * 24 * 60)
    polled.tick(minutes=15)
    await polled.poll()
    assert await polled.state("call_late") == ("ended", "END_UNKNOWN", False)


async def test_worker_killed_before_its_watermark_stores_nothing_twice(
    polled: CallPollEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PAGE_SIZE, 2)
    for number in range(5):
        polled.add(f"call_{number}", began=60 - number, ended=50, analyzed=True)

    async def killed(_: dict[str, Any]) -> None:
        raise StaleRun("another worker runs the task")

    with pytest.raises(StaleRun):
        await polled.poll(killed)
    first = await polled.events()
    assert len(first) == 4
    await polled.poll()
    assert len(await polled.events()) == 10
    assert {event.rpartition(" ")[2] for event in await polled.events()} == {"1"}


@pytest.mark.parametrize(
    "watermark", [{}, {"seen": 7}, {"asked_until": "1999-01-01T00:00:00Z"}, {"seen": "2999-01-01T00:00:00Z"}]
)
async def test_older_poll_watermark_changes_no_stored_call(polled: CallPollEnvironment, watermark) -> None:
    """The watermark is from an older backup or from a clock that was ahead, or it is invalid."""
    polled.add("call_1", began=60, ended=50, analyzed=True)
    await polled.poll()
    polled.add("call_2", began=60, ended=50, analyzed=True)
    before = await polled.row("call_1")
    polled.watermark = watermark
    await polled.poll()
    assert await polled.row("call_1") == before
    assert await polled.state("call_2") == ("ended", "user_hangup", True)


async def test_poll_reads_all_pages_of_calls(polled: CallPollEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PAGE_SIZE, 2)
    for number in range(5):
        polled.add(f"call_{number}", began=60 + number, ended=50, analyzed=True)
    await polled.poll()
    assert polled.requests().count("list-calls") == 3
    assert len(await polled.events()) == 10


async def test_nothing_is_polled_without_agent_or_key(polled: CallPollEnvironment) -> None:
    polled.add("call_1", began=60, ended=50)
    await polled.started("call_open", began=60 * 24 * 30)
    polled.key = None
    assert (await polled.poll()).watermark == {}
    polled.key, polled.config = "key_test", msgspec.structs.replace(polled.config, retell=RetellConfig())
    await polled.poll()
    assert polled.requests() == []
    assert (await polled.state("call_open"))[0] == "ongoing"


async def test_poll_ignores_calls_of_other_agents(polled: CallPollEnvironment) -> None:
    polled.add("call_other", began=60, ended=50, agent_id="agent_other", to_number="+49309999999")
    await polled.started("call_moved", began=60)
    polled.add("call_moved", began=60, ended=50, agent_id="agent_other", to_number="+49309999999")
    await polled.poll()
    assert await polled.events() == ["call_moved:call_started 1"]


@pytest.mark.parametrize("days", ["call_days", "transcript_days", "raw_event_days"])
async def test_poll_does_not_restore_an_aged_call(polled: CallPollEnvironment, days: str) -> None:
    retention = msgspec.structs.replace(polled.config.retention, **{days: 1})
    polled.config = msgspec.structs.replace(polled.config, retention=retention)
    polled.add("call_old", began=25 * 60, ended=24.5 * 60, analyzed=True)
    await polled.poll()
    assert await polled.events() == []


async def test_half_an_emoji_stops_no_poll(polled: CallPollEnvironment) -> None:
    polled.add("call_0", began=61, ended=50, transcript="Danke \ud83d")
    polled.add("call_1", began=60, ended=50)
    await polled.poll()
    assert (await polled.state("call_1"))[0] == "ended"
    row = await polled.row("call_0")
    assert row is not None
    assert row["transcript"] == "Danke ?"


@pytest.mark.parametrize("polled", [lambda _: ()], indirect=True, ids=["not as Retell publishes it"])
async def test_call_with_invalid_retell_data_delays_no_other(polled: CallPollEnvironment) -> None:
    await polled.started("call_odd", began=60)
    polled.add("call_1", began=60, ended=50, analyzed=True)
    polled.add("call_odd", began=61, ended=50, transcript=["no text"])
    polled.add("call odd", began=62, ended=50)
    polled.add("call_nan", began=63, ended=50, latency=float("nan"))
    await polled.poll()
    assert (await polled.state("call_1"))[0] == "ended"
    assert (await polled.state("call_odd"))[0] == "ongoing"


@pytest.mark.nightly
async def test_worker_runs_call_poll_with_mounted_key(stopped_pod: TenantPod) -> None:
    """The URL is in the config."""
    async with open_call_poll_environment(stopped_pod) as polled:
        polled.add("call_1", began=60, ended=50, analyzed=True)
        stopped_pod.write_config(polled.config)
        due = "INSERT INTO tasks (tenant, name, due_at) VALUES ($1, 'call-poll', now())"
        await stopped_pod.db.execute(due, stopped_pod.store.tenant)
        async with running_worker(stopped_pod):
            await eventually(lambda: polled.row("call_1"), SOON, "the call")


async def test_timeline_shows_the_requests_to_retell(polled: CallPollEnvironment) -> None:
    polled.add("call_1", began=60, ended=50)
    await polled.poll()
    pool: Pool = polled.pod.worker.pool
    rows = await pool.fetch(
        "SELECT operation, outcome FROM provider_calls WHERE tenant = $1 ORDER BY at", polled.config.tenant
    )
    assert [tuple(row) for row in rows] == [("list-calls", "listed"), ("get-call", "found")]
