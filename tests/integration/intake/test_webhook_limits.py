"""Large bodies, too many requests, and a database outage: the refusals of the web process, and the requests it still accepts."""

import asyncio
import json

import pytest

from askproai_runtime import arrivals
from askproai_runtime.arrivals import MAX_BODY_BYTES, MAX_WAITING
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod, running_web, sign_retell, waiting_for_lock
from tests.worlds.waiting import SOON, eventually

BODY = b'{"event":"call_started","call":{"call_id":"call_forged"}}'


async def test_retell_bodies_of_eight_mebibytes_are_accepted(pod: TenantPod) -> None:
    reply = await pod.retell("call_analyzed", "call_large", transcript="x" * (8 * 1024 * 1024 - 1_000))
    assert reply.status == 200
    event = await pod.settled("call_large:call_analyzed")
    assert event["note"].startswith("transcript cut to 10000 characters")


def forged(size: int, sent: int | None = None) -> bytes:
    """Return a request with a well-formed signature of now that no key made, and the first `sent` bytes of its body."""
    head = f"POST /webhooks/retell HTTP/1.1\r\nHost: x\r\nx-retell-signature: {sign_retell(b'', 'key_forged')}\r\n"
    return head.encode() + f"Content-Length: {size}\r\n\r\n".encode() + b"x" * (size - 1 if sent is None else sent)


async def stall(pod: TenantPod, request: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a part of a request, and keep the connection open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", pod.web.public_port)
    writer.write(request)
    return reader, writer


async def is_dropped(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(1), 5) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("signature", [None, "v=1,d=0", f"v=1760000000000,d={'0' * 64}"])
async def test_impossible_signature_is_refused_before_the_body(pod: TenantPod, signature: str | None) -> None:
    header = f"x-retell-signature: {signature}\r\n" if signature else ""
    for path in ("/webhooks/retell", "/retell/functions/book_appointment", "/retell/inbound"):
        request = f"POST {path} HTTP/1.1\r\nHost: x\r\n{header}Content-Length: 100000\r\n\r\n"
        reader, writer = await stall(pod, request.encode())
        assert (await asyncio.wait_for(reader.readline(), SOON)).split()[1] == b"401"
        writer.close()


async def test_stalled_unsigned_bodies_give_way_to_signed_bodies(pod: TenantPod) -> None:
    """Eight stalled bodies used to take all the memory for ten seconds, and again: signed ones were answered 503."""
    stalled = [await stall(pod, forged(8 * 1024 * 1024, 7_500_000)) for _ in range(9)]
    bounds = pod.web.arrivals
    await eventually(lambda: bounds.body_bytes > 0.8 * MAX_BODY_BYTES)
    replies = [await pod.retell("call_ended", f"call_{n}", transcript="x" * 4_000_000) for n in range(5)]
    assert {reply.status for reply in replies} == {200}
    assert bounds.body_bytes <= MAX_BODY_BYTES
    assert await is_dropped(stalled[0][0]), "the oldest makes place"
    for _, writer in stalled:
        writer.close()
    await eventually(lambda: bounds.body_bytes == 0)


async def test_request_body_occupies_memory_until_event_is_stored(pod: TenantPod) -> None:
    async with pod.db.transaction():
        await pod.db.execute("LOCK TABLE webhook_events IN EXCLUSIVE MODE")
        sending = asyncio.create_task(pod.retell("call_ended", "call_counted", transcript="x" * 1_000_000))
        await eventually(lambda: pod.web.arrivals.body_bytes > 1_000_000)
        await eventually(lambda: waiting_for_lock(pod))  # or the worker's, with an event of a test before
        assert pod.web.arrivals.body_bytes > 1_000_000
    assert (await sending).status == 200
    assert pod.web.arrivals.body_bytes == 0


async def test_a_connection_without_a_request_is_closed(pod: TenantPod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "HEAD_SECONDS", 0.3)
    for sent in (b"", b"POST /webhooks/retell HTTP/1.1\r\nHost:"):
        reader, _ = await stall(pod, sent)
        assert await is_dropped(reader)
    endless, writer = await stall(pod, b"POST /webhooks/retell HTTP/1.1\r\n")
    for number in range(10):
        writer.write(f"x-{number}: {'x' * 8000}\r\n".encode())
    assert await is_dropped(endless), "a head of 32 KiB is too long"


@pytest.mark.nightly
async def test_flood_of_stalled_senders_displaces_only_itself(stopped_pod: TenantPod) -> None:
    """Three thousand stall: without a request, in the head, in bodies of 63,000 bytes. All signed events are acknowledged."""
    pod = stopped_pod
    limits = {"rate_limits": {"webhooks_per_second": 100_000}}  # a fast machine sends more than 300 a second
    pod.write_config(json.dumps(json.loads((pod.folder / "tenant.json").read_text()) | limits))
    kinds = (b"", b"POST /webhooks/retell HTTP/1.1\r\nHost: x\r\nX-Slow: ", forged(64_000, 63_000))
    writers: list[asyncio.StreamWriter] = []
    peak = 0

    async def flood() -> None:
        for number in range(3_000):
            _, writer = await stall(pod, kinds[number % 3])
            writers.append(writer)

    async with running_web(pod, worker_port=9):
        flooding = asyncio.create_task(flood())
        latencies, statuses = [], []
        number = 0
        while not flooding.done() or number < 50:
            began = asyncio.get_running_loop().time()
            statuses.append((await pod.retell("call_ended", f"call_{number}", transcript="x" * 100_000)).status)
            latencies.append(asyncio.get_running_loop().time() - began)
            peak = max(peak, pod.web.arrivals.body_bytes)
            number += 1
        await flooding
        assert set(statuses) == {200}
        assert max(latencies) < 5
        assert peak <= MAX_BODY_BYTES
        assert pod.web.arrivals.waiting <= MAX_WAITING
    for writer in writers:
        writer.close()


async def test_requests_over_the_limit_get_429_despite_forgeries(stopped_pod: TenantPod) -> None:
    limits = {"rate_limits": {"webhooks_per_second": 3, "functions_per_second": 2}}
    stopped_pod.write_config(json.dumps(json.loads((stopped_pod.folder / "tenant.json").read_text()) | limits))
    async with running_web(stopped_pod, worker_port=9):
        for _ in range(20):
            assert (await stopped_pod.post("/webhooks/retell", BODY)).status == 401
        replies = await asyncio.gather(*(stopped_pod.retell("call_started", f"call_{n}") for n in range(10)))
        limited = [reply for reply in replies if reply.status == 429]
        assert len(limited) >= 4
        assert all(reply.headers["Retry-After"] == "1" for reply in limited)


async def test_call_function_over_rate_limit_answers_a_sentence(stopped_pod: TenantPod) -> None:
    """A model does not reliably see the body of any status but 200, and a caller waits for the sentence."""
    limits = {"rate_limits": {"functions_per_second": 2}}
    stopped_pod.write_config(json.dumps(json.loads((stopped_pod.folder / "tenant.json").read_text()) | limits))
    async with running_web(stopped_pod, worker_port=9):
        replies = await asyncio.gather(*(stopped_pod.function("book_appointment", f"call_{n}", {}) for n in range(6)))
    assert {reply.status for reply in replies} == {200}
    assert sum(reply.body["message"].startswith("Das dauert gerade länger") for reply in replies) >= 2
    assert not any(reply.body["success"] for reply in replies)


async def test_call_function_with_full_memory_answers_a_sentence(pod: TenantPod, monkeypatch) -> None:
    """The body is not read, so its signature is unknown: nothing is done, and the answer names no call."""
    monkeypatch.setattr(arrivals.Arrivals, "add_body", lambda *_: False)
    reply = await pod.function("book_appointment", "call_busy", {})
    assert (reply.status, reply.body["success"]) == (200, False)
    assert reply.body["message"].startswith("Das dauert gerade länger")
    assert (await pod.retell("call_ended", "call_busy")).status == 503, "its sender repeats it"


async def test_private_api_limits_requests_per_second(stopped_pod: TenantPod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("askproai_runtime.admin_api.app._REQUESTS_PER_SECOND", 3)
    async with running_web(stopped_pod, worker_port=9):
        url = f"{stopped_pod.private_url}/api/v1/circuits"
        owner = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        statuses = [(await stopped_pod.get(url, **owner)).status for _ in range(8)]
        refused = (await stopped_pod.get(url, Authorization="Bearer wrong")).status
    assert statuses.count(429) >= 2
    assert refused == 401, "without a token nothing is said of the limit"
