"""Stored events of Retell and Cal.com: the row of a call, dead letters, notes and metrics."""

import asyncio
import json
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import asyncpg
import pytest

from askproai_runtime.calls.store import count_active_calls
from tests.worlds.tenant_pod import TenantPod, sign_calcom, sign_retell
from tests.worlds.waiting import eventually

START = 1_763_629_200_000
CALL_FIELDS: dict[str, dict[str, Any]] = {
    "call_started": {"call_status": "ongoing", "direction": "inbound", "from_number": "+4915112345678"},
    "call_ended": {
        "call_status": "ended",
        "start_timestamp": START,
        "end_timestamp": START + 60_000,
        "disconnection_reason": "user_hangup",
        "transcript": "Guten Tag",
    },
    "call_analyzed": {"call_status": "ended", "call_analysis": {"call_successful": True}, "transcript": "Guten Tag"},
}


async def call_row(pod: TenantPod, call_id: str) -> asyncpg.Record:
    row = await pod.db.fetchrow("SELECT * FROM calls WHERE tenant = $1 AND call_id = $2", pod.store.tenant, call_id)
    assert row is not None
    return row


@pytest.mark.parametrize("order", list(permutations(CALL_FIELDS)))
async def test_events_of_a_call_make_one_row(pod: TenantPod, order: tuple[str, ...]) -> None:
    """The row is unique by Retell's call id, and a late call_started never reopens it."""
    call_id = "call_" + "_".join(name[5] for name in order)
    for name in order:
        assert (await pod.retell(name, call_id, **CALL_FIELDS[name])).status == 200
        assert (await pod.settled(f"{call_id}:{name}"))["status"] == "processed"
    row = await call_row(pod, call_id)
    assert (row["status"], row["branch"]) == ("ended", "mitte")
    assert (row["agent_id"], row["direction"]) == ("agent_test", "inbound")
    assert row["started_at"] == datetime.fromtimestamp(START / 1000, UTC)
    assert row["ended_at"] == datetime.fromtimestamp(START / 1000 + 60, UTC)
    assert row["analyzed_at"] is not None
    assert (row["disconnection_reason"], row["transcript"]) == ("user_hangup", "Guten Tag")
    assert json.loads(row["analysis"]) == {"call_successful": True, "transcript_is_final": True}


async def test_simultaneously_processed_events_of_a_call_agree(pod: TenantPod) -> None:
    for round_number in range(5):
        call_id = f"call_at_once_{round_number}"
        await asyncio.gather(*(pod.retell(name, call_id, **fields) for name, fields in CALL_FIELDS.items()))
        for name in CALL_FIELDS:
            assert (await pod.settled(f"{call_id}:{name}"))["status"] == "processed"
        row = await call_row(pod, call_id)
        assert (row["status"], row["transcript"], row["from_number"]) == ("ended", "Guten Tag", "+4915112345678")


async def test_unknown_agents_event_is_dead_and_audited(pod: TenantPod) -> None:
    """It is stored and acknowledged, and never assigned to the first branch."""
    reply = await pod.retell("call_started", "call_strange", agent_id="agent_strange", to_number="+49309999999")
    assert (reply.status, reply.body["status"]) == (200, "accepted")
    event = await pod.settled("call_strange:call_started")
    assert (event["status"], event["attempts"]) == ("dead", 1)
    assert event["error"] == "unroutable: number +49309999999 and agent agent_strange: not of this tenant"
    job = await pod.job("call_strange:call_started")
    assert job is not None
    assert (job["state"], job["attempts"]) == ("dead", 1)
    audit = await pod.db.fetchrow("SELECT * FROM audit_log WHERE correlation_id = $1", reply.body["correlation_id"])
    assert audit is not None
    assert (audit["action"], json.loads(audit["detail"])["agent_id"]) == ("event.refused", "agent_strange")
    assert not await pod.db.fetch("SELECT * FROM calls WHERE call_id = 'call_strange'")
    repeated = await pod.retell("call_started", "call_strange", agent_id="agent_strange", to_number="+49309999999")
    assert repeated.body["status"] == "already_processed"
    assert (await pod.event("call_strange:call_started"))["status"] == "dead"  # type: ignore[index]


async def test_callee_of_an_unknown_agent_is_not_named(pod: TenantPod) -> None:
    """The number of an outbound call is a customer's; ids may have characters that PostgreSQL does not take."""
    call = {"call_id": "call_out", "direction": "outbound", "to_number": "+4915112345678"}
    body = {"event": "call_started", "call": call}
    raw = json.dumps(body).encode()
    await pod.post("/webhooks/retell", raw, {"x-retell-signature": sign_retell(raw)})
    event = await pod.settled("call_out:call_started")
    assert event["status"] == "dead"
    assert event["error"] == "unroutable: a call without number and agent: not of this tenant"


async def test_a_web_call_belongs_to_its_agent(pod: TenantPod) -> None:
    body = json.dumps({"event": "call_started", "call": {"call_id": "call_web", "agent_id": "agent_test"}}).encode()
    await pod.post("/webhooks/retell", body, {"x-retell-signature": sign_retell(body)})
    assert (await pod.settled("call_web:call_started"))["status"] == "processed"
    assert (await call_row(pod, "call_web"))["branch"] == "mitte"


async def test_events_without_effect_end_with_a_note(pod: TenantPod) -> None:
    reply = await pod.retell("transfer_started", "call_transferred")
    event = await pod.settled(reply.body["event_id"])
    assert (event["status"], event["note"]) == ("processed", "stored only: retell transfer_started is not acted on")
    assert event["processed_at"] is not None


async def test_an_unreadable_call_is_dead_at_once(pod: TenantPod) -> None:
    await pod.retell("call_ended", "call_odd", call_analysis="no object")
    event = await pod.settled("call_odd:call_ended")
    assert (event["status"], event["attempts"]) == ("dead", 1)
    assert "call_analysis" in event["error"]


async def test_active_calls_are_counted_from_the_table(pod: TenantPod) -> None:
    now = int(datetime.now(UTC).timestamp() * 1000)

    async def active() -> int:
        return await count_active_calls(pod.worker.pool, pod.store.tenant)

    before = await active()
    await pod.retell("call_started", "call_active", start_timestamp=now)
    await pod.settled("call_active:call_started")
    assert await active() == before + 1
    await pod.retell("call_ended", "call_active", call_status="ended")
    await pod.settled("call_active:call_ended")
    assert await active() == before


async def test_metrics_count_every_outcome(pod: TenantPod) -> None:
    await pod.retell("call_started", "call_measured")
    await pod.settled("call_measured:call_started")
    await pod.retell("call_started", "call_measured")
    await pod.post("/webhooks/retell", b"{}")

    async def text(port: int) -> str:
        async with pod.session.get(f"http://127.0.0.1:{port}/metrics") as response:
            return await response.text()

    web = await text(pod.web.metrics_port)
    for outcome in ("accepted", "already_processed", "unauthorized"):
        assert f'outcome="{outcome}",source="retell",tenant="salon.salon"' in web
    assert "askproai_webhook_ack_seconds_bucket" in web
    assert "askproai_config_hash_info{" in web
    port = pod.worker_port

    async def processed() -> bool:
        return "askproai_webhook_processing_duration_seconds_count{" in await text(port)

    await eventually(processed)


@pytest.mark.parametrize(
    ("trigger", "payload", "note"),
    [
        (
            "BOOKING_CREATED",
            {"uid": "u1", "startTime": "2026-11-27T13:30:00Z"},
            "this tenant's calendar is its own book",
        ),
        (
            "BOOKING_REASSIGNED",
            {"uid": "u1", "organizer": {"id": 7}, "addedHostUserIds": [7], "removedHostUserIds": [8]},
            "this tenant's calendar is its own book",
        ),
        ("BOOKING_NO_SHOW_UPDATED", {"bookingUid": "u1", "attendees": []}, "this tenant's calendar is its own book"),
        ("BOOKING_PAID", {"uid": "u1", "paymentId": 1}, "calcom BOOKING_PAID is not acted on"),
        ("BOOKING_CANCELLED", {"title": "no uid"}, "calcom BOOKING_CANCELLED is not acted on"),
        ("MEETING_ENDED", None, "calcom MEETING_ENDED is not acted on"),
    ],
)
async def test_calcoms_events_end_as_processed_with_a_note(pod: TenantPod, trigger, payload, note) -> None:
    event: dict[str, Any] = {"triggerEvent": trigger, "createdAt": datetime.now(UTC).isoformat()}
    body = json.dumps(event | ({"payload": payload} if payload else {"uid": "flat"})).encode()
    reply = await pod.post("/webhooks/calcom", body, {"X-Cal-Signature-256": sign_calcom(body)})
    stored = await pod.settled(reply.body["event_id"])
    assert (stored["status"], stored["note"]) == ("processed", f"stored only: {note}")
