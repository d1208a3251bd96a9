"""The way of a webhook, from the request to the answer, top to bottom.

Nothing is parsed before its signature is checked, and nothing is acknowledged before event and job are committed (W1, W2).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NoReturn

import structlog
from aiohttp import web

from askproai_core.clock import Clock
from askproai_core.http_server import Problem, correlation_id, json_response, read_body, too_many_requests
from askproai_core.redis import RateLimiter
from askproai_runtime.intake.events import Incoming, Malformed, Source, TooOld, identify
from askproai_runtime.intake.flush import Flusher, Unavailable
from askproai_runtime.intake.signatures import Verdict, verify_calcom, verify_retell, verify_stripe
from askproai_runtime.intake.store import Stored
from askproai_runtime.metrics import Metrics
from askproai_runtime.watched_files import Credentials, LiveConfig

log = structlog.get_logger(__name__)

MIB = 1024 * 1024
_BODY_LIMIT = {
    Source.RETELL: 8 * MIB,
    Source.CALCOM: MIB,
    Source.STRIPE: MIB,
}  # a Retell call holds its transcript thrice
_UNKNOWN_EVENT = "unknown"  # what was refused is not read


class Outcome(StrEnum):
    """How a webhook ended, as `askproai_webhooks_received_total` counts it."""

    ACCEPTED = "accepted"
    ALREADY_PROCESSED = "already_processed"
    UNAUTHORIZED = "unauthorized"
    MALFORMED = "malformed"
    LIMITED = "limited"
    UNAVAILABLE = "unavailable"
    REFUSED = "refused"  # too large, or compressed


_REFUSED = {
    400: Outcome.MALFORMED,
    401: Outcome.UNAUTHORIZED,
    413: Outcome.REFUSED,
    415: Outcome.REFUSED,
    429: Outcome.LIMITED,
    503: Outcome.UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class Webhooks:
    """What the intake needs. `wake_worker` is called after a commit and returns at once."""

    config: LiveConfig
    credentials: Credentials
    flusher: Flusher
    limiter: RateLimiter
    clock: Clock
    metrics: Metrics
    wake_worker: Callable[[], None]

    async def receive(self, request: web.Request, source: Source) -> web.Response:
        """Answer one delivery. Raises a `Problem` for everything that is not stored."""
        began, event_type = self.clock.monotonic(), _UNKNOWN_EVENT
        try:
            body = await read_body(request, _BODY_LIMIT[source])
            require_signature(request, source, body, self.credentials, self.clock.now(), "webhook.unauthorized")
            # only what is signed is counted, so that a forger cannot use up the genuine sender's share
            if not await self.limiter.admits(self.config.current.rate_limits.webhooks_per_second):
                raise too_many_requests()
            event = self._identify(request, source, body)
            event_type = event.event_type
            stored = await self._store(event)
        except Problem as refusal:
            self.metrics.webhook_received(source, event_type, _REFUSED[refusal.status])
            raise
        if not stored.duplicate:
            self.wake_worker()
        return self._acknowledge(event, stored, began)

    def _identify(self, request: web.Request, source: Source, body: bytes) -> Incoming:
        tenant, correlation = self.config.current.tenant, correlation_id(request)
        try:
            return identify(source, body, tenant=tenant, correlation_id=correlation, now=self.clock.now())
        except TooOld:
            _unauthorized(request, source, Verdict.OUTSIDE_WINDOW, "webhook.unauthorized")
        except Malformed as error:
            raise Problem(400, "Malformed Event", str(error)) from error

    async def _store(self, event: Incoming) -> Stored:
        try:
            return await self.flusher.submit(event)
        except Unavailable as error:
            raise Problem(503, "Not Stored", "The event is not stored; send it again", {"Retry-After": "5"}) from error

    def _acknowledge(self, event: Incoming, stored: Stored, began: float) -> web.Response:
        outcome = Outcome.ALREADY_PROCESSED if stored.duplicate else Outcome.ACCEPTED
        self.metrics.webhook_received(event.source, event.event_type, outcome)
        self.metrics.ack(event.source, self.clock.monotonic() - began)
        log.info("event.stored", source=event.source, event_type=event.event_type, id=stored.id, outcome=outcome)
        known = {"id": stored.id, "event_id": event.event_id, "correlation_id": stored.correlation_id}
        return json_response({"status": outcome, **known})


def require_signature(
    request: web.Request, source: Source, body: bytes, credentials: Credentials, now: datetime, event: str
) -> None:
    """Compare with every key that the sender may use now; `event` is what the log tells. Raises 401."""
    headers = request.headers
    match source:
        case Source.RETELL:
            # the workspace's API key signs; further ones are accepted while keys are rotated
            keys = credentials.all("retell-api-key") + credentials.all("retell-webhook-key-")
            verdict = verify_retell(body, headers.get("x-retell-signature"), keys, now)
        case Source.CALCOM:
            keys = credentials.all("calcom-webhook-secret")
            verdict = verify_calcom(body, headers.get("X-Cal-Signature-256"), keys)
        case Source.STRIPE:
            keys = credentials.all("stripe-webhook-secret")
            verdict = verify_stripe(body, headers.get("Stripe-Signature"), keys, now)
    if verdict is not Verdict.VALID:
        _unauthorized(request, source, verdict, event)


def _unauthorized(request: web.Request, source: Source, verdict: Verdict, event: str) -> NoReturn:
    log.warning(event, source=source, remote=request.remote, verdict=verdict)
    raise Problem(401, "Invalid Signature", "Sign the raw body with the key that this tenant's secret holds")
