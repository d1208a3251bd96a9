"""The small parts of the web's edge: paths, rate limits, metrics, logs."""

from typing import Any

import pytest
from prometheus_client import generate_latest

from askproai_core.logging import name_error
from askproai_core.phone_numbers import Route, Routing
from askproai_runtime.calls import FunctionName
from askproai_runtime.intake import Source
from askproai_runtime.metrics import MOST_EVENT_NAMES, Metrics, Waiting
from askproai_runtime.web import Hook, find_endpoint
from askproai_sandbox.example_tenant import AGENT_ID, NUMBER, salon_config

PREFIX = "/salon/salon"


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/webhooks/retell", Source.RETELL),
        ("/webhooks/calcom", Source.CALCOM),
        ("/webhooks/calcom/7d0c", Source.CALCOM),
        ("/webhooks/stripe", Source.STRIPE),
        ("/retell/functions/check_availability", FunctionName.CHECK_AVAILABILITY),
        ("/retell/functions/book_appointment", FunctionName.BOOK_APPOINTMENT),
        ("/retell/functions/cancel_appointment", FunctionName.CANCEL_APPOINTMENT),
        ("/retell/inbound", Hook.INBOUND),
        ("/webhooks/retell/", None),
        ("/webhooks/stripe/7d0c", None),
        ("/webhooks/calcom/", None),
        ("/webhooks/paypal", None),
        ("/health/detailed", None),
        ("/", None),
    ],
)
def test_paths_are_served_with_and_without_the_prefix(path: str, endpoint: object) -> None:
    assert find_endpoint(path, PREFIX) == endpoint
    assert find_endpoint(PREFIX + path, PREFIX) == endpoint
    assert find_endpoint(path, "") == endpoint
    assert find_endpoint("/other/tenant" + path, PREFIX) is None
    assert find_endpoint(PREFIX + "x" + path, PREFIX) is None


@pytest.mark.parametrize(
    ("agent", "number", "route"),
    [
        (AGENT_ID, None, "mitte"),
        (AGENT_ID, "+49309999999", "mitte"),
        ("agent_strange", NUMBER, "mitte"),
        (None, NUMBER, "mitte"),
        ("agent_strange", "+49309999999", None),
        (None, None, None),
        ("", "", None),
    ],
)
def test_a_call_belongs_to_its_agent_else_to_its_number_else_to_nobody(
    agent: str | None, number: str | None, route: str | None
) -> None:
    """N2: never the first branch."""
    found = Routing(salon_config()).route(agent, number)
    assert (found.branch if isinstance(found, Route) else None) == route


def test_metrics_have_the_names_of_the_contract() -> None:
    """O1, contract §5."""
    metrics = Metrics("salon.salon")
    metrics.webhook_received("retell", "call_started", "accepted")
    metrics.ack("retell", 0.004)
    metrics.processed("retell", "call_started", 0.01)
    metrics.booking("confirmed")
    metrics.booking_seconds(0.1)
    metrics.provider_call("calcom", "create-booking", "confirmed", 0.05)
    metrics.offered_but_lost()
    metrics.dead_letter()
    metrics.active_calls(2)
    metrics.queue([Waiting("high", "ready", 2, 1.5), Waiting("low", "dead", 3, None)])
    metrics.config("aaaa")
    metrics.config("bbbb")
    text = generate_latest(metrics.registry).decode()
    for line in (
        'askproai_webhooks_received_total{event="call_started",outcome="accepted",source="retell",tenant="salon.salon"} 1.0',
        'askproai_webhook_ack_seconds_bucket{le="0.05",source="retell",tenant="salon.salon"} 1.0',
        'askproai_webhook_processing_duration_seconds_count{event="call_started",source="retell",tenant="salon.salon"} 1.0',
        'askproai_bookings_total{outcome="confirmed",tenant="salon.salon"} 1.0',
        'askproai_booking_duration_seconds_count{tenant="salon.salon"} 1.0',
        'askproai_offered_but_lost_total{tenant="salon.salon"} 1.0',
        'askproai_dead_letters{tenant="salon.salon"} 3.0',
        'askproai_dead_letters_total{tenant="salon.salon"} 1.0',
        'askproai_active_calls{tenant="salon.salon"} 2.0',
        'askproai_queue_size{priority="high",state="ready",tenant="salon.salon"} 2.0',
        'askproai_queue_oldest_seconds{priority="high",tenant="salon.salon"} 1.5',
        'askproai_config_hash_info{hash="bbbb",tenant="salon.salon"} 1.0',
    ):
        assert line in text
    assert "aaaa" not in text
    assert "askproai_api_response_time_seconds_count" in text
    assert "process_resident_memory_bytes" in text


def test_a_process_that_never_looks_at_the_queue_tells_no_dead_letters() -> None:
    """The web process would say 0 beside its worker's 13."""
    metrics = Metrics("salon.salon")
    assert "askproai_dead_letters{" not in generate_latest(metrics.registry).decode()
    metrics.queue([])
    assert 'askproai_dead_letters{tenant="salon.salon"} 0.0' in generate_latest(metrics.registry).decode()


def test_a_sender_cannot_invent_series_without_end() -> None:
    metrics = Metrics("salon.salon")
    for number in range(MOST_EVENT_NAMES + 50):
        metrics.webhook_received("stripe", f"invented.{number}", "accepted")
    assert 'event="other"' in generate_latest(metrics.registry).decode()
    assert (
        generate_latest(metrics.registry).decode().count("askproai_webhooks_received_total{")
        == (MOST_EVENT_NAMES + 1) * 3
    )


def test_logs_name_an_error_by_type_and_place_and_quote_nothing() -> None:
    """W3: a driver's message quotes the row, and the row holds a caller's number."""
    try:
        int("Key (phone)=(+4915112345678) already exists")
    except ValueError:
        event: Any = name_error(None, "error", {"event": "x", "exc_info": True})
    assert event["error"] == "ValueError"
    assert event["at"].startswith("test_edges.py:")
    assert "+49" not in str(event)
