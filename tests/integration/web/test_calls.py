"""W5 W6 N2: what becomes of stored call events, and the functions that a call's agent asks."""

import asyncio
import json
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import asyncpg
import pytest
from webpod import Pod, eventually, sign_calcom, sign_retell

from askproai_runtime.booking import Answer, CallContext

START = 1_763_629_200_000
FACTS: dict[str, dict[str, Any]] = {
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


async def call_row(pod: Pod, call_id: str) -> asyncpg.Record:
    row = await pod.db.fetchrow("SELECT * FROM calls WHERE tenant = $1 AND call_id = $2", pod.store.tenant, call_id)
    assert row is not None
    return row


@pytest.mark.parametrize("order", list(permutations(FACTS)))
async def test_a_calls_events_make_one_row_in_any_order(pod: Pod, order: tuple[str, ...]) -> None:
    """W5: unique by Retell's call id, and a late call_started never reopens it."""
    call_id = "call_" + "_".join(name[5] for name in order)
    for name in order:
        assert (await pod.retell(name, call_id, **FACTS[name])).status == 200
        assert (await pod.settled(f"{call_id}:{name}"))["status"] == "processed"
    row = await call_row(pod, call_id)
    assert (row["status"], row["branch"], row["agent_id"], row["direction"]) == (
        "ended",
        "mitte",
        "agent_test",
        "inbound",
    )
    assert row["started_at"] == datetime.fromtimestamp(START / 1000, UTC)
    assert row["ended_at"] == datetime.fromtimestamp(START / 1000 + 60, UTC)
    assert row["analyzed_at"] is not None
    assert (row["disconnection_reason"], row["transcript"]) == ("user_hangup", "Guten Tag")
    assert json.loads(row["analysis"]) == {"call_successful": True}


async def test_events_of_one_call_that_are_carried_out_at_once_agree(pod: Pod) -> None:
    for round_number in range(5):
        call_id = f"call_at_once_{round_number}"
        await asyncio.gather(*(pod.retell(name, call_id, **facts) for name, facts in FACTS.items()))
        for name in FACTS:
            assert (await pod.settled(f"{call_id}:{name}"))["status"] == "processed"
        row = await call_row(pod, call_id)
        assert (row["status"], row["transcript"], row["from_number"]) == ("ended", "Guten Tag", "+4915112345678")


async def test_a_strangers_event_is_dead_at_once_and_audited(pod: Pod) -> None:
    """N2: stored, acknowledged, and never handed to the first branch."""
    reply = await pod.retell("call_started", "call_strange", agent_id="agent_strange", to_number="+49309999999")
    assert (reply.status, reply.body["status"]) == (200, "accepted")
    done = await pod.settled("call_strange:call_started")
    assert (done["status"], done["attempts"]) == ("dead", 1)
    assert "unroutable" in done["error"]
    job = await pod.job("call_strange:call_started")
    assert job is not None
    assert (job["state"], job["attempts"]) == ("dead", 1)
    audit = await pod.db.fetchrow("SELECT * FROM audit_log WHERE correlation_id = $1", reply.body["correlation_id"])
    assert audit is not None
    assert (audit["action"], json.loads(audit["detail"])["agent_id"]) == ("event.refused", "agent_strange")
    assert not await pod.db.fetch("SELECT * FROM calls WHERE call_id = 'call_strange'")
    again = await pod.retell("call_started", "call_strange", agent_id="agent_strange", to_number="+49309999999")
    assert again.body["status"] == "already_processed"
    assert (await pod.event("call_strange:call_started"))["status"] == "dead"  # type: ignore[index]


async def test_a_web_call_belongs_to_its_agent(pod: Pod) -> None:
    body = json.dumps({"event": "call_started", "call": {"call_id": "call_web", "agent_id": "agent_test"}}).encode()
    await pod.post("/webhooks/retell", body, {"x-retell-signature": sign_retell(body)})
    assert (await pod.settled("call_web:call_started"))["status"] == "processed"
    assert (await call_row(pod, "call_web"))["branch"] == "mitte"


async def test_events_that_are_not_acted_on_end_as_processed_with_a_note(pod: Pod) -> None:
    reply = await pod.retell("transfer_started", "call_transferred")
    done = await pod.settled(reply.body["event_id"])
    assert (done["status"], done["note"]) == ("processed", "stored only: retell transfer_started is not acted on")
    assert done["processed_at"] is not None


async def test_a_body_whose_call_nobody_can_read_is_dead_at_once(pod: Pod) -> None:
    await pod.retell("call_ended", "call_odd", call_analysis="no object")
    done = await pod.settled("call_odd:call_ended")
    assert (done["status"], done["attempts"]) == ("dead", 1)
    assert "call_analysis" in done["error"]


async def test_a_job_starts_at_once_because_the_web_pokes_the_worker(pod: Pod) -> None:
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await pod.retell("call_started", "call_poked")
    await pod.settled("call_poked:call_started")
    assert loop.time() - began < 0.9, "the next poll would be a second away"


async def test_a_call_asks_books_and_gives_its_hold_free_at_its_end(pod: Pod) -> None:
    """B7, and the hold of a call that ends without a yes."""
    reply = await pod.function("check_availability", "call_books", {"service": "Haarschnitt"})
    assert (reply.status, reply.body["success"]) == (200, True)
    assert set(reply.body["slots"][0]) >= {"start", "end", "staff", "spoken"}
    holds = "SELECT count(*) FROM appointments WHERE tenant = $1 AND call_id = $2 AND status = 'held'"
    assert await pod.db.fetchval(holds, pod.store.tenant, "call_books") == 1
    await pod.retell("call_ended", "call_books", call_status="ended")
    await pod.settled("call_books:call_ended")
    assert await pod.db.fetchval(holds, pod.store.tenant, "call_books") == 0

    start = reply.body["slots"][0]["start"]
    args = {"start": start, "service": "Haarschnitt", "customer_name": "Sabine Müller"}
    booked = await pod.function("book_appointment", "call_books_2", args)
    assert (booked.status, booked.body["success"], booked.body["status"]) == (200, True, "confirmed")
    again = await pod.function("book_appointment", "call_books_2", args | {"notes": "kurz"})
    assert (again.body["success"], again.body["appointment_id"]) == (True, booked.body["appointment_id"])


async def test_a_strangers_function_is_403_and_audited(pod: Pod) -> None:
    """N2 S2."""
    _, _, audits = await pod.counts()
    reply = await pod.function("check_availability", "call_f", {}, agent_id="agent_strange", to_number="+49309999999")
    assert (reply.status, reply.body["status"]) == (403, 403)
    assert "+49" not in json.dumps(reply.body)
    assert (await pod.counts())[2] == audits + 1


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"name":"check_availability"}', b'{"name":"check_availability","call":{}}']
)
async def test_a_function_request_of_another_shape_is_400(pod: Pod, body: bytes) -> None:
    headers = {"x-retell-signature": sign_retell(body)}
    assert (await pod.post("/retell/functions/check_availability", body, headers)).status == 400


async def test_the_bodys_name_must_be_the_paths(pod: Pod) -> None:
    assert (await pod.function("check_availability", "call_n", {}, named="book_appointment")).status == 400


@pytest.mark.parametrize(
    "args", [None, [], "morgen", {"date": None, "service": 7, "staff": {"x": 1}}, {"start": "bald"}]
)
@pytest.mark.parametrize("name", ["check_availability", "book_appointment"])
async def test_whatever_a_model_passes_is_answered_with_a_sentence(pod: Pod, name: str, args: Any) -> None:
    """Contract §4: every answer has `success` and `message`."""
    reply = await pod.function(name, "call_llm", args)
    assert reply.status == 200
    assert isinstance(reply.body["success"], bool)
    assert reply.body["message"].strip()


class SlowDesk:
    """A booking room that takes its time, or breaks."""

    def __init__(self) -> None:
        self.done = asyncio.Event()

    async def check_availability(self, call: CallContext, args: dict[str, Any]) -> Answer:
        raise RuntimeError("an accident in the booking room")

    async def book_appointment(self, call: CallContext, args: dict[str, Any]) -> Answer:
        await asyncio.sleep(0.3)
        self.done.set()
        return Answer(success=True, message="Gebucht.", fields={})


async def test_a_function_that_is_too_slow_is_answered_in_time_and_still_ends(web_pod: Pod) -> None:
    desk = SlowDesk()
    functions = web_pod.web._functions
    object.__setattr__(functions, "booking", desk)
    object.__setattr__(functions, "deadline_seconds", 0.05)
    reply = await web_pod.function("book_appointment", "call_slow", {})
    assert (reply.status, reply.body["success"]) == (200, False)
    assert not desk.done.is_set()
    await asyncio.wait_for(desk.done.wait(), 2)


async def test_an_accident_is_a_sentence_for_the_caller_and_no_stack_trace(web_pod: Pod) -> None:
    object.__setattr__(web_pod.web._functions, "booking", SlowDesk())
    reply = await web_pod.function("check_availability", "call_accident", {})
    assert (reply.status, set(reply.body)) == (200, {"success", "message"})
    assert "accident" not in reply.body["message"]


async def test_active_calls_are_counted_from_the_table(pod: Pod) -> None:
    from askproai_runtime.calls import count_active_calls  # noqa: PLC0415

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


async def test_metrics_tell_of_every_outcome(pod: Pod) -> None:
    """O1."""
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


async def test_a_call_finds_moves_and_cancels_what_another_call_of_that_number_booked(pod: Pod) -> None:
    slots = (await pod.function("check_availability", "call_chg_1", {"service": "Haarschnitt"})).body["slots"]
    args = {"service": "Haarschnitt", "start": slots[0]["start"], "customer_name": "Petra Müller"}
    from_number = "+4915166660001"
    booked = await pod.function("book_appointment", "call_chg_1", args, from_number=from_number)
    assert booked.body["success"], booked.body
    found = await pod.function("find_appointments", "call_chg_2", {}, from_number=from_number)
    assert [one["appointment_id"] for one in found.body["appointments"]] == [booked.body["appointment_id"]]
    to = {"start": slots[1]["start"], "appointment_id": None}
    moved = await pod.function("reschedule_appointment", "call_chg_2", to, from_number=from_number)
    if not moved.body["success"]:  # that start was somebody else's: theirs is offered
        to = {"start": moved.body["alternatives"][0]["start"]}
        moved = await pod.function("reschedule_appointment", "call_chg_2", to, from_number=from_number)
    assert (moved.body["success"], moved.body["appointment_id"]) == (True, booked.body["appointment_id"])
    gone = await pod.function("cancel_appointment", "call_chg_2", {"reason": ""}, from_number=from_number)
    assert (gone.status, gone.body["success"], gone.body["status"]) == (200, True, "cancelled")
    assert (await pod.function("find_appointments", "call_chg_2", {}, from_number=from_number)).body[
        "appointments"
    ] == []


@pytest.mark.parametrize(
    ("trigger", "payload", "note"),
    [
        (
            "BOOKING_CREATED",
            {"uid": "u1", "startTime": "2026-11-27T13:30:00Z"},
            "this tenant's calendar is its own book",
        ),
        ("BOOKING_NO_SHOW_UPDATED", {"bookingUid": "u1", "attendees": []}, "this tenant's calendar is its own book"),
        ("BOOKING_PAID", {"uid": "u1", "paymentId": 1}, "calcom BOOKING_PAID is not acted on"),
        ("BOOKING_CANCELLED", {"title": "no uid"}, "calcom BOOKING_CANCELLED is not acted on"),
        ("MEETING_ENDED", None, "calcom MEETING_ENDED is not acted on"),
    ],
)
async def test_calcoms_events_end_as_processed(pod: Pod, trigger: str, payload: Any, note: str) -> None:
    event: dict[str, Any] = {"triggerEvent": trigger, "createdAt": datetime.now(UTC).isoformat()}
    body = json.dumps(event | ({"payload": payload} if payload else {"uid": "flat"})).encode()
    reply = await pod.post("/webhooks/calcom", body, {"X-Cal-Signature-256": sign_calcom(body)})
    done = await pod.settled(reply.body["event_id"])
    assert (done["status"], done["note"]) == ("processed", f"stored only: {note}")
