"""Exchanges with a simulator, each compared with the vendor's published API."""

import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from askproai_sandbox.simulator import Simulator


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that a simulator handled, and its answer; a body is None if there is none."""

    operation: str
    method: str
    path: str  # with the query
    query: dict[str, str]
    headers: dict[str, str]  # with names in lower case
    body: Any
    status: int
    answer: Any


@asynccontextmanager
async def compared(simulator: Simulator, check: Callable[[Exchange], Iterable[str]]) -> AsyncIterator[None]:
    """Assert at the end of the block that `check` has no objection to any exchange; the simulator must not be served yet."""
    objections: dict[str, None] = {}  # each once, in their order

    @web.middleware
    async def compare(request: web.Request, handler: Any) -> web.StreamResponse:
        response = await handler(request)
        if not request.path.startswith("/_sim/") and simulator.operation(request) != "?":
            raw = response.body if isinstance(response, web.Response) else None
            exchange = Exchange(
                simulator.operation(request), request.method, request.path_qs, dict(request.query),
                {name.lower(): value for name, value in request.headers.items()},
                _parsed(await request.read()), response.status, _parsed(raw),
            )  # fmt: skip
            objections.update(dict.fromkeys(f"{exchange.operation}: {text}" for text in check(exchange)))
        return response

    simulator.app.middlewares.insert(0, compare)
    yield
    assert not objections, "not as the vendor publishes it:\n" + "\n".join(objections)


def _parsed(body: Any) -> Any:
    return json.loads(body) if body else None  # not msgspec: it refuses half an emoji, which vendors send
