"""The runtime's series, named as contract §5 fixes them. One `Metrics` per process, with a registry of its own.

Labels come from closed lists or are bounded here, because a series lives as long as its process; a call id never is one.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from askproai_core.metrics import process_registry

ACK_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 1.0, 5.0)  # the promise is p99 < 50 ms
WORK_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 120.0)
MOST_EVENT_NAMES = 64
TURNED_AWAY = ("limited", "unavailable")  # of the intake's outcomes those that an alert counts


class Waiting(NamedTuple):
    """The jobs of one priority in one state; the age of the oldest that could run is told for ready ones only."""

    priority: str
    state: str
    jobs: int
    oldest_seconds: float | None


class _DeadLettersNow(Collector):
    """The gauge `dead_letters`: the client library refuses a gauge and a counter of one stem, contract §5 has both."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant
        self.value: float | None = None  # the web process never looks: no sample is true, 0 would not be

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily("askproai_dead_letters", "Jobs that wait for a redrive", labels=["tenant"])
        if self.value is not None:
            family.add_metric([self._tenant], self.value)
        yield family


class Metrics:
    """Counts and times of one tenant's process. Every method is cheap enough for the hot path."""

    def __init__(self, tenant: str) -> None:
        self.registry = process_registry()
        self._tenant = tenant
        self._events: set[str] = set()
        self._begun: set[tuple[str, str]] = set()
        self._received = self._counter("webhooks_received", "Webhooks by outcome", "source", "event", "outcome")
        self._ack = self._histogram("webhook_ack_seconds", "Request to answer of a webhook", ACK_BUCKETS, "source")
        self._processing = self._histogram(
            "webhook_processing_duration_seconds", "Handler time of a stored event", WORK_BUCKETS, "source", "event"
        )
        self._bookings = self._counter("bookings", "Bookings by outcome", "outcome")
        self._booking_duration = self._histogram("booking_duration_seconds", "Time of one booking", WORK_BUCKETS)
        self._provider = self._histogram(
            "api_response_time_seconds", "Time of a provider's answer", WORK_BUCKETS, "provider", "operation", "outcome"
        )
        self._active_calls = self._gauge("active_calls", "Calls that are being spoken now")
        self._queue_size = self._gauge("queue_size", "Jobs by priority and state", "priority", "state")
        self._queue_oldest = self._gauge("queue_oldest_seconds", "Age of the oldest job that could run", "priority")
        self._dead_now = _DeadLettersNow(tenant)
        self.registry.register(self._dead_now)
        self._dead = self._counter("dead_letters", "Jobs that this process gave up")
        self._lost_offers = self._counter("offered_but_lost", "Offered times that were gone at the yes")
        self._redis = self._gauge("redis_degraded", "1 when Redis is configured and away")
        self.redis_degraded(False)
        self._circuit = self._gauge("circuit_state", "1 for the state in which a circuit is", "provider", "state")
        self._billing = self._gauge("billing_state", "1 for what Stripe says of the subscription", "status")
        self._config = self._gauge("config_hash_info", "1 for the configuration in use", "hash")
        self._config_rejected = self._counter("config_rejected", "Configuration files that could not be read")

    def webhook_received(self, source: str, event: str, outcome: str) -> None:
        event = self._bounded(event)
        if (source, event) not in self._begun:  # from 0, because Prometheus sees no rise in a first sample
            self._begun.add((source, event))
            for each in TURNED_AWAY:
                self._received.labels(self._tenant, source, event, each)
        self._received.labels(self._tenant, source, event, outcome).inc()

    def ack(self, source: str, seconds: float) -> None:
        self._ack.labels(self._tenant, source).observe(seconds)

    def processed(self, source: str, event: str, seconds: float) -> None:
        self._processing.labels(self._tenant, source, self._bounded(event)).observe(seconds)

    def expect_bookings(self, outcomes: Iterable[str]) -> None:
        """Begin the count of each outcome at 0, because Prometheus sees no rise in a first sample."""
        for outcome in outcomes:
            self._bookings.labels(self._tenant, outcome)

    def booking(self, outcome: str) -> None:
        self._bookings.labels(self._tenant, outcome).inc()

    def booking_seconds(self, seconds: float) -> None:
        self._booking_duration.labels(self._tenant).observe(seconds)

    def provider_call(self, provider: str, operation: str, outcome: str, seconds: float) -> None:
        self._provider.labels(self._tenant, provider, operation, outcome).observe(seconds)

    def offered_but_lost(self) -> None:
        self._lost_offers.labels(self._tenant).inc()

    def redis_degraded(self, away: bool) -> None:
        self._redis.labels(self._tenant).set(away)

    def circuit(self, provider: str, state: str) -> None:
        for one in ("closed", "open", "half_open"):
            self._circuit.labels(self._tenant, provider, one).set(one == state)

    def dead_letter(self) -> None:
        self._dead.labels(self._tenant).inc()

    def active_calls(self, count: int) -> None:
        self._active_calls.labels(self._tenant).set(count)

    def queue(self, waiting: Iterable[Waiting]) -> None:
        """Show the queue as it is now; what is not told is not there."""
        self._queue_size.clear()
        self._queue_oldest.clear()
        dead = 0
        for priority, state, jobs, oldest_seconds in waiting:
            self._queue_size.labels(self._tenant, priority, state).set(jobs)
            if oldest_seconds is not None:
                self._queue_oldest.labels(self._tenant, priority).set(oldest_seconds)
            if state == "dead":
                dead += jobs
        self._dead_now.value = dead

    def billing(self, status: str | None) -> None:
        """Show Stripe's word; None when it never said one."""
        self._billing.clear()
        if status is not None:
            self._billing.labels(self._tenant, self._bounded(status)).set(1)

    def config(self, config_hash: str) -> None:
        self._config.clear()
        self._config.labels(self._tenant, config_hash).set(1)

    def config_rejected(self) -> None:
        self._config_rejected.labels(self._tenant).inc()

    def _bounded(self, event: str) -> str:
        """Bound the label: a sender may invent event names, and a series is never freed."""
        if event not in self._events:
            if len(self._events) >= MOST_EVENT_NAMES:
                return "other"
            self._events.add(event)
        return event

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"askproai_{name}", text, ["tenant", *labels], registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"askproai_{name}", text, ["tenant", *labels], registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"askproai_{name}", text, ["tenant", *labels], buckets=buckets, registry=self.registry)
