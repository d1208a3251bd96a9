"""The handler of Stripe's events, which report the state of the tenant's subscription (docs/vendors/stripe.md).

Only snapshot events are read, and their order does not matter.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from askproai_core.database import Connection
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.billing import BillingChange, save_billing_change
from askproai_runtime.intake import StoredEvent
from askproai_runtime.jobs import DeadNow
from askproai_runtime.lenient_json import read_json

_SUBSCRIPTION = "customer.subscription."
_INVOICE_PAID = {"invoice.paid": True, "invoice.payment_failed": False}
_TENANT_KEY = "askproai_tenant"  # other keys of the metadata belong to the account's own application


class _StripeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a Stripe event that are used. `data.object` is the subscription or invoice; thin events have no data."""

    type: str
    created: Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799)] | str = 0  # seconds; a text in thin events
    livemode: bool = False
    account: str | None = None  # the connected account that owns the object; absent for the account of the endpoint
    data: dict[str, Any] = {}


async def handle_billing_event(conn: Connection, event: StoredEvent, config: TenantConfig) -> str | None:
    """Store the change that the event reports. Return a note if it reports none. Raises `DeadNow` if the body is no event."""
    try:
        change = read_billing_change(event.payload, config.tenant)
    except msgspec.DecodeError as error:
        raise DeadNow(f"the body is no Stripe event: {error}") from error
    if isinstance(change, str):
        return change
    await save_billing_change(conn, config.tenant, change)
    return None


def read_billing_change(body: bytes, tenant: str) -> BillingChange | str:
    """Return the reported change, or a note that says why there is none. Raises `msgspec.DecodeError` if the body is no event.

    One Stripe account may serve many businesses, and each endpoint then receives all their events: an object whose metadata
    names another tenant is not ours. The objects of a connected account belong to its own business with its own customers. They
    are ours only if their metadata names the tenant.
    """
    event = read_json(body, _StripeEvent)
    subject = event.data.get("object")
    if not isinstance(subject, dict) or not isinstance(event.created, int):
        return "stored only: the event carries no object"
    named = _tenants(subject)
    if named - {tenant}:
        return "stored only: its metadata names another tenant"
    if event.account and not named:
        return (
            f"stored only: it is of the connected account {event.account}, and its metadata does not name this tenant"
        )
    created_at = datetime.fromtimestamp(event.created, UTC)
    if event.type.startswith(_SUBSCRIPTION):
        ended = event.type == f"{_SUBSCRIPTION}deleted"
        status = "canceled" if ended else _text(subject, "status")
        subscription = _text(subject, "id")
        if subscription and status:
            return BillingChange(subscription, created_at, event.livemode, status, ended)
    elif event.type in _INVOICE_PAID:
        if subscription := _invoice_subscription(subject):
            return BillingChange(subscription, created_at, event.livemode, invoice_paid=_INVOICE_PAID[event.type])
        return "stored only: the invoice belongs to no subscription"
    return f"stored only: stripe {event.type} is not acted on"


def _invoice_subscription(invoice: dict[str, Any]) -> str:
    """Return the id of an invoice's subscription, or "" if it has none. Reads the shapes since and before API 2025-03-31."""
    details = _object(_object(invoice, "parent"), "subscription_details")
    return _text(details, "subscription") or _text(invoice, "subscription")


def _tenants(subject: dict[str, Any]) -> set[str]:
    """Return the tenants that the metadata of a Stripe object, or of its subscription, names. People type metadata by hand."""
    details = (_object(_object(subject, "parent"), "subscription_details"), _object(subject, "subscription_details"))
    metadata = [_object(owner, "metadata") for owner in (subject, *details)]
    typed = ((key, value) for values in metadata for key, value in values.items() if isinstance(value, str))
    return {value.strip().lower() for key, value in typed if key.strip().lower() == _TENANT_KEY and value.strip()}


def _object(value: dict[str, Any], name: str) -> dict[str, Any]:
    inner = value.get(name)
    return inner if isinstance(inner, dict) else {}


def _text(value: dict[str, Any], name: str) -> str:
    """Return the text of a member, "" if it is missing. If Stripe has expanded the member to an object, return its id."""
    inner = value.get(name)
    return inner if isinstance(inner, str) else _text(inner, "id") if isinstance(inner, dict) else ""
