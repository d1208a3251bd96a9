"""The state of a tenant's subscription in Stripe's events."""

import json
from typing import Any

import msgspec
import pytest

from askproai_runtime.billing import BillingChange
from askproai_runtime.events.billing import read_billing_change
from askproai_sandbox.stripe import event, invoice, subscription

TENANT = "salon.salon"


def change_of(event_type: str, subject: dict[str, Any]) -> BillingChange | str:
    return read_billing_change(json.dumps(event(event_type, subject, 1_767_225_600)).encode(), TENANT)


def test_subscription_event_reports_status_or_its_end() -> None:
    change = change_of("customer.subscription.updated", subscription("past_due"))
    assert isinstance(change, BillingChange)
    assert (change.subscription, change.status, change.ended, change.created_at.timestamp()) == (
        "sub_1",
        "past_due",
        False,
        1_767_225_600,
    )
    deleted = change_of("customer.subscription.deleted", subscription("active"))
    assert isinstance(deleted, BillingChange)
    assert (deleted.status, deleted.ended) == ("canceled", True)


@pytest.mark.parametrize("shape", [invoice("sub_1"), {"subscription": "sub_1"}, {"subscription": {"id": "sub_1"}}])
def test_invoice_belongs_to_its_subscription_in_every_shape(shape: dict[str, Any]) -> None:
    for event_type, paid in (("invoice.paid", True), ("invoice.payment_failed", False)):
        change = change_of(event_type, shape)
        assert isinstance(change, BillingChange)
        assert (change.subscription, change.invoice_paid, change.status) == ("sub_1", paid, None)


@pytest.mark.parametrize(
    ("event_type", "subject"),
    [
        ("invoice.paid", {"id": "in_1"}),
        ("invoice.created", invoice("sub_1")),
        ("customer.subscription.updated", {"object": "subscription"}),
        ("checkout.session.completed", {"subscription": "sub_1"}),
        ("charge.refunded", {}),
    ],
)
def test_event_without_subscription_news_is_noted(event_type: str, subject: dict[str, Any]) -> None:
    assert str(change_of(event_type, subject)).startswith("stored only: ")


@pytest.mark.parametrize(
    ("key", "is_ours"),
    [
        ("askproai_tenant", False),
        (" Askproai_Tenant ", False),
        ("tenant", True),
        ("tenant_id", True),
        ("tenantId", True),
    ],
)
def test_only_the_documented_metadata_names_a_tenant(key: str, is_ours: bool) -> None:
    """One Stripe account may bill many salons, and each of its endpoints receives the events of all. Other keys are those of the
    account's own application.
    """
    for other, counts in (("praxis.praxis", is_ours), (TENANT, True), (f" {TENANT.title()}\n", True), (" ", True)):
        assert (
            isinstance(
                change_of("customer.subscription.updated", subscription("active", metadata={key: other})), BillingChange
            )
            is counts
        )
        bill = invoice("sub_1")
        bill["parent"]["subscription_details"]["metadata"] = {key: other}
        assert isinstance(change_of("invoice.paid", bill), BillingChange) is counts


@pytest.mark.parametrize(("metadata", "counts"), [({}, False), ({"askproai_tenant": TENANT}, True)])
def test_connected_accounts_unmarked_subscription_is_ignored(metadata: dict[str, str], counts: bool) -> None:
    """A connected account's subscriptions are its customers', unless metadata marks one as the tenant's."""
    sent = event("customer.subscription.updated", subscription("unpaid", metadata=metadata), 1, account="acct_1")
    change = read_billing_change(json.dumps(sent).encode(), TENANT)
    assert isinstance(change, BillingChange) is counts
    assert (
        counts
        or change == "stored only: it is of the connected account acct_1, and its metadata does not name this tenant"
    )


def test_thin_event_is_noted_and_malformed_body_refused() -> None:
    thin = {"id": "evt_1", "object": "v2.core.event", "type": "v1.billing.meter.x", "created": "2026-11-20T09:00:00Z"}
    assert read_billing_change(json.dumps(thin).encode(), TENANT) == "stored only: the event carries no object"
    with pytest.raises(msgspec.DecodeError):
        read_billing_change(b"[]", TENANT)
