"""`GET circuits`, `POST circuits/{provider}/reset`: how the providers' circuits stand, and closing one by hand."""

import msgspec
import structlog

from askproai_core.http_server import Problem
from askproai_core.redis import CircuitBreakers, CircuitState, CircuitView, Provider
from askproai_runtime.admin_api.endpoint import Endpoint, Query

log = structlog.get_logger(__name__)


class CircuitRow(msgspec.Struct, frozen=True):
    """One circuit. `retry_after_seconds` above 0 with state closed: the provider works, but asked us to slow down."""

    provider: Provider
    state: CircuitState
    failures: int
    retry_after_seconds: float
    everywhere: bool
    shared: bool


class CircuitList(msgspec.Struct, frozen=True):
    circuits: list[CircuitRow]


class CircuitsOfPod:
    """One process's view of the tenant's circuits."""

    def __init__(self, circuits: CircuitBreakers) -> None:
        self._circuits = circuits

    def endpoints(self) -> tuple[Endpoint, ...]:
        return (
            Endpoint("GET", "/circuits", "How the providers' circuits stand", CircuitList, self.listed),
            Endpoint("POST", "/circuits/{provider}/reset", "Close a circuit by hand", CircuitRow, self.reset),
        )

    async def listed(self, _query: Query) -> CircuitList:
        return CircuitList([_row(*item) for item in (await self._circuits.views()).items()])

    async def reset(self, query: Query) -> CircuitRow:
        name = query.path["provider"]
        if name not in list(Provider):
            raise Problem(404, "Not Found", f"There are circuits for {', '.join(Provider)}")
        provider = Provider(name)
        await self._circuits.reset(provider)
        log.warning("circuit.reset", provider=name)
        return _row(provider, (await self._circuits.views())[provider])


def _row(provider: Provider, view: CircuitView) -> CircuitRow:
    seconds = round(view.retry_after.total_seconds(), 1)
    return CircuitRow(provider, view.state, view.failures, seconds, view.everywhere, view.shared)
