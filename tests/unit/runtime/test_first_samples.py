"""Counters that alerts read begin at 0: Prometheus sees no rise in a series' first sample."""

from askproai_runtime.book.context import BookingOutcome
from askproai_runtime.intake.webhook import WebhookOutcome
from askproai_runtime.metrics import TURNED_AWAY, Metrics


def samples(metrics: Metrics, name: str) -> dict[str, float]:
    """Return a counter's value by its label `outcome`."""
    families = (family for family in metrics.registry.collect() if family.name == name)
    return {
        sample.labels["outcome"]: sample.value
        for family in families
        for sample in family.samples
        if sample.name.endswith("_total")
    }


def test_every_booking_outcome_has_an_early_sample():
    metrics = Metrics("n.salon")
    metrics.expect_bookings(BookingOutcome)
    metrics.booking("failed", 0.1)
    assert samples(metrics, "askproai_bookings") == {**dict.fromkeys(BookingOutcome, 0.0), "failed": 1.0}


def test_booking_duration_metrics_have_samples_before_bookings():
    metrics = Metrics("n.salon")
    labels, buckets = {"tenant": "n.salon", "outcome": "confirmed"}, "askproai_booking_duration_seconds_bucket"
    assert metrics.registry.get_sample_value(buckets, {**labels, "le": "+Inf"}) is None
    metrics.expect_bookings(BookingOutcome)
    assert metrics.registry.get_sample_value(buckets, {**labels, "le": "+Inf"}) == 0.0


def test_first_webhook_begins_counts_of_refused_webhooks():
    metrics = Metrics("n.salon")
    metrics.webhook_received("retell", "call_ended", "accepted")
    assert samples(metrics, "askproai_webhooks_received") == {"limited": 0.0, "unavailable": 0.0, "accepted": 1.0}
    assert set(TURNED_AWAY) <= set(WebhookOutcome)
