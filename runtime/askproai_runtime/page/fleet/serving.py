"""The server of the fleet's page. The page's code and Jinja2 are imported at the first request."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import aiohttp
from aiohttp import web

from askproai_core.http_answers import client_session
from askproai_core.http_server import error_middleware, start_server
from askproai_core.lifecycle import background_tasks
from askproai_runtime.arrivals import Arrivals, close_unproven
from askproai_runtime.page.fleet.sources import FleetSources
from askproai_runtime.page.lazy_server import LazyServer

if TYPE_CHECKING:
    from askproai_runtime.page.fleet.reading import FleetReader
    from askproai_runtime.page.fleet.server import FleetServer

PATHS: Final = (
    "/", "/tenants/{namespace}/{name}", "/live", "/login", "/login/issuer", "/login/callback", "/page/{digest}/{name}",
)  # fmt: skip
CONNECTIONS: Final = 128  # with an incomplete request: sweeps and the Lease need sockets and memory, too
_LOOK_FOR_TOKEN: Final = timedelta(seconds=5)


@asynccontextmanager
async def serve_fleet_page(sources: FleetSources, address: str, port: int) -> AsyncIterator[int]:
    """Serve the page during the block, and yield its port (0 picks a free one). Raises OSError if the port is taken.

    Nothing is read from the API server before a token is mounted.
    """
    from askproai_core.kube import HttpTransport  # noqa: PLC0415 - tenants' pods import this package, and never serve it
    from askproai_runtime.page.fleet.mirror import FleetMirror  # noqa: PLC0415
    from askproai_runtime.page.fleet.reading import FleetReader  # noqa: PLC0415

    async with HttpTransport(sources.log_in) as transport, client_session() as http:
        mirror = FleetMirror(transport, sources.clock)
        reader = FleetReader(
            mirror, transport, sources.namespace, sources.pool, sources.shared, sources.clock
        )  # fmt: skip
        page = LazyServer(lambda: _import_server(sources, reader, http))
        app = web.Application(middlewares=[close_unproven, error_middleware])
        app.add_routes([web.get(path, page.answer) for path in PATHS])
        app.add_routes([web.post(path, page.answer) for path in ("/login", "/logout")])
        app.on_shutdown.append(page.close)
        site = Arrivals(max_waiting=CONNECTIONS).site
        runner, bound = await start_server(app, address, port, grace_seconds=1, site=site)
        try:
            async with background_tasks(_watch_when_configured(sources, mirror.run)):
                yield bound
        finally:
            await runner.cleanup()
            await reader.close()


async def _watch_when_configured(sources: FleetSources, run: Callable[[], Awaitable[None]]) -> None:
    while sources.token() is None:
        await sources.clock.sleep(_LOOK_FOR_TOKEN)
    await run()


def _import_server(sources: FleetSources, reader: "FleetReader", http: aiohttp.ClientSession) -> "FleetServer":
    from askproai_runtime.page.fleet.server import FleetServer  # noqa: PLC0415 - see the module

    return FleetServer(sources, reader, http)
