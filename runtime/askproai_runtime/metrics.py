"""The metrics of a tenant's processes (docs/reference/metrics.md). One `Metrics` per process, with a registry of its own.

Label values come from closed lists or are bounded here, because a series lives as long as its process. A call id is never a
label.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from askproai_core.metrics import MetricFactory, process_registry
from askproai_core.provider_limits import CircuitState
from askproai_core.tracing import exemplar
from askproai_runtime.caller_identity import CallerKind

ACK_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 1.0, 5.0)  # the promise is p99 < 50 ms
WORK_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 120.0)
FUNCTION_BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 7.5)  # a caller waits; 7 s is the deadline
MOST_EVENT_NAMES = 64
TURNED_AWAY = ("limited", "unavailable")  # the outcomes of the intake that an alert counts


class Waiting(NamedTuple):
    """The number of jobs of one priority and state. `oldest_seconds` is the oldest job's age; None unless the state is ready."""

    priority: str
    state: str
    jobs: int
    oldest_seconds: float | None


class _KeysNow(Collector):
    """The gauge `keys_hash_info`. It is computed when it is read, so that it never shows keys that the process no longer has."""

    def __init__(self, tenant: str, registry: CollectorRegistry) -> None:
        self._tenant = tenant
        self.read: Callable[[], str | None] = lambda: None
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        about = "1 for the keys by which the process verifies, as a keyed hash"
        family = GaugeMetricFamily("askproai_keys_hash_info", about, labels=["tenant", "hash"])
        if (shown := self.read()) is not None:
            family.add_metric([self._tenant, shown], 1)
        yield family


class Metrics:
    """Counts and durations of one tenant's process. Every method is cheap enough for the hot path."""

    def __init__(self, tenant: str) -> None:
        self.registry = process_registry()
        create = MetricFactory(self.registry, common_labels=["tenant"])
        self._tenant = tenant
        self._events: set[str] = set()
        self._initialized: set[tuple[str, str]] = set()
        self._received = create.counter("webhooks_received", "Webhooks by outcome", "source", "event", "outcome")
        self._signatures = create.counter(
            "signatures", "Requests by what became of their signature", "source", "result"
        )
        self._refused_in_a_row = create.gauge("own_requests_refused", "Refused requests of own calls in a row")
        self._received_by: dict[tuple[str, str, str], Counter] = {}
        self._ack_by: dict[str, Histogram] = {}
        self._ack = create.histogram("webhook_ack_seconds", "Request to answer of a webhook", ACK_BUCKETS, "source")
        self._processing = create.histogram(
            "webhook_processing_duration_seconds", "Handler time of a stored event", WORK_BUCKETS, "source", "event"
        )
        self._bookings = create.counter("bookings", "Bookings by outcome", "outcome")
        self._booking_duration = create.histogram(
            "booking_duration_seconds", "Time of one booking", WORK_BUCKETS, "outcome"
        )
        self._functions = create.counter("function_calls", "Answered call functions", "function", "outcome")
        self._function_seconds = create.histogram(
            "function_seconds", "Time until the answer of a call function", FUNCTION_BUCKETS, "function"
        )
        self._calls_by_caller = create.counter("calls_by_caller", "Calls by how their caller is known", "caller")
        self._calls_with_functions = create.counter("calls_with_functions", "Calls whose agent asked us something")
        self._shadow_dropped = create.counter("shadow_requests_dropped", "Copies of call functions that no shadow gets")
        self._provider = create.histogram(
            "api_response_time_seconds", "Time of a provider's answer", WORK_BUCKETS, "provider", "operation", "outcome"
        )
        self._active_calls = create.gauge("active_calls", "Calls that are being spoken now")
        self._open_messages = create.gauge("messages_open", "Messages of callers that nobody has dealt with")
        self._queue_size = create.gauge("queue_size", "Jobs by priority and state", "priority", "state")
        self._queue_oldest = create.gauge("queue_oldest_seconds", "Age of the oldest job that could run", "priority")
        self._dead_now = create.gauge("dead_letters", "Jobs that wait for a redrive")
        self._jobs = create.counter("jobs", "Jobs by how they ended", "kind", "outcome")
        self._lost_offers = create.counter("offered_but_lost", "Offered times that were gone at the yes")
        self._task_runs = create.counter("task_runs", "Runs of periodic tasks by outcome", "task", "outcome")
        self._task_seconds = create.histogram("task_seconds", "Duration of one run", WORK_BUCKETS, "task")
        self._task_age = create.gauge("task_age_seconds", "Time since the last success of a periodic task", "task")
        self._offers = create.counter("offers", "Offers of free times by what they rest on", "basis")
        self._changes_found = create.counter(
            "calendar_changes_found", "Changes in the remote calendar that no event had brought", "change"
        )
        self._call_events_found = create.counter(
            "call_events_found",
            "Events of calls that Retell had not delivered, and calls closed without an end",
            "event",
        )
        self._differences = create.gauge(
            "calendar_differences", "Differences between our book and the remote calendar that no rule mends", "sort"
        )
        self._mended = create.counter(
            "calendar_differences_mended", "Differences that the audit found and a rule mended", "sort"
        )
        self._notifications = create.counter(
            "notifications", "Attempts to notify by how they ended", "channel", "outcome"
        )
        self._dead_notifications = create.gauge("notifications_dead", "Notifications that wait for a redrive")
        self._late_notifications = create.gauge(
            "notifications_failing_seconds", "Age of the oldest notification whose last attempt failed"
        )
        self._redis = create.gauge("redis_degraded", "1 when Redis is configured and away")
        self.redis_degraded(False)
        self._spooled, self._drained = (
            create.counter("events_spooled", "Events that were acknowledged from Redis"),
            create.counter("events_drained", "Events that were moved from Redis into their table"),
        )
        self.spooled(0)
        self.drained(0)
        self._spool_size, self._spool_unstorable, self._spool_oldest = (
            create.gauge("spool_events", "Events that wait in Redis for PostgreSQL"),
            create.gauge("spool_unstorable", "Events in Redis that PostgreSQL does not take"),
            create.gauge("spool_oldest_seconds", "Age of the oldest event that waits in Redis"),
        )
        self._spans = create.counter("spans", "Spans of traces by what became of them", "outcome")
        self._circuit = create.gauge("circuit_state", "1 for the state in which a circuit is", "provider", "state")
        self._billing = create.gauge("billing_state", "1 for what Stripe says of the subscription", "status")
        self._config = create.gauge("config_hash_info", "1 for the configuration in use", "hash")
        self._keys = _KeysNow(tenant, self.registry)
        self._config_rejected = create.counter("config_rejected", "Configuration files that could not be read")

    def webhook_received(self, source: str, event: str, outcome: str) -> None:
        known = self._received_by.get((source, event, outcome))  # cached: the look-up takes longer than counting
        if known is not None:
            known.inc()
            return
        event = self._bounded(event)
        if (source, event) not in self._initialized:  # from 0, because Prometheus sees no rise in a first sample
            self._initialized.add((source, event))
            for alerted in TURNED_AWAY:
                self._received.labels(self._tenant, source, event, alerted)
        series = self._received.labels(self._tenant, source, event, outcome)
        if event in self._events:  # senders may invent any number of other names
            self._received_by[source, event, outcome] = series
        series.inc()

    def expect_signatures(self, sources: Iterable[str], results: Iterable[str]) -> None:
        self.own_requests_refused(0)
        self._begin(self._signatures, sources, results)

    def signature(self, source: str, result: str) -> None:
        self._signatures.labels(self._tenant, source, result).inc()

    def own_requests_refused(self, in_a_row: int) -> None:
        self._refused_in_a_row.labels(self._tenant).set(in_a_row)

    def ack(self, source: str, seconds: float) -> None:
        series = self._ack_by.get(source)
        if series is None:
            series = self._ack_by[source] = self._ack.labels(self._tenant, source)
        series.observe(seconds)

    def processed(self, source: str, event: str, seconds: float) -> None:
        self._processing.labels(self._tenant, source, self._bounded(event)).observe(seconds)

    def expect_bookings(self, outcomes: Iterable[str]) -> None:
        for series in (self._bookings, self._booking_duration):
            self._begin(series, outcomes)

    def booking(self, outcome: str, seconds: float) -> None:
        self._bookings.labels(self._tenant, outcome).inc()
        self._booking_duration.labels(self._tenant, outcome).observe(seconds, exemplar())

    def expect_functions(self, functions: Iterable[str], outcomes: Iterable[str]) -> None:
        self._begin(self._calls_with_functions)
        self._begin(self._functions, functions, outcomes)

    def function_answered(self, function: str, outcome: str, seconds: float) -> None:
        self._functions.labels(self._tenant, function, outcome).inc()
        self._function_seconds.labels(self._tenant, function).observe(seconds)

    def shadow_request_dropped(self) -> None:
        self._shadow_dropped.labels(self._tenant).inc()

    def calls_with_functions(self, count: int) -> None:
        self._calls_with_functions.labels(self._tenant).inc(count)

    def provider_call(self, provider: str, operation: str, outcome: str, seconds: float) -> None:
        self._provider.labels(self._tenant, provider, operation, outcome).observe(seconds)

    def offered_but_lost(self) -> None:
        self._lost_offers.labels(self._tenant).inc()

    def expect_offers(self, bases: Iterable[str]) -> None:
        self._begin(self._lost_offers)
        self._begin(self._offers, bases)

    def offered(self, basis: str) -> None:
        self._offers.labels(self._tenant, basis).inc()

    def expect_notifications(self, channels: Iterable[str], outcomes: Iterable[str]) -> None:
        self._begin(self._notifications, channels, outcomes)

    def notified(self, channel: str, outcome: str) -> None:
        self._notifications.labels(self._tenant, channel, outcome).inc()

    def notifications_left(self, dead: int, failing_seconds: float) -> None:
        self._dead_notifications.labels(self._tenant).set(dead)
        self._late_notifications.labels(self._tenant).set(failing_seconds)

    def redis_degraded(self, away: bool) -> None:
        self._redis.labels(self._tenant).set(away)

    def spans(self, outcome: str, spans: int) -> None:
        self._spans.labels(self._tenant, outcome).inc(spans)

    def spooled(self, events: int) -> None:
        self._spooled.labels(self._tenant).inc(events)

    def drained(self, events: int) -> None:
        self._drained.labels(self._tenant).inc(events)

    def spool_waits(self, events: int, oldest_seconds: float, unstorable: int) -> None:
        self._spool_size.labels(self._tenant).set(events)
        self._spool_oldest.labels(self._tenant).set(oldest_seconds)
        self._spool_unstorable.labels(self._tenant).set(unstorable)

    def circuit(self, provider: str, state: str) -> None:
        for known in CircuitState:
            self._circuit.labels(self._tenant, provider, known).set(known == state)

    def expect_jobs(self, kinds: Iterable[str], outcomes: Iterable[str]) -> None:
        self._begin(self._jobs, kinds, outcomes)

    def job_ended(self, kind: str, outcome: str) -> None:
        self._jobs.labels(self._tenant, kind, outcome).inc()

    def task_run(self, task: str, outcome: str, seconds: float) -> None:
        self._task_runs.labels(self._tenant, task, outcome).inc()
        self._task_seconds.labels(self._tenant, task).observe(seconds)

    def task_age(self, task: str, seconds: float) -> None:
        self._task_age.labels(self._tenant, task).set(seconds)

    def calendar_change_found(self, change: str) -> None:
        self._changes_found.labels(self._tenant, change).inc()

    def expect_call_events(self, events: Iterable[str]) -> None:
        self._begin(self._call_events_found, events)

    def call_began(self, caller: CallerKind) -> None:
        self._calls_by_caller.labels(self._tenant, caller.value).inc()

    def call_event_found(self, event: str) -> None:
        self._call_events_found.labels(self._tenant, event).inc()

    def calendar_differences(self, number_by_sort: Mapping[str, int]) -> None:
        for sort, number in number_by_sort.items():
            self._differences.labels(self._tenant, sort).set(number)

    def calendar_difference_mended(self, sort: str) -> None:
        self._mended.labels(self._tenant, sort).inc()

    def active_calls(self, count: int) -> None:
        self._active_calls.labels(self._tenant).set(count)

    def open_messages(self, count: int) -> None:
        self._open_messages.labels(self._tenant).set(count)

    def queue(self, waiting: Iterable[Waiting]) -> None:
        """Set the queue's gauges. Priorities and states that are not in `waiting` lose their samples."""
        self._queue_size.clear()
        self._queue_oldest.clear()
        dead = 0
        for priority, state, jobs, oldest_seconds in waiting:
            self._queue_size.labels(self._tenant, priority, state).set(jobs)
            if oldest_seconds is not None:
                self._queue_oldest.labels(self._tenant, priority).set(oldest_seconds)
            if state == "dead":
                dead += jobs
        self._dead_now.labels(self._tenant).set(dead)

    def billing(self, status: str | None) -> None:
        """Set the gauge of the subscription's status. `status` is Stripe's; None when Stripe never reported one."""
        self._billing.clear()
        if status is not None:
            self._billing.labels(self._tenant, self._bounded(status)).set(1)

    def config(self, config_hash: str) -> None:
        self._config.clear()
        self._config.labels(self._tenant, config_hash).set(1)

    def follow_keys(self, read: Callable[[], str | None]) -> None:
        """At each scrape publish the result of `read`: the hash of the keys with which the process verifies, None without keys."""
        self._keys.read = read

    def config_rejected(self) -> None:
        self._config_rejected.labels(self._tenant).inc()

    def _begin(self, series: Counter | Histogram, *values: Iterable[str]) -> None:
        """Create a series with 0 for each combination of label values: Prometheus sees no rise in a series' first sample."""
        for labels in product(*values):
            series.labels(self._tenant, *labels)

    def _bounded(self, event: str) -> str:
        """Return the event name as a label value, or `other` after `MOST_EVENT_NAMES` different names.

        A sender may invent event names, and a series is never freed.
        """
        if event not in self._events:
            if len(self._events) >= MOST_EVENT_NAMES:
                return "other"
            self._events.add(event)
        return event
