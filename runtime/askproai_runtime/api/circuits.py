"""`GET circuits`, `POST circuits/{provider}/reset`: how the providers' circuits stand, and closing one by hand."""

import msgspec
import structlog
from aiohttp import web

from askproai_runtime.guard import Circuits, CircuitView, Provider, State
from askproai_runtime.serving import Problem, json_answer

log = structlog.get_logger(__name__)


class CircuitRow(msgspec.Struct, frozen=True):
    """One circuit. `retry_after_seconds` above 0 with state closed: the provider works, but asked us to slow down."""

    provider: Provider
    state: State
    failures: int
    retry_after_seconds: float
    everywhere: bool
    shared: bool


def circuit_routes(circuits: Circuits) -> list[web.RouteDef]:
    """Give the handlers for one process's view of the tenant's circuits."""

    async def listed(_request: web.Request) -> web.Response:
        return json_answer({"circuits": [_row(*item) for item in (await circuits.states()).items()]})

    async def reset(request: web.Request) -> web.Response:
        name = request.match_info["provider"]
        if name not in list(Provider):
            raise Problem(404, "Not Found", f"There are circuits for {', '.join(Provider)}")
        provider = Provider(name)
        await circuits.reset(provider)
        log.warning("circuit.reset", provider=name)
        return json_answer(_row(provider, (await circuits.states())[provider]))

    return [web.get("/circuits", listed), web.post("/circuits/{provider}/reset", reset)]


def _row(provider: Provider, view: CircuitView) -> CircuitRow:
    seconds = round(view.retry_after.total_seconds(), 1)
    return CircuitRow(provider, view.state, view.failures, seconds, view.everywhere, view.shared)
