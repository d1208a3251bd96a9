"""Bodies of other servers: unpacked, bounded, and read without holding up the event loop."""

import asyncio
import gzip
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from askproai_core.clock import SystemClock
from askproai_core.http_answers import UnreadableAnswer, client_session, read_answer
from askproai_core.kube import Access, ApiError, HttpTransport
from askproai_core.providers import ProviderError
from askproai_operator.controllers.config_sync import ConfigSyncController
from askproai_operator.providers import ProviderClients
from askproai_runtime.oidc.failures import LoginFailed
from askproai_runtime.oidc.issuer import Issuer

MIB = 1024 * 1024


@cache
def bomb() -> bytes:
    """Return 380 MiB, compressed piece by piece at the fastest level, which takes a second."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(380)) + packer.flush()


@asynccontextmanager
async def answering(body: bytes, encoding: str = "", status: int = 200) -> AsyncIterator[str]:
    headers = {"Content-Encoding": encoding} if encoding else {}

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=body, headers=headers, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def ask(url: str, limit: int) -> bytes:
    async with client_session() as session, session.get(url) as response:
        return await read_answer(response, limit)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"x" * 1000, ""),
        (b"x" * 1000, "identity"),
        (gzip.compress(b"x" * 1000, mtime=0), "gzip"),
        (gzip.compress(b"x" * 1000, mtime=0), " GZIP"),
        (zlib.compress(b"x" * 1000), "deflate"),
    ],
)
async def test_response_within_its_size_limit_arrives_whole(body: bytes, encoding: str):
    async with answering(body, encoding) as url:
        assert await ask(url, 1000) == b"x" * 1000
        with pytest.raises(UnreadableAnswer, match="more than 999 bytes"):
            await ask(url, 999)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"x", "br"),
        (gzip.compress(gzip.compress(b"x", mtime=0), mtime=0), "gzip, gzip"),
        (b"no gzip", "gzip"),
        (gzip.compress(b"x" * 1000, mtime=0)[:-9], "gzip"),
        (gzip.compress(b"x", mtime=0) * 2, "gzip"),
    ],
)
async def test_unknown_content_encoding_is_refused(body: bytes, encoding: str):
    async with answering(body, encoding) as url:
        with pytest.raises(UnreadableAnswer):
            await ask(url, 1000)


async def by_config_sync(url: str) -> None:
    port = int(url.rpartition(":")[2])
    async with ConfigSyncController(lambda _key: None, {"web": port}) as sync:
        pod = {"metadata": {"labels": {}}, "status": {"podIP": "127.0.0.1"}}
        assert not await sync._shown_hashes(pod)


async def by_provider_client(url: str) -> None:
    async with ProviderClients(SystemClock(), timeout=aiohttp.ClientTimeout(30)) as clients:
        with pytest.raises(ProviderError):
            await clients.calcom(url, "key").list_webhooks()


async def by_kube_transport(url: str) -> None:
    async with HttpTransport(lambda: Access(url, True, lambda: None)) as transport:  # type: ignore[arg-type]
        with pytest.raises(ApiError):
            await transport.request("GET", "/api/v1/pods")


async def by_oidc_issuer(url: str) -> None:
    async with client_session() as session:
        with pytest.raises(LoginFailed):
            await Issuer(session, SystemClock(), url, None).metadata()


READERS = [(by_config_sync, 10), (by_provider_client, 10), (by_kube_transport, 70), (by_oidc_issuer, 10)]


@pytest.mark.parametrize(("read", "most_mib"), READERS)
async def test_compression_bomb_neither_fills_memory_nor_blocks(read: Callable[[str], Any], most_mib: int):
    longest = 0.0

    async def measure_pauses() -> None:
        nonlocal longest
        while True:
            # CPU time: the reader is not to blame for pauses of a machine under load.
            began = time.thread_time()
            await asyncio.sleep(0.005)
            longest = max(longest, time.thread_time() - began)

    async with answering(bomb(), "gzip") as url:
        tracemalloc.start()
        pauses = asyncio.create_task(measure_pauses())
        try:
            await read(url)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            pauses.cancel()
            tracemalloc.stop()
    assert peak < most_mib * MIB
    assert longest < 1


async def by_own_session(url: str) -> None:
    with pytest.raises(UnreadableAnswer, match="redirects to another address"):
        await ask(url, 1000)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("read", [by_own_session, *(read for read, _ in READERS)])
async def test_no_reader_follows_a_redirect(read: Callable[[str], Any], status: int):
    """A server that was taken over could else send the reader's requests anywhere in the reader's network."""
    reached = list[str]()

    async def redirect(request: web.Request) -> web.Response:
        reached.append(request.path)
        location = {} if request.path == "/elsewhere" else {"Location": "/elsewhere"}
        return web.Response(text="hash", headers=location, status=status if location else 200)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", redirect)
    async with TestServer(app) as server:
        await read(str(server.make_url("")).rstrip("/"))
    assert reached
    assert "/elsewhere" not in reached
