"""A tenant's private API for each test, and a function that runs commands against it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from typer.testing import CliRunner, Result

from askproai_cli import tenant_api
from askproai_cli.main import app


@dataclass
class PrivatePort:
    """The private port of salon.mueller.

    `answers` has, for each path below `/api/v1/`, the JSON of the answer or a handler. `bodies` are the bodies of received changes.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        if request.method == "POST":
            self.bodies.append(await request.json())
        answer: Callable[[web.Request], Awaitable[web.Response]] | Any
        answer = self.answers[unquote(request.path.removeprefix("/api/v1/"))]
        return await answer(request) if callable(answer) else web.json_response(answer)

    async def run(self, *command: str, typed: str | None = None) -> Result:
        """Run a command about the tenant. `typed` answers its questions."""
        arguments = [*command, "-t", "salon.mueller", "--url", self.url]
        return await asyncio.to_thread(CliRunner().invoke, app, arguments, input=typed)


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PrivatePort]:
    monkeypatch.setenv("ASKPROAI_TOKEN", "t")
    monkeypatch.setattr(tenant_api, "_WAITS", (0.0, 0.0))
    port, api = PrivatePort(), web.Application()
    api.router.add_route("*", "/{path:.*}", port.handle)
    async with TestServer(api) as server:
        port.url = str(server.make_url(""))
        yield port
