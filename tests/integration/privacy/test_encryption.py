"""Callers' words are readable nowhere in the stores, and elsewhere only with the key. Nothing stops without the key."""

import json
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from msgspec.structs import replace

from askproai_core.data_keys import DataKey, DataKeys, encode_data_keys
from askproai_core.tenant_config import decode
from askproai_runtime.calls.texts import store_said
from askproai_runtime.encryption import BodyCipher, Place, is_encrypted
from askproai_runtime.events.dispatch import KEY_PATIENCE
from askproai_runtime.intake import EventStore, IncomingEvent, Source
from askproai_runtime.intake.store import encrypt_body
from askproai_sandbox.example_tenant import AGENT_ID, NUMBER
from tests.worlds.encryption import old_key, stored_text
from tests.worlds.page_visitor import visiting
from tests.worlds.privacy_environment import OTHER, ZORA, PrivacyEnvironment
from tests.worlds.private_desk import request
from tests.worlds.tenant_pod import ADMIN_TOKEN, sign_calcom
from tests.worlds.waiting import eventually


def cipher_of(env: PrivacyEnvironment, *keys: DataKey) -> BodyCipher:
    text = encode_data_keys(DataKeys(keys))
    return BodyCipher(env.tenant, lambda: text, lambda: True)


async def until_used(env: PrivacyEnvironment, *keys: DataKey) -> None:
    """Write these keys for the pod and wait until both processes use them."""
    env.pod.encrypt(*keys)
    for process in (env.pod.worker, env.pod.web._process):
        await eventually(lambda process=process: process.cipher.active_key == keys[-1], what="the new key")


async def store_foreign(env: PrivacyEnvironment, call_id: str, key: DataKey) -> int:
    """Store an event as a pod with another key would, and return its id."""
    call = {
        "call_id": call_id, "agent_id": AGENT_ID, "to_number": NUMBER, "call_status": "ended", "transcript": ZORA.note,
    }  # fmt: skip
    body = json.dumps({"event": "call_ended", "call": call}).encode()
    event = IncomingEvent(Source.RETELL, f"{call_id}:call_ended", "call_ended", body, "corr")
    (receipt,) = await EventStore(env.pod.worker.pool, env.tenant, cipher_of(env, key)).write([event])
    assert receipt.id is not None
    async with env.pod.session.post(f"http://127.0.0.1:{env.pod.worker_port}/wake-up"):
        return receipt.id


async def test_callers_words_are_unreadable_in_encrypted_columns(env: PrivacyEnvironment) -> None:
    call_id = await env.play(ZORA)
    await env.processed()
    text = await stored_text(env.pod.db, env.tenant)
    said = (*ZORA.name.split(), ZORA.email, ZORA.note, ZORA.message)
    assert [each for each in said if each in text or each.encode().hex() in text] == []
    bodies = await stored_text(env.pod.db, env.tenant, "webhook_events")
    assert ZORA.number[1:] not in bodies
    assert ZORA.number[1:].encode().hex() not in bodies
    found = {place for place, _ in await env.search((ZORA.note,))}
    assert "logs" not in found
    assert "redis" not in found
    status, content = await request(env.pod, f"calls/{call_id}")
    assert (status, ZORA.message in content["transcript"], content["not_readable"]) == (200, True, False)
    assert ZORA.note in content["summary"]
    status, timeline = await request(env.pod, f"calls/{call_id}/timeline", personal="true")
    booked = [each for each in timeline["moments"] if each["name"] == "book_appointment"]
    assert booked[0]["arguments"]["notes"] == ZORA.note
    assert booked[0]["answer"]


async def test_missing_key_prevents_reading_but_stops_nothing(env: PrivacyEnvironment) -> None:
    call_id = await env.play(ZORA)
    await env.processed()
    await until_used(env, old_key())
    status, content = await request(env.pod, f"calls/{call_id}")
    assert (status, content["transcript"], content["summary"], content["not_readable"]) == (200, None, None, True)
    status, timeline = await request(env.pod, f"calls/{call_id}/timeline", personal="true")
    assert (status, timeline["transcript"], timeline["not_readable"]) == (200, None, True)
    functions = [each for each in timeline["moments"] if each["what"] == "function"]
    assert {(each["answer"], each["not_readable"]) for each in functions} == {(None, True)}
    status, exported = await request(env.pod, "callers/export", {"caller": ZORA.number, "by": "karin@laptop"})
    assert status == 200
    (call,) = exported["calls"]
    assert (call["transcript"], call["not_readable"], call["from_number"]) == (None, True, ZORA.number)

    async with visiting(env.pod, **{"Accept-Language": "en"}) as owner:
        assert await owner.log_in(ADMIN_TOKEN, "Karin") == 303
        status, page, _ = await owner.get(f"/calls/{call_id}?personal=true")
    assert status == 200
    assert page.count("Not readable: the key with which it was encrypted is gone.") == len(functions) + 1

    again = await env.play(ZORA, hour=12)
    await env.processed()
    status, content = await request(env.pod, f"calls/{again}")
    assert (status, ZORA.message in content["transcript"]) == (200, True)
    status, _ = await env.erase(ZORA, cancel_appointments=True)
    assert status == 200
    await env.processed()
    await env.run_erasures()
    left = "SELECT count(*) FROM webhook_events WHERE tenant = $1 AND payload <> ''"
    assert await env.pod.db.fetchval(left, env.tenant), "nobody knows whose they are"
    await env.pod.db.execute("UPDATE webhook_events SET payload = '' WHERE tenant = $1", env.tenant)  # by age
    await env.finish()
    for table in ("calls", "function_requests", "messages"):
        assert await env.pod.db.fetchval(f"SELECT count(*) FROM {table} WHERE tenant = $1", env.tenant) == 0


@pytest.mark.nightly
async def test_plain_rows_stay_readable_beside_encrypted_ones(env: PrivacyEnvironment) -> None:
    text = (env.pod.folder / "tenant.json").read_text()
    env.pod.write_config(replace(decode(text), encrypt_bodies=False))
    for process in (env.pod.worker, env.pod.web._process):
        await eventually(lambda process=process: process.cipher.active_key is None, what="the config")
    before = await env.play(ZORA)
    await env.processed()
    assert ZORA.note in await stored_text(env.pod.db, env.tenant, "calls")
    await until_used(env, old_key())
    after = await env.play(ZORA, hour=12)
    await env.processed()
    for call_id in (before, after):
        status, content = await request(env.pod, f"calls/{call_id}")
        assert (status, ZORA.note in content["transcript"]) == (200, True)
    await env.erase(ZORA, cancel_appointments=True)
    await env.processed()
    await env.finish()
    assert {place for place, _ in await env.search(ZORA.needles)} <= {"calcom"}
    rows = await env.pod.db.fetch("SELECT payload FROM webhook_events WHERE tenant = $1", env.tenant)
    assert all(not row["payload"] for row in rows), "of Cal.com's, too, which nobody can search as they are stored"


async def test_report_of_erased_booking_has_no_body(env: PrivacyEnvironment) -> None:
    """The trigger that removes plain bodies cannot read encrypted ones."""
    await env.play(ZORA)
    await env.processed()
    (booking,) = env.calcom.accounts["cal_salon"].bookings.values()
    await env.erase(ZORA, cancel_appointments=True)
    await env.processed()
    await env.finish()
    for uid, is_erased in ((booking.uid, True), ("somebody_elses_uid", False)):
        payload = {"uid": uid, "attendees": [{"name": ZORA.name, "note": "\\n" + uid}]}
        body = json.dumps({"triggerEvent": "BOOKING_PAID", "payload": payload}).encode()
        reply = await env.pod.post("/webhooks/calcom", body, {"X-Cal-Signature-256": sign_calcom(body)})
        assert reply.status == 200
        row = await env.pod.event(reply.body["event_id"])
        assert row is not None
        assert (row["payload"] == b"", is_encrypted(row["payload"])) == (is_erased, not is_erased)


@pytest.mark.nightly
async def test_spooled_event_of_erased_booking_is_found(env: PrivacyEnvironment) -> None:
    """It was encrypted before it waited, so the trigger cannot read it, even if encryption is off when it is moved."""
    await env.play(ZORA)
    await env.processed()
    (booking,) = env.calcom.accounts["cal_salon"].bookings.values()
    await env.erase(ZORA, cancel_appointments=True)
    await env.processed()
    await env.finish()
    key = old_key()
    text = encode_data_keys(DataKeys((key,)))
    off = BodyCipher(env.tenant, lambda: text, lambda: False)
    body = json.dumps({"triggerEvent": "BOOKING_PAID", "payload": {"uid": booking.uid}}).encode()
    event = IncomingEvent(Source.CALCOM, "waited", "BOOKING_PAID", body, "corr")
    waited = encrypt_body(cipher_of(env, key), event)
    assert is_encrypted(waited.payload)
    await EventStore(env.pod.worker.pool, env.tenant, off).write([waited])
    row = await env.pod.event("waited")
    assert row is not None
    assert row["payload"] == b""


async def test_event_waits_for_its_key_and_is_processed(env: PrivacyEnvironment) -> None:
    mine, missing = old_key(), old_key()
    await until_used(env, mine)
    event_id = await store_foreign(env, "call_waits", missing)

    async def put_off() -> asyncpg.Record | None:
        row = await env.pod.job("call_waits:call_ended")
        return row if row and row["state"] == "ready" and row["last_error"] else None

    job = await eventually(put_off)
    assert missing.id in job["last_error"]
    assert (job["run_at"] > datetime.now(UTC), job["attempts"]) == (True, 0)
    await until_used(env, missing, mine)
    await env.pod.db.execute("UPDATE jobs SET run_at = now() WHERE tenant = $1 AND event_id = $2", env.tenant, event_id)
    async with env.pod.session.post(f"http://127.0.0.1:{env.pod.worker_port}/wake-up"):
        assert (await env.pod.settled("call_waits:call_ended"))["status"] == "processed"
    _, content = await request(env.pod, "calls/call_waits")
    assert content["transcript"] == ZORA.note


async def test_event_without_its_key_becomes_a_dead_letter(env: PrivacyEnvironment) -> None:
    mine, missing = old_key(), old_key()
    await until_used(env, mine)
    event_id = await store_foreign(env, "call_lost", missing)
    await env.pod.db.execute(
        "UPDATE webhook_events SET received_at = now() - $3::interval WHERE tenant = $1 AND id = $2",
        env.tenant, event_id, KEY_PATIENCE,
    )  # fmt: skip
    await env.pod.db.execute("UPDATE jobs SET run_at = now() WHERE tenant = $1 AND event_id = $2", env.tenant, event_id)
    async with env.pod.session.post(f"http://127.0.0.1:{env.pod.worker_port}/wake-up"):
        event = await env.pod.settled("call_lost:call_ended")
    assert event["status"] == "dead"
    assert event["error"] == f"the body is encrypted with data key {missing.id}, which this tenant does not have"
    assert is_encrypted(event["payload"]), "and can be redriven when the key is restored"


async def test_encrypted_body_moved_to_another_row_is_refused(env: PrivacyEnvironment) -> None:
    """The tenant's login to the database may add rows: no words of one call become those of another."""
    await env.play(ZORA)
    await env.processed()
    copy = """
WITH copied AS (
    INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id)
    SELECT tenant, source, 'call_forged:call_analyzed', event_type, payload, 'corr' FROM webhook_events
    WHERE tenant = $1 AND event_type = 'call_analyzed' RETURNING id
) INSERT INTO jobs (tenant, kind, priority, event_id, correlation_id) SELECT $1, 'webhook-event', 'critical', id, 'corr' FROM copied
"""
    thief = await asyncpg.connect(env.pod.store.dsn)
    try:
        await thief.execute(copy, env.tenant)
        others = "UPDATE calls SET analysis = (SELECT analysis FROM calls WHERE call_id = $2) WHERE call_id = $1"
        await thief.execute(
            "INSERT INTO calls (tenant, call_id, status, correlation_id) VALUES ($1, 'call_forged', 'ended', 'c')",
            env.tenant,
        )
        call_id = await env.pod.db.fetchval("SELECT call_id FROM calls WHERE analysis IS NOT NULL")
        await thief.execute(others, "call_forged", call_id)
    finally:
        await thief.close()
    async with env.pod.session.post(f"http://127.0.0.1:{env.pod.worker_port}/wake-up"):
        event = await env.pod.settled("call_forged:call_analyzed")
    assert (event["status"], event["error"]) == ("dead", "the body is encrypted for another row, or changed since")
    _, content = await request(env.pod, "calls/call_forged")
    assert (content["transcript"], content["not_readable"]) == (None, True)


async def test_erasure_waits_for_a_temporarily_missing_key(env: PrivacyEnvironment) -> None:
    """An unreadable body may be the caller's: an erasure that took it for empty would leave it."""
    gone = old_key()
    await env.play(ZORA)
    await env.processed()
    event = await store_foreign(env, "call_of_zora", gone)
    fields = {"call": env.call_fields(ZORA, "call_of_zora")}
    plain = json.dumps({"event": "call_ended", **fields}).encode()
    body = cipher_of(env, gone).encrypt(Place.EVENT, "retell/call_of_zora:call_ended", plain)
    await env.pod.db.execute("UPDATE webhook_events SET payload = $2 WHERE id = $1", event, body)
    status, answer = await env.erase(ZORA, cancel_appointments=True)
    assert (status, answer["erasure"]["state"]) == (200, "open"), answer
    assert f"data key {gone.id}" in answer["erasure"]["waits_for"]
    assert "restore Secret T-data-keys" in answer["erasure"]["waits_for"]
    open_one = "SELECT error FROM erasures WHERE tenant = $1 AND state = 'open'"

    async def names_the_key() -> bool:
        await env.run_erasures()
        return f"data key {gone.id}" in await env.pod.db.fetchval(open_one, env.tenant)

    # The job of the cancelled appointment comes first.
    await eventually(names_the_key, what="the erasure to wait for the key alone")
    assert await env.pod.db.fetchval("SELECT count(*) FROM webhook_events WHERE id = $1", event) == 1

    await until_used(env, gone, old_key())
    await env.finish()
    assert await env.pod.db.fetchval("SELECT count(*) FROM webhook_events WHERE id = $1", event) == 0


async def test_erasure_waits_for_the_key_of_anothers_record(env: PrivacyEnvironment) -> None:
    """It may name the person, and is emptied only once it is read."""
    gone, call_id, at = old_key(), "call_of_otto", datetime.now(UTC) - timedelta(minutes=1)
    for function, number in (("leave_message", ZORA.number), ("book_appointment", OTHER.number)):
        said = store_said(cipher_of(env, gone), call_id, at, function, {"phone": number}, None)
        await env.pod.db.execute(
            """INSERT INTO function_requests (tenant, call_id, at, function, arguments, outcome, duration_ms, correlation_id)
               VALUES ($1, $2, $3, $4, $5::jsonb, 'done', 1, 'c')""",
            env.tenant, call_id, at, function, json.dumps(said),
        )  # fmt: skip
    status, answer = await env.erase(ZORA)
    assert (status, answer["erasure"]["state"]) == (200, "open"), answer
    assert (
        f"2 bodies or records of functions that may be the caller's are encrypted with data key {gone.id}"
        in (answer["erasure"]["waits_for"])
    )
    await env.run_erasures()
    left = "SELECT array_agg(function) FROM function_requests WHERE tenant = $1 AND arguments IS NOT NULL"
    assert len(await env.pod.db.fetchval(left, env.tenant)) == 2
    await until_used(env, gone, old_key())
    await env.finish()
    assert await env.pod.db.fetchval(left, env.tenant) == ["book_appointment"]
