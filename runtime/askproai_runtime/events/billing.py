"""What a Stripe event means for a tenant (reference/calcom-stripe.md §8). Pure; snapshots only, their order does not matter."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from askproai_core.http_server import read_json

_SUBSCRIPTION = "customer.subscription."
_INVOICE_PAID = {"invoice.paid": True, "invoice.payment_failed": False}
_TENANT_KEYS = ("askproai_tenant", "tenant", "tenant_id")


class StripeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as far as we read it; thin events (`v2.core.event`) carry no data."""

    type: str
    created: Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799)] | str = 0  # seconds; thin events write a text
    livemode: bool = False
    data: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Change:
    """What one event alone says of a subscription: its status, or how its newest invoice went."""

    subscription: str
    at: datetime
    livemode: bool
    status: str | None = None
    ended: bool = False
    invoice_paid: bool | None = None


def read_change(body: bytes, tenant: str) -> Change | str:
    """Give the change, or why there is none. Raises `msgspec.DecodeError` for what is no event.

    Stripe's account may be one for many businesses, and each endpoint then hears of all of them: an object whose metadata
    names another tenant is none of ours.
    """
    event = read_json(body, StripeEvent)
    thing = event.data.get("object")
    if not isinstance(thing, dict) or not isinstance(event.created, int):
        return "stored only: the event carries no object"
    others = _tenants(thing) - {tenant}
    if others:
        return "stored only: its metadata names another tenant"
    at = datetime.fromtimestamp(event.created, UTC)
    if event.type.startswith(_SUBSCRIPTION):
        ended = event.type == f"{_SUBSCRIPTION}deleted"
        status = "canceled" if ended else _text(thing, "status")
        subscription = _text(thing, "id")
        if subscription and status:
            return Change(subscription, at, event.livemode, status, ended)
    elif event.type in _INVOICE_PAID:
        if subscription := _subscription_of(thing):
            return Change(subscription, at, event.livemode, invoice_paid=_INVOICE_PAID[event.type])
        return "stored only: the invoice belongs to no subscription"
    return f"stored only: stripe {event.type} is not acted on"


def _subscription_of(invoice: dict[str, Any]) -> str:
    """Give an invoice's subscription, in today's shape or in the one before API 2025-03-31."""
    details = _object(_object(invoice, "parent"), "subscription_details")
    return _text(details, "subscription") or _text(invoice, "subscription")


def _tenants(thing: dict[str, Any]) -> set[str]:
    nested = (_object(_object(thing, "parent"), "subscription_details"), _object(thing, "subscription_details"))
    said = [_object(one, "metadata") for one in (thing, *nested)]
    return {metadata[key] for metadata in said for key in _TENANT_KEYS if isinstance(metadata.get(key), str)}


def _object(value: dict[str, Any], name: str) -> dict[str, Any]:
    inner = value.get(name)
    return inner if isinstance(inner, dict) else {}


def _text(value: dict[str, Any], name: str) -> str:
    """Give a text; an expanded object stands for its id."""
    inner = value.get(name)
    return inner if isinstance(inner, str) else _text(inner, "id") if isinstance(inner, dict) else ""
