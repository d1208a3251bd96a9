"""Stripe, as far as a tenant sees it: snapshot events, signed and sent to its webhook (docs/vendors/stripe.md)."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any

import aiohttp

API_VERSION = "2026-10-28.endive"


def event(event_type: str, item: Mapping[str, Any], created: int, *, livemode: bool = False) -> dict[str, Any]:
    """Return a snapshot event with a new id about `item`, a subscription or an invoice; `created` is in Unix seconds."""
    return {
        "id": f"evt_{secrets.token_hex(12)}", "object": "event", "type": event_type, "created": created, "livemode": livemode,
        "api_version": API_VERSION, "pending_webhooks": 1, "request": None, "data": {"object": dict(item)},
    }  # fmt: skip


def subscription(status: str, subscription_id: str = "sub_1", **fields: Any) -> dict[str, Any]:
    return {"id": subscription_id, "object": "subscription", "status": status, "metadata": {}, **fields}


def invoice(subscription_id: str, **fields: Any) -> dict[str, Any]:
    """Return an invoice of a subscription, in the shape since API version 2025-03-31."""
    details = {"subscription": subscription_id, "metadata": {}}
    parent = {"type": "subscription_details", "subscription_details": details}
    return {"id": f"in_{secrets.token_hex(6)}", "object": "invoice", "parent": parent, **fields}


def signature(secret: str, body: bytes, now: int) -> str:
    """Return the value of `Stripe-Signature`. The key is the whole secret, `whsec_` included; `now` is in Unix seconds."""
    digest = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={now},v1={digest}"


async def send(session: aiohttp.ClientSession, url: str, secret: str, snapshot: Mapping[str, Any], now: int) -> int:
    """Deliver an event once and return the HTTP status. After anything but 2xx, Stripe itself would retry for three days."""
    body = json.dumps(snapshot, separators=(",", ":"), ensure_ascii=False).encode()
    headers = {"Stripe-Signature": signature(secret, body, now), "Content-Type": "application/json"}
    async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
        return response.status
