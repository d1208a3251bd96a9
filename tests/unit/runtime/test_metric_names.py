"""The metrics of a tenant's pods, as docs/reference/metrics.md lists them."""

from prometheus_client import generate_latest

from askproai_runtime.metrics import MOST_EVENT_NAMES, Metrics, Waiting


def test_metrics_have_the_names_of_the_reference() -> None:
    metrics = Metrics("salon.salon")
    metrics.webhook_received("retell", "call_started", "accepted")
    metrics.ack("retell", 0.004)
    metrics.processed("retell", "call_started", 0.01)
    metrics.booking("confirmed", 0.1)
    metrics.provider_call("calcom", "create-booking", "confirmed", 0.05)
    metrics.offered_but_lost()
    metrics.function_answered("check_availability", "closed_day", 0.04)
    metrics.calls_with_functions(2)
    metrics.job_ended("calendar-sync", "dead")
    metrics.active_calls(2)
    metrics.queue([Waiting("high", "ready", 2, 1.5), Waiting("low", "dead", 3, None)])
    metrics.task_run("calendar-poll", "ok", 0.2)
    metrics.task_age("calendar-poll", 31.0)
    metrics.calendar_change_found("cancel")
    metrics.config("aaaa")
    metrics.config("bbbb")
    text = generate_latest(metrics.registry).decode()
    for line in (
        'askproai_webhooks_received_total{event="call_started",outcome="accepted",source="retell",tenant="salon.salon"} 1.0',
        'askproai_webhook_ack_seconds_bucket{le="0.05",source="retell",tenant="salon.salon"} 1.0',
        'askproai_webhook_processing_duration_seconds_count{event="call_started",source="retell",tenant="salon.salon"} 1.0',
        'askproai_bookings_total{outcome="confirmed",tenant="salon.salon"} 1.0',
        'askproai_booking_duration_seconds_count{outcome="confirmed",tenant="salon.salon"} 1.0',
        'askproai_function_calls_total{function="check_availability",outcome="closed_day",tenant="salon.salon"} 1.0',
        'askproai_function_seconds_bucket{function="check_availability",le="0.05",tenant="salon.salon"} 1.0',
        'askproai_calls_with_functions_total{tenant="salon.salon"} 2.0',
        'askproai_offered_but_lost_total{tenant="salon.salon"} 1.0',
        'askproai_dead_letters{tenant="salon.salon"} 3.0',
        'askproai_jobs_total{kind="calendar-sync",outcome="dead",tenant="salon.salon"} 1.0',
        'askproai_active_calls{tenant="salon.salon"} 2.0',
        'askproai_queue_size{priority="high",state="ready",tenant="salon.salon"} 2.0',
        'askproai_queue_oldest_seconds{priority="high",tenant="salon.salon"} 1.5',
        'askproai_task_runs_total{outcome="ok",task="calendar-poll",tenant="salon.salon"} 1.0',
        'askproai_task_seconds_count{task="calendar-poll",tenant="salon.salon"} 1.0',
        'askproai_task_age_seconds{task="calendar-poll",tenant="salon.salon"} 31.0',
        'askproai_calendar_changes_found_total{change="cancel",tenant="salon.salon"} 1.0',
        'askproai_config_hash_info{hash="bbbb",tenant="salon.salon"} 1.0',
    ):
        assert line in text
    assert "aaaa" not in text
    assert "askproai_api_response_time_seconds_count" in text
    assert "process_resident_memory_bytes" in text


def test_process_without_queue_reports_no_dead_letters() -> None:
    """The web process would report 0 beside its worker's 13."""
    metrics = Metrics("salon.salon")
    assert "askproai_dead_letters{" not in generate_latest(metrics.registry).decode()
    metrics.queue([])
    assert 'askproai_dead_letters{tenant="salon.salon"} 0.0' in generate_latest(metrics.registry).decode()


def test_sender_cannot_create_unlimited_metric_series() -> None:
    metrics = Metrics("salon.salon")
    for number in range(MOST_EVENT_NAMES + 50):
        metrics.webhook_received("stripe", f"invented.{number}", "accepted")
    assert 'event="other"' in generate_latest(metrics.registry).decode()
    assert (
        generate_latest(metrics.registry).decode().count("askproai_webhooks_received_total{")
        == (MOST_EVENT_NAMES + 1) * 3
    )
