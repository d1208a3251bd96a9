"""W1–W4: verify, deduplicate, store, acknowledge, over real sockets and a real PostgreSQL."""

import asyncio
import json

import asyncpg
import pytest
from webpod import (
    CALCOM_SECRET,
    RETELL_KEY,
    Pod,
    eventually,
    running_web,
    sign_calcom,
    sign_retell,
    sign_stripe,
    waiting_for_lock,
)

from askproai_core import http_server
from askproai_runtime.intake.store import _REARM
from askproai_runtime.jobs import Job, JobKind, Priority, finish

BODY = b'{"event":"call_started","call":{"call_id":"call_forged"}}'


async def test_an_event_is_stored_with_its_job_before_it_is_acknowledged(web_pod: Pod) -> None:
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
    # Q1: webhooks are critical, appointments high
    assert (job["state"], job["kind"], job["priority"]) == ("ready", "webhook-event", "critical")


@pytest.mark.parametrize("prefix", ["", "/salon/salon"])
@pytest.mark.parametrize("installation", ["", "/7d0c-1"])
async def test_calcom_and_stripe_are_stored_by_the_same_way(pod: Pod, prefix: str, installation: str) -> None:
    body = json.dumps({"triggerEvent": "PING", "x": prefix + installation}).encode()
    reply = await pod.post(f"{prefix}/webhooks/calcom{installation}", body, {"X-Cal-Signature-256": sign_calcom(body)})
    assert (reply.status, reply.body["status"]) == (200, "accepted")
    body = json.dumps({"id": f"evt{prefix}{installation}", "type": "invoice.paid"}).encode()
    reply = await pod.post(f"{prefix}/webhooks/stripe", body, {"Stripe-Signature": sign_stripe(body)})
    assert (reply.status, reply.body["status"]) == (200, "accepted")
    done = await pod.settled(reply.body["event_id"])
    assert (done["status"], done["note"]) == ("processed", "stored only: the event carries no object")


async def test_the_senders_correlation_id_is_kept_if_it_is_a_plain_word(pod: Pod) -> None:
    for given, kept in (("trace-1.a_B", True), ("a" * 65, False), ("a b", False), ("ü", False)):
        async with pod.session.get(pod.url + "/nowhere", headers={"X-Correlation-Id": given}) as response:
            problem = await response.json(content_type=None)
            assert (response.headers["X-Correlation-Id"] == given) is kept
            assert problem["correlation_id"] == response.headers["X-Correlation-Id"]


async def test_second_delivery_is_answered_already_processed(pod: Pod) -> None:
    first = await pod.retell("call_started", "call_twice")
    done = await pod.settled("call_twice:call_started")
    assert done["status"] == "processed"
    again = await pod.retell("call_started", "call_twice")
    assert (again.status, again.body["status"]) == (200, "already_processed")
    assert again.body["id"] == first.body["id"]
    assert again.body["event_id"] == first.body["event_id"]
    assert await pod.event("call_twice:call_started") == done


# What a duplicate may change: (event's status, job's state or None, lease in seconds from now) -> is the job armed again?
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
async def test_a_duplicate_arms_only_a_job_that_is_lost(
    shared_web_pod: Pod, status: str, state: str | None, lease: int | None, armed: bool
) -> None:
    """Contract §3, the last paragraph."""
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


async def test_a_duplicate_that_meets_a_late_finisher_does_not_undo_it(web_pod: Pod) -> None:
    """The lease ran out, but the worker is committing: what it did counts, and is not done again."""
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
        # the statement itself: the insert before it mostly waits for the finisher already
        looking = other.fetch(_REARM, web_pod.store.tenant, "critical", ["retell"], ["call_late:call_started"])
        task = asyncio.create_task(looking)
        await eventually(lambda: waiting_for_lock(web_pod))
    assert [row["armed"] for row in await task] == [False]
    await finisher.close()
    await other.close()
    after = await web_pod.job("call_late:call_started")
    assert after is not None
    assert (after["state"], after["claim_no"]) == ("done", 1)


async def test_a_hundred_deliveries_of_one_event_at_once_are_one_event(web_pod: Pod) -> None:
    replies = await asyncio.gather(*(web_pod.retell("call_ended", "call_storm") for _ in range(100)))
    assert {reply.status for reply in replies} == {200}
    assert sorted(reply.body["status"] for reply in replies).count("accepted") == 1
    assert len({reply.body["id"] for reply in replies}) == 1
    assert await web_pod.counts() == (1, 1, 0)


async def test_many_events_at_once_are_all_stored(web_pod: Pod) -> None:
    replies = await asyncio.gather(*(web_pod.retell("call_ended", f"call_{number}") for number in range(200)))
    assert {(reply.status, reply.body["status"]) for reply in replies} == {(200, "accepted")}
    assert len({reply.body["id"] for reply in replies}) == 200
    assert await web_pod.counts() == (200, 200, 0)


async def test_one_event_that_no_row_can_hold_does_not_fail_its_neighbours(web_pod: Pod) -> None:
    """A trigger stands for whatever the database may refuse in one row."""
    await web_pod.db.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF NEW.event_id LIKE 'call_bad%' THEN RAISE EXCEPTION 'bad row'; END IF; RETURN NEW; END $$;"
        "CREATE TRIGGER refuse BEFORE INSERT ON webhook_events FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    names = [f"call_good_{number}" for number in range(40)]
    names.insert(20, "call_bad")
    replies = await asyncio.gather(*(web_pod.retell("call_ended", name) for name in names))
    assert replies[20].status == 503
    assert replies[20].headers["Retry-After"]
    assert [reply.status for index, reply in enumerate(replies) if index != 20] == [200] * 40
    assert await web_pod.counts() == (40, 40, 0)


FORGED: list[tuple[str, dict[str, str]]] = [
    ("/webhooks/retell", {}),
    ("/webhooks/retell", {"x-retell-signature": sign_retell(BODY, "key_other")}),
    ("/webhooks/retell", {"x-retell-signature": sign_retell(BODY + b" ")}),
    ("/webhooks/retell", {"x-retell-signature": sign_retell(BODY, at=0)}),
    ("/webhooks/retell", {"x-retell-signature": "v=1,d=zz"}),
    ("/webhooks/calcom", {"X-Cal-Signature-256": "no-secret-provided"}),
    ("/webhooks/calcom", {"X-Cal-Signature-256": sign_calcom(BODY, "other")}),
    ("/webhooks/stripe", {"Stripe-Signature": sign_stripe(BODY, "other")}),
    ("/retell/functions/book_appointment", {"x-retell-signature": sign_retell(BODY, "key_other")}),
]


@pytest.mark.parametrize(("path", "headers"), FORGED)
async def test_a_forged_request_is_401_and_changes_nothing(pod: Pod, path: str, headers: dict[str, str]) -> None:
    """W1 S4."""
    before = await pod.counts()
    reply = await pod.post(path, BODY, headers)
    assert reply.status == 401
    assert await pod.counts() == before


async def test_a_replayed_calcom_body_is_401(pod: Pod) -> None:
    """W3."""
    body = b'{"triggerEvent":"PING","createdAt":"2020-01-01T00:00:00.000Z"}'
    before = await pod.counts()
    assert (await pod.post("/webhooks/calcom", body, {"X-Cal-Signature-256": sign_calcom(body)})).status == 401
    assert await pod.counts() == before


async def test_malformed_but_signed_is_400(pod: Pod) -> None:
    before = await pod.counts()
    for body in (b"", b"{", b'{"event":"call_started"}', b"[]"):
        reply = await pod.post("/webhooks/retell", body, {"x-retell-signature": sign_retell(body)})
        assert reply.status == 400
    assert await pod.counts() == before


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
        ("POST", "/webhooks/stripe", b"x" * (1024 * 1024 + 1), {}, 413),
        ("POST", "/webhooks/retell", b"x" * (8 * 1024 * 1024 + 1), {}, 413),
        ("POST", "/retell/functions/book_appointment", b"x" * (8 * 1024 * 1024 + 1), {}, 413),
        ("POST", "/webhooks/retell", BODY, {"Content-Encoding": "gzip"}, 415),
        ("POST", "/webhooks/retell", BODY, {"Content-Encoding": "br"}, 415),
    ],
)
async def test_every_refusal_is_a_problem_document(
    pod: Pod, method: str, path: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    """Contract §3: RFC 9457, 404 and 405 included."""
    async with pod.session.request(method, pod.url + path, data=body, headers=headers) as response:
        assert response.status == status
        assert response.content_type == "application/problem+json"
        problem = await response.json(content_type=None)
        assert problem["status"] == status
        assert problem["correlation_id"] == response.headers["X-Correlation-Id"]
        assert {"type", "title", "detail"} <= set(problem)
        if status == 405:
            assert response.headers["Allow"] == "POST"


async def test_eight_mebibytes_of_retell_are_taken(pod: Pod) -> None:
    reply = await pod.retell("call_analyzed", "call_large", transcript="x" * (8 * 1024 * 1024 - 1_000))
    assert reply.status == 200
    done = await pod.settled("call_large:call_analyzed")
    assert done["note"].startswith("transcript cut to 10000 characters")


async def test_strangers_large_bodies_take_no_more_than_their_room_and_no_small_one_waits(
    pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measured before: 60 bodies of 7 MiB that nobody had signed took 390 MiB, and a container has 256."""
    monkeypatch.setattr(http_server, "BODY_SECONDS", 3)
    monkeypatch.setattr(http_server, "_LARGE_BODIES", 10_000_000)
    writers = []
    for _ in range(12):
        reader, writer = await asyncio.open_connection("127.0.0.1", pod.web.public_port)
        writer.write(b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n" + b"x" * 1_000_000)
        writers.append((reader, writer))

    async def full() -> bool:
        return http_server._LargeBodies.reserved > 9_000_000

    await eventually(full)
    assert (await pod.retell("call_started", "call_small")).status == 200
    large = await pod.retell("call_ended", "call_large", transcript="x" * 2_000_000)
    assert (large.status, large.headers["Retry-After"]) == (503, "5")
    heads = await asyncio.gather(*(reader.readline() for reader, _ in writers))
    assert {head.split()[1] for head in heads} == {b"400", b"503"}, "what does not end is given up"
    assert http_server._LargeBodies.reserved == 0
    assert (await pod.retell("call_ended", "call_large", transcript="x" * 2_000_000)).status == 200
    for _, writer in writers:
        writer.close()


async def test_too_many_are_429_and_forgers_use_up_nothing(still_pod: Pod) -> None:
    """W3."""
    limits = {"rate_limits": {"webhooks_per_second": 3, "functions_per_second": 2}}
    still_pod.write_config(json.dumps(json.loads((still_pod.folder / "tenant.json").read_text()) | limits))
    async with running_web(still_pod, worker_port=9):
        for _ in range(20):
            assert (await still_pod.post("/webhooks/retell", BODY)).status == 401
        replies = await asyncio.gather(*(still_pod.retell("call_started", f"call_{n}") for n in range(10)))
        limited = [reply for reply in replies if reply.status == 429]
        assert len(limited) >= 4
        assert all(reply.headers["Retry-After"] == "1" for reply in limited)
        functions = await asyncio.gather(*(still_pod.function("check_availability", "call_x", {}) for _ in range(6)))
        assert sum(reply.status == 429 for reply in functions) >= 2


async def test_nothing_is_acknowledged_while_postgres_is_away(still_pod: Pod) -> None:
    """The sender still owns it; once PostgreSQL is back, its next try is stored."""
    target = asyncpg.connect_utils.urllib.parse.urlsplit(still_pod.store.dsn)
    gate = Gate(target.hostname or "", target.port or 0)
    await gate.open()
    still_pod.write_credential("DATABASE_URL", still_pod.store.dsn.replace(f":{target.port}/", f":{gate.port}/"))
    async with running_web(still_pod, worker_port=9):
        assert (await still_pod.retell("call_started", "call_before")).status == 200
        await gate.cut()
        replies = await asyncio.gather(*(still_pod.retell("call_started", f"call_away_{n}") for n in range(20)))
        assert {reply.status for reply in replies} == {503}
        assert all(reply.headers["Retry-After"] == "5" for reply in replies)
        assert (await still_pod.function("book_appointment", "call_1", {})).body["success"] is False
        assert await still_pod.counts() == (1, 1, 0)
        assert (await still_pod.get(still_pod.private_url + "/livez")).status == 200
        await gate.open(gate.port)

        async def taken() -> bool:
            return (await still_pod.retell("call_started", "call_away_1")).status == 200

        await eventually(taken)
        assert await still_pod.counts() == (2, 2, 0)
    await gate.cut()


class Gate:
    """A way to PostgreSQL that can be cut."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        self._writers |= {writer, there_writer}
        await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()
            self._writers.discard(writer)


async def test_rotated_keys_work_with_the_next_request(web_pod: Pod) -> None:
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
    assert (await web_pod.post("/webhooks/calcom", ping, headers)).status == 401, "no secret, no entry"
