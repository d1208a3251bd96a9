"""While PostgreSQL is away, signed events are acknowledged from Redis, and stored once when it is back."""

import asyncio
import os
import shutil
import signal
import time
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from askproai_operator.redis_acl import acl_rules
from askproai_runtime.encryption import DataKeyMissing
from askproai_runtime.intake import Source, decrypt_body
from askproai_sandbox.cluster import free_port
from tests.worlds.encryption import old_key
from tests.worlds.rows import each_row
from tests.worlds.spool_environment import SENDERS, SpoolEnvironment, running_spool, slow_postgres_accepted, spawn_web
from tests.worlds.tenant_pod import running_web
from tests.worlds.waiting import SOON, eventually, stopwatch


async def take_database_away(env: SpoolEnvironment, how: str) -> None:
    await env.gate.shut() if how == "refused" else env.gate.silence()


@pytest.mark.parametrize("how", ["refused", "silent"])
async def test_all_senders_events_are_stored_once_after_outages(spooling: SpoolEnvironment, how: str) -> None:
    await take_database_away(spooling, how)
    async with stopwatch() as seconds:
        replies = [await spooling.send(source, "call_away") for source in SENDERS for _ in range(2)]
        assert seconds() < 3
    assert [(reply.status, reply.body["status"]) for reply in replies] == [(200, "spooled")] * 6
    assert replies[0].body["id"] is None
    assert len(await spooling.list_events()) == 1
    assert await spooling.count_spooled() == 6
    await spooling.gate.open()
    await spooling.wait_until_drained()
    stored = await spooling.list_events()
    assert sorted(stored[1:]) == sorted({reply.body["event_id"] for reply in replies})
    assert await spooling.pod.counts() == (4, 4, 0), "each with one job"
    with slow_postgres_accepted():
        again = await spooling.send(Source.RETELL, "call_away")
    assert again.body["status"] == "already_processed"


async def test_spooled_event_is_stored_bytewise_with_arrival_time(spooling: SpoolEnvironment) -> None:
    await spooling.gate.shut()
    before = await spooling.pod.db.fetchval("SELECT clock_timestamp()")
    reply = await spooling.pod.retell("call_started", "call_umlaut", transcript="Grüße 💇")
    after = await spooling.pod.db.fetchval("SELECT clock_timestamp()")
    await asyncio.sleep(0.5)  # so that the time of its way into the table is another one
    await spooling.gate.open()
    await spooling.wait_until_drained()
    event = await spooling.pod.event("call_umlaut:call_started") or {}
    second = timedelta(seconds=0.1)
    assert before - second < event["received_at"] < after + second
    assert "Grüße 💇".encode() in event["payload"]
    assert event["correlation_id"] == reply.body["correlation_id"]


@pytest.mark.nightly
async def test_outage_under_load_refuses_loses_and_doubles_nothing(spooling: SpoolEnvironment) -> None:
    """100 events a second for ten seconds; PostgreSQL hangs for three of them and is gone for three."""
    sent: dict[str, asyncio.Task[Any]] = {}

    async def outage() -> None:
        await asyncio.sleep(1)
        spooling.gate.silence()
        await asyncio.sleep(3)
        await spooling.gate.shut()
        await asyncio.sleep(3)
        await spooling.gate.open()

    failing = asyncio.create_task(outage())
    start = time.perf_counter()
    for number in range(1000):
        name = f"call_{number:04}"
        sent[name] = asyncio.create_task(spooling.pod.retell("call_started", name))
        await asyncio.sleep(max(0, start + number / 100 - time.perf_counter()))
    replies = await asyncio.gather(*sent.values())
    await failing
    assert {reply.status for reply in replies} == {200}
    assert {"accepted", "spooled"} == {reply.body["status"] for reply in replies}
    await spooling.wait_until_drained()
    stored = await spooling.list_events()
    assert sorted(stored) == sorted(["call_before:call_started", *(f"{name}:call_started" for name in sent)])
    assert (await spooling.pod.counts())[:2] == (1001, 1001)


async def test_spooled_event_committed_before_is_stored_once(spooling: SpoolEnvironment) -> None:
    spooling.gate.silence(replies_only=True)
    assert (await spooling.send(Source.RETELL, "call_doubt")).body["status"] == "spooled"

    async def committed() -> bool:
        return "call_doubt:call_started" in await spooling.list_events()

    await eventually(committed, what="the commit whose answer nobody got")
    assert await spooling.count_spooled() == 1
    await spooling.gate.open()
    await spooling.wait_until_drained()
    assert await spooling.pod.counts() == (2, 2, 0)


async def test_event_without_both_stores_stays_with_its_sender(spooling: SpoolEnvironment) -> None:
    await spooling.gate.shut()
    await spooling.redis.kill()
    for source in SENDERS:
        reply = await spooling.send(source, "call_both")
        assert (reply.status, reply.headers["Retry-After"]) == (503, "5"), source
    await spooling.redis.start()
    await spooling.gate.open()
    for source in SENDERS:

        async def accepted(source: Source = source) -> bool:
            return (await spooling.send(source, "call_both")).status == 200

        await eventually(accepted)
    await spooling.wait_until_drained()
    assert (await spooling.pod.counts())[:2] == (4, 4)


async def test_events_are_stored_without_redis(spooling: SpoolEnvironment) -> None:
    await spooling.redis.kill()
    for source in SENDERS:
        assert (await spooling.send(source, "call_redis")).body["status"] == "accepted"
    assert await spooling.pod.counts() == (4, 4, 0)


async def make_unreliable(env: SpoolEnvironment, unfit: str) -> None:
    match unfit:
        case "not promised":
            await env.promise(None)
        case "promised not":
            await env.promise("no")
        case "no file":
            await env.configure_redis("appendonly", "no")
        case "never synced":
            await env.configure_redis("appendfsync", "no")
        case "a replica is missing":
            await env.promise("1")
        case _:
            tenant = env.pod.store.tenant

            def without_spool(password: str) -> tuple[str, ...]:
                return acl_rules(tenant, password, spool=False)

            env.pod.write_credential("REDIS_URL", await env.redis.add_user(f"u-{tenant}", without_spool))


@each_row(
    "unfit",
    ["not promised", "promised not", "never synced", "a replica is missing", "no file", "no rights for the spool"],
)
async def test_nothing_is_acknowledged_from_an_unreliable_redis(spooling: SpoolEnvironment, unfit: str) -> None:
    call_id = unfit.replace(" ", "_")
    await make_unreliable(spooling, unfit)
    await spooling.gate.shut()
    assert (await spooling.send(Source.RETELL, call_id)).status == 503
    await spooling.gate.open()

    async def accepted() -> bool:
        return (await spooling.send(Source.RETELL, call_id)).status == 200

    async def healthy() -> bool:  # a Redis that answers late once is away for a second
        return (await spooling.pod.get(spooling.pod.private_url + "/health")).body["status"] == "ok"

    await eventually(accepted)
    await eventually(healthy)
    await spooling.promise()
    await spooling.configure_redis("appendfsync", "always")
    await spooling.configure_redis("appendonly", "yes")
    await spooling.wait_until_on()


async def test_acknowledged_event_survives_redis_and_pod(stopped_spool: SpoolEnvironment) -> None:
    env = stopped_spool
    async with running_web(env.pod, worker_port=9):
        await env.wait_until_on()
        await env.gate.shut()
        assert (await env.send(Source.RETELL, "call_kept")).body["status"] == "spooled"
        await env.redis.kill()
    assert await env.list_events() == []
    await env.redis.start()
    assert await env.count_spooled() == 1
    await env.gate.open()
    async with running_web(env.pod, worker_port=9):
        await env.wait_until_drained()
    assert await env.list_events() == ["call_kept:call_started"]


async def test_pod_death_before_removal_doubles_no_event(stopped_spool: SpoolEnvironment) -> None:
    env = stopped_spool
    async with running_spool(env):
        await env.gate.shut()
        for number in range(5):
            assert (await env.send(Source.RETELL, f"call_{number}")).body["status"] == "spooled"
        async with env.redis.admin() as admin:
            await admin.rename(env.stream, "kept")  # from the drainer of this process
        await env.gate.open()
    async with env.redis.admin() as admin:
        await admin.rename("kept", env.stream)
    child = await spawn_web(env, ASKPROAI_FAULT="after:drain-commit", ASKPROAI_TESTING="1")
    await eventually(lambda: child.exit_code is not None, SOON, child.last_lines)
    assert child.exit_code == -signal.SIGKILL
    assert await env.count_spooled() == 5, "nothing was removed"
    assert (await env.pod.counts())[:2] == (6, 6)
    async with env.redis.admin() as admin:
        await admin.delete(f"{env.stream}:drainer")  # it would end by itself after 20 s
    async with running_web(env.pod, worker_port=9):
        await env.wait_until_drained()
    assert (await env.pod.counts())[:2] == (6, 6)


async def test_unstorable_event_is_set_aside(spooling: SpoolEnvironment) -> None:
    """Such an entry may come from a later release, or from an attacker with the tenant's Redis user."""
    await spooling.gate.shut()
    assert (await spooling.send(Source.RETELL, "call_first")).body["status"] == "spooled"
    bad = b"\x95\xa6retell\xa5bad\x00x\xa1t\xc4\x02{}\xa1c"  # PostgreSQL has no text with a zero byte
    async with spooling.redis.admin() as admin:
        await admin.xadd(spooling.stream, {"e": bad})
        await admin.xadd(spooling.stream, {"e": "no event"})
        await admin.xadd(spooling.stream, {"x": "1", "y": "2"})
    assert (await spooling.send(Source.RETELL, "call_last")).body["status"] == "spooled"
    await spooling.gate.open()

    await spooling.wait_until_drained()
    async with spooling.redis.admin() as admin:
        assert await admin.xlen(f"{spooling.stream}:unstorable") == 3
        assert await admin.exists(spooling.stream) == 0
    assert {"call_first:call_started", "call_last:call_started"} < set(await spooling.list_events())


async def test_pod_stays_ready_while_spooling_in_an_outage(spooling: SpoolEnvironment, monkeypatch) -> None:
    """Were all pods unready, nothing would be routed to any of them."""
    monkeypatch.setattr("askproai_runtime.health.READY_TTL", timedelta(0))
    pod = spooling.pod

    async def statuses() -> tuple[int, str]:
        ready = await pod.get(pod.private_url + "/readyz")
        return ready.status, (await pod.get(pod.private_url + "/health")).body["status"]

    assert await statuses() == (200, "ok")
    spooling.gate.silence()
    assert (await spooling.send(Source.RETELL, "call_a")).body["status"] == "spooled"
    assert await statuses() == (200, "degraded")
    first = pod.web
    credentials = shutil.copytree(pod.folder / "credentials", pod.folder / "credentials-of-the-next")
    # The next pod reaches PostgreSQL, this one goes on hanging.
    (credentials / "DATABASE_URL").write_text(pod.store.dsn)
    async with running_web(pod, worker_port=9, credentials_dir=credentials):
        await spooling.wait_until_drained()
        pod.web = first

        async def unready() -> bool:
            return (await pod.get(pod.private_url + "/readyz")).status == 503

        await eventually(unready)


async def test_new_pod_is_unready_until_it_reaches_postgres(stopped_spool: SpoolEnvironment) -> None:
    await stopped_spool.gate.shut()
    pod = stopped_spool.pod
    async with running_web(pod, worker_port=9):
        await stopped_spool.wait_until_on()
        assert (await pod.get(pod.private_url + "/readyz")).status == 503
        await stopped_spool.gate.open()

        async def ready() -> bool:
            return (await pod.get(pod.private_url + "/readyz")).status == 200

        await eventually(ready)


async def test_the_metrics_count_waiting_events(spooling: SpoolEnvironment) -> None:
    pod = spooling.pod

    async def metric(name: str) -> float:
        async with pod.session.get(f"http://127.0.0.1:{pod.web.metrics_port}/metrics") as response:
            text = await response.text()
        return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"askproai_{name}{{"))

    await spooling.gate.shut()
    for number in range(3):
        await spooling.send(Source.RETELL, f"call_{number}")

    async def shown() -> bool:
        return await metric("spool_events") == 3 and await metric("spool_oldest_seconds") > 0

    await eventually(shown)
    assert await metric("events_spooled_total") == 3
    await spooling.gate.open()
    await spooling.wait_until_drained()

    async def empty() -> bool:
        return await metric("spool_events") == 0 and await metric("spool_oldest_seconds") == 0

    await eventually(empty)
    assert await metric("events_drained_total") == 3


async def test_call_function_is_not_spooled_but_apologises(spooling: SpoolEnvironment) -> None:
    await spooling.gate.shut()
    reply = await spooling.pod.function("book_appointment", "call_1", {})
    assert (reply.status, reply.body["success"]) == (200, False)
    assert await spooling.count_spooled() == 0
    await spooling.redis.kill()
    reply = await spooling.pod.function("book_appointment", "call_2", {})
    assert (reply.status, reply.body["success"]) == (200, False)


async def test_event_retried_after_pod_death_is_stored_once(stopped_spool: SpoolEnvironment) -> None:
    env = stopped_spool
    await env.promise("no")
    port = free_port()
    child = await spawn_web(env, ASKPROAI_PUBLIC_PORT=str(port))
    await eventually(lambda: b"web.started" in child.log.read_bytes(), SOON, child.last_lines)
    env.pod.base_url = f"http://127.0.0.1:{port}"
    # so that a connection to PostgreSQL is open for each of them, even if a slow start answers the first ones in turn
    for _ in range(5):
        await asyncio.gather(*(env.send(source, "call_before") for source in SENDERS))
    env.gate.silence(replies_only=True)
    unanswered = [asyncio.create_task(env.send(source, "call_dies")) for source in SENDERS]

    async def committed() -> bool:
        return len(await env.list_events()) == 6

    await eventually(committed, what="the commits")
    os.kill(child.pid, signal.SIGKILL)
    for sending in unanswered:
        with pytest.raises(aiohttp.ClientError):
            await sending
    await env.gate.shut()
    await env.gate.open()
    env.pod.base_url = None
    async with running_web(env.pod, worker_port=9):
        for source in SENDERS:
            assert (await env.send(source, "call_dies")).body["status"] == "already_processed"
    assert await env.pod.counts() == (6, 6, 0)


async def test_spooled_event_is_encrypted_and_stored(spooling: SpoolEnvironment) -> None:
    pod = spooling.pod
    pod.encrypt(old_key())
    cipher = pod.web._process.cipher
    await eventually(lambda: cipher.active_key is not None, what="the key")
    await take_database_away(spooling, "silent")
    reply = await pod.retell("call_ended", "call_canary", transcript="Zimtschnecke", call_status="ended")
    assert reply.body["status"] == "spooled"
    (entry,) = await pod.web.spool.stream.read("")
    assert b"call_canary:call_ended" in entry.content
    assert b"Zimtschnecke" not in entry.content
    assert b"agent_id" not in entry.content
    await spooling.gate.open()
    await spooling.wait_until_drained()
    row = await pod.event("call_canary:call_ended")
    assert row is not None
    assert b"Zimtschnecke" not in row["payload"]
    assert b"Zimtschnecke" in decrypt_body(cipher, "retell", "call_canary:call_ended", row["payload"])


async def test_waiting_event_is_moved_despite_its_destroyed_key(spooling: SpoolEnvironment) -> None:
    """It was acknowledged, so it gets its row and its job, which says why nothing can be done."""
    pod = spooling.pod
    pod.encrypt(old_key())
    cipher = pod.web._process.cipher
    await eventually(lambda: cipher.active_key is not None, what="the key")
    await take_database_away(spooling, "silent")
    assert (await spooling.send(Source.CALCOM, "canary")).body["status"] == "spooled"
    later = old_key()
    pod.encrypt(later)
    await eventually(lambda: cipher.active_key == later, what="the other key")
    await spooling.gate.open()
    await spooling.wait_until_drained()
    assert len(await spooling.list_events()) == 2
    stored = await pod.db.fetchrow(
        "SELECT * FROM webhook_events WHERE tenant = $1 AND source = 'calcom'", pod.store.tenant
    )
    with pytest.raises(DataKeyMissing):
        decrypt_body(cipher, "calcom", stored["event_id"], stored["payload"])
