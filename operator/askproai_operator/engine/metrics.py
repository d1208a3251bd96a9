"""The operator's metrics: contract §5, and the queue's under controller-runtime's names, so that stock dashboards work."""

from collections import Counter as Count
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from askproai_operator.engine.cache import Cache

_WAITS = (0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300)
_RUNS = (0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_QUEUE = ("askproai",)  # value of the queue's label `name`


class Metrics:
    """One per process; a test makes its own with a registry of its own."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry = registry or CollectorRegistry()
        self.reconciles = Counter("askproai_reconcile", "Reconciles", ["kind", "result"], registry=registry)
        self.reconcile_seconds = Histogram(
            "askproai_reconcile_duration_seconds", "Time of one reconcile", ["kind"], buckets=_RUNS, registry=registry
        )
        self.leader = Gauge("askproai_leader", "1 while this process holds the Lease", registry=registry)
        self.lease_transitions = Gauge(
            "askproai_lease_transitions", "How often the Lease changed hands", registry=registry
        )
        self.watch_restarts = Counter(
            "askproai_watch_restarts", "Watches begun again after an end or an error", registry=registry
        )
        self.watch_event = Gauge(
            "askproai_watch_event_timestamp_seconds", "When the last watch event came", registry=registry
        )
        queue = ["name"]
        self.depth = Gauge("workqueue_depth", "Keys that wait", [*queue, "priority"], registry=registry)
        self.adds = Counter("workqueue_adds", "Keys put into the queue", queue, registry=registry).labels(*_QUEUE)
        self.retries = Counter(
            "workqueue_retries", "Keys that come back after a failure", queue, registry=registry
        ).labels(*_QUEUE)
        self.waited = Histogram(
            "workqueue_queue_duration_seconds", "How long a key waited", queue, buckets=_WAITS, registry=registry
        ).labels(*_QUEUE)
        self.worked = Histogram(
            "workqueue_work_duration_seconds", "How long a key was worked on", queue, buckets=_RUNS, registry=registry
        ).labels(*_QUEUE)
        self.unfinished = Gauge(
            "workqueue_unfinished_work_seconds", "Time spent so far on what is not done", queue, registry=registry
        ).labels(*_QUEUE)
        self.longest = Gauge(
            "workqueue_longest_running_processor_seconds",
            "Age of the oldest work that is not done",
            queue,
            registry=registry,
        ).labels(*_QUEUE)

    def depth_of(self, priority: str) -> Gauge:
        """Give the depth gauge of one priority."""
        return self.depth.labels(*_QUEUE, priority)


class Conditions(Collector):
    """Counts conditions at each scrape; a series per object would be thousands (External Secrets' mistake)."""

    def __init__(self, cache: Cache, registry: CollectorRegistry) -> None:
        self._cache = cache
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        labels = ["kind", "type", "status"]
        family = GaugeMetricFamily("askproai_resource_condition", "Objects with this condition", labels=labels)
        models = (self._cache.get(key) for key in self._cache.all_keys())
        counts = Count(
            (model.kind, one["type"], one["status"])
            for model in models
            if model
            for one in model.status.get("conditions", ())
        )
        for values, count in sorted(counts.items()):
            family.add_metric(values, count)
        yield family
