"""The routes of the private API. It is mounted below `/api/v1`; errors are problem documents, as everywhere."""

from aiohttp import web

from askproai_runtime.api.access import with_token
from askproai_runtime.api.circuits import circuit_routes
from askproai_runtime.process import Process


def api_app(process: Process) -> web.Application:
    """Serve the API of one tenant's web process."""
    app = web.Application(middlewares=[with_token(process.settings.admin_token_file)])
    app.add_routes(circuit_routes(process.circuits))
    return app
