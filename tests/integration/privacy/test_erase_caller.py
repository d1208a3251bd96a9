"""`erase` leaves nothing of a caller where we reach, touches nobody else, and nothing comes back afterwards."""

import json
from typing import Any
from uuid import uuid4

import pytest

from askproai_core.reader_token import reader_token_of
from askproai_sandbox.simulator import Fault, FaultKind
from tests.worlds.privacy_environment import OTHER, ZORA, PrivacyEnvironment
from tests.worlds.private_desk import asking, request
from tests.worlds.tenant_pod import ADMIN_TOKEN
from tests.worlds.waiting import eventually


async def rows_of_others(env: PrivacyEnvironment, needle: str) -> dict[str, str]:
    """Return the rows of each table that hold a text, to be compared. Stored answers live for minutes."""
    tables = (
        "customers", "appointments", "calls", "function_requests", "messages", "waitlist", "notifications", "webhook_events",
    )  # fmt: skip
    found = {}
    for table in tables:
        rows = await env.pod.db.fetch(f"SELECT to_jsonb(t)::text AS row FROM {table} t WHERE tenant = $1", env.tenant)
        texts = [row["row"] for row in rows if needle in row["row"] or needle.encode().hex() in row["row"]]
        found[table] = "\n".join(sorted(texts))
    return found


async def test_after_an_erasure_nothing_is_found_anywhere(env: PrivacyEnvironment) -> None:
    await env.play(OTHER, hour=14)
    await env.play(ZORA)
    await env.processed()
    before = {place for place, _ in await env.search(ZORA.needles)}
    assert before == {"database", "retell", "calcom"}, "the search finds what is there"
    others = [await rows_of_others(env, needle) for needle in (OTHER.name, OTHER.number[1:])]

    status, refused = await env.erase(ZORA)
    assert (status, refused["title"]) == (409, "Appointments To Come")
    assert {place for place, _ in await env.search(ZORA.needles)} == before
    status, answer = await env.erase(ZORA, cancel_appointments=True)
    assert status == 200, answer
    assert answer["cancelled"] == 1
    await env.processed()
    await env.finish()
    assert "caller.erasing" in env.logs.getvalue()
    left = await env.search(ZORA.needles)
    (booking,) = [each for each in env.calcom.accounts["cal_salon"].bookings.values() if not each.live]
    assert {place for place, _ in left} == {"calcom"}, left
    assert answer["at_calcom"] == [booking.uid]
    assert [await rows_of_others(env, needle) for needle in (OTHER.name, OTHER.number[1:])] == others

    entries = await env.pod.db.fetch(
        "SELECT detail FROM audit_log WHERE tenant = $1 AND action = 'caller.erased' ORDER BY id", env.tenant
    )
    evidence = {detail["system"]: detail for detail in (json.loads(entry["detail"]) for entry in entries)}
    assert evidence["retell"]["calls_deleted"] == 1
    assert evidence["calcom"]["bookings_that_keep_the_name"] == 1
    assert evidence["redis"]["events_waiting"] == 0
    assert evidence["database"]["calls"] == evidence["database"]["messages"] == evidence["database"]["customers"] == 1


async def test_nothing_erased_returns_by_polls_or_late_events(env: PrivacyEnvironment) -> None:
    call_id = await env.play(ZORA)
    await env.processed()
    fields = env.call_fields(ZORA, call_id)
    fault = {"fault": FaultKind.ERROR_BEFORE_COMMIT, "operation": "delete-call", "count": None}
    env.retell.faults.active.append(Fault.parse(fault, env.retell.clock.now()))
    await env.erase(ZORA, cancel_appointments=True)
    await env.processed()  # the cancellation comes to Cal.com, which needs who it is
    await env.run_erasures()
    assert call_id in env.workspace.calls, "Retell did not delete it yet"
    await env.poll_calls()  # Retell still lists it
    await env.poll_calendar()
    late = {name: value for name, value in fields.items() if name != "call_id"}
    for event in ("call_started", "call_ended", "call_analyzed"):
        assert (await env.pod.retell(event, call_id, **late)).status == 200
    await env.processed()
    found = await env.search(ZORA.needles)
    assert {place for place, _ in found} == {"retell", "calcom", "database"}
    numbers = {needle for place, needle in found if place == "database"}
    assert numbers == {ZORA.number[1:]}, "the open erasure needs the number"

    env.retell.faults.active.clear()
    await env.finish()
    await env.poll_calls()
    await env.poll_calendar()
    for event in ("call_started", "call_ended", "call_analyzed"):
        await env.pod.retell(event, call_id, **late)
    await env.processed()
    assert {place for place, _ in await env.search(ZORA.needles)} == {"calcom"}
    assert await env.pod.db.fetchval("SELECT count(*) FROM calls WHERE tenant = $1", env.tenant) == 0
    assert await env.pod.db.fetchval("SELECT count(*) FROM jobs WHERE tenant = $1 AND state = 'dead'", env.tenant) == 0


async def test_ongoing_call_refuses_the_erasure(env: PrivacyEnvironment) -> None:
    call_id = await env.play(ZORA, ends=False)
    await env.pod.settled(f"{call_id}:call_started")
    status, refused = await env.erase(ZORA, cancel_appointments=True)
    assert (status, refused["title"]) == (409, "Call Going On")
    assert await env.pod.db.fetchval("SELECT count(*) FROM erasures WHERE tenant = $1", env.tenant) == 0
    await env.end(ZORA, call_id)
    status, _ = await env.erase(ZORA, cancel_appointments=True)
    assert status == 200


async def test_repeated_erasure_request_makes_one_erasure(env: PrivacyEnvironment) -> None:
    await env.play(ZORA)
    body = asking(caller=ZORA.number, cancel_appointments=True)
    answers = [await request(env.pod, "callers/erase", body) for _ in range(2)]
    assert {status for status, _ in answers} == {200}
    assert answers[0][1]["erasure"]["id"] == answers[1][1]["erasure"]["id"] == body["request_id"]
    await env.finish()
    status, again = await request(env.pod, "callers/erase", body)
    assert (status, again["erasure"]["state"]) == (200, "done")
    _, listed = await request(env.pod, "erasures")
    (erasure,) = listed["erasures"]
    assert (erasure["id"], erasure["state"], erasure["waits_for"]) == (body["request_id"], "done", None)


async def test_message_after_the_erasure_request_is_stored(env: PrivacyEnvironment) -> None:
    await env.play(ZORA)
    await env.erase(ZORA, cancel_appointments=True)
    message = {"message": "Ich bin wieder da.", "customer_name": ZORA.name}
    later = await env.ask("leave_message", "call_later", ZORA, message)
    assert later["success"], later
    await env.processed()
    await env.finish()
    texts = await env.pod.db.fetch("SELECT text FROM messages WHERE tenant = $1", env.tenant)
    assert [row["text"] for row in texts] == ["Ich bin wieder da."]


@pytest.mark.nightly
async def test_repeated_request_extends_an_open_erasure(env: PrivacyEnvironment) -> None:
    await env.play(ZORA)
    await env.erase(ZORA, cancel_appointments=True)
    later = {"message": ZORA.message, "customer_name": ZORA.name}
    assert (await env.ask("leave_message", "call_later", ZORA, later))["success"]
    await env.end(ZORA, "call_later")
    status, answer = await env.erase(ZORA, cancel_appointments=True)
    assert status == 200, answer
    assert answer["erasure"]["state"] == "open"
    await env.processed()
    await env.finish()
    assert {place for place, _ in await env.search(ZORA.needles)} == {"calcom"}


async def test_a_reader_neither_exports_nor_erases(env: PrivacyEnvironment) -> None:
    headers = {"Authorization": f"Bearer {reader_token_of(ADMIN_TOKEN)}"}
    bodies: dict[str, Any] = {
        "callers/export": {"caller": ZORA.number, "by": "r"},
        "callers/erase": asking(caller=ZORA.number, cancel_appointments=True),
    }
    for path, body in bodies.items():
        async with env.pod.session.post(f"{env.pod.private_url}/api/v1/{path}", headers=headers, json=body) as answer:
            assert answer.status == 403, path
    assert await env.pod.db.fetchval("SELECT count(*) FROM erasures WHERE tenant = $1", env.tenant) == 0


async def test_export_has_exactly_the_stored_data_of_callers(env: PrivacyEnvironment) -> None:
    await env.play(OTHER, hour=14)
    call_id = await env.play(ZORA)

    async def recorded() -> bool:
        exported = (await request(env.pod, "callers/export", {"caller": ZORA.number, "by": "karin"}))[1]
        return len(exported["requests_in_calls"]) == 4

    await eventually(recorded)
    status, exported = await request(env.pod, "callers/export", {"caller": ZORA.number, "by": "karin"})
    assert status == 200
    text = json.dumps(exported, ensure_ascii=False)
    assert all(needle in text for needle in ZORA.needles)
    assert not any(needle in text for needle in OTHER.needles)
    assert exported["customer"]["phone"] == ZORA.number
    assert exported["appointments"][0]["notes"] == ZORA.note
    assert ZORA.message in exported["calls"][0]["transcript"]
    assert exported["calls"][0]["call_id"] == call_id
    assert exported["messages"][0]["text"] == ZORA.message
    assert {"call_back", "call_back_from", "call_back_until"} <= exported["messages"][0].keys()
    assert exported["waiting_list"][0]["state"] == "waiting"
    assert exported["notifications"]
    action = await env.pod.db.fetchval(
        "SELECT action FROM audit_log WHERE tenant = $1 ORDER BY id DESC LIMIT 1", env.tenant
    )
    assert action == "caller.exported"
    nobody = (await request(env.pod, "callers/export", {"caller": f"+49151{uuid4().int % 10**8:08}", "by": "karin"}))[1]
    assert nobody["customer"] is None
    assert not nobody["calls"]
