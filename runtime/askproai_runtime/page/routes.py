"""Which paths the page has. What serves them, and Jinja2 with it, is imported when somebody first asks for one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from askproai_runtime.admin_api import Endpoint
from askproai_runtime.process import Process

if TYPE_CHECKING:
    from askproai_runtime.page.server import PageServer

PATHS: Final = (
    "/", "/week", "/calls", "/calls/{id}", "/appointments/{id}", "/blocks", "/blocks/{id}", "/failures", "/messages", "/waitlist",
    "/dead-letters", "/figures", "/system", "/live", "/login", "/page/{digest}/{name}",
)  # fmt: skip
FORM_PATHS: Final = ("/appointments/{id}/cancel", "/appointments/{id}/move", "/blocks/new", "/messages/{id}/done")
ACTION_PATHS: Final = (
    *FORM_PATHS, "/appointments/{id}/attendance", "/blocks/{id}/remove", "/dead-letters/events/{id}/redrive",
    "/dead-letters/notifications/{id}/redrive",
)  # fmt: skip


def add_page(
    app: web.Application,
    process: Process,
    endpoints: Sequence[Endpoint],
    health: Callable[[], Awaitable[dict[str, Any]]],
) -> None:
    """Serve the page of a web process's tenant. `health` returns what `/health/detailed` answers."""
    page = _Page(process, endpoints, health)
    app.add_routes([web.get(path, page.answer) for path in (*FORM_PATHS, *PATHS)])
    app.add_routes([web.post(path, page.answer) for path in ("/login", "/logout", *ACTION_PATHS)])
    app.on_shutdown.append(page.close)


class _Page:
    def __init__(
        self, process: Process, endpoints: Sequence[Endpoint], health: Callable[[], Awaitable[dict[str, Any]]]
    ) -> None:
        self._make: Callable[[], PageServer] = lambda: _import_server(process, endpoints, health)
        self._server: PageServer | None = None
        self._importing = asyncio.Lock()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        async with self._importing:
            if self._server is None:
                self._server = await asyncio.to_thread(self._make)  # callers do not wait for an import
        return await self._server.answer(request)

    async def close(self, _app: web.Application) -> None:
        """End the open streams before the server waits for what is in flight."""
        if self._server is not None:
            self._server.close()


def _import_server(
    process: Process, endpoints: Sequence[Endpoint], health: Callable[[], Awaitable[dict[str, Any]]]
) -> "PageServer":
    from askproai_runtime.page.server import PageServer  # noqa: PLC0415 - see the module

    return PageServer(process, endpoints, health)
