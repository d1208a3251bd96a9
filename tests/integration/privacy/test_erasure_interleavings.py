"""Erasures interleaved with other work: in the end nothing of the caller is left."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import msgspec
import pytest

from askproai_core.redis import PROMISE_KEY
from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.calls.store import FunctionRecord, insert_function_records
from askproai_runtime.encryption import no_cipher
from askproai_runtime.intake import Source, identify
from askproai_runtime.intake.spool import STREAM, Spool
from askproai_runtime.metrics import Metrics
from askproai_runtime.privacy import ErasureRequest, begin_erasure
from askproai_runtime.redis.durable_stream import DurableStream
from tests.worlds.privacy_environment import ZORA, Died, Dying, PrivacyEnvironment
from tests.worlds.private_desk import asking, request
from tests.worlds.waiting import eventually

pytestmark = pytest.mark.nightly

WHERE_NOBODY_REACHES = {"calcom"}


@pytest.mark.parametrize("point", ["after:erasure-open", "after:erasure-cancel", "before:erasure-commit"])
async def test_interrupted_erasure_is_finished_by_request_or_worker(env: PrivacyEnvironment, point: str) -> None:
    await env.play(ZORA)
    await env.processed()
    request_id = uuid4()
    dying = replace(env.pod.worker.booking(for_callers=False), faults=Dying(point))
    asked = ErasureRequest(DeskRequest(request_id, "karin"), ZORA.number, True, "corr")
    with pytest.raises(Died):
        await begin_erasure(dying, asked)
    assert ("database", ZORA.name.split()[0]) in await env.search(ZORA.needles)
    body = asking(caller=ZORA.number, cancel_appointments=True) | {"request_id": str(request_id)}
    status, answer = await request(env.pod, "callers/erase", body)
    assert (status, answer["erasure"]["id"]) == (200, str(request_id))
    await env.processed()
    await env.finish()
    assert {place for place, _ in await env.search(ZORA.needles)} == WHERE_NOBODY_REACHES
    asked_for = "SELECT count(*) FROM audit_log WHERE tenant = $1 AND action = 'caller.erase'"
    assert await env.pod.db.fetchval(asked_for, env.tenant) == 1


@pytest.mark.parametrize("point", ["after:erasure-pass", "after:delete-call", "before:erasure-commit"])
async def test_next_worker_finishes_a_dead_workers_erasure(env: PrivacyEnvironment, point: str) -> None:
    await env.play(ZORA)
    await env.processed()
    await env.erase(ZORA, cancel_appointments=True)
    with pytest.raises(Died):
        await env.run_erasures(env.task(faults=Dying(point)))
    await env.processed()
    await env.finish()
    assert {place for place, _ in await env.search(ZORA.needles)} == WHERE_NOBODY_REACHES


async def test_late_commit_of_earlier_write_is_erased(env: PrivacyEnvironment) -> None:
    call_id = await env.play(ZORA)
    await env.processed()
    worker = await asyncpg.connect(env.pod.store.dsn)
    try:
        writing = worker.transaction()
        await writing.start()
        await worker.execute(
            """INSERT INTO function_requests (tenant, call_id, at, function, arguments, outcome, duration_ms, correlation_id)
               VALUES ($1, $2, now(), 'leave_message', $3::jsonb, 'noted', 1, 'c')""",
            env.tenant, call_id, msgspec.json.encode({"message": ZORA.message}).decode(),
        )  # fmt: skip
        await env.erase(ZORA, cancel_appointments=True)
        await env.processed()
        await writing.commit()
    finally:
        await worker.close()
    await env.finish()
    assert {place for place, _ in await env.search(ZORA.needles)} == WHERE_NOBODY_REACHES


async def test_late_function_record_after_erasure_is_erased(env: PrivacyEnvironment) -> None:
    call_id = await env.play(ZORA)
    await env.processed()
    await env.erase(ZORA, cancel_appointments=True)
    late = FunctionRecord(
        call_id=call_id, at=datetime.now(UTC), function="leave_message", arguments={"message": ZORA.message}, outcome="noted",
        cause=None, answer="", duration_ms=1, appointment_id=None, correlation_id="c", from_number=ZORA.number,
        to_number=None, direction=None, started_at=None,
    )  # fmt: skip
    assert await insert_function_records(env.pod.worker.pool, env.tenant, [late], no_cipher(env.tenant)) == 1
    status, answer = await env.erase(ZORA, cancel_appointments=True)
    assert status == 200, answer
    await env.finish()
    assert {place for place, _ in await env.search(ZORA.needles)} == WHERE_NOBODY_REACHES


async def test_an_erasure_waits_for_the_events_in_redis(env: PrivacyEnvironment) -> None:
    """The call has no row yet: only the body of its event names the caller."""
    await env.play(ZORA)
    await env.processed()
    shared = env.pod.worker.shared
    drainer = f"askproai:{env.tenant}:spool:drainer"
    async with env.redis.admin() as admin:
        await admin.set(drainer, "held by the test")
        await admin.set(PROMISE_KEY, "0")
    body = msgspec.json.encode({"event": "call_ended", "call": env.call_fields(ZORA, "call_in_redis_only")})
    event = identify(Source.RETELL, body, tenant=env.tenant, correlation_id="c", now=env.pod.worker.clock.now())
    spool = Spool(DurableStream(shared, STREAM), Metrics("salon"), no_cipher(env.tenant))
    assert await spool.put([event])
    await spool.stream.close()
    await env.erase(ZORA, cancel_appointments=True)
    await env.processed()
    await env.run_erasures()
    _, listed = await request(env.pod, "erasures")
    assert (listed["erasures"][0]["state"], listed["erasures"][0]["waits_for"]) == ("open", "1 events wait in Redis")
    assert "redis" in {place for place, _ in await env.search(ZORA.needles)}
    async with env.redis.admin() as admin:
        await admin.delete(drainer)

    async def is_drained() -> bool:
        async with env.redis.admin() as admin:
            return not await admin.exists(f"askproai:{env.tenant}:spool")

    await eventually(is_drained, 60, "the spool to be empty")
    await env.processed()
    await env.finish()
    assert {place for place, _ in await env.search(ZORA.needles)} == WHERE_NOBODY_REACHES


async def test_erasure_stays_open_until_the_quiet_period_ends(env: PrivacyEnvironment) -> None:
    await env.play(ZORA)
    await env.processed()
    await env.erase(ZORA, cancel_appointments=True)
    await env.processed()
    for _ in range(2):
        await env.run_erasures(env.task(quiet=timedelta(hours=1)))
    _, listed = await request(env.pod, "erasures")
    assert listed["erasures"][0]["state"] == "open"
