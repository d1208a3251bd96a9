"""HTTP to a server of Cal.com: one request over the shared provider HTTP, and the record that every request leaves."""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
import structlog

from askproai_core.clock import Clock
from askproai_core.database import DATABASE_UNAVAILABLE, Pool
from askproai_core.providers import ProviderHttp, Reply, TransportFailure
from askproai_core.redis import CircuitBreakers, CircuitOpen, Provider
from askproai_runtime.calendars.types import CalendarOutcome, Confirmed
from askproai_runtime.metrics import Metrics

log = structlog.get_logger(__name__)

_CONNECT_SECONDS = 1.0
_RECORD_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class CalcomHttp:
    """Sends requests to a server of Cal.com. `circuits` is asked before each request, and records how it went."""

    session: aiohttp.ClientSession
    circuits: CircuitBreakers
    clock: Clock

    async def send(self, method: str, url: str, seconds: float, **content: Any) -> Reply:
        """Send one request and wait for at most `seconds`. Sends nothing while the circuit is open."""
        timeout = aiohttp.ClientTimeout(total=seconds, connect=min(_CONNECT_SECONDS, seconds))
        http = ProviderHttp(Provider.CALCOM, self.session, self.circuits, self.clock)
        return await http.send(method, url, timeout, **content)


def was_never_reached(reply: Reply) -> bool:
    """Return whether Cal.com certainly did not handle a request: refused connection, no such host or route, open circuit.

    A timeout is never certain, wherever it struck.
    """
    if reply.status == HTTPStatus.NOT_FOUND:  # an object that does not exist has a message of its own
        return not isinstance(reply.body, dict) or reply.message.startswith("Cannot ")
    open_circuit = isinstance(reply.error, CircuitOpen) and not reply.error.slow
    return open_circuit or reply.failure is TransportFailure.CONNECT_ERROR


def outcome_label(outcome: CalendarOutcome, confirmed: str = "confirmed") -> str:
    """Return the name of an outcome in rows and metrics; `confirmed` names the one that is as requested."""
    return confirmed if isinstance(outcome, Confirmed) else type(outcome).__name__.lower()


@dataclass(frozen=True, slots=True)
class ProviderCallRecorder:
    """Records every request to Cal.com: what, how long, how it ended; never a body, a query or a key."""

    pool: Pool
    tenant: str
    metrics: Metrics

    async def record(
        self, operation: str, reply: Reply, outcome: str, correlation_id: str, *, path: str = "/v2/bookings"
    ) -> None:
        """Add a row to `provider_calls` and a measurement. `path` is the route with placeholders, not the path sent.

        Never raises, and never waits long: what Cal.com has done counts more than a row about it.
        """
        if isinstance(reply.error, CircuitOpen):  # no request was sent
            return
        self.metrics.provider_call("calcom", operation, outcome, reply.seconds)
        try:
            async with asyncio.timeout(_RECORD_SECONDS):
                await self._insert(operation, reply, outcome, correlation_id, path)
        except DATABASE_UNAVAILABLE as error:
            log.warning(
                "provider_call.not_recorded", operation=operation, outcome=outcome, error=type(error).__name__,
                correlation_id=correlation_id,
            )  # fmt: skip

    async def _insert(self, operation: str, reply: Reply, outcome: str, correlation_id: str, path: str) -> None:
        await self.pool.execute(
            """INSERT INTO provider_calls (tenant, provider, operation, method, endpoint, status, outcome, duration_ms,
                   correlation_id) VALUES ($1, 'calcom', $2, $3, $4, $5, $6, $7, $8)""",
            self.tenant, operation, reply.method, path, reply.status, outcome, round(reply.seconds * 1000),
            correlation_id,
        )  # fmt: skip
