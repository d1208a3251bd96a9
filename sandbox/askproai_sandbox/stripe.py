"""Stripe, as far as a tenant sees it: snapshot events, signed and sent to its webhook (reference/calcom-stripe.md §8)."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any

import aiohttp

API_VERSION = "2026-10-28.endive"


def event(kind: str, thing: Mapping[str, Any], created: int, *, livemode: bool = False) -> dict[str, Any]:
    """Give a snapshot event of its own id about `thing`."""
    return {
        "id": f"evt_{secrets.token_hex(12)}", "object": "event", "type": kind, "created": created, "livemode": livemode,
        "api_version": API_VERSION, "pending_webhooks": 1, "request": None, "data": {"object": dict(thing)},
    }  # fmt: skip


def subscription(status: str, name: str = "sub_1", **more: Any) -> dict[str, Any]:
    return {"id": name, "object": "subscription", "status": status, "metadata": {}, **more}


def invoice(of: str, **more: Any) -> dict[str, Any]:
    """Give an invoice in the shape since API 2025-03-31."""
    parent = {"type": "subscription_details", "subscription_details": {"subscription": of, "metadata": {}}}
    return {"id": f"in_{secrets.token_hex(6)}", "object": "invoice", "parent": parent, **more}


def signature(secret: str, body: bytes, now: int) -> str:
    """Give the value of `Stripe-Signature`; the whole secret is the key, `whsec_` included."""
    digest = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={now},v1={digest}"


async def send(session: aiohttp.ClientSession, url: str, secret: str, told: Mapping[str, Any], now: int) -> int:
    """Deliver an event once, and give the HTTP status; anything but a 2xx makes Stripe try again for three days."""
    body = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
    headers = {"Stripe-Signature": signature(secret, body, now), "Content-Type": "application/json"}
    async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
        return response.status
