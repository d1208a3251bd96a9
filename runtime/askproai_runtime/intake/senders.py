"""Who may send: each source's signature header, its keys among the mounted credentials, and the size of its bodies."""

from datetime import datetime

from aiohttp import web

from askproai_runtime.config.live import Credentials
from askproai_runtime.intake.events import Source
from askproai_runtime.intake.signatures import Verdict, verify_calcom, verify_retell, verify_stripe

MIB = 1024 * 1024


def body_limit(source: Source) -> int:
    """Give the largest body in bytes: a Retell call carries its whole transcript, three times."""
    return 8 * MIB if source is Source.RETELL else MIB


def verify(source: Source, request: web.Request, body: bytes, credentials: Credentials, now: datetime) -> Verdict:
    """Check the signature against every key that the sender may use now."""
    match source:
        case Source.RETELL:
            return verify_retell(body, request.headers.get("x-retell-signature"), retell_keys(credentials), now)
        case Source.CALCOM:
            keys = _present(credentials.get("calcom-webhook-secret"))
            return verify_calcom(body, request.headers.get("X-Cal-Signature-256"), keys)
        case Source.STRIPE:
            keys = _present(credentials.get("stripe-webhook-secret"))
            return verify_stripe(body, request.headers.get("Stripe-Signature"), keys, now)


def retell_keys(credentials: Credentials) -> tuple[str, ...]:
    """Give the workspace's API key, which signs, and further ones that are accepted while keys are rotated."""
    return _present(credentials.get("retell-api-key")) + credentials.all("retell-webhook-key-")


def _present(key: str | None) -> tuple[str, ...]:
    return () if key is None else (key,)
