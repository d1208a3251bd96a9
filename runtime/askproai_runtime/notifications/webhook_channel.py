"""The webhook channel: it posts signed notifications to gateways of text messages and to the tenant's own programs.

`X-Askproai-Signature: t=<seconds>,v1=<hex>` is HMAC-SHA256 with the tenant's key over `<seconds>.<body>`. `id` in the body
never changes, so that a receiver can detect a repetition.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import aiohttp
import msgspec

from askproai_core.clock import Clock
from askproai_core.tenant_config import TenantConfig
from askproai_core.tenant_config.notifications import NOTIFICATION_KEY, WebhookSettings
from askproai_core.tracing import current_traceparent
from askproai_runtime.notifications.recipients import real_email
from askproai_runtime.notifications.render import one_line
from askproai_runtime.notifications.types import (
    Away,
    Deferred,
    Recipient,
    Rejected,
    Rendered,
    SendOutcome,
    Sent,
    StoredNotification,
)

SIGNATURE_HEADER: Final = "X-Askproai-Signature"
_TIMEOUT: Final = aiohttp.ClientTimeout(total=15, connect=5)
_NEVER: Final = frozenset({400, 410, 413, 422})  # statuses about the body; all others can be corrected by the receiver


@dataclass(frozen=True, slots=True)
class WebhookChannel:
    """Posts notifications to the tenant's URL. `credential` returns the text of a mounted file."""

    config: TenantConfig
    settings: WebhookSettings
    credential: Callable[[str], str | None]
    session: aiohttp.ClientSession
    clock: Clock

    async def send(self, notification: StoredNotification, rendered: Rendered, to: tuple[str, ...]) -> SendOutcome:  # noqa: ARG002
        """Post the notification once. `to` has mail addresses and is not used: the receiver finds the person in the body."""
        key = self.credential(NOTIFICATION_KEY)
        if key is None:
            return Away("the webhook's secret is not mounted: see NotificationsReady of the Tenant")
        body = self.body(notification, rendered)
        headers = {
            "Content-Type": "application/json",
            SIGNATURE_HEADER: sign(body, key, int(self.clock.now().timestamp())),
        }
        if traceparent := current_traceparent():  # the tenant's own program can continue the trace
            headers["traceparent"] = traceparent
        try:
            async with self.session.post(
                self.settings.url, data=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False
            ) as response:
                status = response.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return Away(f"the webhook does not answer: {type(error).__name__}")
        if 200 <= status < 300:  # noqa: PLR2004  HTTP's own range
            return Sent()
        return (
            Rejected(f"the webhook answered {status}")
            if status in _NEVER
            else Deferred(f"the webhook answered {status}")
        )

    def body(self, notification: StoredNotification, rendered: Rendered) -> bytes:
        """Return the JSON body for a notification."""
        appointment, settings = notification.appointment, self.config.notifications
        to: dict[str, str | None] = {}
        if appointment is not None and notification.recipient is Recipient.CUSTOMER:
            to = {
                "name": one_line(appointment.customer_name),
                "phone": appointment.phone,
                "email": real_email(appointment.email),
            }
        if freed := notification.freed:
            to = {"name": one_line(freed.name), "phone": freed.phone, "email": None}
        return msgspec.json.encode(
            {
                "id": notification.id,
                "tenant": self.config.tenant,
                "kind": notification.kind,
                "recipient": notification.recipient,
                "language": settings.language if settings else "de",
                "to": to,
                "title": rendered.title,
                "short": rendered.short,
                "text": rendered.text,
                "fields": rendered.fields,
            }
        )


def sign(body: bytes, key: str, seconds: int) -> str:
    """Return the value of the header `X-Askproai-Signature` for a body, signed at `seconds` (Unix time)."""
    mac = hmac.new(key.encode(), b"%d." % seconds + body, hashlib.sha256)
    return f"t={seconds},v1={mac.hexdigest()}"
