"""A page's server that is made at the first request: until then, neither its code nor Jinja2 is imported."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from aiohttp import web


class Server(Protocol):
    """The server of a page."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        ...

    def close(self) -> None:
        """End the open event streams of this page."""
        ...


class LazyServer:
    """The server of a page; `make` imports and makes it."""

    def __init__(self, make: Callable[[], Server]) -> None:
        self._make = make
        self._server: Server | None = None
        self._importing = asyncio.Lock()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        async with self._importing:
            if self._server is None:
                self._server = await asyncio.to_thread(self._make)  # neither callers nor the Lease wait for an import
        return await self._server.answer(request)

    async def close(self, _app: web.Application) -> None:
        """End the open event streams, before the application waits for requests in flight."""
        if self._server is not None:
            self._server.close()
