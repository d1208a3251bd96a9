"""Large bodies, too many requests, and a database that is away: what the web process refuses, and what it still accepts."""

import asyncio
import json

import asyncpg
import pytest
from tests.worlds.tenant_pod import TenantPod, eventually, running_web

from askproai_core import http_server

BODY = b'{"event":"call_started","call":{"call_id":"call_forged"}}'


async def test_eight_mebibytes_of_retell_are_accepted(pod: TenantPod) -> None:
    reply = await pod.retell("call_analyzed", "call_large", transcript="x" * (8 * 1024 * 1024 - 1_000))
    assert reply.status == 200
    event = await pod.settled("call_large:call_analyzed")
    assert event["note"].startswith("transcript cut to 10000 characters")


async def test_unsigned_large_bodies_share_a_bounded_buffer_and_no_small_one_waits(
    pod: TenantPod, monkeypatch: pytest.MonkeyPatch
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
    assert {head.split()[1] for head in heads} == {b"400", b"503"}, "an unfinished body times out"
    assert http_server._LargeBodies.reserved == 0
    assert (await pod.retell("call_ended", "call_large", transcript="x" * 2_000_000)).status == 200
    for _, writer in writers:
        writer.close()


async def test_too_many_requests_are_429_and_forged_ones_do_not_count(stopped_pod: TenantPod) -> None:
    limits = {"rate_limits": {"webhooks_per_second": 3, "functions_per_second": 2}}
    stopped_pod.write_config(json.dumps(json.loads((stopped_pod.folder / "tenant.json").read_text()) | limits))
    async with running_web(stopped_pod, worker_port=9):
        for _ in range(20):
            assert (await stopped_pod.post("/webhooks/retell", BODY)).status == 401
        replies = await asyncio.gather(*(stopped_pod.retell("call_started", f"call_{n}") for n in range(10)))
        limited = [reply for reply in replies if reply.status == 429]
        assert len(limited) >= 4
        assert all(reply.headers["Retry-After"] == "1" for reply in limited)
        functions = await asyncio.gather(*(stopped_pod.function("check_availability", "call_x", {}) for _ in range(6)))
        assert sum(reply.status == 429 for reply in functions) >= 2


async def test_nothing_is_acknowledged_while_postgres_is_away(stopped_pod: TenantPod) -> None:
    """The event still belongs to its sender; once PostgreSQL is back, its next delivery is stored."""
    target = asyncpg.connect_utils.urllib.parse.urlsplit(stopped_pod.store.dsn)
    proxy = CuttableProxy(target.hostname or "", target.port or 0)
    await proxy.open()
    stopped_pod.write_credential("DATABASE_URL", stopped_pod.store.dsn.replace(f":{target.port}/", f":{proxy.port}/"))
    async with running_web(stopped_pod, worker_port=9):
        assert (await stopped_pod.retell("call_started", "call_before")).status == 200
        await proxy.cut()
        replies = await asyncio.gather(*(stopped_pod.retell("call_started", f"call_away_{n}") for n in range(20)))
        assert {reply.status for reply in replies} == {503}
        assert all(reply.headers["Retry-After"] == "5" for reply in replies)
        assert (await stopped_pod.function("book_appointment", "call_1", {})).body["success"] is False
        assert await stopped_pod.counts() == (1, 1, 0)
        assert (await stopped_pod.get(stopped_pod.private_url + "/livez")).status == 200
        await proxy.open(proxy.port)

        async def accepted() -> bool:
            return (await stopped_pod.retell("call_started", "call_away_1")).status == 200

        await eventually(accepted)
        assert await stopped_pod.counts() == (2, 2, 0)
    await proxy.cut()


class CuttableProxy:
    """A TCP proxy to PostgreSQL whose connections can be cut."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(*self._target)
        self._writers |= {writer, server_writer}
        await asyncio.gather(self._pump(reader, server_writer), self._pump(server_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()
            self._writers.discard(writer)
