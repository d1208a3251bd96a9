"""The private API of one tenant: its endpoints, mounted below `/api/v1`, and their description."""

from zoneinfo import ZoneInfo

from aiohttp import web

from askproai_core.http_server import json_response
from askproai_runtime.admin_api.access import with_token
from askproai_runtime.admin_api.appointments import Appointments
from askproai_runtime.admin_api.calls import Calls
from askproai_runtime.admin_api.circuits import CircuitsOfPod
from askproai_runtime.admin_api.endpoint import Endpoint, openapi
from askproai_runtime.admin_api.events import Events
from askproai_runtime.process import Process

BASE = "/api/v1"


def endpoints(process: Process) -> tuple[Endpoint, ...]:
    """Give all of them."""
    return (
        *Appointments(process.pool, process.tenant, process.booking).endpoints(),
        *Calls(process.pool, process.tenant).endpoints(),
        *Events(process.pool, process.tenant).endpoints(),
        *CircuitsOfPod(process.circuits).endpoints(),
    )


def api_app(process: Process) -> web.Application:
    """Serve the API of one tenant's web process."""
    app = web.Application(middlewares=[with_token(process.settings.admin_token_file)])
    app.add_routes(one.route(lambda: ZoneInfo(process.config.current.time_zone)) for one in endpoints(process))
    return app


def description_app(process: Process) -> web.Application:
    """Serve `/openapi.json`, to the bearer of the same token."""

    async def describe(_request: web.Request) -> web.Response:
        return json_response(openapi(endpoints(process), BASE))

    app = web.Application(middlewares=[with_token(process.settings.admin_token_file)])
    app.add_routes([web.get("", describe)])
    return app
