"""Stripe's published API, for the events that we read, as a table of our own (docs/vendors/stripe.md).

Source: the types of `stripe-python` 16.1.0, which Stripe generates from its OpenAPI document for `API_VERSION`; read on 2026-11-21.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

API_VERSION = "2026-10-28.endive"
# Fields of an event: those that it always has, those of them that may be null, and those that only some events have.
_EVENT = frozenset(
    {"id", "object", "type", "created", "livemode", "api_version", "pending_webhooks", "request", "data"}
)
_NULLABLE = frozenset({"api_version", "request"})
_SOMETIMES = frozenset({"account", "context"})
_EVENTS: Mapping[str, frozenset[str]] = {
    "subscription": frozenset({
        f"customer.subscription.{name}"
        for name in ("created", "updated", "deleted", "paused", "resumed", "trial_will_end", "pending_update_applied",
                     "pending_update_expired")
    }),
    "invoice": frozenset({
        f"invoice.{name}"
        for name in ("created", "updated", "deleted", "finalized", "finalization_failed", "paid", "payment_succeeded",
                     "payment_failed", "payment_action_required", "payment_attempt_required", "marked_uncollectible", "overdue",
                     "overpaid", "sent", "upcoming", "voided", "will_be_due")
    }),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """`always` are fields that are never null, `gone` are fields of API versions before 2025-03-31, `enums` are closed lists."""

    always: frozenset[str]
    gone: frozenset[str]
    enums: Mapping[str, frozenset[str]]


_COLLECTION = frozenset({"charge_automatically", "send_invoice"})
ITEMS: Mapping[str, Item] = {
    "subscription": Item(
        frozenset({"id", "object", "status", "customer", "currency", "created", "start_date", "billing_cycle_anchor",
                   "cancel_at_period_end", "collection_method", "items", "discounts", "livemode", "metadata"}),
        frozenset({"current_period_start", "current_period_end"}),
        {"status": frozenset({"incomplete", "incomplete_expired", "trialing", "active", "past_due", "canceled", "unpaid",
                              "paused"}),
         "collection_method": _COLLECTION},
    ),
    "invoice": Item(
        frozenset({"id", "object", "currency", "created", "period_start", "period_end", "total", "amount_due", "amount_paid",
                   "amount_remaining", "attempted", "attempt_count", "collection_method", "lines", "livemode"}),
        frozenset({"subscription", "subscription_details", "paid", "charge", "payment_intent"}),
        {"status": frozenset({"draft", "open", "paid", "uncollectible", "void"}), "collection_method": _COLLECTION,
         "billing_reason": frozenset({"automatic_pending_invoice_item_invoice", "manual", "quote_accept", "subscription",
                                      "subscription_create", "subscription_cycle", "subscription_threshold",
                                      "subscription_update", "upcoming"})},
    ),
}  # fmt: skip
_PARENTS = frozenset({"quote_details", "subscription_details"})


def check_event(event: Mapping[str, Any]) -> Iterator[str]:
    """Yield the differences from the table in a snapshot event of a subscription or an invoice."""
    yield from (f"event: {name} is missing" for name in _EVENT - event.keys())
    yield from (f"event: {name} is unknown" for name in event.keys() - _EVENT - _SOMETIMES)
    yield from (f"event: {name} is null" for name in _EVENT - _NULLABLE if event.get(name, 0) is None)
    if event.get("api_version") != API_VERSION:
        yield f"event: the table is of {API_VERSION}"
    data, kind = event.get("data") or {}, event.get("type", "")
    if ("previous_attributes" in data) != kind.endswith(".updated"):
        yield "event: previous_attributes are those of an update"
    item = data.get("object") or {}
    name = item.get("object")
    if name not in ITEMS:
        yield f"event: {name} is in no table"
        return
    if kind not in _EVENTS[name]:
        yield f"event: {kind} is none of a {name}"
    if item.get("livemode") != event.get("livemode"):
        yield "event: livemode differs from that of its object"
    yield from (f"{name}: {text}" for text in _check_item(item, ITEMS[name]))
    yield from (_check_periods(item) if name == "subscription" else _check_parent(item))


def _check_item(item: Mapping[str, Any], table: Item) -> Iterator[str]:
    yield from (f"{field} is missing" for field in table.always if item.get(field) is None)
    yield from (f"{field} is gone since 2025-03-31" for field in table.gone & item.keys())
    for field, values in table.enums.items():
        if item.get(field) is not None and item[field] not in values:
            yield f"{field} cannot be {item[field]}"


def _check_periods(subscription: Mapping[str, Any]) -> Iterator[str]:
    """Yield the period fields that an item lacks: the period belongs to each item, not to the subscription."""
    for item in (subscription.get("items") or {}).get("data", ()):
        yield from (
            f"item: {name} is missing" for name in ("current_period_start", "current_period_end") if not item.get(name)
        )


def _check_parent(invoice: Mapping[str, Any]) -> Iterator[str]:
    parent = invoice.get("parent")
    if parent is None:  # an invoice that somebody wrote by hand
        return
    if parent.get("type") not in _PARENTS:
        yield f"parent: type cannot be {parent.get('type')}"
    elif parent["type"] == "subscription_details" and not (parent.get("subscription_details") or {}).get(
        "subscription"
    ):
        yield "parent: subscription_details.subscription is missing"
