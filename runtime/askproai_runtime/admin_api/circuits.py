"""Endpoints for the circuit breakers of the providers, as this process sees them."""

import msgspec
import structlog

from askproai_core.http_server import Problem
from askproai_core.provider_limits import CircuitState, CircuitView
from askproai_core.provider_names import Provider
from askproai_runtime.admin_api.endpoint import Endpoint
from askproai_runtime.admin_api.request import ApiRequest
from askproai_runtime.admin_api.roles import Right

log = structlog.get_logger(__name__)


class CircuitEntry(msgspec.Struct, frozen=True):
    """One circuit breaker. If it is closed and `retry_after_seconds` is above 0, the provider works but asked us to slow down."""

    provider: Provider
    state: CircuitState
    failures: int
    retry_after_seconds: float
    everywhere: bool
    shared: bool


class CircuitList(msgspec.Struct, frozen=True):
    circuits: list[CircuitEntry]


async def list_all(request: ApiRequest) -> CircuitList:
    return CircuitList([_to_entry(*item) for item in (await request.process.circuits.views()).items()])


async def reset(request: ApiRequest, name: str) -> CircuitEntry:
    request.access.require(Right.ADMINISTER, "close a circuit")
    if name not in list(Provider):
        raise Problem(404, "Not Found", f"There are circuits for {', '.join(Provider)}")
    provider, process = Provider(name), request.process
    await process.circuits.reset(provider)
    due = await request.api.store.make_sync_jobs_due() if provider is not Provider.RETELL else 0
    request.api.wake_worker()
    log.warning("circuit.reset", provider=name, jobs_due=due)
    return _to_entry(provider, (await process.circuits.views())[provider])


def _to_entry(provider: Provider, view: CircuitView) -> CircuitEntry:
    seconds = round(view.retry_after.total_seconds(), 1)
    return CircuitEntry(provider, view.state, view.failures, seconds, view.everywhere, view.shared)


ENDPOINTS = (
    Endpoint(
        "GET", "/circuits", "How the providers' circuits stand", CircuitList, lambda request, _: list_all(request)
    ),
    Endpoint(
        "POST", "/circuits/{provider}/reset", "Close a circuit by hand; what waits for the calendar is tried now", CircuitEntry,
        lambda request, given: reset(request, given.path["provider"]),
    ),
)  # fmt: skip
