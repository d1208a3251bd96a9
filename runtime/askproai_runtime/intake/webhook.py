"""The way of a webhook, from the request to the answer, top to bottom.

Nothing is parsed before its signature is checked, and nothing is acknowledged before event and job are committed (W1, W2).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn, Protocol

import structlog
from aiohttp import web

from askproai_runtime.config.live import Credentials, LiveConfig
from askproai_runtime.intake.events import Incoming, Malformed, Source, TooOld, identify
from askproai_runtime.intake.flush import Flusher, Unavailable
from askproai_runtime.intake.senders import body_limit, verify
from askproai_runtime.intake.signatures import Verdict
from askproai_runtime.intake.store import Stored
from askproai_runtime.seams import Clock
from askproai_runtime.serving import Problem, SlidingWindow, correlation_id, json_answer, read_body

log = structlog.get_logger(__name__)


class Outcome(StrEnum):
    """How a webhook ended, as `askproai_webhooks_received_total` counts it."""

    ACCEPTED = "accepted"
    ALREADY_PROCESSED = "already_processed"
    UNAUTHORIZED = "unauthorized"
    MALFORMED = "malformed"
    LIMITED = "limited"
    UNAVAILABLE = "unavailable"
    REFUSED = "refused"  # too large, or compressed


class IntakeMetrics(Protocol):
    def webhook_received(self, source: str, event: str, outcome: str) -> None: ...
    def ack(self, source: str, seconds: float) -> None: ...


UNKNOWN_EVENT = "unknown"  # what was refused is not read


@dataclass(frozen=True, slots=True)
class Webhooks:
    """What the intake needs. `wake_worker` is called after a commit and returns at once."""

    config: LiveConfig
    credentials: Credentials
    flusher: Flusher
    window: SlidingWindow
    clock: Clock
    metrics: IntakeMetrics
    wake_worker: Callable[[], None]

    async def receive(self, request: web.Request, source: Source) -> web.Response:
        """Answer one delivery. Raises a `Problem` for everything that is not stored."""
        began = self.clock.monotonic()
        body = await self._read(request, source)
        self._check_signature(request, source, body)
        self._check_rate(source)
        event = self._identify(request, source, body)
        stored = await self._store(event)
        if not stored.duplicate:
            self.wake_worker()
        return self._acknowledge(event, stored, began)

    async def _read(self, request: web.Request, source: Source) -> bytes:
        try:
            return await read_body(request, body_limit(source))
        except Problem:
            self.metrics.webhook_received(source, UNKNOWN_EVENT, Outcome.REFUSED)
            raise

    def _check_signature(self, request: web.Request, source: Source, body: bytes) -> None:
        verdict = verify(source, request, body, self.credentials, self.clock.now())
        if verdict is not Verdict.VALID:
            self._unauthorized(request, source, verdict)

    def _check_rate(self, source: Source) -> None:
        """Count only what is signed, so that a forger cannot use up the genuine sender's share."""
        try:
            self.window.enter(self.config.current.rate_limits.webhooks_per_second)
        except Problem:
            self.metrics.webhook_received(source, UNKNOWN_EVENT, Outcome.LIMITED)
            raise

    def _identify(self, request: web.Request, source: Source, body: bytes) -> Incoming:
        correlation = correlation_id(request)
        try:
            return identify(
                source, body, tenant=self.config.current.tenant, correlation_id=correlation, now=self.clock.now()
            )
        except TooOld:
            self._unauthorized(request, source, Verdict.OUTSIDE_WINDOW)
        except Malformed as error:
            self.metrics.webhook_received(source, UNKNOWN_EVENT, Outcome.MALFORMED)
            raise Problem(400, "Malformed Event", str(error)) from error

    async def _store(self, event: Incoming) -> Stored:
        try:
            return await self.flusher.submit(event)
        except Unavailable as error:
            self.metrics.webhook_received(event.source, event.event_type, Outcome.UNAVAILABLE)
            raise Problem(503, "Not Stored", "The event is not stored; send it again", {"Retry-After": "5"}) from error

    def _acknowledge(self, event: Incoming, stored: Stored, began: float) -> web.Response:
        outcome = Outcome.ALREADY_PROCESSED if stored.duplicate else Outcome.ACCEPTED
        self.metrics.webhook_received(event.source, event.event_type, outcome)
        self.metrics.ack(event.source, self.clock.monotonic() - began)
        log.info("event.stored", source=event.source, event_type=event.event_type, id=stored.id, outcome=outcome)
        return json_answer(
            {
                "status": outcome,
                "id": stored.id,
                "event_id": event.event_id,
                "correlation_id": stored.correlation_id,
            }
        )

    def _unauthorized(self, request: web.Request, source: Source, verdict: Verdict) -> NoReturn:
        self.metrics.webhook_received(source, UNKNOWN_EVENT, Outcome.UNAUTHORIZED)
        log.warning("webhook.unauthorized", source=source, remote=request.remote, verdict=verdict)
        raise Problem(401, "Invalid Signature", "Sign the raw body with the key that this tenant's secret holds")
