"""Events in Redis that PostgreSQL does not take are personal data, too: they are erased, refused and aged as stored ones."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from askproai_runtime.encryption import Place
from askproai_runtime.intake.spool import STREAM, unstorable_beside
from askproai_runtime.redis.durable_stream import DurableStream
from tests.worlds.privacy_environment import OTHER, ZORA, Died, Dying, Person, PrivacyEnvironment
from tests.worlds.private_desk import request

pytestmark = pytest.mark.nightly

REDIS_ONLY = "call_in_redis_only"


def key(env: PrivacyEnvironment) -> str:
    return f"askproai:{env.tenant}:spool:unstorable"


async def put(env: PrivacyEnvironment, content: bytes, days_ago: float = 0) -> str:
    """Put an entry into the stream as the drainer does; return its id."""
    at = datetime.now(UTC) - timedelta(days=days_ago)
    async with env.redis.admin() as admin:
        id_ = f"{int(at.timestamp() * 1000)}-*" if days_ago else "*"
        return str(await admin.xadd(key(env), {"e": content, "o": "0"}, id=id_))


def record(source: str, event_id: str, body: bytes) -> bytes:
    return msgspec.msgpack.encode([source, event_id, event_id.rpartition(":")[2], body, "c", None])


def retell(env: PrivacyEnvironment, person: Person, call_id: str, source: str = "retell-v2", *, sealed: bool = False):
    """Return the entry of a call's event: by default of a sender that a later release knows."""
    event_id = f"{call_id}:call_ended"
    body = msgspec.json.encode({"event": "call_ended", "call": env.call_fields(person, call_id)})
    if sealed:
        body = env.pod.worker.cipher.encrypt(Place.EVENT, f"{source}/{event_id}", body)
    return record(source, event_id, body)


async def left(env: PrivacyEnvironment) -> list[str]:
    stream = unstorable_beside(DurableStream(env.pod.worker.shared, STREAM))
    try:
        return [entry.id for entry in await stream.read()]
    finally:
        await stream.close()


async def test_set_aside_events_of_a_caller_are_erased(env: PrivacyEnvironment) -> None:
    call_id = await env.play(ZORA)
    await env.processed()
    kept = await put(env, retell(env, OTHER, "call_of_other"))
    await put(env, retell(env, ZORA, call_id, sealed=True))
    await put(env, retell(env, ZORA, REDIS_ONLY, "retell"))
    await put(env, record("calcom", "a" * 64, msgspec.json.encode({"payload": {"attendees": [{"email": ZORA.email}]}})))
    await put(env, b"of a later release " + ZORA.number.encode())
    await env.erase(ZORA, cancel_appointments=True)
    await env.processed()
    await env.finish()
    assert await left(env) == [kept]
    rows = await env.pod.db.fetch("SELECT detail FROM audit_log WHERE action = 'caller.erased'")
    details = [msgspec.json.decode(row["detail"]) for row in rows]
    evidence = {each["system"]: each for each in details}
    assert (evidence["redis"]["events_waiting"], evidence["redis"]["set_aside_events"]) == (0, 4)
    noted = "SELECT kind FROM erased_references WHERE tenant = $1 AND reference = $2"
    assert await env.pod.db.fetchval(noted, env.tenant, REDIS_ONLY) == "call", "Retell has to delete it"
    await put(env, retell(env, ZORA, call_id))
    await env.run_erasures()
    assert await left(env) == [kept], "one that comes later"


async def test_crash_keeps_the_only_trace_of_a_call(env: PrivacyEnvironment) -> None:
    await put(env, retell(env, ZORA, REDIS_ONLY, "retell"))
    await env.erase(ZORA)
    with pytest.raises(Died):
        await env.run_erasures(env.task(faults=Dying("before:erasure-commit")))
    await env.finish()
    assert await left(env) == []
    noted = "SELECT kind FROM erased_references WHERE tenant = $1 AND reference = $2"
    assert await env.pod.db.fetchval(noted, env.tenant, REDIS_ONLY) == "call", "Retell has to delete it"


async def test_erasure_waits_for_unreadable_entries(env: PrivacyEnvironment) -> None:
    await env.play(ZORA)
    await env.processed()
    unreadable = await put(env, b"\xc1 of a release that packs otherwise")
    await env.erase(ZORA, cancel_appointments=True)
    await env.processed()
    await env.run_erasures()
    _, listed = await request(env.pod, "erasures")
    state, waits_for = (listed["erasures"][0][name] for name in ("state", "waits_for"))
    assert state == "open"
    assert waits_for is not None
    assert f"entry {unreadable} of the spool in Redis" in waits_for
    async with env.redis.admin() as admin:
        await admin.delete(key(env))
    await env.finish()


@pytest.mark.parametrize("deleted_at_retell", [False, True])
async def test_set_aside_events_of_refused_calls_are_deleted(env: PrivacyEnvironment, deleted_at_retell: bool) -> None:
    call_id = await env.play(ZORA, ends=False)
    assert (await env.ask("decline_recording", call_id, ZORA, {}))["success"]
    await env.end(ZORA, call_id)
    await env.processed()
    if deleted_at_retell:
        await env.run_erasures()
    kept = await put(env, retell(env, OTHER, "call_of_other"))
    await put(env, retell(env, ZORA, call_id, sealed=True))
    await put(env, b"of a later release: " + call_id.encode())
    await env.run_erasures()
    assert await left(env) == [kept]


async def test_set_aside_events_age_as_raw_events(env: PrivacyEnvironment) -> None:
    days = env.pod.worker.config.current.retention.raw_event_days
    await put(env, b"\xc1", days + 0.01)
    kept = await put(env, retell(env, OTHER, "call_of_other"), days - 0.01)
    await env.run_erasures()
    assert await left(env) == [kept]
