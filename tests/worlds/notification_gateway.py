"""A gateway for text messages: an HTTP server that checks signatures (docs/reference/notification-rules.md) and keeps messages."""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

KEY = "a-key-of-the-salon"


class Gateway:
    """Keeps accepted messages; `answers` are the next statuses, instead of 204."""

    def __init__(self) -> None:
        self.accepted: list[dict] = []
        self.answers: list[int] = []
        self.traceparents: list[str | None] = []
        self.url = ""

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        assert verify(body, request.headers["X-Askproai-Signature"], KEY)
        status = self.answers.pop(0) if self.answers else 204
        if status < 300:
            self.accepted.append(json.loads(body))
            self.traceparents.append(request.headers.get("traceparent"))
        return web.Response(status=status, headers={"Location": "http://127.0.0.1:9/"} if status == 302 else {})


def verify(body: bytes, header: str, key: str) -> bool:
    """Check a signature as docs/reference/notification-rules.md shows."""
    parts = dict(part.split("=", 1) for part in header.split(","))
    expected = hmac.new(key.encode(), f"{parts['t']}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, parts["v1"]) and abs(time.time() - int(parts["t"])) < 10**9


@asynccontextmanager
async def running_gateway() -> AsyncIterator[Gateway]:
    """Run a gateway during the block."""
    gateway, app = Gateway(), web.Application()
    app.add_routes([web.post("/in", gateway.receive)])
    async with TestServer(app) as server:
        gateway.url = str(server.make_url("/in"))
        yield gateway
