"""Webhooks are verified, deduplicated, stored and acknowledged, over real sockets and a real PostgreSQL."""

import asyncio
import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from askproai_core.former_keys import FormerKey, encode_former_keys, encode_present_keys, keys_hash
from askproai_runtime.intake.store import _REARM
from askproai_runtime.jobs import Job, JobKind, Priority, finish
from askproai_sandbox.example_tenant import AGENT_ID, NUMBER
from tests.worlds.rows import each_row
from tests.worlds.tenant_pod import (
    ADMIN_TOKEN,
    CALCOM_SECRET,
    RETELL_KEY,
    TenantPod,
    sign_calcom,
    sign_retell,
    sign_stripe,
    waiting_for_lock,
)
from tests.worlds.tenant_rows import altered_schema
from tests.worlds.waiting import eventually

BODY = b'{"event":"call_started","call":{"call_id":"call_forged"}}'


async def test_event_is_stored_with_job_before_its_acknowledgement(web_pod: TenantPod) -> None:
    reply = await web_pod.retell("call_started", "call_1")
    assert reply.status == 200
    assert set(reply.body) == {"status", "id", "event_id", "correlation_id"}
    assert (reply.body["status"], reply.body["event_id"]) == ("accepted", "call_1:call_started")
    event, job = await web_pod.event("call_1:call_started"), await web_pod.job("call_1:call_started")
    assert event is not None
    assert job is not None
    assert (event["id"], event["source"], event["event_type"], event["status"], event["attempts"]) == (
        reply.body["id"], "retell", "call_started", "received", 0,
    )  # fmt: skip
    assert json.loads(event["payload"])["call"]["call_id"] == "call_1"
    assert event["correlation_id"] == job["correlation_id"] == reply.body["correlation_id"]
    assert reply.headers["X-Correlation-Id"] == reply.body["correlation_id"]
    # Jobs of webhooks are critical, those of appointments high.
    assert (job["state"], job["kind"], job["priority"]) == ("ready", "webhook-event", "critical")


@pytest.mark.parametrize("prefix", ["", "/salon/salon"])
@pytest.mark.parametrize("installation", ["", "/7d0c-1"])
async def test_calcom_and_stripe_events_with_prefixes_are_stored(pod: TenantPod, prefix, installation) -> None:
    body = json.dumps({"triggerEvent": "PING", "x": prefix + installation}).encode()
    reply = await pod.post(f"{prefix}/webhooks/calcom{installation}", body, {"X-Cal-Signature-256": sign_calcom(body)})
    assert (reply.status, reply.body["status"]) == (200, "accepted")
    body = json.dumps({"id": f"evt{prefix}{installation}", "type": "invoice.paid"}).encode()
    reply = await pod.post(f"{prefix}/webhooks/stripe", body, {"Stripe-Signature": sign_stripe(body)})
    assert (reply.status, reply.body["status"]) == (200, "accepted")
    event = await pod.settled(reply.body["event_id"])
    assert (event["status"], event["note"]) == ("processed", "stored only: the event carries no object")


async def test_plain_correlation_id_of_the_sender_is_kept(pod: TenantPod) -> None:
    for sent, kept in (("trace-1.a_B", True), ("a" * 65, False), ("a b", False), ("ü", False)):
        async with pod.session.get(pod.url + "/nowhere", headers={"X-Correlation-Id": sent}) as response:
            problem = await response.json(content_type=None)
            assert (response.headers["X-Correlation-Id"] == sent) is kept
            assert problem["correlation_id"] == response.headers["X-Correlation-Id"]


async def test_second_delivery_is_answered_already_processed(pod: TenantPod) -> None:
    first = await pod.retell("call_started", "call_twice")
    event = await pod.settled("call_twice:call_started")
    assert event["status"] == "processed"
    again = await pod.retell("call_started", "call_twice")
    assert (again.status, again.body["status"]) == (200, "already_processed")
    assert again.body["id"] == first.body["id"]
    assert again.body["event_id"] == first.body["event_id"]
    assert await pod.event("call_twice:call_started") == event


# Event's status, job's state or None, its lease in seconds from now, and whether a duplicate re-arms the job.
REARM: list[tuple[str, str | None, int | None, bool]] = [
    ("received", "ready", None, False),
    ("received", None, None, True),
    ("processing", "running", 20, False),
    ("processing", "running", -1, True),
    ("processing", None, None, True),
    ("failed", "ready", None, False),
    ("failed", "running", -1, True),
    ("failed", None, None, True),
    ("failed", "dead", None, True),
    ("failed", "done", None, True),
    ("processing", "dead", None, True),
    ("received", "done", None, True),
    ("processed", "done", None, False),
    ("processed", None, None, False),
    ("processed", "running", -1, False),
    ("dead", "dead", None, False),
    ("dead", None, None, False),
    ("dead", "running", -1, False),
]


@pytest.mark.parametrize(("status", "state", "lease", "armed"), REARM)
async def test_a_duplicate_rearms_only_a_lost_job(shared_web_pod: TenantPod, status, state, lease, armed) -> None:
    pod = shared_web_pod
    name = f"call_{status}_{state}_{lease}"
    first = await pod.retell("call_started", name)
    event_id = f"{name}:call_started"
    await pod.db.execute("UPDATE webhook_events SET status = $2, attempts = 2 WHERE id = $1", first.body["id"], status)
    if state is None:
        await pod.db.execute("DELETE FROM jobs WHERE event_id = $1", first.body["id"])
    else:
        await pod.db.execute(
            "UPDATE jobs SET state = $2, attempts = 2, claim_no = 5, worker = 'gone',"
            " lease_until = clock_timestamp() + make_interval(secs => $3) WHERE event_id = $1",
            first.body["id"], state, lease,
        )  # fmt: skip
    before, before_event = await pod.job(event_id), await pod.event(event_id)
    again = await pod.retell("call_started", name)
    assert (again.status, again.body["status"], again.body["id"]) == (200, "already_processed", first.body["id"])
    after = await pod.job(event_id)
    assert await pod.event(event_id) == before_event
    if not armed:
        assert after == before
    elif before is None:
        assert after is not None
        assert (after["state"], after["attempts"], after["claim_no"]) == ("ready", 0, 0)
    else:
        assert after is not None
        assert (after["state"], after["attempts"], after["claim_no"]) == ("ready", 2, 6)
        assert (after["lease_until"], after["worker"], after["finished_at"]) == (None, None, None)


async def test_duplicate_does_not_undo_a_late_job(web_pod: TenantPod) -> None:
    """The lease has expired, but the worker is committing: its work counts and is not repeated."""
    await web_pod.retell("call_started", "call_late")
    await web_pod.db.execute(
        "UPDATE jobs SET state = 'running', attempts = 1, claim_no = 1, lease_until = clock_timestamp() - interval '1 s'"
    )
    await web_pod.db.execute("UPDATE webhook_events SET status = 'processing'")
    finisher, other = await asyncpg.connect(web_pod.store.dsn), await asyncpg.connect(web_pod.store.dsn)
    async with finisher.transaction():
        job = Job(1, JobKind.WEBHOOK_EVENT, Priority.HIGH, 1, 1, None, None, "c")
        job.id = (await web_pod.job("call_late:call_started"))["id"]  # type: ignore[index]
        await finish(finisher, web_pod.store.tenant, job)
        # The statement alone: the insert before it would usually wait for the finisher already.
        rearming = other.fetch(_REARM, web_pod.store.tenant, "critical", ["retell"], ["call_late:call_started"])
        task = asyncio.create_task(rearming)
        await eventually(lambda: waiting_for_lock(web_pod))
    assert [row["armed"] for row in await task] == [False]
    await finisher.close()
    await other.close()
    after = await web_pod.job("call_late:call_started")
    assert after is not None
    assert (after["state"], after["claim_no"]) == ("done", 1)


async def test_hundred_simultaneous_deliveries_are_one_event(web_pod: TenantPod) -> None:
    replies = await asyncio.gather(*(web_pod.retell("call_ended", "call_storm") for _ in range(100)))
    assert {reply.status for reply in replies} == {200}
    assert sorted(reply.body["status"] for reply in replies).count("accepted") == 1
    assert len({reply.body["id"] for reply in replies}) == 1
    assert await web_pod.counts() == (1, 1, 0)


async def test_unstorable_event_does_not_fail_other_events(web_pod: TenantPod) -> None:
    """A trigger refuses one row, as any constraint may."""
    names = [f"call_good_{number}" for number in range(40)]
    names.insert(20, "call_bad")
    async with altered_schema(
        web_pod.db,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF NEW.event_id LIKE 'call_bad%' THEN RAISE EXCEPTION 'bad row'; END IF; RETURN NEW; END $$;"
        "CREATE TRIGGER refuse BEFORE INSERT ON webhook_events FOR EACH ROW EXECUTE FUNCTION refuse()",
        "DROP FUNCTION refuse CASCADE",
    ):
        replies = await asyncio.gather(*(web_pod.retell("call_ended", name) for name in names))
    assert replies[20].status == 503
    assert replies[20].headers["Retry-After"]
    assert [reply.status for index, reply in enumerate(replies) if index != 20] == [200] * 40
    assert await web_pod.counts() == (40, 40, 0)


FORGED: list[tuple[str, dict[str, str]]] = [
    ("/webhooks/retell", {}),
    ("/webhooks/retell", {"x-retell-signature": sign_retell(BODY, "key_other")}),
    ("/webhooks/calcom", {"X-Cal-Signature-256": sign_calcom(BODY, "other")}),
    ("/webhooks/stripe", {"Stripe-Signature": sign_stripe(BODY, "other")}),
    ("/retell/functions/book_appointment", {"x-retell-signature": sign_retell(BODY, "key_other")}),
]


@pytest.mark.parametrize(("path", "headers"), FORGED)
async def test_a_forged_request_is_401_and_changes_nothing(pod: TenantPod, path: str, headers: dict[str, str]) -> None:
    before = await pod.counts()
    reply = await pod.post(path, BODY, headers)
    assert reply.status == 401
    assert await pod.counts() == before


async def test_a_replayed_retell_body_stores_no_event(web_pod: TenantPod) -> None:
    """Its key is right, and a clock may be wrong: the audit log has the refusal."""
    headers = {"x-retell-signature": sign_retell(BODY, at=0)}
    assert (await web_pod.post("/webhooks/retell", BODY, headers)).status == 401
    await eventually(lambda: web_pod.db.fetchval("SELECT 1 FROM audit_log WHERE action = 'signature.refused'"))
    assert (await web_pod.counts())[:2] == (0, 0)


async def test_a_replayed_calcom_body_is_401(pod: TenantPod) -> None:
    body = b'{"triggerEvent":"PING","createdAt":"2020-01-01T00:00:00.000Z"}'
    before = await pod.counts()
    assert (await pod.post("/webhooks/calcom", body, {"X-Cal-Signature-256": sign_calcom(body)})).status == 401
    assert await pod.counts() == before


async def test_signed_malformed_body_is_400(pod: TenantPod) -> None:
    before = await pod.counts()
    for body in (b"", b"{", b'{"event":"call_started"}', b"[]"):
        reply = await pod.post("/webhooks/retell", body, {"x-retell-signature": sign_retell(body)})
        assert reply.status == 400
    assert await pod.counts() == before


RINGING = b'{"event":"call_inbound","call_inbound":{"from_number":"+4930","to_number":"+4931"}}'
FUNCTION = b'{"name":"book_appointment","args":{},"call":{}}'
EVENT = b'{"event":"call_ended","call":{"call_id":"call_1"}}'


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("/webhooks/retell", RINGING, "…/retell/inbound"),
        ("/webhooks/retell", FUNCTION, "…/retell/functions/<name>"),
        ("/webhooks/retell", b'{"triggerEvent":"PING"}', "…/webhooks/calcom"),
        ("/webhooks/retell", b'{"id":"evt_1","object":"event","type":"invoice.paid"}', "…/webhooks/stripe"),
        ("/retell/inbound", EVENT, "…/webhooks/retell"),
        ("/retell/inbound", FUNCTION, "…/retell/functions/<name>"),
        ("/retell/functions/book_appointment", RINGING, "…/retell/inbound"),
        ("/retell/functions/book_appointment", EVENT, "…/webhooks/retell"),
    ],
)
async def test_refused_body_at_wrong_path_names_right_path(pod: TenantPod, path: str, body: bytes, place: str) -> None:
    reply = await pod.post(path, body, {"x-retell-signature": sign_retell(body)})
    assert reply.status == 400
    assert reply.body["detail"].endswith(f"belongs at {place}")


async def test_refused_foreign_signature_names_its_senders_path(pod: TenantPod) -> None:
    body = b'{"triggerEvent":"PING"}'
    reply = await pod.post("/webhooks/retell", body, {"X-Cal-Signature-256": sign_calcom(body)})
    assert (reply.status, reply.body["detail"].partition("belongs at ")[2]) == (401, "…/webhooks/calcom")


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("GET", "/webhooks/retell", b"", {}, 405),
        ("DELETE", "/retell/functions/book_appointment", b"", {}, 405),
        ("POST", "/retell/inbound", b"{}", {}, 401),
        ("POST", "/retell/functions/transfer_to_human", b"{}", {}, 404),
        ("POST", "/health/detailed", b"", {}, 404),
        ("GET", "/metrics", b"", {}, 404),
        ("POST", "/webhooks/calcom", b"x" * (1024 * 1024 + 1), {}, 413),
        ("POST", "/webhooks/retell", b"x" * (8 * 1024 * 1024 + 1), {}, 413),
        ("POST", "/retell/functions/book_appointment", b"x" * (8 * 1024 * 1024 + 1), {}, 413),
        ("POST", "/webhooks/retell", BODY, {"Content-Encoding": "gzip"}, 415),
    ],
)
async def test_every_refusal_is_a_problem_document(pod: TenantPod, method, path, body, headers, status) -> None:
    """RFC 9457 documents, also for 404 and 405."""
    async with pod.session.request(method, pod.url + path, data=body, headers=headers) as response:
        assert response.status == status
        assert response.content_type == "application/problem+json"
        problem = await response.json(content_type=None)
        assert problem["status"] == status
        assert problem["correlation_id"] == response.headers["X-Correlation-Id"]
        assert {"type", "title", "detail"} <= set(problem)
        if status == 405:
            assert response.headers["Allow"] == "POST"


async def test_a_former_key_is_accepted_until_its_end(web_pod: TenantPod) -> None:
    """A provider signs with the key before a change for some time, also in the middle of a call."""
    web_pod.write_credential("retell-api-key", "key_next")
    web_pod.write_credential("calcom-webhook-secret", "whs_next")
    for minutes, status in ((5, 200), (-1, 401)):
        until = datetime.now(UTC) + timedelta(minutes=minutes)
        names = {"retell-api-key": RETELL_KEY, "calcom-webhook-secret": CALCOM_SECRET}
        former = {name: (FormerKey(key, until),) for name, key in names.items()}
        web_pod.write_credential("FORMER_KEYS", encode_former_keys(former))
        assert (await web_pod.retell("call_started", f"call_{minutes}")).status == status
        assert (await web_pod.function("find_appointments", "call_1", {})).status == status
        ping = b'{"triggerEvent":"PING"}'
        headers = {"X-Cal-Signature-256": sign_calcom(ping, CALCOM_SECRET)}
        assert (await web_pod.post("/webhooks/calcom", ping, headers)).status == status


async def signatures(pod: TenantPod) -> dict[str, float]:
    """Return how many requests of Retell had each result so far."""
    async with pod.session.get(f"http://127.0.0.1:{pod.web.metrics_port}/metrics") as response:
        text = await response.text()
    found = re.findall(r'askproai_signatures_total\{result="(\w+)",source="retell",.*\} (\S+)', text)
    return {result: float(count) for result, count in found}


CALL = {"call_id": "call_own", "agent_id": AGENT_ID, "to_number": NUMBER}


@each_row(
    "path, body, result",
    [
        ("/webhooks/retell", {"event": "call_started", "call": CALL}, "refused_own"),
        ("/webhooks/retell", {"event": "call_ended", "data": CALL}, "refused_own"),
        ("/retell/functions/book_appointment", {"name": "book_appointment", "call": CALL, "args": {}}, "refused_own"),
        ("/retell/inbound", {"event": "call_inbound", "call_inbound": CALL}, "refused_own"),
        ("/webhooks/retell", {"call": CALL | {"to_number": "+4930999", "from_number": NUMBER}}, "refused_own"),
        ("/webhooks/retell", {"event": "call_started", "call": CALL | {"agent_id": "agent_of_another"}}, "refused"),
        ("/webhooks/retell", {"event": "call_started", "call": CALL | {"to_number": "+4930999"}}, "refused"),
        ("/webhooks/retell", {"event": "call_started", "call": {"to_number": NUMBER}}, "refused"),
        ("/webhooks/retell", {"event": "call_started", "call": 7}, "refused"),
        ("/webhooks/retell", {"call": CALL, "from": 1} | {"call": "x"}, "refused"),
    ],
)
async def test_wrongly_signed_requests_of_own_calls_are_counted(
    web_pod: TenantPod, monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, Any], result: str
) -> None:
    monkeypatch.setattr("askproai_runtime.intake.signatures._LOOK_PAUSE", timedelta())
    raw, before = json.dumps(body).encode(), await signatures(web_pod)
    assert (await web_pod.post(path, raw, {"x-retell-signature": sign_retell(raw, "another key")})).status == 401
    assert await signatures(web_pod) == before | {result: before[result] + 1}


@each_row(
    "header, body, result, reason",
    [
        (None, {"call": CALL}, "refused_own", "missing"),
        ("v=1", {"call": CALL}, "refused_own", "malformed"),
        (None, {"call": CALL | {"agent_id": "agent_of_another"}}, "refused", None),
        (RETELL_KEY, {"call": {}}, "refused_own", "outside_window"),  # the key has signed it: more than a hint
        ("another key", {"call": CALL}, "refused_own", "mismatch"),
        ("another key", {"call": {}}, "refused", None),
    ],
)
async def test_requests_with_impossible_headers_are_counted(
    web_pod: TenantPod,
    monkeypatch: pytest.MonkeyPatch,
    header: str | None,
    body: dict[str, Any],
    result: str,
    reason: str | None,
) -> None:
    """A node's clock that is six minutes slow, or a proxy that removes the header, refuses each call of a tenant."""
    monkeypatch.setattr("askproai_runtime.intake.signatures._LOOK_PAUSE", timedelta())
    monkeypatch.setattr("askproai_runtime.intake.signatures._RECORD_PAUSE", timedelta())
    raw, before = json.dumps(body).encode(), await signatures(web_pod)
    signature = header if header in {None, "v=1"} else sign_retell(raw, header, time.time() + 360)
    headers = {} if signature is None else {"x-retell-signature": signature}
    assert (await web_pod.post("/webhooks/retell", raw, headers)).status == 401
    assert await signatures(web_pod) == before | {result: before[result] + 1}
    if reason is not None:
        written = "SELECT detail FROM audit_log WHERE action = 'signature.refused' AND detail ->> 'reason' = $1"
        detail = json.loads(await eventually(lambda: web_pod.db.fetchval(written, reason)))
        assert 355 <= detail.get("seconds", 360) <= 360
        assert ("seconds" in detail) is (reason == "outside_window")


async def test_accepted_request_resets_the_count_of_refused_requests(web_pod: TenantPod) -> None:
    """`askproai doctor` reads this count from a pod: in a rotation the pod has accepted requests before."""
    raw = json.dumps({"event": "call_started", "call": CALL}).encode()

    async def refused() -> float:
        async with web_pod.session.get(f"http://127.0.0.1:{web_pod.web.metrics_port}/metrics") as response:
            (found,) = re.findall(r"askproai_own_requests_refused\{.*\} (\S+)", await response.text())
        return float(found)

    await web_pod.retell("call_started", "call_1")
    await web_pod.post("/webhooks/retell", raw, {"x-retell-signature": sign_retell(raw, "another key")})
    assert await refused() == 1
    await web_pod.retell("call_started", "call_2")
    assert await refused() == 0


async def test_a_flood_of_refused_requests_leaves_one_record(web_pod: TenantPod) -> None:
    raw = json.dumps({"event": "call_started", "call": CALL}).encode()
    headers = {"x-retell-signature": sign_retell(raw, "another key")}
    for _ in range(30):
        assert (await web_pod.post("/webhooks/retell", raw, headers)).status == 401
    written = "SELECT count(*) FROM audit_log WHERE action = 'signature.refused'"
    assert await eventually(lambda: web_pod.db.fetchval(written)) == 1
    assert sum((await signatures(web_pod)).values()) == 30


async def test_former_key_is_accepted_after_an_early_mount(web_pod: TenantPod) -> None:
    """A kubelet may mount the changed Secret before the operator has made its key a former one."""
    web_pod.write_credential("retell-api-key", "key_next")
    web_pod.write_credential("PRESENT_KEYS", encode_present_keys({"retell-api-key": RETELL_KEY}))
    for key in ("key_next", RETELL_KEY):
        headers = {"x-retell-signature": sign_retell(BODY, key)}
        assert (await web_pod.post("/webhooks/retell", BODY, headers)).status == 200


async def test_a_pod_shows_the_hash_of_its_keys(web_pod: TenantPod) -> None:
    shown = set()
    for key in ("key_a", "key_b"):
        web_pod.write_credential("retell-api-key", key)
        mounted = {path.name: path.read_text().strip() for path in (web_pod.folder / "credentials").iterdir()}
        url = f"http://127.0.0.1:{web_pod.web.metrics_port}/metrics"
        async with web_pod.session.get(url) as response:
            text = await response.text()
        assert f'askproai_keys_hash_info{{hash="{keys_hash(ADMIN_TOKEN, mounted)}",tenant=' in text
        assert key not in text
        shown.add(keys_hash(ADMIN_TOKEN, mounted))
    assert len(shown) == 2


async def test_rotated_keys_work_with_the_next_request(web_pod: TenantPod) -> None:
    body = b'{"event":"call_started","call":{"call_id":"call_rotated"}}'
    for key in ("key_next", RETELL_KEY):
        headers = {"x-retell-signature": sign_retell(body, key)}
        assert ((await web_pod.post("/webhooks/retell", body, headers)).status == 200) is (key == RETELL_KEY)
    web_pod.write_credential("retell-api-key", "key_next")
    web_pod.write_credential("retell-webhook-key-0", RETELL_KEY)
    for key in ("key_next", RETELL_KEY):
        headers = {"x-retell-signature": sign_retell(body, key)}
        assert (await web_pod.post("/webhooks/retell", body, headers)).status == 200
    (web_pod.folder / "credentials" / "calcom-webhook-secret").unlink()
    ping = b'{"triggerEvent":"PING"}'
    headers = {"X-Cal-Signature-256": sign_calcom(ping, CALCOM_SECRET)}
    assert (await web_pod.post("/webhooks/calcom", ping, headers)).status == 401, "without a secret nothing is accepted"
