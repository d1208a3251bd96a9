"""What Stripe's events mean for a tenant."""

import json
from typing import Any

import msgspec
import pytest

from askproai_runtime.billing.stripe import Change, read_change
from askproai_sandbox.stripe import event, invoice, subscription

TENANT = "salon.salon"


def meaning(kind: str, thing: dict[str, Any]) -> Change | str:
    return read_change(json.dumps(event(kind, thing, 1_767_225_600)).encode(), TENANT)


def test_a_subscription_event_says_its_status_and_a_deleted_one_ended() -> None:
    change = meaning("customer.subscription.updated", subscription("past_due"))
    assert isinstance(change, Change)
    assert (change.subscription, change.status, change.ended, change.at.timestamp()) == (
        "sub_1",
        "past_due",
        False,
        1_767_225_600,
    )
    gone = meaning("customer.subscription.deleted", subscription("active"))
    assert isinstance(gone, Change)
    assert (gone.status, gone.ended) == ("canceled", True)


@pytest.mark.parametrize("shape", [invoice("sub_1"), {"subscription": "sub_1"}, {"subscription": {"id": "sub_1"}}])
def test_an_invoice_belongs_to_its_subscription_in_every_shape(shape: dict[str, Any]) -> None:
    for kind, paid in (("invoice.paid", True), ("invoice.payment_failed", False)):
        change = meaning(kind, shape)
        assert isinstance(change, Change)
        assert (change.subscription, change.invoice_paid, change.status) == ("sub_1", paid, None)


@pytest.mark.parametrize(
    ("kind", "thing"),
    [
        ("invoice.paid", {"id": "in_1"}),
        ("invoice.created", invoice("sub_1")),
        ("customer.subscription.updated", {"object": "subscription"}),
        ("checkout.session.completed", {"subscription": "sub_1"}),
        ("charge.refunded", {}),
    ],
)
def test_what_says_nothing_of_a_subscription_is_noted(kind: str, thing: dict[str, Any]) -> None:
    assert str(meaning(kind, thing)).startswith("stored only: ")


@pytest.mark.parametrize("key", ["askproai_tenant", "tenant", "tenant_id"])
def test_an_object_of_another_tenant_changes_nothing(key: str) -> None:
    """One Stripe account may bill many salons, and each endpoint of it hears of all of them."""
    for other, counts in (("praxis.praxis", False), (TENANT, True)):
        assert (
            isinstance(meaning("customer.subscription.updated", subscription("active", metadata={key: other})), Change)
            is counts
        )
        bill = invoice("sub_1")
        bill["parent"]["subscription_details"]["metadata"] = {key: other}
        assert isinstance(meaning("invoice.paid", bill), Change) is counts


def test_a_thin_event_is_noted_and_no_json_is_refused() -> None:
    thin = {"id": "evt_1", "object": "v2.core.event", "type": "v1.billing.meter.x", "created": "2026-11-20T09:00:00Z"}
    assert read_change(json.dumps(thin).encode(), TENANT) == "stored only: the event carries no object"
    with pytest.raises(msgspec.DecodeError):
        read_change(b"[]", TENANT)
