"""The one object of the API server that the coordinator needs: its Lease, with versions and conflicts."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web


class LeaseServer:
    """Leases by their path."""

    def __init__(self) -> None:
        self._leases: dict[str, dict[str, Any]] = {}
        self._version = 0

    async def handle(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read() or b"{}")
        name = (body.get("metadata") or {}).get("name", "")
        path = f"{request.path}/{name}" if request.method == "POST" else request.path
        stored = self._leases.get(path)
        match request.method:
            case "GET" if stored is None:
                return _refusal(404, "NotFound")
            case "POST" if stored is not None:
                return _refusal(409, "AlreadyExists")
            case "PUT" if stored is None:
                return _refusal(404, "NotFound")
            case "PUT" if body["metadata"].get("resourceVersion") != stored["metadata"]["resourceVersion"]:
                return _refusal(409, "Conflict")
            case "POST" | "PUT":
                self._version += 1
                body["metadata"]["resourceVersion"] = str(self._version)
                self._leases[path] = stored = body
        return web.json_response(stored)


def _refusal(status: int, reason: str) -> web.Response:
    return web.json_response(
        {"kind": "Status", "status": "Failure", "reason": reason, "message": reason}, status=status
    )


@asynccontextmanager
async def serve_leases(kubeconfig: Path) -> AsyncIterator[None]:
    """Serve on a free port, and write a kubeconfig that leads there."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", LeaseServer().handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        config = {
            "current-context": "soak", "contexts": [{"name": "soak", "context": {"cluster": "soak", "user": "soak"}}],
            "clusters": [{"name": "soak", "cluster": {"server": url}}], "users": [{"name": "soak", "user": {}}],
        }  # fmt: skip
        await asyncio.to_thread(kubeconfig.write_text, json.dumps(config))
        yield
    finally:
        await runner.cleanup()
