"""The receiving of a webhook, from the request to the answer, top to bottom.

Nothing is parsed before its signature is verified. An event is acknowledged only after it is committed with its job, or, while
PostgreSQL does not answer, after it is on disk in Redis.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import structlog
from aiohttp import web
from structlog.contextvars import bound_contextvars

from askproai_core.clock import Clock
from askproai_core.http_server import Problem, correlation_id, json_response
from askproai_core.logging import RequestLine
from askproai_core.signature_verdict import Verdict
from askproai_core.tracing import Kind, annotate, current_traceparent, span
from askproai_runtime.intake.flush import EventNotStored, Flusher
from askproai_runtime.intake.senders import SENDERS, IncomingEvent, MalformedEvent, StaleEvent, WebhookSource, identify
from askproai_runtime.intake.signatures import Signatures
from askproai_runtime.intake.store import Receipt
from askproai_runtime.metrics import Metrics
from askproai_runtime.redis.rate_limiter import RateLimiter, too_many_requests
from askproai_runtime.watched_files import LiveConfig

log = structlog.get_logger(__name__)
_log_stored = RequestLine("event.stored")

_STEP = "webhook"  # the prefix in log lines, unlike those of jobs, tasks and call functions
_UNKNOWN_EVENT = "unknown"  # a refused body is not read


class WebhookOutcome(StrEnum):
    """The result of a webhook request, as a label of `askproai_webhooks_received_total`."""

    ACCEPTED = "accepted"
    ALREADY_PROCESSED = "already_processed"
    SPOOLED = "spooled"  # on disk in Redis until PostgreSQL answers
    UNAUTHORIZED = "unauthorized"
    MALFORMED = "malformed"
    LIMITED = "limited"
    UNAVAILABLE = "unavailable"
    REFUSED = "refused"  # too large, or compressed


_OUTCOME_BY_STATUS = {
    400: WebhookOutcome.MALFORMED,
    401: WebhookOutcome.UNAUTHORIZED,
    413: WebhookOutcome.REFUSED,
    415: WebhookOutcome.REFUSED,
    429: WebhookOutcome.LIMITED,
    503: WebhookOutcome.UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The endpoint for the webhooks of all senders. `wake_worker` is called after a commit and returns at once."""

    config: LiveConfig
    signatures: Signatures
    flusher: Flusher
    limiter: RateLimiter
    clock: Clock
    metrics: Metrics
    wake_worker: Callable[[], None]

    async def receive(self, request: web.Request, source: WebhookSource) -> web.Response:
        """Answer one delivery of an event. Raises `Problem` if the event is not stored."""
        with bound_contextvars(step=_STEP):
            return await self._receive(request, source)

    async def _receive(self, request: web.Request, source: WebhookSource) -> web.Response:
        started_at, event_type = self.clock.monotonic(), _UNKNOWN_EVENT
        try:
            # Until the event is stored its body counts against the memory that all bodies share.
            limit = SENDERS[source].body_limit
            async with self.signatures.signed_body(request, source, limit, "webhook.unauthorized") as body:
                # Only signed requests count against the limit, so that a forger cannot use up the sender's share.
                if not await self.limiter.admits(self.config.current.rate_limits.webhooks_per_second):
                    raise too_many_requests()
                event = self._identify(request, source, body)
                event_type = event.event_type
                receipt = await self._store(event)
        except Problem as refusal:
            outcome = _OUTCOME_BY_STATUS[refusal.status]
            annotate(source=source, outcome=outcome)
            self.metrics.webhook_received(source, event_type, outcome)
            raise
        if receipt.id is not None and not receipt.duplicate:
            self.wake_worker()
        return self._acknowledge(event, receipt, started_at)

    def _identify(self, request: web.Request, source: WebhookSource, body: bytes) -> IncomingEvent:
        tenant, correlation = self.config.current.tenant, correlation_id(request)
        try:
            return identify(source, body, tenant=tenant, correlation_id=correlation, now=self.clock.now())
        except StaleEvent:
            self.signatures.refuse(request, source, Verdict.OUTSIDE_WINDOW, "webhook.unauthorized")
        except MalformedEvent as error:
            raise Problem(400, "Malformed Event", str(error)) from error

    async def _store(self, event: IncomingEvent) -> Receipt:
        try:
            with span("event.commit", Kind.PRODUCER):
                if traceparent := current_traceparent():
                    event = replace(event, traceparent=traceparent)
                return await self.flusher.submit(event)
        except EventNotStored as error:
            raise Problem(503, "Not Stored", "The event is not stored; send it again", {"Retry-After": "5"}) from error

    def _acknowledge(self, event: IncomingEvent, receipt: Receipt, started_at: float) -> web.Response:
        outcome = _outcome(receipt)
        annotate(source=event.source, event_type=event.event_type, outcome=outcome)
        self.metrics.webhook_received(event.source, event.event_type, outcome)
        self.metrics.ack(event.source, self.clock.monotonic() - started_at)
        _log_stored(
            event.correlation_id, step=_STEP, source=event.source, event_type=event.event_type, id=receipt.id, outcome=outcome,
        )  # fmt: skip
        ids = {"id": receipt.id, "event_id": event.event_id, "correlation_id": receipt.correlation_id}
        return json_response({"status": outcome, **ids})


def _outcome(receipt: Receipt) -> WebhookOutcome:
    if receipt.id is None:
        return WebhookOutcome.SPOOLED
    return WebhookOutcome.ALREADY_PROCESSED if receipt.duplicate else WebhookOutcome.ACCEPTED
