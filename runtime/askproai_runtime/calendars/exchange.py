"""One request to a server of Cal.com and what came back, guarded by a circuit; and the row that every call leaves."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp

from askproai_core.clock import Clock
from askproai_core.database import Pool
from askproai_core.redis import CircuitOpen, Circuits, Provider, asked_to_wait
from askproai_runtime.calendars.types import Confirmed, Outcome
from askproai_runtime.metrics import Metrics

TOO_MANY = 429
_CONNECT_SECONDS = 1.0
_UNSAID_WAIT = timedelta(seconds=60)  # after a 429 that names no time: Cal.com blocks for a minute


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, and how long it took; `status` None: nothing came, and `error` says why."""

    method: str
    seconds: float
    status: int | None
    body: Any = None
    error: Exception | None = None
    retry_after: timedelta | None = None

    @property
    def said(self) -> str:
        """Give the message of either error shape: the envelope's `error.message`, or the framework's bare `message`."""
        if not isinstance(self.body, dict):
            return ""
        error = self.body.get("error")
        message = error.get("message") if isinstance(error, dict) else self.body.get("message")
        return str(message or "")[:500]

    @property
    def why(self) -> str:
        """Say what went wrong; never by the text of aiohttp's errors, which may quote the address and its key."""
        if isinstance(self.error, CircuitOpen | PermissionError):
            return str(self.error)
        return type(self.error).__name__ if self.error else self.said or f"status {self.status}"

    @property
    def nobody_there(self) -> bool:
        """Say whether it was plainly not done: never sent, no such host, an open circuit, or no such route there."""
        if self.status == 404:  # noqa: PLR2004  not found: an object that is not there has a message of its own
            return not isinstance(self.body, dict) or self.said.startswith("Cannot ")
        open_circuit = isinstance(self.error, CircuitOpen) and not self.error.slow
        return open_circuit or isinstance(self.error, aiohttp.ClientConnectorError)

    @property
    def slow_down(self) -> bool:
        return self.status == TOO_MANY or (isinstance(self.error, CircuitOpen) and self.error.slow)


def word(outcome: Outcome, done: str = "confirmed") -> str:
    """Give the word for an outcome in rows and metrics; `done` for one that is as wished."""
    return done if isinstance(outcome, Confirmed) else type(outcome).__name__.lower()


@dataclass(frozen=True, slots=True)
class Exchange:
    """Sends requests to a server of Cal.com. `circuits` is asked before each, and told how it went."""

    session: aiohttp.ClientSession
    circuits: Circuits
    clock: Clock

    async def send(self, method: str, url: str, seconds: float, **content: Any) -> Reply:
        """Send one request, once; not at all while the circuit is open."""
        began = self.clock.monotonic()
        try:
            permit = await self.circuits.allow(Provider.CALCOM)
        except CircuitOpen as error:
            return Reply(method, 0, None, error=error, retry_after=error.retry_after)
        timeout = aiohttp.ClientTimeout(total=seconds, connect=min(_CONNECT_SECONDS, seconds))
        async with permit:
            try:
                async with self.session.request(
                    method, url, timeout=timeout, allow_redirects=False, **content
                ) as response:
                    status, body = response.status, _parsed(await response.read())
            except (aiohttp.ClientError, TimeoutError) as error:
                await permit.failed()
                return Reply(method, self.clock.monotonic() - began, None, error=error)
            wait = asked_to_wait(response.headers, self.clock.now(), _UNSAID_WAIT) if status == TOO_MANY else None
            await permit.answered(status, wait or timedelta())
        return Reply(method, self.clock.monotonic() - began, status, body, retry_after=wait)


@dataclass(frozen=True, slots=True)
class Recorder:
    """Leaves a row and a measurement of every call to a provider: what, how long, how it ended; never a body or a query."""

    pool: Pool
    tenant: str
    metrics: Metrics

    async def record(
        self, operation: str, reply: Reply, outcome: str, correlation_id: str, *, path: str = "/v2/bookings"
    ) -> None:
        if isinstance(reply.error, CircuitOpen):  # no call was made
            return
        self.metrics.provider_call("calcom", operation, outcome, reply.seconds)
        await self.pool.execute(
            """INSERT INTO provider_calls (tenant, provider, operation, method, endpoint, status, outcome, duration_ms,
                   correlation_id) VALUES ($1, 'calcom', $2, $3, $4, $5, $6, $7, $8)""",
            self.tenant, operation, reply.method, path, reply.status, outcome, round(reply.seconds * 1000),
            correlation_id,
        )  # fmt: skip


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:  # a proxy's page: the status alone speaks
        return None
