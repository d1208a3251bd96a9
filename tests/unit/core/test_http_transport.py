"""HTTP to the API server, as the operator, the elections and the sandbox share it: logins, refusals, lost answers."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from askproai_core.kube import Access, ApiError, Conflict, HttpTransport, LeaseApi, NoAnswer, Unreachable

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
TLS = ssl.create_default_context()


@asynccontextmanager
async def api_server(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


class RotatingTokens:
    """A login whose tokens are numbered; the server accepts the newest only."""

    def __init__(self) -> None:
        self.server = ""
        self.logins = 0
        self.accepted = 1
        self.refused = 0

    def __call__(self) -> Access:
        self.logins += 1
        header = f"Bearer {self.logins}"
        return Access(self.server, TLS, lambda: header)

    async def handle(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.accepted}":
            self.refused += 1
            return web.json_response({"reason": "Unauthorized", "message": "Unauthorized"}, status=401)
        return web.json_response({"metadata": {"name": "a"}, "spec": {}})


@pytest.fixture
async def tokens() -> AsyncIterator[RotatingTokens]:
    tokens = RotatingTokens()
    async with api_server(tokens.handle) as tokens.server:
        yield tokens


async def test_rotated_token_is_reread_once_for_all_refusals(tokens: RotatingTokens):
    async with HttpTransport(tokens) as transport:
        assert await transport.request("GET", "/api/v1/pods")
        tokens.accepted = 2
        answers = await asyncio.gather(*(transport.request("GET", "/api/v1/pods") for _ in range(5)))
        assert all(answers)
        assert tokens.logins == 2
        tokens.accepted = 9
        with pytest.raises(ApiError, match="Unauthorized"):
            await transport.request("GET", "/api/v1/pods")
        assert tokens.logins == 3, "one more login, then the refusal stands"


async def test_lease_is_read_after_the_token_rotates(tokens: RotatingTokens):
    async with LeaseApi(tokens, "n", "askproai-operator") as lease:
        tokens.accepted = 2
        assert await lease.read() == {"metadata": {"name": "a"}, "spec": {}}


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (404, "not found", ApiError),
        (409, "changed", Conflict),
        (403, "forbidden because it is being terminated", Conflict),
        (403, "no right", ApiError),
        (429, "storage is (re)initializing", Unreachable),
        (500, "etcd is away", Unreachable),
    ],
)
async def test_api_error_has_the_servers_reason_and_type(status, message, kind):
    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"reason": "Why", "message": message}, status=status)

    async with api_server(refuse) as server:
        async with HttpTransport(lambda: Access(server, TLS, lambda: None)) as transport:
            with pytest.raises(ApiError) as refused:
                await transport.request("PUT", "/api/v1/pods/a", body={})
            with pytest.raises(ApiError) as watch_refused:
                async with transport.stream("/api/v1/pods", {"watch": "true"}, aiohttp.ClientTimeout(total=5)):
                    pytest.fail("a refused watch has no content")
    for error in (refused.value, watch_refused.value):
        assert type(error) is kind
        assert (error.status, error.reason, error.message) == (status, "Why", message)


async def test_error_page_of_a_proxy_is_quoted_harmlessly():
    async def page(_: web.Request) -> web.Response:
        return web.Response(status=502, text="<html>bad gateway", content_type="text/html")

    async with api_server(page) as server:
        async with HttpTransport(lambda: Access(server, TLS, lambda: None)) as transport:
            with pytest.raises(Unreachable, match="<html>bad gateway"):
                await transport.request("GET", "/api/v1/pods")


async def test_connection_lost_within_an_answer_is_no_answer():
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b'{"items": [')
        assert request.transport is not None
        request.transport.close()
        return response

    async with api_server(half) as server:
        async with HttpTransport(lambda: Access(server, TLS, lambda: None)) as transport:
            with pytest.raises(NoAnswer, match="GET /api/v1/pods: ClientPayloadError"):
                await transport.request("GET", "/api/v1/pods")
            with pytest.raises(NoAnswer, match="GET /api/v1/pods: ClientPayloadError"):
                async with transport.stream("/api/v1/pods", {}, aiohttp.ClientTimeout(total=5)) as content:
                    await content.read()


async def test_unreadable_token_file_is_no_answer():
    def unreadable() -> Any:
        raise FileNotFoundError("token")

    async with HttpTransport(lambda: Access("https://127.0.0.1:9", TLS, unreadable)) as transport:
        with pytest.raises(NoAnswer, match="FileNotFoundError"):
            await transport.request("GET", "/api/v1/pods")
