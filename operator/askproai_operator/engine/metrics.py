"""The operator's metrics (docs/reference/metrics.md). The queue's have controller-runtime's names, so stock dashboards work."""

from collections import Counter as Count
from collections.abc import Iterator, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from askproai_core.clock import Clock
from askproai_operator.api.conditions import ConditionType, Status
from askproai_operator.engine.cache import Cache

_WAITS = (0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300)
_RUNS = (0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The metrics and their registry. One per process; a test creates its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.reconciles = self._counter("askproai_reconcile", "Reconciles", "kind", "result")
        runs = "askproai_reconcile_duration_seconds"
        self.reconcile_seconds = self._histogram(runs, "Time of one reconcile", _RUNS, "kind")
        self.leader = self._gauge("askproai_leader", "1 while this process holds the Lease")
        self.watch_restarts = self._counter("askproai_watch_restarts", "Watches begun again after an end or an error")
        missed = "Deletions that no watch told and that an audit found"
        self.missed_deletions = self._counter("askproai_missed_deletions", missed)
        self._orphans = self._gauge("askproai_leftovers", "What deletions could not remove yet", "sort")
        queue = {"name": "askproai"}
        self.depth = self._gauge("workqueue_depth", "Keys that wait", "name", "priority")
        self.adds = self._counter("workqueue_adds", "Keys put into the queue", *queue).labels(**queue)
        self.retries = self._counter("workqueue_retries", "Keys back after a failure", *queue).labels(**queue)
        waited, worked = "workqueue_queue_duration_seconds", "workqueue_work_duration_seconds"
        self.waited = self._histogram(waited, "How long a key waited", _WAITS, *queue).labels(**queue)
        self.worked = self._histogram(worked, "How long a key was worked on", _RUNS, *queue).labels(**queue)
        unfinished, longest = "workqueue_unfinished_work_seconds", "workqueue_longest_running_processor_seconds"
        self.unfinished = self._gauge(unfinished, "Time spent so far on what is not done", *queue).labels(**queue)
        self.longest = self._gauge(longest, "Age of the oldest work that is not done", *queue).labels(**queue)

    def depth_of(self, priority: str) -> Gauge:
        """Return the depth gauge of one priority."""
        return self.depth.labels("askproai", priority)

    def set_orphan_counts(self, counts: Mapping[str, int]) -> None:
        """Set the number of orphans of each sort; a sort that is not named has none."""
        self._orphans.clear()
        for sort, count in counts.items():
            self._orphans.labels(sort).set(count)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(name, about, labels, registry=self.registry)

    def _gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(name, about, labels, registry=self.registry)

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, about, labels, buckets=buckets, registry=self.registry)


class ConditionCollector(Collector):
    """Counts conditions at each scrape. A series per object, as External Secrets has, would be thousands."""

    def __init__(self, cache: Cache, registry: CollectorRegistry, clock: Clock) -> None:
        self._cache, self._clock = cache, clock
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        labels = ["kind", "type", "status"]
        family = GaugeMetricFamily("askproai_resource_condition", "Objects with this condition", labels=labels)
        counts = Count(
            (model.kind, condition["type"], condition["status"])
            for model in self._cache.models()
            for condition in model.status.get("conditions", ())
        )
        for values, count in sorted(counts.items()):
            family.add_metric(values, count)
        yield family
        about = "How long the oldest drift at Retell stands that is not set right"
        yield GaugeMetricFamily("askproai_drift_seconds", about, value=self._oldest_drift())

    def _oldest_drift(self) -> float:
        """Return the age of the oldest condition Drifted=True in seconds; 0 without one."""
        since = [
            datetime.fromisoformat(condition["lastTransitionTime"])
            for model in self._cache.models()
            for condition in model.status.get("conditions", ())
            if (condition["type"], condition["status"]) == (ConditionType.DRIFTED, Status.TRUE)
        ]
        return (self._clock.now() - min(since)).total_seconds() if since else 0
