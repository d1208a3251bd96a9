"""Stripe as a tenant sees it: snapshot events, signed and sent to the tenant's webhook (docs/vendors/stripe.md)."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any

import aiohttp

API_VERSION = "2026-10-28.endive"
_MONTH = 30 * 24 * 3600  # seconds
_BEGUN = 1_764_547_200  # 2025-12-01, when the simulated subscriptions began
_PRICE = 4_900  # cents


def event(
    event_type: str, item: Mapping[str, Any], created: int, *, livemode: bool = False, account: str | None = None
) -> dict[str, Any]:
    """Return a snapshot event with a new id about `item`, a subscription or an invoice; `created` is in Unix seconds.

    `account` is the connected account that owns the item; the platform's own events have no such field.
    """
    connected = {"account": account} if account else {}
    changed: dict[str, Any] = {"previous_attributes": {}} if event_type.endswith(".updated") else {}
    return {
        "id": f"evt_{secrets.token_hex(12)}", "object": "event", "type": event_type, "created": created, "livemode": livemode,
        "api_version": API_VERSION, "pending_webhooks": 1, "request": None, **connected,
        "data": {"object": {**item, "livemode": livemode}, **changed},
    }  # fmt: skip


def subscription(status: str, subscription_id: str = "sub_1", **fields: Any) -> dict[str, Any]:
    """Return a subscription with one item, which has the billing period: its place since API version 2025-03-31."""
    item = {
        "id": f"si_{secrets.token_hex(6)}", "object": "subscription_item", "subscription": subscription_id, "quantity": 1,
        "created": _BEGUN, "current_period_start": _BEGUN, "current_period_end": _BEGUN + _MONTH, "discounts": [], "metadata": {},
    }  # fmt: skip
    items = {
        "object": "list",
        "data": [item],
        "has_more": False,
        "url": f"/v1/subscription_items?subscription={subscription_id}",
    }
    return {
        "id": subscription_id, "object": "subscription", "status": status, "customer": "cus_1", "currency": "eur",
        "created": _BEGUN, "start_date": _BEGUN, "billing_cycle_anchor": _BEGUN, "cancel_at_period_end": False,
        "collection_method": "charge_automatically", "items": items, "discounts": [], "livemode": False, "metadata": {}, **fields,
    }  # fmt: skip


def invoice(subscription_id: str, *, paid: bool = True, **fields: Any) -> dict[str, Any]:
    """Return an invoice of a subscription, in the form that Stripe has used since API version 2025-03-31."""
    details = {"subscription": subscription_id, "metadata": {}}
    parent = {"type": "subscription_details", "subscription_details": details, "quote_details": None}
    invoice_id = f"in_{secrets.token_hex(6)}"
    lines = {"object": "list", "data": [], "has_more": False, "url": f"/v1/invoices/{invoice_id}/lines"}
    return {
        "id": invoice_id, "object": "invoice", "status": "paid" if paid else "open", "parent": parent, "customer": "cus_1",
        "currency": "eur", "created": _BEGUN, "period_start": _BEGUN, "period_end": _BEGUN, "total": _PRICE,
        "amount_due": _PRICE, "amount_paid": _PRICE if paid else 0, "amount_remaining": 0 if paid else _PRICE,
        "attempted": True, "attempt_count": 1, "collection_method": "charge_automatically", "lines": lines,
        "billing_reason": "subscription_cycle", "livemode": False, "metadata": {}, **fields,
    }  # fmt: skip


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
