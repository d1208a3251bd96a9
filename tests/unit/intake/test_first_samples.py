"""What an alert counts begins at 0: Prometheus sees no rise in a series' first sample."""

from askproai_runtime.booking import BookingOutcome
from askproai_runtime.intake.webhook import WebhookOutcome
from askproai_runtime.metrics import TURNED_AWAY, Metrics


def samples(metrics: Metrics, name: str) -> dict[str, float]:
    """Give a counter's value by its outcome."""
    families = (family for family in metrics.registry.collect() if family.name == name)
    return {
        one.labels["outcome"]: one.value for family in families for one in family.samples if one.name.endswith("_total")
    }


def test_every_outcome_of_a_booking_is_there_before_the_first_one():
    metrics = Metrics("n.salon")
    metrics.expect_bookings(BookingOutcome)
    metrics.booking("failed")
    assert samples(metrics, "askproai_bookings") == {**dict.fromkeys(BookingOutcome, 0.0), "failed": 1.0}


def test_the_first_webhook_begins_the_count_of_those_that_are_turned_away():
    metrics = Metrics("n.salon")
    metrics.webhook_received("retell", "call_ended", "accepted")
    assert samples(metrics, "askproai_webhooks_received") == {"limited": 0.0, "unavailable": 0.0, "accepted": 1.0}
    assert set(TURNED_AWAY) <= set(WebhookOutcome)
