"""The simulated Stripe sends what Stripe publishes, and our code reads it (docs/vendors/stripe.md)."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from askproai_runtime.billing import BillingChange
from askproai_runtime.events.billing import read_billing_change
from askproai_runtime.intake import Source, identify
from askproai_sandbox import stripe
from tests.worlds.opening_salon import local
from tests.worlds.stripe_contract import API_VERSION, ITEMS, check_event

CREATED = 1_767_225_600
NOW = local("2026-01-01T01:00")
CONNECTED = "acct_1"


def updated(**fields: Any) -> dict[str, Any]:
    return stripe.event("customer.subscription.updated", {**stripe.subscription("active"), **fields}, CREATED)


def paid(**fields: Any) -> dict[str, Any]:
    return stripe.event("invoice.paid", {**stripe.invoice("sub_1"), **fields}, CREATED)


@pytest.mark.parametrize("status", sorted(ITEMS["subscription"].enums["status"]))
def test_subscription_in_every_status_is_sent_and_read(status: str) -> None:
    for kind in ("created", "updated", "deleted"):
        event = stripe.event(f"customer.subscription.{kind}", stripe.subscription(status), CREATED, livemode=True)
        assert list(check_event(event)) == []
        change = read_billing_change(json.dumps(event).encode(), "salon.salon")
        assert isinstance(change, BillingChange)
        assert (change.status, change.livemode) == ("canceled" if kind == "deleted" else status, True)


@pytest.mark.parametrize(("kind", "is_paid"), [("paid", True), ("payment_failed", False)])
def test_an_invoice_is_sent_as_published_and_read(kind: str, is_paid: bool) -> None:
    event = stripe.event(f"invoice.{kind}", stripe.invoice("sub_1", paid=is_paid), CREATED)
    assert list(check_event(event)) == []
    body = json.dumps(event).encode()
    change = read_billing_change(body, "salon.salon")
    assert isinstance(change, BillingChange)
    assert (change.subscription, change.invoice_paid) == ("sub_1", is_paid)
    stored = identify(Source.STRIPE, body, tenant="salon.salon", correlation_id="c", now=NOW)
    assert (stored.event_id, stored.event_type) == (event["id"], f"invoice.{kind}")


def test_connected_accounts_event_includes_the_account_id() -> None:
    event = stripe.event("invoice.paid", stripe.invoice("sub_1"), CREATED, account=CONNECTED)
    assert list(check_event(event)) == []
    assert (event["account"], "account" in paid()) == (CONNECTED, False)


def test_table_matches_the_sent_api_version() -> None:
    """After a new version: read what changed, correct the table, its date and docs/vendors/stripe.md, then the simulator."""
    assert stripe.API_VERSION == API_VERSION


def changed(event: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**event, **fields}


@pytest.mark.parametrize(("event", "text"), [
    (lambda: changed(paid(), mood=1), "event: mood is unknown"),
    (lambda: changed(paid(), data=None), "event: data is null"),
    (lambda: changed(paid(), api_version="2024-06-20"), f"event: the table is of {API_VERSION}"),
    (lambda: changed(paid(), type="charge.refunded"), "event: charge.refunded is none of a invoice"),
    (lambda: changed(updated(), livemode=True), "event: livemode differs from that of its object"),
    (lambda: updated(status="over"), "subscription: status cannot be over"),
    (lambda: updated(current_period_end=1), "subscription: current_period_end is gone since 2025-03-31"),
    (lambda: updated(items={"data": [{}]}), "item: current_period_end is missing"),
    (lambda: updated(customer=None), "subscription: customer is missing"),
    (lambda: paid(subscription="sub_1"), "invoice: subscription is gone since 2025-03-31"),
    (lambda: paid(parent={"type": "subscription_details"}), "parent: subscription_details.subscription is missing"),
    (lambda: paid(parent={"type": "x"}), "parent: type cannot be x"),
])  # fmt: skip
def test_difference_from_stripes_schema_is_noticed(event: Callable[[], dict[str, Any]], text: str) -> None:
    assert text in list(check_event(event()))
